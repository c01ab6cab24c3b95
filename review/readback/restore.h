/* SPDX-License-Identifier: MIT */
/*
 * restore.h - what the files of ebtables-restore and iptables-restore have in
 * common: lines of words, chains, and the options that compare a field.
 */
#ifndef NWFC_REVIEW_READBACK_RESTORE_H
#define NWFC_REVIEW_READBACK_RESTORE_H

#include "review/readback/form.h"

struct word {
	struct str text;
	uint32_t lo, hi;
};

/* The words of one line. */
struct line {
	struct script_form *f;
	struct word *words;
	uint32_t n, at, cap;
	uint32_t lo, hi;
	struct str table;
};

/* A rule while its words are read. */
struct rule_reader {
	struct line *l;
	struct rule_form *r;
	bool negated;     /* `!` stood in front of the option */
	int proto;        /* the transport protocol that is tested, or -1 */
	bool wants_proto; /* an option of ports or types was there */
	pset family;      /* iptables: the packets that it sees */
};

/* An option that compares a variable, and where a packet has it to this tool. */
enum option_kind { OPT_ADDRESS, OPT_UINT, OPT_PORTS };
struct compare_option {
	const char *name;
	uint8_t var, cond, kind;
	bool proto; /* the tool wants the protocol beside it */
};

struct tool {
	const char *const *bases; /* base chains, NULL-terminated, and where they are */
	const enum hook *hooks;
	struct str table;
	const char *const *jumps; /* "PREROUTING", "nwfc-out", ...: what --no-hooks leaves out */
	const struct compare_option *options;
	/* An option of the tool's own; *known false when there is none of that name. */
	bool (*option)(struct rule_reader *x, struct word w, bool *known);
	/* What is to be said once all options are there. */
	bool (*finish)(struct rule_reader *x);
	enum cond_id family; /* the packets that it sees */
};

bool read_restore(struct script_form *f, const struct tool *t);

bool line_unread(struct line *l, const char *wanted);
/* The next word; false when the line ends. */
bool line_word(struct line *l, struct word *w);
/* `!`, behind an option or in front of it. */
bool line_negated(struct rule_reader *x);

/* The packets of `in`, or the others of `where`. */
void rule_test(struct rule_reader *x, pset where, pset in, bool negated);
bool want_iface_name(struct line *l, struct iface_test *t);
bool number_range(struct str s, char sign, u128 max, u128 *lo, u128 *hi);

#endif
