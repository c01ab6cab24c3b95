/* SPDX-License-Identifier: MIT */
/*
 * listing.h - what the kernel has, as its tools print it: nft -j list ruleset,
 * iptables-save -c, ip6tables-save -c, ebtables-save -c.
 */
#ifndef NWFC_NWFC_LISTING_H
#define NWFC_NWFC_LISTING_H

#include "nwfc/session.h"

struct listed_rule {
	struct str tool, table, chain; /* as in a source map */
	uint32_t position;             /* in its chain, from 1 */
	struct str comment;
	bool counts;
	uint64_t packets, bytes;
};

struct listing {
	vec_of(struct listed_rule) rules;
	struct map chains; /* tool, table, chain -> num: rules that it has */
};

/* False after a finding. */
bool listing_read(struct session *s, const char *path, struct listing *out);

struct str listing_chain_key(struct arena *a, const struct listed_rule *r);

#endif
