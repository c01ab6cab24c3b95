/* SPDX-License-Identifier: MIT */
/*
 * Differences for programs: JSON of our own, whose "version" changes when a member
 * changes its meaning or goes away.
 */
#include "nwfc/diff.h"
#include "nwfc/render.h"

static void put_text(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "\"%s\": ", name);
	put_json_string(out, text);
}

static void put_version(const struct diff *d, const struct change *c, int version, struct buf *out)
{
	const struct prule *r = c->rule[version];
	buf_printf(out, "\"%s\": {\"verdict\": \"%s\"", version_names[version],
		   verdict_names[c->verdict[version]]);
	if (r) {
		struct location at = source_locate(&d->s->sources, r->source->span);
		buf_printf(out, ", \"action\": \"%s\", ", action_names[r->verdict]);
		put_text(out, "filter", r->source->filter->name);
		buf_printf(out, ", \"rule\": %u, ", r->source->number);
		put_text(out, "file", at.file);
		buf_printf(out, ", \"line\": %u, \"column\": %u", at.line, at.col);
	}
	buf_lit(out, "}");
}

static void put_region(const struct diff *d, const struct region *r, struct buf *out)
{
	struct region_texts boxes = region_texts(d, r);
	buf_lit(out, "\"region\": [");
	vec_each (b, &boxes.list) {
		if (b != boxes.list.items)
			buf_lit(out, ", ");
		put_json_string(out, *b);
	}
	buf_printf(out, "], \"region_complete\": %s", r->more ? "false" : "true");
}

static void put_change(const struct diff *d, const struct difference *x, uint32_t i,
		       struct buf *out)
{
	const struct change *c = &x->changes.list.items[i];
	buf_printf(out, "{\"side\": \"%s\", \"layer\": \"%s\", ", side_names[c->side],
		   c->layer == LAYER_FRAME ? "frame" : "packet");
	put_version(d, c, BEFORE, out);
	buf_lit(out, ", ");
	put_version(d, c, NOW, out);
	buf_lit(out, ", ");
	put_text(out, "packet", change_packet(d, x, c));
	buf_lit(out, ", ");
	put_text(out, "bytes", change_bytes(d, c));
	buf_lit(out, ", ");
	put_region(d, &x->regions.items[i], out);
	buf_printf(out, ", \"certain\": %s}", c->uncertain ? "false" : "true");
}

static void put_pair(const struct diff *d, const struct difference *x, struct buf *out)
{
	const struct pair *p = x->pair;
	buf_printf(out, "    {\"kind\": \"%s\", ", p->standin ? "filter" : "port");
	put_text(out, "name", p->name);
	if (p->learned)
		buf_lit(out, ", \"learned\": true");
	buf_printf(out, ", \"change\": \"%s\", \"changes\": [",
		   !p->port[BEFORE] ? "new"
		   : !p->port[NOW]  ? "gone"
				    : "differs");
	for (uint32_t i = 0; i < x->changes.list.n; i++) {
		buf_printf(out, "%s\n      ", i ? "," : "");
		put_change(d, x, i, out);
	}
	buf_lit(out, "]}");
}

void diff_json(const struct diff *d, struct buf *out)
{
	buf_printf(out, "{\n  \"nwfc\": \"%s\",\n  \"version\": 1,\n  \"compared\": %u,\n",
		   NWFC_VERSION, d->compared);
	buf_lit(out, "  \"differences\": [");
	vec_each (x, &d->list) {
		buf_printf(out, "%s", x == d->list.items ? "\n" : ",\n");
		put_pair(d, x, out);
	}
	buf_printf(out, "%s]\n}\n", d->list.n ? "\n  " : "");
}
