/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "learnd/feeder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct feeder {
	const struct options *options;
	int socket, signals;
	pid_t child, command; /* 0: not running */
	time_t started;
	bool stopping;
	int status; /* of the child, when it has ended */
};

static time_t seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* nwfc beside this program or in the bin beside its folder, or wherever PATH finds it. */
static const char *default_program(void)
{
	static const char *const places[] = {"nwfc", "../bin/nwfc"};
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
	if (n <= 0)
		return "nwfc";
	path[n] = 0;
	char *name = strrchr(path, '/');
	for (size_t i = 0; name && i < sizeof places / sizeof *places; i++) {
		strcpy(name + 1, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return "nwfc";
}

/* Standard output becomes standard error: events alone go there. */
static int start(struct feeder *f)
{
	const struct options *o = f->options;
	const char *const reload[] = {default_program(), "reload",  "--learn", o->learn,
				      "--leases",        o->leases, NULL};
	char *const *argv = o->command ? o->command : (char *const *)(uintptr_t)reload;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	int error = posix_spawnp(&f->command, argv[0], &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	f->started = seconds_now();
	if (error)
		f->command = 0;
	return error;
}

static void answer(struct feeder *f, int status, int error)
{
	struct feed_result r = {status, error};
	f->command = 0;
	if (send(f->socket, &r, sizeof r, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		fprintf(stderr, "learnd: feeder: %s\n", strerror(errno));
}

static void on_request(struct feeder *f)
{
	char what;
	ssize_t n = recv(f->socket, &what, 1, MSG_DONTWAIT);
	if (n == 1 && what == FEED_READY)
		sd_notify(0, "READY=1");
	if (n != 1 || what != FEED_RUN || f->command)
		return;
	int error = start(f);
	if (error)
		answer(f, -1, error);
}

static void reap(struct feeder *f)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == f->child) {
			f->child = 0;
			f->status = status;
		} else if (pid == f->command) {
			answer(f, status, 0);
		}
	}
}

static void on_signal(struct feeder *f)
{
	struct signalfd_siginfo info;
	if (read(f->signals, &info, sizeof info) != sizeof info)
		return;
	int sig = (int)info.ssi_signo;
	if (sig == SIGCHLD) {
		reap(f);
		return;
	}
	if (sig == SIGTERM || sig == SIGINT) {
		f->stopping = true;
		sd_notify(0, "STOPPING=1");
		sig = SIGTERM;
	}
	if (f->child)
		kill(f->child, sig);
}

/* A command that hangs is killed with all that it started; the answer comes when it is reaped. */
static void check_time(struct feeder *f)
{
	if (f->command && seconds_now() - f->started > FEED_TIMEOUT)
		kill(-f->command, SIGKILL);
}

/* The rules stay as they are when the other process dies: whoever started us starts us again. */
static int verdict(const struct feeder *f)
{
	if (WIFEXITED(f->status))
		return WEXITSTATUS(f->status);
	fprintf(stderr, "learnd: the process that reads packets was killed by signal %d\n",
		WTERMSIG(f->status));
	return EXIT_FAILED;
}

int feeder_serve(const struct options *o, int socket, pid_t child, int signals)
{
	struct feeder f = {.options = o, .socket = socket, .signals = signals, .child = child};
	while (f.child || f.command) {
		struct pollfd fds[] = {{signals, POLLIN, 0}, {socket, POLLIN, 0}};
		int n = poll(fds, f.child ? 2 : 1, f.command ? 1000 : -1);
		if (n < 0 && errno != EINTR)
			return EXIT_FAILED;
		if (n > 0 && fds[0].revents)
			on_signal(&f);
		if (n > 0 && fds[1].revents & POLLIN)
			on_request(&f);
		else if (n > 0 && fds[1].revents & POLLHUP)
			usleep(1000); /* it is about to be reaped */
		check_time(&f);
	}
	return verdict(&f);
}
