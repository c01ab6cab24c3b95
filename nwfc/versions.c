/* SPDX-License-Identifier: MIT */
#include "nwfc/versions.h"

#include "nwfc/revision.h"
#include "review/standin.h"

static struct pair *pair_of(struct session *s, struct versions *v, struct map *index,
			    struct str name, bool standin)
{
	bool added;
	struct str key = str_printf(s->arena, "%c%.*s", standin ? 'f' : 'p', STR_ARG(name));
	struct map_entry *e = map_put(s->arena, index, key, &added);
	if (added) {
		e->num = v->pairs.n;
		*vec_push(s->arena, &v->pairs) = (struct pair){.name = name, .standin = standin};
	}
	return &v->pairs.items[e->num];
}

/* A filter is looked at by itself in both versions when it is so in one. */
static void add_standins(struct session *s, struct versions *v, struct map *index)
{
	for (int i = 0; i < VERSIONS; i++) {
		struct filter_list tops = {0};
		standin_tops(s->arena, &v->host[i].library, &v->host[i].ports, &tops);
		vec_each (f, &tops.list)
			pair_of(s, v, index, (*f)->name, true);
	}
}

static bool build_standins(struct session *s, struct versions *v)
{
	struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
	bool good = true;
	vec_each (p, &v->pairs)
		for (int i = 0; p->standin && i < VERSIONS; i++) {
			const struct filter *f = library_find(&v->host[i].library, p->name);
			struct port_data *pd = arena_new_object(s->arena, struct port_data);
			if (!f)
				continue;
			good &= standin_build(&cx, &v->host[i].library, f, pd);
			p->port[i] = pd;
		}
	return good;
}

/*
 * While a port learns, the learning set is in the place of its filter; what its filter says
 * must be looked at, too.
 */
static bool add_learned(struct session *s, struct versions *v)
{
	struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
	struct map before = {0};
	bool good = true, added;
	vec_each (l, &v->build[BEFORE].learners)
		map_put(s->arena, &before, l->port->name, &added)->cptr = l;
	vec_each (l, &v->build[NOW].learners) {
		const struct map_entry *e = map_find(&before, l->port->name);
		if (!e)
			continue;
		const struct learner *of[VERSIONS] = {e->cptr, l};
		struct pair p = {.name = l->port->name, .learned = true};
		for (int i = 0; i < VERSIONS; i++) {
			struct port_data *pd = arena_new_object(s->arena, struct port_data);
			good &= standin_learned(&cx, &v->host[i].library, of[i], pd);
			p.port[i] = pd;
		}
		*vec_push(s->arena, &v->pairs) = p;
	}
	return good;
}

bool versions_load(struct session *s, const char *before, const char *now, struct versions *v)
{
	const char *const inputs[VERSIONS] = {before, now};
	struct map index = {0};
	bool good = true;
	for (int i = 0; i < VERSIONS; i++) {
		struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
		list_version(s, inputs[i], &v->inputs[i]);
		good &= load_host(s, &v->inputs[i], true, false, &v->host[i]);
		good &= build_ports(&cx, &v->host[i].library, &v->host[i].ports, &v->build[i]);
		vec_each (pd, &v->build[i].ports)
			pair_of(s, v, &index, pd->port->name, false)->port[i] = pd;
	}
	if (!good)
		return false;
	add_standins(s, v, &index);
	return build_standins(s, v) && add_learned(s, v) && s->diags.errors == 0;
}

/* --- the same? -------------------------------------------------------------------------------- */

static bool slot_same(const struct slot *a, const struct slot *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == SLOT_CONST ? value_eq(&a->value, &b->value)
				     : a->dim == b->dim && a->column == b->column;
}

static bool test_same(const struct ptest *a, const struct ptest *b)
{
	return a->field == b->field && a->negated == b->negated && a->none == b->none &&
	       slot_same(&a->value, &b->value) && slot_same(&a->to, &b->to) &&
	       slot_same(&a->mask, &b->mask);
}

/* Nothing but what decides: not where it stands, and not its comment. */
static bool rule_same(const struct prule *a, const struct prule *b)
{
	if (a->verdict != b->verdict || a->proto != b->proto || a->ct_states != b->ct_states ||
	    a->ct_dir != b->ct_dir || a->tests.n != b->tests.n || a->dims.n != b->dims.n)
		return false;
	for (uint32_t i = 0; i < a->tests.n; i++)
		if (!test_same(&a->tests.items[i], &b->tests.items[i]))
			return false;
	for (uint32_t i = 0; i < a->dims.n; i++)
		if (a->dims.items[i] != b->dims.items[i])
			return false;
	return true;
}

static bool chain_same(const struct pchain *a, const struct pchain *b)
{
	if (a->prefix != b->prefix || a->items.n != b->items.n)
		return false;
	for (uint32_t i = 0; i < a->items.n; i++) {
		const struct pitem *x = &a->items.items[i], *y = &b->items.items[i];
		if (x->kind != y->kind ||
		    (x->kind == ITEM_JUMP ? x->chain != y->chain : !rule_same(x->rule, y->rule)))
			return false;
	}
	return true;
}

static bool part_same(const struct part *a, const struct part *b)
{
	if (a->chains.n != b->chains.n || a->packet.n != b->packet.n)
		return false;
	for (uint32_t i = 0; i < a->chains.n; i++)
		if (!chain_same(&a->chains.items[i], &b->chains.items[i]))
			return false;
	for (uint32_t i = 0; i < a->packet.n; i++)
		if (!rule_same(a->packet.items[i], b->packet.items[i]))
			return false;
	return true;
}

static bool rows_same(const struct port_data *a, const struct port_data *b)
{
	const struct program *p = a->program, *q = b->program;
	if (p->dims.n != q->dims.n)
		return false;
	for (uint32_t d = 0; d < p->dims.n; d++) {
		uint32_t columns = p->dims.items[d].columns.n;
		if (columns != q->dims.items[d].columns.n || a->rows[d].n != b->rows[d].n)
			return false;
		for (uint32_t i = 0; i < columns * a->rows[d].n; i++)
			if (!value_eq(&a->rows[d].values[i], &b->rows[d].values[i]))
				return false;
	}
	return true;
}

/* Thousands of ports have few programs: the answer for the last two is kept. */
static bool programs_same(struct versions *v, const struct program *x, const struct program *y)
{
	if (v->last[BEFORE] != x || v->last[NOW] != y) {
		v->last[BEFORE] = x;
		v->last[NOW] = y;
		v->last_same = true;
		for (int side = 0; side < SIDES; side++)
			v->last_same &= part_same(&x->parts[side], &y->parts[side]);
	}
	return v->last_same;
}

bool pair_is_same(struct versions *v, const struct pair *p)
{
	const struct port_data *x = p->port[BEFORE], *y = p->port[NOW];
	return x && y && programs_same(v, x->program, y->program) && rows_same(x, y);
}
