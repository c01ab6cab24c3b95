/* SPDX-License-Identifier: MIT */
/*
 * leases.h - leases as the command line names them: a file, and a time to look at it.
 */
#ifndef NWFC_NWFC_LEASES_H
#define NWFC_NWFC_LEASES_H

#include <time.h>

#include "frontend/leases.h"
#include "nwfc/session.h"

/* Milliseconds of the epoch. */
uint64_t timespec_ms(const struct timespec *t);

/* What --now, SOURCE_DATE_EPOCH or the clock says; NULL, or what is wrong. */
const char *read_now(const struct options *o, uint64_t *ms);

/*
 * The leases of a file at a time; a file that is not there yet holds none. With
 * *file its number as a source, 0 when it is not there. NULL after a finding.
 */
const struct leases *load_leases(struct session *s, const char *path, uint64_t now_ms,
				 uint32_t *file);

#endif
