#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One case of our own for each place where we leave libvirt (docs/differences.md).

A file of differences/ says in its head what libvirt does, then gives filters and what they must
become: the complete rules of a target in the spelling of its -save tool, or the code of the
finding they are refused with.  The reference model must agree with the rules as written here,
and the compiler must too.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import compare
import language
import lowering
import tables

BINDING = """<filterbinding>
  <owner><name>guest</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>
  <portdev name='%s'/>
  <mac address='52:54:00:12:34:56'/>
  <filterref filter='t'>
%s  </filterref>
</filterbinding>
"""


class Case:
    def __init__(self, path):
        self.name, self.port, self.files, self.expected, self.code = path.stem, "vnet0", {}, {}, None
        self.warning, self.ipsets, self.options, self.problems, params = None, [], [], [], ""
        for head, body in sections(path.read_text()):
            word, _, rest = head.partition(" ")
            if word == "filter":
                self.files[rest + ".xml"] = body.encode()
            elif word == "port":
                self.port = rest
            elif word == "parameters":
                params = "".join("    <parameter name='%s' value='%s'/>\n" % tuple(x.split(" ", 1))
                                 for x in body.splitlines())
            elif word == "ipset":
                self.ipsets = ["ipset create -exist " + x for x in body.splitlines()]
            elif word == "options":
                self.options = body.split()
            elif word in ("refused", "warning"):
                setattr(self, {"refused": "code", "warning": "warning"}[word], body.strip())
            else:
                table = tables.TARGETS[word]
                self.expected[word] = tables.parse("*%s\n%s" % (table, body), table)
        self.binding = (BINDING % (self.port, params)).encode()

    def model(self):
        points = language.Points(frozenset())
        try:
            port, rules, mode = language.read_case(list(self.files.values()), self.binding, points)
            chains = lowering.lower(port, rules, mode, points)
        except language.Refused as e:
            return None, str(e)
        allowed = {r for r, option in compare.LENIENT.items() if option in self.options}
        return (None, "refuses") if points.refusals - allowed else (chains, "accepts")


def sections(text):
    head, lines = None, []
    for line in text.splitlines():
        if line.startswith("=== ") or head is None:
            if head:
                yield head, "\n".join(lines) + "\n"
            head, lines = (line[4:] if line.startswith("=== ") else None), []
        else:
            lines.append(line)
    yield head, "\n".join(lines) + "\n"


def check_refusal(case, status, messages):
    if status not in (1, 2):
        case.problems.append("not refused (status %d)" % status)
    elif case.code not in messages:
        case.problems.append("refused, but not with %s:\n%s" % (case.code, messages))
    if case.model()[0] is not None:
        case.problems.append("the model accepts it")


def check_rules(case, ours):
    chains, why = case.model()
    if chains is None:
        case.problems.append("the model %s" % why)
        return
    loader = tables.Loader(case.ipsets)
    for programs in (case.expected, chains, ours):
        loader.add(programs)
    try:
        expected, model, got = loader.load()
    except tables.ToolRefused as e:
        case.problems.append("a tool refuses the rules of %s: %s" % (("the case", "the model", "nwfc")[e.index], e.text))
        return
    for target in tables.TARGETS:
        want = compare.normal(target, expected[target])
        for who, chains in (("the model", model), ("nwfc", got)):
            text = compare.first_difference(want, compare.normal(target, chains[target]))
            if text:
                case.problems.append("%s, %s: %s" % (who, target, text))


def check(nwfc, case, tmp):
    status, messages = compare.compile_case(nwfc, case, tmp, case.options)
    if case.warning and case.warning not in messages:
        case.problems.append("no warning %s" % case.warning)
    if case.code:
        check_refusal(case, status, messages)
    elif status:
        case.problems.append("nwfc ended with status %d: %s" % (status, messages))
    else:
        check_rules(case, compare.ours(case, tmp))


def main():
    ap = argparse.ArgumentParser(description="check our own cases of docs/differences.md")
    ap.add_argument("--nwfc", type=Path, default=compare.ROOT / "build" / "nwfc")
    ap.add_argument("case", nargs="*", help="names of cases; all")
    args = ap.parse_args()
    found = [Case(p) for p in sorted((compare.HERE / "differences").glob("*.case")) if not args.case or p.stem in args.case]
    probe = tables.in_namespace("iptables-save && ip6tables-save && ebtables-save && ipset list")
    skipped = [c for c in found if probe.returncode and not c.code]
    for case in skipped:
        print("SKIP %s: no network namespace with the tools here" % case.name)
    todo = [c for c in found if c not in skipped]
    with tempfile.TemporaryDirectory() as tmp:
        for case in todo:
            check(args.nwfc, case, Path(tmp) / case.name)
            for text in case.problems:
                print("FAIL %s: %s" % (case.name, text))
    failed = sum(bool(c.problems) for c in todo)
    print("%d passed, %d failed, %d skipped" % (len(todo) - failed, failed, len(skipped)))
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
