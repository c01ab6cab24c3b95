/* SPDX-License-Identifier: MIT */
/*
 * The rules of networks as an nft table of the family inet, which has the name
 * of the bridge table beside it. A packet pays one lookup at each hook, however
 * many networks there are.
 *
 * DHCP checksums have no words in nft (the bridge script does them with tc), so
 * the point mangle is left out.
 */
#include "backends/network/network.h"

#include <netinet/in.h>

#include "backends/nft/nft.h"

static const struct net_hook {
	enum net_point points[2];
	unsigned npoints;
	const char *type, *hook, *priority;
} hooks[] = {
	{{NET_FROM, NET_TO}, 2, "filter", "forward", "0"},
	{{NET_HOST}, 1, "filter", "input", "0"},
	{{NET_REPLY}, 1, "filter", "output", "0"},
	{{NET_NAT_POINT}, 1, "nat", "postrouting", "100"},
};

static const char *const family_words[IP_FAMILIES] = {"ip", "ip6"};

static bool one_family(uint32_t families)
{
	return families != BOTH_FAMILIES;
}

static enum ip_family family_of(const struct net_rule *r)
{
	return r->families & FAMILY(IP4) ? IP4 : IP6;
}

/* --- one rule --- */

static void put_interface(struct arena *a, struct buf *out, const char *key, struct str name)
{
	if (name.len)
		buf_printf(out, "%s%.*s ", key, STR_ARG(nft_quoted(a, name)));
}

static void put_side(struct buf *out, const struct net_rule *r, const char *key,
		     const struct net_side *s)
{
	if (!s->net && !s->addr)
		return;
	buf_printf(out, "%s %s %s", family_words[family_of(r)], key, s->not ? "!= " : "");
	if (s->net) {
		buf_subnet(out, s->net);
	} else {
		buf_ip(out, family_of(r), s->addr);
		if (s->addr_prefix < (family_of(r) == IP4 ? 32 : 128))
			buf_printf(out, "/%u", s->addr_prefix);
	}
	buf_char(out, ' ');
}

static void put_protocol(struct buf *out, const struct net_rule *r)
{
	static const struct {
		uint8_t number;
		const char *word;
	} words[] = {{IPPROTO_TCP, "tcp"},
		     {IPPROTO_UDP, "udp"},
		     {IPPROTO_ICMP, "icmp"},
		     {IPPROTO_ICMPV6, "icmpv6"}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (words[i].number != r->protocol)
			continue;
		if (r->port)
			buf_printf(out, "%s dport %u ", words[i].word, r->port);
		else if (r->icmp_last > r->icmp_first)
			buf_printf(out, "%s type %u-%u ", words[i].word, r->icmp_first,
				   r->icmp_last);
		else if (r->icmp_first)
			buf_printf(out, "%s type %u ", words[i].word, r->icmp_first);
		else
			buf_printf(out, "meta l4proto %s ", words[i].word);
	}
}

/* A family that no other word of the rule says. */
static void put_family(struct buf *out, const struct net_rule *r)
{
	bool said = r->source.net || r->source.addr || r->destination.net || r->destination.addr ||
		    r->icmp_first;
	if (one_family(r->families) && !said)
		buf_printf(out, "meta nfproto %s ", family_of(r) == IP4 ? "ipv4" : "ipv6");
}

static void put_translation(struct buf *out, const struct net_rule *r)
{
	if (r->verdict == NET_SNAT) {
		buf_lit(out, "snat ip to ");
		buf_ip(out, IP4, &r->nat->nat_first);
		if (memcmp(&r->nat->nat_first, &r->nat->nat_last, sizeof r->nat->nat_last) != 0) {
			buf_char(out, '-');
			buf_ip(out, IP4, &r->nat->nat_last);
		}
	} else {
		buf_lit(out, "masquerade");
	}
	if (r->port_first)
		buf_printf(out, "%s:%u-%u", r->verdict == NET_SNAT ? "" : " to ", r->port_first,
			   r->port_last);
}

static void put_rule(struct arena *a, struct buf *out, const struct net_rule *r)
{
	static const char *const verdicts[NET_VERDICTS] = {
		[NET_RETURN] = "return", [NET_ACCEPT] = "accept", [NET_REJECT] = "reject"};
	buf_lit(out, "\t\t");
	put_interface(a, out, "iifname ", r->in);
	put_interface(a, out, r->out_not ? "oifname != " : "oifname ", r->out);
	put_family(out, r);
	put_side(out, r, "saddr", &r->source);
	put_side(out, r, "daddr", &r->destination);
	put_protocol(out, r);
	if (r->established)
		buf_lit(out, "ct state established,related ");
	if (verdicts[r->verdict])
		buf_str(out, str_from(verdicts[r->verdict]));
	else
		put_translation(out, r);
	buf_char(out, '\n');
}

/* --- chains --- */

static struct str chain_part(struct arena *a, const struct network *n)
{
	return name_begin(a, name_part(a, n->bridge, NFT_NAME_MAX / 2));
}

static struct str chain_name(struct arena *a, const struct net_chain *c)
{
	return str_printf(a, "%.*s/%s", STR_ARG(chain_part(a, c->network)),
			  net_points[c->point].name);
}

static bool used(const struct net_form *f, enum net_point p)
{
	vec_each (c, &f->chains)
		if (c->point == p && c->rules.n)
			return true;
	return false;
}

static void put_rules(struct arena *a, const struct net_chain *c, struct buf *out)
{
	vec_each (r, &c->rules)
		put_rule(a, out, r);
}

static void put_network_chains(struct arena *a, const struct net_form *f, struct buf *out)
{
	vec_each (c, &f->chains) {
		if (!c->network || !c->rules.n)
			continue;
		buf_printf(out, "\tchain %.*s {\n", STR_ARG(chain_name(a, c)));
		put_rules(a, c, out);
		buf_lit(out, "\t}\n");
	}
}

static void put_dispatch(struct arena *a, const struct net_form *f, enum net_point p,
			 struct buf *out)
{
	bool more = false;
	buf_printf(out, "\tmap network.%s {\n\t\ttypeof iifname : verdict\n\t\telements = {",
		   net_points[p].name);
	vec_each (c, &f->chains) {
		if (c->point != p || !c->rules.n)
			continue;
		buf_printf(out, "%s\n\t\t\t%.*s : jump %.*s", more ? "," : "",
			   STR_ARG(nft_quoted(a, c->network->bridge)), STR_ARG(chain_name(a, c)));
		more = true;
	}
	buf_lit(out, "\n\t\t}\n\t}\n");
}

static void put_point(struct arena *a, const struct net_form *f, enum net_point p, struct buf *out)
{
	if (!net_points[p].shared) {
		buf_printf(out, "\t\t%s vmap @network.%s\n",
			   net_points[p].input ? "iifname" : "oifname", net_points[p].name);
		return;
	}
	vec_each (c, &f->chains)
		if (c->point == p)
			put_rules(a, c, out);
}

static void put_hook(struct arena *a, const struct net_form *f, const struct net_hook *h,
		     struct buf *out)
{
	if (!used(f, h->points[0]))
		return;
	for (unsigned i = 0; i < h->npoints; i++)
		if (!net_points[h->points[i]].shared)
			put_dispatch(a, f, h->points[i], out);
	buf_printf(out, "\tchain network.%s {\n\t\ttype %s hook %s priority %s; policy accept;\n",
		   h->hook, h->type, h->hook, h->priority);
	for (unsigned i = 0; i < h->npoints; i++)
		put_point(a, f, h->points[i], out);
	buf_lit(out, "\t}\n");
}

/* --- the table --- */

/* nft would make one chain of two that have one name. */
static bool check_part(struct emit_ctx *cx, struct map *parts, const struct network *n)
{
	bool added;
	struct str part = chain_part(cx->arena, n);
	struct map_entry *e = map_put(cx->arena, parts, part, &added);
	const struct network *other = e->cptr;
	if (added)
		e->cptr = n;
	else
		diag_add(cx->diags, FINDING(E505), n->bridge_span,
			 "the chains of bridges '%.*s' and '%.*s' would both be called '%.*s'",
			 STR_ARG(other->bridge), STR_ARG(n->bridge), STR_ARG(part));
	return added;
}

bool net_nft_check(struct emit_ctx *cx, const struct net_form *f)
{
	bool good = true;
	struct map parts = {0};
	net_each(n, f->networks)
	{
		good &= check_part(cx, &parts, *n);
		good &= nft_check_name(cx, (*n)->bridge, (*n)->bridge_span);
		good &= !(*n)->dev.len || nft_check_name(cx, (*n)->dev, (*n)->mode_span);
	}
	return good;
}

/* The bridges of all networks, each behind `before`, as words of the shell: people copy them. */
static struct str bridge_words(struct emit_ctx *cx, const struct net_form *f, const char *before)
{
	struct buf b;
	buf_memory(&b);
	net_each(n, f->networks)
	{
		buf_str(&b, str_from(before));
		put_shell_word(&b, (*n)->bridge);
	}
	return buf_take(cx->arena, &b);
}

static bool any_ip6(const struct net_form *f)
{
	bool any = false;
	net_each(n, f->networks) vec_each (ip, &(*n)->ips) any |= ip->family == IP6;
	return any;
}

static bool any_tftp(const struct net_form *f)
{
	bool any = false;
	net_each(n, f->networks) vec_each (ip, &(*n)->ips) any |= ip->tftp;
	return any;
}

/* The lines for firewalld and ufw have been tried with 1.3.3 and 0.36.2, by what passes then. */
void net_nft_note(struct emit_ctx *cx, const struct net_form *f)
{
	const struct network *first = NULL;
	if (!f || f->services)
		return;
	net_each(n, f->networks) first = first ? first : *n;
	struct str words = bridge_words(cx, f, " ");
	struct finding *fi = diag_add(cx->diags, FINDING(N252), first->name_span,
				      "nft: a firewall that drops what comes in must let DHCP and "
				      "DNS in on%.*s",
				      STR_ARG(words));
	diag_hint(cx->diags, fi,
		  "firewalld: once what `nwfc explain N252` has, then firewall-cmd --permanent "
		  "--zone=nwfc%.*s && firewall-cmd --reload; ufw: for b in%.*s; do ufw allow in on "
		  "$b to any port 53; ufw allow in on $b to any port 67 proto udp;%s%s ufw route "
		  "allow in on $b; ufw route allow out on $b; done",
		  STR_ARG(bridge_words(cx, f, " --add-interface=")), STR_ARG(words),
		  any_ip6(f) ? " ufw allow in on $b to any port 547 proto udp;" : "",
		  any_tftp(f) ? " ufw allow in on $b to any port 69 proto udp;" : "");
}

void net_nft_emit(const struct emit_ctx *cx, const struct net_form *f, struct buf *out)
{
	struct str t = cx->options.table;
	buf_printf(out, "add table inet %.*s\ndelete table inet %.*s\n", STR_ARG(t), STR_ARG(t));
	if (!f)
		return;
	buf_printf(out, "table inet %.*s {\n", STR_ARG(t));
	put_network_chains(cx->arena, f, out);
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
		put_hook(cx->arena, f, &hooks[i], out);
	buf_lit(out, "}\n");
}
