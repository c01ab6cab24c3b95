/* SPDX-License-Identifier: MIT */
#include "nwfc/places.h"

#include "ir/key.h"

static void find_key(struct arena *a, const struct library *lib, const struct key *k,
		     struct found_rules *out)
{
	map_each (e, &lib->by_name) {
		const struct filter *f = e->cptr;
		if (!f || !key_names(k, f))
			continue;
		vec_each (en, &f->entries)
			if (en->kind == ENTRY_RULE && en->rule->number == k->number)
				*vec_push(a, &out->list) = en->rule;
	}
}

void find_rules(struct arena *a, const struct library *lib, struct str text,
		struct found_rules *out)
{
	struct key k;
	for (uint32_t at = 0; key_next(text, &at, &k);) {
		struct found_rules now = {0};
		find_key(a, lib, &k, &now);
		if (now.list.n)
			*out = now;
	}
}

struct words inputs_behind(const struct options *o)
{
	return (struct words){o->inputs.items + 1, o->inputs.n - 1, o->inputs.n - 1};
}
