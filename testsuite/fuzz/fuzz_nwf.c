/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the nwf language: any bytes are read as a text. What must hold,
 * whatever they are:
 *
 *   - places lie inside the text; the return value and the number of errors agree;
 *   - a text without errors prints, and what is printed is read without errors
 *     and prints the same bytes;
 *   - its filters and ports, made into a text, are read back as the same ones.
 */
#define FUZZ_NAME "fuzz.nwf"
#include "testsuite/fuzz/fuzz.h"

#include "frontend/nwf/from.h"
#include "frontend/nwf/words.h"

static struct buf print_text(struct run *r, const void *data, size_t size)
{
	struct buf out;
	struct str text = {arena_copy(r->arena, data, size), (uint32_t)size};
	uint32_t file = source_add(&r->sources, STR(FUZZ_NAME), text);
	struct nwf_file *f = nwf_parse(r->arena, &r->diags, &r->sources, file);
	buf_memory(&out);
	nwf_print(&out, f, text);
	return out;
}

static struct buf print_meaning(struct run *r)
{
	struct nwf_file f = {0};
	struct buf out;
	map_each (e, &r->library.by_name)
		nwf_from_filter(r->arena, e->cptr, &f);
	vec_each (p, &r->ports.list)
		nwf_from_port(r->arena, *p, &f);
	buf_memory(&out);
	nwf_print(&out, &f, STR(""));
	return out;
}

static void require_same(const struct buf *a, const struct buf *b)
{
	if (a->n != b->n || memcmp(a->data, b->data, a->n) != 0)
		fprintf(stderr, "--- first\n%.*s--- second\n%.*s", (int)a->n, a->data, (int)b->n,
			b->data);
	REQUIRE(a->n == b->n && memcmp(a->data, b->data, a->n) == 0);
}

/* Formatted once and twice is the same, and is read as well as the text was. */
static void check_format(const uint8_t *data, size_t size)
{
	struct run r;
	run_begin(&r, false);
	struct buf once = print_text(&r, data, size);
	struct buf twice = print_text(&r, once.data, once.n);
	REQUIRE(r.diags.errors == 0);
	require_same(&once, &twice);
	buf_drop(&once);
	buf_drop(&twice);
	arena_free(r.arena);
}

static void check_round_trip(struct run *r)
{
	struct run s;
	run_begin(&s, false);
	struct buf first = print_meaning(r);
	bool ok = run_read(&s, NULL, first.data, first.n);
	if (!ok)
		fprintf(stderr, "%.*s%.*s\n", (int)first.n, first.data,
			STR_ARG(s.diags.list.items[0]->text));
	REQUIRE(ok);
	struct buf second = print_meaning(&s);
	require_same(&first, &second);
	buf_drop(&first);
	buf_drop(&second);
	arena_free(s.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r;
	if (memmem(data, size, "include", 7)) /* other files are none of its business */
		return 0;
	run_begin(&r, false);
	bool ok = run_read(&r, NULL, data, size);
	check_findings(&r, ok);
	if (ok) {
		check_format(data, size);
		check_round_trip(&r);
	}
	arena_free(r.arena);
	return 0;
}

#ifdef STANDALONE

/* Reserved words, headers, fields, and the words that values have. */
static void print_dictionary(void)
{
	static const char *const words[] = {"filter",
					    "port",
					    "define",
					    "use",
					    "uuid",
					    "chain",
					    "priority",
					    "stateless",
					    "some",
					    "mac",
					    "learn",
					    "owner",
					    "link",
					    "ipset",
					    "pass",
					    "frames:",
					    "packets:",
					    "$A[@1]",
					    "$IP[0]",
					    "!= ",
					    "<= ",
					    "{ ",
					    " }",
					    "52:54:00:12:34:56",
					    "10.0.0.0/8",
					    "80-90",
					    "fe80::/10",
					    "src, dst",
					    "syn / syn, ack",
					    "new, established",
					    "#"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		print_word(words[i]);
	for (int i = 0; i < ACTIONS; i++)
		print_word(action_names[i]);
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		print_word(h->word);
	for (int f = 0; f < FIELDS; f++)
		print_word(fields[f].name);
}

#endif
