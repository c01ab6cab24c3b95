/* SPDX-License-Identifier: MIT */
/*
 * simulate.h - one packet through a port's program, step by step: program.h's
 * evaluation on values, without sets, so that each can check the other.
 */
#ifndef NWFC_REVIEW_SIMULATE_H
#define NWFC_REVIEW_SIMULATE_H

#include "review/packet.h"

enum verdict { VERDICT_PASS, VERDICT_DROP, VERDICT_REJECT };
extern const char *const verdict_names[]; /* "pass", "drop", "reject" */

/* What happened at one place. */
struct step {
	enum step_kind {
		STEP_LAYER, /* a layer begins */
		STEP_ENTER, /* the jump into chain was taken */
		STEP_LEAVE, /* back from chain, at its end */
		STEP_MISS,  /* the rule's tests do not all hold: failed says which */
		STEP_HIT,   /* they do, and its verdict follows */
		STEP_END    /* the layer's rules are at an end: it lets pass */
	} kind;
	enum layer layer;
	const struct pchain *chain;
	const struct prule *rule;
	const struct ptest *failed; /* NULL: the protocol, or the connection's state */
};

struct walk {
	enum verdict verdict;
	const struct prule *decider; /* the last that decided in a layer; NULL: none did */
	const struct prule *deciders[LAYERS];
	bool uncertain;           /* an unknown was asked that the packet does not give */
	vec_of(struct str) asked; /* which */
	vec_of(struct step) steps;
};

/* Do all tests of a rule hold? *failed: the first that does not. */
bool rule_holds(const struct prule *r, const struct port_data *pd, const struct packet *p,
		const struct ptest **failed);

/* Steps are recorded in arena a; with a NULL only verdict and decider are filled in. */
struct walk simulate(struct arena *a, const struct port_data *pd, const struct packet *p);

#endif
