/* SPDX-License-Identifier: MIT */
/*
 * lint.h - what is wrong with filters, found by reasoning over all packets.
 *
 * Needs: ports as they were built; filters that no port uses are looked at through a port that
 * stands in (standin.h). Gives: findings W701 and on. What is said of a rule is
 * true in every program in which it stands. What depends on an unknown, or on
 * values that stand in, says so.
 *
 * lints.def is the table of them; a lint is a function over one port. What it finds
 * of a rule it gives to lint_rule(), what it finds of a port it says itself.
 *
 * One space serves all ports of a run. A port whose program, and number of values,
 * were seen before is passed over. When the engine is full, that is a finding, and
 * the rest of the filters is left out.
 */
#ifndef NWFC_REVIEW_LINT_H
#define NWFC_REVIEW_LINT_H

#include "review/meaning.h"
#include "review/standin.h"

/* Everything, to cx->diags. */
void lint(struct pass_ctx *cx, const struct library *lib, const struct ports *ports,
	  const struct build *b);

/* What shows in filters as they are written; lint() calls it. */
void lint_written(struct diags *ds, const struct library *lib);

/* --- for the lints ------------------------------------------------------------------------ */

/* Were they one rule as it was written? A line of the nwf language may be one for each family. */
static inline bool lint_same_rule(const struct prule *a, const struct prule *b)
{
	const struct rule *x = a->source, *y = b->source;
	return x == y || (x->filter == y->filter && x->span.file && x->span.file == y->span.file &&
			  x->span.lo == y->span.lo);
}

/* A rule as it was written, and what layout made of it on the sides. */
struct written {
	const struct rule *rule;
	vec_of(const struct rule_meaning *) forms;
};

/* What would be if a form were not there. */
struct weight {
	bool changes;  /* some packet would be treated differently */
	bool needless; /* of a rule that is said to do nothing, so that somebody may delete it */
	bool exposed;  /* a needless one of which a drop behind it would take some packet */
};

struct lint_port {
	struct lint *l;
	struct arena *arena;
	struct space *sp;
	struct sets *sets;
	const struct port_data *pd;
	const struct meaning *m;
	bool standin;
	struct span span;              /* the port's reference, or the filter's name */
	struct weight *weights[SIDES]; /* as side_meaning.rules */
	vec_of(struct written) rules;  /* in the order in which packets meet them */
};

/* "port 'vnet0'", "filter 'web'" */
struct str lint_title(const struct lint_port *lp);

/*
 * A finding on a rule in the making. lint_rule() takes it; it is said at the end
 * when in each port that has the rule there was one of this kind.
 */
struct draft {
	const struct diag_kind *kind;
	struct span span;
	const void *key; /* said once for each; NULL: for the rule */
	struct str text, hint;
	vec_of(struct diag_note) notes;
};
struct draft *draft_new(struct lint_port *lp, const struct diag_kind *kind, struct span span,
			struct str text);
void draft_note(struct lint_port *lp, struct draft *d, struct span span, struct str text);
void lint_rule(struct lint_port *lp, const struct rule *r, struct draft *d);

/* Say something of a rule, a filter or a port once. NULL: it was said. */
struct draft *lint_once(struct lint_port *lp, const void *key, const struct diag_kind *kind,
			struct span span, struct str text);

/* "accept ip, ip saddr 10.0.0.1" */
struct str lint_rule_words(const struct lint_port *lp, const struct prule *r);

/* A packet of a set, which is not empty, and its words. */
struct packet lint_packet(const struct lint_port *lp, pset s, enum side side);
struct str lint_packet_words(const struct lint_port *lp, const struct packet *p);

static inline const struct side_meaning *lint_side(const struct lint_port *lp, enum side s)
{
	return &lp->m->sides[s];
}

static inline const struct weight *lint_weight(const struct lint_port *lp,
					       const struct rule_meaning *rm)
{
	return &lp->weights[rm->side][rm - lp->m->sides[rm->side].rules.items];
}

/* Is anything dropped or rejected where a rule of this protocol stands: among frames, or among the
 * IP packets of its family? */
bool lint_realm_drops(struct lint_port *lp, const struct proto *p);

/* Is this a rule of a stock filter, which is nobody's here to mend? */
static inline bool lint_theirs(const struct rule *r)
{
	return r->filter->stock;
}

/* The smallest set of rules before a place that take all of `wanted`: lint_cover.c */
struct cover {
	vec_of(const struct rule_meaning *) by;
};
struct cover lint_cover(struct lint_port *lp, const struct rule_meaning *before, pset wanted);

/* Is all that the forms let pass dropped after all (W705)? *example: one of them. */
bool lint_all_stopped(struct lint_port *lp, const struct written *w,
		      const struct rule_meaning **example);

/* The packets that are shown to a rule at all, whatever stands before it. */
pset lint_shown(const struct lint_port *lp, const struct rule_meaning *rm);

#define LINT(function) void function(struct lint_port *lp);
#include "review/lints.def"

#endif
