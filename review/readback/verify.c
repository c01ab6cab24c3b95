/* SPDX-License-Identifier: MIT */
#include "review/readback/verify.h"

#include "ir/findings.h"
#include "review/meaning.h"
#include "review/readback/exceptions.h"
#include "review/readback/readers.h"
#include "review/readback/witness.h"

enum { MAX_WITNESSES = 8 };

struct checker {
	struct script_form *f;
	const struct build *build;
	struct verify_report *report;
	enum syntax syntax;
	uint32_t witnesses;
};

static const char *const act_words[] = {"pass", "drop", "reject"};

/* --- a disagreement in words --- */

static int outcome_of(struct space *sp, pset passed, pset dropped, pset only)
{
	return pset_and(sp->sets, passed, only) != PSET_NONE    ? 0
	       : pset_and(sp->sets, dropped, only) != PSET_NONE ? 1
								: 2;
}

static struct span rule_span(const struct rule_form *r, uint32_t file)
{
	return r ? (struct span){file, r->lo, r->hi} : (struct span){file, 0, 0};
}

/* A rule that returns decides about its chain alone, so the last one counts. */
static const struct rule_meaning *last_decider(struct space *sp, const struct side_meaning *m,
					       const struct packet *p, enum layer layer)
{
	const struct rule_meaning *last = NULL;
	vec_each (r, &m->rules)
		if (r->layer == layer && r->decides != PSET_NONE &&
		    space_contains(sp, r->decides, p))
			last = r;
	return last;
}

static void say_witness(struct checker *c, const struct seat *seat, const struct port_data *pd,
			const struct side_meaning *m, const struct wanted *w, pset differ)
{
	struct script_form *f = c->f;
	pset only;
	struct packet p = pick_packet(f->sp, differ, (enum side)seat->side, &only);
	struct outcome got;
	eval_seat(f, seat, pd->port->name, only, &got);
	const struct rule_meaning *by = last_decider(f->sp, m, &p, (enum layer)seat->layer);
	int want = outcome_of(f->sp, w->passed, w->dropped, only);
	int have = outcome_of(f->sp, got.passed, got.dropped, only);
	struct str words = packet_in_words(f->sp, differ, &p);
	struct finding *x = diag_add(f->ds, FINDING(E702), rule_span(got.decider, f->file),
				     "%s %s, %s (%s): %.*s: the filter says %s, the script %s",
				     syntax_names[c->syntax], side_names[seat->side],
				     seat->layer == LAYER_FRAME ? "frame" : "packet", seat->words,
				     STR_ARG(words), act_words[want], act_words[have]);
	diag_note(f->ds, x, pd->port->name_span, "port %.*s", STR_ARG(pd->port->name));
	if (by)
		diag_note(f->ds, x, by->rule->source->span, "the rule that decides");
	else
		diag_note(f->ds, x, pd->port->filter.span, "no rule of the filter decides");
	c->witnesses++;
}

/* --- a part of a filter --- */

static bool too_large(struct checker *c)
{
	if (!c->f->failed)
		diag_add(c->f->ds, FINDING(E703), (struct span){c->f->file, 0, 0},
			 "the sets of packets become too large");
	c->f->failed = true;
	return false;
}

static pset differing(struct checker *c, const struct seat *seat, pset wanted, pset got)
{
	struct sets *s = c->f->sp->sets;
	pset d = pset_and(s, pset_xor(s, wanted, got), asked_at(c->f->sp, seat));
	return d == PSET_NONE ? d : pset_minus(s, d, excepted(c->f, seat, wanted, got));
}

static bool check_seat(struct checker *c, const struct seat *seat, const struct port_data *pd,
		       const struct side_meaning *m)
{
	struct space *sp = c->f->sp;
	struct outcome got;
	struct wanted w = {m->layer_passed[seat->layer], m->layer_dropped[seat->layer],
			   m->layer_rejected[seat->layer]};
	soften_reject(sp, seat, &w);
	if (!eval_seat(c->f, seat, pd->port->name, asked_at(sp, seat), &got) ||
	    sets_failed(sp->sets))
		return too_large(c);
	pset d = differing(c, seat, w.dropped, got.dropped);
	pset r = differing(c, seat, w.rejected, got.rejected);
	d = pset_or(sp->sets, d, r);
	if (sets_failed(sp->sets))
		return too_large(c);
	c->report->proofs++;
	if (d != PSET_NONE && c->witnesses < MAX_WITNESSES)
		say_witness(c, seat, pd, m, &w, d);
	return d == PSET_NONE;
}

static bool check_port(struct checker *c, const struct port_data *pd)
{
	struct sets *s = c->f->sp->sets;
	size_t mark = sets_mark(s);
	struct meaning *m = meaning_of(c->f->sp, pd);
	bool good = true;
	for (uint32_t i = 0; i < nseats && !c->f->failed; i++)
		if (seats[i].syntax == c->syntax && seats[i].direct == pd->port->direct)
			good &= check_seat(c, &seats[i], pd, &m->sides[seats[i].side]);
	c->report->ports++;
	sets_release(s, mark, NULL, 0);
	return good && !c->f->failed;
}

/* --- names that the inputs do not have --- */

static bool check_name(struct checker *c, const struct map *ports, const struct iface_test *t,
		       uint32_t lo, uint32_t hi)
{
	if (t->prefix || map_find(ports, t->name))
		return true;
	diag_add(c->f->ds, FINDING(E702), (struct span){c->f->file, lo, hi},
		 "the script has rules for '%.*s', and the inputs have no such port",
		 STR_ARG(t->name));
	return false;
}

static bool check_names(struct checker *c)
{
	struct map ports = {0};
	bool good = true, added;
	vec_each (pd, &c->build->ports)
		map_put(c->f->arena, &ports, pd->port->name, &added);
	vec_each (ch, &c->f->chains)
		vec_each (r, &ch->rules)
			vec_each (t, &(*r)->ifaces)
				good &= !good || check_name(c, &ports, t, (*r)->lo, (*r)->hi);
	vec_each (s, &c->f->sets)
		vec_each (e, &(*s)->elements)
			if ((*s)->map)
				good &= !good ||
					check_name(c, &ports, &e->name, e->text_lo, e->text_hi);
	return good;
}

/* --- the script --- */

static bool (*const readers[SYNTAXES])(struct script_form *) = {
	[SYNTAX_NFT] = read_nft,
};

static bool check_form(struct checker *c)
{
	bool good;
	if (!readers[c->syntax](c->f) || !eval_seats_known(c->f, c->syntax))
		return false;
	good = check_names(c);
	vec_each (ch, &c->f->chains)
		c->report->rules += ch->rules.n;
	vec_each (pd, &c->build->ports)
		if (!c->f->failed)
			good &= check_port(c, pd);
	return good && !c->f->failed;
}

bool verify_script(struct arena *a, struct diags *ds, uint32_t file, const struct build *b,
		   struct verify_report *out)
{
	const struct source *src = source_get(ds->sources, file);
	struct script_form f = {.arena = a, .ds = ds, .file = file, .text = src->text};
	struct checker c = {.f = &f, .build = b, .report = out, .syntax = SYNTAX_NFT};
	f.end = f.text.len;
	*out = (struct verify_report){.tool = str_from(syntax_names[c.syntax])};
	f.sp = space_open(a);
	if (!f.sp)
		return too_large(&c);
	bool good = check_form(&c);
	vec_each (u, &f.unread)
		*vec_push(a, &out->unread) = *u;
	out->no_hooks = f.no_hooks;
	space_close(f.sp);
	return good;
}
