/* SPDX-License-Identifier: MIT */
/*
 * The words of iptables and ip6tables, tried one by one with 1.8.9, both
 * variants, and read back.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/xtables/lower.h"
#include "ir/key.h"

/* xt_comment.h: 256 bytes with the NUL. */
#define COMMENT_MAX 255

/*
 * Protocols by name: these are built into the tools. Only igmp is looked up in
 * /etc/protocols, which small systems lack, so it goes by number. AH of IPv6 is an
 * extension header, over which the legacy variant walks (ip6_packet_match):
 * there `-p ah` never matches. `-m ah` does, in both variants.
 */
static void start(struct lowering *lw)
{
	static const char suffix[] = "-ipv6";
	struct str name = str_from(lw->rule->proto->xml);
	if (name.len > sizeof suffix - 1 &&
	    memcmp(name.s + name.len - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0)
		name.len -= sizeof suffix - 1;
	if (proto_id(lw->rule->proto) == PROTO_IGMP)
		name = STR("2");
	if (lw->family && lw->rule->proto->ipproto == 51) {
		put_text(lw, " -m ah");
		return;
	}
	put_text(lw, " -p ");
	put_text(lw, str_copy(lw->cx->arena, name).s);
}

/* A range, or an address whose empty mask nothing but `! -s x/0` means anything by. */
static void spell_address(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	const char *range = sp->field == F_NET_SADDR ? " --src-range " : " --dst-range ";
	if (t->from) {
		put_text(lw, t->negated ? " -m iprange !" : " -m iprange");
		put_text(lw, range);
		put_slot(lw, &t->value, sp->format, 0);
		if (t->to.kind != SLOT_NONE)
			put_text(lw, "-");
		put_slot(lw, &t->to, sp->format, 0);
		return;
	}
	put_option(lw, sp, t->negated);
	put_slot(lw, &t->value, sp->format, 0);
	/* Not in the net of all: never so, and the nf_tables variant refuses the line. */
	put_slot(lw, &t->mask, sp->mask, t->negated ? MASK_NOT_EMPTY : MASK_ANY);
}

/*
 * Of "not this source port and not this destination port" the nf_tables variant
 * (1.8.9) makes one comparison of both, "not this pair", which holds for more.
 * So the source port goes to a match of its own, and one that iptables-save and
 * -restore keep apart. Ranges are not joined, nor ports of sctp.
 */
static bool one_port_not(const struct ptest *t)
{
	return t && t->negated &&
	       (t->to.kind == SLOT_NONE ||
		(t->value.kind == SLOT_CONST && t->to.kind == SLOT_CONST &&
		 t->value.value.u == t->to.value.u));
}

static bool would_be_joined(const struct lowering *lw, const struct ptest *t)
{
	int16_t proto = lw->rule->proto->ipproto;
	return t->field == F_TH_SPORT && one_port_not(t) &&
	       one_port_not(find_test(lw->rule, F_TH_DPORT)) && (proto == 6 || proto == 17);
}

static void spell_port_apart(struct lowering *lw, const struct ptest *t)
{
	put_text(lw, " -m multiport ! --sports ");
	put_slot(lw, &t->value, format_uint, 0);
	put_text(lw, lw->rule->proto->ipproto == 6 ? " -m tcp" : " -m udp");
}

/*
 * A negated range of all ports matches nothing, but the nf_tables variant drops
 * both the range and its sign. So a negated range whose ends are not both known
 * here is written as the ports below it and the ports above it.
 */
static void spell_port(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	struct alternatives alt;
	if (would_be_joined(lw, t)) {
		spell_port_apart(lw, t);
		return;
	}
	if (!t->negated || t->to.kind == SLOT_NONE ||
	    (t->value.kind != SLOT_DIM && t->to.kind != SLOT_DIM)) {
		put_option(lw, sp, t->negated);
		put_value(lw, sp, t);
		if (t->negated && t->to.kind == SLOT_CONST && t->to.value.u == 65535 &&
		    (t->value.kind == SLOT_NONE || t->value.value.u == 0))
			put_never(lw);
		return;
	}
	alternatives_begin(lw, &alt);
	if (t->value.kind != SLOT_NONE) {
		alternative(lw, &alt);
		put_option(lw, sp, false);
		put_text(lw, "0:");
		put_slot(lw, &t->value, format_below, 0);
	}
	alternative(lw, &alt);
	put_option(lw, sp, false);
	put_slot(lw, &t->to, format_above, 65535);
	put_text(lw, ":65535");
	alternatives_end(lw, &alt);
}

/* An empty mask is lost in the nf_tables variant, together with its sign. */
static void spell_tcp_flags(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	uint32_t mask = t->value.value.u >> 8, flags = t->value.value.u & 255;
	if (!mask) {
		if ((flags == 0) == t->negated)
			put_never(lw);
		return;
	}
	put_option(lw, sp, t->negated);
	put_value(lw, sp, t);
}

static void spell_tcp_option(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	if (slot_has(lw, &t->value, 0)) {
		refuse(lw, t, "iptables takes TCP options from 1");
		return;
	}
	put_option(lw, sp, t->negated);
	put_value(lw, sp, t);
}

/* Type and code are one option with one sign, in the language as well. */
static void spell_icmp(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	const struct ptest *code = find_test(lw->rule, F_ICMP_CODE);
	if (lw->family == 0 && slot_has(lw, &t->value, 255)) {
		refuse(lw, t, "iptables reads ICMP type 255 as any type");
		return;
	}
	put_option(lw, sp, t->negated);
	put_slot(lw, &t->value, format_uint, 0);
	if (code) {
		put_text(lw, "/");
		put_slot(lw, &code->value, format_uint, 0);
	}
}

/* Said with the type, without which the language has no code. */
static void spell_icmp_code(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
}

static void put_connection(struct lowering *lw)
{
	static const char *const names[] = {"NEW", "ESTABLISHED", "RELATED", "INVALID"};
	static const char *const dirs[] = {"", " -m conntrack --ctdir ORIGINAL",
					   " -m conntrack --ctdir REPLY"};
	const char *before = " -m conntrack --ctstate ";
	for (unsigned i = 0; i < 4; i++)
		if (lw->rule->ct_states & 1u << i) {
			put_text(lw, before);
			put_text(lw, names[i]);
			before = ",";
		}
	put_text(lw, dirs[lw->rule->ct_dir]);
}

/* Connection state comes behind what a packet itself says: the first of the rows that ask the
 * kernel's tables. */
static void spell_set(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	put_connection(lw);
	put_option(lw, sp, t->negated);
	put_slot(lw, &t->value, sp->format, 0);
	if (t->mask.kind == SLOT_NONE)
		put_text(lw, " src");
	else
		put_text(lw, " ");
	put_slot(lw, &t->mask, sp->mask, 0);
}

static void spell_no_set(struct lowering *lw, const struct spelling *sp)
{
	put_connection(lw);
}

static void finish(struct lowering *lw)
{
	struct buf b;
	struct str comment = lw->rule->comment;
	if (lw->cx->options.annotate) {
		struct str key = rule_key(lw->cx->arena, lw->rule->source);
		comment = str_printf(lw->cx->arena, "%.*s%s%.*s", STR_ARG(key),
				     comment.len ? ": " : "", STR_ARG(comment));
	}
	if (!comment.len)
		return;
	buf_memory(&b);
	buf_lit(&b, " -m comment --comment ");
	put_quoted(&b, comment, COMMENT_MAX);
	buf_char(&b, 0);
	put_text(lw, b.data);
	buf_drop(&b);
}

static const struct spelling rows[] = {
	{F_ETHER_SADDR, "-m mac", {"--mac-source", "--mac-source"}, format_plain, NULL, NULL, NULL},
	{F_NET_SADDR, NULL, {"-s", "-s"}, format_plain, format_mask, spell_address, NULL},
	{F_NET_DADDR, NULL, {"-d", "-d"}, format_plain, format_mask, spell_address, NULL},
	{F_NET_DSCP, "-m dscp", {"--dscp", "--dscp"}, format_uint, NULL, NULL, NULL},
	{F_TCP_FLAGS,
	 NULL,
	 {"--tcp-flags", "--tcp-flags"},
	 format_tcp_flags,
	 NULL,
	 spell_tcp_flags,
	 NULL},
	{F_TH_SPORT, NULL, {"--sport", "--sport"}, format_uint, NULL, spell_port, NULL},
	{F_TH_DPORT, NULL, {"--dport", "--dport"}, format_uint, NULL, spell_port, NULL},
	{F_TCP_OPTION,
	 NULL,
	 {"--tcp-option", "--tcp-option"},
	 format_uint,
	 NULL,
	 spell_tcp_option,
	 NULL},
	{F_ICMP_TYPE, NULL, {"--icmp-type", "--icmpv6-type"}, format_uint, NULL, spell_icmp, NULL},
	{F_ICMP_CODE,
	 NULL,
	 {"--icmp-type", "--icmpv6-type"},
	 format_uint,
	 NULL,
	 spell_icmp_code,
	 NULL},
	{F_IPSET,
	 "-m set",
	 {"--match-set", "--match-set"},
	 format_quoted,
	 format_set_directions,
	 spell_set,
	 spell_no_set},
	/* The default mask, one source address, is the meaning of the attribute. */
	{F_CT_COUNT,
	 "-m connlimit",
	 {"--connlimit-above", "--connlimit-above"},
	 format_uint,
	 NULL,
	 NULL,
	 NULL},
	{0, NULL, {NULL, NULL}, NULL, NULL, NULL, NULL},
};

/*
 * What a guest sends is let on by RETURN: it may still be another guest's turn
 * to refuse it, or the host's.
 */
static const char *const verdicts_out[ACTIONS] = {
	[ACTION_DROP] = " -j DROP",     [ACTION_ACCEPT] = " -j RETURN",
	[ACTION_REJECT] = " -j REJECT", [ACTION_RETURN] = " -j RETURN",
	[ACTION_CONTINUE] = "",
};
static const char *const verdicts_in[ACTIONS] = {
	[ACTION_DROP] = " -j DROP",     [ACTION_ACCEPT] = " -j ACCEPT",
	[ACTION_REJECT] = " -j REJECT", [ACTION_RETURN] = " -j RETURN",
	[ACTION_CONTINUE] = "",
};

const struct dialect iptables_dialect = {
	.sign_first = true,
	.rows = rows,
	.start = start,
	.finish = finish,
	.verdicts = {[SIDE_OUT] = verdicts_out, [SIDE_IN] = verdicts_in},
};
