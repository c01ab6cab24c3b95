/* SPDX-License-Identifier: MIT */
/*
 * graph: filters as a picture.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>

#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/packet_class.h"
#include "nwfc/run_tool.h"
#include "review/graph.h"
#include "review/standin.h"

enum picture { PICTURE_SVG, PICTURE_DOT, PICTURE_MERMAID };
static const char *const picture_names[] = {"svg", "dot", "mermaid", NULL};

enum view { VIEW_ALL, VIEW_FILTERS, VIEW_CHAINS };
static const char *const view_names[] = {"all", "filters", "chains", NULL};

struct drawing {
	struct session *s;
	struct compile c;
	struct graph graph;
	struct filter_list tops; /* that no port was given for */
	enum picture picture;
	enum view view;
};

static const char *graph_options(struct drawing *d)
{
	const struct options *o = d->s->opt;
	int picture = option_choice(o, OPT_FORMAT, picture_names);
	int view = option_choice(o, OPT_VIEW, view_names);
	if (picture < 0)
		return "--format wants svg, dot or mermaid";
	if (view < 0)
		return "--view wants all, filters or chains";
	d->picture = (enum picture)picture;
	d->view = option_given(o, OPT_PACKET) && !option_given(o, OPT_VIEW) ? VIEW_CHAINS
									    : (enum view)view;
	return NULL;
}

/* --- which filters --- */

/* --filter without a port, else the filters of the inputs that no other one builds on. */
static void find_tops(struct drawing *d)
{
	const struct host *h = &d->c.host;
	vec_each (name, &d->s->opt->values[OPT_FILTER]) {
		const struct filter *f = library_find(&h->library, str_from(*name));
		if (f)
			*vec_push(d->s->arena, &d->tops.list) = f;
		else
			diag_add(&d->s->diags, FINDING(E301), (struct span){0},
				 "there is no filter '%s'", *name);
	}
	if (d->tops.list.n || option_given(d->s->opt, OPT_FILTER))
		return;
	standin_tops(d->s->arena, &h->library, &h->ports, &d->tops);
}

/* --- programs --- */

/* Code depends on which names a port gives and never on the values, so any will do. */
static struct program *program_of_filter(struct drawing *d, const struct filter *f)
{
	struct pass_ctx cx = {d->s->arena, &d->s->diags, d->s->limits, NULL};
	struct port port = {.filter = {.filter = f->name, .span = f->name_span}};
	const struct tree *t = resolve(&cx, &d->c.host.library, &port.filter);
	if (!t)
		return NULL;
	vec_each (n, &t->names)
		if (n->bare && !str_is(n->name, "MAC"))
			params_add(&port.filter.params, n->name, f->name_span, STR("0"),
				   f->name_span, &d->s->diags);
	const struct bound_tree *bt = bind_tree(&cx, t, &port);
	return bt ? layout(&cx, bt, f->name) : NULL;
}

static void put_count(struct drawing *d, const struct program *p, struct str *title)
{
	uint32_t n = 0;
	const struct port_data *one = NULL;
	vec_each (pd, &d->c.build.ports)
		if (pd->program == p && n++ == 0)
			one = pd;
	if (n == 1)
		*title = str_printf(d->s->arena, "%.*s of port %.*s%s", STR_ARG(p->name),
				    STR_ARG(one->port->name),
				    one->learning ? " while its address is not known" : "");
	else if (n)
		*title = str_printf(d->s->arena, "%.*s of %u ports", STR_ARG(p->name), n);
}

/* With --packet: what these packets walk, for the first port of each program. */
static void draw_walks(struct drawing *d)
{
	const char *words = option_value(d->s->opt, OPT_PACKET);
	vec_each (p, &d->c.build.programs) {
		const struct port_data *pd = d->c.build.ports.items;
		while (pd->program != *p)
			pd++;
		struct space *sp = space_open(d->s->arena);
		struct graph_class asked = {.space = sp};
		if (sp && packet_class(d->s, sp, words, pd, asked.classes)) {
			asked.meaning = meaning_of(sp, pd);
			graph_program(&d->graph, *p,
				      str_printf(d->s->arena, "%.*s of port %.*s",
						 STR_ARG((*p)->name), STR_ARG(pd->port->name)),
				      &asked);
		}
		if (!sp || sets_failed(sp->sets))
			diag_add(&d->s->diags, FINDING(E603), (struct span){0},
				 "--packet: too many sets of packets");
		if (sp)
			space_close(sp);
		if (d->s->diags.errors)
			return;
	}
}

static void draw_programs(struct drawing *d)
{
	if (option_given(d->s->opt, OPT_PACKET)) {
		draw_walks(d);
		return;
	}
	vec_each (p, &d->c.build.programs) {
		struct str title = (*p)->name;
		put_count(d, *p, &title);
		graph_program(&d->graph, *p, title, NULL);
	}
	vec_each (p, &d->c.build.to_be)
		graph_program(&d->graph, *p,
			      str_printf(d->s->arena, "%.*s once the address is known",
					 STR_ARG((*p)->name)),
			      NULL);
	vec_each (f, &d->tops.list) {
		struct program *p = program_of_filter(d, *f);
		if (p)
			graph_program(&d->graph, p, (*f)->name, NULL);
	}
}

/* --- output --- */

static bool no_dot(struct drawing *d, int error, int status)
{
	struct finding *f;
	if (error)
		f = diag_add(&d->s->diags, FINDING(E607), (struct span){0},
			     "dot can not be run: %s", strerror(error));
	else
		f = diag_add(&d->s->diags, FINDING(E607), (struct span){0},
			     "dot ended with status %d", status);
	diag_hint(&d->s->diags, f,
		  "%s--format=dot writes what it would be given, --format=mermaid wants no program",
		  error == ENOENT ? "it is Debian's package graphviz; " : "");
	return false;
}

static bool put_svg(struct drawing *d, struct buf *out)
{
	static const char *const words[] = {"dot", "-Tsvg", NULL};
	struct buf text;
	struct str svg;
	int status = 0;
	buf_memory(&text);
	graph_print_dot(&d->graph, &text);
	int e = run_tool(d->s->arena, words, (struct str){text.data, (uint32_t)text.n}, &svg,
			 &status);
	buf_drop(&text);
	if (e || status)
		return no_dot(d, e, status);
	buf_str(out, svg);
	return true;
}

static void write_picture(struct drawing *d)
{
	struct output o;
	bool good = true;
	if (!output_open(d->s, option_value(d->s->opt, OPT_OUTPUT), false, &o))
		return;
	if (d->picture == PICTURE_SVG)
		good = put_svg(d, &o.buf);
	else if (d->picture == PICTURE_DOT)
		graph_print_dot(&d->graph, &o.buf);
	else
		graph_print_mermaid(&d->graph, &o.buf);
	if (output_close(d->s, &o) && good)
		output_commit(d->s, &o);
	else
		output_abandon(&o);
}

static bool load(struct drawing *d)
{
	struct compile *c = &d->c;
	list_inputs(d->s, &d->s->opt->inputs, &c->inputs);
	bool good = load_host(d->s, &c->inputs, true, false, &c->host);
	good = compile_host(c, &d->s->diags, &c->host, NULL, &c->build) && good;
	if (!c->host.ports.list.n)
		find_tops(d);
	if (!c->host.ports.list.n && !d->tops.list.n && !d->s->diags.errors)
		diag_add(&d->s->diags, FINDING(E204), (struct span){0},
			 "nothing to draw: give filters, ports, or --filter");
	if (option_given(d->s->opt, OPT_PACKET) && !c->host.ports.list.n && !d->s->diags.errors)
		diag_add(&d->s->diags, FINDING(E204), (struct span){0},
			 "--packet wants a port, whose values decide");
	return good && !d->s->diags.errors;
}

enum exit_code cmd_graph(struct session *s)
{
	struct drawing d = {.s = s, .c = {.s = s}};
	const char *why = graph_options(&d);
	if (why)
		return usage(why);
	d.graph = (struct graph){
		.arena = s->arena, .sources = &s->sources, .full = option_given(s->opt, OPT_FULL)};
	if (!load(&d))
		return session_verdict(s);
	if (option_given(s->opt, OPT_PACKET))
		d.graph.title = str_printf(
			s->arena,
			"%.*s\n\xe2\x94\x82 comes by    \xe2\x96\xb6 decides about some of it",
			STR_ARG(clean_text(s->arena, str_from(option_value(s->opt, OPT_PACKET)))));
	if (d.view != VIEW_CHAINS)
		graph_filters(&d.graph, &d.c.host.library, &d.c.host.ports, d.tops.list.items,
			      d.tops.list.n);
	if (d.view != VIEW_FILTERS)
		draw_programs(&d);
	if (!s->diags.errors)
		write_picture(&d);
	return session_verdict(s);
}
