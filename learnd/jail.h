/* SPDX-License-Identifier: MIT */
/*
 * jail.h - what the process that reads packets may still do.
 */
#ifndef NWFC_LEARND_JAIL_H
#define NWFC_LEARND_JAIL_H

#include "learnd/port.h"

/*
 * Become user (NULL: stay), keep no capability but CAP_NET_RAW (ports come and go, and
 * each wants a socket), never gain any again, and no system call but those of the loop: no
 * exec, no ptrace, no socket of another kind than packet and netlink. False with a fault.
 */
bool jail_enter(const char *user, struct fault *fault);

#endif
