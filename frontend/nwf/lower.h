/* SPDX-License-Identifier: MIT */
/*
 * lower.h - from the tree of a text to filters and ports; private to this folder.
 *
 *   lower.c        items: filters, ports, defines, includes
 *   lower_rule.c   a rule: which protocol its words mean, and its tests
 *   lower_assert.c an assertion: its packets, which are a rule's words
 *   lower_value.c  a value's words, from nft's spelling to what ir/value.h reads
 */
#ifndef NWFC_FRONTEND_NWF_LOWER_H
#define NWFC_FRONTEND_NWF_LOWER_H

#include "frontend/frontend.h"
#include "frontend/nwf/tree.h"
#include "frontend/nwf/words.h"

enum { NO_LAYER = LAYERS };

struct nwf_lowering {
	struct parse_ctx *cx;
	struct arena *arena;
	struct diags *diags;
	struct filter *filter; /* that is being read */
	int layer;             /* enum layer, or NO_LAYER before the first label */
	bool layer_said;       /* that it is missing has been reported in this filter */
	struct rule_builder builder;
	const struct nwf_header *transport; /* what the rule being read says; NULL: none */
	struct params defines;              /* so far in the text */
	bool broken;                        /* a define or an include may be missing */
	uint32_t depth;                     /* of includes */
};

/* A rule of the language can be two rules of the tree: for IPv4 and IPv6 (words.h). */
void nwf_lower_rule(struct nwf_lowering *lw, const struct nwf_rule *r, struct span span);

/* What the text defined before, for a filter that does not say something else. */
void nwf_add_defines(struct nwf_lowering *lw, struct filter *f);

void nwf_lower_assertion(struct nwf_lowering *lw, const struct nwf_item *it);

/* Gives the builder what a match says; at the attribute `value` and those of `to` and `mask`. */
struct nwf_slots {
	const struct attr *value, *from, *to, *mask;
};
void nwf_lower_value(struct nwf_lowering *lw, const struct nwf_match *m,
		     const struct nwf_slots *slots);

/* A string without its quotes and escapes. */
struct str nwf_unquote(struct arena *a, struct str s);

/* The text of a word: itself, or what is inside a string. */
struct str nwf_text(struct arena *a, const struct nwf_word *w);

/* A number from PRIORITY_MIN to PRIORITY_MAX; a finding when it is none. */
void nwf_read_priority(struct nwf_lowering *lw, const struct nwf_word *w, int *out);

#endif
