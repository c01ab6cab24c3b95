/* SPDX-License-Identifier: MIT */
/*
 * leases.h - the journal of who learns addresses, read.
 *
 *     nwfc-leases 1
 *     TIME EVENT OWNER/MAC INTERFACE FAMILY ADDRESS VALID SOURCE
 *
 * A line is appended an event, so a last line without its newline is one that is
 * being written, or never was to its end: it says nothing yet.
 */
#ifndef NWFC_FRONTEND_LEASES_H
#define NWFC_FRONTEND_LEASES_H

#include "base/diag.h"
#include "ir/leases.h"

/* Seconds with decimals, cut to milliseconds; false when it is none, or beyond LEASE_END_MAX. */
bool read_seconds(struct str text, uint64_t *ms);

/* All of the journal; false after a finding (E210) for each line that is broken. */
bool leases_read(struct arena *a, struct diags *ds, uint32_t file, struct leases *out);

#endif
