# SPDX-License-Identifier: MIT
"""What must become of each packet of a run, and what became of it instead.

The reference decides on the packet itself; the bare bridge (a run without rules) says where the
packet gets when nothing stops it.  A packet that must pass has to reach exactly those places, one
that must not has to reach none.
"""
import conntrack
import frames as F
import refsem as R


class Expectation:
    __slots__ = ("verdict", "rule", "why_not", "answer")

    def __init__(self, verdict, rule=None, why_not=None, answer=False):
        # why_not: a reason for which the verdict can not be held against this target
        self.verdict, self.rule, self.why_not, self.answer = verdict, rule, why_not, answer


class Target:
    """What a family of rule sets is shown and can do, as far as it changes the expectation."""

    def __init__(self, name, bridge_only, rejects_in, any_tag=False):
        # any_tag: the bridge tables call a frame with an 802.1ad tag an 802.1Q one
        # bridge_only: IP rules towards the guest see forwarded bridge traffic only (iptables FORWARD)
        # rejects_in: a reject towards the guest can answer
        self.name, self.bridge_only, self.rejects_in, self.any_tag = name, bridge_only, rejects_in, any_tag


XTABLES = Target("xtables", bridge_only=True, rejects_in=True)
XTABLES_LEGACY = Target("xtables", bridge_only=True, rejects_in=True, any_tag=True)
NFT = Target("nft", bridge_only=False, rejects_in=False)


def in_order(traffic):
    """Packets as the lab sends them: batch by batch, step by step."""
    return sorted(traffic, key=lambda p: (p.batch, p.step, p.id))


def predict(reference, traffic, base, target):
    """{packet id: Expectation} for one target; base: {id: (places, answers)} of the bare bridge."""
    found, tracker, batch = {}, None, None
    blind = set()       # sequences whose connection the model has lost sight of
    for packet in in_order(traffic):
        if packet.batch != batch:
            tracker, batch = conntrack.Tracker(), packet.batch
        found[packet.id] = judge(reference, packet, tracker, target, blind, bool(base[packet.id][0]))
    return found


def judge(reference, packet, tracker, target, blind, delivered):
    frame, direction = packet.decoded, packet.direction
    if frame.dst == F.BRIDGE_GROUP and reference.looks_into_bpdu and target.bridge_only:
        # the kernel's ebt_stp takes the protocol identifier for one octet and reads every field one too early
        return Expectation(R.PASS, None, "BPDU fields as ebtables reads them")
    if target.any_tag and frame.ethertype == F.ETH_QINQ:
        return Expectation(R.PASS, None, "802.1ad and legacy ebtables")
    odd = None if target.bridge_only else beyond_nft(reference, frame)
    if odd:
        return Expectation(R.PASS, None, odd)
    verdict, rule = reference.bridge_verdict(frame, direction)
    if direction == R.OUT and verdict == R.DROP:
        # the tracker never saw it; SCTP checks tags it should have seen in it
        if packet.seq is not None and frame.proto == F.SCTP:
            blind.add(packet.seq)
        return Expectation(verdict, rule)
    if frame.family is None:
        return Expectation(verdict, rule)
    why = doubt(reference, packet, target)
    if why:
        if packet.seq is not None:
            blind.add(packet.seq)
        return Expectation(verdict, rule, None if verdict == R.DROP else why)
    shown = not target.bridge_only or packet.path in ("out", "in")
    ip_verdict, ip_rule = R.PASS, None
    if reference.uses_ip:
        conn = tracker.see(frame)
        if conn.flow is None and not target.bridge_only and meets_limit(reference, packet):
            # without a connection nft's counter drops in the bridge family, where it can not read the packet
            return Expectation(verdict, rule, "connection limit without a connection")
        if shown:
            ip_verdict, ip_rule = reference.ip_verdict(frame, direction, conn)
        # what the host makes or routes is confirmed by its IP stack, before the bridge has its say
        if packet.path in ("host", "routed") or verdict == R.PASS and ip_verdict == R.PASS and delivered:
            tracker.passed(conn)
    why = "connection lost from sight" if packet.seq in blind else None
    if ip_verdict == R.REJECT and (direction == R.OUT or target.rejects_in):
        return Expectation(R.REJECT, ip_rule, why, answerable(reference, packet, target))
    if ip_verdict != R.PASS:
        return Expectation(R.DROP, ip_rule, why)
    return Expectation(verdict, rule, why)


def beyond_nft(reference, frame):
    """What ebtables walks through and nft can not follow, or None."""
    if frame.arp and frame.arp["hlen"] != 6:
        return "ARP behind hardware addresses of another length"
    if frame.family == 6 and frame.proto in (F.AH, F.NONXT) and reference.looks_at_ip6_protocol:
        return "protocol behind AH or no next header"
    return None


def doubt(reference, packet, target):
    """Why nothing can be said about this packet at the IP stage, or None."""
    frame = packet.decoded
    if not frame.well_formed:
        return "malformed"
    if frame.fragmented and reference.uses_state:
        return "fragment with connection tracking"
    if frame.frag and target.bridge_only and reference.looks_into_transport:
        # iptables on nf_tables reads ports there, the legacy variant does not
        return "later fragment and a transport condition"
    if not packet.slow and meets_limit(reference, packet):
        return "connection limit and other connections"
    return None


def meets_limit(reference, packet):
    return reference.uses_limit and any(e.limit and e.concerns(packet.decoded) for e in reference.ip[packet.direction])


def answerable(reference, packet, target):
    """Is an answer sure to come back to the sender?  Unicast from a right source, and for the guest
    nothing in its own way in."""
    frame = packet.decoded
    if not packet.fair or frame.dst[0] & 1 or frame.fragmented or frame.proto_bridge is None:
        return False
    if frame.icmp and frame.icmp[0] not in conntrack.OPENS[frame.family]:
        return False
    if frame.proto == F.TCP and frame.flags is not None and frame.flags & F.RST:
        return False
    return packet.path == "in" or answer_gets_in(reference, frame, target)


def answer_gets_in(reference, frame, target):
    """Would the bridge (and nft's IP stage) let the host's ICMP answer through to the guest?"""
    quoted = frame.raw[14:14 + 60]
    host = frame.daddr              # any address will do for rules about the answer's kind
    if frame.family == 4:
        body = F.ip4(host, frame.saddr, F.ICMP, F.icmp4(3, 3, bytes(4) + quoted))
    else:
        body = F.ip6(host, frame.saddr, F.ICMP6, F.icmp6(host, frame.saddr, 1, 4, bytes(4) + quoted))
    answer = F.Decoded(F.ethernet(frame.src, frame.dst, frame.ethertype, body))
    if reference.bridge_verdict(answer, R.IN)[0] != R.PASS:
        return False
    related = conntrack.Conn(conntrack.Tracker(), "RELATED", "reply")
    return target.bridge_only or reference.ip_verdict(answer, R.IN, related)[0] == R.PASS


def reached(packet, places):
    """The places that count.  Behind `in` paths only the guest does.  IP for the host counts when its
    IP stack has it, other frames when the bridge device has them."""
    if packet.path != "out":
        return places & {"g"}
    return places - ({"h"} if packet.decoded.family else {"l"})


def compare(traffic, expected, base, seen):
    """[(packet, expectation, what happened)] for the packets whose fate is wrong, and how many were judged."""
    wrong, judged, owed = [], 0, {}
    for packet in traffic:
        free = reached(packet, base[packet.id][0])
        if not free:
            continue
        want, (places, answers) = expected[packet.id], seen[packet.id]
        got = reached(packet, places)
        if want.why_not:
            continue
        judged += 1
        must = free if want.verdict == R.PASS else frozenset()
        rejected = not got and bool({a for a in answers if a.startswith("unreachable") or a == "reset"})
        if got != must:
            wrong.append((packet, want, "seen at %s, must be %s" % (show(got), show(must))))
        elif want.verdict == R.DROP and rejected:
            wrong.append((packet, want, "answered with %s" % ", ".join(sorted(answers))))
        elif want.verdict == R.REJECT and want.answer:
            owed.setdefault((want.rule, packet.path, "l" in free), []).append((packet, want, rejected))
    # single answers may fall to the host's rate limits, all those of one rule may not
    for group in owed.values():
        if len(group) >= 3 and not any(rejected for _, _, rejected in group):
            wrong.append(group[0][:2] + ("none of %d rejects was answered" % len(group),))
    return wrong, judged


def show(places):
    names = {"g": "guest", "p": "peer", "x": "outside", "h": "bridge", "l": "host"}
    return "+".join(names[c] for c in sorted(places)) or "nowhere"
