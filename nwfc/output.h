/* SPDX-License-Identifier: MIT */
/*
 * output.h - files that appear whole or not at all.
 *
 * Bytes go to a temporary file beside the wanted one; output_commit() gives it
 * its name, output_abandon() removes it. So a failed run leaves the old file as
 * it was. Several outputs are committed together, after all are complete.
 */
#ifndef NWFC_NWFC_OUTPUT_H
#define NWFC_NWFC_OUTPUT_H

#include "nwfc/session.h"

struct output {
	struct str path; /* empty: standard output */
	char *temporary; /* NULL: written in place (standard output, a device) */
	int fd;
	struct buf buf;
};

/* path NULL or "-": standard output. False after a finding. */
bool output_open(struct session *s, const char *path, bool executable, struct output *o);

/* The same, but nothing is written in place: whatever has the path gives way to the file. */
bool output_open_file(struct session *s, const char *path, struct output *o);

/* Flush and close; false after a finding. */
bool output_close(struct session *s, struct output *o);

bool output_commit(struct session *s, struct output *o);
void output_abandon(struct output *o);

#endif
