/* SPDX-License-Identifier: MIT */
/*
 * readers.h - the readers: a script's text into its form. False after a finding.
 */
#ifndef NWFC_REVIEW_READBACK_READERS_H
#define NWFC_REVIEW_READBACK_READERS_H

#include "review/readback/form.h"

bool read_nft(struct script_form *f);
bool read_ebtables(struct script_form *f);
bool read_iptables(struct script_form *f, bool six);

/* The parts of the shell script, each a file of a tool. */
struct script_part {
	struct str unit; /* "ebtables", "iptables_nat", ... */
	uint32_t begin, end;
	bool applied; /* it is loaded at all */
};
struct script_parts {
	vec_of(struct script_part) list;
	struct str sysctls; /* what must be 1 */
	uint32_t apply_lo, apply_hi;
};
bool is_xtables_script(struct str text);
bool read_xtables(struct script_form *f, struct script_parts *out);

#endif
