/* SPDX-License-Identifier: MIT */
/*
 * convert: a text in the other language, with its comments.
 */
#include <stdio.h>

#include "nwfc/commands.h"
#include "nwfc/output.h"
#include "nwfc/text.h"

static bool read_form(const struct session *s, const struct text *t, enum text_form *form)
{
	const char *to = option_value(s->opt, OPT_TO);
	*form = t->form == FORM_XML ? FORM_NWF : FORM_XML;
	if (to && strcmp(to, "xml") == 0)
		*form = FORM_XML;
	else if (to && strcmp(to, "nwf") == 0)
		*form = FORM_NWF;
	return !to || strcmp(to, "xml") == 0 || strcmp(to, "nwf") == 0;
}

enum exit_code cmd_convert(struct session *s)
{
	struct text t;
	struct output o;
	enum text_form form;
	if (s->opt->inputs.n != 1) {
		fprintf(stderr, "nwfc: convert wants one input\n");
		return EXIT_BAD_INPUT;
	}
	if (!text_read(s, s->opt->inputs.items[0], &t))
		return session_verdict(s);
	if (!read_form(s, &t, &form)) {
		fprintf(stderr, "nwfc: --to wants xml or nwf\n");
		return EXIT_BAD_INPUT;
	}
	if (output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o)) {
		bool good = text_print(s, &t, form, &o.buf);
		if (output_close(s, &o) && good)
			output_commit(s, &o);
		else
			output_abandon(&o);
	}
	return session_verdict(s);
}
