#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compile cases, load the scripts into a real kernel, send packets, compare with the reference.

    packettest.py --nwfc build/nwfc                        all cases beside this file
    packettest.py --nwfc build/nwfc --case DIR [DIR...]    these
    packettest.py --nwfc build/nwfc --mutate               break the loaded rules: is it noticed?

A case is a directory with binding.xml, maybe filters/*.xml (the stock filters are known anyway), or
filters/*.nwf with what they mean for the reference in reference/*.xml, and maybe case.json: {"args": options for the compiler, "targets": those to judge, "idle_rules": how
many mutants may stay unnoticed}.  Every case is judged twice: as
ebtables + iptables + ip6tables ("xtables") and as nft.  Loading is checked, too: the second time
changes nothing, removal leaves no trace, rules of others stay.

Needs no privileges where user namespaces are allowed.  Says SKIP and why where something is missing.
"""
import argparse
import collections
import difflib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
import expect as E          # noqa: E402
import lab as L             # noqa: E402
import packets as P         # noqa: E402
import refsem as R          # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
STOCK = os.path.join(HERE, "..", "..", "examples", "filters")
CASE_SECONDS = 240
LEAST_NOTICED = 0.6     # of one case's mutants: some rules stand in the shade of others
CLASSIC = ("ebtables", "iptables", "ip6tables")

# Rules of other people: they must be there before and after, byte for byte.
FOREIGN = [
    (["ebtables", "-t", "nat", "-N", "foreign"], ["ebtables", "-t", "nat", "-A", "PREROUTING", "-i", "nosuch0", "-j", "foreign"]),
    (["iptables", "-N", "foreign"], ["iptables", "-A", "FORWARD", "-i", "nosuch0", "-j", "foreign"]),
    (["ip6tables", "-N", "foreign"], ["ip6tables", "-A", "FORWARD", "-i", "nosuch0", "-j", "foreign"]),
    (["nft", "add", "table", "bridge", "foreign"], ["nft", "add", "chain", "bridge", "foreign", "c"]),
]


class Failure(Exception):
    pass


# ---------------------------------------------------------------- the compiler's side

class Case:
    def __init__(self, directory, nwfc):
        self.directory, self.nwfc = directory, nwfc
        self.name = os.path.basename(os.path.normpath(directory))
        self.binding = os.path.join(directory, "binding.xml")
        self.filters = os.path.join(directory, "filters")
        self.options = {}
        if os.path.exists(os.path.join(directory, "case.json")):
            with open(os.path.join(directory, "case.json")) as f:
                self.options = json.load(f)
        folders = [self.filters, os.path.join(directory, "reference"), STOCK]
        self.reference = R.load(folders, self.binding)
        self.others = [R.load(folders, path) for path in self.more("others") + self.more("before")]

    def more(self, what):
        return [os.path.join(self.directory, name) for name in self.options.get(what, [])]

    def command(self, verb, target, *extra):
        own = ["-I", self.filters] if os.path.isdir(self.filters) else []
        return [self.nwfc, verb, "-t", target, *extra] + own + self.options.get("args", []) + [self.binding] + self.more("others")

    def steps(self, target):
        """[{kind: script}] to be loaded one after the other; nft twice: as a whole and as a change."""
        now = {kind: self.script("compile", kind) for kind in kinds_of(target)}
        if not self.options.get("before"):
            return [[now]]
        old = [{kind: self.script("compile", kind, inputs=self.more("before")) for kind in kinds_of(target)}]
        if target == "nft":
            since = ["--since=" + path for path in self.more("before")]
            return [old + [now], old + [{"nft": self.script("compile", "nft", *since)}]]
        return [old + [{kind: self.script("compile", kind, "--no-hooks") for kind in kinds_of(target)}],
                [{"xtables": self.script("compile", "xtables", inputs=self.more("before"))},
                 {"xtables": self.script("compile", "xtables")}]]

    def script(self, verb, target, *extra, inputs=None):
        command = self.command(verb, target, *extra)
        if inputs is not None:
            command[-1 - len(self.more("others")):] = inputs
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise Failure("%s: exit %d\n%s" % (" ".join(command), done.returncode, done.stderr[-2000:]))
        return done.stdout

    def wants(self, target):
        return target in self.options.get("targets", [target])


def load_script(kind, text):
    """Load one script of the compiler; an empty one is nothing to load."""
    if not text.strip():
        return
    if kind == "nft":
        status, output = L.run(["nft", "-f", "-"], text)
    elif kind == "xtables":
        status, output = L.run(["sh", "-s"], text)
    else:
        status, output = L.run([kind + "-restore", "--noflush"], text)
    if status:
        raise Failure("%s does not load: %s" % (kind, output.strip()[:1500]))


def kinds_of(target):
    return ("nft",) if target == "nft" else CLASSIC


# ---------------------------------------------------------------- what a kernel can do

def capabilities():
    """What this kernel lacks, found out by trying: {name: reason}."""
    lacking = {}
    tries = {
        "bridge conntrack": "table bridge t { chain c { type filter hook prerouting priority 0; ct state new accept; }; }",
        "bridge reject": "table bridge t { chain c { type filter hook prerouting priority 0; "
                         "reject with icmpx type port-unreachable; }; }",
    }
    for name, text in tries.items():
        status, output = L.run(["nft", "-f", "-"], text)
        if status:
            reason = [line for line in output.splitlines() if "rror" in line] or [output.strip()]
            lacking[name] = reason[0].split("rror:")[-1].strip()
        L.run(["nft", "flush", "ruleset"])
    return lacking


def probe(variants):
    """Try everything in a child that has namespaces of its own."""
    def job():
        world = P.World(ProbePort)
        bridge = L.Lab(world)
        L.choose_variant(variants[0], variants[1])
        lacking = capabilities()
        if not bridge.bridge_netfilter(True):
            lacking["br_netfilter"] = "no net.bridge sysctl"
        if L.run(["ebtables", "-t", "nat", "-L"])[0]:
            lacking["ebtables"] = L.run(["ebtables", "-t", "nat", "-L"])[1].strip().splitlines()[-1]
        return lacking
    return in_child(job, None)()


class ProbePort:
    name, mac, scope = "vnet0", "52:54:00:aa:bb:cc", {}


def needs_more(case):
    """Does nft need bridge conntrack or bridge reject for this case?"""
    return bool(missing_for(case, "nft", {"bridge conntrack": "", "bridge reject": ""}))


def missing_for(case, target, lacking):
    """Why this target can not be judged on this kernel, or None."""
    if target == "xtables":
        if case.reference.uses_ip and "br_netfilter" in lacking:
            return "no br_netfilter"
        return "no ebtables: " + lacking["ebtables"] if "ebtables" in lacking else None
    if case.reference.uses_state and "bridge conntrack" in lacking:
        return "no bridge conntrack"
    rejects = any(e.rule.action == "reject" for e in case.reference.ip[R.OUT])
    return "no bridge reject" if rejects and "bridge reject" in lacking else None


# ---------------------------------------------------------------- one case in one lab

class Run:
    """One case: the lab, its traffic and where that goes on the bare bridge."""

    def __init__(self, case, variants, thin=1):
        self.case = case
        self.targets = {"nft": E.NFT, "xtables": E.XTABLES_LEGACY if variants[0] == "legacy" else E.XTABLES}
        self.world = P.World(case.reference.port)
        self.traffic = P.Traffic(self.world, case.reference, case.others).make(thin)
        protocols = {p.decoded.proto for p in self.traffic if p.decoded.family and p.decoded.proto is not None}
        self.lab = L.Lab(self.world, protocols)
        L.choose_variant(*variants)
        self.base = self.send(True)

    def send(self, bridge_netfilter):
        self.lab.bridge_netfilter(bridge_netfilter)
        return self.lab.send(self.traffic, self.case.reference.uses_state)

    def clear(self):
        for command in (["nft", "flush", "ruleset"], ["ebtables", "-t", "nat", "-F"], ["ebtables", "-t", "nat", "-X"],
                        ["iptables", "-F"], ["iptables", "-X"], ["ip6tables", "-F"], ["ip6tables", "-X"]):
            L.run(command)

    def judge(self, target, steps):
        """(packets with a wrong fate, number judged, {reason: packets not judged})."""
        for scripts in steps:
            for kind, text in scripts.items():
                load_script(kind, text)
        expected = E.predict(self.case.reference, self.traffic, self.base, self.targets[target])
        wrong, judged = [], 0
        # br_netfilter belongs to iptables; nft must do without and must not mind it
        for bridge_netfilter in (False, True) if target == "nft" else (True,):
            more, number = E.compare(self.traffic, expected, self.base, self.send(bridge_netfilter))
            wrong, judged = wrong + more, judged + number
        unsure = collections.Counter(e.why_not for e in expected.values() if e.why_not)
        return wrong, judged, unsure

    def judge_twice(self, target, steps):
        """A wrong fate counts when it comes back: a loaded machine may starve the lab of memory or time."""
        result = self.judge(target, steps)
        self.clear()
        if result[0]:
            result = self.judge(target, steps)
            self.clear()
        return result


def listing():
    parts = []
    for name in CLASSIC:
        status, output = L.run([name + "-save"] + (["-t", "nat"] if name == "ebtables" else ["-t", "filter"]))
        lines = [re.sub(r"\[\d+:\d+\]", "", line) for line in output.splitlines() if not line.startswith("#")]
        parts.append("\n".join(line.rstrip() for line in lines))
    parts.append(re.sub(r"counter packets \d+ bytes \d+", "counter", L.run(["nft", "list", "ruleset"])[1]))
    return "\n".join(parts)


def check_loading(case, kinds):
    """Loading twice is loading once; removal leaves what was there before."""
    for pair in FOREIGN:
        for command in pair:
            L.must(command)
    before = listing()
    for kind in kinds:
        load_script(kind, case.script("compile", kind))
    once = listing()
    for kind in kinds:
        # bare restore files can not ask whether the jumps into our chains are there
        load_script(kind, case.script("compile", kind, *(["--no-hooks"] if kind in CLASSIC else [])))
    same(once, listing(), "loading twice differs from loading once")
    for kind in kinds:
        load_removal(kind, case.script("remove", kind))
    same(before, listing(), "removal leaves traces or takes too much")
    return once


def check_target(case, target, run):
    loaded = check_loading(case, kinds_of(target))
    run.clear()
    if target == "xtables":
        # a tool that has no rules for the port is left alone by the script
        script = check_loading(case, ("xtables",))
        same(port_rules(loaded), port_rules(script), "the one script loads other rules than the three files")
        run.clear()


def port_rules(text):
    """The lines about chains of a port: their names have a slash."""
    return "\n".join(line for line in text.splitlines() if re.match(r"(:|-A )nwfc-\w+/", line))


def load_removal(kind, text):
    """A removal is a script for sh, of nft one for nft."""
    if kind != "nft":
        status, output = L.run(["sh", "-s"], text)
        if status:
            raise Failure("removal of %s fails: %s" % (kind, output.strip()[:1500]))
    else:
        load_script(kind, text)


def same(left, right, what):
    if left != right:
        changes = list(difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=0))
        raise Failure("%s:\n%s" % (what, "\n".join(changes[2:22])))


def judge_case(case, targets, lacking, variants, loading=True, thin=1):
    """[(target, status, text, packets judged)] for one case."""
    results, run = [], Run(case, variants, thin)
    for target in targets:
        why = missing_for(case, target, lacking)
        if why or not case.wants(target):
            results.append((target, "skip", why or "not for this target", 0))
            continue
        try:
            wrong, judged, unsure = [], 0, {}
            for steps in case.steps(target):
                more, number, unsure = run.judge_twice(target, steps)
                wrong, judged = wrong + more, judged + number
            if loading:
                check_target(case, target, run)
            text = report_wrong(wrong) if wrong else "%d packets judged%s" % (judged, doubts(unsure))
            results.append((target, "fail" if wrong else "pass", text, judged))
        except Failure as e:
            results.append((target, "fail", str(e), 0))
            run.clear()
    return results


def doubts(unsure):
    return "".join(", %d not (%s)" % (n, why) for why, n in sorted(unsure.items()))


def report_wrong(wrong, most=8):
    lines = ["%d packets with a wrong fate" % len(wrong)]
    for packet, want, what in wrong[:most]:
        lines.append("  %05d %-6s %s: %s; by %s, %s" % (packet.id, packet.path, packet.name, what,
                                                       R.label(want.rule), want.verdict))
        lines.append("        " + packet.frame.hex())
    return "\n".join(lines)


# ---------------------------------------------------------------- mutations: does the test notice?

VERDICTS = {"ACCEPT": "DROP", "DROP": "ACCEPT", "RETURN": "DROP", "REJECT": "ACCEPT",
            "accept": "drop", "drop": "accept", "return": "drop"}


def mutants(kind, text, strangers):
    """(description, mutated text): one rule lost, one verdict turned, one negation turned.

    Not touched: rules of other ports, and the end of a chain, which returns anyway."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        bare = line.strip()
        if strangers and re.search(r"(^|[\s/\"])(%s)([\s/\"]|$)" % "|".join(map(re.escape, strangers)), bare):
            continue
        if re.match(r"-A \S+ -j RETURN$", bare):
            continue
        if kind != "nft" and not bare.startswith("-A ") or bare.startswith("#"):
            continue
        if kind == "nft" and not re.search(r"(^|\s)(accept|drop|return|reject)\b", bare) or "policy" in bare:
            continue
        rest = lambda new: "\n".join(lines[:index] + new + lines[index + 1:]) + "\n"
        yield "lost: " + bare, rest([])
        for old, new in VERDICTS.items():
            turned = re.sub(r"(-j |(?<=\s))%s\b(?=\s*(comment\b.*)?$)" % old, lambda m: m.group(1) + new, line)
            if turned != line:
                yield "turned: " + turned.strip(), rest([turned])
                break
        if " ! " in line:
            yield "sign lost: " + bare, rest([line.replace(" ! ", " ", 1)])
        if " != " in line:
            yield "sign lost: " + bare, rest([line.replace(" != ", " ", 1)])


def decides(kind, reference):
    """Has this tool's script any rule of the case's port in it?"""
    if kind == "ebtables":
        return bool(reference.root[R.OUT] or reference.root[R.IN])
    protocols = {"iptables": R.IP_PROTOCOLS, "ip6tables": R.IP6_PROTOCOLS}.get(kind)
    return protocols is None or any(e.rule.protocol in protocols for e in reference.ip[R.OUT] + reference.ip[R.IN])


def mutate_case(case, targets, lacking, variants, most):
    """[(target, status, text, judged)]: every mutant that loads must make some packet go wrong."""
    results, run = [], Run(case, variants)
    for target in targets:
        why = missing_for(case, target, lacking)
        if why or not case.wants(target):
            results.append((target, "skip", why or "not for this target", 0))
            continue
        scripts = {kind: case.script("compile", kind) for kind in kinds_of(target)}
        strangers = [other.port.name for other in case.others if other.port.name != case.reference.port.name]
        trials = [(kind, what, text) for kind in scripts if decides(kind, case.reference)
                  for what, text in mutants(kind, scripts[kind], strangers)]
        caught, alive = 0, []
        for kind, what, text in P.some(trials, most):
            run.clear()
            try:
                wrong = run.judge(target, [dict(scripts, **{kind: text})])[0]
            except Failure:
                continue            # a mutant that does not load harms nobody
            caught += bool(wrong)
            if not wrong:
                alive.append("%s %s" % (kind, what))
        run.clear()
        total = caught + len(alive)
        text = "%d of %d mutants noticed" % (caught, total) + "".join("\n  not noticed: " + a for a in alive)
        results.append((target, "fail" if caught < total * LEAST_NOTICED else "pass", text, caught))
    return results


# ---------------------------------------------------------------- running many cases

def in_child(job, cpu):
    """Start job in a forked child pinned to a CPU; the returned function waits for its JSON-able result."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        signal.alarm(CASE_SECONDS)
        try:
            os.sched_setaffinity(0, {cpu if cpu is not None else min(os.sched_getaffinity(0))})
            result = ["done", job()]
        except L.Unavailable as e:
            result = ["unavailable", str(e)]
        except Exception:
            result = ["broken", traceback.format_exc(limit=-4)]
        with os.fdopen(writer, "w") as f:
            json.dump(result, f)
        os._exit(0)
    os.close(writer)

    def wait():
        with os.fdopen(reader) as f:
            text = f.read()
        os.waitpid(pid, 0)
        word, value = json.loads(text) if text else ("broken", "the child ended early (%d s limit?)" % CASE_SECONDS)
        if word == "unavailable":
            raise L.Unavailable(value)
        if word == "broken":
            raise Failure(value)
        return value
    wait.fileno = lambda: reader
    return wait


def run_all(directories, work, jobs, show):
    """Run work(directory) in children, as many at once as there are CPUs; count what came out."""
    cpus = sorted(os.sched_getaffinity(0))[-jobs:]
    waiting, running, count = list(directories), {}, collections.Counter()
    while waiting or running:
        while waiting and len(running) < len(cpus):
            cpu = next(c for c in cpus if c not in running.values())
            directory = waiting.pop(0)
            running[in_child(lambda d=directory: work(d), cpu), directory] = cpu
        ready = next(iter(L.select.select([key[0] for key in running], [], [])[0]))
        key = next(k for k in running if k[0] is ready)
        try:
            results = ready()
        except (Failure, L.Unavailable) as e:
            results = [("case", "fail", str(e), 0)]
        for target, status, text, judged in results:
            count[status] += 1
            count["packets"] += judged
            show(os.path.basename(os.path.normpath(key[1])), target, status, text)
        del running[key]
    return count


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nwfc", required=True, help="the compiler")
    parser.add_argument("--case", nargs="+", metavar="DIR", help="cases (default: all of cases/)")
    parser.add_argument("--targets", default="xtables,nft")
    parser.add_argument("--ebtables", choices=("nft", "legacy"), help="variant (default: the system's own)")
    parser.add_argument("--iptables", choices=("nft", "legacy"), help="variant of iptables and ip6tables")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--mutate", type=int, nargs="?", const=60, metavar="N", help="at most N mutants a target")
    parser.add_argument("--stateful", dest="only_new", action="store_true",
                        help="only cases with connection state or reject, which not every kernel can judge")
    parser.add_argument("--no-loading", action="store_true", help="only packets: no loading twice, no removal")
    parser.add_argument("--thin", type=int, default=1, metavar="N", help="only one in N packets of the fixed sections")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what passed, too")
    options = parser.parse_args()
    options.nwfc = os.path.abspath(options.nwfc)
    cases = os.path.join(HERE, "cases")
    options.case = options.case or [os.path.join(cases, name) for name in sorted(os.listdir(cases))]
    return options


def main():
    options = arguments()
    targets, variants = options.targets.split(","), (options.ebtables, options.iptables)
    try:
        lacking = probe(variants)
    except L.Unavailable as e:
        print("SKIP: packet tests: %s" % e)
        print("0 passed, 0 failed, %d skipped" % len(options.case))
        return 0
    for name, reason in sorted(lacking.items()):
        print("this kernel has no %s (%s): what needs it is skipped here, `make check-vm` judges it" % (name, reason))

    def work(directory):
        case = Case(directory, options.nwfc)
        if options.only_new and not needs_more(case):
            return []
        if options.mutate:
            return mutate_case(case, targets, lacking, variants, options.mutate)
        return judge_case(case, targets, lacking, variants, not options.no_loading, options.thin)

    def show(name, target, status, text):
        if status == "fail" or options.verbose or options.mutate:
            print("%-5s %s %s: %s" % (status.upper() if status == "fail" else status, name, target, text), flush=True)

    count = run_all(options.case, work, max(1, options.jobs), show)
    print("packet tests: %d packets judged" % count["packets"] if not options.mutate else "mutation tests:")
    print("%d passed, %d failed, %d skipped" % (count["pass"], count["fail"], count["skip"]))
    return 1 if count["fail"] or not count["pass"] and not count["skip"] else 0


if __name__ == "__main__":
    sys.exit(main())
