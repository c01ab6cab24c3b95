/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzzers share; each defines FUZZ_NAME, the name of its
 * texts, before, and the words for libFuzzer in print_dictionary().
 *
 * With libFuzzer LLVMFuzzerTestOneInput is called by it. Built with
 * -DSTANDALONE a fuzzer reads the files and folders that it is given instead,
 * or with --dictionary prints those words. FUZZ_WITHOUT_FRONTEND leaves out what reads filters.
 */
#ifndef NWFC_TESTSUITE_FUZZ_H
#define NWFC_TESTSUITE_FUZZ_H

#define _GNU_SOURCE
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef FUZZ_WITHOUT_FRONTEND
#include "frontend/frontend.h"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_LIMIT ((size_t)64 << 20)

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#ifndef FUZZ_WITHOUT_FRONTEND

struct run {
	struct arena *arena;
	struct sources sources;
	struct diags diags;
	struct library library;
	struct ports ports;
	struct parse_ctx cx;
};

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
	return parse_source(&r->cx, in, source_add(&r->sources, STR(FUZZ_NAME), text));
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

#endif

#ifdef STANDALONE

static void print_dictionary(void);

__attribute__((unused)) static void print_word(const char *word)
{
	if (word)
		printf("\"%s\"\n", word);
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

#endif
