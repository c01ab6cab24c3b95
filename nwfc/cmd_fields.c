/* SPDX-License-Identifier: MIT */
/*
 * fields: the tables of the language, as text or JSON.
 */
#include <stdio.h>

#include "nwfc/commands.h"
#include "nwfc/output.h"

static const char *const part_names[] = {"value", "from", "to", "mask"};

static void put_range(struct buf *out, const struct attr *at)
{
	if (at->max)
		buf_printf(out, " %u..%u", at->min, at->max);
}

static void text_proto(struct buf *out, const struct proto *p)
{
	buf_printf(out, "%s  (%s layer", p->xml, p->layer == LAYER_FRAME ? "frame" : "packet");
	if (p->ethertype)
		buf_printf(out, ", EtherType 0x%04x", p->ethertype);
	if (p->ipproto >= 0)
		buf_printf(out, ", protocol %d", p->ipproto);
	buf_lit(out, ")\n");
	for (uint32_t i = 0; i < p->nattrs; i++) {
		const struct attr *at = &p->attrs[i];
		buf_printf(out, "  %-20s %-5s of %-22s %s", at->xml, part_names[at->part],
			   fields[at->field].name, value_type_name((enum value_type)at->type));
		put_range(out, at);
		if (at->flags & ATTR_NO_VAR)
			buf_lit(out, ", no variable");
		buf_lit(out, "\n");
	}
}

/* Every text in the tables is plain ASCII without quotes, so nothing needs escaping. */
static void json_attr(struct buf *out, const struct attr *at)
{
	const struct value_name *n = value_names((enum value_type)at->type);
	buf_printf(out, "{\"name\": \"%s\", \"part\": \"%s\", \"field\": \"%s\", \"type\": \"%s\"",
		   at->xml, part_names[at->part], fields[at->field].name,
		   value_type_name((enum value_type)at->type));
	if (at->max)
		buf_printf(out, ", \"min\": %u, \"max\": %u", at->min, at->max);
	buf_printf(out, ", \"variable\": %s, \"negatable\": %s",
		   at->flags & ATTR_NO_VAR ? "false" : "true",
		   at->flags & ATTR_NO_NEG || at->field == F_COMMENT ? "false" : "true");
	if (n) {
		buf_lit(out, ", \"words\": [");
		for (const char *comma = ""; n->name; n++, comma = ", ")
			buf_printf(out, "%s\"%s\"", comma, n->name);
		buf_lit(out, "]");
	}
	buf_lit(out, "}");
}

static void json_proto(struct buf *out, const struct proto *p)
{
	buf_printf(out,
		   "    {\"element\": \"%s\", \"layer\": \"%s\", \"family\": %u, \"ethertype\": "
		   "%u, \"protocol\": %d,\n"
		   "     \"attributes\": [\n",
		   p->xml, p->layer == LAYER_FRAME ? "frame" : "packet", p->family, p->ethertype,
		   p->ipproto);
	for (uint32_t i = 0; i < p->nattrs; i++) {
		buf_lit(out, "      ");
		json_attr(out, &p->attrs[i]);
		buf_str(out, str_from(i + 1 < p->nattrs ? ",\n" : "\n"));
	}
	buf_lit(out, "     ]}");
}

static void json_fields(struct buf *out)
{
	buf_lit(out, "  \"fields\": [\n");
	for (int f = 0; f < FIELDS; f++)
		buf_printf(out,
			   "    {\"name\": \"%s\", \"mirror\": \"%s\", \"offset\": %d, "
			   "\"offset6\": %d, \"width\": %u}%s\n",
			   fields[f].name, fields[fields[f].mirror].name, fields[f].offset,
			   fields[f].offset6, fields[f].width, f + 1 < FIELDS ? "," : "");
	buf_lit(out, "  ]\n");
}

enum exit_code cmd_fields(struct session *s)
{
	int json = option_choice(s->opt, OPT_FORMAT, text_or_json);
	struct output o;
	if (json < 0) {
		fprintf(stderr, "nwfc: --format wants text or json\n");
		return EXIT_BAD_INPUT;
	}
	if (!output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	if (json)
		buf_lit(&o.buf, "{\n  \"version\": 1,\n  \"protocols\": [\n");
	for (int p = PROTO_NONE + 1; p < PROTOS; p++) {
		(json ? json_proto : text_proto)(&o.buf, &protos[p]);
		if (json)
			buf_str(&o.buf, str_from(p + 1 < PROTOS ? ",\n" : "\n  ],\n"));
	}
	if (json) {
		json_fields(&o.buf);
		buf_lit(&o.buf, "}\n");
	}
	if (output_close(s, &o))
		output_commit(s, &o);
	return session_verdict(s);
}
