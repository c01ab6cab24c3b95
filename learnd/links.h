/* SPDX-License-Identifier: MIT */
/*
 * links.h - interfaces that come and go, by netlink (rtnetlink(7)), and the host's own addresses.
 */
#ifndef NWFC_LEARND_LINKS_H
#define NWFC_LEARND_LINKS_H

#include <stdbool.h>

struct links {
	void *nl; /* struct mnl_socket */
	int fd;
};

enum link_change {
	LINK_THERE, /* up: also new, or renamed */
	LINK_DOWN,
	LINK_GONE,
	LINK_ADDRESSES, /* the host's own addresses have changed; no name */
	LINK_LOST       /* messages were lost: look at every interface again; no name, no index */
};

typedef void link_change_fn(void *user, enum link_change change, const char *name,
			    unsigned ifindex);

bool links_open(struct links *l);
void links_close(struct links *l);

/* Everything that has been said; never waits. */
void links_read(struct links *l, link_change_fn *fn, void *user);

#endif
