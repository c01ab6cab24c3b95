/* SPDX-License-Identifier: MIT */
/*
 * Many ports: everything that depends on the filter alone is done once.
 *
 * Trees are kept by filter name. Of a port only the names that it gives have an
 * influence on the code, and of those only the ones that a parameter inside the
 * tree would give otherwise; so a program's key, and its name, is the filter's
 * name followed by those names: "web", or "web+PORTS" for ports that bring
 * their own PORTS. The same input thus gives the same names, whatever other
 * ports there are.
 */
#include "ir/findings.h"
#include "ir/passes.h"

struct builder {
	struct pass_ctx *cx;
	const struct library *lib;
	struct build *out;
	struct map trees;    /* filter name or join key -> cptr: struct tree, NULL when it failed */
	struct map warned;   /* rules of which the list trap has been said */
	struct map programs; /* key -> ptr: struct program, NULL when it failed */
};

static const struct tree *tree_of(struct builder *b, const struct filter_ref *ref)
{
	bool added;
	if (!ref->joined && !library_find(b->lib, ref->filter))
		return resolve(b->cx, b->lib, ref); /* says so for each port */
	struct str name = ref->joined ? ref->joined->join_key : ref->filter;
	struct map_entry *e = map_put(b->cx->arena, &b->trees, name, &added);
	if (added)
		e->cptr = resolve(b->cx, b->lib, ref);
	return e->cptr;
}

static struct str program_key(struct builder *b, const struct tree *t, const struct port *port)
{
	struct str key =
		t->top->join_key.len ? t->top->join_key : double_plus(b->cx->arena, t->top->name);
	vec_each (n, &t->names)
		if (n->defaulted && port_gives(port, n->name))
			key = str_printf(b->cx->arena, "%.*s+%.*s", STR_ARG(key), STR_ARG(n->name));
	return key;
}

static struct program *program_of(struct builder *b, const struct tree *t, const struct port *port)
{
	bool added;
	struct map_entry *e = map_put(b->cx->arena, &b->programs, program_key(b, t, port), &added);
	if (!added)
		return e->ptr;
	const struct bound_tree *bt = bind_tree(b->cx, t, port);
	if (!bt)
		return NULL;
	e->ptr = layout(b->cx, bt, e->key);
	*vec_push(b->cx->arena, &b->out->programs) = e->ptr;
	return e->ptr;
}

/* --- addresses still to be learned (specification 5.4; ip-learning E10) --- */

enum learn_mode { LEARN_ANY, LEARN_DHCP, LEARN_NONE, LEARN_BAD };

static enum learn_mode learn_mode(struct builder *b, const struct port *port)
{
	static const char *const words[] = {"any", "dhcp", "none"};
	const struct param *p = params_find(&port->filter.params, STR("CTRL_IP_LEARNING"));
	if (!p)
		return LEARN_ANY;
	for (int i = 0; i < 3; i++)
		if (str_eq_nocase(p->values.items[0].text, str_from(words[i])))
			return (enum learn_mode)i;
	diag_add(b->cx->diags, FINDING(E309), p->values.items[0].span,
		 "port '%.*s': '%.*s' is no learning mode", STR_ARG(port->name),
		 STR_ARG(p->values.items[0].text));
	return LEARN_BAD;
}

/* A parameter of nearly the missing name is likely the one that was meant. */
static void hint_name(struct builder *b, struct finding *f, const struct port *port,
		      struct str name)
{
	vec_each (p, &port->filter.params.list)
		if (str_distance(p->name, name) <= (name.len > 4 ? 2u : name.len > 2) &&
		    !str_eq(p->name, name))
			diag_hint(b->cx->diags, f, "the port gives '%.*s': was '%.*s' meant?",
				  STR_ARG(p->name), STR_ARG(name));
}

static void missing_error(struct builder *b, const struct port *port, const struct tree *t,
			  const struct missing_uses *missing, const struct diag_kind *kind)
{
	struct str list = STR("");
	vec_each (m, &missing->list)
		list = str_printf(b->cx->arena, "%.*s%s$%.*s", STR_ARG(list), list.len ? ", " : "",
				  STR_ARG(m->text));
	struct finding *f = diag_add(b->cx->diags, kind, port->filter.span,
				     "port '%.*s', filter '%.*s': no value for %.*s",
				     STR_ARG(port->name), STR_ARG(t->top->name), STR_ARG(list));
	vec_each (m, &missing->list)
		diag_note(b->cx->diags, f, m->span, "$%.*s is used here", STR_ARG(m->text));
	vec_each (m, &missing->list)
		hint_name(b, f, port, m->var.name);
	if (kind == FINDING(E310))
		diag_hint(b->cx->diags, f,
			  "give the address, or let CTRL_IP_LEARNING be any or dhcp");
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

static unsigned learning_index(bool dhcp, bool v4, bool v6, bool server4, bool server6)
{
	if (!dhcp)
		return v4 && v6 ? 2 : v6 ? 1 : 0;
	if (v4 && v6)
		return 7u + server4 + 2u * server6;
	return v6 ? 5u + server6 : 3u + server4;
}

static void learning_set(struct builder *b, const struct port *port, const struct tree *t,
			 const struct missing_uses *missing, struct filter_ref *ref)
{
	bool v4 = false, v6 = false;
	ref->filter = STR("");
	if (!learnable(missing, &v4, &v6)) {
		missing_error(b, port, t, missing, FINDING(E305));
		return;
	}
	enum learn_mode mode = learn_mode(b, port);
	if (mode == LEARN_NONE)
		missing_error(b, port, t, missing, FINDING(E310));
	if (mode >= LEARN_NONE)
		return;
	bool server4 = params_find(&port->filter.params, STR("DHCPSERVER"));
	bool server6 = params_find(&port->filter.params, STR("DHCPSERVERV6"));
	*ref = port->filter;
	ref->joined = NULL;
	ref->filter = str_from(
		learning_sets[learning_index(mode == LEARN_DHCP, v4, v6, server4, server6)]);
}

static void say_learning(struct builder *b, const struct port_data *pd,
			 const struct missing_uses *missing)
{
	struct finding *f = diag_add(
		b->cx->diags, FINDING(N312), pd->port->filter.span,
		"port '%.*s' gives no value for $%.*s, so the learning set '%.*s' is in force",
		STR_ARG(pd->port->name), STR_ARG(missing->list.items[0].var.name),
		STR_ARG(pd->program->name));
	hint_name(b, f, pd->port, missing->list.items[0].var.name);
}

/* --- the list trap: one of several values is always another one --- */

static bool negated_list(const struct prule *r, const struct port_data *pd,
			 const struct ptest **which)
{
	vec_each (t, &r->tests)
		if (t->negated && !t->none && t->value.kind == SLOT_DIM &&
		    pd->rows[r->dims.items[t->value.dim]].n > 1) {
			*which = t;
			return true;
		}
	return false;
}

static void warn_rule(struct builder *b, const struct prule *r, const struct port_data *pd)
{
	const struct ptest *t;
	bool added;
	if (!negated_list(r, pd, &t))
		return;
	struct str key = {(const char *)&r->source, sizeof r->source};
	map_put(b->cx->arena, &b->warned, str_copy(b->cx->arena, key), &added);
	if (!added)
		return;
	struct finding *f =
		diag_add(b->cx->diags, FINDING(W403), t->source->span,
			 "port '%.*s': each of %u values makes a rule of its own, and each matches "
			 "the others",
			 STR_ARG(pd->port->name), pd->rows[r->dims.items[t->value.dim]].n);
	diag_hint(b->cx->diags, f,
		  "return for the values that are meant, then a rule for the rest");
}

static void warn_negated_lists(struct builder *b, const struct port_data *pd)
{
	for (enum side s = 0; s < SIDES && pd->program->has_negated_dim; s++) {
		const struct part *part = &pd->program->parts[s];
		vec_each (c, &part->chains)
			vec_each (it, &c->items)
				if (it->kind == ITEM_RULE)
					warn_rule(b, it->rule, pd);
		vec_each (r, &part->packet)
			warn_rule(b, *r, pd);
	}
}

/* --- one port --- */

/* Bindings carry these whether or not the filter has a use for them (5.3). */
static bool reserved(struct str name)
{
	static const char *const names[] = {
		"MAC",         "IP", "IPV6", "DHCPSERVER", "DHCPSERVERV6", "CTRL_IP_LEARNING",
		"GATEWAY_MAC", NULL};
	for (int i = 0; names[i]; i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

static bool tree_uses(const struct tree *t, struct str name)
{
	vec_each (n, &t->names)
		if (str_eq(n->name, name))
			return true;
	return false;
}

/* A parameter that no rule uses is a misspelt one, or a leftover. */
static void warn_unused(struct builder *b, const struct tree *t, const struct port *port)
{
	vec_each (p, &port->filter.params.list)
		if (!reserved(p->name) && !tree_uses(t, p->name))
			diag_add(b->cx->diags, FINDING(W313), p->span,
				 "port '%.*s': no rule of filter '%.*s' uses $%.*s",
				 STR_ARG(port->name), STR_ARG(t->top->name), STR_ARG(p->name));
}

static bool build_port(struct builder *b, const struct port *port)
{
	const struct tree *t = tree_of(b, &port->filter);
	struct missing_uses missing = {0};
	struct filter_ref ref;
	if (!t || port->filter.params.broken)
		return false;
	warn_unused(b, t, port);
	find_missing(b->cx, t, port, &missing);
	if (missing.list.n) {
		learning_set(b, port, t, &missing, &ref);
		t = ref.filter.len ? tree_of(b, &ref) : NULL;
	}
	struct program *p = t ? program_of(b, t, port) : NULL;
	struct port_data pd;
	if (!p || !bind_port(b->cx, p, port, &pd))
		return false;
	pd.learning = missing.list.n > 0;
	if (pd.learning)
		say_learning(b, &pd, &missing);
	warn_negated_lists(b, &pd);
	*vec_push(b->cx->arena, &b->out->ports) = pd;
	return true;
}

bool build_ports(struct pass_ctx *cx, const struct library *lib, const struct ports *ports,
		 struct build *out)
{
	struct builder b = {.cx = cx, .lib = lib, .out = out};
	bool good = true;
	vec_each (p, &ports->list) {
		if (arena_full(cx->arena)) {
			diag_add(cx->diags, FINDING(E603), (*p)->span, "at port '%.*s'",
				 STR_ARG((*p)->name));
			return false;
		}
		good &= build_port(&b, *p);
	}
	return good;
}
