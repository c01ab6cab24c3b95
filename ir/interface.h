/* SPDX-License-Identifier: MIT */
/*
 * interface.h - an <interface> of a guest, with a filter or without, and what it
 * turns out to be once its network is known.
 *
 * Needs: interfaces as their reader gives them, the networks of the same inputs.
 * Gives: resolve fills the second half of each. Fails: with findings; a filter
 * that can not hold where its interface really is takes its port out.
 */
#ifndef NWFC_IR_INTERFACE_H
#define NWFC_IR_INTERFACE_H

#include "ir/network.h"
#include "ir/port.h"

struct interface {
	struct str name; /* on the host; empty: not known yet */
	struct str type, model, owner;
	struct value mac;
	bool has_mac;
	struct str network, portgroup, bridge, device; /* of <source>; empty: not said */
	enum tristate trust, isolated;
	struct virtual_port virtual_port;
	bool own_passthrough; /* type direct: <source mode='passthrough'> */
	bool has_vlan;
	bool live;         /* of a machine that runs: the name is the one that it has */
	struct port *port; /* NULL: no filter */
	struct span span, name_span, network_span, portgroup_span, trust_span, isolated_span;
	struct span vlan_span;

	/* resolved */
	const struct network *net;     /* NULL: its type is another, or the network is not there */
	const struct portgroup *group; /* NULL: none */
	struct virtual_port switched;  /* the virtualport of the first of these that has one */
	struct str on_bridge;          /* empty: no port of a bridge, or not known which */
	bool macvtap, trusts, is_isolated;
	bool pinned; /* its MAC is to be fixed in the bridge's table */
};

/* A document in which nothing references a filter: that of list items first to first + n. */
struct bare_document {
	struct span root;
	uint32_t first, n;
};

struct interfaces {
	vec_of(struct interface *) list; /* in the order of the inputs */
	vec_of(struct bare_document) bare;
};

/* Resolve all. False after an error. */
bool interfaces_resolve(struct arena *a, struct interfaces *is, const struct networks *ns,
			struct ports *ports, struct diags *ds);

/*
 * Say which documents give nothing to do (W208). With bridges, what a bridge is to be told
 * counts; needs: resolved.
 */
void interfaces_say_bare(const struct interfaces *is, bool bridges, struct diags *ds);

#endif
