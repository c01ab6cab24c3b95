#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The script of bridges, and apply and remove over it, on a real bridge in a namespace.

    bridges.py --nwfc build/nwfc
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lab

MACS = {"g1": "52:54:00:00:00:01", "g2": "52:54:00:00:00:02"}
NETWORK = """<network><name>n</name><forward mode='nat'/><bridge name='nb' macTableManager='libvirt'/>
<port isolated='yes'/><ip address='10.9.9.1' prefix='24'/></network>"""
DOMAIN = "<domains>" + "".join(
    f"<domain><name>{g}</name><devices><interface type='network'><mac address='{mac}'/><source network='n'/>"
    f"<target dev='v{g}'/></interface></devices></domain>" for g, mac in MACS.items()) + "</domains>"


def sh(*words, **env):
    return subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ, NWFC_LOCK="", **env))


def state():
    """What the script may change: flags of the ports, static entries."""
    links = json.loads(sh("bridge", "-j", "-d", "link", "show").stdout or "[]")
    flags = {x["ifname"]: [x.get(k) for k in ("learning", "flood", "isolated")] for x in links}
    fdb = sh("bridge", "fdb", "show", "br", "nb").stdout.splitlines()
    return flags, sorted(x.split(" vlan")[0].strip() for x in fdb if " static" in x and "52:54:00" in x)


def frame(net, source, to, word):
    """A frame of machine source to the address `to`; who of the others gets it."""
    listen = ("import socket,sys,select;s=socket.socket(17,3,socket.htons(0x88b5));s.bind(('eth0',0x88b5));"
              "print('ready',flush=True);r=select.select([s],[],[],1.5);print(s.recv(99)[14:].decode() if r[0] else '')")
    ears = {}
    for name, m in net.items():
        if name != source:
            ears[name] = subprocess.Popen([*m.prefix, sys.executable, "-c", listen], stdout=subprocess.PIPE, text=True)
            ears[name].stdout.readline()
    send = (f"import socket;s=socket.socket(17,3);s.bind(('eth0',0));"
            f"s.send(bytes.fromhex('{to.replace(':', '')}')+s.getsockname()[4]+bytes.fromhex('88b5')+b'{word}')")
    subprocess.run([*net[source].prefix, sys.executable, "-c", send], check=True)
    return {name for name, p in ears.items() if p.communicate()[0].strip().startswith(word)}


def machines():
    host = lab.Machine("host", False)
    net = {name: lab.Machine(name, True) for name in ("g1", "g2", "up", "far")}
    host.ip("link add nb type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
    host.ip("link set nb up")
    for name, m in net.items():
        host.ip(f"link add v{name} type veth peer name eth0 netns {m.holder.pid}")
        if name in MACS:
            m.ip(f"link set eth0 address {MACS[name]}")
        host.ip(f"link set v{name} master nb")
        host.ip(f"link set v{name} up")
        m.ip("link set eth0 up")
    return host, net


def check_script(c, folder, before):
    script = str(Path(folder, "bridge"))
    done = sh("sh", script, "verify")
    c.check(done.returncode == 1 and "learning" in done.stderr, f"verify before: {done.returncode} {done.stderr}")
    c.check(state() == before, "verify changes something")
    done = sh("sh", script)
    c.check(done.returncode == 0, f"apply: {done.stderr}")
    flags, entries = state()
    c.check(all(flags[f"v{g}"] == [False, False, True] for g in MACS), f"flags after: {flags}")
    c.check(all(any(x.startswith(mac) for x in entries) for mac in MACS.values()), f"entries after: {entries}")
    c.check(flags["vup"] == before[0]["vup"], "the uplink was touched")
    after = state()
    done = sh("sh", script, "apply")
    c.check(done.returncode == 0 and state() == after, f"a second run: {done.stderr}")
    c.check(sh("sh", script, "verify").returncode == 0, "verify after")
    breaks = (("bridge", "link", "set", "dev", "vg1", "learning", "on"), ("bridge", "link", "set", "dev", "vg1", "flood", "on"),
              ("bridge", "link", "set", "dev", "vg2", "isolated", "off"),
              ("bridge", "fdb", "del", MACS["g2"], "dev", "vg2", "master"))
    for words in breaks:
        sh(*words)
        done = sh("sh", script, "verify")
        c.check(done.returncode == 1 and (words[5] if "link" in words else "table") in done.stderr, f"{words}: {done.stderr}")
        c.check(sh("sh", script).returncode == 0 and state() == after, f"{words} is not mended")


def check_frames(c, net, folder):
    unknown = "52:54:00:00:00:99"
    sh("sh", str(Path(folder, "bridge")), "remove")
    c.check(frame(net, "up", MACS["g1"], "before") >= {"g1", "g2"}, "without the script a neighbour is flooded")
    c.check("g2" in frame(net, "g1", MACS["g2"], "talk"), "without the script guests reach each other")
    time.sleep(0.1)
    sh("sh", str(Path(folder, "bridge")))
    sh("bridge", "fdb", "flush", "dev", "vg1", "dynamic")
    c.check(frame(net, "up", MACS["g1"], "pinned") & set(MACS) == {"g1"}, "a pinned guest alone gets its frames")
    c.check(not frame(net, "up", unknown, "none") & set(MACS), "no guest gets frames for unknown addresses")
    c.check("g2" not in frame(net, "g1", MACS["g2"], "isolated"), "isolated ports reach each other")
    c.check("up" in frame(net, "g1", "ff:ff:ff:ff:ff:ff", "out"), "an isolated port reaches the uplink")


def check_apply(c, folder, before):
    sh("sh", str(Path(folder, "bridge")), "remove")
    c.check(state() == before, f"remove restores: {state()} {before}")
    for kind in ("nft", "xtables"):
        done = sh("sh", str(Path(folder, "apply")), kind)
        c.check(done.returncode == 0 and state() != before, f"apply {kind}: {done.stderr}")
        rules = sh("nft", "list", "ruleset").stdout
        c.check("nb" in rules, f"apply {kind} loads no rules")
        done = sh("sh", str(Path(folder, "remove")), kind)
        c.check(done.returncode == 0 and state() == before, f"remove {kind}: {done.stderr} {state()}")
        c.check("nwfc" not in sh("nft", "list", "ruleset").stdout, f"remove {kind} leaves rules")
    rules = Path(folder, "nwfc.nft")
    good = rules.read_text()
    rules.write_text(good + "nonsense\n")
    done = sh("sh", str(Path(folder, "apply")), "nft")
    c.check(done.returncode == 1 and state() == before, f"a failing apply leaves something: {done.stderr} {state()}")
    rules.write_text(good)
    c.check(sh("sh", str(Path(folder, "apply")), "tables").returncode == 2, "a target that is not there")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    opt = ap.parse_args()
    status = lab.in_namespace("bridges")
    if status is not None:
        return status
    if (why := lab.needs()):
        return lab.skip("bridges", why)
    c, all_of = lab.Checks(), []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("n.xml", NETWORK), ("d.xml", DOMAIN)):
                Path(folder, name).write_text(text)
            done = sh(os.path.abspath(opt.nwfc), "compile", "-q", "-t", "all", "-o", folder, str(Path(folder, "n.xml")),
                      str(Path(folder, "d.xml")))
            c.check(done.returncode == 0, done.stderr)
            host, net = machines()
            all_of = [host, *net.values()]
            before = state()
            check_script(c, folder, before)
            check_frames(c, net, folder)
            check_apply(c, folder, before)
    finally:
        for m in all_of:
            m.close()
    return c.status()


if __name__ == "__main__":
    sys.exit(main())
