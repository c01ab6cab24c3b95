/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of what learnd believes: a sequence of frames at two ports, and of changes of their
 * configuration.
 *
 * The first byte has the mode. Then come records: a byte with the direction (bit 0), the
 * port (bit 1) and the time that has passed (the others, in steps of 200 ms, the last
 * an hour), two bytes of length, the frame. A length of ff00 and more is a change: its low
 * byte says which. After each one must hold:
 *
 *   - the addresses of a port are those that its events have added and not taken away, in their
 *     places, never of two ports, and each has its owner;
 *   - none is never a guest's own, the gateway's, another's, or outside the prefix;
 *   - the next deadline is the earliest that there is, and is not over;
 *   - what the guest sends gives and renews no lease, and makes no conflict;
 *   - in mode dhcp there are leases, and link-local addresses.
 */
#define FUZZ_NAME "learnd"
#define FUZZ_WITHOUT_FRONTEND
#include "testsuite/fuzz/fuzz.h"

#include "learnd/believe.h"

#define START (1000 * SECOND)

enum { PORTS = 2, SETS = 2, PLACES = 64 };

struct set {
	struct address list[PLACES];
	uint32_t n;
};

struct model {
	struct learner learner;
	struct learn_port *ports[PORTS];
	struct learn_file file; /* two configurations for each port */
	struct set set[PORTS];
	bool from_guest; /* a frame of the guest is at hand */
	bool changing;   /* or a change of a port */
	instant now;
};

static const char learn_text[] =
	"taken 10.9.0.99\n"
	"interface vnet0\nmac 52:54:00:a1:00:01\ngateway 10.9.0.1 fd09::1\nservers4 10.9.0.1\n"
	"max-ips6 4\n"
	"interface vnet1\nmac 52:54:00:a1:00:02\nmax-ips4 2\nallow-linklocal4 yes\n"
	"interface other0\nmac 52:54:00:a1:00:01\nbound-elsewhere 10.9.0.50 10.9.0.100\n"
	"learn-prefix 10.9.0.0/25 fd09::/64\nmax-ips6 2\n"
	"interface other1\nmac 52:54:00:a1:00:02\nfamilies ipv6\ngateway fe80::1\n";

static void set_add(struct set *s, const struct address *a)
{
	for (uint32_t i = 0; i < s->n; i++)
		REQUIRE(!address_eq(&s->list[i], a));
	REQUIRE(s->n < PLACES);
	s->list[s->n++] = *a;
}

static void set_remove(struct set *s, const struct address *a)
{
	uint32_t i = 0;
	while (i < s->n && !address_eq(&s->list[i], a))
		i++;
	REQUIRE(i < s->n);
	s->list[i] = s->list[--s->n];
}

static void on_event(void *user, const struct event *e)
{
	struct model *m = user;
	struct set *s = &m->set[(uintptr_t)e->port->user];
	bool lease = e->evidence == BY_DHCP4 || e->evidence == BY_DHCP6;
	REQUIRE(e->why && e->why[0] && e->time <= m->now);
	REQUIRE(e->valid_until >= e->time && !(e->infinite && e->valid_until != NEVER));
	if (e->kind == EVENT_ADD)
		set_add(s, &e->address);
	else if (e->kind == EVENT_EXPIRE || e->kind == EVENT_DELETE)
		set_remove(s, &e->address);
	if (m->from_guest && e->time == m->now) {
		REQUIRE(e->kind != EVENT_RENEW && (e->kind != EVENT_ADD || !lease));
		REQUIRE(e->kind != EVENT_CONFLICT);
	}
	REQUIRE(e->kind != EVENT_ADD || e->port->mode == MODE_ANY || lease ||
		address_is_link_local(&e->address));
}

static void check_binding(const struct model *m, const struct learn_port *p,
			  const struct binding *b)
{
	const struct port_config *c = p->config;
	const struct owner *o = owner_find(&m->learner, &b->address);
	bool inside = !c->prefixes.n || address_is_link_local(&b->address);
	REQUIRE(o && o->port == p && b->valid_until > m->now);
	REQUIRE(!address_is_never_own(&b->address) && c->families[b->address.family]);
	vec_each (g, &c->gateway)
		REQUIRE(!address_eq(g, &b->address));
	vec_each (x, &c->elsewhere)
		REQUIRE(!address_eq(x, &b->address));
	vec_each (x, &c->prefixes)
		inside |= prefix_has(x, &b->address);
	REQUIRE(inside);
	REQUIRE(b->evidence < EVIDENCES && !(b->infinite && b->valid_until != NEVER));
}

static void check_port(const struct model *m, const struct learn_port *p)
{
	const struct set *s = &m->set[(uintptr_t)p->user];
	instant next = NEVER;
	REQUIRE(p->n[FAMILY_IPV4] + p->n[FAMILY_IPV6] == s->n);
	for (uint32_t i = 0; i < s->n; i++)
		REQUIRE(find_binding(p, &s->list[i]));
	for (enum family f = 0; f < FAMILIES; f++) {
		REQUIRE(p->n[f] <= p->max[f]);
		for (uint32_t i = 0; i < p->n[f]; i++) {
			const struct binding *b = &p->bindings[f][i];
			REQUIRE(b->address.family == f);
			check_binding(m, p, b);
			next = b->valid_until < next ? b->valid_until : next;
		}
	}
	REQUIRE(p->ntentatives <= TENTATIVES && p->nprefixes <= PREFIXES);
	for (uint32_t i = 0; i < p->ntentatives; i++)
		next = p->tentatives[i].deadline < next ? p->tentatives[i].deadline : next;
	REQUIRE(p->next == next && (next > m->now || next == NEVER));
}

/* 0 and 1: the other configuration of a port; 2 and 3: the other mode; then: an address that
 * nobody may learn any more, or all again. */
static void change(struct model *m, unsigned what)
{
	struct address taken = {.octet = {10, 9, 0, (uint8_t)what}};
	if (what < 4) {
		struct learn_port **p = &m->ports[what & 1];
		const struct port_config *c = &m->file.ports.items[what & 1];
		bool other = ((*p)->config == c) != (what >= 2);
		enum learn_mode mode = what < 2 ? (*p)->mode : !(*p)->mode;
		*p = learner_replace_port(*p, other ? c + PORTS : c, mode, m->now);
		REQUIRE(*p);
	} else if (what < 128) {
		REQUIRE(learner_take(&m->learner, &taken, m->now));
	} else {
		learner_take_none(&m->learner);
	}
}

static void one_frame(struct model *m, unsigned port, bool to_guest, const uint8_t *data, size_t n)
{
	uint8_t *frame = malloc(n ? n : 1); /* so that a byte too far is found */
	memcpy(frame, data, n);
	m->from_guest = !to_guest;
	learner_frame(m->ports[port], frame, n, n, to_guest ? TO_GUEST : FROM_GUEST, m->now);
	m->from_guest = false;
	free(frame);
}

static void play(struct model *m, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 3 <= size;) {
		unsigned head = data[i], length = data[i + 1] | (unsigned)data[i + 2] << 8;
		size_t left = size - i - 3, n = length < left ? length : left;
		m->now += (head >> 2) == 63 ? 3600 * SECOND : (head >> 2) * 200 * MILLI;
		for (int k = 0; k < PORTS; k++)
			learner_timers(m->ports[k], m->now);
		if (length >= 0xff00) {
			change(m, length & 0xff);
			n = 0;
		} else {
			one_frame(m, head >> 1 & 1, head & 1, data + i + 3, n);
		}
		for (int k = 0; k < PORTS; k++)
			check_port(m, m->ports[k]);
		i += 3 + n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model m = {.now = START};
	struct fault fault;
	struct arena *a = size ? arena_new(ARENA_LIMIT) : NULL;
	enum learn_mode mode = size && data[0] & 1 ? MODE_DHCP : MODE_ANY;
	if (!a)
		return 0;
	REQUIRE(learn_file_parse(a, str_from(learn_text), &m.file, &fault));
	learner_init(&m.learner, on_event, &m);
	for (uintptr_t p = 0; p < PORTS; p++) {
		m.ports[p] = learner_add_port(&m.learner, &m.file.ports.items[p], mode);
		m.ports[p]->user = (void *)p;
	}
	vec_each (t, &m.file.taken)
		learner_take(&m.learner, t, m.now);
	play(&m, data + 1, size - 1);
	for (int p = 0; p < PORTS; p++)
		learner_remove_port(m.ports[p]);
	learner_take_none(&m.learner);
	REQUIRE(m.learner.nowners == 0);
	learner_free(&m.learner);
	arena_free(a);
	return 0;
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	printf("\"\\x63\\x82\\x53\\x63\\x35\\x01\\x05\"\n\"\\x52\\x54\\x00\\xa1\\x00\\x01\"\n"
	       "\"\\x52\\x54\\x00\\xa1\\x00\\x02\"\n\"\\x00\\x00\\xff\"\n\"\\x00\\x02\\xff\"\n"
	       "\"\\x0a\\x09\\x00\\x32\"\n");
}
#endif
