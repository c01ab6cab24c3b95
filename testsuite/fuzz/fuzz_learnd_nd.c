/* SPDX-License-Identifier: MIT */
/* Fuzzer of learnd's reader of neighbour discovery: an option more that nobody knows changes
 * nothing, and a hop too far makes it none. */
#define KIND FRAME_ND
#include "testsuite/fuzz/parser.h"

static void check_prefixes(const struct nd_message *m)
{
	REQUIRE(m->nprefixes <= ND_PREFIXES);
	for (unsigned i = 0; i < m->nprefixes; i++)
		REQUIRE(m->prefixes[i].prefix.length <= 128 &&
			m->prefixes[i].prefix.base.family == FAMILY_IPV6);
}

static void check_payload(const struct frame *f)
{
	struct nd_message m, again;
	struct frame g = *f;
	struct bytes p = f->payload;
	if (p.n < 4 || p.at[0] < 133 || p.at[0] > 137 || !nd_parse(f, &m))
		return;
	bool about = m.type == ND_NEIGHBOUR_SOLICITATION || m.type == ND_NEIGHBOUR_ADVERTISEMENT;
	REQUIRE(m.type == p.at[0] && p.n >= (about ? 24 : 8) && m.target.octet[0] != 0xff);
	REQUIRE(is_within(p, m.nonce));
	REQUIRE(!m.link_layer || is_within(p, (struct bytes){m.link_layer, 6}));
	check_prefixes(&m);
	uint8_t *longer = exact_copy(p.at, p.n, 8);
	memcpy(longer + p.n, "\xfd\1", 2);
	g.payload = (struct bytes){longer, p.n + 8};
	REQUIRE(nd_parse(&g, &again) && again.nprefixes == m.nprefixes);
	REQUIRE(address_eq(&m.target, &again.target) && m.nonce.n == again.nonce.n);
	g.hop_limit = 254;
	REQUIRE(!nd_parse(&g, &again));
	free(longer);
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	printf("\"\\x86\\xdd\\x60\"\n\"\\x3a\\xff\"\n\"\\x03\\x04\\x40\\xc0\"\n\"\\x0e\\x01\"\n"
	       "\"\\x01\\x01\"\n\"\\x87\\x00\"\n\"\\x88\\x00\"\n\"\\x86\\x00\"\n"
	       "\"\\xff\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\xff\"\n");
}
#endif
