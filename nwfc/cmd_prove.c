/* SPDX-License-Identifier: MIT */
/*
 * prove: what is asserted of ports and filters, for all packets.
 */
#include <stdio.h>

#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/prove.h"

static const char *const form_names[] = {"text", "json", "junit", NULL};
static prove_form *const forms[] = {prove_text, prove_json, prove_junit};

static bool load(struct compile *c)
{
	struct session *s = c->s;
	struct host *h = &c->host;
	if (!compile_leases(c))
		return false;
	list_inputs(s, &s->opt->inputs, &c->inputs);
	bool good = load_host(s, &c->inputs, true, false, h);
	vec_each (name, &s->opt->values[OPT_READY])
		good &= ready_load(s, *name, h);
	good &= compile_host(c, &s->diags, h, c->leases, &c->build);
	if (!h->assertions.list.n && good)
		diag_add(&s->diags, FINDING(E320), (struct span){0},
			 "there is nothing to prove: no input has an assertion, and none is taken "
			 "with --ready");
	return good && h->assertions.list.n;
}

static bool print(const struct prove *p, prove_form *form)
{
	struct output o;
	if (!output_open(p->s, option_value(p->s->opt, OPT_OUTPUT), false, &o))
		return false;
	form(p, &o.buf);
	return output_close(p->s, &o) && output_commit(p->s, &o);
}

/* Sets and the simulator do not agree: neither answer can be relied on. */
static enum exit_code bug(void)
{
	fprintf(stderr, "nwfc: a packet found by reasoning is treated otherwise when it is tried. "
			"This is a bug of nwfc\n");
	return EXIT_BUG;
}

enum exit_code cmd_prove(struct session *s)
{
	struct compile c = {.s = s};
	struct prove p = {.s = s, .host = &c.host, .build = &c.build};
	int form = option_choice(s->opt, OPT_FORMAT, form_names);
	const char *why = form >= 0 ? read_now(s->opt, &c.emit.options.now_ms)
				    : "--format wants text, json or junit";
	if (why)
		return usage(why);
	bool good = load(&c) && prove_bind(&p) && prove_all(&p);
	if (good && p.wrong)
		return bug();
	good = good && print(&p, forms[form]);
	enum exit_code code = session_verdict(s);
	if (code != EXIT_GOOD || !good)
		return code == EXIT_FINDINGS ? code : EXIT_BAD_INPUT;
	return p.counts[PROVEN] == p.list.n ? EXIT_GOOD : EXIT_FINDINGS;
}
