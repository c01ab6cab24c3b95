/* SPDX-License-Identifier: MIT */
#include "learnd/frame.h"

#include <string.h>

enum {
	ETHER_HEADER = 14,
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_VLAN = 0x8100,
	VLAN_ID = 0xfff,
	ETHER_IPV6 = 0x86dd,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	UDP_HEADER = 8,
	PROTO_UDP = 17,
	PROTO_ICMPV6 = 58,
};

const struct dhcp_ports dhcp_ports[FAMILIES] = {
	[FAMILY_IPV4] = {68, 67},
	[FAMILY_IPV6] = {546, 547},
};

/*
 * DHCP when the ports say so and the datagram is as long as it says; with the
 * ports of DHCP and a wrong length it is no evidence of anything. The checksum is
 * not looked at: on a tap it is partial for all that ordinary sockets send.
 */
static void open_udp(struct frame *f, struct bytes p)
{
	enum family family = (enum family)f->src.family;
	bool from = f->direction == FROM_GUEST;
	if (p.n < UDP_HEADER)
		return;
	unsigned sport = read_u16(p.at), dport = read_u16(p.at + 2), length = read_u16(p.at + 4);
	const struct dhcp_ports *dhcp = &dhcp_ports[family];
	if (from && sport == dhcp->server && dport == dhcp->client)
		f->kind = FRAME_SERVER;
	if (sport != (from ? dhcp->client : dhcp->server) ||
	    dport != (from ? dhcp->server : dhcp->client))
		return;
	f->kind = FRAME_OTHER;
	if (length < UDP_HEADER || length > p.n)
		return;
	f->kind = family == FAMILY_IPV4 ? FRAME_DHCP4 : FRAME_DHCP6;
	f->payload = (struct bytes){p.at + UDP_HEADER, length - UDP_HEADER};
}

/* The header's own checksum (RFC 791 3.1): no offload leaves it to others, so a wrong one says
 * that what is read here as a header is none. A sum in ones' complement may be taken in any order
 * of octets and four at a time (RFC 1071 2); a header is of whole words. */
static bool checksum_holds(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t word;
		memcpy(&word, p + i, 4);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

static void open_ipv4(struct frame *f, struct bytes p, size_t cut)
{
	if (p.n < IPV4_HEADER || p.at[0] >> 4 != 4)
		return;
	size_t header = (p.at[0] & 15u) * 4, total = read_u16(p.at + 2);
	if (header < IPV4_HEADER || header > p.n || total < header || total > p.n + cut ||
	    !checksum_holds(p.at, header))
		return;
	f->src = address_from(FAMILY_IPV4, p.at + 12);
	f->dst = address_from(FAMILY_IPV4, p.at + 16);
	f->kind = FRAME_DATA;
	f->whole = total <= p.n;
	bool fragment = (read_u16(p.at + 6) & 0x3fff) != 0;
	if (p.at[9] == PROTO_UDP && !fragment)
		open_udp(f, (struct bytes){p.at + header, (f->whole ? total : p.n) - header});
}

/* Neighbour discovery, router messages included: types 133 to 137 (RFC 4861 4). */
static void open_icmpv6(struct frame *f, struct bytes p)
{
	if (p.n < 4 || p.at[0] < 133 || p.at[0] > 137)
		return;
	f->kind = f->whole ? FRAME_ND : FRAME_OTHER;
	f->payload = p;
}

static void open_ipv6(struct frame *f, struct bytes p, size_t cut)
{
	if (p.n < IPV6_HEADER || p.at[0] >> 4 != 6)
		return;
	size_t length = read_u16(p.at + 4), have = p.n - IPV6_HEADER;
	if (length > have + cut)
		return;
	f->src = address_from(FAMILY_IPV6, p.at + 8);
	f->dst = address_from(FAMILY_IPV6, p.at + 24);
	f->hop_limit = p.at[7];
	f->kind = FRAME_DATA;
	f->whole = length <= have;
	struct bytes rest = {p.at + IPV6_HEADER, f->whole ? length : have};
	if (p.at[6] == PROTO_UDP)
		open_udp(f, rest);
	else if (p.at[6] == PROTO_ICMPV6)
		open_icmpv6(f, rest);
}

bool frame_open(const uint8_t *p, size_t n, size_t wire_n, enum direction direction,
		struct frame *out)
{
	size_t at = ETHER_HEADER, cut = wire_n > n ? wire_n - n : 0;
	memset(out, 0, sizeof *out);
	out->direction = direction;
	if (n < ETHER_HEADER)
		return false;
	out->ether_dst = p;
	out->ether_src = p + 6;
	unsigned type = read_u16(p + 12);
	if (type == ETHER_VLAN && n >= ETHER_HEADER + 4) {
		out->vlan = (uint16_t)(read_u16(p + 14) & VLAN_ID);
		type = read_u16(p + 16);
		at += 4;
	}
	struct bytes rest = {p + at, n - at};
	if (type == ETHER_ARP) {
		out->kind = FRAME_ARP;
		out->payload = rest;
	} else if (type == ETHER_IPV4) {
		open_ipv4(out, rest, cut);
	} else if (type == ETHER_IPV6) {
		open_ipv6(out, rest, cut);
	}
	return out->kind != FRAME_OTHER;
}
