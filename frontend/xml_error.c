/* SPDX-License-Identifier: MIT */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define _GNU_SOURCE
#include <limits.h>

#include "frontend/xml_parse.h"

/* The dictionary becomes slow with more; no document that means something comes near. */
#define NAMES_MAX 100000
/* Namespaces in force at one place; the parser walks all of them for every prefix. */
#define NAMESPACES_MAX 1000

/* libxml2 compares every attribute of an element with every other; so many are still quick. */
#define ATTRS_MAX 2000
/* Below this size a text can not have enough attributes to matter. */
#define ATTRS_SAFE_SIZE (64u << 10)

/* --- stopping --- */

/* Inside libxml2's error function its own loops still hold pointers into the
 * input, so the input may not be taken away there. */
static void stop_quietly(struct xml_text *x)
{
	x->parse->stopped = true;
	x->parse->ctxt->disableSAX = 1;
}

void xml_stop(struct xml_text *x)
{
	x->parse->stopped = true;
	xmlStopParser(x->parse->ctxt);
}

static void say_out_of_memory(struct xml_text *x)
{
	diag_add(x->diags, FINDING(E603), xml_here(x), "the memory limit was reached here");
}

static bool out_of_memory(struct xml_text *x)
{
	if (!arena_full(x->arena))
		return false;
	say_out_of_memory(x);
	xml_stop(x);
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
	struct span at = xml_here(x);
	const char *lo = x->source.s, *lt = xml_tag_start(x);
	struct scan s = {lt, lo + at.lo};
	struct str name = {NULL, 0}, value;
	bool seen = false;
	if (!lt || !attr)
		return at;
	xml_scan_name(&s);
	while (xml_scan_attr(&s, &name, &value)) {
		if (str_is(name, attr) && seen)
			return xml_span(x, (uint32_t)(name.s - lo),
					(uint32_t)(name.s - lo) + name.len);
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
	struct span at = xml_here(x);
	const char *lo = x->source.s, *lt = xml_tag_start(x);
	if (!lt || lt[1] != '/')
		return at;
	const char *gt = memchr(lt, '>', x->source.len - (size_t)(lt - lo));
	return xml_span(x, (uint32_t)(lt - lo), gt ? (uint32_t)(gt + 1 - lo) : at.hi);
}

static void note_open_element(struct xml_text *x, struct finding *f)
{
	if (x->parse->depth)
		diag_note(x->diags, f, x->parse->in->frames[x->parse->depth].span,
			  "the element that is open begins here");
}

static struct span entity_span(struct xml_text *x, const char *name)
{
	struct span at = xml_here(x);
	const char *lo = x->source.s, *amp = at.lo ? memrchr(lo, '&', at.lo) : NULL;
	size_t n = name ? strlen(name) : 0, left = amp ? x->source.len - (size_t)(amp - lo) : 0;
	if (!n || left < n + 2 || memcmp(amp + 1, name, n) != 0)
		return at;
	return xml_span(x, (uint32_t)(amp - lo), (uint32_t)(amp - lo + n + 2));
}

static void say_entity(struct xml_text *x, const xmlError *err, struct str message)
{
	struct finding *f = diag_add(x->diags, FINDING(E102), entity_span(x, err->str1), "%.*s",
				     STR_ARG(message));
	diag_hint(x->diags, f,
		  "only &lt; &gt; &amp; &quot; &apos; and numbers like &#65; are known");
}

static void say_not_well_formed(struct xml_text *x, const xmlError *err, struct str message)
{
	struct span at = err->code == XML_ERR_TAG_NAME_MISMATCH     ? end_tag_span(x)
			 : err->code == XML_ERR_ATTRIBUTE_REDEFINED ? repeated_attr(x, err->str1)
								    : xml_here(x);
	struct finding *f = diag_add(x->diags, FINDING(E101), at, "%.*s", STR_ARG(message));
	if (err->code == XML_ERR_TAG_NAME_MISMATCH || err->code == XML_ERR_TAG_NOT_FINISHED)
		note_open_element(x, f);
}

#if LIBXML_VERSION >= 21200
void xml_on_error(void *user, const xmlError *err)
#else
void xml_on_error(void *user, xmlError *err)
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
	if (arena_full(x->arena)) { /* one element can have many mistakes */
		say_out_of_memory(x);
		stop_quietly(x);
		return;
	}
	struct str message = message_of(err);
	if (err->code == XML_ERR_NO_MEMORY)
		diag_add(x->diags, FINDING(E603), xml_here(x), "the parser has no memory left");
	else if (is_entity_error(err->code))
		say_entity(x, err, message);
	else
		say_not_well_formed(x, err, message);
	x->parse->moving = false;
	if (!structure_is_whole(err->code))
		stop_quietly(x);
}

void xml_on_doctype(void *user, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	static const struct str word = {"<!DOCTYPE", 9};
	struct xml_text *x = user;
	struct span at = xml_here(x);
	if (x->parse->stopped)
		return;
	for (uint32_t lo = at.lo; lo > 0; lo--)
		if (x->source.len - (lo - 1) >= word.len &&
		    str_eq((struct str){x->source.s + lo - 1, word.len}, word)) {
			at = xml_span(x, lo - 1, lo - 1 + word.len);
			break;
		}
	struct finding *f = diag_add(x->diags, FINDING(E102), at, "the text has a document type");
	diag_hint(x->diags, f, "remove the DOCTYPE; write what its entities stand for");
	x->parse->failed = true;
	xml_stop(x);
}

/* --- limits --- */

static bool too_deep(struct xml_text *x)
{
	if (x->parse->depth < XML_DEPTH_MAX)
		return false;
	diag_add(x->diags, FINDING(E605), xml_here(x),
		 "more than %d elements are inside one another", XML_DEPTH_MAX);
	x->parse->failed = true;
	xml_stop(x);
	return true;
}

/* What would make libxml2 slow. */
static bool too_many_names(struct xml_text *x)
{
	const xmlParserCtxt *ctxt = x->parse->ctxt;
	bool names = xmlDictSize(ctxt->dict) > NAMES_MAX;
	if (!names && ctxt->nsNr / 2 <= NAMESPACES_MAX) /* nsNr counts prefix and URI */
		return false;
	diag_add(x->diags, FINDING(E604), xml_here(x), "the text has more than %d %s",
		 names ? NAMES_MAX : NAMESPACES_MAX, names ? "different names" : "namespaces");
	x->parse->failed = true;
	xml_stop(x);
	return true;
}

bool xml_over_limit(struct xml_text *x)
{
	return too_deep(x) || too_many_names(x) || out_of_memory(x);
}

/* --- before the reading --- */

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
	static const char *const passed[][2] = {
		{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};
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
bool xml_readable(struct xml_text *x)
{
	struct str t = x->source;
	const char *at = memchr(t.s, 0, t.len);
	if (!t.len) {
		diag_add(x->diags, FINDING(E101), xml_span(x, 0, 0), "the text is empty");
		return false;
	}
	if (t.len > INT_MAX) {
		diag_add(x->diags, FINDING(E604), xml_span(x, 0, 0),
			 "the text is larger than 2 GiB");
		return false;
	}
	if (at && !is_utf16(t)) {
		uint32_t lo = (uint32_t)(at - t.s);
		diag_add(x->diags, FINDING(E101), xml_span(x, lo, lo + 1),
			 "the text has a NUL byte");
		return false;
	}
	at = too_many_attrs(t);
	if (at) {
		uint32_t lo = (uint32_t)(at - t.s);
		diag_add(x->diags, FINDING(E101), xml_span(x, lo, lo + 1),
			 "an element has more than %d attributes", ATTRS_MAX);
		return false;
	}
	return true;
}
