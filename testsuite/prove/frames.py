# SPDX-License-Identifier: MIT
"""A space of frames small enough to go through whole, and words about them that can be decided by hand.

All values that the words of a test ask for are in the pools, with one beside them that they never
ask for; so a set made of such words is empty when no frame of the space is in it. A frame of TCP or
UDP without a port is a later fragment.
"""
import itertools
import struct

MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"]
IP4 = ["10.0.0.1", "10.0.0.2", "192.0.2.7"]
IP6 = ["2001:db8::1", "fe80::1", "2001:db8:7::7"]
PORTS = [22, 80, 4242]
OPS = [1, 2, 9]
PROTOS = {"tcp": 6, "udp": 17, "esp": 50}  # no words ask for the last
GATE = "52:54:00:00:00:99"


def mac(text):
    return bytes(int(x, 16) for x in text.split(":"))


def ip4(text):
    return bytes(int(x) for x in text.split("."))


def ip6(text):
    left, _, right = text.partition("::")
    words = [[int(x, 16) for x in part.split(":") if x] for part in (left, right)]
    words = words[0] + [0] * (8 - len(words[0]) - len(words[1])) + words[1]
    return struct.pack("!8H", *words)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def length(proto):
    return {6: 20, 17: 8, 50: 16}[proto]


def transport(proto, port, pseudo):
    if port is None:
        return bytes(length(proto))
    head = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 1024, 0, 0) if proto == 6 else struct.pack("!HHHH", 40000, port, 8, 0)
    at = 16 if proto == 6 else 6
    c = checksum(pseudo + head) or 0xffff
    return head[:at] + struct.pack("!H", c) + head[at + 2:]


def frame(p):
    head = mac(GATE) + mac(p["ether saddr"])
    if p["kind"] == "arp":
        body = struct.pack("!HHBBH", 1, 0x800, 6, 4, p["arp operation"]) + mac(p["arp saddr ether"]) + ip4(p["arp saddr ip"])
        return head + b"\x08\x06" + body + mac(GATE) + ip4("10.0.0.9") + bytes(18)
    if p["kind"] == "other":
        return head + b"\x88\xb5" + bytes(46)
    proto, port = PROTOS[p["proto"]], p["dport"]
    if p["kind"] == "ip":
        ends = ip4(p["saddr"]) + ip4(p["daddr"])
        pdu = transport(proto, port, ends + struct.pack("!HH", proto, length(proto)))
        later = 100 if port is None and p["proto"] != "esp" else 0
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(pdu), 1, later, 64, proto, 0) + ends
        return head + b"\x08\x00" + ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + pdu
    ends = ip6(p["saddr"]) + ip6(p["daddr"])
    pdu = transport(proto, port, ends + struct.pack("!II", length(proto), proto))
    if port is None and p["proto"] != "esp":
        pdu, proto = struct.pack("!BBHI", proto, 0, 100 << 3, 1) + pdu, 44
    return head + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(pdu), proto, 64) + ends + pdu


def space():
    """Every frame, as its fields."""
    ends = [(proto, port) for proto in ("tcp", "udp") for port in PORTS + [None]] + [("esp", None)]
    for source in MACS:
        yield {"kind": "other", "ether saddr": source}
        for op, sha, spa in itertools.product(OPS, MACS, IP4):
            yield {"kind": "arp", "ether saddr": source, "arp operation": op, "arp saddr ether": sha, "arp saddr ip": spa}
        for kind, pool in (("ip", IP4), ("ip6", IP6)):
            for saddr, daddr, (proto, port) in itertools.product(pool, pool, ends):
                yield {"kind": kind, "ether saddr": source, "saddr": saddr, "daddr": daddr, "proto": proto, "dport": port}


# --- words ------------------------------------------------------------------------------------------------


class Words:
    """A conjunction of tests: its text, and which frames it means."""

    def __init__(self, rng, packets=False):
        kinds = ["ip", "ip6", "both"] if packets else ["arp", "ip", "ip6", "ether", "both"]
        self.kind, self.tests, text = rng.choice(kinds), [], []
        if self.kind not in ("both",):
            text.append(self.kind)
        for field, words, pool in self.fields(rng, packets):
            if rng.random() < 0.6:
                values, negated = rng.sample(pool[:2], rng.choice([1, 1, 2])), rng.random() < 0.4
                self.tests.append((field, values, negated))
                text.append("%s %s%s" % (words, "!= " if negated else "", values[0] if len(values) == 1 else "{ %s }" % ", ".join(map(str, values))))
        self.text = " ".join(text)
        if self.kind == "both" and not any(f == "dport" for f, _, _ in self.tests):
            self.tests.append(("proto", [self.proto], False))
            self.text = self.proto

    def fields(self, rng, packets):
        ether = [] if packets and self.kind == "both" else [("ether saddr", "ether saddr", MACS)]
        if self.kind == "arp":
            return ether + [("arp operation", "arp operation", OPS), ("arp saddr ether", "arp saddr ether", MACS), ("arp saddr ip", "arp saddr ip", IP4)]
        if self.kind == "ether":
            return ether
        self.proto = rng.choice(["tcp", "udp"])
        ports = [("dport", self.proto + " dport", PORTS)]
        if self.kind == "both":
            return ports
        pool = IP4 if self.kind == "ip" else IP6
        own = [] if packets else ether
        return own + [("saddr", self.kind + " saddr", pool), ("daddr", self.kind + " daddr", pool)] + ports

    def mean(self, p):
        if self.kind == "both" and p["kind"] not in ("ip", "ip6"):
            return False
        if self.kind in ("arp", "ip", "ip6") and p["kind"] != self.kind:
            return False
        for field, values, negated in self.tests:
            if field == "dport" and (p["proto"] != self.proto or p["dport"] is None):
                return False
            if (p[field] in values) == negated:
                return False
        return True
