/* SPDX-License-Identifier: MIT */
/*
 * The parts of a difference as texts, which all forms put together in their ways.
 */
#include "nwfc/diff.h"
#include "review/packet_bytes.h"
#include "review/packet_words.h"

const char *const version_names[VERSIONS] = {"before", "now"};

static const char *const side_words[SIDES] = {"what the guest sends", "what the guest gets"};
static const char *const verdict_words[VERSIONS][3] = {
	{"passed", "was dropped", "was rejected"},
	{"passes", "is dropped", "is rejected"},
};

struct str rule_place(const struct diff *d, const struct prule *r)
{
	if (!r)
		return STR("");
	struct location at = source_locate(&d->s->sources, r->source->span);
	return str_printf(d->s->arena, "%.*s:%u:%u", STR_ARG(at.file), at.line, at.col);
}

struct str rule_line_text(const struct diff *d, const struct prule *r)
{
	if (!r || !r->source->span.file)
		return STR("");
	struct str line = source_line(&d->s->sources, r->source->span);
	while (line.len && (line.s[0] == ' ' || line.s[0] == '\t'))
		line.s++, line.len--;
	return line;
}

struct str pair_title(const struct diff *d, const struct pair *p)
{
	return str_printf(d->s->arena, "%s %.*s%s", p->standin ? "filter" : "port",
			  STR_ARG(p->name), p->learned ? ", once its address is known" : "");
}

struct str change_title(const struct diff *d, const struct change *c)
{
	return str_printf(d->s->arena, "%s: %s now, %s before", side_words[c->side],
			  verdict_words[NOW][c->verdict[NOW]],
			  verdict_words[BEFORE][c->verdict[BEFORE]]);
}

struct str change_packet(const struct diff *d, const struct difference *x, const struct change *c)
{
	struct buf b;
	buf_memory(&b);
	packet_print_words(&b, &c->witness, x->usual);
	return buf_take(d->s->arena, &b);
}

struct str change_bytes(const struct diff *d, const struct change *c)
{
	const char *why;
	struct str frame = packet_to_bytes(d->s->arena, &c->witness, &why);
	return frame.len ? bytes_to_hex(d->s->arena, frame) : STR("");
}

struct str change_cause(const struct diff *d, const struct change *c, int version)
{
	const struct prule *r = c->rule[version];
	const char *what = verdict_words[version][c->verdict[version]];
	if (!r)
		return str_printf(d->s->arena, "%s at the end of the %s rules", what,
				  c->layer == LAYER_FRAME ? "frame" : "packet");
	return str_printf(d->s->arena, "%s by %s %.*s#%u", what, action_names[r->verdict],
			  STR_ARG(r->source->filter->name), r->source->number);
}

struct region_texts region_texts(const struct diff *d, const struct region *r)
{
	struct region_texts t = {0};
	vec_each (x, &r->boxes) {
		struct buf b;
		buf_memory(&b);
		region_box_print(&b, x);
		*vec_push(d->s->arena, &t.list) = buf_take(d->s->arena, &b);
	}
	return t;
}
