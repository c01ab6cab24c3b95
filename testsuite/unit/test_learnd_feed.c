/* SPDX-License-Identifier: MIT */
/* learnd: when the command runs, to the nanosecond; the feeder is the other end of a socket. */
#include "testsuite/unit/learnd_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "learnd/daemon.h"
#include "learnd/feeder.h"

#define DEBOUNCE (100 * MILLI)

static struct options options = {.debounce = 100};
static struct daemon d;
static int feeder;

static int setup(void **state)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	feeder = pair[0];
	d = (struct daemon){.options = &options, .socket = pair[1], .now = T0};
	buf_memory(&d.out);
	return 0;
}

static int teardown(void **state)
{
	buf_drop(&d.out);
	close(d.socket);
	return close(feeder);
}

/* How often the feeder was asked since the last call. */
static unsigned asked(void)
{
	unsigned n = 0;
	char what;
	for (; recv(feeder, &what, 1, MSG_DONTWAIT) == 1; n++)
		assert_int_equal(what, FEED_RUN);
	return n;
}

static unsigned asked_at(instant now)
{
	d.now = now;
	feed_timers(&d);
	return asked();
}

static void answer(int status, int error)
{
	struct feed_result r = {status, error};
	assert_int_equal(send(feeder, &r, sizeof r, 0), sizeof r);
	feed_result(&d);
}

/* The lines since the last call have this text, or are none. */
static void told_so(const char *text)
{
	buf_char(&d.out, 0);
	if (text)
		assert_non_null(strstr(d.out.data, text));
	else
		assert_int_equal(d.out.n, 1);
	d.out.n = 0;
}

static void run_at(instant now)
{
	d.now = now;
	feed_change(&d);
	assert_int_equal(asked_at(now + DEBOUNCE), 1);
}

static void test_changes_together(void **state)
{
	assert_true(feed_next(&d) == NEVER);
	assert_int_equal(asked_at(T0), 0);
	feed_change(&d);
	d.now += DEBOUNCE / 2;
	feed_change(&d); /* makes it no later */
	assert_true(feed_next(&d) == T0 + DEBOUNCE);
	assert_int_equal(asked_at(T0 + DEBOUNCE - 1), 0);
	assert_int_equal(asked_at(T0 + DEBOUNCE), 1);
	assert_int_equal(asked_at(T0 + 9 * SECOND), 0);
	assert_true(feed_next(&d) == NEVER);
	told_so(NULL);
	answer(0, 0);
	told_so("\"event\": \"fed\"");
	assert_int_equal(asked_at(T0 + 99 * SECOND), 0);
}

/* The command reads the journal. */
static void test_journal_comes_first(void **state)
{
	feed_change(&d);
	d.journal.dirty = true;
	assert_int_equal(asked_at(T0 + SECOND), 0);
	d.journal.dirty = false;
	d.journal.broken = true;
	assert_int_equal(asked_at(T0 + SECOND), 0);
	d.journal.broken = false;
	assert_int_equal(asked_at(T0 + SECOND), 1);
}

static void test_change_while_it_runs(void **state)
{
	run_at(T0);
	feed_change(&d);
	feed_change(&d);
	assert_int_equal(asked_at(T0 + 5 * SECOND), 0); /* one at a time */
	answer(0, 0);
	assert_int_equal(asked_at(T0 + 5 * SECOND + DEBOUNCE), 1);
	answer(0, 0);
	assert_int_equal(asked_at(T0 + 99 * SECOND), 0);
}

/* 1, 2, 4 ... 60 s; and after a success from the beginning. */
static void test_failures(void **state)
{
	static const unsigned waits[] = {1, 2, 4, 8, 16, 32, 60, 60};
	char text[100];
	run_at(T0);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		answer(3 << 8, 0);
		snprintf(text, sizeof text,
			 "ended with status 3; the rules are as they were, next "
			 "try in %u s",
			 waits[i]);
		told_so(text);
		assert_int_equal(asked_at(d.now + waits[i] * SECOND - 1), 0);
		assert_int_equal(asked_at(d.now + 1), 1);
	}
	answer(0, 0);
	told_so("fed");
	run_at(d.now);
	answer(SIGKILL, 0);
	told_so("killed by signal 9; the rules are as they were, next try in 1 s");
}

static void test_change_after_a_failure(void **state)
{
	run_at(T0);
	answer(-1, ENOENT);
	told_so("could not be started: No such file");
	run_at(d.now + SECOND / 2); /* what is wrong may be right now */
	answer(1 << 8, 0);
	told_so("next try in 2 s");
}

static void test_answers_that_are_none(void **state)
{
	answer(0, 0); /* nothing runs */
	told_so(NULL);
	run_at(T0);
	assert_int_equal(send(feeder, "x", 1, 0), 1);
	feed_result(&d);
	feed_result(&d); /* nothing is there */
	assert_false(d.stop);
	assert_int_equal(d.feed.state, FEED_RUNNING);
}

static void test_feeder_that_is_gone(void **state)
{
	shutdown(feeder, SHUT_RDWR);
	feed_change(&d);
	assert_int_equal(asked_at(T0 + SECOND), 0);
	assert_true(feed_next(&d) == T0 + 2 * SECOND); /* not told yet: tried again */
	feed_result(&d);
	assert_true(d.stop && d.failed);
}

/* With --once it ends after a run that has all. */
static void test_last_run(void **state)
{
	run_at(T0);
	d.stop_when_fed = true;
	feed_change(&d);
	answer(0, 0);
	assert_false(d.stop);
	assert_int_equal(asked_at(d.now + DEBOUNCE), 1);
	answer(1 << 8, 0);
	assert_false(d.stop);
	assert_int_equal(asked_at(d.now + SECOND), 1);
	answer(0, 0);
	assert_true(d.stop && !d.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes_together),       TEST(test_journal_comes_first),
		TEST(test_change_while_it_runs),   TEST(test_failures),
		TEST(test_change_after_a_failure), TEST(test_answers_that_are_none),
		TEST(test_feeder_that_is_gone),    TEST(test_last_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
