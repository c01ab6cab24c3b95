/* SPDX-License-Identifier: MIT */
/*
 * diff: which packets two versions of filters and ports treat differently.
 */
#include "ir/findings.h"
#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "nwfc/diff.h"

static const char *const form_names[] = {"text", "json", "markdown", "html", NULL};
static diff_form *const forms[] = {diff_text, diff_json, diff_markdown, diff_html};

static bool too_large(struct diff *d, const struct pair *p)
{
	if (!sets_failed(d->space->sets))
		return false;
	diag_add(&d->s->diags, FINDING(E603), (struct span){0},
		 "%.*s: its sets of packets are too many to compare", STR_ARG(pair_title(d, p)));
	return true;
}

/* A port that is only in one version has no rules in the other: that is said, not searched. */
static bool compare_pair(struct diff *d, struct pair *p)
{
	struct difference x = {.pair = p};
	d->compared++;
	if (pair_is_same(d->v, p))
		return true;
	if (p->port[BEFORE] && p->port[NOW]) {
		size_t mark = sets_mark(d->space->sets);
		diff_ports(d->space, p->port[BEFORE], p->port[NOW], &x.changes);
		vec_each (c, &x.changes.list)
			*vec_push(d->s->arena, &x.regions) = region_of(
				d->space,
				pset_simplify(d->space->sets, c->packets, d->space->valid),
				DIFF_BOXES);
		if (too_large(d, p))
			return false;
		sets_release(d->space->sets, mark, NULL, 0);
		if (!x.changes.list.n)
			return true;
		for (int side = 0; side < SIDES; side++)
			x.usual[side] = usual_packet(p->port[NOW], (enum side)side);
	}
	*vec_push(d->s->arena, &d->list) = x;
	return true;
}

/* The most that one comparison looks at. */
static uint32_t most_rules(const struct diff *d)
{
	uint32_t most = 0;
	vec_each (p, &d->v->pairs) {
		uint32_t n = 0;
		for (int v = 0; v < VERSIONS; v++)
			n += p->port[v] ? program_rules(p->port[v]->program) : 0;
		most = n > most ? n : most;
	}
	return most;
}

static bool compare(struct diff *d)
{
	d->space = space_open_for(d->s->arena, most_rules(d));
	bool good = d->space != NULL;
	if (!good)
		diag_add(&d->s->diags, FINDING(E603), (struct span){0}, "for sets of packets");
	vec_each (p, &d->v->pairs)
		good = good && compare_pair(d, p);
	return good;
}

static bool print(struct diff *d, diff_form *form)
{
	struct output o;
	if (!output_open(d->s, option_value(d->s->opt, OPT_OUTPUT), false, &o))
		return false;
	form(d, &o.buf);
	return output_close(d->s, &o) && output_commit(d->s, &o);
}

enum exit_code cmd_diff(struct session *s)
{
	struct versions v = {0};
	struct diff d = {.s = s, .v = &v};
	int form = option_choice(s->opt, OPT_FORMAT, form_names);
	if (s->opt->inputs.n != 2)
		return usage("diff wants two inputs, the old one and the new one (files, "
			     "directories, or "
			     "REV:PATH of a git repository)");
	if (form < 0)
		return usage("--format wants text, json, markdown or html");
	for (int i = 0; i < VERSIONS; i++)
		d.names[i] = s->opt->inputs.items[i];
	bool good = versions_load(s, d.names[BEFORE], d.names[NOW], &v) && compare(&d) &&
		    print(&d, forms[form]);
	space_close(d.space);
	enum exit_code code = session_verdict(s);
	return code != EXIT_GOOD || !good ? EXIT_BAD_INPUT : d.list.n ? EXIT_FINDINGS : EXIT_GOOD;
}
