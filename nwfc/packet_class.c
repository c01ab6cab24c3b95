/* SPDX-License-Identifier: MIT */
/*
 * Idea: the words are a rule without its verdict. As a filter of its own it goes
 * through the passes as every other one, so what they mean can not differ from
 * what they mean in filters. (A drop: no other rule is added to it for answers.)
 */
#include "nwfc/packet_class.h"

#include "review/meaning.h"
#include "review/packet_words.h"

static const char class_name[] = "packets asked for";

static const struct filter *read_as(struct session *s, const char *words, const char *layer,
				    struct diags *ds)
{
	struct library *lib = arena_new_object(s->arena, struct library);
	struct ports none = {0};
	struct parse_ctx cx = {.arena = s->arena,
			       .sources = &s->sources,
			       .diags = ds,
			       .library = lib,
			       .ports = &none};
	struct str text = str_printf(s->arena, "filter \"%s\" {\n%s:\ndrop %s\n}\n", class_name,
				     layer, words);
	if (!nwf_read(&cx, source_add(&s->sources, STR("<--packet>"), text)) || ds->errors)
		return NULL;
	const struct filter *f = library_find(lib, str_from(class_name));
	bool one = lib->by_name.entries.n == 1 && !none.list.n && f && f->entries.n;
	for (uint32_t i = 0; one && i < f->entries.n; i++)
		one = f->entries.items[i].kind == ENTRY_RULE;
	return one ? f : NULL;
}

/*
 * As frames, since these have all that a packet holds; words that frames do not have (states,
 * ports of both families) are of packets. When it is neither, the findings
 * (which are added when `say`) are about frames.
 */
static const struct filter *read_rule(struct session *s, const char *words, bool say)
{
	struct diags frames = {.arena = s->arena, .sources = &s->sources, .max = 10},
		     packets = frames;
	const struct filter *f = read_as(s, words, "frames", &frames);
	if (!f)
		f = read_as(s, words, "packets", &packets);
	if (f || !say)
		return f;
	vec_each (x, &frames.list)
		diag_add(&s->diags, (*x)->kind, (*x)->span, "%.*s", STR_ARG((*x)->text))->hint =
			(*x)->hint;
	if (!frames.list.n)
		diag_add(&s->diags, FINDING(E128), (struct span){0},
			 "--packet wants the words of one rule: out arp, in tcp dport 22");
	return NULL;
}

/* A reference to the filter, in a library of its own. */
static const struct tree *tree_of_class(struct pass_ctx *cx, const struct filter *f)
{
	struct library lib = {0};
	struct filter_ref ref = {.filter = f->name, .span = f->name_span};
	library_add(&lib, (struct filter *)f, false, cx->diags);
	return resolve(cx, &lib, &ref);
}

const struct tree *packet_class_tree(struct session *s, const struct filter *f)
{
	struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
	return tree_of_class(&cx, f);
}

static bool gives_all(struct pass_ctx *cx, const struct tree *t, const struct port *port)
{
	struct missing_uses missing = {0};
	find_missing(cx, t, port, &missing);
	if (!missing.list.n)
		return true;
	const struct missing_use *m = &missing.list.items[0];
	diag_add(cx->diags, FINDING(E305), m->span, "port '%.*s' gives no value for $%.*s",
		 STR_ARG(port->name), STR_ARG(m->text));
	return false;
}

/* The port's values under the class's filter. Nothing is learned here, and nothing unused. */
static bool build_class(struct session *s, const struct filter *f, const struct port *port,
			struct port_data *out)
{
	struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
	const struct tree *t = tree_of_class(&cx, f);
	if (!t || !gives_all(&cx, t, port))
		return false;
	const struct bound_tree *bt = bind_tree(&cx, t, port);
	const struct program *p = bt ? layout(&cx, bt, f->name) : NULL;
	return p && bind_port(&cx, p, port, out);
}

/* A drop without a state takes the answers that come the other way, too; these are not asked for.
 */
static bool says_side(const struct prule *r, enum side side)
{
	return r->source->direction == DIR_INOUT ||
	       (r->source->direction == DIR_OUT) == (side == SIDE_OUT);
}

static pset taken(struct space *sp, const struct port_data *pd, enum side side)
{
	const struct part *part = &pd->program->parts[side];
	pset all = PSET_NONE;
	vec_each (c, &part->chains)
		vec_each (it, &c->items)
			if (it->kind == ITEM_RULE && says_side(it->rule, side))
				all = pset_or(sp->sets, all, rule_takes(sp, it->rule, pd));
	vec_each (r, &part->packet)
		if (says_side(*r, side))
			all = pset_or(sp->sets, all, rule_takes(sp, *r, pd));
	return pset_and(sp->sets, all, sp->valid);
}

bool packet_class_of(struct session *s, struct space *sp, const struct filter *f,
		     const struct port *port, pset out[SIDES])
{
	struct port_data pd;
	if (!build_class(s, f, port, &pd))
		return false;
	for (enum side side = 0; side < SIDES; side++)
		out[side] = taken(sp, &pd, side);
	return true;
}

/* One packet as a set: each field that it has is as it is. */
static pset only(struct space *sp, const struct packet *p)
{
	pset s = sp->valid;
	for (int v = 0; v < VARS; v++)
		if (packet_has(p, (enum var_id)v))
			s = pset_and(sp->sets, s, space_value(sp, (enum var_id)v, p->v[v]));
	return s;
}

/* The words of trace and of cases, which mean one packet. */
static bool packet_alone(struct session *s, struct space *sp, const char *words,
			 const struct port_data *pd, pset out[SIDES])
{
	struct packet usual[SIDES], p;
	struct words_error e;
	for (enum side side = 0; side < SIDES; side++)
		usual[side] = usual_packet(pd, side);
	if (!packet_read_words(s->arena, str_from(words), usual, &p, &e))
		return false;
	out[p.side] = only(sp, &p);
	out[!p.side] = PSET_NONE;
	return true;
}

bool packet_class(struct session *s, struct space *sp, const char *words,
		  const struct port_data *pd, pset out[SIDES])
{
	const struct filter *f = read_rule(s, words, false);
	if (!f && packet_alone(s, sp, words, pd, out))
		return true;
	f = f ? f : read_rule(s, words, true);
	return f && packet_class_of(s, sp, f, pd->port, out);
}
