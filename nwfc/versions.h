/* SPDX-License-Identifier: MIT */
/*
 * versions.h - two versions of a host's filters and ports, put side by side.
 */
#ifndef NWFC_NWFC_VERSIONS_H
#define NWFC_NWFC_VERSIONS_H

#include "nwfc/session.h"
#include "review/diff.h"

struct pair {
	struct str name;
	bool standin; /* a filter that no port uses, on a port made for it */
	bool learned; /* a port that learns, once it has learned an address, of which there is a
			 sample */
	const struct port_data *port[VERSIONS]; /* NULL: it is not there */
};

struct versions {
	struct input_list inputs[VERSIONS];
	struct host host[VERSIONS];
	struct build build[VERSIONS];
	vec_of(struct pair) pairs;            /* in the order of before, then what is new */
	const struct program *last[VERSIONS]; /* of pair_is_same() */
	bool last_same;
};

/*
 * Read and build both; a port of the command line is in each. Ports belong together by
 * their names, filters without a port by theirs. False after a finding.
 */
bool versions_load(struct session *s, const char *before, const char *now, struct versions *v);

/* Do both versions have one program for it, with the same values? Then nothing need be compared. */
bool pair_is_same(struct versions *v, const struct pair *p);

#endif
