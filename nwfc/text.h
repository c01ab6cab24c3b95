/* SPDX-License-Identifier: MIT */
/*
 * text.h - one text of filters in the form that it has or in the other one.
 */
#ifndef NWFC_NWFC_TEXT_H
#define NWFC_NWFC_TEXT_H

#include "frontend/nwf/tree.h"
#include "nwfc/session.h"

enum text_form { FORM_XML, FORM_NWF };

/* What a text holds, with its comments. */
struct text {
	uint32_t file;
	enum text_form form;
	struct library library;
	struct ports ports;
	struct networks networks; /* which have one form only */
	struct comments comments; /* of XML */
	struct nwf_file *tree;    /* of nwf, as it was written */
};

/* False after a finding. The filters that an nwf text includes are not its own. */
bool text_read(struct session *s, const char *path, struct text *t);

/* Print it; false after a finding (XML can not say all, and not all XML is a filter or port). */
bool text_print(struct session *s, const struct text *t, enum text_form form, struct buf *out);

#endif
