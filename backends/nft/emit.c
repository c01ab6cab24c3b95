/* SPDX-License-Identifier: MIT */
/*
 * The model as a script. `table` and `delete table` in front make it
 * declarative: whatever was in our table is gone, and the kernel takes all of
 * the file or nothing. Elements stand in the declarations of their sets; they
 * are most of the bytes, so they are put straight into the output.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/network/network.h"
#include "backends/nft/nft.h"

/* Elements of one line; a line is then some hundred characters. */
#define ELEMENTS_A_LINE 4

static const struct base_chain {
	const char *hook;
	int priority;
} base_chains[STAGES][SIDES] = {
	[STAGE_FRAME] = {{"prerouting", -300}, {"postrouting", 300}},
	[STAGE_PACKET] = {{"prerouting", -150}, {"postrouting", 0}},
};

/* --- elements --- */

struct element_writer {
	const struct nft_model *m;
	struct buf *out;
	struct str key;
	uint32_t n;
};

static void begin_element(struct element_writer *w)
{
	if (w->n)
		buf_lit(w->out, ",");
	else
		buf_lit(w->out, "\n\t\telements = {");
	buf_char(w->out, w->n % ELEMENTS_A_LINE ? ' ' : '\n');
	w->n++;
}

/*
 * No number of more than eight digits is taken, which milliseconds alone would
 * soon have; and what is more than this many days is as good as for ever.
 */
#define TIMEOUT_DAYS 99999

void put_timeout(const struct nft_model *m, uint64_t valid_until_ms, struct buf *out)
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	uint64_t now = m->cx->options.now_ms, most = TIMEOUT_DAYS * units[0].ms;
	if (!valid_until_ms)
		return;
	uint64_t left = valid_until_ms > now ? valid_until_ms - now : 1;
	buf_lit(out, " timeout ");
	left = left < most ? left : most;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; left %= units[i++].ms)
		if (left >= units[i].ms)
			buf_printf(out, "%u%s", (unsigned)(left / units[i].ms), units[i].unit);
}

static void put_element(void *arg, struct str text, uint64_t valid_until_ms)
{
	struct element_writer *w = arg;
	begin_element(w);
	buf_str(w->out, w->key);
	buf_lit(w->out, " . ");
	buf_str(w->out, text);
	put_timeout(w->m, valid_until_ms, w->out);
}

static void end_elements(struct element_writer *w)
{
	if (w->n)
		buf_lit(w->out, "\n\t\t}");
	buf_lit(w->out, "\n\t}\n");
}

static const struct nft_feed *find_feed(const struct nft_program *np, uint32_t set)
{
	vec_each (f, &np->feeds)
		if (f->set == set)
			return f;
	return NULL;
}

/* Which feed of each program fills the set: looked up once a set, not once a port. */
static bool find_feeds(struct nft_model *m, uint32_t set, const struct nft_feed **feeds)
{
	bool any = false;
	for (uint32_t i = 0; i < m->nprograms; i++) {
		feeds[i] = find_feed(&m->programs[i], set);
		any |= feeds[i] != NULL;
	}
	return any;
}

void put_set_head(const struct nft_set *s, struct buf *out)
{
	buf_lit(out, "\tset ");
	buf_str(out, s->name);
	buf_lit(out, " {\n\t\ttypeof ");
	buf_str(out, s->type);
	if (s->interval || s->timeout)
		buf_printf(out, "\n\t\tflags %s%s%s", s->interval ? "interval" : "",
			   s->interval && s->timeout ? "," : "", s->timeout ? "timeout" : "");
	if (s->dynamic)
		buf_lit(out, "\n\t\tflags dynamic\n\t\tsize 65536");
}

static void put_pair_elements(struct element_writer *w)
{
	for (uint32_t i = 0; i < 256; i++) {
		buf_str(w->out, i ? STR(",") : STR("\n\t\telements = {"));
		buf_char(w->out, i % 16 ? ' ' : '\n');
		buf_uint(w->out, i);
		buf_lit(w->out, " . ");
		buf_uint(w->out, i);
	}
	w->n = 256;
}

void put_constant_elements(const struct nft_set *s, struct buf *out)
{
	struct element_writer w = {.out = out};
	if (s->pairs)
		put_pair_elements(&w);
	end_elements(&w);
}

static void put_set(struct nft_model *m, uint32_t set, const struct nft_feed **feeds,
		    struct buf *scratch, struct buf *out)
{
	const struct nft_set *s = &m->sets.items[set];
	struct element_writer w = {.m = m, .out = out};
	bool filled = find_feeds(m, set, feeds) && (!m->cx->options.expand || s->expanded);
	if (!filled && !s->pairs && !s->dynamic)
		return;
	put_set_head(s, out);
	if (s->pairs)
		put_pair_elements(&w);
	for (uint32_t i = 0; filled && i < m->nports; i++) {
		const struct nft_port *port = &m->ports[i];
		const struct nft_feed *f = feeds[port->program - m->programs];
		if (!f)
			continue;
		w.key = port->key;
		each_element(m, f, port->pd, scratch, put_element, &w);
	}
	end_elements(&w);
}

/* --- maps and base chains --- */

bool stage_used(const struct nft_model *m, enum stage stage, enum side side)
{
	for (uint32_t i = 0; i < m->nprograms; i++)
		if (m->programs[i].root[stage][side])
			return true;
	return false;
}

static void put_map(struct nft_model *m, enum stage stage, enum side side, struct buf *out)
{
	struct element_writer w = {.out = out};
	buf_printf(out, "\tmap %s.%s {\n\t\ttypeof iifname : verdict", stage_names[stage],
		   side_names[side]);
	for (uint32_t i = 0; i < m->nports; i++) {
		const struct nft_port *port = &m->ports[i];
		uint32_t root = port->program->root[stage][side];
		if (!root)
			continue;
		begin_element(&w);
		buf_str(out, port->key);
		buf_lit(out, " : goto ");
		buf_str(out, port->names[root - 1]);
	}
	end_elements(&w);
}

/* A hook of devices names them; those that have nothing there are left out. */
static void put_devices(const struct nft_model *m, enum stage stage, enum side side,
			struct buf *out)
{
	const char *comma = "";
	buf_lit(out, " devices = {");
	for (uint32_t i = 0; i < m->nports; i++) {
		if (!m->ports[i].program->root[stage][side])
			continue;
		buf_printf(out, "%s %.*s", comma, STR_ARG(m->ports[i].key));
		comma = ",";
	}
	buf_lit(out, " }");
}

void put_base_chain(const struct nft_model *m, enum stage stage, enum side side, struct buf *out)
{
	static const char *const device_hooks[SIDES] = {
		[SIDE_OUT] = "egress", [SIDE_IN] = "ingress"};
	const struct base_chain *b = &base_chains[stage][side];
	buf_printf(out, "\tchain %s.%s {\n\t\ttype filter hook %s", stage_names[stage],
		   side_names[side], m->netdev ? device_hooks[side] : b->hook);
	if (m->netdev)
		put_devices(m, stage, side, out);
	buf_printf(out, " priority %d; policy accept;\n\t\t%s vmap @%s.%s\n\t}\n", b->priority,
		   nft_port_key(m, side), stage_names[stage], side_names[side]);
}

/* --- chains --- */

/* Lines that are not walked may be long: a set of constants. */
static void put_line(struct template_writer *w, const struct nft_line *ln, const struct str *names)
{
	w->source = ln->rule;
	if (ln->walk) {
		writer_rule(w, ln->walk, &ln->text);
		return;
	}
	if (ln->text.never)
		return;
	if (w->map && ln->rule)
		source_map_add(w->map, w->out->n, ln->rule, NULL, w->pd, NULL);
	vec_each (p, &ln->text.pieces)
		buf_str(w->out, p->kind == PIECE_NAME ? names[p->name] : p->text);
}

/* With --annotate: what the lines of a rule come from. */
static void put_source(struct template_writer *w, struct nft_model *m, const struct prule *r)
{
	if (!r || !m->cx->options.annotate)
		return;
	buf_lit(w->out, "\t\t");
	buf_str(w->out, source_comment(m->cx, w->pd->program, r));
}

static void put_lines(struct template_writer *w, const struct nft_lines *lines,
		      const struct str *names)
{
	vec_each (ln, &lines->list)
		put_line(w, ln, names);
}

static void begin_chain(struct str name, struct buf *out)
{
	buf_lit(out, "\tchain ");
	buf_str(out, name);
	buf_lit(out, " {\n");
}

/* The program's rows as far as they are constant: all that shared chains are walked for. */
static const struct port_data *constant_data(struct arena *a, const struct program *p)
{
	struct port_data *pd = arena_new_object(a, struct port_data);
	pd->program = p;
	pd->rows = arena_new_array(a, struct rows, p->dims.n + 1);
	for (uint32_t i = 0; i < p->dims.n; i++)
		pd->rows[i] = p->dims.items[i].const_rows;
	return pd;
}

void put_chains(struct nft_model *m, struct nft_program *np, struct buf *out)
{
	struct template_writer w;
	writer_start(&w, m->cx->arena, out);
	w.map = m->cx->map;
	writer_port(&w, constant_data(m->cx->arena, np->program), np->names);
	for (uint32_t i = 0; i < np->chains.n; i++) {
		begin_chain(np->names[i], out);
		vec_each (nr, &np->chains.items[i].rules) {
			put_source(&w, m, nr->rule);
			put_lines(&w, &nr->folded, np->names);
		}
		buf_lit(out, "\t}\n");
	}
	writer_end(&w);
}

static const struct nft_lines *counted_lines(const struct nft_port *port, const struct nft_rule *nr)
{
	vec_each (c, &port->counted)
		if (c->rule == nr)
			return &c->lines;
	return &nr->expanded;
}

static const struct nft_lines *lines_for(const struct nft_model *m, const struct nft_port *port,
					 const struct nft_rule *nr)
{
	bool folds = !nr->rule || (!m->cx->options.expand && rule_folds(nr, port));
	return folds ? &nr->folded : counted_lines(port, nr);
}

static void put_own(struct template_writer *w, struct nft_model *m, struct nft_port *port)
{
	const struct nft_program *np = port->program;
	writer_port(w, port->pd, port->names);
	for (uint32_t i = 0; i < np->chains.n; i++) {
		begin_chain(port->names[i], w->out);
		vec_each (nr, &np->chains.items[i].rules) {
			put_source(w, m, nr->rule);
			put_lines(w, lines_for(m, port, nr), port->names);
		}
		buf_lit(w->out, "\t}\n");
	}
}

void put_own_chains(struct nft_model *m, struct nft_port *port, struct buf *out)
{
	struct template_writer w;
	writer_start(&w, m->cx->arena, out);
	w.map = m->cx->map;
	put_own(&w, m, port);
	writer_end(&w);
}

/* --- the script --- */

static void put_sets(struct nft_model *m, struct buf *out)
{
	struct buf scratch;
	const struct nft_feed **feeds =
		arena_new_array(m->cx->arena, const struct nft_feed *, m->nprograms + 1);
	buf_memory(&scratch);
	for (uint32_t i = 0; i < m->sets.n; i++)
		put_set(m, i, feeds, &scratch, out);
	buf_drop(&scratch);
}

static void put_all_chains(struct nft_model *m, struct buf *out)
{
	struct template_writer w;
	for (uint32_t i = 0; i < m->nprograms; i++)
		if (m->programs[i].shared)
			put_chains(m, &m->programs[i], out);
	writer_start(&w, m->cx->arena, out);
	w.map = m->cx->map;
	for (uint32_t i = 0; i < m->nports; i++)
		if (m->ports[i].own)
			put_own(&w, m, &m->ports[i]);
	writer_end(&w);
}

static void put_version(const struct nft_model *m, struct buf *out)
{
	buf_printf(out, "# nwfc %s: %u %s, %u %s\n",
		   m->cx->options.version ? m->cx->options.version : "", m->nports,
		   m->nports == 1 ? "port" : "ports", m->nprograms,
		   m->nprograms == 1 ? "program" : "programs");
}

static void put_head(const struct nft_model *m, struct buf *out)
{
	const char *family = nft_family(m);
	buf_printf(out, "add table %s %.*s\ndelete table %s %.*s\ntable %s %.*s {\n", family,
		   STR_ARG(m->table), family, STR_ARG(m->table), family, STR_ARG(m->table));
}

void nft_emit_table(const struct emit_ctx *cx, const struct nft_model *lowered, struct buf *out)
{
	/* the model's own context: what emitting needs from the arena is scratch */
	struct nft_model *m = arena_new_object(cx->arena, struct nft_model);
	*m = *lowered;
	put_head(m, out);
	put_sets(m, out);
	put_all_chains(m, out);
	for (enum stage st = 0; st < STAGES; st++)
		for (enum side s = 0; s < SIDES; s++)
			if (stage_used(m, st, s)) {
				put_map(m, st, s, out);
				put_base_chain(m, st, s, out);
			}
	buf_lit(out, "}\n");
}

/* Those whose ports were macvtaps in an earlier script, of which none is left. */
static void drop_direct(const struct nft_model *m, struct buf *out)
{
	buf_printf(out, "add table netdev %.*s\ndelete table netdev %.*s\n", STR_ARG(m->table),
		   STR_ARG(m->table));
}

void nft_emit(const struct emit_ctx *cx, const void *lowered, struct buf *out)
{
	const struct nft_model *m = lowered;
	put_version(m, out);
	if (m->networks)
		net_nft_emit(cx, m->networks, out);
	if (!m->nports && !m->direct && m->networks)
		return; /* ports may be another compile's */
	if (m->direct)
		nft_emit_table(cx, m->direct, out);
	else
		drop_direct(m, out);
	nft_emit_table(cx, m, out);
}

static void *lower(struct emit_ctx *cx, const struct build *b)
{
	struct nft_model *m = nft_lower(cx, b);
	if (m)
		net_nft_note(cx, m->networks);
	return m;
}

static void nft_remove(struct emit_ctx *cx, const struct build *b, struct buf *out)
{
	struct str t = cx->options.table;
	buf_printf(out, "# nwfc %s: removal\nadd table bridge %.*s\ndelete table bridge %.*s\n",
		   cx->options.version ? cx->options.version : "", STR_ARG(t), STR_ARG(t));
	net_nft_emit(cx, NULL, out);
	drop_direct(&(struct nft_model){.table = t}, out);
}

const struct target target_nft = {
	.name = "nft",
	.file = "nwfc.nft",
	.title = "nftables, one transaction for nft -f (1.0.6 and later)",
	.family = "nft",
	.lower = lower,
	.emit = nft_emit,
	.remove = nft_remove,
	.change = nft_change,
};
