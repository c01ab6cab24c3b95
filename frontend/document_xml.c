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
#include "frontend/readers.h"

/* An interface or binding while it is read. */
struct draft {
	struct port *port;
	struct interface *interface;
	uint32_t refs; /* filter references seen */
	bool has_mac, has_owner, has_name, has_uuid, uuid_given, has_portdev, has_linkdev;
	struct span type_span;
	struct str virtual_port; /* type of <virtualport> */
	struct span virtual_port_span;
	bool has_parameters; /* of it */
};

struct port_reader {
	struct draft draft;
	vec_of(struct port *) ports;
	uint32_t filtered; /* interfaces with a reference, usable or not */
	vec_of(struct interface *) interfaces;
	uint32_t interfaces_first; /* as domain_first */
	bool is_binding;
	struct span root;
	/* of the domain that is being read */
	struct str domain_name, domain_uuid;
	uint32_t domain_first; /* index of its first port */
};

static struct port_reader *reader(struct xml_text *x)
{
	if (!x->ports)
		x->ports = arena_new_object(x->arena, struct port_reader);
	return x->ports;
}

static void begin_port(struct xml_text *x, const struct xml_element *e)
{
	struct port_reader *r = reader(x);
	struct port *p = arena_new_object(x->arena, struct port);
	p->span = p->name_span = e->span;
	r->draft = (struct draft){.port = p};
}

static bool root_open(struct xml_text *x, const struct xml_element *e)
{
	reader(x)->root = e->span;
	return true;
}

/* --- the filter reference --- */

static bool ref_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &reader(x)->draft;
	filterref_read(x, e);
	if (d->refs++) {
		struct finding *f =
			diag_add(x->diags, FINDING(E206), e->span, "a second filter reference");
		diag_note(x->diags, f, d->port->filter.span, "the first one is here");
		diag_hint(x->diags, f, "write a filter that references both");
	}
	return true;
}

static void ref_close(struct xml_text *x, struct str text, struct span span)
{
	struct draft *d = &reader(x)->draft;
	if (d->refs == 1)
		d->port->filter = *x->ref;
	x->ref = NULL;
}

#define FILTERREF_ROW                                                                              \
	{                                                                                          \
		.name = "filterref", .attrs = filterref_attrs, .children = filterref_children,     \
		.open = ref_open, .close = ref_close                                               \
	}

/* --- the MAC address --- */

static void read_mac(struct xml_text *x, const struct xml_attr *a)
{
	struct draft *d = &reader(x)->draft;
	struct value *mac = &d->port->mac;
	const char *why = value_parse(x->arena, VT_MAC, 0, 0, a->value, mac);
	if (!why && (mac->mac[0] & 1))
		why = "is a multicast address, which no port can have";
	if (why)
		diag_add(x->diags, FINDING(E203), a->value_span, "'%.*s' %s", STR_ARG(a->value),
			 why);
}

static bool mac_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "address");
	struct draft *d = &reader(x)->draft;
	if (a && !d->has_mac)
		read_mac(x, a);
	d->has_mac |= a != NULL;
	return true;
}

static void need_mac(struct xml_text *x, const struct draft *d, const char *hint)
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
	begin_port(x, e);
	reader(x)->is_binding = true;
	return root_open(x, e);
}

static bool owner_open(struct xml_text *x, const struct xml_element *e)
{
	return xml_once(x, e, &reader(x)->draft.has_owner);
}

static bool owner_name_open(struct xml_text *x, const struct xml_element *e)
{
	return xml_once(x, e, &reader(x)->draft.has_name);
}

static void owner_name_close(struct xml_text *x, struct str text, struct span span)
{
	reader(x)->draft.port->owner_name = str_copy(x->arena, text);
}

static bool owner_uuid_open(struct xml_text *x, const struct xml_element *e)
{
	return xml_once(x, e, &reader(x)->draft.has_uuid);
}

static void owner_uuid_close(struct xml_text *x, struct str text, struct span span)
{
	struct draft *d = &reader(x)->draft;
	d->uuid_given = text.len > 0;
	if (d->uuid_given && !uuid_parse(x->arena, text, &d->port->owner_uuid))
		diag_add(x->diags, FINDING(E110), span, "'%.*s' is not a UUID", STR_ARG(text));
}

static bool portdev_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &reader(x)->draft;
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
	struct draft *d = &reader(x)->draft;
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
	bool seen = reader(x)->draft.has_mac;
	xml_once(x, e, &seen);
	return mac_open(x, e);
}

static void say_missing(struct xml_text *x, struct span at, const char *what)
{
	diag_add(x->diags, FINDING(E106), at, "<filterbinding> needs %s", what);
}

static void binding_close(struct xml_text *x, struct str text, struct span span)
{
	struct port_reader *r = reader(x);
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
	need_mac(x, d, "a binding has the machine's own address");
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

/* --- interface --- */

/*
 * Why a filter can not hold there, and what can be done. A filter works on the
 * frames of a bridge port; these have none.
 */
static const struct no_bridge {
	const char *type, *why, *advice;
} no_bridge[] = {
	{"direct", "macvtap hands the frames past the bridge hooks",
	 "use type='bridge' or type='network' with a bridge"},
	{"user", "its packets leave as sockets of a process of the host",
	 "use type='bridge' or type='network'; filter the process on the host"},
	{"hostdev", "the guest drives the card itself", "filter on the card or on the switch"},
	{"vhostuser", "its frames go to a switch in user space", "filter in that switch"},
	{"vdpa", "its frames go to hardware", "filter on the card or on the switch"},
	{"vds", "its frames go to another hypervisor's switch", "filter in that switch"},
	{"internal", "it is a network inside the hypervisor",
	 "use type='bridge' or type='network'"},
	{"server", "it is a tunnel between processes", "use type='bridge' or type='network'"},
	{"client", "it is a tunnel between processes", "use type='bridge' or type='network'"},
	{"mcast", "it is a tunnel between processes", "use type='bridge' or type='network'"},
	{"udp", "it is a tunnel between processes", "use type='bridge' or type='network'"},
	{"null", "it is connected to nothing", "remove the reference"},
	{NULL, NULL, NULL},
};

static const char *const bridged_types[] = {"bridge", "network", "ethernet", NULL};

static bool is_bridged(struct str type)
{
	for (const char *const *t = bridged_types; *t; t++)
		if (str_is(type, *t))
			return true;
	return !type.len; /* a part of a document that does not say it */
}

static bool type_is_fine(struct xml_text *x, const struct draft *d)
{
	struct str type = d->port->interface_type, vp = d->virtual_port;
	if (!is_bridged(type)) {
		const struct no_bridge *n = no_bridge;
		while (n->type && !str_is(type, n->type))
			n++;
		struct finding *f = diag_add(
			x->diags, FINDING(E205), d->type_span, "type '%.*s': %s", STR_ARG(type),
			n->type ? n->why : "it is not known to be a bridge port");
		diag_hint(x->diags, f, "%s",
			  n->type ? n->advice
				  : "use type='bridge', type='network' or type='ethernet'");
		return false;
	}
	if (str_is(vp, "openvswitch") || str_is(vp, "midonet")) {
		struct finding *f = diag_add(x->diags, FINDING(E205), d->virtual_port_span,
					     "virtualport '%.*s': its frames pass no Linux bridge",
					     STR_ARG(vp));
		diag_hint(x->diags, f, "use a Linux bridge, or filter in that switch");
		return false;
	}
	return true;
}

/* libvirt's words for a switch; what is left out leaves it to something further out. */
static void read_switch(struct xml_text *x, const struct xml_element *e, const char *name,
			enum tristate *out, struct span *span)
{
	const struct xml_attr *a = xml_attr(e, name);
	if (!a)
		return;
	*span = a->value_span;
	if (str_is(a->value, "yes") || str_is(a->value, "no"))
		*out = str_is(a->value, "yes") ? TRI_YES : TRI_NO;
	else
		diag_add(x->diags, FINDING(E111), a->value_span, "%s '%.*s' is neither yes nor no",
			 name, STR_ARG(a->value));
}

static void read_word(const struct xml_element *e, const char *name, struct str *out,
		      struct span *span)
{
	const struct xml_attr *a = xml_attr(e, name);
	if (!a || out->len)
		return;
	*out = a->value;
	if (span)
		*span = a->value_span;
}

static bool source_open(struct xml_text *x, const struct xml_element *e)
{
	struct interface *i = reader(x)->draft.interface;
	read_word(e, "network", &i->network, &i->network_span);
	read_word(e, "portgroup", &i->portgroup, &i->portgroup_span);
	read_word(e, "bridge", &i->bridge, NULL);
	return true;
}

static bool model_open(struct xml_text *x, const struct xml_element *e)
{
	read_word(e, "type", &reader(x)->draft.interface->model, NULL);
	return true;
}

static bool interface_port_open(struct xml_text *x, const struct xml_element *e)
{
	struct interface *i = reader(x)->draft.interface;
	read_switch(x, e, "isolated", &i->isolated, &i->isolated_span);
	return true;
}

static bool interface_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *type = xml_attr(e, "type");
	struct draft *d = &reader(x)->draft;
	begin_port(x, e);
	d->interface = arena_new_object(x->arena, struct interface);
	d->interface->span = d->interface->name_span = e->span;
	read_switch(x, e, "trustGuestRxFilters", &d->interface->trust, &d->interface->trust_span);
	if (type)
		d->port->interface_type = type->value;
	d->type_span = type ? type->value_span : e->span;
	return true;
}

static bool lone_interface_open(struct xml_text *x, const struct xml_element *e)
{
	return interface_open(x, e) && root_open(x, e);
}

/* A name with %d is a pattern: the kernel puts a number there when the machine starts. */
static bool target_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "dev");
	struct port *p = reader(x)->draft.port;
	if (!a || p->name.len || memmem(a->value.s, a->value.len, "%d", 2))
		return true;
	p->name = a->value;
	p->name_span = a->value_span;
	return true;
}

/* What 802.1Qbg and 802.1Qbh must be told (IEEE 802.1Q; libvirt's virtualport). */
static const struct vport_parameter {
	const char *type, *name;
	uint32_t min, max; /* of a number; 0-0: see uuid */
	bool uuid;
} vport_parameters[] = {
	{"802.1Qbg", "managerid", 1, 255, false},     {"802.1Qbg", "typeid", 1, 0xffffff, false},
	{"802.1Qbg", "typeidversion", 0, 255, false}, {"802.1Qbg", "instanceid", 0, 0, true},
	{"802.1Qbh", "profileid", 0, 0, false},
};
#define PROFILE_MAX 39

static const char *parameter_problem(struct xml_text *x, const struct vport_parameter *p,
				     struct str text)
{
	struct value v;
	struct str uuid;
	if (p->uuid)
		return uuid_parse(x->arena, text, &uuid) ? NULL : "is not a UUID";
	if (p->max)
		return value_parse(x->arena, VT_UINT, p->min, p->max, text, &v);
	return !text.len ? "is empty" : text.len > PROFILE_MAX ? "is longer than 39 bytes" : NULL;
}

static bool vport_parameters_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &reader(x)->draft;
	d->has_parameters = true;
	for (size_t i = 0; i < sizeof vport_parameters / sizeof *vport_parameters; i++) {
		const struct vport_parameter *p = &vport_parameters[i];
		const struct xml_attr *a = xml_attr(e, p->name);
		const char *why = a ? parameter_problem(x, p, a->value) : NULL;
		if (!str_is(d->virtual_port, p->type))
			continue;
		if (!a)
			diag_add(x->diags, FINDING(E266), e->span, "%s needs %s", p->type, p->name);
		else if (why)
			diag_add(x->diags, FINDING(E266), a->value_span, "%s '%.*s' %s", p->name,
				 STR_ARG(a->value), why);
	}
	return true;
}

static void virtualport_close(struct xml_text *x, struct str text, struct span span)
{
	struct draft *d = &reader(x)->draft;
	for (size_t i = 0; i < sizeof vport_parameters / sizeof *vport_parameters; i++)
		if (!d->has_parameters && str_is(d->virtual_port, vport_parameters[i].type)) {
			diag_add(x->diags, FINDING(E266), d->virtual_port_span,
				 "%s needs <parameters> with %s", vport_parameters[i].type,
				 vport_parameters[i].name);
			return;
		}
}

static const struct element_type virtualport_children[] = {
	{.name = "parameters", .flags = ELEMENT_LOOSE, .open = vport_parameters_open}, {0}};

static bool virtualport_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "type");
	struct draft *d = &reader(x)->draft;
	if (a) {
		d->virtual_port = a->value;
		d->virtual_port_span = a->value_span;
	}
	return true;
}

/* Whether or not it has a filter: a bridge has to do with it. */
static void keep_interface(struct xml_text *x, struct draft *d)
{
	struct interface *i = d->interface;
	i->type = d->port->interface_type;
	i->name = d->port->name;
	i->name_span = d->port->name_span;
	i->mac = d->port->mac;
	i->has_mac = d->has_mac;
	i->virtual_port = (struct virtual_port){d->virtual_port, d->virtual_port_span};
	*vec_push(x->arena, &reader(x)->interfaces) = i;
}

static void interface_close(struct xml_text *x, struct str text, struct span span)
{
	struct port_reader *r = reader(x);
	struct draft *d = &r->draft;
	keep_interface(x, d);
	if (!d->refs)
		return;
	r->filtered++;
	if (!type_is_fine(x, d))
		return;
	need_mac(x, d, "libvirt makes one up when the machine is defined; write that one here");
	if (d->port->filter.filter.len) {
		*vec_push(x->arena, &r->ports) = d->port;
		d->interface->port = d->port;
	}
}

static const struct element_type interface_children[] = {
	{.name = "source", .flags = ELEMENT_LOOSE, .open = source_open},
	{.name = "model", .flags = ELEMENT_LOOSE, .open = model_open},
	{.name = "port", .flags = ELEMENT_LOOSE, .open = interface_port_open},
	{.name = "mac", .flags = ELEMENT_LOOSE, .open = mac_open},
	{.name = "target", .flags = ELEMENT_LOOSE, .open = target_open},
	{.name = "virtualport",
	 .flags = ELEMENT_LOOSE,
	 .children = virtualport_children,
	 .open = virtualport_open,
	 .close = virtualport_close},
	FILTERREF_ROW,
	{0},
};

#define INTERFACE_ROW(open_function)                                                               \
	{                                                                                          \
		.name = "interface", .flags = ELEMENT_LOOSE, .children = interface_children,       \
		.open = open_function, .close = interface_close                                    \
	}

/* --- domains and what holds them --- */

static bool domain_open(struct xml_text *x, const struct xml_element *e)
{
	struct port_reader *r = reader(x);
	r->domain_name = r->domain_uuid = STR("");
	r->domain_first = r->ports.n;
	r->interfaces_first = r->interfaces.n;
	return true;
}

static bool lone_domain_open(struct xml_text *x, const struct xml_element *e)
{
	return domain_open(x, e) && root_open(x, e);
}

static void domain_close(struct xml_text *x, struct str text, struct span span)
{
	struct port_reader *r = reader(x);
	for (uint32_t i = r->domain_first; i < r->ports.n; i++) {
		r->ports.items[i]->owner_name = r->domain_name;
		r->ports.items[i]->owner_uuid = r->domain_uuid;
	}
	for (uint32_t i = r->interfaces_first; i < r->interfaces.n; i++)
		r->interfaces.items[i]->owner = r->domain_name;
}

static void domain_name_close(struct xml_text *x, struct str text, struct span span)
{
	reader(x)->domain_name = str_copy(x->arena, text);
}

/* Whether the rest of a domain is right is not ours to say. */
static void domain_uuid_close(struct xml_text *x, struct str text, struct span span)
{
	uuid_parse(x->arena, text, &reader(x)->domain_uuid);
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
		.other = search, .open = root_open                                                 \
	}

/* libvirt keeps its bindings wrapped so (/run/libvirt/nwfilter-binding). */
static const struct element_type status_children[] = {BINDING_ROW, {0}};

const struct element_type document_roots[] = {
	BINDING_ROW,
	INTERFACE_ROW(lone_interface_open),
	DOMAIN_ROW(lone_domain_open),
	{.name = "filterbindingstatus",
	 .attrs = no_attrs,
	 .children = status_children,
	 .open = root_open},
	WRAPPER_ROW("domains"),
	WRAPPER_ROW("domainsnapshot"),
	WRAPPER_ROW("domaincheckpoint"),
	WRAPPER_ROW("domstatus"),
	{.name = "devices",
	 .flags = ELEMENT_LOOSE,
	 .children = devices_children,
	 .open = root_open},
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

/* The name from the command line is for the one interface that has none. */
static void name_port(struct xml_text *x, struct port *p, bool only)
{
	if (only && x->cx->port_name.len) {
		p->name = x->cx->port_name;
		return;
	}
	struct finding *f =
		diag_add(x->diags, FINDING(W207), p->span, "there is no <target dev='...'/>");
	diag_hint(x->diags, f,
		  only ? "libvirt gives the name when the machine starts; give it with --port"
		       : "libvirt gives the names when the machine starts");
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
	}
	vec_each (i, &r->interfaces) {
		if ((*i)->port)
			(*i)->name = (*i)->port->name;
		if (x->cx->interfaces)
			*vec_push(x->arena, &x->cx->interfaces->list) = *i;
	}
	if (whole && !r->is_binding && !r->filtered)
		diag_add(x->diags, FINDING(W208), r->root, "nothing here references a filter");
}
