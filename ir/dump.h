/* SPDX-License-Identifier: MIT */
/*
 * dump.h - the forms between the passes as text, for people and tests.
 *
 * `resolve` lists the rules of each port's tree with the references that led to
 * them; `bind` the columns and dimensions of each program with every port's
 * rows; `layout` the chains and rules of each program. (After parse, the front
 * end's printer gives XML that parses again.)
 */
#ifndef NWFC_IR_DUMP_H
#define NWFC_IR_DUMP_H

#include "ir/passes.h"

bool dump_known(const char *pass);

/* Print what the pass gives. Findings as the passes have them. */
void dump_pass(struct pass_ctx *cx, const char *pass, const struct library *lib,
	       const struct ports *ports, struct buf *out);

/* One rule of a program in words: "out accept tcp th dport 22 ct state new,established". */
void dump_prule(struct buf *out, const struct program *p, const struct prule *r);

#endif
