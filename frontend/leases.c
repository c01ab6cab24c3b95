/* SPDX-License-Identifier: MIT */
#include "frontend/leases.h"

#include "frontend/readers.h"
#include "ir/findings.h"

enum word { W_TIME, W_EVENT, W_PORT, W_INTERFACE, W_FAMILY, W_ADDRESS, W_VALID, W_SOURCE, WORDS };

struct journal {
	struct arena *arena;
	struct diags *diags;
	uint32_t file;
	const char *text; /* of the whole file */
	struct leases *out;
	struct str words[WORDS]; /* of the line in hand */
	bool failed;
};

bool read_seconds(struct str s, uint64_t *ms)
{
	uint64_t v = 0;
	uint32_t i = 0, decimals = 0;
	for (; i < s.len && s.s[i] >= '0' && s.s[i] <= '9' && v <= LEASE_END_MAX; i++)
		v = v * 10 + (uint64_t)(s.s[i] - '0');
	bool digits = i > 0;
	if (digits && i + 1 < s.len && s.s[i] == '.')
		i++;
	else if (i < s.len)
		return false;
	for (; decimals < 3; decimals++)
		v = v * 10 +
		    (i < s.len && s.s[i] >= '0' && s.s[i] <= '9' ? (uint64_t)(s.s[i++] - '0') : 0);
	while (i < s.len && s.s[i] >= '0' && s.s[i] <= '9')
		i++;
	*ms = v;
	return digits && i == s.len && v <= LEASE_END_MAX;
}

static bool bad(struct journal *j, struct str where, const char *why)
{
	uint32_t lo = (uint32_t)(where.s - j->text);
	diag_add(j->diags, FINDING(E210), (struct span){j->file, lo, lo + where.len}, "%s", why);
	j->failed = true;
	return false;
}

static bool one_of(struct str word, const char *const *words)
{
	for (; *words; words++)
		if (str_is(word, *words))
			return true;
	return false;
}

/* Words parted by single blanks; as many as an event has. */
static bool split(struct journal *j, struct str line)
{
	uint32_t n = 0, lo = 0;
	for (uint32_t i = 0; i <= line.len; i++) {
		if (i < line.len && line.s[i] != ' ')
			continue;
		if (i == lo || n == WORDS)
			return bad(j, line, "an event has eight words, parted by single blanks");
		j->words[n++] = (struct str){line.s + lo, i - lo};
		lo = i + 1;
	}
	return n == WORDS || bad(j, line, "an event has eight words, parted by single blanks");
}

static bool read_key(struct journal *j, struct str word, struct str *key)
{
	const char *slash = memchr(word.s, '/', word.len);
	struct str owner = {word.s, slash ? (uint32_t)(slash - word.s) : 0}, uuid = STR("-");
	struct value mac;
	if (!slash || (!str_is(owner, "-") && !uuid_parse(j->arena, owner, &uuid)))
		return bad(j, word, "a guest is UUID/MAC, or -/MAC");
	struct str m = {slash + 1, word.len - owner.len - 1};
	if (value_parse(j->arena, VT_MAC, 0, 0, m, &mac))
		return bad(j, m, "this is no MAC address");
	*key = lease_key(j->arena, uuid, &mac);
	return true;
}

static bool read_address(struct journal *j, struct lease *l)
{
	struct str family = j->words[W_FAMILY], word = j->words[W_ADDRESS];
	struct value v;
	l->v6 = str_is(family, "ipv6");
	if (!l->v6 && !str_is(family, "ipv4"))
		return bad(j, family, "a family is ipv4 or ipv6");
	if (value_parse(j->arena, l->v6 ? VT_IP6 : VT_IP4, 0, 0, word, &v))
		return bad(j, word, l->v6 ? "this is no IPv6 address" : "this is no IPv4 address");
	l->address = value_text(j->arena, &v);
	uint32_t lo = (uint32_t)(word.s - j->text);
	l->span = (struct span){j->file, lo, lo + word.len};
	return true;
}

static bool read_valid(struct journal *j, struct lease *l)
{
	struct str word = j->words[W_VALID];
	if (str_is(word, "infinite") || str_is(word, "-"))
		return true;
	if (!read_seconds(word, &l->valid_until_ms))
		return bad(j, word, "an end is seconds of the epoch, infinite or -");
	l->valid_until_ms += !l->valid_until_ms; /* 0 would be no end */
	return true;
}

static void read_event(struct journal *j, struct str line)
{
	static const char *const sources[] = {"dhcp", "dhcpv6", "arp", "dad",
					      "data", "static", NULL};
	static const char *const gives[] = {"add", "renew", NULL};
	static const char *const takes[] = {"delete", "expire", NULL};
	struct lease l = {0};
	struct str key;
	uint64_t at;
	if (!split(j, line))
		return;
	bool add = one_of(j->words[W_EVENT], gives);
	l.interface = j->words[W_INTERFACE];
	if (!read_seconds(j->words[W_TIME], &at))
		bad(j, j->words[W_TIME], "a time is seconds of the epoch");
	else if (!add && !one_of(j->words[W_EVENT], takes))
		bad(j, j->words[W_EVENT], "an event is add, renew, delete or expire");
	else if (!one_of(j->words[W_SOURCE], sources))
		bad(j, j->words[W_SOURCE], "a source is dhcp, dhcpv6, arp, dad, data or static");
	else if (!read_key(j, j->words[W_PORT], &key) || !read_address(j, &l) || !read_valid(j, &l))
		return;
	else if (add)
		lease_add(j->arena, j->out, key, &l, at);
	else
		lease_end(j->arena, j->out, key, l.address);
}

bool leases_read(struct arena *a, struct diags *ds, uint32_t file, struct leases *out)
{
	const struct source *src = source_get(ds->sources, file);
	struct journal j = {.arena = a, .diags = ds, .file = file, .text = src->text.s, .out = out};
	const char *p = src->text.s, *end = p + src->text.len, *newline;
	for (; (newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL); p = newline + 1) {
		struct str line = {p, (uint32_t)(newline - p)};
		if (arena_full(a)) {
			bad(&j, line, "the events up to here need more memory than there may be");
			return false;
		}
		if (p != src->text.s)
			read_event(&j, line);
		else if (!str_is(line, "nwfc-leases 1"))
			return bad(&j, line, "the first line is nwfc-leases 1");
	}
	return !j.failed;
}
