/* SPDX-License-Identifier: MIT */
/*
 * lower.h - a rule of a program into lines of ebtables, iptables or ip6tables.
 *
 * Idea: a dialect is a table of spellings, one row a field, in the order in
 * which its options stand on a line. A rule goes through the rows; each row
 * that the rule has a test for adds its words. Rows whose tool is irregular
 * have a function of their own. Where a tool has no single line for a test
 * (a hole in a range, a byte of which two bits are of no account) the row
 * makes alternatives: all lines so far are doubled, and the instances of a rule
 * are ORed in any case.
 *
 * A field without a row can not be said by the tool: the rule is refused.
 *
 * Needs: a program and its ports (some values a tool takes for something
 * else, so values are looked at). Gives: templates. Fails: losses, by name.
 */
#ifndef NWFC_BACKENDS_XTABLES_LOWER_H
#define NWFC_BACKENDS_XTABLES_LOWER_H

#include "backends/backend.h"
#include "backends/template.h"

struct dialect;

struct lines {
	vec_of(struct template) list;
};

/* The rule in hand. */
struct lowering {
	struct emit_ctx *cx;
	const struct dialect *dialect;
	const char *target; /* whose losses these are */
	const struct build *build;
	const struct program *program;
	const struct prule *rule;
	unsigned family; /* 0: IPv4 or none, 1: IPv6; index of spelling.option */
	struct lines lines;
	bool lost;    /* the rule is left out */
	bool widened; /* it is not, but has been complained about */
	bool failed;  /* and that is an error */
};

struct spelling {
	enum field_id field;
	const char *match;     /* iptables' "-m NAME", or NULL */
	const char *option[2]; /* of IPv4 and of IPv6 */
	value_format *format;  /* of value and upper end */
	value_format *mask;
	/* NULL: [!] option value[/mask] or value:to. t is NULL where the rule has no such test. */
	void (*spell)(struct lowering *lw, const struct spelling *sp, const struct ptest *t);
	void (*spell_absent)(struct lowering *lw, const struct spelling *sp);
};

struct dialect {
	bool sign_first;                     /* the `!` stands before the option */
	const struct spelling *rows;         /* ended by a NULL option */
	void (*start)(struct lowering *lw);  /* the protocol */
	void (*finish)(struct lowering *lw); /* what is no field */
	const char *const *verdicts[SIDES];  /* per action: the words of the target */
};

extern const struct dialect ebtables_dialect, iptables_dialect;

#define XT_NO_JUMP UINT32_MAX

/*
 * The lines of rule r of one side, each "-A chain ... \n", the chain being one
 * of the port's names; with `jump` they jump to that one in place of the verdict. False: it failed.
 * No lines: it was left out, or never matches.
 */
bool lower_rule(struct emit_ctx *cx, const struct dialect *d, const char *target,
		const struct build *b, const struct program *p, const struct prule *r,
		enum side side, uint32_t chain, uint32_t jump, struct lines *out);

/* --- for the rows' own functions --- */

const struct ptest *find_test(const struct prule *r, enum field_id field);

void put_text(struct lowering *lw, const char *text);
void put_slot(struct lowering *lw, const struct slot *s, value_format *f, uint32_t arg);

/* [match] [!] option, and the blank behind it. */
void put_option(struct lowering *lw, const struct spelling *sp, bool negated);

/* value, value/mask or value:to. */
void put_value(struct lowering *lw, const struct spelling *sp, const struct ptest *t);

/* No instance has a line. */
void put_never(struct lowering *lw);

/* Each alternative goes on from the lines that stood before the first. */
struct alternatives {
	struct lines before, done;
};
void alternatives_begin(struct lowering *lw, struct alternatives *alt);
void alternative(struct lowering *lw, struct alternatives *alt);
void alternatives_end(struct lowering *lw, struct alternatives *alt);

/* Does any port of the program have this number in the slot? */
bool slot_has(const struct lowering *lw, const struct slot *s, uint32_t number);

/* The tool can not say the rule. */
void refuse(struct lowering *lw, const struct ptest *t, const char *why);
/* What it says is not what the rule says. */
void widen(struct lowering *lw, const struct ptest *t, const char *why);

/* --- formats --- */

bool format_uint(struct buf *b, const struct value *v, uint32_t arg);
bool format_below(struct buf *b, const struct value *v, uint32_t arg); /* v - 1; none below 0 */
bool format_above(struct buf *b, const struct value *v, uint32_t max); /* v + 1; none above max */
bool format_hex4(struct buf *b, const struct value *v, uint32_t arg);  /* 0x and four digits */
bool format_plain(struct buf *b, const struct value *v, uint32_t arg); /* addresses */
bool format_mask(struct buf *b, const struct value *v, uint32_t arg);  /* see MASK_* */
bool format_tos(struct buf *b, const struct value *v, uint32_t arg);   /* see TOS_* */
bool format_quoted(struct buf *b, const struct value *v, uint32_t arg);
bool format_set_directions(struct buf *b, const struct value *v, uint32_t arg);
bool format_tcp_flags(struct buf *b, const struct value *v, uint32_t arg);

enum { MASK_ANY, MASK_NOT_EMPTY, MASK_EMPTY }; /* MASK_EMPTY writes nothing */

/* arg of format_tos: the n-th TOS byte that has the DSCP value, or that has not. */
#define TOS_WITH    4
#define TOS_WITHOUT 252
#define TOS_NEGATED 256u

/* A word of a restore file; quoted where it needs to be. */
void put_word(struct buf *b, struct str s);
/* Always quoted; at most max bytes of s, cut between characters. */
void put_quoted(struct buf *b, struct str s, uint32_t max);

#endif
