/* SPDX-License-Identifier: MIT */
#include "review/readback/form.h"

#include <stdio.h>

#include "ir/findings.h"

bool unread(struct script_form *f, uint32_t lo, uint32_t hi, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	if (f->failed)
		return false;
	f->failed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	diag_add(f->ds, FINDING(E801), (struct span){f->file, lo, hi}, "%s", text);
	return false;
}

static struct str full_name(struct script_form *f, struct str table, struct str name)
{
	return str_printf(f->arena, "%.*s %.*s", STR_ARG(table), STR_ARG(name));
}

uint32_t form_chain(struct script_form *f, struct str table, struct str name)
{
	bool added;
	struct map_entry *e = map_put(f->arena, &f->chain_index, full_name(f, table, name), &added);
	if (added) {
		e->num = f->chains.n;
		*vec_push(f->arena, &f->chains) = (struct chain_form){.table = table, .name = name};
	}
	return (uint32_t)e->num;
}

struct eset *form_set(struct script_form *f, struct str table, struct str name)
{
	bool added;
	struct map_entry *e = map_put(f->arena, &f->set_index, full_name(f, table, name), &added);
	if (added) {
		struct eset *s = arena_new_object(f->arena, struct eset);
		*s = (struct eset){.table = table, .name = name, .iface_column = -1};
		*vec_push(f->arena, &f->sets) = s;
		e->ptr = s;
	}
	return e->ptr;
}

struct rule_form *form_rule(struct script_form *f, uint32_t lo, uint32_t hi)
{
	struct rule_form *r = arena_new_object(f->arena, struct rule_form);
	*r = (struct rule_form){.lo = lo, .hi = hi, .takes = PSET_ALL};
	return r;
}

void form_index_element(struct script_form *f, struct eset *s, uint32_t index)
{
	bool added;
	struct element *e = &s->elements.items[index];
	if (e->name.prefix) {
		*vec_push(f->arena, &s->wildcards) = index;
		return;
	}
	struct map_entry *m = map_put(f->arena, &s->by_name, e->name.name, &added);
	e->next = (uint32_t)m->num;
	m->num = index + 1;
}

static bool find_chain(struct script_form *f, struct str table, struct str name, uint32_t lo,
		       uint32_t hi, uint32_t *chain)
{
	struct map_entry *e = map_find(&f->chain_index, full_name(f, table, name));
	if (!e || !f->chains.items[e->num].defined)
		return unread(f, lo, hi, "there is no chain '%.*s' to go to", STR_ARG(name));
	*chain = (uint32_t)e->num + 1;
	return true;
}

static bool goes_somewhere(enum act a)
{
	return a == ACT_JUMP || a == ACT_GOTO;
}

bool form_resolve(struct script_form *f)
{
	for (uint32_t c = 0; c < f->chains.n && !f->failed; c++)
		vec_each (r, &f->chains.items[c].rules)
			if (goes_somewhere((*r)->act))
				find_chain(f, f->chains.items[c].table, (*r)->target, (*r)->lo,
					   (*r)->hi, &(*r)->chain);
	vec_each (s, &f->sets)
		vec_each (e, &(*s)->elements)
			if (goes_somewhere(e->act))
				find_chain(f, (*s)->table, e->target, e->text_lo, e->text_hi,
					   &e->chain);
	return !f->failed;
}
