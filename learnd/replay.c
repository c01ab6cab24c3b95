/* SPDX-License-Identifier: MIT */
#include "learnd/replay.h"

#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "learnd/event.h"

#define FILE_MAX (64u << 20)
/* The clock of a replay begins here at its first frame, whatever time the capture says, and
 * runs for so many seconds at most: all leases end within what an instant holds. */
#define BEGIN   SECOND
#define RUN_MAX ((instant)4000000000)

struct replay {
	struct arena *arena;
	const struct options *options;
	struct learn_file file;
	struct str directions; /* empty: by the source's MAC */
	uint32_t next_direction;
	struct learner learner;
	struct learn_port *port;
	struct buf out;
	struct timeval origin; /* of the first frame */
	instant last;
	uint64_t frames;
};

static bool fail(const char *path, const struct fault *f)
{
	fault_say(path, f);
	return false;
}

static void on_event(void *user, const struct event *e)
{
	struct replay *r = user;
	event_print(&r->out, e, BEGIN, false);
	buf_lit(&r->out, "}\n");
}

static bool load(struct replay *r)
{
	const struct options *o = r->options;
	struct fault fault;
	if (!learn_file_read(r->arena, o->learn, &r->file, &fault))
		return fail(o->learn, &fault);
	if (r->file.ports.n != 1) {
		fprintf(stderr, "learnd: %s: a replay wants one port, here are %u\n", o->learn,
			r->file.ports.n);
		return false;
	}
	if (o->direction && !file_read(r->arena, o->direction, FILE_MAX, &r->directions, &fault))
		return fail(o->direction, &fault);
	return true;
}

static bool add_port(struct replay *r)
{
	const struct port_config *c = &r->file.ports.items[0];
	enum learn_mode mode = r->options->has_mode ? r->options->mode
			       : c->modes[MODE_ANY] ? MODE_ANY
						    : MODE_DHCP;
	learner_init(&r->learner, on_event, r);
	r->port = c->modes[mode] ? learner_add_port(&r->learner, c, mode) : NULL;
	if (!r->port)
		fprintf(stderr, "learnd: %s: the port is not for mode %s\n", r->options->learn,
			mode_names[mode]);
	vec_each (a, &r->file.taken)
		learner_take(&r->learner, a, 0);
	return r->port != NULL;
}

/* One character a frame, line ends between them. */
static bool direction_of(struct replay *r, const uint8_t *frame, size_t n, enum direction *out)
{
	if (!r->options->direction) {
		*out = n >= 12 && memcmp(frame + 6, r->port->config->mac, 6) == 0 ? FROM_GUEST
										  : TO_GUEST;
		return true;
	}
	const char *text = r->directions.s;
	uint32_t *at = &r->next_direction, end = r->directions.len;
	while (*at < end && (text[*at] == '\n' || text[*at] == '\r'))
		++*at;
	if (*at < end && (text[*at] == '>' || text[*at] == '<')) {
		*out = text[(*at)++] == '>' ? FROM_GUEST : TO_GUEST;
		return true;
	}
	fprintf(stderr, "learnd: %s: no direction for frame %" PRIu64 "\n", r->options->direction,
		r->frames + 1);
	return false;
}

/* The clock never goes back; tv_usec is nanoseconds here. */
static void set_clock(struct replay *r, const struct timeval *ts)
{
	int64_t seconds;
	if (!r->frames++) {
		r->origin = *ts;
		r->last = BEGIN;
	}
	if (__builtin_sub_overflow((int64_t)ts->tv_sec, (int64_t)r->origin.tv_sec, &seconds) ||
	    seconds > RUN_MAX)
		seconds = ts->tv_sec > r->origin.tv_sec ? RUN_MAX : 0;
	instant now = BEGIN + (ts->tv_usec - r->origin.tv_usec);
	now = seconds < 0 ? 0 : now + seconds * SECOND;
	if (now > r->last)
		r->last = now;
}

static bool one_frame(struct replay *r, const struct pcap_pkthdr *h, const uint8_t *frame)
{
	enum direction direction;
	if (!direction_of(r, frame, h->caplen, &direction))
		return false;
	set_clock(r, &h->ts);
	learner_frame(r->port, frame, h->caplen, h->len, direction, r->last);
	return true;
}

static bool all_frames(struct replay *r, pcap_t *pcap)
{
	struct pcap_pkthdr *h;
	const uint8_t *frame;
	int got;
	while ((got = pcap_next_ex(pcap, &h, &frame)) == 1)
		if (!one_frame(r, h, frame))
			return false;
	if (got == PCAP_ERROR) /* what came before it stands */
		fprintf(stderr, "learnd: %s: after frame %" PRIu64 ": %s\n", r->options->pcap,
			r->frames, pcap_geterr(pcap));
	return true;
}

static void say_dropped(const struct replay *r)
{
	if (r->port->dropped_total)
		fprintf(stderr,
			"learnd: %.*s: %" PRIu64 " frames of classes beyond their rate were not "
			"looked at\n",
			STR_ARG(r->port->config->interface), r->port->dropped_total);
}

static bool play(struct replay *r)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(r->options->pcap,
							       PCAP_TSTAMP_PRECISION_NANO, error);
	if (!pcap || pcap_datalink(pcap) != DLT_EN10MB) {
		const char *path = r->options->pcap,
			   *why = pcap ? "holds no Ethernet frames" : error;
		size_t n = strlen(path);
		if (strncmp(why, path, n) == 0 &&
		    why[n] == ':') /* libpcap names some files itself */
			fprintf(stderr, "learnd: %s\n", why);
		else
			fprintf(stderr, "learnd: %s: %s\n", path, why);
		if (pcap)
			pcap_close(pcap);
		return false;
	}
	bool good = all_frames(r, pcap);
	pcap_close(pcap);
	if (good && r->options->has_until)
		learner_timers(r->port, r->last + r->options->until);
	say_dropped(r);
	return good;
}

int replay(const struct options *o)
{
	struct replay r = {.options = o, .arena = arena_new(256u << 20)};
	buf_open(&r.out, STDOUT_FILENO);
	bool good = r.arena && load(&r) && add_port(&r) && play(&r);
	int error = buf_finish(&r.out);
	if (error)
		fprintf(stderr, "learnd: standard output: %s\n", strerror(error));
	if (r.port)
		learner_remove_port(r.port);
	learner_free(&r.learner);
	if (r.arena)
		arena_free(r.arena);
	return good && !error ? EXIT_GOOD : EXIT_FAILED;
}
