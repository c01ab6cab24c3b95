/* SPDX-License-Identifier: MIT */
/*
 * A frame for a packet. Lengths and checksums are right, since kernels throw
 * away what is not well-formed before any rule is asked.
 */
#include "review/packet_bytes.h"

/* ARP with the longest addresses is the largest frame: 14 + 8 + 2 * (255 + 255). */
#define MAX_FRAME 1600
#define MIN_FRAME 60

struct writer {
	uint8_t p[MAX_FRAME];
	uint32_t n;
	const struct packet *packet;
};

static void put(struct writer *w, u128 value, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		w->p[w->n + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
	w->n += bytes;
}

static void put_var(struct writer *w, enum var_id v)
{
	put(w, w->packet->v[v], (vars[v].bits + 7u) / 8);
}

static void patch(struct writer *w, uint32_t at, uint32_t value, uint32_t bytes)
{
	uint32_t n = w->n;
	w->n = at;
	put(w, value, bytes);
	w->n = n;
}

/* --- checksums ----------------------------------------------------------------------- */

uint32_t checksum_add(uint32_t sum, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

uint16_t checksum_end(uint32_t sum)
{
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

uint32_t crc32c(const uint8_t *p, uint32_t n)
{
	uint32_t crc = 0xffffffff;
	for (uint32_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* Addresses, protocol and length go into it, RFC 9293 3.1, RFC 8200 8.1. */
static uint32_t pseudo_header(const struct writer *w, uint32_t length)
{
	bool six = packet_meets(w->packet, C_IP6);
	uint32_t sum = checksum_add(0, w->p + 14 + (six ? 8 : 12), six ? 32 : 8);
	return sum + (uint32_t)w->packet->v[V_NET_PROTO] + length;
}

/* The checksum of what stands from `from` on, at an offset from there. */
static void seal(struct writer *w, uint32_t from, uint32_t offset, bool pseudo)
{
	uint32_t length = w->n - from;
	uint32_t sum = checksum_add(pseudo ? pseudo_header(w, length) : 0, w->p + from, length);
	uint16_t value = checksum_end(sum);
	bool zero_is_none = w->packet->v[V_NET_PROTO] == 17 || w->packet->v[V_NET_PROTO] == 136;
	patch(w, from + offset, !value && zero_is_none ? 0xffff : value, 2);
}

/* --- transport ----------------------------------------------------------------------------------
 */

/* Four bytes a kind, so that no padding is needed, which would be a kind, too. */
static void put_tcp_options(struct writer *w)
{
	for (uint32_t kind = 256; kind-- > 0;) {
		if (!(w->packet->tcp_options[kind / 64] >> kind % 64 & 1))
			continue;
		if (kind < 2)
			put(w, kind * 0x01010101u, 4);
		else
			put(w, kind << 24 | 4 << 16, 4);
	}
}

static void put_tcp(struct writer *w)
{
	uint32_t from = w->n;
	put_var(w, V_SPORT);
	put_var(w, V_DPORT);
	put(w, 1, 4); /* sequence */
	put(w, w->packet->v[V_TCP_FLAGS] & TCP_ACK ? 1 : 0, 4);
	put(w, 0, 1);
	put_var(w, V_TCP_FLAGS);
	put(w, 8192, 2); /* window */
	put(w, 0, 4);
	put_tcp_options(w);
	patch(w, from + 12, (w->n - from) / 4 << 4, 1);
	seal(w, from, 16, true);
}

static void put_udp(struct writer *w)
{
	uint32_t from = w->n;
	put_var(w, V_SPORT);
	put_var(w, V_DPORT);
	put(w, 8, 2);
	put(w, 0, 2);
	seal(w, from, 6, true);
}

/* An INIT chunk, RFC 9260 3.3.2. */
static void put_sctp(struct writer *w)
{
	uint32_t from = w->n;
	put_var(w, V_SPORT);
	put_var(w, V_DPORT);
	put(w, 0, 8);
	put(w, (u128)1 << 24 | 20, 4);
	put(w, 1, 4);
	put(w, 65536, 4);
	put(w, 1 << 16 | 1, 4);
	put(w, 1, 4);
	uint32_t crc = crc32c(w->p + from, w->n - from);
	patch(w, from + 8, __builtin_bswap32(crc), 4);
}

/* A request, RFC 4340 5.1, with a checksum over all of it. */
static void put_dccp(struct writer *w)
{
	uint32_t from = w->n;
	put_var(w, V_SPORT);
	put_var(w, V_DPORT);
	put(w, 5 << 8, 2);
	put(w, 0, 2);
	put(w, 1, 4); /* type 0, extended sequence */
	put(w, 1, 4);
	put(w, 0, 4); /* service */
	seal(w, from, 6, true);
}

static void put_icmp(struct writer *w)
{
	uint32_t from = w->n;
	put_var(w, V_ICMP_TYPE);
	put_var(w, V_ICMP_CODE);
	put(w, 0, 2);
	put(w, 1 << 16 | 1, 4); /* identifier, sequence */
	if (w->packet->v[V_NET_PROTO] == 58)
		put(w, 0, 16); /* as long as the target of neighbour discovery */
	seal(w, from, 2, packet_meets(w->packet, C_IP6));
}

static void put_igmp(struct writer *w)
{
	uint32_t from = w->n;
	put(w, 0x16000000, 4);
	put(w, 0xe00000fb, 4);
	seal(w, from, 2, false);
}

/* RFC 4302, with nothing behind it. */
static void put_ah(struct writer *w)
{
	put(w, 59 << 24 | 4 << 16, 4);
	put(w, 0x100, 4);
	put(w, 1, 4);
	put(w, 0, 12);
}

static void put_transport(struct writer *w)
{
	static const struct {
		uint8_t protocol;
		void (*put)(struct writer *);
	} rows[] = {{6, put_tcp},  {17, put_udp},  {136, put_udp}, {132, put_sctp}, {33, put_dccp},
		    {1, put_icmp}, {58, put_icmp}, {2, put_igmp},  {51, put_ah}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].protocol == w->packet->v[V_NET_PROTO]) {
			rows[i].put(w);
			return;
		}
	put(w, 0, 8);
}

/* --- network ------------------------------------------------------------------------- */

#define LATER_OFFSET 1480 /* of a later fragment, bytes */

static void put_ip4(struct writer *w)
{
	uint32_t from = w->n;
	bool later = w->packet->v[V_FRAGMENT];
	put(w, 0x45, 1);
	put(w, w->packet->v[V_DSCP] << 2, 1);
	put(w, 0, 2);
	put(w, 1, 2);
	put(w, later ? LATER_OFFSET / 8 : 0, 2);
	put(w, 64, 1);
	put_var(w, V_NET_PROTO);
	put(w, 0, 2);
	put_var(w, V_IP4_SADDR);
	put_var(w, V_IP4_DADDR);
	if (later)
		put(w, 0, 8);
	else
		put_transport(w);
	patch(w, from + 2, w->n - from, 2);
	patch(w, from + 10, checksum_end(checksum_add(0, w->p + from, 20)), 2);
}

/* Neighbour discovery is valid with the largest hop limit alone, RFC 4861 6.1. */
static uint32_t hop_limit(const struct packet *p)
{
	u128 type = p->v[V_ICMP_TYPE];
	return p->v[V_NET_PROTO] == 58 && type >= 133 && type <= 137 ? 255 : 64;
}

/* An extension header can not be the last: then nothing stands behind the first. */
static bool is_extension(u128 next)
{
	return next == 0 || next == 43 || next == 44 || next == 60;
}

static void put_ip6(struct writer *w)
{
	uint32_t from = w->n;
	bool later = w->packet->v[V_FRAGMENT];
	put(w, (u128)6 << 28 | w->packet->v[V_DSCP] << 22, 4);
	put(w, 0, 2);
	put(w, later ? 44 : w->packet->v[V_NET_PROTO], 1);
	put(w, hop_limit(w->packet), 1);
	put_var(w, V_IP6_SADDR);
	put_var(w, V_IP6_DADDR);
	if (later) {
		put(w, w->packet->v[V_NET_PROTO] << 8, 2);
		put(w, LATER_OFFSET, 2);
		put(w, 1, 4);
		put(w, 0, 8);
	} else if (!is_extension(w->packet->v[V_NET_PROTO])) {
		put_transport(w);
	}
	patch(w, from + 4, w->n - from - 40, 2);
}

/* --- frame --------------------------------------------------------------------------- */

/* An address that is not Ethernet's or IPv4's is zero. */
static void put_address(struct writer *w, enum var_id v, uint32_t length)
{
	if (packet_has(w->packet, v))
		put_var(w, v);
	else
		w->n += length;
}

static void put_arp(struct writer *w)
{
	uint32_t hlen = (uint32_t)w->packet->v[V_ARP_HLEN],
		 plen = (uint32_t)w->packet->v[V_ARP_PLEN];
	for (int v = V_ARP_HTYPE; v <= V_ARP_OP; v++)
		put_var(w, (enum var_id)v);
	put_address(w, V_ARP_SHA, hlen);
	put_address(w, V_ARP_SPA, plen);
	put_address(w, V_ARP_THA, hlen);
	put_address(w, V_ARP_TPA, plen);
}

static void put_bpdu(struct writer *w)
{
	put(w, (u128)0x42420300 << 16, 6);
	put_var(w, V_STP_TYPE);
	if (packet_meets(w->packet, C_STP_CONFIG))
		for (int v = V_STP_FLAGS; v <= V_STP_DELAY; v++)
			put_var(w, (enum var_id)v);
}

static const char *unwritable(const struct packet *p)
{
	uint32_t kinds = 0;
	for (int i = 0; i < 4; i++)
		kinds += (uint32_t)__builtin_popcountll(p->tcp_options[i]);
	return kinds > 10 ? "a TCP header has room for ten kinds of options" : NULL;
}

struct str packet_to_bytes(struct arena *a, const struct packet *p, const char **why)
{
	struct writer w = {.packet = p};
	if ((*why = unwritable(p)))
		return STR("");
	put_var(&w, V_ETHER_DADDR);
	put_var(&w, V_ETHER_SADDR);
	put_var(&w, V_ETHER_TYPE);
	if (p->v[V_BPDU])
		put_bpdu(&w);
	else if (packet_meets(p, C_VLAN))
		put_var(&w, V_VLAN_ID), put_var(&w, V_VLAN_TYPE);
	else if (packet_meets(p, C_ARP))
		put_arp(&w);
	else if (packet_meets(p, C_IP4))
		put_ip4(&w);
	else if (packet_meets(p, C_IP6))
		put_ip6(&w);
	uint32_t n = w.n < MIN_FRAME ? MIN_FRAME : w.n;
	return (struct str){arena_copy(a, w.p, n), n};
}

/* --- hexadecimal --------------------------------------------------------------------- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bytes_from_hex(struct arena *a, struct str hex, struct str *out)
{
	char *bytes = arena_alloc(a, hex.len / 2 + 1);
	uint32_t i = hex.len > 1 && hex.s[0] == '0' && (hex.s[1] | 32) == 'x' ? 2 : 0, n = 0;
	while (i < hex.len) {
		if (strchr(" \t\r\n:-", hex.s[i]) && hex.s[i]) {
			i++;
			continue;
		}
		int high = digit(hex.s[i]), low = i + 1 < hex.len ? digit(hex.s[i + 1]) : -1;
		if (high < 0 || low < 0)
			return false;
		bytes[n++] = (char)(high << 4 | low);
		i += 2;
	}
	*out = (struct str){bytes, n};
	return n > 0;
}

struct str bytes_to_hex(struct arena *a, struct str bytes)
{
	char *hex = arena_alloc(a, 2 * (size_t)bytes.len + 1);
	for (uint32_t i = 0; i < bytes.len; i++) {
		hex[2 * i] = "0123456789abcdef"[(uint8_t)bytes.s[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[bytes.s[i] & 15];
	}
	return (struct str){hex, 2 * bytes.len};
}
