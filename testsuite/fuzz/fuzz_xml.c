/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the XML readers: any bytes are read as a document, leniently or
 * not. What must hold, whatever they are:
 *
 *   - places lie inside the text;
 *   - the return value and the number of errors agree;
 *   - a filter that was read without error prints, and what is printed is read
 *     back without error and prints the same bytes.
 */
#define FUZZ_NAME "fuzz.xml"
#include "testsuite/fuzz/fuzz.h"

static void check_round_trip(const struct filter *f, struct xml_input *in)
{
	struct run r;
	struct buf first, second;
	run_begin(&r, false);
	buf_memory(&first);
	print_filter_xml(&first, f, NULL);
	REQUIRE(run_read(&r, in, first.data, first.n));
	REQUIRE(r.library.by_name.entries.n == 1);
	buf_memory(&second);
	print_filter_xml(&second, r.library.by_name.entries.items[0].cptr, NULL);
	REQUIRE(first.n == second.n && memcmp(first.data, second.data, first.n) == 0);
	buf_drop(&first);
	buf_drop(&second);
	arena_free(r.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xml_input *in; /* one parser for all, as in the program */
	if (!in)
		in = xml_input_new();
	for (int lenient = 0; lenient < 2; lenient++) {
		struct run r;
		run_begin(&r, lenient);
		bool ok = run_read(&r, in, data, size);
		check_findings(&r, ok);
		if (ok)
			map_each (e, &r.library.by_name)
				check_round_trip(e->cptr, in);
		arena_free(r.arena);
	}
	return 0;
}

#ifdef STANDALONE

/* Element and attribute names, and the words that values have. */
static void print_dictionary(void)
{
	static const char *const words[] = {
		"filter",      "filters",        "uuid",          "rule",
		"filterref",   "parameter",      "match='no'",    "chain",
		"priority",    "statematch",     "filterbinding", "owner",
		"portdev",     "linkdev",        "mac",           "interface",
		"domain",      "domainsnapshot", "devices",       "target",
		"virtualport", "$A[@1]",         "$IP[0]",        "<!--",
		"<![CDATA[",   "&amp;",          "&#x41;",        "<?xml version='1.0'?>",
		"xmlns:q='u'"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		print_word(words[i]);
	for (int i = 0; i < ACTIONS; i++)
		print_word(action_names[i]);
	for (int i = 0; i < DIRECTIONS; i++)
		print_word(direction_names[i]);
	for (int p = PROTO_NONE + 1; p < PROTOS; p++) {
		print_word(protos[p].xml);
		for (uint32_t i = 0; i < protos[p].nattrs; i++)
			print_word(protos[p].attrs[i].xml);
	}
	for (int t = VT_NONE; t <= VT_TEXT; t++)
		for (const struct value_name *n = value_names((enum value_type)t); n && n->name;
		     n++)
			print_word(n->name);
}

#endif
