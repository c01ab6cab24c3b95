/* SPDX-License-Identifier: MIT */
/*
 * explain: a finding at length; without a code, all of them in a line each.
 */
#include <stdio.h>

#include "base/near.h"
#include "nwfc/commands.h"
#include "nwfc/explain.h"
#include "nwfc/output.h"

static void list_kinds(struct buf *out)
{
	for (int i = 0; i < FINDINGS; i++)
		buf_printf(out, "%s  %-18s %s\n", finding_kinds[i].code, finding_kinds[i].name,
			   finding_kinds[i].title);
}

static bool explain(const char *word, struct buf *out)
{
	int kind = finding_find(str_from(word));
	struct nearest n = nearest_to(str_from(word));
	if (kind < 0) {
		for (int i = 0; i < FINDINGS; i++) {
			nearest_try(&n, finding_kinds[i].name);
			nearest_try(&n, finding_kinds[i].code);
		}
		fprintf(stderr, "nwfc: there is no finding '%s'%s%s%s; nwfc explain lists them\n",
			word, n.name ? "; did you mean " : "", n.name ? n.name : "",
			n.name ? "?" : "");
		return false;
	}
	const struct diag_kind *k = &finding_kinds[kind];
	buf_printf(out, "%s %s: %s\n\n%s", k->code, k->name, k->title,
		   explanations[kind] ? explanations[kind] : "");
	return true;
}

enum exit_code cmd_explain(struct session *s)
{
	struct output o;
	bool good = true;
	if (!output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	if (!s->opt->inputs.n)
		list_kinds(&o.buf);
	for (uint32_t i = 0; i < s->opt->inputs.n; i++) {
		if (i)
			buf_lit(&o.buf, "\n");
		good &= explain(s->opt->inputs.items[i], &o.buf);
	}
	if (output_close(s, &o) && good)
		output_commit(s, &o);
	else
		output_abandon(&o);
	enum exit_code code = session_verdict(s);
	return good ? code : EXIT_BAD_INPUT;
}
