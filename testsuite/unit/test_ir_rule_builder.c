/* SPDX-License-Identifier: MIT */
/*
 * Attributes to tests: parts are put together whatever their order, each test
 * keeps its own sign, and what does not belong together is said.
 */
#include "ir_fixture.h"

/* Builds one rule from "name=value" words; a leading ! negates. Attributes of several elements are
 * just more words. */
static struct rule *build_rule(const char *proto, const char *words)
{
	static struct rule_builder rb;
	struct rule *r = arena_new_object(fx->arena, struct rule);
	char *copy = arena_copy(fx->arena, words, strlen(words)), *save = NULL;
	const struct proto *p = proto_find(str_from(proto));
	assert_non_null(p);
	rb = (struct rule_builder){0};
	rule_builder_start(&rb, r, p, fx->arena, &fx->diags);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		bool negated = *w == '!';
		char *eq = strchr(w, '=');
		struct str name = {w + negated, (uint32_t)(eq - w - negated)};
		const struct attr *at = attr_find(p, name);
		assert_non_null(at);
		rule_builder_set(&rb, at, negated, str_from(eq + 1), (struct span){0},
				 (struct span){0});
	}
	rule_builder_finish(&rb);
	return r;
}

static const struct test *only_test(const struct rule *r, enum field_id field)
{
	assert_int_equal(r->tests.n, 1);
	assert_int_equal(r->tests.items[0].field, field);
	return &r->tests.items[0];
}

static void assert_clean(void)
{
	if (fx->diags.list.n)
		print_findings(fx);
	assert_int_equal(fx->diags.list.n, 0);
}

static void test_mask_before_address(void **state)
{
	const struct test *t =
		only_test(build_rule("tcp", "srcipmask=24 !srcipaddr=10.0.0.1"), F_NET_SADDR);
	assert_clean();
	assert_true(t->negated); /* the address's sign */
	assert_false(t->from);
	assert_int_equal(t->value.value.u, 0x0a000001);
	assert_int_equal(t->mask.value.u, 24);
	assert_int_equal(t->to.kind, OPERAND_NONE);
	t = only_test(build_rule("tcp", "!srcipmask=24 srcipaddr=10.0.0.1"), F_NET_SADDR);
	assert_false(t->negated);
}

static void test_ranges(void **state)
{
	const struct test *t =
		only_test(build_rule("tcp", "dstportend=90 !dstportstart=80"), F_TH_DPORT);
	assert_true(t->negated);
	assert_int_equal(t->value.value.u, 80);
	assert_int_equal(t->to.value.u, 90);
	t = only_test(build_rule("all", "srcipto=10.0.0.9 srcipfrom=10.0.0.1"), F_NET_SADDR);
	assert_true(t->from);
	assert_int_equal(t->to.value.u, 0x0a000009);
	t = only_test(build_rule("udp", "srcportstart=$P srcportend=$Q[@1]"), F_TH_SPORT);
	assert_int_equal(t->value.kind, OPERAND_VAR);
	assert_int_equal(t->to.var.index, 1);
	assert_clean();
}

/* The sign of one port has no influence on the other. */
static void test_signs_are_separate(void **state)
{
	const struct rule *r = build_rule("tcp", "!dstportstart=22 srcportstart=1024");
	assert_clean();
	assert_int_equal(r->tests.n, 2);
	assert_int_equal(r->tests.items[0].field,
			 F_TH_SPORT); /* order of the table, not of the text */
	assert_false(r->tests.items[0].negated);
	assert_true(r->tests.items[1].negated);
}

static void test_later_value_replaces(void **state)
{
	const struct test *t =
		only_test(build_rule("tcp", "!dstportstart=1 dstportstart=22"), F_TH_DPORT);
	assert_int_equal(t->value.value.u, 22);
	assert_false(t->negated);
	assert_clean();
}

/* Type and code ends stand alone; nothing else does. */
static void test_ends_alone(void **state)
{
	const struct rule *r = build_rule("ipv6", "protocol=58 typeend=5 codeend=6");
	assert_clean();
	assert_int_equal(r->tests.n, 3);
	assert_int_equal(r->tests.items[1].value.kind, OPERAND_NONE);
	assert_int_equal(r->tests.items[1].to.value.u, 5);
}

static void test_set_without_directions_is_src(void **state)
{
	const struct test *t = only_test(build_rule("tcp", "!ipset=s"), F_IPSET);
	assert_int_equal(t->mask.value.u, 1 << 8);
	assert_true(t->negated);
	t = only_test(build_rule("tcp", "ipset=$S ipsetflags=dst,src"), F_IPSET);
	assert_int_equal(t->mask.value.u, 2 << 8 | 1);
	assert_clean();
}

static const struct {
	const char *code, *proto, *words;
} findings[] = {
	{"E116", "tcp", "srcipmask=24"},
	{"E116", "tcp", "dstipmask=24"},
	{"E116", "tcp", "srcipto=10.0.0.1"},
	{"E116", "tcp", "srcipaddr=10.0.0.1 srcipto=10.0.0.9"},
	{"E116", "tcp", "srcipfrom=10.0.0.1 srcipmask=24"},
	{"E116", "tcp", "srcportend=5"},
	{"E116", "tcp", "dstportend=5"},
	{"E116", "mac", "srcmacmask=ff:0:0:0:0:0"},
	{"E116", "arp", "arpsrcipmask=8"},
	{"E116", "arp", "arpdstipmask=8"},
	{"E116", "stp", "root-priority-hi=8"},
	{"E116", "stp", "root-address-mask=ff:0:0:0:0:0"},
	{"E116", "all", "ipsetflags=src"},
	{"E116", "icmp", "code=1"},
	{"E116", "icmpv6", "code=1"},
	{"E117", "tcp", "srcipaddr=10.0.0.1 srcipfrom=10.0.0.1"},
	{"E117", "all-ipv6", "dstipaddr=::1 dstipfrom=::1"},
	{"E118", "ip", "dstportstart=53"},
	{"E118", "ip", "dstportstart=53 protocol=icmp"},
	{"E118", "ip", "dstportstart=53 !protocol=udp"},
	{"E118", "ip", "dstportstart=53 protocol=$P"},
	{"E118", "ipv6", "srcportstart=53"},
	{"E118", "ipv6", "type=1"},
	{"E118", "ipv6", "codeend=1 protocol=icmp"},
	{"E119", "icmp", "!type=8 code=0"},
	{"E119", "icmp", "type=8 !code=0"},
	{"E119", "tcp", "!state=NEW"},
	{"E125", "tcp", "dstportstart=90 dstportend=80"},
	{"E125", "all", "srcipfrom=10.0.0.2 srcipto=10.0.0.1"},
	{"E125", "all-ipv6", "srcipfrom=::2 srcipto=::1"},
	{"E125", "stp", "age=2 age-hi=1"},
	{"E112", "tcp", "dstportstart=65536"},
	{"E112", "tcp", "srcipaddr=::1"},
	{"E112", "tcp-ipv6", "srcipaddr=10.0.0.1"},
	{"E112", "tcp", "dscp=64"},
	{"E112", "vlan", "vlanid=4096"},
	{"E112", "vlan", "encap-protocol=0x3b"},
	{"E112", "mac", "protocolid=0x5ff"},
	{"E112", "tcp", "connlimit-above=0x10"},
	{"E112", "stp", "type=256"},
	{"E112", "stp", "root-cost=4294967296"},
	{"E113", "tcp", "dstportstart=$"},
	{"E113", "tcp", "dstportstart=$A["},
	{"E113", "tcp", "dstportstart=$A[]"},
	{"E113", "tcp", "dstportstart=$A[@]"},
	{"E113", "tcp", "dstportstart=$A[1]x"},
	{"E113", "tcp", "dstportstart=$A-B"},
	{"E113", "tcp", "dstportstart=$A[@1001]"},
	{"E113", "tcp", "dstportstart=$A[-1]"},
	{"E114", "tcp", "comment=$A"},
	{"E114", "tcp", "state=$A"},
	{"E114", "tcp", "flags=$A"},
	{"E114", "arp", "gratuitous=$A"},
	{"W406", "arp", "opcode=ARP_NAK"},
	{"W408", "tcp", "flags=SYN/ALL"},
	{"W410", "ipv6", "protocol=ah"},
	{"W410", "ipv6", "protocol=0"},
};

/* One mistake, one finding. */
static void test_findings(void **state)
{
	for (size_t i = 0; i < sizeof findings / sizeof findings[0]; i++) {
		fx->diags.list.n = 0;
		build_rule(findings[i].proto, findings[i].words);
		if (fx->diags.list.n != 1 || count_kind(findings[i].code) != 1)
			print_message("%s %s\n", findings[i].proto, findings[i].words);
		assert_findings(findings[i].code, 1);
	}
}

static void test_right_ones(void **state)
{
	static const char *const words[][2] = {
		{"ip", "protocol=udp dstportstart=53"},
		{"ip", "protocol=33 srcportstart=53"},
		{"ip", "protocol=132 srcportstart=1 srcportend=1"},
		{"ip", "protocol=$P"},
		{"ip", "!protocol=udp"},
		{"ipv6", "protocol=58 type=1 typeend=2 code=3 codeend=4"},
		{"icmp", "!type=8 !code=0"},
		{"tcp", "flags=SYN,ACK/SYN option=4"},
		{"tcp-ipv6", "flags=ALL/NONE"},
		{"arp", "opcode=8 gratuitous=yes hwtype=1 protocoltype=0x800"},
		{"arp", "opcode=10"},
		{"udp", "!connlimit-above=5"},
		{"tcp", "dstportstart=$A[\t@1000]"},
		{"tcp", "dstportstart=$A_9[12]"},
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		build_rule(words[i][0], words[i][1]);
		assert_clean();
	}
}

/* Whatever rows there are: each attribute of each protocol gives what its row says. */
static void test_every_row(void **state)
{
	for (enum proto_id p = PROTO_NONE + 1; p < PROTOS; p++)
		for (uint32_t i = 0; i < protos[p].nattrs; i++) {
			const struct attr *at = &protos[p].attrs[i];
			assert_ptr_equal(attr_find(&protos[p], str_from(at->xml)), at);
			for (uint32_t k = 0; k < i; k++)
				assert_string_not_equal(at->xml, protos[p].attrs[k].xml);
			assert_true(at->min <= at->max);
			assert_int_equal(fields[fields[at->field].mirror].mirror, at->field);
			assert_int_equal(fields[fields[at->field].mirror].width,
					 fields[at->field].width);
		}
	assert_null(proto_find(STR("TCP")));
	assert_null(attr_find(&protos[PROTO_TCP], STR("dstmacaddr")));
	assert_null(attr_find(&protos[PROTO_IGMP], STR("dstportstart")));
}

static void test_comment_is_cut_between_characters(void **state)
{
	char words[600] = "comment=";
	for (int i = 0; i < 255; i++)
		strcat(words, "x");
	strcat(words, "\xc3\xa4\xc3\xa4"); /* bytes 256 and 257 are one character */
	const struct test *t = only_test(build_rule("tcp", words), F_COMMENT);
	assert_findings("W405", 1);
	assert_int_equal(t->value.value.text.len, 255);
	fx->diags.list.n = 0;
	words[8 + 255] = 'x';
	words[8 + 256] = 0;
	t = only_test(build_rule("tcp", words), F_COMMENT);
	assert_int_equal(t->value.value.text.len, 256);
	assert_clean();
}

static void test_aliases(void **state)
{
	const struct proto *stp = proto_find(STR("stp"));
	static const char *const pairs[][2] = {
		{"msg-age", "age"}, {"msg-age-hi", "age-hi"}, {"port_hi", "port-hi"}};
	for (int i = 0; i < 3; i++) {
		assert_null(attr_find(stp, str_from(pairs[i][0])));
		assert_string_equal(attr_alias(stp, str_from(pairs[i][0])), pairs[i][1]);
	}
	assert_null(attr_alias(stp, STR("age")));
	assert_null(attr_alias(proto_find(STR("tcp")), STR("msg-age")));
}

static void test_reference_texts(void **state)
{
	static const char *const texts[][2] = {{"$A", "A"},           {"$A[@0]", "A"},
					       {"$A[0]", "A[0]"},     {"$A[ 7 ]", "A[7]"},
					       {"$A[ @2 ]", "A[@2]"}, {"$A[@1000]", "A[@1000]"}};
	for (int i = 0; i < 6; i++) {
		struct var_ref v;
		assert_null(var_ref_parse(str_from(texts[i][0]), &v));
		assert_true(str_is(var_ref_text(fx->arena, &v), texts[i][1]));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mask_before_address),
		TEST(test_ranges),
		TEST(test_signs_are_separate),
		TEST(test_later_value_replaces),
		TEST(test_ends_alone),
		TEST(test_set_without_directions_is_src),
		TEST(test_findings),
		TEST(test_right_ones),
		TEST(test_every_row),
		TEST(test_comment_is_cut_between_characters),
		TEST(test_aliases),
		TEST(test_reference_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
