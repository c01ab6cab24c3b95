/* SPDX-License-Identifier: MIT */
/*
 * alternate [-n] ROUNDS COMMAND... [--- COMMAND...]...
 *
 * Runs each command once a round, one after another, and prints a line for each:
 * the median and the least of its CPU time (user and system, us), its peak
 * memory (KiB) and its exit status. Alternation is what makes ratios hold on a
 * machine where others work: whatever slows one command slows its neighbours.
 *
 *   -n   each run in a network namespace of its own (CAP_SYS_ADMIN is needed)
 *
 * Standard output of the commands goes to /dev/null, their errors too, for a
 * terminal is slower than what is measured. It is a program of its own since the
 * kernel counts the memory of whoever forks as the child's until the child's exec,
 * and an interpreter's would hide that of a small program.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_COMMANDS 16
#define MAX_ROUNDS   1001

struct command {
	char **argv;
	double cpu[MAX_ROUNDS]; /* us */
	long memory;            /* KiB */
	int status;
};

static struct command commands[MAX_COMMANDS];

static double us(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int run(struct command *c, int round, int sink)
{
	struct rusage ru;
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		dup2(sink, STDOUT_FILENO);
		dup2(sink, STDERR_FILENO);
		execvp(c->argv[0], c->argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &ru) < 0)
		return -1;
	c->cpu[round] = us(ru.ru_utime) + us(ru.ru_stime);
	c->memory = ru.ru_maxrss > c->memory ? ru.ru_maxrss : c->memory;
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

static int split(char **argv)
{
	int n = 0;
	commands[n++].argv = argv;
	for (; *argv; argv++) {
		if (strcmp(*argv, "---") != 0)
			continue;
		if (n == MAX_COMMANDS)
			return -1;
		*argv = NULL;
		commands[n++].argv = argv + 1;
	}
	return n;
}

static int failed(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	int apart = argc > 1 && strcmp(argv[1], "-n") == 0;
	argv += apart;
	argc -= apart;
	int rounds = argc > 2 ? atoi(argv[1]) : 0;
	int n = rounds > 0 && rounds <= MAX_ROUNDS ? split(argv + 2) : -1;
	int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (n < 1) {
		fputs("usage: alternate [-n] ROUNDS COMMAND... [--- COMMAND...]...\n", stderr);
		return 2;
	}
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < n; i++) {
			if (apart && unshare(CLONE_NEWNET) < 0)
				return failed("unshare");
			if (run(&commands[i], r, sink) < 0)
				return failed("fork");
		}
	for (int i = 0; i < n; i++) {
		struct command *c = &commands[i];
		qsort(c->cpu, (size_t)rounds, sizeof c->cpu[0], by_value);
		printf("%.0f %.0f %ld %d\n", c->cpu[rounds / 2], c->cpu[0], c->memory, c->status);
	}
	return 0;
}
