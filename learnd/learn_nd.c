/* SPDX-License-Identifier: MIT */
/* Neighbour discovery as evidence (RFC 6620; specification ip-learning E5). */
#include "learnd/believe.h"

#define TWO_HOURS (7200 * SECOND)

/* --- router advertisements: how long addresses of a prefix live --- */

/* With all places taken, one whose lifetime is over gives way. */
static struct learned_prefix *prefix_slot(struct learn_port *p, const struct prefix *prefix,
					  instant now)
{
	struct learned_prefix *slot = NULL;
	for (uint32_t i = 0; i < p->nprefixes; i++) {
		struct learned_prefix *lp = &p->prefixes[i];
		if (lp->prefix.length == prefix->length && prefix_has(&lp->prefix, &prefix->base))
			return lp;
		if (lp->valid_until <= now)
			slot = lp;
	}
	if (p->nprefixes < PREFIXES)
		slot = &p->prefixes[p->nprefixes++];
	if (slot)
		*slot = (struct learned_prefix){*prefix, 0};
	return slot;
}

/* RFC 4862 5.5.3 e: an advertisement alone can not cut a lifetime to less than two hours. */
static instant lifetime_after(instant until, instant new_until, instant now)
{
	if (new_until >= until || new_until - now > TWO_HOURS)
		return new_until;
	return until - now <= TWO_HOURS ? until : now + TWO_HOURS;
}

/* It is no sign of the guest's, so when the guest was last seen stays. */
static void renew_in_prefix(struct learn_port *p, const struct learned_prefix *lp, instant now)
{
	for (uint32_t i = 0; i < p->n[FAMILY_IPV6]; i++) {
		struct binding *b = &p->bindings[FAMILY_IPV6][i];
		instant seen = b->last_seen, until = b->valid_until;
		struct claim c = {.address = b->address,
				  .evidence = BY_ND,
				  .valid_until = lifetime_after(until, lp->valid_until, now),
				  .unused = true,
				  .why = "RA"};
		c.infinite = c.valid_until == NEVER;
		if (b->evidence != BY_ND || c.valid_until == until ||
		    !prefix_has(&lp->prefix, &b->address))
			continue;
		bind_address(p, &c, now);
		b->last_seen = seen;
	}
}

/* Where routers are known, no other host can shorten lifetimes. */
static bool is_router(const struct learn_port *p, const struct address *a)
{
	bool any = false;
	vec_each (g, &p->config->gateway)
		any |= g->family == FAMILY_IPV6 && address_is_link_local(g);
	return !any || address_in(p->config->gateway.items, p->config->gateway.n, a);
}

/* Hosts make addresses of prefixes of 64 bits only, and none of the link-local one (RFC 4862 5.5.3
 * b and d). */
static bool makes_addresses(const struct nd_prefix *x)
{
	return x->autonomous && x->prefix.length == 64 && !address_is_link_local(&x->prefix.base);
}

static void router_says(struct learn_port *p, const struct nd_message *m, instant now)
{
	for (unsigned i = 0; i < m->nprefixes; i++) {
		const struct nd_prefix *x = &m->prefixes[i];
		struct learned_prefix *lp =
			makes_addresses(x) ? prefix_slot(p, &x->prefix, now) : NULL;
		if (!lp)
			continue;
		instant until = x->valid == LIFETIME_INFINITE ? NEVER : now + x->valid * SECOND;
		lp->valid_until =
			lp->valid_until ? lifetime_after(lp->valid_until, until, now) : until;
		renew_in_prefix(p, lp, now);
	}
}

/* --- neighbours --- */

/* Of a solicitation without a source: the address that it asks about; of an advertisement:
 * its target; else the address it comes from. */
static void from_guest(struct learn_port *p, const struct frame *f, const struct nd_message *m,
		       instant now)
{
	bool dad = m->type == ND_NEIGHBOUR_SOLICITATION && address_is_zero(&f->src);
	struct claim c = {.address = f->src,
			  .evidence = BY_ND,
			  .valid_until = NEVER,
			  .why = "source of neighbour discovery"};
	if (dad || m->type == ND_NEIGHBOUR_ADVERTISEMENT) {
		c.address = m->target;
		c.why = dad ? "DAD NS" : "NA";
	}
	if (!dad && address_is_zero(&c.address))
		return; /* a router solicitation from nowhere */
	if (m->type == ND_ROUTER_ADVERTISEMENT || m->type == ND_REDIRECT) {
		c.why = "RA from the guest";
		report(p, EVENT_IGNORE, &c, now);
		return;
	}
	if (!mode_allows(p, &c.address, BY_ND) || !may_have(p, &c, now))
		return;
	if (dad)
		doubt(p, &c, m->nonce.n == 6 ? m->nonce.at : NULL, now);
	else
		bind_address(p, &c, now);
}

/* The guest's own question, sent back to it, is no rival (RFC 7527). */
static bool is_echo(struct learn_port *p, const struct nd_message *m)
{
	static const uint8_t none[6];
	const struct tentative *t = find_doubt(p, &m->target);
	return t && m->nonce.n == 6 && memcmp(t->nonce, none, 6) != 0 &&
	       memcmp(t->nonce, m->nonce.at, 6) == 0;
}

static void to_guest(struct learn_port *p, const struct frame *f, const struct nd_message *m,
		     instant now)
{
	struct claim c = {.address = m->target, .evidence = BY_ND, .valid_until = NEVER};
	if (m->type == ND_ROUTER_ADVERTISEMENT && is_router(p, &f->src))
		router_says(p, m, now);
	bool na = m->type == ND_NEIGHBOUR_ADVERTISEMENT;
	if (!na && (m->type != ND_NEIGHBOUR_SOLICITATION || !address_is_zero(&f->src)))
		return;
	if (memcmp(f->ether_src, p->config->mac, 6) == 0 || (!na && is_echo(p, m)))
		return;
	c.why = na ? "NA of another host" : "DAD NS of another host";
	object(p, &c, now);
}

void learn_nd(struct learn_port *p, const struct frame *f, instant now)
{
	struct nd_message m;
	if (!nd_parse(f, &m))
		return;
	if (f->direction == TO_GUEST)
		to_guest(p, f, &m, now);
	else
		from_guest(p, f, &m, now);
}
