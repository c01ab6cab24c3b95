/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/render.h"

#include <stdlib.h>

/* Longer source lines are shown from a little before the place. */
#define LINE_MAX_SHOWN 160
/* A finding quotes what it is about, and that may be megabytes. */
#define TEXT_MAX_SHOWN 400

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

static void render_place(const struct session *s, struct span sp, FILE *to)
{
	if (!sp.file) {
		fprintf(to, "nwfc: ");
		return;
	}
	struct location at = source_locate(&s->sources, sp);
	put_safe(at.file, to);
	fprintf(to, ":%u:%u: ", at.line, at.col);
}

static void put_text(struct str text, FILE *to)
{
	struct str head = text;
	if (head.len > TEXT_MAX_SHOWN) {
		head.len = TEXT_MAX_SHOWN / 2;
		while (head.len && ((unsigned char)head.s[head.len] & 0xc0) == 0x80)
			head.len--;
	}
	put_safe(head, to);
	if (head.len == text.len)
		return;
	uint32_t tail = text.len - TEXT_MAX_SHOWN / 2;
	while (tail < text.len && ((unsigned char)text.s[tail] & 0xc0) == 0x80)
		tail++;
	fprintf(to, " [...] ");
	put_safe((struct str){text.s + tail, text.len - tail}, to);
}

static void render_line(const struct session *s, struct span sp, char mark, FILE *to)
{
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
	for (uint32_t i = 0; i < pos - skip && i < line.len; i++)
		if (((unsigned char)line.s[i] & 0xc0) != 0x80)
			fputc(line.s[i] == '\t' ? '\t' : ' ', to);
	uint32_t n = 0;
	for (uint32_t i = pos - skip; i < line.len && i < pos - skip + (sp.hi - sp.lo); i++)
		n += ((unsigned char)line.s[i] & 0xc0) != 0x80;
	for (n = n ? n : 1; n; n--)
		fputc(mark, to);
	fputc('\n', to);
}

static void render_finding(const struct session *s, const struct finding *f, FILE *to)
{
	static const char *const words[] = {"note", "warning", "error"};
	render_place(s, f->span, to);
	fprintf(to, "%s: ", words[f->severity]);
	put_text(f->text, to);
	fprintf(to, " [%s]\n", f->kind->code);
	render_line(s, f->span, '^', to);
	vec_each (n, &f->notes) {
		render_place(s, n->span, to);
		fprintf(to, "note: ");
		put_text(n->text, to);
		fputc('\n', to);
		render_line(s, n->span, '~', to);
	}
	if (f->hint.len) {
		fprintf(to, "hint: ");
		put_text(f->hint, to);
		fputc('\n', to);
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

static void render_all(const struct session *s, FILE *to)
{
	const struct diags *ds = &s->diags;
	bool fatal_warnings = option_given(s->opt, OPT_WERROR);
	bool quiet = option_given(s->opt, OPT_QUIET);
	for (uint32_t i = 0; i < ds->list.n; i++) {
		const struct finding *f = ds->list.items[i];
		bool wanted = f->severity == SEV_ERROR || !quiet ||
			      (fatal_warnings && f->severity == SEV_WARNING);
		if (wanted && !said_before(s, i))
			render_finding(s, f, to);
	}
	if (ds->errors + ds->warnings > ds->list.n)
		fprintf(to, "nwfc: and %u more findings\n", ds->errors + ds->warnings - ds->list.n);
}

/* Standard error has no buffer: a write for each character would cost more than reading the input.
 */
void render_findings(const struct session *s, FILE *to)
{
	char *text = NULL;
	size_t n = 0;
	FILE *whole = open_memstream(&text, &n);
	if (!whole) {
		render_all(s, to);
		return;
	}
	render_all(s, whole);
	fclose(whole);
	fwrite(text, 1, n, to);
	free(text);
}
