/* SPDX-License-Identifier: MIT */
#include "review/readback/witness.h"

/* Values that packets mostly have: of each row the first that the set allows. */
static const struct liking {
	uint8_t var;
	u128 lo, hi;
} likings[] = {
	{V_FRAGMENT, 0, 0},
	{V_ETHER_TYPE, 0x0800, 0x0800},
	{V_ETHER_TYPE, 0x86dd, 0x86dd},
	{V_ETHER_TYPE, 0x0806, 0x0806},
	{V_ETHER_TYPE, 0x8035, 0x8035},
	{V_ETHER_TYPE, 0x8100, 0x8100},
	{V_NET_PROTO, 6, 6},
	{V_NET_PROTO, 17, 17},
	{V_NET_PROTO, 1, 1},
	{V_NET_PROTO, 58, 58},
	{V_ARP_HTYPE, 1, 1},
	{V_ARP_PTYPE, 0x0800, 0x0800},
	{V_ARP_HLEN, 6, 6},
	{V_ARP_PLEN, 4, 4},
	{V_ARP_OP, 1, 1},
	{V_CT_STATE, CTC_NEW, CTC_NEW},
	{V_CT_STATE, CTC_ESTABLISHED, CTC_ESTABLISHED},
	{V_ETHER_SADDR, 0x525400000000, 0x525400ffffff},
	{V_ETHER_DADDR, 0x525400000000, 0x525400ffffff},
	{V_IP4_SADDR, 0x0a000000, 0x0affffff},
	{V_IP4_DADDR, 0x0a000000, 0x0affffff},
	{V_SPORT, 1024, 65535},
	{V_DPORT, 1, 1023},
};

static void set_bit_of(struct space *sp, struct packet *p, uint32_t bit)
{
	for (int v = 0; v < VARS; v++)
		for (uint32_t i = 0; i < vars[v].bits; i++)
			if (sp->bits[v][i] == bit) {
				p->v[v] |= (u128)1 << (vars[v].bits - 1u - i);
				return;
			}
	for (uint32_t k = 0; k < 256; k++)
		if (sp->options[k] != PSET_NONE && sp->option_bits[k] == bit)
			p->tcp_options[k / 64] |= (uint64_t)1 << (k % 64);
	vec_each (u, &sp->unknowns)
		if (u->bit == bit)
			*vec_push(sp->arena, &p->unknowns) = u->text;
}

static void drop_absent(struct packet *p)
{
	for (int v = 0; v < VARS; v++)
		if (!packet_has(p, (enum var_id)v))
			p->v[v] = 0;
}

struct packet pick_packet(struct space *sp, pset set, enum side side, pset *only)
{
	struct packet p = {.side = side};
	pset s = set;
	for (size_t i = 0; i < sizeof likings / sizeof *likings; i++) {
		pset liked =
			space_range(sp, (enum var_id)likings[i].var, likings[i].lo, likings[i].hi);
		pset both = pset_and(sp->sets, s, liked);
		s = both != PSET_NONE ? both : s;
	}
	*only = PSET_ALL;
	while (s > PSET_ALL) {
		uint32_t bit = pset_first_bit(sp->sets, s);
		bool one = pset_without(sp->sets, s) == PSET_NONE;
		*only = pset_and(sp->sets, *only, pset_bit(sp->sets, bit, one));
		if (one)
			set_bit_of(sp, &p, bit);
		s = one ? pset_with(sp->sets, s) : pset_without(sp->sets, s);
	}
	drop_absent(&p);
	return p;
}

/* --- words --- */

static void put_ip6(struct buf *b, u128 n)
{
	for (int shift = 112; shift >= 0; shift -= 16) {
		buf_hex(b, (uint32_t)(n >> shift) & 0xffff, 1);
		if (shift)
			buf_char(b, ':');
	}
}

static void put_value(struct buf *b, enum var_id v, u128 n)
{
	static const char *const states[CT_CLASSES] = {"new", "established", "related", "invalid",
						       "untracked"};
	if (v == V_CT_STATE && n < CT_CLASSES)
		buf_printf(b, "%s", states[n]);
	else if (vars[v].bits == 128)
		put_ip6(b, n);
	else if (vars[v].bits == 48)
		for (int shift = 40; shift >= 0; shift -= 8) {
			buf_hex(b, (uint32_t)(n >> shift) & 0xff, 2);
			if (shift)
				buf_char(b, ':');
		}
	else if (v == V_ARP_SPA || v == V_ARP_TPA || v == V_IP4_SADDR || v == V_IP4_DADDR)
		buf_printf(b, "%u.%u.%u.%u", (unsigned)(n >> 24) & 255, (unsigned)(n >> 16) & 255,
			   (unsigned)(n >> 8) & 255, (unsigned)n & 255);
	else if (v == V_ETHER_TYPE || v == V_VLAN_TYPE || v == V_ARP_PTYPE)
		buf_printf(b, "0x%04x", (unsigned)n);
	else
		buf_uint(b, (uint32_t)n);
}

static bool is_kind(enum var_id v)
{
	return v == V_ETHER_TYPE || v == V_NET_PROTO || v == V_ARP_HLEN;
}

struct str packet_in_words(struct space *sp, pset set, const struct packet *p)
{
	struct buf b;
	const char *comma = "";
	buf_memory(&b);
	for (int i = 0; i < VARS; i++) {
		enum var_id v = (enum var_id)i;
		bool asked = pset_asks(sp->sets, set, sp->bits[v], vars[v].bits);
		bool standard = v == V_ARP_HLEN && p->v[v] == 6;
		if (!packet_has(p, v) || (!asked && (!is_kind(v) || standard)))
			continue;
		if (vars[v].bits == 1 && !p->v[v])
			continue;
		buf_printf(&b, "%s%s", comma, vars[v].words);
		if (vars[v].bits > 1) {
			buf_char(&b, ' ');
			put_value(&b, v, p->v[v]);
		}
		comma = ", ";
	}
	vec_each (u, &p->unknowns)
		buf_printf(&b, ", %.*s", STR_ARG(*u));
	for (uint32_t k = 0; k < 256; k++)
		if (p->tcp_options[k / 64] >> (k % 64) & 1)
			buf_printf(&b, ", tcp option %u", k);
	return buf_take(sp->arena, &b);
}
