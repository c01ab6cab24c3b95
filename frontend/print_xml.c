/* SPDX-License-Identifier: MIT */
/*
 * Printer of filters in libvirt's canonical form (specification, section 9):
 * attributes in the order of the field table, a new element where the sign
 * changes. What is printed parses to the same filter.
 */
#include <errno.h>
#include <stdlib.h>

#include "frontend/frontend.h"

/* Blanks other than the space would be read back as a space, so they go as numbers. */
static void put_escaped(struct buf *b, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.s[i];
		switch (c) {
		case '&':
			buf_lit(b, "&amp;");
			break;
		case '<':
			buf_lit(b, "&lt;");
			break;
		case '>':
			buf_lit(b, "&gt;");
			break;
		case '\'':
			buf_lit(b, "&apos;");
			break;
		case '"':
			buf_lit(b, "&quot;");
			break;
		default:
			if (c < ' ')
				buf_lit(b, "&#"), buf_uint(b, c), buf_char(b, ';');
			else
				buf_char(b, (char)c);
		}
	}
}

static void put_attr(struct buf *b, const char *name, struct str value)
{
	buf_char(b, ' ');
	buf_str(b, str_from(name));
	buf_lit(b, "='");
	put_escaped(b, value);
	buf_char(b, '\'');
}

static void put_number(struct buf *b, const char *name, int v)
{
	buf_printf(b, " %s='%d'", name, v);
}

static void put_variable(struct buf *b, const struct var_ref *v)
{
	buf_char(b, '$');
	buf_str(b, v->name);
	if (v->element || v->index)
		buf_printf(b, v->element ? "[%u]" : "[@%u]", v->index);
}

static void put_operand(struct buf *b, const struct operand *o)
{
	buf_char(b, ' ');
	buf_str(b, str_from(o->attr->xml));
	buf_lit(b, "='");
	if (o->kind == OPERAND_VAR)
		put_variable(b, &o->var);
	else if (o->value.type == VT_TEXT || o->value.type == VT_SETNAME)
		put_escaped(b, o->value.text);
	else
		value_print(b, &o->value);
	buf_char(b, '\'');
}

/* The operand that an attribute gave, and the sign of its test. */
static const struct operand *find_operand(const struct rule *r, const struct attr *at,
					  bool *negated)
{
	vec_each (t, &r->tests) {
		const struct operand *all[] = {&t->value, &t->to, &t->mask};
		*negated = t->negated;
		for (int i = 0; i < 3; i++)
			if (all[i]->kind != OPERAND_NONE && all[i]->attr == at)
				return all[i];
	}
	return NULL;
}

static void open_proto(struct buf *b, const struct proto *p, bool negated)
{
	buf_lit(b, "    <");
	buf_str(b, str_from(p->xml));
	if (negated)
		buf_lit(b, " match='no'");
}

static void print_proto(struct buf *b, const struct rule *r)
{
	bool open = false, sign = false, negated;
	for (uint32_t i = 0; i < r->proto->nattrs; i++) {
		const struct operand *o = find_operand(r, &r->proto->attrs[i], &negated);
		if (!o)
			continue;
		if (open && sign != negated) {
			buf_lit(b, "/>\n");
			open = false;
		}
		if (!open)
			open_proto(b, r->proto, negated);
		open = true;
		sign = negated;
		put_operand(b, o);
	}
	if (!open)
		open_proto(b, r->proto, false);
	buf_lit(b, "/>\n");
}

void print_comments_xml(struct buf *b, struct comment_walk *c, uint32_t lo, const char *indent)
{
	for (; c && c->next < c->end && c->next->span.lo < lo; c->next++) {
		buf_str(b, str_from(indent));
		buf_str(b, c->next->text);
		buf_char(b, '\n');
	}
}

/* Comments inside a rule stand before the first test that they stood before. */
static void print_rule(struct buf *b, const struct rule *r, struct comment_walk *c)
{
	uint32_t first = UINT32_MAX;
	vec_each (t, &r->tests)
		first = t->span.lo < first ? t->span.lo : first;
	buf_lit(b, "  <rule");
	put_attr(b, "action", str_from(action_names[r->action]));
	put_attr(b, "direction", str_from(direction_names[r->direction]));
	put_number(b, "priority", r->priority);
	if (!r->statematch)
		buf_lit(b, " statematch='false'");
	if (proto_id(r->proto) == PROTO_NONE) {
		buf_lit(b, "/>\n");
		return;
	}
	buf_lit(b, ">\n");
	print_comments_xml(b, r->tests.n ? c : NULL, first, "    ");
	print_proto(b, r);
	buf_lit(b, "  </rule>\n");
}

static int by_name(const void *a, const void *b)
{
	const struct param *const *p = a, *const *q = b;
	return str_cmp((*p)->name, (*q)->name);
}

static void print_param(struct buf *b, const struct param *p)
{
	vec_each (v, &p->values) {
		buf_lit(b, "    <parameter");
		put_attr(b, "name", p->name);
		put_attr(b, "value", v->text);
		buf_lit(b, "/>\n");
	}
}

static void print_params(struct buf *b, const struct params *ps)
{
	uint32_t n = 0;
	const struct param **sorted = malloc(ps->list.n * sizeof *sorted);
	if (!sorted) {
		b->error = ENOMEM;
		return;
	}
	vec_each (p, &ps->list)
		sorted[n++] = p;
	qsort(sorted, n, sizeof *sorted, by_name);
	for (uint32_t i = 0; i < n; i++)
		print_param(b, sorted[i]);
	free(sorted);
}

static void print_ref(struct buf *b, const struct filter_ref *r)
{
	buf_lit(b, "  <filterref");
	put_attr(b, "filter", r->filter);
	if (!r->params.list.n) {
		buf_lit(b, "/>\n");
		return;
	}
	buf_lit(b, ">\n");
	print_params(b, &r->params);
	buf_lit(b, "  </filterref>\n");
}

static bool comments_before(const struct comment_walk *c, uint32_t lo)
{
	return c && c->next < c->end && c->next->span.lo < lo;
}

/*
 * libvirt leaves a priority of 0 out, and reads another one back where the
 * chain's default is not 0; we print it there.
 */
static bool priority_needed(const struct filter *f)
{
	const struct chain_prefix *c = chain_prefix_find(f->chain);
	return f->priority != 0 || (c && c->priority != 0);
}

void print_filter_xml(struct buf *b, const struct filter *f, struct comment_walk *c)
{
	print_comments_xml(b, c, f->span.lo, "");
	buf_lit(b, "<filter");
	put_attr(b, "name", f->name);
	put_attr(b, "chain", f->chain);
	if (priority_needed(f))
		put_number(b, "priority", f->priority);
	if (!f->uuid.len && !f->entries.n && !comments_before(c, f->end)) {
		buf_lit(b, "/>\n");
		return;
	}
	buf_lit(b, ">\n");
	if (f->uuid.len) {
		buf_lit(b, "  <uuid>");
		put_escaped(b, f->uuid);
		buf_lit(b, "</uuid>\n");
	}
	vec_each (e, &f->entries) {
		struct span at = e->kind == ENTRY_RULE ? e->rule->span : e->ref->span;
		print_comments_xml(b, c, at.lo, "  ");
		if (e->kind == ENTRY_RULE)
			print_rule(b, e->rule, c);
		else
			print_ref(b, e->ref);
	}
	print_comments_xml(b, c, f->end, "  ");
	buf_lit(b, "</filter>\n");
}

static void put_element(struct buf *b, const char *indent, const char *name, struct str text)
{
	buf_printf(b, "%s<%s>", indent, name);
	put_escaped(b, text);
	buf_printf(b, "</%s>\n", name);
}

static void put_device(struct buf *b, const char *element, struct str name)
{
	buf_printf(b, "  <%s", element);
	put_attr(b, "name", name);
	buf_lit(b, "/>\n");
}

void print_port_xml(struct buf *b, const struct port *p)
{
	buf_lit(b, "<filterbinding>\n  <owner>\n");
	put_element(b, "    ", "name", p->owner_name);
	put_element(b, "    ", "uuid", p->owner_uuid);
	buf_lit(b, "  </owner>\n");
	put_device(b, "portdev", p->name);
	if (p->link_device.len)
		put_device(b, "linkdev", p->link_device);
	buf_lit(b, "  <mac address='");
	value_print(b, &p->mac);
	buf_lit(b, "'/>\n");
	print_ref(b, &p->filter);
	buf_lit(b, "</filterbinding>\n");
}
