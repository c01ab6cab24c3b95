/* SPDX-License-Identifier: MIT */
/*
 * map.h - the source map: which rule each line of the scripts comes from, as JSON.
 *
 * {"version": 1, "scripts": [{"target", "file", "lines": [{"line", "tool", "table",
 * "chain", "position", "rule", "port", "values"}], "chains": [{"tool", "table", "chain",
 * "rules"}]}], "rules": [{"key", "filter", "number", "file", "line", "column", "action", "path":
 * [{"filter", "file", "line", "column"}]}]}
 *
 * "rule" is an index into "rules"; "position" counts the rules of a chain, jumps included,
 * from 1; "port" is lacking where a line serves all, "values" where nothing was iterated. The
 * version changes when a member changes its meaning or goes away.
 */
#ifndef NWFC_NWFC_MAP_H
#define NWFC_NWFC_MAP_H

#include "nwfc/compile.h"

/* Nothing happens without --source-map. */
bool map_begin(struct compile *c);
/* Emit a script and note its lines. */
void map_script(struct compile *c, struct job *j, const char *path);
bool map_end(struct compile *c);

#endif
