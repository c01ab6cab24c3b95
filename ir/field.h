/* SPDX-License-Identifier: MIT */
/*
 * field.h - the protocols of the language, their attributes, and the header
 * fields these test. The rows are in fields.def.
 *
 * A field is a place in a packet (or a property of its connection). An
 * attribute is how the XML spells a part of a test of that field within one
 * protocol element: `srcipaddr` and `srcipmask` are the value and the mask of
 * one test, `srcportstart` and `srcportend` the two ends of another.
 */
#ifndef NWFC_IR_FIELD_H
#define NWFC_IR_FIELD_H

#include "ir/value.h"

enum layer {
	LAYER_FRAME,  /* on the bridge: mac vlan stp arp rarp ip ipv6, and no protocol */
	LAYER_PACKET, /* the IP layer: tcp ... all-ipv6, with connection tracking */
	LAYERS
};

/* Where a field lies; offsets count from the start of that header. */
enum header {
	HDR_ETHER,
	HDR_VLAN,
	HDR_STP /* from the LLC header */,
	HDR_ARP,
	HDR_NET,
	HDR_TRANSPORT,
	HDR_TCP_OPTION,
	HDR_META /* not in the packet */
};

enum field_id {
#define FIELD(id, name, mirror, header, offset4, offset6, width) F_##id,
#include "ir/fields.def"
	FIELDS
};

struct field {
	const char *name;     /* nft's words, "arp saddr ip" */
	enum field_id mirror; /* the field after exchange of source and destination */
	enum header header;
	/* bit offset in the header; where the family decides (HDR_NET), IPv4's and IPv6's */
	int16_t offset, offset6;
	uint16_t
		width; /* bits; 0 = not a header field. Addresses of HDR_NET: 32, or 128 for IPv6 */
};

extern const struct field fields[FIELDS];

/* Which part of a test an attribute gives. */
enum attr_part {
	PART_VALUE, /* the value, or the lower end of a range */
	PART_FROM,  /* lower end of an address range; excludes PART_VALUE */
	PART_TO,    /* upper end */
	PART_MASK,  /* mask, or the qualifier of a value (directions of a set) */
};

enum {
	ATTR_NO_VAR = 1,  /* takes no variable */
	ATTR_NO_NEG = 2,  /* match='no' on it is an error: it has no negation */
	ATTR_ALONE = 4,   /* upper end that may stand without the lower one */
	ATTR_DECIMAL = 8, /* no hexadecimal */
};

struct attr {
	const char *xml;
	uint8_t field; /* enum field_id */
	uint8_t part;  /* enum attr_part */
	uint8_t type;  /* enum value_type */
	uint8_t flags;
	uint32_t min, max;
};

/* A wrong but documented name and what it means. */
struct attr_alias {
	const char *wrong, *right;
};

enum proto_id {
	PROTO_NONE, /* a rule without a protocol element */
#define PROTO(id, xml, layer, family, ethertype, ipproto, attrs) PROTO_##id,
#include "ir/fields.def"
	PROTOS
};

struct proto {
	const char *xml;
	enum layer layer;
	uint8_t family;     /* 4, 6, or 0 where that has no meaning */
	uint16_t ethertype; /* the frame's type; 0 = not tested */
	int16_t ipproto;    /* the packet's protocol; -1 = not tested */
	const struct attr
		*attrs; /* in the order of the language: iteration and printing follow it */
	uint32_t nattrs;
};

extern const struct proto protos[PROTOS];

/* By XML element name; NULL when unknown. */
const struct proto *proto_find(struct str xml);

/* By XML attribute name; NULL when unknown. */
const struct attr *attr_find(const struct proto *p, struct str xml);

/* The right name for a wrong one that public documentation has; NULL when there is none. */
const char *attr_alias(const struct proto *p, struct str xml);

static inline enum proto_id proto_id(const struct proto *p)
{
	return (enum proto_id)(p - protos);
}

/*
 * Chains: a name is "root", or one of these prefixes and anything behind it.
 * The prefix says which frames the root chain sends into it, and when.
 */
struct chain_prefix {
	const char *prefix;
	int priority;       /* default */
	uint16_t ethertype; /* 0 = not tested */
	bool stp;           /* destination is the bridge group address */
};

/* Longest prefix first where one begins another. Terminated by a NULL prefix. */
extern const struct chain_prefix chain_prefixes[];

#define CHAIN_NAME_MAX 12

/* NULL when the name is "root" or begins with no prefix. */
const struct chain_prefix *chain_prefix_find(struct str chain);

#endif
