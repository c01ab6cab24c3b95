/* SPDX-License-Identifier: MIT */
/* ARP as evidence (RFC 5227; specification ip-learning E4). */
#include "learnd/believe.h"

static void from_guest(struct learn_port *p, const struct arp_message *m, instant now)
{
	struct claim c = {.address = m->sender,
			  .evidence = BY_ARP,
			  .valid_until = NEVER,
			  .why = "ARP sender"};
	bool probe = address_is_zero(&m->sender);
	if (probe) {
		c.address = m->target;
		c.why = "ARP probe";
		if (m->op != ARP_REQUEST || address_is_zero(&m->target))
			return;
	}
	if (!may_have(p, &c, now))
		return;
	if (probe)
		doubt(p, &c, NULL, now);
	else
		bind_address(p, &c, now);
}

/* Another host speaks from an address, or asks for it too. */
static void to_guest(struct learn_port *p, const struct arp_message *m, instant now)
{
	struct claim c = {.address = m->sender,
			  .evidence = BY_ARP,
			  .valid_until = NEVER,
			  .why = "ARP of another host from this address"};
	if (memcmp(m->sender_mac, p->config->mac, 6) == 0)
		return;
	if (address_is_zero(&m->sender)) {
		if (m->op != ARP_REQUEST)
			return;
		c.address = m->target;
		c.why = "ARP probe of another host";
	}
	object(p, &c, now);
}

void learn_arp(struct learn_port *p, const struct frame *f, instant now)
{
	struct arp_message m;
	if (!arp_parse(f->payload, &m))
		return;
	if (f->direction == TO_GUEST)
		to_guest(p, &m, now);
	else if (memcmp(m.sender_mac, p->config->mac, 6) == 0)
		from_guest(p, &m, now);
}
