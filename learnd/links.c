/* SPDX-License-Identifier: MIT */
#include "learnd/links.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

struct reading {
	link_change_fn *fn;
	void *user;
};

bool links_open(struct links *l)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	*l = (struct links){nl, nl ? mnl_socket_get_fd(nl) : -1};
	return nl && mnl_socket_bind(nl, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
				     MNL_SOCKET_AUTOPID) == 0;
}

void links_close(struct links *l)
{
	if (l->nl)
		mnl_socket_close(l->nl);
	l->nl = NULL;
}

static int on_attribute(const struct nlattr *a, void *data)
{
	const char **name = data;
	if (mnl_attr_get_type(a) == IFLA_IFNAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		*name = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

static int on_message(const struct nlmsghdr *h, void *data)
{
	const struct reading *r = data;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
	const char *name = NULL;
	if (h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR)
		r->fn(r->user, LINK_ADDRESSES, NULL, 0);
	if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof *info, on_attribute, &name);
	/* A bridge says RTM_DELLINK of a port that leaves it, too: family AF_BRIDGE. */
	if (name && info->ifi_family != AF_BRIDGE)
		r->fn(r->user,
		      h->nlmsg_type != RTM_NEWLINK ? LINK_GONE
		      : info->ifi_flags & IFF_UP   ? LINK_THERE
						   : LINK_DOWN,
		      name, (unsigned)info->ifi_index);
	return MNL_CB_OK;
}

void links_read(struct links *l, link_change_fn *fn, void *user)
{
	char block[16384];
	struct reading r = {fn, user};
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(l->nl, block, sizeof block);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 && errno == ENOBUFS) {
			fn(user, LINK_LOST, NULL, 0);
			continue;
		}
		if (n <= 0 || mnl_cb_run(block, (size_t)n, 0, 0, on_message, &r) < 0)
			return;
	}
}
