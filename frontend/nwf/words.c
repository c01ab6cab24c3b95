/* SPDX-License-Identifier: MIT */
#include "frontend/nwf/words.h"

#include "frontend/near.h"
#include "frontend/nwf/parser.h"
#include "nwf_grammar.h"

const struct nwf_header nwf_headers[] = {
	/* word   family  frames   protocol groups */
	{"ether", 0, PROTO_MAC, -1, {"ether", NULL}},
	{"vlan", 0, PROTO_VLAN, -1, {"vlan", NULL}},
	{"stp", 0, PROTO_STP, -1, {"stp", NULL}},
	{"arp", 0, PROTO_ARP, -1, {"arp", NULL}},
	{"rarp", 0, PROTO_RARP, -1, {"arp", NULL}},
	{"ip", 4, PROTO_IP, -1, {"ip", NULL}},
	{"ip6", 6, PROTO_IPV6, -1, {"ip", NULL}},
	{"tcp", 0, PROTO_NONE, 6, {"th", "tcp"}},
	{"udp", 0, PROTO_NONE, 17, {"th", NULL}},
	{"udplite", 0, PROTO_NONE, 136, {"th", NULL}},
	{"sctp", 0, PROTO_NONE, 132, {"th", NULL}},
	{"dccp", 0, PROTO_NONE, 33, {"th", NULL}},
	{"esp", 0, PROTO_NONE, 50, {NULL, NULL}},
	{"ah", 0, PROTO_NONE, 51, {NULL, NULL}},
	{"icmp", 4, PROTO_NONE, 1, {"icmp", NULL}},
	{"igmp", 4, PROTO_NONE, 2, {NULL, NULL}},
	{"icmpv6", 6, PROTO_NONE, 58, {"icmp", NULL}},
	{"th", 0, PROTO_NONE, -1, {"th", NULL}}, /* of whatever protocol the rule tests */
	{"ct", 0, PROTO_NONE, -1, {"ct", NULL}},
	{NULL, 0, PROTO_NONE, -1, {NULL, NULL}},
};

const struct nwf_header *nwf_header_find(struct str word)
{
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		if (str_is(word, h->word))
			return h;
	return NULL;
}

/* What IPv4 calls protocol, nft calls nexthdr in IPv6. */
const char *nwf_field_word(const struct nwf_header *h, const char *group, enum field_id field)
{
	const char *name = fields[field].name;
	size_t n = strlen(group);
	if (strncmp(name, group, n) != 0 || name[n] != ' ')
		return NULL;
	return h->family == 6 && field == F_NET_PROTO ? "nexthdr" : name + n + 1;
}

enum field_id nwf_field_find(const struct nwf_header *h, struct str word)
{
	for (int g = 0; g < 2 && h->groups[g]; g++)
		for (int f = 0; f < FIELDS; f++) {
			const char *name = nwf_field_word(h, h->groups[g], (enum field_id)f);
			if (name && str_is(word, name))
				return (enum field_id)f;
		}
	return FIELDS;
}

/* nft's words (describe ether_type, arp operation); where it has none, the language's own. */
static const struct value_name ethertypes[] = {{"ip", 0x0800},   {"ip6", 0x86dd},  {"arp", 0x0806},
					       {"rarp", 0x8035}, {"vlan", 0x8100}, {NULL, 0}};
static const struct value_name arpops[] = {{"request", 1}, {"reply", 2},     {"rrequest", 3},
					   {"rreply", 4},  {"inrequest", 8}, {"inreply", 9},
					   {"nak", 10},    {NULL, 0}};

const struct value_name *nwf_value_names(enum value_type type)
{
	return type == VT_ETHERTYPE ? ethertypes : type == VT_ARPOP ? arpops : NULL;
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
	W("ipset", IPSET)

#define WORD_ONLY(word, token) word,
const char *const nwf_statement_words[] = {STATEMENT_WORDS(WORD_ONLY) NULL};

#define WORD_TOKEN(word, token) {word, NWF_TOKEN_##token},
static const struct {
	const char *word;
	int token;
} keywords[] = {STATEMENT_WORDS(WORD_TOKEN){"pass", NWF_TOKEN_VERB}};

static int find_keyword(struct str word)
{
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		if (str_is(word, keywords[i].word))
			return keywords[i].token;
	for (int i = 0; i < ACTIONS; i++)
		if (str_is(word, action_names[i]))
			return NWF_TOKEN_VERB;
	for (int i = 0; i < DIRECTIONS; i++)
		if (str_is(word, direction_names[i]))
			return NWF_TOKEN_DIRECTION;
	return nwf_header_find(word) ? NWF_TOKEN_HEADER : NWF_TOKEN_WORD;
}

/* All reserved words are short and begin with a small letter; most values and names are told by
 * that. */
#define KEYWORD_MAX 9

int nwf_keyword(struct str word)
{
	if (word.len > KEYWORD_MAX || word.len < 2 || word.s[0] < 'a' || word.s[0] > 'z')
		return NWF_TOKEN_WORD;
	return find_keyword(word);
}

bool nwf_is_verb(struct str word)
{
	return nwf_keyword(word) == NWF_TOKEN_VERB;
}

bool nwf_is_field(struct str header, struct str word)
{
	const struct nwf_header *h = nwf_header_find(header);
	return h && nwf_field_find(h, word) != FIELDS;
}

bool nwf_is_keyword(struct str word)
{
	return nwf_keyword(word) != NWF_TOKEN_WORD;
}

/* --- errors of the text --- */

void nwf_lexical_error(struct nwf_parser *p, struct span at, const char *text, struct str what)
{
	diag_add(p->diags, FINDING(E127), at, "%s%.*s%s%s", what.len ? "'" : "", STR_ARG(what),
		 what.len ? "' " : "", text);
	p->error_at = at.hi;
}

static struct nearest nearest_keyword(struct str word)
{
	struct nearest n = nearest_to(word);
	if (word.len < 2 || nwf_is_keyword(word))
		return n;
	for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
		nearest_try(&n, keywords[i].word);
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		nearest_try(&n, h->word);
	for (int i = 0; i < DIRECTIONS; i++)
		nearest_try(&n, direction_names[i]);
	return n;
}

/* One mistake, one finding: none where the scanner has just said what is wrong. */
void nwf_syntax_error(struct nwf_parser *p, struct span at, struct str unexpected,
		      struct str wanted)
{
	if (p->error_at == at.hi)
		return;
	p->error_at = at.hi;
	struct str text = source_slice(p->diags->sources, at);
	bool visible = text.len && text.s[0] != '\n';
	struct finding *f = visible ? diag_add(p->diags, FINDING(E128), at,
					       "'%.*s' can not stand here", STR_ARG(text))
				    : diag_add(p->diags, FINDING(E128), at,
					       "%.*s can not stand here", STR_ARG(unexpected));
	if (!text.len && p->depth)
		diag_note(p->diags, f, p->outermost, "this brace is not closed");
	struct nearest n = nearest_keyword(text);
	if (n.name)
		nearest_hint(p->diags, f, &n);
	else if (wanted.len)
		diag_hint(p->diags, f, "%.*s is wanted here", STR_ARG(wanted));
}
