/* SPDX-License-Identifier: MIT */
/*
 * witness.h - a packet of a set, and in words.
 */
#ifndef NWFC_REVIEW_READBACK_WITNESS_H
#define NWFC_REVIEW_READBACK_WITNESS_H

#include "review/space.h"

/* A packet that looks usual. `set` is not empty. *only: the set of this packet alone. */
struct packet pick_packet(struct space *sp, pset set, enum side side, pset *only);

/* "ether type 0x0800, ip saddr 10.0.0.1"; the fields that `set` asks for and what leads to them. */
struct str packet_in_words(struct space *sp, pset set, const struct packet *p);

#endif
