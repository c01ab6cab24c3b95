/* SPDX-License-Identifier: MIT */
/*
 * Attributes to tests. An attribute is remembered by its row; only when all are
 * known are values, masks and range ends put together, in the order of the
 * table, and checked against one another. So the order in which a document
 * gives them has no influence, other than in libvirt, where it decides whether
 * "ports need a protocol" is an error.
 */
#include "ir/filter.h"
#include "ir/findings.h"

/* libvirt's limit; longer ones are cut there without a word. */
#define COMMENT_MAX 256

void rule_builder_start(struct rule_builder *rb, struct rule *rule, const struct proto *p,
			struct arena *a, struct diags *ds)
{
	rule->proto = p;
	rb->arena = a;
	rb->diags = ds;
	rb->rule = rule;
	if (rb->room < p->nattrs) {
		rb->room = p->nattrs;
		rb->uses = arena_new_array(a, struct attr_use, rb->room);
	} else if (p->nattrs) {
		memset(rb->uses, 0, p->nattrs * sizeof *rb->uses);
	}
}

/* Says which words could stand there. */
static void hint_names(struct diags *ds, struct finding *f, const struct attr *at)
{
	const struct value_name *n = value_names((enum value_type)at->type);
	struct str list = STR("");
	for (; n && n->name; n++)
		list = str_printf(ds->arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "",
				  n->name);
	if (list.len)
		diag_hint(ds, f, "known words: %.*s", STR_ARG(list));
}

static struct str name_of(const struct rule_builder *rb, const struct attr *at)
{
	return rb->name ? rb->name(rb, at) : str_from(at->xml);
}

static void bad_value(struct rule_builder *rb, const struct attr *at, struct str text,
		      struct span sp, const char *why)
{
	bool range = at->max && strstr(why, "range of the attribute");
	struct str because = range ? str_printf(rb->arena, "is outside %u..%u", at->min, at->max)
				   : str_from(why);
	struct finding *f = diag_add(rb->diags, FINDING(E112), sp, "%.*s '%.*s' %.*s",
				     STR_ARG(name_of(rb, at)), STR_ARG(text), STR_ARG(because));
	hint_names(rb->diags, f, at);
	bool address = at->type == VT_IP4 || at->type == VT_IP6;
	if (address && memchr(text.s, '/', text.len))
		diag_hint(rb->diags, f, "the prefix length goes into the mask attribute");
}

static void set_variable(struct rule_builder *rb, struct operand *op, struct str text)
{
	const char *why;
	if (op->attr->flags & ATTR_NO_VAR) {
		diag_add(rb->diags, FINDING(E114), op->span, "%.*s takes no variable",
			 STR_ARG(name_of(rb, op->attr)));
		return;
	}
	why = var_ref_parse(text, &op->var);
	if (why)
		diag_add(rb->diags, FINDING(E113), op->span, "'%.*s' %s", STR_ARG(text), why);
	else
		op->kind = OPERAND_VAR;
}

static void cut_comment(struct rule_builder *rb, struct operand *op)
{
	struct str *t = &op->value.text;
	if (t->len <= COMMENT_MAX)
		return;
	diag_add(rb->diags, FINDING(W405), op->span, "the comment has %u bytes", t->len);
	t->len = COMMENT_MAX;
	while (t->len && ((unsigned char)t->s[t->len] & 0xc0) == 0x80)
		t->len--;
}

bool rule_builder_read(struct rule_builder *rb, const struct attr *at, struct str text,
		       struct span span, struct value *out)
{
	const char *why =
		value_parse(rb->arena, (enum value_type)at->type, at->min, at->max, text, out);
	if (!why && (at->flags & ATTR_DECIMAL) && out->hex)
		why = "is not a decimal number";
	if (why)
		bad_value(rb, at, text, span, why);
	return !why;
}

static void set_value(struct rule_builder *rb, struct operand *op, struct str text)
{
	const struct attr *at = op->attr;
	if (!rule_builder_read(rb, at, text, op->span, &op->value))
		return;
	op->kind = OPERAND_VALUE;
	if (at->type == VT_TEXT)
		cut_comment(rb, op);
	if (at->type == VT_ARPOP && op->value.u == 9 && !rb->name)
		diag_hint(rb->diags,
			  diag_add(rb->diags, FINDING(W406), op->span, "'%.*s' is operation 9",
				   STR_ARG(text)),
			  "the number 9 is emitted, as the language has it; write 10 for a NAK");
}

/* The use of an attribute, begun anew. */
static struct attr_use *begin_use(struct rule_builder *rb, const struct attr *at, bool negated,
				  struct span value_span, struct span name_span)
{
	struct attr_use *u = &rb->uses[at - rb->rule->proto->attrs];
	if (negated && (at->flags & ATTR_NO_NEG)) {
		struct finding *f = diag_add(rb->diags, FINDING(E119), name_span,
					     rb->name ? "%.*s has no negation"
						      : "match='no' has no meaning for %.*s",
					     STR_ARG(name_of(rb, at)));
		if (!rb->name)
			diag_hint(rb->diags, f,
				  "put it into an element of its own, without match='no'");
	}
	negated &= at->field != F_COMMENT; /* a comment has no sign, wherever it stands */
	*u = (struct attr_use){.given = true, .negated = negated, .name_span = name_span};
	u->operand.attr = at;
	u->operand.span = value_span;
	return u;
}

void rule_builder_set(struct rule_builder *rb, const struct attr *at, bool negated, struct str text,
		      struct span value_span, struct span name_span)
{
	struct attr_use *u = begin_use(rb, at, negated, value_span, name_span);
	if (text.len && text.s[0] == '$')
		set_variable(rb, &u->operand, text);
	else
		set_value(rb, &u->operand, text);
}

void rule_builder_set_list(struct rule_builder *rb, const struct attr *at, bool negated, bool none,
			   const struct value_list *list, struct span value_span,
			   struct span name_span)
{
	struct attr_use *u = begin_use(rb, at, negated, value_span, name_span);
	u->none = none;
	u->operand.kind = OPERAND_LIST;
	u->operand.list = list;
}

void rule_builder_none(struct rule_builder *rb, const struct attr *at)
{
	rb->uses[at - rb->rule->proto->attrs].none = true;
}

/* --- putting the parts together --- */

static struct test *find_test(struct rule *r, enum field_id field)
{
	vec_each (t, &r->tests)
		if (t->field == field)
			return t;
	return NULL;
}

static void add_test(struct rule_builder *rb, const struct attr *at, const struct attr_use *u)
{
	struct test *t = find_test(rb->rule, (enum field_id)at->field);
	if (t) { /* an address and an address range */
		struct finding *f =
			diag_add(rb->diags, FINDING(E117), u->name_span,
				 "%s and %s can not both be given", t->value.attr->xml, at->xml);
		diag_note(rb->diags, f, t->span, "the other one is here");
		return;
	}
	*vec_push(rb->arena, &rb->rule->tests) = (struct test){.field = (enum field_id)at->field,
							       .negated = u->negated,
							       .none = u->none,
							       .from = at->part == PART_FROM,
							       .value = u->operand,
							       .span = u->name_span};
}

/* A mask or upper end; takes the sign of what it belongs to. */
static void add_part(struct rule_builder *rb, const struct attr *at, const struct attr_use *u)
{
	struct test *t = find_test(rb->rule, (enum field_id)at->field);
	bool range_of_address = at->part == PART_TO && (at->type == VT_IP4 || at->type == VT_IP6);
	if (!t && (at->flags & ATTR_ALONE)) {
		*vec_push(rb->arena, &rb->rule->tests) =
			(struct test){.field = (enum field_id)at->field,
				      .negated = u->negated,
				      .to = u->operand,
				      .span = u->name_span};
		return;
	}
	bool fits = t && (at->part == PART_MASK ? !t->from : !range_of_address || t->from);
	if (!fits) {
		diag_add(rb->diags, FINDING(E116), u->name_span, "%s has no effect without %s",
			 at->xml,
			 at->field == F_IPSET    ? "ipset"
			 : at->part == PART_MASK ? "its address"
						 : "the lower end");
		return;
	}
	*(at->part == PART_MASK ? &t->mask : &t->to) = u->operand;
}

static void check_range(struct rule_builder *rb, const struct test *t)
{
	if (t->value.kind == OPERAND_VALUE && t->to.kind == OPERAND_VALUE &&
	    value_cmp(&t->value.value, &t->to.value) > 0) {
		struct finding *f = diag_add(rb->diags, FINDING(E125), t->to.span,
					     "the upper end lies below the lower one");
		diag_note(rb->diags, f, t->value.span, "the lower end");
	}
}

static void check_flags(struct rule_builder *rb, const struct test *t)
{
	uint32_t u = t->value.value.u;
	if (t->field != F_TCP_FLAGS || t->value.kind != OPERAND_VALUE || !(u & 255 & ~(u >> 8)))
		return;
	diag_add(rb->diags, FINDING(W408), t->value.span,
		 "a flag is wanted that the mask leaves out, so the test can never hold");
}

/*
 * The protocol of an IPv6 frame is what stands behind the extension headers, AH
 * among them. (44 is left out: a later fragment has no other protocol.)
 */
static void check_extension_header(struct rule_builder *rb, const struct test *t)
{
	static const uint8_t headers[] = {0, 43, 51, 59, 60};
	const struct proto *p = rb->rule->proto;
	if (t->field != F_NET_PROTO || t->value.kind != OPERAND_VALUE || p->family != 6 ||
	    p->layer != LAYER_FRAME)
		return;
	for (size_t i = 0; i < sizeof headers; i++)
		if (t->value.value.u == headers[i]) {
			struct finding *f = diag_add(
				rb->diags, FINDING(W410), t->value.span,
				"%u is an extension header of IPv6 and never the protocol "
				"behind them, so the test %s",
				headers[i], t->negated ? "excludes nothing" : "never holds");
			if (headers[i] == 51)
				diag_hint(rb->diags, f, "ah-ipv6 matches packets with AH");
		}
}

/* Frame rules with ports or ICMP types name the protocol themselves. */
static void check_protocol(struct rule_builder *rb)
{
	const struct test *proto = find_test(rb->rule, F_NET_PROTO);
	bool known = proto && !proto->negated && proto->value.kind == OPERAND_VALUE;
	uint32_t p = known ? proto->value.value.u : 256;
	bool bad = proto && (proto->value.kind == OPERAND_NONE); /* its own finding is there */
	vec_each (t, &rb->rule->tests) {
		bool port = t->field == F_TH_SPORT || t->field == F_TH_DPORT;
		bool icmp = t->field == F_ICMP_TYPE || t->field == F_ICMP_CODE;
		if (bad || rb->rule->proto->layer != LAYER_FRAME)
			return;
		if (port && p != 6 && p != 17 && p != 33 && p != 132)
			diag_add(rb->diags, FINDING(E118), t->span,
				 "a port needs protocol tcp (6), udp (17), dccp (33) or sctp "
				 "(132), not negated");
		if (icmp && p != 58)
			diag_add(rb->diags, FINDING(E118), t->span,
				 "an ICMPv6 type or code needs protocol icmpv6 (58), not negated");
		if (port || icmp)
			break;
	}
}

static void check_icmp(struct rule_builder *rb)
{
	const struct test *type = find_test(rb->rule, F_ICMP_TYPE),
			  *code = find_test(rb->rule, F_ICMP_CODE);
	if (code && !type && rb->rule->proto->layer == LAYER_PACKET)
		diag_add(rb->diags, FINDING(E116), code->span, "code has no effect without type");
	if (code && type && (code->none || type->none)) {
		struct finding *f = diag_add(rb->diags, FINDING(E119), code->span,
					     "of several values type and code can not be negated "
					     "together");
		diag_hint(rb->diags, f, "write a rule for each code");
	} else if (code && type && code->negated != type->negated) {
		struct finding *f = diag_add(rb->diags, FINDING(E119), code->span,
					     "type and code can only be negated together");
		diag_note(rb->diags, f, type->span, "the type is here");
	}
}

/* As many tests as attributes at most: most rules have few, and there are many rules. */
static void make_room(struct rule_builder *rb)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < rb->rule->proto->nattrs; i++)
		n += rb->uses[i].given;
	if (!n)
		return;
	rb->rule->tests.items = arena_new_array(rb->arena, struct test, n);
	rb->rule->tests.cap = n;
}

static struct attr_use *find_use(struct rule_builder *rb, uint8_t field, enum attr_part part)
{
	const struct proto *p = rb->rule->proto;
	for (uint32_t i = 0; i < p->nattrs; i++)
		if (p->attrs[i].field == field && p->attrs[i].part == part)
			return &rb->uses[i];
	return NULL;
}

/* A range without an upper end is its one address, and the same test as that address. */
static void close_ranges(struct rule_builder *rb)
{
	const struct proto *p = rb->rule->proto;
	for (uint32_t i = 0; i < p->nattrs; i++) {
		const struct attr *at = &p->attrs[i];
		if (at->part != PART_FROM || !rb->uses[i].given)
			continue;
		struct attr_use *value = find_use(rb, at->field, PART_VALUE);
		if (value->given || find_use(rb, at->field, PART_TO)->given ||
		    find_use(rb, at->field, PART_MASK)->given)
			continue;
		*value = rb->uses[i];
		value->operand.attr = &p->attrs[value - rb->uses];
		rb->uses[i].given = false;
	}
}

void rule_builder_finish(struct rule_builder *rb)
{
	const struct proto *p = rb->rule->proto;
	close_ranges(rb);
	make_room(rb);
	for (int parts = 0; parts < 2; parts++) /* values first: parts look for theirs */
		for (uint32_t i = 0; i < p->nattrs; i++) {
			const struct attr *at = &p->attrs[i];
			bool part = at->part == PART_MASK || at->part == PART_TO;
			if (rb->uses[i].given && part == parts)
				(part ? add_part : add_test)(rb, at, &rb->uses[i]);
		}
	vec_each (t, &rb->rule->tests) {
		check_range(rb, t);
		check_flags(rb, t);
		check_extension_header(rb, t);
		if (t->field == F_IPSET && t->mask.kind == OPERAND_NONE) /* no directions: src */
			t->mask = (struct operand){.kind = OPERAND_VALUE,
						   .span = t->span,
						   .attr = attr_find(p, STR("ipsetflags")),
						   .value = {.type = VT_SETFLAGS, .u = 1 << 8}};
	}
	check_protocol(rb);
	check_icmp(rb);
	if (proto_id(p) == PROTO_STP && rb->rule->direction == DIR_INOUT &&
	    find_test(rb->rule, F_ETHER_SADDR))
		diag_add(rb->diags, FINDING(E123), find_test(rb->rule, F_ETHER_SADDR)->span,
			 "an stp rule with srcmacaddr needs direction in or out: BPDUs have no "
			 "exchanged form");
}
