/* SPDX-License-Identifier: MIT */
/*
 * Proofs for programs: JSON of our own, whose "version" changes when a member changes its
 * meaning or goes away.
 */
#include "nwfc/prove.h"
#include "nwfc/render.h"
#include "review/packet_bytes.h"

static void put_text(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, ", \"%s\": ", name);
	put_json_string(out, text);
}

static void put_place(const struct prove *p, struct span span, struct buf *out)
{
	struct location at = source_locate(&p->s->sources, span);
	put_text(out, "file", at.file);
	buf_printf(out, ", \"line\": %u, \"column\": %u", at.line, at.col);
}

static void put_rule(const struct prove *p, const struct proof *x, enum layer layer,
		     const char *between, struct buf *out)
{
	const struct prule *r = x->walk.deciders[layer];
	buf_printf(out, "%s{\"layer\": \"%s\"", between, layer == LAYER_FRAME ? "frame" : "packet");
	put_text(out, "action", str_from(action_names[r->verdict]));
	put_text(out, "filter", r->source->filter->name);
	buf_printf(out, ", \"rule\": %u", r->source->number);
	put_place(p, r->source->span, out);
	buf_char(out, '}');
}

static void put_rules(const struct prove *p, const struct proof *x, struct buf *out)
{
	const char *between = "";
	enum layer first = x->witness.side == SIDE_OUT ? LAYER_FRAME : LAYER_PACKET;
	buf_lit(out, ", \"rules\": [");
	for (int i = 0; i < LAYERS; i++) {
		enum layer layer = i ? (enum layer)(LAYERS - 1 - first) : first;
		if (!x->walk.deciders[layer])
			continue;
		put_rule(p, x, layer, between, out);
		between = ", ";
	}
	buf_char(out, ']');
}

static void put_region(const struct prove *p, const struct region *r, struct buf *out)
{
	const char *between = "";
	buf_lit(out, ", \"region\": [");
	vec_each (b, &r->boxes) {
		buf_str(out, str_from(between));
		put_json_string(out, proof_box(p, b));
		between = ", ";
	}
	buf_printf(out, "], \"region_complete\": %s", r->more ? "false" : "true");
}

static void put_list(const char *name, const struct questions *list, struct buf *out)
{
	const char *between = "";
	buf_printf(out, ", \"%s\": [", name);
	vec_each (u, &list->list) {
		buf_str(out, str_from(between));
		put_json_string(out, *u);
		between = ", ";
	}
	buf_char(out, ']');
}

static void put_failure(const struct prove *p, const struct proof *x, struct buf *out)
{
	const char *why;
	struct str bytes = packet_to_bytes(p->s->arena, &x->witness, &why);
	buf_printf(out, ", \"side\": \"%s\"", side_names[x->witness.side]);
	put_text(out, "packet", proof_packet(p, x));
	if (bytes.len)
		put_text(out, "bytes", bytes_to_hex(p->s->arena, bytes));
	put_text(out, "verdict", str_from(verdict_names[x->walk.verdict]));
	put_rules(p, x, out);
	put_region(p, &x->region, out);
	put_list("depends_on", &x->unknowns, out);
	if (x->lacking.list.n)
		put_list("without", &x->lacking, out);
}

static void put_proof(const struct prove *p, const struct proof *x, struct buf *out)
{
	const struct assertion *a = x->assertion;
	buf_printf(out, "    {\"outcome\": \"%s\", \"kind\": \"%s\"", outcome_names[x->outcome],
		   x->subject->filter ? "filter" : "port");
	put_text(out, "name", x->subject->name);
	if (x->subject->data.learning)
		buf_lit(out, ", \"learning\": true");
	if (x->subject->learned)
		buf_lit(out, ", \"learned\": true");
	put_text(out, "assertion", a->words);
	put_text(out, "comment", a->comment);
	put_place(p, a->span, out);
	if (x->outcome != PROVEN)
		put_failure(p, x, out);
	buf_char(out, '}');
}

void prove_json(const struct prove *p, struct buf *out)
{
	const char *between = "\n";
	buf_printf(out, "{\n  \"nwfc\": \"%s\",\n  \"version\": 1,\n", NWFC_VERSION);
	for (int o = 0; o < OUTCOMES; o++)
		buf_printf(out, "  \"%s\": %u,\n", outcome_names[o], p->counts[o]);
	buf_lit(out, "  \"proofs\": [");
	vec_each (a, &p->host->assertions.list)
		vec_each (x, &p->list) {
			if ((*x)->assertion != *a)
				continue;
			buf_str(out, str_from(between));
			put_proof(p, *x, out);
			between = ",\n";
		}
	buf_printf(out, "%s]\n}\n", p->list.n ? "\n  " : "");
}
