/* SPDX-License-Identifier: MIT */
/*
 * Filters and ports to the tree of a text, for printing what came as XML.
 *
 * The tree keeps the spans of what it was made from, so that the printer finds
 * the places of comments. Each rule says its family, so one rule of the tree
 * is one rule of the text and comes back as the same one.
 */
#include "frontend/nwf/from.h"

#include "frontend/nwf/parser.h"
#include "frontend/nwf/words.h"

struct maker {
	struct arena *a;
	const struct rule *rule;
	const struct nwf_header *transport; /* its word: tcp ..., th; NULL: none */
	struct nwf_rule *out;
};

/* --- words --- */

static struct nwf_word make_word(struct str text, struct span span)
{
	return (struct nwf_word){text.len && text.s[0] == '$' ? NWF_VARIABLE : NWF_WORD, text,
				 span};
}

static struct nwf_word literal(const char *text, struct span span)
{
	return make_word(str_from(text), span);
}

static struct nwf_word make_string(struct arena *a, struct str s, struct span span)
{
	char *t = arena_alloc(a, 2 * (size_t)s.len + 3), *p = t;
	*p++ = '"';
	for (uint32_t i = 0; i < s.len; i++) {
		char c = s.s[i], e = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c;
		if (e != c || c == '"' || c == '\\')
			*p++ = '\\';
		*p++ = e;
	}
	*p++ = '"';
	return (struct nwf_word){NWF_STRING, {t, (uint32_t)(p - t)}, span};
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == ':';
}

/* A word where it is one and not reserved, else a string. */
static struct nwf_word make_name(struct arena *a, struct str s, struct span span)
{
	bool plain = s.len && word_char(s.s[0]) && word_char(s.s[s.len - 1]) &&
		     !nwf_is_keyword(s) && !str_is(s, "frames:") && !str_is(s, "packets:");
	for (uint32_t i = 0; i < s.len; i++)
		plain &= word_char(s.s[i]) || s.s[i] == '-';
	return plain ? make_word(s, span) : make_string(a, s, span);
}

/* What XML writes as a number keeps the form that it had there. */
static const char *own_name(const struct value_name *names, const struct value *v)
{
	for (; names && names->name; names++)
		if (names->value == v->u && !(v->type == VT_UINT && v->hex))
			return names->name;
	return NULL;
}

/* A number whose XML name nft does not have stays a number. */
static void print_value(struct buf *b, const struct value_name *names, const struct value *v)
{
	const char *name = own_name(names, v);
	if (name)
		buf_str(b, str_from(name));
	else if (names)
		buf_printf(b, v->hex ? "0x%x" : "%u", v->u);
	else
		value_print(b, v);
}

static struct nwf_word value_word(struct arena *a, const struct value_name *names,
				  const struct value *v, struct span span)
{
	struct buf b;
	if (v->type == VT_SETNAME || v->type == VT_TEXT)
		return make_name(a, v->text, span);
	buf_memory(&b);
	print_value(&b, names, v);
	return make_word(buf_take(a, &b), span);
}

/* The words for values of a test. What is compared by size is a number. */
static const struct value_name *names_of(const struct maker *m, const struct test *t)
{
	bool sized = t->to.kind != OPERAND_NONE;
	return sized ? NULL : nwf_value_names(t->value.attr, m->rule->proto->family);
}

static struct nwf_word operand_word(struct maker *m, const struct value_name *names,
				    const struct operand *o)
{
	if (o->kind == OPERAND_NONE)
		return (struct nwf_word){0};
	if (o->kind == OPERAND_VAR)
		return make_word(str_printf(m->a, "$%.*s", STR_ARG(var_ref_text(m->a, &o->var))),
				 o->span);
	return value_word(m->a, names, &o->value, o->span);
}

/* "NEW,ESTABLISHED" to words in small letters. */
static struct nwf_words split_words(struct arena *a, struct str s, struct span span)
{
	struct nwf_words out = {0};
	char *t = arena_copy(a, s.s, s.len);
	for (uint32_t i = 0, lo = 0; i <= s.len; i++) {
		if (i < s.len && t[i] >= 'A' && t[i] <= 'Z')
			t[i] |= 32;
		if (i < s.len && t[i] != ',')
			continue;
		*vec_push(a, &out.list) = make_word((struct str){t + lo, i - lo}, span);
		lo = i + 1;
	}
	return out;
}

/* --- values --- */

static void make_list(struct maker *m, const struct test *t, struct nwf_value *out)
{
	out->braces = true;
	for (uint32_t i = 0; i < t->value.list->values.n; i++) {
		const struct operand *all[] = {&t->value, &t->mask, &t->to};
		struct nwf_operand o = {0};
		struct nwf_word *words[] = {&o.value, &o.mask, &o.to};
		for (int k = 0; k < 3; k++)
			if (all[k]->kind == OPERAND_LIST)
				*words[k] = value_word(m->a, k ? NULL : names_of(m, t),
						       &all[k]->list->values.items[i],
						       all[k]->list->spans.items[i]);
		*vec_push(m->a, &out->items) = o;
	}
}

static void make_flags(struct maker *m, const struct test *t, struct nwf_value *out)
{
	struct str s = value_text(m->a, &t->value.value);
	const char *slash = memchr(s.s, '/', s.len);
	uint32_t n = (uint32_t)(slash - s.s);
	out->words = split_words(m->a, (struct str){slash + 1, s.len - n - 1}, t->span);
	out->mask = split_words(m->a, (struct str){s.s, n}, t->span);
}

static void make_value(struct maker *m, const struct test *t, struct nwf_value *out)
{
	out->span = t->span;
	if (t->value.kind == OPERAND_LIST) {
		make_list(m, t, out);
	} else if (t->field == F_TCP_FLAGS) {
		make_flags(m, t, out);
	} else if (t->field == F_CT_STATE) {
		out->words = split_words(m->a, value_text(m->a, &t->value.value), t->span);
	} else {
		struct nwf_operand o = {.to = operand_word(m, NULL, &t->to)};
		if (t->value.kind != OPERAND_NONE)
			o.value = operand_word(m, names_of(m, t), &t->value);
		if (t->field != F_IPSET)
			o.mask = operand_word(m, NULL, &t->mask);
		if (!o.value.kind)
			o = (struct nwf_operand){.value = o.to};
		*vec_push(m->a, &out->items) = o;
	}
}

/* --- matches --- */

static bool is_list(const struct operand *o)
{
	return o->kind == OPERAND_LIST || (o->kind == OPERAND_VAR && !o->var.element);
}

static enum nwf_relation relation_of(const struct test *t)
{
	bool list =
		is_list(&t->value) || is_list(&t->to) || (t->field != F_IPSET && is_list(&t->mask));
	bool some = t->negated && list && !t->none;
	if (t->field == F_CT_COUNT)
		return !t->negated ? NWF_GT : some ? NWF_LE_SOME : NWF_LE;
	if (t->value.kind == OPERAND_NONE)
		return NWF_LE;
	return !t->negated ? NWF_EQ : some ? NWF_NE_SOME : NWF_NE;
}

/* The header word whose fields a test is among, and the word of the field. */
static const struct nwf_header *header_of(const struct maker *m, enum field_id field,
					  const char **word)
{
	const struct proto *p = m->rule->proto;
	for (const struct nwf_header *h = nwf_headers; h->word; h++) {
		bool own =
			h->frame == PROTO_NONE || h->frame == PROTO_MAC || &protos[h->frame] == p;
		if (h->frame == PROTO_IP || h->frame == PROTO_IPV6)
			own = h->family == p->family;
		if (h->frame == PROTO_NONE && !str_is(STR("ct"), h->word))
			own = h == m->transport;
		if (own && nwf_has_field(h, field)) {
			*word = nwf_field_word(h, field);
			return h;
		}
	}
	return NULL;
}

/* "saddr ip" are two words. */
static void make_field(struct nwf_match *out, const char *word, struct span span)
{
	const char *blank = strchr(word, ' ');
	out->field = literal(word, span);
	if (!blank)
		return;
	out->field.text.len = (uint32_t)(blank - word);
	out->sub = literal(blank + 1, span);
}

static struct nwf_match *keep_match(struct maker *m, struct nwf_match match)
{
	struct nwf_match *kept = arena_new_object(m->a, struct nwf_match);
	*kept = match;
	return kept;
}

static void make_match(struct maker *m, const struct test *t)
{
	struct nwf_match out = {.relation = relation_of(t), .span = t->span};
	const char *word = NULL;
	const struct nwf_header *h = header_of(m, t->field, &word);
	if (t->field == F_COMMENT) {
		*vec_push(m->a, &m->out->comments.list) =
			make_string(m->a, t->value.value.text, t->span);
		return;
	}
	make_value(m, t, &out.value);
	if (t->field == F_IPSET) {
		out.header = literal("ipset", t->span);
		out.directions = split_words(m->a, value_text(m->a, &t->mask.value), t->span);
	} else {
		out.header = literal(h->word, t->span);
		make_field(&out, word, t->span);
	}
	*vec_push(m->a, &m->out->matches) = keep_match(m, out);
}

static const struct nwf_header *by_proto(const struct proto *p)
{
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		if (p->layer == LAYER_PACKET ? h->ipproto == p->ipproto && h->ipproto >= 0
					     : h->frame != PROTO_NONE && &protos[h->frame] == p)
			return h;
	return NULL;
}

static const struct test *find_test(const struct rule *r, enum field_id field)
{
	vec_each (t, &r->tests)
		if (t->field == field)
			return t;
	return NULL;
}

/*
 * A frame rule with ports or ICMP types says its protocol by their header:
 * `tcp dport 22`. False when the protocol must be said by itself.
 */
static bool find_transport(struct maker *m)
{
	const struct proto *p = m->rule->proto;
	const struct test *proto = find_test(m->rule, F_NET_PROTO);
	bool used = find_test(m->rule, F_TH_SPORT) || find_test(m->rule, F_TH_DPORT) ||
		    find_test(m->rule, F_ICMP_TYPE) || find_test(m->rule, F_ICMP_CODE);
	if (p->layer == LAYER_PACKET) {
		m->transport = by_proto(p);
		return true;
	}
	if (!used || !proto)
		return false;
	const struct value *v = &proto->value.value;
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		if (proto->value.kind == OPERAND_VALUE && h->ipproto == (int)v->u &&
		    (!v->hex || v->u != 33)) /* the one that has no name of its own in XML */
			m->transport = h;
	if (m->transport)
		return true;
	m->transport = nwf_header_find(STR("th"));
	return false;
}

static bool has_header(const struct nwf_rule *r, const struct nwf_header *h)
{
	vec_each (match, &r->matches)
		if (str_is((*match)->header.text, h->word))
			return true;
	return false;
}

/* A header alone, where no test has said it; before all tests. */
static void need_header(struct maker *m, const struct nwf_header *h, uint32_t at)
{
	if (!h || has_header(m->out, h))
		return;
	struct nwf_match bare = {.header = literal(h->word, m->rule->span), .span = m->rule->span};
	vec_push(m->a, &m->out->matches);
	for (uint32_t i = m->out->matches.n - 1; i > at; i--)
		m->out->matches.items[i] = m->out->matches.items[i - 1];
	m->out->matches.items[at] = keep_match(m, bare);
}

/* Where the header behind ether and ip belongs. */
static uint32_t behind_addresses(const struct maker *m)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < m->out->matches.n; i++) {
		struct str h = m->out->matches.items[i]->header.text;
		if (str_is(h, "ether") || str_is(h, "ip") || str_is(h, "ip6"))
			at = i + 1;
	}
	return at;
}

static void make_matches(struct maker *m)
{
	const struct rule *r = m->rule;
	const struct proto *p = r->proto;
	bool said = find_transport(m);
	vec_each (t, &r->tests)
		if (t->field != F_NET_PROTO || !said)
			make_match(m, t);
	const struct nwf_header *family = NULL;
	if (p->layer == LAYER_FRAME && proto_id(p) != PROTO_NONE)
		need_header(m, by_proto(p), 0);
	if (p->layer == LAYER_PACKET && !(m->transport && m->transport->family))
		family = nwf_header_find(p->family == 4 ? STR("ip") : STR("ip6"));
	need_header(m, family, 0);
	if (p->layer == LAYER_PACKET && m->transport && !has_header(m->out, m->transport))
		need_header(m, m->transport, behind_addresses(m));
}

/* --- statements --- */

static void make_rule(struct arena *a, const struct rule *r, struct nwf_statement *s)
{
	struct maker m = {.a = a, .rule = r, .out = &s->rule};
	bool pass = r->proto->layer == LAYER_FRAME && r->action == ACTION_ACCEPT;
	s->kind = NWF_RULE;
	s->span = r->span;
	s->rule =
		(struct nwf_rule){.verb = literal(pass ? "pass" : action_names[r->action], r->span),
				  .direction = literal(direction_names[r->direction], r->span)};
	make_matches(&m);
	if (!r->statematch)
		*vec_push(a, &s->rule.stateless.list) = literal("stateless", r->span);
	if (r->priority != PRIORITY_DEFAULT)
		*vec_push(a, &s->rule.priority.list) =
			make_word(str_printf(a, "%d", r->priority), r->span);
}

static void make_params(struct arena *a, const struct params *ps, struct nwf_params *out)
{
	vec_each (p, &ps->list) {
		struct nwf_param np = {.name = make_word(p->name, p->span), .span = p->span};
		vec_each (v, &p->values)
			*vec_push(a, &np.values.list) = make_word(v->text, v->span);
		*vec_push(a, &out->list) = np;
	}
}

static void make_use(struct arena *a, const struct filter_ref *ref, struct nwf_statement *s)
{
	s->kind = NWF_USE;
	s->span = ref->span;
	s->use = (struct nwf_use){.filter = make_name(a, ref->filter, ref->span)};
	make_params(a, &ref->params, &s->use.params);
}

static void push_statement(struct arena *a, struct nwf_block *b, struct nwf_statement s)
{
	struct nwf_statement *kept = arena_new_object(a, struct nwf_statement);
	*kept = s;
	*vec_push(a, &b->list) = kept;
}

static void make_head(struct arena *a, const struct filter *f, struct nwf_block *b)
{
	struct nwf_statement s = {.span = f->span};
	bool root = str_is(f->chain, "root");
	const struct chain_prefix *c = chain_prefix_find(f->chain);
	int usual = c ? c->priority : 0;
	if (!root || f->priority) {
		s.kind = NWF_CHAIN;
		s.word = nwf_header_find(f->chain) || str_is(f->chain, "mac")
				 ? make_word(f->chain, f->span)
				 : make_name(a, f->chain, f->span);
		if (f->priority != usual)
			s.more = make_word(str_printf(a, "%d", f->priority), f->span);
		push_statement(a, b, s);
	}
	if (f->uuid.len)
		push_statement(a, b,
			       (struct nwf_statement){.kind = NWF_UUID,
						      .span = f->span,
						      .word = make_word(f->uuid, f->span)});
	struct nwf_params defaults = {0};
	make_params(a, &f->defaults, &defaults);
	vec_each (p, &defaults.list)
		push_statement(
			a, b,
			(struct nwf_statement){.kind = NWF_PARAM, .span = f->span, .param = *p});
}

void nwf_from_filter(struct arena *a, const struct filter *f, struct nwf_file *out)
{
	struct nwf_item it = {.kind = NWF_FILTER, .span = f->span};
	int layer = -1;
	it.name = make_name(a, f->name, f->name_span);
	it.block.span = f->span;
	if (f->end)
		it.block.span.hi = f->end;
	make_head(a, f, &it.block);
	vec_each (e, &f->entries) {
		struct nwf_statement s = {0};
		if (e->kind == ENTRY_REF) {
			make_use(a, e->ref, &s);
			push_statement(a, &it.block, s);
			continue;
		}
		make_rule(a, e->rule, &s);
		if (layer != (int)e->rule->proto->layer) {
			layer = (int)e->rule->proto->layer;
			push_statement(a, &it.block,
				       (struct nwf_statement){.kind = NWF_LABEL,
							      .span = s.span,
							      .word = literal(layer == LAYER_FRAME
										      ? "frames:"
										      : "packets:",
									      s.span)});
		}
		push_statement(a, &it.block, s);
	}
	*vec_push(a, &out->items) = it;
}

static void push_link(struct arena *a, const struct port *p, struct nwf_block *block)
{
	struct nwf_statement s = {.kind = p->direct ? NWF_MACVTAP : NWF_LINK, .span = p->span};
	if (p->link_device.len)
		s.word = make_name(a, p->link_device, p->span);
	if (p->direct || p->link_device.len)
		push_statement(a, block, s);
}

void nwf_from_port(struct arena *a, const struct port *p, struct nwf_file *out)
{
	struct nwf_item it = {.kind = NWF_PORT, .span = p->span};
	struct nwf_statement s = {.span = p->span};
	struct nwf_params params = {0};
	struct filter_ref bare = {.filter = p->filter.filter, .span = p->filter.span};
	it.name = make_name(a, p->name, p->name_span);
	it.mac = value_word(a, NULL, &p->mac, p->span);
	it.block.span = p->span;
	if (p->owner_name.len && p->owner_uuid.len) {
		s.kind = NWF_OWNER;
		s.word = make_name(a, p->owner_name, p->span);
		s.more = make_word(p->owner_uuid, p->span);
		push_statement(a, &it.block, s);
	}
	push_link(a, p, &it.block);
	if (!p->filter.joined) {
		make_use(a, &bare, &s);
		push_statement(a, &it.block, s);
	} else {
		vec_each (e, &p->filter.joined->entries) {
			make_use(a, e->ref, &s);
			push_statement(a, &it.block, s);
		}
	}
	make_params(a, &p->filter.params, &params);
	vec_each (np, &params.list)
		push_statement(
			a, &it.block,
			(struct nwf_statement){.kind = NWF_PARAM, .span = np->span, .param = *np});
	*vec_push(a, &out->items) = it;
}
