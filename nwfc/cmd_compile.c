/* SPDX-License-Identifier: MIT */
/*
 * compile and remove: the passes in their order, a call a line, and the files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/nwf/from.h"
#include "ir/dump.h"
#include "nwfc/commands.h"
#include "nwfc/output.h"

struct job {
	const struct target *target;
	void *lowered;
	struct output out;
	bool open;
};

struct compile {
	struct session *s;
	struct input_list inputs, old_inputs;
	struct host host, before;
	struct build build, old;
	struct emit_ctx emit;
	vec_of(struct job) jobs;
	const char *dir; /* with -t all, or several targets */
	bool changes;    /* --since */
};

static enum exit_code usage(const char *why)
{
	fprintf(stderr, "nwfc: %s\n", why);
	return EXIT_BAD_INPUT;
}

/* --- options --- */

static bool read_losses(struct compile *c)
{
	static const char *const names[LOSSES] = {"", "refused", "widened", "narrowed"};
	vec_each (w, &c->s->opt->values[OPT_ALLOW_LOSS]) {
		bool known = false;
		for (int l = LOSS_REFUSED; l < LOSSES; l++) {
			bool same = strcmp(*w, names[l]) == 0 ||
				    strcmp(*w, finding_kinds[FINDING_E501 + l - 1].code) == 0;
			c->emit.options.allow_loss[l] |= same;
			known |= same;
		}
		if (!known)
			return false;
	}
	return true;
}

/* What nft takes as an identifier; a keyword there is refused by nft itself. */
static bool table_name_ok(const char *t)
{
	size_t n = strspn(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./");
	return n && !t[n] && n < 64 && !strchr("0123456789-./", t[0]);
}

static void add_target(struct compile *c, const struct target *t)
{
	vec_each (j, &c->jobs)
		if (j->target == t)
			return;
	*vec_push(c->s->arena, &c->jobs) = (struct job){.target = t};
}

static bool read_targets(struct compile *c)
{
	vec_each (w, &c->s->opt->values[OPT_TARGET]) {
		const struct target *t = target_find(str_from(*w));
		bool all = strcmp(*w, "all") == 0;
		if (!t && !all) {
			fprintf(stderr, "nwfc: there is no target '%s'\n", *w);
			return false;
		}
		for (const struct target *const *p = targets; all && *p; p++)
			add_target(c, *p);
		if (t)
			add_target(c, t);
	}
	return c->jobs.n > 0;
}

static bool has_target(const struct compile *c, const char *name)
{
	vec_each (j, &c->jobs)
		if (strcmp(j->target->name, name) == 0)
			return true;
	return false;
}

static const char *read_options(struct compile *c)
{
	const struct options *o = c->s->opt;
	const char *table = option_value(o, OPT_TABLE);
	c->emit = (struct emit_ctx){
		.arena = c->s->arena, .diags = &c->s->diags, .limits = c->s->limits};
	c->emit.options.table = str_from(table ? table : "nwfc");
	c->emit.options.version = NWFC_VERSION;
	c->emit.options.expand = option_given(o, OPT_EXPAND);
	c->emit.options.no_hooks = option_given(o, OPT_NO_HOOKS);
	c->changes = option_given(o, OPT_SINCE);
	if (table && !table_name_ok(table))
		return "--table wants a name of letters, digits and _ - . /";
	if (!read_losses(c))
		return "--allow-loss wants refused, widened or narrowed (or E501, E502, E503)";
	if (!read_targets(c))
		return "-t wants ebtables, iptables, ip6tables, xtables, nft or all";
	if (c->jobs.n > 1 && !option_given(o, OPT_OUTPUT))
		return "several targets want -o DIR";
	if (c->jobs.n > 1)
		c->dir = option_value(o, OPT_OUTPUT);
	if (c->changes && (c->jobs.n != 1 || !c->jobs.items[0].target->change))
		return "--since is for -t nft alone: the other targets' files are loaded whole";
	if ((table || c->emit.options.expand) && !has_target(c, "nft"))
		return "--table and --expand are for -t nft";
	if (option_given(o, OPT_DEPS) && !option_given(o, OPT_OUTPUT))
		return "-MD wants -o";
	return NULL;
}

/* --- passes --- */

static bool compile_host(struct compile *c, const struct host *h, struct build *b)
{
	struct pass_ctx cx = {c->s->arena, &c->s->diags, c->s->limits, NULL};
	return build_ports(&cx, &h->library, &h->ports, b);
}

/*
 * With --since, port documents that both sides have are left alone: their ports
 * are the same, so they add nothing to the difference. They must be looked at
 * after all when a side brings filters of its own, which change what these ports
 * are compiled to, and when code goes away, which they may still use.
 */
static bool load_both(struct compile *c, bool skip)
{
	struct session *s = c->s;
	c->host = c->before = (struct host){0};
	c->build = c->old = (struct build){0};
	bool good = load_host(s, &c->old_inputs, false, skip, &c->before);
	good &= load_host(s, &c->inputs, true, skip, &c->host);
	good &= compile_host(c, &c->before, &c->old);
	return compile_host(c, &c->host, &c->build) && good;
}

static bool program_in(const struct build *b, const struct program *p)
{
	vec_each (q, &b->programs)
		if (str_eq((*q)->name, p->name))
			return true;
	return false;
}

static bool code_goes_away(const struct compile *c)
{
	vec_each (p, &c->old.programs)
		if (!program_in(&c->build, *p))
			return true;
	return false;
}

static bool front(struct compile *c)
{
	list_inputs(c->s, &c->s->opt->inputs, &c->inputs);
	if (!c->changes) { /* what was read is built even after errors: all of a run are said
			      together */
		bool good = load_host(c->s, &c->inputs, true, false, &c->host);
		return compile_host(c, &c->host, &c->build) && good;
	}
	list_inputs(c->s, &c->s->opt->values[OPT_SINCE], &c->old_inputs);
	mark_shared(c->s, &c->old_inputs, &c->inputs);
	if (!load_both(c, true))
		return false;
	if (c->host.skipped && (c->before.own_filters || c->host.own_filters))
		return load_both(c, false);
	return !c->host.skipped || !code_goes_away(c) || load_both(c, false);
}

/*
 * Inputs without a port give a script without rules, which is right for a host
 * whose last guest has gone, and likely a mistake elsewhere: so it is said.
 */
static bool any_port(struct compile *c)
{
	if (c->host.ports.list.n || c->host.skipped || c->before.ports.list.n)
		return true;
	bool inputs = c->s->opt->inputs.n > 0;
	diag_add(&c->s->diags, inputs ? FINDING(W209) : FINDING(E204), (struct span){0}, "%s",
		 inputs ? "the inputs have no port to compile for; the script holds no rules"
			: "no port to compile for: give a filterbinding, an interface, a domain, "
			  "or --port, --mac and --filter");
	return inputs;
}

static bool lower(struct compile *c)
{
	bool good = true;
	if (c->changes)
		return true;
	vec_each (j, &c->jobs)
		good &= (j->lowered = j->target->lower(&c->emit, &c->build)) != NULL;
	return good;
}

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
	diag_add(&c->s->diags, FINDING(E602), (struct span){0}, "%s: %s", c->dir, strerror(errno));
	return false;
}

static bool write_job(struct compile *c, struct job *j, bool removal)
{
	bool good = true;
	if (!output_open(c->s, job_path(c, j), removal || j->target->executable, &j->out))
		return false;
	if (removal)
		j->target->remove(&c->emit, &c->build, &j->out.buf);
	else if (c->changes)
		good = j->target->change(&c->emit, &c->old, &c->build, &j->out.buf);
	else
		j->target->emit(&c->emit, j->lowered, &j->out.buf);
	if (!output_close(c->s, &j->out))
		return false;
	j->open = good;
	if (!good)
		output_abandon(&j->out);
	return good;
}

/* make's syntax: blanks, # and : are escaped, $ doubled. */
static void put_dependency(struct buf *b, struct str path)
{
	for (uint32_t i = 0; i < path.len; i++) {
		char ch = path.s[i];
		if (ch == ' ' || ch == '#' || ch == ':')
			buf_char(b, '\\');
		if (ch == '$')
			buf_char(b, '$');
		buf_char(b, ch);
	}
}

static bool write_dependencies(struct compile *c)
{
	struct output o;
	const char *out = option_value(c->s->opt, OPT_OUTPUT);
	if (!option_given(c->s->opt, OPT_DEPS) || strcmp(out, "-") == 0)
		return true;
	if (!output_open(c->s, str_printf(c->s->arena, "%s.d", out).s, false, &o))
		return false;
	vec_each (j, &c->jobs) {
		put_dependency(&o.buf, str_from(job_path(c, j)));
		buf_lit(&o.buf, " ");
	}
	buf_lit(&o.buf, ":");
	vec_each (src, &c->s->sources.list)
		if (src->ino) {
			buf_lit(&o.buf, " \\\n  ");
			put_dependency(&o.buf, src->name);
		}
	buf_lit(&o.buf, "\n");
	return output_close(c->s, &o) && output_commit(c->s, &o);
}

static bool write_all(struct compile *c, bool removal)
{
	bool good = make_dir(c);
	for (uint32_t i = 0; i < c->jobs.n && good; i++)
		good = write_job(c, &c->jobs.items[i], removal);
	vec_each (j, &c->jobs) {
		if (j->open && good)
			good = output_commit(c->s, &j->out);
		else if (j->open)
			output_abandon(&j->out);
	}
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
	struct pass_ctx cx = {c->s->arena, &c->s->diags, c->s->limits, NULL};
	struct output o;
	bool parse = strcmp(pass, "parse") == 0;
	if (!parse && !dump_known(pass))
		return usage("--dump wants parse, resolve, bind or layout");
	list_inputs(c->s, &c->s->opt->inputs, &c->inputs);
	bool loaded = load_host(c->s, &c->inputs, true, false, &c->host);
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
	const char *why = read_options(&c);
	if (why)
		return usage(why);
	if (front(&c) && s->diags.errors == 0 && any_port(&c) && lower(&c)) {
		bool stop = option_given(s->opt, OPT_WERROR) && s->diags.warnings;
		if (!stop)
			write_all(&c, false);
	}
	return session_verdict(s);
}

enum exit_code cmd_remove(struct session *s)
{
	struct compile c = {.s = s};
	const char *why = read_options(&c);
	if (why)
		return usage(why);
	list_inputs(s, &s->opt->inputs, &c.inputs);
	if (load_host(s, &c.inputs, true, false, &c.host) && compile_host(&c, &c.host, &c.build))
		write_all(&c, true);
	return session_verdict(s);
}
