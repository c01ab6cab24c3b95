/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "learnd/believe.h"
#include "learnd/daemon.h"

#define RETRY SECOND

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

/* And back, seen just now. */
static struct binding binding_of(const struct daemon *d, const struct lease *l)
{
	struct binding b = l->binding;
	if (b.valid_until != NEVER)
		b.valid_until -= d->offset;
	b.last_seen = d->now;
	return b;
}

static bool push(struct leases *to, const struct lease *l)
{
	struct lease *new = leases_push(to);
	if (new)
		*new = *l;
	return new != NULL;
}

/* All that a port has; false without memory. */
static bool push_port(const struct daemon *d, const struct learn_port *p, struct leases *to)
{
	bool good = true;
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < p->n[f]; i++) {
			struct lease l = lease_of(d, p->config, &p->bindings[f][i]);
			good &= push(to, &l);
		}
	return good;
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
	report_fault(d, path, &fault);
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
	push_port(d, p, &d->strangers);
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
		struct binding b = binding_of(d, l);
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
	l.binding.used = l.binding.infinite || l.binding.valid_until != NEVER;
	struct binding b = binding_of(d, &l);
	if (p && !learner_restore(p, &b, d->now))
		return;
	if (!p)
		push(&d->strangers, &l);
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
		report_fault(d, path, &fault);
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
	bool good = true;
	leases_drop_ended(&d->strangers, d->now + d->offset);
	for (uint32_t i = 0; i < d->strangers.n; i++)
		good &= push(all, &d->strangers.list[i]);
	for (uint32_t i = 0; i < d->nwatches; i++)
		good &= push_port(d, d->watches[i].port, all);
	return good;
}

static bool compact(struct daemon *d)
{
	struct leases all = {0};
	struct fault fault = {0, "no memory"};
	bool good =
		put_all(d, &all) && journal_compact(&d->journal, &all, d->now + d->offset, &fault);
	if (!good)
		report_fault(d, d->options->leases, &fault);
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
		report_fault(d, d->options->leases, &fault);
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
