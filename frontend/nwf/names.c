/* SPDX-License-Identifier: MIT */
/*
 * Words for values: nft's (describe ether_type, arp operation, icmp type); where
 * it has none, the language's own. The first name of a value is the one that is
 * printed.
 */
#include "frontend/nwf/words.h"

static const struct value_name ethertypes[] = {{"ip", 0x0800},   {"ip6", 0x86dd},  {"arp", 0x0806},
					       {"rarp", 0x8035}, {"vlan", 0x8100}, {NULL, 0}};
static const struct value_name arpops[] = {{"request", 1}, {"reply", 2},     {"rrequest", 3},
					   {"rreply", 4},  {"inrequest", 8}, {"inreply", 9},
					   {"nak", 10},    {NULL, 0}};
static const struct value_name icmp_types[] = {
	{"echo-reply", 0},           {"destination-unreachable", 3},
	{"source-quench", 4},        {"redirect", 5},
	{"echo-request", 8},         {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11},
	{"parameter-problem", 12},   {"timestamp-request", 13},
	{"timestamp-reply", 14},     {"info-request", 15},
	{"info-reply", 16},          {"address-mask-request", 17},
	{"address-mask-reply", 18},  {NULL, 0},
};
static const struct value_name icmpv6_types[] = {
	{"destination-unreachable", 1}, {"packet-too-big", 2},
	{"time-exceeded", 3},           {"parameter-problem", 4},
	{"echo-request", 128},          {"echo-reply", 129},
	{"mld-listener-query", 130},    {"mld-listener-report", 131},
	{"mld-listener-done", 132},     {"mld-listener-reduction", 132},
	{"nd-router-solicit", 133},     {"nd-router-advert", 134},
	{"nd-neighbor-solicit", 135},   {"nd-neighbor-advert", 136},
	{"nd-redirect", 137},           {"router-renumbering", 138},
	{"ind-neighbor-solicit", 141},  {"ind-neighbor-advert", 142},
	{"mld2-listener-report", 143},  {NULL, 0},
};

const struct value_name *nwf_value_names(const struct attr *at, unsigned family)
{
	if (at->field == F_ICMP_TYPE)
		return family == 6 ? icmpv6_types : icmp_types;
	return at->type == VT_ETHERTYPE ? ethertypes : at->type == VT_ARPOP ? arpops : NULL;
}

/* Only for hints: which services a host knows is no matter of the text. */
static const struct value_name services[] = {
	{"ftp", 21},
	{"ssh", 22},
	{"telnet", 23},
	{"smtp", 25},
	{"domain", 53},
	{"dns", 53},
	{"bootps", 67},
	{"bootpc", 68},
	{"dhcp", 67},
	{"tftp", 69},
	{"http", 80},
	{"kerberos", 88},
	{"pop3", 110},
	{"sunrpc", 111},
	{"ntp", 123},
	{"imap", 143},
	{"imap2", 143},
	{"snmp", 161},
	{"bgp", 179},
	{"ldap", 389},
	{"https", 443},
	{"syslog", 514},
	{"submission", 587},
	{"ldaps", 636},
	{"imaps", 993},
	{"pop3s", 995},
	{"nfs", 2049},
	{"mysql", 3306},
	{"rdp", 3389},
	{"sip", 5060},
	{"postgresql", 5432},
	{"vnc", 5900},
	{"http-alt", 8080},
	{"dhcpv6-client", 546},
	{"dhcpv6-server", 547},
	{NULL, 0},
};

int nwf_service_port(struct str word)
{
	for (const struct value_name *n = services; n->name; n++)
		if (str_eq_nocase(word, str_from(n->name)))
			return (int)n->value;
	return -1;
}
