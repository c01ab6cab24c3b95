/* SPDX-License-Identifier: MIT */
/*
 * Rules to chains. Everything that a rule means beyond its own tests is decided
 * here, once for all targets:
 *
 *   - frame rules go to the chain of the filter they are written in, and the
 *     root chain jumps to it at the place that its priority gives it
 *     (lowering-ebtables-iptables 3.6; equal priority: the jump is first);
 *   - an inout frame rule is written from the view of incoming frames, so its
 *     outgoing form has source and destination exchanged (3.3);
 *   - packet rules ignore chains and are ordered by priority alone ([N] of 4.8);
 *     each becomes up to two forms, plain and exchanged, with the connection
 *     states that belong to it (4.2 to 4.7), decided by one table below.
 */
#include "ir/findings.h"
#include "ir/passes.h"

#include <stdlib.h>

const char *const side_names[SIDES] = {"out", "in"};

struct layouter {
	struct pass_ctx *cx;
	const struct bound_tree *bt;
	struct program *out;
	struct dims dims; /* of the program: the tree's, and narrower ones */
};

/* --- tests of one form of a rule --- */

static const struct ptest *find_test(const struct bound_rule *br, enum field_id field)
{
	vec_each (t, &br->tests)
		if (t->field == field)
			return t;
	return NULL;
}

/* A set's directions are exchanged with the packet's: every src becomes dst. */
static void mirror_test(struct ptest *t)
{
	t->field = fields[t->field].mirror;
	if (t->field == F_IPSET) {
		uint32_t n = t->mask.value.u >> 8;
		t->mask.value.u ^= (1u << n) - 1;
	}
}

/* What decides a form but is no test of the packet, and what tests nothing. */
static bool left_out(const struct ptest *t)
{
	bool never_wrong = t->field == F_ARP_GRATUITOUS && !t->value.value.u;
	return t->field == F_COMMENT || t->field == F_CT_STATE || never_wrong;
}

static void use_columns(struct prule *r, uint32_t dim, uint32_t *used)
{
	vec_each (t, &r->tests)
		for (int i = 0; i < 3; i++) {
			const struct slot *s = i == 0 ? &t->value : i == 1 ? &t->to : &t->mask;
			if (s->kind == SLOT_DIM && s->dim == dim)
				used[s->column] = 1;
		}
}

static void renumber(struct prule *r, uint32_t dim, uint32_t new_dim, const uint32_t *new_column)
{
	vec_each (t, &r->tests)
		for (int i = 0; i < 3; i++) {
			struct slot *s = i == 0 ? &t->value : i == 1 ? &t->to : &t->mask;
			if (s->kind == SLOT_DIM && s->dim == dim) {
				s->dim = new_dim;
				s->column = new_column[s->column];
			}
		}
}

/* The dimension with only the used columns; the same one when all are. */
static uint32_t narrow_dim(struct layouter *l, uint32_t full, uint32_t *used)
{
	const struct dim *d = &l->dims.list.items[full];
	struct dim nd = {.constant = true};
	for (uint32_t c = 0; c < d->columns.n; c++)
		if (used[c]) {
			used[c] = nd.columns.n;
			nd.constant &= d->columns.items[c].constant;
			*vec_push(l->cx->arena, &nd.columns) = d->columns.items[c];
		}
	if (nd.columns.n == d->columns.n)
		return full;
	if (nd.constant) {
		const struct value **lists =
			arena_new_array(l->cx->arena, const struct value *, nd.columns.n);
		for (uint32_t c = 0; c < nd.columns.n; c++)
			lists[c] = nd.columns.items[c].values.items;
		nd.const_rows =
			make_rows(l->cx->arena, nd.columns.n, lists, nd.columns.items[0].values.n);
	}
	return dims_intern(l->cx->arena, &l->dims, &nd);
}

/*
 * A form that lost a test (the source MAC of an exchanged rule) must not be
 * repeated for values that it no longer has.
 */
static void keep_used_dims(struct layouter *l, struct prule *r, const struct bound_rule *br)
{
	for (uint32_t i = 0; i < br->dims.n; i++) {
		uint32_t full = br->dims.items[i];
		uint32_t n = l->dims.list.items[full].columns.n, any = 0;
		uint32_t *used = arena_new_array(l->cx->arena, uint32_t, n);
		use_columns(r, i, used);
		for (uint32_t c = 0; c < n; c++)
			any |= used[c];
		if (!any)
			continue;
		uint32_t narrow = narrow_dim(l, full, used);
		if (narrow == full)
			for (uint32_t c = 0; c < n; c++)
				used[c] = c;
		renumber(r, i, r->dims.n, used);
		*vec_push(l->cx->arena, &r->dims) = narrow;
	}
}

/* --- forms --- */

struct form {
	bool present, mirrored;
	uint8_t states;
	enum ct_direction dir;
};

static struct prule *make_rule(struct layouter *l, const struct bound_rule *br,
			       const struct form *f)
{
	struct prule *r = arena_new_object(l->cx->arena, struct prule);
	const struct rule *src = br->from->rule;
	const struct ptest *comment = find_test(br, F_COMMENT);
	*r = (struct prule){.source = src,
			    .path = br->from->path,
			    .proto = src->proto,
			    .verdict = src->action,
			    .mirrored = f->mirrored,
			    .ct_states = f->states,
			    .ct_dir = f->dir};
	if (comment)
		r->comment = comment->value.value.text;
	vec_each (t, &br->tests) {
		bool lost = f->mirrored && t->field == F_ETHER_SADDR &&
			    src->proto->layer == LAYER_PACKET;
		if (lost || left_out(t))
			continue;
		struct ptest *pt = vec_push(l->cx->arena, &r->tests);
		*pt = *t;
		if (f->mirrored)
			mirror_test(pt);
		bool variable = pt->value.kind == SLOT_DIM || pt->to.kind == SLOT_DIM;
		l->out->has_negated_dim |= pt->negated && pt->value.kind == SLOT_DIM;
		l->out->has_variable_range |= variable && pt->to.kind != SLOT_NONE;
	}
	keep_used_dims(l, r, br);
	return r;
}

/* Is the source MAC all that this rule tests of the packet itself (4.6)? */
static bool only_source_mac(const struct bound_rule *br)
{
	bool mac = false;
	vec_each (t, &br->tests) {
		bool packet = !left_out(t) && t->field != F_IPSET && t->field != F_CT_COUNT;
		mac |= t->field == F_ETHER_SADDR;
		if (packet && t->field != F_ETHER_SADDR)
			return false;
	}
	return mac;
}

/*
 * The two forms of a packet rule. The plain one is that of its own direction;
 * inout is written from the view of incoming packets, as in frames.
 *
 *                        plain side            other side, exchanged
 *   accept, stateful     new,established orig  established reply
 *   state given          those states          none (inout: those states)
 *   typed ICMP           no ct direction       none (inout: plain again)
 *   connection limit     no states, if accept  none (typed inout: plain again)
 *   all else             no states             no states
 */
static void packet_forms(const struct bound_rule *br, struct form forms[SIDES])
{
	const struct rule *src = br->from->rule;
	const struct ptest *state = find_test(br, F_CT_STATE);
	bool inout = src->direction == DIR_INOUT;
	bool typed = find_test(br, F_ICMP_TYPE), limit = find_test(br, F_CT_COUNT);
	bool given = state && src->statematch;
	bool stateful =
		src->action == ACTION_ACCEPT && src->statematch && !inout && !state && !limit;
	enum side own = src->direction == DIR_OUT ? SIDE_OUT : SIDE_IN;
	struct form *plain = &forms[own], *other = &forms[!own];

	*plain = (struct form){.present = true};
	*other = (struct form){.present = inout || !(given || typed), .mirrored = !typed};
	if (given && !(limit && src->action == ACTION_ACCEPT))
		plain->states = other->states = (uint8_t)state->value.value.u;
	if (stateful) {
		plain->states = CT_NEW | CT_ESTABLISHED;
		other->states = CT_ESTABLISHED;
		plain->dir = typed ? CT_DIR_ANY : CT_DIR_ORIGINAL;
		other->dir = CT_DIR_REPLY;
	}
	if (other->mirrored && (limit || only_source_mac(br)))
		other->present = false;
}

/* The one condition that the language itself drops (4.7), so it must be said. */
static void warn_lost_state(struct layouter *l, const struct bound_rule *br)
{
	const struct ptest *state = find_test(br, F_CT_STATE);
	const struct rule *src = br->from->rule;
	if (!state || !src->statematch || src->action != ACTION_ACCEPT ||
	    !find_test(br, F_CT_COUNT))
		return;
	struct finding *f = diag_add(l->cx->diags, FINDING(W409), state->source->span,
				     "an accept with connlimit-above does not test the state");
	diag_hint(l->cx->diags, f, "drop above the limit first, then accept by state");
}

/* --- order --- */

struct order {
	const struct bound_rule *rule;
	int priority;
	uint32_t position;
};

static int by_priority(const void *x, const void *y)
{
	const struct order *a = x, *b = y;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

struct order_list {
	struct order *items;
	uint32_t n;
};

static struct order_list sorted(struct layouter *l, enum layer layer)
{
	struct order_list list = {arena_new_array(l->cx->arena, struct order, l->bt->rules.n + 1),
				  0};
	vec_each (br, &l->bt->rules) {
		const struct rule *r = br->from->rule;
		if (r->proto->layer == layer) {
			list.items[list.n] = (struct order){br, r->priority, list.n};
			list.n++;
		}
	}
	qsort(list.items, list.n, sizeof *list.items, by_priority);
	return list;
}

/* --- packet part --- */

static void lay_packets(struct layouter *l)
{
	struct order_list list = sorted(l, LAYER_PACKET);
	for (struct order *o = list.items; o < list.items + list.n; o++) {
		struct form forms[SIDES];
		packet_forms(o->rule, forms);
		warn_lost_state(l, o->rule);
		for (enum side s = 0; s < SIDES; s++) {
			if (!forms[s].present)
				continue;
			struct prule *r = make_rule(l, o->rule, &forms[s]);
			*vec_push(l->cx->arena, &l->out->parts[s].packet) = r;
			l->out->has_packet[r->proto->family == 6] = true;
			l->out->needs_ct |=
				r->ct_states || r->ct_dir || find_test(o->rule, F_CT_COUNT);
		}
	}
}

/* --- frame part --- */

static int by_chain(const void *x, const void *y)
{
	const struct pchain *a = x, *b = y;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return str_cmp(a->name, b->name);
}

static bool on_side(const struct rule *r, enum side s)
{
	return r->direction == DIR_INOUT || (r->direction == DIR_OUT) == (s == SIDE_OUT);
}

/* The chains that have a rule on this side: root, then by priority and name. */
static void collect_chains(struct layouter *l, const struct order_list *list, enum side s)
{
	struct part *part = &l->out->parts[s];
	struct map used = {0};
	for (uint32_t i = 0; i < list->n; i++)
		if (on_side(list->items[i].rule->from->rule, s))
			map_put(l->cx->arena, &used, list->items[i].rule->from->rule->filter->chain,
				NULL);
	if (!used.entries.n)
		return;
	*vec_push(l->cx->arena, &part->chains) = (struct pchain){.name = STR("root")};
	vec_each (c, &l->bt->tree->chains)
		if (map_find(&used, c->name))
			*vec_push(l->cx->arena, &part->chains) =
				(struct pchain){.name = c->name,
						.prefix = chain_prefix_find(c->name),
						.priority = c->priority};
	qsort(part->chains.items + 1, part->chains.n - 1, sizeof *part->chains.items, by_chain);
}

/* Jumps that come before a root rule of this priority; equal priority: the jump is first. */
static void put_jumps(struct layouter *l, struct part *part, uint32_t *next, int priority)
{
	for (; *next < part->chains.n && part->chains.items[*next].priority <= priority;
	     (*next)++) {
		struct pitem *it = vec_push(l->cx->arena, &part->chains.items[0].items);
		it->kind = ITEM_JUMP;
		it->chain = *next;
	}
}

static struct pchain *chain_of(struct part *part, const struct map *index, struct str name)
{
	const struct map_entry *e = map_find(index, name);
	return &part->chains.items[e ? e->num : 0];
}

static void lay_frames(struct layouter *l, const struct order_list *list, enum side s)
{
	struct part *part = &l->out->parts[s];
	struct map index = {0};
	uint32_t next = 1;
	collect_chains(l, list, s);
	if (!part->chains.n)
		return;
	for (uint32_t i = 1; i < part->chains.n; i++)
		map_put(l->cx->arena, &index, part->chains.items[i].name, NULL)->num = i;
	for (uint32_t i = 0; i < list->n; i++) {
		const struct bound_rule *br = list->items[i].rule;
		const struct rule *src = br->from->rule;
		struct form f = {.present = true,
				 .mirrored = s == SIDE_OUT && src->direction == DIR_INOUT};
		if (!on_side(src, s))
			continue;
		struct pchain *c = chain_of(part, &index, src->filter->chain);
		if (c == part->chains.items)
			put_jumps(l, part, &next, src->priority);
		struct pitem *it = vec_push(l->cx->arena, &c->items);
		it->kind = ITEM_RULE;
		it->rule = make_rule(l, br, &f);
	}
	put_jumps(l, part, &next, PRIORITY_MAX + 1);
}

struct program *layout(struct pass_ctx *cx, const struct bound_tree *bt, struct str name)
{
	struct layouter l = {.cx = cx, .bt = bt};
	struct program *p = l.out = arena_new_object(cx->arena, struct program);
	p->name = name;
	p->top = bt->tree->top;
	memcpy(&p->columns, &bt->columns, sizeof p->columns);
	memcpy(&p->paths, &bt->tree->paths, sizeof p->paths);
	vec_each (d, &bt->dims.list)
		dims_intern(cx->arena, &l.dims, d);
	lay_packets(&l);
	struct order_list frames = sorted(&l, LAYER_FRAME);
	for (enum side s = 0; s < SIDES; s++)
		lay_frames(&l, &frames, s);
	memcpy(&p->dims, &l.dims.list, sizeof p->dims);
	return p;
}

struct str path_text(struct arena *a, const struct program *p, uint32_t path)
{
	const struct ref_path *r = &p->paths.items[path];
	if (!r->parent)
		return r->filter->name;
	return str_printf(a, "%.*s > %.*s", STR_ARG(path_text(a, p, r->parent - 1)),
			  STR_ARG(r->filter->name));
}
