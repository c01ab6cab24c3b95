/* SPDX-License-Identifier: MIT */
/*
 * explain.h - what each kind of finding means and what to do: the texts of
 * docs/explain, one file a kind, inside the program.
 */
#ifndef NWFC_NWFC_EXPLAIN_H
#define NWFC_NWFC_EXPLAIN_H

#include "ir/findings.h"

/* By kind; lines end in newlines. NULL: there is none, which a test finds. */
extern const char *const explanations[FINDINGS];

#endif
