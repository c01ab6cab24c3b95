/* SPDX-License-Identifier: MIT */
/*
 * json_read.h - JSON of others, read through jansson into the arena's life.
 */
#ifndef NWFC_NWFC_JSON_READ_H
#define NWFC_NWFC_JSON_READ_H

#include <jansson.h>

#include "nwfc/session.h"

/* NULL after finding E608. The owner calls json_decref. */
json_t *json_read(struct session *s, const char *name, struct str text);

/* A member as text, copied; empty when it is not there or no string. */
struct str json_text(struct arena *a, const json_t *object, const char *name);

/* A member as a number from 0 to UINT32_MAX; 0 when it is not. */
uint32_t json_number(const json_t *object, const char *name);

#endif
