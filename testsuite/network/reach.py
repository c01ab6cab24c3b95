#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who reaches whom: networks of each mode, with the rules that nwfc makes of them, against what the modes promise.

    reach.py --nwfc build/nwfc [--target nft|xtables|xtables-legacy]
    reach.py --nwfc build/nwfc --mutate          leave out each of nft's rules in turn: is it noticed?

Networks of each mode, their guests, the host and two worlds outside, in namespaces. Each pair is asked by TCP (is there
a connection), UDP (does the datagram arrive, whatever becomes of the answer) and ICMP echo, in both families; the
host's services are real ones, dnsmasq's.

That the lab sees is shown by rule sets that are wrong: none at all, and libvirt's manner (libvirt_rules.py).
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lab
import libvirt_rules
import networks
from lab import OTHER
from matrix import ask, check_matrix, is_host, promised, promised_where_all_is_dropped
from networks import FAMILIES, V4, V6

UUID = "5a0f6d2e-0b3c-4a1d-9f67-0123456789ab"
NAT6 = "<nat ipv6='yes'/>"
RANGE = "<nat><address start='198.18.1.50' end='198.18.1.60'/><port start='20000' end='30000'/></nat>"
# name: forward, what stands in it, guests, families of <ip>, families that the guests have all the same
NETWORKS = {
    "nata": ("mode='nat'", NAT6, 2, "46", ""), "natb": ("mode='nat'", "", 1, "46", ""),
    "routea": ("mode='route'", "", 2, "46", ""), "routeb": ("mode='route'", "", 1, "46", ""),
    "isoa": (None, "", 2, "46", ""), "isob": (None, "", 1, "46", ""),
    "opena": ("mode='open'", "", 2, "46", ""), "openb": ("mode='open'", "", 1, "46", ""),
    "nat4": ("mode='nat'", "", 1, "4", "6"), "iso4": (None, "", 1, "4", "6"),
    "ranged": ("mode='nat' dev='eth1'", RANGE, 1, "4", ""), "held": ("mode='route' dev='eth1'", "", 1, "46", ""),
}
GROUPS = ("224.0.0.77", "239.1.1.1", "ff02::77", "ff05::77")


def document(name, number):
    forward, inside, _, families, _ = NETWORKS[name]
    tftp = "<tftp root='/var/empty'/>" if name == "isoa" else ""
    dhcp4 = f"<dhcp><range start='10.0.{number}.100' end='10.0.{number}.120'/></dhcp>"
    dhcp6 = f"<dhcp><range start='fd00:{number}::100' end='fd00:{number}::1ff'/></dhcp>"
    ips = f"<ip address='10.0.{number}.1' prefix='24'>{tftp}{dhcp4}</ip>"
    if "6" in families:
        ips += f"<ip family='ipv6' address='fd00:{number}::1' prefix='64'>{dhcp6}</ip>"
    forward = f"<forward {forward}>{inside}</forward>" if forward else ""
    return f"<network><name>{name}</name>{forward}<bridge name='vb-{name}'/>{ips}</network>\n"


def build():
    """The XML of all networks, and the list that the lab is made of."""
    text = "".join(document(name, 11 + i) for i, name in enumerate(NETWORKS))
    text = f"<networks>\n{text}</networks>\n"
    known = networks.parse(text)
    for i, n in enumerate(known):
        if NETWORKS[n.name][4]:
            n.subnets[V6].append(networks.ipaddress.ip_interface(f"fd00:{11 + i}::1/64"))
    return text, [(n, NETWORKS[n.name][2]) for n in known]


# --- beside the matrix ------------------------------------------------------------------------------------

def check_ports(c, title, net):
    """A source port below 1024, which servers trust, does not stay one; nor one outside of the network's range."""
    for name, target, (first, last) in (("nata", "outside", (1024, 65535)), ("ranged", "office", (20000, 30000))):
        probes = [(f"{name}1", kind, net.address[target][f], OTHER, None, 1000 + f, f"{title} low {kind} {f}")
                  for f in (V4, V6) if net.address[f"{name}1"][f] for kind in ("tcp", "udp")]
        answers, heard = net.probe(probes), net.heard()
        for (_, kind, *_, text), answer in zip(probes, answers):
            port = json.loads(answer[1])[1] if kind == "tcp" and answer[0] == "yes" else \
                heard.get(text, [(0, 0, 0)])[0][2]
            c.check(first <= port <= last, f"{title}: {name} {text}: source port outside is {port} {answer}")


def check_echo(c, title, net):
    """ICMP is translated too: one who does not know the way to the guest can answer."""
    ways = [(name, target, f) for name, target in (("nata", "outside"), ("ranged", "office")) for f in (V4, V6)
            if net.address[f"{name}1"][f]]
    routes = [f"route {{}} unreachable {net.networks[name].subnets[f][0].network}" for name, _, f in ways]
    for (_, target, _), route in zip(ways, routes):
        net.machines[target].ip(route.format("add"))
    answers = net.probe([(f"{name}1", "echo", net.address[target][f], 0, None, 0, "") for name, target, f in ways])
    for (name, target, f), route, answer in zip(ways, routes, answers):
        net.machines[target].ip(route.format("del"))
        c.check(answer[0] == "yes", f"{title}: {name}1 to {target} by {FAMILIES[f]} echo: {answer}")


def check_neighbours(c, title, net):
    """An isolated guest and its host find each other anew."""
    for machine, device in (("isoa1", "eth0"), ("host", "vb-isoa")):
        net.machines[machine].ip(f"neigh flush dev {device}")
    answers = net.probe([("isoa1", "dns", net.address["host of isoa"][f], lab.SERVICE, None, 0, "") for f in (V4, V6)])
    for f, answer in enumerate(answers):
        c.check(answer[0] == "yes", f"{title}: isoa1 does not find its host by {FAMILIES[f]}: {answer}")


def prepare_others(net):
    """Addresses that no network has: on the bridge for guests among themselves, and behind a guest."""
    for name in ("nata", "routea", "isoa"):
        for i in (1, 2):
            net.machines[f"{name}{i}"].ip(f"address add 172.31.0.{i}/24 dev eth0",
                                          f"address add fd31::{i}/64 dev eth0 nodad preferred_lft 0")
    for f, behind in enumerate(("172.30.0.1", "fd30::1")):
        net.machines["routea1"].ip(f"address add {behind}/{(32, 128)[f]} dev lo")
        net.host.ip(f"route add {behind} via {net.address['routea1'][f]}")
        net.machines["routea2"].ip(f"route add {behind} via {net.address['host of routea'][f]}")


def check_others(c, title, net):
    """Guests of a bridge are not kept from each other; others reach a network's own addresses alone."""
    probes = [(f"{name}1", "udp", f"{net31}2", OTHER, f"{net31}1", 0, f"{title} other {name} {net31}")
              for name in ("nata", "routea", "isoa") for net31 in ("172.31.0.", "fd31::")]
    probes += [(source, "udp", to, OTHER, None, 0, f"{title} behind {source} {to}")
               for source in ("outside", "nata1", "routeb1") for to in ("172.30.0.1", "fd30::1")]
    net.probe(probes)
    heard = net.heard()
    for *_, text in probes:
        c.check((text in heard) == (" other " in text), f"{title}: {text}: heard by {heard.get(text)}")


def check_spoofed(c, title, net):
    """A source address that is not the network's leaves it for nowhere."""
    probes = []
    for name in ("nata", "routea", "natb"):
        for family, spoof in enumerate(("203.0.113.77", "2001:db8:77::77")):
            net.machines[f"{name}1"].ip(f"address replace {spoof}/{(32, 128)[family]} dev lo")
            for target in ("outside", "routeb1", "opena1"):
                probes.append((f"{name}1", "udp", net.address[target][family], OTHER, spoof, 0,
                               f"{title} spoofed {name} {target} {family}"))
    net.probe(probes)
    heard = net.heard()
    for *_, text in probes:
        c.check(text not in heard, f"{title}: {text} arrives")


def check_cast(c, title, net):
    """Multicast and broadcast: all guests of the bridge hear it, from the address that it has; nobody else does."""
    probes = []
    for name in ("nata", "routea", "isoa"):
        subnet = net.networks[name].subnets[V4][0].network
        for to in (*GROUPS, "255.255.255.255", str(subnet.broadcast_address)):
            where = f"{to}%eth0" if to.startswith("ff02") else to
            source = net.address[f"{name}1"][":" in to]
            probes.append((f"{name}1", "cast", where, OTHER, source, 0, f"{title} cast {name} {to}"))
    net.probe(probes)
    heard = {}
    for _ in range(8):  # a busy machine hears late
        for word, who in net.heard().items():
            heard[word] = heard.get(word, []) + who
        if all(any(p[0] == f"{source[:-1]}2" for p in heard.get(text, [])) for source, *_, text in probes):
            break
        time.sleep(0.25)
    for source, *_, bound, _, text in probes:
        got = [p[:2] for p in heard.get(text, []) if p[0] not in ("host", source)]
        c.check(got == [(f"{source[:-1]}2", bound)], f"{title}: {text} is heard by {got}")


def check_services(c, title, net):
    """Real servers and real clients, through the rules: DHCP of both families, TFTP where it is served."""
    names = [n for n in net.networks if f"{n}1" in net.machines]
    clients = {n: subprocess.Popen([*net.machines[f"{n}1"].prefix, "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "6",
                                    "-T", "1", "-s", "/bin/true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True) for n in names}
    with6 = [n for n in names if net.networks[n].written[V6]]
    probes = [(f"{n}1", "dhcp6", "ff02::1:2%eth0", 547, None, 546, "") for n in with6]
    probes += [(f"{n}1", "tftp", net.address[f"host of {n}"][V4], 69, None, 0, "") for n in ("isoa", "isob")]
    answers = net.probe(probes, wait=3)
    for n, answer in zip(with6, answers):
        c.check(answer[0] == "yes" and answer[1].startswith("\2abc"), f"{title}: {n}1 gets no DHCPv6 answer: {answer}")
    for n, answer in zip(("isoa", "isob"), answers[-2:]):
        c.check((answer[0] == "yes") == (n == "isoa"), f"{title}: TFTP of {n}: {answer}")
    for n, client in clients.items():
        output = client.communicate()[0]
        c.check(f"lease of {net.networks[n].subnets[V4][0].ip.exploded[:-1]}" in output, f"{title}: {n}1 has no lease: {output}")


# --- rule sets -------------------------------------------------------------------------------------------

class Rules:
    """What nwfc makes for a target: compiled, loaded, taken away. Whatever fails here is a failure of its own."""

    def __init__(self, nwfc, target, folder, text):
        self.nwfc, self.folder, self.target = nwfc, folder, target.split("-")[0]
        Path(folder, "n.xml").write_text(text, encoding="utf-8")

    def make(self, command, more):
        out = Path(self.folder, self.target)
        lab.run(self.nwfc, command, "-q", "-t", self.target, "-o", str(out), str(Path(self.folder, "n.xml")), *more)
        lab.run(*(("nft", "-f") if self.target == "nft" else ("sh",)), str(out))
        lab.forget_connections()

    def load(self, *more):
        self.make("compile", more)

    def remove(self):
        lab.run(self.nwfc, "remove", "-t", self.target, "-o", str(Path(self.folder, "remove")),
                str(Path(self.folder, "n.xml")))
        lab.run(*(("nft", "-f") if self.target == "nft" else ("sh",)), str(Path(self.folder, "remove")))
        left = "".join(lab.run(*words).stdout for words in (("nft", "list", "ruleset"), ("iptables-save",),
                                                             ("ip6tables-save",)))
        return [line for line in left.splitlines() if "nwfc" in line and not line.startswith("#")]


FILTERS = """<filters>
<filter name='open'><rule action='accept' direction='inout'><all/></rule>
<rule action='accept' direction='inout'><all-ipv6/></rule></filter>
<filter name='no-udp'><rule action='drop' direction='out'><udp/></rule>
<rule action='drop' direction='out'><udp-ipv6/></rule></filter>
</filters>"""


def port(number, name, what):
    return (f"<filterbinding><owner><name>{name}</name><uuid>{UUID[:-2]}{number:02}</uuid></owner><portdev name='v{name}'/>"
            f"<mac address='52:54:00:00:00:{number:02}'/><filterref filter='{what}'/></filterbinding>")


def check_filter(c, title, rules, net):
    """A port's filter that accepts all opens nothing of its network; one that drops holds in it."""
    if rules.target == "xtables" and not lab.bridge_calls(True):
        return c.skip(f"{title}, filters of ports: no br_netfilter here")
    ports = [("isoa1", "open"), ("iso41", "open"), ("nata1", "no-udp"), ("routea1", "open"), ("routeb1", "open")]
    files = []
    for name, text in (("f", FILTERS.replace("<filters>", "").replace("</filters>", "")), *(
            (p, port(i, p, what)) for i, (p, what) in enumerate(ports))):
        parts = text.split("</filter>")[:-1] if name == "f" else [text]
        for i, part in enumerate(parts):
            files.append(Path(rules.folder, f"{name}{i}.xml"))
            files[-1].write_text(part + "</filter>" if name == "f" else part, encoding="utf-8")
    rules.load(*map(str, files))

    def promise(net, source, target, port, family, kind):
        if kind in ("udp", "dns") and "nata1" in (source, target):
            # what comes to it is the filter's own business (docs/semantics.md)
            return False if source == "nata1" else None
        return promised(net, source, target, port, family, kind)
    check_matrix(c, f"{title} and filters", net, promise)
    lab.bridge_calls(False)
    return None


def check_dropping_host(c, title, rules, net):
    """Where the policy of a host is to drop, the rules of iptables let pass what is promised."""
    if rules.target != "xtables":
        return
    for tool, icmp in (("iptables", "icmp"), ("ip6tables", "ipv6-icmp")):
        for words in ("-P FORWARD DROP", "-P INPUT DROP", f"-A INPUT -p {icmp} -j ACCEPT", "-A INPUT -i lo -j ACCEPT",
                      "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"):
            lab.run(tool, *words.split())
    check_matrix(c, f"{title}, policy drop", net, promised_where_all_is_dropped)
    check_services_of(c, title, net)
    for tool in ("iptables", "ip6tables"):
        for words in ("-P FORWARD ACCEPT", "-P INPUT ACCEPT", "-F INPUT"):
            lab.run(tool, *words.split())


def check_open_host(c, title, rules, net):
    """--open-host opens the host to isolated guests, and nothing else."""
    rules.load("--open-host")
    for target, want in (("host of isoa", True), ("outside", False)):
        answers = net.probe([("isoa1", "tcp", net.address[target][f], OTHER, None, 0, "") for f in (V4, V6)])
        c.check(all((a[0] == "yes") == want for a in answers), f"{title}, --open-host: isoa1 to {target}: {answers}")


def check_services_of(c, title, net):
    closed = {n: x for n, x in net.networks.items() if x.mode != "open"}
    view = type("View", (), {"networks": closed, "machines": net.machines, "address": net.address, "probe": net.probe})
    check_services(c, f"{title}, policy drop", view)


def run_target(c, target, rules, net):
    rules.load()
    for calls in (False, True):
        title = f"{target}, bridge-nf-call {int(calls)}"
        if not lab.bridge_calls(calls) and calls:
            c.skip(f"{title}: no br_netfilter here")
            continue
        check_matrix(c, title, net)
        check_cast(c, title, net)
        check_others(c, title, net)
    lab.bridge_calls(False)
    check_ports(c, target, net)
    check_echo(c, target, net)
    check_neighbours(c, target, net)
    check_spoofed(c, target, net)
    check_services(c, target, net)
    check_dropping_host(c, target, rules, net)
    check_filter(c, target, rules, net)
    check_open_host(c, target, rules, net)
    left = rules.remove()
    c.check(not left, f"{target}: what is left after removal: {left}")


# --- the lab sees ----------------------------------------------------------------------------------------

def check_none(c, net):
    result, _, _ = ask(net, "none")
    silent = [k for k, v in result.items() if not v]
    c.check(not silent, f"without rules everybody reaches everybody, else the lab is blind: {silent[:5]}")


def kinds_of_deviations(net, result):
    """(mode, mode or host, family) of what gets where it must not."""
    name = lambda m: net.home[m].mode if m in net.home else "host" if is_host(m) else "outside"
    return {(name(k[0]), name(k[1]), FAMILIES[k[3]]) for k, there in result.items() if there and not promised(net, *k)}


def restore(net, filtered=()):
    for family, tool in ((V4, "iptables"), (V6, "ip6tables")):
        lab.run(f"{tool}-restore", input=libvirt_rules.text(net.networks.values(), family, filtered))


def check_holes(c, net):
    """What libvirt's manner lets through is seen."""
    restore(net)
    found = kinds_of_deviations(net, ask(net, "libvirt")[0])
    for hole in (("isolated", "route", "IPv4"), ("isolated", "route", "IPv6"), ("isolated", "host", "IPv4")):
        c.check(hole in found, f"the lab does not see libvirt's hole {hole}")
    others = {h for h in found if h[0] == "isolated" and h[1] not in ("route", "host") and h[2] == "IPv4"}
    c.check(not others, f"isolated networks have more holes than libvirt's: {others}")
    if not lab.bridge_calls(True):
        c.skip("libvirt's hole of filters: no br_netfilter here")
    else:
        restore(net, ["visoa1"])
        found = kinds_of_deviations(net, ask(net, "libvirt and a filter")[0])
        for hole in (("isolated", "outside", "IPv4"), ("isolated", "outside", "IPv6"), ("isolated", "nat", "IPv4")):
            c.check(hole in found, f"the lab does not see libvirt's hole of filters {hole}")
    lab.bridge_calls(False)
    for tool in ("iptables", "ip6tables"):
        lab.run(f"{tool}-restore", input="*filter\nCOMMIT\n*nat\nCOMMIT\n")


# --- mutations -------------------------------------------------------------------------------------------

MUTATED = re.compile(r"(return|reject|accept|masquerade.*|snat.*|vmap @.*)$")
TESTS = (check_matrix, check_ports, check_echo, check_neighbours, check_spoofed, check_cast, check_others, check_services)
# What nobody can miss: rules of networks that another one is a copy of, or with one guest; DHCP by TCP, which libvirt
# lets in; listener reports, which no router here reads; local multicast that leaves by another device, which none does.
UNMISSED = re.compile(r'vb-(natb|routeb|isob)|"vb-(nat4|iso4|ranged|held)" return|tcp dport 67|type 143'
                      r'|vb-iso4/host .*icmpv6|"vb-nat4" .*masquerade|daddr (224|255|ff02).*return')


def notices(title, net):
    """The first test that notices, and what it says."""
    for test in TESTS:
        c = lab.Quiet()
        lab.bridge_calls(test in (check_cast, check_others))
        lab.forget_connections()
        test(c, title, net)
        if c.failed:
            return f"{test.__name__}: {c.first}"
    return None


def mutate(c, rules, net):
    rules.load()
    script = Path(rules.folder, rules.target)
    lines = script.read_text(encoding="utf-8").splitlines()
    c.check(not notices("whole", net), "the rules as they are")
    for i, line in enumerate(lines):
        if not MUTATED.search(line):
            continue
        chain = next(x for x in reversed(lines[:i]) if "chain" in x).split()[1]
        if UNMISSED.search(f"{chain} {line}"):
            continue
        script.write_text("\n".join(lines[:i] + lines[i + 1:]) + "\n", encoding="utf-8")
        lab.run("nft", "-f", str(script))
        seen = notices(f"mutant {i}", net)
        c.check(seen, f"nobody misses in {chain}: {line.strip()}")
        print(f"{chain}: {line.strip()} -- {seen}", flush=True)


TARGETS = ("nft", "xtables", "xtables-legacy")


def test(c, nwfc, targets, folder):
    text, of_lab = build()
    lab.choose_variant("nft")
    net = lab.Lab(of_lab, GROUPS)
    net.machines["office"].ip("route add 198.18.1.48/28 via 198.18.1.1")
    prepare_others(net)
    services = lab.Services(net.networks.values(), folder)
    Path(folder, "boot").write_text("boot\n", encoding="ascii")
    try:
        lab.bridge_calls(False)
        if targets == ["mutate"]:
            return mutate(c, Rules(nwfc, "nft", folder, text), net)
        check_none(c, net)
        check_holes(c, net)
        for target in targets:
            if not lab.choose_variant("legacy" if target.endswith("legacy") else "nft") or \
                    any(lab.run(*w, check=False).returncode for w in (("iptables", "-S"), ("iptables-save",))):
                c.skip(f"{target}: no such iptables here")
                continue
            run_target(c, target, Rules(nwfc, target, folder, text), net)
        return None
    finally:
        services.close()
        net.close()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    ap.add_argument("--target", action="append", choices=TARGETS)
    ap.add_argument("--mutate", action="store_true")
    opt = ap.parse_args()
    status = lab.in_namespace("reach")
    if status is not None:
        return status
    if (why := lab.needs()):
        return lab.skip("reach", why)
    c = lab.Checks()
    with tempfile.TemporaryDirectory() as folder:
        test(c, os.path.abspath(opt.nwfc), ["mutate"] if opt.mutate else opt.target or TARGETS, folder)
    return c.status()


if __name__ == "__main__":
    sys.exit(main())
