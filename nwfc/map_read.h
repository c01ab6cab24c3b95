/* SPDX-License-Identifier: MIT */
/*
 * map_read.h - a source map (map.h) read back.
 */
#ifndef NWFC_NWFC_MAP_READ_H
#define NWFC_NWFC_MAP_READ_H

#include "nwfc/session.h"

/* What the map says of a line of a script. */
struct map_hit {
	struct str key, file, action, port;
	uint32_t line, column;
	struct str values; /* "IP = 10.0.0.1" */
	struct str path;   /* "clean-traffic > no-ip-spoofing" */
};

struct source_map_file;

/* NULL after a finding. */
struct source_map_file *map_read(struct session *s, const char *path);

/* The rule at a place of a chain, from 1; false: none of ours is there. */
bool map_at(const struct source_map_file *m, struct str tool, struct str table, struct str chain,
	    uint32_t position, struct map_hit *out);

/* The rule behind a line of a script; script may be empty where the map has one alone. */
bool map_line(const struct source_map_file *m, struct str script, uint32_t line,
	      struct map_hit *out);

/* How many rules the map has for a chain; 0: it does not know it. */
uint32_t map_chain_rules(const struct source_map_file *m, struct str tool, struct str table,
			 struct str chain);

#endif
