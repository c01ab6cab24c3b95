/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void buf_start(struct buf *b, int fd)
{
	*b = (struct buf){.data = malloc(BUF_BLOCK), .cap = BUF_BLOCK, .fd = fd};
	if (!b->data)
		abort();
}

void buf_open(struct buf *b, int fd)
{
	buf_start(b, fd);
}

void buf_memory(struct buf *b)
{
	buf_start(b, -1);
}

void buf_drop(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.fd = -1};
}

struct str buf_take(struct arena *a, struct buf *b)
{
	struct str s = str_copy(a, (struct str){b->data, (uint32_t)b->n});
	buf_drop(b);
	return s;
}

static void flush(struct buf *b)
{
	for (size_t done = 0; done < b->n && !b->error;) {
		ssize_t r = write(b->fd, b->data + done, b->n - done);
		if (r < 0 && errno != EINTR)
			b->error = errno;
		else if (r > 0)
			done += (size_t)r;
	}
	b->total += b->n;
	b->n = 0;
}

int buf_finish(struct buf *b)
{
	int error;
	flush(b);
	error = b->error;
	buf_drop(b);
	return error;
}

void buf_room(struct buf *b, size_t n)
{
	if (b->fd >= 0) {
		flush(b);
		return;
	}
	while (b->cap - b->n < n)
		b->cap *= 2;
	b->data = realloc(b->data, b->cap);
	if (!b->data)
		abort();
}

void buf_uint(struct buf *b, uint32_t v)
{
	char t[10];
	unsigned n = 0;
	do
		t[sizeof t - ++n] = (char)('0' + v % 10);
	while (v /= 10);
	buf_put(b, t + sizeof t - n, n);
}

void buf_hex(struct buf *b, uint32_t v, unsigned digits)
{
	char t[8];
	unsigned n = 0;
	do
		t[sizeof t - ++n] = "0123456789abcdef"[v & 15];
	while ((v >>= 4) || n < digits);
	buf_put(b, t + sizeof t - n, n);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char t[512], *p = t;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(t, sizeof t, fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof t) {
		p = malloc((size_t)n + 1);
		if (!p)
			abort();
		va_start(ap, fmt);
		vsnprintf(p, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	buf_put(b, p, (size_t)n);
	if (p != t)
		free(p);
}
