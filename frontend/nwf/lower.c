/* SPDX-License-Identifier: MIT */
/*
 * Items of a text: filters go to the library, ports to the list of ports. A
 * define is what a parameter of every reference would be: a value for those
 * whom nobody further out gives one.
 */
#include "frontend/nwf/lower.h"

#include <errno.h>
#include <sys/stat.h>

#include "frontend/readers.h"

static void lower_file(struct nwf_lowering *lw, const struct nwf_file *f);

void nwf_read_priority(struct nwf_lowering *lw, const struct nwf_word *w, int *out)
{
	if (!read_priority(w->text, out))
		diag_add(lw->diags, FINDING(E109), w->span, "'%.*s' is not a number from %d to %d",
			 STR_ARG(w->text), PRIORITY_MIN, PRIORITY_MAX);
}

static void add_param(struct nwf_lowering *lw, const struct nwf_param *p, struct params *out)
{
	const struct param *first = params_find(out, p->name.text);
	if (first) {
		struct finding *f = diag_add(lw->diags, FINDING(E126), p->name.span,
					     "%.*s is given twice", STR_ARG(p->name.text));
		diag_note(lw->diags, f, first->span, "the first time is here");
		diag_hint(lw->diags, f, "write its values behind one =, as in A = 1, 2");
		return;
	}
	vec_each (w, &p->values.list)
		params_add(out, p->name.text, p->name.span, w->text, w->span, lw->diags);
}

static struct filter_ref *lower_use(struct nwf_lowering *lw, const struct nwf_use *u)
{
	struct filter_ref *ref = arena_new_object(lw->arena, struct filter_ref);
	ref->filter = nwf_text(lw->arena, &u->filter);
	ref->span = u->filter.span;
	vec_each (p, &u->params.list)
		add_param(lw, p, &ref->params);
	return ref;
}

static void say_misplaced(struct nwf_lowering *lw, const struct nwf_statement *s, const char *what,
			  const char *hint)
{
	struct finding *f =
		diag_add(lw->diags, FINDING(E128), s->span, "%s can not stand here", what);
	diag_hint(lw->diags, f, "%s", hint);
}

/* True the first time. */
static bool once(struct nwf_lowering *lw, const struct nwf_statement *s,
		 const struct nwf_statement **seen, const char *what)
{
	if (!*seen) {
		*seen = s;
		return true;
	}
	struct finding *f = diag_add(lw->diags, FINDING(E126), s->span, "a second %s", what);
	diag_note(lw->diags, f, (*seen)->span, "the first one is here");
	return false;
}

/* --- filters --- */

static void lower_chain(struct nwf_lowering *lw, const struct nwf_statement *s)
{
	struct filter *f = lw->filter;
	filter_set_chain(f, nwf_text(lw->arena, &s->word), s->word.span, lw->diags);
	if (!s->more.kind)
		return;
	f->priority_given = true;
	f->priority_span = s->more.span;
	int priority = f->priority;
	nwf_read_priority(lw, &s->more, &priority);
	if (f->chain_given)
		f->priority = priority;
}

static void lower_uuid(struct nwf_lowering *lw, const struct nwf_statement *s)
{
	if (!uuid_parse(lw->arena, s->word.text, &lw->filter->uuid))
		diag_add(lw->diags, FINDING(E110), s->word.span, "'%.*s' is not a UUID",
			 STR_ARG(s->word.text));
}

static void lower_filter_statement(struct nwf_lowering *lw, const struct nwf_statement *s,
				   const struct nwf_statement *seen[])
{
	struct filter *f = lw->filter;
	switch (s->kind) {
	case NWF_RULE:
		nwf_lower_rule(lw, &s->rule, s->span);
		break;
	case NWF_USE:
		*vec_push(lw->arena, &f->entries) =
			(struct entry){.kind = ENTRY_REF, .ref = lower_use(lw, &s->use)};
		break;
	case NWF_LABEL:
		lw->layer = s->word.text.s[0] == 'f' ? LAYER_FRAME : LAYER_PACKET;
		break;
	case NWF_CHAIN:
		if (once(lw, s, &seen[NWF_CHAIN], "chain"))
			lower_chain(lw, s);
		break;
	case NWF_UUID:
		if (once(lw, s, &seen[NWF_UUID], "uuid"))
			lower_uuid(lw, s);
		break;
	case NWF_PARAM:
		add_param(lw, &s->param, &f->defaults);
		break;
	case NWF_LEARN:
	case NWF_OWNER:
	case NWF_LINK:
	case NWF_MACVTAP:
		say_misplaced(lw, s, "this", "it belongs to a port");
	}
}

/* What the text defined before, unless the filter itself says something else. */
void nwf_add_defines(struct nwf_lowering *lw, struct filter *f)
{
	vec_each (p, &lw->defines.list)
		if (!params_find(&f->defaults, p->name))
			vec_each (v, &p->values)
				params_add(&f->defaults, p->name, p->span, v->text, v->span,
					   lw->diags);
}

static void lower_filter(struct nwf_lowering *lw, const struct nwf_item *it)
{
	const struct nwf_statement *seen[NWF_MACVTAP + 1] = {0};
	uint32_t errors = lw->diags->errors;
	struct filter *f = lw->filter = arena_new_object(lw->arena, struct filter);
	struct span head = it->name.kind ? it->name.span : it->span;
	f->span = f->chain_span = f->priority_span = f->name_span = head;
	f->chain = STR("root");
	f->name = it->name.kind ? nwf_text(lw->arena, &it->name) : STR("");
	if (it->name.kind)
		filter_check_name(f, lw->diags);
	else
		lw->cx->library->incomplete = true;
	f->end = it->block.span.hi;
	lw->layer = NO_LAYER;
	lw->layer_said = it->block.broken; /* what is broken may have been the label */
	vec_each (s, &it->block.list) {
		if (arena_full(lw->arena)) {
			diag_add(lw->diags, FINDING(E603), (*s)->span,
				 "the memory limit was reached here");
			return;
		}
		lower_filter_statement(lw, *s, seen);
	}
	nwf_add_defines(lw, f);
	f->broken = it->block.broken || lw->broken || lw->diags->errors != errors;
	if (f->name.len)
		library_add(lw->cx->library, f, lw->cx->stock, lw->diags);
}

/* --- ports --- */

struct port_parts {
	struct port *port;
	struct params params;
	vec_of(struct filter_ref *) uses;
	const struct nwf_statement *seen[NWF_MACVTAP + 1];
};

/* The device to listen on while learning; a macvtap has it below. */
static void lower_link(struct nwf_lowering *lw, const struct nwf_statement *s,
		       struct port_parts *pp)
{
	struct port *p = pp->port;
	p->direct |= s->kind == NWF_MACVTAP;
	if (!once(lw, s, &pp->seen[NWF_LINK], "link") || !s->word.kind)
		return;
	p->link_device = nwf_text(lw->arena, &s->word);
	const char *why = port_name_check(p->link_device);
	if (why)
		diag_add(lw->diags, FINDING(E201), s->word.span, "interface name '%.*s' %s",
			 STR_ARG(p->link_device), why);
}

static void lower_port_statement(struct nwf_lowering *lw, const struct nwf_statement *s,
				 struct port_parts *pp)
{
	struct port *p = pp->port;
	struct nwf_param learn = {.name = {NWF_WORD, STR("CTRL_IP_LEARNING"), s->span}};
	switch (s->kind) {
	case NWF_USE:
		*vec_push(lw->arena, &pp->uses) = lower_use(lw, &s->use);
		break;
	case NWF_PARAM:
		add_param(lw, &s->param, &pp->params);
		break;
	case NWF_LEARN:
		*vec_push(lw->arena, &learn.values.list) = s->word;
		if (once(lw, s, &pp->seen[NWF_LEARN], "learning mode"))
			add_param(lw, &learn, &pp->params);
		break;
	case NWF_OWNER:
		if (!once(lw, s, &pp->seen[NWF_OWNER], "owner"))
			break;
		p->owner_name = nwf_text(lw->arena, &s->word);
		if (!uuid_parse(lw->arena, s->more.text, &p->owner_uuid))
			diag_add(lw->diags, FINDING(E110), s->more.span, "'%.*s' is not a UUID",
				 STR_ARG(s->more.text));
		break;
	case NWF_MACVTAP:
	case NWF_LINK:
		lower_link(lw, s, pp);
		break;
	case NWF_RULE:
	case NWF_LABEL:
	case NWF_CHAIN:
	case NWF_UUID:
		say_misplaced(lw, s, "this", "it belongs to a filter, which the port uses");
	}
}

/* A port's own parameters, and those of its use, which are the same thing when there is one. */
static void join_params(struct nwf_lowering *lw, struct params *to, const struct params *from)
{
	to->broken |= from->broken;
	vec_each (p, &from->list) {
		const struct param *first = params_find(to, p->name);
		if (first) {
			struct finding *f = diag_add(lw->diags, FINDING(E126), p->span,
						     "%.*s is given twice", STR_ARG(p->name));
			diag_note(lw->diags, f, first->span, "the other time is here");
			continue;
		}
		vec_each (v, &p->values)
			params_add(to, p->name, p->span, v->text, v->span, lw->diags);
	}
}

/*
 * Several filters: one that references them all, in their order. It is in no
 * library, so no reference can mean it. Its key is what makes ports share a
 * program: the doubled + of names (see build.c) leaves +& to it alone. References
 * with parameters of their own are the port's alone.
 */
static struct filter_ref *join_uses(struct nwf_lowering *lw, struct port_parts *pp)
{
	struct str name = STR(""), key = STR("");
	bool own = false;
	struct filter *f = arena_new_object(lw->arena, struct filter);
	vec_each (u, &pp->uses) {
		struct str part = double_plus(lw->arena, (*u)->filter);
		name = str_printf(lw->arena, "%.*s%s%.*s", STR_ARG(name), name.len ? " & " : "",
				  STR_ARG((*u)->filter));
		key = str_printf(lw->arena, "%.*s+&%.*s", STR_ARG(key), STR_ARG(part));
		own |= (*u)->params.list.n > 0;
		*vec_push(lw->arena, &f->entries) = (struct entry){.kind = ENTRY_REF, .ref = *u};
	}
	if (own)
		key = str_printf(lw->arena, "%.*s+&&%.*s", STR_ARG(key),
				 STR_ARG(double_plus(lw->arena, pp->port->name)));
	struct filter_ref *ref = arena_new_object(lw->arena, struct filter_ref);
	*ref = (struct filter_ref){.filter = name, .joined = f, .span = pp->uses.items[0]->span};
	f->name = name;
	f->join_key = key;
	f->chain = STR("root");
	f->span = f->name_span = f->chain_span = f->priority_span = ref->span;
	return ref;
}

static void lower_mac(struct nwf_lowering *lw, const struct nwf_word *w, struct port *p)
{
	const char *why = value_parse(lw->arena, VT_MAC, 0, 0, w->text, &p->mac);
	if (!why && (p->mac.mac[0] & 1))
		why = "is a multicast address, which no port can have";
	if (why)
		diag_add(lw->diags, FINDING(E203), w->span, "'%.*s' %s", STR_ARG(w->text), why);
}

static void lower_port(struct nwf_lowering *lw, const struct nwf_item *it)
{
	struct port_parts pp = {.port = arena_new_object(lw->arena, struct port)};
	struct port *p = pp.port;
	if (!it->name.kind) /* the head has a mistake, which has been said */
		return;
	p->name = nwf_text(lw->arena, &it->name);
	p->name_span = it->name.span;
	p->span = (struct span){it->span.file, it->span.lo, it->block.span.lo};
	lower_mac(lw, &it->mac, p);
	vec_each (s, &it->block.list)
		lower_port_statement(lw, *s, &pp);
	if (!pp.uses.n && it->block.broken) /* the use may be what is broken */
		return;
	if (!pp.uses.n) {
		diag_add(lw->diags, FINDING(E204), p->name_span, "port '%.*s' uses no filter",
			 STR_ARG(p->name));
		return;
	}
	pp.params.broken |= it->block.broken || lw->broken;
	struct filter_ref *ref = pp.uses.n == 1 ? pp.uses.items[0] : join_uses(lw, &pp);
	join_params(lw, &pp.params, &ref->params);
	p->filter = *ref;
	p->filter.params = pp.params;
	ports_add(lw->cx->ports, p, lw->diags);
}

/* --- includes --- */

static struct str file_key(struct arena *a, const struct source *s)
{
	uint64_t id[2] = {s->dev, s->ino};
	return (struct str){arena_copy(a, id, sizeof id), sizeof id};
}

/* True the first time that the file is read for this library. */
static bool first_time(struct nwf_lowering *lw, uint32_t file)
{
	const struct source *s = source_get(lw->cx->sources, file);
	bool added = true;
	if (s->ino)
		map_put(lw->arena, &lw->cx->library->texts, file_key(lw->arena, s), &added);
	return added;
}

static struct str beside(struct nwf_lowering *lw, uint32_t file, struct str path)
{
	struct str name = source_get(lw->cx->sources, file)->name;
	uint32_t n = name.len;
	while (n && name.s[n - 1] != '/')
		n--;
	if (!n || (path.len && path.s[0] == '/'))
		return str_printf(lw->arena, "%.*s", STR_ARG(path));
	return str_printf(lw->arena, "%.*s%.*s", (int)n, name.s, STR_ARG(path));
}

static bool is_xml(const struct source *s)
{
	return s->text.len && memchr(s->text.s, '<', s->text.len) && source_is_xml(s);
}

/* Deeper than any text has use for; each takes stack. */
#define INCLUDES_MAX 256

/* Only files: what is no regular file can be read once and has no place beside others. */
static void lower_include(struct nwf_lowering *lw, const struct nwf_item *it)
{
	struct str path = beside(lw, it->span.file, nwf_unquote(lw->arena, it->name.text));
	errno = EINVAL;
	struct stat st;
	bool regular = path.len && !memchr(path.s, 0, path.len) && stat(path.s, &st) == 0 &&
		       (S_ISREG(st.st_mode) || (errno = EINVAL, false));
	uint32_t file = regular ? source_read(lw->cx->sources, path.s) : 0;
	if (!file) {
		diag_add(lw->diags, FINDING(E130), it->name.span, "%.*s: %s", STR_ARG(path),
			 strerror(errno));
		lw->cx->library->incomplete = true;
	} else if (lw->depth == INCLUDES_MAX) {
		diag_add(lw->diags, FINDING(E130), it->name.span,
			 "more than %d includes lie within one another", INCLUDES_MAX);
	} else if (is_xml(source_get(lw->cx->sources, file))) {
		struct finding *f = diag_add(lw->diags, FINDING(E130), it->name.span, "%.*s is XML",
					     STR_ARG(path));
		diag_hint(lw->diags, f,
			  "give it on the command line beside this file, or its folder with -I");
		lw->cx->library->incomplete = true;
	} else if (first_time(lw, file)) {
		lw->depth++;
		lower_file(lw, nwf_parse(lw->arena, lw->diags, lw->cx->sources, file));
		lw->depth--;
	}
}

/* --- the text --- */

static void lower_define(struct nwf_lowering *lw, const struct nwf_item *it)
{
	struct nwf_param p = {.name = it->name, .values = it->values, .span = it->span};
	add_param(lw, &p, &lw->defines);
	lw->broken |= lw->defines.broken;
}

static void lower_file(struct nwf_lowering *lw, const struct nwf_file *f)
{
	static void (*const items[])(struct nwf_lowering *, const struct nwf_item *) = {
		lower_filter, lower_port, lower_define, lower_include, nwf_lower_assertion};
	lw->broken |= f->broken;
	lw->cx->library->incomplete |= f->broken;
	vec_each (it, &f->items)
		if (!arena_full(lw->arena))
			items[it->kind](lw, it);
	if (arena_full(lw->arena) && f->items.n)
		diag_add(lw->diags, FINDING(E603), f->items.items[0].span,
			 "the memory limit was reached here");
}

bool nwf_read(struct parse_ctx *cx, uint32_t file)
{
	struct nwf_lowering lw = {.cx = cx, .arena = cx->arena, .diags = cx->diags};
	uint32_t errors = cx->diags->errors;
	if (!first_time(&lw, file))
		return true;
	lower_file(&lw, nwf_parse(cx->arena, cx->diags, cx->sources, file));
	return cx->diags->errors == errors;
}
