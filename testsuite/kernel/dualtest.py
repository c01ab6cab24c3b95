#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""clean-traffic-dual, frame by frame in a real kernel: what a good guest sends passes, what a bad one sends does not.

Frames by hand with verdicts by hand, so that filter, compiler and reference can not be wrong
together.  Judged as ebtables, as the script for ebtables and iptables, and as nft, with addresses of both families and with those of one
family alone; the reference must say the same.

    dualtest.py --nwfc build/nwfc

Needs no privileges where user namespaces are allowed.  Says SKIP and why where something is missing.
"""
import argparse
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import frames as F          # noqa: E402
import lab as L             # noqa: E402
import packets as P         # noqa: E402
import packettest as T      # noqa: E402
import refsem as R          # noqa: E402

MAC = "52:54:00:aa:bb:cc"
IPV4 = ["192.168.122.10", "192.168.122.11"]
IPV6 = ["fe80::5054:ff:feaa:bbcc", "fd00:122::10", "fd00:122::aa:11"]
ROUTERS, REPORTS, AGENTS = F.addr("ff02::2"), F.addr("ff02::16"), F.addr("ff02::1:2")
SCENES = {      # name: (values of IP, of IPV6)
    "both known": (IPV4, IPV6),
    "IPv4 known": (IPV4, ["::"]),
    "IPv6 known": (["0.0.0.0"], IPV6),
}
ALWAYS, WITH4, WITH6, NEVER = set(SCENES), {"both known", "IPv4 known"}, {"both known", "IPv6 known"}, set()


class Port:
    def __init__(self, addresses4, addresses6):
        self.name, self.mac, self.filter = "vnet0", MAC, "clean-traffic-dual"
        self.scope = {"MAC": [MAC], "IP": addresses4, "IPV6": addresses6}


def solicited(address):
    return F.addr("ff02::1:ff00:0")[:13] + address[13:]


def headless(nxt):
    """The first fragment of a packet whose destination options hide what comes: the rest is not in it."""
    return lambda number: dict(kind="ip6", proto=F.DSTOPT, ext=(P.first_of_more,),
                               payload=F.options6(nxt, b"\x01\x0c" + F.tag(number) + bytes(4)))


def frames(w):
    """name: (path, spec, scenes in which it passes)"""
    own4, own6 = [F.addr(a) for a in IPV4], [F.addr(a) for a in IPV6]
    ll, spoof6, spoof_ll, peer_ll = own6[0], w.spoof6, w.spoof_ll, w.peer_ll
    any4, any6 = P.ANY4, P.ANY6
    arp = dict(kind="arp", dmac=P.BROADCAST)
    dhcp = dict(saddr=any4, daddr=P.ALL4, dmac=P.BROADCAST, sport=68, dport=67)
    serve4 = dict(saddr=own4[0], daddr=P.ALL4, dmac=P.BROADCAST, sport=67, dport=68)
    serve6 = dict(kind="ip6", saddr=ll, daddr=peer_ll, sport=547, dport=546)
    icmp = lambda kind, src, dst, **more: dict(kind="ip6", proto=F.ICMP6, icmp=(kind, 0), saddr=src, daddr=dst,
                                               dmac=group_mac(dst) if dst[0] == 0xFF else w.peer_mac, **more)
    ra, redirect = icmp(134, ll, P.ALLNODES), icmp(137, ll, w.peer6)
    new6 = F.addr("fd00:122::bb:22")
    yield from {
        "dhcp discover": ("out", dhcp, ALWAYS),
        "dhcp renew": ("out", dict(saddr=own4[0], sport=68, dport=67), WITH4),
        "dhcp offer in": ("in", dict(daddr=own4[0], sport=67, dport=68), ALWAYS),
        "arp probe": ("out", dict(arp, spa=any4, tpa=F.addr("192.168.122.99")), ALWAYS),
        "arp announcement": ("out", dict(arp, spa=own4[0], tpa=own4[0]), WITH4),
        "arp request": ("out", dict(arp, spa=own4[1]), WITH4),
        "arp reply": ("out", dict(kind="arp", op=2, spa=own4[1], tpa=w.peer4, tha=w.peer_mac), WITH4),
        "arp in": ("in", dict(kind="arp", op=2), ALWAYS),
        "dad of the link-local address": ("out", icmp(135, any6, solicited(ll), target=ll), ALWAYS),
        "dad of a new address": ("out", icmp(135, any6, solicited(new6), target=new6), ALWAYS),
        "mld report from ::": ("out", icmp(143, any6, REPORTS, ext=(P.hop,)), ALWAYS),
        "mld report": ("out", icmp(143, ll, REPORTS, ext=(P.hop,)), ALWAYS),
        "mld report of version 1": ("out", icmp(131, ll, solicited(ll), ext=(P.hop,)), ALWAYS),
        "router solicitation": ("out", icmp(133, ll, ROUTERS), ALWAYS),
        "router solicitation from ::": ("out", icmp(133, any6, ROUTERS), ALWAYS),
        "dhcpv6 solicit": ("out", dict(kind="ip6", saddr=ll, daddr=AGENTS, sport=546, dport=547), ALWAYS),
        "neighbour solicitation": ("out", icmp(135, ll, solicited(peer_ll), target=peer_ll), ALWAYS),
        "neighbour solicitation, unicast": ("out", icmp(135, own6[1], w.peer6), WITH6),
        "router advertisement in": ("in", icmp(134, peer_ll, P.ALLNODES), ALWAYS),
        "neighbour solicitation in": ("in", icmp(135, peer_ll, solicited(own6[1]), target=own6[1]), ALWAYS),
        "neighbour advertisement in": ("in", icmp(136, peer_ll, P.ALLNODES), ALWAYS),
        "dhcpv6 reply in": ("in", dict(kind="ip6", saddr=peer_ll, daddr=ll, sport=547, dport=546), ALWAYS),
        "mld query in": ("in", icmp(130, peer_ll, P.ALLNODES, ext=(P.hop,)), ALWAYS),
        "large echo, first fragment": ("out", icmp(128, own6[1], w.peer6, ext=(P.first_of_more,)), WITH6),
        "large echo, later fragment": ("out", icmp(128, own6[1], w.peer6, ext=(P.later,), offset=1), WITH6),
        "large udp, later fragment": ("out", dict(kind="ip6", saddr=own6[1], ext=(P.later,), offset=1), WITH6),
        "esp 6": ("out", dict(kind="ip6", proto=F.ESP, saddr=own6[1]), WITH6),
        "esp 6 in": ("in", dict(kind="ip6", proto=F.ESP), ALWAYS),
        "tcp in": ("in", dict(proto=F.TCP, dport=22), ALWAYS),
        "tcp 6 in": ("in", dict(kind="ip6", proto=F.TCP, dport=22), ALWAYS),

        "udp 6 from ::": ("out", dict(kind="ip6", saddr=any6), NEVER),
        "echo from ::": ("out", icmp(128, any6, P.ALLNODES), NEVER),
        "udp from a foreign link-local address": ("out", dict(kind="ip6", saddr=spoof_ll), NEVER),
        "echo from a foreign link-local address": ("out", icmp(128, spoof_ll, w.peer6), NEVER),
        "dhcpv6 port, no request": ("out", dict(kind="ip6", saddr=spoof_ll, daddr=w.peer6, sport=546, dport=547), NEVER),
        "spoofed mac, udp": ("out", dict(saddr=own4[0], smac=P.OTHER_MAC), NEVER),
        "spoofed mac, udp 6": ("out", dict(kind="ip6", saddr=own6[1], smac=P.OTHER_MAC), NEVER),
        "spoofed mac, arp": ("out", dict(arp, spa=own4[0], smac=P.OTHER_MAC, sha=w.guest_mac), NEVER),
        "spoofed mac, dhcp": ("out", dict(dhcp, smac=P.OTHER_MAC), NEVER),
        "spoofed mac, dad": ("out", icmp(135, any6, solicited(ll), target=ll, smac=P.OTHER_MAC), NEVER),
        "spoofed mac, advertisement": ("out", icmp(136, ll, P.ALLNODES, smac=P.OTHER_MAC), NEVER),
        "arp of another": ("out", dict(arp, op=2, spa=w.spoof4), NEVER),
        "arp of another, announcement": ("out", dict(arp, spa=w.spoof4, tpa=w.spoof4), NEVER),
        "arp with another mac inside": ("out", dict(arp, spa=own4[0], sha=P.OTHER_MAC), NEVER),
        "arp probe with another mac inside": ("out", dict(arp, spa=any4, sha=P.OTHER_MAC), NEVER),
        "spoofed 4, udp": ("out", dict(saddr=w.spoof4), NEVER),
        "spoofed 4, tcp": ("out", dict(saddr=w.spoof4, proto=F.TCP), NEVER),
        "spoofed 6, udp": ("out", dict(kind="ip6", saddr=spoof6), NEVER),
        "spoofed 6, tcp": ("out", dict(kind="ip6", saddr=spoof6, proto=F.TCP), NEVER),
        "spoofed 6 behind options": ("out", dict(kind="ip6", saddr=spoof6, ext=(P.dst,)), NEVER),
        "solicitation from another": ("out", icmp(135, spoof6, w.peer6), NEVER),
        "solicitation from ::, unicast": ("out", icmp(135, any6, w.peer6), NEVER),
        "solicitation from a foreign link-local address": ("out", icmp(135, spoof_ll, w.peer6), NEVER),
        "advertisement from another": ("out", icmp(136, spoof6, P.ALLNODES, target=spoof6), NEVER),
        "advertisement from another link-local address": ("out", icmp(136, spoof_ll, P.ALLNODES, target=spoof_ll), NEVER),
        "advertisement from another behind options": ("out", icmp(136, spoof6, P.ALLNODES, ext=(P.hop, P.dst)), NEVER),
        "advertisement from ::": ("out", icmp(136, any6, P.ALLNODES, target=own6[1]), NEVER),
        "router advertisement": ("out", ra, NEVER),
        "router advertisement from an own address": ("out", icmp(134, own6[1], P.ALLNODES), NEVER),
        "router advertisement from ::": ("out", icmp(134, any6, P.ALLNODES), NEVER),
        "redirect": ("out", redirect, NEVER),
        "dhcp server": ("out", serve4, NEVER),
        "dhcp server, unicast": ("out", dict(saddr=own4[1], sport=67, dport=68), NEVER),
        "dhcp server, other port": ("out", dict(serve4, sport=1067), NEVER),
        "dhcp server from 0.0.0.0": ("out", dict(serve4, saddr=any4), NEVER),
        "dhcp server behind ip options": ("out", dict(serve4, ipopt=b"\x01" * 4), NEVER),
        "dhcp server, first fragment": ("out", dict(serve4, more=True), NEVER),
        "dhcpv6 server": ("out", serve6, NEVER),
        "dhcpv6 server, other port": ("out", dict(serve6, sport=1547), NEVER),
        "vlan": ("out", dict(kind="vlan", saddr=own4[0]), NEVER),
        "vlan 6": ("out", dict(kind="vlan", inner="ip6", saddr=own6[1]), NEVER),
        "ethertype lldp": ("out", dict(kind="other", ethertype=0x88CC), NEVER),
        "ethertype pppoe": ("out", dict(kind="other", ethertype=0x8863), NEVER),
        "ethertype pppoe in": ("in", dict(kind="other", ethertype=0x8863), NEVER),
        "llc": ("out", dict(kind="llc"), NEVER),
        "rarp": ("out", dict(kind="rarp", op=3, spa=w.spoof4), NEVER),
    }.items()
    for n, address in enumerate(own4):
        yield "udp from IPv4 address %d" % n, ("out", dict(saddr=address), WITH4)
        yield "tcp from IPv4 address %d" % n, ("out", dict(saddr=address, proto=F.TCP), WITH4)
    for n, address in enumerate(own6):
        yield "udp from IPv6 address %d" % n, ("out", dict(kind="ip6", saddr=address), WITH6)
        yield "tcp from IPv6 address %d" % n, ("out", dict(kind="ip6", saddr=address, proto=F.TCP), WITH6)
        yield "udp behind options from IPv6 address %d" % n, ("out", dict(kind="ip6", saddr=address, ext=(P.hop, P.dst)), WITH6)
        yield "echo from IPv6 address %d" % n, ("out", icmp(128, address, w.peer6), WITH6)
        yield "advertisement of IPv6 address %d" % n, ("out", icmp(136, address, P.ALLNODES), WITH6)
    for chain in ((P.hop,), (P.dst,), (P.route,), (P.hop, P.dst), (P.dst, P.route, P.dst), (P.first,), (P.first, P.dst),
                  (P.first_of_more,), (P.hop, P.first_of_more, P.dst), (P.auth,), (P.dst,) * 8):
        name = " behind " + " ".join(ext.__name__ for ext in chain)
        yield "router advertisement" + name, ("out", dict(ra, ext=chain), NEVER)
        yield "redirect" + name, ("out", dict(redirect, ext=chain), NEVER)
        yield "dhcpv6 server" + name, ("out", dict(serve6, ext=chain), NEVER)
    for name, nxt in (("icmpv6", F.ICMP6), ("udp", F.UDP), ("more options", F.DSTOPT)):
        yield "fragment that hides %s" % name, ("out", headless(nxt), NEVER)


def group_mac(address):
    return b"\x33\x33" + address[12:]


def traffic_of(world, reference):
    traffic = P.Traffic(world, reference)
    wanted = []
    for name, (path, spec, scenes) in frames(world):
        spec = spec(len(traffic.packets)) if callable(spec) else spec
        before = len(traffic.packets)
        traffic.add(path, name, **spec)
        assert len(traffic.packets) == before + 1, name
        wanted.append(scenes)
    return traffic.packets, wanted


def judge(nwfc, scene):
    """[lines about what is wrong], number of frames judged, in a lab of this process."""
    port = Port(*SCENES[scene])
    reference = R.Reference(R.read_filters([T.STOCK]), port)
    world = P.World(Port(IPV4, IPV6))
    packets, wanted = traffic_of(world, reference)
    lab = L.Lab(world)
    L.choose_variant(None, None)
    wrong, judged, skipped = [], 0, []
    if L.run(["ebtables", "-t", "nat", "-L"])[0]:
        skipped.append("no ebtables")
    for packet, scenes in zip(packets, wanted):
        verdict = reference.bridge_verdict(packet.decoded, packet.direction)[0]
        if (verdict == R.PASS) != (scene in scenes):
            wrong.append("reference: %s: %s" % (packet.name, verdict))
    for filtered in (False, True):
        lab.bridge_netfilter(filtered)
        base = lab.send(packets, False)
        for target in ("nft", "ebtables", "xtables"):
            if target != "nft" and skipped:
                continue
            load(nwfc, target, port)
            seen = lab.send(packets, False)
            clear()
            for packet, scenes in zip(packets, wanted):
                free, got = places(packet, base), places(packet, seen)
                if not free and not filtered:
                    wrong.append("%s: reaches nothing even without rules" % packet.name)
                must = free if scene in scenes else set()
                judged += bool(free)
                if got != must:
                    wrong.append("%s: %s: seen at %s, must be %s" % (target, packet.name, show(got), show(must)))
    return wrong, judged, skipped


def places(packet, seen):
    """Where a frame was seen that counts: the other end of its path."""
    return seen[packet.id][0] & ({"p"} if packet.path == "out" else {"g"})


def show(found):
    return "+".join(sorted(found)) or "nowhere"


def load(nwfc, target, port):
    values = ["-D%s=%s" % (name, value) for name in ("IP", "IPV6") for value in port.scope[name]]
    done = subprocess.run([nwfc, "compile", "-t", target, "--port", port.name, "--mac", MAC, "--filter", port.filter] +
                          values, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode or done.stderr:
        raise T.Failure("compile -t %s: exit %d\n%s" % (target, done.returncode, done.stderr))
    T.load_script(target, done.stdout)


def clear():
    L.run(["nft", "flush", "ruleset"])
    for tables in (["ebtables", "-t", "nat"], ["iptables"], ["ip6tables"]):
        for flag in ("-F", "-X"):
            L.run(tables + [flag])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nwfc", required=True, help="the compiler")
    nwfc = os.path.abspath(parser.parse_args().nwfc)
    os.environ.update(NWFC_LOCK="", NWFC_ASSUME_BR_NETFILTER="1")
    passed = failed = 0
    for scene in SCENES:
        try:
            wrong, judged, skipped = T.in_child(lambda: judge(nwfc, scene), None)()
        except L.Unavailable as e:
            print("SKIP: frames of a guest with both families: %s" % e)
            print("0 passed, 0 failed, %d skipped" % len(SCENES))
            return 0
        except T.Failure as e:
            wrong, judged, skipped = [str(e)], 0, []
        for line in wrong:
            print("FAIL  %s: %s" % (scene, line))
        for line in skipped:
            print("SKIP: %s: %s" % (scene, line))
        print("%s: %d frames judged" % (scene, judged))
        failed += bool(wrong)
        passed += not wrong
    print("dual: %d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
