/* SPDX-License-Identifier: MIT */
/*
 * One rule to lines of nft.
 *
 * Its tests become atoms (a test; or the pair of an ICMP type and code that are
 * negated together). Atoms that share a dimension of the rule belong together,
 * they are a group, and each group takes one of four forms (nft.h says when):
 *
 *   LOOKUP   one look into a set of tuples, `iifname . a . b @set`
 *   SOLE     one negated look into the set of the tuples' intersection
 *   ONE      a look for each atom, for ports with one tuple
 *   WRITTEN  the values themselves, the line repeated for each tuple
 *
 * Exactness beyond that: the kernel's ebt_* matches look at headers in ways
 * that no single nft rule can, so some rules are several lines, the variants:
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
#include "backends/nft/nft.h"

enum form { FORM_WRITTEN, FORM_LOOKUP, FORM_SOLE, FORM_ONE };

enum variant { V_PLAIN, V_ARP_HLEN, V_ARP_PLEN, V_IP6_AH, V_IP6_FRAGMENT };

/*
 * True of every packet with a transport header, and of no later fragment. The
 * kernel has a short way for loads of 1, 2 and 4 bytes that forgets to ask about
 * fragments (nft_payload_fast_eval), so a port test alone reads a later
 * fragment's data; three bytes take the long way.
 */
#define NOT_LATER_FRAGMENT "@th,0,24 0-0xffffff "

#define NO_GROUP  UINT32_MAX
#define OCTETS    4
#define KEY_BYTES 64 /* NFT_DATA_VALUE_MAXLEN */
#define NAME_KEY  16 /* IFNAMSIZ */

struct atom {
	const struct ptest *test[2];
	uint32_t n;
	bool negated;
	uint32_t group;
};

struct group {
	vec_of(uint32_t) dims; /* of the rule */
	bool constant;
	enum form form;
};

struct lowerer {
	struct nft_model *m;
	struct arena *a;
	struct nft_program *np;
	struct nft_rule *nr;
	const struct prule *r;
	enum side side;
	enum lower_mode mode;
	vec_of(struct atom) atoms;
	vec_of(struct group) groups;
	uint32_t *group_of_dim;
	uint32_t limit; /* set to count in, plus 1 */
};

/* One line in the making. */
struct line {
	struct template text;
	enum variant variant;
	uint32_t octet;
	bool negated; /* there is a `!=` in front */
	uint32_t *new_dim; /* of the rule's dimensions in the walk, plus 1 */
	struct prule *walk;
};

#define put_lit(l, ln, literal) template_lit((l)->a, &(ln)->text, literal)

static void put_text(struct lowerer *l, struct line *ln, struct str s)
{
	template_text(l->a, &ln->text, s);
}

static const char *port_key(const struct lowerer *l)
{
	return l->side == SIDE_OUT ? "iifname" : "oifname";
}

/* --- what the tests are about --- */

static bool is_transport(enum field_id f)
{
	return fields[f].header == HDR_TRANSPORT || fields[f].header == HDR_TCP_OPTION;
}

static bool is_arp_ip(enum field_id f)
{
	return f == F_ARP_SPA || f == F_ARP_TPA || f == F_ARP_GRATUITOUS;
}

static bool is_arp_mac(enum field_id f)
{
	return f == F_ARP_SHA || f == F_ARP_THA;
}

/* Tests that are no comparison of a field with a value. */
static bool is_special(enum field_id f)
{
	return f == F_TCP_FLAGS || f == F_TCP_OPTION || f == F_CT_COUNT || f == F_ARP_GRATUITOUS;
}

static const struct atom *find_atom(const struct lowerer *l, bool (*is)(enum field_id))
{
	vec_each(x, &l->atoms)
		if (is(x->test[0]->field))
			return x;
	return NULL;
}

static const struct atom *atom_of(const struct lowerer *l, enum field_id f)
{
	vec_each(x, &l->atoms)
		if (x->test[0]->field == f)
			return x;
	return NULL;
}

static bool all_negated(const struct lowerer *l, bool (*is)(enum field_id))
{
	vec_each(x, &l->atoms)
		if (is(x->test[0]->field) && !x->negated)
			return false;
	return true;
}

static bool frame_ip6(const struct lowerer *l)
{
	return l->r->proto->layer == LAYER_FRAME && l->r->proto->family == 6;
}

/* Does the line of this variant hold the atom? */
static bool atom_in(enum variant v, const struct atom *x)
{
	enum field_id f = x->test[0]->field;
	if (v == V_ARP_HLEN)
		return !is_arp_ip(f);
	if (v == V_ARP_PLEN)
		return f != F_ARP_THA;
	return v != V_IP6_FRAGMENT || f != F_NET_PROTO;
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
static void collect_atoms(struct lowerer *l)
{
	vec_each(t, &l->r->tests) {
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

static void collect_groups(struct lowerer *l)
{
	uint32_t ndims = l->r->dims.n, *index = arena_new_array(l->a, uint32_t, ndims + 1);
	l->group_of_dim = arena_new_array(l->a, uint32_t, ndims + 1);
	for (uint32_t d = 0; d < ndims; d++)
		l->group_of_dim[d] = d;
	vec_each(x, &l->atoms)
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
	vec_each(x, &l->atoms) {
		uint32_t d = atom_dim(x);
		x->group = d == NO_GROUP ? NO_GROUP : index[l->group_of_dim[d]] - 1;
	}
}

/* --- forms --- */

static struct spelling spell(const struct lowerer *l, enum variant v, const struct ptest *t)
{
	struct spelling sp = spell_field(l->a, l->r->proto, t->field);
	if (t->field != F_NET_PROTO || !frame_ip6(l))
		return sp;
	if (v == V_IP6_AH)
		return (struct spelling){STR("@th,0,8"), t->negated ? KT_RAW8 : KT_AHPROTO};
	sp.type = t->negated ? KT_PROTO : KT_PROTO6;
	return sp;
}

/* Columns of a concatenation take whole registers of four bytes. */
static uint32_t key_bytes(enum key_type type)
{
	return (key_types[type].bits + 31u) / 32 * 4;
}

static bool key_fits(const struct lowerer *l, uint32_t g)
{
	uint32_t n = NAME_KEY;
	vec_each(x, &l->atoms)
		for (uint32_t i = 0; x->group == g && i < x->n; i++)
			n += key_bytes(spell(l, V_PLAIN, x->test[i]).type);
	return n <= KEY_BYTES;
}

/* A dimension of $MAC alone: nearly every port has one, and it is its name in all filters. */
static bool is_mac(const struct lowerer *l, const struct group *g)
{
	const struct dim *d = &l->np->program->dims.items[l->r->dims.items[g->dims.items[0]]];
	if (g->dims.n != 1 || d->columns.n != 1 || d->columns.items[0].constant)
		return false;
	return str_is(l->np->program->columns.items[d->columns.items[0].column].var.name, "MAC");
}

static uint64_t constant_rows(const struct lowerer *l, const struct group *g)
{
	uint64_t n = 1;
	vec_each(d, &g->dims)
		n *= l->np->program->dims.items[l->r->dims.items[*d]].const_rows.n;
	return n;
}

static enum form choose_form(const struct lowerer *l, uint32_t index, bool *can_fold)
{
	const struct group *g = &l->groups.items[index];
	uint32_t atoms = 0, negated = 0;
	vec_each(x, &l->atoms) {
		if (x->group != index)
			continue;
		atoms++;
		negated += x->negated;
		if (is_special(x->test[0]->field)) {
			*can_fold &= g->constant;
			return FORM_WRITTEN;
		}
	}
	if (l->mode == LOWER_EXPAND)
		return FORM_WRITTEN;
	bool fits = key_fits(l, index);
	if (g->constant)
		return !negated && fits && constant_rows(l, g) > 1 ? FORM_LOOKUP : FORM_WRITTEN;
	if (is_mac(l, g) && (atoms > 1 || negated))
		return FORM_ONE;
	if (!negated && fits)
		return FORM_LOOKUP;
	return atoms == 1 && fits ? FORM_SOLE : FORM_ONE;
}

static void need_one(struct lowerer *l, const struct group *g)
{
	vec_each(d, &g->dims)
		*vec_push(l->a, &l->nr->one_dims) = l->r->dims.items[*d];
}

static void choose_forms(struct lowerer *l)
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

/* --- sets --- */

static struct str column_name(struct arena *a, const struct column *c)
{
	struct str s = name_begin(a, c->var.name);
	return c->var.element ? str_printf(a, "%.*s.%u", STR_ARG(s), c->var.index) : s;
}

/* A list that stands in a filter has no name of its own: its values are hashed. */
static struct str list_name(struct arena *a, const struct dim_column *c)
{
	struct buf b;
	buf_memory(&b);
	vec_each(v, &c->values) {
		value_print(&b, v);
		buf_char(&b, '\n');
	}
	struct str s = str_printf(a, "_.list.%08x",
				  (unsigned)(uint32_t)str_hash((struct str){b.data, (uint32_t)b.n}));
	buf_drop(&b);
	return s;
}

/* A constant begins with a digit, which no name does. */
static struct str constant_name(struct arena *a, const struct value *v)
{
	if (v->type == VT_MACMASK || v->type == VT_IP4MASK || v->type == VT_IP6MASK)
		return str_printf(a, "%u", value_prefix(v));
	u128 n = value_number(v);
	if (n == (uint32_t)n)
		return str_printf(a, "%u", (uint32_t)n);
	return str_printf(a, "0x%llx.%llx", (unsigned long long)(n >> 64), (unsigned long long)n);
}

static struct str slot_name(const struct lowerer *l, const struct slot *s)
{
	if (s->kind == SLOT_NONE)
		return STR("0");
	if (s->kind == SLOT_CONST)
		return constant_name(l->a, &s->value);
	const struct program *p = l->np->program;
	const struct dim_column *c = &p->dims.items[l->r->dims.items[s->dim]].columns.items[s->column];
	return c->constant ? list_name(l->a, c) : column_name(l->a, &p->columns.items[c->column]);
}

/* "IP.ipv4", with a mask "NET-24.ipv4", with an upper end "FROM--TO.port". */
static struct str use_name(const struct lowerer *l, const struct ptest *t, enum key_type type)
{
	struct str v = slot_name(l, &t->value), w = STR("");
	const char *sign = "";
	if (t->to.kind != SLOT_NONE) {
		w = slot_name(l, &t->to);
		sign = "--";
	} else if (t->mask.kind != SLOT_NONE) {
		w = slot_name(l, &t->mask);
		sign = "-";
	}
	return str_printf(l->a, "%.*s%s%.*s.%s", STR_ARG(v), sign, STR_ARG(w), key_types[type].word);
}

static bool full_mask(const struct slot *mask, enum key_type type)
{
	return mask->kind == SLOT_NONE ||
	       (mask->kind == SLOT_CONST && value_prefix(&mask->value) == key_types[type].bits);
}

static bool is_interval(const struct ptest *t, enum key_type type)
{
	return t->to.kind != SLOT_NONE || !full_mask(&t->mask, type);
}

/* The group's tuples, or one atom's column of them, as a set and its feed. */
static void add_use(struct lowerer *l, struct nft_set *s, struct nft_feed *f, const struct ptest *t,
		    enum variant v)
{
	struct spelling sp = spell(l, v, t);
	struct str name = use_name(l, t, sp.type);
	s->name = s->name.len ? str_printf(l->a, "%.*s/%.*s", STR_ARG(s->name), STR_ARG(name)) : name;
	s->type = str_printf(l->a, "%.*s . %s", STR_ARG(s->type), key_types[sp.type].typeof_);
	s->interval |= is_interval(t, sp.type);
	*vec_push(l->a, &f->uses) = (struct nft_use){t, sp.type};
}

static void name_set(struct lowerer *l, struct nft_set *s, const struct group *g)
{
	/* values of several dimensions in one column: which, decides what meets what */
	if (g->dims.n > 1) {
		struct str key = STR("");
		vec_each(d, &g->dims) {
			vec_each(c, &l->np->program->dims.items[l->r->dims.items[*d]].columns) {
				struct str n = c->constant ? list_name(l->a, c) :
						column_name(l->a, &l->np->program->columns.items[c->column]);
				key = str_printf(l->a, "%.*s %.*s", STR_ARG(key), STR_ARG(n));
			}
			key = str_printf(l->a, "%.*s;", STR_ARG(key));
		}
		s->name = str_printf(l->a, "%.*s.x%08x", STR_ARG(s->name), (unsigned)(uint32_t)str_hash(key));
	}
	if (s->sole)
		s->name = str_printf(l->a, "%.*s.sole", STR_ARG(s->name));
	if (s->name.len > NFT_NAME_MAX)
		s->name = str_printf(l->a, "%.*s..%08x", 200, s->name.s, (unsigned)(uint32_t)str_hash(s->name));
	claim_name(l->m, s->name, str_printf(l->a, "%.*s: %.*s", STR_ARG(s->name), STR_ARG(s->type)));
}

static bool same_feed(const struct nft_program *np, uint32_t set)
{
	vec_each(f, &np->feeds)
		if (f->set == set)
			return true;
	return false;
}

static struct str group_set(struct lowerer *l, const struct group *g, struct nft_set *s,
			    struct nft_feed *f)
{
	name_set(l, s, g);
	f->set = set_add(l->m, s);
	f->rule = l->r;
	memcpy(&f->dims, &g->dims, sizeof f->dims);
	if (!same_feed(l->np, f->set))
		*vec_push(l->a, &l->np->feeds) = *f;
	return s->name;
}

/* --- header tests of each protocol --- */

static struct str ether_type(struct arena *a, uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *word;
	} words[] = {{0x0800, "ip"}, {0x86dd, "ip6"}, {0x0806, "arp"}, {0x8100, "vlan"}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].type == type)
			return str_printf(a, "ether type %s ", words[i].word);
	return type ? str_printf(a, "ether type 0x%04x ", type) : STR("");
}

/* "tcp" of "tcp-ipv6": nft's words are the language's. */
static struct str l4proto(const struct proto *p)
{
	const char *dash = strchr(p->xml, '-');
	return (struct str){p->xml, dash ? (uint32_t)(dash - p->xml) : (uint32_t)strlen(p->xml)};
}

/*
 * What ebt_arp.c asks of the header before it compares an address: for protocol
 * addresses ar_pro and ar_pln, for hardware addresses ar_hrd and ar_hln. The
 * lengths also say where the addresses are.
 */
enum { ARP_NONE, ARP_IP, ARP_SOURCE, ARP_TARGET, ARP_BOTH, ARP_OTHER_HLEN, ARP_OTHER_PLEN, ARP_NEEDS };
static const char *const arp_headers[ARP_NEEDS][2] = {
	[ARP_NONE] = {"", ""},
	[ARP_IP] = {"arp ptype ip arp hlen 6 arp plen 4 ", "@nh,16,32 0x08000604 "},
	[ARP_SOURCE] = {"arp htype 1 arp hlen 6 ", "@nh,0,16 1 @nh,32,8 6 "},
	[ARP_TARGET] = {"arp htype 1 arp hlen 6 arp plen 4 ", "@nh,0,16 1 @nh,32,16 0x0604 "},
	[ARP_BOTH] = {"arp htype 1 arp ptype ip arp hlen 6 arp plen 4 ", "@nh,0,48 0x000108000604 "},
	[ARP_OTHER_HLEN] = {"arp ptype ip arp hlen != 6 arp plen 4 ",
			    "@nh,16,16 0x0800 @nh,32,8 != 6 @nh,40,8 4 "},
	[ARP_OTHER_PLEN] = {"arp htype 1 arp hlen 6 arp plen != 4 ",
			    "@nh,0,16 1 @nh,32,8 6 @nh,40,8 != 4 "},
};

static void put_arp_header(struct lowerer *l, struct line *ln)
{
	bool ip = find_atom(l, is_arp_ip), mac = find_atom(l, is_arp_mac);
	int need = ip && mac		  ? ARP_BOTH
		   : ip			  ? ARP_IP
		   : atom_of(l, F_ARP_THA) ? ARP_TARGET
		   : mac		  ? ARP_SOURCE
					  : ARP_NONE;
	if (ln->variant == V_ARP_HLEN)
		need = ARP_OTHER_HLEN;
	if (ln->variant == V_ARP_PLEN)
		need = ARP_OTHER_PLEN;
	ln->negated |= need >= ARP_OTHER_HLEN;
	put_text(l, ln, str_from(arp_headers[need][proto_id(l->r->proto) == PROTO_RARP]));
}

static bool is_config(enum field_id f)
{
	return f > F_STP_TYPE && f <= F_STP_DELAY;
}

static bool is_stp(enum field_id f)
{
	return f >= F_STP_TYPE && f <= F_STP_DELAY;
}

/* 42 42 03 (LLC), 0000 (protocol), 00 (version), as ebt_stp.c wants; then the type. */
static void put_stp_header(struct lowerer *l, struct line *ln)
{
	put_lit(l, ln, "ether daddr 01:80:c2:00:00:00 ");
	if (find_atom(l, is_stp))
		put_lit(l, ln, "@nh,0,48 0x424203000000 ");
	if (find_atom(l, is_config))
		put_lit(l, ln, "@nh,48,8 0 ");
}

static bool is_44(const struct atom *x)
{
	return x->test[0]->value.kind == SLOT_CONST && x->test[0]->value.value.u == 44;
}

static void put_ip6_header(struct lowerer *l, struct line *ln)
{
	const struct atom *x = atom_of(l, F_NET_PROTO);
	if (!x && find_atom(l, is_transport))
		put_lit(l, ln, "meta l4proto icmpv6 ");
	if (!x)
		return;
	if (ln->variant == V_IP6_AH) {
		put_text(l, ln, x->negated ? STR("meta l4proto ah @th,0,8 != 59 ") : STR("meta l4proto ah "));
		ln->negated |= x->negated;
	} else if (ln->variant == V_IP6_FRAGMENT) {
		put_lit(l, ln, "frag frag-off != 0 ");
	} else {
		if (x->negated)
			put_lit(l, ln, "meta l4proto != 51 meta l4proto != 59 ");
		if (!find_atom(l, is_transport) && (!x->negated || is_44(x)))
			put_lit(l, ln, NOT_LATER_FRAGMENT);
	}
}

static void put_header(struct lowerer *l, struct line *ln)
{
	const struct proto *p = l->r->proto;
	put_text(l, ln, ether_type(l->a, p->ethertype));
	if (proto_id(p) == PROTO_ARP || proto_id(p) == PROTO_RARP)
		put_arp_header(l, ln);
	if (proto_id(p) == PROTO_STP)
		put_stp_header(l, ln);
	if (frame_ip6(l))
		put_ip6_header(l, ln);
	if (p->ipproto >= 0) {
		put_lit(l, ln, "meta l4proto ");
		put_text(l, ln, l4proto(p));
		put_lit(l, ln, " ");
	}
	if (find_atom(l, is_transport))
		put_text(l, ln, p->family == 6 ? STR(NOT_LATER_FRAGMENT) : STR("ip frag-off & 0x1fff == 0 "));
}

/* --- atoms as text --- */

static struct slot walked(const struct line *ln, const struct slot *s)
{
	struct slot r = *s;
	if (r.kind == SLOT_DIM)
		r.dim = ln->new_dim[r.dim] - 1;
	return r;
}

static void put_slot(struct lowerer *l, struct line *ln, const struct slot *s, value_format *format,
		     enum key_type type)
{
	struct slot w = walked(ln, s);
	template_slot(l->a, &ln->text, &w, format, type);
}

/*
 * nft (1.0.6) joins comparisons of neighbouring fields into one, wherever they
 * stand in a rule, and does so with `!=`, too: `th sport != 68 th dport != 53`
 * becomes "the four bytes are not 68, 53", which is true when only one differs.
 * Ranges are left alone, so from the second `!=` on a value is a range.
 */
static bool keep_apart(struct line *ln, const struct ptest *t, enum key_type type)
{
	bool second = t->negated && ln->negated;
	/* "th" of AH is an AH header to `nft list`, which dies of comparing its protocol */
	bool dies = ln->variant == V_IP6_AH && t->field == F_NET_PROTO;
	ln->negated |= t->negated;
	return (second || dies) && t->to.kind == SLOT_NONE && full_mask(&t->mask, type);
}

static void put_operand(struct lowerer *l, struct line *ln, const struct ptest *t, enum key_type type)
{
	if (t->value.kind == SLOT_NONE)
		put_lit(l, ln, "0");
	put_slot(l, ln, &t->value, format_value, type);
	if (t->to.kind != SLOT_NONE) {
		put_lit(l, ln, "-");
		put_slot(l, ln, &t->to, format_value, type);
	} else if (!full_mask(&t->mask, type)) {
		put_lit(l, ln, "/");
		put_slot(l, ln, &t->mask, format_prefix, type);
	}
}

static void put_pair(struct lowerer *l, struct line *ln, const struct atom *x)
{
	struct spelling a = spell(l, ln->variant, x->test[0]), b = spell(l, ln->variant, x->test[1]);
	put_text(l, ln, str_printf(l->a, "%.*s . %.*s != { ", STR_ARG(a.expr), STR_ARG(b.expr)));
	put_operand(l, ln, x->test[0], a.type);
	put_lit(l, ln, " . ");
	put_operand(l, ln, x->test[1], b.type);
	put_lit(l, ln, " } ");
}

static void put_written(struct lowerer *l, struct line *ln, const struct atom *x)
{
	const struct ptest *t = x->test[0];
	if (x->n == 2) {
		put_pair(l, ln, x);
		return;
	}
	struct spelling sp = spell(l, ln->variant, t);
	bool anything = t->mask.kind == SLOT_CONST && !value_prefix(&t->mask.value);
	if (anything) {
		ln->text.never |= t->negated;
		return;
	}
	put_text(l, ln, sp.expr);
	put_text(l, ln, t->negated ? STR(" != ") : STR(" "));
	put_operand(l, ln, t, sp.type);
	if (keep_apart(ln, t, sp.type)) {
		put_lit(l, ln, "-");
		put_operand(l, ln, t, sp.type);
	}
	put_lit(l, ln, " ");
}

static void put_tcp_flag_words(struct lowerer *l, struct line *ln, uint32_t bits)
{
	static const char *const words[] = {"fin", "syn", "rst", "psh", "ack", "urg"};
	bool any = false;
	for (uint32_t i = 0; i < sizeof words / sizeof *words; i++)
		if (bits >> i & 1) {
			put_text(l, ln, str_printf(l->a, "%s%s", any ? "|" : "", words[i]));
			any = true;
		}
	if (!any)
		put_lit(l, ln, "0x0");
}

static void put_tcp_flags(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	put_lit(l, ln, "tcp flags & (");
	put_tcp_flag_words(l, ln, t->value.value.u >> 8);
	put_text(l, ln, t->negated ? STR(") != ") : STR(") == "));
	put_tcp_flag_words(l, ln, t->value.value.u & 0xff);
	put_lit(l, ln, " ");
}

/* "missing" is true of what has no TCP header, so the header's length is asked as well. */
static void put_tcp_option(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	if (t->negated)
		put_lit(l, ln, "tcp doff >= 5 ");
	put_lit(l, ln, "tcp option ");
	put_slot(l, ln, &t->value, format_value, KT_PROTO);
	put_text(l, ln, t->negated ? STR(" missing ") : STR(" exists "));
}

static void put_pairs(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	for (uint32_t i = 0; i < OCTETS; i++) {
		uint32_t octet = t->negated ? ln->octet : i;
		put_text(l, ln,
			 str_printf(l->a, "@nh,%u,8 . @nh,%u,8 %s@octet.pairs ",
				    fields[F_ARP_SPA].offset + 8 * octet,
				    fields[F_ARP_TPA].offset + 8 * octet, t->negated ? "!= " : ""));
		if (t->negated)
			break;
	}
	l->np->uses_pairs = true;
}

/* --- counting connections --- */

static bool counts_in_key(const struct lowerer *l)
{
	uint32_t n = NAME_KEY + (l->r->proto->family == 6 ? 16 : 4);
	vec_each(x, &l->atoms) {
		if (x->group == NO_GROUP)
			continue;
		if (x->negated || x->n > 1 || is_special(x->test[0]->field))
			return false;
		enum key_type type = spell(l, V_PLAIN, x->test[0]).type;
		if (is_interval(x->test[0], type))
			return false;
		n += key_bytes(type);
	}
	return n <= KEY_BYTES;
}

/* The fields that tell a rule's instances apart, behind the source address. */
static struct str count_key(const struct lowerer *l, struct str key, bool types)
{
	vec_each(x, &l->atoms) {
		if (x->group == NO_GROUP)
			continue;
		struct spelling sp = spell(l, V_PLAIN, x->test[0]);
		struct str e = types ? str_from(key_types[sp.type].typeof_) : sp.expr;
		key = str_printf(l->a, "%.*s . %.*s", STR_ARG(key), STR_ARG(e));
	}
	return key;
}

/*
 * iptables counts for each rule, and in it for each source address. `ct count`
 * counts for a rule; as a part of a set's elements it counts for each key, so
 * the key is the port, the source, and what tells the instances apart.
 */
static void put_count(struct lowerer *l, struct line *ln, const struct ptest *t)
{
	const char *source = l->r->proto->family == 6 ? "ip6 saddr" : "ip saddr";
	struct str key = str_printf(l->a, "%s . %s", port_key(l), source);
	const struct nft_set *s = &l->m->sets.items[l->limit - 1];
	key = count_key(l, key, false);
	put_text(l, ln,
		 str_printf(l->a, "add @%.*s { %.*s ct count %s%u } ", STR_ARG(s->name), STR_ARG(key),
			    t->negated ? "" : "over ", t->value.value.u));
}

static uint32_t add_limit_set(struct lowerer *l, struct str name)
{
	const char *source = l->r->proto->family == 6 ? "ip6 saddr" : "ip saddr";
	struct str type = str_printf(l->a, "iifname . %s", source);
	struct nft_set s = {.name = name, .type = count_key(l, type, true), .dynamic = true};
	claim_name(l->m, name, name);
	return set_add(l->m, &s) + 1;
}

static void find_limit(struct lowerer *l)
{
	const struct atom *x = atom_of(l, F_CT_COUNT);
	if (!x || l->limit)
		return;
	l->nr->counts = l->groups.n && !counts_in_key(l);
	if (l->nr->counts)
		return;
	if (!l->nr->limit) {
		l->nr->limit = add_limit_set(l, str_printf(l->a, "%.*s/limit%u", STR_ARG(l->np->name),
							   ++l->np->nlimits));
		*vec_push(l->a, &l->np->limits) = l->nr->limit - 1;
	}
	l->limit = l->nr->limit;
}

static void put_special(struct lowerer *l, struct line *ln, const struct atom *x)
{
	const struct ptest *t = x->test[0];
	if (t->field == F_TCP_FLAGS)
		put_tcp_flags(l, ln, t);
	else if (t->field == F_TCP_OPTION)
		put_tcp_option(l, ln, t);
	else if (t->field == F_ARP_GRATUITOUS)
		put_pairs(l, ln, t);
}

/* --- lookups --- */

static struct str lookup_expr(const struct lowerer *l, const struct line *ln, const struct group *g,
			      const struct atom *x, struct str expr)
{
	for (uint32_t i = 0; i < x->n; i++) {
		struct spelling sp = spell(l, ln->variant, x->test[i]);
		bool first = g->constant && !expr.len;
		expr = str_printf(l->a, "%.*s%s%.*s", STR_ARG(expr), first ? "" : " . ", STR_ARG(sp.expr));
	}
	return expr;
}

/* A list that stands in the filter: an anonymous set in the rule. */
static void put_constant_set(struct lowerer *l, struct line *ln, const struct nft_set *s,
			     const struct nft_feed *f)
{
	struct boxes bs = {0};
	struct rows *all = arena_new_array(l->a, struct rows, l->np->program->dims.n + 1);
	struct port_data pd = {.program = l->np->program, .rows = all};
	struct buf b;
	for (uint32_t i = 0; i < l->np->program->dims.n; i++)
		all[i] = l->np->program->dims.items[i].const_rows;
	feed_boxes(l->a, s, f, &pd, &bs);
	ln->text.never |= !bs.list.n;
	buf_memory(&b);
	buf_lit(&b, "{ ");
	for (uint32_t i = 0; i < bs.list.n; i++) {
		put_box(&b, f, &bs.list.items[i]);
		if (i + 1 < bs.list.n)
			buf_put(&b, i % 8 == 7 ? ",\n\t\t\t" : ", ", i % 8 == 7 ? 5 : 2);
	}
	buf_lit(&b, " } ");
	put_text(l, ln, (struct str){b.data, (uint32_t)b.n});
	buf_drop(&b);
}

static void put_lookup(struct lowerer *l, struct line *ln, uint32_t index, const struct atom *only)
{
	const struct group *g = &l->groups.items[index];
	struct nft_set s = {.type = STR("iifname"), .sole = g->form == FORM_SOLE};
	struct nft_feed f = {.rule = l->r};
	struct str expr = g->constant ? STR("") : str_from(port_key(l));
	bool negated = false;
	vec_each(x, &l->atoms) {
		if (x->group != index || (only && x != only))
			continue;
		for (uint32_t i = 0; i < x->n; i++)
			add_use(l, &s, &f, x->test[i], ln->variant);
		expr = lookup_expr(l, ln, g, x, expr);
		negated |= x->negated;
	}
	put_text(l, ln, expr);
	put_text(l, ln, negated ? STR(" != ") : STR(" "));
	if (g->constant) {
		memcpy(&f.dims, &g->dims, sizeof f.dims);
		put_constant_set(l, ln, &s, &f);
		return;
	}
	struct str name = group_set(l, g, &s, &f);
	put_text(l, ln, str_printf(l->a, "@%.*s ", STR_ARG(name)));
}

static bool first_of_group(const struct lowerer *l, const struct line *ln, const struct atom *x)
{
	vec_each(y, &l->atoms)
		if (y->group == x->group && atom_in(ln->variant, y))
			return y == x;
	return false;
}

static void put_atom(struct lowerer *l, struct line *ln, const struct atom *x)
{
	enum form form = x->group == NO_GROUP ? FORM_WRITTEN : l->groups.items[x->group].form;
	if (!atom_in(ln->variant, x))
		return;
	if (is_special(x->test[0]->field))
		put_special(l, ln, x);
	else if (form == FORM_WRITTEN)
		put_written(l, ln, x);
	else if (form == FORM_ONE)
		put_lookup(l, ln, x->group, x);
	else if (first_of_group(l, ln, x))
		put_lookup(l, ln, x->group, NULL);
}

/* --- the end of a line --- */

static void put_ct(struct lowerer *l, struct line *ln)
{
	static const char *const words[] = {"new", "established", "related", "invalid"};
	const char *comma = "";
	if (l->r->ct_states) {
		put_lit(l, ln, "ct state ");
		for (uint32_t i = 0; i < sizeof words / sizeof *words; i++)
			if (l->r->ct_states >> i & 1) {
				put_text(l, ln, str_printf(l->a, "%s%s", comma, words[i]));
				comma = ",";
			}
		put_lit(l, ln, " ");
	}
	if (l->r->ct_dir != CT_DIR_ANY)
		put_text(l, ln, l->r->ct_dir == CT_DIR_REPLY ? STR("ct direction reply ")
							     : STR("ct direction original "));
}

static struct str verdict(const struct lowerer *l)
{
	static const char *const words[ACTIONS] = {"drop", "accept", "drop", "return", "continue"};
	bool reply = l->r->verdict == ACTION_REJECT && l->side == SIDE_OUT &&
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
	const struct rule *src = l->r->source;
	struct str c = l->r->comment;
	struct str s = str_printf(l->a, "%.*s#%u%s%.*s", STR_ARG(src->filter->name), src->number,
				  c.len ? ": " : "", STR_ARG(c));
	char *p = arena_copy(l->a, s.s, s.len);
	if (s.len > COMMENT_MAX) {
		s.len = COMMENT_MAX;
		while (s.len && ((unsigned char)p[s.len] & 0xc0) == 0x80)
			s.len--;
	}
	for (uint32_t i = 0; i < s.len; i++) {
		if (p[i] == '"')
			p[i] = '\'';
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			p[i] = ' ';
	}
	put_lit(l, ln, " comment \"");
	put_text(l, ln, (struct str){p, s.len});
	put_lit(l, ln, "\"\n");
}

/* --- lines --- */

/* The dimensions that this line is repeated for, in the rule's order. */
static void find_walk(struct lowerer *l, struct line *ln)
{
	bool *used = arena_new_array(l->a, bool, l->r->dims.n + 1);
	ln->new_dim = arena_new_array(l->a, uint32_t, l->r->dims.n + 1);
	vec_each(x, &l->atoms)
		if (x->group != NO_GROUP && atom_in(ln->variant, x) &&
		    l->groups.items[x->group].form == FORM_WRITTEN)
			vec_each(d, &l->groups.items[x->group].dims)
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

static void add_line(struct lowerer *l, enum variant v, uint32_t octet, struct nft_lines *out)
{
	struct line ln = {.variant = v, .octet = octet};
	find_walk(l, &ln);
	put_lit(l, &ln, "\t\t");
	put_header(l, &ln);
	vec_each(x, &l->atoms)
		put_atom(l, &ln, x);
	put_ct(l, &ln);
	const struct atom *count = atom_of(l, F_CT_COUNT);
	if (count)
		put_count(l, &ln, count->test[0]);
	put_text(l, &ln, verdict(l));
	put_comment(l, &ln);
	*vec_push(l->a, &out->list) = (struct nft_line){ln.text, ln.walk};
}

static void add_arp_lines(struct lowerer *l, struct nft_lines *out)
{
	const struct atom *same = atom_of(l, F_ARP_GRATUITOUS);
	for (uint32_t i = 0; i < (same && same->negated ? OCTETS : 1); i++)
		add_line(l, V_PLAIN, i, out);
	bool ip = find_atom(l, is_arp_ip), mac = find_atom(l, is_arp_mac);
	if (ip && !mac && all_negated(l, is_arp_ip))
		add_line(l, V_ARP_HLEN, 0, out);
	const struct atom *target = atom_of(l, F_ARP_THA);
	if (!ip && target && target->negated)
		add_line(l, V_ARP_PLEN, 0, out);
}

static void add_ip6_lines(struct lowerer *l, struct nft_lines *out)
{
	const struct atom *x = atom_of(l, F_NET_PROTO);
	bool deeper = find_atom(l, is_transport);
	if (!x || deeper) {
		add_line(l, V_PLAIN, 0, out);
		return;
	}
	if (!is_44(x) || x->negated) {
		add_line(l, V_PLAIN, 0, out);
		add_line(l, V_IP6_AH, 0, out);
	}
	if (is_44(x) != x->negated)
		add_line(l, V_IP6_FRAGMENT, 0, out);
}

static void lower_lines(struct lowerer *l, struct nft_lines *out)
{
	bool arp = l->r->proto->ethertype == 0x0806 || l->r->proto->ethertype == 0x8035;
	if (arp)
		add_arp_lines(l, out);
	else if (frame_ip6(l))
		add_ip6_lines(l, out);
	else
		add_line(l, V_PLAIN, 0, out);
}

static struct lowerer start(struct nft_model *m, struct nft_program *np, enum side side,
			    struct nft_rule *nr, const struct prule *r, enum lower_mode mode)
{
	struct lowerer l = {.m = m, .a = m->cx->arena, .np = np, .nr = nr, .r = r, .side = side, .mode = mode};
	collect_atoms(&l);
	collect_groups(&l);
	return l;
}

void nft_lower_rule(struct nft_model *m, struct nft_program *np, enum side side, struct nft_rule *nr,
		enum lower_mode mode, struct nft_lines *out)
{
	struct lowerer l = start(m, np, side, nr, nr->rule, mode);
	find_limit(&l);
	choose_forms(&l);
	bool lines = !nr->counts && (mode == LOWER_EXPAND || nr->can_fold);
	if (lines)
		lower_lines(&l, out);
}

void nft_lower_jump(struct nft_model *m, const struct chain_prefix *to, uint32_t chain, struct nft_lines *out)
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
	return v ? (struct slot){.kind = SLOT_CONST, .value = *v} : (struct slot){.kind = SLOT_NONE};
}

static struct prule *instance(struct arena *a, const struct prule *r, const struct port_data *pd,
			      const uint32_t *row)
{
	struct prule *c = arena_new_object(a, struct prule);
	*c = *r;
	memset(&c->tests, 0, sizeof c->tests);
	memset(&c->dims, 0, sizeof c->dims);
	vec_each(t, &r->tests) {
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

void nft_lower_counted(struct nft_model *m, struct nft_port *port, enum side side, struct nft_rule *nr,
		   struct nft_lines *out)
{
	struct arena *a = m->cx->arena;
	uint32_t *row = arena_new_array(a, uint32_t, nr->rule->dims.n + 1);
	struct str part = name_part(a, port->pd->port->name, 40);
	if (!prule_product(nr->rule, port->pd))
		return;
	do {
		struct lowerer l = start(m, port->program, side, nr,
					 instance(a, nr->rule, port->pd, row), LOWER_EXPAND);
		l.limit = add_limit_set(&l, str_printf(a, "%.*s/port/%.*s/limit%u",
						       STR_ARG(port->program->name), STR_ARG(part),
						       port->limits.n + 1));
		*vec_push(a, &port->limits) = l.limit - 1;
		lower_lines(&l, out);
	} while (next_instance(nr->rule, port->pd, row) && !arena_full(a));
}
