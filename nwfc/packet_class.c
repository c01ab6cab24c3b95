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

/* The port's values under the class's filter. */
static bool build_class(struct session *s, const struct filter *f, const struct port *port,
			struct build *b)
{
	struct library lib = {0};
	struct ports ports = {0};
	struct pass_ctx cx = {s->arena, &s->diags, s->limits, NULL};
	struct port *p = arena_new_object(s->arena, struct port);
	*p = *port;
	p->direct = false;
	p->filter = (struct filter_ref){
		.filter = f->name, .params = port->filter.params, .span = f->name_span};
	*vec_push(s->arena, &ports.list) = p;
	library_add(&lib, (struct filter *)f, false, &s->diags);
	return build_ports(&cx, &lib, &ports, b) && b->ports.n == 1 && !b->ports.items[0].learning;
}

static pset taken(struct space *sp, const struct port_data *pd, enum side side)
{
	const struct part *part = &pd->program->parts[side];
	pset all = PSET_NONE;
	vec_each (c, &part->chains)
		vec_each (it, &c->items)
			if (it->kind == ITEM_RULE)
				all = pset_or(sp->sets, all, rule_takes(sp, it->rule, pd));
	vec_each (r, &part->packet)
		all = pset_or(sp->sets, all, rule_takes(sp, *r, pd));
	return pset_and(sp->sets, all, sp->valid);
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
	struct build b = {0};
	const struct filter *f = read_rule(s, words, false);
	if (!f && packet_alone(s, sp, words, pd, out))
		return true;
	f = f ? f : read_rule(s, words, true);
	if (!f || !build_class(s, f, pd->port, &b))
		return false;
	for (enum side side = 0; side < SIDES; side++)
		out[side] = taken(sp, &b.ports.items[0], side);
	return true;
}
