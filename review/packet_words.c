/* SPDX-License-Identifier: MIT */
/*
 * Words to a packet. A word is looked for behind the header that was named last
 * ("arp request spa 10.0.0.9": "arp spa"), then by itself; the longest that
 * fits wins. All names of variables are those of vars.def, with some that nft or
 * people have besides.
 */
#include "review/packet_words.h"

#include <stdio.h>

#include "base/near.h"
#include "frontend/nwf/words.h"
#include "review/var_words.h"

#define MAX_WORDS 512

struct token {
	uint32_t lo, hi;
	bool quoted;
};

struct reader {
	struct arena *a;
	struct str text;
	struct token *tokens;
	uint32_t n, i;
	struct packet *p;
	bool given[VARS];
	uint8_t family;       /* 0: not said */
	const char *context;  /* the header named last; NULL: none yet */
	uint32_t place[VARS]; /* the word that gave each */
	struct words_error *e;
};

/* Other names; a name that begins with a kind of packet says that kind, too. */
static const struct other_name {
	const char *name;
	uint8_t var;
} other_names[] = {
	{"arp spa", V_ARP_SPA},        {"arp tpa", V_ARP_TPA},       {"arp sha", V_ARP_SHA},
	{"arp tha", V_ARP_THA},        {"arp op", V_ARP_OP},         {"ip6 saddr", V_IP6_SADDR},
	{"ip6 daddr", V_IP6_DADDR},    {"ip6 nexthdr", V_NET_PROTO}, {"ip6 dscp", V_DSCP},
	{"icmpv6 type", V_ICMP_TYPE},  {"icmpv6 code", V_ICMP_CODE}, {"tcp dport", V_DPORT},
	{"tcp sport", V_SPORT},        {"udp dport", V_DPORT},       {"udp sport", V_SPORT},
	{"sctp dport", V_DPORT},       {"sctp sport", V_SPORT},      {"udplite dport", V_DPORT},
	{"udplite sport", V_SPORT},    {"dccp dport", V_DPORT},      {"dccp sport", V_SPORT},
	{"th dport", V_DPORT},         {"th sport", V_SPORT},        {"meta l4proto", V_NET_PROTO},
	{"ether proto", V_ETHER_TYPE}, {"state", V_CT_STATE},        {"fragment", V_FRAGMENT},
	{"protocol", V_NET_PROTO},     {"reply", V_CT_REPLY},        {"dscp", V_DSCP},
};

static bool fail(struct reader *r, uint32_t word, struct str text)
{
	uint32_t end = r->text.len;
	*r->e = (struct words_error){end, end, text, STR("")};
	if (word < r->n) {
		r->e->lo = r->tokens[word].lo;
		r->e->hi = r->tokens[word].hi;
	}
	return false;
}

static struct str word_at(const struct reader *r, uint32_t i)
{
	if (i >= r->n)
		return STR("");
	return (struct str){r->text.s + r->tokens[i].lo, r->tokens[i].hi - r->tokens[i].lo};
}

static bool is_word(const struct reader *r, uint32_t i, const char *word)
{
	return i < r->n && !r->tokens[i].quoted && str_eq_nocase(word_at(r, i), str_from(word));
}

/* --- tokens -------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of the word at lo, or of the string in quotes. */
static uint32_t word_end(struct str t, uint32_t lo)
{
	uint32_t i = lo;
	if (t.s[lo] == '>')
		return lo + 1;
	while (i < t.len && !is_blank(t.s[i]) && t.s[i] != '>')
		i++;
	return i;
}

static bool split(struct reader *r)
{
	struct str t = r->text;
	r->tokens = arena_new_array(r->a, struct token, MAX_WORDS);
	for (uint32_t i = 0; i < t.len;) {
		if (is_blank(t.s[i])) {
			i++;
			continue;
		}
		if (r->n == MAX_WORDS)
			return fail(r, r->n - 1, STR("there are too many words"));
		struct token *k = &r->tokens[r->n++];
		*k = (struct token){.lo = i, .quoted = t.s[i] == '"'};
		if (k->quoted) {
			const char *end = memchr(t.s + i + 1, '"', t.len - i - 1);
			k->hi = t.len;
			if (!end)
				return fail(r, r->n - 1, STR("the string has no end"));
			k->lo++;
			k->hi = (uint32_t)(end - t.s);
			i = k->hi + 1;
		} else {
			i = k->hi = word_end(t, i);
		}
	}
	return true;
}

/* --- values -------------------------------------------------------------------------- */

static enum value_type type_of(enum var_id v)
{
	switch (v) {
	case V_ARP_SPA:
	case V_ARP_TPA:
	case V_IP4_SADDR:
	case V_IP4_DADDR:
		return VT_IP4;
	default:
		return vars[v].bits == 48 ? VT_MAC : vars[v].bits == 128 ? VT_IP6 : VT_UINT;
	}
}

static bool set(struct reader *r, enum var_id v, u128 value, uint32_t word)
{
	if (r->given[v] && r->p->v[v] != value)
		return fail(r, word,
			    str_printf(r->a, "'%s' was said before, and differs", vars[v].words));
	r->p->v[v] = value;
	r->given[v] = true;
	r->place[v] = word;
	return true;
}

/* A family that values say: IPv4 and IPv6 do not go together. */
static bool set_family(struct reader *r, uint8_t family, uint32_t word)
{
	if (r->family && r->family != family)
		return fail(r, word,
			    str_printf(r->a, "this is IPv%u, and what stands before it IPv%u",
				       family, r->family));
	r->family = family;
	return true;
}

/* Names of values: nft's, and of ICMP types those of the family. */
static bool named_value(const struct reader *r, enum var_id v, struct str word, uint32_t *out)
{
	static const struct attr icmp_type = {.field = F_ICMP_TYPE};
	bool six = r->family == 6 || (r->given[V_NET_PROTO] && r->p->v[V_NET_PROTO] == 58);
	for (const struct word_value *w = var_words(v); w && w->word; w++)
		if (str_eq_nocase(word, str_from(w->word))) {
			*out = w->value;
			return true;
		}
	if (v != V_ICMP_TYPE)
		return false;
	for (const struct value_name *n = nwf_value_names(&icmp_type, six ? 6 : 4); n->name; n++)
		if (str_eq_nocase(word, str_from(n->name))) {
			*out = n->value;
			return true;
		}
	return false;
}

/* "it is one of new, established, or a number" */
static struct str names_of(struct arena *a, enum var_id v)
{
	struct buf b;
	buf_memory(&b);
	buf_lit(&b, "it is one of ");
	for (const struct word_value *w = var_words(v); w->word; w++)
		buf_printf(&b, "%s, ", w->word);
	buf_lit(&b, "or a number");
	return buf_take(a, &b);
}

static bool bad_value(struct reader *r, enum var_id v, uint32_t word, const char *why)
{
	struct nearest near = nearest_to(word_at(r, word));
	for (const struct word_value *w = var_words(v); w && w->word; w++)
		nearest_try(&near, w->word);
	if (word >= r->n)
		return fail(r, word, str_printf(r->a, "'%s' wants a value", vars[v].words));
	fail(r, word, str_printf(r->a, "'%.*s' %s", STR_ARG(word_at(r, word)), why));
	if (near.name)
		r->e->hint = str_printf(r->a, "did you mean %s?", near.name);
	else if (var_words(v))
		r->e->hint = names_of(r->a, v);
	return false;
}

/* "syn", "syn|ack", "syn,ack", or a number */
static const char *read_flags(const struct reader *r, struct str word, uint32_t *out)
{
	uint32_t lo = 0;
	*out = 0;
	for (uint32_t i = 0; i <= word.len; i++) {
		if (i < word.len && word.s[i] != '|' && word.s[i] != ',')
			continue;
		uint32_t one;
		if (!named_value(r, V_TCP_FLAGS, (struct str){word.s + lo, i - lo}, &one))
			return "is no list of TCP flags";
		*out |= one;
		lo = i + 1;
	}
	return NULL;
}

static bool is_number(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (s.s[i] < '0' || s.s[i] > '9')
			return false;
	return s.len > 0;
}

static bool set_value(struct reader *r, enum var_id v, uint32_t word)
{
	struct str text = word_at(r, word);
	struct value value = {.type = VT_UINT};
	uint32_t max = vars[v].bits < 32 ? (uint32_t)var_max(v) : UINT32_MAX;
	if (word >= r->n)
		return bad_value(r, v, word, "");
	const char *why = NULL;
	if (!named_value(r, v, text, &value.u))
		why = value_parse(r->a, type_of(v), 0, max, text, &value);
	if (why && v == V_TCP_FLAGS)
		why = read_flags(r, text, &value.u);
	if (why && type_of(v) == VT_UINT && is_number(text))
		why = str_printf(r->a, "is outside 0..%u", max).s;
	if (why)
		return bad_value(r, v, word, why);
	if ((v == V_IP4_SADDR || v == V_IP4_DADDR) && !set_family(r, 4, word))
		return false;
	if ((v == V_IP6_SADDR || v == V_IP6_DADDR) && !set_family(r, 6, word))
		return false;
	return set(r, v, value_number(&value), word);
}

/* --- names --------------------------------------------------------------------------- */

static const struct packet_kind *find_kind(struct str word)
{
	for (const struct packet_kind *k = packet_kinds; k->word; k++)
		if (str_eq_nocase(word, str_from(k->word)))
			return k;
	return NULL;
}

static int find_var(struct str name)
{
	for (int v = 0; v < VARS; v++)
		if (str_eq_nocase(name, str_from(vars[v].words)))
			return v;
	for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++)
		if (str_eq_nocase(name, str_from(other_names[i].name)))
			return other_names[i].var;
	return -1;
}

/* Names of fields are not longer, so longer ones need not be put together. */
#define MAX_NAME 64

/* n words from here on, with a blank between two, behind a word that was not said; *name holds it.
 */
static struct str joined(const struct reader *r, const char *before, uint32_t n,
			 char name[MAX_NAME])
{
	uint32_t at = 0;
	if (before)
		at = (uint32_t)snprintf(name, MAX_NAME, "%s ", before);
	for (uint32_t k = 0; k < n; k++) {
		struct str word = word_at(r, r->i + k);
		if (at + word.len + 1 >= MAX_NAME)
			return STR("");
		memcpy(name + at, word.s, word.len);
		at += word.len;
		name[at++] = ' ';
	}
	return (struct str){name, at - 1};
}

/* The variable that the next words name, and how many words; -1: none. */
static int next_var(const struct reader *r, uint32_t *words)
{
	char name[MAX_NAME];
	for (*words = r->n - r->i < 3 ? r->n - r->i : 3; *words; --*words) {
		int v = find_var(joined(r, NULL, *words, name));
		if (v < 0 && r->context)
			v = find_var(joined(r, r->context, *words, name));
		if (v >= 0)
			return v;
	}
	return -1;
}

/* Words that say what another one does not contradict: "icmp type" of an ICMPv6 packet. */
static bool compatible(const struct packet_kind *k, u128 is)
{
	static const uint16_t pairs[][2] = {{0x0806, 0x8035}, {0x0800, 0x86dd}, {1, 58}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if ((k->value == pairs[i][0] && is == pairs[i][1]) ||
		    (k->value == pairs[i][1] && is == pairs[i][0]))
			return true;
	return k->value == is;
}

static bool set_kind(struct reader *r, const struct packet_kind *k, bool weak)
{
	r->context = packet_context(k);
	if (weak && r->given[k->var] && compatible(k, r->p->v[k->var]))
		return true;
	if (weak && k->family && r->family && k->var == V_ETHER_TYPE)
		return true; /* "ip dscp" is IPv6's as well */
	if (r->given[k->var] && r->p->v[k->var] != k->value)
		return fail(r, r->i,
			    str_printf(r->a,
				       "a packet is one kind only: this is %s, and another one "
				       "was said before",
				       k->word));
	if (k->var == V_ETHER_TYPE && k->family && !set_family(r, k->family, r->i))
		return false;
	return set(r, k->var, k->value, r->i);
}

/* --- statements ---------------------------------------------------------------------- */

/* An address, with a port perhaps: 10.0.0.1:80, [2001:db8::1]:80. */
static bool read_end(struct reader *r, bool source)
{
	struct str w = word_at(r, r->i), port = STR("");
	struct value v;
	bool six = memchr(w.s, '[', w.len) || (memchr(w.s, ':', w.len) && !memchr(w.s, '.', w.len));
	const char *colon = six ? NULL : memchr(w.s, ':', w.len);
	if (w.len && w.s[0] == '[') {
		const char *end = memchr(w.s, ']', w.len);
		struct str in = {w.s + 1, end ? (uint32_t)(end - w.s) - 1 : w.len - 1};
		if (end && end + 1 < w.s + w.len)
			colon = end + 1;
		port = colon ? (struct str){colon, (uint32_t)(w.s + w.len - colon)} : port;
		w = in;
	} else if (colon) {
		port = (struct str){colon, (uint32_t)(w.s + w.len - colon)};
		w.len = (uint32_t)(colon - w.s);
	}
	const char *why = value_parse(r->a, six ? VT_IP6 : VT_IP4, 0, 0, w, &v);
	if (why)
		return fail(r, r->i, str_printf(r->a, "'%.*s' %s", STR_ARG(w), why));
	enum var_id var = six      ? source ? V_IP6_SADDR : V_IP6_DADDR
			  : source ? V_IP4_SADDR
				   : V_IP4_DADDR;
	if (!set_family(r, six ? 6 : 4, r->i) || !set(r, var, value_number(&v), r->i))
		return false;
	if (!port.len)
		return true;
	why = port.s[0] == ':' ? value_parse(r->a, VT_UINT, 0, 65535,
					     (struct str){port.s + 1, port.len - 1}, &v)
			       : "is no port";
	if (why)
		return fail(r, r->i, str_printf(r->a, "the port '%.*s' %s", STR_ARG(port), why));
	return set(r, source ? V_SPORT : V_DPORT, v.u, r->i);
}

static bool is_address(struct str s)
{
	return memchr(s.s, '.', s.len) || memchr(s.s, ':', s.len);
}

/* A > B, or > B */
static bool read_ends(struct reader *r)
{
	if (!is_word(r, r->i, ">")) {
		if (!read_end(r, true))
			return false;
		r->i++;
	}
	r->i++;
	if (r->i >= r->n)
		return fail(r, r->i, STR("'>' wants the destination behind it"));
	bool good = read_end(r, false);
	r->i++;
	return good;
}

static bool read_option(struct reader *r)
{
	static const struct {
		const char *word;
		uint32_t kind;
	} names[] = {{"eol", 0},  {"nop", 1},      {"maxseg", 2},
		     {"mss", 2},  {"window", 3},   {"sack-permitted", 4},
		     {"sack", 5}, {"timestamp", 8}};
	struct value v = {.type = VT_UINT};
	bool found = false;
	for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
		if ((found = is_word(r, r->i, names[i].word)))
			v.u = names[i].kind;
	const char *why = found ? NULL : value_parse(r->a, VT_UINT, 0, 255, word_at(r, r->i), &v);
	if (why)
		return fail(r, r->i, STR("'option' wants the kind of a TCP option, 0 to 255"));
	r->p->tcp_options[v.u / 64] |= (uint64_t)1 << v.u % 64;
	r->i++;
	return true;
}

/* An answer to what a packet does not say. */
static bool read_given(struct reader *r)
{
	if (r->i >= r->n || !r->tokens[r->i].quoted)
		return fail(r, r->i, STR("'given' wants what holds, in double quotes"));
	*vec_push(r->a, &r->p->unknowns) = str_copy(r->a, word_at(r, r->i));
	r->i++;
	return true;
}

/* Names of values that stand without the name of their variable: "arp request", "tcp syn". */
static int bare_var(const struct reader *r)
{
	static const struct {
		const char *context;
		enum var_id var;
	} rows[] = {{"arp", V_ARP_OP}, {"icmp", V_ICMP_TYPE}, {"tcp", V_TCP_FLAGS}};
	uint32_t value;
	for (size_t i = 0; r->context && i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].context, r->context) == 0 &&
		    (named_value(r, rows[i].var, word_at(r, r->i), &value) ||
		     (rows[i].var == V_TCP_FLAGS && !read_flags(r, word_at(r, r->i), &value))))
			return (int)rows[i].var;
	return -1;
}

/* Flags may be said one by one. */
static bool read_bare(struct reader *r, enum var_id v)
{
	uint32_t flags;
	if (v == V_TCP_FLAGS && r->given[v] && !read_flags(r, word_at(r, r->i), &flags))
		r->p->v[v] |= flags;
	else if (!set_value(r, v, r->i))
		return false;
	r->i++;
	return true;
}

/* Addresses without a header before them. */
static int address_var(const struct reader *r)
{
	bool source = is_word(r, r->i, "saddr"), six;
	if (!source && !is_word(r, r->i, "daddr"))
		return -1;
	struct str value = word_at(r, r->i + 1);
	six = value.len && memchr(value.s, ':', value.len);
	return six ? source ? V_IP6_SADDR : V_IP6_DADDR : source ? V_IP4_SADDR : V_IP4_DADDR;
}

static bool unknown_word(struct reader *r)
{
	struct nearest near = nearest_to(word_at(r, r->i));
	size_t n = r->context ? strlen(r->context) : 0;
	for (const struct packet_kind *k = packet_kinds; k->word; k++)
		nearest_try(&near, k->word);
	for (int v = 0; v < VARS; v++)
		if (n && strncmp(vars[v].words, r->context, n) == 0 && vars[v].words[n] == ' ')
			nearest_try(&near, vars[v].words + n + 1);
	for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
		const char *name = other_names[i].name, *blank = strchr(name, ' ');
		nearest_try(&near, blank ? blank + 1 : name);
	}
	static const char *const more[] = {"ether", "saddr",   "daddr", "dport",  "sport",
					   "flags", "request", "given", "option", "state"};
	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		nearest_try(&near, more[i]);
	fail(r, r->i,
	     str_printf(r->a, "'%.*s' says nothing of a packet%s%s", STR_ARG(word_at(r, r->i)),
			r->context ? " behind " : "", r->context ? r->context : ""));
	if (near.name && near.distance)
		r->e->hint = str_printf(r->a, "did you mean %s?", near.name);
	return false;
}

/* The first word of a name: the header that it is about. */
static bool enter_context(struct reader *r)
{
	static const char *const headers[] = {"ether", "ct", "th", "meta"};
	const struct packet_kind *k = find_kind(word_at(r, r->i));
	if (k)
		return set_kind(r, k, true);
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		if (is_word(r, r->i, headers[i]))
			r->context = headers[i];
	return true;
}

static bool read_var(struct reader *r, enum var_id v, uint32_t words)
{
	uint32_t at = r->i;
	if (!enter_context(r))
		return false;
	/* "ip saddr" of IPv6 is no name of vars.def's */
	r->i += words;
	if (vars[v].bits == 1) /* it is there, or not */
		return set(r, v, 1, at);
	bool good = set_value(r, v, r->i);
	r->i++;
	return good;
}

static bool read_kind(struct reader *r, const struct packet_kind *k)
{
	struct value v;
	if (!set_kind(r, k, false))
		return false;
	r->i++;
	if (k->value == 0x8100 && k->var == V_ETHER_TYPE && r->i < r->n &&
	    !value_parse(r->a, VT_UINT, 0, 4095, word_at(r, r->i), &v))
		return set(r, V_VLAN_ID, v.u, r->i++);
	return true;
}

static bool read_statement(struct reader *r)
{
	uint32_t words = 0;
	int bare = bare_var(r), v;
	if (is_word(r, r->i, ">") || (is_word(r, r->i + 1, ">") && is_address(word_at(r, r->i))))
		return read_ends(r);
	if (is_word(r, r->i, "given"))
		return r->i++, read_given(r);
	if (is_word(r, r->i, "option") ||
	    (is_word(r, r->i, "tcp") && is_word(r, r->i + 1, "option"))) {
		r->i += is_word(r, r->i, "tcp") && set_kind(r, find_kind(STR("tcp")), true);
		r->i++;
		return read_option(r);
	}
	if (bare >= 0)
		return read_bare(r, (enum var_id)bare);
	if ((v = next_var(r, &words)) >= 0)
		return read_var(r, (enum var_id)v, words);
	const struct packet_kind *k = find_kind(word_at(r, r->i));
	if (k)
		return read_kind(r, k);
	if ((v = address_var(r)) >= 0)
		return read_var(r, (enum var_id)v, 1);
	if (is_word(r, r->i, "ether") || is_word(r, r->i, "ct")) {
		enter_context(r);
		r->i++;
		return true;
	}
	return unknown_word(r);
}

/* --- the whole ----------------------------------------------------------------------- */

/* What was said must be there: a UDP packet has no "tcp flags". */
static bool check_present(struct reader *r)
{
	for (int v = 0; v < VARS; v++)
		if (r->given[v] && !packet_has(r->p, (enum var_id)v))
			return fail(r, r->place[v],
				    str_printf(r->a, "this packet has no '%s'", vars[v].words));
	if (r->p->v[V_BPDU] && r->p->v[V_ETHER_TYPE] > 1500)
		return fail(r, r->place[V_ETHER_TYPE],
			    STR("a BPDU has a length in the place of its type"));
	if (r->p->v[V_CT_STATE] == CTC_NEW && r->p->v[V_CT_REPLY])
		return fail(r, r->place[V_CT_REPLY], STR("a new connection has no reply yet"));
	return true;
}

/* What addresses and headers say of the family. */
static void conclude(struct reader *r)
{
	bool transport = r->given[V_NET_PROTO];
	if (r->given[V_ETHER_TYPE] || r->given[V_BPDU] || (!r->family && !transport))
		return;
	if (!r->family && transport)
		r->family = r->p->v[V_NET_PROTO] == 58 ? 6 : 4;
	r->p->v[V_ETHER_TYPE] = r->family == 6 ? 0x86dd : 0x0800;
	r->given[V_ETHER_TYPE] = true;
}

bool packet_read_words(struct arena *a, struct str text, const struct packet usual[SIDES],
		       struct packet *out, struct words_error *e)
{
	struct reader r = {.a = a, .text = text, .p = out, .e = e};
	uint64_t options[4];
	*out = (struct packet){.side = SIDE_OUT};
	if (!split(&r))
		return false;
	if (!r.n)
		return fail(&r, 0, STR("there is no packet"));
	if (is_word(&r, 0, "in") || is_word(&r, 0, "out")) {
		out->side = is_word(&r, 0, "in") ? SIDE_IN : SIDE_OUT;
		r.i++;
	}
	while (r.i < r.n)
		if (!read_statement(&r))
			return false;
	conclude(&r);
	memcpy(options, out->tcp_options, sizeof options);
	packet_complete(out, r.given, &usual[out->side]);
	if (memcmp(options, out->tcp_options, sizeof options) != 0)
		return fail(&r, r.n, STR("only TCP has options"));
	return check_present(&r);
}
