/* SPDX-License-Identifier: MIT */
/*
 * The requests of a guest, by transaction: a bounded table, the oldest gives way.
 *
 * dhclient keeps one xid for all its life, so a request's age counts from the last one
 * with its xid.
 */
#include "learnd/believe.h"

/* RFC 7513 10.2: MAX_DHCP_RESPONSE_TIME. */
#define RESPONSE_TIME (120 * SECOND)

static struct request *slot_of(struct request *table, uint32_t xid)
{
	struct request *oldest = table;
	for (struct request *r = table; r < table + REQUESTS; r++) {
		if (r->time && r->xid == xid)
			return r;
		if (r->time < oldest->time)
			oldest = r;
	}
	return oldest;
}

struct request *request_put(struct learn_port *p, enum family family, uint32_t xid, instant now)
{
	struct request *r = slot_of(p->requests[family], xid);
	*r = (struct request){.xid = xid, .vlan = p->heard, .time = now};
	return r;
}

const struct request *request_find(const struct learn_port *p, enum family family, uint32_t xid,
				   instant now)
{
	const struct request *table = p->requests[family];
	for (const struct request *r = table; r < table + REQUESTS; r++)
		if (r->time && r->xid == xid && r->vlan == p->heard &&
		    now - r->time <= RESPONSE_TIME)
			return r;
	return NULL;
}

/* FNV-1a over 64 bits: a guest that makes two of its own identifiers collide gains nothing. */
uint64_t hash_bytes(struct bytes b)
{
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 0; i < b.n; i++)
		h = (h ^ b.at[i]) * 0x100000001b3;
	return b.n ? h | 1 : 0;
}
