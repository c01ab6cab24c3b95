/* SPDX-License-Identifier: MIT */
/*
 * Sets in BuDDy's words. Every result is referenced and stands in a list until it
 * is released, so BuDDy's collector, which runs inside of its functions, leaves it alone.
 *
 * BuDDy reports an error through a hook without an argument, so the hook has a place
 * of its own to write to: the engine that is open.
 */
#include "review/set.h"

#include <bdd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Nodes for one result that is remembered. */
enum { CACHE_RATIO = 4 };

struct sets {
	uint32_t bits;
	uint32_t made; /* of BuDDy: some more than are in use */
	bool failed;
	pset *held;
	size_t n, cap;
};

/* BuDDy is one table for the process: whoever holds the lock has it. */
static pthread_mutex_t engine_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sets *engine;

/*
 * BuDDy keeps results that are on the way on a stack of its own (kernel.h). It takes the place of a
 * result before it calculates it (PUSHREF in bddop.c, as compilers order that), and when its
 * collector comes in between, that reads what the place held before: an old result, which does no
 * harm, or whatever malloc() gave, which crashed. So the stack is cleared when it is new. More
 * bits make a new one, and nodes with it: so bits are made in advance, and when there are
 * no more the collector runs before, not then.
 */
extern int *bddrefstack;
enum { SPARE_BITS = 512 };

static void clear_stack(uint32_t bits)
{
	if (bddrefstack)
		memset(bddrefstack, 0, sizeof *bddrefstack * (2 * (size_t)bits + 4));
}

static void make_bits(struct sets *s)
{
	bdd_gbc();
	bdd_extvarnum(SPARE_BITS);
	s->made += SPARE_BITS;
	clear_stack(s->made);
}

static void on_error(int code)
{
	(void)code;
	if (engine)
		engine->failed = true;
}

static void start(uint32_t bits, uint32_t start_nodes, uint32_t max_nodes)
{
	bdd_init((int)start_nodes, (int)start_nodes / CACHE_RATIO);
	bdd_error_hook(on_error);
	bdd_gbc_hook(NULL);
	bdd_resize_hook(NULL);
	bdd_setcacheratio(CACHE_RATIO);
	bdd_setmaxnodenum((int)max_nodes);
	bdd_setmaxincrease((int)(max_nodes / 4));
	bdd_disable_reorder();
	bdd_setvarnum((int)bits);
	clear_stack(bits);
}

struct sets *sets_open(uint32_t bits, uint32_t start_nodes, uint32_t max_nodes)
{
	struct sets *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	pthread_mutex_lock(&engine_lock);
	engine = s;
	s->bits = bits;
	s->made = bits + SPARE_BITS;
	start(s->made, start_nodes, max_nodes);
	return s;
}

void sets_close(struct sets *s)
{
	if (!s)
		return;
	bdd_done();
	engine = NULL;
	pthread_mutex_unlock(&engine_lock);
	free(s->held);
	free(s);
}

bool sets_failed(const struct sets *s)
{
	return s->failed;
}

void sets_fail(struct sets *s)
{
	s->failed = true;
}

uint32_t sets_add_bits(struct sets *s, uint32_t n)
{
	uint32_t first = s->bits;
	s->bits += n;
	while (s->bits > s->made && !s->failed)
		make_bits(s);
	return first;
}

/* Take a result of BuDDy's into the list. An error has said so through the hook. */
static pset hold(struct sets *s, BDD r)
{
	if (r < 0 || s->failed) {
		s->failed = true;
		return PSET_NONE;
	}
	if (r <= PSET_ALL)
		return r;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 1024;
		pset *more = realloc(s->held, cap * sizeof *more);
		if (!more) {
			s->failed = true;
			return PSET_NONE;
		}
		s->held = more;
		s->cap = cap;
	}
	s->held[s->n++] = bdd_addref(r);
	return r;
}

pset pset_bit(struct sets *s, uint32_t bit, bool value)
{
	return s->failed ? PSET_NONE : value ? bdd_ithvar((int)bit) : bdd_nithvar((int)bit);
}

/* After a failure nothing of BuDDy's is asked again. */
#define RESULT(expression) (s->failed ? PSET_NONE : hold(s, (expression)))

pset pset_and(struct sets *s, pset a, pset b)
{
	return RESULT(bdd_apply(a, b, bddop_and));
}

pset pset_or(struct sets *s, pset a, pset b)
{
	return RESULT(bdd_apply(a, b, bddop_or));
}

pset pset_xor(struct sets *s, pset a, pset b)
{
	return RESULT(bdd_apply(a, b, bddop_xor));
}

pset pset_minus(struct sets *s, pset a, pset b)
{
	return RESULT(bdd_apply(a, b, bddop_diff));
}

pset pset_not(struct sets *s, pset a)
{
	return RESULT(bdd_not(a));
}

pset pset_if(struct sets *s, pset a, pset b, pset c)
{
	return RESULT(bdd_ite(a, b, c));
}

pset pset_union(struct sets *s, const pset *list, uint32_t n)
{
	if (n <= 1)
		return n ? list[0] : PSET_NONE;
	return pset_or(s, pset_union(s, list, n / 2), pset_union(s, list + n / 2, n - n / 2));
}

pset pset_given(struct sets *s, pset a, uint32_t bit, bool value)
{
	return RESULT(bdd_restrict(a, value ? bdd_ithvar((int)bit) : bdd_nithvar((int)bit)));
}

/* The conjunction of some bits, which is how BuDDy names them. */
static pset cube(struct sets *s, const uint32_t *bits, uint32_t n)
{
	pset c = PSET_ALL;
	while (n--)
		c = pset_and(s, c, pset_bit(s, bits[n], true));
	return c;
}

pset pset_any(struct sets *s, pset a, const uint32_t *bits, uint32_t n)
{
	pset c = cube(s, bits, n);
	return RESULT(bdd_exist(a, c));
}

pset pset_every(struct sets *s, pset a, const uint32_t *bits, uint32_t n)
{
	pset c = cube(s, bits, n);
	return RESULT(bdd_forall(a, c));
}

pset pset_simplify(struct sets *s, pset a, pset care)
{
	return RESULT(bdd_simplify(a, care));
}

uint32_t pset_first_bit(struct sets *s, pset a)
{
	return s->failed || a <= PSET_ALL ? 0 : (uint32_t)bdd_var(a);
}

pset pset_without(struct sets *s, pset a)
{
	return s->failed || a <= PSET_ALL ? a : bdd_low(a);
}

pset pset_with(struct sets *s, pset a)
{
	return s->failed || a <= PSET_ALL ? a : bdd_high(a);
}

bool pset_asks(struct sets *s, pset a, const uint32_t *bits, uint32_t n)
{
	if (s->failed || a <= PSET_ALL)
		return false;
	int *profile = bdd_varprofile(a);
	bool asks = false;
	for (uint32_t i = 0; profile && i < n; i++)
		asks |= profile[bits[i]] > 0;
	free(profile);
	return asks;
}

double pset_size(struct sets *s, pset a)
{
	uint32_t spare = s->made - s->bits;
	return s->failed || a == PSET_NONE ? -1
	       : a == PSET_ALL             ? s->bits
					   : bdd_satcountln(a) - spare;
}

pset pset_keep(struct sets *s, pset a)
{
	return s->failed || a <= PSET_ALL ? a : bdd_addref(a);
}

void pset_let_go(struct sets *s, pset a)
{
	if (!s->failed && a > PSET_ALL)
		bdd_delref(a);
}

size_t sets_mark(const struct sets *s)
{
	return s->n;
}

void sets_release(struct sets *s, size_t mark, const pset *keep, uint32_t n)
{
	if (s->failed)
		return;
	for (uint32_t i = 0; i < n; i++)
		if (keep[i] > PSET_ALL)
			bdd_addref(keep[i]);
	while (s->n > mark)
		bdd_delref(s->held[--s->n]);
	/* what stays takes the places of what goes: there are at least as many, or they were held
	 * before */
	for (uint32_t i = 0; i < n; i++)
		if (keep[i] > PSET_ALL) {
			hold(s, keep[i]);
			if (!s->failed)
				bdd_delref(keep[i]);
		}
}
