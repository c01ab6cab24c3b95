/* SPDX-License-Identifier: MIT */
/*
 * diag.h - findings as values.
 *
 * A pass that has something to say adds a finding to the sink it was given and
 * goes on or gives up; it never prints. Renderers (nwfc/) turn the same values
 * into text with carets, JSON or SARIF.
 */
#ifndef NWFC_BASE_DIAG_H
#define NWFC_BASE_DIAG_H

#include <stdarg.h>

#include "base/source.h"

enum severity { SEV_NOTE, SEV_WARNING, SEV_ERROR, SEVERITIES };

/* One row per kind of finding; the table is ir/findings.def. */
struct diag_kind {
	const char *code; /* stable, "E112" */
	const char *name; /* stable word, for --allow-loss= and switches */
	enum severity severity;
	const char *title; /* what is wrong, in general */
};

struct diag_note {
	struct span span;
	struct str text;
};

struct finding {
	const struct diag_kind *kind;
	enum severity severity; /* the kind's, unless an option changed it */
	struct span span;
	struct str text; /* one sentence, no full stop */
	struct str hint; /* what to do; may be empty */
	vec_of(struct diag_note) notes;
};

/* What the user made of a kind; errors stay errors. */
enum diag_level { LEVEL_USUAL, LEVEL_OFF, LEVEL_ERROR };

struct diags {
	struct arena *arena;
	struct sources *sources;
	const struct diag_kind *kinds; /* the table, for levels */
	const uint8_t *levels;         /* by kind; NULL: all as usual */
	uint32_t raised; /* warnings and notes that LEVEL_ERROR made fail; not in errors */
	bool lenient;    /* kinds that leniency softens become warnings (the pass asks) */
	uint32_t max;    /* findings listed of each severity; further ones are only counted */
	uint32_t listed[SEVERITIES];
	uint32_t errors, warnings;
	vec_of(struct finding *) list;
};

/* Add a finding. Never NULL; past max it is counted but not listed. */
struct finding *diag_add(struct diags *ds, const struct diag_kind *kind, struct span sp,
			 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Add a related place with a text. */
void diag_note(struct diags *ds, struct finding *f, struct span sp, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

void diag_hint(struct diags *ds, struct finding *f, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Turn an error into a warning when the run is lenient; keeps the counts right. */
void diag_soften(struct diags *ds, struct finding *f);

#endif
