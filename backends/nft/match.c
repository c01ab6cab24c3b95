/* SPDX-License-Identifier: MIT */
/*
 * Tests as comparisons with values, and those that are something else: TCP flags
 * and options, gratuitous ARP, counted connections.
 */
#include "backends/nft/rule.h"

/* --- atoms as text --- */

static struct slot walked(const struct line *ln, const struct slot *s)
{
	struct slot r = *s;
	if (r.kind == SLOT_DIM)
		r.dim = ln->new_dim[r.dim] - 1;
	return r;
}

static void line_slot(struct lowerer *l, struct line *ln, const struct slot *s,
		      value_format *format, enum key_type type)
{
	struct slot w = walked(ln, s);
	template_slot(l->a, &ln->text, &w, format, type);
}

/*
 * nft (1.0.6) joins comparisons of neighbouring fields into one, wherever they
 * stand in a rule, and does so with `!=`, too: `th sport != 68 th dport != 53`
 * becomes "the four bytes are not 68, 53", which is true when only one differs.
 * Ranges are left alone, so from the second `!=` on a value is a range.
 */
static bool keep_apart(struct line *ln, const struct ptest *t, enum key_type type)
{
	bool second = t->negated && ln->negated;
	/* "th" of AH is an AH header to `nft list`, which dies of comparing its protocol */
	bool dies = ln->variant == V_IP6_AH && t->field == F_NET_PROTO;
	ln->negated |= t->negated;
	return (second || dies) && t->to.kind == SLOT_NONE && mask_is_full(&t->mask, type);
}

/* A range of one value, in the filter itself. */
static bool range_is_one(const struct ptest *t)
{
	return t->value.kind == SLOT_CONST && t->to.kind == SLOT_CONST &&
	       value_number(&t->value.value) == value_number(&t->to.value);
}

static void put_operand(struct lowerer *l, struct line *ln, const struct ptest *t,
			enum key_type type)
{
	if (t->value.kind == SLOT_NONE)
		line_lit(l, ln, "0");
	line_slot(l, ln, &t->value, format_value, type);
	if (t->to.kind != SLOT_NONE && (t->negated || !range_is_one(t))) {
		line_lit(l, ln, "-");
		line_slot(l, ln, &t->to, format_value, type);
	} else if (!mask_is_full(&t->mask, type)) {
		line_lit(l, ln, "/");
		line_slot(l, ln, &t->mask, format_prefix, type);
	}
}

static void put_pair(struct lowerer *l, struct line *ln, const struct atom *x)
{
	struct spelling a = atom_spelling(l, ln->variant, x->test[0]),
			b = atom_spelling(l, ln->variant, x->test[1]);
	line_text(l, ln, str_printf(l->a, "%.*s . %.*s != { ", STR_ARG(a.expr), STR_ARG(b.expr)));
	put_operand(l, ln, x->test[0], a.type);
	line_lit(l, ln, " . ");
	put_operand(l, ln, x->test[1], b.type);
	line_lit(l, ln, " } ");
}

void line_compare(struct lowerer *l, struct line *ln, const struct atom *x)
{
	const struct ptest *t = x->test[0];
	if (x->n == 2) {
		put_pair(l, ln, x);
		return;
	}
	struct spelling sp = atom_spelling(l, ln->variant, t);
	bool anything = t->mask.kind == SLOT_CONST && !value_prefix(&t->mask.value);
	if (anything) {
		ln->text.never |= t->negated;
		return;
	}
	line_text(l, ln, sp.expr);
	line_text(l, ln, t->negated ? STR(" != ") : STR(" "));
	put_operand(l, ln, t, sp.type);
	if (keep_apart(ln, t, sp.type)) {
		line_lit(l, ln, "-");
		put_operand(l, ln, t, sp.type);
	}
	line_lit(l, ln, " ");
}

static void put_tcp_flag_words(struct lowerer *l, struct line *ln, uint32_t bits)
{
	static const char *const words[] = {"fin", "syn", "rst", "psh", "ack", "urg"};
	bool any = false;
	for (uint32_t i = 0; i < sizeof words / sizeof *words; i++)
		if (bits >> i & 1) {
			line_text(l, ln, str_printf(l->a, "%s%s", any ? "|" : "", words[i]));
			any = true;
		}
	if (!any)
		line_lit(l, ln, "0x0");
}

static void put_tcp_flags(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	line_lit(l, ln, "tcp flags & (");
	put_tcp_flag_words(l, ln, t->value.value.u >> 8);
	line_text(l, ln, t->negated ? STR(") != ") : STR(") == "));
	put_tcp_flag_words(l, ln, t->value.value.u & 0xff);
	line_lit(l, ln, " ");
}

/* "missing" is true of what has no TCP header, so the header's length is asked as well. */
static void put_tcp_option(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	if (t->negated)
		line_lit(l, ln, "tcp doff >= 5 ");
	line_lit(l, ln, "tcp option ");
	line_slot(l, ln, &t->value, format_value, KT_PROTO);
	line_text(l, ln, t->negated ? STR(" missing ") : STR(" exists "));
}

static void put_pairs(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	for (uint32_t i = 0; i < OCTETS; i++) {
		uint32_t octet = t->negated ? ln->octet : i;
		line_text(l, ln,
			  str_printf(l->a, "@nh,%u,8 . @nh,%u,8 %s@octet.pairs ",
				     fields[F_ARP_SPA].offset + 8 * octet,
				     fields[F_ARP_TPA].offset + 8 * octet,
				     t->negated ? "!= " : ""));
		if (t->negated)
			break;
	}
	l->np->uses_pairs = true;
}

/* --- counting connections --- */

static bool counts_in_key(const struct lowerer *l)
{
	uint32_t n = NAME_KEY + (l->r->proto->family == 6 ? 16 : 4);
	vec_each (x, &l->atoms) {
		if (x->group == NO_GROUP)
			continue;
		if (x->negated || x->n > 1 || field_is_special(x->test[0]->field))
			return false;
		enum key_type type = column_spelling(l, V_PLAIN, x->test[0]).type;
		if (test_is_interval(x->test[0], type))
			return false;
		n += register_bytes(type);
	}
	return n <= KEY_BYTES;
}

/* The fields that tell a rule's instances apart, behind the source address. */
static struct str count_key(const struct lowerer *l, struct str key, bool types)
{
	vec_each (x, &l->atoms) {
		if (x->group == NO_GROUP)
			continue;
		struct spelling sp = column_spelling(l, V_PLAIN, x->test[0]);
		struct str e = types ? str_from(key_types[sp.type].typeof_) : sp.expr;
		key = str_printf(l->a, "%.*s . %.*s", STR_ARG(key), STR_ARG(e));
	}
	return key;
}

/*
 * iptables counts for each rule, and in it for each source address. `ct count`
 * counts for a rule; as a part of a set's elements it counts for each key, so
 * the key is the port, the source, and what tells the instances apart.
 */
void line_count(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	const char *source = l->r->proto->family == 6 ? "ip6 saddr" : "ip saddr";
	struct str key = str_printf(l->a, "%s . %s", line_key(l), source);
	const struct nft_set *s = &l->m->sets.items[l->limit - 1];
	key = count_key(l, key, false);
	line_text(l, ln,
		  str_printf(l->a, "add @%.*s { %.*s ct count %s%u } ", STR_ARG(s->name),
			     STR_ARG(key), t->negated ? "" : "over ", t->value.value.u));
}

/*
 * An element keeps the limit with which it was made, and a set its columns. So
 * both are in the name: with another limit a rule counts in another set.
 */
uint32_t limit_set_add(struct lowerer *l, struct str name)
{
	const struct ptest *t = atom_of_field(l, F_CT_COUNT)->test[0];
	bool six = l->r->proto->family == 6;
	struct str type = str_printf(l->a, "iifname . %s", six ? "ip6 saddr" : "ip saddr");
	name = str_printf(l->a, "%.*s.%s", STR_ARG(name), key_types[six ? KT_IPV6 : KT_IPV4].word);
	vec_each (x, &l->atoms)
		if (x->group != NO_GROUP)
			name = str_printf(
				l->a, "%.*s.%s", STR_ARG(name),
				key_types[column_spelling(l, V_PLAIN, x->test[0]).type].word);
	name = str_printf(l->a, "%.*s.%s%u", STR_ARG(name), t->negated ? "upto" : "over",
			  t->value.value.u);
	struct nft_set s = {.name = name, .type = count_key(l, type, true), .dynamic = true};
	claim_name(l->m, name, name);
	return set_add(l->m, &s) + 1;
}

void limit_find(struct lowerer *l)
{
	const struct atom *x = atom_of_field(l, F_CT_COUNT);
	if (!x || l->limit)
		return;
	l->nr->counts = l->groups.n && !counts_in_key(l);
	if (l->nr->counts)
		return;
	if (!l->nr->limit) {
		l->nr->limit = limit_set_add(l, str_printf(l->a, "%.*s/limit%u",
							   STR_ARG(l->np->name), ++l->np->nlimits));
		*vec_push(l->a, &l->np->limits) = l->nr->limit - 1;
	}
	l->limit = l->nr->limit;
}

void line_special(struct lowerer *l, struct line *ln, const struct atom *x)
{
	const struct ptest *t = x->test[0];
	if (t->field == F_TCP_FLAGS)
		put_tcp_flags(l, ln, t);
	else if (t->field == F_TCP_OPTION)
		put_tcp_option(l, ln, t);
	else if (t->field == F_ARP_GRATUITOUS)
		put_pairs(l, ln, t);
}
