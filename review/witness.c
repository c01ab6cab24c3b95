/* SPDX-License-Identifier: MIT */
/*
 * A packet out of a set. Variables are gone through in the order in which the
 * diagram asks for them, so to hold one at a value is mostly a walk down.
 */
#include "review/space.h"

pset space_given(struct space *sp, pset s, enum var_id v, u128 value)
{
	for (uint32_t i = 0; i < vars[v].bits && s > PSET_ALL; i++) {
		bool one = value >> (vars[v].bits - 1u - i) & 1;
		uint32_t bit = sp->bits[v][i], first = pset_first_bit(sp->sets, s);
		if (first == bit)
			s = one ? pset_with(sp->sets, s) : pset_without(sp->sets, s);
		else if (first < bit)
			s = pset_given(sp->sets, s, bit, one);
	}
	return s;
}

bool space_asks(struct space *sp, pset s, enum var_id v)
{
	return pset_asks(sp->sets, s, sp->bits[v], vars[v].bits);
}

/* What is tried before anything: the kinds of packets that people know. */
static const struct {
	uint8_t var;
	uint8_t n;
	uint32_t values[8];
} frequent[] = {
	{V_ETHER_TYPE, 7, {0x0800, 0x86dd, 0x0806, 0x8100, 0x8035, 0x88cc, 0x88b5}},
	{V_NET_PROTO, 8, {6, 17, 1, 58, 2, 132, 47, 50}},
	{V_TCP_FLAGS, 5, {2, 18, 16, 1, 4}},
	{V_ARP_OP, 2, {1, 2}},
	{V_ARP_HTYPE, 1, {1}},
	{V_ARP_PTYPE, 1, {0x0800}},
	{V_ARP_HLEN, 1, {6}},
	{V_ARP_PLEN, 1, {4}},
	{V_VLAN_TYPE, 2, {0x0800, 0x86dd}},
	{V_VLAN_ID, 2, {1, 100}},
	{V_DPORT, 6, {80, 443, 22, 53, 25, 67}},
	{V_SPORT, 3, {40000, 53, 67}},
	{V_ICMP_TYPE, 5, {8, 0, 3, 128, 135}},
	{V_CT_STATE, 5, {CTC_NEW, CTC_ESTABLISHED, CTC_RELATED, CTC_INVALID, CTC_UNTRACKED}},
};

static bool can_be(struct space *sp, pset s, enum var_id v, u128 value)
{
	return space_given(sp, s, v, value) != PSET_NONE;
}

/* As near to a value as can be: its bits from the highest on, another one where it must be. */
static u128 nearest(struct space *sp, pset s, enum var_id v, u128 wish)
{
	u128 value = 0;
	for (uint32_t i = 0; i < vars[v].bits; i++) {
		uint32_t shift = vars[v].bits - 1u - i;
		bool one = wish >> shift & 1;
		pset with = pset_given(sp->sets, s, sp->bits[v][i], one);
		if (with == PSET_NONE) {
			one = !one;
			with = pset_given(sp->sets, s, sp->bits[v][i], one);
		}
		s = with;
		value |= (u128)one << shift;
	}
	return value;
}

static u128 choose(struct space *sp, pset s, enum var_id v, u128 wish)
{
	if (can_be(sp, s, v, wish))
		return wish;
	for (size_t i = 0; i < sizeof frequent / sizeof *frequent; i++)
		for (uint32_t k = 0; frequent[i].var == v && k < frequent[i].n; k++)
			if (can_be(sp, s, v, frequent[i].values[k]))
				return frequent[i].values[k];
	return nearest(sp, s, v, wish);
}

/* Options and unknowns: false where that can be. */
static bool must_hold(struct space *sp, pset *s, uint32_t bit)
{
	pset without = pset_given(sp->sets, *s, bit, false);
	bool must = without == PSET_NONE;
	*s = must ? pset_given(sp->sets, *s, bit, true) : without;
	return must;
}

struct packet space_witness(struct space *sp, pset s, const struct packet *usual)
{
	struct packet p = {.side = usual->side};
	size_t mark = sets_mark(sp->sets);
	for (int v = 0; v < VARS && !sets_failed(sp->sets); v++) {
		/* what is not new does not begin with a SYN */
		bool going_on = v == V_TCP_FLAGS && p.v[V_CT_STATE] != CTC_NEW;
		p.v[v] = choose(sp, s, (enum var_id)v, going_on ? TCP_ACK : usual->v[v]);
		s = space_given(sp, s, (enum var_id)v, p.v[v]);
	}
	for (int k = 0; k < 256; k++)
		if (sp->options[k] != PSET_NONE && must_hold(sp, &s, sp->option_bits[k]))
			p.tcp_options[k / 64] |= (uint64_t)1 << k % 64;
	vec_each (u, &sp->unknowns)
		if (must_hold(sp, &s, u->bit))
			*vec_push(sp->arena, &p.unknowns) = u->text;
	for (int v = 0; v < VARS; v++)
		if (!packet_has(&p, (enum var_id)v))
			p.v[v] = 0;
	sets_release(sp->sets, mark, NULL, 0);
	return p;
}

/* --- the usual packet ------------------------------------------------------------------- */

/* Documentation's addresses (RFC 5737, RFC 3849), for the other end. */
#define OTHER_MAC  ((u128)0x525400000001)
#define OTHER_IP4  ((u128)0xc0000201)
#define OTHER_IP6  ((u128)0x20010db800000000 << 64 | 1)
#define GUEST_IP4  ((u128)0xc0000263)
#define GUEST_IP6  ((u128)0x20010db800000000 << 64 | 0x99)
#define OTHER_PORT 80
#define GUEST_PORT 40000

/* The first value of a type that the port's variables give. */
static u128 port_value(const struct port_data *pd, const char *name, enum value_type type,
		       u128 other)
{
	const struct program *p = pd->program;
	for (uint32_t d = 0; d < p->dims.n; d++)
		for (uint32_t c = 0; c < p->dims.items[d].columns.n && pd->rows[d].n; c++) {
			const struct dim_column *dc = &p->dims.items[d].columns.items[c];
			const struct value *v = &pd->rows[d].values[c];
			if (!dc->constant && str_is(p->columns.items[dc->column].var.name, name) &&
			    v->type == type)
				return value_number(v);
		}
	return other;
}

static void put_ends(struct packet *p, enum var_id source, enum var_id target, u128 guest,
		     u128 other)
{
	bool out = p->side == SIDE_OUT;
	p->v[source] = out ? guest : other;
	p->v[target] = out ? other : guest;
}

struct packet usual_packet(const struct port_data *pd, enum side side)
{
	struct packet p = {.side = side};
	u128 mac = value_number(&pd->port->mac);
	u128 ip4 = port_value(pd, "IP", VT_IP4, GUEST_IP4);
	put_ends(&p, V_ETHER_SADDR, V_ETHER_DADDR, mac, OTHER_MAC);
	put_ends(&p, V_ARP_SHA, V_ARP_THA, mac, OTHER_MAC);
	put_ends(&p, V_ARP_SPA, V_ARP_TPA, ip4, OTHER_IP4);
	put_ends(&p, V_IP4_SADDR, V_IP4_DADDR, ip4, OTHER_IP4);
	put_ends(&p, V_IP6_SADDR, V_IP6_DADDR, port_value(pd, "IPV6", VT_IP6, GUEST_IP6),
		 OTHER_IP6);
	put_ends(&p, V_SPORT, V_DPORT, GUEST_PORT, OTHER_PORT);
	p.v[V_ETHER_TYPE] = 0x0800;
	p.v[V_NET_PROTO] = 6;
	p.v[V_TCP_FLAGS] = 2;
	p.v[V_ARP_HTYPE] = 1;
	p.v[V_ARP_PTYPE] = 0x0800;
	p.v[V_ARP_HLEN] = 6;
	p.v[V_ARP_PLEN] = 4;
	p.v[V_ARP_OP] = 1;
	p.v[V_ICMP_TYPE] = 8;
	p.v[V_VLAN_ID] = 1;
	p.v[V_VLAN_TYPE] = 0x0800;
	return p;
}
