/* SPDX-License-Identifier: MIT */
/*
 * where: from a key, or a line of a script, to the rule and the references that lead to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/near.h"
#include "ir/key.h"
#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/map_read.h"
#include "nwfc/places.h"
#include "nwfc/render.h"

struct asking {
	struct session *s;
	struct host host;
	struct buf *out;
	bool json;
	const char *between;
};

/* --- the references --- */

struct way {
	struct str port, path; /* port: empty when no port is given */
};
struct ways {
	vec_of(struct way) list;
};

static struct str tree_path(struct arena *a, const struct tree *t, uint32_t path)
{
	const struct ref_path *r = &t->paths.items[path];
	if (!r->parent)
		return r->filter->name;
	struct str before = tree_path(a, t, r->parent - 1);
	return str_printf(a, "%.*s > %.*s", STR_ARG(before), STR_ARG(r->filter->name));
}

static void add_ways(struct asking *q, const struct filter_ref *ref, struct str port,
		     const struct rule *r, struct ways *out)
{
	struct diags quiet = {.arena = q->s->arena, .sources = &q->s->sources, .max = 1};
	struct pass_ctx cx = {q->s->arena, &quiet, q->s->limits, NULL};
	const struct tree *t = resolve(&cx, &q->host.library, ref);
	if (!t)
		return;
	vec_each (tr, &t->rules)
		if (tr->rule == r)
			*vec_push(q->s->arena, &out->list) =
				(struct way){port, tree_path(q->s->arena, t, tr->path)};
}

static bool referenced(const struct library *lib, struct str name)
{
	map_each (e, &lib->by_name) {
		const struct filter *f = e->cptr;
		vec_each (en, &f->entries)
			if (en->kind == ENTRY_REF && str_eq(en->ref->filter, name))
				return true;
	}
	return false;
}

/* By which references it is reached: of the ports, or of the filters that nobody builds on. */
static void find_ways(struct asking *q, const struct rule *r, struct ways *out)
{
	vec_each (p, &q->host.ports.list)
		add_ways(q, &(*p)->filter, (*p)->name, r, out);
	if (q->host.ports.list.n)
		return;
	map_each (e, &q->host.library.by_name) {
		const struct filter *f = e->cptr;
		if (!referenced(&q->host.library, f->name))
			add_ways(q, &(struct filter_ref){.filter = f->name, .span = f->name_span},
				 STR(""), r, out);
	}
}

/* --- answers --- */

static void member(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "\"%s\": ", name);
	put_json_string(out, value);
	buf_lit(out, ", ");
}

static void put_json(struct asking *q, const struct rule *r, const struct ways *ways)
{
	struct buf *out = q->out;
	struct location at = source_locate(&q->s->sources, r->span);
	buf_printf(out, "%s{", q->between);
	member(out, "key", rule_key(q->s->arena, r));
	member(out, "filter", r->filter->name);
	member(out, "file", at.file);
	buf_printf(out, "\"line\": %u, \"column\": %u, \"number\": %u, \"action\": \"%s\", ",
		   at.line, at.col, r->number, action_names[r->action]);
	member(out, "text", source_line(&q->s->sources, r->span));
	buf_lit(out, "\"paths\": [");
	for (uint32_t i = 0; i < ways->list.n; i++) {
		buf_str(out, i ? STR(", {") : STR("{"));
		if (ways->list.items[i].port.len)
			member(out, "port", ways->list.items[i].port);
		buf_lit(out, "\"path\": ");
		put_json_string(out, ways->list.items[i].path);
		buf_lit(out, "}");
	}
	buf_lit(out, "]}");
	q->between = ",\n";
}

static void put_text(struct asking *q, const struct rule *r, const struct ways *ways)
{
	struct buf *out = q->out;
	struct location at = source_locate(&q->s->sources, r->span);
	struct str key = rule_key(q->s->arena, r), line = source_line(&q->s->sources, r->span);
	buf_printf(out, "%.*s:%u:%u: %.*s\n%6u | %.*s\n", STR_ARG(at.file), at.line, at.col,
		   STR_ARG(key), at.line, STR_ARG(line));
	vec_each (w, &ways->list)
		buf_printf(out, "       %.*s%s%.*s\n", STR_ARG(w->port), w->port.len ? ": " : "",
			   STR_ARG(w->path));
}

static void no_rule(struct asking *q, struct str key)
{
	struct nearest near = nearest_to(key);
	struct finding *f = diag_add(&q->s->diags, FINDING(E301), (struct span){0},
				     "no rule has the key '%.*s'", STR_ARG(key));
	map_each (e, &q->host.library.by_name) {
		const struct filter *filter = e->cptr;
		vec_each (en, &filter->entries)
			if (en->kind == ENTRY_RULE)
				nearest_try(&near, rule_key(q->s->arena, en->rule).s);
	}
	nearest_hint(&q->s->diags, f, &near);
}

static void answer_key(struct asking *q, struct str key)
{
	struct found_rules found = {0};
	find_rules(q->s->arena, &q->host.library, key, &found);
	vec_each (r, &found.list) {
		struct ways ways = {0};
		find_ways(q, *r, &ways);
		(q->json ? put_json : put_text)(q, *r, &ways);
	}
	if (!found.list.n)
		no_rule(q, key);
}

/* --- a line of a script --- */

/* "nwfc.nft:12", or "12". */
static bool read_line_number(struct str text, struct str *script, uint32_t *line)
{
	uint32_t i = text.len;
	char *end;
	while (i && text.s[i - 1] != ':')
		i--;
	*script = (struct str){text.s, i ? i - 1 : 0};
	unsigned long n = strtoul(text.s + i, &end, 10);
	*line = (uint32_t)n;
	return i < text.len && text.s[i] >= '1' && text.s[i] <= '9' && end == text.s + text.len &&
	       n <= UINT32_MAX;
}

static void put_hit(struct asking *q, const struct map_hit *h)
{
	struct buf *out = q->out;
	if (!q->json) {
		buf_printf(out, "%.*s:%u:%u: %.*s\n       %.*s%s%.*s\n", STR_ARG(h->file), h->line,
			   h->column, STR_ARG(h->key), STR_ARG(h->port), h->port.len ? ": " : "",
			   STR_ARG(h->path));
		if (h->values.len)
			buf_printf(out, "       %.*s\n", STR_ARG(h->values));
		return;
	}
	buf_printf(out, "%s{", q->between);
	member(out, "key", h->key);
	member(out, "file", h->file);
	buf_printf(out, "\"line\": %u, \"column\": %u, ", h->line, h->column);
	member(out, "action", h->action);
	if (h->values.len)
		member(out, "values", h->values);
	buf_lit(out, "\"paths\": [{");
	if (h->port.len)
		member(out, "port", h->port);
	buf_lit(out, "\"path\": ");
	put_json_string(out, h->path);
	buf_lit(out, "}]}");
}

static void answer_line(struct asking *q, struct str text, const char *path)
{
	struct str script;
	uint32_t line;
	struct map_hit h;
	const struct source_map_file *m = map_read(q->s, path);
	if (!m)
		return;
	if (!read_line_number(text, &script, &line))
		diag_add(&q->s->diags, FINDING(E301), (struct span){0},
			 "with --source-map, where wants SCRIPT:LINE, not '%.*s'", STR_ARG(text));
	else if (!map_line(m, script, line, &h))
		diag_add(&q->s->diags, FINDING(E301), (struct span){0},
			 "line %u of '%.*s' is no rule, or of no script in the map", line,
			 STR_ARG(script));
	else
		put_hit(q, &h);
}

enum exit_code cmd_where(struct session *s)
{
	const char *map = option_value(s->opt, OPT_SOURCE_MAP);
	int json = option_choice(s->opt, OPT_FORMAT, text_or_json);
	struct asking q = {.s = s, .between = "\n"};
	struct input_list in = {0};
	struct output o;
	if (!s->opt->inputs.n)
		return usage(
			"where wants a key, \"no-ip-spoofing#2\", as comments of rules have it");
	if (json < 0)
		return usage("--format wants text or json");
	q.json = json;
	struct words rest = inputs_behind(s->opt);
	struct str key = str_from(s->opt->inputs.items[0]);
	list_inputs(s, &rest, &in);
	if (!load_host(s, &in, false, false, &q.host) ||
	    !output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	q.out = &o.buf;
	if (q.json)
		buf_lit(q.out, "{\n\"version\": 1,\n\"rules\": [");
	if (map)
		answer_line(&q, key, map);
	else
		answer_key(&q, key);
	if (q.json)
		buf_lit(q.out, "\n]\n}\n");
	if (output_close(s, &o))
		output_commit(s, &o);
	return session_verdict(s);
}
