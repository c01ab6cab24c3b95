/* SPDX-License-Identifier: MIT */
/*
 * believe.h - between the parts of the learner: bindings, doubts, requests.
 */
#ifndef NWFC_LEARND_BELIEVE_H
#define NWFC_LEARND_BELIEVE_H

#include "learnd/learner.h"

/* --- what a message says (learn_*.c) ---------------------------------------------- */

void learn_arp(struct learn_port *p, const struct frame *f, instant now);
void learn_nd(struct learn_port *p, const struct frame *f, instant now);
void learn_dhcp4(struct learn_port *p, const struct frame *f, instant now);
void learn_dhcp6(struct learn_port *p, const struct frame *f, instant now);

/* Is it one of the trusted servers, or are all trusted? */
bool is_trusted(const struct learn_port *p, const struct address *server);

/* --- what becomes of it (believe.c) ----------------------------------------------- */

struct claim {
	struct address address;
	enum evidence evidence;
	instant valid_until; /* NEVER: none */
	bool infinite;
	bool unused; /* nobody objected, but the guest has not used it yet */
	const char *why;
};

void report(const struct learn_port *p, enum event_kind kind, const struct claim *c, instant time);

struct binding *find_binding(const struct learn_port *p, const struct address *a);

/* Does the port want this family, and may it have this address? Else an ignore event. */
bool may_have(struct learn_port *p, const struct claim *c, instant now);

/* The same without an event. */
bool address_allowed(const struct learn_port *p, const struct address *a);

/* Does the port's mode learn by this? In mode dhcp, but for the address that DHCPv6 is spoken from,
 * by nothing else. */
bool mode_allows(const struct learn_port *p, const struct address *a, uint8_t evidence);

bool address_in(const struct address *list, uint32_t n, const struct address *a);

/* Bind, renew or strengthen; the claim has passed may_have(). */
void bind_address(struct learn_port *p, const struct claim *c, instant now);

/* End a binding with an event of this kind. */
void unbind(struct learn_port *p, struct binding *b, enum event_kind kind, instant now,
	    const char *why);

/* --- doubts (doubt.c) -------------------------------------------------------------- */

/* The guest is about to take an address: bound in a second unless somebody objects. */
void doubt(struct learn_port *p, const struct claim *c, const uint8_t nonce[6], instant now);
struct tentative *find_doubt(struct learn_port *p, const struct address *a);
void drop_doubt(struct learn_port *p, struct tentative *t);

/* Another host has the address: what is not yet used goes. */
void object(struct learn_port *p, const struct claim *c, instant now);

/* Does anything hang on the objections of others? */
bool in_doubt(const struct learn_port *p, enum family family);

/* The deadlines of doubts and bindings, recomputed after any change. */
void set_next(struct learn_port *p);

/* --- owners (owners.c) -------------------------------------------------------------- */

struct owner *owner_find(const struct learner *l, const struct address *a);
bool owner_put(struct learner *l, const struct address *a, const struct learn_port *port);
void owner_remove(struct learner *l, const struct address *a);

/* --- requests (requests.c) --------------------------------------------------------- */

/* Remember a request: the entry of its xid, or the oldest. */
struct request *request_put(struct learn_port *p, enum family family, uint32_t xid, instant now);
/* The live request of this xid and client; NULL. client 0: not said. */
const struct request *request_find(const struct learn_port *p, enum family family, uint32_t xid,
				   instant now);
uint64_t hash_bytes(struct bytes b); /* never 0 unless empty */

#endif
