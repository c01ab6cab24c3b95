/* SPDX-License-Identifier: MIT */
/*
 * deps.h - -MD: the files that a compile read, as a rule for make, as compilers write it.
 */
#ifndef NWFC_NWFC_DEPS_H
#define NWFC_NWFC_DEPS_H

#include "nwfc/compile.h"

/* Targets are put by the caller, each with deps_target(); then what was read: false after a
 * finding. */
void deps_target(struct buf *b, const char *path);
bool deps_sources(struct compile *c, struct buf *b);

#endif
