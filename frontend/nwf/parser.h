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

/* A token, its text, and what came before it. */
struct nwf_token {
	int kind; /* NWF_TOKEN_* of the grammar */
	struct nwf_word word;
	struct span at;
	bool fresh;  /* the first one of its line */
	bool listed; /* a comma comes before it, maybe with newlines between */
};

/* An open bracket. */
struct nwf_open {
	int kind;       /* NWF_TOKEN_OPEN or _LEFT */
	bool block;     /* the brace of a filter or port */
	bool ends_line; /* nothing stands behind it on its line */
	struct span at;
};

/* More brackets are only counted. */
#define NWF_NEST 4

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
	bool listed;       /* the last token but newlines is a comma */
	/* what the parser has been given, by recover.c */
	struct nwf_token *given, *previous, slots[2]; /* the last one; the last one but one */
	struct nwf_token first;                       /* of the statement */
	struct span comma;                            /* the last one */
	uint32_t place, before; /* tokens of the statement so far; without the last one */
	int last_first;         /* kind of the first token of the statement before */
	bool assigns;           /* its second token is = */
	struct nwf_open open[NWF_NEST];
	uint32_t depth;       /* of open brackets */
	int head;             /* what the last block is of: NWF_TOKEN_FILTER or _PORT */
	bool opened, closed;  /* the last token opened or closed a block */
	struct span odd_list; /* a list that seems to have taken the brace of its block */
	struct span last_close;
	/* what it will be given next */
	struct nwf_token queue[4], back;
	uint32_t queued;
	bool returned;    /* back is to be read again */
	uint32_t resumed; /* the reading has gone on at a token before this place */
	/* mistakes */
	bool recovering;   /* one has been said; the rest of its statement is passed over */
	bool bracket_said; /* a mistake of brackets has been said in this block */
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

/* Say which bytes are no text, the first of each line. (bytes.c) */
void nwf_check_bytes(struct nwf_parser *p);
bool nwf_good_bytes(struct str s);

/* The next token of the text, by the scanner (nwf.l). */
void nwf_read_token(struct nwf_parser *p, void *scanner, struct nwf_token *t);

/* The next token for the parser is p->given, by recover.c: those of the text, unless a mistake is
 * near. */
void nwf_next_token(struct nwf_parser *p, void *scanner);

/* Blanks before the first word of the line that holds a place; a tab counts as one. */
uint32_t nwf_indent(const struct nwf_parser *p, uint32_t pos);

/* --- messages of mistakes, by mistakes.c; each makes its statement one that is passed over --- */

/* A character that has no meaning, or several that belong together. */
void nwf_bad_character(struct nwf_parser *p, struct span at);
void nwf_open_string(struct nwf_parser *p, struct span at);

/* The parser can not go on with the token that it was given. wanted: what it could go on with. */
struct nwf_wanted {
	const char *names[10];
	int n; /* 0: too many to say */
};
void nwf_syntax_error(struct nwf_parser *p, struct span at, const struct nwf_wanted *wanted);

/* --- and of those that are mended at once, so that the reading goes on --- */

/* A bracket lacks its partner, as is seen at a token. */
void nwf_say_unclosed(struct nwf_parser *p, const struct nwf_open *o, const struct nwf_token *at);

/* The brace of a filter or port is missing, or stands on the next line. */
void nwf_say_brace(struct nwf_parser *p, const struct nwf_token *end, bool on_next_line);

/* A brace that closes nothing; what is left of the statement is passed over. */
void nwf_say_stray(struct nwf_parser *p, const struct nwf_token *t);

/* A word with which items begin, or nearly one? */
bool nwf_is_item_word(struct str word);

/* A statement on the line of another, which is whole. */
void nwf_say_same_line(struct nwf_parser *p, const struct nwf_token *t);

/* The token of the first word of an item or statement that is nearly one; WORD: it is not. */
int nwf_mend_word(struct nwf_parser *p, struct nwf_token *t);

#endif
