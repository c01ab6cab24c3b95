/* SPDX-License-Identifier: MIT */
/*
 * prove.h - assertions held against the programs of ports, and of filters as stand-ins.
 *
 * Of an assertion and a port: the packets that break it are a set. Empty: it is
 * proven, for all packets and whatever the unknowns are (space.h). Else a packet of
 * it is shown, one that breaks the assertion whatever the unknowns are; where
 * there is none such, the answer depends on them.
 */
#ifndef NWFC_NWFC_PROVE_H
#define NWFC_NWFC_PROVE_H

#include "nwfc/session.h"
#include "review/region.h"
#include "review/simulate.h"

/* Boxes of a region that are written out. */
#define PROVE_BOXES 8

enum outcome { PROVEN, BROKEN, DEPENDS, OUTCOMES };
extern const char *const outcome_names[OUTCOMES]; /* "proven", "broken", "depends" */

/* What assertions are held against. */
struct subject {
	struct port_data data;
	struct str name;
	bool filter;  /* a stand-in */
	bool learned; /* a port that learns, once it has learned addresses, of which there are
			 samples */
	bool top;     /* of a filter: no other builds on it, and no port uses it */
	struct packet usual[SIDES];
};

/* Texts of unknowns. */
struct questions {
	vec_of(struct str) list;
};

struct proof {
	const struct assertion *assertion;
	const struct subject *subject;
	enum outcome outcome;
	/* unless it is proven */
	struct packet witness;
	struct walk walk;
	struct region region;      /* of all packets like it */
	struct questions unknowns; /* what it depends on */
	struct questions lacking;  /* "IP": what excepts want and the port does not give */
};

struct prove {
	struct session *s;
	const struct host *host;
	const struct build *build;
	struct space *space;
	vec_of(struct subject *) subjects; /* ports, then filters */
	vec_of(struct proof *) list;       /* by subject */
	uint32_t counts[OUTCOMES];
	bool wrong; /* a witness was treated otherwise by the simulator: a bug */
};

/* The subjects of all assertions of the host. False after findings. */
bool prove_bind(struct prove *p);

/* Is every assertion about some packet? False after findings. */
bool prove_packets(struct prove *p);

/* The same, and prove them. */
bool prove_all(struct prove *p);

bool assertion_is_about(const struct assertion *a, const struct subject *x);

/* --- prove_words.c: the parts of a proof as texts ------------------------------------------------
 */

struct str proof_place(const struct prove *p, const struct assertion *a); /* "web.nwf:3:1" */
struct str subject_title(const struct prove *p, const struct subject *x);
struct str proof_packet(const struct prove *p, const struct proof *x);
/* What became of it in a layer, and by which rule; empty when the layer was not asked. */
struct str proof_cause(const struct prove *p, const struct proof *x, enum layer layer);
/* "$IP, of which the port has no value: the except with it excepts nothing" */
struct str proof_lacking(const struct prove *p, const struct proof *x, struct str variable);
struct str proof_box(const struct prove *p, const struct region_box *b);
/* "never out ip saddr != $IP", with its comment behind it */
struct str assertion_title(const struct prove *p, const struct assertion *a);
/* Its comment, if it has one. */
struct str assertion_name(const struct prove *p, const struct assertion *a);

/* --- forms ---------------------------------------------------------------------------------------
 */

typedef void prove_form(const struct prove *p, struct buf *out);
prove_form prove_text, prove_json, prove_junit;

/* --- ready.c: assertions that come with the program --------------------------------------------
 */

/* Those of this name, or whose names begin with it and a dash. False after a finding. */
bool ready_load(struct session *s, const char *name, struct host *h);

#endif
