/* SPDX-License-Identifier: MIT */
/*
 * network.h - a virtual network: what of a <network> is a firewall's or a
 * bridge's business (spec: libvirt's formatnetwork).
 *
 * A network is read whole and checked by its reader; what reaches a back end is
 * consistent: prefixes are known, ranges run forwards, addresses are of the
 * family they say. Nothing here is changed after the reading.
 */
#ifndef NWFC_IR_NETWORK_H
#define NWFC_IR_NETWORK_H

#include "ir/findings.h"
#include "ir/value.h"

/* How a network is connected to what is outside; rows in network_modes. */
enum network_mode {
	NET_ISOLATED, /* no <forward> */
	NET_NAT,
	NET_ROUTE,
	NET_OPEN,
	NET_BRIDGE,
	NET_PRIVATE,
	NET_VEPA,
	NET_PASSTHROUGH,
	NET_HOSTDEV,
	NETWORK_MODES
};

struct network_mode_row {
	const char *name;         /* of forward/@mode; "none" for isolated */
	bool routed;              /* the host is the guests' router: rules are made for it */
	bool owns_bridge;         /* libvirt makes the bridge, with addresses of the host */
	bool macvtap;             /* its interfaces are macvtap: no bridge port */
	const char *why_no_rules; /* NULL: there are rules; else the reason in words */
};
extern const struct network_mode_row network_modes[NETWORK_MODES];

/* A yes or no that may be left to something further out. */
enum tristate { TRI_ABSENT, TRI_NO, TRI_YES };

/* The two families; index of everything that exists once a family. */
enum ip_family { IP4, IP6, IP_FAMILIES };

/* Network byte order; IPv4 in the first four bytes. */
struct ip_addr {
	uint8_t b[16];
};

struct network_ip {
	enum ip_family family;
	struct ip_addr address; /* of the host */
	struct ip_addr base;    /* address and mask */
	uint8_t prefix;         /* from prefix, netmask, or by class (IPv4), 64 (IPv6) */
	bool dhcp;              /* a range or a host is given */
	bool tftp;              /* a root is given */
	bool repeated;          /* an earlier one of the network has this subnet */
	struct span span;
};

struct network_device {
	struct str name;
	struct span span;
};

/* <virtualport>: what 802.1Qbg and 802.1Qbh need is checked by its reader. */
struct virtual_port {
	struct str type; /* empty: no element */
	struct span span;
};

/* <vlan>: at most 4094 tags; given says that the element stands there. */
struct vlan_tags {
	vec_of(uint16_t) tags;
	bool given, trunk;
	struct span span;
};

struct portgroup {
	struct str name;
	bool is_default;
	enum tristate trust; /* trustGuestRxFilters */
	struct virtual_port virtual_port;
	struct vlan_tags vlan;
	struct span span;
};

struct network {
	struct str name, uuid;
	struct span span, name_span;
	enum network_mode mode;
	struct span mode_span;
	struct str bridge; /* its name; empty: none given (libvirt takes virbrN) */
	struct span bridge_span;
	bool mac_table;       /* macTableManager='libvirt' */
	bool dns;             /* not <dns enable='no'/> */
	bool ipv6_no_gateway; /* network/@ipv6='yes' */
	enum tristate trust, isolated;
	struct str dev; /* the one device that forwarding is restricted to; may be empty */
	vec_of(struct network_device) devices; /* of the pool, macvtap and hostdev modes */
	bool nat_ipv6;
	bool nat_range; /* source addresses nat_first to nat_last, IPv4 */
	struct ip_addr nat_first, nat_last;
	uint16_t port_first, port_last; /* of nat; 1024 and 65535 unless given */
	bool ports_given;
	vec_of(struct network_ip) ips;
	vec_of(const struct network_ip *) others; /* other networks' subnets within ours */
	vec_of(struct portgroup) portgroups;
	struct map by_group;                    /* cptr: struct portgroup */
	const struct portgroup *standard_group; /* of interfaces that name none, or NULL */
	struct virtual_port virtual_port;
	struct vlan_tags vlan;
};

struct networks {
	vec_of(struct network *) list; /* in the order of the inputs */
	struct map by_name;            /* ptr: struct network */
	struct map by_bridge;          /* cptr: the first struct network of it */
	struct map by_subnet;          /* cptr: the first struct network of it */
};

/* The subnet as the key of a map. */
enum { SUBNET_KEY = 18 };
struct str subnet_key(const struct network_ip *ip, char key[SUBNET_KEY]);

/*
 * Add; findings: a second network of the name (E220), a bridge
 * or a subnet that another one has (E221, E227).
 */
void networks_add(struct arena *a, struct networks *ns, struct network *n, struct diags *ds);

/* The network of that name, or NULL. */
const struct network *networks_find(const struct networks *ns, struct str name);

/* The portgroup: the one of that name; without a name the default one; else NULL. */
const struct portgroup *network_portgroup(const struct network *n, struct str name);

/* Fill in `others'; findings: a subnet within that of another network (W242). */
void networks_nest(struct arena *a, struct networks *ns, struct diags *ds);

/* Can rules be made? A bridge without a name is E250; modes without rules are told (N251). */
bool networks_ready(const struct networks *ns, struct diags *ds);

/* Do rules exist for this family: IPv4 always, IPv6 with an IPv6 <ip> or network/@ipv6=yes? */
bool network_speaks(const struct network *n, enum ip_family family);

/* Are the packets of this address block translated (else they are routed)? */
bool network_translates(const struct network *n, const struct network_ip *ip);

/* "192.168.122.0", and "192.168.122.0/24" */
void buf_ip(struct buf *b, enum ip_family family, const struct ip_addr *addr);
void buf_subnet(struct buf *b, const struct network_ip *ip);

#endif
