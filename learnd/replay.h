/* SPDX-License-Identifier: MIT */
/*
 * replay.h - a capture instead of a wire: the frames' times are the clock.
 */
#ifndef NWFC_LEARND_REPLAY_H
#define NWFC_LEARND_REPLAY_H

#include "learnd/options.h"

/*
 * Events of the one port of options.learn to standard output, times from the first
 * frame; what is wrong, and frames that no time was spent on, to standard error.
 * Returns the exit code.
 */
int replay(const struct options *o);

#endif
