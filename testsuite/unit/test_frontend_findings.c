/* SPDX-License-Identifier: MIT */
/*
 * What the XML readers say, and where. A case is a text in which « and » mark
 * the place that the one finding must have; they are taken out before reading.
 */
#define _GNU_SOURCE
#include "frontend_fixture.h"

struct case_ {
	const char *code;
	const char *text; /* with marks */
	const char *word; /* must be in the finding's text or hint */
	/* what is left of it when lenient: still an error, or only a warning */
	enum { HARD, SOFT } lenient;
};

/* One rule, and one element in a rule, inside a filter. */
#define FILTER(inside) "<filter name='t'>" inside "</filter>"
#define RULE(inside)   FILTER("<rule action='drop' direction='in'>" inside "</rule>")

static const struct case_ filter_cases[] = {
	/* text and structure */
	{"E103", "<«filterx» name='t'/>", "'filter'", HARD},
	{"E103", "<«netfilter»/>", "filterbinding", HARD},
	{"E103", "<«filterref» filter='t'/>", "not alone", HARD},
	{"E104", FILTER("<«ruel» action='drop' direction='in'/>"), "'rule'", SOFT},
	{"E104", FILTER("<«foo»><rule/><tcp/></foo>"), "inside <filter>", SOFT},
	{"E104", FILTER("<uuid><«b»/></uuid>"), "inside <uuid>", SOFT},
	{"E104", FILTER("<«x:rule» xmlns:x='urn:x' action='drop' direction='in'/>"), "x:rule",
	 SOFT},
	{"E104", FILTER("<filterref filter='a'><«param» name='A' value='1'/></filterref>"),
	 "inside <filterref>", SOFT},
	{"E104", RULE("<tcp><«b»/></tcp>"), "can not stand here", SOFT},
	{"E104", RULE("<«tpc»/>"), "'tcp'", HARD},
	{"E104", RULE("<«icmp-ipv6» type='1'/>"), "'icmpv6'", HARD},
	{"E104", RULE("<tcp/><«ip6»/>"), "'ipv6'", SOFT},
	{"E124", FILTER("«stray»"), "<filter>", SOFT},
	{"E124", RULE("  «two words»\n"), "<rule>", SOFT},
	{"E124", RULE("<tcp>«1» &lt; 2</tcp>"), "", SOFT},
	{"E124", FILTER("<![CDATA[«data»]]>"), "<filter>", SOFT},
	/* the filter */
	{"E106", "«<filter>»</filter>", "'name'", HARD},
	{"E106", "«<filter chain='root'/>»", "'name'", HARD},
	{"E105", "<filter «nome»='t'/>", "'name'", HARD},
	{"E105", "<filter name='t' «prio»='1'/>", "'prio'", SOFT},
	{"E105", "<filter name='t' «xml:lang»='en'/>", "xml:lang", SOFT},
	{"E107", "«<filter name=''/>»", "empty", HARD},
	{"E107", "<filter name='«a&#10;b»'/>", "control", HARD},
	{"E108", "<filter name='t' chain='«rooty»'/>", "only root itself", HARD},
	{"E108", "<filter name='t' chain='«ipv4-123456789»'/>", "12", HARD},
	{"E108", "<filter name='t' chain='«arp a»'/>", "character", HARD},
	{"E108", "<filter name='t' chain='«IPV4»'/>", "rarp, arp, ipv4", HARD},
	{"E109", "<filter name='t' chain='arp' priority='«1001»'/>", "-1000 to 1000", HARD},
	{"E109", "<filter name='t' chain='arp' priority='«-1001»'/>", "", HARD},
	{"E109", "<filter name='t' chain='arp' priority='«0x10»'/>", "", HARD},
	{"E109", "<filter name='t' chain='arp' priority='«1 »'/>", "", HARD},
	{"E110", FILTER("<uuid>«5c6d49af-b071»</uuid>"), "5c6d49af-b071", HARD},
	{"E110", FILTER("<uuid> «5c6d49af-b071-6127-b4ec-6f8ed4b5533g»\n</uuid>"), "", HARD},
	{"E110", FILTER("<uuid>«5c6d49af-b071-6127-b4ec-6f8ed4b553350»</uuid>"), "", HARD},
	{"E126", FILTER("<uuid>5c6d49af-b071-6127-b4ec-6f8ed4b55335</uuid>«<uuid>»x</uuid>"),
	 "uuid", SOFT},
	{"E105", FILTER("<uuid «a»='1'/>"), "", SOFT},
	/* rules */
	{"E106", FILTER("«<rule direction='in'>»<tcp/></rule>"), "'action'", HARD},
	{"E106", FILTER("«<rule action='drop'/>»"), "'direction'", HARD},
	{"E105", FILTER("<rule action='drop' «dirction»='in'/>"), "'direction'", HARD},
	{"E105", FILTER("<rule action='drop' direction='in' «prority»='1'/>"), "'priority'", SOFT},
	{"E111", FILTER("<rule action='«allow»' direction='in'/>"), "drop, accept", HARD},
	{"E111", FILTER("<rule action='«Drop»' direction='in'/>"), "'drop'", HARD},
	{"E111", FILTER("<rule action='drop' direction='«both»'/>"), "in, out, inout", HARD},
	{"E109", FILTER("<rule action='drop' direction='in' priority='«»'/>"), "", HARD},
	{"E109", FILTER("<rule action='drop' direction='in' priority='«high»'/>"), "", HARD},
	{"E111", FILTER("<rule action='drop' direction='in' statematch='«no»'/>"), "true", SOFT},
	/* protocols */
	{"E105", RULE("<tcp «foo»='1'/>"), "<tcp>", SOFT},
	{"E105", RULE("<tcp «dstportstat»='1'/>"), "'dstportstart'", SOFT},
	{"E105", RULE("<udplite «srcportstart»='1'/>"), "ip, ipv6, tcp", SOFT},
	{"E111", RULE("<tcp match='«NO»' dstportstart='1'/>"), "yes nor no", SOFT},
	{"E112", RULE("<tcp dstportstart='«65536»'/>"), "0..65535", HARD},
	{"E112", RULE("<tcp\n  dstportstart = \"«ssh»\"/>"), "not a number", HARD},
	{"E112", RULE("<ip srcipaddr='«10.0.0.0/24»'/>"), "mask", HARD},
	{"E112", RULE("<ip protocol='«foo»'/>"), "udplite", HARD},
	{"E112", RULE("<all comment='&lt;' srcipaddr='«1.2.3.&#52;5&#54;»'/>"), "1.2.3.456", HARD},
	{"E113", RULE("<ip srcipaddr='«$A[x]»'/>"), "$A[x]", HARD},
	{"E114", RULE("<all comment='«$A»'/>"), "comment", HARD},
	{"E115", RULE("<tcp/><«udp» dstportstart='99999'/>"), "tcp", SOFT},
	{"E116", RULE("<ip «srcipmask»='24'/>"), "address", HARD},
	{"E117", RULE("<all srcipaddr='1.2.3.4' «srcipfrom»='1.2.3.4'/>"), "srcipaddr", HARD},
	{"E118", RULE("<ip «dstportstart»='53'/>"), "protocol", HARD},
	{"E119", RULE("<all match='no' «state»='NEW'/>"), "state", HARD},
	{"E123",
	 FILTER("<rule action='drop' direction='inout'><stp «srcmacaddr»='1:2:3:4:5:6'/></rule>"),
	 "in or out", HARD},
	{"E125", RULE("<tcp dstportstart='20' dstportend='«10»'/>"), "lower", HARD},
	{"W404", RULE("<stp port='1' «port_hi»='2'/>"), "'port-hi'", SOFT},
	{"W406", RULE("<arp opcode='«ARP_NAK»'/>"), "10", SOFT},
	/* references */
	{"E106", FILTER("«<filterref/>»"), "'filter'", HARD},
	{"E106", FILTER("<filterref filter='«»'/>"), "no filter", HARD},
	{"E105", FILTER("<filterref filter='a' «priority»='1'/>"), "", SOFT},
	{"E106", FILTER("<filterref filter='a'>«<parameter name='A'/>»</filterref>"), "'value'",
	 HARD},
	{"E120", FILTER("<filterref filter='a'><parameter name='«A-B»' value='1'/></filterref>"),
	 "letters", HARD},
	{"E120",
	 FILTER("<filterref filter='a'><parameter name='A' value='«10.0.0.0/8»'/></filterref>"),
	 "mask", HARD},
	{"E121", "<filters><filter name='a'/><filter name='«a»'/></filters>", "'a'", HARD},
};

static const struct case_ xml_cases[] = {
	{"E101", "«»", "empty", HARD},
	{"E101", "«x»", "", HARD},
	{"E101", "<filter name='t'>«»", "Premature end", HARD},
	{"E101", RULE("<tcp>«</rule>»"), "mismatch", HARD},
	{"E101", "<filter name='t'/>«<»filter name='u'/>", "", HARD},
	{"E101", "<filter name='a' «name»='b'/>", "redefined", HARD},
	{"E101", "<filter name=«t»/>", "AttValue", HARD},
	{"E101", "<filter name='a«<»b'/>", "'<'", HARD},
	{"E101", FILTER("\x01"), "", HARD},
	{"E101", FILTER("<uuid>\xff\xfe</uuid>"), "", HARD},
	{"E102", "«<!DOCTYPE» filter><filter name='t'/>", "DOCTYPE", HARD},
	{"E102",
	 "<?xml version='1.0'?>\n«<!DOCTYPE» filter SYSTEM 'file:///etc/passwd'><filter name='t'/>",
	 "", HARD},
	{"E102", "«<!DOCTYPE» f [<!ENTITY a 'b'>]><filter name='&a;'/>", "entities", HARD},
	{"E102", "<filter name='a«&b;»'/>", "&lt;", HARD},
};

/* Takes a mark out; where it was. */
static uint32_t cut_mark(char *text, const char *mark)
{
	char *at = strstr(text, mark);
	if (!at)
		return UINT32_MAX;
	memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
	return (uint32_t)(at - text);
}

static bool contains(struct str s, const char *word)
{
	return memmem(s.s, s.len, word, strlen(word)) || !*word;
}

static void run_case(const struct case_ *c, bool lenient)
{
	struct fixture *f = fixture_new(64u << 20, lenient);
	uint32_t lo, hi;
	char *text = strdup(c->text);
	lo = cut_mark(text, "«");
	hi = cut_mark(text, "»");
	bool read = fixture_read(f, text, strlen(text));
	const struct finding *d = f->diags.list.n ? f->diags.list.items[0] : NULL;
	bool soft = c->lenient == SOFT && (lenient || c->code[0] == 'W');
	/* a wrong name that leniency lets through is then missing all the same */
	bool named = lenient && c->lenient == HARD && !strcmp(c->code, "E105");
	bool ok = d && f->diags.list.n == 1u + named && !strcmp(d->kind->code, c->code) &&
		  (lo == UINT32_MAX || (d->span.lo == lo && d->span.hi == hi)) &&
		  (contains(d->text, c->word) || contains(d->hint, c->word)) && read == soft &&
		  (d->severity == SEV_WARNING) == (soft || named);
	if (!ok) {
		print_message("lenient %d: %s %s\n", lenient, c->code, c->text);
		print_findings(f);
	}
	assert_true(ok);
	free(text);
	fixture_free(f);
}

static void test_filter_findings(void **state)
{
	for (size_t i = 0; i < sizeof filter_cases / sizeof filter_cases[0]; i++)
		for (int lenient = 0; lenient < 2; lenient++)
			run_case(&filter_cases[i], lenient);
}

static void test_xml_findings(void **state)
{
	for (size_t i = 0; i < sizeof xml_cases / sizeof xml_cases[0]; i++)
		for (int lenient = 0; lenient < 2; lenient++)
			run_case(&xml_cases[i], lenient);
}

/* All mistakes of a text are told in one run, in their order. */
static void test_all_in_one_run(void **state)
{
	static const char *const codes[] = {"E108", "E104", "E111", "E112", "E105", "E101"};
	struct fixture *f = fixture_new(64u << 20, false);
	static const char text[] =
		"<filter name='t' chain='x'>\n"
		"<foo/>\n"
		"<rule action='Drop' direction='in'><tcp srcipaddr='x' bar='1'/></rule>\n"
		"<rule action='drop' direction='in'></filter>\n"
		"<more wrong='things'>";
	assert_false(fixture_read(f, text, sizeof text - 1));
	if (f->diags.list.n != 6)
		print_findings(f);
	assert_int_equal(f->diags.list.n, 6);
	for (int i = 0; i < 6; i++)
		assert_string_equal(f->diags.list.items[i]->kind->code, codes[i]);
	assert_int_equal(f->diags.errors, 6);
	fixture_free(f);
}

/* A rule whose only protocol is unknown would match everything: never lenient. */
static void test_no_match_all_by_leniency(void **state)
{
	struct fixture *f = fixture_new(64u << 20, true);
	static const char bad[] = "<filter name='a'><rule action='accept' "
				  "direction='in'><foo/><bar/></rule></filter>";
	static const char good[] = "<filter name='b'><rule action='accept' "
				   "direction='in'><foo/><tcp/><bar/></rule></filter>";
	assert_false(fixture_read(f, bad, sizeof bad - 1));
	assert_int_equal(f->diags.errors, 2);
	assert_true(fixture_read(f, good, sizeof good - 1));
	assert_int_equal(f->diags.errors, 2);
	assert_int_equal(f->diags.warnings, 2);
	assert_string_equal(fixture_filter(f, "b")->entries.items[0].rule->proto->xml, "tcp");
	fixture_free(f);
}

/* --- ports --- */

#define OWNER           "<owner><name>vm</name><uuid>5c6d49af-b071-6127-b4ec-6f8ed4b55335</uuid></owner>"
#define PORTDEV         "<portdev name='vnet0'/>"
#define MAC             "<mac address='52:54:00:12:34:56'/>"
#define REF             "<filterref filter='f'/>"
#define BINDING(inside) "<filterbinding>" inside "</filterbinding>"
#define IFACE(inside)   "<interface type='bridge'>" inside "</interface>"
#define TARGET          "<target dev='vnet0'/>"

static const struct case_ port_cases[] = {
	{"E106", "«<filterbinding>»" PORTDEV MAC REF "</filterbinding>", "<owner>", HARD},
	{"E106",
	 "«<filterbinding>»<owner><name>a</name></owner>" PORTDEV MAC REF "</filterbinding>",
	 "<uuid>", HARD},
	{"E106",
	 "«<filterbinding>»<owner><name> "
	 "</name><uuid>5c6d49afb0716127b4ec6f8ed4b55335</uuid></owner>" PORTDEV MAC REF
	 "</filterbinding>",
	 "<name>", HARD},
	{"E110", BINDING("<owner><name>a</name><uuid>«x»</uuid></owner>" PORTDEV MAC REF), "",
	 HARD},
	{"E106", "«<filterbinding>»" OWNER MAC REF "</filterbinding>", "<portdev", HARD},
	{"E106", BINDING(OWNER "«<portdev/>»" MAC REF), "'name'", HARD},
	{"E201", BINDING(OWNER "<portdev name='«a/b»'/>" MAC REF), "", HARD},
	{"E201", BINDING(OWNER "<portdev name='«nodev67890123456»'/>" MAC REF), "15", HARD},
	{"E201", BINDING(OWNER PORTDEV "<linkdev name='«a b»'/>" MAC REF), "", HARD},
	{"E203", "«<filterbinding>»" OWNER PORTDEV REF "</filterbinding>", "<mac", HARD},
	{"E203", BINDING(OWNER PORTDEV "<mac address='«zz:1:2:3:4:5»'/>" REF), "not a MAC", HARD},
	{"E203", BINDING(OWNER PORTDEV "<mac address='«01:00:5e:00:00:01»'/>" REF), "multicast",
	 HARD},
	{"E204", "«<filterbinding>»" OWNER PORTDEV MAC "</filterbinding>", "<filterref", HARD},
	{"E206", BINDING(OWNER PORTDEV MAC REF "«<filterref filter='g'>»</filterref>"), "both",
	 HARD},
	{"E106", BINDING(OWNER PORTDEV MAC "«<filterref/>»"), "'filter'", HARD},
	{"E104", BINDING(OWNER PORTDEV MAC REF "<«portdv» name='a'/>"), "'portdev'", SOFT},
	{"E105", BINDING(OWNER PORTDEV "<mac address='52:54:00:12:34:56' «type»='x'/>" REF),
	 "<mac>", SOFT},
	{"E126", BINDING(OWNER PORTDEV "«<portdev name='b'/>»" MAC REF), "", SOFT},
	{"E126", BINDING(OWNER PORTDEV MAC "«<mac address='52:54:00:12:34:57'/>»" REF), "", SOFT},
	{"E124", BINDING(OWNER PORTDEV MAC REF "«text»"), "", SOFT},
	{"E120",
	 BINDING(OWNER PORTDEV MAC
		 "<filterref filter='f'><parameter name='IP' value='«»'/></filterref>"),
	 "", HARD},
	/* interfaces and domains */
	{"E203", "«<interface type='bridge'>»" TARGET REF "</interface>", "<mac", HARD},
	{"E205", "<interface type='«hostdev»'>" TARGET MAC REF "</interface>", "card", HARD},
	{"E205", "<interface type='«user»'>" REF "</interface>", "", HARD},
	{"E205", "<interface type='«odd»'>" REF "</interface>", "ethernet", HARD},
	{"E205", IFACE(TARGET MAC "<virtualport type='«openvswitch»'/>" REF), "Linux bridge", HARD},
	{"E206", IFACE(TARGET MAC REF "«<filterref filter='f'/>»"), "both", HARD},
	{"E105", IFACE(TARGET MAC "<filterref «flter»='f'/>"), "'filter'", HARD},
	{"W207", "«<interface type='bridge'>»" MAC REF "</interface>", "--port", SOFT},
	{"W207", "«<interface type='bridge'>»" MAC "<target dev='vnet%d'/>" REF "</interface>",
	 "--port", SOFT},
	{"W208", "«<interface type='bridge'>»" MAC TARGET "</interface>", "filter", SOFT},
	{"W208", "«<domain>»<devices><disk/></devices></domain>", "", SOFT},
	{"W208", "«<domainsnapshot>»<x/></domainsnapshot>", "", SOFT},
	{"E202",
	 "<devices>" IFACE(TARGET MAC REF) IFACE("<target dev='«vnet0»'/>" MAC REF) "</devices>",
	 "vnet0", HARD},
	{"E201", "<domain><devices>" IFACE("<target dev='«a:b»'/>" MAC REF) "</devices></domain>",
	 "", HARD},
};

static void test_port_findings(void **state)
{
	for (size_t i = 0; i < sizeof port_cases / sizeof port_cases[0]; i++)
		for (int lenient = 0; lenient < 2; lenient++)
			run_case(&port_cases[i], lenient);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter_findings),
		cmocka_unit_test(test_xml_findings),
		cmocka_unit_test(test_all_in_one_run),
		cmocka_unit_test(test_no_match_all_by_leniency),
		cmocka_unit_test(test_port_findings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
