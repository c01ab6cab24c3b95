/* SPDX-License-Identifier: MIT */
/*
 * assertion.h - what must hold of a port's packets, as its author wrote it.
 *
 * The packets are those that the rules of `packets` take and those of `excepts` do
 * not: filters of drops alone, whose tests say what they say in every filter. One of the latter
 * that uses a variable without a value takes nothing away. Of these packets each must get the
 * verdict, or, with DEMAND_NEVER, none may pass.
 *
 * A verdict is that of both layers together: ACCEPT, no layer drops; DROP, one does;
 * REJECT, the packet layer does so with an answer. Connection state is a property of the packet
 * like others: what the words do not ask for may be anything.
 */
#ifndef NWFC_IR_ASSERTION_H
#define NWFC_IR_ASSERTION_H

#include "ir/filter.h"

enum assert_subject {
	ASSERT_PORT,
	ASSERT_FILTER,       /* as a port that uses it has it (review/standin.h) */
	ASSERT_EVERY_PORT,   /* of the inputs */
	ASSERT_EVERY_FILTER, /* of the inputs that no other one builds on and no port uses */
	ASSERT_EVERY_GUEST,  /* both */
	ASSERT_SUBJECTS
};

enum demand { DEMAND_NEVER, DEMAND_ACCEPT, DEMAND_DROP, DEMAND_REJECT, DEMANDS };

struct assertion {
	enum assert_subject subject;
	struct str name; /* of the port or filter; empty behind `every` */
	enum demand demand;
	const struct filter *packets;
	vec_of(const struct filter *) excepts;
	struct str words;   /* "never out ip saddr != $IP" */
	struct str comment; /* may be empty */
	struct span span, name_span;
};

struct assertions {
	vec_of(struct assertion *) list; /* in the order of the inputs */
};

#endif
