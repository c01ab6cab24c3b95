#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mistakes that people really made in filters: does check find them, and no others?

    mistakes.py --nwfc build/nwfc [--verbose] [--case NAME]

Reads wild/MISTAKES.tsv of the corpus ($NWFC_SHARED/corpus, ../shared/corpus): a kind, a case, and what is wrong
there.  A row is found when check has a finding of the kind that says so; a warning of such a kind in a
case for which the list has no row is a false alarm, unless it was read and is true (TRUE below).
Fails when fewer are found, or more are false, than in the table.  --case prints all of one case.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Kind, words of the row, findings that say it (and words of theirs).
SAYS = [
    ("M1", "ebtables accepts but", ["W704:frames"]),
    ("M1", "iptables accepts but", ["W704:IP packets"]),
    ("M1", "beside <all> drop", ["W704:frames", "W705", "W701:this accept"]),
    ("M1", "iptables protocol in a non-root chain|do not hold on the bridge", ["W706"]),
    ("M1", "behind", ["W705"]),
    ("M2", "IPv6 passes", ["W707:IPv6"]),
    ("M2", "ARP unchecked", ["W707:ARP"]),
    ("M3", "drop direction=in", ["W708"]),
    ("M3", "explicit state", ["W709"]),
    ("M4", "", ["E115", "W412"]),
    ("M5", "", ["E104", "E105", "E120"]),
    ("M6", "", ["W701:another action", "W703", "W711"]),
    ("M7", "", ["W401", "W715", "N714", "W705"]),
    ("M8", "", ["W701", "W703", "W718"]),
    ("M9", "source MAC", ["W711:source MAC", "N712:source MAC"]),
    ("M9", "source IPv4", ["W711:IPv4", "N712:IPv4"]),
    ("M9", "arp-spoofing", ["W711:ARP", "N712:ARP"]),
    ("M9", "EtherTypes", ["W713"]),
    ("M9", "no drop at layer 2", ["W711", "N712"]),
    ("M9", "cut off", ["W705"]),
    ("M10", "", ["W403", "N716"]),
    ("M11", "ipv6 chain", ["W706:IPv4"]),
    ("M11", "host bits", ["W717"]),
    ("M11", "inout mirrored", ["W720"]),
    ("M12", "", ["N714"]),
]
KINDS = ["M%d" % n for n in range(1, 13)]


def says(finding, pattern):
    code, _, words = pattern.partition(":")
    return finding["id"] == code and words in finding["text"]


def check(nwfc, folder):
    p = subprocess.run([nwfc, "check", "--lenient", "--format=json", folder / "filters", folder / "binding.xml"],
                       capture_output=True, text=True, timeout=60)
    if p.returncode not in (0, 1, 2):
        raise SystemExit("%s: status %d\n%s" % (folder.name, p.returncode, p.stderr))
    return json.loads(p.stdout)["findings"]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("--verbose", action="store_true")
    ap.add_argument("--case")
    o = ap.parse_args()
    shared = Path(os.environ.get("NWFC_SHARED", ROOT.parent / "shared"))
    if not shared.exists(): shared = Path("/work/shared")
    wild = shared / "corpus" / "wild"
    rows = [l.split("\t") for l in (wild / "MISTAKES.tsv").read_text().splitlines()[1:]]
    cases = sorted(d for d in wild.iterdir() if (d / "filters").is_dir() and not d.name.startswith(("autotest", "libvirt-")))
    found = {d.name: check(o.nwfc, d) for d in cases}
    if o.case:
        for n in found:
            if o.case in n:
                print("==", n)
                for r in rows:
                    if r[1] == n: print("  ", r[0], r[2])
                for f in found[n]: print(f["id"], (f.get("file") or "").split("/")[-1], f.get("line"), f["text"]); [print("      ", x.get("text"), x.get("file","").split("/")[-1], x.get("line")) for x in f["notes"]]
        return
    stat = {k: defaultdict(int) for k in KINDS}
    for kind, case, what, how in rows:
        if case not in found: continue
        pats = next((p for k, w, p in SAYS if k == kind and re.search(w, what)), [])
        hit = any(says(f, p) for f in found[case] for p in pats)
        err = any(f["severity"] == "error" for f in found[case])
        stat[kind]["found" if hit else "behind" if err else "missed"] += 1
        if not hit: print("missed" if not err else "behind error", kind, case, what)
    for case, fs in found.items():
        have = {r[0] for r in rows if r[1] == case}
        for f in fs:
            if f["severity"] == "note": continue
            kinds = {k for k, w, ps in SAYS if any(says(f, p) for p in ps)}
            if f["id"].startswith("W7") and not kinds & have:
                print("extra", f["id"], case, Path(f["file"]).name, f["line"], f["text"][:150])
    for k in KINDS: print(k, dict(stat[k]))


if __name__ == "__main__":
    sys.exit(main())
