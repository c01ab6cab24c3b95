/* SPDX-License-Identifier: MIT */
/*
 * compile and remove: the files that they write.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/nwf/from.h"
#include "ir/dump.h"
#include "nwfc/apply.h"
#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/deps.h"
#include "nwfc/learn.h"
#include "nwfc/map.h"
#include "nwfc/verify.h"

/* --- files --- */

/* In a directory a removal has a name of its own, so that it does not replace what it removes. */
static const char *job_path(struct compile *c, const struct job *j)
{
	const char *prefix = c->s->opt->command == CMD_REMOVE ? "remove-" : "";
	if (!c->dir)
		return option_value(c->s->opt, OPT_OUTPUT);
	return str_printf(c->s->arena, "%s/%s%s", c->dir, prefix, j->target->file).s;
}

static bool make_dir(struct compile *c)
{
	if (!c->dir || mkdir(c->dir, 0777) == 0 || errno == EEXIST)
		return true;
	bool above = errno == ENOENT;
	struct finding *f = diag_add(&c->s->diags, FINDING(E602), (struct span){0}, "%s: %s",
				     c->dir, strerror(errno));
	if (above)
		diag_hint(&c->s->diags, f,
			  "the folder is made, but not those that it is to lie in");
	return false;
}

/* The script's text, proved to be right; false after a finding. */
static bool proved_text(struct compile *c, const struct job *j, struct str *text)
{
	struct buf b;
	buf_memory(&b);
	j->target->emit(&c->emit, j->lowered, &b);
	*text = buf_take(c->s->arena, &b);
	return verify_text(c, j, *text);
}

static bool write_job(struct compile *c, struct job *j, bool removal)
{
	bool good = true;
	struct str text = {0};
	if (!removal && verify_wanted(c, j) && !proved_text(c, j, &text))
		return false;
	if (!output_open(c->s, job_path(c, j), removal || j->target->executable, &j->out))
		return false;
	if (removal)
		j->target->remove(&c->emit, &c->build, &j->out.buf);
	else if (c->changes)
		good = j->target->change(&c->emit, &c->old, &c->build, &j->out.buf);
	else if (c->map.open)
		map_script(c, j, job_path(c, j));
	else if (text.len)
		buf_str(&j->out.buf, text);
	else
		j->target->emit(&c->emit, j->lowered, &j->out.buf);
	if (!output_close(c->s, &j->out))
		return false;
	j->open = good;
	if (!good)
		output_abandon(&j->out);
	return good;
}

static bool write_dependencies(struct compile *c)
{
	struct output o;
	const char *out = option_value(c->s->opt, OPT_OUTPUT);
	if (!option_given(c->s->opt, OPT_DEPS) || strcmp(out, "-") == 0)
		return true;
	if (!output_open(c->s, str_printf(c->s->arena, "%s.d", out).s, false, &o))
		return false;
	vec_each (j, &c->jobs)
		deps_target(&o.buf, job_path(c, j));
	bool good = deps_sources(c, &o.buf);
	if (!output_close(c->s, &o))
		return false;
	if (!good)
		output_abandon(&o);
	return good && output_commit(c->s, &o);
}

/* What a learner must know; --since has nothing to do with it. */
static bool write_learn(struct compile *c)
{
	const char *path = option_value(c->s->opt, OPT_LEARN);
	if (!path)
		return true;
	if (!output_open(c->s, path, false, &c->learn))
		return false;
	learn_write(c->s, &c->host.ports, &c->build, &c->learn.buf);
	c->learn_open = output_close(c->s, &c->learn);
	return c->learn_open && !c->s->diags.errors;
}

/* The scripts over all files of a directory. */
static bool write_scripts(struct compile *c, struct output *scripts)
{
	bool good = true;
	for (unsigned i = 0; i < APPLY_SCRIPTS && good; i++) {
		const char *path = str_printf(c->s->arena, "%s/%s", c->dir, apply_name(i)).s;
		if (!output_open(c->s, path, true, &scripts[i]))
			return false;
		apply_write(c, i, &scripts[i].buf);
		good = output_close(c->s, &scripts[i]);
	}
	return good;
}

static bool write_all(struct compile *c, bool removal)
{
	struct output scripts[APPLY_SCRIPTS] = {{.temporary = NULL}};
	bool good = make_dir(c) && (removal || map_begin(c));
	for (uint32_t i = 0; i < c->jobs.n && good; i++)
		good = write_job(c, &c->jobs.items[i], removal);
	good = good && write_learn(c) && map_end(c);
	if (good && apply_wanted(c))
		good = write_scripts(c, scripts);
	vec_each (j, &c->jobs) {
		if (j->open && good)
			good = output_commit(c->s, &j->out);
		else if (j->open)
			output_abandon(&j->out);
	}
	for (unsigned i = 0; i < APPLY_SCRIPTS; i++) {
		if (scripts[i].temporary && good)
			good = output_commit(c->s, &scripts[i]);
		else if (scripts[i].temporary)
			output_abandon(&scripts[i]);
	}
	if (c->map.open && good)
		good = output_commit(c->s, &c->map.out);
	else if (c->map.open)
		output_abandon(&c->map.out);
	if (c->learn_open && good)
		good = output_commit(c->s, &c->learn);
	else if (c->learn_open)
		output_abandon(&c->learn);
	return good && (removal || write_dependencies(c));
}

/* --- commands --- */

static bool from_nwf(const struct compile *c, const struct filter *f)
{
	const struct source *s = source_get(&c->s->sources, f->span.file);
	return s && !source_is_xml(s);
}

/* What came as nwf may have no XML form. */
static bool any_nwf(const struct compile *c, const struct host *h)
{
	map_each (e, &h->library.by_name)
		if (e->cptr && from_nwf(c, e->cptr))
			return true;
	return false;
}

static void dump_as_nwf(const struct compile *c, const struct host *h, struct buf *out)
{
	struct nwf_file f = {0};
	map_each (e, &h->library.by_name)
		if (e->cptr && !((const struct filter *)e->cptr)->stock)
			nwf_from_filter(c->s->arena, e->cptr, &f);
	nwf_print(out, &f, STR(""));
}

/*
 * Given filters in a form that parses again: XML, or nwf when one came so. Stock
 * filters are left out, as they were not read.
 */
static void dump_filters(const struct compile *c, const struct host *h, struct buf *out)
{
	if (any_nwf(c, h)) {
		dump_as_nwf(c, h, out);
		return;
	}
	buf_lit(out, "<filters>\n");
	map_each (e, &h->library.by_name)
		if (e->cptr && !((const struct filter *)e->cptr)->stock)
			print_filter_xml(out, e->cptr, NULL);
	buf_lit(out, "</filters>\n");
}

static enum exit_code dump(struct compile *c)
{
	const char *pass = option_value(c->s->opt, OPT_DUMP);
	const char *why = read_now(c->s->opt, &c->emit.options.now_ms);
	struct output o;
	bool parse = strcmp(pass, "parse") == 0;
	if (why)
		return usage(why);
	if (!parse && !dump_known(pass))
		return usage("--dump wants parse, resolve, bind or layout");
	bool leases = compile_leases(c);
	struct pass_ctx cx = {c->s->arena, &c->s->diags, c->s->limits, c->leases};
	list_inputs(c->s, &c->s->opt->inputs, &c->inputs);
	bool loaded = leases && load_host(c->s, &c->inputs, true, false, &c->host);
	if (loaded && output_open(c->s, option_value(c->s->opt, OPT_OUTPUT), false, &o)) {
		if (parse)
			dump_filters(c, &c->host, &o.buf);
		else
			dump_pass(&cx, pass, &c->host.library, &c->host.ports, &o.buf);
		if (output_close(c->s, &o))
			output_commit(c->s, &o);
	}
	return session_verdict(c->s);
}

enum exit_code cmd_compile(struct session *s)
{
	struct compile c = {.s = s};
	if (option_given(s->opt, OPT_DUMP))
		return dump(&c);
	const char *why = compile_options(&c);
	if (why)
		return usage(why);
	if (compile_front(&c) && s->diags.errors == 0 && compile_any_port(&c) &&
	    compile_lower(&c)) {
		bool stop = session_fails(s);
		if (!stop)
			write_all(&c, false);
	}
	return session_verdict(s);
}

enum exit_code cmd_remove(struct session *s)
{
	struct compile c = {.s = s};
	const char *why = compile_options(&c);
	if (why)
		return usage(why);
	list_inputs(s, &s->opt->inputs, &c.inputs);
	if (load_host(s, &c.inputs, true, false, &c.host) &&
	    compile_host(&c, &s->diags, &c.host, NULL, &c.build))
		write_all(&c, true);
	return session_verdict(s);
}
