/* SPDX-License-Identifier: MIT */
/*
 * value.h - the typed values of the language, from text and back.
 *
 * Both front ends and the binding of variables read values here, so that
 * '10.0.0.1' means the same wherever it stands.
 */
#ifndef NWFC_IR_VALUE_H
#define NWFC_IR_VALUE_H

#include "base/buf.h"

enum value_type {
	VT_NONE,
	VT_UINT,      /* u; range is the attribute's */
	VT_MAC,       /* mac */
	VT_MACMASK,   /* mac; ones followed by zeros */
	VT_IP4,       /* u, host byte order */
	VT_IP4MASK,   /* u = prefix length 0..32 */
	VT_IP6,       /* ip6, network byte order */
	VT_IP6MASK,   /* u = prefix length 0..128 */
	VT_ETHERTYPE, /* u; arp rarp ipv4 ipv6 vlan, or a number */
	VT_ARPOP,     /* u; Request ... ARP_NAK, or a number */
	VT_IPPROTO,   /* u; tcp udp ..., or a number */
	VT_BOOL,      /* u = 0 or 1 */
	VT_STATE,     /* u = set of CT_* bits; 0 = NONE */
	VT_TCPFLAGS,  /* u = mask << 8 | flags */
	VT_SETNAME,   /* text */
	VT_SETFLAGS,  /* u: bit i set = i-th direction is dst; count in bits 8.. */
	VT_TEXT,      /* text */
};

/* Connection states, in the order in which every target prints them. */
enum { CT_NEW = 1, CT_ESTABLISHED = 2, CT_RELATED = 4, CT_INVALID = 8 };

/* TCP header flags (RFC 9293 3.1), in libvirt's printing order from bit 0. */
enum {
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_PSH = 8,
	TCP_ACK = 16,
	TCP_URG = 32,
	TCP_ALL = 63
};

struct value {
	uint8_t type; /* enum value_type */
	bool hex;     /* was written in hexadecimal; only the XML printer cares */
	/* a learned address: when its lease ends, in milliseconds of the epoch; 0 = it does not.
	   No part of the value: equal ones may differ in it */
	uint64_t valid_until_ms : 48;
	union {
		uint32_t u;
		uint8_t mac[6];
		uint8_t ip6[16];
		struct str text;
	};
};

_Static_assert(sizeof(struct value) == 24, "tables of values are most of the memory");

/*
 * Read a value of type from text; unsigned numbers must lie in min..max.
 * Returns NULL, or a short text of what is wrong ("is outside 0..65535",
 * "is not an IPv4 address"). Strict as the specification's [N] column:
 * decimal or 0x numbers, four octets without leading zeros, no blanks.
 */
const char *value_parse(struct arena *a, enum value_type type, uint32_t min, uint32_t max,
			struct str text, struct value *out);

/* Canonical text as the XML form writes it (lower-case MAC, masks as length). */
void value_print(struct buf *b, const struct value *v);

/* The same in the arena. */
struct str value_text(struct arena *a, const struct value *v);

bool value_eq(const struct value *a, const struct value *b);
uint64_t value_hash(const struct value *v);

/* <0, 0, >0; both of one type. Numbers and addresses by size, text by bytes. */
int value_cmp(const struct value *a, const struct value *b);

/* Numbers and addresses as numbers, an address's first byte the highest. */
typedef unsigned __int128 u128;
u128 value_number(const struct value *v);

/* The prefix length of a mask: masks are ones followed by zeros. */
uint32_t value_prefix(const struct value *mask);

/* What a value of this type looks like, for messages: "an IPv4 address". */
const char *value_type_name(enum value_type type);

/* Names of enumerated types, for hints and completion. NULL-terminated; NULL when there are none.
 */
struct value_name {
	const char *name;
	uint32_t value;
};
const struct value_name *value_names(enum value_type type);

#endif
