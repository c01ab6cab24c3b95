/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "learnd/daemon.h"
#include "learnd/event.h"

#define DROPPED_EVERY (10 * SECOND)
#define OUTLET_RETRY  (SECOND / 10)

static void begin(struct daemon *d, const char *event, struct str port)
{
	buf_lit(&d->out, "{\"time\": ");
	json_seconds(&d->out, d->now + d->offset);
	buf_printf(&d->out, ", \"event\": \"%s\"", event);
	if (port.len) {
		buf_lit(&d->out, ", \"port\": ");
		json_string(&d->out, port);
	}
}

void report_text(struct daemon *d, const char *event, struct str port, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	begin(d, event, port);
	buf_lit(&d->out, ", \"text\": ");
	json_string(&d->out, str_from(text));
	buf_lit(&d->out, "}\n");
}

void report_fault(struct daemon *d, const char *path, const struct fault *f)
{
	char text[FAULT_TEXT];
	fault_print(path, f, text);
	if (outlet_takes(STDERR_FILENO, 0))
		fault_say(path, f);
	report_text(d, "error", STR(""), "%s", text);
}

static void put_binding(struct daemon *d, const struct binding *b)
{
	char text[ADDRESS_TEXT];
	address_print(&b->address, text);
	buf_printf(&d->out, "{\"address\": \"%s\", \"evidence\": \"%s\"", text,
		   evidence_names[b->evidence]);
	if (b->infinite)
		buf_lit(&d->out, ", \"valid_until\": \"infinite\"");
	else if (b->valid_until != NEVER)
		buf_printf(&d->out, ", \"valid_until\": %" PRId64,
			   (b->valid_until + d->offset) / SECOND);
	buf_lit(&d->out, "}");
}

static void put_status(struct daemon *d, const struct watch *w)
{
	const struct learn_port *p = w->port;
	const char *comma = "";
	begin(d, "status", p->config->interface);
	buf_printf(&d->out, ", \"mode\": \"%s\", \"watched\": %s, \"addresses\": [",
		   mode_names[p->mode], w->capture.pcap ? "true" : "false");
	for (enum family f = 0; f < FAMILIES; f++)
		for (uint32_t i = 0; i < p->n[f]; i++) {
			buf_printf(&d->out, "%s", comma);
			put_binding(d, &p->bindings[f][i]);
			comma = ", ";
		}
	buf_printf(&d->out, "], \"dropped\": %" PRIu64 ", \"lost\": %" PRIu64 "}\n",
		   p->dropped_total, capture_lost(&w->capture));
}

void report_status(struct daemon *d)
{
	for (uint32_t i = 0; i < d->nwatches; i++)
		put_status(d, &d->watches[i]);
}

void report_dropped(struct daemon *d)
{
	if (d->report_due > d->now)
		return;
	d->report_due = d->now + DROPPED_EVERY;
	for (uint32_t i = 0; i < d->nwatches; i++) {
		struct watch *w = &d->watches[i];
		uint64_t total = w->port->dropped_total;
		if (total == w->reported)
			continue;
		begin(d, "dropped", w->port->config->interface);
		buf_printf(&d->out, ", \"frames\": %" PRIu64 ", \"total\": %" PRIu64 "}\n",
			   total - w->reported, total);
		w->reported = total;
	}
}

/* Before the lines that follow, when the reader has taken all that came before those. */
static void tell_lost(struct daemon *d)
{
	struct buf later = d->out;
	if (!d->outlet.lost || outlet_waits(&d->outlet))
		return;
	buf_memory(&d->out);
	begin(d, "events-lost", STR(""));
	buf_printf(&d->out, ", \"lines\": %" PRIu64 "}\n", d->outlet.lost);
	d->outlet.lost = 0;
	outlet_put(&d->outlet, d->out.data, d->out.n);
	buf_drop(&d->out);
	d->out = later;
}

/* Whoever reads the events, and hangs or is gone, must not stop the learning. */
void report_flush(struct daemon *d)
{
	if (!d->out.n && !outlet_waits(&d->outlet) && !d->outlet.lost)
		return;
	outlet_push(&d->outlet);
	tell_lost(d);
	outlet_put(&d->outlet, d->out.data, d->out.n);
	d->out.n = 0;
	outlet_push(&d->outlet);
	d->outlet_retry = d->now + OUTLET_RETRY;
}

instant report_next(const struct daemon *d)
{
	return outlet_waits(&d->outlet) || d->outlet.lost ? d->outlet_retry : NEVER;
}
