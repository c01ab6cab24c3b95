/* SPDX-License-Identifier: MIT */
/*
 * xtables.h - the classic three: ebtables, iptables and ip6tables, and the
 * script `xtables` that holds their files.
 *
 * A frame from a guest meets ebtables' PREROUTING, then (through br_netfilter)
 * iptables' FORWARD or INPUT; a frame to a guest meets FORWARD, then ebtables'
 * POSTROUTING. So the frame part of a program goes to ebtables and the packet
 * part to iptables and ip6tables, and both must let a frame pass.
 *
 *   ebtables, table nat
 *     PREROUTING   nwfc-out   -i PORT   nwfc-o/PORT   nwfc-o/PORT/CHAIN
 *     POSTROUTING  nwfc-in    -o PORT   nwfc-i/PORT   nwfc-i/PORT/CHAIN
 *   iptables, ip6tables, table filter
 *     FORWARD  nwfc-forward   nwfc-out   --physdev-in PORT, goto    nwfc-o/PORT
 *                             nwfc-in    --physdev-out PORT, goto   nwfc-i/PORT
 *     INPUT    nwfc-host                 --physdev-in PORT, goto    nwfc-h/PORT
 *
 * Chains of ours are declared in the file, which empties them: a file is the
 * whole of what we have. Chains of others are not named but by the hooks.
 * goto: what RETURN leaves is the dispatching chain too, so that a guest's
 * packet that its own rules let on still meets the rules of the one it is for.
 *
 * The three are one family: a rule of the other layer is not lost in a file
 * that does not hold it.
 */
#ifndef NWFC_BACKENDS_XTABLES_XTABLES_H
#define NWFC_BACKENDS_XTABLES_XTABLES_H

#include "backends/xtables/dispatch.h"
#include "backends/xtables/lower.h"

/* "must be under 29 chars" (nf_tables variants); legacy ebtables takes 31. */
#define XT_CHAIN_MAX 28

extern const struct target target_ebtables, target_iptables, target_ip6tables, target_xtables;

/* A rule's lines, and where it comes from. */
struct xt_rule {
	const struct prule *rule; /* NULL: a jump */
	struct str trace;         /* comment line */
	struct lines lines;
};

struct xt_rules {
	vec_of(struct xt_rule) list;
};

/* The chains of a port on one side: its own, and behind them those that split.c adds. */
struct xt_chains {
	vec_of(struct xt_rules) list;
	vec_of(uint32_t) owners; /* whose rules they help with; its own index for an own one */
};

/* --- ebtables.c --- */
struct ebtables;
struct ebtables *ebtables_lower(struct emit_ctx *cx, const struct build *b, const char *target);
/* Chains and rules, without the line of the table. */
void ebtables_emit(const struct emit_ctx *cx, const struct ebtables *e, bool hooks,
		   struct buf *out);
/* Has the build any rule for it? */
bool ebtables_needed(const struct build *b);

/* --- iptables.c; family is 4 or 6 --- */
struct iptables;
struct iptables *iptables_lower(struct emit_ctx *cx, const struct build *b, const char *target,
				int family);
/* Likewise, and without COMMIT. */
void iptables_emit(const struct emit_ctx *cx, const struct iptables *t, bool hooks,
		   struct buf *out);
/* The tables beside filter: "nat", "mangle". False, and nothing written, when one has no rule. */
bool iptables_emit_other(const struct iptables *t, const char *table, bool hooks, struct buf *out);
extern const char *const iptables_others[]; /* their names; NULL-terminated */
/* Do ports have packet rules, so that bridged packets must come by? */
bool iptables_needed(const struct build *b, int family);
/* W507, once for each program whose rules for what a guest gets are not asked about all of it. */
void warn_not_covered(struct emit_ctx *cx, const struct build *b, bool v4, bool v6);

/* --- common.c --- */

/* Lower r of side and put it behind the others; false after a finding. Products of all ports are
 * checked. */
bool xt_add_rule(struct emit_ctx *cx, const struct dialect *d, const char *target,
		 const struct build *b, const struct program *p, const struct prule *r,
		 enum side side, uint32_t chain, uint32_t jump, struct xt_rules *out);

/* Begins a line that is no rule of the source. */
struct template *xt_add_line(struct emit_ctx *cx, uint32_t chain, struct xt_rules *out);
/* Such a line: frames with this prefix (NULL: all) jump on. */
void xt_add_jump(struct emit_ctx *cx, const struct chain_prefix *prefix, uint32_t from,
		 uint32_t chain, struct xt_rules *out);

/* All rules, for the port that the writer is at. */
void xt_write_rules(struct template_writer *w, const struct xt_rules *rules);

uint32_t xt_program_index(const struct build *b, const struct program *p);

/* E506: names that the tool would take for something else; ebtables refuses more of them. */
bool xt_check_name(struct emit_ctx *cx, struct str name, struct span span, const char *target,
		   bool ebtables);
bool xt_check_port_names(struct emit_ctx *cx, const struct build *b, const char *target,
			 bool ebtables);

/* --- split.c: rules in their order, into one chain or, where that takes several, more --- */

struct xt_laying {
	struct emit_ctx *cx;
	const struct dialect *dialect;
	const char *target;
	const struct build *build;
	const struct program *program;
	enum side side;
	struct xt_chains *chains;
	uint32_t owner, current; /* the chain being filled, and where its next line goes */
	bool good;
};

/* Begins with `own` empty chains, at the first. */
struct xt_laying xt_lay_begin(struct emit_ctx *cx, const struct dialect *d, const char *target,
			      const struct build *b, const struct program *p, enum side side,
			      uint32_t own, struct xt_chains *chains);
void xt_lay_chain(struct xt_laying *x, uint32_t chain);
void xt_lay_rule(struct xt_laying *x, const struct prule *r);

/* Names for all chains: full[i] for own ones, that and a number for their helpers. */
void xt_name_chains(struct emit_ctx *cx, struct names *ns, const struct xt_chains *chains,
		    const struct str *full, struct str *names);

/* --- script.c --- */

/* The script that takes every trace of ours out of some tools (words of the shell). */
void xt_emit_remove(const struct emit_ctx *cx, const char *tools, struct buf *out);

#endif
