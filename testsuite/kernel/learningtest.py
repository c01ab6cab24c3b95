#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the stand-in filters of a port without known addresses must let through, and must not.

A list of packets by hand, decided by the reference evaluator; no kernel.  What a guest needs to get
and to claim addresses passes, nothing else does, in either direction.

    learningtest.py
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import frames as F          # noqa: E402
import packets as P         # noqa: E402
import refsem as R          # noqa: E402

STOCK = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "examples", "filters")
SERVER, OTHER_SERVER = "192.168.122.20", "192.168.122.77"
SERVERS = {"DHCPSERVER": [SERVER, "192.168.122.1"], "DHCPSERVERV6": [F.addr_text(F.link_local(F.mac(P.PEER_MAC))), "fe80::1"]}
ROUTERS, NODES, REPORTS = F.addr("ff02::2"), F.addr("ff02::1"), F.addr("ff02::16")
DHCP6 = F.addr("ff02::1:2")


class Port:
    def __init__(self, **scope):
        self.name, self.mac = "vnet0", "52:54:00:aa:bb:cc"
        self.scope = dict({"MAC": [self.mac]}, **scope)


def packets(world):
    """name: (path, spec)"""
    w, me = world, world.guest_mac
    any4, guest = P.ANY4, w.guest4
    dhcp = dict(saddr=any4, daddr=P.ALL4, dmac=P.BROADCAST, sport=68, dport=67)
    six = dict(kind="ip6", proto=F.ICMP6, saddr=w.guest_ll)
    return {
        "dhcp discover": ("out", dhcp),
        "dhcp renew": ("out", dict(saddr=guest, sport=68, dport=67)),
        "dhcp discover, forged mac": ("out", dict(dhcp, smac=P.OTHER_MAC)),
        "dhcp as a server": ("out", dict(sport=67, dport=68)),
        "udp": ("out", dict(saddr=guest, dport=53)),
        "udp from nowhere": ("out", dict(saddr=any4, dport=53)),
        "tcp": ("out", dict(proto=F.TCP, saddr=guest)),
        "arp probe": ("out", dict(kind="arp", spa=any4, tpa=guest, dmac=P.BROADCAST)),
        "arp announcement": ("out", dict(kind="arp", spa=guest, tpa=guest, dmac=P.BROADCAST)),
        "arp probe, forged mac": ("out", dict(kind="arp", spa=any4, tpa=guest, smac=P.OTHER_MAC)),
        "arp probe, forged inside": ("out", dict(kind="arp", spa=any4, tpa=guest, sha=P.OTHER_MAC)),
        "arp request": ("out", dict(kind="arp", spa=guest, tpa=w.peer4)),
        "arp reply": ("out", dict(kind="arp", op=2, spa=guest, tpa=w.peer4, tha=w.peer_mac)),
        "router solicitation": ("out", dict(six, icmp=(133, 0), daddr=ROUTERS)),
        "duplicate address detection": ("out", dict(six, icmp=(135, 0), saddr=P.ANY6, daddr=F.addr("ff02::1:ff00:10"))),
        "multicast report": ("out", dict(six, icmp=(143, 0), daddr=REPORTS)),
        "dhcpv6 solicit": ("out", dict(kind="ip6", saddr=w.guest_ll, daddr=DHCP6, sport=546, dport=547)),
        "router solicitation, forged mac": ("out", dict(six, icmp=(133, 0), daddr=ROUTERS, smac=P.OTHER_MAC)),
        "router advertisement": ("out", dict(six, icmp=(134, 0), daddr=NODES)),
        "neighbour advertisement": ("out", dict(six, icmp=(136, 0), daddr=NODES)),
        "echo request 6": ("out", dict(six, icmp=(128, 0))),
        "udp 6": ("out", dict(kind="ip6", saddr=w.guest6, dport=53)),
        "dhcpv6 as a server": ("out", dict(kind="ip6", saddr=w.guest_ll, sport=547, dport=546)),
        "vlan": ("out", dict(kind="vlan")),
        "other": ("out", dict(kind="other", ethertype=0x88B5, smac=me)),
        "rarp": ("out", dict(kind="rarp", op=3)),
        "dhcp offer": ("in", dict(saddr=F.addr(SERVER), sport=67, dport=68)),
        "dhcp offer, broadcast": ("in", dict(saddr=F.addr(SERVER), daddr=P.ALL4, dmac=P.BROADCAST, sport=67, dport=68)),
        "dhcp offer of another": ("in", dict(saddr=F.addr(OTHER_SERVER), sport=67, dport=68)),
        "tcp in": ("in", dict(proto=F.TCP, dport=22)),
        "udp in": ("in", dict(dport=68)),
        "arp in": ("in", dict(kind="arp", op=2)),
        "router advertisement in": ("in", dict(six, icmp=(134, 0), saddr=w.peer_ll, daddr=NODES)),
        "neighbour advertisement in": ("in", dict(six, icmp=(136, 0), saddr=w.peer_ll, daddr=NODES)),
        "dhcpv6 reply in": ("in", dict(kind="ip6", saddr=w.peer_ll, daddr=w.guest_ll, sport=547, dport=546)),
        "tcp 6 in": ("in", dict(kind="ip6", proto=F.TCP, dport=22)),
        "other in": ("in", dict(kind="other", ethertype=0x88B5)),
    }


DHCP4 = {"dhcp discover", "dhcp renew", "dhcp offer", "dhcp offer, broadcast"}
ARP = {"arp probe", "arp announcement", "arp in"}
ND = {"router solicitation", "duplicate address detection", "multicast report", "router advertisement in",
      "neighbour advertisement in"}
DHCP6_ALL = {"dhcpv6 solicit", "dhcpv6 reply in"}
ANY_SERVER = {"dhcp offer of another"}

# filter: (what passes, what is left open)
SETS = {
    "learn-any": (DHCP4 | ARP | ANY_SERVER, set()),
    "learn-dhcp": (DHCP4 | ANY_SERVER, ARP),
    "learn-dhcp-server": (DHCP4, ARP),
    "learn-any-ipv6": (ND | DHCP6_ALL, DHCP4 | ARP | ANY_SERVER),
    "learn-dhcp-ipv6": (DHCP6_ALL, DHCP4 | ARP | ANY_SERVER | ND),
    "learn-any-dual": (DHCP4 | ARP | ANY_SERVER | ND | DHCP6_ALL, set()),
    "learn-dhcp-dual": (DHCP4 | ANY_SERVER | DHCP6_ALL, ARP | ND),
    "learn-dhcp-ipv6-server": (DHCP6_ALL, DHCP4 | ARP | ANY_SERVER | ND),
    "learn-dhcp-dual-server": (DHCP4 | DHCP6_ALL, ARP | ND),
    "learn-dhcp-dual-server4": (DHCP4 | DHCP6_ALL, ARP | ND),
    "learn-dhcp-dual-server6": (DHCP4 | ANY_SERVER | DHCP6_ALL, ARP | ND),
}


def verdicts(filters, name, scope):
    port = Port(**scope)
    port.filter = name
    reference = R.Reference(filters, port)
    world = P.World(port)
    traffic = P.Traffic(world, reference)
    for label, (path, spec) in packets(world).items():
        traffic.add(path, label, **spec)
    return {p.name: reference.bridge_verdict(p.decoded, p.direction)[0] for p in traffic.packets}


def main():
    filters = R.read_filters([STOCK])
    passed, failed = 0, 0
    for name, (wanted, open_) in SETS.items():
        scope = dict(SERVERS) if "server" in name else {}
        try:
            found = verdicts(filters, name, scope)
        except R.FilterError as e:
            print("FAIL  %s: %s" % (name, e))
            failed += 1
            continue
        wrong = [label for label, verdict in found.items()
                 if label not in open_ and (verdict == R.PASS) != (label in wanted)]
        for label in wrong:
            print("FAIL  %s: %s: %s" % (name, label, found[label]))
        failed += bool(wrong)
        passed += not wrong
    print("learning sets: %d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
