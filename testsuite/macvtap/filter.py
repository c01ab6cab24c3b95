#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stock filter clean-traffic on macvtaps, in each of their modes: which frames get through.

    filter.py --nwfc build/nwfc

Two guests, A and B, as in hooks.py. Each frame is sent without rules first, and must arrive then, else
nothing is learned from its being stopped.
"""
import argparse
import os
import socket
import struct
import subprocess
import sys
import tempfile

import hooks
from hooks import A, B, BROADCAST, OUT, Skip, run

IP = {"A": "10.0.0.1", "B": "10.0.0.2", "out": "10.0.0.3"}
OTHER = bytes.fromhex("5254000000ee")
NAMES = {"A": A, "B": B, "out": OUT}


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def ipv4(source, target, mark):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(mark), 1, 0, 64, 17, 0, socket.inet_aton(source),
                       socket.inet_aton(target))
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return b"\x08\x00" + head + struct.pack(">HHHH", 4000, 4000, 8 + len(mark), 0) + mark


def arp(mac, source, target, mark):
    return b"\x08\x06" + struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, socket.inet_aton(source), bytes(6),
                                     socket.inet_aton(target)) + mark


def ipv6(mark):
    return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(mark), 59, 64) + bytes(31) + b"\x01" + bytes(15) + \
        b"\x02" + mark


# what, sender, receiver, destination MAC, source MAC, payload, does the filter let it pass
def frames(sender, receiver):
    mac, to, ip, ip_to = NAMES[sender], NAMES[receiver], IP[sender], IP[receiver]
    yield "IPv4", to, mac, lambda m: ipv4(ip, ip_to, m), True
    yield "IPv4 to all", BROADCAST, mac, lambda m: ipv4(ip, "255.255.255.255", m), True
    yield "ARP", BROADCAST, mac, lambda m: arp(mac, ip, ip_to, m), True
    if sender == "out":
        yield "IPv6", to, mac, ipv6, False
        return
    yield "IPv4 of another address", to, mac, lambda m: ipv4("10.0.0.99", ip_to, m), False
    yield "IPv4 from another MAC", to, OTHER, lambda m: ipv4(ip, ip_to, m), False
    yield "ARP for another address", BROADCAST, mac, lambda m: arp(mac, "10.0.0.99", ip_to, m), False
    yield "ARP for another MAC", BROADCAST, mac, lambda m: arp(OTHER, ip, ip_to, m), False
    yield "IPv6", to, mac, ipv6, False
    yield "another protocol", to, mac, lambda m: b"\x88\xb5" + m + bytes(40), False


def documents(folder, mode):
    guests = "".join(
        f"<domain><name>{g}</name><devices><interface type='direct'><mac address='{NAMES[g].hex(':')}'/>"
        f"<source dev='lower' mode='{'passthrough' if mode == 'passthru' else mode}'/><target dev='mv{g}'/>"
        f"<filterref filter='clean-traffic'><parameter name='IP' value='{IP[g]}'/></filterref></interface></devices>"
        "</domain>" for g in ("A", "B") if not (mode == "passthru" and g == "B"))
    path = os.path.join(folder, "d.xml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"<domains>{guests}</domains>")
    return path


def load(nwfc, *words):
    done = subprocess.run([nwfc, "compile", "-q", "-t", "nft", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"nwfc: {done.stderr}")
    loaded = subprocess.run(["nft", "-f", "-"], input=done.stdout, capture_output=True, text=True, check=False)
    if loaded.returncode:
        raise SystemExit(f"nft: {loaded.stderr}")


def paths(mode):
    yield "A", "out"
    yield "out", "A"
    if mode == "bridge":
        yield "A", "B"
        yield "B", "A"


def ask(lab):
    got = {}
    for sender, receiver in paths(lab.mode):
        for what, to, mac, payload, _ in frames(sender, receiver):
            lab.serial += 1
            mark = b"nwfc mark" + struct.pack(">I", lab.serial) + b"."
            got[sender, receiver, what] = lab.arrives(sender, to + mac + payload(mark), mark, receiver)
    return got


def tables():
    return sorted(line.split()[1] for line in run("nft", "list", "tables").splitlines())


def the_last_macvtap_goes(nwfc):
    """Its rules go with the next script of ports, and stay with one of networks alone."""
    bridged = ["--port", "vnet0", "--mac", "52:54:00:00:00:01", "--filter", "no-mac-spoofing"]
    lab, wanted = hooks.Lab("bridge"), ["bridge", "netdev"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            network = os.path.join(folder, "n.xml")
            with open(network, "w", encoding="utf-8") as f:
                f.write("<network><name>n</name><bridge name='virbr7'/></network>")
            run("nft", "flush", "ruleset")
            for words, more, less in (([documents(folder, "bridge")], "", ""), ([network], "inet", ""),
                                      (bridged, "", "netdev")):
                load(nwfc, *words)
                wanted = sorted({*wanted, *([more] if more else [])} - {less})
                if tables() != wanted:
                    print(f"FAIL after {words}: tables of {tables()}, not of {wanted}")
                    return False
    finally:
        lab.close()
    return True


def measure(nwfc):
    good = the_last_macvtap_goes(nwfc)
    passed, failed = int(good), int(not good)
    for mode in hooks.MODES:
        lab = hooks.Lab(mode)
        try:
            with tempfile.TemporaryDirectory() as folder:
                run("nft", "flush", "ruleset")
                plain = ask(lab)
                lab.drain()
                run("nft", "flush", "ruleset")
                load(nwfc, documents(folder, mode))
                ruled = ask(lab)
            for sender, receiver in paths(mode):
                for what, _, _, _, wanted in frames(sender, receiver):
                    key = sender, receiver, what
                    good = plain[key] and ruled[key] == wanted
                    passed, failed = passed + good, failed + (not good)
                    if not good:
                        print(f"FAIL mode {mode}, {sender} to {receiver}, {what}: without rules {plain[key]}, "
                              f"with them {ruled[key]}, not {wanted}")
        finally:
            lab.close()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    ap.add_argument("--inside", action="store_true")
    opt = ap.parse_args()
    if opt.inside:
        try:
            run("mount", "-t", "sysfs", "sysfs", "/sys")
            return measure(os.path.abspath(opt.nwfc))
        except (Skip, OSError) as e:
            print(f"SKIP: {e}")
            print("0 passed, 0 failed, 1 skipped")
            return 0
    return hooks.again_inside(__file__, "--nwfc", opt.nwfc, "--inside")


if __name__ == "__main__":
    sys.exit(main())
