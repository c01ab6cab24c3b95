/* SPDX-License-Identifier: MIT */
/* Fuzzer of learnd's reader of ARP: what is behind the packet says nothing. */
#define KIND FRAME_ARP
#include "testsuite/fuzz/parser.h"

static void check_payload(const struct frame *f)
{
	struct arp_message m, again;
	uint8_t *copy = exact_copy(f->payload.at, f->payload.n, 0);
	bool good = arp_parse(f->payload, &m);
	REQUIRE(!good || f->payload.n >= 28);
	if (f->payload.n > 28)
		REQUIRE(arp_parse((struct bytes){copy, 28}, &again) == good);
	if (good) {
		REQUIRE(m.op == ARP_REQUEST || m.op == ARP_REPLY);
		REQUIRE(is_within(f->payload, (struct bytes){m.sender_mac, 6}));
		REQUIRE(m.sender.family == FAMILY_IPV4 && m.target.family == FAMILY_IPV4);
	}
	free(copy);
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	printf("\"\\x08\\x06\\x00\\x01\\x08\\x00\\x06\\x04\\x00\\x01\"\n\"\\x81\\x00\"\n");
}
#endif
