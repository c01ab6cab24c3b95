#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goldens: compile every case and compare all bytes with what the case says.

    run.py --nwfc build/nwfc             compare
    run.py --nwfc build/nwfc --update    write what comes out into the cases; review the difference

Besides, every kind of finding (ir/findings.def) must show in some case.
"""
import argparse
import difflib
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import case as cases

# No target narrows; a case can not be large enough for two, which testsuite/cli/hostile.py shows; E606 wants a
# kernel, as testsuite/learn has it.
NOT_HERE = {"E503", "E603", "E604", "E606", "E607", "E608", "W609", "N719"}


def normal(text):
    text = re.sub(r"^directory /.*", "directory DIRECTORY", text, flags=re.M)
    return re.sub(r"\bnwfc \d+\.\d+\.\d+", "nwfc VERSION", text)


def section(title, text):
    if text and not text.endswith("\n"):
        text += "\n\\ no newline at the end\n"
    return "=== %s\n%s" % (title, normal(text))


def result(case, nwfc):
    out = ""
    for name, arguments in case.runs:
        with tempfile.TemporaryDirectory() as folder:
            case.write_inputs(folder)
            status, findings, text = case.run(nwfc, folder, arguments)
            out += section("%s exit %d" % (name, status), findings)
            if text:
                out += section(name + " -", text)
            for f in sorted(Path(folder, "out").iterdir()):
                if f.name == "nft" and name == "nft":
                    out += section("nft script", f.read_text())
                else:
                    out += section("%s %s" % (name, f.name), f.read_text())
    return out


def known_codes():
    text = (cases.ROOT / "ir" / "findings.def").read_text()
    return set(re.findall(r"^KIND\((\w+),", text, flags=re.M))


def check(case, got):
    if got == case.expected:
        return True
    print("== %s" % case.name)
    sys.stdout.writelines(difflib.unified_diff(case.expected.splitlines(True), got.splitlines(True), "wanted", "got"))
    return False


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--nwfc", type=Path, default=cases.ROOT / "build" / "nwfc")
    ap.add_argument("--update", action="store_true")
    ap.add_argument("case", nargs="*")
    options = ap.parse_args()
    nwfc = options.nwfc.resolve()
    todo = cases.all_cases(options.case)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda c: result(c, nwfc), todo))
    if options.update:
        changed = [c for c, got in zip(todo, results) if got != c.expected]
        for c, got in zip(todo, results):
            if got != c.expected:
                c.path.write_text(c.by_hand + got)
        print("%d cases changed: %s" % (len(changed), " ".join(c.name for c in changed)))
        return 0
    failed = sum(not check(c, got) for c, got in zip(todo, results))
    passed = len(todo) - failed
    if not options.case:
        shown = set(re.findall(r"\[([EWN]\d{3})\]$", "".join(results), flags=re.M))
        missing = known_codes() - shown - NOT_HERE
        if missing:
            print("no case shows: %s" % " ".join(sorted(missing)))
        failed, passed = failed + bool(missing), passed + (not missing)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
