/* SPDX-License-Identifier: MIT */
/*
 * trace.h - packets through a port's program, told step by step (trace), or summed up by
 * the rules that drop them (--explain-drops).
 *
 * JSON: {"version": 1, "port", "learning", "packets": [PACKET], "skipped"}. PACKET is {"number",
 * "time_us", "side", "packet", "bytes", "malformed", "verdict", "uncertain", "rule": RULE,
 * "unknown", "steps": [{"step", "layer", "chain", "rule": RULE, "failed", "emitted": [{"target",
 * "chain", "text"}]}]}, RULE null or {"key", "filter", "file", "line", "column", "action", "text",
 * "path"}. Of --explain-drops: {"version": 1, "port", "learning", "frames", "bytes", "passed":
 * {"frames", "bytes"}, "skipped": {"frames", "bytes"}, "uncertain": {"frames", "bytes"}, "rules":
 * [{"frames", "bytes", "side", "verdict", "rule": RULE}]}. The version changes when a member
 * changes its meaning or goes away.
 */
#ifndef NWFC_NWFC_TRACE_H
#define NWFC_NWFC_TRACE_H

#include "nwfc/compile.h"
#include "review/packet_bytes.h"
#include "review/simulate.h"

/* A line of a script, and the rule that it is. */
struct emitted_line {
	const struct prule *rule;
	const struct port_data *pd;
	struct str chain, text;
};

/* All lines of a target's script that are rules. */
struct emitted_script {
	const char *target;
	vec_of(struct emitted_line) lines;
};

struct trace {
	struct session *s;
	struct compile c;
	const struct port_data *pd;
	struct packet usual[SIDES];
	vec_of(struct emitted_script) emitted;
	struct buf *out;
	bool json;
	uint32_t packets, skipped; /* skipped: neither from nor to the port */
};

/* A packet, and what is known of it besides. */
struct told {
	struct packet packet;
	const char *malformed;
	bool captured;
	uint32_t number;
	uint64_t time_us;
};

/* The lines of the targets asked for. False after a finding. */
bool trace_emit(struct trace *t);

void trace_begin(struct trace *t);
void trace_packet(struct trace *t, const struct told *p, bool steps);
void trace_end(struct trace *t);

/* Of a frame of a capture. False: it is neither from nor to the port. */
bool trace_side(const struct trace *t, struct str bytes, enum side *out);

/* All frames of a capture, each told; or summed up. */
void trace_capture(struct trace *t, const char *path);
void trace_drops(struct trace *t, const char *path);

/* {"key": ..., "file": ...} */
void trace_rule_json(struct trace *t, const struct prule *r);
/* "clean-traffic.xml:3:4" */
struct str trace_place(struct trace *t, const struct prule *r);

#endif
