/* SPDX-License-Identifier: MIT */
#include "learnd/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool outlet_takes(int fd, int milliseconds)
{
	struct pollfd p = {fd, POLLOUT, 0};
	return poll(&p, 1, milliseconds) == 1 && p.revents & (POLLOUT | POLLERR | POLLHUP);
}

/* What is ready takes so much without waiting (pipe(7): PIPE_BUF); but of a socket it is not known
 * how much, so it is asked not to wait. */
static ssize_t write_some(int fd, const char *p, size_t n)
{
	ssize_t did = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (did >= 0 || errno != ENOTSOCK)
		return did;
	if (!outlet_takes(fd, 0)) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, p, n < PIPE_BUF ? n : PIPE_BUF);
}

void outlet_push(struct outlet *o)
{
	while (outlet_waits(o)) {
		ssize_t did = write_some(o->fd, o->queue + o->at, o->n - o->at);
		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0 && errno == EAGAIN)
			return;
		o->at = did > 0 ? o->at + (size_t)did : o->n;
	}
	o->at = o->n = 0;
}

void outlet_finish(struct outlet *o, int milliseconds)
{
	outlet_push(o);
	while (outlet_waits(o) && outlet_takes(o->fd, milliseconds))
		outlet_push(o);
}

static bool has_room(struct outlet *o, size_t n)
{
	if (o->n + n <= OUTLET_MAX)
		return true;
	outlet_push(o);
	if (o->at)
		memmove(o->queue, o->queue + o->at, o->n - o->at);
	o->n -= o->at;
	o->at = 0;
	return o->n + n <= OUTLET_MAX;
}

void outlet_put(struct outlet *o, const char *lines, size_t n)
{
	if (!o->queue)
		o->queue = malloc(OUTLET_MAX);
	for (const char *end = lines + n, *next; lines < end; lines = next) {
		const char *newline = memchr(lines, '\n', (size_t)(end - lines));
		next = newline ? newline + 1 : end;
		size_t length = (size_t)(next - lines);
		if (!o->queue || !has_room(o, length)) {
			o->lost++;
			continue;
		}
		memcpy(o->queue + o->n, lines, length);
		o->n += length;
	}
}

void outlet_drop(struct outlet *o)
{
	free(o->queue);
	o->queue = NULL;
	o->at = o->n = 0;
}
