/* SPDX-License-Identifier: MIT */
/*
 * Rules and chains that do nothing.
 */
#include "ir/findings.h"
#include "review/lint.h"

#define NOTES_MOST 4

/* --- rules that never match ---------------------------------------------------------------- */

/* Does a form of the rule decide about anything? What only goes on decides nothing and is left
 * alone. */
static bool alive(const struct written *w)
{
	vec_each (f, &w->forms)
		if ((*f)->decides != PSET_NONE || (*f)->rule->verdict == ACTION_CONTINUE)
			return true;
	return false;
}

/* All that takes the packets of all forms, each rule as written once. */
static void cover_forms(struct lint_port *lp, const struct written *w, struct cover *all)
{
	vec_each (f, &w->forms) {
		pset wanted = pset_and(lp->sets, (*f)->takes, lint_shown(lp, *f));
		if (wanted == PSET_NONE)
			continue;
		struct cover c = lint_cover(lp, *f, wanted);
		vec_each (by, &c.by) {
			bool there = false;
			vec_each (x, &all->by)
				there |= lint_same_rule((*x)->rule, (*by)->rule);
			if (!there)
				*vec_push(lp->arena, &all->by) = *by;
		}
	}
}

static bool same_outcome(enum action a, enum action b)
{
	bool passes_a = a == ACTION_ACCEPT || a == ACTION_RETURN,
	     passes_b = b == ACTION_ACCEPT || b == ACTION_RETURN;
	return a == b || (passes_a && passes_b);
}

/* The first of them that does something else with the packets. */
static const struct rule_meaning *opposed(const struct cover *c, enum action action)
{
	vec_each (by, &c->by)
		if (!same_outcome((*by)->rule->verdict, action))
			return *by;
	return NULL;
}

static void note_cover(struct lint_port *lp, struct draft *d, const struct cover *c)
{
	for (uint32_t i = 0; i < c->by.n && i < NOTES_MOST; i++) {
		const struct prule *r = c->by.items[i]->rule;
		uint32_t more = i + 1 == NOTES_MOST ? c->by.n - NOTES_MOST : 0;
		struct str words = lint_rule_words(lp, r);
		draft_note(lp, d, r->source->span,
			   more ? str_printf(lp->arena, "taken here: %.*s; and by %u more rules",
					     STR_ARG(words), more)
				: str_printf(lp->arena, "taken here: %.*s", STR_ARG(words)));
	}
}

/* What the findings of stand-ins rest on. */
static void note_standin(struct lint_port *lp, struct draft *d, const struct rule *r)
{
	bool variable = false;
	vec_each (t, &r->tests)
		variable |= t->value.kind == OPERAND_VAR || t->to.kind == OPERAND_VAR ||
			    t->mask.kind == OPERAND_VAR;
	if (lp->standin && variable)
		d->hint = STR("no port gives its variables a value: they were given one of their "
			      "own here");
}

/* Has an error of one rule been said of it, of which this is but the consequence? */
static bool said_of_tests(const struct written *w)
{
	vec_each (t, &w->rule->tests) {
		if (t->field == F_TCP_FLAGS && t->value.kind == OPERAND_VALUE &&
		    t->value.value.u & 0xff & ~(t->value.value.u >> 8))
			return true; /* W408 */
		if (t->field == F_NET_PROTO && w->rule->proto->family == 6)
			return true; /* W410 */
	}
	return false;
}

/* A rule whose tests no packet meets; or none that comes into the chain. */
static void never_at_all(struct lint_port *lp, const struct written *w)
{
	bool contradicts = true;
	const struct rule_meaning *f = w->forms.items[0];
	const struct rule *r = w->rule;
	vec_each (x, &w->forms)
		contradicts &= pset_and(lp->sets, (*x)->takes, lp->sp->valid) == PSET_NONE;
	if (contradicts && said_of_tests(w))
		return;
	struct str chain = lp->pd->program->parts[f->side].chains.n
				   ? lp->pd->program->parts[f->side].chains.items[f->chain].name
				   : STR("root");
	struct draft *d =
		contradicts ? draft_new(lp, FINDING(W701), r->span,
					STR("no packet meets all tests of this rule"))
			    : draft_new(lp, FINDING(W718), r->span,
					str_printf(lp->arena,
						   "chain '%.*s' never has the packets that this "
						   "rule is about: %.*s",
						   STR_ARG(chain),
						   STR_ARG(lint_rule_words(lp, f->rule))));
	if (!contradicts && r->filter->chain_given)
		draft_note(lp, d, r->filter->chain_span, STR("the filter's chain"));
	note_standin(lp, d, r);
	lint_rule(lp, r, d);
}

/* An accept before a stock filter's drop: what the filter was taken for does not happen. */
static void check_lost(struct lint_port *lp, const struct written *w, const struct rule_meaning *by)
{
	const struct rule *r = by->rule->source;
	struct draft *d = lint_once(
		lp, r, FINDING(W701), r->span,
		str_printf(
			lp->arena,
			"a drop of the stock filter '%.*s' never matches: this %s takes all of its "
			"packets before",
			STR_ARG(w->rule->filter->name), action_names[r->action]));
	if (d)
		draft_note(lp, d, w->rule->span, lint_rule_words(lp, w->forms.items[0]->rule));
}

static void covered(struct lint_port *lp, const struct written *w, const struct cover *c)
{
	const struct rule *r = w->rule;
	const struct rule_meaning *other = opposed(c, r->action);
	if (lint_theirs(r)) {
		if (other && r->action == ACTION_DROP && !lint_theirs(other->rule->source))
			check_lost(lp, w, other);
		return;
	}
	const char *many = c->by.n == 1 ? "an earlier rule takes" : "earlier rules take";
	struct str text =
		other ? str_printf(lp->arena,
				   "this %s never matches: %s all of its packets, %s with another "
				   "action (%s)",
				   action_names[r->action], many,
				   c->by.n == 1 ? "and" : "one of them",
				   action_names[other->rule->verdict])
		      : str_printf(lp->arena,
				   "this %s never matches: %s all of its packets, with the same "
				   "action",
				   action_names[r->action], many);
	struct draft *d = draft_new(lp, FINDING(W701), r->span, text);
	note_cover(lp, d, c);
	note_standin(lp, d, r);
	lint_rule(lp, r, d);
}

/* --- chains ----------------------------------------------------------------------------------- */

/* Is the rule of a chain into which nothing comes, on whatever side it is? */
static bool in_unentered_chain(struct lint_port *lp, const struct written *w)
{
	const struct rule_meaning *f = w->forms.items[0];
	if (f->layer != LAYER_FRAME || !f->chain)
		return false;
	for (int side = 0; side < SIDES; side++) {
		const struct part *part = &lp->pd->program->parts[side];
		for (uint32_t c = 1; c < part->chains.n; c++)
			if (str_eq(part->chains.items[c].name, w->rule->filter->chain) &&
			    lint_side(lp, (enum side)side)->chains.items[c].enters != PSET_NONE)
				return false;
	}
	return true;
}

static void unentered(struct lint_port *lp, const struct written *w)
{
	const struct rule_meaning *f = w->forms.items[0];
	const struct part *part = &lp->pd->program->parts[f->side];
	const struct pchain *chain = &part->chains.items[f->chain];
	const struct rule_meaning *first = f; /* of the chain */
	while (first > lint_side(lp, f->side)->rules.items && first[-1].chain == f->chain &&
	       first[-1].layer == f->layer)
		first--;
	struct cover c = lint_cover(
		lp, first, pset_and(lp->sets, lp->sp->valid, chain_takes_set(lp->sp, chain)));
	struct str text = str_printf(
		lp->arena, "no packet ever enters chain '%.*s': %s all that would",
		STR_ARG(chain->name), c.by.n == 1 ? "an earlier rule takes" : "earlier rules take");
	const struct filter *filter = w->rule->filter;
	struct draft *d = draft_new(lp, FINDING(W703),
				    filter->chain_given ? filter->chain_span : filter->span, text);
	d->key = filter;
	note_cover(lp, d, &c);
	lint_rule(lp, w->rule, d);
}

void lint_dead_rules(struct lint_port *lp)
{
	vec_each (w, &lp->rules) {
		struct cover c = {0};
		if (alive(w))
			continue;
		if (!lint_theirs(w->rule) && in_unentered_chain(lp, w)) {
			unentered(lp, w);
			continue;
		}
		cover_forms(lp, w, &c);
		if (c.by.n)
			covered(lp, w, &c);
		else if (!lint_theirs(w->rule))
			never_at_all(lp, w);
	}
}

/* --- rules that change nothing
 * -------------------------------------------------------------------- */

static bool idle(const struct lint_port *lp, const struct written *w)
{
	bool any = false;
	vec_each (f, &w->forms) {
		if (lint_weight(lp, *f)->changes)
			return false;
		any |= (*f)->decides != PSET_NONE;
	}
	return any;
}

/* Where nothing at all is dropped, W704 says so. */
static bool drops_beside(struct lint_port *lp, const struct written *w)
{
	vec_each (f, &w->forms)
		if (lint_realm_drops(lp, (*f)->rule->proto))
			return true;
	return false;
}

/* Those whose all is dropped after all are told so (W705), which is the better word. */
static bool needless(struct lint_port *lp, const struct written *w)
{
	const struct rule_meaning *f;
	return idle(lp, w) && drops_beside(lp, w) && !lint_all_stopped(lp, w, &f);
}

static bool lets_pass(enum action a)
{
	return a == ACTION_ACCEPT || a == ACTION_RETURN;
}

/* Of the rules that people may delete since it is said that they do nothing: W701 and N702. */
static void mark_needless(struct lint_port *lp)
{
	vec_each (w, &lp->rules) {
		if (lint_theirs(w->rule) || !lets_pass(w->rule->action) ||
		    (alive(w) && !(w->rule->action == ACTION_ACCEPT && needless(lp, w))))
			continue;
		vec_each (f, &w->forms)
			lp->weights[(*f)->side][*f - lint_side(lp, (*f)->side)->rules.items]
				.needless = true;
	}
}

/* Few are: with these alone it is worth while to look at what stands behind them. */
static void mark_exposed(struct lint_port *lp, enum side side)
{
	const struct side_meaning *m = lint_side(lp, side);
	size_t mark = sets_mark(lp->sets);
	pset drops = PSET_NONE;
	for (uint32_t i = m->rules.n; i-- > 0;) {
		const struct rule_meaning *rm = &m->rules.items[i];
		struct weight *w = &lp->weights[side][i];
		if (i + 1 < m->rules.n && rm[1].layer != rm->layer)
			drops = PSET_NONE;
		if (rm->rule->verdict == ACTION_DROP || rm->rule->verdict == ACTION_REJECT)
			drops = pset_or(lp->sets, drops, rm->takes);
		else if (w->needless)
			w->exposed = pset_and(lp->sets, rm->decides, drops) != PSET_NONE;
	}
	sets_release(lp->sets, mark, NULL, 0);
}

/* What is taken behind a rule in its layer: by needless rules, and by rules that drop. */
struct behind {
	pset needless, drops;
};

static struct behind behind(struct lint_port *lp, const struct rule_meaning *rm)
{
	const struct side_meaning *m = lint_side(lp, rm->side);
	struct behind b = {PSET_NONE, PSET_NONE};
	for (const struct rule_meaning *x = rm + 1; x < m->rules.items + m->rules.n; x++) {
		if (x->layer != rm->layer)
			break;
		pset *to = x->rule->verdict == ACTION_DROP || x->rule->verdict == ACTION_REJECT
				   ? &b.drops
			   : lint_weight(lp, x)->needless && !lint_same_rule(x->rule, rm->rule)
				   ? &b.needless
				   : NULL;
		if (to)
			*to = pset_or(lp->sets, *to, pset_and(lp->sets, x->takes, rm->decides));
	}
	return b;
}

/*
 * Of two equal accepts before a drop the second never matches, and the first changes nothing
 * because of the second. Who is told both deletes both, and the drop takes all. So a rule
 * is not reported while needless ones behind it stand between its packets and a drop.
 */
static bool leans(struct lint_port *lp, const struct written *w)
{
	vec_each (f, &w->forms) {
		if (!lint_weight(lp, *f)->exposed)
			continue;
		size_t mark = sets_mark(lp->sets);
		struct behind b = behind(lp, *f);
		bool both = pset_and(lp->sets, b.needless, b.drops) != PSET_NONE;
		sets_release(lp->sets, mark, NULL, 0);
		if (both)
			return true;
	}
	return false;
}

/*
 * An accept is an exception from a drop; one without which all would pass as well does nothing. (A
 * drop before a drop of more, or a return before the end of its chain, says something to who
 * reads.)
 */
void lint_idle_rules(struct lint_port *lp)
{
	if (!lp->weights[0])
		return;
	mark_needless(lp);
	for (int side = 0; side < SIDES; side++)
		mark_exposed(lp, (enum side)side);
	vec_each (w, &lp->rules) {
		if (w->rule->action != ACTION_ACCEPT || lint_theirs(w->rule) || !needless(lp, w) ||
		    leans(lp, w))
			continue;
		struct draft *d = draft_new(
			lp, FINDING(N702), w->rule->span,
			STR("without this accept no packet would be treated differently: nothing "
			    "behind it drops what it takes"));
		note_standin(lp, d, w->rule);
		lint_rule(lp, w->rule, d);
	}
}
