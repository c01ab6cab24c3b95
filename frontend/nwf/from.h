/* SPDX-License-Identifier: MIT */
/*
 * from.h - filters and ports to the tree of an nwf text, for nwf_print().
 *
 * Needs: what a reader gave. Gives: one item each; reading its text again gives
 * the same filter or port. Fails: never. Memory: the arena; texts are shared.
 */
#ifndef NWFC_FRONTEND_NWF_FROM_H
#define NWFC_FRONTEND_NWF_FROM_H

#include "frontend/nwf/tree.h"
#include "ir/port.h"

void nwf_from_filter(struct arena *a, const struct filter *f, struct nwf_file *out);
void nwf_from_port(struct arena *a, const struct port *p, struct nwf_file *out);

#endif
