/* SPDX-License-Identifier: MIT */
/*
 * clock.h - instants. All decisions take the time as an argument, so a replay's clock is
 * the capture's and a daemon's is the machine's.
 */
#ifndef NWFC_LEARND_CLOCK_H
#define NWFC_LEARND_CLOCK_H

#include <stdint.h>
#include <time.h>

typedef int64_t instant; /* nanoseconds; of what epoch, the owner of the clock knows */

#define NEVER  INT64_MAX
#define SECOND ((instant)1000000000)
#define MILLI  ((instant)1000000)

static inline instant clock_now(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

#endif
