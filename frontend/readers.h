/* SPDX-License-Identifier: MIT */
/*
 * readers.h - what the readers of this folder share; private to it.
 *
 * Each reader exports the rows of its root elements. parse.c knows them all; a
 * new kind of document is a reader and one line there.
 */
#ifndef NWFC_FRONTEND_READERS_H
#define NWFC_FRONTEND_READERS_H

#include "frontend/xml_input.h"

extern const struct element_type filter_roots[];   /* filter, filters */
extern const struct element_type document_roots[]; /* filterbinding, interface, domain, ... */
extern const struct element_type network_roots[];  /* network, networks, networkstatus */

/* What stands inside a <filterref>: parameters, which go to x->ref. */
extern const struct element_type filterref_children[];
extern const char *const filterref_attrs[];

/* Begins a reference; x->ref is it. Without a filter's name (a finding) its name is empty. */
void filterref_read(struct xml_text *x, const struct xml_element *e);

/* A decimal number from PRIORITY_MIN to PRIORITY_MAX. */
bool read_priority(struct str s, int *out);

/* A finding when the filter's name can not be one; it is empty then. */
void filter_check_name(struct filter *f, struct diags *ds);

/* Sets chain, chain_given, chain_span and the default priority; a finding when there is no such
 * chain. */
void filter_set_chain(struct filter *f, struct str name, struct span span, struct diags *ds);

/*
 * The UUID of a text in canonical form: 32 digits, with blanks and dashes
 * between any two pairs, as libvirt takes it. False when it is none.
 */
bool uuid_parse(struct arena *a, struct str text, struct str *out);

/*
 * Checks the ports that the text gave, once it has been read, and hands them
 * over. `whole`: nothing is missing at its end.
 */
void document_finish(struct xml_text *x, bool whole);

/* E266 when no virtualport has that type. */
void virtual_port_known(struct xml_text *x, const struct xml_attr *type);

#endif
