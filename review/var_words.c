/* SPDX-License-Identifier: MIT */
#include "review/var_words.h"

/* --- names ------------------------------------------------------------------------------ */

static const struct word_value ether_types[] = {{"ip", 0x0800},   {"ip6", 0x86dd},  {"arp", 0x0806},
						{"rarp", 0x8035}, {"vlan", 0x8100}, {NULL, 0}};
static const struct word_value protocols[] = {
	{"icmp", 1}, {"igmp", 2},    {"tcp", 6},    {"udp", 17},      {"esp", 50},
	{"ah", 51},  {"icmpv6", 58}, {"sctp", 132}, {"udplite", 136}, {NULL, 0}};
static const struct word_value operations[] = {
	{"request", 1}, {"reply", 2}, {"rrequest", 3}, {"rreply", 4}, {NULL, 0}};
static const struct word_value states[] = {
	{"new", CTC_NEW},         {"established", CTC_ESTABLISHED}, {"related", CTC_RELATED},
	{"invalid", CTC_INVALID}, {"untracked", CTC_UNTRACKED},     {NULL, 0}};
static const struct word_value directions[] = {{"original", 0}, {"reply", 1}, {NULL, 0}};
static const struct word_value flags[] = {{"fin", 1},  {"syn", 2},   {"rst", 4},
					  {"psh", 8},  {"ack", 16},  {"urg", 32},
					  {"ecn", 64}, {"cwr", 128}, {NULL, 0}};

enum style { DECIMAL, HEX, MAC, IP4, IP6, FLAGS, NO_VALUE };

static const struct look {
	enum style style;
	const struct word_value *words;
} looks[VARS] = {
	[V_ETHER_TYPE] = {HEX, ether_types},
	[V_VLAN_TYPE] = {HEX, ether_types},
	[V_NET_PROTO] = {DECIMAL, protocols},
	[V_ETHER_SADDR] = {MAC, NULL},
	[V_ETHER_DADDR] = {MAC, NULL},
	[V_ARP_SHA] = {MAC, NULL},
	[V_ARP_THA] = {MAC, NULL},
	[V_STP_ROOT_ADDR] = {MAC, NULL},
	[V_STP_SENDER_ADDR] = {MAC, NULL},
	[V_ARP_PTYPE] = {HEX, NULL},
	[V_ARP_OP] = {DECIMAL, operations},
	[V_ARP_SPA] = {IP4, NULL},
	[V_ARP_TPA] = {IP4, NULL},
	[V_IP4_SADDR] = {IP4, NULL},
	[V_IP4_DADDR] = {IP4, NULL},
	[V_IP6_SADDR] = {IP6, NULL},
	[V_IP6_DADDR] = {IP6, NULL},
	[V_TCP_FLAGS] = {FLAGS, flags},
	[V_CT_STATE] = {DECIMAL, states},
	[V_CT_REPLY] = {DECIMAL, directions},
};

const struct word_value *var_words(enum var_id v)
{
	return looks[v].words;
}

/* --- values ------------------------------------------------------------------------------- */

static void print_flags(struct buf *b, u128 value)
{
	bool any = false;
	for (const struct word_value *f = flags; f->word; f++)
		if (value & f->value) {
			buf_printf(b, "%s%s", any ? "|" : "", f->word);
			any = true;
		}
	if (!any)
		buf_lit(b, "0");
}

/* As the language prints addresses. */
static void print_value(struct buf *b, enum value_type type, u128 value)
{
	struct value v = {.type = (uint8_t)type};
	if (type == VT_IP4)
		v.u = (uint32_t)value;
	uint8_t *bytes = type == VT_MAC ? v.mac : v.ip6;
	uint32_t n = type == VT_MAC ? 6 : type == VT_IP6 ? 16 : 0;
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> 8 * (n - 1 - i));
	value_print(b, &v);
}

void var_print(struct buf *b, enum var_id v, u128 value)
{
	static const enum value_type types[] = {[MAC] = VT_MAC, [IP4] = VT_IP4, [IP6] = VT_IP6};
	enum style style = looks[v].style;
	if (style == FLAGS) {
		print_flags(b, value);
		return;
	}
	for (const struct word_value *w = looks[v].words; w && w->word; w++)
		if (w->value == value) {
			buf_printf(b, "%s", w->word);
			return;
		}
	if (style == MAC || style == IP4 || style == IP6)
		print_value(b, types[style], value);
	else
		buf_printf(b, style == HEX ? "0x%04x" : "%u", (unsigned)value);
}

/* The length of the prefix that lo..hi is; -1 when it is none. */
static int prefix_of(enum var_id v, u128 lo, u128 hi)
{
	u128 size = hi - lo; /* one less */
	int length = vars[v].bits;
	if ((size & (size + 1)) || (lo & size))
		return -1;
	for (; size; size >>= 1)
		length--;
	return length;
}

void var_print_range(struct buf *b, enum var_id v, u128 lo, u128 hi)
{
	enum style style = looks[v].style;
	bool address = style == IP4 || style == IP6 || style == MAC;
	int prefix = address ? prefix_of(v, lo, hi) : -1;
	var_print(b, v, lo);
	if (lo == hi)
		return;
	if (prefix >= 0) {
		buf_printf(b, "/%d", prefix);
		return;
	}
	buf_lit(b, "-");
	var_print(b, v, hi);
}
