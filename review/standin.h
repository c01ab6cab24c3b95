/* SPDX-License-Identifier: MIT */
/*
 * standin.h - ports for filters that no port uses, so that they can be reasoned about.
 *
 * A stand-in gives each variable of a filter's tree values that fit the places in which it
 * stands, out of the ranges for documentation where there are such. The same name gets the same
 * values in every run, so that two versions of a filter are compared with equal ones. What is found
 * with them is true of a port that has these values.
 */
#ifndef NWFC_REVIEW_STANDIN_H
#define NWFC_REVIEW_STANDIN_H

#include "ir/passes.h"

#define STANDIN_MAC "52:54:00:12:34:56"

/*
 * The filters that no other one builds on and no port uses, in order; stock ones
 * are left out.
 */
struct filter_list {
	vec_of(const struct filter *) list;
};
void standin_tops(struct arena *a, const struct library *lib, const struct ports *ports,
		  struct filter_list *out);

/*
 * A port of the filter's name, built. Lists have several values where the filter
 * takes that. False: it can not be built whatever the values (its own findings are added to
 * cx->diags).
 */
bool standin_build(struct pass_ctx *cx, const struct library *lib, const struct filter *f,
		   struct port_data *out);

/* Rules that are held against a filter, and whose variables the stand-in has, too. */
struct standin_also {
	vec_of(const struct tree *) trees;
};
bool standin_build_also(struct pass_ctx *cx, const struct library *lib, const struct filter *f,
			const struct standin_also *also, struct port_data *out);

/* A port that learns, with addresses as it may learn them: two of each family where its filter
 * takes that. */
bool standin_learned(struct pass_ctx *cx, const struct library *lib, const struct learner *l,
		     struct port_data *out);

#endif
