/* SPDX-License-Identifier: MIT */
/*
 * Programs and ports to the model that is printed: chains with their lines,
 * sets with their feeds, and for each port whether it shares its program's
 * chains. Work per port is a look at a few row counts; all else is done once a
 * program.
 */
#include "backends/network/network.h"
#include "backends/nft/rule.h"

const char *const stage_names[STAGES] = {"frame", "packet"};

/* Longest parts, so that no name comes near NFT_NAME_MAX. */
#define PROGRAM_PART 120
#define PART_MAX     40

/* --- what the target can not say --- */

static const struct ptest *find_test(const struct prule *r, enum field_id f)
{
	vec_each (t, &r->tests)
		if (t->field == f)
			return t;
	return NULL;
}

struct reported {
	struct map rules; /* source rules, by address */
};

static bool first_report(struct nft_model *m, struct reported *rep, const struct rule *src)
{
	bool added;
	struct str key = str_copy(m->cx->arena, (struct str){(const char *)&src, sizeof src});
	map_put(m->cx->arena, &rep->rules, key, &added);
	return added;
}

/* A test of none that is no look into a set, or that counted instances would take apart. */
static const struct ptest *uncountable(const struct prule *r)
{
	bool counts = find_test(r, F_CT_COUNT);
	vec_each (t, &r->tests)
		if (t->none && (counts || field_is_special(t->field)))
			return t;
	return NULL;
}

/* False: the rule is left out. */
static bool expressible(struct nft_model *m, struct reported *rep, const struct prule *r,
			enum side side)
{
	const struct ptest *set = find_test(r, F_IPSET);
	bool silent = r->proto->layer == LAYER_FRAME || side == SIDE_IN || m->netdev;
	if (m->netdev && (r->ct_states || r->ct_dir != CT_DIR_ANY || find_test(r, F_CT_COUNT))) {
		if (first_report(m, rep, r->source))
			m->failed |= !report_loss(m->cx, "nft", r, NULL, LOSS_REFUSED,
						  "no connections are tracked at a macvtap; "
						  "statematch='false' (stateless) asks for none");
		return false;
	}
	if (set) {
		if (first_report(m, rep, r->source))
			m->failed |= !report_loss(m->cx, "nft", r, set, LOSS_REFUSED,
						  "sets of ipset do not exist for nft");
		return false;
	}
	const struct ptest *none = uncountable(r);
	if (none) {
		if (first_report(m, rep, r->source))
			m->failed |=
				!report_loss(m->cx, "nft", r, none, LOSS_REFUSED,
					     "that none of several matches can be said only of "
					     "fields with values, and not where connections are "
					     "counted");
		return false;
	}
	if (r->verdict == ACTION_REJECT && silent && first_report(m, rep, r->source))
		diag_add(m->cx->diags, FINDING(W508), r->source->span,
			 r->proto->layer == LAYER_FRAME
				 ? "nft drops here without an answer: there is none to a frame"
				 : "nft drops here without an answer: the kernel can not reject "
				   "what the bridge sends to a port");
	return true;
}

/* --- programs --- */

static void add_rule(struct nft_model *m, struct nft_program *np, struct nft_chain *c,
		     const struct prule *r, enum side side)
{
	struct nft_rule *nr = vec_push(m->cx->arena, &c->rules);
	*nr = (struct nft_rule){.rule = r};
	nft_lower_rule(m, np, side, nr, LOWER_FOLD, &nr->folded);
	vec_each (d, &nr->one_dims)
		*vec_push(m->cx->arena, &np->one_dims) = *d;
	np->never_shared |= !nr->can_fold;
}

static struct nft_chain *add_chain(struct nft_model *m, struct nft_program *np, struct str path,
				   enum side side)
{
	struct nft_chain *c = vec_push(m->cx->arena, &np->chains);
	*c = (struct nft_chain){.path = path, .side = side};
	return c;
}

static void lower_frames(struct nft_model *m, struct nft_program *np, struct reported *rep,
			 enum side side)
{
	const struct part *part = &np->program->parts[side];
	struct arena *a = m->cx->arena;
	uint32_t first = np->chains.n;
	for (uint32_t i = 0; i < part->chains.n; i++) {
		const struct pchain *pc = &part->chains.items[i];
		struct str path = str_from(side_names[side]);
		if (i) {
			struct str part_name = name_part(a, pc->name, PART_MAX);
			path = str_printf(a, "%.*s/%s", STR_ARG(part_name), side_names[side]);
		}
		struct nft_chain *c = add_chain(m, np, path, side);
		vec_each (it, &pc->items) {
			if (it->kind == ITEM_JUMP) {
				struct nft_rule *nr = vec_push(a, &c->rules);
				*nr = (struct nft_rule){.can_fold = true};
				nft_lower_jump(m, part->chains.items[it->chain].prefix,
					       first + it->chain, &nr->folded);
			} else if (expressible(m, rep, it->rule, side)) {
				add_rule(m, np, c, it->rule, side);
			}
		}
	}
	if (part->chains.n)
		np->root[STAGE_FRAME][side] = first + 1;
}

static void lower_packets(struct nft_model *m, struct nft_program *np, struct reported *rep,
			  enum side side)
{
	const struct part *part = &np->program->parts[side];
	if (!part->packet.n)
		return;
	struct nft_chain *c =
		add_chain(m, np, str_printf(m->cx->arena, "packet/%s", side_names[side]), side);
	np->root[STAGE_PACKET][side] = np->chains.n;
	vec_each (r, &part->packet)
		if (expressible(m, rep, *r, side))
			add_rule(m, np, c, *r, side);
}

static struct str *chain_names(struct nft_model *m, const struct nft_program *np, struct str head,
			       struct str full)
{
	struct str *names = arena_new_array(m->cx->arena, struct str, np->chains.n + 1);
	for (uint32_t i = 0; i < np->chains.n; i++) {
		struct str path = np->chains.items[i].path;
		names[i] = str_printf(m->cx->arena, "%.*s/%.*s", STR_ARG(head), STR_ARG(path));
		claim_name(m, names[i],
			   str_printf(m->cx->arena, "%.*s/%.*s", STR_ARG(full), STR_ARG(path)));
	}
	return names;
}

static void lower_program(struct nft_model *m, struct nft_program *np, const struct program *p)
{
	struct reported rep = {0};
	bool added;
	np->program = p;
	np->name = name_begin(m->cx->arena, name_part(m->cx->arena, p->name, PROGRAM_PART));
	for (enum side s = 0; s < SIDES; s++) {
		lower_frames(m, np, &rep, s);
		lower_packets(m, np, &rep, s);
	}
	np->names = chain_names(m, np, np->name, p->name);
	map_put(m->cx->arena, &m->program_index, p->name, &added)->num =
		(uintptr_t)(np - m->programs);
}

/* --- ports --- */

bool rule_folds(const struct nft_rule *nr, const struct nft_port *port)
{
	if (!nr->can_fold)
		return false;
	vec_each (d, &nr->one_dims)
		if (port->pd->rows[*d].n != 1)
			return false;
	return true;
}

/* IFNAMSIZ less the NUL: with the backslash, a name of this length is one byte too long. */
#define NAME_MAX_STAR 15

/*
 * A string in quotes ends at the next double quote, and nothing escapes that. A
 * last `*` alone would be a wildcard; `\*` is one in the name, but then every
 * backslash of the string goes away, and it counts for nft's limit of the length.
 */
static bool ends_in_star(struct str s)
{
	return s.len && s.s[s.len - 1] == '*';
}

bool nft_check_name(struct emit_ctx *cx, struct str s, struct span span)
{
	bool star = ends_in_star(s);
	const char *why = memchr(s.s, '"', s.len)            ? "it has a double quote"
			  : star && memchr(s.s, '\\', s.len) ? "it has a backslash and ends in *"
			  : star && s.len >= NAME_MAX_STAR   ? "it ends in * and has 15 bytes"
							     : NULL;
	if (why)
		diag_add(cx->diags, FINDING(E506), span,
			 "nft can not write the interface name '%.*s': %s", STR_ARG(s), why);
	return !why;
}

struct str nft_quoted(struct arena *a, struct str s)
{
	bool star = ends_in_star(s);
	return str_printf(a, "\"%.*s%s\"", (int)(s.len - star), s.s, star ? "\\*" : "");
}

static struct str quoted(struct nft_model *m, const struct port *port)
{
	m->failed |= !nft_check_name(m->cx, port->name, port->name_span);
	return nft_quoted(m->cx->arena, port->name);
}

static bool shares(const struct nft_model *m, const struct nft_program *np,
		   const struct port_data *pd)
{
	if (np->never_shared || m->cx->options.expand)
		return false;
	vec_each (d, &np->one_dims)
		if (pd->rows[*d].n != 1)
			return false;
	return true;
}

static void write_out_rule(struct nft_model *m, struct nft_port *port, enum side side,
			   struct nft_rule *nr)
{
	struct nft_program *np = port->program;
	if (!nr->rule)
		return;
	if (!m->cx->options.expand && rule_folds(nr, port))
		return;
	if (!check_product(m->cx, "nft", nr->rule, port->pd)) {
		m->failed = true;
		return;
	}
	if (nr->counts) {
		struct nft_counted *c = vec_push(m->cx->arena, &port->counted);
		*c = (struct nft_counted){.rule = nr};
		nft_lower_counted(m, port, side, nr, &c->lines);
	} else if (!nr->is_expanded) {
		nr->is_expanded = true;
		nft_lower_rule(m, np, side, nr, LOWER_EXPAND, &nr->expanded);
	}
}

static void lower_own(struct nft_model *m, struct nft_port *port)
{
	struct nft_program *np = port->program;
	struct arena *a = m->cx->arena;
	struct str name = port->pd->port->name, part = name_part(a, name, PART_MAX);
	port->names = chain_names(
		m, np, str_printf(a, "%.*s/port/%.*s", STR_ARG(np->name), STR_ARG(part)),
		str_printf(a, "%.*s/port/%.*s", STR_ARG(np->program->name), STR_ARG(name)));
	for (uint32_t i = 0; i < np->chains.n; i++)
		vec_each (nr, &np->chains.items[i].rules)
			write_out_rule(m, port, np->chains.items[i].side, nr);
}

static void lower_port(struct nft_model *m, struct nft_port *port, const struct port_data *pd)
{
	const struct map_entry *e = map_find(&m->program_index, pd->program->name);
	*port = (struct nft_port){
		.pd = pd, .program = &m->programs[e->num], .key = quoted(m, pd->port)};
	port->names = port->program->names;
	port->own = !shares(m, port->program, pd);
	if (port->own)
		lower_own(m, port);
	else
		port->program->shared = true;
}

static void add_pairs(struct nft_model *m)
{
	bool used = false;
	for (uint32_t i = 0; i < m->nprograms; i++)
		used |= m->programs[i].uses_pairs;
	if (used)
		set_add(m, &(struct nft_set){.name = STR("octet.pairs"),
					     .type = STR("@nh,0,8 . @nh,0,8"),
					     .pairs = true});
}

static bool uses(const struct build *b, const struct program *p, bool direct)
{
	vec_each (pd, &b->ports)
		if (pd->program == p && pd->port->direct == direct)
			return true;
	return false;
}

/* The ports of one kind with their programs; programs without a port go with those of bridges. */
static const struct build *build_part(struct emit_ctx *cx, const struct build *b, bool direct)
{
	struct build *part = arena_new_object(cx->arena, struct build);
	vec_each (p, &b->programs)
		if (direct ? uses(b, *p, true) : uses(b, *p, false) || !uses(b, *p, true))
			*vec_push(cx->arena, &part->programs) = *p;
	vec_each (pd, &b->ports)
		if (pd->port->direct == direct)
			*vec_push(cx->arena, &part->ports) = *pd;
	return part;
}

static struct nft_model *lower_part(struct emit_ctx *cx, const struct build *b, bool netdev);

struct nft_model *nft_lower(struct emit_ctx *cx, const struct build *b)
{
	bool any = false;
	vec_each (pd, &b->ports)
		any |= pd->port->direct;
	struct nft_model *direct = any ? lower_part(cx, build_part(cx, b, true), true) : NULL;
	struct nft_model *m = lower_part(cx, any ? build_part(cx, b, false) : b, false);
	if (!m || (any && !direct))
		return NULL;
	m->direct = direct;
	m->networks = net_lower(cx, b, cx->options.services);
	return !m->networks || net_nft_check(cx, m->networks) ? m : NULL;
}

static struct nft_model *lower_part(struct emit_ctx *cx, const struct build *b, bool netdev)
{
	struct nft_model *m = arena_new_object(cx->arena, struct nft_model);
	m->cx = cx;
	m->netdev = netdev;
	m->table = cx->options.table;
	m->nprograms = b->programs.n;
	m->nports = b->ports.n;
	m->programs = arena_new_array(cx->arena, struct nft_program, b->programs.n + 1);
	m->ports = arena_new_array(cx->arena, struct nft_port, b->ports.n + 1);
	for (uint32_t i = 0; i < b->programs.n; i++)
		lower_program(m, &m->programs[i], b->programs.items[i]);
	for (uint32_t i = 0; i < b->ports.n && !m->failed; i++)
		lower_port(m, &m->ports[i], &b->ports.items[i]);
	add_pairs(m);
	if (arena_full(cx->arena)) {
		diag_add(cx->diags, FINDING(E603), (struct span){0}, "while lowering for nft");
		m->failed = true;
	}
	return m->failed ? NULL : m;
}
