/* SPDX-License-Identifier: MIT */
/*
 * var_words.h - values of a packet's variables as text, in nft's words.
 */
#ifndef NWFC_REVIEW_VAR_WORDS_H
#define NWFC_REVIEW_VAR_WORDS_H

#include "review/packet.h"

/* Names of values of a variable, NULL-terminated; NULL when it has none. */
struct word_value {
	const char *word;
	uint32_t value;
};
const struct word_value *var_words(enum var_id v);

/* "tcp", "10.0.0.1", "52:54:00:12:34:56", "0x88cc", "syn|ack", "established" */
void var_print(struct buf *b, enum var_id v, u128 value);

/* A closed range: one value, "10.0.0.0/8" where it is a prefix of an address, "80-443". */
void var_print_range(struct buf *b, enum var_id v, u128 lo, u128 hi);

#endif
