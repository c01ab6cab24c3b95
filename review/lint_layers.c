/* SPDX-License-Identifier: MIT */
/*
 * The two layers, and the two directions of a connection, taken for one: what one rule
 * gives another one takes back.
 */
#include "ir/findings.h"
#include "review/lint.h"
#include "review/simulate.h"

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

/*
 * Where accepts can be of use: among frames, and among the packets of each family, for which
 * iptables and ip6tables have lists of their own.
 */
enum realm { REALM_FRAMES, REALM_IP4, REALM_IP6, REALMS };

static const char *const realm_words[REALMS] = {"frames", "IP packets (IPv4)", "IP packets (IPv6)"};

static enum realm realm_of(const struct proto *p)
{
	return p->layer == LAYER_FRAME ? REALM_FRAMES : p->family == 6 ? REALM_IP6 : REALM_IP4;
}

static bool realm_drops(struct lint_port *lp, enum realm realm)
{
	enum layer layer = realm == REALM_FRAMES ? LAYER_FRAME : LAYER_PACKET;
	pset of = realm == REALM_FRAMES ? PSET_ALL
					: lp->sp->conds[realm == REALM_IP4 ? C_IP4 : C_IP6];
	for (int side = 0; side < SIDES; side++) {
		const struct side_meaning *m = lint_side(lp, (enum side)side);
		pset gone = pset_or(lp->sets, m->layer_dropped[layer], m->layer_rejected[layer]);
		if (pset_and(lp->sets, gone, of) != PSET_NONE)
			return true;
	}
	return false;
}

bool lint_realm_drops(struct lint_port *lp, const struct proto *p)
{
	return realm_drops(lp, realm_of(p));
}

/* All of it: what is of two families may be meant for the other one. */
static bool is_in_realm(const struct written *w, enum realm realm)
{
	vec_each (f, &w->forms)
		if (realm_of((*f)->rule->proto) != realm)
			return false;
	return true;
}

static void nothing_dropped_in(struct lint_port *lp, enum realm realm)
{
	const struct rule *first = NULL;
	uint32_t n = 0;
	vec_each (w, &lp->rules) {
		if (w->rule->action != ACTION_ACCEPT || !is_in_realm(w, realm))
			continue;
		if (!first || (lint_theirs(first) && !lint_theirs(w->rule)))
			first = w->rule;
		n++;
	}
	if (!first)
		return;
	struct str accepts =
		n == 1 ? STR("this accept of them does")
		       : str_printf(lp->arena, "this accept of them and %u more do", n - 1);
	struct draft *d = lint_once(
		lp, first, FINDING(W704), first->span,
		str_printf(lp->arena, "%.*s: no rule drops any of the %s, so %.*s nothing",
			   STR_ARG(lint_title(lp)), realm_words[realm], STR_ARG(accepts)));
	bool frames = realm == REALM_FRAMES;
	bool other = frames ? realm_drops(lp, REALM_IP4) || realm_drops(lp, REALM_IP6)
			    : realm_drops(lp, REALM_FRAMES);
	if (d)
		d->hint = str_printf(
			lp->arena,
			other ? "what rules for %s drop stays dropped: each layer must let "
				"a packet pass"
			      : "end with a drop; there is none among the %s either",
			frames ? "IP packets" : "frames");
}

/* A filter that no port uses may well be made to stand in front of another one's drops. */
void lint_nothing_dropped(struct lint_port *lp)
{
	for (int realm = 0; !lp->standin && realm < REALMS; realm++)
		if (!realm_drops(lp, (enum realm)realm))
			nothing_dropped_in(lp, (enum realm)realm);
}

/* --- let through, and dropped after all --------------------------------------------------- */

/* The rule that drops a packet; *in: its layer. */
static const struct prule *dropper(struct lint_port *lp, const struct packet *p, enum layer *in)
{
	struct walk w = simulate(NULL, lp->pd, p);
	for (int layer = 0; layer < LAYERS; layer++)
		if (w.deciders[layer] && stops(w.deciders[layer])) {
			*in = (enum layer)layer;
			return w.deciders[layer];
		}
	return NULL;
}

/* All that the forms let pass, of those alive, and but for replies, which do not come alone; false:
 * some of it passes in the end. */
bool lint_all_stopped(struct lint_port *lp, const struct written *w,
		      const struct rule_meaning **example)
{
	*example = NULL;
	vec_each (f, &w->forms) {
		const struct side_meaning *m = lint_side(lp, (*f)->side);
		if ((*f)->decides == PSET_NONE || (*f)->rule->ct_dir == CT_DIR_REPLY)
			continue;
		if (!lets_pass((*f)->rule) ||
		    pset_and(lp->sets, (*f)->decides, m->passed) != PSET_NONE)
			return false;
		*example = *f;
	}
	return *example != NULL;
}

static void note_dropper(struct lint_port *lp, struct draft *d, const struct prule *by, bool other,
			 const struct packet *p)
{
	if (by)
		draft_note(lp, d, by->source->span,
			   str_printf(lp->arena, "here for one: %.*s",
				      STR_ARG(lint_packet_words(lp, p))));
	if (other)
		d->hint = STR(
			"each layer must let a packet pass; priorities do not order one against "
			"the other");
}

static void dropped_later(struct lint_port *lp, const struct rule_meaning *f)
{
	const struct rule *r = f->rule->source;
	struct packet p = lint_packet(lp, f->decides, f->side);
	enum layer in = f->layer;
	const struct prule *by = dropper(lp, &p, &in);
	bool other = in != f->layer;
	if (!lint_theirs(r)) {
		struct draft *d = draft_new(
			lp, FINDING(W705), r->span,
			other ? str_printf(lp->arena,
					   "all that this rule for %s lets through is dropped by "
					   "rules "
					   "for %s",
					   layer_words[f->layer], layer_words[in])
			      : STR("all that this rule lets through is dropped by later rules"));
		note_dropper(lp, d, by, other, &p);
		lint_rule(lp, r, d);
		return;
	}
	/* To close a layer behind a stock filter is a way to cut a guest off; the same layer is
	 * not. */
	struct draft *d =
		other ? NULL
		      : lint_once(
				lp, lp->pd->program, FINDING(W705), lp->span,
				str_printf(lp->arena,
					   "%.*s: all that a rule of the stock filter '%.*s' lets "
					   "through is dropped by later rules",
					   STR_ARG(lint_title(lp)), STR_ARG(r->filter->name)));
	if (!d)
		return;
	draft_note(lp, d, r->span, lint_rule_words(lp, f->rule));
	note_dropper(lp, d, by, other, &p);
	d->hint =
		STR("its rules only let packets go on; a rule that accepts them must follow, as in "
		    "clean-traffic");
}

void lint_dropped_later(struct lint_port *lp)
{
	vec_each (w, &lp->rules) {
		const struct rule_meaning *f;
		if (lint_all_stopped(lp, w, &f))
			dropped_later(lp, f);
	}
}

/* --- a default of IPv4 alone --------------------------------------------------------------- */

static pset ip_beginning(struct lint_port *lp, enum cond_id family)
{
	pset s =
		pset_and(lp->sets, lp->sp->conds[family], space_value(lp->sp, V_CT_STATE, CTC_NEW));
	return pset_and(lp->sets, s, lp->sp->valid);
}

static bool negates(const struct prule *r)
{
	vec_each (t, &r->tests)
		if (t->negated)
			return true;
	return false;
}

/* A rule that drops all that begins in IPv4 and that no rule before took, and only IPv4. */
static const struct rule_meaning *default_drop(struct lint_port *lp, enum side side)
{
	pset all = ip_beginning(lp, C_IP4), other = pset_not(lp->sets, lp->sp->conds[C_IP4]);
	vec_each (rm, &lint_side(lp, side)->rules)
		if (stops(rm->rule) && rm->decides != PSET_NONE && !negates(rm->rule) &&
		    (rm->rule->source->direction == DIR_INOUT || !rm->rule->mirrored) &&
		    pset_and(lp->sets, rm->takes, pset_and(lp->sets, other, lp->sp->valid)) ==
			    PSET_NONE &&
		    pset_and(lp->sets, rm->decides, all) != PSET_NONE &&
		    pset_within(lp->sets, all, rm->takes))
			return rm;
	return NULL;
}

/* Packets of a kind about which no rule of either layer says anything. */
static pset unasked(struct lint_port *lp, enum side side, pset kind, pset family)
{
	const struct side_meaning *m = lint_side(lp, side);
	pset s = pset_and(lp->sets, pset_and(lp->sets, kind, lp->sp->valid),
			  m->undecided[LAYER_FRAME]);
	pset packet = pset_or(lp->sets, m->undecided[LAYER_PACKET],
			      pset_not(lp->sets, lp->sp->conds[C_IP]));
	s = pset_and(lp->sets, s, packet);
	vec_each (rm, &m->rules) /* what a rule about this kind returned was asked about */
		if (rm->rule->verdict == ACTION_RETURN && rm->decides != PSET_NONE &&
		    pset_within(lp->sets, rm->takes, family))
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
		bool ip6 = unasked(lp, (enum side)side, tcp, sp->conds[C_IP6]) != PSET_NONE;
		bool arps =
			by->layer == LAYER_PACKET && unasked(lp, SIDE_OUT, arp, arp) != PSET_NONE;
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

/* What rules that are written for what the guest sends drop anyway. */
static pset dropped_on_purpose(struct lint_port *lp)
{
	pset s = PSET_NONE;
	vec_each (rm, &lint_side(lp, SIDE_OUT)->rules)
		if (stops(rm->rule) && rm->layer == LAYER_PACKET &&
		    rm->rule->source->direction != DIR_IN)
			s = pset_or(lp->sets, s, rm->takes);
	return s;
}

/* What guests begin: from a port that is nobody's service (RFC 6056), where there are ports. */
static pset guest_begins(struct lint_port *lp)
{
	struct space *sp = lp->sp;
	pset ports = pset_if(lp->sets, sp->conds[C_PORTS], space_range(sp, V_SPORT, 32768, 60999),
			     PSET_ALL);
	pset s = pset_and(lp->sets, ports, space_value(sp, V_CT_STATE, CTC_NEW));
	s = pset_and(lp->sets, s, lint_side(lp, SIDE_OUT)->layer_passed[LAYER_FRAME]);
	return pset_minus(lp->sets, s, dropped_on_purpose(lp));
}

/*
 * A drop for what the guest gets, without a state: exchanged it holds for what the guest
 * sends, too. Whoever writes one wants to keep others from beginning connections.
 */
void lint_mirrored_drops(struct lint_port *lp)
{
	pset begins = guest_begins(lp);
	vec_each (w, &lp->rules) {
		if (w->rule->direction != DIR_IN || lint_theirs(w->rule))
			continue;
		vec_each (f, &w->forms) {
			if (!(*f)->rule->mirrored || !stops((*f)->rule) ||
			    pset_and(lp->sets, (*f)->decides, begins) == PSET_NONE)
				continue;
			struct draft *d = draft_new(
				lp, FINDING(W708), w->rule->span,
				str_printf(lp->arena,
					   "this %s for what the guest gets tests no state, so it "
					   "also stops connections that the guest begins: "
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
	enum layer in;
	const struct prule *by = dropper(lp, &p, &in);
	const struct rule *r = f->rule->source;
	bool mac = tests_mac(f->rule);
	struct draft *d = draft_new(
		lp, FINDING(W709), r->span,
		str_printf(lp->arena, "connections are accepted here, but every reply is dropped%s",
			   mac ? ": a rule with a source MAC makes none for replies" : ""));
	if (by)
		draft_note(lp, d, by->source->span,
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
