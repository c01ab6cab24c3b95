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

#include "backends/network/network.h"
#include "backends/xtables/xtables.h"

extern const char script_prelude[];
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

static void begin_rules(struct buf *out, const char *tool, const char *table)
{
	buf_printf(out, "\nrules_%s%s%s() {\n\tcat <<'" DELIMITER "'\n", tool, table ? "_" : "",
		   table ? table : "");
}

static void end_rules(struct buf *out)
{
	buf_lit(out, DELIMITER "\n}\n");
}

static const char *const families[] = {"iptables", "ip6tables"};

/* A table beside filter, where it has rules: a unit of its own. */
static void emit_other(const struct iptables *t, const char *tool, const char *table,
		       struct buf *units, struct buf *out)
{
	struct buf rules;
	buf_memory(&rules);
	if (iptables_emit_other(t, table, false, &rules)) {
		buf_printf(units, " %s_%s", tool, table);
		begin_rules(out, tool, table);
		buf_put(out, rules.data, rules.n);
		end_rules(out);
	}
	buf_drop(&rules);
}

/* What is needed, and the families whose bridged packets must come by. */
static void emit_apply(const struct script *s, const struct buf *units, struct buf *out)
{
	bool networks = net_needed(s->build);
	buf_printf(out, "\napply '%s", ebtables_needed(s->build) ? " ebtables" : "");
	for (int v6 = 0; v6 < 2; v6++)
		if (networks || iptables_needed(s->build, v6 ? 6 : 4))
			buf_printf(out, " %s", families[v6]);
	buf_printf(out, "%.*s' '", (int)units->n, units->data);
	for (int v6 = 0; v6 < 2; v6++)
		if (iptables_needed(s->build, v6 ? 6 : 4))
			buf_printf(out, " bridge-nf-call-%s", families[v6]);
	buf_lit(out, "'\n");
}

static void emit(const struct emit_ctx *cx, const void *lowered, struct buf *out)
{
	const struct script *s = lowered;
	struct buf units;
	buf_memory(&units);
	buf_printf(out,
		   "#!/bin/sh\n# nwfc %s: rules for ebtables, iptables and ip6tables.\n"
		   "# Run it as root: it loads all of them or leaves everything as it was.\n\n",
		   cx->options.version);
	buf_str(out, str_from(script_prelude));
	buf_char(out, '\n');
	buf_str(out, str_from(xtables_transaction));
	buf_char(out, '\n');
	buf_str(out, str_from(xtables_apply));
	begin_rules(out, "ebtables", NULL);
	ebtables_emit(cx, s->ebtables, false, out);
	end_rules(out);
	for (int v6 = 0; v6 < 2; v6++) {
		begin_rules(out, families[v6], NULL);
		iptables_emit(cx, s->iptables[v6], false, out);
		end_rules(out);
		for (const char *const *table = iptables_others; *table; table++)
			emit_other(s->iptables[v6], families[v6], *table, &units, out);
	}
	emit_apply(s, &units, out);
	buf_drop(&units);
}

void xt_emit_remove(const struct emit_ctx *cx, const char *tools, struct buf *out)
{
	buf_printf(out, "#!/bin/sh\n# nwfc %s: take every trace of our rules out of %s.\n\n",
		   cx->options.version, tools);
	buf_str(out, str_from(script_prelude));
	buf_char(out, '\n');
	buf_str(out, str_from(xtables_transaction));
	buf_char(out, '\n');
	buf_str(out, str_from(xtables_remove));
	buf_printf(out, "\nremove %s\n", tools);
}

static void emit_remove(struct emit_ctx *cx, const struct build *b, struct buf *out)
{
	xt_emit_remove(cx, "ebtables iptables iptables_nat iptables_mangle ip6tables ip6tables_nat",
		       out);
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
