/* SPDX-License-Identifier: MIT */
/*
 * frame.h - Ethernet, IPv4 and IPv6 framing, and what kind of evidence a frame may hold.
 *
 * frame_open() reads no further than it needs to tell the kind, so that the rate
 * limits come before the parsers. Every read is within the captured bytes. A frame that
 * holds no evidence, or is malformed, is FRAME_OTHER.
 */
#ifndef NWFC_LEARND_FRAME_H
#define NWFC_LEARND_FRAME_H

#include <stddef.h>

#include "learnd/address.h"

enum direction { FROM_GUEST, TO_GUEST, DIRECTIONS };

/* FRAME_SERVER: from the guest, what only a server of DHCP or DHCPv6 sends; no evidence. */
enum frame_kind {
	FRAME_OTHER,
	FRAME_ARP,
	FRAME_DHCP4,
	FRAME_DHCP6,
	FRAME_ND,
	FRAME_DATA,
	FRAME_SERVER
};

/* A run of captured bytes; points into the frame. */
struct bytes {
	const uint8_t *at;
	size_t n;
};

struct frame {
	enum direction direction;
	enum frame_kind kind;
	const uint8_t *ether_dst, *ether_src; /* 6 octets each */
	struct address src, dst;              /* of the IP header */
	uint8_t hop_limit;
	uint16_t vlan;        /* of its tag; 0: none, or one of priority alone */
	bool whole;           /* all of the IP packet was captured */
	struct bytes payload; /* ARP packet; UDP payload of DHCP; ICMPv6 message of ND */
};

/* The UDP ports of the two DHCPs: a client sends from its own to the server's (RFC 2131 4.1, RFC
 * 8415 7.2). */
struct dhcp_ports {
	uint16_t client, server;
};
extern const struct dhcp_ports dhcp_ports[FAMILIES];

/*
 * n captured bytes of a frame that had wire_n. False when the frame is of kind FRAME_OTHER.
 * One 802.1Q tag is stepped over, and kept. Fragments and IPv6 packets with extension headers
 * can be FRAME_DATA only.
 */
bool frame_open(const uint8_t *p, size_t n, size_t wire_n, enum direction direction,
		struct frame *out);

static inline unsigned read_u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)read_u16(p) << 16 | read_u16(p + 2);
}

#endif
