/* SPDX-License-Identifier: MIT */
#include "frontend/xml_parse.h"

/* --- did you mean --- */

/* --- attributes --- */

const struct xml_attr *xml_attr(const struct xml_element *e, const char *name)
{
	for (uint32_t i = 0; i < e->nattrs; i++)
		if (str_is(e->attrs[i].name, name))
			return &e->attrs[i];
	return NULL;
}

const struct xml_attr *xml_attr_needed(struct xml_text *x, const struct xml_element *e,
				       const char *name)
{
	const struct xml_attr *a = xml_attr(e, name);
	const char *suggested = x->parse->suggested;
	/* a wrong spelling of it is an error already */
	if (!a && !(suggested && !strcmp(suggested, name) && !x->diags->lenient))
		diag_add(x->diags, FINDING(E106), e->span, "<%.*s> needs an attribute '%s'",
			 STR_ARG(e->name), name);
	return a;
}

struct finding *xml_unknown_attr(struct xml_text *x, const struct xml_element *e,
				 const struct xml_attr *a, const struct nearest *n)
{
	struct finding *f =
		diag_add(x->diags, FINDING(E105), a->name_span, "<%.*s> has no attribute '%.*s'",
			 STR_ARG(e->name), STR_ARG(a->name));
	nearest_hint(x->diags, f, n);
	diag_soften(x->diags, f);
	return f;
}

static bool is_listed(const char *const *names, struct str name)
{
	for (; *names; names++)
		if (str_is(name, *names))
			return true;
	return false;
}

static void say_no_effect(struct xml_text *x, const struct xml_element *e, const struct xml_attr *a,
			  const struct nearest *n)
{
	struct finding *f =
		diag_add(x->diags, FINDING(W240), a->name_span, "'%.*s' in <%.*s> has no effect",
			 STR_ARG(a->name), STR_ARG(e->name));
	nearest_hint(x->diags, f, n);
}

void xml_check_attrs(struct xml_text *x, const struct xml_element *e,
		     const struct element_type *type)
{
	const char *const *names = type->attrs;
	x->parse->suggested = NULL;
	for (uint32_t i = 0; names && i < e->nattrs && !arena_full(x->arena); i++) {
		const struct xml_attr *a = &e->attrs[i];
		if (is_listed(names, a->name))
			continue;
		struct nearest n = nearest_to(a->name);
		for (const char *const *c = names; *c; c++)
			if (!xml_attr(e, *c))
				nearest_try(&n, *c);
		if (type->flags & ELEMENT_OTHERS) {
			say_no_effect(x, e, a, &n);
			continue;
		}
		xml_unknown_attr(x, e, a, &n);
		if (n.name)
			x->parse->suggested = n.name;
	}
}

int xml_word(struct xml_text *x, const struct xml_attr *a, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (str_is(a->value, words[i]))
			return i;
	struct nearest near = nearest_to(a->value);
	struct str list = STR("");
	for (int i = 0; i < n; i++) {
		nearest_try(&near, words[i]);
		list = str_printf(x->arena, "%.*s%s%s", STR_ARG(list), i ? ", " : "", words[i]);
	}
	struct finding *f =
		diag_add(x->diags, FINDING(E111), a->value_span, "%.*s '%.*s' is not one of %.*s",
			 STR_ARG(a->name), STR_ARG(a->value), STR_ARG(list));
	nearest_hint(x->diags, f, &near);
	return -1;
}

bool xml_once(struct xml_text *x, const struct xml_element *e, bool *seen)
{
	bool first = !*seen;
	*seen = true;
	if (!first)
		diag_soften(x->diags, diag_add(x->diags, FINDING(E126), e->span, "a second <%.*s>",
					       STR_ARG(e->name)));
	return first;
}
