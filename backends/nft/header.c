/* SPDX-License-Identifier: MIT */
/*
 * What kind of frame a line is about, and what the kernel's ebt_* matches ask of
 * a header before they compare a field of it.
 */
#include "backends/nft/rule.h"

/*
 * True of every packet with a transport header, and of no later fragment. The
 * kernel has a short way for loads of 1, 2 and 4 bytes that forgets to ask about
 * fragments (nft_payload_fast_eval), so a port test alone reads a later
 * fragment's data; three bytes take the long way.
 */
#define NOT_LATER_FRAGMENT "@th,0,24 0-0xffffff "

struct str ether_type(struct arena *a, uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *word;
	} words[] = {{0x0800, "ip"}, {0x86dd, "ip6"}, {0x0806, "arp"}, {0x8100, "vlan"}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].type == type)
			return str_printf(a, "ether type %s ", words[i].word);
	return type ? str_printf(a, "ether type 0x%04x ", type) : STR("");
}

/* "tcp" of "tcp-ipv6": nft's words are the language's. */
static struct str l4proto(const struct proto *p)
{
	const char *dash = strchr(p->xml, '-');
	return (struct str){p->xml, dash ? (uint32_t)(dash - p->xml) : (uint32_t)strlen(p->xml)};
}

/*
 * What ebt_arp.c asks of the header before it compares an address: for protocol
 * addresses ar_pro and ar_pln, for hardware addresses ar_hrd and ar_hln. The
 * lengths also say where the addresses are.
 */
enum {
	ARP_NONE,
	ARP_IP,
	ARP_SOURCE,
	ARP_TARGET,
	ARP_BOTH,
	ARP_OTHER_HLEN,
	ARP_OTHER_PLEN,
	ARP_NEEDS
};
static const char *const arp_headers[ARP_NEEDS][2] = {
	[ARP_NONE] = {"", ""},
	[ARP_IP] = {"arp ptype ip arp hlen 6 arp plen 4 ", "@nh,16,32 0x08000604 "},
	[ARP_SOURCE] = {"arp htype 1 arp hlen 6 ", "@nh,0,16 1 @nh,32,8 6 "},
	[ARP_TARGET] = {"arp htype 1 arp hlen 6 arp plen 4 ", "@nh,0,16 1 @nh,32,16 0x0604 "},
	[ARP_BOTH] = {"arp htype 1 arp ptype ip arp hlen 6 arp plen 4 ",
		      "@nh,0,48 0x000108000604 "},
	[ARP_OTHER_HLEN] = {"arp ptype ip arp hlen != 6 arp plen 4 ",
			    "@nh,16,16 0x0800 @nh,32,8 != 6 @nh,40,8 4 "},
	[ARP_OTHER_PLEN] = {"arp htype 1 arp hlen 6 arp plen != 4 ",
			    "@nh,0,16 1 @nh,32,8 6 @nh,40,8 != 4 "},
};

static void put_arp_header(struct lowerer *l, struct line *ln)
{
	bool ip = atom_where(l, field_is_arp_ip), mac = atom_where(l, field_is_arp_mac);
	int need = ip && mac                     ? ARP_BOTH
		   : ip                          ? ARP_IP
		   : atom_of_field(l, F_ARP_THA) ? ARP_TARGET
		   : mac                         ? ARP_SOURCE
						 : ARP_NONE;
	if (ln->variant == V_ARP_HLEN)
		need = ARP_OTHER_HLEN;
	if (ln->variant == V_ARP_PLEN)
		need = ARP_OTHER_PLEN;
	ln->negated |= need >= ARP_OTHER_HLEN;
	line_text(l, ln, str_from(arp_headers[need][proto_id(l->r->proto) == PROTO_RARP]));
}

static bool is_config(enum field_id f)
{
	return f > F_STP_TYPE && f <= F_STP_DELAY;
}

static bool is_stp(enum field_id f)
{
	return f >= F_STP_TYPE && f <= F_STP_DELAY;
}

/* 42 42 03 (LLC), 0000 (protocol), 00 (version), as ebt_stp.c wants; then the type. */
static void put_stp_header(struct lowerer *l, struct line *ln)
{
	line_lit(l, ln, "ether daddr 01:80:c2:00:00:00 ");
	if (atom_where(l, is_stp))
		line_lit(l, ln, "@nh,0,48 0x424203000000 ");
	if (atom_where(l, is_config))
		line_lit(l, ln, "@nh,48,8 0 ");
}

bool protocol_is_44(const struct atom *x)
{
	return x->test[0]->value.kind == SLOT_CONST && x->test[0]->value.value.u == 44;
}

static void put_ip6_header(struct lowerer *l, struct line *ln)
{
	const struct atom *x = atom_of_field(l, F_NET_PROTO);
	if (!x && atom_where(l, field_is_transport))
		line_lit(l, ln, "meta l4proto icmpv6 ");
	if (!x)
		return;
	if (ln->variant == V_IP6_AH) {
		line_text(l, ln,
			  x->negated ? STR("meta l4proto ah @th,0,8 != 59 ")
				     : STR("meta l4proto ah "));
		ln->negated |= x->negated;
	} else if (ln->variant == V_IP6_FRAGMENT) {
		line_lit(l, ln, "frag frag-off != 0 ");
	} else {
		if (x->negated)
			line_lit(l, ln, "meta l4proto != 51 meta l4proto != 59 ");
		if (!atom_where(l, field_is_transport) && (!x->negated || protocol_is_44(x)))
			line_lit(l, ln, NOT_LATER_FRAGMENT);
	}
}

void line_header(struct lowerer *l, struct line *ln)
{
	const struct proto *p = l->r->proto;
	line_text(l, ln, ether_type(l->a, p->ethertype));
	if (proto_id(p) == PROTO_ARP || proto_id(p) == PROTO_RARP)
		put_arp_header(l, ln);
	if (proto_id(p) == PROTO_STP)
		put_stp_header(l, ln);
	if (rule_is_frame_ip6(l))
		put_ip6_header(l, ln);
	if (p->ipproto >= 0) {
		line_lit(l, ln, "meta l4proto ");
		line_text(l, ln, l4proto(p));
		line_lit(l, ln, " ");
	}
	if (atom_where(l, field_is_transport))
		line_text(l, ln,
			  p->family == 6 ? STR(NOT_LATER_FRAGMENT)
					 : STR("ip frag-off & 0x1fff == 0 "));
}
