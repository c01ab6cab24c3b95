/* SPDX-License-Identifier: MIT */
/*
 * Compiles side by side: every thread compiles the same inputs many times to
 * all targets, each compile with an arena of its own, and all bytes must be the
 * same. Under ThreadSanitizer this shows that there is nothing shared.
 *
 *   threads INPUT...
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/backend.h"
#include "frontend/frontend.h"

enum { THREADS = 4, ROUNDS = 6, TARGETS_MAX = 16 };

struct compile {
	struct arena *arena;
	struct sources sources;
	struct diags diags;
	struct library library;
	struct ports ports;
	struct build build;
};

struct worker {
	pthread_t thread;
	char **files;
	uint64_t hash[TARGETS_MAX];
	size_t bytes;
	const char *error;
};

static const char *read_all(struct compile *c, char **files)
{
	struct parse_ctx cx = {.arena = c->arena,
			       .sources = &c->sources,
			       .diags = &c->diags,
			       .library = &c->library,
			       .ports = &c->ports};
	struct xml_input *in = xml_input_new();
	for (; *files; files++) {
		uint32_t file = source_read(&c->sources, *files);
		if (!file || !parse_source(&cx, in, file))
			return *files;
	}
	parse_stock(&cx, in);
	xml_input_free(in);
	return NULL;
}

static const char *emit_all(struct compile *c, struct worker *w)
{
	for (int i = 0; targets[i]; i++) {
		struct emit_ctx cx = {.arena = c->arena,
				      .diags = &c->diags,
				      .limits = default_limits,
				      .options = {.table = STR("nwfc"), .version = "test"}};
		struct buf out;
		void *lowered = targets[i]->lower(&cx, &c->build);
		if (!lowered)
			return targets[i]->name;
		buf_memory(&out);
		targets[i]->emit(&cx, lowered, &out);
		targets[i]->remove(&cx, &c->build, &out);
		uint64_t h = str_hash((struct str){out.data, (uint32_t)out.n});
		if (w->hash[i] && w->hash[i] != h)
			return "a compile differs from the one before";
		w->hash[i] = h;
		w->bytes += out.n;
		buf_drop(&out);
	}
	return NULL;
}

static const char *compile_once(struct worker *w)
{
	struct compile c = {.arena = arena_new((size_t)256 << 20)};
	c.sources = (struct sources){.arena = c.arena, .max_size = (size_t)64 << 20};
	c.diags = (struct diags){.arena = c.arena, .sources = &c.sources, .max = 100};
	struct pass_ctx cx = {c.arena, &c.diags, default_limits, NULL};
	const char *why = read_all(&c, w->files);
	if (!why && !build_ports(&cx, &c.library, &c.ports, &c.build))
		why = "the ports can not be built";
	if (!why)
		why = emit_all(&c, w);
	arena_free(c.arena);
	return why;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	for (int i = 0; i < ROUNDS && !w->error; i++)
		w->error = compile_once(w);
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS] = {0};
	int failed = 0;
	for (int i = 0; i < THREADS; i++) {
		workers[i].files = argv + 1;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];
		pthread_join(w->thread, NULL);
		for (int t = 0; t < TARGETS_MAX && !w->error; t++)
			if (w->hash[t] != workers[0].hash[t])
				w->error = "bytes differ from the first thread's";
		if (w->error)
			printf("thread %d: %s\n", i, w->error);
		failed += w->error != NULL;
	}
	if (!workers[0].bytes)
		failed = 1;
	return failed != 0;
}
