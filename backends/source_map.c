/* SPDX-License-Identifier: MIT */
#include "backends/source_map.h"

void source_map_add(struct source_map *m, size_t offset, const struct prule *rule,
		    const struct prule *walk, const struct port_data *pd, const uint32_t *row)
{
	*vec_push(m->arena, &m->lines) = (struct mapped_line){offset, rule, walk, pd, m->rows.n};
	for (uint32_t d = 0; walk && d < walk->dims.n; d++)
		*vec_push(m->arena, &m->rows) = row[d];
}

/* --- a script's lines ------------------------------------------------------------------- */

struct reader {
	struct str tool, table, chain;
	struct map positions; /* of the table at hand: chain -> num */
	struct line_place at;
	struct arena *arena;
	chain_sink *chains;
	void *arg;
};

static bool starts(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.len >= n && memcmp(s.s, with, n) == 0;
}

/* The n-th word, from 0. */
static struct str word(struct str s, unsigned n)
{
	uint32_t lo = 0, hi;
	for (;; n--, lo = hi + 1) {
		for (hi = lo; hi < s.len && s.s[hi] != ' '; hi++)
			;
		if (!n || hi == s.len)
			return n ? STR("") : (struct str){s.s + lo, hi - lo};
	}
}

static void end_table(struct reader *r)
{
	map_each (e, &r->positions)
		r->chains(r->arg, &(struct line_place){r->at.line, r->tool, r->table, e->key,
						       (uint32_t)e->num});
}

static void begin_table(struct reader *r, struct str tool, struct str table)
{
	end_table(r);
	r->tool = tool;
	r->table = table;
	r->positions = (struct map){0};
	r->chain = STR("");
}

static void count(struct reader *r, struct str chain)
{
	bool added;
	r->at.tool = r->tool;
	r->at.table = r->table;
	r->at.chain = chain;
	r->at.position = (uint32_t)++map_put(r->arena, &r->positions, chain, &added)->num;
}

/* "table bridge nwfc {", a tab and "chain NAME {", two tabs and a rule. */
static void read_nft(struct reader *r, struct str line)
{
	if (starts(line, "table ") && line.s[line.len - 1] == '{')
		begin_table(r, r->tool, (struct str){line.s + 6, line.len - 8});
	else if (starts(line, "\tchain "))
		r->chain = word((struct str){line.s + 7, line.len - 7}, 0);
	else if (starts(line, "\tset ") || starts(line, "\tmap ") || starts(line, "\t}"))
		r->chain = STR("");
	else if (starts(line, "\t\t") && r->chain.len && line.s[2] != '#' &&
		 !starts(line, "\t\ttype "))
		count(r, r->chain);
}

/* "rules_iptables() {" of the script, "*filter", "-A CHAIN ...". */
static void read_restore(struct reader *r, struct str line)
{
	static const char *const tools[] = {"ip6tables", "iptables", "ebtables"};
	if (starts(line, "rules_")) {
		struct str rest = {line.s + 6, line.len - 6};
		for (unsigned i = 0; i < 3; i++)
			if (starts(rest, tools[i])) {
				uint32_t n = (uint32_t)strlen(tools[i]);
				bool other = rest.len > n && rest.s[n] == '_';
				begin_table(r, str_from(tools[i]),
					    other ? (struct str){rest.s + n + 1, rest.len - n - 5}
					    : i == 2 ? STR("nat")
						     : STR("filter"));
				return;
			}
	} else if (starts(line, "*")) {
		begin_table(r, r->tool, (struct str){line.s + 1, line.len - 1});
	} else if (starts(line, "-A ")) {
		count(r, word(line, 1));
	}
}

void source_map_lines(const struct source_map *m, struct str text, const char *tool,
		      line_sink *lines, chain_sink *chains, void *arg)
{
	bool nft = strcmp(tool, "nft") == 0;
	struct reader r = {.tool = str_from(tool), .arena = m->arena, .chains = chains, .arg = arg};
	uint32_t next = 0;
	for (uint32_t lo = 0; lo < text.len; r.at.line++) {
		const char *end = memchr(text.s + lo, '\n', text.len - lo);
		uint32_t hi = end ? (uint32_t)(end - text.s) : text.len;
		struct str line = {text.s + lo, hi - lo};
		if (!r.at.line)
			r.at.line = 1;
		(nft ? read_nft : read_restore)(&r, line);
		if (next < m->lines.n && m->lines.items[next].offset == lo)
			lines(arg, &m->lines.items[next++], &r.at);
		lo = hi + 1;
	}
	end_table(&r);
}
