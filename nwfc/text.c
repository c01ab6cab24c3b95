/* SPDX-License-Identifier: MIT */
#include "nwfc/text.h"

#include "frontend/nwf/from.h"

/* Ports of included texts are not its own. */
static void drop_foreign_ports(struct text *t)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->ports.list.n; i++)
		if (t->ports.list.items[i]->span.file == t->file)
			t->ports.list.items[n++] = t->ports.list.items[i];
	t->ports.list.n = n;
}

bool text_read(struct session *s, const char *path, struct text *t)
{
	struct parse_ctx cx = {.arena = s->arena,
			       .sources = &s->sources,
			       .diags = &s->diags,
			       .library = &t->library,
			       .ports = &t->ports,
			       .networks = &t->networks,
			       .comments = &t->comments};
	uint32_t errors = s->diags.errors;
	*t = (struct text){.file = read_source(s, path)};
	if (!t->file)
		return false;
	const struct source *src = source_get(&s->sources, t->file);
	t->form = source_is_xml(src) ? FORM_XML : FORM_NWF;
	if (t->form == FORM_NWF)
		t->tree = nwf_parse(s->arena, &s->diags, &s->sources, t->file);
	if (s->diags.errors == errors)
		parse_source(&cx, s->xml, t->file);
	drop_foreign_ports(t);
	return s->diags.errors == errors;
}

/* --- nwf --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool stands_behind(struct str source, uint32_t lo)
{
	while (lo && is_blank(source.s[lo - 1]))
		lo--;
	return lo && source.s[lo - 1] != '\n';
}

static struct str trim(struct str s)
{
	while (s.len && is_blank(s.s[0]))
		s.s++, s.len--;
	while (s.len && is_blank(s.s[s.len - 1]))
		s.len--;
	return s;
}

/* The next line of *rest; false when there is none. */
static bool next_line(struct str *rest, struct str *line)
{
	if (!rest->s)
		return false;
	const char *nl = memchr(rest->s, '\n', rest->len);
	*line = (struct str){rest->s, nl ? (uint32_t)(nl - rest->s) : rest->len};
	*rest = nl ? (struct str){nl + 1, rest->len - line->len - 1} : (struct str){NULL, 0};
	*line = trim(*line);
	return true;
}

/* Each line of an XML comment is a comment of its own. */
static void comments_of_xml(struct session *s, const struct text *t, struct nwf_file *out)
{
	struct str source = source_get(&s->sources, t->file)->text, line;
	vec_each (c, &t->comments.list) {
		struct str rest = {c->text.s + 4, c->text.len > 7 ? c->text.len - 7 : 0};
		bool behind = stands_behind(source, c->span.lo) && !memchr(rest.s, '\n', rest.len);
		while (next_line(&rest, &line))
			if (line.len)
				*vec_push(s->arena, &out->comments) = (struct nwf_comment){
					c->span, str_printf(s->arena, "# %.*s", STR_ARG(line)),
					behind};
	}
}

static void print_nwf(struct session *s, const struct text *t, struct buf *out)
{
	struct str source = source_get(&s->sources, t->file)->text;
	struct nwf_file made = {0};
	if (t->form == FORM_NWF) {
		nwf_print(out, t->tree, source);
		return;
	}
	comments_of_xml(s, t, &made);
	map_each (e, &t->library.by_name)
		nwf_from_filter(s->arena, e->cptr, &made);
	vec_each (p, &t->ports.list)
		nwf_from_port(s->arena, *p, &made);
	nwf_print(out, &made, source);
}

/* --- XML --- */

/* XML allows no -- in a comment, and none that ends in -. */
static struct str xml_comment(struct arena *a, struct str text)
{
	char *p = arena_copy(a, text.s + 1, text.len - 1);
	struct str inner = trim((struct str){p, text.len - 1});
	for (uint32_t i = 0; i + 1 < inner.len; i++)
		if (inner.s[i] == '-' && inner.s[i + 1] == '-')
			p[(inner.s - p) + i + 1] = '~';
	return str_printf(a, "<!-- %.*s -->", STR_ARG(inner));
}

static void all_comments(struct session *s, const struct text *t, struct comments *out)
{
	if (t->form == FORM_XML) {
		*out = t->comments;
		return;
	}
	vec_each (c, &t->tree->comments)
		*vec_push(s->arena, &out->list) =
			(struct comment){c->span, xml_comment(s->arena, c->text)};
}

struct filter_list {
	vec_of(const struct filter *) list;
};

/* The text's filters in what XML can say. */
static bool filters_for_xml(struct session *s, const struct text *t, struct filter_list *out)
{
	bool good = true;
	map_each (e, &t->library.by_name) {
		const struct filter *body, *f = e->cptr;
		if (f->span.file != t->file)
			continue;
		f = filter_for_xml(s->arena, &s->diags, f, &body);
		good &= f != NULL;
		if (f)
			*vec_push(s->arena, &out->list) = f;
		if (f && body)
			*vec_push(s->arena, &out->list) = body;
	}
	return good;
}

/* An XML text has one root, and only filters have one that holds several. */
static bool one_root(struct session *s, const struct text *t, const struct filter_list *filters)
{
	uint32_t ports = t->ports.list.n, all = filters->list.n + ports;
	if (all > 0 && (!ports || all == 1))
		return true;
	struct span at = ports ? t->ports.list.items[0]->name_span : (struct span){t->file, 0, 0};
	struct finding *f = diag_add(&s->diags, FINDING(E131), at,
				     all ? "one XML text holds filters, or one port"
					 : "there is neither a filter nor a port");
	if (all)
		diag_hint(&s->diags, f, "keep ports and filters in texts of their own");
	return false;
}

static bool fits_binding(struct session *s, const struct port *p)
{
	if (p->filter.joined) {
		struct finding *f = diag_add(&s->diags, FINDING(E131), p->name_span,
					     "a filterbinding references one filter");
		diag_hint(&s->diags, f, "write a filter that uses all of them");
		return false;
	}
	if (p->owner_name.len && p->owner_uuid.len)
		return true;
	struct finding *f = diag_add(&s->diags, FINDING(E131), p->name_span,
				     "a filterbinding names the port's machine");
	diag_hint(&s->diags, f, "write 'owner NAME uuid UUID' into the port");
	return false;
}

static bool print_xml(struct session *s, const struct text *t, struct buf *out)
{
	struct filter_list filters = {0};
	struct comments comments = {0};
	all_comments(s, t, &comments);
	struct comment_walk walk = {comments.list.items, comments.list.items};
	if (comments.list.n)
		walk.end += comments.list.n;
	if (!filters_for_xml(s, t, &filters) || !one_root(s, t, &filters))
		return false;
	if (t->ports.list.n) {
		const struct port *p = t->ports.list.items[0];
		if (!fits_binding(s, p))
			return false;
		print_comments_xml(out, &walk, UINT32_MAX, "");
		print_port_xml(out, p);
		return true;
	}
	bool several = filters.list.n > 1;
	if (several)
		buf_lit(out, "<filters>\n");
	vec_each (f, &filters.list)
		print_filter_xml(out, *f, &walk);
	print_comments_xml(out, &walk, UINT32_MAX, "");
	if (several)
		buf_lit(out, "</filters>\n");
	return true;
}

bool text_print(struct session *s, const struct text *t, enum text_form form, struct buf *out)
{
	if (form == FORM_XML)
		return print_xml(s, t, out);
	print_nwf(s, t, out);
	return true;
}
