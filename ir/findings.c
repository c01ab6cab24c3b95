/* SPDX-License-Identifier: MIT */
#include "ir/findings.h"

const struct diag_kind finding_kinds[FINDINGS] = {
#define KIND(code, name, severity, title) {#code, name, severity, title},
#include "ir/findings.def"
};

int finding_find(struct str word)
{
	for (int i = 0; i < FINDINGS; i++)
		if (str_eq_nocase(word, str_from(finding_kinds[i].code)) ||
		    str_is(word, finding_kinds[i].name))
			return i;
	return -1;
}
