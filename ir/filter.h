/* SPDX-License-Identifier: MIT */
/*
 * filter.h - the filter tree as its author wrote it. The XML reader, and every
 * other front end, makes these; the printers print them.
 *
 * Invariants (rule_builder_finish() sees to them): every test of a rule is of a
 * field that the rule's protocol has; values have the type and range of their
 * attribute; there is no mask, upper end or qualifier without what it belongs
 * to; tests stand in the order of the protocol's attribute table.
 */
#ifndef NWFC_IR_FILTER_H
#define NWFC_IR_FILTER_H

#include "base/diag.h"
#include "ir/field.h"

enum action { ACTION_DROP, ACTION_ACCEPT, ACTION_REJECT, ACTION_RETURN, ACTION_CONTINUE, ACTIONS };
enum direction { DIR_IN, DIR_OUT, DIR_INOUT, DIRECTIONS };

extern const char *const action_names[ACTIONS];
extern const char *const direction_names[DIRECTIONS];

#define PRIORITY_MIN     (-1000)
#define PRIORITY_MAX     1000
#define PRIORITY_DEFAULT 500

/* A use of a variable: $NAME is $NAME[@0]; $NAME[@k] iterates, $NAME[i] is one element. */
struct var_ref {
	struct str name;
	bool element;
	uint32_t index; /* iterator id 0..1000, or element from 0 */
};
#define ITERATOR_MAX 1000

/* The values of a list in braces, each with its place. Never empty. */
struct value_list {
	vec_of(struct value) values;
	vec_of(struct span) spans;
};

/* One part of a test: nothing, a value, a variable, or a list. attr says what type belongs here. */
struct operand {
	enum { OPERAND_NONE, OPERAND_VALUE, OPERAND_VAR, OPERAND_LIST } kind;
	const struct attr *attr;
	struct span span;
	struct value value;
	struct var_ref var;
	const struct value_list *list;
};

/*
 * One test of one field. `value` alone: equality; with `mask`: equality under a
 * mask (for IPSET: the directions); with `to`: a closed range, whose lower end
 * is 0 where value is OPERAND_NONE. from: written as an address range.
 *
 * Lists: when value is OPERAND_LIST, so are `to` and `mask` unless they are
 * OPERAND_NONE, all equally long; the list is an iterator of its own, which
 * advances them together. (A plain value among ranges has itself as upper end,
 * one among masked ones the full mask.)
 *
 * none: the test holds when no value of its list or variable matches, in
 * contrast to `negated` over a list alone, which makes an instance a value.
 * Set only together with negated, and only where value is a list or a variable
 * that is no element; the test then takes no part in the rule's iteration.
 */
struct test {
	enum field_id field;
	bool negated, none;
	bool from;
	struct operand value, to, mask;
	struct span span;
};

struct filter;

struct rule {
	const struct proto *proto; /* &protos[PROTO_NONE] where there is no element */
	enum action action;
	enum direction direction;
	int priority;
	bool statematch;
	vec_of(struct test) tests;
	struct span span;            /* the whole rule's opening */
	const struct filter *filter; /* the one it is written in */
	uint32_t number;             /* from 1 within its filter */
};

struct param_value {
	struct str text;
	struct span span;
	uint64_t valid_until_ms; /* as in struct value */
};

struct param {
	struct str name;
	struct span span;
	vec_of(struct param_value) values;
};

/* Parameters in order of first use of their name; repeated names have joined. */
struct params {
	vec_of(struct param) list;
	struct map index; /* num: place in list; made when there are many names */
	bool broken;      /* one was refused; what misses it need not be said again */
};

struct filter_ref {
	struct str filter;
	const struct filter *joined; /* not by name: what several references of a port make */
	struct params params;
	struct span span;
};

struct entry {
	enum { ENTRY_RULE, ENTRY_REF } kind;
	union {
		struct rule *rule;
		struct filter_ref *ref;
	};
};

struct filter {
	struct str name;
	struct str chain; /* "root" when not given */
	bool chain_given, priority_given;
	int priority; /* of the chain */
	struct str uuid;
	vec_of(struct entry) entries;
	struct span span, chain_span, priority_span, name_span;
	uint32_t end; /* offset behind it in its text, for printers; 0: not known */
	uint32_t nrules;
	struct str join_key;    /* of a filter that a port's references make: no name can be it */
	struct params defaults; /* values of variables that nobody further out gives */
	bool stock;             /* came with the program */
	bool looked_up;         /* of a folder of -I: it is there for those who refer to it */
	bool broken;            /* some of it could not be read, which has been said */
};

/* All filters of a run, by name. Names are unique. */
struct library {
	struct map by_name; /* ptr: struct filter */
	struct map by_uuid; /* ptr: struct filter */
	struct map texts;   /* identities of the nwf texts read */
	bool incomplete; /* a text could not be read, so what is not here is no mistake of its own
			  */
};

/*
 * Put a filter into the library. Findings: the same name twice (from another
 * text), the same UUID under two names. Stock filters are put with
 * `fallback`: they give way to what is there.
 */
void library_add(struct library *lib, struct filter *f, bool fallback, struct diags *ds);

static inline const struct filter *library_find(const struct library *lib, struct str name)
{
	const struct map_entry *e = map_find(&lib->by_name, name);
	return e ? e->cptr : NULL;
}

/* Append a value; findings for a bad name or value (specification 5.1). */
void params_add(struct params *ps, struct str name, struct span name_span, struct str value,
		struct span value_span, struct diags *ds);

const struct param *params_find(const struct params *ps, struct str name);

/* A name with every + doubled, so that a single one can part names from what is added to them. */
struct str double_plus(struct arena *a, struct str name);

/* Is this a legal variable name, parameter value? */
bool var_name_ok(struct str s);
bool var_value_ok(struct str s);

/*
 * Builds a rule's tests from attributes in any order, over several elements of
 * one protocol, each with its own sign; then checks what concerns them together.
 * Zeroed before its first rule; serves one rule after another with one array.
 */
struct rule_builder {
	struct arena *arena;
	struct diags *diags;
	struct rule *rule;
	/* how the front end calls an attribute in messages; NULL: by its XML name */
	struct str (*name)(const struct rule_builder *rb, const struct attr *at);
	struct attr_use {
		bool given, negated, none;
		struct operand operand;
		struct span name_span;
	} * uses;      /* one per row of proto->attrs */
	uint32_t room; /* rows that uses has */
};

void rule_builder_start(struct rule_builder *rb, struct rule *rule, const struct proto *p,
			struct arena *a, struct diags *ds);

/* Give one attribute; a repeated one replaces the earlier. Findings: illegal value or variable. */
void rule_builder_set(struct rule_builder *rb, const struct attr *at, bool negated, struct str text,
		      struct span value_span, struct span name_span);

/* The same for a list; none: see struct test. */
void rule_builder_set_list(struct rule_builder *rb, const struct attr *at, bool negated, bool none,
			   const struct value_list *list, struct span value_span,
			   struct span name_span);

/* What was given last for the attribute holds when no value of the variable matches. */
void rule_builder_none(struct rule_builder *rb, const struct attr *at);

/* Read one value of the attribute; a finding when it does not fit. */
bool rule_builder_read(struct rule_builder *rb, const struct attr *at, struct str text,
		       struct span span, struct value *out);

void rule_builder_finish(struct rule_builder *rb);

/* Does any test of the rule use this variable? */
bool rule_uses(const struct rule *r, struct str name);

/* Read $NAME, $NAME[i], $NAME[@k]. NULL, or what is wrong. */
const char *var_ref_parse(struct str text, struct var_ref *out);

/* The words of a variable use: "IP", "IP[1]", "IP[@2]". */
struct str var_ref_text(struct arena *a, const struct var_ref *v);

#endif
