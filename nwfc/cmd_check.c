/* SPDX-License-Identifier: MIT */
/*
 * check: read everything, resolve every filter, build every port, write nothing.
 */
#include "ir/findings.h"
#include "nwfc/commands.h"
#include "review/lint.h"

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
	if (good && !s->diags.errors) /* a rule that could not be read would be missed */
		lint(&cx, &h.library, &h.ports, &b);
	return session_verdict(s);
}
