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

#define FILE_MAX       (64u << 20)
#define ARENA_MAX      ((size_t)512 << 20)
#define FRAMES_A_ROUND 64
#define RETRY          SECOND
/* An interface may be away so long before what its guest used without a lease is forgotten
 * (RFC 7513: OFFLINK_DELAY). */
#define OFFLINK (30 * SECOND)

static struct watch *watch_of(const struct learn_port *p)
{
	return p->user;
}

/* --- events --- */

static void on_event(void *user, const struct event *e)
{
	struct daemon *d = user;
	struct watch *w = watch_of(e->port);
	struct event wall = *e;
	bool keep = event_changes_set(e->kind) || e->kind == EVENT_RENEW;
	if (w)
		w->changed = true;
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
	struct str device = c->link.len ? c->link : c->interface;
	snprintf(name, IF_NAMESIZE, "%.*s", STR_ARG(device));
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

static void open_watch(struct daemon *d, struct watch *w)
{
	char error[PCAP_ERRBUF_SIZE], name[IF_NAMESIZE];
	const struct port_config *c = w->port->config;
	w->retry = NEVER;
	if (!if_nametoindex(device_of(c, name))) {
		if (w->gone == NEVER)
			w->gone = d->now;
		return;
	}
	if (!capture_open(&w->capture, w->port, ring_size(d), d->now, error)) {
		report_text(d, "error", c->interface, "%s: %s", name, error);
		w->retry = d->now + RETRY;
		return;
	}
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};
	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, w->capture.fd, &e) < 0) {
		report_text(d, "error", c->interface, "epoll: %s", strerror(errno));
		close_watch(d, w);
		w->retry = d->now + RETRY;
		return;
	}
	if (w->gone != NEVER && d->now - w->gone > OFFLINK)
		forget_unleased(d, w->port);
	w->gone = NEVER;
	w->more = true; /* frames may have come before epoll knew of it */
	report_text(d, "watch", c->interface, "on %s", name);
}

void watches_open(struct daemon *d)
{
	for (uint32_t i = 0; i < d->nwatches; i++)
		if (!d->watches[i].capture.pcap)
			open_watch(d, &d->watches[i]);
}

static void lose_watch(struct daemon *d, struct watch *w)
{
	close_watch(d, w);
	w->gone = d->now;
	w->retry = d->now + RETRY / 10;
	report_text(d, "watch-ended", w->port->config->interface, "the interface is gone or down");
}

void watches_close(struct daemon *d)
{
	for (uint32_t i = 0; i < d->nwatches; i++) {
		close_watch(d, &d->watches[i]);
		learner_remove_port(d->watches[i].port);
	}
	free(d->watches);
	d->watches = NULL;
	d->nwatches = 0;
	links_close(&d->links);
	learner_free(&d->learner);
	free(d->own);
}

void watches_read(struct daemon *d, struct watch *w)
{
	char error[PCAP_ERRBUF_SIZE];
	int n = capture_read(&w->capture, w->port, FRAMES_A_ROUND, d->now);
	w->more = n >= FRAMES_A_ROUND;
	if (n < 0)
		lose_watch(d, w);
	else if (w->changed && !capture_update(&w->capture, w->port, error))
		report_text(d, "error", w->port->config->interface, "%s", error);
	w->changed = false;
}

void watches_timers(struct daemon *d)
{
	char error[PCAP_ERRBUF_SIZE];
	for (uint32_t i = 0; i < d->nwatches; i++) {
		struct watch *w = &d->watches[i];
		if (w->more)
			watches_read(d, w);
		if (w->port->next <= d->now)
			learner_timers(w->port, d->now);
		if (w->changed && w->capture.pcap)
			capture_update(&w->capture, w->port, error);
		w->changed = false;
		if (w->retry <= d->now)
			open_watch(d, w);
	}
}

instant watches_next(const struct daemon *d)
{
	instant next = NEVER;
	for (uint32_t i = 0; i < d->nwatches; i++) {
		const struct watch *w = &d->watches[i];
		instant at = w->more ? d->now : w->retry < w->port->next ? w->retry : w->port->next;
		next = at < next ? at : next;
	}
	return next;
}

void watches_link(struct daemon *d, enum link_change change, const char *name, unsigned ifindex)
{
	char device[IF_NAMESIZE];
	if (change == LINK_ADDRESSES)
		read_own_addresses(d);
	if (change == LINK_LOST)
		watches_open(d);
	for (uint32_t i = 0; name && i < d->nwatches; i++) {
		struct watch *w = &d->watches[i];
		bool same = w->capture.pcap && w->capture.ifindex == ifindex;
		bool named = strcmp(device_of(w->port->config, device), name) == 0;
		if (same && (change == LINK_GONE || !named))
			lose_watch(d, w); /* or it has another name now */
		else if (named && change == LINK_THERE && w->capture.pcap && !same)
			lose_watch(d, w);
		if (named && change == LINK_THERE && !w->capture.pcap)
			open_watch(d, w);
	}
}

/* --- the learn file --- */

static enum learn_mode mode_of(const struct daemon *d, const struct port_config *c)
{
	if (d->options->has_mode)
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

/* The port that was watched so far goes on with the new configuration; others begin. */
static bool take_over(struct daemon *d, struct watch *to, const struct port_config *c)
{
	struct watch *old = find_same(d, c);
	struct learn_port *p = old ? learner_replace_port(old->port, c, mode_of(d, c), d->now)
				   : learner_add_port(&d->learner, c, mode_of(d, c));
	*to = (struct watch){.port = p, .gone = NEVER, .retry = NEVER, .capture.fd = -1};
	if (!p)
		return false;
	if (old) {
		close_watch(d, old); /* its filter and epoll entry are the old port's */
		to->gone = old->gone;
		to->reported = old->reported;
		old->port = NULL;
	}
	p->user = to;
	keep_enter(d, p);
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
	struct fault fault = {0, "no memory"};
	char text_of_fault[FAULT_TEXT];
	struct str text;
	if (a && file_read(a, d->options->learn, FILE_MAX, &text, &fault) &&
	    learn_file_parse(a, text, file, &fault))
		return true;
	fault_print(d->options->learn, &fault, text_of_fault);
	fault_say(d->options->learn, &fault);
	report_text(d, "error", STR(""), "%s", text_of_fault);
	return false;
}

bool watches_load(struct daemon *d)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct learn_file file;
	if (!parse(d, a, &file)) {
		if (a)
			arena_free(a);
		return false;
	}
	if (!d->learner.event)
		learner_init(&d->learner, on_event, d);
	read_own_addresses(d);
	learner_take_none(&d->learner);
	vec_each (t, &file.taken)
		if (!learner_take(&d->learner, t, d->now))
			report_text(d, "error", STR(""), "no memory for the addresses of others");
	struct watch *new = calloc(file.ports.n + 1, sizeof *new);
	uint32_t n = 0;
	vec_each (c, &file.ports) {
		if (new &&take_over(d, &new[n], c))
			n++;
		else
			report_text(d, "error", c->interface, "no memory for the port");
	}
	drop_old(d);
	d->watches = new;
	d->nwatches = new ? n : 0;
	if (d->arena)
		arena_free(d->arena);
	d->arena = a;
	d->file = file;
	return true;
}
