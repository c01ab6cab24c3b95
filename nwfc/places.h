/* SPDX-License-Identifier: MIT */
/*
 * places.h - rules by their keys (ir/key.h), for the commands that lead back to the source.
 */
#ifndef NWFC_NWFC_PLACES_H
#define NWFC_NWFC_PLACES_H

#include "nwfc/session.h"

struct found_rules {
	vec_of(const struct rule *) list;
};

/* The rules that a key, or a comment beginning with one, can mean; of readings with several '#' the
 * longest name that there is. */
void find_rules(struct arena *a, const struct library *lib, struct str text,
		struct found_rules *out);

/* The inputs behind the first word, which is something else. */
struct words inputs_behind(const struct options *o);

#endif
