/* SPDX-License-Identifier: MIT */
/*
 * Order that nobody wrote: rules, and chains, of one priority.
 */
#include "ir/findings.h"
#include "review/lint.h"

/* A return before a drop in its chain is how exceptions are written: in the order of the text. */
static bool decides(enum action a)
{
	return a == ACTION_ACCEPT || a == ACTION_DROP || a == ACTION_REJECT;
}

/* --- rules -------------------------------------------------------------------------------- */

/* Rules of one list and priority that stand one after the other. */
static bool same_place(const struct rule_meaning *a, const struct rule_meaning *b)
{
	return a->layer == b->layer && a->chain == b->chain &&
	       a->rule->source->priority == b->rule->source->priority;
}

/* The first rule behind `a` of its priority that takes packets which `a` decides about another way.
 */
static const struct rule_meaning *disagrees(struct lint_port *lp, const struct side_meaning *m,
					    const struct rule_meaning *a)
{
	for (const struct rule_meaning *b = a + 1;
	     b < m->rules.items + m->rules.n && same_place(a, b); b++)
		if (decides(a->rule->verdict) && decides(b->rule->verdict) &&
		    (a->rule->verdict == ACTION_ACCEPT) != (b->rule->verdict == ACTION_ACCEPT) &&
		    pset_and(lp->sets, a->decides, b->takes) != PSET_NONE)
			return b;
	return NULL;
}

void lint_order(struct lint_port *lp)
{
	for (int side = 0; side < SIDES; side++) {
		const struct side_meaning *m = lint_side(lp, (enum side)side);
		vec_each (a, &m->rules) {
			if (a->decides == PSET_NONE)
				continue;
			const struct rule_meaning *b = disagrees(lp, m, a);
			const struct rule *r = b ? b->rule->source : NULL;
			if (!r || lint_theirs(r) || lint_theirs(a->rule->source))
				continue;
			struct draft *d = lint_once(
				lp, r->filter, FINDING(N714), r->span,
				str_printf(lp->arena,
					   "this %s and an earlier %s take the same packets at one "
					   "priority, %d: only the order of the text decides",
					   action_names[r->action],
					   action_names[a->rule->source->action], r->priority));
			if (d)
				draft_note(lp, d, a->rule->source->span,
					   STR("this one is asked first"));
			break;
		}
	}
}

/* --- chains --------------------------------------------------------------------------------- */

/* What the rules of a chain take that let pass, or that drop; decided: only what comes to them. */
static pset of_chain(struct lint_port *lp, enum side side, uint32_t chain, bool pass, bool decided)
{
	pset s = PSET_NONE;
	vec_each (rm, &lint_side(lp, side)->rules) {
		enum action a = rm->rule->verdict;
		bool wanted = pass ? a == ACTION_ACCEPT : a == ACTION_DROP || a == ACTION_REJECT;
		if (rm->layer == LAYER_FRAME && rm->chain == chain && wanted)
			s = pset_or(lp->sets, s, decided ? rm->decides : rm->takes);
	}
	return s;
}

static bool tie(struct lint_port *lp, enum side side, uint32_t a, uint32_t b)
{
	const struct part *part = &lp->pd->program->parts[side];
	pset shown = chain_takes_set(lp->sp, &part->chains.items[b]);
	for (int pass = 0; pass < 2; pass++) {
		pset first = of_chain(lp, side, a, pass, true);
		pset second = of_chain(lp, side, b, !pass, false);
		if (pset_and(lp->sets, pset_and(lp->sets, first, second), shown) != PSET_NONE)
			return true;
	}
	return false;
}

/* A filter with a rule in a chain. */
static const struct filter *filter_of(const struct part *part, uint32_t chain)
{
	vec_each (it, &part->chains.items[chain].items)
		if (it->kind == ITEM_RULE)
			return it->rule->source->filter;
	return NULL;
}

static void say_tie(struct lint_port *lp, const struct part *part, uint32_t a, uint32_t b)
{
	const struct filter *f = filter_of(part, b), *g = filter_of(part, a);
	const struct pchain *chains = part->chains.items;
	if (!f || !g || (f->stock && g->stock))
		return;
	struct draft *d = lint_once(lp, f, FINDING(W715), f->chain_given ? f->chain_span : f->span,
				    str_printf(lp->arena,
					       "chains '%.*s' and '%.*s' have one priority, %d, "
					       "and disagree about packets: "
					       "only their names put them in order",
					       STR_ARG(chains[a].name), STR_ARG(chains[b].name),
					       chains[a].priority));
	if (d)
		draft_note(lp, d, g->chain_given ? g->chain_span : g->span, STR("the other chain"));
}

void lint_chain_ties(struct lint_port *lp)
{
	for (int side = 0; side < SIDES; side++) {
		const struct part *part = &lp->pd->program->parts[side];
		for (uint32_t a = 1; a + 1 < part->chains.n; a++)
			for (uint32_t b = a + 1; b < part->chains.n; b++)
				if (part->chains.items[a].priority ==
					    part->chains.items[b].priority &&
				    tie(lp, (enum side)side, a, b))
					say_tie(lp, part, a, b);
	}
}
