/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4: the fixed part, and the options in their up to three places.
 *
 * Stricter than clients are: an option whose length runs past its field, a type of another
 * length than 1, or a second type or lease time spoils the message, since client and
 * learner could then read it differently.
 */
#include "learnd/message.h"

#include <string.h>

enum {
	FIXED = 236,
	SNAME = 44,
	FILE_NAME = 108,
	OPTIONS = FIXED + 4,
	OPT_PAD = 0,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_CLIENT_ID = 61,
	OPT_RAPID = 80,
	OPT_END = 255,
	OVERLOAD_FILE = 1,
	OVERLOAD_SNAME = 2,
};

static const uint8_t cookie[4] = {99, 130, 83, 99};

struct options {
	struct dhcp4_message *m;
	uint8_t overload;
};

static bool take_address(struct bytes v, struct address *out, bool *has)
{
	if (v.n != 4)
		return false;
	*out = address_from(FAMILY_IPV4, v.at);
	*has = true;
	return true;
}

static bool take_option(struct options *o, uint8_t code, struct bytes v)
{
	struct dhcp4_message *m = o->m;
	switch (code) {
	case OPT_TYPE:
		if (v.n != 1 || m->type)
			return false;
		m->type = v.at[0];
		return m->type > 0 && m->type < DHCP4_TYPES;
	case OPT_LEASE:
		if (v.n != 4 || m->has_lease)
			return false;
		m->has_lease = true;
		m->lease = read_u32(v.at);
		return true;
	case OPT_REQUESTED:
		return take_address(v, &m->requested, &m->has_requested);
	case OPT_SERVER:
		return take_address(v, &m->server, &m->has_server);
	case OPT_CLIENT_ID:
		m->client_id = v;
		return true;
	case OPT_RAPID:
		m->rapid = true;
		return v.n == 0;
	case OPT_OVERLOAD:
		if (v.n != 1)
			return false;
		o->overload = v.at[0];
		return true;
	default:
		return true;
	}
}

/* Options of one field; an end is not demanded, as clients do not demand it. */
static bool read_options(struct options *o, struct bytes p)
{
	for (size_t i = 0; i < p.n && p.at[i] != OPT_END;) {
		uint8_t code = p.at[i++];
		if (code == OPT_PAD)
			continue;
		if (i == p.n || p.at[i] > p.n - i - 1)
			return false;
		struct bytes value = {p.at + i + 1, p.at[i]};
		if (!take_option(o, code, value))
			return false;
		i += 1 + value.n;
	}
	return true;
}

bool dhcp4_parse(struct bytes p, struct dhcp4_message *out)
{
	struct options o = {.m = out};
	memset(out, 0, sizeof *out);
	if (p.n < OPTIONS || memcmp(p.at + FIXED, cookie, 4) || p.at[1] != 1 || p.at[2] != 6)
		return false;
	out->op = p.at[0];
	out->xid = read_u32(p.at + 4);
	out->ciaddr = address_from(FAMILY_IPV4, p.at + 12);
	out->yiaddr = address_from(FAMILY_IPV4, p.at + 16);
	out->chaddr = p.at + 28;
	if (!read_options(&o, (struct bytes){p.at + OPTIONS, p.n - OPTIONS}))
		return false;
	uint8_t overload = o.overload;
	if (overload & OVERLOAD_FILE &&
	    !read_options(&o, (struct bytes){p.at + FILE_NAME, FIXED - FILE_NAME}))
		return false;
	if (overload & OVERLOAD_SNAME &&
	    !read_options(&o, (struct bytes){p.at + SNAME, FILE_NAME - SNAME}))
		return false;
	return out->type != 0;
}

uint8_t dhcp4_peek_type(struct bytes p)
{
	if (p.n < OPTIONS + 3 || p.at[OPTIONS] != OPT_TYPE || p.at[OPTIONS + 1] != 1 ||
	    p.at[OPTIONS + 2] >= DHCP4_TYPES)
		return 0;
	return p.at[OPTIONS + 2];
}
