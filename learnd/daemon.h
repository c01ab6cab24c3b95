/* SPDX-License-Identifier: MIT */
/*
 * daemon.h - the process that reads packets: its state, and the parts of its loop.
 *
 * One thread, one epoll. In each round: frames (a bounded number a port, so that none starves
 * the others), timers, then what became of them in this order: the journal is on
 * the disk, then the event is told and the feeder is asked. Time is CLOCK_BOOTTIME; the journal
 * and the events carry wall-clock time.
 */
#ifndef NWFC_LEARND_DAEMON_H
#define NWFC_LEARND_DAEMON_H

#include "learnd/capture.h"
#include "learnd/journal.h"
#include "learnd/links.h"
#include "learnd/options.h"
#include "learnd/outlet.h"

/* A port and its capture. */
struct watch {
	struct learn_port *port;
	struct capture capture;
	instant gone;      /* since when the interface is not there; NEVER: it is */
	instant retry;     /* when to open it again; NEVER */
	bool told;         /* why it is not watched has been told */
	bool more;         /* frames were left for the next round */
	bool changed;      /* the filter is to be looked at */
	bool busy;         /* in daemon.busy */
	uint64_t reported; /* frames dropped, when last told */
};

enum feed_state { FEED_IDLE, FEED_WAITING, FEED_RUNNING };

struct daemon {
	const struct options *options;
	struct arena *arena; /* of the configuration in force */
	struct learn_file file;
	struct learner learner;
	struct watch *watches; /* in the order of the file */
	uint32_t nwatches;
	/* A round costs what there is to do, not what could be: the watches with frames or another
	 * filter, and a time before which no other has anything to do. */
	struct watch **busy;
	uint32_t nbusy;
	instant due;
	struct leases strangers; /* of ports that are not there */
	struct journal journal;
	struct links links;
	struct address *own; /* the host's */
	bool own_stale;      /* they are to be read again, before any frame is */
	int epoll, socket, signals;
	instant now, offset;  /* of this round; wall-clock time is now + offset */
	bool hurried;         /* this round came soon after the one before */
	struct buf out;       /* events, in memory until the journal is on the disk */
	struct outlet outlet; /* those that are told, and not yet taken */
	bool stop, stop_when_fed, failed;
	struct {
		enum feed_state state;
		bool again;    /* something changed while it ran */
		instant due;   /* when waiting */
		instant delay; /* before the next try; 0 after a success */
	} feed;
	instant journal_retry, report_due, outlet_retry;
};

/* Serve until told to stop; returns the exit code. socket: to the feeder. signals: a signalfd. */
int daemon_run(const struct options *o, int socket, int signals);

/* --- watch.c --- */

/* Read the learn file, and make the watches what it says. False with a message; then the old ones
 * stay. */
bool watches_load(struct daemon *d);
void watches_open(struct daemon *d);
void watches_close(struct daemon *d);
/* It has frames: they are read in this round. */
void watches_ready(struct daemon *d, struct watch *w);
void watches_work(struct daemon *d);
void watches_link(struct daemon *d, enum link_change change, const char *name, unsigned ifindex);
instant watches_next(const struct daemon *d);

/* --- keep.c: the journal and what was learned in earlier lives --- */

bool keep_open(struct daemon *d);
/* The line of an event of a port. */
void keep_event(struct daemon *d, const struct event *e);
/* Bindings of a port that goes, for when it comes back; and of one that comes. */
void keep_leave(struct daemon *d, const struct learn_port *p);
void keep_enter(struct daemon *d, struct learn_port *p);
/* Leases of another host, from LEASES.import. */
void keep_import(struct daemon *d);
/* On the disk, or told why not and tried again later. */
bool keep_sync(struct daemon *d);
/* After a step of the wall clock: all again, in the new time. */
void keep_rewrite(struct daemon *d);

/* --- feed.c: when the feeder is asked --- */

void feed_change(struct daemon *d);
void feed_timers(struct daemon *d);
void feed_result(struct daemon *d);
instant feed_next(const struct daemon *d);

/* --- report.c: lines that are no transitions --- */

void report_text(struct daemon *d, const char *event, struct str port, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* An event, and a line on standard error. */
void report_fault(struct daemon *d, const char *path, const struct fault *f);
void report_status(struct daemon *d);
void report_dropped(struct daemon *d);
/* Hand the lines over; whoever does not read them is not waited for. */
void report_flush(struct daemon *d);
/* When lines that are not yet taken are to be offered again. */
instant report_next(const struct daemon *d);

#endif
