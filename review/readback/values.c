/* SPDX-License-Identifier: MIT */
/*
 * Numbers and addresses as scripts have them.
 */
#include <stdio.h>
#include <string.h>

#include "review/readback/form.h"

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : 99;
}

static bool digits(struct str s, uint32_t base, uint32_t most, u128 max, u128 *out)
{
	u128 n = 0;
	if (!s.len || s.len > most)
		return false;
	for (uint32_t i = 0; i < s.len; i++) {
		uint32_t d = (uint32_t)digit_of(s.s[i]);
		if (d >= base || n > (max - d) / base)
			return false;
		n = n * base + d;
	}
	*out = n;
	return n <= max;
}

bool read_number(struct str s, u128 max, u128 *out)
{
	if (s.len > 2 && s.s[0] == '0' && (s.s[1] == 'x' || s.s[1] == 'X'))
		return digits((struct str){s.s + 2, s.len - 2}, 16, 32, max, out);
	return digits(s, 10, 39, max, out);
}

/* The text up to a sign, which is passed over; all of it when there is none. */
static struct str take_part(struct str *s, char sign)
{
	const char *p = memchr(s->s, sign, s->len);
	struct str part = {s->s, p ? (uint32_t)(p - s->s) : s->len};
	uint32_t gone = part.len + (p != NULL);
	*s = (struct str){s->s + gone, s->len - gone};
	return part;
}

/* count numbers with a sign between them, each of so many bits. */
static bool joined(struct str s, char sign, uint32_t count, uint32_t base, uint32_t most,
		   uint32_t bits, u128 *out)
{
	u128 n = 0, part;
	for (uint32_t i = 0; i < count; i++) {
		if (!digits(take_part(&s, sign), base, most, ((u128)1 << bits) - 1, &part))
			return false;
		n = n << bits | part;
		if (i + 1 < count && !s.len)
			return false;
	}
	*out = n;
	return !s.len;
}

bool read_mac(struct str s, u128 *out)
{
	return joined(s, ':', 6, 16, 2, 8, out);
}

bool read_ip4(struct str s, u128 *out)
{
	return joined(s, '.', 4, 10, 3, 8, out);
}

/* Groups before or behind a `::`; returns how many, or -1. */
static int groups(struct str s, u128 *out)
{
	int n = 0;
	*out = 0;
	while (s.len) {
		u128 g;
		bool more = memchr(s.s, ':', s.len) != NULL;
		if (n == 8 || !digits(take_part(&s, ':'), 16, 4, 0xffff, &g))
			return -1;
		if (more && !s.len)
			return -1;
		*out = *out << 16 | g;
		n++;
	}
	return n;
}

/* The last four bytes as an IPv4 address: read as two groups of hexadecimal digits. */
static bool read_mixed(struct str s, u128 *out)
{
	char text[48];
	u128 four;
	uint32_t at = s.len;
	while (at && s.s[at - 1] != ':')
		at--;
	if (!at || at > 32 || !read_ip4((struct str){s.s + at, s.len - at}, &four))
		return false;
	int n = snprintf(text, sizeof text, "%.*s%x:%x", (int)at, s.s, (unsigned)(four >> 16),
			 (unsigned)four & 0xffff);
	return n > 0 && read_ip6((struct str){text, (uint32_t)n}, out);
}

bool read_ip6(struct str s, u128 *out)
{
	u128 head, tail;
	if (memchr(s.s, '.', s.len))
		return read_mixed(s, out);
	for (uint32_t i = 0; i + 1 < s.len; i++) {
		if (s.s[i] != ':' || s.s[i + 1] != ':')
			continue;
		int a = groups((struct str){s.s, i}, &head);
		int b = groups((struct str){s.s + i + 2, s.len - i - 2}, &tail);
		if (a < 0 || b < 0 || a + b > 7)
			return false;
		*out = (a ? head << (128 - 16 * a) : 0) | tail;
		return true;
	}
	return groups(s, out) == 8;
}

bool read_value(struct str s, uint32_t width, u128 *out)
{
	u128 max = width >= 128 ? ~(u128)0 : ((u128)1 << width) - 1;
	if (width == 48 && read_mac(s, out))
		return true;
	if (width == 32 && read_ip4(s, out))
		return true;
	if (width == 128)
		return read_ip6(s, out);
	return read_number(s, max, out);
}

bool read_range(struct str s, uint32_t width, u128 *lo, u128 *hi)
{
	u128 max = width >= 128 ? ~(u128)0 : ((u128)1 << width) - 1, prefix;
	bool slash = memchr(s.s, '/', s.len), dash = memchr(s.s, '-', s.len);
	if (!read_value(take_part(&s, slash ? '/' : '-'), width, lo))
		return false;
	*hi = *lo;
	if (dash && !slash)
		return read_value(s, width, hi) && *lo <= *hi;
	if (!slash)
		return true;
	if (!read_number(s, width, &prefix))
		return false;
	u128 host = prefix >= width ? 0 : prefix ? max >> (uint32_t)prefix : max;
	*lo &= ~host & max;
	*hi = *lo | host;
	return true;
}

/* IANA's numbers under the names of both nft and iptables. */
bool read_proto_name(struct str s, uint32_t *out)
{
	static const struct {
		const char *name;
		uint32_t number;
	} names[] = {{"icmp", 1},   {"igmp", 2},   {"tcp", 6},      {"udp", 17},
		     {"esp", 50},   {"ah", 51},    {"icmpv6", 58},  {"ipv6-icmp", 58},
		     {"icmp6", 58}, {"sctp", 132}, {"udplite", 136}};
	u128 n;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_is(s, names[i].name)) {
			*out = names[i].number;
			return true;
		}
	if (!read_number(s, 255, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}
