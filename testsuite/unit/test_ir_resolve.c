/* SPDX-License-Identifier: MIT */
/*
 * References: order, paths, scopes, loops, bombs, chains and their priorities.
 */
#include "ir_fixture.h"

#define RULE(attrs)              "<rule action='drop' direction='in'><tcp " attrs "/></rule>"
#define CHAIN(name, attrs, body) "<filter name='" name "' " attrs ">" body "</filter>"
#define MACRULE                  "<rule action='drop' direction='in'><mac/></rule>"

static const struct tree *resolve_name(const char *name, const struct limits *limits)
{
	struct pass_ctx cx = pass_ctx();
	struct filter_ref *ref = arena_new_object(fx->arena, struct filter_ref);
	ref->filter = str_from(name);
	if (limits)
		cx.limits = *limits;
	return resolve(&cx, &fx->library, ref);
}

static const struct tree *resolve_good(const char *name)
{
	const struct tree *t = resolve_name(name, NULL);
	if (!t)
		print_findings(fx);
	assert_non_null(t);
	return t;
}

/* The value that a rule of the tree sees in its scope; "" when there is none. */
static struct str seen(const struct tree *t, uint32_t rule, const char *name)
{
	assert_true(rule < t->rules.n);
	const struct scope *s = t->rules.items[rule].scope;
	const struct map_entry *e = s ? map_find(&s->names, str_from(name)) : NULL;
	return e ? ((const struct param *)e->cptr)->values.items[0].text : STR("");
}

static void assert_seen(const struct tree *t, uint32_t rule, const char *name, const char *value)
{
	struct str s = seen(t, rule, name);
	if (!str_is(s, value))
		print_message("rule %u sees $%s as '%.*s'\n", rule, name, STR_ARG(s));
	assert_true(str_is(s, value));
}

/* Depth first, in document order, once for each reference. */
static void test_order(void **state)
{
	read_xml("<filters>" FILTER("a", RULE("dstportstart='1'") REF("b", "")
						 RULE("dstportstart='2'") REF("b", ""))
			 FILTER("b", RULE("dstportstart='3'") REF("c", ""))
				 FILTER("c", RULE("dstportstart='4'")) "</filters>");
	const struct tree *t = resolve_good("a");
	static const uint32_t ports[] = {1, 3, 4, 2, 3, 4};
	assert_int_equal(t->rules.n, 6);
	for (int i = 0; i < 6; i++)
		assert_int_equal(t->rules.items[i].rule->tests.items[0].value.value.u, ports[i]);
	assert_int_equal(t->paths.n, 5);
	read_xml(PORT("a", ""));
	assert_text(dump_text("resolve"), "port vnet0\n"
					  "  drop in 500 tcp #1 in root: a\n"
					  "  drop in 500 tcp #1 in root: a > b\n"
					  "  drop in 500 tcp #1 in root: a > b > c\n"
					  "  drop in 500 tcp #2 in root: a\n"
					  "  drop in 500 tcp #1 in root: a > b\n"
					  "  drop in 500 tcp #1 in root: a > b > c\n");
}

/* What the outer reference gives wins over the inner one's; as a whole, not joined. */
static void test_outer_wins(void **state)
{
	read_xml("<filters>" FILTER("a", REF("b", PARAM("X", "outer") PARAM("Y", "y"))
						 RULE("dstportstart='$X'"))
			 FILTER("b", RULE("dstportstart='$X'")
					     REF("c", PARAM("X", "inner") PARAM("X", "inner2")
							      PARAM("Z", "z")))
				 FILTER("c", RULE("dstportstart='$X'")) "</filters>");
	const struct tree *t = resolve_good("a");
	assert_int_equal(t->rules.n, 3);
	assert_seen(t, 0, "X", "outer"); /* in b */
	assert_seen(t, 1, "X", "outer"); /* in c: not inner */
	assert_seen(t, 1, "Y", "y");     /* handed down */
	assert_seen(t, 1, "Z", "z");
	assert_seen(t, 2, "X", ""); /* parameters are for what is referenced, not for who does it */
	assert_seen(t, 0, "Z", "");
}

static void test_siblings_do_not_see_each_other(void **state)
{
	read_xml("<filters>" FILTER("a", REF("b", PARAM("X", "1")) REF("b", "")
						 REF("b", PARAM("X", "2")))
			 FILTER("b", RULE("dstportstart='$X'")) "</filters>");
	const struct tree *t = resolve_good("a");
	assert_seen(t, 0, "X", "1");
	assert_seen(t, 1, "X", "");
	assert_seen(t, 2, "X", "2");
	assert_int_equal(t->names.n, 1);
	assert_true(t->names.items[0].bare);
	assert_true(t->names.items[0].defaulted);
}

static void test_missing_filter(void **state)
{
	read_xml("<filters>" FILTER("a", REF("b", "")) FILTER("b", REF("noip", "") REF("gone", ""))
			 FILTER("no-ip", "") "</filters>");
	assert_null(resolve_name("a", NULL));
	assert_findings("E301", 2); /* all of them */
	assert_true(str_is(finding_at(0)->hint, "did you mean 'no-ip'?"));
	assert_int_equal(finding_at(0)->notes.n, 2); /* b, a */
	fx->diags.list.n = 0;
	assert_null(resolve_name("nothing", NULL));
	assert_findings("E301", 1);
}

static void test_loops(void **state)
{
	read_xml("<filters>" FILTER("a", REF("b", "")) FILTER("b", REF("c", ""))
			 FILTER("c", REF("a", "")) FILTER("self", REF("self", "")) "</filters>");
	assert_null(resolve_name("a", NULL));
	assert_findings("E302", 1);
	assert_int_equal(finding_at(0)->notes.n, 3); /* the way: c, b, a */
	assert_true(str_is(source_slice(&fx->sources, finding_at(0)->span), "a"));
	fx->diags.list.n = 0;
	assert_null(resolve_name("self", NULL));
	assert_findings("E302", 1);
}

/* Twice on different ways is no loop. */
static void test_diamond(void **state)
{
	read_xml("<filters>" FILTER("a", REF("b", "") REF("c", "")) FILTER("b", REF("d", ""))
			 FILTER("c", REF("d", "")) FILTER("d", RULE("")) "</filters>");
	assert_int_equal(resolve_good("a")->rules.n, 2);
}

static void read_chain(unsigned n, const char *fmt)
{
	for (unsigned i = 0; i < n; i++) {
		char text[512];
		snprintf(text, sizeof text, fmt, i, i + 1, i + 1);
		read_xml(text);
	}
}

static void test_depth(void **state)
{
	read_chain(63, "<filter name='f%u'><filterref filter='f%u'/></filter>");
	read_xml(FILTER("f63", RULE("")));
	assert_int_equal(resolve_good("f0")->rules.n, 1);
	read_xml(FILTER("top", REF("f0", "")));
	assert_null(resolve_name("top", NULL));
	assert_findings("E303", 1);
	assert_int_equal(finding_at(0)->notes.n, 64);
}

/* 2^40 rules from forty small filters: an end by the limit, soon and once. */
static void test_bomb_of_rules(void **state)
{
	read_chain(
		40,
		"<filter name='f%u'><filterref filter='f%u'/><filterref filter='f%u'/></filter>");
	read_xml(FILTER("f40", RULE("")));
	struct limits limits = default_limits;
	limits.rules = 10000;
	assert_null(resolve_name("f0", &limits));
	assert_findings("E304", 1);
}

/* Without any rule at the bottom there are still 2^40 references. */
static void test_bomb_without_rules(void **state)
{
	read_chain(
		40,
		"<filter name='f%u'><filterref filter='f%u'/><filterref filter='f%u'/></filter>");
	read_xml(FILTER("f40", ""));
	assert_null(resolve_name("f0", NULL));
	assert_findings("E304", 1);
}

/* Missing filters at the bottom must not be said 2^40 times. */
static void test_bomb_of_missing(void **state)
{
	read_chain(
		40,
		"<filter name='f%u'><filterref filter='f%u'/><filterref filter='f%u'/></filter>");
	struct limits limits = default_limits;
	limits.rules = 1000;
	assert_null(resolve_name("f0", &limits));
	assert_true(fx->diags.list.n <= fx->diags.max);
	assert_true(count_kind("E301") > 0);
}

/* Parameters that pile up: the memory limit ends it. */
static void test_memory(void **state)
{
	fixture_free(fx);
	fx = fixture_new((size_t)4 << 20, false);
	read_chain(40,
		   "<filter name='f%u'><filterref filter='f%u'><parameter name='A' "
		   "value='1'/></filterref>"
		   "<filterref filter='f%u'><parameter name='B' value='2'/></filterref></filter>");
	read_xml(FILTER("f40", RULE("")));
	assert_null(resolve_name("f0", NULL));
	assert_findings("E603", 1);
}

static int chain_priority(const struct tree *t, const char *name)
{
	vec_each (c, &t->chains)
		if (str_is(c->name, name))
			return c->priority;
	return 9999;
}

static void test_chain_priorities(void **state)
{
	read_xml("<filters>" FILTER("a", REF("m", "") REF("v", "") REF("s", "") REF("4", "") REF(
						 "6", "") REF("ar", "") REF("ra", "") REF("own", "")
						 REF("ip", "")) CHAIN("m", "chain='mac-x'", MACRULE)
			 CHAIN("v", "chain='vlan'", MACRULE) CHAIN("s", "chain='stp1'", MACRULE)
				 CHAIN("4", "chain='ipv4-a'",
				       MACRULE) CHAIN("6", "chain='ipv6.b'",
						      MACRULE) CHAIN("ar", "chain='arp'", MACRULE)
					 CHAIN("ra", "chain='rarp'", MACRULE)
						 CHAIN("own", "chain='arp-own' priority='-3'",
						       MACRULE) CHAIN("ip", "chain='ipv4-only'",
								      RULE("")) "</filters>");
	const struct tree *t = resolve_good("a");
	assert_int_equal(chain_priority(t, "mac-x"), -800);
	assert_int_equal(chain_priority(t, "vlan"), -750);
	assert_int_equal(chain_priority(t, "stp1"), -810);
	assert_int_equal(chain_priority(t, "ipv4-a"), -700);
	assert_int_equal(chain_priority(t, "ipv6.b"), -600);
	assert_int_equal(chain_priority(t, "arp"), -500);
	assert_int_equal(chain_priority(t, "rarp"), -400);
	assert_int_equal(chain_priority(t, "arp-own"), -3);
	assert_int_equal(t->chains.n, 8); /* root is none, and packet rules have no chain */
	assert_int_equal(fx->diags.list.n, 0);
}

static void test_one_chain_two_priorities(void **state)
{
	read_xml("<filters>" FILTER("a", REF("x", "") REF("y", "") REF("z", "")) CHAIN(
		"x", "chain='arp' priority='5'", MACRULE) CHAIN("y", "chain='arp'", MACRULE)
			 CHAIN("z", "chain='arp' priority='7'", MACRULE) "</filters>");
	const struct tree *t = resolve_good("a");
	assert_findings("W401", 2);
	assert_int_equal(chain_priority(t, "arp"), -500); /* the lowest */
}

/* --- check_library: what no port needs to be there for --- */

static void test_check(void **state)
{
	struct pass_ctx cx = pass_ctx();
	read_xml("<filters>" FILTER("a", REF("gone", "")) FILTER("l1", REF("l2", ""))
			 FILTER("l2", REF("l1", "")) FILTER("self", REF("self", ""))
				 CHAIN("p", "priority='5'", "")
					 CHAIN("q", "chain='arp' priority='5'", "") "</filters>");
	check_library(&cx, &fx->library);
	assert_int_equal(count_kind("W311"), 1);
	assert_int_equal(count_kind("E302"), 2);
	assert_int_equal(count_kind("W402"), 1);
	assert_int_equal(fx->diags.list.n, 4);
}

/* A walk of its own stack: a hundred thousand filters in a row. */
static void test_check_long_row(void **state)
{
	struct pass_ctx cx = pass_ctx();
	read_chain(100000, "<filter name='f%u'><filterref filter='f%u'/></filter>");
	read_xml(FILTER("f100000", REF("f0", "")));
	check_library(&cx, &fx->library);
	assert_findings("E302", 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_outer_wins),
		TEST(test_siblings_do_not_see_each_other),
		TEST(test_missing_filter),
		TEST(test_loops),
		TEST(test_diamond),
		TEST(test_depth),
		TEST(test_bomb_of_rules),
		TEST(test_bomb_without_rules),
		TEST(test_bomb_of_missing),
		TEST(test_memory),
		TEST(test_chain_priorities),
		TEST(test_one_chain_two_priorities),
		TEST(test_check),
		TEST(test_check_long_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
