/* SPDX-License-Identifier: MIT */
/*
 * check: read everything, resolve every filter, build every port, write nothing.
 */
#include "ir/findings.h"
#include "nwfc/commands.h"
#include "nwfc/prove.h"

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
	build_ports(&cx, &h.library, &h.ports, &b);
	check_assertions(s, &h, &b);
	return session_verdict(s);
}
