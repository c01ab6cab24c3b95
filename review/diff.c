/* SPDX-License-Identifier: MIT */
#include "review/diff.h"

struct differ {
	struct space *sp;
	const struct port_data *port[VERSIONS];
	struct side_meaning *m[VERSIONS]; /* of the packets that are treated differently */
	enum side side;
	struct changes *out;
};

static pset of_verdict(const struct side_meaning *m, enum verdict v)
{
	return v == VERDICT_PASS ? m->passed : v == VERDICT_DROP ? m->dropped : m->rejected;
}

/* The verdict of a rule that decides about packets. */
static enum verdict rule_verdict(const struct rule_meaning *r)
{
	if (r->rule->verdict == ACTION_REJECT && r->layer == LAYER_PACKET)
		return VERDICT_REJECT;
	return r->rule->verdict == ACTION_DROP || r->rule->verdict == ACTION_REJECT ? VERDICT_DROP
										    : VERDICT_PASS;
}

static enum layer layer_at(enum side side, int position)
{
	return (side == SIDE_OUT) == (position == 0) ? LAYER_FRAME : LAYER_PACKET;
}

static void add_change(struct differ *d, const struct change *proto, pset packets)
{
	if (packets == PSET_NONE || sets_failed(d->sp->sets))
		return;
	struct change *c = vec_push(d->sp->arena, &d->out->list);
	*c = *proto;
	struct packet usual = usual_packet(d->port[NOW], d->side);
	c->packets = packets;
	c->uncertain = space_uncertain(d->sp, packets);
	pset sayable = space_sayable(d->sp, packets);
	c->witness = space_witness(d->sp, sayable == PSET_NONE ? packets : sayable, &usual);
}

/*
 * Each rule of a version that gives the verdict of proto, in its layer, takes its share of the
 * packets, with which `fn` is called. What is left is returned.
 */
static pset share_out(struct differ *d, struct change proto, int version, pset packets,
		      void (*fn)(struct differ *, const struct change *, pset))
{
	vec_each (r, &d->m[version]->rules) {
		if (packets == PSET_NONE)
			break;
		if (r->layer != proto.layer || rule_verdict(r) != proto.verdict[version])
			continue;
		pset mine = pset_and(d->sp->sets, packets, r->decides);
		if (mine == PSET_NONE)
			continue;
		proto.rule[version] = r->rule;
		fn(d, &proto, mine);
		packets = pset_minus(d->sp->sets, packets, mine);
	}
	return packets;
}

/* The version whose rule is looked for first: the one that drops or rejects. */
static int dropper(const struct change *c)
{
	return c->verdict[NOW] == VERDICT_PASS ? BEFORE : NOW;
}

/* By the rule that the other version has for them. What no rule decides about passed at the end. */
static void split_by_other(struct differ *d, const struct change *proto, pset packets)
{
	struct change rest = *proto;
	int other = !dropper(proto);
	packets = share_out(d, *proto, other, packets, add_change);
	rest.rule[other] = NULL;
	add_change(d, &rest, packets);
}

/* Layer by layer as packets meet them. */
static void split_by_dropper(struct differ *d, struct change proto, pset packets)
{
	for (int i = 0; i < 2; i++) {
		proto.layer = layer_at(d->side, i);
		packets = share_out(d, proto, dropper(&proto), packets, split_by_other);
	}
}

static void diff_side(struct differ *d)
{
	static const struct {
		enum verdict before, now;
	} kinds[] = {{VERDICT_DROP, VERDICT_PASS},   {VERDICT_REJECT, VERDICT_PASS},
		     {VERDICT_PASS, VERDICT_DROP},   {VERDICT_PASS, VERDICT_REJECT},
		     {VERDICT_DROP, VERDICT_REJECT}, {VERDICT_REJECT, VERDICT_DROP}};
	const struct side_meaning *old = d->m[BEFORE], *new = d->m[NOW];
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct change proto = {.side = d->side, .verdict = {kinds[i].before, kinds[i].now}};
		pset both = pset_and(d->sp->sets, of_verdict(old, kinds[i].before),
				     of_verdict(new, kinds[i].now));
		if (both != PSET_NONE)
			split_by_dropper(d, proto, both);
	}
}

static void diff_one_side(struct space *sp, const struct port_data *before,
			  const struct port_data *now, enum side side, struct changes *out)
{
	struct differ d = {.sp = sp, .port = {before, now}, .side = side, .out = out};
	struct verdicts was[VERSIONS];
	struct taken *taken[VERSIONS];
	for (int v = 0; v < VERSIONS; v++) {
		taken[v] = taken_new(sp, d.port[v], side);
		was[v] = verdicts_of(sp, d.port[v], side, taken[v]);
	}
	pset differ = pset_or(sp->sets, pset_xor(sp->sets, was[BEFORE].dropped, was[NOW].dropped),
			      pset_xor(sp->sets, was[BEFORE].rejected, was[NOW].rejected));
	for (int v = 0; v < VERSIONS && differ != PSET_NONE; v++)
		d.m[v] = meaning_within(sp, d.port[v], side, differ, taken[v]);
	if (differ != PSET_NONE)
		diff_side(&d);
	for (int v = 0; v < VERSIONS; v++)
		taken_release(sp, taken[v]);
}

/* The rules behind the verdicts are looked for among the packets that matter alone: mostly few. */
void diff_ports(struct space *sp, const struct port_data *before, const struct port_data *now,
		struct changes *out)
{
	for (int side = 0; side < SIDES; side++)
		diff_one_side(sp, before, now, (enum side)side, out);
}
