/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (uint32_t i = 0; i < a.len; i++)
		if (lower((unsigned char)a.s[i]) != lower((unsigned char)b.s[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	uint32_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.s, b.s, n) : 0;
	return c ? c : (a.len > b.len) - (a.len < b.len);
}

struct str str_copy(struct arena *a, struct str s)
{
	return (struct str){arena_copy(a, s.s, s.len), s.len};
}

struct str str_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct str){p, (uint32_t)n};
}

uint64_t str_hash(struct str s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (uint32_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.s[i]) * 0x100000001b3u;
	return h;
}

/* Restricted Damerau-Levenshtein, three rows; names longer than 64 are far from everything. */
unsigned str_distance(struct str a, struct str b)
{
	enum { MAX = 64 };
	unsigned row[3][MAX + 1];
	if (a.len > MAX || b.len > MAX)
		return 255;
	for (uint32_t j = 0; j <= b.len; j++)
		row[0][j] = j;
	for (uint32_t i = 1; i <= a.len; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *upup = row[(i + 1) % 3];
		now[0] = i;
		for (uint32_t j = 1; j <= b.len; j++) {
			bool same = lower((unsigned char)a.s[i - 1]) ==
				    lower((unsigned char)b.s[j - 1]);
			unsigned d = up[j - 1] + !same;
			d = d < up[j] + 1 ? d : up[j] + 1;
			d = d < now[j - 1] + 1 ? d : now[j - 1] + 1;
			if (i > 1 && j > 1 && a.s[i - 1] == b.s[j - 2] && a.s[i - 2] == b.s[j - 1])
				d = d < upup[j - 2] + 1 ? d : upup[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[a.len % 3][b.len];
}

/* Open addressing, at most half full. */
static uint32_t *map_slot(const struct map *m, struct str key)
{
	uint32_t i = (uint32_t)str_hash(key) & (m->nslots - 1);
	while (m->slots[i] && !str_eq(m->entries.items[m->slots[i] - 1].key, key))
		i = (i + 1) & (m->nslots - 1);
	return &m->slots[i];
}

struct map_entry *map_find(const struct map *m, struct str key)
{
	if (!m->nslots)
		return NULL;
	uint32_t slot = *map_slot(m, key);
	return slot ? &m->entries.items[slot - 1] : NULL;
}

static void map_enlarge(struct arena *a, struct map *m)
{
	m->nslots = m->nslots ? m->nslots * 2 : 8;
	m->slots = arena_new_array(a, uint32_t, m->nslots);
	for (uint32_t i = 0; i < m->entries.n; i++)
		*map_slot(m, m->entries.items[i].key) = i + 1;
}

struct map_entry *map_put(struct arena *a, struct map *m, struct str key, bool *added)
{
	if (2 * (m->entries.n + 1) > m->nslots)
		map_enlarge(a, m);
	uint32_t *slot = map_slot(m, key);
	if (added)
		*added = !*slot;
	if (!*slot) {
		*vec_push(a, &m->entries) = (struct map_entry){.key = key};
		*slot = m->entries.n;
	}
	return &m->entries.items[*slot - 1];
}

uint32_t utf8_length(struct str s)
{
	static const struct {
		unsigned char lo, hi, second_lo, second_hi, length;
	} rows[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
		    {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		    {0xf4, 0xf4, 0x80, 0x8f, 4}};
	const unsigned char *p = (const unsigned char *)s.s;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		if (p[0] < rows[r].lo || p[0] > rows[r].hi || s.len < rows[r].length)
			continue;
		if (rows[r].length > 1 && (p[1] < rows[r].second_lo || p[1] > rows[r].second_hi))
			return 0;
		for (uint32_t i = 2; i < rows[r].length; i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
		return rows[r].length;
	}
	return 0;
}
