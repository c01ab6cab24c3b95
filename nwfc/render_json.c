/* SPDX-License-Identifier: MIT */
/*
 * Findings for programs: JSON of our own, whose "version" changes when a member
 * changes its meaning or goes away.
 */
#include "nwfc/render.h"

/* Bytes of the UTF-8 character (RFC 3629) at the start of s; 0 when there is none. */
static uint32_t utf8_length(struct str s)
{
	static const struct {
		unsigned char lo, hi, second_lo, second_hi, length;
	} rows[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
		    {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		    {0xf4, 0xf4, 0x80, 0x8f, 4}};
	const unsigned char *p = (const unsigned char *)s.s;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		if (p[0] < rows[r].lo || p[0] > rows[r].hi || s.len < rows[r].length)
			continue;
		if (rows[r].length > 1 && (p[1] < rows[r].second_lo || p[1] > rows[r].second_hi))
			return 0;
		for (uint32_t i = 2; i < rows[r].length; i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
		return rows[r].length;
	}
	return 0;
}

void json_string(struct buf *out, struct str s)
{
	buf_char(out, '"');
	for (uint32_t i = 0, n; i < s.len; i += n ? n : 1) {
		unsigned char c = (unsigned char)s.s[i];
		n = utf8_length((struct str){s.s + i, s.len - i});
		if (!n)
			buf_lit(out, "\\ufffd");
		else if (c < ' ' || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			buf_char(out, '\\'), buf_char(out, (char)c);
		else
			buf_put(out, s.s + i, n);
	}
	buf_char(out, '"');
}

/* The place and the text; a finding without a place has no "file". */
static void put_place(struct buf *out, const struct session *s, struct span sp, struct str text)
{
	if (sp.file) {
		struct location lo = source_locate(&s->sources, sp);
		struct location hi =
			source_locate(&s->sources, (struct span){sp.file, sp.hi, sp.hi});
		buf_lit(out, "\"file\": ");
		json_string(out, lo.file);
		buf_printf(out,
			   ", \"line\": %u, \"column\": %u, \"end_line\": %u, \"end_column\": %u, "
			   "\"offset\": %u, \"length\": %u, ",
			   lo.line, lo.col, hi.line, hi.col, sp.lo, sp.hi - sp.lo);
	}
	buf_lit(out, "\"text\": ");
	json_string(out, text);
}

static void put_finding(struct buf *out, const struct session *s, const struct finding *f)
{
	buf_printf(out, "{\"id\": \"%s\", \"name\": \"%s\", \"severity\": \"%s\", ", f->kind->code,
		   f->kind->name, severity_names[f->severity]);
	put_place(out, s, f->span, f->text);
	if (f->hint.len) {
		buf_lit(out, ", \"hint\": ");
		json_string(out, f->hint);
	}
	buf_lit(out, ", \"notes\": [");
	const char *between = "";
	vec_each (n, &f->notes) {
		buf_printf(out, "%s{", between);
		put_place(out, s, n->span, n->text);
		buf_lit(out, "}");
		between = ", ";
	}
	buf_lit(out, "]}");
}

void render_json(const struct session *s, struct buf *out)
{
	const char *between = "\n";
	buf_lit(out, "{\n\"version\": 1,\n\"findings\": [");
	for (uint32_t i = 0; i < s->diags.list.n; i++) {
		if (!finding_shown(s, i))
			continue;
		buf_str(out, str_from(between));
		put_finding(out, s, s->diags.list.items[i]);
		between = ",\n";
	}
	buf_printf(out, "\n],\n\"errors\": %u,\n\"warnings\": %u\n}\n", s->diags.errors,
		   s->diags.warnings);
}
