/* SPDX-License-Identifier: MIT */
#include "nwfc/prove.h"
#include "review/words.h"

/* Of those that are proven no more are named. */
#define NAMES 4

static void print_line(struct buf *out, const char *lead, struct str text)
{
	if (text.len)
		buf_printf(out, "    %-9s %.*s\n", lead, STR_ARG(text));
}

static void print_region(const struct prove *p, const struct region *r, struct buf *out)
{
	vec_each (b, &r->boxes)
		print_line(out, b == r->boxes.items ? "all" : "and", proof_box(p, b));
	if (r->more)
		print_line(out, r->boxes.n ? "and" : "all", STR("more than can be listed"));
}

static void print_layers(const struct prove *p, const struct proof *x, struct buf *out)
{
	static const char *const names[LAYERS] = {"frames", "packets"};
	enum layer first = x->witness.side == SIDE_OUT ? LAYER_FRAME : LAYER_PACKET;
	for (int i = 0; i < LAYERS; i++) {
		enum layer layer = i ? (enum layer)(LAYERS - 1 - first) : first;
		print_line(out, names[layer], proof_cause(p, x, layer));
	}
}

static void print_failure(const struct prove *p, const struct proof *x, struct buf *out)
{
	buf_printf(out, "  %-8s %.*s\n", x->outcome == BROKEN ? "BROKEN" : "DEPENDS",
		   STR_ARG(subject_title(p, x->subject)));
	vec_each (u, &x->unknowns.list)
		print_line(out, u == x->unknowns.list.items ? "on" : "and on",
			   clean_text(p->s->arena, *u));
	vec_each (l, &x->lacking.list)
		print_line(out, "without", proof_lacking(p, x, *l));
	print_line(out, "packet", proof_packet(p, x));
	print_layers(p, x, out);
	print_region(p, &x->region, out);
}

/* Those that an assertion is proven for, in one line. */
static void print_proven(const struct prove *p, const struct assertion *a, struct buf *out)
{
	uint32_t n = 0;
	vec_each (x, &p->list) {
		if ((*x)->assertion != a || (*x)->outcome != PROVEN || n++ >= NAMES)
			continue;
		buf_printf(out, "%s%.*s", n == 1 ? "  proven   " : "; ",
			   STR_ARG(subject_title(p, (*x)->subject)));
	}
	if (n > NAMES)
		buf_printf(out, "; and %u more", n - NAMES);
	if (n)
		buf_char(out, '\n');
}

void prove_text(const struct prove *p, struct buf *out)
{
	vec_each (a, &p->host->assertions.list) {
		buf_printf(out, "%.*s: %.*s\n", STR_ARG(proof_place(p, *a)),
			   STR_ARG(assertion_title(p, *a)));
		print_proven(p, *a, out);
		vec_each (x, &p->list)
			if ((*x)->assertion == *a && (*x)->outcome != PROVEN)
				print_failure(p, *x, out);
	}
	buf_printf(out, "%u proven, %u broken", p->counts[PROVEN], p->counts[BROKEN]);
	if (p->counts[DEPENDS])
		buf_printf(out, ", %u depending on what a packet does not show",
			   p->counts[DEPENDS]);
	buf_char(out, '\n');
}
