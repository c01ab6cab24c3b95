/* SPDX-License-Identifier: MIT */
/*
 * iptables.h - the rules of networks for iptables and ip6tables.
 *
 *   filter  FORWARD      nwfc-forward, behind the ports': nwfc-from, nwfc-to,
 *                        and when both sides have returned nwfc-pass-in/-out: ACCEPT
 *           INPUT        nwfc-host, behind the ports': nwfc-services
 *           OUTPUT       nwfc-replies
 *   nat     POSTROUTING  nwfc-nat
 *   mangle  POSTROUTING  nwfc-mangle
 *
 * from, to, services and replies know a network by its bridge and go to its own
 * chain, nwfc-from/BRIDGE. The final ACCEPT is for hosts whose FORWARD drops.
 */
#ifndef NWFC_BACKENDS_NETWORK_IPTABLES_H
#define NWFC_BACKENDS_NETWORK_IPTABLES_H

#include "backends/network/network.h"

struct net_tables; /* the form with its names, for one family */

/* NULL after a finding; networks without rules: a form of no chains. */
struct net_tables *net_ipt_lower(struct emit_ctx *cx, const struct net_form *f, struct names *ns,
				 enum ip_family family, const char *target);

/* Has a table of iptables ("filter", "nat", "mangle") any rule? */
bool net_ipt_has(const struct net_tables *t, const char *table);

/* ":CHAIN" lines of a table, then its rules; without "*TABLE" and COMMIT. */
void net_ipt_declare(const struct net_tables *t, const char *table, struct buf *out);
void net_ipt_rules(const struct net_tables *t, const char *table, struct buf *out);

#endif
