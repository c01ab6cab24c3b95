/* SPDX-License-Identifier: MIT */
/*
 * Packets in words: what follows from what is said, what is wrong and where, and
 * that what is printed is read back as the same packet.
 */
#include "review_fixture.h"

#include "review/packet_words.h"
#include "review/space.h"

static struct packet usual[SIDES];

static int begin(void **state)
{
	setup(state);
	read_xml(FILTER("f",
			"<rule action='drop' direction='out'><ip srcipaddr='$IP'/></rule>"
			"<rule action='drop' direction='out'><ipv6 srcipaddr='$IPV6'/></rule>"));
	read_xml(PORT("f", REVIEW_PARAMS));
	struct build b = build_good();
	for (int side = 0; side < SIDES; side++)
		usual[side] = usual_packet(&b.ports.items[0], (enum side)side);
	return 0;
}

static struct packet read_words(const char *words)
{
	struct packet p;
	struct words_error e;
	if (!packet_read_words(fx->arena, str_from(words), usual, &p, &e)) {
		print_message("%s: %.*s\n", words, STR_ARG(e.text));
		fail();
	}
	return p;
}

static struct str printed(const struct packet *p)
{
	struct buf b;
	buf_memory(&b);
	packet_print_words(&b, p, usual);
	return buf_take(fx->arena, &b);
}

static void test_canonical(void **state)
{
	static const struct {
		const char *words, *want;
	} cases[] = {
		{"out arp request spa 10.0.0.9", "out arp request spa 10.0.0.9 tpa 192.0.2.1"},
		{"arp spa 10.0.0.9", "out arp request spa 10.0.0.9 tpa 192.0.2.1"},
		{"in tcp 10.0.0.1:4000 > 192.0.2.1:80 syn state new",
		 "in tcp 10.0.0.1:4000 > 192.0.2.1:80"},
		{"out ether saddr 52:54:00:00:00:02 type 0x88cc",
		 "out ether type 0x88cc saddr 52:54:00:00:00:02"},
		{"out ether saddr 52:54:00:12:34:56 ether type 0x88cc", "out ether type 0x88cc"},
		{"out ip6 saddr fe80::1 udp dport 53",
		 "out udp [fe80::1]:40000 > [2001:db8::1]:53"},
		{"in icmpv6 nd-router-advert", "in icmpv6 2001:db8::1 > 2001:db8::1 type 134"},
		{"in icmp echo-reply state established reply",
		 "in icmp 192.0.2.1 > 10.0.0.1 type 0 ct state established "
		 "direction reply"},
		{"out tcp dport 22 syn ack state invalid",
		 "out tcp 10.0.0.1:40000 > 192.0.2.1:22 ct state invalid tcp flags syn|ack"},
		{"out vlan 5 type ip", "out vlan 5"},
		{"out stp root-priority 1", "out stp root-priority 1"},
		{"in rarp", "in rarp rrequest spa 192.0.2.1 tpa 10.0.0.1"},
		{"out udp > 255.255.255.255:67", "out udp 10.0.0.1:40000 > 255.255.255.255:67"},
		{"tcp option mss", "out tcp 10.0.0.1:40000 > 192.0.2.1:80 option 2"},
		{"tcp given \"in ipset bad by src\"",
		 "out tcp 10.0.0.1:40000 > 192.0.2.1:80 given \"in ipset bad by src\""},
		{"tcp fragment", "out tcp 10.0.0.1 > 192.0.2.1 later fragment"},
		{"ip protocol 253", "out ip protocol 253 10.0.0.1 > 192.0.2.1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct packet p = read_words(cases[i].words);
		assert_text(arena_copy(fx->arena, printed(&p).s, printed(&p).len), cases[i].want);
	}
}

static void test_follows(void **state)
{
	struct packet p = read_words("out udp > 224.0.0.251:5353");
	assert_true(p.v[V_ETHER_DADDR] == 0x01005e0000fb);
	p = read_words("out arp reply");
	assert_true(p.v[V_ETHER_DADDR] == 0x525400000001 && p.v[V_ARP_SPA] == 0x0a000001);
	p = read_words("in tcp");
	assert_true(p.v[V_ETHER_DADDR] == 0x525400123456 && p.v[V_IP4_DADDR] == 0x0a000001);
	p = read_words("out icmpv6 > ff02::1");
	assert_true(p.v[V_ETHER_DADDR] == 0x333300000001 && p.v[V_ICMP_TYPE] == 128);
	p = read_words("out tcp state established");
	assert_true(p.v[V_TCP_FLAGS] == TCP_ACK);
}

static void test_errors(void **state)
{
	static const struct {
		const char *words, *at, *text, *hint;
	} cases[] = {
		{"out arp reqest", "reqest", "'reqest' says nothing of a packet behind arp",
		 "did you mean request?"},
		{"tpc dport 22", "tpc", "'tpc' says nothing of a packet", "did you mean tcp?"},
		{"tcp dprot 22", "dprot", "'dprot' says nothing of a packet behind tcp",
		 "did you mean dport?"},
		{"tcp dport 70000", "70000", "'70000' is outside 0..65535", ""},
		{"tcp dport", "", "'dport' wants a value", ""},
		{"arp spa 10.0.0", "10.0.0", "'10.0.0' is not an IPv4 address", ""},
		{"tcp udp", "udp",
		 "a packet is one kind only: this is udp, and another one was said before", ""},
		{"tcp 10.0.0.1 > fe80::1", "fe80::1",
		 "this is IPv6, and what stands before it IPv4", ""},
		{"udp tcp flags syn", "tcp",
		 "a packet is one kind only: this is tcp, and another one was said before", ""},
		{"arp vlan id 5", "vlan",
		 "a packet is one kind only: this is vlan, and another one was said before", ""},
		{"udp flags syn", "flags", "'flags' says nothing of a packet behind udp", ""},
		{"tcp state newest", "newest", "'newest' is not a number",
		 "it is one of new, established, related, invalid, untracked, or a number"},
		{"", "", "there is no packet", ""},
		{"tcp given x", "x", "'given' wants what holds, in double quotes", ""},
		{"tcp given \"x", "\"x", "the string has no end", ""},
		{"tcp >", "", "'>' wants the destination behind it", ""},
		{"udp option 2", "", "only TCP has options", ""},
		{"arp icmp type 3", "icmp", "this packet has no 'ip protocol'", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct packet p;
		struct words_error e;
		struct str words = str_from(cases[i].words);
		assert_false(packet_read_words(fx->arena, words, usual, &p, &e));
		assert_true(e.lo <= e.hi && e.hi <= words.len);
		assert_text(arena_copy(fx->arena, e.text.s, e.text.len), cases[i].text);
		assert_text(arena_copy(fx->arena, e.hint.s, e.hint.len), cases[i].hint);
		assert_text(arena_copy(fx->arena, words.s + e.lo, e.hi - e.lo), cases[i].at);
	}
}

static bool same_packet(const struct packet *p, const struct packet *q)
{
	bool same = p->side == q->side && p->unknowns.n == q->unknowns.n &&
		    memcmp(p->v, q->v, sizeof p->v) == 0 &&
		    memcmp(p->tcp_options, q->tcp_options, sizeof p->tcp_options) == 0;
	for (uint32_t i = 0; same && i < p->unknowns.n; i++)
		same = str_eq(p->unknowns.items[i], q->unknowns.items[i]);
	return same;
}

static void test_read_back(void **state)
{
	struct dice d = {99};
	for (int i = 0; i < 8000; i++) {
		struct packet p = random_packet(&d), q;
		struct words_error e;
		if (chance(&d, 5))
			*vec_push(fx->arena, &p.unknowns) =
				STR("more than 4 connections of the source");
		for (int k = 0; k < 3; k++) { /* and values from no pool */
			enum var_id v = (enum var_id)roll(&d, VARS);
			if (v > V_CT_STATE || chance(&d, 60) || vars[v].bits == 1 ||
			    v == V_CT_STATE)
				continue;
			p.v[v] = (((u128)d.state << 64) | (d.state * 77)) & var_max(v);
		}
		if (p.v[V_BPDU] && p.v[V_ETHER_TYPE] > 1500)
			p.v[V_BPDU] = 0;
		packet_settle(&p);
		struct str words = printed(&p);
		if (!packet_read_words(fx->arena, words, usual, &q, &e)) {
			print_message("%.*s: %.*s\n", STR_ARG(words), STR_ARG(e.text));
			fail();
		}
		if (!same_packet(&p, &q))
			print_message("%.*s\n%.*s\n", STR_ARG(words), STR_ARG(printed(&q)));
		assert_true(same_packet(&p, &q));
	}
}

/* Words from the tables in any order: an error or a packet that is read back. */
static void test_any_words(void **state)
{
	static const char *const more[] = {"out",      "in",        ">",      "10.0.0.1", "fe80::1",
					   "[::1]:80", "5",         "0x800",  "syn",      "request",
					   "saddr",    "daddr",     "type",   "state",    "given",
					   "\"x\"",    "10.0.0.1:", "[",      "[]:",      ":",
					   "1:2",      "::",        "option", "ct"};
	struct dice d = {5};
	for (int i = 0; i < 8000; i++) {
		struct buf b;
		struct packet p, q;
		struct words_error e;
		buf_memory(&b);
		for (uint32_t k = 1 + roll(&d, 8); k--;) {
			if (chance(&d, 40))
				buf_str(&b, str_from(vars[roll(&d, VARS)].words));
			else if (chance(&d, 30))
				buf_str(&b, str_from(packet_kinds[roll(&d, 16)].word));
			else
				buf_str(&b, str_from(PICK(&d, more)));
			buf_char(&b, ' ');
		}
		struct str words = buf_take(fx->arena, &b);
		if (!packet_read_words(fx->arena, words, usual, &p, &e)) {
			assert_true(e.lo <= e.hi && e.hi <= words.len && e.text.len);
			continue;
		}
		assert_true(packet_read_words(fx->arena, printed(&p), usual, &q, &e));
		assert_true(same_packet(&p, &q));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_canonical, begin, teardown),
		cmocka_unit_test_setup_teardown(test_follows, begin, teardown),
		cmocka_unit_test_setup_teardown(test_errors, begin, teardown),
		cmocka_unit_test_setup_teardown(test_read_back, begin, teardown),
		cmocka_unit_test_setup_teardown(test_any_words, begin, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
