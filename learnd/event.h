/* SPDX-License-Identifier: MIT */
/*
 * event.h - events as lines of JSON (learnd(8) has the words).
 */
#ifndef NWFC_LEARND_EVENT_H
#define NWFC_LEARND_EVENT_H

#include "base/buf.h"
#include "learnd/learner.h"

/* An object up to, and without, its closing brace. Times are seconds from `origin`, rounded down
 * to microseconds. `sets`: also the port's addresses before and after. */
void event_print(struct buf *b, const struct event *e, instant origin, bool sets);

/* A number of seconds, rounded to microseconds towards zero. */
void json_seconds(struct buf *b, instant t);

/* A JSON string with quotes; bytes outside ASCII and controls are escaped. */
void json_string(struct buf *b, struct str s);

#endif
