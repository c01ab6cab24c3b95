/* SPDX-License-Identifier: MIT */
/*
 * passes.h - from filters and ports to programs, in the order in which they run.
 *
 *   resolve      filter by name      -> struct tree      references walked, rules in order
 *   bind_tree    tree, known names   -> dimensions       every variable gets its place
 *   check        filters             -> findings         what is legal but wrong
 *   layout       bound tree          -> struct program   chains, order, directions, state
 *   bind_port    program, port       -> struct port_data every value checked against its slot
 *
 * build_ports() calls them for many ports and shares what can be shared: trees
 * by filter, programs by filter and the names of the variables that the port
 * itself gives. Two thousand ports of one filter run the first four once.
 *
 * Memory: all results live in ctx.arena. Failure: a pass adds findings and
 * returns NULL (or false); inputs are never changed.
 */
#ifndef NWFC_IR_PASSES_H
#define NWFC_IR_PASSES_H

#include "ir/program.h"

/* Limits that turn hostile input into an error. */
struct limits {
	uint32_t depth;   /* of references; default 64 */
	uint32_t rules;   /* of one tree after resolving; default 1,000,000 */
	uint64_t product; /* instances of one rule in a target that must write them out; default
			     10,000,000 */
};
extern const struct limits default_limits;

struct pass_ctx {
	struct arena *arena;
	struct diags *diags;
	struct limits limits;
	const struct leases *leases; /* NULL: nothing has been learned */
};

/* --- resolve ------------------------------------------------------------------ */

/* What the parameters of references make visible; outer ones have won already. */
struct scope {
	struct map names; /* ptr: struct param */
};

struct tree_rule {
	const struct rule *rule;
	uint32_t path;             /* index into paths */
	const struct scope *scope; /* NULL: no parameters on the way */
};

/* A chain that filters of the tree name, and the lowest priority that any of them gives it. */
struct tree_chain {
	struct str name;
	int priority;
	const struct filter *first; /* who said so */
};

/* A variable that rules of the tree use. */
struct tree_name {
	struct str name;
	bool bare;      /* somewhere no parameter inside the tree gives it: the port must */
	bool defaulted; /* somewhere one does: the port may */
};

struct tree {
	const struct filter *top;
	vec_of(struct tree_rule) rules; /* depth first, document order */
	vec_of(struct ref_path) paths;
	vec_of(struct tree_chain) chains;
	vec_of(struct tree_name) names;
	bool broken; /* some rule or value could not be read: what is missing may be there */
};

/*
 * Needs: a reference from a port. Gives: its rules, flat, each with the path
 * that led to it and the parameters it sees. Fails: missing filter, loop (both
 * with their path), too deep, too many rules. Filters that name one chain
 * with different priorities: the lowest holds, and a warning says so.
 */
const struct tree *resolve(struct pass_ctx *cx, const struct library *lib,
			   const struct filter_ref *ref);

/* --- dimensions, shared by bind and layout ------------------------------------- */

/*
 * The index of a dimension with these columns in a list of dimensions, which is
 * made when it is not there; index maps signatures to positions.
 */
struct dims {
	vec_of(struct dim) list;
	struct map index;
};
uint32_t dims_intern(struct arena *a, struct dims *ds, const struct dim *d);

/* Rows without repetition (the first of equal ones stays): lists[c] holds n values of column c. */
struct rows make_rows(struct arena *a, uint32_t ncols, const struct value *const *lists,
		      uint32_t n);

/* --- bind (tree) -------------------------------------------------------------- */

/* A tree whose variables have been told apart: the port's columns, and constants. */
struct bound_rule {
	const struct tree_rule *from;
	vec_of(uint32_t) dims;      /* into bound_tree.dims, first turns fastest */
	vec_of(struct ptest) tests; /* all tests, not exchanged; slots refer to dims */
};

struct bound_tree {
	const struct tree *tree;
	vec_of(struct column) columns;
	struct dims dims;
	vec_of(struct bound_rule) rules;
};

/* A use that nobody gives a value: which, and where. */
struct missing_use {
	struct str text; /* "IP", "IP[@2]" */
	struct var_ref var;
	struct span span;
	uint32_t path;
};
struct missing_uses {
	vec_of(struct missing_use) list; /* each text once */
};

/* Does the port give this name itself? MAC it always does. */
bool port_gives(const struct port *port, struct str name);

/* The uses of names that neither the port nor the tree gives. */
void find_missing(struct pass_ctx *cx, const struct tree *t, const struct port *port,
		  struct missing_uses *out);

/*
 * Needs: a port that gives all that the tree does not; its own names win over
 * every parameter inside. Only which names it gives has an influence, so the
 * result serves all ports that give the same. Gives: dimensions and slots.
 * Fails: constant lists of unequal length in one iterator, element out of range of a constant
 * list, a constant that does not fit its slot, a range that runs backwards.
 */
const struct bound_tree *bind_tree(struct pass_ctx *cx, const struct tree *t,
				   const struct port *port);

/* --- check -------------------------------------------------------------------- */

/* Of a filter that is not there: one with a name like it, or where they are looked for. */
void hint_filter(struct diags *ds, struct finding *f, const struct library *lib, struct str name);

/* Findings on the filters as they are written: loops, dangling references, what has no effect. */
void check_library(struct pass_ctx *cx, const struct library *lib);

/* --- layout ------------------------------------------------------------------- */

/*
 * Needs: a bound tree without missing variables. Gives: the program. All
 * meaning is fixed here: specification lowering-ebtables-iptables 3.3 to 3.6
 * and 4.2 to 4.7 with its corrections.
 * Keeps: the verdict of every frame. Fails: never.
 */
struct program *layout(struct pass_ctx *cx, const struct bound_tree *bt, struct str name);

/* --- bind (port) -------------------------------------------------------------- */

/*
 * Needs: a program and a port that gives all its names. Gives: the rows.
 * Fails: value of the wrong type, lists of unequal length in one iterator,
 * element out of range, a range that runs backwards.
 */
bool bind_port(struct pass_ctx *cx, const struct program *p, const struct port *port,
	       struct port_data *out);

/* --- all ---------------------------------------------------------------------- */

/* The names that build_ports() may look up for such ports, terminated by NULL. */
extern const char *const learning_sets[];

/*
 * Ports to programs. Ports whose address must be learned get the strict
 * learning set (filters learn-* of the library) unless CTRL_IP_LEARNING says
 * none. Returns false when any error was found; the others have been looked at.
 */
bool build_ports(struct pass_ctx *cx, const struct library *lib, const struct ports *ports,
		 struct build *out);

#endif
