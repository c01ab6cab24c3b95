/* SPDX-License-Identifier: MIT */
/*
 * One rule of nft: its expressions, in the order in which they stand, then what
 * becomes of the packet. The meaning of each is nft(8)'s and the kernel's.
 */
#include <string.h>

#include "review/readback/nft_token.h"

/* --- fields --- */

/* What nft asks by itself before it reads a field. */
enum asks { ASK_NONE, ASK_ARP, ASK_IP4, ASK_IP6, ASK_IP, ASK_TCP, ASK_UDP, ASK_ICMP4, ASK_ICMP6 };

static const struct nft_field {
	const char *header, *field, *more;
	uint8_t base;
	uint8_t asks;
	uint16_t offset, width;
} nft_fields[] = {
	{"ether", "daddr", NULL, BASE_ETHER, ASK_NONE, 0, 48},
	{"ether", "saddr", NULL, BASE_ETHER, ASK_NONE, 48, 48},
	{"ether", "type", NULL, BASE_ETHER, ASK_NONE, 96, 16},
	{"vlan", "id", NULL, BASE_VLAN, ASK_NONE, 4, 12},
	{"vlan", "type", NULL, BASE_VLAN, ASK_NONE, 16, 16},
	{"arp", "htype", NULL, BASE_NET, ASK_ARP, 0, 16},
	{"arp", "ptype", NULL, BASE_NET, ASK_ARP, 16, 16},
	{"arp", "hlen", NULL, BASE_NET, ASK_ARP, 32, 8},
	{"arp", "plen", NULL, BASE_NET, ASK_ARP, 40, 8},
	{"arp", "operation", NULL, BASE_NET, ASK_ARP, 48, 16},
	{"arp", "saddr", "ether", BASE_NET, ASK_ARP, 64, 48},
	{"arp", "saddr", "ip", BASE_NET, ASK_ARP, 112, 32},
	{"arp", "daddr", "ether", BASE_NET, ASK_ARP, 144, 48},
	{"arp", "daddr", "ip", BASE_NET, ASK_ARP, 192, 32},
	{"ip", "dscp", NULL, BASE_NET, ASK_IP4, 8, 6},
	{"ip", "protocol", NULL, BASE_NET, ASK_IP4, 72, 8},
	{"ip", "saddr", NULL, BASE_NET, ASK_IP4, 96, 32},
	{"ip", "daddr", NULL, BASE_NET, ASK_IP4, 128, 32},
	{"ip6", "dscp", NULL, BASE_NET, ASK_IP6, 4, 6},
	{"ip6", "saddr", NULL, BASE_NET, ASK_IP6, 64, 128},
	{"ip6", "daddr", NULL, BASE_NET, ASK_IP6, 192, 128},
	{"th", "sport", NULL, BASE_TRANSPORT, ASK_IP, 0, 16},
	{"th", "dport", NULL, BASE_TRANSPORT, ASK_IP, 16, 16},
	{"tcp", "sport", NULL, BASE_TRANSPORT, ASK_TCP, 0, 16},
	{"tcp", "dport", NULL, BASE_TRANSPORT, ASK_TCP, 16, 16},
	{"udp", "sport", NULL, BASE_TRANSPORT, ASK_UDP, 0, 16},
	{"udp", "dport", NULL, BASE_TRANSPORT, ASK_UDP, 16, 16},
	{"icmp", "type", NULL, BASE_TRANSPORT, ASK_ICMP4, 0, 8},
	{"icmp", "code", NULL, BASE_TRANSPORT, ASK_ICMP4, 8, 8},
	{"icmpv6", "type", NULL, BASE_TRANSPORT, ASK_ICMP6, 0, 8},
	{"icmpv6", "code", NULL, BASE_TRANSPORT, ASK_ICMP6, 8, 8},
};

static pset proto_is(struct space *sp, pset of, uint32_t number)
{
	return pset_and(sp->sets, of, space_value(sp, V_NET_PROTO, number));
}

static pset asked_set(struct space *sp, enum asks a)
{
	switch (a) {
	case ASK_ARP:
		return space_value(sp, V_ETHER_TYPE, 0x0806);
	case ASK_IP4:
		return sp->conds[C_IP4];
	case ASK_IP6:
		return sp->conds[C_IP6];
	case ASK_IP:
		return sp->conds[C_IP];
	case ASK_TCP:
		return proto_is(sp, sp->conds[C_IP], 6);
	case ASK_UDP:
		return proto_is(sp, sp->conds[C_IP], 17);
	case ASK_ICMP4:
		return proto_is(sp, sp->conds[C_IP4], 1);
	case ASK_ICMP6:
		return proto_is(sp, sp->conds[C_IP6], 58);
	default:
		return PSET_ALL;
	}
}

/*
 * The kernel's short way for loads of 1, 2 and 4 aligned bytes does not look
 * whether there is a transport header, so it reads later fragments as well.
 */
static bool short_load(uint32_t offset, uint32_t width)
{
	return (width == 8 || width == 16 || width == 32) && offset % width == 0;
}

/* `@nh,OFFSET,WIDTH`, `@th,...` */
static const struct field_ref *raw_field(struct cursor *c)
{
	struct str s = c->now.text;
	struct space *sp = c->f->sp;
	bool nh = s.s[1] == 'n';
	u128 offset, width;
	uint32_t comma = 4;
	while (comma < s.len && s.s[comma] != ',')
		comma++;
	if (comma >= s.len || !read_number((struct str){s.s + 4, comma - 4}, 511, &offset) ||
	    !read_number((struct str){s.s + comma + 1, s.len - comma - 1}, 128, &width) || !width ||
	    offset + width > 512) {
		not_understood(c, "a place in a header");
		return NULL;
	}
	next(c);
	return header_bits(c->f, s, nh ? BASE_NET : BASE_TRANSPORT, (uint32_t)offset,
			   (uint32_t)width, nh ? PSET_ALL : sp->conds[C_IP],
			   short_load((uint32_t)offset, (uint32_t)width));
}

/* The words of a row, of which the first is there. A cursor is a value: it can be put back. */
static const struct field_ref *named_field(struct cursor *c)
{
	for (size_t i = 0; i < sizeof nft_fields / sizeof *nft_fields; i++) {
		const struct nft_field *n = &nft_fields[i];
		struct cursor try = *c;
		if (!take(&try, n->header) || !take(&try, n->field) ||
		    (n->more && !take(&try, n->more)))
			continue;
		*c = try;
		struct str text = str_printf(c->f->arena, "%s %s%s%s", n->header, n->field,
					     n->more ? " " : "", n->more ? n->more : "");
		return header_bits(c->f, text, (enum base)n->base, n->offset, n->width,
				   asked_set(c->f->sp, (enum asks)n->asks),
				   short_load(n->offset, n->width));
	}
	return NULL;
}

/*
 * The first next header of an IPv6 packet is known of later fragments alone, which have a
 * fragment header there in the space's packets; what else it can be is not.
 */
static const struct field_ref *nexthdr_field(struct cursor *c, struct str text)
{
	struct space *sp = c->f->sp;
	pset piece = pset_minus(sp->sets, sp->conds[C_IP6], sp->conds[C_TH]);
	const struct field_ref *first = header_bits(
		c->f, text, BASE_NET, 48, 8, pset_minus(sp->sets, sp->conds[C_IP6], piece), true);
	struct field_ref *r = arena_new_object(c->f->arena, struct field_ref);
	*r = *first;
	struct view v = {piece, arena_new_array(c->f->arena, pset, 8)};
	for (uint32_t i = 0; i < 8; i++)
		v.bits[i] = 44u >> (7 - i) & 1 ? PSET_ALL : PSET_NONE;
	*vec_push(c->f->arena, &r->views) = v;
	return r;
}

const struct field_ref *want_field(struct cursor *c, int *iface)
{
	struct str s = c->now.text;
	struct cursor try = *c;
	*iface = 0;
	if (is_word(c, "iifname") || is_word(c, "oifname")) {
		*iface = s.s[0] == 'i' ? 1 : 2;
		next(c);
		return NULL;
	}
	if (c->now.kind == TK_WORD && s.len > 4 && s.s[0] == '@' && s.s[2] == 'h' && s.s[3] == ',')
		return raw_field(c);
	if (take(&try, "meta") && take(&try, "l4proto")) {
		*c = try;
		return header_var(c->f, STR("meta l4proto"), V_NET_PROTO, c->f->sp->conds[C_IP]);
	}
	try = *c;
	if (take(&try, "ip6") && take(&try, "nexthdr")) {
		*c = try;
		return nexthdr_field(c, STR("ip6 nexthdr"));
	}
	const struct field_ref *r = named_field(c);
	if (!r)
		not_understood(c, "a field of a packet");
	return r;
}

/* --- values --- */

static bool read_word_value(struct str s, const struct field_ref *r, u128 *v)
{
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = {{"ip", 0x0800}, {"ip6", 0x86dd}, {"arp", 0x0806}, {"vlan", 0x8100}};
	uint32_t proto;
	bool is_type = str_is(r->text, "ether type") || str_is(r->text, "vlan type") ||
		       str_is(r->text, "arp ptype");
	bool is_proto = str_is(r->text, "meta l4proto") || str_is(r->text, "ip protocol") ||
			str_is(r->text, "ip6 nexthdr");
	for (size_t i = 0; is_type && i < sizeof types / sizeof *types; i++)
		if (str_is(s, types[i].name)) {
			*v = types[i].type;
			return true;
		}
	if (is_proto && read_proto_name(s, &proto)) {
		*v = proto;
		return true;
	}
	return false;
}

bool read_element_value(struct cursor *c, const struct field_ref *r, u128 *lo, u128 *hi)
{
	struct str s = c->now.text;
	if (c->now.kind != TK_WORD)
		return not_understood(c, "a value");
	if (read_word_value(s, r, lo))
		*hi = *lo;
	else if (!read_range(s, r->width, lo, hi))
		return not_understood(c, "a value of this field");
	next(c);
	return true;
}

/* Is it the head that all configuration and topology messages have? Only these do (space.h). */
static bool is_bpdu_head(const struct field_ref *r, u128 lo, u128 hi)
{
	return str_is(r->text, "@nh,0,48") && lo == 0x424203000000 && hi == lo;
}

struct concat {
	const struct field_ref *fields[8];
	uint32_t n;
	int iface; /* 1 in, 2 out */
	int iface_column;
	uint32_t columns;
};

static pset one_range(struct cursor *c, const struct field_ref *r, u128 lo, u128 hi)
{
	if (is_bpdu_head(r, lo, hi))
		return c->f->sp->conds[C_STP];
	return field_range(c->f, r, lo, hi);
}

/* One element of `{ ... }`: a value for each field. */
static bool read_tuple(struct cursor *c, const struct concat *k, pset *out)
{
	*out = PSET_ALL;
	for (uint32_t i = 0; i < k->n; i++) {
		u128 lo, hi;
		if ((i && !want(c, ".")) || !read_element_value(c, k->fields[i], &lo, &hi))
			return false;
		*out = pset_and(c->f->sp->sets, *out, one_range(c, k->fields[i], lo, hi));
	}
	return true;
}

static bool read_braces(struct cursor *c, const struct concat *k, pset *out)
{
	struct {
		pset *items;
		uint32_t n, cap;
	} list = {0};
	next(c);
	do {
		skip_lines(c);
		if (is_word(c, "}"))
			break;
		if (!read_tuple(c, k, vec_push(c->f->arena, &list)))
			return false;
		skip_lines(c);
	} while (take(c, ","));
	*out = pset_union(c->f->sp->sets, list.items, list.n);
	return want(c, "}");
}

static pset all_there(struct cursor *c, const struct concat *k)
{
	pset s = PSET_ALL;
	for (uint32_t i = 0; i < k->n; i++)
		s = pset_and(c->f->sp->sets, s, field_where(c->f, k->fields[i]));
	return s;
}

/* --- sets that are named --- */

static struct eset *want_set(struct cursor *c)
{
	struct str s = c->now.text;
	if (c->now.kind != TK_WORD || s.len < 2 || s.s[0] != '@') {
		not_understood(c, "a set");
		return NULL;
	}
	struct eset *e = form_set(c->f, c->table, (struct str){s.s + 1, s.len - 1});
	if (!e->defined) {
		not_understood(c, "a set that is declared above");
		return NULL;
	}
	next(c);
	return e;
}

static bool columns_fit(const struct eset *e, const struct concat *k)
{
	return e->columns == k->columns && e->iface_column == k->iface_column;
}

static pset all_elements(struct cursor *c, const struct eset *e, const struct concat *k)
{
	pset *list = arena_new_array(c->f->arena, pset, e->elements.n + 1);
	struct sets *s = c->f->sp->sets;
	for (uint32_t i = 0; i < e->elements.n; i++) {
		list[i] = PSET_ALL;
		for (uint32_t k2 = 0; k2 < k->n; k2++)
			list[i] = pset_and(s, list[i],
					   field_range(c->f, k->fields[k2],
						       e->elements.items[i].lo[k2],
						       e->elements.items[i].hi[k2]));
	}
	return pset_union(s, list, e->elements.n);
}

/*
 * A set without interfaces is as good as braces. Many rules look into the same one
 * in the same way, which the fields and the kinds of packets that they see tell.
 */
static pset whole_set(struct cursor *c, const struct eset *e, const struct concat *k)
{
	struct arena *a = c->f->arena;
	struct str key = str_printf(a, "%.*s %.*s", STR_ARG(e->table), STR_ARG(e->name));
	bool added;
	for (uint32_t i = 0; i < k->n; i++) {
		key = str_printf(a, "%.*s %.*s", STR_ARG(key), STR_ARG(k->fields[i]->text));
		vec_each (v, &k->fields[i]->views)
			key = str_printf(a, "%.*s/%d", STR_ARG(key),
					 pset_keep(c->f->sp->sets, v->where));
	}
	struct map_entry *m = map_put(a, &c->f->wholes, key, &added);
	if (added)
		m->num = (uintptr_t)pset_keep(c->f->sp->sets, all_elements(c, e, k));
	return (pset)m->num;
}

static bool read_lookup(struct cursor *c, const struct concat *k, bool negated, struct rule_form *r)
{
	uint32_t lo = c->now.lo, hi = c->now.hi;
	struct eset *e = want_set(c);
	struct sets *s = c->f->sp->sets;
	if (!e)
		return false;
	if (e->map || e->dynamic || !columns_fit(e, k))
		return unread(c->f, lo, hi, "the set has other columns than are looked up in it");
	if (k->iface) {
		struct lookup *l = vec_push(c->f->arena, &r->lookups);
		*l = (struct lookup){.set = e, .out = k->iface == 2, .negated = negated, .n = k->n};
		memcpy(l->fields, k->fields, sizeof l->fields);
		return true;
	}
	pset in = whole_set(c, e, k);
	r->takes = negated ? pset_and(s, r->takes, pset_minus(s, all_there(c, k), in))
			   : pset_and(s, r->takes, in);
	return true;
}

/* --- expressions --- */

static bool read_concat(struct cursor *c, struct concat *k)
{
	*k = (struct concat){.iface_column = -1};
	do {
		int iface;
		if (k->columns == 8)
			return not_understood(c, "at most eight fields");
		const struct field_ref *r = want_field(c, &iface);
		if (!r && !iface)
			return false;
		if (iface && k->iface)
			return not_understood(c, "one interface");
		if (iface) {
			k->iface = iface;
			k->iface_column = (int)k->columns;
		} else {
			k->fields[k->n++] = r;
		}
		k->columns++;
	} while (take(c, "."));
	return true;
}

static bool read_iface_test(struct cursor *c, const struct concat *k, bool negated,
			    struct rule_form *r)
{
	struct iface_test t = {.out = k->iface == 2, .negated = negated};
	if (!want_iface(c, &t))
		return false;
	*vec_push(c->f->arena, &r->ifaces) = t;
	return true;
}

static bool read_vmap(struct cursor *c, const struct concat *k, struct rule_form *r)
{
	uint32_t lo = c->now.lo, hi = c->now.hi;
	struct eset *e = want_set(c);
	if (!e)
		return false;
	if (!e->map || k->n || e->iface_column != 0)
		return unread(c->f, lo, hi, "this is no map of interfaces");
	r->act = ACT_MAP;
	r->map = e;
	r->map_out = k->iface == 2;
	return true;
}

static bool neighbours(const struct field_ref *a, const struct field_ref *b)
{
	return a->base == b->base &&
	       (a->offset + a->width == b->offset || b->offset + b->width == a->offset);
}

/*
 * nft (1.0.6) joins comparisons of neighbouring fields, also with `!=`: "a is not 1 and
 * b is not 2" becomes "not both are". Only ranges and sets are left alone.
 */
static bool check_joined(struct cursor *c, const struct field_ref *r, uint32_t lo)
{
	for (uint32_t i = 0; i < c->nunequal; i++)
		if (neighbours(c->unequal[i], r))
			return unread(c->f, lo, c->now.lo,
				      "nft joins this with the comparison of %.*s, and then only "
				      "both together are unequal",
				      STR_ARG(c->unequal[i]->text));
	if (c->nunequal < sizeof c->unequal / sizeof *c->unequal)
		c->unequal[c->nunequal++] = r;
	return true;
}

static bool is_one_value(const struct token *t)
{
	return t->kind == TK_WORD && !memchr(t->text.s, '-', t->text.len) &&
	       !memchr(t->text.s, '/', t->text.len);
}

/* FIELDS [!=] VALUE, { VALUES } or @SET. */
static bool read_comparison(struct cursor *c, struct rule_form *r)
{
	struct concat k;
	struct sets *s = c->f->sp->sets;
	pset in;
	uint32_t lo = c->now.lo;
	if (!read_concat(c, &k))
		return false;
	if (k.iface && take(c, "vmap"))
		return read_vmap(c, &k, r);
	bool negated = take(c, "!=");
	if (!negated)
		take(c, "==");
	if (c->now.kind == TK_WORD && c->now.text.len && c->now.text.s[0] == '@')
		return read_lookup(c, &k, negated, r);
	if (k.iface && !k.n)
		return read_iface_test(c, &k, negated, r);
	if (k.iface)
		return not_understood(c, "a set");
	bool joins = negated && k.n == 1 && k.fields[0]->header && !is_word(c, "{") &&
		     is_one_value(&c->now);
	if (joins && !check_joined(c, k.fields[0], lo))
		return false;
	if (is_word(c, "{") ? !read_braces(c, &k, &in) : !read_tuple(c, &k, &in))
		return false;
	r->takes = negated ? pset_and(s, r->takes, pset_minus(s, all_there(c, &k), in))
			   : pset_and(s, r->takes, in);
	return true;
}

static bool take_words(struct cursor *c, const char *const *words)
{
	struct cursor try = *c;
	for (; *words; words++)
		if (!take(&try, *words))
			return false;
	*c = try;
	return true;
}
#define TAKE(c, ...) take_words((c), (const char *const[]){__VA_ARGS__, NULL})

static bool read_equals_zero(struct cursor *c, bool *zero)
{
	*zero = take(c, "==");
	return (*zero || want(c, "!=")) && want(c, "0");
}

/* Is it a first fragment, or none? */
static bool read_frag_off(struct cursor *c, pset of, struct rule_form *r)
{
	struct space *sp = c->f->sp;
	bool zero;
	if (!read_equals_zero(c, &zero))
		return false;
	pset piece = space_value(sp, V_FRAGMENT, !zero);
	r->takes = pset_and(sp->sets, r->takes, pset_and(sp->sets, of, piece));
	return true;
}

static bool read_flag_bits(struct cursor *c, u128 *out)
{
	static const char *const words[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"};
	u128 bit;
	*out = 0;
	do {
		uint32_t i = 0;
		while (i < 8 && !is_word(c, words[i]))
			i++;
		bit = i < 8 ? (u128)1 << i : 0;
		if (i == 8 && !(c->now.kind == TK_WORD && read_number(c->now.text, 255, &bit)))
			return not_understood(c, "a TCP flag");
		*out |= bit;
		next(c);
	} while (take(c, "|"));
	return true;
}

/* tcp flags & (MASK) == FLAGS */
static bool read_tcp_flags(struct cursor *c, struct rule_form *r)
{
	struct sets *s = c->f->sp->sets;
	u128 mask, flags;
	if (!want(c, "&") || !want(c, "(") || !read_flag_bits(c, &mask) || !want(c, ")"))
		return false;
	bool negated = take(c, "!=");
	if ((!negated && !want(c, "==")) || !read_flag_bits(c, &flags))
		return false;
	const struct field_ref *f = header_bits(c->f, STR("tcp flags"), BASE_TRANSPORT, 104, 8,
						asked_set(c->f->sp, ASK_TCP), true);
	pset in = flags & ~mask ? PSET_NONE : field_masked(c->f, f, flags, mask);
	if (negated)
		in = pset_minus(s, field_where(c->f, f), in);
	r->takes = pset_and(s, r->takes, in);
	return true;
}

/* What has no TCP header has no option: "missing" holds of it. */
static bool read_tcp_option(struct cursor *c, struct rule_form *r)
{
	struct space *sp = c->f->sp;
	u128 kind;
	if (!want_number(c, 255, &kind))
		return false;
	pset there = pset_and(sp->sets, sp->conds[C_TCP], space_tcp_option(sp, (uint8_t)kind));
	if (take(c, "missing"))
		there = pset_not(sp->sets, there);
	else if (!want(c, "exists"))
		return false;
	r->takes = pset_and(sp->sets, r->takes, there);
	return true;
}

/* A packet that is not tracked at all, as what is not IP, is "invalid" to nft. */
static bool read_ct_state(struct cursor *c, struct rule_form *r)
{
	static const char *const words[CT_CLASSES] = {"new", "established", "related", "invalid",
						      "untracked"};
	struct space *sp = c->f->sp;
	pset in = PSET_NONE;
	do {
		int i = 0;
		while (i < CT_CLASSES && !is_word(c, words[i]))
			i++;
		if (i == CT_CLASSES)
			return not_understood(c, "a state of connections");
		pset one =
			pset_and(sp->sets, sp->conds[C_IP], space_value(sp, V_CT_STATE, (u128)i));
		if (i == CTC_INVALID)
			one = pset_if(sp->sets, sp->conds[C_IP], one, PSET_ALL);
		in = pset_or(sp->sets, in, one);
		next(c);
	} while (take(c, ","));
	r->takes = pset_and(sp->sets, r->takes, in);
	return true;
}

static bool read_ct_direction(struct cursor *c, struct rule_form *r)
{
	struct space *sp = c->f->sp;
	bool reply = take(c, "reply");
	if (!reply && !want(c, "original"))
		return false;
	pset way = pset_and(sp->sets, sp->conds[C_TRACKED], space_value(sp, V_CT_REPLY, reply));
	r->takes = pset_and(sp->sets, r->takes, way);
	return true;
}

/*
 * add @SET { KEY ct count [over] N }: counts for each key. The key must hold the
 * interface and the source, or rules would count together.
 */
static bool read_count(struct cursor *c, struct rule_form *r)
{
	uint32_t lo = c->now.lo, hi = c->now.hi;
	struct concat k;
	struct eset *e = want_set(c);
	u128 n;
	if (!e || !want(c, "{") || !read_concat(c, &k))
		return false;
	bool source = k.n && (str_is(k.fields[0]->text, "ip saddr") ||
			      str_is(k.fields[0]->text, "ip6 saddr"));
	if (!e->dynamic || !columns_fit(e, &k) || !k.iface || !source)
		return unread(c->f, lo, hi,
			      "connections are counted in this set for another key "
			      "than the port and the source");
	if (e->counted)
		return unread(c->f, lo, hi, "another rule counts in this set, too");
	e->counted = true;
	r->count.by_iface = true;
	r->count.out = k.iface == 2;
	for (uint32_t i = 1; i < k.n; i++)
		r->count.key[r->count.keys++] = k.fields[i];
	if (!want(c, "ct") || !want(c, "count"))
		return false;
	r->count.over = take(c, "over");
	r->count.there = true;
	if (!want_number(c, UINT32_MAX, &n))
		return false;
	r->count.n = (uint32_t)n;
	return want(c, "}");
}

static bool read_expression(struct cursor *c, struct rule_form *r)
{
	struct space *sp = c->f->sp;
	if (TAKE(c, "ip", "frag-off", "&", "0x1fff"))
		return read_frag_off(c, sp->conds[C_IP4], r);
	if (TAKE(c, "frag", "frag-off"))
		return read_frag_off(c, sp->conds[C_IP6], r);
	if (TAKE(c, "tcp", "flags"))
		return read_tcp_flags(c, r);
	if (TAKE(c, "tcp", "option"))
		return read_tcp_option(c, r);
	if (TAKE(c, "tcp", "doff", ">=", "5")) {
		r->takes = pset_and(sp->sets, r->takes, sp->conds[C_TCP]);
		return true;
	}
	if (TAKE(c, "ct", "state"))
		return read_ct_state(c, r);
	if (TAKE(c, "ct", "direction"))
		return read_ct_direction(c, r);
	if (take(c, "add"))
		return read_count(c, r);
	if (take(c, "counter")) /* counts, and asks nothing */
		return true;
	return read_comparison(c, r);
}

/* --- what becomes of the packet --- */

bool take_act(struct cursor *c, enum act *act, struct str *target)
{
	static const struct {
		const char *word;
		enum act act;
	} acts[] = {{"accept", ACT_ACCEPT}, {"drop", ACT_DROP}, {"return", ACT_RETURN},
		    {"continue", ACT_NEXT}, {"jump", ACT_JUMP}, {"goto", ACT_GOTO},
		    {"reject", ACT_REJECT}};
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		if (!take(c, acts[i].word))
			continue;
		*act = acts[i].act;
		if (*act == ACT_JUMP || *act == ACT_GOTO) {
			*target = c->now.text;
			if (c->now.kind != TK_WORD)
				return not_understood(c, "a chain");
			next(c);
		}
		if (*act == ACT_REJECT && take(c, "with"))
			return (TAKE(c, "icmp", "port-unreachable") ||
				TAKE(c, "icmpv6", "port-unreachable")) ||
			       not_understood(c, "icmp port-unreachable");
		return true;
	}
	return false;
}

static bool at_end(const struct cursor *c)
{
	return c->now.kind == TK_LINE || c->now.kind == TK_END || is_word(c, "}");
}

bool read_rule(struct cursor *c, struct chain_form *chain)
{
	struct rule_form *r = form_rule(c->f, c->now.lo, c->now.hi);
	size_t mark = sets_mark(c->f->sp->sets);
	bool decided = false;
	c->nunequal = 0;
	while (!at_end(c) && !decided) {
		c->f->sofar = r->takes;
		if (take(c, "counter")) /* counts, and goes on */
			continue;
		if (take_act(c, &r->act, &r->target))
			decided = true;
		else if (c->f->failed || !read_expression(c, r))
			return false;
		decided |= r->act == ACT_MAP;
		r->hi = c->now.lo;
	}
	c->f->sofar = PSET_ALL;
	if (take(c, "comment")) {
		if (c->now.kind != TK_STRING)
			return not_understood(c, "a text in quotes");
		next(c);
	}
	if (!at_end(c))
		return not_understood(c, "the end of the rule");
	while (r->hi > r->lo && strchr(" \t\n", c->f->text.s[r->hi - 1]))
		r->hi--;
	if (!r->lookups.n) /* what a look compares is made again for each port */
		sets_release(c->f->sp->sets, mark, &r->takes, 1);
	*vec_push(c->f->arena, &chain->rules) = r;
	return true;
}
