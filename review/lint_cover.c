/* SPDX-License-Identifier: MIT */
/*
 * Which rules take all packets of a set before a place: the fewest. One, when one is enough; two,
 * when two are; else one after the other that which takes most of what is left, and of these
 * none that the others make needless. (The fewest of more than two is the set cover
 * problem, which has no fast way.)
 *
 * A rule covers what its tests take of what its chain is shown, and of what no return in that
 * chain took before: if it and the returns were alone with the covered rule, none of
 * these packets would come there.
 */
#include "review/lint.h"

/* Beyond these numbers of candidates pairs are not tried, nor the largest looked for. */
#define PAIRS_MOST      64
#define CANDIDATES_MOST 1000

struct candidate {
	const struct rule_meaning *rule;
	pset covers;
};

struct candidates {
	vec_of(struct candidate) list;
};

pset lint_shown(const struct lint_port *lp, const struct rule_meaning *rm)
{
	if (rm->layer == LAYER_PACKET)
		return pset_and(lp->sets, lp->sp->valid, lp->sp->conds[C_IP]);
	const struct part *part = &lp->pd->program->parts[rm->side];
	return pset_and(lp->sets, lp->sp->valid,
			chain_takes_set(lp->sp, &part->chains.items[rm->chain]));
}

/* A return in another chain comes back: what it takes is shown to no rule behind it there. */
static bool comes_back(const struct rule_meaning *rm, const struct rule_meaning *before)
{
	return rm->rule->verdict == ACTION_RETURN && rm->layer == LAYER_FRAME && rm->chain != 0 &&
	       rm->chain != before->chain;
}

static void find_candidates(struct lint_port *lp, const struct rule_meaning *before, pset wanted,
			    struct candidates *out)
{
	const struct side_meaning *m = lint_side(lp, before->side);
	pset rest = wanted; /* of the chain that is gone through */
	for (const struct rule_meaning *rm = m->rules.items; rm < before; rm++) {
		if (rm->layer != before->layer)
			continue;
		if (rm == m->rules.items || rm->chain != rm[-1].chain || rm->layer != rm[-1].layer)
			rest = pset_and(lp->sets, wanted, lint_shown(lp, rm));
		if (rm->rule->verdict == ACTION_CONTINUE)
			continue;
		if (comes_back(rm, before)) {
			rest = pset_minus(lp->sets, rest, rm->takes);
			continue;
		}
		pset some = pset_and(lp->sets, rest, rm->takes);
		if (some == PSET_NONE)
			continue;
		if (some == wanted) /* it does alone; no other one is asked for */
			out->list.n = 0;
		*vec_push(lp->arena, &out->list) = (struct candidate){rm, some};
		if (some == wanted)
			return;
	}
}

static void take(struct lint_port *lp, struct cover *c, const struct candidate *x)
{
	*vec_push(lp->arena, &c->by) = x->rule;
}

static bool two(struct lint_port *lp, const struct candidates *cs, pset wanted, struct cover *c)
{
	if (cs->list.n > PAIRS_MOST)
		return false;
	vec_each (x, &cs->list)
		for (const struct candidate *y = x + 1; y < cs->list.items + cs->list.n; y++)
			if (pset_or(lp->sets, x->covers, y->covers) == wanted) {
				take(lp, c, x);
				take(lp, c, y);
				return true;
			}
	return false;
}

static const struct candidate *largest(struct lint_port *lp, const struct candidates *cs, pset rest)
{
	const struct candidate *best = NULL;
	double most = -1;
	bool any = cs->list.n > CANDIDATES_MOST;
	vec_each (x, &cs->list) {
		pset some = pset_and(lp->sets, x->covers, rest);
		double size = some == PSET_NONE ? -1 : any ? 1 : pset_size(lp->sets, some);
		if (size > most) {
			most = size;
			best = x;
		}
	}
	return best;
}

/* Those whose packets the others take as well are needless. */
static void drop_needless(struct lint_port *lp, struct candidates *chosen, pset wanted,
			  struct cover *c)
{
	vec_each (x, &chosen->list) {
		pset others = PSET_NONE;
		vec_each (y, &chosen->list)
			if (y != x)
				others = pset_or(lp->sets, others, y->covers);
		if (others == wanted)
			x->covers = PSET_NONE;
		else
			take(lp, c, x);
	}
}

static void several(struct lint_port *lp, const struct candidates *cs, pset wanted, struct cover *c)
{
	struct candidates chosen = {0};
	for (pset rest = wanted; rest != PSET_NONE;) {
		const struct candidate *x = largest(lp, cs, rest);
		if (!x)
			return; /* the engine is full */
		*vec_push(lp->arena, &chosen.list) = *x;
		rest = pset_minus(lp->sets, rest, x->covers);
	}
	drop_needless(lp, &chosen, wanted, c);
}

struct cover lint_cover(struct lint_port *lp, const struct rule_meaning *before, pset wanted)
{
	struct cover c = {0};
	struct candidates cs = {0};
	size_t mark = sets_mark(lp->sets);
	find_candidates(lp, before, wanted, &cs);
	if (cs.list.n == 1)
		take(lp, &c, cs.list.items);
	else if (!two(lp, &cs, wanted, &c))
		several(lp, &cs, wanted, &c);
	sets_release(lp->sets, mark, NULL, 0);
	return c;
}
