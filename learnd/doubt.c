/* SPDX-License-Identifier: MIT */
/* Addresses that a guest asks about before it takes them, and the deadlines of a port. */
#include "learnd/believe.h"

/* RetransTimer, the time a host waits for a duplicate (RFC 4861 10); for ARP the same. */
#define WAIT SECOND

struct tentative *find_doubt(struct learn_port *p, const struct address *a)
{
	for (struct tentative *t = p->tentatives; t < p->tentatives + p->ntentatives; t++)
		if (address_eq(&t->address, a))
			return t;
	return NULL;
}

void drop_doubt(struct learn_port *p, struct tentative *t)
{
	*t = p->tentatives[--p->ntentatives];
	set_next(p);
}

/* A second question does not make the wait longer. With no place left the question is forgotten:
 * the first use of the address teaches it. */
void doubt(struct learn_port *p, const struct claim *c, const uint8_t nonce[6], instant now)
{
	if (find_binding(p, &c->address) || find_doubt(p, &c->address) ||
	    p->ntentatives == TENTATIVES)
		return;
	p->vlan = p->heard;
	struct tentative *t = &p->tentatives[p->ntentatives++];
	*t = (struct tentative){c->address, (uint8_t)c->evidence, {0}, false, now + WAIT};
	if (nonce)
		memcpy(t->nonce, nonce, sizeof t->nonce);
	set_next(p);
	report(p, EVENT_TENTATIVE, c, now);
}

/*
 * First come, first served: what is bound and used stays. But an address that
 * was bound since nobody objected within a second, and that the guest has not
 * used, was only asked about: the objection may come at a later probe.
 */
void object(struct learn_port *p, const struct claim *c, instant now)
{
	struct tentative *t = find_doubt(p, &c->address);
	struct binding *b = find_binding(p, &c->address);
	if (!t && !b)
		return;
	report(p, EVENT_CONFLICT, c, now);
	if (t)
		drop_doubt(p, t);
	else if (!b->used)
		unbind(p, b, EVENT_DELETE, now, c->why);
}

bool in_doubt(const struct learn_port *p, enum family family)
{
	for (uint32_t i = 0; i < p->ntentatives; i++)
		if (p->tentatives[i].address.family == family)
			return true;
	for (uint32_t i = 0; i < p->n[family]; i++)
		if (!p->bindings[family][i].used)
			return true;
	return false;
}

/* --- deadlines --- */

static struct binding *first_to_end(const struct learn_port *p)
{
	struct binding *first = NULL;
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < p->n[f]; i++) {
			struct binding *b = &p->bindings[f][i];
			if (!first || b->valid_until < first->valid_until)
				first = b;
		}
	return first;
}

static struct tentative *first_to_settle(struct learn_port *p)
{
	struct tentative *first = NULL;
	for (struct tentative *t = p->tentatives; t < p->tentatives + p->ntentatives; t++)
		if (!first || t->deadline < first->deadline)
			first = t;
	return first;
}

void set_next(struct learn_port *p)
{
	const struct binding *b = first_to_end(p);
	const struct tentative *t = first_to_settle(p);
	p->next = b ? b->valid_until : NEVER;
	if (t && t->deadline < p->next)
		p->next = t->deadline;
}

/* The lifetime that router advertisements give an address, by RFC 4862 5.5.3. One in a prefix that
 * is over is the guest's own doing, as if no router had ever spoken of it. */
static instant router_lifetime(const struct learn_port *p, const struct address *a, instant now)
{
	for (uint32_t i = 0; i < p->nprefixes; i++)
		if (prefix_has(&p->prefixes[i].prefix, a) && p->prefixes[i].valid_until > now)
			return p->prefixes[i].valid_until;
	return NEVER;
}

static void settle(struct learn_port *p, const struct tentative *t)
{
	struct claim c = {.address = t->address,
			  .evidence = (enum evidence)t->evidence,
			  .valid_until = NEVER,
			  .unused = !t->used,
			  .why = "no answer within 1 s"};
	instant when = t->deadline;
	if (t->evidence == BY_ND)
		c.valid_until = router_lifetime(p, &t->address, when);
	p->heard = p->vlan;
	if (may_have(p, &c, when))
		bind_address(p, &c, when);
}

/* In the order of their deadlines, each at its own. */
void learner_timers(struct learn_port *p, instant now)
{
	while (p->next <= now) {
		struct tentative *t = first_to_settle(p);
		if (t && t->deadline <= p->next) {
			struct tentative copy = *t;
			drop_doubt(p, t);
			settle(p, &copy);
		} else {
			struct binding *b = first_to_end(p);
			unbind(p, b, EVENT_EXPIRE, b->valid_until, "lifetime over");
		}
	}
}
