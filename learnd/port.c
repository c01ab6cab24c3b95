/* SPDX-License-Identifier: MIT */
/* The learn file: a table of keys, a function for each kind of value. */
#include "learnd/port.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const mode_names[MODES] = {"any", "dhcp"};

#define FILE_MAX (64u << 20)

enum { DEFAULT_IPS4_ANY = 1, DEFAULT_IPS = 16, IPS_MAX = 256, OWNER_MAX = 100 };

struct reader {
	struct arena *arena;
	struct learn_file *file;
	struct port_config *port; /* NULL before the first interface */
	struct fault *fault;
	unsigned line;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct reader *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(r->fault->text, sizeof r->fault->text, fmt, ap);
	va_end(ap);
	r->fault->line = r->line;
	return false;
}

/* --- kinds of values: each reads the rest of a line --- */

/* The next word, ended by a NUL in place; NULL at the end. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t");
	if (!*word)
		return NULL;
	char *end = word + strcspn(word, " \t");
	*rest = *end ? end + 1 : end;
	*end = 0;
	return word;
}

static bool read_text(struct reader *r, char *rest, void *out)
{
	*(struct str *)out = strcmp(rest, "-") ? str_copy(r->arena, str_from(rest)) : STR("");
	return true;
}

/* A name that the kernel can have for an interface. */
static bool is_interface(const char *name)
{
	size_t n = strlen(name);
	return n > 0 && n <= 15 && !strpbrk(name, " /\t");
}

static bool read_link(struct reader *r, char *rest, void *out)
{
	if (!is_interface(rest))
		return wrong(r, "'%.40s' is no name of an interface", rest);
	return read_text(r, rest, out);
}

/* It becomes part of the journal's lines, whole: two owners must not become one. */
static bool read_owner(struct reader *r, char *rest, void *out)
{
	size_t n = strlen(rest);
	for (const char *c = rest; *c; c++)
		if ((unsigned char)*c <= ' ')
			n = 0;
	if (n == 0 || n > OWNER_MAX)
		return wrong(r, "'%.110s' is no name of an owner", rest);
	return read_text(r, rest, out);
}

/* Of lists, whose length the file decides. */
static bool has_room(struct reader *r)
{
	return !arena_full(r->arena) || wrong(r, "the file is too large");
}

static bool read_addresses(struct reader *r, char *rest, void *out)
{
	address_list *list = out;
	for (char *w; (w = next_word(&rest));) {
		struct address a;
		if (!has_room(r))
			return false;
		if (strcmp(w, "-") == 0)
			continue;
		if (!address_parse(w, &a))
			return wrong(r, "'%.50s' is no address", w);
		*vec_push(r->arena, list) = a;
	}
	return true;
}

static bool read_prefixes(struct reader *r, char *rest, void *out)
{
	(void)out;
	for (char *w; (w = next_word(&rest));) {
		struct prefix x;
		if (!has_room(r))
			return false;
		if (strcmp(w, "-") == 0)
			continue;
		if (!prefix_parse(w, &x))
			return wrong(r, "'%.60s' is no prefix", w);
		*vec_push(r->arena, &r->port->prefixes) = x;
	}
	return true;
}

/* Servers and such lists of one family each. */
static bool read_servers(struct reader *r, char *rest, void *out)
{
	address_list *list = out;
	enum family family = list == &r->port->servers[FAMILY_IPV4] ? FAMILY_IPV4 : FAMILY_IPV6;
	if (!read_addresses(r, rest, out))
		return false;
	vec_each (a, list)
		if (a->family != family)
			return wrong(r, "a server of the other family");
	return true;
}

static bool read_mac(struct reader *r, char *rest, void *out)
{
	uint8_t *mac = out;
	static const char form[] = "xx:xx:xx:xx:xx:xx";
	bool good = strlen(rest) == sizeof form - 1;
	for (size_t i = 0; good && form[i]; i++)
		good = form[i] == 'x' ? isxdigit((unsigned char)rest[i]) != 0 : rest[i] == ':';
	if (!good)
		return wrong(r, "'%.40s' is no MAC address", rest);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)strtoul(rest + 3 * i, NULL, 16);
	return true;
}

/* Any of some words; the others become false. */
static bool read_words(struct reader *r, char *rest, bool *set, const char *const *names,
		       unsigned n)
{
	memset(set, 0, n * sizeof *set);
	for (char *w; (w = next_word(&rest));) {
		unsigned i = 0;
		while (i < n && strcmp(w, names[i]))
			i++;
		if (i == n)
			return wrong(r, "'%.40s' is none of the words that can stand here", w);
		set[i] = true;
	}
	return true;
}

static bool read_modes(struct reader *r, char *rest, void *out)
{
	return read_words(r, rest, out, mode_names, MODES);
}

static bool read_families(struct reader *r, char *rest, void *out)
{
	return read_words(r, rest, out, family_names, FAMILIES);
}

static bool read_yes_no(struct reader *r, char *rest, void *out)
{
	*(bool *)out = strcmp(rest, "yes") == 0;
	return *(bool *)out || strcmp(rest, "no") == 0 || wrong(r, "'yes' or 'no' is wanted");
}

static bool read_count(struct reader *r, char *rest, void *out)
{
	char *end;
	unsigned long n = strtoul(rest, &end, 10);
	if (end == rest || *end || rest[0] < '0' || rest[0] > '9' || n < 1 || n > IPS_MAX)
		return wrong(r, "'%.40s' is no number of 1 to %d", rest, IPS_MAX);
	*(uint32_t *)out = (uint32_t)n;
	return true;
}

/* For both modes. */
static bool read_count4(struct reader *r, char *rest, void *out)
{
	(void)out;
	struct port_config *c = r->port;
	return read_count(r, rest, &c->max_ips[MODE_ANY][FAMILY_IPV4]) &&
	       read_count(r, rest, &c->max_ips[MODE_DHCP][FAMILY_IPV4]);
}

static bool read_count6(struct reader *r, char *rest, void *out)
{
	(void)out;
	struct port_config *c = r->port;
	return read_count(r, rest, &c->max_ips[MODE_ANY][FAMILY_IPV6]) &&
	       read_count(r, rest, &c->max_ips[MODE_DHCP][FAMILY_IPV6]);
}

/* For others: nwfc reload, and the driver of a replay. */
static bool read_nothing(struct reader *r, char *rest, void *out)
{
	(void)r, (void)rest, (void)out;
	return true;
}

/* A port begins, with what holds unless its lines say otherwise. */
static bool begin_port(struct reader *r, char *rest, void *out)
{
	(void)out;
	if (!is_interface(rest))
		return wrong(r, "'%.40s' is no name of an interface", rest);
	r->port = vec_push(r->arena, &r->file->ports);
	*r->port = (struct port_config){
		.interface = str_copy(r->arena, str_from(rest)),
		.modes = {true, true},
		.families = {true, true},
		.max_ips = {{DEFAULT_IPS4_ANY, DEFAULT_IPS}, {DEFAULT_IPS, DEFAULT_IPS}},
		.line = r->line,
	};
	return true;
}

/* --- the table --- */

static const struct key {
	const char *name;
	bool (*read)(struct reader *r, char *rest, void *out);
	enum { OF_FILE, OF_PORT } of;
	size_t offset; /* of the value, in the file or in the port */
} keys[] = {
	{"nwfc-learn", read_nothing, OF_FILE, 0},
	{"directory", read_nothing, OF_FILE, 0},
	{"argument", read_nothing, OF_FILE, 0},
	{"taken", read_addresses, OF_FILE, offsetof(struct learn_file, taken)},
	{"interface", begin_port, OF_FILE, 0},
	{"mac", read_mac, OF_PORT, offsetof(struct port_config, mac)},
	{"owner", read_owner, OF_PORT, offsetof(struct port_config, owner)},
	{"link", read_link, OF_PORT, offsetof(struct port_config, link)},
	{"modes", read_modes, OF_PORT, offsetof(struct port_config, modes)},
	{"families", read_families, OF_PORT, offsetof(struct port_config, families)},
	{"servers4", read_servers, OF_PORT, offsetof(struct port_config, servers[FAMILY_IPV4])},
	{"servers6", read_servers, OF_PORT, offsetof(struct port_config, servers[FAMILY_IPV6])},
	{"gateway", read_addresses, OF_PORT, offsetof(struct port_config, gateway)},
	{"bound-elsewhere", read_addresses, OF_PORT, offsetof(struct port_config, elsewhere)},
	{"max-ips4", read_count4, OF_PORT, 0},
	{"max-ips6", read_count6, OF_PORT, 0},
	{"max-ips4-any", read_count, OF_PORT,
	 offsetof(struct port_config, max_ips[MODE_ANY][FAMILY_IPV4])},
	{"max-ips4-dhcp", read_count, OF_PORT,
	 offsetof(struct port_config, max_ips[MODE_DHCP][FAMILY_IPV4])},
	{"allow-linklocal4", read_yes_no, OF_PORT, offsetof(struct port_config, linklocal4)},
	{"learn-prefix", read_prefixes, OF_PORT, 0},
	{"direction", read_nothing, OF_PORT, 0},
	{"direction-needed", read_nothing, OF_PORT, 0},
};

static bool read_line(struct reader *r, char *line)
{
	char *rest = line + strcspn(line, " \t");
	if (*rest)
		*rest++ = 0;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const struct key *k = &keys[i];
		if (strcmp(k->name, line))
			continue;
		if (k->of == OF_PORT && !r->port)
			return wrong(r, "'%s' before the first interface", line);
		void *base = k->of == OF_PORT ? (void *)r->port : (void *)r->file;
		return k->read(r, rest, (char *)base + k->offset);
	}
	return wrong(r, "there is no key '%.40s'", line);
}

static bool check_ports(struct reader *r)
{
	static const uint8_t none[6];
	struct map seen = {0};
	vec_each (p, &r->file->ports) {
		bool added;
		r->line = p->line;
		if (!has_room(r))
			return false;
		map_put(r->arena, &seen, p->interface, &added);
		if (!added)
			return wrong(r, "interface %.*s appears twice", STR_ARG(p->interface));
		if (memcmp(p->mac, none, 6) == 0 || p->mac[0] & 1)
			return wrong(r, "interface %.*s has no MAC address of a host",
				     STR_ARG(p->interface));
		if (!p->modes[MODE_ANY] && !p->modes[MODE_DHCP])
			return wrong(r, "interface %.*s has no mode", STR_ARG(p->interface));
	}
	return true;
}

bool learn_file_parse(struct arena *a, struct str text, struct learn_file *out, struct fault *fault)
{
	struct reader r = {.arena = a, .file = out, .fault = fault};
	memset(out, 0, sizeof *out);
	if (memchr(text.s, 0, text.len))
		return wrong(&r, "a byte NUL");
	if (text.len > 10 && memcmp(text.s, "nwfc-learn", 10) == 0 && text.s[text.len - 1] != '\n')
		return wrong(&r, "the last line has no end: this is a part of a learn file");
	for (char *line = arena_copy(a, text.s, text.len); *line;) {
		char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
		r.line++;
		while (end > line && (end[-1] == ' ' || end[-1] == '\r'))
			end--;
		*end = 0;
		if (!has_room(&r) || (*line && *line != '#' && !read_line(&r, line)))
			return false;
		line = next;
	}
	return check_ports(&r);
}

void fault_print(const char *path, const struct fault *f, char text[FAULT_TEXT])
{
	if (f->line)
		snprintf(text, FAULT_TEXT, "%s:%u: %s", path, f->line, f->text);
	else
		snprintf(text, FAULT_TEXT, "%s: %s", path, f->text);
}

void fault_say(const char *path, const struct fault *f)
{
	char text[FAULT_TEXT];
	fault_print(path, f, text);
	fprintf(stderr, "learnd: %s\n", text);
}

void port_key(const struct port_config *c, char key[PORT_KEY])
{
	const uint8_t *m = c->mac;
	snprintf(key, PORT_KEY, "%.*s/%02x:%02x:%02x:%02x:%02x:%02x",
		 c->owner.len ? (int)c->owner.len : 1, c->owner.len ? c->owner.s : "-", m[0], m[1],
		 m[2], m[3], m[4], m[5]);
}

/* A file that grows shorter meanwhile is as long as it is; one that can not be read is none. */
static bool read_all(int fd, char *p, size_t size, size_t *n)
{
	ssize_t got = 1;
	for (*n = 0; *n < size && got != 0;) {
		got = read(fd, p + *n, size - *n);
		if (got < 0 && errno != EINTR)
			return false;
		*n += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static const char *open_fault(int fd, size_t max, size_t *size)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return strerror(errno);
	*size = (size_t)st.st_size;
	if (!S_ISREG(st.st_mode))
		return "is no regular file";
	return *size > max ? "is too large" : NULL;
}

bool file_read(struct arena *a, const char *path, size_t max, struct str *out, struct fault *fault)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t size = 0, n = 0;
	const char *why = open_fault(fd, max, &size);
	char *p = why ? NULL : arena_try(a, size + 1);
	if (!why && !p)
		why = "is too large";
	else if (!why && !read_all(fd, p, size, &n))
		why = strerror(errno);
	if (why)
		*fault = (struct fault){0};
	if (why)
		snprintf(fault->text, sizeof fault->text, "%s", why);
	if (fd >= 0)
		close(fd);
	*out = (struct str){p, (uint32_t)n};
	return !why;
}

bool learn_file_read(struct arena *a, const char *path, struct learn_file *out, struct fault *fault)
{
	struct str text;
	*fault = (struct fault){0, "no memory"};
	return a && file_read(a, path, FILE_MAX, &text, fault) &&
	       learn_file_parse(a, text, out, fault);
}
