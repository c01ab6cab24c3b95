/* SPDX-License-Identifier: MIT */
/*
 * source_map.h - which rule each line of a script comes from.
 *
 * While a script is emitted into memory the writers note the offset of each line
 * that is a rule; source_map_lines() then goes over the text once and says where
 * each of them is: its line, and for the tools that load it the table, the chain and
 * the place in it. A jump, which no rule of the source is, has no entry, but counts.
 */
#ifndef NWFC_BACKENDS_SOURCE_MAP_H
#define NWFC_BACKENDS_SOURCE_MAP_H

#include "ir/program.h"

struct mapped_line {
	size_t offset;
	const struct prule *rule, *walk; /* walk: whose dims the rows are of; may have none */
	const struct port_data *pd;      /* without a port: of all ports */
	uint32_t rows;                   /* into source_map.rows */
};

struct source_map {
	struct arena *arena;
	vec_of(struct mapped_line) lines;
	vec_of(uint32_t) rows;
};

/* row: of each dimension of walk. */
void source_map_add(struct source_map *m, size_t offset, const struct prule *rule,
		    const struct prule *walk, const struct port_data *pd, const uint32_t *row);

/* Where a line is. */
struct line_place {
	uint32_t line;    /* from 1 */
	struct str tool;  /* that loads it: "nft", "ebtables", "iptables", "ip6tables" */
	struct str table; /* "bridge nwfc", "filter" */
	struct str chain;
	uint32_t position; /* from 1 */
};

typedef void line_sink(void *arg, const struct mapped_line *l, const struct line_place *at);
/* A chain and how many rules it has, jumps included; behind its last line. */
typedef void chain_sink(void *arg, const struct line_place *at);
/* tool: the target's name; of xtables, which has all three, the script says it. */
void source_map_lines(const struct source_map *m, struct str text, const char *tool,
		      line_sink *lines, chain_sink *chains, void *arg);

#endif
