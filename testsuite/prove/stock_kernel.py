#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What nwfc prove says of the stock filters, held against a real kernel.

Each filter's nft script is loaded in a network namespace, with a bridge. The packet that breaks an
assertion is sent across it and must come out at the other side; forged frames must not where
the assertion about them is proven.

    stock_kernel.py --nwfc build/nwfc
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "review")]
sys.dont_write_bytecode = True
import kernel as K  # noqa: E402
import run as R  # noqa: E402

FORGED = {
    "mac": ["out ether saddr 52:54:00:00:00:07 type 0x88b5", "out tcp 192.0.2.99:4000 > 192.0.2.1:80 ether saddr 52:54:00:00:00:07"],
    "arp": ["out arp reply spa 192.0.2.1", "out arp request spa 192.0.2.7", "out arp reply arp saddr ether 52:54:00:00:00:07"],
    "ipv4": ["out tcp 192.0.2.5:4000 > 192.0.2.1:80", "out udp 192.0.2.5:53 > 192.0.2.1:53"],
    "ipv6": ["out tcp [2001:db8::5]:4000 > [2001:db8::1]:80", "out icmpv6 fe80::5 > fe80::1 icmp type 136"],
    "dhcp": ["out udp 192.0.2.99:67 > 192.0.2.1:68", "out udp [fe80::5054:ff:fe12:3456]:547 > [fe80::1]:546"],
    "ra": ["out icmpv6 fe80::5054:ff:fe12:3456 > ff02::1 icmp type 134", "out icmpv6 fe80::5054:ff:fe12:3456 > ff02::1 icmp type 137"],
}


def forged(nwfc, inputs):
    """{part: frames}, for a filter's port."""
    def frame(words):
        packet = json.loads(nwfc.run("trace", "-q", "--format=json", *inputs, words))["packets"][0]
        return words, bytes.fromhex(packet["bytes"])
    return {part: [frame(w) for w in words] for part, words in FORGED.items()}


def hold(nwfc, bridge, name):
    inputs = R.stock_inputs(name)
    # behind AH nft does not see what ebtables does, which the compile would say
    script = nwfc.run("compile", "-q", "-t", "nft", *inputs)
    R.check(script, name, "is not compiled")
    K.run("nft", "-f", "-", text=script)
    proofs = nwfc.prove("--ready=anti-spoof", *inputs)["proofs"]
    broken = {Path(p["file"]).stem.split("anti-spoof-")[1] for p in proofs if p["outcome"] != "proven"}
    for p in proofs:
        raw = bytes.fromhex(p.get("bytes", ""))
        if p["outcome"] == "broken" and raw and K.forwards(raw) and "ct state" not in p["packet"]:
            R.check(bridge.passes(raw, p["side"], 1), name, "does not let pass", p["packet"], p["bytes"])
    for part, frames in forged(nwfc, inputs).items():
        for words, raw in frames if part not in broken else []:
            R.check(not bridge.passes(raw, "out", 0.05), name, "lets pass", words, raw.hex())


def inside(nwfc):
    bridge = K.Bridge()
    for name, (keeps, _) in sorted(R.stock_table().items()):
        hold(nwfc, bridge, name)
    print("%d passed, %d failed, 0 skipped" % (R.passed, R.failed))
    return R.failed > 0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=R.ROOT / "build" / "nwfc")
    ap.add_argument("--inside", action="store_true")
    options = ap.parse_args()
    if options.inside:
        return inside(R.Nwfc(options.nwfc.resolve()))
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run(words + ["nft", "list", "ruleset"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return subprocess.run(words + [sys.executable, "-B", __file__, "--inside", "--nwfc", str(options.nwfc.resolve())]).returncode
    print("SKIP: no network namespace with nft can be had here")
    print("0 passed, 0 failed, 1 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
