/* SPDX-License-Identifier: MIT */
/*
 * diff.h - the result of nwfc diff, and its forms: text, json, markdown, html.
 */
#ifndef NWFC_NWFC_DIFF_H
#define NWFC_NWFC_DIFF_H

#include "nwfc/versions.h"

/* Boxes of a region that are written out. */
#define DIFF_BOXES 8

struct difference {
	const struct pair *pair;
	struct changes changes; /* none, and both are there: the pair is treated alike, and is not
				   listed */
	vec_of(struct region) regions; /* one a change */
	struct packet usual[SIDES];    /* of the port, for its packets' words */
};

struct diff {
	struct session *s;
	struct versions *v;
	struct space *space;
	const char *names[VERSIONS]; /* as the user gave them */
	vec_of(struct difference) list;
	uint32_t compared; /* ports and filters */
};

typedef void diff_form(const struct diff *d, struct buf *out);
diff_form diff_text, diff_json, diff_markdown, diff_html;

/* "web.xml:12:3" of a rule; "the end of the rules" for NULL. */
struct str rule_place(const struct diff *d, const struct prule *r);

/* The line of the source that a rule begins in; empty for NULL. */
struct str rule_line_text(const struct diff *d, const struct prule *r);

/* A change in words: "what the guest sends: passes now, is dropped before". */
struct str change_title(const struct diff *d, const struct change *c);

/* Its packet, in words. */
struct str change_packet(const struct diff *d, const struct difference *x, const struct change *c);

/* The same as the hexadecimal bytes of a frame; empty when there is no such frame. */
struct str change_bytes(const struct diff *d, const struct change *c);

/* "passes by accept web#3", "is dropped at the end of the rules" */
struct str change_cause(const struct diff *d, const struct change *c, int version);

/* Each box of a region as a text. */
struct region_texts {
	vec_of(struct str) list;
};
struct region_texts region_texts(const struct diff *d, const struct region *r);

/* "port vnet0", "filter web" */
struct str pair_title(const struct diff *d, const struct pair *p);

extern const char *const version_names[VERSIONS]; /* "before", "now" */

#endif
