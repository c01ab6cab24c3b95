/* SPDX-License-Identifier: MIT */
#include "nwfc/verify.h"

#include "ir/findings.h"
#include "review/readback/verify.h"

/*
 * What a proof costs, in microseconds, from measurements (clean-traffic for many
 * ports, products of lists, a thousand rules): so much to begin, so much for each rule that
 * is read and walked, and a part that grows with the square, since what comes to a
 * rule is all that the rules before it left.
 */
#define COST_START  2500.0
#define COST_RULE   45.0
#define COST_SQUARE 0.15
#define COST_MOST   50000.0

/* As enum verify_mode; without an argument the option says its own name. */
static const char *const modes[] = {"auto", "always", "never", "verify", NULL};

const char *verify_options(struct compile *c)
{
	int mode = option_choice(c->s->opt, OPT_VERIFY, modes);
	if (mode < 0)
		return "--verify wants always, auto or never, behind a =";
	c->verify_asked = option_given(c->s->opt, OPT_VERIFY);
	c->verify = mode > VERIFY_NEVER ? VERIFY_ALWAYS : (enum verify_mode)mode;
	if (c->verify == VERIFY_ALWAYS && c->changes)
		return "--verify reads whole scripts, and --since writes a change";
	return NULL;
}

/* --- what it will cost --- */

/* nft looks into a set; the classic tools have a line for each instance. */
static double rule_lines(const struct prule *r, const struct port_data *pd, bool nft)
{
	double n = (double)prule_product(r, pd);
	return nft ? 1 + n / 8 : n;
}

static double part_lines(const struct part *p, const struct port_data *pd, bool nft, double seats)
{
	double n = 0;
	vec_each (c, &p->chains)
		vec_each (it, &c->items)
			n += it->kind == ITEM_RULE ? rule_lines(it->rule, pd, nft) : 1;
	vec_each (r, &p->packet)
		n += seats * rule_lines(*r, pd, nft);
	return n;
}

static double cost(const struct compile *c, const struct job *j)
{
	bool nft = strcmp(j->target->family, "nft") == 0;
	double all = COST_START;
	vec_each (pd, &c->build.ports) {
		double n = part_lines(&pd->program->parts[SIDE_OUT], pd, nft, nft ? 1 : 3) +
			   part_lines(&pd->program->parts[SIDE_IN], pd, nft, 1);
		all += n * COST_RULE + n * n * COST_SQUARE;
		if (all > COST_MOST)
			break;
	}
	return all;
}

/* --- whether --- */

/* What is allowed to be lost makes a script differ on purpose. */
static bool has_losses(const struct compile *c)
{
	vec_each (f, &c->s->diags.list)
		if ((*f)->kind == FINDING(E501) || (*f)->kind == FINDING(E502) ||
		    (*f)->kind == FINDING(E503))
			return true;
	return false;
}

static bool left_out(struct compile *c, const struct job *j, const char *why)
{
	if (c->verify_asked && c->verify != VERIFY_NEVER)
		diag_add(&c->s->diags, FINDING(N804), (struct span){0}, "%s: %s", j->target->name,
			 why);
	return false;
}

bool verify_wanted(struct compile *c, const struct job *j)
{
	if (c->verify == VERIFY_NEVER || c->s->opt->command != CMD_COMPILE)
		return false;
	if (strcmp(j->target->name, "bridge") == 0)
		return false;
	if (c->changes)
		return left_out(c, j, "a change is no whole script");
	if (has_losses(c))
		return left_out(c, j, "it lacks what --allow-loss allows");
	return c->verify == VERIFY_ALWAYS || cost(c, j) <= COST_MOST ||
	       left_out(c, j, "a proof would take longer than 50 ms");
}

static bool say_too_large(struct compile *c, const struct job *j)
{
	if (c->verify != VERIFY_ALWAYS)
		return !left_out(c, j, "the sets of packets become too large");
	diag_add(&c->s->diags, FINDING(E803), (struct span){0}, "target %s", j->target->name);
	return false;
}

/*
 * By itself nothing is refused that is not shown to be wrong: a word that the reader
 * does not know is its own lack, and is said where it was asked for.
 */
static bool only_unread(const struct diags *ds)
{
	vec_each (f, &ds->list)
		if ((*f)->severity == SEV_ERROR && (*f)->kind != FINDING(E801))
			return false;
	return ds->list.n > 0;
}

bool verify_text(struct compile *c, const struct job *j, struct str text)
{
	struct arena *a = c->s->arena;
	struct diags *ds = &c->s->diags, quiet = {.arena = a, .sources = &c->s->sources, .max = 8};
	struct verify_report report;
	uint32_t file =
		source_add(&c->s->sources, str_printf(a, "<script for %s>", j->target->name), text);
	if (verify_script(a, &quiet, file, &c->build, &report))
		return true;
	if (report.too_large)
		return say_too_large(c, j);
	if (c->verify != VERIFY_ALWAYS && only_unread(&quiet))
		return !left_out(c, j, "its reader does not know a word of it");
	uint32_t before = ds->list.n;
	verify_script(a, ds, file, &c->build, &report);
	if (ds->list.n > before)
		diag_hint(ds, ds->list.items[ds->list.n - 1],
			  "this is a mistake in nwfc, and nothing was written; please report it "
			  "(--verify=never goes on all the same)");
	return false;
}
