/* SPDX-License-Identifier: MIT */
#include "base/near.h"

/* One slip in a short word, three in a long one. */
struct nearest nearest_to(struct str word)
{
	unsigned most = 1 + word.len / 6;
	return (struct nearest){.word = word, .distance = (most < 3 ? most : 3) + 1};
}

void nearest_try(struct nearest *n, const char *candidate)
{
	unsigned d = str_distance(n->word, str_from(candidate));
	if (d < n->distance) {
		n->distance = d;
		n->name = candidate;
	}
}

void nearest_hint(struct diags *ds, struct finding *f, const struct nearest *n)
{
	if (n->name)
		diag_hint(ds, f, "did you mean '%s'?", n->name);
}
