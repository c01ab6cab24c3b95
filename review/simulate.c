/* SPDX-License-Identifier: MIT */
/*
 * One packet through a program. What a test says of a packet that lacks its field: it does not
 * hold, and neither does its negation.
 *
 * A rule holds when there is a row for each of its dimensions with which all tests
 * hold. Tests share rows only where they share dimensions, so each such
 * group of tests finds its rows by itself.
 *
 * Unknowns are asked last, so that a rule that does not hold anyway leaves nothing open.
 */
#include "review/simulate.h"

const char *const verdict_names[] = {"pass", "drop", "reject"};

/* An attribute has at most one dimension, and no protocol as many attributes. */
#define MAX_DIMS 64

/* A rule being held against a packet. */
struct trial {
	const struct prule *r;
	const struct port_data *pd;
	const struct packet *p;
	bool ask;   /* unknowns are asked; else they are taken to hold */
	uint32_t n; /* tests behind these are not looked at */
	uint32_t row[MAX_DIMS];
	struct arena *arena; /* may be NULL */
	struct walk *w;      /* where unknowns that were asked are kept */
};

static const struct value *operand(const struct trial *t, const struct slot *s)
{
	return slot_value(s, t->r, t->pd, t->row);
}

/* --- one test, rows being chosen ----------------------------------------------------- */

static bool in_range(const struct trial *t, const struct ptest *x, enum var_id v, u128 is)
{
	const struct value *value = operand(t, &x->value), *to = operand(t, &x->to),
			   *mask = operand(t, &x->mask);
	u128 want = value ? value_number(value) : 0;
	if (mask) {
		uint32_t prefix = value_prefix(mask), bits = vars[v].bits;
		return prefix == 0 || (prefix <= bits && (is ^ want) >> (bits - prefix) == 0);
	}
	return to ? want <= is && is <= value_number(to) : is == want;
}

/* Was it given? What was not is false, and remembered. */
static bool answer(const struct trial *t, struct buf *question)
{
	struct str text = {question->data, (uint32_t)question->n};
	bool holds = false, known = false;
	vec_each (u, &t->p->unknowns)
		holds |= str_eq(*u, text);
	if (!holds)
		t->w->uncertain = true;
	vec_each (q, &t->w->asked)
		known |= str_eq(*q, text);
	if (!holds && !known && t->arena)
		*vec_push(t->arena, &t->w->asked) = str_copy(t->arena, text);
	buf_drop(question);
	return holds;
}

static bool is_unknown(const struct ptest *x)
{
	return x->field == F_IPSET || x->field == F_CT_COUNT;
}

static bool unknown_holds(const struct trial *t, const struct ptest *x)
{
	struct buf b;
	if (!t->ask)
		return !x->negated; /* the negation is applied to it */
	buf_memory(&b);
	if (x->field == F_IPSET)
		question_ipset(&b, operand(t, &x->value), operand(t, &x->mask));
	else
		question_count(&b, operand(t, &x->value));
	return answer(t, &b);
}

static bool flags_hold(const struct trial *t, const struct ptest *x)
{
	uint32_t u = operand(t, &x->value)->u;
	return ((uint32_t)t->p->v[V_TCP_FLAGS] & (u >> 8 & 0xff)) == (u & 0xff);
}

static bool option_holds(const struct trial *t, const struct ptest *x)
{
	uint32_t kind = operand(t, &x->value)->u & 0xff;
	return t->p->tcp_options[kind / 64] >> (kind % 64) & 1;
}

static bool is_frame_ip6(const struct prule *r)
{
	return r->proto->layer == LAYER_FRAME && r->proto->family == 6;
}

/* What ebt_ip6.c takes for the protocol of a packet. */
static u128 frame_ip6_protocol(const struct packet *p)
{
	return p->v[V_FRAGMENT] ? 44 : p->v[V_NET_PROTO];
}

/* Does the packet have what is asked for? */
static bool can_ask(const struct trial *t, const struct ptest *x)
{
	switch (x->field) {
	case F_TCP_FLAGS:
	case F_TCP_OPTION:
		return packet_meets(t->p, C_TCP);
	case F_ARP_GRATUITOUS:
		return packet_meets(t->p, C_ARP_IP);
	case F_IPSET:
	case F_CT_COUNT:
		return true;
	case F_NET_PROTO:
		/* behind "no next header" ebt_ip6.c finds none */
		if (is_frame_ip6(t->r) && frame_ip6_protocol(t->p) == 59)
			return false;
		break;
	default:
		break;
	}
	return packet_has(t->p, var_of_field(x->field, t->r->proto->family));
}

/* The test without its negation, of a packet that has the field. */
static bool compares(const struct trial *t, const struct ptest *x)
{
	enum var_id v;
	switch (x->field) {
	case F_TCP_FLAGS:
		return flags_hold(t, x);
	case F_TCP_OPTION:
		return option_holds(t, x);
	case F_ARP_GRATUITOUS:
		return t->p->v[V_ARP_SPA] == t->p->v[V_ARP_TPA];
	case F_IPSET:
	case F_CT_COUNT:
		return unknown_holds(t, x);
	default:
		v = var_of_field(x->field, t->r->proto->family);
		return in_range(t, x, v,
				v == V_NET_PROTO && is_frame_ip6(t->r) ? frame_ip6_protocol(t->p)
								       : t->p->v[v]);
	}
}

/* A type and a code that are both negated: this is the type. */
static bool begins_pair(const struct prule *r, uint32_t i)
{
	const struct ptest *x = &r->tests.items[i];
	return i + 1 < r->tests.n && x[0].field == F_ICMP_TYPE && x[1].field == F_ICMP_CODE &&
	       x[0].negated && x[1].negated;
}

static bool ends_pair(const struct prule *r, uint32_t i)
{
	return i > 0 && begins_pair(r, i - 1);
}

static bool test_holds(const struct trial *t, uint32_t i)
{
	const struct ptest *x = &t->r->tests.items[i];
	if (!can_ask(t, x))
		return false;
	if (begins_pair(t->r, i))
		return !(compares(t, &x[0]) && compares(t, &x[1]));
	return ends_pair(t->r, i) || compares(t, x) != x->negated;
}

/* --- rows ---------------------------------------------------------------------------- */

/* Dimensions as bits. */
static uint64_t slot_dim(const struct slot *s)
{
	return s->kind == SLOT_DIM ? (uint64_t)1 << s->dim : 0;
}

static uint64_t own_dims(const struct ptest *x)
{
	return slot_dim(&x->value) | slot_dim(&x->to) | slot_dim(&x->mask);
}

/* The dimensions that a test looks at; those of a pair both halves do. */
static uint64_t test_dims(const struct prule *r, uint32_t i)
{
	const struct ptest *x = &r->tests.items[i];
	return own_dims(x) | (begins_pair(r, i) ? own_dims(&x[1]) : 0) |
	       (ends_pair(r, i) ? own_dims(&x[-1]) : 0);
}

/* A dimension, and all those that tests tie to it. */
static uint64_t group_of(const struct prule *r, uint32_t d)
{
	uint64_t group = (uint64_t)1 << d;
	for (uint64_t before = 0; before != group;) {
		before = group;
		for (uint32_t i = 0; i < r->tests.n; i++)
			if (test_dims(r, i) & group)
				group |= test_dims(r, i);
	}
	return group;
}

static bool next_rows(struct trial *t, uint64_t group)
{
	for (uint32_t d = 0; d < t->r->dims.n; d++) {
		if (!(group >> d & 1))
			continue;
		if (++t->row[d] < prule_rows(t->r, t->pd, d))
			return true;
		t->row[d] = 0;
	}
	return false;
}

/* With the rows chosen, or none chosen (group 0). */
static bool group_row_holds(const struct trial *t, uint64_t group)
{
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t dims = test_dims(t->r, i);
		bool looks = group ? (dims & group) != 0 : !dims;
		if (looks && !t->r->tests.items[i].none && !test_holds(t, i))
			return false;
	}
	return true;
}

static bool group_holds(struct trial *t, uint64_t group)
{
	bool found = false, more = true;
	for (uint32_t d = 0; d < t->r->dims.n; d++)
		if (group >> d & 1 && !prule_rows(t->r, t->pd, d))
			return false;
	for (; more && !found; more = next_rows(t, group))
		found = group_row_holds(t, group);
	memset(t->row, 0, sizeof t->row);
	return found;
}

/* None of the rows: what a negated list means. */
static bool none_holds(struct trial *t, const struct ptest *x)
{
	bool found = false, more = true;
	for (; more && !found; more = next_rows(t, own_dims(x)))
		found = compares(t, x);
	memset(t->row, 0, sizeof t->row);
	return !found && can_ask(t, x);
}

/* The first t->n tests. */
static bool tests_hold(struct trial *t)
{
	if (!group_row_holds(t, 0))
		return false;
	for (uint32_t d = 0; d < t->r->dims.n; d++) {
		uint64_t group = group_of(t->r, d);
		if (!(group & (((uint64_t)1 << d) - 1)) && !group_holds(t, group))
			return false;
	}
	for (uint32_t i = 0; i < t->n; i++)
		if (t->r->tests.items[i].none && !none_holds(t, &t->r->tests.items[i]))
			return false;
	return true;
}

/* --- a rule -------------------------------------------------------------------------- */

#define BRIDGE_GROUP 0x0180c2000000u

static bool proto_holds(const struct proto *proto, const struct packet *p)
{
	if (proto->ethertype && p->v[V_ETHER_TYPE] != proto->ethertype)
		return false;
	if (proto_id(proto) == PROTO_STP && p->v[V_ETHER_DADDR] != BRIDGE_GROUP)
		return false;
	return proto->ipproto < 0 || p->v[V_NET_PROTO] == (u128)proto->ipproto;
}

static bool states_hold(const struct prule *r, const struct packet *p)
{
	static const uint8_t bits[8] = {[CTC_NEW] = CT_NEW,
					[CTC_ESTABLISHED] = CT_ESTABLISHED,
					[CTC_RELATED] = CT_RELATED,
					[CTC_INVALID] = CT_INVALID};
	if (r->ct_states && !(r->ct_states & bits[p->v[V_CT_STATE] & 7]))
		return false;
	return r->ct_dir == CT_DIR_ANY ||
	       (packet_meets(p, C_TRACKED) && p->v[V_CT_REPLY] == (r->ct_dir == CT_DIR_REPLY));
}

/* The first test with which the tests up to it do not hold together. */
static const struct ptest *first_failure(struct trial *t)
{
	for (t->n = 1; t->n < t->r->tests.n && tests_hold(t); t->n++)
		;
	return t->r->tests.n ? &t->r->tests.items[t->n - 1] : NULL;
}

/* failed may be NULL. */
static bool try_rule(struct arena *a, const struct prule *r, const struct port_data *pd,
		     const struct packet *p, const struct ptest **failed, struct walk *w)
{
	struct trial t = {.r = r, .pd = pd, .p = p, .n = r->tests.n, .arena = a, .w = w};
	bool unknown = false;
	if (failed)
		*failed = NULL;
	if (!proto_holds(r->proto, p) || !states_hold(r, p))
		return false;
	bool holds = tests_hold(&t);
	for (uint32_t i = 0; i < r->tests.n; i++)
		unknown |= is_unknown(&r->tests.items[i]);
	if (holds && unknown) {
		t.ask = true;
		holds = tests_hold(&t);
	}
	if (!holds && failed)
		*failed = first_failure(&t);
	return holds;
}

bool rule_holds(const struct prule *r, const struct port_data *pd, const struct packet *p,
		const struct ptest **failed)
{
	struct walk w = {0};
	return try_rule(NULL, r, pd, p, failed, &w);
}

/* --- the walk ------------------------------------------------------------------------ */

struct walker {
	struct arena *arena; /* NULL: no steps are wanted */
	const struct port_data *pd;
	const struct part *part;
	const struct packet *p;
	struct walk *w;
	enum layer layer;
};

static void note(struct walker *k, enum step_kind kind, const struct pchain *chain,
		 const struct prule *rule, const struct ptest *failed)
{
	if (k->arena)
		*vec_push(k->arena, &k->w->steps) = (struct step){.kind = kind,
								  .layer = k->layer,
								  .chain = chain,
								  .rule = rule,
								  .failed = failed};
}

enum on { ON_NEXT, ON_BACK, ON_DONE };

/* What a rule's verdict means to the walk. */
static enum on follow(struct walker *k, const struct prule *r, bool root)
{
	switch (r->verdict) {
	case ACTION_CONTINUE:
		return ON_NEXT;
	case ACTION_RETURN:
		if (!root)
			return ON_BACK;
		break;
	case ACTION_REJECT: /* of frames there is none */
		k->w->verdict = k->layer == LAYER_PACKET ? VERDICT_REJECT : VERDICT_DROP;
		break;
	case ACTION_DROP:
		k->w->verdict = VERDICT_DROP;
		break;
	default:
		break;
	}
	k->w->decider = k->w->deciders[k->layer] = r;
	return ON_DONE;
}

static enum on walk_rule(struct walker *k, const struct pchain *chain, const struct prule *r,
			 bool root)
{
	const struct ptest *failed = NULL;
	bool holds = try_rule(k->arena, r, k->pd, k->p, k->arena ? &failed : NULL, k->w);
	note(k, holds ? STEP_HIT : STEP_MISS, chain, r, failed);
	return holds ? follow(k, r, root) : ON_NEXT;
}

static bool jump_holds(const struct chain_prefix *x, const struct packet *p)
{
	if (x->stp)
		return p->v[V_ETHER_DADDR] == BRIDGE_GROUP;
	return !x->ethertype || p->v[V_ETHER_TYPE] == x->ethertype;
}

static enum on walk_chain(struct walker *k, uint32_t index);

static enum on walk_item(struct walker *k, const struct pchain *c, const struct pitem *item,
			 bool root)
{
	if (item->kind == ITEM_RULE)
		return walk_rule(k, c, item->rule, root);
	if (!jump_holds(k->part->chains.items[item->chain].prefix, k->p))
		return ON_NEXT;
	return walk_chain(k, item->chain) == ON_DONE ? ON_DONE : ON_NEXT;
}

static enum on walk_chain(struct walker *k, uint32_t index)
{
	const struct pchain *c = &k->part->chains.items[index];
	enum on on = ON_NEXT;
	if (index)
		note(k, STEP_ENTER, c, NULL, NULL);
	for (uint32_t i = 0; i < c->items.n && on == ON_NEXT; i++)
		on = walk_item(k, c, &c->items.items[i], !index);
	if (index && on != ON_DONE)
		note(k, STEP_LEAVE, c, NULL, NULL);
	return on;
}

/* The packet layer sees untagged IPv4 and IPv6 alone. */
static void walk_layer(struct walker *k, enum layer layer)
{
	enum on on = ON_NEXT;
	k->layer = layer;
	if (k->w->verdict != VERDICT_PASS || (layer == LAYER_PACKET && !packet_meets(k->p, C_IP)))
		return;
	note(k, STEP_LAYER, NULL, NULL, NULL);
	if (layer == LAYER_FRAME)
		on = k->part->chains.n ? walk_chain(k, 0) : ON_NEXT;
	else
		for (uint32_t i = 0; i < k->part->packet.n && on == ON_NEXT; i++)
			on = walk_rule(k, NULL, k->part->packet.items[i], true);
	if (on != ON_DONE)
		note(k, STEP_END, NULL, NULL, NULL);
}

struct walk simulate(struct arena *a, const struct port_data *pd, const struct packet *p)
{
	struct walk w = {.verdict = VERDICT_PASS};
	struct walker k = {
		.arena = a, .pd = pd, .part = &pd->program->parts[p->side], .p = p, .w = &w};
	enum layer first = p->side == SIDE_OUT ? LAYER_FRAME : LAYER_PACKET;
	walk_layer(&k, first);
	walk_layer(&k, first == LAYER_FRAME ? LAYER_PACKET : LAYER_FRAME);
	return w;
}
