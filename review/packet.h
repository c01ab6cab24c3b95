/* SPDX-License-Identifier: MIT */
/*
 * packet.h - one packet, as values of the variables of vars.def.
 *
 * A packet comes from words ("out arp request spa 10.0.0.9"), from bytes (hex,
 * a capture), or out of a set as its witness; it goes into words, into bytes,
 * and through a program (simulate.h). What bytes can not say, connection state
 * and the side, stands beside the fields.
 */
#ifndef NWFC_REVIEW_PACKET_H
#define NWFC_REVIEW_PACKET_H

#include "ir/field.h"
#include "ir/program.h"

enum var_id {
#define VAR(id, words, bits, field, present) V_##id,
#include "review/vars.def"
	VARS
};

enum cond_id {
#define COND(id, ...) C_##id,
#include "review/vars.def"
	CONDS
};

/* The values of CT_STATE; only the first three have a direction. */
enum ct_class { CTC_NEW, CTC_ESTABLISHED, CTC_RELATED, CTC_INVALID, CTC_UNTRACKED, CT_CLASSES };

struct var {
	const char *words;
	uint8_t bits;
	uint8_t field;   /* enum field_id */
	uint8_t present; /* enum cond_id */
};
extern const struct var vars[VARS];

/* parent, and each clause that has values. */
struct clause {
	uint8_t var;
	uint32_t values[5];
	uint8_t n;
};
struct cond {
	uint8_t parent; /* itself: no condition */
	struct clause clauses[2];
};
extern const struct cond conds[CONDS];

/* The variable that holds a field in a packet of this family (4, 6; 0 where it does not matter). */
enum var_id var_of_field(enum field_id f, uint8_t family);

/* The largest value of a variable. */
static inline u128 var_max(enum var_id v)
{
	return vars[v].bits == 128 ? ~(u128)0 : ((u128)1 << vars[v].bits) - 1;
}

/*
 * What a packet does not have is zero. TCP options are those of kind 0..255 that
 * stand in it. An unknown (an ipset, a count of connections) is named by its text (space.h);
 * a packet holds the answers that it was given, the others are false.
 */
struct packet {
	enum side side;
	u128 v[VARS];
	uint64_t tcp_options[4];     /* bit k: an option of kind k is there */
	vec_of(struct str) unknowns; /* those that hold */
	struct str bytes;            /* the frame it was read from; empty when it was not */
};

/* Zero what the packet does not have. */
void packet_settle(struct packet *p);

/* The texts of unknowns: "in ipset trusted by src", "more than 20 connections of the source".
 * flags may be NULL. */
void question_ipset(struct buf *b, const struct value *name, const struct value *flags);
void question_count(struct buf *b, const struct value *count);

bool packet_meets(const struct packet *p, enum cond_id c);

static inline bool packet_has(const struct packet *p, enum var_id v)
{
	return packet_meets(p, (enum cond_id)vars[v].present);
}

#endif
