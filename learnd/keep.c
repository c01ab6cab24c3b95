/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "learnd/believe.h"
#include "learnd/daemon.h"

#define RETRY SECOND

static void say(struct daemon *d, const char *path, const struct fault *f)
{
	char text[FAULT_TEXT];
	fault_print(path, f, text);
	fault_say(path, f);
	report_text(d, "error", STR(""), "%s", text);
}

/* A binding in the machine's time to a lease in the wall clock's. */
static struct lease lease_of(const struct daemon *d, const struct port_config *c,
			     const struct binding *b)
{
	struct lease l = {.binding = *b};
	port_key(c, l.key);
	snprintf(l.interface, sizeof l.interface, "%.*s", STR_ARG(c->interface));
	if (b->valid_until != NEVER)
		l.binding.valid_until += d->offset;
	return l;
}

bool keep_open(struct daemon *d)
{
	struct fault fault;
	const char *path = d->options->leases;
	if (journal_read(path, d->now + d->offset, &d->strangers, &fault) &&
	    journal_open(&d->journal, path, &fault)) {
		d->journal.lines = d->strangers.lines;
		return true;
	}
	say(d, path, &fault);
	return false;
}

void keep_event(struct daemon *d, const struct event *e)
{
	struct binding b = {.address = e->address,
			    .evidence = (uint8_t)e->evidence,
			    .infinite = e->infinite,
			    .valid_until = e->valid_until};
	struct lease l = lease_of(d, e->port->config, &b);
	journal_put(&d->journal, e->time + d->offset, e->kind, &l);
}

void keep_leave(struct daemon *d, const struct learn_port *p)
{
	leases_drop_ended(&d->strangers, d->now + d->offset);
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < p->n[f]; i++) {
			struct lease *l = leases_push(&d->strangers);
			if (l)
				*l = lease_of(d, p->config, &p->bindings[f][i]);
		}
}

/* What the port may not have any more, the journal must not say it has: others read that. */
void keep_enter(struct daemon *d, struct learn_port *p)
{
	char key[PORT_KEY];
	port_key(p->config, key);
	for (uint32_t i = 0; i < d->strangers.n;) {
		struct lease *l = &d->strangers.list[i];
		if (strcmp(l->key, key) != 0) {
			i++;
			continue;
		}
		struct binding b = l->binding;
		if (b.valid_until != NEVER)
			b.valid_until -= d->offset;
		b.last_seen = d->now;
		if (!learner_restore(p, &b, d->now) && !find_binding(p, &b.address)) {
			journal_put(&d->journal, d->now + d->offset, EVENT_DELETE, l);
			feed_change(d);
		}
		leases_remove(&d->strangers, l);
	}
}

/* --- import --- */

static struct learn_port *port_of(const struct daemon *d, const char *key)
{
	char own[PORT_KEY];
	for (uint32_t i = 0; i < d->nwatches; i++) {
		port_key(d->watches[i].port->config, own);
		if (strcmp(own, key) == 0)
			return d->watches[i].port;
	}
	return NULL;
}

/* Valid at once; but what was learned without a lease is looked at again: the first that objects
 * takes it away. */
static void import_one(struct daemon *d, struct lease l)
{
	struct learn_port *p = port_of(d, l.key);
	instant valid = l.binding.valid_until;
	l.binding.used = l.binding.infinite || valid != NEVER;
	if (p) {
		struct binding b = l.binding;
		b.valid_until = valid == NEVER ? NEVER : valid - d->offset;
		b.last_seen = d->now;
		if (!learner_restore(p, &b, d->now))
			return;
	} else {
		struct lease *to = leases_push(&d->strangers);
		if (to)
			*to = l;
	}
	journal_put(&d->journal, d->now + d->offset, EVENT_ADD, &l);
	report_text(d, "imported", str_from(l.interface), "%s", l.key);
}

void keep_import(struct daemon *d)
{
	char path[4096];
	struct leases in;
	struct fault fault;
	snprintf(path, sizeof path, "%s.import", d->options->leases);
	if (access(path, F_OK) < 0)
		return;
	if (journal_read(path, d->now + d->offset, &in, &fault)) {
		for (uint32_t i = 0; i < in.n; i++)
			import_one(d, in.list[i]);
		feed_change(d);
		if (keep_sync(d))
			unlink(path);
	} else {
		say(d, path, &fault);
	}
	leases_free(&in);
}

/* --- the disk --- */

static uint32_t count_living(const struct daemon *d)
{
	uint32_t n = d->strangers.n;
	for (uint32_t i = 0; i < d->nwatches; i++)
		n += d->watches[i].port->n[0] + d->watches[i].port->n[1];
	return n;
}

static bool put_all(struct daemon *d, struct leases *all)
{
	leases_drop_ended(&d->strangers, d->now + d->offset);
	for (uint32_t i = 0; i < d->strangers.n; i++) {
		struct lease *to = leases_push(all);
		if (!to)
			return false;
		*to = d->strangers.list[i];
	}
	for (uint32_t i = 0; i < d->nwatches; i++) {
		const struct learn_port *p = d->watches[i].port;
		for (enum family f = 0; f < FAMILIES; f++)
			for (uint32_t k = 0; k < p->n[f]; k++) {
				struct lease *to = leases_push(all);
				if (!to)
					return false;
				*to = lease_of(d, p->config, &p->bindings[f][k]);
			}
	}
	return true;
}

static bool compact(struct daemon *d)
{
	struct leases all = {0};
	struct fault fault = {0, "no memory"};
	bool good =
		put_all(d, &all) && journal_compact(&d->journal, &all, d->now + d->offset, &fault);
	if (!good)
		say(d, d->options->leases, &fault);
	leases_free(&all);
	return good;
}

/* A compaction that fails is tried again after a while; until then an unbroken journal goes on. */
bool keep_sync(struct daemon *d)
{
	struct fault fault;
	if (!d->journal.dirty && !d->journal.broken)
		return true;
	if (!d->journal.broken && !journal_sync(&d->journal, &fault))
		say(d, d->options->leases, &fault);
	if (d->journal_retry <= d->now && journal_wants_compaction(&d->journal, count_living(d)) &&
	    !compact(d))
		d->journal_retry = d->now + RETRY;
	return !d->journal.broken;
}

void keep_rewrite(struct daemon *d)
{
	d->journal.broken |= !compact(d);
	feed_change(d);
}
