/* SPDX-License-Identifier: MIT */
/* learnd: what DHCP and DHCPv6 teach, to the nanosecond. */
#include "testsuite/unit/learnd_fixture.h"

#define SERVER "10.0.0.254"

static struct packet m;

static int setup(void **state)
{
	int error = setup_learner();
	restart(MODE_DHCP);
	return error;
}

static int teardown(void **state)
{
	return teardown_learner();
}

static void client4(unsigned type, uint32_t xid, const char *ciaddr, const char *requested,
		    instant now)
{
	dhcp4(&m, type, xid, ciaddr, "0.0.0.0");
	if (requested)
		option_address(&m, 50, requested);
	send_dhcp4(&m, NULL, now);
}

static void make_answer4(unsigned type, uint32_t xid, const char *yiaddr, uint32_t lease)
{
	dhcp4(&m, type, xid, "0.0.0.0", yiaddr);
	option_address(&m, 54, SERVER);
	if (lease)
		option_u32(&m, 51, lease);
}

static void server4(unsigned type, uint32_t xid, const char *yiaddr, uint32_t lease, instant now)
{
	make_answer4(type, xid, yiaddr, lease);
	send_dhcp4(&m, SERVER, now);
}

/* A lease of 100 s, from T0. */
static void lease4(void)
{
	client4(DHCP4_REQUEST, 7, "0.0.0.0", "10.0.0.5", T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0);
	expect_until(T0 + 100 * SECOND);
	expect_why("ACK");
}

static void test_lease_and_its_end(void **state)
{
	client4(DHCP4_DISCOVER, 7, "0.0.0.0", NULL, T0);
	server4(DHCP4_OFFER, 7, "10.0.0.5", 100, T0);
	expect_nothing();
	lease4();
	assert_true(port->next == T0 + 100 * SECOND);
	learner_timers(port, T0 + 100 * SECOND - 1);
	expect_nothing();
	assert_true(bound("10.0.0.5"));
	learner_timers(port, T0 + 100 * SECOND);
	expect_event(EVENT_EXPIRE, "10.0.0.5", BY_DHCP4, T0 + 100 * SECOND);
	assert_false(bound("10.0.0.5"));
	assert_true(port->next == NEVER);
	assert_int_equal(learner.nowners, 0);
}

static void test_renewal_longer_and_shorter(void **state)
{
	lease4();
	client4(DHCP4_REQUEST, 8, "10.0.0.5", NULL, T0 + 50 * SECOND);
	server4(DHCP4_ACK, 8, "10.0.0.5", 100, T0 + 50 * SECOND);
	expect_event(EVENT_RENEW, "10.0.0.5", BY_DHCP4, T0 + 50 * SECOND);
	expect_until(T0 + 150 * SECOND);
	server4(DHCP4_ACK, 8, "10.0.0.5", 1, T0 + 60 * SECOND);
	expect_event(EVENT_RENEW, "10.0.0.5", BY_DHCP4, T0 + 60 * SECOND);
	learner_timers(port, T0 + 61 * SECOND);
	expect_event(EVENT_EXPIRE, "10.0.0.5", BY_DHCP4, T0 + 61 * SECOND);
}

static void test_infinite_lease(void **state)
{
	client4(DHCP4_REQUEST, 7, "0.0.0.0", "10.0.0.5", T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", UINT32_MAX, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0);
	assert_true(told[0].infinite);
	assert_true(port->next == NEVER);
	server4(DHCP4_ACK, 7, "10.0.0.5", UINT32_MAX - 1, T0);
	expect_event(EVENT_RENEW, "10.0.0.5", BY_DHCP4, T0);
	expect_until(T0 + (instant)(UINT32_MAX - 1) * SECOND);
	assert_false(told[1].infinite);
}

/* dhclient keeps one xid: the age of a request is that of the last with its xid. */
static void test_age_of_a_request(void **state)
{
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0);
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0 + 100 * SECOND);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0 + 220 * SECOND);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0 + 220 * SECOND);
	client4(DHCP4_REQUEST, 8, "0.0.0.0", NULL, T0 + 230 * SECOND);
	server4(DHCP4_ACK, 8, "10.0.0.6", 100, T0 + 350 * SECOND + 1);
	expect_event(EVENT_EXPIRE, "10.0.0.5", BY_DHCP4, T0 + 320 * SECOND);
	expect_event(EVENT_IGNORE, "10.0.0.6", BY_DHCP4, T0 + 350 * SECOND + 1);
	expect_why("nobody asked (xid, chaddr)");
}

/* The table of requests is bounded: the oldest of 33 is forgotten, the others are not. */
static void test_many_requests(void **state)
{
	for (uint32_t i = 0; i <= REQUESTS; i++)
		client4(DHCP4_REQUEST, 100 + i, "0.0.0.0", NULL, T0 + i * SECOND);
	server4(DHCP4_ACK, 100, "10.0.0.5", 100, T0 + 40 * SECOND);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0 + 40 * SECOND);
	server4(DHCP4_ACK, 101, "10.0.0.5", 100, T0 + 40 * SECOND);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0 + 40 * SECOND);
}

static void test_nak_release_decline(void **state)
{
	lease4();
	/* a NAK has no address: it ends what its request asked for */
	client4(DHCP4_REQUEST, 9, "10.0.0.5", NULL, T0 + SECOND);
	server4(DHCP4_NAK, 10, "0.0.0.0", 0, T0 + SECOND);
	expect_nothing();
	server4(DHCP4_NAK, 9, "0.0.0.0", 0, T0 + SECOND);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_DHCP4, T0 + SECOND);
	expect_why("NAK");
	lease4();
	client4(DHCP4_RELEASE, 11, "10.0.0.6", NULL, T0);
	expect_nothing();
	client4(DHCP4_RELEASE, 11, "10.0.0.5", NULL, T0);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_DHCP4, T0);
	expect_why("RELEASE");
	lease4();
	client4(DHCP4_DECLINE, 12, "10.0.0.5", NULL, T0); /* ciaddr is not what it declines */
	expect_nothing();
	client4(DHCP4_DECLINE, 12, "0.0.0.0", "10.0.0.5", T0);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_DHCP4, T0);
	expect_why("DECLINE");
}

static void test_rapid_commit(void **state)
{
	client4(DHCP4_DISCOVER, 7, "0.0.0.0", NULL, T0); /* without option 80 */
	make_answer4(DHCP4_ACK, 7, "10.0.0.5", 100);
	option(&m, 80, 0, "");
	send_dhcp4(&m, SERVER, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	dhcp4(&m, DHCP4_DISCOVER, 7, "0.0.0.0", "0.0.0.0");
	option(&m, 80, 0, "");
	send_dhcp4(&m, NULL, T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0); /* the answer without it */
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	server4(DHCP4_NAK, 7, "0.0.0.0", 0, T0);
	expect_nothing();
	make_answer4(DHCP4_ACK, 7, "10.0.0.5", 100);
	option(&m, 80, 0, "");
	send_dhcp4(&m, SERVER, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0);
}

static void test_inform_is_no_lease(void **state)
{
	client4(DHCP4_INFORM, 7, "10.0.0.5", NULL, T0);
	server4(DHCP4_ACK, 7, "0.0.0.0", 0, T0);
	expect_event(EVENT_IGNORE, "0.0.0.0", BY_DHCP4, T0);
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 0, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	expect_why("no lease time or no address");
	dhcp4(&m, DHCP4_ACK, 7, "0.0.0.0", "10.0.0.5");
	option_u32(&m, 51, 100);
	send_dhcp4(&m, SERVER, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	expect_why("no server identifier");
	assert_false(bound("10.0.0.5"));
}

static void test_client_identifiers(void **state)
{
	dhcp4(&m, DHCP4_REQUEST, 7, "0.0.0.0", "0.0.0.0");
	option(&m, 61, 3, "abc");
	send_dhcp4(&m, NULL, T0);
	make_answer4(DHCP4_ACK, 7, "10.0.0.5", 100);
	option(&m, 61, 3, "abd");
	send_dhcp4(&m, SERVER, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0); /* need not be there */
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0);
}

static void test_servers(void **state)
{
	struct address servers[] = {addr(SERVER)};
	list_set(&config[0].servers[FAMILY_IPV4], servers, 1);
	client4(DHCP4_REQUEST, 7, "0.0.0.0", "10.0.0.5", T0);
	make_answer4(DHCP4_ACK, 7, "10.0.0.5",
		     100); /* says it is the server, and comes from another */
	send_dhcp4(&m, "10.0.0.66", T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	expect_why("not a trusted server");
	lease4();
	make_answer4(DHCP4_NAK, 7, "0.0.0.0", 0);
	send_dhcp4(&m, "10.0.0.66", T0);
	expect_nothing();
}

/* The guest as a server: whatever it says of itself, nothing is believed. */
static void test_server_in_the_guest(void **state)
{
	struct packet ud, p;
	client4(DHCP4_REQUEST, 7, "0.0.0.0", "10.0.0.5", T0 - SECOND);
	make_answer4(DHCP4_ACK, 7, "10.0.0.5", 100);
	udp(&ud, 67, 68, &m);
	ipv4(&p, guest_mac, SERVER, "255.255.255.255", 17, &ud);
	frame_at(&p, FROM_GUEST, T0 - SECOND);
	udp(&ud, 68, 67, &m);
	ipv4(&p, guest_mac, SERVER, "255.255.255.255", 17, &ud);
	frame_at(&p, FROM_GUEST, T0 - SECOND);
	frame_at(&p, TO_GUEST, T0 - SECOND);
	expect_nothing();
	dhcp4(&m, DHCP4_RELEASE, 8, "10.0.0.5", "0.0.0.0");
	lease4();
	m.at[0] = 2; /* and a client's message with a server's op */
	frame_at(&p, FROM_GUEST, T0);
	expect_nothing();
}

static void test_other_hosts_answers(void **state)
{
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0);
	make_answer4(DHCP4_ACK, 7, "10.0.0.5", 100);
	m.at[28 + 5] = 9;
	send_dhcp4(&m, SERVER, T0);
	expect_nothing();
	/* a flood of them takes nothing from the guest's own */
	for (int i = 0; i < 500; i++)
		send_dhcp4(&m, SERVER, T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0);
}

static void test_never_learned(void **state)
{
	static const char *const never[] = {"127.0.0.1",   "224.0.0.1", "255.255.255.255",
					    "10.0.0.1",    "10.0.0.2",  "10.0.0.3",
					    "169.254.1.1", "11.0.0.1"};
	struct address gateway[] = {addr("10.0.0.1")}, elsewhere[] = {addr("10.0.0.2")};
	struct address taken = addr("10.0.0.3");
	struct prefix prefix = {addr("10.0.0.0"), 8};
	struct prefix all[] = {
		prefix, {addr("169.254.0.0"), 16}, {addr("224.0.0.0"), 3}, {addr("127.0.0.0"), 8}};
	list_set(&config[0].gateway, gateway, 1);
	list_set(&config[0].elsewhere, elsewhere, 1);
	config[0].prefixes.items = all;
	config[0].prefixes.n = 4;
	learner_take(&learner, &taken, T0);
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0);
	for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
		server4(DHCP4_ACK, 7, never[i], 100, T0);
		expect_event(EVENT_IGNORE, never[i], BY_DHCP4, T0);
	}
	expect_why("outside learn-prefix");
	config[0].linklocal4 = true;
	server4(DHCP4_ACK, 7, "169.254.1.1", 100, T0);
	expect_event(EVENT_ADD, "169.254.1.1", BY_DHCP4, T0);
}

static void test_max_ips(void **state)
{
	char text[16];
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0);
	for (unsigned i = 1; i <= 4; i++) {
		snprintf(text, sizeof text, "10.0.0.%u", i);
		server4(DHCP4_ACK, 7, text, 100 + i, T0);
		expect_event(EVENT_ADD, text, BY_DHCP4, T0);
	}
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	expect_why("no place: max-ips4 reached");
	/* they end in the order of their leases, each at its own time */
	learner_timers(port, T0 + 200 * SECOND);
	for (unsigned i = 1; i <= 4; i++) {
		snprintf(text, sizeof text, "10.0.0.%u", i);
		expect_event(EVENT_EXPIRE, text, BY_DHCP4, T0 + (100 + i) * SECOND);
	}
	expect_nothing();
}

/* A guest that boots again as another client, with one place: the server says what holds now. */
static void test_newer_lease_takes_the_place(void **state)
{
	config[0].max_ips[MODE_ANY][FAMILY_IPV4] = 1;
	restart(MODE_ANY);
	lease4();
	send_data4("10.0.0.5", T0 + SECOND);
	send_data4("10.0.0.6", T0 + SECOND); /* no lease */
	expect_event(EVENT_IGNORE, "10.0.0.6", BY_DATA, T0 + SECOND);
	client4(DHCP4_REQUEST, 8, "0.0.0.0", "10.0.0.6", T0 + 2 * SECOND);
	server4(DHCP4_ACK, 8, "10.0.0.6", 100, T0 + 2 * SECOND);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_DHCP4, T0 + 2 * SECOND);
	expect_why("a newer lease takes its place");
	expect_event(EVENT_ADD, "10.0.0.6", BY_DHCP4, T0 + 2 * SECOND);
	expect_nothing();
}

/* Of several the one that was renewed or used longest ago goes. */
static void test_which_lease_gives_way(void **state)
{
	char text[16];
	for (unsigned i = 1; i <= 5; i++) {
		snprintf(text, sizeof text, "10.0.0.%u", i);
		client4(DHCP4_REQUEST, i, "0.0.0.0", text, T0 + i);
		server4(DHCP4_ACK, i, text, 100, T0 + i);
		if (i == 4)
			server4(DHCP4_ACK, 1, "10.0.0.1", 100, T0 + i);
	}
	assert_true(bound("10.0.0.1") && !bound("10.0.0.2") && bound("10.0.0.5"));
}

static void test_families(void **state)
{
	config[0].families[FAMILY_IPV4] = false;
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0);
	expect_nothing();
}

static void test_mode_dhcp_learns_by_nothing_else(void **state)
{
	struct packet n;
	send_data4("10.0.0.5", T0);
	send_data6("2001:db8::5", T0);
	send_arp(FROM_GUEST, guest_mac, ARP_REQUEST, "10.0.0.5", "10.0.0.1", T0);
	send_arp(FROM_GUEST, guest_mac, ARP_REQUEST, "0.0.0.0", "10.0.0.5", T0);
	nd(&n, ND_NEIGHBOUR_SOLICITATION, "2001:db8::5");
	send_nd(&n, FROM_GUEST, "::", "ff02::1:ff00:5", T0);
	nd(&n, ND_NEIGHBOUR_ADVERTISEMENT, "2001:db8::5");
	send_nd(&n, FROM_GUEST, "2001:db8::5", "ff02::1", T0);
	expect_nothing();
	/* but the address that DHCPv6 is spoken from */
	nd(&n, ND_NEIGHBOUR_SOLICITATION, "fe80::5");
	send_nd(&n, FROM_GUEST, "::", "ff02::1:ff00:5", T0);
	learner_timers(port, T0 + SECOND);
	expect_event(EVENT_TENTATIVE, "fe80::5", BY_ND, T0);
	expect_event(EVENT_ADD, "fe80::5", BY_ND, T0 + SECOND);
}

/* What comes in from a guest's MAC address comes from a guest, and that is no server. */
static void test_guests_are_no_servers(void **state)
{
	struct learn_port *other = learner_add_port(&learner, &config[1], MODE_DHCP);
	client4(DHCP4_REQUEST, 7, "0.0.0.0", "10.0.0.5", T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0);
	expect_why("a guest's MAC address");
	learner_remove_port(other);
	server4(DHCP4_NAK, 7, "0.0.0.0", 0, T0);
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0);
}

/* A guest that plays the server is not believed a server's answer for 1 s: it may be its own. Seen
 * of its message is what the kernel's filter cuts off. */
static void test_guest_that_plays_the_server(void **state)
{
	struct packet u, p;
	client4(DHCP4_REQUEST, 7, "0.0.0.0", "10.0.0.5", T0);
	make_answer4(DHCP4_ACK, 7, "10.0.0.5", 100);
	udp(&u, 67, 68, &m);
	ipv4(&p, other_mac, SERVER, "10.0.0.5", 17, &u);
	learner_frame(port, p.at, 86, p.n, FROM_GUEST, T0);
	memcpy(p.at, other_mac, 6); /* to another: that does not come back */
	learner_frame(port, p.at, 86, p.n, FROM_GUEST, T0 + SECOND / 2);
	memcpy(p.at, guest_mac, 6);
	frame_at(&p, TO_GUEST, T0 + SECOND - 1);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_DHCP4, T0 + SECOND - 1);
	expect_why("the guest plays the server");
	frame_at(&p, TO_GUEST, T0 + SECOND);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0 + SECOND);
}

/* Each type of message has a bucket of its own, and answers of trusted servers another. */
static void test_rate_classes(void **state)
{
	struct address servers[] = {addr(SERVER)};
	list_set(&config[0].servers[FAMILY_IPV4], servers, 1);
	for (int i = 0; i < 1000; i++)
		client4(DHCP4_DISCOVER, 1, "0.0.0.0", NULL, T0);
	assert_int_equal(port->dropped_total, 950);
	client4(DHCP4_REQUEST, 7, "0.0.0.0", NULL, T0);
	make_answer4(DHCP4_ACK, 7, "10.0.0.66", 100);
	for (int i = 0; i < 1000; i++)
		send_dhcp4(&m, "10.0.0.66", T0);
	assert_int_equal(port->dropped_total, 1900);
	nread = ntold;
	server4(DHCP4_ACK, 7, "10.0.0.5", 100, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DHCP4, T0);
}

static void discover(unsigned times, instant now)
{
	while (times--)
		client4(DHCP4_DISCOVER, 1, "0.0.0.0", NULL, now);
}

/* Its own share of 100 at once and then 20 a second, and all ports of a host together 10000 at once
 * and then 2000 a second. */
static void test_global_rate(void **state)
{
	learner.class_limit = limit_of(1000000, 1000000);
	discover(10101, T0);
	assert_int_equal(learner.dropped_global, 1);
	discover(1, T0 + SECOND / 2000 - 1);
	assert_int_equal(learner.dropped_global, 2);
	discover(1, T0 + SECOND / 2000);
	assert_int_equal(learner.dropped_global, 2);
	discover(1, T0 + SECOND / 20);
	assert_int_equal(learner.dropped_global, 2);
}

/* However many flood, a port is heard. */
static void test_share_of_a_port(void **state)
{
	struct packet p;
	struct learn_port *other = learner_add_port(&learner, &config[1], MODE_ANY);
	learner.class_limit = limit_of(1000000, 1000000);
	discover(20000, T0);
	arp(&p, other_mac, ARP_REQUEST, "10.0.0.5", "10.0.0.5");
	learner_frame(other, p.at, p.n, p.n, FROM_GUEST, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0);
	learner_remove_port(other);
}

/* --- DHCPv6 --- */

static void client6(unsigned type, uint32_t xid, const char *address, instant now)
{
	dhcp6(&m, type, xid);
	option6(&m, 1, 4, "\0\3ab");
	if (address)
		ia_na(&m, address, 0);
	send_dhcp6(&m, FROM_GUEST, now);
}

static void make_reply6(uint32_t xid, const char *client)
{
	dhcp6(&m, DHCP6_REPLY, xid);
	option6(&m, 1, 4, client);
	option6(&m, 2, 4, "\0\3cd");
}

static void reply6(uint32_t xid, const char *address, uint32_t valid, instant now)
{
	make_reply6(xid, "\0\3ab");
	ia_na(&m, address, valid);
	send_dhcp6(&m, TO_GUEST, now);
}

static void lease6(void)
{
	client6(DHCP6_REQUEST, 7, "2001:db8::5", T0);
	reply6(7, "2001:db8::5", 100, T0);
	expect_event(EVENT_ADD, "2001:db8::5", BY_DHCP6, T0);
	expect_until(T0 + 100 * SECOND);
}

static void test_dhcp6_lease(void **state)
{
	reply6(7, "2001:db8::5", 100, T0);
	expect_event(EVENT_IGNORE, "2001:db8::5", BY_DHCP6, T0);
	expect_why("nobody asked (xid, client DUID)");
	lease6();
	client6(DHCP6_RENEW, 8, "2001:db8::5", T0 + 50 * SECOND);
	reply6(8, "2001:db8::5", 20, T0 + 50 * SECOND);
	expect_event(EVENT_RENEW, "2001:db8::5", BY_DHCP6, T0 + 50 * SECOND);
	learner_timers(port, T0 + 70 * SECOND);
	expect_event(EVENT_EXPIRE, "2001:db8::5", BY_DHCP6, T0 + 70 * SECOND);
}

static void test_dhcp6_withdrawal(void **state)
{
	config[0].max_ips[MODE_DHCP][FAMILY_IPV6] = 1;
	restart(MODE_DHCP);
	lease6();
	/* as kea renumbers: the new one first, the old one with nothing left */
	client6(DHCP6_RENEW, 8, "2001:db8::5", T0 + SECOND);
	make_reply6(8, "\0\3ab");
	ia_na(&m, "2001:db8::6", 100);
	ia_na(&m, "2001:db8::5", 0);
	send_dhcp6(&m, TO_GUEST, T0 + SECOND);
	expect_event(EVENT_DELETE, "2001:db8::5", BY_DHCP6, T0 + SECOND);
	expect_event(EVENT_ADD, "2001:db8::6", BY_DHCP6, T0 + SECOND);
	client6(DHCP6_RELEASE, 9, "2001:db8::6", T0 + SECOND);
	expect_event(EVENT_DELETE, "2001:db8::6", BY_DHCP6, T0 + SECOND);
	lease6();
	client6(DHCP6_DECLINE, 9, "2001:db8::5", T0 + SECOND);
	expect_event(EVENT_DELETE, "2001:db8::5", BY_DHCP6, T0 + SECOND);
	expect_why("DECLINE");
}

static void test_dhcp6_rapid_commit(void **state)
{
	client6(DHCP6_SOLICIT, 7, NULL, T0);
	reply6(7, "2001:db8::5", 100, T0);
	expect_event(EVENT_IGNORE, "2001:db8::5", BY_DHCP6, T0);
	dhcp6(&m, DHCP6_SOLICIT, 7);
	option6(&m, 1, 4, "\0\3ab");
	option6(&m, 14, 0, "");
	send_dhcp6(&m, FROM_GUEST, T0);
	reply6(7, "2001:db8::5", 100, T0);
	expect_event(EVENT_IGNORE, "2001:db8::5", BY_DHCP6, T0);
	make_reply6(7, "\0\3ab");
	option6(&m, 14, 0, "");
	ia_na(&m, "2001:db8::5", 100);
	send_dhcp6(&m, TO_GUEST, T0);
	expect_event(EVENT_ADD, "2001:db8::5", BY_DHCP6, T0);
}

static void test_dhcp6_refusals(void **state)
{
	client6(DHCP6_REQUEST, 7, NULL, T0);
	make_reply6(7, "\0\3xy"); /* another client */
	ia_na(&m, "2001:db8::5", 100);
	send_dhcp6(&m, TO_GUEST, T0);
	expect_event(EVENT_IGNORE, "2001:db8::5", BY_DHCP6, T0);
	make_reply6(7, "\0\3ab"); /* a refusal, whatever stands in it (RFC 8415 18.2.10) */
	option6(&m, 13, 2, "\0\1");
	ia_na(&m, "2001:db8::5", 100);
	send_dhcp6(&m, TO_GUEST, T0);
	expect_event(EVENT_IGNORE, "2001:db8::5", BY_DHCP6, T0);
	dhcp6(&m, DHCP6_REPLY, 7); /* no server (16.10) */
	option6(&m, 1, 4, "\0\3ab");
	ia_na(&m, "2001:db8::5", 100);
	send_dhcp6(&m, TO_GUEST, T0);
	expect_event(EVENT_IGNORE, "2001:db8::5", BY_DHCP6, T0);
	make_reply6(7, "\0\3ab");
	m.at[0] = DHCP6_ADVERTISE;
	ia_na(&m, "2001:db8::5", 100);
	send_dhcp6(&m, TO_GUEST, T0);
	m.at[0] = DHCP6_REPLY;
	send_dhcp6(&m, FROM_GUEST, T0);
	expect_nothing();
	struct address servers[] = {addr("fe80::3")};
	list_set(&config[0].servers[FAMILY_IPV6], servers, 1);
	reply6(7, "2001:db8::5", 100, T0);
	expect_event(EVENT_IGNORE, "2001:db8::5", BY_DHCP6, T0);
	expect_why("not a trusted server");
	assert_int_equal(port->n[FAMILY_IPV6], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lease_and_its_end),
		TEST(test_renewal_longer_and_shorter),
		TEST(test_infinite_lease),
		TEST(test_age_of_a_request),
		TEST(test_many_requests),
		TEST(test_nak_release_decline),
		TEST(test_rapid_commit),
		TEST(test_inform_is_no_lease),
		TEST(test_client_identifiers),
		TEST(test_servers),
		TEST(test_server_in_the_guest),
		TEST(test_other_hosts_answers),
		TEST(test_never_learned),
		TEST(test_max_ips),
		TEST(test_newer_lease_takes_the_place),
		TEST(test_which_lease_gives_way),
		TEST(test_families),
		TEST(test_mode_dhcp_learns_by_nothing_else),
		TEST(test_guests_are_no_servers),
		TEST(test_guest_that_plays_the_server),
		TEST(test_rate_classes),
		TEST(test_global_rate),
		TEST(test_share_of_a_port),
		TEST(test_dhcp6_lease),
		TEST(test_dhcp6_withdrawal),
		TEST(test_dhcp6_rapid_commit),
		TEST(test_dhcp6_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
