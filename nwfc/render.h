/* SPDX-License-Identifier: MIT */
/*
 * render.h - findings as text (file:line:col, the line, a caret under the place),
 * as JSON, and as SARIF.
 */
#ifndef NWFC_NWFC_RENDER_H
#define NWFC_NWFC_RENDER_H

#include <stdio.h>

#include "nwfc/session.h"

extern const char *const severity_names[SEVERITIES];

/* Is the i-th finding to be shown: wanted by the options, and not said before? */
bool finding_shown(const struct session *s, uint32_t i);

/* How many were counted only, there being too many. */
uint32_t findings_unlisted(const struct session *s);

void render_findings(const struct session *s, FILE *to);
void render_json(const struct session *s, struct buf *out);
void render_sarif(const struct session *s, struct buf *out);

/* A string of JSON (RFC 8259); what is no UTF-8 in a hostile source becomes U+FFFD. */
void put_json_string(struct buf *out, struct str s);

#endif
