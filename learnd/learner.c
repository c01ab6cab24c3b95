/* SPDX-License-Identifier: MIT */
/* Ports and their frames: who sent it, what class it is of, whether there is time for it. */
#include "learnd/learner.h"

#include <stdlib.h>

#include "learnd/believe.h"

/* Specification ip-learning E8. */
enum { CLASS_RATE = 10, CLASS_BURST = 50 };
enum { SHARE_RATE = 20, SHARE_BURST = 100, GLOBAL_RATE = 2000, GLOBAL_BURST = 10000 };

void learner_init(struct learner *l, void (*event)(void *, const struct event *), void *user)
{
	l->event = event;
	l->user = user;
	l->class_limit = limit_of(CLASS_RATE, CLASS_BURST);
	l->share_limit = limit_of(SHARE_RATE, SHARE_BURST);
	l->global_limit = limit_of(GLOBAL_RATE, GLOBAL_BURST);
}

void learner_free(struct learner *l)
{
	free(l->owners);
}

/* --- ports --- */

struct learn_port *learner_add_port(struct learner *l, const struct port_config *config,
				    enum learn_mode mode)
{
	uint32_t max4 = config->max_ips[mode][FAMILY_IPV4];
	uint32_t max6 = config->max_ips[mode][FAMILY_IPV6];
	struct learn_port *p =
		calloc(1, sizeof *p + ((size_t)max4 + max6) * sizeof(struct binding));
	if (!p)
		return NULL;
	p->config = config;
	p->learner = l;
	p->mode = mode;
	p->max[FAMILY_IPV4] = max4;
	p->max[FAMILY_IPV6] = max6;
	p->bindings[FAMILY_IPV4] = (struct binding *)(p + 1);
	p->bindings[FAMILY_IPV6] = p->bindings[FAMILY_IPV4] + max4;
	p->next = NEVER;
	p->following = l->ports;
	l->ports = p;
	return p;
}

static void unlink_port(struct learn_port *p)
{
	struct learn_port **at = &p->learner->ports;
	while (*at != p)
		at = &(*at)->following;
	*at = p->following;
}

void learner_remove_port(struct learn_port *p)
{
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < p->n[f]; i++)
			owner_remove(p->learner, &p->bindings[f][i].address);
	unlink_port(p);
	free(p);
}

bool learner_restore(struct learn_port *p, const struct binding *b, instant now)
{
	enum family f = (enum family)b->address.family;
	const struct owner *o = owner_find(p->learner, &b->address);
	if (b->valid_until <= now || p->n[f] == p->max[f] || o || !p->config->families[f] ||
	    !mode_allows(p, &b->address, b->evidence) || !address_allowed(p, &b->address) ||
	    !owner_put(p->learner, &b->address, p))
		return false;
	p->bindings[f][p->n[f]++] = *b;
	set_next(p);
	return true;
}

/* The state that has no size of its own. */
static void copy_state(struct learn_port *to, const struct learn_port *from)
{
	for (uint32_t i = 0; i < from->ntentatives; i++)
		if (mode_allows(to, &from->tentatives[i].address, from->tentatives[i].evidence))
			to->tentatives[to->ntentatives++] = from->tentatives[i];
	memcpy(to->requests, from->requests, sizeof to->requests);
	memcpy(to->prefixes, from->prefixes, sizeof to->prefixes);
	to->nprefixes = from->nprefixes;
	memcpy(to->buckets, from->buckets, sizeof to->buckets);
	to->share = from->share;
	to->vlan = from->vlan;
	to->played = from->played;
	memcpy(to->dropped, from->dropped, sizeof to->dropped);
	to->dropped_total = from->dropped_total;
	to->user = from->user;
}

static void take_over(struct learn_port *to, const struct learn_port *from, instant now)
{
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < from->n[f]; i++) {
			owner_remove(to->learner, &from->bindings[f][i].address);
			learner_restore(to, &from->bindings[f][i], now);
		}
}

/* What did not come along. */
static void report_lost(const struct learn_port *to, const struct learn_port *from, instant now)
{
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < from->n[f]; i++) {
			const struct binding *b = &from->bindings[f][i];
			struct claim gone = {.address = b->address,
					     .evidence = (enum evidence)b->evidence,
					     .valid_until = NEVER,
					     .why = "the port's configuration"};
			if (!find_binding(to, &b->address))
				report(to, EVENT_DELETE, &gone, now);
		}
}

/* Each event tells of the port as it is, so they wait until all have been taken over. */
struct learn_port *learner_replace_port(struct learn_port *p, const struct port_config *config,
					enum learn_mode mode, instant now)
{
	struct learn_port *new = learner_add_port(p->learner, config, mode);
	if (!new)
		return NULL;
	copy_state(new, p);
	take_over(new, p, now);
	set_next(new);
	report_lost(new, p, now);
	unlink_port(p);
	free(p);
	return new;
}

/* --- frames --- */

static unsigned message_type(const struct learn_port *p, const struct frame *f)
{
	bool answer = f->direction == TO_GUEST;
	switch (f->kind) {
	case FRAME_DHCP4:
		return answer ? is_trusted(p, &f->src) : dhcp4_peek_type(f->payload);
	case FRAME_DHCP6:
		return answer ? is_trusted(p, &f->src) : f->payload.n ? f->payload.at[0] & 15 : 0;
	case FRAME_ND:
		return f->payload.at[0] & 15;
	case FRAME_DATA:
		return f->src.family;
	default:
		return 0;
	}
}

/* One class of frames is bounded, and so are all of the host's together beyond each port's share:
 * guests that flood do not take the others' time. */
static bool in_limits(struct learn_port *p, const struct frame *f, instant now)
{
	struct learner *l = p->learner;
	unsigned class =
		((unsigned)f->kind * DIRECTIONS + f->direction) * TYPES_MAX + message_type(p, f);
	if (!limit_take(&l->class_limit, &p->buckets[class], now)) {
		p->dropped[class]++;
		p->dropped_total++;
		return false;
	}
	if (limit_take(&l->share_limit, &p->share, now) ||
	    limit_take(&l->global_limit, &l->global_bucket, now))
		return true;
	l->dropped_global++;
	p->dropped_total++;
	return false;
}

/* The most frequent frames by far: a source that is bound already says nothing new. */
static bool is_known_data(struct learn_port *p, const struct frame *f, instant now)
{
	struct binding *b = find_binding(p, &f->src);
	if (!b)
		return false;
	p->used_changed |= !b->used;
	b->used = true;
	b->last_seen = now;
	return true;
}

/* Is the address that another host's ARP or neighbour discovery is about one of the port's? What
 * the network says to others must not use up the time for it. */
static bool is_about_port(struct learn_port *p, const struct frame *f)
{
	const uint8_t *at = f->payload.at;
	bool is_arp = f->kind == FRAME_ARP;
	if (f->payload.n < (is_arp ? 28 : 24) || !in_doubt(p, is_arp ? FAMILY_IPV4 : FAMILY_IPV6))
		return false;
	struct address a =
		is_arp ? address_from(FAMILY_IPV4, at + 14) : address_from(FAMILY_IPV6, at + 8);
	if (is_arp && address_is_zero(&a))
		a = address_from(FAMILY_IPV4, at + 24);
	return find_doubt(p, &a) || find_binding(p, &a);
}

/* The hardware address of a DHCPv4 message: a server may answer others by broadcast. */
static bool is_to_port(const struct learn_port *p, const struct frame *f)
{
	return f->payload.n >= 34 && memcmp(f->payload.at + 28, p->config->mac, 6) == 0;
}

/* Filters of addresses are passed by what has a tag, so whoever may send it can pose there as a
 * server that is trusted: a port with an address learns nothing from another VLAN. */
static bool is_of_vlan(const struct learn_port *p, const struct frame *f)
{
	uint32_t known = p->n[FAMILY_IPV4] + p->n[FAMILY_IPV6] + p->ntentatives;
	return !f->vlan || !known || f->vlan == p->vlan;
}

static bool is_of_interest(struct learn_port *p, const struct frame *f, instant now)
{
	bool from = f->direction == FROM_GUEST;
	if ((from && memcmp(f->ether_src, p->config->mac, 6) != 0) || !is_of_vlan(p, f))
		return false;
	switch (f->kind) {
	case FRAME_DATA:
		return from && p->mode == MODE_ANY && !address_is_zero(&f->src) &&
		       !is_known_data(p, f, now);
	case FRAME_ARP:
		return p->mode == MODE_ANY && (from || is_about_port(p, f));
	case FRAME_ND:
		return from || f->payload.at[0] == ND_ROUTER_ADVERTISEMENT || is_about_port(p, f);
	case FRAME_DHCP4:
		return from || is_to_port(p, f);
	default:
		return true;
	}
}

/* To itself, or to all. */
static bool may_come_back(const struct learn_port *p, const struct frame *f)
{
	return f->ether_dst[0] & 1 || memcmp(f->ether_dst, p->config->mac, 6) == 0;
}

static void learn_data(struct learn_port *p, const struct frame *f, instant now)
{
	struct claim c = {.address = f->src,
			  .evidence = BY_DATA,
			  .valid_until = NEVER,
			  .why = f->src.family == FAMILY_IPV4 ? "IPv4 source" : "IPv6 source"};
	if (may_have(p, &c, now))
		bind_address(p, &c, now);
}

static void (*const learn[])(struct learn_port *, const struct frame *, instant) = {
	[FRAME_ARP] = learn_arp, [FRAME_DHCP4] = learn_dhcp4, [FRAME_DHCP6] = learn_dhcp6,
	[FRAME_ND] = learn_nd,   [FRAME_DATA] = learn_data,
};

void learner_frame(struct learn_port *p, const uint8_t *frame, size_t n, size_t wire_n,
		   enum direction direction, instant now)
{
	struct frame f;
	if (p->next <= now)
		learner_timers(p, now);
	if (!frame_open(frame, n, wire_n, direction, &f))
		f.kind = FRAME_OTHER;
	if (f.kind == FRAME_SERVER && may_come_back(p, &f))
		p->played = now;
	else if (f.kind != FRAME_SERVER && f.kind != FRAME_OTHER && is_of_interest(p, &f, now) &&
		 in_limits(p, &f, now)) {
		p->heard = f.vlan;
		learn[f.kind](p, &f, now);
	}
	if (p->next <= now) /* a lifetime of nothing */
		learner_timers(p, now);
}
