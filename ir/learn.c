/* SPDX-License-Identifier: MIT */
/*
 * Addresses still to be learned (specification 5.4; ip-learning E10).
 */
#include "ir/learn.h"

#include "ir/findings.h"
#include "ir/leases.h"
#include "ir/names.h"
#include "ir/passes.h"

const struct learn_param_row learn_params[LEARN_PARAMS] = {
	[LP_SERVERS4] = {"DHCPSERVER", TAKES_IP4},
	[LP_SERVERS6] = {"DHCPSERVERV6", TAKES_IP6},
	[LP_GATEWAY] = {"GATEWAY_IP", TAKES_IP},
	[LP_MAX_IPS4] = {"MAX_IPS", TAKES_NUMBER},
	[LP_MAX_IPS6] = {"MAX_IPS6", TAKES_NUMBER},
	[LP_LINKLOCAL] = {"LEARN_LINKLOCAL", TAKES_SWITCH},
	[LP_PREFIX] = {"LEARN_PREFIX", TAKES_PREFIX},
};

/* As many as a learner keeps of one port. */
#define MAX_IPS 256

/* --- findings --- */

/* A parameter of nearly the missing name is likely the one that was meant. */
static void hint_name(struct pass_ctx *cx, struct finding *f, const struct port *port,
		      struct str name)
{
	vec_each (p, &port->filter.params.list)
		if (name_distance(p->name, name) < NAMES_APART)
			diag_hint(cx->diags, f, "the port gives '%.*s': was '%.*s' meant?",
				  STR_ARG(p->name), STR_ARG(name));
}

static bool missing_error(struct pass_ctx *cx, const struct port *port, const struct tree *t,
			  const struct missing_uses *missing, const struct diag_kind *kind)
{
	struct str list = STR("");
	vec_each (m, &missing->list)
		list = str_printf(cx->arena, "%.*s%s$%.*s", STR_ARG(list), list.len ? ", " : "",
				  STR_ARG(m->text));
	struct finding *f = diag_add(cx->diags, kind, port->filter.span,
				     "port '%.*s', filter '%.*s': no value for %.*s",
				     STR_ARG(port->name), STR_ARG(t->top->name), STR_ARG(list));
	vec_each (m, &missing->list)
		diag_note(cx->diags, f, m->span, "$%.*s is used here", STR_ARG(m->text));
	explain_missing(cx, f, t, port, missing);
	if (kind == FINDING(E310))
		diag_hint(cx->diags, f, "give the address, or let CTRL_IP_LEARNING be any or dhcp");
	return false;
}

void say_learning(struct pass_ctx *cx, const struct port *port, struct str set,
		  const struct missing_uses *missing)
{
	struct str name = missing->list.items[0].var.name;
	struct finding *f = diag_add(
		cx->diags, FINDING(N312), port->filter.span,
		"port '%.*s' gives no value for $%.*s, so the learning set '%.*s' is in force",
		STR_ARG(port->name), STR_ARG(name), STR_ARG(set));
	hint_name(cx, f, port, name);
}

/* --- parameters --- */

static const char *read_switch(struct arena *a, struct str s, struct learn_value *v)
{
	return value_parse(a, VT_BOOL, 0, 1, s, &v->value) ? "is neither yes nor no" : NULL;
}

static const char *read_address(struct arena *a, struct str s, struct learn_value *v)
{
	if (!value_parse(a, VT_IP4, 0, 0, s, &v->value))
		return NULL;
	return value_parse(a, VT_IP6, 0, 0, s, &v->value) ? "is no address" : NULL;
}

static bool bits_behind(const struct value *v, uint32_t prefix)
{
	if (v->type == VT_IP4)
		return prefix < 32 && (uint32_t)(v->u << prefix);
	for (uint32_t i = prefix; i < 128; i++)
		if (v->ip6[i / 8] & (0x80 >> i % 8))
			return true;
	return false;
}

static const char *read_prefix(struct arena *a, struct str s, struct learn_value *v)
{
	const char *slash = memchr(s.s, '/', s.len);
	struct value len;
	struct str head = {s.s, slash ? (uint32_t)(slash - s.s) : 0};
	if (!slash || read_address(a, head, v) ||
	    value_parse(a, VT_UINT, 0, v->value.type == VT_IP4 ? 32 : 128,
			(struct str){slash + 1, s.len - head.len - 1}, &len))
		return "is no prefix: ADDRESS/LENGTH";
	v->prefix = len.u;
	return bits_behind(&v->value, v->prefix) ? "has bits behind its prefix length" : NULL;
}

static const char *read_value(struct arena *a, int takes, struct str s, struct learn_value *v)
{
	switch (takes) {
	case TAKES_IP4:
		return value_parse(a, VT_IP4, 0, 0, s, &v->value);
	case TAKES_IP6:
		return value_parse(a, VT_IP6, 0, 0, s, &v->value);
	case TAKES_IP:
		return read_address(a, s, v);
	case TAKES_PREFIX:
		return read_prefix(a, s, v);
	case TAKES_NUMBER:
		return value_parse(a, VT_UINT, 1, MAX_IPS, s, &v->value)
			       ? "is not a number from 1 to 256"
			       : NULL;
	default:
		return read_switch(a, s, v);
	}
}

/* Values of a parameter: the first one only, where several make no sense. */
static bool read_param(struct pass_ctx *cx, struct learner *l, enum learn_param which)
{
	const struct learn_param_row *row = &learn_params[which];
	const struct param *p = params_find(&l->port->filter.params, str_from(row->name));
	const struct diag_kind *kind = row->takes == TAKES_NUMBER   ? FINDING(E315)
				       : row->takes == TAKES_SWITCH ? FINDING(E317)
								    : FINDING(E316);
	bool good = true;
	for (uint32_t i = 0; p && i < p->values.n; i++) {
		const struct param_value *pv = &p->values.items[i];
		struct learn_value *v = vec_push(cx->arena, &l->values[which].list);
		const char *why = read_value(cx->arena, row->takes, pv->text, v);
		if (!why && i && row->takes >= TAKES_NUMBER)
			why = "is a second value";
		if (!why)
			continue;
		diag_add(cx->diags, kind, pv->span, "port '%.*s': %s '%.*s' %s",
			 STR_ARG(l->port->name), row->name, STR_ARG(pv->text), why);
		good = false;
	}
	return good;
}

bool learn_prefix_ok(struct str name, struct str value)
{
	if (!str_is(name, learn_params[LP_PREFIX].name) || !value.len || value.s[0] == '/')
		return false;
	const char *slash = memchr(value.s, '/', value.len);
	return slash && var_value_ok((struct str){value.s, (uint32_t)(slash - value.s)}) &&
	       var_value_ok((struct str){slash + 1, value.len - (uint32_t)(slash - value.s) - 1});
}

enum learn_mode { LEARN_ANY, LEARN_DHCP, LEARN_NONE, LEARN_BAD };

static enum learn_mode learn_mode(struct pass_ctx *cx, const struct port *port)
{
	static const char *const words[] = {"any", "dhcp", "none"};
	const struct param *p = params_find(&port->filter.params, STR("CTRL_IP_LEARNING"));
	if (!p)
		return LEARN_ANY;
	for (int i = 0; i < 3; i++)
		if (str_eq_nocase(p->values.items[0].text, str_from(words[i])))
			return (enum learn_mode)i;
	diag_add(cx->diags, FINDING(E309), p->values.items[0].span,
		 "port '%.*s': '%.*s' is no learning mode", STR_ARG(port->name),
		 STR_ARG(p->values.items[0].text));
	return LEARN_BAD;
}

/* Only addresses can be learned: of $IP and $IPV6, in whatever form they are used. */
static bool learnable(const struct missing_uses *missing, bool *v4, bool *v6)
{
	vec_each (m, &missing->list) {
		*v4 |= str_is(m->var.name, "IP");
		*v6 |= str_is(m->var.name, "IPV6");
		if (!str_is(m->var.name, "IP") && !str_is(m->var.name, "IPV6"))
			return false;
	}
	return true;
}

bool all_learnable(const struct missing_uses *missing)
{
	bool v4 = false, v6 = false;
	return learnable(missing, &v4, &v6);
}

bool learner_read(struct pass_ctx *cx, const struct port *port, const struct tree *t,
		  const struct missing_uses *missing, struct learner *out)
{
	bool good = true;
	*out = (struct learner){.port = port};
	if (!learnable(missing, &out->v4, &out->v6))
		return missing_error(cx, port, t, missing, FINDING(E305));
	enum learn_mode mode = learn_mode(cx, port);
	if (mode == LEARN_NONE)
		return missing_error(cx, port, t, missing, FINDING(E310));
	out->dhcp = mode == LEARN_DHCP;
	for (enum learn_param i = 0; i < LEARN_PARAMS; i++)
		good &= read_param(cx, out, i);
	return good && mode != LEARN_BAD;
}

/* --- the learning set --- */

/*
 * Rows: any, dhcp; in each IPv4, IPv6, both; and for dhcp with which trusted
 * servers: none, the IPv4 ones, the IPv6 ones, both.
 */
const char *const learning_sets[] = {
	"learn-any",
	"learn-any-ipv6",
	"learn-any-dual",
	"learn-dhcp",
	"learn-dhcp-server",
	"learn-dhcp-ipv6",
	"learn-dhcp-ipv6-server",
	"learn-dhcp-dual",
	"learn-dhcp-dual-server4",
	"learn-dhcp-dual-server6",
	"learn-dhcp-dual-server",
	NULL,
};

struct filter_ref learning_set(const struct learner *l)
{
	bool server4 = l->values[LP_SERVERS4].list.n, server6 = l->values[LP_SERVERS6].list.n;
	struct filter_ref ref = l->port->filter;
	unsigned i;
	if (!l->dhcp)
		i = l->v4 && l->v6 ? 2 : l->v6 ? 1 : 0;
	else if (l->v4 && l->v6)
		i = 7u + server4 + 2u * server6;
	else
		i = l->v6 ? 5u + server6 : 3u + server4;
	ref.joined = NULL;
	ref.filter = str_from(learning_sets[i]);
	return ref;
}

/* --- what has been learned --- */

static void add_values(struct arena *a, struct params *ps, const char *name,
		       const struct lease *const *leases)
{
	struct param p = {.name = str_from(name)};
	for (; *leases; leases++)
		*vec_push(a, &p.values) = (struct param_value){(*leases)->address, (*leases)->span,
							       (*leases)->valid_until_ms};
	p.span = p.values.items[0].span;
	*vec_push(a, &ps->list) = p;
}

/* A copy that can grow without its origin: the index would have to grow along with it. */
static struct params copy_params(struct arena *a, const struct params *ps)
{
	struct params copy = {.broken = ps->broken};
	vec_each (p, &ps->list)
		*vec_push(a, &copy.list) = *p;
	return copy;
}

static const struct port *port_with(struct pass_ctx *cx, const struct learner *l, bool any)
{
	static const struct lease no_ip4 = {.address = {"0.0.0.0", 7}};
	static const struct lease no_ip6 = {.address = {"::", 2}, .v6 = true};
	static const struct lease *const none[2][2] = {{&no_ip4, NULL}, {&no_ip6, NULL}};
	const struct lease *const *of[2];
	struct port *p = arena_new_object(cx->arena, struct port);
	for (int v6 = 0; v6 < 2; v6++)
		of[v6] = leases_of(cx->arena, cx->leases, l->port, v6);
	if (any && !(l->v4 && *of[0]) && !(l->v6 && *of[1]))
		return NULL;
	*p = *l->port;
	p->filter.params = copy_params(cx->arena, &l->port->filter.params);
	if (l->v4)
		add_values(cx->arena, &p->filter.params, "IP", *of[0] ? of[0] : none[0]);
	if (l->v6)
		add_values(cx->arena, &p->filter.params, "IPV6", *of[1] ? of[1] : none[1]);
	return p;
}

void say_same_learner(struct pass_ctx *cx, const struct port *port, struct map *seen)
{
	bool added;
	struct str key = lease_key(cx->arena, port->owner_uuid, &port->mac);
	struct map_entry *e = map_put(cx->arena, seen, key, &added);
	if (added) {
		e->cptr = port;
		return;
	}
	const struct port *first = e->cptr;
	struct finding *f =
		diag_add(cx->diags, FINDING(W318), port->name_span,
			 "port '%.*s' has the MAC address and the owner of '%.*s'%s: nothing is "
			 "learned from it",
			 STR_ARG(port->name), STR_ARG(first->name),
			 port->owner_uuid.len ? "" : ", which is none");
	diag_note(cx->diags, f, first->name_span, "the first one is here");
	diag_hint(cx->diags, f, "%s",
		  port->owner_uuid.len
			  ? "give one of the interfaces another MAC address"
			  : "say whose the ports are: by the UUID of a domain or an owner");
}

const struct port *learned_port(struct pass_ctx *cx, const struct learner *l)
{
	return port_with(cx, l, true);
}

const struct port *port_to_be(struct pass_ctx *cx, const struct learner *l)
{
	return port_with(cx, l, false);
}
