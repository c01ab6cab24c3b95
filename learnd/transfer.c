/* SPDX-License-Identifier: MIT */
#include "learnd/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "learnd/journal.h"

static int fail(const char *path, unsigned line, const char *text)
{
	struct fault f = {.line = line};
	snprintf(f.text, sizeof f.text, "%s", text);
	fault_say(path, &f);
	return EXIT_FAILED;
}

static bool is_of(const struct lease *l, const char *owner)
{
	size_t n = strlen(owner);
	return strcmp(l->key, owner) == 0 || (strncmp(l->key, owner, n) == 0 && l->key[n] == '/');
}

/* Only those of this owner, or OWNER/MAC. */
static void keep_of(struct leases *all, const char *owner)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < all->n; i++)
		if (is_of(&all->list[i], owner))
			all->list[n++] = all->list[i];
	all->n = n;
}

int transfer_export(const struct options *o)
{
	struct leases all;
	struct fault fault;
	instant now = clock_now(CLOCK_REALTIME);
	if (!journal_read(o->leases, now, &all, &fault)) {
		leases_free(&all);
		return fail(o->leases, fault.line, fault.text);
	}
	keep_of(&all, o->argument);
	bool good = leases_write(STDOUT_FILENO, &all, now);
	int error = errno;
	if (!all.n)
		fprintf(stderr, "learnd: %s has no living lease\n", o->argument);
	leases_free(&all);
	return good ? EXIT_GOOD : fail("standard output", 0, strerror(error));
}

/* The new leases behind those of an import that was not taken yet. */
static bool join(struct leases *waiting, const struct leases *in)
{
	for (uint32_t i = 0; i < in->n; i++) {
		struct lease *l = leases_push(waiting);
		if (!l) {
			errno = ENOMEM;
			return false;
		}
		*l = in->list[i];
	}
	return true;
}

static bool write_import(const struct leases *l, const char *path, instant now)
{
	char temporary[4096 + 8];
	snprintf(temporary, sizeof temporary, "%s.new", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return false;
	bool good = leases_write(fd, l, now) && fsync(fd) == 0;
	good &= close(fd) == 0;
	good = good && rename(temporary, path) == 0;
	if (!good)
		unlink(temporary);
	return good;
}

static int import_to(const char *path, const char *from, struct leases *waiting, struct leases *in)
{
	struct fault fault;
	instant now = clock_now(CLOCK_REALTIME);
	if (access(from, R_OK) < 0)
		return fail(from, 0, strerror(errno));
	if (!journal_read(from, now, in, &fault))
		return fail(from, fault.line, fault.text);
	if (!journal_read(path, now, waiting, &fault))
		return fail(path, fault.line, fault.text);
	if (!join(waiting, in) || !write_import(waiting, path, now))
		return fail(path, 0, strerror(errno));
	fprintf(stderr, "learnd: %u living leases; a running learnd takes them at SIGHUP\n", in->n);
	return EXIT_GOOD;
}

int transfer_import(const struct options *o)
{
	struct leases waiting = {0}, in = {0};
	char path[4096];
	if (snprintf(path, sizeof path, "%s.import", o->leases) >= (int)sizeof path - 4)
		return fail(o->leases, 0, strerror(ENAMETOOLONG));
	int code = import_to(path, o->argument, &waiting, &in);
	leases_free(&in);
	leases_free(&waiting);
	return code;
}
