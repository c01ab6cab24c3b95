/* SPDX-License-Identifier: MIT */
/* learnd: what the daemon keeps over reloads, restarts and steps of the clock; without sockets. */
#include "testsuite/unit/learnd_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "learnd/daemon.h"

#define WALL ((instant)1700000000 * SECOND)
#define PORT "interface tap0\nowner vm\nmac 52:54:00:00:00:01\nmax-ips4 4\n"

static char dir[] = "/tmp/learnd-unit-XXXXXX", learn[64], leases[64], beside[64];
static struct options options;
static struct daemon d;

static void start(void)
{
	d = (struct daemon){.options = &options, .now = T0, .offset = WALL - T0, .epoll = -1};
	d.links.fd = -1;
	buf_memory(&d.out);
	assert_true(keep_open(&d));
}

static void stop(void)
{
	watches_close(&d);
	journal_close(&d.journal);
	leases_free(&d.strangers);
	buf_drop(&d.out);
	if (d.arena)
		arena_free(d.arena);
}

static int setup(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(learn, sizeof learn, "%s/learn", dir);
	snprintf(leases, sizeof leases, "%s/leases", dir);
	snprintf(beside, sizeof beside, "%s/leases.new", dir);
	options = (struct options){.learn = learn, .leases = leases};
	start();
	return 0;
}

static int teardown(void **state)
{
	stop();
	unlink(learn);
	unlink(leases);
	rmdir(beside);
	return rmdir(dir);
}

static void load(const char *text)
{
	FILE *f = fopen(learn, "w");
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_true(watches_load(&d));
	port = d.nwatches ? d.watches[0].port : NULL;
}

static void announce(const char *address)
{
	send_arp(FROM_GUEST, guest_mac, ARP_REQUEST, address, address, d.now);
}

/* What the journal on the disk says lives. */
static uint32_t on_disk(void)
{
	struct leases l;
	struct fault fault;
	assert_true(keep_sync(&d));
	assert_true(journal_read(leases, d.now + d.offset, &l, &fault));
	uint32_t n = l.n;
	leases_free(&l);
	return n;
}

static void test_reload_keeps(void **state)
{
	load(PORT);
	announce("10.0.0.5");
	load(PORT "gateway 10.0.0.1\n");
	assert_true(bound("10.0.0.5"));
	load(PORT "gateway 10.0.0.5\n");
	assert_false(bound("10.0.0.5"));
	assert_int_equal(on_disk(), 0);
	load("taken 10.0.0.6\n" PORT);
	announce("10.0.0.6");
	assert_int_equal(port->n[FAMILY_IPV4], 0);
}

/* The same owner and MAC behind another interface: its addresses are its own at once. */
static void test_port_with_another_interface(void **state)
{
	load(PORT);
	announce("10.0.0.5");
	load("interface tap7\nowner vm\nmac 52:54:00:00:00:01\n");
	assert_true(bound("10.0.0.5"));
	assert_int_equal(d.strangers.n, 0);
	assert_int_equal(on_disk(), 1);
}

static unsigned count(const char *text)
{
	unsigned n = 0;
	buf_char(&d.out, 0);
	for (const char *at = d.out.data; (at = strstr(at, text)); at++)
		n++;
	d.out.n--;
	return n;
}

/* The journal could not tell two ports of one owner and MAC address apart: the first has it. */
static void test_two_ports_of_one_key(void **state)
{
	load(PORT "interface tap1\nowner vm\nmac 52:54:00:00:00:01\n"
		  "interface tap2\nowner other\nmac 52:54:00:00:00:01\n");
	assert_int_equal(d.nwatches, 2);
	assert_true(str_is(d.watches[1].port->config->interface, "tap2"));
	assert_int_equal(count("\"event\": \"error\", \"port\": \"tap1\""), 1);
	assert_int_equal(count("the owner and the MAC address of tap0: not watched"), 1);
	announce("10.0.0.5");
	load("interface tap1\nowner vm\nmac 52:54:00:00:00:01\n" PORT);
	assert_true(str_is(port->config->interface, "tap1") && bound("10.0.0.5"));
	assert_int_equal(on_disk(), 1);
}

static void test_port_that_is_away(void **state)
{
	load(PORT);
	announce("10.0.0.5");
	load("");
	assert_int_equal(d.strangers.n, 1);
	assert_int_equal(on_disk(), 1);
	stop();
	start();
	load(PORT);
	assert_true(bound("10.0.0.5"));
}

/* What a port may not have when it comes back is not left in the journal, which others read. */
static void test_port_that_may_not_have_it_back(void **state)
{
	load(PORT);
	announce("10.0.0.5");
	announce("10.0.0.6");
	load("");
	load("taken 10.0.0.5\n" PORT);
	assert_true(bound("10.0.0.6") && !bound("10.0.0.5"));
	assert_int_equal(d.strangers.n, 0);
	assert_int_equal(on_disk(), 1);
}

/* Leases of ports that never come back do not pile up once they are over. */
static void test_strangers_end(void **state)
{
	load(PORT);
	struct binding b = {
		.address = addr("10.0.0.5"), .evidence = BY_DHCP4, .valid_until = T0 + SECOND};
	assert_true(learner_restore(port, &b, T0));
	load("");
	assert_int_equal(d.strangers.n, 1);
	d.now += 2 * SECOND;
	keep_rewrite(&d);
	assert_int_equal(d.strangers.n, 0);
}

static void test_mode_of_the_command_line(void **state)
{
	options.has_mode = true;
	options.mode = MODE_ANY;
	load(PORT "modes dhcp\n");
	assert_int_equal(port->mode, MODE_DHCP);
	options.mode = MODE_DHCP;
	load(PORT);
	assert_int_equal(port->mode, MODE_DHCP);
}

static void learn_and_forget(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		struct address a = addr("10.0.0.5");
		d.now += SECOND;
		announce("10.0.0.5");
		learner_forget(port, &a, d.now, "test");
		d.out.n = 0;
		if (i % 100 == 0)
			assert_true(keep_sync(&d));
	}
	assert_true(keep_sync(&d));
}

static off_t journal_size(void)
{
	struct stat st;
	assert_int_equal(stat(leases, &st), 0);
	return st.st_size;
}

/* However short each life is, the journal is compacted in the end. */
static void test_journal_over_many_lives(void **state)
{
	for (unsigned life = 0; life < 8; life++) {
		load(PORT);
		learn_and_forget(450);
		stop();
		start();
	}
	assert_true(journal_size() < 300000);
	assert_true(d.journal.lines < 2000);
}

/* A compaction that can not be is tried again each second, not each round. */
static void test_compaction_that_fails(void **state)
{
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	load(PORT);
	learn_and_forget(900);
	d.journal.lines = 5000;
	mkdir(beside, 0700);
	dup2(null, STDERR_FILENO);
	for (unsigned i = 0; i < 50; i++) {
		d.now += SECOND / 10;
		announce(i % 2 ? "10.0.0.5" : "10.0.0.6");
		learner_forget(port, &port->bindings[0][0].address, d.now, "test");
		assert_true(keep_sync(&d));
	}
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(null);
	unsigned tries = count("compacting");
	assert_true(tries >= 4 && tries <= 6);
	rmdir(beside);
	d.now += SECOND;
	announce("10.0.0.7");
	assert_true(keep_sync(&d));
	assert_true(journal_size() < 1000);
	assert_int_equal(on_disk(), 1);
}

/* An address that comes into use needs no look any more: the kernel's filter is to say so. */
static void test_filter_of_a_used_address(void **state)
{
	char text[2048];
	load(PORT);
	send_arp(FROM_GUEST, guest_mac, ARP_REQUEST, "0.0.0.0", "10.0.0.5", d.now);
	learner_timers(port, d.now + SECOND);
	port->used_changed = false;
	send_data4("10.0.0.5", d.now + SECOND);
	assert_true(port->used_changed);
	assert_true(capture_filter(port, text, sizeof text));
	assert_non_null(strstr(text, "not ip src 10.0.0.5"));
	port->used_changed = false;
	send_data4("10.0.0.5", d.now + SECOND);
	assert_false(port->used_changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reload_keeps),
		TEST(test_port_with_another_interface),
		TEST(test_two_ports_of_one_key),
		TEST(test_port_that_is_away),
		TEST(test_port_that_may_not_have_it_back),
		TEST(test_strangers_end),
		TEST(test_mode_of_the_command_line),
		TEST(test_journal_over_many_lives),
		TEST(test_compaction_that_fails),
		TEST(test_filter_of_a_used_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
