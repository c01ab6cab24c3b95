/* SPDX-License-Identifier: MIT */
/* learnd: the learn file, and the command line. */
#include "testsuite/unit/learnd_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "learnd/options.h"

static struct arena *a;
static struct learn_file file;
static struct fault fault;

static int setup(void **state)
{
	a = arena_new((size_t)4 << 20);
	return a ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(a);
	return 0;
}

static bool parse(const char *text)
{
	fault = (struct fault){0};
	return learn_file_parse(a, str_from(text), &file, &fault);
}

#define PORT "interface tap0\nmac 52:54:00:00:00:01\n"

static void test_whole_file(void **state)
{
	static const char text[] = "nwfc-learn 1\n"
				   "# a comment\n"
				   "\n"
				   "directory /etc/filters\n"
				   "argument --learn=a\\nb\\\\c\n"
				   "taken 10.0.0.1 - fe80::1\n"
				   "taken 10.0.0.2\n"
				   "interface tap0\r\n"
				   "mac 52:54:00:AB:cd:01  \n"
				   "owner vm-1\n"
				   "link eth0\n"
				   "modes dhcp\n"
				   "families ipv6\n"
				   "servers4 10.0.0.3\n"
				   "servers6 fe80::3\n"
				   "gateway 10.0.0.4 fe80::4\n"
				   "bound-elsewhere -\n"
				   "max-ips4 3\n"
				   "max-ips6 256\n"
				   "allow-linklocal4 yes\n"
				   "learn-prefix 10.0.0.0/8 2001:db8::/32\n"
				   "interface tap1\n"
				   "mac 52:54:00:00:00:02\n"
				   "max-ips4-any 2\n";
	assert_true(parse(text));
	assert_int_equal(file.ports.n, 2);
	assert_int_equal(file.taken.n, 3);
	const struct port_config *c = file.ports.items;
	assert_int_equal(c[0].mac[3], 0xab);
	assert_true(str_is(c[0].owner, "vm-1") && str_is(c[0].link, "eth0"));
	assert_true(!c[0].modes[MODE_ANY] && c[0].modes[MODE_DHCP]);
	assert_true(!c[0].families[FAMILY_IPV4] && c[0].families[FAMILY_IPV6]);
	assert_int_equal(c[0].gateway.n, 2);
	assert_int_equal(c[0].elsewhere.n, 0);
	assert_int_equal(c[0].max_ips[MODE_DHCP][FAMILY_IPV4], 3);
	assert_int_equal(c[0].max_ips[MODE_ANY][FAMILY_IPV6], 256);
	assert_true(c[0].linklocal4);
	assert_int_equal(c[0].prefixes.n, 2);
	assert_int_equal(c[0].line, 8);
	assert_int_equal(c[1].max_ips[MODE_ANY][FAMILY_IPV4], 2);
	assert_int_equal(c[1].max_ips[MODE_DHCP][FAMILY_IPV4], 16);
	assert_true(c[1].modes[MODE_ANY] && c[1].modes[MODE_DHCP] && c[1].families[FAMILY_IPV4]);
}

/* A mistake of each kind, the line it is found at, and what is said of it. */
static const struct {
	const char *text;
	unsigned line;
	const char *says;
} mistakes[] = {
	{"\nword 1\n", 2, "there is no key 'word'"},
	{"mac 52:54:00:00:00:01\n", 1, "'mac' before the first interface"},
	{"nwfc-learn 1\ninterface tap0\nmac 52:54:00:00:00:01\nmax-ips4 1", 0,
	 "the last line has no end: this is a part of a learn file"},
	{"interface\n", 1, "'' is no name of an interface"},
	{"interface sixteen-letters0\n", 1, "'sixteen-letters0' is no name of an interface"},
	{"interface a/b\n", 1, "'a/b' is no name of an interface"},
	{"interface a b\n", 1, "'a b' is no name of an interface"},
	{"taken 10.0.0.1 10.0.0.256\n", 1, "'10.0.0.256' is no address"},
	{PORT "mac 52:54:00:00:00\n", 3, "'52:54:00:00:00' is no MAC address"},
	{PORT "mac 52:54:00:00:00:0g\n", 3, "'52:54:00:00:00:0g' is no MAC address"},
	{PORT "mac 52-54-00-00-00-01\n", 3, "'52-54-00-00-00-01' is no MAC address"},
	{PORT "mac 52:54: 0:00:00:01\n", 3, "'52:54: 0:00:00:01' is no MAC address"},
	{PORT "mac 52:54:-1:00:00:01\n", 3, "'52:54:-1:00:00:01' is no MAC address"},
	{PORT "mac 00:00:00:00:00:00\n", 1, "interface tap0 has no MAC address of a host"},
	{PORT "mac 53:54:00:00:00:01\n", 1, "interface tap0 has no MAC address of a host"},
	{"interface tap0\n", 1, "interface tap0 has no MAC address of a host"},
	{PORT "modes dhcp none\n", 3, "'none' is none of the words that can stand here"},
	{PORT "modes -\n", 3, "'-' is none of the words that can stand here"},
	{PORT "modes\n", 1, "interface tap0 has no mode"},
	{PORT "families ipv5\n", 3, "'ipv5' is none of the words that can stand here"},
	{PORT "servers4 10.0.0.1 fe80::1\n", 3, "a server of the other family"},
	{PORT "servers6 10.0.0.1\n", 3, "a server of the other family"},
	{PORT "gateway 10.0.0\n", 3, "'10.0.0' is no address"},
	{PORT "max-ips4 0\n", 3, "'0' is no number of 1 to 256"},
	{PORT "max-ips6 257\n", 3, "'257' is no number of 1 to 256"},
	{PORT "max-ips4-any +1\n", 3, "'+1' is no number of 1 to 256"},
	{PORT "max-ips4-dhcp 1x\n", 3, "'1x' is no number of 1 to 256"},
	{PORT "max-ips4-dhcp\n", 3, "'' is no number of 1 to 256"},
	{PORT "allow-linklocal4 maybe\n", 3, "'yes' or 'no' is wanted"},
	{PORT "learn-prefix 10.0.0.0\n", 3, "'10.0.0.0' is no prefix"},
	{PORT "learn-prefix 10.0.0.0/33\n", 3, "'10.0.0.0/33' is no prefix"},
	{PORT PORT, 3, "interface tap0 appears twice"},
	{PORT "owner two words\n", 3, "'two words' is no name of an owner"},
	{PORT "owner a\tb\n", 3, "'a\tb' is no name of an owner"},
	{PORT "owner\n", 3, "'' is no name of an owner"},
	{PORT "link sixteen-letters0\n", 3, "'sixteen-letters0' is no name of an interface"},
};

static void test_mistakes(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		assert_false(parse(mistakes[i].text));
		assert_string_equal(fault.text, mistakes[i].says);
		assert_int_equal(fault.line, mistakes[i].line);
	}
	assert_false(learn_file_parse(a, (struct str){"# \0x", 4}, &file, &fault));
	assert_string_equal(fault.text, "a byte NUL");
	assert_true(parse(""));
	assert_int_equal(file.ports.n, 0);
}

/* The owner is part of the journal's lines and key: 100 octets are not cut to fewer. */
static void test_long_owners(void **state)
{
	char text[300], key[PORT_KEY];
	snprintf(text, sizeof text, PORT "owner %099d\n", 1);
	assert_true(parse(text));
	port_key(&file.ports.items[0], key);
	assert_int_equal(strlen(key), 99 + 18);
	snprintf(text, sizeof text, PORT "owner %0101d\n", 1);
	assert_false(parse(text));
}

/* A file that needs more memory than there is: a message, however it is made. */
static void test_too_large(void **state)
{
	static const char *const units[] = {"interface x\n", "taken 10.0.0.1\n"};
	enum { N = 600000 };
	char *text = malloc(N * 16);
	for (size_t u = 0; u < 2; u++) {
		size_t n = strlen(units[u]);
		for (size_t i = 0; i < N; i++)
			memcpy(text + i * n, units[u], n);
		text[N * n / 8] = 0;
		struct arena *small = arena_new((size_t)2 << 20);
		assert_false(learn_file_parse(small, str_from(text), &file, &fault));
		arena_free(small);
	}
	strcpy(text, "taken");
	for (size_t i = 0; i < N / 2; i++)
		memcpy(text + 5 + i * 8, " 1.1.1.1", 9);
	struct arena *small = arena_new((size_t)3 << 20);
	assert_false(learn_file_parse(small, str_from(text), &file, &fault));
	assert_string_equal(fault.text, "the file is too large");
	arena_free(small);
	free(text);
}

static void test_reading_files(void **state)
{
	char path[] = "/tmp/learnd-unit-XXXXXX";
	struct str text;
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	close(fd);
	assert_true(file_read(a, path, 10, &text, &fault));
	assert_true(str_is(text, "0123456789"));
	assert_false(file_read(a, path, 9, &text, &fault));
	assert_string_equal(fault.text, "is too large");
	assert_false(file_read(a, "/tmp", 9, &text, &fault));
	assert_string_equal(fault.text, "is no regular file");
	unlink(path);
	assert_false(file_read(a, path, 9, &text, &fault));
	assert_string_equal(fault.text, "No such file or directory");
}

/* --- the command line --- */

static struct options o;
static int code;

/* Words parted by blanks; messages go nowhere. */
static bool command(const char *line)
{
	char copy[200], *argv[20], *save;
	int argc = 0, saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	dup2(null, STDERR_FILENO);
	extern int optind;
	optind = 0;
	bool good = options_parse(argc, argv, &o, &code);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(null);
	return good;
}

static void test_command_lines(void **state)
{
	static const char *const bad[] = {
		"learnd",
		"learnd --learn a",
		"learnd --leases a -f",
		"learnd word --leases a",
		"learnd export",
		"learnd export vm",
		"learnd --pcap a",
		"learnd --pcap a --port b --mode none",
		"learnd --pcap a --port b --until x",
		"learnd --pcap a --port b --until -1",
		"learnd --pcap a --port b --until nan",
		"learnd --pcap a --port b --until inf",
		"learnd --pcap a --port b --until 1e300",
		"learnd --pcap a --port b word",
		"learnd --learn a --leases b -f --until 5",
		"learnd --learn a --leases b -f --direction x",
		"learnd --learn a --leases b -f --debounce 60001",
		"learnd --learn a --leases b -f --debounce -1",
		"learnd --learn a --leases b -f --rings 0",
		"learnd --learn a --leases b -f --no-such",
		"learnd --learn a --leases b -f word",
	};
	unsetenv("NOTIFY_SOCKET");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(command(bad[i]));
		assert_int_equal(code, EXIT_BAD_USE);
	}
	assert_true(command("learnd -l a -L b -f --debounce 5 --rings 3 -- true x"));
	assert_int_equal(o.run, RUN_DAEMON);
	assert_int_equal(o.debounce, 5);
	assert_true(command("learnd --pcap a --port b --until +3600 --mode dhcp"));
	assert_true(o.until == 3600 * SECOND && o.mode == MODE_DHCP && o.run == RUN_REPLAY);
	assert_true(command("learnd --pcap a --port b --until 0.5"));
	assert_true(o.until == SECOND / 2);
	assert_true(command("learnd export vm --leases a"));
	assert_string_equal(o.argument, "vm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole_file), TEST(test_mistakes),      TEST(test_long_owners),
		TEST(test_too_large),  TEST(test_reading_files), TEST(test_command_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
