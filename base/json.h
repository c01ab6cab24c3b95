/* SPDX-License-Identifier: MIT */
/*
 * json.h - writing JSON (RFC 8259).
 */
#ifndef NWFC_BASE_JSON_H
#define NWFC_BASE_JSON_H

#include "base/buf.h"

/* A string with its quotes; what is no UTF-8 in a hostile source becomes U+FFFD. */
void json_string(struct buf *out, struct str s);

#endif
