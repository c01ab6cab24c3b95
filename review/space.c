/* SPDX-License-Identifier: MIT */
#include "review/space.h"

#include <string.h>

/* 20 bytes each: 400 MiB. Filters that people write need some thousands. */
#define MAX_NODES 20000000u

/* --- bits ------------------------------------------------------------------------- */

/* The rows in order, highest bit first; the two addresses of ARP take turns. */
static uint32_t number_bits(struct space *sp)
{
	uint32_t next = 0;
	for (int v = 0; v < VARS; v++) {
		bool pair = v == V_ARP_SPA;
		for (uint32_t i = 0; i < vars[v].bits; i++) {
			sp->bits[v][i] = next++;
			if (pair)
				sp->bits[v + 1][i] = next++;
		}
		v += pair;
	}
	return next;
}

pset space_masked(struct space *sp, enum var_id v, u128 value, u128 mask)
{
	pset s = PSET_ALL;
	for (uint32_t i = vars[v].bits; i-- > 0;) { /* the last bit first: a node a step */
		uint32_t shift = vars[v].bits - 1u - i;
		if (mask >> shift & 1)
			s = pset_and(sp->sets,
				     pset_bit(sp->sets, sp->bits[v][i], value >> shift & 1), s);
	}
	return s;
}

/* v >= bound (or <=, when `least` is false), from the last bit up. */
static pset space_bound(struct space *sp, enum var_id v, u128 bound, bool least)
{
	pset s = PSET_ALL;
	for (uint32_t i = vars[v].bits; i-- > 0;) {
		bool one = bound >> (vars[v].bits - 1u - i) & 1;
		pset bit = pset_bit(sp->sets, sp->bits[v][i], least);
		/* where the bit of the bound is at the better end already it has to be met */
		s = one == least ? pset_and(sp->sets, bit, s) : pset_or(sp->sets, bit, s);
	}
	return s;
}

static pset make_range(struct space *sp, enum var_id v, u128 lo, u128 hi)
{
	if (lo == hi)
		return space_masked(sp, v, lo, var_max(v));
	u128 size = hi - lo; /* one less */
	if (!(size & (size + 1)) && !(lo & size))
		return space_masked(sp, v, lo, var_max(v) & ~size);
	pset from = lo ? space_bound(sp, v, lo, true) : PSET_ALL;
	return hi >= var_max(v) ? from : pset_and(sp->sets, from, space_bound(sp, v, hi, false));
}

/*
 * Rules ask for the same few values again and again, and making a set takes an
 * operation a bit: the last one of each cell is kept.
 */
struct range_cell {
	u128 lo, hi;
	uint32_t var; /* and 1; 0: nothing here */
	pset set;
};
#define RANGE_CELLS 4096

pset space_range(struct space *sp, enum var_id v, u128 lo, u128 hi)
{
	if (lo > hi || lo > var_max(v))
		return PSET_NONE;
	uint64_t h = ((uint64_t)lo ^ (uint64_t)(lo >> 64) ^ (uint64_t)hi * 31 ^ (uint64_t)v << 40) *
		     0x9e3779b97f4a7c15;
	struct range_cell *c = &sp->ranges[h >> 52];
	if (c->var != v + 1u || c->lo != lo || c->hi != hi) {
		pset s = make_range(sp, v, lo, hi);
		if (c->var)
			pset_let_go(sp->sets, c->set);
		*c = (struct range_cell){lo, hi, v + 1u, pset_keep(sp->sets, s)};
	}
	return c->set;
}

/* --- kinds of packets ----------------------------------------------------------------- */

static pset clause_set(struct space *sp, const struct clause *c)
{
	pset s = PSET_NONE;
	for (uint32_t i = 0; i < c->n; i++)
		s = pset_or(sp->sets, s, space_value(sp, (enum var_id)c->var, c->values[i]));
	return c->n ? s : PSET_ALL;
}

static void make_conds(struct space *sp)
{
	for (int c = 0; c < CONDS; c++) {
		pset s = conds[c].parent == c ? PSET_ALL : sp->conds[conds[c].parent];
		for (int i = 0; i < 2; i++)
			s = pset_and(sp->sets, s, clause_set(sp, &conds[c].clauses[i]));
		sp->conds[c] = s;
	}
}

/*
 * What can be: a BPDU has a length in the place of its type (IEEE 802.3), connection
 * tracking has five classes, and what is new goes in the original direction.
 */
static void make_valid(struct space *sp)
{
	struct sets *s = sp->sets;
	pset length = space_range(sp, V_ETHER_TYPE, 0, 1500);
	pset bpdu = pset_if(s, sp->conds[C_STP], length, PSET_ALL);
	pset classes = space_range(sp, V_CT_STATE, 0, CT_CLASSES - 1);
	pset original = space_value(sp, V_CT_REPLY, 0);
	pset first = pset_if(s, space_value(sp, V_CT_STATE, CTC_NEW), original, PSET_ALL);
	pset tracked = pset_if(s, sp->conds[C_IP], pset_and(s, classes, first), PSET_ALL);
	sp->valid = pset_and(s, bpdu, tracked);
}

static void make_gratuitous(struct space *sp)
{
	pset same = PSET_ALL;
	for (uint32_t i = vars[V_ARP_SPA].bits; i-- > 0;) {
		pset differ = pset_xor(sp->sets, pset_bit(sp->sets, sp->bits[V_ARP_SPA][i], true),
				       pset_bit(sp->sets, sp->bits[V_ARP_TPA][i], true));
		same = pset_minus(sp->sets, same, differ);
	}
	sp->gratuitous = same;
}

/* Nodes that a rule takes, by measurement; a table that is too large costs the time to clear it. */
#define NODES_A_RULE 64
#define LEAST_NODES  (1u << 15)
#define MOST_NODES   (1u << 21)

struct space *space_open(struct arena *a)
{
	return space_open_for(a, 0);
}

struct space *space_open_for(struct arena *a, uint32_t rules)
{
	return space_open_within(a, rules, MAX_NODES);
}

struct space *space_open_within(struct arena *a, uint32_t rules, uint32_t max_nodes)
{
	uint64_t start = (uint64_t)rules * NODES_A_RULE;
	start = start < LEAST_NODES ? LEAST_NODES : start > MOST_NODES ? MOST_NODES : start;
	struct space *sp = arena_new_object(a, struct space);
	sp->arena = a;
	uint32_t n = number_bits(sp);
	sp->sets = sets_open(n, (uint32_t)start, max_nodes);
	if (!sp->sets)
		return NULL;
	sp->ranges = arena_new_array(a, struct range_cell, RANGE_CELLS);
	make_conds(sp);
	make_valid(sp);
	make_gratuitous(sp);
	return sp;
}

void space_close(struct space *sp)
{
	if (sp)
		sets_close(sp->sets);
}

/* --- what is asked for as it is needed --------------------------------------------------- */

pset space_unknown(struct space *sp, struct str text, pset scope)
{
	bool added;
	struct str key =
		str_printf(sp->arena, "%.*s/%d", STR_ARG(text), pset_keep(sp->sets, scope));
	struct map_entry *e = map_put(sp->arena, &sp->unknown_index, key, &added);
	if (added) {
		e->num = sp->unknowns.n;
		*vec_push(sp->arena, &sp->unknowns) =
			(struct unknown){text, sets_add_bits(sp->sets, 1)};
	}
	return pset_bit(sp->sets, sp->unknowns.items[e->num].bit, true);
}

/* Bits of the source's addresses, or all others of the packet. */
static uint32_t source_bits(struct space *sp, bool source, uint32_t *bits)
{
	uint32_t n = 0;
	for (int v = 0; v < VARS; v++)
		for (uint32_t i = 0;
		     (v == V_IP4_SADDR || v == V_IP6_SADDR) == source && i < vars[v].bits; i++)
			bits[n++] = sp->bits[v][i];
	return n;
}

pset space_connections(struct space *sp, uint32_t n, pset rest)
{
	struct sets *s = sp->sets;
	uint32_t *bits = arena_new_array(sp->arena, uint32_t, 2048);
	struct str text = str_printf(sp->arena, "more than %u connections of the source", n);
	pset scope = pset_and(s, rest, sp->valid);
	pset others = pset_any(s, scope, bits, source_bits(sp, true, bits));
	pset sources = pset_any(s, scope, bits, source_bits(sp, false, bits));
	bool apart = pset_and(s, others, sources) == scope;
	return space_unknown(sp, text, apart ? others : scope);
}

pset space_tcp_option(struct space *sp, uint8_t kind)
{
	if (sp->options[kind] == PSET_NONE) {
		sp->option_bits[kind] = sets_add_bits(sp->sets, 1);
		sp->options[kind] = pset_bit(sp->sets, sp->option_bits[kind], true);
	}
	return sp->options[kind];
}

bool space_uncertain(struct space *sp, pset s)
{
	vec_each (u, &sp->unknowns)
		if (pset_asks(sp->sets, s, &u->bit, 1))
			return true;
	return false;
}

pset space_sayable(struct space *sp, pset s)
{
	struct map first = {0};
	bool added;
	vec_each (u, &sp->unknowns) {
		struct map_entry *e = map_put(sp->arena, &first, u->text, &added);
		if (added) {
			e->num = u->bit;
			continue;
		}
		pset differ = pset_xor(sp->sets, pset_bit(sp->sets, u->bit, true),
				       pset_bit(sp->sets, (uint32_t)e->num, true));
		s = pset_minus(sp->sets, s, differ);
	}
	return s;
}

/* --- packets ------------------------------------------------------------------------------ */

static bool holds(const struct packet *p, struct str text)
{
	vec_each (x, &p->unknowns)
		if (str_eq(*x, text))
			return true;
	return false;
}

/* Every bit that there is gets its value. */
static void set_bits(const struct space *sp, const struct packet *p, bool *of)
{
	for (int v = 0; v < VARS; v++)
		for (uint32_t i = 0; i < vars[v].bits; i++)
			of[sp->bits[v][i]] = p->v[v] >> (vars[v].bits - 1u - i) & 1;
	for (int k = 0; k < 256; k++)
		if (sp->options[k] != PSET_NONE)
			of[sp->option_bits[k]] = p->tcp_options[k / 64] >> (k % 64) & 1;
	vec_each (u, &sp->unknowns)
		of[u->bit] = holds(p, u->text);
}

static uint32_t all_bits(const struct space *sp)
{
	uint32_t n = sp->unknowns.n + 256;
	for (int v = 0; v < VARS; v++)
		n += vars[v].bits;
	return n;
}

pset space_packet(struct space *sp, const struct packet *p)
{
	pset s = PSET_ALL;
	vec_each (u, &sp->unknowns)
		s = pset_and(sp->sets, s, pset_bit(sp->sets, u->bit, holds(p, u->text)));
	for (int k = 0; k < 256; k++)
		if (sp->options[k] != PSET_NONE)
			s = pset_and(sp->sets, s,
				     pset_bit(sp->sets, sp->option_bits[k],
					      p->tcp_options[k / 64] >> (k % 64) & 1));
	for (int v = VARS; v-- > 0;)
		if (packet_has(p, (enum var_id)v))
			s = pset_and(sp->sets, space_value(sp, (enum var_id)v, p->v[v]), s);
	return s;
}

bool space_contains(struct space *sp, pset s, const struct packet *p)
{
	uint32_t n = all_bits(sp);
	if (n > sp->of_room) {
		sp->of_room = 2 * n;
		sp->of = arena_new_array(sp->arena, bool, sp->of_room);
	}
	set_bits(sp, p, sp->of);
	while (s > PSET_ALL)
		s = sp->of[pset_first_bit(sp->sets, s)] ? pset_with(sp->sets, s)
							: pset_without(sp->sets, s);
	return s == PSET_ALL;
}
