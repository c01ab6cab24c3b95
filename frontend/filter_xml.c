/* SPDX-License-Identifier: MIT */
/*
 * Reader of network filters: libvirt's <filter>, or several of them inside
 * <filters>. What an attribute of a protocol means is known to the field table
 * and to rule_builder; here stands what the elements around it mean.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "frontend/readers.h"

struct filter_reader {
	struct filter *filter;
	struct rule *rule;
	struct rule_builder builder; /* begun at the rule's first protocol element */
	bool has_builder, has_uuid;
	uint32_t errors;                  /* that had been said when the filter began */
	vec_of(struct finding *) unknown; /* elements of the rule that no protocol has */
};

static struct filter_reader *reader(struct xml_text *x)
{
	if (!x->filters)
		x->filters = arena_new_object(x->arena, struct filter_reader);
	return x->filters;
}

/* --- small values --- */

bool read_priority(struct str s, int *out)
{
	bool minus = s.len && s.s[0] == '-';
	uint32_t i = s.len && (s.s[0] == '-' || s.s[0] == '+');
	int v = 0;
	if (i == s.len)
		return false;
	for (; i < s.len; i++) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return false;
		v = v * 10 + (s.s[i] - '0');
		if (v > PRIORITY_MAX)
			return false;
	}
	*out = minus ? -v : v;
	return *out >= PRIORITY_MIN;
}

static void set_priority(struct xml_text *x, const struct xml_attr *a, int *out)
{
	if (!read_priority(a->value, out))
		diag_add(x->diags, FINDING(E109), a->value_span,
			 "'%.*s' is not a number from %d to %d", STR_ARG(a->value), PRIORITY_MIN,
			 PRIORITY_MAX);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool uuid_parse(struct arena *a, struct str s, struct str *out)
{
	uint8_t b[16];
	uint32_t i = 0, n = 0;
	while (i < s.len && is_blank(s.s[i]))
		i++;
	while (i < s.len && n < 16) {
		if (s.s[i] == '-' || s.s[i] == ' ') {
			i++;
			continue;
		}
		if (i + 1 == s.len || hex_digit(s.s[i]) < 0 || hex_digit(s.s[i + 1]) < 0)
			return false;
		b[n++] = (uint8_t)(hex_digit(s.s[i]) << 4 | hex_digit(s.s[i + 1]));
		i += 2;
	}
	while (i < s.len && is_blank(s.s[i]))
		i++;
	if (n < 16 || i < s.len)
		return false;
	char *t = arena_alloc(a, 37), *p = t;
	for (n = 0; n < 16; n++) {
		static const char digits[] = "0123456789abcdef";
		if (n == 4 || n == 6 || n == 8 || n == 10)
			*p++ = '-';
		*p++ = digits[b[n] >> 4];
		*p++ = digits[b[n] & 15];
	}
	*out = (struct str){t, 36};
	return true;
}

/* --- references --- */

const char *const filterref_attrs[] = {"filter", NULL};
static const char *const parameter_attrs[] = {"name", "value", NULL};

void filterref_read(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr_needed(x, e, "filter");
	x->ref = arena_new_object(x->arena, struct filter_ref);
	x->ref->span = a ? a->value_span : e->span;
	x->ref->filter = a ? a->value : STR("");
	if (a && !a->value.len)
		diag_add(x->diags, FINDING(E106), a->value_span, "the reference names no filter");
}

static bool parameter_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *name = xml_attr_needed(x, e, "name");
	const struct xml_attr *value = xml_attr_needed(x, e, "value");
	if (name && value)
		params_add(&x->ref->params, name->value, name->value_span, value->value,
			   value->value_span, x->diags);
	return true;
}

const struct element_type filterref_children[] = {
	{.name = "parameter", .attrs = parameter_attrs, .open = parameter_open}, {0}};

static bool ref_open(struct xml_text *x, const struct xml_element *e)
{
	filterref_read(x, e);
	return true;
}

static void ref_close(struct xml_text *x, struct str text, struct span span)
{
	struct filter *f = reader(x)->filter;
	if (x->ref->filter.len)
		*vec_push(x->arena, &f->entries) = (struct entry){.kind = ENTRY_REF, .ref = x->ref};
	x->ref = NULL;
}

/* --- protocol elements --- */

/* The manual calls no element so, but people do. */
static const struct attr_alias proto_slips[] = {
	{"icmp-ipv6", "icmpv6"}, {"tcp6", "tcp-ipv6"},  {"tcpv6", "tcp-ipv6"},
	{"udp6", "udp-ipv6"},    {"udpv6", "udp-ipv6"}, {"ip6", "ipv6"},
	{"all6", "all-ipv6"},    {"allv6", "all-ipv6"}, {NULL, NULL}};

static void hint_proto(struct diags *ds, struct finding *f, struct str name)
{
	struct nearest n = nearest_to(name);
	for (const struct attr_alias *s = proto_slips; s->wrong; s++)
		if (str_is(name, s->wrong))
			n = (struct nearest){.word = name, .name = s->right};
	for (unsigned i = PROTO_NONE + 1; i < PROTOS; i++)
		nearest_try(&n, protos[i].xml);
	nearest_hint(ds, f, &n);
}

/*
 * Kept as errors until the rule ends: when no other element says what to match,
 * the rule would match every frame, and that is no matter of leniency.
 */
static void say_unknown_proto(struct xml_text *x, const struct xml_element *e)
{
	struct finding *f = diag_add(x->diags, FINDING(E104), e->name_span,
				     "<%.*s> is not a protocol", STR_ARG(e->name));
	hint_proto(x->diags, f, e->name);
	*vec_push(x->arena, &reader(x)->unknown) = f;
}

/* Which protocols have an attribute of this name. */
static void hint_owners(struct xml_text *x, struct finding *f, struct str name)
{
	struct str list = STR("");
	for (unsigned i = PROTO_NONE + 1; i < PROTOS; i++)
		if (attr_find(&protos[i], name))
			list = str_printf(x->arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "",
					  protos[i].xml);
	if (list.len)
		diag_hint(x->diags, f, "these have it: %.*s", STR_ARG(list));
}

static void say_unknown_field(struct xml_text *x, const struct proto *p,
			      const struct xml_element *e, const struct xml_attr *a)
{
	struct nearest n = nearest_to(a->name);
	for (uint32_t i = 0; i < p->nattrs; i++)
		if (!xml_attr(e, p->attrs[i].xml))
			nearest_try(&n, p->attrs[i].xml);
	nearest_try(&n, "match");
	struct finding *f = xml_unknown_attr(x, e, a, &n);
	if (!n.name)
		hint_owners(x, f, a->name);
}

/* The row of an attribute; a documented wrong name is read as what it means. */
static const struct attr *find_attr(struct xml_text *x, const struct proto *p,
				    const struct xml_attr *a)
{
	const struct attr *at = attr_find(p, a->name);
	const char *right = at ? NULL : attr_alias(p, a->name);
	if (!right)
		return at;
	struct finding *f = diag_add(x->diags, FINDING(W404), a->name_span,
				     "'%.*s' is read as '%s'", STR_ARG(a->name), right);
	diag_hint(x->diags, f, "write '%s'; libvirt passes over '%.*s'", right, STR_ARG(a->name));
	return attr_find(p, str_from(right));
}

/* Exactly 'no' negates; libvirt reads everything else as yes. */
static bool read_match(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "match");
	if (!a || str_is(a->value, "yes"))
		return false;
	if (str_is(a->value, "no"))
		return true;
	struct finding *f = diag_add(x->diags, FINDING(E111), a->value_span,
				     "match '%.*s' is neither yes nor no", STR_ARG(a->value));
	diag_hint(x->diags, f, "libvirt reads it as yes");
	diag_soften(x->diags, f);
	return false;
}

/* The first protocol of a rule holds; true when e is of it. */
static bool begin_proto(struct xml_text *x, const struct xml_element *e)
{
	struct filter_reader *r = reader(x);
	const struct proto *p = proto_find(e->name);
	if (!r->has_builder) {
		rule_builder_start(&r->builder, r->rule, p, x->arena, x->diags);
		r->has_builder = true;
		return true;
	}
	if (r->rule->proto == p)
		return true;
	struct finding *f = diag_add(x->diags, FINDING(E115), e->name_span,
				     "the rule is for %s already", r->rule->proto->xml);
	diag_hint(x->diags, f, "write a rule of its own for %s; libvirt passes over it here",
		  p->xml);
	diag_soften(x->diags, f);
	return false;
}

/* Two elements can say what one can not: match='no' is for all of one. But not twice the same. */
static void warn_replaced(struct xml_text *x, const struct attr *at, const struct xml_attr *a)
{
	struct filter_reader *r = reader(x);
	const struct attr_use *u = &r->builder.uses[at - r->rule->proto->attrs];
	if (u->operand.kind == OPERAND_NONE)
		return;
	struct finding *f = diag_add(x->diags, FINDING(W412), a->name_span,
				     "this takes the place of the %s before: a rule's <%s> are one",
				     at->xml, r->rule->proto->xml);
	diag_note(x->diags, f, u->name_span, "the value that is lost");
	diag_hint(x->diags, f, "for either one or the other write two rules");
}

static bool proto_open(struct xml_text *x, const struct xml_element *e)
{
	struct filter_reader *r = reader(x);
	if (!begin_proto(x, e))
		return false;
	bool negated = read_match(x, e);
	for (uint32_t i = 0; i < e->nattrs && !arena_full(x->arena); i++) {
		const struct xml_attr *a = &e->attrs[i];
		if (str_is(a->name, "match"))
			continue;
		const struct attr *at = find_attr(x, r->rule->proto, a);
		if (at)
			warn_replaced(x, at, a);
		if (at)
			rule_builder_set(&r->builder, at, negated, a->value, a->value_span,
					 a->name_span);
		else
			say_unknown_field(x, r->rule->proto, e, a);
	}
	return true;
}

static const struct element_type proto_type = {.open = proto_open};

static const struct element_type *proto_of(struct xml_text *x, struct str name)
{
	return proto_find(name) ? &proto_type : NULL;
}

/* --- rules --- */

static const char *const rule_attrs[] = {"action", "direction", "priority", "statematch", NULL};

/* libvirt switches off on 0 and false and takes all other words for true. */
static bool read_statematch(struct xml_text *x, const struct xml_attr *a)
{
	if (!a || str_is(a->value, "1") || str_eq_nocase(a->value, STR("true")))
		return true;
	if (str_is(a->value, "0") || str_eq_nocase(a->value, STR("false")))
		return false;
	struct finding *f =
		diag_add(x->diags, FINDING(E111), a->value_span,
			 "statematch '%.*s' is neither true nor false", STR_ARG(a->value));
	diag_hint(x->diags, f, "libvirt reads it as true");
	diag_soften(x->diags, f);
	return true;
}

static bool rule_open(struct xml_text *x, const struct xml_element *e)
{
	struct filter_reader *r = reader(x);
	struct rule *rule = arena_new_object(x->arena, struct rule);
	const struct xml_attr *action = xml_attr_needed(x, e, "action");
	const struct xml_attr *direction = xml_attr_needed(x, e, "direction");
	const struct xml_attr *priority = xml_attr(e, "priority");
	int word;
	*rule = (struct rule){.proto = &protos[PROTO_NONE],
			      .priority = PRIORITY_DEFAULT,
			      .span = e->span,
			      .filter = r->filter,
			      .number = ++r->filter->nrules};
	if (action && (word = xml_word(x, action, action_names, ACTIONS)) >= 0)
		rule->action = (enum action)word;
	if (direction && (word = xml_word(x, direction, direction_names, DIRECTIONS)) >= 0)
		rule->direction = (enum direction)word;
	if (priority)
		set_priority(x, priority, &rule->priority);
	rule->statematch = read_statematch(x, xml_attr(e, "statematch"));
	r->rule = rule;
	r->has_builder = false;
	r->unknown.n = 0;
	return true;
}

static void rule_close(struct xml_text *x, struct str text, struct span span)
{
	struct filter_reader *r = reader(x);
	if (r->has_builder)
		rule_builder_finish(&r->builder);
	vec_each (f, &r->unknown) {
		if (r->has_builder)
			diag_soften(x->diags, *f);
		else
			diag_note(x->diags, *f, r->rule->span,
				  "without it this rule would match every frame");
	}
	*vec_push(x->arena, &r->filter->entries) =
		(struct entry){.kind = ENTRY_RULE, .rule = r->rule};
}

/* --- the filter --- */

static const char *const filter_attrs[] = {"name", "chain", "priority", NULL};

void filter_check_name(struct filter *f, struct diags *ds)
{
	if (!f->name.len)
		diag_add(ds, FINDING(E107), f->span, "the filter's name is empty");
	for (uint32_t i = 0; i < f->name.len; i++)
		if ((unsigned char)f->name.s[i] < ' ' || f->name.s[i] == 0x7f) {
			diag_add(ds, FINDING(E107), f->name_span,
				 "the filter's name has a control character");
			f->name = STR("");
		}
}

static void read_name(struct xml_text *x, const struct xml_element *e, struct filter *f)
{
	const struct xml_attr *a = xml_attr_needed(x, e, "name");
	f->name_span = a ? a->value_span : e->span;
	if (!a)
		return;
	f->name = a->value;
	filter_check_name(f, x->diags);
}

static bool chain_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == ':' || c == '-';
}

/* Specification 1.1: what is wrong with a chain's name, or NULL. */
static const char *chain_name_check(struct str name)
{
	if (str_is(name, "root"))
		return NULL;
	if (name.len >= 4 && memcmp(name.s, "root", 4) == 0)
		return "begins with root, but only root itself may";
	if (name.len > CHAIN_NAME_MAX)
		return "is longer than 12 characters";
	for (uint32_t i = 0; i < name.len; i++)
		if (!chain_char(name.s[i]))
			return "has a character other than letters, digits and _ . : -";
	return chain_prefix_find(name) ? NULL : "is not root and begins with no known prefix";
}

static void hint_prefixes(struct diags *ds, struct finding *f)
{
	struct str list = STR("");
	for (const struct chain_prefix *c = chain_prefixes; c->prefix; c++)
		list = str_printf(ds->arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "",
				  c->prefix);
	diag_hint(ds, f, "a chain is root, or begins with one of %.*s", STR_ARG(list));
}

void filter_set_chain(struct filter *f, struct str name, struct span span, struct diags *ds)
{
	const char *why = chain_name_check(name);
	f->chain_span = span;
	if (why) {
		struct finding *d =
			diag_add(ds, FINDING(E108), span, "chain '%.*s' %s", STR_ARG(name), why);
		hint_prefixes(ds, d);
		return;
	}
	f->chain_given = true;
	f->chain = name;
	const struct chain_prefix *prefix = chain_prefix_find(name);
	f->priority = prefix ? prefix->priority : 0;
}

/* An empty name is no name: libvirt takes root. */
static void read_chain(struct xml_text *x, const struct xml_element *e, struct filter *f)
{
	const struct xml_attr *a = xml_attr(e, "chain");
	f->chain = STR("root");
	f->chain_span = e->span;
	if (!a || !a->value.len)
		return;
	filter_set_chain(f, a->value, a->value_span, x->diags);
}

static bool filter_open(struct xml_text *x, const struct xml_element *e)
{
	struct filter_reader *r = reader(x);
	const struct xml_attr *priority = xml_attr(e, "priority");
	struct filter *f = r->filter = arena_new_object(x->arena, struct filter);
	r->has_uuid = false;
	r->errors = x->diags->errors;
	f->span = e->span;
	read_name(x, e, f);
	read_chain(x, e, f);
	f->priority_span = priority ? priority->value_span : e->span;
	f->priority_given = priority;
	int given = f->priority;
	if (priority)
		set_priority(x, priority, &given);
	if (f->chain_given) /* without a chain it has no effect */
		f->priority = given;
	return true;
}

static void filter_close(struct xml_text *x, struct str text, struct span span)
{
	struct filter *f = reader(x)->filter;
	f->end = x->end;
	f->broken = x->diags->errors > reader(x)->errors;
	if (f->name.len)
		library_add(x->cx->library, f, x->cx->stock, x->diags);
}

static bool uuid_open(struct xml_text *x, const struct xml_element *e)
{
	return xml_once(x, e, &reader(x)->has_uuid);
}

/* An empty one is none. */
static void uuid_close(struct xml_text *x, struct str text, struct span span)
{
	if (text.len && !uuid_parse(x->arena, text, &reader(x)->filter->uuid))
		diag_add(x->diags, FINDING(E110), span, "'%.*s' is not a UUID", STR_ARG(text));
}

static const char *const no_attrs[] = {NULL};

static const struct element_type filter_children[] = {
	{.name = "uuid",
	 .flags = ELEMENT_TEXT,
	 .attrs = no_attrs,
	 .open = uuid_open,
	 .close = uuid_close},
	{.name = "rule",
	 .attrs = rule_attrs,
	 .other = proto_of,
	 .unknown = say_unknown_proto,
	 .open = rule_open,
	 .close = rule_close},
	{.name = "filterref",
	 .attrs = filterref_attrs,
	 .children = filterref_children,
	 .open = ref_open,
	 .close = ref_close},
	{0},
};

#define FILTER_ROW                                                                                 \
	{                                                                                          \
		.name = "filter", .attrs = filter_attrs, .children = filter_children,              \
		.open = filter_open, .close = filter_close                                         \
	}

static const struct element_type filters_children[] = {FILTER_ROW, {0}};

const struct element_type filter_roots[] = {
	FILTER_ROW,
	{.name = "filters", .attrs = no_attrs, .children = filters_children},
	{0},
};
