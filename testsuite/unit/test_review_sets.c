/* SPDX-License-Identifier: MIT */
/*
 * Sets: the engine against truth tables, ranges against comparisons, regions
 * against the sets that they describe, witnesses, and the two ways to a program's verdicts.
 */
#include "review_fixture.h"

#include "review/diff.h"
#include "review/meaning.h"
#include "review/region.h"

/* --- the engine, over six bits: a set is a number of 64 bits ------------------------------- */

struct both {
	pset set;
	uint64_t table;
};

static uint64_t bit_table(uint32_t bit)
{
	uint64_t t = 0;
	for (uint32_t i = 0; i < 64; i++)
		t |= (uint64_t)(i >> bit & 1) << i;
	return t;
}

static uint64_t table_of(struct sets *s, pset a)
{
	uint64_t t = 0;
	for (uint32_t i = 0; i < 64; i++) {
		pset x = a;
		while (x > PSET_ALL)
			x = i >> pset_first_bit(s, x) & 1 ? pset_with(s, x) : pset_without(s, x);
		t |= (uint64_t)(x == PSET_ALL) << i;
	}
	return t;
}

static struct both combine(struct dice *d, struct sets *s, struct both a, struct both b,
			   struct both c)
{
	uint32_t bit = roll(d, 6);
	uint64_t with = a.table & bit_table(bit), without = a.table & ~bit_table(bit);
	uint32_t shift = 1u << bit;
	switch (roll(d, 9)) {
	case 0:
		return (struct both){pset_and(s, a.set, b.set), a.table & b.table};
	case 1:
		return (struct both){pset_or(s, a.set, b.set), a.table | b.table};
	case 2:
		return (struct both){pset_xor(s, a.set, b.set), a.table ^ b.table};
	case 3:
		return (struct both){pset_minus(s, a.set, b.set), a.table & ~b.table};
	case 4:
		return (struct both){pset_not(s, a.set), ~a.table};
	case 5:
		return (struct both){pset_if(s, a.set, b.set, c.set),
				     (a.table & b.table) | (~a.table & c.table)};
	case 6:
		return (struct both){pset_given(s, a.set, bit, true), with | with >> shift};
	case 7:
		return (struct both){pset_any(s, a.set, &bit, 1),
				     with | with >> shift | without | without << shift};
	default:
		return (struct both){pset_every(s, a.set, &bit, 1),
				     (with & without << shift) | (without & with >> shift)};
	}
}

static void test_engine(void **state)
{
	struct dice d = {7};
	struct sets *s = sets_open(6, 1024, 100000);
	struct both known[40] = {{PSET_NONE, 0}, {PSET_ALL, ~(uint64_t)0}};
	for (uint32_t i = 0; i < 6; i++)
		known[2 + i] = (struct both){pset_bit(s, i, true), bit_table(i)};
	for (uint32_t i = 8; i < 40; i++)
		known[i] = known[2 + i % 6];
	for (int i = 0; i < 20000; i++) {
		struct both x = combine(&d, s, known[roll(&d, 40)], known[roll(&d, 40)],
					known[roll(&d, 40)]);
		assert_int_equal(table_of(s, x.set), x.table);
		assert_int_equal(pset_within(s, x.set, known[9].set), !(x.table & ~known[9].table));
		for (int k = 0; k < 40; k++) /* one set has one number */
			assert_int_equal(known[k].set == x.set, known[k].table == x.table);
		known[8 + roll(&d, 32)] = x;
		if (i % 50 == 49) { /* what is kept is still there when the others are gone */
			pset keep[40];
			for (int k = 0; k < 40; k++)
				keep[k] = known[k].set;
			sets_release(s, 0, keep, 40);
		}
	}
	assert_false(sets_failed(s));
	sets_close(s);
}

/* A function that needs more nodes than there may be: no crash, and it is said. */
static void test_engine_full(void **state)
{
	struct dice d = {3};
	struct sets *s = sets_open(200, 1024, 5000);
	pset all = PSET_NONE;
	for (int i = 0; i < 3000 && !sets_failed(s); i++) {
		pset one = PSET_ALL;
		for (uint32_t bit = 0; bit < 200; bit++)
			if (chance(&d, 30))
				one = pset_and(s, one, pset_bit(s, bit, chance(&d, 50)));
		all = pset_or(s, all, one);
	}
	assert_true(sets_failed(s));
	assert_int_equal(pset_and(s, all, PSET_ALL), PSET_NONE);
	sets_close(s);
	s = sets_open(4, 1024, 5000); /* the next one is as new */
	assert_false(sets_failed(s));
	assert_int_equal(pset_and(s, pset_bit(s, 1, true), pset_bit(s, 1, false)), PSET_NONE);
	sets_close(s);
}

/* --- ranges --------------------------------------------------------------------------------------
 */

static u128 random_wide(struct dice *d, enum var_id v)
{
	u128 n = 0;
	for (int i = 0; i < 4; i++)
		n = n << 32 | (u128)roll(d, UINT32_MAX) << 1 | roll(d, 2);
	return n & var_max(v);
}

static void test_ranges(void **state)
{
	struct dice d = {11};
	struct space *sp = space_open(fx->arena);
	for (int i = 0; i < 3000; i++) {
		enum var_id v = (enum var_id)roll(&d, VARS);
		u128 lo = random_wide(&d, v), hi = random_wide(&d, v);
		if (chance(&d, 40))
			hi = lo + roll(&d, 300);
		pset s = space_range(sp, v, lo, hi);
		const u128 tried[] = {lo, hi, lo - 1, hi + 1, 0, var_max(v), random_wide(&d, v)};
		for (size_t k = 0; k < sizeof tried / sizeof *tried; k++) {
			struct packet p = {0};
			p.v[v] = tried[k] & var_max(v);
			assert_int_equal(space_contains(sp, s, &p), lo <= p.v[v] && p.v[v] <= hi);
		}
	}
	space_close(sp);
}

/* --- regions and witnesses of what rules decide about
 * ---------------------------------------------- */

static pset unknown_set(struct space *sp, struct str text)
{
	vec_each (u, &sp->unknowns)
		if (str_eq(u->text, text))
			return pset_bit(sp->sets, u->bit, true);
	fail_msg("no such unknown: %.*s", STR_ARG(text));
	return PSET_NONE;
}

static pset term_set(struct space *sp, const struct region_term *t)
{
	pset s = PSET_NONE;
	vec_each (r, &t->ranges)
		s = pset_or(sp->sets, s, space_range(sp, t->var, r->lo, r->hi));
	if (t->kind == TERM_GRATUITOUS)
		s = sp->gratuitous;
	if (t->kind == TERM_OPTION)
		s = space_tcp_option(sp, (uint8_t)atoi(t->text.s + strlen("tcp option ")));
	if (t->kind == TERM_UNKNOWN)
		s = unknown_set(sp, t->text);
	return t->negated ? pset_not(sp->sets, s) : s;
}

/* The boxes are the set, and have nothing in common. Texts of unknowns may be those of several. */
static bool region_holds(struct space *sp, pset s)
{
	struct region r = region_of(sp, s, 64);
	pset all = PSET_NONE;
	if (r.more || space_uncertain(sp, s))
		return false;
	vec_each (box, &r.boxes) {
		pset b = PSET_ALL;
		vec_each (t, &box->terms)
			b = pset_and(sp->sets, b, term_set(sp, t));
		assert_int_not_equal(b, PSET_NONE);
		assert_int_equal(pset_and(sp->sets, all, b), PSET_NONE);
		all = pset_or(sp->sets, all, b);
	}
	assert_int_equal(pset_and(sp->sets, all, sp->valid), pset_and(sp->sets, s, sp->valid));
	return true;
}

static void witness_holds(struct space *sp, pset s, const struct packet *usual)
{
	struct packet p = space_witness(sp, s, usual);
	assert_true(space_contains(sp, s, &p));
	assert_true(pset_within(sp->sets, space_packet(sp, &p), s) || space_uncertain(sp, s));
	if (space_contains(sp, s, usual))
		for (int v = 0; v < VARS; v++)
			if (packet_has(&p, (enum var_id)v) && v != V_TCP_FLAGS)
				assert_true(p.v[v] == usual->v[v]);
}

static int sets_of_rules(const struct port_data *pd)
{
	struct space *sp = space_open(fx->arena);
	struct meaning *m = meaning_of(sp, pd);
	int held = 0;
	for (int side = 0; side < SIDES; side++) {
		struct packet usual = usual_packet(pd, (enum side)side);
		struct side_meaning *sm = &m->sides[side];
		struct verdicts v = verdicts_of(sp, pd, (enum side)side, NULL);
		assert_int_equal(v.passed, sm->passed);
		assert_int_equal(v.dropped, sm->dropped);
		assert_int_equal(v.rejected, sm->rejected);
		vec_each (r, &sm->rules) {
			if (r->decides == PSET_NONE)
				continue;
			witness_holds(sp, r->decides, &usual);
			held += region_holds(sp, pset_simplify(sp->sets, r->takes, sp->valid));
		}
	}
	assert_false(sets_failed(sp->sets));
	space_close(sp);
	return held;
}

static void test_regions_and_witnesses(void **state)
{
	struct dice d = {20240612};
	int held = 0;
	for (int i = 0; i < 300; i++) {
		struct build b;
		void *none = NULL;
		if (random_build(&d, 1 + roll(&d, 8), &b))
			held += sets_of_rules(&b.ports.items[0]);
		teardown(&none);
		setup(&none);
	}
	assert_true(held > 500);
}

/* --- differences
 * ----------------------------------------------------------------------------------- */

/* All changes together are all packets that the verdicts differ about, each once, with the right
 * verdicts. */
static void changes_hold(const struct port_data *a, const struct port_data *b)
{
	struct space *sp = space_open(fx->arena);
	struct changes ch = {0};
	diff_ports(sp, a, b, &ch);
	for (int side = 0; side < SIDES; side++) {
		struct verdicts x = verdicts_of(sp, a, (enum side)side, NULL),
				y = verdicts_of(sp, b, (enum side)side, NULL);
		pset differ = pset_or(sp->sets, pset_xor(sp->sets, x.dropped, y.dropped),
				      pset_xor(sp->sets, x.rejected, y.rejected));
		pset said = PSET_NONE;
		vec_each (c, &ch.list) {
			if (c->side != (enum side)side)
				continue;
			assert_int_equal(pset_and(sp->sets, said, c->packets), PSET_NONE);
			said = pset_or(sp->sets, said, c->packets);
			struct walk w[VERSIONS] = {simulate(NULL, a, &c->witness),
						   simulate(NULL, b, &c->witness)};
			for (int v = 0; v < VERSIONS && !c->uncertain; v++)
				assert_int_equal(w[v].verdict, c->verdict[v]);
		}
		assert_int_equal(said, differ);
	}
	space_close(sp);
}

static void test_differences(void **state)
{
	struct dice d = {20240613};
	int held = 0;
	for (int i = 0; i < 250; i++) {
		struct build b, other;
		void *none = NULL;
		if (random_build(&d, 1 + roll(&d, 6), &b)) {
			fx->library = (struct library){0};
			fx->ports = (struct ports){0};
			if (random_build(&d, 1 + roll(&d, 6), &other)) {
				changes_hold(&b.ports.items[0], &other.ports.items[0]);
				held++;
			}
		}
		teardown(&none);
		setup(&none);
	}
	assert_true(held > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_engine_full),
		cmocka_unit_test_setup_teardown(test_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_regions_and_witnesses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differences, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
