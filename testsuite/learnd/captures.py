#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Replay captures and compare what learnd concludes with what is expected.

captures.py --learnd PROGRAM [--verbose] [FOLDER...]

Without a folder the corpus (not part of the project) is looked for in
$NWFC_SHARED/corpus/captures, default ../shared beside the checkout; SKIP without it.
Each FOLDER holds cases: folders with capture.pcap (or .gz), port.txt,
direction.txt and expect.json. Per case and mode three things are compared:
the events that are demanded, that no address is bound that is not expected, and the
addresses that are bound at the end and an hour later.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile

CHANGES = ("add", "renew", "expire", "delete")


def replay(program, case, mode, until):
    pcap = os.path.join(case, "capture.pcap")
    unpacked = None
    if not os.path.exists(pcap):
        unpacked = tempfile.NamedTemporaryFile(suffix=".pcap")
        with gzip.open(pcap + ".gz") as packed:
            unpacked.write(packed.read())
        unpacked.flush()
        pcap = unpacked.name
    command = [program, "--pcap", pcap, "--port", os.path.join(case, "port.txt"), "--mode", mode,
               "--direction", os.path.join(case, "direction.txt")]
    if until is not None:
        command += ["--until", f"+{until}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if run.returncode:
        raise ValueError(f"exit {run.returncode}: {run.stderr.strip()}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def bound(events):
    """The addresses that are bound after events."""
    now = {}
    for e in events:
        key = (e["family"], e["address"])
        if e["event"] in ("add", "renew"):
            now[key] = e
        elif e["event"] in ("expire", "delete"):
            now.pop(key, None)
    return now


def near(a, b, tolerance):
    if a in (None, "infinite") or b in (None, "infinite"):
        return a == b or None in (a, b)
    return abs(a - b) <= tolerance


def matches(want, got, tolerance):
    slack = tolerance["timer"] if want.get("timer") else tolerance["time"]
    return (want["event"] == got["event"] and want["family"] == got["family"]
            and want["address"] == got["address"] and near(want["time"], got["time"], slack)
            and (want["event"] not in ("add", "renew") or want["source"] == got["evidence"])
            and near(want.get("valid_until"), got.get("valid_until"), tolerance["lease"]))


def compare_final(name, want, alternatives, got):
    allowed = {(w["family"], w["address"]) for w in want}
    demanded = {(w["family"], w["address"]) for w in want if not w.get("optional")}
    have = set(got)
    if demanded <= have <= allowed:
        return []
    if any({a for _, a in have} == set(alt) for alt in alternatives or []):
        return []
    return [f"{name}: bound {sorted(have)}, expected {sorted(demanded)}"
            + (f" or more of {sorted(allowed)}" if allowed != demanded else "")]


def compare(expect, mode, events, hour):
    want, tolerance = expect["modes"][mode], expect["tolerance"]
    if want.get("free"):
        return []
    faults, rest = [], list(events)
    for w in want["events"]:
        found = next((e for e in rest if matches(w, e, tolerance)), None)
        if found:
            rest.remove(found)
        elif w["must"] and not w.get("judgement"):
            faults.append(f"missing: {w['time']:.3f} {w['event']} {w['address']} {w['source']}")
    listed = {(w["family"], w["address"]) for w in want["events"] if w["event"] in CHANGES}
    for e in rest:
        if e["event"] in ("add", "delete", "expire") and (e["family"], e["address"]) not in listed:
            faults.append(f"not expected: {e['time']:.3f} {e['event']} {e['address']}")
        elif e["event"] in CHANGES:
            faults.append(f"other: {e['time']:.3f} {e['event']} {e['address']} {e['evidence']}")
    alternatives = want.get("final_alternatives")
    if alternatives:
        faults = [f for f in faults if not f.startswith(("missing", "other"))]
    faults += compare_final("final", want["final"], alternatives, bound(events))
    faults += compare_final("an hour later", want["final_plus_1h"], alternatives, bound(hour))
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learnd", required=True)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("folders", nargs="*")
    args = parser.parse_args()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    shared = os.environ.get("NWFC_SHARED", os.path.join(os.path.dirname(root), "shared"))
    args.folders = args.folders or [os.path.join(shared, "corpus", "captures")]
    if not os.path.isdir(args.folders[0]):
        print(f"SKIP: there are no captures in {args.folders[0]}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = 0
    for folder in args.folders:
        for name in sorted(os.listdir(folder)):
            case = os.path.join(folder, name)
            if not os.path.exists(os.path.join(case, "expect.json")):
                continue
            with open(os.path.join(case, "expect.json"), encoding="utf-8") as f:
                expect = json.load(f)
            for mode in expect["modes"]:
                try:
                    events = replay(args.learnd, case, mode, None)
                    hour = replay(args.learnd, case, mode, 3600)
                    faults = compare(expect, mode, events, hour)
                except (ValueError, subprocess.TimeoutExpired) as e:
                    events, faults = [], [str(e)]
                if faults:
                    failed += 1
                    print(f"FAIL {name} ({mode})")
                    for f in faults:
                        print(f"    {f}")
                    if args.verbose:
                        for e in events:
                            print(f"        {json.dumps(e)}")
                else:
                    passed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


sys.exit(main())
