/* SPDX-License-Identifier: MIT */
/*
 * trace: what becomes of a packet. The last words say the packet, the one before
 * them the port, unless options do or there is one alone; all others are inputs.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/near.h"
#include "nwfc/capture.h"
#include "nwfc/commands.h"
#include "nwfc/trace.h"
#include "review/packet_words.h"
#include "review/space.h"
#include "review/words.h"

struct arguments {
	struct words inputs;
	const char *port;  /* NULL: the only one */
	struct str packet; /* words, bytes, or a file's name */
};

static bool is_side(const char *word)
{
	return strcmp(word, "in") == 0 || strcmp(word, "out") == 0;
}

/* Hexadecimal digits alone, and enough of them for a frame. */
static bool is_bytes(struct str text)
{
	uint32_t digits = 0;
	bool marked = text.len > 2 && text.s[0] == '0' && (text.s[1] | 32) == 'x';
	for (uint32_t i = marked ? 2 : 0; i < text.len; i++) {
		if (!memchr("0123456789abcdefABCDEF: \t\n-", text.s[i], 27))
			return false;
		digits += !memchr(": \t\n-", text.s[i], 5);
	}
	return marked || digits >= 28;
}

/* What has no side among its words is one word: quoted words, bytes or a file. */
static bool is_packet(const char *word)
{
	return strchr(word, ' ') || strcmp(word, "-") == 0 || is_bytes(str_from(word)) ||
	       access(word, F_OK) == 0;
}

/* A packet's words need no quotes when they begin with its side: all that follows is theirs. */
static const char *take_packet(struct session *s, struct words *rest, struct arguments *a)
{
	uint32_t i = 0;
	while (i < rest->n && !is_side(rest->items[i]))
		i++;
	if (i == rest->n && !is_packet(rest->items[--i]))
		return str_printf(s->arena,
				  "'%.*s' is no packet: the words of one begin with out or in, the "
				  "side seen from the guest; bytes are hexadecimal; and a file of "
				  "this name is not there",
				  STR_ARG(clean_text(s->arena, str_from(rest->items[i]))))
			.s;
	a->packet = str_from(rest->items[i]);
	for (uint32_t k = i + 1; k < rest->n; k++)
		a->packet = str_printf(s->arena, "%.*s %s", STR_ARG(a->packet), rest->items[k]);
	rest->n = i;
	return NULL;
}

/* Not a port's name: one can not have a slash, and is not looked for alone. */
static bool is_input(const struct words *rest)
{
	const char *word = rest->items[rest->n - 1], *end = strrchr(word, '.');
	struct stat st;
	if (strchr(word, '/') || strcmp(word, "-") == 0)
		return true;
	if (stat(word, &st) != 0)
		return false;
	return rest->n == 1 || S_ISDIR(st.st_mode) ||
	       (end && (strcmp(end, ".xml") == 0 || strcmp(end, ".nwf") == 0));
}

static const char *read_arguments(struct session *s, struct arguments *a)
{
	const struct options *o = s->opt;
	struct words rest = o->inputs;
	const char *why = NULL;
	if (!option_given(o, OPT_EXPLAIN_DROPS)) {
		if (!rest.n)
			return "trace wants a packet: words like \"out arp request spa 10.0.0.9\", "
			       "bytes in hexadecimal, or a capture";
		why = take_packet(s, &rest, a);
	}
	a->port = option_value(o, OPT_PORT);
	if (!a->port && rest.n && !is_input(&rest))
		a->port = rest.items[--rest.n];
	if (!why && !a->port && !rest.n)
		return "trace wants a port: its name before the packet, or --port, --mac and "
		       "--filter";
	a->inputs = rest;
	return why;
}

static const char *trace_options(struct trace *t)
{
	const struct options *o = t->s->opt;
	const char *side = option_value(o, OPT_SIDE), *table = option_value(o, OPT_TABLE);
	int json = option_choice(o, OPT_FORMAT, text_or_json);
	if (json < 0)
		return "--format wants text or json";
	if (side && !is_side(side))
		return "--side wants out or in";
	vec_each (w, &o->values[OPT_TARGET])
		if (strcmp(*w, "all") != 0 && !target_find(str_from(*w)))
			return "-t wants ebtables, iptables, ip6tables, xtables, nft, bridge or "
			       "all";
	t->json = json;
	t->c.emit = (struct emit_ctx){
		.arena = t->s->arena, .diags = &t->s->diags, .limits = t->s->limits};
	t->c.emit.options.table = str_from(table ? table : "nwfc");
	t->c.emit.options.version = NWFC_VERSION;
	t->c.emit.options.expand = option_given(o, OPT_EXPAND);
	for (int l = 0; l < LOSSES; l++) /* nothing is loaded: what is lost is said, no more */
		t->c.emit.options.allow_loss[l] = true;
	return read_now(o, &t->c.emit.options.now_ms);
}

/* --- the port --- */

static struct finding *no_port(struct trace *t, struct str text)
{
	struct diags *ds = &t->s->diags;
	struct finding *f = diag_add(ds, FINDING(E814), (struct span){0}, "%.*s", STR_ARG(text));
	if (!t->c.build.ports.n)
		diag_hint(ds, f,
			  "the inputs have none: give a filterbinding or a domain, or --port, "
			  "--mac and --filter");
	return f;
}

/* Where none is named: that which is there alone. */
static bool only_port(struct trace *t)
{
	uint32_t n = t->c.build.ports.n;
	if (n == 1) {
		t->pd = t->c.build.ports.items;
		return true;
	}
	struct finding *f = no_port(t, n ? STR("which port? The inputs have several")
					 : STR("there is no port with a filter among the inputs"));
	if (n)
		diag_hint(&t->s->diags, f,
			  "its name stands before the packet, as in '%.*s out arp'",
			  STR_ARG(t->c.build.ports.items->port->name));
	return false;
}

static bool find_port(struct trace *t, const char *name)
{
	struct nearest near = nearest_to(str_from(name));
	vec_each (pd, &t->c.build.ports) {
		nearest_try(&near, str_copy(t->s->arena, pd->port->name).s);
		if (str_is(pd->port->name, name)) {
			t->pd = pd;
			return true;
		}
	}
	struct finding *f = no_port(
		t, str_printf(t->s->arena, "there is no port '%s' with a filter among the inputs",
			      name));
	if (near.name)
		nearest_hint(&t->s->diags, f, &near);
	return false;
}

static bool load(struct trace *t, const struct arguments *a)
{
	struct session *s = t->s;
	if (!compile_leases(&t->c))
		return false;
	list_inputs(s, &a->inputs, &t->c.inputs);
	bool good = load_host(s, &t->c.inputs, true, false, &t->c.host);
	good &= compile_host(&t->c, &s->diags, &t->c.host, t->c.leases, &t->c.build);
	if (!good || s->diags.errors || !(a->port ? find_port(t, a->port) : only_port(t)))
		return false;
	for (int side = 0; side < SIDES; side++)
		t->usual[side] = usual_packet(t->pd, (enum side)side);
	return trace_emit(t);
}

/* --- the packet --- */

static void trace_bytes(struct trace *t, struct str text)
{
	struct str bytes;
	enum side side;
	struct frame f;
	if (!bytes_from_hex(t->s->arena, text, &bytes)) {
		diag_add(&t->s->diags, FINDING(E812), (struct span){0},
			 "these are no bytes in hexadecimal");
		return;
	}
	if (!frame_read(bytes, SIDE_OUT, &f)) {
		diag_add(&t->s->diags, FINDING(E812), (struct span){0},
			 "a frame has 14 bytes at least, and these are %u", bytes.len);
		return;
	}
	if (!trace_side(t, bytes, &side)) {
		struct finding *e = diag_add(&t->s->diags, FINDING(E812), (struct span){0},
					     "the frame is neither from nor to the port's address");
		diag_hint(&t->s->diags, e, "--side=out or --side=in says where it goes");
		return;
	}
	f.packet.side = side;
	trace_packet(t, &(struct told){.packet = f.packet, .malformed = f.malformed}, true);
}

static void trace_words(struct trace *t, struct str text)
{
	struct words_error e;
	struct told p = {.number = 0};
	struct diags *ds = &t->s->diags;
	const char *why;
	if (packet_read_words(t->s->arena, text, t->usual, &p.packet, &e)) {
		p.packet.bytes = packet_to_bytes(t->s->arena, &p.packet, &why);
		trace_packet(t, &p, true);
		return;
	}
	uint32_t file = source_add(&t->s->sources, STR("<packet>"), text);
	struct finding *f = diag_add(ds, FINDING(E811), (struct span){file, e.lo, e.hi}, "%.*s",
				     STR_ARG(e.text));
	if (e.hint.len)
		diag_hint(ds, f, "%.*s", STR_ARG(e.hint));
}

static void trace_what(struct trace *t, struct str packet)
{
	const char *drops = option_value(t->s->opt, OPT_EXPLAIN_DROPS);
	const char *path = str_copy(t->s->arena, packet).s;
	if (drops) {
		trace_drops(t, drops);
		return;
	}
	trace_begin(t);
	if (strcmp(path, "-") == 0 || is_capture(path))
		trace_capture(t, path);
	else if (is_bytes(packet))
		trace_bytes(t, packet);
	else if (!memchr(packet.s, ' ', packet.len) && access(path, R_OK) == 0)
		trace_capture(t, path); /* libpcap says what is wrong with it */
	else
		trace_words(t, packet);
	trace_end(t);
}

enum exit_code cmd_trace(struct session *s)
{
	struct trace t = {.s = s, .c = {.s = s}};
	struct arguments a = {.port = NULL};
	struct output o;
	const char *why = trace_options(&t);
	if (!why)
		why = read_arguments(s, &a);
	if (why)
		return usage(why);
	if (!load(&t, &a) || !output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	t.out = &o.buf;
	trace_what(&t, a.packet);
	if (s->diags.errors && o.temporary)
		output_abandon(&o);
	else if (output_close(s, &o))
		output_commit(s, &o);
	return session_verdict(s);
}
