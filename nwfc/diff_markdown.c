/* SPDX-License-Identifier: MIT */
/*
 * For the comment on a pull request: GitHub's and GitLab's Markdown. Names and
 * comments are anybody's, so they stand in code spans that they can not end.
 */
#include "nwfc/diff.h"

/* A code span is ended by as many backticks as began it; so it begins with one more than the text
 * has in a row. */
static void put_code(struct buf *out, struct str text)
{
	uint32_t most = 0, run = 0;
	for (uint32_t i = 0; i < text.len; i++) {
		run = text.s[i] == '`' ? run + 1 : 0;
		most = run > most ? run : most;
	}
	const char *pad = most ? " " : "";
	for (uint32_t i = 0; i <= most; i++)
		buf_char(out, '`');
	buf_printf(out, "%s", pad);
	for (uint32_t i = 0; i < text.len; i++) /* in a table a bar ends the cell, in code, too */
		if (text.s[i] == '|')
			buf_lit(out, "\\|");
		else
			buf_char(out, (unsigned char)text.s[i] < ' ' ? ' ' : text.s[i]);
	buf_printf(out, "%s", pad);
	for (uint32_t i = 0; i <= most; i++)
		buf_char(out, '`');
}

static void put_row(struct buf *out, const char *head, struct str text, struct str more)
{
	buf_printf(out, "| %s | ", head);
	put_code(out, text);
	if (more.len) {
		buf_lit(out, "<br>");
		put_code(out, more);
	}
	buf_lit(out, " |\n");
}

static void put_change(const struct diff *d, const struct difference *x, uint32_t i,
		       struct buf *out)
{
	const struct change *c = &x->changes.list.items[i];
	const struct region *r = &x->regions.items[i];
	struct region_texts boxes = region_texts(d, r);
	buf_printf(out, "\n**%.*s**\n\n| | |\n|---|---|\n", STR_ARG(change_title(d, c)));
	put_row(out, "packet", change_packet(d, x, c), STR(""));
	for (int v = 0; v < VERSIONS; v++)
		put_row(out, version_names[v], change_cause(d, c, v), rule_place(d, c->rule[v]));
	vec_each (b, &boxes.list)
		put_row(out, b == boxes.list.items ? "all" : "and", *b, STR(""));
	if (r->more)
		put_row(out, "and", STR("more than can be listed"), STR(""));
	if (c->uncertain)
		put_row(out, "note", STR("it depends on what a packet does not show"), STR(""));
}

void diff_markdown(const struct diff *d, struct buf *out)
{
	buf_printf(out, "### nwfc diff\n\n");
	if (!d->list.n)
		buf_printf(out, "No packet is treated differently (%u compared).\n", d->compared);
	vec_each (x, &d->list) {
		const struct pair *p = x->pair;
		buf_printf(out, "%s#### %s ", x == d->list.items ? "" : "\n",
			   p->standin ? "filter" : "port");
		put_code(out, p->name);
		buf_printf(out, "%s%s\n", p->learned ? ", once its address is known" : "",
			   p->port[BEFORE] && p->port[NOW] ? ""
			   : p->port[NOW]                  ? " is new"
							   : " is gone");
		for (uint32_t i = 0; i < x->changes.list.n; i++)
			put_change(d, x, i, out);
	}
}
