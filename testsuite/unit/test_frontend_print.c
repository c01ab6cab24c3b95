/* SPDX-License-Identifier: MIT */
/*
 * Printing filters: the canonical form, and the property that it is read back
 * as the same filter, on random filters and on those that come with the program.
 */
#define _GNU_SOURCE
#include "frontend_fixture.h"

#include <dirent.h>

#include "frontend/stock.h"
#include "ir/passes.h"

static struct fixture *fx;

static int setup(void **state)
{
	fx = fixture_new((size_t)256 << 20, false);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(fx);
	return 0;
}

/* --- the form --- */

static void assert_prints(const char *text, const char *name, const char *want)
{
	bool ok = fixture_read(fx, text, strlen(text));
	if (!ok)
		print_findings(fx);
	assert_true(ok);
	struct buf b = print_filter(fixture_filter(fx, name));
	buf_char(&b, 0);
	assert_string_equal(b.data, want);
	buf_drop(&b);
}

static void test_form(void **state)
{
	assert_prints("<filter name='a'/>", "a", "<filter name='a' chain='root'/>\n");
	assert_prints("<filter name='b' chain='arp'><uuid>5C6D49AFB0716127B4EC6F8ED4B55335</uuid>"
		      "<rule direction='in' action='drop' statematch='0'/></filter>",
		      "b",
		      "<filter name='b' chain='arp' priority='-500'>\n"
		      "  <uuid>5c6d49af-b071-6127-b4ec-6f8ed4b55335</uuid>\n"
		      "  <rule action='drop' direction='in' priority='500' statematch='false'/>\n"
		      "</filter>\n");
	/* attributes in the table's order, signs apart, numbers in their base, words for numbers */
	assert_prints("<filter name='c'><rule direction='in' action='drop' priority='-7'>"
		      "<ip dstportstart='0x50' protocol='6' match='no' srcipaddr='$A[@0]' "
		      "srcipmask='255.255.0.0' srcmacaddr='A:B:C:D:E:F'/>"
		      "<ip protocol='0x6' dstportend='81'/></rule></filter>",
		      "c",
		      "<filter name='c' chain='root'>\n"
		      "  <rule action='drop' direction='in' priority='-7'>\n"
		      "    <ip match='no' srcmacaddr='0a:0b:0c:0d:0e:0f' srcipaddr='$A' "
		      "srcipmask='16'/>\n"
		      "    <ip protocol='tcp'/>\n"
		      "    <ip match='no' dstportstart='0x50' dstportend='81'/>\n"
		      "  </rule>\n"
		      "</filter>\n");
	/* parameters by name, their values in order; text escaped */
	assert_prints("<filter name='&lt;&quot;&apos;&amp;>'><filterref filter='x&#233;'>"
		      "<parameter name='b' value='2'/><parameter name='a' value='3'/>"
		      "<parameter name='b' value='1'/></filterref>"
		      "<rule direction='out' action='accept'><all comment='a&#10;b "
		      "\"c\"'/></rule></filter>",
		      "<\"'&>",
		      "<filter name='&lt;&quot;&apos;&amp;&gt;' chain='root'>\n"
		      "  <filterref filter='x\xc3\xa9'>\n"
		      "    <parameter name='a' value='3'/>\n"
		      "    <parameter name='b' value='2'/>\n"
		      "    <parameter name='b' value='1'/>\n"
		      "  </filterref>\n"
		      "  <rule action='accept' direction='out' priority='500'>\n"
		      "    <all comment='a&#10;b &quot;c&quot;'/>\n"
		      "  </rule>\n"
		      "</filter>\n");
	/* a priority of 0 is said where the chain would have another */
	assert_prints("<filter name='d' chain='mac' priority='0'/>", "d",
		      "<filter name='d' chain='mac' priority='0'/>\n");
}

/* --- the same filter --- */

static bool same_operand(const struct operand *a, const struct operand *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == OPERAND_NONE)
		return true;
	if (a->attr != b->attr)
		return false;
	if (a->kind == OPERAND_VALUE)
		return value_eq(&a->value, &b->value);
	return str_eq(a->var.name, b->var.name) && a->var.element == b->var.element &&
	       a->var.index == b->var.index;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
	if (a->proto != b->proto || a->action != b->action || a->direction != b->direction ||
	    a->priority != b->priority || a->statematch != b->statematch ||
	    a->number != b->number || a->tests.n != b->tests.n)
		return false;
	for (uint32_t i = 0; i < a->tests.n; i++) {
		const struct test *s = &a->tests.items[i], *t = &b->tests.items[i];
		if (s->field != t->field || s->negated != t->negated || s->from != t->from ||
		    !same_operand(&s->value, &t->value) || !same_operand(&s->to, &t->to) ||
		    !same_operand(&s->mask, &t->mask))
			return false;
	}
	return true;
}

/* Parameters are printed by name: compare them by name. */
static bool same_ref(const struct filter_ref *a, const struct filter_ref *b)
{
	if (!str_eq(a->filter, b->filter) || a->params.list.n != b->params.list.n)
		return false;
	vec_each (p, &a->params.list) {
		const struct param *q = params_find(&b->params, p->name);
		if (!q || q->values.n != p->values.n)
			return false;
		for (uint32_t i = 0; i < p->values.n; i++)
			if (!str_eq(p->values.items[i].text, q->values.items[i].text))
				return false;
	}
	return true;
}

static bool same_filter(const struct filter *a, const struct filter *b)
{
	if (!str_eq(a->name, b->name) || !str_eq(a->chain, b->chain) ||
	    a->priority != b->priority || !str_eq(a->uuid, b->uuid) ||
	    a->entries.n != b->entries.n || a->nrules != b->nrules)
		return false;
	for (uint32_t i = 0; i < a->entries.n; i++) {
		const struct entry *x = &a->entries.items[i], *y = &b->entries.items[i];
		if (x->kind != y->kind || !(x->kind == ENTRY_RULE ? same_rule(x->rule, y->rule)
								  : same_ref(x->ref, y->ref)))
			return false;
	}
	return true;
}

/* print, read, compare; and what is read prints the same bytes. */
static void assert_round_trip(const struct filter *f)
{
	struct fixture *again = fixture_new((size_t)64 << 20, false);
	struct buf b = print_filter(f);
	bool ok = fixture_read(again, b.data, b.n) && again->library.by_name.entries.n == 1;
	const struct filter *g = ok ? again->library.by_name.entries.items[0].cptr : NULL;
	if (!ok || !same_filter(f, g)) {
		print_message("%.*s\n", (int)b.n, b.data);
		print_findings(again);
	}
	assert_true(ok);
	assert_true(same_filter(f, g));
	struct buf c = print_filter(g);
	assert_int_equal(b.n, c.n);
	assert_memory_equal(b.data, c.data, b.n);
	buf_drop(&b);
	buf_drop(&c);
	fixture_free(again);
}

/* --- random filters --- */

static uint64_t seed;

/* xorshift64*, so that a failure can be had again */
static uint32_t rnd(uint32_t below)
{
	seed ^= seed >> 12, seed ^= seed << 25, seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1du) >> 33) % below;
}

static struct str random_bytes(uint32_t max)
{
	static const char alphabet[] = "ab&<>'\"$ \t\n;=]-\xc3\xa9";
	char *t = arena_alloc(fx->arena, max + 2);
	uint32_t n = 0, want = 1 + rnd(max);
	while (n < want) {
		uint32_t i = rnd(sizeof alphabet - 2); /* the last two are one letter */
		t[n++] = alphabet[i];
		if (alphabet[i] == '\xc3')
			t[n++] = '\xa9';
	}
	return (struct str){t, n};
}

/* Lists of words of a type, as the set of flags or states that they are. */
static struct str random_words(enum value_type type, char separator, uint32_t most)
{
	const struct value_name *names = value_names(type);
	uint32_t n = 0;
	struct str s = STR("");
	while (names[n].name)
		n++;
	for (uint32_t left = 1 + rnd(most); left; left--)
		s = str_printf(fx->arena, "%.*s%s%c", STR_ARG(s), names[rnd(n)].name,
			       left > 1 ? separator : 0);
	return (struct str){s.s, s.len - 1};
}

static struct str random_number(uint32_t min, uint32_t max)
{
	uint32_t span = max - min,
		 v = rnd(4) ? min + (span ? rnd(span < 300 ? span + 1 : 300) : 0) : max;
	return str_printf(fx->arena, rnd(2) ? "%u" : "0x%x", v);
}

static struct str random_value(const struct attr *at)
{
	struct arena *a = fx->arena;
	uint32_t n;
	switch ((enum value_type)at->type) {
	case VT_UINT:
		return at->flags & ATTR_DECIMAL ? str_printf(a, "%u", rnd(at->max + 1))
						: random_number(at->min, at->max);
	case VT_MAC:
		return str_printf(a, "%x:%02x:%x:%x:%x:%02X", rnd(256), rnd(256), rnd(256),
				  rnd(256), rnd(256), rnd(256));
	case VT_MACMASK:
		n = rnd(7);
		return str_printf(a, "%x:%x:%x:%x:%x:%x", n > 0 ? 255 : 0, n > 1 ? 255 : 0,
				  n > 2 ? 255 : 0, n > 3 ? 255 : 0, n > 4 ? 255 : 0,
				  n > 5 ? 0xfe : 0);
	case VT_IP4:
		return str_printf(a, "%u.%u.%u.%u", rnd(256), rnd(256), rnd(256), rnd(256));
	case VT_IP6:
		return rnd(2) ? str_printf(a, "2001:db8::%x:%x", rnd(65536), rnd(65536))
			      : str_printf(a, "::%u.0.0.%u", rnd(256), rnd(256));
	case VT_IP4MASK:
		return rnd(2) ? str_printf(a, "%u", rnd(33)) : STR("255.255.128.0");
	case VT_IP6MASK:
		return rnd(2) ? str_printf(a, "%u", rnd(129)) : STR("ffff:fe00::");
	case VT_ETHERTYPE:
	case VT_ARPOP:
	case VT_IPPROTO:
	case VT_BOOL:
		return rnd(2) ? random_words((enum value_type)at->type, ',', 1)
			      : random_number(at->min, at->max);
	case VT_STATE:
	case VT_SETFLAGS:
		return random_words((enum value_type)at->type, ',', 6);
	case VT_TCPFLAGS:
		return str_printf(a, "%.*s/%.*s", STR_ARG(random_words(VT_TCPFLAGS, ',', 4)),
				  STR_ARG(random_words(VT_TCPFLAGS, ',', 2)));
	case VT_SETNAME:
		return str_printf(a, "set %u", rnd(100));
	case VT_TEXT:
		return random_bytes(40);
	case VT_NONE:
		break;
	}
	return STR("");
}

static struct str random_variable(void)
{
	static const char *const forms[] = {"$A", "$IP_%u", "$A[%u]", "$A[@%u]", "$b[ @%u ]"};
	return str_printf(fx->arena, forms[rnd(5)], rnd(4));
}

static void random_rule(struct filter *f)
{
	struct rule_builder rb = {0};
	struct rule *r = arena_new_object(fx->arena, struct rule);
	const struct proto *p = &protos[rnd(PROTOS)];
	*r = (struct rule){.proto = p,
			   .action = (enum action)rnd(ACTIONS),
			   .direction = (enum direction)rnd(DIRECTIONS),
			   .priority = (int)rnd(2001) - 1000,
			   .statematch = rnd(2),
			   .filter = f,
			   .number = ++f->nrules};
	if (proto_id(p) != PROTO_NONE) {
		bool negated[FIELDS];
		for (int i = 0; i < FIELDS; i++)
			negated[i] = rnd(3) == 0;
		rule_builder_start(&rb, r, p, fx->arena, &fx->diags);
		for (uint32_t i = 0; i < p->nattrs; i++) {
			const struct attr *at = &p->attrs[i];
			bool var = !(at->flags & ATTR_NO_VAR) && rnd(5) == 0;
			if (rnd(4) == 0)
				rule_builder_set(&rb, at,
						 negated[at->field] && !(at->flags & ATTR_NO_NEG),
						 var ? random_variable() : random_value(at),
						 (struct span){0}, (struct span){0});
		}
		rule_builder_finish(&rb);
	}
	*vec_push(fx->arena, &f->entries) = (struct entry){.kind = ENTRY_RULE, .rule = r};
}

static void random_ref(struct filter *f)
{
	struct filter_ref *ref = arena_new_object(fx->arena, struct filter_ref);
	ref->filter = random_bytes(10);
	for (uint32_t n = rnd(6); n; n--)
		params_add(&ref->params, str_printf(fx->arena, "P%u", rnd(3)), (struct span){0},
			   str_printf(fx->arena, "10.0.0.%u", rnd(256)), (struct span){0},
			   &fx->diags);
	*vec_push(fx->arena, &f->entries) = (struct entry){.kind = ENTRY_REF, .ref = ref};
}

static const struct filter *random_filter(uint32_t k)
{
	static const char *const chains[] = {"root", "arp", "mac-x", "ipv6:1", "stp"};
	struct filter *f = arena_new_object(fx->arena, struct filter);
	f->name = str_printf(fx->arena, "f%u <&'\">", k);
	f->chain = str_from(chains[rnd(5)]);
	f->priority = rnd(3) ? (int)rnd(2001) - 1000 : 0;
	if (rnd(2))
		f->uuid = str_printf(fx->arena, "5c6d49af-b071-6127-b4ec-%012x", rnd(100000));
	for (uint32_t n = rnd(3); n; n--) {
		if (rnd(4))
			random_rule(f);
		else
			random_ref(f);
	}
	return f;
}

/* Random attributes often contradict one another; such filters are thrown away. */
static void test_random_round_trip(void **state)
{
	uint32_t tried = 0, with_tests = 0;
	fx->diags.max = 100;
	for (seed = 20240517; tried < 3000 && !arena_full(fx->arena);) {
		uint32_t errors = fx->diags.errors;
		const struct filter *f = random_filter(tried);
		if (fx->diags.errors != errors)
			continue;
		tried++;
		vec_each (e, &f->entries)
			with_tests += e->kind == ENTRY_RULE && e->rule->tests.n > 1;
		assert_round_trip(f);
	}
	assert_int_equal(tried, 3000);
	assert_true(with_tests > 300);
}

/* --- the filters that come with the program --- */

static void test_stock(void **state)
{
	parse_stock(&fx->cx, fx->in);
	print_findings(fx);
	assert_int_equal(fx->diags.list.n, 0);
	uint32_t n = 0;
	struct map uuids = {0};
	for (const struct stock_filter *s = stock_filters; s->path; s++)
		n++;
	assert_int_equal(fx->library.by_name.entries.n, n);
	map_each (e, &fx->library.by_name) {
		const struct filter *f = e->cptr;
		bool added;
		map_put(fx->arena, &uuids, f->uuid, &added);
		assert_true(f->uuid.len == 36 && added);
		assert_round_trip(f);
		vec_each (x, &f->entries)
			if (x->kind == ENTRY_REF)
				fixture_filter(fx, str_copy(fx->arena, x->ref->filter).s);
	}
}

static void test_stock_gives_way(void **state)
{
	static const char text[] = "<filter name='clean-traffic' chain='arp'/>";
	assert_true(fixture_read(fx, text, sizeof text - 1));
	parse_stock(&fx->cx, fx->in);
	assert_int_equal(fx->diags.list.n, 0);
	assert_true(str_is(fixture_filter(fx, "clean-traffic")->chain, "arp"));
}

/* While an address is learned, only frame rules of the root chain hold, the last drops the rest. */
static void check_learning_set(const struct filter *f, struct str *last_action, uint32_t *rules)
{
	assert_true(str_is(f->chain, "root"));
	vec_each (e, &f->entries) {
		if (e->kind == ENTRY_REF) {
			check_learning_set(
				fixture_filter(fx, str_copy(fx->arena, e->ref->filter).s),
				last_action, rules);
			continue;
		}
		const struct rule *r = e->rule;
		++*rules;
		assert_int_equal(r->proto->layer, LAYER_FRAME);
		assert_true(r->action == ACTION_ACCEPT || r->priority == PRIORITY_MAX);
		bool own_mac = false;
		vec_each (t, &r->tests) {
			own_mac |= t->field == F_ETHER_SADDR && t->value.kind == OPERAND_VAR &&
				   str_is(t->value.var.name, "MAC") && t->mask.kind == OPERAND_NONE;
			assert_false(t->negated);
		}
		if (r->action == ACTION_ACCEPT) {
			assert_int_not_equal(r->direction, DIR_INOUT);
			assert_true(own_mac || r->direction == DIR_IN);
		}
		*last_action = str_from(action_names[r->action]);
	}
}

static void test_learning_sets(void **state)
{
	parse_stock(&fx->cx, fx->in);
	for (const char *const *name = learning_sets; *name; name++) {
		struct str last = STR("");
		uint32_t rules = 0;
		check_learning_set(fixture_filter(fx, *name), &last, &rules);
		assert_true(str_is(last, "drop"));
		assert_true(rules > 3);
	}
}

/* --- libvirt's own stock filters, where a copy is at hand --- */

static char *shared_folder(void)
{
	const char *shared = getenv("NWFC_SHARED");
	char *path;
	assert_true(asprintf(&path, "%s/corpus/libvirt-9.0.0/stock-clean-traffic-1/filters",
			     shared ? shared : "../shared") > 0);
	return path;
}

static struct buf body_of(const struct filter *f)
{
	struct filter bare = *f;
	bare.uuid = STR("");
	return print_filter(&bare);
}

/* Each of theirs has one of ours with the same rules in the same order. */
static void test_same_as_libvirt(void **state)
{
	char *path = shared_folder();
	DIR *dir = opendir(path);
	struct dirent *d;
	uint32_t n = 0;
	if (!dir) {
		print_message("skipped: there is no %s\n", path);
		free(path);
		skip();
	}
	struct fixture *theirs = fixture_new((size_t)64 << 20, false);
	while ((d = readdir(dir))) {
		char file[4096];
		if (snprintf(file, sizeof file, "%s/%s", path, d->d_name) < 0 ||
		    d->d_name[0] == '.')
			continue;
		uint32_t id = source_read(&theirs->sources, file);
		assert_true(id && parse_source(&theirs->cx, theirs->in, id));
	}
	closedir(dir);
	free(path);
	parse_stock(&fx->cx, fx->in);
	map_each (e, &theirs->library.by_name) {
		struct buf a = body_of(e->cptr);
		struct buf b = body_of(fixture_filter(fx, str_copy(fx->arena, e->key).s));
		buf_char(&a, 0), buf_char(&b, 0);
		assert_string_equal(a.data, b.data);
		buf_drop(&a);
		buf_drop(&b);
		n++;
	}
	assert_true(n >= 20);
	fixture_free(theirs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_form),          TEST(test_random_round_trip),
		TEST(test_stock),         TEST(test_stock_gives_way),
		TEST(test_learning_sets), TEST(test_same_as_libvirt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
