/* SPDX-License-Identifier: MIT */
/*
 * References between filters as a picture: who builds on whom, with what.
 */
#include "review/graph.h"

/* Ports of one filter beyond these are one box. */
#define MANY_PORTS  3
#define MANY_VALUES 3

struct tree_drawing {
	struct graph *g;
	const struct library *lib;
	struct map boxes;                       /* filter name -> num: box */
	vec_of(const struct filter *) to_visit; /* box i + offset is of to_visit[i] */
};

static struct str join(struct arena *a, struct str s, const char *between, struct str more)
{
	return str_printf(a, "%.*s%s%.*s", STR_ARG(s), s.len ? between : "", STR_ARG(more));
}

static struct str params_text(struct arena *a, const struct params *ps)
{
	struct str s = STR("");
	vec_each (p, &ps->list) {
		struct str one = str_printf(a, "$%.*s = ", STR_ARG(p->name));
		for (uint32_t i = 0; i < p->values.n && i < MANY_VALUES; i++)
			one = str_printf(a, "%.*s%s%.*s", STR_ARG(one), i ? ", " : "",
					 STR_ARG(p->values.items[i].text));
		if (p->values.n > MANY_VALUES)
			one = str_printf(a, "%.*s, ... (%u)", STR_ARG(one), p->values.n);
		s = join(a, s, "\n", clean_text(a, one));
	}
	return s;
}

static void note(struct graph *g, struct graph_box *b, struct str text)
{
	struct graph_row *row = vec_push(g->arena, &b->rows);
	*row = (struct graph_row){.kind = GRAPH_NOTE};
	*vec_push(g->arena, &row->words) = text;
}

static void count_rules(struct graph *g, const struct filter *f, struct graph_box *b)
{
	uint32_t n[ACTIONS] = {0};
	struct str s = STR("");
	vec_each (e, &f->entries)
		if (e->kind == ENTRY_RULE)
			n[e->rule->action]++;
	for (enum action a = 0; a < ACTIONS; a++)
		if (n[a])
			s = join(g->arena, s, ", ",
				 str_printf(g->arena, "%u %s", n[a], action_names[a]));
	if (f->nrules)
		note(g, b,
		     str_printf(g->arena, "%u %s: %.*s", f->nrules,
				f->nrules == 1 ? "rule" : "rules", STR_ARG(s)));
}

static struct str subtitle(struct arena *a, const struct filter *f)
{
	struct str chain =
		str_is(f->chain, "root") ? STR("") : str_printf(a, "chain %.*s", STR_ARG(f->chain));
	if (f->priority_given)
		chain = join(a, chain, ", ", str_printf(a, "priority %d", f->priority));
	return chain;
}

static void own_variables(struct graph *g, const struct filter *f, struct graph_box *b)
{
	struct map seen = {0};
	struct str s = STR("");
	vec_each (e, &f->entries) {
		if (e->kind != ENTRY_RULE)
			continue;
		vec_each (t, &e->rule->tests) {
			const struct operand *ops[] = {&t->value, &t->to, &t->mask};
			for (int i = 0; i < 3; i++) {
				bool added = false;
				if (ops[i]->kind == OPERAND_VAR)
					map_put(g->arena, &seen, ops[i]->var.name, &added);
				if (added)
					s = join(g->arena, s, ", ",
						 str_printf(g->arena, "$%.*s",
							    STR_ARG(ops[i]->var.name)));
			}
		}
	}
	if (s.len)
		note(g, b, s);
}

static uint32_t filter_box(struct tree_drawing *d, const struct filter *f)
{
	struct graph *g = d->g;
	bool added;
	struct map_entry *e = map_put(g->arena, &d->boxes, f->name, &added);
	if (!added)
		return (uint32_t)e->num;
	e->num = g->boxes.n;
	struct graph_box b = {.kind = f->stock ? GRAPH_STOCK : GRAPH_FILTER,
			      .title = clean_text(g->arena, f->name),
			      .subtitle = subtitle(g->arena, f)};
	count_rules(g, f, &b);
	own_variables(g, f, &b);
	*vec_push(g->arena, &g->boxes) = b;
	*vec_push(g->arena, &d->to_visit) = f;
	return (uint32_t)e->num;
}

/* A filter that is not there has an empty box. */
static uint32_t named_box(struct tree_drawing *d, struct str name)
{
	const struct filter *f = library_find(d->lib, name);
	bool added;
	if (f)
		return filter_box(d, f);
	struct map_entry *e = map_put(d->g->arena, &d->boxes, name, &added);
	if (added) {
		e->num = d->g->boxes.n;
		*vec_push(d->g->arena, &d->g->boxes) =
			(struct graph_box){.kind = GRAPH_FILTER,
					   .title = clean_text(d->g->arena, name),
					   .subtitle = STR("is not there")};
	}
	return (uint32_t)e->num;
}

static void reference(struct tree_drawing *d, uint32_t from, const struct filter_ref *ref)
{
	uint32_t to = named_box(d, ref->filter);
	*vec_push(d->g->arena, &d->g->edges) =
		(struct graph_edge){from,
				    GRAPH_WHOLE,
				    to,
				    GRAPH_REFERENCE,
				    params_text(d->g->arena, &ref->params),
				    GRAPH_UNASKED};
}

static void references_of(struct tree_drawing *d, uint32_t from, const struct filter *f)
{
	vec_each (e, &f->entries)
		if (e->kind == ENTRY_REF)
			reference(d, from, e->ref);
}

/* Ports that have the same reference but for what they are called. */
struct port_run {
	const struct port *first, *last;
	uint32_t n;
};

static void port_box(struct tree_drawing *d, const struct port *p, struct str title)
{
	struct graph *g = d->g;
	uint32_t at = g->boxes.n;
	struct str mac = value_text(g->arena, &p->mac);
	struct graph_box b = {.kind = GRAPH_PORT, .title = clean_text(g->arena, title)};
	if (str_eq(title, p->name))
		b.subtitle = mac;
	*vec_push(g->arena, &g->boxes) = b;
	if (p->filter.joined)
		references_of(d, at, p->filter.joined);
	else if (str_eq(title, p->name))
		reference(d, at, &p->filter);
	else
		reference(d, at, &(struct filter_ref){.filter = p->filter.filter});
}

static void draw_ports(struct tree_drawing *d, const struct ports *ports)
{
	struct map runs = {0};
	struct arena *a = d->g->arena;
	vec_each (p, &ports->list) {
		bool added;
		const struct filter_ref *ref = &(*p)->filter;
		struct map_entry *e = map_put(
			a, &runs, ref->joined ? ref->joined->join_key : ref->filter, &added);
		if (added)
			e->ptr = arena_new_object(a, struct port_run);
		struct port_run *run = e->ptr;
		run->first = run->n++ ? run->first : *p;
		run->last = *p;
	}
	vec_each (p, &ports->list) {
		const struct filter_ref *ref = &(*p)->filter;
		const struct port_run *run =
			map_find(&runs, ref->joined ? ref->joined->join_key : ref->filter)->ptr;
		if (run->n <= MANY_PORTS)
			port_box(d, *p, (*p)->name);
		else if (run->first == *p)
			port_box(d, *p,
				 str_printf(a, "%.*s ... %.*s (%u ports)",
					    STR_ARG(run->first->name), STR_ARG(run->last->name),
					    run->n));
	}
}

void graph_filters(struct graph *g, const struct library *lib, const struct ports *ports,
		   const struct filter *const *tops, uint32_t ntops)
{
	struct tree_drawing d = {.g = g, .lib = lib};
	uint32_t first = g->boxes.n;
	draw_ports(&d, ports);
	for (uint32_t i = 0; i < ntops; i++)
		filter_box(&d, tops[i]);
	for (uint32_t i = 0; i < d.to_visit.n; i++) {
		const struct filter *f = d.to_visit.items[i];
		references_of(&d, (uint32_t)map_find(&d.boxes, f->name)->num, f);
	}
	*vec_push(g->arena, &g->groups) =
		(struct graph_group){STR("filters"), first, g->boxes.n - first};
}
