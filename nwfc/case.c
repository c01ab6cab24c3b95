/* SPDX-License-Identifier: MIT */
#include "nwfc/case.h"

static bool starts(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.len >= n && memcmp(s.s, with, n) == 0;
}

static bool ends(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.len > n && memcmp(s.s + s.len - n, with, n) == 0;
}

static struct str trim(struct str s)
{
	while (s.len && (s.s[s.len - 1] == ' ' || s.s[s.len - 1] == '\t' || s.s[s.len - 1] == '\r'))
		s.len--;
	while (s.len && (s.s[0] == ' ' || s.s[0] == '\t'))
		s.s++, s.len--;
	return s;
}

struct check *case_check(struct test_case *c, uint32_t line, struct str name)
{
	struct check *k = vec_push(c->arena, &c->checks);
	*k = (struct check){line, name, STR("")};
	return k;
}

/* What a title says: its kind, and the words behind it. */
static bool read_title(struct section *s, struct str title)
{
	static const struct {
		const char *word;
		enum section_kind kind;
		bool more; /* words may follow */
	} kinds[] = {{"input", SECTION_INPUT, false},
		     {"options", SECTION_OPTIONS, false},
		     {"findings", SECTION_FINDINGS, false},
		     {"packets", SECTION_PACKETS, true},
		     {"port", SECTION_PORT, true}};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		uint32_t n = (uint32_t)strlen(kinds[i].word);
		struct str rest = {title.s + n, title.len - n};
		if (!starts(title, kinds[i].word) || (title.len > n && title.s[n] != ' '))
			continue;
		s->kind = kinds[i].kind;
		s->title = title.len > n ? trim(rest) : STR("");
		return kinds[i].more || !s->title.len;
	}
	s->title = title;
	s->kind = ends(title, ".xml") || ends(title, ".nwf") ? SECTION_TEXT : SECTION_SCRIPT;
	return s->kind == SECTION_TEXT || (target_find(title) && !str_is(title, "bridge"));
}

static void begin_section(struct test_case *c, struct str line, uint32_t number)
{
	struct section s = {.line = number, .line_text = line, .body = STR("")};
	struct str title = {line.s + 4, line.len - 4};
	if (title.len && title.s[title.len - 1] == '\n')
		title.len--;
	if (!read_title(&s, trim(title)) && !c->problem.len) {
		c->problem = str_printf(c->arena, "'%.*s' is no section of a case",
					STR_ARG(trim(title)));
		c->problem_line = number;
	}
	*vec_push(c->arena, &c->sections) = s;
}

void case_parse(struct test_case *c)
{
	uint32_t number = 1;
	*vec_push(c->arena, &c->sections) =
		(struct section){.kind = SECTION_HEAD, .line_text = STR(""), .body = STR("")};
	for (uint32_t lo = 0, hi; lo < c->text.len; lo = hi, number++) {
		for (hi = lo; hi < c->text.len && c->text.s[hi] != '\n'; hi++)
			;
		hi += hi < c->text.len;
		struct str line = {c->text.s + lo, hi - lo};
		if (starts(line, "=== ")) {
			begin_section(c, line, number);
			continue;
		}
		struct section *s = &c->sections.items[c->sections.n - 1];
		s->body = (struct str){s->body.len ? s->body.s : line.s, s->body.len + line.len};
	}
	vec_each (s, &c->sections)
		s->fresh = s->body;
}

void case_print(const struct test_case *c, struct buf *out)
{
	vec_each (s, &c->sections) {
		buf_str(out, s->line_text);
		if (s->line_text.len && s->line_text.s[s->line_text.len - 1] != '\n')
			buf_char(out, '\n');
		buf_str(out, s->fresh);
	}
}
