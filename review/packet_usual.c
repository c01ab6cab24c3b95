/* SPDX-License-Identifier: MIT */
/*
 * What follows from what was said of a packet: the rest of it, as senders make it.
 */
#include "review/packet_words.h"

#define BROADCAST    ((u128)0xffffffffffff)
#define BRIDGE_GROUP ((u128)0x0180c2000000)
#define BPDU_LENGTH  38

const struct packet_kind packet_kinds[] = {
	{"arp", V_ETHER_TYPE, 0x0806, 0},  {"rarp", V_ETHER_TYPE, 0x8035, 0},
	{"vlan", V_ETHER_TYPE, 0x8100, 0}, {"ip", V_ETHER_TYPE, 0x0800, 4},
	{"ip6", V_ETHER_TYPE, 0x86dd, 6},  {"stp", V_BPDU, 1, 0},
	{"tcp", V_NET_PROTO, 6, 0},        {"udp", V_NET_PROTO, 17, 0},
	{"icmp", V_NET_PROTO, 1, 4},       {"icmpv6", V_NET_PROTO, 58, 6},
	{"sctp", V_NET_PROTO, 132, 0},     {"udplite", V_NET_PROTO, 136, 0},
	{"dccp", V_NET_PROTO, 33, 0},      {"esp", V_NET_PROTO, 50, 0},
	{"ah", V_NET_PROTO, 51, 0},        {"igmp", V_NET_PROTO, 2, 4},
	{NULL, V_ETHER_TYPE, 0, 0},
};

const char *packet_context(const struct packet_kind *k)
{
	return k->value == 0x8035 ? "arp" : k->value == 58 ? "icmp" : k->word;
}

struct completion {
	struct packet *p;
	const bool *given;
};

static void put(struct completion *c, enum var_id v, u128 value)
{
	if (!c->given[v])
		c->p->v[v] = value;
}

/* RFC 1112 6.4, RFC 2464 7: the hardware address of a group; 0: it is none. */
static u128 group_mac(const struct packet *p)
{
	u128 ip4 = p->v[V_IP4_DADDR], ip6 = p->v[V_IP6_DADDR];
	if (p->v[V_ETHER_TYPE] == 0x0800 && ip4 == 0xffffffff)
		return BROADCAST;
	if (p->v[V_ETHER_TYPE] == 0x0800 && ip4 >> 28 == 0xe)
		return (u128)0x01005e000000 | (ip4 & 0x7fffff);
	if (p->v[V_ETHER_TYPE] == 0x86dd && ip6 >> 120 == 0xff)
		return (u128)0x333300000000 | (ip6 & 0xffffffff);
	return 0;
}

/* A bridge that takes itself for the root, IEEE 802.1D's values (17.14). */
static void complete_bpdu(struct completion *c)
{
	put(c, V_ETHER_TYPE, BPDU_LENGTH);
	put(c, V_ETHER_DADDR, BRIDGE_GROUP);
	put(c, V_STP_ROOT_PRIO, 0x8000);
	put(c, V_STP_ROOT_ADDR, c->p->v[V_ETHER_SADDR]);
	put(c, V_STP_SENDER_PRIO, 0x8000);
	put(c, V_STP_SENDER_ADDR, c->p->v[V_ETHER_SADDR]);
	put(c, V_STP_PORT, 0x8001);
	put(c, V_STP_MAX_AGE, 20 * 256);
	put(c, V_STP_HELLO, 2 * 256);
	put(c, V_STP_DELAY, 15 * 256);
}

static void complete_arp(struct completion *c)
{
	bool rarp = c->p->v[V_ETHER_TYPE] == 0x8035;
	if (rarp)
		put(c, V_ARP_OP, 3);
	u128 op = c->p->v[V_ARP_OP];
	if (op != 1 && op != 3)
		return;
	put(c, V_ETHER_DADDR, BROADCAST);
	put(c, V_ARP_THA, rarp ? c->p->v[V_ARP_SHA] : 0);
}

static void complete_ip(struct completion *c)
{
	u128 mac = group_mac(c->p);
	if (mac)
		put(c, V_ETHER_DADDR, mac);
	if (c->p->v[V_NET_PROTO] == 58)
		put(c, V_ICMP_TYPE, 128);
	if (c->p->v[V_CT_STATE] != CTC_NEW)
		put(c, V_TCP_FLAGS, TCP_ACK);
}

/* What decides about the kind is completed first. */
void packet_complete(struct packet *p, const bool given[VARS], const struct packet *usual)
{
	struct completion c = {p, given};
	bool vlan = given[V_VLAN_ID] || given[V_VLAN_TYPE];
	p->side = usual->side;
	for (int v = 0; v < VARS; v++)
		put(&c, (enum var_id)v, usual->v[v]);
	if (vlan)
		put(&c, V_ETHER_TYPE, 0x8100);
	if (p->v[V_BPDU])
		complete_bpdu(&c);
	if (packet_meets(p, C_ARP))
		complete_arp(&c);
	if (given[V_CT_REPLY] && p->v[V_CT_REPLY])
		put(&c, V_CT_STATE, CTC_ESTABLISHED);
	if (packet_meets(p, C_IP))
		complete_ip(&c);
	packet_settle(p);
}
