/* SPDX-License-Identifier: MIT */
/*
 * An nft script: its tables, with sets, maps and chains.
 */
#include <string.h>

#include "review/readback/nft_token.h"
#include "review/readback/readers.h"

/* --- sets --- */

struct columns {
	const struct field_ref *fields[8];
	uint32_t n;
};

static bool read_typeof(struct cursor *c, struct eset *s, struct columns *cols)
{
	if (!want(c, "typeof"))
		return false;
	do {
		int iface;
		if (s->columns == 8)
			return not_understood(c, "at most eight columns");
		const struct field_ref *r = want_field(c, &iface);
		if (!r && !iface)
			return false;
		if (iface && s->iface_column >= 0)
			return not_understood(c, "one column of interfaces");
		if (iface)
			s->iface_column = (int)s->columns;
		else
			cols->fields[cols->n++] = r;
		s->columns++;
	} while (take(c, "."));
	if (s->map)
		return want(c, ":") && want(c, "verdict");
	return true;
}

static bool read_flags(struct cursor *c, struct eset *s)
{
	do {
		if (take(c, "dynamic"))
			s->dynamic = true;
		else if (!take(c, "interval") && !take(c, "timeout"))
			return not_understood(c, "interval, timeout or dynamic");
	} while (take(c, ","));
	return true;
}

/* 1d2h3m4s5ms: how long it stays; what is meant is the time in which it is there. */
static bool read_timeout(struct cursor *c)
{
	struct str s = c->now.text;
	bool good = c->now.kind == TK_WORD && s.len && s.s[0] >= '0' && s.s[0] <= '9';
	for (uint32_t i = 0; i < s.len; i++)
		good &= (s.s[i] >= '0' && s.s[i] <= '9') || strchr("dhms", s.s[i]);
	if (!good)
		return not_understood(c, "a time");
	next(c);
	return true;
}

static bool read_element(struct cursor *c, struct eset *s, const struct columns *cols)
{
	struct element *e = vec_push(c->f->arena, &s->elements);
	uint32_t at = 0;
	*e = (struct element){.text_lo = c->now.lo};
	for (uint32_t i = 0; i < s->columns; i++) {
		if (i && !want(c, "."))
			return false;
		if ((int)i == s->iface_column
			    ? !want_iface(c, &e->name)
			    : !read_element_value(c, cols->fields[at], &e->lo[at], &e->hi[at]))
			return false;
		at += (int)i != s->iface_column;
	}
	if (take(c, "timeout") && !read_timeout(c))
		return false;
	if (s->map && (!want(c, ":") || !take_act(c, &e->act, &e->target)))
		return not_understood(c, "jump, goto or a verdict");
	e->text_hi = c->now.lo;
	if (s->iface_column >= 0)
		form_index_element(c->f, s, s->elements.n - 1);
	return true;
}

static bool read_elements(struct cursor *c, struct eset *s, const struct columns *cols)
{
	if (!want(c, "=") || !want(c, "{"))
		return false;
	do {
		skip_lines(c);
		if (is_word(c, "}"))
			break;
		if (!read_element(c, s, cols))
			return false;
		skip_lines(c);
	} while (take(c, ","));
	return want(c, "}");
}

static bool read_set(struct cursor *c, bool map)
{
	struct eset *s = form_set(c->f, c->table, c->now.text);
	struct columns cols = {.n = 0};
	u128 size;
	if (c->now.kind != TK_WORD || s->defined)
		return not_understood(c, "a new set's name");
	s->defined = true;
	s->map = map;
	next(c);
	if (!want(c, "{"))
		return false;
	skip_lines(c);
	if (!read_typeof(c, s, &cols))
		return false;
	for (skip_lines(c); !is_word(c, "}"); skip_lines(c))
		if (take(c, "flags")      ? !read_flags(c, s)
		    : take(c, "size")     ? !want_number(c, UINT32_MAX, &size)
		    : take(c, "elements") ? !read_elements(c, s, &cols)
					  : !not_understood(c, "flags, size or elements"))
			return false;
	return want(c, "}");
}

/* --- chains --- */

static bool read_devices(struct cursor *c, struct chain_form *ch)
{
	if (!want(c, "=") || !want(c, "{"))
		return false;
	do {
		if (!want_iface(c, vec_push(c->f->arena, &ch->devs)))
			return false;
	} while (take(c, ","));
	return want(c, "}");
}

/* type filter hook HOOK [devices = { ... }] priority N; policy accept; */
static bool read_hook(struct cursor *c, struct chain_form *ch)
{
	static const struct {
		const char *word;
		enum hook hook;
	} hooks[] = {{"prerouting", HOOK_PREROUTING},
		     {"postrouting", HOOK_POSTROUTING},
		     {"ingress", HOOK_INGRESS},
		     {"egress", HOOK_EGRESS}};
	u128 n;
	if (!want(c, "filter") || !want(c, "hook"))
		return false;
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
		if (ch->hook == HOOK_NONE && take(c, hooks[i].word))
			ch->hook = hooks[i].hook;
	if (ch->hook == HOOK_NONE)
		return not_understood(c, "a hook");
	if (take(c, "devices") && !read_devices(c, ch))
		return false;
	if (!want(c, "priority"))
		return false;
	struct str s = c->now.text;
	bool minus = s.len && s.s[0] == '-';
	if (c->now.kind != TK_WORD ||
	    !read_number((struct str){s.s + minus, s.len - minus}, 100000, &n))
		return not_understood(c, "a number");
	ch->priority = minus ? -(int)n : (int)n;
	next(c);
	if (!want(c, ";") || !want(c, "policy"))
		return false;
	ch->drops = take(c, "drop");
	return (ch->drops || want(c, "accept")) && want(c, ";");
}

static bool read_chain(struct cursor *c)
{
	if (c->now.kind != TK_WORD)
		return not_understood(c, "a chain's name");
	uint32_t index = form_chain(c->f, c->table, c->now.text);
	struct chain_form *ch = &c->f->chains.items[index];
	if (ch->defined)
		return not_understood(c, "a new chain's name");
	ch->defined = true;
	next(c);
	if (!want(c, "{"))
		return false;
	skip_lines(c);
	if (take(c, "type") && !read_hook(c, ch))
		return false;
	for (skip_lines(c); !is_word(c, "}"); skip_lines(c)) {
		if (c->now.kind == TK_END)
			return not_understood(c, "}");
		if (!read_rule(c, ch))
			return false;
	}
	return want(c, "}");
}

/* --- tables --- */

/* A table of another family holds rules for networks, not for ports. */
static bool pass_over_table(struct cursor *c)
{
	*vec_push(c->f->arena, &c->f->unread) =
		str_printf(c->f->arena, "table %.*s", STR_ARG(c->table));
	for (uint32_t depth = 1; depth; next(c)) {
		if (c->now.kind == TK_END)
			return not_understood(c, "}");
		depth += is_word(c, "{");
		depth -= is_word(c, "}");
	}
	return true;
}

static bool read_table_name(struct cursor *c, struct str *family)
{
	static const char *const families[] = {"bridge", "netdev", "inet", "ip", "ip6"};
	size_t i = 0;
	while (i < sizeof families / sizeof *families && !is_word(c, families[i]))
		i++;
	if (i == sizeof families / sizeof *families)
		return not_understood(c, "a family of tables");
	*family = next(c).text;
	if (c->now.kind != TK_WORD)
		return not_understood(c, "a table's name");
	c->table = str_printf(c->f->arena, "%.*s %.*s", STR_ARG(*family), STR_ARG(c->now.text));
	next(c);
	return true;
}

static bool read_table(struct cursor *c)
{
	struct str family;
	uint32_t lo = c->now.lo;
	if (!read_table_name(c, &family) || !want(c, "{"))
		return false;
	if (!str_is(family, "bridge") && !str_is(family, "netdev"))
		return pass_over_table(c);
	if (!map_find(&c->f->emptied, c->table))
		return unread(
			c->f, lo, c->now.lo,
			"this table is not deleted first, so what it holds would stay and come "
			"before its new rules");
	for (skip_lines(c); !is_word(c, "}"); skip_lines(c))
		if (take(c, "set")     ? !read_set(c, false)
		    : take(c, "map")   ? !read_set(c, true)
		    : take(c, "chain") ? !read_chain(c)
				       : !not_understood(c, "set, map or chain"))
			return false;
	return want(c, "}");
}

/* Has a table of ours something in it by now? */
static bool is_filled(const struct script_form *f, struct str table)
{
	vec_each (c, &f->chains)
		if (str_eq(c->table, table))
			return true;
	vec_each (x, &f->sets)
		if (str_eq((*x)->table, table))
			return true;
	return false;
}

/*
 * add and delete in front empty the table, and behind it they would take it away again; an element
 * of a change is none of a whole script.
 */
static bool read_command(struct cursor *c)
{
	struct str family;
	uint32_t lo = c->now.lo;
	bool remove = take(c, "delete");
	if (!remove && !take(c, "add"))
		return want(c, "table") && read_table(c);
	if (!want(c, "table") || !read_table_name(c, &family))
		return false;
	if (remove && is_filled(c->f, c->table))
		return unread(c->f, lo, c->now.lo,
			      "to delete a table behind its rules takes them away again");
	bool added;
	if (remove)
		map_put(c->f->arena, &c->f->emptied, c->table, &added);
	return c->now.kind == TK_LINE || c->now.kind == TK_END ||
	       not_understood(c, "the end of the line");
}

bool read_nft(struct script_form *f)
{
	struct cursor c;
	cursor_start(&c, f);
	for (skip_lines(&c); c.now.kind != TK_END && !f->failed; skip_lines(&c))
		if (!read_command(&c))
			return false;
	return form_resolve(f);
}
