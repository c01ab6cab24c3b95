/* SPDX-License-Identifier: MIT */
/*
 * tree.h - a text of the nwf language as it was written: what the parser makes,
 * `fmt` prints and lower.c turns into filters and ports.
 *
 * Nothing is looked up or checked here, so that formatting a text neither
 * changes nor judges it. Words are slices of the source; comments are kept in a
 * list of their own and find their places again by their spans.
 *
 *   file     item*                     filter, port, define, include, assert
 *   filter   statement*                chain, uuid, label, use, rule
 *   rule     VERB DIRECTION match* option*
 *   match    HEADER [FIELD [SUB] [RELATION] value [DIRECTIONS]]
 *   assert   SUBJECT DEMAND DIRECTION match* (except match*)* [VERB]
 */
#ifndef NWFC_FRONTEND_NWF_TREE_H
#define NWFC_FRONTEND_NWF_TREE_H

#include "base/buf.h"
#include "base/diag.h"

struct nwf_word {
	enum { NWF_NO_WORD, NWF_WORD, NWF_STRING, NWF_VARIABLE } kind;
	struct str text; /* a string's with its quotes, a variable's with its $ */
	struct span span;
};

struct nwf_words {
	vec_of(struct nwf_word) list;
};

/* value, value/mask or from-to; words with a dash inside are parted by lower.c */
struct nwf_operand {
	struct nwf_word value, mask, to;
};

struct nwf_value {
	bool braces;
	vec_of(struct nwf_operand) items; /* one, unless braces */
	struct nwf_words words;           /* a list without braces: a, b */
	struct nwf_words mask;            /* the words behind its / */
	struct span span;
};

enum nwf_relation { NWF_EQ, NWF_NE, NWF_NE_SOME, NWF_GT, NWF_LE, NWF_LE_SOME };

struct nwf_match {
	struct nwf_word header, field, sub; /* field: none for a header alone */
	enum nwf_relation relation;
	struct nwf_value value;
	struct nwf_words directions; /* of an ipset */
	struct span span;
};

struct nwf_rule {
	struct nwf_word verb, direction;
	vec_of(struct nwf_match *) matches;
	struct nwf_words priority;  /* as often as given, each with its sign */
	struct nwf_words stateless; /* the word itself */
	struct nwf_words comments;  /* strings */
};

struct nwf_param {
	struct nwf_word name;
	struct nwf_words values;
	struct span span;
};

struct nwf_params {
	vec_of(struct nwf_param) list;
};

struct nwf_use {
	struct nwf_word filter;
	struct nwf_params params;
};

/* What stands in a filter or a port. */
struct nwf_statement {
	enum {
		NWF_RULE,
		NWF_USE,
		NWF_LABEL, /* frames: packets: */
		NWF_CHAIN, /* word, and priority if given */
		NWF_UUID,
		NWF_PARAM, /* NAME = values */
		NWF_LEARN,
		NWF_OWNER, /* word, and the uuid in more */
		NWF_LINK,
		NWF_MACVTAP, /* the lower device, if given */
	} kind;
	struct span span;
	union {
		struct nwf_rule rule;
		struct nwf_use use;
		struct nwf_param param;
		struct {
			struct nwf_word word, more;
		};
	};
};

struct nwf_block {
	vec_of(struct nwf_statement *) list;
	struct span span; /* with its braces */
	bool broken;      /* some of it could not be read, which has been said */
};

/* Packets that an assertion leaves out. */
struct nwf_except {
	struct nwf_word word; /* except */
	vec_of(struct nwf_match *) matches;
};

/* assert port NAME never out ip saddr != $IP except udp: packets in the words of a rule */
struct nwf_assertion {
	struct nwf_word every, subject, name; /* `port NAME`, or `every port` without a name */
	struct nwf_word demand;               /* never, always */
	struct nwf_words verdicts;            /* one behind always */
	struct nwf_rule packets;              /* its direction, matches, comments */
	vec_of(struct nwf_except) excepts;
};

struct nwf_item {
	enum { NWF_FILTER, NWF_PORT, NWF_DEFINE, NWF_INCLUDE, NWF_ASSERT } kind;
	struct span span;
	struct nwf_word name, mac; /* include: the path; mac: of a port */
	struct nwf_words values;   /* define */
	struct nwf_block block;
	struct nwf_assertion *assertion;
};

struct nwf_comment {
	struct span span; /* from # to the line's end */
	struct str text;  /* the same; what was no comment of nwf begins with # here, too */
	bool behind;      /* something stands before it on its line */
};

struct nwf_file {
	vec_of(struct nwf_item) items;
	vec_of(struct nwf_comment) comments;
	bool broken; /* an item could not be read, which has been said */
};

/*
 * Canonical text of a tree: one blank between words, a tab a level, comments
 * and single blank lines where they were. What is printed parses to the same
 * tree, and prints to the same text. source: what the spans lie in; it only
 * says where lines end.
 */
void nwf_print(struct buf *b, const struct nwf_file *f, struct str source);

/* Of an assertion in a line what is demanded, without of whom. */
void nwf_print_demand(struct buf *b, const struct nwf_assertion *a);

/*
 * Needs: source `file` of ss. Gives: its tree, with all that could be read.
 * Fails: findings, one for each place where the text leaves the grammar; after
 * it the reading goes on behind the next newline, `;` or `}`.
 */
struct nwf_file *nwf_parse(struct arena *a, struct diags *ds, struct sources *ss, uint32_t file);

#endif
