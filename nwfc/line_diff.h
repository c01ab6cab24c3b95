/* SPDX-License-Identifier: MIT */
/*
 * line_diff.h - how two texts differ, line by line, for people.
 *
 * Idea: walk both until they differ, then look for the nearest two lines that are the same in
 * both, near counted in lines left out of either. Not the shortest difference, but linear where
 * texts are alike, and what is close together is shown together.
 */
#ifndef NWFC_NWFC_LINE_DIFF_H
#define NWFC_NWFC_LINE_DIFF_H

#include "base/buf.h"

/* Lines are put as "\n    - old" and "\n    + new", at most `most` of them; gives the line of the
 * old text (from 1) where they first differ, 0 when they do not. */
uint32_t line_diff(struct arena *a, struct str old, struct str new, uint32_t most, struct buf *out);

#endif
