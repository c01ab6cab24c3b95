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
	struct map host_macs; /* IPv4, in small letters */
};

static inline struct network_draft *network_draft_of(struct xml_text *x)
{
	return x->network;
}

/* --- network_value.c: each a finding and false (or nothing set) when it is none --- */

extern const char *const family_names[IP_FAMILIES]; /* "IPv4" */
void network_tristate(struct xml_text *x, const struct xml_element *e, const char *name,
		      enum tristate *out);
bool network_yes(struct xml_text *x, const struct xml_element *e, const char *name);
bool network_number_of(struct xml_text *x, const struct xml_attr *a, uint32_t max, uint32_t *out);
/* Without the attribute false, without a word. */
bool network_number(struct xml_text *x, const struct xml_element *e, const char *name, uint32_t max,
		    uint32_t *out);
bool network_address_of(struct xml_text *x, const struct xml_attr *a, enum ip_family family,
			struct ip_addr *out);
/* The attribute must be there. */
bool network_address(struct xml_text *x, const struct xml_element *e, const char *name,
		     enum ip_family family, struct ip_addr *out);
void network_mac(struct xml_text *x, const struct xml_attr *a);

/* --- network_ip.c: rows of <ip> and <route> --- */

bool network_ip_open(struct xml_text *x, const struct xml_element *e);
bool network_route_open(struct xml_text *x, const struct xml_element *e);
extern const char *const network_ip_attrs[];
extern const struct element_type network_ip_children[];

/* --- network_check.c --- */

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
