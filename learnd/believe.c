/* SPDX-License-Identifier: MIT */
/* The bindings of a port: who may have an address, which evidence wins, and when it ends. */
#include "learnd/believe.h"

#include <stdlib.h>

const char *const evidence_names[EVIDENCES] = {"data", "arp", "dad", "dhcp", "dhcpv6"};
const char *const event_names[EVENT_KINDS] = {"add",       "renew",    "expire", "delete",
					      "tentative", "conflict", "ignore"};

/* Specification ip-learning E2: DHCP beats ARP and neighbour discovery, these beat data. */
static const uint8_t evidence_rank[EVIDENCES] = {
	[BY_DATA] = 1, [BY_ARP] = 2, [BY_ND] = 2, [BY_DHCP4] = 3, [BY_DHCP6] = 3};

/* Who has shown no sign of an address for so long lets another of its own have the place
 * (specification ip-learning E5: RFC 6620's lifetime of a binding). */
#define IDLE (300 * SECOND)

void report(const struct learn_port *p, enum event_kind kind, const struct claim *c, instant time)
{
	struct event e = {.kind = kind,
			  .time = time,
			  .port = p,
			  .address = c->address,
			  .evidence = c->evidence,
			  .valid_until = c->valid_until,
			  .infinite = c->infinite,
			  .why = c->why};
	p->learner->event(p->learner->user, &e);
}

struct binding *find_binding(const struct learn_port *p, const struct address *a)
{
	struct binding *b = p->bindings[a->family];
	for (uint32_t i = 0; i < p->n[a->family]; i++)
		if (address_eq(&b[i].address, a))
			return &b[i];
	return NULL;
}

/* --- who may have an address --- */

bool address_in(const struct address *list, uint32_t n, const struct address *a)
{
	for (uint32_t i = 0; i < n; i++)
		if (address_eq(&list[i], a))
			return true;
	return false;
}

static bool is_anothers(const struct learn_port *p, const struct address *a)
{
	const struct port_config *c = p->config;
	const struct owner *o = owner_find(p->learner, a);
	return (o && o->port != p) || address_in(p->learner->own, p->learner->nown, a) ||
	       address_in(c->gateway.items, c->gateway.n, a) ||
	       address_in(c->elsewhere.items, c->elsewhere.n, a);
}

/* IPv6's link-local addresses are outside every prefix that anybody would list, and needed. */
static bool in_prefixes(const struct learn_port *p, const struct address *a)
{
	bool any = false;
	if (a->family == FAMILY_IPV6 && address_is_link_local(a))
		return true;
	vec_each (x, &p->config->prefixes) {
		if (prefix_has(x, a))
			return true;
		any |= x->base.family == a->family;
	}
	return !any;
}

static const char *why_not(const struct learn_port *p, const struct address *a)
{
	if (address_is_never_own(a))
		return "never an address of a guest";
	if (is_anothers(p, a))
		return "gateway or bound to another";
	if (!in_prefixes(p, a))
		return "outside learn-prefix";
	if (a->family == FAMILY_IPV4 && address_is_link_local(a) && !p->config->linklocal4)
		return "link-local IPv4 is not allowed";
	return NULL;
}

bool mode_allows(const struct learn_port *p, const struct address *a, uint8_t evidence)
{
	return p->mode == MODE_ANY || evidence == BY_DHCP4 || evidence == BY_DHCP6 ||
	       (evidence == BY_ND && address_is_link_local(a));
}

bool address_allowed(const struct learn_port *p, const struct address *a)
{
	return !why_not(p, a);
}

bool may_have(struct learn_port *p, const struct claim *c, instant now)
{
	struct claim refused = *c;
	if (!p->config->families[c->address.family])
		return false;
	refused.why = why_not(p, &c->address);
	refused.valid_until = NEVER;
	if (refused.why)
		report(p, EVENT_IGNORE, &refused, now);
	return !refused.why;
}

/* --- bindings --- */

void unbind(struct learn_port *p, struct binding *b, enum event_kind kind, instant now,
	    const char *why)
{
	enum family f = (enum family)b->address.family;
	struct claim was = {.address = b->address,
			    .evidence = (enum evidence)b->evidence,
			    .valid_until = NEVER,
			    .why = why};
	uint32_t at = (uint32_t)(b - p->bindings[f]);
	p->n[f]--;
	memmove(b, b + 1, (p->n[f] - at) * sizeof *b);
	owner_remove(p->learner, &was.address);
	set_next(p);
	report(p, kind, &was, now);
}

void learner_forget(struct learn_port *p, const struct address *a, instant now, const char *why)
{
	struct binding *b = find_binding(p, a);
	if (b)
		unbind(p, b, EVENT_DELETE, now, why);
}

/*
 * May a claim push this binding out? Only a stronger one may, or one as strong: a lease an earlier
 * one, for the guest may have become another client to the server, which knows what holds now (but
 * those of one message stand side by side); without leases, when the guest has left the address
 * alone for long, for a router goes on to renew the temporary addresses of last week.
 */
static bool gives_way(const struct binding *b, const struct claim *c, instant now)
{
	bool leases = evidence_rank[b->evidence] == evidence_rank[BY_DHCP4];
	if (evidence_rank[b->evidence] != evidence_rank[c->evidence])
		return evidence_rank[b->evidence] < evidence_rank[c->evidence];
	return now - b->last_seen > (leases ? 0 : IDLE);
}

/* The weakest that gives way, of equal ones the one seen longest ago; NULL: none. */
static struct binding *find_weaker(const struct learn_port *p, const struct claim *c, instant now)
{
	struct binding *found = NULL, *b = p->bindings[c->address.family];
	for (struct binding *end = b + p->n[c->address.family]; b < end; b++) {
		if (!gives_way(b, c, now))
			continue;
		int rank =
			evidence_rank[b->evidence] - (found ? evidence_rank[found->evidence] : 9);
		if (rank < 0 || (rank == 0 && b->last_seen < found->last_seen))
			found = b;
	}
	return found;
}

static bool make_room(struct learn_port *p, const struct claim *c, instant now)
{
	enum family f = (enum family)c->address.family;
	if (p->n[f] < p->max[f])
		return true;
	struct binding *weaker = find_weaker(p, c, now);
	if (weaker) {
		bool lease = evidence_rank[weaker->evidence] == evidence_rank[BY_DHCP4];
		unbind(p, weaker, EVENT_DELETE, now,
		       lease ? "a newer lease takes its place"
			     : "a stronger evidence takes its place");
		return true;
	}
	struct claim refused = *c;
	refused.valid_until = NEVER;
	refused.why =
		f == FAMILY_IPV4 ? "no place: max-ips4 reached" : "no place: max-ips6 reached";
	report(p, EVENT_IGNORE, &refused, now);
	return false;
}

static void add(struct learn_port *p, const struct claim *c, instant now)
{
	enum family f = (enum family)c->address.family;
	if (!make_room(p, c, now) || !owner_put(p->learner, &c->address, p))
		return;
	p->vlan = p->heard;
	p->bindings[f][p->n[f]++] = (struct binding){.address = c->address,
						     .evidence = (uint8_t)c->evidence,
						     .used = !c->unused,
						     .infinite = c->infinite,
						     .valid_until = c->valid_until,
						     .last_seen = now};
	set_next(p);
	report(p, EVENT_ADD, c, now);
}

/* The same address again: weaker evidence only shows that it is in use. */
static void again(struct learn_port *p, struct binding *b, const struct claim *c, instant now)
{
	bool stronger = evidence_rank[c->evidence] > evidence_rank[b->evidence];
	bool lease = c->infinite || c->valid_until != NEVER;
	b->last_seen = now;
	p->used_changed |= !b->used && !c->unused;
	b->used |= !c->unused;
	if (evidence_rank[c->evidence] < evidence_rank[b->evidence] || (!stronger && !lease))
		return;
	b->evidence = (uint8_t)c->evidence;
	b->valid_until = c->valid_until;
	b->infinite = c->infinite;
	set_next(p);
	if (lease)
		report(p, EVENT_RENEW, c, now);
}

/* While a guest waits for objections it may speak from the address already (RFC 4429), which makes
 * it no surer; but an announcement by ARP ends the wait (RFC 5227 2.3), and so does a lease. */
static bool must_wait(const struct claim *c, struct tentative *t)
{
	if (!t || (c->evidence != BY_ND && c->evidence != BY_DATA))
		return false;
	t->used = true;
	return true;
}

void bind_address(struct learn_port *p, const struct claim *c, instant now)
{
	struct binding *b = find_binding(p, &c->address);
	struct tentative *t = find_doubt(p, &c->address);
	if (must_wait(c, t))
		return;
	if (t)
		drop_doubt(p, t);
	if (b)
		again(p, b, c, now);
	else
		add(p, c, now);
}
