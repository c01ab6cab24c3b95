/* SPDX-License-Identifier: MIT */
#include "backends/network/iptables.h"

#include <netinet/in.h>

#include "backends/xtables/xtables.h"

/* Tops of the points, and of the two lists of bridges whose packets pass in the end. */
enum { PASS_IN = NET_POINTS, PASS_OUT, TOPS };

static const struct {
	const char *name, *key;
} tops[TOPS] = {
	[NET_FROM] = {"nwfc-from", " -i "},     [NET_TO] = {"nwfc-to", " -o "},
	[NET_HOST] = {"nwfc-services", " -i "}, [NET_REPLY] = {"nwfc-replies", " -o "},
	[NET_NAT_POINT] = {"nwfc-nat", NULL},   [NET_MANGLE] = {"nwfc-mangle", NULL},
	[PASS_IN] = {"nwfc-pass-in", " -i "},   [PASS_OUT] = {"nwfc-pass-out", " -o "},
};

struct net_tables {
	struct arena *arena;
	const struct net_form *form;
	enum ip_family family;
	struct str *names; /* of form->chains; empty: none for this family */
	struct dispatch dispatch[TOPS];
};

/* --- lowering --- */

static void name_chains(struct emit_ctx *cx, struct names *ns, struct net_tables *t,
			enum net_point p)
{
	uint32_t n = 0;
	struct dispatch_leaf *leaves =
		arena_new_array(cx->arena, struct dispatch_leaf, t->form->networks->list.n);
	for (uint32_t i = 0; i < t->form->chains.n; i++) {
		const struct net_chain *c = &t->form->chains.items[i];
		if (c->point != p || !net_chain_has(c, FAMILY(t->family)))
			continue;
		struct str full = str_from(tops[p].name);
		if (c->network)
			full = str_printf(cx->arena, "%s/%.*s", tops[p].name,
					  STR_ARG(c->network->bridge));
		t->names[i] = short_name(cx, ns, full, XT_CHAIN_MAX);
		if (c->network)
			leaves[n++] = (struct dispatch_leaf){c->network->bridge, t->names[i]};
	}
	t->dispatch[p] = dispatch_build(cx, ns, str_from(tops[p].name), leaves, n);
}

static void name_pass(struct emit_ctx *cx, struct names *ns, struct net_tables *t, int top)
{
	uint32_t n = 0;
	struct dispatch_leaf *leaves =
		arena_new_array(cx->arena, struct dispatch_leaf, t->form->networks->list.n);
	net_each(net, t->form->networks) if (network_speaks(*net, t->family)) leaves[n++] =
		(struct dispatch_leaf){(*net)->bridge, STR("ACCEPT")};
	t->dispatch[top] = dispatch_build(cx, ns, str_from(tops[top].name), leaves, n);
}

static bool check_names(struct emit_ctx *cx, const struct net_form *f, const char *target)
{
	bool good = true;
	net_each(n, f->networks)
	{
		good &= xt_check_name(cx, (*n)->bridge, (*n)->bridge_span, target, false);
		if ((*n)->dev.len)
			good &= xt_check_name(cx, (*n)->dev, (*n)->mode_span, target, false);
	}
	return good;
}

struct net_tables *net_ipt_lower(struct emit_ctx *cx, const struct net_form *f, struct names *ns,
				 enum ip_family family, const char *target)
{
	struct net_tables *t = arena_new_object(cx->arena, struct net_tables);
	t->arena = cx->arena;
	t->form = f;
	t->family = family;
	if (!f)
		return t;
	t->names = arena_new_array(cx->arena, struct str, f->chains.n);
	for (enum net_point p = 0; p < NET_POINTS; p++)
		name_chains(cx, ns, t, p);
	name_pass(cx, ns, t, PASS_IN);
	name_pass(cx, ns, t, PASS_OUT);
	return check_names(cx, f, target) ? t : NULL;
}

static bool in_table(const struct net_tables *t, uint32_t chain, const char *table)
{
	return t->names[chain].len &&
	       strcmp(net_points[t->form->chains.items[chain].point].table, table) == 0;
}

bool net_ipt_has(const struct net_tables *t, const char *table)
{
	for (uint32_t i = 0; t->form && i < t->form->chains.n; i++)
		if (in_table(t, i, table))
			return true;
	return false;
}

/* --- one rule --- */

static void put_interface(struct buf *out, const char *key, bool outside, struct str name)
{
	if (!name.len)
		return;
	if (outside)
		buf_lit(out, " !");
	buf_str(out, str_from(key));
	put_word(out, name);
}

static void put_side(struct buf *out, const struct net_tables *t, const char *key,
		     const struct net_side *s)
{
	if (!s->net && !s->addr)
		return;
	buf_printf(out, "%s %s ", s->not ? " !" : "", key);
	if (s->net) {
		buf_subnet(out, s->net);
	} else {
		buf_ip(out, t->family, s->addr);
		buf_printf(out, "/%u", s->addr_prefix);
	}
}

static void put_protocol(struct buf *out, const struct net_rule *r, unsigned icmp)
{
	static const struct {
		uint8_t number;
		const char *word, *icmp;
	} words[] = {{IPPROTO_TCP, "tcp", NULL},
		     {IPPROTO_UDP, "udp", NULL},
		     {IPPROTO_ICMP, "icmp", "icmp --icmp-type"},
		     {IPPROTO_ICMPV6, "ipv6-icmp", "icmp6 --icmpv6-type"}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (words[i].number != r->protocol)
			continue;
		buf_printf(out, " -p %s", words[i].word);
		if (r->port)
			buf_printf(out, " --dport %u", r->port);
		if (icmp)
			buf_printf(out, " -m %s %u", words[i].icmp, icmp);
	}
}

static void put_ports(struct buf *out, const struct net_rule *r, const char *before)
{
	if (r->port_first)
		buf_printf(out, "%s%u-%u", before, r->port_first, r->port_last);
}

static void put_verdict(struct buf *out, const struct net_rule *r)
{
	static const char *const verdicts[NET_VERDICTS] = {
		[NET_RETURN] = "RETURN",          [NET_ACCEPT] = "ACCEPT",
		[NET_REJECT] = "REJECT",          [NET_MASQUERADE] = "MASQUERADE",
		[NET_SNAT] = "SNAT --to-source ", [NET_CHECKSUM] = "CHECKSUM --checksum-fill"};
	buf_printf(out, " -j %s", verdicts[r->verdict]);
	if (r->verdict == NET_MASQUERADE)
		put_ports(out, r, " --to-ports ");
	if (r->verdict != NET_SNAT)
		return;
	buf_ip(out, IP4, &r->nat->nat_first);
	buf_char(out, '-');
	buf_ip(out, IP4, &r->nat->nat_last);
	put_ports(out, r, ":");
}

/* ICMP types have no ranges here: a line each. */
static void put_rule(struct buf *out, const struct net_tables *t, struct str chain,
		     const struct net_rule *r)
{
	for (unsigned icmp = r->icmp_first; icmp <= r->icmp_last; icmp++) {
		buf_lit(out, "-A ");
		buf_str(out, chain);
		put_interface(out, " -i ", false, r->in);
		put_interface(out, " -o ", r->out_not, r->out);
		put_side(out, t, "-s", &r->source);
		put_side(out, t, "-d", &r->destination);
		put_protocol(out, r, icmp);
		if (r->established)
			buf_lit(out, " -m conntrack --ctstate ESTABLISHED,RELATED");
		put_verdict(out, r);
		buf_char(out, '\n');
	}
}

/* --- a table --- */

static bool top_in(const struct net_tables *t, int top, const char *table)
{
	if (top >= NET_POINTS)
		return strcmp(table, "filter") == 0;
	if (strcmp(net_points[top].table, table) != 0)
		return false;
	for (uint32_t i = 0; i < t->form->chains.n; i++)
		if (t->form->chains.items[i].point == (enum net_point)top && in_table(t, i, table))
			return true;
	return strcmp(table, "filter") == 0;
}

static void declare(struct buf *out, struct str chain)
{
	buf_char(out, ':');
	buf_str(out, chain);
	buf_lit(out, " - [0:0]\n");
}

void net_ipt_declare(const struct net_tables *t, const char *table, struct buf *out)
{
	if (!t->form)
		return;
	for (int top = 0; top < TOPS; top++)
		if (top_in(t, top, table))
			vec_each (node, &t->dispatch[top].nodes)
				declare(out, node->chain);
	for (uint32_t i = 0; i < t->form->chains.n; i++)
		if (in_table(t, i, table) && t->form->chains.items[i].network)
			declare(out, t->names[i]);
}

void net_ipt_rules(const struct net_tables *t, const char *table, struct buf *out)
{
	if (!t->form)
		return;
	for (int top = 0; top < TOPS; top++)
		if (top_in(t, top, table) && tops[top].key)
			dispatch_emit(&t->dispatch[top], tops[top].key, " -j ", out);
	for (uint32_t i = 0; i < t->form->chains.n; i++) {
		const struct net_chain *c = &t->form->chains.items[i];
		if (!in_table(t, i, table))
			continue;
		vec_each (r, &c->rules)
			if (r->families & FAMILY(t->family))
				put_rule(out, t, t->names[i], r);
	}
}
