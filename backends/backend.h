/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what a target is: a declaration, a lowering and an emitter.
 *
 * lower() translates programs to the target's rules and says what it can not
 * express; nothing has been written when it fails. emit() streams bytes and
 * can fail only by the buffer's error. Both see the program form alone.
 *
 * Loss. A rule that a target can not express exactly is a finding with the
 * rule's place, the field, and one of refused, widened, narrowed. It is an
 * error unless options.allow_loss has the kind (`--allow-loss=widened`), then a
 * warning. Refused and allowed: the rule is left out.
 */
#ifndef NWFC_BACKENDS_BACKEND_H
#define NWFC_BACKENDS_BACKEND_H

#include "backends/source_map.h"
#include "ir/findings.h"
#include "ir/passes.h"

enum loss { LOSS_NONE, LOSS_REFUSED, LOSS_WIDENED, LOSS_NARROWED, LOSSES };

struct emit_options {
	bool allow_loss[LOSSES];
	bool expand;      /* nft: write products out instead of folding them into sets */
	bool no_hooks;    /* restore files: the jumps from the base chains are already there */
	bool services;    /* nft: rules that let services of networks in */
	bool annotate;    /* comment lines above rules, keys in their comments */
	bool counters;    /* nft: each rule counts; the others always do */
	bool open_host;   /* what guests of isolated networks send to the host is left to others */
	struct str table; /* nft: name of the table; "nwfc" */
	bool leases;      /* values may end: their sets are made for it */
	bool leases_before;  /* the same of what a change begins with */
	uint64_t now_ms;     /* what is left of them is counted from here */
	const char *version; /* for the head comment */
};

struct emit_ctx {
	struct arena *arena;
	struct diags *diags;
	struct limits limits;
	struct emit_options options;
	struct source_map *map; /* where emit() notes its lines; NULL: nobody asks */
};

struct target {
	const char *name; /* "-t" */
	const char *file; /* name of its file under -o DIR */
	const char *title;
	bool executable;
	/* Which losses are its own: the classic three count as one (`family`). */
	const char *family;
	/* NULL after an error finding. The result is the target's own. */
	void *(*lower)(struct emit_ctx *cx, const struct build *b);
	void (*emit)(const struct emit_ctx *cx, const void *lowered, struct buf *out);
	/* The script that takes every trace of these ports away. */
	void (*remove)(struct emit_ctx *cx, const struct build *b, struct buf *out);
	/* The change from one build to another as a script; NULL: the target has none. */
	bool (*change)(struct emit_ctx *cx, const struct build *before, const struct build *after,
		       struct buf *out);
};

extern const struct target *const targets[]; /* NULL-terminated; the order of "-t all" */
const struct target *target_find(struct str name);

/* Report a loss of rule r in a target; false when the compile must fail for it. */
bool report_loss(struct emit_ctx *cx, const char *target, const struct prule *r,
		 const struct ptest *t, enum loss loss, const char *why);

/* Finding E504 when a rule's instances for a port are beyond the limit. */
bool check_product(struct emit_ctx *cx, const char *target, const struct prule *r,
		   const struct port_data *pd);

/* "# file.xml:3:4 clean-traffic > no-arp-spoofing", and its newline: where a rule comes from. */
struct str source_comment(struct emit_ctx *cx, const struct program *p, const struct prule *r);

/* A word of the shell, in quotes; and one that has quotes only where it needs them. */
void put_shell_quoted(struct buf *out, struct str s);
void put_shell_word(struct buf *out, struct str s);

/*
 * A name within a tool's limit: as it is when it fits and has only letters,
 * digits and `_ . - /`; otherwise its readable beginning, `~` and eight
 * hexadecimal digits of its hash. Two names that give the same are a finding
 * (E505) through the registry.
 */
struct names {
	struct map used; /* result -> ptr: struct str, the full name */
};
struct str short_name(struct emit_ctx *cx, struct names *ns, struct str full, uint32_t limit);

#endif
