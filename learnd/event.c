/* SPDX-License-Identifier: MIT */
#include "learnd/event.h"

#include <inttypes.h>

void json_string(struct buf *b, struct str s)
{
	buf_char(b, '"');
	for (uint32_t i = 0; i < s.len; i++) {
		unsigned char ch = (unsigned char)s.s[i];
		if (ch == '"' || ch == '\\')
			buf_printf(b, "\\%c", ch);
		else if (ch < 0x20 || ch > 0x7e)
			buf_printf(b, "\\u%04x", ch);
		else
			buf_char(b, (char)ch);
	}
	buf_char(b, '"');
}

void json_seconds(struct buf *b, instant t)
{
	instant micro = t / 1000;
	buf_printf(b, "%s%" PRId64 ".%06" PRId64, micro < 0 ? "-" : "",
		   (micro < 0 ? -micro : micro) / 1000000, (micro < 0 ? -micro : micro) % 1000000);
}

static void put_address(struct buf *b, const struct address *a)
{
	char text[ADDRESS_TEXT];
	address_print(a, text);
	buf_printf(b, "\"%s\"", text);
}

/* The addresses of a port without one, then perhaps with it: so the sets on both sides of a change
 * need not be kept. */
static void put_set(struct buf *b, const char *name, const struct event *e, bool with)
{
	const struct learn_port *p = e->port;
	const char *comma = "";
	buf_printf(b, ", \"%s\": [", name);
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < p->n[f]; i++) {
			if (address_eq(&p->bindings[f][i].address, &e->address))
				continue;
			buf_printf(b, "%s", comma);
			put_address(b, &p->bindings[f][i].address);
			comma = ", ";
		}
	if (with) {
		buf_printf(b, "%s", comma);
		put_address(b, &e->address);
	}
	buf_lit(b, "]");
}

void event_print(struct buf *b, const struct event *e, instant origin, bool sets)
{
	buf_lit(b, "{\"time\": ");
	json_seconds(b, e->time - origin);
	buf_lit(b, ", \"port\": ");
	json_string(b, e->port->config->interface);
	buf_printf(b,
		   ", \"event\": \"%s\", \"family\": \"%s\", \"address\": ", event_names[e->kind],
		   family_names[e->address.family]);
	put_address(b, &e->address);
	buf_printf(b, ", \"evidence\": \"%s\"", evidence_names[e->evidence]);
	if (e->infinite) {
		buf_lit(b, ", \"valid_until\": \"infinite\"");
	} else if (e->valid_until != NEVER) {
		buf_lit(b, ", \"valid_until\": ");
		json_seconds(b, e->valid_until - origin);
	}
	buf_lit(b, ", \"why\": ");
	json_string(b, str_from(e->why));
	if (sets && event_changes_set(e->kind)) {
		put_set(b, "old", e, e->kind != EVENT_ADD);
		put_set(b, "new", e, e->kind == EVENT_ADD);
	}
}
