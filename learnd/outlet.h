/* SPDX-License-Identifier: MIT */
/*
 * outlet.h - lines for a reader who is never waited for.
 *
 * What a pipe, a socket or a terminal does not take at once waits in a queue that is bounded; when
 * it is full, whole lines are lost, and counted. The descriptor's flags stay as they are,
 * since it may be shared with others.
 */
#ifndef NWFC_LEARND_OUTLET_H
#define NWFC_LEARND_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTLET_MAX ((size_t)1 << 20)

struct outlet {
	int fd;
	char *queue; /* malloc'd, OUTLET_MAX; NULL before the first line */
	size_t at, n;
	uint64_t lost; /* lines; the owner sets it back to 0 when he has told */
};

/* Whole lines, each with its newline. */
void outlet_put(struct outlet *o, const char *lines, size_t n);

/* As much as is taken now. What can not be written since the reader is gone is forgotten. */
void outlet_push(struct outlet *o);

/* The same, and for so many milliseconds after the last that was taken. */
void outlet_finish(struct outlet *o, int milliseconds);
void outlet_drop(struct outlet *o);

static inline bool outlet_waits(const struct outlet *o)
{
	return o->n > o->at;
}

/* Would a short text be taken at once? */
bool outlet_takes(int fd, int milliseconds);

#endif
