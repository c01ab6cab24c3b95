#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stock filter for both families, clean-traffic-dual, frame by frame in both kinds of targets.

dual.py --nwfc FILE
"""
import argparse
import os
import struct
import sys

from frames import (SERVER, SERVER_MAC, ack, advertisement, announcement, arp, dad, data, dhcp6, ip6, mac, release, request, router, tagged, udp)
from lab import Lab, enter, run

G, OTHER = mac(1), mac(2)
LL, U, V = "fe80::5054:ff:fea1:1", "fd09::55", "fd09::56"
ROUTER = "fe80::5054:ff:feb0:1"
ALL, ALL_MAC = "ff02::1", bytes.fromhex("333300000001")
IPV6 = b"\x86\xdd"


def icmpv6(kind, source, target=ALL, body=bytes(4), to=ALL_MAC, sender=G, headers=()):
    message, following = bytes([kind, 0, 0, 0]) + body, 58
    for header in reversed(headers):
        message, following = bytes([following, 0]) + bytes(6) + message, header
    return to + sender + IPV6 + ip6(source, target, following, message)


def udp6(source, sport, target, dport, to=SERVER_MAC):
    return to + G + IPV6 + ip6(source, target, 17, struct.pack(">HHHH", sport, dport, 12, 0) + b"data", 64)


def arp_from(sender, operation=1):
    return arp(operation, G, sender, SERVER, to=SERVER_MAC if operation == 2 else b"\xff" * 6)


PASS, DROP = True, False
# What the guest sends while all its addresses are known.
KNOWN = (
    ("DHCP request", request(1, 7, "10.9.0.50"), PASS),
    ("DHCP renewal", release(1, 7, "10.9.0.50"), PASS),
    ("ARP probe", arp(1, G, "0.0.0.0", "10.9.0.60"), PASS),
    ("ARP announcement", announcement(1, "10.9.0.50"), PASS),
    ("ARP request", arp_from("10.9.0.51"), PASS),
    ("ARP reply", arp_from("10.9.0.51", 2), PASS),
    ("IPv4 of the first address", data(1, "10.9.0.50"), PASS),
    ("IPv4 of the second address", data(1, "10.9.0.51"), PASS),
    ("IPv6 of the first address", udp6(U, 1000, "fd09::1", 1000), PASS),
    ("IPv6 of the second address", udp6(V, 1000, "fd09::1", 1000), PASS),
    ("IPv6 of the link-local address", udp6(LL, 1000, ROUTER, 1000), PASS),
    ("DAD with nonce", dad(1, "fd09::77", b"abcdef"), PASS),
    ("DAD without nonce", dad(1, "fd09::77"), PASS),
    ("router solicitation", icmpv6(133, LL, "ff02::2"), PASS),
    ("MLD report from ::", icmpv6(143, "::", "ff02::16", headers=(0,)), PASS),
    ("MLD report", icmpv6(143, LL, "ff02::16", headers=(0,)), PASS),
    ("advertisement of its own", advertisement(G, U), PASS),
    ("echo request", icmpv6(128, U, "fd09::1"), PASS),
    ("DHCPv6", dhcp6(1, 5), PASS),
    ("foreign MAC", data(1, "10.9.0.50", OTHER), DROP),
    ("foreign IPv4", data(1, "10.9.0.52"), DROP),
    ("IPv4 of the server", data(1, SERVER), DROP),
    ("foreign ARP sender", arp_from("10.9.0.52"), DROP),
    ("ARP of the server's address", arp_from(SERVER, 2), DROP),
    ("ARP of a foreign MAC", arp(2, OTHER, "10.9.0.50", SERVER, source=G), DROP),
    ("foreign IPv6", udp6("fd09::57", 1000, "fd09::1", 1000), DROP),
    ("IPv6 from ::", udp6("::", 1000, "fd09::1", 1000), DROP),
    ("foreign link-local IPv6", udp6("fe80::1", 1000, ROUTER, 1000), DROP),
    ("advertisement from a foreign address", advertisement(G, "fd09::57"), DROP),
    ("advertisement of the router's address", advertisement(G, ROUTER), DROP),
    ("advertisement of a foreign MAC", advertisement(OTHER, U), DROP),
    ("router advertisement", ALL_MAC + G + router(60, source=LL)[12:], DROP),
    ("router advertisement behind a hop-by-hop header", icmpv6(134, LL, headers=(0,)), DROP),
    ("router advertisement behind destination options", icmpv6(134, LL, headers=(60,)), DROP),
    ("redirect", icmpv6(137, LL, body=bytes(36)), DROP),
    ("DHCP server", SERVER_MAC + G + b"\x08\x00" + udp("10.9.0.50", 67, "10.9.0.60", 68, b"x" * 250), DROP),
    ("DHCP server from another port", SERVER_MAC + G + b"\x08\x00" + udp("10.9.0.50", 4000, "10.9.0.60", 68, b"x" * 250), DROP),
    ("DHCPv6 server", udp6(LL, 547, "fe80::7", 546), DROP),
    ("another protocol", SERVER_MAC + G + b"\x88\xb5" + bytes(46), DROP),
    ("behind a tag", tagged(data(1, "10.9.0.50")), DROP),
)
# While nothing is known of IPv6: $IPV6 is ::.
UNKNOWN6 = (
    ("DAD of the link-local address", dad(1, LL), PASS),
    ("router solicitation", icmpv6(133, LL, "ff02::2"), PASS),
    ("router solicitation from ::", icmpv6(133, "::", "ff02::2"), PASS),
    ("MLD report", icmpv6(143, LL, "ff02::16", headers=(0,)), PASS),
    ("DHCPv6", dhcp6(1, 5), PASS),
    ("data of the link-local address", udp6(LL, 1000, ROUTER, 1000), DROP),
    ("data of an address", udp6(U, 1000, "fd09::1", 1000), DROP),
    ("IPv4", data(1, "10.9.0.50"), PASS),
)
# What the guest gets.
INCOMING = (
    ("DHCP answer", ack(1, 7, "10.9.0.50", 60), PASS),
    ("DHCPv6 answer", dhcp6(7, 5, answer=True), PASS),
    ("router advertisement", router(60), PASS),
    ("advertisement", advertisement(SERVER_MAC, "fd09::1"), PASS),
    ("ARP request", arp(1, SERVER_MAC, SERVER, "10.9.0.50"), PASS),
    ("IPv4", G + SERVER_MAC + b"\x08\x00" + udp(SERVER, 1000, "10.9.0.50", 1000, b"x" * 20), PASS),
    ("another protocol", G + SERVER_MAC + b"\x88\xb5" + bytes(46), DROP),
)


def load(target, addresses6):
    words = [ARGS.nwfc, "compile", "-q", "-t", target, "-o", "rules", "--port", "vnet1", "--mac", G.hex(":"), "--filter", "clean-traffic-dual",
             "-D", "IP=10.9.0.50", "-D", "IP=10.9.0.51"]
    for address in addresses6:
        words += ["-D", "IPV6=" + address]
    run(*words)
    run("nft", "flush", "ruleset")
    if target == "nft":
        run("nft", "-f", "rules")
    else:
        run("sh", "rules", env={**os.environ, "NWFC_LOCK": "", "NWFC_ASSUME_BR_NETFILTER": "1"})


def inside():
    lab, passed, failed = Lab(("vnet1", "g1", G), ("srv", "s0", SERVER_MAC)), 0, 0
    for target in ("nft", "xtables"):
        for what, addresses6, frames, ends in (("sends", (LL, U, V), KNOWN, ("g1", "s0")), ("sends, IPv6 unknown", ("::",), UNKNOWN6, ("g1", "s0")),
                                               ("gets", (LL, U, V), INCOMING, ("s0", "g1"))):
            load(target, addresses6)
            for name, frame, wanted in frames:
                if lab.passes(frame, *ends, seconds=0.08) == wanted:
                    passed += 1
                else:
                    failed += 1
                    print(f"FAIL {target}: the guest {what}: {name} {'is dropped' if wanted else 'passes'}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


PARSER = argparse.ArgumentParser()
PARSER.add_argument("--nwfc", type=os.path.abspath)
PARSER.add_argument("--inside", action="store_true")
ARGS = PARSER.parse_args()
sys.exit(enter(inside, ARGS.inside))
