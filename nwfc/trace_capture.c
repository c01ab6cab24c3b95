/* SPDX-License-Identifier: MIT */
/*
 * Captures: every frame with its connection, told one by one or summed up by rule.
 */
#include <stdlib.h>

#include "ir/key.h"
#include "nwfc/capture.h"
#include "nwfc/render.h"
#include "nwfc/trace.h"
#include "review/track.h"

/* What the guest sends has its address; what is for it has it as destination, or is for a group. */
bool trace_side(const struct trace *t, struct str bytes, enum side *out)
{
	const char *side = option_value(t->s->opt, OPT_SIDE);
	const uint8_t *mac = t->pd->port->mac.mac;
	if (side) {
		*out = strcmp(side, "out") == 0 ? SIDE_OUT : SIDE_IN;
		return true;
	}
	if (bytes.len < 12)
		return false;
	bool from = memcmp(bytes.s + 6, mac, 6) == 0;
	bool to = memcmp(bytes.s, mac, 6) == 0 || (bytes.s[0] & 1);
	*out = from ? SIDE_OUT : SIDE_IN;
	return from || to;
}

/* Frames of a capture in turn: what is done with each is the caller's. */
struct reading {
	struct trace *t;
	struct capture *capture;
	struct track track;
	uint32_t number;
	/* the last one */
	struct captured captured;
	struct frame frame;
	struct tracked tracked;
	bool skipped;
};

/* What the frame rules drop of a guest's frames the tracker does not get to see. */
static bool before_tracking(const struct reading *r)
{
	if (r->frame.packet.side == SIDE_IN)
		return false;
	struct walk w = simulate(NULL, r->t->pd, &r->frame.packet);
	return w.verdict != VERDICT_PASS && w.decider == w.deciders[LAYER_FRAME];
}

static bool next_frame(struct reading *r)
{
	enum side side;
	if (arena_full(r->t->s->arena)) {
		diag_add(&r->t->s->diags, FINDING(E603), (struct span){0},
			 "the capture has too many connections, --max-memory");
		return false;
	}
	if (!capture_next(r->capture, &r->captured))
		return false;
	r->number++;
	r->skipped = !trace_side(r->t, r->captured.bytes, &side) ||
		     !frame_read(r->captured.bytes, side, &r->frame);
	r->t->skipped += r->skipped;
	r->tracked = (struct tracked){.state = CTC_NEW};
	if (!r->skipped && !before_tracking(r))
		r->tracked = track_packet(&r->track, &r->frame);
	return true;
}

static bool begin_reading(struct trace *t, const char *path, struct reading *r)
{
	*r = (struct reading){.t = t, .track = {.arena = t->s->arena}};
	r->capture = capture_open(t->s, path);
	return r->capture != NULL;
}

void trace_capture(struct trace *t, const char *path)
{
	struct reading r;
	bool steps = option_given(t->s->opt, OPT_STEPS);
	if (!begin_reading(t, path, &r))
		return;
	while (next_frame(&r)) {
		if (r.skipped)
			continue;
		trace_packet(t,
			     &(struct told){.packet = r.frame.packet,
					    .malformed = r.frame.malformed,
					    .captured = true,
					    .number = r.number,
					    .time_us = r.captured.time_us},
			     steps);
		if (simulate(NULL, t->pd, &r.frame.packet).verdict == VERDICT_PASS)
			track_passed(&r.track, &r.tracked);
	}
	capture_close(r.capture);
}

/* --- by rule ------------------------------------------------------------------------- */

struct amount {
	uint64_t frames, bytes;
};

struct drop_row {
	const struct prule *rule;
	enum side side;
	enum verdict verdict;
	struct amount amount;
	uint32_t order;
};

struct drops {
	struct amount all, passed, skipped, uncertain;
	vec_of(struct drop_row) rows;
	struct map index; /* num: into rows */
};

static void count(struct amount *a, const struct captured *c)
{
	a->frames++;
	a->bytes += c->length;
}

static void count_drop(struct arena *a, struct drops *d, const struct reading *r,
		       const struct walk *w)
{
	struct str key = {(const char *)&w->decider, sizeof w->decider};
	struct map_entry *e = map_find(&d->index, key);
	bool added;
	if (!e) {
		e = map_put(a, &d->index, str_copy(a, key), &added);
		e->num = d->rows.n;
		*vec_push(a, &d->rows) = (struct drop_row){.rule = w->decider,
							   .side = r->frame.packet.side,
							   .verdict = w->verdict,
							   .order = d->rows.n};
	}
	count(&d->rows.items[e->num].amount, &r->captured);
}

static int by_frames(const void *x, const void *y)
{
	const struct drop_row *a = x, *b = y;
	if (a->amount.frames != b->amount.frames)
		return a->amount.frames > b->amount.frames ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* A row that is no rule's. */
static void text_amount(struct buf *out, const struct amount *a, const char *what)
{
	buf_printf(out, "%10llu %12llu       %s\n", (unsigned long long)a->frames,
		   (unsigned long long)a->bytes, what);
}

static void text_drops(struct trace *t, const struct drops *d)
{
	buf_printf(t->out, "%10s %12s  %-4s %-7s %s\n", "frames", "bytes", "side", "", "rule");
	vec_each (r, &d->rows)
		buf_printf(t->out, "%10llu %12llu  %-4s %-7s %.*s, %.*s\n",
			   (unsigned long long)r->amount.frames,
			   (unsigned long long)r->amount.bytes, side_names[r->side],
			   verdict_names[r->verdict],
			   STR_ARG(rule_key(t->s->arena, r->rule->source)),
			   STR_ARG(trace_place(t, r->rule)));
	text_amount(t->out, &d->passed, "pass");
	if (d->skipped.frames)
		text_amount(t->out, &d->skipped, "neither from nor to the port's address");
	text_amount(t->out, &d->all, "in all");
	if (d->uncertain.frames)
		text_amount(t->out, &d->uncertain,
			    "of these depend on ipsets or counts of connections, taken for no");
}

static void json_amount(struct buf *out, const struct amount *a)
{
	buf_printf(out, "\"frames\": %llu, \"bytes\": %llu", (unsigned long long)a->frames,
		   (unsigned long long)a->bytes);
}

static void json_drops(struct trace *t, const struct drops *d)
{
	const char *between = "\n";
	buf_lit(t->out, "{\n\"version\": 1,\n\"port\": ");
	put_json_string(t->out, t->pd->port->name);
	buf_printf(t->out, ",\n\"learning\": %s,\n", t->pd->learning ? "true" : "false");
	json_amount(t->out, &d->all);
	buf_lit(t->out, ",\n\"passed\": {");
	json_amount(t->out, &d->passed);
	buf_lit(t->out, "},\n\"skipped\": {");
	json_amount(t->out, &d->skipped);
	buf_lit(t->out, "},\n\"uncertain\": {");
	json_amount(t->out, &d->uncertain);
	buf_lit(t->out, "},\n\"rules\": [");
	vec_each (r, &d->rows) {
		buf_printf(t->out, "%s{", between);
		json_amount(t->out, &r->amount);
		buf_printf(t->out, ", \"side\": \"%s\", \"verdict\": \"%s\", \"rule\": ",
			   side_names[r->side], verdict_names[r->verdict]);
		trace_rule_json(t, r->rule);
		buf_lit(t->out, "}");
		between = ",\n";
	}
	buf_lit(t->out, "\n]\n}\n");
}

void trace_drops(struct trace *t, const char *path)
{
	struct reading r;
	struct drops d = {.rows.n = 0};
	if (!begin_reading(t, path, &r))
		return;
	while (next_frame(&r)) {
		count(&d.all, &r.captured);
		if (r.skipped) {
			count(&d.skipped, &r.captured);
			continue;
		}
		struct walk w = simulate(NULL, t->pd, &r.frame.packet);
		if (w.uncertain)
			count(&d.uncertain, &r.captured);
		if (w.verdict == VERDICT_PASS) {
			count(&d.passed, &r.captured);
			track_passed(&r.track, &r.tracked);
		} else {
			count_drop(t->s->arena, &d, &r, &w);
		}
	}
	capture_close(r.capture);
	if (d.rows.n)
		qsort(d.rows.items, d.rows.n, sizeof *d.rows.items, by_frames);
	if (!t->s->diags.errors)
		(t->json ? json_drops : text_drops)(t, &d);
}
