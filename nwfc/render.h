/* SPDX-License-Identifier: MIT */
/*
 * render.h - findings as text: file:line:col, the line, a caret under the place.
 */
#ifndef NWFC_NWFC_RENDER_H
#define NWFC_NWFC_RENDER_H

#include <stdio.h>

#include "nwfc/session.h"

void render_findings(const struct session *s, FILE *to);

#endif
