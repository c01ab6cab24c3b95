# SPDX-License-Identifier: MIT
"""Frames as bytes: encoders for the test traffic and one decoder for the reference evaluator.

Encoders give well-formed packets (lengths and checksums right) unless told otherwise, because a
bridge with br_netfilter throws malformed IP away before any rule is asked.  The decoder reads what
the kernel's matches would read and nothing more; a field that is not there is absent, never zero.
"""
import ipaddress
import struct

MAGIC = b"\xa5nWf"
TAG_LEN = len(MAGIC) + 4
MIN_FRAME = 60

ETH_IP, ETH_ARP, ETH_RARP, ETH_VLAN, ETH_IP6, ETH_QINQ = 0x800, 0x806, 0x8035, 0x8100, 0x86DD, 0x88A8
ICMP, IGMP, TCP, UDP, DCCP, ESP, AH, ICMP6, NONXT, SCTP, UDPLITE = 1, 2, 6, 17, 33, 50, 51, 58, 59, 132, 136
HOPOPT, ROUTING, FRAGMENT, DSTOPT = 0, 43, 44, 60
WITH_PORTS = (TCP, UDP, DCCP, SCTP, UDPLITE)
BRIDGE_GROUP = bytes.fromhex("0180c2000000")

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def tag(number):
    """The mark by which a frame is known again wherever it turns up."""
    return MAGIC + struct.pack("!I", number)


def tag_in(data):
    at = data.find(MAGIC)
    if at < 0 or at + TAG_LEN > len(data):
        return None
    return struct.unpack_from("!I", data, at + len(MAGIC))[0]


def mac(text):
    return bytes(int(part, 16) for part in text.split(":"))


def mac_text(raw):
    return ":".join("%02x" % octet for octet in raw)


def addr(text):
    return ipaddress.ip_address(text).packed


def addr_text(raw):
    return str(ipaddress.ip_address(raw))


def link_local(hw):
    return bytes.fromhex("fe80000000000000") + bytes([hw[0] ^ 2]) + hw[1:3] + b"\xff\xfe" + hw[3:6]


# ---------------------------------------------------------------- checksums

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def pseudo_header(src, dst, proto, length):
    if len(src) == 4:
        return src + dst + struct.pack("!xBH", proto, length)
    return src + dst + struct.pack("!I3xB", length, proto)


def with_checksum(src, dst, proto, segment, at):
    value = checksum(pseudo_header(src, dst, proto, len(segment)) + segment)
    if value == 0 and proto in (UDP, UDPLITE):
        value = 0xFFFF
    return segment[:at] + struct.pack("!H", value) + segment[at + 2:]


def _crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc32c_table()


def crc32c(data):
    value = 0xFFFFFFFF
    for octet in data:
        value = _CRC[(value ^ octet) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


# ---------------------------------------------------------------- link layer

def ethernet(dst, src, kind, payload):
    frame = dst + src + struct.pack("!H", kind) + payload
    return frame.ljust(MIN_FRAME, b"\0")


def llc(dst, src, payload):
    return ethernet(dst, src, len(payload), payload)


def vlan(vid, kind, payload, pcp=0):
    return struct.pack("!HH", pcp << 13 | vid, kind) + payload


def arp(op, sha, spa, tha, tpa, htype=1, ptype=ETH_IP, hlen=None, plen=None):
    hlen = len(sha) if hlen is None else hlen
    plen = len(spa) if plen is None else plen
    return struct.pack("!HHBBH", htype, ptype, hlen, plen, op) + sha + spa + tha + tpa


def bpdu(root_prio=0x8000, root=b"\x02\0\0\0\0\x11", cost=0, prio=0x8000, sender=b"\x02\0\0\0\0\x12",
         port=0x8001, age=0, max_age=20 * 256, hello=2 * 256, delay=15 * 256, kind=0, flags=0):
    """IEEE 802.1D, 9.3.1 (configuration) and 9.3.2 (topology change) behind the LLC header."""
    head = b"\x42\x42\x03" + struct.pack("!HBB", 0, 0, kind)
    if kind == 0x80:
        return head
    return (head + struct.pack("!BH", flags, root_prio) + root + struct.pack("!IH", cost, prio) + sender +
            struct.pack("!HHHHH", port, age, max_age, hello, delay))


# ---------------------------------------------------------------- network layer

def ip4(src, dst, proto, payload, tos=0, ident=1, more=False, offset=0, ttl=64, options=b"", bad_sum=False):
    words = 5 + len(options) // 4
    frag = (0x2000 if more else 0) | offset // 8
    head = struct.pack("!BBHHHBBH", 4 << 4 | words, tos, words * 4 + len(payload), ident, frag, ttl, proto,
                       0) + src + dst + options
    value = checksum(head) ^ (0x1111 if bad_sum else 0)
    return head[:10] + struct.pack("!H", value) + head[12:] + payload


def ip6(src, dst, proto, payload, tclass=0, hops=64, label=0x9a5c1):
    return struct.pack("!IHBB", 6 << 28 | tclass << 20 | label, len(payload), proto, hops) + src + dst + payload


def options6(nxt, body=b"\x01\x04\0\0\0\0"):
    """Hop-by-hop or destination options; the default body is one PadN."""
    body = body.ljust((len(body) + 2 + 7) // 8 * 8 - 2, b"\0")
    return struct.pack("!BB", nxt, (len(body) + 2) // 8 - 1) + body


def routing6(nxt):
    """An RFC 2460 type 0-like header with nothing left to visit (type 4, segments left 0)."""
    return struct.pack("!BBBB4x", nxt, 0, 4, 0)


def fragment6(nxt, offset, more, ident):
    return struct.pack("!BxHI", nxt, offset & ~7 | (1 if more else 0), ident)


def auth6(nxt, spi):
    return struct.pack("!BBHII", nxt, 4, 0, spi, 1) + bytes(12)


# ---------------------------------------------------------------- transport layer

def udp(src, dst, sport, dport, data):
    return with_checksum(src, dst, UDP, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data, 6)


def udplite(src, dst, sport, dport, data):
    return with_checksum(src, dst, UDPLITE, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data, 6)


def tcp(src, dst, sport, dport, flags, seq, ack, data, options=b""):
    options = options.ljust((len(options) + 3) // 4 * 4, b"\0")
    words = 5 + len(options) // 4
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, words << 4, flags, 8192, 0, 0)
    return with_checksum(src, dst, TCP, head + options + data, 16)


def sctp(sport, dport, vtag, chunk):
    segment = struct.pack("!HHII", sport, dport, vtag, 0) + chunk
    return segment[:8] + struct.pack("<I", crc32c(segment)) + segment[12:]


def sctp_chunk(kind, value, flags=0):
    chunk = struct.pack("!BBH", kind, flags, 4 + len(value)) + value
    return chunk.ljust((len(chunk) + 3) // 4 * 4, b"\0")


def sctp_init(kind, itag, data):
    """INIT (1) or INIT ACK (2); the data rides in a parameter that receivers skip (RFC 9260, 3.2.1)."""
    value = struct.pack("!IIHHI", itag, 65536, 1, 1, 1) + struct.pack("!HH", 0xC0FF, 4 + len(data)) + data
    return sctp_chunk(kind, value)


def dccp(sport, dport, data):
    """A DCCP-Request (RFC 4340, 5.1) as far as a filter looks at it."""
    return struct.pack("!HHBBHBBHI4x", sport, dport, 5, 0, 0, 1, 0, 0, 1) + data


def icmp4(kind, code, body):
    segment = struct.pack("!BBH", kind, code, 0) + body
    return segment[:2] + struct.pack("!H", checksum(segment)) + segment[4:]


def icmp6(src, dst, kind, code, body):
    return with_checksum(src, dst, ICMP6, struct.pack("!BBH", kind, code, 0) + body, 2)


def igmp(kind, group, data):
    segment = struct.pack("!BBH", kind, 0, 0) + group + data
    return segment[:2] + struct.pack("!H", checksum(segment)) + segment[4:]


def nd_option(kind, data):
    data = data.ljust((len(data) + 2 + 7) // 8 * 8 - 2, b"\0")
    return struct.pack("!BB", kind, (len(data) + 2) // 8) + data


# ---------------------------------------------------------------- decoder

class Decoded:
    """What a filter can see of one frame.

    ethertype is the outermost one: a tagged frame is a VLAN frame and nothing else, as for the
    kernel's bridge tables.  `ports`, `icmp`, `flags` are None where the kernel would not find them
    (later fragments, header cut short).
    """
    __slots__ = ("raw", "dst", "src", "ethertype", "vid", "encap", "arp", "bpdu", "family", "saddr", "daddr",
                 "tos", "proto", "proto_bridge", "frag", "ports", "ports_bridge", "icmp", "icmp_bridge", "flags",
                 "tcp_options", "l4", "well_formed", "fragmented")

    def __init__(self, raw):
        for slot in self.__slots__:
            setattr(self, slot, None)
        self.raw, self.dst, self.src = raw, raw[0:6], raw[6:12]
        self.ethertype = struct.unpack_from("!H", raw, 12)[0]
        self.well_formed, self.fragmented = True, False
        if self.ethertype == ETH_VLAN:
            tci, self.encap = struct.unpack_from("!HH", raw, 14)
            self.vid = tci & 0xFFF
        elif self.ethertype in (ETH_ARP, ETH_RARP):
            self._arp(raw)
        elif self.ethertype == ETH_IP:
            self._ip4(raw)
        elif self.ethertype == ETH_IP6:
            self._ip6(raw)
        if self.dst == BRIDGE_GROUP:
            self._bpdu(raw)

    def _arp(self, raw):
        htype, ptype, hlen, plen, op = struct.unpack_from("!HHBBH", raw, 14)
        at, parts = 22, []
        for size in (hlen, plen, hlen, plen):
            parts.append(raw[at:at + size])
            at += size
        self.arp = dict(htype=htype, ptype=ptype, hlen=hlen, plen=plen, op=op, sha=parts[0], spa=parts[1],
                        tha=parts[2], tpa=parts[3])

    def _bpdu(self, raw):
        body = raw[14:]
        if len(body) >= 7 and body[:6] == b"\x42\x42\x03\0\0\0":
            self.bpdu = dict(type=body[6])
            if body[6] == 0 and len(body) >= 38:
                names = ("flags", "root_prio", "root", "cost", "prio", "sender", "port", "age", "max_age", "hello",
                         "delay")
                self.bpdu.update(zip(names, struct.unpack_from("!BH6sIH6sHHHHH", body, 7)))

    def _ip4(self, raw):
        ihl, self.tos = (raw[14] & 15) * 4, raw[15]
        total, _, frag = struct.unpack_from("!HHH", raw, 16)
        self.family, self.proto, self.saddr, self.daddr = 4, raw[23], raw[26:30], raw[30:34]
        self.proto_bridge = self.proto
        self.frag = (frag & 0x1FFF) * 8
        self.fragmented = bool(frag & 0x3FFF)
        self.well_formed = (raw[14] >> 4 == 4 and ihl >= 20 and ihl <= total <= len(raw) - 14 and
                            checksum(raw[14:14 + ihl]) == 0)
        if not self.frag:
            self._transport(raw[14 + ihl:14 + total])
            # the bridge table reads four octets wherever they are, port-bearing protocol or not
            self.ports_bridge = self.ports

    def _ip6(self, raw):
        word, length = struct.unpack_from("!IH", raw, 14)
        self.family, self.tos = 6, word >> 20 & 0xFF
        self.saddr, self.daddr = raw[22:38], raw[38:54]
        self.well_formed = word >> 28 == 6 and 54 + length <= len(raw)
        end = 54 + length
        self.frag = 0
        found = self._last_header6(raw, raw[20], 54, end, skip_auth=False)
        if found:
            self.proto, at, self.frag = found
            if not self.frag:
                self._transport(raw[at:end])
        else:
            self.well_formed = False
        self._bridge6(raw, end)

    def _bridge6(self, raw, end):
        """ebtables walks further (through AH), stops at a later fragment and knows no "no next header"."""
        found = self._last_header6(raw, raw[20], 54, end, skip_auth=True)
        if not found or found[0] == NONXT:
            return
        proto, at, frag = found
        self.proto_bridge = FRAGMENT if frag else proto
        if not frag and (proto, frag) == (self.proto, self.frag):
            self.ports_bridge, self.icmp_bridge = self.ports, self.icmp
        elif not frag:
            inner = Decoded.__new__(Decoded)
            for slot in self.__slots__:
                setattr(inner, slot, None)
            inner.family, inner.proto = 6, proto
            inner._transport(raw[at:end])
            self.ports_bridge, self.icmp_bridge = inner.ports, inner.icmp

    def _last_header6(self, raw, proto, at, end, skip_auth):
        """(protocol, offset, fragment offset) of the header behind all extension headers."""
        while True:
            if proto == AH and not skip_auth or proto not in (HOPOPT, ROUTING, FRAGMENT, DSTOPT, AH):
                return proto, at, 0
            if at + 8 > end:
                return None
            nxt = raw[at]
            if proto == FRAGMENT:
                word = struct.unpack_from("!H", raw, at + 2)[0]
                offset = word & ~7
                self.fragmented = True          # the tracker treats a lone "atomic" one as a fragment, too
                if offset:
                    return nxt, at + 8, offset
                at += 8
            elif proto == AH:
                at += (raw[at + 1] + 2) * 4
            else:
                at += (raw[at + 1] + 1) * 8
            proto = nxt

    def _transport(self, seg):
        self.l4 = seg
        if self.proto in WITH_PORTS and len(seg) >= 4:
            self.ports = struct.unpack_from("!HH", seg)
        if self.proto in (ICMP, ICMP6) and len(seg) >= 4:
            self.icmp = (seg[0], seg[1])
            if self.family == 6:
                self.icmp_bridge = self.icmp
        if self.proto == TCP and len(seg) >= 20:
            self.flags = seg[13]
            self.tcp_options = self._option_kinds(seg[20:(seg[12] >> 4) * 4])

    @staticmethod
    def _option_kinds(data):
        kinds, at = set(), 0
        while at < len(data):
            kinds.add(data[at])
            if data[at] < 2:
                at += 1
            else:
                at += data[at + 1] if at + 1 < len(data) and data[at + 1] else 1
        return kinds
