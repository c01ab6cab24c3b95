/* SPDX-License-Identifier: MIT */
#include "backends/xtables/dispatch.h"

#include <stdlib.h>

#include "backends/xtables/lower.h"
#include "backends/xtables/xtables.h"

static int compare_leaves(const void *a, const void *b)
{
	return str_cmp(((const struct dispatch_leaf *)a)->port,
		       ((const struct dispatch_leaf *)b)->port);
}

/* Of sorted names the first and the last share what all share. */
static uint32_t common_length(const struct dispatch_leaf *leaves, uint32_t n)
{
	struct str a = leaves[0].port, b = leaves[n - 1].port;
	uint32_t i = 0;
	while (i < a.len && i < b.len && a.s[i] == b.s[i])
		i++;
	return i;
}

/* -1 for a name that ends here: it comes first and is alone. */
static int char_at(struct str s, uint32_t at)
{
	return at < s.len ? (unsigned char)s.s[at] : -1;
}

struct builder {
	struct emit_ctx *cx;
	struct names *ns;
	struct str top;
	struct dispatch d;
};

static void fill(struct builder *b, uint32_t node, const struct dispatch_leaf *leaves, uint32_t n);

static void add_entry(struct builder *b, uint32_t node, struct str pattern, struct str chain)
{
	*vec_push(b->cx->arena, &b->d.nodes.items[node].entries) =
		(struct dispatch_entry){pattern, chain};
}

static void add_group(struct builder *b, uint32_t node, const struct dispatch_leaf *leaves,
		      uint32_t n)
{
	struct arena *a = b->cx->arena;
	struct str prefix = {leaves[0].port.s, common_length(leaves, n)};
	/* no name of an interface has a slash, so no leaf's chain is called like this */
	struct str full = str_printf(a, "%.*s/%.*s/", STR_ARG(b->top), STR_ARG(prefix));
	struct str chain = short_name(b->cx, b->ns, full, XT_CHAIN_MAX);
	uint32_t child = b->d.nodes.n;
	add_entry(b, node, str_printf(a, "%.*s+", STR_ARG(prefix)), chain);
	*vec_push(a, &b->d.nodes) = (struct dispatch_node){.chain = chain};
	fill(b, child, leaves, n);
}

static void fill(struct builder *b, uint32_t node, const struct dispatch_leaf *leaves, uint32_t n)
{
	bool flat = n <= DISPATCH_MAX;
	uint32_t at = n ? common_length(leaves, n) : 0;
	for (uint32_t i = 0, end; i < n; i = end) {
		end = i + 1;
		while (!flat && end < n &&
		       char_at(leaves[end].port, at) == char_at(leaves[i].port, at))
			end++;
		if (end - i == 1)
			add_entry(b, node, leaves[i].port, leaves[i].chain);
		else
			add_group(b, node, leaves + i, end - i);
	}
}

struct dispatch dispatch_build(struct emit_ctx *cx, struct names *ns, struct str top,
			       struct dispatch_leaf *leaves, uint32_t n)
{
	struct builder b = {.cx = cx, .ns = ns, .top = top};
	if (n)
		qsort(leaves, n, sizeof *leaves, compare_leaves);
	*vec_push(cx->arena, &b.d.nodes) =
		(struct dispatch_node){.chain = short_name(cx, ns, top, XT_CHAIN_MAX)};
	fill(&b, 0, leaves, n);
	return b.d;
}

void dispatch_emit(const struct dispatch *d, const char *before, const char *between,
		   struct buf *out)
{
	vec_each (node, &d->nodes)
		vec_each (e, &node->entries) {
			buf_lit(out, "-A ");
			buf_str(out, node->chain);
			buf_str(out, str_from(before));
			put_word(out, e->pattern);
			buf_str(out, str_from(between));
			buf_str(out, e->chain);
			buf_char(out, '\n');
		}
}
