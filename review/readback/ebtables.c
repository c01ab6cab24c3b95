/* SPDX-License-Identifier: MIT */
/*
 * Files of ebtables-restore: the options of ebtables(8), and what the kernel's
 * ebt_ip, ebt_ip6, ebt_arp and ebt_vlan make of them.
 */
#include "review/readback/readers.h"
#include "review/readback/restore.h"

static const struct compare_option options[] = {
	{"-s", V_ETHER_SADDR, C_ANY, OPT_ADDRESS, false},
	{"-d", V_ETHER_DADDR, C_ANY, OPT_ADDRESS, false},
	{"--vlan-id", V_VLAN_ID, C_VLAN, OPT_UINT, false},
	{"--vlan-encap", V_VLAN_TYPE, C_VLAN, OPT_UINT, false},
	{"--arp-htype", V_ARP_HTYPE, C_ARP, OPT_UINT, false},
	{"--arp-ptype", V_ARP_PTYPE, C_ARP, OPT_UINT, false},
	{"--arp-opcode", V_ARP_OP, C_ARP, OPT_UINT, false},
	{"--arp-mac-src", V_ARP_SHA, C_ARP_MAC, OPT_ADDRESS, false},
	{"--arp-mac-dst", V_ARP_THA, C_ARP_MAC, OPT_ADDRESS, false},
	{"--arp-ip-src", V_ARP_SPA, C_ARP_IP, OPT_ADDRESS, false},
	{"--arp-ip-dst", V_ARP_TPA, C_ARP_IP, OPT_ADDRESS, false},
	{"--ip-source", V_IP4_SADDR, C_IP4, OPT_ADDRESS, false},
	{"--ip-destination", V_IP4_DADDR, C_IP4, OPT_ADDRESS, false},
	{"--ip-source-port", V_SPORT, C_PORTS, OPT_PORTS, true},
	{"--ip-destination-port", V_DPORT, C_PORTS, OPT_PORTS, true},
	{"--ip6-source", V_IP6_SADDR, C_IP6, OPT_ADDRESS, false},
	{"--ip6-destination", V_IP6_DADDR, C_IP6, OPT_ADDRESS, false},
	{"--ip6-source-port", V_SPORT, C_PORTS, OPT_PORTS, true},
	{"--ip6-destination-port", V_DPORT, C_PORTS, OPT_PORTS, true},
	{NULL, 0, 0, 0, false},
};

static bool want_uint(struct rule_reader *x, u128 max, u128 *out)
{
	struct word w;
	if (!line_word(x->l, &w))
		return false;
	if (read_number(w.text, max, out))
		return true;
	x->l->at--;
	return line_unread(x->l, "a number");
}

static bool read_ethertype(struct rule_reader *x)
{
	u128 n;
	bool negated = line_negated(x);
	if (!want_uint(x, 0xffff, &n))
		return false;
	rule_test(x, PSET_ALL, space_value(x->l->f->sp, V_ETHER_TYPE, n), negated);
	return true;
}

static bool read_iface(struct rule_reader *x, bool out)
{
	struct iface_test t = {.out = out, .negated = line_negated(x)};
	if (!want_iface_name(x->l, &t))
		return false;
	*vec_push(x->l->f->arena, &x->r->ifaces) = t;
	return true;
}

static bool read_gratuitous(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	pset differ = PSET_NONE;
	for (uint32_t i = 32; i-- > 0;)
		differ =
			pset_or(sp->sets, differ,
				pset_xor(sp->sets, pset_bit(sp->sets, sp->bits[V_ARP_SPA][i], true),
					 pset_bit(sp->sets, sp->bits[V_ARP_TPA][i], true)));
	rule_test(x, sp->conds[C_ARP_IP], differ, !line_negated(x));
	return true;
}

static bool read_ip4_proto(struct rule_reader *x)
{
	u128 n;
	bool negated = line_negated(x);
	if (!want_uint(x, 255, &n))
		return false;
	if (!negated)
		x->proto = (int)n;
	struct space *sp = x->l->f->sp;
	rule_test(x, sp->conds[C_IP4], space_value(sp, V_NET_PROTO, n), negated);
	return true;
}

/*
 * ebt_ip6 goes along the extension headers up to a fragment's: in a later
 * fragment that is the last, in others it is passed. At "no next header" it gives up.
 */
static bool read_ip6_proto(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct sets *s = sp->sets;
	u128 n;
	bool negated = line_negated(x);
	if (!want_uint(x, 255, &n))
		return false;
	if (!negated)
		x->proto = (int)n;
	pset piece = space_value(sp, V_FRAGMENT, 1), none = space_value(sp, V_NET_PROTO, 59);
	pset where = pset_and(s, sp->conds[C_IP6], pset_or(s, piece, pset_not(s, none)));
	pset in =
		pset_if(s, piece, n == 44 ? PSET_ALL : PSET_NONE, space_value(sp, V_NET_PROTO, n));
	rule_test(x, where, in, negated);
	return true;
}

/* TYPE[:TYPE]/CODE[:CODE] */
static bool read_icmp6(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct word w;
	u128 t0, t1, c0 = 0, c1 = 255;
	bool negated = line_negated(x);
	x->wants_proto = true;
	if (!line_word(x->l, &w))
		return false;
	const char *p = memchr(w.text.s, '/', w.text.len);
	struct str type = {w.text.s, p ? (uint32_t)(p - w.text.s) : w.text.len};
	if (!number_range(type, ':', 255, &t0, &t1) ||
	    (p &&
	     !number_range((struct str){p + 1, w.text.len - type.len - 1}, ':', 255, &c0, &c1))) {
		x->l->at--;
		return line_unread(x->l, "types and codes of ICMPv6");
	}
	pset in = pset_and(sp->sets, space_range(sp, V_ICMP_TYPE, t0, t1),
			   space_range(sp, V_ICMP_CODE, c0, c1));
	rule_test(x, sp->conds[C_ICMP], in, negated);
	return true;
}

/* The whole byte: DSCP, and two bits that the space does not have. */
static bool read_tos(struct rule_reader *x)
{
	struct script_form *f = x->l->f;
	u128 n;
	bool negated = line_negated(x);
	if (!want_uint(x, 255, &n))
		return false;
	const struct field_ref *r =
		header_bits(f, STR("tos"), BASE_NET, 8, 8, f->sp->conds[C_IP4], true);
	rule_test(x, f->sp->conds[C_IP4], field_range(f, r, n, n), negated);
	return true;
}

static bool read_in(struct rule_reader *x)
{
	return read_iface(x, false);
}

static bool read_out(struct rule_reader *x)
{
	return read_iface(x, true);
}

static bool read_own(struct rule_reader *x, struct word w, bool *known)
{
	static const struct {
		const char *name;
		bool (*read)(struct rule_reader *);
	} own[] = {{"-p", read_ethertype},
		   {"-i", read_in},
		   {"-o", read_out},
		   {"--arp-gratuitous", read_gratuitous},
		   {"--ip-protocol", read_ip4_proto},
		   {"--ip6-protocol", read_ip6_proto},
		   {"--ip6-icmp-type", read_icmp6},
		   {"--ip-tos", read_tos}};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (str_is(w.text, own[i].name))
			return own[i].read(x);
	*known = false;
	return true;
}

/* The kernel takes ports and types beside a protocol that has them alone. */
static bool finish(struct rule_reader *x)
{
	static const uint8_t with[] = {6, 17, 33, 58, 132, 136};
	bool good = !x->wants_proto;
	for (size_t i = 0; i < sizeof with; i++)
		good |= x->proto == with[i];
	return good || line_unread(x->l, "the protocol of ports or types");
}

bool read_ebtables(struct script_form *f)
{
	static const char *const bases[] = {"PREROUTING", "POSTROUTING", NULL};
	static const enum hook hooks[] = {HOOK_PREROUTING, HOOK_POSTROUTING};
	static const char *const jumps[] = {"PREROUTING", "nwfc-out", "POSTROUTING", "nwfc-in",
					    NULL};
	const struct tool t = {bases, hooks, STR("nat"), jumps, options, read_own, finish, C_ANY};
	return read_restore(f, &t);
}
