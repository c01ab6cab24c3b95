/* SPDX-License-Identifier: MIT */
/*
 * xml_input.h - XML as a stream of elements, each with its exact place; private
 * to the readers of this folder.
 *
 * Idea: what may stand inside what is data. A reader is a set of tables of
 * element types; the engine walks them along with the text, reports what is in
 * no table, and calls open() and close() for what is. No tree is built, so
 * memory does not grow with the parts of a document that nobody reads (most of
 * a domain). Comments are passed over; a printer that keeps them would get them
 * by one more function beside open() and close().
 *
 * Places: libxml2 parses a copy of our text, so a pointer into its input is as
 * far from the start as the place in the source. Attributes are found again by walking the
 * tag that libxml2 has just accepted; '<' can not stand inside a tag, so the
 * last one before the parser's position begins it. Where the text had to be
 * converted from another encoding, places fall back to the line.
 *
 * Errors: one text, one well-formedness error. What libxml2 says after the
 * first one mostly follows from it, so the reading ends there, except after
 * mistakes that leave the structure whole (table in xml_input.c).
 */
#ifndef NWFC_FRONTEND_XML_INPUT_H
#define NWFC_FRONTEND_XML_INPUT_H

#include "base/near.h"
#include "frontend/frontend.h"

/* Elements inside one another; deeper is E605. libxml2 stops one level further on. */
#define XML_DEPTH_MAX 256
/* Text of one element that a reader asked for; longer is E112. */
#define XML_TEXT_MAX 4096

struct xml_attr {
	struct str name;  /* as written, with its prefix; valid as long as the source */
	struct str value; /* references resolved; lives in the source or the arena */
	struct span name_span, value_span;
};

/* Valid until the callback returns, but for what its strs point to. */
struct xml_element {
	struct str name;
	struct span span; /* from < to > */
	struct span name_span;
	const struct xml_attr *attrs; /* in document order */
	uint32_t nattrs;
};

/* The reading of one text: what the callbacks work with. */
struct xml_text {
	struct parse_ctx *cx;
	struct arena *arena;
	struct diags *diags;
	uint32_t file;
	struct str source;
	struct xml_parse *parse; /* the engine's own */
	uint32_t end;            /* while an element is closed: where it ends, 0 when not known */

	/* the readers' own; NULL until one begins */
	struct filter_reader *filters;
	struct port_reader *ports;
	struct network_draft *network;
	struct filter_ref *ref; /* the reference whose parameters are being read */
};

enum {
	ELEMENT_TEXT = 1,   /* has text, which close() gets; no elements */
	ELEMENT_LOOSE = 2,  /* elements and text that are in no table are passed over */
	ELEMENT_ROOTS = 4,  /* the document itself: an unknown element is E103 */
	ELEMENT_OTHERS = 8, /* what is in no table is passed over with a warning (W240) */
};

struct element_type {
	const char *name; /* NULL ends a table */
	unsigned flags;
	const struct element_type *children;
	const char *const *attrs; /* all that it may have, NULL-terminated; NULL: open() looks */
	/* false: what stands inside is passed over. NULL: nothing to do. */
	bool (*open)(struct xml_text *x, const struct xml_element *e);
	/* text is trimmed of blanks and valid until the callback returns */
	void (*close)(struct xml_text *x, struct str text, struct span text_span);
	/* the type of a child that is in no row of children, or NULL */
	const struct element_type *(*other)(struct xml_text *x, struct str name);
	/* reports a child that is not known; NULL: E104 with the nearest row */
	void (*unknown)(struct xml_text *x, const struct xml_element *e);
};

/*
 * Read source `file` as a document of that type. Gives what the callbacks make;
 * fails with findings. The callbacks of an element that an error cut off are
 * not called any more. False when the text is not well-formed XML.
 */
bool xml_read(struct xml_input *in, struct xml_text *x, const struct element_type *document);

/* The attribute of that name, or NULL. */
const struct xml_attr *xml_attr(const struct xml_element *e, const char *name);

/* The same; when it is missing that is a finding (E106). */
const struct xml_attr *xml_attr_needed(struct xml_text *x, const struct xml_element *e,
				       const char *name);

/*
 * The attribute's word as an index into n words, or -1 and a finding (E111);
 * words are exact, upper case is another word.
 */
int xml_word(struct xml_text *x, const struct xml_attr *a, const char *const *words, int n);

/* True the first time; later an error (E126). */
bool xml_once(struct xml_text *x, const struct xml_element *e, bool *seen);

/* Reports an attribute that nobody knows (softened when lenient). */
struct finding *xml_unknown_attr(struct xml_text *x, const struct xml_element *e,
				 const struct xml_attr *a, const struct nearest *n);

#endif
