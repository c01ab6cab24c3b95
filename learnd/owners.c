/* SPDX-License-Identifier: MIT */
/* Whose an address is: open addressing with linear probing, at most half full. */
#include <stdlib.h>

#include "learnd/believe.h"

static struct owner *slot_of(const struct learner *l, const struct address *a)
{
	uint32_t mask = l->owners_size - 1, i = address_hash(a) & mask;
	while (l->owners[i].taken && !address_eq(&l->owners[i].address, a))
		i = (i + 1) & mask;
	return &l->owners[i];
}

struct owner *owner_find(const struct learner *l, const struct address *a)
{
	struct owner *o = l->owners_size ? slot_of(l, a) : NULL;
	return o && o->taken ? o : NULL;
}

static bool grow(struct learner *l)
{
	struct owner *old = l->owners;
	uint32_t n = l->owners_size, size = n ? 2 * n : 64;
	struct owner *new = calloc(size, sizeof *new);
	if (!new)
		return false;
	l->owners = new;
	l->owners_size = size;
	for (uint32_t i = 0; i < n; i++)
		if (old[i].taken)
			*slot_of(l, &old[i].address) = old[i];
	free(old);
	return true;
}

bool owner_put(struct learner *l, const struct address *a, const struct learn_port *port)
{
	if (2 * l->nowners >= l->owners_size && !grow(l))
		return false;
	struct owner *o = slot_of(l, a);
	l->nowners += !o->taken;
	*o = (struct owner){.address = *a, .taken = true, .port = port};
	return true;
}

/* Entries behind the gap that could have stood in it move up, so that no search stops early. */
void owner_remove(struct learner *l, const struct address *a)
{
	struct owner *o = owner_find(l, a);
	if (!o)
		return;
	uint32_t mask = l->owners_size - 1, gap = (uint32_t)(o - l->owners);
	for (uint32_t i = (gap + 1) & mask; l->owners[i].taken; i = (i + 1) & mask) {
		uint32_t home = address_hash(&l->owners[i].address) & mask;
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		l->owners[gap] = l->owners[i];
		gap = i;
	}
	l->owners[gap].taken = false;
	l->nowners--;
}

bool learner_take(struct learner *l, const struct address *a, instant now)
{
	const struct owner *o = owner_find(l, a);
	if (o && o->port)
		learner_forget((struct learn_port *)(uintptr_t)o->port, a, now,
			       "gateway or bound to another");
	return owner_put(l, a, NULL);
}

/* A removal moves others into the gap, so the same slot is looked at again. */
void learner_take_none(struct learner *l)
{
	for (uint32_t i = 0; i < l->owners_size;) {
		struct address a = l->owners[i].address;
		if (l->owners[i].taken && !l->owners[i].port)
			owner_remove(l, &a);
		else
			i++;
	}
}
