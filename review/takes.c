/* SPDX-License-Identifier: MIT */
/*
 * The packets that a rule's tests take.
 *
 * The instances of a rule are a product of dimensions, and they are ORed; where
 * each test looks at one dimension, the OR over the product is the AND of the
 * ORs over each dimension. So tests are put together by dimension, and only
 * dimensions that one test ties together are multiplied.
 */
#include "review/meaning.h"

struct taker {
	struct space *sp;
	const struct prule *r;
	const struct port_data *pd;
	uint32_t *row;   /* the row of each dimension, while rows are walked */
	uint32_t *group; /* the lowest dimension that each is tied to */
};

/* --- one test, with a row chosen -------------------------------------------------------- */

static pset range_of(const struct taker *t, const struct ptest *x, enum var_id v)
{
	const struct value *value = slot_value(&x->value, t->r, t->pd, t->row);
	const struct value *to = slot_value(&x->to, t->r, t->pd, t->row);
	const struct value *mask = slot_value(&x->mask, t->r, t->pd, t->row);
	u128 lo = value ? value_number(value) : 0, hi = to ? value_number(to) : lo,
	     all = var_max(v);
	if (mask) {
		uint32_t prefix = value_prefix(mask);
		u128 host = prefix >= vars[v].bits ? 0 : prefix ? all >> prefix : all;
		lo &= ~host & all;
		hi = lo | host;
	}
	return space_range(t->sp, v, lo, hi);
}

static pset take_range(const struct taker *t, const struct ptest *x)
{
	return range_of(t, x, var_of_field(x->field, t->r->proto->family));
}

/* Bits of the mask that are asked for: a flag asked for outside of it is never there. */
static pset take_tcp_flags(const struct taker *t, const struct ptest *x)
{
	const struct value *value = slot_value(&x->value, t->r, t->pd, t->row);
	uint32_t mask = value->u >> 8 & 0xff, flags = value->u & 0xff;
	return flags & ~mask ? PSET_NONE : space_masked(t->sp, V_TCP_FLAGS, flags, mask);
}

static pset take_tcp_option(const struct taker *t, const struct ptest *x)
{
	return space_tcp_option(t->sp, (uint8_t)slot_value(&x->value, t->r, t->pd, t->row)->u);
}

static pset take_gratuitous(const struct taker *t, const struct ptest *x)
{
	(void)x;
	return t->sp->gratuitous;
}

/* ebt_ip6.c follows extension headers up to a fragment's, which of a later fragment is the last. */
static pset take_frame_ip6_proto(const struct taker *t, const struct ptest *x)
{
	struct space *sp = t->sp;
	pset fragment = space_value(sp, V_FRAGMENT, 1), takes = range_of(t, x, V_NET_PROTO);
	bool is_44 = pset_within(sp->sets, space_value(sp, V_NET_PROTO, 44), takes);
	return pset_if(sp->sets, fragment, is_44 ? PSET_ALL : PSET_NONE, takes);
}

static pset take_ipset(const struct taker *t, const struct ptest *x)
{
	const struct value *name = slot_value(&x->value, t->r, t->pd, t->row);
	const struct value *flags = slot_value(&x->mask, t->r, t->pd, t->row);
	struct buf b;
	buf_memory(&b);
	question_ipset(&b, name, flags);
	return space_unknown(t->sp, buf_take(t->sp->arena, &b), PSET_ALL);
}

/* What is not a comparison of a variable with a range; `present`: the condition, where it is not
 * the variable's. */
static const struct take_row {
	enum field_id field;
	pset (*take)(const struct taker *, const struct ptest *);
	enum cond_id present;
} special[] = {
	{F_TCP_FLAGS, take_tcp_flags, C_TCP},
	{F_TCP_OPTION, take_tcp_option, C_TCP},
	{F_ARP_GRATUITOUS, take_gratuitous, C_ARP_IP},
	{F_IPSET, take_ipset, C_ANY},
};

static bool frame_ip6_proto(const struct taker *t, const struct ptest *x)
{
	return x->field == F_NET_PROTO && t->r->proto->layer == LAYER_FRAME &&
	       t->r->proto->family == 6;
}

static struct take_row take_row(const struct taker *t, const struct ptest *x)
{
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (special[i].field == x->field)
			return special[i];
	if (frame_ip6_proto(t, x))
		return (struct take_row){x->field, take_frame_ip6_proto, C_IP};
	enum var_id v = var_of_field(x->field, t->r->proto->family);
	return (struct take_row){x->field, take_range, (enum cond_id)vars[v].present};
}

/* Where a test can be asked at all: elsewhere it is false, and so is its negation. */
static pset askable(const struct taker *t, const struct ptest *x)
{
	pset present = t->sp->conds[take_row(t, x).present];
	if (!frame_ip6_proto(t, x))
		return present;
	/* no next header: ebt_ip6.c arrives at no protocol */
	pset none = pset_minus(t->sp->sets, space_value(t->sp, V_NET_PROTO, 59),
			       space_value(t->sp, V_FRAGMENT, 1));
	return pset_minus(t->sp->sets, present, none);
}

/* Where it can be asked is put to it once for the rule. */
static pset take_test(const struct taker *t, const struct ptest *x)
{
	pset takes = take_row(t, x).take(t, x);
	return x->negated ? pset_not(t->sp->sets, takes) : takes;
}

/* A type and a code that are both negated are one test: not this pair. */
static bool is_pair(const struct prule *r, uint32_t i)
{
	const struct ptest *x = &r->tests.items[i];
	return i + 1 < r->tests.n && x->field == F_ICMP_TYPE && x->negated &&
	       x[1].field == F_ICMP_CODE && x[1].negated;
}

static pset take_pair(const struct taker *t, const struct ptest *x)
{
	pset both = pset_and(t->sp->sets, take_range(t, &x[0]), take_range(t, &x[1]));
	return pset_not(t->sp->sets, both);
}

/* --- dimensions ------------------------------------------------------------------------------ */

static const struct slot *slot_of(const struct ptest *x, int i)
{
	return i == 0 ? &x->value : i == 1 ? &x->to : &x->mask;
}

/* The group of a test; UINT32_MAX: it is constant. */
static uint32_t group_of(const struct taker *t, uint32_t i)
{
	const struct ptest *x = &t->r->tests.items[i];
	for (uint32_t k = 0; k < 1u + is_pair(t->r, i); k++)
		for (int s = 0; s < 3; s++)
			if (slot_of(&x[k], s)->kind == SLOT_DIM)
				return t->group[slot_of(&x[k], s)->dim];
	return UINT32_MAX;
}

static void tie(struct taker *t, uint32_t a, uint32_t b)
{
	uint32_t keep = t->group[a] < t->group[b] ? t->group[a] : t->group[b];
	uint32_t gone = t->group[a] < t->group[b] ? t->group[b] : t->group[a];
	for (uint32_t d = 0; d < t->r->dims.n; d++)
		if (t->group[d] == gone)
			t->group[d] = keep;
}

static void tie_dims(struct taker *t)
{
	for (uint32_t d = 0; d < t->r->dims.n; d++)
		t->group[d] = d;
	for (uint32_t i = 0; i < t->r->tests.n; i++) {
		const struct ptest *x = &t->r->tests.items[i];
		uint32_t first = UINT32_MAX, n = 1u + is_pair(t->r, i);
		for (uint32_t k = 0; k < 3 * n; k++) {
			const struct slot *sl = slot_of(&x[k / 3], (int)(k % 3));
			if (sl->kind != SLOT_DIM)
				continue;
			if (first != UINT32_MAX)
				tie(t, first, sl->dim);
			first = sl->dim;
		}
	}
}

/*
 * All tests of a group, for the rows chosen. The last ones first: what the diagram asks
 * for later is put together before what it asks for earlier, so that no part of it is
 * made twice.
 */
static pset take_group_row(const struct taker *t, uint32_t group)
{
	pset s = PSET_ALL;
	for (uint32_t i = t->r->tests.n; i-- > 0;) {
		bool pair = i > 0 && is_pair(t->r, i - 1);
		i -= pair;
		const struct ptest *x = &t->r->tests.items[i];
		if (x->field != F_CT_COUNT && !x->none && group_of(t, i) == group)
			s = pset_and(t->sp->sets, pair ? take_pair(t, x) : take_test(t, x), s);
	}
	return s;
}

/* To the next row of a group's dimensions, the first turning fastest; false: that was the last. */
static bool next_row(struct taker *t, uint32_t group)
{
	for (uint32_t d = group; d < t->r->dims.n; d++) {
		if (t->group[d] != group)
			continue;
		if (++t->row[d] < prule_rows(t->r, t->pd, d))
			return true;
		t->row[d] = 0;
	}
	return false;
}

static bool group_is_empty(const struct taker *t, uint32_t group)
{
	for (uint32_t d = 0; d < t->r->dims.n; d++)
		if (t->group[d] == group && !prule_rows(t->r, t->pd, d))
			return true;
	return false;
}

static pset take_group(struct taker *t, uint32_t group)
{
	struct {
		pset *items;
		uint32_t n, cap;
	} rows = {0};
	if (group_is_empty(t, group))
		return PSET_NONE;
	do
		*vec_push(t->sp->arena, &rows) = take_group_row(t, group);
	while (next_row(t, group) && !sets_failed(t->sp->sets));
	return pset_union(t->sp->sets, rows.items, rows.n);
}

/* None of the rows of its dimension, which is the test's alone. */
static pset take_none(struct taker *t, const struct ptest *x, uint32_t group)
{
	struct {
		pset *items;
		uint32_t n, cap;
	} rows = {0};
	if (!group_is_empty(t, group))
		do
			*vec_push(t->sp->arena, &rows) = take_row(t, x).take(t, x);
		while (next_row(t, group) && !sets_failed(t->sp->sets));
	return pset_not(t->sp->sets, pset_union(t->sp->sets, rows.items, rows.n));
}

/* --- the rule --------------------------------------------------------------------------------- */

static pset take_states(struct space *sp, const struct prule *r)
{
	static const uint8_t bits[] = {[CTC_NEW] = CT_NEW,
				       [CTC_ESTABLISHED] = CT_ESTABLISHED,
				       [CTC_RELATED] = CT_RELATED,
				       [CTC_INVALID] = CT_INVALID};
	pset s = r->ct_states ? PSET_NONE : PSET_ALL;
	for (int c = 0; c <= CTC_INVALID; c++)
		if (r->ct_states & bits[c])
			s = pset_or(sp->sets, s, space_value(sp, V_CT_STATE, (u128)c));
	if (r->ct_dir == CT_DIR_ANY)
		return s;
	pset way = pset_and(sp->sets, sp->conds[C_TRACKED],
			    space_value(sp, V_CT_REPLY, r->ct_dir == CT_DIR_REPLY));
	return pset_and(sp->sets, s, way);
}

/* Which frames a protocol element is about. */
static pset take_proto(struct space *sp, const struct proto *p)
{
	pset s = p->ethertype ? space_value(sp, V_ETHER_TYPE, p->ethertype) : PSET_ALL;
	if (proto_id(p) == PROTO_STP)
		s = pset_and(sp->sets, s, space_value(sp, V_ETHER_DADDR, 0x0180c2000000));
	if (p->ipproto >= 0)
		s = pset_and(sp->sets, s, space_value(sp, V_NET_PROTO, (u128)p->ipproto));
	return s;
}

/* A rule counts the connections of the packets that the rest of it takes. */
static pset take_count_row(const struct taker *t, const struct ptest *x, pset rest)
{
	pset over = space_connections(t->sp, slot_value(&x->value, t->r, t->pd, t->row)->u, rest);
	return x->negated ? pset_minus(t->sp->sets, rest, over) : pset_and(t->sp->sets, rest, over);
}

/* Of none of several counts all rows must hold. */
static pset take_count(struct taker *t, const struct ptest *x, uint32_t group, pset rest)
{
	pset s = rest;
	if (!x->none || group == UINT32_MAX)
		return take_count_row(t, x, rest);
	do
		s = pset_and(t->sp->sets, s, take_count_row(t, x, rest));
	while (next_row(t, group) && !sets_failed(t->sp->sets));
	return s;
}

/* Does a dimension make instances? That of a negated list does not. */
static bool makes_instances(const struct taker *t, uint32_t d)
{
	vec_each (x, &t->r->tests)
		for (int i = 0; i < 3; i++)
			if (!x->none && slot_of(x, i)->kind == SLOT_DIM && slot_of(x, i)->dim == d)
				return true;
	return false;
}

static bool next_instance(struct taker *t)
{
	for (uint32_t d = 0; d < t->r->dims.n; d++) {
		if (!makes_instances(t, d))
			continue;
		if (++t->row[d] < prule_rows(t->r, t->pd, d))
			return true;
		t->row[d] = 0;
	}
	return false;
}

/* Each instance of a rule counts by itself: here their product is made. `base`: what has no rows.
 * No more of them than this: targets do not write so many. */
#define MAX_COUNTING 20000u

static pset take_counted(struct taker *t, const struct ptest *x, uint32_t group, pset base)
{
	struct sets *sets = t->sp->sets;
	pset s = PSET_NONE;
	uint32_t made = 0;
	do {
		pset rest = base;
		for (uint32_t d = 0; d < t->r->dims.n; d++)
			if (t->group[d] == d)
				rest = pset_and(sets, rest, take_group_row(t, d));
		if (rest != PSET_NONE)
			s = pset_or(sets, s, take_count(t, x, group, rest));
		if (++made > MAX_COUNTING)
			sets_fail(sets);
	} while (next_instance(t) && !sets_failed(sets));
	return s;
}

/* What has nothing to do with values: protocol, connection, and that all can be asked. */
static pset take_kind(const struct taker *t)
{
	struct sets *sets = t->sp->sets;
	pset s = pset_and(sets, take_proto(t->sp, t->r->proto), take_states(t->sp, t->r));
	vec_each (x, &t->r->tests)
		if (x->field != F_CT_COUNT)
			s = pset_and(sets, s, askable(t, x));
	return s;
}

pset rule_takes(struct space *sp, const struct prule *r, const struct port_data *pd)
{
	uint32_t n = r->dims.n, count = UINT32_MAX;
	struct taker t = {sp, r, pd, arena_new_array(sp->arena, uint32_t, n + 1),
			  arena_new_array(sp->arena, uint32_t, n + 1)};
	tie_dims(&t);
	pset s = take_group_row(&t, UINT32_MAX);
	for (uint32_t i = 0; i < r->tests.n; i++) {
		const struct ptest *x = &r->tests.items[i];
		if (x->none && x->field != F_CT_COUNT)
			s = pset_and(sp->sets, s, take_none(&t, x, group_of(&t, i)));
		if (x->field == F_CT_COUNT)
			count = i;
	}
	for (uint32_t d = 0; d < n; d++)
		if (t.group[d] == d)
			s = count == UINT32_MAX     ? pset_and(sp->sets, s, take_group(&t, d))
			    : group_is_empty(&t, d) ? PSET_NONE
						    : s;
	s = pset_and(sp->sets, take_kind(&t), s);
	return count == UINT32_MAX || s == PSET_NONE
		       ? s
		       : take_counted(&t, &r->tests.items[count], group_of(&t, count), s);
}
