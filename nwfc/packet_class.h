/* SPDX-License-Identifier: MIT */
/*
 * packet_class.h - packets in the words of a rule, as a set: "out arp",
 * "in tcp dport 22 ct state new", "out ip saddr != $IP". What no rule can say may be the
 * words of one packet (packet_words.h): "out arp request spa 10.0.0.9".
 */
#ifndef NWFC_NWFC_PACKET_CLASS_H
#define NWFC_NWFC_PACKET_CLASS_H

#include "nwfc/session.h"
#include "review/space.h"

/*
 * The packets of each side that the words mean, for a port whose variables they may
 * name; a side that they are not about has PSET_NONE. False after a finding.
 */
bool packet_class(struct session *s, struct space *sp, const char *words,
		  const struct port_data *pd, pset out[SIDES]);

/* The same of words that have been read: the rules of f, which refers to no other filter. */
bool packet_class_of(struct session *s, struct space *sp, const struct filter *f,
		     const struct port *port, pset out[SIDES]);

/* f's rules, for those who want to know its variables; NULL after a finding. */
const struct tree *packet_class_tree(struct session *s, const struct filter *f);

#endif
