/* SPDX-License-Identifier: MIT */
/*
 * learnd: learns the addresses of guests, and has their filters compiled again with them.
 *
 * The passes, in the order of their headers: frame (what kind of evidence), message (what it
 * says), learner (what is believed), event and journal (what is told and kept),
 * feeder (what is done). capture and replay are two sources of frames.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "learnd/daemon.h"
#include "learnd/feeder.h"
#include "learnd/replay.h"
#include "learnd/transfer.h"

static int fail(const char *what)
{
	fprintf(stderr, "learnd: %s: %s\n", what, strerror(errno));
	return EXIT_FAILED;
}

/* The learn file is read once here so that a mistake in it is said at the terminal. */
static bool check_learn_file(const struct options *o)
{
	struct arena *a = arena_new(LEARN_ARENA);
	struct learn_file file;
	struct fault fault;
	bool good = learn_file_read(a, o->learn, &file, &fault);
	if (!good)
		fault_say(o->learn, &fault);
	if (a)
		arena_free(a);
	return good;
}

static bool events_to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	bool good = dup2(fd, STDOUT_FILENO) >= 0;
	close(fd);
	return good;
}

/* Signals come as frames do: from a descriptor that the loop waits for. */
static int block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Two processes: the parent may run the command, the child reads packets. */
static int serve(const struct options *o)
{
	int pair[2];
	if (!check_learn_file(o))
		return EXIT_FAILED;
	if (o->events && !events_to_file(o->events))
		return fail(o->events);
	if (!o->foreground && !getenv("NOTIFY_SOCKET") && daemon(1, 1) < 0)
		return fail("daemon");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail("socketpair");
	int signals = block_signals();
	if (signals < 0)
		return fail("signalfd");
	pid_t child = fork();
	if (child < 0)
		return fail("fork");
	close(pair[child ? 1 : 0]);
	if (child)
		return feeder_serve(o, pair[0], child, signals);
	close(signals);
	return daemon_run(o, pair[1], block_signals());
}

int main(int argc, char **argv)
{
	struct options o;
	int code;
	if (!options_parse(argc, argv, &o, &code))
		return code;
	switch (o.run) {
	case RUN_REPLAY:
		return replay(&o);
	case RUN_EXPORT:
		return transfer_export(&o);
	case RUN_IMPORT:
		return transfer_import(&o);
	default:
		return serve(&o);
	}
}
