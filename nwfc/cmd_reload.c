/* SPDX-License-Identifier: MIT */
/*
 * reload: a recorded compile once more, with what has been learned since, and
 * its result into the kernel.
 *
 * nft gets the change since the last reload where that can be had: the leases of
 * then are kept beside those of now (LEASES.applied), the time of then is the
 * file's. A change is right only on top of the script that it was made from. So
 * every reload leaves a mark in the table, an empty chain named by what it
 * loaded, and the next change begins with deleting it: whoever loaded another
 * script in the meantime, or booted, has taken the mark away, and the change
 * fails as a whole. And no change is made when an input, the learn file or nwfc
 * itself is newer than the last reload. In all these cases the whole script is
 * loaded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/learn.h"

extern char **environ;

struct reload {
	struct session *s;    /* of the reload */
	struct session inner; /* of the compile */
	struct options recorded;
	struct compile c;
	struct learn_head head;
	const char *learn, *leases;       /* as they were given */
	const char *learn_path, *applied; /* absolute, for after the change of directory */
	uint32_t leases_file;             /* among the sources of the compile; 0: not there */
	uint64_t now_ms;
	int lock;
	struct output next;   /* LEASES.applied in the making */
	struct str next_mark; /* what it will be known by */
};

/* Programs of the tools, each with the words that make it read its standard input. */
static const struct loader {
	const char *target;
	const char *words[4];
} loaders[] = {
	{"nft", {"nft", "-f", "-", NULL}},
	{"xtables", {"sh", "-s", NULL}},
};

static bool failed(struct session *s, const struct diag_kind *kind, const char *what)
{
	diag_add(&s->diags, kind, (struct span){0}, "%s: %s", what, strerror(errno));
	return false;
}

/* --- what is to be done --- */

static const char *absolute(struct arena *a, const char *path)
{
	char cwd[PATH_MAX];
	if (path[0] == '/' || !getcwd(cwd, sizeof cwd))
		return path;
	return str_printf(a, "%s/%s", cwd, path).s;
}

static const char *reload_options(struct reload *r)
{
	const struct options *o = r->s->opt;
	r->learn = option_value(o, OPT_LEARN);
	r->leases = option_value(o, OPT_LEASES);
	if (!r->learn || !r->leases)
		return "reload wants --learn and --leases";
	if (o->inputs.n > 1)
		return "reload takes no argument but the name of a port";
	r->learn_path = absolute(r->s->arena, r->learn);
	r->applied = str_printf(r->s->arena, "%s.applied", absolute(r->s->arena, r->leases)).s;
	return read_now(o, &r->now_ms);
}

/* One reload at a time. The file stays; the lock goes with the process. */
static bool take_lock(struct reload *r)
{
	const char *path = str_printf(r->s->arena, "%s.lock", r->learn_path).s;
	if (access(r->learn, F_OK) < 0)
		return true; /* the reading of it says so; no lock is left behind for nothing */
	r->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (r->lock < 0)
		return failed(r->s, FINDING(E602), path);
	while (flock(r->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return failed(r->s, FINDING(E602), path);
	return true;
}

static bool read_learn_file(struct reload *r)
{
	uint32_t file = read_source(r->s, r->learn);
	return file && learn_read_head(r->s, file, &r->head);
}

static void replace(struct arena *a, struct options *o, enum option_id id, const char *value)
{
	o->values[id].n = 0;
	if (value)
		*vec_push(a, &o->values[id]) = value;
}

/* The recorded options, but for what is the reload's: times, leases, and where it all goes. */
static bool read_arguments(struct reload *r)
{
	static const enum option_id dropped[] = {OPT_SINCE, OPT_SINCE_LEASES, OPT_SINCE_NOW,
						 OPT_NOW, OPT_DUMP};
	static const enum option_id own[] = {OPT_TARGET, OPT_NOW, OPT_QUIET, OPT_FORMAT};
	struct arena *a = r->s->arena;
	const struct words *args = &r->head.arguments;
	char **argv = arena_new_array(a, char *, args->n + 3);
	struct str why;
	argv[0] = "nwfc";
	argv[1] = "compile";
	for (uint32_t i = 0; i < args->n; i++)
		argv[i + 2] = (char *)args->items[i];
	if (!options_parse(a, (int)args->n + 2, argv, &r->recorded, &why)) {
		diag_add(&r->s->diags, FINDING(E211), (struct span){0}, "%s: %.*s", r->learn,
			 STR_ARG(why));
		return false;
	}
	for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
		replace(a, &r->recorded, dropped[i], NULL);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (option_given(r->s->opt, own[i]))
			replace(a, &r->recorded, own[i], option_value(r->s->opt, own[i]));
	replace(a, &r->recorded, OPT_LEASES, r->leases);
	return true;
}

static const struct loader *loader_of(const struct target *t)
{
	for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++)
		if (strcmp(t->name, loaders[i].target) == 0)
			return &loaders[i];
	return NULL;
}

/* Of the recorded targets, the one that is to be loaded. */
static const char *choose_target(struct reload *r)
{
	uint32_t n = 0;
	vec_each (j, &r->c.jobs)
		if (loader_of(j->target))
			r->c.jobs.items[n++] = *j;
	r->c.jobs.n = n;
	return n == 1  ? NULL
	       : n > 1 ? "several targets are recorded: say with -t nft or -t xtables which is "
			 "loaded "
			 "(from learnd: -- nwfc reload -t nft --learn FILE --leases FILE)"
		       : "nft and xtables alone can be loaded; the recorded compile has neither";
}

/* --- leases of now, to be those of then --- */

/* What a reload is known by: the leases, and the time at which they were looked at. */
static struct str mark_of(struct arena *a, struct str leases, const struct stat *st)
{
	struct str at =
		str_printf(a, "%lld.%09ld", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	uint64_t h = str_hash(leases) * 0x100000001b3u ^ str_hash(at);
	return str_printf(a, "applied.%016llx", (unsigned long long)h);
}

/* The leases of now, and a copy of them that can become those of then. */
static bool copy_leases(struct reload *r, struct str text)
{
	struct session *s = &r->inner;
	struct timespec t = {(time_t)(r->now_ms / 1000), (long)(r->now_ms % 1000) * 1000000};
	struct stat st;
	if (!output_open_file(s, r->applied, &r->next))
		return false;
	buf_str(&r->next.buf, text);
	if (!output_close(s, &r->next))
		return false;
	if (utimensat(AT_FDCWD, r->next.temporary, (struct timespec[]){t, t}, AT_SYMLINK_NOFOLLOW) <
		    0 ||
	    lstat(r->next.temporary, &st) < 0) {
		failed(s, FINDING(E602), r->applied);
		output_abandon(&r->next);
		return false;
	}
	r->next_mark = mark_of(s->arena, text, &st);
	return true;
}

static bool read_leases(struct reload *r)
{
	r->c.leases = load_leases(&r->inner, r->leases, r->now_ms, &r->leases_file);
	const struct source *src = source_get(&r->inner.sources, r->leases_file);
	return r->c.leases && copy_leases(r, src ? src->text : STR(""));
}

/* --- may there be a change? --- */

static bool newer(const char *path, const struct timespec *than)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return true;
	return st.st_ctim.tv_sec != than->tv_sec ? st.st_ctim.tv_sec > than->tv_sec
						 : st.st_ctim.tv_nsec >= than->tv_nsec;
}

static bool any_newer(const struct reload *r, const struct timespec *than)
{
	const struct words *dirs[] = {&r->recorded.inputs, &r->recorded.values[OPT_INCLUDE]};
	if (newer(r->learn_path, than) || newer("/proc/self/exe", than))
		return true;
	for (int i = 0; i < 2; i++)
		vec_each (w, dirs[i])
			if (newer(*w, than))
				return true;
	for (uint32_t i = 0; i < r->inner.sources.list.n; i++) {
		const struct source *src = &r->inner.sources.list.items[i];
		if (src->ino && i + 1 != r->leases_file && newer(src->name.s, than))
			return true;
	}
	return false;
}

/* The ports as they were at the last reload; nothing is said of it. False: that can not be had. */
static bool build_before(struct reload *r, struct str *mark)
{
	struct diags quiet = {.arena = r->s->arena, .sources = &r->inner.sources, .max = 1};
	struct leases *then = arena_new_object(r->s->arena, struct leases);
	struct stat st;
	if (lstat(r->applied, &st) < 0 || !S_ISREG(st.st_mode) || any_newer(r, &st.st_mtim))
		return false;
	uint32_t file = source_read(&r->inner.sources, r->applied);
	then->now_ms = timespec_ms(&st.st_mtim);
	if (!file || !leases_read(r->s->arena, &quiet, file, then))
		return false;
	*mark = mark_of(r->s->arena, source_get(&r->inner.sources, file)->text, &st);
	r->c.emit.options.leases_before = true;
	return compile_host(&r->c, &quiet, &r->c.host, then, &r->c.old);
}

/* --- loading --- */

/* The tool has the bytes as its standard input, and says itself what is wrong. */
static int run_tool(const struct loader *l, int fd, bool silent)
{
	posix_spawn_file_actions_t acts;
	pid_t pid;
	int status = -1, error;
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, fd, 0);
	if (silent)
		posix_spawn_file_actions_addopen(&acts, 2, "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(&pid, l->words[0], &acts, NULL, (char *const *)l->words, environ);
	posix_spawn_file_actions_destroy(&acts);
	if (error) {
		errno = error;
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool load(struct reload *r, const struct loader *l, struct buf *script, bool silent)
{
	struct session *s = &r->inner;
	int fd = memfd_create("nwfc", MFD_CLOEXEC), status;
	struct buf out;
	if (fd < 0)
		return failed(s, FINDING(E606), l->words[0]);
	buf_open(&out, fd);
	buf_put(&out, script->data, script->n);
	errno = buf_finish(&out);
	status = errno || lseek(fd, 0, SEEK_SET) < 0 ? -1 : run_tool(l, fd, silent);
	if (status < 0)
		failed(s, FINDING(E606), l->words[0]);
	else if (status && !silent)
		diag_add(&s->diags, FINDING(E606), (struct span){0},
			 "%s ended with status %d; the earlier rules stay", l->words[0], status);
	close(fd);
	return status == 0;
}

static void put_mark(const struct reload *r, const char *verb, struct str mark, struct buf *out)
{
	buf_printf(out, "%s chain bridge %.*s %.*s\n", verb, STR_ARG(r->c.emit.options.table),
		   STR_ARG(mark));
}

static bool load_change(struct reload *r, const struct loader *l)
{
	const struct target *t = r->c.jobs.items[0].target;
	struct buf script;
	struct str mark;
	bool good = false;
	if (!t->change || !build_before(r, &mark))
		return false;
	buf_memory(&script);
	put_mark(r, "delete", mark, &script);
	if (t->change(&r->c.emit, &r->c.old, &r->c.build, &script)) {
		put_mark(r, "add", r->next_mark, &script);
		good = load(r, l, &script, true);
	}
	buf_drop(&script);
	return good;
}

static bool load_whole(struct reload *r, const struct loader *l)
{
	const struct job *j = &r->c.jobs.items[0];
	struct buf script;
	buf_memory(&script);
	j->target->emit(&r->c.emit, j->lowered, &script);
	if (j->target->change)
		put_mark(r, "add", r->next_mark, &script);
	bool good = load(r, l, &script, false);
	buf_drop(&script);
	return good;
}

static bool compile(struct reload *r)
{
	struct compile *c = &r->c;
	struct session *s = &r->inner;
	if (chdir(r->head.directory) < 0)
		return failed(s, FINDING(E601), r->head.directory);
	list_inputs(s, &r->recorded.inputs, &c->inputs);
	bool good = load_host(s, &c->inputs, true, false, &c->host);
	good &= compile_host(c, &s->diags, &c->host, c->leases, &c->build);
	return good && !s->diags.errors && compile_any_port(c) && compile_lower(c) &&
	       !session_fails(s);
}

static void compile_and_load(struct reload *r)
{
	if (!read_leases(r))
		return;
	bool good = compile(r);
	const struct loader *l = loader_of(r->c.jobs.items[0].target);
	if (good && (load_change(r, l) || (!r->inner.diags.errors && load_whole(r, l))))
		output_commit(&r->inner, &r->next);
	else
		output_abandon(&r->next);
}

/* --- the command --- */

/* The tools are in places where a daemon does not look. */
static void widen_path(struct arena *a)
{
	const char *path = getenv("PATH");
	setenv("PATH", str_printf(a, "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin").s, 1);
}

static enum exit_code run(struct reload *r)
{
	if (!session_open(&r->inner, &r->recorded, r->s->arena))
		return EXIT_BAD_INPUT;
	r->c.s = &r->inner;
	r->inner.no_notes = true;
	const char *why = compile_options(&r->c);
	why = why ? why : choose_target(r);
	r->c.emit.options.now_ms = r->now_ms;
	if (!why)
		compile_and_load(r);
	enum exit_code code = why ? usage(why) : session_verdict(&r->inner);
	session_close(&r->inner);
	return code;
}

enum exit_code cmd_reload(struct session *s)
{
	struct reload r = {.s = s};
	const char *why = reload_options(&r);
	if (why)
		return usage(why);
	widen_path(s->arena);
	if (!take_lock(&r) || !read_learn_file(&r) || !read_arguments(&r))
		return session_verdict(s);
	read_now(s->opt, &r.now_ms); /* again: the lock may have been long in coming */
	return run(&r);
}
