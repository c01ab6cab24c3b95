/* SPDX-License-Identifier: MIT */
/*
 * compile.h - one compile, step by step, for the commands that do it: what they
 * differ in is where its output goes.
 */
#ifndef NWFC_NWFC_COMPILE_H
#define NWFC_NWFC_COMPILE_H

#include "nwfc/leases.h"
#include "nwfc/output.h"

struct job {
	const struct target *target;
	void *lowered;
	struct output out;
	bool open;
};

/* --source-map (map.h) */
struct map_writer {
	struct output out;
	bool open;
	struct map rules;                        /* prule -> num: place among the rules */
	vec_of(const struct mapped_line *) list; /* an example of each */
	uint32_t scripts, lines;
	struct buf chains;
};

/* When a script is read back before it is written. */
enum verify_mode { VERIFY_AUTO, VERIFY_ALWAYS, VERIFY_NEVER };

struct compile {
	struct session *s;
	struct input_list inputs, old_inputs;
	struct host host, before;
	struct build build, old;
	const struct leases *leases, *old_leases; /* NULL: without */
	struct emit_ctx emit;
	vec_of(struct job) jobs;
	struct output learn; /* --learn */
	bool learn_open;
	struct map_writer map;
	const char *dir; /* with -t all, or several targets */
	bool changes;    /* --since */
	enum verify_mode verify;
	bool verify_asked; /* so it is said when it is left out */
};

/* Say what is wrong with the options; the exit code of that. */
enum exit_code usage(const char *why);

/* NULL, or what is wrong with the options. */
const char *compile_options(struct compile *c);

/* --leases and --since-leases; false after a finding. */
bool compile_leases(struct compile *c);

/* Inputs to programs, of both sides with --since; false after a finding. */
bool compile_front(struct compile *c);

/* Ports to programs, with leases or without (NULL). */
bool compile_host(struct compile *c, struct diags *ds, const struct host *h,
		  const struct leases *leases, struct build *b);

/* Is there a port, or none on purpose? Else a finding. */
bool compile_any_port(struct compile *c);

/* Programs to the targets' forms; with --since that is left to the change. */
bool compile_lower(struct compile *c);

#endif
