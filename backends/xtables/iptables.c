/* SPDX-License-Identifier: MIT */
/*
 * iptables and ip6tables: the packet parts, one family a file.
 *
 * What a guest sends is asked twice: on the way through the bridge (FORWARD)
 * and on the way to the host itself (INPUT), by the same rules.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/network/iptables.h"
#include "backends/xtables/xtables.h"

enum { CHAIN_OUT, CHAIN_IN, CHAIN_HOST, CHAINS };

/* --physdev-out is for bridged packets alone, and newer kernels want that said. */
static const struct chain_words {
	const char *top, *prefix, *match;
	enum side side;
} chains[CHAINS] = {
	[CHAIN_OUT] = {"nwfc-out", "nwfc-o", " -m physdev --physdev-in ", SIDE_OUT},
	[CHAIN_IN] = {"nwfc-in", "nwfc-i", " -m physdev --physdev-is-bridged --physdev-out ",
		      SIDE_IN},
	[CHAIN_HOST] = {"nwfc-host", "nwfc-h", " -m physdev --physdev-in ", SIDE_OUT},
};

struct ip_program {
	struct xt_chains chains[SIDES];
};

struct ip_port {
	struct str *names[CHAINS]; /* NULL: nothing there */
};

struct iptables {
	const struct build *build;
	int family;
	struct ip_program *programs;
	struct ip_port *ports;
	struct dispatch dispatch[CHAINS];
	const struct net_tables *networks;
};

/* --- lowering --- */

static bool has_rules(const struct program *p, enum side s, int family)
{
	vec_each (r, &p->parts[s].packet)
		if ((*r)->proto->family == family)
			return true;
	return false;
}

static bool lower_program(struct emit_ctx *cx, const struct iptables *t, const struct program *p,
			  const char *target, struct ip_program *out)
{
	bool good = true;
	for (enum side s = 0; s < SIDES; s++) {
		struct xt_laying x = xt_lay_begin(cx, &iptables_dialect, target, t->build, p, s, 1,
						  &out->chains[s]);
		vec_each (r, &p->parts[s].packet)
			if ((*r)->proto->family == t->family)
				xt_lay_rule(&x, *r);
		good &= x.good;
	}
	return good;
}

static const struct xt_chains *chains_of(const struct iptables *t, const struct port_data *pd,
					 unsigned c)
{
	return &t->programs[xt_program_index(t->build, pd->program)].chains[chains[c].side];
}

static void name_chain(struct emit_ctx *cx, struct names *ns, struct iptables *t, unsigned c)
{
	const struct build *b = t->build;
	struct dispatch_leaf *leaves = arena_new_array(cx->arena, struct dispatch_leaf, b->ports.n);
	uint32_t n = 0;
	for (uint32_t i = 0; i < b->ports.n && !arena_full(cx->arena); i++) {
		const struct port_data *pd = &b->ports.items[i];
		if (!has_rules(pd->program, chains[c].side, t->family))
			continue;
		struct str full =
			str_printf(cx->arena, "%s/%.*s", chains[c].prefix, STR_ARG(pd->port->name));
		const struct xt_chains *all = chains_of(t, pd, c);
		t->ports[i].names[c] = arena_new_array(cx->arena, struct str, all->list.n);
		xt_name_chains(cx, ns, all, &full, t->ports[i].names[c]);
		leaves[n++] = (struct dispatch_leaf){pd->port->name, t->ports[i].names[c][0]};
	}
	bool behind = c == CHAIN_HOST && net_needed(b);
	t->dispatch[c] =
		dispatch_build(cx, ns, str_from(behind ? "nwfc-local" : chains[c].top), leaves, n);
}

struct iptables *iptables_lower(struct emit_ctx *cx, const struct build *b, const char *target,
				int family)
{
	struct iptables *t = arena_new_object(cx->arena, struct iptables);
	struct names ns = {0};
	uint32_t errors = cx->diags->errors;
	bool good = xt_check_port_names(cx, b, target, false);
	t->build = b;
	t->family = family;
	t->programs = arena_new_array(cx->arena, struct ip_program, b->programs.n);
	t->ports = arena_new_array(cx->arena, struct ip_port, b->ports.n);
	for (uint32_t i = 0; i < b->programs.n; i++)
		good &= lower_program(cx, t, b->programs.items[i], target, &t->programs[i]);
	for (unsigned c = 0; c < CHAINS; c++)
		name_chain(cx, &ns, t, c);
	t->networks =
		net_ipt_lower(cx, net_lower(cx, b, true), &ns, family == 6 ? IP6 : IP4, target);
	return good && cx->diags->errors == errors ? t : NULL;
}

bool iptables_needed(const struct build *b, int family)
{
	vec_each (pd, &b->ports)
		if (pd->program->has_packet[family == 6])
			return true;
	return false;
}

void warn_not_covered(struct emit_ctx *cx, const struct build *b, bool v4, bool v6)
{
	vec_each (p, &b->programs)
		vec_each (r, &(*p)->parts[SIDE_IN].packet) {
			struct finding *f;
			if (!((*r)->proto->family == 6 ? v6 : v4))
				continue;
			f = diag_add(cx->diags, FINDING(W507), (*r)->source->span,
				     "%s asks the rules for what a guest gets about bridged "
				     "packets only: "
				     "what the host sends or routes to it passes without them",
				     (*r)->proto->family == 6 ? "ip6tables" : "iptables");
			diag_hint(cx->diags, f, "the nft target covers both");
			break;
		}
}

/* --- emission --- */

static void declare(struct buf *out, struct str chain)
{
	buf_char(out, ':');
	buf_str(out, chain);
	buf_lit(out, " - [0:0]\n");
}

static void declare_port(const struct iptables *t, uint32_t port, unsigned c, struct buf *out)
{
	const struct str *names = t->ports[port].names[c];
	uint32_t n = names ? chains_of(t, &t->build->ports.items[port], c)->list.n : 0;
	for (uint32_t i = 0; i < n; i++)
		declare(out, names[i]);
}

static void emit_declarations(const struct iptables *t, struct buf *out)
{
	declare(out, STR("nwfc-forward"));
	if (net_needed(t->build))
		declare(out, STR("nwfc-host"));
	for (unsigned c = 0; c < CHAINS; c++)
		vec_each (node, &t->dispatch[c].nodes)
			declare(out, node->chain);
	for (uint32_t i = 0; i < t->build->ports.n; i++)
		for (unsigned c = 0; c < CHAINS; c++)
			declare_port(t, i, c, out);
	net_ipt_declare(t->networks, "filter", out);
}

static void emit_port(const struct iptables *t, uint32_t port, struct template_writer *w)
{
	const struct port_data *pd = &t->build->ports.items[port];
	for (unsigned c = 0; c < CHAINS; c++) {
		if (!t->ports[port].names[c])
			continue;
		writer_port(w, pd, t->ports[port].names[c]);
		vec_each (rules, &chains_of(t, pd, c)->list)
			xt_write_rules(w, rules);
	}
}

void iptables_emit(const struct emit_ctx *cx, const struct iptables *t, bool hooks, struct buf *out)
{
	struct template_writer w;
	emit_declarations(t, out);
	bool networks = net_needed(t->build);
	if (hooks)
		buf_lit(out, "-I FORWARD -j nwfc-forward\n-I INPUT -j nwfc-host\n");
	if (hooks && networks)
		buf_lit(out, "-I OUTPUT -j nwfc-replies\n");
	buf_lit(out, "-A nwfc-forward -j nwfc-out\n-A nwfc-forward -j nwfc-in\n");
	if (networks)
		buf_lit(out, "-A nwfc-forward -j nwfc-from\n-A nwfc-forward -j nwfc-to\n"
			     "-A nwfc-forward -j nwfc-pass-in\n-A nwfc-forward -j nwfc-pass-out\n"
			     "-A nwfc-host -j nwfc-local\n-A nwfc-host -j nwfc-services\n");
	for (unsigned c = 0; c < CHAINS; c++)
		dispatch_emit(&t->dispatch[c], chains[c].match, " -g ", out);
	writer_start(&w, cx->arena, out);
	w.map = cx->map;
	for (uint32_t i = 0; i < t->build->ports.n; i++)
		emit_port(t, i, &w);
	writer_end(&w);
	net_ipt_rules(t->networks, "filter", out);
}

bool iptables_emit_other(const struct iptables *t, const char *table, bool hooks, struct buf *out)
{
	if (!net_ipt_has(t->networks, table))
		return false;
	net_ipt_declare(t->networks, table, out);
	if (hooks)
		buf_printf(out, "-I POSTROUTING -j nwfc-%s\n", table);
	net_ipt_rules(t->networks, table, out);
	return true;
}

const char *const iptables_others[] = {"nat", "mangle", NULL};

/* --- the targets --- */

static void *lower4(struct emit_ctx *cx, const struct build *b)
{
	warn_not_covered(cx, b, true, false);
	return iptables_lower(cx, b, "iptables", 4);
}

static void *lower6(struct emit_ctx *cx, const struct build *b)
{
	warn_not_covered(cx, b, false, true);
	return iptables_lower(cx, b, "ip6tables", 6);
}

static void emit(const struct emit_ctx *cx, const void *lowered, struct buf *out)
{
	const struct iptables *t = lowered;
	bool hooks = !cx->options.no_hooks;
	bool networks = net_ipt_has(t->networks, "filter");
	buf_printf(out, "# nwfc %s: packet rules, IPv%d, table filter", cx->options.version,
		   t->family);
	for (const char *const *table = iptables_others; *table; table++)
		if (net_ipt_has(t->networks, *table))
			buf_printf(out, ", %s", *table);
	buf_char(out, '\n');
	buf_printf(out, "# %s-restore --noflush <FILE\n",
		   t->family == 6 ? "ip6tables" : "iptables");
	if (hooks)
		buf_printf(out,
			   "# The lines of %s are for the first time;\n"
			   "# to load again, compile with --no-hooks.\n",
			   networks ? "FORWARD, INPUT, OUTPUT and POSTROUTING"
				    : "FORWARD and INPUT");
	buf_lit(out, "*filter\n");
	iptables_emit(cx, t, hooks, out);
	buf_lit(out, "COMMIT\n");
	for (const char *const *table = iptables_others; *table; table++) {
		struct buf rules;
		buf_memory(&rules);
		if (iptables_emit_other(t, *table, hooks, &rules))
			buf_printf(out, "*%s\n%.*sCOMMIT\n", *table, (int)rules.n, rules.data);
		buf_drop(&rules);
	}
}

static void emit_remove4(struct emit_ctx *cx, const struct build *b, struct buf *out)
{
	xt_emit_remove(cx, "iptables iptables_nat iptables_mangle", out);
}

static void emit_remove6(struct emit_ctx *cx, const struct build *b, struct buf *out)
{
	xt_emit_remove(cx, "ip6tables ip6tables_nat", out);
}

const struct target target_iptables = {
	.name = "iptables",
	.file = "iptables",
	.title = "iptables-restore: the rules for IPv4 packets",
	.family = "xtables",
	.lower = lower4,
	.emit = emit,
	.remove = emit_remove4,
};

const struct target target_ip6tables = {
	.name = "ip6tables",
	.file = "ip6tables",
	.title = "ip6tables-restore: the rules for IPv6 packets",
	.family = "xtables",
	.lower = lower6,
	.emit = emit,
	.remove = emit_remove6,
};
