/* SPDX-License-Identifier: MIT */
/*
 * Rules with a test that none of several values may match. No line of these
 * tools can say that, so the values get a chain of their own. With O for the
 * rule's other tests and v for each value, a verdict that ends the packet's way is
 *
 *   X     O  -j H               H   v   -j RETURN
 *         (what follows)            !v  -j VERDICT
 *
 * The tools' own negation !v at the end is what the rule says of a packet that
 * does not have the field at all (a later fragment, another kind of ARP): that it
 * does not match. One value stands for all in it: a packet that has another one of
 * them has left H already, so the line asks no more than whether the field is there.
 *
 * A verdict that only leaves X can not be given in H, from where it would lead
 * back into X. So what follows goes to a chain that all others are sent to:
 *
 *   X        -j A               A   O !v  -j RETURN   B   v  -j REST
 *         O  -j B                         -j REST
 *
 * Who is not O, or has no such field, or has the v of A's line, reaches REST
 * through A and finds nothing more to do in X; who is O and has another value
 * reaches it through B; who is O and has none reaches the end of X. (REST may be
 * asked twice, and says twice the same: what it does not decide it leaves as it was.)
 *
 * Where every port has one value the tools' own negation says it.
 */
#include "backends/xtables/xtables.h"

/* Has the test one value in all ports? Then it is a plain negation. */
static bool is_single(const struct xt_laying *x, const struct prule *r, const struct ptest *t)
{
	const struct slot *slots[] = {&t->value, &t->to, &t->mask};
	vec_each (pd, &x->build->ports)
		for (int i = 0; i < 3 && pd->program == x->program; i++)
			if (slots[i]->kind == SLOT_DIM &&
			    pd->rows[r->dims.items[slots[i]->dim]].n != 1)
				return false;
	return true;
}

static bool is_split(const struct xt_laying *x, const struct prule *r)
{
	vec_each (t, &r->tests)
		if (t->none && !is_single(x, r, t))
			return true;
	return false;
}

static struct slot move_slot(struct arena *a, const struct prule *from, struct prule *to,
			     const struct slot *s)
{
	struct slot moved = *s;
	if (s->kind != SLOT_DIM)
		return moved;
	uint32_t dim = from->dims.items[s->dim];
	for (moved.dim = 0; moved.dim < to->dims.n; moved.dim++)
		if (to->dims.items[moved.dim] == dim)
			return moved;
	*vec_push(a, &to->dims) = dim;
	return moved;
}

static void add_test(struct arena *a, const struct prule *from, struct prule *to,
		     const struct ptest *t)
{
	struct ptest moved = *t;
	moved.value = move_slot(a, from, to, &t->value);
	moved.to = move_slot(a, from, to, &t->to);
	moved.mask = move_slot(a, from, to, &t->mask);
	*vec_push(a, &to->tests) = moved;
}

static struct prule *empty_copy(struct arena *a, const struct prule *r)
{
	struct prule *c = arena_new_object(a, struct prule);
	*c = *r;
	memset(&c->tests, 0, sizeof c->tests);
	memset(&c->dims, 0, sizeof c->dims);
	return c;
}

/* O: all but the split tests. The order of the dimensions stays. */
static const struct prule *other_tests(const struct xt_laying *x, const struct prule *r)
{
	struct arena *a = x->cx->arena;
	struct prule *c = empty_copy(a, r);
	for (uint32_t d = 0; d < r->dims.n; d++)
		vec_each (t, &r->tests) {
			const struct slot *slots[] = {&t->value, &t->to, &t->mask};
			for (int i = 0; i < 3 && !(t->none && !is_single(x, r, t)); i++)
				if (slots[i]->kind == SLOT_DIM && slots[i]->dim == d)
					move_slot(a, r, c, slots[i]);
		}
	vec_each (t, &r->tests)
		if (!t->none || is_single(x, r, t))
			add_test(a, r, c, t);
	return c;
}

/* !v in place of a split test: one value stands for all, as the others have been told apart. */
static void negate_first(struct prule *r, struct ptest *t)
{
	const struct slot *slots[] = {&t->value, &t->to, &t->mask};
	t->none = false;
	for (int i = 0; i < 3; i++)
		if (slots[i]->kind == SLOT_DIM && slots[i]->dim < 64)
			r->first_only |= (uint64_t)1 << slots[i]->dim;
}

/* The rule with its split tests as !v. */
static const struct prule *negated(const struct xt_laying *x, const struct prule *r)
{
	struct arena *a = x->cx->arena;
	struct prule *c = empty_copy(a, r);
	memcpy(&c->dims, &r->dims, sizeof c->dims);
	vec_each (t, &r->tests) {
		struct ptest *copy = vec_push(a, &c->tests);
		*copy = *t;
		if (t->none && !is_single(x, r, t))
			negate_first(c, copy);
		copy->none = false;
	}
	return c;
}

/* v: one of the split tests, as if it were not negated; or, without one, !v. */
static struct prule *value_test(const struct xt_laying *x, const struct prule *r,
				const struct ptest *t)
{
	struct prule *c = empty_copy(x->cx->arena, r);
	c->ct_states = 0;
	c->ct_dir = CT_DIR_ANY;
	c->comment = STR("");
	vec_each (own, &r->tests) {
		struct ptest copy = *own;
		bool split = own->none && !is_single(x, r, own);
		if (own->field == F_NET_PROTO && !split) { /* the tools take no port without it */
			add_test(x->cx->arena, r, c, own);
			continue;
		}
		if (t ? own != t : !split)
			continue;
		copy.none = false;
		copy.negated = !t;
		add_test(x->cx->arena, r, c, &copy);
		if (!t)
			negate_first(c, &c->tests.items[c->tests.n - 1]);
	}
	return c;
}

/* --- chains --- */

static uint32_t new_chain(struct xt_laying *x)
{
	*vec_push(x->cx->arena, &x->chains->owners) = x->owner;
	vec_push(x->cx->arena, &x->chains->list);
	return x->chains->list.n - 1;
}

static void put(struct xt_laying *x, uint32_t chain, const struct prule *r, enum action verdict,
		uint32_t jump)
{
	struct prule *c = arena_new_object(x->cx->arena, struct prule);
	*c = *r;
	c->verdict = verdict;
	x->good &= xt_add_rule(x->cx, x->dialect, x->target, x->build, x->program, c, x->side,
			       chain, jump, &x->chains->list.items[chain]);
}

/* A line in each value's turn. */
static void put_values(struct xt_laying *x, uint32_t chain, const struct prule *r, uint32_t jump)
{
	vec_each (t, &r->tests)
		if (t->none && !is_single(x, r, t))
			put(x, chain, value_test(x, r, t), ACTION_RETURN, jump);
}

static bool leaves(const struct xt_laying *x, enum action verdict)
{
	return strcmp(x->dialect->verdicts[x->side][verdict], " -j RETURN") == 0;
}

static void split_ending(struct xt_laying *x, const struct prule *r)
{
	uint32_t h = new_chain(x);
	put(x, x->current, other_tests(x, r), r->verdict, h);
	put_values(x, h, r, XT_NO_JUMP);
	put(x, h, value_test(x, r, NULL), r->verdict, XT_NO_JUMP);
}

static void split_leaving(struct xt_laying *x, const struct prule *r)
{
	uint32_t a = new_chain(x), b = new_chain(x), rest = new_chain(x);
	xt_add_jump(x->cx, NULL, x->current, a, &x->chains->list.items[x->current]);
	put(x, x->current, other_tests(x, r), r->verdict, b);
	put(x, a, negated(x, r), ACTION_RETURN, XT_NO_JUMP);
	xt_add_jump(x->cx, NULL, a, rest, &x->chains->list.items[a]);
	put_values(x, b, r, rest);
	x->current = rest;
}

void xt_lay_rule(struct xt_laying *x, const struct prule *r)
{
	if (!is_split(x, r))
		put(x, x->current, r, r->verdict, XT_NO_JUMP);
	else if (r->verdict == ACTION_CONTINUE)
		; /* goes on whether it matches or not */
	else if (leaves(x, r->verdict))
		split_leaving(x, r);
	else
		split_ending(x, r);
}

struct xt_laying xt_lay_begin(struct emit_ctx *cx, const struct dialect *d, const char *target,
			      const struct build *b, const struct program *p, enum side side,
			      uint32_t own, struct xt_chains *chains)
{
	struct xt_laying x = {.cx = cx,
			      .dialect = d,
			      .target = target,
			      .build = b,
			      .program = p,
			      .side = side,
			      .chains = chains,
			      .good = true};
	for (x.owner = 0; x.owner < own; x.owner++)
		new_chain(&x);
	xt_lay_chain(&x, 0);
	return x;
}

void xt_lay_chain(struct xt_laying *x, uint32_t chain)
{
	x->owner = x->current = chain;
}

void xt_name_chains(struct emit_ctx *cx, struct names *ns, const struct xt_chains *chains,
		    const struct str *full, struct str *names)
{
	uint32_t n = chains->list.n;
	uint32_t *helpers = arena_new_array(cx->arena, uint32_t, n + 1);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t owner = chains->owners.items[i];
		struct str name = full[owner];
		if (owner != i)
			name = str_printf(cx->arena, "%.*s/%u", STR_ARG(name), ++helpers[owner]);
		names[i] = short_name(cx, ns, name, XT_CHAIN_MAX);
	}
}
