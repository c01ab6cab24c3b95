/* SPDX-License-Identifier: MIT */
#include "ir/filter.h"

#include "ir/findings.h"
#include "ir/learn.h"

const char *const action_names[ACTIONS] = {"drop", "accept", "reject", "return", "continue"};
const char *const direction_names[DIRECTIONS] = {"in", "out", "inout"};

/* --- the library --- */

void library_add(struct library *lib, struct filter *f, bool fallback, struct diags *ds)
{
	bool added;
	struct map_entry *e = map_put(ds->arena, &lib->by_name, f->name, &added);
	if (!added && fallback)
		return;
	if (!added) {
		const struct filter *first = e->cptr;
		struct finding *fi = diag_add(ds, FINDING(E121), f->name_span,
					      "there is already a filter '%.*s'", STR_ARG(f->name));
		diag_note(ds, fi, first->name_span, "the first one is here");
		return;
	}
	e->ptr = f;
	if (!f->uuid.len || fallback)
		return;
	e = map_put(ds->arena, &lib->by_uuid, f->uuid, &added);
	if (added) {
		e->ptr = f;
		return;
	}
	const struct filter *first = e->cptr;
	struct finding *fi = diag_add(ds, FINDING(E122), f->name_span,
				      "filter '%.*s' has the UUID of filter '%.*s'",
				      STR_ARG(f->name), STR_ARG(first->name));
	diag_note(ds, fi, first->name_span, "it is here");
}

/* --- parameters (specification 5.1) --- */

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

bool var_name_ok(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!word_char(s.s[i]))
			return false;
	return s.len > 0;
}

bool var_value_ok(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!word_char(s.s[i]) && s.s[i] != '.' && s.s[i] != ':')
			return false;
	return s.len > 0;
}

/* So few names are found faster one by one. */
#define PARAMS_PLAIN 16

const struct param *params_find(const struct params *ps, struct str name)
{
	if (ps->index.entries.n) {
		const struct map_entry *e = map_find(&ps->index, name);
		return e ? &ps->list.items[e->num] : NULL;
	}
	vec_each (p, &ps->list)
		if (str_eq(p->name, name))
			return p;
	return NULL;
}

static struct param *add_param(struct arena *a, struct params *ps, struct str name,
			       struct span span)
{
	struct param *p = vec_push(a, &ps->list);
	*p = (struct param){.name = name, .span = span};
	for (uint32_t i = ps->index.entries.n; ps->list.n > PARAMS_PLAIN && i < ps->list.n; i++)
		map_put(a, &ps->index, ps->list.items[i].name, NULL)->num = i;
	return p;
}

void params_add(struct params *ps, struct str name, struct span name_span, struct str value,
		struct span value_span, struct diags *ds)
{
	struct arena *a = ds->arena;
	bool value_ok = var_value_ok(value) || learn_prefix_ok(name, value);
	ps->broken |= !var_name_ok(name) || !value_ok;
	if (!var_name_ok(name)) {
		struct finding *f = diag_add(ds, FINDING(E120), name_span,
					     "'%.*s' is not a variable's name", STR_ARG(name));
		diag_hint(ds, f, "names are made of letters, digits and _");
		return;
	}
	if (!value_ok) {
		struct finding *f =
			diag_add(ds, FINDING(E120), value_span,
				 "'%.*s' can not be a variable's value", STR_ARG(value));
		if (!value.len)
			diag_hint(ds, f, "an empty text is no value: leave the parameter out");
		else if (memchr(value.s, '/', value.len))
			diag_hint(
				ds, f,
				"a variable holds no prefix length; give it to the mask attribute");
		else
			diag_hint(ds, f, "values are made of letters, digits and _ . :");
		return;
	}
	struct param *p = (struct param *)params_find(ps, name);
	if (!p)
		p = add_param(a, ps, name, name_span);
	*vec_push(a, &p->values) = (struct param_value){value, value_span, 0};
}

struct str double_plus(struct arena *a, struct str name)
{
	if (!name.len || !memchr(name.s, '+', name.len))
		return name;
	char *p = arena_alloc(a, 2 * (size_t)name.len + 1);
	struct str out = {p, 0};
	for (uint32_t i = 0; i < name.len; i++) {
		p[out.len++] = name.s[i];
		if (name.s[i] == '+')
			p[out.len++] = '+';
	}
	return out;
}

/* --- variable references --- */

static uint32_t skip_blanks(struct str s, uint32_t i)
{
	while (i < s.len && (s.s[i] == ' ' || s.s[i] == '\t'))
		i++;
	return i;
}

static const char *read_index(struct str s, struct var_ref *out)
{
	uint32_t i = skip_blanks(s, 0), digits = 0;
	out->element = !(i < s.len && s.s[i] == '@');
	i += !out->element;
	out->index = 0;
	for (; i < s.len && s.s[i] >= '0' && s.s[i] <= '9' && digits < 7; i++, digits++)
		out->index = out->index * 10 + (uint32_t)(s.s[i] - '0');
	if (!digits)
		return "has neither a number nor @ and a number in its brackets";
	i = skip_blanks(s, i);
	if (i != s.len)
		return "has more than an index in its brackets";
	if (!out->element && out->index > ITERATOR_MAX)
		return "has an iterator above 1000";
	return NULL;
}

const char *var_ref_parse(struct str text, struct var_ref *out)
{
	uint32_t i = 1;
	*out = (struct var_ref){.name = {text.s + 1, 0}};
	while (i < text.len && var_name_ok((struct str){text.s + i, 1}))
		i++;
	out->name.len = i - 1;
	if (i == 1)
		return "names no variable";
	if (i == text.len)
		return NULL;
	if (text.s[i] != '[')
		return "has something behind the variable's name";
	if (text.s[text.len - 1] != ']')
		return memchr(text.s + i, ']', text.len - i) ? "has something behind the ]"
							     : "lacks the closing ]";
	return read_index((struct str){text.s + i + 1, text.len - i - 2}, out);
}

struct str var_ref_text(struct arena *a, const struct var_ref *v)
{
	if (!v->element && !v->index)
		return v->name;
	return str_printf(a, "%.*s[%s%u]", STR_ARG(v->name), v->element ? "" : "@", v->index);
}

static bool operand_uses(const struct operand *op, struct str name)
{
	return op->kind == OPERAND_VAR && str_eq(op->var.name, name);
}

bool rule_uses(const struct rule *r, struct str name)
{
	vec_each (t, &r->tests)
		if (operand_uses(&t->value, name) || operand_uses(&t->to, name) ||
		    operand_uses(&t->mask, name))
			return true;
	return false;
}
