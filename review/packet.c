/* SPDX-License-Identifier: MIT */
#include "review/packet.h"

const struct var vars[VARS] = {
#define VAR(id, words, bits, field, present) {words, bits, F_##field, C_##present},
#include "review/vars.def"
};

const struct cond conds[CONDS] = {
#define COND(id, parent, ...) {C_##parent, {__VA_ARGS__}},
#include "review/vars.def"
};

/* The first row of a field that a packet of this family may have: IPv6's addresses stand behind
 * IPv4's, and rows that only share a field behind the one that it is. */
enum var_id var_of_field(enum field_id f, uint8_t family)
{
	static const struct {
		enum field_id field;
		uint8_t family;
		enum var_id var;
	} others[] = {{F_NET_SADDR, 6, V_IP6_SADDR},
		      {F_NET_DADDR, 6, V_IP6_DADDR},
		      {F_STP_TYPE, 0, V_STP_TYPE}};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (others[i].field == f && (!others[i].family || others[i].family == family))
			return others[i].var;
	for (int v = 0; v < VARS; v++)
		if (vars[v].field == f)
			return (enum var_id)v;
	return VARS;
}

static bool clause_holds(const struct packet *p, const struct clause *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (p->v[c->var] == c->values[i])
			return true;
	return !c->n;
}

bool packet_meets(const struct packet *p, enum cond_id c)
{
	for (;; c = (enum cond_id)conds[c].parent) {
		if (!clause_holds(p, &conds[c].clauses[0]) ||
		    !clause_holds(p, &conds[c].clauses[1]))
			return false;
		if (conds[c].parent == c)
			return true;
	}
}

/* Conditions look at rows before their own alone. */
void packet_settle(struct packet *p)
{
	for (int v = 0; v < VARS; v++)
		if (!packet_has(p, (enum var_id)v))
			p->v[v] = 0;
	if (!packet_meets(p, C_TCP))
		memset(p->tcp_options, 0, sizeof p->tcp_options);
}

void question_ipset(struct buf *b, const struct value *name, const struct value *flags)
{
	buf_lit(b, "in ipset ");
	buf_str(b, name->text);
	buf_lit(b, " by ");
	if (flags)
		value_print(b, flags);
}

void question_count(struct buf *b, const struct value *count)
{
	buf_lit(b, "more than ");
	buf_uint(b, count->u);
	buf_lit(b, " connections of the source");
}
