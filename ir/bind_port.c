/* SPDX-License-Identifier: MIT */
/*
 * A port's values, each read as the type of every place where it is used.
 */
#include "ir/findings.h"
#include "ir/passes.h"

struct port_binder {
	struct pass_ctx *cx;
	const struct program *program;
	const struct port *port;
	struct column_values {
		struct value *items;
		uint32_t n;
	} * columns;
	vec_of(const struct test *) backwards; /* said already: a rule may have two forms */
	bool failed;
};

static void bad_port_value(struct port_binder *b, const struct column *c,
			   const struct param_value *pv, const char *why)
{
	struct finding *f = diag_add(b->cx->diags, FINDING(E308), pv->span,
				     "port '%.*s': $%.*s value '%.*s' can not be %s: it %s",
				     STR_ARG(b->port->name), STR_ARG(c->var.name),
				     STR_ARG(pv->text), c->attr->xml, why);
	diag_note(b->cx->diags, f, c->span, "used here, where %s belongs",
		  value_type_name((enum value_type)c->attr->type));
	b->failed = true;
}

/* The port's own MAC address, where no parameter replaces it. */
static bool own_mac(struct port_binder *b, const struct column *c, struct column_values *out)
{
	const struct param_value pv = {STR("(MAC address)"), b->port->span, 0};
	if (c->attr->type != VT_MAC && c->attr->type != VT_MACMASK) {
		bad_port_value(b, c, &pv, "is a MAC address");
		return false;
	}
	out->items = arena_new_object(b->cx->arena, struct value);
	out->items[0] = b->port->mac;
	out->items[0].type = c->attr->type;
	out->n = 1;
	return true;
}

static void read_column(struct port_binder *b, const struct column *c, struct column_values *out)
{
	const struct param *p = params_find(&b->port->filter.params, c->var.name);
	const struct attr *at = c->attr;
	uint32_t from = c->var.element ? c->var.index : 0;
	uint32_t n = p ? p->values.n : 1;
	if (from >= n) {
		struct finding *f =
			diag_add(b->cx->diags, FINDING(E307), p ? p->span : b->port->span,
				 "port '%.*s' gives $%.*s %u values; there is no element %u",
				 STR_ARG(b->port->name), STR_ARG(c->var.name), n, from);
		diag_note(b->cx->diags, f, c->span, "used here");
		b->failed = true;
		return;
	}
	if (!p) {
		own_mac(b, c, out);
		return;
	}
	out->items = arena_try(b->cx->arena, sizeof(struct value) * n);
	for (uint32_t i = from; out->items && i < (c->var.element ? from + 1 : n); i++) {
		const struct param_value *pv = &p->values.items[i];
		const char *why = value_parse(b->cx->arena, (enum value_type)at->type, at->min,
					      at->max, pv->text, &out->items[out->n++]);
		if (why)
			bad_port_value(b, c, pv, why);
		else
			out->items[out->n - 1].valid_until_ms = pv->valid_until_ms;
	}
	if (!out->items) {
		diag_add(b->cx->diags, FINDING(E603), p->span,
			 "port '%.*s': the %u values of $%.*s", STR_ARG(b->port->name), n,
			 STR_ARG(c->var.name));
		b->failed = true;
	}
}

/* Lists of one dimension advance together, so they are equally long. */
static bool same_length(struct port_binder *b, const struct dim *d, uint32_t *length)
{
	const struct dim_column *first = NULL;
	vec_each (c, &d->columns) {
		uint32_t n = c->constant ? c->values.n : b->columns[c->column].n;
		if (!first) {
			first = c;
			*length = n;
			continue;
		}
		if (n == *length)
			continue;
		const struct column *col =
			c->constant ? NULL : &b->program->columns.items[c->column];
		struct finding *f =
			diag_add(b->cx->diags, FINDING(E306), b->port->filter.span,
				 "port '%.*s': $%.*s has %u values where the list beside it has %u",
				 STR_ARG(b->port->name),
				 STR_ARG(col ? col->var.name : STR("(parameter)")), n, *length);
		diag_note(b->cx->diags, f, c->span, "used here");
		diag_note(b->cx->diags, f, first->span, "together with this");
		diag_hint(b->cx->diags, f,
			  "lists of one iterator advance together; write $NAME[@1] for one that "
			  "turns by itself");
		b->failed = true;
		return false;
	}
	return true;
}

static void bind_dim(struct port_binder *b, const struct dim *d, struct rows *out)
{
	const struct value *lists[16], **l = lists;
	uint32_t n = 0;
	if (d->constant) {
		*out = d->const_rows;
		return;
	}
	if (!same_length(b, d, &n))
		return;
	if (d->columns.n > 16)
		l = arena_new_array(b->cx->arena, const struct value *, d->columns.n);
	for (uint32_t i = 0; i < d->columns.n; i++) {
		const struct dim_column *c = &d->columns.items[i];
		l[i] = c->constant ? c->values.items : b->columns[c->column].items;
	}
	*out = make_rows(b->cx->arena, d->columns.n, l, n);
}

/* --- ranges whose ends are variables --- */

static void range_error(struct port_binder *b, const struct ptest *t)
{
	vec_each (said, &b->backwards)
		if (*said == t->source)
			return;
	*vec_push(b->cx->arena, &b->backwards) = t->source;
	struct finding *f =
		diag_add(b->cx->diags, FINDING(E125), t->source->to.span,
			 "port '%.*s': with its values the upper end lies below the lower one",
			 STR_ARG(b->port->name));
	diag_note(b->cx->diags, f, t->source->value.span, "the lower end");
	b->failed = true;
}

/* Both ends in one dimension: row by row; else every lower end meets every upper end. */
static void check_range(struct port_binder *b, const struct prule *r, const struct ptest *t,
			const struct port_data *pd)
{
	uint32_t *row = arena_new_array(b->cx->arena, uint32_t, r->dims.n + 1);
	bool together =
		t->value.kind == SLOT_DIM && t->to.kind == SLOT_DIM && t->value.dim == t->to.dim;
	uint32_t nlo = t->value.kind == SLOT_DIM ? pd->rows[r->dims.items[t->value.dim]].n : 1;
	uint32_t nhi =
		t->to.kind == SLOT_DIM && !together ? pd->rows[r->dims.items[t->to.dim]].n : 1;
	const struct value *lo = NULL, *hi = NULL;
	for (uint32_t i = 0; i < nlo; i++) {
		if (t->value.kind == SLOT_DIM)
			row[t->value.dim] = i;
		const struct value *v = slot_value(&t->value, r, pd, row);
		lo = !lo || value_cmp(v, lo) > 0 ? v : lo;
		if (together && value_cmp(v, slot_value(&t->to, r, pd, row)) > 0) {
			range_error(b, t);
			return;
		}
	}
	for (uint32_t i = 0; i < nhi && !together; i++) {
		if (t->to.kind == SLOT_DIM)
			row[t->to.dim] = i;
		const struct value *v = slot_value(&t->to, r, pd, row);
		hi = !hi || value_cmp(v, hi) < 0 ? v : hi;
	}
	if (!together && value_cmp(lo, hi) > 0)
		range_error(b, t);
}

static void check_rule(struct port_binder *b, const struct prule *r, const struct port_data *pd)
{
	vec_each (t, &r->tests)
		if (t->value.kind != SLOT_NONE && t->to.kind != SLOT_NONE &&
		    (t->value.kind == SLOT_DIM || t->to.kind == SLOT_DIM))
			check_range(b, r, t, pd);
}

static void check_ranges(struct port_binder *b, const struct port_data *pd)
{
	for (enum side s = 0; s < SIDES; s++) {
		const struct part *part = &b->program->parts[s];
		vec_each (c, &part->chains)
			vec_each (it, &c->items)
				if (it->kind == ITEM_RULE)
					check_rule(b, it->rule, pd);
		vec_each (r, &part->packet)
			check_rule(b, *r, pd);
	}
}

bool bind_port(struct pass_ctx *cx, const struct program *p, const struct port *port,
	       struct port_data *out)
{
	struct port_binder b = {.cx = cx, .program = p, .port = port};
	b.columns = arena_new_array(cx->arena, struct column_values, p->columns.n + 1);
	*out = (struct port_data){.port = port,
				  .program = p,
				  .rows = arena_new_array(cx->arena, struct rows, p->dims.n + 1)};
	for (uint32_t i = 0; i < p->columns.n; i++)
		read_column(&b, &p->columns.items[i], &b.columns[i]);
	for (uint32_t i = 0; i < p->dims.n && !b.failed; i++)
		bind_dim(&b, &p->dims.items[i], &out->rows[i]);
	if (!b.failed && p->has_variable_range)
		check_ranges(&b, out);
	return !b.failed;
}
