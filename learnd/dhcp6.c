/* SPDX-License-Identifier: MIT */
/* DHCPv6 between client and server; relayed messages never come to a guest. */
#include "learnd/message.h"

#include <string.h>

enum {
	OPT_CLIENT_ID = 1,
	OPT_SERVER_ID = 2,
	OPT_IA_NA = 3,
	OPT_IA_TA = 4,
	OPT_IAADDR = 5,
	OPT_STATUS = 13,
	OPT_RAPID = 14,
	DUID_MAX = 130, /* RFC 8415 11.1: two octets of type and at most 128 */
};

/* Is everything in an option well-formed? False spoils the message. */
typedef bool (*take_option)(struct dhcp6_message *m, unsigned code, struct bytes v);

static bool read_options(struct dhcp6_message *m, struct bytes p, take_option take)
{
	for (size_t i = 0; i < p.n;) {
		if (p.n - i < 4 || read_u16(p.at + i + 2) > p.n - i - 4)
			return false;
		struct bytes value = {p.at + i + 4, read_u16(p.at + i + 2)};
		if (!take(m, read_u16(p.at + i), value))
			return false;
		i += 4 + value.n;
	}
	return true;
}

static bool take_in_address(struct dhcp6_message *m, unsigned code, struct bytes v)
{
	(void)m;
	return code != OPT_STATUS || v.n >= 2;
}

/* An address in an IA_NA or IA_TA: 16 octets, preferred and valid lifetime, options. */
static bool take_in_ia(struct dhcp6_message *m, unsigned code, struct bytes v)
{
	if (code != OPT_IAADDR)
		return take_in_address(m, code, v);
	if (v.n < 24 || !read_options(m, (struct bytes){v.at + 24, v.n - 24}, take_in_address))
		return false;
	if (m->naddresses < DHCP6_ADDRESSES)
		m->addresses[m->naddresses++] = (struct dhcp6_address){
			address_from(FAMILY_IPV6, v.at), read_u32(v.at + 20)};
	return true;
}

static bool take_duid(struct bytes v)
{
	return v.n > 2 && v.n <= DUID_MAX;
}

static bool take_top(struct dhcp6_message *m, unsigned code, struct bytes v)
{
	size_t head = code == OPT_IA_NA ? 12 : 4;
	switch (code) {
	case OPT_CLIENT_ID:
		if (m->client_id.n)
			return false;
		m->client_id = v;
		return take_duid(v);
	case OPT_SERVER_ID:
		m->has_server_id = true;
		return take_duid(v);
	case OPT_IA_NA:
	case OPT_IA_TA:
		return v.n >= head &&
		       read_options(m, (struct bytes){v.at + head, v.n - head}, take_in_ia);
	case OPT_STATUS:
		if (v.n < 2)
			return false;
		m->status = (uint16_t)read_u16(v.at);
		return true;
	case OPT_RAPID:
		m->rapid = true;
		return v.n == 0;
	default:
		return true;
	}
}

bool dhcp6_parse(struct bytes p, struct dhcp6_message *out)
{
	memset(out, 0, sizeof *out);
	if (p.n < 4 || p.at[0] == 0 || p.at[0] >= DHCP6_TYPES)
		return false;
	out->type = p.at[0];
	out->xid = read_u32(p.at) & 0xffffff;
	return read_options(out, (struct bytes){p.at + 4, p.n - 4}, take_top);
}
