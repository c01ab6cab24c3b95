/* SPDX-License-Identifier: MIT */
/*
 * region.h - a set of packets in words that people read.
 *
 * A region is a list of boxes, which do not overlap and together are the set: in a
 * box each variable lies in a list of ranges. A set may need more boxes than
 * anybody reads; past the limit the rest is counted as one: `more`.
 */
#ifndef NWFC_REVIEW_REGION_H
#define NWFC_REVIEW_REGION_H

#include "review/space.h"

struct region_range {
	u128 lo, hi;
};

struct region_term {
	enum region_kind { TERM_RANGES, TERM_GRATUITOUS, TERM_OPTION, TERM_UNKNOWN } kind;
	bool negated;    /* none of the ranges; not gratuitous; the option is not there */
	enum var_id var; /* TERM_RANGES */
	vec_of(struct region_range) ranges;
	struct str text; /* TERM_UNKNOWN: the question; TERM_OPTION: "tcp option 5" */
};

struct region_box {
	vec_of(struct region_term) terms;
};

struct region {
	vec_of(struct region_box) boxes;
	bool more; /* there are others */
};

/* At most max boxes. */
struct region region_of(struct space *sp, pset s, uint32_t max);

/* One box: "ip protocol tcp, dport 80-443, ip saddr != 10.0.0.1"; "every packet" without a term. */
void region_box_print(struct buf *b, const struct region_box *box);

#endif
