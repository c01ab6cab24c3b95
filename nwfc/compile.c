/* SPDX-License-Identifier: MIT */
/*
 * A compile from its options to what its targets lower: the passes in their
 * order, a call a line.
 */
#include "nwfc/verify.h"

#include <stdio.h>
#include <sys/stat.h>

/* --- options --- */

static bool read_losses(struct compile *c)
{
	static const char *const names[LOSSES] = {"", "refused", "widened", "narrowed"};
	vec_each (w, &c->s->opt->values[OPT_ALLOW_LOSS]) {
		bool known = false;
		for (int l = LOSS_REFUSED; l < LOSSES; l++) {
			bool same = strcmp(*w, names[l]) == 0 ||
				    strcmp(*w, finding_kinds[FINDING_E501 + l - 1].code) == 0;
			c->emit.options.allow_loss[l] |= same;
			known |= same;
		}
		if (!known)
			return false;
	}
	return true;
}

/* What nft takes as an identifier; a keyword there is refused by nft itself. */
static bool table_name_ok(const char *t)
{
	size_t n = strspn(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./");
	return n && !t[n] && n < 64 && !strchr("0123456789-./", t[0]);
}

static void add_target(struct compile *c, const struct target *t)
{
	vec_each (j, &c->jobs)
		if (j->target == t)
			return;
	*vec_push(c->s->arena, &c->jobs) = (struct job){.target = t};
}

static bool read_targets(struct compile *c)
{
	vec_each (w, &c->s->opt->values[OPT_TARGET]) {
		const struct target *t = target_find(str_from(*w));
		bool all = strcmp(*w, "all") == 0;
		if (!t && !all) {
			fprintf(stderr, "nwfc: there is no target '%s'\n", *w);
			return false;
		}
		for (const struct target *const *p = targets; all && *p; p++)
			add_target(c, *p);
		if (t)
			add_target(c, t);
	}
	return c->jobs.n > 0;
}

static bool has_target(const struct compile *c, const char *name)
{
	vec_each (j, &c->jobs)
		if (strcmp(j->target->name, name) == 0)
			return true;
	return false;
}

/* Options about learning, and their times. */
static const char *wrong_learning(struct compile *c)
{
	const struct options *o = c->s->opt;
	const char *learn = option_value(o, OPT_LEARN), *since = option_value(o, OPT_SINCE_NOW);
	const char *why = read_now(o, &c->emit.options.now_ms);
	uint64_t ms;
	if (why)
		return why;
	if (learn && (!*learn || strcmp(learn, "-") == 0))
		return "--learn wants a file";
	vec_each (input, &o->inputs)
		if (learn && strcmp(*input, "-") == 0)
			return "--learn wants inputs that can be read again, not standard input";
	if (option_given(o, OPT_SINCE_LEASES) && !c->changes)
		return "--since-leases is for --since";
	if (since && (!option_given(o, OPT_SINCE_LEASES) || !read_seconds(str_from(since), &ms)))
		return "--since-now wants seconds of the epoch, and --since-leases";
	return NULL;
}

enum exit_code usage(const char *why)
{
	fprintf(stderr, "nwfc: %s\n", why);
	return EXIT_BAD_INPUT;
}

const char *compile_options(struct compile *c)
{
	const struct options *o = c->s->opt;
	const char *table = option_value(o, OPT_TABLE);
	c->emit = (struct emit_ctx){
		.arena = c->s->arena, .diags = &c->s->diags, .limits = c->s->limits};
	c->emit.options.table = str_from(table ? table : "nwfc");
	c->emit.options.version = NWFC_VERSION;
	c->emit.options.annotate = option_given(o, OPT_ANNOTATE);
	c->emit.options.counters = option_given(o, OPT_COUNTERS);
	c->emit.options.expand = option_given(o, OPT_EXPAND);
	c->emit.options.services = option_given(o, OPT_SERVICES);
	c->emit.options.open_host = option_given(o, OPT_OPEN_HOST);
	c->emit.options.no_hooks = option_given(o, OPT_NO_HOOKS);
	c->emit.options.leases = option_given(o, OPT_LEASES);
	c->emit.options.leases_before = option_given(o, OPT_SINCE_LEASES);
	c->changes = option_given(o, OPT_SINCE);
	if (table && !table_name_ok(table))
		return "--table wants a name of letters, digits and _ - . /";
	if (!read_losses(c))
		return "--allow-loss wants refused, widened or narrowed (or E501, E502, E503)";
	if (!read_targets(c))
		return "-t wants ebtables, iptables, ip6tables, xtables, nft, bridge or all";
	if (c->jobs.n > 1 && !option_given(o, OPT_OUTPUT))
		return "several targets want -o DIR";
	if (c->jobs.n > 1)
		c->dir = option_value(o, OPT_OUTPUT);
	if (c->changes && (c->jobs.n != 1 || !c->jobs.items[0].target->change))
		return "--since is for -t nft alone: the other targets' files are loaded whole";
	if ((table || c->emit.options.expand || c->emit.options.counters) && !has_target(c, "nft"))
		return "--table, --expand and --counters are for -t nft";
	if (c->changes && option_given(o, OPT_SOURCE_MAP))
		return "--source-map is of whole scripts, not of --since";
	if (option_given(o, OPT_DEPS) && !option_given(o, OPT_OUTPUT))
		return "-MD wants -o";
	const char *why = verify_options(c);
	return why ? why : wrong_learning(c);
}

/* --- leases --- */

/* When a file was changed last; 0 when it is not there. */
static uint64_t changed_ms(const char *path)
{
	struct stat st;
	return stat(path, &st) < 0 ? 0 : timespec_ms(&st.st_mtim);
}

bool compile_leases(struct compile *c)
{
	const struct options *o = c->s->opt;
	const char *path = option_value(o, OPT_LEASES), *then = option_value(o, OPT_SINCE_LEASES);
	const char *when = option_value(o, OPT_SINCE_NOW);
	uint64_t ms = 0;
	uint32_t file;
	bool good = true;
	if (path)
		good = (c->leases = load_leases(c->s, path, c->emit.options.now_ms, &file)) != NULL;
	if (then && !(when && read_seconds(str_from(when), &ms)))
		ms = changed_ms(then);
	if (then)
		good &= (c->old_leases = load_leases(c->s, then, ms, &file)) != NULL;
	return good;
}

/* --- passes --- */

static bool uses(const struct program *p, const char *variable)
{
	vec_each (c, &p->columns)
		if (str_is(c->var.name, variable))
			return true;
	return false;
}

/* A macvtap hears only the groups that the host knows of, and those by trust alone. */
static void check_deaf(struct diags *ds, const struct interface *i, const struct port_data *pd)
{
	if (!pd->port->direct || i->trusts ||
	    !(pd->program->has_packet[1] || uses(pd->program, "IPV6")))
		return;
	struct finding *f =
		diag_add(ds, FINDING(W267), pd->port->filter.span,
			 "the filter is about IPv6, and a macvtap that does not trust the "
			 "guest hears no neighbour discovery");
	diag_hint(ds, f, "trustGuestRxFilters='yes' with model virtio lets it hear");
}

/* A guest that may change its address, and a filter that holds it to one. */
static void check_trusting(struct diags *ds, const struct build *b)
{
	vec_each (pd, &b->ports) {
		const struct interface *i = pd->port->interface;
		if (i)
			check_deaf(ds, i, pd);
		if (!i || !i->trusts || !uses(pd->program, "MAC"))
			continue;
		struct finding *f = diag_add(ds, FINDING(W265), pd->port->filter.span,
					     "the filter holds the guest to $MAC, and "
					     "trustGuestRxFilters lets it have others");
		if (i->trust_span.file)
			diag_note(ds, f, i->trust_span, "trusted here");
		else if (i->net)
			diag_note(ds, f, i->net->name_span, "trusted by the network");
	}
}

bool compile_host(struct compile *c, struct diags *ds, const struct host *h,
		  const struct leases *leases, struct build *b)
{
	struct pass_ctx cx = {c->s->arena, ds, c->s->limits, leases};
	b->networks = &h->networks;
	b->interfaces = &h->interfaces;
	bool ready = networks_ready(&h->networks, ds);
	bool built = build_ports(&cx, &h->library, &h->ports, b);
	check_trusting(ds, b);
	return built && ready;
}

/*
 * With --since, port documents that both sides have are left alone: their ports
 * are the same, so they add nothing to the difference. They must be looked at
 * after all when a side brings filters of its own, which change what these ports
 * are compiled to, and when code goes away, which they may still use.
 */
static bool load_both(struct compile *c, bool skip)
{
	struct session *s = c->s;
	c->host = c->before = (struct host){0};
	c->build = c->old = (struct build){0};
	bool good = load_host(s, &c->old_inputs, false, skip, &c->before);
	good &= load_host(s, &c->inputs, true, skip, &c->host);
	good &= compile_host(c, &s->diags, &c->before, c->old_leases, &c->old);
	return compile_host(c, &s->diags, &c->host, c->leases, &c->build) && good;
}

static bool program_in(const struct build *b, const struct program *p)
{
	vec_each (q, &b->programs)
		if (str_eq((*q)->name, p->name))
			return true;
	return false;
}

static bool code_goes_away(const struct compile *c)
{
	vec_each (p, &c->old.programs)
		if (!program_in(&c->build, *p))
			return true;
	return false;
}

/* Leases and a learn file are about all ports, so none is left alone. */
static bool can_skip(const struct compile *c)
{
	return !c->leases && !c->old_leases && !option_given(c->s->opt, OPT_LEARN);
}

bool compile_front(struct compile *c)
{
	if (!compile_leases(c))
		return false;
	list_inputs(c->s, &c->s->opt->inputs, &c->inputs);
	if (!c->changes) { /* what was read is built even after errors: all of a run are said
			      together */
		bool good = load_host(c->s, &c->inputs, true, false, &c->host);
		return compile_host(c, &c->s->diags, &c->host, c->leases, &c->build) && good;
	}
	list_inputs(c->s, &c->s->opt->values[OPT_SINCE], &c->old_inputs);
	mark_shared(c->s, &c->old_inputs, &c->inputs);
	if (!load_both(c, can_skip(c)))
		return false;
	if (c->host.skipped && (c->before.own_filters || c->host.own_filters))
		return load_both(c, false);
	return !c->host.skipped || !code_goes_away(c) || load_both(c, false);
}

/*
 * Inputs without a port give a script without rules, which is right for a host
 * whose last guest has gone, and likely a mistake elsewhere: so it is said.
 */
bool compile_any_port(struct compile *c)
{
	if (c->host.ports.list.n || c->host.skipped || c->before.ports.list.n ||
	    c->host.networks.list.n || c->before.networks.list.n ||
	    (c->host.interfaces.list.n && has_target(c, "bridge")))
		return true;
	bool inputs = c->s->opt->inputs.n > 0;
	diag_add(&c->s->diags, inputs ? FINDING(W209) : FINDING(E204), (struct span){0}, "%s",
		 inputs ? "the inputs have no port to compile for; the script holds no rules"
			: "no port to compile for: give a filterbinding, an interface, a domain, "
			  "or --port, --mac and --filter");
	return inputs;
}

bool compile_lower(struct compile *c)
{
	bool good = true;
	struct build to_be = {.programs.items = c->build.to_be.items,
			      .programs.n = c->build.to_be.n};
	vec_each (j, &c->jobs) {
		if (to_be.programs.n) /* for its findings */
			good &= j->target->lower(&c->emit, &to_be) != NULL;
		if (!c->changes)
			good &= (j->lowered = j->target->lower(&c->emit, &c->build)) != NULL;
	}
	return good;
}
