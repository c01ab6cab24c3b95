/* SPDX-License-Identifier: MIT */
/*
 * rule.h - one rule to lines of nft; inside backends/nft only.
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
 * A line is: what kind of frame (header.c), comparisons with values (match.c),
 * looks into sets (lookup.c), state and verdict (rule.c).
 */
#ifndef NWFC_BACKENDS_NFT_RULE_H
#define NWFC_BACKENDS_NFT_RULE_H

#include "backends/nft/nft.h"

enum form { FORM_WRITTEN, FORM_LOOKUP, FORM_SOLE, FORM_ONE };

/* The lines of a rule that needs several; rule.c says why. */
enum variant { V_PLAIN, V_ARP_HLEN, V_ARP_PLEN, V_IP6_AH, V_IP6_FRAGMENT };

#define OCTETS    4 /* of an IPv4 address */
#define NO_GROUP  UINT32_MAX
#define KEY_BYTES 64 /* NFT_DATA_VALUE_MAXLEN */
#define NAME_KEY  16 /* IFNAMSIZ */

struct atom {
	const struct ptest *test[2];
	uint32_t n;
	bool negated;
	uint32_t group; /* NO_GROUP: constants only */
};

struct group {
	vec_of(uint32_t) dims; /* of the rule */
	bool constant;         /* no value is the port's */
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
	uint32_t octet;    /* that differs, where addresses are not the same */
	bool negated;      /* there is a `!=` in front */
	uint32_t *new_dim; /* of the rule's dimensions in the walk, plus 1 */
	struct prule *walk;
};

#define line_lit(l, ln, literal) template_lit((l)->a, &(ln)->text, literal)
static inline void line_text(struct lowerer *l, struct line *ln, struct str s)
{
	template_text(l->a, &ln->text, s);
}

/* --- atoms.c: tests, atoms, groups and their forms --- */

bool field_is_transport(enum field_id f);
bool field_is_arp_ip(enum field_id f);
bool field_is_arp_mac(enum field_id f);
/* Is its test something else than a comparison with a value? */
bool field_is_special(enum field_id f);
bool rule_is_frame_ip6(const struct lowerer *l);
/* To ebt_ip6, a later fragment has the protocol 44. */
bool protocol_is_44(const struct atom *x);

void collect_atoms(struct lowerer *l);
void collect_groups(struct lowerer *l);
void choose_forms(struct lowerer *l);

/* The first atom of such a field; NULL when there is none. */
const struct atom *atom_where(const struct lowerer *l, bool (*is)(enum field_id));
const struct atom *atom_of_field(const struct lowerer *l, enum field_id f);
bool atoms_negated(const struct lowerer *l, bool (*is)(enum field_id));
bool atom_in_line(enum variant v, const struct atom *x);
struct spelling atom_spelling(const struct lowerer *l, enum variant v, const struct ptest *t);
/* The same as a column of a set. */
struct spelling column_spelling(const struct lowerer *l, enum variant v, const struct ptest *t);

/* Bytes of a column in a concatenation. */
uint32_t register_bytes(enum key_type type);
bool mask_is_full(const struct slot *mask, enum key_type type);
bool test_is_interval(const struct ptest *t, enum key_type type);

/* --- header.c --- */

/* What kind of frame, and what the kernel's ebt_* match asks of its header first. */
void line_header(struct lowerer *l, struct line *ln);
/* "ether type ip "; empty for 0. */
struct str ether_type(struct arena *a, uint16_t type);

/* --- match.c --- */

void line_compare(struct lowerer *l, struct line *ln, const struct atom *x);
void line_special(struct lowerer *l, struct line *ln, const struct atom *x);
void line_count(struct lowerer *l, struct line *ln, const struct ptest *t);
/* Give the rule the set that it counts in, where one for all instances will do. */
void limit_find(struct lowerer *l);
uint32_t limit_set_add(struct lowerer *l, struct str name);

/* --- lookup.c --- */

const char *line_key(const struct lowerer *l);
/* A look for a group, or for one of its atoms only. */
void line_lookup(struct lowerer *l, struct line *ln, uint32_t group, const struct atom *only);

#endif
