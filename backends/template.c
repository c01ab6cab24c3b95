/* SPDX-License-Identifier: MIT */
#include "backends/template.h"

#define TEXT_NONE UINT32_MAX
/* Texts are copied in whole chunks, past their end; every source and the output leave room. */
#define CHUNK 32
#define SLACK (2 * CHUNK)

/* --- building --- */

void template_text(struct arena *a, struct template *t, struct str s)
{
	if (!s.len)
		return;
	if (t->pieces.n && t->pieces.items[t->pieces.n - 1].kind == PIECE_TEXT) {
		struct piece *last = &t->pieces.items[t->pieces.n - 1];
		char *joined = arena_alloc(a, last->text.len + s.len + 1);
		memcpy(joined, last->text.s, last->text.len);
		memcpy(joined + last->text.len, s.s, s.len);
		last->text = (struct str){joined, last->text.len + s.len};
		return;
	}
	*vec_push(a, &t->pieces) = (struct piece){.kind = PIECE_TEXT, .text = str_copy(a, s)};
}

void template_name(struct arena *a, struct template *t, uint32_t name)
{
	*vec_push(a, &t->pieces) = (struct piece){.kind = PIECE_NAME, .name = name};
}

/* Constants are short: a text of one value, formatted where it stands. */
static void add_constant(struct arena *a, struct template *t, const struct value *v,
			 value_format *format, uint32_t arg)
{
	struct buf b;
	buf_memory(&b);
	if (format(&b, v, arg))
		template_text(a, t, (struct str){b.data, (uint32_t)b.n});
	else
		t->never = true;
	buf_drop(&b);
}

void template_slot(struct arena *a, struct template *t, const struct slot *s, value_format *format,
		   uint32_t arg)
{
	if (s->kind == SLOT_CONST)
		add_constant(a, t, &s->value, format, arg);
	else if (s->kind == SLOT_DIM)
		*vec_push(a, &t->pieces) = (struct piece){.kind = PIECE_VALUE,
							  .dim = s->dim,
							  .column = s->column,
							  .format = format,
							  .arg = arg};
}

struct template template_copy(struct arena *a, const struct template *t)
{
	struct template c = {.never = t->never};
	vec_each (p, &t->pieces)
		*vec_push(a, &c.pieces) = *p;
	return c;
}

/* --- texts of a port's values --- */

void writer_start(struct template_writer *w, struct arena *a, struct buf *out)
{
	*w = (struct template_writer){.arena = a, .out = out};
	buf_memory(&w->pool);
	buf_memory(&w->line);
}

void writer_end(struct template_writer *w)
{
	buf_drop(&w->pool);
	buf_drop(&w->line);
}

void writer_port(struct template_writer *w, const struct port_data *pd, const struct str *names)
{
	w->pd = pd;
	w->names = names;
	w->columns.n = 0;
	w->texts.n = 0;
	w->pool.n = 0;
}

static uint32_t add_column(struct template_writer *w, uint32_t dim, const struct piece *p)
{
	const struct rows *rows = &w->pd->rows[dim];
	uint32_t ncols = w->pd->program->dims.items[dim].columns.n;
	struct text_column c = {.dim = dim,
				.column = p->column,
				.arg = p->arg,
				.format = p->format,
				.first = w->texts.n};
	for (uint32_t i = 0; i < rows->n; i++) {
		size_t at = w->pool.n;
		struct text_at text = {(uint32_t)at, TEXT_NONE};
		if (p->format(&w->pool, &rows->values[(size_t)i * ncols + p->column], p->arg))
			text.len = (uint32_t)(w->pool.n - at);
		else
			c.gaps = true;
		if (text.len != TEXT_NONE && text.len > c.longest)
			c.longest = text.len;
		*vec_push(w->arena, &w->texts) = text;
	}
	*vec_push(w->arena, &w->columns) = c;
	return w->columns.n - 1;
}

static uint32_t find_column(struct template_writer *w, uint32_t dim, const struct piece *p)
{
	for (uint32_t i = 0; i < w->columns.n; i++) {
		const struct text_column *c = &w->columns.items[i];
		if (c->dim == dim && c->column == p->column && c->format == p->format &&
		    c->arg == p->arg)
			return i;
	}
	return add_column(w, dim, p);
}

/* --- the walk over a product --- */

/* Constant text, then a value of the turning dimension (none behind the last text). */
struct segment {
	uint32_t at, len; /* in writer.line */
	const struct text_at *texts;
};

/* What one rule needs while its product turns. */
struct walk {
	const struct template *t;
	const struct prule *rule;
	uint32_t *column;      /* per piece: index into writer.columns */
	uint32_t *row, *n;     /* per dimension of the rule */
	uint32_t ndims, inner; /* inner: the first dimension with more than one row; ndims when
				  there is none */
	struct segment *segments;
	uint32_t nsegments;
	size_t longest; /* an upper limit for one line */
	bool gaps;      /* of the turning dimension */
};

static inline char *copy_chunks(char *to, const char *from, uint32_t n)
{
	uint32_t i = 0;
	do
		memcpy(to + i, from + i, CHUNK);
	while ((i += CHUNK) < n);
	return to + n;
}

/* Values are short, so half a chunk is mostly enough. */
static inline char *copy_value(char *to, const char *from, uint32_t n)
{
	memcpy(to, from, CHUNK / 2);
	return n <= CHUNK / 2 ? to + n : copy_chunks(to, from, n);
}

/*
 * Lines with one value of the turning dimension: nearly all. As many as surely
 * fit are written without a look at the buffer, for keeping its fill in memory
 * would be the longest chain of dependent work of a line.
 */
static void turn_simple(struct buf *out, const struct walk *k, const char *line, const char *pool)
{
	const struct segment head = k->segments[0], tail = k->segments[1];
	const char *head_text = line + head.at, *tail_text = line + tail.at;
	for (uint32_t i = 0, n = k->n[k->inner]; i < n;) {
		char *start = buf_at_least(out, k->longest), *p = start;
		size_t fit = (out->cap - out->n) / k->longest;
		uint32_t end = fit < n - i ? i + (uint32_t)fit : n;
		for (; i < end; i++) {
			p = copy_chunks(p, head_text, head.len);
			p = copy_value(p, pool + head.texts[i].at, head.texts[i].len);
			p = copy_chunks(p, tail_text, tail.len);
		}
		out->n += (size_t)(p - start);
	}
}

static bool has_gap(const struct walk *k, uint32_t row)
{
	for (uint32_t s = 0; s + 1 < k->nsegments; s++)
		if (k->segments[s].texts[row].len == TEXT_NONE)
			return true;
	return false;
}

static void note_line(struct template_writer *w, struct walk *k, uint32_t turned)
{
	const struct prule *source = w->source ? w->source : k->rule;
	if (k->inner < k->ndims)
		k->row[k->inner] = turned;
	source_map_add(w->map, w->out->n, source, k->rule, w->pd, k->row);
}

static void turn(struct template_writer *w, struct walk *k)
{
	struct buf *out = w->out;
	const char *line = w->line.data, *pool = w->pool.data;
	uint32_t n = k->inner < k->ndims ? k->n[k->inner] : 1;
	for (uint32_t i = 0; i < n; i++) {
		char *start = buf_at_least(out, k->longest), *p = start;
		if (k->gaps && has_gap(k, i))
			continue;
		if (w->map && k->rule)
			note_line(w, k, i);
		for (uint32_t s = 0; s < k->nsegments; s++) {
			const struct segment *g = &k->segments[s];
			p = copy_chunks(p, line + g->at, g->len);
			if (g->texts)
				p = copy_value(p, pool + g->texts[i].at, g->texts[i].len);
		}
		out->n += (size_t)(p - start);
	}
}

static void end_segment(struct template_writer *w, struct walk *k, uint32_t *at,
			const struct text_at *texts)
{
	k->segments[k->nsegments++] = (struct segment){*at, (uint32_t)w->line.n - *at, texts};
	*at = (uint32_t)w->line.n;
}

/* Put together what holds for one turn of the inner dimension; false: an outer value has no line.
 */
static bool build_line(struct template_writer *w, struct walk *k)
{
	uint32_t at = 0;
	w->line.n = 0;
	k->nsegments = 0;
	k->gaps = false;
	k->longest = 0;
	for (uint32_t i = 0; i < k->t->pieces.n; i++) {
		const struct piece *p = &k->t->pieces.items[i];
		if (p->kind != PIECE_VALUE) {
			buf_str(&w->line, p->kind == PIECE_NAME ? w->names[p->name] : p->text);
			continue;
		}
		const struct text_column *c = &w->columns.items[k->column[i]];
		const struct text_at *texts = &w->texts.items[c->first];
		if (p->dim == k->inner) {
			end_segment(w, k, &at, texts);
			k->longest += c->longest;
			k->gaps |= c->gaps;
			continue;
		}
		texts += k->row[p->dim];
		if (texts->len == TEXT_NONE)
			return false;
		buf_put(&w->line, w->pool.data + texts->at, texts->len);
	}
	end_segment(w, k, &at, NULL);
	k->longest += w->line.n + SLACK;
	buf_at_least(&w->line, SLACK);
	return true;
}

static void write_turn(struct template_writer *w, struct walk *k)
{
	if (!build_line(w, k))
		return;
	if (k->nsegments == 2 && !k->gaps && k->inner < k->ndims && !w->map)
		turn_simple(w->out, k, w->line.data, w->pool.data);
	else
		turn(w, k);
}

/* The dimensions above the inner one, as an odometer; false when all have gone round. */
static bool next_turn(struct walk *k)
{
	for (uint32_t d = k->inner + 1; d < k->ndims; d++) {
		if (++k->row[d] < k->n[d])
			return true;
		k->row[d] = 0;
	}
	return false;
}

void writer_rule(struct template_writer *w, const struct prule *r, const struct template *t)
{
	uint32_t ndims = r ? r->dims.n : 0, npieces = t->pieces.n;
	uint32_t scratch[npieces + 2 * ndims + 1];
	struct segment segments[npieces + 1];
	struct walk k = {.t = t,
			 .rule = r,
			 .column = scratch,
			 .row = scratch + npieces,
			 .n = scratch + npieces + ndims,
			 .ndims = ndims,
			 .inner = ndims,
			 .segments = segments};
	if (t->never)
		return;
	for (uint32_t d = 0; d < ndims; d++) {
		k.row[d] = 0;
		k.n[d] = prule_rows(r, w->pd, d);
		if (!k.n[d])
			return;
		if (k.n[d] > 1 && k.inner == ndims)
			k.inner = d;
	}
	for (uint32_t i = 0; i < npieces; i++)
		if (t->pieces.items[i].kind == PIECE_VALUE)
			k.column[i] = find_column(w, r->dims.items[t->pieces.items[i].dim],
						  &t->pieces.items[i]);
	buf_at_least(&w->pool, SLACK);
	do
		write_turn(w, &k);
	while (next_turn(&k));
}
