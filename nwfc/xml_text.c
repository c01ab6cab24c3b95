/* SPDX-License-Identifier: MIT */
#include "nwfc/xml_text.h"

/* XML 1.0, 2.2: no control characters but these, no surrogates, no U+FFFE and U+FFFF. */
static bool xml_has(struct str s, uint32_t n)
{
	unsigned char c = (unsigned char)s.s[0];
	if (n == 1)
		return c >= ' ' || c == '\t' || c == '\n';
	return n && !(n == 3 && memcmp(s.s, "\xef\xbf", 2) == 0 && (unsigned char)s.s[2] >= 0xbe);
}

void put_xml_text(struct buf *out, struct str s)
{
	while (s.len) {
		uint32_t n = utf8_length(s);
		char c = s.s[0];
		if (!xml_has(s, n))
			buf_lit(out, "\xef\xbf\xbd");
		else if (n == 1 && strchr("&<>\"\n\t", c))
			buf_printf(out, "&#%d;", c);
		else
			buf_put(out, s.s, n);
		s.s += n ? n : 1;
		s.len -= n ? n : 1;
	}
}

void put_xml_attribute(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, " %s=\"", name);
	put_xml_text(out, text);
	buf_char(out, '"');
}
