/* SPDX-License-Identifier: MIT */
/*
 * review_fixture.h - random filters and random packets, for tests that hold two
 * ways of saying the same against each other.
 *
 * Values come from small pools, so that packets meet rules; filters are made of the
 * tables of the language, so a new attribute is covered without a change here.
 */
#ifndef NWFC_TESTSUITE_REVIEW_FIXTURE_H
#define NWFC_TESTSUITE_REVIEW_FIXTURE_H

#include "ir_fixture.h"
#include "review/packet.h"

/* xorshift64*: the same sequence everywhere. */
struct dice {
	uint64_t state;
};

static inline uint32_t roll(struct dice *d, uint32_t n)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (uint32_t)((d->state * 2685821657736338717ull) >> 33) % n;
}

static inline bool chance(struct dice *d, uint32_t percent)
{
	return roll(d, 100) < percent;
}

#define PICK(d, array) ((array)[roll((d), sizeof(array) / sizeof *(array))])

/* Read a text of the nwf language. */
static inline void read_nwf(const char *text)
{
	uint32_t file = source_add(&fx->sources, STR("t.nwf"), str_from(text));
	if (!parse_source(&fx->cx, fx->in, file) || fx->diags.errors)
		print_findings(fx);
	assert_int_equal(fx->diags.errors, 0);
}

/* --- filters -------------------------------------------------------------------------- */

static const char *const mac_pool[] = {"52:54:00:12:34:56", "52:54:00:00:00:02",
				       "01:80:c2:00:00:00", "ff:ff:ff:ff:ff:ff"};
static const char *const ip4_pool[] = {"10.0.0.1", "10.0.0.9", "10.0.1.1", "0.0.0.0", "192.0.2.7"};
static const char *const ip6_pool[] = {"2001:db8::1", "2001:db8::9", "fe80::1", "::"};
static const uint32_t number_pool[] = {0, 1, 2, 6, 17, 22, 67, 68, 128, 255, 0x800, 0x1234};

static inline void random_number(struct dice *d, const struct attr *at, struct buf *b)
{
	uint32_t v = PICK(d, number_pool);
	buf_uint(b, v < at->min ? at->min : v > at->max ? at->max : v);
}

/* An upper end that no lower one is above. */
static inline void random_end(struct dice *d, const struct attr *at, struct buf *b)
{
	if (at->type == VT_IP4)
		buf_str(b, chance(d, 50) ? STR("192.0.2.7") : STR("255.255.255.255"));
	else if (at->type == VT_IP6)
		buf_str(b, chance(d, 50) ? STR("fe80::1") : STR("ffff::"));
	else
		buf_uint(b, chance(d, 50) && at->max > 0x1234 ? 0x1234 : at->max);
}

static inline void random_value(struct dice *d, const struct attr *at, struct buf *b)
{
	static const char *const masks4[] = {"24", "32", "0", "31"},
				 *const masks6[] = {"64", "128", "0"},
				 *const macs[] = {"ff:ff:ff:00:00:00", "ff:ff:ff:ff:ff:ff"},
				 *const types[] = {"arp", "ipv4", "ipv6", "vlan", "0x88cc", "rarp"},
				 *const protocols[] = {"tcp", "udp", "icmp", "icmpv6", "sctp",
						       "17",  "44",  "59",   "50"},
				 *const states[] = {"NEW",     "ESTABLISHED", "NEW,ESTABLISHED",
						    "INVALID", "RELATED",     "NONE"},
				 *const flags[] = {"SYN/SYN", "SYN,ACK/SYN", "ALL/SYN,ACK",
						   "SYN/ALL", "NONE/NONE"};
	if (at->part == PART_TO) {
		random_end(d, at, b);
		return;
	}
	switch (at->type) {
	case VT_MAC:
		buf_str(b, str_from(PICK(d, mac_pool)));
		break;
	case VT_MACMASK:
		buf_str(b, str_from(PICK(d, macs)));
		break;
	case VT_IP4:
		buf_str(b, str_from(PICK(d, ip4_pool)));
		break;
	case VT_IP4MASK:
		buf_str(b, str_from(PICK(d, masks4)));
		break;
	case VT_IP6:
		buf_str(b, str_from(PICK(d, ip6_pool)));
		break;
	case VT_IP6MASK:
		buf_str(b, str_from(PICK(d, masks6)));
		break;
	case VT_ETHERTYPE:
		buf_str(b, str_from(PICK(d, types)));
		break;
	case VT_IPPROTO:
		buf_str(b, str_from(PICK(d, protocols)));
		break;
	case VT_STATE:
		buf_str(b, str_from(PICK(d, states)));
		break;
	case VT_TCPFLAGS:
		buf_str(b, str_from(PICK(d, flags)));
		break;
	case VT_SETNAME:
		buf_str(b, chance(d, 50) ? STR("s1") : STR("s2"));
		break;
	case VT_SETFLAGS:
		buf_str(b, chance(d, 50) ? STR("src") : STR("src,dst"));
		break;
	case VT_BOOL:
		buf_str(b, chance(d, 80) ? STR("true") : STR("false"));
		break;
	case VT_ARPOP:
		buf_uint(b, roll(d, 4));
		break;
	default:
		random_number(d, at, b);
	}
}

/* A variable that REVIEW_PARAMS gives; NULL: none of this type. */
static inline const char *random_variable(struct dice *d, const struct attr *at)
{
	static const char *const ip4[] = {"$IP", "$IP", "$IP[@1]", "$IP[1]"},
				 *const mac[] = {"$MAC[@3]", "$MACS[@1]", "$MACS"},
				 *const number[] = {"$N", "$N[@1]", "$N[@2]", "$N[0]"},
				 *const mask[] = {"$MASK", "$MASK[@1]", "$MASK[@2]"};
	if (at->flags & ATTR_NO_VAR || at->part == PART_TO)
		return NULL;
	switch (at->type) {
	case VT_IP4:
		return PICK(d, ip4);
	case VT_IP6:
		return chance(d, 50) ? "$IPV6" : "$IPV6[@1]";
	case VT_MAC:
		return PICK(d, mac);
	case VT_IP4MASK:
		return PICK(d, mask);
	case VT_UINT:
		return PICK(d, number);
	default:
		return NULL;
	}
}

#define REVIEW_PARAMS                                                                              \
	PARAM("IP", "10.0.0.1")                                                                    \
	PARAM("IP", "10.0.0.9")                                                                    \
	PARAM("IPV6", "2001:db8::1")                                                               \
	PARAM("IPV6", "fe80::1")                                                                   \
	PARAM("MACS", "52:54:00:12:34:56")                                                         \
	PARAM("MACS", "52:54:00:00:00:02")                                                         \
	PARAM("N", "2") PARAM("N", "22") PARAM("MASK", "24") PARAM("MASK", "32")

static inline void random_attr(struct dice *d, const struct attr *at, struct buf *b)
{
	const char *var = chance(d, 30) ? random_variable(d, at) : NULL;
	buf_printf(b, " %s='", at->xml);
	if (var)
		buf_str(b, str_from(var));
	else
		random_value(d, at, b);
	buf_char(b, '\'');
}

/* Masks and upper ends stand behind their value; a range of addresses and an address exclude each
 * other. */
static inline bool fits(const struct attr *at, bool before, bool given, bool negated)
{
	bool follows = at->part == PART_MASK || at->part == PART_TO;
	if (at->field == F_COMMENT || (negated && (at->flags & ATTR_NO_NEG)))
		return false;
	return follows ? before : !given;
}

static inline void random_rule(struct dice *d, struct buf *b)
{
	static const char *const actions[] = {"accept", "drop",   "drop",
					      "reject", "return", "continue"};
	static const char *const ways[] = {"in", "out", "inout"};
	const struct proto *p = &protos[PROTO_NONE + 1 + roll(d, PROTOS - 1)];
	uint32_t percent = 5 + roll(d, 50);
	bool given[FIELDS] = {0}, before = false, negated = chance(d, 25);
	buf_printf(b, "<rule action='%s' direction='%s' priority='%u'", PICK(d, actions),
		   PICK(d, ways), 400 + roll(d, 4));
	buf_printf(b, "%s><%s%s", chance(d, 30) ? " statematch='0'" : "", p->xml,
		   negated ? " match='no'" : "");
	for (uint32_t i = 0; i < p->nattrs; i++) {
		const struct attr *at = &p->attrs[i];
		before = before && i && at[-1].field == at->field;
		bool put = fits(at, before, given[at->field], negated) &&
			   chance(d, before ? 50 : percent);
		if (put)
			random_attr(d, at, b);
		given[at->field] |= put;
		before = put;
	}
	buf_lit(b, "/></rule>");
}

/* A filter of one rule, and a chain where that may be; false: what came out is no filter. */
static inline bool random_filter(struct dice *d, uint32_t number)
{
	static const char *const chains[] = {"root", "root", "mac",  "arp", "ipv4", "ipv4-x",
					     "ipv6", "rarp", "vlan", "stp", "arp-a"};
	struct buf b;
	buf_memory(&b);
	buf_printf(&b, "<filter name='f%u' chain='%s'>", number, PICK(d, chains));
	random_rule(d, &b);
	buf_lit(&b, "</filter>");
	struct str text = buf_take(fx->arena, &b);
	bool good = fixture_read(fx, text.s, text.len) && !fx->diags.errors;
	fx->diags.errors = 0;
	return good;
}

/* A port with a filter of up to n random rules. */
static inline bool random_build(struct dice *d, uint32_t n, struct build *out)
{
	struct buf b;
	buf_memory(&b);
	buf_lit(&b, "<filter name='top'>");
	for (uint32_t i = 0, made = 0; i < 20 * n && made < n; i++)
		if (random_filter(d, i)) {
			buf_printf(&b, "<filterref filter='f%u'/>", i);
			made++;
		}
	buf_lit(&b, "</filter>");
	struct str text = buf_take(fx->arena, &b);
	fixture_read(fx, text.s, text.len);
	fixture_read(fx, PORT("top", REVIEW_PARAMS), strlen(PORT("top", REVIEW_PARAMS)));
	return build(out) && out->ports.n == 1;
}

/* --- packets --------------------------------------------------------------------------- */

static inline u128 pool_value(struct dice *d, enum value_type type, const char *text)
{
	struct value v;
	assert_null(value_parse(fx->arena, type, 0, 0, str_from(text), &v));
	return value_number(&v);
}

static inline u128 random_var(struct dice *d, enum var_id v)
{
	static const uint32_t types[] = {0x800, 0x800,  0x86dd, 0x86dd,
					 0x806, 0x8035, 0x8100, 0x88cc},
			      nets[] = {6, 6, 17, 1, 58, 132, 44, 59, 50, 33, 136};
	switch (v) {
	case V_ETHER_TYPE:
		return PICK(d, types);
	case V_VLAN_TYPE:
		return PICK(d, types);
	case V_NET_PROTO:
		return PICK(d, nets);
	case V_BPDU:
		return 0;
	case V_FRAGMENT:
		return chance(d, 15);
	case V_ARP_HTYPE:
		return chance(d, 90) ? 1 : 6;
	case V_ARP_PTYPE:
		return chance(d, 90) ? 0x800 : 0x1234;
	case V_ARP_HLEN:
		return chance(d, 90) ? 6 : 8;
	case V_ARP_PLEN:
		return chance(d, 90) ? 4 : 16;
	case V_CT_STATE:
		return roll(d, CT_CLASSES);
	case V_STP_TYPE:
		return chance(d, 80) ? 0 : 0x80;
	case V_TCP_FLAGS:
		return chance(d, 50) ? TCP_SYN : roll(d, 64);
	default:
		break;
	}
	if (vars[v].bits == 48)
		return pool_value(d, VT_MAC, PICK(d, mac_pool));
	if (vars[v].bits == 128)
		return pool_value(d, VT_IP6, PICK(d, ip6_pool));
	if (v == V_IP4_SADDR || v == V_IP4_DADDR || v == V_ARP_SPA || v == V_ARP_TPA)
		return pool_value(d, VT_IP4, PICK(d, ip4_pool));
	return PICK(d, number_pool) & var_max(v);
}

static inline struct packet random_packet(struct dice *d)
{
	struct packet p = {.side = (enum side)roll(d, SIDES)};
	for (int v = 0; v < VARS; v++)
		p.v[v] = random_var(d, (enum var_id)v);
	if (chance(d, 10)) {
		p.v[V_BPDU] = 1;
		p.v[V_ETHER_TYPE] = 38;
		p.v[V_ETHER_DADDR] = 0x0180c2000000;
	}
	if (p.v[V_CT_STATE] == CTC_NEW)
		p.v[V_CT_REPLY] = 0;
	for (int i = 0; i < 3; i++)
		if (chance(d, 40)) {
			uint32_t kind = PICK(d, number_pool) & 0xff;
			p.tcp_options[kind / 64] |= (uint64_t)1 << kind % 64;
		}
	packet_settle(&p);
	return p;
}

/* A packet that a rule's tests lean to: their values, with the first rows of its dimensions. */
static inline void lean(struct dice *d, const struct prule *r, const struct port_data *pd,
			struct packet *p)
{
	uint32_t rows[64];
	for (uint32_t i = 0; i < r->dims.n; i++)
		rows[i] = roll(d, prule_rows(r, pd, i) ? (uint32_t)prule_rows(r, pd, i) : 1);
	if (r->proto->ethertype)
		p->v[V_ETHER_TYPE] = r->proto->ethertype;
	if (r->proto->ipproto >= 0)
		p->v[V_NET_PROTO] = (u128)r->proto->ipproto;
	vec_each (x, &r->tests) {
		enum var_id v = var_of_field(x->field, r->proto->family);
		const struct value *value = slot_value(&x->value, r, pd, rows);
		if (v == VARS || !value || value->type == VT_SETNAME || chance(d, 15))
			continue;
		p->v[v] = value_number(value) & var_max(v);
		p->v[V_FRAGMENT] = 0;
	}
	if (p->v[V_CT_STATE] == CTC_NEW)
		p->v[V_CT_REPLY] = 0;
	if (p->v[V_BPDU] && p->v[V_ETHER_TYPE] > 1500)
		p->v[V_BPDU] = 0;
	packet_settle(p);
}

#endif
