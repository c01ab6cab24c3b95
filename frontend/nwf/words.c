/* SPDX-License-Identifier: MIT */
#include "frontend/nwf/words.h"

#include "frontend/nwf/parser.h"
#include "nwf_grammar.h"

/* No fields: a range that ends before it begins. */
#define NONE                                                                                       \
	{                                                                                          \
		1, 0                                                                               \
	}
#define HEADER(word, family, frame, ipproto, ...)                                                  \
	{                                                                                          \
		word, sizeof word - 1, family, PROTO_##frame, ipproto,                             \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

const struct nwf_header nwf_headers[] = {
	/*     word   family frames protocol fields: the first and the last of a row in
	   ir/fields.def */
	HEADER("ether", 0, MAC, -1, {F_ETHER_SADDR, F_ETHER_TYPE}, NONE),
	HEADER("vlan", 0, VLAN, -1, {F_VLAN_ID, F_VLAN_TYPE}, NONE),
	HEADER("stp", 0, STP, -1, {F_STP_TYPE, F_STP_DELAY}, NONE),
	HEADER("arp", 0, ARP, -1, {F_ARP_HTYPE, F_ARP_GRATUITOUS}, NONE),
	HEADER("rarp", 0, RARP, -1, {F_ARP_HTYPE, F_ARP_GRATUITOUS}, NONE),
	HEADER("ip", 4, IP, -1, {F_NET_SADDR, F_NET_DSCP}, NONE),
	HEADER("ip6", 6, IPV6, -1, {F_NET_SADDR, F_NET_DSCP}, NONE),
	HEADER("tcp", 0, NONE, 6, {F_TH_SPORT, F_TH_DPORT}, {F_TCP_FLAGS, F_TCP_OPTION}),
	HEADER("udp", 0, NONE, 17, {F_TH_SPORT, F_TH_DPORT}, NONE),
	HEADER("udplite", 0, NONE, 136, {F_TH_SPORT, F_TH_DPORT}, NONE),
	HEADER("sctp", 0, NONE, 132, {F_TH_SPORT, F_TH_DPORT}, NONE),
	HEADER("dccp", 0, NONE, 33, {F_TH_SPORT, F_TH_DPORT}, NONE),
	HEADER("esp", 0, NONE, 50, NONE, NONE),
	HEADER("ah", 0, NONE, 51, NONE, NONE),
	HEADER("icmp", 4, NONE, 1, {F_ICMP_TYPE, F_ICMP_CODE}, NONE),
	HEADER("igmp", 4, NONE, 2, NONE, NONE),
	HEADER("icmpv6", 6, NONE, 58, {F_ICMP_TYPE, F_ICMP_CODE}, NONE),
	HEADER("th", 0, NONE, -1, {F_TH_SPORT, F_TH_DPORT}, NONE),
	HEADER("ct", 0, NONE, -1, {F_CT_STATE, F_CT_COUNT}, NONE),
	{NULL, 0, 0, PROTO_NONE, -1, {NONE, NONE}},
};

const struct nwf_header *nwf_header_find(struct str word)
{
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		if (h->length == word.len && memcmp(word.s, h->word, word.len) == 0)
			return h;
	return NULL;
}

/* What IPv4 calls protocol, nft calls nexthdr in IPv6. */
const char *nwf_field_word(const struct nwf_header *h, enum field_id field)
{
	if (h->family == 6 && field == F_NET_PROTO)
		return "nexthdr";
	return strchr(fields[field].name, ' ') + 1;
}

bool nwf_has_field(const struct nwf_header *h, enum field_id field)
{
	nwf_each_field (f, h)
		if (f == field)
			return true;
	return false;
}

enum field_id nwf_field_find(const struct nwf_header *h, struct str word)
{
	nwf_each_field (f, h)
		if (str_is(word, nwf_field_word(h, f)))
			return f;
	return FIELDS;
}

/* --- reserved words --- */

#define STATEMENT_WORDS(W)                                                                         \
	W("filter", FILTER)                                                                        \
	W("port", PORT)                                                                            \
	W("define", DEFINE)                                                                        \
	W("include", INCLUDE)                                                                      \
	W("use", USE)                                                                              \
	W("uuid", UUID)                                                                            \
	W("chain", CHAIN)                                                                          \
	W("priority", PRIORITY)                                                                    \
	W("stateless", STATELESS)                                                                  \
	W("some", SOME)                                                                            \
	W("mac", MAC)                                                                              \
	W("learn", LEARN)                                                                          \
	W("owner", OWNER)                                                                          \
	W("link", LINK)                                                                            \
	W("macvtap", MACVTAP)                                                                      \
	W("ipset", IPSET)                                                                          \
	W("assert", ASSERT)                                                                        \
	W("except", EXCEPT)

#define WORD_ONLY(word, token) word,
const char *const nwf_statement_words[] = {STATEMENT_WORDS(WORD_ONLY) NULL};
const char *const nwf_assert_words[] = {"every", "guest", "never", "always", NULL};

#define WORD_TOKEN(word, token) {word, sizeof word - 1, NWF_TOKEN_##token},
static const struct {
	const char *word;
	uint8_t length;
	int token;
} keywords[] = {STATEMENT_WORDS(WORD_TOKEN){"pass", 4, NWF_TOKEN_VERB}};

/* Every reserved word with its token, each once; the first of equal words wins. */
static void each_keyword(void (*fn)(void *user, struct str word, int token), void *user)
{
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		fn(user, (struct str){keywords[i].word, keywords[i].length}, keywords[i].token);
	for (int i = 0; i < ACTIONS; i++)
		fn(user, str_from(action_names[i]), NWF_TOKEN_VERB);
	for (int i = 0; i < DIRECTIONS; i++)
		fn(user, str_from(direction_names[i]), NWF_TOKEN_DIRECTION);
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		fn(user, (struct str){h->word, h->length}, NWF_TOKEN_HEADER);
}

/* All reserved words are short and begin with a small letter; most values and names are told by
 * that. */
#define KEYWORD_MAX 9

static bool may_be_keyword(struct str word)
{
	return word.len <= KEYWORD_MAX && word.len >= 2 && word.s[0] >= 'a' && word.s[0] <= 'z';
}

static void put_keyword(void *user, struct str word, int token)
{
	struct nwf_parser *p = user;
	bool added;
	struct map_entry *e = map_put(p->arena, &p->keywords, word, &added);
	if (added)
		e->num = (uintptr_t)token;
}

void nwf_put_keywords(struct nwf_parser *p)
{
	each_keyword(put_keyword, p);
}

int nwf_keyword(const struct nwf_parser *p, struct str word)
{
	const struct map_entry *e = may_be_keyword(word) ? map_find(&p->keywords, word) : NULL;
	return e ? (int)e->num : NWF_TOKEN_WORD;
}

struct search {
	struct str word;
	int token;
};

static void compare_keyword(void *user, struct str word, int token)
{
	struct search *s = user;
	if (s->token == NWF_TOKEN_WORD && str_eq(s->word, word))
		s->token = token;
}

static int find_keyword(struct str word)
{
	struct search s = {word, NWF_TOKEN_WORD};
	if (may_be_keyword(word))
		each_keyword(compare_keyword, &s);
	return s.token;
}

bool nwf_is_verb(struct str word)
{
	return find_keyword(word) == NWF_TOKEN_VERB;
}

bool nwf_is_field(struct str header, struct str word)
{
	const struct nwf_header *h = nwf_header_find(header);
	return h && nwf_field_find(h, word) != FIELDS;
}

bool nwf_is_keyword(struct str word)
{
	return find_keyword(word) != NWF_TOKEN_WORD;
}
