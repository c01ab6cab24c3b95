/* SPDX-License-Identifier: MIT */
#include "nwfc/json_read.h"

json_t *json_read(struct session *s, const char *name, struct str text)
{
	json_error_t why;
	json_t *root = json_loadb(text.s, text.len, JSON_ALLOW_NUL, &why);
	if (!root)
		diag_add(&s->diags, FINDING(E608), (struct span){0}, "%s is not JSON: line %d: %s",
			 name, why.line, why.text);
	return root;
}

struct str json_text(struct arena *a, const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	if (!json_is_string(v))
		return STR("");
	return str_copy(a, (struct str){json_string_value(v), (uint32_t)json_string_length(v)});
}

uint32_t json_number(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	json_int_t n = json_is_integer(v) ? json_integer_value(v) : 0;
	return n < 0 || n > UINT32_MAX ? 0 : (uint32_t)n;
}
