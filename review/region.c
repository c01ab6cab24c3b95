/* SPDX-License-Identifier: MIT */
/*
 * Sets to boxes: the variable that the diagram asks for first is cut into the ranges of
 * its values behind which the same set is left, and then that set is looked at.
 */
#include "review/region.h"

#include "review/var_words.h"

/* Of one variable in one box. */
#define MAX_RANGES 64

/* Values of a variable with the same set behind them. */
struct part_of {
	pset rest;
	vec_of(struct region_range) ranges;
};

struct cutter {
	struct space *sp;
	struct region *out;
	uint32_t max;
	vec_of(struct region_term) path;
	/* of the variable that is being cut */
	enum var_id var;
	vec_of(struct part_of) parts;
	bool too_many;
};

/* Three bits for five classes: what is left of them is nothing. */
static u128 last_value(enum var_id v)
{
	return v == V_CT_STATE ? CT_CLASSES - 1 : var_max(v);
}

static void add_range(struct cutter *c, pset rest, u128 lo, u128 hi)
{
	u128 most = last_value(c->var);
	if (lo > most)
		return;
	hi = hi > most ? most : hi;
	struct part_of *p = NULL;
	vec_each (x, &c->parts)
		if (x->rest == rest)
			p = x;
	if (!p) {
		p = vec_push(c->sp->arena, &c->parts);
		*p = (struct part_of){.rest = rest};
	}
	struct region_range *last = p->ranges.n ? &p->ranges.items[p->ranges.n - 1] : NULL;
	if (last && last->hi + 1 == lo)
		last->hi = hi;
	else
		*vec_push(c->sp->arena, &p->ranges) = (struct region_range){lo, hi};
	c->too_many |= p->ranges.n > MAX_RANGES || c->parts.n > MAX_RANGES;
}

/* Is one of the variable's bits from `bit` on asked for? Mostly the first bit of the diagram tells.
 */
static bool still_asks(const struct cutter *c, pset s, uint32_t bit)
{
	const uint32_t *bits = c->sp->bits[c->var];
	uint32_t left = vars[c->var].bits - bit, last = bits[vars[c->var].bits - 1u];
	uint32_t first = pset_first_bit(c->sp->sets, s);
	if (s == PSET_ALL || first > last)
		return false;
	if (first >= bits[bit] &&
	    last - bits[bit] == left - 1) /* not taking turns with another's */
		return true;
	return pset_asks(c->sp->sets, s, &bits[bit], left);
}

static pset half(const struct cutter *c, pset s, uint32_t bit, bool one)
{
	uint32_t first = pset_first_bit(c->sp->sets, s);
	if (first == bit)
		return one ? pset_with(c->sp->sets, s) : pset_without(c->sp->sets, s);
	return first > bit ? s : pset_given(c->sp->sets, s, bit, one);
}

/* Values from lo on of which the bits from `bit` on are still open. */
static void cut(struct cutter *c, pset s, uint32_t bit, u128 lo)
{
	uint32_t left = vars[c->var].bits - bit;
	if (c->too_many)
		return;
	if (s == PSET_NONE || !left || !still_asks(c, s, bit)) {
		u128 size = left == 128 ? ~(u128)0 : ((u128)1 << left) - 1;
		add_range(c, s, lo, lo + size);
		return;
	}
	for (int one = 0; one < 2; one++)
		cut(c, half(c, s, c->sp->bits[c->var][bit], one), bit + 1,
		    lo | (u128)one << (left - 1));
}

/* "not 10.0.0.1" says more than the two ranges around it. */
static void make_term(struct arena *a, enum var_id v, const struct part_of *p,
		      struct region_term *t)
{
	*t = (struct region_term){.kind = TERM_RANGES, .var = v};
	u128 next = 0, all = last_value(v);
	struct region_term holes = {.kind = TERM_RANGES, .var = v, .negated = true};
	vec_each (r, &p->ranges) {
		if (r->lo > next)
			*vec_push(a, &holes.ranges) = (struct region_range){next, r->lo - 1};
		next = r->hi + 1;
	}
	const struct region_range *last = &p->ranges.items[p->ranges.n - 1];
	if (last->hi < all)
		*vec_push(a, &holes.ranges) = (struct region_range){last->hi + 1, all};
	bool outside = p->ranges.items[0].lo == 0 && last->hi == all;
	if (outside && holes.ranges.n <= p->ranges.n) {
		*t = holes;
		return;
	}
	memcpy(&t->ranges, &p->ranges, sizeof t->ranges);
}

static void box(struct cutter *c)
{
	if (c->out->boxes.n >= c->max) {
		c->out->more = true;
		return;
	}
	struct region_box *b = vec_push(c->sp->arena, &c->out->boxes);
	*b = (struct region_box){0};
	vec_each (t, &c->path)
		*vec_push(c->sp->arena, &b->terms) = *t;
}

static void walk(struct cutter *c, pset s);

static void walk_term(struct cutter *c, const struct region_term *t, pset rest)
{
	if (rest == PSET_NONE)
		return;
	*vec_push(c->sp->arena, &c->path) = *t;
	walk(c, rest);
	c->path.n--;
}

/* The variable of a bit; VARS: none, it is an option or an unknown. */
static enum var_id var_of_bit(const struct space *sp, uint32_t bit)
{
	for (int v = 0; v < VARS; v++)
		for (uint32_t i = 0; i < vars[v].bits; i++)
			if (sp->bits[v][i] == bit)
				return (enum var_id)v;
	return VARS;
}

static struct region_term term_of_bit(const struct space *sp, uint32_t bit)
{
	for (int k = 0; k < 256; k++)
		if (sp->options[k] != PSET_NONE && sp->option_bits[k] == bit)
			return (struct region_term){
				.kind = TERM_OPTION,
				.text = str_printf(sp->arena, "tcp option %d", k)};
	vec_each (u, &sp->unknowns)
		if (u->bit == bit)
			return (struct region_term){.kind = TERM_UNKNOWN, .text = u->text};
	return (struct region_term){.kind = TERM_UNKNOWN, .text = STR("?")};
}

static void walk_bit(struct cutter *c, pset s, uint32_t bit)
{
	struct region_term t = term_of_bit(c->sp, bit);
	for (int one = 1; one >= 0; one--) {
		t.negated = !one;
		walk_term(c, &t, pset_given(c->sp->sets, s, bit, one));
	}
}

static void walk_var(struct cutter *c, pset s, enum var_id v)
{
	c->var = v;
	memset(&c->parts, 0, sizeof c->parts);
	c->too_many = false;
	cut(c, s, 0, 0);
	c->out->more |= c->too_many;
	__typeof__(c->parts) parts = c->parts;
	vec_each (p, &parts) {
		struct region_term t;
		const struct region_range *first = p->ranges.items;
		if (first->lo == 0 && first->hi == last_value(v)) {
			walk(c, p->rest);
			continue;
		}
		make_term(c->sp->arena, v, p, &t);
		walk_term(c, &t, p->rest);
	}
}

/*
 * Sender equals target, of two addresses of 32 bits: the boxes would be 2^32. If what is
 * asked of the two, apart from that, is asked of the sender alone, it can be said.
 */
static bool walk_gratuitous(struct cutter *c, pset s)
{
	struct space *sp = c->sp;
	struct region_term t = {.kind = TERM_GRATUITOUS};
	if (!space_asks(sp, s, V_ARP_SPA) || !space_asks(sp, s, V_ARP_TPA))
		return false;
	pset same = pset_and(sp->sets, s, sp->gratuitous), others = pset_minus(sp->sets, s, same);
	pset sender = pset_any(sp->sets, same, sp->bits[V_ARP_TPA], 32);
	pset apart = pset_simplify(sp->sets, others, pset_not(sp->sets, sp->gratuitous));
	bool can_be_said = !space_asks(sp, apart, V_ARP_SPA) || !space_asks(sp, apart, V_ARP_TPA);
	if (!can_be_said || apart == s)
		return false;
	walk_term(c, &t, sender);
	t.negated = true;
	walk_term(c, &t, apart);
	return true;
}

static void walk(struct cutter *c, pset s)
{
	if (sets_failed(c->sp->sets) || s == PSET_NONE || c->out->more)
		return;
	if (s == PSET_ALL) {
		box(c);
		return;
	}
	uint32_t bit = pset_first_bit(c->sp->sets, s);
	enum var_id v = var_of_bit(c->sp, bit);
	if (v == VARS)
		walk_bit(c, s, bit);
	else if (!(v == V_ARP_SPA || v == V_ARP_TPA) || !walk_gratuitous(c, s))
		walk_var(c, s, v);
}

struct region region_of(struct space *sp, pset s, uint32_t max)
{
	struct region out = {0};
	struct cutter c = {.sp = sp, .out = &out, .max = max};
	size_t mark = sets_mark(sp->sets);
	walk(&c, s);
	sets_release(sp->sets, mark, NULL, 0);
	return out;
}

/* --- words --------------------------------------------------------------------------------- */

/* Names have no order: all of a short range are written out. */
static bool by_name(const struct region_term *t, const struct region_range *r)
{
	return var_words(t->var) && t->var != V_TCP_FLAGS && r->hi > r->lo && r->hi - r->lo < 5;
}

static void print_range(struct buf *b, const struct region_term *t, const struct region_range *r)
{
	if (!by_name(t, r)) {
		var_print_range(b, t->var, r->lo, r->hi);
		return;
	}
	for (u128 v = r->lo; v <= r->hi; v++) {
		var_print(b, t->var, v);
		if (v < r->hi)
			buf_lit(b, ", ");
	}
}

static void print_ranges(struct buf *b, const struct region_term *t)
{
	bool braces = t->ranges.n > 1 || by_name(t, t->ranges.items);
	const char *words = t->var == V_CT_REPLY ? "ct direction" : vars[t->var].words;
	buf_printf(b, "%s %s%s", words, t->negated ? "!= " : "", braces ? "{ " : "");
	vec_each (r, &t->ranges) {
		if (r != t->ranges.items)
			buf_lit(b, ", ");
		print_range(b, t, r);
	}
	if (braces)
		buf_lit(b, " }");
}

static void print_term(struct buf *b, const struct region_term *t)
{
	if (t->kind == TERM_RANGES && vars[t->var].bits == 1 && !var_words(t->var))
		buf_printf(b, "%s%s", (t->ranges.items[0].lo == 0) != t->negated ? "no " : "",
			   vars[t->var].words);
	else if (t->kind == TERM_RANGES)
		print_ranges(b, t);
	else if (t->kind == TERM_GRATUITOUS)
		buf_printf(b, "arp saddr ip %s arp daddr ip", t->negated ? "!=" : "==");
	else
		buf_printf(b, "%s%.*s", t->negated ? "not " : "", STR_ARG(t->text));
}

void region_box_print(struct buf *b, const struct region_box *box)
{
	if (!box->terms.n)
		buf_lit(b, "every packet");
	vec_each (t, &box->terms) {
		if (t != box->terms.items)
			buf_lit(b, ", ");
		print_term(b, t);
	}
}
