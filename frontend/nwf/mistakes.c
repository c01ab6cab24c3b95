/* SPDX-License-Identifier: MIT */
/*
 * What is said of mistakes in the text: the place that its writer would mend,
 * which may lie before the one where the parser noticed, and a hint.
 */
#include "base/near.h"
#include "frontend/nwf/parser.h"
#include "frontend/nwf/words.h"
#include "nwf_grammar.h"

/* Is it in the line in which the last mistake was said? */
static bool same_statement(const struct nwf_parser *p, struct span at)
{
	if (!p->error_at || p->error_at > at.hi)
		return false;
	for (uint32_t i = p->error_at; i < at.lo; i++)
		if (p->source.s[i] == '\n' || p->source.s[i] == ';')
			return false;
	return true;
}

/* One mistake, one finding: what is odd behind the first place may follow from it. */
static bool is_news(struct nwf_parser *p, struct span at)
{
	bool news = !p->recovering && !same_statement(p, at);
	p->recovering = true;
	p->error_at = at.lo + 1 < at.hi ? at.hi : at.lo; /* not behind a newline */
	return news;
}

static struct str text_of(const struct nwf_parser *p, struct span at)
{
	return (struct str){p->source.s + at.lo, at.hi - at.lo};
}

/* --- characters --- */

/* What is quoted of a long run of characters. */
#define RUN_SAID 30

void nwf_bad_character(struct nwf_parser *p, struct span at)
{
	struct str text = text_of(p, at);
	bool cr = str_is(text, "\r"), remark = text.len > 2 && memcmp(text.s, "//", 2) == 0;
	p->bracket_said |= cr;       /* a comment may hide the rest of the text */
	if (!nwf_good_bytes(text)) { /* which has been said */
		p->recovering = true;
		return;
	}
	if (!is_news(p, at))
		return;
	uint32_t most = remark ? 2 : RUN_SAID;
	while (most < text.len && ((unsigned char)text.s[most] & 0xc0) == 0x80)
		most++;
	text.len = text.len < most ? text.len : most;
	at.hi = at.lo + text.len;
	struct finding *f = cr ? diag_add(p->diags, FINDING(E127), at,
					  "a carriage return stands here without a newline")
			       : diag_add(p->diags, FINDING(E127), at, "'%.*s' has no meaning here",
					  STR_ARG(text));
	const char *habit = nwf_habit(HABIT_SIGN, text);
	if (habit)
		diag_hint(p->diags, f, "%s", habit);
}

void nwf_open_string(struct nwf_parser *p, struct span at)
{
	if (is_news(p, at))
		diag_add(p->diags, FINDING(E127), at, "the string is not closed");
}

/* --- brackets --- */

void nwf_say_unclosed(struct nwf_parser *p, const struct nwf_open *o, const struct nwf_token *at)
{
	bool brace = o->kind == NWF_TOKEN_OPEN;
	struct finding *f = diag_add(p->diags, FINDING(E128), o->at, "this %s is not closed",
				     brace ? "brace" : "parenthesis");
	if (at->kind == NWF_TOKEN_YYEOF)
		diag_hint(p->diags, f, "write '%s' before the end of the text", brace ? "}" : ")");
	else
		diag_note(p->diags, f, at->at, "write '%s' before this", brace ? "}" : ")");
}

void nwf_say_stray(struct nwf_parser *p, const struct nwf_token *t)
{
	if (!is_news(p, t->at))
		return;
	struct finding *f = diag_add(p->diags, FINDING(E128), t->at, "'}' can not stand here");
	diag_hint(p->diags, f, "no '{' is open in this statement, and the block goes on behind it");
}

void nwf_say_brace(struct nwf_parser *p, const struct nwf_token *end, bool on_next_line)
{
	struct span at = {end->at.file, end->at.lo, end->at.lo};
	struct finding *f = diag_add(p->diags, FINDING(E128), at, "'{' is missing here");
	if (on_next_line)
		diag_hint(p->diags, f, "it stands on the line of its %s, not on the next",
			  p->first.kind == NWF_TOKEN_FILTER ? "filter" : "port");
}

/* --- words --- */

static const struct {
	const char *word;
	int token;
} item_words[] = {{"filter", NWF_TOKEN_FILTER},
		  {"port", NWF_TOKEN_PORT},
		  {"define", NWF_TOKEN_DEFINE},
		  {"include", NWF_TOKEN_INCLUDE},
		  {"assert", NWF_TOKEN_ASSERT}};
static const char *const labels[] = {"frames:", "packets:"};

static void say_misspelt(struct nwf_parser *p, const struct nwf_token *t, const struct nearest *n)
{
	struct finding *f = diag_add(p->diags, FINDING(E128), t->at, "'%.*s' can not stand here",
				     STR_ARG(t->word.text));
	nearest_hint(p->diags, f, n);
}

static struct nearest nearest_item(struct str word)
{
	struct nearest n = nearest_to(word);
	for (size_t i = 0; i < sizeof item_words / sizeof *item_words; i++)
		nearest_try(&n, item_words[i].word);
	return n;
}

bool nwf_is_item_word(struct str word)
{
	return nearest_item(word).name;
}

static int mend_item_word(struct nwf_parser *p, const struct nwf_token *t)
{
	struct nearest n = nearest_item(t->word.text);
	if (!n.name || !n.distance || nwf_habit(HABIT_ITEM, t->word.text))
		return NWF_TOKEN_WORD;
	say_misspelt(p, t, &n);
	for (size_t i = 0; i < sizeof item_words / sizeof *item_words; i++)
		if (n.name == item_words[i].word)
			return item_words[i].token;
	return NWF_TOKEN_WORD;
}

/* Does nothing but a comment follow on the line? */
static bool ends_line(const struct nwf_parser *p, uint32_t i)
{
	while (i < p->source.len && memchr(" \t\r", p->source.s[i], 3))
		i++;
	return i == p->source.len || memchr("\n;#", p->source.s[i], 3);
}

/* A label without its colon, or nearly one. */
static int mend_label(struct nwf_parser *p, struct nwf_token *t)
{
	struct str word = t->word.text;
	if (word.len < 4 || (word.s[word.len - 1] != ':' && !ends_line(p, t->at.hi)))
		return NWF_TOKEN_WORD;
	if (word.s[word.len - 1] != ':')
		word = str_printf(p->arena, "%.*s:", STR_ARG(word));
	struct nearest n = nearest_to(word);
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		nearest_try(&n, labels[i]);
	if (!n.name)
		return NWF_TOKEN_WORD;
	say_misspelt(p, t, &n);
	t->word.text = str_from(n.name);
	return NWF_TOKEN_LABEL;
}

int nwf_mend_word(struct nwf_parser *p, struct nwf_token *t)
{
	return p->depth ? mend_label(p, t) : mend_item_word(p, t);
}

static struct nearest nearest_keyword(struct str word)
{
	struct nearest n = nearest_to(word);
	if (word.len < 2 || !var_name_ok((struct str){word.s, 1}) || nwf_is_keyword(word))
		return n;
	for (const char *const *w = nwf_statement_words; *w; w++)
		nearest_try(&n, *w);
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		nearest_try(&n, h->word);
	for (int i = 0; i < DIRECTIONS; i++)
		nearest_try(&n, direction_names[i]);
	return n;
}

/* --- what the grammar does not take --- */

/* A list of more says nothing. */
#define WANTED_SAID 5

/* Where it is best said, and what kind of place that is. */
struct subject {
	struct span at;
	struct str text;
	unsigned where; /* HABIT_* */
};

static unsigned statement_place(const struct nwf_parser *p)
{
	switch (p->first.kind) {
	case NWF_TOKEN_WORD:
		return p->assigns ? HABIT_PARAM : HABIT_RULE;
	case NWF_TOKEN_VERB:
	case NWF_TOKEN_ASSERT:
		return HABIT_RULE;
	case NWF_TOKEN_USE:
		return HABIT_USE;
	case NWF_TOKEN_CHAIN:
		return HABIT_CHAIN;
	case NWF_TOKEN_DEFINE:
		return HABIT_PARAM;
	case NWF_TOKEN_FILTER:
	case NWF_TOKEN_PORT:
		return HABIT_HEAD;
	default:
		return 0;
	}
}

/* A word behind a header that has no such field. */
static bool is_unknown_field(const struct nwf_parser *p)
{
	if (p->previous->kind != NWF_TOKEN_WORD || !p->header.len)
		return false;
	uint32_t i = (uint32_t)(p->header.s - p->source.s) + p->header.len;
	while (i < p->previous->at.lo && (p->source.s[i] == ' ' || p->source.s[i] == '\t'))
		i++;
	return i == p->previous->at.lo && !nwf_is_field(p->header, p->previous->word.text);
}

static struct subject find_subject(const struct nwf_parser *p, struct span at)
{
	struct subject s = {at, text_of(p, at), HABIT_RULE};
	bool block = p->depth > 0 || p->closed;
	s.where = p->before ? statement_place(p) : block ? HABIT_START : HABIT_ITEM;
	if (p->before == 1 && block && p->first.kind == NWF_TOKEN_WORD) { /* it begins nothing */
		s = (struct subject){p->first.at, p->first.word.text, HABIT_START | HABIT_VERB};
	} else if (p->given->kind == NWF_TOKEN_WORD && p->previous->kind == NWF_TOKEN_HEADER &&
		   p->previous->listed) { /* dport 80, ip saddr: it was no list */
		s.at = p->comma;
		s.text = text_of(p, s.at);
	} else if (is_unknown_field(p)) {
		s = (struct subject){p->previous->at, p->previous->word.text, HABIT_FIELD};
	} else if (s.where == HABIT_RULE && p->previous->kind == NWF_TOKEN_WORD &&
		   !nwf_habit(HABIT_RULE, s.text) &&
		   !nwf_is_field(p->header, p->previous->word.text) &&
		   nwf_habit(HABIT_RULE, p->previous->word.text)) { /* dport not 80 */
		s.at = p->previous->at;
		s.text = p->previous->word.text;
	}
	return s;
}

/* Where values can stand, a value is wanted; that signs and newlines can be there, too, is no help.
 */
static void shorten_wanted(struct nwf_wanted *w)
{
	static const char *const parts_of_values[] = {
		"a string", "a variable",  "a protocol",         "{", "!=", "<=",
		">",        "ip or ether", "the end of the line"};
	bool value = false;
	int n = 0;
	for (int i = 0; i < w->n; i++)
		value |= strcmp(w->names[i], "a variable") == 0;
	for (int i = 0; i < w->n; i++) {
		bool part = false;
		for (size_t k = 0; k < sizeof parts_of_values / sizeof *parts_of_values; k++)
			part |= strcmp(w->names[i], parts_of_values[k]) == 0;
		if (value && !part)
			w->names[n++] =
				strcmp(w->names[i], "a word") == 0 ? "a value" : w->names[i];
	}
	if (value)
		w->n = n;
}

/* "'}', 'mac' or a word" */
static struct str list_wanted(struct nwf_parser *p, const struct nwf_wanted *w)
{
	struct str list = STR("");
	for (int i = 0; i < w->n && w->n <= WANTED_SAID; i++) {
		const char *between = i == 0 ? "" : i + 1 < w->n ? ", " : " or ";
		const char *name =
			strcmp(w->names[i], "a direction") == 0 ? "in, out or inout" : w->names[i];
		const char *quote = strchr(name, ' ') ? "" : "'";
		list = str_printf(p->arena, "%.*s%s%s%s%s", STR_ARG(list), between, quote, name,
				  quote);
	}
	return list;
}

/* What statements have behind the word they begin with. */
static const struct {
	int first;
	const char *what;
} wanted_behind[] = {{NWF_TOKEN_USE, "a filter's name"},
		     {NWF_TOKEN_FILTER, "a name"},
		     {NWF_TOKEN_PORT, "an interface's name"},
		     {NWF_TOKEN_DEFINE, "a name"},
		     {NWF_TOKEN_INCLUDE, "a file's name in double quotes"},
		     {NWF_TOKEN_ASSERT, "`port NAME`, `filter NAME` or `every port`"},
		     {NWF_TOKEN_LEARN, "any, dhcp or none"},
		     {NWF_TOKEN_UUID, "a UUID"},
		     {NWF_TOKEN_CHAIN, "a chain's name, as in `chain arp-own`,"},
		     {NWF_TOKEN_OWNER, "the machine's name"},
		     {NWF_TOKEN_LINK, "an interface's name"}};

static const char *wanted_name(const struct nwf_parser *p)
{
	for (size_t i = 0; p->before == 1 && i < sizeof wanted_behind / sizeof *wanted_behind; i++)
		if (wanted_behind[i].first == p->first.kind)
			return wanted_behind[i].what;
	return NULL;
}

static void hint_wanted(struct nwf_parser *p, struct finding *f, struct nwf_wanted wanted)
{
	bool list = p->depth > 1 && p->open[1].kind == NWF_TOKEN_OPEN;
	const char *name = wanted_name(p);
	shorten_wanted(&wanted);
	struct str names = name ? str_from(name) : list_wanted(p, &wanted);
	if (list && (wanted.n > 2 || p->given->kind == NWF_TOKEN_WORD))
		diag_hint(p->diags, f,
			  "the values of a list have commas between them: { 80, 443 }");
	else if (names.len)
		diag_hint(p->diags, f, "%.*s is wanted here", STR_ARG(names));
}

/* What can stand in the block. */
static void hint_statement(struct nwf_parser *p, struct finding *f)
{
	if (p->head == NWF_TOKEN_PORT)
		diag_hint(p->diags, f, "in a port stand use, learn, owner, link and NAME = VALUE");
	else
		diag_hint(
			p->diags, f,
			"in a filter stand rules like `drop in tcp`, use, labels, chain, uuid and "
			"NAME = VALUE");
}

static bool is_starter(int kind)
{
	return kind == NWF_TOKEN_VERB || kind == NWF_TOKEN_USE || kind == NWF_TOKEN_LABEL;
}

static bool behind_equals(const struct nwf_parser *p)
{
	return p->given->kind != NWF_TOKEN_END_LINE &&
	       p->before >= (p->first.kind == NWF_TOKEN_DEFINE ? 3u : 2u);
}

static bool begins_rule(const struct nwf_parser *p, struct str word)
{
	return p->given->kind == NWF_TOKEN_VERB || p->given->kind == NWF_TOKEN_HEADER ||
	       nwf_habit(HABIT_VERB, word);
}

static const char same_line[] = "a statement begins on a line of its own, or behind ';'";

void nwf_say_same_line(struct nwf_parser *p, const struct nwf_token *t)
{
	struct finding *f = diag_add(p->diags, FINDING(E128), t->at, "'%.*s' can not stand here",
				     STR_ARG(t->word.text));
	diag_hint(p->diags, f, "%s", same_line);
}

/* Does the line lie further in than that of the rule before, as one that goes on would? */
static bool goes_on(const struct nwf_parser *p)
{
	return p->given->fresh && p->given->kind != NWF_TOKEN_WORD &&
	       p->previous->kind == NWF_TOKEN_END_LINE && p->last_first == NWF_TOKEN_VERB &&
	       nwf_indent(p, p->given->at.lo) > nwf_indent(p, p->previous->at.lo);
}

/* Nobody sees the hints of findings that are only counted. */
static bool is_listed(const struct nwf_parser *p, const struct finding *f)
{
	return p->diags->list.n && p->diags->list.items[p->diags->list.n - 1] == f;
}

static void hint_field(struct nwf_parser *p, struct finding *f, struct str word)
{
	const struct nwf_header *h = nwf_header_find(p->header);
	struct nearest n = nearest_to(word);
	struct str list = STR("");
	nwf_each_field (id, h) {
		nearest_try(&n, nwf_field_word(h, id));
		list = str_printf(p->arena, "%.*s%s%s", STR_ARG(list), list.len ? ", " : "",
				  nwf_field_word(h, id));
	}
	if (n.name)
		nearest_hint(p->diags, f, &n);
	else if (list.len)
		diag_hint(p->diags, f, "%s has %.*s", h->word, STR_ARG(list));
}

static void hint_param(struct nwf_parser *p, struct finding *f, const struct nwf_wanted *wanted)
{
	if (p->given->kind == NWF_TOKEN_END_LINE && p->previous->kind == NWF_TOKEN_EQ)
		diag_hint(p->diags, f, "a value is wanted here");
	else if (behind_equals(p))
		diag_hint(p->diags, f, "values are made of letters, digits and _ . :");
	else
		hint_wanted(p, f, *wanted);
}

static void hint(struct nwf_parser *p, struct finding *f, const struct subject *s,
		 const struct nwf_wanted *wanted)
{
	bool dollar = p->previous->kind == NWF_TOKEN_VARIABLE && p->previous->word.text.len == 1;
	struct nearest n = nearest_keyword(s->text);
	bool list = p->depth > 1 && str_is(s->text, ",");
	const char *habit = list ? NULL : nwf_habit(s->where, s->text);
	enum field_id field = nwf_field_of_xml(s->text);
	bool xml = field != FIELDS && p->given->kind == NWF_TOKEN_WORD;
	if (s->where == HABIT_START && goes_on(p))
		diag_hint(p->diags, f, "a statement goes on behind a \\ at the end of its line");
	else if (p->given->kind == NWF_TOKEN_OPEN && dollar)
		diag_hint(p->diags, f, "a variable is `$NAME`, without braces");
	else if (habit)
		diag_hint(p->diags, f, "%s", habit);
	else if (s->where == HABIT_FIELD)
		hint_field(p, f, s->text);
	else if (xml)
		diag_hint(p->diags, f, "in this language it is '%s'", fields[field].name);
	else if (n.name)
		nearest_hint(p->diags, f, &n);
	else if (is_starter(p->given->kind) && p->before)
		diag_hint(p->diags, f, "%s", same_line);
	else if ((s->where & HABIT_ITEM) && begins_rule(p, s->text))
		diag_hint(p->diags, f, "rules stand in a filter: `filter NAME { ... }`");
	else if (s->where & HABIT_ITEM)
		diag_hint(p->diags, f,
			  "outside of braces stand filter, port, define, include and assert");
	else if (s->where == HABIT_PARAM)
		hint_param(p, f, wanted);
	else if (s->where & HABIT_START)
		hint_statement(p, f);
	else if (s->at.lo == p->given->at.lo)
		hint_wanted(p, f, *wanted);
}

void nwf_syntax_error(struct nwf_parser *p, struct span at, const struct nwf_wanted *wanted)
{
	if (p->given->kind == NWF_TOKEN_RESYNC || !is_news(p, at))
		return;
	struct subject s = find_subject(p, at);
	bool end = p->given->kind == NWF_TOKEN_END_LINE && s.at.lo == at.lo;
	if (end)
		at.hi = at.lo;
	struct finding *f =
		end ? diag_add(p->diags, FINDING(E128), at, "the statement ends too early")
		    : diag_add(p->diags, FINDING(E128), s.at, "'%.*s' can not stand here",
			       STR_ARG(s.text));
	bool inside = p->given->kind != NWF_TOKEN_WORD && p->given->kind != NWF_TOKEN_STRING;
	if (s.where == HABIT_ITEM && p->last_close.file && inside)
		diag_note(p->diags, f, p->last_close, "the block was closed here");
	if (is_listed(p, f))
		hint(p, f, &s, wanted);
}
