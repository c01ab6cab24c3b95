# SPDX-License-Identifier: MIT
"""What a packet costs on a bridge that nwfc's nft script guards.

        guest g0 ---- vnet0 -+- br0 -+- uplink ---- p0 peer
        others oN --- vnetN -+

Each case has namespaces of its own and all are there at once, so that their runs alternate.  The
sender's CPU time is the figure: with virtual devices the whole way runs in its context.
"""
import ctypes
import json
import os
import statistics
import struct
import subprocess
import sys

import generate

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kernel"))
import frames as F              # noqa: E402 (the path comes first)
import lab                      # noqa: E402

PORTS, VALUES, FLOWS, ROUNDS = 2000, 10000, 64, 11
FORWARDED, FLOODED = 40000, (1, 10, 100)
GUEST_MAC, PEER_MAC = F.mac(generate.mac(0)), F.mac("02:00:00:00:00:99")
BROADCAST = b"\xff" * 6


class Bridge:
    """`ports` guests and an uplink; script is what nft loads, None for bridging alone."""

    def __init__(self, ports, script):
        self.guests, self.peer, self.host = lab.new_net(), lab.new_net(), lab.new_net()
        for space in (self.guests, self.peer, self.host):
            self.enter(space)
            lab.sysctl("net/ipv6/conf/all/disable_ipv6", 1)
            lab.sysctl("net/ipv6/conf/default/disable_ipv6", 1)
        here = "/proc/%d/fd/" % os.getpid()
        pairs = [("vnet%d" % i, "g%d" % i, self.guests, generate.mac(i)) for i in range(ports)]
        pairs.append(("uplink", "p0", self.peer, F.mac_text(PEER_MAC)))
        lines = ["link add br0 type bridge stp_state 0 mcast_snooping 0 forward_delay 0"]
        for near, far, space, mac in pairs:
            lines += ["link add %s type veth peer name %s address %s netns %s%d" % (near, far, mac, here, space),
                      "link set %s master br0" % near, "link set %s up" % near]
        lab.must(["ip", "-batch", "-"], "\n".join(lines + ["link set br0 up"]) + "\n")
        lab.must(["bridge", "-batch", "-"], "".join("fdb replace %s dev %s master static\n" % (mac, near)
                                                    for near, _, _, mac in pairs))
        for name in ("iptables", "ip6tables", "arptables"):
            lab.sysctl("net/bridge/bridge-nf-call-" + name, 0)
        if script:
            lab.must(["nft", "-f", script])
        for space in (self.guests, self.peer):
            self.enter(space)
            up = ["link set %s up arp off" % far for _, far, where, _ in pairs if where == space]
            lab.must(["ip", "-batch", "-"], "\n".join(up) + "\n")
        self.enter(self.host)

    @staticmethod
    def enter(space):
        if lab.libc.setns(space, lab.CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def send(self, tool, space, device, frames, count, cpu):
        """ns a frame; FRAMES as frames.c wants them."""
        text = b"".join(struct.pack("!H", len(f)) + f for f in frames)
        done = subprocess.run([tool, device, str(count), str(cpu)], input=text, stdout=subprocess.PIPE, check=True,
                              preexec_fn=lambda: self.enter(space))
        sent, ns = done.stdout.split()
        return int(sent), float(ns)

    def received(self, space):
        """Packets that all devices of the namespace have got."""
        self.enter(space)
        try:
            links = json.loads(lab.must(["ip", "-s", "-j", "link", "show"]))
        finally:
            self.enter(self.host)
        return sum(link["stats64"]["rx"]["packets"] for link in links if link["ifname"] != "lo")

    def cost(self, tool, sender, receiver, device, frames, count, copies, cpu):
        """ns a frame; every copy must have arrived, else it was not forwarding that was measured."""
        before = self.received(receiver)
        sent, ns = self.send(tool, sender, device, frames, count, cpu)
        arrived = self.received(receiver) - before
        if arrived != sent * copies:
            raise RuntimeError("%d of %d copies arrived" % (arrived, sent * copies))
        return ns


def udp_frame(dst_mac, src_mac, src, dst, ports):
    packet = F.ip4(F.addr(src), F.addr(dst), F.UDP, F.udp(F.addr(src), F.addr(dst), *ports, b"x" * 18))
    return F.ethernet(dst_mac, src_mac, F.ETH_IP, packet)


def from_guest(addresses):
    return [udp_frame(PEER_MAC, GUEST_MAC, addresses[k % len(addresses)], "10.200.0.1", (5000 + k, 53))
            for k in range(FLOWS)]


def to_all():
    return [udp_frame(BROADCAST, PEER_MAC, "10.200.0.1", "255.255.255.255", (5000 + k, 67)) for k in range(FLOWS)]


def spoofed_are_dropped(b, bridge):
    """Rules that let everything pass would be fast, too."""
    before = bridge.received(bridge.peer)
    bridge.send(b.tool("frames"), bridge.guests, "g0", from_guest(["192.0.2.66"]), 640, 0)
    arrived = bridge.received(bridge.peer) - before
    if arrived:
        raise RuntimeError("%d spoofed packets arrived" % arrived)


def alternate(cases, measure_one):
    """The median of each case over the rounds."""
    figures = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            figures[name].append(measure_one(name, case))
    return {name: statistics.median(values) for name, values in figures.items()}


def forwarding(b, cpu, scripts):
    bridges = {name: Bridge(1, script) for name, script in scripts.items()}
    many = generate.addresses_of(0, VALUES)
    frames = {name: from_guest(many[::VALUES // FLOWS] if name == "values" else many[:1]) for name in bridges}
    for name, bridge in bridges.items():
        if scripts[name]:
            spoofed_are_dropped(b, bridge)

    def one(name, bridge):
        return bridge.cost(b.tool("frames"), bridge.guests, bridge.peer, "g0", frames[name], FORWARDED, 1, cpu)

    ns = alternate(bridges, one)
    row = b.table.row
    row("a packet, 1 port with 1 value; no filter", ns["one"], ns["bare"], "ns")
    row("a packet, %d ports; 1 port with 1 value" % PORTS, ns["ports"], ns["one"], "ns", 1.25)
    row("a packet, 1 port with %d values; 1 port with 1" % VALUES, ns["values"], ns["one"], "ns", 1.25)


def flooding(b, cpu, script):
    cases = {(n, s is not None): Bridge(n, s) for n in FLOODED for s in (None, script)}
    frames = to_all()

    def one(name, bridge):
        n, _ = name
        return bridge.cost(b.tool("frames"), bridge.peer, bridge.guests, "p0", frames, max(320, FORWARDED // n // 4), n, cpu)

    ns = alternate(cases, one)
    added = {n: (ns[n, True] - ns[n, False]) / n for n in FLOODED}
    for n in FLOODED:
        b.table.row("a flooded frame, each of %d filtered copies; no filter" % n, ns[n, True] / n, ns[n, False] / n, "ns")
    for n in FLOODED[1:]:
        b.table.row("what filtering adds to each of %d copies; to one" % n, added[n], added[1], "ns", 1.25)


def measure(b):
    b.table.head("packets  CPU time on the bridge, %d ports loaded where not said otherwise" % PORTS)
    if not b.can_load:
        b.table.line("  SKIP packets: %s" % b.why_not)
        return
    generate.ports(b.path("guests"), PORTS)
    generate.port_file(b.path("one-value"), "vnet0", 1)
    generate.port_file(b.path("many-values"), "vnet0", VALUES)
    scripts = {"bare": None,
               "one": b.output("one-value.nft", "-t", "nft", b.path("one-value")),
               "ports": b.output("guests.nft", "-t", "nft", b.path("guests")),
               "values": b.output("many-values.nft", "-t", "nft", b.path("many-values"))}
    cpu = max(os.sched_getaffinity(0))
    forwarding(b, cpu, scripts)
    flooding(b, cpu, scripts["ports"])
