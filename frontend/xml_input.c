/* SPDX-License-Identifier: MIT */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define _GNU_SOURCE
#include <stdlib.h>

#include "frontend/xml_parse.h"

/*
 * NONET twice over: nothing external is ever asked for either. RECOVER keeps the
 * callbacks coming after an error; whether they are wanted is our decision.
 * NOENT gives &amp; as & (else as &#38;, for a second reading); there are no
 * other entities, since a document type ends the reading.
 */
#define PARSE_OPTIONS (XML_PARSE_NONET | XML_PARSE_RECOVER | XML_PARSE_NOENT)

/* --- the opening tag --- */

/* What the parser has will not stay; memory is checked for at every element. */
static struct str keep(struct xml_text *x, struct str s)
{
	char *copy = arena_try(x->arena, (size_t)s.len + 1);
	if (!copy)
		return STR("");
	memcpy(copy, s.s, s.len);
	return (struct str){copy, s.len};
}

static struct str qualified(struct xml_text *x, const xmlChar *prefix, const xmlChar *local)
{
	struct str l = str_from((const char *)local), p = str_from((const char *)prefix);
	if (!prefix)
		return l;
	char *name = arena_try(x->arena, (size_t)p.len + l.len + 2);
	if (!name)
		return l;
	memcpy(name, p.s, p.len);
	name[p.len] = ':';
	memcpy(name + p.len + 1, l.s, l.len);
	return (struct str){name, p.len + 1 + l.len};
}

static struct span slice_span(const struct xml_text *x, struct str s)
{
	uint32_t lo = (uint32_t)(s.s - x->source.s);
	return xml_span(x, lo, lo + s.len);
}

/*
 * The element's places, and a scan that stands behind its name. Without one
 * (converted text) everything has the place of the line.
 */
static struct scan locate_tag(struct xml_text *x, struct xml_element *e)
{
	const char *lo = x->source.s, *lt = xml_tag_start(x);
	uint32_t end = xml_here(x).lo;
	if (!lt || !str_eq((struct str){lt + 1, e->name.len}, e->name)) {
		e->span = e->name_span = xml_line(x);
		return (struct scan){NULL, NULL};
	}
	struct scan s = {lt + 1 + e->name.len, lo + end};
	if (end < x->source.len && lo[end] == '/')
		end++;
	end += end < x->source.len;
	e->span = xml_span(x, (uint32_t)(lt - lo), end);
	e->name = (struct str){lt + 1, e->name.len};
	e->name_span = slice_span(x, e->name);
	return s;
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
	while (xml_scan_attr(s, &name, &value)) {
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
		out[i] = (struct xml_attr){.name = qualified(x, given[A_PREFIX], given[A_LOCAL]),
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
	if (parent->flags & ELEMENT_OTHERS)
		f = diag_add(x->diags, FINDING(W240), e->name_span,
			     "<%.*s> inside <%s> has no effect", STR_ARG(e->name), parent->name);
	else if (parent->name)
		f = diag_add(x->diags, FINDING(E104), e->name_span,
			     "<%.*s> can not stand inside <%s>", STR_ARG(e->name), parent->name);
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

static void open_element(struct xml_text *x, const struct element_type *parent,
			 struct xml_element *e, int nattrs, const xmlChar **attrs)
{
	const struct element_type *type = child_type(x, parent, e->name);
	if (!type && (parent->flags & ELEMENT_LOOSE)) {
		push_frame(x, NULL, xml_here(x));
		return;
	}
	if (!room_for_attrs(x->parse->in, (uint32_t)nattrs)) {
		diag_add(x->diags, FINDING(E603), xml_here(x),
			 "the element has too many attributes");
		xml_stop(x);
		return;
	}
	read_attrs(x, e, locate_tag(x, e), nattrs, attrs);
	if (!type) {
		say_unknown(x, parent, e);
	} else {
		xml_check_attrs(x, e, type);
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
	if (x->parse->stopped || xml_over_limit(x))
		return;
	if (!parent || (prefix && (parent->flags & (ELEMENT_LOOSE | ELEMENT_OTHERS)))) {
		push_frame(x, NULL, xml_here(x));
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
	while (t.len && xml_is_blank(t.s[0]))
		t.s++, t.len--;
	while (t.len && xml_is_blank(t.s[t.len - 1]))
		t.len--;
	while (raw.len && xml_is_blank(raw.s[0]))
		raw.s++, raw.len--, span->lo++;
	while (raw.len && xml_is_blank(raw.s[raw.len - 1]))
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
	if (!xml_offset(x, p->ctxt->input->cur, &x->end) || x->end > x->source.len)
		x->end = 0;
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
	if (xml_offset(x, s, &off) && off + n <= x->source.len)
		return xml_span(x, off, off + n);
	/* a copy: the original ends where the parser stands, or before what closes CDATA */
	for (int i = 0; i < 2 && in && xml_offset(x, in->cur, &off); i++)
		if (off >= n + behind[i] && memcmp(x->source.s + off - behind[i] - n, s, n) == 0)
			return xml_span(x, off - behind[i] - n, off - behind[i]);
	return xml_here(x);
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
	while (n && xml_is_blank((char)*s))
		s++, n--;
	while (n && xml_is_blank((char)s[n - 1]))
		n--;
	if (!n || f->stray_said)
		return;
	f->stray_said = true;
	struct finding *d;
	if (f->type->name)
		d = diag_add(x->diags, FINDING(E124), text_place(x, s, n), "text inside <%s>",
			     f->type->name);
	else
		d = diag_add(x->diags, FINDING(E124), text_place(x, s, n),
			     "text inside this element");
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

/* libxml2 stands behind a comment or instruction; none can hold what begins one. */
static bool find_begin(struct xml_text *x, const char *begin, struct span *out)
{
	uint32_t hi, n = (uint32_t)strlen(begin);
	if (!x->cx->comments || x->parse->stopped ||
	    !xml_offset(x, x->parse->ctxt->input->cur, &hi) || hi > x->source.len || hi < n)
		return false;
	uint32_t lo = hi - n;
	while (lo && memcmp(x->source.s + lo, begin, n) != 0)
		lo--;
	*out = xml_span(x, lo, hi);
	return memcmp(x->source.s + lo, begin, n) == 0;
}

static void on_comment(void *user, const xmlChar *text)
{
	struct xml_text *x = user;
	struct span at;
	if (text && find_begin(x, "<!--", &at))
		*vec_push(x->arena, &x->cx->comments->list) =
			(struct comment){at, {x->source.s + at.lo, at.hi - at.lo}};
}

/* Whoever wants the comments prints the text again, and these have no place in it. */
static void on_instruction(void *user, const xmlChar *target, const xmlChar *data)
{
	struct xml_text *x = user;
	struct span at;
	(void)data;
	if (find_begin(x, "<?", &at))
		diag_add(x->diags, FINDING(W132), at, "the processing instruction '%s' is left out",
			 (const char *)target);
}

/* --- the parser --- */

static const xmlSAXHandler handlers = {
	.initialized = XML_SAX2_MAGIC,
	.internalSubset = xml_on_doctype,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.ignorableWhitespace = on_text,
	.cdataBlock = on_text,
	.comment = on_comment,
	.processingInstruction = on_instruction,
	.serror = xml_on_error,
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

/* Errors that libxml2 raises without a parser at hand go to a handler of the thread. */
static void parse_document(struct xml_text *x)
{
	xmlStructuredErrorFunc handler = xmlStructuredError;
	void *handler_context = xmlStructuredErrorContext;
	xmlSetStructuredErrorFunc(x, xml_on_error);
	xmlParseDocument(x->parse->ctxt);
	xmlSetStructuredErrorFunc(handler_context, handler);
}

bool xml_read(struct xml_input *in, struct xml_text *x, const struct element_type *document)
{
	struct xml_parse p = {.in = in, .line = 1};
	x->parse = &p;
	in->frames[0] = (struct frame){.type = document};
	if (!xml_readable(x)) {
		x->parse = NULL;
		return false;
	}
	p.ctxt = fresh_parser(in);
	if (!p.ctxt || !p.ctxt->sax || !give_input(p.ctxt, x->source)) {
		diag_add(x->diags, FINDING(E603), xml_span(x, 0, 0),
			 "the parser has no memory left");
		p.failed = true;
	} else {
		p.ctxt->userData = x;
		parse_document(x);
		xmlCtxtReset(p.ctxt); /* lets go of the text */
	}
	x->parse = NULL;
	return !p.failed && !p.stopped;
}
