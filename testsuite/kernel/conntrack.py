# SPDX-License-Identifier: MIT
"""A small model of Linux connection tracking, enough to say which state a rule sees.

Modelled: tuples and their mirror, NEW until an answer was seen, the TCP state table without
sequence numbers (the test traffic keeps them right), ICMP queries, ICMP errors as RELATED, the
ICMPv6 types that are never tracked, SCTP by its opening chunk.  Everything else is tracked by
addresses and protocol number only, as the kernel's generic tracker does.

A flow begins to exist when its first packet has passed all rules (the kernel "confirms" it at the
far end of the hooks); an answer counts as seen when it reaches the tracker, whatever happens to it
afterwards.
"""
import struct

import frames as F

# icmp query type -> type of its answer, RFC 792, RFC 4443 and RFC 4620
PAIRS = {4: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17}, 6: {128: 129, 129: 128, 139: 140, 140: 139}}
OPENS = {4: (8, 13, 15, 17), 6: (128, 139)}
ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}
UNTRACKED6 = (130, 131, 132, 133, 134, 135, 136, 143)
# DCCP has a tracker of its own in some kernels only, so flows of it are kept apart without ports
PORTS_TRACKED = (F.TCP, F.UDP, F.SCTP, F.UDPLITE)

# TCP: state x (direction, kind) -> next state; absent = INVALID, "=" = state stays.
_ANY = ("SS", "SR", "ES", "FW", "CW", "LA", "TW", "CL")
TCP_NEXT = {
    ("original", "syn"): {None: "SS", "SS": "SS", "TW": "SS", "CL": "SS", "SR": "=", "ES": "=", "FW": "=", "CW": "=",
                          "LA": "="},
    ("original", "synack"): {"SR": "SR"},
    ("original", "fin"): {"SR": "FW", "ES": "FW", "FW": "LA", "CW": "LA", "LA": "LA", "TW": "TW", "CL": "CL"},
    ("original", "ack"): {None: "ES", "SR": "ES", "ES": "ES", "FW": "CW", "CW": "CW", "LA": "TW", "TW": "TW",
                          "CL": "CL"},
    ("original", "rst"): dict.fromkeys(_ANY, "CL"),
    ("reply", "syn"): {"TW": "SS"},
    ("reply", "synack"): dict({"SS": "SR"}, **dict.fromkeys(_ANY[1:], "=")),
    ("reply", "fin"): {"SR": "FW", "ES": "FW", "FW": "LA", "CW": "LA", "LA": "LA", "TW": "TW", "CL": "CL"},
    ("reply", "ack"): {"SS": "=", "SR": "SR", "ES": "ES", "FW": "CW", "CW": "CW", "LA": "TW", "TW": "TW", "CL": "CL"},
    ("reply", "rst"): dict.fromkeys(_ANY, "CL"),
}
VALID_FLAGS = {F.SYN, F.SYN | F.URG, F.SYN | F.ACK, F.RST, F.RST | F.ACK, F.FIN | F.ACK, F.FIN | F.ACK | F.URG,
               F.ACK, F.ACK | F.URG}


class Flow:
    def __init__(self, key):
        self.key, self.answered, self.tcp = key, False, None


class Conn:
    """What the rules see of one packet's connection."""

    def __init__(self, tracker, state, direction=None, flow=None, key=None):
        self.tracker, self.state, self.direction, self.flow = tracker, state, direction, flow
        self.tuple = flow.key if flow else key      # None: nothing that could be counted

    def alive(self):
        return set(self.tracker.flows)


def tcp_kind(flags):
    if flags & F.RST:
        return "rst"
    if flags & F.SYN:
        return "synack" if flags & F.ACK else "syn"
    if flags & F.FIN:
        return "fin"
    return "ack" if flags & F.ACK else "none"


def tuple_of(frame):
    """(own tuple, mirrored tuple); the second is None when the packet can have no answer.

    Of IPv6 the tracker sees what the bridge tables see: behind AH, and nothing where the chain of
    headers ends without a protocol."""
    base = (frame.family, frame.proto_bridge)
    if frame.proto_bridge is None:
        return base + (frame.saddr, frame.daddr), None
    if frame.proto_bridge in PORTS_TRACKED and frame.ports_bridge:
        sport, dport = frame.ports_bridge
        return base + (frame.saddr, sport, frame.daddr, dport), base + (frame.daddr, dport, frame.saddr, sport)
    if frame.icmp and frame.proto == (F.ICMP if frame.family == 4 else F.ICMP6):
        kind, code = frame.icmp
        ident = struct.unpack_from("!H", frame.l4, 4)[0] if len(frame.l4) >= 6 else 0
        answer = PAIRS[frame.family].get(kind)
        own = base + (frame.saddr, frame.daddr, kind, code, ident)
        return own, None if answer is None else base + (frame.daddr, frame.saddr, answer, code, ident)
    return base + (frame.saddr, frame.daddr), base + (frame.daddr, frame.saddr)


def flow_key(frame):
    """One key for both directions of a flow, to keep packets of one flow apart in time."""
    if frame.family is None:
        return None
    own, back = tuple_of(frame)
    return frozenset((own, back)) if back else None


class Tracker:
    def __init__(self):
        self.flows = {}

    def see(self, frame):
        if frame.family is None:
            return Conn(self, "UNTRACKED")
        if frame.family == 6 and frame.proto == F.ICMP6 and frame.icmp and frame.icmp[0] in UNTRACKED6:
            return Conn(self, "UNTRACKED")
        if frame.icmp and frame.icmp[0] in ERRORS[frame.family]:
            return self._error(frame)
        own, back = tuple_of(frame)
        if own in self.flows:
            return self._known(frame, self.flows[own], "original")
        if back in self.flows:
            return self._known(frame, self.flows[back], "reply")
        return self._first(frame, own, back)

    def _first(self, frame, own, back):
        if back is None or not self._may_open(frame):
            return Conn(self, "INVALID", key=own)
        flow = Flow(own)
        if frame.flags is not None:
            flow.tcp = TCP_NEXT["original", tcp_kind(frame.flags)][None]
        return Conn(self, "NEW", "original", flow)

    @staticmethod
    def _may_open(frame):
        if frame.proto == F.TCP:
            if frame.flags is None or frame.flags & 63 & ~F.PSH not in VALID_FLAGS:
                return False
            return None in TCP_NEXT.get(("original", tcp_kind(frame.flags)), ())
        if frame.proto == F.SCTP:
            return len(frame.l4) > 12 and frame.l4[12] == 1
        if frame.icmp:
            return frame.icmp[0] in OPENS[frame.family]
        return True

    def _known(self, frame, flow, direction):
        if frame.proto == F.TCP:
            if frame.flags is None or frame.flags & 63 & ~F.PSH not in VALID_FLAGS:
                return Conn(self, "INVALID", key=flow.key)
            nxt = TCP_NEXT.get((direction, tcp_kind(frame.flags)), {}).get(flow.tcp)
            if nxt is None:
                return Conn(self, "INVALID", key=flow.key)
            if nxt != "=":
                flow.tcp = nxt
        if direction == "reply":
            flow.answered = True
        return Conn(self, "ESTABLISHED" if flow.answered else "NEW", direction, flow)

    def _error(self, frame):
        """An ICMP error belongs to the flow of the packet that it quotes."""
        quoted = frame.l4[8:]
        kind = F.ETH_IP if frame.family == 4 else F.ETH_IP6
        if len(quoted) >= (28 if frame.family == 4 else 48):
            own, back = tuple_of(F.Decoded(F.ethernet(bytes(6), bytes(6), kind, quoted)))
            flow = self.flows.get(own) or self.flows.get(back)
            if flow:
                return Conn(self, "RELATED", "original" if back in self.flows else "reply", flow)
        return Conn(self, "INVALID", key=tuple_of(frame)[0])

    def passed(self, conn):
        if conn.flow is not None and conn.state == "NEW":
            self.flows.setdefault(conn.flow.key, conn.flow)
