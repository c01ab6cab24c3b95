/* SPDX-License-Identifier: MIT */
/* learnd: frames and messages, a packet for each rule of their RFCs. */
#include "testsuite/unit/learnd_fixture.h"

static int setup(void **state)
{
	return 0;
}

static int teardown(void **state)
{
	return 0;
}

static struct packet p, body, u;
static struct frame f;

/* An exact copy on the heap, so that a read beyond its end is seen. */
static bool open_cut(size_t n, size_t wire, enum direction d)
{
	uint8_t *copy = malloc(n ? n : 1);
	memcpy(copy, p.at, n);
	bool good = frame_open(copy, n, wire, d, &f);
	free(copy);
	return good;
}

static enum frame_kind kind_of(enum direction d)
{
	frame_open(p.at, p.n, p.n, d, &f);
	return f.kind;
}

/* --- frames --- */

static void make_dhcp4(void)
{
	dhcp4(&body, DHCP4_REQUEST, 7, "0.0.0.0", "0.0.0.0");
	udp(&u, 68, 67, &body);
	ipv4(&p, guest_mac, "0.0.0.0", "255.255.255.255", 17, &u);
}

static void test_kinds(void **state)
{
	make_dhcp4();
	assert_int_equal(kind_of(FROM_GUEST), FRAME_DHCP4);
	assert_true(f.whole);
	assert_int_equal(f.payload.n, body.n);
	/* the other way round it is a client's, and no answer */
	assert_int_equal(kind_of(TO_GUEST), FRAME_DATA);
	udp(&u, 547, 546, &body);
	ipv6(&p, other_mac, "fe80::2", "fe80::1", 17, &u);
	assert_int_equal(kind_of(TO_GUEST), FRAME_DHCP6);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_SERVER);
	udp(&u, 67, 68, &body);
	ipv4(&p, other_mac, "10.0.0.1", "10.0.0.2", 17, &u);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_SERVER);
	udp(&u, 67, 67, &body);
	ipv4(&p, other_mac, "10.0.0.1", "10.0.0.2", 17, &u);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_DATA);
	arp(&p, guest_mac, ARP_REQUEST, "10.0.0.1", "10.0.0.2");
	assert_int_equal(kind_of(FROM_GUEST), FRAME_ARP);
	for (unsigned type = 130; type < 140; type++) {
		nd(&body, type, "fe80::1");
		ipv6(&p, guest_mac, "fe80::1", "ff02::1", 58, &body);
		assert_int_equal(kind_of(FROM_GUEST),
				 type >= 133 && type <= 137 ? FRAME_ND : FRAME_DATA);
	}
	ether(&p, guest_mac, 0x88cc);
	put_zeros(&p, 40);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_OTHER);
}

static void insert_tag(unsigned type)
{
	memmove(p.at + 16, p.at + 12, p.n - 12);
	p.at[12] = (uint8_t)(type >> 8);
	p.at[13] = (uint8_t)type;
	p.at[14] = 0;
	p.at[15] = 5;
	p.n += 4;
}

static void test_one_tag_is_stepped_over(void **state)
{
	make_dhcp4();
	insert_tag(0x8100);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_DHCP4);
	insert_tag(0x8100);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_OTHER);
	make_dhcp4();
	insert_tag(0x88a8);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_OTHER);
	assert_false(open_cut(17, 17, FROM_GUEST));
}

/* Each header field that can lie; 0 as the kind means FRAME_OTHER. */
static void test_ipv4_headers(void **state)
{
	static const struct {
		unsigned at, value;
		enum frame_kind kind;
	} cases[] = {
		{14, 0x55, FRAME_OTHER}, /* version */
		{14, 0x44, FRAME_OTHER}, /* header below 20 */
		{14, 0x4f, FRAME_DATA},  /* header of 60: what follows is no UDP header of DHCP */
		{16, 0xff, FRAME_OTHER}, /* longer than the frame */
		{16, 0, FRAME_OTHER},    /* shorter: UDP's own length does not fit */
		{20, 0x20, FRAME_DATA},  /* more fragments */
		{21, 1, FRAME_DATA},     /* a later fragment */
		{20, 0x40, FRAME_DHCP4}, /* do not fragment */
		{20, 0x80, FRAME_DHCP4}, /* the reserved bit */
		{23, 6, FRAME_DATA},     /* TCP */
		{35, 69, FRAME_DATA},    /* from another port */
		{37, 68, FRAME_DATA},    /* to another */
		{38, 0xff, FRAME_OTHER}, /* UDP longer than the packet */
		{40, 0x12, FRAME_DHCP4}, /* UDP's checksum does not count */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		make_dhcp4();
		p.at[cases[i].at] = (uint8_t)cases[i].value;
		fix_checksum(&p, 14);
		assert_int_equal(kind_of(FROM_GUEST), cases[i].kind);
	}
	make_dhcp4();
	p.at[24] ^= 1;
	assert_int_equal(kind_of(FROM_GUEST), FRAME_OTHER);
	make_dhcp4();
	p.at[38] = 0;
	p.at[39] = 7; /* shorter than a UDP header */
	assert_int_equal(kind_of(FROM_GUEST), FRAME_OTHER);
}

static void test_ip_options_and_padding(void **state)
{
	make_dhcp4();
	memmove(p.at + 38, p.at + 34, p.n - 34);
	memset(p.at + 34, 1, 4);
	p.n += 4;
	p.at[14] = 0x46;
	p.at[17] = (uint8_t)(p.at[17] + 4);
	fix_checksum(&p, 14);
	put_zeros(&p, 9); /* Ethernet's padding */
	assert_int_equal(kind_of(FROM_GUEST), FRAME_DHCP4);
	assert_int_equal(f.payload.n, body.n);
}

static void test_ipv6_headers(void **state)
{
	nd(&body, ND_NEIGHBOUR_SOLICITATION, "fe80::1");
	ipv6(&p, guest_mac, "::", "ff02::1:ff00:1", 58, &body);
	assert_int_equal(kind_of(FROM_GUEST), FRAME_ND);
	p.at[14] = 0x50;
	assert_int_equal(kind_of(FROM_GUEST), FRAME_OTHER);
	p.at[14] = 0x60;
	p.at[20] = 0; /* an extension header */
	assert_int_equal(kind_of(FROM_GUEST), FRAME_DATA);
	p.at[20] = 44;
	assert_int_equal(kind_of(FROM_GUEST), FRAME_DATA);
	p.at[20] = 58;
	p.at[18] = 1; /* longer than the frame */
	assert_int_equal(kind_of(FROM_GUEST), FRAME_OTHER);
	p.at[18] = 0;
	p.at[19] = 3; /* shorter than any message: no evidence but its source */
	assert_int_equal(kind_of(FROM_GUEST), FRAME_DATA);
}

/* Cut anywhere, with and without the wire's length: never a read beyond, and never whole. */
static void test_cut_frames(void **state)
{
	make_dhcp4();
	for (size_t n = 0; n < p.n; n++) {
		open_cut(n, n, FROM_GUEST);
		assert_true(f.kind == FRAME_OTHER);
		open_cut(n, p.n, FROM_GUEST);
		assert_true(f.kind == FRAME_OTHER || !f.whole);
	}
	nd(&body, ND_NEIGHBOUR_SOLICITATION, "fe80::1");
	ipv6(&p, guest_mac, "::", "ff02::1:ff00:1", 58, &body);
	for (size_t n = 0; n < p.n; n++) {
		assert_false(open_cut(n, n, FROM_GUEST));
		open_cut(n, p.n, FROM_GUEST);
		assert_int_not_equal(f.kind, FRAME_ND);
	}
}

/* --- ARP --- */

static void test_arp(void **state)
{
	static const struct {
		unsigned at, value;
	} wrong[] = {{1, 6}, {2, 9}, {3, 1}, {4, 5}, {5, 6}, {7, 0}, {7, 3}, {6, 1}};
	struct arp_message m;
	arp(&p, guest_mac, ARP_REPLY, "10.0.0.1", "10.0.0.2");
	struct bytes whole = {p.at + 14, p.n - 14};
	assert_true(arp_parse(whole, &m));
	struct address sender = addr("10.0.0.1"), target = addr("10.0.0.2");
	assert_true(address_eq(&m.sender, &sender) && address_eq(&m.target, &target));
	assert_int_equal(m.op, ARP_REPLY);
	assert_memory_equal(m.sender_mac, guest_mac, 6);
	assert_false(arp_parse((struct bytes){p.at + 14, 27}, &m));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		arp(&p, guest_mac, ARP_REPLY, "10.0.0.1", "10.0.0.2");
		p.at[14 + wrong[i].at] = (uint8_t)wrong[i].value;
		assert_false(arp_parse(whole, &m));
	}
}

/* --- DHCPv4 --- */

static struct dhcp4_message m4;

static bool parse4(void)
{
	uint8_t *copy = malloc(body.n);
	memcpy(copy, body.at, body.n);
	bool good = dhcp4_parse((struct bytes){copy, body.n}, &m4);
	free(copy);
	return good;
}

static void ack4(void)
{
	dhcp4(&body, DHCP4_ACK, 0x01020304, "10.0.0.1", "10.0.0.2");
}

static void test_dhcp4_fields(void **state)
{
	struct address c = addr("10.0.0.1"), y = addr("10.0.0.2"), s = addr("10.0.0.3");
	ack4();
	put8(&body, 0); /* pads */
	put8(&body, 0);
	option_u32(&body, 51, 3600);
	option_address(&body, 54, "10.0.0.3");
	option_address(&body, 50, "10.0.0.2");
	option(&body, 80, 0, "");
	put8(&body, 255);
	put(&body, "\65\1", 2); /* behind the end nothing is read */
	assert_true(parse4());
	assert_int_equal(m4.xid, 0x01020304);
	assert_int_equal(m4.type, DHCP4_ACK);
	assert_int_equal(m4.lease, 3600);
	assert_true(m4.has_lease && m4.has_server && m4.has_requested && m4.rapid);
	assert_true(address_eq(&m4.ciaddr, &c) && address_eq(&m4.yiaddr, &y));
	assert_true(address_eq(&m4.server, &s) && address_eq(&m4.requested, &y));
}

static void test_dhcp4_refusals(void **state)
{
	static const struct {
		unsigned code, n;
	} wrong[] = {{53, 1}, {53, 2}, {51, 3}, {51, 5}, {50, 3}, {54, 16}, {80, 1}, {52, 2}};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		ack4();
		option(&body, wrong[i].code, wrong[i].n, "\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
		assert_false(parse4());
	}
	ack4();
	option_u32(&body, 51, 1);
	option_u32(&body, 51, 1);
	assert_false(parse4()); /* two lease times */
	for (unsigned type = 0; type < 12; type++) {
		dhcp4(&body, type, 1, "0.0.0.0", "0.0.0.0");
		assert_int_equal(parse4(), type > 0 && type < DHCP4_TYPES);
	}
	static const unsigned fixed[] = {1, 2, 236, 239};
	for (size_t i = 0; i < 4; i++) {
		ack4();
		body.at[fixed[i]] ^= 8;
		assert_false(parse4());
	}
	ack4();
	body.at[240] = 12; /* no type at all */
	assert_false(parse4());
}

/* An option that ends beyond its field spoils all, wherever the message is cut. */
static void test_dhcp4_cut(void **state)
{
	ack4();
	option_u32(&body, 51, 3600);
	option_address(&body, 54, "10.0.0.3");
	size_t n = body.n;
	for (body.n = 0; body.n < n; body.n++) {
		bool between = body.n == 243 || body.n == 249;
		assert_int_equal(parse4(), between);
	}
	assert_true(parse4());
}

static void overloaded(unsigned what)
{
	ack4();
	option(&body, 52, 1, &(uint8_t){(uint8_t)what});
	memcpy(body.at + 108, "\63\4\0\0\0\5\377", 7);  /* file: a lease of 5 s */
	memcpy(body.at + 44, "\66\4\12\0\0\11\377", 7); /* sname: server 10.0.0.9 */
}

static void test_dhcp4_overload(void **state)
{
	for (unsigned what = 0; what < 4; what++) {
		overloaded(what);
		assert_true(parse4());
		assert_int_equal(m4.has_lease, what & 1);
		assert_int_equal(m4.has_server, what >> 1);
	}
	overloaded(3);
	body.at[108] = 60; /* a text of 66 octets in a field of 64 or 128 */
	body.at[109] = 127;
	assert_false(parse4());
	overloaded(1);
	memcpy(body.at + 108, "\64\1\3\377", 4); /* an overload in the overload: not followed */
	assert_true(parse4());
	assert_false(m4.has_server);
	overloaded(1);
	option_u32(&body, 51, 9); /* a second lease time in another field */
	assert_false(parse4());
	overloaded(1);
	memset(body.at + 108, 0, 128); /* a field of pads, without an end */
	assert_true(parse4());
}

static void test_dhcp4_type_before_parsing(void **state)
{
	ack4();
	assert_int_equal(dhcp4_peek_type(bytes_of(&body)), DHCP4_ACK);
	body.at[242] = DHCP4_TYPES;
	assert_int_equal(dhcp4_peek_type(bytes_of(&body)), 0);
	body.at[242] = 5;
	body.at[241] = 2;
	assert_int_equal(dhcp4_peek_type(bytes_of(&body)), 0);
	assert_int_equal(dhcp4_peek_type((struct bytes){body.at, 242}), 0);
}

/* --- neighbour discovery --- */

static struct nd_message mn;

/* body as a message from src to dst; every cut of it must not be read beyond. */
static bool parse_nd(const char *src, const char *dst)
{
	ipv6(&p, guest_mac, src, dst, 58, &body);
	bool opened = frame_open(p.at, p.n, p.n, FROM_GUEST, &f);
	assert_true(opened && f.kind == FRAME_ND);
	uint8_t *copy = malloc(body.n);
	memcpy(copy, body.at, body.n);
	f.payload = (struct bytes){copy, body.n};
	bool good = nd_parse(&f, &mn);
	free(copy);
	return good;
}

static void dad(void)
{
	nd(&body, ND_NEIGHBOUR_SOLICITATION, "fe80::1");
}

static void test_nd_dad(void **state)
{
	struct address target = addr("fe80::1");
	dad();
	assert_true(parse_nd("::", "ff02::1:ff00:1"));
	assert_true(address_eq(&mn.target, &target));
	assert_int_equal(mn.nonce.n, 0);
	assert_false(parse_nd("::", "ff02::1:ff00:2"));
	assert_false(parse_nd("::", "fe80::1"));
	assert_true(parse_nd("fe80::5", "fe80::1"));
	put(&body, "\16\1nonce!", 8);
	assert_true(parse_nd("::", "ff02::1:ff00:1"));
	assert_int_equal(mn.nonce.n, 6);
	put(&body, "\1\1mac678", 8); /* from nowhere, and yet with a link-layer address */
	assert_false(parse_nd("::", "ff02::1:ff00:1"));
	assert_true(parse_nd("fe80::5", "ff02::1:ff00:1"));
}

static void test_nd_refusals(void **state)
{
	dad();
	body.at[1] = 1; /* code */
	assert_false(parse_nd("fe80::5", "fe80::1"));
	nd(&body, ND_NEIGHBOUR_SOLICITATION, "ff02::1");
	assert_false(parse_nd("fe80::5", "fe80::1"));
	dad();
	body.n = 23;
	assert_false(parse_nd("fe80::5", "fe80::1"));
	dad();
	put(&body, "\16\0nonce!", 8); /* an option without length */
	assert_false(parse_nd("fe80::5", "fe80::1"));
	dad();
	put(&body, "\16\2nonce!", 8); /* one that is longer than the message */
	assert_false(parse_nd("fe80::5", "fe80::1"));
	dad();
	put(&body, "\16\1nonc", 6);
	assert_false(parse_nd("fe80::5", "fe80::1"));
	dad();
	ipv6(&p, guest_mac, "fe80::5", "fe80::1", 58, &body);
	p.at[21] = 254; /* it came over a router */
	assert_true(frame_open(p.at, p.n, p.n, FROM_GUEST, &f));
	assert_false(nd_parse(&f, &mn));
}

/* RFC 4861 7.1.2 and 6.1.1. */
static void test_nd_rules_of_types(void **state)
{
	nd(&body, ND_NEIGHBOUR_ADVERTISEMENT, "fe80::1");
	assert_true(parse_nd("fe80::1", "ff02::1"));
	body.at[4] = 0x40; /* solicited, and to all */
	assert_false(parse_nd("fe80::1", "ff02::1"));
	assert_true(parse_nd("fe80::1", "fe80::2"));
	nd(&body, ND_ROUTER_SOLICITATION, NULL);
	assert_true(parse_nd("::", "ff02::2"));
	put(&body, "\1\1mac678", 8);
	assert_false(parse_nd("::", "ff02::2"));
	assert_true(parse_nd("fe80::1", "ff02::2"));
	nd(&body, ND_REDIRECT, "fe80::2");
	assert_false(parse_nd("fe80::1", "fe80::2"));
	put_address(&body, "2001:db8::1");
	assert_true(parse_nd("fe80::1", "fe80::2"));
}

static void ra(void)
{
	nd(&body, ND_ROUTER_ADVERTISEMENT, NULL);
	put_zeros(&body, 8);
}

static void test_nd_prefixes(void **state)
{
	ra();
	prefix_option(&body, "2001:db8::", 64, 3600);
	prefix_option(&body, "2001:db8:1::", 64, 0);
	body.at[16 + 32 + 3] = 0x80; /* on the link, and not for addresses */
	assert_true(parse_nd("fe80::2", "ff02::1"));
	assert_int_equal(mn.nprefixes, 2);
	assert_true(mn.prefixes[0].autonomous && !mn.prefixes[1].autonomous);
	assert_int_equal(mn.prefixes[0].valid, 3600);
	assert_false(parse_nd("2001:db8::1", "ff02::1")); /* no router speaks from there */
	ra();
	prefix_option(&body, "2001:db8::", 129, 3600);
	assert_true(parse_nd("fe80::2", "ff02::1"));
	assert_int_equal(mn.nprefixes, 0);
	ra();
	for (unsigned i = 0; i < ND_PREFIXES + 3; i++)
		prefix_option(&body, "2001:db8::", 64, i);
	assert_true(parse_nd("fe80::2", "ff02::1"));
	assert_int_equal(mn.nprefixes, ND_PREFIXES);
}

/* RFC 4862 5.5.3 c: a preferred lifetime beyond the valid one makes the option void. */
static void test_nd_prefix_lifetimes(void **state)
{
	ra();
	prefix_option(&body, "2001:db8::", 64, 3600);
	body.at[16 + 10] = 0x10; /* preferred 3600 + 0xe00 */
	body.at[16 + 11] = 0;
	body.at[16 + 8] = 1;
	assert_true(parse_nd("fe80::2", "ff02::1"));
	assert_int_equal(mn.nprefixes, 0);
}

/* --- DHCPv6 --- */

static struct dhcp6_message m6;

static bool parse6(void)
{
	uint8_t *copy = malloc(body.n ? body.n : 1);
	memcpy(copy, body.at, body.n);
	bool good = dhcp6_parse((struct bytes){copy, body.n}, &m6);
	free(copy);
	return good;
}

static void reply6(void)
{
	dhcp6(&body, DHCP6_REPLY, 0x010203);
	option6(&body, 1, 4, "\0\3ab");
	option6(&body, 2, 4, "\0\3cd");
}

static void test_dhcp6_fields(void **state)
{
	struct address a = addr("2001:db8::1");
	reply6();
	ia_na(&body, "2001:db8::1", 3600);
	ia_na(&body, "2001:db8::2", 0);
	option6(&body, 13, 2, "\0\2");
	option6(&body, 14, 0, "");
	option6(&body, 25, 3, "pd!"); /* of no interest, whatever is in it */
	assert_true(parse6());
	assert_int_equal(m6.type, DHCP6_REPLY);
	assert_int_equal(m6.xid, 0x010203);
	assert_int_equal(m6.client_id.n, 4);
	assert_true(m6.has_server_id && m6.rapid);
	assert_int_equal(m6.status, 2);
	assert_int_equal(m6.naddresses, 2);
	assert_true(address_eq(&m6.addresses[0].address, &a));
	assert_int_equal(m6.addresses[0].valid, 3600);
	assert_int_equal(m6.addresses[1].valid, 0);
}

static void test_dhcp6_refusals(void **state)
{
	static const char zeros[200];
	static const struct {
		unsigned code, n;
	} wrong[] = {{1, 4}, {2, 2}, {2, 131}, {3, 11}, {4, 3}, {13, 1}, {14, 1}, {3, 13}, {4, 7}};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		reply6();
		option6(&body, wrong[i].code, wrong[i].n, zeros);
		assert_false(parse6());
	}
	for (unsigned type = 0; type < 16; type++) {
		dhcp6(&body, type, 1);
		assert_int_equal(parse6(), type > 0 && type < DHCP6_TYPES);
	}
}

static void test_dhcp6_cut(void **state)
{
	reply6();
	size_t ia = body.n;
	ia_na(&body, "2001:db8::1", 3600);
	size_t n = body.n;
	for (body.n = 0; body.n < n; body.n++)
		assert_int_equal(parse6(), body.n == 4 || body.n == 12 || body.n == ia);
	/* lengths inside that say more than there is, or less than an address has */
	for (unsigned v = 0; v < 60; v++) {
		body.n = n;
		body.at[ia + 3] = (uint8_t)v;
		bool good = parse6();
		assert_int_equal(good, v == 40 || v == 12);
		body.at[ia + 3] = 40;
		body.at[ia + 19] = (uint8_t)v;
		assert_int_equal(parse6(), v == 24);
		body.at[ia + 19] = 24;
	}
}

static void test_dhcp6_many_addresses(void **state)
{
	reply6();
	for (unsigned i = 0; i < DHCP6_ADDRESSES + 5; i++)
		ia_na(&body, "2001:db8::1", i);
	assert_true(parse6());
	assert_int_equal(m6.naddresses, DHCP6_ADDRESSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kinds),
		TEST(test_one_tag_is_stepped_over),
		TEST(test_ipv4_headers),
		TEST(test_ip_options_and_padding),
		TEST(test_ipv6_headers),
		TEST(test_cut_frames),
		TEST(test_arp),
		TEST(test_dhcp4_fields),
		TEST(test_dhcp4_refusals),
		TEST(test_dhcp4_cut),
		TEST(test_dhcp4_overload),
		TEST(test_dhcp4_type_before_parsing),
		TEST(test_nd_dad),
		TEST(test_nd_refusals),
		TEST(test_nd_rules_of_types),
		TEST(test_nd_prefixes),
		TEST(test_nd_prefix_lifetimes),
		TEST(test_dhcp6_fields),
		TEST(test_dhcp6_refusals),
		TEST(test_dhcp6_cut),
		TEST(test_dhcp6_many_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
