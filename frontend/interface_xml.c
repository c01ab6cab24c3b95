/* SPDX-License-Identifier: MIT */
/*
 * Reader of <interface>, loosely: what a firewall or a bridge asks is taken and
 * all the rest is passed over; and of <networkport>, its network's view of one.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define _GNU_SOURCE
#include "frontend/document_draft.h"

/*
 * Why a filter can not hold there, and what can be done. A filter works on the
 * frames of a bridge port; these have none.
 */
static const struct no_bridge {
	const char *type, *why, *advice;
} no_bridge[] = {
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

/* direct: macvtap, which one target filters at the device itself. */
static const char *const bridged_types[] = {"bridge", "network", "ethernet", "direct", NULL};

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
	struct interface *i = port_reader_of(x)->draft.interface;
	read_word(e, "network", &i->network, &i->network_span);
	read_word(e, "portgroup", &i->portgroup, &i->portgroup_span);
	read_word(e, "bridge", &i->bridge, NULL);
	read_word(e, "dev", &i->device, NULL);
	const struct xml_attr *mode = xml_attr(e, "mode");
	i->own_passthrough |= mode && str_is(mode->value, "passthrough");
	return true;
}

static bool interface_vlan_open(struct xml_text *x, const struct xml_element *e)
{
	struct interface *i = port_reader_of(x)->draft.interface;
	i->has_vlan = true;
	i->vlan_span = e->span;
	return true;
}

static bool interface_tag_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "id");
	struct value v;
	if (a && !value_parse(x->arena, VT_UINT, 0, 0, a->value, &v))
		port_reader_of(x)->draft.zero_tag = a->value_span;
	return true;
}

static const struct element_type vlan_children[] = {
	{.name = "tag", .flags = ELEMENT_LOOSE, .open = interface_tag_open}, {0}};

static bool model_open(struct xml_text *x, const struct xml_element *e)
{
	read_word(e, "type", &port_reader_of(x)->draft.interface->model, NULL);
	return true;
}

static bool interface_port_open(struct xml_text *x, const struct xml_element *e)
{
	struct interface *i = port_reader_of(x)->draft.interface;
	read_switch(x, e, "isolated", &i->isolated, &i->isolated_span);
	return true;
}

bool interface_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *type = xml_attr(e, "type");
	struct draft *d = &port_reader_of(x)->draft;
	draft_begin(x, e);
	d->interface = arena_new_object(x->arena, struct interface);
	d->interface->span = d->interface->name_span = e->span;
	read_switch(x, e, "trustGuestRxFilters", &d->interface->trust, &d->interface->trust_span);
	if (type)
		d->port->interface_type = type->value;
	d->type_span = type ? type->value_span : e->span;
	return true;
}

bool lone_interface_open(struct xml_text *x, const struct xml_element *e)
{
	return interface_open(x, e) && document_root_open(x, e);
}

/* A name with %d is a pattern: the kernel puts a number there when the machine starts. */
static bool target_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "dev");
	struct port *p = port_reader_of(x)->draft.port;
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
	bool uuid;         /* libvirt makes one up where it is left out */
} vport_parameters[] = {
	{"802.1Qbg", "managerid", 1, 255, false},     {"802.1Qbg", "typeid", 0, 0xffffff, false},
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

/* In type network the rest may come from the network or the portgroup. */
static bool is_needed(const struct draft *d, const struct vport_parameter *p)
{
	return !p->uuid && !str_is(d->port->interface_type, "network");
}

static bool vport_parameters_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &port_reader_of(x)->draft;
	d->has_parameters = true;
	for (size_t i = 0; i < sizeof vport_parameters / sizeof *vport_parameters; i++) {
		const struct vport_parameter *p = &vport_parameters[i];
		const struct xml_attr *a = xml_attr(e, p->name);
		const char *why = a ? parameter_problem(x, p, a->value) : NULL;
		if (!str_is(d->virtual_port, p->type))
			continue;
		if (!a && is_needed(d, p))
			diag_add(x->diags, FINDING(E266), e->span, "%s needs %s", p->type, p->name);
		else if (why)
			diag_add(x->diags, FINDING(E266), a->value_span, "%s '%.*s' %s", p->name,
				 STR_ARG(a->value), why);
	}
	return true;
}

static void virtualport_close(struct xml_text *x, struct str text, struct span span)
{
	struct draft *d = &port_reader_of(x)->draft;
	for (size_t i = 0; i < sizeof vport_parameters / sizeof *vport_parameters; i++)
		if (!d->has_parameters && is_needed(d, &vport_parameters[i]) &&
		    str_is(d->virtual_port, vport_parameters[i].type)) {
			diag_add(x->diags, FINDING(E266), d->virtual_port_span,
				 "%s needs <parameters> with %s", vport_parameters[i].type,
				 vport_parameters[i].name);
			return;
		}
}

static const struct element_type virtualport_children[] = {
	{.name = "parameters", .flags = ELEMENT_LOOSE, .open = vport_parameters_open}, {0}};

void virtual_port_known(struct xml_text *x, const struct xml_attr *type)
{
	static const char *const known[] = {"802.1Qbg", "802.1Qbh", "openvswitch", "midonet", NULL};
	for (const char *const *k = known; *k; k++)
		if (str_is(type->value, *k))
			return;
	struct finding *f =
		diag_add(x->diags, FINDING(E266), type->value_span,
			 "there is no virtualport of type '%.*s'", STR_ARG(type->value));
	diag_hint(x->diags, f, "types are 802.1Qbg, 802.1Qbh, openvswitch and midonet");
}

static bool virtualport_open(struct xml_text *x, const struct xml_element *e)
{
	const struct xml_attr *a = xml_attr(e, "type");
	struct draft *d = &port_reader_of(x)->draft;
	if (a) {
		d->virtual_port = a->value;
		d->virtual_port_span = a->value_span;
		virtual_port_known(x, a);
	}
	return true;
}

/* 802.1Qbg is told a VLAN, and 0 is the lack of one (IEEE 802.1Q, 9.6). */
static void check_vlan_of_port(struct xml_text *x, const struct draft *d)
{
	if (d->zero_tag.file && str_is(d->virtual_port, "802.1Qbg"))
		diag_add(x->diags, FINDING(E266), d->zero_tag,
			 "802.1Qbg needs a VLAN, and 0 is none");
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
	*vec_push(x->arena, &port_reader_of(x)->interfaces) = i;
}

void interface_close(struct xml_text *x, struct str text, struct span span)
{
	struct port_reader *r = port_reader_of(x);
	struct draft *d = &r->draft;
	keep_interface(x, d);
	check_vlan_of_port(x, d);
	if (!d->refs)
		return;
	r->filtered++;
	if (!type_is_fine(x, d))
		return;
	document_need_mac(x, d,
			  "libvirt makes one up when the machine is defined; write that one here");
	if (d->port->filter.filter.len) {
		*vec_push(x->arena, &r->ports) = d->port;
		d->interface->port = d->port;
		d->port->interface = d->interface;
		d->port->direct = str_is(d->port->interface_type, "direct");
		if (d->port->direct) /* the macvtap itself shows what it sends, but not all it gets
				      */
			d->port->link_device = d->interface->device;
	}
}

const struct element_type interface_children[] = {
	{.name = "source", .flags = ELEMENT_LOOSE, .open = source_open},
	{.name = "model", .flags = ELEMENT_LOOSE, .open = model_open},
	{.name = "port", .flags = ELEMENT_LOOSE, .open = interface_port_open},
	{.name = "vlan",
	 .flags = ELEMENT_LOOSE,
	 .children = vlan_children,
	 .open = interface_vlan_open},
	{.name = "mac", .flags = ELEMENT_LOOSE, .open = document_mac_open},
	{.name = "target", .flags = ELEMENT_LOOSE, .open = target_open},
	{.name = "virtualport",
	 .flags = ELEMENT_LOOSE,
	 .children = virtualport_children,
	 .open = virtualport_open,
	 .close = virtualport_close},
	FILTERREF_ROW,
	{0},
};

/* --- networkport: what a network knows of an interface; it has no name there --- */

bool networkport_open(struct xml_text *x, const struct xml_element *e)
{
	bool good = interface_open(x, e) && document_root_open(x, e);
	port_reader_of(x)->draft.port->name = x->cx->port_name;
	return good;
}

/* Where it is plugged in: in itself an interface of that bridge, or of a network with one. */
static bool plug_open(struct xml_text *x, const struct xml_element *e)
{
	struct draft *d = &port_reader_of(x)->draft;
	const struct xml_attr *a = xml_attr(e, "macTableManager");
	read_word(e, "type", &d->port->interface_type, &d->type_span);
	read_word(e, "bridge", &d->interface->bridge, NULL);
	d->interface->pinned = a && str_is(a->value, "libvirt");
	if (d->interface->bridge.len)
		d->port->interface_type = STR("bridge");
	return true;
}

void networkport_close(struct xml_text *x, struct str text, struct span span)
{
	struct port_reader *r = port_reader_of(x);
	struct draft *d = &r->draft;
	keep_interface(x, d);
	r->filtered++; /* it never has a filter, and is not to be missed */
	if (d->port->name.len)
		return;
	struct finding *f = diag_add(x->diags, FINDING(W207), d->port->span,
				     "a networkport does not say the interface's name");
	diag_hint(x->diags, f, "give it with --port");
}

const struct element_type networkport_children[] = {
	{.name = "mac", .flags = ELEMENT_LOOSE, .open = document_mac_open},
	{.name = "port", .flags = ELEMENT_LOOSE, .open = interface_port_open},
	{.name = "plug", .flags = ELEMENT_LOOSE, .open = plug_open},
	{0},
};
