/* SPDX-License-Identifier: MIT */
#include "ir/passes.h"

/* --- dimensions, each once --- */

static struct str signature(struct arena *a, const struct dim *d)
{
	struct str s = STR("");
	vec_each (c, &d->columns) {
		uintptr_t from = !c->constant ? c->column
				 : c->list    ? (uintptr_t)c->list
					      : (uintptr_t)c->source;
		s = str_printf(a, "%.*s%c%zx.%u.%u.%u.%u;", STR_ARG(s), c->constant ? 'k' : 'p',
			       (size_t)from, c->element, c->attr->type, c->attr->min, c->attr->max);
	}
	return s;
}

uint32_t dims_intern(struct arena *a, struct dims *ds, const struct dim *d)
{
	bool added;
	struct map_entry *e = map_put(a, &ds->index, signature(a, d), &added);
	if (added) {
		e->num = ds->list.n;
		*vec_push(a, &ds->list) = *d;
	}
	return (uint32_t)e->num;
}

/* --- rows, each once --- */

struct row_set {
	uint32_t ncols, nslots;
	uint32_t *slots;
	struct rows *rows;
};

static uint64_t hash_row(const struct value *row, uint32_t ncols)
{
	uint64_t h = 0;
	for (uint32_t c = 0; c < ncols; c++)
		h = (h ^ value_hash(&row[c])) * 0x100000001b3u;
	return h ^ h >> 29;
}

static bool rows_equal(const struct value *x, const struct value *y, uint32_t ncols)
{
	for (uint32_t c = 0; c < ncols; c++)
		if (!value_eq(&x[c], &y[c]))
			return false;
	return true;
}

/* Keep the row just written behind the last one unless it has been seen. */
static void keep_row(struct row_set *rs)
{
	const struct value *row = rs->rows->values + (size_t)rs->rows->n * rs->ncols;
	uint32_t i = (uint32_t)hash_row(row, rs->ncols) & (rs->nslots - 1);
	for (; rs->slots[i]; i = (i + 1) & (rs->nslots - 1)) {
		const struct value *old = rs->rows->values + (size_t)(rs->slots[i] - 1) * rs->ncols;
		if (rows_equal(old, row, rs->ncols))
			return;
	}
	rs->slots[i] = ++rs->rows->n;
}

struct rows make_rows(struct arena *a, uint32_t ncols, const struct value *const *lists, uint32_t n)
{
	struct rows rows = {0, arena_new_array(a, struct value, (size_t)n * ncols)};
	struct row_set rs = {.ncols = ncols, .nslots = 4, .rows = &rows};
	if (n == 1) { /* by far the most frequent */
		for (uint32_t c = 0; c < ncols; c++)
			rows.values[c] = lists[c][0];
		rows.n = 1;
		return rows;
	}
	while (rs.nslots < 2 * n)
		rs.nslots *= 2;
	rs.slots = arena_new_array(a, uint32_t, rs.nslots);
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t c = 0; c < ncols; c++)
			rows.values[(size_t)rows.n * ncols + c] = lists[c][i];
		keep_row(&rs);
	}
	return rows;
}

uint64_t prule_product(const struct prule *r, const struct port_data *pd)
{
	uint64_t n = 1;
	for (uint32_t d = 0; d < r->dims.n; d++)
		if (__builtin_mul_overflow(n, (uint64_t)prule_rows(r, pd, d), &n))
			return UINT64_MAX;
	return n;
}
