/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "frontend/nwf/lower.h"

#include "base/near.h"

/* --- strings --- */

struct str nwf_unquote(struct arena *a, struct str s)
{
	char *t = arena_alloc(a, s.len + 1);
	uint32_t n = 0, end = s.len > 1 && s.s[s.len - 1] == '"' ? s.len - 1 : s.len;
	for (uint32_t i = 1; i < end; i++) {
		char c = s.s[i];
		if (c == '\\' && i + 1 < end) {
			c = s.s[++i];
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
		}
		t[n++] = c;
	}
	return (struct str){t, n};
}

struct str nwf_text(struct arena *a, const struct nwf_word *w)
{
	return w->kind == NWF_STRING ? nwf_unquote(a, w->text) : w->text;
}

/* --- words of enumerated types --- */

static bool has_capital(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (s.s[i] >= 'A' && s.s[i] <= 'Z')
			return true;
	return false;
}

static bool is_number(struct str s)
{
	return s.len && s.s[0] >= '0' && s.s[0] <= '9';
}

static const struct value_name *find_name(const struct value_name *names, struct str s)
{
	for (; names && names->name; names++)
		if (str_is(s, names->name))
			return names;
	return NULL;
}

/* The word in small letters, when that is what the type knows. */
static void hint_small(struct nwf_lowering *lw, struct finding *f, enum value_type type,
		       struct str word)
{
	const struct value_name *n = value_names(type);
	for (; n && n->name; n++)
		if (str_eq_nocase(word, str_from(n->name))) {
			char *small = arena_copy(lw->arena, n->name, strlen(n->name));
			for (char *c = small; *c; c++)
				*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
			diag_hint(lw->diags, f, "write '%s'", small);
		}
}

static void say_unknown_word(struct nwf_lowering *lw, const struct value_name *names,
			     const struct nwf_word *w, enum value_type type)
{
	struct nearest n = nearest_to(w->text);
	struct str list = STR("");
	for (; names && names->name; names++) {
		nearest_try(&n, names->name);
		list = str_printf(lw->arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "",
				  names->name);
	}
	struct finding *f = diag_add(lw->diags, FINDING(E112), w->span,
				     "'%.*s' is no word that can stand here", STR_ARG(w->text));
	if (n.name)
		nearest_hint(lw->diags, f, &n);
	else if (list.len)
		diag_hint(lw->diags, f, "known words: %.*s", STR_ARG(list));
	else
		hint_small(lw, f, type, w->text);
}

/* Names of services differ between hosts, so a port is a number. */
static void say_service(struct nwf_lowering *lw, const struct nwf_word *w, struct str text)
{
	int port = nwf_service_port(text);
	struct finding *f = diag_add(lw->diags, FINDING(E112), w->span,
				     "a port is a number, which '%.*s' is not", STR_ARG(text));
	if (port >= 0)
		diag_hint(lw->diags, f, "write %d", port);
}

/* 80:90, as iptables has it. */
static void say_colon(struct nwf_lowering *lw, const struct nwf_word *w, struct str text)
{
	uint32_t n = (uint32_t)((const char *)memchr(text.s, ':', text.len) - text.s);
	struct finding *f = diag_add(lw->diags, FINDING(E112), w->span,
				     "a range of ports has a dash between its ends");
	diag_hint(lw->diags, f, "write %.*s-%.*s", (int)n, text.s, (int)(text.len - n - 1),
		  text.s + n + 1);
}

static const struct value_name *words_of(const struct nwf_lowering *lw, const struct attr *at)
{
	return nwf_value_names(at, lw->builder.rule->proto->family);
}

/*
 * The text that ir/value.h reads for a word. The language has one spelling for
 * each value, in small letters, nft's where nft has one.
 */
static bool word_text(struct nwf_lowering *lw, const struct attr *at, const struct nwf_word *w,
		      struct str *out)
{
	const struct value_name *own = words_of(lw, at);
	bool named = own || value_names((enum value_type)at->type);
	bool text = at->type == VT_TEXT || at->type == VT_SETNAME;
	*out = nwf_text(lw->arena, w);
	if (w->kind == NWF_VARIABLE || (named && is_number(w->text)))
		return true;
	const struct value_name *found = find_name(own, w->text);
	if (found) {
		*out = str_printf(lw->arena, "%u", found->value);
		return true;
	}
	bool port = at->field == F_TH_SPORT || at->field == F_TH_DPORT;
	if (port && !is_number(*out)) {
		say_service(lw, w, *out);
		return false;
	}
	if (port && memchr(out->s, ':', out->len)) {
		say_colon(lw, w, *out);
		return false;
	}
	if (own || (named && has_capital(w->text)) || (w->kind == NWF_STRING && !text)) {
		say_unknown_word(lw, own, w, (enum value_type)at->type);
		return false;
	}
	return true;
}

static struct str join_words(struct nwf_lowering *lw, const struct attr *at,
			     const struct nwf_words *ws, bool *good)
{
	vec_of(struct str) texts = {0};
	uint32_t size = 0;
	vec_each (w, &ws->list) {
		struct str *one = vec_push(lw->arena, &texts);
		*good &= word_text(lw, at, w, one);
		size += one->len + 1;
	}
	char *all = arena_alloc(lw->arena, size + 1), *end = all;
	vec_each (t, &texts) {
		if (end != all)
			*end++ = ',';
		memcpy(end, t->s, t->len);
		end += t->len;
	}
	return (struct str){all, (uint32_t)(end - all)};
}

/* --- one operand --- */

/* Where a word is parted into the two ends of a range; 0: nowhere. Names have dashes, too. */
static uint32_t range_dash(const struct nwf_lowering *lw, const struct attr *at, struct str t)
{
	const char *dash = t.len > 1 ? memchr(t.s, '-', t.len) : NULL;
	bool address = at->type == VT_IP4 || at->type == VT_IP6;
	if (!dash || (at->type != VT_UINT && !address))
		return 0;
	if (address || is_number(t))
		return (uint32_t)(dash - t.s);
	for (const struct value_name *n = words_of(lw, at); n && n->name; n++) {
		uint32_t len = (uint32_t)strlen(n->name);
		if (t.len > len + 1 && t.s[len] == '-' && memcmp(t.s, n->name, len) == 0 &&
		    !find_name(words_of(lw, at), t))
			return len;
	}
	return 0;
}

/* Parts "80-90" at its dash where the attribute is of a kind that has ranges. */
static void part_range(const struct nwf_lowering *lw, const struct nwf_slots *slots,
		       struct nwf_operand *o)
{
	struct str t = o->value.text;
	bool plain = !o->to.kind && o->value.kind == NWF_WORD;
	uint32_t n = plain ? range_dash(lw, slots->value, t) : 0;
	if (!n)
		return;
	o->to = o->value;
	o->value.text.len = n;
	o->value.span.hi = o->value.span.lo + n;
	o->to.text = (struct str){t.s + n + 1, t.len - n - 1};
	o->to.span.lo += n + 1;
}

static void give(struct nwf_lowering *lw, const struct attr *at, bool negated,
		 const struct nwf_word *w, struct span name)
{
	struct str text;
	if (word_text(lw, at, w, &text))
		rule_builder_set(&lw->builder, at, negated, text, w->span, name);
}

/* A mask or an upper end that the attribute has not. */
static bool fits(struct nwf_lowering *lw, const struct nwf_operand *o,
		 const struct nwf_slots *slots)
{
	const struct nwf_word *extra = o->mask.kind && !slots->mask ? &o->mask
				       : o->to.kind && !slots->to   ? &o->to
								    : NULL;
	if (!extra)
		return true;
	struct finding *f = diag_add(lw->diags, FINDING(E116), extra->span, "%s can not stand here",
				     extra == &o->mask ? "a mask" : "a range");
	if (extra == &o->to && slots->mask)
		diag_hint(lw->diags, f,
			  "frames know masks of addresses, as in 10.0.0.0/8; ranges "
			  "of addresses stand under packets:");
	return false;
}

/* `!=` of a variable that is a list means none of its values. */
static bool is_list_variable(const struct nwf_word *w)
{
	struct var_ref v;
	return w->kind == NWF_VARIABLE && !var_ref_parse(w->text, &v) && !v.element;
}

static void give_operand(struct nwf_lowering *lw, const struct nwf_match *m,
			 const struct nwf_slots *slots, struct nwf_operand o)
{
	bool some = m->relation == NWF_NE_SOME || m->relation == NWF_LE_SOME;
	bool negated = m->relation != NWF_EQ && m->relation != NWF_GT;
	part_range(lw, slots, &o);
	if (!fits(lw, &o, slots))
		return;
	const struct attr *at = o.to.kind && slots->from ? slots->from : slots->value;
	give(lw, at, negated, &o.value, m->span);
	if (o.mask.kind)
		give(lw, slots->mask, negated, &o.mask, m->span);
	if (o.to.kind)
		give(lw, slots->to, negated, &o.to, m->span);
	bool list =
		is_list_variable(&o.value) || is_list_variable(&o.mask) || is_list_variable(&o.to);
	if (negated && list && !some)
		rule_builder_none(&lw->builder, at);
}

/* --- lists in braces --- */

struct columns {
	struct value_list value, to, mask;
	bool has_to, has_mask;
};

static bool read_part(struct nwf_lowering *lw, const struct attr *at, const struct nwf_word *w,
		      struct value_list *out)
{
	struct str text;
	struct value v;
	if (w->kind == NWF_VARIABLE) {
		struct finding *f = diag_add(lw->diags, FINDING(E114), w->span,
					     "a variable is a list of its own");
		diag_hint(lw->diags, f, "write a rule of its own for %.*s", STR_ARG(w->text));
		return false;
	}
	if (!word_text(lw, at, w, &text) || !rule_builder_read(&lw->builder, at, text, w->span, &v))
		return false;
	*vec_push(lw->arena, &out->values) = v;
	*vec_push(lw->arena, &out->spans) = w->span;
	return true;
}

/* The mask that leaves nothing out. */
static struct value full_mask(const struct attr *at)
{
	struct value v = {.type = at->type};
	if (at->type == VT_MACMASK)
		memset(v.mac, 0xff, sizeof v.mac);
	else
		v.u = at->type == VT_IP6MASK ? 128 : 32;
	return v;
}

static void add_default(struct nwf_lowering *lw, struct value_list *to, struct value v,
			struct span span)
{
	*vec_push(lw->arena, &to->values) = v;
	*vec_push(lw->arena, &to->spans) = span;
}

static bool read_item(struct nwf_lowering *lw, const struct nwf_slots *slots,
		      const struct nwf_operand *o, struct columns *c)
{
	if (!fits(lw, o, slots) || !read_part(lw, slots->value, &o->value, &c->value))
		return false;
	struct value v = c->value.values.items[c->value.values.n - 1];
	if (c->has_to && o->to.kind) {
		if (!read_part(lw, slots->to, &o->to, &c->to))
			return false;
		if (value_cmp(&v, &c->to.values.items[c->to.values.n - 1]) > 0) {
			diag_add(lw->diags, FINDING(E125), o->to.span,
				 "the upper end lies below the lower one");
			return false;
		}
	} else if (c->has_to) {
		add_default(lw, &c->to, v, o->value.span);
	}
	if (c->has_mask && o->mask.kind)
		return read_part(lw, slots->mask, &o->mask, &c->mask);
	if (c->has_mask)
		add_default(lw, &c->mask, full_mask(slots->mask), o->value.span);
	return true;
}

static const struct value_list *keep(struct arena *a, const struct value_list *l)
{
	struct value_list *kept = arena_new_object(a, struct value_list);
	*kept = *l;
	return kept;
}

static void give_list(struct nwf_lowering *lw, const struct nwf_match *m,
		      const struct nwf_slots *slots)
{
	bool negated = m->relation != NWF_EQ && m->relation != NWF_GT;
	bool none = m->relation == NWF_NE || m->relation == NWF_LE, good = true;
	struct columns c = {0};
	struct nwf_operand *items =
		arena_new_array(lw->arena, struct nwf_operand, m->value.items.n);
	for (uint32_t i = 0; i < m->value.items.n; i++) {
		items[i] = m->value.items.items[i];
		part_range(lw, slots, &items[i]);
		c.has_to |= items[i].to.kind && slots->to;
		c.has_mask |= items[i].mask.kind && slots->mask;
	}
	for (uint32_t i = 0; i < m->value.items.n && !arena_full(lw->arena); i++)
		good &= read_item(lw, slots, &items[i], &c);
	if (c.has_to && c.has_mask) {
		diag_add(lw->diags, FINDING(E117), m->value.span,
			 "a list has ranges or masks, not both");
		good = false;
	}
	if (!good)
		return;
	const struct attr *at = c.has_to && slots->from ? slots->from : slots->value;
	rule_builder_set_list(&lw->builder, at, negated, none, keep(lw->arena, &c.value),
			      m->value.span, m->span);
	if (c.has_to)
		rule_builder_set_list(&lw->builder, slots->to, negated, none,
				      keep(lw->arena, &c.to), m->value.span, m->span);
	if (c.has_mask)
		rule_builder_set_list(&lw->builder, slots->mask, negated, none,
				      keep(lw->arena, &c.mask), m->value.span, m->span);
}

/* --- words without braces --- */

/* tcp flags FLAGS / MASK, as nft has it; ir/value.h reads MASK/FLAGS. */
static void give_flags(struct nwf_lowering *lw, const struct nwf_match *m, const struct attr *at)
{
	bool good = true;
	struct nwf_words flags = m->value.words, mask = m->value.mask;
	if (m->value.items.n) { /* FLAG / FLAG */
		*vec_push(lw->arena, &flags.list) = m->value.items.items[0].value;
		if (m->value.items.items[0].mask.kind)
			*vec_push(lw->arena, &mask.list) = m->value.items.items[0].mask;
	}
	struct str f = join_words(lw, at, &flags, &good), k = join_words(lw, at, &mask, &good);
	if (!mask.list.n) {
		struct finding *d = diag_add(lw->diags, FINDING(E116), m->value.span,
					     "the flags lack the mask of those that are looked at");
		diag_hint(lw->diags, d,
			  "write 'tcp flags syn / syn, ack': of SYN and ACK only SYN");
		return;
	}
	if (good)
		rule_builder_set(&lw->builder, at, m->relation != NWF_EQ,
				 str_printf(lw->arena, "%.*s/%.*s", STR_ARG(k), STR_ARG(f)),
				 m->value.span, m->span);
}

static void give_words(struct nwf_lowering *lw, const struct nwf_match *m, const struct attr *at)
{
	bool good = true;
	if (at->type != VT_STATE) {
		struct finding *f = diag_add(lw->diags, FINDING(E112), m->value.span,
					     "several values stand in braces");
		diag_hint(lw->diags, f, "write { a, b }");
		return;
	}
	struct str text = join_words(lw, at, &m->value.words, &good);
	if (good)
		rule_builder_set(&lw->builder, at, m->relation != NWF_EQ, text, m->value.span,
				 m->span);
}

/* States are one set of bits already; as an iterator each would be a rule of its own. */
static void refuse_braces(struct nwf_lowering *lw, const struct nwf_match *m)
{
	struct finding *f = diag_add(lw->diags, FINDING(E112), m->value.span,
				     "connection states stand without braces");
	diag_hint(lw->diags, f, "write 'ct state new, established'");
}

void nwf_lower_value(struct nwf_lowering *lw, const struct nwf_match *m,
		     const struct nwf_slots *slots)
{
	if (slots->value->type == VT_STATE && m->value.braces)
		refuse_braces(lw, m);
	else if (slots->value->type == VT_TCPFLAGS && !m->value.braces)
		give_flags(lw, m, slots->value);
	else if (m->value.braces && m->value.items.n > 1)
		give_list(lw, m, slots);
	else if (m->value.words.list.n)
		give_words(lw, m, slots->value);
	else
		give_operand(lw, m, slots, m->value.items.items[0]);
}
