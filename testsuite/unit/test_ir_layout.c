/* SPDX-License-Identifier: MIT */
/*
 * Layout: the order of rules and jumps (lowering-ebtables-iptables 3.6), the
 * exchange of source and destination (3.3, 4.2), and every row of the tables
 * that decide which forms of a packet rule there are (4.2 to 4.7).
 */
#include "ir_fixture.h"

#define PARAMS PARAM("IP", "10.0.0.1") PARAM("N", "1") PARAM("N", "2")

/* The dump of the program of filter f. */
static const char *laid_out(const char *filters)
{
	read_xml(filters);
	read_xml(PORT("f", PARAMS));
	return dump_text("layout");
}

/* --- packet rules: one row a rule --- */

static const struct {
	const char *rule;     /* action, direction and the rest of <rule>, then the element */
	const char *out, *in; /* "" = there is none */
} forms[] = {
	/* 4.3: accept, stateful */
	{"action='accept' direction='out'><tcp dstportstart='22'/>",
	 "accept tcp th dport 22 ct NEW,ESTABLISHED original",
	 "accept tcp mirrored th sport 22 ct ESTABLISHED reply"},
	{"action='accept' direction='in'><tcp dstportstart='22'/>",
	 "accept tcp mirrored th sport 22 ct ESTABLISHED reply",
	 "accept tcp th dport 22 ct NEW,ESTABLISHED original"},
	{"action='accept' direction='inout'><tcp dstportstart='22'/>",
	 "accept tcp mirrored th sport 22", "accept tcp th dport 22"},
	/* 4.3: statematch off */
	{"action='accept' direction='out' statematch='0'><tcp dstportstart='22'/>",
	 "accept tcp th dport 22", "accept tcp mirrored th sport 22"},
	{"action='accept' direction='in' statematch='false'><tcp dstportstart='22'/>",
	 "accept tcp mirrored th sport 22", "accept tcp th dport 22"},
	{"action='accept' direction='inout' statematch='0'><tcp dstportstart='22'/>",
	 "accept tcp mirrored th sport 22", "accept tcp th dport 22"},
	/* 4.3: other actions have no states, but both forms */
	{"action='drop' direction='out'><tcp dstportstart='22'/>", "drop tcp th dport 22",
	 "drop tcp mirrored th sport 22"},
	{"action='drop' direction='in'><tcp dstportstart='22'/>", "drop tcp mirrored th sport 22",
	 "drop tcp th dport 22"},
	{"action='reject' direction='in'><udp srcportstart='5' srcportend='9'/>",
	 "reject udp mirrored th dport 5-9", "reject udp th sport 5-9"},
	{"action='return' direction='out'><all/>", "return all", "return all mirrored"},
	{"action='continue' direction='inout'><all-ipv6/>", "continue all-ipv6 mirrored",
	 "continue all-ipv6"},
	/* 4.4: states given */
	{"action='accept' direction='out'><all state='ESTABLISHED,RELATED'/>",
	 "accept all ct ESTABLISHED,RELATED", ""},
	{"action='accept' direction='in'><tcp dstportstart='22' state='NEW'/>", "",
	 "accept tcp th dport 22 ct NEW"},
	{"action='accept' direction='inout'><tcp dstportstart='22' state='NEW'/>",
	 "accept tcp mirrored th sport 22 ct NEW", "accept tcp th dport 22 ct NEW"},
	{"action='drop' direction='out'><all state='INVALID'/>", "drop all ct INVALID", ""},
	{"action='drop' direction='in'><all state='INVALID'/>", "", "drop all ct INVALID"},
	{"action='accept' direction='in'><tcp state='NONE'/>", "", "accept tcp"},
	{"action='accept' direction='out'><tcp state='NONE'/>", "accept tcp", ""},
	{"action='accept' direction='inout'><tcp state='NONE'/>", "accept tcp mirrored",
	 "accept tcp"},
	/* ... and ignored with statematch off */
	{"action='accept' direction='out' statematch='0'><tcp dstportstart='1' state='NEW'/>",
	 "accept tcp th dport 1", "accept tcp mirrored th sport 1"},
	{"action='drop' direction='in' statematch='0'><tcp dstportstart='1' state='NEW'/>",
	 "drop tcp mirrored th sport 1", "drop tcp th dport 1"},
	/* 4.5: typed ICMP: plain forms alone, no direction of the connection */
	{"action='accept' direction='out'><icmp type='8'/>",
	 "accept icmp icmp type 8 ct NEW,ESTABLISHED", ""},
	{"action='accept' direction='in'><icmpv6 type='128' code='0'/>", "",
	 "accept icmpv6 icmp type 128 icmp code 0 ct NEW,ESTABLISHED"},
	{"action='accept' direction='inout'><icmp type='8'/>", "accept icmp icmp type 8",
	 "accept icmp icmp type 8"},
	{"action='drop' direction='out'><icmp type='8'/>", "drop icmp icmp type 8", ""},
	{"action='drop' direction='inout'><icmp type='8' srcipaddr='10.0.0.1'/>",
	 "drop icmp ip saddr 10.0.0.1 icmp type 8", "drop icmp ip saddr 10.0.0.1 icmp type 8"},
	{"action='accept' direction='out' statematch='0'><icmp type='8'/>",
	 "accept icmp icmp type 8", ""},
	{"action='accept' direction='inout'><icmp type='8' state='NEW'/>",
	 "accept icmp icmp type 8 ct NEW", "accept icmp icmp type 8 ct NEW"},
	{"action='accept' direction='out'><icmp/>", "accept icmp ct NEW,ESTABLISHED original",
	 "accept icmp mirrored ct ESTABLISHED reply"},
	/* 4.6: the source MAC stands in the plain form alone */
	{"action='accept' direction='out'><udp srcmacaddr='1:2:3:4:5:6'/>",
	 "accept udp ether saddr 01:02:03:04:05:06 ct NEW,ESTABLISHED original", ""},
	{"action='drop' direction='in'><udp srcmacaddr='1:2:3:4:5:6'/>", "",
	 "drop udp ether saddr 01:02:03:04:05:06"},
	{"action='drop' direction='inout'><udp srcmacaddr='1:2:3:4:5:6'/>", "",
	 "drop udp ether saddr 01:02:03:04:05:06"},
	{"action='accept' direction='out'><udp srcmacaddr='1:2:3:4:5:6' dstportstart='53'/>",
	 "accept udp ether saddr 01:02:03:04:05:06 th dport 53 ct NEW,ESTABLISHED original",
	 "accept udp mirrored th sport 53 ct ESTABLISHED reply"},
	/* 4.7: a connection limit: plain form alone, no states */
	{"action='drop' direction='in'><tcp connlimit-above='1'/>", "", "drop tcp ct count > 1"},
	{"action='accept' direction='out'><tcp dstportstart='22' connlimit-above='3'/>",
	 "accept tcp th dport 22 ct count > 3", ""},
	{"action='drop' direction='inout'><tcp connlimit-above='1'/>", "", "drop tcp ct count > 1"},
	{"action='drop' direction='out'><tcp match='no' connlimit-above='1'/>",
	 "drop tcp ct count <= 1", ""},
	/* 4.2: what is exchanged: addresses, ranges, ports, directions of sets; not dscp, flags,
	   options */
	{"action='drop' direction='out'><tcp srcipaddr='10.0.0.1' srcipmask='8' "
	 "dstipfrom='10.1.0.0' dstipto='10.1.0.9' dscp='7'/>",
	 "drop tcp ip saddr 10.0.0.1/8 ip daddr 10.1.0.0-10.1.0.9 ip dscp 7",
	 "drop tcp mirrored ip daddr 10.0.0.1/8 ip saddr 10.1.0.0-10.1.0.9 ip dscp 7"},
	{"action='drop' direction='out'><tcp match='no' srcportstart='5' flags='SYN/SYN' "
	 "option='2'/>",
	 "drop tcp th sport != 5 tcp flags != SYN/SYN tcp option != 2",
	 "drop tcp mirrored th dport != 5 tcp flags != SYN/SYN tcp option != 2"},
	{"action='drop' direction='in'><all ipset='s' ipsetflags='src,dst,dst'/>",
	 "drop all mirrored ipset s/dst,src,src", "drop all ipset s/src,dst,dst"},
	{"action='drop' direction='in'><all-ipv6 ipset='s'/>", "drop all-ipv6 mirrored ipset s/dst",
	 "drop all-ipv6 ipset s/src"},
	/* comments test nothing */
	{"action='drop' direction='in'><all comment='x'/>", "drop all mirrored", "drop all"},
};

static const char *form_line(enum side s, const char *rule)
{
	if (!*rule)
		return "";
	return str_printf(fx->arena, "  %s packets\n    %s  # f#1\n", side_names[s], rule).s;
}

static void test_packet_forms(void **state)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		char filter[1024];
		setup(NULL);
		snprintf(filter, sizeof filter, "<filter name='f'><rule %s</rule></filter>",
			 forms[i].rule);
		const char *want =
			str_printf(fx->arena, "program f\n%s%s", form_line(SIDE_OUT, forms[i].out),
				   form_line(SIDE_IN, forms[i].in))
				.s;
		assert_text(laid_out(filter), want);
		teardown(NULL);
	}
	setup(NULL);
}

/* A form without the source MAC is not repeated for values that it no longer has. */
static void test_mirrored_form_loses_dimensions(void **state)
{
	read_xml(FILTER("f", "<rule action='drop' direction='out'>"
			     "<udp srcmacaddr='$M' dstportstart='53' srcipaddr='$IP'/></rule>"));
	read_xml(PORT("f", PARAM("M", "0:0:0:0:0:1") PARAM("M", "0:0:0:0:0:2")
				   PARAM("IP", "10.0.0.1") PARAM("IP", "10.0.0.1")));
	struct build b = build_good();
	const struct program *p = b.programs.items[0];
	const struct prule *out = p->parts[SIDE_OUT].packet.items[0],
			   *in = p->parts[SIDE_IN].packet.items[0];
	assert_true(prule_product(out, &b.ports.items[0]) == 2);
	assert_true(prule_product(in, &b.ports.items[0]) == 1);
}

static void test_what_a_program_needs(void **state)
{
	read_xml(FILTER("f", "<rule action='drop' direction='out'><tcp/></rule><rule action='drop' "
			     "direction='in'><mac/></rule>"));
	read_xml(FILTER("g", "<rule action='drop' direction='out'><tcp-ipv6 state='NEW'/></rule>"));
	read_xml(FILTER("h",
			"<rule action='drop' direction='out'><tcp connlimit-above='1'/></rule>"));
	read_xml(PORT("f", ""));
	read_xml(BINDING("vnet1", "52:54:00:12:34:57", "g", ""));
	read_xml(BINDING("vnet2", "52:54:00:12:34:58", "h", ""));
	struct build b = build_good();
	const struct program *const *p = (const struct program *const *)b.programs.items;
	assert_true(p[0]->has_packet[0] && !p[0]->has_packet[1] && !p[0]->needs_ct);
	assert_true(!p[1]->has_packet[0] && p[1]->has_packet[1] && p[1]->needs_ct);
	assert_true(p[2]->needs_ct);
}

/* Packet rules: by priority alone, across chains; equal ones in document order. */
static void test_packet_order(void **state)
{
	assert_text(laid_out("<filters>"
			     "<filter name='f'><rule action='drop' direction='out' "
			     "priority='10'><icmp state='NEW'/></rule>"
			     "<filterref filter='g'/>"
			     "<rule action='drop' direction='out' priority='-1000'><igmp "
			     "state='NEW'/></rule>"
			     "<rule action='drop' direction='out' priority='10'><esp-ipv6 "
			     "state='NEW'/></rule></filter>"
			     "<filter name='g' chain='arp'><rule action='drop' direction='out' "
			     "priority='10'><ah state='NEW'/></rule>"
			     "<rule action='drop' direction='out' priority='9'><esp "
			     "state='NEW'/></rule></filter></filters>"),
		    "program f\n  out packets\n"
		    "    drop igmp ct NEW  # f#2\n"
		    "    drop esp ct NEW  # g#2\n"
		    "    drop icmp ct NEW  # f#1\n"
		    "    drop ah ct NEW  # g#1\n"
		    "    drop esp-ipv6 ct NEW  # f#3\n");
}

/* --- frame rules --- */

/* inout is written from the view of incoming frames: the outgoing form is exchanged. */
static void test_frame_mirror(void **state)
{
	assert_text(
		laid_out("<filter name='f'>"
			 "<rule action='accept' direction='inout'><ip srcmacaddr='1:2:3:4:5:6' "
			 "dstmacaddr='2:2:3:4:5:6' "
			 "srcmacmask='ff:0:0:0:0:0' srcipaddr='10.0.0.1' dstipaddr='10.0.0.2' "
			 "dstipmask='8' protocol='udp' "
			 "srcportstart='1' dstportstart='2' dstportend='3' dscp='4'/></rule>"
			 "<rule action='drop' direction='inout'><arp opcode='1' "
			 "arpsrcmacaddr='1:2:3:4:5:6' arpsrcipaddr='10.0.0.1' "
			 "gratuitous='true'/></rule>"
			 "<rule action='drop' direction='inout'><ipv6 protocol='58' type='1' "
			 "srcipaddr='fe80::1'/></rule>"
			 "<rule action='drop' direction='inout'><vlan vlanid='7' "
			 "srcmacaddr='1:2:3:4:5:6'/></rule>"
			 "<rule action='return' direction='inout'/></filter>"),
		"program f\n  out chain root priority 0\n"
		"    accept ip mirrored ether daddr 01:02:03:04:05:06/ff:00:00:00:00:00 ether "
		"saddr 02:02:03:04:05:06 "
		"ip daddr 10.0.0.1 ip saddr 10.0.0.2/8 ip protocol udp th dport 1 th sport 2-3 ip "
		"dscp 4  # f#1\n"
		"    drop arp mirrored arp operation Request arp daddr ether 01:02:03:04:05:06 arp "
		"daddr ip 10.0.0.1 "
		"arp gratuitous true  # f#2\n"
		"    drop ipv6 mirrored ip daddr fe80::1 ip protocol icmpv6 icmp type 1  # f#3\n"
		"    drop vlan mirrored ether daddr 01:02:03:04:05:06 vlan id 7  # f#4\n"
		"    return any mirrored  # f#5\n"
		"  in chain root priority 0\n"
		"    accept ip ether saddr 01:02:03:04:05:06/ff:00:00:00:00:00 ether daddr "
		"02:02:03:04:05:06 "
		"ip saddr 10.0.0.1 ip daddr 10.0.0.2/8 ip protocol udp th sport 1 th dport 2-3 ip "
		"dscp 4  # f#1\n"
		"    drop arp arp operation Request arp saddr ether 01:02:03:04:05:06 arp saddr ip "
		"10.0.0.1 "
		"arp gratuitous true  # f#2\n"
		"    drop ipv6 ip saddr fe80::1 ip protocol icmpv6 icmp type 1  # f#3\n"
		"    drop vlan ether saddr 01:02:03:04:05:06 vlan id 7  # f#4\n"
		"    return any  # f#5\n");
}

/* Frames have no states: in is in alone, whatever the action. */
static void test_frame_directions(void **state)
{
	assert_text(laid_out("<filter name='f'><rule action='accept' direction='in'><arp "
			     "gratuitous='no'/></rule></filter>"),
		    "program f\n  in chain root priority 0\n    accept arp  # f#1\n");
}

/*
 * Jumps and root rules are merged by priority; equal priority: the jump first.
 * Equal chains: by name. A chain is on a side only when it has a rule there.
 */
static void test_jumps(void **state)
{
	assert_text(laid_out("<filters><filter name='f'>"
			     "<rule action='drop' direction='out' priority='-501'><mac/></rule>"
			     "<rule action='drop' direction='out' priority='-500'><mac/></rule>"
			     "<rule action='drop' direction='out' priority='500'><mac/></rule>"
			     "<filterref filter='late'/><filterref filter='b'/><filterref "
			     "filter='a'/><filterref filter='only-in'/></filter>"
			     "<filter name='b' chain='arp-b'><rule action='drop' direction='out' "
			     "priority='7'><arp/></rule>"
			     "<rule action='return' direction='out' "
			     "priority='-999'><arp/></rule></filter>"
			     "<filter name='a' chain='arp-a'><rule action='drop' "
			     "direction='out'><arp/></rule></filter>"
			     "<filter name='only-in' chain='mac'><rule action='drop' "
			     "direction='in'><mac/></rule></filter>"
			     "<filter name='late' chain='rarp' priority='1000'><rule action='drop' "
			     "direction='out'><rarp/></rule></filter>"
			     "</filters>"),
		    "program f\n  out chain root priority 0\n"
		    "    drop mac  # f#1\n"
		    "    jump arp-a\n"
		    "    jump arp-b\n"
		    "    drop mac  # f#2\n"
		    "    drop mac  # f#3\n"
		    "    jump rarp\n"
		    "  out chain arp-a priority -500\n"
		    "    drop arp  # a#1\n"
		    "  out chain arp-b priority -500\n"
		    "    return arp  # b#2\n" /* true priority, although it is below the chain's */
		    "    drop arp  # b#1\n"
		    "  out chain rarp priority 1000\n"
		    "    drop rarp  # late#1\n"
		    "  in chain root priority 0\n"
		    "    jump mac\n"
		    "  in chain mac priority -800\n"
		    "    drop mac  # only-in#1\n");
}

/* The default order of chains: stp mac vlan ipv4 ipv6 arp rarp. */
static void test_default_chain_order(void **state)
{
	static const char *const names[] = {"rarp", "arp", "ipv6", "ipv4", "vlan", "mac", "stp"};
	struct buf b;
	buf_memory(&b);
	buf_lit(&b, "<filters><filter name='f'>");
	for (int i = 0; i < 7; i++)
		buf_printf(&b, "<filterref filter='%s'/>", names[i]);
	buf_lit(&b, "</filter>");
	for (int i = 0; i < 7; i++)
		buf_printf(&b,
			   "<filter name='%s' chain='%s'><rule action='drop' "
			   "direction='in'/></filter>",
			   names[i], names[i]);
	buf_lit(&b, "</filters>");
	buf_char(&b, 0);
	laid_out(arena_copy(fx->arena, b.data, b.n));
	buf_drop(&b);
	struct build built = build_good();
	const struct part *in = &built.programs.items[0]->parts[SIDE_IN];
	assert_int_equal(in->chains.n, 8);
	assert_int_equal(in->chains.items[0].items.n, 7);
	for (uint32_t i = 0; i < 7; i++) {
		uint32_t chain = in->chains.items[0].items.items[i].chain;
		assert_true(str_is(
			in->chains.items[chain].name,
			(const char *[]){"stp", "mac", "vlan", "ipv4", "ipv6", "arp", "rarp"}[i]));
	}
}

static void test_one_chain_of_many_filters(void **state)
{
	assert_text(laid_out("<filters><filter name='f'><filterref filter='a'/><filterref "
			     "filter='b'/></filter>"
			     "<filter name='a' chain='mac'><rule action='drop' direction='in' "
			     "priority='2'/></filter>"
			     "<filter name='b' chain='mac'><rule action='accept' direction='in' "
			     "priority='1'/></filter></filters>"),
		    "program f\n  in chain root priority 0\n    jump mac\n"
		    "  in chain mac priority -800\n    accept any  # b#1\n    drop any  # a#1\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_packet_forms, teardown),
		TEST(test_mirrored_form_loses_dimensions),
		TEST(test_what_a_program_needs),
		TEST(test_packet_order),
		TEST(test_frame_mirror),
		TEST(test_frame_directions),
		TEST(test_jumps),
		TEST(test_default_chain_order),
		TEST(test_one_chain_of_many_filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
