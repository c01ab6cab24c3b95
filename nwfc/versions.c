/* SPDX-License-Identifier: MIT */
#include "nwfc/versions.h"

#include "ir/dump.h"
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
	return build_standins(s, v) && s->diags.errors == 0;
}

/* --- the same? -------------------------------------------------------------------------------- */

static void print_program(struct buf *out, const struct program *p)
{
	for (int side = 0; side < SIDES; side++) {
		const struct part *part = &p->parts[side];
		vec_each (c, &part->chains) {
			buf_printf(out, "chain %.*s\n", STR_ARG(c->name));
			vec_each (it, &c->items)
				if (it->kind == ITEM_RULE)
					dump_prule(out, p, it->rule);
				else
					buf_printf(out, "jump %u\n", it->chain);
		}
		buf_lit(out, "packets\n");
		vec_each (r, &part->packet)
			dump_prule(out, p, *r);
	}
}

static struct str program_text(struct arena *a, const struct program *p)
{
	struct buf b;
	buf_memory(&b);
	print_program(&b, p);
	return buf_take(a, &b);
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
static bool programs_same(struct arena *a, struct versions *v, const struct program *x,
			  const struct program *y)
{
	if (v->last[BEFORE] != x || v->last[NOW] != y) {
		v->last[BEFORE] = x;
		v->last[NOW] = y;
		v->last_same = str_eq(program_text(a, x), program_text(a, y));
	}
	return v->last_same;
}

bool pair_is_same(struct arena *a, struct versions *v, const struct pair *p)
{
	const struct port_data *x = p->port[BEFORE], *y = p->port[NOW];
	return x && y && programs_same(a, v, x->program, y->program) && rows_same(x, y);
}
