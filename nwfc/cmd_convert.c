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

/* What would be left out without a word. */
static bool can_be_converted(struct session *s, const struct text *t, enum text_form to)
{
	bool any = t->form == FORM_NWF || t->library.by_name.entries.n || t->ports.list.n;
	const struct network *n = t->networks.list.n ? t->networks.list.items[0] : NULL;
	vec_each (p, &t->ports.list)
		if ((*p)->direct && to == FORM_XML) {
			diag_add(&s->diags, FINDING(E131), (*p)->span,
				 "a <filterbinding> can not say that the port is a macvtap");
			return false;
		}
	if (any && !n)
		return true;
	struct finding *f = diag_add(
		&s->diags, FINDING(E131), n ? n->name_span : (struct span){t->file, 0, 0},
		n ? "a network has one form only" : "there is neither a filter nor a port");
	if (n)
		diag_hint(&s->diags, f,
			  "networks stay XML; compile and check take them as they are");
	return false;
}

static bool has_filters(const struct text *t)
{
	map_each (e, &t->library.by_name)
		if (((const struct filter *)e->cptr)->span.file == t->file)
			return true;
	return false;
}

/* Of nwf: what lies in other texts, and what nobody uses. */
static void say_items_left_out(struct session *s, const struct text *t)
{
	vec_each (it, &t->tree->items) {
		struct finding *f;
		if (it->kind == NWF_INCLUDE) {
			f = diag_add(&s->diags, FINDING(W132), it->span,
				     "what is included is left out");
			diag_hint(&s->diags, f,
				  "convert it on its own, and give both where this was given");
		} else if (it->kind == NWF_DEFINE && !has_filters(t)) {
			diag_add(&s->diags, FINDING(W132), it->span,
				 "%.*s is left out: no filter of this text uses it",
				 STR_ARG(it->name.text));
		} else if (it->kind == NWF_ASSERT) {
			f = diag_add(&s->diags, FINDING(W132), it->span,
				     "the assertion is left out");
			diag_hint(&s->diags, f,
				  "keep it in a text of its own, *.nwf, beside the XML");
		}
	}
}

/* Of a machine's document: all but the port, which is said once. */
static void say_interface_left_out(struct session *s, const struct text *t)
{
	vec_each (p, &t->ports.list)
		if ((*p)->interface_type.len) {
			diag_add(&s->diags, FINDING(W132), (*p)->span,
				 "of a machine's document only names, addresses and filters of "
				 "interfaces are converted");
			return;
		}
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
	bool good = text_read(s, s->opt->inputs.items[0], &t);
	if (!read_form(s, &t, &form)) {
		fprintf(stderr, "nwfc: --to wants xml or nwf\n");
		return EXIT_BAD_INPUT;
	}
	if (!good || !can_be_converted(s, &t, form))
		return session_verdict(s);
	if (form != t.form && t.form == FORM_NWF)
		say_items_left_out(s, &t);
	else if (form != t.form)
		say_interface_left_out(s, &t);
	if (output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o)) {
		good = text_print(s, &t, form, &o.buf);
		if (output_close(s, &o) && good)
			output_commit(s, &o);
		else
			output_abandon(&o);
	}
	return session_verdict(s);
}
