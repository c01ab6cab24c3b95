/* SPDX-License-Identifier: MIT */
/*
 * Networks to chains. Facts: the specification of virtual networks, sections 2
 * and 4; where we leave libvirt's layout, docs/differences.md says why.
 */
#include "backends/network/network.h"

#include <netinet/in.h>

const struct net_point_row net_points[NET_POINTS] = {
	[NET_FROM] = {"from", "filter", true, false},
	[NET_TO] = {"to", "filter", false, false},
	[NET_HOST] = {"host", "filter", true, false},
	[NET_REPLY] = {"reply", "filter", false, false},
	[NET_NAT_POINT] = {"nat", "nat", false, true},
	[NET_MANGLE] = {"mangle", "mangle", false, true},
};

struct lowering {
	struct arena *arena;
	const struct network *n;
	struct net_chain *chain;
	bool services, open_host;
};

static void add(struct lowering *l, struct net_rule r)
{
	if (!r.families)
		r.families = BOTH_FAMILIES;
	*vec_push(l->arena, &l->chain->rules) = r;
}

/* The subnets of a network, each once. */
#define each_subnet(it, n)                                                                         \
	vec_each (it, &(n)->ips)                                                                   \
		if (!(it)->repeated)

static bool forwards(const struct network *n)
{
	return n->mode == NET_NAT || n->mode == NET_ROUTE;
}

/* --- forwarded packets --- */

/* Of this length, the network's own subnets, and those of others within them. */
static void add_sources(struct lowering *l, unsigned bits)
{
	vec_each (ip, &l->n->others)
		if ((*ip)->prefix == bits)
			add(l, (struct net_rule){.families = FAMILY((*ip)->family),
						 .source.net = *ip,
						 .verdict = NET_REJECT});
	each_subnet(ip, l->n) if (ip->prefix == bits)
		add(l, (struct net_rule){.families = FAMILY(ip->family),
					 .out = l->n->dev,
					 .source.net = ip,
					 .verdict = NET_RETURN});
}

/* An address is the network's whose subnet has the longer prefix, as for the host's routes. */
static void lower_from(struct lowering *l)
{
	const struct network *n = l->n;
	add(l, (struct net_rule){.out = n->bridge, .verdict = NET_RETURN});
	for (unsigned bits = 129; n->others.n && forwards(n) && bits--;)
		add_sources(l, bits);
	each_subnet(ip, n) if (forwards(n) && !n->others.n)
		add(l, (struct net_rule){.families = FAMILY(ip->family),
					 .out = n->dev,
					 .source.net = ip,
					 .verdict = NET_RETURN});
	add(l, (struct net_rule){.verdict = NET_REJECT});
}

static void lower_to(struct lowering *l)
{
	const struct network *n = l->n;
	add(l, (struct net_rule){.in = n->bridge, .verdict = NET_RETURN});
	each_subnet(ip, n) if (forwards(n))
		add(l, (struct net_rule){.families = FAMILY(ip->family),
					 .in = n->dev,
					 .destination.net = ip,
					 .established = network_translates(n, ip),
					 .verdict = NET_RETURN});
	add(l, (struct net_rule){.verdict = NET_REJECT});
}

/* --- services of the host --- */

enum when { ALWAYS, WITH_TFTP, WITH_IP6 };

/*
 * As libvirt: those of IPv4 in any case, whether or not its DHCP and DNS are
 * switched on, those of IPv6 when the host has an address there.
 */
static const struct service {
	enum ip_family family;
	enum when when;
	uint8_t protocol;
	uint16_t port[2]; /* of the host, of the guest */
} services[] = {
	{IP4, ALWAYS, IPPROTO_UDP, {67, 68}},    {IP4, ALWAYS, IPPROTO_TCP, {67, 68}},
	{IP4, ALWAYS, IPPROTO_UDP, {53, 53}},    {IP4, ALWAYS, IPPROTO_TCP, {53, 53}},
	{IP4, WITH_TFTP, IPPROTO_UDP, {69, 69}}, {IP6, WITH_IP6, IPPROTO_UDP, {53, 53}},
	{IP6, WITH_IP6, IPPROTO_TCP, {53, 53}},  {IP6, WITH_IP6, IPPROTO_UDP, {547, 546}},
};

static bool holds(const struct network *n, enum when when)
{
	bool tftp = false, ip6 = false;
	vec_each (ip, &n->ips) {
		tftp |= ip->family == IP4 && ip->tftp;
		ip6 |= ip->family == IP6;
	}
	return when == WITH_TFTP ? tftp : when == WITH_IP6 ? ip6 : true;
}

static void add_services(struct lowering *l, bool guest)
{
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		if (holds(l->n, services[i].when))
			add(l, (struct net_rule){.families = FAMILY(services[i].family),
						 .protocol = services[i].protocol,
						 .port = services[i].port[guest],
						 .verdict = NET_ACCEPT});
}

/*
 * What a guest of an isolated network may send to the host beside its services:
 * answers; echo requests (ICMP 8, ICMPv6 128), for a gateway that does not
 * answer is taken for dead; listener reports and neighbour discovery (130 to
 * 136 and 143), without which there is no IPv6.
 */
static void add_isolation(struct lowering *l)
{
	static const struct {
		uint8_t protocol, first, last;
	} icmp[] = {{IPPROTO_ICMP, 8, 8},
		    {IPPROTO_ICMPV6, 128, 128},
		    {IPPROTO_ICMPV6, 130, 136},
		    {IPPROTO_ICMPV6, 143, 143}};
	add(l, (struct net_rule){.established = true, .verdict = NET_ACCEPT});
	for (size_t i = 0; i < sizeof icmp / sizeof *icmp; i++)
		add(l, (struct net_rule){.families = FAMILY(icmp[i].protocol == IPPROTO_ICMPV6),
					 .protocol = icmp[i].protocol,
					 .icmp_first = icmp[i].first,
					 .icmp_last = icmp[i].last,
					 .verdict = NET_ACCEPT});
	add(l, (struct net_rule){.verdict = NET_REJECT});
}

static void lower_host(struct lowering *l)
{
	bool closed = l->n->mode == NET_ISOLATED && !l->open_host;
	if (l->services || closed)
		add_services(l, false);
	if (closed)
		add_isolation(l);
}

static void lower_reply(struct lowering *l)
{
	if (l->services)
		add_services(l, true);
}

/* --- translation --- */

/* Link-local groups: what is for the subnet alone is not to be translated. */
static const struct ip_addr groups[IP_FAMILIES] = {{{224, 0, 0, 0}}, {{0xff, 0x02}}};
static const uint8_t group_prefix[IP_FAMILIES] = {24, 16};
static const struct ip_addr broadcast = {{255, 255, 255, 255}};

static void add_unchanged(struct lowering *l, const struct network_ip *ip,
			  const struct ip_addr *addr, uint8_t prefix)
{
	add(l, (struct net_rule){.families = FAMILY(ip->family),
				 .out = l->n->dev,
				 .source.net = ip,
				 .destination = {.addr = addr, .addr_prefix = prefix},
				 .verdict = NET_RETURN});
}

/*
 * What goes back to the network's own bridge stays as it is: where iptables is
 * called for bridges, that is also the multicast of its guests to each other.
 */
static void add_translation(struct lowering *l, const struct network_ip *ip, uint8_t protocol)
{
	bool range = l->n->nat_range && ip->family == IP4, held = l->n->dev.len > 0;
	add(l, (struct net_rule){.families = FAMILY(ip->family),
				 .out = held ? l->n->dev : l->n->bridge,
				 .out_not = !held,
				 .source.net = ip,
				 .destination = {.net = ip, .not = true},
				 .protocol = protocol,
				 .verdict = range ? NET_SNAT : NET_MASQUERADE,
				 .port_first = protocol ? l->n->port_first : 0,
				 .port_last = protocol ? l->n->port_last : 0,
				 .nat = l->n});
}

static void lower_nat(struct lowering *l)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, 0};
	each_subnet(ip, l->n)
	{
		if (!network_translates(l->n, ip))
			continue;
		add_unchanged(l, ip, &groups[ip->family], group_prefix[ip->family]);
		if (ip->family == IP4)
			add_unchanged(l, ip, &broadcast, 32);
		for (size_t i = 0; i < sizeof protocols; i++)
			add_translation(l, ip, protocols[i]);
	}
}

/* Guests whose card leaves checksums to the host see those of the host's answers unfinished. */
static void lower_mangle(struct lowering *l)
{
	bool dhcp = false;
	vec_each (ip, &l->n->ips)
		dhcp |= ip->family == IP4 && ip->dhcp;
	if (dhcp)
		add(l, (struct net_rule){.families = FAMILY(IP4),
					 .out = l->n->bridge,
					 .protocol = IPPROTO_UDP,
					 .port = 68,
					 .verdict = NET_CHECKSUM});
}

/* --- all of it --- */

bool net_needed(const struct build *b)
{
	if (b->networks)
		net_each(n, b->networks) return true;
	return false;
}

bool net_chain_has(const struct net_chain *c, uint32_t families)
{
	vec_each (r, &c->rules)
		if (r->families & families)
			return true;
	return false;
}

static void lower_point(struct emit_ctx *cx, struct net_form *f, enum net_point point)
{
	static void (*const lower[NET_POINTS])(struct lowering *) = {
		[NET_FROM] = lower_from,   [NET_TO] = lower_to,         [NET_HOST] = lower_host,
		[NET_REPLY] = lower_reply, [NET_NAT_POINT] = lower_nat, [NET_MANGLE] = lower_mangle,
	};
	bool shared = net_points[point].shared;
	if (shared)
		*vec_push(cx->arena, &f->chains) = (struct net_chain){.point = point};
	net_each(n, f->networks)
	{
		if (!shared)
			*vec_push(cx->arena, &f->chains) =
				(struct net_chain){.network = *n, .point = point};
		lower[point](&(struct lowering){.arena = cx->arena,
						.n = *n,
						.chain = &f->chains.items[f->chains.n - 1],
						.services = f->services,
						.open_host = cx->options.open_host});
	}
}

const struct net_form *net_lower(struct emit_ctx *cx, const struct build *b, bool services_too)
{
	if (!net_needed(b))
		return NULL;
	struct net_form *f = arena_new_object(cx->arena, struct net_form);
	f->networks = b->networks;
	f->services = services_too;
	for (enum net_point p = 0; p < NET_POINTS; p++)
		lower_point(cx, f, p);
	return f;
}
