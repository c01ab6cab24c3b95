/* SPDX-License-Identifier: MIT */
#include "backends/xtables/xtables.h"

bool xt_add_rule(struct emit_ctx *cx, const struct dialect *d, const char *target,
		 const struct build *b, const struct program *p, const struct prule *r,
		 enum side side, uint32_t chain, uint32_t jump, struct xt_rules *out)
{
	struct xt_rule x = {.rule = r, .trace = source_comment(cx, p, r)};
	bool good = lower_rule(cx, d, target, b, p, r, side, chain, jump, &x.lines);
	vec_each (pd, &b->ports)
		if (pd->program == p && !check_product(cx, target, r, pd))
			return false; /* the first port's is enough */
	*vec_push(cx->arena, &out->list) = x;
	return good;
}

struct template *xt_add_line(struct emit_ctx *cx, uint32_t chain, struct xt_rules *out)
{
	struct xt_rule *x = vec_push(cx->arena, &out->list);
	*x = (struct xt_rule){0};
	struct template *t = vec_push(cx->arena, &x->lines.list);
	*t = (struct template){0};
	template_lit(cx->arena, t, "-A ");
	template_name(cx->arena, t, chain);
	return t;
}

void xt_add_jump(struct emit_ctx *cx, const struct chain_prefix *prefix, uint32_t from,
		 uint32_t chain, struct xt_rules *out)
{
	struct template *t = xt_add_line(cx, from, out);
	if (prefix && prefix->ethertype)
		template_text(cx->arena, t, str_printf(cx->arena, " -p 0x%04x", prefix->ethertype));
	else if (prefix && prefix->stp)
		template_lit(cx->arena, t, " -d 01:80:c2:00:00:00");
	template_lit(cx->arena, t, " -j ");
	template_name(cx->arena, t, chain);
	template_lit(cx->arena, t, "\n");
}

void xt_write_rules(struct template_writer *w, const struct xt_rules *rules)
{
	vec_each (x, &rules->list) {
		if (x->rule)
			buf_str(w->out, x->trace);
		vec_each (t, &x->lines.list)
			writer_rule(w, x->rule, t);
	}
}

uint32_t xt_program_index(const struct build *b, const struct program *p)
{
	uint32_t i = 0;
	while (b->programs.items[i] != p)
		i++;
	return i;
}

/* iptables looks at the last character for a '+', ebtables of both kinds at the first '+' for more.
 */
static const char *name_problem(struct str s, bool ebtables)
{
	if (s.s[s.len - 1] == '+')
		return "a '+' at the end stands for any name that begins so";
	if (ebtables && memchr(s.s, '+', s.len))
		return "it takes '+' at the end only, for any name that begins so";
	if (str_is(s, "!"))
		return "'!' alone is read as a negation";
	for (uint32_t i = 0; i < s.len; i++)
		if ((unsigned char)s.s[i] < ' ' || s.s[i] == 127)
			return "no restore file can hold a control character";
		else if (ebtables && strchr("\"\\", s.s[i]))
			return "the two variants of the tool read quotes and backslashes "
			       "differently";
	return NULL;
}

bool xt_check_name(struct emit_ctx *cx, struct str name, struct span span, const char *target,
		   bool ebtables)
{
	const char *why = name_problem(name, ebtables);
	if (why)
		diag_add(cx->diags, FINDING(E506), span, "%s can not name the interface '%.*s': %s",
			 target, STR_ARG(name), why);
	return !why;
}

/* A macvtap passes no bridge, so none of these tools ever sees its frames. */
static bool xt_check_place(struct emit_ctx *cx, const struct port *p, const char *target)
{
	if (!p->direct)
		return true;
	struct finding *f =
		diag_add(cx->diags, FINDING(E205), p->filter.span,
			 "%s never sees the frames of '%.*s': macvtap hands them past the "
			 "bridge hooks",
			 target, STR_ARG(p->name));
	diag_hint(cx->diags, f, "-t nft filters them at the device, or use a port of a bridge");
	return false;
}

bool xt_check_port_names(struct emit_ctx *cx, const struct build *b, const char *target,
			 bool ebtables)
{
	bool good = true;
	vec_each (pd, &b->ports)
		good &= xt_check_place(cx, pd->port, target) &&
			xt_check_name(cx, pd->port->name, pd->port->name_span, target, ebtables);
	return good;
}
