#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mistakes that people made in filters: does check find each, and is it quiet where there is none?

    mistakes.py [--nwfc build/nwfc] [--verbose] [--case NAME]

Needs a folder of cases ($NWFC_SHARED/corpus, or ../shared/corpus beside the project) with
wild/MISTAKES.tsv: kind, case, what is wrong there, how that was found; skips without it.

A row is found when check says a finding of that kind there (SAYS).  Rows that were read again and are no
mistake in the meaning of the filter stand in NO_MISTAKE, those that nobody can see without the author's wishes
in WISHES; what stands behind an error of the same case can not be looked for.  A warning in a case without
a row of its kind is a false alarm, unless it was read and is true (TRUE): the list names what some scripts looked
for, not all that is wrong.  Fails when a row is missed, or an alarm is false.  Notes are counted, no more.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SUITES = ("autotest", "libvirt-")   # cases of test suites, which are no filters for use

# Kind, words of the row, findings that say it ("CODE:words of the text").
SAYS = [
    ("M1", "ebtables accepts but no", ["W704:frames"]),
    ("M1", "iptables accepts but no", ["W704:IP packets"]),
    ("M1", "beside <all> drop", ["W704:frames", "W705", "W701:this accept"]),
    ("M1", "non-root chain|hold on the bridge", ["W706"]),
    ("M1", "behind", ["W705"]),
    ("M2", "IPv6 passes", ["W707:IPv6"]),
    ("M2", "ARP unchecked", ["W707:ARP"]),
    ("M3", "drop direction=in", ["W708"]),
    ("M3", "explicit state", ["W709"]),
    ("M4", "", ["E115", "W412"]),
    ("M5", "", ["E104", "E105", "E120"]),
    ("M6", "", ["W701:another action", "W701:stock filter", "W703", "W711"]),
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

NO_MISTAKE = {
    ("M1", "kelpie--internet-v3"): "on purpose: the packet layer has accepts of its own for what the frames accept",
    ("M1", "kelpie--policy-v2"): "on purpose: both layers accept the same",
    ("M3", "0x69d-mini-vps-platform--web-1"): "an accept out stands before it: no connection is dropped",
    ("M3", "php-cloud--secgroup"): "the same",
    ("M9", "ascii-box--public"): "IPv4 is dropped altogether",
    ("M9", "kelpie--quarantine"): "everything is dropped",
    ("M9", "kvm-guide-vi--custom-filter"): "of IPv4 only answers pass, and of a foreign address nobody asks",
    ("M9", "linux-notes-zh--block-all"): "IPv4 is dropped altogether",
    ("M9", "openstack-fuel-devops--iface-blocked"): "the same",
    ("M9", "openstack-fuel-devops--net-blocked"): "the same",
    ("M9", "rhysperry111-shadowtrap--pot"): "the same",
}

WISHES = {
    ("M1", "totekuh-winbox--isolate", "udp accepts"): "renewals from an address of the network pass both layers",
    ("M11", "cirrax-puppet-libvirt--simple", "tcp element"): "tcp where udp was meant",
    ("M11", "libre-vmm--firewall", "remote address"): "which address is the remote one",
    ("M11", "taskcluster-worker--filter", "128.0.0.0"): "a slip of a digit",
}

# Case (or "": all), finding: why it is true though the list has no row of the kind.
TRUE = {
    ("", "W713"): "frames with a tag pass while addresses are checked; the list did not look for it",
    ("VirtueCoding-VirtueStack--anti-spoof-stock-base", "W720"): "the generator's arp rule of direction inout",
    ("VirtueCoding-VirtueStack--bypass", "W720"): "the same",
    ("0x69d-mini-vps-platform--egress", "W701"): "DNS to 192.168.122.1, after a drop of 192.168.0.0/16",
    ("YunInternet-CCMS--clean-traffic", "W701"): "the accept of chain ipv4 ends what chain ipv4-dhcp would drop",
    ("YunInternet-CCMS--host-only", "W701"): "the same",
    ("YunInternet-CCMS--clean-traffic", "W711"): "a whole network may be the sender in ARP: $IP with a mask",
    ("YunInternet-CCMS--host-only", "W705"): "IPv6 is returned, and accepted nowhere",
    ("wido-libvirt-nwfilter--all-in-one", "W711"): "ICMPv6 is accepted before the source is asked",
    ("wido-libvirt-nwfilter--all-in-one-v1", "W711"): "the same",
}

GOOD = ["kelpie", "devbox", "tomemme", "carlosnetto-kvm-friends", "autonomio-poise",
        "billyriantono-maburvm--clean-traffic-v6-fixed"]


def says(finding, pattern):
    code, _, words = pattern.partition(":")
    return finding["id"] == code and words in finding["text"]


def check(nwfc, folder):
    p = subprocess.run([nwfc, "check", "--lenient", "--format=json", folder / "filters", folder / "binding.xml"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if p.returncode not in (0, 1, 2):
        sys.exit("FAIL %s: status %d\n%s" % (folder.name, p.returncode, p.stderr))
    return json.loads(p.stdout)["findings"]


def patterns(kind, what):
    return next((ps for k, words, ps in SAYS if k == kind and re.search(words, what)), [])


def outcome(row, findings):
    kind, case, what = row[:3]
    if any(says(f, p) for f in findings for p in patterns(kind, what)):
        return "found"
    if any(f["severity"] == "error" for f in findings):
        return "behind an error"
    if (kind, case) in NO_MISTAKE and "non-root" not in what:
        return "no mistake"
    if any(k == kind and c == case and w in what for k, c, w in WISHES):
        return "of wishes"
    return "missed"


def place(f):
    return "%s:%d: %s [%s]" % (Path(f["file"]).name, f["line"], f["text"], f["id"])


def alarms(case, findings, rows):
    """Warnings of no kind that the case has a row of."""
    have = {r[0] for r in rows if r[1] == case}
    for f in findings:
        kinds = {k for k, _, ps in SAYS if any(says(f, p) for p in ps)}
        if f["severity"] == "warning" and f["id"].startswith("W7") and not kinds & have:
            yield f, (case, f["id"]) in TRUE or ("", f["id"]) in TRUE


def show(name, findings, rows):
    print("== " + name)
    for r in rows:
        if r[1] == name:
            print("   %s %s: %s" % (r[0], r[2], outcome(r, findings)))
    for f in findings:
        print(place(f) if f.get("file") else f["text"])
        for n in f["notes"]:
            print("      " + str(n.get("text")))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("--verbose", action="store_true", help="also what was found, and true alarms")
    ap.add_argument("--case", help="show all of the cases with this in their names")
    o = ap.parse_args()
    wild = Path(os.environ.get("NWFC_SHARED") or ROOT.parent / "shared") / "corpus" / "wild"
    if not (wild / "MISTAKES.tsv").exists():
        print("SKIP mistakes: no corpus at %s (set NWFC_SHARED)" % wild)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    rows = [r.split("\t") for r in (wild / "MISTAKES.tsv").read_text().splitlines()[1:]]
    cases = sorted(d for d in wild.iterdir() if (d / "filters").is_dir() and not d.name.startswith(SUITES))
    found = {d.name: check(o.nwfc, d) for d in cases}
    if o.case:
        for name in found:
            if o.case in name:
                show(name, found[name], rows)
        return 0
    results = {}
    for r in rows:
        if r[1] in found:
            how = outcome(r, found[r[1]])
            results.setdefault(r[0], Counter())[how] += 1
            if how == "missed" or o.verbose:
                print("%s: %s %s: %s" % (how, r[0], r[1], r[2]))
    false = 0
    for name, findings in found.items():
        for f, true in alarms(name, findings, rows):
            results.setdefault("all", Counter())["true, without a row" if true else "false alarm"] += 1
            false += not true
            if not true or o.verbose:
                print("%s: %s: %s" % ("true" if true else "FALSE", name, place(f)))
    for kind in sorted(results, key=lambda k: (k == "all", len(k), k)):
        print("%-4s %s" % (kind, ", ".join("%s %d" % (h, n) for h, n in sorted(results[kind].items()))))
    warned = {n: [f["id"] for f in fs if f["severity"] == "warning" and f["id"].startswith("W7")]
              for n, fs in found.items() if n.startswith(tuple(GOOD))}
    print("good models: %s" % ", ".join("%s %s" % (n, "+".join(sorted(set(w))) or "quiet") for n, w in warned.items()))
    missed = sum(c["missed"] for c in results.values())
    print("%d passed, %d failed, 0 skipped" % (sum(c["found"] for c in results.values()), missed + false))
    return 1 if missed or false else 0


if __name__ == "__main__":
    sys.exit(main())
