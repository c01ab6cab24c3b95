/* SPDX-License-Identifier: MIT */
/*
 * Findings for programs: JSON of our own, whose "version" changes when a member
 * changes its meaning or goes away.
 */
#include "nwfc/render.h"

void put_json_string(struct buf *out, struct str s)
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
		put_json_string(out, lo.file);
		buf_printf(out,
			   ", \"line\": %u, \"column\": %u, \"end_line\": %u, \"end_column\": %u, "
			   "\"offset\": %u, \"length\": %u, ",
			   lo.line, lo.col, hi.line, hi.col, sp.lo, sp.hi - sp.lo);
	}
	buf_lit(out, "\"text\": ");
	put_json_string(out, text);
}

static void put_finding(struct buf *out, const struct session *s, const struct finding *f)
{
	buf_printf(out, "{\"id\": \"%s\", \"name\": \"%s\", \"severity\": \"%s\", ", f->kind->code,
		   f->kind->name, severity_names[f->severity]);
	put_place(out, s, f->span, f->text);
	if (f->hint.len) {
		buf_lit(out, ", \"hint\": ");
		put_json_string(out, f->hint);
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
	buf_printf(out, "\n],\n\"errors\": %u,\n\"warnings\": %u\n}\n",
		   s->diags.errors + s->diags.raised, s->diags.warnings);
}
