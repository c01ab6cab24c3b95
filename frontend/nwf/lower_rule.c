/* SPDX-License-Identifier: MIT */
/*
 * A rule's words to a rule of the tree.
 *
 * The words are nft's, and the label says the layer; so the same words are
 * another protocol of the language under each:
 *
 *   frames:   arp, rarp, vlan, stp, ip, ip6 are the element; tcp and the like
 *             are the protocol test of an ip or ip6 one; ether alone is mac
 *   packets:  tcp and the like are the element, of the family that ip, ip6 or
 *             an ICMP says; without one it is `all`
 *
 * Where a rule says no family and its protocol has two, it is two rules, as it
 * is for an nft table of the family inet.
 */
#include "base/near.h"
#include "frontend/nwf/lower.h"

/* What the headers of a rule say together. */
struct meaning {
	const struct nwf_header *frame, *family, *transport; /* who said so; NULL: none */
	struct span frame_span, family_span, transport_span;
	bool ether;
};

/* --- words --- */

static struct str field_word(struct arena *a, const struct nwf_match *m)
{
	if (!m->sub.kind)
		return m->field.text;
	return str_printf(a, "%.*s %.*s", STR_ARG(m->field.text), STR_ARG(m->sub.text));
}

static void say_unknown_field(struct nwf_lowering *lw, const struct nwf_header *h,
			      const struct nwf_match *m)
{
	struct str word = field_word(lw->arena, m), list = STR("");
	struct nearest n = nearest_to(word);
	const char *habit = nwf_habit(HABIT_FIELD, word);
	enum field_id xml = nwf_field_of_xml(word);
	nwf_each_field (f, h) {
		const char *name = nwf_field_word(h, f);
		nearest_try(&n, name);
		list = str_printf(lw->arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "", name);
	}
	struct finding *f = diag_add(lw->diags, FINDING(E105), m->field.span,
				     "%s has no field '%.*s'", h->word, STR_ARG(word));
	if (xml != FIELDS && nwf_has_field(h, xml))
		diag_hint(lw->diags, f, "in this language it is '%s %s'", h->word,
			  nwf_field_word(h, xml));
	else if (habit)
		diag_hint(lw->diags, f, "%s", habit);
	else if (n.name)
		nearest_hint(lw->diags, f, &n);
	else if (list.len)
		diag_hint(lw->diags, f, "it has %.*s", STR_ARG(list));
}

/* A field as the rule may say it: `tcp dport`, where the field's own name is `th dport`. */
static struct str field_name(const struct nwf_lowering *lw, enum field_id field)
{
	bool six = lw->builder.rule->proto->family == 6;
	const struct nwf_header *said[] = {six ? nwf_header_find(STR("ip6")) : NULL, lw->transport};
	for (int i = 0; i < 2; i++)
		if (said[i] && nwf_has_field(said[i], field))
			return str_printf(lw->arena, "%s %s", said[i]->word,
					  nwf_field_word(said[i], field));
	return str_from(fields[field].name);
}

/* How messages call an attribute: by the words of its field. */
static struct str attr_name(const struct rule_builder *rb, const struct attr *at)
{
	static const char *const parts[] = {"", "", "upper end of ", "mask of "};
	const void *whole = (const char *)rb - offsetof(struct nwf_lowering, builder);
	struct str name = field_name(whole, (enum field_id)at->field);
	return str_printf(rb->arena, "%s%.*s", parts[at->part], STR_ARG(name));
}

/* --- which protocol --- */

static bool is_family(const struct nwf_header *h)
{
	return h->frame == PROTO_IP || h->frame == PROTO_IPV6;
}

/* A second header of a kind that a rule has once. */
static bool set_once(struct nwf_lowering *lw, const struct nwf_header **slot, struct span *span,
		     const struct nwf_header *h, struct span at)
{
	if (!*slot || *slot == h) {
		*slot = h;
		*span = span->file ? *span : at;
		return true;
	}
	struct finding *f =
		diag_add(lw->diags, FINDING(E115), at, "the rule is for %s already", (*slot)->word);
	diag_note(lw->diags, f, *span, "it says so here");
	diag_hint(lw->diags, f, "write a rule of its own for %s", h->word);
	return false;
}

static bool note_header(struct nwf_lowering *lw, struct meaning *me, const struct nwf_header *h,
			struct span at)
{
	if (h->frame == PROTO_MAC)
		me->ether = true;
	else if (is_family(h))
		return set_once(lw, &me->family, &me->family_span, h, at);
	else if (h->frame != PROTO_NONE)
		return set_once(lw, &me->frame, &me->frame_span, h, at);
	else if (h->ipproto >= 0)
		return set_once(lw, &me->transport, &me->transport_span, h, at);
	return true;
}

static bool contradicts(struct nwf_lowering *lw, struct span at, const char *word, struct span with,
			const char *other)
{
	struct finding *f = diag_add(lw->diags, FINDING(E115), at, "%s can not be tested beside %s",
				     word, other);
	diag_note(lw->diags, f, with, "%s is tested here", other);
	return false;
}

/* Headers that no packet has together. */
static bool check_meaning(struct nwf_lowering *lw, const struct meaning *me)
{
	if (me->frame && me->family)
		return contradicts(lw, me->family_span, me->family->word, me->frame_span,
				   me->frame->word);
	if (me->frame && me->transport)
		return contradicts(lw, me->transport_span, me->transport->word, me->frame_span,
				   me->frame->word);
	if (me->family && me->transport && me->transport->family &&
	    me->transport->family != me->family->family)
		return contradicts(lw, me->transport_span, me->transport->word, me->family_span,
				   me->family->word);
	return true;
}

static const struct proto *frame_proto(const struct meaning *me, int family)
{
	if (me->frame)
		return &protos[me->frame->frame];
	if (family)
		return &protos[family == 4 ? PROTO_IP : PROTO_IPV6];
	return &protos[me->ether ? PROTO_MAC : PROTO_NONE];
}

static const struct proto *packet_proto(const struct meaning *me, int family)
{
	int wanted = me->transport ? me->transport->ipproto : -1;
	for (int p = PROTO_NONE + 1; p < PROTOS; p++)
		if (protos[p].layer == LAYER_PACKET && protos[p].family == family &&
		    protos[p].ipproto == wanted)
			return &protos[p];
	return NULL;
}

/* --- matches --- */

static const struct attr *find_part(const struct proto *p, enum field_id field, enum attr_part part)
{
	for (uint32_t i = 0; i < p->nattrs; i++)
		if (p->attrs[i].field == field && p->attrs[i].part == part)
			return &p->attrs[i];
	return NULL;
}

static void find_slots(const struct proto *p, enum field_id field, struct nwf_slots *s)
{
	s->value = find_part(p, field, PART_VALUE);
	s->from = find_part(p, field, PART_FROM);
	s->to = find_part(p, field, PART_TO);
	s->mask = find_part(p, field, PART_MASK);
}

static void say_not_here(struct nwf_lowering *lw, const struct nwf_match *m, enum field_id field)
{
	bool frames = lw->layer == LAYER_FRAME;
	struct finding *f = diag_add(
		lw->diags, FINDING(E105), m->span, "%.*s can not be tested in this rule under %s",
		STR_ARG(field_name(lw, field)), frames ? "frames:" : "packets:");
	if (!frames && field == F_NET_PROTO) {
		diag_hint(lw->diags, f, "the protocol's own word says it: tcp, udp, icmp, ...");
		return;
	}
	for (int p = PROTO_NONE + 1; p < PROTOS; p++)
		if ((protos[p].layer == LAYER_FRAME) != frames &&
		    find_part(&protos[p], field, PART_VALUE)) {
			diag_hint(lw->diags, f, "rules under %s can test it",
				  frames ? "packets:" : "frames:");
			return;
		}
}

static bool relation_fits(struct nwf_lowering *lw, const struct nwf_match *m, enum field_id field,
			  const struct nwf_slots *s)
{
	bool count = field == F_CT_COUNT;
	bool upper = s->to && (s->to->flags & ATTR_ALONE);
	bool compares = m->relation >= NWF_GT;
	if (count ? compares : !compares || (upper && m->relation == NWF_LE))
		return true;
	struct finding *f = diag_add(lw->diags, FINDING(E111), m->span,
				     count ? "a number of connections is compared"
					   : "%.*s is not compared by size",
				     STR_ARG(field_name(lw, field)));
	diag_hint(lw->diags, f,
		  count ? "write 'ct count > 10' or 'ct count <= 10'"
			: "write a range, as in 1-10");
	return false;
}

/* `icmpv6 type <= 5`: an upper end alone. */
static bool is_upper_end(const struct nwf_match *m, const struct nwf_slots *s)
{
	return m->relation == NWF_LE && s->to && (s->to->flags & ATTR_ALONE);
}

static bool given(const struct nwf_lowering *lw, const struct attr *at)
{
	return at && lw->builder.uses[at - lw->builder.rule->proto->attrs].given;
}

static void lower_field(struct nwf_lowering *lw, const struct nwf_match *m, enum field_id field)
{
	struct nwf_slots s;
	struct nwf_match copy = *m;
	find_slots(lw->builder.rule->proto, field, &s);
	if (!s.value) {
		say_not_here(lw, m, field);
		return;
	}
	if (!relation_fits(lw, m, field, &s))
		return;
	if (given(lw, s.value) || given(lw, s.from) || given(lw, s.to)) {
		struct finding *f =
			diag_add(lw->diags, FINDING(E126), m->span, "%.*s is tested twice",
				 STR_ARG(field_name(lw, field)));
		diag_hint(lw->diags, f, "one test can hold a list: { a, b }");
		return;
	}
	if (is_upper_end(m, &s)) {
		s = (struct nwf_slots){.value = s.to};
		copy.relation = NWF_EQ;
	}
	nwf_lower_value(lw, &copy, &s);
}

static void lower_ipset(struct nwf_lowering *lw, const struct nwf_match *m)
{
	const struct proto *p = lw->builder.rule->proto;
	struct nwf_slots s = {.value = find_part(p, F_IPSET, PART_VALUE)};
	const struct attr *directions = find_part(p, F_IPSET, PART_MASK);
	if (!s.value) {
		say_not_here(lw, m, F_IPSET);
		return;
	}
	nwf_lower_value(lw, m, &s);
	struct str text = STR("");
	vec_each (w, &m->directions.list)
		text = str_printf(lw->arena, "%.*s%s%.*s", STR_ARG(text), text.len ? "," : "",
				  STR_ARG(w->text));
	if (text.len)
		rule_builder_set(&lw->builder, directions, m->relation != NWF_EQ, text,
				 m->directions.list.items[0].span,
				 m->directions.list.items[0].span);
}

static void lower_match(struct nwf_lowering *lw, const struct nwf_match *m)
{
	const struct nwf_header *h = nwf_header_find(m->header.text);
	if (!h) {
		lower_ipset(lw, m);
		return;
	}
	if (!m->field.kind)
		return;
	enum field_id field = nwf_field_find(h, field_word(lw->arena, m));
	if (field == FIELDS)
		say_unknown_field(lw, h, m);
	else
		lower_field(lw, m, field);
}

/* In frames the protocol behind ip is a test like others. */
static void lower_transport(struct nwf_lowering *lw, const struct meaning *me)
{
	struct nwf_slots s;
	if (lw->layer != LAYER_FRAME || !me->transport)
		return;
	find_slots(lw->builder.rule->proto, F_NET_PROTO, &s);
	rule_builder_set(&lw->builder, s.value, false,
			 str_printf(lw->arena, "%d", me->transport->ipproto), me->transport_span,
			 me->transport_span);
}

static void lower_comment(struct nwf_lowering *lw, const struct nwf_rule *r)
{
	const struct proto *p = lw->builder.rule->proto;
	const struct attr *at = find_part(p, F_COMMENT, PART_VALUE);
	vec_each (w, &r->comments.list) {
		struct finding *f = NULL;
		if (w != r->comments.list.items)
			diag_add(lw->diags, FINDING(E126), w->span, "a second comment");
		else if (!at)
			f = diag_add(lw->diags, FINDING(E105), w->span,
				     "a rule that tests nothing has no place for a comment");
		else
			rule_builder_set(&lw->builder, at, false, nwf_text(lw->arena, w), w->span,
					 w->span);
		if (f)
			diag_hint(lw->diags, f, "'ether' tests nothing, too, and has one");
	}
}

/* --- the rule --- */

static bool is_pass(const struct nwf_rule *r)
{
	return str_is(r->verb.text, "pass");
}

static void say_unknown_verb(struct nwf_lowering *lw, const struct nwf_word *w)
{
	struct nearest n = nearest_to(w->text);
	struct finding *f = diag_add(lw->diags, FINDING(E111), w->span, "'%.*s' is no action",
				     STR_ARG(w->text));
	for (int i = 0; i < ACTIONS; i++)
		nearest_try(&n, action_names[i]);
	nearest_try(&n, "pass");
	const char *habit = nwf_habit(HABIT_VERB, w->text);
	if (habit)
		diag_hint(lw->diags, f, "%s", habit);
	else if (n.name)
		nearest_hint(lw->diags, f, &n);
	else
		diag_hint(lw->diags, f, "pass, accept, drop, reject, return or continue");
}

/* The two layers have two words for letting through, since it is not the same thing. */
static bool read_verb(struct nwf_lowering *lw, const struct nwf_rule *r, enum action *out)
{
	struct finding *f;
	bool frames = lw->layer == LAYER_FRAME;
	for (int i = 0; i < ACTIONS; i++)
		if (str_is(r->verb.text, action_names[i]))
			*out = (enum action)i;
	if (is_pass(r))
		*out = ACTION_ACCEPT;
	if (!nwf_is_verb(r->verb.text)) {
		say_unknown_verb(lw, &r->verb);
		return false;
	}
	if (lw->layer == NO_LAYER) {
		if (!lw->layer_said) {
			f = diag_add(lw->diags, FINDING(E129), r->verb.span,
				     "no label says which layer the rule is for");
			diag_hint(lw->diags, f,
				  "write 'frames:' before rules that the bridge asks, 'packets:' "
				  "before those of the IP layer, with connections");
		}
		lw->layer_said = true;
		return false;
	}
	if (*out != ACTION_ACCEPT || is_pass(r) == frames)
		return true;
	f = diag_add(lw->diags, FINDING(E129), r->verb.span,
		     frames ? "a frame rule accepts nothing: the packet rules are asked, too"
			    : "to pass on is for frames; packets are accepted");
	diag_hint(lw->diags, f, "write '%s'", frames ? "pass" : "accept");
	return false;
}

static void read_options(struct nwf_lowering *lw, const struct nwf_rule *r, struct rule *out)
{
	out->statematch = !r->stateless.list.n;
	out->priority = PRIORITY_DEFAULT;
	vec_each (w, &r->priority.list) {
		if (w == r->priority.list.items)
			nwf_read_priority(lw, w, &out->priority);
		else
			diag_add(lw->diags, FINDING(E126), w->span, "a second priority");
	}
	if (r->stateless.list.n > 1)
		diag_add(lw->diags, FINDING(E126), r->stateless.list.items[1].span,
			 "'stateless' is said twice");
	if (r->stateless.list.n && lw->layer == LAYER_FRAME)
		diag_add(lw->diags, FINDING(W411), r->stateless.list.items[0].span,
			 "frame rules know no connections, so each is stateless");
}

static void lower_as(struct nwf_lowering *lw, const struct nwf_rule *r, const struct meaning *me,
		     const struct proto *p, struct rule *rule)
{
	lw->builder.name = attr_name;
	lw->transport = me->transport;
	rule_builder_start(&lw->builder, rule, p, lw->arena, lw->diags);
	lower_transport(lw, me);
	vec_each (m, &r->matches)
		lower_match(lw, *m);
	lower_comment(lw, r);
	rule_builder_finish(&lw->builder);
}

/* One rule of the tree; false when it has a mistake, which its twin need not repeat. */
static bool add_rule(struct nwf_lowering *lw, const struct nwf_rule *r, const struct meaning *me,
		     int family, struct rule model)
{
	uint32_t errors = lw->diags->errors;
	const struct proto *p =
		lw->layer == LAYER_FRAME ? frame_proto(me, family) : packet_proto(me, family);
	if (!p) {
		diag_add(lw->diags, FINDING(E104), me->transport_span,
			 "%s is no protocol of packet rules", me->transport->word);
		return false;
	}
	struct rule *rule = arena_new_object(lw->arena, struct rule);
	*rule = model;
	rule->proto = p;
	rule->number = ++lw->filter->nrules;
	lower_as(lw, r, me, p, rule);
	*vec_push(lw->arena, &lw->filter->entries) =
		(struct entry){.kind = ENTRY_RULE, .rule = rule};
	return lw->diags->errors == errors;
}

static bool read_meaning(struct nwf_lowering *lw, const struct nwf_rule *r, struct meaning *me)
{
	vec_each (m, &r->matches) {
		const struct nwf_header *h = nwf_header_find((*m)->header.text);
		if (h && !note_header(lw, me, h, (*m)->header.span))
			return false;
	}
	if (me->frame && lw->layer == LAYER_PACKET) {
		struct finding *f =
			diag_add(lw->diags, FINDING(E129), me->frame_span,
				 "%s is nothing that packet rules see", me->frame->word);
		diag_hint(lw->diags, f, "such rules stand under 'frames:'");
		return false;
	}
	return check_meaning(lw, me);
}

static int family_of(const struct nwf_lowering *lw, const struct meaning *me)
{
	if (me->family)
		return me->family->family;
	if (me->transport && me->transport->family)
		return me->transport->family;
	return lw->layer == LAYER_PACKET || me->transport ? -1 : 0; /* -1: both */
}

void nwf_lower_rule(struct nwf_lowering *lw, const struct nwf_rule *r, struct span span)
{
	struct meaning me = {0};
	struct rule model = {.span = span, .filter = lw->filter};
	if (!read_verb(lw, r, &model.action) || !read_meaning(lw, r, &me))
		return;
	for (int i = 0; i < DIRECTIONS; i++)
		if (str_is(r->direction.text, direction_names[i]))
			model.direction = (enum direction)i;
	read_options(lw, r, &model);
	int family = family_of(lw, &me);
	if (family >= 0)
		add_rule(lw, r, &me, family, model);
	else if (add_rule(lw, r, &me, 4, model))
		add_rule(lw, r, &me, 6, model);
}
