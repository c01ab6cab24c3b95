/* SPDX-License-Identifier: MIT */
/*
 * What writers of other languages write, and how it is said here. A row is a
 * word or sign of nft, pf, iptables, ebtables or libvirt's XML that has no meaning in the
 * place where it stands, with the hint for whom is used to it.
 */
#include "frontend/nwf/words.h"

#include "frontend/nwf/parser.h"

#define RULE(example) "a rule begins with its verdict and direction: `" example "`"
#define SEVERAL                                                                                    \
	"several values are a list, as in `dport { 80, 443 }`; other alternatives are rules of "   \
	"their own"
#define BESIDE     "tests stand side by side, and all must hold: `tcp dport 80 ip saddr 10.0.0.1`"
#define EQUALITY   "equality has no sign: `dport 80`; a range is `80-90`, not equal is `!=`"
#define RANGE_UP   "write a range to the largest value, as in `1024-65535`"
#define RANGE_DOWN "write a range from the smallest value, as in `0-1023`"
#define TWICE      "the layers have two labels, frames: and packets:, and no tables or hooks"
#define IPTABLES   "this is iptables' way to write; here it is `accept in tcp dport 80`"
#define HEAD       "a filter is `filter NAME { ... }`, a port `port NAME mac ADDRESS { ... }`"

static const struct habit {
	unsigned where; /* HABIT_* */
	const char *text, *hint;
} habits[] = {
	/* verdicts: nft, pf, iptables, other firewalls */
	{HABIT_VERB, "block", "write 'drop'"},
	{HABIT_VERB, "deny", "write 'drop'"},
	{HABIT_VERB, "discard", "write 'drop'"},
	{HABIT_VERB, "refuse", "write 'reject'"},
	{HABIT_VERB, "allow", "write 'accept', or 'pass' under frames:"},
	{HABIT_VERB, "permit", "write 'accept', or 'pass' under frames:"},
	{HABIT_VERB, "ok", "write 'accept', or 'pass' under frames:"},
	{HABIT_VERB, "ACCEPT", "write 'accept', or 'pass' under frames:"},
	{HABIT_VERB, "DROP", "write 'drop'"},
	{HABIT_VERB, "REJECT", "write 'reject'"},
	{HABIT_VERB, "RETURN", "write 'return'"},
	{HABIT_VERB, "log", "rules do not log; 'continue' goes on with the next one"},
	{HABIT_VERB, "counter",
	 "nothing is counted by a rule; 'continue' goes on with the next one"},
	{HABIT_VERB, "match", "write 'continue', which goes on with the next rule"},
	{HABIT_VERB, "jump", "write `use OTHER`: its rules stand where it is used"},
	{HABIT_VERB, "goto", "write `use OTHER`: its rules stand where it is used"},
	/* statements that begin with something else */
	{HABIT_START, "tcp", RULE("accept in tcp dport 80")},
	{HABIT_START, "udp", RULE("accept in udp dport 53")},
	{HABIT_START, "ip", RULE("drop out ip saddr != $IP")},
	{HABIT_START, "ip6", RULE("drop out ip6 saddr != $IPV6")},
	{HABIT_START, "ether", RULE("drop out ether saddr != $MAC")},
	{HABIT_START, "arp", RULE("pass inout arp operation request")},
	{HABIT_START, "ct", RULE("accept in ct state established")},
	{HABIT_START, "icmp", RULE("accept inout icmp type echo-request")},
	{HABIT_START, "icmpv6", RULE("accept inout icmpv6 type echo-request")},
	{HABIT_START, "th", RULE("accept in th dport 53")},
	{HABIT_START, "in", RULE("accept in tcp dport 80")},
	{HABIT_START, "out", RULE("accept out udp dport 53")},
	{HABIT_START, "inout", RULE("accept inout icmp")},
	{HABIT_START, "meta", RULE("accept in tcp dport 80")},
	{HABIT_START, "if", RULE("accept in tcp dport 80")},
	{HABIT_START, "iifname",
	 "the port says the interface; a rule has its direction: `accept in`, `drop out`"},
	{HABIT_START, "oifname",
	 "the port says the interface; a rule has its direction: `accept in`, `drop out`"},
	{HABIT_START, "type", TWICE},
	{HABIT_START, "policy",
	 "what no rule decides passes; a last rule may drop it: `drop inout priority 1000`"},
	{HABIT_START, "import",
	 "write `include \"FILE\"` outside of filters, or `use FILTER` inside"},
	{HABIT_START, "filterref", "write `use FILTER`"},
	{HABIT_START, "call", "write `use FILTER`"},
	{HABIT_START, "rule", RULE("accept in tcp dport 80")},
	{HABIT_START, "action", RULE("accept in tcp dport 80")},
	{HABIT_START, "parameter", "write `NAME = VALUE`"},
	{HABIT_START, "set", "write `NAME = VALUE`; a list is `NAME = a, b`"},
	{HABIT_START, "let", "write `NAME = VALUE`"},
	{HABIT_START, "var", "write `NAME = VALUE`"},
	{HABIT_START, "assert", "assertions stand outside of filters and ports"},
	{HABIT_START, "define",
	 "a define stands outside of filters and ports; here it is `NAME = VALUE`"},
	{HABIT_START, "include",
	 "an include stands outside of filters and ports; `use` refers to a filter"},
	{HABIT_START, "filter", "filters do not lie within one another; `use NAME` refers to one"},
	{HABIT_START, "port", "a port stands outside of filters; in a rule it is `tcp dport 80`"},
	{HABIT_START, "mac",
	 "the address stands in the head, `port NAME mac ADDRESS {`; the test is `ether saddr`"},
	{HABIT_START, "learning", "write `learn any`, `learn dhcp` or `learn none`"},
	{HABIT_START | HABIT_ITEM, "iptables", IPTABLES},
	{HABIT_START | HABIT_ITEM, "ip6tables", IPTABLES},
	{HABIT_START | HABIT_ITEM, "ebtables", IPTABLES},
	{HABIT_START | HABIT_ITEM, "-", IPTABLES},
	/* outside of filters and ports */
	{HABIT_ITEM, "table", HEAD "; " TWICE},
	{HABIT_ITEM, "chain", HEAD "; its chain is said inside"},
	{HABIT_ITEM, "set", "write `define NAME = a, b`"},
	{HABIT_ITEM, "let", "write `define NAME = VALUE`"},
	{HABIT_ITEM, "var", "write `define NAME = VALUE`"},
	{HABIT_ITEM, "import", "write `include \"FILE\"`"},
	{HABIT_ITEM, "interface", "write `port NAME mac ADDRESS { ... }`"},
	{HABIT_ITEM, "filterbinding", "write `port NAME mac ADDRESS { ... }`"},
	{HABIT_ITEM, "filterref", "write `use FILTER` in a filter or port"},
	{HABIT_ITEM, "frames:", "labels stand inside a filter"},
	{HABIT_ITEM, "packets:", "labels stand inside a filter"},
	/* in the middle of a rule */
	{HABIT_RULE, "=", EQUALITY},
	{HABIT_RULE, "eq", EQUALITY},
	{HABIT_RULE, "ne", "not equal is `!=`, before the value: `dport != 80`"},
	{HABIT_RULE, "not", "not equal is `!=`, before the value: `dport != 80`"},
	{HABIT_RULE, "to", "a range is `80-90`; destinations are `daddr` and `dport`"},
	{HABIT_RULE, "from",
	 "sources are `ip saddr` and `tcp sport`: `accept in ip saddr 10.0.0.0/8`"},
	{HABIT_RULE, "src", "sources are `ip saddr`, `ether saddr` and `tcp sport`"},
	{HABIT_RULE, "dst", "destinations are `ip daddr`, `ether daddr` and `tcp dport`"},
	{HABIT_RULE, "saddr",
	 "the header stands before it: `ip saddr`, `ip6 saddr`, `ether saddr`"},
	{HABIT_RULE, "daddr",
	 "the header stands before it: `ip daddr`, `ip6 daddr`, `ether daddr`"},
	{HABIT_RULE, "sport", "the header stands before it: `tcp sport`, `udp sport`"},
	{HABIT_RULE, "dport", "the header stands before it: `tcp dport`, `udp dport`"},
	{HABIT_RULE, "flags", "the header stands before it: `tcp flags syn / syn, ack`"},
	{HABIT_RULE, "and", BESIDE},
	{HABIT_RULE, "or", SEVERAL},
	{HABIT_RULE, "all", "a rule without tests is for everything: `drop in`"},
	{HABIT_RULE, "any", "a rule without tests is for everything: `drop in`"},
	{HABIT_RULE, "proto", "the protocol's own word says it: `accept in tcp dport 80`"},
	{HABIT_RULE, "protocol", "the protocol's own word says it: `accept in tcp dport 80`"},
	{HABIT_RULE, "port", "write `tcp dport 80` or `tcp sport 80`"},
	{HABIT_RULE, "on",
	 "the port says the interface; a rule has its direction: `accept in`, `drop out`"},
	{HABIT_RULE, "quick", "the first rule that matches decides; no word says so"},
	{HABIT_RULE, "keep",
	 "an accept of packets lets the answers through; 'stateless' would not"},
	{HABIT_RULE, "inet", "a rule without ip or ip6 is for both families"},
	{HABIT_RULE, "inet6", "write 'ip6'"},
	{HABIT_RULE, "ipv4", "write 'ip'"},
	{HABIT_RULE, "ipv6", "write 'ip6'"},
	{HABIT_RULE, "state", "write `ct state new, established`"},
	{HABIT_RULE, "limit", "write `ct count <= 10`; rates have no test"},
	{HABIT_RULE, "log", "rules do not log"},
	{HABIT_RULE, "counter", "rules do not count"},
	{HABIT_RULE, "comment",
	 "a comment is a string at the end of the rule: `accept in \"why\"`"},
	{HABIT_RULE, "meta", "the protocol's own word says it: `accept in tcp dport 80`"},
	{HABIT_RULE, "iifname",
	 "the port says the interface; a rule has its direction: `accept in`, `drop out`"},
	{HABIT_RULE, "oifname",
	 "the port says the interface; a rule has its direction: `accept in`, `drop out`"},
	{HABIT_RULE, "statematch", "write 'stateless'"},
	{HABIT_RULE, "match", "the negation of a test is `!=`: `ip saddr != $IP`"},
	{HABIT_RULE, "-", IPTABLES},
	{HABIT_RULE, "in", "a rule has one direction; in and out together are `inout`"},
	{HABIT_RULE, "out", "a rule has one direction; in and out together are `inout`"},
	{HABIT_RULE, "inout", "a rule has one direction; in and out together are `inout`"},
	{HABIT_RULE, "{", "braces hold the list of a test: `tcp dport { 80, 443 }`"},
	{HABIT_RULE, "(", "lists stand in braces: `tcp dport { 80, 443 }`"},
	{HABIT_RULE, ",", BESIDE},
	/* behind a header, where its field is wanted */
	{HABIT_FIELD, "source", "write 'saddr'"},
	{HABIT_FIELD, "src", "write 'saddr'"},
	{HABIT_FIELD, "destination", "write 'daddr'"},
	{HABIT_FIELD, "dst", "write 'daddr'"},
	{HABIT_FIELD, "port", "write 'dport' or 'sport'"},
	{HABIT_FIELD, "proto", "write 'protocol', or the protocol's own word"},
	{HABIT_FIELD, "op", "write 'operation'"},
	{HABIT_FIELD, "opcode", "write 'operation'"},
	/* other statements */
	{HABIT_USE, "{", "parameters stand in parentheses: `use FILTER ( NAME = VALUE )`"},
	{HABIT_USE, "with", "parameters stand in parentheses: `use FILTER ( NAME = VALUE )`"},
	{HABIT_USE, ",", "write a `use` for each filter"},
	{HABIT_USE, "=",
	 "parameters are parted by `;` or newlines, as commas part the values of one: `( A = 1, 2; "
	 "B = 3 )`"},
	{HABIT_PARAM, "=", "each variable has a line of its own, as commas part the values of one"},
	{HABIT_PARAM, "{", "the values of a variable have commas and no braces: `NAME = a, b`"},
	{HABIT_CHAIN, "{", "a filter has one chain, and its rules stand in the filter itself"},
	{HABIT_HEAD, "mac", "the address stands right behind it: `mac 52:54:00:12:34:56`"},
	/* signs without a meaning */
	{HABIT_SIGN, "==", EQUALITY},
	{HABIT_SIGN, "&&", BESIDE},
	{HABIT_SIGN, "||", SEVERAL},
	{HABIT_SIGN, "&",
	 "a mask is written with a slash: `10.0.0.0/8`, `tcp flags syn / syn, ack`"},
	{HABIT_SIGN, "|", SEVERAL},
	{HABIT_SIGN, "!", "not equal is `!=`, before the value: `ip saddr != 10.0.0.1`"},
	{HABIT_SIGN, ">=", RANGE_UP},
	{HABIT_SIGN, "<", RANGE_DOWN},
	{HABIT_SIGN, "@",
	 "values of a variable are `$NAME`; a set of the kernel is `ipset NAME src`"},
	{HABIT_SIGN, "'", "strings stand in double quotes"},
	{HABIT_SIGN, "/*", "comments begin with # and end with the line"},
	{HABIT_SIGN, "*/", "comments begin with # and end with the line"},
	{HABIT_SIGN, "//", "comments begin with # and end with the line"},
	{HABIT_SIGN, "*", "a network has a prefix length, as in `10.0.0.0/24`"},
	{HABIT_SIGN, "[", "only a variable has brackets: `$NAME[1]`"},
	{HABIT_SIGN, "->", "write `ip saddr 10.0.0.1 ip daddr 10.0.0.2`"},
	{HABIT_SIGN, "\\", "a line goes on behind a backslash only when nothing follows it"},
};

const char *nwf_habit(unsigned where, struct str text)
{
	for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
		if ((habits[i].where & where) && str_is(text, habits[i].text))
			return habits[i].hint;
	return NULL;
}

/* libvirt's name for an attribute: the words of its field; FIELDS: it is none. */
enum field_id nwf_field_of_xml(struct str name)
{
	for (int p = PROTO_NONE + 1; p < PROTOS; p++) {
		const struct attr *at = attr_find(&protos[p], name);
		if (at)
			return (enum field_id)at->field;
	}
	return FIELDS;
}
