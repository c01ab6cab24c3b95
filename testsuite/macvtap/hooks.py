#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which netdev hooks of nft see which frames of a macvtap, in each of its modes.

hooks.py [--table]

Two macvtaps, A and B, on one end of a veth pair, whose other end is the world outside.
Frames are written to and read from the tap devices as a virtual machine does it. For
each path two questions are asked: do the hooks of A count the frame, and does a drop
there keep it from getting through? The answers are compared with the table in
docs/macvtap.md (--table prints what was seen, in that form).

Needs namespaces (unshare -rnm) and the tap character devices; skips without them.
"""

import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "learnd"))
from lab import Skip, add_macvtap  # noqa: E402

PACKET_IGNORE_OUTGOING = 23
MODES = ("private", "vepa", "bridge", "passthru")
A, B, HOST, OUT = (bytes.fromhex("5254000000" + x) for x in ("0a", "0b", "01", "02"))
BROADCAST, MULTICAST = b"\xff" * 6, bytes.fromhex("333300000001")

# name, who sends it, destination, source, who may get it
PATHS = (
    ("A to outside", "A", OUT, A, "out"),
    ("A to outside, another source MAC", "A", OUT, bytes.fromhex("5254000000ee"), "out"),
    ("A to outside, broadcast", "A", BROADCAST, A, "out"),
    ("A to B", "A", B, A, "B"),
    ("A to B, broadcast", "A", BROADCAST, A, "B"),
    ("A to the host's lower device", "A", HOST, A, "host"),
    ("outside to A", "out", A, OUT, "A"),
    ("outside to A, broadcast", "out", BROADCAST, OUT, "A"),
    ("outside to A, multicast", "out", MULTICAST, OUT, "A"),
    ("outside to another MAC", "out", bytes.fromhex("5254000000ee"), OUT, "A"),
    ("B to A", "B", A, B, "A"),
    ("B to A, reflected by a switch", "out", A, B, "A"),
    ("A to B, reflected by a switch", "out", B, A, "B"),
)


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def packet_socket(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(263, PACKET_IGNORE_OUTGOING, 1)
    s.bind((name, 0))
    s.setblocking(False)
    return s


class Lab:
    """The devices of one mode. In passthru there can be no B."""

    def __init__(self, mode):
        self.mode, self.serial = mode, 0
        run("ip", "link", "add", "lower", "address", HOST.hex(":"), "type", "veth", "peer", "name", "outside",
            "address", OUT.hex(":"))
        for name in ("lower", "outside"):
            run("ip", "link", "set", name, "up")
        self.taps = {}
        for name, mac in (("A", A), ("B", B)):
            if mode == "passthru" and name == "B":
                continue
            self.taps[name] = add_macvtap("mv" + name, "lower", mac, mode)
        self.out, self.host = packet_socket("outside"), packet_socket("lower")
        self.rules("accept")
        self.drain()

    def close(self):
        for fd in self.taps.values():
            os.close(fd)
        self.out.close()
        self.host.close()
        run("nft", "flush", "ruleset")
        run("ip", "link", "del", "lower")

    def rules(self, verdict):
        run("nft", "flush", "ruleset")
        script = "table netdev t {\n"
        for hook in ("ingress", "egress"):
            script += (f"  chain {hook} {{ type filter hook {hook} device mvA priority 0;"
                       f" ether type 0x88b5 counter {verdict}; }}\n")
        done = subprocess.run(["nft", "-f", "-"], input=script + "}\n", capture_output=True, text=True, check=False)
        if done.returncode:
            raise Skip("nft: " + done.stderr.strip().splitlines()[0])

    def counts(self):
        found = {}
        for item in json.loads(run("nft", "-j", "list", "ruleset"))["nftables"]:
            rule = item.get("rule")
            for e in rule["expr"] if rule else ():
                if "counter" in e:
                    found[rule["chain"]] = e["counter"]["packets"]
        return found

    def read(self, who):
        try:
            if who in ("A", "B"):
                return os.read(self.taps[who], 4096) if who in self.taps else None
            return (self.out if who == "out" else self.host).recv(4096)
        except BlockingIOError:
            return None

    def drain(self):
        time.sleep(0.05)
        for who in ("A", "B", "out", "host"):
            while self.read(who):
                pass

    def send(self, path):
        """True if the one who may get it does."""
        _, sender, dst, src, receiver = path
        self.serial += 1
        mark = b"\x88\xb5" + struct.pack(">I", self.serial)
        return self.arrives(sender, dst + src + mark + bytes(46), mark, receiver)

    def arrives(self, sender, frame, mark, receiver):
        if sender in ("A", "B"):
            os.write(self.taps[sender], frame)
        else:
            self.out.send(frame)
        handles = {"out": self.out, "host": self.host, **self.taps}
        end = time.monotonic() + 0.15
        while time.monotonic() < end:
            select.select([handles[receiver]], [], [], 0.05)
            while (got := self.read(receiver)) is not None:
                if mark in got:
                    return True
        return False


def look(lab, path):
    """What becomes of a path: passes, which hooks of A count it, and does a drop there stop it?"""
    lab.rules("accept")
    passes = lab.send(path)
    seen = [hook for hook, n in sorted(lab.counts().items()) if n]
    lab.drain()
    lab.rules("drop")
    stopped = not lab.send(path)
    lab.drain()
    hooks = "+".join(seen) or "none"
    if not passes:
        return f"never, {hooks}"
    return f"{hooks}, {'stopped' if stopped else 'NOT STOPPED'}"


def measure():
    seen = {}
    for mode in MODES:
        lab = Lab(mode)
        try:
            for path in PATHS:
                if mode == "passthru" and ("B" in (path[1], path[4])):
                    seen[path[0], mode] = "-"
                    continue
                seen[path[0], mode] = look(lab, path)
        finally:
            lab.close()
    return seen


def print_table(seen):
    print("| frame | " + " | ".join(MODES) + " |")
    print("|---" * (len(MODES) + 1) + "|")
    for path in PATHS:
        print(f"| {path[0]} | " + " | ".join(seen[path[0], m] for m in MODES) + " |")


def documented():
    here = os.path.dirname(os.path.abspath(__file__))
    rows = {}
    with open(os.path.join(here, "../../docs/macvtap.md"), encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in re.split(r"\|", line.strip())[1:-1]]
            if len(cells) == len(MODES) + 1 and cells[0] in {p[0] for p in PATHS}:
                rows.update({(cells[0], m): c for m, c in zip(MODES, cells[1:])})
    return rows


def inside(table):
    try:
        run("mount", "-t", "sysfs", "sysfs", "/sys")
        seen = measure()
    except (Skip, OSError) as e:
        print(f"SKIP: {e}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    if table:
        print_table(seen)
        return 0
    want, failed = documented(), 0
    for key, got in seen.items():
        if want.get(key) != got:
            failed += 1
            print(f"FAIL {key[0]}, mode {key[1]}: {got}; docs/macvtap.md says {want.get(key)}")
    print(f"{len(seen) - failed} passed, {failed} failed, 0 skipped")
    return failed > 0


def again_inside(script, *words):
    """Run the script in namespaces of its own; its status."""
    words = ["unshare", "-rnm", sys.executable, "-B", os.path.abspath(script), *words]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode and "passed" not in done.stdout:
        print(f"SKIP: no namespaces here: {(done.stderr + done.stdout).strip().splitlines()[-1:]}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    print(done.stdout, end="")
    return done.returncode


def main():
    table = "--table" in sys.argv
    if "--inside" in sys.argv:
        return inside(table)
    return again_inside(__file__, "--inside", *["--table"] * table)


if __name__ == "__main__":
    sys.exit(main())
