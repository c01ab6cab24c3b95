/* SPDX-License-Identifier: MIT */
/*
 * A script's chains, walked with all packets at once for one port.
 */
#include "review/readback/eval.h"

/* Chains that call chains; scripts of ours have three of them. And rules walked for one seat. */
enum { MAX_DEPTH = 64 };
#define MAX_STEPS 1000000u

const char *const syntax_names[SYNTAXES] = {"nft", "ebtables", "iptables", "ip6tables"};

#define SEAT(syntax, direct, side, layer, hook, priority, in, out, bridged, words)                 \
	{                                                                                          \
		SYNTAX_##syntax, direct, SIDE_##side, LAYER_##layer, HOOK_##hook, priority,        \
			NAME_##in, NAME_##out, bridged, words                                      \
	}
const struct seat seats[] = {
	SEAT(NFT, false, OUT, FRAME, PREROUTING, -300, PORT, NONE, false, "prerouting, -300"),
	SEAT(NFT, false, OUT, PACKET, PREROUTING, -150, PORT, NONE, false, "prerouting, -150"),
	SEAT(NFT, false, IN, PACKET, POSTROUTING, 0, OTHER, PORT, false, "postrouting, 0"),
	SEAT(NFT, false, IN, FRAME, POSTROUTING, 300, OTHER, PORT, false, "postrouting, 300"),
	SEAT(NFT, true, OUT, FRAME, EGRESS, -300, NONE, PORT, false, "egress, -300"),
	SEAT(NFT, true, OUT, PACKET, EGRESS, -150, NONE, PORT, false, "egress, -150"),
	SEAT(NFT, true, IN, PACKET, INGRESS, 0, PORT, NONE, false, "ingress, 0"),
	SEAT(NFT, true, IN, FRAME, INGRESS, 300, PORT, NONE, false, "ingress, 300"),
	SEAT(EBTABLES, false, OUT, FRAME, PREROUTING, 0, PORT, NONE, false, "PREROUTING"),
	SEAT(EBTABLES, false, IN, FRAME, POSTROUTING, 0, OTHER, PORT, false, "POSTROUTING"),
#define SEATS_OF(t)                                                                                \
	SEAT(t, false, OUT, PACKET, FORWARD, 0, PORT, OTHER, true, "FORWARD, to another port"),    \
		SEAT(t, false, OUT, PACKET, FORWARD, 0, PORT, NONE, false, "FORWARD, routed"),     \
		SEAT(t, false, OUT, PACKET, INPUT, 0, PORT, NONE, false, "INPUT"),                 \
		SEAT(t, false, IN, PACKET, FORWARD, 0, OTHER, PORT, true,                          \
		     "FORWARD, from another port")
	SEATS_OF(IPTABLES),
	SEATS_OF(IP6TABLES),
};
const uint32_t nseats = sizeof seats / sizeof *seats;

struct walk {
	struct script_form *f;
	const struct seat *seat;
	struct str port;
	struct outcome *out;
	bool endless;
	uint32_t keys;          /* counted in by a rule */
	bool named;             /* the way to this chain asks for the port */
	bool goes_on, accepted; /* goes_on: what is accepted, of which there is some, is asked on */
};

/* --- interfaces --- */

static bool name_fits(const struct iface_test *t, struct str name)
{
	if (t->prefix)
		return name.len >= t->name.len && memcmp(name.s, t->name.s, t->name.len) == 0;
	return str_eq(name, t->name);
}

/*
 * Where there is no such interface its name is empty to the tools (nft_meta.c, xt_physdev.c,
 * ebtables.c), so that only negations hold; another one has no name that is tested.
 */
static bool iface_holds(const struct walk *w, const struct iface_test *t)
{
	int who = t->out ? w->seat->out : w->seat->in;
	return (who == NAME_PORT && name_fits(t, w->port)) != t->negated;
}

/* --- the port at the other end --- */

/*
 * A seat is looked at for one port, with "another one" at the other end, whose name no test has.
 * That says all when a script asks for one of the two ends alone. xtables has both ends in
 * one hook: a rule may ask for the other end where the way to it does not ask for this one, and
 * where what it takes comes back to all that asks for this one. What it does itself
 * is judged where that end is the port.
 */
static bool asks_end(const struct rule_form *r, bool out)
{
	vec_each (t, &r->ifaces)
		if (t->out == out)
			return true;
	vec_each (l, &r->lookups)
		if (l->out == out)
			return true;
	return (r->map && r->map_out == out) || (r->count.by_iface && r->count.out == out);
}

static bool asks_other(const struct walk *w, const struct rule_form *r)
{
	return (w->seat->in == NAME_OTHER && asks_end(r, false)) ||
	       (w->seat->out == NAME_OTHER && asks_end(r, true));
}

static bool asks_port(const struct walk *w, const struct rule_form *r)
{
	return (w->seat->in == NAME_PORT && asks_end(r, false)) ||
	       (w->seat->out == NAME_PORT && asks_end(r, true));
}

static bool is_negated(const struct rule_form *r)
{
	bool negated = false;
	vec_each (t, &r->ifaces)
		negated |= t->negated;
	vec_each (l, &r->lookups)
		negated |= l->negated;
	return negated;
}

/* A rule that asks for the other end: may it? */
static bool other_is_apart(const struct walk *w, const struct rule_form *r)
{
	bool both_ends = w->seat->hook == HOOK_FORWARD;
	return both_ends && !w->named && !w->accepted && !asks_port(w, r) && !is_negated(r);
}

static void not_apart(struct walk *w, const struct rule_form *r)
{
	unread(w->f, r->lo, r->hi,
	       "what becomes of a packet here depends on both ports, that by which it comes and "
	       "that "
	       "by which it leaves; each has its filter, which asks for no other one");
	w->endless = true;
}

/* --- sets --- */

static pset element_takes(struct walk *w, const struct lookup *l, const struct element *e)
{
	pset s = PSET_ALL;
	for (uint32_t i = 0; i < l->n; i++)
		s = pset_and(w->f->sp->sets, s,
			     field_range(w->f, l->fields[i], e->lo[i], e->hi[i]));
	return s;
}

/* The first element of a name, then what `next` of each says. */
static const struct element *first_named(const struct eset *s, struct str name)
{
	const struct map_entry *e = map_find(&s->by_name, name);
	return e && e->num ? &s->elements.items[e->num - 1] : NULL;
}

static const struct element *next_named(const struct eset *s, const struct element *e)
{
	return e->next ? &s->elements.items[e->next - 1] : NULL;
}

static pset lookup_takes(struct walk *w, const struct lookup *l)
{
	struct sets *s = w->f->sp->sets;
	struct {
		pset *items;
		uint32_t n, cap;
	} list = {0};
	pset there = PSET_ALL;
	int who = l->out ? w->seat->out : w->seat->in;
	const struct element *e = who == NAME_PORT ? first_named(l->set, w->port) : NULL;
	for (; e; e = next_named(l->set, e))
		*vec_push(w->f->arena, &list) = element_takes(w, l, e);
	vec_each (i, &l->set->wildcards)
		if (who == NAME_PORT && name_fits(&l->set->elements.items[*i].name, w->port))
			*vec_push(w->f->arena, &list) =
				element_takes(w, l, &l->set->elements.items[*i]);
	pset in = pset_union(s, list.items, list.n);
	if (!l->negated)
		return in;
	for (uint32_t i = 0; i < l->n; i++)
		there = pset_and(s, there, field_where(w->f, l->fields[i]));
	return pset_minus(s, there, in);
}

/* --- rules --- */

/* So many values of a key are told apart. */
#define MAX_KEYS 20000u

/* Each value of the key's fields counts by itself: bit by bit, what is left of `rest`. */
static pset count_of_keys(struct walk *w, const struct count_test *c, uint32_t key, uint32_t bit,
			  pset rest)
{
	struct space *sp = w->f->sp;
	if (rest == PSET_NONE || w->endless)
		return PSET_NONE;
	if (key == c->keys) {
		pset over = space_connections(sp, c->n, rest);
		w->endless |= ++w->keys > MAX_KEYS;
		return c->over ? pset_and(sp->sets, rest, over) : pset_minus(sp->sets, rest, over);
	}
	const struct field_ref *field = c->key[key];
	pset takes = PSET_NONE;
	for (int one = 0; one < 2; one++) {
		u128 mask = (u128)1 << (field->width - 1 - bit);
		pset part =
			pset_and(sp->sets, rest, field_masked(w->f, field, one ? mask : 0, mask));
		bool last = bit + 1 == field->width;
		pset more = count_of_keys(w, c, key + last, last ? 0 : bit + 1, part);
		takes = pset_or(sp->sets, takes, more);
	}
	return takes;
}

static pset count_takes(struct walk *w, const struct count_test *c, pset rest)
{
	w->keys = 0;
	return count_of_keys(w, c, 0, 0, rest);
}

/* What has no interface in its key counts for one port alone, or those of several together. */
static bool counts_apart(struct walk *w, const struct rule_form *r)
{
	bool added;
	struct str key = str_printf(w->f->arena, "%u", r->lo);
	if (r->count.by_iface)
		return true;
	struct map_entry *e = map_put(w->f->arena, &w->f->counters, key, &added);
	if (added)
		e->cptr = arena_copy(w->f->arena, &w->port, sizeof w->port);
	return str_eq(*(const struct str *)e->cptr, w->port) ||
	       unread(w->f, r->lo, r->hi,
		      "the connections of several ports are counted together here");
}

static pset rule_form_takes(struct walk *w, const struct rule_form *r)
{
	pset s = r->takes;
	if (r->bridged && !w->seat->bridged)
		return PSET_NONE;
	vec_each (t, &r->ifaces)
		if (!iface_holds(w, t))
			return PSET_NONE;
	vec_each (l, &r->lookups)
		s = pset_and(w->f->sp->sets, s, lookup_takes(w, l));
	if (!r->count.there || s == PSET_NONE)
		return s;
	if (!counts_apart(w, r)) {
		w->endless = true;
		return PSET_NONE;
	}
	return count_takes(w, &r->count, s);
}

static const struct element *map_element(const struct walk *w, const struct rule_form *r)
{
	int who = r->map_out ? w->seat->out : w->seat->in;
	const struct element *e = who == NAME_PORT ? first_named(r->map, w->port) : NULL;
	vec_each (i, &r->map->wildcards)
		if (!e && who == NAME_PORT && name_fits(&r->map->elements.items[*i].name, w->port))
			e = &r->map->elements.items[*i];
	return e;
}

static pset walk_chain(struct walk *w, uint32_t index, pset arrives, uint32_t depth);

static pset walk_called(struct walk *w, const struct rule_form *r, uint32_t chain, pset takes,
			uint32_t depth)
{
	bool named = w->named;
	w->named |= asks_port(w, r);
	pset on = walk_chain(w, chain - 1, takes, depth + 1);
	w->named = named;
	return on;
}

/* What a verdict does with packets; the result comes back into the chain, *back leaves it. */
static pset apply(struct walk *w, const struct rule_form *r, enum act act, uint32_t chain,
		  pset takes, pset *back, uint32_t depth)
{
	struct sets *s = w->f->sp->sets;
	switch (act) {
	case ACT_NEXT:
		return takes;
	case ACT_DROP:
		w->out->dropped = pset_or(s, w->out->dropped, takes);
		break;
	case ACT_REJECT:
		w->out->rejected = pset_or(s, w->out->rejected, takes);
		break;
	case ACT_ACCEPT:
		w->out->accepted = pset_or(s, w->out->accepted, takes);
		w->out->acceptor = r;
		w->accepted |= w->goes_on;
		if (!w->goes_on)
			break;
		*back = pset_or(s, *back, takes);
		return PSET_NONE;
	case ACT_RETURN: /* it has decided, unless a rule behind the jump does */
		w->out->decider = r;
		*back = pset_or(s, *back, takes);
		return PSET_NONE;
	case ACT_JUMP:
		return walk_called(w, r, chain, takes, depth);
	case ACT_GOTO:
		*back = pset_or(s, *back, walk_called(w, r, chain, takes, depth));
		return PSET_NONE;
	case ACT_MAP:
		return takes;
	}
	w->out->decider = r;
	return PSET_NONE;
}

static pset walk_rule(struct walk *w, const struct rule_form *r, pset arrives, pset *back,
		      uint32_t depth)
{
	struct sets *s = w->f->sp->sets;
	enum act act = r->act;
	uint32_t chain = r->chain;
	pset takes = pset_and(s, arrives, rule_form_takes(w, r));
	if (takes == PSET_NONE)
		return arrives;
	if (act == ACT_MAP) {
		const struct element *e = map_element(w, r);
		if (!e)
			return arrives;
		act = e->act;
		chain = e->chain;
	}
	pset on = apply(w, r, act, chain, takes, back, depth);
	return pset_or(s, pset_minus(s, arrives, takes), on);
}

/* Of a chain: *others says whether a rule above asks for the other end. */
static bool is_apart(struct walk *w, const struct rule_form *r, pset arrives, bool *others)
{
	struct sets *s = w->f->sp->sets;
	if (asks_other(w, r)) {
		*others = true;
		return pset_and(s, arrives, r->takes) == PSET_NONE || other_is_apart(w, r);
	}
	return !*others || r->act == ACT_NEXT ||
	       pset_and(s, arrives, rule_form_takes(w, r)) == PSET_NONE;
}

/* Returns those that come to its end or are returned. */
static pset walk_chain(struct walk *w, uint32_t index, pset arrives, uint32_t depth)
{
	const struct chain_form *c = &w->f->chains.items[index];
	pset back = PSET_NONE;
	bool others = false;
	if (depth > MAX_DEPTH || w->f->steps > MAX_STEPS || sets_failed(w->f->sp->sets)) {
		w->endless = true;
		return PSET_NONE;
	}
	vec_each (r, &c->rules) {
		if (arrives == PSET_NONE)
			break;
		w->f->steps++;
		if (!is_apart(w, *r, arrives, &others)) {
			not_apart(w, *r);
			break;
		}
		arrives = walk_rule(w, *r, arrives, &back, depth);
	}
	return pset_or(w->f->sp->sets, arrives, back);
}

/* --- base chains --- */

static bool at_seat(const struct chain_form *c, const struct seat *seat, struct str port)
{
	if (!c->defined || c->hook != seat->hook || c->priority != seat->priority)
		return false;
	vec_each (d, &c->devs)
		if (name_fits(d, port))
			return true;
	return !c->devs.n;
}

bool eval_seats_known(struct script_form *f, enum syntax syntax)
{
	vec_each (c, &f->chains) {
		bool known = c->hook == HOOK_NONE || c->hook == HOOK_OUTPUT;
		for (uint32_t i = 0; i < nseats; i++)
			known |= seats[i].syntax == syntax && seats[i].hook == c->hook &&
				 seats[i].priority == c->priority;
		if (!known)
			return unread(f, 0, 0,
				      "chain '%.*s' is at a hook and a priority where "
				      "no part of a filter is",
				      STR_ARG(c->name));
	}
	return true;
}

static bool eval_walk(struct script_form *f, const struct seat *seat, struct str port, pset of,
		      bool goes_on, struct outcome *out)
{
	struct sets *s = f->sp->sets;
	pset passed = of;
	*out = (struct outcome){0};
	struct walk w = {.f = f, .seat = seat, .port = port, .out = out, .goes_on = goes_on};
	f->steps = 0;
	for (uint32_t i = 0; i < f->chains.n && !w.endless; i++) {
		const struct chain_form *c = &f->chains.items[i];
		if (!at_seat(c, seat, port))
			continue;
		pset end = walk_chain(&w, i, passed, 0);
		if (c->drops) {
			out->dropped = pset_or(s, out->dropped, end);
			out->by_policy |= end != PSET_NONE;
		}
		passed = pset_minus(s, pset_minus(s, passed, out->dropped), out->rejected);
	}
	out->passed = passed;
	return !w.endless;
}

/* With both ends in one hook, what accepts for one end must stand behind all that asks for the
 * other. */
bool eval_seat(struct script_form *f, const struct seat *seat, struct str port, pset of,
	       struct outcome *out)
{
	struct outcome on;
	if (!eval_walk(f, seat, port, of, false, out))
		return false;
	return seat->hook != HOOK_FORWARD || seat->in != NAME_OTHER || out->accepted == PSET_NONE ||
	       eval_walk(f, seat, port, of, true, &on);
}
