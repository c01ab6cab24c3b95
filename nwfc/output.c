/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(struct session *s, struct str path, int error)
{
	diag_add(&s->diags, FINDING(E602), (struct span){0}, "%.*s: %s",
		 STR_ARG(path.len ? path : STR("standard output")), strerror(error));
	return false;
}

/* What exists and is no regular file (a device, a pipe) is written to as it is. */
static bool in_place(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static bool open_beside(struct session *s, const char *path, bool executable, struct output *o)
{
	o->path = str_from(path);
	o->temporary = (char *)str_printf(s->arena, "%s.XXXXXX", path).s;
	o->fd = mkostemp(o->temporary, O_CLOEXEC);
	if (o->fd < 0)
		return failed(s, o->path, errno);
	mode_t mask = umask(0);
	umask(mask);
	fchmod(o->fd, (executable ? 0777 : 0666) & ~mask);
	return true;
}

bool output_open(struct session *s, const char *path, bool executable, struct output *o)
{
	*o = (struct output){.fd = STDOUT_FILENO};
	if (path && strcmp(path, "-") != 0) {
		o->path = str_from(path);
		if (!in_place(path) && !open_beside(s, path, executable, o))
			return false;
		if (!o->temporary)
			o->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (o->fd < 0)
			return failed(s, o->path, errno);
	}
	buf_open(&o->buf, o->fd);
	return true;
}

bool output_open_file(struct session *s, const char *path, struct output *o)
{
	*o = (struct output){.fd = -1};
	if (!open_beside(s, path, false, o))
		return false;
	buf_open(&o->buf, o->fd);
	return true;
}

bool output_close(struct session *s, struct output *o)
{
	int error = buf_finish(&o->buf);
	if (o->fd != STDOUT_FILENO && close(o->fd) < 0 && !error)
		error = errno;
	o->fd = -1;
	if (error)
		output_abandon(o);
	return error ? failed(s, o->path, error) : true;
}

bool output_commit(struct session *s, struct output *o)
{
	if (!o->temporary)
		return true;
	if (rename(o->temporary, o->path.s) < 0) {
		int e = errno;
		output_abandon(o);
		return failed(s, o->path, e);
	}
	o->temporary = NULL;
	return true;
}

void output_abandon(struct output *o)
{
	if (o->temporary)
		unlink(o->temporary);
	o->temporary = NULL;
}
