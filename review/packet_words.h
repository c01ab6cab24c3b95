/* SPDX-License-Identifier: MIT */
/*
 * packet_words.h - one packet as people say it, in nft's words:
 *
 *   out arp request spa 10.0.0.9
 *   in tcp 10.0.0.1:4000 > 192.0.2.1:80 syn state new
 *   out ether saddr 52:54:00:00:00:02 type 0x88cc
 *
 * What is not said is what is usual (usual_packet of space.h, and what follows
 * from what is said: an ARP request is a broadcast, a new connection begins with
 * a SYN). What is printed with some usual packets is read back with them as the
 * same packet.
 */
#ifndef NWFC_REVIEW_PACKET_WORDS_H
#define NWFC_REVIEW_PACKET_WORDS_H

#include "review/packet.h"

/* What is wrong with the words, and where. */
struct words_error {
	uint32_t lo, hi; /* bytes of the text */
	struct str text; /* one sentence, no full stop */
	struct str hint; /* may be empty */
};

/* usual: of each side. False after an error. */
bool packet_read_words(struct arena *a, struct str text, const struct packet usual[SIDES],
		       struct packet *out, struct words_error *e);

void packet_print_words(struct buf *b, const struct packet *p, const struct packet usual[SIDES]);

/* For a packet of which the variables of `given` were said, what follows for the others. */
void packet_complete(struct packet *p, const bool given[VARS], const struct packet *usual);

/* A kind of packet that has a word of its own: it says an EtherType or a protocol. */
struct packet_kind {
	const char *word;
	enum var_id var;
	uint32_t value;
	uint8_t family; /* where it says that, too */
};
extern const struct packet_kind packet_kinds[]; /* terminated by a NULL word */

/* The header by which names of its fields begin: "icmp" of ICMPv6 as well. */
const char *packet_context(const struct packet_kind *k);

#endif
