/* SPDX-License-Identifier: MIT */
/*
 * What shows in a filter as it is written, without any packet: rules that are not where
 * they stand, negations that hold for one value, addresses with bits to spare.
 */
#include "ir/findings.h"
#include "review/lint.h"
#include "review/space.h"

/* --- rules for IP packets in a chain -------------------------------------------------------- */

static bool other_family(const struct filter *f, const struct rule *r)
{
	const struct chain_prefix *p = chain_prefix_find(f->chain);
	return p && ((p->ethertype == 0x0800 && r->proto->family == 6) ||
		     (p->ethertype == 0x86dd && r->proto->family == 4));
}

static void chain_ignored(struct diags *ds, const struct filter *f)
{
	const struct rule *first = NULL, *foreign = NULL;
	uint32_t n = 0;
	if (str_is(f->chain, "root"))
		return;
	vec_each (e, &f->entries)
		if (e->kind == ENTRY_RULE && e->rule->proto->layer == LAYER_PACKET) {
			first = first ? first : e->rule;
			foreign = foreign || !other_family(f, e->rule) ? foreign : e->rule;
			n++;
		}
	if (!first)
		return;
	struct finding *d =
		diag_add(ds, FINDING(W706), foreign ? foreign->span : first->span,
			 "%s <%s/> %s not stand in chain '%.*s': %s among all rules for IP "
			 "packets, by priority "
			 "alone%s%s%s",
			 n > 1 ? "rules of" : "a rule of", (foreign ? foreign : first)->proto->xml,
			 n > 1 ? "do" : "does", STR_ARG(f->chain), n > 1 ? "they are" : "it is",
			 foreign ? ", and are about " : "",
			 !foreign                      ? ""
			 : foreign->proto->family == 6 ? "IPv6"
						       : "IPv4",
			 foreign ? " wherever they stand" : "");
	diag_note(ds, d, f->chain_span, "the chain is one for frames");
	diag_hint(ds, d,
		  "put them into a filter without a chain; in this one <%s protocol=.../> asks the "
		  "same of frames",
		  (foreign ? foreign : first)->proto->family == 6 ? "ipv6" : "ip");
}

/* --- negated variables ---------------------------------------------------------------------------
 */

/* $MAC is one address; of one element there is one value; and `none` means what it says. */
static bool is_list(const struct test *t)
{
	return t->negated && !t->none && t->value.kind == OPERAND_VAR && !t->value.var.element &&
	       !str_is(t->value.var.name, "MAC");
}

static bool said_at(const struct diags *ds, const struct diag_kind *kind, struct span at)
{
	vec_each (f, &ds->list)
		if ((*f)->kind == kind && (*f)->span.file == at.file && (*f)->span.lo == at.lo)
			return true;
	return false;
}

static void negated_variable(struct diags *ds, const struct rule *r)
{
	vec_each (t, &r->tests)
		if (is_list(t)) {
			if (said_at(ds, FINDING(W403), t->span))
				return;
			struct finding *f = diag_add(
				ds, FINDING(N716), t->span,
				"this is right while $%.*s has one value: with two, each makes a "
				"rule "
				"that takes the other one, and together they take everything",
				STR_ARG(t->value.var.name));
			diag_hint(ds, f,
				  "return for the values that are meant, then a rule for the rest");
			return;
		}
}

/* --- bits that the mask leaves out -------------------------------------------------------------
 */

static void host_bits(struct diags *ds, const struct rule *r)
{
	vec_each (t, &r->tests) {
		const struct value *v = &t->value.value, *m = &t->mask.value;
		bool masked = t->value.kind == OPERAND_VALUE && t->mask.kind == OPERAND_VALUE &&
			      (v->type == VT_IP4 || v->type == VT_IP6);
		if (!masked)
			continue;
		uint32_t bits = v->type == VT_IP4 ? 32 : 128, prefix = value_prefix(m);
		u128 host = prefix >= bits ? 0 : ((u128)1 << (bits - prefix)) - 1;
		if (prefix == 0 && bits == 128)
			host = ~(u128)0;
		if (!(value_number(v) & host))
			continue;
		struct finding *f = diag_add(ds, FINDING(W717), t->value.span,
					     "the mask leaves out bits that are set in this "
					     "address: the whole network of %u "
					     "bits is meant then",
					     prefix);
		diag_hint(ds, f, "write the network's first address, or a mask of %u bits", bits);
	}
}

void lint_written(struct diags *ds, const struct library *lib)
{
	map_each (e, &lib->by_name) {
		const struct filter *f = e->cptr;
		if (f->stock)
			continue;
		chain_ignored(ds, f);
		vec_each (en, &f->entries)
			if (en->kind == ENTRY_RULE) {
				negated_variable(ds, en->rule);
				host_bits(ds, en->rule);
			}
	}
}
