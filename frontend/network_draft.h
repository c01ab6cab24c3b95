/* SPDX-License-Identifier: MIT */
/*
 * network_draft.h - a <network> while it is read; private to its reader
 * (network_xml.c) and its checks (network_check.c).
 *
 * The reader keeps here what only the checks ask for: which elements were
 * there, and where. A span without a file is an element that was not there.
 */
#ifndef NWFC_FRONTEND_NETWORK_DRAFT_H
#define NWFC_FRONTEND_NETWORK_DRAFT_H

#include "frontend/readers.h"
#include "ir/network.h"

struct route_draft {
	struct ip_addr gateway;
	enum ip_family family;
	struct span span;
};

struct network_draft {
	struct network *n;
	bool named, has_uuid, has_bridge, has_forward, has_port;
	struct virtual_port *port_of; /* whose <virtualport> or <vlan> is being read */
	struct vlan_tags *vlan_of;
	struct str forward_dev;
	struct span dev, stp, zone, nat, ip, dns, domain, bandwidth, mac_table;
	struct span nat_address, nat_port;
	struct span dhcp[IP_FAMILIES];
	vec_of(struct route_draft) routes;
	vec_of(struct str) host_macs;
};

/* All that can be said once the whole element has been read. */
void network_check(struct xml_text *x, struct network_draft *d);

/* Text to an address of the family; false when it is none. */
bool ip_parse(struct str text, enum ip_family family, struct ip_addr *out);

/* Does the address lie in the subnet? */
bool ip_within(const struct network_ip *ip, const struct ip_addr *addr);

/* The address with all bits behind the prefix 0 (or 1). */
struct ip_addr ip_masked(const struct ip_addr *addr, unsigned prefix, bool ones);

/* <0, 0, >0 */
int ip_cmp(enum ip_family family, const struct ip_addr *a, const struct ip_addr *b);

#endif
