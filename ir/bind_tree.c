/* SPDX-License-Identifier: MIT */
/*
 * Every use of a variable gets its place: a column of a dimension.
 *
 * A rule has one dimension per iterator id that it uses (id 0 first), and one
 * per element access. What the port gives becomes a column of the port; what a
 * parameter inside the tree gives becomes a constant list. So the result
 * depends on which names the port gives, never on its values.
 */
#include "ir/findings.h"
#include "ir/passes.h"

struct binder {
	struct pass_ctx *cx;
	const struct tree *tree;
	const struct port *port;
	struct bound_tree *out;
	struct map column_index;
	bool failed;
};

/* One iterator or element of the rule at hand. */
struct open_dim {
	bool element;
	uint32_t index;           /* iterator id, or element */
	struct str name;          /* of an element access */
	const struct test *owner; /* NULL: of all that use it */
	struct dim dim;
};

struct rule_dims {
	vec_of(struct open_dim) list;
};

bool port_gives(const struct port *port, struct str name)
{
	return str_is(name, "MAC") || params_find(&port->filter.params, name);
}

static const struct param *scope_find(const struct scope *s, struct str name)
{
	const struct map_entry *e = s ? map_find(&s->names, name) : NULL;
	return e ? e->cptr : NULL;
}

/* --- missing names --- */

static void add_missing(struct pass_ctx *cx, const struct port *port, const struct tree_rule *tr,
			const struct operand *op, struct missing_uses *out)
{
	if (op->kind != OPERAND_VAR || port_gives(port, op->var.name) ||
	    scope_find(tr->scope, op->var.name))
		return;
	struct str text = var_ref_text(cx->arena, &op->var);
	vec_each (m, &out->list)
		if (str_eq(m->text, text))
			return;
	*vec_push(cx->arena, &out->list) = (struct missing_use){text, op->var, op->span, tr->path};
}

void find_missing(struct pass_ctx *cx, const struct tree *t, const struct port *port,
		  struct missing_uses *out)
{
	bool any = false;
	vec_each (n, &t->names)
		any |= n->bare && !port_gives(port, n->name);
	if (!any)
		return;
	vec_each (tr, &t->rules)
		vec_each (test, &tr->rule->tests) {
			add_missing(cx, port, tr, &test->value, out);
			add_missing(cx, port, tr, &test->to, out);
			add_missing(cx, port, tr, &test->mask, out);
		}
}

/* --- columns --- */

static bool same_type(const struct attr *a, const struct attr *b)
{
	return a == b || (a->type == b->type && a->min == b->min && a->max == b->max);
}

static uint32_t port_column(struct binder *b, const struct operand *op)
{
	const struct attr *at = op->attr;
	bool added, element = op->var.element;
	struct str key =
		str_printf(b->cx->arena, "%.*s[%d %u] %u %u %u", STR_ARG(op->var.name), element,
			   element ? op->var.index : 0, at->type, at->min, at->max);
	struct map_entry *e = map_put(b->cx->arena, &b->column_index, key, &added);
	if (added) {
		e->num = b->out->columns.n;
		*vec_push(b->cx->arena, &b->out->columns) = (struct column){op->var, at, op->span};
	}
	return (uint32_t)e->num;
}

static bool read_constant(struct binder *b, const struct operand *op, const struct param_value *pv,
			  struct value *v)
{
	const struct attr *at = op->attr;
	const char *why =
		value_parse(b->cx->arena, (enum value_type)at->type, at->min, at->max, pv->text, v);
	if (!why)
		return true;
	struct finding *f =
		diag_add(b->cx->diags, FINDING(E308), pv->span, "'%.*s' can not be %s: it %s",
			 STR_ARG(pv->text), at->xml, why);
	diag_note(b->cx->diags, f, op->span, "$%.*s is used here, where %s belongs",
		  STR_ARG(op->var.name), value_type_name((enum value_type)at->type));
	b->failed = true;
	return false;
}

static void constant_column(struct binder *b, const struct operand *op, const struct param *p,
			    struct dim_column *c)
{
	struct value v;
	if (op->var.element && op->var.index >= p->values.n) {
		struct finding *f = diag_add(b->cx->diags, FINDING(E307), op->span,
					     "$%.*s has %u values; there is no element %u",
					     STR_ARG(p->name), p->values.n, op->var.index);
		diag_note(b->cx->diags, f, p->span, "its values are given here");
		b->failed = true;
		return;
	}
	for (uint32_t i = 0; i < p->values.n; i++)
		if ((!op->var.element || op->var.index == i) &&
		    read_constant(b, op, &p->values.items[i], &v))
			*vec_push(b->cx->arena, &c->values) = v;
}

/* --- the dimensions of one rule --- */

static struct open_dim *open_dim(struct binder *b, struct rule_dims *rd, const struct var_ref *v)
{
	vec_each (d, &rd->list)
		if (!d->owner && d->element == v->element && d->index == v->index &&
		    (!v->element || str_eq(d->name, v->name)))
			return d;
	struct open_dim *d = vec_push(b->cx->arena, &rd->list);
	*d = (struct open_dim){.element = v->element, .index = v->index, .name = v->name};
	return d;
}

static bool same_column(const struct dim_column *c, const struct operand *op,
			const struct param *constant, uint32_t column)
{
	if (c->constant != (constant != NULL) || !same_type(c->attr, op->attr))
		return false;
	return constant ? c->source == constant : c->column == column;
}

/* A dimension of one test: lists are iterators of their own, and none tests iterate nothing. */
static struct open_dim *own_dim(struct binder *b, struct rule_dims *rd, const struct test *t)
{
	vec_each (d, &rd->list)
		if (d->owner == t)
			return d;
	struct open_dim *d = vec_push(b->cx->arena, &rd->list);
	*d = (struct open_dim){.element = true, .owner = t};
	return d;
}

static struct slot bind_list(struct binder *b, struct rule_dims *rd, const struct test *t,
			     const struct operand *op)
{
	struct open_dim *d = own_dim(b, rd, t);
	struct dim_column *dc = vec_push(b->cx->arena, &d->dim.columns);
	*dc = (struct dim_column){
		.constant = true, .list = op->list, .span = op->span, .attr = op->attr};
	memcpy(&dc->values, &op->list->values, sizeof dc->values);
	return (struct slot){.kind = SLOT_DIM,
			     .dim = (uint32_t)(d - rd->list.items),
			     .column = d->dim.columns.n - 1};
}

/* Where this operand's values stand; makes the dimension and the column as needed. */
static struct slot bind_operand(struct binder *b, const struct tree_rule *tr, struct rule_dims *rd,
				const struct test *t, const struct operand *op)
{
	if (op->kind == OPERAND_LIST)
		return bind_list(b, rd, t, op);
	if (op->kind == OPERAND_NONE)
		return (struct slot){.kind = SLOT_NONE};
	if (op->kind == OPERAND_VALUE)
		return (struct slot){.kind = SLOT_CONST, .value = op->value};
	bool own = port_gives(b->port, op->var.name);
	const struct param *constant = own ? NULL : scope_find(tr->scope, op->var.name);
	uint32_t column = own ? port_column(b, op) : 0;
	struct open_dim *d = t->none ? own_dim(b, rd, t) : open_dim(b, rd, &op->var);
	uint32_t c = 0;
	while (c < d->dim.columns.n && !same_column(&d->dim.columns.items[c], op, constant, column))
		c++;
	if (c == d->dim.columns.n) {
		struct dim_column *dc = vec_push(b->cx->arena, &d->dim.columns);
		*dc = (struct dim_column){.constant = !own,
					  .source = constant,
					  .element =
						  !own && op->var.element ? op->var.index + 1 : 0,
					  .column = column,
					  .span = op->span,
					  .attr = op->attr};
		if (!own)
			constant_column(b, op, constant, dc);
	}
	return (struct slot){.kind = SLOT_DIM, .dim = (uint32_t)(d - rd->list.items), .column = c};
}

/* Iterator 0 turns fastest, the others in order of first use: it moves to the front. */
static void put_first(struct rule_dims *rd, struct bound_rule *br)
{
	uint32_t zero = 0;
	while (zero < rd->list.n && (rd->list.items[zero].element || rd->list.items[zero].index))
		zero++;
	if (zero == 0 || zero == rd->list.n)
		return;
	struct open_dim d = rd->list.items[zero];
	memmove(rd->list.items + 1, rd->list.items, zero * sizeof d);
	rd->list.items[0] = d;
	vec_each (t, &br->tests)
		for (int i = 0; i < 3; i++) {
			struct slot *s = i == 0 ? &t->value : i == 1 ? &t->to : &t->mask;
			if (s->kind == SLOT_DIM && s->dim <= zero)
				s->dim = s->dim == zero ? 0 : s->dim + 1;
		}
}

/* Constant columns of one dimension must be equally long; a constant dimension gets its rows. */
static void finish_dim(struct binder *b, struct dim *d)
{
	const struct dim_column *first = NULL;
	d->constant = true;
	vec_each (c, &d->columns) {
		d->constant &= c->constant;
		if (!c->constant)
			continue;
		if (first && first->values.n != c->values.n) {
			struct finding *f = diag_add(b->cx->diags, FINDING(E306), c->span,
						     "this list has %u values", c->values.n);
			diag_note(b->cx->diags, f, first->span, "the one beside it has %u",
				  first->values.n);
			diag_hint(b->cx->diags, f,
				  "lists of one iterator advance together; write $NAME[@1] for one "
				  "that turns by itself");
			b->failed = true;
		}
		first = first ? first : c;
	}
	if (!d->constant || b->failed)
		return;
	const struct value **lists =
		arena_new_array(b->cx->arena, const struct value *, d->columns.n);
	for (uint32_t i = 0; i < d->columns.n; i++)
		lists[i] = d->columns.items[i].values.items;
	d->const_rows = make_rows(b->cx->arena, d->columns.n, lists, first->values.n);
}

static void bind_rule(struct binder *b, const struct tree_rule *tr)
{
	struct bound_rule *br = vec_push(b->cx->arena, &b->out->rules);
	struct rule_dims rd = {0};
	*br = (struct bound_rule){.from = tr};
	vec_each (t, &tr->rule->tests) {
		struct ptest *pt = vec_push(b->cx->arena, &br->tests);
		*pt = (struct ptest){.field = t->field,
				     .negated = t->negated,
				     .none = t->none,
				     .from = t->from,
				     .source = t};
		pt->value = bind_operand(b, tr, &rd, t, &t->value);
		pt->mask = bind_operand(b, tr, &rd, t, &t->mask);
		pt->to = bind_operand(b, tr, &rd, t, &t->to);
	}
	put_first(&rd, br);
	vec_each (d, &rd.list) {
		finish_dim(b, &d->dim);
		*vec_push(b->cx->arena, &br->dims) =
			dims_intern(b->cx->arena, &b->out->dims, &d->dim);
	}
}

const struct bound_tree *bind_tree(struct pass_ctx *cx, const struct tree *t,
				   const struct port *port)
{
	struct binder b = {.cx = cx, .tree = t, .port = port};
	b.out = arena_new_object(cx->arena, struct bound_tree);
	b.out->tree = t;
	vec_each (tr, &t->rules) {
		if (arena_full(cx->arena)) {
			diag_add(cx->diags, FINDING(E603), t->top->span, "binding filter '%.*s'",
				 STR_ARG(t->top->name));
			return NULL;
		}
		bind_rule(&b, tr);
	}
	return b.failed ? NULL : b.out;
}
