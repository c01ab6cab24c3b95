/* SPDX-License-Identifier: MIT */
/*
 * Findings in SARIF 2.1.0 (OASIS), which code hosts show beside the lines that
 * they are about. Sections in the comments are those of the standard.
 */
#include <stdlib.h>
#include <unistd.h>

#include "nwfc/render.h"

static const char *const levels[SEVERITIES] = {"note", "warning", "error"};

/* --- artifacts --- */

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~/", c));
}

/* Below the working directory a path becomes relative to it, as code hosts want it (3.4.4). */
static struct str relative(struct arena *a, struct str path)
{
	char *here = path.len && path.s[0] == '/' ? getcwd(NULL, 0) : NULL;
	struct str dir = here ? str_copy(a, str_from(here)) : STR("");
	free(here);
	if (dir.len && path.len > dir.len + 1 && path.s[dir.len] == '/' &&
	    memcmp(path.s, dir.s, dir.len) == 0)
		return (struct str){path.s + dir.len + 1, path.len - dir.len - 1};
	while (path.len > 2 && memcmp(path.s, "./", 2) == 0)
		path = (struct str){path.s + 2, path.len - 2};
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
	buf_printf(out,
		   ", \"region\": {\"startLine\": %u, \"startColumn\": %u, \"endLine\": %u, "
		   "\"endColumn\": %u}}",
		   lo.line, lo.col, hi.line, hi.col);
}

static void put_message(struct buf *out, const struct session *s, struct str text, struct str hint)
{
	struct str whole =
		hint.len ? str_printf(s->arena, "%.*s; %.*s", STR_ARG(text), STR_ARG(hint)) : text;
	buf_lit(out, "\"message\": {\"text\": ");
	json_string(out, whole);
	buf_lit(out, "}");
}

static void put_related(struct buf *out, const struct session *s, const struct finding *f)
{
	const char *between = "";
	buf_lit(out, ", \"relatedLocations\": [");
	vec_each (n, &f->notes) {
		if (!n->span.file)
			continue;
		buf_printf(out, "%s{", between);
		put_location(out, s, n->span);
		buf_lit(out, ", ");
		put_message(out, s, n->text, STR(""));
		buf_lit(out, "}");
		between = ", ";
	}
	buf_lit(out, "]");
}

/* --- results (3.27) --- */

/*
 * What makes two findings of two runs the same one: the kind, the file, and the
 * line's text, but not its number, so that it stays when lines come before it.
 */
static uint64_t fingerprint(const struct session *s, const struct finding *f)
{
	struct str line = source_line(&s->sources, f->span);
	struct str name = f->span.file ? source_locate(&s->sources, f->span).file : STR("");
	uint64_t parts[] = {str_hash(str_from(f->kind->code)), str_hash(relative(s->arena, name)),
			    str_hash(line), str_hash(f->text)};
	return str_hash((struct str){(const char *)parts, sizeof parts});
}

static void put_result(struct buf *out, const struct session *s, const struct finding *f)
{
	buf_printf(out, "{\"ruleId\": \"%s\", \"ruleIndex\": %u, \"level\": \"%s\", ",
		   f->kind->code, (unsigned)(f->kind - finding_kinds), levels[f->severity]);
	put_message(out, s, f->text, f->hint);
	buf_lit(out, ", \"locations\": [");
	if (f->span.file) {
		buf_lit(out, "{");
		put_location(out, s, f->span);
		buf_lit(out, "}");
	}
	buf_lit(out, "]");
	put_related(out, s, f);
	buf_printf(out, ", \"partialFingerprints\": {\"nwfc/v1\": \"%016llx\"}}",
		   (unsigned long long)fingerprint(s, f));
}

/* --- the rules array (3.19.23): all kinds, so that an index is the same in every run --- */

static void put_rules(struct buf *out)
{
	for (int i = 0; i < FINDINGS; i++) {
		const struct diag_kind *k = &finding_kinds[i];
		buf_printf(out,
			   "%s{\"id\": \"%s\", \"name\": \"%s\", \"shortDescription\": {\"text\": ",
			   i ? ",\n" : "", k->code, k->name);
		json_string(out, str_from(k->title));
		buf_printf(out, "}, \"defaultConfiguration\": {\"level\": \"%s\"}}",
			   levels[k->severity]);
	}
}

void render_sarif(const struct session *s, struct buf *out)
{
	const char *between = "\n";
	buf_lit(out, "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n"
		     "\"version\": \"2.1.0\",\n\"runs\": [{\"columnKind\": \"unicodeCodePoints\",\n"
		     "\"tool\": {\"driver\": {\"name\": \"nwfc\", \"version\": \"" NWFC_VERSION
		     "\", \"rules\": [\n");
	put_rules(out);
	buf_lit(out, "\n]}},\n\"results\": [");
	for (uint32_t i = 0; i < s->diags.list.n; i++) {
		if (!finding_shown(s, i))
			continue;
		buf_str(out, str_from(between));
		put_result(out, s, s->diags.list.items[i]);
		between = ",\n";
	}
	buf_lit(out, "\n]}]}\n");
}
