/* SPDX-License-Identifier: MIT */
/* learnd: lines for a reader who may hang, or be gone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "learnd/outlet.h"

static int ends[2]; /* to read from, to write to */
static struct outlet o;

static int setup(void **state)
{
	assert_int_equal(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	alarm(20); /* what waits for ever is killed */
	o = (struct outlet){.fd = ends[1]};
	return 0;
}

static int teardown(void **state)
{
	outlet_drop(&o);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static unsigned put_lines(unsigned n)
{
	static unsigned serial;
	char line[120];
	for (unsigned i = 0; i < n; i++)
		outlet_put(&o, line, (size_t)snprintf(line, sizeof line, "%0100u\n", ++serial));
	return n;
}

/* What comes out, until nothing more does: whole lines, in their order. */
static unsigned read_lines(void)
{
	static char text[2 * OUTLET_MAX];
	size_t n = 0;
	unsigned lines = 0, last = 0;
	for (ssize_t got; outlet_push(&o), (got = read(ends[0], text + n, sizeof text - n)) > 0;)
		n += (size_t)got;
	for (char *at = text; at < text + n; at += 101, lines++) {
		unsigned number = (unsigned)strtoul(at, NULL, 10);
		assert_true(at + 101 <= text + n && at[100] == '\n' && number > last);
		last = number;
	}
	return lines;
}

static void test_reader_that_reads(void **state)
{
	put_lines(10);
	assert_int_equal(read_lines(), 10);
	put_lines(5000);
	assert_int_equal(read_lines(), 5000);
	assert_false(outlet_waits(&o));
	assert_true(o.lost == 0);
}

static void test_reader_that_hangs(void **state)
{
	unsigned sent = 0;
	for (int i = 0; i < 100; i++) {
		sent += put_lines(500);
		outlet_push(&o);
	}
	assert_true(outlet_waits(&o));
	assert_true(o.lost > 0);
	assert_int_equal(read_lines(), sent - o.lost);
	assert_false(outlet_waits(&o));
	put_lines(3);
	assert_int_equal(read_lines(), 3);
}

static void test_socket(void **state)
{
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	o.fd = ends[1];
	unsigned sent = put_lines(9000);
	outlet_push(&o);
	assert_true(outlet_waits(&o));
	assert_int_equal(read_lines(), sent - o.lost);
}

static void test_reader_that_is_gone(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	put_lines(3);
	outlet_push(&o);
	assert_false(outlet_waits(&o));
	put_lines(20000);
	outlet_push(&o);
	assert_false(outlet_waits(&o));
	ends[0] = dup(ends[1]);
}

static void test_file(void **state)
{
	char path[] = "/tmp/learnd-unit-XXXXXX";
	o.fd = mkstemp(path);
	unsigned sent = put_lines(9000);
	outlet_push(&o);
	assert_false(outlet_waits(&o));
	assert_int_equal(lseek(o.fd, 0, SEEK_END), sent * 101);
	close(o.fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reader_that_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_that_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_that_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
