/* SPDX-License-Identifier: MIT */
/*
 * Frames: what is read out of them, where they are cut or lie, and that a
 * packet's frame is read as that packet, with checksums that hold.
 */
#include "review_fixture.h"

#include "review/packet_bytes.h"

static struct frame read_hex(const char *hex)
{
	struct frame f;
	struct str bytes;
	assert_true(bytes_from_hex(fx->arena, str_from(hex), &bytes));
	assert_true(frame_read(bytes, SIDE_OUT, &f));
	return f;
}

#define ETHER    "ffffffffffff 525400123456 "
#define IP6_HEAD "20010db8000000000000000000000001 20010db8000000000000000000000002 "

static void test_fields(void **state)
{
	static const struct {
		const char *hex;
		struct {
			enum var_id v;
			uint64_t value;
		} want[6];
	} cases[] = {
		/* ARP with a hardware address of 8 bytes: the protocol address is found */
		{ETHER
		 "0806 0018 0800 08 04 0001 0102030405060708 0a000001 0000000000000000 0a000002",
		 {{V_ARP_HTYPE, 24},
		  {V_ARP_HLEN, 8},
		  {V_ARP_SPA, 0x0a000001},
		  {V_ARP_TPA, 0x0a000002}}},
		/* ... and with 16 bytes of protocol address it is none */
		{ETHER "0806 0001 86dd 06 10 0002 010203040506" IP6_HEAD "0a0b0c0d0e0f00000000",
		 {{V_ARP_SHA, 0x010203040506}, {V_ARP_OP, 2}, {V_ARP_THA, 0x20010db80000}}},
		{ETHER "8100 e005 0800 4500", {{V_VLAN_ID, 5}, {V_VLAN_TYPE, 0x800}}},
		{"0180c2000000 525400123456 0026 424203 0000 00 00 01 8000 020000000011 00000004 "
		 "9000 "
		 "020000000012 8001 0100 1400 0200 0f00",
		 {{V_BPDU, 1},
		  {V_STP_FLAGS, 1},
		  {V_STP_ROOT_COST, 4},
		  {V_STP_SENDER_PRIO, 0x9000},
		  {V_STP_DELAY, 0xf00}}},
		{"0180c2000000 525400123456 0007 424203 0000 00 80",
		 {{V_BPDU, 1}, {V_STP_TYPE, 0x80}}},
		/* IPv4 with options, TCP with options */
		{ETHER "0800 46b8 0034 0001 0000 40 06 ab08 0a000001 c0000201 01010100 "
		       "9c40 0050 00000001 00000000 7012 2000 0000 0000 020405b4 01030307",
		 {{V_DSCP, 46}, {V_SPORT, 40000}, {V_DPORT, 80}, {V_TCP_FLAGS, 0x12}}},
		/* IPv6: hop-by-hop, destination, an atomic fragment, then UDP */
		{ETHER "86dd 6b800000 0020 00 40 " IP6_HEAD "3c00010400000000 2c00010400000000 "
		       "1100000000000001 0043004400080000",
		 {{V_NET_PROTO, 17}, {V_SPORT, 67}, {V_DPORT, 68}, {V_DSCP, 46}, {V_FRAGMENT, 0}}},
		/* a later fragment has no ports */
		{ETHER "86dd 60000000 0010 2c 40 " IP6_HEAD "1100000800000001 0043004400080000",
		 {{V_NET_PROTO, 17}, {V_FRAGMENT, 1}, {V_SPORT, 0}}},
		/* AH ends the walk */
		{ETHER "86dd 60000000 0020 33 40 " IP6_HEAD
		       "0604000000000001 0000000100000000 0000000000000000 0043004400080000",
		 {{V_NET_PROTO, 51}}},
		{ETHER "86dd 60000000 0008 3a ff " IP6_HEAD "8700000000000000",
		 {{V_ICMP_TYPE, 135}}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct frame f = read_hex(cases[i].hex);
		if (f.malformed)
			print_message("case %zu: %s\n", i, f.malformed);
		assert_null(f.malformed);
		for (int k = 0; k < 6; k++) {
			if (f.packet.v[cases[i].want[k].v] != cases[i].want[k].value &&
			    cases[i].want[k].v)
				print_message("case %zu: %s is %llx\n", i,
					      vars[cases[i].want[k].v].words,
					      (unsigned long long)f.packet.v[cases[i].want[k].v]);
			assert_true(!cases[i].want[k].v ||
				    f.packet.v[cases[i].want[k].v] == cases[i].want[k].value);
		}
	}
	struct frame f = read_hex(cases[5].hex);
	assert_int_equal(f.packet.tcp_options[0], 1 << 1 | 1 << 2 | 1 << 3);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *hex, *why;
	} cases[] = {
		{ETHER "0806 0001 0800 06", "the ARP header is cut short"},
		{ETHER "0806 0001 0800 ff ff 0001 010203040506", "the ARP addresses are cut short"},
		{ETHER "8100 0005", "the VLAN tag is cut short"},
		{ETHER "0026 424203 0000 00 00 01", "the BPDU is cut short"},
		{ETHER "0800 4500 0014 0001 0000 40 06", "the IPv4 header is cut short"},
		{ETHER "0800 6500 0014 0001 0000 4006 6cd0 0a000001 c0000201",
		 "the version is not 4"},
		{ETHER "0800 4400 0014 0001 0000 4006 6cd0 0a000001 c0000201",
		 "the lengths of the IPv4 header are wrong"},
		{ETHER "0800 4f00 0014 0001 0000 4006 6cd0 0a000001 c0000201",
		 "the lengths of the IPv4 header are wrong"},
		{ETHER "0800 4500 0014 0001 0000 4006 ffff 0a000001 c0000201",
		 "the checksum of the IPv4 header is wrong"},
		{ETHER "86dd 60000000 0008 06 40", "the IPv6 header is cut short"},
		{ETHER "86dd 60000000 0008 06 40 " IP6_HEAD "0102", "the IPv6 packet is cut short"},
		{ETHER "86dd 60000000 0008 06 40 " IP6_HEAD "0102030405060708",
		 "the TCP header is cut short"},
		{ETHER "86dd 60000000 0008 00 40 " IP6_HEAD "00ff030405060708",
		 "the IPv6 extension headers are cut short"},
		{ETHER "86dd 60000000 0002 11 40 " IP6_HEAD "0102", "the ports are cut short"},
		{ETHER "86dd 60000000 0001 3a 40 " IP6_HEAD "87", "the ICMP header is cut short"},
		{ETHER "86dd 60000000 0014 06 40 " IP6_HEAD
		       "00160017 00000000 00000000 1002 0000 00000000",
		 "the length of the TCP header is wrong"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct frame f = read_hex(cases[i].hex);
		assert_non_null(f.malformed);
		assert_string_equal(f.malformed, cases[i].why);
	}
	struct frame f;
	assert_false(frame_read(STR("0123456789abc"), SIDE_IN, &f));
}

static void test_hex(void **state)
{
	struct str bytes;
	static const char *const good[] = {"0x0a0b", "0a:0b", "0A 0b", "0a0b\n", "0a-0b"};
	static const char *const bad[] = {"", "0x", "0", "0a0", "xy", "0a 0", "0a 0x0b"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(bytes_from_hex(fx->arena, str_from(good[i]), &bytes));
		assert_true(str_eq(bytes, STR("\n\v")));
		assert_true(str_eq(bytes_to_hex(fx->arena, bytes), STR("0a0b")));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(bytes_from_hex(fx->arena, str_from(bad[i]), &bytes));
}

/* --- properties ----------------------------------------------------------------------------- */

static bool sums_hold(const struct frame *f)
{
	const struct packet *p = &f->packet;
	const uint8_t *b = (const uint8_t *)p->bytes.s;
	uint32_t n = f->end - f->transport, proto = (uint32_t)p->v[V_NET_PROTO];
	bool six = packet_meets(p, C_IP6);
	if (!f->transport || !packet_meets(p, C_TH))
		return true;
	uint32_t pseudo = checksum_add(proto + n, b + f->network + (six ? 8 : 12), six ? 32 : 8);
	uint32_t sum = checksum_add(0, b + f->transport, n);
	switch (proto) {
	case 6:
	case 17:
	case 33:
	case 136:
		return checksum_end(checksum_add(pseudo, b + f->transport, n)) == 0;
	case 1:
	case 58:
		return checksum_end(six ? checksum_add(pseudo, b + f->transport, n) : sum) == 0;
	case 2:
		return checksum_end(sum) == 0;
	default:
		return true;
	}
}

/* Connection state and answers are not in bytes. */
static void strip(struct packet *p)
{
	p->v[V_CT_STATE] = p->v[V_CT_REPLY] = 0;
	p->unknowns.n = 0;
}

static void test_read_back(void **state)
{
	struct dice d = {12};
	for (int i = 0; i < 30000; i++) {
		struct packet p = random_packet(&d);
		struct frame f;
		const char *why;
		strip(&p);
		enum var_id v = (enum var_id)roll(&d, VARS);
		if (vars[v].bits >= 32 && packet_has(&p, v))
			p.v[v] = ((u128)d.state << 64 | d.state) & var_max(v);
		struct str bytes = packet_to_bytes(fx->arena, &p, &why);
		assert_null(why);
		assert_true(frame_read(bytes, p.side, &f));
		for (int k = 0; k < VARS; k++)
			if (f.packet.v[k] != p.v[k])
				print_message("%s: %llx, read %llx of %.*s\n", vars[k].words,
					      (unsigned long long)p.v[k],
					      (unsigned long long)f.packet.v[k],
					      STR_ARG(bytes_to_hex(fx->arena, bytes)));
		assert_memory_equal(f.packet.v, p.v, sizeof p.v);
		assert_memory_equal(f.packet.tcp_options, p.tcp_options, sizeof p.tcp_options);
		bool cut = packet_meets(&p, C_IP6) && !p.v[V_FRAGMENT] && p.v[V_NET_PROTO] == 44;
		assert_true(!f.malformed == !cut);
		assert_true(sums_hold(&f));
	}
}

/* Any cut of a frame: nothing is found that was not there. */
static void test_cut(void **state)
{
	struct dice d = {77};
	for (int i = 0; i < 300; i++) {
		struct packet p = random_packet(&d);
		const char *why;
		struct str bytes = packet_to_bytes(fx->arena, &p, &why);
		for (uint32_t n = 0; n < bytes.len; n++) {
			char *exact = malloc(n + !n);
			struct frame f;
			memcpy(exact, bytes.s, n);
			bool good = frame_read((struct str){exact, n}, p.side, &f);
			assert_int_equal(good, n >= 14);
			for (int v = 0; good && v < VARS; v++)
				assert_true(f.packet.v[v] == 0 || f.packet.v[v] == p.v[v] ||
					    (v == V_NET_PROTO && f.packet.v[v] == 44 &&
					     p.v[V_FRAGMENT]));
			free(exact);
		}
	}
}

static void test_too_many_options(void **state)
{
	struct packet p = {.tcp_options = {0x7ff}};
	const char *why;
	p.v[V_ETHER_TYPE] = 0x0800;
	p.v[V_NET_PROTO] = 6;
	assert_int_equal(packet_to_bytes(fx->arena, &p, &why).len, 0);
	assert_non_null(why);
}

static void test_crc(void **state)
{
	assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xe3069283); /* RFC 3720 B.4 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hex, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_options, setup, teardown),
		cmocka_unit_test(test_crc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
