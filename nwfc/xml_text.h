/* SPDX-License-Identifier: MIT */
/*
 * xml_text.h - anybody's text in the XML and HTML that the program prints.
 */
#ifndef NWFC_NWFC_XML_TEXT_H
#define NWFC_NWFC_XML_TEXT_H

#include "base/buf.h"

/* Between tags, or as an attribute's value in double quotes; what XML can not hold becomes U+FFFD.
 */
void put_xml_text(struct buf *out, struct str s);

/* ` name="text"` */
void put_xml_attribute(struct buf *out, const char *name, struct str text);

#endif
