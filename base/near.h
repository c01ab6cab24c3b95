/* SPDX-License-Identifier: MIT */
/*
 * near.h - "did you mean", for all readers.
 */
#ifndef NWFC_BASE_NEAR_H
#define NWFC_BASE_NEAR_H

#include "base/diag.h"

/* Keeps the candidate nearest to word. */
struct nearest {
	struct str word;
	unsigned distance;
	const char *name; /* NULL: none is near */
};
struct nearest nearest_to(struct str word);
void nearest_try(struct nearest *n, const char *candidate);
void nearest_hint(struct diags *ds, struct finding *f, const struct nearest *n);

#endif
