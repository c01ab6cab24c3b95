#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libvirt as witness: what nwfc makes of each filter of the corpus against what libvirt made of it.

The corpus (not part of the project) is looked for in $NWFC_SHARED/corpus, default ../shared
beside the checkout; without it the test says SKIP.  For each case

  * both sides accept, or both refuse;
  * the rules of ebtables, iptables and ip6tables are the same, one by one and in order;

or the difference is one that differences.tsv lists for that case and docs/differences.md
explains.  A listed difference is not a licence to differ: the reference model (language.py,
lowering.py) says which points of the language a case touches, must reproduce libvirt's rules
with all points on libvirt's side, and ours with none.  So a case with a listed difference is
still compared rule for rule, and a row that no case needs any more fails the test.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import language
import lowering
import tables

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KINDS = ("own", "libvirt-9.0.0", "wild")
SCOPES = ("accept",) + tuple(tables.TARGETS)
ROOTS = ("PREROUTING", "POSTROUTING", "INPUT", "FORWARD", "@in", "@out", "@in-post", "@host", "out", "in",
         "FI", "FO", "HI")

# The compiler's chain names; %s is the port.  A dispatcher that only spreads to ports is read as
# if its rules stood where it is jumped to.
OUR_NAMES = {"ebtables": {"nwfc-o/%s": "out", "nwfc-i/%s": "in"},
             "iptables": {"nwfc-out": "@in", "nwfc-in": "@out", "nwfc-host": "@host",
                          "nwfc-o/%s": "FI", "nwfc-i/%s": "FO", "nwfc-h/%s": "HI"}}
OUR_NAMES["ip6tables"] = OUR_NAMES["iptables"]
OUR_DISPATCHERS = {"ebtables": ("nwfc-out", "nwfc-in"), "iptables": ("nwfc-forward",), "ip6tables": ("nwfc-forward",)}
LIBVIRT_NAMES = {"ebtables": {"libvirt-I-%s": "out", "libvirt-O-%s": "in"},
                 "iptables": {"libvirt-in": "@in", "libvirt-out": "@out", "libvirt-in-post": "@in-post",
                              "libvirt-host-in": "@host", "FI-%s": "FI", "FO-%s": "FO", "HI-%s": "HI"}}
LIBVIRT_NAMES["ip6tables"] = LIBVIRT_NAMES["iptables"]
# Refusals that an option turns into warnings: such a case is compared whole in a second run.
LENIENT = {"unknown-element": "--lenient", "unknown-attribute": "--lenient", "stp-fields": "--allow-loss=widened"}


class Case:
    def __init__(self, path, update=False):
        self.path, self.update = path, update
        self.name = "%s/%s%s" % (path.parent.name, path.name, "+update" if update else "")
        self.binding = (path / "binding.xml").read_bytes()
        self.files = {f.name: f.read_bytes() for f in sorted((path / "filters").glob("*.xml"))}
        if update:
            self.files.update((f.name, f.read_bytes()) for f in sorted((path / "update").glob("*.xml")))
        error = path / "libvirt" / "error.txt"
        stage = error.read_text().split()[0] if error.exists() else None
        self.refused = stage is not None and (stage == "update") == update
        self.full = self.files
        self.reduced = False
        self.findings = []      # (scope, reason, text); reason None = not explained
        self.checks = 0

    @property
    def port(self):
        return language.parse_binding(self.binding, language.Points(None)).name

    def libvirt_chains(self):
        suffix = "-update.save" if self.update else ".save"
        return {t: tables.parse((self.path / "libvirt" / (t + suffix)).read_text(), tables.TARGETS[t])
                for t in tables.TARGETS}

    def model(self, libvirt):
        """(points, chains or None, why refused) with the given points on libvirt's side."""
        points = language.Points(libvirt)
        try:
            port, rules, mode = language.read_case(list(self.files.values()), self.binding, points)
            chains = lowering.lower(port, rules, mode, points)
            if self.update:
                self.left_behind(chains, points)
            return points, chains, None
        except language.Refused as e:
            return points, None, str(e)

    def left_behind(self, chains, points):
        """After an update that leaves a family without rules, libvirt's accept for the port stays."""
        before = Case(self.path).model(None)[1]
        for target in ("iptables", "ip6tables"):
            if "@in-post" in before[target] and "@in-post" not in chains[target] and points("in-post"):
                chains[target]["@in-post"] = before[target]["@in-post"]
                chains[target].setdefault("FORWARD", []).append(["-j", "@in-post"])

    def reduce(self):
        """Leaves out the rules that we refuse, if the rest is a case of its own; True if it is."""
        try:
            self.files = {n: language.reduced(t) for n, t in self.full.items()}
        except language.Refused:
            return False
        points, chains, _ = self.model(frozenset())
        return chains is not None and not points.refusals

    def differ(self, scope, text, reason=None):
        self.findings.append((scope, reason, text))


def cases(corpus, patterns):
    for kind in KINDS:
        for path in sorted((corpus / kind).iterdir()):
            if (path / "binding.xml").exists():
                for update in (False, True) if (path / "update").is_dir() else (False,):
                    case = Case(path, update)
                    if not patterns or any(fnmatch.fnmatch(case.name, "*" + p) for p in patterns):
                        yield case


# ---- the compiler -------------------------------------------------------------------------

def compile_case(nwfc, case, out, options=()):
    """(exit status, messages) of one compile to the three targets into the directory out."""
    filters = out / "filters"
    filters.mkdir(parents=True)
    for name, text in case.files.items():
        (filters / name).write_bytes(text)
    (out / "binding.xml").write_bytes(case.binding)
    cmd = [str(nwfc), "compile", "-o", str(out / "out"), "-I", str(filters)]
    cmd += [w for t in tables.TARGETS for w in ("-t", t)]
    done = subprocess.run(cmd + list(options) + [str(out / "binding.xml")], capture_output=True, check=False)
    return done.returncode, done.stderr.decode(errors="replace")


def our_chains(out):
    found = {}
    for target, table in tables.TARGETS.items():
        text = (out / "out" / target).read_text()
        found[target] = tables.parse(text, table)
    return found


def compile_all(nwfc, jobs, tmp, options=()):
    """[(job, output directory, exit status, messages)]"""
    def one(item):
        out = tmp / ("%d" % item[0])
        return (item[1], out) + compile_case(nwfc, item[1].case, out, options)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return list(pool.map(one, enumerate(jobs)))


def compile_jobs(nwfc, jobs, tmp):
    """{job: our chains}.  What we refuse on purpose is compiled again, leniently or without the rules meant."""
    chains_of = {}
    for job, out, status, messages in compile_all(nwfc, jobs, tmp / "1"):
        if job.judge_acceptance(status, messages):
            chains_of[job] = ours(job.case, out)
    again = [j for j in jobs if j not in chains_of and j.refusals and j.model_ours]
    lenient = [j for j in again if j.refusals <= set(LENIENT)]
    for job, out, status, messages in compile_all(nwfc, lenient, tmp / "2", set(LENIENT.values())):
        if status:
            job.case.differ("accept", "refused with %s too: %s" % (" ".join(LENIENT.values()), messages.strip()[:300]))
        else:
            chains_of[job] = ours(job.case, out)
    for job in set(again) - set(lenient):
        job.case.reduced = job.case.reduce()
    rest = [j for j in again if j.case.reduced]
    for job, out, status, messages in compile_all(nwfc, rest, tmp / "3"):
        if status:
            job.case.differ("accept", "refused without the offending rules too: " + messages.strip()[:300])
        else:
            chains_of[job] = ours(job.case, out)
    return chains_of


# ---- normal form --------------------------------------------------------------------------

def roles(chains, target, port, names):
    """Chains under role names, sub-chains still under the names of that side."""
    own = {(k % port if "%s" in k else k): v for k, v in names[target].items()}
    return tables.renamed(chains, own)


def normal(target, chains):
    """{chain: [rule]} that two sides can be compared by."""
    chains = tables.numbered(tables.pruned(chains), ROOTS)
    return {c: [tables.groups(w) for w in r] for c, r in chains.items()}


def untied(chains, priority, port):
    """libvirt puts the jumps to chains of one priority in the order of a hash; we sort them by name."""
    def key(words):
        at = tables.jump_of(words)
        name = re.sub(r"^(out/|in/|[IO]-%s-)" % re.escape(port), "", words[at]) if at is not None else None
        return (priority[name], name) if name in priority else None
    out = dict(chains)
    for root in ("out", "in"):
        rules = list(out.get(root, []))
        for i in range(len(rules)):
            for j in range(i, 0, -1):
                a, b = key(rules[j - 1]), key(rules[j])
                if a and b and a[0] == b[0] and a[1] > b[1]:
                    rules[j - 1], rules[j] = rules[j], rules[j - 1]
        if root in out:
            out[root] = rules
    return out


def shown(rule):
    return " ".join(tables.quote(w) for test in rule for w in test if w)


def first_difference(expected, got):
    """Where two normal forms part, in words; None if they do not."""
    for chain in sorted(set(expected) | set(got)):
        a, b = expected.get(chain, []), got.get(chain, [])
        for i in range(max(len(a), len(b))):
            x, y = (r[i] if i < len(r) else None for r in (a, b))
            if x != y:
                return "%s rule %d\n        expected %s\n        got      %s" % (
                    chain, i + 1, shown(x) if x else "(end)", shown(y) if y else "(end)")
    return None


# ---- the comparison -----------------------------------------------------------------------

def reasons_of(case, touched):
    """{scope: points that make a difference there}, found by moving one point at a time."""
    found = {}
    _, all_on, _ = case.model(None)
    _, none_on, _ = case.model(frozenset())
    for p in touched:
        without = case.model(touched - {p})[1]
        only = case.model(frozenset({p}))[1]
        for target in tables.TARGETS:
            def of(m):
                return m[target] if m else None
            if of(without) != of(all_on) or of(only) != of(none_on):
                found.setdefault(target, set()).add(p)
    return found


class Job:
    """One case on its way: what each side says, and the numbers of its rule sets in the loader."""

    def __init__(self, case):
        self.case = case
        self.theirs, self.model_theirs, self.why_theirs = None, None, None
        points, self.model_theirs, self.why_theirs = case.model(None)
        own_points, self.model_ours, self.why_ours = case.model(frozenset())
        self.touched = points.touched | own_points.touched
        self.refusals = own_points.refusals
        self.slots = {}

    def judge_acceptance(self, status, messages):
        """True if there are rules of ours to compare."""
        case = self.case
        case.checks += 1
        refused = status in (1, 2)
        if status not in (0, 1, 2):
            case.differ("accept", "nwfc ended with status %d: %s" % (status, messages.strip()[:300]))
            return False
        if case.refused != (self.model_theirs is None):
            case.differ("accept", "the model %s, libvirt does not: %s" % (
                "refuses" if self.model_theirs is None else "accepts", self.why_theirs))
        expect_refusal = self.model_ours is None or bool(self.refusals)
        if refused != expect_refusal:
            case.differ("accept", "nwfc %s, expected otherwise (%s)\n        %s" % (
                "refuses" if refused else "accepts", ", ".join(sorted(self.refusals)) or self.why_ours or "libvirt accepts",
                messages.strip()[:300].replace("\n", "\n        ")))
        elif refused and not case.refused:
            for reason in self.refusals:
                case.differ("accept", "nwfc refuses what libvirt takes", reason)
        elif case.refused and not refused:
            case.differ("accept", "nwfc takes what libvirt refuses", (self.why_theirs or "").replace("define: ", ""))
        return not refused

    def add(self, loader, chains):
        case = self.case
        if self.model_theirs and not case.refused:
            self.slots["model_theirs"] = loader.add(self.model_theirs)
            theirs = {t: roles(c, t, case.port, LIBVIRT_NAMES) for t, c in case.libvirt_chains().items()}
            self.slots["theirs"] = loader.add(theirs)
        if chains:
            self.slots["ours"] = loader.add(chains)
            self.slots["model_ours"] = loader.add(case.model(frozenset())[1])

    def judge_rules(self, loaded):
        """Compares what the tools gave back; returns how many rule sets are libvirt's as they are."""
        case, equal = self.case, 0
        have = {k: loaded[n] for k, n in self.slots.items()}
        priority = priorities(case)
        explained = reasons_of(case, frozenset(self.touched)) if "ours" in have and "theirs" in have else {}
        for target in tables.TARGETS:
            form = {k: normal(target, untied(v[target], priority, case.port) if k == "theirs" else v[target])
                    for k, v in have.items()}
            case.checks += 1
            if "theirs" in form and "model_theirs" in form:
                text = first_difference(form["theirs"], form["model_theirs"])
                if text:
                    case.differ(target, "the model does not reproduce libvirt: " + text)
            if "ours" in form and "model_ours" in form:
                text = first_difference(form["model_ours"], form["ours"])
                if text:
                    case.differ(target, text)
            if case.reduced:
                for reason in explained.get(target, ()):
                    case.differ(target, "would differ from libvirt", reason)
            elif "ours" in form and "theirs" in form:
                tied = have["theirs"][target] != untied(have["theirs"][target], priority, case.port)
                equal += self.judge_against_libvirt(target, form, tied, explained.get(target, set()))
        return equal

    def judge_against_libvirt(self, target, form, tied, reasons):
        reasons = reasons | ({"equal-chain-priority"} if tied else set())
        for reason in reasons:
            self.case.differ(target, "differs from libvirt", reason)
        same = form["ours"] == form["theirs"]
        if not same and not reasons:
            self.case.differ(target, "differs from libvirt: " + first_difference(form["theirs"], form["ours"]))
        return same and not tied


def priorities(case):
    points = language.Points(None)
    try:
        _, rules, _ = language.read_case(list(case.full.values()), case.binding, points)
    except language.Refused:
        return {}
    return {r.chain: r.chain_priority for r in rules or () if r.chain != "root" and r.layer2}


def ipsets(corpus):
    """The sets that the cases' setup.sh make, each once."""
    found = {}
    for f in sorted(corpus.glob("*/*/setup.sh")):
        for line in f.read_text().splitlines():
            m = re.match(r"ipset (?:create|-N) '?([^' ]+)'? (.*)", line)
            if m:
                kind = "hash:ip" if m.group(2) == "iphash" else m.group(2)
                found.setdefault(m.group(1), "ipset create %s %s" % (m.group(1), kind))
    return list(found.values())


def load(jobs, corpus, chains_of):
    """Loads everything; a rule set that a tool refuses is reported and left out."""
    loader = tables.Loader(ipsets(corpus))
    for job in jobs:
        job.add(loader, chains_of.get(job))
    owner = {n: (job, k) for job in jobs for k, n in job.slots.items()}
    while True:
        try:
            return loader.load()
        except tables.ToolRefused as e:
            if e.index is None:
                raise
            job, side = owner[e.index]
            if side == "ours":
                job.case.differ("accept", "a tool refuses our rules: " + e.text)
            else:
                job.case.differ("accept", "a tool refuses the rules of %s: %s" % (side, e.text))
            loader.sets[e.index] = {}
            job.slots.pop(side)


# ---- rows ---------------------------------------------------------------------------------

def read_rows(path):
    rows = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            reason, scope, glob = line.split("\t")
            assert scope in SCOPES, line
            rows.append((reason, scope, glob))
    return rows


def documented(path):
    """{reason: [test files]} of the table in docs/differences.md: first and last column."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        m = re.fullmatch(r"`([a-z0-9-]+)`", cells[0])
        if m and len(cells) > 2:
            found[m.group(1)] = re.findall(r"`([^`]+)`", cells[-1])
    return found


def judge_rows(all_cases, rows, docs, complete):
    """Counts each explained finding as covered or not; returns the messages about rows."""
    used, messages = set(), []
    for case in all_cases:
        rest = []
        for scope, reason, text in case.findings:
            hits = {r for r in rows if r[0] == reason and r[1] == scope and fnmatch.fnmatch(case.name, r[2])}
            used |= hits
            if not reason or not hits:
                rest.append((scope, text if not reason else "%s: no row for reason %s" % (text, reason)))
        case.failures = rest
    if complete:
        messages += ["row matches no case any more: %s %s %s" % r for r in rows if r not in used]
        for reason in sorted({r[0] for r in rows}):
            tests = docs.get(reason)
            if tests is None:
                messages.append("docs/differences.md has no row `%s`" % reason)
            elif not tests or not all((ROOT / t).exists() for t in tests):
                messages.append("docs/differences.md: row `%s` names no test that exists" % reason)
    return messages


def report(all_cases, messages, equal, args):
    failed = 0
    for case in all_cases:
        failed += len(case.failures)
        for scope, text in case.failures:
            print("FAIL %s %s: %s" % (case.name, scope, text))
    for text in messages:
        print("FAIL differences: " + text)
    for scope in SCOPES:
        listed = {(c.name, r) for c in all_cases for s, r, _ in c.findings if s == scope and r}
        bad = sum(s == scope for c in all_cases for s, _ in c.failures)
        print("%-9s %d cases, %d listed differences in %d cases, %d not explained" % (
            scope, len(all_cases), len(listed), len({n for n, _ in listed}), bad))
    print("%d rule sets are libvirt's own, rule for rule" % equal)
    if args.list:
        for line in sorted({"%s\t%s\t%s" % (r, s, c.name) for c in all_cases for s, r, _ in c.findings if r}):
            print(line)
    failed += len(messages)
    passed = sum(c.checks for c in all_cases) - sum(len({s for s, _ in c.failures}) for c in all_cases)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


def skip(why):
    print("SKIP libvirt as witness: " + why)
    print("0 passed, 0 failed, 1 skipped")
    return 0


def main():
    ap = argparse.ArgumentParser(description="compare nwfc with the corpus of libvirt's results")
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("--list", action="store_true", help="print all explained differences as rows of differences.tsv")
    ap.add_argument("case", nargs="*", help="only cases whose name ends like this (glob)")
    args = ap.parse_args()
    corpus = Path(os.environ.get("NWFC_SHARED") or ROOT.parent / "shared") / "corpus"
    if not corpus.is_dir():
        return skip("no corpus at %s (set NWFC_SHARED)" % corpus)
    if not args.nwfc.exists():
        print("FAIL %s is not built" % args.nwfc)
        return 1
    probe = tables.in_namespace("iptables-save && ip6tables-save && ebtables-save && ipset list")
    if probe.returncode:
        return skip("no network namespace with the tools here: " + probe.stderr.decode(errors="replace").strip())

    all_cases = list(cases(corpus, args.case))
    jobs = [Job(c) for c in all_cases]
    with tempfile.TemporaryDirectory() as tmp:
        chains_of = compile_jobs(args.nwfc, jobs, Path(tmp))
    loaded = load(jobs, corpus, chains_of)
    equal = sum(job.judge_rules(loaded) for job in jobs)
    messages = judge_rows(all_cases, read_rows(HERE / "differences.tsv"),
                          documented(ROOT / "docs" / "differences.md"), not args.case)
    return report(all_cases, messages, equal, args)


def ours(case, out):
    found = our_chains(out)
    for target in found:
        found[target] = roles(tables.inlined(found[target], OUR_DISPATCHERS[target]), target, case.port, OUR_NAMES)
    return found


if __name__ == "__main__":
    sys.exit(main())
