/* SPDX-License-Identifier: MIT */
/*
 * What is legal but wrong, on a filter as it is written. Exact reasoning over
 * sets of packets is not done here: these are the mistakes that show in one rule.
 */
#include "ir/findings.h"
#include "ir/passes.h"

/* A loop is an error wherever it stands; a name that is not there only for the ports that need it.
 */
static void check_refs(struct pass_ctx *cx, const struct filter *f, const struct library *lib)
{
	vec_each (e, &f->entries)
		if (e->kind == ENTRY_REF && !lib->incomplete && !library_find(lib, e->ref->filter))
			hint_filter(cx->diags,
				    diag_add(cx->diags, FINDING(W311), e->ref->span,
					     "there is no filter '%.*s'", STR_ARG(e->ref->filter)),
				    lib, e->ref->filter);
}

/* --- loops: a walk in depth over all filters, with a stack of our own --- */

enum { UNSEEN, OPEN, DONE };

struct visit {
	const struct filter *filter;
	uint32_t next; /* entry to look at */
};

struct loop_walk {
	struct pass_ctx *cx;
	const struct library *lib;
	struct map state; /* filter name -> num */
	vec_of(struct visit) stack;
};

static void open_filter(struct loop_walk *w, const struct filter *f)
{
	map_put(w->cx->arena, &w->state, f->name, NULL)->num = OPEN;
	*vec_push(w->cx->arena, &w->stack) = (struct visit){f, 0};
}

static void follow(struct loop_walk *w, const struct filter_ref *ref)
{
	const struct filter *f = library_find(w->lib, ref->filter);
	const struct map_entry *e = f ? map_find(&w->state, f->name) : NULL;
	if (f && !e)
		open_filter(w, f);
	else if (e && e->num == OPEN)
		diag_add(w->cx->diags, FINDING(E302), ref->span,
			 "filter '%.*s' comes back to itself here", STR_ARG(f->name));
}

static void find_loops(struct loop_walk *w, const struct filter *from)
{
	if (map_find(&w->state, from->name))
		return;
	open_filter(w, from);
	while (w->stack.n) {
		struct visit *v = &w->stack.items[w->stack.n - 1];
		if (v->next == v->filter->entries.n) {
			map_find(&w->state, v->filter->name)->num = DONE;
			w->stack.n--;
			continue;
		}
		const struct entry *e = &v->filter->entries.items[v->next++];
		if (e->kind == ENTRY_REF)
			follow(w, e->ref);
	}
}

static void check_priority(struct pass_ctx *cx, const struct filter *f)
{
	if (f->priority_given && str_is(f->chain, "root"))
		diag_add(cx->diags, FINDING(W402), f->priority_span,
			 "the root chain has no place of its own, so its priority has no effect");
}

void check_library(struct pass_ctx *cx, const struct library *lib)
{
	struct loop_walk w = {.cx = cx, .lib = lib};
	map_each (e, &lib->by_name) {
		check_priority(cx, e->cptr);
		check_refs(cx, e->cptr, lib);
		find_loops(&w, e->cptr);
	}
}
