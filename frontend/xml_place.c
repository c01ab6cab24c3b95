/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "frontend/xml_parse.h"

/*
 * Where in the source the parser's pointer p lies: as far from the start as in
 * the parser's copy, unless that was converted and has other bytes there.
 */
bool xml_offset(const struct xml_text *x, const xmlChar *p, uint32_t *off)
{
	const xmlParserInput *in = x->parse->ctxt->input;
	if (!in || x->parse->moving || p < in->base || p > in->end)
		return false;
	size_t at = (size_t)in->consumed + (size_t)(p - in->base), n = (size_t)(in->end - p);
	n = n < 8 ? n : 8;
	if (at > x->source.len || n > x->source.len - at || memcmp(x->source.s + at, p, n) != 0)
		return false;
	*off = (uint32_t)at;
	return true;
}

struct span xml_span(const struct xml_text *x, uint32_t lo, uint32_t hi)
{
	return (struct span){x->file, lo, hi};
}

/* The start of the line that the parser is in: all that is known after a conversion. */
struct span xml_line(struct xml_text *x)
{
	struct xml_parse *p = x->parse;
	const xmlParserInput *in = p->ctxt->input;
	uint32_t want = in && in->line > 0 ? (uint32_t)in->line : 1;
	if (want < p->line)
		p->line = 1, p->line_lo = 0;
	while (p->line < want) {
		const char *from = x->source.s + p->line_lo;
		const char *nl = memchr(from, '\n', x->source.len - p->line_lo);
		if (!nl)
			break;
		p->line_lo = (uint32_t)(nl + 1 - x->source.s);
		p->line++;
	}
	return xml_span(x, p->line_lo, p->line_lo);
}

/* One byte where the parser stands. */
struct span xml_here(struct xml_text *x)
{
	const xmlParserInput *in = x->parse->ctxt->input;
	uint32_t off;
	if (!in || !in->cur || !xml_offset(x, in->cur, &off))
		return xml_line(x);
	return xml_span(x, off, off < x->source.len ? off + 1 : off);
}

/* --- walking a tag --- */

bool xml_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void xml_skip_blanks(struct scan *s)
{
	while (s->p < s->end && xml_is_blank(*s->p))
		s->p++;
}

struct str xml_scan_name(struct scan *s)
{
	const char *lo = s->p;
	while (s->p < s->end && !xml_is_blank(*s->p) && *s->p != '=' && *s->p != '/' &&
	       *s->p != '>')
		s->p++;
	return (struct str){lo, (uint32_t)(s->p - lo)};
}

/* NAME = "VALUE"; false at the end of the tag or where it is broken. */
bool xml_scan_attr(struct scan *s, struct str *name, struct str *value)
{
	xml_skip_blanks(s);
	*name = xml_scan_name(s);
	xml_skip_blanks(s);
	if (!name->len || s->p == s->end || *s->p != '=')
		return false;
	s->p++;
	xml_skip_blanks(s);
	if (s->p == s->end || (*s->p != '"' && *s->p != '\''))
		return false;
	const char *lo = s->p + 1, *close = memchr(lo, *s->p, (size_t)(s->end - lo));
	if (!close)
		return false;
	*value = (struct str){lo, (uint32_t)(close - lo)};
	s->p = close + 1;
	return true;
}

/* '<' can not stand inside a tag, not even in a value. */
const char *xml_tag_start(struct xml_text *x)
{
	const xmlParserInput *in = x->parse->ctxt->input;
	uint32_t off;
	if (!in || !in->cur || !xml_offset(x, in->cur, &off) || !off)
		return NULL;
	return memrchr(x->source.s, '<', off);
}
