/* SPDX-License-Identifier: MIT */
/*
 * One run of the command for all changes within the debounce time; one at a time. A run that
 * fails leaves the last good rules, is told, and is tried again, ever more slowly.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "learnd/daemon.h"
#include "learnd/feeder.h"

#define DELAY_FIRST SECOND
#define DELAY_MAX   (60 * SECOND)

/* The first change begins to wait; later ones are in the same run, and do not make it later. */
void feed_change(struct daemon *d)
{
	if (d->feed.state == FEED_RUNNING) {
		d->feed.again = true;
		return;
	}
	if (d->feed.state == FEED_WAITING && !d->feed.delay)
		return;
	d->feed.state = FEED_WAITING;
	d->feed.due = d->now + d->options->debounce * MILLI;
}

static void retry_later(struct daemon *d)
{
	instant delay = d->feed.delay ? 2 * d->feed.delay : DELAY_FIRST;
	d->feed.delay = delay < DELAY_MAX ? delay : DELAY_MAX;
	d->feed.state = FEED_WAITING;
	d->feed.due = d->now + d->feed.delay;
}

/* The command reads the journal, so it runs only when all is on the disk. */
void feed_timers(struct daemon *d)
{
	char what = FEED_RUN;
	if (d->feed.state != FEED_WAITING || d->feed.due > d->now || d->journal.dirty ||
	    d->journal.broken)
		return;
	if (send(d->socket, &what, 1, MSG_NOSIGNAL) != 1) {
		retry_later(d);
		return;
	}
	d->feed.state = FEED_RUNNING;
	d->feed.again = false;
}

static void say_failure(struct daemon *d, const struct feed_result *r)
{
	char text[200];
	if (r->status < 0)
		snprintf(text, sizeof text, "the command could not be started: %s",
			 strerror(r->error));
	else if (WIFSIGNALED(r->status))
		snprintf(text, sizeof text, "the command was killed by signal %d",
			 WTERMSIG(r->status));
	else
		snprintf(text, sizeof text, "the command ended with status %d",
			 WEXITSTATUS(r->status));
	report_text(d, "feed-failed", STR(""), "%s; the rules are as they were, next try in %d s",
		    text, (int)(d->feed.delay / SECOND));
}

void feed_result(struct daemon *d)
{
	struct feed_result r;
	ssize_t n = recv(d->socket, &r, sizeof r, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		d->stop = d->failed = true; /* nobody is left to feed */
	if (n != sizeof r || d->feed.state != FEED_RUNNING)
		return;
	if (r.status != 0) {
		retry_later(d);
		say_failure(d, &r);
		return;
	}
	report_text(d, "fed", STR(""), "the command has run");
	d->feed.state = FEED_IDLE;
	d->feed.delay = 0;
	if (d->feed.again)
		feed_change(d);
	else
		d->stop |= d->stop_when_fed;
}

instant feed_next(const struct daemon *d)
{
	return d->feed.state == FEED_WAITING ? d->feed.due : NEVER;
}
