/* SPDX-License-Identifier: MIT */
#include "review/standin.h"

/* --- which filters ------------------------------------------------------------------------ */

static void mark_ref(struct arena *a, struct map *used, const struct filter_ref *ref);

static void mark_filter(struct arena *a, struct map *used, const struct filter *f)
{
	vec_each (e, &f->entries)
		if (e->kind == ENTRY_REF)
			mark_ref(a, used, e->ref);
}

static void mark_ref(struct arena *a, struct map *used, const struct filter_ref *ref)
{
	if (ref->joined)
		mark_filter(a, used, ref->joined);
	else
		map_put(a, used, ref->filter, NULL);
}

void standin_tops(struct arena *a, const struct library *lib, const struct ports *ports,
		  struct filter_list *out)
{
	struct map used = {0};
	map_each (e, &lib->by_name) {
		const struct filter *f = e->cptr;
		if (!f->stock)
			mark_filter(a, &used, f);
	}
	vec_each (p, &ports->list)
		mark_ref(a, &used, &(*p)->filter);
	map_each (e, &lib->by_name) {
		const struct filter *f = e->cptr;
		if (!f->stock && !map_find(&used, f->name))
			*vec_push(a, &out->list) = f;
	}
}

/* --- which values -------------------------------------------------------------------------- */

struct variable {
	struct str name;
	const struct attr *attr; /* of the first place in which it stands */
	uint32_t elements;       /* so many values are asked for one by one */
};

struct variables {
	vec_of(struct variable) list;
	uint32_t elements; /* the most of any */
};

static struct variable *variable(struct arena *a, struct variables *vs, struct str name)
{
	vec_each (v, &vs->list)
		if (str_eq(v->name, name))
			return v;
	struct variable *v = vec_push(a, &vs->list);
	*v = (struct variable){.name = name};
	return v;
}

static void see_operand(struct arena *a, struct variables *vs, const struct operand *o)
{
	if (o->kind != OPERAND_VAR || str_is(o->var.name, "MAC"))
		return;
	struct variable *v = variable(a, vs, o->var.name);
	if (!v->attr)
		v->attr = o->attr;
	if (o->var.element && o->var.index >= v->elements)
		v->elements = o->var.index + 1;
	if (v->elements > vs->elements)
		vs->elements = v->elements;
}

static void see_tree(struct arena *a, struct variables *vs, const struct tree *t)
{
	vec_each (r, &t->rules)
		vec_each (x, &r->rule->tests) {
			see_operand(a, vs, &x->value);
			see_operand(a, vs, &x->to);
			see_operand(a, vs, &x->mask);
		}
}

/* Does the tree itself give all uses of a name a value? Then the port does not have to. */
static bool port_must(const struct tree *t, const struct standin_also *also, struct str name)
{
	vec_each (n, &t->names)
		if (str_eq(n->name, name))
			return n->bare;
	vec_each (x, &also->trees)
		vec_each (n, &(*x)->names)
			if (n->bare && str_eq(n->name, name))
				return true;
	return false;
}

/*
 * The i-th value of a variable. A name's hash picks the place in the range, so
 * that different variables rarely have a value in common; ranges' ends
 * grow with i.
 */
static struct str sample(struct arena *a, const struct variable *v, uint32_t i)
{
	uint32_t h = (uint32_t)(str_hash(v->name) % 200), lo = v->attr->min, hi = v->attr->max;
	switch (v->attr->type) {
	case VT_IP4:
		return str_printf(a, "198.51.%u.%u", 100 + (h & 1), 2 + (h + 7 * i) % 250);
	case VT_IP6:
		return str_printf(a, "2001:db8:%x::%x", h + 1, i + 1);
	case VT_IP4MASK:
	case VT_IP6MASK:
		return str_printf(a, "%u", v->attr->type == VT_IP4MASK ? 24 : 64);
	case VT_MAC:
		return str_printf(a, "52:54:00:aa:%02x:%02x", h, i + 1);
	case VT_MACMASK:
		return STR("ff:ff:ff:ff:ff:ff");
	case VT_ETHERTYPE:
		return str_printf(a, "0x%x", 0x88b5 + i);
	case VT_SETNAME:
		return str_printf(a, "set%u", i + 1);
	case VT_ARPOP:
	case VT_IPPROTO:
		return str_printf(a, "%u", v->attr->type == VT_ARPOP ? i + 1 : 132 - i);
	default: /* a number; the places of one list are in order, for they may be ends of a range
		  */
		return str_printf(a, "%u",
				  lo + (hi - lo > 4000 ? 1024 + 10 * h + i : i % (hi - lo + 1)));
	}
}

/* --- the port -------------------------------------------------------------------------------- */

static struct port *make_port(struct pass_ctx *cx, const struct filter *f, const struct tree *t,
			      const struct standin_also *also, uint32_t several)
{
	struct variables vs = {0};
	struct port *p = arena_new_object(cx->arena, struct port);
	struct span none = {0};
	see_tree(cx->arena, &vs, t);
	vec_each (x, &also->trees)
		see_tree(cx->arena, &vs, *x);
	p->name = f->name;
	p->span = p->name_span = f->span;
	p->filter.filter = f->name;
	p->filter.span = f->span;
	value_parse(cx->arena, VT_MAC, 0, 0, STR(STANDIN_MAC), &p->mac);
	vec_each (v, &vs.list)
		for (uint32_t i = 0; port_must(t, also, v->name) &&
				     i < (vs.elements > several ? vs.elements : several);
		     i++)
			params_add(&p->filter.params, v->name, none, sample(cx->arena, v, i), none,
				   cx->diags);
	return p;
}

static bool build(struct pass_ctx *cx, const struct library *lib, struct port *p,
		  struct port_data *out)
{
	struct ports one = {0};
	struct build b = {0};
	*vec_push(cx->arena, &one.list) = p;
	if (!build_ports(cx, lib, &one, &b) || b.ports.n != 1)
		return false;
	*out = b.ports.items[0];
	return true;
}

/* Two values show what one hides; but lists that are walked beside $MAC can have no more than it
 * has. */
bool standin_build_also(struct pass_ctx *cx, const struct library *lib, const struct filter *f,
			const struct standin_also *also, struct port_data *out)
{
	struct filter_ref ref = {.filter = f->name, .span = f->span};
	struct diags quiet = {.arena = cx->arena, .sources = cx->diags->sources, .max = 1};
	struct pass_ctx trial = *cx;
	trial.diags = &quiet;
	const struct tree *t = resolve(cx, lib, &ref);
	if (!t)
		return false;
	return build(&trial, lib, make_port(&trial, f, t, also, 2), out) ||
	       build(cx, lib, make_port(cx, f, t, also, 1), out);
}

bool standin_build(struct pass_ctx *cx, const struct library *lib, const struct filter *f,
		   struct port_data *out)
{
	static const struct standin_also nothing;
	return standin_build_also(cx, lib, f, &nothing, out);
}

/* --- a port that learns ---------------------------------------------------------------------- */

/* A list of so many addresses, in front of what the port gives: a list that can grow alone. */
static struct port *port_with_addresses(struct arena *a, const struct learner *l, uint32_t several)
{
	static const struct {
		const char *name;
		struct str values[2];
	} samples[] = {{"IP", {{"198.51.100.21", 13}, {"198.51.100.22", 13}}},
		       {"IPV6", {{"2001:db8:15::1", 14}, {"2001:db8:15::2", 14}}}};
	struct port *p = arena_new_object(a, struct port);
	*p = *l->port;
	p->filter.params = (struct params){.broken = l->port->filter.params.broken};
	vec_each (x, &l->port->filter.params.list)
		*vec_push(a, &p->filter.params.list) = *x;
	for (int v6 = 0; v6 < 2; v6++) {
		struct param x = {.name = str_from(samples[v6].name)};
		for (uint32_t i = 0; i < several; i++)
			*vec_push(a, &x.values) =
				(struct param_value){.text = samples[v6].values[i]};
		if (v6 ? l->v6 : l->v4)
			*vec_push(a, &p->filter.params.list) = x;
	}
	return p;
}

bool standin_learned(struct pass_ctx *cx, const struct library *lib, const struct learner *l,
		     struct port_data *out)
{
	struct diags quiet = {.arena = cx->arena, .sources = cx->diags->sources, .max = 1};
	struct pass_ctx trial = *cx;
	trial.diags = &quiet;
	return build(&trial, lib, port_with_addresses(cx->arena, l, 2), out) ||
	       build(cx, lib, port_with_addresses(cx->arena, l, 1), out);
}
