/* SPDX-License-Identifier: MIT */
#include "base/near.h"
#include "frontend/stock.h"
#include "nwfc/prove.h"

/* The name of a text: its file's, without the ending. */
static struct str ready_name(const struct stock_filter *r)
{
	const char *slash = strrchr(r->path, '/');
	struct str base = str_from(slash ? slash + 1 : r->path);
	base.len -= (uint32_t)strlen(".nwf");
	return base;
}

static bool is_of(struct str name, struct str wanted)
{
	return name.len >= wanted.len && memcmp(name.s, wanted.s, wanted.len) == 0 &&
	       (name.len == wanted.len || name.s[wanted.len] == '-');
}

static void say_unknown(struct session *s, const char *name)
{
	struct str text = str_printf(s->arena, "--ready=%s", name), list = STR("");
	struct span at = {source_add(&s->sources, STR("<command line>"), text),
			  sizeof "--ready=" - 1, text.len};
	struct nearest n = nearest_to(str_from(name));
	struct finding *f = diag_add(&s->diags, FINDING(E320), at,
				     "no assertions of this name come with the program");
	for (const struct stock_filter *r = stock_assertions; r->path; r++) {
		struct str x = ready_name(r);
		nearest_try(&n, str_printf(s->arena, "%.*s", STR_ARG(x)).s);
		list = str_printf(s->arena, "%.*s%s%.*s", STR_ARG(list), list.len ? ", " : "",
				  STR_ARG(x));
	}
	if (n.name)
		nearest_hint(&s->diags, f, &n);
	else
		diag_hint(&s->diags, f, "there are %.*s", STR_ARG(list));
}

bool ready_load(struct session *s, const char *name, struct host *h)
{
	struct library none = {0};
	struct ports ports = {0};
	struct parse_ctx cx = {.arena = s->arena,
			       .sources = &s->sources,
			       .diags = &s->diags,
			       .library = &none,
			       .ports = &ports,
			       .assertions = &h->assertions};
	bool found = false, good = true;
	for (const struct stock_filter *r = stock_assertions; r->path; r++) {
		if (!*name || !is_of(ready_name(r), str_from(name)))
			continue;
		found = true;
		good &= nwf_read(&cx,
				 source_add(&s->sources, str_from(r->path), str_from(r->text)));
	}
	if (!found)
		say_unknown(s, name);
	return found && good;
}
