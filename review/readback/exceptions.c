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

/* Behind an authentication header nft sees the protocol and nothing of it; the space has no
 * packet with both. */
static pset behind_authentication(struct script_form *f, pset wanted)
{
	(void)wanted;
	return ip6_proto(f->sp, 51);
}

static const struct exception {
	int8_t syntax, layer, side; /* -1: every */
	pset (*packets)(struct script_form *f, pset wanted);
	const char *reason;
} exceptions[] = {
	{-1, -1, -1, extension_headers, "an extension header is never the protocol"},
	{-1, LAYER_FRAME, -1, behind_authentication, "what is behind an authentication header"},
	{SYNTAX_NFT, LAYER_FRAME, -1, arp_ip_behind_other_hlen,
	 "IP addresses of ARP behind hardware addresses that have not 6 bytes"},
	{SYNTAX_NFT, LAYER_FRAME, -1, arp_tha_behind_other_plen,
	 "the target's hardware address of ARP behind an address that has not 4 bytes"},
};

pset excepted(struct script_form *f, const struct seat *seat, pset wanted, pset got)
{
	pset s = PSET_NONE;
	(void)got;
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
