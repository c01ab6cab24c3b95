/* SPDX-License-Identifier: MIT */
/*
 * address.h - IPv4 and IPv6 addresses as one type, and which of them no guest can own.
 */
#ifndef NWFC_LEARND_ADDRESS_H
#define NWFC_LEARND_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum family { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };
extern const char *const family_names[FAMILIES]; /* "ipv4", "ipv6" */

/* Network byte order; IPv4 has four octets, the others are zero. */
struct address {
	uint8_t family; /* enum family */
	uint8_t octet[16];
};

struct prefix {
	struct address base;
	uint8_t length;
};

#define ADDRESS_TEXT 46 /* bytes that hold any address and a NUL */

static inline struct address address_from(enum family family, const uint8_t *octets)
{
	struct address a = {.family = (uint8_t)family};
	if (family == FAMILY_IPV4)
		memcpy(a.octet, octets, 4);
	else
		memcpy(a.octet, octets, 16);
	return a;
}

bool address_parse(const char *text, struct address *out);
void address_print(const struct address *a, char text[ADDRESS_TEXT]);

/* "10.0.0.0/8"; bits behind the length are ignored. */
bool prefix_parse(const char *text, struct prefix *out);
bool prefix_has(const struct prefix *p, const struct address *a);

bool address_eq(const struct address *a, const struct address *b);
bool address_is_zero(const struct address *a); /* 0.0.0.0 or :: */
bool address_is_link_local(const struct address *a);

/* Addresses that are never a host's own (RFC 1122 3.2.1.3, RFC 4291; specification ip-learning E3):
 * 0/8, 127/8, 224/3; ::, ::1, ff00::/8, v4-mapped. */
bool address_is_never_own(const struct address *a);

uint32_t address_hash(const struct address *a);

#endif
