/* SPDX-License-Identifier: MIT */
/*
 * template.h - rules written out: one template, as many lines as the product of
 * the rule's iterators has instances.
 *
 * Idea: a lowered rule is a row of pieces: constant text, a name that the port
 * decides (its interface, a chain of it), a value of a dimension. A program is
 * lowered once; a writer goes over its templates once a port. Each value is
 * formatted once a port, into a table of texts; instances are then copies of
 * texts. Of a product the first dimension turns fastest: what the others say is
 * put together once per turn of them, so that a line of the inner loop is head,
 * value, tail. Memory grows with the lists, never with their product.
 *
 * A format may say that a value has no such line (return false): the instance
 * is left out. So a rule that a target needs several lines for (ranges around
 * a hole) is several templates, some of which are silent for some values.
 *
 * Needs: programs and port data. Gives: bytes in `out`. Fails: only by the
 * buffer's error. Memory: a table of texts on the heap, given back by
 * writer_end(); what lists need grows in the arena, once for all ports.
 */
#ifndef NWFC_BACKENDS_TEMPLATE_H
#define NWFC_BACKENDS_TEMPLATE_H

#include "backends/source_map.h"

/* Write v; false: this value has no line. arg is the template's own. */
typedef bool value_format(struct buf *b, const struct value *v, uint32_t arg);

struct piece {
	enum piece_kind { PIECE_TEXT, PIECE_NAME, PIECE_VALUE } kind;
	struct str text;      /* TEXT */
	uint32_t name;        /* NAME: index into the port's names */
	uint32_t dim, column; /* VALUE: as in struct slot */
	value_format *format;
	uint32_t arg;
};

/* One line, its newline included. */
struct template
{
	vec_of(struct piece) pieces;
	bool never; /* a constant has no line here */
};

/* Building; neighbouring texts are joined. s is copied. */
void template_text(struct arena *a, struct template *t, struct str s);
#define template_lit(a, t, literal) template_text((a), (t), STR(literal))
void template_name(struct arena *a, struct template *t, uint32_t name);
/* A constant is formatted at once; SLOT_NONE adds nothing. */
void template_slot(struct arena *a, struct template *t, const struct slot *s, value_format *format,
		   uint32_t arg);
/* A copy to go on with: how one rule becomes several lines. */
struct template template_copy(struct arena *a, const struct template *t);

/* A column of values as texts. */
struct text_column {
	uint32_t dim; /* into program.dims */
	uint32_t column, arg;
	value_format *format;
	uint32_t first;   /* row 0, in writer.texts */
	uint32_t longest; /* text, in bytes */
	bool gaps;        /* some values have no line */
};

struct text_at {
	uint32_t at, len; /* in writer.pool; len UINT32_MAX: no line */
};

struct template_writer {
	struct arena *arena;
	struct buf *out;
	const struct port_data *pd;
	const struct str *names;
	struct source_map *map;     /* where lines are noted; NULL: nowhere */
	const struct prule *source; /* whose lines these are; NULL: the rule's that is written */
	struct buf pool;            /* all texts of the port, one behind the other */
	struct buf line;            /* of the line in hand, what does not turn */
	vec_of(struct text_column) columns;
	vec_of(struct text_at) texts;
};

void writer_start(struct template_writer *w, struct arena *a, struct buf *out);
/* The following rules are for this port; names are what PIECE_NAME points into. */
void writer_port(struct template_writer *w, const struct port_data *pd, const struct str *names);
/*
 * All instances of rule r's template, in the order of the language; once where r
 * is NULL. A line is far below BUF_BLOCK.
 */
void writer_rule(struct template_writer *w, const struct prule *r, const struct template *t);
void writer_end(struct template_writer *w);

#endif
