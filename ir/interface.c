/* SPDX-License-Identifier: MIT */
/*
 * Interfaces to what they really are. As libvirt resolves them when a guest
 * starts, but that nothing is passed over: specification of virtual networks,
 * sections 6 to 9.
 */
#include "ir/interface.h"

/* --- portgroup --- */

static void say_no_portgroup(struct interface *i, struct diags *ds)
{
	const char *near = NULL;
	unsigned best = i->net->portgroups.n < 1000 ? 3 : 0; /* each is compared */
	vec_each (g, &i->net->portgroups) {
		if (!best)
			break;
		unsigned d = str_distance(i->portgroup, g->name);
		if (d < best) {
			best = d;
			near = g->name.s;
		}
	}
	struct finding *f = diag_add(ds, FINDING(E260), i->portgroup_span,
				     "network '%.*s' has no portgroup '%.*s'",
				     STR_ARG(i->net->name), STR_ARG(i->portgroup));
	diag_note(ds, f, i->net->name_span, "the network");
	vec_each (g, &i->net->portgroups)
		if (near == g->name.s)
			diag_hint(ds, f, "did you mean '%.*s'?", STR_ARG(g->name));
	if (!near)
		diag_hint(ds, f,
			  "libvirt starts such a guest without any portgroup, not even the "
			  "default one");
}

static void choose_portgroup(struct interface *i, struct diags *ds)
{
	i->group = network_portgroup(i->net, i->portgroup);
	if (!i->group && i->portgroup.len)
		say_no_portgroup(i, ds);
}

/* --- what it is --- */

static enum tristate nearest(enum tristate a, enum tristate b, enum tristate c)
{
	return a != TRI_ABSENT ? a : b != TRI_ABSENT ? b : c;
}

static void resolve_network(struct interface *i, const struct networks *ns, struct diags *ds)
{
	i->net = networks_find(ns, i->network);
	if (!i->net) {
		if (ns->list.n) /* without any network the inputs are about filters alone */
			diag_add(ds, FINDING(W261), i->network_span,
				 "network '%.*s' is not among the inputs", STR_ARG(i->network));
		return;
	}
	choose_portgroup(i, ds);
	i->macvtap = network_modes[i->net->mode].macvtap ||
		     (i->net->mode == NET_BRIDGE && i->net->devices.n);
}

/* A switch of another kind, whose ports no Linux bridge knows. */
static bool is_other_switch(const struct virtual_port *vp)
{
	return str_is(vp->type, "openvswitch") || str_is(vp->type, "midonet");
}

/* libvirt merges the three as long as their types are one. */
static bool resolve_virtual_port(struct interface *i, struct diags *ds)
{
	const struct virtual_port *from[] = {&i->virtual_port,
					     i->net ? &i->net->virtual_port : NULL,
					     i->group ? &i->group->virtual_port : NULL};
	for (unsigned n = 0; n < sizeof from / sizeof *from; n++) {
		if (!from[n] || !from[n]->type.len)
			continue;
		if (!i->switched.type.len)
			i->switched = *from[n];
		if (str_eq(i->switched.type, from[n]->type))
			continue;
		struct finding *f =
			diag_add(ds, FINDING(E266), i->switched.span,
				 "virtualport '%.*s', and '%.*s' where the interface is connected",
				 STR_ARG(i->switched.type), STR_ARG(from[n]->type));
		diag_note(ds, f, from[n]->span, "the other one");
		return false;
	}
	return true;
}

static bool in_hostdev(const struct interface *i)
{
	return i->net && i->net->mode == NET_HOSTDEV;
}

static void resolve_bridge(struct interface *i)
{
	if (is_other_switch(&i->switched))
		return;
	if (i->net && !i->macvtap) {
		i->on_bridge = i->net->bridge;
		i->pinned = i->net->mac_table && i->on_bridge.len;
	} else if (str_is(i->type, "bridge")) {
		i->on_bridge = i->bridge;
	}
}

static void resolve_switches(struct interface *i)
{
	const struct network *n = i->net;
	enum tristate group = i->group ? i->group->trust : TRI_ABSENT;
	i->trusts = nearest(i->trust, group, n ? n->trust : TRI_ABSENT) == TRI_YES;
	i->is_isolated = nearest(i->isolated, n ? n->isolated : TRI_ABSENT, TRI_NO) == TRI_YES;
}

/* --- what can not be --- */

static void drop_port(struct interface *i, struct ports *ports)
{
	uint32_t n = 0, unnamed = 0;
	vec_each (p, &ports->list)
		if (*p != i->port)
			ports->list.items[n++] = *p;
	vec_each (p, &ports->unnamed)
		if (*p != i->port)
			ports->unnamed.items[unnamed++] = *p;
	ports->list.n = n;
	ports->unnamed.n = unnamed;
	i->port = NULL;
}

/* Reason and advice where the network keeps a filter from holding. */
static const char *const *no_filter(const struct interface *i)
{
	static const char *const hostdev[] = {
		"its guests drive the card themselves",
		"use a network with a bridge, or filter on the card or the switch"};
	static const char *const other[] = {"its frames pass no Linux bridge",
					    "use a Linux bridge, or filter in that switch"};
	return in_hostdev(i) ? hostdev : is_other_switch(&i->switched) ? other : NULL;
}

static bool check_filter(struct interface *i, struct ports *ports, struct diags *ds)
{
	if (!i->port)
		return true;
	i->port->direct |= i->macvtap;
	const char *const *no = no_filter(i);
	if (!no || !i->net)
		return true;
	struct finding *f =
		diag_add(ds, FINDING(E205), i->port->filter.span,
			 "network '%.*s' of mode '%s': %s, so no filter can hold there",
			 STR_ARG(i->net->name), network_modes[i->net->mode].name, no[0]);
	diag_note(ds, f, i->net->name_span, "the network");
	diag_hint(ds, f, "%s", no[1]);
	drop_port(i, ports);
	return false;
}

/* Why the port has no such flag; NULL: it has. */
static const char *no_isolation(const struct interface *i)
{
	bool bridged = str_is(i->type, "bridge") || str_is(i->type, "network");
	if (!bridged || i->macvtap || in_hostdev(i))
		return "it is no port of a Linux bridge";
	return i->switched.type.len ? "it has a virtualport" : NULL;
}

static bool check_isolation(struct interface *i, struct diags *ds)
{
	const char *why = i->is_isolated ? no_isolation(i) : NULL;
	if (!why)
		return true;
	i->is_isolated = false;
	diag_add(ds, FINDING(E262), i->isolated_span.file ? i->isolated_span : i->span,
		 "the port can not be isolated: %s", why);
	return false;
}

/* Tags are set by cards and by Open vSwitch; by Linux bridges since libvirt 11. */
static void check_vlan(const struct interface *i, struct diags *ds)
{
	bool card = str_is(i->type, "hostdev") || in_hostdev(i) || i->own_passthrough ||
		    (i->net && i->net->mode == NET_PASSTHROUGH);
	bool known = i->net || !str_is(i->type, "network");
	if (!i->has_vlan || card || !known || is_other_switch(&i->switched))
		return;
	struct finding *f =
		diag_add(ds, FINDING(W268), i->vlan_span,
			 "libvirt before 11.0 does not start a guest with a VLAN tag here");
	diag_hint(
		ds, f,
		"it sets tags on cards (hostdev, passthrough) and in Open vSwitch; plug the guest "
		"into a bridge of that VLAN");
}

static void check_trust(const struct interface *i, struct diags *ds)
{
	bool direct = i->macvtap || str_is(i->type, "direct");
	struct span at = i->trust_span.file ? i->trust_span : i->span;
	if (!i->trusts)
		return;
	if (direct && i->model.len && !str_is(i->model, "virtio"))
		diag_add(ds, FINDING(W263), at,
			 "trustGuestRxFilters has no effect with model '%.*s': only virtio tells "
			 "the "
			 "host its filters",
			 STR_ARG(i->model));
	else if (!direct && i->trust == TRI_YES && !i->port)
		diag_add(ds, FINDING(W263), at,
			 "trustGuestRxFilters has no effect on the port of a bridge");
}

/* libvirt counts such names up itself when the guest starts; --port gives the outcome. */
static void check_name(const struct interface *i, struct diags *ds)
{
	bool written = i->name_span.lo != i->span.lo;
	if (!written || i->live || i->name.len < 5 || memcmp(i->name.s, "vnet", 4) != 0 || !i->net)
		return;
	for (uint32_t c = 4; c < i->name.len; c++)
		if (i->name.s[c] < '0' || i->name.s[c] > '9')
			return;
	diag_add(ds, FINDING(N264), i->name_span,
		 "libvirt ignores a target name of the form vnetN and takes the next free number");
}

static bool resolve_one(struct interface *i, const struct networks *ns, struct ports *ports,
			struct diags *ds)
{
	if (str_is(i->type, "network"))
		resolve_network(i, ns, ds);
	bool merged = resolve_virtual_port(i, ds);
	resolve_bridge(i);
	resolve_switches(i);
	check_trust(i, ds);
	check_name(i, ds);
	check_vlan(i, ds);
	bool holds = check_filter(i, ports, ds);
	return check_isolation(i, ds) && holds && merged;
}

/* --- one bridge, one address, one port --- */

static struct str place_of(struct arena *a, const struct interface *i)
{
	struct str mac = value_text(a, &i->mac);
	char *s = arena_alloc(a, i->on_bridge.len + 1 + mac.len);
	memcpy(s, i->on_bridge.s, i->on_bridge.len);
	s[i->on_bridge.len] = '/'; /* which no bridge's name has */
	memcpy(s + i->on_bridge.len + 1, mac.s, mac.len);
	return (struct str){s, i->on_bridge.len + 1 + mac.len};
}

static void check_addresses(struct arena *a, const struct interfaces *is, struct diags *ds)
{
	struct map places = {0};
	vec_each (it, &is->list) {
		const struct interface *i = *it;
		bool added;
		if (arena_full(a))
			return;
		if (!i->pinned || !i->has_mac)
			continue;
		struct map_entry *e = map_put(a, &places, place_of(a, i), &added);
		if (added) {
			e->cptr = i;
			continue;
		}
		struct finding *f = diag_add(
			ds, FINDING(W269), i->span,
			"on bridge '%.*s' another guest has this MAC address; the later port gets "
			"the frames of both",
			STR_ARG(i->on_bridge));
		diag_note(ds, f, ((const struct interface *)e->cptr)->span, "first here");
	}
}

bool interfaces_resolve(struct arena *a, struct interfaces *is, const struct networks *ns,
			struct ports *ports, struct diags *ds)
{
	bool good = true;
	vec_each (i, &is->list)
		good = resolve_one(*i, ns, ports, ds) && good;
	check_addresses(a, is, ds);
	return good;
}

void interfaces_say_bare(const struct interfaces *is, bool bridges, struct diags *ds)
{
	vec_each (b, &is->bare) {
		bool told = false;
		for (uint32_t n = b->first; n < b->first + b->n; n++)
			told |= is->list.items[n]->pinned || is->list.items[n]->is_isolated;
		if (!bridges || !told)
			diag_add(ds, FINDING(W208), b->root, "nothing here references a filter");
	}
}
