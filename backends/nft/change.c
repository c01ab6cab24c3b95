/* SPDX-License-Identifier: MIT */
/*
 * The change from one build to another: a transaction on top of the script of
 * the first that leaves what the script of the second would.
 *
 * Data: the elements of a port before and after are sorted and compared; what
 * is in one list alone is deleted or added. A range that takes part in another
 * union after the change is another element, so both lists are the unions.
 *
 * Elements that end (addresses learned for a time). One with another end is
 * deleted and added, since adding one that is there leaves its end as it was
 * before Linux 6.12. The kernel may have dropped it already, and a delete of what
 * is not there would undo the whole transaction; so it is added before it is
 * deleted.
 *
 * Code: programs and chains of a port's own are compared by all that their text
 * is made of, and replaced whole: `add chain`, `flush chain`, lines. Adding is
 * harmless where it is there already, so it does not matter if the builds hold
 * only the ports that changed. Code and sets are deleted only when a program is
 * gone, in which case the builds must hold all ports.
 *
 * Order in the transaction: elements of the maps go before the chains that they
 * lead to, and come after them.
 */
#include "backends/network/network.h"
#include "backends/nft/nft.h"

#include <stdlib.h>

struct element {
	struct str set, text;
	uint64_t valid_until_ms;
};
struct element_list {
	struct nft_model *m;
	struct str set, key;
	vec_of(struct element) list;
};

/* Elements of one set to delete or to add. */
struct set_change {
	struct str set;
	struct buf again, del, add; /* again: what may be gone, to be deleted all the same */
};

struct change {
	struct emit_ctx *cx;
	struct nft_model *before, *after;
	struct str *signs[2]; /* of the programs before and after */
	struct map old_ports; /* name -> num: into before->ports */
	struct map sets;      /* name -> ptr: struct set_change */
	struct buf unmap, flush, code, remap, drop, drop_sets;
	struct buf scratch;
};

/* --- what a program's text is made of --- */

static void put_piece(struct buf *b, const struct nft_line *ln, const struct piece *p)
{
	if (p->kind == PIECE_TEXT)
		buf_str(b, p->text);
	else if (p->kind == PIECE_NAME)
		buf_printf(b, "\1%u", p->name);
	else
		buf_printf(b, "\2%u.%u.%d.%u", ln->walk->dims.items[p->dim], p->column,
			   p->format == format_value, p->arg);
}

static void put_lines_sign(struct buf *b, const struct nft_lines *lines)
{
	vec_each (ln, &lines->list) {
		vec_each (p, &ln->text.pieces)
			put_piece(b, ln, p);
		buf_printf(b, "\3%d", ln->text.never);
	}
}

static void put_dims_sign(struct buf *b, const struct program *p)
{
	vec_each (d, &p->dims)
		vec_each (c, &d->columns) {
			const struct column *col =
				c->constant ? NULL : &p->columns.items[c->column];
			if (col)
				buf_printf(b, "\4%.*s.%d.%u.%u", STR_ARG(col->var.name),
					   col->var.element, col->var.index, col->attr->type);
			vec_each (v, &c->values) {
				buf_char(b, '\5');
				value_print(b, v);
			}
		}
}

static struct str sign_program(struct nft_model *m, struct nft_program *np)
{
	struct buf b;
	buf_memory(&b);
	vec_each (c, &np->chains) {
		buf_str(&b, c->path);
		vec_each (nr, &c->rules) {
			if (nr->rule && !nr->is_expanded && !nr->counts) {
				nr->is_expanded = true;
				nft_lower_rule(m, np, c->side, nr, LOWER_EXPAND, &nr->expanded);
			}
			put_lines_sign(&b, &nr->folded);
			put_lines_sign(&b, &nr->expanded);
			if (nr->counts) /* its lines are the port's: never the same unless untouched
					 */
				buf_printf(&b, "\6%.*s#%u", STR_ARG(nr->rule->source->filter->name),
					   nr->rule->source->number);
		}
	}
	put_dims_sign(&b, np->program);
	return buf_take(m->cx->arena, &b);
}

static struct str *sign_programs(struct nft_model *m)
{
	struct str *signs = arena_new_array(m->cx->arena, struct str, m->nprograms + 1);
	for (uint32_t i = 0; i < m->nprograms; i++)
		signs[i] = sign_program(m, &m->programs[i]);
	return signs;
}

static struct nft_program *find_program(const struct nft_model *m, struct str name)
{
	const struct map_entry *e = map_find(&m->program_index, name);
	return e ? &m->programs[e->num] : NULL;
}

static bool same_code(const struct change *c, const struct nft_program *old,
		      const struct nft_program *new)
{
	return old && str_eq(c->signs[0][old - c->before->programs],
			     c->signs[1][new - c->after->programs]);
}

/* --- ports --- */

static bool same_rows(const struct port_data *x, const struct port_data *y)
{
	for (uint32_t d = 0; d < x->program->dims.n; d++) {
		const struct rows *r = &x->rows[d], *s = &y->rows[d];
		size_t n = (size_t)r->n * x->program->dims.items[d].columns.n;
		if (r->n != s->n)
			return false;
		for (size_t i = 0; i < n; i++)
			if (!value_eq(&r->values[i], &s->values[i]) ||
			    r->values[i].valid_until_ms != s->values[i].valid_until_ms)
				return false;
	}
	return true;
}

static bool same_port(const struct change *c, const struct nft_port *old,
		      const struct nft_port *new)
{
	return str_eq(old->program->program->name, new->program->program->name) &&
	       old->own == new->own &&same_code(c, old->program, new->program) &&
	       same_rows(old->pd, new->pd);
}

static void keep_element(void *arg, struct str text, uint64_t valid_until_ms)
{
	struct element_list *l = arg;
	struct str t = str_printf(l->m->cx->arena, "%.*s . %.*s", STR_ARG(l->key), STR_ARG(text));
	*vec_push(l->m->cx->arena, &l->list) = (struct element){l->set, t, valid_until_ms};
}

static int by_set_and_text(const void *x, const void *y)
{
	const struct element *a = x, *b = y;
	int c = str_cmp(a->set, b->set);
	return c ? c : str_cmp(a->text, b->text);
}

static struct element_list port_elements(struct change *c, struct nft_model *m,
					 const struct nft_port *port)
{
	struct element_list l = {.m = m};
	if (!port)
		return l;
	l.key = port->key;
	vec_each (f, &port->program->feeds) {
		if (m->cx->options.expand && !m->sets.items[f->set].expanded)
			continue;
		l.set = m->sets.items[f->set].name;
		each_element(m, f, port->pd, &c->scratch, keep_element, &l);
	}
	if (l.list.n)
		qsort(l.list.items, l.list.n, sizeof *l.list.items, by_set_and_text);
	return l;
}

static struct set_change *set_change(struct change *c, struct str set)
{
	bool added;
	struct map_entry *e = map_put(c->cx->arena, &c->sets, set, &added);
	if (added) {
		struct set_change *s = arena_new_object(c->cx->arena, struct set_change);
		s->set = set;
		buf_memory(&s->again);
		buf_memory(&s->del);
		buf_memory(&s->add);
		e->ptr = s;
	}
	return e->ptr;
}

static void put_change(struct buf *b, struct str text)
{
	buf_str(b, b->n ? STR(",\n\t") : STR("\n\t"));
	buf_str(b, text);
}

static void take_element(struct change *c, const struct element *e)
{
	struct set_change *s = set_change(c, e->set);
	if (e->valid_until_ms)
		put_change(&s->again, e->text);
	put_change(&s->del, e->text);
}

static void give_element(struct change *c, const struct element *e)
{
	struct set_change *s = set_change(c, e->set);
	put_change(&s->add, e->text);
	put_timeout(c->after, e->valid_until_ms, &s->add);
}

/* Past the elements that are the same as e: a projection of several tuples names one twice. */
static void pass_equal(const struct element_list *l, uint32_t *at, const struct element *e)
{
	while (*at < l->list.n && by_set_and_text(&l->list.items[*at], e) == 0)
		++*at;
}

static void compare_elements(struct change *c, const struct nft_port *old,
			     const struct nft_port *new)
{
	struct element_list x = port_elements(c, c->before, old);
	struct element_list y = port_elements(c, c->after, new);
	uint32_t i = 0, j = 0;
	while (i < x.list.n || j < y.list.n) {
		const struct element *p = i < x.list.n ? &x.list.items[i] : NULL;
		const struct element *q = j < y.list.n ? &y.list.items[j] : NULL;
		int d = !p ? 1 : !q ? -1 : by_set_and_text(p, q);
		const struct element *e = d <= 0 ? p : q;
		bool renewed = d == 0 && p->valid_until_ms != q->valid_until_ms;
		if (d < 0 || renewed)
			take_element(c, p);
		if (d > 0 || renewed)
			give_element(c, q);
		pass_equal(&x, &i, e);
		pass_equal(&y, &j, e);
	}
}

static struct str map_target(const struct nft_port *port, enum stage st, enum side s)
{
	uint32_t root = port ? port->program->root[st][s] : 0;
	return root ? port->names[root - 1] : STR("");
}

static void compare_maps(struct change *c, const struct nft_port *old, const struct nft_port *new)
{
	struct str t = c->after->table, key = old ? old->key : new->key;
	for (enum stage st = 0; st < STAGES; st++)
		for (enum side s = 0; s < SIDES; s++) {
			struct str from = map_target(old, st, s), to = map_target(new, st, s);
			if (str_eq(from, to))
				continue;
			if (from.len)
				buf_printf(&c->unmap, "delete element bridge %.*s %s.%s { %.*s }\n",
					   STR_ARG(t), stage_names[st], side_names[s],
					   STR_ARG(key));
			if (to.len)
				buf_printf(&c->remap,
					   "add element bridge %.*s %s.%s { %.*s : goto %.*s }\n",
					   STR_ARG(t), stage_names[st], side_names[s], STR_ARG(key),
					   STR_ARG(to));
		}
}

/* --- chains --- */

static void renew_chain(struct change *c, struct str name)
{
	buf_printf(&c->flush, "add chain bridge %.*s %.*s\nflush chain bridge %.*s %.*s\n",
		   STR_ARG(c->after->table), STR_ARG(name), STR_ARG(c->after->table),
		   STR_ARG(name));
}

static void drop_chain(struct change *c, struct str name)
{
	buf_printf(&c->flush, "flush chain bridge %.*s %.*s\n", STR_ARG(c->after->table),
		   STR_ARG(name));
	buf_printf(&c->drop, "delete chain bridge %.*s %.*s\n", STR_ARG(c->after->table),
		   STR_ARG(name));
}

static bool name_in(const struct str *names, uint32_t n, struct str name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

/* Chains that one had and the other has not, or has with other lines. */
static void compare_chains(struct change *c, const struct str *old, uint32_t nold,
			   const struct str *new, uint32_t nnew)
{
	for (uint32_t i = 0; i < nold; i++)
		if (!name_in(new, nnew, old[i]))
			drop_chain(c, old[i]);
	for (uint32_t i = 0; i < nnew; i++)
		renew_chain(c, new[i]);
}

/* Is the set in the model's script? Written out, products need no sets of values. */
static bool set_in(const struct nft_model *m, struct str name)
{
	const struct map_entry *e = map_find(&m->set_index, name);
	if (!e)
		return false;
	const struct nft_set *s = &m->sets.items[e->num];
	return !m->cx->options.expand || s->dynamic || s->pairs || s->expanded;
}

static void drop_set(struct change *c, struct str name)
{
	buf_printf(&c->drop_sets, "delete set bridge %.*s %.*s\n", STR_ARG(c->after->table),
		   STR_ARG(name));
}

/* Sets to count in belong to the code that counts. */
static void drop_limits(struct change *c, const uint32_t *limits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct str name = c->before->sets.items[limits[i]].name;
		if (!set_in(c->after, name))
			drop_set(c, name);
	}
}

static void compare_port(struct change *c, const struct nft_port *old, struct nft_port *new)
{
	bool was = old && old->own, is = new &&new->own;
	compare_elements(c, old, new);
	compare_maps(c, old, new);
	if (was || is)
		compare_chains(c, was ? old->names : NULL, was ? old->program->chains.n : 0,
			       is ? new->names : NULL, is ? new->program->chains.n : 0);
	if (is)
		put_own_chains(c->after, new, &c->code);
	if (old)
		drop_limits(c, old->limits.items, old->limits.n);
}

static void compare_ports(struct change *c)
{
	bool added;
	bool *seen = arena_new_array(c->cx->arena, bool, c->before->nports + 1);
	for (uint32_t i = 0; i < c->before->nports; i++)
		map_put(c->cx->arena, &c->old_ports, c->before->ports[i].pd->port->name, &added)
			->num = i;
	for (uint32_t i = 0; i < c->after->nports; i++) {
		struct nft_port *new = &c->after->ports[i];
		const struct map_entry *e = map_find(&c->old_ports, new->pd->port->name);
		const struct nft_port *old = e ? &c->before->ports[e->num] : NULL;
		if (e)
			seen[e->num] = true;
		if (!old || !same_port(c, old, new))
			compare_port(c, old, new);
	}
	for (uint32_t i = 0; i < c->before->nports; i++)
		if (!seen[i])
			compare_port(c, &c->before->ports[i], NULL);
}

/* Code that changed is replaced; changed code that nobody shares any more goes. */
static void compare_programs(struct change *c)
{
	for (uint32_t i = 0; i < c->after->nprograms; i++) {
		struct nft_program *new = &c->after->programs[i];
		const struct nft_program *old = find_program(c->before, new->program->name);
		bool was = old && old->shared, same = same_code(c, old, new);
		if (new->shared ? !was || !same : was && !same)
			compare_chains(c, was ? old->names : NULL, was ? old->chains.n : 0,
				       new->shared ? new->names : NULL,
				       new->shared ? new->chains.n : 0);
		if (new->shared && !(was && same))
			put_chains(c->after, new, &c->code);
		if (old && !same)
			drop_limits(c, old->limits.items, old->limits.n);
	}
}

/* --- sets, base chains and what is gone --- */

static void declare_sets(struct change *c, struct buf *out)
{
	vec_each (s, &c->after->sets)
		if (!set_in(c->before, s->name) && set_in(c->after, s->name)) {
			put_set_head(s, out);
			put_constant_elements(s, out);
		}
}

static bool program_gone(const struct change *c)
{
	for (uint32_t i = 0; i < c->before->nprograms; i++)
		if (!find_program(c->after, c->before->programs[i].program->name))
			return true;
	return false;
}

static void compare_stages(struct change *c, struct buf *declare)
{
	for (enum stage st = 0; st < STAGES; st++)
		for (enum side s = 0; s < SIDES; s++) {
			bool was = stage_used(c->before, st, s), is = stage_used(c->after, st, s);
			struct str t = c->after->table;
			const char *stage = stage_names[st], *side = side_names[s];
			if (is && !was) {
				buf_printf(declare,
					   "\tmap %s.%s {\n\t\ttypeof iifname : verdict\n\t}\n",
					   stage, side);
				put_base_chain(c->after, st, s, &c->code);
			}
			if (was && !is && program_gone(c)) {
				drop_chain(c, str_printf(c->cx->arena, "%s.%s", stage, side));
				buf_printf(&c->drop_sets, "delete map bridge %.*s %s.%s\n",
					   STR_ARG(t), stage, side);
			}
		}
}

static void drop_gone(struct change *c)
{
	bool gone = program_gone(c);
	for (uint32_t i = 0; gone && i < c->before->nprograms; i++) {
		const struct nft_program *old = &c->before->programs[i];
		const struct nft_program *new = find_program(c->after, old->program->name);
		if (old->shared && !(new &&new->shared))
			compare_chains(c, old->names, old->chains.n, NULL, 0);
		if (!new)
			drop_limits(c, old->limits.items, old->limits.n);
	}
	for (uint32_t i = 0; gone && i < c->before->sets.n; i++) {
		const struct nft_set *s = &c->before->sets.items[i];
		if (!set_in(c->after, s->name) && set_in(c->before, s->name) && !s->dynamic)
			drop_set(c, s->name);
	}
}

/* --- the script --- */

static void put_block(const struct change *c, const struct buf *b, struct buf *out)
{
	if (!b->n)
		return;
	buf_printf(out, "table bridge %.*s {\n", STR_ARG(c->after->table));
	buf_put(out, b->data, b->n);
	buf_lit(out, "}\n");
}

static void put_elements(const struct change *c, const char *verb, struct str set, struct buf *b,
			 struct buf *out)
{
	if (b->n) {
		buf_printf(out, "%s element bridge %.*s %.*s {", verb, STR_ARG(c->after->table),
			   STR_ARG(set));
		buf_put(out, b->data, b->n);
		buf_lit(out, "\n}\n");
	}
	buf_drop(b);
}

static void put_element_changes(struct change *c, struct buf *out)
{
	map_each (e, &c->sets) {
		struct set_change *s = e->ptr;
		put_elements(c, "add", s->set, &s->again, out);
		put_elements(c, "delete", s->set, &s->del, out);
		put_elements(c, "add", s->set, &s->add, out);
	}
}

static void write_change(struct change *c, struct buf *out)
{
	struct buf declare, elements, *parts[] = {&c->unmap, &c->flush, NULL,         &elements,
						  &c->remap, &c->drop,  &c->drop_sets};
	buf_memory(&declare);
	buf_memory(&elements);
	compare_programs(c);
	compare_ports(c);
	drop_gone(c);
	declare_sets(c, &declare);
	compare_stages(c, &declare);
	buf_put(&declare, c->code.data, c->code.n);
	put_element_changes(c, &elements);
	buf_printf(out, "# nwfc %s: a change, to be loaded on top of what it was made from\n",
		   c->cx->options.version ? c->cx->options.version : "");
	bool any = declare.n;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (!parts[i]) {
			put_block(c, &declare, out);
			continue;
		}
		any |= parts[i]->n > 0;
		buf_put(out, parts[i]->data, parts[i]->n);
	}
	if (!any)
		buf_lit(out, "# nothing differs\n");
	buf_drop(&declare);
	buf_drop(&elements);
}

/* The earlier build was compiled before; its findings are told only when it can not be had. */
static struct nft_model *lower_before(struct emit_ctx *cx, const struct build *b)
{
	struct diags *quiet = arena_new_object(cx->arena, struct diags);
	struct emit_ctx *bx = arena_new_object(cx->arena, struct emit_ctx);
	*quiet = (struct diags){.arena = cx->arena, .sources = cx->diags->sources, .max = 1};
	*bx = *cx;
	bx->diags = quiet;
	bx->options.leases = cx->options.leases_before;
	for (int l = 0; l < LOSSES; l++)
		bx->options.allow_loss[l] = true;
	struct nft_model *m = nft_lower(bx, b);
	return m ? m : nft_lower(cx, b);
}

/* The table of networks is small: where anything in it differs it is made anew. */
static void change_networks(struct change *c, struct buf *out)
{
	struct buf old, new;
	buf_memory(&old);
	buf_memory(&new);
	if (c->before->networks)
		net_nft_emit(c->cx, c->before->networks, &old);
	if (c->before->networks || c->after->networks)
		net_nft_emit(c->cx, c->after->networks, &new);
	if (old.n != new.n || memcmp(old.data, new.data, old.n) != 0)
		buf_put(out, new.data, new.n);
	buf_drop(&old);
	buf_drop(&new);
}

/* So is that of macvtaps, whose base chains can get no other devices. */
static void change_direct(struct change *c, struct buf *out)
{
	struct buf old, new;
	struct str t = c->after->table;
	buf_memory(&old);
	buf_memory(&new);
	if (c->before->direct)
		nft_emit_table(c->cx, c->before->direct, &old);
	if (c->after->direct)
		nft_emit_table(c->cx, c->after->direct, &new);
	else if (c->before->direct)
		buf_printf(&new, "delete table netdev %.*s\n", STR_ARG(t));
	if (old.n != new.n || memcmp(old.data, new.data, old.n) != 0)
		buf_put(out, new.data, new.n);
	buf_drop(&old);
	buf_drop(&new);
}

/* A set can not get another flag while rules look into it: then all is made anew. */
static bool flags_differ(const struct change *c)
{
	vec_each (s, &c->after->sets) {
		const struct map_entry *e = map_find(&c->before->set_index, s->name);
		if (e && c->before->sets.items[e->num].timeout != s->timeout)
			return true;
	}
	return false;
}

bool nft_change(struct emit_ctx *cx, const struct build *before, const struct build *after,
		struct buf *out)
{
	struct change c = {.cx = cx, .before = lower_before(cx, before)};
	c.after = c.before ? nft_lower(cx, after) : NULL;
	if (!c.after)
		return false;
	if (flags_differ(&c)) {
		nft_emit(cx, c.after, out);
		return true;
	}
	struct buf *bufs[] = {&c.unmap, &c.flush,     &c.code,   &c.remap,
			      &c.drop,  &c.drop_sets, &c.scratch};
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_memory(bufs[i]);
	c.signs[0] = sign_programs(c.before);
	c.signs[1] = sign_programs(c.after);
	write_change(&c, out);
	change_networks(&c, out);
	change_direct(&c, out);
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_drop(bufs[i]);
	return true;
}
