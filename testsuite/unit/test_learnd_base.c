/* SPDX-License-Identifier: MIT */
/* learnd: addresses and prefixes, rates, and whose an address is. */
#include "testsuite/unit/learnd_fixture.h"

#include "learnd/capture.h"
#include "learnd/event.h"

static int setup(void **state)
{
	return setup_learner();
}

static int teardown(void **state)
{
	return teardown_learner();
}

/* --- addresses --- */

static void test_addresses_are_read_and_printed(void **state)
{
	static const char *const good[] = {"0.0.0.0",
					   "10.0.0.1",
					   "255.255.255.255",
					   "::",
					   "fe80::1",
					   "ff02::1:ff00:1",
					   "2001:db8:1:2:3:4:5:6",
					   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
	static const char *const bad[] = {"",          "10.0.0",   "10.0.0.256",    "10.0.0.1 ",
					  "010.0.0.1", "fe80:::1", "1:2:3:4:5:6:7", "x",
					  ":"};
	char text[ADDRESS_TEXT];
	struct address a;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(address_parse(good[i], &a));
		address_print(&a, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(address_parse(bad[i], &a));
}

static void test_never_own(void **state)
{
	static const char *const never[] = {
		"0.0.0.0",   "0.1.2.3",   "127.0.0.1",       "127.255.255.255",
		"224.0.0.1", "240.0.0.0", "255.255.255.255", "::",
		"::1",       "ff02::1",   "::ffff:10.0.0.1"};
	static const char *const may[] = {"1.0.0.0",         "126.255.255.255", "128.0.0.0",
					  "223.255.255.255", "169.254.1.1",     "::2",
					  "fe80::1",         "fd00::1",         "2001:db8::"};
	for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
		struct address a = addr(never[i]);
		assert_true(address_is_never_own(&a));
	}
	for (size_t i = 0; i < sizeof may / sizeof *may; i++) {
		struct address a = addr(may[i]);
		assert_false(address_is_never_own(&a));
	}
}

static void test_link_local(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {{"169.254.0.0", true},  {"169.254.255.255", true}, {"169.253.255.255", false},
		     {"169.255.0.0", false}, {"fe80::", true},          {"febf:ffff::", true},
		     {"fec0::", false},      {"fe7f::", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address a = addr(cases[i].text);
		assert_int_equal(address_is_link_local(&a), cases[i].is);
	}
}

static void test_prefixes_are_read(void **state)
{
	static const char *const good[] = {"0.0.0.0/0", "10.0.0.0/8",    "10.0.0.1/32",
					   "::/0",      "2001:db8::/32", "::1/128"};
	static const char *const bad[] = {"10.0.0.0",
					  "10.0.0.0/",
					  "10.0.0.0/33",
					  "10.0.0.0/-1",
					  "::/129",
					  "::/+1",
					  "/8",
					  "10.0.0.0/8x",
					  "10.0.0/8",
					  "10.0.0.0/99999999999999999999",
					  "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64"};
	struct prefix p;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(prefix_parse(good[i], &p));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(prefix_parse(bad[i], &p));
}

/* Of every length: an address that differs in one bit is in it when the bit is behind the length.
 */
static void test_prefix_bits(void **state)
{
	for (enum family f = 0; f < FAMILIES; f++) {
		unsigned bits = f == FAMILY_IPV4 ? 32 : 128;
		struct prefix p = {.base = addr(f == FAMILY_IPV4 ? "10.90.165.3" : "2001:db8::5")};
		for (unsigned length = 0; length <= bits; length++)
			for (unsigned bit = 0; bit < bits; bit++) {
				struct address a = p.base;
				a.octet[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
				p.length = (uint8_t)length;
				assert_true(prefix_has(&p, &p.base));
				assert_int_equal(prefix_has(&p, &a), bit >= length);
			}
	}
	struct prefix all = {.base = addr("0.0.0.0")};
	struct address v6 = addr("::");
	assert_false(prefix_has(&all, &v6));
}

/* --- rates --- */

static void test_limit_is_exact(void **state)
{
	const struct limit l = limit_of(10, 50);
	instant bucket = 0, now = T0;
	for (int i = 0; i < 50; i++)
		assert_true(limit_take(&l, &bucket, now));
	assert_false(limit_take(&l, &bucket, now));
	/* one more for each tenth of a second, not a nanosecond earlier */
	for (int i = 0; i < 20; i++) {
		now += SECOND / 10;
		assert_false(limit_take(&l, &bucket, now - 1));
		assert_true(limit_take(&l, &bucket, now));
		assert_false(limit_take(&l, &bucket, now));
	}
	/* full again after five seconds of silence, and no fuller after more */
	now += 100 * SECOND;
	for (int i = 0; i < 50; i++)
		assert_true(limit_take(&l, &bucket, now));
	assert_false(limit_take(&l, &bucket, now));
}

static void test_limit_at_its_edges(void **state)
{
	const struct limit one = limit_of(1, 1), odd = limit_of(3, 2), none = limit_of(0, 0);
	instant bucket = 0;
	assert_true(limit_take(&one, &bucket, T0));
	assert_false(limit_take(&one, &bucket, T0 + SECOND - 1));
	assert_true(limit_take(&one, &bucket, T0 + SECOND));
	assert_int_equal(odd.gap, 333333333);
	assert_int_equal(odd.slack, 333333333);
	assert_int_equal(none.gap, SECOND);
	assert_int_equal(none.slack, 0);
}

/* --- owners --- */

enum { MODEL = 300 };

static struct address model_address(unsigned i)
{
	struct address a = {.family = (uint8_t)(i % 2)};
	a.octet[0] = 10;
	a.octet[2] = (uint8_t)(i >> 8);
	a.octet[3] = (uint8_t)i;
	return a;
}

static void check_model(const uint8_t *have, unsigned n)
{
	assert_int_equal(learner.nowners, n);
	assert_true(2 * learner.nowners <= learner.owners_size || !learner.owners_size);
	for (unsigned i = 0; i < MODEL; i++) {
		struct address a = model_address(i);
		const struct owner *o = owner_find(&learner, &a);
		assert_int_equal(o != NULL, have[i] != 0);
		if (o)
			assert_ptr_equal(o->port, have[i] == 2 ? port : NULL);
	}
}

/* Random changes, against an array that says for each address whose it is. */
static void test_owners_agree_with_a_model(void **state)
{
	uint8_t have[MODEL] = {0};
	unsigned n = 0;
	srandom(1);
	for (int step = 0; step < 20000; step++) {
		unsigned i = (unsigned)random() % MODEL, most = step / 1000 % 2 ? 2 : 6;
		struct address a = model_address(i);
		if ((unsigned)random() % 8 < most) {
			n += !have[i];
			have[i] = (uint8_t)(1 + random() % 2);
			assert_true(owner_put(&learner, &a, have[i] == 2 ? port : NULL));
		} else {
			n -= have[i] != 0;
			have[i] = 0;
			owner_remove(&learner, &a);
		}
		if (step % 100 == 0)
			check_model(have, n);
	}
	learner_take_none(&learner);
	for (unsigned i = 0; i < MODEL; i++) {
		n -= have[i] == 1;
		have[i] = have[i] == 1 ? 0 : have[i];
	}
	check_model(have, n);
}

/* --- the kernel's filter --- */

static void bind_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (enum family f = 0; f < FAMILIES; f++) {
			struct binding b = {.used = true, .valid_until = NEVER};
			b.address = addr(f == FAMILY_IPV4 ? "10.100.100.1"
							  : "2001:db8:1111:2222:3333:4444:5555:1");
			b.address.octet[f == FAMILY_IPV4 ? 3 : 15] = (uint8_t)(i + 1);
			assert_true(learner_restore(port, &b, T0));
		}
}

static void require_compiles(const char *filter)
{
	struct bpf_program code;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 2048);
	/* no direction is known of a file */
	char text[4096];
	snprintf(text, sizeof text, "%s", filter);
	for (char *p; (p = strstr(text, "outbound"));)
		memcpy(p, "less 99 ", 8);
	for (char *p; (p = strstr(text, "inbound"));)
		memcpy(p, "less 99", 7);
	assert_int_equal(pcap_compile(dead, &code, text, 1, PCAP_NETMASK_UNKNOWN), 0);
	pcap_freecode(&code);
	pcap_close(dead);
}

/* Whatever is bound there is a filter: addresses that have no room in it are only seen again. */
static void test_filter_fits(void **state)
{
	char text[sizeof((struct capture *)0)->filter];
	assert_true(capture_filter(port, text, sizeof text));
	require_compiles(text);
	for (unsigned n = 1; n < 256; n += 6) {
		for (int m = 0; m < MODES; m++)
			config[0].max_ips[m][0] = config[0].max_ips[m][1] = 256;
		restart(MODE_ANY);
		bind_many(n);
		assert_true(capture_filter(port, text, sizeof text));
		require_compiles(text);
	}
}

/* --- events --- */

static void test_events_are_json(void **state)
{
	struct event e = {.kind = EVENT_ADD,
			  .time = T0 + 1999,
			  .port = port,
			  .address = addr("10.0.0.1"),
			  .evidence = BY_ARP,
			  .valid_until = NEVER,
			  .why = "a \"b\"\\\n\x80"};
	struct buf b;
	buf_memory(&b);
	event_print(&b, &e, T0, true);
	buf_char(&b, 0);
	assert_string_equal(b.data,
			    "{\"time\": 0.000001, \"port\": \"tap0\", \"event\": \"add\", "
			    "\"family\": \"ipv4\", \"address\": \"10.0.0.1\", \"evidence\": "
			    "\"arp\", \"why\": \"a \\\"b\\\"\\\\\\u000a\\u0080\", "
			    "\"old\": [], \"new\": [\"10.0.0.1\"]");
	buf_drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_addresses_are_read_and_printed),
		TEST(test_never_own),
		TEST(test_link_local),
		TEST(test_prefixes_are_read),
		TEST(test_prefix_bits),
		TEST(test_limit_is_exact),
		TEST(test_limit_at_its_edges),
		TEST(test_owners_agree_with_a_model),
		TEST(test_filter_fits),
		TEST(test_events_are_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
