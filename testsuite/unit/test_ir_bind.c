/* SPDX-License-Identifier: MIT */
/*
 * Iteration, exactly as the language has it (filter-language 5.2): which rows a
 * dimension has, which dimensions a rule has, and in which order the product of
 * them runs.
 */
#include "ir_fixture.h"

#define RULE(attrs) "<rule action='drop' direction='in'><tcp " attrs "/></rule>"

/* The instances of the only rule of vnet0's program: "src/dst src/dst ...", the first dimension
 * turning fastest. */
static const char *instances(const struct build *b, uint32_t port)
{
	assert_true(port < b->ports.n);
	const struct port_data *pd = &b->ports.items[port];
	assert_int_equal(pd->program->parts[SIDE_IN].packet.n, 1);
	const struct prule *r = pd->program->parts[SIDE_IN].packet.items[0];
	uint32_t row[8] = {0}, d = 0;
	struct buf out;
	buf_memory(&out);
	for (;;) {
		vec_each (t, &r->tests) {
			const struct value *v = slot_value(&t->value, r, pd, row);
			const struct value *to = slot_value(&t->to, r, pd, row);
			if (t != r->tests.items)
				buf_char(&out, '/');
			value_print(&out, v);
			if (to) {
				buf_char(&out, '-');
				value_print(&out, to);
			}
		}
		buf_char(&out, ' ');
		for (d = 0; d < r->dims.n && ++row[d] == pd->rows[r->dims.items[d]].n; d++)
			row[d] = 0;
		if (d == r->dims.n)
			break;
	}
	const char *s = arena_copy(fx->arena, out.data, out.n ? out.n - 1 : 0);
	buf_drop(&out);
	return s;
}

/* One filter with one rule, one port with these parameters. */
static const char *iterate(const char *rule, const char *params)
{
	char text[4096];
	snprintf(text, sizeof text, "<filter name='f'>%s</filter>", rule);
	read_xml(text);
	snprintf(text, sizeof text, PORT("f", "%s"), params);
	read_xml(text);
	struct build b = build_good();
	return instances(&b, 0);
}

#define A_12 PARAM("A", "1") PARAM("A", "2")
#define B_89 PARAM("B", "8") PARAM("B", "9")

static void test_one_list(void **state)
{
	assert_string_equal(iterate(RULE("dstportstart='$A'"), A_12), "1 2");
}

/* $A is $A[@0]: both advance together. */
static void test_parallel(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A' dstportstart='$B[@0]'"), A_12 B_89),
			    "1/8 2/9");
}

/* The first dimension turns fastest, in order of first use: a1 b1 a2 b2. */
static void test_odometer(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A[@1]' dstportstart='$B[@2]'"), A_12 B_89),
			    "1/8 2/8 1/9 2/9");
}

/* Id 0 is always the first dimension, wherever it is used. */
static void test_zero_turns_first(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A[@1]' dstportstart='$B'"), A_12 B_89),
			    "1/8 1/9 2/8 2/9");
}

/* Id order is order of use, not of number. */
static void test_ids_in_order_of_use(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A[@7]' dstportstart='$B[@3]'"), A_12 B_89),
			    "1/8 2/8 1/9 2/9");
}

/* One variable under two ids: each turns by itself. */
static void test_same_variable_twice(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A[@1]' dstportstart='$A[@2]'"), A_12),
			    "1/1 2/1 1/2 2/2");
}

/* Under one id it is one. */
static void test_same_variable_same_id(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A' dstportstart='$A'"), A_12), "1/1 2/2");
}

static void test_dedupe_of_tuples(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A' dstportstart='$B'"),
				    PARAM("A", "1") PARAM("A", "2") PARAM("A", "1") PARAM("B", "1")
					    PARAM("B", "3") PARAM("B", "1")),
			    "1/1 2/3");
}

/* Equal values in one column alone make no equal tuples. */
static void test_no_dedupe_of_columns(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A' dstportstart='$B'"),
				    PARAM("A", "1") PARAM("A", "1") PARAM("B", "3")
					    PARAM("B", "4")),
			    "1/3 1/4");
}

/* Values are compared as what they are, not as text. */
static void test_dedupe_by_value(void **state)
{
	assert_string_equal(iterate(RULE("dstportstart='$A'"),
				    PARAM("A", "16") PARAM("A", "0x10") PARAM("A", "016")),
			    "16");
}

static void test_elements(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A[1]' dstportstart='$A[0]'"), A_12),
			    "2/1");
}

/* An element is a dimension of one row; the list beside it is not shortened. */
static void test_element_beside_list(void **state)
{
	assert_string_equal(iterate(RULE("srcportstart='$A[1]' dstportstart='$B'"), A_12 B_89),
			    "2/8 2/9");
}

static void test_ranges_in_one_dimension(void **state)
{
	assert_string_equal(iterate(RULE("dstportstart='$A' dstportend='$B'"), A_12 B_89),
			    "1-8 2-9");
}

/* MAC is the port's, unless it is given. */
static void test_mac(void **state)
{
	assert_string_equal(iterate(RULE("srcmacaddr='$MAC'"), ""), "52:54:00:12:34:56");
}

static void test_mac_given(void **state)
{
	assert_string_equal(iterate(RULE("srcmacaddr='$MAC'"), PARAM("MAC", "2:0:0:0:0:1")),
			    "02:00:00:00:00:01");
}

/* Constant lists of parameters inside the tree iterate the same way. */
static void test_constants(void **state)
{
	read_xml("<filters>" FILTER("g", REF("f", PARAM("A", "1") PARAM("A", "2") PARAM("A", "1")))
			 FILTER("f", RULE("srcportstart='$A' dstportstart='$A[@1]'")) "</filters>");
	read_xml(PORT("g", ""));
	struct build b = build_good();
	assert_string_equal(instances(&b, 0), "1/1 2/1 1/2 2/2");
}

/* A constant list beside a port's list in one iterator. */
static void test_constant_beside_port(void **state)
{
	read_xml("<filters>" FILTER("g", REF("f", A_12))
			 FILTER("f", RULE("srcportstart='$A' dstportstart='$B'")) "</filters>");
	read_xml(PORT("g", B_89));
	struct build b = build_good();
	assert_string_equal(instances(&b, 0), "1/8 2/9");
}

/* --- refusals --- */

static const struct {
	const char *code, *rule, *params;
	uint32_t n;
} refusals[] = {
	{"E306", RULE("srcportstart='$A' dstportstart='$B'"), A_12 PARAM("B", "1"), 1},
	{"E306", RULE("srcportstart='$A[@5]' dstportstart='$B[@5]'"), A_12 PARAM("B", "1"), 1},
	{"E307", RULE("dstportstart='$A[2]'"), A_12, 1},
	{"E308", RULE("dstportstart='$A'"), PARAM("A", "x") PARAM("A", "65536"), 2},
	{"E308", RULE("srcipaddr='$A'"), PARAM("A", "::1"), 1},
	{"E308", RULE("srcipaddr='$MAC'"), "", 1},
	{"E308", RULE("srcmacaddr='$A'"), PARAM("A", "10.0.0.1"), 1},
	{"E308", RULE("srcipaddr='10.0.0.1' srcipmask='$A'"), PARAM("A", "33"), 1},
	{"E308", RULE("ipset='$A'"), PARAM("A", "01234567890123456789012345678901"), 1},
	{"E125", RULE("dstportstart='$A' dstportend='$B'"), PARAM("A", "5") PARAM("B", "4"), 1},
	{"E125", RULE("dstportstart='7' dstportend='$B'"), PARAM("B", "8") PARAM("B", "6"), 1},
	{"E125", RULE("dstportstart='$A[@1]' dstportend='$B[@2]'"),
	 A_12 PARAM("B", "9") PARAM("B", "1"), 1},
	{"E305", RULE("dstportstart='$Z'"), "", 1},
	{"E305", RULE("dstportstart='$Z' srcipaddr='$IP'"), "", 1},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		char text[4096];
		struct build b;
		snprintf(text, sizeof text, "<filter name='f%zu'>%s</filter>", i, refusals[i].rule);
		read_xml(text);
		snprintf(text, sizeof text, BINDING("p%zu", "52:54:00:12:34:56", "f%zu", "%s"), i,
			 i, refusals[i].params);
		fx->ports = (struct ports){0};
		read_xml(text);
		assert_false(build(&b));
		if (count_kind(refusals[i].code) != refusals[i].n)
			print_message("%s %s\n", refusals[i].rule, refusals[i].params);
		assert_findings(refusals[i].code, refusals[i].n);
		fx->diags.list.n = fx->diags.errors = 0;
	}
}

/* The same for constants, found without looking at any port's values. */
static void test_refused_constants(void **state)
{
	static const struct {
		const char *code, *rule, *params;
	} cases[] = {
		{"E306", RULE("srcportstart='$A' dstportstart='$B'"), A_12 PARAM("B", "1")},
		{"E307", RULE("dstportstart='$A[2]'"), A_12},
		{"E308", RULE("dstportstart='$A'"), PARAM("A", "x")},
		{"E125", RULE("dstportstart='$A' dstportend='$B'"),
		 PARAM("A", "5") PARAM("B", "4")},
	};
	for (size_t i = 0; i < 4; i++) {
		char text[4096];
		struct build b;
		snprintf(text, sizeof text,
			 "<filters><filter name='f%zu'>%s</filter><filter name='g%zu'><filterref "
			 "filter='f%zu'>%s</filterref></filter></filters>",
			 i, cases[i].rule, i, i, cases[i].params);
		read_xml(text);
		snprintf(text, sizeof text, BINDING("p%zu", "52:54:00:12:34:56", "g%zu", ""), i, i);
		fx->ports = (struct ports){0};
		read_xml(text);
		assert_false(build(&b));
		assert_findings(cases[i].code, 1);
		fx->diags.list.n = fx->diags.errors = 0;
	}
}

static void test_product(void **state)
{
	struct buf b;
	buf_memory(&b);
	buf_lit(&b, "<filterbinding><owner><name>v</"
		    "name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>"
		    "<portdev name='p'/><mac address='52:54:00:12:34:56'/><filterref filter='f'>");
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "<parameter name='A' value='%d'/>", i);
	buf_lit(&b, "</filterref></filterbinding>");
	buf_char(&b, 0);
	read_xml(FILTER("f", RULE("srcportstart='$A[@1]' srcportend='$A[@1]' dstportstart='$A[@2]' "
				  "srcipaddr='10.0.0.1' srcipmask='8'")));
	read_xml(b.data);
	buf_drop(&b);
	struct build out = build_good();
	const struct prule *r = out.ports.items[0].program->parts[SIDE_IN].packet.items[0];
	assert_true(prule_product(r, &out.ports.items[0]) == 100000000);
	assert_int_equal(r->dims.n, 2); /* symbolic: two dimensions of 10,000 rows */
}

/* A quarter of a million values, a tenth of them different: linear, in order. */
static void test_large_list(void **state)
{
	struct value *values = arena_new_array(fx->arena, struct value, 250000);
	const struct value *lists[1] = {values};
	for (uint32_t i = 0; i < 250000; i++)
		values[i] = (struct value){.type = VT_UINT, .u = i * 7919u % 25000u};
	struct rows r = make_rows(fx->arena, 1, lists, 250000);
	assert_int_equal(r.n, 25000);
	for (uint32_t i = 0; i < 25000; i++)
		assert_int_equal(r.values[i].u, values[i].u);
}

static void test_dump(void **state)
{
	iterate(RULE("srcportstart='$A' srcipaddr='$IP[@1]'"), A_12 PARAM("IP", "10.0.0.1"));
	assert_text(dump_text("bind"), "program f\n"
				       "  column $IP: an IPv4 address\n"
				       "  column $A: a number\n"
				       "port vnet0 program f\n"
				       "  d0: (1), (2)\n"
				       "  d1: (10.0.0.1)\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_list),
		TEST(test_parallel),
		TEST(test_odometer),
		TEST(test_zero_turns_first),
		TEST(test_ids_in_order_of_use),
		TEST(test_same_variable_twice),
		TEST(test_same_variable_same_id),
		TEST(test_dedupe_of_tuples),
		TEST(test_no_dedupe_of_columns),
		TEST(test_dedupe_by_value),
		TEST(test_elements),
		TEST(test_element_beside_list),
		TEST(test_ranges_in_one_dimension),
		TEST(test_mac),
		TEST(test_mac_given),
		TEST(test_constants),
		TEST(test_constant_beside_port),
		TEST(test_refusals),
		TEST(test_refused_constants),
		TEST(test_product),
		TEST(test_large_list),
		TEST(test_dump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
