/* SPDX-License-Identifier: MIT */
/*
 * exceptions.h - what a target differs in by design (docs/semantics.md, "What is
 * not the same everywhere"): packets that are left out of a comparison, each with
 * its reason, and no more of them than the reason covers.
 */
#ifndef NWFC_REVIEW_READBACK_EXCEPTIONS_H
#define NWFC_REVIEW_READBACK_EXCEPTIONS_H

#include "review/readback/eval.h"

/* What the program wants of a part, as a tool can give it. */
struct wanted {
	pset passed, dropped, rejected;
};

/* Rejecting is dropping where a tool can not answer. */
void soften_reject(struct space *sp, const struct seat *seat, struct wanted *w);

/* Of the packets for which a set of the program and the script's differ, those that are an
 * exception: asked for only when there are some. */
pset excepted(struct script_form *f, const struct seat *seat, const struct port_data *pd,
	      pset wanted);

/* What differs, with IPv6 packets that have an authentication header looked at closely. */
pset authentication_differs(struct script_form *f, const struct seat *seat,
			    const struct port_data *pd, pset differ, pset wanted, pset got);

/* The protocol behind the authentication header of a packet, of which `only` is the set; -1: it has
 * none. */
int authentication_proto(struct script_form *f, const struct packet *p, pset only);

/* Packets that a tool asks at this seat. */
pset asked_at(struct space *sp, const struct seat *seat);

#endif
