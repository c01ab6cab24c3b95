/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Work shorter than this shows nothing; then the line changes ten times a second. */
enum { PATIENCE_MS = 700, EVERY_MS = 100 };

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_start(struct progress *p, const char *what, uint32_t all)
{
	*p = (struct progress){.what = what, .all = all, .watched = isatty(STDERR_FILENO)};
	if (p->watched)
		p->next = now_ms() + PATIENCE_MS;
}

void progress_tick(struct progress *p)
{
	int64_t now = now_ms();
	if (now < p->next)
		return;
	p->next = now + EVERY_MS;
	p->shown = true;
	fprintf(stderr, "\r%s %u of %u (%u %%)\033[K", p->what, p->done, p->all,
		p->all ? (unsigned)(100ull * p->done / p->all) : 100);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
}
