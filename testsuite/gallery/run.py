#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The gallery of mistakes: one file each, the message beside it in NAME.txt.

    run.py --nwfc build/nwfc             every file still says what stands beside it
    run.py --nwfc build/nwfc --update    write what it says now; review the difference

A file is named by the finding that it shows, and must show it; every finding of ir/findings.def
must be shown by a file, but for those that no small text can show. So must every word and sign
of frontend/nwf/habits.c.
"""
import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NOT_HERE = {"E503": "no target narrows", "E505": "wants two names with one hash",
            "E606": "wants a kernel", "E607": "wants a machine without dot", "E603": "wants gigabytes",
            "N719": "wants some hundred rules", "E604": "wants gigabytes"}


def arguments():
    rows = (line.split("\t") for line in (HERE / "arguments").read_text().splitlines() if not line.startswith("#"))
    return {name: shlex.split(words) for name, words in rows}


def said(nwfc, path, words):
    """Findings, as they look from the folder of the file; whatever is written goes elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        for p in (path, path.with_suffix(".leases"), path.with_suffix(".network"), path.with_suffix(".script")):
            if p.exists():
                Path(folder, p.name).write_bytes(p.read_bytes())
        words = [path.name if w == "INPUT" else w for w in words] if "INPUT" in words else [*words, path.name]
        p = subprocess.run([nwfc, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, errors="replace", timeout=120)
        if p.returncode not in (0, 1, 2):
            return "status %d\n%s" % (p.returncode, p.stderr)
        if os.path.exists(os.path.join(folder, "out")) and "error" in p.stderr:
            return "an output was written in spite of an error\n"
        return p.stderr


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("--update", action="store_true")
    options = ap.parse_args()
    nwfc, words, failed, passed, shown = str(options.nwfc.resolve()), arguments(), 0, 0, set()
    for path in sorted(p for p in HERE.iterdir() if p.suffix in (".xml", ".nwf")):
        got, wanted = said(nwfc, path, words.get(path.name, ["check"])), path.with_name(path.name + ".txt")
        code = path.name.split("-")[0]
        shown.add(code)
        if options.update:
            wanted.write_text(got)
        problems = list(difflib.unified_diff(wanted.read_text().splitlines(True) if wanted.exists() else [],
                                             got.splitlines(True), "wanted", "got"))
        if not re.search(r"\[%s\]$" % code, got, flags=re.M):
            problems.append("it does not show %s: %s\n" % (code, got))
        failed, passed = failed + bool(problems), passed + (not problems)
        if problems:
            print("== %s\n%s" % (path.name, "".join(problems)))
    kinds = set(re.findall(r"^KIND\((\w+),", (ROOT / "ir" / "findings.def").read_text(), flags=re.M))
    for code in sorted(kinds - shown - set(NOT_HERE)):
        print("no file shows %s" % code)
        failed += 1
    texts = "".join(p.read_text() for p in HERE.glob("*.nwf.txt"))
    habits = re.findall(r'\{HABIT_[A-Z_ |]+,\s*"((?:[^"\\]|\\.)+)"', (ROOT / "frontend" / "nwf" / "habits.c").read_text())
    for word in sorted({h.replace("\\\\", "\\") for h in habits}):
        if "'%s'" % word not in texts:
            print("no file shows the hint for '%s'" % word)
            failed += 1
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
