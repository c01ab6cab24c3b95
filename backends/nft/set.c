/* SPDX-License-Identifier: MIT */
/*
 * What the sets hold: the tuples of a port as elements.
 *
 * Sets of single values take a port's rows as they are. Where a column is a
 * range (a mask, two ends), nft refuses elements that overlap, and has no
 * merging for concatenations. So the union is made here: in one column by
 * sorting and joining, in several by cutting from each box what the earlier
 * ones cover. Both keep exactly the points that some tuple covers. Where tuples
 * end at different times, the one that ends last comes first in the cutting, so
 * that a point is there as long as any of its tuples.
 */
#include "backends/nft/nft.h"

#include <stdlib.h>

uint32_t set_add(struct nft_model *m, const struct nft_set *s)
{
	bool added;
	struct map_entry *e = map_put(m->cx->arena, &m->set_index, s->name, &added);
	if (added) {
		e->num = m->sets.n;
		*vec_push(m->cx->arena, &m->sets) = *s;
	}
	return (uint32_t)e->num;
}

/* --- tuples --- */

struct tuple_walk {
	const struct nft_feed *feed;
	const struct port_data *pd;
	uint32_t *row; /* by the rule's dimensions */
};

static struct tuple_walk walk_tuples(struct arena *a, const struct nft_feed *f,
				     const struct port_data *pd)
{
	return (struct tuple_walk){f, pd, arena_new_array(a, uint32_t, f->rule->dims.n + 1)};
}

static bool next_tuple(struct tuple_walk *w)
{
	vec_each (d, &w->feed->dims) {
		if (++w->row[*d] < w->pd->rows[w->feed->rule->dims.items[*d]].n)
			return true;
		w->row[*d] = 0;
	}
	return false;
}

static void end_with(struct box *x, const struct value *v)
{
	if (v && v->valid_until_ms && (!x->valid_until_ms || v->valid_until_ms < x->valid_until_ms))
		x->valid_until_ms = v->valid_until_ms;
}

/* The box of the tuple in hand; false when no packet can have it. */
static bool tuple_box(const struct tuple_walk *w, struct box *out)
{
	const struct nft_feed *f = w->feed;
	out->valid_until_ms = 0;
	for (uint32_t i = 0; i < f->uses.n; i++) {
		const struct ptest *t = f->uses.items[i].test;
		const struct value *v = slot_value(&t->value, f->rule, w->pd, w->row);
		const struct value *to = slot_value(&t->to, f->rule, w->pd, w->row);
		end_with(out, v);
		end_with(out, to);
		if (!test_range(t, f->uses.items[i].type, v, to,
				slot_value(&t->mask, f->rule, w->pd, w->row), &out->side[i]))
			return false;
	}
	return true;
}

static bool has_tuple(const struct nft_feed *f, const struct port_data *pd)
{
	vec_each (d, &f->dims)
		if (!pd->rows[f->rule->dims.items[*d]].n)
			return false;
	return true;
}

static void all_boxes(struct arena *a, const struct nft_feed *f, const struct port_data *pd,
		      struct boxes *out)
{
	struct tuple_walk w = walk_tuples(a, f, pd);
	if (!has_tuple(f, pd))
		return;
	do {
		struct box x = {.side = arena_new_array(a, struct range, f->uses.n)};
		if (tuple_box(&w, &x))
			*vec_push(a, &out->list) = x;
	} while (next_tuple(&w) && !arena_full(a));
}

/* --- union of boxes --- */

static int by_low_end(const void *x, const void *y)
{
	const struct range *a = ((const struct box *)x)->side, *b = ((const struct box *)y)->side;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

static void join_ranges(struct boxes *bs)
{
	uint32_t n = 0;
	qsort(bs->list.items, bs->list.n, sizeof *bs->list.items, by_low_end);
	vec_each (x, &bs->list) {
		struct range *last = n ? bs->list.items[n - 1].side : NULL;
		bool meets = last && (x->side->lo <= last->hi || x->side->lo == last->hi + 1);
		if (!meets)
			bs->list.items[n++] = *x;
		else if (x->side->hi > last->hi)
			last->hi = x->side->hi;
	}
	bs->list.n = n;
}

static bool disjoint(const struct box *x, const struct box *y, uint32_t ncols)
{
	for (uint32_t c = 0; c < ncols; c++)
		if (x->side[c].hi < y->side[c].lo || y->side[c].hi < x->side[c].lo)
			return true;
	return false;
}

static struct box *push_copy(struct arena *a, struct boxes *out, const struct box *x,
			     uint32_t ncols)
{
	struct range *side = arena_new_array(a, struct range, ncols);
	memcpy(side, x->side, sizeof *side * ncols);
	struct box *b = vec_push(a, &out->list);
	*b = (struct box){.side = side, .valid_until_ms = x->valid_until_ms};
	return b;
}

/* What of x lies outside of cut (they meet): column by column the parts below and above it. */
static void subtract(struct arena *a, const struct box *x, const struct box *cut, uint32_t ncols,
		     struct boxes *out)
{
	struct boxes rest = {0};
	struct box *r = push_copy(a, &rest, x, ncols);
	for (uint32_t c = 0; c < ncols; c++) {
		if (r->side[c].lo < cut->side[c].lo)
			push_copy(a, out, r, ncols)->side[c].hi = cut->side[c].lo - 1;
		if (r->side[c].hi > cut->side[c].hi)
			push_copy(a, out, r, ncols)->side[c].lo = cut->side[c].hi + 1;
		if (r->side[c].lo < cut->side[c].lo)
			r->side[c].lo = cut->side[c].lo;
		if (r->side[c].hi > cut->side[c].hi)
			r->side[c].hi = cut->side[c].hi;
	}
}

static void cut_apart(struct arena *a, struct boxes *bs, uint32_t ncols)
{
	struct boxes done = {0};
	vec_each (x, &bs->list) {
		struct boxes work = {0};
		*vec_push(a, &work.list) = *x;
		for (uint32_t i = 0, n = done.list.n; i < n && work.list.n; i++) {
			struct boxes next = {0};
			const struct box *cut = &done.list.items[i];
			bool hit = false;
			vec_each (w, &work.list)
				hit |= !disjoint(w, cut, ncols);
			if (!hit)
				continue;
			vec_each (w, &work.list) {
				if (disjoint(w, cut, ncols))
					*vec_push(a, &next.list) = *w;
				else
					subtract(a, w, cut, ncols, &next);
			}
			work = next;
		}
		vec_each (w, &work.list)
			*vec_push(a, &done.list) = *w;
		if (arena_full(a))
			break;
	}
	*bs = done;
}

/* No end is the latest. */
static int by_late_end(const void *x, const void *y)
{
	const struct box *a = x, *b = y;
	uint64_t p = a->valid_until_ms - 1, q = b->valid_until_ms - 1;
	if (p != q)
		return p > q ? -1 : 1;
	return (a->place > b->place) - (a->place < b->place);
}

static bool ends_differ(const struct boxes *bs)
{
	vec_each (x, &bs->list)
		if (x->valid_until_ms != bs->list.items[0].valid_until_ms)
			return true;
	return false;
}

static void unite(struct arena *a, struct boxes *bs, uint32_t ncols)
{
	bool differ = ends_differ(bs);
	for (uint32_t i = 0; i < bs->list.n; i++)
		bs->list.items[i].place = i;
	if (differ)
		qsort(bs->list.items, bs->list.n, sizeof *bs->list.items, by_late_end);
	if (ncols == 1 && !differ)
		join_ranges(bs);
	else
		cut_apart(a, bs, ncols);
}

/* The one box that all have in common; none when there is no such point. */
static void intersect(struct boxes *bs, uint32_t ncols)
{
	for (uint32_t i = 1; i < bs->list.n; i++) {
		struct box *first = &bs->list.items[0];
		end_with(first,
			 &(struct value){.valid_until_ms = bs->list.items[i].valid_until_ms});
		for (uint32_t c = 0; c < ncols; c++) {
			struct range *r = &first->side[c], *s = &bs->list.items[i].side[c];
			r->lo = r->lo > s->lo ? r->lo : s->lo;
			r->hi = r->hi < s->hi ? r->hi : s->hi;
			if (r->lo > r->hi) {
				bs->list.n = 0;
				return;
			}
		}
	}
	if (bs->list.n)
		bs->list.n = 1;
}

void feed_boxes(struct arena *a, const struct nft_set *s, const struct nft_feed *f,
		const struct port_data *pd, struct boxes *out)
{
	all_boxes(a, f, pd, out);
	if (s->sole)
		intersect(out, f->uses.n);
	else if (s->interval)
		unite(a, out, f->uses.n);
}

void put_box(struct buf *b, const struct nft_feed *f, const struct box *x)
{
	for (uint32_t i = 0; i < f->uses.n; i++) {
		if (i)
			buf_lit(b, " . ");
		put_range(b, f->uses.items[i].type, x->side[i].lo, x->side[i].hi);
	}
}

/* --- elements as text --- */

static void each_tuple(struct nft_model *m, const struct nft_feed *f, const struct port_data *pd,
		       struct buf *scratch, element_sink *sink, void *arg)
{
	struct tuple_walk w = walk_tuples(m->cx->arena, f, pd);
	struct range sides[16];
	struct box x = {.side = sides};
	if (!has_tuple(f, pd))
		return;
	do {
		if (!tuple_box(&w, &x))
			continue;
		scratch->n = 0;
		put_box(scratch, f, &x);
		sink(arg, (struct str){scratch->data, (uint32_t)scratch->n}, x.valid_until_ms);
	} while (next_tuple(&w));
}

void each_element(struct nft_model *m, const struct nft_feed *f, const struct port_data *pd,
		  struct buf *scratch, element_sink *sink, void *arg)
{
	const struct nft_set *s = &m->sets.items[f->set];
	if (!s->interval && !s->sole) {
		each_tuple(m, f, pd, scratch, sink, arg);
		return;
	}
	struct boxes bs = {0};
	feed_boxes(m->cx->arena, s, f, pd, &bs);
	vec_each (x, &bs.list) {
		scratch->n = 0;
		put_box(scratch, f, x);
		sink(arg, (struct str){scratch->data, (uint32_t)scratch->n}, x->valid_until_ms);
	}
}
