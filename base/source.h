/* SPDX-License-Identifier: MIT */
/*
 * source.h - the texts that a compile reads, and places in them.
 *
 * A span is a file number and two byte offsets. Lines and columns are computed
 * only when a place is printed, from the text, which stays in memory.
 */
#ifndef NWFC_BASE_SOURCE_H
#define NWFC_BASE_SOURCE_H

#include "base/str.h"

struct span {
	uint32_t file; /* 1 + index in sources; 0 = no place */
	uint32_t lo, hi;
};

/* Where a block of SOURCE_BLOCK bytes begins, so that no place is far from a known one. */
#define SOURCE_BLOCK 1024
struct source_mark {
	uint32_t line, col; /* from 1 */
	uint32_t line_lo;   /* byte offset of the line's first byte */
};

struct source {
	struct str name;           /* as the user wrote it; "<stdin>", "<command line>" */
	struct str text;           /* always followed by a NUL byte */
	uint64_t dev, ino;         /* identity of the file, 0 when there is none */
	struct source_mark *marks; /* one a block; NULL for short texts */
};

struct sources {
	struct arena *arena;
	vec_of(struct source) list;
	size_t max_size; /* of one text, bytes */
};

struct location {
	struct str file;
	uint32_t line, col; /* from 1; col counts characters, a tab is one */
	uint32_t line_lo;   /* byte offset of the line's first byte */
};

/* Take a text; kept by reference. Returns the file number. */
uint32_t source_add(struct sources *ss, struct str name, struct str text);

/*
 * Read a whole file ("-" is standard input). Returns the file number, or 0 with
 * errno set (EFBIG: larger than max_size; ENOMEM: past the arena's limit).
 */
uint32_t source_read(struct sources *ss, const char *path);

const struct source *source_get(const struct sources *ss, uint32_t file);

/* The slice of text under a span. */
struct str source_slice(const struct sources *ss, struct span sp);

struct location source_locate(const struct sources *ss, struct span sp);

/* The text of the line that holds a place, without what ends it. */
struct str source_line(const struct sources *ss, struct span sp);

#endif
