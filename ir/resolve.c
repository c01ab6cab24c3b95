/* SPDX-License-Identifier: MIT */
/*
 * From a filter's name to a flat list of rules: depth first, in document order.
 *
 * The walk is a recursion over references; its depth is limited, so is the
 * number of rules, since a few filters that each reference the next one twice
 * are enough to make more rules than there is memory.
 */
#include "ir/findings.h"
#include "ir/passes.h"

const struct limits default_limits = {.depth = 64, .rules = 1000000, .product = 10000000};

struct walk {
	struct pass_ctx *cx;
	const struct library *lib;
	struct tree *tree;
	struct map chain_index, name_index;
	bool failed;
};

/* --- scopes (specification 6): what the outer reference gives wins --- */

static const struct scope *inner_scope(struct arena *a, const struct scope *outer,
				       const struct params *ps)
{
	if (!ps->list.n)
		return outer;
	struct scope *s = arena_new_object(a, struct scope);
	if (outer)
		map_each (e, &outer->names)
			map_put(a, &s->names, e->key, NULL)->cptr = e->cptr;
	vec_each (p, &ps->list) {
		bool added;
		struct map_entry *e = map_put(a, &s->names, p->name, &added);
		if (added)
			e->cptr = p;
	}
	return s;
}

/* What a filter gives itself is what nobody further out has given. */
static const struct scope *filter_scope(struct walk *w, const struct filter *f,
					const struct scope *outer)
{
	return inner_scope(w->cx->arena, outer, &f->defaults);
}

/* --- notes for every rule: its chain, its variables --- */

static void note_chain(struct walk *w, const struct filter *f)
{
	const struct chain_prefix *prefix = chain_prefix_find(f->chain);
	bool added;
	if (!prefix)
		return;
	int priority = f->priority_given ? f->priority : prefix->priority;
	struct map_entry *e = map_put(w->cx->arena, &w->chain_index, f->chain, &added);
	if (added) {
		e->num = w->tree->chains.n;
		*vec_push(w->cx->arena, &w->tree->chains) =
			(struct tree_chain){f->chain, priority, f};
		return;
	}
	struct tree_chain *c = &w->tree->chains.items[e->num];
	if (c->priority == priority)
		return;
	struct finding *fi =
		diag_add(w->cx->diags, FINDING(W401), f->span,
			 "chain '%.*s' has priority %d here and %d in filter '%.*s'",
			 STR_ARG(c->name), priority, c->priority, STR_ARG(c->first->name));
	diag_note(w->cx->diags, fi, c->first->span, "the other one is here");
	diag_hint(w->cx->diags, fi, "the lower one holds for both");
	if (priority < c->priority)
		*c = (struct tree_chain){c->name, priority, f};
}

static void note_name(struct walk *w, const struct operand *op, const struct scope *scope)
{
	bool added;
	if (op->kind != OPERAND_VAR)
		return;
	struct map_entry *e = map_put(w->cx->arena, &w->name_index, op->var.name, &added);
	if (added) {
		e->num = w->tree->names.n;
		*vec_push(w->cx->arena, &w->tree->names) = (struct tree_name){.name = op->var.name};
	}
	struct tree_name *n = &w->tree->names.items[e->num];
	bool defaulted = scope && map_find(&scope->names, op->var.name);
	n->defaulted |= defaulted;
	n->bare |= !defaulted;
}

static void add_rule(struct walk *w, const struct rule *r, uint32_t path, const struct scope *scope)
{
	*vec_push(w->cx->arena, &w->tree->rules) = (struct tree_rule){r, path, scope};
	vec_each (t, &r->tests) {
		note_name(w, &t->value, scope);
		note_name(w, &t->to, scope);
		note_name(w, &t->mask, scope);
	}
	if (r->proto->layer == LAYER_FRAME)
		note_chain(w, r->filter);
}

/* --- references --- */

static bool on_path(const struct tree *t, uint32_t path, const struct filter *f)
{
	for (uint32_t p = path + 1; p; p = t->paths.items[p - 1].parent)
		if (t->paths.items[p - 1].filter == f)
			return true;
	return false;
}

static void note_path(struct walk *w, struct finding *f, uint32_t path)
{
	for (uint32_t p = path + 1; p; p = w->tree->paths.items[p - 1].parent) {
		const struct ref_path *r = &w->tree->paths.items[p - 1];
		diag_note(w->cx->diags, f, r->ref->span, "referenced from here as '%.*s'",
			  STR_ARG(r->filter->name));
	}
}

void hint_filter(struct diags *ds, struct finding *f, const struct library *lib, struct str name)
{
	unsigned best = name.len < 4 ? name.len / 2 + 1 : 3;
	diag_hint(ds, f,
		  "filters are looked for in the inputs, the directories of -I, and the "
		  "stock filters");
	map_each (e, &lib->by_name)
		if (str_distance(e->key, name) < best) {
			best = str_distance(e->key, name);
			diag_hint(ds, f, "did you mean '%.*s'?", STR_ARG(e->key));
		}
}

static const struct filter *find_filter(struct walk *w, const struct filter_ref *ref, uint32_t path)
{
	const struct filter *f = ref->joined ? ref->joined : library_find(w->lib, ref->filter);
	if (f)
		return f;
	w->failed = true;
	if (w->lib->incomplete) /* the error that made it so has been said */
		return NULL;
	struct finding *fi = diag_add(w->cx->diags, FINDING(E301), ref->span,
				      "there is no filter '%.*s'", STR_ARG(ref->filter));
	hint_filter(w->cx->diags, fi, w->lib, ref->filter);
	if (path != UINT32_MAX)
		note_path(w, fi, path);
	return NULL;
}

static void walk_filter(struct walk *w, const struct filter *f, uint32_t path,
			const struct scope *scope, uint32_t depth);

static void walk_ref(struct walk *w, const struct filter_ref *ref, uint32_t path,
		     const struct scope *scope, uint32_t depth)
{
	const struct filter *f = find_filter(w, ref, path);
	struct finding *fi = NULL;
	if (!f)
		return;
	if (on_path(w->tree, path, f))
		fi = diag_add(w->cx->diags, FINDING(E302), ref->span,
			      "filter '%.*s' comes back to itself here", STR_ARG(f->name));
	else if (depth >= w->cx->limits.depth)
		fi = diag_add(w->cx->diags, FINDING(E303), ref->span,
			      "more than %u references lie within one another",
			      w->cx->limits.depth);
	if (fi) {
		note_path(w, fi, path);
		w->failed = true;
		return;
	}
	*vec_push(w->cx->arena, &w->tree->paths) = (struct ref_path){path + 1, ref, f};
	walk_filter(w, f, w->tree->paths.n - 1,
		    filter_scope(w, f, inner_scope(w->cx->arena, scope, &ref->params)), depth + 1);
}

/* The number of references counts as the number of rules does: a tree may have none of the latter.
 */
static bool too_many(struct walk *w, const struct filter *f)
{
	struct pass_ctx *cx = w->cx;
	if (w->tree->rules.n + w->tree->paths.n <= cx->limits.rules && !arena_full(cx->arena))
		return false;
	if (!w->failed)
		diag_add(cx->diags, arena_full(cx->arena) ? FINDING(E603) : FINDING(E304), f->span,
			 "filter '%.*s' resolves to more than %u rules",
			 STR_ARG(w->tree->top->name), cx->limits.rules);
	return w->failed = true;
}

static void walk_filter(struct walk *w, const struct filter *f, uint32_t path,
			const struct scope *scope, uint32_t depth)
{
	w->tree->broken |= f->broken;
	vec_each (e, &f->entries) {
		if (too_many(w, f))
			return;
		if (e->kind == ENTRY_RULE)
			add_rule(w, e->rule, path, scope);
		else
			walk_ref(w, e->ref, path, scope, depth);
	}
}

const struct tree *resolve(struct pass_ctx *cx, const struct library *lib,
			   const struct filter_ref *ref)
{
	struct walk w = {.cx = cx, .lib = lib};
	const struct filter *top = find_filter(&w, ref, UINT32_MAX);
	if (!top)
		return NULL;
	w.tree = arena_new_object(cx->arena, struct tree);
	w.tree->top = top;
	*vec_push(cx->arena, &w.tree->paths) = (struct ref_path){0, ref, top};
	walk_filter(&w, top, 0, filter_scope(&w, top, NULL), 1);
	return w.failed ? NULL : w.tree;
}
