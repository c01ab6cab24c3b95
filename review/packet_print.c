/* SPDX-License-Identifier: MIT */
/*
 * A packet in words: its kind and its ends, then whatever differs from what would follow from
 * the words so far, one by one, so that nothing is said in vain and nothing is missing.
 */
#include "review/packet_words.h"
#include "review/var_words.h"

struct printer {
	struct buf *b;
	const struct packet *p;
	bool given[VARS];
	struct str context; /* the header named last, behind which a reader looks first */
};

/* A name, without its header where that was named last. */
static void say_name(struct printer *k, const char *name)
{
	const char *blank = strchr(name, ' ');
	struct str header = {name, blank ? (uint32_t)(blank - name) : 0};
	bool known = blank && str_eq(header, k->context);
	buf_printf(k->b, " %s", known ? blank + 1 : name);
	if (header.len && !str_is(header, "later"))
		k->context = header;
}

static void say(struct printer *k, enum var_id v)
{
	k->given[v] = true;
	say_name(k, vars[v].words);
	if (vars[v].bits == 1)
		return;
	buf_char(k->b, ' ');
	var_print(k->b, v, k->p->v[v]);
}

static void say_kind(struct printer *k, const struct packet_kind *kind)
{
	buf_printf(k->b, " %s", kind->word);
	k->context = str_from(packet_context(kind));
	k->given[kind->var] = true;
}

static const struct packet_kind *kind_of(const struct packet *p, enum var_id v)
{
	for (const struct packet_kind *kind = packet_kinds; kind->word; kind++)
		if (kind->var == v && kind->value == p->v[v])
			return kind;
	return NULL;
}

static void say_end(struct printer *k, enum var_id addr, enum var_id port)
{
	bool six = vars[addr].bits == 128, ports = packet_has(k->p, port);
	buf_str(k->b, six && ports ? STR(" [") : STR(" "));
	var_print(k->b, addr, k->p->v[addr]);
	if (ports)
		buf_printf(k->b, six ? "]:%u" : ":%u", (unsigned)k->p->v[port]);
	k->given[addr] = true;
	k->given[port] = ports;
}

/* The protocol, and from where to where. */
static void say_ip(struct printer *k)
{
	bool six = packet_meets(k->p, C_IP6);
	const struct packet_kind *kind = kind_of(k->p, V_NET_PROTO);
	k->given[V_ETHER_TYPE] = true;
	if (kind)
		say_kind(k, kind);
	else {
		buf_printf(k->b, six ? " ip6 nexthdr %u" : " ip protocol %u",
			   (unsigned)k->p->v[V_NET_PROTO]);
		k->context = six ? STR("ip6") : STR("ip");
		k->given[V_NET_PROTO] = true;
	}
	say_end(k, six ? V_IP6_SADDR : V_IP4_SADDR, V_SPORT);
	buf_lit(k->b, " >");
	say_end(k, six ? V_IP6_DADDR : V_IP4_DADDR, V_DPORT);
	if (packet_has(k->p, V_ICMP_TYPE))
		say(k, V_ICMP_TYPE);
}

static void say_arp(struct printer *k)
{
	say_kind(k, kind_of(k->p, V_ETHER_TYPE));
	buf_char(k->b, ' ');
	bool named = false;
	for (const struct word_value *w = var_words(V_ARP_OP); w->word; w++)
		named |= w->value == k->p->v[V_ARP_OP];
	if (!named)
		buf_lit(k->b, "op ");
	var_print(k->b, V_ARP_OP, k->p->v[V_ARP_OP]);
	k->given[V_ARP_OP] = true;
	if (!packet_has(k->p, V_ARP_SPA))
		return;
	buf_lit(k->b, " spa ");
	var_print(k->b, V_ARP_SPA, k->p->v[V_ARP_SPA]);
	buf_lit(k->b, " tpa ");
	var_print(k->b, V_ARP_TPA, k->p->v[V_ARP_TPA]);
	k->given[V_ARP_SPA] = k->given[V_ARP_TPA] = true;
}

static void say_head(struct printer *k)
{
	if (k->p->v[V_BPDU]) {
		say_kind(k, kind_of(k->p, V_BPDU));
	} else if (packet_meets(k->p, C_IP)) {
		say_ip(k);
	} else if (packet_meets(k->p, C_ARP)) {
		say_arp(k);
	} else if (packet_meets(k->p, C_VLAN)) {
		buf_printf(k->b, " vlan %u", (unsigned)k->p->v[V_VLAN_ID]);
		k->context = STR("vlan");
		k->given[V_ETHER_TYPE] = k->given[V_VLAN_ID] = true;
	} else {
		say(k, V_ETHER_TYPE);
	}
}

/* The first variable that would be another one; VARS: none. */
static int first_wrong(const struct printer *k, const struct packet *usual)
{
	struct packet q = {0};
	for (int v = 0; v < VARS; v++)
		if (k->given[v])
			q.v[v] = k->p->v[v];
	packet_complete(&q, k->given, usual);
	for (int v = 0; v < VARS; v++)
		if (q.v[v] != k->p->v[v] && !k->given[v])
			return v;
	return VARS;
}

void packet_print_words(struct buf *b, const struct packet *p, const struct packet usual[SIDES])
{
	struct printer k = {.b = b, .p = p};
	buf_printf(b, "%s", side_names[p->side]);
	say_head(&k);
	for (int v; (v = first_wrong(&k, &usual[p->side])) < VARS;)
		say(&k, (enum var_id)v);
	for (uint32_t kind = 0; kind < 256; kind++)
		if (p->tcp_options[kind / 64] >> kind % 64 & 1)
			say_name(&k, "tcp option"), buf_printf(b, " %u", kind);
	vec_each (u, &p->unknowns)
		buf_printf(b, " given \"%.*s\"", STR_ARG(*u));
}
