/* SPDX-License-Identifier: MIT */
/*
 * test: cases of people's own repositories, and how they went.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nwfc/case.h"
#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/xml_text.h"

#define DEPTH_MAX 32

struct testing {
	struct session *s;
	vec_of(const char *) paths;
	struct words failed; /* paths of cases that failed */
	struct buf *out;
	bool junit, update;
	uint32_t cases, bad, updated;
	struct buf suites; /* of JUnit */
	uint32_t checks, failures;
	char here[PATH_MAX];
};

/* --- which ----------------------------------------------------------------------------------- */

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_case(const char *path)
{
	size_t n = strlen(path);
	return n > 5 && strcmp(path + n - 5, ".case") == 0;
}

static void find_cases(struct testing *t, const char *path, bool named, unsigned depth)
{
	struct stat st;
	struct dirent **list;
	if (stat(path, &st) < 0) {
		diag_add(&t->s->diags, FINDING(E601), (struct span){0}, "%s: %s", path,
			 strerror(errno));
		return;
	}
	if (!S_ISDIR(st.st_mode)) {
		if (named || is_case(path))
			*vec_push(t->s->arena, &t->paths) = path;
		return;
	}
	int n = depth < DEPTH_MAX ? scandir(path, &list, visible, by_bytes) : 0;
	for (int i = 0; i < n; i++) {
		bool here = strcmp(path, ".") == 0, slash = path[strlen(path) - 1] == '/';
		find_cases(t,
			   str_printf(t->s->arena, "%s%s%s", here ? "" : path,
				      here || slash ? "" : "/", list[i]->d_name)
				   .s,
			   false, depth + 1);
		free(list[i]);
	}
	if (n > 0)
		free(list);
}

/* --- JUnit ----------------------------------------------------------------------------------- */

static void put_junit_check(struct buf *out, const struct test_case *c, uint32_t line,
			    struct str name, struct str problem)
{
	buf_lit(out, "<testcase");
	put_xml_attribute(out, "classname", str_from(c->path));
	put_xml_attribute(out, "name", name);
	put_xml_attribute(out, "file", str_from(c->path));
	buf_printf(out, " line=\"%u\"", line);
	if (!problem.len) {
		buf_lit(out, "/>\n");
		return;
	}
	const char *end = memchr(problem.s, '\n', problem.len);
	buf_lit(out, "><failure");
	put_xml_attribute(out, "message",
			  (struct str){problem.s, end ? (uint32_t)(end - problem.s) : problem.len});
	buf_lit(out, ">");
	put_xml_text(out, problem);
	buf_lit(out, "</failure></testcase>\n");
}

static void put_junit(struct testing *t, const struct test_case *c, uint32_t failed)
{
	struct buf *out = &t->suites;
	uint32_t n = c->checks.n + (c->problem.len > 0);
	buf_lit(out, "<testsuite");
	put_xml_attribute(out, "name", str_from(c->path));
	buf_printf(out, " tests=\"%u\" failures=\"%u\">\n", n, failed);
	if (c->problem.len)
		put_junit_check(out, c, c->problem_line, STR("case"), c->problem);
	vec_each (k, &c->checks)
		put_junit_check(out, c, k->line, k->name, k->problem);
	buf_lit(out, "</testsuite>\n");
	t->checks += n;
	t->failures += failed;
}

/* --- text ------------------------------------------------------------------------------------ */

/* Nothing of a case's text that a terminal would obey. */
static void put_clean(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.s[i];
		buf_char(out, (c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : (char)c);
	}
}

static void put_problem(struct testing *t, const struct test_case *c, uint32_t line,
			struct str name, struct str problem)
{
	buf_printf(t->out, "  %s:%u: ", c->path, line);
	put_clean(t->out, name);
	buf_str(t->out, name.len ? STR(": ") : STR(""));
	put_clean(t->out, problem);
	buf_char(t->out, '\n');
}

static void put_text(struct testing *t, const struct test_case *c, uint32_t failed)
{
	const char *word = failed ? "FAIL" : c->changed && t->update ? "new " : "ok  ";
	buf_printf(t->out, "%s  %s (%u %s)\n", word, c->path, c->checks.n,
		   c->checks.n == 1 ? "check" : "checks");
	if (c->problem.len)
		put_problem(t, c, c->problem_line ? c->problem_line : 1, STR(""), c->problem);
	vec_each (k, &c->checks)
		if (k->problem.len)
			put_problem(t, c, k->line, k->name, k->problem);
}

/* --- a case ---------------------------------------------------------------------------------- */

static bool read_case(struct testing *t, struct test_case *c)
{
	struct sources ss = {.arena = c->arena, .max_size = (size_t)64 << 20};
	uint32_t file = source_read(&ss, c->path);
	if (file) {
		c->text = source_get(&ss, file)->text;
		return true;
	}
	diag_add(&t->s->diags, FINDING(E601), (struct span){0}, "%s: %s", c->path, strerror(errno));
	return false;
}

static bool enter(const char *path, struct arena *a)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return true;
	return chdir(slash == path ? "/" : str_printf(a, "%.*s", (int)(slash - path), path).s) == 0;
}

static void write_case(struct testing *t, const struct test_case *c)
{
	struct output o;
	if (!output_open(t->s, c->path, false, &o))
		return;
	case_print(c, &o.buf);
	if (output_close(t->s, &o))
		output_commit(t->s, &o);
	t->updated++;
}

static void run_case(struct testing *t, const char *path)
{
	struct test_case c = {.arena = arena_new((size_t)4096 << 20), .path = path};
	uint32_t failed;
	if (!c.arena || !read_case(t, &c)) {
		t->bad++;
		arena_free(c.arena);
		return;
	}
	case_parse(&c);
	if (!enter(path, c.arena))
		c.problem = str_from(strerror(errno));
	else
		case_run(&c, t->update);
	if (chdir(t->here) < 0 && !c.problem.len)
		c.problem = str_from(strerror(errno));
	failed = c.problem.len > 0;
	vec_each (k, &c.checks)
		failed += k->problem.len > 0;
	if (t->update && c.changed && !c.problem.len)
		write_case(t, &c);
	(t->junit ? put_junit : put_text)(t, &c, failed);
	t->cases++;
	t->bad += failed > 0;
	arena_free(c.arena);
}

static void put_end(struct testing *t)
{
	if (!t->junit) {
		buf_printf(t->out, "%u passed, %u failed", t->cases - t->bad, t->bad);
		if (t->update)
			buf_printf(t->out, ", %u updated", t->updated);
		buf_char(t->out, '\n');
		return;
	}
	buf_printf(t->out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nwfc\" "
		   "tests=\"%u\" failures=\"%u\">\n",
		   t->checks, t->failures);
	buf_put(t->out, t->suites.data, t->suites.n);
	buf_lit(t->out, "</testsuites>\n");
	buf_drop(&t->suites);
}

enum exit_code cmd_test(struct session *s)
{
	static const char *const forms[] = {"text", "junit", NULL};
	int junit = option_choice(s->opt, OPT_FORMAT, forms);
	struct testing t = {.s = s, .junit = junit > 0, .update = option_given(s->opt, OPT_UPDATE)};
	struct output o;
	if (junit < 0)
		return usage("--format wants text or junit");
	if (!s->opt->inputs.n)
		return usage("test wants cases, or directories with *.case");
	if (!getcwd(t.here, sizeof t.here))
		return usage("the working directory can not be found again");
	vec_each (path, &s->opt->inputs)
		find_cases(&t, *path, true, 0);
	if (!t.paths.n && !s->diags.errors)
		diag_add(&s->diags, FINDING(E204), (struct span){0},
			 "there is no *.case where test shall look");
	if (s->diags.errors || !output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	t.out = &o.buf;
	if (t.junit)
		buf_memory(&t.suites);
	vec_each (path, &t.paths)
		run_case(&t, *path);
	put_end(&t);
	if (output_close(s, &o))
		output_commit(s, &o);
	enum exit_code code = session_verdict(s);
	return code == EXIT_GOOD && t.bad ? EXIT_FINDINGS : code;
}
