/* SPDX-License-Identifier: MIT */
/*
 * The order of things: ports, then filters that no port uses; for each its meaning and what
 * its rules weigh; then the lints of the table. At the end what is true of a rule in all
 * its ports.
 */
#include "review/lint.h"

#include <stdlib.h>

#include "ir/findings.h"
#include "review/packet_words.h"
#include "review/words.h"

/* 20 bytes each. Filters that people write need some thousands; at this number it was a second. */
#define MOST_NODES    2000000u
#define GIVE_UP_MOST  3
#define UNKNOWNS_MOST 64

/* What was said of a rule, and in how many ports. */
struct said {
	struct draft *draft;
	uint32_t ports;
};

struct rule_state {
	const struct rule *rule;
	uint32_t ports;
	vec_of(struct said) said;
};

struct lint {
	struct pass_ctx *cx;
	const struct library *lib;
	struct space *sp;
	struct map seen;  /* programs, with the number of rows of each dimension */
	struct map rules; /* rule -> num: place in states */
	struct map once;  /* kind and key */
	uint32_t most_rules, given_up;
	vec_of(struct rule_state) states;
	vec_of(struct draft *) drafts; /* of ports; at the end of rules, too */
};

/* Where a rule is written: one line of the nwf language may be a rule for each family. */
static struct str rule_key(struct arena *a, const struct rule *r)
{
	return r->span.file ? str_printf(a, "%p %u %u", (const void *)r->filter, r->span.file,
					 r->span.lo)
			    : str_printf(a, "%p", (const void *)r);
}

/* --- what is said ------------------------------------------------------------------------- */

struct str lint_title(const struct lint_port *lp)
{
	return str_printf(lp->arena, "%s '%.*s'", lp->standin ? "filter" : "port",
			  STR_ARG(lp->pd->port->name));
}

struct str lint_rule_words(const struct lint_port *lp, const struct prule *r)
{
	return str_printf(lp->arena, "%s %.*s", action_names[r->verdict],
			  STR_ARG(rule_line(lp->arena, lp->pd->program, r)));
}

struct packet lint_packet(const struct lint_port *lp, pset s, enum side side)
{
	struct packet usual = usual_packet(lp->pd, side);
	return space_witness(lp->sp, s, &usual);
}

struct str lint_packet_words(const struct lint_port *lp, const struct packet *p)
{
	struct packet usual[SIDES];
	struct buf b;
	for (int side = 0; side < SIDES; side++)
		usual[side] = usual_packet(lp->pd, (enum side)side);
	buf_memory(&b);
	packet_print_words(&b, p, usual);
	return buf_take(lp->arena, &b);
}

struct draft *draft_new(struct lint_port *lp, const struct diag_kind *kind, struct span span,
			struct str text)
{
	struct draft *d = arena_new_object(lp->arena, struct draft);
	*d = (struct draft){.kind = kind, .span = span, .text = text};
	return d;
}

void draft_note(struct lint_port *lp, struct draft *d, struct span span, struct str text)
{
	*vec_push(lp->arena, &d->notes) = (struct diag_note){span, text};
}

static bool first_time(struct lint *l, const struct diag_kind *kind, const void *key)
{
	bool added;
	struct str k = str_printf(l->cx->arena, "%s %p", kind->code, key);
	map_put(l->cx->arena, &l->once, k, &added);
	return added;
}

struct draft *lint_once(struct lint_port *lp, const void *key, const struct diag_kind *kind,
			struct span span, struct str text)
{
	if (!first_time(lp->l, kind, key))
		return NULL;
	struct draft *d = draft_new(lp, kind, span, text);
	*vec_push(lp->arena, &lp->l->drafts) = d;
	return d;
}

static struct rule_state *state_of(struct lint *l, const struct rule *r)
{
	bool added;
	struct map_entry *e = map_put(l->cx->arena, &l->rules, rule_key(l->cx->arena, r), &added);
	if (added) {
		e->num = l->states.n;
		*vec_push(l->cx->arena, &l->states) = (struct rule_state){.rule = r};
	}
	return &l->states.items[e->num];
}

void lint_rule(struct lint_port *lp, const struct rule *r, struct draft *d)
{
	struct rule_state *st = state_of(lp->l, r);
	vec_each (s, &st->said)
		if (s->draft->kind == d->kind) {
			s->ports++;
			return;
		}
	*vec_push(lp->arena, &st->said) = (struct said){d, 1};
}

static void say(struct lint *l, const struct draft *d)
{
	struct diags *ds = l->cx->diags;
	struct finding *f = diag_add(ds, d->kind, d->span, "%.*s", STR_ARG(d->text));
	f->hint = d->hint;
	vec_each (n, &d->notes)
		diag_note(ds, f, n->span, "%.*s", STR_ARG(n->text));
}

static void keep_of_rules(struct lint *l)
{
	vec_each (st, &l->states)
		vec_each (s, &st->said)
			if (s->ports == st->ports &&
			    first_time(l, s->draft->kind, s->draft->key ? s->draft->key : st->rule))
				*vec_push(l->cx->arena, &l->drafts) = s->draft;
}

struct place {
	const struct draft *draft;
	uint32_t n; /* of one place in the order in which they were found */
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	const struct span *p = &x->draft->span, *q = &y->draft->span;
	if (p->file != q->file)
		return p->file < q->file ? -1 : 1;
	if (p->lo != q->lo)
		return p->lo < q->lo ? -1 : 1;
	return x->n < y->n ? -1 : 1;
}

/* Who mends a file goes through it from top to bottom. */
static void say_all(struct lint *l)
{
	keep_of_rules(l);
	struct place *places = arena_new_array(l->cx->arena, struct place, l->drafts.n + 1);
	vec_each (d, &l->drafts)
		places[d - l->drafts.items] = (struct place){*d, (uint32_t)(d - l->drafts.items)};
	qsort(places, l->drafts.n, sizeof *places, by_place);
	for (uint32_t i = 0; i < l->drafts.n; i++)
		say(l, places[i].draft);
}

/* --- a port ------------------------------------------------------------------------------------
 */

static void add_form(struct lint_port *lp, struct map *index, const struct rule_meaning *rm)
{
	bool added;
	const struct rule *r = rm->rule->source;
	struct map_entry *e = map_put(lp->arena, index, rule_key(lp->arena, r), &added);
	if (added) {
		e->num = lp->rules.n;
		*vec_push(lp->arena, &lp->rules) = (struct written){.rule = r};
		state_of(lp->l, r)->ports++;
	}
	*vec_push(lp->arena, &lp->rules.items[e->num].forms) = rm;
}

static void group_forms(struct lint_port *lp)
{
	struct map index = {0};
	for (int side = 0; side < SIDES; side++)
		vec_each (rm, &lint_side(lp, (enum side)side)->rules)
			add_form(lp, &index, rm);
}

/* The rules of a layer come from the last to the first. */
struct weigher {
	struct lint_port *lp;
	const struct side_meaning *m;
	struct weight *weights;
	uint32_t next; /* behind the one that comes */
	pset matters;  /* packets that the other layer does not drop */
};

/*
 * All forms of the written rule on this side and layer count as taken away: what one of
 * them would let go and another one of them takes has to be treated the same
 * behind that one, too.
 */
static pset decided_together(const struct weigher *w, const struct rule_meaning *rm)
{
	pset s = rm->decides;
	vec_each (x, &w->m->rules)
		if (x != rm && x->layer == rm->layer && lint_same_rule(x->rule, rm->rule))
			s = pset_or(w->lp->sets, s, x->decides);
	return pset_and(w->lp->sets, s, rm->takes);
}

static void weigh(void *arg, const struct prule *r, struct fate on, struct fate back)
{
	struct weigher *w = arg;
	struct sets *s = w->lp->sets;
	const struct rule_meaning *rm = &w->m->rules.items[--w->next];
	struct weight *wt = &w->weights[w->next];
	if (r->verdict == ACTION_CONTINUE || rm->decides == PSET_NONE)
		return;
	size_t mark = sets_mark(s);
	pset of = pset_and(s, decided_together(w, rm), w->matters);
	bool leaves = r->verdict == ACTION_RETURN && rm->layer == LAYER_FRAME && rm->chain;
	pset differ;
	if (leaves)
		differ = pset_and(s, of,
				  pset_or(s, pset_xor(s, on.dropped, back.dropped),
					  pset_xor(s, on.rejected, back.rejected)));
	else if (r->verdict == ACTION_REJECT && rm->layer == LAYER_PACKET)
		differ = pset_minus(s, of, on.rejected);
	else if (r->verdict == ACTION_DROP || r->verdict == ACTION_REJECT)
		differ = pset_minus(s, of, on.dropped);
	else
		differ = pset_and(s, of, pset_or(s, on.dropped, on.rejected));
	wt->changes = differ != PSET_NONE;
	sets_release(s, mark, NULL, 0);
}

static void weigh_side(struct lint_port *lp, enum side side)
{
	const struct side_meaning *m = lint_side(lp, side);
	lp->weights[side] = arena_new_array(lp->arena, struct weight, m->rules.n + 1);
	uint32_t frames = 0, behind[LAYERS];
	while (frames < m->rules.n && m->rules.items[frames].layer == LAYER_FRAME)
		frames++;
	behind[LAYER_FRAME] = frames;
	behind[LAYER_PACKET] = m->rules.n;
	for (int layer = 0; layer < LAYERS; layer++) {
		struct weigher w = {.lp = lp,
				    .m = m,
				    .weights = lp->weights[side],
				    .next = behind[layer],
				    .matters = pset_not(lp->sets, m->layer_dropped[!layer])};
		meaning_after(lp->sp, lp->pd, side, (enum layer)layer, weigh, &w);
	}
}

/* Only accepts are weighed (lint_idle_rules), and it takes as long as all the rest. */
static bool wants_weights(struct lint_port *lp)
{
	if (!lp->standin)
		vec_each (w, &lp->rules)
			if (w->rule->action == ACTION_ACCEPT && !lint_theirs(w->rule) &&
			    lint_realm_drops(lp, w->rule->proto))
				return true;
	return false;
}

static void look(struct lint_port *lp)
{
	static void (*const lints[])(struct lint_port *) = {
#define LINT(function) function,
#include "review/lints.def"
	};
	lp->m = meaning_of(lp->sp, lp->pd);
	group_forms(lp);
	for (int side = 0; side < SIDES && wants_weights(lp); side++)
		weigh_side(lp, (enum side)side);
	for (size_t i = 0; i < sizeof lints / sizeof *lints && !sets_failed(lp->sets); i++)
		lints[i](lp);
}

/* --- all ports
 * --------------------------------------------------------------------------------------- */

/* Equal programs with as many values everywhere differ in the values alone. */
static bool seen_before(struct lint *l, const struct port_data *pd)
{
	struct buf b;
	bool added;
	buf_memory(&b);
	buf_printf(&b, "%p", (const void *)pd->program);
	for (uint32_t d = 0; d < pd->program->dims.n; d++)
		buf_printf(&b, " %u", pd->rows[d].n);
	map_put(l->cx->arena, &l->seen, buf_take(l->cx->arena, &b), &added);
	return !added;
}

static void open_space(struct lint *l)
{
	l->sp = space_open_within(l->cx->arena, l->most_rules, MOST_NODES);
}

static void close_space(struct lint *l)
{
	space_close(l->sp);
	l->sp = NULL;
}

/* Unknowns are bits for as long as there is the space. */
static void reopen(struct lint *l)
{
	close_space(l);
	open_space(l);
}

/* A space that is full answers nothing more: the next ones get a new one, some times. */
static void give_up(struct lint *l, const struct lint_port *lp)
{
	bool last = ++l->given_up == GIVE_UP_MOST;
	diag_add(l->cx->diags, FINDING(N719), lp->span,
		 "%.*s: its rules make too many sets of packets to look for mistakes in them%s",
		 STR_ARG(lint_title(lp)), last ? "; nor is any filter behind it looked at" : "");
	if (last)
		close_space(l);
	else
		reopen(l);
}

/* What was found so far is said; that the rest was not looked at is said, too. */
static bool has_memory(struct lint *l, const struct port_data *pd)
{
	if (!arena_full(l->cx->arena))
		return true;
	diag_add(l->cx->diags, FINDING(N719), pd->port->span,
		 "'%.*s': the memory is used up; from here on nothing is looked at",
		 STR_ARG(pd->port->name));
	close_space(l);
	return false;
}

static void look_at(struct lint *l, const struct port_data *pd, bool standin)
{
	if (!l->sp || seen_before(l, pd) || !has_memory(l, pd))
		return;
	size_t mark = sets_mark(l->sp->sets);
	uint32_t drafts = l->drafts.n;
	struct lint_port lp = {.l = l,
			       .arena = l->cx->arena,
			       .sp = l->sp,
			       .sets = l->sp->sets,
			       .pd = pd,
			       .standin = standin,
			       .span = standin ? pd->port->span : pd->port->filter.span};
	look(&lp);
	sets_release(l->sp->sets, mark, NULL, 0);
	if (!sets_failed(l->sp->sets)) {
		if (l->sp->unknowns.n > UNKNOWNS_MOST)
			reopen(l);
		return;
	}
	l->drafts.n = drafts; /* what was found when results meant nothing */
	vec_each (w, &lp.rules)
		state_of(l, w->rule)->ports++; /* nor can anything be said of its rules */
	give_up(l, &lp);
}

/* The filter of a port that learns is looked at as it will be. */
static void look_at_standin(struct lint *l, const struct filter *f)
{
	struct diags quiet = {.arena = l->cx->arena, .sources = l->cx->diags->sources, .max = 1};
	struct pass_ctx cx = *l->cx;
	struct port_data *pd = arena_new_object(l->cx->arena, struct port_data);
	cx.diags = &quiet;
	if (f && standin_build(&cx, l->lib, f, pd))
		look_at(l, pd, true);
}

/* These are for ports of which not all is known yet, and for no other. */
static bool is_learning_set(const struct filter *f)
{
	for (const char *const *name = learning_sets; *name; name++)
		if (str_is(f->name, *name))
			return true;
	return false;
}

static uint32_t most_rules(const struct build *b)
{
	uint32_t most = 0;
	vec_each (p, &b->programs)
		most = program_rules(*p) > most ? program_rules(*p) : most;
	return most;
}

void lint(struct pass_ctx *cx, const struct library *lib, const struct ports *ports,
	  const struct build *b)
{
	struct lint l = {.cx = cx, .lib = lib};
	struct filter_list tops = {0};
	lint_written(cx->diags, lib);
	standin_tops(cx->arena, lib, ports, &tops);
	if (!tops.list.n && !b->ports.n)
		return;
	l.most_rules = most_rules(b);
	open_space(&l);
	vec_each (pd, &b->ports)
		if (!pd->learning)
			look_at(&l, pd, false);
	vec_each (pd, &b->ports)
		if (pd->learning)
			look_at_standin(&l, library_find(lib, pd->port->filter.filter));
	vec_each (f, &tops.list)
		if (!is_learning_set(*f))
			look_at_standin(&l, *f);
	say_all(&l);
	space_close(l.sp);
}
