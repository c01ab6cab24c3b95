/* SPDX-License-Identifier: MIT */
#include "ir/key.h"

struct str key_cut(struct str s, uint32_t n)
{
	if (s.len <= n)
		return s;
	while (n && ((unsigned char)s.s[n] & 0xc0) == 0x80)
		n--;
	return (struct str){s.s, n};
}

static char clean(char c)
{
	return c == '"' ? '\'' : (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
}

struct str key_clean(struct arena *a, struct str s)
{
	char *p = arena_new_array(a, char, s.len + 1);
	for (uint32_t i = 0; i < s.len; i++)
		p[i] = clean(s.s[i]);
	return (struct str){p, s.len};
}

struct str rule_key(struct arena *a, const struct rule *r)
{
	struct str name = key_cut(r->filter->name, KEY_NAME_MAX);
	return key_clean(a, str_printf(a, "%.*s#%u", STR_ARG(name), r->number));
}

/* The number behind a '#' that a ':' or the end follows; 0: there is none. */
static uint32_t number_at(struct str text, uint32_t i)
{
	uint64_t n = 0;
	uint32_t from = ++i;
	for (; i < text.len && text.s[i] >= '0' && text.s[i] <= '9' && n <= UINT32_MAX; i++)
		n = n * 10 + (uint64_t)(text.s[i] - '0');
	bool end = i == text.len || text.s[i] == ':';
	return end && i > from && text.s[from] != '0' && n <= UINT32_MAX ? (uint32_t)n : 0;
}

bool key_next(struct str text, uint32_t *at, struct key *out)
{
	for (uint32_t i = *at + 1; i < text.len && i <= KEY_NAME_MAX; i++) {
		if (text.s[i] != '#' || !(out->number = number_at(text, i)))
			continue;
		out->name = (struct str){text.s, i};
		*at = i;
		return true;
	}
	return false;
}

bool key_names(const struct key *k, const struct filter *f)
{
	struct str name = key_cut(f->name, KEY_NAME_MAX);
	if (name.len != k->name.len)
		return false;
	for (uint32_t i = 0; i < name.len; i++)
		if (clean(name.s[i]) != k->name.s[i])
			return false;
	return true;
}
