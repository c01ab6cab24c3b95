/* SPDX-License-Identifier: MIT */
/*
 * Which reader a text is for: the root element says it.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "frontend/readers.h"
#include "frontend/stock.h"

static const struct element_type *const readers[] = {filter_roots, document_roots, network_roots};
enum { READERS = sizeof readers / sizeof readers[0] };

static const struct element_type *root_type(struct xml_text *x, struct str name)
{
	for (unsigned i = 0; i < READERS; i++)
		for (const struct element_type *t = readers[i]; t->name; t++)
			if (str_is(name, t->name))
				return t;
	return NULL;
}

static void say_unknown_root(struct xml_text *x, const struct xml_element *e)
{
	struct nearest n = nearest_to(e->name);
	struct finding *f =
		diag_add(x->diags, FINDING(E103), e->name_span,
			 "a text that begins with <%.*s> is not known", STR_ARG(e->name));
	for (unsigned i = 0; i < READERS; i++)
		for (const struct element_type *t = readers[i]; t->name; t++)
			nearest_try(&n, t->name);
	if (str_is(e->name, "filterref") || str_is(e->name, "rule"))
		diag_hint(x->diags, f, "a <%.*s> stands inside another element, not alone",
			  STR_ARG(e->name));
	else if (n.name)
		nearest_hint(x->diags, f, &n);
	else
		diag_hint(x->diags, f,
			  "filter, filters, filterbinding, interface, network, domain and what "
			  "holds domains");
}

static const struct element_type document = {
	.flags = ELEMENT_ROOTS, .other = root_type, .unknown = say_unknown_root};

static bool has_suffix(struct str name, const char *suffix)
{
	size_t n = strlen(suffix);
	return name.len > n && memcmp(name.s + name.len - n, suffix, n) == 0;
}

/* A byte order mark may come before; UTF-16 has NUL bytes and is XML's alone. */
bool source_is_xml(const struct source *s)
{
	struct str t = s->text;
	if (has_suffix(s->name, ".xml") || has_suffix(s->name, ".nwf"))
		return has_suffix(s->name, ".xml");
	uint32_t i = t.len >= 3 && memcmp(t.s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	while (i < t.len && memchr(" \t\r\n", t.s[i], 4))
		i++;
	return i == t.len || t.s[i] == '<' || (unsigned char)t.s[i] >= 0xfe ||
	       (i + 1 < t.len && !t.s[i + 1]);
}

bool parse_source(struct parse_ctx *cx, struct xml_input *in, uint32_t file)
{
	const struct source *s = source_get(cx->sources, file);
	uint32_t errors = cx->diags->errors;
	if (s && !source_is_xml(s))
		return nwf_read(cx, file);
	struct xml_text x = {.cx = cx,
			     .arena = cx->arena,
			     .diags = cx->diags,
			     .file = file,
			     .source = s ? s->text : STR("")};
	bool whole = xml_read(in, &x, &document);
	document_finish(&x, whole);
	return cx->diags->errors == errors;
}

/* A stock filter's file has its name. */
static bool stock_is(const struct stock_filter *s, struct str name)
{
	const char *slash = strrchr(s->path, '/');
	struct str base = str_from(slash ? slash + 1 : s->path);
	return base.len == name.len + 4 && memcmp(base.s, name.s, name.len) == 0;
}

static void read_stock(struct parse_ctx *cx, struct xml_input *in, const struct stock_filter *s)
{
	struct parse_ctx stock = *cx;
	stock.stock = true;
	parse_source(&stock, in, source_add(cx->sources, str_from(s->path), str_from(s->text)));
}

bool parse_stock_filter(struct parse_ctx *cx, struct xml_input *in, struct str name)
{
	for (const struct stock_filter *s = stock_filters; s->path; s++)
		if (stock_is(s, name)) {
			read_stock(cx, in, s);
			return true;
		}
	return false;
}

void parse_stock(struct parse_ctx *cx, struct xml_input *in)
{
	for (const struct stock_filter *s = stock_filters; s->path; s++)
		read_stock(cx, in, s);
}
