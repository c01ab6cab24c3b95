/* SPDX-License-Identifier: MIT */
/*
 * What the targets make of rules: all scripts are emitted into memory, and their lines
 * kept by rule.
 */
#include <stdio.h>

#include "nwfc/trace.h"

struct keeper {
	struct arena *a;
	struct str script;
	struct emitted_script *out;
};

/* The line at an offset, without what it is indented by. */
static struct str line_at(struct str script, size_t offset)
{
	size_t end = offset;
	while (offset < script.len && (script.s[offset] == '\t' || script.s[offset] == ' '))
		offset++;
	for (end = offset; end < script.len && script.s[end] != '\n';)
		end++;
	return (struct str){script.s + offset, (uint32_t)(end - offset)};
}

static void keep_line(void *arg, const struct mapped_line *l, const struct line_place *at)
{
	struct keeper *k = arg;
	*vec_push(k->a, &k->out->lines) = (struct emitted_line){
		.rule = l->rule,
		.pd = l->pd,
		.chain = str_copy(k->a, at->chain),
		.text = str_copy(k->a, line_at(k->script, l->offset)),
	};
}

static void keep_chain(void *arg, const struct line_place *at)
{
	(void)arg;
	(void)at;
}

static bool emit_target(struct trace *t, const struct target *target)
{
	struct source_map map = {.arena = t->s->arena};
	struct buf script;
	void *lowered = target->lower(&t->c.emit, &t->c.build);
	if (!lowered)
		return false;
	t->c.emit.map = &map;
	buf_memory(&script);
	target->emit(&t->c.emit, lowered, &script);
	struct emitted_script *out = vec_push(t->s->arena, &t->emitted);
	*out = (struct emitted_script){.target = target->name};
	struct keeper k = {t->s->arena, {script.data, (uint32_t)script.n}, out};
	source_map_lines(&map, k.script, target->name, keep_line, keep_chain, &k);
	buf_drop(&script);
	t->c.emit.map = NULL;
	return true;
}

static bool wanted(const struct trace *t, const struct target *target)
{
	vec_each (w, &t->s->opt->values[OPT_TARGET])
		if (strcmp(*w, target->name) == 0 || strcmp(*w, "all") == 0)
			return true;
	return false;
}

bool trace_emit(struct trace *t)
{
	bool good = true;
	for (const struct target *const *p = targets; *p; p++)
		if (wanted(t, *p))
			good &= emit_target(t, *p);
	return good;
}
