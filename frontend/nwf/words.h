/* SPDX-License-Identifier: MIT */
/*
 * words.h - the reserved words of the nwf language, and how its headers map to
 * protocols and fields. The words of fields are those of ir/fields.def: the
 * field "ip saddr" is `ip saddr` here; what follows the first word belongs to
 * the groups that a header names.
 */
#ifndef NWFC_FRONTEND_NWF_WORDS_H
#define NWFC_FRONTEND_NWF_WORDS_H

#include "ir/filter.h"

/* A header word: what its presence in a rule says, and which fields may follow it. */
struct nwf_header {
	const char *word;
	uint8_t length;
	uint8_t family;      /* 4, 6; 0: it says nothing of it */
	enum proto_id frame; /* the element that it alone makes in frames; PROTO_NONE: none */
	int16_t ipproto;     /* -1: none */
	struct {
		enum field_id lo, hi;
	} fields[2]; /* those that may follow */
};

/* Terminated by a NULL word. */
extern const struct nwf_header nwf_headers[];

const struct nwf_header *nwf_header_find(struct str word);

bool nwf_is_verb(struct str word);

/* Reserved words that are no header, action or direction; terminated by NULL. */
extern const char *const nwf_statement_words[];

/* Words of assertions that are reserved nowhere; terminated by NULL. */
extern const char *const nwf_assert_words[];

/* The field after a header: its row, or FIELDS. word: "saddr", "saddr ip". */
enum field_id nwf_field_find(const struct nwf_header *h, struct str word);

/* The word of a field behind a header that has it. */
const char *nwf_field_word(const struct nwf_header *h, enum field_id field);

bool nwf_has_field(const struct nwf_header *h, enum field_id field);

/* All fields of a header. */
#define nwf_each_field(f, h)                                                                       \
	for (int group_ = 0; group_ < 2; group_++)                                                 \
		for (enum field_id f = (h)->fields[group_].lo;                                     \
		     (h)->fields[group_].lo <= (h)->fields[group_].hi &&                           \
		     f <= (h)->fields[group_].hi;                                                  \
		     f++)

/* Words for values of an attribute in a rule of that family, nft's; NULL: none of our own. */
const struct value_name *nwf_value_names(const struct attr *at, unsigned family);

/*
 * The hint for a word or sign of another language, by the place where it stands; NULL:
 * none is known. (habits.c)
 */
enum {
	HABIT_ITEM = 1,   /* outside of filters and ports */
	HABIT_START = 2,  /* where a statement begins */
	HABIT_VERB = 4,   /* the same, before a direction */
	HABIT_RULE = 8,   /* inside a rule */
	HABIT_FIELD = 16, /* behind a header */
	HABIT_SIGN = 32,  /* a character that has no meaning at all */
	HABIT_USE = 64,   /* in a `use` */
	HABIT_CHAIN = 128,
	HABIT_PARAM = 256, /* in NAME = VALUE, or a define */
	HABIT_HEAD = 512,  /* between `filter` or `port` and its brace */
};
const char *nwf_habit(unsigned where, struct str text);

/* The field that libvirt's XML tests by an attribute of this name; FIELDS: none. */
enum field_id nwf_field_of_xml(struct str name);

/* The usual port of a service, for hints; -1: none is known. */
int nwf_service_port(struct str word);

#endif
