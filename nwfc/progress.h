/* SPDX-License-Identifier: MIT */
/*
 * progress.h - a line on standard error for work that takes long while a
 * person is watching; nothing at all otherwise.
 */
#ifndef NWFC_NWFC_PROGRESS_H
#define NWFC_NWFC_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	uint32_t done, all;
	bool watched, shown;
	int64_t next; /* monotonic milliseconds */
};

void progress_start(struct progress *p, const char *what, uint32_t all);
void progress_tick(struct progress *p);
void progress_end(struct progress *p);

static inline void progress_step(struct progress *p)
{
	if (++p->done % 64 == 0 && p->watched)
		progress_tick(p);
}

#endif
