/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "review/readback/verify.h"

#include <string.h>

#include "ir/findings.h"
#include "review/meaning.h"
#include "review/packet_bytes.h"
#include "review/packet_words.h"
#include "review/readback/exceptions.h"
#include "review/readback/readers.h"

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

/* A packet of a set, with one answer to whatever else the set asks (bits of headers that the
 * packet does not have). */
static pset this_packet(struct space *sp, const struct packet *p, pset set)
{
	struct sets *s = sp->sets;
	pset packet = space_packet(sp, p), left = pset_and(s, packet, set), only = packet;
	while (left > PSET_ALL) {
		uint32_t bit = pset_first_bit(s, left);
		bool one = pset_without(s, left) == PSET_NONE;
		only = pset_and(s, only, pset_bit(s, bit, one));
		left = one ? pset_with(s, left) : pset_without(s, left);
	}
	return only;
}

static struct str words_of(struct script_form *f, const struct packet *p,
			   const struct packet usual[SIDES])
{
	struct buf b;
	buf_memory(&b);
	packet_print_words(&b, p, usual);
	return buf_take(f->arena, &b);
}

/* Bits that the space does not have, as far as the difference depends on them. */
static void put_private(struct script_form *f, pset only, enum base base, char *header, size_t n)
{
	struct sets *s = f->sp->sets;
	for (uint32_t i = 0; i < 512 && i / 8 < n; i++) {
		char one = (char)(0x80 >> i % 8);
		if (!f->private[base][i])
			continue;
		pset bit = header_private(f, base, i);
		if (pset_within(s, only, bit))
			header[i / 8] |= one;
		else if (pset_and(s, only, bit) == PSET_NONE)
			header[i / 8] &= (char)~one;
	}
}

enum { ETHER_HEADER = 14 };

/* Where the transport header is, or data in its place. */
static uint32_t transport_at(const struct packet *p)
{
	bool six = packet_meets(p, C_IP6);
	return ETHER_HEADER + (six ? 40 : 20) + (six && p->v[V_FRAGMENT] ? 8 : 0);
}

static void say_bytes(struct script_form *f, struct finding *x, const struct packet *p, pset only)
{
	const char *why;
	struct str b = packet_to_bytes(f->arena, p, &why);
	uint32_t th = transport_at(p);
	if (!b.len)
		return;
	char *bytes = arena_copy(f->arena, b.s, b.len);
	if (packet_meets(p, C_IP) && b.len > th)
		put_private(f, only, BASE_TRANSPORT, bytes + th, b.len - th);
	diag_note(f->ds, x, (struct span){0}, "as bytes: %.*s",
		  STR_ARG(bytes_to_hex(f->arena, (struct str){bytes, b.len})));
}

static void say_witness(struct checker *c, const struct seat *seat, const struct port_data *pd,
			const struct side_meaning *m, const struct wanted *w, pset differ)
{
	struct script_form *f = c->f;
	struct packet usual[SIDES] = {usual_packet(pd, SIDE_OUT), usual_packet(pd, SIDE_IN)};
	struct packet p = space_witness(f->sp, differ, &usual[seat->side]);
	pset only = this_packet(f->sp, &p, differ);
	struct outcome got;
	eval_seat(f, seat, pd->port->name, only, &got);
	const struct rule_meaning *by = last_decider(f->sp, m, &p, (enum layer)seat->layer);
	int want = outcome_of(f->sp, w->passed, w->dropped, only);
	int have = outcome_of(f->sp, got.passed, got.dropped, only);
	struct str words = words_of(f, &p, usual);
	int behind = authentication_proto(f, &p, only);
	bool both = behind >= 0 && want == have; /* the space has no packet with both protocols */
	if (behind >= 0)
		words = str_printf(f->arena, "%.*s, behind it protocol %d", STR_ARG(words), behind);
	if (both)
		want = !have;
	struct finding *x = diag_add(f->ds, FINDING(E802), rule_span(got.decider, f->file),
				     "%s %s, %s (%s): %.*s: the filter says %s, the script %s",
				     syntax_names[c->syntax], side_names[seat->side],
				     seat->layer == LAYER_FRAME ? "frame" : "packet", seat->words,
				     STR_ARG(words), act_words[want], act_words[have]);
	diag_note(f->ds, x, pd->port->name_span, "port %.*s", STR_ARG(pd->port->name));
	if (by && !both)
		diag_note(f->ds, x, by->rule->source->span, "the rule that decides");
	else if (!both)
		diag_note(f->ds, x, pd->port->filter.span, "no rule of the filter decides");
	say_bytes(f, x, &p, only);
	c->witnesses++;
}

/* --- a part of a filter --- */

/* The engine has no room left, or the script no end. */
static bool too_large(struct checker *c)
{
	c->report->too_large = true;
	c->f->failed = true;
	return false;
}

static pset differing(struct checker *c, const struct seat *seat, const struct port_data *pd,
		      pset wanted, pset got)
{
	struct sets *s = c->f->sp->sets;
	pset d = pset_and(s, pset_xor(s, wanted, got), asked_at(c->f->sp, seat));
	d = authentication_differs(c->f, seat, pd, d, wanted, got);
	return d == PSET_NONE ? d : pset_minus(s, d, excepted(c->f, seat, pd, wanted));
}

/* What a guest sends goes on to the rules of who gets it, and to the host's own. */
static bool goes_on(struct checker *c, const struct seat *seat, const struct port_data *pd,
		    const struct outcome *got)
{
	if ((seat->hook != HOOK_FORWARD && seat->hook != HOOK_INPUT) || seat->side != SIDE_OUT ||
	    got->accepted == PSET_NONE)
		return true;
	struct finding *x = diag_add(c->f->ds, FINDING(E802), rule_span(got->acceptor, c->f->file),
				     "%s %s, %s (%s): the script accepts packets here, so no rule "
				     "behind it, for who gets "
				     "them, is asked",
				     syntax_names[c->syntax], side_names[seat->side],
				     seat->layer == LAYER_FRAME ? "frame" : "packet", seat->words);
	diag_note(c->f->ds, x, pd->port->name_span, "port %.*s", STR_ARG(pd->port->name));
	c->f->failed = true;
	return false;
}

static bool check_seat(struct checker *c, const struct seat *seat, const struct port_data *pd,
		       const struct side_meaning *m)
{
	struct space *sp = c->f->sp;
	struct outcome got;
	struct wanted w = {m->layer_passed[seat->layer], m->layer_dropped[seat->layer],
			   m->layer_rejected[seat->layer]};
	soften_reject(sp, seat, &w);
	bool done = eval_seat(c->f, seat, pd->port->name, asked_at(sp, seat), &got);
	if (c->f->failed)
		return false;
	if (!done || sets_failed(sp->sets))
		return too_large(c);
	if (!goes_on(c, seat, pd, &got))
		return false;
	pset d = differing(c, seat, pd, w.dropped, got.dropped);
	pset r = differing(c, seat, pd, w.rejected, got.rejected);
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
	sets_release(s, mark, NULL, 0);
	return good && !c->f->failed;
}

/* --- names that the inputs do not have --- */

static bool check_name(struct checker *c, const struct map *ports, const struct iface_test *t,
		       uint32_t lo, uint32_t hi)
{
	if (t->prefix || map_find(ports, t->name))
		return true;
	diag_add(c->f->ds, FINDING(E802), (struct span){c->f->file, lo, hi},
		 "the script has rules for '%.*s', and the inputs have no such port",
		 STR_ARG(t->name));
	return false;
}

/* A device of a hook: a macvtap, for only these are looked at there. */
static bool check_device(struct checker *c, const struct map *ports, const struct chain_form *ch,
			 const struct iface_test *t)
{
	const struct map_entry *e = t->prefix ? NULL : map_find(ports, t->name);
	const struct port_data *pd = e ? e->cptr : NULL;
	if (pd && pd->port->direct)
		return true;
	diag_add(c->f->ds, FINDING(E802), (struct span){c->f->file, 0, 0},
		 "chain '%.*s' hangs at '%.*s', and the inputs have no macvtap of this name",
		 STR_ARG(ch->name), STR_ARG(t->name));
	return false;
}

static bool check_names(struct checker *c)
{
	struct map ports = {0};
	bool good = true, added;
	vec_each (pd, &c->build->ports)
		map_put(c->f->arena, &ports, pd->port->name, &added)->cptr = pd;
	vec_each (ch, &c->f->chains)
		vec_each (t, &ch->devs)
			good &= !good || check_device(c, &ports, ch, t);
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

static bool read_iptables4(struct script_form *f)
{
	return read_iptables(f, false);
}

static bool read_iptables6(struct script_form *f)
{
	return read_iptables(f, true);
}

static bool (*const readers[SYNTAXES])(struct script_form *) = {
	[SYNTAX_NFT] = read_nft,
	[SYNTAX_EBTABLES] = read_ebtables,
	[SYNTAX_IPTABLES] = read_iptables4,
	[SYNTAX_IP6TABLES] = read_iptables6,
};

static bool check_form(struct checker *c)
{
	struct script_form *f = c->f;
	bool good;
	if (!readers[c->syntax](f) || !eval_seats_known(f, c->syntax))
		return false;
	good = check_names(c);
	vec_each (ch, &f->chains)
		c->report->rules += ch->rules.n;
	vec_each (u, &f->unread)
		*vec_push(f->arena, &c->report->unread) = *u;
	c->report->no_hooks |= f->no_hooks;
	vec_each (pd, &c->build->ports)
		if (!f->failed)
			good &= check_port(c, pd);
	return good && !f->failed;
}

/* What stands first in a script tells for which tool it is. */
static bool find_syntax(struct script_form *f, enum syntax *out)
{
	static const struct {
		const char *mark;
		enum syntax syntax;
	} marks[] = {{"\n# ebtables-restore ", SYNTAX_EBTABLES},
		     {"\n# iptables-restore ", SYNTAX_IPTABLES},
		     {"\n# ip6tables-restore ", SYNTAX_IP6TABLES},
		     {"\nadd table ", SYNTAX_NFT},
		     {"\ntable ", SYNTAX_NFT}};
	const char *first = NULL;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		const char *p =
			memmem(f->text.s, f->text.len, marks[i].mark, strlen(marks[i].mark));
		if (p && (!first || p < first)) {
			first = p;
			*out = marks[i].syntax;
		}
	}
	return first || unread(f, 0, 0,
			       "for which tool is this script? Its head says neither a "
			       "table nor ebtables-restore, iptables-restore or ip6tables-restore");
}

/* A part of a script for itself, in the space of the whole. */
static bool check_part(struct checker *c, enum syntax syntax, uint32_t begin, uint32_t end)
{
	const struct script_form *whole = c->f;
	struct script_form f = {.arena = whole->arena,
				.sp = whole->sp,
				.ds = whole->ds,
				.file = whole->file,
				.text = whole->text,
				.sofar = PSET_ALL,
				.begin = begin,
				.end = end};
	struct checker part = {.f = &f,
			       .build = c->build,
			       .report = c->report,
			       .syntax = syntax,
			       .witnesses = c->witnesses};
	bool good = check_form(&part);
	c->witnesses = part.witnesses;
	return good;
}

/* A family whose packets are asked of rules must be handed over by the bridge. */
static bool check_sysctls(struct checker *c, const struct script_parts *parts)
{
	static const char *const names[] = {"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"};
	bool good = true;
	vec_each (pd, &c->build->ports)
		for (int six = 0; six < 2 && good; six++) {
			const char *name = names[six];
			if (!pd->program->has_packet[six] ||
			    memmem(parts->sysctls.s, parts->sysctls.len, name, strlen(name)))
				continue;
			good = false;
			diag_add(c->f->ds, FINDING(E802),
				 (struct span){c->f->file, parts->apply_lo, parts->apply_hi},
				 "the script does not ask for %s, without which its rules see no "
				 "packet",
				 name);
		}
	return good;
}

/* What is not loaded is as if it was not there. */
static bool check_xtables(struct checker *c)
{
	static const char *const units[SYNTAXES] = {[SYNTAX_EBTABLES] = "ebtables",
						    [SYNTAX_IPTABLES] = "iptables",
						    [SYNTAX_IP6TABLES] = "ip6tables"};
	struct script_parts parts;
	if (!read_xtables(c->f, &parts))
		return false;
	bool good = check_sysctls(c, &parts);
	for (int x = SYNTAX_EBTABLES; x < SYNTAXES; x++) {
		uint32_t begin = 0, end = 0;
		vec_each (p, &parts.list)
			if (p->applied && str_is(p->unit, units[x])) {
				begin = p->begin;
				end = p->end;
			}
		good &= check_part(c, (enum syntax)x, begin, end);
	}
	vec_each (p, &parts.list)
		if (memchr(p->unit.s, '_', p->unit.len))
			*vec_push(c->f->arena, &c->report->unread) = p->unit;
	c->report->no_hooks = false;
	return good;
}

static bool check_script(struct checker *c)
{
	enum syntax syntax = SYNTAX_NFT;
	bool whole = is_xtables_script(c->f->text);
	if (whole) {
		c->report->tool = STR("xtables");
		return check_xtables(c);
	}
	if (!find_syntax(c->f, &syntax))
		return false;
	c->report->tool = str_from(syntax_names[syntax]);
	return check_part(c, syntax, 0, c->f->text.len);
}

bool verify_script(struct arena *a, struct diags *ds, uint32_t file, const struct build *b,
		   struct verify_report *out)
{
	const struct source *src = source_get(ds->sources, file);
	struct script_form f = {.arena = a, .ds = ds, .file = file, .text = src->text};
	struct checker c = {.f = &f, .build = b, .report = out};
	*out = (struct verify_report){0};
	f.sp = space_open(a);
	if (!f.sp)
		return too_large(&c);
	bool good = check_script(&c);
	out->ports = b->ports.n;
	space_close(f.sp);
	return good;
}
