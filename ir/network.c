/* SPDX-License-Identifier: MIT */
#include "ir/network.h"

#include <arpa/inet.h>
#include <stdlib.h>

const struct network_mode_row network_modes[NETWORK_MODES] = {
	[NET_ISOLATED] = {"none", true, true, false, NULL},
	[NET_NAT] = {"nat", true, true, false, NULL},
	[NET_ROUTE] = {"route", true, true, false, NULL},
	[NET_OPEN] = {"open", false, true, false,
		      "mode open leaves every rule to the host's owner"},
	[NET_BRIDGE] = {"bridge", false, false, false,
			"its bridge is the host's own, and the guests' router is elsewhere"},
	[NET_PRIVATE] = {"private", false, false, true, "macvtap passes no bridge and no router"},
	[NET_VEPA] = {"vepa", false, false, true, "macvtap passes no bridge and no router"},
	[NET_PASSTHROUGH] = {"passthrough", false, false, true,
			     "macvtap passes no bridge and no router"},
	[NET_HOSTDEV] = {"hostdev", false, false, false, "the guests drive the card themselves"},
};

static void say_first(struct diags *ds, struct finding *f, const struct network *first)
{
	diag_note(ds, f, first->name_span, "first here");
}

/* Several networks of mode bridge may name one bridge of the host. */
static void check_bridge(struct arena *a, struct networks *ns, const struct network *n,
			 struct diags *ds)
{
	bool added;
	if (!n->bridge.len)
		return;
	struct map_entry *e = map_put(a, &ns->by_bridge, n->bridge, &added);
	const struct network *o = e->cptr;
	if (added)
		e->cptr = n;
	if (added || (!network_modes[n->mode].owns_bridge && !network_modes[o->mode].owns_bridge))
		return;
	struct finding *f = diag_add(ds, FINDING(E221), n->bridge_span,
				     "bridge '%.*s' is the bridge of network '%.*s'",
				     STR_ARG(n->bridge), STR_ARG(o->name));
	diag_note(ds, f, o->bridge_span, "first here");
}

struct str subnet_key(const struct network_ip *ip, char key[SUBNET_KEY])
{
	key[0] = (char)ip->family;
	key[1] = (char)ip->prefix;
	memcpy(key + 2, ip->base.b, sizeof ip->base.b);
	return (struct str){key, SUBNET_KEY};
}

static struct span span_of(const struct network *n, const struct network_ip *subnet)
{
	char key[SUBNET_KEY], other[SUBNET_KEY];
	vec_each (ip, &n->ips)
		if (str_eq(subnet_key(ip, key), subnet_key(subnet, other)))
			return ip->span;
	return n->span;
}

/* The host has one route to a subnet; as libvirt, equal ones alone are refused. */
static void check_subnets(struct arena *a, struct networks *ns, struct network *n, struct diags *ds)
{
	bool said = false;
	vec_each (ip, &n->ips) {
		char key[SUBNET_KEY];
		bool added;
		struct str k = str_copy(a, subnet_key(ip, key));
		struct map_entry *e = map_put(a, &ns->by_subnet, k, &added);
		const struct network *o = e->cptr;
		if (added)
			e->cptr = n;
		ip->repeated = !added && o == n;
		if (added || o == n || said)
			continue;
		struct finding *f = diag_add(ds, FINDING(E227), ip->span,
					     "network '%.*s' has this subnet", STR_ARG(o->name));
		diag_note(ds, f, span_of(o, ip), "first here");
		said = true;
	}
}

void networks_add(struct arena *a, struct networks *ns, struct network *n, struct diags *ds)
{
	bool added;
	struct map_entry *e = map_put(a, &ns->by_name, n->name, &added);
	if (!added) {
		say_first(ds,
			  diag_add(ds, FINDING(E220), n->name_span, "a second network '%.*s'",
				   STR_ARG(n->name)),
			  e->cptr);
		return;
	}
	e->ptr = n;
	check_bridge(a, ns, n, ds);
	check_subnets(a, ns, n, ds);
	*vec_push(a, &ns->list) = n;
}

/* --- subnets within others --- */

struct subnet {
	struct network *network;
	const struct network_ip *ip;
};

/* Those that begin together: the larger one first. */
static int by_place(const void *x, const void *y)
{
	const struct network_ip *a = ((const struct subnet *)x)->ip;
	const struct network_ip *b = ((const struct subnet *)y)->ip;
	int c = a->family != b->family ? (a->family > b->family ? 1 : -1)
				       : memcmp(&a->base, &b->base, sizeof a->base);
	return c ? c : (a->prefix > b->prefix) - (a->prefix < b->prefix);
}

static bool contains(const struct network_ip *outer, const struct network_ip *inner)
{
	uint8_t whole = outer->prefix / 8, rest = outer->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);
	return outer->family == inner->family && outer->prefix <= inner->prefix &&
	       memcmp(outer->base.b, inner->base.b, whole) == 0 &&
	       (!rest || ((outer->base.b[whole] ^ inner->base.b[whole]) & mask) == 0);
}

static void say_within(struct diags *ds, const struct subnet *outer, const struct subnet *inner)
{
	struct finding *f = diag_add(ds, FINDING(W242), inner->ip->span,
				     "this subnet lies within one of network '%.*s'",
				     STR_ARG(outer->network->name));
	diag_note(ds, f, outer->ip->span, "within this one");
}

/* One walk in the order of addresses; `open' are those around the place that was reached. */
void networks_nest(struct arena *a, struct networks *ns, struct diags *ds)
{
	vec_of(struct subnet) all = {0};
	const struct subnet *open[129];
	uint32_t depth = 0;
	vec_each (it, &ns->list)
		vec_each (ip, &(*it)->ips)
			if (!ip->repeated)
				*vec_push(a, &all) = (struct subnet){*it, ip};
	if (all.n)
		qsort(all.items, all.n, sizeof *all.items, by_place);
	vec_each (s, &all) {
		while (depth && !contains(open[depth - 1]->ip, s->ip))
			depth--;
		for (uint32_t i = 0; i < depth; i++) {
			if (open[i]->network == s->network || open[i]->ip->prefix == s->ip->prefix)
				continue;
			*vec_push(a, &open[i]->network->others) = s->ip;
			if (i + 1 == depth)
				say_within(ds, open[i], s);
		}
		/* two of one place are E227; the second has nothing of its own */
		if (!depth || open[depth - 1]->ip->prefix < s->ip->prefix)
			open[depth++] = s;
	}
}

bool networks_ready(const struct networks *ns, struct diags *ds)
{
	bool good = true;
	vec_each (it, &ns->list) {
		const struct network *n = *it;
		const struct network_mode_row *m = &network_modes[n->mode];
		if (!m->routed) {
			diag_add(ds, FINDING(N251), n->name_span, "network '%.*s': %s",
				 STR_ARG(n->name), m->why_no_rules);
		} else if (!n->bridge.len) {
			struct finding *f = diag_add(ds, FINDING(E250), n->name_span,
						     "network '%.*s' does not name its bridge",
						     STR_ARG(n->name));
			diag_hint(ds, f,
				  "libvirt chooses one; write <bridge name='...'/>, as `virsh "
				  "net-dumpxml` shows it");
			good = false;
		}
	}
	return good;
}

const struct network *networks_find(const struct networks *ns, struct str name)
{
	const struct map_entry *e = map_find(&ns->by_name, name);
	return e ? e->cptr : NULL;
}

const struct portgroup *network_portgroup(const struct network *n, struct str name)
{
	const struct map_entry *e = name.len ? map_find(&n->by_group, name) : NULL;
	return name.len ? e ? e->cptr : NULL : n->standard_group;
}

bool network_speaks(const struct network *n, enum ip_family family)
{
	vec_each (ip, &n->ips)
		if (ip->family == family)
			return true;
	return family == IP4 || n->ipv6_no_gateway;
}

bool network_translates(const struct network *n, const struct network_ip *ip)
{
	return n->mode == NET_NAT && (ip->family == IP4 || n->nat_ipv6);
}

void buf_ip(struct buf *b, enum ip_family family, const struct ip_addr *addr)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(family == IP4 ? AF_INET : AF_INET6, addr->b, text, sizeof text);
	buf_str(b, str_from(text));
}

void buf_subnet(struct buf *b, const struct network_ip *ip)
{
	buf_ip(b, ip->family, &ip->base);
	buf_char(b, '/');
	buf_uint(b, ip->prefix);
}
