/* SPDX-License-Identifier: MIT */
/*
 * Of a <network>: <ip> with what it gives out, and <route>.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "frontend/network_draft.h"

#include <ctype.h>

/* --- ip --- */

static bool family_in(struct xml_text *x, const struct xml_element *e, enum ip_family *out)
{
	static const char *const words[] = {"ipv4", "ipv6"};
	const struct xml_attr *a = xml_attr(e, "family");
	int w = a ? xml_word(x, a, words, 2) : 0;
	*out = w == 1 ? IP6 : IP4;
	return w >= 0;
}

/* How many bits of a netmask are set; -1 when it has holes. */
static int netmask_bits(const struct ip_addr *mask)
{
	for (unsigned bits = 0; bits <= 32; bits++) {
		struct ip_addr ones = {{0xff, 0xff, 0xff, 0xff}};
		struct ip_addr m = ip_masked(&ones, bits, false);
		if (ip_cmp(IP4, &m, mask) == 0)
			return (int)bits;
	}
	return -1;
}

/* For an address alone: by its class (RFC 791 3.2), as libvirt; 0: it has none of A to C. */
static uint8_t default_bits(enum ip_family family, const struct ip_addr *a)
{
	if (family == IP6)
		return 64;
	return a->b[0] < 128 ? 8 : a->b[0] < 192 ? 16 : a->b[0] < 224 ? 24 : 0;
}

static bool netmask_in(struct xml_text *x, const struct xml_attr *a, enum ip_family family,
		       uint8_t *out)
{
	struct ip_addr mask;
	if (family == IP6) {
		struct finding *f = diag_add(x->diags, FINDING(E224), a->name_span,
					     "an IPv6 address has no netmask");
		diag_hint(x->diags, f, "write prefix='64'");
		return false;
	}
	if (!network_address_of(x, a, IP4, &mask))
		return false;
	int bits = netmask_bits(&mask);
	if (bits < 0)
		diag_add(x->diags, FINDING(E224), a->value_span, "the netmask has holes");
	*out = (uint8_t)bits;
	return bits >= 0;
}

/* prefix or netmask, not both; *out stays when there is neither. */
static bool prefix_in(struct xml_text *x, const struct xml_element *e, enum ip_family family,
		      uint8_t *out)
{
	const struct xml_attr *mask = xml_attr(e, "netmask"), *prefix = xml_attr(e, "prefix");
	uint32_t bits;
	if (mask && prefix) {
		diag_add(x->diags, FINDING(E224), prefix->name_span,
			 "a netmask and a prefix for one address");
		return false;
	}
	if (mask)
		return netmask_in(x, mask, family, out);
	if (!prefix)
		return true;
	if (!network_number_of(x, prefix, family == IP4 ? 32 : 128, &bits))
		return false;
	*out = (uint8_t)bits;
	return true;
}

/* A subnet of no bits would take every address there is for the guests' own. */
static bool subnet_in(struct xml_text *x, const struct xml_element *e, struct network_ip *ip)
{
	const struct xml_attr *prefix = xml_attr(e, "prefix");
	uint8_t without = default_bits(ip->family, &ip->address);
	ip->prefix = without;
	if (!prefix_in(x, e, ip->family, &ip->prefix))
		return false;
	if (!ip->prefix && prefix) {
		diag_add(x->diags, FINDING(W240), prefix->value_span,
			 "prefix 0 is none: the subnet is %s",
			 ip->family == IP4 ? "that of the address's class" : "of 64 bits");
		ip->prefix = without;
	}
	if (!ip->prefix) {
		const struct xml_attr *mask = xml_attr(e, "netmask");
		diag_add(x->diags, FINDING(E224), mask ? mask->value_span : e->span,
			 mask ? "the netmask is empty: every address would be of this network"
			      : "no prefix, and the address is of no class that has one");
	}
	return ip->prefix;
}

bool network_ip_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = network_draft_of(x);
	struct network_ip ip = {.span = e->span};
	d->ip = e->span;
	if (!family_in(x, e, &ip.family) ||
	    !network_address(x, e, "address", ip.family, &ip.address))
		return false;
	if (!subnet_in(x, e, &ip))
		return false;
	ip.base = ip_masked(&ip.address, ip.prefix, false);
	if (ip_cmp(ip.family, &ip.base, &ip.address) == 0 && ip.prefix < (ip.family ? 127 : 31))
		diag_add(x->diags, FINDING(W240), e->span,
			 "the host's address is the address of the subnet itself");
	*vec_push(x->arena, &d->n->ips) = ip;
	return true;
}

static struct network_ip *last_ip(struct xml_text *x)
{
	struct network *n = network_draft_of(x)->n;
	return &n->ips.items[n->ips.n - 1];
}

static bool tftp_open(struct xml_text *x, const struct xml_element *e)
{
	last_ip(x)->tftp = xml_attr(e, "root") != NULL;
	return true;
}

/* --- dhcp --- */

static bool dhcp_open(struct xml_text *x, const struct xml_element *e)
{
	struct span *first = &network_draft_of(x)->dhcp[last_ip(x)->family];
	if (first->file) {
		struct finding *f = diag_add(x->diags, FINDING(E225), e->span,
					     "a second <dhcp> for %s: a network has one a family",
					     family_names[last_ip(x)->family]);
		diag_note(x->diags, f, *first, "first here");
	}
	*first = e->span;
	if (last_ip(x)->family == IP6 && last_ip(x)->prefix < 64)
		diag_add(x->diags, FINDING(E225), e->span,
			 "DHCP for IPv6 needs a prefix of 64 bits or more");
	return true;
}

static void check_range(struct xml_text *x, const struct xml_element *e, struct ip_addr *first,
			struct ip_addr *last)
{
	const struct network_ip *ip = last_ip(x);
	struct ip_addr top = ip_masked(&ip->address, ip->prefix, true);
	const char *why = NULL;
	if (ip_cmp(ip->family, first, last) > 0)
		why = "the range runs backwards";
	else if (!ip_within(ip, first) || !ip_within(ip, last))
		why = "the range does not lie in the subnet of its <ip>";
	else if (ip->family == IP4 && ip->prefix < 31 && ip_cmp(IP4, last, &top) == 0)
		why = "the range ends in the broadcast address";
	else if (ip->family == IP4 && ip->prefix < 31 && ip_cmp(IP4, first, &ip->base) == 0)
		why = "the range begins with the address of the subnet itself";
	if (why)
		diag_add(x->diags, FINDING(E225), e->span, "%s", why);
	else if (ip_cmp(ip->family, first, &ip->address) <= 0 &&
		 ip_cmp(ip->family, last, &ip->address) >= 0)
		diag_add(x->diags, FINDING(W240), e->span,
			 "the range contains the host's own address");
}

static bool range_open(struct xml_text *x, const struct xml_element *e)
{
	struct ip_addr first, last;
	enum ip_family family = last_ip(x)->family;
	last_ip(x)->dhcp = true;
	bool good = network_address(x, e, "start", family, &first);
	if (network_address(x, e, "end", family, &last) && good)
		check_range(x, e, &first, &last);
	return true;
}

static struct str small_letters(struct arena *a, struct str s)
{
	char *copy = arena_alloc(a, s.len + 1);
	for (uint32_t i = 0; i < s.len; i++)
		copy[i] = (char)tolower((unsigned char)s.s[i]);
	return (struct str){copy, s.len};
}

static void read_host_mac(struct xml_text *x, const struct xml_element *e, const struct xml_attr *a)
{
	struct network_draft *d = network_draft_of(x);
	bool added = true;
	network_mac(x, a);
	if (last_ip(x)->family == IP4)
		map_put(x->arena, &d->host_macs, small_letters(x->arena, a->value), &added);
	if (!added)
		diag_add(x->diags, FINDING(W240), a->value_span, "a second <host> of this address");
}

static bool host_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *mac = xml_attr(e, "mac"), *ip = xml_attr_needed(x, e, "ip");
	const struct xml_attr *name = xml_attr(e, "name"), *id = xml_attr(e, "id");
	struct ip_addr addr;
	last_ip(x)->dhcp = true;
	if (mac)
		read_host_mac(x, e, mac);
	if (ip && network_address_of(x, ip, last_ip(x)->family, &addr) &&
	    !ip_within(last_ip(x), &addr))
		diag_add(x->diags, FINDING(W240), ip->value_span,
			 "the address does not lie in the subnet of its <ip>");
	if (!mac && !name && !id)
		diag_add(x->diags, FINDING(E106), e->span,
			 "<host> needs an attribute 'mac', 'name' or 'id': whose address is it?");
	return true;
}

static const struct element_type dhcp_children[] = {
	{.name = "range", .flags = ELEMENT_LOOSE, .open = range_open},
	{.name = "host", .flags = ELEMENT_LOOSE, .open = host_open},
	{.name = "bootp", .flags = ELEMENT_LOOSE},
	{0},
};

const char *const network_ip_attrs[] = {"address", "netmask", "prefix", "family", "localPtr", NULL};

const struct element_type network_ip_children[] = {
	{.name = "dhcp", .flags = ELEMENT_OTHERS, .children = dhcp_children, .open = dhcp_open},
	{.name = "tftp", .flags = ELEMENT_OTHERS, .open = tftp_open},
	{0},
};

/* --- route --- */

bool network_route_open(struct xml_text *x, const struct xml_element *e)
{
	struct route_draft r = {.span = e->span};
	struct ip_addr address, base;
	uint8_t prefix;
	if (!family_in(x, e, &r.family))
		return true;
	const struct xml_attr *a = xml_attr_needed(x, e, "address");
	bool good = a && network_address_of(x, a, r.family, &address);
	if (network_address(x, e, "gateway", r.family, &r.gateway))
		*vec_push(x->arena, &network_draft_of(x)->routes) = r;
	prefix = good ? default_bits(r.family, &address) : 0;
	if (!prefix_in(x, e, r.family, &prefix) || !good)
		return true;
	base = ip_masked(&address, prefix, false);
	if (ip_cmp(r.family, &base, &address) != 0)
		diag_add(x->diags, FINDING(E226), a->value_span,
			 "the address of a route has bits behind its prefix");
	return true;
}
