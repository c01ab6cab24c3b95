/* SPDX-License-Identifier: MIT */
/*
 * Many ports: everything that depends on the filter alone is done once.
 *
 * Trees are kept by filter name. Of a port only the names that it gives have an
 * influence on the code, and of those only the ones that a parameter inside the
 * tree would give otherwise; so a program's key, and its name, is the filter's
 * name followed by those names: "web", or "web+PORTS" for ports that bring
 * their own PORTS. The same input thus gives the same names, whatever other
 * ports there are.
 */
#include "ir/findings.h"
#include "ir/learn.h"
#include "ir/names.h"
#include "ir/passes.h"

struct builder {
	struct pass_ctx *cx;
	const struct library *lib;
	struct build *out;
	struct map trees;    /* filter name or join key -> cptr: struct tree, NULL when it failed */
	struct map warned;   /* rules of which the list trap has been said */
	struct map programs; /* key -> ptr: struct program, NULL when it failed */
	struct map learning; /* owners and MAC addresses of ports that learn */
	struct map used;     /* keys of the programs that ports have */
	struct map looked; /* filter names or join keys of trees whose parameters were looked at */
};

static const struct tree *tree_of(struct builder *b, const struct filter_ref *ref)
{
	bool added;
	if (!ref->joined && !library_find(b->lib, ref->filter))
		return resolve(b->cx, b->lib, ref); /* says so for each port */
	struct str name = ref->joined ? ref->joined->join_key : ref->filter;
	struct map_entry *e = map_put(b->cx->arena, &b->trees, name, &added);
	if (added)
		e->cptr = resolve(b->cx, b->lib, ref);
	return e->cptr;
}

static struct str program_key(struct builder *b, const struct tree *t, const struct port *port)
{
	struct str key =
		t->top->join_key.len ? t->top->join_key : double_plus(b->cx->arena, t->top->name);
	vec_each (n, &t->names)
		if (n->defaulted && port_gives(port, n->name))
			key = str_printf(b->cx->arena, "%.*s+%.*s", STR_ARG(key), STR_ARG(n->name));
	return key;
}

static struct program *program_of(struct builder *b, const struct tree *t, const struct port *port)
{
	bool added;
	struct map_entry *e = map_put(b->cx->arena, &b->programs, program_key(b, t, port), &added);
	if (!added)
		return e->ptr;
	const struct bound_tree *bt = bind_tree(b->cx, t, port);
	if (!bt)
		return NULL;
	e->ptr = layout(b->cx, bt, e->key);
	return e->ptr;
}

static void use_program(struct builder *b, struct program *p)
{
	bool added;
	map_put(b->cx->arena, &b->used, p->name, &added);
	if (added)
		*vec_push(b->cx->arena, &b->out->programs) = p;
}

/* --- the list trap: one of several values is always another one --- */

static bool negated_list(const struct prule *r, const struct port_data *pd,
			 const struct ptest **which)
{
	vec_each (t, &r->tests)
		if (t->negated && !t->none && t->value.kind == SLOT_DIM &&
		    pd->rows[r->dims.items[t->value.dim]].n > 1) {
			*which = t;
			return true;
		}
	return false;
}

static void warn_rule(struct builder *b, const struct prule *r, const struct port_data *pd)
{
	const struct ptest *t;
	bool added;
	if (!negated_list(r, pd, &t))
		return;
	struct str key = {(const char *)&r->source, sizeof r->source};
	map_put(b->cx->arena, &b->warned, str_copy(b->cx->arena, key), &added);
	if (!added)
		return;
	struct finding *f =
		diag_add(b->cx->diags, FINDING(W403), t->source->span,
			 "port '%.*s': each of %u values makes a rule of its own, and each matches "
			 "the others",
			 STR_ARG(pd->port->name), pd->rows[r->dims.items[t->value.dim]].n);
	diag_hint(b->cx->diags, f,
		  "return for the values that are meant, then a rule for the rest");
}

static void warn_negated_lists(struct builder *b, const struct port_data *pd)
{
	for (enum side s = 0; s < SIDES && pd->program->has_negated_dim; s++) {
		const struct part *part = &pd->program->parts[s];
		vec_each (c, &part->chains)
			vec_each (it, &c->items)
				if (it->kind == ITEM_RULE)
					warn_rule(b, it->rule, pd);
		vec_each (r, &part->packet)
			warn_rule(b, *r, pd);
	}
}

/* --- one port --- */

static bool bind_and_keep(struct builder *b, const struct tree *t, const struct port *port,
			  const struct missing_uses *missing)
{
	struct program *p = t ? program_of(b, t, port) : NULL;
	struct port_data pd;
	if (!p || !bind_port(b->cx, p, port, &pd))
		return false;
	pd.learning = missing->list.n > 0;
	if (pd.learning && !port->unnamed)
		say_learning(b->cx, port, p->name, missing);
	warn_negated_lists(b, &pd);
	use_program(b, p);
	*vec_push(b->cx->arena, &b->out->ports) = pd;
	return true;
}

/*
 * Do the learned addresses fit the filter? It may walk them together with a list
 * of another length, and a guest decides how many they are: it must not be able
 * to make the compile of all ports fail.
 */
static bool learned_fits(struct builder *b, const struct tree *t, const struct port *learned)
{
	struct diags quiet = {.arena = b->cx->arena, .sources = b->cx->diags->sources, .max = 1};
	struct pass_ctx cx = *b->cx;
	struct program *p = program_of(b, t, learned);
	struct port_data pd;
	cx.diags = &quiet;
	if (!p || bind_port(&cx, p, learned, &pd))
		return true;
	struct finding *f = diag_add(b->cx->diags, FINDING(W314), learned->filter.span,
				     "port '%.*s': the filter can not take the addresses learned, "
				     "so they are left out",
				     STR_ARG(learned->name));
	vec_each (q, &quiet.list)
		diag_note(b->cx->diags, f, (*q)->span, "%.*s", STR_ARG((*q)->text));
	return false;
}

static void add_to_be(struct builder *b, struct program *p)
{
	bool listed = !p;
	vec_each (q, &b->out->to_be)
		listed |= *q == p;
	if (!listed)
		*vec_push(b->cx->arena, &b->out->to_be) = p;
}

/* What is wrong with the port's own filter is said now, not when the first address is learned. */
static void check_to_be(struct builder *b, const struct tree *t, const struct port *port)
{
	add_to_be(b, program_of(b, t, port));
}

static bool build_learner(struct builder *b, const struct tree *t, const struct port *port,
			  const struct missing_uses *missing)
{
	static const struct missing_uses none;
	struct learner l;
	if (!learner_read(b->cx, port, t, missing, &l))
		return false;
	*vec_push(b->cx->arena, &b->out->learners) = l;
	say_same_learner(b->cx, port, &b->learning);
	const struct port *learned = learned_port(b->cx, &l);
	if (learned && learned_fits(b, t, learned))
		return bind_and_keep(b, t, learned, &none);
	if (!learned)
		check_to_be(b, t, port_to_be(b->cx, &l));
	struct filter_ref ref = learning_set(&l);
	return bind_and_keep(b, tree_of(b, &ref), port, missing);
}

/* A parameter that no rule uses is a misspelt one, or a leftover. */
static void look_for_unused(struct builder *b, const struct tree *t, const struct port *port,
			    const struct missing_uses *missing)
{
	bool added, fatal = !all_learnable(missing);
	struct str key = t->top->join_key.len ? t->top->join_key : t->top->name;
	warn_unused(b->cx, t, port, missing, fatal);
	map_put(b->cx->arena, &b->looked, key, &added);
	if (added)
		warn_unused_inside(b->cx, t, port, missing, fatal);
}

static bool build_port(struct builder *b, const struct port *port)
{
	const struct tree *t = tree_of(b, &port->filter);
	struct missing_uses missing = {0};
	if (!t || port->filter.params.broken)
		return false;
	find_missing(b->cx, t, port, &missing);
	if (!t->broken)
		look_for_unused(b, t, port, &missing);
	if (missing.list.n && t->broken)
		return false;
	return missing.list.n ? build_learner(b, t, port, &missing)
			      : bind_and_keep(b, t, port, &missing);
}

/*
 * A port without a name is bound and laid out for its findings alone; its programs are
 * lowered for theirs, as those that are to be.
 */
static bool check_unnamed(struct builder *b, const struct port *port)
{
	struct build *out = b->out, aside = {.to_be = out->to_be};
	struct map used = b->used;
	b->out = &aside;
	b->used = (struct map){0};
	bool good = build_port(b, port);
	b->out = out;
	b->used = used;
	out->to_be = aside.to_be;
	vec_each (p, &aside.programs)
		add_to_be(b, *p);
	return good;
}

/* Programs to be that are some port's already. */
static void drop_used(struct builder *b)
{
	uint32_t n = 0;
	vec_each (p, &b->out->to_be)
		if (!map_find(&b->used, (*p)->name))
			b->out->to_be.items[n++] = *p;
	b->out->to_be.n = n;
}

bool build_ports(struct pass_ctx *cx, const struct library *lib, const struct ports *ports,
		 struct build *out)
{
	struct builder b = {.cx = cx, .lib = lib, .out = out};
	bool good = true;
	vec_each (p, &ports->list) {
		if (arena_full(cx->arena)) {
			diag_add(cx->diags, FINDING(E603), (*p)->span, "at port '%.*s'",
				 STR_ARG((*p)->name));
			return false;
		}
		good &= build_port(&b, *p);
	}
	vec_each (p, &ports->unnamed)
		good &= check_unnamed(&b, *p);
	drop_used(&b);
	return good;
}
