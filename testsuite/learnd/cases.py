#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures made by hand, replayed: what learnd concludes, to the millisecond.

cases.py --learnd FILE

A case is a port, frames with their times and directions, and the events that a mode must give: all of
them but those of kind `ignore`, in their order.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

from frames import (SERVER, SERVER_MAC, ack, advertisement, announcement, arp, changed, checksummed, dad, data, dhcp, dhcp6, lease6, mac, option6,
                    release, request, router, tagged, udp, with_ip_options)

PORT = """interface vnet0
mac 52:54:00:a1:00:01
modes any dhcp
servers4 10.9.0.1
servers6 fe80::5054:ff:feb0:1
gateway 10.9.0.1 fd09::1
"""
G, OTHER = mac(1), mac(2)
A, B, C = "10.9.0.50", "10.9.0.51", "10.9.0.100"
U, V = "fd09::55", "fd09::56"
OUT, IN = ">", "<"


def options(*pairs):
    return b"".join(bytes([code, len(value)]) + value for code, value in pairs)


def client(kind, xid, ciaddr="0.0.0.0", extra=b""):
    return b"\xff" * 6 + G + b"\x08\x00" + udp(ciaddr, 68, "255.255.255.255", 67, dhcp(1, kind, 1, xid, ciaddr=ciaddr, options=extra))


def server(kind, xid, address="0.0.0.0", extra=b"", source=SERVER):
    return G + SERVER_MAC + b"\x08\x00" + udp(source, 67, "255.255.255.255", 68, dhcp(2, kind, 1, xid, address, options=extra))


def overloaded(kind, what, field, extra=b"", at=108):
    """An answer with options in `file` (at 108) or `sname` (at 44)."""
    message = dhcp(2, kind, 1, 7, C, options=options((52, bytes([what]))) + extra)
    message = message[:at] + field + message[at + len(field):]
    return G + SERVER_MAC + b"\x08\x00" + udp(SERVER, 67, "255.255.255.255", 68, message)


LEASE = options((54, bytes([10, 9, 0, 1])), (51, struct.pack(">I", 60)))
TAKEN = [(0, OUT, request(1, 7, C)), (0.01, IN, ack(1, 7, C, 60))]

# name: (port lines, mode, frames, --until, events)
CASES = {
    # DHCPv4
    "lease": ("", "dhcp", TAKEN, 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "lease ends": ("", "dhcp", TAKEN, 100, [(0.01, "add", C, "dhcp", 60.01), (60.01, "expire", C, "dhcp")]),
    "renewal": ("", "dhcp", TAKEN + [(30, OUT, client(3, 8, C)), (30.01, IN, ack(1, 8, C, 5))], 100,
                [(0.01, "add", C, "dhcp", 60.01), (30.01, "renew", C, "dhcp", 35.01), (35.01, "expire", C, "dhcp")]),
    "infinite": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 7, C, 0xFFFFFFFF))], 1e6, [(0.01, "add", C, "dhcp", "infinite")]),
    "release": ("", "dhcp", TAKEN + [(1, OUT, release(1, 9, C))], 0, [(0.01, "add", C, "dhcp", 60.01), (1, "delete", C, "dhcp")]),
    "decline": ("", "dhcp", TAKEN + [(1, OUT, client(4, 9, extra=options((50, bytes([10, 9, 0, 100])))))], 0,
                [(0.01, "add", C, "dhcp", 60.01), (1, "delete", C, "dhcp")]),
    "nak": ("", "dhcp", TAKEN + [(1, OUT, client(3, 8, C)), (1.01, IN, server(6, 8))], 0,
            [(0.01, "add", C, "dhcp", 60.01), (1.01, "delete", C, "dhcp")]),
    "nak nobody asked for": ("", "dhcp", TAKEN + [(1, IN, server(6, 8))], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "nak of a rogue": ("", "dhcp", TAKEN + [(1, OUT, client(3, 8, C)), (1.01, IN, server(6, 8, source="10.9.0.2"))], 0,
                       [(0.01, "add", C, "dhcp", 60.01)]),
    "offer": ("", "dhcp", [(0, OUT, client(1, 7)), (0.01, IN, server(2, 7, C, LEASE))], 0, []),
    "discover without rapid commit": ("", "dhcp", [(0, OUT, client(1, 7)), (0.01, IN, ack(1, 7, C, 60))], 0, []),
    "rapid commit": ("", "dhcp", [(0, OUT, client(1, 7, extra=options((80, b"")))), (0.01, IN, server(5, 7, C, LEASE + options((80, b""))))], 0,
                     [(0.01, "add", C, "dhcp", 60.01)]),
    "another transaction": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 8, C, 60))], 0, []),
    "for another guest": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(2, 7, C, 60))], 0, []),
    "a rogue server": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 7, C, 60, server="10.9.0.2"))], 0, []),
    "any server": ("servers4 -\n", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 7, C, 60, server="10.9.0.2"))], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "forged and sent back to the guest": ("", "dhcp", [TAKEN[0], (0.01, OUT, ack(1, 7, C, 60)), (0.01, IN, ack(1, 7, C, 60)), (0.5, OUT, request(1, 8, C)),
                                                        (0.9, IN, ack(1, 8, C, 60)), (1.02, IN, ack(1, 8, C, 60))], 0, [(1.02, "add", C, "dhcp", 61.02)]),
    "forged from the guest's own MAC": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 7, C, 60, source=G))], 0, []),
    "forged by the guest": ("", "dhcp", [TAKEN[0], (0.01, OUT, ack(1, 7, C, 60))], 0, []),
    "answer too late": ("", "dhcp", [TAKEN[0], (121, IN, ack(1, 7, C, 60))], 0, []),
    "inform": ("", "dhcp", [(0, OUT, client(8, 7, C)), (0.01, IN, server(5, 7))], 0, []),
    "no lease time": ("", "dhcp", [TAKEN[0], (0.01, IN, server(5, 7, C, LEASE[:6]))], 0, []),
    "lease of nothing": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 7, C, 0))], 0, []),
    "two leases": ("", "dhcp", TAKEN + [(1, OUT, request(1, 8, A)), (1.01, IN, ack(1, 8, A, 60))], 0,
                   [(0.01, "add", C, "dhcp", 60.01), (1.01, "add", A, "dhcp", 61.01)]),
    "the gateway's address": ("", "dhcp", [(0, OUT, request(1, 7, SERVER)), (0.01, IN, ack(1, 7, SERVER, 60))], 0, []),
    "bound elsewhere": ("bound-elsewhere " + C + "\n", "dhcp", TAKEN, 0, []),
    "behind a tag": ("", "dhcp", [(t, d, tagged(f)) for t, d, f in TAKEN], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "an answer in another VLAN": ("", "dhcp", [TAKEN[0], (0.01, IN, tagged(TAKEN[1][2]))], 0, []),
    "an answer from another VLAN": ("", "dhcp", [(0, OUT, tagged(TAKEN[0][2])), (0.01, IN, tagged(TAKEN[1][2], 6))], 0, []),
    "a tag of priority alone": ("", "dhcp", [TAKEN[0], (0.01, IN, tagged(TAKEN[1][2], 0xe000))], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "another VLAN beside a lease": ("", "dhcp", TAKEN + [(1, OUT, tagged(request(1, 8, A))), (1.01, IN, tagged(ack(1, 8, A, 60)))], 0,
                                    [(0.01, "add", C, "dhcp", 60.01)]),
    "another VLAN while something is in doubt": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A)), (0.5, IN, tagged(arp(2, OTHER, A, A))),
                                                             (0.6, OUT, tagged(announcement(1, B)))], 2,
                                                 [(0, "tentative", A, "arp"), (1, "add", A, "arp")]),
    "a VLAN, then none": ("", "dhcp", [(t, d, tagged(f)) for t, d, f in TAKEN] + [(1, OUT, request(1, 8, A)), (1.01, IN, ack(1, 8, A, 60)),
                                                                                  (2, OUT, tagged(release(1, 9, C)))], 0,
                          [(0.01, "add", C, "dhcp", 60.01), (1.01, "add", A, "dhcp", 61.01)]),
    "a fragment": ("", "dhcp", [TAKEN[0], (0.01, IN, TAKEN[1][2][:20] + b"\x20" + TAKEN[1][2][21:])], 0, []),
    "cut in every place": ("", "dhcp", [(0.001 * n, IN if n % 2 else OUT, TAKEN[n % 2][2][:n]) for n in range(len(TAKEN[0][2]))], 0, []),
    "silent modes of dhcp": ("", "dhcp", [(0, OUT, announcement(1, A)), (1, OUT, data(1, A)), (2, OUT, dad(1, U))], 9, []),
    "longest lease": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 7, C, 0xFFFFFFFE))], 1e6, [(0.01, "add", C, "dhcp", 4294967294.01)]),
    "longest lease, shortened": ("", "dhcp", [TAKEN[0], (0.01, IN, ack(1, 7, C, 0xFFFFFFFF)), (0.02, IN, ack(1, 7, C, 1))], 2,
                                 [(0.01, "add", C, "dhcp", "infinite"), (0.02, "renew", C, "dhcp", 1.02), (1.02, "expire", C, "dhcp")]),
    "options of IP": ("", "dhcp", [(t, d, with_ip_options(f)) for t, d, f in TAKEN], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "two tags": ("", "dhcp", [(t, d, tagged(tagged(f))) for t, d, f in TAKEN], 0, []),
    "more fragments": ("", "dhcp", [TAKEN[0], (0.01, IN, changed(TAKEN[1][2], 20, 0x20))], 0, []),
    "a later fragment": ("", "dhcp", [TAKEN[0], (0.01, IN, changed(TAKEN[1][2], 21, 1))], 0, []),
    "a header too short": ("", "dhcp", [TAKEN[0], (0.01, IN, changed(TAKEN[1][2], 14, 0x44))], 0, []),
    "a header beyond the frame": ("", "dhcp", [TAKEN[0], (0.01, IN, checksummed(TAKEN[1][2][:17] + b"\x14" + TAKEN[1][2][18:34]))], 0, []),
    "a packet longer than its frame": ("", "dhcp", [TAKEN[0], (0.01, IN, changed(TAKEN[1][2], 16, 0x7F))], 0, []),
    "a datagram longer than its packet": ("", "dhcp", [TAKEN[0], (0.01, IN, changed(TAKEN[1][2], 38, 0x7F))], 0, []),
    "a datagram of nothing": ("", "dhcp", [TAKEN[0], (0.01, IN, changed(changed(TAKEN[1][2], 38, 0), 39, 0))], 0, []),
    "a wrong checksum of UDP": ("", "dhcp", [TAKEN[0], (0.01, IN, changed(TAKEN[1][2], 40, 0x77))], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "padding": ("", "dhcp", [(t, d, f + b"\xff" * 20) for t, d, f in TAKEN], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "options in file": ("", "dhcp", [TAKEN[0], (0.01, IN, overloaded(5, 1, LEASE + b"\xff"))], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "options in sname": ("", "dhcp", [TAKEN[0], (0.01, IN, overloaded(5, 2, LEASE + b"\xff", at=44))], 0, [(0.01, "add", C, "dhcp", 60.01)]),
    "options in a file that is none": ("", "dhcp", [TAKEN[0], (0.01, IN, overloaded(5, 2, LEASE + b"\xff"))], 0, []),
    "a lease in two places": ("", "dhcp", [TAKEN[0], (0.01, IN, overloaded(5, 1, LEASE + b"\xff", LEASE))], 0, []),
    "an option beyond its field": ("", "dhcp", [TAKEN[0], (0.01, IN, overloaded(5, 1, LEASE + b"\x0c\xf0"))], 0, []),
    "two types": ("", "dhcp", [TAKEN[0], (0.01, IN, server(5, 7, C, LEASE + options((53, b"\5"))))], 0, []),
    "an option beyond the message": ("", "dhcp", [TAKEN[0], (0.01, IN, server(5, 7, C, LEASE + b"\x0c\xf0"))], 0, []),
    "answers to others, many": ("", "dhcp", [TAKEN[0]] + [(n / 1e4, IN, ack(2, n, A, 60)) for n in range(1, 500)] + [(0.5, IN, ack(1, 7, C, 60))], 0,
                                [(0.5, "add", C, "dhcp", 60.5)]),
    "taken by another port": ("taken " + C + "\n", "dhcp", TAKEN, 0, []),
    "more leases than places": ("max-ips4 1\n", "dhcp", TAKEN + [(1, OUT, request(1, 8, A)), (1.01, IN, ack(1, 8, A, 60))], 0,
                                [(0.01, "add", C, "dhcp", 60.01), (1.01, "delete", C, "dhcp"), (1.01, "add", A, "dhcp", 61.01)]),
    "more addresses than places": ("max-ips4 1\n", "any", TAKEN + [(1, OUT, announcement(1, A)), (2, OUT, data(1, B))], 0,
                                   [(0.01, "add", C, "dhcp", 60.01)]),
    "ends in the order of the leases": ("", "dhcp", [(0, OUT, request(1, 7, C)), (0.01, IN, ack(1, 7, C, 60)), (1, OUT, request(1, 8, A)),
                                                     (1.01, IN, ack(1, 8, A, 5)), (99, OUT, data(1, B))], 0,
                                        [(0.01, "add", C, "dhcp", 60.01), (1.01, "add", A, "dhcp", 6.01), (6.01, "expire", A, "dhcp"),
                                         (60.01, "expire", C, "dhcp")]),
    # ARP and data
    "a reply from nowhere": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A)), (0.5, IN, arp(2, OTHER, "0.0.0.0", A))], 2,
                             [(0, "tentative", A, "arp"), (1, "add", A, "arp")]),
    "others' arp, much of it": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A))] + [(n / 1e4, IN, arp(1, OTHER, B, C)) for n in range(1, 500)]
                                + [(0.5, IN, arp(2, OTHER, A, A))], 2, [(0, "tentative", A, "arp"), (0.5, "conflict", A, "arp")]),
    "taken while it waits": ("taken " + A + "\n", "any", [(0, OUT, arp(1, G, "0.0.0.0", A))], 2, []),
    "arp of no kind": ("", "any", [(n, OUT, announcement(1, A)[:at] + bytes([v]) + announcement(1, A)[at + 1:])
                                   for n, (at, v) in enumerate(((15, 6), (16, 9), (18, 5), (19, 16), (21, 3), (21, 0)))], 0, []),
    "arp cut in every place": ("", "any", [(n / 10, OUT, announcement(1, A)[:n]) for n in range(42)], 0, []),
    "announcement": ("", "any", [(0, OUT, announcement(1, A))], 0, [(0, "add", A, "arp")]),
    "reply": ("", "any", [(0, OUT, arp(2, G, A, SERVER))], 0, [(0, "add", A, "arp")]),
    "probe": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A))], 2, [(0, "tentative", A, "arp"), (1, "add", A, "arp")]),
    "probe answered": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A)), (0.5, IN, arp(2, OTHER, A, A))], 2,
                       [(0, "tentative", A, "arp"), (0.5, "conflict", A, "arp")]),
    "probe of two": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A)), (0.5, IN, arp(1, OTHER, "0.0.0.0", A))], 2,
                     [(0, "tentative", A, "arp"), (0.5, "conflict", A, "arp")]),
    "probe answered late": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A)), (1.5, IN, arp(2, OTHER, A, A))], 2,
                            [(0, "tentative", A, "arp"), (1, "add", A, "arp"), (1.5, "conflict", A, "arp"), (1.5, "delete", A, "arp")]),
    "used, then contested": ("", "any", [(0, OUT, announcement(1, A)), (1, IN, arp(2, OTHER, A, A))], 2, [(0, "add", A, "arp")]),
    "announced in time": ("", "any", [(0, OUT, arp(1, G, "0.0.0.0", A)), (0.3, OUT, announcement(1, A))], 2,
                          [(0, "tentative", A, "arp"), (0.3, "add", A, "arp")]),
    "foreign sender": ("", "any", [(0, OUT, arp(2, OTHER, A, A, source=G)), (1, OUT, arp(2, G, A, A, source=OTHER))], 0, []),
    "data": ("", "any", [(0, OUT, data(1, A)), (1, OUT, data(1, B))], 0, [(0, "add", A, "data")]),
    "data with room": ("max-ips4 2\n", "any", [(0, OUT, data(1, A)), (1, OUT, data(1, B))], 0, [(0, "add", A, "data"), (1, "add", B, "data")]),
    "dhcp beats data": ("", "any", [(0, OUT, data(1, A)), (1, OUT, request(1, 7, C)), (1.01, IN, ack(1, 7, C, 60)), (2, OUT, data(1, A))], 0,
                        [(0, "add", A, "data"), (1.01, "delete", A, "data"), (1.01, "add", C, "dhcp", 61.01)]),
    "arp beats data": ("", "any", [(0, OUT, data(1, A)), (1, OUT, announcement(1, B))], 0,
                       [(0, "add", A, "data"), (1, "delete", A, "data"), (1, "add", B, "arp")]),
    "idle gives way": ("", "any", [(0, OUT, announcement(1, A)), (301, OUT, announcement(1, B))], 0,
                       [(0, "add", A, "arp"), (301, "delete", A, "arp"), (301, "add", B, "arp")]),
    "never": ("", "any", [(n, OUT, data(1, a)) for n, a in enumerate(("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1",
                                                                      "255.255.255.255", "169.254.1.1", SERVER))], 0, []),
    "link-local allowed": ("allow-linklocal4 yes\n", "any", [(0, OUT, data(1, "169.254.1.1"))], 0, [(0, "add", "169.254.1.1", "data")]),
    "outside the prefix": ("learn-prefix 10.8.0.0/16\n", "any", [(0, OUT, data(1, A))], 0, []),
    "family not wanted": ("families ipv6\n", "any", [(0, OUT, data(1, A))], 0, []),
    "a flood and a lease": ("", "dhcp", [(n / 1e5, OUT, client(1, n)) for n in range(2000)] + [(1, OUT, request(1, 7, C)), (1.01, IN, ack(1, 7, C, 60))],
                            0, [(1.01, "add", C, "dhcp", 61.01)]),
    # IPv6
    "dad": ("", "any", [(0, OUT, dad(1, U))], 2, [(0, "tentative", U, "dad"), (1, "add", U, "dad")]),
    "dad answered": ("", "any", [(0, OUT, dad(1, U)), (0.4, IN, advertisement(OTHER, U))], 2, [(0, "tentative", U, "dad"), (0.4, "conflict", U, "dad")]),
    "dad echoed": ("", "any", [(0, OUT, dad(1, U, b"abcdef")), (0.1, IN, dad(1, U, b"abcdef", sender=OTHER))], 2,
                   [(0, "tentative", U, "dad"), (1, "add", U, "dad")]),
    "dad of two": ("", "any", [(0, OUT, dad(1, U, b"abcdef")), (0.1, IN, dad(1, U, b"ghijkl", sender=OTHER))], 2,
                   [(0, "tentative", U, "dad"), (0.1, "conflict", U, "dad")]),
    "dad from afar": ("", "any", [(0, OUT, dad(1, U, hops=254))], 2, []),
    "advertised prefix": ("", "any", [(0, IN, router(10)), (1, OUT, dad(1, U)), (5, IN, router(10))], 60,
                          [(1, "tentative", U, "dad"), (2, "add", U, "dad", 10), (5, "renew", U, "dad", 15), (15, "expire", U, "dad")]),
    "two hours": ("", "any", [(0, IN, router(9000)), (1, OUT, dad(1, U)), (3, IN, router(10))], 7300,
                  [(1, "tentative", U, "dad"), (2, "add", U, "dad", 9000), (3, "renew", U, "dad", 7203), (7203, "expire", U, "dad")]),
    "two hours of the first word": ("", "any", [(0, OUT, dad(1, U)), (2, IN, router(0))], 7300,
                                    [(0, "tentative", U, "dad"), (1, "add", U, "dad"), (2, "renew", U, "dad", 7202), (7202, "expire", U, "dad")]),
    "a prefix without end": ("", "any", [(0, IN, router(3600)), (0, OUT, dad(1, U)), (2, IN, router(0xFFFFFFFF))], 9999,
                             [(0, "tentative", U, "dad"), (1, "add", U, "dad", 3600), (2, "renew", U, "dad", "infinite")]),
    "a prefix that is over": ("", "any", [(0, IN, router(3)), (5, OUT, dad(1, U))], 99, [(5, "tentative", U, "dad"), (6, "add", U, "dad")]),
    "prefixes of other lengths": ("", "any", [(0, OUT, dad(1, U)), (2, IN, router(9, length=48)), (3, IN, router(9, "::", length=0)),
                                              (4, IN, router(9, length=129))], 99, [(0, "tentative", U, "dad"), (1, "add", U, "dad")]),
    "the link-local prefix": ("", "any", [(0, OUT, dad(1, "fe80::7")), (2, IN, router(9, "fe80::"))], 9999,
                              [(0, "tentative", "fe80::7", "dad"), (1, "add", "fe80::7", "dad")]),
    "a solicited answer to all": ("", "any", [(0, OUT, dad(1, U)), (0.5, IN, advertisement(OTHER, U, 0x60))], 2,
                                  [(0, "tentative", U, "dad"), (1, "add", U, "dad")]),
    "router advertisement of the guest": ("", "any", [(0, OUT, router(10))], 0, []),
    "link-local in mode dhcp": ("", "dhcp", [(0, OUT, dad(1, "fe80::7"))], 2, [(0, "tentative", "fe80::7", "dad"), (1, "add", "fe80::7", "dad")]),
    "lease6": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 60), True))], 100,
               [(0.01, "add", U, "dhcpv6", 60.01), (60.01, "expire", U, "dhcpv6")]),
    "lease6 renumbered": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 60), True)), (1, OUT, dhcp6(5, 6)),
                                       (1.01, IN, dhcp6(7, 6, lease6(V, 60) + lease6(U, 0), True))], 0,
                          [(0.01, "add", U, "dhcpv6", 60.01), (1.01, "delete", U, "dhcpv6"), (1.01, "add", V, "dhcpv6", 61.01)]),
    "lease6 released": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 60), True)), (1, OUT, dhcp6(8, 6, lease6(U, 0)))], 0,
                        [(0.01, "add", U, "dhcpv6", 60.01), (1, "delete", U, "dhcpv6")]),
    "solicit": ("", "dhcp", [(0, OUT, dhcp6(1, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 60), True))], 0, []),
    "solicit with rapid commit": ("", "dhcp", [(0, OUT, dhcp6(1, 5, option6(14, b""))), (0.01, IN, dhcp6(7, 5, option6(14, b"") + lease6(U, 60), True))], 0,
                                  [(0.01, "add", U, "dhcpv6", 60.01)]),
    "lease6 of a rogue": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 60), True, "fe80::bad"))], 0, []),
    "lease6 without a server": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 60), True, server_id=False))], 0, []),
    "lease6 refused": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 60) + option6(13, b"\0\1"), True))], 0, []),
    "lease6 cut in every place": ("", "dhcp", [(0, OUT, dhcp6(3, 5))] + [(n / 10, IN, dhcp6(7, 5, lease6(U, 60), True)[:n]) for n in range(130)], 0, []),
    "lease6 longest": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, IN, dhcp6(7, 5, lease6(U, 0xFFFFFFFE), True))], 0,
                       [(0.01, "add", U, "dhcpv6", 4294967294.01)]),
    "lease6 forged and sent back to the guest": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, OUT, dhcp6(7, 5, lease6(U, 60), True)),
                                                              (0.01, IN, dhcp6(7, 5, lease6(U, 60), True))], 0, []),
    "lease6 forged": ("", "dhcp", [(0, OUT, dhcp6(3, 5)), (0.01, OUT, dhcp6(7, 5, lease6(U, 60), True))], 0, []),
}


def write_capture(folder, frames, start=1000):
    with open(os.path.join(folder, "c.pcap"), "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for t, _, frame in frames:
            ns = start * 10**9 + round(t * 1e9)
            f.write(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(frame), len(frame)) + frame)
    with open(os.path.join(folder, "directions"), "w", encoding="ascii") as f:
        f.write("".join(d for _, d, _ in frames) + "\n")


def replay(program, folder, *words):
    done = subprocess.run([program, "--pcap", os.path.join(folder, "c.pcap"), "--port", os.path.join(folder, "port"), *words],
                          capture_output=True, text=True, timeout=30, check=False)
    return done


def judge(program, folder, case):
    lines, mode, frames, until, wanted = case
    with open(os.path.join(folder, "port"), "w", encoding="ascii") as f:
        f.write("".join(l + "\n" for l in PORT.splitlines() if l.split()[0] not in {x.split()[0] for x in lines.splitlines()}) + lines)
    write_capture(folder, frames)
    first = frames[0][0]
    done = replay(program, folder, "--mode", mode, "--direction", os.path.join(folder, "directions"), "--until", "+%d" % until)
    if done.returncode:
        return "exit %d: %s" % (done.returncode, done.stderr)
    got = []
    for line in done.stdout.splitlines():
        e = json.loads(line)
        if e["event"] != "ignore":
            valid = e.get("valid_until")
            got.append((round(e["time"] + first, 3), e["event"], e["address"], e["evidence"])
                       + (() if valid is None else (valid if valid == "infinite" else round(valid + first, 3),)))
    return "" if got == [(round(w[0], 3),) + w[1:] for w in wanted] else "got %s\n    wanted %s" % (got, wanted)


def broken_input(program, folder):
    """What is wrong with the files of a replay is said, and the status is not 0."""
    judge(program, folder, CASES["lease"])
    path = os.path.join(folder, "directions")
    faults = []
    for text, words in ((">", ["--direction", path]), (">x\n", ["--direction", path]), ("x><\n", ["--direction", path]), ("", ["--direction", path]), (None, ["--direction", "/no/such"]), (None, ["--mode", "some"])):
        if text is not None:
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
        done = replay(program, folder, *words)
        if not done.returncode or "learnd:" not in done.stderr:
            faults.append("%s: status %d, %s" % (words, done.returncode, done.stderr))
    whole = open(os.path.join(folder, "c.pcap"), "rb").read()
    for n in range(0, len(whole), 7): # cut anywhere: no crash
        with open(os.path.join(folder, "c.pcap"), "wb") as f:
            f.write(whole[:n])
        done = replay(program, folder)
        if done.returncode not in (0, 1):
            faults.append("cut at %d: %d" % (n, done.returncode))
    return "\n    ".join(faults)


def judge_plain(program, folder, fault_of, *words):
    done = replay(program, folder, "--mode", "dhcp", *words)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    got = [(round(e["time"], 3), e["event"], round(e.get("valid_until", 0), 3)) for e in events]
    return "" if not done.returncode and got == [(0.01, "add", 60.01)] else "%s: status %d, %s" % (fault_of, done.returncode, got)


def other_times(program, folder):
    """Of a capture only the time between its frames counts; their order is their order."""
    faults = [judge(program, folder, CASES["lease"])]
    for start in (0, 1, 2**31 - 1, 2**32 - 10):
        write_capture(folder, TAKEN, start)
        faults.append(judge_plain(program, folder, "from %d" % start, "--direction", os.path.join(folder, "directions")))
    write_capture(folder, TAKEN + [(-5, OUT, data(1, A))], 1000)
    faults.append(judge_plain(program, folder, "back in time", "--direction", os.path.join(folder, "directions")))
    return "\n    ".join(filter(None, faults))


def by_source(program, folder):
    """Without directions the guest's MAC as the source says that it is from the guest."""
    fault = judge(program, folder, CASES["lease"]) or judge_plain(program, folder, "by source")
    write_capture(folder, [TAKEN[0], (0.01, OUT, G + G + TAKEN[1][2][12:])])
    done = replay(program, folder, "--mode", "dhcp")
    return fault or ("forged: " + done.stdout if done.stdout else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learnd", required=True)
    program = parser.parse_args().learnd
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        others = {"broken input": broken_input, "other times": other_times, "directions by the source": by_source}
        for name, case in list(CASES.items()) + list(others.items()):
            fault = case(program, folder) if name in others else judge(program, folder, case)
            passed += not fault
            failed += bool(fault)
            if fault:
                print("FAIL %s\n    %s" % (name, fault))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


sys.exit(main())
