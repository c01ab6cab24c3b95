# SPDX-License-Identifier: MIT
"""The test traffic of one port: fixed sections, then packets aimed at each rule of its filter.

A packet is described by a spec, a dict of the fields that matter; what it leaves open gets the right
value for its direction.  Fixed sections walk every protocol of the filter language with right and
forged values.  Aimed packets come from the rules: one that meets every condition of a rule, then
one for each boundary of each condition, so a bound off by one, a lost sign or a lost condition is
always asked for by some packet.  Sequences open a connection from either side and carry it on
whatever became of the earlier steps.

Paths: out (guest to its port), in (another port of the bridge to the guest), host (made by the
host for the guest), routed (from outside, forwarded by the host to the guest).
"""
import ipaddress
import random
import struct

import aim as A
import conntrack
import frames as F
import refsem as R

PEER_MAC = "52:54:00:11:22:33"
OTHER_MAC = F.mac("52:54:00:de:ad:01")
BROADCAST, MCAST4, MCAST6 = b"\xff" * 6, F.mac("01:00:5e:00:00:fb"), F.mac("33:33:00:00:00:01")
OUTSIDE4, OUTSIDE6 = F.addr("198.51.100.7"), F.addr("2001:db8:ffff::7")
ANY4, ANY6, ALL4, ALLNODES = F.addr("0.0.0.0"), F.addr("::"), F.addr("255.255.255.255"), F.addr("ff02::1")


class World:
    """Who is who in the lab; the guest's addresses are those its parameters name."""

    def __init__(self, port):
        self.port = port
        self.guest_mac = F.mac(port.mac)
        taken = self.guest_mac
        self.peer_mac, self.host_mac = (next(m for m in map(F.mac, pair) if m != taken) for pair in (
            (PEER_MAC, "52:54:00:11:22:44"), ("52:54:00:00:00:01", "52:54:00:00:00:02")))
        listed = [ipaddress.ip_address(v) for n in ("IP", "IPV6") for v in port.scope.get(n, ()) if usable(v)]
        four = [a for a in listed if a.version == 4] or [ipaddress.ip_address("192.168.122.10")]
        six = [a for a in listed if a.version == 6 and not a.is_link_local] or [ipaddress.ip_address("fd00:122::10")]
        self.guest4, self.guest6 = four[0].packed, six[0].packed
        self.more = [a.packed for a in listed[:6] if a.packed not in (self.guest4, self.guest6)]
        taken = {a.packed for a in listed}
        self.host4, self.peer4, self.spoof4 = neighbours(four[0], 24, (1, 20, 77), taken)
        self.host6, self.peer6, self.spoof6 = neighbours(six[0], 64, (1, 0x20, 0x77), taken)
        self.guest_ll, self.peer_ll = F.link_local(self.guest_mac), F.link_local(self.peer_mac)
        self.host_ll, self.spoof_ll = F.link_local(self.host_mac), F.link_local(OTHER_MAC)
        self.near_mac = self.guest_mac[:5] + bytes([self.guest_mac[5] ^ 1])

    def own(self, path):
        """(address, mac) pairs which the sender of a path has a right to, and where answers find it."""
        w = self
        if path == "out":
            return {(a, w.guest_mac) for a in [w.guest4, w.guest6, w.guest_ll] + w.more}
        return {(a, w.peer_mac) for a in (w.peer4, w.peer6, w.peer_ll)} if path == "in" else set()

    def ends(self, path):
        """Right (mac, v4, v6) of sender and receiver on a path."""
        guest, peer = (self.guest_mac, self.guest4, self.guest6), (self.peer_mac, self.peer4, self.peer6)
        if path == "out":
            return guest, peer
        if path == "in":
            return peer, guest
        if path == "host":
            return (self.host_mac, self.host4, self.host6), guest
        return (self.host_mac, OUTSIDE4, OUTSIDE6), guest


def usable(text):
    try:
        a = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (a.is_multicast or a.is_unspecified or a.is_loopback or (a.version == 4 and int(a) >> 28 == 15))


def neighbours(address, length, offsets, taken):
    """Free addresses of the same subnet, at or after the given places."""
    net = ipaddress.ip_network("%s/%d" % (address, length), strict=False)
    found = []
    for offset in offsets:
        raw = (net.network_address + offset).packed
        while raw in taken or raw in found:
            offset += 1
            raw = (net.network_address + offset).packed
        found.append(raw)
    return found


class Packet:
    __slots__ = ("id", "path", "frame", "name", "decoded", "seq", "step", "batch", "key", "slow", "fair")

    def __init__(self, number, path, frame, name, seq=None, step=0):
        self.id, self.path, self.frame, self.name, self.seq, self.step = number, path, frame, name, seq, step
        self.decoded = F.Decoded(frame)
        self.key = conntrack.flow_key(self.decoded)
        self.batch, self.slow, self.fair = 0, False, False

    @property
    def direction(self):
        return R.OUT if self.path == "out" else R.IN


class Traffic:
    def __init__(self, world, reference, others=()):
        # others: references of ports whose values must mean nothing for this one
        self.world, self.reference, self.others = world, reference, others
        self.packets, self.sequences, self.seen = [], 0, set()

    # ---------------------------------------------------------- from spec to frame

    def add(self, path, name, seq=None, step=0, **spec):
        number = len(self.packets)
        frame = self.build(path, number, spec)
        if frame is None:
            return
        assert F.tag_in(frame) == number, name
        if seq is None:
            twin = (path, frame.replace(F.tag(number), b""), name)
            if twin in self.seen:
                return
            self.seen.add(twin)
        packet = Packet(number, path, frame, name, seq, step)
        packet.fair = (packet.decoded.saddr, packet.decoded.src) in self.world.own(path)
        self.packets.append(packet)

    def both(self, name, **spec):
        self.add("out", name, **spec)
        self.add("in", name, **spec)

    def build(self, path, number, spec):
        (smac, s4, s6), (dmac, d4, d6) = self.world.ends(path)
        spec = dict(spec)
        smac, dmac = spec.get("smac", smac), spec.get("dmac", dmac)
        kind, tag = spec.get("kind", "ip4"), F.tag(number)
        if kind in ("ip4", "ip6"):
            spec.setdefault("saddr", s4 if kind == "ip4" else s6)
            spec.setdefault("daddr", d4 if kind == "ip4" else d6)
            body = self.ip(number, kind, spec)
            return F.ethernet(dmac, smac, spec.get("ethertype", F.ETH_IP if kind == "ip4" else F.ETH_IP6), body)
        if kind in ("arp", "rarp"):
            return F.ethernet(dmac, smac, F.ETH_ARP if kind == "arp" else F.ETH_RARP,
                              self.arp(spec, smac, s4, d4).ljust(28, b"\0") + tag)
        if kind == "vlan":
            inner = dict(spec, kind=spec.get("inner", "ip4"), smac=smac, dmac=dmac)
            frame = self.build(path, number, inner)
            body = F.vlan(spec.get("vid", 5), spec.get("encap", struct.unpack_from("!H", frame, 12)[0]), frame[14:],
                          spec.get("pcp", 0))
            if "outer_vid" in spec:
                body = F.vlan(spec["outer_vid"], F.ETH_VLAN, body)
            return F.ethernet(dmac, smac, spec.get("tpid", F.ETH_VLAN), body)
        if kind == "stp":
            return F.llc(spec.get("dmac", F.BRIDGE_GROUP), smac, F.bpdu(**spec.get("bpdu", {})) + tag)
        if kind == "llc":
            return F.llc(dmac, smac, b"\xf0\xf0\x03" + tag)
        return F.ethernet(dmac, smac, spec["ethertype"], tag)

    @staticmethod
    def arp(spec, smac, s4, d4):
        body = F.arp(spec.get("op", 1), spec.get("sha", smac), spec.get("spa", s4), spec.get("tha", bytes(6)),
                     spec.get("tpa", d4), spec.get("htype", 1), spec.get("ptype", F.ETH_IP), spec.get("hlen"),
                     spec.get("plen"))
        return body

    def ip(self, number, kind, spec):
        src, dst = spec["saddr"], spec["daddr"]
        proto = spec.get("proto", F.UDP)
        seg = spec.get("payload") or self.segment(number, proto, src, dst, spec)
        if len(src) == 4:
            return F.ip4(src, dst, proto, seg, tos=spec.get("tos", 0), ident=number & 0xFFFF or 1,
                         more=spec.get("more", False), offset=spec.get("offset", 0), options=spec.get("ipopt", b""),
                         bad_sum=spec.get("bad_sum", False))
        for ext in reversed(spec.get("ext", ())):
            seg, proto = ext(proto, number) + seg, EXTENSION_NUMBER[ext]
        hops = 255 if spec.get("icmp", (0,))[0] in range(133, 138) else 64
        return F.ip6(src, dst, proto, seg, tclass=spec.get("tos", 0), hops=hops)

    def segment(self, number, proto, src, dst, spec):
        tag = F.tag(number)
        sport = spec.get("sport", 20000 + number % 12000)
        dport = spec.get("dport", 7777)
        if spec.get("offset"):
            return bytes(8) + tag
        if proto == F.TCP:
            flags = spec.get("flags", F.SYN)
            return F.tcp(src, dst, sport, dport, flags, spec.get("seqno", 1000 + number * 4096 & 0xFFFFFFFF),
                         spec.get("ackno", 1 if flags & F.ACK else 0), tag, spec.get("tcpopt", b""))
        if proto == F.UDP:
            return F.udp(src, dst, sport, dport, tag)
        if proto == F.UDPLITE:
            return F.udplite(src, dst, sport, dport, tag)
        if proto == F.DCCP:
            return F.dccp(sport, dport, tag)
        if proto == F.SCTP:
            return F.sctp(sport, dport, spec.get("vtag", 0), spec.get("chunk", lambda t: F.sctp_init(1, 7, t))(tag))
        if proto == F.ICMP or proto == F.ICMP6:
            return self.icmp(number, proto, src, dst, spec)
        if proto == F.IGMP:
            return F.igmp(spec.get("igmp", 0x16), F.addr("224.0.0.251"), tag)
        if proto == F.AH:
            return F.auth6(F.NONXT, 0x1000 + number) + tag
        if proto == F.ESP:
            return struct.pack("!II", 0x1000 + number, 1) + tag + bytes(8)
        return tag + bytes(12)

    def icmp(self, number, proto, src, dst, spec):
        tag = F.tag(number)
        kind, code = spec.get("icmp", (8 if proto == F.ICMP else 128, 0))
        ident = spec.get("ident", number & 0xFFFF)
        errors = conntrack.ERRORS[4 if proto == F.ICMP else 6]
        if kind in errors:
            quoted = F.udp(dst, src, 7777, 20000 + number % 12000, tag)
            inner = F.ip4(dst, src, F.UDP, quoted) if len(src) == 4 else F.ip6(dst, src, F.UDP, quoted)
            body = spec.get("rest", bytes(4)) + spec.get("quoted", inner)
            body += b"" if tag in body else tag
        elif proto == F.ICMP6 and kind in (135, 136):
            target = spec.get("target", src if kind == 136 else dst)
            body = struct.pack("!I", 0x60000000 if kind == 136 else 0) + target + F.nd_option(14, tag)
        elif proto == F.ICMP6 and kind == 133:
            body = bytes(4) + F.nd_option(14, tag)
        elif proto == F.ICMP6 and kind == 134:
            body = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + F.nd_option(14, tag)
        elif proto == F.ICMP6 and kind == 137:
            body = bytes(4) + src + dst + F.nd_option(14, tag)
        else:
            body = struct.pack("!HH", ident, spec.get("icmp_seq", 1)) + tag
        return F.icmp4(kind, code, body) if proto == F.ICMP else F.icmp6(src, dst, kind, code, body)

    # ---------------------------------------------------------- the whole

    def make(self, thin=1, aimed_limit=1800, mixed=600):
        """All packets; thin=N keeps one in N of the fixed sections and fewer of the others (for slow machines)."""
        for section in (self.ether, self.arps, self.net4, self.net6, self.ports, self.tcp_bits, self.dscp,
                        self.fragments, self.icmps, self.dhcp, self.tags, self.stp, self.to_guest):
            section()
        fixed = len(self.packets)
        self.aimed(aimed_limit if thin == 1 else aimed_limit // thin // 2)
        self.mixed(mixed // thin)
        self.connections()
        self.packets = [p for p in self.packets if p.id >= fixed or p.id % thin == 0]
        self.assign_batches()
        return self.packets

    def assign_batches(self):
        """Packets of one flow go to different batches, connection tracking is flushed in between.

        Without state nothing a packet does can change the fate of a later one: one batch."""
        if not self.reference.uses_state:
            return
        used, at = {}, {}
        for packet in self.packets:
            if packet.seq is not None:
                at.setdefault(packet.seq, []).append(packet)
            elif packet.key is not None:
                packet.batch = used.get(packet.key, -1) + 1
                used[packet.key] = packet.batch
        top = 1 + max([p.batch for p in self.packets], default=0)
        by_key = {}
        for seq, members in at.items():
            keys = {p.key for p in members}
            batch = max(by_key.get(key, top) for key in keys)
            if members[0].slow:         # connections are counted: alone, before any other
                batch = -seq
            for key in keys:
                by_key[key] = batch + 1
            for packet in members:
                packet.batch = batch

    # ---------------------------------------------------------- fixed sections

    def ether(self):
        w = self.world
        for path, right, wrong in (("out", w.guest_mac, w.peer_mac), ("in", w.peer_mac, OTHER_MAC)):
            targets = [("other end", w.peer_mac if path == "out" else w.guest_mac), ("broadcast", BROADCAST),
                       ("multicast", MCAST4)] + ([("host", w.host_mac)] if path == "out" else [])
            for src_name, src in (("right", right), ("forged", wrong), ("near", w.near_mac), ("other", OTHER_MAC)):
                for dst_name, dst in targets:
                    for kind in ("ip4", "ip6", "arp", "rarp", "llc", "vlan", "other"):
                        extra = {}
                        if dst == w.host_mac and kind in ("ip4", "ip6"):
                            extra["daddr"] = w.host4 if kind == "ip4" else w.host6
                        self.add(path, "ether %s src %s dst %s" % (kind, src_name, dst_name), kind=kind, smac=src,
                                 dmac=dst, ethertype=ETHERTYPE_OF.get(kind, 0x88B5), **extra)
        for ethertype in (0x0600, 0x0835, 0x0842, 0x0801, 0x8864, 0x88CC, 0x88F7, 0xFFFF):
            self.both("ethertype %#06x" % ethertype, kind="other", ethertype=ethertype)

    def arps(self):
        w = self.world
        for path in ("out", "in"):
            (mac, ip, _), (other_mac, other_ip, _) = w.ends(path)
            for kind in ("arp", "rarp"):
                for op in (1, 2, 3, 4):
                    for name, sha, spa in (("right", mac, ip), ("forged mac", OTHER_MAC, ip),
                                           ("forged ip", mac, w.spoof4), ("probe", mac, ANY4)):
                        self.add(path, "%s op %d %s" % (kind, op, name), kind=kind, op=op, sha=sha, spa=spa,
                                 tha=bytes(6) if op % 2 else other_mac)
            for op in (0, 5, 6, 7, 8, 9, 10, 25):
                self.add(path, "arp op %d" % op, kind="arp", op=op)
            for addr in [ip, w.spoof4, other_ip] + [a for a in w.more if len(a) == 4]:
                self.add(path, "arp gratuitous %s" % F.addr_text(addr), kind="arp", spa=addr, tpa=addr, dmac=BROADCAST)
                self.add(path, "rarp gratuitous %s" % F.addr_text(addr), kind="rarp", op=3, spa=addr, tpa=addr)
                self.add(path, "arp reply for %s" % F.addr_text(addr), kind="arp", op=2, spa=addr, tha=other_mac)
            # one octet different: a comparison octet by octet must take all four
            for octet in range(4):
                near = bytes(b ^ (octet == i) for i, b in enumerate(ip))
                self.add(path, "arp almost gratuitous, octet %d" % octet, kind="arp", spa=ip, tpa=near)
            for name, spec in (("htype 6", dict(htype=6)), ("ptype ipv6", dict(ptype=F.ETH_IP6)),
                               ("htype 0", dict(htype=0)), ("ptype 0", dict(ptype=0)), ("htype 256", dict(htype=256)),
                               ("plen 16", dict(plen=16, spa=w.guest6, tpa=w.peer6)),
                               ("hlen 8", dict(hlen=8, sha=mac + b"\0\0", tha=bytes(8)))):
                for kind in ("arp", "rarp"):
                    self.add(path, "%s %s" % (kind, name), kind=kind, **spec)
                    self.add(path, "%s %s request for self" % (kind, name), kind=kind, tpa=spec.get("spa", ip),
                             **{k: v for k, v in spec.items() if k != "tpa"})
            self.add(path, "rarp announce", kind="rarp", op=3, sha=mac, tha=mac, spa=ANY4, tpa=ANY4, dmac=BROADCAST)

    def net(self, kind, protos, sources, targets):
        for path in ("out", "in"):
            (_, *own), (_, *other) = self.world.ends(path)
            own4, other4 = (own[0], other[0]) if kind == "ip4" else (own[1], other[1])
            for proto in protos:
                for name, src in [("right", own4)] + sources:
                    self.add(path, "%s proto %d src %s" % (kind, proto, name), kind=kind, proto=proto, saddr=src)
                for name, dst, dmac in targets:
                    if dmac != self.world.host_mac or path == "out":
                        self.add(path, "%s proto %d dst %s" % (kind, proto, name), kind=kind, proto=proto, daddr=dst,
                                 dmac=dmac)
            self.add(path, "%s from the receiver's address" % kind, kind=kind, saddr=other4)

    def net4(self):
        w = self.world
        more = [("also %s" % F.addr_text(a), a) for a in w.more if len(a) == 4]
        self.net("ip4", (F.TCP, F.UDP, F.ICMP, F.IGMP, F.SCTP, F.UDPLITE, F.ESP, F.AH, F.DCCP, 47, 253),
                 [("forged", w.spoof4), ("any", ANY4)] + more,
                 [("host", w.host4, w.host_mac), ("outside", OUTSIDE4, w.host_mac), ("broadcast", ALL4, BROADCAST),
                  ("multicast", F.addr("224.0.0.251"), MCAST4)])
        for name, options in (("nop", b"\x01" * 4), ("router alert", b"\x94\x04\0\0"), ("record route", b"\x07\x07\x04" + bytes(5))):
            for proto in (F.TCP, F.UDP, F.ICMP):
                self.both("ip4 option %s proto %d" % (name, proto), proto=proto, ipopt=options)
        self.both("ip4 wrong checksum", bad_sum=True)

    def net6(self):
        w = self.world
        more = [("also %s" % F.addr_text(a), a) for a in w.more if len(a) == 16]
        self.net("ip6", (F.TCP, F.UDP, F.ICMP6, F.SCTP, F.UDPLITE, F.ESP, F.AH, F.NONXT, F.DCCP, 47, 253),
                 [("forged", w.spoof6), ("link-local", w.guest_ll), ("forged link-local", w.spoof_ll)] + more,
                 [("host", w.host6, w.host_mac), ("outside", OUTSIDE6, w.host_mac), ("multicast", ALLNODES, MCAST6)])
        chains = [(hop,), (dst,), (route,), (hop, dst), (hop, route, dst), (first,), (hop, first), (auth,), (auth, dst)]
        for chain in chains:
            for proto in (F.TCP, F.UDP, F.ICMP6, F.NONXT):
                name = "ip6 " + "+".join(ext.__name__ for ext in chain) + " proto %d" % proto
                self.both(name, kind="ip6", proto=proto, ext=chain)

    def ports(self):
        edges = (0, 1, 22, 53, 67, 68, 80, 546, 547, 1023, 1024, 65535)
        for proto in (F.TCP, F.UDP, F.SCTP):
            for kind in ("ip4", "ip6"):
                for port in edges:
                    self.both("%s proto %d dport %d" % (kind, proto, port), kind=kind, proto=proto, dport=port)
                    self.both("%s proto %d sport %d" % (kind, proto, port), kind=kind, proto=proto, sport=port)

    def tcp_bits(self):
        for flags in (0, 1, 2, 4, 8, 16, 17, 18, 20, 24, 32, 41, 3, 6, 48, 63, 2 | 64 | 128, 16 | 64):
            for kind in ("ip4", "ip6"):
                self.both("%s tcp flags %#x" % (kind, flags), kind=kind, proto=F.TCP, flags=flags)
        for name, options in (("mss", b"\x02\x04\x05\xb4"), ("ts", b"\x01\x01\x08\x0a" + bytes(8)),
                              ("sack ok", b"\x04\x02\x01\x01"), ("scale", b"\x03\x03\x07\x01"),
                              ("all", b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + bytes(8) + b"\x01\x03\x03\x07"),
                              ("nop then mss", b"\x01\x01\x01\x01\x02\x04\x05\xb4")):
            for kind in ("ip4", "ip6"):
                self.both("%s tcp option %s" % (kind, name), kind=kind, proto=F.TCP, tcpopt=options)

    def dscp(self):
        for tos in (0, 1, 2, 3, 4, 0x2E, 0xB8, 0xB9, 0xBB, 0xFC, 0xFF, 8 << 2, (8 << 2) + 3):
            for kind in ("ip4", "ip6"):
                self.both("%s tos %#x" % (kind, tos), kind=kind, tos=tos, proto=F.UDP)

    def fragments(self):
        for proto in (F.TCP, F.UDP, F.ICMP):
            self.both("ip4 first fragment proto %d" % proto, proto=proto, more=True)
            self.both("ip4 later fragment proto %d" % proto, proto=proto, offset=1480)
            self.both("ip4 fragment at 8 proto %d" % proto, proto=proto, offset=64, more=True)
        for proto in (F.TCP, F.UDP, F.ICMP6):
            self.both("ip6 first fragment proto %d" % proto, kind="ip6", proto=proto, ext=(first_of_more,))
            self.both("ip6 later fragment proto %d" % proto, kind="ip6", proto=proto, ext=(later,), offset=1)

    def icmps(self):
        w = self.world
        for kind in (0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 42):
            for code in (0, 1, 4) if kind in (3, 11) else (0,):
                self.both("icmp %d/%d" % (kind, code), proto=F.ICMP, icmp=(kind, code))
        for kind in (1, 2, 3, 4, 100, 127, 128, 129, 130, 131, 132, 139, 143, 200, 255):
            for code in (0, 1, 4) if kind in (1, 4) else (0,):
                self.both("icmpv6 %d/%d" % (kind, code), kind="ip6", proto=F.ICMP6, icmp=(kind, code))
        for kind in (133, 134, 135, 136, 137):
            for name, src in (("", None), (" forged", w.spoof6), (" ::", ANY6), (" link-local", w.guest_ll)):
                for path in ("out", "in"):
                    extra = {} if src is None else dict(saddr=src)
                    self.add(path, "icmpv6 %d/0%s" % (kind, name), kind="ip6", proto=F.ICMP6, icmp=(kind, 0),
                             daddr=ALLNODES, dmac=MCAST6, **extra)
        for target in (w.guest6, w.peer6, w.spoof6):
            self.both("neighbour advertisement for %s" % F.addr_text(target), kind="ip6", proto=F.ICMP6,
                      icmp=(136, 0), target=target)

    def dhcp(self):
        w = self.world
        self.add("out", "dhcp discover", saddr=ANY4, daddr=ALL4, dmac=BROADCAST, sport=68, dport=67)
        self.add("out", "dhcp discover, forged mac", saddr=ANY4, daddr=ALL4, dmac=BROADCAST, smac=OTHER_MAC, sport=68,
                 dport=67)
        self.add("out", "dhcp renew", daddr=w.peer4, sport=68, dport=67)
        self.add("out", "dhcp as a server", daddr=ALL4, dmac=BROADCAST, sport=67, dport=68)
        self.add("out", "udp 68 to 68 from any", saddr=ANY4, daddr=ALL4, dmac=BROADCAST, sport=68, dport=68)
        for name, src in (("peer", w.peer4), ("forged", w.spoof4), ("host", w.host4)):
            for dst, dmac in ((ALL4, BROADCAST), (w.guest4, w.guest_mac)):
                self.add("in", "dhcp offer from %s" % name, saddr=src, daddr=dst, dmac=dmac, sport=67, dport=68)
        multicast = F.addr("ff02::1:2")
        self.add("out", "dhcpv6 solicit", kind="ip6", saddr=w.guest_ll, daddr=multicast, sport=546, dport=547,
                 dmac=F.mac("33:33:00:01:00:02"))
        self.add("out", "dhcpv6 as a server", kind="ip6", saddr=w.guest_ll, daddr=w.peer_ll, sport=547, dport=546)
        for name, src in (("peer", w.peer_ll), ("forged", w.spoof_ll)):
            self.add("in", "dhcpv6 advertise from %s" % name, kind="ip6", saddr=src, daddr=w.guest_ll, sport=547,
                     dport=546)

    def tags(self):
        for vid in (0, 1, 5, 10, 4094, 4095):
            for inner in ("ip4", "ip6", "arp", "other"):
                self.both("vlan %d with %s" % (vid, inner), kind="vlan", vid=vid, inner=inner, ethertype=0x88B5)
        self.both("vlan 5 priority 7", kind="vlan", vid=5, pcp=7)
        self.both("vlan 5 in vlan 10", kind="vlan", vid=5, outer_vid=10)
        for inner in ("ip4", "ip6", "arp"):
            self.both("802.1ad with %s" % inner, kind="vlan", vid=5, inner=inner, tpid=F.ETH_QINQ)
        self.both("vlan, forged inner source", kind="vlan", vid=5, saddr=self.world.spoof4)

    def stp(self):
        self.both("bpdu", kind="stp")
        self.both("bpdu topology change", kind="stp", bpdu=dict(kind=0x80))
        self.both("bpdu rapid type", kind="stp", bpdu=dict(kind=2))
        for name, value in (("flags", 1), ("flags", 0x81), ("root_prio", 0), ("root_prio", 0x1000), ("cost", 1),
                            ("cost", 0xFFFFFFFF), ("prio", 1), ("port", 0), ("age", 256), ("max_age", 1),
                            ("hello", 512), ("delay", 0xFFFF), ("root", OTHER_MAC), ("sender", OTHER_MAC)):
            self.both("bpdu %s %s" % (name, value), kind="stp", bpdu={name: value})
        self.both("bpdu to a wrong group", kind="stp", dmac=F.mac("01:80:c2:00:00:40"))
        self.both("other protocol to the bridge group", kind="other", ethertype=0x88B5, dmac=F.BRIDGE_GROUP)

    def to_guest(self):
        """Made by the host itself and routed by it: the bridge sees both, iptables FORWARD shows neither to the port."""
        for path in ("host", "routed"):
            for kind in ("ip4", "ip6"):
                for proto in (F.TCP, F.UDP, F.ICMP if kind == "ip4" else F.ICMP6, 253):
                    for port in (22, 67, 7777):
                        self.add(path, "%s %s proto %d dport %d" % (path, kind, proto, port), kind=kind, proto=proto,
                                 dport=port)

    # ---------------------------------------------------------- aimed at the rules

    def aimed(self, limit):
        """Packets at and around every bound of every condition, in both directions and orientations."""
        wanted = []
        for reference in (self.reference, *self.others):
            for rule, scope in reference.rules():
                for fields in some(list(R.instances(rule, scope)), 6):
                    wanted += list(A.aim(rule, fields))
        for path, name, spec in some(wanted, limit):
            self.add(path, name, **spec)
            if path == "out" and spec["kind"] in ("ip4", "ip6") and not {"daddr", "dmac"} & spec.keys():
                here = self.world.host4 if spec["kind"] == "ip4" else self.world.host6
                self.add(path, name + " to the host", daddr=here, dmac=self.world.host_mac, **spec)

    def mixed(self, count):
        """What a rule asks for, and what others ask for where this one does not care.

        A rule stands in the shade of those before it; such packets come out from there."""
        dice = random.Random(1)
        pools, goods = {}, []
        for reference in (self.reference, *self.others):
            for rule, scope in reference.rules():
                for fields in some(list(R.instances(rule, scope)), 6):
                    for own in (fields, R.mirrored(fields)):
                        base, choices = A.specs_of(rule.protocol, own)
                        goods.append(dict(base, **{key: values[0] for key, values in choices.items()}))
                        for key, values in choices.items():
                            pools.setdefault(base["kind"], {}).setdefault(key, []).extend(values)
        for number in range(count if goods else 0):
            good = goods[number % len(goods)]
            pool = pools.get(good["kind"], {})
            spec = {key: dice.choice(values) for key, values in sorted(pool.items(), key=lambda item: item[0])
                    if dice.random() < 0.5}
            spec.update(good)
            self.add(dice.choice(("out", "in")), "mixed", **spec)

    # ---------------------------------------------------------- sequences

    def connections(self):
        opens = [dict(kind=kind, proto=proto, dport=port) for kind in ("ip4", "ip6") for proto in (F.TCP, F.UDP)
                 for port in (22, 7777)]
        opens += [dict(kind="ip4", proto=F.ICMP), dict(kind="ip6", proto=F.ICMP6), dict(kind="ip4", proto=F.ESP),
                  dict(kind="ip6", proto=253), dict(kind="ip4", proto=F.UDPLITE, dport=9)]
        if not self.reference.uses_ip:
            opens = opens[:2]
        for rule, scope in self.reference.rules():
            if not rule.on_bridge and self.reference.uses_state:
                for fields in some(list(R.instances(rule, scope)), 2):
                    for path, spec in A.openings(rule, fields):
                        opens.append(dict(spec, path=path))
        for spec in some(opens, 120):
            paths = (spec.pop("path"),) if "path" in spec else ("out", "in")
            for path in paths:
                self.converse(path, dict(spec))
                if path == "in" and self.reference.uses_state and not {"saddr", "smac", "dmac"} & spec.keys():
                    # the host's own stack answers, too, so no further than the first answer
                    self.converse("host", dict(spec), most=2)
        self.related()
        self.many_at_once()

    def next_seq(self):
        self.sequences += 1
        return self.sequences

    def converse(self, path, spec, most=9):
        """Opener, answer, and on; the steps are sent whatever became of those before."""
        seq = self.next_seq()
        back = "in" if path == "out" else "out"
        (smac, *own), (dmac, *other) = self.world.ends(path)
        spec.pop("path", None)
        index = 0 if spec.get("kind", "ip4") == "ip4" else 1
        spec.setdefault("sport", 33000 + seq)
        spec.setdefault("dport", 7777)
        for key, value in (("saddr", own[index]), ("daddr", other[index]), ("smac", smac), ("dmac", dmac)):
            spec.setdefault(key, value)
        spec.update(ident=40000 + seq)
        mirror = dict(spec, saddr=spec["daddr"], daddr=spec["saddr"], sport=spec["dport"], dport=spec["sport"],
                      smac=dmac, dmac=spec["smac"])
        name = "seq %d %s by %s" % (seq, describe(spec), path)
        proto = spec.get("proto")
        steps = CONVERSATIONS.get(proto, CONVERSATIONS[None])
        if path == "host":
            steps = [step for step in steps if "before" not in step[1]]
        for number, (mine, what, extra) in enumerate(steps[:most]):
            if proto in (F.ICMP, F.ICMP6) and "icmp" in spec and "icmp" in extra:
                kind = spec["icmp"][0]
                pair = conntrack.PAIRS[4 if proto == F.ICMP else 6].get(kind)
                extra = dict(extra, icmp=spec["icmp"] if mine else (kind if pair is None else pair, spec["icmp"][1]))
            if "flags" in extra and "flags" in spec and mine and what == "syn":
                extra = dict(extra, flags=spec["flags"])
            self.add(path if mine else back, "%s: %s" % (name, what), seq, number, **dict(spec if mine else mirror, **extra))

    def related(self):
        """An ICMP error about a packet that was, and one about a packet that never was."""
        if not self.reference.uses_state:
            return
        for path in ("out", "in"):
            back = "in" if path == "out" else "out"
            for kind, proto, icmp in (("ip4", F.ICMP, (3, 3)), ("ip6", F.ICMP6, (1, 4))):
                for what, shift in (("about it", 0), ("about another", 1)):
                    seq = self.next_seq()
                    (_, *own), (_, *other) = self.world.ends(path)
                    index = 0 if kind == "ip4" else 1
                    sport = 33000 + seq
                    self.add(path, "seq %d %s udp by %s" % (seq, kind, path), seq, 0, kind=kind, proto=F.UDP, sport=sport,
                             dport=7777)
                    quoted = F.udp(own[index], other[index], sport + shift * 5000, 7777, bytes(8))
                    inner = (F.ip4 if index == 0 else F.ip6)(own[index], other[index], F.UDP, quoted)
                    self.add(back, "seq %d icmp error %s" % (seq, what), seq, 1, kind=kind, proto=proto, icmp=icmp,
                             quoted=inner)

    def many_at_once(self):
        """Connections one after another to meet a limit on their number.

        The kernel forgets counted connections that are gone only once a clock tick and a few at a
        time, so these go first, each sequence alone, and slowly."""
        entries = [e for d in (R.OUT, R.IN) for e in self.reference.ip[d] if e.limit]
        if not entries:
            return
        most = max(e.limit[0] for e in entries)
        for path in ("out", "in"):
            for kind in ("ip4", "ip6"):
                seq = self.next_seq()
                back = "in" if path == "out" else "out"
                start = len(self.packets)
                for number in range(min(most + 3, 12)):
                    base = dict(kind=kind, proto=F.TCP)
                    name = "seq %d %s connection %d by %s" % (seq, kind, number, path)
                    port = 45000 + seq * 20 + number
                    isn = 5000 * (number + 1)
                    self.add(path, name + ": syn", seq, number * 3, sport=port, dport=22, seqno=isn, **base)
                    self.add(back, name + ": synack", seq, number * 3 + 1, sport=22, dport=port, flags=F.SYN | F.ACK,
                             seqno=70000, ackno=isn + 1 + F.TAG_LEN, **base)
                    self.add(path, name + ": ack", seq, number * 3 + 2, sport=port, dport=22, flags=F.ACK,
                             seqno=isn + 1 + F.TAG_LEN, ackno=70001 + F.TAG_LEN, **base)
                for packet in self.packets[start:]:
                    packet.slow = True


def describe(spec):
    words = [spec.get("kind", "ip4"), "proto %s" % spec.get("proto")]
    words += ["%s %s" % (key, spec[key]) for key in ("dport", "icmp") if key in spec]
    return " ".join(words)


def some(items, limit):
    """At most limit items, evenly spread."""
    if len(items) <= limit:
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


# ---------------------------------------------------------------- extension headers (as ip() wants them)

def hop(nxt, _):
    return F.options6(nxt)


def dst(nxt, _):
    return F.options6(nxt)


def route(nxt, _):
    return F.routing6(nxt)


def first(nxt, number):
    """An atomic fragment (RFC 6946): whole packet behind a fragment header."""
    return F.fragment6(nxt, 0, False, number)


def first_of_more(nxt, number):
    return F.fragment6(nxt, 0, True, number)


def later(nxt, number):
    return F.fragment6(nxt, 1480, False, number)


def auth(nxt, number):
    return F.auth6(nxt, 0x1000 + number)


EXTENSION_NUMBER = {hop: F.HOPOPT, dst: F.DSTOPT, route: F.ROUTING, first: F.FRAGMENT, first_of_more: F.FRAGMENT,
                    later: F.FRAGMENT, auth: F.AH}
ETHERTYPE_OF = {"ip4": F.ETH_IP, "ip6": F.ETH_IP6}

# (sent by the opener, name, what differs from the opening packet).  Data is the tag; a SYN carries it too.
_N = F.TAG_LEN
CONVERSATIONS = {
    F.TCP: [(True, "syn", dict(flags=F.SYN, seqno=100)),
            (False, "synack", dict(flags=F.SYN | F.ACK, seqno=500, ackno=101 + _N)),
            (True, "ack", dict(flags=F.ACK, seqno=101 + _N, ackno=501 + _N)),
            (False, "data back", dict(flags=F.ACK | F.PSH, seqno=501 + _N, ackno=101 + 2 * _N)),
            (True, "data", dict(flags=F.ACK | F.PSH, seqno=101 + 2 * _N, ackno=501 + 2 * _N)),
            (True, "fin", dict(flags=F.FIN | F.ACK, seqno=101 + 3 * _N, ackno=501 + 2 * _N)),
            (False, "fin back", dict(flags=F.FIN | F.ACK, seqno=501 + 2 * _N, ackno=102 + 4 * _N))],
    F.ICMP: [(False, "answer before", dict(icmp=(0, 0))), (True, "query", dict(icmp=(8, 0))),
             (False, "answer", dict(icmp=(0, 0))), (True, "query again", dict(icmp=(8, 0), icmp_seq=2))],
    F.ICMP6: [(False, "answer before", dict(icmp=(129, 0))), (True, "query", dict(icmp=(128, 0))),
              (False, "answer", dict(icmp=(129, 0))), (True, "query again", dict(icmp=(128, 0), icmp_seq=2))],
    F.SCTP: [(True, "init", {}),
             (False, "init ack", dict(vtag=7, chunk=lambda t: F.sctp_init(2, 9, t))),
             (True, "cookie echo", dict(vtag=9, chunk=lambda t: F.sctp_chunk(10, t))),
             (False, "cookie ack", dict(vtag=7, chunk=lambda t: F.sctp_chunk(11, b"") + F.sctp_chunk(0, bytes(12) + t, 3)))],
    None: [(True, "first", {}), (False, "answer", {}), (True, "next", {}), (False, "answer again", {})],
}
