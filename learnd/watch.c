/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "learnd/daemon.h"
#include "learnd/event.h"

#define FRAMES_A_ROUND 256
#define RETRY          SECOND
/* An interface may be away so long before what its guest used without a lease is forgotten
 * (RFC 7513: OFFLINK_DELAY). */
#define OFFLINK (30 * SECOND)

static struct watch *watch_of(const struct learn_port *p)
{
	return p->user;
}

/* --- which of them have something to do --- */

static void touch(struct daemon *d, struct watch *w)
{
	if (!w->busy)
		d->busy[d->nbusy++] = w;
	w->busy = true;
}

void watches_ready(struct daemon *d, struct watch *w)
{
	w->more = true;
	touch(d, w);
}

static void note_due(struct daemon *d, const struct watch *w)
{
	instant at = w->retry < w->port->next ? w->retry : w->port->next;
	d->due = at < d->due ? at : d->due;
}

/* --- events --- */

static void on_event(void *user, const struct event *e)
{
	struct daemon *d = user;
	struct watch *w = watch_of(e->port);
	struct event wall = *e;
	bool keep = event_changes_set(e->kind) || e->kind == EVENT_RENEW;
	if (w) {
		w->changed = true;
		touch(d, w);
	}
	if (keep) {
		keep_event(d, e);
		feed_change(d);
	} else if (!d->options->verbose && e->kind != EVENT_CONFLICT) {
		return;
	}
	wall.time += d->offset;
	if (e->valid_until != NEVER)
		wall.valid_until += d->offset;
	event_print(&d->out, &wall, 0, true);
	buf_lit(&d->out, "}\n");
}

/* --- the host's own addresses --- */

static const void *octets_of(const struct sockaddr *sa, enum family *f)
{
	if (sa && sa->sa_family == AF_INET) {
		*f = FAMILY_IPV4;
		return &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	}
	if (sa && sa->sa_family == AF_INET6) {
		*f = FAMILY_IPV6;
		return &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	}
	return NULL;
}

static void read_own_addresses(struct daemon *d)
{
	struct ifaddrs *list = NULL;
	uint32_t n = 0, i = 0;
	enum family f;
	d->own_stale = false;
	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *a = list; a; a = a->ifa_next)
		n++;
	struct address *own = calloc(n + 1, sizeof *own);
	for (struct ifaddrs *a = list; a && own; a = a->ifa_next) {
		const void *octets = octets_of(a->ifa_addr, &f);
		if (octets)
			own[i++] = address_from(f, octets);
	}
	freeifaddrs(list);
	if (!own)
		return;
	free(d->own);
	d->own = d->learner.own = own;
	d->learner.nown = i;
}

/* --- captures --- */

static size_t ring_size(const struct daemon *d)
{
	size_t share = ((size_t)d->options->rings << 20) / (d->nwatches ? d->nwatches : 1);
	return share < (32u << 10) ? 32u << 10 : share > (1u << 20) ? 1u << 20 : share;
}

static const char *device_of(const struct port_config *c, char name[IF_NAMESIZE])
{
	snprintf(name, IF_NAMESIZE, "%.*s", STR_ARG(c->interface));
	return name;
}

static void close_watch(struct daemon *d, struct watch *w)
{
	if (w->capture.pcap)
		epoll_ctl(d->epoll, EPOLL_CTL_DEL, w->capture.fd, NULL);
	capture_close(&w->capture);
	w->more = false;
}

/* What was used without a lease is not believed for ever while nobody can see its guest. */
static void forget_unleased(struct daemon *d, struct learn_port *p)
{
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = p->n[f]; i-- > 0;)
			if (p->bindings[f][i].valid_until == NEVER && !p->bindings[f][i].infinite)
				learner_forget(p, &p->bindings[f][i].address, d->now,
					       "the interface was away");
}

/* Told once, until it is watched again; not there or down is no error, and netlink tells when it is
 * over. */
static void fail_watch(struct daemon *d, struct watch *w, bool down, const char *name,
		       const char *why)
{
	if (w->gone == NEVER)
		w->gone = d->now;
	if (!w->told)
		report_text(d, down ? "watch-ended" : "error", w->port->config->interface, "%s: %s",
			    name, why);
	w->told = true;
	w->retry = down ? NEVER : d->now + RETRY;
	note_due(d, w);
}

static void begin_watch(struct daemon *d, struct watch *w, const char *name)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};
	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, w->capture.fd, &e) < 0) {
		const char *why = strerror(errno);
		close_watch(d, w);
		fail_watch(d, w, false, name, why);
		return;
	}
	if (w->gone != NEVER && d->now - w->gone > OFFLINK)
		forget_unleased(d, w->port);
	w->gone = NEVER;
	w->told = false;
	watches_ready(d, w); /* frames may have come before epoll knew of it */
	report_text(d, "watch", w->port->config->interface, "on %s", name);
}

static void open_watch(struct daemon *d, struct watch *w)
{
	char error[PCAP_ERRBUF_SIZE], name[IF_NAMESIZE];
	w->retry = NEVER;
	if (!if_nametoindex(device_of(w->port->config, name))) {
		fail_watch(d, w, true, name, "there is no such interface yet");
		return;
	}
	enum capture_result r = capture_open(&w->capture, w->port, ring_size(d), d->now, error);
	if (r == CAPTURE_OPEN)
		begin_watch(d, w, name);
	else
		fail_watch(d, w, r == CAPTURE_DOWN, name, error);
}

void watches_open(struct daemon *d)
{
	for (uint32_t i = 0; i < d->nwatches; i++) {
		struct watch *w = &d->watches[i];
		if (w->capture.pcap && w->capture.ring > 2 * ring_size(d))
			close_watch(d, w); /* there are many more now to share with */
		if (!w->capture.pcap)
			open_watch(d, w);
	}
}

static void lose_watch(struct daemon *d, struct watch *w)
{
	close_watch(d, w);
	w->gone = d->now;
	w->told = true;
	w->retry = d->now + RETRY / 10;
	note_due(d, w);
	report_text(d, "watch-ended", w->port->config->interface, "the interface is gone or down");
}

void watches_close(struct daemon *d)
{
	for (uint32_t i = 0; i < d->nwatches; i++) {
		close_watch(d, &d->watches[i]);
		learner_remove_port(d->watches[i].port);
	}
	free(d->watches);
	free(d->busy);
	d->watches = NULL;
	d->busy = NULL;
	d->nwatches = d->nbusy = 0;
	links_close(&d->links);
	learner_free(&d->learner);
	free(d->own);
}

static void read_watch(struct daemon *d, struct watch *w)
{
	int n = capture_read(&w->capture, w->port, FRAMES_A_ROUND, d->now);
	w->more = n >= FRAMES_A_ROUND;
	if (n < 0)
		lose_watch(d, w);
}

static void serve(struct daemon *d, struct watch *w)
{
	char error[PCAP_ERRBUF_SIZE];
	if (w->more && w->capture.pcap)
		read_watch(d, w);
	w->changed |= w->port->used_changed;
	w->port->used_changed = false;
	if (w->changed && w->capture.pcap && !capture_update(&w->capture, w->port, error))
		report_text(d, "error", w->port->config->interface, "%s", error);
	w->more &= w->capture.pcap != NULL;
	w->changed = false;
	note_due(d, w);
}

/* What is due; and when the next is, exactly. */
static void fire(struct daemon *d)
{
	d->due = NEVER;
	for (uint32_t i = 0; i < d->nwatches; i++) {
		struct watch *w = &d->watches[i];
		if (w->port->next <= d->now)
			learner_timers(w->port, d->now);
		if (w->retry <= d->now)
			open_watch(d, w);
		note_due(d, w);
	}
}

void watches_work(struct daemon *d)
{
	uint32_t left = 0;
	if (d->own_stale) /* once for all that was said: it lists every interface */
		read_own_addresses(d);
	if (d->due <= d->now)
		fire(d);
	for (uint32_t i = 0; i < d->nbusy; i++)
		serve(d, d->busy[i]);
	for (uint32_t i = 0; i < d->nbusy; i++) {
		struct watch *w = d->busy[i];
		w->busy = w->more;
		if (w->busy)
			d->busy[left++] = w;
	}
	d->nbusy = left;
}

instant watches_next(const struct daemon *d)
{
	return d->nbusy ? d->now : d->due;
}

void watches_link(struct daemon *d, enum link_change change, const char *name, unsigned ifindex)
{
	char device[IF_NAMESIZE];
	d->own_stale |= change == LINK_ADDRESSES;
	if (change == LINK_LOST)
		watches_open(d);
	for (uint32_t i = 0; name && i < d->nwatches; i++) {
		struct watch *w = &d->watches[i];
		bool same = w->capture.pcap && w->capture.ifindex == ifindex;
		bool named = strcmp(device_of(w->port->config, device), name) == 0;
		if (same && (change != LINK_THERE || !named))
			lose_watch(d, w); /* or it has another name now */
		else if (named && change == LINK_THERE && w->capture.pcap && !same)
			lose_watch(d, w);
		if (named && change == LINK_THERE && !w->capture.pcap)
			open_watch(d, w);
	}
}

/* --- the learn file --- */

/* --mode chooses among a port's modes; it makes none weaker than its filter wants it. */
static enum learn_mode mode_of(const struct daemon *d, const struct port_config *c)
{
	if (d->options->has_mode && c->modes[d->options->mode])
		return d->options->mode;
	return c->modes[MODE_ANY] ? MODE_ANY : MODE_DHCP;
}

static struct watch *find_same(struct daemon *d, const struct port_config *c)
{
	char key[PORT_KEY], own[PORT_KEY];
	port_key(c, key);
	for (uint32_t i = 0; i < d->nwatches; i++) {
		const struct watch *w = &d->watches[i];
		if (!w->port || !str_eq(w->port->config->interface, c->interface))
			continue;
		port_key(w->port->config, own);
		if (strcmp(key, own) == 0)
			return &d->watches[i];
	}
	return NULL;
}

/* Its filter is looked at again; frames that wait in the ring are for the port as it is now. */
static void move_capture(struct daemon *d, struct watch *to, struct watch *from)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = to};
	if (from->capture.pcap && epoll_ctl(d->epoll, EPOLL_CTL_MOD, from->capture.fd, &e) < 0)
		close_watch(d, from);
	to->capture = from->capture;
	from->capture = (struct capture){.fd = -1};
	to->more = to->changed = to->capture.pcap != NULL;
}

/* The port that was watched so far goes on with the new configuration; others begin. */
static bool take_over(struct daemon *d, struct watch *to, const struct port_config *c)
{
	struct watch *old = find_same(d, c);
	bool same_device = old && str_eq(old->port->config->link, c->link);
	struct learn_port *p = old ? learner_replace_port(old->port, c, mode_of(d, c), d->now)
				   : learner_add_port(&d->learner, c, mode_of(d, c));
	*to = (struct watch){.port = p, .gone = NEVER, .retry = NEVER, .capture.fd = -1};
	if (!p)
		return false;
	if (old) {
		if (!same_device)
			close_watch(d, old);
		move_capture(d, to, old);
		to->gone = old->gone;
		to->retry = old->retry;
		to->told = old->told;
		to->reported = old->reported;
		old->port = NULL;
	}
	p->user = to;
	return true;
}

static void drop_old(struct daemon *d)
{
	for (uint32_t i = 0; i < d->nwatches; i++) {
		struct watch *w = &d->watches[i];
		if (!w->port)
			continue;
		keep_leave(d, w->port);
		close_watch(d, w);
		learner_remove_port(w->port);
	}
	free(d->watches);
}

static bool parse(struct daemon *d, struct arena *a, struct learn_file *file)
{
	struct fault fault;
	if (learn_file_read(a, d->options->learn, file, &fault))
		return true;
	report_fault(d, d->options->learn, &fault);
	return false;
}

static void put_in_force(struct daemon *d, struct watch *new, uint32_t n, struct watch **busy)
{
	drop_old(d);
	free(d->busy);
	d->watches = new;
	d->busy = busy;
	d->nwatches = n;
	d->nbusy = 0;
	d->due = d->now;
	for (uint32_t i = 0; i < n; i++) {
		keep_enter(d, new[i].port); /* when all that go have left what they had */
		touch(d, &new[i]);
	}
}

static void take_addresses(struct daemon *d, const address_list *taken)
{
	learner_take_none(&d->learner);
	vec_each (t, taken)
		if (!learner_take(&d->learner, t, d->now))
			report_text(d, "error", STR(""), "no memory for the addresses of others");
}

/* The journal knows a port by its key: of two that have the same one, the first is watched. */
static bool is_second(struct daemon *d, struct arena *a, struct map *seen,
		      const struct port_config *c)
{
	char key[PORT_KEY];
	bool added;
	port_key(c, key);
	struct map_entry *e = map_put(a, seen, str_copy(a, str_from(key)), &added);
	if (added) {
		e->cptr = c;
		return false;
	}
	const struct port_config *first = e->cptr;
	report_text(d, "error", c->interface, "the owner and the MAC address of %.*s: not watched",
		    STR_ARG(first->interface));
	return true;
}

/* The watches of these ports; they are n. */
static uint32_t take_ports(struct daemon *d, struct arena *a, struct learn_file *file,
			   struct watch *new)
{
	struct map seen = {0};
	uint32_t n = 0;
	vec_each (c, &file->ports) {
		if (!arena_full(a) && is_second(d, a, &seen, c))
			continue;
		if (!arena_full(a) && take_over(d, &new[n], c))
			n++;
		else
			report_text(d, "error", c->interface, "no memory for the port");
	}
	return n;
}

bool watches_load(struct daemon *d)
{
	struct arena *a = arena_new(LEARN_ARENA);
	struct learn_file file;
	bool good = parse(d, a, &file);
	struct watch *new = good ? calloc(file.ports.n + 1, sizeof *new) : NULL;
	struct watch **busy = good ? calloc(file.ports.n + 1, sizeof *busy) : NULL;
	if (good && (!new || !busy))
		report_text(d, "error", STR(""), "no memory for the ports");
	if (!new || !busy) {
		free(new);
		free(busy);
		if (a)
			arena_free(a);
		return false;
	}
	if (!d->learner.event)
		learner_init(&d->learner, on_event, d);
	read_own_addresses(d);
	take_addresses(d, &file.taken);
	put_in_force(d, new, take_ports(d, a, &file, new), busy);
	if (d->arena)
		arena_free(d->arena);
	d->arena = a;
	d->file = file;
	return true;
}
