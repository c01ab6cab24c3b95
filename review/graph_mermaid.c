/* SPDX-License-Identifier: MIT */
/*
 * For Mermaid, which code hosts draw inside of Markdown. A label is in double quotes
 * and may hold HTML; '#' begins an entity of its own, so every character that is
 * no letter, digit or plain mark is written as one.
 */
#include "review/graph.h"

static bool plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr(" $.,:/-_=!()", c));
}

static void put_text(struct buf *out, struct str s)
{
	for (uint32_t i = 0, n; i < s.len; i += n ? n : 1) {
		n = utf8_length((struct str){s.s + i, s.len - i});
		if (n > 1)
			buf_put(out, s.s + i, n);
		else if (!n)
			buf_lit(out, "\xef\xbf\xbd");
		else if (s.s[i] == '\n')
			buf_lit(out, "<br/>");
		else if (plain((unsigned char)s.s[i]))
			buf_char(out, s.s[i]);
		else
			buf_printf(out, "#%d;", s.s[i]);
	}
}

static void put_row(struct buf *out, const struct graph_row *row)
{
	buf_lit(out, "<br/>");
	if (row->mark == GRAPH_DECIDES)
		buf_lit(out, "\xe2\x96\xb6 ");
	uint32_t line = 0;
	vec_each (w, &row->words) {
		bool wraps = line && line + w->len > GRAPH_LINE;
		buf_str(out, wraps ? STR("<br/>") : line ? STR(" ") : STR(""));
		put_text(out, *w);
		line = (wraps ? 0 : line) + w->len + 1;
	}
	if (row->kind == GRAPH_JUMP) {
		buf_lit(out, " \xe2\x86\x92 ");
		put_text(out, row->key);
	}
	if (row->kind == GRAPH_RULE)
		buf_printf(out, " : %s%s%s", row->verdict == ACTION_RETURN ? "" : "<b>",
			   action_names[row->verdict], row->verdict == ACTION_RETURN ? "" : "</b>");
}

static void put_box(const struct graph *g, uint32_t i, struct buf *out)
{
	const struct graph_box *b = &g->boxes.items[i];
	bool round = b->kind == GRAPH_ENDPOINT || b->kind == GRAPH_PORT;
	buf_printf(out, "    b%u%s\"<b>", i, round ? "([" : "[");
	put_text(out, b->title);
	buf_lit(out, "</b>");
	if (b->subtitle.len) {
		buf_lit(out, "<br/>");
		put_text(out, b->subtitle);
	}
	vec_each (row, &b->rows)
		put_row(out, row);
	buf_printf(out, "\"%s", round ? "])" : "]");
	buf_str(out, b->mark == GRAPH_UNSEEN ? STR(":::unseen\n") : STR("\n"));
}

static void put_edge(const struct graph_edge *e, struct buf *out)
{
	buf_printf(out, "  b%u %s", e->from, e->kind == GRAPH_FLOW ? "==>" : "-->");
	if (e->label.len) {
		buf_lit(out, "|\"");
		put_text(out, e->label);
		buf_lit(out, "\"|");
	}
	buf_printf(out, " b%u\n", e->to);
}

void graph_print_mermaid(const struct graph *g, struct buf *out)
{
	bool framed = g->groups.n > 1;
	buf_lit(out, "flowchart LR\n");
	for (uint32_t i = g->groups.n; i-- > 0;) { /* what comes first is drawn last */
		const struct graph_group *group = &g->groups.items[i];
		if (framed) {
			buf_printf(out, "  subgraph g%u [\"", i);
			put_text(out, group->title);
			buf_lit(out, "\"]\n");
		}
		for (uint32_t b = group->first; b < group->first + group->n; b++)
			put_box(g, b, out);
		buf_str(out, framed ? STR("  end\n") : STR(""));
	}
	vec_each (e, &g->edges)
		put_edge(e, out);
	buf_lit(out, "  classDef unseen color:#999,stroke:#bbb\n");
}
