/* SPDX-License-Identifier: MIT */
/*
 * set.h - sets of assignments to numbered bits, as decision diagrams: all that the
 * rest knows of the engine (BuDDy, Debian's libbdd-dev).
 *
 * Sets are numbers, equal sets equal numbers, so comparing two is one
 * instruction. Each result belongs to the engine until sets_release() or
 * sets_close().
 *
 * Failure is a state, not a result: when an engine has used up its nodes, all
 * further results are meaningless and sets_failed() says so. Ask it before
 * anything is concluded.
 *
 * BuDDy has one table for a process. So one engine can be open at a time;
 * sets_open() waits for the other to be closed.
 */
#ifndef NWFC_REVIEW_SET_H
#define NWFC_REVIEW_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sets;
typedef int pset;

#define PSET_NONE 0 /* the empty set */
#define PSET_ALL  1

/*
 * An engine for this many bits; nodes of 20 bytes, start_nodes at first (the table grows, but that
 * takes time and forgets results), max_nodes at last. NULL: no memory.
 */
struct sets *sets_open(uint32_t bits, uint32_t start_nodes, uint32_t max_nodes);
void sets_close(struct sets *s);
bool sets_failed(const struct sets *s);
/* What was to be made is too much for whoever makes it: from now on it has failed. */
void sets_fail(struct sets *s);

/* More bits, behind those that are there. Returns the number of the first. */
uint32_t sets_add_bits(struct sets *s, uint32_t n);

pset pset_bit(struct sets *s, uint32_t bit, bool value);
pset pset_and(struct sets *s, pset a, pset b);
pset pset_or(struct sets *s, pset a, pset b);
pset pset_xor(struct sets *s, pset a, pset b);
pset pset_minus(struct sets *s, pset a, pset b);
pset pset_not(struct sets *s, pset a);
/* In a then b, else c. */
pset pset_if(struct sets *s, pset a, pset b, pset c);

/* Of n sets the union; pairwise, so that none of the intermediate ones is large. */
pset pset_union(struct sets *s, const pset *list, uint32_t n);

/* a, with one bit held at a value and no longer asked for. */
pset pset_given(struct sets *s, pset a, uint32_t bit, bool value);

/* Whatever n bits from first on may be: in the result when some (any), or when all (every) are in
 * a. */
pset pset_any(struct sets *s, pset a, const uint32_t *bits, uint32_t n);
pset pset_every(struct sets *s, pset a, const uint32_t *bits, uint32_t n);

/* Something small that agrees with a inside care. */
pset pset_simplify(struct sets *s, pset a, pset care);

static inline bool pset_within(struct sets *s, pset a, pset b)
{
	return pset_minus(s, a, b) == PSET_NONE;
}

/*
 * The first bit that a set asks for, and what is left when it is false or true: sets
 * that live as long as a does. a is neither NONE nor ALL.
 */
uint32_t pset_first_bit(struct sets *s, pset a);
pset pset_without(struct sets *s, pset a);
pset pset_with(struct sets *s, pset a);

/* Does the set depend on one of n bits? */
bool pset_asks(struct sets *s, pset a, const uint32_t *bits, uint32_t n);

/* log2 of the number of assignments; of the empty set -1. */
double pset_size(struct sets *s, pset a);

/* Not to be released before the engine is closed. */
pset pset_keep(struct sets *s, pset a);

/* Undo one pset_keep(). */
void pset_let_go(struct sets *s, pset a);

/* Results since a mark are given back, but for `keep`. */
size_t sets_mark(const struct sets *s);
void sets_release(struct sets *s, size_t mark, const pset *keep, uint32_t n);

#endif
