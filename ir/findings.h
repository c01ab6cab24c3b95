/* SPDX-License-Identifier: MIT */
/*
 * findings.h - the kinds of findings by name: diag_add(ds, FINDING(E112), ...).
 */
#ifndef NWFC_IR_FINDINGS_H
#define NWFC_IR_FINDINGS_H

#include "base/diag.h"

enum finding_id {
#define KIND(code, name, severity, title) FINDING_##code,
#include "ir/findings.def"
	FINDINGS
};

extern const struct diag_kind finding_kinds[FINDINGS];

/* By code in any case, or by name; -1: there is none. */
int finding_find(struct str word);

#define FINDING(code) (&finding_kinds[FINDING_##code])

#endif
