/* SPDX-License-Identifier: MIT */
/* learnd: what ARP, neighbour discovery and data teach, to the nanosecond; ports that change. */
#include "testsuite/unit/learnd_fixture.h"

static struct packet m;

static int setup(void **state)
{
	return setup_learner();
}

static int teardown(void **state)
{
	return teardown_learner();
}

static void probe4(const char *address, instant now)
{
	send_arp(FROM_GUEST, guest_mac, ARP_REQUEST, "0.0.0.0", address, now);
}

static void announce4(const char *address, instant now)
{
	send_arp(FROM_GUEST, guest_mac, ARP_REQUEST, address, address, now);
}

static void answer4(const char *address, instant now)
{
	send_arp(TO_GUEST, other_mac, ARP_REPLY, address, "0.0.0.0", now);
}

static void dad6(const char *address, const char *nonce, enum direction d, instant now)
{
	char group[ADDRESS_TEXT];
	struct address a = addr(address);
	nd(&m, ND_NEIGHBOUR_SOLICITATION, address);
	if (nonce)
		put(&m, nonce, 8);
	snprintf(group, sizeof group, "ff02::1:ff%02x:%02x%02x", a.octet[13], a.octet[14],
		 a.octet[15]);
	send_nd(&m, d, "::", group, now);
}

static void na6(const char *address, enum direction d, instant now)
{
	nd(&m, ND_NEIGHBOUR_ADVERTISEMENT, address);
	send_nd(&m, d, address, "ff02::1", now);
}

static void ra6(const char *prefix, unsigned length, uint32_t valid, instant now)
{
	nd(&m, ND_ROUTER_ADVERTISEMENT, NULL);
	put_zeros(&m, 8);
	prefix_option(&m, prefix, length, valid);
	send_nd(&m, TO_GUEST, "fe80::2", "ff02::1", now);
}

/* --- ARP --- */

static void test_probe_waits_a_second(void **state)
{
	probe4("10.0.0.5", T0);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0);
	probe4("10.0.0.5", T0 + SECOND / 2); /* makes the wait no longer */
	assert_true(port->next == T0 + SECOND);
	learner_timers(port, T0 + SECOND - 1);
	expect_nothing();
	learner_timers(port, T0 + 5 * SECOND);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0 + SECOND);
	expect_nothing();
	assert_true(port->next == NEVER);
}

static void test_conflict_in_time(void **state)
{
	probe4("10.0.0.5", T0);
	answer4("10.0.0.6", T0 + 1); /* of another address */
	answer4("10.0.0.5", T0 + SECOND - 1);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0);
	expect_event(EVENT_CONFLICT, "10.0.0.5", BY_ARP, T0 + SECOND - 1);
	learner_timers(port, T0 + 5 * SECOND);
	expect_nothing();
	probe4("10.0.0.5", T0 + 6 * SECOND);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0 + 6 * SECOND);
	send_arp(TO_GUEST, other_mac, ARP_REQUEST, "0.0.0.0", "10.0.0.5", T0 + 6 * SECOND);
	expect_event(EVENT_CONFLICT, "10.0.0.5", BY_ARP, T0 + 6 * SECOND);
	expect_why("ARP probe of another host");
}

/* The timer comes first when a frame has its very instant. */
static void test_conflict_too_late(void **state)
{
	probe4("10.0.0.5", T0);
	answer4("10.0.0.5", T0 + SECOND);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0 + SECOND);
	/* bound, but only asked about: it goes */
	expect_event(EVENT_CONFLICT, "10.0.0.5", BY_ARP, T0 + SECOND);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_ARP, T0 + SECOND);
	probe4("10.0.0.5", T0 + 2 * SECOND);
	send_data4("10.0.0.5", T0 + 4 * SECOND); /* used: it stays */
	probe4("10.0.0.6", T0 + 4 * SECOND);
	answer4("10.0.0.5", T0 + 4 * SECOND);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0 + 2 * SECOND);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0 + 3 * SECOND);
	expect_event(EVENT_TENTATIVE, "10.0.0.6", BY_ARP, T0 + 4 * SECOND);
	expect_event(EVENT_CONFLICT, "10.0.0.5", BY_ARP, T0 + 4 * SECOND);
	expect_nothing();
	assert_true(bound("10.0.0.5"));
}

static void test_no_conflict(void **state)
{
	probe4("10.0.0.5", T0);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0);
	/* its own, sent back to it; a reply from nowhere, which is no probe */
	send_arp(TO_GUEST, guest_mac, ARP_REQUEST, "0.0.0.0", "10.0.0.5", T0);
	send_arp(TO_GUEST, other_mac, ARP_REPLY, "0.0.0.0", "10.0.0.5", T0);
	expect_nothing();
	assert_int_equal(port->ntentatives, 1);
}

static void test_announcement_ends_the_wait(void **state)
{
	probe4("10.0.0.5", T0);
	announce4("10.0.0.5", T0 + 1);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0 + 1);
	assert_true(port->next == NEVER);
	answer4("10.0.0.5", T0 + 2);
	expect_nothing();
}

static void test_arp_of_no_worth(void **state)
{
	struct packet p;
	send_arp(FROM_GUEST, other_mac, ARP_REQUEST, "10.0.0.5", "10.0.0.5", T0);
	arp(&p, guest_mac, ARP_REQUEST, "10.0.0.5", "10.0.0.5");
	p.at[14 + 8 + 5] = 9; /* the sender in the packet is another */
	frame_at(&p, FROM_GUEST, T0);
	send_arp(FROM_GUEST, guest_mac, ARP_REPLY, "0.0.0.0", "10.0.0.5", T0);
	send_arp(FROM_GUEST, guest_mac, ARP_REQUEST, "0.0.0.0", "0.0.0.0", T0);
	send_arp(TO_GUEST, other_mac, ARP_REQUEST, "10.0.0.5", "10.0.0.5", T0);
	expect_nothing();
}

/* Other hosts' ARP, however much, does not hide the one that matters. */
static void test_flood_hides_no_conflict(void **state)
{
	probe4("10.0.0.5", T0);
	for (int i = 0; i < 500; i++)
		answer4("10.0.0.6", T0);
	answer4("10.0.0.5", T0);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0);
	expect_event(EVENT_CONFLICT, "10.0.0.5", BY_ARP, T0);
}

static void test_many_probes(void **state)
{
	char text[16];
	for (unsigned i = 1; i <= TENTATIVES + 4; i++) {
		snprintf(text, sizeof text, "10.0.0.%u", i);
		probe4(text, T0 + i);
	}
	assert_int_equal(port->ntentatives, TENTATIVES);
	learner_timers(port, T0 + 2 * SECOND);
	assert_int_equal(port->n[FAMILY_IPV4], 4);
	assert_true(bound("10.0.0.1") && bound("10.0.0.4"));
}

/* --- data --- */

static void test_data(void **state)
{
	send_data4("10.0.0.5", T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DATA, T0);
	send_data4("10.0.0.5", T0 + 1);
	send_data4("0.0.0.0", T0 + 1);
	expect_nothing();
	send_data6("2001:db8::5", T0 + 1);
	expect_event(EVENT_ADD, "2001:db8::5", BY_DATA, T0 + 1);
	send_data4("224.0.0.5", T0 + 1);
	expect_event(EVENT_IGNORE, "224.0.0.5", BY_DATA, T0 + 1);
}

static void test_stronger_takes_the_place(void **state)
{
	config[0].max_ips[MODE_ANY][FAMILY_IPV4] = 1;
	restart(MODE_ANY);
	send_data4("10.0.0.5", T0);
	send_data4("10.0.0.6", T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_DATA, T0);
	expect_event(EVENT_IGNORE, "10.0.0.6", BY_DATA, T0);
	announce4("10.0.0.7", T0);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_DATA, T0);
	expect_event(EVENT_ADD, "10.0.0.7", BY_ARP, T0);
	announce4("10.0.0.8", T0);
	expect_event(EVENT_IGNORE, "10.0.0.8", BY_ARP, T0);
	send_data4("10.0.0.7", T0); /* weaker: only shows that it is used */
	expect_nothing();
}

static void test_idle_address_gives_way(void **state)
{
	config[0].max_ips[MODE_ANY][FAMILY_IPV4] = 1;
	restart(MODE_ANY);
	announce4("10.0.0.5", T0);
	announce4("10.0.0.6", T0 + 300 * SECOND);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0);
	expect_event(EVENT_IGNORE, "10.0.0.6", BY_ARP, T0 + 300 * SECOND);
	send_data4("10.0.0.6", T0 + 300 * SECOND + 1); /* weaker */
	expect_event(EVENT_IGNORE, "10.0.0.6", BY_DATA, T0 + 300 * SECOND + 1);
	announce4("10.0.0.6", T0 + 300 * SECOND + 1);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_ARP, T0 + 300 * SECOND + 1);
	expect_event(EVENT_ADD, "10.0.0.6", BY_ARP, T0 + 300 * SECOND + 1);
}

/* --- neighbour discovery --- */

static void test_dad(void **state)
{
	dad6("2001:db8::5", NULL, FROM_GUEST, T0);
	expect_event(EVENT_TENTATIVE, "2001:db8::5", BY_ND, T0);
	na6("2001:db8::5", TO_GUEST, T0 + 1);
	expect_event(EVENT_CONFLICT, "2001:db8::5", BY_ND, T0 + 1);
	dad6("2001:db8::5", NULL, FROM_GUEST, T0 + SECOND);
	expect_event(EVENT_TENTATIVE, "2001:db8::5", BY_ND, T0 + SECOND);
	dad6("2001:db8::5", NULL, TO_GUEST, T0 + SECOND);
	expect_event(EVENT_CONFLICT, "2001:db8::5", BY_ND, T0 + SECOND);
	dad6("2001:db8::5", NULL, FROM_GUEST, T0 + 2 * SECOND);
	learner_timers(port, T0 + 3 * SECOND);
	expect_event(EVENT_TENTATIVE, "2001:db8::5", BY_ND, T0 + 2 * SECOND);
	expect_event(EVENT_ADD, "2001:db8::5", BY_ND, T0 + 3 * SECOND);
}

static void test_own_question_comes_back(void **state)
{
	dad6("2001:db8::5", "\16\1nonce!", FROM_GUEST, T0);
	dad6("2001:db8::5", "\16\1nonce!", TO_GUEST, T0 + 1);
	expect_event(EVENT_TENTATIVE, "2001:db8::5", BY_ND, T0);
	expect_nothing();
	dad6("2001:db8::5", "\16\1other!", TO_GUEST, T0 + 2);
	expect_event(EVENT_CONFLICT, "2001:db8::5", BY_ND, T0 + 2);
}

/* RFC 4429: it speaks from the address at once, which makes it no surer. */
static void test_optimistic_dad(void **state)
{
	dad6("2001:db8::5", NULL, FROM_GUEST, T0);
	expect_event(EVENT_TENTATIVE, "2001:db8::5", BY_ND, T0);
	send_data6("2001:db8::5", T0 + 2);
	na6("2001:db8::5", FROM_GUEST, T0 + 3);
	expect_nothing();
	learner_timers(port, T0 + SECOND);
	expect_event(EVENT_ADD, "2001:db8::5", BY_ND, T0 + SECOND);
	na6("2001:db8::5", TO_GUEST, T0 + 2 * SECOND); /* it was used: stays */
	expect_nothing();
}

static void test_sources_of_nd(void **state)
{
	nd(&m, ND_ROUTER_SOLICITATION, NULL);
	send_nd(&m, FROM_GUEST, "::", "ff02::2", T0);
	expect_nothing();
	send_nd(&m, FROM_GUEST, "fe80::5", "ff02::2", T0);
	expect_event(EVENT_ADD, "fe80::5", BY_ND, T0);
	na6("2001:db8::5", FROM_GUEST, T0);
	expect_event(EVENT_ADD, "2001:db8::5", BY_ND, T0);
	nd(&m, ND_ROUTER_ADVERTISEMENT, NULL);
	put_zeros(&m, 8);
	prefix_option(&m, "2001:db8::", 64, 1);
	send_nd(&m, FROM_GUEST, "fe80::5", "ff02::1", T0);
	expect_event(EVENT_IGNORE, "fe80::5", BY_ND, T0);
	expect_why("RA from the guest");
	assert_int_equal(port->nprefixes, 0);
}

/* --- lifetimes from routers --- */

static void slaac(const char *address, instant now)
{
	dad6(address, NULL, FROM_GUEST, now);
	learner_timers(port, now + SECOND);
	expect_event(EVENT_TENTATIVE, address, BY_ND, now);
	expect_event(EVENT_ADD, address, BY_ND, now + SECOND);
}

static void test_lifetime_of_a_prefix(void **state)
{
	ra6("2001:db8::", 64, 3600, T0);
	slaac("2001:db8::5", T0);
	expect_until(T0 + 3600 * SECOND);
	slaac("2001:db8:1::5", T0);
	expect_until(NEVER);
	ra6("2001:db8::", 64, 7200, T0 + 10 * SECOND);
	expect_event(EVENT_RENEW, "2001:db8::5", BY_ND, T0 + 10 * SECOND);
	expect_until(T0 + 7210 * SECOND);
	learner_timers(port, T0 + 7210 * SECOND);
	expect_event(EVENT_EXPIRE, "2001:db8::5", BY_ND, T0 + 7210 * SECOND);
	expect_nothing();
}

static void test_two_hours(void **state)
{
	const instant two = 7200 * SECOND;
	ra6("2001:db8::", 64, 86400, T0);
	slaac("2001:db8::5", T0);
	ra6("2001:db8::", 64, 7201, T0 + 2 * SECOND); /* more than two hours: shorter is believed */
	expect_event(EVENT_RENEW, "2001:db8::5", BY_ND, T0 + 2 * SECOND);
	expect_until(T0 + two + 3 * SECOND);
	ra6("2001:db8::", 64, 0, T0 + 2 * SECOND);
	expect_event(EVENT_RENEW, "2001:db8::5", BY_ND, T0 + 2 * SECOND);
	expect_until(T0 + two + 2 * SECOND);
	ra6("2001:db8::", 64, 0, T0 + 9 * SECOND); /* less than two hours are left: not at all */
	expect_nothing();
	learner_timers(port, T0 + two + 2 * SECOND);
	expect_event(EVENT_EXPIRE, "2001:db8::5", BY_ND, T0 + two + 2 * SECOND);
}

/* The rule is the address's, whether or not its prefix was heard of before. */
static void test_two_hours_of_what_was_infinite(void **state)
{
	slaac("2001:db8::5", T0);
	ra6("2001:db8::", 64, 0, T0 + 2 * SECOND);
	expect_event(EVENT_RENEW, "2001:db8::5", BY_ND, T0 + 2 * SECOND);
	expect_until(T0 + 7202 * SECOND);
	ra6("2001:db8::", 64, UINT32_MAX, T0 + 3 * SECOND);
	expect_event(EVENT_RENEW, "2001:db8::5", BY_ND, T0 + 3 * SECOND);
	expect_until(NEVER);
	ra6("2001:db8::", 64, 5, T0 + 4 * SECOND);
	expect_event(EVENT_RENEW, "2001:db8::5", BY_ND, T0 + 4 * SECOND);
	expect_until(T0 + 7204 * SECOND);
}

/* A prefix whose lifetime is over gives an address none. */
static void test_prefix_that_is_over(void **state)
{
	ra6("2001:db8::", 64, 4, T0);
	slaac("2001:db8::5", T0 + 10 * SECOND);
	expect_until(NEVER);
	assert_true(port->next == NEVER);
}

static void test_prefixes_that_make_no_addresses(void **state)
{
	slaac("fe80::5", T0);
	slaac("2001:db8::5", T0);
	ra6("fe80::", 64, 100, T0 + SECOND);
	ra6("::", 0, 100, T0 + SECOND);
	ra6("2001:db8::", 48, 100, T0 + SECOND);
	nd(&m, ND_ROUTER_ADVERTISEMENT, NULL);
	put_zeros(&m, 8);
	prefix_option(&m, "2001:db8::", 64, 100);
	m.at[16 + 3] = 0x80;
	send_nd(&m, TO_GUEST, "fe80::2", "ff02::1", T0 + SECOND);
	expect_nothing();
	/* bits behind the length say nothing: it is one prefix */
	ra6("2001:db8::77", 64, 8000, T0 + SECOND);
	ra6("2001:db8::", 64, 9000, T0 + SECOND);
	assert_int_equal(port->nprefixes, 1);
}

static void test_places_of_prefixes(void **state)
{
	char text[ADDRESS_TEXT];
	for (unsigned i = 0; i < 3 * PREFIXES; i++) {
		snprintf(text, sizeof text, "2001:db8:%x::", i + 1);
		ra6(text, 64, 1, T0 + i * SECOND);
	}
	ra6("2001:db8::", 64, 3600, T0 + 100 * SECOND);
	slaac("2001:db8::5", T0 + 100 * SECOND);
	expect_until(T0 + 3700 * SECOND);
}

static void test_only_the_router_is_one(void **state)
{
	struct address gateway[] = {addr("fe80::9")};
	list_set(&config[0].gateway, gateway, 1);
	ra6("2001:db8::", 64, 100, T0);
	assert_int_equal(port->nprefixes, 0);
}

/* Temporary addresses that a router renews, and the guest has left, make room. */
static void test_old_temporary_addresses_give_way(void **state)
{
	char text[ADDRESS_TEXT];
	for (unsigned i = 1; i <= 4; i++) {
		snprintf(text, sizeof text, "2001:db8::%x", i);
		slaac(text, T0 + i * SECOND);
	}
	for (unsigned t = 10; t < 400; t += 10)
		ra6("2001:db8::", 64, 86400, T0 + t * SECOND);
	nread = ntold;
	dad6("2001:db8::5", NULL, FROM_GUEST, T0 + 400 * SECOND);
	learner_timers(port, T0 + 401 * SECOND);
	expect_event(EVENT_TENTATIVE, "2001:db8::5", BY_ND, T0 + 400 * SECOND);
	expect_event(EVENT_DELETE, "2001:db8::1", BY_ND, T0 + 401 * SECOND);
	expect_event(EVENT_ADD, "2001:db8::5", BY_ND, T0 + 401 * SECOND);
}

/* --- several ports, and other configurations --- */

static void test_two_ports(void **state)
{
	struct packet p;
	struct learn_port *other = learner_add_port(&learner, &config[1], MODE_ANY);
	announce4("10.0.0.5", T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0);
	arp(&p, other_mac, ARP_REQUEST, "10.0.0.5", "10.0.0.5");
	learner_frame(other, p.at, p.n, p.n, FROM_GUEST, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_ARP, T0);
	expect_why("gateway or bound to another");
	learner_remove_port(port);
	port = other;
	learner_frame(other, p.at, p.n, p.n, FROM_GUEST, T0);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0);
}

/* Somebody else gets the address while its guest still waits for objections. */
static void test_taken_while_tentative(void **state)
{
	struct address a = addr("10.0.0.5");
	probe4("10.0.0.5", T0);
	learner_take(&learner, &a, T0 + 1);
	learner_timers(port, T0 + SECOND);
	expect_event(EVENT_TENTATIVE, "10.0.0.5", BY_ARP, T0);
	expect_event(EVENT_IGNORE, "10.0.0.5", BY_ARP, T0 + SECOND);
	learner_take_none(&learner);
	announce4("10.0.0.5", T0 + SECOND);
	expect_event(EVENT_ADD, "10.0.0.5", BY_ARP, T0 + SECOND);
	learner_take(&learner, &a, T0 + SECOND);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_ARP, T0 + SECOND);
}

static bool event_set_is(const struct event *e, const char *one)
{
	struct address a = addr(one);
	return e->port->n[FAMILY_IPV4] == 1 &&
	       address_eq(&e->port->bindings[FAMILY_IPV4][0].address, &a);
}

static unsigned good_sets;

static void on_event_with_set(void *user, const struct event *e)
{
	good_sets += event_set_is(e, "10.0.0.7");
	on_event(user, e);
}

static void test_replacement(void **state)
{
	struct address gateway[] = {addr("10.0.0.5"), addr("10.0.0.6")};
	announce4("10.0.0.5", T0);
	announce4("10.0.0.6", T0);
	announce4("10.0.0.7", T0);
	probe4("10.0.0.8", T0);
	nread = ntold;
	config[1] = config[0];
	list_set(&config[1].gateway, gateway, 2);
	good_sets = 0;
	learner.event = on_event_with_set;
	port = learner_replace_port(port, &config[1], MODE_ANY, T0 + 1);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_ARP, T0 + 1);
	expect_event(EVENT_DELETE, "10.0.0.6", BY_ARP, T0 + 1);
	assert_int_equal(good_sets, 2); /* each event's port is as it is after it */
	assert_true(port->next == T0 + SECOND);
	learner_timers(port, T0 + SECOND);
	expect_event(EVENT_ADD, "10.0.0.8", BY_ARP, T0 + SECOND);
	assert_int_equal(learner.nowners, 2);
}

/* A port that becomes strict keeps nothing that it would not have learned. */
static void test_replacement_by_a_strict_port(void **state)
{
	announce4("10.0.0.5", T0);
	probe4("10.0.0.6", T0);
	dad6("fe80::5", NULL, FROM_GUEST, T0);
	nread = ntold;
	port = learner_replace_port(port, &config[0], MODE_DHCP, T0 + 1);
	expect_event(EVENT_DELETE, "10.0.0.5", BY_ARP, T0 + 1);
	learner_timers(port, T0 + 2 * SECOND);
	expect_event(EVENT_ADD, "fe80::5", BY_ND, T0 + SECOND);
	expect_nothing();
}

static void test_restoring(void **state)
{
	struct binding b = {.address = addr("10.0.0.5"),
			    .evidence = BY_DHCP4,
			    .used = true,
			    .valid_until = T0 + SECOND};
	assert_false(learner_restore(port, &b, T0 + SECOND));
	assert_true(learner_restore(port, &b, T0));
	assert_false(learner_restore(port, &b, T0)); /* it is there */
	assert_true(port->next == T0 + SECOND);
	b.address = addr("224.0.0.1");
	assert_false(learner_restore(port, &b, T0));
	for (unsigned i = 6; i < 9; i++) {
		b.address = addr("10.0.0.0");
		b.address.octet[3] = (uint8_t)i;
		assert_true(learner_restore(port, &b, T0));
	}
	b.address = addr("10.0.0.9");
	assert_false(learner_restore(port, &b, T0)); /* no room */
	b.address = addr("2001:db8::1");
	b.evidence = BY_DATA;
	assert_true(learner_restore(port, &b, T0));
	restart(MODE_DHCP);
	assert_false(learner_restore(port, &b, T0));
	config[0].families[FAMILY_IPV6] = false;
	b.evidence = BY_DHCP6;
	assert_false(learner_restore(port, &b, T0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_probe_waits_a_second),
		TEST(test_conflict_in_time),
		TEST(test_conflict_too_late),
		TEST(test_no_conflict),
		TEST(test_announcement_ends_the_wait),
		TEST(test_arp_of_no_worth),
		TEST(test_flood_hides_no_conflict),
		TEST(test_many_probes),
		TEST(test_data),
		TEST(test_stronger_takes_the_place),
		TEST(test_idle_address_gives_way),
		TEST(test_dad),
		TEST(test_own_question_comes_back),
		TEST(test_optimistic_dad),
		TEST(test_sources_of_nd),
		TEST(test_lifetime_of_a_prefix),
		TEST(test_two_hours),
		TEST(test_two_hours_of_what_was_infinite),
		TEST(test_prefix_that_is_over),
		TEST(test_prefixes_that_make_no_addresses),
		TEST(test_places_of_prefixes),
		TEST(test_only_the_router_is_one),
		TEST(test_old_temporary_addresses_give_way),
		TEST(test_two_ports),
		TEST(test_taken_while_tentative),
		TEST(test_replacement),
		TEST(test_replacement_by_a_strict_port),
		TEST(test_restoring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
