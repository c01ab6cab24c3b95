#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who reaches whom: networks of each mode, with the rules that nwfc makes of them, against what the modes promise.

    reach.py --nwfc build/nwfc [--target nft|xtables] [--table]

Two networks of each mode, guests, the host and the world outside, in namespaces. Each pair is asked by TCP
(is there a connection) and by UDP (does the datagram arrive, whatever becomes of the answer), in both
families. Without rules the lab must see guests of isolated networks reach everybody, else it is blind.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import lab

# name: mode, are IPv6 packets translated too, guests
NETWORKS = {
    "nata": ("nat", True, 2), "natb": ("nat", False, 1), "routea": ("route", False, 2),
    "routeb": ("route", False, 1), "isoa": (None, False, 2), "isob": (None, False, 1),
    "opena": ("open", False, 2), "openb": ("open", False, 1),
}
NUMBER = {name: 11 + i for i, name in enumerate(NETWORKS)}
SERVICE, OTHER = 53, 2222  # a service of the host that is let in, and something else
FAMILIES = ("IPv4", "IPv6")


def bridge(name):
    return f"vb-{name}"


def document(name):
    mode, nat6, _ = NETWORKS[name]
    nat = "<nat ipv6='yes'/>" if nat6 else ""
    forward = f"<forward mode='{mode}'>{nat}</forward>" if mode else ""
    n = NUMBER[name]
    return (f"<network><name>{name}</name>{forward}<bridge name='{bridge(name)}'/>"
            f"<ip address='10.0.{n}.1' prefix='24'/>"
            f"<ip family='ipv6' address='fd00:{n}::1' prefix='64'/></network>\n")


# --- what the modes promise: the one table of this test ---------------------------------------------

def begins(name, family):
    """May guests of the network begin connections to what is elsewhere?"""
    return NETWORKS[name][0] is not None


def is_open(name, family):
    """May those elsewhere begin connections to its guests?"""
    mode, nat6, _ = NETWORKS[name]
    return mode in ("route", "open") or (mode == "nat" and family == 1 and not nat6)


def translated(name, family):
    mode, nat6, _ = NETWORKS[name]
    return mode == "nat" and (family == 0 or nat6)


def network_of(machine):
    return machine.rstrip("0123456789") if machine.rstrip("0123456789") in NETWORKS else None


def promised(source, target, port, family):
    a, b = network_of(source), network_of(target)
    if target.startswith("host"):
        return not a or NETWORKS[a][0] is not None or port == SERVICE and target == f"host of {a}" or \
            (port == SERVICE and a is not None)
    if source == "host" or (a and a == b):
        return True
    return (not a or begins(a, family)) and (not b or is_open(b, family))


# --- probes --------------------------------------------------------------------------------------------

def all_pairs(net):
    ends = [m for m in net.machines]
    for source in ends:
        for target in ends:
            if source != target and not target.startswith("host"):
                yield source, target, OTHER
        if source != "host":
            own = network_of(source)
            for target in (["host"] + ([f"host of {own}"] if own else [])):
                yield source, target, OTHER
                yield source, target, SERVICE


def ask(net, tag):
    """(source, target, port, family, kind) -> does it get there"""
    keys, probes = [], []
    for source, target, port in all_pairs(net):
        for family in range(2):
            for kind in ("tcp", "udp"):
                word = f"{tag} {source}>{target} {port} {family}"
                keys.append((source, target, port, family, kind, word))
                probes.append((source, kind, net.address[target][family], port, None, 0, word))
    answers = net.probe(probes)
    heard = net.heard()
    result = {}
    for (source, target, port, family, kind, word), answer in zip(keys, answers):
        there = answer[0] == "yes" if kind == "tcp" else word in heard
        result[source, target, port, family, kind] = there
    return result, heard


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, text):
        self.passed += good
        self.failed += not good
        if not good:
            print(f"FAIL {text}")


def check_matrix(c, title, result):
    for (source, target, port, family, kind), there in result.items():
        want = promised(source, target, port, family)
        c.check(there == want, f"{title}: {source} to {target} port {port}, {FAMILIES[family]} {kind}: "
                f"{'arrives' if there else 'does not arrive'}")


def check_translation(c, title, net, heard, tag):
    for name in NETWORKS:
        for family in range(2):
            if not begins(name, family):
                continue
            source = f"{name}1"
            peers = heard.get(f"{tag} {source}>outside {OTHER} {family}", [])
            want = net.address["host" if translated(name, family) else source][family]
            c.check([p[1] for p in peers] == [want], f"{title}: {source} is seen outside as {peers}, not {want}")


def check_ports(c, title, net):
    """A source port below 1024, which servers trust, does not stay one."""
    probes = [("nata1", kind, net.address["outside"][f], OTHER, None, 1000 + f, f"{title} low {f}")
              for f in range(2) for kind in ("tcp", "udp")]
    answers = net.probe(probes)
    heard = net.heard()
    for (_, kind, *_, word), answer in zip(probes, answers):
        port = json.loads(answer[1])[1] if kind == "tcp" and answer[0] == "yes" else \
            heard.get(word, [(0, 0, 0)])[0][2]
        c.check(port >= 1024, f"{title}: {kind} {word}: source port outside is {port}")


def check_spoofed(c, title, net):
    """A source address that is not the network's goes nowhere."""
    probes = []
    for name in ("nata", "routea"):
        for family, spoof in enumerate(("203.0.113.77", "2001:db8:77::77")):
            machine = net.machines[f"{name}1"]
            if title not in net.address:
                machine.ip(f"address replace {spoof}/{'32' if family == 0 else '128'} dev lo")
            probes.append((f"{name}1", "udp", net.address["outside"][family], OTHER, spoof, 0,
                           f"{title} spoofed {name} {family}"))
    net.probe(probes)
    heard = net.heard()
    for *_, word in probes:
        c.check(word not in heard, f"{title}: {word} arrives")


def check_dhcp(c, title, net, folder):
    """A real server and a real client, through the rules."""
    for name in ("isoa", "nata"):
        n = NUMBER[name]
        server = subprocess.Popen(
            ["dnsmasq", "-k", "--conf-file=/dev/null", f"--interface={bridge(name)}", "--bind-dynamic", "--port=0",
             "--except-interface=lo", f"--dhcp-range=10.0.{n}.100,10.0.{n}.120,2m", f"--pid-file={folder}/pid",
             f"--dhcp-leasefile={folder}/{name}.leases", "--user=", "--dhcp-authoritative"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        guest = net.machines[f"{name}1"]
        done = subprocess.run([*guest.prefix, "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "10", "-T", "1", "-s",
                               "/bin/true"], capture_output=True, text=True, check=False)
        server.terminate()
        server.wait()
        c.check("lease of 10.0.%d." % n in done.stderr + done.stdout, f"{title}: {name}1 gets no lease: {done.stderr}")


# --- rule sets --------------------------------------------------------------------------------------------

def compile_to(nwfc, target, folder, *more):
    out = Path(folder, target)
    done = subprocess.run([nwfc, "compile", "-q", "-t", target, "-o", str(out), str(Path(folder, "n.xml")), *more],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"nwfc failed: {done.stderr}")
    return out


def load(target, script, assume=True):
    words = {"nft": ["nft", "-f", str(script)], "xtables": ["sh", str(script)]}[target]
    env = dict(os.environ, NWFC_LOCK="")
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise lab.Skip(f"the rules can not be loaded: {done.stderr.strip()}")


def unload(nwfc, target, folder):
    out = Path(folder, f"remove-{target}")
    subprocess.run([nwfc, "remove", "-t", target, "-o", str(out), str(Path(folder, "n.xml"))], check=True,
                   capture_output=True)
    load(target, out)
    left = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=False).stdout
    return [line for line in left.splitlines() if "nwfc" in line]


FILTER = "<filter name='open'><rule action='accept' direction='inout'><all/></rule></filter>"


def bridge_calls(on):
    for family in ("iptables", "ip6tables"):
        path = Path(f"/proc/sys/net/bridge/bridge-nf-call-{family}")
        if not path.exists():
            return False
        try:
            path.write_text(f"{int(on)}\n")
        except OSError:
            return False
    return True


def check_filter(c, nwfc, target, net, folder):
    """A port's filter that accepts all opens nothing of its network."""
    if target == "xtables" and not bridge_calls(True):
        print("SKIP a port filter in xtables: no br_netfilter here")
        return 1
    port = f"<filterbinding><owner><name>o</name><uuid>5a0f6d2e-0b3c-4a1d-9f67-0123456789ab</uuid></owner>" \
           f"<portdev name='visoa1'/><mac address='52:54:00:00:00:01'/><filterref filter='open'/></filterbinding>"
    Path(folder, "f.xml").write_text(FILTER)
    Path(folder, "p.xml").write_text(port)
    script = compile_to(nwfc, target, folder, str(Path(folder, "f.xml")), str(Path(folder, "p.xml")))
    load(target, script)
    title = f"{target}, filter"
    result, _ = ask(net, title)
    check_matrix(c, title, {k: v for k, v in result.items() if "isoa1" in k[:2]})
    bridge_calls(False)
    return 0


def run_target(c, nwfc, target, net, folder):
    skipped = 0
    load(target, compile_to(nwfc, target, folder))
    for calls in (False, True):
        title = f"{target}, bridge-nf-call {int(calls)}"
        if not bridge_calls(calls) and calls:
            print(f"SKIP {title}: no br_netfilter here")
            skipped += 1
            continue
        result, heard = ask(net, title)
        check_matrix(c, title, result)
        check_translation(c, title, net, heard, title)
    bridge_calls(False)
    check_ports(c, target, net)
    check_spoofed(c, target, net)
    check_dhcp(c, target, net, folder)
    skipped += check_filter(c, nwfc, target, net, folder)
    left = unload(nwfc, target, folder)
    c.check(not left, f"{target}: what is left after removal: {left}")
    return skipped


def print_table(result):
    for family in range(2):
        names = [*(f"{n}1" for n in NETWORKS), "outside", "host"]
        print(f"{FAMILIES[family]:10}" + "".join(f"{n:>9}" for n in names))
        for a in names:
            cells = [result.get((a, b, OTHER, family, "tcp")) for b in names]
            print(f"{a:10}" + "".join(f"{'yes' if x else '-' if x is None else 'no':>9}" for x in cells))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    ap.add_argument("--target", action="append")
    ap.add_argument("--table", action="store_true", help="print the matrix of the first target and stop")
    opt = ap.parse_args()
    status = lab.in_namespace("reach")
    if status is not None:
        return status
    c, skipped, net = Checks(), 0, None
    try:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "n.xml").write_text("<networks>\n" + "".join(map(document, NETWORKS)) + "</networks>\n")
            net = lab.Lab({n: (bridge(n), NUMBER[n], NETWORKS[n][2]) for n in NETWORKS}, [SERVICE, OTHER])
            bridge_calls(False)
            targets = opt.target or ["nft", "xtables"]
            if opt.table:
                load(targets[0], compile_to(os.path.abspath(opt.nwfc), targets[0], folder))
                print_table(ask(net, "table")[0])
                return 0
            result, _ = ask(net, "none")
            c.check(all(result.values()), "without rules everybody reaches everybody, else the lab is blind: "
                    f"{[k for k, v in result.items() if not v][:5]}")
            for target in targets:
                skipped += run_target(c, os.path.abspath(opt.nwfc), target, net, folder)
    except lab.Skip as why:
        print(f"SKIP {why}")
        skipped += 1
    finally:
        if net:
            net.close()
    print(f"{c.passed} passed, {c.failed} failed, {skipped} skipped")
    return c.failed != 0


if __name__ == "__main__":
    sys.exit(main())
