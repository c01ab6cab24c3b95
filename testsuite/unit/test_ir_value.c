/* SPDX-License-Identifier: MIT */
/*
 * Values: text to value and back for every type, and every text that the
 * language accepts and we refuse (third column of the table of value types).
 */
#include "ir_fixture.h"

static struct value parse(enum value_type type, uint32_t max, const char *text)
{
	struct value v;
	const char *why = value_parse(fx->arena, type, 0, max, str_from(text), &v);
	if (why)
		print_message("'%s' %s\n", text, why);
	assert_null(why);
	assert_int_equal(v.type, type);
	return v;
}

static const char *print(const struct value *v)
{
	struct buf b;
	buf_memory(&b);
	value_print(&b, v);
	const char *s = arena_copy(fx->arena, b.data, b.n);
	buf_drop(&b);
	return s;
}

struct good {
	enum value_type type;
	const char *text, *printed; /* NULL: as it is */
	uint32_t u;
};

static const struct good goods[] = {
	{VT_UINT, "0", NULL, 0},
	{VT_UINT, "4294967295", NULL, UINT32_MAX},
	{VT_UINT, "007", "7", 7}, /* decimal, not octal */
	{VT_UINT, "010", "10", 10},
	{VT_UINT, "0x1F", "0x1f", 31},
	{VT_UINT, "0X0", "0x0", 0},
	{VT_IP4, "0.0.0.0", NULL, 0},
	{VT_IP4, "255.255.255.255", NULL, UINT32_MAX},
	{VT_IP4, "10.0.200.7", NULL, 0x0a00c807},
	{VT_IP4MASK, "0", NULL, 0},
	{VT_IP4MASK, "32", NULL, 32},
	{VT_IP4MASK, "255.255.0.0", "16", 16},
	{VT_IP4MASK, "0.0.0.0", "0", 0},
	{VT_IP4MASK, "255.255.255.255", "32", 32},
	{VT_IP6MASK, "128", NULL, 128},
	{VT_IP6MASK, "ffff::", "16", 16},
	{VT_IP6MASK, "::", "0", 0},
	{VT_IP6MASK, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "128", 128},
	{VT_ETHERTYPE, "arp", NULL, 0x806},
	{VT_ETHERTYPE, "RARP", "rarp", 0x8035},
	{VT_ETHERTYPE, "IPv4", "ipv4", 0x800},
	{VT_ETHERTYPE, "ipv6", NULL, 0x86dd},
	{VT_ETHERTYPE, "vlan", NULL, 0x8100},
	{VT_ETHERTYPE, "2048", "ipv4", 0x800},
	{VT_ETHERTYPE, "0x88cc", NULL, 0x88cc},
	{VT_ARPOP, "Request", NULL, 1},
	{VT_ARPOP, "reply", "Reply", 2},
	{VT_ARPOP, "REQUEST_REVERSE", "Request_Reverse", 3},
	{VT_ARPOP, "Reply_Reverse", NULL, 4},
	{VT_ARPOP, "DRARP_Request", NULL, 5},
	{VT_ARPOP, "DRARP_Reply", NULL, 6},
	{VT_ARPOP, "DRARP_Error", NULL, 7},
	{VT_ARPOP, "InARP_Request", NULL, 8},
	{VT_ARPOP, "ARP_NAK", NULL, 9},
	{VT_ARPOP, "10", NULL, 10},
	{VT_ARPOP, "2", "Reply", 2},
	{VT_IPPROTO, "tcp", NULL, 6},
	{VT_IPPROTO, "UDP", "udp", 17},
	{VT_IPPROTO, "udplite", NULL, 136},
	{VT_IPPROTO, "esp", NULL, 50},
	{VT_IPPROTO, "ah", NULL, 51},
	{VT_IPPROTO, "icmp", NULL, 1},
	{VT_IPPROTO, "igmp", NULL, 2},
	{VT_IPPROTO, "sctp", NULL, 132},
	{VT_IPPROTO, "icmpv6", NULL, 58},
	{VT_IPPROTO, "33", NULL, 33},
	{VT_IPPROTO, "0x21", NULL, 33},
	{VT_BOOL, "true", NULL, 1},
	{VT_BOOL, "1", "true", 1},
	{VT_BOOL, "YES", "true", 1},
	{VT_BOOL, "false", NULL, 0},
	{VT_BOOL, "0", "false", 0},
	{VT_BOOL, "no", "false", 0},
	{VT_STATE, "NEW", NULL, CT_NEW},
	{VT_STATE, "related,NEW", "NEW,RELATED", CT_NEW | CT_RELATED},
	{VT_STATE, "NEW, ESTABLISHED ,RELATED,INVALID", "NEW,ESTABLISHED,RELATED,INVALID", 15},
	{VT_STATE, "NEW,NEW", "NEW", CT_NEW},
	{VT_STATE, "None", "NONE", 0},
	{VT_TCPFLAGS, "SYN/ALL", NULL, TCP_SYN << 8 | TCP_ALL},
	{VT_TCPFLAGS, "ALL/SYN,ACK", NULL, TCP_ALL << 8 | TCP_SYN | TCP_ACK},
	{VT_TCPFLAGS, "syn , rst/NONE", "SYN,RST/NONE", (TCP_SYN | TCP_RST) << 8},
	{VT_TCPFLAGS, "FIN,SYN,RST,PSH,ACK,URG/FIN", "ALL/FIN", TCP_ALL << 8 | TCP_FIN},
	{VT_SETFLAGS, "src", NULL, 1 << 8},
	{VT_SETFLAGS, "DST,src,dst", "dst,src,dst", 3 << 8 | 5},
	{VT_SETFLAGS, "src,dst,src,dst,src,dst", NULL, 6 << 8 | 42},
};

static void test_values_and_their_text(void **state)
{
	for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
		const struct good *g = &goods[i];
		struct value v = parse(g->type, UINT32_MAX, g->text);

		assert_int_equal(v.u, g->u);
		assert_string_equal(print(&v), g->printed ? g->printed : g->text);
		struct value again = parse(g->type, UINT32_MAX, print(&v));
		assert_true(value_eq(&v, &again));
	}
}

static void test_macs(void **state)
{
	static const char *const texts[][2] = {{"52:54:00:12:34:56", "52:54:00:12:34:56"},
					       {"1:2:3:a:B:fF", "01:02:03:0a:0b:ff"},
					       {"0:0:0:0:0:0", "00:00:00:00:00:00"}};
	for (int i = 0; i < 3; i++) {
		struct value v = parse(VT_MAC, 0, texts[i][0]);
		assert_string_equal(print(&v), texts[i][1]);
	}
	assert_memory_equal(parse(VT_MAC, 0, "1:2:3:a:B:fF").mac, "\x01\x02\x03\x0a\x0b\xff", 6);
	parse(VT_MACMASK, 0, "ff:ff:ff:00:00:00");
	parse(VT_MACMASK, 0, "0:0:0:0:0:0");
	parse(VT_MACMASK, 0, "ff:ff:ff:ff:ff:ff");
	parse(VT_MACMASK, 0, "ff:f0:0:0:0:0");
}

static void test_ipv6_addresses(void **state)
{
	static const char *const texts[][2] = {{"::", "::"},
					       {"::1", "::1"},
					       {"FE80::1", "fe80::1"},
					       {"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
					       {"::ffff:10.0.0.1", "::ffff:10.0.0.1"}};
	for (int i = 0; i < 5; i++) {
		struct value v = parse(VT_IP6, 0, texts[i][0]);
		assert_string_equal(print(&v), texts[i][1]);
	}
}

static void test_text_and_set_names(void **state)
{
	struct value v = parse(VT_SETNAME, 0, "a_b.c:d-e+f 9");
	assert_string_equal(print(&v), "a_b.c:d-e+f 9");
	v = parse(VT_SETNAME, 0, "0123456789012345678901234567890");
	v = parse(VT_TEXT, 0, "any \" ' $x \xc3\xa4");
	assert_string_equal(print(&v), "any \" ' $x \xc3\xa4");
	parse(VT_TEXT, 0, "");
}

static const struct {
	enum value_type type;
	const char *text;
} bads[] = {
	/* numbers: no hexadecimal without 0x, no signs, no blanks, no trash, 32 bits */
	{VT_UINT, ""},
	{VT_UINT, "ff"},
	{VT_UINT, "0x"},
	{VT_UINT, " 1"},
	{VT_UINT, "1 "},
	{VT_UINT, "+1"},
	{VT_UINT, "-1"},
	{VT_UINT, "1,2"},
	{VT_UINT, "4294967296"},
	{VT_UINT, "0x100000000"},
	{VT_UINT, "99999999999999999999999999"},
	{VT_UINT, "1e3"},
	{VT_UINT, "0b1"},
	{VT_UINT, "0xg"},
	{VT_MAC, ""},
	{VT_MAC, "52:54:00:12:34"},
	{VT_MAC, "52:54:00:12:34:56:78"},
	{VT_MAC, "525400123456"},
	{VT_MAC, "52-54-00-12-34-56"},
	{VT_MAC, "052:54:00:12:34:56"},
	{VT_MAC, "52:54:00:12:34:5g"},
	{VT_MAC, "52:54::12:34:56"},
	{VT_MAC, "52:54:00:12:34:56 "},
	{VT_MAC, "52:54:00:12:34:"},
	{VT_MACMASK, "ff:0:ff:0:0:0"},
	{VT_MACMASK, "0:0:0:0:0:1"},
	{VT_MACMASK, "24"},
	/* addresses: four octets in decimal; no leading zeros, since some read them as octal */
	{VT_IP4, ""},
	{VT_IP4, "10.0.0"},
	{VT_IP4, "10.0.0.1.2"},
	{VT_IP4, "10.0.0.256"},
	{VT_IP4, "10.0.0.01"},
	{VT_IP4, "010.0.0.1"},
	{VT_IP4, "10.0.0.1/24"},
	{VT_IP4, "0x0a.0.0.1"},
	{VT_IP4, "10.0.0.1 "},
	{VT_IP4, " 10.0.0.1"},
	{VT_IP4, "167772161"},
	{VT_IP4, "10..0.1"},
	{VT_IP4, "10.0.0."},
	{VT_IP4, "::1"},
	{VT_IP4, "1000.0.0.1"},
	{VT_IP4, "00.0.0.0"},
	{VT_IP4MASK, ""},
	{VT_IP4MASK, "33"},
	{VT_IP4MASK, "-1"},
	{VT_IP4MASK, "255.0.255.0"},
	{VT_IP4MASK, "0.0.0.255"},
	{VT_IP4MASK, "0x18"},
	{VT_IP4MASK, "/24"},
	{VT_IP4MASK, "255.255.255"},
	{VT_IP6, ""},
	{VT_IP6, "10.0.0.1"},
	{VT_IP6, "fe80::1%eth0"},
	{VT_IP6, "::1/128"},
	{VT_IP6, "1::2::3"},
	{VT_IP6, "12345::"},
	{VT_IP6, "1:2:3:4:5:6:7"},
	{VT_IP6, "[::1]"},
	{VT_IP6, "::1 "},
	{VT_IP6MASK, "129"},
	{VT_IP6MASK, "ff0f::"},
	{VT_IP6MASK, "255.0.0.0"},
	{VT_IP6MASK, ""},
	{VT_ETHERTYPE, "ip"},
	{VT_ETHERTYPE, ""},
	{VT_ETHERTYPE, "0x10000"},
	{VT_ETHERTYPE, "arp "},
	{VT_ARPOP, "Requests"},
	{VT_ARPOP, "65536"},
	{VT_ARPOP, ""},
	{VT_IPPROTO, "dccp"},
	{VT_IPPROTO, "65536"},
	{VT_IPPROTO, ""},
	/* a word that is neither is an error, never false */
	{VT_BOOL, "on"},
	{VT_BOOL, ""},
	{VT_BOOL, "2"},
	{VT_BOOL, "t"},
	{VT_BOOL, " true"},
	{VT_STATE, ""},
	{VT_STATE, ","},
	{VT_STATE, "OLD"},
	{VT_STATE, "NEW,NONE"},
	{VT_STATE, "NEWESTABLISHED"},
	{VT_STATE, "UNTRACKED"},
	{VT_STATE, "NEW;RELATED"},
	{VT_TCPFLAGS, "SYN"},
	{VT_TCPFLAGS, ""},
	{VT_TCPFLAGS, "SYN/FOO"},
	{VT_TCPFLAGS, "0x3f/SYN"},
	{VT_TCPFLAGS, "ECE/ECE"},
	{VT_TCPFLAGS, "SYN/ALL/ACK"},
	{VT_SETNAME, ""},
	{VT_SETNAME, "01234567890123456789012345678901"},
	{VT_SETNAME, "a/b"},
	{VT_SETNAME, "a,b"},
	{VT_SETNAME, "a'b"},
	{VT_SETNAME, "a\nb"},
	{VT_SETNAME, "\xc3\xa4"},
	{VT_SETNAME, "$(x)"},
	{VT_SETFLAGS, ""},
	{VT_SETFLAGS, "src,"},
	{VT_SETFLAGS, "both"},
	{VT_SETFLAGS, "src,src,src,src,src,src,src"},
	{VT_SETFLAGS, "src dst"},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
		struct value v;
		const char *why =
			value_parse(fx->arena, bads[i].type, 0,
				    65535 + (bads[i].type == VT_UINT) * (UINT32_MAX - 65535),
				    str_from(bads[i].text), &v);
		if (!why || !*why)
			print_message("%s: '%s' is taken\n", value_type_name(bads[i].type),
				      bads[i].text);
		assert_non_null(why);
		assert_true(*why);
	}
}

static void test_nul_bytes_are_refused(void **state)
{
	static const enum value_type types[] = {VT_UINT,    VT_MAC,   VT_IP4, VT_IP6,
						VT_SETNAME, VT_STATE, VT_BOOL};
	static const struct str texts[] = {{"1\0", 2},   {"1:2:3:4:5:6\0", 12}, {"1.2.3.4\0", 8},
					   {"::1\0", 4}, {"a\0b", 3},           {"NEW\0", 4},
					   {"1\0", 2}};
	for (int i = 0; i < 7; i++) {
		struct value v;
		assert_non_null(value_parse(fx->arena, types[i], 0, 65535, texts[i], &v));
	}
}

static void test_ranges(void **state)
{
	struct value v;
	assert_null(value_parse(fx->arena, VT_UINT, 5, 10, STR("5"), &v));
	assert_null(value_parse(fx->arena, VT_UINT, 5, 10, STR("0xa"), &v));
	assert_non_null(value_parse(fx->arena, VT_UINT, 5, 10, STR("4"), &v));
	assert_non_null(value_parse(fx->arena, VT_UINT, 5, 10, STR("11"), &v));
	assert_null(value_parse(fx->arena, VT_ETHERTYPE, 0x600, 0xffff, STR("1536"), &v));
	assert_non_null(value_parse(fx->arena, VT_ETHERTYPE, 0x600, 0xffff, STR("0x5ff"), &v));
}

static void test_all_names_of_a_type_parse(void **state)
{
	for (enum value_type t = VT_UINT; t <= VT_TEXT; t++) {
		const struct value_name *n = value_names(t);
		assert_true(strlen(value_type_name(t)) > 3);
		for (; n && n->name; n++)
			if (t != VT_TCPFLAGS) /* a list of them is */
				parse(t, 65535, n->name);
	}
}

/* --- random values: printed and read again they are the same, ordered and hashed alike --- */

static uint64_t seed = 1;
static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static struct value random_value(enum value_type t)
{
	struct value v = {.type = (uint8_t)t};
	static const char letters[] = "abcXYZ019_.:-+ ";
	switch (t) {
	case VT_MAC:
	case VT_IP6:
		for (unsigned i = 0; i < (t == VT_MAC ? 6 : 16); i++)
			v.ip6[i] = (uint8_t)(rnd(3) ? rnd(256) : 0);
		break;
	case VT_MACMASK:
		for (unsigned i = 0, n = rnd(49); i < n; i++)
			v.mac[i / 8] |= (uint8_t)(0x80 >> i % 8);
		break;
	case VT_UINT:
	case VT_ETHERTYPE:
	case VT_ARPOP:
		v.u = rnd(65536);
		v.hex = rnd(2);
		break;
	case VT_IPPROTO:
		v.u = rnd(256);
		break;
	case VT_IP4:
		v.u = rnd(65536) << 16 | rnd(65536);
		break;
	case VT_IP4MASK:
		v.u = rnd(33);
		break;
	case VT_IP6MASK:
		v.u = rnd(129);
		break;
	case VT_BOOL:
		v.u = rnd(2);
		break;
	case VT_STATE:
		v.u = rnd(16);
		break;
	case VT_TCPFLAGS:
		v.u = rnd(64) << 8 | rnd(64);
		break;
	case VT_SETFLAGS:
		v.u = 1 + rnd(6);
		v.u = v.u << 8 | rnd(1u << v.u);
		break;
	default:
		v.text = (struct str){arena_new_array(fx->arena, char, 32), 1 + rnd(31)};
		for (uint32_t i = 0; i < v.text.len; i++)
			((char *)v.text.s)[i] = letters[rnd(sizeof letters - 1)];
	}
	return v;
}

static void test_random_round_trip(void **state)
{
	for (int i = 0; i < 50000; i++) {
		enum value_type t = VT_UINT + rnd(VT_TEXT);
		struct value v = random_value(t), again = parse(t, UINT32_MAX, print(&v));
		if (!value_eq(&v, &again))
			print_message("%s: %s\n", value_type_name(t), print(&v));
		assert_true(value_eq(&v, &again));
		assert_int_equal(value_cmp(&v, &again), 0);
		assert_true(value_hash(&v) == value_hash(&again));
		assert_string_equal(print(&v), print(&again));
	}
}

static void test_random_order(void **state)
{
	for (int i = 0; i < 20000; i++) {
		enum value_type t = VT_UINT + rnd(VT_TEXT);
		struct value v[3] = {random_value(t), random_value(t), random_value(t)};
		assert_true((value_cmp(&v[0], &v[1]) > 0) == (value_cmp(&v[1], &v[0]) < 0));
		assert_true(value_eq(&v[0], &v[1]) == (value_cmp(&v[0], &v[1]) == 0));
		if (value_cmp(&v[0], &v[1]) <= 0 && value_cmp(&v[1], &v[2]) <= 0)
			assert_true(value_cmp(&v[0], &v[2]) <= 0);
	}
}

/* Any bytes: a reason or a value that prints and reads again. */
static void test_random_text(void **state)
{
	static const char bytes[] = "0123456789abcdefxX.:/, -SYNACKallnoew$@[]\n\t\x80\xff";
	for (int i = 0; i < 200000; i++) {
		char text[48];
		struct value v;
		uint32_t n = rnd(sizeof text);
		enum value_type t = VT_UINT + rnd(VT_TEXT);
		for (uint32_t k = 0; k < n; k++)
			text[k] = bytes[rnd(sizeof bytes - 1)];
		if (value_parse(fx->arena, t, 0, 65535, (struct str){text, n}, &v))
			continue;
		struct value again = parse(t, UINT32_MAX, print(&v));
		assert_true(value_eq(&v, &again));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values_and_their_text),
		TEST(test_macs),
		TEST(test_ipv6_addresses),
		TEST(test_text_and_set_names),
		TEST(test_refusals),
		TEST(test_nul_bytes_are_refused),
		TEST(test_ranges),
		TEST(test_all_names_of_a_type_parse),
		TEST(test_random_round_trip),
		TEST(test_random_order),
		TEST(test_random_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
