/* SPDX-License-Identifier: MIT */
/*
 * The target bridge: a sh script that tells bridges which addresses their ports
 * have and which ports are isolated, that takes it back (remove), and that
 * compares (verify). What it does is in bridge.sh; here are the lines of data,
 * each a call. Names of interfaces have no blanks, but may have anything else a
 * shell knows, so every word stands in quotes.
 */
/* Functions that tables call have one shape, whether or not they need all of it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include "backends/backend.h"
#include "ir/interface.h"

extern const char script_prelude[], script_bridge[];
extern const struct target target_bridge;

static void put_word(struct buf *out, struct str s)
{
	buf_char(out, ' ');
	put_shell_quoted(out, s);
}

/* Has it a place on a bridge that we know, and an address? A name is found by that. */
static bool is_ours(const struct interface *i)
{
	return i->has_mac && i->on_bridge.len && !(i->name.len && port_name_check(i->name)) &&
	       (i->pinned || i->is_isolated || i->net);
}

static void put_bridges(const struct networks *ns, struct buf *out)
{
	vec_each (it, &ns->list) {
		const struct network *n = *it;
		bool dhcp = false;
		vec_each (ip, &n->ips)
			dhcp |= ip->family == IP4 && ip->dhcp;
		dhcp = dhcp && network_modes[n->mode].routed;
		if (!n->bridge.len || (!n->mac_table && !dhcp))
			continue;
		buf_lit(out, "each_bridge");
		put_word(out, n->bridge);
		buf_printf(out, " %d %d\n", n->mac_table, dhcp);
	}
}

static void put_ports(struct arena *a, const struct interfaces *is, struct buf *out)
{
	vec_each (it, &is->list) {
		const struct interface *i = *it;
		if (!is_ours(i))
			continue;
		buf_lit(out, "each_port");
		put_word(out, i->name);
		put_word(out, i->on_bridge);
		put_word(out, value_text(a, &i->mac));
		buf_printf(out, " %d %d\n", i->pinned, i->is_isolated);
	}
}

static void *lower(struct emit_ctx *cx, const struct build *b)
{
	return (void *)b;
}

/* A table of one's own has a record of its own. */
static void put_record(struct str table, struct buf *out)
{
	if (!table.len || str_is(table, "nwfc")) {
		buf_lit(out, "record=/run/nwfc-bridge\n");
		return;
	}
	buf_lit(out, "record=/run/nwfc-bridge-");
	for (uint32_t i = 0; i < table.len; i++)
		buf_char(out, table.s[i] == '/' ? ':' : table.s[i]);
	buf_char(out, '\n');
}

static void put_script(const struct emit_ctx *cx, const struct build *b, const char *action,
		       struct buf *out)
{
	buf_printf(out,
		   "#!/bin/sh\n# nwfc %s: bridges and their ports.\n"
		   "# Run it as root: apply (without a word), remove, remove all, verify.\n\n%s",
		   cx->options.version, action);
	put_record(cx->options.table, out);
	buf_str(out, str_from(script_prelude));
	buf_char(out, '\n');
	buf_str(out, str_from(script_bridge));
	if (b->networks)
		put_bridges(b->networks, out);
	if (b->interfaces)
		put_ports(cx->arena, b->interfaces, out);
	buf_lit(out, "finish\n");
}

static void emit(const struct emit_ctx *cx, const void *lowered, struct buf *out)
{
	put_script(cx, lowered, "", out);
}

static void emit_remove(struct emit_ctx *cx, const struct build *b, struct buf *out)
{
	bool any = (b->interfaces && b->interfaces->list.n) || (b->networks && b->networks->list.n);
	put_script(cx, b, any ? "set -- remove\n" : "set -- remove all\n", out);
}

const struct target target_bridge = {
	.name = "bridge",
	.file = "bridge",
	.title = "a sh script that pins addresses and isolates ports on bridges",
	.executable = true,
	.family = "xtables",
	.lower = lower,
	.emit = emit,
	.remove = emit_remove,
};
