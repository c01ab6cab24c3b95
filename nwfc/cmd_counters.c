/* SPDX-License-Identifier: MIT */
/*
 * counters: what the kernel's rules took, by the rules of the source.
 *
 * A rule of a listing is led back by the source map, through its place in its chain,
 * or by the key in its comment. What is neither belongs to others.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ir/key.h"
#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/listing.h"
#include "nwfc/map_read.h"
#include "nwfc/places.h"
#include "nwfc/render.h"

/* All lines of one rule. */
struct counted {
	struct str key, file, action;
	uint32_t line, column, order;
	uint64_t packets, bytes;
	vec_of(struct counted_line) lines;
};

struct counted_line {
	const struct listed_rule *rule;
	struct map_hit hit;
};

struct counting {
	struct session *s;
	struct host host;
	struct listing listing;
	const struct source_map_file *map; /* NULL: keys alone */
	vec_of(struct counted *) rules;
	struct map index; /* place and key -> ptr */
	uint32_t others, uncounted;
};

/* --- which rule ---------------------------------------------------------------------- */

static bool by_key(struct counting *c, const struct listed_rule *r, struct map_hit *h)
{
	struct found_rules found = {0};
	uint32_t at = 0;
	struct key k;
	find_rules(c->s->arena, &c->host.library, r->comment, &found);
	if (!found.list.n)
		return false;
	const struct rule *rule = found.list.items[0];
	struct location place = source_locate(&c->s->sources, rule->span);
	*h = (struct map_hit){.key = key_next(r->comment, &at, &k) ? rule_key(c->s->arena, rule)
								   : STR(""),
			      .file = place.file,
			      .action = str_from(action_names[rule->action]),
			      .line = place.line,
			      .column = place.col};
	return true;
}

/* The kernel's chain and the map's have as many rules, or the map is another script's. */
static bool map_fits(struct counting *c)
{
	vec_each (r, &c->listing.rules) {
		struct str key = listing_chain_key(c->s->arena, r);
		uint32_t has = (uint32_t)map_find(&c->listing.chains, key)->num,
			 n = map_chain_rules(c->map, r->tool, r->table, r->chain);
		bool ours = str_is(r->tool, "nft") ||
			    (r->chain.len > 4 && memcmp(r->chain.s, "nwfc", 4) == 0);
		if (r->position != has || !ours || !n || n == has)
			continue;
		diag_add(&c->s->diags, FINDING(E608), (struct span){0},
			 "chain %.*s has %u rules, and %u by the source map, which is of another "
			 "script",
			 STR_ARG(r->chain), has, n);
		return false;
	}
	return true;
}

static bool trace(struct counting *c, const struct listed_rule *r, struct map_hit *h)
{
	if (c->map && map_at(c->map, r->tool, r->table, r->chain, r->position, h))
		return true;
	return r->comment.len && by_key(c, r, h);
}

static void count(struct counting *c, const struct listed_rule *r)
{
	struct arena *a = c->s->arena;
	struct map_hit h = {0};
	bool added;
	if (!trace(c, r, &h)) {
		c->others++;
		return;
	}
	c->uncounted += !r->counts;
	struct str key =
		str_printf(a, "%.*s:%u:%u %.*s", STR_ARG(h.file), h.line, h.column, STR_ARG(h.key));
	struct map_entry *e = map_put(a, &c->index, key, &added);
	if (added) {
		struct counted *new = e->ptr = arena_new_object(a, struct counted);
		*new = (struct counted){h.key,      h.file, h.action, h.line, h.column,
					c->rules.n, 0,      0,        {0}};
		*vec_push(a, &c->rules) = new;
	}
	struct counted *n = e->ptr;
	n->packets += r->packets;
	n->bytes += r->bytes;
	*vec_push(a, &n->lines) = (struct counted_line){r, h};
}

/* By file and line: as one reads the source. */
static int by_place(const void *x, const void *y)
{
	const struct counted *a = *(struct counted *const *)x, *b = *(struct counted *const *)y;
	int files = str_cmp(a->file, b->file);
	if (files)
		return files;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* --- output ---------------------------------------------------------------------------- */

static void put_text(const struct counting *c, struct buf *out)
{
	buf_printf(out, "%12s %14s  %s\n", "packets", "bytes", "rule");
	vec_each (r, &c->rules) {
		const struct counted *n = *r;
		buf_printf(out, "%12llu %14llu  %.*s:%u: %.*s %.*s", (unsigned long long)n->packets,
			   (unsigned long long)n->bytes, STR_ARG(n->file), n->line, STR_ARG(n->key),
			   STR_ARG(n->action));
		if (n->lines.n > 1)
			buf_printf(out, " (%u lines)", n->lines.n);
		buf_char(out, '\n');
	}
	if (c->others)
		buf_printf(out, "%u other %s, which no rule of the source is behind\n", c->others,
			   c->others == 1 ? "rule" : "rules");
}

static void member(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "\"%s\": ", name);
	put_json_string(out, value);
	buf_lit(out, ", ");
}

static void put_json_line(const struct counted_line *l, struct buf *out)
{
	buf_lit(out, "{");
	member(out, "tool", l->rule->tool);
	member(out, "table", l->rule->table);
	member(out, "chain", l->rule->chain);
	if (l->hit.port.len)
		member(out, "port", l->hit.port);
	if (l->hit.values.len)
		member(out, "values", l->hit.values);
	buf_printf(out, "\"position\": %u, \"packets\": %llu, \"bytes\": %llu}", l->rule->position,
		   (unsigned long long)l->rule->packets, (unsigned long long)l->rule->bytes);
}

static void put_json(const struct counting *c, struct buf *out)
{
	const char *between = "\n";
	buf_lit(out, "{\n\"version\": 1,\n\"rules\": [");
	vec_each (r, &c->rules) {
		const struct counted *n = *r;
		buf_printf(out, "%s{", between);
		member(out, "key", n->key);
		member(out, "file", n->file);
		buf_printf(out, "\"line\": %u, \"column\": %u, ", n->line, n->column);
		member(out, "action", n->action);
		buf_printf(out, "\"packets\": %llu, \"bytes\": %llu, \"lines\": [",
			   (unsigned long long)n->packets, (unsigned long long)n->bytes);
		for (uint32_t i = 0; i < n->lines.n; i++) {
			buf_str(out, i ? STR(", ") : STR(""));
			put_json_line(&n->lines.items[i], out);
		}
		buf_lit(out, "]}");
		between = ",\n";
	}
	buf_printf(out, "\n],\n\"others\": %u\n}\n", c->others);
}

static void warn_uncounted(struct counting *c)
{
	if (!c->uncounted)
		return;
	struct finding *f = diag_add(&c->s->diags, FINDING(W609), (struct span){0},
				     "%u %s ours without a counter", c->uncounted,
				     c->uncounted == 1 ? "rule is" : "rules are");
	bool nft = c->listing.rules.n && str_is(c->listing.rules.items[0].tool, "nft");
	diag_hint(&c->s->diags, f, "%s",
		  nft ? "compile with --counters" : "the tools' -c prints them: iptables-save -c");
}

static bool load(struct counting *c)
{
	struct session *s = c->s;
	struct input_list in = {0};
	struct words rest = inputs_behind(s->opt);
	const char *map = option_value(s->opt, OPT_SOURCE_MAP);
	list_inputs(s, &rest, &in);
	return load_host(s, &in, false, false, &c->host) &&
	       listing_read(s, s->opt->inputs.items[0], &c->listing) &&
	       (!map || ((c->map = map_read(s, map)) && map_fits(c)));
}

enum exit_code cmd_counters(struct session *s)
{
	int json = option_choice(s->opt, OPT_FORMAT, text_or_json);
	struct counting c = {.s = s};
	struct output o;
	if (!s->opt->inputs.n)
		return usage(
			"counters wants a listing: what nft -j list ruleset or iptables-save -c "
			"prints, or - for standard input");
	if (json < 0)
		return usage("--format wants text or json");
	if (!load(&c))
		return session_verdict(s);
	vec_each (r, &c.listing.rules)
		count(&c, r);
	if (c.map && !c.rules.n)
		diag_add(&s->diags, FINDING(E608), (struct span){0},
			 "no rule of the listing is one of the source map's");
	if (c.rules.n)
		qsort(c.rules.items, c.rules.n, sizeof *c.rules.items, by_place);
	warn_uncounted(&c);
	if (!output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	(json ? put_json : put_text)(&c, &o.buf);
	if (output_close(s, &o))
		output_commit(s, &o);
	return session_verdict(s);
}
