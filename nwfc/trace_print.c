/* SPDX-License-Identifier: MIT */
/*
 * The steps of a packet, as text and as JSON.
 */
#include "ir/key.h"
#include "nwfc/render.h"
#include "nwfc/trace.h"
#include "review/packet_words.h"
#include "review/var_words.h"
#include "review/words.h"

static const char *const layer_names[LAYERS] = {"frame", "packet"};
static const char *const step_names[] = {
	[STEP_LAYER] = "layer", [STEP_ENTER] = "enter", [STEP_LEAVE] = "leave",
	[STEP_MISS] = "miss",   [STEP_HIT] = "hit",     [STEP_END] = "end"};

/* Of rules that became many lines the first of each target. */
#define MAX_LINES 4

static struct str words_of(struct trace *t, const struct packet *p)
{
	struct buf b;
	buf_memory(&b);
	packet_print_words(&b, p, t->usual);
	return buf_take(t->s->arena, &b);
}

struct str trace_place(struct trace *t, const struct prule *r)
{
	struct location at = source_locate(&t->s->sources, r->source->span);
	return clean_text(t->s->arena,
			  str_printf(t->s->arena, "%.*s:%u:%u", STR_ARG(at.file), at.line, at.col));
}

/* --- why not ------------------------------------------------------------------------- */

/* The variable that a rule was refused for; VARS: what is no variable. */
static enum var_id refused_for(const struct step *st, const struct packet *p)
{
	const struct proto *proto = st->rule->proto;
	if (st->failed) {
		enum field_id f = st->failed->field;
		if (f == F_ARP_GRATUITOUS)
			return V_ARP_TPA;
		return var_of_field(f, proto->family);
	}
	if (proto->ethertype && p->v[V_ETHER_TYPE] != proto->ethertype)
		return V_ETHER_TYPE;
	if (proto_id(proto) == PROTO_STP && p->v[V_ETHER_DADDR] != 0x0180c2000000)
		return V_ETHER_DADDR;
	if (proto->ipproto >= 0 && p->v[V_NET_PROTO] != (u128)proto->ipproto)
		return V_NET_PROTO;
	if (st->rule->ct_dir != CT_DIR_ANY && p->v[V_CT_STATE] != CTC_NEW)
		return V_CT_REPLY;
	return V_CT_STATE;
}

/* "ip saddr is 10.0.0.9", "it has no tcp flags" */
static struct str reason(struct trace *t, const struct step *st, const struct packet *p)
{
	struct buf b;
	enum var_id v = refused_for(st, p);
	buf_memory(&b);
	if (v == VARS)
		buf_printf(&b, "%s",
			   st->failed->field == F_TCP_OPTION ? "its tcp options"
			   : st->failed->field == F_IPSET    ? "the ipset"
							     : "the count");
	else if (!packet_has(p, v))
		buf_printf(&b, "it has no %s", vars[v].words);
	else if (v == V_CT_REPLY)
		buf_printf(&b, "ct direction is %s", p->v[v] ? "reply" : "original");
	else {
		buf_printf(&b, "%s is ", vars[v].words);
		var_print(&b, v, p->v[v]);
	}
	return buf_take(t->s->arena, &b);
}

/* --- lines of targets ---------------------------------------------------------------- */

static bool alike(const struct prule *a, const struct prule *b)
{
	return a->source == b->source && a->path == b->path && a->mirrored == b->mirrored &&
	       a->ct_states == b->ct_states && a->ct_dir == b->ct_dir;
}

static bool of_port(const struct trace *t, const struct emitted_line *l)
{
	return l->pd->program == t->pd->program &&
	       (!l->pd->port || str_eq(l->pd->port->name, t->pd->port->name));
}

/* The lines of a rule in a script. A target may have made copies of the rule: where there is no
 * line of itself, they are told by their likeness. */
struct rule_lines {
	vec_of(const struct emitted_line *) list;
};

static struct rule_lines lines_of(struct trace *t, const struct emitted_script *s,
				  const struct prule *r)
{
	struct rule_lines own = {0}, like = {0};
	vec_each (l, &s->lines) {
		if (!of_port(t, l))
			continue;
		if (l->rule == r)
			*vec_push(t->s->arena, &own.list) = l;
		else if (alike(l->rule, r))
			*vec_push(t->s->arena, &like.list) = l;
	}
	return own.list.n ? own : like;
}

static void text_emitted(struct trace *t, const struct prule *r)
{
	vec_each (s, &t->emitted) {
		struct rule_lines lines = lines_of(t, s, r);
		for (uint32_t i = 0; i < lines.list.n && i < MAX_LINES; i++)
			buf_printf(t->out, "        %s: %.*s\n", s->target,
				   STR_ARG(lines.list.items[i]->text));
		if (lines.list.n > MAX_LINES)
			buf_printf(t->out, "        %s: ... and %u more\n", s->target,
				   lines.list.n - MAX_LINES);
	}
}

/* --- text ---------------------------------------------------------------------------------------
 */

static void text_rule(struct trace *t, const struct step *st, const struct packet *p)
{
	struct str line = rule_line(t->s->arena, t->pd->program, st->rule),
		   place = trace_place(t, st->rule), key = rule_key(t->s->arena, st->rule->source);
	bool hit = st->kind == STEP_HIT;
	const char *indent = st->chain && st->chain->prefix ? "    " : "  ";
	buf_printf(t->out, "%s%s %-8s %.*s\n", indent, hit ? "=>" : " -",
		   action_names[st->rule->verdict], STR_ARG(line));
	buf_printf(t->out, "%s   %.*s, %.*s", indent, STR_ARG(key), STR_ARG(place));
	if (!hit)
		buf_printf(t->out, ": %.*s", STR_ARG(reason(t, st, p)));
	buf_lit(t->out, "\n");
	if (hit)
		text_emitted(t, st->rule);
}

static void text_step(struct trace *t, const struct step *st, const struct packet *p)
{
	switch (st->kind) {
	case STEP_LAYER:
		buf_printf(t->out, "%s\n",
			   st->layer == LAYER_FRAME ? "frames, chain root" : "packets");
		break;
	case STEP_ENTER:
		buf_printf(t->out, "  chain %.*s\n", STR_ARG(st->chain->name));
		break;
	case STEP_LEAVE:
		buf_lit(t->out, "  back to root\n");
		break;
	case STEP_END:
		buf_lit(t->out, "  no rule decides here: it goes on\n");
		break;
	default:
		text_rule(t, st, p);
	}
}

static void text_source(struct trace *t, const struct prule *r)
{
	struct str line = source_line(&t->s->sources, r->source->span);
	struct location at = source_locate(&t->s->sources, r->source->span);
	buf_printf(t->out, "%6u | %.*s\n", at.line, STR_ARG(clean_text(t->s->arena, line)));
	buf_printf(t->out, "       | %.*s\n",
		   STR_ARG(path_text(t->s->arena, t->pd->program, r->path)));
}

/* Who decided, in a few words. */
static struct str decider_text(struct trace *t, const struct walk *w)
{
	if (!w->decider)
		return STR("no rule decides");
	return str_printf(t->s->arena, "%.*s, %.*s",
			  STR_ARG(rule_key(t->s->arena, w->decider->source)),
			  STR_ARG(trace_place(t, w->decider)));
}

static void text_verdict(struct trace *t, const struct walk *w)
{
	buf_printf(t->out, "%s", verdict_names[w->verdict]);
	vec_each (q, &w->asked)
		buf_printf(t->out, ", unless given \"%.*s\"", STR_ARG(clean_text(t->s->arena, *q)));
	buf_printf(t->out, ": %.*s\n", STR_ARG(decider_text(t, w)));
	if (w->decider)
		text_source(t, w->decider);
}

/* One of many: a line. */
static void text_line(struct trace *t, const struct told *p, const struct walk *w)
{
	buf_printf(t->out, "%6u %-6s%s %.*s  [%.*s]%s%s\n", p->number, verdict_names[w->verdict],
		   w->uncertain ? "?" : " ",
		   STR_ARG(clean_text(t->s->arena, words_of(t, &p->packet))),
		   STR_ARG(decider_text(t, w)), p->malformed ? " malformed: " : "",
		   p->malformed ? p->malformed : "");
}

static void text_packet(struct trace *t, const struct told *p, const struct walk *w, bool steps)
{
	if (!steps) {
		text_line(t, p, w);
		return;
	}
	if (p->captured)
		buf_printf(t->out, "%s%u: ", t->packets > 1 ? "\n" : "", p->number);
	buf_printf(t->out, "%.*s\n", STR_ARG(clean_text(t->s->arena, words_of(t, &p->packet))));
	if (p->malformed)
		buf_printf(t->out, "malformed: %s; kernels may drop it before any rule\n",
			   p->malformed);
	vec_each (st, &w->steps)
		text_step(t, st, &p->packet);
	text_verdict(t, w);
}

/* --- JSON ---------------------------------------------------------------------------- */

static void member(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "\"%s\": ", name);
	put_json_string(out, value);
	buf_lit(out, ", ");
}

void trace_rule_json(struct trace *t, const struct prule *r)
{
	if (!r) {
		buf_lit(t->out, "null");
		return;
	}
	struct location at = source_locate(&t->s->sources, r->source->span);
	buf_lit(t->out, "{");
	member(t->out, "key", rule_key(t->s->arena, r->source));
	member(t->out, "filter", r->source->filter->name);
	member(t->out, "file", at.file);
	buf_printf(t->out, "\"line\": %u, \"column\": %u, \"action\": \"%s\", ", at.line, at.col,
		   action_names[r->verdict]);
	member(t->out, "text", rule_line(t->s->arena, t->pd->program, r));
	buf_lit(t->out, "\"path\": ");
	put_json_string(t->out, path_text(t->s->arena, t->pd->program, r->path));
	buf_lit(t->out, "}");
}

static void json_emitted(struct trace *t, const struct prule *r)
{
	const char *between = "";
	if (!t->emitted.n)
		return;
	buf_lit(t->out, ", \"emitted\": [");
	vec_each (s, &t->emitted) {
		struct rule_lines lines = lines_of(t, s, r);
		vec_each (l, &lines.list) {
			buf_printf(t->out, "%s{", between);
			member(t->out, "target", str_from(s->target));
			member(t->out, "chain", (*l)->chain);
			buf_lit(t->out, "\"text\": ");
			put_json_string(t->out, (*l)->text);
			buf_lit(t->out, "}");
			between = ", ";
		}
	}
	buf_lit(t->out, "]");
}

static void json_step(struct trace *t, const struct step *st, const struct packet *p)
{
	buf_printf(t->out, "{\"step\": \"%s\", \"layer\": \"%s\"", step_names[st->kind],
		   layer_names[st->layer]);
	if (st->chain) {
		buf_lit(t->out, ", \"chain\": ");
		put_json_string(t->out, st->chain->name);
	}
	if (st->rule) {
		buf_lit(t->out, ", \"rule\": ");
		trace_rule_json(t, st->rule);
	}
	if (st->kind == STEP_MISS) {
		buf_lit(t->out, ", \"failed\": ");
		put_json_string(t->out, reason(t, st, p));
	}
	if (st->kind == STEP_HIT)
		json_emitted(t, st->rule);
	buf_lit(t->out, "}");
}

static void json_packet(struct trace *t, const struct told *p, const struct walk *w, bool steps)
{
	const char *between = "\n";
	buf_printf(t->out, "%s{", t->packets > 1 ? ",\n" : "\n");
	if (p->captured)
		buf_printf(t->out, "\"number\": %u, \"time_us\": %llu, ", p->number,
			   (unsigned long long)p->time_us);
	buf_printf(t->out, "\"side\": \"%s\", ", side_names[p->packet.side]);
	member(t->out, "packet", words_of(t, &p->packet));
	if (!p->captured)
		member(t->out, "bytes", bytes_to_hex(t->s->arena, p->packet.bytes));
	if (p->malformed)
		member(t->out, "malformed", str_from(p->malformed));
	buf_printf(t->out,
		   "\"verdict\": \"%s\", \"uncertain\": %s, \"rule\": ", verdict_names[w->verdict],
		   w->uncertain ? "true" : "false");
	trace_rule_json(t, w->decider);
	if (w->asked.n)
		buf_lit(t->out, ", \"unknown\": [");
	for (uint32_t i = 0; i < w->asked.n; i++) {
		buf_str(t->out, i ? STR(", ") : STR(""));
		put_json_string(t->out, w->asked.items[i]);
	}
	if (w->asked.n)
		buf_lit(t->out, "]");
	if (steps) {
		buf_lit(t->out, ", \"steps\": [");
		vec_each (st, &w->steps) {
			buf_str(t->out, str_from(between));
			json_step(t, st, &p->packet);
			between = ",\n";
		}
		buf_lit(t->out, "]");
	}
	buf_lit(t->out, "}");
}

/* --- the whole ----------------------------------------------------------------------- */

void trace_begin(struct trace *t)
{
	if (t->json) {
		buf_lit(t->out, "{\n\"version\": 1,\n\"port\": ");
		put_json_string(t->out, t->pd->port->name);
		buf_printf(t->out, ",\n\"learning\": %s,\n\"packets\": [",
			   t->pd->learning ? "true" : "false");
	} else if (t->pd->learning) {
		buf_printf(t->out,
			   "%.*s: the address is not known yet; the strict learning set is in "
			   "force\n",
			   STR_ARG(t->pd->port->name));
	}
}

void trace_packet(struct trace *t, const struct told *p, bool steps)
{
	struct walk w = simulate(steps ? t->s->arena : NULL, t->pd, &p->packet);
	t->packets++;
	(t->json ? json_packet : text_packet)(t, p, &w, steps);
}

void trace_end(struct trace *t)
{
	if (t->json)
		buf_printf(t->out, "\n],\n\"skipped\": %u\n}\n", t->skipped);
	else if (t->skipped)
		buf_printf(t->out,
			   "%u frames are neither from nor to the port's address; --side=out or "
			   "--side=in says where all go\n",
			   t->skipped);
}
