/* SPDX-License-Identifier: MIT */
/*
 * One page for a reviewer, which needs nothing else: what changes in words, the
 * packets, both scripts side by side, the chains as pictures. Every text in it
 * is escaped: names and comments are anybody's.
 */
#define _GNU_SOURCE /* memmem */
#include "backends/backend.h"
#include "nwfc/diff.h"
#include "nwfc/run_tool.h"
#include "nwfc/xml_text.h"
#include "review/graph.h"

/* More pairs than this are listed without scripts and pictures. */
#define PAIRS_IN_FULL 20

static void put_element(struct buf *out, const char *element, const char *class, struct str text)
{
	buf_printf(out, "<%s%s%s%s>", element, class ? " class=\"" : "", class ? class : "",
		   class ? "\"" : "");
	put_xml_text(out, text);
	buf_printf(out, "</%s>", element);
}

/* --- the changes ----------------------------------------------------------------------------- */

static void put_version(const struct diff *d, const struct change *c, int version, struct buf *out)
{
	static const char *const classes[] = {"pass", "drop", "reject"};
	struct str place = rule_place(d, c->rule[version]),
		   line = rule_line_text(d, c->rule[version]);
	buf_printf(out, "<tr><th>%s</th><td>", version_names[version]);
	put_element(out, "span", classes[c->verdict[version]], change_cause(d, c, version));
	if (place.len) {
		buf_lit(out, " ");
		put_element(out, "span", "place", place);
	}
	if (line.len) {
		buf_lit(out, "<br>");
		put_element(out, "code", NULL, line);
	}
	buf_lit(out, "</td></tr>\n");
}

static void put_region(const struct diff *d, const struct region *r, struct buf *out)
{
	struct region_texts boxes = region_texts(d, r);
	buf_lit(out, "<tr><th>all packets</th><td>");
	vec_each (b, &boxes.list) {
		if (b != boxes.list.items)
			buf_lit(out, "<br>");
		put_element(out, "code", NULL, *b);
	}
	if (r->more)
		buf_lit(out, "<br>and more than can be listed");
	buf_lit(out, "</td></tr>\n");
}

static void put_change(const struct diff *d, const struct difference *x, uint32_t i,
		       struct buf *out)
{
	const struct change *c = &x->changes.list.items[i];
	struct str bytes = change_bytes(d, c);
	buf_printf(out, "<section class=\"%s\">",
		   c->verdict[NOW] == VERDICT_PASS ? "opens" : "closes");
	put_element(out, "h3", NULL, change_title(d, c));
	buf_lit(out, "\n<table>\n<tr><th>one packet</th><td>");
	put_element(out, "code", NULL, change_packet(d, x, c));
	if (bytes.len) {
		buf_lit(out, "<details><summary>bytes</summary>");
		put_element(out, "code", "bytes", bytes);
		buf_lit(out, "</details>");
	}
	buf_lit(out, "</td></tr>\n");
	put_version(d, c, BEFORE, out);
	put_version(d, c, NOW, out);
	put_region(d, &x->regions.items[i], out);
	if (c->uncertain)
		buf_lit(out, "<tr><th>note</th><td>it depends on what a packet does not "
			     "show</td></tr>\n");
	buf_lit(out, "</table></section>\n");
}

/* --- the scripts ---------------------------------------------------------------------------------
 */

/* The nft script of one port alone; empty when there is none. */
static struct str script_of(const struct diff *d, const struct port_data *pd)
{
	struct arena *a = d->s->arena;
	struct diags quiet = {.arena = a, .sources = &d->s->sources, .max = 1};
	struct emit_ctx cx = {.arena = a,
			      .diags = &quiet,
			      .limits = d->s->limits,
			      .options = {.table = STR("nwfc"), .version = NWFC_VERSION}};
	struct build b = {0};
	struct port port = *pd->port;
	struct port_data one = *pd;
	port.name = STR("port0"); /* a stand-in's may be longer than an interface's can be */
	one.port = &port;
	*vec_push(a, &b.programs) = (struct program *)pd->program;
	*vec_push(a, &b.ports) = one;
	const struct target *nft = target_find(STR("nft"));
	void *lowered = nft->lower(&cx, &b);
	if (!lowered)
		return STR("");
	struct buf text;
	buf_memory(&text);
	nft->emit(&cx, lowered, &text);
	return buf_take(a, &text);
}

static bool next_line(struct str *rest, struct str *line)
{
	if (!rest->len)
		return false;
	const char *end = memchr(rest->s, '\n', rest->len);
	*line = (struct str){rest->s, end ? (uint32_t)(end - rest->s) : rest->len};
	uint32_t n = line->len + (end != NULL);
	*rest = (struct str){rest->s + n, rest->len - n};
	return true;
}

/* Lines that the other script has as well are plain; the others are marked. */
static void put_script(struct arena *a, struct str script, struct str other, const char *class,
		       struct buf *out)
{
	struct map known = {0};
	struct str line;
	while (next_line(&other, &line))
		map_put(a, &known, line, NULL);
	buf_lit(out, "<td><pre>");
	while (next_line(&script, &line)) {
		if (map_find(&known, line))
			put_xml_text(out, line);
		else
			put_element(out, "mark", class, line);
		buf_lit(out, "\n");
	}
	buf_lit(out, "</pre></td>");
}

static void put_scripts(const struct diff *d, const struct pair *p, struct buf *out)
{
	struct str script[VERSIONS];
	for (int v = 0; v < VERSIONS; v++)
		script[v] = script_of(d, p->port[v]);
	buf_lit(out, "<details><summary>both scripts for nft</summary><table class=\"scripts\"><tr>"
		     "<th>before</th><th>now</th></tr><tr>");
	put_script(d->s->arena, script[BEFORE], script[NOW], "gone", out);
	put_script(d->s->arena, script[NOW], script[BEFORE], "new", out);
	buf_lit(out, "</tr></table></details>\n");
}

/* --- the pictures
 * --------------------------------------------------------------------------------- */

/* dot's page without what stands before its picture; empty when dot is not there. */
static struct str picture_of(const struct diff *d, const struct port_data *pd)
{
	static const char *const words[] = {"dot", "-Tsvg", NULL};
	struct graph g = {.arena = d->s->arena, .sources = &d->s->sources};
	struct buf text;
	struct str svg = STR("");
	int status = 0;
	graph_program(&g, pd->program, pd->program->name, NULL);
	buf_memory(&text);
	graph_print_dot(&g, &text);
	int e = run_tool(d->s->arena, words, (struct str){text.data, (uint32_t)text.n}, &svg,
			 &status);
	buf_drop(&text);
	if (e || status)
		return STR("");
	const char *at = svg.len ? memmem(svg.s, svg.len, "<svg", 4) : NULL;
	return at ? (struct str){at, (uint32_t)(svg.s + svg.len - at)} : STR("");
}

static void put_pictures(const struct diff *d, const struct pair *p, struct buf *out)
{
	buf_lit(out, "<details><summary>the chains</summary>");
	for (int v = 0; v < VERSIONS; v++) {
		struct str svg = picture_of(d, p->port[v]);
		put_element(out, "h4", NULL, str_from(version_names[v]));
		if (svg.len) {
			buf_lit(out, "<div class=\"picture\">");
			buf_str(out, svg);
			buf_lit(out, "</div>");
		} else {
			buf_lit(out, "<p>dot, of the package graphviz, could not draw it.</p>");
		}
	}
	buf_lit(out, "</details>\n");
}

/* --- the page -----------------------------------------------------------------------------------
 */

static const char style[] =
	":root{color-scheme:light dark}\n"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}\n"
	"h1{font-size:1.5rem;margin-bottom:.2rem}h2{margin-top:2.5rem;border-bottom:1px solid "
	"#8886}\n"
	"h3{font-size:1.05rem;margin:.2rem 0 .6rem}\n"
	"section{border:1px solid #8886;border-left:.4rem solid;border-radius:.3rem;padding:.6rem "
	"1rem;margin:1rem 0}\n"
	"section.opens{border-left-color:#d97706}section.closes{border-left-color:#2563eb}\n"
	"table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
	"padding:.2rem .8rem .2rem 0}\n"
	"th{width:7rem;font-weight:600;white-space:nowrap}\n"
	"code,pre{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}\n"
	".pass{color:#15803d;font-weight:600}.drop,.reject{color:#dc2626;font-weight:600}.place{"
	"opacity:.7}\n"
	".scripts{table-layout:fixed}.scripts th{width:50%}.scripts "
	"pre{white-space:pre-wrap;tab-size:4;margin:0}\n"
	"mark{color:inherit}mark.gone{background:#dc262633}mark.new{background:#16a34a33}\n"
	"summary{cursor:pointer;margin:.4rem "
	"0}.picture{overflow:auto;background:#fff;border-radius:.3rem}\n";

static void put_head(const struct diff *d, struct buf *out)
{
	buf_lit(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		     "<title>nwfc diff</title>\n<style>\n");
	buf_printf(out, "%s", style);
	buf_lit(out, "</style>\n</head>\n<body>\n<h1>Which packets are treated "
		     "differently</h1>\n<p>before: ");
	put_element(out, "code", NULL, str_from(d->names[BEFORE]));
	buf_lit(out, "<br>now: ");
	put_element(out, "code", NULL, str_from(d->names[NOW]));
	buf_lit(out, "</p>\n");
	if (!d->list.n)
		buf_printf(
			out,
			"<p><strong>No packet is treated differently</strong> (%u compared).</p>\n",
			d->compared);
	else
		buf_printf(out, "<p><strong>%u of %u differ.</strong></p>\n", d->list.n,
			   d->compared);
}

static void put_pair(const struct diff *d, const struct difference *x, bool in_full,
		     struct buf *out)
{
	const struct pair *p = x->pair;
	bool both = p->port[BEFORE] && p->port[NOW];
	put_element(out, "h2", NULL, pair_title(d, p));
	if (!both)
		buf_printf(out, "<p>It %s.</p>\n", p->port[NOW] ? "is new" : "is gone");
	for (uint32_t i = 0; i < x->changes.list.n; i++)
		put_change(d, x, i, out);
	if (both && in_full) {
		put_scripts(d, p, out);
		put_pictures(d, p, out);
	}
}

void diff_html(const struct diff *d, struct buf *out)
{
	put_head(d, out);
	vec_each (x, &d->list)
		put_pair(d, x, x - d->list.items < PAIRS_IN_FULL, out);
	buf_lit(out, "</body>\n</html>\n");
}
