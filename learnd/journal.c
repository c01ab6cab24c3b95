/* SPDX-License-Identifier: MIT */
#include "learnd/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD       "nwfc-leases 1\n"
#define LINE_MAX_  (PORT_KEY + 160)
#define BLOCK      (64u << 10)
#define FILE_MAX   (256u << 20)
#define LEASES_MAX (1u << 20)
/* More seconds than any clock and lease come to, and nanoseconds that an instant holds. */
#define SECONDS_MAX ((instant)9000000000)
/* Dead lines are cheap: a file this short is left alone. */
#define COMPACT_LINES 2000

/* --- lines --- */

static size_t put_time(char *out, size_t size, instant t)
{
	instant ms = t / MILLI;
	return (size_t)snprintf(out, size, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
}

size_t lease_print(char *out, size_t size, instant when, enum event_kind event,
		   const struct lease *l)
{
	char address[ADDRESS_TEXT], start[32], valid[32] = "-";
	const struct binding *b = &l->binding;
	address_print(&b->address, address);
	put_time(start, sizeof start, when);
	if (b->infinite)
		strcpy(valid, "infinite");
	else if (b->valid_until != NEVER)
		put_time(valid, sizeof valid, b->valid_until);
	return (size_t)snprintf(out, size, "%s %s %s %s %s %s %s %s\n", start, event_names[event],
				l->key, l->interface, family_names[b->address.family], address,
				valid, evidence_names[b->evidence]);
}

/* Seconds with up to nine decimals; false for anything else. */
static bool read_time(const char *text, instant *out)
{
	instant seconds = 0, part = 0, unit = SECOND;
	const char *p = text;
	for (; *p >= '0' && *p <= '9' && seconds < SECONDS_MAX / 10; p++)
		seconds = seconds * 10 + (*p - '0');
	if (p == text)
		return false;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++)
			part += (*p - '0') * (unit /= 10);
	*out = seconds * SECOND + part;
	return *p == 0;
}

static int word_index(const char *word, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	return -1;
}

enum { W_TIME, W_EVENT, W_KEY, W_INTERFACE, W_FAMILY, W_ADDRESS, W_VALID, W_EVIDENCE, WORDS };

static bool read_valid(const char *word, struct binding *b)
{
	b->valid_until = NEVER;
	b->infinite = strcmp(word, "infinite") == 0;
	return b->infinite || strcmp(word, "-") == 0 || read_time(word, &b->valid_until);
}

/* What is wrong with a line, or NULL; *event and *l are what it says. */
static const char *read_words(char *const *w, enum event_kind *event, struct lease *l)
{
	instant when;
	int kind = word_index(w[W_EVENT], event_names, EVENT_DELETE + 1);
	int family = word_index(w[W_FAMILY], family_names, FAMILIES);
	int evidence = word_index(w[W_EVIDENCE], evidence_names, EVIDENCES);
	if (!read_time(w[W_TIME], &when))
		return "the time is no number of seconds";
	if (kind < 0)
		return "the event is none of add, renew, expire and delete";
	if (strlen(w[W_KEY]) >= PORT_KEY || !strchr(w[W_KEY], '/'))
		return "the port is no OWNER/MAC";
	if (strlen(w[W_INTERFACE]) > 15)
		return "the interface is no name of one";
	if (!address_parse(w[W_ADDRESS], &l->binding.address) ||
	    l->binding.address.family != family)
		return "the address is none of its family";
	if (!read_valid(w[W_VALID], &l->binding))
		return "the end is neither a time, infinite nor -";
	if (evidence < 0)
		return "the evidence is none of data, arp, dad, dhcp and dhcpv6";
	l->binding.evidence = (uint8_t)evidence;
	l->binding.used = true;
	*event = (enum event_kind)kind;
	strcpy(l->key, w[W_KEY]);
	strcpy(l->interface, w[W_INTERFACE]);
	return NULL;
}

static const char *read_line(char *line, enum event_kind *event, struct lease *l)
{
	char *words[WORDS];
	for (int i = 0; i < WORDS; i++) {
		words[i] = line;
		line += strcspn(line, " ");
		if (words[i] == line || (*line == 0) != (i == WORDS - 1))
			return "eight words parted by one blank are wanted";
		if (*line)
			*line++ = 0;
	}
	return read_words(words, event, l);
}

/* --- the set of leases --- */

struct lease *leases_push(struct leases *l)
{
	if (l->n == l->cap) {
		uint32_t cap = l->cap ? 2 * l->cap : 64;
		struct lease *list = cap > LEASES_MAX ? NULL : realloc(l->list, cap * sizeof *list);
		if (!list)
			return NULL;
		l->list = list;
		l->cap = cap;
	}
	return &l->list[l->n++];
}

void leases_remove(struct leases *l, struct lease *at)
{
	uint32_t i = (uint32_t)(at - l->list);
	l->n--;
	memmove(at, at + 1, (l->n - i) * sizeof *at);
}

void leases_free(struct leases *l)
{
	free(l->list);
	*l = (struct leases){0};
}

/* Reading: where each address of each port stands; what was deleted has an empty key. */
struct reading {
	struct arena *arena;
	struct leases *out;
	struct map at; /* "KEY ADDRESS" -> index + 1 */
};

static bool apply(struct reading *r, enum event_kind event, const struct lease *said)
{
	bool added, adds = event == EVENT_ADD || event == EVENT_RENEW;
	char address[ADDRESS_TEXT];
	address_print(&said->binding.address, address);
	if (arena_full(r->arena))
		return false;
	struct map_entry *e = map_put(r->arena, &r->at,
				      str_printf(r->arena, "%s %s", said->key, address), &added);
	if (adds && !e->num) {
		if (!leases_push(r->out))
			return false;
		e->num = r->out->n;
	}
	if (adds) {
		r->out->list[e->num - 1] = *said;
	} else if (e->num) {
		r->out->list[e->num - 1].key[0] = 0;
		e->num = 0;
	}
	return true;
}

void leases_drop_ended(struct leases *l, instant now)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < l->n; i++)
		if (l->list[i].key[0] && l->list[i].binding.valid_until > now)
			l->list[n++] = l->list[i];
	l->n = n;
}

static bool read_lines(char *text, struct reading *r, struct fault *fault)
{
	size_t head = strlen(HEAD);
	if (*text && strncmp(text, HEAD, head)) {
		/* a head that was torn: nothing had been written behind it */
		if (!strchr(text, '\n') && strncmp(HEAD, text, strlen(text)) == 0)
			return true;
		fault->line = 1;
		snprintf(fault->text, sizeof fault->text, "does not begin with 'nwfc-leases 1'");
		return false;
	}
	fault->line = 1;
	for (char *line = text + (*text ? head : 0), *end; (end = strchr(line, '\n'));
	     line = end + 1) {
		struct lease l = {0};
		enum event_kind event;
		*end = 0;
		fault->line++;
		r->out->lines = fault->line;
		const char *why = read_line(line, &event, &l);
		if (!why && !apply(r, event, &l))
			why = "more leases than can be";
		if (why) {
			snprintf(fault->text, sizeof fault->text, "%s", why);
			return false;
		}
	}
	return true;
}

bool journal_read(const char *path, instant now, struct leases *out, struct fault *fault)
{
	struct arena *a = arena_new((size_t)4 * FILE_MAX);
	struct str text = {"", 0};
	*out = (struct leases){0};
	if (!a) {
		*fault = (struct fault){0, "no memory"};
		return false;
	}
	bool there = access(path, F_OK) == 0 || errno != ENOENT;
	bool good = !there || file_read(a, path, FILE_MAX, &text, fault);
	/* The arena's memory is zeroed and one byte longer, so the text ends with a NUL. */
	if (good && text.len && memchr(text.s, 0, text.len)) {
		*fault = (struct fault){0, "a byte NUL"};
		good = false;
	}
	struct reading r = {.arena = a, .out = out};
	good = good && (!text.len || read_lines((char *)(uintptr_t)text.s, &r, fault));
	if (good)
		leases_drop_ended(out, now);
	arena_free(a);
	return good;
}

/* --- the file --- */

static bool failed(struct fault *fault, const char *what)
{
	fault->line = 0;
	snprintf(fault->text, sizeof fault->text, "%s: %s", what, strerror(errno));
	return false;
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t did = write(fd, p, n);
		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0)
			return false;
		p += did;
		n -= (size_t)did;
	}
	return true;
}

static int open_dir(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	free(copy);
	return fd;
}

/* A torn last line is cut off, or what is appended would be glued to it. */
static bool cut_torn_line(struct journal *j, struct fault *fault)
{
	struct stat st;
	char ch;
	if (fstat(j->fd, &st) < 0)
		return failed(fault, "fstat");
	off_t n = st.st_size;
	while (n > 0 && pread(j->fd, &ch, 1, n - 1) == 1 && ch != '\n')
		n--;
	if (n != st.st_size && ftruncate(j->fd, n) < 0)
		return failed(fault, "ftruncate");
	if (n == 0 && !write_all(j->fd, HEAD, strlen(HEAD)))
		return failed(fault, "write");
	return true;
}

bool journal_open(struct journal *j, const char *path, struct fault *fault)
{
	*j = (struct journal){.path = path, .dir = open_dir(path), .fd = -1};
	if (j->dir < 0)
		return failed(fault, "its directory");
	j->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	j->block = malloc(BLOCK);
	if (j->fd < 0 || !j->block)
		return failed(fault, "open");
	if (!cut_torn_line(j, fault))
		return false;
	j->dirty = true;
	return journal_sync(j, fault) && (fsync(j->dir) == 0 || failed(fault, "fsync"));
}

void journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	if (j->dir >= 0)
		close(j->dir);
	free(j->block);
	*j = (struct journal){.fd = -1, .dir = -1};
}

/* Part of a line must not stay: what comes next would be glued to it. */
static bool flush(struct journal *j)
{
	off_t size = lseek(j->fd, 0, SEEK_END);
	bool good = write_all(j->fd, j->block, j->n);
	int error = errno;
	if (!good && (size < 0 || ftruncate(j->fd, size) < 0))
		size = -1;
	j->broken |= !good;
	j->n = 0;
	errno = error;
	return good;
}

void journal_put(struct journal *j, instant when, enum event_kind event, const struct lease *l)
{
	if (BLOCK - j->n < LINE_MAX_)
		flush(j);
	j->n += lease_print(j->block + j->n, LINE_MAX_, when, event, l);
	j->lines++;
	j->dirty = true;
}

bool journal_sync(struct journal *j, struct fault *fault)
{
	if (!j->dirty)
		return true;
	if (!flush(j) || j->broken)
		return failed(fault, "write");
	if (fdatasync(j->fd) < 0) {
		j->broken = true; /* what the kernel could not write it has forgotten */
		return failed(fault, "fdatasync");
	}
	j->dirty = false;
	return true;
}

bool journal_wants_compaction(const struct journal *j, uint32_t living)
{
	return j->broken || (j->lines > COMPACT_LINES && j->lines / 20 > living);
}

bool leases_write(int fd, const struct leases *l, instant when)
{
	char line[LINE_MAX_];
	bool good = write_all(fd, HEAD, strlen(HEAD));
	for (uint32_t i = 0; i < l->n && good; i++)
		good = write_all(fd, line,
				 lease_print(line, sizeof line, when, EVENT_ADD, &l->list[i]));
	return good;
}

/* Make the new file in the old one's place; its descriptor, or -1. What is in the way of it goes,
 * and is not written to: it may be a link. */
static int replace_file(struct journal *j, const char *name, const struct leases *living,
			instant when)
{
	char temporary[300];
	if (snprintf(temporary, sizeof temporary, "%s.new", name) >= (int)sizeof temporary) {
		errno = ENAMETOOLONG;
		return -1;
	}
	unlinkat(j->dir, temporary, 0);
	int fd = openat(j->dir, temporary, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	if (leases_write(fd, living, when) && fsync(fd) == 0 &&
	    renameat(j->dir, temporary, j->dir, name) == 0)
		return fd;
	int error = errno;
	close(fd);
	unlinkat(j->dir, temporary, 0);
	errno = error;
	return -1;
}

/* From the rename on the old file is nobody's, so what comes next goes to the new one, even when
 * the directory may not be on the disk yet. */
bool journal_compact(struct journal *j, const struct leases *living, instant when,
		     struct fault *fault)
{
	char *copy = strdup(j->path);
	int fd = copy ? replace_file(j, basename(copy), living, when) : -1;
	if (fd < 0)
		failed(fault, "compacting");
	free(copy);
	if (fd < 0)
		return false;
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd;
	j->lines = living->n;
	j->n = 0;
	j->dirty = false;
	j->broken = fsync(j->dir) < 0;
	return !j->broken || failed(fault, "compacting");
}
