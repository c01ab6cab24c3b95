/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of learnd's reader of DHCPv4: whatever stands behind an end changes nothing, and the
 * type that is read before parsing, when there is one, is that of the message.
 */
#define KIND FRAME_DHCP4
#include "testsuite/fuzz/parser.h"

static bool same(const struct dhcp4_message *a, const struct dhcp4_message *b)
{
	return a->op == b->op && a->type == b->type && a->xid == b->xid &&
	       address_eq(&a->ciaddr, &b->ciaddr) && address_eq(&a->yiaddr, &b->yiaddr) &&
	       a->has_requested == b->has_requested && a->has_server == b->has_server &&
	       a->has_lease == b->has_lease && a->rapid == b->rapid && a->lease == b->lease &&
	       address_eq(&a->requested, &b->requested) && address_eq(&a->server, &b->server) &&
	       a->client_id.n == b->client_id.n;
}

static void check_payload(const struct frame *f)
{
	struct dhcp4_message m, again;
	struct bytes p = f->payload;
	uint8_t type = dhcp4_peek_type(p);
	REQUIRE(type < DHCP4_TYPES);
	if (!dhcp4_parse(p, &m))
		return;
	REQUIRE(m.type > 0 && m.type < DHCP4_TYPES && (!type || type == m.type));
	REQUIRE(is_within(p, (struct bytes){m.chaddr, 6}) && is_within(p, m.client_id));
	uint8_t *longer = exact_copy(p.at, p.n, 9);
	longer[p.n] = 255;
	REQUIRE(dhcp4_parse((struct bytes){longer, p.n + 9}, &again) && same(&m, &again));
	free(longer);
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	printf("\"\\x63\\x82\\x53\\x63\\x35\\x01\\x05\"\n\"\\x34\\x01\\x03\"\n\"\\x33\\x04\"\n"
	       "\"\\x36\\x04\\x0a\\x09\\x00\\x01\"\n\"\\x50\\x00\"\n\"\\x3d\\x07\"\n\"\\xff\"\n"
	       "\"\\x00\\x43\\x00\\x44\"\n\"\\x00\\x44\\x00\\x43\"\n");
}
#endif
