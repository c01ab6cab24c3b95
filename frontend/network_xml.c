/* SPDX-License-Identifier: MIT */
/*
 * Reader of virtual networks: <network>, and what holds several (<networks>,
 * the state files' <networkstatus>). What no row here knows is passed over with
 * a warning, as libvirt does without one.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define _GNU_SOURCE
#include "frontend/network_draft.h"

static struct network_draft *draft(struct xml_text *x)
{
	return x->network;
}

static bool skip(struct xml_text *x, const struct xml_element *e)
{
	return false;
}

/* --- words and numbers --- */

/* The index of the attribute's word in a list that NULL ends; -1 when it is not there. */
static int word_of(struct xml_text *x, const struct xml_attr *a, const char *const *words)
{
	struct nearest near = nearest_to(a->value);
	struct str list = STR("");
	for (int i = 0; words[i]; i++) {
		if (str_is(a->value, words[i]))
			return i;
		nearest_try(&near, words[i]);
		list = str_printf(x->arena, "%.*s%s%s", STR_ARG(list), i ? ", " : "", words[i]);
	}
	struct finding *f =
		diag_add(x->diags, FINDING(E111), a->value_span, "%.*s '%.*s' is not one of %.*s",
			 STR_ARG(a->name), STR_ARG(a->value), STR_ARG(list));
	nearest_hint(x->diags, f, &near);
	return -1;
}

static void read_tristate(struct xml_text *x, const struct xml_element *e, const char *name,
			  enum tristate *out)
{
	static const char *const words[] = {"no", "yes", NULL};
	const struct xml_attr *a = xml_attr(e, name);
	int w = a ? word_of(x, a, words) : -1;
	if (w >= 0)
		*out = w ? TRI_YES : TRI_NO;
}

static bool is_yes(struct xml_text *x, const struct xml_element *e, const char *name)
{
	enum tristate t = TRI_ABSENT;
	read_tristate(x, e, name, &t);
	return t == TRI_YES;
}

static bool number_of(struct xml_text *x, const struct xml_attr *a, uint32_t max, uint32_t *out)
{
	uint32_t v = 0;
	for (uint32_t i = 0; i < a->value.len; i++) {
		char c = a->value.s[i];
		if (c < '0' || c > '9' || (v = v * 10 + (uint32_t)(c - '0')) > max || i > 8) {
			diag_add(x->diags, FINDING(E112), a->value_span,
				 "%.*s '%.*s' is not a number from 0 to %u", STR_ARG(a->name),
				 STR_ARG(a->value), max);
			return false;
		}
	}
	*out = v;
	if (!a->value.len)
		diag_add(x->diags, FINDING(E112), a->value_span, "%.*s is empty", STR_ARG(a->name));
	return a->value.len;
}

/* Without the attribute false, without a word. */
static bool number_in(struct xml_text *x, const struct xml_element *e, const char *name,
		      uint32_t max, uint32_t *out)
{
	const struct xml_attr *a = xml_attr(e, name);
	return a && number_of(x, a, max, out);
}

static const char *const family_names[IP_FAMILIES] = {"IPv4", "IPv6"};

static bool address_of(struct xml_text *x, const struct xml_attr *a, enum ip_family family,
		       struct ip_addr *out)
{
	if (ip_parse(a->value, family, out))
		return true;
	struct finding *f =
		diag_add(x->diags, FINDING(E112), a->value_span, "%.*s '%.*s' is not an %s address",
			 STR_ARG(a->name), STR_ARG(a->value), family_names[family]);
	if (family == IP4 && memchr(a->value.s, ':', a->value.len))
		diag_hint(x->diags, f, "an IPv6 address needs family='ipv6'");
	return false;
}

static bool address_in(struct xml_text *x, const struct xml_element *e, const char *name,
		       enum ip_family family, struct ip_addr *out)
{
	const struct xml_attr *a = xml_attr_needed(x, e, name);
	return a && address_of(x, a, family, out);
}

static void read_unicast_mac(struct xml_text *x, const struct xml_attr *a)
{
	struct value mac;
	const char *why = value_parse(x->arena, VT_MAC, 0, 0, a->value, &mac);
	if (!why && (mac.mac[0] & 1))
		why = "is a multicast address";
	if (why)
		diag_add(x->diags, FINDING(E112), a->value_span, "'%.*s' %s", STR_ARG(a->value),
			 why);
}

/* --- identity --- */

static void name_close(struct xml_text *x, struct str text, struct span span)
{
	struct network *n = draft(x)->n;
	n->name = str_copy(x->arena, text);
	n->name_span = span;
	draft(x)->named = true;
	if (!text.len || memchr(text.s, '/', text.len) || memchr(text.s, '\n', text.len))
		diag_add(x->diags, FINDING(E222), span,
			 text.len ? "the network's name has a slash or a new line"
				  : "the network's name is empty");
}

static void uuid_close(struct xml_text *x, struct str text, struct span span)
{
	if (!uuid_parse(x->arena, text, &draft(x)->n->uuid))
		diag_add(x->diags, FINDING(E110), span, "'%.*s' is not a UUID", STR_ARG(text));
}

/* --- bridge --- */

static void read_mac_table(struct xml_text *x, const struct xml_element *e)
{
	static const char *const managers[] = {"kernel", "libvirt", NULL};
	const struct xml_attr *a = xml_attr(e, "macTableManager");
	if (!a)
		return;
	draft(x)->mac_table = a->name_span;
	draft(x)->n->mac_table = word_of(x, a, managers) == 1;
}

static void read_bridge_name(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "name");
	struct network *n = draft(x)->n;
	if (!a || !a->value.len || memmem(a->value.s, a->value.len, "%d", 2))
		return; /* libvirt counts up to a free virbrN */
	const char *why = port_name_check(a->value);
	n->bridge = a->value;
	n->bridge_span = a->value_span;
	if (why)
		diag_add(x->diags, FINDING(E201), a->value_span, "bridge name '%.*s' %s",
			 STR_ARG(a->value), why);
}

static void read_stp(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *stp = xml_attr(e, "stp"), *delay = xml_attr(e, "delay");
	uint32_t seconds;
	if (delay && number_of(x, delay, UINT16_MAX, &seconds))
		draft(x)->stp = delay->name_span;
	if (!stp)
		return;
	draft(x)->stp = stp->name_span;
	if (!str_is(stp->value, "on") && !str_is(stp->value, "off"))
		diag_hint(x->diags,
			  diag_add(x->diags, FINDING(W240), stp->value_span,
				   "stp '%.*s' is neither on nor off and means on",
				   STR_ARG(stp->value)),
			  "write stp='on'");
}

static bool bridge_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = draft(x);
	const struct xml_attr *zone = xml_attr(e, "zone");
	if (!xml_once(x, e, &d->has_bridge))
		return false;
	read_bridge_name(x, e);
	read_mac_table(x, e);
	read_stp(x, e);
	if (zone)
		d->zone = zone->name_span;
	return true;
}

/* --- forward --- */

static void read_mode(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "mode");
	struct network *n = draft(x)->n;
	const char *names[NETWORK_MODES + 1] = {NULL};
	for (int m = 0; m < NETWORK_MODES; m++)
		names[m] = network_modes[m].name;
	n->mode = NET_NAT; /* an element without a mode */
	n->mode_span = a ? a->value_span : e->span;
	int m = a ? word_of(x, a, names) : -1;
	if (m >= 0)
		n->mode = (enum network_mode)m;
}

static bool forward_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = draft(x);
	const struct xml_attr *dev = xml_attr(e, "dev");
	if (d->has_forward) {
		diag_add(x->diags, FINDING(W240), e->span,
			 "a second <forward> has no effect: the first one counts");
		return false;
	}
	d->has_forward = true;
	read_mode(x, e);
	if (dev && d->n->mode == NET_ISOLATED) {
		diag_add(x->diags, FINDING(W240), dev->name_span,
			 "dev has no effect in mode 'none', which forwards nothing");
	} else if (dev) {
		d->forward_dev = dev->value;
		d->dev = dev->name_span;
	}
	return true;
}

static bool device_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr_needed(x, e, "dev");
	const char *why = a ? port_name_check(a->value) : NULL;
	if (why)
		diag_add(x->diags, FINDING(E201), a->value_span, "device name '%.*s' %s",
			 STR_ARG(a->value), why);
	if (a)
		*vec_push(x->arena, &draft(x)->n->devices) =
			(struct network_device){a->value, e->span};
	return true;
}

static bool nat_open(struct xml_text *x, const struct xml_element *e)
{
	draft(x)->nat = e->span;
	draft(x)->n->nat_ipv6 = is_yes(x, e, "ipv6");
	return true;
}

static bool nat_address_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = draft(x);
	struct network *n = d->n;
	bool seen = d->nat_address.file, good = xml_once(x, e, &seen);
	d->nat_address = e->span;
	good &= address_in(x, e, "start", IP4, &n->nat_first);
	good &= address_in(x, e, "end", IP4, &n->nat_last);
	if (good && ip_cmp(IP4, &n->nat_first, &n->nat_last) > 0)
		diag_add(x->diags, FINDING(E125), e->span, "the address range runs backwards");
	n->nat_range = good;
	return true;
}

/* A single port is refused when libvirt starts the network, so it is here; 0-0 is no range. */
static bool nat_port_open(struct xml_text *x, const struct xml_element *e)
{
	struct network *n = draft(x)->n;
	uint32_t first = 0, last = 0;
	if (!xml_attr_needed(x, e, "start") || !xml_attr_needed(x, e, "end") ||
	    !number_in(x, e, "start", UINT16_MAX, &first) ||
	    !number_in(x, e, "end", UINT16_MAX, &last) || (!first && !last))
		return true;
	if (first >= last) {
		struct finding *f = diag_add(x->diags, FINDING(E125), e->span,
					     first == last ? "one port is no range"
							   : "the port range runs backwards");
		diag_hint(x->diags, f, "start is smaller than end");
		return true;
	}
	n->port_first = (uint16_t)first;
	n->port_last = (uint16_t)last;
	n->ports_given = true;
	return true;
}

static const struct element_type nat_children[] = {
	{.name = "address", .flags = ELEMENT_OTHERS, .open = nat_address_open},
	{.name = "port", .flags = ELEMENT_OTHERS, .open = nat_port_open},
	{0},
};

static const struct element_type forward_children[] = {
	{.name = "nat", .flags = ELEMENT_OTHERS, .children = nat_children, .open = nat_open},
	{.name = "interface", .flags = ELEMENT_OTHERS, .open = device_open},
	{.name = "pf", .flags = ELEMENT_OTHERS, .open = device_open},
	{.name = "address", .flags = ELEMENT_LOOSE},
	{.name = "driver", .flags = ELEMENT_LOOSE},
	{0},
};

/* --- ip --- */

static bool family_in(struct xml_text *x, const struct xml_element *e, enum ip_family *out)
{
	static const char *const words[] = {"ipv4", "ipv6", NULL};
	const struct xml_attr *a = xml_attr(e, "family");
	int w = a ? word_of(x, a, words) : 0;
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

/* By class, for an address alone (RFC 791 3.2); as libvirt's rules have it. */
static uint8_t class_bits(const struct ip_addr *a)
{
	return a->b[0] < 128 ? 8 : a->b[0] < 192 ? 16 : 24;
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
	if (!address_of(x, a, IP4, &mask))
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
	if (!number_of(x, prefix, family == IP4 ? 32 : 128, &bits))
		return false;
	*out = (uint8_t)bits;
	return true;
}

static bool ip_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = draft(x);
	struct network_ip ip = {.span = e->span};
	d->ip = e->span;
	if (!family_in(x, e, &ip.family) || !address_in(x, e, "address", ip.family, &ip.address))
		return false;
	ip.prefix = ip.family == IP6 ? 64 : class_bits(&ip.address);
	if (!prefix_in(x, e, ip.family, &ip.prefix))
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
	struct network *n = draft(x)->n;
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
	struct span *first = &draft(x)->dhcp[last_ip(x)->family];
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
	bool good = address_in(x, e, "start", family, &first);
	if (address_in(x, e, "end", family, &last) && good)
		check_range(x, e, &first, &last);
	return true;
}

static void read_host_mac(struct xml_text *x, const struct xml_element *e, const struct xml_attr *a)
{
	struct network_draft *d = draft(x);
	read_unicast_mac(x, a);
	vec_each (m, &d->host_macs)
		if (last_ip(x)->family == IP4 && str_eq_nocase(*m, a->value)) {
			diag_add(x->diags, FINDING(W240), a->value_span,
				 "a second <host> of this address");
			return;
		}
	if (last_ip(x)->family == IP4)
		*vec_push(x->arena, &d->host_macs) = a->value;
}

static bool host_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *mac = xml_attr(e, "mac"), *ip = xml_attr_needed(x, e, "ip");
	const struct xml_attr *name = xml_attr(e, "name"), *id = xml_attr(e, "id");
	struct ip_addr addr;
	last_ip(x)->dhcp = true;
	if (mac)
		read_host_mac(x, e, mac);
	if (ip && address_of(x, ip, last_ip(x)->family, &addr) && !ip_within(last_ip(x), &addr))
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

static const char *const ip_attrs[] = {"address", "netmask", "prefix", "family", "localPtr", NULL};

static const struct element_type ip_children[] = {
	{.name = "dhcp", .flags = ELEMENT_OTHERS, .children = dhcp_children, .open = dhcp_open},
	{.name = "tftp", .flags = ELEMENT_OTHERS, .open = tftp_open},
	{0},
};

/* --- route --- */

static bool route_open(struct xml_text *x, const struct xml_element *e)
{
	struct route_draft r = {.span = e->span};
	struct ip_addr address, base;
	uint8_t prefix;
	if (!family_in(x, e, &r.family))
		return true;
	const struct xml_attr *a = xml_attr_needed(x, e, "address");
	bool good = a && address_of(x, a, r.family, &address);
	if (address_in(x, e, "gateway", r.family, &r.gateway))
		*vec_push(x->arena, &draft(x)->routes) = r;
	prefix = r.family == IP6 ? 64 : good ? class_bits(&address) : 0;
	if (!prefix_in(x, e, r.family, &prefix) || !good)
		return true;
	base = ip_masked(&address, prefix, false);
	if (ip_cmp(r.family, &base, &address) != 0)
		diag_add(x->diags, FINDING(E226), a->value_span,
			 "the address of a route has bits behind its prefix");
	return true;
}

/* --- the rest --- */

static bool port_open(struct xml_text *x, const struct xml_element *e)
{
	read_tristate(x, e, "isolated", &draft(x)->n->isolated);
	return true;
}

static bool virtualport_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "type");
	*draft(x)->port_of = (struct virtual_port){a ? a->value : STR(""), e->span};
	return true;
}

static bool vlan_open(struct xml_text *x, const struct xml_element *e)
{
	struct vlan_tags *v = draft(x)->vlan_of;
	v->span = e->span;
	v->given = true;
	v->trunk = is_yes(x, e, "trunk");
	return true;
}

static bool tag_open(struct xml_text *x, const struct xml_element *e)
{
	uint32_t id;
	if (xml_attr_needed(x, e, "id") && number_in(x, e, "id", 4095, &id))
		*vec_push(x->arena, &draft(x)->vlan_of->tags) = (uint16_t)id;
	return true;
}

static const struct element_type vlan_children[] = {
	{.name = "tag", .flags = ELEMENT_LOOSE, .open = tag_open}, {0}};

#define CONNECTION_ROWS                                                                            \
	{.name = "virtualport", .flags = ELEMENT_LOOSE, .open = virtualport_open},                 \
	{                                                                                          \
		.name = "vlan", .flags = ELEMENT_OTHERS, .children = vlan_children,                \
		.open = vlan_open                                                                  \
	}

/* default: libvirt takes "yes" alone for yes, and everything else without a word for no. */
static void read_default(struct xml_text *x, const struct xml_element *e, struct portgroup *g)
{
	const struct xml_attr *a = xml_attr(e, "default");
	g->is_default = a && str_is(a->value, "yes");
	if (!a || g->is_default || str_is(a->value, "no"))
		return;
	diag_hint(x->diags,
		  diag_add(x->diags, FINDING(W240), a->value_span,
			   "default '%.*s' is not 'yes': the portgroup is not the default one",
			   STR_ARG(a->value)),
		  "write default='yes' or default='no'");
}

static bool portgroup_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = draft(x);
	const struct xml_attr *name = xml_attr_needed(x, e, "name");
	struct portgroup *g = vec_push(x->arena, &d->n->portgroups);
	*g = (struct portgroup){.name = name ? name->value : STR(""), .span = e->span};
	read_default(x, e, g);
	read_tristate(x, e, "trustGuestRxFilters", &g->trust);
	d->port_of = &g->virtual_port;
	d->vlan_of = &g->vlan;
	return true;
}

static void portgroup_close(struct xml_text *x, struct str text, struct span span)
{
	struct network_draft *d = draft(x);
	d->port_of = &d->n->virtual_port;
	d->vlan_of = &d->n->vlan;
}

static bool dns_open(struct xml_text *x, const struct xml_element *e)
{
	enum tristate on = TRI_ABSENT;
	read_tristate(x, e, "enable", &on);
	draft(x)->n->dns = on != TRI_NO;
	draft(x)->dns = e->span;
	return false;
}

static bool domain_open(struct xml_text *x, const struct xml_element *e)
{
	draft(x)->domain = e->span;
	return true;
}

static bool bandwidth_open(struct xml_text *x, const struct xml_element *e)
{
	draft(x)->bandwidth = e->span;
	return false;
}

static bool mac_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr_needed(x, e, "address");
	if (a)
		read_unicast_mac(x, a);
	return true;
}

/* Below 68 bytes the kernel refuses (RFC 791). */
static bool mtu_open(struct xml_text *x, const struct xml_element *e)
{
	uint32_t size;
	if (number_in(x, e, "size", 65535, &size) && size < 68)
		diag_add(x->diags, FINDING(E112), xml_attr(e, "size")->value_span,
			 "an MTU below 68 can not be set");
	return true;
}

static const char *const bridge_attrs[] = {"name", "stp", "delay", "macTableManager", "zone", NULL};

static const struct element_type portgroup_children[] = {
	CONNECTION_ROWS,
	{.name = "bandwidth", .flags = ELEMENT_LOOSE, .open = skip},
	{0},
};

static const struct element_type network_children[] = {
	{.name = "name", .flags = ELEMENT_TEXT | ELEMENT_LOOSE, .close = name_close},
	{.name = "uuid", .flags = ELEMENT_TEXT | ELEMENT_LOOSE, .close = uuid_close},
	{.name = "bridge", .flags = ELEMENT_OTHERS, .attrs = bridge_attrs, .open = bridge_open},
	{.name = "forward",
	 .flags = ELEMENT_OTHERS,
	 .children = forward_children,
	 .open = forward_open},
	{.name = "ip",
	 .flags = ELEMENT_OTHERS,
	 .attrs = ip_attrs,
	 .children = ip_children,
	 .open = ip_open},
	{.name = "route", .flags = ELEMENT_OTHERS, .open = route_open},
	{.name = "port", .flags = ELEMENT_OTHERS, .open = port_open},
	{.name = "portgroup",
	 .flags = ELEMENT_OTHERS,
	 .children = portgroup_children,
	 .open = portgroup_open,
	 .close = portgroup_close},
	CONNECTION_ROWS,
	{.name = "dns", .flags = ELEMENT_LOOSE, .open = dns_open},
	{.name = "domain", .flags = ELEMENT_LOOSE, .open = domain_open},
	{.name = "bandwidth", .flags = ELEMENT_LOOSE, .open = bandwidth_open},
	{.name = "mac", .flags = ELEMENT_OTHERS, .open = mac_open},
	{.name = "mtu", .flags = ELEMENT_OTHERS, .open = mtu_open},
	{.name = "metadata", .flags = ELEMENT_LOOSE, .open = skip},
	{.name = "title", .flags = ELEMENT_LOOSE, .open = skip},
	{.name = "description", .flags = ELEMENT_LOOSE, .open = skip},
	{0},
};

/* --- the whole --- */

static bool network_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = arena_new_object(x->arena, struct network_draft);
	struct network *n = arena_new_object(x->arena, struct network);
	x->network = d;
	d->n = n;
	d->port_of = &n->virtual_port;
	d->vlan_of = &n->vlan;
	n->span = n->name_span = e->span;
	n->dns = true;
	n->port_first = 1024; /* low ports are trusted by services as NFS */
	n->port_last = 65535;
	n->ipv6_no_gateway = is_yes(x, e, "ipv6");
	read_tristate(x, e, "trustGuestRxFilters", &n->trust);
	return true;
}

static void network_close(struct xml_text *x, struct str text, struct span span)
{
	struct network_draft *d = draft(x);
	if (!d->named)
		diag_add(x->diags, FINDING(E222), d->n->span, "the network has no <name>");
	network_check(x, d);
	if (d->n->name.len && x->cx->networks)
		networks_add(x->arena, x->cx->networks, d->n, x->diags);
}

#define NETWORK_ROW                                                                                \
	{                                                                                          \
		.name = "network", .flags = ELEMENT_OTHERS, .children = network_children,          \
		.open = network_open, .close = network_close                                       \
	}

static const struct element_type several[] = {NETWORK_ROW, {0}};

const struct element_type network_roots[] = {
	NETWORK_ROW,
	{.name = "networks", .flags = ELEMENT_LOOSE, .children = several},
	{.name = "networkstatus", .flags = ELEMENT_LOOSE, .children = several},
	{0},
};
