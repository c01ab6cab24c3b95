/* SPDX-License-Identifier: MIT */
#include "ir/field.h"

const struct field fields[FIELDS] = {
#define FIELD(id, name, mirror, header, offset4, offset6, width)                                   \
	[F_##id] = {name, F_##mirror, header, offset4, offset6, width},
#include "ir/fields.def"
};

#define ATTRS_BEGIN(name) static const struct attr attrs_##name[] = {
#define ATTRS_END                                                                                  \
	}                                                                                          \
	;
#include "ir/fields.def"

const struct proto protos[PROTOS] = {
	[PROTO_NONE] = {NULL, LAYER_FRAME, 0, 0, -1, NULL, 0},
#define PROTO(id, xml, layer, family, ethertype, ipproto, attrs)                                   \
	[PROTO_##id] = {xml,                                                                       \
			layer,                                                                     \
			family,                                                                    \
			ethertype,                                                                 \
			ipproto,                                                                   \
			attrs_##attrs,                                                             \
			sizeof attrs_##attrs / sizeof attrs_##attrs[0]},
#include "ir/fields.def"
};

const struct proto *proto_find(struct str xml)
{
	for (unsigned i = PROTO_NONE + 1; i < PROTOS; i++)
		if (str_is(xml, protos[i].xml))
			return &protos[i];
	return NULL;
}

const struct attr *attr_find(const struct proto *p, struct str xml)
{
	for (uint32_t i = 0; i < p->nattrs; i++)
		if (str_is(xml, p->attrs[i].xml))
			return &p->attrs[i];
	return NULL;
}

/* libvirt's manual names these; its parser never knew them (specification 4.3). */
const char *attr_alias(const struct proto *p, struct str xml)
{
	static const struct attr_alias stp[] = {
		{"port_hi", "port-hi"}, {"msg-age", "age"}, {"msg-age-hi", "age-hi"}, {NULL, NULL}};
	if (proto_id(p) != PROTO_STP)
		return NULL;
	for (const struct attr_alias *a = stp; a->wrong; a++)
		if (str_is(xml, a->wrong))
			return a->right;
	return NULL;
}

const struct chain_prefix chain_prefixes[] = {
	{"mac", -800, 0, false},       {"vlan", -750, 0x8100, false}, {"stp", -810, 0, true},
	{"rarp", -400, 0x8035, false}, {"arp", -500, 0x0806, false},  {"ipv4", -700, 0x0800, false},
	{"ipv6", -600, 0x86dd, false}, {NULL, 0, 0, false},
};

const struct chain_prefix *chain_prefix_find(struct str chain)
{
	for (const struct chain_prefix *c = chain_prefixes; c->prefix; c++) {
		size_t n = strlen(c->prefix);
		if (chain.len >= n && memcmp(chain.s, c->prefix, n) == 0)
			return c;
	}
	return NULL;
}
