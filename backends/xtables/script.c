/* SPDX-License-Identifier: MIT */
/*
 * The target xtables: one POSIX sh script with the three files in it, and the
 * scripts that take rules away. What they do is in the .sh files beside this one;
 * what differs is data: here documents whose end is quoted, so that the shell
 * expands nothing in them, and whose every line begins with '#', ':' or '-', so
 * that none can be the end.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/xtables/xtables.h"

extern const char xtables_transaction[], xtables_apply[], xtables_remove[];

#define DELIMITER "END-OF-RULES"

struct script {
	const struct build *build;
	struct ebtables *ebtables;
	struct iptables *iptables[2];
};

static void *lower(struct emit_ctx *cx, const struct build *b)
{
	struct script *s = arena_new_object(cx->arena, struct script);
	warn_not_covered(cx, b, true, true);
	s->build = b;
	s->ebtables = ebtables_lower(cx, b, "ebtables");
	if (!s->ebtables)
		return NULL;
	for (int v6 = 0; v6 < 2; v6++) {
		s->iptables[v6] = iptables_lower(cx, b, v6 ? "ip6tables" : "iptables", v6 ? 6 : 4);
		if (!s->iptables[v6])
			return NULL;
	}
	return s;
}

static void begin_rules(struct buf *out, const char *tool)
{
	buf_printf(out, "\nrules_%s() {\n\tcat <<'" DELIMITER "'\n", tool);
}

static void end_rules(struct buf *out)
{
	buf_lit(out, DELIMITER "\n}\n");
}

static void emit(const struct emit_ctx *cx, const void *lowered, struct buf *out)
{
	const struct script *s = lowered;
	buf_printf(out,
		   "#!/bin/sh\n# nwfc %s: rules for ebtables, iptables and ip6tables.\n"
		   "# Run it as root: it loads all of them or leaves everything as it was.\n\n",
		   cx->options.version);
	buf_str(out, str_from(xtables_transaction));
	buf_char(out, '\n');
	buf_str(out, str_from(xtables_apply));
	begin_rules(out, "ebtables");
	ebtables_emit(cx, s->ebtables, false, out);
	end_rules(out);
	for (int v6 = 0; v6 < 2; v6++) {
		begin_rules(out, v6 ? "ip6tables" : "iptables");
		iptables_emit(cx, s->iptables[v6], false, out);
		end_rules(out);
	}
	buf_printf(out, "\napply %d %d %d\n", ebtables_needed(s->build),
		   iptables_needed(s->build, 4), iptables_needed(s->build, 6));
}

void xt_emit_remove(const struct emit_ctx *cx, const char *tools, struct buf *out)
{
	buf_printf(out, "#!/bin/sh\n# nwfc %s: take every trace of our rules out of %s.\n\n",
		   cx->options.version, tools);
	buf_str(out, str_from(xtables_transaction));
	buf_char(out, '\n');
	buf_str(out, str_from(xtables_remove));
	buf_printf(out, "\nremove %s\n", tools);
}

static void emit_remove(struct emit_ctx *cx, const struct build *b, struct buf *out)
{
	xt_emit_remove(cx, "ebtables iptables ip6tables", out);
}

const struct target target_xtables = {
	.name = "xtables",
	.file = "xtables",
	.title = "one sh script that loads the rules of ebtables, iptables and ip6tables",
	.executable = true,
	.family = "xtables",
	.lower = lower,
	.emit = emit,
	.remove = emit_remove,
};
