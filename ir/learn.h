/* SPDX-License-Identifier: MIT */
/*
 * learn.h - ports whose addresses must be learned: what a learner has to know of
 * them, and what it has learned.
 *
 * Such a port gives no value for IP or IPV6 where its filter asks for one. As
 * long as no lease fills the gap it gets the strict learning set; then its own
 * filter, with the leases as the values of the variable.
 */
#ifndef NWFC_IR_LEARN_H
#define NWFC_IR_LEARN_H

#include "ir/leases.h"

struct pass_ctx;
struct missing_uses;
struct tree;

/* Parameters of a port that are for the learner. */
enum learn_param {
	LP_SERVERS4,
	LP_SERVERS6,
	LP_GATEWAY,
	LP_MAX_IPS4,
	LP_MAX_IPS6,
	LP_LINKLOCAL,
	LP_PREFIX,
	LEARN_PARAMS
};
struct learn_param_row {
	const char *name;
	enum { TAKES_IP4, TAKES_IP6, TAKES_IP, TAKES_PREFIX, TAKES_NUMBER, TAKES_SWITCH } takes;
};
extern const struct learn_param_row learn_params[LEARN_PARAMS];

struct learn_value {
	struct value value; /* an address, a number, a switch */
	uint32_t prefix;
};

struct learner {
	const struct port *port;
	bool dhcp;   /* by DHCP alone; else by anything */
	bool v4, v6; /* which are wanted */
	struct {
		vec_of(struct learn_value) list;
	} values[LEARN_PARAMS]; /* as far as they are given */
};

/*
 * Read what the learner needs. Fails: something else than an address is missing
 * (E305), learning is switched off (E310), a parameter is bad (E309, E315 to E317).
 */
bool learner_read(struct pass_ctx *cx, const struct port *port, const struct tree *t,
		  const struct missing_uses *missing, struct learner *out);

/* Is nothing missing but addresses? */
bool all_learnable(const struct missing_uses *missing);

/* Is this the value of a parameter that may hold a prefix, and is it one? */
bool learn_prefix_ok(struct str name, struct str value);

/* The learning set of the learner's mode, with the port's parameters. */
struct filter_ref learning_set(const struct learner *l);

/*
 * The port with what has been learned of it. A wanted family of which nothing is
 * has the unspecified address, so that no rule goes away for the want of a value.
 * NULL: nothing has been learned at all.
 */
const struct port *learned_port(struct pass_ctx *cx, const struct learner *l);

/* The same, with the unspecified address where nothing has been learned: never NULL. */
const struct port *port_to_be(struct pass_ctx *cx, const struct learner *l);

/*
 * Leases are kept by owner and MAC address, so two ports with the same ones have one list
 * (W318). `seen` is keyed by them; ptr: the first port.
 */
void say_same_learner(struct pass_ctx *cx, const struct port *port, struct map *seen);

void say_learning(struct pass_ctx *cx, const struct port *port, struct str set,
		  const struct missing_uses *missing);

#endif
