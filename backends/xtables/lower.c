/* SPDX-License-Identifier: MIT */
#include "backends/xtables/lower.h"

/* --- lines in the making --- */

void put_text(struct lowering *lw, const char *text)
{
	vec_each (t, &lw->lines.list)
		template_text(lw->cx->arena, t, str_from(text));
}

void put_slot(struct lowering *lw, const struct slot *s, value_format *f, uint32_t arg)
{
	vec_each (t, &lw->lines.list)
		template_slot(lw->cx->arena, t, s, f, arg);
}

void put_never(struct lowering *lw)
{
	vec_each (t, &lw->lines.list)
		t->never = true;
}

void put_option(struct lowering *lw, const struct spelling *sp, bool negated)
{
	if (sp->match) {
		put_text(lw, " ");
		put_text(lw, sp->match);
	}
	if (negated && lw->dialect->sign_first)
		put_text(lw, " !");
	put_text(lw, " ");
	put_text(lw, sp->option[lw->family]);
	if (negated && !lw->dialect->sign_first)
		put_text(lw, " !");
	put_text(lw, " ");
}

void put_value(struct lowering *lw, const struct spelling *sp, const struct ptest *t)
{
	if (t->value.kind == SLOT_NONE)
		put_text(lw, "0");
	put_slot(lw, &t->value, sp->format, 0);
	if (t->to.kind != SLOT_NONE)
		put_text(lw, ":");
	put_slot(lw, &t->to, sp->format, 0);
	put_slot(lw, &t->mask, sp->mask, MASK_ANY);
}

/* --- alternatives --- */

static void add_lines(struct arena *a, struct lines *to, const struct lines *from)
{
	vec_each (t, &from->list)
		*vec_push(a, &to->list) = *t;
}

void alternatives_begin(struct lowering *lw, struct alternatives *alt)
{
	*alt = (struct alternatives){.before = lw->lines};
	lw->lines = (struct lines){0};
}

void alternative(struct lowering *lw, struct alternatives *alt)
{
	struct arena *a = lw->cx->arena;
	add_lines(a, &alt->done, &lw->lines);
	lw->lines = (struct lines){0};
	vec_each (t, &alt->before.list)
		*vec_push(a, &lw->lines.list) = template_copy(a, t);
}

void alternatives_end(struct lowering *lw, struct alternatives *alt)
{
	add_lines(lw->cx->arena, &alt->done, &lw->lines);
	lw->lines = alt->done;
}

/* --- questions and losses --- */

const struct ptest *find_test(const struct prule *r, enum field_id field)
{
	vec_each (t, &r->tests)
		if (t->field == field)
			return t;
	return NULL;
}

static bool column_has(const struct port_data *pd, uint32_t dim, uint32_t column, uint32_t number)
{
	const struct rows *rows = &pd->rows[dim];
	uint32_t ncols = pd->program->dims.items[dim].columns.n;
	for (uint32_t i = 0; i < rows->n; i++)
		if (rows->values[(size_t)i * ncols + column].u == number)
			return true;
	return false;
}

bool slot_has(const struct lowering *lw, const struct slot *s, uint32_t number)
{
	if (s->kind != SLOT_DIM)
		return s->kind == SLOT_CONST && s->value.u == number;
	vec_each (pd, &lw->build->ports)
		if (pd->program == lw->program &&
		    column_has(pd, lw->rule->dims.items[s->dim], s->column, number))
			return true;
	return false;
}

void refuse(struct lowering *lw, const struct ptest *t, const char *why)
{
	if (lw->lost)
		return;
	lw->lost = true;
	if (!report_loss(lw->cx, lw->target, lw->rule, t, LOSS_REFUSED, why))
		lw->failed = true;
}

void widen(struct lowering *lw, const struct ptest *t, const char *why)
{
	if (lw->widened)
		return;
	lw->widened = true;
	if (!report_loss(lw->cx, lw->target, lw->rule, t, LOSS_WIDENED, why))
		lw->failed = true;
}

/* --- a rule --- */

static const struct spelling *find_row(const struct dialect *d, enum field_id field)
{
	for (const struct spelling *sp = d->rows; sp->option[0]; sp++)
		if (sp->field == field)
			return sp;
	return NULL;
}

static void spell_tests(struct lowering *lw)
{
	vec_each (t, &lw->rule->tests)
		if (!find_row(lw->dialect, t->field))
			refuse(lw, t, "it has no option for the field");
	for (const struct spelling *sp = lw->dialect->rows; sp->option[0]; sp++) {
		const struct ptest *t = find_test(lw->rule, sp->field);
		if (t && sp->spell) {
			sp->spell(lw, sp, t);
		} else if (t) {
			put_option(lw, sp, t->negated);
			put_value(lw, sp, t);
		} else if (sp->spell_absent) {
			sp->spell_absent(lw, sp);
		}
	}
}

static void put_jump(struct lowering *lw, uint32_t chain)
{
	put_text(lw, " -j ");
	vec_each (t, &lw->lines.list)
		template_name(lw->cx->arena, t, chain);
}

bool lower_rule(struct emit_ctx *cx, const struct dialect *d, const char *target,
		const struct build *b, const struct program *p, const struct prule *r,
		enum side side, uint32_t chain, uint32_t jump, struct lines *out)
{
	struct lowering lw = {.cx = cx,
			      .dialect = d,
			      .target = target,
			      .build = b,
			      .program = p,
			      .rule = r,
			      .family = r->proto->family == 6};
	struct template *t = vec_push(cx->arena, &lw.lines.list);
	*t = (struct template){0};
	template_lit(cx->arena, t, "-A ");
	template_name(cx->arena, t, chain);
	d->start(&lw);
	spell_tests(&lw);
	d->finish(&lw);
	if (jump == XT_NO_JUMP)
		put_text(&lw, d->verdicts[side][r->verdict]);
	else
		put_jump(&lw, jump);
	put_text(&lw, "\n");
	*out = (struct lines){0};
	if (!lw.lost)
		vec_each (line, &lw.lines.list)
			if (!line->never)
				*vec_push(cx->arena, &out->list) = *line;
	return !lw.failed;
}
