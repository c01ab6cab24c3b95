/* SPDX-License-Identifier: MIT */
/*
 * xml_parse.h - inside the XML engine: what its parts share.
 *
 *   xml_input.c   the parser, elements and text
 *   xml_place.c   where things are in the source; walking a tag
 *   xml_error.c   what libxml2 finds wrong, and what is refused before or while it reads
 *   xml_attr.c    attributes of an element, "did you mean"
 */
#ifndef NWFC_FRONTEND_XML_PARSE_H
#define NWFC_FRONTEND_XML_PARSE_H

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "frontend/xml_input.h"

/* Names live in the parser's dictionary as long as it does; a fresh one from time to time. */
#define DICT_MAX 20000

struct frame {
	const struct element_type *type; /* NULL: passed over */
	struct span span;                /* of the opening tag, or a point in it */
	bool stray_said;
};

struct xml_input {
	xmlParserCtxtPtr ctxt;
	struct xml_attr *attrs; /* of the element being opened */
	uint32_t attrs_cap;
	struct frame frames[XML_DEPTH_MAX + 2];
	char text[XML_TEXT_MAX];
};

/* What the engine knows of the text it is in. */
struct xml_parse {
	struct xml_input *in;
	xmlParserCtxtPtr ctxt;
	uint32_t depth; /* index of the innermost frame; 0 is the document */
	bool failed, stopped;
	bool moving; /* the parser is filling its input: its pointers are not to be used */
	uint32_t line, line_lo; /* where the line counter stands in the source */
	uint32_t text_len;
	bool text_long;
	struct span text_span;
	const char *suggested; /* attribute that a hint has just named */
};

/* --- xml_place.c --- */

/*
 * Where in the source the parser's pointer p lies: as far from the start as in
 * the parser's copy, unless that was converted and has other bytes there.
 */
bool xml_offset(const struct xml_text *x, const xmlChar *p, uint32_t *off);

struct span xml_span(const struct xml_text *x, uint32_t lo, uint32_t hi);

/* The start of the line that the parser is in: all that is known after a conversion. */
struct span xml_line(struct xml_text *x);

/* One byte where the parser stands. */
struct span xml_here(struct xml_text *x);

struct scan {
	const char *p, *end;
};

bool xml_is_blank(char c);
void xml_skip_blanks(struct scan *s);
struct str xml_scan_name(struct scan *s);

/* NAME = "VALUE"; false at the end of the tag or where it is broken. */
bool xml_scan_attr(struct scan *s, struct str *name, struct str *value);

/* The '<' of the tag that the parser is in or has just left, NULL when it is not known. */
const char *xml_tag_start(struct xml_text *x);

/* --- xml_error.c --- */

#if LIBXML_VERSION >= 21200
void xml_on_error(void *user, const xmlError *err);
#else
void xml_on_error(void *user, xmlError *err);
#endif
void xml_on_doctype(void *user, const xmlChar *name, const xmlChar *external,
		    const xmlChar *system);

/* May the text be given to libxml2? A finding when not. */
bool xml_readable(struct xml_text *x);

/* Is a limit passed (depth, names, memory)? Then a finding, and the reading is over. */
bool xml_over_limit(struct xml_text *x);

/* Ends the reading; not from within libxml2's error function. */
void xml_stop(struct xml_text *x);

/* --- xml_attr.c --- */

/* Reports attributes that are not among the type's (NULL: all may stand). */
void xml_check_attrs(struct xml_text *x, const struct xml_element *e,
		     const struct element_type *type);

#endif
