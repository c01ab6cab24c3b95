#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libvirt as witness: rules of virtual networks, packet by packet.

Our rules and libvirt's do not have the same shape, so both rule sets are asked about the same
packets, and so are our rules for nft: all combinations of the interfaces, address blocks, ports and states that either side
or the network names, and some that none does.  A small model of what networks mean here says
what the answer must be; ours must be the model's, and where the model leaves libvirt it must be
at a point that docs/differences.md has, which is known by its conditions.

    network_rules.py [--nwfc build/nwfc] [CASE...]

The corpus is looked for as in compare.py; without it the test says SKIP.
"""
import argparse
import ipaddress
import itertools
import os
import re
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter, namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOLS = {"iptables": 4, "ip6tables": 6}
OUTSIDE = {4: ["203.0.113.9", "224.0.0.5", "255.255.255.255"], 6: ["2001:db8:ff::9", "ff02::5"]}
Packet = namedtuple("Packet", "table hook into out src dst proto port state")


# --- rules as the -save tools print them --------------------------------------------------

def parse(text):
    tables, table = {}, None
    for line in text.splitlines():
        if line.startswith("*"):
            table = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            table.setdefault(line[1:].split()[0], [])
        elif line[:3] in ("-A ", "-I "):
            words = shlex.split(line)
            table.setdefault(words[1], []).append(rule(words[2:]))
    return tables


def rule(words):
    tests, target, i, negated = [], None, 0, False
    while i < len(words):
        word = words[i]
        if word == "!":
            negated, i = True, i + 1
            continue
        if word in ("-j", "-g"):
            target = (word, words[i + 1], " ".join(words[i + 2:]))
            break
        if word != "-m":
            tests.append((word, words[i + 1], negated))
        negated, i = False, i + 2
    return tests, target


# --- the table inet of our nft script, in the same form ------------------------------------

NFT_TESTS = [(re.compile(pattern), words) for pattern, words in (
    (r"([io])ifname (!= )?\"([^\"]*)\" ", lambda m: [("-" + m[1], m[3], bool(m[2]))]),
    (r"(ip6?) ([sd])addr (!= )?(\S+) ", lambda m: [("family", m[1], False), ("-" + m[2], m[4], bool(m[3]))]),
    (r"meta nfproto ipv([46]) ", lambda m: [("family", "ip6" if m[1] == "6" else "ip", False)]),
    (r"meta l4proto (\w+) ", lambda m: [("-p", m[1], False)]),
    (r"(tcp|udp) dport (\d+) ", lambda m: [("-p", m[1], False), ("--dport", m[2], False)]),
    (r"(icmp(?:v6)?) type ([\d-]+) ", lambda m: [("-p", "ipv6-icmp" if m[1] == "icmpv6" else "icmp", False),
                                                ("--icmp-type", m[2], False)]),
    (r"ct state ([a-z,]+) ", lambda m: [("--ctstate", m[1].upper(), False)]))]
NFT_NAT = ((r"masquerade$", "MASQUERADE"), (r"masquerade to :(\S+)$", r"MASQUERADE --to-ports \1"),
           (r"snat ip to (\S+)$", r"SNAT --to-source \1"))
NFT_HOOKS = {"forward": ("filter", "FORWARD"), "input": ("filter", "INPUT"), "postrouting": ("nat", "POSTROUTING")}


def nft_rule(line):
    tests, rest = [], line + " "
    while True:
        for pattern, words in NFT_TESTS:
            m = pattern.match(rest)
            if m:
                tests += words(m)
                rest = rest[m.end():]
                break
        else:
            break
    rest = rest.strip()
    if rest in ("return", "reject", "accept"):
        return tests, ("-j", rest.upper(), "")
    for pattern, words in NFT_NAT:
        if re.match(pattern, rest):
            name, _, options = re.sub(pattern, words, rest).partition(" ")
            return tests, ("-j", name, options)
    raise ValueError("no meaning for " + line)


def parse_nft(text):
    chains, maps, tables = {}, {}, {"filter": {}, "nat": {}}
    text = text[text.find("table inet nwfc {"):]
    for kind, name, body in re.findall(r"^\t(chain|map) (\S+) \{\n(.*?)^\t\}", text, re.M | re.S):
        if kind == "map":
            maps[name] = re.findall(r'"([^"]*)" : jump (\S+?),?$', body, re.M)
        else:
            chains[name] = [line.strip() for line in body.splitlines()]
    for name, lines in chains.items():
        hook = re.match(r"type \w+ hook (\w+)", lines[0]) if lines else None
        table, into = NFT_HOOKS[hook[1]] if hook else ("filter", name)
        rules = tables[table].setdefault(into, [])
        for line in lines[1 if hook else 0:]:
            lookup = re.match(r"([io])ifname vmap @(\S+)$", line)
            rules += [([("-" + lookup[1], key, False)], ("-j", to, "")) for key, to in maps[lookup[2]]] \
                if lookup else [nft_rule(line)]
    return tables


def holds(test, p):
    word, value, negated = test
    if word in ("-i", "-o"):
        name = p.into if word == "-i" else p.out
        hit = name.startswith(value[:-1]) if value.endswith("+") else name == value
    elif word in ("-s", "-d"):
        address = p.src if word == "-s" else p.dst
        hit = ipaddress.ip_address(address) in ipaddress.ip_network(value)
    elif word == "-p":
        hit = value == p.proto
    elif word == "--dport":
        hit = int(value) == p.port
    elif word in ("--icmp-type", "--icmpv6-type"):
        first, _, last = value.partition("-")
        hit = int(first) <= p.port <= int(last or first)
    elif word == "family":
        hit = ipaddress.ip_address(p.src).version == (6 if value == "ip6" else 4)
    elif word == "--ctstate":
        hit = p.state in value.split(",")
    else:
        raise ValueError("no meaning for " + word)
    return hit != negated


def walk(table, chain, p):
    """The verdict of a chain; None: it ends without one."""
    for tests, (how, name, words) in table.get(chain, []):
        if not all(holds(t, p) for t in tests):
            continue
        if name == "RETURN":
            return None
        if name in table:
            verdict = walk(table, name, p)
            if verdict or how == "-g":
                return verdict
        elif name == "CHECKSUM":
            return name
        elif name in ("REJECT", "ACCEPT"):
            return name
        else:  # a range of one address is the address
            return (name + " " + re.sub(r"\b([\d.]+)-\1(?![\d.])", r"\1", words)).strip()
    return None


def ask(tables, p):
    return walk(tables.get(p.table, {}), p.hook, p)


# --- what a network means ------------------------------------------------------------------

class Network:
    def __init__(self, root):
        forward, nat = root.find("forward"), root.find("forward/nat")
        self.mode = "none" if forward is None else forward.get("mode", "nat")
        bridge = root.find("bridge")
        self.bridge = "" if bridge is None else bridge.get("name", "")
        interface = root.find("forward/interface")
        self.dev = None
        if forward is not None and self.mode != "none":
            self.dev = forward.get("dev") or (interface.get("dev") if interface is not None else None)
        self.nat6 = nat is not None and nat.get("ipv6") == "yes"
        self.flag6 = root.get("ipv6") == "yes"
        self.blocks = {4: [], 6: []}
        self.tftp = self.dhcp = False
        for ip in root.findall("ip"):
            block = self.block(ip)
            self.blocks[block.version].append(block)
            if block.version == 4:
                self.tftp |= ip.find("tftp") is not None
                self.dhcp |= ip.find("dhcp/range") is not None or ip.find("dhcp/host") is not None
        ports = root.find("forward/nat/port")
        self.ports = "1024-65535"
        if ports is not None and ports.get("start") != "0":
            self.ports = "%s-%s" % (ports.get("start"), ports.get("end"))
        addresses = root.find("forward/nat/address")
        self.range = None
        if addresses is not None:
            start, end = addresses.get("start"), addresses.get("end")
            self.range = start if start == end else "%s-%s" % (start, end)

    @staticmethod
    def block(ip):
        address, mask = ip.get("address"), ip.get("prefix") or ip.get("netmask")
        if not mask:
            first = int(address.split(".")[0]) if ":" not in address else 0
            mask = "64" if ":" in address else "8" if first < 128 else "16" if first < 192 else "24"
        return ipaddress.ip_network("%s/%s" % (address, mask), strict=False)

    @property
    def ruled(self):
        return self.mode in ("none", "nat", "route")

    def speaks(self, v):
        return v == 4 or self.flag6 or bool(self.blocks[6])

    def translates(self, v):
        return self.mode == "nat" and (v == 4 or self.nat6)

    def holds(self, address, v):
        return any(ipaddress.ip_address(address) in b for b in self.blocks[v])

    def lets_out(self, p, v):
        return self.mode != "none" and self.holds(p.src, v) and self.dev in (None, p.out)

    def lets_in(self, p, v):
        return (self.mode != "none" and self.holds(p.dst, v) and self.dev in (None, p.into) and
                (not self.translates(v) or p.state == "ESTABLISHED"))


def model_forward(nets, p, v):
    a, b = nets.get(p.into), nets.get(p.out)
    if a is not b and (a and not a.lets_out(p, v) or b and not b.lets_in(p, v)):
        return "REJECT"
    return "ACCEPT" if any(n and n.speaks(v) for n in (a, b)) else None


def served(n, p, v, dhcp):
    if v == 6 and not n.blocks[6]:
        return False
    if p.proto == "tcp":
        return p.port == 53 or v == 4 and p.port == dhcp
    return p.proto == "udp" and (p.port in (53, dhcp) or v == 4 and n.tftp and p.port == 69)


# Echo, listener reports and queries, router and neighbour discovery.
NEEDED6 = (128, 130, 131, 132, 133, 134, 135, 136, 143)


def model_input(nets, p, v):
    n = nets.get(p.into)
    if not n:
        return None
    if served(n, p, v, 67 if v == 4 else 547):
        return "ACCEPT"
    if n.mode != "none":
        return None
    needed = p.proto == "icmp" and p.port == 8 or p.proto == "ipv6-icmp" and p.port in NEEDED6
    return "ACCEPT" if p.state == "ESTABLISHED" or needed else "REJECT"


def model_output(nets, p, v):
    n = nets.get(p.out)
    return "ACCEPT" if n and served(n, p, v, 68 if v == 4 else 546) else None


def model_nat(nets, p, v):
    for n in nets.values():
        if not n.translates(v) or not n.holds(p.src, v) or n.dev not in (None, p.out):
            continue
        if not n.dev and p.out == n.bridge:
            return None
        if p.dst in ("224.0.0.5", "255.255.255.255", "ff02::5"):
            return None
        block = next(b for b in n.blocks[v] if ipaddress.ip_address(p.src) in b)
        if ipaddress.ip_address(p.dst) in block:
            return None
        ports = p.proto in ("tcp", "udp")
        if n.range and v == 4:
            return "SNAT --to-source " + n.range + (":" + n.ports if ports else "")
        return "MASQUERADE" + (" --to-ports " + n.ports if ports else "")
    return None


def model_mangle(nets, p, v):
    n = nets.get(p.out)
    return "CHECKSUM" if v == 4 and n and n.dhcp and p.proto == "udp" and p.port == 68 else None


MODELS = {("filter", "FORWARD"): model_forward, ("filter", "INPUT"): model_input,
          ("filter", "OUTPUT"): model_output, ("nat", "POSTROUTING"): model_nat,
          ("mangle", "POSTROUTING"): model_mangle}


# --- the points of docs/differences.md -------------------------------------------------------

ROWS = {"both-sides": "consent of both sides", "unspoken-family": "IPv6 that a network does not speak",
        "isolated-host": "isolated networks and the host", "own-bridge": "translation on the bridge itself",
        "bridge-name": "bridge without a name"}


def point(nets, p, v, ours, theirs):
    """Which point explains the difference; None: none does."""
    a, b = nets.get(p.into), nets.get(p.out)
    if p.hook == "FORWARD" and ours == "REJECT" and theirs != "DROP":
        if any(n and not n.speaks(v) for n in (a, b)):
            return "unspoken-family"
        if theirs == "ACCEPT" and a and b and a is not b:
            return "both-sides"
    if p.hook == "INPUT" and theirs is None and a and a.mode == "none":
        return "isolated-host"
    if p.table == "nat" and ours is None and p.out in nets and nets[p.out].holds(p.src, v):
        return "own-bridge"
    return None


# --- packets ---------------------------------------------------------------------------------

def addresses(nets, v):
    found = list(OUTSIDE[v])
    for n in nets.values():
        for b in n.blocks[v]:
            found += [str(b.network_address + 2), str(b.broadcast_address - 1)]
    return sorted(set(found))


def packets(nets, v):
    names = sorted(nets) + ["other0"] + sorted({n.dev for n in nets.values() if n.dev})
    icmp, ends = ("icmp", "ipv6-icmp")[v == 6], addresses(nets, v)
    services = [(proto, port) for proto in ("tcp", "udp") for port in (53, 67, 68, 69, 80, 546, 547)]
    services += [(icmp, t) for t in (0, 8, 127, 128, 129, 130, 133, 136, 137, 142, 143, 144)] + [("sctp", 80)]
    a, b = ends[0], ends[-1]
    for into, out, src, dst, state in itertools.product(names, names, ends, ends, ("NEW", "ESTABLISHED")):
        yield Packet("filter", "FORWARD", into, out, src, dst, "udp", 80, state)
    for name, (proto, port), state in itertools.product(names, services, ("NEW", "ESTABLISHED")):
        yield Packet("filter", "INPUT", name, "", a, b, proto, port, state)
        yield Packet("filter", "OUTPUT", "", name, a, b, proto, port, state)
        yield Packet("mangle", "POSTROUTING", "", name, a, b, proto, port, state)
    for name, src, dst, proto in itertools.product(names, ends, ends, ("tcp", "udp", "sctp", icmp)):
        yield Packet("nat", "POSTROUTING", "", name, src, dst, proto, 80, "NEW")


# --- cases -----------------------------------------------------------------------------------

class Case:
    def __init__(self, path):
        self.path, self.name, self.problems, self.points, self.asked = path, path.name, [], Counter(), 0
        self.inputs = [path / "network.xml"] + sorted((path / "extra").glob("*.xml"))
        roots = [ET.parse(f).getroot() for f in self.inputs]
        self.networks = [Network(r) for r in roots]

    def compile(self, nwfc, folder):
        command = [nwfc, "compile", "-q", "-t", "iptables", "-t", "ip6tables", "-t", "nft", "-o", folder]
        return subprocess.run(command + [str(f) for f in self.inputs], capture_output=True, text=True)

    def run(self, nwfc):
        nets = {n.bridge: n for n in self.networks if n.ruled}
        with tempfile.TemporaryDirectory() as folder:
            done = self.compile(nwfc, folder)
            if done.returncode:
                self.refused(nets, done.stderr)
                return
            nft = parse_nft((Path(folder) / "nwfc.nft").read_text())
            for tool, v in TOOLS.items():
                saved = self.path / "libvirt" / (tool + ".save")
                theirs = parse(saved.read_text() if saved.exists() else "")
                self.compare(nets, parse((Path(folder) / tool).read_text()), nft, theirs, v)

    def refused(self, nets, text):
        if "[E250]" in text and any(not b or "%d" in b for b in nets):
            self.points["bridge-name"] += 1
        else:
            self.problems.append("refused: " + text.strip()[:300])

    def compare(self, nets, ours, nft, theirs, v):
        for p in packets(nets, v):
            self.asked += 1
            want = MODELS[p.table, p.hook](nets, p, v)
            got, witness = ask(ours, p), ask(theirs, p)
            if got != want:
                self.problems.append("%s: the model says %s, iptables of ours %s" % (p, want, got))
            got, wanted = ask(nft, p), None if want in ("ACCEPT", "CHECKSUM") else want
            if (None if got == "ACCEPT" else got) != wanted:
                self.problems.append("%s: the model says %s, nft of ours %s" % (p, want, got))
            if witness != want:
                why = point(nets, p, v, want, witness)
                self.points[why] += 1
                if not why:
                    self.problems.append("%s: libvirt says %s, the model %s" % (p, witness, want))


def judge_points(points):
    """Each point has a row in docs/differences.md; no row of ROWS is without a case."""
    text = (ROOT / "docs" / "differences.md").read_text()
    for name in ROWS:
        if "| %s |" % ROWS[name] not in text:
            yield "docs/differences.md has no row '%s'" % ROWS[name]
        if not points[name]:
            yield "no case shows '%s' any more" % ROWS[name]


def corpus():
    return Path(os.environ.get("NWFC_SHARED") or ROOT.parent / "shared") / "corpus" / "networks"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default=str(ROOT / "build" / "nwfc"))
    ap.add_argument("cases", nargs="*")
    args = ap.parse_args()
    if not corpus().is_dir():
        print("SKIP: no corpus of networks in", corpus())
        print("0 passed, 0 failed, 1 skipped")
        return 0
    cases = [Case(p.parent) for p in sorted(corpus().glob("*/network.xml"))
             if (p.parent / "libvirt" / "iptables.save").exists()
             and not (p.parent / "update.txt").exists()  # the rules are those after it
             and (not args.cases or p.parent.name in args.cases)]
    points, failed, asked = Counter(), 0, 0
    for case in cases:
        case.run(args.nwfc)
        points.update(case.points)
        asked += case.asked
        if case.problems:
            failed += 1
            print("== %s: %d problems" % (case.name, len(case.problems)), *case.problems[:3], sep="\n   ")
    for text in () if args.cases else judge_points(points):
        failed += 1
        print("FAIL", text)
    print("%d packets; where we leave libvirt: %s" % (
        asked, ", ".join("%s %d" % (k, v) for k, v in sorted(points.items(), key=str)) or "nowhere"))
    print("%d passed, %d failed, 0 skipped" % (max(len(cases) - failed, 0), failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
