/* SPDX-License-Identifier: MIT */
#include "ir/port.h"

#include "ir/findings.h"
#include "ir/leases.h"

/* IFNAMSIZ is 16 with the NUL; the rest is dev_valid_name() of net/core/dev.c. */
#define PORT_NAME_MAX 15

const char *port_name_check(struct str name)
{
	if (!name.len)
		return "is empty";
	if (name.len > PORT_NAME_MAX)
		return "is longer than 15 bytes";
	if (str_is(name, ".") || str_is(name, ".."))
		return "is no interface name";
	for (uint32_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.s[i];
		if (c == '/' || c == ':')
			return "has a character that no interface name has";
		if (c <= ' ' || c == 0x7f)
			return "has a blank or a control character";
	}
	return NULL;
}

void ports_add_unnamed(struct arena *a, struct ports *ps, struct port *p)
{
	p->unnamed = true;
	p->name = value_text(a, &p->mac);
	*vec_push(a, &ps->unnamed) = p;
}

void ports_add(struct ports *ps, struct port *p, struct diags *ds)
{
	bool added;
	const char *why = port_name_check(p->name);
	if (why) {
		diag_add(ds, FINDING(E201), p->name_span, "interface name '%.*s' %s",
			 STR_ARG(p->name), why);
		return;
	}
	struct map_entry *e = map_put(ds->arena, &ps->by_name, p->name, &added);
	if (!added) {
		const struct port *first = e->cptr;
		struct finding *f = diag_add(ds, FINDING(E202), p->name_span,
					     "port '%.*s' is given twice", STR_ARG(p->name));
		diag_note(ds, f, first->name_span, "first here");
		return;
	}
	e->ptr = p;
	*vec_push(ds->arena, &ps->list) = p;
	struct str key = lease_key(ds->arena, p->owner_uuid, &p->mac);
	e = map_put(ds->arena, &ps->by_key, key, &added);
	if (added) {
		e->ptr = p;
	} else {
		((struct port *)e->ptr)->shares_key = true;
		p->shares_key = true;
	}
}
