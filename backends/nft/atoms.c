/* SPDX-License-Identifier: MIT */
/*
 * Tests to atoms, atoms to groups, groups to forms.
 */
#include "backends/nft/rule.h"

/* --- what the tests are about --- */

bool field_is_transport(enum field_id f)
{
	return fields[f].header == HDR_TRANSPORT || fields[f].header == HDR_TCP_OPTION;
}

bool field_is_arp_ip(enum field_id f)
{
	return f == F_ARP_SPA || f == F_ARP_TPA || f == F_ARP_GRATUITOUS;
}

bool field_is_arp_mac(enum field_id f)
{
	return f == F_ARP_SHA || f == F_ARP_THA;
}

/* Tests that are no comparison of a field with a value. */
bool field_is_special(enum field_id f)
{
	return f == F_TCP_FLAGS || f == F_TCP_OPTION || f == F_CT_COUNT || f == F_ARP_GRATUITOUS;
}

const struct atom *atom_where(const struct lowerer *l, bool (*is)(enum field_id))
{
	vec_each (x, &l->atoms)
		if (is(x->test[0]->field))
			return x;
	return NULL;
}

const struct atom *atom_of_field(const struct lowerer *l, enum field_id f)
{
	vec_each (x, &l->atoms)
		if (x->test[0]->field == f)
			return x;
	return NULL;
}

bool atoms_negated(const struct lowerer *l, bool (*is)(enum field_id))
{
	vec_each (x, &l->atoms)
		if (is(x->test[0]->field) && !x->negated)
			return false;
	return true;
}

bool rule_is_frame_ip6(const struct lowerer *l)
{
	return l->r->proto->layer == LAYER_FRAME && l->r->proto->family == 6;
}

/* Does the line of this variant hold the atom? */
bool atom_in_line(enum variant v, const struct atom *x)
{
	enum field_id f = x->test[0]->field;
	if (v == V_ARP_HLEN)
		return !field_is_arp_ip(f);
	if (v == V_ARP_PLEN)
		return f != F_ARP_THA;
	/* a constant decides whether there is such a line */
	return v != V_IP6_FRAGMENT || f != F_NET_PROTO || x->group != NO_GROUP;
}

/* --- atoms and groups --- */

static const struct slot *test_slot(const struct ptest *t, uint32_t i)
{
	return i == 0 ? &t->value : i == 1 ? &t->to : &t->mask;
}

static void join_groups(struct lowerer *l, uint32_t keep, uint32_t gone)
{
	for (uint32_t d = 0; d < l->r->dims.n; d++)
		if (l->group_of_dim[d] == gone)
			l->group_of_dim[d] = keep;
}

/* Dimensions that one atom uses belong together. */
static void tie_dims(struct lowerer *l, const struct atom *x)
{
	uint32_t first = NO_GROUP;
	for (uint32_t i = 0; i < x->n; i++)
		for (uint32_t s = 0; s < 3; s++) {
			const struct slot *sl = test_slot(x->test[i], s);
			if (sl->kind != SLOT_DIM)
				continue;
			if (first == NO_GROUP)
				first = l->group_of_dim[sl->dim];
			join_groups(l, first, l->group_of_dim[sl->dim]);
		}
}

static uint32_t atom_dim(const struct atom *x)
{
	for (uint32_t i = 0; i < x->n; i++)
		for (uint32_t s = 0; s < 3; s++)
			if (test_slot(x->test[i], s)->kind == SLOT_DIM)
				return test_slot(x->test[i], s)->dim;
	return NO_GROUP;
}

/* A type and a code that are both negated are one test. */
void collect_atoms(struct lowerer *l)
{
	vec_each (t, &l->r->tests) {
		struct atom *last = l->atoms.n ? &l->atoms.items[l->atoms.n - 1] : NULL;
		bool pair = t->field == F_ICMP_CODE && t->negated && last && last->negated &&
			    last->test[0]->field == F_ICMP_TYPE;
		if (pair)
			last->test[last->n++] = t;
		else
			*vec_push(l->a, &l->atoms) =
				(struct atom){.test = {t}, .n = 1, .negated = t->negated};
	}
}

void collect_groups(struct lowerer *l)
{
	uint32_t ndims = l->r->dims.n, *index = arena_new_array(l->a, uint32_t, ndims + 1);
	l->group_of_dim = arena_new_array(l->a, uint32_t, ndims + 1);
	for (uint32_t d = 0; d < ndims; d++)
		l->group_of_dim[d] = d;
	vec_each (x, &l->atoms)
		tie_dims(l, x);
	for (uint32_t d = 0; d < ndims; d++) {
		uint32_t g = l->group_of_dim[d];
		if (!index[g]) {
			*vec_push(l->a, &l->groups) = (struct group){.constant = true};
			index[g] = l->groups.n;
		}
		struct group *gr = &l->groups.items[index[g] - 1];
		*vec_push(l->a, &gr->dims) = d;
		gr->constant &= l->np->program->dims.items[l->r->dims.items[d]].constant;
	}
	vec_each (x, &l->atoms) {
		uint32_t d = atom_dim(x);
		x->group = d == NO_GROUP ? NO_GROUP : index[l->group_of_dim[d]] - 1;
	}
}

/* --- forms --- */

struct spelling atom_spelling(const struct lowerer *l, enum variant v, const struct ptest *t)
{
	struct spelling sp = spell_field(l->a, l->r->proto, t->field);
	if (t->field != F_NET_PROTO || !rule_is_frame_ip6(l))
		return sp;
	if (v == V_IP6_AH)
		return (struct spelling){STR("@th,0,8"), t->negated ? KT_RAW8 : KT_AHPROTO};
	if (v == V_IP6_FRAGMENT)
		return (struct spelling){STR("ip6 nexthdr"), t->negated ? KT_PROTO : KT_FRAGMENT};
	sp.type = t->negated ? KT_PROTO : KT_PROTO6;
	return sp;
}

/*
 * The DSCP of an IPv6 header lies across two bytes. As a part of a key, nft (1.0.6)
 * shifts it in the host's byte order, which loses its upper bits; compared with a
 * value, it shifts the value, which is right. So a set has the two bytes: version
 * 6, the DSCP, and anything in the six bits of ECN and flow label below it.
 */
struct spelling column_spelling(const struct lowerer *l, enum variant v, const struct ptest *t)
{
	struct spelling sp = atom_spelling(l, v, t);
	if (sp.type == KT_DSCP && l->r->proto->family == 6)
		return (struct spelling){STR("@nh,0,16"), KT_DSCP6};
	return sp;
}

/* Columns of a concatenation take whole registers of four bytes. */
uint32_t register_bytes(enum key_type type)
{
	return (key_types[type].bits + 31u) / 32 * 4;
}

static bool key_fits(const struct lowerer *l, uint32_t g)
{
	uint32_t n = NAME_KEY;
	vec_each (x, &l->atoms)
		for (uint32_t i = 0; x->group == g && i < x->n; i++)
			n += register_bytes(column_spelling(l, V_PLAIN, x->test[i]).type);
	return n <= KEY_BYTES;
}

bool mask_is_full(const struct slot *mask, enum key_type type)
{
	return mask->kind == SLOT_NONE ||
	       (mask->kind == SLOT_CONST && value_prefix(&mask->value) == key_types[type].bits);
}

bool test_is_interval(const struct ptest *t, enum key_type type)
{
	return t->to.kind != SLOT_NONE || !mask_is_full(&t->mask, type) || key_types[type].low_bits;
}

/* A dimension of $MAC alone: nearly every port has one, and it is its name in all filters. */
static bool is_mac(const struct lowerer *l, const struct group *g)
{
	const struct dim *d = &l->np->program->dims.items[l->r->dims.items[g->dims.items[0]]];
	if (g->dims.n != 1 || d->columns.n != 1 || d->columns.items[0].constant)
		return false;
	return str_is(l->np->program->columns.items[d->columns.items[0].column].var.name, "MAC");
}

/* $NAME[2] is one value in every port. */
static bool always_one(const struct lowerer *l, const struct group *g)
{
	const struct program *p = l->np->program;
	vec_each (d, &g->dims)
		vec_each (c, &p->dims.items[l->r->dims.items[*d]].columns)
			if (c->constant || !p->columns.items[c->column].var.element)
				return false;
	return true;
}

static uint64_t constant_rows(const struct lowerer *l, const struct group *g)
{
	uint64_t n = 1;
	vec_each (d, &g->dims)
		n *= l->np->program->dims.items[l->r->dims.items[*d]].const_rows.n;
	return n;
}

/* A test that none of its values may match: whatever else, it is a look into all of them. */
static bool group_is_none(const struct lowerer *l, uint32_t index)
{
	vec_each (x, &l->atoms)
		if (x->group == index && x->test[0]->none)
			return true;
	return false;
}

static enum form choose_form(const struct lowerer *l, uint32_t index, bool *can_fold)
{
	const struct group *g = &l->groups.items[index];
	uint32_t atoms = 0, negated = 0;
	vec_each (x, &l->atoms) {
		if (x->group != index)
			continue;
		atoms++;
		negated += x->negated;
		if (field_is_special(x->test[0]->field)) {
			*can_fold &= g->constant;
			return FORM_WRITTEN;
		}
	}
	if (group_is_none(l, index))
		return g->constant && constant_rows(l, g) == 1 ? FORM_WRITTEN : FORM_LOOKUP;
	if (l->mode == LOWER_EXPAND)
		return FORM_WRITTEN;
	bool fits = key_fits(l, index);
	if (g->constant)
		return !negated && fits && constant_rows(l, g) > 1 ? FORM_LOOKUP : FORM_WRITTEN;
	if ((is_mac(l, g) || always_one(l, g)) && (atoms > 1 || negated))
		return FORM_ONE;
	if (!negated && fits)
		return FORM_LOOKUP;
	return atoms == 1 && fits ? FORM_SOLE : FORM_ONE;
}

static void need_one(struct lowerer *l, const struct group *g)
{
	vec_each (d, &g->dims)
		*vec_push(l->a, &l->nr->one_dims) = l->r->dims.items[*d];
}

void choose_forms(struct lowerer *l)
{
	bool can_fold = true;
	for (uint32_t g = 0; g < l->groups.n; g++) {
		struct group *gr = &l->groups.items[g];
		gr->form = choose_form(l, g, &can_fold);
		if (gr->form == FORM_ONE)
			need_one(l, gr);
	}
	if (l->mode == LOWER_FOLD)
		l->nr->can_fold = can_fold && !l->nr->counts;
}
