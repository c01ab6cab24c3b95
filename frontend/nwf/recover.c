/* SPDX-License-Identifier: MIT */
/*
 * What the parser is given around a mistake.
 *
 * One mistake is one finding: what follows from it is passed over, and the next
 * statement is read as if nothing had been. Bison's own recovery looks at tokens
 * only and takes the brace of a list for that of its block; so all that may end
 * an error is the token RESYNC, which is made here, where brackets, lines and the
 * words that begin statements are known. A broken statement is given up as a
 * whole; a bracket that lacks its partner is closed where the next statement
 * begins. The idea is that of parsers which balance brackets before they parse
 * (rustc's token trees), with the layout of lines as the witness.
 */
#include "frontend/nwf/parser.h"
#include "nwf_grammar.h"

static bool begins_item(int kind)
{
	return kind == NWF_TOKEN_FILTER || kind == NWF_TOKEN_PORT || kind == NWF_TOKEN_DEFINE ||
	       kind == NWF_TOKEN_INCLUDE || kind == NWF_TOKEN_ASSERT;
}

static bool begins_statement(int kind)
{
	switch (kind) {
	case NWF_TOKEN_VERB:
	case NWF_TOKEN_USE:
	case NWF_TOKEN_LABEL:
	case NWF_TOKEN_CHAIN:
	case NWF_TOKEN_UUID:
	case NWF_TOKEN_LEARN:
	case NWF_TOKEN_OWNER:
	case NWF_TOKEN_LINK:
		return true;
	default:
		return false;
	}
}

/* Those that are unlikely to be meant as anything else in the middle of a line. */
static bool surely_begins_statement(int kind)
{
	return kind == NWF_TOKEN_VERB || kind == NWF_TOKEN_USE || kind == NWF_TOKEN_LABEL;
}

/* --- brackets --- */

static bool in_block(const struct nwf_parser *p)
{
	return p->depth && p->open[0].block;
}

/* Brackets open in the statement itself. */
static uint32_t inner(const struct nwf_parser *p)
{
	return p->depth - in_block(p);
}

static struct nwf_open *top(struct nwf_parser *p)
{
	return &p->open[p->depth < NWF_NEST ? p->depth - 1 : NWF_NEST - 1];
}

static bool in_head(const struct nwf_parser *p)
{
	return !p->depth && p->place &&
	       (p->first.kind == NWF_TOKEN_FILTER || p->first.kind == NWF_TOKEN_PORT);
}

uint32_t nwf_indent(const struct nwf_parser *p, uint32_t pos)
{
	uint32_t lo = pos, n = 0;
	while (lo && p->source.s[lo - 1] != '\n')
		lo--;
	while (lo + n < pos && (p->source.s[lo + n] == ' ' || p->source.s[lo + n] == '\t'))
		n++;
	return n;
}

/* A bracket at the beginning of a line that lies further out than the line of its partner. */
static bool is_outdented(struct nwf_parser *p, const struct nwf_token *t)
{
	return t->fresh && nwf_indent(p, t->at.lo) < nwf_indent(p, top(p)->at.lo);
}

static void open_bracket(struct nwf_parser *p, const struct nwf_token *t)
{
	bool block = in_head(p) && t->kind == NWF_TOKEN_OPEN;
	uint32_t i = t->at.hi;
	while (i < p->source.len && (p->source.s[i] == ' ' || p->source.s[i] == '\t'))
		i++;
	if (in_head(p) && !block)
		return;
	bool last = i < p->source.len && memchr("\r\n#", p->source.s[i], 3);
	if (p->depth++ < NWF_NEST)
		*top(p) = (struct nwf_open){t->kind, block, last, t->at};
	if (!block)
		return;
	p->opened = true;
	p->head = p->first.kind;
	p->bracket_said = false;
	p->odd_list = (struct span){0};
}

static void close_bracket(struct nwf_parser *p, const struct nwf_token *t)
{
	if (!p->depth || (t->kind == NWF_TOKEN_RIGHT && top(p)->block))
		return;
	p->closed = top(p)->block;
	if (p->closed)
		p->last_close = t->at;
	else if (is_outdented(p, t))
		p->odd_list = top(p)->at;
	p->depth--;
}

static void follow_brackets(struct nwf_parser *p, const struct nwf_token *t)
{
	p->opened = p->closed = false;
	if (t->kind == NWF_TOKEN_OPEN || t->kind == NWF_TOKEN_LEFT)
		open_bracket(p, t);
	else if (t->kind == NWF_TOKEN_CLOSE || t->kind == NWF_TOKEN_RIGHT)
		close_bracket(p, t);
}

/* Keep in step with the parser, which gets this token. */
static void note_given(struct nwf_parser *p, const struct nwf_token *t)
{
	p->before = p->place;
	if (p->place <= 1)
		p->assigns = p->place && t->kind == NWF_TOKEN_EQ;
	if (!p->place++) {
		p->last_first = p->first.kind;
		p->first = *t;
	}
	if (t->kind == NWF_TOKEN_COMMA)
		p->comma = t->at;
	follow_brackets(p, t);
	bool end = t->kind == NWF_TOKEN_END_LINE || t->kind == NWF_TOKEN_RESYNC;
	if ((end && !inner(p) && !in_head(p)) || p->opened || p->closed)
		p->place = 0;
}

/* --- what is to be given --- */

static void read_token(struct nwf_parser *p, void *scanner, struct nwf_token *t)
{
	if (p->returned)
		*t = p->back;
	else
		nwf_read_token(p, scanner, t);
	p->returned = false;
}

static void unread_token(struct nwf_parser *p, const struct nwf_token *t)
{
	p->back = *t;
	p->returned = true;
}

/* A token that no text has. */
static void make_token(struct nwf_parser *p, int kind, struct span at)
{
	if (p->queued < sizeof p->queue / sizeof *p->queue)
		p->queue[p->queued++] =
			(struct nwf_token){.kind = kind, .at = {at.file, at.lo, at.lo}};
}

/* --- behind a mistake --- */

/* The parser gets a token at which it failed once more, but not twice. */
static bool may_resume(struct nwf_parser *p, const struct nwf_token *t)
{
	if (t->at.lo < p->resumed)
		return false;
	p->resumed = t->at.lo + 1;
	return true;
}

static bool is_newline(const struct nwf_parser *p, const struct nwf_token *t)
{
	return t->kind == NWF_TOKEN_END_LINE &&
	       (t->at.lo == p->source.len || p->source.s[t->at.lo] != ';');
}

/* The head of a filter or port: on to its brace, and if there is none, as if there were. */
static void resync_head(struct nwf_parser *p, void *scanner, struct nwf_token *t)
{
	struct nwf_token end;
	while (t->kind != NWF_TOKEN_OPEN && !is_newline(p, t) && t->kind != NWF_TOKEN_CLOSE &&
	       t->kind != NWF_TOKEN_YYEOF)
		read_token(p, scanner, t);
	end = *t;
	if (t->kind == NWF_TOKEN_END_LINE)
		read_token(p, scanner, t);
	make_token(p, NWF_TOKEN_RESYNC, end.at);
	if (t->kind != NWF_TOKEN_OPEN)
		make_token(p, NWF_TOKEN_OPEN, end.at);
	if (t->kind == NWF_TOKEN_YYEOF || begins_item(t->kind))
		make_token(p, NWF_TOKEN_CLOSE, end.at);
	unread_token(p, t);
}

/* Outside of filters and ports: on to the next item, over whole blocks. */
static void resync_item(struct nwf_parser *p, void *scanner, struct nwf_token *t, bool noted)
{
	bool line = p->first.kind == NWF_TOKEN_DEFINE || p->first.kind == NWF_TOKEN_INCLUDE ||
		    p->first.kind == NWF_TOKEN_ASSERT;
	bool behind_stray = false; /* brace, which ends what was passed over */
	for (;; read_token(p, scanner, t), noted = false) {
		bool stray = t->kind == NWF_TOKEN_CLOSE && !p->depth;
		if (t->kind == NWF_TOKEN_YYEOF)
			break;
		if (begins_item(t->kind) && (t->fresh || noted || behind_stray) && may_resume(p, t))
			break;
		if (!noted)
			follow_brackets(p, t);
		line |= stray;
		behind_stray |= stray;
		if (line && !p->depth && t->kind == NWF_TOKEN_END_LINE) {
			make_token(p, NWF_TOKEN_RESYNC, t->at);
			return;
		}
	}
	p->depth = 0;
	make_token(p, NWF_TOKEN_RESYNC, t->at);
	unread_token(p, t);
}

/* The end of the text, or an item where none can begin: its block was never closed. */
static bool ends_block(struct nwf_parser *p, const struct nwf_token *t)
{
	if (t->kind == NWF_TOKEN_YYEOF)
		return true;
	return begins_item(t->kind) && t->fresh && !t->listed &&
	       nwf_indent(p, t->at.lo) <= nwf_indent(p, p->open[0].at.lo);
}

/* Does a token that is no part of the statement show that its brackets were never closed? */
static bool leaves_brackets(struct nwf_parser *p, const struct nwf_token *t)
{
	if (t->kind == NWF_TOKEN_CLOSE)
		return is_outdented(p, t);
	return t->fresh && !top(p)->ends_line && begins_statement(t->kind);
}

/* Can a statement begin with this, maybe misspelt? */
static bool may_begin(const struct nwf_token *t)
{
	switch (t->kind) {
	case NWF_TOKEN_WORD:
	case NWF_TOKEN_END_LINE:
	case NWF_TOKEN_CLOSE:
	case NWF_TOKEN_YYEOF:
		return true;
	default:
		return begins_statement(t->kind) || begins_item(t->kind);
	}
}

/* The line broke off too early: what the next one has of the statement goes with it. */
static void skip_rest(struct nwf_parser *p, void *scanner)
{
	struct nwf_token t;
	uint32_t lists = 0;
	read_token(p, scanner, &t);
	for (bool rest = !may_begin(&t); rest; read_token(p, scanner, &t)) {
		lists += t.kind == NWF_TOKEN_OPEN;
		if (t.kind == NWF_TOKEN_END_LINE || t.kind == NWF_TOKEN_YYEOF ||
		    (t.kind == NWF_TOKEN_CLOSE && !lists--))
			break;
	}
	unread_token(p, &t);
}

/* In a block: on to the next statement. */
static void resync_statement(struct nwf_parser *p, void *scanner, struct nwf_token *t, bool noted)
{
	for (;; read_token(p, scanner, t), noted = false) {
		bool deep = inner(p) > 0;
		if (!noted && ends_block(p, t))
			break;
		if (!deep && t->kind == NWF_TOKEN_END_LINE) {
			if (noted)
				skip_rest(p, scanner);
			make_token(p, NWF_TOKEN_RESYNC, t->at);
			return;
		}
		if (!deep && !noted && t->kind == NWF_TOKEN_CLOSE)
			break;
		if (!deep && noted && surely_begins_statement(t->kind) && may_resume(p, t))
			break;
		if (deep && !noted && leaves_brackets(p, t))
			break;
		if (!noted)
			follow_brackets(p, t);
	}
	p->bracket_said |= inner(p) > 0;
	p->depth = 1;
	make_token(p, NWF_TOKEN_RESYNC, t->at);
	unread_token(p, t);
}

/*
 * t: the token at which a mistake was said; noted: the parser has seen it. What
 * it opened or closed then is not the parser's, which waits for RESYNC.
 */
static void resync(struct nwf_parser *p, void *scanner, struct nwf_token *t, bool noted)
{
	bool bracket = t->kind == NWF_TOKEN_OPEN || t->kind == NWF_TOKEN_CLOSE ||
		       t->kind == NWF_TOKEN_LEFT || t->kind == NWF_TOKEN_RIGHT;
	if (noted && (p->opened || p->closed) && may_resume(p, t)) {
		p->depth = p->closed;
		p->place = p->opened ? 1 : 0;
		make_token(p, NWF_TOKEN_RESYNC, t->at);
		unread_token(p, t);
		return;
	}
	if (in_block(p))
		resync_statement(p, scanner, t, noted);
	else if (in_head(p))
		resync_head(p, scanner, t);
	else
		resync_item(p, scanner, t, noted);
	p->bracket_said |= noted && bracket;
}

/* --- brackets without partner, seen before the parser can see them --- */

static bool ends_list(struct nwf_parser *p, const struct nwf_token *t)
{
	bool paren = top(p)->kind == NWF_TOKEN_LEFT;
	if (t->kind == NWF_TOKEN_CLOSE)
		return paren && t->fresh;
	return begins_statement(t->kind) && t->fresh && !(paren && t->listed);
}

/* The bracket that is the likely culprit when a block stays open. */
static void say_open_block(struct nwf_parser *p, const struct nwf_token *t)
{
	struct nwf_open o = *top(p);
	if (p->bracket_said || arena_full(p->arena))
		return;
	if (inner(p) == 0 && p->odd_list.file)
		o = (struct nwf_open){.kind = NWF_TOKEN_OPEN, .at = p->odd_list};
	nwf_say_unclosed(p, &o, t);
}

static bool close_brackets(struct nwf_parser *p, struct nwf_token *t)
{
	if (ends_block(p, t)) {
		say_open_block(p, t);
		if (inner(p))
			make_token(p, NWF_TOKEN_RESYNC, t->at);
		make_token(p, NWF_TOKEN_CLOSE, t->at);
	} else if (inner(p) && ends_list(p, t)) {
		nwf_say_unclosed(p, top(p), t);
		p->bracket_said = true;
		make_token(p, NWF_TOKEN_RESYNC, t->at);
	} else {
		return false;
	}
	p->depth = 1;
	unread_token(p, t);
	return true;
}

/* What comes behind a place but blanks, newlines and comments: an item, or nothing at all? */
static bool item_follows(const struct nwf_parser *p, uint32_t i)
{
	struct nwf_token t = {.at = {p->file, 0, 0}};
	bool remark = false;
	for (; i < p->source.len; i++) {
		char c = p->source.s[i];
		remark = c == '#' || (remark && c != '\n');
		if (!remark && !memchr(" \t\r\n;", c, 5))
			break;
	}
	for (t.at.lo = i;
	     i < p->source.len && ((p->source.s[i] | 32) >= 'a' && (p->source.s[i] | 32) <= 'z');)
		i++;
	t.word.text = (struct str){p->source.s + t.at.lo, i - t.at.lo};
	return t.at.lo == p->source.len || nwf_is_item_word(t.word.text);
}

/*
 * A brace at the end of a statement, in a block of several lines that goes on behind
 * it: it belongs to a list, the beginning of which is missing.
 */
static bool drop_brace(struct nwf_parser *p, const struct nwf_token *t)
{
	if (t->kind != NWF_TOKEN_CLOSE || t->fresh || inner(p) || !p->place ||
	    !memchr(p->source.s + p->open[0].at.lo, '\n', t->at.lo - p->open[0].at.lo) ||
	    item_follows(p, t->at.hi))
		return false;
	nwf_say_stray(p, t);
	return true;
}

/* A head without its brace: it is put at the end of the line. */
static bool open_brace(struct nwf_parser *p, void *scanner, struct nwf_token *t)
{
	uint32_t whole = p->first.kind == NWF_TOKEN_FILTER ? 2 : 4;
	if (t->kind != NWF_TOKEN_END_LINE || !in_head(p) || p->place != whole)
		return false;
	struct nwf_token next;
	read_token(p, scanner, &next);
	bool there = next.kind == NWF_TOKEN_OPEN;
	nwf_say_brace(p, t, there);
	if (!there)
		make_token(p, NWF_TOKEN_OPEN, t->at);
	if (next.kind == NWF_TOKEN_YYEOF || begins_item(next.kind))
		make_token(p, NWF_TOKEN_CLOSE, t->at);
	unread_token(p, &next);
	return true;
}

/* A label is whole with its colon; what follows it on the line is a statement of its own. */
static bool end_label(struct nwf_parser *p, const struct nwf_token *t)
{
	if (p->place != 1 || p->first.kind != NWF_TOKEN_LABEL || !surely_begins_statement(t->kind))
		return false;
	nwf_say_same_line(p, t);
	make_token(p, NWF_TOKEN_END_LINE, t->at);
	unread_token(p, t);
	return true;
}

/* True: what the parser gets first has been put into the queue, or t is to be read again. */
static bool mend(struct nwf_parser *p, void *scanner, struct nwf_token *t)
{
	if (p->depth && in_block(p) && (t->fresh || t->kind == NWF_TOKEN_YYEOF) &&
	    close_brackets(p, t))
		return true;
	if (in_block(p) && drop_brace(p, t))
		return true;
	if (!p->place && t->kind == NWF_TOKEN_WORD)
		t->kind = nwf_mend_word(p, t);
	return end_label(p, t) || open_brace(p, scanner, t);
}

static bool take_queued(struct nwf_parser *p, struct nwf_token *t)
{
	if (!p->queued)
		return false;
	*t = p->queue[0];
	p->queued--;
	memmove(p->queue, p->queue + 1, p->queued * sizeof *p->queue);
	return true;
}

void nwf_next_token(struct nwf_parser *p, void *scanner)
{
	bool noted = p->recovering && !p->queued;
	struct nwf_token *t = p->previous;
	if (noted)
		*t = *p->given;
	p->previous = p->given;
	p->given = t;
	while (!take_queued(p, t)) {
		if (!noted)
			read_token(p, scanner, t);
		if (p->recovering)
			resync(p, scanner, t, noted);
		else if (!mend(p, scanner, t))
			break;
		else
			continue;
		p->recovering = noted = false;
	}
	note_given(p, t);
}
