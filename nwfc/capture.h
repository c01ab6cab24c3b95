/* SPDX-License-Identifier: MIT */
/*
 * capture.h - the frames of a capture file, classic or pcapng, through libpcap.
 *
 * libpcap brings ten libraries with it, which take longer to be loaded than a compile
 * takes; so it is loaded when a capture is read (dlopen).
 */
#ifndef NWFC_NWFC_CAPTURE_H
#define NWFC_NWFC_CAPTURE_H

#include "nwfc/session.h"

struct captured {
	struct str bytes; /* valid until the next one */
	uint32_t length;  /* on the wire: more than bytes has, when it was cut */
	uint64_t time_us; /* of the epoch */
};

struct capture;

/* NULL after a finding. path "-": standard input. */
struct capture *capture_open(struct session *s, const char *path);

/* False at the end, and after a finding. */
bool capture_next(struct capture *c, struct captured *out);
void capture_close(struct capture *c);

/* Does the file begin as captures do? */
bool is_capture(const char *path);

#endif
