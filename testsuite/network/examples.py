#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The networks of examples/networks, each in a lab of its own: do they what their head comments say?

    examples.py --nwfc build/nwfc            test
    examples.py --nwfc build/nwfc --show     print for each who reaches whom
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lab
import matrix
import networks
from lab import OTHER, SERVICE
from networks import FAMILIES, V4, V6

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "networks"

# What head comments claim: (source, target) or (source, target, port), does it get there.
CLAIMS = {
    "default-nat": {("default1", "outside"): True, ("default1", "default2"): True, ("outside", "default1"): False},
    "dmz-routed": {("outside", "dmz1"): True, ("inside1", "dmz1"): True, ("inside1", "outside"): True,
                   ("outside", "inside1"): False, ("dmz1", "inside1"): False, ("dmz1", "outside"): True},
    "dual-stack": {("dual1", "outside"): True, ("outside", "dual1"): False, ("outside", "dual2"): False,
                   ("dual1", "dual2"): True},
    "hosting": {("outside", "hosting1"): True, ("hosting1", "outside"): True, ("hosting1", "office"): False,
                ("office", "hosting1"): False, ("hosting1", "hosting2"): False},
    "isolated-lab": {("lab1", "lab2"): True, ("lab1", "outside"): False, ("outside", "lab1"): False,
                     ("lab1", "host of lab", SERVICE): True, ("lab1", "host of lab"): False, ("lab1", "host"): False},
    "open": {("open1", "outside"): True, ("outside", "open1"): True, ("open1", "host"): True},
    "connected": {("lan1", "neighbour"): True, ("lan1", "lan2"): True, ("uplink1", "switch"): True,
                  ("uplink1", "uplink2"): False, ("uplink1", "host"): False},
}
# What reach.py has not with iptables: several subnets, networks of several kinds in one compile.
BOTH = ("dmz-routed", "dual-stack")


def domains(net):
    """The guests as libvirt would know them."""
    interfaces = "".join(
        f"<domain><name>{g}</name><devices><interface type='network'><mac address='{net.mac[g]}'/>"
        f"<source network='{n.name}'/><target dev='{net.port(g)}'/></interface></devices></domain>\n"
        for g, n in net.home.items())
    return f"<domains>\n{interfaces}</domains>\n"


def load(nwfc, path, net, folder, target):
    """Rules, and what bridges are told, by the script that applies all of it."""
    guests = Path(folder, "guests.xml")
    guests.write_text(domains(net), encoding="utf-8")
    lab.run(nwfc, "compile", "-q", "-t", "all", "-o", folder, str(path), str(guests))
    lab.run("sh", str(Path(folder, "apply")), target)


def claim_keys(net, claim):
    source, target, port = (*claim, OTHER)[:3]
    for family in (V4, V6):
        if net.address[source][family] and net.address[target][family]:
            yield source, target, port, family, "dns-tcp" if port == SERVICE else "tcp"


def test(c, nwfc, path, folder):
    net, services = start(path, folder)
    try:
        for target in ("nft", *(["xtables"] if path.stem in BOTH else [])):
            load(nwfc, path, net, folder, target)
            title = f"{path.stem}, {target}"
            result = matrix.check_matrix(c, title, net)
            for claim, want in CLAIMS[path.stem].items():
                for key in claim_keys(net, claim):
                    c.check(result.get(key) == want, f"{matrix.told(title, key)}: the comment says {want}")
            lab.run("sh", str(Path(folder, "remove")), target)
    finally:
        services.close()
        net.close()


def start(path, folder):
    lab.choose_variant("nft")
    net = lab.Lab([(n, 2) for n in networks.parse(path.read_text(encoding="utf-8"))])
    return net, lab.Services(net.networks.values(), folder)


# --- for people ----------------------------------------------------------------------------------------------

def cell(result, source, target, port):
    kind = "dns-tcp" if port == SERVICE else "tcp"
    there = {f: result[source, target, port, f, kind] for f in (V4, V6) if (source, target, port, f, kind) in result}
    if not there:
        return "."
    said = {FAMILIES[f] for f, yes in there.items() if yes}
    return "yes" if len(said) == len(there) else "no" if not said else said.pop()


def columns(net):
    for name in (*net.home, *net.via):
        yield name, name, OTHER
    yield "host:dns", None, SERVICE
    yield "host:other", None, OTHER


def show(nwfc, path, folder):
    text = path.read_text(encoding="utf-8")
    print(f"== {path.relative_to(EXAMPLES.parents[1])}\n")
    print("\n".join("   " + line.strip() for line in re.search(r"<!--\n(.*?)-->", text, re.S)[1].rstrip().splitlines()))
    net, services = start(path, folder)
    load(nwfc, path, net, folder, "nft")
    result, _, _ = matrix.ask(net, "show")
    heads = list(columns(net))
    widths = [max(len(h), 4) + 2 for h, _, _ in heads]
    print("\n   " + f"{'from':10}" + "".join(f"{h:>{w}}" for (h, _, _), w in zip(heads, widths)))
    for source in (*net.home, *net.via):
        of = net.home.get(source)
        home = f"host of {of.name}" if of and f"host of {of.name}" in net.address else "host"
        cells = [cell(result, source, target or home, port) for _, target, port in heads]
        print("   " + f"{source:10}" + "".join(f"{x:>{w}}" for x, w in zip(cells, widths)))
    print(flush=True)
    services.close()
    net.close()


# --- each in namespaces of its own ---------------------------------------------------------------------------

def inside(opt):
    if (why := lab.needs()):
        return lab.skip("examples", why)
    path = EXAMPLES / f"{opt.one}.xml"
    c = lab.Checks()
    with tempfile.TemporaryDirectory() as folder:
        if opt.show:
            show(os.path.abspath(opt.nwfc), path, folder)
            return 0
        test(c, os.path.abspath(opt.nwfc), path, folder)
    return c.status()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    ap.add_argument("--show", action="store_true")
    ap.add_argument("--one", metavar="NAME", help="this example alone")
    opt = ap.parse_args()
    if os.environ.get("NWFC_LAB") == "examples":
        lab.in_namespace("examples")
        return inside(opt)
    c = lab.Checks()
    names = [opt.one] if opt.one else sorted(p.stem for p in EXAMPLES.glob("*.xml"))

    def again(name):
        words = [sys.argv[0], "--nwfc", opt.nwfc, "--one", name, *(["--show"] if opt.show else [])]
        return lab.again("examples", words, stdout=subprocess.PIPE, text=True)
    # most of the time they wait
    with ThreadPoolExecutor(3) as pool:
        for name, done in zip(names, pool.map(again, names)):
            if opt.show:
                print(done.stdout, end="", flush=True)
                c.check(done.returncode == 0, name)
            else:
                c.add(done, name)
    return c.failed != 0 if opt.show else c.status()


if __name__ == "__main__":
    sys.exit(main())
