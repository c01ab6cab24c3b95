/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/arena.h"

#include <stdlib.h>
#include <sys/mman.h>

/*
 * Room behind the limit for what one round of a checked loop may ask for: small
 * things, or the growth of an array, which at the limit can be twice as large
 * as all that is there. It is address space, not memory.
 */
#define BEHIND(limit) (2 * (limit) + SLACK)
#define SLACK         ((size_t)64 << 20)
#define ALIGN         16
#define MIN_SIZE      ((size_t)1 << 20)

struct arena {
	char *base;
	size_t used, limit, size;
};

static void *reserve(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* Where address space is rationed (ulimit -v) a smaller arena is better than none. */
struct arena *arena_new(size_t limit)
{
	struct arena *a = malloc(sizeof *a);
	if (!a)
		return NULL;
	for (; limit >= MIN_SIZE; limit /= 2) {
		a->base = reserve(limit + BEHIND(limit));
		if (a->base) {
			a->limit = limit;
			a->size = limit + BEHIND(limit);
			a->used = 0;
			return a;
		}
	}
	free(a);
	return NULL;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	munmap(a->base, a->size);
	free(a);
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void *arena_alloc(struct arena *a, size_t n)
{
	n = aligned(n);
	if (n > a->size - a->used)
		abort();
	void *p = a->base + a->used;
	a->used += n;
	return p;
}

void *arena_try(struct arena *a, size_t n)
{
	if (a->used >= a->limit || n > a->limit - a->used)
		return NULL;
	return arena_alloc(a, n);
}

bool arena_full(const struct arena *a)
{
	return a->used >= a->limit;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

char *arena_copy(struct arena *a, const void *p, size_t n)
{
	char *q = arena_alloc(a, n + 1);
	if (n)
		memcpy(q, p, n);
	return q;
}

/* The last object can grow where it stands; most arrays are the last object. */
void *arena_grow(struct arena *a, void *items, uint32_t n, uint32_t *cap, size_t size)
{
	uint32_t want = *cap ? *cap * 2 : 4;
	size_t old = aligned(*cap * size), now = aligned((size_t)want * size);
	bool last = items && (char *)items + old == a->base + a->used;
	*cap = want;
	if (last) {
		arena_alloc(a, now - old);
		return items;
	}
	void *p = arena_alloc(a, now);
	if (n)
		memcpy(p, items, n * size);
	return p;
}
