/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of learnd (learnd(8)).
 */
#ifndef NWFC_LEARND_OPTIONS_H
#define NWFC_LEARND_OPTIONS_H

#include "learnd/clock.h"
#include "learnd/learner.h"

enum exit_code { EXIT_GOOD, EXIT_FAILED, EXIT_BAD_USE };

struct options {
	enum { RUN_DAEMON, RUN_REPLAY, RUN_EXPORT, RUN_IMPORT } run;
	const char *learn;  /* the learn file, or a port file */
	const char *leases; /* the journal */
	const char *pcap, *direction;
	const char *events;   /* NULL: standard output */
	const char *user;     /* to become; NULL: stay */
	const char *argument; /* of export: the owner; of import: the file */
	bool has_mode, has_until, once, foreground, verbose;
	enum learn_mode mode;
	instant until;        /* after the last frame */
	unsigned debounce;    /* milliseconds */
	unsigned rings;       /* MiB of memory for frames of all ports together */
	char *const *command; /* ends with NULL; NULL: nwfc reload */
};

/* False after a message (or the help or version; then *code is EXIT_GOOD). */
bool options_parse(int argc, char **argv, struct options *o, int *code);

#endif
