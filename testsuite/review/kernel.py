#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A sample of what nwfc diff says, held against a real kernel.

Random filters, one edit each, without connection state (which not every kernel has on the bridge). Of each
change that is said the packet is sent across a bridge in a network namespace of its own, once with the old
nft script loaded and once with the new one: it must come out at the other side just when nwfc says that
it passes.

    kernel.py --nwfc build/nwfc [--seed N] [--packets N]
"""
import argparse
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import diff  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"
ENDS = {"out": ("g0", "w0"), "in": ("w0", "g0")}       # from, to


def run(*words, text=None):
    p = subprocess.run(words, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, "%s: %s" % (" ".join(words), p.stdout[-1000:])


class Bridge:
    """vnet0 has the guest behind it (g0), out0 the world (w0)."""

    def __init__(self):
        run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        for port, end in (("vnet0", "g0"), ("out0", "w0")):
            run("ip", "link", "add", port, "type", "veth", "peer", "name", end)
            run("ip", "link", "set", port, "master", "br0")
            run("bridge", "link", "set", "dev", port, "learning", "off")
        for name in ("vnet0", "out0", "g0", "w0", "br0"):
            Path("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % name).write_text("1")
            run("ip", "link", "set", name, "up")
        self.sockets = {}
        for end in ("g0", "w0"):
            self.sockets[end] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.sockets[end].bind((end, 0))
        end = time.monotonic() + 5
        while not self.passes(b"\xff" * 6 + b"\x52\x54\0\0\0\7" + b"\x88\xb5" + bytes(46), "out"):
            assert time.monotonic() < end, "the bridge does not forward"

    def passes(self, frame, side, seconds=0.15):
        source, target = (self.sockets[e] for e in ENDS[side])
        while select.select([target], [], [], 0)[0]:
            target.recv(4096)
        source.send(frame)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([target], [], [], left)[0]:
                continue
            got = target.recv(4096)
            # a tag is taken out of what is received, and br_netfilter takes padding away
            if len(got) >= 28 and (frame.startswith(got) or (frame[:12] + frame[16:]).startswith(got)):
                return True
        return False


def stateless(files):
    for root in files.values():
        for rule in diff.rules_of(root):
            rule.set("statematch", "0")
            for e in rule:
                for name in ("state", "connlimit-above", "ipset", "ipsetflags"):
                    e.attrib.pop(name, None)
            if rule.get("action") == "reject":
                rule.set("action", "drop")


def forwards(raw):
    """A bridge takes frames for the groups of its own protocol itself, and none from a group."""
    return not raw[6] & 1 and raw[6:12] != bytes(6) and raw[:5] != b"\x01\x80\xc2\0\0"


def compiled(nwfc, folder, version):
    p = subprocess.run([nwfc, "compile", "-q", "-t", "nft", version], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return p.stdout if p.returncode == 0 else None


def sample(nwfc, bridge, seed):
    """How many packets of this seed's filter were sent."""
    rng = random.Random("kernel %d" % seed)
    files, binding = diff.Generator(seed).case()
    files = {name: ET.fromstring(text) for name, text in files.items()}
    stateless(files)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        diff.write(folder / "old", files, binding)
        rules = [r for root in files.values() for r in diff.rules_of(root)]
        for _ in range(2):
            rng.choice(diff.CHANGING)(rng, rng.choice(rules))
        stateless(files)
        diff.write(folder / "new", files, binding)
        found, _ = diff.differences(nwfc, folder)
        scripts = {v: compiled(nwfc, folder, d) for v, d in (("before", "old"), ("now", "new"))}
        if not found or None in scripts.values():
            return 0
        packets = [(c, bytes.fromhex(c["bytes"])) for x in found for c in x["changes"]
                   if c["certain"] and c["bytes"] and forwards(bytes.fromhex(c["bytes"])) and "ct state" not in c["packet"]]
        for version, script in scripts.items():
            run("nft", "-f", "-", text=script)
            for change, raw in packets:
                wanted = change[version]["verdict"] == "pass"
                assert bridge.passes(raw, change["side"]) == wanted, "seed %d, %s: %s" % (seed, version, change)
        return len(packets)


def inside(options):
    bridge = Bridge()
    sent, seed, failed = 0, options.seed, 0
    while sent < options.packets and seed < options.seed + 40 * options.packets:
        try:
            sent += sample(str(options.nwfc.resolve()), bridge, seed)
        except AssertionError as e:
            failed += 1
            print("FAIL %s" % e)
        seed += 1
    print("%d packets of changes sent through a kernel" % sent)
    print("%d passed, %d failed, 0 skipped" % (sent, failed))
    return failed > 0 or sent < options.packets


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=diff.ROOT / "build" / "nwfc")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--packets", type=int, default=40)
    ap.add_argument("--inside", action="store_true")
    options = ap.parse_args()
    if options.inside:
        return inside(options)
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run(words + ["nft", "list", "ruleset"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return subprocess.run(words + [sys.executable, "-B", __file__, "--inside", "--nwfc", str(options.nwfc.resolve()),
                                           "--seed", str(options.seed), "--packets", str(options.packets)]).returncode
    print("SKIP: no network namespace with nft can be had here")
    print("0 passed, 0 failed, 1 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
