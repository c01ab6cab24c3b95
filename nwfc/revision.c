/* SPDX-License-Identifier: MIT */
#include "nwfc/revision.h"

#include <errno.h>
#include <sys/stat.h>

#include "ir/findings.h"
#include "nwfc/run_tool.h"

/* False after a finding, which has git's own words. */
static bool git(struct session *s, const char *spec, const char *const *words, struct str *output)
{
	int status = 0, e = run_tool(s->arena, words, STR(""), output, &status);
	if (!e && !status)
		return true;
	if (e)
		diag_add(&s->diags, FINDING(E601), (struct span){0}, "%s: git: %s", spec,
			 strerror(e));
	else
		diag_add(&s->diags, FINDING(E601), (struct span){0},
			 "%s: git has no such revision and path (git %s %s: status %d)", spec,
			 words[1], words[2], status);
	return false;
}

static void add_text(struct session *s, struct str name, struct str text, struct input_list *out)
{
	*vec_push(s->arena, &out->files) =
		(struct input_file){.path = name.s, .source = source_add(&s->sources, name, text)};
}

static void add_blob(struct session *s, struct str spec, struct input_list *out)
{
	struct str text;
	if (git(s, spec.s, (const char *const[]){"git", "cat-file", "blob", spec.s, NULL}, &text))
		add_text(s, spec, text, out);
}

/* Names end with a NUL, in the order of their bytes. */
static void add_tree(struct session *s, const char *spec, struct input_list *out)
{
	struct str names;
	size_t n = strlen(spec);
	const char *slash = n && (spec[n - 1] == ':' || spec[n - 1] == '/') ? "" : "/";
	if (!git(s, spec, (const char *const[]){"git", "ls-tree", "-z", "--name-only", spec, NULL},
		 &names))
		return;
	for (const char *at = names.s, *end = names.s + names.len; at < end; at += strlen(at) + 1)
		if (input_name_ok(at))
			add_blob(s, str_printf(s->arena, "%s%s%s", spec, slash, at), out);
}

void list_version(struct session *s, const char *input, struct input_list *out)
{
	struct stat st;
	struct str kind;
	if (strcmp(input, "-") == 0 || stat(input, &st) == 0 || errno != ENOENT ||
	    !strchr(input, ':') || input[0] == '-') {
		struct words one = {.items = &input, .n = 1};
		list_inputs(s, &one, out);
		return;
	}
	if (!git(s, input, (const char *const[]){"git", "cat-file", "-t", input, NULL}, &kind))
		return;
	if (kind.len >= 4 && memcmp(kind.s, "tree", 4) == 0)
		add_tree(s, input, out);
	else
		add_blob(s, str_from(input), out);
}
