/* SPDX-License-Identifier: MIT */
/*
 * The classic targets: the writer of products, names, dispatch, quoting, and
 * what each irregular row of the spelling tables makes of its values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/template.h"
#include "backends/xtables/xtables.h"
#include "ir_fixture.h"

static struct emit_ctx emit_ctx(void)
{
	return (struct emit_ctx){.arena = fx->arena,
				 .diags = &fx->diags,
				 .limits = default_limits,
				 .options = {.version = "test"}};
}

/* The file of a target for what has been read; NULL when lowering failed. */
static const char *compile(const struct target *target, struct emit_ctx cx)
{
	struct build b = build_good();
	void *lowered = target->lower(&cx, &b);
	struct buf out;
	const char *text;
	if (!lowered)
		return NULL;
	buf_memory(&out);
	target->emit(&cx, lowered, &out);
	text = arena_copy(fx->arena, out.data, out.n);
	buf_drop(&out);
	return text;
}

/* The rules of a chain: its lines behind "-A CHAIN ", one behind the other. */
static const char *rules_of(const char *text, const char *chain)
{
	struct buf out;
	struct str head = str_printf(fx->arena, "\n-A %s ", chain);
	buf_memory(&out);
	for (const char *p = text; (p = strstr(p, head.s)); p++)
		buf_put(&out, p + head.len, strcspn(p + head.len, "\n") + 1);
	text = arena_copy(fx->arena, out.data, out.n);
	buf_drop(&out);
	return text;
}

static void assert_rules(const struct target *target, const char *chain, const char *want)
{
	const char *text = compile(target, emit_ctx());
	assert_non_null(text);
	assert_text(rules_of(text, chain), want);
}

/* One filter "t" of these rules on port vnet0 with these parameters. */
#define READ(rules, params)                                                                        \
	read_xml(FILTER("t", rules));                                                              \
	read_xml(PORT("t", params))
#define RULE(action, direction, body)                                                              \
	"<rule action='" action "' direction='" direction "'>" body "</rule>"

/* --- the writer --- */

/* A program of two dimensions, the first of two columns, all values numbers. */
struct product {
	struct program program;
	struct prule rule;
	struct port_data pd;
	struct rows rows[3];
};

static struct product *make_product(const uint32_t n[3])
{
	struct product *p = arena_new_object(fx->arena, struct product);
	for (uint32_t d = 0; d < 3; d++) {
		struct dim *dim = vec_push(fx->arena, &p->program.dims);
		uint32_t ncols = d ? 1 : 2;
		*dim = (struct dim){0};
		for (uint32_t c = 0; c < ncols; c++)
			*vec_push(fx->arena, &dim->columns) = (struct dim_column){0};
		p->rows[d].n = n[d];
		p->rows[d].values = arena_new_array(fx->arena, struct value, n[d] * ncols);
		for (uint32_t i = 0; i < n[d] * ncols; i++)
			p->rows[d].values[i] = (struct value){.type = VT_UINT, .u = d * 1000 + i};
		*vec_push(fx->arena, &p->rule.dims) = d;
	}
	p->pd = (struct port_data){.program = &p->program, .rows = p->rows};
	return p;
}

static struct slot dim_slot(uint32_t dim, uint32_t column)
{
	return (struct slot){.kind = SLOT_DIM, .dim = dim, .column = column};
}

static bool format_even(struct buf *b, const struct value *v, uint32_t arg)
{
	buf_uint(b, v->u);
	return v->u % 2 == arg;
}

/* "NAME a:b/c\n" of all rows of dimension 0 (columns a, b) and 2 (c), in a plain loop. */
static const char *by_loop(const struct product *p, bool gaps)
{
	struct buf b;
	buf_memory(&b);
	for (uint32_t k = 0; k < p->rows[2].n; k++)
		for (uint32_t j = 0; j < p->rows[1].n; j++)
			for (uint32_t i = 0; i < p->rows[0].n; i++) {
				uint32_t c = p->rows[2].values[k].u, a = p->rows[0].values[2 * i].u;
				uint32_t m = p->rows[1].values[j].u;
				if (gaps && (c % 2 || m % 2))
					continue;
				buf_printf(&b, "name %u:%u/%u %u\n", a, a + 1, c, m);
			}
	const char *s = arena_copy(fx->arena, b.data, b.n);
	buf_drop(&b);
	return s;
}

static const char *by_writer(const struct product *p, bool gaps)
{
	struct template t = {0};
	struct template_writer w;
	struct buf out;
	struct slot a = dim_slot(0, 0), b = dim_slot(0, 1), c = dim_slot(2, 0), m = dim_slot(1, 0);
	struct str names[] = {STR("other"), STR("name")};
	template_name(fx->arena, &t, 1);
	template_lit(fx->arena, &t, " ");
	template_slot(fx->arena, &t, &a, format_uint, 0);
	template_lit(fx->arena, &t, ":");
	template_slot(fx->arena, &t, &b, format_uint, 0);
	template_lit(fx->arena, &t, "/");
	template_slot(fx->arena, &t, &c, gaps ? format_even : format_uint, 0);
	template_lit(fx->arena, &t, " ");
	template_slot(fx->arena, &t, &m, gaps ? format_even : format_uint, 0);
	template_lit(fx->arena, &t, "\n");
	buf_memory(&out);
	writer_start(&w, fx->arena, &out);
	writer_port(&w, &p->pd, names);
	writer_rule(&w, &p->rule, &t);
	writer_end(&w);
	const char *s = arena_copy(fx->arena, out.data, out.n);
	buf_drop(&out);
	return s;
}

static void writer_walks_as_loops_do(void **state)
{
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t n[3] = {1 + i % 4, 1 + i / 4 % 4, 1 + i / 16};
		const struct product *p = make_product(n);
		assert_text(by_writer(p, false), by_loop(p, false));
		assert_text(by_writer(p, true), by_loop(p, true));
	}
}

static void writer_needs_no_room_for_the_product(void **state)
{
	const struct product *p = make_product((uint32_t[3]){100, 100, 100});
	struct template t = {0};
	struct template_writer w;
	struct buf out;
	struct slot a = dim_slot(0, 0);
	template_slot(fx->arena, &t, &a, format_uint, 0);
	template_lit(fx->arena, &t, "\n");
	buf_memory(&out);
	writer_start(&w, fx->arena, &out);
	writer_port(&w, &p->pd, NULL);
	size_t before = arena_used(fx->arena);
	writer_rule(&w, &p->rule, &t);
	assert_true(arena_used(fx->arena) - before < 16384);
	assert_true(w.pool.n < 1024);
	writer_end(&w);
	buf_drop(&out);
}

/* --- names --- */

static void names_fit_and_differ(void **state)
{
	struct emit_ctx cx = emit_ctx();
	struct names ns = {0};
	struct str plain = short_name(&cx, &ns, STR("nwfc-o/vnet0/ipv4-ip"), 28);
	struct str one = short_name(&cx, &ns, STR("nwfc-o/abcdefghijklmno/ipv4-123456x"), 28);
	struct str two = short_name(&cx, &ns, STR("nwfc-o/abcdefghijklmno/ipv4-123456y"), 28);
	struct str odd = short_name(&cx, &ns, STR("nwfc-o/a$b"), 28);
	assert_true(str_is(plain, "nwfc-o/vnet0/ipv4-ip"));
	assert_int_equal(one.len, 28);
	assert_int_equal(two.len, 28);
	assert_false(str_eq(one, two));
	assert_memory_equal(one.s, "nwfc-o/abcdefghijkl~", 19);
	assert_memory_equal(odd.s, "nwfc-o/a_b~", 11);
	assert_true(str_eq(short_name(&cx, &ns, STR("nwfc-o/a$b"), 28), odd));
	assert_findings("E505", 0);
	/* someone else's full name is what another became */
	short_name(&cx, &ns, STR("x"), 28);
	struct map_entry *e = map_find(&ns.used, STR("x"));
	*(struct str *)e->ptr = STR("something else");
	short_name(&cx, &ns, STR("x"), 28);
	assert_findings("E505", 1);
}

/* --- dispatch --- */

static const struct dispatch_node *find_node(const struct dispatch *d, struct str chain)
{
	vec_each (node, &d->nodes)
		if (str_eq(node->chain, chain))
			return node;
	return NULL;
}

static bool pattern_takes(struct str pattern, struct str port)
{
	if (pattern.s[pattern.len - 1] != '+')
		return str_eq(pattern, port);
	return port.len >= pattern.len - 1 && memcmp(pattern.s, port.s, pattern.len - 1) == 0;
}

/* As goto: the first entry that takes the port decides. Counts the tests, and ends a loop. */
static struct str dispatched(const struct dispatch *d, struct str port, uint32_t *tests)
{
	const struct dispatch_node *node = &d->nodes.items[0];
	for (uint32_t i = 0; i < node->entries.n && *tests < 1000; i++) {
		const struct dispatch_entry *e = &node->entries.items[i];
		++*tests;
		if (!pattern_takes(e->pattern, port))
			continue;
		node = find_node(d, e->chain);
		if (!node)
			return e->chain;
		i = UINT32_MAX;
	}
	return STR("");
}

static uint32_t make_leaves(struct dispatch_leaf *leaves, const char *format, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct str port = str_printf(fx->arena, format, (i * 7919) % n);
		leaves[i] = (struct dispatch_leaf){
			port, str_printf(fx->arena, "nwfc-out/%.*s", STR_ARG(port))};
	}
	return n;
}

static void each_port_finds_its_chain(void **state)
{
	static const char *const formats[] = {"vnet%u", "%u", "tap%04u-x", "very-long-%05u"};
	static const uint32_t sizes[] = {0, 1, 16, 17, 300, 2000};
	struct dispatch_leaf leaves[2000];
	for (unsigned f = 0; f < 4; f++)
		for (unsigned s = 0; s < 6; s++) {
			struct emit_ctx cx = emit_ctx();
			struct names ns = {0};
			uint32_t n = make_leaves(leaves, formats[f], sizes[s]);
			struct dispatch d = dispatch_build(&cx, &ns, STR("nwfc-out"), leaves, n);
			for (uint32_t i = 0; i < n; i++) {
				uint32_t tests = 0;
				struct str chain = dispatched(&d, leaves[i].port, &tests);
				assert_true(str_eq(chain, leaves[i].chain));
				assert_true(tests <= 64);
			}
			uint32_t tests = 0;
			assert_int_equal(dispatched(&d, STR("vnet"), &tests).len, 0);
			assert_int_equal(dispatched(&d, STR("eth0"), &tests).len, 0);
		}
	assert_findings("E505", 0);
}

/* --- quoting --- */

/* A line of words as the restore tools of 1.8 read it: quotes, and backslash in them. */
static const char *unquote(const char *p)
{
	struct buf b;
	bool quoted = false;
	buf_memory(&b);
	for (; *p; p++) {
		if (quoted && *p == '\\' && p[1])
			buf_char(&b, *++p);
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ' ' && !quoted)
			buf_char(&b, '|');
		else
			buf_char(&b, *p);
	}
	const char *s = arena_copy(fx->arena, b.data, b.n);
	buf_drop(&b);
	return s;
}

static void assert_word(const char *word, const char *want)
{
	struct buf b;
	buf_memory(&b);
	put_word(&b, str_from(word));
	const char *text = arena_copy(fx->arena, b.data, b.n);
	buf_drop(&b);
	assert_null(strchr(text, '\n'));
	assert_string_equal(unquote(text), want);
}

static void words_survive_quoting(void **state)
{
	assert_word("vnet0", "vnet0");
	assert_word("a b", "a b");
	assert_word("a\"b\\c", "a\"b\\c");
	assert_word("\\\" -j ACCEPT", "\\\" -j ACCEPT");
	assert_word("two\nlines", "two lines");
	assert_word("-x", "-x");
	assert_word("", "");
	assert_word("\xc3\xbc$(x)`y`", "\xc3\xbc$(x)`y`");
}

static void comments_are_cut_between_characters(void **state)
{
	char text[400];
	struct buf b;
	memset(text, 'x', 254);
	memcpy(text + 254, "\xc3\xbc and more", 12);
	buf_memory(&b);
	put_quoted(&b, str_from(text), 255);
	assert_int_equal(b.n, 256); /* 254 and two quotes */
	buf_drop(&b);
}

/* --- ebtables --- */

static void chains_and_jumps(void **state)
{
	read_xml("<filter name='a' chain='arp-x'>" RULE("drop", "out",
							"<arp opcode='1'/>") "</filter>");
	read_xml("<filter name='s' chain='stp'>" RULE("continue", "out", "") "</filter>");
	read_xml(FILTER("t", REF("a", "") REF("s", "") RULE("drop", "out", "")));
	read_xml(PORT("t", ""));
	const char *text = compile(&target_ebtables, emit_ctx());
	assert_text(rules_of(text, "nwfc-out"), "-i vnet0 -j nwfc-o/vnet0\n");
	assert_text(rules_of(text, "nwfc-in"), "");
	assert_text(rules_of(text, "nwfc-o/vnet0"), "-d 01:80:c2:00:00:00 -j nwfc-o/vnet0/stp\n"
						    "-p 0x0806 -j nwfc-o/vnet0/arp-x\n-j DROP\n");
	/* what ends without a verdict says RETURN */
	assert_text(rules_of(text, "nwfc-o/vnet0/arp-x"),
		    "-p 0x0806 --arp-opcode 1 -j DROP\n-j RETURN\n");
	assert_text(rules_of(text, "nwfc-o/vnet0/stp"), "-j CONTINUE\n-j RETURN\n");
	assert_non_null(strstr(text, "\n-F nwfc-o/vnet0/arp-x\n"));
	assert_non_null(strstr(text, "\n-A PREROUTING -j nwfc-out\n"));
	struct emit_ctx cx = emit_ctx();
	cx.options.no_hooks = true;
	assert_null(strstr(compile(&target_ebtables, cx), "PREROUTING -j"));
}

static void mac_masks_of_zeros(void **state)
{
	READ(RULE("drop", "out", "<mac srcmacaddr='52:54:00:00:00:01' srcmacmask='$M'/>")
		     RULE("drop", "out",
			  "<mac match='no' srcmacaddr='52:54:00:00:00:01' srcmacmask='$M'/>"),
	     PARAM("M", "00:00:00:00:00:00") PARAM("M", "ff:ff:ff:00:00:00"));
	assert_rules(&target_ebtables, "nwfc-o/vnet0",
		     "-j DROP\n-s 52:54:00:00:00:01/ff:ff:ff:00:00:00 -j DROP\n"
		     "-s ! 52:54:00:00:00:01/ff:ff:ff:00:00:00 -j DROP\n-j RETURN\n");
}

static void dscp_leaves_ecn_alone(void **state)
{
	READ(RULE("drop", "out", "<ip dscp='10'/>"), "");
	assert_rules(
		&target_ebtables, "nwfc-o/vnet0",
		"-p 0x0800 --ip-tos 0x28 -j DROP\n-p 0x0800 --ip-tos 0x29 -j DROP\n"
		"-p 0x0800 --ip-tos 0x2a -j DROP\n-p 0x0800 --ip-tos 0x2b -j DROP\n-j RETURN\n");
}

static void negated_dscp_is_all_other_bytes(void **state)
{
	bool seen[256] = {false};
	READ(RULE("drop", "out", "<ip match='no' dscp='$D'/>"), PARAM("D", "63"));
	const char *text = rules_of(compile(&target_ebtables, emit_ctx()), "nwfc-o/vnet0");
	for (const char *p = text; (p = strstr(p, "--ip-tos 0x")); p++)
		seen[strtoul(p + 11, NULL, 16)] = true;
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(seen[i], i < 252);
}

static void icmpv6_ranges_and_their_signs(void **state)
{
#define ICMP6(match, attrs) "<ipv6 " match " " attrs "/>"
	READ(RULE("drop", "out", "<ipv6 protocol='icmpv6' type='1' typeend='4' code='2'/>")
		     RULE("drop", "out", "<ipv6 protocol='icmpv6' codeend='7'/>") RULE(
			     "drop", "out",
			     "<ipv6 protocol='icmpv6'/><ipv6 match='no' type='133' code='0'/>")
			     RULE("drop", "out",
				  "<ipv6 protocol='icmpv6'/><ipv6 match='no' typeend='5'/>"),
	     "");
#define LINE(x) "-p 0x86dd --ip6-protocol 58 --ip6-icmp-type " x " -j DROP\n"
	assert_rules(&target_ebtables, "nwfc-o/vnet0",
		     LINE("1:4/2:2") LINE("0:255/0:7") LINE("! 133:133/0:0")
			     LINE("! 0:5/0:255") "-j RETURN\n");
}

static void gratuitous_has_its_sign_in_front(void **state)
{
	READ(RULE("drop", "out", "<arp match='no' gratuitous='true'/>")
		     RULE("drop", "out", "<arp gratuitous='false' opcode='2'/>"),
	     "");
	assert_rules(&target_ebtables, "nwfc-o/vnet0",
		     "-p 0x0806 ! --arp-gratuitous -j DROP\n-p 0x0806 --arp-opcode 2 -j DROP\n-j "
		     "RETURN\n");
}

static void what_ebtables_can_not_say(void **state)
{
	READ(RULE("drop", "out", "<vlan vlanid='$V'/>") RULE("drop", "out", "<stp flags='1'/>"),
	     PARAM("V", "1") PARAM("V", "4095"));
	assert_null(compile(&target_ebtables, emit_ctx()));
	assert_int_equal(count_kind("E501"), 1);
	assert_int_equal(count_kind("E502"), 1);
	struct emit_ctx cx = emit_ctx();
	cx.options.allow_loss[LOSS_REFUSED] = cx.options.allow_loss[LOSS_WIDENED] = true;
	assert_text(rules_of(compile(&target_ebtables, cx), "nwfc-o/vnet0"),
		    "-d 01:80:c2:00:00:00 --stp-flags 1 -j DROP\n-j RETURN\n");
}

/* --- iptables --- */

static void three_chains_of_a_rule(void **state)
{
	READ(RULE("accept", "in", "<tcp srcipaddr='10.0.0.1' dstportstart='22' comment='a \"b\"'/>")
		     RULE("reject", "inout", "<all/>")
			     RULE("continue", "out", "<igmp state='NEW'/>"),
	     "");
	const char *text = compile(&target_iptables, emit_ctx());
	const char *out =
		"-p tcp -d 10.0.0.1 --sport 22 -m conntrack --ctstate ESTABLISHED"
		" -m conntrack --ctdir REPLY -m comment --comment \"a \\\"b\\\"\" -j RETURN\n"
		"-p all -j REJECT\n-p 2 -m conntrack --ctstate NEW\n";
	assert_text(rules_of(text, "nwfc-o/vnet0"), out);
	assert_text(rules_of(text, "nwfc-h/vnet0"), out);
	assert_text(
		rules_of(text, "nwfc-i/vnet0"),
		"-p tcp -s 10.0.0.1 --dport 22 -m conntrack --ctstate NEW,ESTABLISHED"
		" -m conntrack --ctdir ORIGINAL -m comment --comment \"a \\\"b\\\"\" -j ACCEPT\n"
		"-p all -j REJECT\n");
	assert_text(rules_of(text, "nwfc-in"),
		    "-m physdev --physdev-is-bridged --physdev-out vnet0 -g nwfc-i/vnet0\n");
	assert_int_equal(count_kind("W507"), 1);
	/* nothing of it is IPv6's */
	assert_null(strstr(compile(&target_ip6tables, emit_ctx()), "vnet0"));
}

static void empty_masks_and_full_ranges(void **state)
{
	READ(RULE("drop", "out", "<tcp/>") RULE(
		     "drop", "out", "<udp match='no' srcipaddr='1.2.3.4' srcipmask='$M'/>")
		     RULE("drop", "out", "<udp match='no' dstportstart='0' dstportend='65535'/>")
			     RULE("drop", "out",
				  "<udp match='no' dstportstart='$A[@1]' dstportend='$B[@1]'/>")
				     RULE("drop", "out", "<tcp match='no' flags='NONE/NONE'/>"),
	     PARAM("M", "0") PARAM("M", "8") PARAM("A", "0") PARAM("A", "7") PARAM("B", "65535")
		     PARAM("B", "9"));
	fx->diags.list.n = fx->diags.warnings = 0;
	struct emit_ctx cx = emit_ctx();
	const char *text = compile(&target_iptables, cx);
	assert_text(rules_of(text, "nwfc-o/vnet0"),
		    "-p tcp -j DROP\n-p udp ! -s 1.2.3.4/8 -j DROP\n"
		    "-p udp --dport 0:6 -j DROP\n-p udp --dport 10:65535 -j DROP\n");
}

/* "Not 22 and not 80" must not become "not the pair 22, 80". */
static void negated_ports_stay_apart(void **state)
{
	READ(RULE("drop", "in", "<tcp match='no' srcportstart='22' dstportstart='80'/>") RULE(
		     "drop", "in",
		     "<udp match='no' srcportstart='5' srcportend='5' dstportstart='$P'/>")
		     RULE("drop", "in",
			  "<tcp match='no' srcportstart='22' srcportend='23' dstportstart='80'/>")
			     RULE("drop", "in",
				  "<tcp match='no' srcportstart='22'/><tcp dstportstart='80'/>"),
	     PARAM("P", "7"));
	assert_rules(&target_iptables, "nwfc-i/vnet0",
		     "-p tcp -m multiport ! --sports 22 -m tcp ! --dport 80 -j DROP\n"
		     "-p udp -m multiport ! --sports 5 -m udp ! --dport 7 -j DROP\n"
		     "-p tcp ! --sport 22:23 ! --dport 80 -j DROP\n"
		     "-p tcp ! --sport 22 --dport 80 -j DROP\n");
}

static void icmp_pairs(void **state)
{
	READ(RULE("accept", "out", "<icmp type='8' code='0' state='NONE'/>")
		     RULE("drop", "out", "<icmp match='no' type='3' code='1'/>")
			     RULE("drop", "out", "<icmpv6 match='no' type='255' code='4'/>"),
	     "");
	assert_rules(&target_iptables, "nwfc-o/vnet0",
		     "-p icmp --icmp-type 8/0 -j RETURN\n-p icmp ! --icmp-type 3/1 -j DROP\n");
	assert_rules(&target_ip6tables, "nwfc-o/vnet0",
		     "-p icmpv6 ! --icmpv6-type 255/4 -j DROP\n");
}

static void what_iptables_can_not_say(void **state)
{
	READ(RULE("drop", "out", "<icmp type='255'/>") RULE("drop", "out", "<tcp option='$O'/>"),
	     PARAM("O", "0"));
	assert_null(compile(&target_iptables, emit_ctx()));
	assert_int_equal(count_kind("E501"), 2);
	struct emit_ctx cx = emit_ctx();
	cx.options.allow_loss[LOSS_REFUSED] = true;
	assert_text(rules_of(compile(&target_iptables, cx), "nwfc-o/vnet0"), "");
}

static void sets_and_limits(void **state)
{
	READ(RULE("accept", "out", "<all ipset='a b' ipsetflags='src,dst' connlimit-above='3'/>")
		     RULE("drop", "in", "<all-ipv6 ipset='s'/>"),
	     "");
	assert_rules(&target_iptables, "nwfc-o/vnet0",
		     "-p all -m set --match-set \"a b\" src,dst -m connlimit --connlimit-above 3 "
		     "-j RETURN\n");
	assert_rules(&target_ip6tables, "nwfc-i/vnet0",
		     "-p all -m set --match-set s src -j DROP\n");
}

/* --- ports --- */

static void names_that_tools_misread(void **state)
{
	read_xml(FILTER("t", RULE("drop", "out", "<mac/>")));
	read_xml(BINDING("vnet+", "52:54:00:12:34:56", "t", ""));
	assert_null(compile(&target_ebtables, emit_ctx()));
	assert_null(compile(&target_iptables, emit_ctx()));
	assert_int_equal(count_kind("E506"), 2);
}

static void products_have_a_limit(void **state)
{
	READ(RULE("drop", "out", "<tcp srcportstart='$A[@1]' dstportstart='$A[@2]'/>"),
	     PARAM("A", "1") PARAM("A", "2") PARAM("A", "3"));
	struct emit_ctx cx = emit_ctx();
	cx.limits.product = 8;
	assert_null(compile(&target_iptables, cx));
	assert_int_equal(count_kind("E504"), 1); /* though it is written on both sides */
	cx.limits.product = 9;
	assert_non_null(compile(&target_iptables, cx));
}

static void no_line_of_the_script_ends_its_rules(void **state)
{
	READ(RULE("accept", "out", "<tcp comment='END-OF-RULES'/>")
		     RULE("accept", "out", "<tcp comment='x&#10;END-OF-RULES&#10;reboot'/>"),
	     "");
	const char *text = compile(&target_xtables, emit_ctx());
	uint32_t ends = 0;
	for (const char *p = text; (p = strstr(p, "\nEND-OF-RULES\n")); p++)
		ends++;
	assert_int_equal(ends, 3);
	assert_null(strstr(text, "\nreboot"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writer_walks_as_loops_do),
		TEST(writer_needs_no_room_for_the_product),
		TEST(names_fit_and_differ),
		TEST(each_port_finds_its_chain),
		TEST(words_survive_quoting),
		TEST(comments_are_cut_between_characters),
		TEST(chains_and_jumps),
		TEST(mac_masks_of_zeros),
		TEST(dscp_leaves_ecn_alone),
		TEST(negated_dscp_is_all_other_bytes),
		TEST(icmpv6_ranges_and_their_signs),
		TEST(gratuitous_has_its_sign_in_front),
		TEST(what_ebtables_can_not_say),
		TEST(three_chains_of_a_rule),
		TEST(empty_masks_and_full_ranges),
		TEST(negated_ports_stay_apart),
		TEST(icmp_pairs),
		TEST(what_iptables_can_not_say),
		TEST(sets_and_limits),
		TEST(names_that_tools_misread),
		TEST(products_have_a_limit),
		TEST(no_line_of_the_script_ends_its_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
