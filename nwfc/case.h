/* SPDX-License-Identifier: MIT */
/*
 * case.h - cases of `nwfc test`: one readable file each, by hand but for what --update writes.
 *
 *   # what the case shows
 *   === input                      files and directories, a line each, from the case's directory
 *   === NAME.xml, NAME.nwf         a text that is an input, too
 *   === port NAME MAC FILTER       a port; its variables follow, "NAME VALUE..." a line
 *   === options                    of compile, a line each or with blanks between them
 *   === packets [PORT]             "VERDICT: PACKET" a line, or "VERDICT by KEY: PACKET"; "?" is
 * for --update to fill in
 *   === nft, ebtables, ...         the script that the target gets
 *   === findings                   what the compile says
 *
 * A case passes when every packet has its verdict, and every text is what it is now. Findings count
 * where there is a section for them; without one, errors fail.
 */
#ifndef NWFC_NWFC_CASE_H
#define NWFC_NWFC_CASE_H

#include "nwfc/session.h"

enum section_kind {
	SECTION_HEAD, /* before the first */
	SECTION_INPUT,
	SECTION_TEXT,
	SECTION_PORT,
	SECTION_OPTIONS,
	SECTION_PACKETS,
	SECTION_SCRIPT,
	SECTION_FINDINGS
};

struct section {
	enum section_kind kind;
	struct str title;     /* words behind the kind: a name, a port's words */
	struct str line_text; /* "=== title" and its newline, as it stands */
	struct str body;
	uint32_t line;    /* of the title, from 1 */
	struct str fresh; /* what --update writes for the body; the body where nothing differs */
};

/* One thing that was checked. */
struct check {
	uint32_t line; /* in the case's file */
	struct str name;
	struct str problem; /* empty: it is right */
};

struct test_case {
	struct arena *arena;
	const char *path; /* as it was found */
	const char *dir, *file;
	struct str text;
	struct str problem; /* it can not be run at all: why; empty otherwise */
	uint32_t problem_line;
	vec_of(struct section) sections;
	vec_of(struct check) checks;
	bool changed; /* --update has something to write */
};

/* Text to sections; problem says what is wrong. */
void case_parse(struct test_case *c);

/* Compile, ask, compare; the working directory is the case's. update: fill in `fresh`. */
void case_run(struct test_case *c, bool update);

/* The text with what is fresh. */
void case_print(const struct test_case *c, struct buf *out);

struct check *case_check(struct test_case *c, uint32_t line, struct str name);

#endif
