/* SPDX-License-Identifier: MIT */
/*
 * Values of attributes of a <network>: switches, numbers, addresses.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "frontend/network_draft.h"

void network_tristate(struct xml_text *x, const struct xml_element *e, const char *name,
		      enum tristate *out)
{
	static const char *const words[] = {"no", "yes"};
	const struct xml_attr *a = xml_attr(e, name);
	int w = a ? xml_word(x, a, words, 2) : -1;
	if (w >= 0)
		*out = w ? TRI_YES : TRI_NO;
}

bool network_yes(struct xml_text *x, const struct xml_element *e, const char *name)
{
	enum tristate t = TRI_ABSENT;
	network_tristate(x, e, name, &t);
	return t == TRI_YES;
}

bool network_number_of(struct xml_text *x, const struct xml_attr *a, uint32_t max, uint32_t *out)
{
	uint32_t v = 0;
	for (uint32_t i = 0; i < a->value.len; i++) {
		char c = a->value.s[i];
		if (c < '0' || c > '9' || (v = v * 10 + (uint32_t)(c - '0')) > max || i > 8) {
			diag_add(x->diags, FINDING(E112), a->value_span,
				 "%.*s '%.*s' is not a number from 0 to %u", STR_ARG(a->name),
				 STR_ARG(a->value), max);
			return false;
		}
	}
	*out = v;
	if (!a->value.len)
		diag_add(x->diags, FINDING(E112), a->value_span, "%.*s is empty", STR_ARG(a->name));
	return a->value.len;
}

/* Without the attribute false, without a word. */
bool network_number(struct xml_text *x, const struct xml_element *e, const char *name, uint32_t max,
		    uint32_t *out)
{
	const struct xml_attr *a = xml_attr(e, name);
	return a && network_number_of(x, a, max, out);
}

const char *const family_names[IP_FAMILIES] = {"IPv4", "IPv6"};

bool network_address_of(struct xml_text *x, const struct xml_attr *a, enum ip_family family,
			struct ip_addr *out)
{
	if (ip_parse(a->value, family, out))
		return true;
	struct finding *f =
		diag_add(x->diags, FINDING(E112), a->value_span, "%.*s '%.*s' is not an %s address",
			 STR_ARG(a->name), STR_ARG(a->value), family_names[family]);
	if (family == IP4 && memchr(a->value.s, ':', a->value.len))
		diag_hint(x->diags, f, "an IPv6 address needs family='ipv6'");
	return false;
}

bool network_address(struct xml_text *x, const struct xml_element *e, const char *name,
		     enum ip_family family, struct ip_addr *out)
{
	const struct xml_attr *a = xml_attr_needed(x, e, name);
	return a && network_address_of(x, a, family, out);
}

void network_mac(struct xml_text *x, const struct xml_attr *a)
{
	struct value mac;
	const char *why = value_parse(x->arena, VT_MAC, 0, 0, a->value, &mac);
	if (!why && (mac.mac[0] & 1))
		why = "is a multicast address";
	if (why)
		diag_add(x->diags, FINDING(E112), a->value_span, "'%.*s' %s", STR_ARG(a->value),
			 why);
}
