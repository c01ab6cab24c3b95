/* SPDX-License-Identifier: MIT */
/*
 * parser.h - what the scanner (nwf.l) and the grammar (nwf.y) share, and the
 * constructors that the grammar's actions call.
 */
#ifndef NWFC_FRONTEND_NWF_PARSER_H
#define NWFC_FRONTEND_NWF_PARSER_H

#include "frontend/nwf/tree.h"
#include "ir/filter.h"
#include "ir/findings.h"

struct nwf_parser {
	struct arena *arena;
	struct diags *diags;
	struct str source;
	uint32_t file;
	uint32_t pos; /* bytes that the scanner has read */
	struct nwf_file *out;
	struct map keywords; /* num: the token; by nwf_put_keywords() */
	/* what came before this token decides what a word is */
	int last;
	struct str header; /* the last header's word */
	bool arp, address; /* the last header is arp or rarp; the last word saddr or daddr */
	bool line_begun;   /* a token stands on this line */
	uint32_t depth;    /* of open braces */
	struct span outermost;
	uint32_t error_at; /* where the last syntax error was said */
};

/* Vectors that the grammar builds, in the arena. */
struct nwf_operands {
	vec_of(struct nwf_operand) list;
};

/* Is this word reserved, so that a name like it must be quoted? */
bool nwf_is_keyword(struct str word);

/* Is the word the name of a field behind that header, whatever else it means? */
bool nwf_is_field(struct str header, struct str word);

/* Make the parser know the reserved words. */
void nwf_put_keywords(struct nwf_parser *p);

/* The token of a word: NWF_TOKEN_* of the grammar, as an int; WORD when it is none. */
int nwf_keyword(const struct nwf_parser *p, struct str word);

/* A bad character or string: in quotes what it is about unless that is empty, and the text. */
void nwf_lexical_error(struct nwf_parser *p, struct span at, const char *text, struct str what);

/* The text leaves the grammar at `at`. */
void nwf_syntax_error(struct nwf_parser *p, struct span at, struct str unexpected,
		      struct str wanted);

#endif
