/* SPDX-License-Identifier: MIT */
/*
 * Findings in SARIF 2.1.0 (OASIS), which code hosts show beside the lines that
 * they are about. Sections in the comments are those of the standard.
 */
#include <stdlib.h>
#include <unistd.h>

#include "nwfc/explain.h"
#include "nwfc/render.h"

static const char *const levels[SEVERITIES] = {"note", "warning", "error"};

/* --- artifacts --- */

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~/", c));
}

/* Without the segments that lead nowhere: "a//./b/../c" is "a/c". */
static struct str clean(struct arena *a, struct str path)
{
	char *out = arena_alloc(a, path.len + 1);
	bool absolute = path.len && path.s[0] == '/';
	uint32_t n = absolute, floor = n; /* below floor there are only leading ".." */
	out[0] = '/';
	for (uint32_t i = 0, end; i < path.len; i = end + 1) {
		const char *slash = memchr(path.s + i, '/', path.len - i);
		end = slash ? (uint32_t)(slash - path.s) : path.len;
		struct str word = {path.s + i, end - i};
		bool up = str_is(word, "..");
		if (!word.len || str_is(word, ".") || (up && absolute && n == 1))
			continue;
		if (up && n > floor) {
			while (n > floor && out[n - 1] != '/')
				n--;
			n -= n > floor;
			continue;
		}
		if (n > absolute)
			out[n++] = '/';
		memcpy(out + n, word.s, word.len);
		n += word.len;
		floor = up ? n : floor;
	}
	return (struct str){out, n};
}

/* Below the working directory a path becomes relative to it, as code hosts want it (3.4.4). */
static struct str relative(struct arena *a, struct str path)
{
	char *here = path.len && path.s[0] == '/' ? getcwd(NULL, 0) : NULL;
	struct str dir = here ? str_copy(a, str_from(here)) : STR("");
	free(here);
	path = clean(a, path);
	uint32_t n = dir.len > 1 ? dir.len : 0; /* the root ends with its slash */
	if (dir.len && path.len > n + 1 && path.s[n] == '/' && memcmp(path.s, dir.s, n) == 0)
		return (struct str){path.s + n + 1, path.len - n - 1};
	return path;
}

/* A URI reference (RFC 3986): file: for what lies elsewhere. */
static void put_uri(struct buf *out, const struct session *s, struct str path)
{
	path = relative(s->arena, path);
	bool absolute = path.len && path.s[0] == '/';
	buf_printf(out, "\"artifactLocation\": {\"uri\": \"%s", absolute ? "file://" : "");
	for (uint32_t i = 0; i < path.len; i++) {
		if (is_unreserved(path.s[i]))
			buf_char(out, path.s[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)path.s[i]);
	}
	buf_str(out, absolute ? STR("\"}") : STR("\", \"uriBaseId\": \"%SRCROOT%\"}"));
}

/* --- locations (3.28, 3.30) --- */

static void put_location(struct buf *out, const struct session *s, struct span sp)
{
	struct location lo = source_locate(&s->sources, sp);
	struct location hi = source_locate(&s->sources, (struct span){sp.file, sp.hi, sp.hi});
	buf_lit(out, "\"physicalLocation\": {");
	put_uri(out, s, lo.file);
	buf_printf(out, ", \"region\": {\"startLine\": %u, \"startColumn\": %u", lo.line, lo.col);
	if (sp.hi > sp.lo)
		buf_printf(out, ", \"endLine\": %u, \"endColumn\": %u", hi.line, hi.col);
	buf_lit(out, "}}");
}

/* Brackets would make a link of a part of a message, braces a placeholder (3.11.5, 3.11.6). */
static struct str escape(struct arena *a, struct str text)
{
	char *out = arena_alloc(a, 2 * (size_t)text.len + 1);
	uint32_t n = 0;
	for (uint32_t i = 0; i < text.len; i++) {
		if (strchr("[]\\", text.s[i]) && text.s[i])
			out[n++] = '\\';
		else if (text.s[i] == '{' || text.s[i] == '}')
			out[n++] = text.s[i];
		out[n++] = text.s[i];
	}
	return (struct str){out, n};
}

static void put_message(struct buf *out, const struct session *s, struct str text, struct str hint)
{
	struct str whole =
		hint.len ? str_printf(s->arena, "%.*s; %.*s", STR_ARG(text), STR_ARG(hint)) : text;
	buf_lit(out, "\"message\": {\"text\": ");
	put_json_string(out, escape(s->arena, whole));
	buf_lit(out, "}");
}

static void put_related(struct buf *out, const struct session *s, const struct finding *f)
{
	unsigned id = 0;
	vec_each (n, &f->notes) {
		if (!n->span.file)
			continue;
		buf_printf(out, "%s{\"id\": %u, ", id ? ", " : ", \"relatedLocations\": [", id);
		put_location(out, s, n->span);
		buf_lit(out, ", ");
		put_message(out, s, n->text, STR(""));
		buf_lit(out, "}");
		id++;
	}
	if (id)
		buf_lit(out, "]");
}

/* --- results (3.27) --- */

/* A thousand findings may stand on one line of a megabyte. */
#define LINE_HASHED 4096

/*
 * What makes two findings of two runs the same one: the kind, the file, and the
 * line's text, but not its number, so that it stays when lines come before it.
 */
static uint64_t fingerprint(const struct session *s, const struct finding *f)
{
	struct str line = source_line(&s->sources, f->span);
	line.len = line.len < LINE_HASHED ? line.len : LINE_HASHED;
	struct str name = f->span.file ? source_locate(&s->sources, f->span).file : STR("");
	uint64_t parts[] = {str_hash(str_from(f->kind->code)), str_hash(relative(s->arena, name)),
			    str_hash(line), str_hash(f->text)};
	return str_hash((struct str){(const char *)parts, sizeof parts});
}

/* Of several that are the same, which: the third one of a line stays the third. */
static unsigned occurrence(const uint64_t *prints, uint32_t i)
{
	unsigned n = 1;
	for (uint32_t k = 0; k < i; k++)
		n += prints[k] == prints[i];
	return n;
}

static void put_result(struct buf *out, const struct session *s, const struct finding *f,
		       const uint64_t *prints, uint32_t i)
{
	buf_printf(out, "{\"ruleId\": \"%s\", \"ruleIndex\": %u, \"level\": \"%s\", ",
		   f->kind->code, (unsigned)(f->kind - finding_kinds), levels[f->severity]);
	put_message(out, s, f->text, f->hint);
	buf_lit(out, ", \"locations\": [{");
	put_location(out, s, f->span);
	buf_lit(out, "}]");
	put_related(out, s, f);
	buf_printf(out, ", \"partialFingerprints\": {\"nwfc/v1\": \"%016llx:%u\"}}",
		   (unsigned long long)prints[i], occurrence(prints, i));
}

/*
 * What is about no place in a file (a file that is not there) is no result:
 * code hosts refuse a whole document for one. It is a notification of the run (3.20.21).
 */
static void put_notification(struct buf *out, const struct session *s, const char *id,
			     enum severity severity, struct str text, struct str hint,
			     const char **between)
{
	buf_printf(out, "%s{", *between);
	if (id)
		buf_printf(out, "\"descriptor\": {\"id\": \"%s\"}, ", id);
	buf_printf(out, "\"level\": \"%s\", ", levels[severity]);
	put_message(out, s, text, hint);
	buf_lit(out, "}");
	*between = ",\n";
}

static void put_invocation(struct buf *out, const struct session *s)
{
	const char *between = "\n";
	bool good = true;
	uint32_t unlisted = findings_unlisted(s);
	vec_each (f, &s->diags.list)
		good &= (*f)->span.file || (*f)->severity != SEV_ERROR;
	buf_printf(out,
		   "\"invocations\": [{\"executionSuccessful\": %s, "
		   "\"toolExecutionNotifications\": [",
		   good ? "true" : "false");
	for (uint32_t i = 0; i < s->diags.list.n; i++) {
		const struct finding *f = s->diags.list.items[i];
		if (!f->span.file && finding_shown(s, i))
			put_notification(out, s, f->kind->code, f->severity, f->text, f->hint,
					 &between);
	}
	if (unlisted)
		put_notification(out, s, NULL, SEV_WARNING,
				 str_printf(s->arena, "and %u more findings", unlisted), STR(""),
				 &between);
	buf_lit(out, "]}],\n");
}

/* --- the rules array (3.19.23): all kinds, so that an index is the same in every run --- */

static void put_rules(struct buf *out)
{
	for (int i = 0; i < FINDINGS; i++) {
		const struct diag_kind *k = &finding_kinds[i];
		buf_printf(out,
			   "%s{\"id\": \"%s\", \"name\": \"%s\", \"shortDescription\": {\"text\": ",
			   i ? ",\n" : "", k->code, k->name);
		put_json_string(out, str_from(k->title));
		buf_lit(out, "}, \"fullDescription\": {\"text\": ");
		put_json_string(out, str_from(k->title));
		buf_lit(out, "}, \"help\": {\"text\": ");
		put_json_string(out, str_from(explanations[i]));
		buf_printf(out, "}, \"defaultConfiguration\": {\"level\": \"%s\"}}",
			   levels[k->severity]);
	}
}

void render_sarif(const struct session *s, struct buf *out)
{
	const char *between = "\n";
	uint64_t *prints = arena_new_array(s->arena, uint64_t, s->diags.list.n + 1);
	buf_lit(out, "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n"
		     "\"version\": \"2.1.0\",\n\"runs\": [{\"columnKind\": \"unicodeCodePoints\",\n"
		     "\"tool\": {\"driver\": {\"name\": \"nwfc\", \"version\": \"" NWFC_VERSION
		     "\", \"semanticVersion\": \"" NWFC_VERSION "\", \"rules\": [\n");
	put_rules(out);
	buf_lit(out, "\n]}},\n");
	put_invocation(out, s);
	buf_lit(out, "\"results\": [");
	for (uint32_t i = 0; i < s->diags.list.n; i++) {
		if (!finding_shown(s, i) || !s->diags.list.items[i]->span.file)
			continue;
		prints[i] = fingerprint(s, s->diags.list.items[i]);
		buf_str(out, str_from(between));
		put_result(out, s, s->diags.list.items[i], prints, i);
		between = ",\n";
	}
	buf_lit(out, "\n]}]}\n");
}
