/* SPDX-License-Identifier: MIT */
/*
 * A program as a picture: on each side where packets begin, the chains that they walk,
 * and where they go on.
 */
#include "ir/key.h"
#include "review/graph.h"

/* Rules that differ in values alone are shown one by one up to here. */
#define ALIKE_MAX 4
/* And of one box, when they differ in more; how many of these at its end. */
#define UNITS_MAX  32
#define UNITS_LAST 10

struct side_drawing {
	struct graph *g;
	const struct program *p;
	const struct part *part;
	enum side side;
	struct str name;
	const struct graph_class *asked;
	const struct side_meaning *meaning; /* NULL: nothing is asked */
	struct map rules;                   /* prule -> ptr: struct rule_meaning */
	pset class;                         /* of the layer at hand, what comes to it */
};

/* --- what a class of packets walks --- */

static bool meets(const struct side_drawing *d, pset set)
{
	return pset_and(d->asked->space->sets, d->class, set) != PSET_NONE;
}

static enum graph_mark seen(const struct side_drawing *d, pset set)
{
	return !d->meaning ? GRAPH_UNASKED : meets(d, set) ? GRAPH_SEEN : GRAPH_UNSEEN;
}

static struct str pointer_key(const void *const *p)
{
	return (struct str){(const char *)p, sizeof *p};
}

static enum graph_mark rule_mark(const struct side_drawing *d, const struct prule *r)
{
	const void *p = r;
	if (!d->meaning)
		return GRAPH_UNASKED;
	const struct map_entry *e = map_find(&d->rules, pointer_key(&p));
	const struct rule_meaning *m = e ? e->cptr : NULL;
	if (!m || !meets(d, m->arrives))
		return GRAPH_UNSEEN;
	return meets(d, m->decides) ? GRAPH_DECIDES : GRAPH_SEEN;
}

static void index_rules(struct side_drawing *d)
{
	bool added;
	vec_each (m, &d->meaning->rules) {
		const void *p = m->rule;
		struct str key = str_copy(d->g->arena, pointer_key(&p));
		map_put(d->g->arena, &d->rules, key, &added)->cptr = m;
	}
}

/* --- rows --- */

static bool same_slot(const struct slot *a, const struct slot *b)
{
	return a->kind == b->kind;
}

/* Do they differ in nothing but values? */
static bool alike(const struct prule *a, const struct prule *b)
{
	bool same = a->proto == b->proto && a->verdict == b->verdict &&
		    a->ct_states == b->ct_states && a->ct_dir == b->ct_dir &&
		    a->tests.n == b->tests.n;
	for (uint32_t i = 0; same && i < a->tests.n; i++) {
		const struct ptest *x = &a->tests.items[i], *y = &b->tests.items[i];
		same = x->field == y->field && x->negated == y->negated && x->none == y->none &&
		       same_slot(&x->value, &y->value) && same_slot(&x->to, &y->to) &&
		       same_slot(&x->mask, &y->mask);
	}
	return same;
}

static struct str place_text(const struct side_drawing *d, const struct prule *r)
{
	struct location at = source_locate(d->g->sources, r->source->span);
	struct str path = path_text(d->g->arena, d->p, r->path);
	return clean_text(d->g->arena, str_printf(d->g->arena, "%.*s:%u  %.*s", STR_ARG(at.file),
						  at.line, STR_ARG(path)));
}

static void add_rule(const struct side_drawing *d, const struct prule *r, struct graph_box *b)
{
	struct arena *a = d->g->arena;
	struct rule_words w = rule_words(a, d->p, r);
	struct graph_row *row = vec_push(a, &b->rows);
	*row = (struct graph_row){.kind = GRAPH_RULE,
				  .verdict = r->verdict,
				  .key = rule_key(a, r->source),
				  .comment = clean_text(a, r->comment),
				  .place = place_text(d, r),
				  .mark = rule_mark(d, r)};
	vec_each (t, &w.tests)
		*vec_push(a, &row->words) = *t;
	if (!w.tests.n)
		*vec_push(a, &row->words) = STR("everything");
}

static void add_text(const struct side_drawing *d, struct graph_box *b, enum graph_row_kind kind,
		     struct str text, enum graph_mark mark)
{
	struct graph_row *row = vec_push(d->g->arena, &b->rows);
	*row = (struct graph_row){.kind = kind, .mark = mark};
	*vec_push(d->g->arena, &row->words) = text;
}

/* A list of rules, and of jumps (rule is NULL), with those runs in it that are alike. */
struct row_source {
	const struct prule *rule;
	uint32_t chain;
};
struct row_sources {
	vec_of(struct row_source) list;
};

static uint32_t run_of(const struct side_drawing *d, const struct row_sources *rows, uint32_t i)
{
	uint32_t n = 1;
	const struct prule *first = rows->list.items[i].rule;
	while (first && i + n < rows->list.n && rows->list.items[i + n].rule &&
	       alike(first, rows->list.items[i + n].rule) &&
	       rule_mark(d, first) == rule_mark(d, rows->list.items[i + n].rule))
		n++;
	return n;
}

static void add_more(const struct side_drawing *d, struct graph_box *b, uint32_t n,
		     const char *what, enum graph_mark mark)
{
	add_text(d, b, GRAPH_MORE, str_printf(d->g->arena, "%u %s", n, what), mark);
}

static void add_jump(const struct side_drawing *d, uint32_t chain, struct graph_box *b,
		     uint32_t first_box, uint32_t from)
{
	struct arena *a = d->g->arena;
	const struct pchain *c = &d->part->chains.items[chain];
	enum graph_mark mark =
		d->meaning ? seen(d, d->meaning->chains.items[chain].enters) : GRAPH_UNASKED;
	struct str takes = str_from(chain_takes(c->prefix));
	add_text(d, b, GRAPH_JUMP, str_printf(a, "%.*s", STR_ARG(takes)), mark);
	b->rows.items[b->rows.n - 1].key = clean_text(a, c->name);
	*vec_push(a, &d->g->edges) = (struct graph_edge){
		from, b->rows.n - 1, first_box + chain, GRAPH_CALL, STR(""), mark};
}

/* Rules that are drawn together, or one jump. */
struct unit {
	uint32_t first, n;
};
struct units {
	vec_of(struct unit) list;
};

static void find_units(const struct side_drawing *d, const struct row_sources *rows,
		       struct units *out)
{
	for (uint32_t i = 0, n; i < rows->list.n; i += n) {
		n = run_of(d, rows, i);
		bool together = n > ALIKE_MAX && !d->g->full;
		for (uint32_t k = 0; k < (together ? 1 : n); k++)
			*vec_push(d->g->arena, &out->list) =
				together ? (struct unit){i, n} : (struct unit){i + k, 1};
	}
}

static void add_unit(const struct side_drawing *d, const struct row_sources *rows,
		     const struct unit *u, struct graph_box *b)
{
	const struct prule *first = rows->list.items[u->first].rule;
	add_rule(d, first, b);
	if (u->n > 2)
		add_more(d, b, u->n - 2, "more like these, of other values", rule_mark(d, first));
	if (u->n > 1)
		add_rule(d, rows->list.items[u->first + u->n - 1].rule, b);
}

/* Of many units the first and the last; and jumps, and what packets that are asked about meet. */
static bool left_out(const struct side_drawing *d, const struct units *units, uint32_t i,
		     const struct prule *r)
{
	return !d->g->full && units->list.n > UNITS_MAX && r && i >= UNITS_MAX - UNITS_LAST &&
	       i + UNITS_LAST < units->list.n && rule_mark(d, r) != GRAPH_DECIDES;
}

/* Runs become short first; a list that is long even so loses its middle. */
static void add_rows(const struct side_drawing *d, const struct row_sources *rows,
		     struct graph_box *b, uint32_t first_box, uint32_t from)
{
	struct units units = {0};
	uint32_t out = 0;
	enum graph_mark mark = GRAPH_UNASKED;
	find_units(d, rows, &units);
	for (uint32_t i = 0; i < units.list.n; i++) {
		const struct unit *u = &units.list.items[i];
		const struct row_source *s = &rows->list.items[u->first];
		bool skip = left_out(d, &units, i, s->rule);
		if (skip) {
			out += u->n;
			mark = rule_mark(d, s->rule) > mark ? rule_mark(d, s->rule) : mark;
		}
		if (out && (!skip || i + 1 == units.list.n)) {
			add_more(d, b, out, "more (--full shows them)", mark);
			out = 0;
			mark = GRAPH_UNASKED;
		}
		if (!skip && s->rule)
			add_unit(d, rows, u, b);
		else if (!skip)
			add_jump(d, s->chain, b, first_box, from);
	}
}

/* --- boxes --- */

static struct str chain_subtitle(struct arena *a, const struct pchain *c)
{
	if (!c->prefix)
		return STR("frames, in this order; the first that holds decides");
	return str_printf(a, "takes %s frames, priority %d", chain_takes(c->prefix), c->priority);
}

static void chain_box(const struct side_drawing *d, uint32_t index, uint32_t first_box)
{
	struct arena *a = d->g->arena;
	const struct pchain *c = &d->part->chains.items[index];
	struct row_sources rows = {0};
	struct graph_box b = {.kind = GRAPH_CHAIN,
			      .title = index ? clean_text(a, c->name) : STR("root chain"),
			      .subtitle = chain_subtitle(a, c)};
	if (d->meaning)
		b.mark = seen(d, d->meaning->chains.items[index].enters);
	if (b.mark == GRAPH_UNSEEN && index && !d->g->full) {
		add_more(d, &b, c->items.n,
			 c->items.n == 1 ? "rule that none of them meets"
					 : "rules that none of them meets",
			 GRAPH_UNSEEN);
		*vec_push(a, &d->g->boxes) = b;
		return;
	}
	vec_each (it, &c->items)
		*vec_push(a, &rows.list) = it->kind == ITEM_RULE
						   ? (struct row_source){it->rule, 0}
						   : (struct row_source){NULL, it->chain};
	add_rows(d, &rows, &b, first_box, first_box + index);
	add_text(d, &b, GRAPH_END, index ? STR("end: back to root") : STR("end: passes"),
		 d->meaning ? seen(d, d->meaning->chains.items[index].leaves) : GRAPH_UNASKED);
	*vec_push(a, &d->g->boxes) = b;
}

static void packet_box(const struct side_drawing *d)
{
	struct arena *a = d->g->arena;
	struct row_sources rows = {0};
	struct graph_box b = {.kind = GRAPH_PACKETS,
			      .title = STR("packets"),
			      .subtitle = STR("untagged IPv4 and IPv6, with connections")};
	vec_each (r, &d->part->packet)
		*vec_push(a, &rows.list) = (struct row_source){*r, 0};
	if (d->meaning)
		b.mark = seen(d, d->asked->space->conds[C_IP]);
	add_rows(d, &rows, &b, 0, d->g->boxes.n);
	add_text(d, &b, GRAPH_END, STR("end: passes"),
		 d->meaning ? seen(d, d->meaning->undecided[LAYER_PACKET]) : GRAPH_UNASKED);
	*vec_push(a, &d->g->boxes) = b;
}

static uint32_t endpoint(const struct side_drawing *d, const char *text, enum graph_mark mark)
{
	*vec_push(d->g->arena, &d->g->boxes) =
		(struct graph_box){.kind = GRAPH_ENDPOINT, .title = str_from(text), .mark = mark};
	return d->g->boxes.n - 1;
}

static uint32_t flow(const struct side_drawing *d, uint32_t from, uint32_t to, const char *label,
		     enum graph_mark mark)
{
	*vec_push(d->g->arena, &d->g->edges) =
		(struct graph_edge){from, GRAPH_WHOLE, to, GRAPH_FLOW, str_from(label), mark};
	return to;
}

/* One layer; gives the box that leads on. */
static uint32_t draw_layer(struct side_drawing *d, enum layer layer, uint32_t from)
{
	uint32_t at = d->g->boxes.n, chains = d->part->chains.n;
	enum graph_mark mark = seen(d, PSET_ALL);
	if (layer == LAYER_FRAME ? !chains : !d->part->packet.n)
		return from;
	if (layer == LAYER_FRAME)
		for (uint32_t i = 0; i < chains; i++)
			chain_box(d, i, at);
	else
		packet_box(d);
	flow(d, from, at, "", mark);
	if (d->meaning)
		d->class =
			pset_and(d->asked->space->sets, d->class, d->meaning->layer_passed[layer]);
	return at;
}

static struct str verdict_text(const struct side_drawing *d, pset class)
{
	struct sets *s = d->asked->space->sets;
	const struct side_meaning *m = d->meaning;
	bool pass = pset_and(s, class, m->passed) != PSET_NONE,
	     drop = pset_and(s, class, m->dropped) != PSET_NONE,
	     reject = pset_and(s, class, m->rejected) != PSET_NONE;
	if (class == PSET_NONE)
		return STR("no such packet");
	if (pass + drop + reject == 1)
		return pass ? STR("all pass") : drop ? STR("all dropped") : STR("all rejected");
	return str_printf(d->g->arena, "some pass%s%s", drop ? ", some are dropped" : "",
			  reject ? ", some are rejected" : "");
}

static void draw_side(struct side_drawing *d)
{
	static const char *const titles[SIDES] = {"out: what the guest sends",
						  "in: what the guest gets"};
	static const char *const ends[SIDES][2] = {{"guest", "network"}, {"network", "guest"}};
	uint32_t first = d->g->boxes.n;
	bool frames_first = d->side == SIDE_OUT;
	struct str title = str_printf(d->g->arena, "%.*s, %s", STR_ARG(d->name), titles[d->side]);
	if (d->meaning) {
		struct str v = verdict_text(d, d->class);
		index_rules(d);
		title = str_printf(d->g->arena, "%.*s - %.*s", STR_ARG(title), STR_ARG(v));
	}
	uint32_t at = endpoint(d, ends[d->side][0], seen(d, PSET_ALL)), start = at;
	at = draw_layer(d, frames_first ? LAYER_FRAME : LAYER_PACKET, at);
	at = draw_layer(d, frames_first ? LAYER_PACKET : LAYER_FRAME, at);
	uint32_t end = endpoint(d, ends[d->side][1], seen(d, PSET_ALL));
	flow(d, at, end, at == start ? "no rule: everything passes" : "", seen(d, PSET_ALL));
	*vec_push(d->g->arena, &d->g->groups) =
		(struct graph_group){title, first, d->g->boxes.n - first};
}

void graph_program(struct graph *g, const struct program *p, struct str title,
		   const struct graph_class *asked)
{
	for (enum side s = 0; s < SIDES; s++) {
		struct side_drawing d = {.g = g,
					 .p = p,
					 .part = &p->parts[s],
					 .side = s,
					 .asked = asked,
					 .name = clean_text(g->arena, title)};
		if (asked) {
			d.meaning = &asked->meaning->sides[s];
			d.class = asked->classes[s];
			if (d.class == PSET_NONE && asked->classes[!s] != PSET_NONE)
				continue;
		}
		draw_side(&d);
	}
}
