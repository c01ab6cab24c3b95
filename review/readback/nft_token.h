/* SPDX-License-Identifier: MIT */
/*
 * nft_token.h - the words of an nft script, for nft_script.c (tables, chains, sets)
 * and nft_rule.c (rules), which share a cursor.
 */
#ifndef NWFC_REVIEW_READBACK_NFT_TOKEN_H
#define NWFC_REVIEW_READBACK_NFT_TOKEN_H

#include "review/readback/form.h"

enum token_kind { TK_END, TK_LINE, TK_WORD, TK_STRING };

struct token {
	enum token_kind kind;
	struct str text; /* of a string, without its quotes */
	uint32_t lo, hi;
};

struct cursor {
	struct script_form *f;
	uint32_t at;
	struct token now;                    /* not taken yet */
	struct str table;                    /* "bridge nwfc" */
	const struct field_ref *unequal[16]; /* compared with `!=` and one value, in this rule */
	uint32_t nunequal;
};

void cursor_start(struct cursor *c, struct script_form *f);

/* Take the token. */
struct token next(struct cursor *c);
void skip_lines(struct cursor *c);

bool is_word(const struct cursor *c, const char *word);
/* Take it if it is this word. */
bool take(struct cursor *c, const char *word);
/* Take this word; else that is what was not understood. */
bool want(struct cursor *c, const char *word);
bool not_understood(struct cursor *c, const char *wanted);
bool want_number(struct cursor *c, u128 max, u128 *out);

/* The name in quotes: whole, or a beginning (`*` at its end). */
bool want_iface(struct cursor *c, struct iface_test *out);

/* --- nft_rule.c --- */

/* One field of a concatenation, or the interface: *iface 1 in, 2 out. */
const struct field_ref *want_field(struct cursor *c, int *iface);
bool read_element_value(struct cursor *c, const struct field_ref *r, u128 *lo, u128 *hi);
bool read_rule(struct cursor *c, struct chain_form *chain);
/* accept, drop, ..., jump CHAIN; false when there is no such word. */
bool take_act(struct cursor *c, enum act *act, struct str *target);

#endif
