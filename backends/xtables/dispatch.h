/* SPDX-License-Identifier: MIT */
/*
 * dispatch.h - which chain a frame's port has.
 *
 * Idea: a chain of up to DISPATCH_MAX tests is asked in order. More ports than
 * that become a tree: each chain parts its ports by the first character in
 * which their names differ, with the tools' `+` (any name that begins so), so
 * that the cost grows with the length of a name and not with the number of
 * ports. The shape depends on the names alone.
 */
#ifndef NWFC_BACKENDS_XTABLES_DISPATCH_H
#define NWFC_BACKENDS_XTABLES_DISPATCH_H

#include "backends/backend.h"

/* A list this short costs less than a second chain. */
#define DISPATCH_MAX 16

struct dispatch_leaf {
	struct str port, chain;
};

struct dispatch_entry {
	struct str pattern; /* a port's name, or its beginning and `+` */
	struct str chain;
};

struct dispatch_node {
	struct str chain;
	vec_of(struct dispatch_entry) entries;
};

struct dispatch {
	vec_of(struct dispatch_node) nodes; /* [0] is the top; always there */
};

/* leaves are sorted in place; names: no two of them equal. */
struct dispatch dispatch_build(struct emit_ctx *cx, struct names *ns, struct str top,
			       struct dispatch_leaf *leaves, uint32_t n);

/* One line an entry: "-A chain" before PATTERN between CHAIN "\n". */
void dispatch_emit(const struct dispatch *d, const char *before, const char *between,
		   struct buf *out);

#endif
