/* SPDX-License-Identifier: MIT */
/*
 * fmt: each file in the canonical form of its language, in its place.
 */
#include <stdio.h>

#include "nwfc/commands.h"
#include "nwfc/output.h"
#include "nwfc/text.h"

struct fmt {
	struct session *s;
	bool check, differs;
};

static bool write_text(struct session *s, const char *path, struct str text)
{
	struct output o;
	if (!output_open(s, path, false, &o))
		return false;
	buf_str(&o.buf, text);
	return output_close(s, &o) && output_commit(s, &o);
}

/*
 * What is printed is read and printed again before it replaces anything: a
 * formatter that lost something, or never came to rest, would show here.
 */
static bool comes_to_rest(struct session *s, const struct text *t, struct str printed)
{
	struct buf again;
	struct text t2 = {.form = t->form};
	struct parse_ctx cx = {.arena = s->arena,
			       .sources = &s->sources,
			       .diags = &s->diags,
			       .library = &t2.library,
			       .ports = &t2.ports,
			       .comments = &t2.comments};
	t2.file = source_add(&s->sources, STR("<formatted>"), printed);
	if (t2.form == FORM_NWF)
		t2.tree = nwf_parse(s->arena, &s->diags, &s->sources, t2.file);
	else
		parse_source(&cx, s->xml, t2.file);
	buf_memory(&again);
	bool same = text_print(s, &t2, t->form, &again) &&
		    str_eq((struct str){again.data, (uint32_t)again.n}, printed);
	buf_drop(&again);
	return same;
}

/* The canonical text, or one of length 0 after a finding. */
static struct str format(struct session *s, const struct text *t)
{
	struct buf b;
	buf_memory(&b);
	bool good = text_print(s, t, t->form, &b);
	struct str text = good ? str_copy(s->arena, (struct str){b.data, (uint32_t)b.n}) : STR("");
	buf_drop(&b);
	return text;
}

static bool only_filters(struct session *s, const struct text *t)
{
	bool filters = t->library.by_name.entries.n > 0;
	if (t->form == FORM_NWF || (filters && !t->ports.list.n && !t->networks.list.n))
		return true;
	struct span at =
		t->ports.list.n ? t->ports.list.items[0]->span : (struct span){t->file, 0, 0};
	diag_add(&s->diags, FINDING(E103), at, "only filters have a canonical XML form");
	return false;
}

static void format_file(struct fmt *f, const char *path)
{
	struct text t;
	struct session *s = f->s;
	if (!text_read(s, path, &t) || !only_filters(s, &t))
		return;
	struct str was = source_get(&s->sources, t.file)->text, is = format(s, &t);
	if (str_eq(was, is) && !str_is(str_from(path), "-"))
		return;
	if (s->diags.errors)
		return;
	if (!comes_to_rest(s, &t, is)) {
		fprintf(stderr,
			"nwfc: %s: its formatted text reads otherwise; left as it was. "
			"This is a bug of nwfc\n",
			path);
		f->differs = true;
	} else if (!f->check) {
		write_text(s, path, is);
	} else if (!str_eq(was, is)) {
		printf("%s\n", path);
		f->differs = true;
	}
}

enum exit_code cmd_fmt(struct session *s)
{
	struct fmt f = {.s = s, .check = option_given(s->opt, OPT_CHECK)};
	struct input_list in = {0};
	struct words none = {0};
	static const char *dash = "-";
	if (!s->opt->inputs.n)
		*vec_push(s->arena, &none) = dash;
	list_inputs(s, s->opt->inputs.n ? &s->opt->inputs : &none, &in);
	vec_each (file, &in.files)
		format_file(&f, file->path);
	enum exit_code code = session_verdict(s);
	return code == EXIT_GOOD && f.differs ? EXIT_FINDINGS : code;
}
