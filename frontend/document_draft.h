/* SPDX-License-Identifier: MIT */
/*
 * document_draft.h - ports and interfaces while they are read; private to the
 * readers of documents.
 *
 *   document_xml.c    bindings, domains and what holds them; the end of a text
 *   interface_xml.c   <interface>, <networkport>
 */
#ifndef NWFC_FRONTEND_DOCUMENT_DRAFT_H
#define NWFC_FRONTEND_DOCUMENT_DRAFT_H

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
	bool has_parameters;  /* of it */
	struct span zero_tag; /* of <vlan>: an id that is 0 */
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
	bool domain_live;      /* it runs: it has a number */
	uint32_t domain_first; /* index of its first port */
};

/* Those of this text, made at the first call. */
struct port_reader *port_reader_of(struct xml_text *x);
void draft_begin(struct xml_text *x, const struct xml_element *e);

/* For rows of tables. */
bool document_root_open(struct xml_text *x, const struct xml_element *e);
bool document_ref_open(struct xml_text *x, const struct xml_element *e);
void document_ref_close(struct xml_text *x, struct str text, struct span span);
bool document_mac_open(struct xml_text *x, const struct xml_element *e);
bool interface_open(struct xml_text *x, const struct xml_element *e);
bool lone_interface_open(struct xml_text *x, const struct xml_element *e);
void interface_close(struct xml_text *x, struct str text, struct span span);
bool networkport_open(struct xml_text *x, const struct xml_element *e);
void networkport_close(struct xml_text *x, struct str text, struct span span);
extern const struct element_type interface_children[], networkport_children[];

/* E203 when the draft has no MAC address. */
void document_need_mac(struct xml_text *x, const struct draft *d, const char *hint);

#define FILTERREF_ROW                                                                              \
	{                                                                                          \
		.name = "filterref", .attrs = filterref_attrs, .children = filterref_children,     \
		.open = document_ref_open, .close = document_ref_close                             \
	}

#define INTERFACE_ROW(open_function)                                                               \
	{                                                                                          \
		.name = "interface", .flags = ELEMENT_LOOSE, .children = interface_children,       \
		.open = open_function, .close = interface_close                                    \
	}

#endif
