/* SPDX-License-Identifier: MIT */
/*
 * verify.h - does a script do what the programs say? A proof for each port, or a
 * packet that tells them apart.
 *
 * Needs: the text of a script, and the build that it should be a translation of. Gives:
 * nothing but the counts, when it is; else findings: E801 where a word is not
 * understood, E802 with the packet, both verdicts and both places. Where the sets become
 * too large to say, too_large is set: it is the caller's to say.
 */
#ifndef NWFC_REVIEW_READBACK_VERIFY_H
#define NWFC_REVIEW_READBACK_VERIFY_H

#include "base/diag.h"
#include "ir/program.h"

struct verify_report {
	uint32_t ports;
	uint32_t proofs;           /* parts of a filter at a place of the tool */
	uint32_t rules;            /* of the script */
	vec_of(struct str) unread; /* tables of networks, which filters have no part in */
	struct str tool;           /* what kind of script it is */
	bool no_hooks;
	bool too_large; /* no proof, and nothing else was found: there is no finding */
};

/* file: of the sources. Findings go to ds. */
bool verify_script(struct arena *a, struct diags *ds, uint32_t file, const struct build *b,
		   struct verify_report *out);

#endif
