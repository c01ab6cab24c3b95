/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "frontend/xml_input.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdlib.h>

/*
 * NONET twice over: nothing external is ever asked for either. RECOVER keeps the
 * callbacks coming after an error; whether they are wanted is our decision.
 * NOENT gives &amp; as & (else as &#38;, for a second reading); there are no
 * other entities, since a document type ends the reading.
 */
#define PARSE_OPTIONS (XML_PARSE_NONET | XML_PARSE_RECOVER | XML_PARSE_NOENT)

/* Names live in the parser's dictionary as long as it does; a fresh one from time to time. */
#define DICT_MAX 20000

/* libxml2 compares every attribute of an element with every other; so many are still quick. */
#define ATTRS_MAX 2000
/* Below this size a text can not have enough attributes to matter. */
#define ATTRS_SAFE_SIZE (64u << 10)

struct frame {
	const struct element_type *type; /* NULL: passed over */
	struct span span;		 /* of the opening tag, or a point in it */
	bool stray_said;
};

struct xml_input {
	xmlParserCtxtPtr ctxt;
	struct xml_attr *attrs; /* of the element being opened */
	uint32_t attrs_cap;
	struct frame frames[XML_DEPTH_MAX + 2];
	char text[XML_TEXT_MAX];
};

/* What the engine knows of the text it is in. */
struct xml_parse {
	struct xml_input *in;
	xmlParserCtxtPtr ctxt;
	uint32_t depth; /* index of the innermost frame; 0 is the document */
	bool failed, stopped;
	bool moving; /* the parser is filling its input: its pointers are not to be used */
	uint32_t line, line_lo; /* where the line counter stands in the source */
	uint32_t text_len;
	bool text_long;
	struct span text_span;
	const char *suggested; /* attribute that a hint has just named */
};

/* --- places --- */

/*
 * Where in the source the parser's pointer p lies: as far from the start as in
 * the parser's copy, unless that was converted and has other bytes there.
 */
static bool offset_of(const struct xml_text *x, const xmlChar *p, uint32_t *off)
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

static struct span span_of(const struct xml_text *x, uint32_t lo, uint32_t hi)
{
	return (struct span){x->file, lo, hi};
}

/* The start of the line that the parser is in: all that is known after a conversion. */
static struct span line_span(struct xml_text *x)
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
	return span_of(x, p->line_lo, p->line_lo);
}

/* One byte where the parser stands. */
static struct span here(struct xml_text *x)
{
	const xmlParserInput *in = x->parse->ctxt->input;
	uint32_t off;
	if (!in || !in->cur || !offset_of(x, in->cur, &off))
		return line_span(x);
	return span_of(x, off, off < x->source.len ? off + 1 : off);
}

/* --- stopping --- */

/* Inside libxml2's error function its own loops still hold pointers into the
 * input, so the input may not be taken away there. */
static void stop_quietly(struct xml_text *x)
{
	x->parse->stopped = true;
	x->parse->ctxt->disableSAX = 1;
}

static void stop(struct xml_text *x)
{
	x->parse->stopped = true;
	xmlStopParser(x->parse->ctxt);
}

static bool out_of_memory(struct xml_text *x)
{
	if (!arena_full(x->arena))
		return false;
	diag_add(x->diags, FINDING(E603), here(x), "the memory limit was reached here");
	stop(x);
	return true;
}

/* --- walking a tag --- */

struct scan {
	const char *p, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && is_blank(*s->p))
		s->p++;
}

static struct str scan_name(struct scan *s)
{
	const char *lo = s->p;
	while (s->p < s->end && !is_blank(*s->p) && *s->p != '=' && *s->p != '/' && *s->p != '>')
		s->p++;
	return (struct str){lo, (uint32_t)(s->p - lo)};
}

/* NAME = "VALUE"; false at the end of the tag or where it is broken. */
static bool scan_attr(struct scan *s, struct str *name, struct str *value)
{
	skip_blanks(s);
	*name = scan_name(s);
	skip_blanks(s);
	if (!name->len || s->p == s->end || *s->p != '=')
		return false;
	s->p++;
	skip_blanks(s);
	if (s->p == s->end || (*s->p != '"' && *s->p != '\''))
		return false;
	const char *lo = s->p + 1, *close = memchr(lo, *s->p, (size_t)(s->end - lo));
	if (!close)
		return false;
	*value = (struct str){lo, (uint32_t)(close - lo)};
	s->p = close + 1;
	return true;
}

/* --- well-formedness --- */

/* After these the parser still knows which element it is in. */
static bool structure_is_whole(int code)
{
	switch (code) {
	case XML_ERR_ATTRIBUTE_REDEFINED:
	case XML_ERR_UNDECLARED_ENTITY:
	case XML_WAR_UNDECLARED_ENTITY:
	case XML_ERR_INVALID_CHARREF:
		return true;
	default:
		return false;
	}
}

static bool is_entity_error(int code)
{
	return code == XML_ERR_UNDECLARED_ENTITY || code == XML_WAR_UNDECLARED_ENTITY;
}

/* The second attribute of that name in the tag that the parser is in. */
static struct span repeated_attr(struct xml_text *x, const char *attr)
{
	struct span at = here(x);
	const char *lo = x->source.s, *lt = at.lo ? memrchr(lo, '<', at.lo) : NULL;
	struct scan s = {lt, lo + at.lo};
	struct str name = {NULL, 0}, value;
	bool seen = false;
	if (!lt || !attr)
		return at;
	scan_name(&s);
	while (scan_attr(&s, &name, &value)) {
		if (str_is(name, attr) && seen)
			return span_of(x, (uint32_t)(name.s - lo), (uint32_t)(name.s - lo) + name.len);
		seen |= str_is(name, attr);
	}
	return at;
}

/* libxml2's sentence without its newline. */
static struct str message_of(const xmlError *err)
{
	struct str m = str_from(err->message ? err->message : "the text can not be read");
	const char *nl = memchr(m.s, '\n', m.len);
	if (nl)
		m.len = (uint32_t)(nl - m.s);
	while (m.len && m.s[m.len - 1] == ' ')
		m.len--;
	return m;
}

/* The end tag before the parser's position. */
static struct span end_tag_span(struct xml_text *x)
{
	struct span at = here(x);
	const char *lo = x->source.s;
	const char *lt = at.lo ? memrchr(lo, '<', at.lo) : NULL;
	if (!lt || lt[1] != '/')
		return at;
	const char *gt = memchr(lt, '>', x->source.len - (size_t)(lt - lo));
	return span_of(x, (uint32_t)(lt - lo), gt ? (uint32_t)(gt + 1 - lo) : at.hi);
}

static void note_open_element(struct xml_text *x, struct finding *f)
{
	if (x->parse->depth)
		diag_note(x->diags, f, x->parse->in->frames[x->parse->depth].span,
			  "the element that is open begins here");
}

static struct span entity_span(struct xml_text *x, const char *name)
{
	struct span at = here(x);
	const char *lo = x->source.s, *amp = at.lo ? memrchr(lo, '&', at.lo) : NULL;
	size_t n = name ? strlen(name) : 0, left = amp ? x->source.len - (size_t)(amp - lo) : 0;
	if (!n || left < n + 2 || memcmp(amp + 1, name, n) != 0)
		return at;
	return span_of(x, (uint32_t)(amp - lo), (uint32_t)(amp - lo + n + 2));
}

static void say_entity(struct xml_text *x, const xmlError *err, struct str message)
{
	struct finding *f = diag_add(x->diags, FINDING(E102), entity_span(x, err->str1), "%.*s",
				     STR_ARG(message));
	diag_hint(x->diags, f, "only &lt; &gt; &amp; &quot; &apos; and numbers like &#65; are known");
}

static void say_not_well_formed(struct xml_text *x, const xmlError *err, struct str message)
{
	struct span at = err->code == XML_ERR_TAG_NAME_MISMATCH	    ? end_tag_span(x)
			 : err->code == XML_ERR_ATTRIBUTE_REDEFINED ? repeated_attr(x, err->str1)
								    : here(x);
	struct finding *f = diag_add(x->diags, FINDING(E101), at, "%.*s", STR_ARG(message));
	if (err->code == XML_ERR_TAG_NAME_MISMATCH || err->code == XML_ERR_TAG_NOT_FINISHED)
		note_open_element(x, f);
}

#if LIBXML_VERSION >= 21200
static void on_error(void *user, const xmlError *err)
#else
static void on_error(void *user, xmlError *err)
#endif
{
	struct xml_text *x = user;
	/* an undeclared prefix is the trouble of nobody here: such elements are passed over */
	if (!err || err->level <= XML_ERR_WARNING || err->domain == XML_FROM_NAMESPACE)
		return;
	x->parse->failed = true;
	if (x->parse->stopped)
		return;
	x->parse->moving = err->domain != XML_FROM_PARSER;
	struct str message = message_of(err);
	if (err->code == XML_ERR_NO_MEMORY)
		diag_add(x->diags, FINDING(E603), here(x), "the parser has no memory left");
	else if (is_entity_error(err->code))
		say_entity(x, err, message);
	else
		say_not_well_formed(x, err, message);
	x->parse->moving = false;
	if (!structure_is_whole(err->code))
		stop_quietly(x);
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	static const struct str word = {"<!DOCTYPE", 9};
	struct xml_text *x = user;
	struct span at = here(x);
	if (x->parse->stopped)
		return;
	for (uint32_t lo = at.lo; lo > 0; lo--)
		if (x->source.len - (lo - 1) >= word.len &&
		    str_eq((struct str){x->source.s + lo - 1, word.len}, word)) {
			at = span_of(x, lo - 1, lo - 1 + word.len);
			break;
		}
	struct finding *f = diag_add(x->diags, FINDING(E102), at, "the text has a document type");
	diag_hint(x->diags, f, "remove the DOCTYPE; write what its entities stand for");
	x->parse->failed = true;
	stop(x);
}

/* --- did you mean --- */

/* One slip in a short word, three in a long one. */
struct nearest nearest_to(struct str word)
{
	unsigned most = 1 + word.len / 6;
	return (struct nearest){.word = word, .distance = (most < 3 ? most : 3) + 1};
}

void nearest_try(struct nearest *n, const char *candidate)
{
	unsigned d = str_distance(n->word, str_from(candidate));
	if (d < n->distance) {
		n->distance = d;
		n->name = candidate;
	}
}

void nearest_hint(struct diags *ds, struct finding *f, const struct nearest *n)
{
	if (n->name)
		diag_hint(ds, f, "did you mean '%s'?", n->name);
}

/* --- attributes --- */

const struct xml_attr *xml_attr(const struct xml_element *e, const char *name)
{
	for (uint32_t i = 0; i < e->nattrs; i++)
		if (str_is(e->attrs[i].name, name))
			return &e->attrs[i];
	return NULL;
}

const struct xml_attr *xml_attr_needed(struct xml_text *x, const struct xml_element *e,
				       const char *name)
{
	const struct xml_attr *a = xml_attr(e, name);
	const char *suggested = x->parse->suggested;
	/* a wrong spelling of it is an error already */
	if (!a && !(suggested && !strcmp(suggested, name) && !x->diags->lenient))
		diag_add(x->diags, FINDING(E106), e->span, "<%.*s> needs an attribute '%s'",
			 STR_ARG(e->name), name);
	return a;
}

struct finding *xml_unknown_attr(struct xml_text *x, const struct xml_element *e,
				 const struct xml_attr *a, const struct nearest *n)
{
	struct finding *f = diag_add(x->diags, FINDING(E105), a->name_span,
				     "<%.*s> has no attribute '%.*s'", STR_ARG(e->name),
				     STR_ARG(a->name));
	nearest_hint(x->diags, f, n);
	diag_soften(x->diags, f);
	return f;
}

static bool is_listed(const char *const *names, struct str name)
{
	for (; *names; names++)
		if (str_is(name, *names))
			return true;
	return false;
}

static void check_attrs(struct xml_text *x, const struct xml_element *e, const char *const *names)
{
	x->parse->suggested = NULL;
	for (uint32_t i = 0; names && i < e->nattrs && !arena_full(x->arena); i++) {
		const struct xml_attr *a = &e->attrs[i];
		if (is_listed(names, a->name))
			continue;
		struct nearest n = nearest_to(a->name);
		for (const char *const *c = names; *c; c++)
			if (!xml_attr(e, *c))
				nearest_try(&n, *c);
		xml_unknown_attr(x, e, a, &n);
		if (n.name)
			x->parse->suggested = n.name;
	}
}

bool xml_once(struct xml_text *x, const struct xml_element *e, bool *seen)
{
	bool first = !*seen;
	*seen = true;
	if (!first)
		diag_soften(x->diags, diag_add(x->diags, FINDING(E126), e->span, "a second <%.*s>",
					       STR_ARG(e->name)));
	return first;
}

static struct str qualified(struct xml_text *x, const xmlChar *prefix, const xmlChar *local)
{
	struct str l = str_from((const char *)local);
	if (!prefix)
		return l;
	return str_printf(x->arena, "%s:%.*s", (const char *)prefix, STR_ARG(l));
}

static struct span slice_span(const struct xml_text *x, struct str s)
{
	uint32_t lo = (uint32_t)(s.s - x->source.s);
	return span_of(x, lo, lo + s.len);
}

/*
 * The element's places, and a scan that stands behind its name. Without one
 * (converted text) everything has the place of the line.
 */
static struct scan locate_tag(struct xml_text *x, struct xml_element *e)
{
	const xmlParserInput *in = x->parse->ctxt->input;
	const char *lo = x->source.s, *lt;
	uint32_t end;
	e->span = e->name_span = span_of(x, 0, 0);
	if (!in || !offset_of(x, in->cur, &end) || !(lt = end ? memrchr(lo, '<', end) : NULL) ||
	    !str_eq((struct str){lt + 1, e->name.len}, e->name)) {
		e->span = e->name_span = line_span(x);
		return (struct scan){NULL, NULL};
	}
	struct scan s = {lt + 1 + e->name.len, lo + end};
	if (end < x->source.len && lo[end] == '/')
		end++;
	end += end < x->source.len;
	e->span = span_of(x, (uint32_t)(lt - lo), end);
	e->name = (struct str){lt + 1, e->name.len};
	e->name_span = slice_span(x, e->name);
	return s;
}

/* What the parser has will not stay; memory is checked for at every element. */
static struct str keep(struct xml_text *x, struct str s)
{
	char *copy = arena_try(x->arena, (size_t)s.len + 1);
	if (!copy)
		return STR("");
	memcpy(copy, s.s, s.len);
	return (struct str){copy, s.len};
}

static bool room_for_attrs(struct xml_input *in, uint32_t n)
{
	if (n <= in->attrs_cap)
		return true;
	struct xml_attr *more = realloc(in->attrs, n * sizeof *more);
	if (!more)
		return false;
	in->attrs = more;
	in->attrs_cap = n;
	return true;
}

/* Moves the attribute into the source, where its name is the next of that name. */
static bool find_in_source(struct xml_text *x, struct xml_attr *a, struct scan *s)
{
	struct str name, value;
	/* namespace declarations and repeated attributes are not among those that are given */
	while (scan_attr(s, &name, &value)) {
		if (!str_eq(name, a->name))
			continue;
		a->name = name;
		a->name_span = slice_span(x, name);
		a->value_span = slice_span(x, value);
		a->value = str_eq(value, a->value) ? value : keep(x, a->value);
		return true;
	}
	return false;
}

/* libxml2 gives an attribute as localname, prefix, URI, value, end. */
enum { A_LOCAL, A_PREFIX, A_URI, A_VALUE, A_END, A_PARTS };

static void read_attrs(struct xml_text *x, struct xml_element *e, struct scan s, int n,
		       const xmlChar **given)
{
	struct xml_attr *out = x->parse->in->attrs;
	for (int i = 0; i < n; i++, given += A_PARTS) {
		out[i] = (struct xml_attr){
			.name = qualified(x, given[A_PREFIX], given[A_LOCAL]),
			.value = {(const char *)given[A_VALUE],
				  (uint32_t)(given[A_END] - given[A_VALUE])},
			.name_span = e->span,
			.value_span = e->span};
		if (!find_in_source(x, &out[i], &s)) {
			out[i].name = keep(x, out[i].name);
			out[i].value = keep(x, out[i].value);
		}
	}
	e->attrs = out;
	e->nattrs = (uint32_t)n;
}

/* --- elements --- */

static void say_unknown(struct xml_text *x, const struct element_type *parent,
			const struct xml_element *e)
{
	if (parent->unknown) {
		parent->unknown(x, e);
		return;
	}
	struct nearest n = nearest_to(e->name);
	for (const struct element_type *t = parent->children; t && t->name; t++)
		nearest_try(&n, t->name);
	struct finding *f;
	if (parent->name)
		f = diag_add(x->diags, FINDING(E104), e->name_span, "<%.*s> can not stand inside <%s>",
			     STR_ARG(e->name), parent->name);
	else
		f = diag_add(x->diags, FINDING(E104), e->name_span, "<%.*s> can not stand here",
			     STR_ARG(e->name));
	nearest_hint(x->diags, f, &n);
	diag_soften(x->diags, f);
}

static const struct element_type *child_type(struct xml_text *x, const struct element_type *parent,
					     struct str name)
{
	for (const struct element_type *t = parent->children; t && t->name; t++)
		if (str_is(name, t->name))
			return t;
	return parent->other ? parent->other(x, name) : NULL;
}

static void push_frame(struct xml_text *x, const struct element_type *type, struct span span)
{
	struct xml_parse *p = x->parse;
	p->in->frames[++p->depth] = (struct frame){.type = type, .span = span};
	if (!type || !(type->flags & ELEMENT_TEXT))
		return;
	p->text_len = 0;
	p->text_long = false;
	p->text_span = (struct span){0, 0, 0};
}

static bool too_deep(struct xml_text *x)
{
	if (x->parse->depth < XML_DEPTH_MAX)
		return false;
	diag_add(x->diags, FINDING(E605), here(x), "more than %d elements are inside one another",
		 XML_DEPTH_MAX);
	x->parse->failed = true;
	stop(x);
	return true;
}

static void open_element(struct xml_text *x, const struct element_type *parent,
			 struct xml_element *e, int nattrs, const xmlChar **attrs)
{
	const struct element_type *type = child_type(x, parent, e->name);
	if (!type && (parent->flags & ELEMENT_LOOSE)) {
		push_frame(x, NULL, here(x));
		return;
	}
	if (!room_for_attrs(x->parse->in, (uint32_t)nattrs)) {
		diag_add(x->diags, FINDING(E603), here(x), "the element has too many attributes");
		stop(x);
		return;
	}
	read_attrs(x, e, locate_tag(x, e), nattrs, attrs);
	if (!type) {
		say_unknown(x, parent, e);
	} else {
		check_attrs(x, e, type->attrs);
		if (type->open && !type->open(x, e))
			type = NULL;
	}
	push_frame(x, type, e->span);
}

static void on_start(void *user, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
		     int nspaces, const xmlChar **spaces, int nattrs, int ndefaulted,
		     const xmlChar **attrs)
{
	struct xml_text *x = user;
	const struct element_type *parent = x->parse->in->frames[x->parse->depth].type;
	if (x->parse->stopped || too_deep(x) || out_of_memory(x))
		return;
	if (!parent || (prefix && (parent->flags & ELEMENT_LOOSE))) {
		push_frame(x, NULL, here(x));
		return;
	}
	struct xml_element e = {.name = qualified(x, prefix, local)};
	open_element(x, parent, &e, nattrs, attrs);
}

/* Blanks around the text that was collected do not belong to it. */
static struct str trimmed(struct xml_text *x, struct span *span)
{
	struct xml_parse *p = x->parse;
	struct str t = {p->in->text, p->text_len};
	struct str raw = source_slice(x->cx->sources, p->text_span);
	*span = p->text_span;
	while (t.len && is_blank(t.s[0]))
		t.s++, t.len--;
	while (t.len && is_blank(t.s[t.len - 1]))
		t.len--;
	while (raw.len && is_blank(raw.s[0]))
		raw.s++, raw.len--, span->lo++;
	while (raw.len && is_blank(raw.s[raw.len - 1]))
		raw.len--, span->hi--;
	return t;
}

static void on_end(void *user, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml_text *x = user;
	struct xml_parse *p = x->parse;
	if (p->stopped || !p->depth)
		return;
	struct frame *f = &p->in->frames[p->depth--];
	if (!f->type || !f->type->close)
		return;
	struct span span = {0, 0, 0};
	struct str text = {"", 0};
	if (f->type->flags & ELEMENT_TEXT)
		text = trimmed(x, &span);
	if (!span.file)
		span = f->span;
	f->type->close(x, text, span);
}

/* --- text --- */

static struct span text_place(struct xml_text *x, const xmlChar *s, uint32_t n)
{
	static const uint32_t behind[] = {0, sizeof "]]>" - 1};
	const xmlParserInput *in = x->parse->ctxt->input;
	uint32_t off;
	if (offset_of(x, s, &off) && off + n <= x->source.len)
		return span_of(x, off, off + n);
	/* a copy: the original ends where the parser stands, or before what closes CDATA */
	for (int i = 0; i < 2 && in && offset_of(x, in->cur, &off); i++)
		if (off >= n + behind[i] &&
		    memcmp(x->source.s + off - behind[i] - n, s, n) == 0)
			return span_of(x, off - behind[i] - n, off - behind[i]);
	return here(x);
}

static void collect_text(struct xml_text *x, const xmlChar *s, uint32_t n)
{
	struct xml_parse *p = x->parse;
	struct span at = text_place(x, s, n);
	if (!p->text_span.file)
		p->text_span = at;
	p->text_span.hi = at.hi;
	if (n > XML_TEXT_MAX - p->text_len) {
		if (!p->text_long)
			diag_add(x->diags, FINDING(E112), at, "the text is longer than %d bytes",
				 XML_TEXT_MAX);
		p->text_long = true;
		return;
	}
	memcpy(p->in->text + p->text_len, s, n);
	p->text_len += n;
}

static void say_stray(struct xml_text *x, struct frame *f, const xmlChar *s, uint32_t n)
{
	while (n && is_blank((char)*s))
		s++, n--;
	while (n && is_blank((char)s[n - 1]))
		n--;
	if (!n || f->stray_said)
		return;
	f->stray_said = true;
	struct finding *d;
	if (f->type->name)
		d = diag_add(x->diags, FINDING(E124), text_place(x, s, n), "text inside <%s>",
			     f->type->name);
	else
		d = diag_add(x->diags, FINDING(E124), text_place(x, s, n), "text inside this element");
	diag_hint(x->diags, d, "a comment is written <!-- so -->");
	diag_soften(x->diags, d);
}

static void on_text(void *user, const xmlChar *s, int n)
{
	struct xml_text *x = user;
	struct frame *f = &x->parse->in->frames[x->parse->depth];
	if (x->parse->stopped || !f->type || n <= 0)
		return;
	if (f->type->flags & ELEMENT_TEXT)
		collect_text(x, s, (uint32_t)n);
	else if (!(f->type->flags & (ELEMENT_LOOSE | ELEMENT_ROOTS)))
		say_stray(x, f, s, (uint32_t)n);
}

/* --- the parser --- */

static const xmlSAXHandler handlers = {
	.initialized = XML_SAX2_MAGIC,
	.internalSubset = on_doctype,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.ignorableWhitespace = on_text,
	.cdataBlock = on_text,
	.serror = on_error,
};

struct xml_input *xml_input_new(void)
{
	struct xml_input *in = calloc(1, sizeof *in);
	xmlInitParser();
	return in;
}

void xml_input_free(struct xml_input *in)
{
	if (!in)
		return;
	if (in->ctxt)
		xmlFreeParserCtxt(in->ctxt);
	free(in->attrs);
	free(in);
}

/* A clean parser: the old one, unless it has gathered too many names. */
static xmlParserCtxtPtr fresh_parser(struct xml_input *in)
{
	if (in->ctxt && xmlDictSize(in->ctxt->dict) > DICT_MAX) {
		xmlFreeParserCtxt(in->ctxt);
		in->ctxt = NULL;
	}
	if (in->ctxt)
		xmlCtxtReset(in->ctxt);
	else
		in->ctxt = xmlNewParserCtxt();
	if (in->ctxt && in->ctxt->sax) {
		*in->ctxt->sax = handlers;
		xmlCtxtUseOptions(in->ctxt, PARSE_OPTIONS);
	}
	return in->ctxt;
}

/* A copy, since libxml2 2.9 loses its place in a text that it does not own. */
static bool give_input(xmlParserCtxtPtr ctxt, struct str text)
{
	xmlParserInputBufferPtr b =
		xmlParserInputBufferCreateMem(text.s, (int)text.len, XML_CHAR_ENCODING_NONE);
	if (!b)
		return false;
	xmlParserInputPtr in = xmlNewIOInputStream(ctxt, b, XML_CHAR_ENCODING_NONE);
	if (!in) {
		xmlFreeParserInputBuffer(b);
		return false;
	}
	return inputPush(ctxt, in) >= 0;
}

/* The only encodings with NUL bytes that libxml2 knows begin in one of these ways. */
static bool is_utf16(struct str t)
{
	static const char starts[][2] = {{'\xfe', '\xff'}, {'\xff', '\xfe'}, {0, '<'}, {'<', 0}};
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (t.len >= 2 && memcmp(t.s, starts[i], 2) == 0)
			return true;
	return false;
}

/* Behind the next `word`, or at the end. */
static const char *behind(const char *p, const char *end, const char *word)
{
	const char *at = memmem(p, (size_t)(end - p), word, strlen(word));
	return at ? at + strlen(word) : end;
}

/* Walks a tag, comment or the like from its '<'; how many quoted values it has. */
static uint32_t walk_markup(const char **at, const char *end)
{
	static const char *const passed[][2] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};
	const char *p = *at;
	uint32_t n = 0;
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
		if (strncmp(p, passed[i][0], strlen(passed[i][0])) == 0) {
			*at = behind(p, end, passed[i][1]);
			return 0;
		}
	for (; p < end && *p != '>'; p++)
		if (*p == '"' || *p == '\'') {
			const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
			p = close ? close : end - 1;
			n++;
		}
	*at = p;
	return n;
}

/* Where an element has more than ATTRS_MAX attributes, or NULL. */
static const char *too_many_attrs(struct str t)
{
	const char *p = t.s, *end = t.s + t.len, *tag;
	while (t.len > ATTRS_SAFE_SIZE && (tag = p = memchr(p, '<', (size_t)(end - p))))
		if (walk_markup(&p, end) > ATTRS_MAX)
			return tag;
	return NULL;
}

/* What libxml2 would take badly or not at all. */
static bool text_is_readable(struct xml_text *x)
{
	struct str t = x->source;
	const char *at = memchr(t.s, 0, t.len);
	if (!t.len) {
		diag_add(x->diags, FINDING(E101), span_of(x, 0, 0), "the text is empty");
		return false;
	}
	if (t.len > INT_MAX) {
		diag_add(x->diags, FINDING(E604), span_of(x, 0, 0), "the text is larger than 2 GiB");
		return false;
	}
	if (at && !is_utf16(t)) {
		uint32_t lo = (uint32_t)(at - t.s);
		diag_add(x->diags, FINDING(E101), span_of(x, lo, lo + 1), "the text has a NUL byte");
		return false;
	}
	at = too_many_attrs(t);
	if (at) {
		uint32_t lo = (uint32_t)(at - t.s);
		diag_add(x->diags, FINDING(E101), span_of(x, lo, lo + 1),
			 "an element has more than %d attributes", ATTRS_MAX);
		return false;
	}
	return true;
}

/* Errors that libxml2 raises without a parser at hand go to a handler of the thread. */
static void parse_document(struct xml_text *x)
{
	xmlStructuredErrorFunc handler = xmlStructuredError;
	void *handler_context = xmlStructuredErrorContext;
	xmlSetStructuredErrorFunc(x, on_error);
	xmlParseDocument(x->parse->ctxt);
	xmlSetStructuredErrorFunc(handler_context, handler);
}

bool xml_read(struct xml_input *in, struct xml_text *x, const struct element_type *document)
{
	struct xml_parse p = {.in = in, .line = 1};
	x->parse = &p;
	in->frames[0] = (struct frame){.type = document};
	if (!text_is_readable(x)) {
		x->parse = NULL;
		return false;
	}
	p.ctxt = fresh_parser(in);
	if (!p.ctxt || !p.ctxt->sax || !give_input(p.ctxt, x->source)) {
		diag_add(x->diags, FINDING(E603), span_of(x, 0, 0), "the parser has no memory left");
		p.failed = true;
	} else {
		p.ctxt->userData = x;
		parse_document(x);
		xmlCtxtReset(p.ctxt); /* lets go of the text */
	}
	x->parse = NULL;
	return !p.failed && !p.stopped;
}
