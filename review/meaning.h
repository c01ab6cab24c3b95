/* SPDX-License-Identifier: MIT */
/*
 * meaning.h - what a port's program does with every packet, as sets.
 *
 * verdicts_of(): the packets that pass, that are dropped and that are rejected, for each
 * side; the three are disjoint and together all valid ones. Rules are gone through from the
 * last to the first, one operation each.
 *
 * meaning_within(): of some packets also which rule takes them, which come to it, and
 * which it decides about. Rules are gone through as packets meet them. meaning_of() is
 * that for all packets.
 *
 * Fails: when the engine has no nodes left (sets_failed); then nothing here means
 * anything. The semantics is that of program.h; simulate.h says the same of one packet.
 */
#ifndef NWFC_REVIEW_MEANING_H
#define NWFC_REVIEW_MEANING_H

#include "review/space.h"

/* A rule on a side. */
struct rule_meaning {
	const struct prule *rule;
	enum side side;
	enum layer layer;
	uint32_t chain; /* frame layer: index into part.chains */
	pset takes;     /* all its tests hold; of meaning_within() for some packets only those that
			   arrive */
	pset arrives;   /* comes to it */
	pset decides;   /* arrives and is taken, unless the rule is CONTINUE */
};

struct chain_meaning {
	pset enters; /* comes to its first rule */
	pset leaves; /* comes to its end, or is returned */
};

struct side_meaning {
	pset passed, dropped, rejected;
	/* of each layer by itself; what a layer never sees it passes */
	pset layer_passed[LAYERS], layer_dropped[LAYERS], layer_rejected[LAYERS];
	vec_of(struct chain_meaning) chains; /* as part.chains */
	vec_of(struct rule_meaning) rules;   /* in the order in which packets meet them, but that
						a chain's stand where its jump does */
	pset undecided[LAYERS]; /* passed at the end of the layer's rules, no rule having decided */
};

struct meaning {
	const struct port_data *port;
	struct side_meaning sides[SIDES];
};

/* What the tests of a rule take, for a port. */
pset rule_takes(struct space *sp, const struct prule *r, const struct port_data *pd);

/* Which packets the root chain sends into a chain; into itself all. */
pset chain_takes_set(struct space *sp, const struct pchain *c);

/*
 * What would become of the packets that a rule decides about if it were not there: of
 * each rule of a layer, from the last one to the first. `on`: of those that go on,
 * `back`: of those that leave its chain; what is in neither set passes the layer.
 * The sets last until the function returns.
 */
struct fate {
	pset dropped, rejected;
};
typedef void fate_fn(void *arg, const struct prule *r, struct fate on, struct fate back);
void meaning_after(struct space *sp, const struct port_data *pd, enum side side, enum layer layer,
		   fate_fn *fn, void *arg);

/*
 * What the rules of a side take, once it has been asked for: for calls of the two functions
 * below about one port and side. They also go without (NULL).
 */
struct taken;
struct taken *taken_new(struct space *sp, const struct port_data *pd, enum side side);
void taken_release(struct space *sp, struct taken *t);

struct verdicts {
	pset passed, dropped, rejected;
};
struct verdicts verdicts_of(struct space *sp, const struct port_data *pd, enum side side,
			    struct taken *t);

/* The side's meaning of the packets in `within`, which are valid ones. */
struct side_meaning *meaning_within(struct space *sp, const struct port_data *pd, enum side side,
				    pset within, struct taken *t);

struct meaning *meaning_of(struct space *sp, const struct port_data *pd);

/* Rules of both sides, for space_open_for(). */
uint32_t program_rules(const struct program *p);

#endif
