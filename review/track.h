/* SPDX-License-Identifier: MIT */
/*
 * track.h - the connections of a capture, as far as rules see them.
 *
 * A model of the kernel's tracker (nf_conntrack), without clocks and sequence numbers:
 *
 *   - a connection is known by its protocol, addresses and ports (of ICMP queries, the identifier);
 *     it is new until an answer was seen, then established;
 *   - it begins to be when its first packet has passed: what is dropped leaves nothing;
 *   - TCP's states are followed, and what does not fit is invalid; a capture may begin in the
 *     middle (nf_conntrack_tcp_loose);
 *   - an ICMP error is related to the connection of the packet in it, else invalid, as is
 *     an ICMP answer that nobody asked for;
 *   - ICMPv6 types 130 to 136 and 143 are untracked;
 *   - fragments are as the first one, without which they are invalid; so is what is malformed.
 *
 * Not modelled: timeouts, NAT, helpers of single protocols (expected
 * connections), SCTP's chunks.
 */
#ifndef NWFC_REVIEW_TRACK_H
#define NWFC_REVIEW_TRACK_H

#include "review/packet_bytes.h"

struct track {
	struct arena *arena;
	struct map connections; /* ptr: struct connection */
	struct map fragments;   /* ptr: struct fragment_of */
};

/* A packet's connection, while its verdict is not known. */
struct tracked {
	struct str key;      /* of the connection that it would begin; empty: of none */
	struct str fragment; /* of a first fragment */
	uint8_t state;       /* enum ct_class */
	bool reply;
	uint8_t tcp; /* the state that TCP begins in */
};

/* Says the state into the packet of f. Frames that are no IP have none. */
struct tracked track_packet(struct track *t, struct frame *f);

/* It passed. */
void track_passed(struct track *t, const struct tracked *k);

#endif
