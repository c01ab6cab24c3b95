/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/deps.h"

#include <sys/stat.h>

/*
 * make's syntax, as far as a rule can say a name: what means something to make is escaped, and so
 * is each backslash before it; $ is doubled.
 */
static void put_name(struct buf *b, struct str path, bool target)
{
	for (uint32_t i = 0, slashes = 0; i < path.len; i++) {
		char ch = path.s[i];
		bool special = (ch && strchr(" \t#:*?[", ch)) || (target && ch == '%');
		for (uint32_t k = 0; special && k < slashes; k++)
			buf_char(b, '\\');
		slashes = ch == '\\' ? slashes + 1 : 0;
		if (special)
			buf_char(b, '\\');
		if (ch == '$')
			buf_char(b, '$');
		buf_char(b, ch);
	}
}

void deps_target(struct buf *b, const char *path)
{
	put_name(b, str_from(path), true);
	buf_lit(b, " ");
}

struct files {
	struct arena *arena;
	struct diags *diags;
	struct map seen;
};

/* Names that no rule can say are an error: without them a change would go unseen. */
static void add_file(struct files *f, struct str name)
{
	bool added;
	map_put(f->arena, &f->seen, name, &added);
	for (uint32_t i = 0; added && i < name.len; i++)
		if (strchr("\n;|=", name.s[i])) {
			diag_add(f->diags, FINDING(E602), (struct span){0},
				 "-MD: make can not read the name '%.*s'", STR_ARG(name));
			return;
		}
}

/* Is the path in this very directory? What is written there changes it each time. */
static bool lies_in(struct arena *a, const char *path, const struct stat *dir)
{
	const char *slash = strrchr(path, '/');
	const char *parent = !slash          ? "."
			     : slash == path ? "/"
					     : str_printf(a, "%.*s", (int)(slash - path), path).s;
	struct stat st;
	return stat(parent, &st) == 0 && st.st_dev == dir->st_dev && st.st_ino == dir->st_ino;
}

/* A file that comes or goes changes its directory, which was read as well. */
static void add_directories(struct compile *c, const struct words *inputs, struct files *f)
{
	static const enum option_id outputs[] = {OPT_OUTPUT, OPT_SOURCE_MAP, OPT_LEARN};
	vec_each (path, inputs) {
		struct stat st;
		bool written = false;
		if (stat(*path, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
			const char *out = option_value(c->s->opt, outputs[i]);
			written |= out && lies_in(c->s->arena, out, &st);
		}
		if (!written)
			add_file(f, str_from(*path));
	}
}

/*
 * Each file is also a target without a recipe, so that make goes on when one of them is gone
 * (-MP of compilers).
 */
bool deps_sources(struct compile *c, struct buf *b)
{
	struct files f = {.arena = c->s->arena, .diags = &c->s->diags};
	uint32_t errors = c->s->diags.errors;
	const struct options *o = c->s->opt;
	vec_each (src, &c->s->sources.list)
		if (src->ino && !str_is(src->name, "<stdin>")) /* even one that is a file */
			add_file(&f, src->name);
	vec_each (file, &c->inputs.files)
		if (file->ino)
			add_file(&f, str_from(file->path));
	add_directories(c, &o->inputs, &f);
	add_directories(c, &o->values[OPT_INCLUDE], &f);
	add_directories(c, &o->values[OPT_SINCE], &f);
	buf_lit(b, ":");
	map_each (e, &f.seen) {
		buf_lit(b, " \\\n  ");
		put_name(b, e->key, false);
	}
	buf_lit(b, "\n");
	map_each (e, &f.seen) {
		put_name(b, e->key, true);
		buf_lit(b, ":\n");
	}
	return c->s->diags.errors == errors;
}
