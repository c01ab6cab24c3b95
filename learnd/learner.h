/* SPDX-License-Identifier: MIT */
/*
 * learner.h - what is believed: from messages to the addresses of a port.
 *
 * Needs: a port's configuration, its frames in order, and the time. Gives: events, each
 * at the moment it happens. Keeps: a stronger evidence is never replaced by a weaker
 * one, no address is bound to two ports, none that port.h's rules exclude is bound;
 * nothing grows with the traffic. Does no input or output and allocates
 * only in learner_add_port().
 *
 * What it follows: RFC 7513 (DHCP: a request seen from the guest, then the trusted server's
 * answer to it), RFC 6620 (neighbour discovery: first come), RFC 5227 (ARP probes),
 * specification ip-learning E.
 */
#ifndef NWFC_LEARND_LEARNER_H
#define NWFC_LEARND_LEARNER_H

#include "learnd/clock.h"
#include "learnd/limit.h"
#include "learnd/message.h"
#include "learnd/port.h"

/* Ordered by name in events; evidence_rank[] says which is stronger. */
enum evidence { BY_DATA, BY_ARP, BY_ND, BY_DHCP4, BY_DHCP6, EVIDENCES };
extern const char *const evidence_names[EVIDENCES]; /* "data" "arp" "dad" "dhcp" "dhcpv6" */

enum event_kind {
	EVENT_ADD,
	EVENT_RENEW,
	EVENT_EXPIRE,
	EVENT_DELETE,
	EVENT_TENTATIVE,
	EVENT_CONFLICT,
	EVENT_IGNORE,
	EVENT_KINDS
};
extern const char *const event_names[EVENT_KINDS];

struct learn_port;

struct event {
	enum event_kind kind;
	instant time;                  /* of the frame, or the deadline of a timer */
	const struct learn_port *port; /* as it is after the event */
	struct address address;
	enum evidence evidence;
	instant valid_until; /* NEVER: as long as it lasts, or infinite */
	bool infinite;       /* a lease without end */
	const char *why;
};

/* Does this kind change the set of a port's addresses? (A renewal changes times only.) */
static inline bool event_changes_set(enum event_kind kind)
{
	return kind == EVENT_ADD || kind == EVENT_EXPIRE || kind == EVENT_DELETE;
}

struct binding {
	struct address address;
	uint8_t evidence;
	bool used;     /* the guest has been seen to use it: a conflict no longer takes it away */
	bool infinite; /* a lease without end */
	instant valid_until, last_seen;
};

/* An address that waits for somebody to object. */
struct tentative {
	struct address address;
	uint8_t evidence;
	uint8_t nonce[6]; /* of the DAD NS; zeros: none */
	bool used;        /* the guest already speaks from it (optimistic DAD, RFC 4429) */
	instant deadline;
};

/* A request of the guest to which an answer is believed. */
struct request {
	uint32_t xid;
	uint16_t vlan;          /* in which an answer must come */
	bool rapid_only;        /* only an answer by rapid commit */
	instant time;           /* of the last request with this xid; 0: free */
	struct address address; /* that it asks for, for a NAK */
	uint64_t client;        /* hash of the client identifier; 0: none */
};

struct learned_prefix {
	struct prefix prefix;
	instant valid_until;
};

enum {
	TENTATIVES = 16,
	REQUESTS = 32,
	PREFIXES = 16,
	TYPES_MAX = 16,
	/* By kind, direction, and type of message: a flood of one does not hide another. */
	CLASSES = FRAME_SERVER * DIRECTIONS * TYPES_MAX,
};

struct learn_port {
	const struct port_config *config;
	struct learner *learner;
	struct learn_port *following; /* in the learner's list */
	enum learn_mode mode;
	void *user; /* the owner's */
	uint32_t max[FAMILIES], n[FAMILIES];
	struct binding *bindings[FAMILIES]; /* max each */
	struct tentative tentatives[TENTATIVES];
	uint32_t ntentatives;
	struct request requests[FAMILIES][REQUESTS];
	struct learned_prefix prefixes[PREFIXES];
	uint32_t nprefixes;
	instant next;      /* the earliest deadline; NEVER */
	uint16_t vlan;     /* in which it learned what it has */
	uint16_t heard;    /* that of the frame being looked at */
	instant played;    /* when the guest last sent what only a server sends; 0: never */
	bool used_changed; /* an address came into use; its data need not be seen any more */
	instant buckets[CLASSES];
	instant share; /* the port's own, whatever the others send */
	uint64_t dropped[CLASSES], dropped_total;
};

/* Addresses that are somebody's: open addressing, keyed by address. */
struct owner {
	struct address address;
	bool taken;                    /* the slot is in use */
	const struct learn_port *port; /* NULL: nobody's who learns */
};

struct learner {
	void (*event)(void *user, const struct event *e);
	void *user;
	struct learn_port *ports;
	struct limit class_limit, share_limit, global_limit;
	instant global_bucket;
	uint64_t dropped_global;
	struct owner *owners; /* malloc'd; a power of two */
	uint32_t nowners, owners_size;
	struct address *own; /* the host's; the caller's memory */
	uint32_t nown;
};

/* Zeroed memory becomes a learner, with the limits of learner.c. */
void learner_init(struct learner *l, void (*event)(void *, const struct event *), void *user);
void learner_free(struct learner *l);

/* A port in the learner's care; NULL without memory. config must outlive it. */
struct learn_port *learner_add_port(struct learner *l, const struct port_config *config,
				    enum learn_mode mode);
/* Forget it, without events. */
void learner_remove_port(struct learn_port *p);
/* Another configuration for the same port, in its stead: requests, doubts and limits go on, and so
 * do the addresses that it still allows; the others are deleted, with events. NULL
 * without memory, then p stays. */
struct learn_port *learner_replace_port(struct learn_port *p, const struct port_config *config,
					enum learn_mode mode, instant now);

/* Addresses that no port may learn: one more, and none any more. A port that has it loses it. */
bool learner_take(struct learner *l, const struct address *a, instant now);
void learner_take_none(struct learner *l);

/* End a binding from outside, with an event. */
void learner_forget(struct learn_port *p, const struct address *a, instant now, const char *why);

/* One frame of the port. Timers that are due before `now` fire first, at their own time. */
void learner_frame(struct learn_port *p, const uint8_t *frame, size_t n, size_t wire_n,
		   enum direction direction, instant now);

/* Fire what is due at `now`. */
void learner_timers(struct learn_port *p, instant now);

/* A binding of an earlier life; false when it is over or not allowed. No event. */
bool learner_restore(struct learn_port *p, const struct binding *b, instant now);

#endif
