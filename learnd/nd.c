/* SPDX-License-Identifier: MIT */
/* Neighbour discovery: the validity rules of RFC 4861 6.1 and 7.1, and the options that matter. */
#include "learnd/message.h"

#include <string.h>

enum {
	OPT_SOURCE_LINK = 1,
	OPT_TARGET_LINK = 2,
	OPT_PREFIX = 3,
	OPT_NONCE = 14,
	NS_NA_LENGTH = 24,
	FLAG_AUTONOMOUS = 0x40,
	FLAG_SOLICITED = 0x40,
};

/* Where the options begin. */
static const uint8_t fixed_part[] = {
	[ND_ROUTER_SOLICITATION - 133] = 8,
	[ND_ROUTER_ADVERTISEMENT - 133] = 16,
	[ND_NEIGHBOUR_SOLICITATION - 133] = NS_NA_LENGTH,
	[ND_NEIGHBOUR_ADVERTISEMENT - 133] = NS_NA_LENGTH,
	[ND_REDIRECT - 133] = 40,
};

/* RFC 4862 5.5.3 c: one that is preferred for longer than it is valid says nothing. */
static void take_prefix(struct nd_message *m, struct bytes v)
{
	if (v.n != 30 || v.at[0] > 128 || m->nprefixes == ND_PREFIXES ||
	    read_u32(v.at + 6) > read_u32(v.at + 2))
		return;
	struct nd_prefix *p = &m->prefixes[m->nprefixes++];
	p->prefix = (struct prefix){address_from(FAMILY_IPV6, v.at + 14), v.at[0]};
	p->autonomous = v.at[1] & FLAG_AUTONOMOUS;
	p->valid = read_u32(v.at + 2);
}

/* Type, length in units of eight octets (never zero), value. */
static bool read_options(struct nd_message *m, struct bytes p)
{
	for (size_t i = 0; i < p.n;) {
		if (p.n - i < 8 || !p.at[i + 1] || p.at[i + 1] * 8u > p.n - i)
			return false;
		struct bytes value = {p.at + i + 2, p.at[i + 1] * 8u - 2};
		if (p.at[i] == OPT_SOURCE_LINK || p.at[i] == OPT_TARGET_LINK)
			m->link_layer = value.at;
		else if (p.at[i] == OPT_NONCE)
			m->nonce = value;
		else if (p.at[i] == OPT_PREFIX)
			take_prefix(m, value);
		i += value.n + 2;
	}
	return true;
}

/* ff02::1:ff and the target's last three octets (RFC 4291 2.7.1). */
static bool is_solicited_node(const struct address *group, const struct address *target)
{
	static const uint8_t head[13] = {0xff, 2, [11] = 1, [12] = 0xff};
	return memcmp(group->octet, head, 13) == 0 &&
	       memcmp(group->octet + 13, target->octet + 13, 3) == 0;
}

/* What the RFC says of the addresses that each type may come from and go to. */
static bool valid_addresses(const struct frame *f, const struct nd_message *m)
{
	bool nowhere = address_is_zero(&f->src);
	switch (m->type) {
	case ND_ROUTER_SOLICITATION:
		return !nowhere || !m->link_layer;
	case ND_ROUTER_ADVERTISEMENT:
		return address_is_link_local(&f->src);
	case ND_NEIGHBOUR_SOLICITATION:
		return !nowhere || (is_solicited_node(&f->dst, &m->target) && !m->link_layer);
	case ND_NEIGHBOUR_ADVERTISEMENT:
		return f->dst.octet[0] != 0xff || !(f->payload.at[4] & FLAG_SOLICITED);
	default:
		return true;
	}
}

bool nd_parse(const struct frame *f, struct nd_message *out)
{
	struct bytes p = f->payload;
	memset(out, 0, sizeof *out);
	if (p.n < 8 || f->hop_limit != 255 || p.at[1] != 0)
		return false;
	out->type = p.at[0];
	size_t fixed = fixed_part[out->type - 133];
	if (p.n < fixed)
		return false;
	if (fixed == NS_NA_LENGTH)
		out->target = address_from(FAMILY_IPV6, p.at + 8);
	return out->target.octet[0] != 0xff &&
	       read_options(out, (struct bytes){p.at + fixed, p.n - fixed}) &&
	       valid_addresses(f, out);
}
