/* SPDX-License-Identifier: MIT */
/*
 * names.h - variables that are given and not used, or used and not given: where one
 * of each is nearly the other, one of them is misspelt.
 */
#ifndef NWFC_IR_NAMES_H
#define NWFC_IR_NAMES_H

#include "ir/passes.h"

/* Edits from one name to another; NAMES_APART: they are equal, or nobody would take one for
 * the other. */
#define NAMES_APART 256
unsigned name_distance(struct str a, struct str b);

/*
 * Say which of the port's parameters no rule uses (W313). What explain_missing() names
 * is left out when fatal, that is when an error says that something is missing.
 */
void warn_unused(struct pass_ctx *cx, const struct tree *t, const struct port *port,
		 const struct missing_uses *missing, bool fatal);

/* The same for parameters of references inside the tree; to be asked once a tree. */
void warn_unused_inside(struct pass_ctx *cx, const struct tree *t, const struct port *port,
			const struct missing_uses *missing, bool fatal);

/* To the finding that says so: the given names that are nearly the missing ones. */
void explain_missing(struct pass_ctx *cx, struct finding *f, const struct tree *t,
		     const struct port *port, const struct missing_uses *missing);

#endif
