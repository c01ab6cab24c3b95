/* SPDX-License-Identifier: MIT */
/*
 * leases.h - the addresses that ports have been learned to have, and until when.
 *
 * A port is known here by its guest and MAC address, whatever its interface is
 * called today; ports that share those, by the interface as well. All of a journal is kept, what
 * has ended too: what lives is a question of the time asked about.
 */
#ifndef NWFC_IR_LEASES_H
#define NWFC_IR_LEASES_H

#include "ir/port.h"

/* struct value has 48 bits for it. */
#define LEASE_END_MAX (((uint64_t)1 << 48) - 1)

struct lease {
	struct str address; /* canonical */
	struct str interface;
	bool v6;
	bool gone;               /* deleted or expired since */
	struct span span;        /* of the address, where it was given last */
	uint64_t valid_until_ms; /* of the epoch; 0: no end */
	uint32_t order;          /* of the add by which it lives, among all */
};

struct port_leases {
	vec_of(struct lease *) list;
};

struct leases {
	uint64_t now_ms;
	struct map ports;     /* "OWNER/MAC" -> ptr: struct port_leases */
	struct map addresses; /* "OWNER/MAC ADDRESS" -> ptr: struct lease */
	uint32_t adds;
};

/* "OWNER/MAC", the owner's UUID or "-". */
struct str lease_key(struct arena *a, struct str owner, const struct value *mac);

/* An address is added or renewed at a time; the text must stay. */
void lease_add(struct arena *a, struct leases *ls, struct str key, const struct lease *l,
	       uint64_t time_ms);
void lease_end(struct arena *a, struct leases *ls, struct str key, struct str address);

/* The living ones of a port and family, in the order of their adds; NULL ends the list. */
const struct lease *const *leases_of(struct arena *a, const struct leases *ls,
				     const struct port *port, bool v6);

#endif
