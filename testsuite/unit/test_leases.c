/* SPDX-License-Identifier: MIT */
/*
 * Leases: the journal's times and lines, and which addresses live, in which order.
 */
#include "ir_fixture.h"

#include "frontend/leases.h"

#define GUEST "d54df46f-1ab5-4a22-8618-4560ef5fac2c/52:54:00:12:34:56"
#define EVENT(time, what, address, valid)                                                          \
	time " " what " " GUEST " vnet0 ipv4 " address " " valid " dhcp\n"

static struct leases read_journal(const char *text, bool good)
{
	struct leases ls = {0};
	uint32_t file =
		source_add(&fx->sources, STR("journal"), str_copy(fx->arena, str_from(text)));
	assert_int_equal(leases_read(fx->arena, &fx->diags, file, &ls), good);
	return ls;
}

/* The living addresses at a time, a blank behind each. */
static struct str living(struct leases *ls, uint64_t now_ms, bool v6)
{
	struct port p = {.owner_uuid = STR("d54df46f-1ab5-4a22-8618-4560ef5fac2c")};
	struct str s = STR("");
	value_parse(fx->arena, VT_MAC, 0, 0, STR("52:54:00:12:34:56"), &p.mac);
	ls->now_ms = now_ms;
	for (const struct lease *const *l = leases_of(fx->arena, ls, &p, v6); *l; l++)
		s = str_printf(fx->arena, "%.*s%.*s ", STR_ARG(s), STR_ARG((*l)->address));
	return s;
}

static void assert_living(struct leases *ls, uint64_t now_ms, const char *want)
{
	struct str s = living(ls, now_ms, false);
	assert_string_equal(arena_copy(fx->arena, s.s, s.len), want);
}

static void seconds_have_decimals(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t ms;
	} rows[] = {{"0", true, 0},
		    {"1", true, 1000},
		    {"1.5", true, 1500},
		    {"1.234", true, 1234},
		    {"1.2349", true, 1234},
		    {"281474976710.655", true, LEASE_END_MAX},
		    {"", false, 0},
		    {".5", false, 0},
		    {"1.", false, 0},
		    {"-1", false, 0},
		    {"1e3", false, 0},
		    {" 1", false, 0},
		    {"1.2.3", false, 0},
		    {"281474976710.656", false, 0},
		    {"1.x", false, 0},
		    {"99999999999999999999999999", false, 0},
		    {"18446744073709551617", false, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t ms = 0;
		assert_int_equal(read_seconds(str_from(rows[i].text), &ms), rows[i].good);
		if (rows[i].good)
			assert_int_equal(ms, rows[i].ms);
	}
}

static void addresses_keep_the_order_of_their_adds(void **state)
{
	struct leases ls = read_journal(
		"nwfc-leases 1\n" EVENT("1", "add", "10.0.0.2", "100")
			EVENT("2", "add", "10.0.0.1", "infinite") EVENT("3", "add", "10.0.0.3", "-")
				EVENT("4", "renew", "10.0.0.2", "200"),
		true);
	assert_living(&ls, 5000, "10.0.0.2 10.0.0.1 10.0.0.3 ");
	assert_living(&ls, 199999, "10.0.0.2 10.0.0.1 10.0.0.3 ");
	assert_living(&ls, 200000, "10.0.0.1 10.0.0.3 ");
}

static void one_that_comes_back_is_the_last(void **state)
{
	struct leases ls = read_journal(
		"nwfc-leases 1\n" EVENT("1", "add", "10.0.0.1", "100")
			EVENT("1", "add", "10.0.0.2", "10") EVENT("1", "add", "10.0.0.3", "-")
				EVENT("2", "delete", "10.0.0.1", "-")
					EVENT("3", "add", "10.0.0.1", "100")
						EVENT("10", "renew", "10.0.0.2", "90")
							EVENT("11", "expire", "10.0.0.9", "-"),
		true);
	assert_living(&ls, 20000, "10.0.0.3 10.0.0.1 10.0.0.2 ");
}

static void a_last_line_without_an_end_does_not_count(void **state)
{
	struct leases ls =
		read_journal("nwfc-leases 1\n" EVENT("1", "add", "10.0.0.1", "-") "2 del", true);
	assert_living(&ls, 2000, "10.0.0.1 ");
	read_journal("", true);
	read_journal("nwfc-lea", true);
	read_journal("nwfc-leases 1", true);
}

static void a_broken_line_is_an_error_and_the_next_is_read(void **state)
{
	read_journal("nwfc-leases 1\n\n" EVENT("x", "add", "10.0.0.1", "-")
			     EVENT("1", "add", "10.0.0.1", "0x10"),
		     false);
	assert_int_equal(count_kind("E210"), 3);
	read_journal("\n", false);
	assert_int_equal(count_kind("E210"), 4);
}

static void an_end_at_the_epoch_is_an_end(void **state)
{
	struct leases ls = read_journal("nwfc-leases 1\n" EVENT("0", "add", "10.0.0.1", "0"), true);
	assert_living(&ls, 1, "");
}

static void addresses_are_compared_as_such(void **state)
{
	struct leases ls =
		read_journal("nwfc-leases 1\n"
			     "1 add " GUEST " a ipv6 2001:DB8::0:1 - dad\n"
			     "1 add D54DF46F-1AB5-4A22-8618-4560EF5FAC2C/52:54:0:12:34:56 b "
			     "ipv6 2001:db8:0::1 - dad\n",
			     true);
	struct str s = living(&ls, 0, true);
	assert_true(str_is(s, "2001:db8::1 "));
	assert_living(&ls, 0, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(seconds_have_decimals),
		TEST(addresses_keep_the_order_of_their_adds),
		TEST(one_that_comes_back_is_the_last),
		TEST(a_last_line_without_an_end_does_not_count),
		TEST(a_broken_line_is_an_error_and_the_next_is_read),
		TEST(an_end_at_the_epoch_is_an_end),
		TEST(addresses_are_compared_as_such),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
