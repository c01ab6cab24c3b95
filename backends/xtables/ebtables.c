/* SPDX-License-Identifier: MIT */
/*
 * ebtables: the frame parts.
 *
 * The two variants of the tool differ in two points. A user chain that ends
 * without a verdict returns in the nf_tables variant and accepts in the legacy
 * one, so each chain says RETURN itself. A chain that is declared again is empty
 * in the former and as it was in the latter, so each is emptied by name.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/xtables/xtables.h"

struct side_words {
	const char *top, *prefix; /* dispatcher; beginning of a port's chains */
	const char *hook, *match;
};
static const struct side_words sides[SIDES] = {
	[SIDE_OUT] = {"nwfc-out", "nwfc-o", "PREROUTING", " -i "},
	[SIDE_IN] = {"nwfc-in", "nwfc-i", "POSTROUTING", " -o "},
};

struct eb_program {
	struct xt_chains chains[SIDES];
};

struct eb_port {
	struct str *names[SIDES]; /* of its chains; NULL: nothing on this side */
};

struct ebtables {
	const struct build *build;
	struct eb_program *programs;
	struct eb_port *ports;
	struct dispatch dispatch[SIDES];
};

/* --- lowering --- */

/* Does nothing get past the last rule? */
static bool ends_itself(const struct pchain *c)
{
	const struct pitem *last = c->items.n ? &c->items.items[c->items.n - 1] : NULL;
	if (!last || last->kind != ITEM_RULE || last->rule->tests.n ||
	    last->rule->verdict == ACTION_CONTINUE)
		return false;
	enum proto_id p = proto_id(last->rule->proto);
	return p == PROTO_NONE || p == PROTO_MAC;
}

static void add_return(struct xt_laying *x, uint32_t chain)
{
	template_lit(x->cx->arena, xt_add_line(x->cx, chain, &x->chains->list.items[chain]),
		     " -j RETURN\n");
}

static void lower_chain(struct xt_laying *x, uint32_t chain)
{
	const struct part *part = &x->program->parts[x->side];
	const struct pchain *c = &part->chains.items[chain];
	uint32_t helpers = x->chains->list.n;
	xt_lay_chain(x, chain);
	vec_each (item, &c->items) {
		if (item->kind == ITEM_JUMP)
			xt_add_jump(x->cx, part->chains.items[item->chain].prefix, x->current,
				    item->chain, &x->chains->list.items[x->current]);
		else
			xt_lay_rule(x, item->rule);
	}
	if (!ends_itself(c))
		add_return(x, chain);
	for (; helpers < x->chains->list.n; helpers++)
		add_return(x, helpers);
}

static bool lower_program(struct emit_ctx *cx, const struct build *b, const struct program *p,
			  const char *target, struct eb_program *out)
{
	bool good = true;
	for (enum side s = 0; s < SIDES; s++) {
		uint32_t own = p->parts[s].chains.n;
		struct xt_laying x =
			xt_lay_begin(cx, &ebtables_dialect, target, b, p, s, own, &out->chains[s]);
		for (uint32_t i = 0; i < own; i++)
			lower_chain(&x, i);
		good &= x.good;
	}
	return good;
}

/* --- names --- */

static struct str *name_chains(struct emit_ctx *cx, struct names *ns, const struct port_data *pd,
			       enum side s, const struct xt_chains *chains)
{
	const struct part *part = &pd->program->parts[s];
	struct str *names = arena_new_array(cx->arena, struct str, chains->list.n);
	struct str *full = arena_new_array(cx->arena, struct str, part->chains.n);
	struct str root =
		str_printf(cx->arena, "%s/%.*s", sides[s].prefix, STR_ARG(pd->port->name));
	for (uint32_t i = 0; i < part->chains.n; i++) {
		struct str chain = part->chains.items[i].name;
		full[i] = i ? str_printf(cx->arena, "%.*s/%.*s", STR_ARG(root), STR_ARG(chain))
			    : root;
	}
	xt_name_chains(cx, ns, chains, full, names);
	return names;
}

static const struct xt_chains *chains_of(const struct ebtables *e, const struct port_data *pd,
					 enum side s)
{
	return &e->programs[xt_program_index(e->build, pd->program)].chains[s];
}

static void name_side(struct emit_ctx *cx, struct names *ns, struct ebtables *e, enum side s)
{
	const struct build *b = e->build;
	struct dispatch_leaf *leaves = arena_new_array(cx->arena, struct dispatch_leaf, b->ports.n);
	uint32_t n = 0;
	for (uint32_t i = 0; i < b->ports.n && !arena_full(cx->arena); i++) {
		const struct port_data *pd = &b->ports.items[i];
		if (!pd->program->parts[s].chains.n)
			continue;
		e->ports[i].names[s] = name_chains(cx, ns, pd, s, chains_of(e, pd, s));
		leaves[n++] = (struct dispatch_leaf){pd->port->name, e->ports[i].names[s][0]};
	}
	e->dispatch[s] = dispatch_build(cx, ns, str_from(sides[s].top), leaves, n);
}

struct ebtables *ebtables_lower(struct emit_ctx *cx, const struct build *b, const char *target)
{
	struct ebtables *e = arena_new_object(cx->arena, struct ebtables);
	struct names ns = {0};
	uint32_t errors = cx->diags->errors;
	bool good = xt_check_port_names(cx, b, target, true);
	e->build = b;
	e->programs = arena_new_array(cx->arena, struct eb_program, b->programs.n);
	e->ports = arena_new_array(cx->arena, struct eb_port, b->ports.n);
	for (uint32_t i = 0; i < b->programs.n; i++)
		good &= lower_program(cx, b, b->programs.items[i], target, &e->programs[i]);
	for (enum side s = 0; s < SIDES; s++)
		name_side(cx, &ns, e, s);
	return good && cx->diags->errors == errors ? e : NULL;
}

bool ebtables_needed(const struct build *b)
{
	vec_each (pd, &b->ports)
		for (enum side s = 0; s < SIDES; s++)
			if (pd->program->parts[s].chains.n)
				return true;
	return false;
}

/* --- emission --- */

static void put_chain(struct buf *out, const char *before, struct str chain, const char *after)
{
	buf_str(out, str_from(before));
	buf_str(out, chain);
	buf_str(out, str_from(after));
}

/* A line for each chain of ours. */
static void emit_chains(const struct ebtables *e, const char *before, const char *after,
			struct buf *out)
{
	for (enum side s = 0; s < SIDES; s++)
		vec_each (node, &e->dispatch[s].nodes)
			put_chain(out, before, node->chain, after);
	for (uint32_t i = 0; i < e->build->ports.n; i++)
		for (enum side s = 0; s < SIDES; s++) {
			const struct str *names = e->ports[i].names[s];
			uint32_t n = chains_of(e, &e->build->ports.items[i], s)->list.n;
			for (uint32_t c = 0; names && c < n; c++)
				put_chain(out, before, names[c], after);
		}
}

static void emit_port(const struct ebtables *e, uint32_t port, struct template_writer *w)
{
	const struct port_data *pd = &e->build->ports.items[port];
	const struct eb_program *p = &e->programs[xt_program_index(e->build, pd->program)];
	for (enum side s = 0; s < SIDES; s++) {
		const struct str *names = e->ports[port].names[s];
		if (names)
			writer_port(w, pd, names);
		for (uint32_t c = 0; names && c < p->chains[s].list.n; c++)
			xt_write_rules(w, &p->chains[s].list.items[c]);
	}
}

void ebtables_emit(const struct emit_ctx *cx, const struct ebtables *e, bool hooks, struct buf *out)
{
	struct template_writer w;
	emit_chains(e, ":", " RETURN\n", out);
	emit_chains(e, "-F ", "\n", out);
	for (enum side s = 0; hooks && s < SIDES; s++)
		buf_printf(out, "-A %s -j %s\n", sides[s].hook, sides[s].top);
	for (enum side s = 0; s < SIDES; s++)
		dispatch_emit(&e->dispatch[s], sides[s].match, " -j ", out);
	writer_start(&w, cx->arena, out);
	w.map = cx->map;
	for (uint32_t i = 0; i < e->build->ports.n; i++)
		emit_port(e, i, &w);
	writer_end(&w);
}

/* --- the target --- */

static void *lower(struct emit_ctx *cx, const struct build *b)
{
	return ebtables_lower(cx, b, "ebtables");
}

static void emit(const struct emit_ctx *cx, const void *lowered, struct buf *out)
{
	bool hooks = !cx->options.no_hooks;
	buf_printf(out, "# nwfc %s: frame rules, table nat\n", cx->options.version);
	buf_lit(out, "# ebtables-restore --noflush <FILE\n");
	if (hooks)
		buf_lit(out, "# The lines of PREROUTING and POSTROUTING are for the first time;\n"
			     "# to load again, compile with --no-hooks.\n");
	buf_lit(out, "*nat\n");
	ebtables_emit(cx, lowered, hooks, out);
}

static void emit_remove(struct emit_ctx *cx, const struct build *b, struct buf *out)
{
	xt_emit_remove(cx, "ebtables", out);
}

const struct target target_ebtables = {
	.name = "ebtables",
	.file = "ebtables",
	.title = "ebtables-restore: the rules for frames",
	.family = "xtables",
	.lower = lower,
	.emit = emit,
	.remove = emit_remove,
};
