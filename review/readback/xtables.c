/* SPDX-License-Identifier: MIT */
/*
 * The shell script of the classic tools. Its text is the same in all but for the
 * here documents, which are the tools' files, and the last line, which says what of
 * them is loaded. What should be the same is compared, so that nothing else can stand in
 * it.
 */
#include <string.h>

#include "review/readback/readers.h"

/* The shell's part, as it is built in (a text; no code of an emitter's). */
extern const char script_prelude[], xtables_transaction[], xtables_apply[];

struct reading {
	struct script_form *f;
	uint32_t at;
};

static bool follows(const struct reading *x, struct str s)
{
	return x->f->text.len - x->at >= s.len && memcmp(x->f->text.s + x->at, s.s, s.len) == 0;
}

static bool pass(struct reading *x, struct str s)
{
	if (!follows(x, s))
		return false;
	x->at += s.len;
	return true;
}

/* Where a text comes next; 0: nowhere. */
static uint32_t find(const struct reading *x, const char *what)
{
	size_t n = strlen(what);
	for (uint32_t i = x->at; i + n <= x->f->text.len; i++) {
		const char *p = memchr(x->f->text.s + i, what[0], x->f->text.len - i - n + 1);
		if (!p)
			return 0;
		i = (uint32_t)(p - x->f->text.s);
		if (memcmp(p, what, n) == 0)
			return i;
	}
	return 0;
}

static bool odd(struct reading *x, const char *wanted)
{
	const char *p = memchr(x->f->text.s + x->at, '\n', x->f->text.len - x->at);
	uint32_t end = p ? (uint32_t)(p - x->f->text.s) : x->f->text.len;
	return unread(x->f, x->at, end, "this is not the script's text here: %s", wanted);
}

static bool pass_comments(struct reading *x)
{
	while (x->at < x->f->text.len && x->f->text.s[x->at] == '#') {
		uint32_t end = find(x, "\n");
		x->at = end ? end + 1 : x->f->text.len;
	}
	return pass(x, STR("\n"));
}

static bool pass_fixed(struct reading *x)
{
	return pass_comments(x) && pass(x, str_from(script_prelude)) && pass(x, STR("\n")) &&
	       pass(x, str_from(xtables_transaction)) && pass(x, STR("\n")) &&
	       pass(x, str_from(xtables_apply)) && pass(x, STR("\n"));
}

/* rules_UNIT() { cat <<'END-OF-RULES' ... } */
static bool read_part(struct reading *x, struct script_parts *out)
{
	static const char *const units[] = {"ebtables",        "iptables",  "iptables_nat",
					    "iptables_mangle", "ip6tables", "ip6tables_nat"};
	struct script_part p = {0};
	for (size_t i = 0; i < sizeof units / sizeof *units && !p.unit.len; i++) {
		struct str head =
			str_printf(x->f->arena, "rules_%s() {\n\tcat <<'END-OF-RULES'\n", units[i]);
		if (pass(x, head))
			p.unit = str_from(units[i]);
	}
	if (!p.unit.len)
		return odd(x, "the rules of a tool were expected");
	vec_each (q, &out->list)
		if (str_eq(q->unit, p.unit))
			return odd(x, "the rules of this tool stand above already");
	p.begin = x->at;
	uint32_t end = follows(x, STR("END-OF-RULES\n")) ? x->at : find(x, "\nEND-OF-RULES\n");
	if (!end)
		return odd(x, "the rules do not end");
	p.end = end;
	x->at = end + (end != p.begin);
	*vec_push(x->f->arena, &out->list) = p;
	return pass(x, STR("END-OF-RULES\n}\n\n")) || odd(x, "the end of rules was expected");
}

/* Is a word in a list? */
static bool listed(struct str list, struct str word)
{
	for (uint32_t i = 0; i < list.len;) {
		uint32_t n = 0;
		while (i + n < list.len && list.s[i + n] != ' ')
			n++;
		if (str_eq((struct str){list.s + i, n}, word))
			return true;
		i += n + 1;
	}
	return false;
}

/* apply 'UNITS' 'SYSCTLS' */
static bool read_apply(struct reading *x, struct script_parts *out)
{
	struct str units;
	out->apply_lo = x->at;
	if (!pass(x, STR("apply '")))
		return odd(x, "apply was expected");
	uint32_t lo = x->at, end = find(x, "' '");
	if (!end)
		return odd(x, "two lists were expected");
	units = (struct str){x->f->text.s + lo, end - lo};
	x->at = end + 3;
	lo = x->at;
	end = find(x, "'\n");
	if (!end)
		return odd(x, "the end of a list was expected");
	out->sysctls = (struct str){x->f->text.s + lo, end - lo};
	out->apply_hi = end;
	x->at = end + 2;
	vec_each (p, &out->list)
		p->applied = listed(units, p->unit);
	return x->at == x->f->text.len || odd(x, "nothing more was expected");
}

bool is_xtables_script(struct str text)
{
	static const char head[] = "#!/bin/sh\n# nwfc ";
	return text.len >= sizeof head - 1 && memcmp(text.s, head, sizeof head - 1) == 0;
}

bool read_xtables(struct script_form *f, struct script_parts *out)
{
	struct reading x = {.f = f};
	*out = (struct script_parts){0};
	if (!pass_fixed(&x)) {
		x.at = 0;
		return odd(&x, "its shell functions are not those of this version of nwfc");
	}
	while (follows(&x, STR("rules_")))
		if (!read_part(&x, out))
			return false;
	return read_apply(&x, out);
}
