/* SPDX-License-Identifier: MIT */
/*
 * Input and output are files without a name, so neither side ever waits for the other.
 */
#define _GNU_SOURCE
#include "nwfc/run_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int scratch(struct str text)
{
	struct buf b;
	int fd = memfd_create("nwfc", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	buf_open(&b, fd);
	buf_str(&b, text);
	int e = buf_finish(&b);
	if (e || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		errno = e ? e : errno;
		return -1;
	}
	return fd;
}

static int gather(struct arena *a, int fd, struct str *out)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return errno;
	if (st.st_size > INT32_MAX)
		return EFBIG;
	char *p = arena_copy(a, "", 1);
	size_t n = (size_t)st.st_size, done = 0;
	if (n)
		p = arena_new_array(a, char, n);
	while (done < n) {
		ssize_t r = pread(fd, p + done, n - done, (off_t)done);
		if (r == 0 || (r < 0 && errno != EINTR))
			break;
		done += r > 0 ? (size_t)r : 0;
	}
	*out = (struct str){p, (uint32_t)done};
	return done == n ? 0 : EIO;
}

static int spawn(const char *const *words, int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	int e = posix_spawn_file_actions_init(&fa);
	if (e)
		return e;
	e = posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	if (!e)
		e = posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	if (!e)
		e = posix_spawnp(pid, words[0], &fa, NULL, (char *const *)words, environ);
	posix_spawn_file_actions_destroy(&fa);
	return e;
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 128;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_tool(struct arena *a, const char *const *words, struct str input, struct str *output,
	     int *status)
{
	pid_t pid;
	int in = scratch(input), out = in < 0 ? -1 : scratch(STR(""));
	int e = in < 0 || out < 0 ? errno : spawn(words, in, out, &pid);
	if (!e) {
		*status = wait_for(pid);
		e = gather(a, out, output);
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return e;
}
