/* SPDX-License-Identifier: MIT */
/*
 * Reader of the documents that give ports: <filterbinding> strictly, since it
 * is part of the language; <interface> and <domain>, and what wraps domains,
 * loosely: the interfaces are taken and all the rest is passed over.
 *
 * A domain may name its owner behind its devices, and whether an interface
 * without a name is the only one shows at the end. So ports are gathered and
 * handed over by document_finish().
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define _GNU_SOURCE
#include "frontend/document_draft.h"

struct port_reader *port_reader_of(struct xml_text *x)
{
	if (!x->ports)
		x->ports = arena_new_object(x->arena, struct port_reader);
	return x->ports;
}

void draft_begin(struct xml_text *x, const struct xml_element *e)
{
	struct port_reader *r = port_reader_of(x);
	struct port *p = arena_new_object(x->arena, struct port);
	p->span = p->name_span = e->span;
	r->draft = (struct draft){.port = p};
}

bool document_root_open(struct xml_text *x, const struct xml_element *e)
{
	port_reader_of(x)->root = e->span;
	return true;
}

/* --- the filter reference --- */

bool document_ref_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &port_reader_of(x)->draft;
	filterref_read(x, e);
	if (d->refs++) {
		struct finding *f =
			diag_add(x->diags, FINDING(E206), e->span, "a second filter reference");
		diag_note(x->diags, f, d->port->filter.span, "the first one is here");
		diag_hint(x->diags, f, "write a filter that references both");
	}
	return true;
}

void document_ref_close(struct xml_text *x, struct str text, struct span span)
{
	struct draft *d = &port_reader_of(x)->draft;
	if (d->refs == 1)
		d->port->filter = *x->ref;
	x->ref = NULL;
}

/* --- the MAC address --- */

static void read_mac(struct xml_text *x, const struct xml_attr *a)
{
	struct draft *d = &port_reader_of(x)->draft;
	struct value *mac = &d->port->mac;
	const char *why = value_parse(x->arena, VT_MAC, 0, 0, a->value, mac);
	if (!why && (mac->mac[0] & 1))
		why = "is a multicast address, which no port can have";
	if (why)
		diag_add(x->diags, FINDING(E203), a->value_span, "'%.*s' %s", STR_ARG(a->value),
			 why);
}

bool document_mac_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "address");
	struct draft *d = &port_reader_of(x)->draft;
	if (a && !d->has_mac)
		read_mac(x, a);
	d->has_mac |= a != NULL;
	return true;
}

void document_need_mac(struct xml_text *x, const struct draft *d, const char *hint)
{
	if (d->has_mac)
		return;
	struct finding *f = diag_add(x->diags, FINDING(E203), d->port->span,
				     "there is no <mac address='...'/>");
	diag_hint(x->diags, f, "%s", hint);
}

/* --- filterbinding --- */

static const char *const no_attrs[] = {NULL};
static const char *const name_attrs[] = {"name", NULL};
static const char *const mac_attrs[] = {"address", NULL};

static bool binding_open(struct xml_text *x, const struct xml_element *e)
{
	draft_begin(x, e);
	port_reader_of(x)->is_binding = true;
	return document_root_open(x, e);
}

static bool owner_open(struct xml_text *x, const struct xml_element *e)
{
	return xml_once(x, e, &port_reader_of(x)->draft.has_owner);
}

static bool owner_name_open(struct xml_text *x, const struct xml_element *e)
{
	return xml_once(x, e, &port_reader_of(x)->draft.has_name);
}

static void owner_name_close(struct xml_text *x, struct str text, struct span span)
{
	port_reader_of(x)->draft.port->owner_name = str_copy(x->arena, text);
}

static bool owner_uuid_open(struct xml_text *x, const struct xml_element *e)
{
	return xml_once(x, e, &port_reader_of(x)->draft.has_uuid);
}

static void owner_uuid_close(struct xml_text *x, struct str text, struct span span)
{
	struct draft *d = &port_reader_of(x)->draft;
	d->uuid_given = text.len > 0;
	if (d->uuid_given && !uuid_parse(x->arena, text, &d->port->owner_uuid))
		diag_add(x->diags, FINDING(E110), span, "'%.*s' is not a UUID", STR_ARG(text));
}

static bool portdev_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &port_reader_of(x)->draft;
	const struct xml_attr *a = xml_attr_needed(x, e, "name");
	if (xml_once(x, e, &d->has_portdev) && a) {
		d->port->name = a->value;
		d->port->name_span = a->value_span;
		if (!a->value.len)
			diag_add(x->diags, FINDING(E201), a->value_span,
				 "the interface's name is empty");
	}
	return true;
}

static bool linkdev_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &port_reader_of(x)->draft;
	const struct xml_attr *a = xml_attr_needed(x, e, "name");
	const char *why = a ? port_name_check(a->value) : NULL;
	if (!xml_once(x, e, &d->has_linkdev) || !a)
		return true;
	if (why)
		diag_add(x->diags, FINDING(E201), a->value_span, "interface name '%.*s' %s",
			 STR_ARG(a->value), why);
	d->port->link_device = a->value;
	return true;
}

static bool binding_mac_open(struct xml_text *x, const struct xml_element *e)
{
	bool seen = port_reader_of(x)->draft.has_mac;
	xml_once(x, e, &seen);
	return document_mac_open(x, e);
}

static void say_missing(struct xml_text *x, struct span at, const char *what)
{
	diag_add(x->diags, FINDING(E106), at, "<filterbinding> needs %s", what);
}

static void binding_close(struct xml_text *x, struct str text, struct span span)
{
	struct port_reader *r = port_reader_of(x);
	struct draft *d = &r->draft;
	struct port *p = d->port;
	if (!d->has_owner)
		say_missing(x, p->span, "<owner> with the <name> and <uuid> of the machine");
	if (d->has_owner && !p->owner_name.len)
		say_missing(x, p->span, "<owner> with the <name> of the machine");
	if (d->has_owner && !d->uuid_given)
		say_missing(x, p->span, "<owner> with the <uuid> of the machine");
	if (!d->has_portdev)
		say_missing(x, p->span, "<portdev name='...'/>");
	document_need_mac(x, d, "a binding has the machine's own address");
	if (!d->refs)
		diag_add(x->diags, FINDING(E204), p->span, "there is no <filterref filter='...'/>");
	if (p->name.len && p->filter.filter.len)
		*vec_push(x->arena, &r->ports) = p;
}

static const struct element_type owner_children[] = {
	{.name = "name",
	 .flags = ELEMENT_TEXT,
	 .attrs = no_attrs,
	 .open = owner_name_open,
	 .close = owner_name_close},
	{.name = "uuid",
	 .flags = ELEMENT_TEXT,
	 .attrs = no_attrs,
	 .open = owner_uuid_open,
	 .close = owner_uuid_close},
	{0},
};

static const struct element_type binding_children[] = {
	{.name = "owner", .attrs = no_attrs, .children = owner_children, .open = owner_open},
	{.name = "portdev", .attrs = name_attrs, .open = portdev_open},
	{.name = "linkdev", .attrs = name_attrs, .open = linkdev_open},
	{.name = "mac", .attrs = mac_attrs, .open = binding_mac_open},
	FILTERREF_ROW,
	{0},
};

/* --- domains and what holds them --- */

static bool domain_open(struct xml_text *x, const struct xml_element *e)
{
	struct port_reader *r = port_reader_of(x);
	r->domain_name = r->domain_uuid = STR("");
	r->domain_live = xml_attr(e, "id") != NULL;
	r->domain_first = r->ports.n;
	r->interfaces_first = r->interfaces.n;
	return true;
}

static bool lone_domain_open(struct xml_text *x, const struct xml_element *e)
{
	return domain_open(x, e) && document_root_open(x, e);
}

static void domain_close(struct xml_text *x, struct str text, struct span span)
{
	struct port_reader *r = port_reader_of(x);
	for (uint32_t i = r->domain_first; i < r->ports.n; i++) {
		r->ports.items[i]->owner_name = r->domain_name;
		r->ports.items[i]->owner_uuid = r->domain_uuid;
	}
	for (uint32_t i = r->interfaces_first; i < r->interfaces.n; i++) {
		r->interfaces.items[i]->owner = r->domain_name;
		r->interfaces.items[i]->live = r->domain_live;
	}
}

static void domain_name_close(struct xml_text *x, struct str text, struct span span)
{
	port_reader_of(x)->domain_name = str_copy(x->arena, text);
}

/* Whether the rest of a domain is right is not ours to say. */
static void domain_uuid_close(struct xml_text *x, struct str text, struct span span)
{
	uuid_parse(x->arena, text, &port_reader_of(x)->domain_uuid);
}

static bool skip(struct xml_text *x, const struct xml_element *e)
{
	return false;
}

static const struct element_type *search(struct xml_text *x, struct str name);

static const struct element_type devices_children[] = {INTERFACE_ROW(interface_open), {0}};

#define DEVICES_ROW                                                                                \
	{                                                                                          \
		.name = "devices", .flags = ELEMENT_LOOSE, .children = devices_children            \
	}

static const struct element_type domain_children[] = {
	{.name = "name", .flags = ELEMENT_TEXT | ELEMENT_LOOSE, .close = domain_name_close},
	{.name = "uuid", .flags = ELEMENT_TEXT | ELEMENT_LOOSE, .close = domain_uuid_close},
	{.name = "metadata", .flags = ELEMENT_LOOSE, .open = skip},
	DEVICES_ROW,
	{0},
};

#define DOMAIN_ROW(open_function)                                                                  \
	{                                                                                          \
		.name = "domain", .flags = ELEMENT_LOOSE, .children = domain_children,             \
		.other = search, .open = open_function, .close = domain_close                      \
	}

/*
 * At any depth: a domain, or devices on their own. The inactive form of a
 * domain in a snapshot has the same interfaces once more.
 */
static const struct element_type wrapper_children[] = {
	DOMAIN_ROW(domain_open),
	DEVICES_ROW,
	{.name = "inactiveDomain", .flags = ELEMENT_LOOSE, .open = skip},
	{.name = "metadata", .flags = ELEMENT_LOOSE, .open = skip},
	{0},
};

static const struct element_type wrapper = {
	.flags = ELEMENT_LOOSE, .children = wrapper_children, .other = search};

static const struct element_type *search(struct xml_text *x, struct str name)
{
	return &wrapper;
}

#define BINDING_ROW                                                                                \
	{                                                                                          \
		.name = "filterbinding", .attrs = no_attrs, .children = binding_children,          \
		.open = binding_open, .close = binding_close                                       \
	}

#define WRAPPER_ROW(root)                                                                          \
	{                                                                                          \
		.name = root, .flags = ELEMENT_LOOSE, .children = wrapper_children,                \
		.other = search, .open = document_root_open                                        \
	}

/* libvirt keeps its bindings wrapped so (/run/libvirt/nwfilter-binding). */
static const struct element_type status_children[] = {BINDING_ROW, {0}};

const struct element_type document_roots[] = {
	BINDING_ROW,
	INTERFACE_ROW(lone_interface_open),
	{.name = "networkport",
	 .flags = ELEMENT_LOOSE,
	 .children = networkport_children,
	 .open = networkport_open,
	 .close = networkport_close},
	DOMAIN_ROW(lone_domain_open),
	{.name = "filterbindingstatus",
	 .attrs = no_attrs,
	 .children = status_children,
	 .open = document_root_open},
	WRAPPER_ROW("domains"),
	WRAPPER_ROW("domainsnapshot"),
	WRAPPER_ROW("domaincheckpoint"),
	WRAPPER_ROW("domstatus"),
	{.name = "devices",
	 .flags = ELEMENT_LOOSE,
	 .children = devices_children,
	 .open = document_root_open},
	{0},
};

/* --- the end of the text --- */

static uint32_t count_unnamed(const struct port_reader *r)
{
	uint32_t n = 0;
	vec_each (p, &r->ports)
		n += !(*p)->name.len;
	return n;
}

static void say_named_twice(struct xml_text *x, const struct port *p)
{
	struct finding *f = diag_add(x->diags, FINDING(E202), p->span,
				     "--port names '%.*s', and a second interface has no name",
				     STR_ARG(x->cx->port_name));
	diag_note(x->diags, f, x->cx->port_named->span, "the first one is here");
	diag_hint(x->diags, f, "write their names into the documents: <target dev='...'/>");
}

/* The name from the command line is for the one interface that has none. */
static void name_port(struct xml_text *x, struct port *p, bool only)
{
	if (only && x->cx->port_name.len) {
		if (x->cx->port_named)
			say_named_twice(x, p);
		else
			p->name = x->cx->port_name;
		x->cx->port_named = x->cx->port_named ? x->cx->port_named : p;
		return;
	}
	if (x->cx->bridges_alone) /* who finds them by their addresses */
		return;
	struct finding *f = diag_add(x->diags, FINDING(W207), p->span,
				     "there is no <target dev='...'/>: no rules can be written for "
				     "this interface");
	diag_hint(x->diags, f,
		  only ? "libvirt gives the name when the machine starts; give it with --port"
		       : "libvirt gives the names when the machine starts, and `virsh dumpxml` has "
			 "them then");
}

/* Interfaces go on even without a filter: a bridge has to do with them. */
static void keep_interfaces(struct xml_text *x, struct port_reader *r)
{
	struct interfaces *is = x->cx->interfaces;
	vec_each (i, &r->interfaces) {
		if ((*i)->port && !(*i)->port->unnamed)
			(*i)->name = (*i)->port->name;
		if (is)
			*vec_push(x->arena, &is->list) = *i;
	}
}

/* Whether it gives nothing to do shows when the networks are known. */
static void say_bare(struct xml_text *x, const struct port_reader *r)
{
	struct interfaces *is = x->cx->interfaces;
	uint32_t n = r->interfaces.n;
	if (!is)
		diag_add(x->diags, FINDING(W208), r->root, "nothing here references a filter");
	else if (!x->cx->bridges_alone)
		*vec_push(x->arena, &is->bare) = (struct bare_document){r->root, is->list.n - n, n};
}

void document_finish(struct xml_text *x, bool whole)
{
	struct port_reader *r = x->ports;
	if (!r)
		return;
	bool only = count_unnamed(r) == 1;
	vec_each (p, &r->ports) {
		if (arena_full(x->arena))
			return;
		if (!(*p)->name.len)
			name_port(x, *p, only);
		if ((*p)->name.len)
			ports_add(x->cx->ports, *p, x->diags);
		else if (!x->cx->bridges_alone)
			ports_add_unnamed(x->arena, x->cx->ports, *p);
	}
	keep_interfaces(x, r);
	if (whole && !r->is_binding && !r->filtered)
		say_bare(x, r);
}
