/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/diag.h"

#include <stdio.h>

static struct str vformat(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct str){p, (uint32_t)n};
}

/* Each severity has room of its own, so that no crowd of warnings hides an error. */
static void list(struct diags *ds, struct finding *f)
{
	if (ds->listed[f->severity] == ds->max)
		return;
	ds->listed[f->severity]++;
	*vec_push(ds->arena, &ds->list) = f;
}

static enum diag_level level(const struct diags *ds, const struct diag_kind *kind)
{
	if (!ds->levels || kind->severity == SEV_ERROR)
		return LEVEL_USUAL;
	return (enum diag_level)ds->levels[kind - ds->kinds];
}

/* Findings handed out must not move when the list grows, so each is an object of its own. */
struct finding *diag_add(struct diags *ds, const struct diag_kind *kind, struct span sp,
			 const char *fmt, ...)
{
	va_list ap;
	enum diag_level l = level(ds, kind);
	struct finding *f = arena_new_object(ds->arena, struct finding);
	f->kind = kind;
	f->severity = l == LEVEL_ERROR ? SEV_ERROR : kind->severity;
	f->span = sp;
	va_start(ap, fmt);
	f->text = vformat(ds->arena, fmt, ap);
	va_end(ap);
	if (l == LEVEL_OFF)
		return f;
	if (l == LEVEL_ERROR)
		ds->raised++;
	else if (f->severity == SEV_ERROR)
		ds->errors++;
	else if (f->severity == SEV_WARNING)
		ds->warnings++;
	list(ds, f);
	return f;
}

void diag_note(struct diags *ds, struct finding *f, struct span sp, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	*vec_push(ds->arena, &f->notes) = (struct diag_note){sp, vformat(ds->arena, fmt, ap)};
	va_end(ap);
}

void diag_hint(struct diags *ds, struct finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	f->hint = vformat(ds->arena, fmt, ap);
	va_end(ap);
}

void diag_soften(struct diags *ds, struct finding *f)
{
	if (!ds->lenient || f->severity != SEV_ERROR || f->kind->severity != SEV_ERROR)
		return;
	f->severity = SEV_WARNING;
	ds->errors--;
	ds->warnings++;
	if (!ds->list.n || ds->list.items[ds->list.n - 1] != f)
		return;
	ds->list.n--;
	ds->listed[SEV_ERROR]--;
	list(ds, f);
}
