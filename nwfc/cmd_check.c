/* SPDX-License-Identifier: MIT */
/*
 * check: read everything, resolve every filter, build every port, write nothing.
 */
#include "ir/findings.h"
#include "nwfc/commands.h"
#include "nwfc/prove.h"
#include "review/lint.h"

/* Of assertions, all but whether they hold; those of a text by itself have nothing to be about. */
static void check_assertions(struct session *s, const struct host *h, const struct build *b)
{
	struct prove p = {.s = s, .host = h, .build = b};
	bool any = h->ports.list.n > 0;
	map_each (e, &h->library.by_name) {
		const struct filter *f = e->cptr;
		any |= !f->stock && !f->looked_up;
	}
	if (any && h->assertions.list.n && !s->diags.errors && prove_bind(&p))
		prove_packets(&p);
}

/* --- copies of stock filters: libvirt's package installs them as files ----------------------- */

static struct str canonical(struct arena *a, const struct filter *f)
{
	struct filter plain = *f;
	struct buf b;
	plain.uuid = (struct str){0};
	buf_memory(&b);
	print_filter_xml(&b, &plain, NULL);
	return buf_take(a, &b);
}

/* What means the same as the stock filter of its name is nothing to mend. */
static void mark_copies(struct session *s, struct library *lib)
{
	struct library stock = {0};
	struct ports none = {0};
	struct diags quiet = {.arena = s->arena, .sources = &s->sources, .max = 1};
	struct parse_ctx cx = {.arena = s->arena,
			       .sources = &s->sources,
			       .diags = &quiet,
			       .library = &stock,
			       .ports = &none};
	map_each (e, &lib->by_name) {
		struct filter *f = e->ptr;
		if (f->stock || !parse_stock_filter(&cx, s->xml, f->name))
			continue;
		const struct filter *same = library_find(&stock, f->name);
		f->stock = same && str_eq(canonical(s->arena, f), canonical(s->arena, same));
	}
}

enum exit_code cmd_check(struct session *s)
{
	struct host h = {0};
	struct build b = {0};
	struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
	struct input_list in = {0};
	list_inputs(s, &s->opt->inputs, &in);
	if (!s->opt->inputs.n && !option_given(s->opt, OPT_FILTER))
		diag_add(&s->diags, FINDING(E204), (struct span){0},
			 "there is nothing to check: neither an input nor a port with --filter");
	load_host(s, &in, true, false, &h);
	check_library(&cx, &h.library);
	bool good = build_ports(&cx, &h.library, &h.ports, &b);
	check_assertions(s, &h, &b);
	if (good && !s->diags.errors) { /* a rule that could not be read would be missed */
		mark_copies(s, &h.library);
		lint(&cx, &h.library, &h.ports, &b);
	}
	return session_verdict(s);
}
