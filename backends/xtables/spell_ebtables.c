/* SPDX-License-Identifier: MIT */
/*
 * The words of ebtables, tried one by one with 1.8.9 (nf_tables) and read back.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/xtables/lower.h"

/* The frame's type; STP has none, it is told by its destination. */
static void start(struct lowering *lw)
{
	struct value type = {.type = VT_ETHERTYPE, .u = lw->rule->proto->ethertype};
	struct slot s = {.kind = SLOT_CONST, .value = type};
	if (!type.u)
		return;
	put_text(lw, " -p ");
	put_slot(lw, &s, format_hex4, 0);
}

/* Comments have no place in ebtables. */
static void finish(struct lowering *lw)
{
}

/*
 * The nf_tables variant refuses a mask of zeros: a test that holds for all
 * frames is left out, its negation has no line. Where the mask is a list the
 * rule is two lines, and each value of the list has one of them.
 */
static void spell_mac(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	struct alternatives alt;
	alternatives_begin(lw, &alt);
	if (t->mask.kind != SLOT_NONE && !t->negated) {
		alternative(lw, &alt);
		put_slot(lw, &t->mask, format_mask, MASK_EMPTY);
	}
	alternative(lw, &alt);
	put_option(lw, sp, t->negated);
	put_slot(lw, &t->value, sp->format, 0);
	put_slot(lw, &t->mask, format_mask, MASK_NOT_EMPTY);
	alternatives_end(lw, &alt);
}

/* IEEE 802.1D, the bridge group address; the language gives stp no destination of its own. */
static void spell_no_daddr(struct lowering *lw, const struct spelling *sp)
{
	if (proto_id(lw->rule->proto) == PROTO_STP)
		put_text(lw, " -d 01:80:c2:00:00:00");
}

/* The option table of 1.8.9 ends at 4094; 4095 is reserved (IEEE 802.1Q). */
static void spell_vlan_id(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	if (slot_has(lw, &t->value, 4095)) {
		refuse(lw, t, "ebtables takes VLAN ids up to 4094");
		return;
	}
	put_option(lw, sp, t->negated);
	put_value(lw, sp, t);
}

/*
 * The kernel's stp match takes the protocol identifier for one byte, where IEEE
 * 802.1D 9.3 has two, so each field is read one byte too early: --stp-type is
 * the version, --stp-flags the type (ebt_stp.c up to 6.18; seen by packets).
 */
static void spell_stp(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	widen(lw, t, "the kernel's stp match reads every field one byte too early");
	put_option(lw, sp, t->negated);
	put_value(lw, sp, t);
}

/* `--arp-gratuitous !` is read as if the sign was not there; in front it counts. */
static void spell_gratuitous(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	if (t->value.kind == SLOT_CONST && !t->value.value.u)
		return; /* "false" asks for nothing */
	put_text(lw, t->negated ? " ! --arp-gratuitous" : " --arp-gratuitous");
}

/* The TOS byte can not be masked: a line for each byte that has the DSCP value, or has not. */
static void spell_dscp(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	struct alternatives alt;
	alternatives_begin(lw, &alt);
	for (uint32_t n = 0; n < (t->negated ? TOS_WITHOUT : TOS_WITH); n++) {
		alternative(lw, &alt);
		put_option(lw, sp, false);
		put_slot(lw, &t->value, format_tos, t->negated ? n | TOS_NEGATED : n);
	}
	alternatives_end(lw, &alt);
}

/*
 * ICMPv6 type and code are one option with one sign; so are they in the
 * language, which negates them together or not at all.
 */
static void put_range(struct lowering *lw, const struct ptest *t)
{
	if (!t) {
		put_text(lw, "0:255");
		return;
	}
	if (t->value.kind == SLOT_NONE)
		put_text(lw, "0");
	put_slot(lw, &t->value, format_uint, 0);
	put_text(lw, ":");
	put_slot(lw, t->to.kind == SLOT_NONE ? &t->value : &t->to, format_uint, 0);
}

static void spell_icmp6(struct lowering *lw, const struct spelling *sp, const struct ptest *type,
			const struct ptest *code)
{
	put_option(lw, sp, type ? type->negated : code->negated);
	put_range(lw, type);
	put_text(lw, "/");
	put_range(lw, code);
}

static void spell_icmp6_type(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	spell_icmp6(lw, sp, t, find_test(lw->rule, F_ICMP_CODE));
}

static void spell_icmp6_code(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	if (!find_test(lw->rule, F_ICMP_TYPE))
		spell_icmp6(lw, sp, NULL, t);
}

#define STP(field, option, format, mask)                                                           \
	{                                                                                          \
		F_STP_##field, NULL, {"--stp-" option, NULL}, format, mask, spell_stp, NULL        \
	}
#define ARP(field, option, format, mask)                                                           \
	{                                                                                          \
		F_ARP_##field, NULL, {"--arp-" option, NULL}, format, mask, NULL, NULL             \
	}
#define IP(field, option, format, mask)                                                            \
	{                                                                                          \
		F_##field, NULL, {"--ip-" option, "--ip6-" option}, format, mask, NULL, NULL       \
	}

static const struct spelling rows[] = {
	{F_ETHER_TYPE, NULL, {"-p", "-p"}, format_hex4, NULL, NULL, NULL},
	{F_ETHER_SADDR, NULL, {"-s", "-s"}, format_plain, format_mask, spell_mac, NULL},
	{F_ETHER_DADDR, NULL, {"-d", "-d"}, format_plain, format_mask, spell_mac, spell_no_daddr},
	{F_VLAN_ID, NULL, {"--vlan-id", NULL}, format_uint, NULL, spell_vlan_id, NULL},
	/* read as hexadecimal, with or without 0x */
	{F_VLAN_TYPE, NULL, {"--vlan-encap", NULL}, format_hex4, NULL, NULL, NULL},
	STP(TYPE, "type", format_uint, NULL),
	STP(FLAGS, "flags", format_uint, NULL),
	STP(ROOT_PRIO, "root-prio", format_uint, NULL),
	STP(ROOT_ADDR, "root-addr", format_plain, format_mask),
	STP(ROOT_COST, "root-cost", format_uint, NULL),
	STP(SENDER_PRIO, "sender-prio", format_uint, NULL),
	STP(SENDER_ADDR, "sender-addr", format_plain, format_mask),
	STP(PORT, "port", format_uint, NULL),
	STP(AGE, "msg-age", format_uint, NULL),
	STP(MAX_AGE, "max-age", format_uint, NULL),
	STP(HELLO, "hello-time", format_uint, NULL),
	STP(DELAY, "forward-delay", format_uint, NULL),
	ARP(HTYPE, "htype", format_uint, NULL),
	ARP(OP, "opcode", format_uint, NULL),
	ARP(PTYPE, "ptype", format_hex4, NULL),
	ARP(SPA, "ip-src", format_plain, format_mask),
	ARP(TPA, "ip-dst", format_plain, format_mask),
	ARP(SHA, "mac-src", format_plain, NULL),
	ARP(THA, "mac-dst", format_plain, NULL),
	{F_ARP_GRATUITOUS, NULL, {"--arp-gratuitous", NULL}, NULL, NULL, spell_gratuitous, NULL},
	IP(NET_SADDR, "source", format_plain, format_mask),
	IP(NET_DADDR, "destination", format_plain, format_mask),
	{F_NET_DSCP, NULL, {"--ip-tos", NULL}, format_tos, NULL, spell_dscp, NULL},
	IP(NET_PROTO, "protocol", format_uint, NULL),
	IP(TH_SPORT, "source-port", format_uint, NULL),
	IP(TH_DPORT, "destination-port", format_uint, NULL),
	{F_ICMP_TYPE, NULL, {"", "--ip6-icmp-type"}, NULL, NULL, spell_icmp6_type, NULL},
	{F_ICMP_CODE, NULL, {"", "--ip6-icmp-type"}, NULL, NULL, spell_icmp6_code, NULL},
	{0, NULL, {NULL, NULL}, NULL, NULL, NULL, NULL},
};

/* There is no reply at this layer: reject drops. */
static const char *const verdicts[ACTIONS] = {
	[ACTION_DROP] = " -j DROP",         [ACTION_ACCEPT] = " -j ACCEPT",
	[ACTION_REJECT] = " -j DROP",       [ACTION_RETURN] = " -j RETURN",
	[ACTION_CONTINUE] = " -j CONTINUE",
};

const struct dialect ebtables_dialect = {
	.sign_first = false,
	.rows = rows,
	.start = start,
	.finish = finish,
	.verdicts = {verdicts, verdicts},
};
