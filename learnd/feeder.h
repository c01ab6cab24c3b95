/* SPDX-License-Identifier: MIT */
/*
 * feeder.h - the process with privilege: runs the one command, and nothing else.
 *
 * It is the parent. The process that reads packets asks over a socket (FEED_RUN); the
 * feeder runs the command that it was started with, without a shell and with arguments
 * that nothing from the network can reach, and answers how it ended. It
 * forwards signals, tells the service manager when the other is ready, and
 * ends with it.
 */
#ifndef NWFC_LEARND_FEEDER_H
#define NWFC_LEARND_FEEDER_H

#include <sys/types.h>

#include "learnd/options.h"

/* To the feeder: one byte. */
enum { FEED_RUN = 'r', FEED_READY = 'y' };

/* From the feeder. */
struct feed_result {
	int status; /* of waitpid(); -1: it could not be started or took too long */
	int error;  /* errno when it could not be started */
};

/* A command may take so long before it is killed (seconds). */
#define FEED_TIMEOUT 120

/* Serve the child until it ends; returns the exit code of the whole. */
int feeder_serve(const struct options *o, int socket, pid_t child, int signals);

#endif
