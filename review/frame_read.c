/* SPDX-License-Identifier: MIT */
#include "review/packet_bytes.h"

struct cursor {
	const uint8_t *p;
	uint32_t n;
	struct frame *f;
};

static u128 get(const struct cursor *c, uint32_t at, uint32_t bytes)
{
	u128 v = 0;
	for (uint32_t i = 0; i < bytes; i++)
		v = v << 8 | c->p[at + i];
	return v;
}

/* The field of a header, when the frame reaches so far. */
static bool take(struct cursor *c, enum var_id v, uint32_t at, uint32_t bytes, uint32_t end)
{
	if (at > end || bytes > end - at)
		return false;
	c->f->packet.v[v] = get(c, at, bytes) & var_max(v);
	return true;
}

static void malformed(struct cursor *c, const char *why)
{
	if (!c->f->malformed)
		c->f->malformed = why;
}

/* --- ARP, VLAN, BPDU ----------------------------------------------------------------- */

static void read_arp(struct cursor *c)
{
	u128 *v = c->f->packet.v;
	const uint32_t at = 14;
	if (!take(c, V_ARP_HTYPE, at, 2, c->n) || !take(c, V_ARP_PTYPE, at + 2, 2, c->n) ||
	    !take(c, V_ARP_HLEN, at + 4, 1, c->n) || !take(c, V_ARP_PLEN, at + 5, 1, c->n) ||
	    !take(c, V_ARP_OP, at + 6, 2, c->n)) {
		malformed(c, "the ARP header is cut short");
		return;
	}
	uint32_t hlen = (uint32_t)v[V_ARP_HLEN], plen = (uint32_t)v[V_ARP_PLEN];
	uint32_t sha = at + 8, spa = sha + hlen, tha = spa + plen, tpa = tha + hlen;
	if (tpa + plen > c->n) {
		malformed(c, "the ARP addresses are cut short");
		return;
	}
	if (packet_meets(&c->f->packet, C_ARP_MAC)) {
		take(c, V_ARP_SHA, sha, 6, c->n);
		take(c, V_ARP_THA, tha, 6, c->n);
	}
	if (packet_meets(&c->f->packet, C_ARP_IP)) {
		take(c, V_ARP_SPA, spa, 4, c->n);
		take(c, V_ARP_TPA, tpa, 4, c->n);
	}
}

static void read_vlan(struct cursor *c)
{
	if (!take(c, V_VLAN_ID, 14, 2, c->n) || !take(c, V_VLAN_TYPE, 16, 2, c->n))
		malformed(c, "the VLAN tag is cut short");
}

/* IEEE 802.1D 9.3.1; offsets from the LLC header, as in fields.def. */
static void read_bpdu(struct cursor *c)
{
	static const uint8_t head[] = {0x42, 0x42, 0x03, 0, 0, 0};
	if (c->n < 14 + 7 || memcmp(c->p + 14, head, sizeof head) != 0)
		return;
	c->f->packet.v[V_BPDU] = 1;
	take(c, V_STP_TYPE, 14 + 6, 1, c->n);
	if (c->f->packet.v[V_STP_TYPE] != 0)
		return;
	if (c->n < 14 + 38)
		malformed(c, "the BPDU is cut short");
	for (int v = V_STP_FLAGS; v <= V_STP_DELAY; v++)
		take(c, (enum var_id)v, 14u + (uint32_t)fields[vars[v].field].offset / 8,
		     vars[v].bits / 8, c->n);
}

/* --- transport ----------------------------------------------------------------------- */

/* xt_tcpudp.c and nft_exthdr.c go on behind an end-of-options, and past a length of 0. */
static void read_tcp_options(struct cursor *c, uint32_t at, uint32_t end)
{
	while (at < end) {
		uint8_t kind = c->p[at];
		c->f->packet.tcp_options[kind / 64] |= (uint64_t)1 << kind % 64;
		uint32_t length = kind < 2 || at + 1 >= end ? 1 : c->p[at + 1];
		at += length ? length : 1;
	}
}

static void read_tcp(struct cursor *c, uint32_t at, uint32_t end)
{
	if (end - at < 20) {
		malformed(c, "the TCP header is cut short");
		return;
	}
	uint32_t length = (uint32_t)(c->p[at + 12] >> 4) * 4;
	take(c, V_TCP_FLAGS, at + 13, 1, end);
	if (length < 20 || length > end - at)
		malformed(c, "the length of the TCP header is wrong");
	else
		read_tcp_options(c, at + 20, at + length);
}

static void read_transport(struct cursor *c, uint32_t at, uint32_t end)
{
	const struct packet *p = &c->f->packet;
	if (at > end)
		return;
	c->f->transport = at;
	if (packet_meets(p, C_PORTS) &&
	    (!take(c, V_SPORT, at, 2, end) || !take(c, V_DPORT, at + 2, 2, end)))
		malformed(c, "the ports are cut short");
	if (packet_meets(p, C_ICMP) &&
	    (!take(c, V_ICMP_TYPE, at, 1, end) || !take(c, V_ICMP_CODE, at + 1, 1, end)))
		malformed(c, "the ICMP header is cut short");
	if (packet_meets(p, C_TCP))
		read_tcp(c, at, end);
}

/* --- network ------------------------------------------------------------------------- */

static void check_ip4(struct cursor *c, uint32_t header, uint32_t total)
{
	const uint32_t at = c->f->network;
	if (c->p[at] >> 4 != 4)
		malformed(c, "the version is not 4");
	else if (header < 20 || total < header || total > c->n - at)
		malformed(c, "the lengths of the IPv4 header are wrong");
	else if (checksum_end(checksum_add(0, c->p + at, header)) != 0)
		malformed(c, "the checksum of the IPv4 header is wrong");
}

static void read_ip4(struct cursor *c)
{
	const uint32_t at = c->f->network = 14;
	if (c->n < at + 20) {
		malformed(c, "the IPv4 header is cut short");
		return;
	}
	uint32_t header = (c->p[at] & 15u) * 4, total = (uint32_t)get(c, at + 2, 2);
	uint32_t fragment = (uint32_t)get(c, at + 6, 2);
	check_ip4(c, header, total);
	c->f->packet.v[V_DSCP] = c->p[at + 1] >> 2;
	take(c, V_NET_PROTO, at + 9, 1, c->n);
	take(c, V_IP4_SADDR, at + 12, 4, c->n);
	take(c, V_IP4_DADDR, at + 16, 4, c->n);
	c->f->fragment = fragment & 0x3fff;
	c->f->packet.v[V_FRAGMENT] = (fragment & 0x1fff) != 0;
	c->f->end = total > c->n - at ? c->n : at + total;
	if (!(fragment & 0x1fff) && header >= 20)
		read_transport(c, at + header, c->f->end);
}

enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION = 60 };

/* To the header behind the extension headers; false: they are cut short, or a later fragment's. */
static bool walk_ip6(struct cursor *c, uint8_t next, uint32_t *at)
{
	const uint32_t end = c->f->end;
	for (;;) {
		c->f->packet.v[V_NET_PROTO] = next;
		if (next != HOP_BY_HOP && next != ROUTING && next != DESTINATION &&
		    next != FRAGMENT)
			return true;
		if (*at > end || end - *at < 8) {
			malformed(c, "the IPv6 extension headers are cut short");
			return false;
		}
		bool fragment = next == FRAGMENT;
		bool later = fragment && (get(c, *at + 2, 2) & ~(u128)7) != 0;
		next = c->p[*at];
		c->f->fragment |= fragment;
		if (later) {
			c->f->packet.v[V_FRAGMENT] = 1;
			c->f->packet.v[V_NET_PROTO] = next;
			return false;
		}
		*at += fragment ? 8 : (c->p[*at + 1] + 1u) * 8;
	}
}

static void read_ip6(struct cursor *c)
{
	uint32_t at = c->f->network = 14;
	if (c->n < at + 40) {
		malformed(c, "the IPv6 header is cut short");
		return;
	}
	uint32_t length = (uint32_t)get(c, at + 4, 2);
	if (c->p[at] >> 4 != 6)
		malformed(c, "the version is not 6");
	if (length > c->n - at - 40)
		malformed(c, "the IPv6 packet is cut short");
	c->f->packet.v[V_DSCP] = get(c, at, 2) >> 6 & 63;
	take(c, V_IP6_SADDR, at + 8, 16, c->n);
	take(c, V_IP6_DADDR, at + 24, 16, c->n);
	uint8_t next = c->p[at + 6];
	at += 40;
	c->f->end = length > c->n - at ? c->n : at + length;
	if (walk_ip6(c, next, &at))
		read_transport(c, at, c->f->end);
}

/* --- frame ---------------------------------------------------------------------------------------
 */

bool frame_read(struct str bytes, enum side side, struct frame *out)
{
	struct cursor c = {(const uint8_t *)bytes.s, bytes.len, out};
	*out = (struct frame){.packet = {.side = side, .bytes = bytes}};
	if (bytes.len < 14)
		return false;
	take(&c, V_ETHER_DADDR, 0, 6, c.n);
	take(&c, V_ETHER_SADDR, 6, 6, c.n);
	take(&c, V_ETHER_TYPE, 12, 2, c.n);
	const struct packet *p = &out->packet;
	if (p->v[V_ETHER_TYPE] <= 1500)
		read_bpdu(&c);
	else if (packet_meets(p, C_VLAN))
		read_vlan(&c);
	else if (packet_meets(p, C_ARP))
		read_arp(&c);
	else if (packet_meets(p, C_IP4))
		read_ip4(&c);
	else if (packet_meets(p, C_IP6))
		read_ip6(&c);
	return true;
}
