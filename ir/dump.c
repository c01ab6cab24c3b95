/* SPDX-License-Identifier: MIT */
#include "ir/dump.h"

static const char *const pass_names[] = {"resolve", "bind", "layout", NULL};

bool dump_known(const char *pass)
{
	for (int i = 0; pass_names[i]; i++)
		if (strcmp(pass, pass_names[i]) == 0)
			return true;
	return false;
}

static struct str proto_word(const struct proto *p)
{
	return str_from(p->xml ? p->xml : "any");
}

/* --- a rule of a program in words --- */

static void dump_slot(struct buf *out, const struct program *p, const struct prule *r,
		      const struct slot *s)
{
	if (s->kind == SLOT_CONST)
		value_print(out, &s->value);
	if (s->kind != SLOT_DIM)
		return;
	uint32_t d = r->dims.items[s->dim];
	const struct dim_column *c = &p->dims.items[d].columns.items[s->column];
	if (c->constant)
		buf_printf(out, "d%u.%u{%u}", d, s->column, c->values.n);
	else
		buf_printf(out, "$%.*s@d%u", STR_ARG(p->columns.items[c->column].var.name), d);
}

/* A range without its lower end. */
static bool is_upper_end(const struct ptest *t)
{
	return t->value.kind == SLOT_NONE && t->to.kind != SLOT_NONE;
}

static void dump_test(struct buf *out, const struct program *p, const struct prule *r,
		      const struct ptest *t)
{
	bool count = t->field == F_CT_COUNT;
	buf_printf(out, " %s %s", fields[t->field].name,
		   t->none           ? "!= none of "
		   : count           ? t->negated ? "<= " : "> "
		   : t->negated      ? "!= "
		   : is_upper_end(t) ? "<= "
				     : "");
	dump_slot(out, p, r, &t->value);
	if (t->mask.kind != SLOT_NONE)
		buf_lit(out, "/");
	dump_slot(out, p, r, &t->mask);
	if (t->to.kind != SLOT_NONE && t->value.kind != SLOT_NONE)
		buf_lit(out, "-");
	dump_slot(out, p, r, &t->to);
}

void dump_prule(struct buf *out, const struct program *p, const struct prule *r)
{
	static const char *const dirs[] = {"", " original", " reply"};
	buf_printf(out, "%s %.*s%s", action_names[r->verdict], STR_ARG(proto_word(r->proto)),
		   r->mirrored ? " mirrored" : "");
	vec_each (t, &r->tests)
		dump_test(out, p, r, t);
	if (r->ct_states) {
		struct value v = {.type = VT_STATE, .u = r->ct_states};
		buf_lit(out, " ct ");
		value_print(out, &v);
	}
	buf_printf(out, "%s  # %.*s#%u\n", dirs[r->ct_dir], STR_ARG(r->source->filter->name),
		   r->source->number);
}

/* --- layout --- */

static void dump_part(struct buf *out, const struct program *p, enum side s)
{
	const struct part *part = &p->parts[s];
	vec_each (c, &part->chains) {
		buf_printf(out, "  %s chain %.*s priority %d\n", side_names[s], STR_ARG(c->name),
			   c->priority);
		vec_each (it, &c->items) {
			buf_lit(out, "    ");
			if (it->kind == ITEM_JUMP)
				buf_printf(out, "jump %.*s\n",
					   STR_ARG(part->chains.items[it->chain].name));
			else
				dump_prule(out, p, it->rule);
		}
	}
	if (part->packet.n)
		buf_printf(out, "  %s packets\n", side_names[s]);
	vec_each (r, &part->packet) {
		buf_lit(out, "    ");
		dump_prule(out, p, *r);
	}
}

static void dump_layout(struct buf *out, const struct build *b)
{
	vec_each (p, &b->programs) {
		buf_printf(out, "program %.*s\n", STR_ARG((*p)->name));
		for (enum side s = 0; s < SIDES; s++)
			dump_part(out, *p, s);
	}
}

/* --- bind --- */

static void dump_rows(struct buf *out, const struct dim *d, const struct rows *rows)
{
	for (uint32_t i = 0; i < rows->n; i++) {
		buf_str(out, i ? STR(", (") : STR(" ("));
		for (uint32_t c = 0; c < d->columns.n; c++) {
			buf_str(out, c ? STR(" ") : STR(""));
			value_print(out, &rows->values[(size_t)i * d->columns.n + c]);
		}
		buf_lit(out, ")");
	}
	buf_lit(out, "\n");
}

static void dump_bind(struct buf *out, const struct build *b)
{
	vec_each (p, &b->programs) {
		buf_printf(out, "program %.*s\n", STR_ARG((*p)->name));
		vec_each (c, &(*p)->columns)
			buf_printf(out, "  column $%.*s: %s\n", STR_ARG(c->var.name),
				   value_type_name((enum value_type)c->attr->type));
	}
	vec_each (pd, &b->ports) {
		buf_printf(out, "port %.*s program %.*s%s\n", STR_ARG(pd->port->name),
			   STR_ARG(pd->program->name), pd->learning ? " learning" : "");
		for (uint32_t d = 0; d < pd->program->dims.n; d++) {
			buf_printf(out, "  d%u:", d);
			dump_rows(out, &pd->program->dims.items[d], &pd->rows[d]);
		}
	}
}

/* --- resolve --- */

static void dump_path(struct buf *out, const struct tree *t, uint32_t path)
{
	const struct ref_path *r = &t->paths.items[path];
	if (r->parent) {
		dump_path(out, t, r->parent - 1);
		buf_lit(out, " > ");
	}
	buf_str(out, r->filter->name);
}

static void dump_tree(struct buf *out, const struct port *port, const struct tree *t)
{
	buf_printf(out, "port %.*s\n", STR_ARG(port->name));
	vec_each (tr, &t->rules) {
		const struct rule *r = tr->rule;
		buf_printf(out, "  %s %s %d %.*s #%u in %.*s: ", action_names[r->action],
			   direction_names[r->direction], r->priority,
			   STR_ARG(proto_word(r->proto)), r->number, STR_ARG(r->filter->chain));
		dump_path(out, t, tr->path);
		buf_lit(out, "\n");
	}
}

void dump_pass(struct pass_ctx *cx, const char *pass, const struct library *lib,
	       const struct ports *ports, struct buf *out)
{
	struct build b = {0};
	if (strcmp(pass, "resolve") == 0) {
		vec_each (p, &ports->list) {
			const struct tree *t = resolve(cx, lib, &(*p)->filter);
			if (t)
				dump_tree(out, *p, t);
		}
		return;
	}
	build_ports(cx, lib, ports, &b);
	(strcmp(pass, "bind") == 0 ? dump_bind : dump_layout)(out, &b);
}
