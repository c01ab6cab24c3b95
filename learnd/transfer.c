/* SPDX-License-Identifier: MIT */
#include "learnd/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "learnd/journal.h"

#define LINE (PORT_KEY + 160)

static int fail(const char *path, unsigned line, const char *text)
{
	struct fault f = {.line = line};
	snprintf(f.text, sizeof f.text, "%s", text);
	fault_say(path, &f);
	return EXIT_FAILED;
}

static instant wall_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static bool is_of(const struct lease *l, const char *owner)
{
	size_t n = strlen(owner);
	return strcmp(l->key, owner) == 0 || (strncmp(l->key, owner, n) == 0 && l->key[n] == '/');
}

int transfer_export(const struct options *o)
{
	struct leases all;
	struct fault fault;
	instant now = wall_clock();
	char line[LINE];
	uint32_t n = 0;
	if (!journal_read(o->leases, now, &all, &fault))
		return fail(o->leases, fault.line, fault.text);
	fputs("nwfc-leases 1\n", stdout);
	for (uint32_t i = 0; i < all.n; i++) {
		if (!is_of(&all.list[i], o->argument))
			continue;
		lease_print(line, sizeof line, now, EVENT_ADD, &all.list[i]);
		fputs(line, stdout);
		n++;
	}
	leases_free(&all);
	if (fflush(stdout) != 0)
		return fail("standard output", 0, strerror(errno));
	if (!n)
		fprintf(stderr, "learnd: %s has no living lease\n", o->argument);
	return EXIT_GOOD;
}

/* The new file together with an import that was not taken yet. */
static bool write_import(const struct leases *const *both, const char *path, instant now)
{
	char temporary[4096 + 8], line[LINE];
	snprintf(temporary, sizeof temporary, "%s.new", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return false;
	fputs("nwfc-leases 1\n", f);
	for (int k = 0; k < 2; k++)
		for (uint32_t i = 0; i < both[k]->n; i++) {
			lease_print(line, sizeof line, now, EVENT_ADD, &both[k]->list[i]);
			fputs(line, f);
		}
	bool good = fflush(f) == 0 && fsync(fd) == 0;
	good &= fclose(f) == 0;
	good = good && rename(temporary, path) == 0;
	if (!good)
		unlink(temporary);
	return good;
}

int transfer_import(const struct options *o)
{
	struct leases waiting, in;
	struct fault fault;
	char path[4096];
	instant now = wall_clock();
	if (snprintf(path, sizeof path, "%s.import", o->leases) >= (int)sizeof path - 4)
		return fail(o->leases, 0, strerror(ENAMETOOLONG));
	if (access(o->argument, R_OK) < 0)
		return fail(o->argument, 0, strerror(errno));
	if (!journal_read(o->argument, now, &in, &fault))
		return fail(o->argument, fault.line, fault.text);
	if (!journal_read(path, now, &waiting, &fault))
		return fail(path, fault.line, fault.text);
	const struct leases *both[] = {&waiting, &in};
	bool good = write_import(both, path, now);
	int error = errno;
	fprintf(stderr, "learnd: %u living leases; a running learnd takes them at SIGHUP\n", in.n);
	leases_free(&in);
	leases_free(&waiting);
	return good ? EXIT_GOOD : fail(path, 0, strerror(error));
}
