/* SPDX-License-Identifier: MIT */
/*
 * verify.h - the read-back at the end of a compile: a script is written once it is
 * proved that it does what the filters say, where that is cheap or asked for.
 */
#ifndef NWFC_NWFC_VERIFY_H
#define NWFC_NWFC_VERIFY_H

#include "nwfc/compile.h"

/* NULL, or what is wrong with --verify. */
const char *verify_options(struct compile *c);

/* Will the script of this job be read back? When it is left out and that was asked to be said,
 * there is a note. */
bool verify_wanted(struct compile *c, const struct job *j);

/* Is this text, the script of the job, right? False after a finding. */
bool verify_text(struct compile *c, const struct job *j, struct str text);

#endif
