/* SPDX-License-Identifier: MIT */
#include "backends/backend.h"

#include <inttypes.h>

#include "backends/xtables/xtables.h"

extern const struct target target_nft, target_bridge;

const struct target *const targets[] = {
	&target_ebtables,
	&target_iptables,
	&target_ip6tables,
	&target_xtables,
	&target_nft,
	&target_bridge,
	NULL,
};

const struct target *target_find(struct str name)
{
	for (const struct target *const *t = targets; *t; t++)
		if (str_is(name, (*t)->name))
			return *t;
	return NULL;
}

/* --- findings --- */

/* A rule is lowered for each side it has; what is wrong with it is said once. */
static bool said(const struct diags *ds, const struct diag_kind *kind, struct span span,
		 struct str text)
{
	vec_each (f, &ds->list)
		if ((*f)->kind == kind && (*f)->span.file == span.file &&
		    (*f)->span.lo == span.lo && str_eq((*f)->text, text))
			return true;
	return false;
}

static const struct diag_kind *loss_kind(enum loss loss)
{
	return loss == LOSS_WIDENED    ? FINDING(E502)
	       : loss == LOSS_NARROWED ? FINDING(E503)
				       : FINDING(E501);
}

/* An error that the user has allowed is a warning. */
static void allow(struct diags *ds, struct finding *f)
{
	f->severity = SEV_WARNING;
	ds->errors--;
	ds->warnings++;
}

bool report_loss(struct emit_ctx *cx, const char *target, const struct prule *r,
		 const struct ptest *t, enum loss loss, const char *why)
{
	static const char *const effect[LOSSES] = {"", "has no way to say", "would match more than",
						   "would match less than"};
	bool allowed = cx->options.allow_loss[loss];
	struct span span = t && t->source ? t->source->span : r->source->span;
	struct str text = str_printf(cx->arena, "%s %s %s: %s", target, effect[loss],
				     t ? fields[t->field].name : "this rule", why);
	if (said(cx->diags, loss_kind(loss), span, text))
		return allowed;
	struct finding *f = diag_add(cx->diags, loss_kind(loss), span, "%.*s", STR_ARG(text));
	if (allowed)
		allow(cx->diags, f);
	else
		diag_hint(cx->diags, f, "--allow-loss=%s makes this a warning%s", f->kind->name,
			  loss == LOSS_REFUSED ? " and leaves the rule out" : "");
	return allowed;
}

bool check_product(struct emit_ctx *cx, const char *target, const struct prule *r,
		   const struct port_data *pd)
{
	uint64_t n = prule_product(r, pd);
	struct str text;
	if (n <= cx->limits.product)
		return true;
	text = str_printf(cx->arena,
			  "%s would need %s%" PRIu64 " lines of this rule for port '%.*s'; "
			  "the limit is %" PRIu64,
			  target, n == UINT64_MAX ? "more than " : "", n, STR_ARG(pd->port->name),
			  cx->limits.product);
	if (said(cx->diags, FINDING(E504), r->source->span, text))
		return false;
	struct finding *f =
		diag_add(cx->diags, FINDING(E504), r->source->span, "%.*s", STR_ARG(text));
	diag_hint(
		cx->diags, f,
		"let lists go in step by one iterator, raise --max-product, or use the nft target");
	return false;
}

/* --- names --- */

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_.-/", c));
}

void put_shell_quoted(struct buf *out, struct str s)
{
	buf_char(out, '\'');
	for (uint32_t i = 0; i < s.len; i++)
		if (s.s[i] == '\'')
			buf_lit(out, "'\\''");
		else
			buf_char(out, s.s[i]);
	buf_char(out, '\'');
}

void put_shell_word(struct buf *out, struct str s)
{
	bool plain = s.len > 0;
	for (uint32_t i = 0; i < s.len; i++)
		plain &= name_char(s.s[i]);
	if (plain)
		buf_str(out, s);
	else
		put_shell_quoted(out, s);
}

static bool name_fits(struct str s, uint32_t limit)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!name_char(s.s[i]))
			return false;
	return s.len <= limit;
}

#define HASH_DIGITS 8

static struct str hashed_name(struct arena *a, struct str full, uint32_t limit)
{
	uint32_t keep = limit - HASH_DIGITS - 1;
	char head[64];
	if (keep > full.len)
		keep = full.len;
	if (keep > sizeof head)
		keep = sizeof head;
	for (uint32_t i = 0; i < keep; i++)
		head[i] = name_char(full.s[i]) ? full.s[i] : '_';
	return str_printf(a, "%.*s~%08x", (int)keep, head, (unsigned)(uint32_t)str_hash(full));
}

struct str short_name(struct emit_ctx *cx, struct names *ns, struct str full, uint32_t limit)
{
	bool added;
	struct str s = name_fits(full, limit) ? full : hashed_name(cx->arena, full, limit);
	struct map_entry *e = map_put(cx->arena, &ns->used, s, &added);
	if (added) {
		struct str *kept = arena_new_object(cx->arena, struct str);
		*kept = full;
		e->ptr = kept;
	} else if (!str_eq(*(const struct str *)e->ptr, full)) {
		const struct str *other = e->ptr;
		diag_add(cx->diags, FINDING(E505), (struct span){0},
			 "'%.*s' and '%.*s' would both be called '%.*s'", STR_ARG(*other),
			 STR_ARG(full), STR_ARG(s));
	}
	return s;
}

/* Control characters would end the line. */
struct str source_comment(struct emit_ctx *cx, const struct program *p, const struct prule *r)
{
	struct location at = source_locate(cx->diags->sources, r->source->span);
	struct str path = path_text(cx->arena, p, r->path);
	struct str s = str_printf(cx->arena, "# %.*s:%u:%u %.*s\n", STR_ARG(at.file), at.line,
				  at.col, STR_ARG(path));
	char *c = (char *)s.s;
	for (uint32_t i = 0; i + 1 < s.len; i++)
		if ((unsigned char)c[i] < ' ' || c[i] == 127)
			c[i] = ' ';
	return s;
}
