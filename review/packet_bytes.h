/* SPDX-License-Identifier: MIT */
/*
 * packet_bytes.h - a packet from the bytes of an Ethernet frame, and a frame for a
 * packet.
 *
 * Reading finds what the kernel's matches find (ebt_arp.c, ebt_ip6.c, ebt_stp.c,
 * ipv6_find_hdr): the outermost tag alone; ARP addresses behind hardware addresses of
 * any length; the protocol behind IPv6's extension headers up to AH, which counts as the
 * protocol; no transport header in a later fragment. Nothing outside of the frame is
 * read, and what a frame is too short for is zero, and said in `malformed`:
 * kernels drop such IP packets before any rule.
 *
 * Connection state is not in the bytes: the packet is CTC_NEW (track.h knows more).
 */
#ifndef NWFC_REVIEW_PACKET_BYTES_H
#define NWFC_REVIEW_PACKET_BYTES_H

#include "review/packet.h"

/* A frame that has been read. Offsets are 0 where there is no such header. */
struct frame {
	struct packet packet;
	uint32_t network, transport, end; /* end: of the IP packet, without padding */
	bool fragment;                    /* a first or a later one */
	const char *malformed;            /* NULL: it is well-formed */
};

/* False: shorter than an Ethernet header. The bytes stay referenced. */
bool frame_read(struct str bytes, enum side side, struct frame *out);

/*
 * A frame that is read as this packet, with right lengths and checksums and
 * without data. Empty, with *why, when there is none: of TCP options at most ten kinds fit.
 */
struct str packet_to_bytes(struct arena *a, const struct packet *p, const char **why);

/* "52540012..." or with blanks, colons, or 0x before; false: no hexadecimal bytes. */
bool bytes_from_hex(struct arena *a, struct str hex, struct str *out);
struct str bytes_to_hex(struct arena *a, struct str bytes);

/* RFC 1071, over pieces that are added up; RFC 9260 appendix A. */
uint32_t checksum_add(uint32_t sum, const uint8_t *p, uint32_t n);
uint16_t checksum_end(uint32_t sum);
uint32_t crc32c(const uint8_t *p, uint32_t n);

#endif
