/* SPDX-License-Identifier: MIT */
/*
 * What may not stand together in a <network>: the refusals of libvirt 9.0.0,
 * when a network is defined or at the latest when it is started, each at its
 * place; and what it takes without a word although it has no effect.
 */
#include "frontend/network_draft.h"

#include <arpa/inet.h>
#include <stddef.h>

/* --- addresses --- */

bool ip_parse(struct str text, enum ip_family family, struct ip_addr *out)
{
	char copy[INET6_ADDRSTRLEN];
	*out = (struct ip_addr){{0}};
	if (text.len >= sizeof copy)
		return false;
	memcpy(copy, text.s, text.len);
	copy[text.len] = '\0';
	return strlen(copy) == text.len &&
	       inet_pton(family == IP4 ? AF_INET : AF_INET6, copy, out->b) == 1;
}

struct ip_addr ip_masked(const struct ip_addr *addr, unsigned prefix, bool ones)
{
	struct ip_addr r = *addr;
	for (unsigned bit = prefix; bit < 128; bit++) {
		uint8_t one = (uint8_t)(0x80 >> bit % 8);
		if (ones)
			r.b[bit / 8] |= one;
		else
			r.b[bit / 8] &= (uint8_t)~one;
	}
	return r;
}

int ip_cmp(enum ip_family family, const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->b, b->b, family == IP4 ? 4 : 16);
}

bool ip_within(const struct network_ip *ip, const struct ip_addr *addr)
{
	struct ip_addr base = ip_masked(addr, ip->prefix, false);
	return ip_cmp(ip->family, &base, &ip->base) == 0;
}

/* --- elements that a mode has no use for --- */

#define MODE(m) (1u << NET_##m)
#define MACVTAP (MODE(PRIVATE) | MODE(VEPA) | MODE(PASSTHROUGH))
#define NO_HOST (MODE(BRIDGE) | MACVTAP | MODE(HOSTDEV))
#define ALL     ((1u << NETWORK_MODES) - 1)

struct misplaced {
	uint32_t modes;
	size_t place; /* a span in struct network_draft */
	const char *what, *why;
};
#define PLACE(member) offsetof(struct network_draft, member)

static const struct misplaced refused[] = {
	{MODE(OPEN), PLACE(dev), "dev",
	 "no rule restricts what it forwards, so none can hold it to a device"},
	{NO_HOST, PLACE(stp), "stp and delay", "the bridge, if there is one, is the host's own"},
	{NO_HOST, PLACE(zone), "zone", "the bridge, if there is one, is the host's own"},
	{ALL & ~MODE(NAT), PLACE(nat), "<nat>", "only mode 'nat' translates addresses"},
	{NO_HOST, PLACE(ip), "<ip>", "the host has no address there"},
	{NO_HOST, PLACE(dns), "<dns>", "the host gives no service there"},
	{NO_HOST, PLACE(domain), "<domain>", "the host gives no service there"},
	{NO_HOST, PLACE(bandwidth), "<bandwidth>", "there is no bridge of its own to shape"},
};

static const struct misplaced no_effect[] = {
	{MACVTAP | MODE(HOSTDEV), PLACE(mac_table), "macTableManager",
	 "there is no bridge whose table it could be"},
};

static struct span place(const struct network_draft *d, const struct misplaced *m)
{
	return *(const struct span *)((const char *)d + m->place);
}

static void check_places(struct xml_text *x, struct network_draft *d, const struct misplaced *rows,
			 size_t n, const struct diag_kind *kind)
{
	for (size_t i = 0; i < n; i++) {
		const struct misplaced *m = &rows[i];
		struct span sp = place(d, m);
		if (!sp.file || !(m->modes >> d->n->mode & 1))
			continue;
		struct finding *f = diag_add(x->diags, kind, sp, "%s in a network of mode '%s': %s",
					     m->what, network_modes[d->n->mode].name, m->why);
		if (d->n->mode_span.file)
			diag_note(x->diags, f, d->n->mode_span, "the mode is said here");
	}
}

/* --- single checks, in the order of the table at the end --- */

static void conflict(struct xml_text *x, struct span at, const char *text)
{
	diag_add(x->diags, FINDING(E223), at, "%s", text);
}

static void check_bridge_name(struct xml_text *x, struct network_draft *d)
{
	const struct network *n = d->n;
	if (!n->bridge.len)
		return;
	if ((MACVTAP | MODE(HOSTDEV)) >> n->mode & 1)
		conflict(x, n->bridge_span,
			 "a bridge in a network whose guests are connected past every bridge");
	else if (n->mode == NET_BRIDGE && n->devices.n)
		conflict(x, n->bridge_span,
			 "a bridge and devices in one network of mode 'bridge': its guests are "
			 "either ports of the bridge or macvtaps of the devices");
}

static void check_nat(struct xml_text *x, struct network_draft *d)
{
	if (d->n->mode != NET_NAT)
		return;
	if (!d->n->ips.n)
		diag_add(
			x->diags, FINDING(E223),
			d->n->mode_span.file ? d->n->mode_span : d->n->span,
			"mode 'nat' without any <ip>: nothing says whose addresses are translated");
}

static void check_devices(struct xml_text *x, struct network_draft *d)
{
	struct network *n = d->n;
	const struct network_device *first = n->devices.n ? n->devices.items : NULL;
	if (first && d->forward_dev.len && !str_eq(first->name, d->forward_dev)) {
		struct finding *f = diag_add(x->diags, FINDING(E223), d->dev,
					     "dev '%.*s' is not the first <interface>, '%.*s'",
					     STR_ARG(d->forward_dev), STR_ARG(first->name));
		diag_note(x->diags, f, first->span, "the first <interface>");
	}
	if (network_modes[n->mode].routed && n->devices.n > 1)
		conflict(x, first[1].span,
			 "a second device to forward to: rules can be held to one only");
	if (n->mode == NET_OPEN && first)
		conflict(x, first->span,
			 "a device in a network of mode 'open', which has no rules");
	n->dev = d->forward_dev.len ? d->forward_dev : first ? first->name : STR("");
}

static bool is_openvswitch(const struct virtual_port *vp)
{
	return str_is(vp->type, "openvswitch");
}

/* The network's tags need the network's type, a portgroup's that of its own <virtualport>. */
static void check_vlan(struct xml_text *x, const struct network *n, const struct vlan_tags *v,
		       const struct virtual_port *vp)
{
	if (!v->given || n->mode == NET_HOSTDEV || (n->mode == NET_BRIDGE && is_openvswitch(vp)))
		return;
	struct finding *f =
		diag_add(x->diags, FINDING(E223), v->span,
			 "<vlan> where nothing sets tags: that needs mode 'hostdev', or "
			 "mode 'bridge' with <virtualport type='openvswitch'>");
	if (vp->span.file && !vp->type.len)
		diag_note(x->diags, f, vp->span, "this <virtualport> has no type of its own");
}

static void check_vlans(struct xml_text *x, struct network_draft *d)
{
	const struct network *n = d->n;
	check_vlan(x, n, &n->vlan, &n->virtual_port);
	vec_each (g, &n->portgroups)
		check_vlan(x, n, &g->vlan,
			   g->virtual_port.span.file ? &g->virtual_port : &n->virtual_port);
}

static void twice(struct xml_text *x, struct span first, struct span second, const char *what)
{
	struct finding *f = diag_add(x->diags, FINDING(E223), second, "%s", what);
	diag_note(x->diags, f, first, "first here");
}

static void check_portgroups(struct xml_text *x, struct network_draft *d)
{
	const struct portgroup *standard = NULL;
	vec_each (g, &d->n->portgroups) {
		bool added;
		struct map_entry *e = map_put(x->arena, &d->n->by_group, g->name, &added);
		if (!added)
			twice(x, ((const struct portgroup *)e->cptr)->span, g->span,
			      "a second portgroup of this name");
		else
			e->cptr = g;
		if (g->is_default && standard)
			twice(x, standard->span, g->span, "a second default portgroup");
		if (g->is_default && !standard)
			standard = g;
	}
	d->n->standard_group = standard;
}

/* Is the gateway in a subnet? One look for each length of prefix that there is. */
static bool is_reached(const struct map *subnets, const struct route_draft *r,
		       const bool (*lengths)[129])
{
	for (uint8_t bits = 0; bits <= 128; bits++) {
		struct network_ip at = {.family = r->family, .prefix = bits};
		char key[SUBNET_KEY];
		if (!lengths[r->family][bits])
			continue;
		at.base = ip_masked(&r->gateway, bits, false);
		if (map_find(subnets, subnet_key(&at, key)))
			return true;
	}
	return false;
}

/* libvirt finds the <ip> whose subnet a gateway is in, or refuses. */
static void check_routes(struct xml_text *x, struct network_draft *d)
{
	struct map subnets = {0};
	bool lengths[IP_FAMILIES][129] = {{false}};
	if (!d->routes.n)
		return;
	vec_each (ip, &d->n->ips) {
		bool added;
		char key[SUBNET_KEY];
		lengths[ip->family][ip->prefix] = true;
		map_put(x->arena, &subnets, str_copy(x->arena, subnet_key(ip, key)), &added);
	}
	vec_each (r, &d->routes) {
		if (!is_reached(&subnets, r, lengths))
			diag_add(x->diags, FINDING(E226), r->span,
				 "the gateway lies in no subnet of this network");
	}
}

/* --- what has no effect, or another than it seems --- */

static void check_untranslated(struct xml_text *x, struct network_draft *d)
{
	const struct network *n = d->n;
	vec_each (ip, &n->ips) {
		if (n->mode != NET_NAT || network_translates(n, ip))
			continue;
		struct finding *f = diag_add(
			x->diags, FINDING(W241), ip->span,
			"IPv6 of this network is routed, not translated: its guests can be "
			"reached from outside");
		diag_hint(x->diags, f,
			  "<nat ipv6='yes'/> in <forward mode='nat'> translates it too; or filter "
			  "what reaches the guests");
		return;
	}
}

static void check_trust(struct xml_text *x, struct network_draft *d)
{
	const struct network *n = d->n;
	if (n->trust == TRI_YES && !network_modes[n->mode].macvtap &&
	    !(n->mode == NET_BRIDGE && n->devices.n))
		diag_add(x->diags, FINDING(W240), n->name_span,
			 "trustGuestRxFilters has no effect in mode '%s': only macvtap follows the "
			 "guest's filters",
			 network_modes[n->mode].name);
}

static void check_virtual_port(struct xml_text *x, struct network_draft *d)
{
	const struct network *n = d->n;
	if (n->virtual_port.span.file && network_modes[n->mode].owns_bridge)
		diag_add(x->diags, FINDING(W240), n->virtual_port.span,
			 "<virtualport> has no effect in a network of mode '%s'",
			 network_modes[n->mode].name);
}

static void check_isolation(struct xml_text *x, struct network_draft *d)
{
	const struct network *n = d->n;
	bool macvtap = network_modes[n->mode].macvtap || n->mode == NET_HOSTDEV ||
		       (n->mode == NET_BRIDGE && n->devices.n);
	if (n->isolated == TRI_YES && macvtap) {
		struct finding *f =
			diag_add(x->diags, FINDING(W240), n->name_span,
				 "ports can not be isolated in mode '%s': there is no bridge",
				 network_modes[n->mode].name);
		diag_hint(x->diags, f, "libvirt takes the network and refuses to start its guests");
	}
}

void network_check(struct xml_text *x, struct network_draft *d)
{
	static void (*const checks[])(struct xml_text *, struct network_draft *) = {
		check_devices,      check_bridge_name, check_nat,          check_vlans,
		check_portgroups,   check_routes,      check_untranslated, check_trust,
		check_virtual_port, check_isolation,
	};
	check_places(x, d, refused, sizeof refused / sizeof *refused, FINDING(E223));
	check_places(x, d, no_effect, sizeof no_effect / sizeof *no_effect, FINDING(W240));
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		checks[i](x, d);
}
