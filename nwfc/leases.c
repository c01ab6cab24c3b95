/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/leases.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t timespec_ms(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000 + (uint64_t)t->tv_nsec / 1000000;
}

const char *read_now(const struct options *o, uint64_t *ms)
{
	const char *given = option_value(o, OPT_NOW), *epoch = getenv("SOURCE_DATE_EPOCH");
	struct timespec t;
	if (given)
		return read_seconds(str_from(given), ms) ? NULL
							 : "--now wants seconds of the epoch";
	if (epoch && *epoch)
		return read_seconds(str_from(epoch), ms) ? NULL : "SOURCE_DATE_EPOCH is no number";
	clock_gettime(CLOCK_REALTIME, &t);
	*ms = timespec_ms(&t);
	return NULL;
}

const struct leases *load_leases(struct session *s, const char *path, uint64_t now_ms,
				 uint32_t *file)
{
	struct leases *ls = arena_new_object(s->arena, struct leases);
	ls->now_ms = now_ms;
	*file = 0;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return ls;
	*file = read_source(s, path);
	return *file && leases_read(s->arena, &s->diags, *file, ls) ? ls : NULL;
}
