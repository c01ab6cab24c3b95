/* SPDX-License-Identifier: MIT */
/*
 * revision.h - inputs as they are in a git repository at some time: REV:PATH, as
 * `git show` takes it.
 */
#ifndef NWFC_NWFC_REVISION_H
#define NWFC_NWFC_REVISION_H

#include "nwfc/session.h"

/*
 * The files of an input: a file, a directory, or, where there is no file of that
 * name, REV:PATH, whose PATH is a file or a directory. Their texts are read from git. Findings.
 */
void list_version(struct session *s, const char *input, struct input_list *out);

#endif
