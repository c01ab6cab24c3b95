/* SPDX-License-Identifier: MIT */
#include "nwfc/line_diff.h"

/* Further apart nothing is looked for. */
#define WINDOW 400

struct lines {
	vec_of(struct str) list;
};

static void split(struct arena *a, struct str s, struct lines *out)
{
	for (uint32_t lo = 0; lo < s.len;) {
		const char *end = memchr(s.s + lo, '\n', s.len - lo);
		uint32_t hi = end ? (uint32_t)(end - s.s) : s.len;
		*vec_push(a, &out->list) = (struct str){s.s + lo, hi - lo};
		lo = hi + 1;
	}
}

struct differ {
	struct lines old, new;
	uint32_t i, j; /* where both are */
	uint32_t shown, left_out, most;
	struct buf *out;
};

static bool same_at(const struct differ *d, uint32_t i, uint32_t j)
{
	return i < d->old.list.n &&
	       j < d->new.list.n &&str_eq(d->old.list.items[i], d->new.list.items[j]);
}

/* Do both go on together here? At the end of either, one line is enough. */
static bool meet(const struct differ *d, uint32_t i, uint32_t j)
{
	if (i == d->old.list.n && j == d->new.list.n)
		return true;
	return same_at(d, i, j) &&
	       (same_at(d, i + 1, j + 1) || i + 1 >= d->old.list.n || j + 1 >= d->new.list.n);
}

/* The nearest place where both go on together; else the ends. */
static void find_meeting(const struct differ *d, uint32_t *i, uint32_t *j)
{
	for (uint32_t far = 1; far < WINDOW; far++)
		for (uint32_t k = 0; k <= far; k++) {
			*i = d->i + k;
			*j = d->j + far - k;
			if (*i <= d->old.list.n && *j <= d->new.list.n && meet(d, *i, *j))
				return;
		}
	*i = d->old.list.n;
	*j = d->new.list.n;
}

static void put(struct differ *d, char sign, struct str line)
{
	if (d->shown == d->most) {
		d->left_out++;
		return;
	}
	buf_printf(d->out, "\n    %c %.*s", sign, STR_ARG(line));
	d->shown++;
}

uint32_t line_diff(struct arena *a, struct str old, struct str new, uint32_t most, struct buf *out)
{
	struct differ d = {.most = most, .out = out};
	uint32_t first = 0, i, j;
	split(a, old, &d.old);
	split(a, new, &d.new);
	while (d.i < d.old.list.n || d.j < d.new.list.n) {
		if (same_at(&d, d.i, d.j)) {
			d.i++, d.j++;
			continue;
		}
		first = first ? first : d.i + 1;
		find_meeting(&d, &i, &j);
		for (; d.i < i; d.i++)
			put(&d, '-', d.old.list.items[d.i]);
		for (; d.j < j; d.j++)
			put(&d, '+', d.new.list.items[d.j]);
	}
	if (d.left_out)
		buf_printf(out, "\n    ... and %u lines more", d.left_out);
	return first;
}
