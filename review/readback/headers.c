/* SPDX-License-Identifier: MIT */
/*
 * Which variable of a packet stands where in its bytes: what a script means that
 * says "48 bits at 64 behind the Ethernet header".
 *
 * Kinds of packets have different headers in the same place, so what an
 * expression sees is told kind by kind. Bits that the space has no variable for
 * (an identification, the data of an unknown protocol) are free bits of our own: a program
 * does not depend on them, so a script that does is found out.
 *
 * Sources: RFC 826, 791, 8200, 9293, 792, 4443, IEEE 802.1D 9.3; for what is
 * read of later fragments, the kernel's nft_payload.c.
 */
#include "review/readback/form.h"

enum kind {
	K_ALL, /* the Ethernet header is the same in all */
	K_TAG, /* a VLAN tag */
	K_ARP, /* network headers */
	K_IP4,
	K_IP6,
	K_BPDU,
	K_OTHER,
	K_TCP, /* transport headers */
	K_PORTS,
	K_ICMP,
	K_OTHER_TH,
	K_PIECE, /* a later fragment has data in its place */
	KINDS
};

/* When a kind's packet has the variable at this place at all. */
enum need { N_ALWAYS, N_SHA, N_IPS, N_THA, N_CONFIG, NEEDS };

#define CONSTANT 0xff

static const struct place {
	uint8_t base, kind;
	uint16_t offset;
	uint8_t width, var, need;
	uint64_t constant;
} places[] = {
	{BASE_ETHER, K_ALL, 0, 48, V_ETHER_DADDR, N_ALWAYS, 0},
	{BASE_ETHER, K_ALL, 48, 48, V_ETHER_SADDR, N_ALWAYS, 0},
	{BASE_ETHER, K_ALL, 96, 16, V_ETHER_TYPE, N_ALWAYS, 0},
	{BASE_VLAN, K_TAG, 4, 12, V_VLAN_ID, N_ALWAYS, 0},
	{BASE_VLAN, K_TAG, 16, 16, V_VLAN_TYPE, N_ALWAYS, 0},
	{BASE_NET, K_ARP, 0, 16, V_ARP_HTYPE, N_ALWAYS, 0},
	{BASE_NET, K_ARP, 16, 16, V_ARP_PTYPE, N_ALWAYS, 0},
	{BASE_NET, K_ARP, 32, 8, V_ARP_HLEN, N_ALWAYS, 0},
	{BASE_NET, K_ARP, 40, 8, V_ARP_PLEN, N_ALWAYS, 0},
	{BASE_NET, K_ARP, 48, 16, V_ARP_OP, N_ALWAYS, 0},
	{BASE_NET, K_ARP, 64, 48, V_ARP_SHA, N_SHA, 0},
	{BASE_NET, K_ARP, 112, 32, V_ARP_SPA, N_IPS, 0},
	{BASE_NET, K_ARP, 144, 48, V_ARP_THA, N_THA, 0},
	{BASE_NET, K_ARP, 192, 32, V_ARP_TPA, N_IPS, 0},
	{BASE_NET, K_IP4, 0, 4, CONSTANT, N_ALWAYS, 4},
	{BASE_NET, K_IP4, 8, 6, V_DSCP, N_ALWAYS, 0},
	{BASE_NET, K_IP4, 72, 8, V_NET_PROTO, N_ALWAYS, 0},
	{BASE_NET, K_IP4, 96, 32, V_IP4_SADDR, N_ALWAYS, 0},
	{BASE_NET, K_IP4, 128, 32, V_IP4_DADDR, N_ALWAYS, 0},
	{BASE_NET, K_IP6, 0, 4, CONSTANT, N_ALWAYS, 6},
	{BASE_NET, K_IP6, 4, 6, V_DSCP, N_ALWAYS, 0},
	{BASE_NET, K_IP6, 64, 128, V_IP6_SADDR, N_ALWAYS, 0},
	{BASE_NET, K_IP6, 192, 128, V_IP6_DADDR, N_ALWAYS, 0},
	{BASE_NET, K_BPDU, 0, 48, CONSTANT, N_ALWAYS, 0x424203000000},
	{BASE_NET, K_BPDU, 48, 8, V_STP_TYPE, N_ALWAYS, 0},
	{BASE_NET, K_BPDU, 56, 8, V_STP_FLAGS, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 64, 16, V_STP_ROOT_PRIO, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 80, 48, V_STP_ROOT_ADDR, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 128, 32, V_STP_ROOT_COST, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 160, 16, V_STP_SENDER_PRIO, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 176, 48, V_STP_SENDER_ADDR, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 224, 16, V_STP_PORT, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 240, 16, V_STP_AGE, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 256, 16, V_STP_MAX_AGE, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 272, 16, V_STP_HELLO, N_CONFIG, 0},
	{BASE_NET, K_BPDU, 288, 16, V_STP_DELAY, N_CONFIG, 0},
	{BASE_TRANSPORT, K_TCP, 0, 16, V_SPORT, N_ALWAYS, 0},
	{BASE_TRANSPORT, K_TCP, 16, 16, V_DPORT, N_ALWAYS, 0},
	{BASE_TRANSPORT, K_TCP, 104, 8, V_TCP_FLAGS, N_ALWAYS, 0},
	{BASE_TRANSPORT, K_PORTS, 0, 16, V_SPORT, N_ALWAYS, 0},
	{BASE_TRANSPORT, K_PORTS, 16, 16, V_DPORT, N_ALWAYS, 0},
	{BASE_TRANSPORT, K_ICMP, 0, 8, V_ICMP_TYPE, N_ALWAYS, 0},
	{BASE_TRANSPORT, K_ICMP, 8, 8, V_ICMP_CODE, N_ALWAYS, 0},
};
enum { PLACES = sizeof places / sizeof *places };

static const uint8_t kinds_of_base[BASES][2] = {
	[BASE_ETHER] = {K_ALL, K_ALL},
	[BASE_VLAN] = {K_TAG, K_TAG},
	[BASE_NET] = {K_ARP, K_OTHER},
	[BASE_TRANSPORT] = {K_TCP, K_PIECE},
};

static pset kind_set(struct space *sp, enum kind k)
{
	struct sets *s = sp->sets;
	pset ip = sp->conds[C_IP], th = sp->conds[C_TH];
	switch (k) {
	case K_TAG:
		return sp->conds[C_VLAN];
	case K_ARP:
		return sp->conds[C_ARP];
	case K_IP4:
		return sp->conds[C_IP4];
	case K_IP6:
		return sp->conds[C_IP6];
	case K_BPDU: /* only these have a length for a type (space.h) */
		return pset_minus(s, pset_minus(s, sp->conds[C_STP], ip), sp->conds[C_ARP]);
	case K_OTHER:
		return pset_minus(s, pset_minus(s, pset_not(s, ip), sp->conds[C_ARP]),
				  sp->conds[C_STP]);
	case K_TCP:
		return sp->conds[C_TCP];
	case K_PORTS:
		return pset_minus(s, sp->conds[C_PORTS], sp->conds[C_TCP]);
	case K_ICMP:
		return sp->conds[C_ICMP];
	case K_OTHER_TH:
		return pset_minus(s, pset_minus(s, th, sp->conds[C_PORTS]), sp->conds[C_ICMP]);
	case K_PIECE:
		return pset_minus(s, ip, th);
	default:
		return PSET_ALL;
	}
}

/* In an ARP packet the second address stands where the first one's length puts it. */
static pset need_set(struct space *sp, enum need n)
{
	struct sets *s = sp->sets;
	switch (n) {
	case N_SHA:
		return sp->conds[C_ARP_MAC];
	case N_IPS:
		return pset_and(s, sp->conds[C_ARP_IP], space_value(sp, V_ARP_HLEN, 6));
	case N_THA:
		return pset_and(s, sp->conds[C_ARP_MAC], space_value(sp, V_ARP_PLEN, 4));
	case N_CONFIG:
		return sp->conds[C_STP_CONFIG];
	default:
		return PSET_ALL;
	}
}

pset header_private(struct script_form *f, enum base base, uint32_t offset)
{
	uint32_t *b = &f->private[base][offset & 511];
	if (!*b)
		*b = sets_add_bits(f->sp->sets, 1) + 1;
	return pset_bit(f->sp->sets, *b - 1, true);
}

static bool overlaps(const struct place *p, uint32_t offset, uint32_t width)
{
	return offset < p->offset + (uint32_t)p->width && p->offset < offset + width;
}

/* The bits that one kind's packets have there, with these of the needs met. */
static pset *bits_of_kind(struct script_form *f, enum base base, enum kind kind, uint32_t offset,
			  uint32_t width, const bool *met)
{
	struct space *sp = f->sp;
	pset *bits = arena_new_array(f->arena, pset, width);
	for (uint32_t i = 0; i < width; i++)
		bits[i] = PSET_NONE;
	bool *known = arena_new_array(f->arena, bool, width);
	for (const struct place *p = places; p < places + PLACES; p++) {
		if (p->base != base || p->kind != kind || !met[p->need])
			continue;
		for (uint32_t i = 0; i < p->width; i++) {
			uint32_t at = p->offset + i - offset; /* wraps round where it is before */
			if (at >= width)
				continue;
			known[at] = true;
			bits[at] = p->var != CONSTANT
					   ? pset_bit(sp->sets, sp->bits[p->var][i], true)
				   : p->constant >> (p->width - 1u - i) & 1 ? PSET_ALL
									    : PSET_NONE;
		}
	}
	for (uint32_t i = 0; i < width; i++)
		if (!known[i])
			bits[i] = header_private(f, base, offset + i);
	return bits;
}

/* A kind's views: one for each way in which the needs of its places can be met. */
static void add_views(struct script_form *f, struct field_ref *r, enum base base, enum kind kind,
		      uint32_t offset, pset of)
{
	struct sets *s = f->sp->sets;
	uint8_t asked[NEEDS], n = 0;
	bool seen[NEEDS] = {true};
	for (const struct place *p = places; p < places + PLACES; p++)
		if (p->base == base && p->kind == kind && overlaps(p, offset, r->width) &&
		    !seen[p->need]) {
			seen[p->need] = true;
			asked[n++] = p->need;
		}
	for (uint32_t way = 0; way < 1u << n; way++) {
		bool met[NEEDS] = {true};
		pset where = pset_and(s, of, kind_set(f->sp, kind));
		for (uint32_t i = 0; i < n; i++) {
			met[asked[i]] = way >> i & 1;
			pset need = need_set(f->sp, (enum need)asked[i]);
			where = met[asked[i]] ? pset_and(s, where, need)
					      : pset_minus(s, where, need);
		}
		/* of kinds that the tests before have left out nothing is looked at */
		if (pset_and(s, where, f->sofar) != PSET_NONE)
			*vec_push(f->arena, &r->views) = (struct view){
				where, bits_of_kind(f, base, kind, offset, r->width, met)};
	}
}

const struct field_ref *header_bits(struct script_form *f, struct str text, enum base base,
				    uint32_t offset, uint32_t width, pset of, bool any_piece)
{
	struct field_ref *r = arena_new_object(f->arena, struct field_ref);
	*r = (struct field_ref){.text = text,
				.header = true,
				.base = (uint8_t)base,
				.offset = offset,
				.width = width};
	for (int k = kinds_of_base[base][0]; k <= kinds_of_base[base][1]; k++)
		if (k != K_PIECE || any_piece)
			add_views(f, r, base, (enum kind)k, offset, of);
	return r;
}

const struct field_ref *header_var(struct script_form *f, struct str text, enum var_id v, pset of)
{
	struct field_ref *r = arena_new_object(f->arena, struct field_ref);
	*r = (struct field_ref){.text = text, .width = vars[v].bits};
	struct view *x = vec_push(f->arena, &r->views);
	x->where = pset_and(f->sp->sets, of, space_has(f->sp, v));
	x->bits = arena_new_array(f->arena, pset, r->width);
	for (uint32_t i = 0; i < r->width; i++)
		x->bits[i] = pset_bit(f->sp->sets, f->sp->bits[v][i], true);
	return r;
}

/* --- comparisons --- */

pset field_where(struct script_form *f, const struct field_ref *r)
{
	pset s = PSET_NONE;
	vec_each (v, &r->views)
		s = pset_or(f->sp->sets, s, v->where);
	return s;
}

static pset view_masked(struct sets *s, const struct view *v, uint32_t width, u128 value, u128 mask)
{
	pset r = PSET_ALL;
	for (uint32_t i = width; i-- > 0;) {
		uint32_t shift = width - 1 - i;
		if (mask >> shift & 1)
			r = value >> shift & 1 ? pset_and(s, v->bits[i], r)
					       : pset_minus(s, r, v->bits[i]);
	}
	return r;
}

static pset view_least(struct sets *s, const struct view *v, uint32_t width, u128 lo)
{
	pset r = PSET_ALL;
	for (uint32_t i = width; i-- > 0;)
		r = lo >> (width - 1 - i) & 1 ? pset_and(s, v->bits[i], r)
					      : pset_or(s, v->bits[i], r);
	return r;
}

static pset view_most(struct sets *s, const struct view *v, uint32_t width, u128 hi)
{
	pset r = PSET_ALL;
	for (uint32_t i = width; i-- > 0;)
		r = hi >> (width - 1 - i) & 1 ? pset_if(s, v->bits[i], r, PSET_ALL)
					      : pset_minus(s, r, v->bits[i]);
	return r;
}

static u128 width_max(uint32_t width)
{
	return width >= 128 ? ~(u128)0 : ((u128)1 << width) - 1;
}

pset field_masked(struct script_form *f, const struct field_ref *r, u128 value, u128 mask)
{
	pset all = PSET_NONE;
	struct sets *s = f->sp->sets;
	vec_each (v, &r->views)
		all = pset_or(s, all,
			      pset_and(s, v->where, view_masked(s, v, r->width, value, mask)));
	return all;
}

pset field_range(struct script_form *f, const struct field_ref *r, u128 lo, u128 hi)
{
	struct sets *s = f->sp->sets;
	u128 max = width_max(r->width);
	pset all = PSET_NONE;
	if (lo == hi)
		return field_masked(f, r, lo, max);
	vec_each (v, &r->views) {
		pset x = v->where;
		if (lo)
			x = pset_and(s, x, view_least(s, v, r->width, lo));
		if (hi < max)
			x = pset_and(s, x, view_most(s, v, r->width, hi));
		all = pset_or(s, all, x);
	}
	return all;
}
