/* SPDX-License-Identifier: MIT */
/*
 * Looks into sets: their names, their columns, and where their elements come from.
 *
 * A set's name says all that its content depends on (the variables, the kinds of
 * field, masks and upper ends), so that equal looks share a set, in one program
 * and among all.
 */
#include "backends/nft/rule.h"

const char *line_key(const struct lowerer *l)
{
	return nft_port_key(l->m, l->side);
}

/* --- sets --- */

static struct str column_name(struct arena *a, const struct column *c)
{
	struct str s = name_begin(a, c->var.name);
	return c->var.element ? str_printf(a, "%.*s.%u", STR_ARG(s), c->var.index) : s;
}

/* A list that stands in a filter has no name of its own: its values are hashed. */
static struct str list_name(struct arena *a, const struct dim_column *c)
{
	struct buf b;
	buf_memory(&b);
	vec_each (v, &c->values) {
		value_print(&b, v);
		buf_char(&b, '\n');
	}
	struct str s =
		str_printf(a, "_.list.%08x",
			   (unsigned)(uint32_t)str_hash((struct str){b.data, (uint32_t)b.n}));
	buf_drop(&b);
	return s;
}

/*
 * A prefix length, a number or an address. An address with dots for colons, which
 * no name has; two have the same name when they are the same.
 */
static struct str constant_name(struct arena *a, const struct value *v)
{
	struct buf b;
	if (v->type == VT_MACMASK || v->type == VT_IP4MASK || v->type == VT_IP6MASK)
		return str_printf(a, "%u", value_prefix(v));
	buf_memory(&b);
	put_number(&b,
		   v->type == VT_MAC   ? KT_ETHER
		   : v->type == VT_IP6 ? KT_IPV6
		   : v->type == VT_IP4 ? KT_IPV4
				       : KT_PORT,
		   value_number(v));
	for (size_t i = 0; i < b.n; i++)
		if (b.data[i] == ':')
			b.data[i] = '.';
	return buf_take(a, &b);
}

static struct str slot_name(const struct lowerer *l, const struct slot *s)
{
	if (s->kind == SLOT_NONE)
		return STR("0");
	if (s->kind == SLOT_CONST)
		return constant_name(l->a, &s->value);
	const struct program *p = l->np->program;
	const struct dim_column *c =
		&p->dims.items[l->r->dims.items[s->dim]].columns.items[s->column];
	return c->constant ? list_name(l->a, c) : column_name(l->a, &p->columns.items[c->column]);
}

/*
 * "IP.ipv4", with a mask "NET-24.ipv4", with an upper end "FROM--TO.port". A
 * constant in front, "_.value.10--TO.port": names begin with no digit, and that
 * of no variable has a dot and then a letter.
 */
static struct str use_name(const struct lowerer *l, const struct ptest *t, enum key_type type)
{
	struct str v = slot_name(l, &t->value), w = STR("");
	if (t->value.kind != SLOT_DIM)
		v = str_printf(l->a, "_.value.%.*s", STR_ARG(v));
	const char *sign = "";
	if (t->to.kind != SLOT_NONE) {
		w = slot_name(l, &t->to);
		sign = "--";
	} else if (t->mask.kind != SLOT_NONE) {
		w = slot_name(l, &t->mask);
		sign = "-";
	}
	return str_printf(l->a, "%.*s%s%.*s.%s", STR_ARG(v), sign, STR_ARG(w),
			  key_types[type].word);
}

/* Is the value the port's, and one that is learned where the port does not give it? */
static bool can_end(const struct lowerer *l, const struct slot *s)
{
	if (s->kind != SLOT_DIM)
		return false;
	const struct program *p = l->np->program;
	const struct dim_column *c =
		&p->dims.items[l->r->dims.items[s->dim]].columns.items[s->column];
	struct str name = c->constant ? STR("") : p->columns.items[c->column].var.name;
	return str_is(name, "IP") || str_is(name, "IPV6");
}

/* The group's tuples, or one atom's column of them, as a set and its feed. */
static void add_use(struct lowerer *l, struct nft_set *s, struct nft_feed *f, const struct ptest *t,
		    enum variant v)
{
	struct spelling sp = column_spelling(l, v, t);
	struct str name = use_name(l, t, sp.type);
	s->name =
		s->name.len ? str_printf(l->a, "%.*s/%.*s", STR_ARG(s->name), STR_ARG(name)) : name;
	s->type = str_printf(l->a, "%.*s . %s", STR_ARG(s->type), key_types[sp.type].typeof_);
	s->interval |= test_is_interval(t, sp.type);
	s->timeout |= l->m->cx->options.leases && (can_end(l, &t->value) || can_end(l, &t->to));
	*vec_push(l->a, &f->uses) = (struct nft_use){t, sp.type};
}

static void name_set(struct lowerer *l, struct nft_set *s, const struct group *g)
{
	/* values of several dimensions in one column: which, decides what meets what */
	if (g->dims.n > 1) {
		struct str key = STR("");
		vec_each (d, &g->dims) {
			vec_each (c, &l->np->program->dims.items[l->r->dims.items[*d]].columns) {
				struct str n =
					c->constant ? list_name(l->a, c)
						    : column_name(l->a, &l->np->program->columns
										 .items[c->column]);
				key = str_printf(l->a, "%.*s %.*s", STR_ARG(key), STR_ARG(n));
			}
			key = str_printf(l->a, "%.*s;", STR_ARG(key));
		}
		s->name = str_printf(l->a, "%.*s.x%08x", STR_ARG(s->name),
				     (unsigned)(uint32_t)str_hash(key));
	}
	if (s->sole)
		s->name = str_printf(l->a, "%.*s.sole", STR_ARG(s->name));
	if (s->name.len > NFT_NAME_MAX)
		s->name = str_printf(l->a, "%.*s..%08x", 200, s->name.s,
				     (unsigned)(uint32_t)str_hash(s->name));
	claim_name(l->m, s->name,
		   str_printf(l->a, "%.*s: %.*s", STR_ARG(s->name), STR_ARG(s->type)));
}

static bool same_feed(const struct nft_program *np, uint32_t set)
{
	vec_each (f, &np->feeds)
		if (f->set == set)
			return true;
	return false;
}

static struct str group_set(struct lowerer *l, const struct group *g, struct nft_set *s,
			    struct nft_feed *f)
{
	name_set(l, s, g);
	f->set = set_add(l->m, s);
	l->m->sets.items[f->set].expanded |= l->mode == LOWER_EXPAND;
	f->rule = l->r;
	memcpy(&f->dims, &g->dims, sizeof f->dims);
	if (!same_feed(l->np, f->set))
		*vec_push(l->a, &l->np->feeds) = *f;
	return s->name;
}

/* --- lookups --- */

static struct str lookup_expr(const struct lowerer *l, const struct line *ln, const struct group *g,
			      const struct atom *x, struct str expr)
{
	for (uint32_t i = 0; i < x->n; i++) {
		struct spelling sp = column_spelling(l, ln->variant, x->test[i]);
		bool first = g->constant && !expr.len;
		expr = str_printf(l->a, "%.*s%s%.*s", STR_ARG(expr), first ? "" : " . ",
				  STR_ARG(sp.expr));
	}
	return expr;
}

/* A list that stands in the filter: an anonymous set in the rule. */
static void put_constant_set(struct lowerer *l, struct line *ln, const struct nft_set *s,
			     const struct nft_feed *f)
{
	struct boxes bs = {0};
	struct rows *all = arena_new_array(l->a, struct rows, l->np->program->dims.n + 1);
	struct port_data pd = {.program = l->np->program, .rows = all};
	struct buf b;
	for (uint32_t i = 0; i < l->np->program->dims.n; i++)
		all[i] = l->np->program->dims.items[i].const_rows;
	feed_boxes(l->a, s, f, &pd, &bs);
	ln->text.never |= !bs.list.n;
	buf_memory(&b);
	buf_lit(&b, "{ ");
	for (uint32_t i = 0; i < bs.list.n; i++) {
		put_box(&b, f, &bs.list.items[i]);
		if (i + 1 < bs.list.n)
			buf_put(&b, i % 8 == 7 ? ",\n\t\t\t" : ", ", i % 8 == 7 ? 5 : 2);
	}
	buf_lit(&b, " } ");
	line_text(l, ln, (struct str){b.data, (uint32_t)b.n});
	buf_drop(&b);
}

void line_lookup(struct lowerer *l, struct line *ln, uint32_t index, const struct atom *only)
{
	const struct group *g = &l->groups.items[index];
	struct nft_set s = {.type = STR("iifname"), .sole = g->form == FORM_SOLE};
	struct nft_feed f = {.rule = l->r};
	struct str expr = g->constant ? STR("") : str_from(line_key(l));
	bool negated = false;
	vec_each (x, &l->atoms) {
		if (x->group != index || (only && x != only))
			continue;
		for (uint32_t i = 0; i < x->n; i++)
			add_use(l, &s, &f, x->test[i], ln->variant);
		expr = lookup_expr(l, ln, g, x, expr);
		negated |= x->negated;
	}
	line_text(l, ln, expr);
	line_text(l, ln, negated ? STR(" != ") : STR(" "));
	if (g->constant) {
		memcpy(&f.dims, &g->dims, sizeof f.dims);
		put_constant_set(l, ln, &s, &f);
		return;
	}
	struct str name = group_set(l, g, &s, &f);
	line_text(l, ln, str_printf(l->a, "@%.*s ", STR_ARG(name)));
}
