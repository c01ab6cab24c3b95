/* SPDX-License-Identifier: MIT */
/*
 * eval.h - what a script does with the packets of one port, at one place.
 */
#ifndef NWFC_REVIEW_READBACK_EVAL_H
#define NWFC_REVIEW_READBACK_EVAL_H

#include "ir/program.h"
#include "review/readback/form.h"

/* The tools, by the form of their scripts. */
enum syntax { SYNTAX_NFT, SYNTAX_EBTABLES, SYNTAX_IPTABLES, SYNTAX_IP6TABLES, SYNTAXES };
extern const char *const syntax_names[SYNTAXES];

/* Where a part of a port's filter stands in a tool, and what is known there of interfaces. */
struct seat {
	uint8_t syntax;
	bool direct; /* of a macvtap */
	uint8_t side, layer, hook;
	int priority;
	enum { NAME_NONE, NAME_PORT, NAME_OTHER } in, out;
	bool bridged;
	const char *words; /* for messages */
};
extern const struct seat seats[];
extern const uint32_t nseats;

struct outcome {
	pset passed, dropped, rejected;
	pset accepted; /* passed, and no rule of the hook is asked any more */
	const struct rule_form *acceptor;
	const struct rule_form *decider; /* the last rule that took packets, but to a chain */
	bool by_policy;
};

/* Of the packets in `of`. False when the script was found to be endless, or f->failed: to have
 * rules that depend on more than the port. */
bool eval_seat(struct script_form *f, const struct seat *seat, struct str port, pset of,
	       struct outcome *out);

/* Are all base chains at a seat? */
bool eval_seats_known(struct script_form *f, enum syntax syntax);

#endif
