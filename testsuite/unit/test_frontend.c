/* SPDX-License-Identifier: MIT */
/*
 * What the XML readers make of right texts, and that hostile ones do no harm.
 */
#define _GNU_SOURCE
#include "frontend_fixture.h"

#include <pthread.h>

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

static void read_clean(const char *text)
{
	bool ok = fixture_read(fx, text, strlen(text));
	if (!ok || fx->diags.list.n)
		print_findings(fx);
	assert_true(ok);
	assert_int_equal(fx->diags.list.n, 0);
}

static void assert_str(struct str s, const char *want)
{
	bool same = str_is(s, want);
	if (!same)
		print_message("'%.*s' is not '%s'\n", (int)s.len, s.len ? s.s : "", want);
	assert_true(same);
}

static const struct rule *rule_at(const struct filter *f, uint32_t i)
{
	assert_true(i < f->entries.n);
	assert_int_equal(f->entries.items[i].kind, ENTRY_RULE);
	return f->entries.items[i].rule;
}

/* --- filters --- */

static void test_filter(void **state)
{
	read_clean(
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<!-- a comment -->\n"
		"<filter name='web &amp; co' chain='ipv4-web' priority='-710'>\n"
		"  <uuid> 5C6D49AFB071-6127b4ec 6f8ed4b55335 </uuid>\n"
		"  <filterref filter='base'><parameter name='A' value='1'/>"
		"<parameter name='B' value='x'/><parameter name='A' value='2'/></filterref>\n"
		"  <rule action='reject' direction='inout' priority='-1000' statematch='FALSE'/>\n"
		"  <rule action='accept' direction='out'><!-- c --><tcp/></rule>\n"
		"</filter>\n<!-- end -->");
	const struct filter *f = fixture_filter(fx, "web & co");
	assert_str(f->chain, "ipv4-web");
	assert_int_equal(f->priority, -710);
	assert_str(f->uuid, "5c6d49af-b071-6127-b4ec-6f8ed4b55335");
	assert_int_equal(f->entries.n, 3);
	assert_int_equal(f->nrules, 2);
	assert_int_equal(f->entries.items[0].kind, ENTRY_REF);
	const struct filter_ref *ref = f->entries.items[0].ref;
	assert_str(ref->filter, "base");
	assert_int_equal(ref->params.list.n, 2);
	const struct param *a = params_find(&ref->params, STR("A"));
	assert_int_equal(a->values.n, 2);
	assert_str(a->values.items[1].text, "2");
	const struct rule *r = rule_at(f, 1);
	assert_ptr_equal(r->proto, &protos[PROTO_NONE]);
	assert_int_equal(r->action, ACTION_REJECT);
	assert_int_equal(r->direction, DIR_INOUT);
	assert_int_equal(r->priority, -1000);
	assert_false(r->statematch);
	assert_int_equal(r->number, 1);
	r = rule_at(f, 2);
	assert_ptr_equal(r->proto, &protos[PROTO_TCP]);
	assert_int_equal(r->priority, PRIORITY_DEFAULT);
	assert_true(r->statematch);
	assert_int_equal(r->number, 2);
	assert_ptr_equal(r->filter, f);
}

/* Chains: the prefix gives the priority; an empty name is none. */
static void test_chains(void **state)
{
	static const struct {
		const char *attrs, *chain;
		int priority;
		bool given;
	} cases[] = {
		{"", "root", 0, false},
		{" chain=''", "root", 0, false},
		{" chain='root'", "root", 0, true},
		{" priority='7'", "root", 0, false},
		{" chain='root' priority='7'", "root", 7, true},
		{" chain='mac'", "mac", -800, true},
		{" chain='vlan.1'", "vlan.1", -750, true},
		{" chain='stp'", "stp", -810, true},
		{" chain='arpfoo'", "arpfoo", -500, true},
		{" chain='rarp-x'", "rarp-x", -400, true},
		{" chain='ipv4:1234567'", "ipv4:1234567", -700, true},
		{" chain='ipv6' priority='+3'", "ipv6", 3, true},
		{" chain='ipv6' priority='0'", "ipv6", 0, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char name[8], text[128];
		snprintf(name, sizeof name, "f%zu", i);
		snprintf(text, sizeof text, "<filter name='%s'%s/>", name, cases[i].attrs);
		read_clean(text);
		const struct filter *f = fixture_filter(fx, name);
		assert_str(f->chain, cases[i].chain);
		assert_int_equal(f->priority, cases[i].priority);
		assert_int_equal(f->chain_given, cases[i].given);
	}
}

/* Every attribute of every protocol is read, in elements of either sign. */
static void test_merged_elements(void **state)
{
	static const char text[] = "<filter name='t'><rule action='drop' direction='in'>"
				   "<tcp match='no' srcipaddr='10.0.0.1' dstportstart='1'/>"
				   "<tcp match='yes' dstportstart='22' dstportend='23'/>"
				   "<tcp match='no' srcipmask='8'/></rule></filter>";
	assert_true(fixture_read(fx, text, strlen(text)));
	assert_int_equal(fx->diags.list.n, 1); /* that one port takes the place of the other */
	assert_string_equal(fx->diags.list.items[0]->kind->code, "W412");
	const struct rule *r = rule_at(fixture_filter(fx, "t"), 0);
	assert_int_equal(r->tests.n, 2);
	const struct test *addr = &r->tests.items[0], *port = &r->tests.items[1];
	assert_int_equal(addr->field, F_NET_SADDR);
	assert_true(addr->negated);
	assert_int_equal(addr->mask.value.u, 8);
	assert_int_equal(port->field, F_TH_DPORT);
	assert_false(port->negated); /* the later element gives the value and its sign */
	assert_int_equal(port->value.value.u, 22);
	assert_int_equal(port->to.value.u, 23);
}

static void test_match_is_exact(void **state)
{
	read_clean("<filter name='t'><rule action='drop' direction='in'>"
		   "<mac srcmacaddr='2:3:4:5:6:7' match='no'/></rule>"
		   "<rule action='drop' direction='in'><mac match='yes' srcmacaddr='2:3:4:5:6:7'/>"
		   "</rule></filter>");
	const struct filter *f = fixture_filter(fx, "t");
	assert_true(rule_at(f, 0)->tests.items[0].negated);
	assert_false(rule_at(f, 1)->tests.items[0].negated);
}

static void test_lenient_words(void **state)
{
	static const char text[] =
		"<filter name='t'><rule action='drop' direction='in' statematch='off'>"
		"<tcp match='NO' dstportstart='1'/></rule></filter>";
	fx->diags.lenient = true;
	assert_true(fixture_read(fx, text, sizeof text - 1));
	const struct rule *r = rule_at(fixture_filter(fx, "t"), 0);
	assert_true(r->statematch); /* as libvirt reads them */
	assert_false(r->tests.items[0].negated);
	assert_int_equal(fx->diags.warnings, 2);
}

static void test_uuid_forms(void **state)
{
	read_clean("<filters><filter name='a'><uuid/></filter>"
		   "<filter name='b'><uuid>5c6d-49af b0716127b4ec6f8ed4b55335</uuid></filter>"
		   "<filter name='c'/></filters>");
	assert_int_equal(fixture_filter(fx, "a")->uuid.len, 0);
	assert_str(fixture_filter(fx, "b")->uuid, "5c6d49af-b071-6127-b4ec-6f8ed4b55335");
	assert_int_equal(fx->library.by_name.entries.n, 3);
}

/* --- places --- */

static void assert_slice(struct span s, const char *want)
{
	assert_str(source_slice(&fx->sources, s), want);
}

static void test_places(void **state)
{
	read_clean("\xef\xbb\xbf<filter\n  name = \"t\"\tchain='arp' priority='1'>\n"
		   "<rule action='drop'\r\n direction='in' ><arp  arpsrcipaddr='10.0.&#x30;.1'\n"
		   "comment='a > b' arpdstipaddr='$A[@1]'/></rule>\n"
		   "<filterref filter='\xc3\xa4'><parameter name='A' "
		   "value='v'/></filterref></filter>");
	const struct filter *f = fixture_filter(fx, "t");
	assert_slice(f->name_span, "t");
	assert_slice(f->chain_span, "arp");
	assert_slice(f->priority_span, "1");
	const struct rule *r = rule_at(f, 0);
	assert_slice(r->span, "<rule action='drop'\r\n direction='in' >");
	assert_slice(r->tests.items[0].value.span, "10.0.&#x30;.1");
	assert_int_equal(r->tests.items[0].value.value.u, 0x0a000001);
	assert_slice(r->tests.items[0].span, "arpsrcipaddr");
	assert_slice(r->tests.items[1].value.span, "$A[@1]");
	const struct filter_ref *ref = f->entries.items[1].ref;
	assert_slice(ref->span, "\xc3\xa4");
	assert_slice(ref->params.list.items[0].span, "A");
	assert_slice(ref->params.list.items[0].values.items[0].span, "v");
}

/* A long text makes the parser move its window; places must not move with it. */
static void test_places_far_in(void **state)
{
	struct buf b;
	buf_memory(&b);
	buf_lit(&b, "<filter name='t'>\n");
	for (int i = 0; i < 20000; i++)
		buf_printf(&b,
			   "<rule action='drop' direction='in'><tcp dstportstart='%d'/></rule>\n",
			   i);
	buf_lit(&b, "</filter>");
	buf_char(&b, 0);
	read_clean(b.data);
	const struct filter *f = fixture_filter(fx, "t");
	for (uint32_t i = 0; i < f->entries.n; i++) {
		struct str s = source_slice(&fx->sources, rule_at(f, i)->tests.items[0].value.span);
		assert_int_equal(atoi(s.s), i);
		assert_int_equal(s.s[s.len], '\'');
	}
	buf_drop(&b);
}

/* After a conversion the line is what is known. */
static void test_other_encodings(void **state)
{
	static const char latin[] =
		"<?xml version='1.0' encoding='ISO-8859-1'?>\n<!-- \xe4\xe4\xe4\xe4 -->\n"
		"<filter name='\xe4'>\n<rule action='drp' direction='in'/></filter>";
	char utf16[256];
	size_t n = 0;
	assert_false(fixture_read(fx, latin, sizeof latin - 1));
	assert_int_equal(fx->diags.list.n, 1);
	assert_int_equal(source_locate(&fx->sources, fx->diags.list.items[0]->span).line, 4);
	fixture_filter(fx, "\xc3\xa4");
	utf16[n++] = '\xff', utf16[n++] = '\xfe';
	for (const char *p = "<filter name='u' chain='arp'/>"; *p; p++)
		utf16[n++] = *p, utf16[n++] = 0;
	assert_true(fixture_read(fx, utf16, n));
	assert_str(fixture_filter(fx, "u")->chain, "arp");
}

/* --- ports --- */

static void test_binding(void **state)
{
	read_clean("<filterbinding><owner><name> vm 1 </name>"
		   "<uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>"
		   "<portdev name='vnet0'/><linkdev name='eth0'/><mac address='52:54:0:12:34:56'/>"
		   "<filterref filter='f'><parameter name='IP' value='10.0.0.1'/></filterref>"
		   "</filterbinding>");
	assert_int_equal(fx->ports.list.n, 1);
	const struct port *p = fx->ports.list.items[0];
	assert_str(p->name, "vnet0");
	assert_str(p->owner_name, "vm 1");
	assert_str(p->owner_uuid, "d54df46f-1ab5-4a22-8618-4560ef5fac2c");
	assert_str(p->link_device, "eth0");
	assert_str(p->filter.filter, "f");
	assert_int_equal(p->filter.params.list.n, 1);
	assert_memory_equal(p->mac.mac, "\x52\x54\x00\x12\x34\x56", 6);
	assert_slice(p->name_span, "vnet0");
}

#define IFACE(dev, mac, ref)                                                                       \
	"<interface type='network'><source network='n'/><mac address='52:54:00:00:00:" mac "'/>"   \
	"<target dev='" dev "'/><ip address='1.2.3.4'/>" ref "</interface>"
#define REF "<filterref filter='f'/>"

static void test_domain(void **state)
{
	read_clean(
		"<domstatus state='running'><devices><device alias='net0'/></devices>\n"
		"<domain type='kvm' id='1'>some text <devices>" IFACE(
			"vnet0", "01",
			REF) "<interface type='user'><mac address='52:54:00:00:00:02'/></interface>"
			     "<hostdev><source><interface>eth0</interface></source></hostdev>"
			     "<emulator>/usr/bin/qemu</emulator>" IFACE("vnet1", "03", "") IFACE(
				     "vnet2", "04",
				     REF) "</devices><name>vm</"
					  "name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid>"
					  "<metadata><devices>" IFACE(
						  "no", "05",
						  REF) "</devices></metadata>"
						       "<qemu:commandline "
						       "xmlns:qemu='urn:q'><qemu:arg "
						       "value='x'/></qemu:commandline>"
						       "<undeclared:thing/></domain></domstatus>");
	assert_int_equal(fx->ports.list.n, 2);
	assert_str(fx->ports.list.items[0]->name, "vnet0");
	assert_str(fx->ports.list.items[1]->name, "vnet2");
	for (int i = 0; i < 2; i++) {
		assert_str(fx->ports.list.items[i]->owner_name, "vm");
		assert_str(fx->ports.list.items[i]->owner_uuid,
			   "d54df46f-1ab5-4a22-8618-4560ef5fac2c");
		assert_str(fx->ports.list.items[i]->interface_type, "network");
	}
}

/* Each domain owns its own ports; the inactive form of a domain is not read. */
static void test_domains(void **state)
{
	read_clean("<domains><domain><name>a</name><devices>" IFACE(
		"vnet0", "01",
		REF) "</devices></domain><domain><devices>" IFACE("vnet1", "02",
								  REF) "</devices></domain></"
								       "domains>");
	read_clean("<domainsnapshot><name>s</name><domain><name>c</name><devices>" IFACE(
		"vnet2", "03",
		REF) "</devices></domain><inactiveDomain><devices>" IFACE("vnet2", "03",
									  REF) "</devices></"
									       "inactiveDomain></"
									       "domainsnapshot>");
	assert_int_equal(fx->ports.list.n, 3);
	assert_str(fx->ports.list.items[0]->owner_name, "a");
	assert_str(fx->ports.list.items[1]->owner_name, "");
	assert_str(fx->ports.list.items[2]->owner_name, "c");
}

/* The name from outside is for one interface without a name, not for two, not for a named one. */
static void test_port_name(void **state)
{
	static const char one[] =
		"<interface type='bridge'><mac address='52:54:00:00:00:01'/>" REF "</interface>";
	static const char two[] =
		"<devices><interface type='bridge'><mac address='52:54:00:00:00:01'/>" REF
		"</interface><interface type='bridge'><mac address='52:54:00:00:00:02'/>" REF
		"</interface></devices>";
	fx->cx.port_name = STR("tap7");
	read_clean(one);
	assert_int_equal(fx->ports.list.n, 1);
	assert_str(fx->ports.list.items[0]->name, "tap7");
	read_clean(IFACE("vnet0", "01", REF));
	assert_str(fx->ports.list.items[1]->name, "vnet0");
	assert_true(fixture_read(fx, two, sizeof two - 1));
	assert_int_equal(fx->ports.list.n, 2);
	assert_int_equal(fx->diags.warnings, 2);
}

/* --- hostile texts --- */

/* Any findings, but no crash, and no success. */
static void read_bad(const char *text, size_t n, const char *code)
{
	uint32_t before = fx->diags.list.n;
	assert_false(fixture_read(fx, text, n));
	assert_true(fx->diags.list.n > before);
	const struct finding *d = fx->diags.list.items[before];
	if (code && strcmp(d->kind->code, code))
		print_findings(fx);
	if (code)
		assert_string_equal(d->kind->code, code);
	assert_true(d->span.lo <= n && d->span.hi <= n);
}

static char *repeat(const char *head, const char *unit, size_t times, const char *tail, size_t *n)
{
	size_t h = strlen(head), u = strlen(unit), t = strlen(tail);
	char *s = malloc(h + u * times + t + 1), *p = s;
	p = mempcpy(p, head, h);
	while (times--)
		p = mempcpy(p, unit, u);
	memcpy(p, tail, t + 1);
	*n = h + (size_t)(p - s - h) + t;
	return s;
}

static void read_repeated(const char *head, const char *unit, size_t times, const char *tail,
			  const char *code)
{
	size_t n;
	char *s = repeat(head, unit, times, tail, &n);
	read_bad(s, n, code);
	free(s);
}

static void test_hostile(void **state)
{
	fx->diags.max = UINT32_MAX;
	read_bad("<filter name='t'>\0</filter>", 27, "E101");
	read_bad("<filter name='t'/>\0", 19, "E101");
	read_bad("\0\0\0", 3, "E101");
	read_bad("\xff\xfe<", 3, NULL);
	read_bad("<?xml version='1.0' encoding='klingon'?><filter name='a\xe4'/>", 58, NULL);
	read_bad("<filter name='\xc3'/>", 18, "E101");
	read_repeated("", "<a>", 100000, "", "E103");
	read_repeated("<domain>", "<a>", 100000, "", "E605");
	read_repeated("<domain>", "<a>", 256, "</a>", "E605");
	read_repeated("<filter name='t' ", "a='' ", 3000, "/>", NULL);
	read_repeated("<filter name='t' a='", "xxxxxxxxxxxxxxxx", 1 << 20, "'/>", NULL);
	read_repeated("<filter name='", "xxxxxxxxxxxxxxxx", 1 << 17, "'><foo/></filter>", "E104");
	read_repeated("<filter name='t'><uuid>", "0", 5000, "</uuid></filter>", "E112");
	read_repeated("<filter name='t'><uuid>", "\xc3\xa4", 5000, "</uuid></filter>", "E112");
	read_repeated("<filter name='t'>", "<!-- - -->x", 10000, "</filter>", "E124");
	read_repeated("<!DOCTYPE a [", "<!ENTITY a 'b'>", 10000, "]><filter name='t'/>", "E102");
	read_repeated("<filter name='t'>", "&amp;&#60;", 10000, "<foo/></filter>", "E124");
}

/* What would take libxml2 very long: many names, many namespaces. */
static void test_many_names(void **state)
{
	char *s = malloc(4 << 20), *p = s;
	p += sprintf(p, "<domain>");
	for (int i = 0; i < 150000; i++)
		p += sprintf(p, "<n%d/>", i);
	p += sprintf(p, "</domain>");
	read_bad(s, (size_t)(p - s), "E604");
	p = s + sprintf(s, "<domain ");
	for (int i = 0; i < 1500; i++)
		p += sprintf(p, "xmlns:n%d='u' ", i);
	p += sprintf(p, "><x/></domain>");
	read_bad(s, (size_t)(p - s), "E604");
	free(s);
	assert_true(fixture_read(fx, "<filter name='t'/>", 18)); /* the parser is as good as new */
}

/* libxml2 takes time with the square of an element's attributes. */
static void test_many_attributes(void **state)
{
	size_t n, names = 200000;
	char *s = malloc(names * 16 + 64), *p = s;
	p += sprintf(p, "<filter name='t' ");
	for (size_t i = 0; i < names; i++)
		p += sprintf(p, "a%zu = '>' ", i);
	p += sprintf(p, "/>");
	n = (size_t)(p - s);
	read_bad(s, n, "E101");
	free(s);
	s = repeat("<domain><description>", "a='b' ", 100000,
		   "</description><!-- = -->" IFACE("vnet0", "01", REF) "</domain>", &n);
	assert_true(fixture_read(fx, s, n)); /* text is no attribute */
	free(s);
}

static const char sample[] =
	"<?xml version='1.0'?><!-- c --><filters><filter name='a&#65;' chain='ipv4'>"
	"<uuid>5c6d49af-b071-6127-b4ec-6f8ed4b55335</uuid><filterref filter='b'>"
	"<parameter name='A' value='1'/></filterref><rule action='drop' direction='in'>"
	"<ip srcipaddr='1.2.3.4' srcipmask='8'/><![CDATA[ ]]></rule></filter></filters>";

/* No beginning of a document is one, and none does harm; nor does any change of a byte. */
static void test_cut_and_changed(void **state)
{
	size_t n = sizeof sample - 1;
	read_clean(sample);
	for (size_t i = 0; i < n; i++)
		read_bad(sample, i, NULL);
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < 3; k++) {
			char *copy = strdup(sample);
			copy[i] = "<\xff&"[k];
			fixture_read(fx, copy, n);
			free(copy);
		}
	vec_each (d, &fx->diags.list)
		assert_true((*d)->span.lo <= n && (*d)->span.hi <= n &&
			    (*d)->span.lo <= (*d)->span.hi);
}

/* The memory limit is a finding, not an end. */
static void test_memory_limit(void **state)
{
	struct fixture *f = fixture_new(2 << 20, false);
	size_t n;
	char *s = repeat("<filter name='t'>", "<rule action='drop' direction='in'><tcp/></rule>",
			 100000, "</filter>", &n);
	fixture_read(f, s, n); /* the copy of the text alone is beyond the limit */
	free(s);
	assert_true(f->diags.list.n > 0);
	assert_string_equal(f->diags.list.items[f->diags.list.n - 1]->kind->code, "E603");
	fixture_free(f);
}

/* Also when one element alone passes it, with mistakes or with long names. */
static void test_memory_limit_inside_an_element(void **state)
{
	static const char *const units[] = {"&b;", "' n:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa='"};
	for (int i = 0; i < 2; i++) {
		struct fixture *f = fixture_new(4 << 20, false);
		size_t n;
		char *s = repeat("<filter xmlns:n='u' name='", units[i], i ? 1500 : 900000, "'/>",
				 &n);
		assert_false(fixture_read(f, s, n));
		free(s);
		fixture_free(f);
	}
}

/* --- two at once --- */

static void *read_many(void *arg)
{
	struct fixture *f = fixture_new((size_t)256 << 20, false);
	char text[256];
	uintptr_t good = 0;
	for (int i = 0; i < 3000; i++) {
		int n = snprintf(text, sizeof text,
				 "<filter name='f%d'><rule action='%s' direction='in'><tcp "
				 "dstportstart='%d'/>"
				 "</rule></filter>",
				 i, i % 3 ? "drop" : "dorp", i);
		good += fixture_read(f, text, (size_t)n) == (i % 3 != 0);
	}
	good += f->library.by_name.entries.n == 3000 && f->diags.errors == 1000;
	fixture_free(f);
	return (void *)good;
}

static void test_two_threads(void **state)
{
	pthread_t t[2];
	void *good;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_many, NULL), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], &good);
		assert_int_equal((uintptr_t)good, 3001);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_filter),
		TEST(test_chains),
		TEST(test_merged_elements),
		TEST(test_match_is_exact),
		TEST(test_lenient_words),
		TEST(test_uuid_forms),
		TEST(test_places),
		TEST(test_places_far_in),
		TEST(test_other_encodings),
		TEST(test_binding),
		TEST(test_domain),
		TEST(test_domains),
		TEST(test_port_name),
		TEST(test_hostile),
		TEST(test_many_attributes),
		TEST(test_many_names),
		TEST(test_cut_and_changed),
		TEST(test_memory_limit),
		TEST(test_memory_limit_inside_an_element),
		TEST(test_two_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
