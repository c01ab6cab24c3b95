/* SPDX-License-Identifier: MIT */
/*
 * learnd_fixture.h - packets made by hand, a port that learns from them, and
 * what it told: for the units of learnd.
 */
#ifndef NWFC_TESTSUITE_LEARND_FIXTURE_H
#define NWFC_TESTSUITE_LEARND_FIXTURE_H

#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learnd/believe.h"

#pragma GCC diagnostic ignored "-Wunused-function"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define T0      (1000 * SECOND)

static const uint8_t guest_mac[6] = {0x52, 0x54, 0, 0, 0, 1};
static const uint8_t other_mac[6] = {0x52, 0x54, 0, 0, 0, 2};

/* --- packets --- */

struct packet {
	uint8_t at[2048];
	size_t n;
};

static void put(struct packet *p, const void *data, size_t n)
{
	assert_true(p->n + n <= sizeof p->at);
	memcpy(p->at + p->n, data, n);
	p->n += n;
}

static void put8(struct packet *p, unsigned v)
{
	put(p, &(uint8_t){(uint8_t)v}, 1);
}

static void put16(struct packet *p, unsigned v)
{
	put8(p, v >> 8);
	put8(p, v);
}

static void put32(struct packet *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p, v);
}

static void put_zeros(struct packet *p, size_t n)
{
	while (n--)
		put8(p, 0);
}

static struct address addr(const char *text)
{
	struct address a;
	assert_true(address_parse(text, &a));
	return a;
}

static void put_address(struct packet *p, const char *text)
{
	struct address a = addr(text);
	put(p, a.octet, a.family == FAMILY_IPV4 ? 4 : 16);
}

static struct bytes bytes_of(const struct packet *p)
{
	return (struct bytes){p->at, p->n};
}

static void ether(struct packet *p, const uint8_t *src, unsigned type)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	p->n = 0;
	put(p, all, 6);
	put(p, src, 6);
	put16(p, type);
}

/* Put a right checksum in a header at `at`, whatever there was. */
static void fix_checksum(struct packet *p, size_t at)
{
	uint32_t sum = 0;
	size_t n = (p->at[at] & 15u) * 4;
	p->at[at + 10] = p->at[at + 11] = 0;
	for (size_t i = 0; i < n; i += 2)
		sum += read_u16(p->at + at + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p->at[at + 10] = (uint8_t)(~sum >> 8);
	p->at[at + 11] = (uint8_t)~sum;
}

static void ipv4(struct packet *p, const uint8_t *mac, const char *src, const char *dst,
		 unsigned proto, const struct packet *body)
{
	ether(p, mac, 0x0800);
	put16(p, 0x4500);
	put16(p, 20 + (unsigned)body->n);
	put32(p, 0);
	put8(p, 64);
	put8(p, proto);
	put16(p, 0);
	put_address(p, src);
	put_address(p, dst);
	fix_checksum(p, 14);
	put(p, body->at, body->n);
}

static void ipv6(struct packet *p, const uint8_t *mac, const char *src, const char *dst,
		 unsigned next, const struct packet *body)
{
	ether(p, mac, 0x86dd);
	put32(p, 6u << 28);
	put16(p, (unsigned)body->n);
	put8(p, next);
	put8(p, 255);
	put_address(p, src);
	put_address(p, dst);
	put(p, body->at, body->n);
}

static void udp(struct packet *p, unsigned from, unsigned to, const struct packet *body)
{
	p->n = 0;
	put16(p, from);
	put16(p, to);
	put16(p, 8 + (unsigned)body->n);
	put16(p, 0);
	put(p, body->at, body->n);
}

static void arp(struct packet *p, const uint8_t *mac, unsigned op, const char *sender,
		const char *target)
{
	ether(p, mac, 0x0806);
	put16(p, 1);
	put16(p, 0x0800);
	put16(p, 0x0604);
	put16(p, op);
	put(p, mac, 6);
	put_address(p, sender);
	put_zeros(p, 6);
	put_address(p, target);
}

/* --- DHCPv4 --- */

static void option(struct packet *p, unsigned code, unsigned n, const void *value)
{
	put8(p, code);
	put8(p, n);
	put(p, value, n);
}

static void option_address(struct packet *p, unsigned code, const char *text)
{
	struct address a = addr(text);
	option(p, code, 4, a.octet);
}

static void option_u32(struct packet *p, unsigned code, uint32_t v)
{
	put8(p, code);
	put8(p, 4);
	put32(p, v);
}

/* The fixed part, the cookie, and the type of the message. */
static void dhcp4(struct packet *p, unsigned type, uint32_t xid, const char *ciaddr,
		  const char *yiaddr)
{
	bool server = type == DHCP4_OFFER || type == DHCP4_ACK || type == DHCP4_NAK;
	p->n = 0;
	put8(p, server ? 2 : 1);
	put8(p, 1);
	put16(p, 0x0600);
	put32(p, xid);
	put32(p, 0);
	put_address(p, ciaddr);
	put_address(p, yiaddr);
	put_zeros(p, 8);
	put(p, guest_mac, 6);
	put_zeros(p, 10 + 64 + 128);
	put32(p, 0x63825363);
	option(p, 53, 1, &(uint8_t){(uint8_t)type});
}

/* --- neighbour discovery --- */

static void nd(struct packet *p, unsigned type, const char *target)
{
	p->n = 0;
	put8(p, type);
	put_zeros(p, 7);
	if (target)
		put_address(p, target);
}

static void prefix_option(struct packet *p, const char *prefix, unsigned length, uint32_t valid)
{
	put8(p, 3);
	put8(p, 4);
	put8(p, length);
	put8(p, 0xc0);
	put32(p, valid);
	put32(p, valid);
	put32(p, 0);
	put_address(p, prefix);
}

/* --- DHCPv6 --- */

static void dhcp6(struct packet *p, unsigned type, uint32_t xid)
{
	p->n = 0;
	put32(p, (uint32_t)type << 24 | xid);
}

static void option6(struct packet *p, unsigned code, unsigned n, const void *value)
{
	put16(p, code);
	put16(p, n);
	put(p, value, n);
}

/* An IA_NA with one address. */
static void ia_na(struct packet *p, const char *address, uint32_t valid)
{
	put32(p, 3u << 16 | (12 + 28));
	put_zeros(p, 12);
	put32(p, 5u << 16 | 24);
	put_address(p, address);
	put32(p, valid);
	put32(p, valid);
}

/* --- a learner and its events --- */

#define MAX_EVENTS 512

static struct learner learner;
static struct port_config config[3];
static struct learn_port *port;
static struct event told[MAX_EVENTS];
static unsigned ntold, nread;

static void on_event(void *user, const struct event *e)
{
	assert_true(ntold < MAX_EVENTS);
	told[ntold++] = *e;
}

static void config_default(struct port_config *c, unsigned last)
{
	*c = (struct port_config){.interface = STR("tap0"),
				  .owner = STR("guest"),
				  .modes = {true, true},
				  .families = {true, true},
				  .max_ips = {{4, 4}, {4, 4}}};
	memcpy(c->mac, guest_mac, 6);
	c->mac[5] = (uint8_t)last;
}

static void list_set(address_list *list, struct address *items, uint32_t n)
{
	list->items = items;
	list->n = list->cap = n;
}

/* Begin again in this mode, with config[0] as it is. */
static void restart(enum learn_mode mode)
{
	if (port)
		learner_remove_port(port);
	learner_free(&learner);
	learner = (struct learner){0};
	learner_init(&learner, on_event, NULL);
	port = learner_add_port(&learner, &config[0], mode);
	assert_non_null(port);
	ntold = nread = 0;
}

static int setup_learner(void)
{
	for (unsigned i = 0; i < 3; i++)
		config_default(&config[i], i + 1);
	restart(MODE_ANY);
	return 0;
}

static int teardown_learner(void)
{
	learner_remove_port(port);
	learner_free(&learner);
	learner = (struct learner){0};
	port = NULL;
	return 0;
}

static void frame_at(const struct packet *p, enum direction d, instant now)
{
	learner_frame(port, p->at, p->n, p->n, d, now);
}

/* The next event is this one. NEVER as its end: not looked at. */
static void expect_event(enum event_kind kind, const char *address, enum evidence evidence,
			 instant time)
{
	struct address a = addr(address);
	assert_true(nread < ntold);
	const struct event *e = &told[nread++];
	assert_string_equal(event_names[e->kind], event_names[kind]);
	assert_true(address_eq(&e->address, &a));
	assert_string_equal(evidence_names[e->evidence], evidence_names[evidence]);
	assert_true(e->time == time);
}

static void expect_why(const char *why)
{
	assert_true(nread > 0);
	assert_string_equal(told[nread - 1].why, why);
}

static void expect_until(instant until)
{
	assert_true(told[nread - 1].valid_until == until);
}

static void expect_nothing(void)
{
	if (nread < ntold)
		fprintf(stderr, "event %s: %s\n", event_names[told[nread].kind], told[nread].why);
	assert_int_equal(nread, ntold);
}

static bool bound(const char *address)
{
	struct address a = addr(address);
	return find_binding(port, &a) != NULL;
}

/* --- frames of those protocols, sent --- */

static void send_arp(enum direction d, const uint8_t *mac, unsigned op, const char *sender,
		     const char *target, instant now)
{
	struct packet p;
	arp(&p, mac, op, sender, target);
	frame_at(&p, d, now);
}

static void send_data4(const char *src, instant now)
{
	struct packet body = {.n = 0}, p;
	put_zeros(&body, 8);
	ipv4(&p, guest_mac, src, "10.0.0.9", 6, &body);
	frame_at(&p, FROM_GUEST, now);
}

static void send_data6(const char *src, instant now)
{
	struct packet body = {.n = 0}, p;
	put_zeros(&body, 8);
	ipv6(&p, guest_mac, src, "2001:db8::9", 6, &body);
	frame_at(&p, FROM_GUEST, now);
}

static void send_dhcp4(const struct packet *message, const char *server, instant now)
{
	bool answer = message->at[0] == 2;
	struct packet u, p;
	udp(&u, answer ? 67 : 68, answer ? 68 : 67, message);
	ipv4(&p, answer ? other_mac : guest_mac, answer ? server : "0.0.0.0", "255.255.255.255", 17,
	     &u);
	frame_at(&p, answer ? TO_GUEST : FROM_GUEST, now);
}

static void send_nd(const struct packet *message, enum direction d, const char *src,
		    const char *dst, instant now)
{
	struct packet p;
	ipv6(&p, d == FROM_GUEST ? guest_mac : other_mac, src, dst, 58, message);
	frame_at(&p, d, now);
}

static void send_dhcp6(const struct packet *message, enum direction d, instant now)
{
	struct packet u, p;
	bool from = d == FROM_GUEST;
	udp(&u, from ? 546 : 547, from ? 547 : 546, message);
	ipv6(&p, from ? guest_mac : other_mac, from ? "fe80::1" : "fe80::2",
	     from ? "ff02::1:2" : "fe80::1", 17, &u);
	frame_at(&p, d, now);
}

#endif
