/* SPDX-License-Identifier: MIT */
#include "review/words.h"

/* --- values --- */

static void put_list(struct buf *b, const struct dim_column *c)
{
	uint32_t n = c->values.n;
	if (n == 1) {
		value_print(b, &c->values.items[0]);
		return;
	}
	buf_lit(b, "{ ");
	for (uint32_t i = 0; i < n; i++) {
		if (n > WORDS_LIST && i == WORDS_LIST - 2) {
			buf_printf(b, ", ... %u in all, ... ", n);
			i = n - 1;
		} else if (i) {
			buf_lit(b, ", ");
		}
		value_print(b, &c->values.items[i]);
	}
	buf_lit(b, " }");
}

static void put_slot(struct buf *b, const struct program *p, const struct prule *r,
		     const struct slot *s)
{
	if (s->kind == SLOT_CONST)
		value_print(b, &s->value);
	if (s->kind != SLOT_DIM)
		return;
	const struct dim_column *c = &p->dims.items[r->dims.items[s->dim]].columns.items[s->column];
	if (c->constant) {
		put_list(b, c);
		return;
	}
	const struct var_ref *v = &p->columns.items[c->column].var;
	buf_printf(b, "$%.*s", STR_ARG(v->name));
	if (v->element)
		buf_printf(b, "[%u]", v->index);
}

/* --- fields --- */

/* "tcp" of "tcp-ipv6" */
static struct str plain_proto(const struct proto *p)
{
	const char *dash = strchr(p->xml, '-');
	return (struct str){p->xml, dash ? (uint32_t)(dash - p->xml) : (uint32_t)strlen(p->xml)};
}

/* "th sport" is "tcp sport" where that is known, "ip saddr" of IPv6 "ip6 saddr". */
static void put_field(struct buf *b, const struct prule *r, enum field_id f)
{
	const char *name = fields[f].name, *rest = strchr(name, ' ');
	bool th = strncmp(name, "th ", 3) == 0 && r->proto->ipproto >= 0;
	bool ip = strncmp(name, "ip ", 3) == 0 && r->proto->family == 6;
	bool icmp = strncmp(name, "icmp ", 5) == 0 && r->proto->family == 6;
	bool rarp = strncmp(name, "arp ", 4) == 0 && r->proto->ethertype == 0x8035;
	if (strncmp(name, "th ", 3) == 0 && !th) { /* behind a test of the protocol */
		buf_str(b, str_from(rest + 1));
		return;
	}
	if (th)
		buf_str(b, plain_proto(r->proto));
	else if (ip || icmp || rarp)
		buf_str(b, ip ? STR("ip6") : icmp ? STR("icmpv6") : STR("rarp"));
	buf_str(b, str_from(th || ip || icmp || rarp ? rest : name));
}

static struct str test_words(struct arena *a, const struct program *p, const struct prule *r,
			     const struct ptest *t)
{
	struct buf b;
	buf_memory(&b);
	if (t->field == F_ARP_GRATUITOUS && t->negated)
		buf_lit(&b, "not ");
	put_field(&b, r, t->field);
	if (t->field == F_ARP_GRATUITOUS)
		return buf_take(a, &b);
	if (t->field == F_CT_COUNT)
		buf_lit(&b, " over");
	if (t->value.kind != SLOT_NONE || t->to.kind != SLOT_NONE || t->negated)
		buf_str(&b, t->none ? STR(" none of ") : t->negated ? STR(" != ") : STR(" "));
	put_slot(&b, p, r, &t->value);
	if (t->value.kind == SLOT_NONE && t->to.kind != SLOT_NONE)
		buf_lit(&b, "0");
	if (t->mask.kind != SLOT_NONE)
		buf_lit(&b, "/");
	put_slot(&b, p, r, &t->mask);
	if (t->to.kind != SLOT_NONE)
		buf_lit(&b, "-");
	put_slot(&b, p, r, &t->to);
	return clean_text(a, buf_take(a, &b));
}

/* Do the words of a test begin with this one? */
static bool said(const struct prule *r, struct str word)
{
	vec_each (t, &r->tests) {
		struct buf b;
		buf_memory(&b);
		put_field(&b, r, t->field);
		bool same = b.n > word.len && memcmp(b.data, word.s, word.len) == 0 &&
			    b.data[word.len] == ' ';
		buf_drop(&b);
		if (same)
			return true;
	}
	return false;
}

/* The family of IPv6 packets, and the protocol, unless the words of a test have it anyway. */
static void put_proto(struct arena *a, const struct prule *r, struct rule_words *w)
{
	struct str name = r->proto->xml ? plain_proto(r->proto) : STR("");
	bool six = r->proto->family == 6;
	if (!name.len || str_is(name, "mac"))
		return;
	if (str_is(name, "ipv6"))
		name = STR("ip6");
	if (r->proto->layer == LAYER_PACKET && str_is(name, "all"))
		name = six ? STR("ip6") : STR("ip");
	else if (r->proto->layer == LAYER_PACKET && six && !said(r, STR("ip6")) &&
		 !str_is(name, "icmpv6"))
		*vec_push(a, &w->tests) = STR("ip6");
	if (!said(r, name))
		*vec_push(a, &w->tests) = name;
}

static struct str ct_words(struct arena *a, const struct prule *r)
{
	static const char *const states[] = {"new", "established", "related", "invalid",
					     "untracked"};
	static const char *const dirs[] = {"", "original", "reply"};
	struct str s = STR("");
	for (uint32_t i = 0; i < sizeof states / sizeof *states; i++)
		if (r->ct_states >> i & 1)
			s = str_printf(a, "%.*s%s%s", STR_ARG(s), s.len ? "," : "ct state ",
				       states[i]);
	if (r->ct_dir != CT_DIR_ANY)
		s = str_printf(a, "%.*s%s%s", STR_ARG(s), s.len ? " " : "ct direction ",
			       dirs[r->ct_dir]);
	return s;
}

struct rule_words rule_words(struct arena *a, const struct program *p, const struct prule *r)
{
	struct rule_words w = {0};
	struct str ct = ct_words(a, r);
	put_proto(a, r, &w);
	vec_each (t, &r->tests)
		*vec_push(a, &w.tests) = test_words(a, p, r, t);
	if (ct.len)
		*vec_push(a, &w.tests) = ct;
	return w;
}

struct str rule_line(struct arena *a, const struct program *p, const struct prule *r)
{
	struct rule_words w = rule_words(a, p, r);
	struct str s = STR("");
	vec_each (t, &w.tests)
		s = str_printf(a, "%.*s%s%.*s", STR_ARG(s), s.len ? " " : "", STR_ARG(*t));
	return s.len ? s : STR("everything");
}

const char *chain_takes(const struct chain_prefix *prefix)
{
	static const struct {
		uint16_t type;
		const char *word;
	} words[] = {{0x0800, "IPv4"},
		     {0x86dd, "IPv6"},
		     {0x0806, "ARP"},
		     {0x8035, "RARP"},
		     {0x8100, "VLAN"}};
	for (size_t i = 0; prefix && i < sizeof words / sizeof *words; i++)
		if (prefix->ethertype == words[i].type)
			return words[i].word;
	return prefix && prefix->stp ? "STP" : "all";
}

struct str clean_text(struct arena *a, struct str s)
{
	char *p = arena_copy(a, s.s, s.len);
	for (uint32_t i = 0; i < s.len; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			p[i] = ' ';
	return (struct str){p, s.len};
}
