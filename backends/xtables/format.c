/* SPDX-License-Identifier: MIT */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/xtables/lower.h"

/* Numbers are always decimal here: a value's own base is the author's taste, not the tool's. */
bool format_uint(struct buf *b, const struct value *v, uint32_t arg)
{
	buf_uint(b, v->u);
	return true;
}

bool format_below(struct buf *b, const struct value *v, uint32_t arg)
{
	if (v->u == 0)
		return false;
	buf_uint(b, v->u - 1);
	return true;
}

bool format_above(struct buf *b, const struct value *v, uint32_t max)
{
	if (v->u >= max)
		return false;
	buf_uint(b, v->u + 1);
	return true;
}

bool format_hex4(struct buf *b, const struct value *v, uint32_t arg)
{
	buf_lit(b, "0x");
	buf_hex(b, v->u, 4);
	return true;
}

bool format_plain(struct buf *b, const struct value *v, uint32_t arg)
{
	value_print(b, v);
	return true;
}

static bool mask_is_empty(const struct value *v)
{
	static const uint8_t zero[6];
	return v->type == VT_MACMASK ? memcmp(v->mac, zero, 6) == 0 : v->u == 0;
}

bool format_mask(struct buf *b, const struct value *v, uint32_t arg)
{
	if (arg != MASK_ANY && mask_is_empty(v) != (arg == MASK_EMPTY))
		return false;
	if (arg != MASK_EMPTY) {
		buf_char(b, '/');
		value_print(b, v);
	}
	return true;
}

/* The lower two bits of the TOS byte are ECN's (RFC 3168) and no part of the DSCP. */
bool format_tos(struct buf *b, const struct value *v, uint32_t arg)
{
	uint32_t n = arg & 255, first = v->u << 2;
	if (arg & TOS_NEGATED)
		n += n >= first ? 4 : 0;
	else
		n += first;
	buf_lit(b, "0x");
	buf_hex(b, n, 2);
	return true;
}

static bool plain_word(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++) {
		char c = s.s[i];
		bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && !strchr("_./:@%+-~", c))
			return false;
	}
	return s.len && s.s[0] != '-';
}

/* The longest beginning of at most max bytes that does not cut a UTF-8 character. */
static uint32_t cut_length(struct str s, uint32_t max)
{
	if (s.len <= max)
		return s.len;
	while (max && ((unsigned char)s.s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/*
 * The restore tools read a word in double quotes with backslash as escape, and
 * a line is a line: nothing quotes a newline.
 */
void put_quoted(struct buf *b, struct str s, uint32_t max)
{
	uint32_t n = cut_length(s, max);
	buf_char(b, '"');
	for (uint32_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.s[i];
		if (c == '"' || c == '\\')
			buf_char(b, '\\');
		buf_char(b, c < ' ' || c == 127 ? ' ' : (char)c);
	}
	buf_char(b, '"');
}

void put_word(struct buf *b, struct str s)
{
	if (plain_word(s))
		buf_str(b, s);
	else
		put_quoted(b, s, s.len);
}

bool format_quoted(struct buf *b, const struct value *v, uint32_t arg)
{
	put_word(b, v->text);
	return true;
}

bool format_set_directions(struct buf *b, const struct value *v, uint32_t arg)
{
	value_print(b, v);
	return true;
}

static void put_flag_list(struct buf *b, uint32_t flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
	const char *comma = "";
	if (flags == 0 || flags == TCP_ALL) {
		buf_str(b, flags ? STR("ALL") : STR("NONE"));
		return;
	}
	for (unsigned i = 0; i < 6; i++)
		if (flags & 1u << i) {
			buf_str(b, str_from(comma));
			buf_str(b, str_from(names[i]));
			comma = ",";
		}
}

bool format_tcp_flags(struct buf *b, const struct value *v, uint32_t arg)
{
	put_flag_list(b, v->u >> 8 & TCP_ALL);
	buf_char(b, ' ');
	put_flag_list(b, v->u & TCP_ALL);
	return true;
}
