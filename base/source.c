/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A byte that starts a character: not a UTF-8 continuation byte. */
static bool starts_char(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* Move a mark over text from lo to hi. */
static void advance(struct source_mark *m, const char *text, uint32_t lo, uint32_t hi)
{
	for (uint32_t i = lo; i < hi; i++) {
		if (text[i] == '\n')
			*m = (struct source_mark){m->line + 1, 1, i + 1};
		else
			m->col += starts_char(text[i]);
	}
}

/* A byte order mark is no character of the text. */
static struct source_mark first_mark(struct str text)
{
	bool bom = text.len >= 3 && memcmp(text.s, "\xef\xbb\xbf", 3) == 0;
	return (struct source_mark){1, !bom, 0};
}

/* Short texts are scanned from their beginning; most filters are short. */
#define SHORT_TEXT (16 * SOURCE_BLOCK)

static struct source_mark *make_marks(struct arena *a, struct str text)
{
	struct source_mark m = first_mark(text);
	struct source_mark *marks = NULL;
	uint32_t n = text.len / SOURCE_BLOCK + 1;
	if (text.len > SHORT_TEXT)
		marks = arena_try(a, sizeof *marks * n);
	for (uint32_t i = 0; marks && i < n; i++) {
		marks[i] = m;
		if (i + 1 < n)
			advance(&m, text.s, i * SOURCE_BLOCK, (i + 1) * SOURCE_BLOCK);
	}
	return marks;
}

uint32_t source_add(struct sources *ss, struct str name, struct str text)
{
	struct source_mark *marks = make_marks(ss->arena, text);
	*vec_push(ss->arena, &ss->list) =
		(struct source){.name = name, .text = text, .marks = marks};
	return ss->list.n;
}

static bool is_stdin(const char *path)
{
	return path[0] == '-' && !path[1];
}

/* A regular file's size is known: one allocation of that size, one read. */
static uint32_t read_sized(struct sources *ss, int fd, struct str name, size_t size)
{
	char *text = arena_try(ss->arena, size + 1);
	size_t n = 0;
	if (!text) {
		errno = ENOMEM;
		return 0;
	}
	while (n < size) {
		ssize_t r = read(fd, text + n, size - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return 0;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	text[n] = 0;
	return source_add(ss, name, (struct str){text, (uint32_t)n});
}

/* Pipes and the like: grow until the end. */
static uint32_t read_stream(struct sources *ss, int fd, struct str name)
{
	char *text = NULL;
	size_t n = 0, cap = 0;
	uint32_t file = 0;
	for (;;) {
		if (n > ss->max_size) {
			errno = EFBIG;
			goto out;
		}
		if (n == cap) {
			cap = cap ? 2 * cap : 65536;
			char *more = realloc(text, cap);
			if (!more) {
				errno = ENOMEM;
				goto out;
			}
			text = more;
		}
		ssize_t r = read(fd, text + n, cap - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			goto out;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	char *kept = arena_try(ss->arena, n + 1);
	if (!kept) {
		errno = ENOMEM;
		goto out;
	}
	memcpy(kept, text, n);
	file = source_add(ss, name, (struct str){kept, (uint32_t)n});
out:
	free(text);
	return file;
}

uint32_t source_read(struct sources *ss, const char *path)
{
	bool in = is_stdin(path);
	struct stat st;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	uint32_t file = 0;
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0) {
		file = 0;
	} else if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
	} else {
		struct str name = in ? STR("<stdin>") : str_copy(ss->arena, str_from(path));
		if (S_ISREG(st.st_mode) && st.st_size > (off_t)ss->max_size)
			errno = EFBIG;
		else if (S_ISREG(st.st_mode) && st.st_size > 0)
			file = read_sized(ss, fd, name, (size_t)st.st_size);
		else
			file = read_stream(ss, fd, name);
	}
	if (file) {
		ss->list.items[file - 1].dev = (uint64_t)st.st_dev;
		ss->list.items[file - 1].ino = (uint64_t)st.st_ino;
	}
	if (!in) {
		int e = errno;
		close(fd);
		errno = e;
	}
	return file;
}

const struct source *source_get(const struct sources *ss, uint32_t file)
{
	return file && file <= ss->list.n ? &ss->list.items[file - 1] : NULL;
}

struct str source_slice(const struct sources *ss, struct span sp)
{
	const struct source *s = source_get(ss, sp.file);
	if (!s || sp.lo > s->text.len || sp.hi < sp.lo)
		return (struct str){"", 0};
	uint32_t hi = sp.hi < s->text.len ? sp.hi : s->text.len;
	return (struct str){s->text.s + sp.lo, hi - sp.lo};
}

struct location source_locate(const struct sources *ss, struct span sp)
{
	const struct source *s = source_get(ss, sp.file);
	struct location at = {.file = s ? s->name : STR("")};
	struct source_mark m;
	uint32_t from = 0;
	if (!s)
		return at;
	m = first_mark(s->text);
	uint32_t pos = sp.lo < s->text.len ? sp.lo : s->text.len;
	if (s->marks) {
		m = s->marks[pos / SOURCE_BLOCK];
		from = pos - pos % SOURCE_BLOCK;
	}
	advance(&m, s->text.s, from, pos);
	at.line = m.line;
	at.col = m.col ? m.col : 1;
	at.line_lo = m.line_lo;
	return at;
}

struct str source_line(const struct sources *ss, struct span sp)
{
	const struct source *s = source_get(ss, sp.file);
	if (!s)
		return STR("");
	uint32_t lo = source_locate(ss, sp).line_lo;
	const char *line = s->text.s + lo, *end = memchr(line, '\n', s->text.len - lo);
	uint32_t n = end ? (uint32_t)(end - line) : s->text.len - lo;
	return (struct str){line, n - (end && n && line[n - 1] == '\r')};
}
