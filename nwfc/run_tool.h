/* SPDX-License-Identifier: MIT */
/*
 * run_tool.h - a program that takes a text on its standard input and gives one on its
 * standard output: dot, git.
 */
#ifndef NWFC_NWFC_RUN_TOOL_H
#define NWFC_NWFC_RUN_TOOL_H

#include "nwfc/session.h"

/*
 * Run words[0] (looked for in PATH, no shell) and gather what it writes, in the
 * arena. 0, or an errno when it could not be run (ENOENT: it is not installed). *status:
 * its exit status, 128 and a signal's number when one ended it.
 */
int run_tool(struct arena *a, const char *const *words, struct str input, struct str *output,
	     int *status);

#endif
