/* SPDX-License-Identifier: MIT */
#include "nwfc/map.h"

#include "ir/key.h"
#include "nwfc/render.h"

bool map_begin(struct compile *c)
{
	const char *path = option_value(c->s->opt, OPT_SOURCE_MAP);
	struct map_writer *m = &c->map;
	if (!path)
		return true;
	if (!output_open(c->s, path, false, &m->out))
		return false;
	m->open = true;
	buf_lit(&m->out.buf,
		"{\n\"version\": 1,\n\"generator\": \"nwfc " NWFC_VERSION "\",\n\"scripts\": [");
	return true;
}

static void member(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "\"%s\": ", name);
	put_json_string(out, value);
	buf_lit(out, ", ");
}

static void put_place(struct compile *c, struct buf *out, struct span span)
{
	struct location at = source_locate(&c->s->sources, span);
	member(out, "file", at.file);
	buf_printf(out, "\"line\": %u, \"column\": %u", at.line, at.col);
}

/* --- lines ---------------------------------------------------------------------------------- */

static uint32_t rule_number(struct compile *c, const struct mapped_line *l)
{
	const void *p = l->rule->source;
	struct {
		const void *source;
		const void *program;
		uint32_t path;
		uint32_t zero;
	} id = {p, l->pd->program, l->rule->path, 0};
	struct str key = {(const char *)&id, sizeof id};
	struct map_entry *e = map_find(&c->map.rules, key);
	bool added;
	if (e)
		return (uint32_t)e->num;
	map_put(c->s->arena, &c->map.rules, str_copy(c->s->arena, key), &added)->num =
		c->map.list.n;
	*vec_push(c->s->arena, &c->map.list) = l;
	return c->map.list.n - 1;
}

/* What a column is called: its variable, the parameter that it stands in, or its attribute. */
static struct str column_name(const struct program *p, const struct dim_column *col)
{
	if (!col->constant)
		return p->columns.items[col->column].var.name;
	if (col->source)
		return col->source->name;
	return str_from(col->attr ? col->attr->xml : "");
}

static void put_values(struct compile *c, const struct mapped_line *l, struct buf *out)
{
	const struct program *p = l->pd->program;
	const char *between = ", \"values\": {";
	struct map seen = {0};
	for (uint32_t d = 0; l->walk && d < l->walk->dims.n; d++) {
		uint32_t dim = l->walk->dims.items[d], row = c->emit.map->rows.items[l->rows + d];
		uint32_t ncols = p->dims.items[dim].columns.n;
		for (uint32_t i = 0; i < ncols; i++) {
			const struct value *v = &l->pd->rows[dim].values[(size_t)row * ncols + i];
			struct str name = column_name(p, &p->dims.items[dim].columns.items[i]);
			bool added;
			map_put(c->s->arena, &seen, name, &added);
			if (!added)
				continue;
			buf_str(out, str_from(between));
			put_json_string(out, name);
			buf_lit(out, ": ");
			put_json_string(out, value_text(c->s->arena, v));
			between = ", ";
		}
	}
	if (seen.entries.n)
		buf_lit(out, "}");
}

static void put_line(void *arg, const struct mapped_line *l, const struct line_place *at)
{
	struct compile *c = arg;
	struct buf *out = &c->map.out.buf;
	buf_printf(out, "%s\n{\"line\": %u, ", c->map.lines++ ? "," : "", at->line);
	member(out, "tool", at->tool);
	member(out, "table", at->table);
	member(out, "chain", at->chain);
	buf_printf(out, "\"position\": %u, \"rule\": %u", at->position, rule_number(c, l));
	if (l->pd->port) {
		buf_lit(out, ", \"port\": ");
		put_json_string(out, l->pd->port->name);
	}
	put_values(c, l, out);
	buf_lit(out, "}");
}

/* Listings are held against these: a chain that has another number of rules is another script's. */
static void put_chain(void *arg, const struct line_place *at)
{
	struct compile *c = arg;
	struct buf *out = &c->map.chains;
	buf_printf(out, "%s\n{", out->n ? "," : "");
	member(out, "tool", at->tool);
	member(out, "table", at->table);
	member(out, "chain", at->chain);
	buf_printf(out, "\"rules\": %u}", at->position);
}

void map_script(struct compile *c, struct job *j, const char *path)
{
	struct buf script, *out = &c->map.out.buf;
	struct source_map *m = arena_new_object(c->s->arena, struct source_map);
	m->arena = c->s->arena;
	c->emit.map = m;
	buf_memory(&script);
	j->target->emit(&c->emit, j->lowered, &script);
	buf_printf(out, "%s\n{", c->map.scripts++ ? "," : "");
	member(out, "target", str_from(j->target->name));
	if (path && strcmp(path, "-") != 0)
		member(out, "file", str_from(path));
	buf_lit(out, "\"lines\": [");
	c->map.lines = 0;
	buf_memory(&c->map.chains);
	source_map_lines(m, (struct str){script.data, (uint32_t)script.n}, j->target->name,
			 put_line, put_chain, c);
	buf_lit(out, "],\n\"chains\": [");
	buf_put(out, c->map.chains.data, c->map.chains.n);
	buf_drop(&c->map.chains);
	buf_lit(out, "]}");
	buf_put(&j->out.buf, script.data, script.n);
	buf_drop(&script);
	c->emit.map = NULL;
}

/* --- rules ---------------------------------------------------------------------------------- */

static void put_path(struct compile *c, const struct program *p, uint32_t path, struct buf *out)
{
	const struct ref_path *r = &p->paths.items[path];
	if (r->parent) {
		put_path(c, p, r->parent - 1, out);
		buf_lit(out, ", ");
	}
	buf_lit(out, "{");
	member(out, "filter", r->filter->name);
	put_place(c, out, r->parent ? r->ref->span : r->filter->span);
	buf_lit(out, "}");
}

static void put_rule(struct compile *c, const struct mapped_line *l, struct buf *out)
{
	const struct rule *r = l->rule->source;
	buf_lit(out, "{");
	member(out, "key", rule_key(c->s->arena, r));
	member(out, "filter", r->filter->name);
	buf_printf(out, "\"number\": %u, ", r->number);
	put_place(c, out, r->span);
	buf_printf(out, ", \"action\": \"%s\", \"path\": [", action_names[r->action]);
	put_path(c, l->pd->program, l->rule->path, out);
	buf_lit(out, "]}");
}

bool map_end(struct compile *c)
{
	struct buf *out = &c->map.out.buf;
	if (!c->map.open)
		return true;
	buf_lit(out, "\n],\n\"rules\": [");
	for (uint32_t i = 0; i < c->map.list.n; i++) {
		buf_str(out, i ? STR(",\n") : STR("\n"));
		put_rule(c, c->map.list.items[i], out);
	}
	buf_lit(out, "\n]\n}\n");
	return output_close(c->s, &c->map.out);
}
