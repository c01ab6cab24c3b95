/* SPDX-License-Identifier: MIT */
/*
 * nft.h - the nft target: one bridge table, whose chains are the programs and
 * whose sets are the ports.
 *
 *   hook, priority        chain        map            goes to
 *   prerouting   -300     frame.out    @frame.out     PROGRAM/out, PROGRAM/CHAIN/out
 *   prerouting   -150     packet.out   @packet.out    PROGRAM/packet/out
 *   postrouting     0     packet.in    @packet.in     PROGRAM/packet/in
 *   postrouting   300     frame.in     @frame.in      PROGRAM/in, PROGRAM/CHAIN/in
 *
 * -300 and 300 are where ebtables' nat table hooks in. Bridge conntrack works
 * at -200 (before: there is no state; -150 is behind it and before br_netfilter
 * at 0, which would take the packet away). A verdict of accept ends one base
 * chain and the next one still runs, so the parts of a program need no glue:
 * both must let the frame pass. The maps are keyed by interface NAME, so they
 * hold before a tap exists and after it was made anew, and a packet pays one
 * lookup however many ports there are. A chain is entered by goto: return from
 * it ends the part.
 *
 * Ports are data. A dimension of a rule becomes one lookup in a named set keyed
 * by the port, `iifname . ip saddr @IP.ipv4`: one element a tuple, however many
 * other dimensions there are, so a product of n by m is n + m elements. Sets
 * belong to the variable and the kind of field and are shared by all programs
 * (a port has one program, so its elements can not meet those of another).
 *
 * Which lookups keep the meaning (instances of a rule are ORed):
 *   - all tests of a dimension positive: the tuple of fields is in the set;
 *   - one negated test alone: "some tuple's range does not have the field" is
 *     "the intersection of the ranges does not have it", so the set NAME.sole
 *     holds, for each port, that intersection: an element where all tuples are
 *     one value, none where two differ (then the test is always true);
 *   - anything else: each test its own lookup, right for a port that has one
 *     tuple. A port that has more gets the program in chains of its own
 *     (PROGRAM/port/PORT/...), where such rules are written out.
 * The code of a program is thus a function of the program alone.
 *
 * A macvtap is no port of a bridge. Ports of that kind get the same programs in a
 * second table, of the family netdev, whose base chains hook into the devices
 * themselves: egress is what the guest sends, and there the interface is the
 * outgoing one (docs/macvtap.md). No connections are tracked there.
 *
 * Every test says which frames it is about, because nft's own dependencies are
 * wider than ebtables' (`ip saddr` alone looks into tagged frames) and its
 * header fields are not checked (`arp saddr ip` of an ARP that is not IPv4).
 */
#ifndef NWFC_BACKENDS_NFT_NFT_H
#define NWFC_BACKENDS_NFT_NFT_H

#include "backends/backend.h"
#include "backends/template.h"

enum stage { STAGE_FRAME, STAGE_PACKET, STAGES };

/* --- spell.c: fields and values in nft's words ------------------------------------ */

/* What a set's column, or a value in a rule, is made of. */
enum key_type {
	KT_ETHER,
	KT_ETHERTYPE,
	KT_VLAN,
	KT_HTYPE,
	KT_ARPOP,
	KT_IPV4,
	KT_IPV6,
	KT_PROTO,
	KT_DSCP,
	KT_PORT,
	KT_ICMPTYPE,
	KT_ICMPCODE,
	KT_ICMP6TYPE,
	KT_ICMP6CODE,
	KT_RAW8,
	KT_RAW16,
	KT_RAW32,
	KT_RAW48,
	KT_PROTO6,   /* KT_PROTO without the numbers that ebt_ip6 never arrives at */
	KT_AHPROTO,  /* the same, behind an authentication header */
	KT_FRAGMENT, /* KT_PROTO, of which 44 alone counts */
	KT_DSCP6,    /* the DSCP in the two bytes of an IPv6 header that hold it */
	KEY_TYPES
};

struct key_type_row {
	const char *word;    /* in names of sets */
	const char *typeof_; /* what gives a set's column this type */
	uint8_t bits;
	enum { WRITE_DEC, WRITE_HEX, WRITE_MAC, WRITE_IP4, WRITE_IP6 } write;
	/* a column wider than its field: bits below the field, and what stands above it */
	uint8_t low_bits;
	uint16_t high;
};
extern const struct key_type_row key_types[KEY_TYPES];

struct spelling {
	struct str expr; /* "ip saddr" */
	enum key_type type;
};

/* In a rule of this protocol. Every field of a packet that is no special case has one. */
struct spelling spell_field(struct arena *a, const struct proto *p, enum field_id f);

void put_number(struct buf *b, enum key_type type, u128 n);
void put_range(struct buf *b, enum key_type type, u128 lo, u128 hi);

/* For templates; arg is the key type. False: no packet can have this value. */
value_format format_value, format_prefix;

/* The closed range that a test asks for; false: no packet can have it. */
struct range {
	u128 lo, hi;
};
bool test_range(const struct ptest *t, enum key_type type, const struct value *value,
		const struct value *to, const struct value *mask, struct range *out);

/* --- name.c ------------------------------------------------------------------------ */

/* Longest name that kernels take, NFT_NAME_MAXLEN less the NUL. */
#define NFT_NAME_MAX 255

/* Part of a name: letters, digits, `_ . -`; anything else, or too long, gets its hash. */
struct str name_part(struct arena *a, struct str s, uint32_t limit);
/* A name begins with a letter, `_` or a dot. */
struct str name_begin(struct arena *a, struct str part);

/* An interface's name as nft reads it back; E506 when it has no such form. */
bool nft_check_name(struct emit_ctx *cx, struct str name, struct span span);
struct str nft_quoted(struct arena *a, struct str name);

/* --- the lowered form ------------------------------------------------------------------ */

struct nft_line {
	struct template text;
	const struct prule *walk; /* whose dimensions it is repeated for; NULL: one line */
	const struct prule *rule; /* that it is of; NULL: a jump */
};
struct nft_lines {
	vec_of(struct nft_line) list;
};

/* One column of a set: the field that a test compares. */
struct nft_use {
	const struct ptest *test;
	enum key_type type;
};

/* Where a set's elements for the ports of a program come from. */
struct nft_feed {
	uint32_t set; /* into model.sets */
	const struct prule *rule;
	vec_of(uint32_t) dims; /* of the rule, whose product gives the tuples; nearly always one */
	vec_of(struct nft_use) uses;
};

struct nft_set {
	struct str name;
	struct str type; /* behind typeof */
	bool interval;
	bool timeout;  /* holds addresses that can be learned, so its elements may end */
	bool sole;     /* holds the intersection of a port's tuples */
	bool dynamic;  /* filled by packets: connections counted a source */
	bool pairs;    /* equal octets, for gratuitous ARP */
	bool expanded; /* lines look into it that are written out: "none of" a list is no product */
};

struct nft_rule {
	const struct prule *rule; /* NULL: a jump */
	struct nft_lines folded, expanded;
	bool can_fold;             /* for ports that have one tuple in each of one_dims */
	bool is_expanded;          /* `expanded` has been made */
	bool counts;               /* must be written instance by instance, with a set each */
	uint32_t limit;            /* its dynamic set in model.sets, plus 1 */
	vec_of(uint32_t) one_dims; /* into program.dims */
};

struct nft_chain {
	struct str path; /* "mac/out": behind the program's name, or the port's */
	enum side side;
	vec_of(struct nft_rule) rules;
};

struct nft_program {
	const struct program *program;
	struct str name;
	vec_of(struct nft_chain) chains;
	struct str *names;            /* of the shared chains; what PIECE_NAME points into */
	uint32_t root[STAGES][SIDES]; /* into chains, plus 1; 0: nothing to do */
	vec_of(struct nft_feed) feeds;
	vec_of(uint32_t) one_dims;
	vec_of(uint32_t) limits; /* its dynamic sets */
	bool never_shared;       /* some rule can not fold for any port */
	bool shared;             /* some port uses the shared chains */
	bool uses_pairs;
	uint32_t nlimits;
};

/* Lines of one port alone, of a rule that counts. */
struct nft_counted {
	const struct nft_rule *rule;
	struct nft_lines lines;
};

struct nft_port {
	const struct port_data *pd;
	struct nft_program *program;
	struct str key;    /* the name, quoted */
	struct str *names; /* of its chains; the program's where it shares them */
	bool own;
	vec_of(struct nft_counted) counted;
	vec_of(uint32_t) limits;
};

struct nft_model {
	struct emit_ctx *cx;
	struct str table;
	vec_of(struct nft_set) sets;
	struct map set_index;     /* name -> num */
	struct map full_names;    /* name -> ptr: struct str, what it was made of */
	struct map program_index; /* name -> num */
	struct nft_program *programs;
	uint32_t nprograms;
	struct nft_port *ports;
	uint32_t nports;
	const struct net_form *networks; /* NULL: none has rules */
	bool netdev;                     /* of the ports that are macvtaps: hooks of devices */
	struct nft_model *direct;        /* NULL: there are none; else their model */
	bool failed;
};

/* Register a name; E505 when two things would share it. */
void claim_name(struct nft_model *m, struct str name, struct str full);

/* --- rule.c: one rule to lines --------------------------------------------------------- */

enum lower_mode { LOWER_FOLD, LOWER_EXPAND };

/*
 * Lines of a rule. LOWER_FOLD adds sets and feeds to the program and fills
 * one_dims, can_fold and counts; LOWER_EXPAND gives lines that are walked for
 * every instance. No lines where the rule counts instance by instance.
 */
void nft_lower_rule(struct nft_model *m, struct nft_program *np, enum side side,
		    struct nft_rule *nr, enum lower_mode mode, struct nft_lines *out);
/* A rule that counts, for one port: each instance lowered as a constant rule. */
void nft_lower_counted(struct nft_model *m, struct nft_port *port, enum side side,
		       struct nft_rule *nr, struct nft_lines *out);

/* A jump to a chain of the program, by its index in PIECE_NAME. */
void nft_lower_jump(struct nft_model *m, const struct chain_prefix *to, uint32_t chain,
		    struct nft_lines *out);

/* --- set.c: what a set holds ------------------------------------------------------------ */

/* Index of the set, made when it is not there. */
uint32_t set_add(struct nft_model *m, const struct nft_set *s);

/* Ranges of several columns; no two boxes of a list have a point in common. */
struct box {
	struct range *side;      /* one a column */
	uint64_t valid_until_ms; /* as in struct value: the earliest of its values */
	uint32_t place;          /* among those of its port, while they are sorted */
};
struct boxes {
	vec_of(struct box) list;
};
/* The tuples of a feed for a port, as its set holds them. */
void feed_boxes(struct arena *a, const struct nft_set *s, const struct nft_feed *f,
		const struct port_data *pd, struct boxes *out);
void put_box(struct buf *b, const struct nft_feed *f, const struct box *x);

/* Call put for each element of a port, as text, without the key; and when it ends. */
typedef void element_sink(void *arg, struct str text, uint64_t valid_until_ms);
void each_element(struct nft_model *m, const struct nft_feed *f, const struct port_data *pd,
		  struct buf *scratch, element_sink *sink, void *arg);

/* --- model.c, emit.c, change.c ----------------------------------------------------------- */

/* "bridge", or "netdev": the family of the model's table. */
static inline const char *nft_family(const struct nft_model *m)
{
	return m->netdev ? "netdev" : "bridge";
}

/* The word that knows the port of a side: "iifname" or "oifname". */
static inline const char *nft_port_key(const struct nft_model *m, enum side side)
{
	return (side == SIDE_OUT) != m->netdev ? "iifname" : "oifname";
}

/* A whole model as a table made anew. */
void nft_emit_table(const struct emit_ctx *cx, const struct nft_model *lowered, struct buf *out);

/* NULL after an error finding. */
struct nft_model *nft_lower(struct emit_ctx *cx, const struct build *b);
/* Is the rule folded in the chain that this port uses? */
bool rule_folds(const struct nft_rule *nr, const struct nft_port *port);

extern const char *const stage_names[STAGES];

/* " timeout 1h30m"; nothing for what has no end. */
void put_timeout(const struct nft_model *m, uint64_t valid_until_ms, struct buf *out);

void put_set_head(const struct nft_set *s, struct buf *out);
void put_chains(struct nft_model *m, struct nft_program *np, struct buf *out);
void put_own_chains(struct nft_model *m, struct nft_port *port, struct buf *out);
/* Is there a chain to send frames to? */
bool stage_used(const struct nft_model *m, enum stage stage, enum side side);
/* What a set holds without a port, and its end. */
void put_constant_elements(const struct nft_set *s, struct buf *out);
void put_base_chain(const struct nft_model *m, enum stage stage, enum side side, struct buf *out);
void nft_emit(const struct emit_ctx *cx, const void *lowered, struct buf *out);
bool nft_change(struct emit_ctx *cx, const struct build *before, const struct build *after,
		struct buf *out);

extern const struct target target_nft;

#endif
