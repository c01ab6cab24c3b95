#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random filters to nwfc and to the reference model: the same refusals and the same rules.

Stands alone (no corpus).  A case that fails is printed whole; --keep DIR writes all cases as
folders of the corpus' own form, so that libvirt can be asked about them.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import compare
import language
import lowering
import random_filters
import tables

SET = "ipset create tck_test hash:ip"


class Case:
    def __init__(self, seed):
        texts, binding = random_filters.Generator(seed).case()
        self.name, self.port = "seed %d" % seed, "vnet0"
        self.files = {n + ".xml": t.encode() for n, t in texts.items()}
        self.binding, self.problem = binding.encode(), None

    def model(self):
        points = language.Points(frozenset())
        try:
            port, rules, mode = language.read_case(list(self.files.values()), self.binding, points)
            chains = lowering.lower(port, rules, mode, points)
        except language.Refused as e:
            return None, str(e)
        points.refusals.discard("stp-fields")       # allowed below
        return (None, ", ".join(points.refusals)) if points.refusals else (chains, None)

    def write(self, folder):
        (folder / "filters").mkdir(parents=True)
        for name, text in self.files.items():
            (folder / "filters" / name).write_bytes(text)
        (folder / "binding.xml").write_bytes(self.binding)
        (folder / "setup.sh").write_text(SET + "\n")

    def text(self):
        return b"".join(self.files.values()).decode()


def judge(nwfc, seeds, tmp):
    found, loader, pairs = [Case(s) for s in seeds], tables.Loader([SET]), []
    for case, out, status, messages in compile_all(nwfc, found, tmp):
        chains, why = case.model()
        if (chains is None) != (status in (1, 2)) or status not in (0, 1, 2):
            case.problem = "nwfc: status %d, model: %s\n%s" % (status, why or "accepts", messages[:1500])
        elif any("[E50" in line and "stp match" not in line for line in messages.splitlines()):
            case.problem = messages[:1500]
        elif chains is not None:
            pairs.append((case, loader.add(chains), loader.add(compare.ours(case, out))))
    while True:
        try:
            loaded = loader.load()
            break
        except tables.ToolRefused as e:
            for case, *slots in pairs:
                if e.index in slots:
                    case.problem = "a tool refuses the rules of %s: %s" % ("the model" if e.index == slots[0] else "nwfc",
                                                                          e.text)
            loader.sets[e.index] = {}
    for case, a, b in pairs:
        for target in tables.TARGETS:
            text = compare.first_difference(compare.normal(target, loaded[a][target]),
                                            compare.normal(target, loaded[b][target]))
            if text and not case.problem:
                case.problem = "%s: %s" % (target, text)
    return found, len(pairs)


def compile_all(nwfc, found, tmp):
    for n, case in enumerate(found):
        out = tmp / str(n)
        yield (case, out) + compare.compile_case(nwfc, case, out, [compare.LENIENT["stp-fields"]])


def main():
    ap = argparse.ArgumentParser(description="random filters to nwfc and to the reference model")
    ap.add_argument("--nwfc", type=Path, default=compare.ROOT / "build" / "nwfc")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=150)
    ap.add_argument("--keep", type=Path, help="write the cases there")
    args = ap.parse_args()
    seeds = range(args.seed, args.seed + args.count)
    if args.keep:
        for seed in seeds:
            Case(seed).write(args.keep / ("s%d" % seed))
    if tables.in_namespace("iptables-save && ip6tables-save && ebtables-save && ipset list").returncode:
        print("SKIP random filters: no network namespace with the tools here")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    with tempfile.TemporaryDirectory() as tmp:
        found, accepted = judge(args.nwfc, seeds, Path(tmp))
    failed = [c for c in found if c.problem]
    for case in failed:
        print("FAIL %s: %s\n%s" % (case.name, case.problem, case.text()))
    if accepted * 2 < len(found):
        print("FAIL only %d of %d cases were accepted: the generator tests little" % (accepted, len(found)))
    print("%d cases had rules to compare" % accepted)
    print("%d passed, %d failed, 0 skipped" % (len(found) - len(failed), len(failed)))
    return 1 if failed or accepted * 2 < len(found) else 0


if __name__ == "__main__":
    sys.exit(main())
