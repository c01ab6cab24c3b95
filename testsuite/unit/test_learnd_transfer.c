/* SPDX-License-Identifier: MIT */
/* learnd: leases that move to another host, from file to file. */
#include "testsuite/unit/learnd_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "learnd/transfer.h"

#define HEAD    "nwfc-leases 1\n"
#define A       "add vm1/52:54:00:00:00:01 tap0 ipv4 10.0.0.1 infinite dhcp\n"
#define B       "add vm1/52:54:00:00:00:02 tap1 ipv6 fe80::2 - dad\n"
#define OTHER   "add vm12/52:54:00:00:00:03 tap2 ipv4 10.0.0.3 infinite dhcp\n"
#define NOBODYS "add -/52:54:00:00:00:04 tap3 ipv4 10.0.0.4 infinite dhcp\n"
#define OVER    "add vm1/52:54:00:00:00:01 tap0 ipv4 10.0.0.5 1000.000 dhcp\n"

static char dir[] = "/tmp/learnd-unit-XXXXXX", leases[64], waiting[64], beside[72], in[64],
	    said[64];
static struct options options;

static int setup(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(leases, sizeof leases, "%s/leases", dir);
	snprintf(waiting, sizeof waiting, "%s/leases.import", dir);
	snprintf(beside, sizeof beside, "%s/leases.import.new", dir);
	snprintf(in, sizeof in, "%s/in", dir);
	snprintf(said, sizeof said, "%s/said", dir);
	options = (struct options){.leases = leases, .argument = in};
	return 0;
}

static int teardown(void **state)
{
	const char *const files[] = {leases, waiting, beside, in, said};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlink(files[i]);
	return rmdir(dir);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static const char *file_text(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	text[n] = 0;
	if (f)
		fclose(f);
	return f ? text : NULL;
}

/* Run with standard output and error in the file `said`; the exit code. */
static int run(int (*what)(const struct options *o))
{
	int saved[2] = {dup(1), dup(2)},
	    fd = open(said, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	fflush(stdout);
	dup2(fd, 1);
	dup2(fd, 2);
	int code = what(&options);
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
	}
	close(fd);
	return code;
}

static int export_of(const char *owner)
{
	options.argument = owner;
	return run(transfer_export);
}

/* Lines without their times are these, behind the head. */
static bool has_lines(const char *path, const char *wanted)
{
	char got[4096] = "";
	const char *text = file_text(path);
	if (!text || strncmp(text, HEAD, strlen(HEAD)))
		return false;
	for (const char *at = text + strlen(HEAD); (at = strchr(at, ' '));) {
		const char *end = strchr(at, '\n') + 1;
		strncat(got, at + 1, (size_t)(end - at - 1));
		at = end;
	}
	return strcmp(got, wanted) == 0;
}

static void test_export(void **state)
{
	write_file(leases,
		   HEAD "1.000 " A "1.000 " OTHER "1.000 " B "1.000 " NOBODYS "1.000 " OVER);
	assert_int_equal(export_of("vm1"), EXIT_GOOD);
	assert_true(has_lines(said, A B));
	assert_int_equal(export_of("vm1/52:54:00:00:00:02"), EXIT_GOOD);
	assert_true(has_lines(said, B));
	assert_int_equal(export_of("-"), EXIT_GOOD);
	assert_true(has_lines(said, NOBODYS));
}

static void test_export_of_nothing(void **state)
{
	write_file(leases, HEAD "1.000 " OTHER);
	assert_int_equal(export_of("vm1"), EXIT_GOOD);
	assert_string_equal(file_text(said), HEAD "learnd: vm1 has no living lease\n");
	assert_int_equal(export_of("vm"), EXIT_GOOD);
	assert_int_equal(export_of("vm12/52:54:00:00:00:0"), EXIT_GOOD);
	assert_non_null(strstr(file_text(said), "no living lease"));
	write_file(leases, HEAD "bogus\n");
	assert_int_equal(export_of("vm1"), EXIT_FAILED);
	assert_non_null(strstr(file_text(said), "leases:2: eight words"));
}

static void test_import(void **state)
{
	write_file(in, HEAD "1.000 " A "1.000 " OVER);
	assert_int_equal(run(transfer_import), EXIT_GOOD);
	assert_true(has_lines(waiting, A));
	assert_non_null(strstr(file_text(said), "1 living leases"));
	assert_null(file_text(leases)); /* the journal is a running learnd's */
	/* another one, before the first was taken */
	write_file(in, HEAD "1.000 " OTHER);
	assert_int_equal(run(transfer_import), EXIT_GOOD);
	assert_true(has_lines(waiting, A OTHER));
	assert_null(file_text(beside));
}

static void test_import_of_what_is_none(void **state)
{
	assert_int_equal(run(transfer_import), EXIT_FAILED); /* no such file */
	assert_non_null(strstr(file_text(said), "in: No such file"));
	write_file(in, HEAD "1.000 add vm1\n");
	assert_int_equal(run(transfer_import), EXIT_FAILED);
	assert_non_null(strstr(file_text(said), "in:2: eight words"));
	assert_null(file_text(waiting));
	write_file(in, HEAD "1.000 " A);
	write_file(waiting, "bogus\n");
	assert_int_equal(run(transfer_import), EXIT_FAILED);
	assert_non_null(strstr(file_text(said), "leases.import:1: "));
	assert_string_equal(file_text(waiting), "bogus\n");
}

/* The directory is another user's: a link that he puts there is not followed. */
static void test_import_follows_no_link(void **state)
{
	write_file(in, HEAD "1.000 " A);
	write_file(leases, "precious");
	assert_int_equal(symlink(leases, beside), 0);
	assert_int_equal(run(transfer_import), EXIT_FAILED);
	assert_string_equal(file_text(leases), "precious");
	assert_null(file_text(waiting));
}

static void test_names_that_are_too_long(void **state)
{
	static char path[5000];
	memset(path, 'x', sizeof path - 1);
	write_file(in, HEAD);
	options.leases = path;
	assert_int_equal(run(transfer_import), EXIT_FAILED);
	assert_int_equal(strncmp(file_text(said), "learnd: xxx", 11), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_export),
		TEST(test_export_of_nothing),
		TEST(test_import),
		TEST(test_import_of_what_is_none),
		TEST(test_import_follows_no_link),
		TEST(test_names_that_are_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
