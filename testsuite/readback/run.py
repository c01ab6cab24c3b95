#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scripts read back: those of all cases are right, and mistakes put into them are found.

    run.py --nwfc build/nwfc [--mutants N] [--seed S] [--list] [CASE...]

The scripts are those of testsuite/golden, in every target. First each must be proved as it is. Then mistakes
(mutants.py) are put in, N of them, evenly over the kinds: `nwfc verify` must find them. Of a mistake that is
not found it must be shown that it changes nothing: then packets that are like those that the script is about
go through both scripts by an evaluation of single packets that has nothing to do with nwfc (packets.py),
and must fare alike. --list prints these.
"""
import argparse
import collections
import copy
import os
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "golden")]
import case as cases
import mutants
import packets

TOOLS = ("nft", "ebtables", "iptables", "ip6tables", "xtables")
FORMS = [(t, "") for t in TOOLS] + [("nft", "--expand"), ("ebtables", "--no-hooks"), ("iptables", "--no-hooks")]
COMPILE_ALONE = ("--allow-loss", "--max-product", "--expand", "--services", "--open-host", "--no-hooks", "--table")


class Script:
    def __init__(self, case, folder, tool, form, text):
        self.case, self.folder, self.tool, self.form, self.text = case, folder, tool, form, text
        self.name = "%s.%s%s" % (case.name, tool, form)
        self.words = [y for d in case.dirs for y in ("-I", d)]
        self.words += [a for a in case.arguments if not a.startswith(COMPILE_ALONE)]

    def verify(self, nwfc, text, number=0):
        path = Path(self.folder, "%s%s-%d.script" % (self.tool, self.form, number))
        path.write_text(text, errors="surrogateescape")
        try:
            p = subprocess.run([str(nwfc), "verify", "-q"] + self.words + [str(path)] + self.case.inputs, cwd=self.folder,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               errors="surrogateescape", timeout=120)
            return p.returncode, p.stdout
        finally:
            path.unlink()


END = """  <rule action='drop' direction='inout' priority='1000'/>
  <rule action='drop' direction='inout' priority='1000'><all/></rule>
  <rule action='drop' direction='inout' priority='1000'><all-ipv6/></rule>
"""


def closed(case):
    """The case with a drop of all else at the end of the ports' filters: there what lets pass matters, and
    otherwise what drops. None when that can not be done."""
    new = copy.deepcopy(case)
    done = False
    names = set(re.findall(r"<filterref filter='([^']+)'", "".join(new.files.values())))
    for path, text in new.files.items():
        for name in names:
            head = re.search(r"<filter name='%s'[^>]*[^/]>" % re.escape(name), text)
            end = text.find("</filter>", head.end()) if head else -1
            if end >= 0:
                text = text[:end] + END + text[end:]
                done = True
        new.files[path] = text
    new.name += "+drop"
    return new if done else None


def compile_case(nwfc, folder, case):
    """Scripts of a case; those that allow losses are other scripts on purpose."""
    where = Path(folder, case.name)
    where.mkdir()
    case.write_inputs(where)
    found = []
    for tool, form in FORMS:
        if any(a.startswith("--allow-loss") for a in case.arguments):
            continue
        status, _, text = case.run(nwfc, where, "compile --verify=never -t %s %s" % (tool, form))
        if not status:
            found.append(Script(case, where, tool, form, text))
    return found


def matters(s, m):
    """A first look: a rule that does what the end does is no place for a mistake."""
    passes = re.search(r"\b(accept|return|continue|ACCEPT|RETURN|CONTINUE)\b", m[2])
    drops = re.search(r"\b(drop|reject|DROP|REJECT)\b", m[2])
    return not passes and not drops or bool(passes if s.case.name.endswith("+drop") else drops)


def choose(scripts, n, rng):
    """n mutants, each kind as often as it can be; of every target its own."""
    by_kind = collections.defaultdict(list)
    for s in scripts:
        if s.tool == "xtables":
            continue
        for m in mutants.all_mutants(s.tool, s.text):
            if matters(s, m):
                by_kind[s.tool, m[0]].append((s, m))
    for v in by_kind.values():
        rng.shuffle(v)
    chosen = []
    while len(chosen) < n and any(by_kind.values()):
        for k in list(by_kind):
            if by_kind[k]:
                chosen.append(by_kind[k].pop())
    return chosen[:n]


def run_mutant(nwfc, number, s, m):
    status, out = s.verify(nwfc, m[3], number + 1)
    if status == 1 and "[E802]" in out:
        return "found"
    if status == 2 and re.search(r"\[E80[13]\]", out):
        return "not read"
    if status == 0:
        return "same"
    return "broken: status %d\n%s" % (status, out[-1500:])


def table(results):
    """Lines of a table: kind, how many, how they fared."""
    rows = collections.defaultdict(collections.Counter)
    for (s, m), r in results:
        rows[m[0]][r.split(":")[0]] += 1
    print("%-44s %6s %6s %8s %6s %7s" % ("mistake", "made", "found", "not read", "equal", "missed"))
    for kind, c in sorted(rows.items()):
        print("%-44s %6d %6d %8d %6d %7d" % (kind, sum(c.values()), c["found"], c["not read"], c["equal"], c["missed"] + c["broken"]))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=cases.ROOT / "build" / "nwfc")
    ap.add_argument("--mutants", type=int, default=1000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--list", action="store_true")
    ap.add_argument("case", nargs="*")
    options = ap.parse_args()
    nwfc = options.nwfc.resolve()
    rng = random.Random(options.seed)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        todo = cases.all_cases(options.case)
        todo += [c for c in map(closed, todo) if c]
        scripts = [s for found in pool.map(lambda c: compile_case(nwfc, folder, c), todo) for s in found]
        for s, (status, out) in zip(scripts, pool.map(lambda s: s.verify(nwfc, s.text), scripts)):
            passed += status == 0
            failed += status != 0
            if status:
                print("%s is not proved:\n%s" % (s.name, out))
        print("%d scripts, of which %d are proved" % (len(scripts), passed))
        chosen = choose(scripts, options.mutants, rng)
        results = list(zip(chosen, pool.map(lambda x: run_mutant(nwfc, x[0], *x[1]), enumerate(chosen))))
    final = []
    for (s, m), r in results:
        if r == "same":
            packet = packets.tells_apart(s.tool, s.text, m[3], rng)
            r = "equal" if packet is None else "missed: %s" % (packet,)
        final.append(((s, m), r))
        bad = r.startswith(("missed", "broken"))
        failed += bad
        passed += not bad
        if bad or (options.list and r == "equal"):
            print("%s:%d: %s: %s\n    %s" % (s.name, m[1], m[0], r, m[2][:200]))
    table(final)
    counts = collections.Counter(r.split(":")[0] for _, r in final)
    real = counts["found"] + counts["not read"] + counts["missed"] + counts["broken"]
    print("%d mistakes: %d change nothing; of the others %d of %d are found" % (
        len(final), counts["equal"], counts["found"] + counts["not read"], real))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
