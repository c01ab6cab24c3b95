/* SPDX-License-Identifier: MIT */
/*
 * For Graphviz's dot. Each box is a table; verdicts differ in lightness and in words, so
 * that they can be told apart without colours. The boxes that packets walk one after the
 * other stand in one column, the chains that they jump to beside it. From left to
 * right dot puts what comes first at the bottom, so everything is written from its
 * end, and arrows of a column point backwards.
 */
#include "review/graph.h"

/* --- texts --- */

static void put_html_char(struct buf *out, char c)
{
	switch (c) {
	case '&':
		buf_lit(out, "&amp;");
		break;
	case '<':
		buf_lit(out, "&lt;");
		break;
	case '>':
		buf_lit(out, "&gt;");
		break;
	case '"':
		buf_lit(out, "&quot;");
		break;
	case '\'':
		buf_lit(out, "&#39;");
		break;
	case '\\': /* begins an escape, after entities are read */
		buf_lit(out, "&#92;&#92;");
		break;
	case '\n':
		buf_lit(out, "<BR/>");
		break;
	default:
		buf_char(out, c);
	}
}

/* Text inside of a label in HTML; what is no UTF-8 becomes U+FFFD. */
static void put_html(struct buf *out, struct str s)
{
	for (uint32_t i = 0, n; i < s.len; i += n ? n : 1) {
		n = utf8_length((struct str){s.s + i, s.len - i});
		if (n == 1)
			put_html_char(out, s.s[i]);
		else if (n)
			buf_put(out, s.s + i, n);
		else
			buf_lit(out, "\xef\xbf\xbd");
	}
}

/* --- rows --- */

struct look {
	const char *fill, *text, *word;
};

static const struct look verdicts[ACTIONS] = {
	[ACTION_DROP] = {"#7f1d1d", "#ffffff", "DROP"},
	[ACTION_ACCEPT] = {"#d5efd5", "#000000", "accept"},
	[ACTION_REJECT] = {"#b45309", "#ffffff", "REJECT"},
	[ACTION_RETURN] = {"#e8e8e8", "#000000", "return"},
	[ACTION_CONTINUE] = {"#ffffff", "#000000", "continue"},
};

static const char *text_colour(enum graph_mark m)
{
	return m == GRAPH_UNSEEN ? "#a0a0a0" : "#000000";
}

static const char *mark_word(enum graph_mark m)
{
	return m == GRAPH_DECIDES ? "&#9654;" : m == GRAPH_SEEN ? "&#9474;" : " ";
}

static void open_font(struct buf *out, const char *colour, unsigned size)
{
	buf_printf(out, "<FONT COLOR=\"%s\" POINT-SIZE=\"%u\">", colour, size);
}

static void put_small(struct buf *out, struct str s, const char *colour)
{
	open_font(out, colour, 8);
	put_html(out, s);
	buf_lit(out, "</FONT>");
}

/* Tests side by side, as many as a line takes. */
static void put_words(struct buf *out, const struct graph_row *row)
{
	uint32_t line = 0;
	vec_each (w, &row->words) {
		if (line && line + w->len > GRAPH_LINE) {
			buf_lit(out, "<BR ALIGN=\"LEFT\"/>");
			line = 0;
		}
		if (line)
			buf_lit(out, "  ");
		put_html(out, *w);
		line += w->len + 2;
	}
	buf_lit(out, "<BR ALIGN=\"LEFT\"/>");
}

static void put_mark_cell(struct buf *out, const struct graph_row *row)
{
	if (row->mark == GRAPH_UNASKED)
		return;
	buf_lit(out, "<TD BORDER=\"0\">");
	open_font(out, row->mark == GRAPH_DECIDES ? "#000000" : "#707070", 10);
	buf_printf(out, "%s</FONT></TD>", mark_word(row->mark));
}

static void put_rule(struct buf *out, const struct graph_row *row, uint32_t port)
{
	const struct look *v = &verdicts[row->verdict];
	bool unseen = row->mark == GRAPH_UNSEEN;
	const char *colour = text_colour(row->mark);
	/* there is no title without a reference; a name of a file is none that one may follow */
	buf_printf(out, "<TD PORT=\"r%u\" ALIGN=\"LEFT\" BALIGN=\"LEFT\" HREF=\"#\" TITLE=\"",
		   port);
	put_html(out, row->place);
	buf_lit(out, "\">");
	open_font(out, colour, 10);
	put_words(out, row);
	buf_lit(out, "</FONT>");
	put_small(out, row->key, unseen ? "#b0b0b0" : "#505050");
	if (row->comment.len) {
		buf_lit(out, "  ");
		open_font(out, unseen ? "#b0b0b0" : "#505050", 8);
		buf_lit(out, "<I>");
		put_html(out, row->comment);
		buf_lit(out, "</I></FONT>");
	}
	buf_lit(out, "<BR ALIGN=\"LEFT\"/></TD>");
	buf_printf(out, "<TD BGCOLOR=\"%s\">", unseen ? "#ffffff" : v->fill);
	open_font(out, unseen ? "#a0a0a0" : v->text, 10);
	buf_printf(out, "%s%s%s</FONT></TD>", row->mark == GRAPH_DECIDES ? "<B>" : "", v->word,
		   row->mark == GRAPH_DECIDES ? "</B>" : "");
}

static void put_jump(struct buf *out, const struct graph_row *row, uint32_t port)
{
	buf_printf(out, "<TD ALIGN=\"LEFT\">");
	open_font(out, text_colour(row->mark), 10);
	put_words(out, row);
	buf_printf(out, "</FONT></TD><TD PORT=\"r%u\" BGCOLOR=\"%s\">", port,
		   row->mark == GRAPH_UNSEEN ? "#ffffff" : "#dbe7f6");
	open_font(out, text_colour(row->mark), 10);
	put_html(out, row->key);
	buf_lit(out, " &#8594;</FONT></TD>");
}

static void put_wide(struct buf *out, const struct graph_row *row, uint32_t port)
{
	bool note = row->kind == GRAPH_NOTE;
	buf_printf(out, "<TD PORT=\"r%u\" COLSPAN=\"2\" ALIGN=\"%s\"%s>", port,
		   note ? "LEFT" : "CENTER", row->kind == GRAPH_END ? " BGCOLOR=\"#f4f4f4\"" : "");
	open_font(out, text_colour(row->mark), note ? 10 : 9);
	buf_str(out, note ? STR("") : STR("<I>"));
	if (row->kind == GRAPH_MORE)
		buf_lit(out, "&#8942; ");
	vec_each (w, &row->words)
		put_html(out, *w);
	buf_str(out, note ? STR("</FONT></TD>") : STR("</I></FONT></TD>"));
}

static void put_row(struct buf *out, const struct graph_row *row, uint32_t port)
{
	buf_lit(out, "<TR>");
	put_mark_cell(out, row);
	if (row->kind == GRAPH_RULE)
		put_rule(out, row, port);
	else if (row->kind == GRAPH_JUMP)
		put_jump(out, row, port);
	else
		put_wide(out, row, port);
	buf_lit(out, "</TR>\n");
}

/* --- boxes --- */

static const struct {
	const char *head, *text, *border;
} box_looks[] = {
	[GRAPH_FILTER] = {"#dbe7f6", "#000000", ""},
	[GRAPH_STOCK] = {"#f4f4f4", "#000000", " STYLE=\"DASHED\""},
	[GRAPH_PORT] = {"#ffffff", "#000000", " STYLE=\"ROUNDED\""},
	[GRAPH_CHAIN] = {"#33475b", "#ffffff", ""},
	[GRAPH_PACKETS] = {"#33475b", "#ffffff", ""},
};

static void put_head(struct buf *out, const struct graph_box *b)
{
	bool asked = b->rows.n && b->rows.items[0].mark != GRAPH_UNASKED;
	bool unseen = b->mark == GRAPH_UNSEEN;
	const char *text = unseen ? "#808080" : box_looks[b->kind].text;
	buf_printf(out, "<TR><TD PORT=\"head\" COLSPAN=\"%u\" BGCOLOR=\"%s\"%s>", asked ? 3 : 2,
		   unseen ? "#e4e4e4" : box_looks[b->kind].head,
		   b->kind == GRAPH_PORT ? " BORDER=\"0\"" : "");
	open_font(out, text, 12);
	buf_lit(out, "<B>");
	put_html(out, b->title);
	buf_lit(out, "</B></FONT>");
	if (b->subtitle.len) {
		buf_lit(out, "<BR/>");
		put_small(out, b->subtitle, text);
	}
	buf_lit(out, "</TD></TR>\n");
}

static void put_box(const struct graph *g, uint32_t i, struct buf *out)
{
	const struct graph_box *b = &g->boxes.items[i];
	const char *colour = b->mark == GRAPH_UNSEEN ? "#b0b0b0" : "#303030";
	if (b->kind == GRAPH_ENDPOINT) {
		buf_printf(out,
			   "\t\tb%u [shape=ellipse, style=filled, fillcolor=\"#ffffff\", "
			   "penwidth=2, color=\"%s\", label=<<B>",
			   i, colour);
		put_html(out, b->title);
		buf_lit(out, "</B>>];\n");
		return;
	}
	buf_printf(out,
		   "\t\tb%u [label=<<TABLE BORDER=\"%d\" CELLBORDER=\"%d\" CELLSPACING=\"0\" "
		   "CELLPADDING=\"3\" COLOR=\"%s\"%s>\n",
		   i, 1, b->kind == GRAPH_PORT || b->kind <= GRAPH_STOCK ? 0 : 1, colour,
		   box_looks[b->kind].border);
	put_head(out, b);
	for (uint32_t r = 0; r < b->rows.n; r++)
		put_row(out, &b->rows.items[r], r);
	buf_lit(out, "</TABLE>>];\n");
}

/* --- arrows --- */

static bool in_column(const struct graph_edge *e)
{
	return e->kind == GRAPH_FLOW;
}

static void put_edge(const struct graph *g, const struct graph_edge *e, struct buf *out)
{
	static const char *const looks[] = {
		[GRAPH_FLOW] = "dir=back, penwidth=2.5, weight=20",
		[GRAPH_CALL] = "penwidth=1.2",
		[GRAPH_REFERENCE] = "penwidth=1.2",
	};
	bool target_is_table = g->boxes.items[e->to].kind != GRAPH_ENDPOINT;
	buf_printf(out, "\tb%u", in_column(e) ? e->to : e->from);
	if (e->row != GRAPH_WHOLE)
		buf_printf(out, ":r%u:e", e->row);
	buf_printf(out, " -> b%u%s [%s", in_column(e) ? e->from : e->to,
		   target_is_table && !in_column(e) ? ":head:w" : "", looks[e->kind]);
	if (e->mark == GRAPH_UNSEEN)
		buf_lit(out, ", color=\"#c8c8c8\"");
	else if (e->mark != GRAPH_UNASKED && e->kind == GRAPH_CALL)
		buf_lit(out, ", penwidth=2.5");
	if (e->label.len) {
		buf_lit(out, ", label=<<FONT POINT-SIZE=\"9\">");
		put_html(out, e->label);
		buf_lit(out, "</FONT>>");
	}
	buf_lit(out, "];\n");
}

/* Which boxes flow joins: these stand in one column. */
static const bool *find_column(const struct graph *g)
{
	bool *flows = arena_new_array(g->arena, bool, g->boxes.n + 1);
	vec_each (e, &g->edges)
		if (in_column(e))
			flows[e->from] = flows[e->to] = true;
	return flows;
}

static void put_column(const struct graph_group *group, const bool *flows, struct buf *out)
{
	bool any = false;
	for (uint32_t i = group->first; i < group->first + group->n; i++) {
		if (!flows[i])
			continue;
		buf_str(out, any ? STR("") : STR("\t\t{ rank=same;"));
		buf_printf(out, " b%u;", i);
		any = true;
	}
	if (any)
		buf_lit(out, " }\n");
}

static void put_group(const struct graph *g, uint32_t i, const bool *flows, struct buf *out)
{
	const struct graph_group *group = &g->groups.items[i];
	buf_printf(out, "\tsubgraph cluster%u {\n", i);
	buf_lit(out, "\t\tstyle=\"rounded\"; color=\"#909090\"; labeljust=l; label=<<B>");
	put_html(out, group->title);
	buf_lit(out, "</B>>;\n");
	for (uint32_t b = group->n; b-- > 0;)
		put_box(g, group->first + b, out);
	put_column(group, flows, out);
	buf_lit(out, "\t}\n");
}

void graph_print_dot(const struct graph *g, struct buf *out)
{
	const bool *flows = find_column(g);
	buf_lit(out, "digraph filter {\n"
		     "\tgraph [rankdir=LR, newrank=true, fontname=\"Helvetica\", fontsize=13, "
		     "nodesep=0.35, ranksep=0.8, labelloc=t, charset=\"UTF-8\"");
	if (g->title.len) {
		buf_lit(out, ", label=<<B>");
		put_html(out, g->title);
		buf_lit(out, "</B>>");
	}
	buf_lit(out, "];\n\tnode [shape=plain, fontname=\"Helvetica\", fontsize=10];\n"
		     "\tedge [fontname=\"Helvetica\", fontsize=9, color=\"#303030\"];\n");
	for (uint32_t i = g->groups.n; i-- > 0;)
		put_group(g, i, flows, out);
	for (uint32_t i = g->edges.n; i-- > 0;)
		put_edge(g, &g->edges.items[i], out);
	buf_lit(out, "}\n");
}
