/* SPDX-License-Identifier: MIT */
/* learnd: the journal, whatever happens to it on the disk. */
#include "testsuite/unit/learnd_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "learnd/journal.h"

#define HEAD "nwfc-leases 1\n"
#define WALL ((instant)1700000000 * SECOND)

static char dir[] = "/tmp/learnd-unit-XXXXXX", path[64], beside[64];
static struct journal journal;
static struct leases leases;
static struct fault fault;

static int setup(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/leases", dir);
	snprintf(beside, sizeof beside, "%s/leases.new", dir);
	journal = (struct journal){.fd = -1, .dir = -1};
	return 0;
}

static int teardown(void **state)
{
	journal_close(&journal);
	leases_free(&leases);
	unlink(path);
	rmdir(beside);
	unlink(beside);
	return rmdir(dir);
}

static void write_file(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static size_t file_size(void)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static bool read_again(void)
{
	leases_free(&leases);
	fault = (struct fault){0};
	return journal_read(path, WALL, &leases, &fault);
}

static bool read_text(const char *text)
{
	write_file(text, strlen(text));
	return read_again();
}

static struct lease lease(unsigned last, instant until)
{
	struct lease l = {.key = "guest/52:54:00:00:00:01", .interface = "tap0"};
	l.binding = (struct binding){.address = addr("10.0.0.0"),
				     .evidence = BY_DHCP4,
				     .used = true,
				     .valid_until = until};
	l.binding.address.octet[3] = (uint8_t)last;
	return l;
}

static void put_lease(enum event_kind kind, unsigned last, instant until)
{
	struct lease l = lease(last, until);
	journal_put(&journal, WALL, kind, &l);
}

static void open_journal(void)
{
	assert_true(journal_open(&journal, path, &fault));
}

static void test_what_is_put_is_read(void **state)
{
	open_journal();
	put_lease(EVENT_ADD, 1, WALL + 10 * SECOND);
	put_lease(EVENT_ADD, 2, NEVER);
	put_lease(EVENT_ADD, 3, WALL + 10 * SECOND);
	put_lease(EVENT_RENEW, 1, WALL + 20 * SECOND + 1999999);
	put_lease(EVENT_DELETE, 3, NEVER);
	put_lease(EVENT_ADD, 4, WALL); /* over */
	struct lease l = lease(5, NEVER);
	l.binding.infinite = true;
	journal_put(&journal, WALL, EVENT_ADD, &l);
	assert_true(journal_sync(&journal, &fault));
	assert_true(read_again());
	assert_int_equal(leases.n, 3);
	assert_true(leases.list[0].binding.valid_until == WALL + 20 * SECOND + 1000000);
	assert_true(leases.list[1].binding.valid_until == NEVER);
	assert_false(leases.list[1].binding.infinite);
	assert_true(leases.list[2].binding.infinite);
	assert_string_equal(leases.list[0].key, l.key);
	assert_string_equal(leases.list[0].interface, "tap0");
}

/* Any lease that DHCP can say comes back, however long. */
static void test_longest_lease(void **state)
{
	const instant until = WALL + (instant)(UINT32_MAX - 1) * SECOND;
	open_journal();
	put_lease(EVENT_ADD, 1, until);
	assert_true(journal_sync(&journal, &fault));
	assert_true(read_again());
	assert_int_equal(leases.n, 1);
	assert_true(leases.list[0].binding.valid_until == until);
}

static void test_longest_line(void **state)
{
	char line[PORT_KEY + 160];
	struct lease l = lease(1, NEVER);
	memset(l.key, 'k', PORT_KEY - 1);
	l.key[50] = '/';
	strcpy(l.interface, "fifteen-letters");
	l.binding.address = addr("1111:2222:3333:4444:5555:6666:7777:8888");
	l.binding.infinite = true;
	l.binding.evidence = BY_DHCP6;
	size_t n = lease_print(line, sizeof line, NEVER, EVENT_DELETE, &l);
	assert_true(n < sizeof line);
	open_journal();
	for (int i = 0; i < 1000; i++) /* more than one block */
		journal_put(&journal, WALL, EVENT_ADD, &l);
	assert_true(journal_sync(&journal, &fault));
	assert_true(read_again());
	assert_int_equal(leases.n, 1);
	assert_int_equal(leases.lines, 1001);
}

/* Torn at every byte: all whole lines are there, and what is appended then is whole too. */
static void test_torn_anywhere(void **state)
{
	char text[1000];
	size_t n = strlen(strcpy(text, HEAD));
	for (unsigned i = 1; i <= 3; i++) {
		struct lease l = lease(i, NEVER);
		n += lease_print(text + n, sizeof text - n, WALL, EVENT_ADD, &l);
	}
	for (size_t cut = 0; cut <= n; cut++) {
		unsigned lines = 0;
		for (size_t i = strlen(HEAD); i < cut; i++)
			lines += text[i] == '\n';
		write_file(text, cut);
		assert_true(read_again());
		assert_int_equal(leases.n, lines);
		open_journal();
		put_lease(EVENT_ADD, 9, NEVER);
		assert_true(journal_sync(&journal, &fault));
		assert_true(read_again());
		assert_int_equal(leases.n, lines + 1);
		journal_close(&journal);
	}
}

#define GOOD "1.5 add g/m tap0 ipv4 10.0.0.1 - arp\n"

static void test_corrupt_lines(void **state)
{
	static const char *const bad[] = {"x add g/m tap0 ipv4 10.0.0.1 - arp\n",
					  "-1 add g/m tap0 ipv4 10.0.0.1 - arp\n",
					  "1.x add g/m tap0 ipv4 10.0.0.1 - arp\n",
					  "99999999999 add g/m tap0 ipv4 10.0.0.1 - arp\n",
					  "1 ignore g/m tap0 ipv4 10.0.0.1 - arp\n",
					  "1 add gm tap0 ipv4 10.0.0.1 - arp\n",
					  "1 add g/m sixteen-letters0 ipv4 10.0.0.1 - arp\n",
					  "1 add g/m tap0 ipv6 10.0.0.1 - arp\n",
					  "1 add g/m tap0 ipv5 10.0.0.1 - arp\n",
					  "1 add g/m tap0 ipv4 10.0.0.1 never arp\n",
					  "1 add g/m tap0 ipv4 10.0.0.1 - word\n",
					  "1 add g/m tap0 ipv4 10.0.0.1 -\n",
					  "1 add g/m tap0 ipv4 10.0.0.1 - arp x\n",
					  "1  add g/m tap0 ipv4 10.0.0.1 - arp\n",
					  " 1 add g/m tap0 ipv4 10.0.0.1 - arp\n",
					  "1 add g/m tap0 ipv4 10.0.0.1 - arp \n",
					  "\n"};
	char text[300];
	assert_true(read_text(HEAD GOOD GOOD));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, HEAD GOOD "%s" GOOD, bad[i]);
		assert_false(read_text(text));
		assert_int_equal(fault.line, 3);
		assert_true(fault.text[0] != 0);
	}
	assert_false(read_text("something else\n"));
	assert_int_equal(fault.line, 1);
	assert_false(read_text("something"));
	write_file(HEAD "1 add\0 \n", sizeof HEAD + 8);
	assert_false(read_again());
	unlink(path);
	assert_true(read_again()); /* none is there */
	assert_int_equal(leases.n, 0);
	mkdir(path, 0700);
	assert_false(read_again());
	rmdir(path);
}

/* The same address of two ports is two leases; one that goes and comes back stands at its end. */
static void test_keys(void **state)
{
	assert_true(read_text(HEAD "1 add a/m tap0 ipv4 10.0.0.1 - arp\n"
				   "1 add b/m tap1 ipv4 10.0.0.1 - arp\n"
				   "1 delete c/m tap1 ipv4 10.0.0.1 - arp\n"
				   "1 expire a/m tap0 ipv4 10.0.0.1 - arp\n"
				   "1 add a/m tap9 ipv4 10.0.0.1 infinite dhcp\n"));
	assert_int_equal(leases.n, 2);
	assert_string_equal(leases.list[0].key, "b/m");
	assert_string_equal(leases.list[1].interface, "tap9");
}

/* --- compaction --- */

static void test_compaction(void **state)
{
	open_journal();
	for (unsigned i = 0; i < 3000; i++)
		put_lease(i % 2 ? EVENT_DELETE : EVENT_ADD, 1, NEVER);
	put_lease(EVENT_ADD, 2, NEVER);
	assert_true(journal_sync(&journal, &fault));
	assert_true(journal_wants_compaction(&journal, 1));
	assert_false(journal_wants_compaction(&journal, 3000));
	assert_true(read_again());
	assert_int_equal(leases.n, 1);
	assert_true(journal_compact(&journal, &leases, WALL, &fault));
	assert_true(file_size() < 200);
	assert_false(journal_wants_compaction(&journal, 1));
	put_lease(EVENT_ADD, 3, NEVER); /* goes to the new file */
	assert_true(journal_sync(&journal, &fault));
	assert_true(read_again());
	assert_int_equal(leases.n, 2);
}

/* Where no new file can be, the old one stays and goes on. */
static void test_compaction_fails(void **state)
{
	open_journal();
	put_lease(EVENT_ADD, 1, NEVER);
	assert_true(journal_sync(&journal, &fault));
	assert_int_equal(mkdir(beside, 0700), 0);
	assert_false(journal_compact(&journal, &leases, WALL, &fault));
	assert_true(strstr(fault.text, "compacting") != NULL);
	put_lease(EVENT_ADD, 2, NEVER);
	assert_true(journal_sync(&journal, &fault));
	assert_true(read_again());
	assert_int_equal(leases.n, 2);
}

/* --- a disk without room --- */

static struct rlimit unlimited;

static void limit_size(size_t n)
{
	struct rlimit limit = unlimited;
	signal(SIGXFSZ, SIG_IGN);
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Room for any number of bytes of two lines: nothing of a line stays, and a new file mends it. */
static void test_write_errors(void **state)
{
	getrlimit(RLIMIT_FSIZE, &unlimited);
	for (size_t room = 0; room < 140; room += 7) {
		unlink(path);
		open_journal();
		put_lease(EVENT_ADD, 1, NEVER);
		assert_true(journal_sync(&journal, &fault));
		size_t size = file_size();
		limit_size(size + room);
		put_lease(EVENT_ADD, 2, NEVER);
		put_lease(EVENT_ADD, 3, NEVER);
		bool good = journal_sync(&journal, &fault);
		limit_size(unlimited.rlim_cur);
		assert_int_equal(good, file_size() > size);
		assert_true(read_again());
		assert_int_equal(leases.n, good ? 3 : 1);
		/* once it has failed nothing is good until all is written anew */
		put_lease(EVENT_ADD, 4, NEVER);
		assert_int_equal(journal_sync(&journal, &fault), good);
		assert_int_equal(journal_wants_compaction(&journal, 4), !good);
		assert_true(journal_compact(&journal, &leases, WALL, &fault));
		put_lease(EVENT_ADD, 5, NEVER);
		assert_true(journal_sync(&journal, &fault));
		journal_close(&journal);
	}
}

/* A full disk while the new file is written: the old one is whole. */
static void test_no_room_for_the_new_file(void **state)
{
	getrlimit(RLIMIT_FSIZE, &unlimited);
	open_journal();
	put_lease(EVENT_ADD, 1, NEVER);
	assert_true(journal_sync(&journal, &fault) && read_again());
	for (size_t room = 0; room < 60; room += 13) {
		limit_size(room);
		assert_false(journal_compact(&journal, &leases, WALL, &fault));
		limit_size(unlimited.rlim_cur);
		assert_true(read_again());
		assert_int_equal(leases.n, 1);
		assert_int_not_equal(access(beside, F_OK), 0); /* takes no room */
	}
}

static void test_full_device(void **state)
{
	if (access("/dev/full", W_OK) < 0)
		skip();
	open_journal();
	int full = open("/dev/full", O_RDWR);
	assert_true(dup2(full, journal.fd) >= 0);
	close(full);
	put_lease(EVENT_ADD, 1, NEVER);
	assert_false(journal_sync(&journal, &fault));
	assert_true(journal.broken);
	assert_true(journal_compact(&journal, &leases, WALL, &fault));
	put_lease(EVENT_ADD, 2, NEVER);
	assert_true(journal_sync(&journal, &fault));
	assert_true(read_again());
	assert_int_equal(leases.n, 1);
}

static void test_nowhere(void **state)
{
	assert_false(journal_open(&journal, "/nonexistent/leases", &fault));
	journal_close(&journal);
	mkdir(path, 0700);
	assert_false(journal_open(&journal, path, &fault));
	rmdir(path);
}

/* Whoever may write into the folder does not choose what root makes or writes elsewhere. */
static void test_symlinks(void **state)
{
	char elsewhere[] = "/tmp/learnd-unit-elsewhere-XXXXXX", text[8] = "";
	int fd = mkstemp(elsewhere);
	assert_int_equal(write(fd, "others\n", 7), 7);
	open_journal();
	put_lease(EVENT_ADD, 1, NEVER);
	assert_true(journal_sync(&journal, &fault) && read_again());
	assert_int_equal(symlink(elsewhere, beside), 0);
	assert_true(journal_compact(&journal, &leases, WALL, &fault));
	assert_true(read_again());
	assert_int_equal(leases.n, 1);
	assert_int_equal(pread(fd, text, 7, 0), 7);
	assert_string_equal(text, "others\n");
	journal_close(&journal);

	unlink(path);
	unlink(elsewhere);
	assert_int_equal(symlink(elsewhere, path), 0);
	assert_false(journal_open(&journal, path, &fault));
	assert_int_not_equal(access(elsewhere, F_OK), 0);
	journal_close(&journal);
	close(fd);
}

/* --- the key of a port --- */

static void test_port_keys(void **state)
{
	char key[PORT_KEY];
	config_default(&config[0], 1);
	port_key(&config[0], key);
	assert_string_equal(key, "guest/52:54:00:00:00:01");
	config[0].owner = STR("");
	port_key(&config[0], key);
	assert_string_equal(key, "-/52:54:00:00:00:01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_put_is_read),
		TEST(test_longest_lease),
		TEST(test_longest_line),
		TEST(test_torn_anywhere),
		TEST(test_corrupt_lines),
		TEST(test_keys),
		TEST(test_compaction),
		TEST(test_compaction_fails),
		TEST(test_write_errors),
		TEST(test_no_room_for_the_new_file),
		TEST(test_full_device),
		TEST(test_nowhere),
		TEST(test_symlinks),
		TEST(test_port_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
