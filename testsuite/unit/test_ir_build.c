/* SPDX-License-Identifier: MIT */
/*
 * Many ports: what is shared, what programs are called, which learning set a
 * port gets, and that all errors of a run are said.
 */
#include "ir_fixture.h"

#define TCP(attrs) "<rule action='drop' direction='in'><tcp " attrs "/></rule>"
#define MAC(n)     "52:54:00:12:34:" n

static void add_port(const char *name, const char *filter, const char *params)
{
	char text[2048];
	snprintf(text, sizeof text, BINDING("%s", MAC("01"), "%s", "%s"), name, filter, params);
	read_xml(text);
}

static void assert_program(const struct build *b, uint32_t port, const char *name)
{
	assert_true(port < b->ports.n);
	struct str s = b->ports.items[port].program->name;
	if (!str_is(s, name))
		print_message("port %u has program '%.*s'\n", port, STR_ARG(s));
	assert_true(str_is(s, name));
}

static void test_sharing(void **state)
{
	read_xml("<filters>" FILTER("f", TCP("srcipaddr='$IP'")) FILTER("g", TCP("")) "</filters>");
	add_port("a", "f", PARAM("IP", "10.0.0.1"));
	add_port("b", "g", "");
	add_port("c", "f", PARAM("IP", "10.0.0.2") PARAM("IP", "10.0.0.3"));
	struct build b = build_good();
	assert_int_equal(b.programs.n, 2);
	assert_int_equal(b.ports.n, 3);
	assert_ptr_equal(b.ports.items[0].program, b.ports.items[2].program);
	assert_int_equal(b.ports.items[2].rows[0].n, 2);
	assert_program(&b, 0, "f");
	assert_program(&b, 1, "g");
}

/* A name that a parameter inside would give too: the port's own makes another program, with its
 * name. */
static void test_names(void **state)
{
	read_xml("<filters>" FILTER("f", REF("p", PARAM("A", "1") PARAM("B", "2") PARAM("C", "3")))
			 FILTER("p", TCP("srcportstart='$A' dstportstart='$B'")) "</filters>");
	add_port("a", "f", "");
	add_port("b", "f", PARAM("B", "7"));
	add_port("c", "f", PARAM("B", "8"));
	add_port("d", "f", PARAM("B", "8") PARAM("A", "9"));
	add_port("e", "f", PARAM("C", "1")); /* given, but no rule uses it */
	struct build b = build_good();
	assert_program(&b, 0, "f");
	assert_program(&b, 1, "f+B");
	assert_program(&b, 2, "f+B");
	assert_program(&b, 3, "f+A+B");
	assert_program(&b, 4, "f");
	assert_int_equal(b.programs.n, 3);
}

/* The same names whatever other ports there are, and in whatever order. */
static void test_names_are_stable(void **state)
{
	read_xml("<filters>" FILTER("f", REF("p", PARAM("A", "1")))
			 FILTER("p", TCP("srcportstart='$A'")) "</filters>");
	add_port("b", "f", PARAM("A", "7"));
	add_port("a", "f", "");
	struct build b = build_good();
	assert_program(&b, 0, "f+A");
	assert_program(&b, 1, "f");
}

/* --- learning --- */

/* Read one stock filter and all it refers to, as the program does. */
static void read_stock(void)
{
	parse_stock(&fx->cx, fx->in);
	if (fx->diags.list.n)
		print_findings(fx);
	assert_int_equal(fx->diags.list.n, 0);
}

static void test_learning_sets(void **state)
{
	static const struct {
		const char *rule, *params, *set;
	} cases[] = {
		{"v4", "", "learn-any"},
		{"v4", PARAM("CTRL_IP_LEARNING", "any"), "learn-any"},
		{"v4", PARAM("CTRL_IP_LEARNING", "ANY"), "learn-any"},
		{"v6", "", "learn-any-ipv6"},
		{"both", "", "learn-any-dual"},
		{"both", PARAM("IP", "10.0.0.1"), "learn-any-ipv6"},
		{"v4", PARAM("CTRL_IP_LEARNING", "dhcp"), "learn-dhcp"},
		{"v4", PARAM("CTRL_IP_LEARNING", "DHCP") PARAM("DHCPSERVER", "10.0.0.9"),
		 "learn-dhcp-server"},
		{"v4", PARAM("CTRL_IP_LEARNING", "dhcp") PARAM("DHCPSERVERV6", "fe80::9"),
		 "learn-dhcp"},
		{"v6", PARAM("CTRL_IP_LEARNING", "dhcp"), "learn-dhcp-ipv6"},
		{"v6", PARAM("CTRL_IP_LEARNING", "dhcp") PARAM("DHCPSERVERV6", "fe80::9"),
		 "learn-dhcp-ipv6-server"},
		{"both", PARAM("CTRL_IP_LEARNING", "dhcp"), "learn-dhcp-dual"},
		{"both", PARAM("CTRL_IP_LEARNING", "dhcp") PARAM("DHCPSERVER", "10.0.0.9"),
		 "learn-dhcp-dual-server4"},
		{"both", PARAM("CTRL_IP_LEARNING", "dhcp") PARAM("DHCPSERVERV6", "fe80::9"),
		 "learn-dhcp-dual-server6"},
		{"both",
		 PARAM("CTRL_IP_LEARNING", "dhcp") PARAM("DHCPSERVERV6", "fe80::9")
			 PARAM("DHCPSERVER", "10.0.0.9"),
		 "learn-dhcp-dual-server"},
		{"v4-iterated", "", "learn-any"},
		{"v4-element", "", "learn-any"},
	};
	read_stock();
	read_xml("<filters>" FILTER("v4", TCP("srcipaddr='$IP'")) FILTER("v4-iterated",
									 TCP("srcipaddr='$IP[@1]'"))
			 FILTER("v4-element", TCP("srcipaddr='$IP[0]'"))
				 FILTER("v6", "<rule action='drop' direction='in'><tcp-ipv6 "
					      "srcipaddr='$IPV6'/></rule>")
					 FILTER("both", REF("v4", "") REF("v6", "")) "</filters>");
	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char name[8];
		snprintf(name, sizeof name, "p%u", i);
		add_port(name, cases[i].rule, cases[i].params);
	}
	struct build b = build_good();
	for (uint32_t i = 0; i < b.ports.n; i++) {
		struct str s = b.ports.items[i].program->name;
		size_t n = strlen(
			cases[i].set); /* the program may be marked by names the port gives */
		bool right = s.len >= n && memcmp(s.s, cases[i].set, n) == 0 &&
			     (s.len == n || s.s[n] == '+');
		if (!right)
			print_message("case %u: %.*s\n", i, STR_ARG(s));
		assert_true(right);
		assert_true(b.ports.items[i].learning);
	}
}

static void test_known_address_does_not_learn(void **state)
{
	read_xml(FILTER("f", TCP("srcipaddr='$IP'")));
	add_port("a", "f", PARAM("IP", "10.0.0.1") PARAM("CTRL_IP_LEARNING", "bogus"));
	struct build b = build_good();
	assert_false(b.ports.items[0].learning);
	assert_program(&b, 0, "f");
}

static void test_learning_errors(void **state)
{
	static const struct {
		const char *code, *rule, *params;
	} cases[] = {
		{"E310", TCP("srcipaddr='$IP'"), PARAM("CTRL_IP_LEARNING", "none")},
		{"E310", TCP("srcipaddr='$IP[@1]'"), PARAM("CTRL_IP_LEARNING", "None")},
		{"E309", TCP("srcipaddr='$IP'"), PARAM("CTRL_IP_LEARNING", "maybe")},
		{"E305", TCP("srcipaddr='$IP' dstipaddr='$OTHER'"), ""},
		{"E305", TCP("dstipaddr='$OTHER'"), PARAM("CTRL_IP_LEARNING", "any")},
	};
	read_stock();
	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[512], name[8];
		struct build b;
		snprintf(name, sizeof name, "f%u", i);
		snprintf(text, sizeof text, "<filter name='%s'>%s</filter>", name, cases[i].rule);
		read_xml(text);
		fx->ports = (struct ports){0};
		add_port("p", name, cases[i].params);
		assert_false(build(&b));
		assert_int_equal(b.ports.n, 0);
		assert_findings(cases[i].code, 1);
		fx->diags.list.n = fx->diags.errors = 0;
	}
}

/* The message names all that is missing, each once, with its place. */
static void test_missing_list(void **state)
{
	struct build b;
	read_xml(FILTER("f", TCP("srcipaddr='$IP' dstportstart='$P' srcportstart='$P[@2]'")
				     TCP("dstportstart='$P'")));
	add_port("p", "f", "");
	assert_false(build(&b));
	assert_findings("E305", 1);
	assert_non_null(strstr(finding_at(0)->text.s, "$IP, $P[@2], $P"));
	assert_int_equal(finding_at(0)->notes.n, 3);
}

/* --- errors of many ports --- */

static void test_all_ports_are_looked_at(void **state)
{
	struct build b;
	read_xml("<filters>" FILTER("f", TCP("dstportstart='$P'"))
			 FILTER("loop", REF("loop", "")) "</filters>");
	add_port("a", "f", "");
	add_port("b", "gone", "");
	add_port("c", "f", PARAM("P", "x"));
	add_port("d", "f", PARAM("P", "1"));
	add_port("e", "loop", "");
	add_port("g", "loop", "");
	assert_false(build(&b));
	assert_int_equal(count_kind("E305"), 1);
	assert_int_equal(count_kind("E301"), 1);
	assert_int_equal(count_kind("E308"), 1);
	assert_int_equal(count_kind("E302"), 1); /* the filter's mistake, not each port's */
	assert_int_equal(b.ports.n, 1);
	assert_true(str_is(b.ports.items[0].port->name, "d"));
}

static void test_port_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\x7f", "0123456789abcdef"};
	static const char *const good[] = {
		"a",        "vnet0", "...", "-x", "a'b\"c;$(d)`e", "0123456789abcde",
		"\xc3\xa4", "%s",    "*"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(port_name_check(str_from(bad[i])));
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_null(port_name_check(str_from(good[i])));
}

static void test_a_mistake_at_each_port(void **state)
{
	read_xml(FILTER("f", TCP("srcipaddr='$IP' srcmacaddr='$MAC'")));
	for (unsigned i = 0; i < 2000; i++) {
		char name[16];
		snprintf(name, sizeof name, "vnet%u", i);
		add_port(name, "f", PARAM("IP", "10.0.0.1") PARAM("IP", "10.0.0.2"));
	}
	fx->diags.list.n = 0;
	struct build b;
	assert_false(build(&b)); /* two addresses beside one MAC: unequal lists */
	assert_int_equal(fx->diags.errors, 2000);
	assert_int_equal(count_kind("E306"), fx->diags.max);
}

static void test_path_text(void **state)
{
	read_xml("<filters>" FILTER("f", REF("g", "")) FILTER("g", REF("h", ""))
			 FILTER("h", TCP("")) "</filters>");
	add_port("p", "f", "");
	struct build b = build_good();
	const struct program *p = b.programs.items[0];
	assert_true(str_is(path_text(fx->arena, p, p->parts[SIDE_IN].packet.items[0]->path),
			   "f > g > h"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sharing),
		TEST(test_names),
		TEST(test_names_are_stable),
		TEST(test_learning_sets),
		TEST(test_known_address_does_not_learn),
		TEST(test_learning_errors),
		TEST(test_missing_list),
		TEST(test_all_ports_are_looked_at),
		TEST(test_port_names),
		TEST(test_a_mistake_at_each_port),
		TEST(test_path_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
