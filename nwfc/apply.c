/* SPDX-License-Identifier: MIT */
/*
 * Bridges come first: what is pinned or isolated there only takes away, and each
 * step can be taken back. Rules come second, since they are loaded whole or not
 * at all; when they are not, the bridges' steps are taken back.
 */
#include "nwfc/apply.h"

extern const char script_prelude[];

static const struct loader {
	const char *target;
	const char *load;   /* from the directory of the script */
	const char *remove; /* reads what the target's removal is */
} loaders[] = {
	{"nft", "nft -f nwfc.nft", "nft -f -"},
	{"xtables", "sh xtables", "sh -s"},
};
enum { LOADERS = sizeof loaders / sizeof loaders[0] };

#define DELIMITER "END-OF-REMOVAL"

static const struct job *find_job(const struct compile *c, const char *name)
{
	vec_each (j, &c->jobs)
		if (strcmp(j->target->name, name) == 0)
			return j;
	return NULL;
}

bool apply_wanted(const struct compile *c)
{
	bool rules = false;
	for (unsigned i = 0; i < LOADERS; i++)
		rules |= find_job(c, loaders[i].target) != NULL;
	return c->dir && !c->changes && c->s->opt->command == CMD_COMPILE && rules &&
	       find_job(c, "bridge");
}

const char *apply_name(unsigned i)
{
	return i ? "remove" : "apply";
}

/*
 * The first of the loaders that the run has is what is meant without a word. One
 * lock for the whole: a run between our two halves would build on what may be undone.
 */
static void put_choice(struct compile *c, struct buf *out)
{
	const char *first = NULL;
	for (unsigned i = 0; i < LOADERS && !first; i++)
		first = find_job(c, loaders[i].target) ? loaders[i].target : NULL;
	buf_lit(out, "CDPATH= cd -- \"$(dirname -- \"$0\")\" || exit 1\n");
	buf_str(out, str_from(script_prelude));
	buf_printf(out,
		   "\nneed_root\nlock\nNWFC_LOCK=\nexport NWFC_LOCK\n"
		   "case ${1-%s} in\n",
		   first);
}

static void put_end(struct buf *out)
{
	buf_lit(out, "*)\n\techo \"nwfc: there are no rules for '$1' here\" >&2\n\texit 2\n\t;;\n"
		     "esac\n");
}

static void put_apply(struct compile *c, struct buf *out)
{
	put_choice(c, out);
	for (unsigned i = 0; i < LOADERS; i++)
		if (find_job(c, loaders[i].target))
			buf_printf(out, "%s) load='%s' ;;\n", loaders[i].target, loaders[i].load);
	put_end(out);
	buf_lit(out, "NWFC_UNDO=$(mktemp \"${TMPDIR:-/tmp}/nwfc.XXXXXX\") || exit 1\n"
		     "export NWFC_UNDO\n"
		     "trap 'rm -f \"$NWFC_UNDO\"' EXIT\ntrap '' HUP INT TERM\n"
		     "failed=1\n"
		     "if sh bridge apply; then\n\t$load && exit\n\tfailed=$?\n"
		     "elif [ ! -s \"$NWFC_UNDO\" ]; then\n\texit 1\nfi\n"
		     "[ ! -s \"$NWFC_UNDO\" ] || sh bridge undo || exit 1\n"
		     "[ $failed = 3 ] || say 'nothing has been changed'\nexit $failed\n");
}

/*
 * Rules go first: a guest whose bridge is open again meets none of ours either way. The
 * tables go whole, so bridges forget all of the record, too: also guests of earlier scripts.
 */
static void put_remove(struct compile *c, struct buf *out)
{
	put_choice(c, out);
	for (unsigned i = 0; i < LOADERS; i++) {
		const struct job *j = find_job(c, loaders[i].target);
		if (!j)
			continue;
		buf_printf(out, "%s)\n\t%s <<'" DELIMITER "' || exit 1\n", loaders[i].target,
			   loaders[i].remove);
		j->target->remove(&c->emit, &c->build, out);
		buf_lit(out, DELIMITER "\n\t;;\n");
	}
	put_end(out);
	buf_lit(out, "exec sh bridge remove all\n");
}

void apply_write(struct compile *c, unsigned i, struct buf *out)
{
	buf_printf(out, "#!/bin/sh\n# nwfc %s: %s\n", NWFC_VERSION,
		   i ? "rules and what bridges were told, taken away"
		     : "bridges and rules, all of it or nothing");
	(i ? put_remove : put_apply)(c, out);
}
