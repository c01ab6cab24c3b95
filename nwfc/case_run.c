/* SPDX-License-Identifier: MIT */
/*
 * One case: its inputs through the passes as compile does it, its packets through the
 * simulator, its scripts and findings against what stands in the file.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "ir/key.h"
#include "nwfc/case.h"
#include "nwfc/compile.h"
#include "nwfc/line_diff.h"
#include "nwfc/render.h"
#include "review/packet_words.h"
#include "review/simulate.h"
#include "review/space.h"

/* Lines of a difference that are shown. */
#define DIFF_MAX 24

struct run {
	struct test_case *t;
	struct arena *arena;
	struct session session;
	struct compile compile;
	struct options options;
	struct map overlay; /* name -> ptr: struct str, texts that the case has itself */
	bool update, front; /* front: the passes went well */
};

/* --- lines and words ------------------------------------------------------------------------ */

struct line_walk {
	struct str rest, line; /* line: without its newline */
	uint32_t number;
};

static bool next_line(struct line_walk *w)
{
	if (!w->rest.len)
		return false;
	const char *end = memchr(w->rest.s, '\n', w->rest.len);
	uint32_t n = end ? (uint32_t)(end - w->rest.s) : w->rest.len;
	w->line = (struct str){w->rest.s, n};
	w->rest.s += n + (end != NULL);
	w->rest.len -= n + (end != NULL);
	w->number++;
	return true;
}

/* The next word; false: none. */
static bool next_word(struct str *rest, struct str *word)
{
	while (rest->len && strchr(" \t\r\n", rest->s[0]))
		rest->s++, rest->len--;
	uint32_t n = 0;
	while (n < rest->len && !strchr(" \t\r\n", rest->s[n]))
		n++;
	*word = (struct str){rest->s, n};
	rest->s += n;
	rest->len -= n;
	return n > 0;
}

static const char *c_string(struct arena *a, struct str s)
{
	return str_printf(a, "%.*s", STR_ARG(s)).s;
}

static void fail(struct run *r, uint32_t line, struct str why)
{
	if (r->t->problem.len)
		return;
	r->t->problem = why;
	r->t->problem_line = line;
}

/* --- inputs -------------------------------------------------------------------------------- */

static void overlay(struct run *r, const char *name, struct str text)
{
	bool added;
	struct str *kept = arena_new_object(r->arena, struct str);
	*kept = (struct str){c_string(r->arena, text), text.len};
	if (strlen(kept->s) != text.len) /* a NUL is for the reader to find */
		kept->s = memcpy(arena_new_array(r->arena, char, text.len + 1), text.s, text.len);
	map_put(r->arena, &r->overlay, str_from(name), &added)->ptr = kept;
}

static void put_attribute(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, " %s='", name);
	for (uint32_t i = 0; i < value.len; i++)
		if (strchr("&<>'\"", value.s[i]))
			buf_printf(b, "&#%d;", value.s[i]);
		else
			buf_char(b, value.s[i]);
	buf_char(b, '\'');
}

/* A port in the form in which libvirt keeps it. */
static const char *write_port(struct run *r, const struct section *s)
{
	struct str rest = s->title, name = {0}, mac = {0}, filter = {0}, more, variable, value;
	struct line_walk w = {.rest = s->body};
	struct buf b;
	if (!next_word(&rest, &name) || !next_word(&rest, &mac) || !next_word(&rest, &filter) ||
	    next_word(&rest, &more)) {
		fail(r, s->line, STR("a port wants NAME MAC FILTER"));
		return NULL;
	}
	buf_memory(&b);
	buf_lit(&b, "<filterbinding><owner><name>case</name>"
		    "<uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner><portdev");
	put_attribute(&b, "name", name);
	buf_lit(&b, "/><mac");
	put_attribute(&b, "address", mac);
	buf_lit(&b, "/><filterref");
	put_attribute(&b, "filter", filter);
	buf_lit(&b, ">\n");
	while (next_line(&w)) {
		struct str words = w.line;
		if (!next_word(&words, &variable) || variable.s[0] == '#')
			continue;
		while (next_word(&words, &value)) {
			buf_lit(&b, "<parameter");
			put_attribute(&b, "name", variable);
			put_attribute(&b, "value", value);
			buf_lit(&b, "/>\n");
		}
	}
	buf_lit(&b, "</filterref></filterbinding>\n");
	const char *path = str_printf(r->arena, "port-%.*s.xml", STR_ARG(name)).s;
	overlay(r, path, buf_take(r->arena, &b));
	return path;
}

static void add_word(struct run *r, struct words *argv, const char *word)
{
	*vec_push(r->arena, argv) = word;
}

static void add_inputs(struct run *r, const struct section *s, struct words *argv)
{
	struct line_walk w = {.rest = s->body, .number = s->line};
	while (next_line(&w)) {
		struct str line = w.line;
		while (line.len && strchr(" \t\r", line.s[line.len - 1]))
			line.len--;
		if (line.len && line.s[0] != '#')
			add_word(r, argv, c_string(r->arena, line));
	}
}

static void add_options(struct run *r, const struct section *s, struct words *argv)
{
	struct str rest = s->body, word;
	while (next_word(&rest, &word))
		add_word(r, argv, c_string(r->arena, word));
}

/* The command line of the compile that the case is. */
static bool command_line(struct run *r)
{
	struct words argv = {0}, inputs = {0};
	struct str why;
	add_word(r, &argv, "nwfc");
	add_word(r, &argv, "compile");
	vec_each (s, &r->t->sections) {
		const char *port;
		if (s->kind == SECTION_OPTIONS)
			add_options(r, s, &argv);
		if (s->kind == SECTION_INPUT)
			add_inputs(r, s, &inputs);
		if (s->kind == SECTION_TEXT)
			overlay(r, c_string(r->arena, s->title), s->body);
		if (s->kind == SECTION_TEXT)
			add_word(r, &inputs, c_string(r->arena, s->title));
		if (s->kind == SECTION_PORT && (port = write_port(r, s)))
			add_word(r, &inputs, port);
		if (s->kind == SECTION_SCRIPT)
			add_word(r, &argv, str_printf(r->arena, "-t%.*s", STR_ARG(s->title)).s);
	}
	add_word(r, &argv, "-tnft"); /* one must be; what is not asked for is not made */
	add_word(r, &argv, "-oout");
	add_word(r, &argv, "--");
	vec_each (input, &inputs)
		add_word(r, &argv, *input);
	if (!options_parse(r->arena, (int)argv.n, (char **)argv.items, &r->options, &why))
		fail(r, 1, why);
	return !r->t->problem.len;
}

/* --- packets --------------------------------------------------------------------------------- */

static const struct port_data *find_port(struct run *r, const struct section *s)
{
	const struct build *b = &r->compile.build;
	if (!s->title.len && b->ports.n == 1)
		return &b->ports.items[0];
	vec_each (pd, &b->ports)
		if (s->title.len && str_eq(pd->port->name, s->title))
			return pd;
	return NULL;
}

/* What became of a packet, and which rule said so: of several the one that a person would name. */
struct answer {
	struct walk walk;
	struct str verdict;
	const struct prule *by; /* NULL: the end of the rules */
};

static struct answer ask(const struct port_data *pd, const struct packet *p)
{
	struct answer a = {.walk = simulate(NULL, pd, p)};
	const struct prule *packets = a.walk.deciders[LAYER_PACKET];
	a.verdict = a.walk.uncertain ? STR("unknown") : str_from(verdict_names[a.walk.verdict]);
	a.by = a.walk.verdict == VERDICT_PASS && packets ? packets : a.walk.decider;
	return a;
}

/* Each layer that lets a packet pass has a rule that does. */
static bool decided_by(struct run *r, const struct answer *a, struct str key)
{
	if (a->by && str_eq(rule_key(r->arena, a->by->source), key))
		return true;
	for (enum layer l = 0; l < LAYERS && a->walk.verdict == VERDICT_PASS; l++)
		if (a->walk.deciders[l] &&
		    str_eq(rule_key(r->arena, a->walk.deciders[l]->source), key))
			return true;
	return false;
}

static struct str place_of(struct run *r, const struct answer *a)
{
	if (!a->by)
		return STR("the end of the rules");
	struct location at = source_locate(&r->session.sources, a->by->source->span);
	struct str key = rule_key(r->arena, a->by->source);
	return str_printf(r->arena, "%.*s, %.*s:%u", STR_ARG(key), STR_ARG(at.file), at.line);
}

/* "VERDICT: PACKET" or "VERDICT by KEY: PACKET" */
struct packet_line {
	struct str verdict, key, words;
};

/* A key may hold a colon: "by KEY: " ends at the first colon and blank behind its number. */
static bool read_packet_line(struct str line, struct packet_line *out)
{
	*out = (struct packet_line){0};
	struct str rest = line, word;
	if (!next_word(&rest, &word))
		return false;
	if (word.s[word.len - 1] == ':') {
		out->verdict = (struct str){word.s, word.len - 1};
		out->words = rest;
		return true;
	}
	out->verdict = word;
	if (!next_word(&rest, &word) || !str_is(word, "by"))
		return false;
	const char *hash = memchr(rest.s, '#', rest.len);
	const char *colon = hash ? memchr(hash, ':', (size_t)(rest.s + rest.len - hash)) : NULL;
	if (!colon)
		return false;
	out->key = (struct str){rest.s + 1, (uint32_t)(colon - rest.s - 1)};
	out->words = (struct str){colon + 1, (uint32_t)(rest.s + rest.len - colon - 1)};
	return true;
}

static bool known_verdict(struct str v)
{
	return str_is(v, "pass") || str_is(v, "drop") || str_is(v, "reject") ||
	       str_is(v, "unknown") || str_is(v, "?");
}

static struct str strip(struct str s)
{
	while (s.len && strchr(" \t\r", s.s[0]))
		s.s++, s.len--;
	while (s.len && strchr(" \t\r", s.s[s.len - 1]))
		s.len--;
	return s;
}

/* What is wrong with a line; what --update makes of it is put into fresh. */
static struct str ask_packet(struct run *r, const struct port_data *pd, struct str line,
			     struct buf *fresh)
{
	struct packet_line l;
	struct packet usual[SIDES], p;
	struct words_error e;
	if (!read_packet_line(line, &l) || !known_verdict(l.verdict)) {
		buf_str(fresh, line);
		return STR("wants 'VERDICT: PACKET' with pass, drop, reject, unknown or ?");
	}
	l.words = strip(l.words);
	for (enum side s = 0; s < SIDES; s++)
		usual[s] = usual_packet(pd, s);
	if (!packet_read_words(r->arena, l.words, usual, &p, &e)) {
		buf_str(fresh, line);
		return str_printf(r->arena, "%.*s: %.*s%s%.*s", STR_ARG(l.words), STR_ARG(e.text),
				  e.hint.len ? "; " : "", STR_ARG(e.hint));
	}
	struct answer a = ask(pd, &p);
	struct str got = a.verdict, place = place_of(r, &a),
		   key = a.by ? rule_key(r->arena, a.by->source) : STR("");
	bool open = str_is(l.verdict, "?");
	if (open && r->update) {
		buf_printf(fresh, "%.*s%s%.*s: %.*s", STR_ARG(got), key.len ? " by " : "",
			   STR_ARG(key), STR_ARG(l.words));
		return STR("");
	}
	buf_str(fresh, line);
	if (open || !str_eq(got, l.verdict))
		return str_printf(r->arena, "%.*s wanted, got %.*s: %.*s",
				  STR_ARG(open ? STR("a verdict is") : l.verdict), STR_ARG(got),
				  STR_ARG(place));
	if (l.key.len && !decided_by(r, &a, l.key))
		return str_printf(r->arena, "%.*s by %.*s wanted, but it was %.*s", STR_ARG(got),
				  STR_ARG(l.key), STR_ARG(place));
	return STR("");
}

static void ask_packets(struct run *r, struct section *s)
{
	struct line_walk w = {.rest = s->body, .number = s->line};
	const struct port_data *pd = r->front ? find_port(r, s) : NULL;
	struct buf fresh;
	if (!pd && r->front) {
		case_check(r->t, s->line, STR("packets"))->problem =
			s->title.len ? STR("there is no such port")
				     : STR("which port? the case has not exactly one");
		return;
	}
	buf_memory(&fresh);
	while (next_line(&w)) {
		struct str line = strip(w.line);
		if (!line.len || line.s[0] == '#') {
			buf_str(&fresh, w.line);
		} else {
			struct check *k = case_check(r->t, w.number, line);
			k->problem = pd ? ask_packet(r, pd, line, &fresh)
					: STR("the filters can not be compiled");
		}
		buf_char(&fresh, '\n');
	}
	if (pd)
		s->fresh = buf_take(r->arena, &fresh);
	else
		buf_drop(&fresh);
}

/* --- texts ------------------------------------------------------------------------------------ */

/* The version says nothing about the rules. */
static struct str without_version(struct arena *a, struct str s)
{
	static const char ours[] = "nwfc " NWFC_VERSION;
	struct buf b;
	buf_memory(&b);
	for (uint32_t i = 0; i < s.len;) {
		if (s.len - i >= sizeof ours - 1 && memcmp(s.s + i, ours, sizeof ours - 1) == 0) {
			buf_lit(&b, "nwfc VERSION");
			i += (uint32_t)sizeof ours - 1;
		} else {
			buf_char(&b, s.s[i++]);
		}
	}
	return buf_take(a, &b);
}

static struct str difference(struct arena *a, struct str wanted, struct str got)
{
	struct buf b;
	buf_memory(&b);
	uint32_t line = line_diff(a, wanted, got, DIFF_MAX, &b);
	struct str lines = buf_take(a, &b);
	return line ? str_printf(a, "differs from its line %u on%.*s", line, STR_ARG(lines))
		    : STR("differs in its last newline");
}

static void compare(struct run *r, struct section *s, struct str name, struct str got)
{
	struct check *k = case_check(r->t, s->line, name);
	if (got.len && got.s[got.len - 1] != '\n')
		got = str_printf(r->arena, "%.*s\n", STR_ARG(got));
	if (str_eq(got, s->body))
		return;
	if (r->update)
		s->fresh = got;
	else
		k->problem = difference(r->arena, s->body, got);
}

static void compare_script(struct run *r, struct section *s)
{
	struct compile *c = &r->compile;
	struct str got = STR("");
	vec_each (j, &c->jobs) {
		if (!str_is(s->title, j->target->name) || !r->front)
			continue;
		struct buf b;
		void *lowered = j->target->lower(&c->emit, &c->build);
		if (!lowered || r->session.diags.errors)
			break;
		buf_memory(&b);
		j->target->emit(&c->emit, lowered, &b);
		got = without_version(r->arena, buf_take(r->arena, &b));
		break;
	}
	compare(r, s, s->title, got);
}

static struct str findings_text(struct run *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	if (!f)
		return STR("no memory\n");
	render_findings(&r->session, f);
	fclose(f);
	struct str s = str_copy(r->arena, (struct str){text, (uint32_t)n});
	free(text);
	return s;
}

static void compare_findings(struct run *r)
{
	bool any = false;
	vec_each (s, &r->t->sections)
		if (s->kind == SECTION_FINDINGS) {
			compare(r, s, STR("findings"), findings_text(r));
			any = true;
		}
	if (!any && r->session.diags.errors)
		case_check(r->t, 1, STR("findings"))->problem =
			str_printf(r->arena, "errors:\n%.*s", STR_ARG(findings_text(r)));
}

/* --- all ---------------------------------------------------------------------------------------
 */

static void run_sections(struct run *r)
{
	struct compile *c = &r->compile;
	const char *why;
	c->s = &r->session;
	if ((why = compile_options(c))) {
		fail(r, 1, str_from(why));
		return;
	}
	if (c->changes) {
		fail(r, 1, STR("--since is for no case"));
		return;
	}
	r->front = compile_front(c) && !r->session.diags.errors && compile_any_port(c);
	vec_each (s, &r->t->sections) {
		if (s->kind == SECTION_PACKETS)
			ask_packets(r, s);
		if (s->kind == SECTION_SCRIPT)
			compare_script(r, s);
	}
	compare_findings(r);
}

void case_run(struct test_case *t, bool update)
{
	struct run *r = arena_new_object(t->arena, struct run);
	*r = (struct run){.t = t, .arena = t->arena, .update = update};
	if (t->problem.len || !command_line(r))
		return;
	if (!session_open(&r->session, &r->options, t->arena)) {
		fail(r, 1, STR("its options can not be used"));
		return;
	}
	r->session.overlay = &r->overlay;
	run_sections(r);
	session_close(&r->session);
	if (!t->problem.len && !t->checks.n)
		fail(r, 1, STR("it checks nothing: no packets, script or findings"));
	vec_each (s, &t->sections)
		t->changed |= !str_eq(s->fresh, s->body);
}
