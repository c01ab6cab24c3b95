#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py --nwfc FILE [--learnd FILE] [--tools DIR] [--out FILE] [--only W1,...,W7,packets,learnd]

Measures nwfc by workloads beside a reference in the same run and prints their ratios:

    W1  a product of addresses and ports to iptables lines, against limit.c
    W2  the same to nft: as sets, and as single rules against limit.c
    W3  ports with clean-traffic, a file each, to nft; loading the result, against a form by hand
    W4  filter files checked in one process, against xmllint --sax over the same files
    W5  one address of one port changes: compiling and loading the change
    W6  a text of the nwf language checked, against xmllint --sax over its XML twin
    W7  two filters compared packet by packet (nwfc diff); 100 ms for 1,000 rules
    W8  what comes with the program proven of a filter, and of many ports (nwfc prove --ready=anti-spoof)
    packets   packets.py: what a forwarded packet and a flooded frame cost
    learnd    learning.py: what learnd costs for a frame, a port, a replayed capture

each at its size, a tenth and ten times of it.  Times are CPU time (user and system); commands that
are compared run alternately and the medians count.  Nothing here fails because a machine is slow:
a target that is missed is a word in the table.  Exit status 1 means that something did not run.

Targets given as times (W2, W3, W5) were set where `limit iptables 1000 1000` takes 10.1 ms.  They
are scaled by what it takes here in this run, and the budget so found is the reference.

"growth" is the cost of the step from the middle size to the large one, for each unit, divided by that
of the step from the small one to the middle one: 1 is linear, whatever starting takes.
"""
import argparse
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile

import generate
import learning
import packets

LIMIT_ELSEWHERE = 10.1          # ms; where the targets that are times were set
LINEAR = 1.5
KIB, KB = 1024, 1000

libc = ctypes.CDLL(None, use_errno=True)


class Broken(Exception):
    """Something that must run did not; nothing can be said about its speed."""


class Table:
    """The rows, printed as they come, so that a long run shows where it is."""
    FORM = "%-50s %13s %13s %8s %8s  %s"

    def __init__(self, out):
        self.lines, self.out, self.missed = [], out, 0
        self.line(self.FORM % ("", "measured", "reference", "ratio", "target", ""))

    def line(self, text=""):
        print(text, flush=True)
        self.lines.append(text)

    def head(self, text):
        self.line()
        self.line(text)

    def row(self, what, measured, reference, unit, target=None, note=""):
        """The ratio must not be above the target; without one the row is for information."""
        ratio = measured / reference if reference else 0
        met = target is None or ratio <= target
        self.missed += not met
        verdict = note if target is None else ("met" if met else "MISSED") + (", " + note if note else "")
        self.line(self.FORM % ("  " + what, amount(measured, unit), amount(reference, unit) if reference else "",
                               "%.2f" % ratio if reference else "", "%.2f" % target if target else "", verdict))

    def growth(self, what, costs, units):
        """costs and units of three sizes; steps that drown in noise are not judged."""
        first, second = costs[1] - costs[0], costs[2] - costs[1]
        if first < 0.1 * costs[0]:
            self.row(what + ", growth", costs[2] / costs[1], 0, "", note="the size hardly matters")
            return
        self.row(what + ", growth", second / (units[2] - units[1]) / (first / (units[1] - units[0])), 1, "", LINEAR)

    def save(self):
        with open(self.out, "w", encoding="utf-8") as f:
            f.write("\n".join(self.lines) + "\n")


def amount(value, unit):
    return ("%.2f %s" if value < 1000 else "%.0f %s") % (value, unit)


class Sample:
    def __init__(self, line):
        median, least, memory, status = line.split()
        self.ms, self.least, self.mib, self.status = float(median) / 1000, float(least) / 1000, int(memory) / KIB, int(status)


class Bench:
    def __init__(self, arguments, work):
        self.nwfc, self.tools, self.work = os.path.abspath(arguments.nwfc), os.path.abspath(arguments.tools), work
        self.learnd = os.path.abspath(arguments.learnd)
        self.table = Table(arguments.out)
        self.can_load, self.why_not = network_namespace()
        if self.can_load and not shutil.which("nft"):
            self.can_load, self.why_not = False, "nft is not installed"
        self.slowness = 1.0

    def tool(self, name):
        return os.path.join(self.tools, name)

    def path(self, *names):
        return os.path.join(self.work, *names)

    def compare(self, rounds, *commands, apart=False, fails=0, where=None):
        """A sample of each command, run alternately; all end with status 0, the first with `fails`."""
        line = [self.tool("alternate")] + (["-n"] if apart else []) + [str(rounds)]
        for i, command in enumerate(commands):
            line += (["---"] if i else []) + command
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True, cwd=where, preexec_fn=many_arguments)
        samples = [Sample(text) for text in done.stdout.splitlines()]
        for command, sample, status in zip(commands, samples, [fails] + [0] * len(commands)):
            if sample.status not in (status, 0 if command[0] == self.nwfc else 1):
                raise Broken("%s ended with status %d" % (" ".join(command[:6]), sample.status))
        return samples

    def compile(self, *arguments):
        return [self.nwfc, "compile", "-q"] + list(arguments)

    def output(self, name, *arguments):
        """The script that nwfc makes, as a file."""
        out = self.path(name)
        subprocess.run(self.compile("-o", out, *arguments), check=True)
        return out

    def budget(self, ms):
        return ms * self.slowness


def network_namespace():
    """Whether this process now has a network namespace of its own to load into, and why not.

    In a user namespace anybody could have one, but only root may send transactions of this size."""
    CLONE_NEWNET = 0x40000000
    if os.geteuid():
        return False, "loading and packets need root"
    if libc.unshare(CLONE_NEWNET):
        return False, os.strerror(ctypes.get_errno())
    return True, ""


def many_arguments():
    """Arguments may take a quarter of the stack."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = 64 << 20
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))


# ---------------------------------------------------------------- start, and how fast this machine is

def start(b):
    limit = [b.tool("limit"), "iptables", "1000", "1000"]
    nothing, version, full = b.compare(31, [b.tool("limit"), "nothing"], [b.nwfc, "version"], limit)
    b.slowness = full.ms / LIMIT_ELSEWHERE
    b.table.head("start")
    b.table.row("nwfc version, against a program that does nothing", version.ms, nothing.ms, "ms")
    b.table.row("limit iptables 1000 1000: this machine's pace", full.ms, LIMIT_ELSEWHERE, "ms")


# ---------------------------------------------------------------- W1, W2

PRODUCTS = (316, 1000, 3162)
ROUNDS = (15, 11, 3)


def against_limit(b, what, form, options, worst_memory):
    costs = []
    for n, rounds in zip(PRODUCTS, ROUNDS):
        made, limit = b.compare(rounds, b.compile(*options, b.path("product-%d" % n)), [b.tool("limit"), form, str(n), str(n)])
        costs.append(made.ms)
        b.table.row("%d x %d %s" % (n, n, what), made.ms, limit.ms, "ms", 2 if n == 1000 else None)
        b.table.row("%d x %d %s, memory" % (n, n, what), made.mib, worst_memory, "MiB", 1)
    b.table.growth(what, costs, [n * n for n in PRODUCTS])


def w1(b):
    b.table.head("W1  a product to iptables, three lines a rule; reference: limit.c")
    for n in PRODUCTS:
        generate.product(b.path("product-%d" % n), n, n)
    against_limit(b, "to iptables", "iptables", ("-t", "iptables"), 8)


def w2(b):
    b.table.head("W2  the product to nft; reference: the time or size given, for rules limit.c")
    costs = []
    for n in PRODUCTS:
        generate.product(b.path("product-%d" % n), n, n)
        made, = b.compare(31, b.compile("-t", "nft", b.path("product-%d" % n)))
        size = os.path.getsize(b.output("product.nft", "-t", "nft", b.path("product-%d" % n)))
        costs.append(made.ms)
        target = 1 if n == 1000 else None
        b.table.row("%d x %d as sets" % (n, n), made.ms, b.budget(2) if target else 0, "ms", target)
        b.table.row("%d x %d as sets, output" % (n, n), size / KB, 40 if target else 0, "kB", target)
    b.table.growth("as sets", costs, PRODUCTS)
    against_limit(b, "as rules", "nft", ("-t", "nft", "--expand"), 8)
    if b.can_load:
        load_product(b)
    else:
        b.table.line("  SKIP loading: %s" % b.why_not)


def load_product(b):
    """By the rule without connection state, which every kernel loads."""
    generate.product(b.path("stateless"), 1000, 1000, stateful=False)
    generate.two_sets(b.path("by-hand.nft"), 1000, 1000)
    script = b.output("stateless.nft", "-t", "nft", b.path("stateless"))
    made, hand = b.compare(11, ["nft", "-f", script], ["nft", "-f", b.path("by-hand.nft")], apart=True)
    b.table.row("1000 x 1000 as sets, nft -f; by hand", made.ms, hand.ms, "ms")


# ---------------------------------------------------------------- W3

PORTS = (200, 2000, 20000)


def w3(b):
    b.table.head("W3  clean-traffic ports with 4 addresses to nft; reference: the time given, a form by hand")
    costs, loads = [], []
    for n, rounds in zip(PORTS, (21, 11, 3)):
        generate.ports(b.path("ports-%d" % n), n)
        generate.shared_sets(b.path("by-hand.nft"), n)
        made, = b.compare(rounds, b.compile("-t", "nft", b.path("ports-%d" % n)))
        costs.append(made.ms)
        b.table.row("%d ports, compile (%.1f MiB)" % (n, made.mib), made.ms, b.budget(60) if n == 2000 else 0, "ms",
                    1 if n == 2000 else None)
        script = b.output("ports-%d.nft" % n, "-t", "nft", b.path("ports-%d" % n))
        if b.can_load:
            ours, hand = b.compare(rounds, ["nft", "-f", script], ["nft", "-f", b.path("by-hand.nft")], apart=True)
            loads.append(ours.ms)
            b.table.row("%d ports, nft -f; by hand" % n, ours.ms, hand.ms, "ms", 2)
    b.table.growth("compile", costs, PORTS)
    if loads:
        b.table.growth("nft -f", loads, PORTS)
    else:
        b.table.line("  SKIP loading: %s" % b.why_not)


# ---------------------------------------------------------------- W4

FILES = (2000, 20000, 200000)


def w4(b):
    if not shutil.which("xmllint"):
        b.table.line("  SKIP W4: xmllint is not installed")
        return
    b.table.head("W4  filter files checked in one process; reference: xmllint --sax over the same files")
    costs = []
    for n, rounds in zip(FILES, (9, 5, 1)):
        names, wrong = generate.filters(b.path("f"), n)
        folders = sorted({name.split("/")[0] for name in names}, key=int)
        check = [b.nwfc, "check", "-q"] + folders
        found_all(b, check, wrong)
        made, peer = b.compare(rounds, check, ["xmllint", "--sax", "--noout"] + names, fails=2, where=b.path("f"))
        costs.append(made.ms)
        b.table.row("%d files (%.0f MiB)" % (n, made.mib), made.ms, peer.ms, "ms", 3)
    b.table.growth("files", costs, FILES)


LISTED = 1000                   # findings that nwfc shows


def found_all(b, check, wrong):
    """What is fast but does not find the planted faults is no check."""
    done = subprocess.run(check, stderr=subprocess.PIPE, text=True, cwd=b.path("f"), check=False)
    found = {line.split(":")[0] for line in done.stderr.splitlines() if ": error: " in line}
    if done.returncode != 2 or not found <= set(wrong) or len(found) < min(len(wrong), LISTED):
        raise Broken("%d of %d wrong files found, status %d" % (len(found), len(wrong), done.returncode))


# ---------------------------------------------------------------- W5

def w5(b):
    b.table.head("W5  one address of one port changes; reference: the time given, an empty file")
    generous = (b.budget(20), b.budget(1))
    costs = []
    for n, rounds in zip(PORTS, (21, 15, 5)):
        generate.change(b.path("change-%d" % n), n)
        one = "vnet%d.xml" % generate.changed_port(n)
        old, new = b.path("change-%d" % n, "old"), b.path("change-%d" % n, "new")
        whole, two = b.compare(rounds, b.compile("-t", "nft", "--since", old, new),
                               b.compile("-t", "nft", "--since", os.path.join(old, one), os.path.join(new, one)))
        costs.append(whole.ms)
        target = 1 if n == 2000 else None
        b.table.row("%d ports, compile from both directories" % n, whole.ms, generous[0] if target else 0, "ms", target)
        b.table.row("%d ports, compile from the port's two files" % n, two.ms, generous[0] if target else 0, "ms", target)
        load_change(b, n, rounds, old, new, generous[1])
    b.table.growth("compile from both directories", costs, PORTS)
    if not b.can_load:
        b.table.line("  SKIP loading: %s" % b.why_not)


def load_change(b, n, rounds, old, new, allowed):
    """There and back again, so that each transaction finds what it was made for."""
    there = b.output("there.nft", "-t", "nft", "--since", old, new)
    back = b.output("back.nft", "-t", "nft", "--since", new, old)
    empty = b.path("empty.nft")
    generate.write(empty, "")
    with open(there, encoding="utf-8") as f:
        elements = sum(line.count(" . ") for line in f if not line.startswith("#"))
    b.table.row("%d ports, elements in the transaction" % n, elements, 8, "", 1)
    if not b.can_load:
        return
    subprocess.run(["nft", "-f", b.output("whole.nft", "-t", "nft", old)], check=True)
    first, nothing, second, _ = b.compare(rounds, ["nft", "-f", there], ["nft", "-f", empty], ["nft", "-f", back],
                                          ["nft", "-f", empty])
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    b.table.row("%d ports, nft -f, more than an empty file's %.2f" % (n, nothing.ms),
                max(0, (first.ms + second.ms) / 2 - nothing.ms), allowed, "ms", 1)


# ---------------------------------------------------------------- W6

TEXT_MB = (1, 10, 40)


def w6(b):
    """A text of the nwf language, read to checked filters, beside its XML twin read by libxml2 and by us."""
    if not shutil.which("xmllint"):
        b.table.line("  SKIP W6: xmllint is not installed")
        return
    b.table.head("W6  a text of the nwf language, checked; reference: xmllint --sax over its XML twin")
    costs = []
    for mb, rounds in zip(TEXT_MB, (9, 5, 1)):
        text, twin = b.path("text-%d.nwf" % mb), b.path("text-%d.xml" % mb)
        generate.write(text, generate.nwf_text(mb * 1000 * KB))
        subprocess.run([b.nwfc, "convert", "-q", "-o", twin, text], check=True)
        made, peer, own = b.compare(rounds, [b.nwfc, "check", "-q", text], ["xmllint", "--sax", "--noout", twin],
                                    [b.nwfc, "check", "-q", twin])
        costs.append(made.ms)
        size = os.path.getsize(text) / 1000 / KB
        b.table.row("%d MB (%.0f MB/s, %.0f MiB)" % (mb, size / made.ms * 1000, made.mib), made.ms, peer.ms, "ms", 1)
        b.table.row("%d MB, against the twin of %.0f MB checked by us" % (mb, os.path.getsize(twin) / 1000 / KB),
                    made.ms, own.ms, "ms")
    b.table.growth("a text", costs, TEXT_MB)


# ---------------------------------------------------------------- W7

RULES = (100, 1000, 5000)


def w7(b):
    b.table.head("W7  two filters compared; reference: the time given")
    costs = []
    for n, rounds in zip(RULES, (21, 9, 3)):
        old, new = b.path("old-%d.xml" % n), b.path("new-%d.xml" % n)
        generate.versions(old, new, n)
        made, same = b.compare(rounds, [b.nwfc, "diff", "-q", old, new], [b.nwfc, "diff", "-q", old, old], fails=1)
        costs.append(made.ms)
        target = 1 if n == 1000 else None
        b.table.row("%d rules, one of them changed (%.0f MiB)" % (n, made.mib), made.ms, b.budget(100) if target else 0, "ms", target)
        b.table.row("%d rules, the same file twice" % n, same.ms, 0, "ms")
    b.table.growth("changed", costs, RULES)


# ---------------------------------------------------------------- W8

GUESTS = (10, 100, 1000)


def w8(b):
    b.table.head("W8  nine assertions proven; reference: the time given")
    costs = []
    for n, rounds in zip(RULES, (21, 9, 3)):
        old, new = b.path("old-%d.xml" % n), b.path("new-%d.xml" % n)
        generate.versions(old, new, n)
        made, = b.compare(rounds, [b.nwfc, "prove", "-q", "--ready=anti-spoof", new], fails=1)
        target = 1 if n == 1000 else None
        b.table.row("a filter of %d rules (%.0f MiB)" % (n, made.mib), made.ms, b.budget(200) if target else 0, "ms", target)
    for n, rounds in zip(GUESTS, (9, 5, 3)):
        text = b.path("guests-%d.nwf" % n)
        with open(text, "w", encoding="ascii") as f:
            for i in range(n):
                f.write("port vnet%d mac 52:54:00:12:%02x:%02x { use clean-traffic; IP = 10.0.%d.%d; }\n" % (i, i >> 8, i & 255, i >> 8, i & 255))
        made, = b.compare(rounds, [b.nwfc, "prove", "-q", "--ready=anti-spoof", text], fails=1)
        costs.append(made.ms)
        b.table.row("%d ports with clean-traffic (%.0f MiB)" % (n, made.mib), made.ms, 0, "ms")
    b.table.growth("a port", costs, GUESTS)


# ---------------------------------------------------------------- all

WORKLOADS = {"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6, "W7": w7, "W8": w8, "packets": packets.measure, "learnd": learning.measure}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", default="build/nwfc")
    ap.add_argument("--learnd", default="build/learnd")
    ap.add_argument("--tools", default="build/bench", help="where alternate and the other tools are")
    ap.add_argument("--out", default="build/bench.txt")
    ap.add_argument("--only", default=",".join(WORKLOADS))
    arguments = ap.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    broken = 0
    with tempfile.TemporaryDirectory(prefix="nwfc-bench-") as work:
        b = Bench(arguments, work)
        start(b)
        for name in arguments.only.split(","):
            try:
                WORKLOADS[name](b)
            except (Broken, subprocess.CalledProcessError, RuntimeError, OSError) as e:
                b.table.line("  BROKEN %s: %s" % (name, e))
                broken += 1
        b.table.line()
        b.table.line("%d targets missed" % b.table.missed if b.table.missed else "all targets met")
        b.table.save()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
