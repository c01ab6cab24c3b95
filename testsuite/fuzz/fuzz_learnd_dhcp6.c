/* SPDX-License-Identifier: MIT */
/* Fuzzer of learnd's reader of DHCPv6: an option more that nobody knows changes nothing. */
#define KIND FRAME_DHCP6
#include "testsuite/fuzz/parser.h"

static void check_payload(const struct frame *f)
{
	struct dhcp6_message m, again;
	struct bytes p = f->payload;
	if (!dhcp6_parse(p, &m))
		return;
	REQUIRE(m.type > 0 && m.type < DHCP6_TYPES && m.xid <= 0xffffff);
	REQUIRE(m.naddresses <= DHCP6_ADDRESSES && is_within(p, m.client_id));
	REQUIRE(m.client_id.n == 0 || (m.client_id.n > 2 && m.client_id.n <= 130));
	uint8_t *longer = exact_copy(p.at, p.n, 6);
	memcpy(longer + p.n, "\xff\xfe\0\2", 4);
	REQUIRE(dhcp6_parse((struct bytes){longer, p.n + 6}, &again));
	REQUIRE(again.type == m.type && again.xid == m.xid && again.naddresses == m.naddresses &&
		again.status == m.status && again.rapid == m.rapid &&
		again.has_server_id == m.has_server_id && again.client_id.n == m.client_id.n);
	for (unsigned i = 0; i < m.naddresses; i++)
		REQUIRE(address_eq(&m.addresses[i].address, &again.addresses[i].address) &&
			m.addresses[i].valid == again.addresses[i].valid);
	free(longer);
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	printf("\"\\x00\\x03\\x00\\x28\"\n\"\\x00\\x05\\x00\\x18\"\n\"\\x00\\x01\\x00\\x0a\"\n"
	       "\"\\x00\\x02\\x00\\x0a\"\n\"\\x00\\x0e\\x00\\x00\"\n\"\\x00\\x0d\\x00\\x02\"\n"
	       "\"\\x00\\x04\\x00\\x20\"\n\"\\x02\\x22\\x02\\x23\"\n\"\\x02\\x23\\x02\\x22\"\n");
}
#endif
