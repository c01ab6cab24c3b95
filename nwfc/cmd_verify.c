/* SPDX-License-Identifier: MIT */
/*
 * verify: read an emitted script back, and prove that it does what the inputs say.
 */
#include "ir/findings.h"
#include "nwfc/commands.h"
#include "nwfc/compile.h"
#include "review/readback/verify.h"

static void put_text(struct buf *out, const char *script, const struct verify_report *r)
{
	buf_printf(out, "%s: %.*s: %u %s, %u %s proved, %u rules\n", script, STR_ARG(r->tool),
		   r->ports, r->ports == 1 ? "port" : "ports", r->proofs,
		   r->proofs == 1 ? "part" : "parts", r->rules);
	vec_each (t, &r->unread)
		buf_printf(out, "%s: not read: %.*s, which holds rules of networks\n", script,
			   STR_ARG(*t));
	if (r->no_hooks)
		buf_printf(out, "%s: without the jumps from the base chains\n", script);
}

/* Names of tables need no escapes: the readers take words. */
static void put_json(struct buf *out, const struct verify_report *r, bool good)
{
	buf_printf(out,
		   "{\"version\": 1, \"same\": %s, \"tool\": \"%.*s\", \"ports\": %u, \"parts\": "
		   "%u, \"rules\": %u, \"hooks\": %s, \"unread\": [",
		   good ? "true" : "false", STR_ARG(r->tool), r->ports, r->proofs, r->rules,
		   r->no_hooks ? "false" : "true");
	vec_each (t, &r->unread)
		buf_printf(out, "%s\"%.*s\"", t == r->unread.items ? "" : ", ", STR_ARG(*t));
	buf_lit(out, "]}\n");
}

static bool print(struct session *s, const char *script, const struct verify_report *r, bool good)
{
	const char *format = option_value(s->opt, OPT_FORMAT);
	struct output o;
	if (!output_open(s, NULL, false, &o))
		return false;
	if (format && strcmp(format, "json") == 0)
		put_json(&o.buf, r, good);
	else if (good && !option_given(s->opt, OPT_QUIET))
		put_text(&o.buf, script, r);
	return output_close(s, &o);
}

enum exit_code cmd_verify(struct session *s)
{
	struct options o = *s->opt;
	struct compile c = {.s = s};
	struct verify_report report = {0};
	if (o.inputs.n < 1)
		return usage("verify wants a script, and the inputs that it was made of");
	const char *script = o.inputs.items[0];
	o.inputs.items++;
	o.inputs.n--;
	s->opt = &o;
	const char *why = read_now(&o, &c.emit.options.now_ms);
	if (why)
		return usage(why);
	if (compile_front(&c) && s->diags.errors == 0 && compile_any_port(&c)) {
		uint32_t file = read_source(s, script);
		bool good = file && verify_script(s->arena, &s->diags, file, &c.build, &report);
		if (report.too_large)
			diag_add(&s->diags, FINDING(E803), (struct span){file, 0, 0},
				 "this script can not be compared");
		if (file && (good || report.tool.len))
			print(s, script, &report, good);
	}
	enum exit_code code = session_verdict(s);
	return code;
}
