/* SPDX-License-Identifier: MIT */
/*
 * space.h - the space of all packets: variables of vars.def as bits of sets.
 *
 * A set of packets holds, for each kind of packet, the values of the fields which that kind
 * has; bits of fields that it does not have are free, and no set made here depends
 * on them. `valid` holds the packets that can be.
 *
 * Unknowns. What can not be said from a packet (is an address in an ipset, how many
 * connections has a host) is one free bit, named by a text that says the
 * question, and by the packets that it is asked of where that matters (a rule counts
 * the connections that it sees). Equal questions are one bit, so that a rule does not
 * differ from itself. An answer that depends on such a bit says so.
 */
#ifndef NWFC_REVIEW_SPACE_H
#define NWFC_REVIEW_SPACE_H

#include "review/packet.h"
#include "review/set.h"

struct unknown {
	struct str text; /* "in ipset trusted by src", "more than 20 connections of the source" */
	uint32_t bit;
};

struct space {
	struct arena *arena;
	struct sets *sets;
	uint32_t bits[VARS][128]; /* highest first */
	pset conds[CONDS];
	pset valid;
	pset gratuitous;           /* sender address of an ARP equals the target's */
	struct range_cell *ranges; /* sets of ranges made before */
	bool *of;                  /* a packet as bits, for space_contains() */
	uint32_t of_room;
	struct map unknown_index;
	vec_of(struct unknown) unknowns;
	pset options[256]; /* TCP option of a kind is there; PSET_NONE until it is asked for */
	uint32_t option_bits[256];
};

/* NULL: no memory. Close it when done: only one can be open in a process. */
struct space *space_open(struct arena *a);
/* The same, ready for the meanings of so many rules, all sides and versions counted. */
struct space *space_open_for(struct arena *a, uint32_t rules);
/* The same, with at most so many nodes: for what is asked along the way, and may go unanswered. */
struct space *space_open_within(struct arena *a, uint32_t rules, uint32_t max_nodes);
void space_close(struct space *sp);

/* All packets with lo <= v <= hi, whether they have v or not. */
pset space_range(struct space *sp, enum var_id v, u128 lo, u128 hi);

static inline pset space_value(struct space *sp, enum var_id v, u128 value)
{
	return space_range(sp, v, value, value);
}

/* (v & mask) == value */
pset space_masked(struct space *sp, enum var_id v, u128 value, u128 mask);

/* Those that have v. */
static inline pset space_has(struct space *sp, enum var_id v)
{
	return sp->conds[vars[v].present];
}

/* scope: PSET_ALL where it does not matter. */
pset space_unknown(struct space *sp, struct str text, pset scope);

/*
 * "More than n connections of the source", of the packets that a rule's other tests
 * take. Counts are kept by source: where those packets are some sources, and whatever else,
 * each by itself, it does not matter which sources.
 */
pset space_connections(struct space *sp, uint32_t n, pset rest);
pset space_tcp_option(struct space *sp, uint8_t kind);

/* Does a set depend on an unknown? */
bool space_uncertain(struct space *sp, pset s);

/*
 * Of a set those for which questions of equal words have equal answers, where there are such:
 * elsewhere a packet, which has its answers by their words, can not say what it needs.
 */
pset space_sayable(struct space *sp, pset s);

/* This packet and none with other values of what it has. */
pset space_packet(struct space *sp, const struct packet *p);

/* Is this packet in the set? */
bool space_contains(struct space *sp, pset s, const struct packet *p);

/* s, with v held at a value and no longer asked for. */
pset space_given(struct space *sp, pset s, enum var_id v, u128 value);

/* Is v asked for? */
bool space_asks(struct space *sp, pset s, enum var_id v);

/*
 * A packet of a set, and of those one that looks usual (witness.c): field by field
 * the value of `usual` where the set has such a packet, else one that is frequent, else one as near
 * as can be. The set is not empty. What the packet does not have is zero; the unknowns that it
 * needs are listed in it.
 */
struct packet space_witness(struct space *sp, pset s, const struct packet *usual);

/* A packet that a port's guest may well send or get: its addresses, TCP, a new connection. */
struct packet usual_packet(const struct port_data *pd, enum side side);

#endif
