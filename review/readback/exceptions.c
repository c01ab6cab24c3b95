/* SPDX-License-Identifier: MIT */
#include "review/readback/exceptions.h"

/* --- helpers --- */

/* The packets about which a set says different things by these variables. */
static pset depends(struct space *sp, pset set, const enum var_id *list, uint32_t n)
{
	uint32_t bits[512], k = 0;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t b = 0; b < vars[list[i]].bits && k < 512; b++)
			bits[k++] = sp->bits[list[i]][b];
	return pset_minus(sp->sets, pset_any(sp->sets, set, bits, k),
			  pset_every(sp->sets, set, bits, k));
}
#define DEPENDS(sp, set, ...)                                                                      \
	depends((sp), (set), (const enum var_id[]){__VA_ARGS__},                                   \
		sizeof((enum var_id[]){__VA_ARGS__}) / sizeof(enum var_id))

static pset ip6_proto(struct space *sp, uint32_t number)
{
	return pset_and(sp->sets, sp->conds[C_IP6], space_value(sp, V_NET_PROTO, number));
}

/* --- the rows --- */

/* No packet has an extension header as the protocol behind its extension headers. */
static pset extension_headers(struct script_form *f, pset wanted)
{
	static const uint8_t headers[] = {0, 43, 44, 60};
	pset s = PSET_NONE;
	(void)wanted;
	for (size_t i = 0; i < sizeof headers; i++)
		s = pset_or(f->sp->sets, s, ip6_proto(f->sp, headers[i]));
	return s;
}

/* nft has addresses at fixed places, so behind a hardware address of another length it
 * compares none: one is never equal. */
static pset arp_ip_behind_other_hlen(struct script_form *f, pset wanted)
{
	struct space *sp = f->sp;
	pset other = pset_minus(sp->sets, sp->conds[C_ARP_IP], space_value(sp, V_ARP_HLEN, 6));
	return pset_and(sp->sets, other, DEPENDS(sp, wanted, V_ARP_SPA, V_ARP_TPA));
}

static pset arp_tha_behind_other_plen(struct script_form *f, pset wanted)
{
	struct space *sp = f->sp;
	pset other = pset_minus(sp->sets, sp->conds[C_ARP_MAC], space_value(sp, V_ARP_PLEN, 4));
	return pset_and(sp->sets, other, DEPENDS(sp, wanted, V_ARP_THA));
}

/* A later fragment of such a packet has neither header any more. */
static pset authentication_in_pieces(struct script_form *f, pset wanted)
{
	struct space *sp = f->sp;
	(void)wanted;
	return pset_and(sp->sets, ip6_proto(sp, 51), space_value(sp, V_FRAGMENT, 1));
}

static const struct exception {
	int8_t syntax, layer, side; /* -1: every */
	pset (*packets)(struct script_form *f, pset wanted);
	const char *reason;
} exceptions[] = {
	{-1, -1, -1, extension_headers, "an extension header is never the protocol"},
	{SYNTAX_NFT, LAYER_FRAME, -1, authentication_in_pieces,
	 "later fragments of packets with an authentication header"},
	{SYNTAX_NFT, LAYER_FRAME, -1, arp_ip_behind_other_hlen,
	 "IP addresses of ARP behind hardware addresses that have not 6 bytes"},
	{SYNTAX_NFT, LAYER_FRAME, -1, arp_tha_behind_other_plen,
	 "the target's hardware address of ARP behind an address that has not 4 bytes"},
};

/*
 * Behind an authentication header (51) the frame part goes on to look for the
 * protocol, and nft does so too (`meta l4proto ah @th,0,8 6`), but it sees nothing of what
 * stands behind that. The space has no packet with both protocols: it is what the
 * program says of the protocol behind, read from the header's first byte.
 */
static pset behind_proto(struct script_form *f, pset wanted)
{
	struct space *sp = f->sp;
	struct sets *s = sp->sets;
	pset same = PSET_ALL;
	for (uint32_t i = 8; i-- > 0;) {
		pset differ = pset_xor(s, pset_bit(s, sp->bits[V_NET_PROTO][i], true),
				       header_private(f, BASE_TRANSPORT, i));
		same = pset_minus(s, same, differ);
	}
	pset there = pset_and(s, wanted,
			      pset_minus(s, sp->conds[C_IP6], space_value(sp, V_FRAGMENT, 1)));
	return pset_any(s, pset_and(s, there, same), sp->bits[V_NET_PROTO], 8);
}

static pset behind_is(struct script_form *f, uint32_t number)
{
	struct sets *s = f->sp->sets;
	pset one = PSET_ALL;
	for (uint32_t i = 0; i < 8; i++) {
		pset bit = header_private(f, BASE_TRANSPORT, i);
		one = number >> (7 - i) & 1 ? pset_and(s, one, bit) : pset_minus(s, one, bit);
	}
	return one;
}

/* No packet has these behind it, or they are headers of which more follow. */
static pset behind_other(struct script_form *f)
{
	static const uint8_t headers[] = {0, 43, 44, 51, 60};
	pset all = PSET_NONE;
	for (size_t k = 0; k < sizeof headers; k++)
		all = pset_or(f->sp->sets, all, behind_is(f, headers[k]));
	return all;
}

/* The protocol behind the header of whose ports or types a rule asks; its types are ICMPv6's. */
static pset behind_asked(struct script_form *f, const struct prule *r)
{
	bool transport = false;
	pset proto = behind_is(f, 58);
	vec_each (x, &r->tests) {
		transport |= fields[x->field].header == HDR_TRANSPORT;
		if (x->field == F_NET_PROTO)
			proto = x->value.kind == SLOT_CONST && !x->negated
					? behind_is(f, x->value.value.u)
					: PSET_ALL;
	}
	return transport && r->proto->family == 6 ? proto : PSET_NONE;
}

/*
 * nft sees no ports and types there, so such a test is false for it, and the rules behind
 * it decide: of these protocols nothing is compared.
 */
static pset behind_unseen(struct script_form *f, const struct part *part)
{
	pset s = PSET_NONE;
	vec_each (c, &part->chains)
		vec_each (it, &c->items)
			if (it->kind == ITEM_RULE)
				s = pset_or(f->sp->sets, s, behind_asked(f, it->rule));
	return s;
}

pset authentication_differs(struct script_form *f, const struct seat *seat,
			    const struct port_data *pd, pset differ, pset wanted, pset got)
{
	struct space *sp = f->sp;
	struct sets *s = sp->sets;
	pset ah = pset_minus(s, ip6_proto(sp, 51), space_value(sp, V_FRAGMENT, 1));
	if (seat->syntax != SYNTAX_NFT || seat->layer != LAYER_FRAME)
		return differ;
	/* a line that is lost leaves no difference here, so what the program asks counts as well */
	pset six = pset_and(s, wanted, sp->conds[C_IP6]);
	if (pset_and(s, differ, ah) == PSET_NONE && !pset_asks(s, six, sp->bits[V_NET_PROTO], 8))
		return differ;
	pset behind = behind_proto(f, wanted);
	pset unseen =
		pset_or(s, behind_other(f), behind_unseen(f, &pd->program->parts[seat->side]));
	pset d = pset_minus(s, pset_and(s, pset_xor(s, behind, got), ah), unseen);
	d = pset_and(s, d, sp->valid);
	return pset_or(s, pset_minus(s, differ, ah), d);
}

int authentication_proto(struct script_form *f, const struct packet *p, pset only)
{
	int proto = 0;
	if (!packet_meets(p, C_IP6) || p->v[V_NET_PROTO] != 51)
		return -1;
	for (uint32_t i = 0; i < 8; i++)
		if (pset_within(f->sp->sets, only, header_private(f, BASE_TRANSPORT, i)))
			proto |= 0x80 >> i;
	return proto;
}

/*
 * iptables of the nf_tables variant loses a test of no TCP flags, so it is not written: what
 * it would ask besides is that there is a header, which a later fragment has not.
 */
static pset no_flags_of_pieces(struct script_form *f, const struct seat *seat,
			       const struct port_data *pd)
{
	struct space *sp = f->sp;
	if (seat->syntax != SYNTAX_IPTABLES && seat->syntax != SYNTAX_IP6TABLES)
		return PSET_NONE;
	vec_each (r, &pd->program->parts[seat->side].packet)
		vec_each (t, &(*r)->tests)
			if (t->field == F_TCP_FLAGS && !(t->value.value.u >> 8))
				return pset_and(sp->sets, space_value(sp, V_NET_PROTO, 6),
						space_value(sp, V_FRAGMENT, 1));
	return PSET_NONE;
}

pset excepted(struct script_form *f, const struct seat *seat, const struct port_data *pd,
	      pset wanted)
{
	pset s = no_flags_of_pieces(f, seat, pd);
	for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
		const struct exception *e = &exceptions[i];
		if ((e->syntax < 0 || e->syntax == seat->syntax) &&
		    (e->layer < 0 || e->layer == seat->layer) &&
		    (e->side < 0 || e->side == seat->side))
			s = pset_or(f->sp->sets, s, e->packets(f, wanted));
	}
	return s;
}

/* nft can answer from prerouting alone: not what the guest gets (W508), nor at a macvtap. */
void soften_reject(struct space *sp, const struct seat *seat, struct wanted *w)
{
	if (seat->syntax != SYNTAX_NFT || (seat->side == SIDE_OUT && !seat->direct))
		return;
	w->dropped = pset_or(sp->sets, w->dropped, w->rejected);
	w->rejected = PSET_NONE;
}

pset asked_at(struct space *sp, const struct seat *seat)
{
	if (seat->syntax == SYNTAX_IPTABLES)
		return pset_and(sp->sets, sp->valid, sp->conds[C_IP4]);
	if (seat->syntax == SYNTAX_IP6TABLES)
		return pset_and(sp->sets, sp->valid, sp->conds[C_IP6]);
	return sp->valid;
}
