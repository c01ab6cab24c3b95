/* SPDX-License-Identifier: MIT */
#include "learnd/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const family_names[FAMILIES] = {"ipv4", "ipv6"};

static const int af[FAMILIES] = {AF_INET, AF_INET6};
static const uint8_t address_bits[FAMILIES] = {32, 128};

bool address_parse(const char *text, struct address *out)
{
	memset(out, 0, sizeof *out);
	out->family = strchr(text, ':') ? FAMILY_IPV6 : FAMILY_IPV4;
	return inet_pton(af[out->family], text, out->octet) == 1;
}

void address_print(const struct address *a, char text[ADDRESS_TEXT])
{
	inet_ntop(af[a->family], a->octet, text, ADDRESS_TEXT);
}

bool prefix_parse(const char *text, struct prefix *out)
{
	char copy[ADDRESS_TEXT + 4];
	size_t n = strlen(text);
	if (n >= sizeof copy)
		return false;
	memcpy(copy, text, n + 1);
	char *slash = strchr(copy, '/'), *end = NULL;
	if (!slash || slash[1] < '0' || slash[1] > '9')
		return false;
	*slash = 0;
	unsigned long length = strtoul(slash + 1, &end, 10);
	if (*end || !address_parse(copy, &out->base) || length > address_bits[out->base.family])
		return false;
	out->length = (uint8_t)length;
	return true;
}

bool prefix_has(const struct prefix *p, const struct address *a)
{
	unsigned whole = p->length / 8, rest = p->length % 8;
	if (p->base.family != a->family || memcmp(p->base.octet, a->octet, whole))
		return false;
	uint8_t mask = (uint8_t)(0xff00 >> rest);
	return !rest || ((p->base.octet[whole] ^ a->octet[whole]) & mask) == 0;
}

bool address_eq(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

bool address_is_zero(const struct address *a)
{
	static const uint8_t zero[16];
	return memcmp(a->octet, zero, sizeof zero) == 0;
}

bool address_is_link_local(const struct address *a)
{
	if (a->family == FAMILY_IPV4)
		return a->octet[0] == 169 && a->octet[1] == 254;
	return a->octet[0] == 0xfe && (a->octet[1] & 0xc0) == 0x80;
}

bool address_is_never_own(const struct address *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t loopback[16] = {[15] = 1};
	if (a->family == FAMILY_IPV4)
		return a->octet[0] == 0 || a->octet[0] == 127 || a->octet[0] >= 224;
	return address_is_zero(a) || memcmp(a->octet, loopback, 16) == 0 || a->octet[0] == 0xff ||
	       memcmp(a->octet, mapped, sizeof mapped) == 0;
}

/* FNV-1a; tables of addresses are bounded, so chosen collisions cost a walk of the table at most.
 */
uint32_t address_hash(const struct address *a)
{
	uint32_t h = 2166136261u;
	const uint8_t *p = (const uint8_t *)a;
	for (unsigned i = 0; i < sizeof *a; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}
