/* SPDX-License-Identifier: MIT */
/*
 * form.h - what a script says, in one form whatever tool it is for.
 *
 * A reader (nft.c, ebtables.c, iptables.c) turns text into chains of rules, whose
 * tests are sets of packets already, but for what depends on the interface:
 * that is settled for one port after the other (eval.c). Nothing here knows how the script
 * was made: readers and emitters share the language's tables of review/vars.def and
 * no code, so that a mistake in one is none in the other.
 *
 * Needs: a script's text and a space. Fails: with E801 at the first word that is
 * not understood; no word is passed over.
 */
#ifndef NWFC_REVIEW_READBACK_FORM_H
#define NWFC_REVIEW_READBACK_FORM_H

#include "base/diag.h"
#include "review/space.h"

/* --- fields of packets --- */

/* What an expression sees in one kind of packets: a set for each bit, highest first. */
struct view {
	pset where;
	pset *bits;
};

struct field_ref {
	struct str text;
	bool header; /* bits at a place of a header, not of a property */
	uint8_t base;
	uint32_t offset, width;
	vec_of(struct view) views;
};

/* Headers that offsets count from. */
enum base { BASE_ETHER, BASE_VLAN, BASE_NET, BASE_TRANSPORT, BASES };

/* --- rules --- */

/* A test of the interface that a packet comes in by (or, out, leaves by). */
struct iface_test {
	bool out, negated, prefix; /* prefix: any name that begins so */
	struct str name;
};

/* More than (over) n connections of the source, or not. */
struct count_test {
	bool there, over;
	bool by_iface, out; /* for each interface that it leaves by, or comes in by */
	uint32_t n;
	const struct field_ref *key[8]; /* and for each value of these */
	uint32_t keys;
};

enum act {
	ACT_NEXT,
	ACT_ACCEPT,
	ACT_DROP,
	ACT_REJECT,
	ACT_RETURN,
	ACT_JUMP,
	ACT_GOTO,
	ACT_MAP /* the action of the interface's element */
};

struct element {
	struct iface_test name; /* of its column of interfaces, if the set has one */
	u128 lo[8], hi[8];      /* of the others */
	enum act act;           /* of a map */
	struct str target;
	uint32_t chain; /* index + 1, once resolved */
	uint32_t next;  /* of the same name, index + 1 */
	uint32_t text_lo, text_hi;
};

struct eset {
	struct str table, name;
	uint32_t columns;
	int iface_column; /* -1: none */
	bool map, dynamic, defined;
	bool counted; /* a rule counts in it */
	vec_of(struct element) elements;
	struct map by_name;         /* interface -> index + 1 of the first element */
	vec_of(uint32_t) wildcards; /* elements whose name is a beginning */
};

/* A look into a set with a column of interfaces. */
struct lookup {
	const struct eset *set;
	bool out, negated;
	const struct field_ref *fields[8]; /* the other columns, in their order */
	uint32_t n;
};

struct rule_form {
	uint32_t lo, hi; /* place in the text */
	pset takes;      /* of what does not depend on the interface */
	vec_of(struct iface_test) ifaces;
	vec_of(struct lookup) lookups;
	struct count_test count;
	bool bridged; /* only what leaves by a port of the bridge by which it came */
	enum act act;
	struct str target; /* a chain */
	uint32_t chain;    /* index + 1, once resolved */
	const struct eset *map;
	bool map_out;
};

enum hook {
	HOOK_NONE,
	HOOK_PREROUTING,
	HOOK_POSTROUTING,
	HOOK_FORWARD,
	HOOK_INPUT,
	HOOK_OUTPUT, /* of what the host sends: no port's */
	HOOK_INGRESS,
	HOOK_EGRESS
};

struct chain_form {
	struct str table, name;
	bool defined; /* else only named by a jump */
	bool stale;   /* ebtables: what it held before is not flushed */
	enum hook hook;
	int priority;
	bool drops;                     /* policy */
	vec_of(struct iface_test) devs; /* of a hook of devices */
	vec_of(struct rule_form *) rules;
};

struct script_form {
	struct arena *arena;
	struct space *sp;
	struct diags *ds;
	uint32_t file;
	struct str text;
	uint32_t begin, end; /* the part of the text that is read */
	bool failed;
	vec_of(struct chain_form) chains;
	struct map chain_index; /* "table name" */
	struct map set_index;
	vec_of(struct eset *) sets;
	vec_of(struct str) unread;    /* tables of networks, which are no part of filters */
	struct map emptied;           /* tables that are deleted in front */
	bool no_hooks;                /* it leaves out the jumps from the base chains */
	uint32_t private[BASES][512]; /* bits + 1 that the space does not have */
	pset sofar;                   /* what the tests before it leave for a field */
	struct map wholes;            /* sets without interfaces, by where they are looked into */
	struct map counters;          /* rules that count -> the port */
	uint64_t steps;               /* rules walked, which a limit ends */
};

/* Say what was not understood; the first time it counts. Returns false. */
bool unread(struct script_form *f, uint32_t lo, uint32_t hi, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The chain of a table, made when it is not there. */
uint32_t form_chain(struct script_form *f, struct str table, struct str name);
struct eset *form_set(struct script_form *f, struct str table, struct str name);
struct rule_form *form_rule(struct script_form *f, uint32_t lo, uint32_t hi);

/* An element for its set's index. */
void form_index_element(struct script_form *f, struct eset *s, uint32_t index);

/* Names to chains; false when one is not there. */
bool form_resolve(struct script_form *f);

/* --- headers.c --- */

/* The bits of a header, of packets in `of`. any_piece: also read in later fragments. */
const struct field_ref *header_bits(struct script_form *f, struct str text, enum base base,
				    uint32_t offset, uint32_t width, pset of, bool any_piece);

/* A variable, in packets of `of`. */
const struct field_ref *header_var(struct script_form *f, struct str text, enum var_id v, pset of);

/* A bit of a header that the space has no variable for. */
pset header_private(struct script_form *f, enum base base, uint32_t offset);

pset field_where(struct script_form *f, const struct field_ref *r);
pset field_range(struct script_form *f, const struct field_ref *r, u128 lo, u128 hi);
pset field_masked(struct script_form *f, const struct field_ref *r, u128 value, u128 mask);

/* --- values.c: how the tools write numbers and addresses --- */

bool read_number(struct str s, u128 max, u128 *out);
bool read_mac(struct str s, u128 *out);
bool read_ip4(struct str s, u128 *out);
bool read_ip6(struct str s, u128 *out);
/* By the width of the field: 48 a MAC address, 32 and 128 addresses, or a number. */
bool read_value(struct str s, uint32_t width, u128 *out);
/* VALUE, VALUE-VALUE or VALUE/PREFIX */
bool read_range(struct str s, uint32_t width, u128 *lo, u128 *hi);
bool read_proto_name(struct str s, uint32_t *out);

#endif
