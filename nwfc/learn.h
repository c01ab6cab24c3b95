/* SPDX-License-Identifier: MIT */
/*
 * learn.h - the learn file: what a learner of addresses must know of the ports,
 * and how the compile was called, so that it can be done again with what was
 * learned.
 */
#ifndef NWFC_NWFC_LEARN_H
#define NWFC_NWFC_LEARN_H

#include "nwfc/session.h"

void learn_write(struct session *s, const struct ports *ports, const struct build *b,
		 struct buf *out);

/* The head of a learn file. */
struct learn_head {
	const char *directory;
	struct words arguments;
};

/* False after a finding. */
bool learn_read_head(struct session *s, uint32_t file, struct learn_head *out);

#endif
