/* SPDX-License-Identifier: MIT */
/*
 * str.h - slices of text, and maps keyed by them.
 *
 * A str points into text that something else keeps (a source, an arena, a
 * literal); it need not end in NUL.
 */
#ifndef NWFC_BASE_STR_H
#define NWFC_BASE_STR_H

#include "base/arena.h"

struct str {
	const char *s;
	uint32_t len;
};

#define STR(literal) ((struct str){"" literal "", sizeof(literal) - 1})
/* For printf's %.*s */
#define STR_ARG(x) (int)(x).len, (x).s

static inline struct str str_from(const char *s)
{
	return (struct str){s, s ? (uint32_t)strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

static inline bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_from(b));
}

/* Equal but for the case of ASCII letters. */
bool str_eq_nocase(struct str a, struct str b);

/* Byte order; <0, 0, >0. */
int str_cmp(struct str a, struct str b);

struct str str_copy(struct arena *a, struct str s);

/* printf into the arena. */
struct str str_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* FNV-1a, 64 bit. The same on every machine: names in scripts are made of it. */
uint64_t str_hash(struct str s);

/* Edits (insert, delete, replace, swap of neighbours) from a to b, at most 255; for "did you mean".
 */
unsigned str_distance(struct str a, struct str b);

/* Bytes of the UTF-8 character (RFC 3629) at the start of s; 0 when there is none. */
uint32_t utf8_length(struct str s);

/*
 * Map from text to a pointer or a number; keeps the order of insertion, so
 * that walking it gives the same output on every run.
 */
struct map_entry {
	struct str key;
	union {
		void *ptr;
		const void *cptr;
		uintptr_t num;
	};
};

struct map {
	vec_of(struct map_entry) entries;
	uint32_t *slots; /* index + 1 into entries, 0 = free */
	uint32_t nslots;
};

/* The entry of key, or NULL. */
struct map_entry *map_find(const struct map *m, struct str key);

/* The entry of key, made when there is none (value zero; *added tells). key is kept, not copied. */
struct map_entry *map_put(struct arena *a, struct map *m, struct str key, bool *added);

#define map_each(it, m) vec_each (it, &(m)->entries)

#endif
