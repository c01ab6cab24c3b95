/* SPDX-License-Identifier: MIT */
/*
 * frontend.h - text to filters and ports.
 *
 * Needs: a source. Gives: its filters in the library, its ports in the list.
 * Keeps: spans of bytes on every node. Fails: with findings, all of one text in
 * one run; what could be read is still given. Memory: the arena; parsers are
 * kept between texts (struct xml_input), since starting one costs more than
 * reading a small file.
 *
 * Safety: no document types, no entities but the five of XML and character
 * references, no network, no other file is ever opened; depth and size limited.
 */
#ifndef NWFC_FRONTEND_FRONTEND_H
#define NWFC_FRONTEND_FRONTEND_H

#include "ir/findings.h"
#include "ir/port.h"

struct parse_ctx {
	struct arena *arena;
	struct sources *sources;
	struct diags *diags;
	struct library *library;
	struct ports *ports;
	struct str
		port_name; /* from --port: for a document with one interface that has no name yet */
	bool stock;        /* reading a stock filter: it gives way to one that is there */
};

struct xml_input; /* a parser that can be used again */
struct xml_input *xml_input_new(void);
void xml_input_free(struct xml_input *in);

/*
 * Read one text, whatever it holds: <filter> (or several under <filters>),
 * <filterbinding>, <interface>, <domain>, <domainsnapshot> and the like are found by their root
 * element. False when it added an error.
 */
bool parse_source(struct parse_ctx *cx, struct xml_input *in, uint32_t file);

/* The stock filter of this name; false when there is none. */
bool parse_stock_filter(struct parse_ctx *cx, struct xml_input *in, struct str name);

/* All stock filters, as fallbacks. */
void parse_stock(struct parse_ctx *cx, struct xml_input *in);

/* Canonical XML of a filter, and of all of a tree; parses again to the same. */
void print_filter_xml(struct buf *b, const struct filter *f);

#endif
