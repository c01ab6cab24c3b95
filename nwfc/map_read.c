/* SPDX-License-Identifier: MIT */
/*
 * The file is kept as values of its own: lines refer to rules by their numbers, and what
 * is asked for is looked up in two maps of places.
 */
#include "nwfc/map_read.h"

#include "nwfc/json_read.h"

struct read_line {
	struct str port, values;
	uint32_t rule;
};

struct read_rule {
	struct str key, file, action, path;
	uint32_t line, column;
};

struct source_map_file {
	struct arena *arena;
	vec_of(struct read_rule) rules;
	vec_of(struct read_line) lines;
	vec_of(struct str) scripts;
	struct map places;  /* tool, table, chain, position -> num: of lines */
	struct map numbers; /* script, line -> num */
	struct map chains;  /* tool, table, chain -> num: rules */
};

static struct str place_key(struct arena *a, struct str tool, struct str table, struct str chain,
			    uint32_t position)
{
	return str_printf(a, "%.*s %.*s %.*s %u", STR_ARG(tool), STR_ARG(table), STR_ARG(chain),
			  position);
}

static struct str number_key(struct arena *a, struct str script, uint32_t line)
{
	return str_printf(a, "%.*s:%u", STR_ARG(script), line);
}

static void put_number(struct source_map_file *m, struct map *map, struct str key, uint32_t n)
{
	bool added;
	map_put(m->arena, map, key, &added)->num = n;
}

static struct str read_values(struct arena *a, json_t *object)
{
	struct str s = STR("");
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value) if (json_is_string(value)) s = str_printf(
		a, "%.*s%s%s = %s", STR_ARG(s), s.len ? ", " : "", name, json_string_value(value));
	return s;
}

static void read_line(struct source_map_file *m, struct str script, const json_t *v)
{
	struct arena *a = m->arena;
	struct str tool = json_text(a, v, "tool"), table = json_text(a, v, "table"),
		   chain = json_text(a, v, "chain");
	*vec_push(a, &m->lines) = (struct read_line){json_text(a, v, "port"),
						     read_values(a, json_object_get(v, "values")),
						     json_number(v, "rule")};
	put_number(m, &m->places, place_key(a, tool, table, chain, json_number(v, "position")),
		   m->lines.n - 1);
	put_number(m, &m->numbers, number_key(a, script, json_number(v, "line")), m->lines.n - 1);
}

static void read_script(struct source_map_file *m, const json_t *script)
{
	struct arena *a = m->arena;
	struct str file = json_text(a, script, "file");
	const json_t *v;
	size_t i;
	*vec_push(a, &m->scripts) = file;
	json_array_foreach(json_object_get(script, "lines"), i, v) read_line(m, file, v);
	json_array_foreach(json_object_get(script, "chains"), i, v)
		put_number(m, &m->chains,
			   place_key(a, json_text(a, v, "tool"), json_text(a, v, "table"),
				     json_text(a, v, "chain"), 0),
			   json_number(v, "rules"));
}

static void read_rule(struct source_map_file *m, const json_t *v)
{
	struct arena *a = m->arena;
	struct read_rule *r = vec_push(a, &m->rules);
	const json_t *step;
	size_t i;
	*r = (struct read_rule){json_text(a, v, "key"),    json_text(a, v, "file"),
				json_text(a, v, "action"), STR(""),
				json_number(v, "line"),    json_number(v, "column")};
	json_array_foreach(json_object_get(v, "path"), i, step) r->path =
		str_printf(a, "%.*s%s%.*s", STR_ARG(r->path), i ? " > " : "",
			   STR_ARG(json_text(a, step, "filter")));
}

static bool fill(struct session *s, struct source_map_file *m, const json_t *root, const char *path)
{
	const json_t *scripts = json_object_get(root, "scripts"),
		     *rules = json_object_get(root, "rules"), *v;
	size_t i;
	if (json_number(root, "version") != 1 || !json_is_array(scripts) || !json_is_array(rules)) {
		diag_add(&s->diags, FINDING(E608), (struct span){0},
			 "%s is no source map of version 1", path);
		return false;
	}
	json_array_foreach(rules, i, v) read_rule(m, v);
	json_array_foreach(scripts, i, v) read_script(m, v);
	return true;
}

struct source_map_file *map_read(struct session *s, const char *path)
{
	uint32_t file = read_source(s, path);
	struct source_map_file *m = arena_new_object(s->arena, struct source_map_file);
	m->arena = s->arena;
	json_t *root = file ? json_read(s, path, source_get(&s->sources, file)->text) : NULL;
	bool good = root && fill(s, m, root, path);
	json_decref(root);
	return good ? m : NULL;
}

static bool hit(const struct source_map_file *m, const struct map *map, struct str key,
		struct map_hit *out)
{
	const struct map_entry *e = map_find(map, key);
	const struct read_line *l = e ? &m->lines.items[e->num] : NULL;
	if (!l || l->rule >= m->rules.n)
		return false;
	const struct read_rule *r = &m->rules.items[l->rule];
	*out = (struct map_hit){r->key,  r->file,   r->action, l->port,
				r->line, r->column, l->values, r->path};
	return true;
}

bool map_at(const struct source_map_file *m, struct str tool, struct str table, struct str chain,
	    uint32_t position, struct map_hit *out)
{
	return hit(m, &m->places, place_key(m->arena, tool, table, chain, position), out);
}

bool map_line(const struct source_map_file *m, struct str script, uint32_t line,
	      struct map_hit *out)
{
	if (hit(m, &m->numbers, number_key(m->arena, script, line), out))
		return true;
	return m->scripts.n == 1 &&
	       hit(m, &m->numbers, number_key(m->arena, m->scripts.items[0], line), out);
}

uint32_t map_chain_rules(const struct source_map_file *m, struct str tool, struct str table,
			 struct str chain)
{
	const struct map_entry *e =
		map_find(&m->chains, place_key(m->arena, tool, table, chain, 0));
	return e ? (uint32_t)e->num : 0;
}
