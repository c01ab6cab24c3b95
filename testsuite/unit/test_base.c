/* SPDX-License-Identifier: MIT */
/*
 * base/: the arena and its limit, slices and maps, places in texts, output,
 * findings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/diag.h"

static struct arena *a;

static int setup(void **state)
{
	a = arena_new((size_t)64 << 20);
	return a ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(a);
	return 0;
}

/* --- arena --- */

static void test_arena_gives_zeroed_aligned_memory(void **state)
{
	size_t used = arena_used(a);
	for (size_t n = 0; n < 300; n++) {
		unsigned char *p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_true(arena_used(a) >= used + 300 * 299 / 2);
}

static void test_arena_limit(void **state)
{
	struct arena *small = arena_new((size_t)2 << 20);
	assert_non_null(small);
	assert_false(arena_full(small));
	assert_null(arena_try(small, (size_t)3 << 20));
	assert_false(arena_full(small));
	assert_non_null(arena_try(small, (size_t)2 << 20));
	assert_true(arena_full(small));
	assert_null(arena_try(small, 1));
	assert_non_null(arena_alloc(small, 4096)); /* small requests never fail */
	arena_free(small);
	arena_free(NULL);
}

static void test_arena_try_does_not_overflow(void **state)
{
	assert_null(arena_try(a, SIZE_MAX));
	assert_null(arena_try(a, SIZE_MAX - 8));
}

static void test_copy_ends_in_nul(void **state)
{
	char *p = arena_copy(a, "ab\0c", 4);
	assert_memory_equal(p, "ab\0c", 5);
	assert_int_equal(arena_copy(a, NULL, 0)[0], 0);
}

/* Two arrays that grow in turns: neither may run into the other. */
static void test_vectors_grow(void **state)
{
	vec_of(uint32_t) x = {0}, y = {0};
	for (uint32_t i = 0; i < 100000; i++) {
		*vec_push(a, &x) = i;
		if (i % 3 == 0)
			*vec_push(a, &y) = ~i;
	}
	assert_int_equal(x.n, 100000);
	for (uint32_t i = 0; i < x.n; i++)
		assert_int_equal(x.items[i], i);
	for (uint32_t i = 0; i < y.n; i++)
		assert_int_equal(y.items[i], ~(3 * i));
}

/* --- slices and maps --- */

static void test_compare(void **state)
{
	assert_true(str_eq(STR(""), (struct str){NULL, 0}));
	assert_false(str_eq(STR("a"), STR("b")));
	assert_true(str_is(STR("abc"), "abc"));
	assert_false(str_is(STR("abc"), "abcd"));
	assert_true(str_eq_nocase(STR("Request_Reverse"), STR("rEQUEST_rEVERSE")));
	assert_false(str_eq_nocase(STR("@"), STR("`"))); /* 0x40, 0x60: no letters */
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("b"), STR("ab")) > 0);
	assert_true(str_cmp(STR("\x80"), STR("a")) > 0); /* bytes, unsigned */
	assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
}

static void test_printf(void **state)
{
	struct str s = str_printf(a, "%d %.*s", 42, STR_ARG(STR("xyz")));
	assert_true(str_is(s, "42 xyz"));
	assert_int_equal(s.s[s.len], 0);
}

static void test_hash_is_fnv1a(void **state)
{
	assert_true(str_hash(STR("")) == 0xcbf29ce484222325u);
	assert_true(str_hash(STR("a")) == 0xaf63dc4c8601ec8cu);
	assert_true(str_hash(STR("foobar")) == 0x85944171f73967e8u);
}

static void test_distance(void **state)
{
	static const struct {
		const char *x, *y;
		unsigned d;
	} cases[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"abc", "xabc", 1},
		{"abc", "acb", 1},
		{"kitten", "sitting", 3},
		{"srcipadr", "srcipaddr", 1},
		{"ABC", "abc", 0},
		{"dircetion", "direction", 1},
		{"ca", "abc", 3}, /* restricted: no edit inside a swap */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(str_distance(str_from(cases[i].x), str_from(cases[i].y)),
				 cases[i].d);
		assert_int_equal(str_distance(str_from(cases[i].y), str_from(cases[i].x)),
				 cases[i].d);
	}
	char longer[100];
	memset(longer, 'x', sizeof longer);
	assert_int_equal(str_distance((struct str){longer, 65}, STR("x")), 255);
	assert_int_equal(str_distance((struct str){longer, 64}, STR("")), 64);
}

static void test_map_keeps_order(void **state)
{
	struct map m = {0};
	bool added;
	assert_null(map_find(&m, STR("x")));
	for (unsigned i = 0; i < 5000; i++) {
		struct map_entry *e =
			map_put(a, &m, str_printf(a, "key%u", i * 7919 % 5000), &added);
		assert_true(added);
		e->num = i;
	}
	map_put(a, &m, STR("key0"), &added);
	assert_false(added);
	assert_int_equal(m.entries.n, 5000);
	unsigned n = 0;
	map_each (e, &m)
		assert_int_equal(e->num, n++);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(map_find(&m, str_printf(a, "key%u", i * 7919 % 5000))->num, i);
	assert_null(map_find(&m, STR("key5000")));
	assert_null(map_find(&m, STR("")));
	map_put(a, &m, STR(""), &added)->num = 1;
	assert_true(added);
	assert_non_null(map_find(&m, STR("")));
}

/* --- texts and places --- */

static struct sources texts(void)
{
	return (struct sources){.arena = a, .max_size = 1 << 20};
}

static void assert_place(const struct sources *ss, struct span sp, uint32_t line, uint32_t col,
			 const char *text)
{
	struct location at = source_locate(ss, sp);
	assert_int_equal(at.line, line);
	assert_int_equal(at.col, col);
	assert_true(str_is(source_line(ss, sp), text));
}

/* Long texts are looked up by blocks: every place must agree with a plain count. */
static void test_places_of_long_texts(void **state)
{
	struct sources ss = texts();
	enum { N = 70000 };
	char *t = arena_alloc(a, N + 1);
	uint32_t line = 1, col = 1, seed = 7;
	for (uint32_t i = 0; i < N; i++) {
		seed = seed * 1664525 + 1013904223;
		t[i] = seed >> 24 < 4 ? '\n' : seed >> 24 < 40 ? (char)0x80 : 'x';
	}
	uint32_t f = source_add(&ss, STR("t"), (struct str){t, N});
	for (uint32_t i = 0; i < N; i++) {
		struct location at = source_locate(&ss, (struct span){f, i, i});
		if (at.line != line || at.col != col)
			fail_msg("byte %u: %u:%u, not %u:%u", i, at.line, at.col, line, col);
		col = t[i] == '\n' ? 1 : col + ((unsigned char)t[i] != 0x80);
		line += t[i] == '\n';
	}
}

static void test_lines_and_columns(void **state)
{
	struct sources ss = texts();
	/* 0 'a', 1 newline, 2-3 ä, 4-6 €, 7 tab, 8 'b', 9 newline, 10 newline, 11 'c' */
	uint32_t f = source_add(&ss, STR("t"), STR("a\n\xc3\xa4\xe2\x82\xac\tb\n\nc"));
	assert_place(&ss, (struct span){f, 0, 1}, 1, 1, "a");
	assert_place(&ss, (struct span){f, 1, 1}, 1, 2, "a");
	assert_place(&ss, (struct span){f, 2, 4}, 2, 1, "\xc3\xa4\xe2\x82\xac\tb");
	assert_place(&ss, (struct span){f, 4, 7}, 2, 2, "\xc3\xa4\xe2\x82\xac\tb");
	assert_place(&ss, (struct span){f, 8, 9}, 2, 4, "\xc3\xa4\xe2\x82\xac\tb");
	assert_place(&ss, (struct span){f, 10, 10}, 3, 1, "");
	assert_place(&ss, (struct span){f, 11, 12}, 4, 1, "c");
	assert_place(&ss, (struct span){f, 12, 12}, 4, 2, "c");     /* the end */
	assert_place(&ss, (struct span){f, 9999, 9999}, 4, 2, "c"); /* beyond it */
	assert_true(str_is(source_locate(&ss, (struct span){f, 0, 0}).file, "t"));
	assert_int_equal(source_locate(&ss, (struct span){0}).line, 0);
	assert_int_equal(source_locate(&ss, (struct span){9, 0, 0}).line, 0);
}

static void test_slices(void **state)
{
	struct sources ss = texts();
	uint32_t f = source_add(&ss, STR("t"), STR("hello"));
	assert_true(str_is(source_slice(&ss, (struct span){f, 1, 3}), "el"));
	assert_true(str_is(source_slice(&ss, (struct span){f, 3, 99}), "lo"));
	assert_int_equal(source_slice(&ss, (struct span){f, 3, 1}).len, 0);
	assert_int_equal(source_slice(&ss, (struct span){f, 99, 100}).len, 0);
	assert_int_equal(source_slice(&ss, (struct span){0, 0, 1}).len, 0);
}

static char *temporary(size_t size, char fill)
{
	static char path[] = "/tmp/nwfc-test-XXXXXX";
	strcpy(path, "/tmp/nwfc-test-XXXXXX");
	int fd = mkstemp(path);
	char *text = malloc(size + 1);
	memset(text, fill, size);
	assert_int_equal(write(fd, text, size), size);
	free(text);
	close(fd);
	return path;
}

static void test_reading(void **state)
{
	struct sources ss = texts();
	char *path = temporary(1000, 'x');
	uint32_t f = source_read(&ss, path);
	assert_int_not_equal(f, 0);
	assert_int_equal(source_get(&ss, f)->text.len, 1000);
	assert_int_equal(source_get(&ss, f)->text.s[1000], 0);
	assert_true(source_get(&ss, f)->ino != 0);
	ss.max_size = 999;
	assert_int_equal(source_read(&ss, path), 0);
	assert_int_equal(errno, EFBIG);
	unlink(path);
	assert_int_equal(source_read(&ss, path), 0);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(source_read(&ss, "/"), 0);
	assert_int_equal(errno, EISDIR);
	assert_null(source_get(&ss, 0));
	assert_null(source_get(&ss, 2));
}

/* A stream's size is known only at its end. */
static void test_reading_streams(void **state)
{
	struct sources ss = texts();
	assert_int_equal(source_read(&ss, "/dev/zero"), 0);
	assert_int_equal(errno, EFBIG);
	uint32_t f = source_read(&ss, "/dev/null");
	assert_int_not_equal(f, 0);
	assert_int_equal(source_get(&ss, f)->text.len, 0);
}

static void test_reading_past_the_arena(void **state)
{
	struct arena *small = arena_new((size_t)1 << 20);
	struct sources ss = {.arena = small, .max_size = (size_t)1 << 30};
	char *path = temporary((size_t)2 << 20, 'x');
	assert_int_equal(source_read(&ss, path), 0);
	assert_int_equal(errno, ENOMEM);
	unlink(path);
	arena_free(small);
}

/* --- output --- */

static void assert_put(const char *want, void (*put)(struct buf *, uint32_t, unsigned), uint32_t v,
		       unsigned digits)
{
	struct buf b;
	buf_memory(&b);
	put(&b, v, digits);
	assert_true(str_is((struct str){b.data, (uint32_t)b.n}, want));
	buf_drop(&b);
}

static void put_uint(struct buf *b, uint32_t v, unsigned digits)
{
	buf_uint(b, v);
}

static void test_numbers(void **state)
{
	assert_put("0", put_uint, 0, 0);
	assert_put("9", put_uint, 9, 0);
	assert_put("10", put_uint, 10, 0);
	assert_put("4294967295", put_uint, UINT32_MAX, 0);
	assert_put("0", buf_hex, 0, 1);
	assert_put("0806", buf_hex, 0x806, 4);
	assert_put("86dd", buf_hex, 0x86dd, 2);
	assert_put("ffffffff", buf_hex, UINT32_MAX, 1);
}

/* More than a block, in pieces of all sizes, through a pipe that takes some at a time. */
static void test_streaming(void **state)
{
	char *path = temporary(0, 0);
	int fd = open(path, O_RDWR);
	struct buf b;
	uint64_t want = 0;
	buf_open(&b, fd);
	for (unsigned i = 0; i < 3000; i++) {
		char piece[1024];
		memset(piece, 'a' + (int)(i % 26), sizeof piece);
		buf_put(&b, piece, i % 1025);
		want += i % 1025;
	}
	char *big = malloc(3 * BUF_BLOCK);
	memset(big, 'B', 3 * BUF_BLOCK);
	buf_put(&b, big, 3 * BUF_BLOCK);
	want += 3 * BUF_BLOCK;
	buf_printf(&b, "%1000d", 7);
	want += 1000;
	assert_int_equal(buf_finish(&b), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), want);
	lseek(fd, 0, SEEK_SET);
	for (unsigned i = 0; i < 3000; i++) {
		char piece[1025] = "", same[1025];
		memset(same, 'a' + (int)(i % 26), sizeof same);
		assert_int_equal(read(fd, piece, i % 1025), i % 1025);
		assert_memory_equal(piece, same, i % 1025);
	}
	free(big);
	close(fd);
	unlink(path);
}

static void test_memory_grows(void **state)
{
	struct buf b;
	buf_memory(&b);
	for (unsigned i = 0; i < 200000; i++)
		buf_lit(&b, "0123456789");
	assert_int_equal(b.n, 2000000);
	assert_memory_equal(b.data + 1999990, "0123456789", 10);
	buf_drop(&b);
}

/* The first failure is kept; what comes later is thrown away and does no harm. */
static void test_write_errors(void **state)
{
	struct buf b;
	int fd = open("/dev/full", O_WRONLY);
	buf_open(&b, fd);
	for (unsigned i = 0; i < 100000; i++)
		buf_lit(&b, "0123456789");
	assert_int_equal(buf_finish(&b), ENOSPC);
	close(fd);
	buf_open(&b, fd);
	buf_lit(&b, "x");
	assert_int_equal(buf_finish(&b), EBADF);
}

/* --- findings --- */

static const struct diag_kind error = {"E999", "error", SEV_ERROR, "an error"};
static const struct diag_kind warning = {"W999", "warning", SEV_WARNING, "a warning"};
static const struct diag_kind note = {"N999", "note", SEV_NOTE, "a note"};

static void test_findings(void **state)
{
	struct diags ds = {.arena = a, .max = 3};
	struct finding *f = diag_add(&ds, &error, (struct span){1, 2, 3}, "number %d", 7);
	diag_note(&ds, f, (struct span){1, 4, 5}, "see %s", "there");
	diag_note(&ds, f, (struct span){0}, "and here");
	diag_hint(&ds, f, "do %s", "this");
	assert_true(str_is(f->text, "number 7"));
	assert_true(str_is(f->hint, "do this"));
	assert_int_equal(f->notes.n, 2);
	assert_true(str_is(f->notes.items[0].text, "see there"));
	diag_add(&ds, &warning, (struct span){0}, "w");
	diag_add(&ds, &note, (struct span){0}, "n");
	assert_int_equal(ds.errors, 1);
	assert_int_equal(ds.warnings, 1);
	for (int i = 0; i < 10; i++)
		assert_non_null(diag_add(&ds, &error, (struct span){0}, "more"));
	assert_int_equal(ds.list.n, 3 + 2); /* three errors, the warning, the note */
	assert_int_equal(ds.errors, 11);    /* counted */
	assert_ptr_equal(ds.list.items[0], f);
}

/* However many warnings there are, and even when softened ones are among them. */
static void test_warnings_leave_room_for_errors(void **state)
{
	struct diags ds = {.arena = a, .max = 2, .lenient = true};
	for (int i = 0; i < 5; i++) {
		diag_add(&ds, &warning, (struct span){0}, "w");
		diag_soften(&ds, diag_add(&ds, &error, (struct span){0}, "softened"));
	}
	assert_int_equal(ds.list.n, 2);
	assert_int_equal(ds.warnings, 10);
	struct finding *e = diag_add(&ds, &error, (struct span){0}, "e");
	assert_int_equal(ds.list.n, 3);
	assert_ptr_equal(ds.list.items[2], e);
}

static void test_softening(void **state)
{
	struct diags ds = {.arena = a, .max = 10};
	struct finding *e = diag_add(&ds, &error, (struct span){0}, "e");
	diag_soften(&ds, e);
	assert_int_equal(e->severity, SEV_ERROR);
	assert_int_equal(ds.errors, 1);
	ds.lenient = true;
	diag_soften(&ds, e);
	diag_soften(&ds, e); /* once is enough */
	assert_int_equal(e->severity, SEV_WARNING);
	assert_int_equal(ds.errors, 0);
	assert_int_equal(ds.warnings, 1);
	diag_soften(&ds, diag_add(&ds, &warning, (struct span){0}, "w"));
	assert_int_equal(ds.warnings, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_arena_gives_zeroed_aligned_memory),
		TEST(test_arena_limit),
		TEST(test_arena_try_does_not_overflow),
		TEST(test_copy_ends_in_nul),
		TEST(test_vectors_grow),
		TEST(test_compare),
		TEST(test_printf),
		TEST(test_hash_is_fnv1a),
		TEST(test_distance),
		TEST(test_map_keeps_order),
		TEST(test_lines_and_columns),
		TEST(test_places_of_long_texts),
		TEST(test_slices),
		TEST(test_reading),
		TEST(test_reading_streams),
		TEST(test_reading_past_the_arena),
		TEST(test_numbers),
		TEST(test_streaming),
		TEST(test_memory_grows),
		TEST(test_write_errors),
		TEST(test_findings),
		TEST(test_warnings_leave_room_for_errors),
		TEST(test_softening),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
