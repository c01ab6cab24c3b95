/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of learnd: frames through the parsers and the learner, the learn file,
 * and the leases file.
 *
 * A text's first byte says which. Frames are records: a byte with the direction
 * (bit 0), the port (bit 1) and the time that has passed (the others, in steps of 200 ms),
 * two bytes of length, the frame. After each one the learner must keep what it promises.
 */
#define FUZZ_NAME "learnd"
#define FUZZ_WITHOUT_FRONTEND
#include "testsuite/fuzz/fuzz.h"

#include <unistd.h>

#include "learnd/journal.h"
#include "learnd/learner.h"

#define START (1000 * SECOND)

struct model {
	struct learner learner;
	struct learn_port *ports[2];
	struct learn_file file;
	int count[2][FAMILIES]; /* of the events: adds less deletes and expiries */
	bool to_guest;          /* the frame at hand */
	enum frame_kind kind;
};

static const char learn_text[] = "nwfc-learn 1\n"
				 "taken 10.9.0.99\n"
				 "interface vnet0\nmac 52:54:00:a1:00:01\nmodes any dhcp\n"
				 "gateway 10.9.0.1 fd09::1\nservers4 10.9.0.1\nmax-ips6 4\n"
				 "interface vnet1\nmac 52:54:00:a1:00:02\nmodes any dhcp\nmax-ips4 2\n";

static void on_event(void *user, const struct event *e)
{
	struct model *m = user;
	int port = e->port == m->ports[1];
	int *n = &m->count[port][e->address.family];
	bool lease = e->evidence == BY_DHCP4 || e->evidence == BY_DHCP6;
	*n += e->kind == EVENT_ADD;
	*n -= e->kind == EVENT_EXPIRE || e->kind == EVENT_DELETE;
	REQUIRE(e->why && e->why[0]);
	REQUIRE(e->kind != EVENT_ADD || !lease || m->to_guest);
	REQUIRE(e->kind != EVENT_ADD || !address_is_never_own(&e->address));
}

static void check_port(const struct model *m, int p, instant now)
{
	const struct learn_port *port = m->ports[p], *other = m->ports[!p];
	instant next = NEVER;
	for (enum family f = 0; f < FAMILIES; f++) {
		REQUIRE(port->n[f] <= port->max[f]);
		REQUIRE((int)port->n[f] == m->count[p][f]);
		for (uint32_t i = 0; i < port->n[f]; i++) {
			const struct binding *b = &port->bindings[f][i];
			REQUIRE(b->address.family == f && b->valid_until > now);
			for (uint32_t k = 0; k < other->n[f]; k++)
				REQUIRE(!address_eq(&other->bindings[f][k].address, &b->address));
			for (uint32_t k = 0; k < i; k++)
				REQUIRE(!address_eq(&port->bindings[f][k].address, &b->address));
			vec_each (t, &m->file.taken)
				REQUIRE(!address_eq(t, &b->address));
			vec_each (g, &port->config->gateway)
				REQUIRE(!address_eq(g, &b->address));
			next = b->valid_until < next ? b->valid_until : next;
		}
	}
	REQUIRE(port->ntentatives <= TENTATIVES);
	for (uint32_t i = 0; i < port->ntentatives; i++)
		next = port->tentatives[i].deadline < next ? port->tentatives[i].deadline : next;
	REQUIRE(port->next == next && (next > now || next == NEVER));
}

static void fuzz_frames(struct arena *a, const uint8_t *data, size_t size)
{
	struct model m = {0};
	struct fault fault;
	instant now = START;
	enum learn_mode mode = size && data[0] & 1 ? MODE_DHCP : MODE_ANY;
	REQUIRE(learn_file_parse(a, str_from(learn_text), &m.file, &fault));
	learner_init(&m.learner, on_event, &m);
	for (int p = 0; p < 2; p++)
		m.ports[p] = learner_add_port(&m.learner, &m.file.ports.items[p], mode);
	vec_each (t, &m.file.taken)
		learner_take(&m.learner, t, now);
	for (size_t i = 1; i + 3 <= size;) {
		size_t n = (size_t)data[i + 1] | (size_t)data[i + 2] << 8, left = size - i - 3;
		int p = data[i] >> 1 & 1;
		n = n < left ? n : left;
		now += (data[i] >> 2) * 200 * MILLI;
		m.to_guest = data[i] & 1;
		uint8_t *frame = malloc(n ? n : 1); /* so that a byte too far is found */
		memcpy(frame, data + i + 3, n);
		for (int k = 0; k < 2; k++)
			learner_timers(m.ports[k], now);
		learner_frame(m.ports[p], frame, n, n, m.to_guest ? TO_GUEST : FROM_GUEST, now);
		free(frame);
		for (int k = 0; k < 2; k++)
			check_port(&m, k, now);
		i += 3 + n;
	}
	for (int p = 0; p < 2; p++)
		learner_remove_port(m.ports[p]);
	REQUIRE(m.learner.nowners == m.file.taken.n);
	learner_free(&m.learner);
}

static void fuzz_learn_file(struct arena *a, const uint8_t *data, size_t size)
{
	struct learn_file file;
	struct fault fault = {0};
	struct str text = {arena_copy(a, data, size), (uint32_t)size};
	if (!learn_file_parse(a, text, &file, &fault))
		REQUIRE(fault.text[0]);
}

/* What was read is read again from what is written of it. */
static void fuzz_leases(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/leases.XXXXXX", line[512];
	struct leases in, again;
	struct fault fault;
	int fd = mkstemp(path);
	REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (journal_read(path, START, &in, &fault)) {
		REQUIRE(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
		REQUIRE(write(fd, "nwfc-leases 1\n", 14) == 14);
		for (uint32_t i = 0; i < in.n; i++) {
			size_t n = lease_print(line, sizeof line, START, EVENT_ADD, &in.list[i]);
			REQUIRE(n < sizeof line && write(fd, line, n) == (ssize_t)n);
		}
		REQUIRE(journal_read(path, 0, &again, &fault));
		REQUIRE(again.n == in.n);
		leases_free(&again);
	}
	leases_free(&in);
	close(fd);
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = size ? arena_new(ARENA_LIMIT) : NULL;
	if (!a)
		return 0;
	if (data[0] == 'l')
		fuzz_learn_file(a, data + 1, size - 1);
	else if (data[0] == 'j')
		fuzz_leases(data + 1, size - 1);
	else
		fuzz_frames(a, data, size);
	arena_free(a);
	return 0;
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	static const char *const words[] = {"nwfc-leases 1\\x0a", "add ", "renew ",	"delete ", "expire ",
					    "infinite",	       " dhcp\\x0a", "interface ", "mac ",	   "taken ",
					    "gateway ",	       "servers4 "};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		print_word(words[i]);
	printf("\"\\x63\\x82\\x53\\x63\\x35\\x01\\x05\"\n\"\\x52\\x54\\x00\\xa1\\x00\\x01\"\n");
}
#endif
