/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of the files that learnd reads; a text's first letter says which: `l` the learn file, `j`
 * the leases.
 *
 *   - What is refused is refused with words, and where a line is at fault, with the line.
 *   - A port that is read is one that can be watched, with a key that fits into a journal.
 *   - Leases are read again from what is written of them; a last line without its end is as
 *     if it were not there.
 */
#define FUZZ_NAME "learnd"
#define FUZZ_WITHOUT_FRONTEND
#include "testsuite/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "learnd/journal.h"

#define NOW (1000 * SECOND)

static void check_port(const struct port_config *c)
{
	char key[PORT_KEY];
	port_key(c, key);
	REQUIRE(strlen(key) < PORT_KEY - 1 && strchr(key, '/') && !strpbrk(key, " \n"));
	REQUIRE(c->interface.len > 0 && c->interface.len <= 15 && c->link.len <= 15);
	REQUIRE(!(c->mac[0] & 1) && (c->modes[MODE_ANY] || c->modes[MODE_DHCP]));
	for (int m = 0; m < MODES; m++)
		for (int f = 0; f < FAMILIES; f++)
			REQUIRE(c->max_ips[m][f] >= 1 && c->max_ips[m][f] <= 256);
	for (int f = 0; f < FAMILIES; f++)
		vec_each (a, &c->servers[f])
			REQUIRE(a->family == f);
	vec_each (x, &c->prefixes)
		REQUIRE(x->length <= (x->base.family == FAMILY_IPV4 ? 32 : 128));
}

static void fuzz_learn_file(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_LIMIT);
	struct learn_file file;
	struct fault fault = {0};
	unsigned lines = 1;
	REQUIRE(a);
	struct str text = {arena_copy(a, data, size), (uint32_t)size};
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (learn_file_parse(a, text, &file, &fault))
		vec_each (c, &file.ports)
			check_port(c);
	else
		REQUIRE(fault.text[0] && fault.line <= lines);
	arena_free(a);
}

static void put_text(int fd, const void *text, size_t n)
{
	REQUIRE(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	REQUIRE(write(fd, text, n) == (ssize_t)n);
}

static bool same(const struct leases *a, const struct leases *b)
{
	bool good = a->n == b->n;
	for (uint32_t i = 0; good && i < a->n; i++) {
		const struct binding *x = &a->list[i].binding, *y = &b->list[i].binding;
		good = strcmp(a->list[i].key, b->list[i].key) == 0 &&
		       address_eq(&x->address, &y->address) && x->evidence == y->evidence &&
		       x->infinite == y->infinite &&
		       (x->valid_until == y->valid_until ||
			x->valid_until / MILLI == y->valid_until / MILLI);
	}
	return good;
}

static void write_again(int fd, const struct leases *l)
{
	char line[512];
	put_text(fd, "nwfc-leases 1\n", 14);
	for (uint32_t i = 0; i < l->n; i++) {
		size_t n = lease_print(line, sizeof line, NOW, EVENT_ADD, &l->list[i]);
		REQUIRE(n < sizeof line && write(fd, line, n) == (ssize_t)n);
	}
}

static void fuzz_leases(const uint8_t *data, size_t size)
{
	char path[40];
	struct leases in, again;
	struct fault fault = {0};
	int fd = memfd_create("leases", 0);
	REQUIRE(fd >= 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	put_text(fd, data, size);
	if (!journal_read(path, NOW, &in, &fault)) {
		REQUIRE(fault.text[0]);
		goto end;
	}
	write_again(fd, &in);
	REQUIRE(journal_read(path, 0, &again, &fault) && same(&in, &again));
	leases_free(&again);
	while (size && data[size - 1] != '\n')
		size--;
	put_text(fd, data, size);
	REQUIRE(journal_read(path, NOW, &again, &fault) && same(&in, &again));
	leases_free(&again);
end:
	leases_free(&in);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'l')
		fuzz_learn_file(data + 1, size - 1);
	else if (size && data[0] == 'j')
		fuzz_leases(data + 1, size - 1);
	return 0;
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	static const char *const words[] = {"nwfc-leases 1\\x0a",
					    "add ",
					    "renew ",
					    "delete ",
					    "expire ",
					    "infinite",
					    " dhcp\\x0a",
					    " dhcpv6\\x0a",
					    " data\\x0a",
					    "interface ",
					    "mac ",
					    "taken ",
					    "gateway ",
					    "servers4 ",
					    "servers6 ",
					    "owner ",
					    "link ",
					    "modes any",
					    "families ",
					    "learn-prefix ",
					    "max-ips4 ",
					    "max-ips6 ",
					    "argument ",
					    "directory ",
					    "52:54:00:12:34:56",
					    "10.0.0.0/8",
					    "fe80::1"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		print_word(words[i]);
}
#endif
