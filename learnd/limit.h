/* SPDX-License-Identifier: MIT */
/*
 * limit.h - how often a class of frames is looked at.
 *
 * A bucket of `burst` frames that gains `rate` a second, kept as the time at which it would
 * be full again (the generic cell rate algorithm): one number, exact at any rate.
 */
#ifndef NWFC_LEARND_LIMIT_H
#define NWFC_LEARND_LIMIT_H

#include <stdbool.h>

#include "learnd/clock.h"

struct limit {
	instant gap;   /* between frames at the rate */
	instant slack; /* gap * (burst - 1) */
};

static inline struct limit limit_of(unsigned rate, unsigned burst)
{
	instant gap = SECOND / (rate ? rate : 1);
	return (struct limit){gap, gap * (burst ? burst - 1 : 0)};
}

/* Take one frame out of the bucket, or say that it is empty. */
static inline bool limit_take(const struct limit *l, instant *bucket, instant now)
{
	instant full = *bucket > now ? *bucket : now;
	if (full - now > l->slack)
		return false;
	*bucket = full + l->gap;
	return true;
}

#endif
