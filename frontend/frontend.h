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

#include "ir/assertion.h"
#include "ir/findings.h"
#include "ir/interface.h"
#include "ir/network.h"
#include "ir/port.h"

/* Comments of a text, in its order, for printers that keep them. */
struct comment {
	struct span span; /* with what begins and ends it */
	struct str text;  /* the same, or in the form in which it is to be printed */
};
struct comments {
	vec_of(struct comment) list;
};

struct parse_ctx {
	struct arena *arena;
	struct sources *sources;
	struct diags *diags;
	struct library *library;
	struct ports *ports;
	struct networks *networks;     /* NULL: nobody wants them */
	struct interfaces *interfaces; /* the same */
	struct assertions *assertions; /* the same; those of nwf texts are checked anyway */
	struct str
		port_name; /* from --port: for a document with one interface that has no name yet */
	struct port *port_named;   /* the port that has it */
	bool bridges_alone;        /* nobody writes rules of filters */
	struct comments *comments; /* of XML are gathered here; NULL: nobody wants them */
	bool stock;                /* reading a stock filter: it gives way to one that is there */
};

struct xml_input; /* a parser that can be used again */
struct xml_input *xml_input_new(void);
void xml_input_free(struct xml_input *in);

/* Read one text of the nwf language. A file that the library has read is passed over. */
bool nwf_read(struct parse_ctx *cx, uint32_t file);

/* Is the text XML? Its name says so (.xml, .nwf), else its first character that is no blank. */
bool source_is_xml(const struct source *s);

/*
 * Read one text, whatever it holds: the nwf language, or XML, where <filter> (or several under
 * <filters>), <filterbinding>, <interface>, <domain>, <domainsnapshot> and the like are found by
 * their root element. False when it added an error.
 */
bool parse_source(struct parse_ctx *cx, struct xml_input *in, uint32_t file);

/* The stock filter of this name; false when there is none. */
bool parse_stock_filter(struct parse_ctx *cx, struct xml_input *in, struct str name);

/* All stock filters, as fallbacks. */
void parse_stock(struct parse_ctx *cx, struct xml_input *in);

/*
 * Canonical XML of a filter; parses again to the same. Comments that stand
 * before or in it are printed from *next on, at the entry they stood before, and
 * *next moves; NULL: none.
 */
struct comment_walk {
	const struct comment *next, *end;
};
void print_filter_xml(struct buf *b, const struct filter *f, struct comment_walk *comments);
/* The comments that begin before `lo`, each on lines of its own. */
void print_comments_xml(struct buf *b, struct comment_walk *comments, uint32_t lo,
			const char *indent);
/* A port as a filterbinding, which needs an owner. */
void print_port_xml(struct buf *b, const struct port *p);

/*
 * The filter in what XML can say: lists in braces become rules of their own,
 * defaults parameters of a reference to a second filter, which *body gets (else
 * NULL). Fails: a test that no value of a list matches has no XML form (E131).
 */
const struct filter *filter_for_xml(struct arena *a, struct diags *ds, const struct filter *f,
				    const struct filter **body);

#endif
