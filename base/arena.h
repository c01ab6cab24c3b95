/* SPDX-License-Identifier: MIT */
/*
 * arena.h - all memory of one compile.
 *
 * Idea: one range of addresses is reserved (not committed) per compile and
 * handed out from front to back; the kernel supplies zeroed pages as they are
 * touched. Nothing is freed singly, so no signature talks about ownership:
 * whatever a pass returns lives as long as the arena it was given.
 *
 * Limit: small requests never fail. An arena that has handed out more than its
 * limit says so in arena_full(); every loop whose length the input decides
 * asks that once a round and stops with a finding. Behind the limit lies a
 * slack that no single round can use up. Requests whose size the input decides
 * go through arena_try(), which returns NULL.
 */
#ifndef NWFC_BASE_ARENA_H
#define NWFC_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

/* Reserve an arena of limit bytes. NULL when the machine has no room. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *a);

/* n zeroed bytes, aligned for any object. Aborts only past limit and slack. */
void *arena_alloc(struct arena *a, size_t n);

/* Like arena_alloc, but NULL when the request would pass the limit. */
void *arena_try(struct arena *a, size_t n);

bool arena_full(const struct arena *a);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

/* A copy of n bytes, followed by a NUL. */
char *arena_copy(struct arena *a, const void *p, size_t n);

#define arena_new_object(a, type)   ((type *)arena_alloc((a), sizeof(type)))
#define arena_new_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

/*
 * Growing arrays: any struct with members `items`, `n` and `cap`.
 *
 *   struct { struct rule *items; uint32_t n, cap; } v = {0};
 *   *vec_push(a, &v) = rule;
 */
#define vec_of(type)                                                                               \
	struct {                                                                                   \
		type *items;                                                                       \
		uint32_t n, cap;                                                                   \
	}

void *arena_grow(struct arena *a, void *items, uint32_t n, uint32_t *cap, size_t size);

#define vec_push(a, v)                                                                             \
	((v)->n == (v)->cap ? (void)((v)->items = arena_grow((a), (v)->items, (v)->n, &(v)->cap,   \
							     sizeof *(v)->items))                  \
			    : (void)0,                                                             \
	 &(v)->items[(v)->n++])

/* An empty one has no items at all, and nothing may be added to NULL. */
#define vec_each(it, v)                                                                            \
	for (__typeof__(*(v)->items) *it = (v)->items; (v)->n && it < (v)->items + (v)->n; it++)

#endif
