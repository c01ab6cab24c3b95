/* SPDX-License-Identifier: MIT */
/*
 * capture.h - the frames of a live port, through libpcap.
 *
 * One handle a port for both directions. Its filter, which the kernel runs, lets a frame in that
 * comes from the guest only with the guest's MAC as its source, and one that goes to the
 * guest only with another; so the source tells the direction of what arrives, and no frame
 * that a guest forges is taken for one of the network's. What the learner
 * has no use for just then (the data of known addresses, other hosts' ARP while nothing
 * is in doubt) the kernel does not even copy.
 *
 * A macvtap is watched itself: the guest's frames go out there, also those that come back from its
 * lower device, on which they would look like the network's.
 *
 * Of what only a server of DHCP sends, and this guest did, whatever its source, the filter cuts
 * off all but the headers: that tells it from what is captured whole.
 */
#ifndef NWFC_LEARND_CAPTURE_H
#define NWFC_LEARND_CAPTURE_H

#include <pcap/pcap.h>

#include "base/buf.h"
#include "learnd/learner.h"

struct capture {
	pcap_t *pcap; /* NULL: closed */
	int fd;
	unsigned ifindex;
	size_t ring;
	char filter[2048]; /* in force */
	/* Frames with an earlier time of the wall clock came before there was a filter, and are
	 * nobody's; they can turn up until this time of the daemon's clock. */
	instant filtered_from, unfiltered_until;
};

/* The filter of a port as it is now; false when it does not fit. */
bool capture_filter(const struct learn_port *p, char *out, size_t size);

enum capture_result { CAPTURE_OPEN, CAPTURE_DOWN, CAPTURE_FAILED };

/* ring: bytes of memory for frames, of this port. Unless it is open: a text of why. */
enum capture_result capture_open(struct capture *c, const struct learn_port *p, size_t ring,
				 instant now, char error[PCAP_ERRBUF_SIZE]);
void capture_close(struct capture *c);

/* Another filter, when the port's state wants one. */
bool capture_update(struct capture *c, const struct learn_port *p, char error[PCAP_ERRBUF_SIZE]);

/* At most max frames that are waiting, at time now. The number, or -1: the device is gone. */
int capture_read(struct capture *c, struct learn_port *p, int max, instant now);

/* Frames that found no room since the capture was opened. */
uint64_t capture_lost(const struct capture *c);

#endif
