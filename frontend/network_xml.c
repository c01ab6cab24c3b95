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

static bool skip(struct xml_text *x, const struct xml_element *e)
{
	return false;
}

/* --- identity --- */

static void name_close(struct xml_text *x, struct str text, struct span span)
{
	struct network *n = network_draft_of(x)->n;
	n->name = str_copy(x->arena, text);
	n->name_span = span;
	network_draft_of(x)->named = true;
	if (!text.len || memchr(text.s, '/', text.len) || memchr(text.s, '\n', text.len))
		diag_add(x->diags, FINDING(E222), span,
			 text.len ? "the network's name has a slash or a new line"
				  : "the network's name is empty");
}

static void uuid_close(struct xml_text *x, struct str text, struct span span)
{
	if (!uuid_parse(x->arena, text, &network_draft_of(x)->n->uuid))
		diag_add(x->diags, FINDING(E110), span, "'%.*s' is not a UUID", STR_ARG(text));
}

/* --- bridge --- */

static void read_mac_table(struct xml_text *x, const struct xml_element *e)
{
	static const char *const managers[] = {"kernel", "libvirt"};
	const struct xml_attr *a = xml_attr(e, "macTableManager");
	if (!a)
		return;
	network_draft_of(x)->mac_table = a->name_span;
	network_draft_of(x)->n->mac_table = xml_word(x, a, managers, 2) == 1;
}

static void read_bridge_name(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "name");
	struct network *n = network_draft_of(x)->n;
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
	if (delay && network_number_of(x, delay, UINT16_MAX, &seconds))
		network_draft_of(x)->stp = delay->name_span;
	if (!stp)
		return;
	network_draft_of(x)->stp = stp->name_span;
	if (!str_is(stp->value, "on") && !str_is(stp->value, "off"))
		diag_hint(x->diags,
			  diag_add(x->diags, FINDING(W240), stp->value_span,
				   "stp '%.*s' is neither on nor off and means on",
				   STR_ARG(stp->value)),
			  "write stp='on'");
}

static bool bridge_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = network_draft_of(x);
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
	struct network *n = network_draft_of(x)->n;
	const char *names[NETWORK_MODES];
	for (int m = 0; m < NETWORK_MODES; m++)
		names[m] = network_modes[m].name;
	n->mode = NET_NAT; /* an element without a mode */
	n->mode_span = a ? a->value_span : e->span;
	int m = a ? xml_word(x, a, names, NETWORK_MODES) : -1;
	if (m >= 0)
		n->mode = (enum network_mode)m;
}

static void check_device_name(struct xml_text *x, const struct xml_attr *a)
{
	const char *why = port_name_check(a->value);
	if (why)
		diag_add(x->diags, FINDING(E201), a->value_span, "device name '%.*s' %s",
			 STR_ARG(a->value), why);
}

static bool forward_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = network_draft_of(x);
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
		if (dev->value.len)
			check_device_name(x, dev);
	}
	return true;
}

static bool device_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr_needed(x, e, "dev");
	if (!a)
		return true;
	check_device_name(x, a);
	*vec_push(x->arena, &network_draft_of(x)->n->devices) =
		(struct network_device){a->value, e->span};
	return true;
}

static bool nat_open(struct xml_text *x, const struct xml_element *e)
{
	network_draft_of(x)->nat = e->span;
	network_draft_of(x)->n->nat_ipv6 = network_yes(x, e, "ipv6");
	return true;
}

static bool nat_address_open(struct xml_text *x, const struct xml_element *e)
{
	struct network_draft *d = network_draft_of(x);
	struct network *n = d->n;
	bool seen = d->nat_address.file, good = xml_once(x, e, &seen);
	d->nat_address = e->span;
	good &= network_address(x, e, "start", IP4, &n->nat_first);
	good &= network_address(x, e, "end", IP4, &n->nat_last);
	if (good && ip_cmp(IP4, &n->nat_first, &n->nat_last) > 0)
		diag_add(x->diags, FINDING(E125), e->span, "the address range runs backwards");
	n->nat_range = good;
	return true;
}

/* A single port is refused when libvirt starts the network, so it is here; 0-0 is no range. */
static bool nat_port_open(struct xml_text *x, const struct xml_element *e)
{
	struct network *n = network_draft_of(x)->n;
	uint32_t first = 0, last = 0;
	if (!xml_attr_needed(x, e, "start") || !xml_attr_needed(x, e, "end") ||
	    !network_number(x, e, "start", UINT16_MAX, &first) ||
	    !network_number(x, e, "end", UINT16_MAX, &last) || (!first && !last))
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

/* --- the rest --- */

static bool port_open(struct xml_text *x, const struct xml_element *e)
{
	network_tristate(x, e, "isolated", &network_draft_of(x)->n->isolated);
	return true;
}

static bool virtualport_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "type");
	*network_draft_of(x)->port_of = (struct virtual_port){a ? a->value : STR(""), e->span};
	if (a)
		virtual_port_known(x, a);
	return true;
}

static bool vlan_open(struct xml_text *x, const struct xml_element *e)
{
	struct vlan_tags *v = network_draft_of(x)->vlan_of;
	v->span = e->span;
	v->given = true;
	v->trunk = network_yes(x, e, "trunk");
	return true;
}

static bool tag_open(struct xml_text *x, const struct xml_element *e)
{
	uint32_t id;
	if (xml_attr_needed(x, e, "id") && network_number(x, e, "id", 4095, &id))
		*vec_push(x->arena, &network_draft_of(x)->vlan_of->tags) = (uint16_t)id;
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
	struct network_draft *d = network_draft_of(x);
	const struct xml_attr *name = xml_attr_needed(x, e, "name");
	struct portgroup *g = vec_push(x->arena, &d->n->portgroups);
	*g = (struct portgroup){.name = name ? name->value : STR(""), .span = e->span};
	read_default(x, e, g);
	network_tristate(x, e, "trustGuestRxFilters", &g->trust);
	d->port_of = &g->virtual_port;
	d->vlan_of = &g->vlan;
	return true;
}

static void portgroup_close(struct xml_text *x, struct str text, struct span span)
{
	struct network_draft *d = network_draft_of(x);
	d->port_of = &d->n->virtual_port;
	d->vlan_of = &d->n->vlan;
}

static bool dns_open(struct xml_text *x, const struct xml_element *e)
{
	enum tristate on = TRI_ABSENT;
	network_tristate(x, e, "enable", &on);
	network_draft_of(x)->n->dns = on != TRI_NO;
	network_draft_of(x)->dns = e->span;
	return false;
}

static bool domain_open(struct xml_text *x, const struct xml_element *e)
{
	network_draft_of(x)->domain = e->span;
	return true;
}

static bool bandwidth_open(struct xml_text *x, const struct xml_element *e)
{
	network_draft_of(x)->bandwidth = e->span;
	return false;
}

static bool mac_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr_needed(x, e, "address");
	if (a)
		network_mac(x, a);
	return true;
}

/* Below 68 bytes the kernel refuses (RFC 791). */
static bool mtu_open(struct xml_text *x, const struct xml_element *e)
{
	uint32_t size;
	if (network_number(x, e, "size", 65535, &size) && size < 68)
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
	 .attrs = network_ip_attrs,
	 .children = network_ip_children,
	 .open = network_ip_open},
	{.name = "route", .flags = ELEMENT_OTHERS, .open = network_route_open},
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
	n->ipv6_no_gateway = network_yes(x, e, "ipv6");
	network_tristate(x, e, "trustGuestRxFilters", &n->trust);
	return true;
}

static void network_close(struct xml_text *x, struct str text, struct span span)
{
	struct network_draft *d = network_draft_of(x);
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
