/* SPDX-License-Identifier: MIT */
/*
 * Can the guest send as another one? Its own are the port's MAC, and the addresses that the
 * port or a filter gives to $IP and $IPV6. Where nobody says which addresses are its own,
 * a guest that can use half of all there are is not checked.
 */
#include "ir/findings.h"
#include "review/lint.h"
#include "review/simulate.h"

enum claim { CLAIM_MAC, CLAIM_ARP, CLAIM_IP4, CLAIM_IP6, CLAIMS };

static const char *const claim_words[CLAIMS] = {
	"a foreign source MAC address", "ARP with a foreign sender",
	"a foreign IPv4 source address", "a foreign IPv6 source address"};

struct spoof {
	struct lint_port *lp;
	pset passed;
	pset own4, own_arp, own6; /* packets with an address of its own */
	bool known4, known6;
};

/* --- what is its own ----------------------------------------------------------------------- */

static void add_own(struct spoof *sp, const struct value *v)
{
	struct lint_port *lp = sp->lp;
	u128 n = value_number(v);
	if (v->type == VT_IP4) {
		sp->own4 = pset_or(lp->sets, sp->own4, space_value(lp->sp, V_IP4_SADDR, n));
		sp->own_arp = pset_or(lp->sets, sp->own_arp, space_value(lp->sp, V_ARP_SPA, n));
		sp->known4 = true;
	} else if (v->type == VT_IP6) {
		sp->own6 = pset_or(lp->sets, sp->own6, space_value(lp->sp, V_IP6_SADDR, n));
		sp->known6 = true;
	}
}

static bool is_own_name(struct str name)
{
	return str_is(name, "IP") || str_is(name, "IPV6");
}

static void own_from_port(struct spoof *sp)
{
	vec_each (p, &sp->lp->pd->port->filter.params.list) {
		if (!is_own_name(p->name))
			continue;
		vec_each (text, &p->values) {
			struct value v;
			if (!value_parse(sp->lp->arena, VT_IP4, 0, 0, text->text, &v) ||
			    !value_parse(sp->lp->arena, VT_IP6, 0, 0, text->text, &v))
				add_own(sp, &v);
		}
	}
}

static void own_from_filters(struct spoof *sp)
{
	const struct program *p = sp->lp->pd->program;
	for (uint32_t d = 0; d < p->dims.n; d++)
		for (uint32_t c = 0, n = p->dims.items[d].columns.n; c < n; c++) {
			const struct dim_column *dc = &p->dims.items[d].columns.items[c];
			const struct rows *rows = &sp->lp->pd->rows[d];
			struct str name = !dc->constant ? p->columns.items[dc->column].var.name
					  : dc->source  ? dc->source->name
							: STR("");
			for (uint32_t i = 0; is_own_name(name) && i < rows->n; i++)
				add_own(sp, &rows->values[(size_t)i * n + c]);
		}
}

/* "Not known yet" is nobody's address: 0.0.0.0 asks for one by DHCP, :: before it is sure of one
 * (RFC 4862 5.4); nor do link-local ones, which each makes for itself, pose as somebody beyond. */
static void own_at_first(struct spoof *sp)
{
	struct lint_port *lp = sp->lp;
	u128 local = (u128)0xfe80 << 112;
	sp->own4 = space_value(lp->sp, V_IP4_SADDR, 0);
	sp->own_arp = space_value(lp->sp, V_ARP_SPA, 0);
	sp->own6 = pset_or(lp->sets, space_value(lp->sp, V_IP6_SADDR, 0),
			   space_range(lp->sp, V_IP6_SADDR, local, local | (((u128)1 << 118) - 1)));
}

/* --- what it can claim ------------------------------------------------------------------------ */

static uint32_t all_bits(const struct space *sp)
{
	uint32_t n = sp->unknowns.n + 256;
	for (int v = 0; v < VARS; v++)
		n += vars[v].bits;
	return n;
}

/* Half of all values or more: then the values of all but one variable are let go. */
static bool most_of(struct spoof *sp, pset s, enum var_id v)
{
	struct lint_port *lp = sp->lp;
	uint32_t *others = arena_new_array(lp->arena, uint32_t, all_bits(lp->sp)), n = 0;
	for (int i = 0; i < VARS; i++)
		for (uint32_t b = 0; i != (int)v && b < vars[i].bits; b++)
			others[n++] = lp->sp->bits[i][b];
	for (int k = 0; k < 256; k++)
		if (lp->sp->options[k] != PSET_NONE)
			others[n++] = lp->sp->option_bits[k];
	vec_each (u, &lp->sp->unknowns)
		others[n++] = u->bit;
	s = pset_any(lp->sets, s, others, n);
	return pset_size(lp->sets, s) >= n + vars[v].bits - 1.5;
}

/* What the guest can send by itself: no answer on a connection that others began with that address.
 */
static pset unasked_for(struct spoof *sp, enum cond_id family)
{
	struct lint_port *lp = sp->lp;
	pset s = pset_and(lp->sets, sp->passed, lp->sp->conds[family]);
	return pset_minus(lp->sets, s,
			  space_range(lp->sp, V_CT_STATE, CTC_ESTABLISHED, CTC_RELATED));
}

static pset foreign(struct spoof *sp, enum claim c)
{
	struct lint_port *lp = sp->lp;
	struct sets *s = lp->sets;
	u128 mac = value_number(&lp->pd->port->mac);
	pset sender = space_value(lp->sp, V_ETHER_SADDR, mac);
	pset arp = pset_and(s, space_value(lp->sp, V_ETHER_TYPE, 0x0806), lp->sp->conds[C_ARP_IP]);
	switch (c) {
	case CLAIM_MAC:
		return pset_minus(s, sp->passed, sender);
	case CLAIM_ARP:
		arp = pset_and(s, arp, lp->sp->conds[C_ARP_MAC]);
		return pset_and(
			s, pset_and(s, sp->passed, arp),
			pset_not(s, pset_and(s, sp->own_arp, space_value(lp->sp, V_ARP_SHA, mac))));
	case CLAIM_IP4:
		return pset_minus(s, unasked_for(sp, C_IP4), sp->own4);
	default:
		return pset_minus(s, unasked_for(sp, C_IP6), sp->own6);
	}
}

/* Without knowing its addresses: free to take most of them. */
static bool unbounded(struct spoof *sp, enum claim c, pset s)
{
	static const uint8_t of[CLAIMS] = {V_ETHER_SADDR, V_ARP_SPA, V_IP4_SADDR, V_IP6_SADDR};
	bool known = c == CLAIM_MAC || (c == CLAIM_IP6 ? sp->known6 : sp->known4);
	return known || most_of(sp, s, (enum var_id)of[c]);
}

/* --- what is checked -------------------------------------------------------------------------- */

/* Is a test's value the guest's own, by name or by value? */
static bool asks_own(const struct lint_port *lp, const struct prule *r, const struct ptest *t)
{
	if (t->mask.kind != SLOT_NONE || t->to.kind != SLOT_NONE)
		return false;
	if (t->value.kind == SLOT_CONST)
		return t->value.value.type == VT_MAC &&
		       value_number(&t->value.value) == value_number(&lp->pd->port->mac);
	const struct program *p = lp->pd->program;
	const struct dim_column *dc =
		&p->dims.items[r->dims.items[t->value.dim]].columns.items[t->value.column];
	struct str name = !dc->constant ? p->columns.items[dc->column].var.name
			  : dc->source  ? dc->source->name
					: STR("");
	return is_own_name(name) || str_is(name, "MAC");
}

static bool is_of(const struct ptest *t, const struct prule *r, enum claim c)
{
	switch (c) {
	case CLAIM_MAC:
		return t->field == F_ETHER_SADDR;
	case CLAIM_ARP:
		return t->field == F_ARP_SPA || t->field == F_ARP_SHA;
	default:
		return t->field == F_NET_SADDR && r->proto->family == (c == CLAIM_IP4 ? 4 : 6);
	}
}

/* Does a rule for what the guest sends let its own addresses pass, or drop all others? */
static bool checks(const struct lint_port *lp, const struct prule *r, enum claim c)
{
	bool passes = r->verdict == ACTION_ACCEPT || r->verdict == ACTION_RETURN,
	     stops = r->verdict == ACTION_DROP || r->verdict == ACTION_REJECT;
	vec_each (t, &r->tests)
		if (is_of(t, r, c) &&
		    ((passes && !t->negated && asks_own(lp, r, t)) || (stops && t->negated)))
			return true;
	return false;
}

static const struct rule_meaning *checker(const struct lint_port *lp, enum claim c)
{
	vec_each (rm, &lint_side(lp, SIDE_OUT)->rules)
		if (checks(lp, rm->rule, c))
			return rm;
	return NULL;
}

/* The rule that lets a packet pass, the first layer's before the second's. NULL: none is about it.
 */
static const struct prule *opener(struct lint_port *lp, const struct packet *p)
{
	struct walk w = simulate(NULL, lp->pd, p);
	for (int layer = 0; layer < LAYERS; layer++)
		if (w.deciders[layer] && w.deciders[layer]->verdict == ACTION_ACCEPT)
			return w.deciders[layer];
	return NULL;
}

/* Those that pass whatever the unknowns are; all, where each depends on one. */
static pset certain(struct lint_port *lp, pset s, bool *sure)
{
	uint32_t *bits = arena_new_array(lp->arena, uint32_t, lp->sp->unknowns.n + 1), n = 0;
	vec_each (u, &lp->sp->unknowns)
		if (pset_asks(lp->sets, s, &u->bit, 1))
			bits[n++] = u->bit;
	pset every = n ? pset_every(lp->sets, s, bits, n) : s;
	*sure = every != PSET_NONE;
	return *sure ? every : s;
}

static void say_spoof(struct lint_port *lp, enum claim c, const struct rule_meaning *check, pset s)
{
	bool sure;
	s = certain(lp, s, &sure);
	struct packet p = lint_packet(lp, s, SIDE_OUT);
	const struct prule *by = opener(lp, &p);
	struct draft *d = lint_once(
		lp, (const char *)lp->pd->program + c, FINDING(W711), lp->span,
		str_printf(lp->arena, "%.*s: the guest %s send %s, though a rule checks it: %.*s",
			   STR_ARG(lint_title(lp)), sure ? "can" : "may be able to", claim_words[c],
			   STR_ARG(lint_packet_words(lp, &p))));
	if (!d)
		return;
	draft_note(lp, d, check->rule->source->span,
		   str_printf(lp->arena, "checked here: %.*s",
			      STR_ARG(lint_rule_words(lp, check->rule))));
	if (by)
		draft_note(lp, d, by->source->span,
			   str_printf(lp->arena, "let through here: %.*s",
				      STR_ARG(lint_rule_words(lp, by))));
	else
		d->hint = STR("no rule drops it: what no rule is about passes");
}

static void say_unchecked(struct lint_port *lp, const bool *open)
{
	struct buf b;
	const char *sep = "";
	buf_memory(&b);
	for (int c = 0; c < CLAIMS; c++)
		if (open[c]) {
			buf_printf(&b, "%s%s", sep, claim_words[c]);
			sep = ", ";
		}
	struct str list = buf_take(lp->arena, &b);
	if (!list.len)
		return;
	struct draft *d =
		lint_once(lp, lp->pd->program, FINDING(N712), lp->span,
			  str_printf(lp->arena, "%.*s: no rule keeps the guest from sending %.*s",
				     STR_ARG(lint_title(lp)), STR_ARG(list)));
	if (d)
		d->hint = STR(
			"the stock filter clean-traffic does, and clean-traffic-dual with IPv6");
}

/* --- own addresses at the wrong end -------------------------------------------------------------
 */

static const struct ptest *own_as_source(const struct lint_port *lp, const struct prule *r)
{
	for (int c = 0; c < CLAIMS; c++)
		vec_each (t, &r->tests)
			if (is_of(t, r, (enum claim)c) && asks_own(lp, r, t))
				return t;
	return NULL;
}

/*
 * inout is written from the view of what the guest gets; for what it sends, source and
 * target are exchanged. So its own address as source is asked of what others send,
 * and of what it sends itself as the target.
 */
void lint_own_exchanged(struct lint_port *lp)
{
	vec_each (w, &lp->rules)
		vec_each (f, &w->forms) {
			if (w->rule->direction != DIR_INOUT || (*f)->rule->mirrored ||
			    lint_theirs(w->rule))
				continue;
			const struct ptest *t = own_as_source(lp, (*f)->rule);
			if (!t)
				continue;
			struct draft *d = lint_once(
				lp, w->rule, FINDING(W720), t->source->span,
				STR("of what the guest gets this asks for the guest's own address "
				    "as "
				    "the sender's, and of what it sends as the receiver's"));
			if (d)
				d->hint = STR("write two rules: direction='out' with the source, "
					      "direction='in' with the destination");
		}
}

/* --- tags ---------------------------------------------------------------------------------------
 */

static void tag_slips(struct spoof *sp)
{
	struct lint_port *lp = sp->lp;
	struct sets *s = lp->sets;
	const struct rule_meaning *check = checker(lp, CLAIM_IP4);
	if (!check)
		check = checker(lp, CLAIM_ARP);
	pset tagged = pset_or(s, space_value(lp->sp, V_ETHER_TYPE, 0x8100),
			      space_value(lp->sp, V_ETHER_TYPE, 0x88a8));
	pset slips = pset_and(s, sp->passed, tagged);
	if (!check || slips == PSET_NONE)
		return;
	struct packet p = lint_packet(lp, slips, SIDE_OUT);
	struct draft *d =
		lint_once(lp, lp->pd->program, FINDING(W713), lp->span,
			  str_printf(lp->arena,
				     "%.*s: addresses are checked, but not inside a VLAN tag, "
				     "which passes: %.*s",
				     STR_ARG(lint_title(lp)), STR_ARG(lint_packet_words(lp, &p))));
	if (!d)
		return;
	draft_note(lp, d, check->rule->source->span, STR("checked here, where no tag is"));
	d->hint = STR("the stock filter no-other-l2-traffic drops what is neither IPv4 nor ARP; "
		      "or drop out <mac protocolid='vlan'/> and <mac protocolid='0x88a8'/>");
}

/* --- all
 * ------------------------------------------------------------------------------------------ */

static bool any_drop(const struct lint_port *lp)
{
	vec_each (rm, &lint_side(lp, SIDE_OUT)->rules)
		if (rm->rule->verdict == ACTION_DROP || rm->rule->verdict == ACTION_REJECT)
			return true;
	return false;
}

/* What a filter that no port uses leaves open, another one may be meant to close. */
void lint_spoof(struct lint_port *lp)
{
	struct spoof sp = {.lp = lp, .passed = lint_side(lp, SIDE_OUT)->passed};
	bool open[CLAIMS] = {false};
	if (lp->standin && !any_drop(lp))
		return;
	own_at_first(&sp);
	own_from_port(&sp);
	own_from_filters(&sp);
	for (int c = 0; c < CLAIMS; c++) {
		pset s = foreign(&sp, (enum claim)c);
		if (s == PSET_NONE || !unbounded(&sp, (enum claim)c, s))
			continue;
		const struct rule_meaning *check = checker(lp, (enum claim)c);
		if (check)
			say_spoof(lp, (enum claim)c, check, s);
		else
			open[c] = !lp->standin;
	}
	say_unchecked(lp, open);
	tag_slips(&sp);
}
