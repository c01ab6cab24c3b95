/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/render.h"

#include <locale.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

/* Longer source lines are shown from a little before the place. */
#define LINE_MAX_SHOWN 160
/* A finding quotes what it is about, and that may be megabytes. */
#define TEXT_MAX_SHOWN 400
/* A hint may be a command to be copied, with the names of many bridges. */
#define HINT_MAX_SHOWN 4000

const char *const severity_names[SEVERITIES] = {"note", "warning", "error"};

/* ECMA-48 8.3.117: bold, and the colours that compilers use for these. */
static const char *const severity_colours[SEVERITIES] = {"\33[1;36m", "\33[1;35m", "\33[1;31m"};
#define COLOUR_PLACE "\33[1m"
#define COLOUR_MARK  "\33[1;32m"
#define COLOUR_END   "\33[0m"

/* Where the text goes, and whether that place shows colours. */
struct page {
	FILE *to;
	bool colour;
};

static void put_colour(const struct page *pg, const char *colour)
{
	if (pg->colour)
		fputs(colour, pg->to);
}

/* Control characters of hostile input, C0 and in UTF-8 C1, never reach the terminal. */
static void put_safe(struct str text, FILE *to)
{
	for (uint32_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.s[i],
			      next = i + 1 < text.len ? (unsigned char)text.s[i + 1] : 0;
		bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
		i += c1;
		fputc(c == '\t' || (c >= 0x80 && !c1) || (c >= ' ' && c < 0x7f) ? c : '?', to);
	}
}

/*
 * The character at the start of text: its bytes, and how many columns a terminal
 * gives it (East Asian wide ones 2, combining ones none). What put_safe() shows
 * as ? has one. The C library's table counts, in the locale of render_findings().
 */
static unsigned char_columns(struct str text, uint32_t *bytes)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t n = mbrtowc(&c, text.s, text.len, &state);
	*bytes = n == 0 || n > text.len ? 1 : (uint32_t)n;
	int columns = n == 0 || n > text.len ? -1 : wcwidth(c);
	return columns < 0 ? 1 : (unsigned)columns;
}

/* A tab goes on to the next column that a multiple of TAB lies before. */
#define TAB 8

/* Columns of a text that begins in column `from`, counted from 0. */
static uint32_t columns(struct str text, uint32_t from)
{
	uint32_t at = from;
	for (uint32_t i = 0, n; i < text.len; i += n) {
		unsigned wide = char_columns((struct str){text.s + i, text.len - i}, &n);
		at = text.s[i] == '\t' ? at - at % TAB + TAB : at + wide;
	}
	return at - from;
}

/* From 1, as a terminal shows the line; far out in a long line characters are counted. */
static uint32_t shown_column(const struct session *s, struct span sp, const struct location *at)
{
	struct str before = source_line(&s->sources, sp);
	if (sp.lo - at->line_lo > SOURCE_BLOCK)
		return at->col;
	if (sp.lo - at->line_lo < before.len)
		before.len = sp.lo - at->line_lo;
	return 1 + columns(before, 0);
}

static void render_place(const struct session *s, struct span sp, FILE *to)
{
	if (!sp.file) {
		fprintf(to, "nwfc: ");
		return;
	}
	struct location at = source_locate(&s->sources, sp);
	put_safe(at.file, to);
	fprintf(to, ":%u:%u: ", at.line, shown_column(s, sp, &at));
}

static void put_text(struct str text, uint32_t most, FILE *to)
{
	struct str head = text;
	if (head.len > most) {
		head.len = most / 2;
		while (head.len && ((unsigned char)head.s[head.len] & 0xc0) == 0x80)
			head.len--;
	}
	put_safe(head, to);
	if (head.len == text.len)
		return;
	uint32_t tail = text.len - most / 2;
	while (tail < text.len && ((unsigned char)text.s[tail] & 0xc0) == 0x80)
		tail++;
	fprintf(to, " [...] ");
	put_safe((struct str){text.s + tail, text.len - tail}, to);
}

/* As wide as the text; tabs stay tabs, since the line above has the same margin. */
static void put_blanks(struct str text, FILE *to)
{
	for (uint32_t i = 0, n; i < text.len; i += n) {
		unsigned wide = char_columns((struct str){text.s + i, text.len - i}, &n);
		if (text.s[i] == '\t')
			fputc('\t', to);
		else
			fprintf(to, "%*s", (int)wide, "");
	}
}

static void render_line(const struct session *s, struct span sp, char mark, const struct page *pg)
{
	FILE *to = pg->to;
	struct location at = source_locate(&s->sources, sp);
	struct str line = source_line(&s->sources, sp);
	if (!sp.file || !line.len)
		return;
	uint32_t pos = sp.lo - at.line_lo, skip = 0;
	if (line.len > LINE_MAX_SHOWN && pos > LINE_MAX_SHOWN / 2) {
		skip = pos - LINE_MAX_SHOWN / 2;
		while (skip && ((unsigned char)line.s[skip] & 0xc0) == 0x80)
			skip--;
	}
	line = (struct str){line.s + skip, line.len - skip};
	if (line.len > LINE_MAX_SHOWN)
		line.len = LINE_MAX_SHOWN;
	fprintf(to, "%6u | ", at.line);
	put_safe(line, to);
	fprintf(to, "\n       | ");
	uint32_t lead = pos - skip < line.len ? pos - skip : line.len, rest = line.len - lead;
	put_blanks((struct str){line.s, lead}, to);
	uint32_t n = columns(
		(struct str){line.s + lead, sp.hi - sp.lo < rest ? sp.hi - sp.lo : rest}, 0);
	put_colour(pg, COLOUR_MARK);
	for (n = n ? n : 1; n; n--)
		fputc(mark, to);
	put_colour(pg, COLOUR_END);
	fputc('\n', to);
}

/* "file:line:col: error: ", the place and the word each in its colour. */
static void render_head(const struct session *s, struct span sp, enum severity severity,
			const struct page *pg)
{
	put_colour(pg, COLOUR_PLACE);
	render_place(s, sp, pg->to);
	put_colour(pg, COLOUR_END);
	put_colour(pg, severity_colours[severity]);
	fprintf(pg->to, "%s:", severity_names[severity]);
	put_colour(pg, COLOUR_END);
	fputc(' ', pg->to);
}

static void render_finding(const struct session *s, const struct finding *f, const struct page *pg)
{
	render_head(s, f->span, f->severity, pg);
	put_text(f->text, TEXT_MAX_SHOWN, pg->to);
	fprintf(pg->to, " [%s]\n", f->kind->code);
	render_line(s, f->span, '^', pg);
	vec_each (n, &f->notes) {
		render_head(s, n->span, SEV_NOTE, pg);
		put_text(n->text, TEXT_MAX_SHOWN, pg->to);
		fputc('\n', pg->to);
		render_line(s, n->span, '~', pg);
	}
	if (f->hint.len) {
		fprintf(pg->to, "hint: ");
		put_text(f->hint, HINT_MAX_SHOWN, pg->to);
		fputc('\n', pg->to);
	}
}

/* Several targets can have the same to say of one place. */
static bool said_before(const struct session *s, uint32_t i)
{
	const struct finding *f = s->diags.list.items[i];
	for (uint32_t j = 0; j < i; j++) {
		const struct finding *g = s->diags.list.items[j];
		if (g->kind == f->kind && memcmp(&g->span, &f->span, sizeof f->span) == 0 &&
		    str_eq(g->text, f->text))
			return true;
	}
	return false;
}

bool finding_shown(const struct session *s, uint32_t i)
{
	enum severity severity = s->diags.list.items[i]->severity;
	bool fatal = severity == SEV_WARNING && option_given(s->opt, OPT_WERROR);
	bool wanted = severity == SEV_ERROR || fatal || !option_given(s->opt, OPT_QUIET);
	wanted &= severity != SEV_NOTE || !s->no_notes;
	return wanted && !said_before(s, i);
}

uint32_t findings_unlisted(const struct session *s)
{
	const struct diags *ds = &s->diags;
	return ds->errors + ds->raised + ds->warnings - ds->listed[SEV_ERROR] -
	       ds->listed[SEV_WARNING];
}

static void render_all(const struct session *s, const struct page *pg)
{
	const struct diags *ds = &s->diags;
	for (uint32_t i = 0; i < ds->list.n; i++)
		if (finding_shown(s, i))
			render_finding(s, ds->list.items[i], pg);
	if (findings_unlisted(s))
		fprintf(pg->to, "nwfc: and %u more findings\n", findings_unlisted(s));
}

/* no-color.org: any text in NO_COLOR switches colours off; a dumb terminal has none. */
static bool wants_colour(FILE *to)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
	return isatty(fileno(to)) && !(no && *no) && terminal && strcmp(terminal, "dumb") != 0;
}

/* Standard error has no buffer: a write for each character would cost more than reading the input.
 */
static void render_at_once(const struct session *s, FILE *to)
{
	char *text = NULL;
	size_t n = 0;
	FILE *whole = open_memstream(&text, &n);
	struct page pg = {whole ? whole : to, wants_colour(to)};
	render_all(s, &pg);
	if (!whole)
		return;
	fclose(whole);
	fwrite(text, 1, n, to);
	free(text);
}

/* Sources are UTF-8 whatever the user's locale, so that alone decides how wide a character is. */
void render_findings(const struct session *s, FILE *to)
{
	if (!s->diags.list.n)
		return;
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
	render_at_once(s, to);
	if (utf8) {
		uselocale(before);
		freelocale(utf8);
	}
}
