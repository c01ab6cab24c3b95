/* SPDX-License-Identifier: MIT */
#include "nwfc/prove.h"
#include "review/packet_words.h"
#include "review/words.h"

static struct str place(const struct prove *p, struct span span)
{
	struct location at = source_locate(&p->s->sources, span);
	return str_printf(p->s->arena, "%.*s:%u:%u", STR_ARG(at.file), at.line, at.col);
}

struct str proof_place(const struct prove *p, const struct assertion *a)
{
	return place(p, a->span);
}

/* Longer words are left out where there is a comment. */
#define TITLE_WORDS 90

struct str assertion_title(const struct prove *p, const struct assertion *a)
{
	struct str words = clean_text(p->s->arena, a->words),
		   comment = clean_text(p->s->arena, a->comment);
	if (!comment.len)
		return words;
	if (words.len > TITLE_WORDS)
		return str_printf(p->s->arena, "\"%.*s\"", STR_ARG(comment));
	return str_printf(p->s->arena, "%.*s \"%.*s\"", STR_ARG(words), STR_ARG(comment));
}

struct str assertion_name(const struct prove *p, const struct assertion *a)
{
	return clean_text(p->s->arena, a->comment.len ? a->comment : a->words);
}

struct str subject_title(const struct prove *p, const struct subject *x)
{
	const char *when = x->data.learning ? ", while its address is not known"
			   : x->learned     ? ", once its address is known"
					    : "";
	return str_printf(p->s->arena, "%s %.*s%s", x->filter ? "filter" : "port", STR_ARG(x->name),
			  when);
}

struct str proof_packet(const struct prove *p, const struct proof *x)
{
	struct buf b;
	buf_memory(&b);
	packet_print_words(&b, &x->witness, x->subject->usual);
	return buf_take(p->s->arena, &b);
}

struct str proof_lacking(const struct prove *p, const struct proof *x, struct str variable)
{
	return str_printf(p->s->arena,
			  "$%.*s, of which the %s has no value: the except with it excepts nothing",
			  STR_ARG(clean_text(p->s->arena, variable)),
			  x->subject->filter ? "filter" : "port");
}

/* What a rule that decides in a layer does there; NULL: it is the end of the rules. */
static const char *deed(const struct prule *r, enum layer layer)
{
	if (!r || r->verdict == ACTION_ACCEPT || r->verdict == ACTION_RETURN)
		return "passes";
	return r->verdict == ACTION_REJECT && layer == LAYER_PACKET ? "is rejected" : "is dropped";
}

/* A layer that drops is the last one asked. */
static bool was_asked(const struct proof *x, enum layer layer)
{
	enum layer first = x->witness.side == SIDE_OUT ? LAYER_FRAME : LAYER_PACKET;
	const struct prule *r = x->walk.deciders[first];
	if (layer == LAYER_PACKET && !packet_meets(&x->witness, C_IP))
		return false;
	return layer == first || deed(r, first)[0] == 'p';
}

struct str proof_cause(const struct prove *p, const struct proof *x, enum layer layer)
{
	const struct prule *r = x->walk.deciders[layer];
	if (!was_asked(x, layer))
		return STR("");
	if (!r)
		return STR("passes at the end of the rules");
	struct str at = place(p, r->source->span);
	return str_printf(p->s->arena, "%s by %s %.*s#%u, %.*s", deed(r, layer),
			  action_names[r->verdict], STR_ARG(r->source->filter->name),
			  r->source->number, STR_ARG(at));
}

struct str proof_box(const struct prove *p, const struct region_box *box)
{
	struct buf b;
	buf_memory(&b);
	region_box_print(&b, box);
	return buf_take(p->s->arena, &b);
}
