/* SPDX-License-Identifier: MIT */
#include "nwfc/diff.h"

static void print_line(struct buf *out, const char *lead, struct str text)
{
	buf_printf(out, "    %-8s %.*s\n", lead, STR_ARG(text));
}

static void print_cause(const struct diff *d, const struct change *c, int version, struct buf *out)
{
	struct str cause = change_cause(d, c, version), place = rule_place(d, c->rule[version]);
	if (place.len)
		cause = str_printf(d->s->arena, "%.*s, %.*s", STR_ARG(cause), STR_ARG(place));
	print_line(out, version_names[version], cause);
}

static void print_change(const struct diff *d, const struct difference *x, uint32_t i,
			 struct buf *out)
{
	const struct change *c = &x->changes.list.items[i];
	const struct region *r = &x->regions.items[i];
	struct region_texts boxes = region_texts(d, r);
	buf_printf(out, "  %.*s\n", STR_ARG(change_title(d, c)));
	print_line(out, "packet", change_packet(d, x, c));
	print_line(out, "bytes", change_bytes(d, c));
	print_cause(d, c, BEFORE, out);
	print_cause(d, c, NOW, out);
	vec_each (b, &boxes.list)
		print_line(out, b == boxes.list.items ? "all" : "and", *b);
	if (r->more)
		print_line(out, boxes.list.n ? "and" : "all", STR("more than can be listed"));
	if (c->uncertain)
		print_line(out, "note", STR("it depends on what a packet does not show"));
}

void diff_text(const struct diff *d, struct buf *out)
{
	vec_each (x, &d->list) {
		struct str title = pair_title(d, x->pair);
		const struct pair *p = x->pair;
		const char *gone = p->port[NOW] ? " is new" : " is gone";
		buf_printf(out, "%.*s%s\n", STR_ARG(title),
			   p->port[BEFORE] && p->port[NOW] ? "" : gone);
		for (uint32_t i = 0; i < x->changes.list.n; i++)
			print_change(d, x, i, out);
	}
	if (!d->list.n)
		buf_printf(out, "no packet is treated differently (%u compared)\n", d->compared);
}
