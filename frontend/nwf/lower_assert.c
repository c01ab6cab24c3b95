/* SPDX-License-Identifier: MIT */
/*
 * An assertion of the language: its packets are read as a rule that drops them, in a
 * filter of its own, so that words mean what they mean in filters.
 *
 * No label says the layer. Words about IP are read as those of a packet rule: `udp` is then also
 * a later fragment of IPv6, the protocol of which no frame rule can see; `ether saddr` by
 * itself is of all frames. What the layer does not have is tried as the other one; where the words
 * are neither, the layer in which they make sense for longer gives the message.
 */
#include "base/near.h"
#include "frontend/nwf/lower.h"

/* What the words are a rule of; a name that no filter can have. */
static const char class_name[] = "packets of an assertion";

static struct filter *new_class(struct nwf_lowering *lw, struct span span)
{
	struct filter *f = arena_new_object(lw->arena, struct filter);
	f->name = str_from(class_name);
	f->chain = STR("root");
	f->span = f->name_span = f->chain_span = f->priority_span = span;
	return f;
}

/* --- layers --- */

/* The words as rules of a layer, into f; findings go to ds. */
static void read_as(struct nwf_lowering *lw, const struct nwf_rule *r, struct span span,
		    enum layer layer, struct filter *f, struct diags *ds)
{
	struct nwf_lowering sub = {
		.cx = lw->cx, .arena = lw->arena, .diags = ds, .filter = f, .layer = (int)layer};
	nwf_lower_rule(&sub, r, span);
}

/* Where the first mistake is that a layer would find; UINT32_MAX: none. */
static uint32_t first_mistake(struct nwf_lowering *lw, const struct nwf_rule *r, struct span span,
			      enum layer layer)
{
	struct diags ds = {.arena = lw->arena, .sources = lw->diags->sources, .max = 10};
	uint32_t at = UINT32_MAX;
	read_as(lw, r, span, layer, new_class(lw, span), &ds);
	vec_each (f, &ds.list)
		if ((*f)->severity == SEV_ERROR && (*f)->span.lo < at)
			at = (*f)->span.lo;
	return at;
}

/* Do the words speak of IP, in whichever family? */
static bool is_about_ip(const struct nwf_rule *r)
{
	vec_each (m, &r->matches) {
		const struct nwf_header *h = nwf_header_find((*m)->header.text);
		if (!h || h->frame == PROTO_NONE || h->frame == PROTO_IP || h->frame == PROTO_IPV6)
			return true;
	}
	return false;
}

static void read_words(struct nwf_lowering *lw, const struct nwf_rule *r, struct span span,
		       struct filter *f)
{
	enum layer first = is_about_ip(r) ? LAYER_PACKET : LAYER_FRAME,
		   second = first == LAYER_FRAME ? LAYER_PACKET : LAYER_FRAME;
	uint32_t mistake = first_mistake(lw, r, span, first);
	if (mistake != UINT32_MAX && first_mistake(lw, r, span, second) > mistake)
		first = second;
	read_as(lw, r, span, first, f, lw->diags);
}

/* A drop of them: no other rule is added to it, for answers. */
static struct nwf_rule drop_rule(const struct nwf_assertion *a, struct span span)
{
	struct nwf_rule r = {.verb = {NWF_WORD, STR("drop"), span},
			     .direction = a->packets.direction};
	return r;
}

static const struct filter *read_packets(struct nwf_lowering *lw, const struct nwf_assertion *a,
					 struct span span)
{
	struct filter *f = new_class(lw, span);
	struct nwf_rule r = drop_rule(a, span);
	r.matches.items = a->packets.matches.items;
	r.matches.n = a->packets.matches.n;
	read_words(lw, &r, span, f);
	nwf_add_defines(lw, f);
	return f;
}

static void read_excepts(struct nwf_lowering *lw, const struct nwf_assertion *a,
			 struct assertion *out)
{
	vec_each (e, &a->excepts) {
		struct filter *f = new_class(lw, e->word.span);
		struct nwf_rule r = drop_rule(a, e->word.span);
		r.matches.items = e->matches.items;
		r.matches.n = e->matches.n;
		if (e->matches.n)
			read_words(lw, &r, e->word.span, f);
		else
			diag_add(lw->diags, FINDING(E128), e->word.span,
				 "behind 'except' stand the words of a rule");
		nwf_add_defines(lw, f);
		*vec_push(lw->arena, &out->excepts) = f;
	}
}

/* --- words of its own --- */

static void unknown_word(struct nwf_lowering *lw, const struct nwf_word *w, const char *what,
			 const char *const *known, const char *list)
{
	struct nearest n = nearest_to(w->text);
	struct finding *f = diag_add(lw->diags, FINDING(E111), w->span, "'%.*s' is not %s",
				     STR_ARG(w->text), what);
	for (; *known; known++)
		nearest_try(&n, *known);
	if (n.name)
		nearest_hint(lw->diags, f, &n);
	else
		diag_hint(lw->diags, f, "%s", list);
}

static const char all_subjects[] =
	"port NAME, filter NAME, every port, every filter or every guest";

/* `every` stands before one of these; by itself it, `port` or `filter` was meant. */
static void read_every(struct nwf_lowering *lw, const struct nwf_assertion *a,
		       struct assertion *out)
{
	static const char *const subjects[] = {"port", "filter", "guest", NULL}, *const first[] = {
											 "every",
											 "port",
											 "filter",
											 NULL};
	if (!str_is(a->every.text, "every")) {
		unknown_word(lw, &a->every, "what an assertion begins with", first, all_subjects);
		return;
	}
	for (int i = 0; subjects[i]; i++)
		if (str_is(a->subject.text, subjects[i])) {
			out->subject = (enum assert_subject)(ASSERT_EVERY_PORT + i);
			return;
		}
	unknown_word(lw, &a->subject, "what can stand behind 'every'", subjects, all_subjects);
}

static void read_subject(struct nwf_lowering *lw, const struct nwf_assertion *a,
			 struct assertion *out)
{
	static const char *const none[] = {NULL};
	out->name_span = a->name.span;
	if (a->every.kind) {
		out->name_span.file = a->every.span.file;
		out->name_span.lo = a->every.span.lo;
		out->name_span.hi = a->subject.span.hi;
		read_every(lw, a, out);
	} else if (!a->name.kind) {
		unknown_word(lw, &a->subject, "what an assertion begins with", none, all_subjects);
	} else {
		out->subject = str_is(a->subject.text, "port") ? ASSERT_PORT : ASSERT_FILTER;
		out->name = nwf_text(lw->arena, &a->name);
	}
}

static void read_verdict(struct nwf_lowering *lw, const struct nwf_word *w, struct assertion *out)
{
	static const char *const verdicts[] = {"accept", "drop", "reject", NULL};
	for (int i = 0; verdicts[i]; i++)
		if (str_is(w->text, verdicts[i])) {
			out->demand = (enum demand)(DEMAND_ACCEPT + i);
			return;
		}
	struct finding *f =
		diag_add(lw->diags, FINDING(E111), w->span,
			 "'%.*s' is no verdict of both layers together", STR_ARG(w->text));
	diag_hint(lw->diags, f, "accept, drop or reject");
}

static void read_demand(struct nwf_lowering *lw, const struct nwf_assertion *a,
			struct assertion *out)
{
	static const char *const demands[] = {"never", "always", NULL};
	const struct nwf_words *v = &a->verdicts;
	struct finding *f;
	out->demand = DEMAND_NEVER;
	if (str_is(a->demand.text, "never") && v->list.n) {
		f = diag_add(lw->diags, FINDING(E117), v->list.items[0].span,
			     "'never' has no verdict: it says that none of the packets pass");
		diag_hint(lw->diags, f, "write 'always' for packets that all get one verdict");
	} else if (str_is(a->demand.text, "always") && !v->list.n) {
		f = diag_add(lw->diags, FINDING(E106), a->demand.span,
			     "'always' wants a verdict behind the packets");
		diag_hint(lw->diags, f, "accept, drop or reject");
	} else if (str_is(a->demand.text, "always")) {
		read_verdict(lw, &v->list.items[0], out);
	} else if (!str_is(a->demand.text, "never")) {
		unknown_word(lw, &a->demand, "what an assertion demands", demands,
			     "never, or always with a verdict");
	}
	if (v->list.n > 1)
		diag_add(lw->diags, FINDING(E126), v->list.items[1].span, "a second verdict");
}

static void read_comment(struct nwf_lowering *lw, const struct nwf_assertion *a,
			 struct assertion *out)
{
	vec_each (w, &a->packets.comments.list)
		if (w == a->packets.comments.list.items)
			out->comment = nwf_text(lw->arena, w);
		else
			diag_add(lw->diags, FINDING(E126), w->span, "a second comment");
}

void nwf_lower_assertion(struct nwf_lowering *lw, const struct nwf_item *it)
{
	const struct nwf_assertion *a = it->assertion;
	struct assertion *out = arena_new_object(lw->arena, struct assertion);
	struct buf b;
	uint32_t errors = lw->diags->errors;
	out->span = it->span;
	read_subject(lw, a, out);
	read_demand(lw, a, out);
	read_comment(lw, a, out);
	out->packets = read_packets(lw, a, it->span);
	read_excepts(lw, a, out);
	buf_memory(&b);
	nwf_print_demand(&b, a);
	out->words = buf_take(lw->arena, &b);
	if (lw->diags->errors == errors && lw->cx->assertions)
		*vec_push(lw->arena, &lw->cx->assertions->list) = out;
}
