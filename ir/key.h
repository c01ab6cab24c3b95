/* SPDX-License-Identifier: MIT */
/*
 * key.h - the short name of a rule: its filter and its number in it,
 * "no-ip-spoofing#2". Emitted scripts carry it in comments of rules, `nwfc where`
 * looks it up, and pictures and tables call the rule by it.
 */
#ifndef NWFC_IR_KEY_H
#define NWFC_IR_KEY_H

#include "ir/filter.h"

/* How many bytes of a filter's name a key has: a comment of nft holds 127, the rule's own included.
 */
#define KEY_NAME_MAX 60

/* At most n bytes, whole characters. */
struct str key_cut(struct str s, uint32_t n);

/* A text as a comment can have it: no control character, no double quote. In the arena. */
struct str key_clean(struct arena *a, struct str s);

struct str rule_key(struct arena *a, const struct rule *r);

/*
 * What a key, or a comment that begins with one, can mean: the name (cut and cleaned) and the
 * number. A name may itself look like that, so there may be several; *at is 0 at first. False:
 * no more.
 */
struct key {
	struct str name;
	uint32_t number;
};
bool key_next(struct str text, uint32_t *at, struct key *out);

/* Is this the filter that a key names? Long names are cut, so several may be. */
bool key_names(const struct key *k, const struct filter *f);

#endif
