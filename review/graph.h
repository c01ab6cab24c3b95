/* SPDX-License-Identifier: MIT */
/*
 * graph.h - pictures of filters: boxes with rows, and arrows between them.
 *
 * Two builders make one: graph_filters() the references between filters, and
 * graph_program() the chains of a program with their rules, a group for each
 * side. Two printers write one: for Graphviz's dot, and for Mermaid. What a
 * class of packets walks is marks on the rows, boxes and arrows.
 *
 * Runs of rules that differ in nothing but values are shown by their first and last one.
 * Texts come from filters of anybody: the printers escape them.
 */
#ifndef NWFC_REVIEW_GRAPH_H
#define NWFC_REVIEW_GRAPH_H

#include "ir/passes.h"
#include "review/meaning.h"
#include "review/words.h"

/* When a class of packets is asked about: does any of it come here? */
enum graph_mark {
	GRAPH_UNASKED,
	GRAPH_UNSEEN,
	GRAPH_SEEN,   /* comes here, and goes on */
	GRAPH_DECIDES /* some of it is decided about here */
};

struct graph_row {
	enum graph_row_kind { GRAPH_RULE, GRAPH_JUMP, GRAPH_MORE, GRAPH_END, GRAPH_NOTE } kind;
	enum action verdict;
	struct str key;
	vec_of(struct str) words;
	struct str comment;
	struct str place; /* "file.xml:8" */
	enum graph_mark mark;
};

enum graph_box_kind {
	GRAPH_FILTER,
	GRAPH_STOCK, /* a filter that came with the program */
	GRAPH_PORT,
	GRAPH_CHAIN,
	GRAPH_PACKETS, /* the packet part of a side */
	GRAPH_ENDPOINT /* "the guest sends", "goes on" */
};

struct graph_box {
	enum graph_box_kind kind;
	struct str title, subtitle;
	vec_of(struct graph_row) rows;
	enum graph_mark mark;
};

/* Characters of a row's words in a line, for printers. */
#define GRAPH_LINE 52

#define GRAPH_WHOLE UINT32_MAX /* from the box, not from a row of it */

struct graph_edge {
	uint32_t from, row, to;
	enum { GRAPH_FLOW, GRAPH_CALL, GRAPH_REFERENCE } kind;
	struct str label;
	enum graph_mark mark;
};

/* Boxes that are drawn together. */
struct graph_group {
	struct str title;
	uint32_t first, n; /* boxes */
};

struct graph {
	struct arena *arena;
	const struct sources *sources;
	bool full; /* leave no rule out */
	struct str title;
	vec_of(struct graph_group) groups;
	vec_of(struct graph_box) boxes;
	vec_of(struct graph_edge) edges;
};

/* The filters that these refer to, directly or not; ports in front. */
void graph_filters(struct graph *g, const struct library *lib, const struct ports *ports,
		   const struct filter *const *tops, uint32_t ntops);

/*
 * A class of packets, and what becomes of it: for graph_program(). classes[s] is the set on side
 * s; PSET_NONE: none of it.
 */
struct graph_class {
	struct space *space;
	const struct meaning *meaning;
	pset classes[SIDES];
};

/* The chains of a program on both sides; asked may be NULL. */
void graph_program(struct graph *g, const struct program *p, struct str title,
		   const struct graph_class *asked);

void graph_print_dot(const struct graph *g, struct buf *out);
void graph_print_mermaid(const struct graph *g, struct buf *out);

#endif
