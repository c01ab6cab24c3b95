/* SPDX-License-Identifier: MIT */
/*
 * list: the filters that a compile with the same inputs would find.
 */
#include "nwfc/commands.h"
#include "nwfc/output.h"

static void list_names(struct pass_ctx *cx, const struct filter *f, const struct library *lib,
		       struct buf *out)
{
	struct filter_ref ref = {.filter = f->name, .span = f->name_span};
	const struct tree *t = resolve(cx, lib, &ref);
	const char *between = "";
	if (!t)
		return;
	vec_each (n, &t->names) {
		buf_printf(out, "%s$%.*s%s", between, STR_ARG(n->name),
			   n->bare ? "" : " (has a value)");
		between = ", ";
	}
}

static const char *origin(const struct session *s, const struct filter *f)
{
	const struct source *src = source_get(&s->sources, f->span.file);
	return f->stock ? "stock" : src ? src->name.s : "";
}

enum exit_code cmd_list(struct session *s)
{
	struct host h = {0};
	struct output o;
	struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
	struct input_list in = {0};
	list_inputs(s, &s->opt->inputs, &in);
	load_host(s, &in, false, false, &h);
	if (!output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	map_each (e, &h.library.by_name) {
		const struct filter *f = e->cptr;
		buf_printf(&o.buf, "%.*s\t%.*s\t%s\t", STR_ARG(f->name), STR_ARG(f->chain),
			   origin(s, f));
		list_names(&cx, f, &h.library, &o.buf);
		buf_lit(&o.buf, "\n");
	}
	if (output_close(s, &o))
		output_commit(s, &o);
	return session_verdict(s);
}
