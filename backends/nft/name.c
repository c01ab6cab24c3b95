/* SPDX-License-Identifier: MIT */
/*
 * Names in the script. Filters, chains, variables and interfaces may be called
 * almost anything; nft's identifiers are a letter, `_` or `.` followed by
 * letters, digits and `_ . - /`, and 255 bytes is what the kernel keeps.
 *
 * A name is made of parts joined by `/`, which no part contains, so names of
 * different things differ when their parts do. A part that nft can not write,
 * or that is too long, becomes its readable beginning, two dots and eight
 * digits of its hash. A part that looks like that already is hashed as well.
 * What a name is depends on the thing alone, never on what else there is: a
 * change from one script to the next relies on it. No keyword of nft has a
 * slash or a dot, and every name of ours has one.
 */
#include "backends/nft/nft.h"

#define HASH_DIGITS 8
#define HASH_MARK   ".."

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool part_char(char c)
{
	return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

static bool plain(struct str s, uint32_t limit)
{
	if (!s.len || s.len > limit || (s.len > 1 && memcmp(s.s, "_.", 2) == 0))
		return false;
	for (uint32_t i = 0; i < s.len; i++) {
		bool mark = s.s[i] == '.' && i + 1 < s.len && s.s[i + 1] == '.';
		if (!part_char(s.s[i]) || mark)
			return false;
	}
	return true;
}

struct str name_part(struct arena *a, struct str s, uint32_t limit)
{
	if (plain(s, limit))
		return s;
	struct buf b;
	buf_memory(&b);
	uint32_t keep = limit - HASH_DIGITS - (sizeof HASH_MARK - 1);
	for (uint32_t i = 0; i < s.len && b.n < keep; i++) {
		/* one mark for a whole character of several bytes, and none for a dot after a dot
		 */
		bool tail = ((unsigned char)s.s[i] & 0xc0) == 0x80;
		bool dots = s.s[i] == '.' && b.n && b.data[b.n - 1] == '.';
		if (!tail)
			buf_char(&b, part_char(s.s[i]) && !dots ? s.s[i] : '_');
	}
	buf_lit(&b, HASH_MARK);
	buf_hex(&b, (uint32_t)str_hash(s), HASH_DIGITS);
	return buf_take(a, &b);
}

struct str name_begin(struct arena *a, struct str part)
{
	if (part.len && (letter(part.s[0]) || part.s[0] == '_'))
		return part;
	return str_printf(a, "_.%.*s", STR_ARG(part));
}

void claim_name(struct nft_model *m, struct str name, struct str full)
{
	bool added;
	struct map_entry *e = map_put(m->cx->arena, &m->full_names, name, &added);
	if (added) {
		struct str *kept = arena_new_object(m->cx->arena, struct str);
		*kept = full;
		e->ptr = kept;
	} else if (!str_eq(*(const struct str *)e->ptr, full)) {
		const struct str *other = e->ptr;
		diag_add(m->cx->diags, FINDING(E505), (struct span){0},
			 "'%.*s' and '%.*s' would both be called '%.*s'", STR_ARG(*other),
			 STR_ARG(full), STR_ARG(name));
		m->failed = true;
	}
}
