/* SPDX-License-Identifier: MIT */
/*
 * frontend_fixture.h - a text in, findings and trees out, for the tests of the
 * front ends.
 */
#ifndef NWFC_TESTSUITE_FRONTEND_FIXTURE_H
#define NWFC_TESTSUITE_FRONTEND_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frontend/frontend.h"

struct fixture {
	struct arena *arena;
	struct sources sources;
	struct diags diags;
	struct library library;
	struct ports ports;
	struct parse_ctx cx;
	struct xml_input *in;
};

static inline struct fixture *fixture_new(size_t limit, bool lenient)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	f->arena = arena_new(limit);
	assert_non_null(f->arena);
	f->sources = (struct sources){.arena = f->arena, .max_size = 256u << 20};
	f->diags = (struct diags){
		.arena = f->arena, .sources = &f->sources, .max = 1000, .lenient = lenient};
	f->cx = (struct parse_ctx){.arena = f->arena,
				   .sources = &f->sources,
				   .diags = &f->diags,
				   .library = &f->library,
				   .ports = &f->ports};
	f->in = xml_input_new();
	assert_non_null(f->in);
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	xml_input_free(f->in);
	arena_free(f->arena);
	free(f);
}

/* Read n bytes as one text. */
static inline bool fixture_read(struct fixture *f, const char *text, size_t n)
{
	struct str copy = {arena_copy(f->arena, text, n), (uint32_t)n};
	return parse_source(&f->cx, f->in, source_add(&f->sources, STR("t.xml"), copy));
}

static inline void print_findings(const struct fixture *f)
{
	vec_each (d, &f->diags.list) {
		struct location at = source_locate(&f->sources, (*d)->span);
		struct str s = source_slice(&f->sources, (*d)->span);
		print_message("%u:%u: %s %.*s {%.*s}\n", at.line, at.col, (*d)->kind->code,
			      STR_ARG((*d)->text), STR_ARG(s));
	}
}

static inline const struct filter *fixture_filter(struct fixture *f, const char *name)
{
	const struct filter *found = library_find(&f->library, str_from(name));
	if (!found)
		print_findings(f);
	assert_non_null(found);
	return found;
}

/* Canonical text of a filter; malloc'd. */
static inline struct buf print_filter(const struct filter *f)
{
	struct buf b;
	buf_memory(&b);
	print_filter_xml(&b, f, NULL);
	return b;
}

#endif
