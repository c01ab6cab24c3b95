/* SPDX-License-Identifier: MIT */
/*
 * The two layers, and the two directions of a connection, taken for one: what one rule
 * gives another one takes back.
 */
#include "ir/findings.h"
#include "review/lint.h"

static const char *const layer_words[LAYERS] = {"frames", "IP packets"};

/* Does a rule let what it takes go on, out of its chain? */
static bool lets_pass(const struct prule *r)
{
	return r->verdict == ACTION_ACCEPT || r->verdict == ACTION_RETURN;
}

static bool stops(const struct prule *r)
{
	return r->verdict == ACTION_DROP || r->verdict == ACTION_REJECT;
}

/* --- accepts where nothing is dropped ----------------------------------------------------- */

static bool layer_drops(const struct lint_port *lp, enum layer layer)
{
	for (int side = 0; side < SIDES; side++) {
		const struct side_meaning *m = lint_side(lp, (enum side)side);
		if (m->layer_dropped[layer] != PSET_NONE || m->layer_rejected[layer] != PSET_NONE)
			return true;
	}
	return false;
}

static void nothing_dropped_in(struct lint_port *lp, enum layer layer)
{
	const struct rule *first = NULL;
	uint32_t n = 0;
	vec_each (w, &lp->rules) {
		const struct rule_meaning *f = w->forms.items[0];
		if (f->layer != layer || w->rule->action != ACTION_ACCEPT || lint_theirs(w->rule))
			continue;
		first = first ? first : w->rule;
		n++;
	}
	if (!first)
		return;
	struct draft *d = lint_once(
		lp, first, FINDING(W704), first->span,
		str_printf(
			lp->arena, "%.*s: no rule drops any of the %s, so %s nothing",
			STR_ARG(lint_title(lp)), layer_words[layer],
			n > 1 ? str_printf(lp->arena, "this and %u more accepts of them do", n - 1)
					.s
			      : "this accept of them does"));
	bool other = layer_drops(lp, layer == LAYER_FRAME ? LAYER_PACKET : LAYER_FRAME);
	if (d)
		d->hint = str_printf(
			lp->arena,
			other ? "what rules for %s drop stays dropped: each layer must let "
				"a packet pass"
			      : "end with a drop; there is none among the %s either",
			layer_words[!layer]);
}

/* A filter that no port uses may well be made to stand in front of another one's drops. */
void lint_nothing_dropped(struct lint_port *lp)
{
	for (int layer = 0; !lp->standin && layer < LAYERS; layer++)
		if (!layer_drops(lp, (enum layer)layer))
			nothing_dropped_in(lp, (enum layer)layer);
}

/* --- let through, and dropped after all --------------------------------------------------- */

/* The rule that drops a packet. */
static const struct rule_meaning *dropper(struct lint_port *lp, enum side side,
					  const struct packet *p)
{
	const struct side_meaning *m = lint_side(lp, side);
	for (int layer = 0; layer < LAYERS; layer++) {
		const struct rule_meaning *rm = meaning_decider(lp->sp, m, p, (enum layer)layer);
		if (rm && stops(rm->rule))
			return rm;
		/* a return out of a chain decides nothing yet */
		vec_each (x, &m->rules)
			if (x->layer == (enum layer)layer && stops(x->rule) &&
			    space_contains(lp->sp, x->decides, p))
				return x;
	}
	return NULL;
}

/* All that the forms let pass, of those alive; false: some of it passes in the end. */
static bool all_stopped(struct lint_port *lp, const struct written *w,
			const struct rule_meaning **example)
{
	*example = NULL;
	vec_each (f, &w->forms) {
		const struct side_meaning *m = lint_side(lp, (*f)->side);
		if ((*f)->decides == PSET_NONE)
			continue;
		if (!lets_pass((*f)->rule) ||
		    pset_and(lp->sets, (*f)->decides, m->passed) != PSET_NONE)
			return false;
		*example = *f;
	}
	return *example != NULL;
}

void lint_dropped_later(struct lint_port *lp)
{
	vec_each (w, &lp->rules) {
		const struct rule_meaning *f;
		if (lint_theirs(w->rule) || !all_stopped(lp, w, &f))
			continue;
		struct packet p = lint_packet(lp, f->decides, f->side);
		const struct rule_meaning *by = dropper(lp, f->side, &p);
		bool other = by && by->layer != f->layer;
		struct draft *d =
			draft_new(lp, FINDING(W705), w->rule->span,
				  other ? str_printf(lp->arena,
						     "all that this rule for %s lets through is "
						     "dropped by rules "
						     "for %s",
						     layer_words[f->layer], layer_words[by->layer])
					: str_printf(lp->arena, "all that this rule lets through "
								"is dropped by later rules"));
		if (by)
			draft_note(lp, d, by->rule->source->span,
				   str_printf(lp->arena, "here for one: %.*s",
					      STR_ARG(lint_packet_words(lp, &p))));
		if (other)
			d->hint = STR("each layer must let a packet pass; priorities do not order "
				      "one against the other");
		lint_rule(lp, w->rule, d);
	}
}

/* --- a default of IPv4 alone --------------------------------------------------------------- */

static pset ip_beginning(struct lint_port *lp, enum cond_id family)
{
	pset s =
		pset_and(lp->sets, lp->sp->conds[family], space_value(lp->sp, V_CT_STATE, CTC_NEW));
	return pset_and(lp->sets, s, lp->sp->valid);
}

/* A rule that drops all that begins in IPv4 and that no rule before took. */
static const struct rule_meaning *default_drop(struct lint_port *lp, enum side side)
{
	pset all = ip_beginning(lp, C_IP4);
	vec_each (rm, &lint_side(lp, side)->rules)
		if (stops(rm->rule) && rm->decides != PSET_NONE &&
		    pset_and(lp->sets, rm->decides, all) != PSET_NONE &&
		    pset_within(lp->sets, all, rm->takes))
			return rm;
	return NULL;
}

/* Packets of a kind about which no rule of either layer says anything. */
static pset unasked(struct lint_port *lp, enum side side, pset kind)
{
	const struct side_meaning *m = lint_side(lp, side);
	pset s = pset_and(lp->sets, pset_and(lp->sets, kind, lp->sp->valid),
			  m->undecided[LAYER_FRAME]);
	pset packet = pset_or(lp->sets, m->undecided[LAYER_PACKET],
			      pset_not(lp->sets, lp->sp->conds[C_IP]));
	s = pset_and(lp->sets, s, packet);
	vec_each (rm, &m->rules) /* what a chain returned was asked about */
		if (rm->rule->verdict == ACTION_RETURN && rm->decides != PSET_NONE)
			s = pset_minus(lp->sets, s, rm->decides);
	return s;
}

/* Is a protocol without any rule? A port for which one rule is written was not forgotten. */
void lint_forgotten(struct lint_port *lp)
{
	struct sets *s = lp->sets;
	struct space *sp = lp->sp;
	pset tcp = pset_and(s, ip_beginning(lp, C_IP6), space_value(sp, V_NET_PROTO, 6));
	pset arp = space_value(sp, V_ETHER_TYPE, 0x0806);
	for (int side = 0; side < SIDES; side++) {
		const struct rule_meaning *by = default_drop(lp, (enum side)side);
		if (!by || lint_theirs(by->rule->source))
			continue;
		bool ip6 = unasked(lp, (enum side)side, tcp) != PSET_NONE;
		bool arps = by->layer == LAYER_PACKET && side == SIDE_OUT &&
			    unasked(lp, SIDE_OUT, arp) != PSET_NONE;
		if (!ip6 && !arps)
			continue;
		struct draft *d =
			lint_once(lp, by->rule->source, FINDING(W707), by->rule->source->span,
				  str_printf(lp->arena,
					     "this drops all else of IPv4; but %s passes, and no "
					     "rule is about it",
					     ip6 && arps ? "all else of IPv6 and ARP"
					     : ip6       ? "all else of IPv6"
							 : "all else of ARP"));
		if (d)
			d->hint = str_printf(
				lp->arena, "%s%s%s",
				ip6 ? "a rule of <all-ipv6/> or <ipv6/> drops IPv6" : "",
				ip6 && arps ? "; " : "",
				arps ? "rules of <arp/> say who may ask and answer" : "");
	}
}

/* --- drops in both directions -------------------------------------------------------------------
 */

/*
 * A drop for what the guest gets, without a state: exchanged it holds for what the guest
 * sends, too. Whoever writes one wants to keep others from beginning connections.
 */
void lint_mirrored_drops(struct lint_port *lp)
{
	vec_each (w, &lp->rules) {
		if (w->rule->direction != DIR_IN || lint_theirs(w->rule))
			continue;
		vec_each (f, &w->forms) {
			if (!(*f)->rule->mirrored || !stops((*f)->rule) ||
			    !lint_weight(lp, *f)->blocks)
				continue;
			struct draft *d =
				draft_new(lp, FINDING(W708), w->rule->span,
					  str_printf(lp->arena,
						     "this %s for what the guest gets holds for "
						     "what it sends, too: "
						     "%.*s",
						     action_names[w->rule->action],
						     STR_ARG(lint_rule_words(lp, (*f)->rule))));
			d->hint = STR("state='NEW' keeps it to connections that others begin");
			lint_rule(lp, w->rule, d);
			break;
		}
	}
}

/* --- replies -------------------------------------------------------------------------------- */

/* What comes back on connections that a rule accepts; its source MAC is nobody's there. */
static struct prule *reply_of(struct lint_port *lp, const struct prule *r)
{
	struct prule *reply = arena_new_object(lp->arena, struct prule);
	*reply = *r;
	reply->ct_states = CT_ESTABLISHED;
	reply->ct_dir = CT_DIR_REPLY;
	reply->tests.items = NULL;
	reply->tests.n = reply->tests.cap = 0;
	vec_each (t, &r->tests) {
		if (t->field == F_ETHER_SADDR)
			continue;
		struct ptest *x = vec_push(lp->arena, &reply->tests);
		*x = *t;
		x->field = fields[t->field].mirror;
	}
	return reply;
}

/* Types of ICMP have answers of other types; a set's directions, and counts, have none. */
static bool has_reply(const struct prule *r)
{
	vec_each (t, &r->tests)
		if (t->field == F_ICMP_TYPE || t->field == F_ICMP_CODE || t->field == F_CT_COUNT ||
		    t->field == F_IPSET || t->field == F_TCP_FLAGS || t->field == F_TCP_OPTION)
			return false;
	return r->ct_states & CT_NEW && r->ct_dir != CT_DIR_REPLY;
}

static bool tests_mac(const struct prule *r)
{
	vec_each (t, &r->tests)
		if (t->field == F_ETHER_SADDR)
			return true;
	return false;
}

static void reply_lost(struct lint_port *lp, const struct rule_meaning *f, pset replies)
{
	enum side back = f->side == SIDE_OUT ? SIDE_IN : SIDE_OUT;
	struct packet p = lint_packet(lp, replies, back);
	const struct rule_meaning *by = dropper(lp, back, &p);
	const struct rule *r = f->rule->source;
	bool mac = tests_mac(f->rule);
	struct draft *d = draft_new(
		lp, FINDING(W709), r->span,
		str_printf(lp->arena, "connections are accepted here, but every reply is dropped%s",
			   mac ? ": a rule with a source MAC makes none for replies" : ""));
	if (by)
		draft_note(lp, d, by->rule->source->span,
			   str_printf(lp->arena, "here for one: %.*s",
				      STR_ARG(lint_packet_words(lp, &p))));
	d->hint = mac ? STR("check the MAC in a frame rule of its own")
		      : STR("a rule with a state accepts that state and direction only; without "
			    "one, or "
			    "with a rule for ESTABLISHED in the other direction, replies pass");
	lint_rule(lp, r, d);
}

static bool accepts_connections(struct lint_port *lp, const struct rule_meaning *f)
{
	const struct side_meaning *m = lint_side(lp, f->side);
	pset begin = space_value(lp->sp, V_CT_STATE, CTC_NEW);
	return f->layer == LAYER_PACKET && f->rule->verdict == ACTION_ACCEPT &&
	       !f->rule->mirrored && has_reply(f->rule) &&
	       pset_and(lp->sets, pset_and(lp->sets, f->decides, m->passed), begin) != PSET_NONE;
}

void lint_lost_replies(struct lint_port *lp)
{
	vec_each (w, &lp->rules)
		vec_each (f, &w->forms) {
			if (lint_theirs(w->rule) || !accepts_connections(lp, *f))
				continue;
			enum side back = (*f)->side == SIDE_OUT ? SIDE_IN : SIDE_OUT;
			pset replies =
				pset_and(lp->sets, lp->sp->valid,
					 rule_takes(lp->sp, reply_of(lp, (*f)->rule), lp->pd));
			if (replies == PSET_NONE ||
			    pset_and(lp->sets, replies, lint_side(lp, back)->passed) != PSET_NONE)
				continue;
			reply_lost(lp, *f, replies);
			break;
		}
}

/* --- errors -------------------------------------------------------------------------------------
 */

/* "Fragmentation needed" and its like belong to a connection, as RELATED (RFC 792, RFC 1191). */
static bool errors_lost(struct lint_port *lp, enum side side, enum cond_id family)
{
	struct sets *s = lp->sets;
	const struct side_meaning *m = lint_side(lp, side);
	pset some = pset_and(s, m->passed, lp->sp->conds[family]);
	pset icmp = space_value(lp->sp, V_NET_PROTO, family == C_IP4 ? 1 : 58);
	pset errors = pset_and(s, icmp, space_value(lp->sp, V_CT_STATE, CTC_RELATED));
	pset going = pset_and(s, space_value(lp->sp, V_CT_STATE, CTC_ESTABLISHED),
			      space_value(lp->sp, V_NET_PROTO, 6));
	pset frames = pset_and(s, m->layer_passed[LAYER_FRAME], lp->sp->conds[family]);
	return pset_and(s, some, going) != PSET_NONE && pset_and(s, some, errors) == PSET_NONE &&
	       pset_and(s, frames, icmp) != PSET_NONE;
}

static const struct rule_meaning *accept_with_state(const struct lint_port *lp, enum side side)
{
	vec_each (rm, &lint_side(lp, side)->rules)
		if (rm->rule->verdict == ACTION_ACCEPT && rm->rule->ct_states & CT_ESTABLISHED &&
		    rm->decides != PSET_NONE && !lint_theirs(rm->rule->source))
			return rm;
	return NULL;
}

void lint_related(struct lint_port *lp)
{
	bool ip4 = errors_lost(lp, SIDE_IN, C_IP4), ip6 = errors_lost(lp, SIDE_IN, C_IP6);
	const struct rule_meaning *rm = accept_with_state(lp, SIDE_IN);
	if (!(ip4 || ip6) || !rm)
		return;
	struct draft *d = lint_once(
		lp, rm->rule->source, FINDING(N710), rm->rule->source->span,
		str_printf(
			lp->arena,
			"%.*s: no rule accepts RELATED, so %s errors about connections (packet too "
			"large, no route) never reach the guest",
			STR_ARG(lint_title(lp)),
			ip4 && ip6 ? "ICMP and ICMPv6"
			: ip4      ? "ICMP"
				   : "ICMPv6"));
	if (d)
		d->hint = STR("accept in <all state='RELATED'/>, or <icmp state='RELATED'/>");
}
