/* SPDX-License-Identifier: MIT */
/*
 * diff.h - which packets two programs treat differently, and which rules make them do so.
 *
 * Needs: the port's program before and now. Gives: changes, which do
 * not overlap: each a set of packets with one verdict before, another one now, and the
 * rules that gave them. No change: no packet is treated differently, whatever the
 * rules look like. Fails: sets_failed(); then the list means nothing.
 *
 * A verdict is given in a layer: the one that drops. The rule named beside it
 * for the side that passes is the one of the same layer that let the packet go on.
 */
#ifndef NWFC_REVIEW_DIFF_H
#define NWFC_REVIEW_DIFF_H

#include "review/meaning.h"
#include "review/region.h"
#include "review/simulate.h"

enum { BEFORE, NOW, VERSIONS };

struct change {
	enum side side;
	enum layer layer;
	enum verdict verdict[VERSIONS];
	const struct prule *rule[VERSIONS]; /* NULL: the end of the layer's rules */
	pset packets;
	bool uncertain; /* depends on an unknown */
	struct packet witness;
};

struct changes {
	vec_of(struct change) list; /* out before in, what passes now before what is dropped now */
};

/* The packets of one change stay in the engine until the mark before this is released. */
void diff_ports(struct space *sp, const struct port_data *before, const struct port_data *now,
		struct changes *out);

#endif
