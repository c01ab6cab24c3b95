/* SPDX-License-Identifier: MIT */
#include "ir/names.h"

#include "ir/findings.h"
#include "ir/learn.h"

/* A parameter on the way from the port to its rules, and whether rules behind it use it. */
struct given {
	const struct param *param;
	const struct filter *filter; /* that it is given to */
	bool of_port, written;       /* written: in the reference, not a filter's own value */
	bool used, explained;
};

struct givens {
	vec_of(struct given) list;
	struct map index; /* key: the parameter's address; num: place in the list */
};

static struct str address_key(const void *p, const void **place)
{
	*place = p;
	return (struct str){(const char *)place, sizeof *place};
}

static struct given *find_given(const struct givens *g, const struct param *p)
{
	const void *place;
	struct map_entry *e = map_find(&g->index, address_key(p, &place));
	return e ? &g->list.items[e->num] : NULL;
}

static void add_givens(struct pass_ctx *cx, struct givens *g, const struct params *ps,
		       struct given model)
{
	vec_each (p, &ps->list) {
		const void *place;
		bool added;
		struct str key = str_copy(cx->arena, address_key(p, &place));
		struct map_entry *e = map_put(cx->arena, &g->index, key, &added);
		if (!added)
			continue;
		e->num = g->list.n;
		model.param = p;
		*vec_push(cx->arena, &g->list) = model;
	}
}

static void mark(const struct givens *g, const struct params *ps, struct str name)
{
	const struct param *p = ps->list.n ? params_find(ps, name) : NULL;
	struct given *it = p ? find_given(g, p) : NULL;
	if (it)
		it->used = true;
}

/* Everything that was given on the way to a rule is used by it, whichever value wins. */
static void mark_operand(const struct givens *g, const struct tree *t, const struct port *port,
			 const struct tree_rule *r, const struct operand *op)
{
	if (op->kind != OPERAND_VAR)
		return;
	mark(g, &port->filter.params, op->var.name);
	for (uint32_t p = r->path + 1; p; p = t->paths.items[p - 1].parent) {
		const struct ref_path *at = &t->paths.items[p - 1];
		if (at->parent)
			mark(g, &at->ref->params, op->var.name);
		mark(g, &at->filter->defaults, op->var.name);
	}
}

static struct givens gather(struct pass_ctx *cx, const struct tree *t, const struct port *port)
{
	struct givens g = {0};
	add_givens(cx, &g, &port->filter.params,
		   (struct given){.filter = t->top, .of_port = true, .written = true});
	vec_each (p, &t->paths) {
		if (p->parent)
			add_givens(cx, &g, &p->ref->params,
				   (struct given){.filter = p->filter, .written = true});
		add_givens(cx, &g, &p->filter->defaults, (struct given){.filter = p->filter});
	}
	vec_each (r, &t->rules)
		for (uint32_t i = 0; g.list.n && i < r->rule->tests.n; i++) {
			const struct test *test = &r->rule->tests.items[i];
			mark_operand(&g, t, port, r, &test->value);
			mark_operand(&g, t, port, r, &test->to);
			mark_operand(&g, t, port, r, &test->mask);
		}
	return g;
}

/* --- misspelt ones --- */

unsigned name_distance(struct str a, struct str b)
{
	uint32_t len = a.len > b.len ? a.len : b.len;
	unsigned d = str_distance(a, b), most = len > 4 ? 2 : len > 2;
	return str_eq(a, b) || d > most ? NAMES_APART : d;
}

/* Those that nobody uses are the likelier ones. */
static const struct given *nearest_given(const struct givens *g, struct str name)
{
	const struct given *best = NULL;
	unsigned least = NAMES_APART;
	for (int used = 0; used < 2 && !best; used++)
		vec_each (it, &g->list)
			if (it->used == used && name_distance(it->param->name, name) < least) {
				least = name_distance(it->param->name, name);
				best = it;
			}
	return best;
}

/* Bindings carry these whether or not the filter has a use for them (5.3). */
static const char *const known_names[] = {"MAC",         "IP", "IPV6", "CTRL_IP_LEARNING",
					  "GATEWAY_MAC", NULL};

static bool reserved(struct str name)
{
	for (int i = 0; known_names[i]; i++)
		if (str_is(name, known_names[i]))
			return true;
	for (int i = 0; i < LEARN_PARAMS; i++)
		if (str_is(name, learn_params[i].name))
			return true;
	return false;
}

/* The rule's name is misspelt, for this one is known. */
static void hint_known(struct pass_ctx *cx, struct finding *f, struct str name, struct str known)
{
	diag_hint(cx->diags, f, "for $%.*s, did you mean $%.*s?", STR_ARG(name), STR_ARG(known));
}

void explain_missing(struct pass_ctx *cx, struct finding *f, const struct tree *t,
		     const struct port *port, const struct missing_uses *missing)
{
	struct givens g = gather(cx, t, port);
	vec_each (m, &missing->list) {
		const struct given *it = nearest_given(&g, m->var.name);
		for (int i = 0; !it && known_names[i]; i++)
			if (name_distance(str_from(known_names[i]), m->var.name) < NAMES_APART)
				hint_known(cx, f, m->var.name, str_from(known_names[i]));
		if (it && (it->used || reserved(it->param->name)))
			hint_known(cx, f, m->var.name, it->param->name);
		else if (it)
			diag_note(cx->diags, f, it->param->span,
				  "no rule uses $%.*s: did you mean $%.*s?",
				  STR_ARG(it->param->name), STR_ARG(m->var.name));
	}
}

/* --- unused ones --- */

/* Those that explain_missing() names. */
static void mark_explained(const struct givens *g, const struct missing_uses *missing)
{
	vec_each (m, &missing->list) {
		const struct given *it = nearest_given(g, m->var.name);
		if (it)
			g->list.items[it - g->list.items].explained = true;
	}
}

static void hint_name(struct pass_ctx *cx, struct finding *f, const struct tree *t, struct str name)
{
	unsigned least = NAMES_APART;
	vec_each (n, &t->names)
		if (name_distance(n->name, name) < least) {
			least = name_distance(n->name, name);
			diag_hint(cx->diags, f, "did you mean '%.*s'?", STR_ARG(n->name));
		}
}

static void say_unused(struct pass_ctx *cx, const struct tree *t, const struct port *port,
		       const struct given *it)
{
	struct str name = it->param->name;
	struct finding *f =
		it->of_port
			? diag_add(cx->diags, FINDING(W313), it->param->span,
				   "port '%.*s': no rule of filter '%.*s' uses $%.*s",
				   STR_ARG(port->name), STR_ARG(it->filter->name), STR_ARG(name))
			: diag_add(cx->diags, FINDING(W313), it->param->span,
				   "no rule of filter '%.*s' uses $%.*s", STR_ARG(it->filter->name),
				   STR_ARG(name));
	hint_name(cx, f, t, name);
}

static bool tree_uses(const struct tree *t, struct str name)
{
	vec_each (n, &t->names)
		if (str_eq(n->name, name))
			return true;
	return false;
}

void warn_unused(struct pass_ctx *cx, const struct tree *t, const struct port *port,
		 const struct missing_uses *missing, bool fatal)
{
	struct givens g = {0};
	fatal = fatal && missing->list.n;
	if (fatal) {
		g = gather(cx, t, port);
		mark_explained(&g, missing);
	}
	vec_each (p, &port->filter.params.list) {
		if (reserved(p->name) || tree_uses(t, p->name) ||
		    (fatal && find_given(&g, p)->explained))
			continue;
		say_unused(cx, t, port,
			   &(struct given){.param = p, .filter = t->top, .of_port = true});
	}
}

static bool has_parameters(const struct tree *t)
{
	vec_each (p, &t->paths)
		if (p->parent && p->ref->params.list.n)
			return true;
	return false;
}

void warn_unused_inside(struct pass_ctx *cx, const struct tree *t, const struct port *port,
			const struct missing_uses *missing, bool fatal)
{
	if (!has_parameters(t))
		return;
	struct givens g = gather(cx, t, port);
	if (fatal)
		mark_explained(&g, missing);
	vec_each (it, &g.list)
		if (!it->used && !it->of_port && it->written && !reserved(it->param->name) &&
		    !it->explained)
			say_unused(cx, t, port, it);
}
