/* SPDX-License-Identifier: MIT */
/*
 * Files of iptables-restore and ip6tables-restore: the options of
 * iptables-extensions(8), and what the kernel's xt_* matches make of them.
 */
#include <string.h>

#include "review/readback/readers.h"
#include "review/readback/restore.h"

/* The comparisons of a family's tool; --sports is multiport's, with one port. */
#define ROW(...) {__VA_ARGS__},
#define ROWS(family)                                                                               \
	ROW("-s", V_IP##family##_SADDR, C_IP##family, OPT_ADDRESS, false)                          \
	ROW("-d", V_IP##family##_DADDR, C_IP##family, OPT_ADDRESS, false)                          \
	ROW("--sport", V_SPORT, C_PORTS, OPT_PORTS, true)                                          \
	ROW("--dport", V_DPORT, C_PORTS, OPT_PORTS, true)                                          \
	ROW("--sports", V_SPORT, C_PORTS, OPT_PORTS, true)                                         \
	ROW("--dscp", V_DSCP, C_IP, OPT_UINT, false)                                               \
	ROW("--mac-source", V_ETHER_SADDR, C_ANY, OPT_ADDRESS, false)                              \
	ROW(NULL, 0, 0, 0, false)
static const struct compare_option options4[] = {ROWS(4)}, options6[] = {ROWS(6)};

/* The last word was not understood. */
static bool bad_word(struct rule_reader *x, const char *wanted)
{
	x->l->at--;
	return line_unread(x->l, wanted);
}

static bool is_six(const struct rule_reader *x)
{
	return x->family == x->l->f->sp->conds[C_IP6];
}

/* --- matches --- */

static bool read_proto(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct word w;
	uint32_t n;
	bool negated = line_negated(x);
	if (!line_word(x->l, &w))
		return false;
	if (!negated && str_is(w.text, "all"))
		return true;
	if (!read_proto_name(w.text, &n) || !n)
		return bad_word(x, "a protocol");
	if (!negated)
		x->proto = (int)n;
	rule_test(x, x->family, space_value(sp, V_NET_PROTO, n), negated);
	return true;
}

/* Modules only name where the options are from. */
static bool read_module(struct rule_reader *x)
{
	static const char *const modules[] = {
		"comment", "conntrack", "connlimit", "dscp", "icmp", "icmp6", "iprange",
		"mac",     "multiport", "physdev",   "sctp", "set",  "tcp",   "udp"};
	struct word w;
	if (x->negated || !line_word(x->l, &w))
		return line_unread(x->l, "a module");
	for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
		if (str_is(w.text, modules[i]))
			return true;
	if (is_six(x) && str_is(w.text, "ah")) { /* a match of its own: there is such a header */
		rule_test(x, x->family, space_value(x->l->f->sp, V_NET_PROTO, 51), false);
		return true;
	}
	return bad_word(x, "a module");
}

static bool read_range_option(struct rule_reader *x, enum var_id v4, enum var_id v6)
{
	struct space *sp = x->l->f->sp;
	enum var_id v = is_six(x) ? v6 : v4;
	struct word w;
	u128 lo, hi;
	bool negated = line_negated(x);
	if (!line_word(x->l, &w))
		return false;
	if (memchr(w.text.s, '/', w.text.len) || !read_range(w.text, vars[v].bits, &lo, &hi))
		return bad_word(x, "a range of addresses");
	rule_test(x, space_has(sp, v), space_range(sp, v, lo, hi), negated);
	return true;
}

static bool read_src_range(struct rule_reader *x)
{
	return read_range_option(x, V_IP4_SADDR, V_IP6_SADDR);
}

static bool read_dst_range(struct rule_reader *x)
{
	return read_range_option(x, V_IP4_DADDR, V_IP6_DADDR);
}

/* TYPE[/CODE]; 255 is every type to the IPv4 tool. */
static bool read_icmp(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct word w;
	u128 type, code;
	pset in = PSET_ALL;
	bool negated = line_negated(x);
	x->wants_proto = true;
	if (!line_word(x->l, &w))
		return false;
	const char *p = memchr(w.text.s, '/', w.text.len);
	struct str t = {w.text.s, p ? (uint32_t)(p - w.text.s) : w.text.len};
	if (!read_number(t, 255, &type) ||
	    (p && !read_number((struct str){p + 1, w.text.len - t.len - 1}, 255, &code)))
		return bad_word(x, "a type, or type/code");
	if (is_six(x) || type != 255)
		in = space_value(sp, V_ICMP_TYPE, type);
	if (p)
		in = pset_and(sp->sets, in, space_value(sp, V_ICMP_CODE, code));
	rule_test(x, sp->conds[C_ICMP], in, negated);
	return true;
}

static bool flag_words(struct str s, u128 *out)
{
	static const struct {
		const char *word;
		uint8_t bits;
	} flags[] = {{"FIN", 1},  {"SYN", 2},  {"RST", 4},  {"PSH", 8},
		     {"ACK", 16}, {"URG", 32}, {"ALL", 63}, {"NONE", 0}};
	*out = 0;
	while (s.len) {
		const char *p = memchr(s.s, ',', s.len);
		struct str one = {s.s, p ? (uint32_t)(p - s.s) : s.len};
		size_t i = 0;
		while (i < sizeof flags / sizeof *flags && !str_is(one, flags[i].word))
			i++;
		if (i == sizeof flags / sizeof *flags)
			return false;
		*out |= flags[i].bits;
		uint32_t gone = one.len + (p != NULL);
		s = (struct str){s.s + gone, s.len - gone};
	}
	return true;
}

static bool read_tcp_flags(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct word w;
	u128 mask, flags;
	bool negated = line_negated(x);
	x->wants_proto = true;
	if (!line_word(x->l, &w))
		return false;
	if (!flag_words(w.text, &mask))
		return bad_word(x, "TCP flags");
	if (!line_word(x->l, &w))
		return false;
	if (!flag_words(w.text, &flags))
		return bad_word(x, "TCP flags");
	pset in = flags & ~mask ? PSET_NONE : space_masked(sp, V_TCP_FLAGS, flags, mask);
	rule_test(x, sp->conds[C_TCP], in, negated);
	return true;
}

static bool read_tcp_option(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct word w;
	u128 n;
	bool negated = line_negated(x);
	x->wants_proto = true;
	if (!line_word(x->l, &w))
		return false;
	if (!read_number(w.text, 255, &n))
		return bad_word(x, "an option's number");
	rule_test(x, sp->conds[C_TCP], space_tcp_option(sp, (uint8_t)n), negated);
	return true;
}

static bool read_ctstate(struct rule_reader *x)
{
	static const char *const words[CT_CLASSES] = {"NEW", "ESTABLISHED", "RELATED", "INVALID",
						      "UNTRACKED"};
	struct space *sp = x->l->f->sp;
	struct word w;
	pset in = PSET_NONE;
	bool negated = line_negated(x);
	if (!line_word(x->l, &w))
		return false;
	for (struct str s = w.text; s.len;) {
		const char *p = memchr(s.s, ',', s.len);
		struct str one = {s.s, p ? (uint32_t)(p - s.s) : s.len};
		int i = 0;
		while (i < CT_CLASSES && !str_is(one, words[i]))
			i++;
		if (i == CT_CLASSES)
			return bad_word(x, "states of connections");
		in = pset_or(sp->sets, in, space_value(sp, V_CT_STATE, (u128)i));
		uint32_t gone = one.len + (p != NULL);
		s = (struct str){s.s + gone, s.len - gone};
	}
	rule_test(x, sp->conds[C_IP], in, negated);
	return true;
}

static bool read_ctdir(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct word w;
	bool negated = line_negated(x);
	if (!line_word(x->l, &w))
		return false;
	bool reply = str_is(w.text, "REPLY");
	if (!reply && !str_is(w.text, "ORIGINAL"))
		return bad_word(x, "ORIGINAL or REPLY");
	rule_test(x, sp->conds[C_TRACKED], space_value(sp, V_CT_REPLY, reply), negated);
	return true;
}

/* As takes.c names it. */
static bool read_match_set(struct rule_reader *x)
{
	struct space *sp = x->l->f->sp;
	struct word name, by;
	bool negated = line_negated(x);
	if (!line_word(x->l, &name) || !line_word(x->l, &by))
		return false;
	struct str text = str_printf(sp->arena, "in ipset %.*s by %.*s", STR_ARG(name.text),
				     STR_ARG(by.text));
	rule_test(x, PSET_ALL, space_unknown(sp, text, PSET_ALL), negated);
	return true;
}

/* What counts stands last: it counts what all else takes. */
static bool read_connlimit(struct rule_reader *x)
{
	struct word w;
	u128 n;
	x->r->count.over = !line_negated(x);
	if (!line_word(x->l, &w))
		return false;
	if (!read_number(w.text, UINT32_MAX, &n))
		return bad_word(x, "a number");
	x->r->count.there = true;
	x->r->count.n = (uint32_t)n;
	struct str next = x->l->at < x->l->n ? x->l->words[x->l->at].text : STR("-j");
	bool comment = str_is(next, "-m") && x->l->at + 1 < x->l->n &&
		       str_is(x->l->words[x->l->at + 1].text, "comment");
	return comment || str_is(next, "-j") ||
	       line_unread(x->l, "-j behind what counts connections");
}

static bool read_comment(struct rule_reader *x)
{
	struct word w;
	return !x->negated && line_word(x->l, &w);
}

/* --- interfaces --- */

static bool read_physdev(struct rule_reader *x, bool out)
{
	struct iface_test t = {.out = out, .negated = line_negated(x)};
	if (!want_iface_name(x->l, &t))
		return false;
	*vec_push(x->l->f->arena, &x->r->ifaces) = t;
	return true;
}

static bool read_physdev_in(struct rule_reader *x)
{
	return read_physdev(x, false);
}

static bool read_physdev_out(struct rule_reader *x)
{
	return read_physdev(x, true);
}

static bool read_bridged(struct rule_reader *x)
{
	x->r->bridged = true;
	return true;
}

/* The host's own interface, a bridge: rules of networks ask for it. A port's bridge is none of
 * theirs here, so it has no name that is asked for. */
static bool read_device(struct rule_reader *x)
{
	struct iface_test t;
	bool negated = line_negated(x);
	if (!want_iface_name(x->l, &t))
		return false;
	if (!negated)
		x->r->takes = PSET_NONE;
	return true;
}

static bool read_own(struct rule_reader *x, struct word w, bool *known)
{
	static const struct {
		const char *name;
		bool (*read)(struct rule_reader *);
	} own[] = {{"-p", read_proto},
		   {"-m", read_module},
		   {"-i", read_device},
		   {"-o", read_device},
		   {"--src-range", read_src_range},
		   {"--dst-range", read_dst_range},
		   {"--icmp-type", read_icmp},
		   {"--icmpv6-type", read_icmp},
		   {"--tcp-flags", read_tcp_flags},
		   {"--tcp-option", read_tcp_option},
		   {"--ctstate", read_ctstate},
		   {"--ctdir", read_ctdir},
		   {"--match-set", read_match_set},
		   {"--connlimit-above", read_connlimit},
		   {"--comment", read_comment},
		   {"--physdev-in", read_physdev_in},
		   {"--physdev-out", read_physdev_out},
		   {"--physdev-is-bridged", read_bridged}};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (str_is(w.text, own[i].name))
			return own[i].read(x);
	*known = false;
	return true;
}

/* Ports, types and flags are options of a protocol's module, which -p loads. */
static bool finish(struct rule_reader *x)
{
	static const uint8_t with[] = {1, 6, 17, 33, 58, 132, 136};
	bool good = !x->wants_proto;
	for (size_t i = 0; i < sizeof with; i++)
		good |= x->proto == with[i];
	return good || line_unread(x->l, "the protocol of ports or types");
}

bool read_iptables(struct script_form *f, bool six)
{
	static const char *const bases[] = {"FORWARD", "INPUT", "OUTPUT", NULL};
	static const enum hook hooks[] = {HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT};
	static const char *const jumps[] = {"FORWARD", "nwfc-forward", "INPUT", "nwfc-host",
					    "OUTPUT",  "nwfc-replies", NULL};
	const struct tool t = {
		bases,    hooks,  STR("filter"),      jumps, six ? options6 : options4,
		read_own, finish, six ? C_IP6 : C_IP4};
	return read_restore(f, &t);
}
