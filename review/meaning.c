/* SPDX-License-Identifier: MIT */
/*
 * From chains to sets: the packets that come to a rule are those that came to the
 * one before and were not decided about there.
 */
#include "review/meaning.h"

struct walker {
	struct space *sp;
	const struct port_data *pd;
	const struct part *part;
	struct side_meaning *m;
	enum side side;
	enum layer layer;
	pset within;
	struct taken *taken;
	/* decided so far, in this layer */
	vec_of(pset) decided[3]; /* passed, dropped, rejected */
};

enum { PASSED, DROPPED, REJECTED };

/* --- what rules take, remembered ------------------------------------------------------------ */

/* A place for each item of each chain, then for each packet rule; -1: not asked for yet. */
struct taken {
	uint32_t *chains, packets, n;
	pset *sets;
};

struct taken *taken_new(struct space *sp, const struct port_data *pd, enum side side)
{
	const struct part *part = &pd->program->parts[side];
	struct taken *t = arena_new_object(sp->arena, struct taken);
	t->chains = arena_new_array(sp->arena, uint32_t, part->chains.n + 1);
	for (uint32_t c = 0; c < part->chains.n; c++) {
		t->chains[c] = t->n;
		t->n += part->chains.items[c].items.n;
	}
	t->packets = t->n;
	t->n += part->packet.n;
	t->sets = arena_new_array(sp->arena, pset, t->n + 1);
	for (uint32_t i = 0; i < t->n; i++)
		t->sets[i] = -1;
	return t;
}

void taken_release(struct space *sp, struct taken *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->sets[i] >= 0)
			pset_let_go(sp->sets, t->sets[i]);
}

static pset takes_of(struct space *sp, const struct port_data *pd, struct taken *t,
		     enum layer layer, uint32_t chain, uint32_t place, const struct prule *r)
{
	if (!t)
		return rule_takes(sp, r, pd);
	pset *set = &t->sets[(layer == LAYER_PACKET ? t->packets : t->chains[chain]) + place];
	if (*set < 0)
		*set = pset_keep(sp->sets, rule_takes(sp, r, pd));
	return *set;
}

/* --- rule by rule, as packets meet them --------------------------------------------------------
 */

/* Where the packets go that a rule decides about; -1: on, -2: out of the chain. */
enum { GO_ON = -1, GO_BACK = -2 };
static int outcome(enum action verdict, enum layer layer, bool root)
{
	static const int where[] = {
		[ACTION_ACCEPT] = PASSED,  [ACTION_DROP] = DROPPED,   [ACTION_REJECT] = REJECTED,
		[ACTION_RETURN] = GO_BACK, [ACTION_CONTINUE] = GO_ON,
	};
	int w = where[verdict];
	if (w == REJECTED && layer == LAYER_FRAME)
		return DROPPED;
	return w == GO_BACK && root ? PASSED : w;
}

/* One rule: packets come, the others go on. *back: those that leave the chain. */
static pset walk_rule(struct walker *w, const struct prule *r, uint32_t chain, uint32_t place,
		      pset arrives, pset *back)
{
	struct sets *s = w->sp->sets;
	int where = outcome(r->verdict, w->layer, w->layer == LAYER_PACKET || chain == 0);
	struct rule_meaning rm = {
		.rule = r, .side = w->side, .layer = w->layer, .chain = chain, .arrives = arrives};
	rm.takes = takes_of(w->sp, w->pd, w->taken, w->layer, chain, place, r);
	if (where != GO_ON)
		rm.decides = pset_and(s, arrives, rm.takes);
	*vec_push(w->sp->arena, &w->m->rules) = rm;
	if (where >= 0)
		*vec_push(w->sp->arena, &w->decided[where]) = rm.decides;
	else if (where == GO_BACK)
		*back = pset_or(s, *back, rm.decides);
	/* taking away the simple set is less work than what it has in common with the other */
	return rm.decides == PSET_NONE ? arrives : pset_minus(s, arrives, rm.takes);
}

pset chain_takes_set(struct space *sp, const struct pchain *c)
{
	const struct chain_prefix *p = c->prefix;
	if (!p)
		return PSET_ALL;
	if (p->stp)
		return space_value(sp, V_ETHER_DADDR, 0x0180c2000000);
	return p->ethertype ? space_value(sp, V_ETHER_TYPE, p->ethertype) : PSET_ALL;
}

static pset walk_chain(struct walker *w, uint32_t index, pset arrives)
{
	struct sets *s = w->sp->sets;
	const struct pchain *c = &w->part->chains.items[index];
	pset back = PSET_NONE;
	w->m->chains.items[index].enters = arrives;
	for (uint32_t i = 0; i < c->items.n; i++) {
		const struct pitem *item = &c->items.items[i];
		if (item->kind == ITEM_RULE) {
			arrives = walk_rule(w, item->rule, index, i, arrives, &back);
			continue;
		}
		pset in = pset_and(s, arrives,
				   chain_takes_set(w->sp, &w->part->chains.items[item->chain]));
		arrives = pset_or(s, pset_minus(s, arrives, in), walk_chain(w, item->chain, in));
	}
	w->m->chains.items[index].leaves = pset_or(s, arrives, back);
	return w->m->chains.items[index].leaves;
}

/* A layer's packets: all, or for the packet layer untagged IPv4 and IPv6. */
static void walk_layer(struct walker *w, enum layer layer)
{
	struct sets *s = w->sp->sets;
	pset all = w->sp->valid,
	     sees = layer == LAYER_FRAME ? all : pset_and(s, all, w->sp->conds[C_IP]);
	pset end = sees, back = PSET_NONE;
	w->layer = layer;
	for (int i = 0; i < 3; i++)
		w->decided[i].n = 0;
	if (layer == LAYER_PACKET)
		for (uint32_t i = 0; i < w->part->packet.n; i++)
			end = walk_rule(w, w->part->packet.items[i], 0, i, end, &back);
	else if (w->part->chains.n)
		end = walk_chain(w, 0, sees);
	w->m->undecided[layer] = end;
	pset dropped = pset_union(s, w->decided[DROPPED].items, w->decided[DROPPED].n);
	pset rejected = pset_union(s, w->decided[REJECTED].items, w->decided[REJECTED].n);
	w->m->layer_dropped[layer] = dropped;
	w->m->layer_rejected[layer] = rejected;
	w->m->layer_passed[layer] = pset_minus(s, pset_minus(s, all, dropped), rejected);
}

/* The second layer is asked about what the first lets pass. */
static void combine(struct space *sp, struct side_meaning *m, enum layer first)
{
	struct sets *s = sp->sets;
	enum layer second = first == LAYER_FRAME ? LAYER_PACKET : LAYER_FRAME;
	pset on = m->layer_passed[first];
	m->passed = pset_and(s, on, m->layer_passed[second]);
	m->dropped = pset_or(s, m->layer_dropped[first], pset_and(s, on, m->layer_dropped[second]));
	m->rejected =
		pset_or(s, m->layer_rejected[first], pset_and(s, on, m->layer_rejected[second]));
}

struct side_meaning *meaning_within(struct space *sp, const struct port_data *pd, enum side side,
				    pset within, struct taken *t)
{
	struct side_meaning *m = arena_new_object(sp->arena, struct side_meaning);
	struct walker w = {.sp = sp,
			   .pd = pd,
			   .part = &pd->program->parts[side],
			   .m = m,
			   .side = side,
			   .within = within,
			   .taken = t};
	vec_each (c, &w.part->chains)
		*vec_push(sp->arena, &m->chains) = (struct chain_meaning){0};
	walk_layer(&w, LAYER_FRAME);
	walk_layer(&w, LAYER_PACKET);
	combine(sp, m, side == SIDE_OUT ? LAYER_FRAME : LAYER_PACKET);
	return m;
}

struct meaning *meaning_of(struct space *sp, const struct port_data *pd)
{
	struct meaning *me = arena_new_object(sp->arena, struct meaning);
	me->port = pd;
	for (int side = 0; side < SIDES; side++)
		me->sides[side] = *meaning_within(sp, pd, (enum side)side, sp->valid, NULL);
	return me;
}

/* --- verdicts alone, from the last rule to the first ------------------------------------------ */

struct backward {
	struct space *sp;
	const struct port_data *pd;
	const struct part *part;
	enum layer layer;
	struct taken *taken;
	fate_fn *look; /* NULL: nobody does */
	void *arg;
};

static pset with_or_without(struct sets *s, pset fate, pset takes, bool with)
{
	return with                ? pset_or(s, fate, takes)
	       : fate == PSET_NONE ? fate
				   : pset_minus(s, fate, takes);
}

/* `after`: what becomes of those that leave the chain. */
static struct fate fate_before_rule(struct backward *b, const struct prule *r, uint32_t chain,
				    uint32_t place, struct fate on, struct fate after)
{
	struct sets *s = b->sp->sets;
	int where = outcome(r->verdict, b->layer, b->layer == LAYER_PACKET || chain == 0);
	if (b->look)
		b->look(b->arg, r, on, after);
	if (where == GO_ON)
		return on;
	pset takes = takes_of(b->sp, b->pd, b->taken, b->layer, chain, place, r);
	if (where == GO_BACK)
		return (struct fate){pset_if(s, takes, after.dropped, on.dropped),
				     pset_if(s, takes, after.rejected, on.rejected)};
	return (struct fate){with_or_without(s, on.dropped, takes, where == DROPPED),
			     with_or_without(s, on.rejected, takes, where == REJECTED)};
}

static struct fate fate_of_chain(struct backward *b, uint32_t index, struct fate after)
{
	struct sets *s = b->sp->sets;
	const struct pchain *c = &b->part->chains.items[index];
	struct fate on = after;
	for (uint32_t i = c->items.n; i-- > 0 && !sets_failed(s);) {
		const struct pitem *it = &c->items.items[i];
		size_t mark = sets_mark(s);
		if (it->kind == ITEM_RULE) {
			on = fate_before_rule(b, it->rule, index, i, on, after);
			sets_release(s, mark, (pset[]){on.dropped, on.rejected}, 2);
			continue;
		}
		pset in = chain_takes_set(b->sp, &b->part->chains.items[it->chain]);
		struct fate there = fate_of_chain(b, it->chain, on);
		on = (struct fate){pset_if(s, in, there.dropped, on.dropped),
				   pset_if(s, in, there.rejected, on.rejected)};
	}
	return on;
}

static struct fate fate_in_layer(struct backward *b, enum layer layer)
{
	struct fate f = {PSET_NONE, PSET_NONE};
	struct sets *s = b->sp->sets;
	b->layer = layer;
	if (layer == LAYER_FRAME)
		return b->part->chains.n ? fate_of_chain(b, 0, f) : f;
	for (uint32_t i = b->part->packet.n; i-- > 0 && !sets_failed(s);) {
		size_t mark = sets_mark(s);
		f = fate_before_rule(b, b->part->packet.items[i], 0, i, f, f);
		sets_release(s, mark, (pset[]){f.dropped, f.rejected}, 2);
	}
	return (struct fate){pset_and(s, f.dropped, b->sp->conds[C_IP]),
			     pset_and(s, f.rejected, b->sp->conds[C_IP])};
}

void meaning_after(struct space *sp, const struct port_data *pd, enum side side, enum layer layer,
		   fate_fn *fn, void *arg)
{
	struct backward b = {
		.sp = sp, .pd = pd, .part = &pd->program->parts[side], .look = fn, .arg = arg};
	size_t mark = sets_mark(sp->sets);
	fate_in_layer(&b, layer);
	sets_release(sp->sets, mark, NULL, 0);
}

struct verdicts verdicts_of(struct space *sp, const struct port_data *pd, enum side side,
			    struct taken *t)
{
	struct backward b = {.sp = sp, .pd = pd, .part = &pd->program->parts[side], .taken = t};
	struct sets *s = sp->sets;
	struct fate frame = fate_in_layer(&b, LAYER_FRAME),
		    packet = fate_in_layer(&b, LAYER_PACKET);
	struct fate first = side == SIDE_OUT ? frame : packet,
		    second = side == SIDE_OUT ? packet : frame;
	/* of the second layer what the first lets pass */
	pset dropped = pset_or(s, first.dropped, pset_minus(s, second.dropped, first.rejected));
	pset rejected = pset_or(s, first.rejected, pset_minus(s, second.rejected, first.dropped));
	struct verdicts v = {.dropped = pset_and(s, dropped, sp->valid),
			     .rejected = pset_and(s, rejected, sp->valid)};
	v.passed = pset_minus(s, pset_minus(s, sp->valid, v.dropped), v.rejected);
	return v;
}

uint32_t program_rules(const struct program *p)
{
	uint32_t n = 0;
	for (int side = 0; side < SIDES; side++) {
		n += p->parts[side].packet.n;
		vec_each (c, &p->parts[side].chains)
			n += c->items.n;
	}
	return n;
}
