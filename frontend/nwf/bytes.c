/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a text: UTF-8 (RFC 3629), and of its characters those that XML 1.0
 * has, too (its production Char), since strings and comments go into both.
 */
#include "frontend/nwf/parser.h"

/* Length of the sequence that begins with this byte; 0: none does, or a control character. */
static uint32_t sequence_length(unsigned char c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

/* Bytes of the good character at the start of s (never empty); 0: it is none. */
static uint32_t good_character(struct str s)
{
	/* the second byte: what would be overlong, a surrogate or past U+10FFFF */
	static const struct {
		unsigned char first, lo, hi;
	} second[] = {
		{0xe0, 0xa0, 0xbf}, {0xed, 0x80, 0x9f}, {0xf0, 0x90, 0xbf}, {0xf4, 0x80, 0x8f}};
	const unsigned char *b = (const unsigned char *)s.s;
	uint32_t n = sequence_length(b[0]);
	if (n > s.len)
		return 0;
	for (uint32_t i = 1; i < n; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	for (size_t i = 0; n > 2 && i < sizeof second / sizeof *second; i++)
		if (b[0] == second[i].first && (b[1] < second[i].lo || b[1] > second[i].hi))
			return 0;
	return n == 3 && b[0] == 0xef && b[1] == 0xbf && b[2] >= 0xbe ? 0 : n; /* U+FFFE, U+FFFF */
}

static void say_bad_byte(struct nwf_parser *p, uint32_t at)
{
	if (p->diags->listed[SEV_ERROR] == p->diags->max) { /* every line may have one */
		p->diags->errors++;
		return;
	}
	unsigned char c = (unsigned char)p->source.s[at];
	struct finding *f = diag_add(p->diags, FINDING(E127), (struct span){p->file, at, at + 1},
				     c < 0x20 ? "a control character, 0x%02x, stands here"
					      : "the byte 0x%02x is no part of a character here",
				     c);
	if (c >= 0x20)
		diag_hint(p->diags, f, "texts are UTF-8");
}

/* How many bytes from i on are plain ASCII, by eights: most of a text is. */
static uint32_t plain_bytes(struct str s, uint32_t i)
{
	const uint64_t high = 0x8080808080808080, blank = 0x2020202020202020;
	uint32_t from = i;
	for (uint64_t w; i + sizeof w <= s.len; i += sizeof w) {
		memcpy(&w, s.s + i, sizeof w);
		if ((w & high) || ((w - blank) & high))
			break;
	}
	return i - from;
}

void nwf_check_bytes(struct nwf_parser *p)
{
	struct str s = p->source;
	uint32_t i = 0;
	while (i < s.len) {
		uint32_t n = plain_bytes(s, i);
		if (!n)
			n = good_character((struct str){s.s + i, s.len - i});
		if (!n) { /* one of a line is enough */
			say_bad_byte(p, i);
			const char *end = memchr(s.s + i, '\n', s.len - i);
			n = end ? (uint32_t)(end - s.s) - i : s.len - i;
		}
		i += n;
	}
}

bool nwf_good_bytes(struct str s)
{
	for (uint32_t i = 0, n; i < s.len; i += n)
		if (!(n = good_character((struct str){s.s + i, s.len - i})))
			return false;
	return true;
}
