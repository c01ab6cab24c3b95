/* SPDX-License-Identifier: MIT */
/*
 * What XML can not say, in what it can.
 *
 * A list in braces is a set of instances that are ORed, so a rule for each
 * value, at the same place and priority, means the same: the first of them that
 * matches decides as the one rule does. (Of a test that none of the values may
 * match that is not so, and XML has nothing else.)
 */
#include "frontend/frontend.h"

struct expansion {
	struct arena *a;
	struct diags *diags;
	struct filter *out;
	bool good;
};

static uint32_t list_length(const struct test *t)
{
	return t->value.kind == OPERAND_LIST ? t->value.list->values.n : 1;
}

static void pick(struct operand *o, uint32_t i)
{
	if (o->kind != OPERAND_LIST)
		return;
	o->value = o->list->values.items[i];
	o->span = o->list->spans.items[i];
	o->kind = OPERAND_VALUE;
}

/* A full mask, or an upper end that is the lower one, was put in for the sake of the others. */
static void drop_idle(struct test *t)
{
	const struct value *m = &t->mask.value;
	static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bool full = (m->type == VT_IP4MASK && m->u == 32) ||
		    (m->type == VT_IP6MASK && m->u == 128) ||
		    (m->type == VT_MACMASK && memcmp(m->mac, ones, 6) == 0);
	if (t->mask.kind == OPERAND_VALUE && full)
		t->mask = (struct operand){0};
	if (!t->from && t->to.kind == OPERAND_VALUE && value_eq(&t->to.value, &t->value.value))
		t->to = (struct operand){0};
}

/* The n-th combination: the first list turns fastest, as iterators do. */
static struct rule *instance(struct expansion *x, const struct rule *r, uint64_t n)
{
	struct rule *copy = arena_new_object(x->a, struct rule);
	*copy = *r;
	copy->tests.items = arena_new_array(x->a, struct test, r->tests.n + 1);
	copy->tests.cap = r->tests.n + 1;
	copy->number = ++x->out->nrules;
	copy->filter = x->out;
	for (uint32_t i = 0; i < r->tests.n; i++) {
		struct test *t = &copy->tests.items[i];
		*t = r->tests.items[i];
		if (t->value.kind != OPERAND_LIST)
			continue;
		uint32_t row = (uint32_t)(n % list_length(t));
		n /= list_length(t);
		pick(&t->to, row);
		pick(&t->mask, row);
		pick(&t->value, row);
		drop_idle(t);
	}
	return copy;
}

/* So many rules a rule are a mistake, or an attack. */
#define PRODUCT_MAX 1000000

static void expand_rule(struct expansion *x, const struct rule *r)
{
	uint64_t n = 1;
	vec_each (t, &r->tests) {
		if (t->none) {
			struct finding *f =
				diag_add(x->diags, FINDING(E131), t->span,
					 "XML can not say that no value of a list matches");
			diag_hint(
				x->diags, f,
				"where it is one value, '!= some' means the same and can be said");
			x->good = false;
			return;
		}
		n *= list_length(t);
		if (n > PRODUCT_MAX || arena_full(x->a)) {
			diag_add(x->diags, FINDING(E131), t->span,
				 "the lists make more than %d rules", PRODUCT_MAX);
			x->good = false;
			return;
		}
	}
	for (uint64_t i = 0; i < n && !arena_full(x->a); i++)
		*vec_push(x->a, &x->out->entries) =
			(struct entry){.kind = ENTRY_RULE, .rule = instance(x, r, i)};
}

static bool needs_work(const struct filter *f)
{
	if (f->defaults.list.n)
		return true;
	vec_each (e, &f->entries) {
		if (e->kind != ENTRY_RULE)
			continue;
		vec_each (t, &e->rule->tests)
			if (t->none || t->value.kind == OPERAND_LIST)
				return true;
	}
	return false;
}

/* Defaults are what parameters of the reference to the rules would be. */
static struct filter *wrap(struct arena *a, const struct filter *f, struct filter *body)
{
	struct filter *outer = arena_new_object(a, struct filter);
	struct filter_ref *ref = arena_new_object(a, struct filter_ref);
	*outer = *body;
	outer->end = 0; /* what comments stand in it are the body's */
	body->name = str_printf(a, "%.*s-rules", STR_ARG(f->name));
	body->uuid = STR("");
	memset(&body->defaults, 0, sizeof body->defaults);
	memset(&outer->entries, 0, sizeof outer->entries);
	*ref = (struct filter_ref){.filter = body->name, .params = f->defaults, .span = f->span};
	*vec_push(a, &outer->entries) = (struct entry){.kind = ENTRY_REF, .ref = ref};
	return outer;
}

const struct filter *filter_for_xml(struct arena *a, struct diags *ds, const struct filter *f,
				    const struct filter **body)
{
	struct expansion x = {a, ds, arena_new_object(a, struct filter), true};
	*body = NULL;
	if (!needs_work(f))
		return f;
	*x.out = *f;
	x.out->nrules = 0;
	memset(&x.out->entries, 0, sizeof x.out->entries);
	vec_each (e, &f->entries) {
		if (e->kind == ENTRY_RULE)
			expand_rule(&x, e->rule);
		else
			*vec_push(a, &x.out->entries) = *e;
	}
	if (!x.good)
		return NULL;
	if (!f->defaults.list.n)
		return x.out;
	*body = x.out;
	return wrap(a, f, x.out);
}
