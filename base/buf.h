/* SPDX-License-Identifier: MIT */
/*
 * buf.h - output: bytes go through one block that stays in the cache.
 *
 * A buffer either streams to a file descriptor or collects in memory. A write
 * error is kept in `error` and later bytes are thrown away; the owner looks
 * once, at buf_finish(). The put functions are inline since backends spend
 * their time here: printf costs some twenty times as much per byte.
 */
#ifndef NWFC_BASE_BUF_H
#define NWFC_BASE_BUF_H

#include "base/str.h"

struct buf {
	char *data;
	size_t n, cap;
	int fd;         /* -1: memory */
	int error;      /* errno of the first failure */
	uint64_t total; /* bytes put so far, flushed ones included */
};

/* Stream to fd through a block of BUF_BLOCK bytes (malloc'd; freed by buf_finish). */
#define BUF_BLOCK (256u << 10)
void buf_open(struct buf *b, int fd);

/* Collect in memory (malloc'd; the owner takes data, or calls buf_drop). */
void buf_memory(struct buf *b);
void buf_drop(struct buf *b);

/* What it has collected, in the arena; then it is dropped. */
struct str buf_take(struct arena *a, struct buf *b);

/* Flush; returns 0 or the errno of the first failure. Does not close fd. */
int buf_finish(struct buf *b);

/* Slow path: make room for n bytes (flush or grow). */
void buf_room(struct buf *b, size_t n);

static inline char *buf_at_least(struct buf *b, size_t n)
{
	if (__builtin_expect(b->cap - b->n < n, 0))
		buf_room(b, n);
	return b->data + b->n;
}

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	if (__builtin_expect(n > BUF_BLOCK / 2, 0)) {
		while (n > BUF_BLOCK / 2) {
			memcpy(buf_at_least(b, BUF_BLOCK / 2), p, BUF_BLOCK / 2);
			b->n += BUF_BLOCK / 2;
			p = (const char *)p + BUF_BLOCK / 2;
			n -= BUF_BLOCK / 2;
		}
	}
	memcpy(buf_at_least(b, n), p, n);
	b->n += n;
}

static inline void buf_str(struct buf *b, struct str s)
{
	buf_put(b, s.s, s.len);
}

static inline void buf_char(struct buf *b, char c)
{
	*buf_at_least(b, 1) = c;
	b->n++;
}

#define buf_lit(b, literal) buf_put((b), "" literal "", sizeof(literal) - 1)

/* Decimal, and hexadecimal without 0x and with at least `digits` digits. */
void buf_uint(struct buf *b, uint32_t v);
void buf_hex(struct buf *b, uint32_t v, unsigned digits);

void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
