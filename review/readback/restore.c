/* SPDX-License-Identifier: MIT */
#include "review/readback/restore.h"

#include <string.h>

/* --- words --- */

static bool add_word(struct line *l, struct str text, uint32_t lo, uint32_t hi)
{
	if (l->n == l->cap) {
		uint32_t cap = l->cap ? 2 * l->cap : 64;
		struct word *more = arena_new_array(l->f->arena, struct word, cap);
		if (l->n)
			memcpy(more, l->words, l->n * sizeof *more);
		l->words = more;
		l->cap = cap;
	}
	l->words[l->n++] = (struct word){text, lo, hi};
	return true;
}

/* In double quotes, where a backslash takes the next sign as it is. Returns the end, 0: none. */
static uint32_t quoted_word(struct line *l, uint32_t lo, uint32_t end)
{
	const char *s = l->f->text.s;
	char *out = arena_new_array(l->f->arena, char, end - lo + 1);
	uint32_t n = 0, i = lo + 1;
	for (; i < end && s[i] != '"'; i++) {
		if (s[i] == '\\' && i + 1 < end)
			i++;
		out[n++] = s[i];
	}
	if (i >= end)
		return 0;
	add_word(l, (struct str){out, n}, lo, i + 1);
	return i + 1;
}

static bool split_line(struct line *l, uint32_t lo, uint32_t end)
{
	const char *s = l->f->text.s;
	l->n = l->at = 0;
	l->lo = lo;
	l->hi = end;
	while (lo < end) {
		uint32_t from = lo;
		if (s[lo] == ' ' || s[lo] == '\t') {
			lo++;
			continue;
		}
		if (s[lo] == '"') {
			lo = quoted_word(l, lo, end);
			if (!lo)
				return unread(l->f, from, end, "a text in quotes does not end");
			continue;
		}
		while (lo < end && s[lo] != ' ' && s[lo] != '\t' && s[lo] != '"')
			lo++;
		add_word(l, (struct str){s + from, lo - from}, from, lo);
	}
	return true;
}

bool line_unread(struct line *l, const char *wanted)
{
	if (l->at >= l->n)
		return unread(l->f, l->lo, l->hi, "the line ends; %s was expected", wanted);
	struct word w = l->words[l->at];
	return unread(l->f, w.lo, w.hi, "'%.*s' is not understood here; %s was expected",
		      STR_ARG(w.text), wanted);
}

bool line_word(struct line *l, struct word *w)
{
	if (l->at >= l->n)
		return line_unread(l, "a value");
	*w = l->words[l->at++];
	return true;
}

static bool line_is(const struct line *l, const char *word)
{
	return l->at < l->n && str_is(l->words[l->at].text, word);
}

bool line_negated(struct rule_reader *x)
{
	bool n = x->negated;
	x->negated = false;
	if (line_is(x->l, "!")) {
		x->l->at++;
		n = !n;
	}
	return n;
}

/* --- tests --- */

void rule_test(struct rule_reader *x, pset where, pset in, bool negated)
{
	struct sets *s = x->l->f->sp->sets;
	pset t = negated ? pset_minus(s, where, in) : pset_and(s, where, in);
	x->r->takes = pset_and(s, x->r->takes, t);
}

bool want_iface_name(struct line *l, struct iface_test *t)
{
	struct word w = {0};
	if (!line_word(l, &w))
		return false;
	t->prefix = w.text.len && w.text.s[w.text.len - 1] == '+';
	t->name = (struct str){w.text.s, w.text.len - t->prefix};
	return true;
}

bool number_range(struct str s, char sign, u128 max, u128 *lo, u128 *hi)
{
	const char *p = memchr(s.s, sign, s.len);
	if (!p) {
		bool good = read_number(s, max, lo);
		*hi = *lo;
		return good;
	}
	uint32_t n = (uint32_t)(p - s.s);
	return read_number((struct str){s.s, n}, max, lo) &&
	       read_number((struct str){p + 1, s.len - n - 1}, max, hi);
}

/* ADDRESS/MASK, where the mask has the address's form, or ADDRESS/LENGTH. */
static bool masked_address(struct str s, uint32_t width, u128 *value, u128 *mask)
{
	const char *p = memchr(s.s, '/', s.len);
	uint32_t n = p ? (uint32_t)(p - s.s) : s.len;
	u128 all = width == 128 ? ~(u128)0 : ((u128)1 << width) - 1, prefix;
	*mask = all;
	if (!read_value((struct str){s.s, n}, width, value))
		return false;
	if (!p)
		return true;
	struct str m = {p + 1, s.len - n - 1};
	if (read_number(m, width, &prefix))
		*mask = prefix ? all << (width - (uint32_t)prefix) & all : 0;
	else if (!(width == 48   ? read_mac(m, mask)
		   : width == 32 ? read_ip4(m, mask)
				 : read_ip6(m, mask)))
		return false;
	*value &= *mask;
	return true;
}

static bool read_compare(struct rule_reader *x, const struct compare_option *o)
{
	struct script_form *f = x->l->f;
	struct space *sp = f->sp;
	struct word w = {0};
	u128 a, b;
	enum var_id v = (enum var_id)o->var;
	pset where = sp->conds[o->cond], in;
	bool negated = line_negated(x);
	x->wants_proto |= o->proto;
	if (!line_word(x->l, &w))
		return false;
	x->l->at--;
	if (o->kind == OPT_ADDRESS) {
		if (!masked_address(w.text, vars[v].bits, &a, &b))
			return line_unread(x->l, "an address");
		in = space_masked(sp, v, a, b);
	} else {
		if (!number_range(w.text, o->kind == OPT_PORTS ? ':' : '\n', var_max(v), &a, &b))
			return line_unread(x->l, "a number");
		in = space_range(sp, v, a, b);
	}
	x->l->at++;
	rule_test(x, where, in, negated);
	return true;
}

/* --- rules --- */

/* Where the packet goes; a name that is no verdict is a chain. */
static void take_target(struct rule_form *r, struct word w, bool jump)
{
	static const struct {
		const char *word;
		enum act act;
	} acts[] = {{"ACCEPT", ACT_ACCEPT},
		    {"DROP", ACT_DROP},
		    {"REJECT", ACT_REJECT},
		    {"RETURN", ACT_RETURN},
		    {"CONTINUE", ACT_NEXT}};
	r->act = jump ? ACT_JUMP : ACT_GOTO;
	r->target = w.text;
	for (size_t i = 0; jump && i < sizeof acts / sizeof *acts; i++)
		if (str_is(w.text, acts[i].word))
			r->act = acts[i].act;
}

static bool read_option(struct rule_reader *x, const struct tool *t)
{
	struct word w = {0}, target = {0};
	bool known = true;
	if (!line_word(x->l, &w))
		return false;
	if (str_is(w.text, "!")) {
		x->negated = true;
		return !line_is(x->l, "!") || line_unread(x->l, "an option");
	}
	if (str_is(w.text, "-j") || str_is(w.text, "-g")) {
		if (x->negated || !line_word(x->l, &target))
			return line_unread(x->l, "an option");
		take_target(x->r, target, w.text.s[1] == 'j');
		return x->l->at == x->l->n || line_unread(x->l, "the end of the line");
	}
	for (const struct compare_option *o = t->options; o->name; o++)
		if (str_is(w.text, o->name))
			return read_compare(x, o);
	if (!t->option(x, w, &known))
		return false;
	if (known)
		return !x->negated || line_unread(x->l, "something that can be negated");
	x->l->at--;
	return line_unread(x->l, "an option");
}

static bool read_rule_line(struct line *l, const struct tool *t, struct chain_form *c, bool first)
{
	struct script_form *f = l->f;
	size_t mark = sets_mark(f->sp->sets);
	struct rule_reader x = {.l = l,
				.r = form_rule(f, l->lo, l->hi),
				.proto = -1,
				.family = f->sp->conds[t->family]};
	x.r->takes = x.family;
	while (l->at < l->n)
		if (!read_option(&x, t))
			return false;
	if (x.negated || !t->finish(&x))
		return line_unread(l, "an option");
	sets_release(f->sp->sets, mark, &x.r->takes, 1);
	struct rule_form **end = vec_push(f->arena, &c->rules);
	if (first)
		memmove(c->rules.items + 1, c->rules.items,
			(size_t)(c->rules.n - 1) * sizeof *c->rules.items);
	*(first ? c->rules.items : end) = x.r;
	return true;
}

/* --- lines --- */

static struct chain_form *want_chain(struct line *l)
{
	struct word w;
	if (!line_word(l, &w))
		return NULL;
	uint32_t index = form_chain(l->f, l->table, w.text);
	struct chain_form *c = &l->f->chains.items[index];
	if (!c->defined) {
		l->at--;
		line_unread(l, "a chain that is declared above");
		return NULL;
	}
	return c;
}

/* `:NAME RETURN` or `:NAME - [0:0]` */
static bool declare_chain(struct line *l)
{
	struct str s = l->words[0].text;
	if (s.len < 2)
		return line_unread(l, "a chain's name");
	uint32_t index = form_chain(l->f, l->table, (struct str){s.s + 1, s.len - 1});
	struct chain_form *c = &l->f->chains.items[index];
	if (c->hook != HOOK_NONE || c->defined)
		return line_unread(l, "a new chain");
	c->defined = true;
	l->at = 1;
	c->stale = l->n == 2; /* iptables empties a chain that it declares */
	bool good = l->n == 2 ? line_is(l, "RETURN")
			      : l->n == 3 && line_is(l, "-") && str_is(l->words[2].text, "[0:0]");
	return good || line_unread(l, "RETURN or - [0:0]");
}

static bool read_line(struct line *l, const struct tool *t)
{
	struct str s = l->words[0].text;
	if (s.s[0] == ':')
		return declare_chain(l);
	l->at = 1;
	bool insert = str_is(s, "-I"), flush = str_is(s, "-F");
	if (!insert && !flush && !str_is(s, "-A")) {
		l->at = 0;
		return line_unread(l, "-A, -I, -F or a chain");
	}
	struct chain_form *c = want_chain(l);
	if (!c)
		return false;
	if (!flush)
		return read_rule_line(l, t, c, insert);
	c->rules.n = 0;
	c->stale = false;
	return l->at == l->n || line_unread(l, "the end of the line");
}

static void add_bases(struct script_form *f, const struct tool *t)
{
	for (uint32_t i = 0; t->bases[i]; i++) {
		uint32_t c = form_chain(f, t->table, str_from(t->bases[i]));
		f->chains.items[c].defined = true;
		f->chains.items[c].hook = t->hooks[i];
	}
}

/* A file for loading again has no jumps from the base chains: they are there already. */
static void add_jumps(struct script_form *f, const struct tool *t)
{
	vec_each (c, &f->chains)
		if (c->hook != HOOK_NONE && c->rules.n)
			return;
	f->no_hooks = true;
	for (const char *const *j = t->jumps; *j; j += 2) {
		struct str target = str_from(j[1]);
		uint32_t to = form_chain(f, t->table, target),
			 from = form_chain(f, t->table, str_from(j[0]));
		if (!f->chains.items[to].defined)
			continue;
		struct rule_form *r = form_rule(f, f->begin, f->begin);
		r->act = ACT_JUMP;
		r->target = target;
		*vec_push(f->arena, &f->chains.items[from].rules) = r;
	}
}

/* `*TABLE`: ours, or one of networks, which is passed over. */
static bool begin_table(struct line *l, const struct tool *t, bool *ours)
{
	struct str s = {l->words[0].text.s + 1, l->words[0].text.len - 1};
	*ours = str_eq(s, t->table);
	if (*ours)
		return true;
	if (!str_is(s, "nat") && !str_is(s, "mangle"))
		return line_unread(l, "a table of ours");
	*vec_push(l->f->arena, &l->f->unread) = str_printf(l->f->arena, "table %.*s", STR_ARG(s));
	return true;
}

bool read_restore(struct script_form *f, const struct tool *t)
{
	struct line l = {.f = f, .table = t->table};
	bool ours = true;
	add_bases(f, t);
	for (uint32_t at = f->begin; at < f->end && !f->failed;) {
		const char *p = memchr(f->text.s + at, '\n', f->end - at);
		uint32_t end = p ? (uint32_t)(p - f->text.s) : f->end, lo = at;
		at = end + 1;
		if (lo == end || f->text.s[lo] == '#')
			continue;
		if (!split_line(&l, lo, end))
			return false;
		if (!l.n || (l.n == 1 && str_is(l.words[0].text, "COMMIT")))
			continue;
		if (l.words[0].text.s[0] == '*' ? !begin_table(&l, t, &ours)
						: ours && !read_line(&l, t))
			return false;
	}
	vec_each (c, &f->chains)
		if (c->stale)
			return unread(f, f->begin, f->begin,
				      "chain '%.*s' is not flushed (-F), so the rules that it has "
				      "would stay in front",
				      STR_ARG(c->name));
	add_jumps(f, t);
	return form_resolve(f);
}
