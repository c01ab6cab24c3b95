/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "ir/value.h"

#include <arpa/inet.h>

/* --- names of numbers (specification, section 3) --- */

static const struct value_name ethertype_names[] = {{"arp", 0x0806},  {"rarp", 0x8035},
						    {"ipv4", 0x0800}, {"ipv6", 0x86dd},
						    {"vlan", 0x8100}, {NULL, 0}};
/* ARP_NAK is 9 in ebtables' list and so in the language; IANA has 9 = InARP reply, 10 = NAK. */
static const struct value_name arpop_names[] = {
	{"Request", 1},       {"Reply", 2},       {"Request_Reverse", 3}, {"Reply_Reverse", 4},
	{"DRARP_Request", 5}, {"DRARP_Reply", 6}, {"DRARP_Error", 7},     {"InARP_Request", 8},
	{"ARP_NAK", 9},       {NULL, 0}};
static const struct value_name ipproto_names[] = {
	{"tcp", 6},  {"udp", 17}, {"udplite", 136}, {"esp", 50},    {"ah", 51},
	{"icmp", 1}, {"igmp", 2}, {"sctp", 132},    {"icmpv6", 58}, {NULL, 0}};
static const struct value_name bool_names[] = {{"true", 1}, {"1", 1},  {"yes", 1}, {"false", 0},
					       {"0", 0},    {"no", 0}, {NULL, 0}};
static const struct value_name state_names[] = {{"NEW", CT_NEW},
						{"ESTABLISHED", CT_ESTABLISHED},
						{"RELATED", CT_RELATED},
						{"INVALID", CT_INVALID},
						{"NONE", 0},
						{NULL, 0}};
static const struct value_name tcpflag_names[] = {
	{"FIN", TCP_FIN}, {"SYN", TCP_SYN}, {"RST", TCP_RST}, {"PSH", TCP_PSH}, {"ACK", TCP_ACK},
	{"URG", TCP_URG}, {"ALL", TCP_ALL}, {"NONE", 0},      {NULL, 0}};
static const struct value_name setflag_names[] = {{"src", 0}, {"dst", 1}, {NULL, 0}};

static const struct value_name *find_name(const struct value_name *names, struct str s)
{
	for (; names->name; names++)
		if (str_eq_nocase(s, str_from(names->name)))
			return names;
	return NULL;
}

static const char *name_of(const struct value_name *names, uint32_t v)
{
	for (; names->name; names++)
		if (names->value == v)
			return names->name;
	return NULL;
}

/* --- readers, one a type: NULL or what is wrong --- */

static const char *read_uint(struct str s, uint32_t *out, bool *hex)
{
	uint64_t v = 0;
	uint32_t i = 0;
	*hex = s.len > 2 && s.s[0] == '0' && (s.s[1] == 'x' || s.s[1] == 'X');
	if (*hex)
		i = 2;
	if (i == s.len)
		return "is not a number";
	for (; i < s.len; i++) {
		unsigned c = (unsigned char)s.s[i];
		unsigned d = c - '0' < 10 ? c - '0' : (c | 32) - 'a' < 6 ? (c | 32) - 'a' + 10 : 99;
		if (d >= (*hex ? 16u : 10u))
			return "is not a number";
		v = v * (*hex ? 16 : 10) + d;
		if (v > UINT32_MAX)
			return "is too large";
	}
	*out = (uint32_t)v;
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Six groups of one or two hexadecimal digits, colons between. */
static const char *read_mac(struct str s, uint8_t mac[6])
{
	uint32_t i = 0;
	for (unsigned g = 0; g < 6; g++) {
		int v = 0, digits = 0;
		if (g && (i >= s.len || s.s[i++] != ':'))
			return "is not a MAC address";
		while (i < s.len && digits < 2 && hex_digit(s.s[i]) >= 0) {
			v = v * 16 + hex_digit(s.s[i++]);
			digits++;
		}
		if (!digits)
			return "is not a MAC address";
		mac[g] = (uint8_t)v;
	}
	return i == s.len ? NULL : "is not a MAC address";
}

/* Length of the leading ones when nothing but zeros follows, else -1. */
static int mask_length(const uint8_t *p, unsigned bytes)
{
	unsigned n = 0;
	while (n < bytes * 8 && (p[n / 8] & (0x80 >> n % 8)))
		n++;
	for (unsigned i = n; i < bytes * 8; i++)
		if (p[i / 8] & (0x80 >> i % 8))
			return -1;
	return (int)n;
}

/* Four decimal octets, no leading zeros: where tools differ (octal or decimal?) we refuse. */
static const char *read_ip4(struct str s, uint32_t *out)
{
	uint32_t v = 0, i = 0;
	for (unsigned g = 0; g < 4; g++) {
		unsigned d = 0, digits = 0;
		if (g && (i >= s.len || s.s[i++] != '.'))
			return "is not an IPv4 address";
		while (i < s.len && digits < 3 && s.s[i] >= '0' && s.s[i] <= '9') {
			if (digits == 1 && d == 0)
				return "has an octet with a leading zero";
			d = d * 10 + (unsigned)(s.s[i++] - '0');
			digits++;
		}
		if (!digits || d > 255)
			return "is not an IPv4 address";
		v = v << 8 | d;
	}
	*out = v;
	return i == s.len ? NULL : "is not an IPv4 address";
}

static const char *read_ip6(struct str s, uint8_t out[16])
{
	char t[INET6_ADDRSTRLEN];
	if (s.len >= sizeof t || memchr(s.s, 0, s.len))
		return "is not an IPv6 address";
	memcpy(t, s.s, s.len);
	t[s.len] = 0;
	return inet_pton(AF_INET6, t, out) == 1 ? NULL : "is not an IPv6 address";
}

static const char *read_mask(struct str s, unsigned bits, uint32_t *out)
{
	bool hex;
	uint8_t b[16];
	int len = -1;
	if (!read_uint(s, out, &hex) && !hex)
		return *out <= bits ? NULL : bits == 32 ? "is outside 0..32" : "is outside 0..128";
	if (bits == 32) {
		uint32_t v;
		if (read_ip4(s, &v))
			return "is neither a prefix length nor a dotted mask";
		v = htonl(v);
		memcpy(b, &v, 4);
	} else if (read_ip6(s, b)) {
		return "is neither a prefix length nor an IPv6 mask";
	}
	len = mask_length(b, bits / 8);
	*out = (uint32_t)len;
	return len < 0 ? "is a mask with holes" : NULL;
}

static const char *read_named(const struct value_name *names, const char *what, struct str s,
			      uint32_t min, uint32_t max, struct value *v)
{
	const struct value_name *n = find_name(names, s);
	if (n) {
		v->u = n->value;
		return NULL;
	}
	if (read_uint(s, &v->u, &v->hex))
		return what;
	return v->u >= min && v->u <= max ? NULL : "is outside the range of the attribute";
}

/* Walks the words of a list with commas; blanks around a word do not count. */
static bool next_word(struct str *rest, struct str *word)
{
	if (!rest->s)
		return false;
	const char *comma = memchr(rest->s, ',', rest->len);
	struct str w = {rest->s, comma ? (uint32_t)(comma - rest->s) : rest->len};
	*rest = comma ? (struct str){comma + 1, rest->len - w.len - 1} : (struct str){NULL, 0};
	while (w.len && (*w.s == ' ' || *w.s == '\t' || *w.s == '\n'))
		w.s++, w.len--;
	while (w.len && (w.s[w.len - 1] == ' ' || w.s[w.len - 1] == '\t' || w.s[w.len - 1] == '\n'))
		w.len--;
	*word = w;
	return true;
}

/* Connection states: blanks part words as commas do; NONE alone means no test. */
static const char *read_state(struct arena *a, struct str s, uint32_t *out)
{
	char *t = arena_copy(a, s.s, s.len);
	struct str rest = {t, s.len}, w;
	bool none = false, any = false;
	*out = 0;
	for (uint32_t i = 0; i < s.len; i++)
		if (t[i] == ' ' || t[i] == '\t' || t[i] == '\n')
			t[i] = ',';
	while (next_word(&rest, &w)) {
		const struct value_name *n = find_name(state_names, w);
		if (!w.len)
			continue;
		if (!n)
			return "is not a list of NEW, ESTABLISHED, RELATED, INVALID, NONE";
		*out |= n->value;
		none |= !n->value;
		any = true;
	}
	if (!any)
		return "names no state";
	return none && *out ? "has NONE beside other states" : NULL;
}

static const char *read_flag_list(struct str s, uint32_t *out)
{
	struct str rest = s, w;
	*out = 0;
	while (next_word(&rest, &w)) {
		const struct value_name *n = find_name(tcpflag_names, w);
		if (!n && w.len)
			return "is not a list of FIN, SYN, RST, PSH, ACK, URG, ALL, NONE";
		*out |= n ? n->value : 0;
	}
	return NULL;
}

static const char *read_tcpflags(struct str s, uint32_t *out)
{
	const char *slash = memchr(s.s, '/', s.len), *why;
	uint32_t mask, flags, n;
	if (!slash)
		return "lacks the '/' between mask and flags";
	n = (uint32_t)(slash - s.s);
	why = read_flag_list((struct str){s.s, n}, &mask);
	if (!why)
		why = read_flag_list((struct str){slash + 1, s.len - n - 1}, &flags);
	if (why)
		return why;
	*out = mask << 8 | flags;
	return NULL;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* IPSET_MAXNAMELEN is 32 with the NUL. */
static const char *read_setname(struct str s)
{
	if (!s.len || s.len > 31)
		return "is not a set name of 1 to 31 characters";
	for (uint32_t i = 0; i < s.len; i++)
		if (!is_alnum(s.s[i]) && (!s.s[i] || !strchr("_.:-+ ", s.s[i])))
			return "has a character that no set name has";
	return NULL;
}

/* Up to six src or dst, one for each part of the set's entries. */
static const char *read_setflags(struct str s, uint32_t *out)
{
	struct str rest = s, w;
	uint32_t n = 0;
	*out = 0;
	while (next_word(&rest, &w)) {
		const struct value_name *d = find_name(setflag_names, w);
		if (!d || n == 6)
			return "is not a list of 1 to 6 of src and dst";
		*out |= d->value << n++;
	}
	*out |= n << 8;
	return NULL;
}

const char *value_parse(struct arena *a, enum value_type type, uint32_t min, uint32_t max,
			struct str s, struct value *v)
{
	const char *why;
	*v = (struct value){.type = (uint8_t)type};
	switch (type) {
	case VT_UINT:
		why = read_uint(s, &v->u, &v->hex);
		return why                        ? why
		       : v->u < min || v->u > max ? "is outside the range of the attribute"
						  : NULL;
	case VT_MAC:
		return read_mac(s, v->mac);
	case VT_MACMASK:
		why = read_mac(s, v->mac);
		return why ? why : mask_length(v->mac, 6) < 0 ? "is a mask with holes" : NULL;
	case VT_IP4:
		return read_ip4(s, &v->u);
	case VT_IP6:
		return read_ip6(s, v->ip6);
	case VT_IP4MASK:
		return read_mask(s, 32, &v->u);
	case VT_IP6MASK:
		return read_mask(s, 128, &v->u);
	case VT_ETHERTYPE:
		return read_named(ethertype_names, "is neither a number nor a known EtherType", s,
				  min, max, v);
	case VT_ARPOP:
		return read_named(arpop_names, "is neither a number nor a known ARP operation", s,
				  min, max, v);
	case VT_IPPROTO:
		return read_named(ipproto_names, "is neither a number nor a known IP protocol", s,
				  min, max, v);
	case VT_BOOL:
		return read_named(bool_names, "is neither true nor false", s, 0, 1, v);
	case VT_STATE:
		return read_state(a, s, &v->u);
	case VT_TCPFLAGS:
		return read_tcpflags(s, &v->u);
	case VT_SETNAME:
		v->text = s;
		return read_setname(s);
	case VT_SETFLAGS:
		return read_setflags(s, &v->u);
	case VT_TEXT:
		v->text = s;
		return NULL;
	case VT_NONE:
		break;
	}
	return "has no type";
}

/* --- printing --- */

static void print_named(struct buf *b, const struct value_name *names, const struct value *v)
{
	const char *name = name_of(names, v->u);
	if (name)
		buf_str(b, str_from(name));
	else if (v->hex)
		buf_lit(b, "0x"), buf_hex(b, v->u, 1);
	else
		buf_uint(b, v->u);
}

static void print_bits(struct buf *b, const struct value_name *names, uint32_t bits, uint32_t all)
{
	bool first = true;
	if (!bits || bits == all) {
		buf_str(b, str_from(name_of(names, bits)));
		return;
	}
	for (; names->name && names->value != all; names++)
		if (names->value && (bits & names->value) == names->value) {
			if (!first)
				buf_char(b, ',');
			buf_str(b, str_from(names->name));
			first = false;
		}
}

static void print_mac(struct buf *b, const uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++) {
		if (i)
			buf_char(b, ':');
		buf_hex(b, mac[i], 2);
	}
}

static void print_ip4(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		buf_uint(b, v >> shift & 255);
		if (shift)
			buf_char(b, '.');
	}
}

void value_print(struct buf *b, const struct value *v)
{
	char t[INET6_ADDRSTRLEN];
	switch ((enum value_type)v->type) {
	case VT_UINT:
		if (v->hex)
			buf_lit(b, "0x"), buf_hex(b, v->u, 1);
		else
			buf_uint(b, v->u);
		break;
	case VT_IP4MASK:
	case VT_IP6MASK:
		buf_uint(b, v->u);
		break;
	case VT_MAC:
	case VT_MACMASK:
		print_mac(b, v->mac);
		break;
	case VT_IP4:
		print_ip4(b, v->u);
		break;
	case VT_IP6:
		buf_str(b, str_from(inet_ntop(AF_INET6, v->ip6, t, sizeof t)));
		break;
	case VT_ETHERTYPE:
		print_named(b, ethertype_names, v);
		break;
	case VT_ARPOP:
		print_named(b, arpop_names, v);
		break;
	case VT_IPPROTO:
		print_named(b, ipproto_names, v);
		break;
	case VT_BOOL:
		buf_str(b, str_from(v->u ? "true" : "false"));
		break;
	case VT_STATE:
		print_bits(b, state_names, v->u, UINT32_MAX);
		break;
	case VT_TCPFLAGS:
		print_bits(b, tcpflag_names, v->u >> 8, TCP_ALL);
		buf_char(b, '/');
		print_bits(b, tcpflag_names, v->u & 255, TCP_ALL);
		break;
	case VT_SETFLAGS:
		for (uint32_t i = 0; i < v->u >> 8; i++)
			buf_printf(b, "%s%s", i ? "," : "", v->u >> i & 1 ? "dst" : "src");
		break;
	case VT_SETNAME:
	case VT_TEXT:
		buf_str(b, v->text);
		break;
	case VT_NONE:
		break;
	}
}

/* --- comparing --- */

static bool is_text(const struct value *v)
{
	return v->type == VT_SETNAME || v->type == VT_TEXT;
}

static unsigned bytes_of(const struct value *v)
{
	return v->type == VT_MAC || v->type == VT_MACMASK ? 6 : v->type == VT_IP6 ? 16 : 0;
}

int value_cmp(const struct value *a, const struct value *b)
{
	if (a->type != b->type)
		return (a->type > b->type) - (a->type < b->type);
	if (is_text(a))
		return str_cmp(a->text, b->text);
	if (bytes_of(a))
		return memcmp(a->mac, b->mac, bytes_of(a));
	return (a->u > b->u) - (a->u < b->u);
}

struct str value_text(struct arena *a, const struct value *v)
{
	struct buf b;
	buf_memory(&b);
	value_print(&b, v);
	return buf_take(a, &b);
}

bool value_eq(const struct value *a, const struct value *b)
{
	return value_cmp(a, b) == 0;
}

uint64_t value_hash(const struct value *v)
{
	if (is_text(v))
		return str_hash(v->text);
	if (bytes_of(v))
		return str_hash((struct str){(const char *)v->mac, bytes_of(v)});
	return (v->u + 1) * 0x9e3779b97f4a7c15u;
}

/* --- words for messages --- */

const char *value_type_name(enum value_type type)
{
	static const char *const names[] = {
		[VT_NONE] = "nothing",
		[VT_UINT] = "a number",
		[VT_MAC] = "a MAC address",
		[VT_MACMASK] = "a MAC mask",
		[VT_IP4] = "an IPv4 address",
		[VT_IP4MASK] = "an IPv4 mask or prefix length",
		[VT_IP6] = "an IPv6 address",
		[VT_IP6MASK] = "an IPv6 mask or prefix length",
		[VT_ETHERTYPE] = "an EtherType",
		[VT_ARPOP] = "an ARP operation",
		[VT_IPPROTO] = "an IP protocol",
		[VT_BOOL] = "true or false",
		[VT_STATE] = "a list of connection states",
		[VT_TCPFLAGS] = "TCP flags as MASK/FLAGS",
		[VT_SETNAME] = "the name of an IP set",
		[VT_SETFLAGS] = "a list of src and dst",
		[VT_TEXT] = "text",
	};
	return names[type];
}

const struct value_name *value_names(enum value_type type)
{
	switch (type) {
	case VT_ETHERTYPE:
		return ethertype_names;
	case VT_ARPOP:
		return arpop_names;
	case VT_IPPROTO:
		return ipproto_names;
	case VT_BOOL:
		return bool_names;
	case VT_STATE:
		return state_names;
	case VT_TCPFLAGS:
		return tcpflag_names;
	case VT_SETFLAGS:
		return setflag_names;
	default:
		return NULL;
	}
}

static u128 from_bytes(const uint8_t *p, uint32_t n)
{
	u128 v = 0;
	for (uint32_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

u128 value_number(const struct value *v)
{
	if (v->type == VT_MAC || v->type == VT_MACMASK)
		return from_bytes(v->mac, 6);
	return v->type == VT_IP6 ? from_bytes(v->ip6, 16) : v->u;
}

/* Masks are ones followed by zeros. */
uint32_t value_prefix(const struct value *mask)
{
	return mask->type == VT_MACMASK
		       ? (uint32_t)__builtin_popcountll((uint64_t)value_number(mask))
		       : mask->u;
}
