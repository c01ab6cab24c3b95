/* SPDX-License-Identifier: MIT */
/*
 * session.h - one run of the program: its memory, texts, findings, filters and
 * ports, and the reading of inputs into them.
 */
#ifndef NWFC_NWFC_SESSION_H
#define NWFC_NWFC_SESSION_H

#include "frontend/frontend.h"
#include "nwfc/options.h"

struct session {
	const struct options *opt;
	struct arena *arena;
	struct sources sources;
	struct diags diags;
	struct limits limits;
	struct xml_input *xml;
	const struct map *overlay; /* texts that stand for files (ptr: struct str); NULL: none */
	bool no_notes;             /* they have been said when this was compiled first */
};

/* A file that inputs name: itself, or one of the *.xml and *.nwf of a directory. */
struct input_file {
	const char *path;
	uint64_t dev, ino; /* ino is 0 for what is no regular file: it can not be read twice */
	uint32_t source;   /* the text, when it has been read already */
	bool shared; /* both sides of a comparison have this very file, and it holds only ports */
};

struct input_list {
	vec_of(struct input_file) files;
};

/* The filters and ports of one set of inputs. */
struct host {
	struct library library;
	struct ports ports;
	struct networks networks;
	struct interfaces interfaces;
	struct assertions assertions;
	bool skipped;     /* shared files were left alone */
	bool own_filters; /* files that are not shared gave filters */
};

/* False, with a message on standard error, when there is no memory or an option is bad. */
bool session_open(struct session *s, const struct options *opt, struct arena *a);
void session_close(struct session *s);

/* The files of inputs; directories in byte order of the names. A finding for what is not there. */
void list_inputs(struct session *s, const struct words *inputs, struct input_list *out);

/* Is this the name of a file of filters or ports, *.xml or *.nwf? */
bool input_name_ok(const char *name);

/* Mark the files that both lists have and that hold nothing but ports. */
void mark_shared(struct session *s, struct input_list *a, struct input_list *b);

/*
 * Read files, the port of the command line when `with_port`, then what of -I
 * and of the stock filters is not there yet. With skip_shared, shared files are
 * left alone.
 */
bool load_host(struct session *s, const struct input_list *in, bool with_port, bool skip_shared,
	       struct host *h);

/* The file number of a text; 0 and a finding when it can not be read. */
uint32_t read_source(struct session *s, const char *path);

/* Do warnings, or what -W raised, make the run fail? */
bool session_fails(const struct session *s);

/* Print the findings to standard error and say how the run ends. */
enum exit_code session_verdict(struct session *s);

#endif
