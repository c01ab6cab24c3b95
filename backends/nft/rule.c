/* SPDX-License-Identifier: MIT */
/*
 * The lines of a rule.
 *
 * The kernel's ebt_* matches look at headers in ways that no single nft rule can,
 * so some rules are several lines, the variants:
 *
 *   - ebt_arp finds addresses behind hardware addresses of any length. nft's
 *     offsets are fixed, so a positive test wants length 6, and a negated one
 *     gets a line that takes the other lengths for an address that is not it.
 *   - ebt_ip6 walks to the last header through an authentication header (nft
 *     stops there: its next-header byte is the first of "th") and takes a later
 *     fragment for protocol 44 (nft: for the protocol it is a fragment of).
 *   - two fields can not be compared in nft, so gratuitous ARP looks up the four
 *     pairs of octets in the set of equal pairs; "not gratuitous" is four lines,
 *     one for each pair that may differ.
 */
#include "backends/nft/rule.h"
#include "ir/key.h"

static bool first_of_group(const struct lowerer *l, const struct line *ln, const struct atom *x)
{
	vec_each (y, &l->atoms)
		if (y->group == x->group && atom_in_line(ln->variant, y))
			return y == x;
	return false;
}

static void put_atom(struct lowerer *l, struct line *ln, const struct atom *x)
{
	enum form form = x->group == NO_GROUP ? FORM_WRITTEN : l->groups.items[x->group].form;
	if (!atom_in_line(ln->variant, x))
		return;
	if (field_is_special(x->test[0]->field))
		line_special(l, ln, x);
	else if (form == FORM_WRITTEN)
		line_compare(l, ln, x);
	else if (form == FORM_ONE)
		line_lookup(l, ln, x->group, x);
	else if (first_of_group(l, ln, x))
		line_lookup(l, ln, x->group, NULL);
}

/* --- the end of a line --- */

static void put_ct(struct lowerer *l, struct line *ln)
{
	static const char *const words[] = {"new", "established", "related", "invalid"};
	const char *comma = "";
	if (l->r->ct_states) {
		line_lit(l, ln, "ct state ");
		for (uint32_t i = 0; i < sizeof words / sizeof *words; i++)
			if (l->r->ct_states >> i & 1) {
				line_text(l, ln, str_printf(l->a, "%s%s", comma, words[i]));
				comma = ",";
			}
		line_lit(l, ln, " ");
	}
	if (l->r->ct_dir != CT_DIR_ANY)
		line_text(l, ln,
			  l->r->ct_dir == CT_DIR_REPLY ? STR("ct direction reply ")
						       : STR("ct direction original "));
}

static struct str verdict(const struct lowerer *l)
{
	static const char *const words[ACTIONS] = {"drop", "accept", "drop", "return", "continue"};
	bool reply = !l->m->netdev && l->r->verdict == ACTION_REJECT && l->side == SIDE_OUT &&
		     l->r->proto->layer == LAYER_PACKET;
	if (reply)
		return l->r->proto->family == 6 ? STR("reject with icmpv6 port-unreachable")
						: STR("reject with icmp port-unreachable");
	return str_from(words[l->r->verdict]);
}

/* NFTNL_UDATA_COMMENT_MAXLEN, the NUL included. */
#define COMMENT_MAX 127

/*
 * A key that leads back to the source, and the source's comment. A string ends
 * at the next double quote, whatever stands before it, and at nothing else.
 */
static void put_comment(struct lowerer *l, struct line *ln)
{
	struct str key = rule_key(l->a, l->r->source), c = l->r->comment;
	struct str s = str_printf(l->a, "%.*s%s%.*s", STR_ARG(key), c.len ? ": " : "", STR_ARG(c));
	line_lit(l, ln, " comment \"");
	line_text(l, ln, key_clean(l->a, key_cut(s, COMMENT_MAX)));
	line_lit(l, ln, "\"\n");
}

/* --- lines --- */

/* The dimensions that this line is repeated for, in the rule's order. */
static void find_walk(struct lowerer *l, struct line *ln)
{
	bool *used = arena_new_array(l->a, bool, l->r->dims.n + 1);
	ln->new_dim = arena_new_array(l->a, uint32_t, l->r->dims.n + 1);
	vec_each (x, &l->atoms)
		if (x->group != NO_GROUP && atom_in_line(ln->variant, x) &&
		    l->groups.items[x->group].form == FORM_WRITTEN)
			vec_each (d, &l->groups.items[x->group].dims)
				used[*d] = true;
	for (uint32_t d = 0; d < l->r->dims.n; d++) {
		if (!used[d])
			continue;
		if (!ln->walk)
			ln->walk = arena_new_object(l->a, struct prule);
		*vec_push(l->a, &ln->walk->dims) = l->r->dims.items[d];
		ln->new_dim[d] = ln->walk->dims.n;
	}
}

static bool tests_address(const struct atom *x)
{
	return x->test[0]->field == F_ETHER_SADDR || x->test[0]->field == F_ETHER_DADDR;
}

/*
 * The kind of frame, then the tests. Of a tagged frame the addresses come first:
 * nft 1.0.6 dies when it lists "ether type vlan ether saddr ADDRESS/24".
 */
static void put_tests(struct lowerer *l, struct line *ln)
{
	bool tagged = proto_id(l->r->proto) == PROTO_VLAN, header = false;
	vec_each (x, &l->atoms) {
		if (!header && !(tagged && tests_address(x))) {
			line_header(l, ln);
			header = true;
		}
		put_atom(l, ln, x);
	}
	if (!header)
		line_header(l, ln);
}

static void add_line(struct lowerer *l, enum variant v, uint32_t octet, struct nft_lines *out)
{
	struct line ln = {.variant = v, .octet = octet};
	find_walk(l, &ln);
	line_lit(l, &ln, "\t\t");
	put_tests(l, &ln);
	put_ct(l, &ln);
	const struct atom *count = atom_of_field(l, F_CT_COUNT);
	if (count)
		line_count(l, &ln, count->test[0]);
	if (l->m->cx->options.counters)
		line_lit(l, &ln, "counter ");
	line_text(l, &ln, verdict(l));
	put_comment(l, &ln);
	*vec_push(l->a, &out->list) = (struct nft_line){ln.text, ln.walk, l->r};
}

static void add_arp_lines(struct lowerer *l, struct nft_lines *out)
{
	const struct atom *same = atom_of_field(l, F_ARP_GRATUITOUS);
	for (uint32_t i = 0; i < (same && same->negated ? OCTETS : 1); i++)
		add_line(l, V_PLAIN, i, out);
	bool ip = atom_where(l, field_is_arp_ip), mac = atom_where(l, field_is_arp_mac);
	if (ip && !mac && atoms_negated(l, field_is_arp_ip))
		add_line(l, V_ARP_HLEN, 0, out);
	const struct atom *target = atom_of_field(l, F_ARP_THA);
	if (!ip && target && target->negated)
		add_line(l, V_ARP_PLEN, 0, out);
}

static void add_ip6_lines(struct lowerer *l, struct nft_lines *out)
{
	const struct atom *x = atom_of_field(l, F_NET_PROTO);
	bool deeper = atom_where(l, field_is_transport);
	if (!x || deeper) {
		add_line(l, V_PLAIN, 0, out);
		return;
	}
	if (!protocol_is_44(x) || x->negated) {
		add_line(l, V_PLAIN, 0, out);
		add_line(l, V_IP6_AH, 0, out);
	}
	if (x->group != NO_GROUP || protocol_is_44(x) != x->negated)
		add_line(l, V_IP6_FRAGMENT, 0, out);
}

static void lower_lines(struct lowerer *l, struct nft_lines *out)
{
	bool arp = l->r->proto->ethertype == 0x0806 || l->r->proto->ethertype == 0x8035;
	if (arp)
		add_arp_lines(l, out);
	else if (rule_is_frame_ip6(l))
		add_ip6_lines(l, out);
	else
		add_line(l, V_PLAIN, 0, out);
}

static struct lowerer start(struct nft_model *m, struct nft_program *np, enum side side,
			    struct nft_rule *nr, const struct prule *r, enum lower_mode mode)
{
	struct lowerer l = {
		.m = m, .a = m->cx->arena, .np = np, .nr = nr, .r = r, .side = side, .mode = mode};
	collect_atoms(&l);
	collect_groups(&l);
	return l;
}

void nft_lower_rule(struct nft_model *m, struct nft_program *np, enum side side,
		    struct nft_rule *nr, enum lower_mode mode, struct nft_lines *out)
{
	struct lowerer l = start(m, np, side, nr, nr->rule, mode);
	limit_find(&l);
	choose_forms(&l);
	bool lines = !nr->counts && (mode == LOWER_EXPAND || nr->can_fold);
	if (lines)
		lower_lines(&l, out);
}

void nft_lower_jump(struct nft_model *m, const struct chain_prefix *to, uint32_t chain,
		    struct nft_lines *out)
{
	struct template t = {0};
	struct arena *a = m->cx->arena;
	template_lit(a, &t, "\t\t");
	if (to && to->stp)
		template_lit(a, &t, "ether daddr 01:80:c2:00:00:00 ");
	else if (to)
		template_text(a, &t, ether_type(a, to->ethertype));
	template_lit(a, &t, "jump ");
	template_name(a, &t, chain);
	template_lit(a, &t, "\n");
	*vec_push(a, &out->list) = (struct nft_line){.text = t};
}

/* --- rules that count, instance by instance --- */

static struct slot as_constant(const struct slot *s, const struct prule *r,
			       const struct port_data *pd, const uint32_t *row)
{
	const struct value *v = slot_value(s, r, pd, row);
	return v ? (struct slot){.kind = SLOT_CONST, .value = *v}
		 : (struct slot){.kind = SLOT_NONE};
}

static struct prule *instance(struct arena *a, const struct prule *r, const struct port_data *pd,
			      const uint32_t *row)
{
	struct prule *c = arena_new_object(a, struct prule);
	*c = *r;
	memset(&c->tests, 0, sizeof c->tests);
	memset(&c->dims, 0, sizeof c->dims);
	vec_each (t, &r->tests) {
		struct ptest *n = vec_push(a, &c->tests);
		*n = *t;
		n->value = as_constant(&t->value, r, pd, row);
		n->to = as_constant(&t->to, r, pd, row);
		n->mask = as_constant(&t->mask, r, pd, row);
	}
	return c;
}

static bool next_instance(const struct prule *r, const struct port_data *pd, uint32_t *row)
{
	for (uint32_t d = 0; d < r->dims.n; d++) {
		if (++row[d] < pd->rows[r->dims.items[d]].n)
			return true;
		row[d] = 0;
	}
	return false;
}

void nft_lower_counted(struct nft_model *m, struct nft_port *port, enum side side,
		       struct nft_rule *nr, struct nft_lines *out)
{
	struct arena *a = m->cx->arena;
	uint32_t *row = arena_new_array(a, uint32_t, nr->rule->dims.n + 1);
	struct str part = name_part(a, port->pd->port->name, 40);
	if (!prule_product(nr->rule, port->pd))
		return;
	do {
		struct lowerer l = start(m, port->program, side, nr,
					 instance(a, nr->rule, port->pd, row), LOWER_EXPAND);
		l.limit = limit_set_add(&l, str_printf(a, "%.*s/port/%.*s/limit%u",
						       STR_ARG(port->program->name), STR_ARG(part),
						       port->limits.n + 1));
		*vec_push(a, &port->limits) = l.limit - 1;
		lower_lines(&l, out);
	} while (next_instance(nr->rule, port->pd, row) && !arena_full(a));
}
