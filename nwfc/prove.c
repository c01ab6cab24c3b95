/* SPDX-License-Identifier: MIT */
/*
 * Subjects are gone through one after another, each with all that is asserted of it, so
 * that its verdicts are found once.
 */
#include "nwfc/prove.h"

#include "base/near.h"
#include "nwfc/packet_class.h"
#include "review/meaning.h"
#include "review/standin.h"

const char *const outcome_names[OUTCOMES] = {"proven", "broken", "depends"};

/* --- subjects --------------------------------------------------------------------------------- */

bool assertion_is_about(const struct assertion *a, const struct subject *x)
{
	switch (a->subject) {
	case ASSERT_PORT:
		return !x->filter && str_eq(a->name, x->name);
	case ASSERT_FILTER:
		return x->filter && str_eq(a->name, x->name);
	case ASSERT_EVERY_PORT:
		return !x->filter;
	case ASSERT_EVERY_FILTER:
		return x->filter && x->top;
	default:
		return !x->filter || x->top;
	}
}

static struct subject *add_subject(struct prove *p, struct str name)
{
	struct subject *x = arena_new_object(p->s->arena, struct subject);
	*vec_push(p->s->arena, &p->subjects) = x;
	x->name = name;
	return x;
}

/* A port that learns has the learning set, and then its own filter. */
static bool add_learned(struct prove *p)
{
	struct pass_ctx cx = {p->s->arena, &p->s->diags, p->s->limits, NULL};
	struct map learners = {0};
	bool added, good = true;
	vec_each (l, &p->build->learners)
		map_put(p->s->arena, &learners, l->port->name, &added)->cptr = l;
	vec_each (pd, &p->build->ports) {
		const struct map_entry *e =
			pd->learning ? map_find(&learners, pd->port->name) : NULL;
		if (!e)
			continue;
		struct subject *x = add_subject(p, pd->port->name);
		x->learned = true;
		good &= standin_learned(&cx, &p->host->library, e->cptr, &x->data);
	}
	return good;
}

static bool add_ports(struct prove *p)
{
	vec_each (pd, &p->build->ports)
		add_subject(p, pd->port->name)->data = *pd;
	return add_learned(p);
}

static struct subject *find_filter(struct prove *p, struct str name)
{
	vec_each (x, &p->subjects)
		if ((*x)->filter && str_eq((*x)->name, name))
			return *x;
	struct subject *x = add_subject(p, name);
	x->filter = true;
	return x;
}

static bool wants_tops(const struct prove *p)
{
	vec_each (a, &p->host->assertions.list)
		if ((*a)->subject == ASSERT_EVERY_FILTER || (*a)->subject == ASSERT_EVERY_GUEST)
			return true;
	return false;
}

static void add_filters(struct prove *p)
{
	struct filter_list tops = {0};
	if (wants_tops(p))
		standin_tops(p->s->arena, &p->host->library, &p->host->ports, &tops);
	vec_each (f, &tops.list)
		if (!(*f)->looked_up)
			find_filter(p, (*f)->name)->top = true;
	vec_each (a, &p->host->assertions.list)
		if ((*a)->subject == ASSERT_FILTER && library_find(&p->host->library, (*a)->name))
			find_filter(p, (*a)->name);
}

static void add_tree(struct prove *p, const struct filter *words, struct standin_also *also)
{
	const struct tree *t = packet_class_tree(p->s, words);
	if (t)
		*vec_push(p->s->arena, &also->trees) = t;
}

/* A stand-in has what the filter needs, and what is asserted of it. */
static bool build_filter(struct prove *p, struct subject *x)
{
	struct pass_ctx cx = {p->s->arena, &p->s->diags, p->s->limits, NULL};
	struct standin_also also = {0};
	vec_each (a, &p->host->assertions.list) {
		if (!assertion_is_about(*a, x))
			continue;
		add_tree(p, (*a)->packets, &also);
		vec_each (e, &(*a)->excepts)
			add_tree(p, *e, &also);
	}
	return standin_build_also(&cx, &p->host->library, library_find(&p->host->library, x->name),
				  &also, &x->data);
}

static void say_missing(struct prove *p, const struct assertion *a)
{
	static const char *const nobody[ASSERT_SUBJECTS] = {
		[ASSERT_EVERY_PORT] = "the inputs have no port",
		[ASSERT_EVERY_FILTER] = "the inputs have no filter that stands by itself",
		[ASSERT_EVERY_GUEST] =
			"the inputs have neither a port nor a filter that stands by itself"};
	struct nearest n = nearest_to(a->name);
	struct finding *f;
	if (nobody[a->subject]) {
		diag_add(&p->s->diags, FINDING(E320), a->name_span, "%s", nobody[a->subject]);
		return;
	}
	bool port = a->subject == ASSERT_PORT;
	f = diag_add(&p->s->diags, FINDING(E320), a->name_span, "there is no %s '%.*s'",
		     port ? "port" : "filter", STR_ARG(a->name));
	vec_each (x, &p->host->ports.list)
		if (port)
			nearest_try(&n, str_printf(p->s->arena, "%.*s", STR_ARG((*x)->name)).s);
	map_each (e, &p->host->library.by_name)
		if (!port)
			nearest_try(&n, str_printf(p->s->arena, "%.*s", STR_ARG(e->key)).s);
	if (n.name)
		nearest_hint(&p->s->diags, f, &n);
}

static bool has_subject(const struct prove *p, const struct assertion *a)
{
	vec_each (x, &p->subjects)
		if (assertion_is_about(a, *x))
			return true;
	return false;
}

bool prove_bind(struct prove *p)
{
	bool good = add_ports(p);
	if (!good)
		return false;
	add_filters(p);
	vec_each (a, &p->host->assertions.list)
		if (!has_subject(p, *a)) {
			say_missing(p, *a);
			good = false;
		}
	vec_each (x, &p->subjects) {
		if ((*x)->filter && !build_filter(p, *x))
			return false;
		for (int side = 0; side < SIDES; side++)
			(*x)->usual[side] = usual_packet(&(*x)->data, (enum side)side);
	}
	return good;
}

/* --- packets ---------------------------------------------------------------------------------- */

static bool too_large(struct prove *p, const struct assertion *a)
{
	if (!sets_failed(p->space->sets))
		return false;
	diag_add(&p->s->diags, FINDING(E603), a->span, "its sets of packets are too large");
	return true;
}

/* Does the port give all variables of the words? Those that it does not are noted. */
static bool has_values(struct prove *p, const struct filter *words, const struct port *port,
		       struct questions *lacking)
{
	struct pass_ctx cx = {p->s->arena, &p->s->diags, p->s->limits, NULL};
	struct missing_uses missing = {0};
	const struct tree *t = packet_class_tree(p->s, words);
	if (t)
		find_missing(&cx, t, port, &missing);
	vec_each (m, &missing.list) {
		bool noted = false;
		vec_each (l, &lacking->list)
			noted |= str_eq(*l, m->text);
		if (!noted)
			*vec_push(p->s->arena, &lacking->list) = m->text;
	}
	return t && !missing.list.n;
}

static bool take_away(struct prove *p, const struct filter *words, struct proof *proof,
		      pset out[SIDES])
{
	const struct subject *x = proof->subject;
	pset less[SIDES];
	if (!has_values(p, words, x->data.port, &proof->lacking))
		return true;
	if (!packet_class_of(p->s, p->space, words, x->data.port, less))
		return false;
	for (int side = 0; side < SIDES; side++)
		out[side] = pset_minus(p->space->sets, out[side], less[side]);
	return true;
}

/* The packets that an assertion is about, on each side. */
static bool find_packets(struct prove *p, struct proof *proof, pset out[SIDES])
{
	const struct assertion *a = proof->assertion;
	const struct subject *x = proof->subject;
	if (!packet_class_of(p->s, p->space, a->packets, x->data.port, out))
		return false;
	vec_each (e, &a->excepts)
		if (!take_away(p, *e, proof, out))
			return false;
	if (too_large(p, a))
		return false;
	if (out[SIDE_OUT] != PSET_NONE || out[SIDE_IN] != PSET_NONE)
		return true;
	struct finding *f =
		diag_add(&p->s->diags, FINDING(E321), a->span, "no packet is meant by this");
	if (a->subject > ASSERT_FILTER)
		diag_note(&p->s->diags, f, x->data.port->name_span, "%s '%.*s' has none",
			  x->filter ? "filter" : "port", STR_ARG(x->name));
	return false;
}

/* --- proofs ----------------------------------------------------------------------------------- */

/* Those of the packets that do not get what is demanded. */
static pset breaking(struct sets *s, const struct verdicts *v, enum demand demand, pset packets)
{
	switch (demand) {
	case DEMAND_NEVER:
		return pset_and(s, packets, v->passed);
	case DEMAND_ACCEPT:
		return pset_minus(s, packets, v->passed);
	case DEMAND_DROP:
		return pset_minus(s, packets, v->dropped);
	default:
		return pset_minus(s, packets, v->rejected);
	}
}

static bool verdict_breaks(enum verdict v, enum demand demand)
{
	static const enum verdict wanted[] = {[DEMAND_ACCEPT] = VERDICT_PASS,
					      [DEMAND_DROP] = VERDICT_DROP,
					      [DEMAND_REJECT] = VERDICT_REJECT};
	return demand == DEMAND_NEVER ? v == VERDICT_PASS : v != wanted[demand];
}

/*
 * The packets of `bad` that are meant by the words for some values of the unknowns, and
 * break the assertion for all values for which they are meant.
 */
static pset surely(struct space *sp, pset bad, pset packets)
{
	struct sets *s = sp->sets;
	vec_of(uint32_t) bits = {0};
	vec_each (u, &sp->unknowns)
		*vec_push(sp->arena, &bits) = u->bit;
	pset good = pset_minus(s, packets, bad);
	return pset_and(s, bad, pset_every(s, pset_not(s, good), bits.items, bits.n));
}

/* The unknowns that decide about the packet that is shown. */
static void note_unknowns(struct space *sp, pset bad, struct proof *x)
{
	for (int v = 0; v < VARS; v++)
		bad = space_given(sp, bad, (enum var_id)v, x->witness.v[v]);
	vec_each (u, &sp->unknowns) {
		bool known = !pset_asks(sp->sets, bad, &u->bit, 1);
		vec_each (t, &x->unknowns.list)
			known |= str_eq(*t, u->text);
		if (!known)
			*vec_push(sp->arena, &x->unknowns.list) = u->text;
	}
}

/* A side on which an assertion does not hold. A packet that breaks it for sure says more. */
static void note_broken(struct prove *p, struct proof *x, enum side side, pset bad, pset packets)
{
	struct space *sp = p->space;
	pset sure = surely(sp, bad, packets);
	enum outcome o = sure == PSET_NONE ? DEPENDS : BROKEN;
	if (x->outcome == BROKEN || x->outcome == o)
		return;
	x->outcome = o;
	x->unknowns = (struct questions){0};
	if (o == BROKEN)
		bad = sure;
	pset sayable = space_sayable(sp, bad);
	x->witness =
		space_witness(sp, sayable == PSET_NONE ? bad : sayable, &x->subject->usual[side]);
	if (o == DEPENDS)
		note_unknowns(sp, bad, x);
	x->region = region_of(sp, pset_simplify(sp->sets, bad, sp->valid), PROVE_BOXES);
	x->walk = simulate(NULL, &x->subject->data, &x->witness);
	p->wrong |= sayable != PSET_NONE && !sets_failed(sp->sets) &&
		    !verdict_breaks(x->walk.verdict, x->assertion->demand);
}

struct sides {
	struct verdicts v[SIDES];
	bool known[SIDES];
};

static const struct verdicts *verdicts_on(struct prove *p, const struct subject *x, enum side side,
					  struct sides *all)
{
	if (!all->known[side])
		all->v[side] = verdicts_of(p->space, &x->data, side, NULL);
	all->known[side] = true;
	return &all->v[side];
}

static bool prove_one(struct prove *p, const struct assertion *a, const struct subject *x,
		      struct sides *all)
{
	struct sets *s = p->space->sets;
	struct proof *proof = arena_new_object(p->s->arena, struct proof);
	pset packets[SIDES];
	*proof = (struct proof){.assertion = a, .subject = x};
	if (!find_packets(p, proof, packets))
		return false;
	for (int side = 0; all && side < SIDES; side++) {
		if (packets[side] == PSET_NONE)
			continue;
		const struct verdicts *v = verdicts_on(p, x, (enum side)side, all);
		pset bad = breaking(s, v, a->demand, packets[side]);
		if (bad != PSET_NONE)
			note_broken(p, proof, (enum side)side, bad, packets[side]);
	}
	if (too_large(p, a))
		return false;
	p->counts[proof->outcome]++;
	*vec_push(p->s->arena, &p->list) = proof;
	return true;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool prove_subject(struct prove *p, const struct subject *x, bool prove)
{
	struct sides all = {0};
	size_t mark = sets_mark(p->space->sets);
	bool good = true;
	vec_each (a, &p->host->assertions.list)
		if (assertion_is_about(*a, x))
			good &= prove_one(p, *a, x, prove ? &all : NULL);
	sets_release(p->space->sets, mark, NULL, 0);
	return good;
}

static uint32_t most_rules(const struct prove *p)
{
	uint32_t most = 0;
	vec_each (x, &p->subjects) {
		uint32_t n = program_rules((*x)->data.program);
		most = n > most ? n : most;
	}
	return most;
}

static bool go_through(struct prove *p, bool prove)
{
	bool good = true;
	p->space = space_open_for(p->s->arena, most_rules(p));
	if (!p->space) {
		diag_add(&p->s->diags, FINDING(E603), (struct span){0}, "for sets of packets");
		return false;
	}
	vec_each (x, &p->subjects)
		good = good && prove_subject(p, *x, prove);
	space_close(p->space);
	return good;
}

bool prove_packets(struct prove *p)
{
	return !p->host->assertions.list.n || go_through(p, false);
}

bool prove_all(struct prove *p)
{
	return go_through(p, true);
}
