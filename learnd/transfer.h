/* SPDX-License-Identifier: MIT */
/*
 * transfer.h - leases that move with a guest to another host.
 */
#ifndef NWFC_LEARND_TRANSFER_H
#define NWFC_LEARND_TRANSFER_H

#include "learnd/options.h"

/* The living leases of an owner (or of OWNER/MAC) to standard output, in the journal's form. */
int transfer_export(const struct options *o);

/*
 * Check what export wrote, and put it where a learnd that runs takes it at its next SIGHUP,
 * or else at its next start: LEASES.import.
 */
int transfer_import(const struct options *o);

#endif
