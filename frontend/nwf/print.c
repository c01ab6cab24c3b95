/* SPDX-License-Identifier: MIT */
/*
 * The printer of the nwf language.
 *
 * Comments lie beside the tree, in the order of the text. Before a thing is
 * printed, the comments that begin before it are; after it, the one on its last
 * line. So each stays at what it was written for, whatever happens to blanks.
 */
#include "frontend/nwf/tree.h"

/* Longer lists stand one item a line. */
#define LINE_LIST_MAX 80

struct printer {
	struct buf *out;
	struct str source;
	const struct nwf_comment *next, *end;
	unsigned indent;
	uint32_t pos;  /* how far the source has been printed */
	bool begun;    /* a line of this block has been printed */
	bool one_line; /* whatever its length */
};

static void put_indent(struct printer *p)
{
	for (unsigned i = 0; i < p->indent; i++)
		buf_char(p->out, '\t');
}

static uint32_t count_lines(const struct printer *p, uint32_t lo, uint32_t hi)
{
	uint32_t n = 0;
	for (uint32_t i = lo; i < hi && i < p->source.len; i++)
		n += p->source.s[i] == '\n';
	return n;
}

static bool blank_line(const struct printer *p, uint32_t lo, uint32_t hi)
{
	bool empty = false; /* nothing since the last newline */
	for (uint32_t i = lo; i < hi && i < p->source.len; i++) {
		char c = p->source.s[i];
		if (c == '\n' && empty)
			return true;
		empty = c == '\n' || (empty && (c == ' ' || c == '\t' || c == '\r'));
	}
	return false;
}

/* One blank line where there was one or more, but none at the start of a block. */
static void put_gap(struct printer *p, uint32_t lo)
{
	if (p->begun && blank_line(p, p->pos, lo))
		buf_char(p->out, '\n');
	p->begun = true;
}

/* Comments that begin before `lo`, a line each. */
static void put_comments_before(struct printer *p, uint32_t lo)
{
	for (; p->next < p->end && p->next->span.lo < lo; p->next++) {
		put_gap(p, p->next->span.lo);
		put_indent(p);
		buf_str(p->out, p->next->text);
		buf_char(p->out, '\n');
		p->pos = p->next->span.hi;
	}
}

/* Begins the line of something at `lo`. */
static void begin_line(struct printer *p, uint32_t lo)
{
	put_comments_before(p, lo);
	put_gap(p, lo);
	put_indent(p);
}

/*
 * The comment behind what ends at `hi`, and the end of the line. A comment that begins at
 * `limit` or behind it is of what comes next.
 */
static void end_part(struct printer *p, uint32_t hi, uint32_t limit)
{
	p->pos = hi;
	if (p->next < p->end && p->next->behind && p->next->span.lo >= hi &&
	    p->next->span.lo < limit && !count_lines(p, hi, p->next->span.lo)) {
		buf_lit(p->out, "  ");
		buf_str(p->out, p->next->text);
		p->pos = p->next->span.hi;
		p->next++;
	}
	buf_char(p->out, '\n');
}

static void end_line(struct printer *p, uint32_t hi)
{
	end_part(p, hi, UINT32_MAX);
}

static bool has_comment(const struct printer *p, struct span sp)
{
	return p->next < p->end && p->next->span.lo < sp.hi;
}

/* --- words --- */

static void put_word(struct printer *p, const struct nwf_word *w)
{
	buf_str(p->out, w->text);
}

static void put_words(struct printer *p, const struct nwf_words *ws)
{
	const char *between = "";
	vec_each (w, &ws->list) {
		buf_str(p->out, str_from(between));
		put_word(p, w);
		between = ", ";
	}
}

static bool is_long(const struct nwf_words *ws)
{
	uint32_t length = 0;
	vec_each (w, &ws->list)
		length += w->text.len + 2;
	return length > LINE_LIST_MAX;
}

/* The values of a variable: the first stands behind the =, since no newline can. */
static void put_values(struct printer *p, const struct nwf_words *ws, struct span span)
{
	if (!is_long(ws) && !has_comment(p, span)) {
		put_words(p, ws);
		return;
	}
	p->indent++;
	vec_each (w, &ws->list) {
		if (w != ws->list.items)
			begin_line(p, w->span.lo);
		put_word(p, w);
		if (w + 1 == ws->list.items + ws->list.n)
			break;
		buf_char(p->out, ',');
		end_part(p, w->span.hi + 1, w[1].span.lo);
	}
	p->indent--;
}

static void put_operand(struct printer *p, const struct nwf_operand *o, const char *slash)
{
	put_word(p, &o->value);
	if (o->mask.kind)
		buf_str(p->out, str_from(slash)), put_word(p, &o->mask);
	if (o->to.kind)
		buf_char(p->out, '-'), put_word(p, &o->to);
}

static uint32_t operand_length(const struct nwf_operand *o)
{
	return o->value.text.len + o->mask.text.len + o->to.text.len + 3;
}

static void put_list(struct printer *p, const struct nwf_value *v)
{
	uint32_t length = 0, left = v->items.n;
	vec_each (o, &v->items)
		length += operand_length(o);
	bool lines = !p->one_line && (length > LINE_LIST_MAX || has_comment(p, v->span));
	buf_str(p->out, lines ? STR("{\n") : STR("{ "));
	p->indent += 2;
	p->begun = false;
	p->pos = v->span.lo;
	vec_each (o, &v->items) {
		if (lines)
			begin_line(p, o->value.span.lo);
		put_operand(p, o, "/");
		if (--left)
			buf_char(p->out, ',');
		const struct nwf_word *last = o->mask.kind ? &o->mask
					      : o->to.kind ? &o->to
							   : &o->value;
		if (lines)
			end_part(p, last->span.hi + (left > 0),
				 left ? o[1].value.span.lo : v->span.hi);
		else
			buf_char(p->out, ' ');
	}
	if (lines)
		put_comments_before(p, v->span.hi);
	p->indent -= 2;
	if (lines) {
		p->indent++;
		put_indent(p);
		p->indent--;
	}
	buf_char(p->out, '}');
	p->begun = true;
}

static void put_value(struct printer *p, const struct nwf_value *v, const char *slash)
{
	if (v->braces) {
		put_list(p, v);
		return;
	}
	vec_each (o, &v->items)
		put_operand(p, o, slash);
	put_words(p, &v->words);
	if (v->mask.list.n)
		buf_lit(p->out, " / "), put_words(p, &v->mask);
}

/* --- rules --- */

static void put_match(struct printer *p, const struct nwf_match *m)
{
	static const char *const relations[] = {"", "!= ", "!= some ", "> ", "<= ", "<= some "};
	buf_char(p->out, ' ');
	put_word(p, &m->header);
	if (m->field.kind)
		buf_char(p->out, ' '), put_word(p, &m->field);
	if (m->sub.kind)
		buf_char(p->out, ' '), put_word(p, &m->sub);
	if (!m->value.items.n && !m->value.words.list.n)
		return;
	buf_char(p->out, ' ');
	buf_str(p->out, str_from(relations[m->relation]));
	/* behind it stands a list of flags, which are no address */
	put_value(p, &m->value, str_is(m->field.text, "flags") ? " / " : "/");
	if (m->directions.list.n)
		buf_char(p->out, ' '), put_words(p, &m->directions);
}

static void put_rule(struct printer *p, const struct nwf_rule *r)
{
	put_word(p, &r->verb);
	buf_char(p->out, ' ');
	put_word(p, &r->direction);
	vec_each (m, &r->matches)
		put_match(p, *m);
	vec_each (w, &r->stateless.list)
		buf_char(p->out, ' '), put_word(p, w);
	vec_each (w, &r->priority.list)
		buf_lit(p->out, " priority "), put_word(p, w);
	vec_each (w, &r->comments.list)
		buf_char(p->out, ' '), put_word(p, w);
}

/* --- statements --- */

static void put_param(struct printer *p, const struct nwf_param *a)
{
	put_word(p, &a->name);
	buf_lit(p->out, " = ");
	put_values(p, &a->values, a->span);
}

static bool any_long(const struct nwf_params *ps)
{
	vec_each (a, &ps->list)
		if (is_long(&a->values))
			return true;
	return false;
}

/* On one line as they were, or a line each. */
static void put_params(struct printer *p, const struct nwf_params *ps, struct span use)
{
	const char *between = "";
	uint32_t n = 0;
	if (!ps->list.n)
		return;
	if (!count_lines(p, use.lo, use.hi) && !has_comment(p, use) && !any_long(ps)) {
		buf_lit(p->out, " ( ");
		vec_each (a, &ps->list) {
			buf_str(p->out, str_from(between));
			put_param(p, a);
			between = "; ";
		}
		buf_lit(p->out, " )");
		return;
	}
	buf_lit(p->out, " (\n");
	p->indent++;
	p->begun = false;
	vec_each (a, &ps->list) {
		begin_line(p, a->span.lo);
		put_param(p, a);
		end_part(p, a->span.hi, ++n < ps->list.n ? a[1].span.lo : use.hi);
	}
	put_comments_before(p, use.hi);
	p->indent--;
	put_indent(p);
	buf_char(p->out, ')');
	p->begun = true;
}

static void put_named(struct printer *p, const char *keyword, const struct nwf_word *w,
		      const char *between, const struct nwf_word *more)
{
	buf_str(p->out, str_from(keyword));
	put_word(p, w);
	if (more->kind)
		buf_str(p->out, str_from(between)), put_word(p, more);
}

static void put_statement(struct printer *p, const struct nwf_statement *s)
{
	switch (s->kind) {
	case NWF_RULE:
		put_rule(p, &s->rule);
		break;
	case NWF_USE:
		buf_lit(p->out, "use ");
		put_word(p, &s->use.filter);
		put_params(p, &s->use.params, s->span);
		break;
	case NWF_LABEL:
		put_word(p, &s->word);
		break;
	case NWF_CHAIN:
		put_named(p, "chain ", &s->word, " priority ", &s->more);
		break;
	case NWF_UUID:
		put_named(p, "uuid ", &s->word, "", &s->more);
		break;
	case NWF_PARAM:
		put_param(p, &s->param);
		break;
	case NWF_LEARN:
		put_named(p, "learn ", &s->word, "", &s->more);
		break;
	case NWF_OWNER:
		put_named(p, "owner ", &s->word, " uuid ", &s->more);
		break;
	case NWF_LINK:
		put_named(p, "link ", &s->word, "", &s->more);
		break;
	case NWF_MACVTAP:
		buf_lit(p->out, "macvtap");
		if (s->word.kind)
			put_named(p, " ", &s->word, "", &s->more);
		break;
	}
}

static void put_block(struct printer *p, const struct nwf_block *bl)
{
	buf_lit(p->out, " {");
	end_line(p, bl->span.lo + 1);
	p->begun = false;
	p->indent++;
	for (uint32_t i = 0; i < bl->list.n; i++) {
		const struct nwf_statement *st = bl->list.items[i];
		bool label =
			st->kind == NWF_LABEL; /* stands out, as the layer of all that follows */
		p->indent -= label;
		begin_line(p, st->span.lo);
		p->indent += label;
		put_statement(p, st);
		end_line(p, st->span.hi);
	}
	put_comments_before(p, bl->span.hi);
	p->indent--;
	put_indent(p);
	buf_char(p->out, '}');
	p->begun = true;
}

/* Longer assertions go on behind a \, a line for each part. */
#define ASSERTION_LINE_MAX 90

static void put_part(struct printer *p, bool lines)
{
	buf_str(p->out, lines ? STR(" \\\n\t") : STR(" "));
}

/* What is demanded of which packets. */
static void put_demand(struct printer *p, const struct nwf_assertion *a, bool lines)
{
	put_word(p, &a->demand);
	buf_char(p->out, ' ');
	put_word(p, &a->packets.direction);
	vec_each (m, &a->packets.matches)
		put_match(p, *m);
	vec_each (e, &a->excepts) {
		put_part(p, lines);
		put_word(p, &e->word);
		vec_each (m, &e->matches)
			put_match(p, *m);
	}
	vec_each (w, &a->verdicts.list)
		buf_char(p->out, ' '), put_word(p, w);
}

static void put_assertion(struct printer *p, const struct nwf_assertion *a, bool lines)
{
	const struct nwf_word *const words[] = {&a->every, &a->subject, &a->name};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i]->kind)
			put_word(p, words[i]), buf_char(p->out, ' ');
	put_demand(p, a, lines);
	vec_each (w, &a->packets.comments.list)
		put_part(p, lines), put_word(p, w);
}

static bool is_long_assertion(const struct nwf_assertion *a)
{
	struct buf b;
	buf_memory(&b);
	put_assertion(&(struct printer){.out = &b, .one_line = true}, a, false);
	bool is = b.n > ASSERTION_LINE_MAX;
	buf_drop(&b);
	return is;
}

static void put_item(struct printer *p, const struct nwf_item *it)
{
	static const char *const keywords[] = {"filter ", "port ", "define ", "include ",
					       "assert "};
	buf_str(p->out, str_from(keywords[it->kind]));
	if (it->kind == NWF_ASSERT) {
		put_assertion(p, it->assertion, is_long_assertion(it->assertion));
		return;
	}
	put_word(p, &it->name);
	if (it->mac.kind)
		buf_lit(p->out, " mac "), put_word(p, &it->mac);
	if (it->kind == NWF_DEFINE)
		buf_lit(p->out, " = "), put_values(p, &it->values, it->span);
	if (it->kind == NWF_FILTER || it->kind == NWF_PORT)
		put_block(p, &it->block);
}

void nwf_print_demand(struct buf *b, const struct nwf_assertion *a)
{
	struct printer p = {.out = b, .one_line = true};
	put_demand(&p, a, false);
}

void nwf_print(struct buf *b, const struct nwf_file *f, struct str source)
{
	struct printer p = {.out = b, .source = source, .next = f->comments.items};
	p.end = f->comments.n ? p.next + f->comments.n : p.next;
	vec_each (it, &f->items) {
		begin_line(&p, it->span.lo);
		put_item(&p, it);
		end_line(&p, it->span.hi);
	}
	put_comments_before(&p, UINT32_MAX);
}
