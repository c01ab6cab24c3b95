/* SPDX-License-Identifier: MIT */
/*
 * port.h - a virtual machine's network port and what is to filter it.
 */
#ifndef NWFC_IR_PORT_H
#define NWFC_IR_PORT_H

#include "ir/filter.h"

struct interface;

struct port {
	struct str name; /* interface on the host, 1..15 bytes */
	struct value mac;
	struct str owner_name, owner_uuid; /* may be empty */
	struct str link_device;            /* to listen on while learning; may be empty */
	struct str interface_type;         /* "bridge", "network", ...; empty when not said */
	bool direct;                       /* a macvtap: no port of a bridge */
	bool shares_key;                   /* another has the same owner and MAC (leases.h) */
	const struct interface *interface; /* NULL: the port came another way */
	bool unnamed;                      /* the name is not known; here it is the MAC address */
	struct filter_ref filter;
	struct span span, name_span;
};

struct ports {
	vec_of(struct port *) list;    /* in the order of the inputs */
	struct map by_name;            /* ptr: struct port */
	struct map by_key;             /* ptr: the first struct port of an owner and MAC */
	vec_of(struct port *) unnamed; /* those that nothing can be written for, to be checked */
};

/* Add; findings: the same name twice, a name that no interface can have. */
void ports_add(struct ports *ps, struct port *p, struct diags *ds);

/* Add one without a name. */
void ports_add_unnamed(struct arena *a, struct ports *ps, struct port *p);

/* Could the kernel have an interface of this name (dev_valid_name())? NULL or what is wrong. */
const char *port_name_check(struct str name);

#endif
