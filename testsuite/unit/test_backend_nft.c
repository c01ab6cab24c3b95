/* SPDX-License-Identifier: MIT */
/*
 * The nft target: which form a dimension takes, what sets hold, names, quoting,
 * what the kernel's ebt_* matches ask for, and changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/nft/nft.h"
#include "ir_fixture.h"

static struct emit_ctx emit_ctx(void)
{
	return (struct emit_ctx){.arena = fx->arena,
				 .diags = &fx->diags,
				 .limits = default_limits,
				 .options = {.version = "test", .table = STR("nwfc")}};
}

static const char *take(struct buf *b)
{
	const char *text = arena_copy(fx->arena, b->data, b->n);
	buf_drop(b);
	return text;
}

/* The script for what has been read; NULL when lowering failed. */
static const char *compile_with(struct emit_ctx cx)
{
	struct build b;
	struct buf out;
	assert_true(build(&b));
	void *lowered = target_nft.lower(&cx, &b);
	if (!lowered)
		return NULL;
	buf_memory(&out);
	target_nft.emit(&cx, lowered, &out);
	return take(&out);
}

static const char *compile(void)
{
	const char *text = compile_with(emit_ctx());
	if (!text)
		print_findings(fx);
	assert_non_null(text);
	return text;
}

/* What stands between the braces of `chain NAME {`, without comments and indentation; "" if absent.
 */
static const char *chain(const char *text, const char *name)
{
	struct buf out;
	struct str head = str_printf(fx->arena, "\tchain %s {\n", name);
	const char *p = strstr(text, head.s);
	buf_memory(&out);
	for (p = p ? p + head.len : "\t}"; strncmp(p, "\t}", 2) != 0; p = strchr(p, '\n') + 1) {
		const char *line = p + strspn(p, "\t"), *end = strchr(line, '\n');
		const char *comment = strstr(line, " comment \"");
		if (comment && comment < end)
			end = comment;
		buf_put(&out, line, (size_t)(end - line));
		buf_char(&out, '\n');
	}
	return take(&out);
}

/* The elements of a set, a line each; NULL if there is no such set. */
static const char *elements(const char *text, const char *name)
{
	struct buf out;
	struct str head = str_printf(fx->arena, "\tset %s {\n", name);
	const char *p = strstr(text, head.s), *end = p ? strstr(p, "\n\t}\n") : NULL;
	if (!p)
		return NULL;
	buf_memory(&out);
	p = strstr(p, "elements = {\n");
	for (p = p && p < end ? p + 13 : end; p < end && *p != '\t';) {
		size_t n = strcspn(p, ",\n");
		buf_put(&out, p, n);
		buf_char(&out, '\n');
		p += n;
		p += strspn(p, ", \n");
	}
	return take(&out);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#define READ(rules, params)                                                                        \
	read_xml(FILTER("t", rules));                                                              \
	read_xml(PORT("t", params))
#define RULE(action, direction, body)                                                              \
	"<rule action='" action "' direction='" direction "'>" body "</rule>"
#define OUT(body) RULE("drop", "out", body)
#define IP2       PARAM("IP", "10.0.0.1") PARAM("IP", "10.0.0.2")

#define assert_chain(text, name, want) assert_string_equal(chain((text), (name)), (want))
#define assert_set(text, name, want)                                                               \
	do {                                                                                       \
		const char *set_ = elements((text), (name));                                       \
		assert_non_null(set_);                                                             \
		assert_string_equal(set_, (want));                                                 \
	} while (0)

/* --- forms --- */

static void a_list_is_one_lookup(void **state)
{
	READ(OUT("<ip srcipaddr='$IP'/>"), IP2);
	const char *text = compile();
	assert_chain(text, "t/out", "ether type ip iifname . ip saddr @IP.ipv4 drop\n");
	assert_set(text, "IP.ipv4", "\"vnet0\" . 10.0.0.1\n\"vnet0\" . 10.0.0.2\n");
}

static void independent_lists_are_lookups_each(void **state)
{
	READ(OUT("<ip srcipaddr='$IP[@1]' dstipaddr='$IP[@2]'/>"), IP2);
	assert_chain(
		compile(), "t/out",
		"ether type ip iifname . ip saddr @IP.ipv4 iifname . ip daddr @IP.ipv4 drop\n");
}

static void lists_in_step_are_a_concatenation(void **state)
{
	READ(OUT("<ip srcipaddr='$A' dstipaddr='$B'/>"),
	     PARAM("A", "10.0.0.1") PARAM("A", "10.0.0.2") PARAM("B", "10.0.1.1")
		     PARAM("B", "10.0.1.2"));
	const char *text = compile();
	assert_chain(text, "t/out",
		     "ether type ip iifname . ip saddr . ip daddr @A.ipv4/B.ipv4 drop\n");
	assert_set(text, "A.ipv4/B.ipv4",
		   "\"vnet0\" . 10.0.0.1 . 10.0.1.1\n\"vnet0\" . 10.0.0.2 . 10.0.1.2\n");
}

static void a_negated_list_is_its_intersection(void **state)
{
	READ(OUT("<ip match='no' srcipaddr='$IP'/>"), IP2);
	const char *text = compile();
	assert_chain(text, "t/out", "ether type ip iifname . ip saddr != @IP.ipv4.sole drop\n");
	assert_set(text, "IP.ipv4.sole", "");
}

static void a_negated_value_stays(void **state)
{
	READ(OUT("<ip match='no' srcipaddr='$IP'/>"), PARAM("IP", "10.0.0.1"));
	assert_set(compile(), "IP.ipv4.sole", "\"vnet0\" . 10.0.0.1\n");
}

static void negated_ranges_intersect(void **state)
{
	READ(OUT("<ip match='no' srcipaddr='$N' srcipmask='$M'/>"),
	     PARAM("N", "10.0.0.0") PARAM("N", "10.1.0.0") PARAM("M", "8") PARAM("M", "16"));
	assert_set(compile(), "N-M.ipv4.sole", "\"vnet0\" . 10.1.0.0/16\n");
}

/* 46 is 0x2e: 6 (version), 2e (DSCP), anything (ECN, flow label). nft shifts such keys wrongly. */
static void dscp_across_two_bytes_is_a_range(void **state)
{
	READ(OUT("<all-ipv6 srcipaddr='$S' dscp='$D'/>") OUT("<all-ipv6 match='no' dscp='$D'/>")
		     OUT("<all-ipv6 dscp='46'/>") OUT("<all dscp='$D'/>"),
	     PARAM("D", "46") PARAM("S", "fd00::1"));
	const char *text = compile();
	assert_chain(text, "t/packet/out",
		     "ether type ip6 iifname . ip6 saddr . @nh,0,16 @S.ipv6/D.dscp6 drop\n"
		     "ether type ip6 iifname . @nh,0,16 != @D.dscp6.sole drop\n"
		     "ether type ip6 ip6 dscp 46 drop\n"
		     "ether type ip iifname . ip dscp @D.dscp drop\n");
	assert_set(text, "S.ipv6/D.dscp6", "\"vnet0\" . fd00::1 . 0x6b80-0x6bbf\n");
	assert_set(text, "D.dscp6.sole", "\"vnet0\" . 0x6b80-0x6bbf\n");
	assert_set(text, "D.dscp", "\"vnet0\" . 46\n");
}

static void an_element_needs_no_intersection(void **state)
{
	READ(OUT("<ip match='no' srcipaddr='$IP[1]'/>"), IP2);
	const char *text = compile();
	assert_chain(text, "t/out", "ether type ip iifname . ip saddr != @IP.1.ipv4 drop\n");
	assert_set(text, "IP.1.ipv4", "\"vnet0\" . 10.0.0.2\n");
}

static void mac_is_looked_up_field_by_field(void **state)
{
	READ(OUT("<mac match='no' srcmacaddr='$MAC'/>")
		     OUT("<rarp arpsrcmacaddr='$MAC' arpdstmacaddr='$MAC'/>"),
	     "");
	const char *text = compile();
	assert_chain(text, "t/out",
		     "iifname . ether saddr != @MAC.ether drop\n"
		     "ether type 0x8035 @nh,0,16 1 @nh,32,16 0x0604 iifname . @nh,64,48 @MAC.raw48 "
		     "iifname . @nh,144,48 @MAC.raw48 drop\n");
	assert_set(text, "MAC.raw48", "\"vnet0\" . 0x525400123456\n");
}

static void several_macs_have_their_own_chains(void **state)
{
	READ(OUT("<mac match='no' srcmacaddr='$MAC'/>") OUT("<ip srcipaddr='$IP[@1]'/>"),
	     IP2 PARAM("MAC", "52:54:00:00:00:01") PARAM("MAC", "52:54:00:00:00:02"));
	const char *text = compile();
	assert_chain(text, "t/out", "");
	assert_chain(text, "t/port/vnet0/out",
		     "ether saddr != 52:54:00:00:00:01 drop\n"
		     "ether saddr != 52:54:00:00:00:02 drop\n"
		     "ether type ip iifname . ip saddr @IP.ipv4 drop\n");
	assert_true(has(text, "\"vnet0\" : goto t/port/vnet0/out"));
}

static void a_list_in_the_filter_is_an_anonymous_set(void **state)
{
	read_xml(FILTER("u", OUT("<ip srcipaddr='$L' srcipmask='24'/>")));
	read_xml(FILTER("t", REF("u", PARAM("L", "10.0.0.0") PARAM("L", "10.0.1.0")
					      PARAM("L", "10.9.0.0"))));
	read_xml(PORT("t", ""));
	assert_chain(compile(), "t/out",
		     "ether type ip ip saddr { 10.0.0.0/23, 10.9.0.0/24 } drop\n");
}

static void ports_share_a_program(void **state)
{
	READ(OUT("<ip srcipaddr='$IP'/>"), IP2);
	read_xml(BINDING("vnet1", "52:54:00:00:00:01", "t", PARAM("IP", "10.0.0.3")));
	const char *text = compile();
	assert_set(text, "IP.ipv4",
		   "\"vnet0\" . 10.0.0.1\n\"vnet0\" . 10.0.0.2\n\"vnet1\" . 10.0.0.3\n");
	assert_true(has(text, "\"vnet0\" : goto t/out, \"vnet1\" : goto t/out"));
}

static void expanded_is_written_out(void **state)
{
	struct emit_ctx cx = emit_ctx();
	cx.options.expand = true;
	READ(OUT("<ip srcipaddr='$IP[@1]' dstipaddr='$IP[@2]'/>"), IP2);
	assert_chain(compile_with(cx), "t/port/vnet0/out",
		     "ether type ip ip saddr 10.0.0.1 ip daddr 10.0.0.1 drop\n"
		     "ether type ip ip saddr 10.0.0.2 ip daddr 10.0.0.1 drop\n"
		     "ether type ip ip saddr 10.0.0.1 ip daddr 10.0.0.2 drop\n"
		     "ether type ip ip saddr 10.0.0.2 ip daddr 10.0.0.2 drop\n");
}

static void a_product_has_a_limit_only_when_written_out(void **state)
{
	struct emit_ctx cx = emit_ctx();
	cx.limits.product = 3;
	READ(OUT("<ip srcipaddr='$IP[@1]' dstipaddr='$IP[@2]'/>"), IP2);
	assert_non_null(compile_with(cx));
	cx.options.expand = true;
	assert_null(compile_with(cx));
	assert_findings("E504", 1);
}

/* --- sets of ranges --- */

static void overlapping_ranges_are_joined(void **state)
{
	READ(OUT("<ip protocol='udp' dstportstart='$A' dstportend='$B'/>"),
	     PARAM("A", "10") PARAM("A", "30") PARAM("A", "15") PARAM("A", "21") PARAM("B", "20")
		     PARAM("B", "40") PARAM("B", "17") PARAM("B", "22"));
	assert_set(compile(), "A--B.port", "\"vnet0\" . 10-22\n\"vnet0\" . 30-40\n");
}

/* Boxes 10.0.0.0/24 x 1-10 and 10.0.0.0/8 x 5-20: every point once, and no other. */
static void overlapping_boxes_are_cut(void **state)
{
	READ(OUT("<ip srcipaddr='$N' srcipmask='$M' protocol='udp' dstportstart='$A' "
		 "dstportend='$B'/>"),
	     PARAM("N", "10.0.0.0") PARAM("N", "10.0.0.0") PARAM("M", "24") PARAM("M", "8")
		     PARAM("A", "1") PARAM("A", "5") PARAM("B", "10") PARAM("B", "20"));
	assert_set(compile(), "N-M.ipv4/A--B.port",
		   "\"vnet0\" . 10.0.0.0/24 . 1-10\n"
		   "\"vnet0\" . 10.0.1.0-10.255.255.255 . 5-20\n"
		   "\"vnet0\" . 10.0.0.0/24 . 11-20\n");
}

/* --- what the kernel's matches ask for --- */

static void arp_addresses_ask_for_their_header(void **state)
{
	READ(OUT("<arp arpsrcipaddr='10.0.0.1'/>") OUT("<arp match='no' arpsrcipaddr='10.0.0.1'/>")
		     OUT("<arp arpsrcmacaddr='52:54:00:00:00:01'/>"),
	     "");
	assert_chain(
		compile(), "t/out",
		"ether type arp arp ptype ip arp hlen 6 arp plen 4 arp saddr ip 10.0.0.1 drop\n"
		"ether type arp arp ptype ip arp hlen 6 arp plen 4 arp saddr ip != 10.0.0.1 drop\n"
		"ether type arp arp ptype ip arp hlen != 6 arp plen 4 drop\n"
		"ether type arp arp htype 1 arp hlen 6 arp saddr ether 52:54:00:00:00:01 drop\n");
}

static void gratuitous_compares_octets(void **state)
{
	READ(OUT("<arp gratuitous='yes'/>") OUT("<arp match='no' gratuitous='yes'/>"), "");
	const char *text = compile();
	assert_true(has(
		chain(text, "t/out"),
		"@nh,112,8 . @nh,192,8 @octet.pairs @nh,120,8 . @nh,200,8 @octet.pairs "
		"@nh,128,8 . @nh,208,8 @octet.pairs @nh,136,8 . @nh,216,8 @octet.pairs drop\n"));
	for (const char **p =
		     (const char *[]){"@nh,112,8 . @nh,192,8", "@nh,120,8 . @nh,200,8",
				      "@nh,128,8 . @nh,208,8", "@nh,136,8 . @nh,216,8", NULL};
	     *p; p++)
		assert_true(has(chain(text, "t/out"),
				str_printf(fx->arena, "4 %s != @octet.pairs drop\n", *p).s));
	assert_true(has(text, "255 . 255"));
}

static void a_second_inequality_is_a_range(void **state)
{
	READ(OUT("<mac match='no' srcmacaddr='52:54:00:00:00:01' dstmacaddr='52:54:00:00:00:02'/>"),
	     "");
	assert_chain(compile(), "t/out",
		     "ether saddr != 52:54:00:00:00:01 "
		     "ether daddr != 52:54:00:00:00:02-52:54:00:00:00:02 drop\n");
}

static void ports_are_not_read_in_later_fragments(void **state)
{
	READ(OUT("<ip protocol='tcp' dstportstart='22'/>")
		     OUT("<ipv6 protocol='tcp' dstportstart='22'/>"),
	     "");
	assert_chain(compile(), "t/out",
		     "ether type ip ip frag-off & 0x1fff == 0 ip protocol 6 th dport 22 drop\n"
		     "ether type ip6 @th,0,24 0-0xffffff meta l4proto 6 th dport 22 drop\n");
}

static void protocol_of_ip6_is_the_last_header(void **state)
{
	READ(OUT("<ipv6 protocol='17'/>") OUT("<ipv6 match='no' protocol='17'/>"), "");
	assert_chain(
		compile(), "t/out",
		"ether type ip6 @th,0,24 0-0xffffff meta l4proto 17 drop\n"
		"ether type ip6 meta l4proto ah @th,0,8 17-17 drop\n"
		"ether type ip6 meta l4proto != 51 meta l4proto != 59 meta l4proto != 17 drop\n"
		"ether type ip6 meta l4proto ah @th,0,8 != 59 @th,0,8 != 17-17 drop\n"
		"ether type ip6 frag frag-off != 0 drop\n");
}

static void bpdu_fields_need_a_configuration(void **state)
{
	READ(OUT("<stp type='0'/>") OUT("<stp root-cost='5' root-cost-hi='9'/>"), "");
	assert_chain(compile(), "t/out",
		     "ether daddr 01:80:c2:00:00:00 @nh,0,48 0x424203000000 @nh,48,8 0 drop\n"
		     "ether daddr 01:80:c2:00:00:00 @nh,0,48 0x424203000000 @nh,48,8 0 "
		     "@nh,128,32 0x00000005-0x00000009 drop\n");
}

/* --- packet part --- */

static void packets_have_state_and_stages(void **state)
{
	READ(RULE("accept", "in", "<tcp dstportstart='22'/>"), "");
	const char *text = compile();
	assert_chain(text, "t/packet/in",
		     "ether type ip meta l4proto tcp ip frag-off & 0x1fff == 0 th dport 22 "
		     "ct state new,established ct direction original accept\n");
	assert_chain(text, "t/packet/out",
		     "ether type ip meta l4proto tcp ip frag-off & 0x1fff == 0 th sport 22 "
		     "ct state established ct direction reply accept\n");
	assert_true(has(text, "hook prerouting priority -150;"));
	assert_true(has(text, "hook postrouting priority 0;"));
	assert_false(has(text, "priority -300"));
}

static void frames_alone_need_no_packet_stage(void **state)
{
	READ(OUT("<ip srcipaddr='10.0.0.1'/>"), "");
	const char *text = compile();
	assert_true(has(text, "hook prerouting priority -300;"));
	assert_false(has(text, "packet."));
	assert_false(has(text, "postrouting"));
}

static void reject_answers_where_the_kernel_can(void **state)
{
	READ(RULE("reject", "inout", "<tcp/>") RULE("reject", "out", "<udp-ipv6/>"), "");
	const char *text = compile();
	assert_chain(text, "t/packet/out",
		     "ether type ip meta l4proto tcp reject with icmp port-unreachable\n"
		     "ether type ip6 meta l4proto udp reject with icmpv6 port-unreachable\n");
	assert_true(has(chain(text, "t/packet/in"), "meta l4proto tcp drop\n"));
	assert_int_equal(count_kind("W508"), 2);
}

static void connections_are_counted_by_source(void **state)
{
	READ(RULE("drop", "in", "<tcp dstportstart='$P' connlimit-above='3'/>"),
	     PARAM("P", "22") PARAM("P", "80"));
	const char *text = compile();
	assert_chain(text, "t/packet/in",
		     "ether type ip meta l4proto tcp ip frag-off & 0x1fff == 0 oifname . th dport "
		     "@P.port "
		     "add @t/limit1.ipv4.port.over3 { oifname . ip saddr . th dport ct count over "
		     "3 } drop\n");
	assert_true(has(text, "typeof iifname . ip saddr . th dport\n\t\tflags dynamic"));
}

static void limits_of_a_port_are_sets_of_its_own(void **state)
{
	READ(RULE("drop", "in", "<tcp connlimit-above='$L'/>"), PARAM("L", "3") PARAM("L", "5"));
	const char *text = compile();
	assert_chain(text, "t/port/vnet0/packet/in",
		     "ether type ip meta l4proto tcp add @t/port/vnet0/limit1.ipv4.over3 { oifname "
		     ". ip saddr "
		     "ct count over 3 } drop\n"
		     "ether type ip meta l4proto tcp add @t/port/vnet0/limit2.ipv4.over5 { oifname "
		     ". ip saddr "
		     "ct count over 5 } drop\n");
}

static void sets_of_ipset_are_refused(void **state)
{
	READ(OUT("<all ipset='s' ipsetflags='src'/>"), "");
	assert_null(compile_with(emit_ctx()));
	assert_int_equal(count_kind("E501"), 1);
}

/* --- names and quoting --- */

static void names_are_mangled(void **state)
{
	read_xml(FILTER("1: weird\xc3\xa9", OUT("<ip srcipaddr='$0IP'/>")));
	read_xml(BINDING("a*", "52:54:00:00:00:01", "1: weird\xc3\xa9", PARAM("0IP", "10.0.0.1")));
	const char *text = compile();
	assert_true(has(text, "chain _.1__weird_.."));
	assert_set(text, "_.0IP.ipv4", "\"a\\*\" . 10.0.0.1\n");
}

/* A part that looks as if it were mangled is mangled, so nothing else can have its name. */
static void mangled_names_can_not_be_chosen(void **state)
{
	struct str plain = STR("no-spoofing_1.x"), hashed = STR("a..01234567"),
		   long_name = STR("abcdefghijkl");
	assert_true(str_eq(name_part(fx->arena, plain, 40), plain));
	assert_false(str_eq(name_part(fx->arena, hashed, 40), hashed));
	assert_int_equal(name_part(fx->arena, long_name, 11).len, 11);
	assert_false(
		str_eq(name_part(fx->arena, STR("a/b"), 40), name_part(fx->arena, STR("a_b"), 40)));
	assert_true(str_eq(name_begin(fx->arena, STR("9")), STR("_.9")));
}

static void some_interface_names_can_not_be_written(void **state)
{
	READ(OUT("<ip/>"), "");
	read_xml(BINDING("a&quot;b", "52:54:00:00:00:01", "t", ""));
	read_xml(BINDING("a\\*", "52:54:00:00:00:02", "t", ""));
	assert_null(compile_with(emit_ctx()));
	assert_true(count_kind("E506") >= 1);
}

/* With its backslash it is longer than nft takes; one byte less, or no star, is well. */
static void a_star_needs_a_byte(void **state)
{
	READ(OUT("<ip/>"), "");
	read_xml(BINDING("abcdefghijklm*", "52:54:00:00:00:01", "t", ""));
	read_xml(BINDING("abcdefghijklm\\n", "52:54:00:00:00:02", "t", ""));
	read_xml(BINDING("abcdefghijk\\*mn", "52:54:00:00:00:03", "t", ""));
	assert_true(has(compile(), "\"abcdefghijklm\\*\" : goto t/out"));
	read_xml(BINDING("abcdefghijklmn*", "52:54:00:00:00:04", "t", ""));
	assert_null(compile_with(emit_ctx()));
	assert_int_equal(count_kind("E506"), 1);
}

/* No name begins with a digit, and a constant is never taken for a variable. */
static void a_constant_in_front_is_named(void **state)
{
	READ(OUT("<ip srcipaddr='10.0.0.0' srcipmask='$N'/>")
		     OUT("<ip protocol='udp' dstportstart='10' dstportend='$10'/>") OUT(
			     "<ip protocol='udp' dstportstart='$10[@1]' dstportend='$10[@1]'/>"),
	     PARAM("N", "24") PARAM("10", "20"));
	const char *text = compile();
	assert_set(text, "_.value.10.0.0.0-N.ipv4", "\"vnet0\" . 10.0.0.0/24\n");
	assert_set(text, "_.value.10--_.10.port", "\"vnet0\" . 10-20\n");
	assert_set(text, "_.10--_.10.port", "\"vnet0\" . 20\n");
	assert_false(has(text, "set 1"));
}

static void a_range_of_one_is_a_value(void **state)
{
	READ(OUT("<udp dstportstart='53' dstportend='53'/>"), "");
	assert_chain(compile(), "t/packet/out",
		     "ether type ip meta l4proto udp ip frag-off & 0x1fff == 0 th dport 53 drop\n");
}

static void comments_can_not_break_out(void **state)
{
	READ(OUT("<ip comment='say \"; } drop&#10;flush'/>"), "");
	assert_true(has(compile(), "drop comment \"t#1: say '; } drop flush\"\n"));
}

static void comments_are_cut_between_characters(void **state)
{
	char text[400] = "";
	for (int i = 0; i < 90; i++)
		strcat(text, "\xc3\xa9");
	struct str xml = str_printf(fx->arena, FILTER("t", OUT("<ip comment='%s'/>")), text);
	read_xml(xml.s);
	read_xml(PORT("t", ""));
	const char *comment = strstr(compile(), "comment \"") + 9;
	size_t n = strcspn(comment, "\"");
	assert_true(n <= 127 && n > 120);
	assert_int_equal((n - strlen("t#1: ")) % 2, 0);
}

/* --- changes --- */

static struct build build_of(const char *filter, const char *binding)
{
	struct build b;
	fx->library = (struct library){0};
	fx->ports = (struct ports){0};
	read_xml(filter);
	read_xml(binding);
	assert_true(build(&b));
	return b;
}

static const char *change(const struct build *before, const struct build *after)
{
	struct emit_ctx cx = emit_ctx();
	struct buf out;
	buf_memory(&out);
	assert_true(target_nft.change(&cx, before, after, &out));
	const char *text = take(&out);
	return strchr(text, '\n') + 1;
}

#define ONE_LIST FILTER("t", OUT("<ip srcipaddr='$IP'/>"))

static void a_change_is_the_elements_that_differ(void **state)
{
	struct build x = build_of(ONE_LIST, PORT("t", IP2));
	struct build y =
		build_of(ONE_LIST, PORT("t", PARAM("IP", "10.0.0.2") PARAM("IP", "10.0.0.9")));
	assert_string_equal(change(&x, &y),
			    "delete element bridge nwfc IP.ipv4 {\n\t\"vnet0\" . 10.0.0.1\n}\n"
			    "add element bridge nwfc IP.ipv4 {\n\t\"vnet0\" . 10.0.0.9\n}\n");
}

static void nothing_changes_nothing(void **state)
{
	struct build x = build_of(ONE_LIST, PORT("t", IP2));
	struct build y = build_of(ONE_LIST, PORT("t", IP2));
	assert_string_equal(change(&x, &y), "# nothing differs\n");
}

static void joined_ranges_change_as_a_whole(void **state)
{
	const char *f = FILTER("t", OUT("<ip srcipaddr='$N' srcipmask='24'/>"));
	struct build x = build_of(f, PORT("t", PARAM("N", "10.0.0.0") PARAM("N", "10.0.1.0")));
	struct build y = build_of(f, PORT("t", PARAM("N", "10.0.0.0")));
	assert_string_equal(change(&x, &y),
			    "delete element bridge nwfc N-24.ipv4 {\n\t\"vnet0\" . 10.0.0.0/23\n}\n"
			    "add element bridge nwfc N-24.ipv4 {\n\t\"vnet0\" . 10.0.0.0/24\n}\n");
}

static void changed_code_is_replaced(void **state)
{
	struct build x = build_of(ONE_LIST, PORT("t", IP2));
	struct build y = build_of(FILTER("t", OUT("<ip dstipaddr='$IP'/>")), PORT("t", IP2));
	const char *text = change(&x, &y);
	assert_true(has(text, "add chain bridge nwfc t/out\nflush chain bridge nwfc t/out\n"));
	assert_chain(text, "t/out", "ether type ip iifname . ip daddr @IP.ipv4 drop\n");
	assert_false(has(text, "element"));
}

static void a_port_that_goes_takes_all_along(void **state)
{
	const char *two =
		"<filters>" ONE_LIST FILTER("u", OUT("<ip srcipaddr='$IP'/>")) "</filters>";
	struct build x = build_of(two, PORT("t", IP2)),
		     y = build_of(two, PORT("u", PARAM("IP", "10.0.0.2")));
	const char *text = change(&x, &y);
	assert_true(has(text, "delete element bridge nwfc frame.out { \"vnet0\" }\n"));
	assert_true(has(text, "delete element bridge nwfc IP.ipv4 {\n\t\"vnet0\" . 10.0.0.1\n}\n"));
	assert_true(has(text, "add element bridge nwfc frame.out { \"vnet0\" : goto u/out }\n"));
	assert_true(has(text, "delete chain bridge nwfc t/out\n"));
	assert_false(has(text, "delete set"));
}

static void removal_names_the_table_alone(void **state)
{
	struct emit_ctx cx = emit_ctx();
	struct build b = {0};
	struct buf out;
	cx.options.table = STR("mine");
	buf_memory(&out);
	target_nft.remove(&cx, &b, &out);
	assert_true(has(take(&out), "\nadd table bridge mine\ndelete table bridge mine\n"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_is_one_lookup),
		TEST(independent_lists_are_lookups_each),
		TEST(lists_in_step_are_a_concatenation),
		TEST(a_negated_list_is_its_intersection),
		TEST(a_negated_value_stays),
		TEST(negated_ranges_intersect),
		TEST(an_element_needs_no_intersection),
		TEST(mac_is_looked_up_field_by_field),
		TEST(several_macs_have_their_own_chains),
		TEST(a_list_in_the_filter_is_an_anonymous_set),
		TEST(ports_share_a_program),
		TEST(expanded_is_written_out),
		TEST(a_product_has_a_limit_only_when_written_out),
		TEST(overlapping_ranges_are_joined),
		TEST(overlapping_boxes_are_cut),
		TEST(arp_addresses_ask_for_their_header),
		TEST(gratuitous_compares_octets),
		TEST(a_second_inequality_is_a_range),
		TEST(ports_are_not_read_in_later_fragments),
		TEST(protocol_of_ip6_is_the_last_header),
		TEST(bpdu_fields_need_a_configuration),
		TEST(packets_have_state_and_stages),
		TEST(frames_alone_need_no_packet_stage),
		TEST(reject_answers_where_the_kernel_can),
		TEST(connections_are_counted_by_source),
		TEST(limits_of_a_port_are_sets_of_its_own),
		TEST(sets_of_ipset_are_refused),
		TEST(dscp_across_two_bytes_is_a_range),
		TEST(names_are_mangled),
		TEST(a_star_needs_a_byte),
		TEST(a_constant_in_front_is_named),
		TEST(a_range_of_one_is_a_value),
		TEST(mangled_names_can_not_be_chosen),
		TEST(some_interface_names_can_not_be_written),
		TEST(comments_can_not_break_out),
		TEST(comments_are_cut_between_characters),
		TEST(a_change_is_the_elements_that_differ),
		TEST(nothing_changes_nothing),
		TEST(joined_ranges_change_as_a_whole),
		TEST(changed_code_is_replaced),
		TEST(a_port_that_goes_takes_all_along),
		TEST(removal_names_the_table_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
