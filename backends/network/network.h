/* SPDX-License-Identifier: MIT */
/*
 * network.h - the rules of virtual networks, in words of no tool.
 *
 * A routed packet needs the consent of both sides: of the network that it comes
 * from and of the network that it goes to. So no chain of a network accepts; it
 * returns, and rejects at its end. (libvirt's accepts do: there a guest of an
 * isolated network reaches a routed one, since that one's accept comes first.)
 *
 *   point   asked about                 each network's chain says
 *   from    forwarded, in = bridge      where its guests may send
 *   to      forwarded, out = bridge     from where they may be reached
 *   host    for the host, in = bridge   the services that guests may use
 *   reply   from the host, out = bridge the same, backwards
 *   nat     leaves the host             whose addresses are translated; one chain for all
 *   mangle  leaves the host             DHCP checksums; one chain for all
 *
 * Needs: networks as their reader gives them. Gives: chains of rules in their
 * final order. Memory: the arena. What a tool can not write is that tool's to say.
 */
#ifndef NWFC_BACKENDS_NETWORK_NETWORK_H
#define NWFC_BACKENDS_NETWORK_NETWORK_H

#include "backends/backend.h"
#include "ir/network.h"

enum net_point { NET_FROM, NET_TO, NET_HOST, NET_REPLY, NET_NAT_POINT, NET_MANGLE, NET_POINTS };

struct net_point_row {
	const char *name;  /* part of chains' names */
	const char *table; /* of iptables */
	bool input;        /* a network is known by the interface that the packet came in by */
	bool shared;       /* one chain for all networks */
};
extern const struct net_point_row net_points[NET_POINTS];

/* Families that a rule is for: bit IP4, bit IP6. */
#define FAMILY(f)     (1u << (f))
#define BOTH_FAMILIES (FAMILY(IP4) | FAMILY(IP6))

enum net_verdict {
	NET_RETURN,
	NET_ACCEPT,
	NET_REJECT,
	NET_MASQUERADE, /* to port_first..port_last, 0: as the kernel likes */
	NET_SNAT,       /* to addr_first..addr_last, ports likewise */
	NET_CHECKSUM,   /* fill it in */
	NET_VERDICTS
};

struct net_side {
	const struct network_ip *net; /* NULL: any, or addr */
	const struct ip_addr *addr;
	uint8_t addr_prefix;
	bool not ; /* not in net */
};

struct net_rule {
	uint32_t families;
	struct str in, out; /* interfaces; empty: any */
	bool out_not;       /* any but out */
	struct net_side source, destination;
	uint8_t protocol;              /* 0: any */
	uint16_t port;                 /* of the destination; 0: any */
	uint8_t icmp_first, icmp_last; /* types, where protocol is one of the two ICMPs; 0-0: any */
	bool established;              /* connection state established or related */
	enum net_verdict verdict;
	uint16_t port_first, port_last;
	const struct network *nat; /* SNAT: whose range */
};

struct net_chain {
	const struct network *network; /* NULL: a shared one */
	enum net_point point;
	vec_of(struct net_rule) rules;
};

/* All chains, by point and then network; a network has at most one at each point. */
struct net_form {
	const struct networks *networks;
	vec_of(struct net_chain) chains;
	bool services; /* at the points host and reply there are holes for services */
};

/*
 * services: make holes for DHCP, DNS and TFTP, which a tool needs whose
 * verdict of accept is final. NULL: no network has rules.
 */
const struct net_form *net_lower(struct emit_ctx *cx, const struct build *b, bool services);

/* Does any network have rules? */
bool net_needed(const struct build *b);

/* Is any rule of this chain for the family? */
bool net_chain_has(const struct net_chain *c, uint32_t families);

/* The rules' networks: those whose mode has rules, in the order of the inputs. */
#define net_each(it, networks)                                                                     \
	vec_each (it, &(networks)->list)                                                           \
		if (network_modes[(*it)->mode].routed)

/* --- nft.c: a table of the family inet --- */

/* "add table ... }": the table as a whole, made anew. False after a finding. */
bool net_nft_check(struct emit_ctx *cx, const struct net_form *f);
/* N252: what other firewalls must let in. */
void net_nft_note(struct emit_ctx *cx, const struct net_form *f);
void net_nft_emit(const struct emit_ctx *cx, const struct net_form *f, struct buf *out);

#endif
