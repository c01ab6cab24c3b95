/* SPDX-License-Identifier: MIT */
#include "review/readback/nft_token.h"

#include <string.h>

static bool is_single(char ch)
{
	return strchr("{}();|,&", ch) && ch;
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

/* `@nh,0,48` has commas in it. */
static bool comma_belongs(const struct script_form *f, uint32_t lo, uint32_t at)
{
	const char *s = f->text.s + lo;
	return at - lo >= 3 && s[0] == '@' && s[2] == 'h' && (s[1] == 'n' || s[1] == 't') &&
	       (at - lo == 3 || s[3] == ',') && at + 1 < f->text.len && f->text.s[at + 1] >= '0' &&
	       f->text.s[at + 1] <= '9';
}

static void scan_word(struct cursor *c)
{
	const struct script_form *f = c->f;
	uint32_t lo = c->at;
	while (c->at < f->text.len) {
		char ch = f->text.s[c->at];
		if (is_blank(ch) || ch == '\n' || ch == '"')
			break;
		if (is_single(ch) && !(ch == ',' && comma_belongs(f, lo, c->at)))
			break;
		c->at++;
	}
	if (c->at == lo)
		c->at++;
	c->now = (struct token){TK_WORD, {f->text.s + lo, c->at - lo}, lo, c->at};
}

static void scan_string(struct cursor *c)
{
	const struct script_form *f = c->f;
	uint32_t lo = c->at++;
	const char *end = memchr(f->text.s + c->at, '"', f->text.len - c->at);
	const char *line = memchr(f->text.s + c->at, '\n', f->text.len - c->at);
	if (!end || (line && line < end)) {
		unread(c->f, lo, lo + 1, "a text in quotes does not end");
		c->at = f->text.len;
		c->now = (struct token){TK_END, STR(""), lo, lo};
		return;
	}
	uint32_t hi = (uint32_t)(end - f->text.s);
	c->now = (struct token){TK_STRING, {f->text.s + c->at, hi - c->at}, lo, hi + 1};
	c->at = hi + 1;
}

/* Read a token ahead. A comment takes the rest of its line. */
static void scan(struct cursor *c)
{
	const struct script_form *f = c->f;
	while (c->at < f->text.len && is_blank(f->text.s[c->at]))
		c->at++;
	if (c->at < f->text.len && f->text.s[c->at] == '#')
		while (c->at < f->text.len && f->text.s[c->at] != '\n')
			c->at++;
	if (c->at >= f->text.len || f->failed) {
		c->now = (struct token){TK_END, STR("the end of the script"), f->text.len,
					f->text.len};
		return;
	}
	if (f->text.s[c->at] == '\n') {
		c->now = (struct token){TK_LINE, STR("the end of the line"), c->at, c->at + 1};
		c->at++;
	} else if (f->text.s[c->at] == '"') {
		scan_string(c);
	} else {
		scan_word(c);
	}
}

void cursor_start(struct cursor *c, struct script_form *f)
{
	*c = (struct cursor){.f = f};
	scan(c);
}

struct token next(struct cursor *c)
{
	struct token t = c->now;
	scan(c);
	return t;
}

void skip_lines(struct cursor *c)
{
	while (c->now.kind == TK_LINE)
		scan(c);
}

bool is_word(const struct cursor *c, const char *word)
{
	return c->now.kind == TK_WORD && str_is(c->now.text, word);
}

bool take(struct cursor *c, const char *word)
{
	if (!is_word(c, word))
		return false;
	scan(c);
	return true;
}

bool not_understood(struct cursor *c, const char *wanted)
{
	return unread(c->f, c->now.lo, c->now.hi, "'%.*s' is not understood here; %s was expected",
		      STR_ARG(c->now.text), wanted);
}

bool want(struct cursor *c, const char *word)
{
	return take(c, word) || not_understood(c, word);
}

bool want_number(struct cursor *c, u128 max, u128 *out)
{
	if (c->now.kind != TK_WORD || !read_number(c->now.text, max, out))
		return not_understood(c, "a number");
	scan(c);
	return true;
}

/*
 * Nothing is escaped but a last `*`: `\*` is the sign itself. A `*` alone there
 * makes it a beginning.
 */
bool want_iface(struct cursor *c, struct iface_test *out)
{
	struct str s = c->now.text;
	if (c->now.kind != TK_STRING)
		return not_understood(c, "an interface's name in quotes");
	if (s.len && s.s[s.len - 1] == '*') {
		bool escaped = s.len > 1 && s.s[s.len - 2] == '\\';
		out->prefix = !escaped;
		s = escaped ? str_printf(c->f->arena, "%.*s*", (int)s.len - 2, s.s)
			    : (struct str){s.s, s.len - 1};
	}
	out->name = s;
	scan(c);
	return true;
}
