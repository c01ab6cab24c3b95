/* SPDX-License-Identifier: MIT */
/*
 * words.h - rules of a program as people read them: nft's words for fields,
 * variables by their names.
 */
#ifndef NWFC_REVIEW_WORDS_H
#define NWFC_REVIEW_WORDS_H

#include "ir/program.h"

/* Lists longer than this are shown by their ends. */
#define WORDS_LIST 4

/* What a rule's tests ask, one text each: "arp", "arp saddr ip != $IP", "ct state new". None: all
 * packets of its layer. */
struct rule_words {
	vec_of(struct str) tests;
};
struct rule_words rule_words(struct arena *a, const struct program *p, const struct prule *r);

/* All of them in a line; "everything" when there are none. */
struct str rule_line(struct arena *a, const struct program *p, const struct prule *r);

/* Which frames the jump into a chain takes: "ARP", "VLAN", "all". */
const char *chain_takes(const struct chain_prefix *prefix);

/* The chains of others have no control character; these neither. */
struct str clean_text(struct arena *a, struct str s);

#endif
