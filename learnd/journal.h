/* SPDX-License-Identifier: MIT */
/*
 * journal.h - what was learned, on disk: the leases file that `nwfc compile --leases` reads.
 *
 * A line an event, appended and synchronised before anybody acts on it; later lines
 * override earlier ones; a last line without its newline was torn by a crash and
 * is not there. When dead lines prevail, the living ones are written to a new file
 * that takes the old one's name. The form is in learnd(8).
 */
#ifndef NWFC_LEARND_JOURNAL_H
#define NWFC_LEARND_JOURNAL_H

#include "learnd/learner.h"

/* An address of a port, known by its key alone: the port may not be there. */
struct lease {
	char key[PORT_KEY];
	char interface[16];
	struct binding binding; /* valid_until in wall-clock time */
};

struct leases {
	struct lease *list; /* malloc'd; in the order of their first living line */
	uint32_t n, cap;
	uint64_t lines; /* of the file that they were read from */
};

struct journal {
	const char *path;
	int dir, fd; /* -1: closed */
	uint64_t lines;
	bool dirty;  /* put, not yet synchronised */
	bool broken; /* a write failed: only a new file, by journal_compact(), holds all */
	char *block; /* not yet written */
	size_t n;
};

/* Read leases, living at wall time `now`, from a file of this form. A file that is not there has
 * none. False with a fault. */
bool journal_read(const char *path, instant now, struct leases *out, struct fault *fault);
void leases_free(struct leases *l);
/* Room for one more at the end; NULL without memory. */
struct lease *leases_push(struct leases *l);
void leases_remove(struct leases *l, struct lease *at);
/* Without those that are over at `now`. */
void leases_drop_ended(struct leases *l, instant now);

/* The whole of a file of this form, to fd. False: errno says why. */
bool leases_write(int fd, const struct leases *l, instant when);

/* One line, without a port: `event` is add, renew, delete or expire. */
size_t lease_print(char *out, size_t size, instant when, enum event_kind event,
		   const struct lease *l);

/* Open for appending, made when it is not there. How many lines it has, the reader of them knows.
 */
bool journal_open(struct journal *j, const char *path, struct fault *fault);
void journal_close(struct journal *j);

void journal_put(struct journal *j, instant when, enum event_kind event, const struct lease *l);

/* Everything put so far is on the disk when this returns true. After false, the leases are
 * to be written anew by journal_compact(). */
bool journal_sync(struct journal *j, struct fault *fault);

/* Replace the file by these leases. The old one stays until the new one is on the disk. */
bool journal_compact(struct journal *j, const struct leases *living, instant when,
		     struct fault *fault);
bool journal_wants_compaction(const struct journal *j, uint32_t living);

#endif
