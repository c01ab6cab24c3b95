/* SPDX-License-Identifier: MIT */
/* ARP for IPv4 over Ethernet. */
#include "learnd/message.h"

enum { ARP_PACKET = 28 };

bool arp_parse(struct bytes p, struct arp_message *out)
{
	if (p.n < ARP_PACKET || read_u16(p.at) != 1 || read_u16(p.at + 2) != 0x0800 ||
	    p.at[4] != 6 || p.at[5] != 4)
		return false;
	out->op = (uint16_t)read_u16(p.at + 6);
	out->sender_mac = p.at + 8;
	out->sender = address_from(FAMILY_IPV4, p.at + 14);
	out->target = address_from(FAMILY_IPV4, p.at + 24);
	return out->op == ARP_REQUEST || out->op == ARP_REPLY;
}
