/* SPDX-License-Identifier: MIT */
/*
 * message.h - the parsers: captured bytes to what a message says about addresses.
 *
 * Each reads one kind of frame.payload, within its bounds, without memory of its own
 * (results point into the frame), and returns false for what its RFC says to
 * discard; what is malformed teaches nothing. Whether to believe a message is
 * the learner's to decide.
 */
#ifndef NWFC_LEARND_MESSAGE_H
#define NWFC_LEARND_MESSAGE_H

#include "learnd/frame.h"

#define LIFETIME_INFINITE UINT32_MAX

/* --- ARP (RFC 826, RFC 5227) ------------------------------------------------------ */

enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp_message {
	uint16_t op;                   /* request or reply, no other */
	const uint8_t *sender_mac;     /* 6 octets */
	struct address sender, target; /* sender 0.0.0.0: a probe */
};
bool arp_parse(struct bytes p, struct arp_message *out);

/* --- DHCPv4 (RFC 2131, RFC 2132) -------------------------------------------------- */

enum dhcp4_type {
	DHCP4_DISCOVER = 1,
	DHCP4_OFFER,
	DHCP4_REQUEST,
	DHCP4_DECLINE,
	DHCP4_ACK,
	DHCP4_NAK,
	DHCP4_RELEASE,
	DHCP4_INFORM,
	DHCP4_TYPES
};

struct dhcp4_message {
	uint8_t op, type; /* 1 from a client, 2 from a server; enum dhcp4_type */
	uint32_t xid;
	const uint8_t *chaddr; /* 6 octets */
	struct address ciaddr, yiaddr;
	bool has_requested, has_server, has_lease, rapid; /* options 50, 54, 51, 80 */
	struct address requested, server;
	uint32_t lease;         /* seconds */
	struct bytes client_id; /* option 61; n = 0: none */
};
bool dhcp4_parse(struct bytes p, struct dhcp4_message *out);

/* The type without parsing, when it is the first option, as all known clients and servers
 * have it; else 0. */
uint8_t dhcp4_peek_type(struct bytes p);

/* --- Neighbour discovery (RFC 4861, RFC 4862, RFC 7527) --------------------------- */

enum nd_type {
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT,
	ND_NEIGHBOUR_SOLICITATION,
	ND_NEIGHBOUR_ADVERTISEMENT,
	ND_REDIRECT
};

struct nd_prefix {
	struct prefix prefix;
	bool autonomous;
	uint32_t valid; /* seconds */
};
#define ND_PREFIXES 8 /* of one advertisement; further ones are ignored */

struct nd_message {
	uint8_t type;
	struct address target;     /* of NS and NA */
	struct bytes nonce;        /* of NS; n = 0: none */
	const uint8_t *link_layer; /* option 1 or 2; 6 octets, NULL: none */
	struct nd_prefix prefixes[ND_PREFIXES];
	unsigned nprefixes;
};
bool nd_parse(const struct frame *f, struct nd_message *out);

/* --- DHCPv6 (RFC 8415) ------------------------------------------------------------ */

enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE,
	DHCP6_REQUEST,
	DHCP6_CONFIRM,
	DHCP6_RENEW,
	DHCP6_REBIND,
	DHCP6_REPLY,
	DHCP6_RELEASE,
	DHCP6_DECLINE,
	DHCP6_RECONFIGURE,
	DHCP6_INFORMATION_REQUEST,
	DHCP6_TYPES
};

struct dhcp6_address {
	struct address address;
	uint32_t valid; /* seconds; 0: taken away */
};
#define DHCP6_ADDRESSES 32 /* of one message; further ones are ignored */

struct dhcp6_message {
	uint8_t type;
	uint32_t xid; /* 24 bits */
	struct bytes client_id;
	bool has_server_id, rapid;
	uint16_t status; /* of the whole message */
	struct dhcp6_address addresses[DHCP6_ADDRESSES];
	unsigned naddresses;
};
bool dhcp6_parse(struct bytes p, struct dhcp6_message *out);

#endif
