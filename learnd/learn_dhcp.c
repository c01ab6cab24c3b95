/* SPDX-License-Identifier: MIT */
/*
 * DHCP and DHCPv6 as evidence: an answer to a request that this guest was seen to send,
 * with its transaction, from a trusted server (RFC 7513; specification ip-learning E2).
 */
#include "learnd/believe.h"

bool is_trusted(const struct learn_port *p, const struct address *server)
{
	const address_list *list = &p->config->servers[server->family];
	return !list->n || address_in(list->items, list->n, server);
}

/* A guest may forge an answer to itself that comes back to it, from a bridge's port in hairpin mode
 * or from the device below a macvtap; then it was seen to leave, just before. */
#define PLAYED SECOND

/* Why what claims to be a server is none, although its address is trusted; NULL: nothing is known.
 */
static const char *server_fault(const struct learn_port *p, const struct frame *f, instant now)
{
	if (p->played && now - p->played < PLAYED)
		return "the guest plays the server";
	for (const struct learn_port *o = p->learner->ports; o; o = o->following)
		if (memcmp(f->ether_src, o->config->mac, 6) == 0)
			return "a guest's MAC address";
	return NULL;
}

/* A server gives an address for so many seconds; why: it is not to be believed. */
static void lease(struct learn_port *p, const struct address *a, enum evidence evidence,
		  uint32_t seconds, const char *why, instant now)
{
	bool infinite = seconds == LIFETIME_INFINITE;
	struct claim c = {.address = *a,
			  .evidence = evidence,
			  .valid_until = infinite || why ? NEVER : now + seconds * SECOND,
			  .infinite = infinite,
			  .why = evidence == BY_DHCP4 ? "ACK" : "REPLY"};
	if (why) {
		c.why = why;
		report(p, EVENT_IGNORE, &c, now);
	} else if (may_have(p, &c, now)) {
		bind_address(p, &c, now);
	}
}

static void end_lease(struct learn_port *p, const struct address *a, const char *why, instant now)
{
	struct tentative *t = find_doubt(p, a);
	if (t)
		drop_doubt(p, t);
	learner_forget(p, a, now, why);
}

/* --- DHCPv4 --- */

static void note_request4(struct learn_port *p, const struct dhcp4_message *m, instant now)
{
	struct request *r = request_put(p, FAMILY_IPV4, m->xid, now);
	r->rapid_only = m->type == DHCP4_DISCOVER;
	r->client = hash_bytes(m->client_id);
	r->address = address_is_zero(&m->ciaddr) ? m->requested : m->ciaddr;
}

static void client_says4(struct learn_port *p, const struct dhcp4_message *m, instant now)
{
	switch (m->type) {
	case DHCP4_DISCOVER:
		if (m->rapid)
			note_request4(p, m, now);
		break;
	case DHCP4_REQUEST:
		note_request4(p, m, now);
		break;
	case DHCP4_RELEASE:
		end_lease(p, &m->ciaddr, "RELEASE", now);
		break;
	case DHCP4_DECLINE:
		if (m->has_requested)
			end_lease(p, &m->requested, "DECLINE", now);
		break;
	}
}

/* Why an ACK is no lease; NULL when it is one. */
static const char *ack_fault(const struct learn_port *p, const struct frame *f,
			     const struct dhcp4_message *m, const struct request *r, instant now)
{
	if (!is_trusted(p, &f->src))
		return "not a trusted server";
	if (!r || (r->rapid_only && !m->rapid) ||
	    (m->client_id.n && r->client && hash_bytes(m->client_id) != r->client))
		return "nobody asked (xid, chaddr)";
	if (!m->has_server)
		return "no server identifier";
	if (!m->has_lease || !m->lease || address_is_zero(&m->yiaddr))
		return "no lease time or no address";
	return server_fault(p, f, now);
}

static void server_says4(struct learn_port *p, const struct frame *f, const struct dhcp4_message *m,
			 instant now)
{
	const struct request *r = request_find(p, FAMILY_IPV4, m->xid, now);
	if (m->type == DHCP4_ACK)
		lease(p, &m->yiaddr, BY_DHCP4, m->lease, ack_fault(p, f, m, r, now), now);
	else if (m->type == DHCP4_NAK && is_trusted(p, &f->src) && r && !r->rapid_only &&
		 !server_fault(p, f, now))
		end_lease(p, &r->address, "NAK", now);
}

void learn_dhcp4(struct learn_port *p, const struct frame *f, instant now)
{
	struct dhcp4_message m;
	bool from = f->direction == FROM_GUEST;
	if (!f->whole || !dhcp4_parse(f->payload, &m) || m.op != (from ? 1 : 2) ||
	    memcmp(m.chaddr, p->config->mac, 6) != 0)
		return;
	if (from)
		client_says4(p, &m, now);
	else
		server_says4(p, f, &m, now);
}

/* --- DHCPv6 --- */

static void end_leases6(struct learn_port *p, const struct dhcp6_message *m, const char *why,
			instant now)
{
	for (unsigned i = 0; i < m->naddresses; i++)
		end_lease(p, &m->addresses[i].address, why, now);
}

static void client_says6(struct learn_port *p, const struct dhcp6_message *m, instant now)
{
	struct request *r;
	switch (m->type) {
	case DHCP6_SOLICIT:
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_REBIND:
		if (m->type == DHCP6_SOLICIT && !m->rapid)
			return;
		r = request_put(p, FAMILY_IPV6, m->xid, now);
		r->rapid_only = m->type == DHCP6_SOLICIT;
		r->client = hash_bytes(m->client_id);
		break;
	case DHCP6_RELEASE:
		end_leases6(p, m, "RELEASE", now);
		break;
	case DHCP6_DECLINE:
		end_leases6(p, m, "DECLINE", now);
		break;
	}
}

static const char *reply_fault(const struct learn_port *p, const struct frame *f,
			       const struct dhcp6_message *m, const struct request *r, instant now)
{
	if (!is_trusted(p, &f->src))
		return "not a trusted server";
	if (!r || !m->client_id.n || hash_bytes(m->client_id) != r->client ||
	    (r->rapid_only && !m->rapid))
		return "nobody asked (xid, client DUID)";
	if (!m->has_server_id)
		return "no server identifier";
	return m->status ? "the status is not Success" : server_fault(p, f, now);
}

/* What is taken away goes first, so that what comes in its stead has room. */
static void server_says6(struct learn_port *p, const struct frame *f, const struct dhcp6_message *m,
			 instant now)
{
	const struct request *r = request_find(p, FAMILY_IPV6, m->xid, now);
	if (m->type != DHCP6_REPLY)
		return;
	const char *why = reply_fault(p, f, m, r, now);
	for (unsigned i = 0; i < m->naddresses && !why; i++)
		if (!m->addresses[i].valid)
			end_lease(p, &m->addresses[i].address, "valid lifetime 0", now);
	for (unsigned i = 0; i < m->naddresses; i++)
		if (m->addresses[i].valid)
			lease(p, &m->addresses[i].address, BY_DHCP6, m->addresses[i].valid, why,
			      now);
}

void learn_dhcp6(struct learn_port *p, const struct frame *f, instant now)
{
	struct dhcp6_message m;
	if (!f->whole || !dhcp6_parse(f->payload, &m))
		return;
	if (f->direction == FROM_GUEST)
		client_says6(p, &m, now);
	else
		server_says6(p, f, &m, now);
}
