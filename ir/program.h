/* SPDX-License-Identifier: MIT */
/*
 * program.h - the form in which all meaning is fixed: what layout gives and
 * backends, simulators and proofs take.
 *
 * A program is the code of one filter tree; a port is data for it. Directions
 * are seen from the guest: SIDE_OUT is what it sends, SIDE_IN what it gets. For
 * each side there are a frame part (chains of LAYER_FRAME rules, first match,
 * jumps) and a packet part (one list of LAYER_PACKET rules). Exchange of source
 * and destination, connection state, order and jumps are all resolved: a
 * backend translates test by test and decides nothing.
 *
 * Evaluation of one frame on one side: the frame part and the packet part must
 * both let it pass (out: frame part first; in: packet part first; the packet
 * part sees untagged IPv4 and IPv6 only). In a part, the first rule whose tests
 * all hold decides: ACCEPT ends the part, DROP and REJECT end the frame, RETURN
 * leaves the chain (in a root chain or packet list: ends the part), CONTINUE goes on.
 * The end of a sub-chain goes back to the root chain; the end of the root chain
 * and of the packet list lets pass.
 *
 * Values. An operand is a constant or a column of one of the rule's dimensions.
 * A dimension is a table of tuples; the instances of a rule are the product of
 * its dimensions, the FIRST of them turning fastest, and they are ORed in that
 * order. Columns come from the port's variables or from constant lists.
 */
#ifndef NWFC_IR_PROGRAM_H
#define NWFC_IR_PROGRAM_H

#include "ir/learn.h"
#include "ir/port.h"

enum side { SIDE_OUT, SIDE_IN, SIDES };
extern const char *const side_names[SIDES]; /* "out", "in" */

/* A value that the port supplies: its variable, read as the type of an attribute. */
struct column {
	struct var_ref var; /* index: the element; iterators are of no account here */
	const struct attr
		*attr; /* type and range; columns are equal when variable, element and type are */
	struct span span; /* of its first use */
};

/* A column of a dimension: of the port, or a constant list. */
struct dim_column {
	bool constant;
	uint32_t column;             /* index into program.columns */
	vec_of(struct value) values; /* when constant */
	const struct param
		*source; /* when constant: where they stand, unless in a list in braces */
	const struct value_list *list; /* that list */
	uint32_t element;              /* when constant and one value was picked: which, from 1 */
	struct span span;              /* of its first use in the source */
	const struct attr *attr;
};

/*
 * Tuples: one value a column; equal tuples appear once (the first stays).
 * Dimensions are shared: equal ones are one entry of program.dims.
 */
struct dim {
	vec_of(struct dim_column) columns;
	bool constant; /* no column is the port's: the tuples stand in const_rows */
	struct rows {
		uint32_t n;
		struct value *values; /* n * columns.n, row after row */
	} const_rows;
};

/* What stands in a test: nothing, a constant, or (dimension of the rule, column). */
struct slot {
	enum { SLOT_NONE, SLOT_CONST, SLOT_DIM } kind;
	struct value value;
	uint32_t dim;    /* index into prule.dims */
	uint32_t column; /* of that dimension */
};

/*
 * As struct test, after exchange: field OP value [/mask | ..to].
 *
 * Tests of ICMP_TYPE and ICMP_CODE that are both negated are one: the pair of
 * type and code is not the given one (no tool can negate them one by one).
 */
struct ptest {
	enum field_id field;
	bool negated;
	bool none; /* no row of its dimension matches; that dimension is the test's alone and makes
		      no instances (so negated is set, too) */
	bool from;
	struct slot value, to, mask;
	const struct test *source;
};

enum ct_direction { CT_DIR_ANY, CT_DIR_ORIGINAL, CT_DIR_REPLY };

struct prule {
	const struct rule *source; /* NULL never */
	uint32_t path;             /* index into program.paths: by which references it came */
	const struct proto *proto;
	enum action verdict;
	bool mirrored;     /* source and destination were exchanged */
	uint8_t ct_states; /* CT_* bits; 0 = not tested */
	enum ct_direction ct_dir;
	vec_of(struct ptest) tests; /* without state and comment */
	vec_of(uint32_t) dims;      /* into program.dims; first turns fastest */
	uint64_t first_only;        /* bit d: of dims[d] the first row alone makes instances */
	struct str comment;         /* may be empty */
};

/* A chain of the frame part of one side. */
struct pchain {
	struct str name;                   /* "root" or the source's name */
	const struct chain_prefix *prefix; /* NULL for root: which frames the jump takes */
	int priority;
	vec_of(struct pitem) items;
};

/* Root chains hold rules and jumps, the others rules alone. */
struct pitem {
	enum { ITEM_RULE, ITEM_JUMP } kind;
	union {
		struct prule *rule;
		uint32_t chain; /* index into part.chains */
	};
};

struct part {
	vec_of(struct pchain) chains;  /* [0] is root; empty when this side has no frame rule */
	vec_of(struct prule *) packet; /* the packet part, both families in one order */
};

/* How a rule was reached: the references from the top filter down. */
struct ref_path {
	uint32_t parent; /* index + 1; 0 = this is the port's own reference */
	const struct filter_ref *ref;
	const struct filter *filter;
};

struct program {
	struct str name; /* unique in a run and stable: the filter's name, marked where it needs to
			    be */
	const struct filter *top;
	vec_of(struct column) columns;
	vec_of(struct dim) dims;
	vec_of(struct ref_path) paths;
	struct part parts[SIDES];
	bool has_packet[2];      /* [0] any IPv4 packet rule, [1] IPv6 */
	bool needs_ct;           /* any test of connection state or count */
	bool has_negated_dim;    /* any negated test of a variable */
	bool has_variable_range; /* any range with a variable end */
};

/* A port's data: its rows of every dimension of its program. */
struct port_data {
	const struct port *port;
	const struct program *program;
	struct rows *rows; /* one per program.dims; constant dimensions' rows included */
	bool learning;     /* the program is a learning set, since an address is not known */
};

/* All that a run compiles. Programs in order of first use; ports in order of input. */
struct build {
	vec_of(struct program *) programs;
	vec_of(struct program *) to_be; /* of ports that learn: what they will have */
	vec_of(struct port_data) ports;
	const struct networks *networks;     /* NULL: none */
	const struct interfaces *interfaces; /* NULL: none */
	vec_of(struct learner) learners; /* of the ports, those whose addresses must be learned */
};

/* How many rows of its dimension d make instances of a rule. */
static inline uint32_t prule_rows(const struct prule *r, const struct port_data *pd, uint32_t d)
{
	uint32_t n = pd->rows[r->dims.items[d]].n;
	return n > 1 && d < 64 && r->first_only >> d & 1 ? 1 : n;
}

/* Number of instances of a rule for a port; saturates at UINT64_MAX. */
uint64_t prule_product(const struct prule *r, const struct port_data *pd);

/* The row value behind a slot, row being the dimension's row. NULL for SLOT_NONE. */
static inline const struct value *slot_value(const struct slot *s, const struct prule *r,
					     const struct port_data *pd, const uint32_t *row)
{
	if (s->kind == SLOT_DIM) {
		uint32_t d = r->dims.items[s->dim];
		uint32_t ncols = pd->program->dims.items[d].columns.n;
		return &pd->rows[d].values[(size_t)row[s->dim] * ncols + s->column];
	}
	return s->kind == SLOT_CONST ? &s->value : NULL;
}

/* "clean-traffic > no-arp-spoofing > no-arp-ip-spoofing" */
struct str path_text(struct arena *a, const struct program *p, uint32_t path);

#endif
