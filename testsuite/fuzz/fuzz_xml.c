/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the XML readers: any bytes are read as a document, leniently or
 * not. What must hold, whatever they are:
 *
 *   - places lie inside the text;
 *   - the return value and the number of errors agree;
 *   - a filter that was read without error prints, and what is printed is read
 *     back without error and prints the same bytes.
 *
 * With libFuzzer LLVMFuzzerTestOneInput is called by it. Built with
 * -DSTANDALONE the program reads the files and folders that it is given
 * instead, or with --dictionary prints the words of the language for libFuzzer.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "frontend/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_LIMIT ((size_t)64 << 20)

struct run {
	struct arena *arena;
	struct sources sources;
	struct diags diags;
	struct library library;
	struct ports ports;
	struct parse_ctx cx;
};

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static void run_begin(struct run *r, bool lenient)
{
	*r = (struct run){.arena = arena_new(ARENA_LIMIT)};
	REQUIRE(r->arena);
	r->sources = (struct sources){.arena = r->arena, .max_size = ARENA_LIMIT};
	r->diags = (struct diags){
		.arena = r->arena, .sources = &r->sources, .max = UINT32_MAX, .lenient = lenient};
	r->cx = (struct parse_ctx){.arena = r->arena,
				   .sources = &r->sources,
				   .diags = &r->diags,
				   .library = &r->library,
				   .ports = &r->ports,
				   .port_name = STR("tap0")};
}

static bool run_read(struct run *r, struct xml_input *in, const void *data, size_t size)
{
	struct str text = {arena_copy(r->arena, data, size), (uint32_t)size};
	return parse_source(&r->cx, in, source_add(&r->sources, STR("fuzz"), text));
}

static void check_span(const struct run *r, struct span s)
{
	const struct source *src = source_get(&r->sources, s.file);
	REQUIRE(!s.file || (src && s.lo <= s.hi && s.hi <= src->text.len));
}

static void check_findings(const struct run *r, bool ok)
{
	uint32_t errors = 0;
	vec_each (f, &r->diags.list) {
		errors += (*f)->severity == SEV_ERROR;
		check_span(r, (*f)->span);
		vec_each (n, &(*f)->notes)
			check_span(r, n->span);
		source_locate(&r->sources, (*f)->span);
	}
	REQUIRE(errors == r->diags.errors);
	REQUIRE(ok == (errors == 0));
}

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

static void print_word(const char *word)
{
	if (word)
		printf("\"%s\"\n", word);
}

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

static uint32_t replay(const char *path)
{
	struct stat st;
	DIR *dir = opendir(path);
	uint32_t n = 0;
	if (dir) {
		char inner[4096];
		for (struct dirent *d; (d = readdir(dir));)
			if (d->d_name[0] != '.' && snprintf(inner, sizeof inner, "%s/%s", path,
							    d->d_name) < (int)sizeof inner)
				n += replay(inner);
		closedir(dir);
		return n;
	}
	FILE *f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) < 0) {
		perror(path);
		exit(2);
	}
	uint8_t *data = malloc((size_t)st.st_size + 1);
	size_t size = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	uint32_t n = 0;
	if (argc == 2 && !strcmp(argv[1], "--dictionary")) {
		print_dictionary();
		return 0;
	}
	for (int i = 1; i < argc; i++)
		n += replay(argv[i]);
	printf("%u texts\n", n);
	return n ? 0 : 2;
}

#endif
