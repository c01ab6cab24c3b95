/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "learnd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "learnd/feeder.h"
#include "learnd/jail.h"

/* The wall clock was set, rather than slewed. */
#define STEP   (2 * SECOND)
#define EVENTS 512
/* When rounds follow each other more quickly than this, each waits for company: a frame alone costs
 * a wake-up of the process, many together cost one. */
#define HURRY    (2 * MILLI)
#define PAUSE_MS 1
/* So long a reader of events may pause at the end before the rest is lost. */
#define LAST_WORDS_MS 1000

static void read_clocks(struct daemon *d)
{
	d->now = clock_now(CLOCK_BOOTTIME);
	instant offset = clock_now(CLOCK_REALTIME) - d->now;
	instant step = offset - d->offset;
	bool stepped = d->offset && (step > STEP || step < -STEP);
	d->offset = offset;
	if (!stepped)
		return;
	report_text(d, "clock", STR(""), "the wall clock was set by %d s", (int)(step / SECOND));
	keep_rewrite(d);
}

/* --- the sources of a round --- */

static void on_signal(struct daemon *d)
{
	struct signalfd_siginfo info;
	while (read(d->signals, &info, sizeof info) == sizeof info) {
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			d->stop = true;
			break;
		case SIGUSR1:
			report_status(d);
			break;
		case SIGHUP:
			if (watches_load(d)) {
				watches_open(d);
				keep_import(d);
				feed_change(d);
				report_text(d, "reloaded", STR(""), "%u port%s", d->nwatches,
					    d->nwatches == 1 ? "" : "s");
			}
			break;
		}
	}
}

static void on_link(void *user, enum link_change change, const char *name, unsigned ifindex)
{
	watches_link(user, change, name, ifindex);
}

/* What an epoll event belongs to: a watch, or one of these fields of the daemon. */
static void dispatch(struct daemon *d, void *source)
{
	if (source == &d->signals)
		on_signal(d);
	else if (source == &d->links)
		links_read(&d->links, on_link, d);
	else if (source == &d->socket)
		feed_result(d);
	else
		watches_ready(d, source);
}

/* With --once: every port has an address of each family that it wants. */
static bool all_learned(const struct daemon *d)
{
	for (uint32_t i = 0; i < d->nwatches; i++) {
		const struct learn_port *p = d->watches[i].port;
		for (enum family f = 0; f < FAMILIES; f++)
			if (p->config->families[f] && !p->n[f])
				return false;
	}
	return true;
}

static int milliseconds_to(const struct daemon *d, instant next)
{
	if (next == NEVER)
		return -1;
	instant ms = (next - d->now + MILLI - 1) / MILLI;
	return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

static instant next_of(const struct daemon *d)
{
	instant watches = watches_next(d), feed = feed_next(d);
	instant next = watches < feed ? watches : feed;
	if (d->journal.broken && d->journal_retry < next)
		next = d->journal_retry;
	if (report_next(d) < next)
		next = report_next(d);
	/* frames that are being dropped are told of even when nothing else happens */
	return d->report_due > d->now && d->report_due < next ? d->report_due : next;
}

static void one_round(struct daemon *d)
{
	struct epoll_event events[EVENTS];
	instant before = d->now, next = next_of(d);
	if (d->hurried && next > d->now)
		poll(NULL, 0, PAUSE_MS);
	int n = epoll_wait(d->epoll, events, EVENTS, milliseconds_to(d, next));
	read_clocks(d);
	d->hurried = n > 0 && d->now - before < HURRY;
	/* watches only mark themselves, so a signal that replaces them all finds no pointer to an
	 * old one behind it */
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr != &d->signals && events[i].data.ptr != &d->links)
			dispatch(d, events[i].data.ptr);
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr == &d->signals || events[i].data.ptr == &d->links)
			dispatch(d, events[i].data.ptr);
	watches_work(d);
	report_dropped(d);
	keep_sync(d);
	report_flush(d);
	if (d->options->once && !d->stop_when_fed && all_learned(d)) {
		d->stop_when_fed = true;
		feed_change(d);
	}
	feed_timers(d);
}

/* --- the beginning and the end --- */

static bool listen_to(struct daemon *d, int fd, void *source)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = source};
	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

static bool complain(const char *what, const char *why)
{
	fprintf(stderr, "learnd: %s: %s\n", what, why);
	return false;
}

/* Sockets, then privileges, then the rest. */
static bool start(struct daemon *d)
{
	struct fault fault;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->epoll < 0 || !links_open(&d->links))
		return complain("netlink", strerror(errno));
	if (!listen_to(d, d->signals, &d->signals) || !listen_to(d, d->links.fd, &d->links) ||
	    !listen_to(d, d->socket, &d->socket))
		return complain("epoll", strerror(errno));
	if (!keep_open(d) || !watches_load(d))
		return false;
	watches_open(d);
	if (!jail_enter(d->options->user, &fault))
		return complain("dropping privileges", fault.text);
	if (faccessat(d->journal.dir, ".", W_OK, AT_EACCESS) < 0)
		return complain(d->options->leases,
				"its directory is not writable for the user who is to write it");
	return true;
}

int daemon_run(const struct options *o, int socket, int signals)
{
	struct daemon d = {.options = o, .socket = socket, .signals = signals};
	d.outlet.fd = STDOUT_FILENO;
	char ready = FEED_READY;
	buf_memory(&d.out);
	read_clocks(&d);
	d.report_due = d.now;
	bool good = start(&d);
	if (good) {
		keep_import(&d);
		report_text(&d, "started", STR(""), "%u port%s", d.nwatches,
			    d.nwatches == 1 ? "" : "s");
		feed_change(&d); /* what earlier lives learned may not be in the rules */
		(void)!write(socket, &ready, 1);
	}
	while (good && !d.stop)
		one_round(&d);
	if (good) {
		keep_sync(&d);
		report_text(&d, "stopped", STR(""), "%u port%s", d.nwatches,
			    d.nwatches == 1 ? "" : "s");
	}
	report_flush(&d);
	outlet_finish(&d.outlet, LAST_WORDS_MS);
	outlet_drop(&d.outlet);
	watches_close(&d);
	journal_close(&d.journal);
	leases_free(&d.strangers);
	buf_drop(&d.out);
	if (d.arena)
		arena_free(d.arena);
	close(d.epoll);
	return good && !d.failed ? EXIT_GOOD : EXIT_FAILED;
}
