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
};

/* The filters and ports of one set of inputs. */
struct host {
	struct library library;
	struct ports ports;
	struct words skipped; /* files that were not read, since another set has them too */
};

/* False, with a message on standard error, when there is no memory or an option is bad. */
bool session_open(struct session *s, const struct options *opt, struct arena *a);
void session_close(struct session *s);

/*
 * Read inputs: files and directories given, the port of the command line when
 * `with_port`, then what of -I and of the stock filters is not there yet.
 * Files whose identity (device and inode) is in `same` are not read but listed
 * in skipped; same may be NULL.
 */
bool load_host(struct session *s, const struct words *inputs, bool with_port,
	       const struct map *same, struct host *h);

/* The identities of all files that these inputs name: key "dev:ino". */
void input_identities(struct session *s, const struct words *inputs, struct map *out);

/* The files of one input: itself, or the *.xml of a directory in byte order. False after a finding. */
bool input_files(struct session *s, const char *input, struct words *out);

/* Print the findings to standard error and say how the run ends. */
enum exit_code session_verdict(struct session *s);

#endif
