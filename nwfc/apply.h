/* SPDX-License-Identifier: MIT */
/*
 * apply.h - the two scripts of a directory that holds rules and the script of
 * bridges: `apply' does all of it or nothing, `remove' takes all away.
 */
#ifndef NWFC_NWFC_APPLY_H
#define NWFC_NWFC_APPLY_H

#include "nwfc/compile.h"

enum { APPLY_SCRIPTS = 2 };

/* Are they to be written: is there a directory, and the targets bridge, and nft or xtables? */
bool apply_wanted(const struct compile *c);

/* Name and text of script i. */
const char *apply_name(unsigned i);
void apply_write(struct compile *c, unsigned i, struct buf *out);

#endif
