/* SPDX-License-Identifier: MIT */
#include "ir/leases.h"

#include <stdlib.h>

struct str lease_key(struct arena *a, struct str owner, const struct value *mac)
{
	return str_printf(a, "%.*s/%.*s", STR_ARG(owner.len ? owner : STR("-")),
			  STR_ARG(value_text(a, mac)));
}

static struct str address_key(struct arena *a, struct str key, struct str address)
{
	return str_printf(a, "%.*s %.*s", STR_ARG(key), STR_ARG(address));
}

static bool lives(const struct lease *l, uint64_t now_ms)
{
	return !l->gone && (!l->valid_until_ms || l->valid_until_ms > now_ms);
}

static struct lease *new_lease(struct arena *a, struct leases *ls, struct str key)
{
	struct lease *l = arena_new_object(a, struct lease);
	struct map_entry *e = map_put(a, &ls->ports, key, NULL);
	l->gone = true;
	if (!e->ptr)
		e->ptr = arena_new_object(a, struct port_leases);
	*vec_push(a, &((struct port_leases *)e->ptr)->list) = l;
	return l;
}

void lease_add(struct arena *a, struct leases *ls, struct str key, const struct lease *l,
	       uint64_t time_ms)
{
	struct map_entry *e = map_put(a, &ls->addresses, address_key(a, key, l->address), NULL);
	if (!e->ptr)
		e->ptr = new_lease(a, ls, key);
	struct lease *old = e->ptr;
	uint32_t order = lives(old, time_ms) ? old->order : ls->adds++;
	*old = *l;
	old->order = order;
}

void lease_end(struct arena *a, struct leases *ls, struct str key, struct str address)
{
	const struct map_entry *e = map_find(&ls->addresses, address_key(a, key, address));
	if (e)
		((struct lease *)e->ptr)->gone = true;
}

static int by_order(const void *x, const void *y)
{
	const struct lease *a = *(const struct lease *const *)x;
	const struct lease *b = *(const struct lease *const *)y;
	return (a->order > b->order) - (a->order < b->order);
}

const struct lease *const *leases_of(struct arena *a, const struct leases *ls,
				     const struct port *port, bool v6)
{
	static const struct lease *const none[] = {NULL};
	const struct map_entry *e =
		ls ? map_find(&ls->ports, lease_key(a, port->owner_uuid, &port->mac)) : NULL;
	const struct port_leases *pl = e ? e->cptr : NULL;
	uint32_t n = 0;
	if (!pl)
		return none;
	const struct lease **list = arena_new_array(a, const struct lease *, pl->list.n + 1);
	vec_each (l, &pl->list)
		if ((*l)->v6 == v6 && lives(*l, ls->now_ms) &&
		    (!port->shares_key || str_eq((*l)->interface, port->name)))
			list[n++] = *l;
	qsort(list, n, sizeof(const struct lease *), by_order);
	return list;
}
