/* SPDX-License-Identifier: MIT */
/*
 * Fields and values in nft's words.
 *
 * RARP and STP have no words: their fields are raw payload behind the Ethernet
 * header, `@nh,offset,width`, at the offsets of the field table. A raw column
 * wants a set of a raw type, which is why a MAC address has two key types.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/nft/nft.h"

/*
 * `typeof` gives every column its type, since raw payload and some fields have
 * no type name. A raw column's offset is of no account.
 */
const struct key_type_row key_types[KEY_TYPES] = {
	[KT_ETHER] = {"ether", "ether saddr", 48, WRITE_MAC, 0, 0},
	[KT_ETHERTYPE] = {"ethertype", "ether type", 16, WRITE_HEX, 0, 0},
	[KT_VLAN] = {"vlan", "vlan id", 12, WRITE_DEC, 0, 0},
	[KT_HTYPE] = {"htype", "arp htype", 16, WRITE_DEC, 0, 0},
	[KT_ARPOP] = {"arpop", "arp operation", 16, WRITE_DEC, 0, 0},
	[KT_IPV4] = {"ipv4", "ip saddr", 32, WRITE_IP4, 0, 0},
	[KT_IPV6] = {"ipv6", "ip6 saddr", 128, WRITE_IP6, 0, 0},
	[KT_PROTO] = {"proto", "ip protocol", 8, WRITE_DEC, 0, 0},
	[KT_DSCP] = {"dscp", "ip dscp", 6, WRITE_DEC, 0, 0},
	[KT_PORT] = {"port", "th dport", 16, WRITE_DEC, 0, 0},
	[KT_ICMPTYPE] = {"icmptype", "icmp type", 8, WRITE_DEC, 0, 0},
	[KT_ICMPCODE] = {"icmpcode", "icmp code", 8, WRITE_DEC, 0, 0},
	[KT_ICMP6TYPE] = {"icmp6type", "icmpv6 type", 8, WRITE_DEC, 0, 0},
	[KT_ICMP6CODE] = {"icmp6code", "icmpv6 code", 8, WRITE_DEC, 0, 0},
	[KT_RAW8] = {"raw8", "@nh,0,8", 8, WRITE_DEC, 0, 0},
	[KT_RAW16] = {"raw16", "@nh,0,16", 16, WRITE_DEC, 0, 0},
	[KT_RAW32] = {"raw32", "@nh,0,32", 32, WRITE_HEX, 0, 0},
	[KT_RAW48] = {"raw48", "@nh,0,48", 48, WRITE_HEX, 0, 0},
	[KT_PROTO6] = {"proto6", "ip protocol", 8, WRITE_DEC, 0, 0},
	[KT_AHPROTO] = {"ahproto", "@nh,0,8", 8, WRITE_DEC, 0, 0},
	[KT_FRAGMENT] = {"fragment", "ip protocol", 8, WRITE_DEC, 0, 0},
	[KT_DSCP6] = {"dscp6", "@nh,0,16", 16, WRITE_HEX, 6, 0x6000},
};

/* Where a field is spelled like this: by the frame type of the rule's protocol. */
enum { IN_ANY, IN_ARP = 0x0806, IN_IP4 = 0x0800, IN_IP6 = 0x86dd };

static const struct field_row {
	uint8_t field;
	uint16_t in;
	const char *expr;
	enum key_type type;
} rows[] = {
	{F_ETHER_SADDR, IN_ANY, "ether saddr", KT_ETHER},
	{F_ETHER_DADDR, IN_ANY, "ether daddr", KT_ETHER},
	{F_ETHER_TYPE, IN_ANY, "ether type", KT_ETHERTYPE},
	{F_VLAN_ID, IN_ANY, "vlan id", KT_VLAN},
	{F_VLAN_TYPE, IN_ANY, "vlan type", KT_ETHERTYPE},
	{F_ARP_HTYPE, IN_ARP, "arp htype", KT_HTYPE},
	{F_ARP_PTYPE, IN_ARP, "arp ptype", KT_ETHERTYPE},
	{F_ARP_OP, IN_ARP, "arp operation", KT_ARPOP},
	{F_ARP_SHA, IN_ARP, "arp saddr ether", KT_ETHER},
	{F_ARP_THA, IN_ARP, "arp daddr ether", KT_ETHER},
	{F_ARP_SPA, IN_ARP, "arp saddr ip", KT_IPV4},
	{F_ARP_TPA, IN_ARP, "arp daddr ip", KT_IPV4},
	{F_NET_SADDR, IN_IP4, "ip saddr", KT_IPV4},
	{F_NET_DADDR, IN_IP4, "ip daddr", KT_IPV4},
	{F_NET_PROTO, IN_IP4, "ip protocol", KT_PROTO},
	{F_NET_DSCP, IN_IP4, "ip dscp", KT_DSCP},
	{F_NET_SADDR, IN_IP6, "ip6 saddr", KT_IPV6},
	{F_NET_DADDR, IN_IP6, "ip6 daddr", KT_IPV6},
	{F_NET_PROTO, IN_IP6, "meta l4proto", KT_PROTO},
	{F_NET_DSCP, IN_IP6, "ip6 dscp", KT_DSCP},
	{F_TH_SPORT, IN_ANY, "th sport", KT_PORT},
	{F_TH_DPORT, IN_ANY, "th dport", KT_PORT},
	{F_ICMP_TYPE, IN_IP4, "icmp type", KT_ICMPTYPE},
	{F_ICMP_CODE, IN_IP4, "icmp code", KT_ICMPCODE},
	{F_ICMP_TYPE, IN_IP6, "icmpv6 type", KT_ICMP6TYPE},
	{F_ICMP_CODE, IN_IP6, "icmpv6 code", KT_ICMP6CODE},
};

static enum key_type raw_type(uint32_t width)
{
	return width == 8 ? KT_RAW8 : width == 16 ? KT_RAW16 : width == 32 ? KT_RAW32 : KT_RAW48;
}

struct spelling spell_field(struct arena *a, const struct proto *p, enum field_id f)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].field == f && (rows[i].in == IN_ANY || rows[i].in == p->ethertype))
			return (struct spelling){str_from(rows[i].expr), rows[i].type};
	return (struct spelling){str_printf(a, "@nh,%d,%u", fields[f].offset, fields[f].width),
				 raw_type(fields[f].width)};
}

/* --- values --- */

static void put_mac(struct buf *b, u128 n)
{
	static const char digits[] = "0123456789abcdef";
	char *p = buf_at_least(b, 18);
	for (int shift = 40; shift >= 0; shift -= 8) {
		uint32_t octet = (uint32_t)(n >> shift) & 0xff;
		*p++ = digits[octet >> 4];
		*p++ = digits[octet & 15];
		*p++ = ':';
	}
	b->n += 17;
}

static void put_ip4(struct buf *b, u128 n)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		buf_uint(b, (uint32_t)(n >> shift) & 0xff);
		if (shift)
			buf_char(b, '.');
	}
}

/* RFC 5952: the longest run of zero groups, the first of equal ones, as `::`. */
static void put_ip6(struct buf *b, u128 n)
{
	uint32_t group[8], best = 8, best_len = 1;
	for (uint32_t i = 0; i < 8; i++)
		group[i] = (uint32_t)(n >> (112 - 16 * i)) & 0xffff;
	for (uint32_t i = 0, len; i < 8; i += len ? len : 1) {
		for (len = 0; i + len < 8 && !group[i + len];)
			len++;
		if (len > best_len) {
			best = i;
			best_len = len;
		}
	}
	for (uint32_t i = 0; i < 8; i++) {
		if (i == best) {
			buf_lit(b, "::");
			i += best_len - 1;
			continue;
		}
		if (i && i != best + best_len)
			buf_char(b, ':');
		buf_hex(b, group[i], 1);
	}
}

static void put_hex(struct buf *b, uint32_t bits, u128 n)
{
	buf_lit(b, "0x");
	if (bits > 32)
		buf_hex(b, (uint32_t)(n >> 32), (bits - 32) / 4);
	buf_hex(b, (uint32_t)n, bits > 32 ? 8 : bits / 4);
}

void put_number(struct buf *b, enum key_type type, u128 n)
{
	const struct key_type_row *k = &key_types[type];
	switch (k->write) {
	case WRITE_DEC:
		buf_uint(b, (uint32_t)n);
		break;
	case WRITE_HEX:
		put_hex(b, k->bits, n);
		break;
	case WRITE_MAC:
		put_mac(b, n);
		break;
	case WRITE_IP4:
		put_ip4(b, n);
		break;
	case WRITE_IP6:
		put_ip6(b, n);
		break;
	}
}

/* The length of the prefix that is exactly this range; 0 when there is none (or it is everything).
 */
static uint32_t range_prefix(uint32_t bits, u128 lo, u128 hi)
{
	u128 size = hi - lo; /* one less */
	uint32_t host = 0;
	if (size & (size + 1) || lo & size)
		return 0;
	for (; host < bits && size >> host & 1; host++)
		;
	return bits - host;
}

void put_range(struct buf *b, enum key_type type, u128 lo, u128 hi)
{
	const struct key_type_row *k = &key_types[type];
	bool address = k->write == WRITE_IP4 || k->write == WRITE_IP6;
	uint32_t prefix = lo != hi && address ? range_prefix(k->bits, lo, hi) : 0;
	put_number(b, type, lo);
	if (prefix) {
		buf_char(b, '/');
		buf_uint(b, prefix);
	} else if (lo != hi) {
		buf_char(b, '-');
		put_number(b, type, hi);
	}
}

/*
 * Numbers that ebt_ip6 never sees as a protocol: it walks past these headers
 * (ipv6_skip_exthdr), gives up at "no next header", and finds 44 only in a
 * later fragment, which has a line of its own.
 */
static bool never_protocol(enum key_type type, u128 n)
{
	if (type == KT_FRAGMENT)
		return n != 44;
	if (type != KT_PROTO6 && type != KT_AHPROTO)
		return false;
	return n == 0 || n == 43 || n == 44 || n == 51 || n == 59 || n == 60;
}

bool format_value(struct buf *b, const struct value *v, uint32_t arg)
{
	u128 n = value_number(v);
	if (never_protocol((enum key_type)arg, n))
		return false;
	put_number(b, (enum key_type)arg, n);
	return true;
}

bool format_prefix(struct buf *b, const struct value *v, uint32_t arg)
{
	buf_uint(b, value_prefix(v));
	return true;
}

bool test_range(const struct ptest *t, enum key_type type, const struct value *value,
		const struct value *to, const struct value *mask, struct range *out)
{
	uint32_t bits = key_types[type].bits;
	u128 all = bits == 128 ? ~(u128)0 : ((u128)1 << bits) - 1;
	u128 lo = value ? value_number(value) : 0, hi = to ? value_number(to) : lo;
	if (mask && t->field != F_IPSET) {
		uint32_t prefix = value_prefix(mask);
		u128 host = prefix >= bits ? 0 : prefix ? all >> prefix : all;
		lo &= ~host & all;
		hi = lo | host;
	}
	uint32_t low = key_types[type].low_bits;
	lo = key_types[type].high | lo << low;
	hi = key_types[type].high | hi << low | (((u128)1 << low) - 1);
	*out = (struct range){lo, hi};
	return lo <= hi && hi <= all && !(lo == hi && never_protocol(type, lo));
}
