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
	unsigned best = 3;
	vec_each (g, &i->net->portgroups) {
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
	i->on_bridge = i->macvtap ? STR("") : i->net->bridge;
	i->pinned = i->net->mac_table && i->on_bridge.len;
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
	uint32_t n = 0;
	vec_each (p, &ports->list)
		if (*p != i->port)
			ports->list.items[n++] = *p;
	ports->list.n = n;
	i->port = NULL;
}

static bool check_filter(struct interface *i, struct ports *ports, struct diags *ds)
{
	if (i->port && i->macvtap)
		i->port->direct = true;
	if (!i->port || !i->net || i->net->mode != NET_HOSTDEV)
		return true;
	struct finding *f = diag_add(
		ds, FINDING(E205), i->port->filter.span,
		"network '%.*s' of mode '%s': its guests drive the card themselves, so no filter "
		"can hold there",
		STR_ARG(i->net->name), network_modes[i->net->mode].name);
	diag_note(ds, f, i->net->name_span, "the network");
	diag_hint(ds, f, "use a network with a bridge, or filter on the card or the switch");
	drop_port(i, ports);
	return false;
}

static bool check_isolation(struct interface *i, struct diags *ds)
{
	static const char *const bridged[] = {"network", "bridge"};
	bool can = !i->macvtap;
	bool type = str_is(i->type, bridged[0]) || str_is(i->type, bridged[1]);
	if (!i->is_isolated || (can && type))
		return true;
	if (!type && i->isolated == TRI_ABSENT)
		return true;
	diag_add(ds, FINDING(E262), i->isolated_span.file ? i->isolated_span : i->span,
		 "the port can not be isolated: it is no port of a Linux bridge");
	return false;
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

/* libvirt counts such names up itself when the guest starts. */
static void check_name(const struct interface *i, struct diags *ds)
{
	if (i->name.len < 5 || memcmp(i->name.s, "vnet", 4) != 0 || !i->net)
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
	else if (str_is(i->type, "bridge"))
		i->on_bridge = i->bridge;
	resolve_switches(i);
	check_trust(i, ds);
	check_name(i, ds);
	bool holds = check_filter(i, ports, ds);
	return check_isolation(i, ds) && holds;
}

bool interfaces_resolve(struct interfaces *is, const struct networks *ns, struct ports *ports,
			struct diags *ds)
{
	bool good = true;
	vec_each (i, &is->list)
		good = resolve_one(*i, ns, ports, ds) && good;
	return good;
}

const struct interface *interface_of(const struct interfaces *is, const struct port *p)
{
	vec_each (i, &is->list)
		if ((*i)->port == p)
			return *i;
	return NULL;
}
