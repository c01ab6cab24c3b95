/* SPDX-License-Identifier: MIT */
#include "ir/findings.h"

const struct diag_kind finding_kinds[FINDINGS] = {
#define KIND(code, name, severity, title) {#code, name, severity, title},
#include "ir/findings.def"
};
