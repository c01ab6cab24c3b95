#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Properties that hold for every filter, tried on random ones.

For each seed: random filters and three ports of them.
  bytes      two runs, and a run with options that have no say, give the same bytes in every target
  parse      what --dump=parse prints is read to the same dump, and compiled to the same scripts
  order      filters in another order of files, or all in one: the same scripts but for the places
  folded     nft with sets and nft written out: both load
  change     A's script and then the change to B leave what B's script leaves
  nwf        XML to nwf to XML is the same filter; nwf formatted is nwf as it was converted; the
             scripts are those of the XML but for the places
  stages     the dumps after each pass come to an end and are the same twice

    property.py --nwfc build/nwfc [--seed N] [--count N]
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "testsuite" / "corpus"), str(ROOT / "testsuite" / "golden")]
import load  # noqa: E402
from random_filters import LISTS, Generator  # noqa: E402

os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
TARGETS = ("ebtables", "iptables", "ip6tables", "xtables", "nft")
LOSSES = ["--allow-loss=widened", "--allow-loss=refused"]
PORT = """<filterbinding><owner><name>g</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>
<portdev name='%s'/><mac address='52:54:00:7b:35:%02x'/><filterref filter='f0'>
%s</filterref></filterbinding>
"""


class Broken(Exception):
    pass


class Setup:
    """Filters, ports, and the same ports after a change."""

    def __init__(self, seed):
        self.rng = random.Random(seed * 7919 + 1)
        self.files, _ = Generator(seed).case()
        self.ports = [self.port(i) for i in range(3)]
        self.later = [p if self.rng.random() < 0.4 else self.port(i) for i, p in enumerate(self.ports)]
        if self.rng.random() < 0.3:
            self.later.pop()

    def port(self, i):
        """Lists of one length, so that they can be walked in step."""
        n = self.rng.choice([1, 2, 3])
        lists = {k: [self.rng.choice(v) for _ in range(n)] for k, v in LISTS.items()}
        for k in ("A4", "B4", "A6", "M", "P", "Q"):     # an element [2] must be there
            lists[k] += lists[k][-1:] * (3 - n)
        lists["C4"] = ["10.3.3.1"] * 3      # some rules see a default of it, some do not
        return PORT % ("vnet%d" % i, i, "".join("<parameter name='%s' value='%s'/>\n" % (k, v) for k, vs in lists.items() for v in vs))

    def write(self, folder, names=None, ports=None):
        paths = []
        for name in names or self.files:
            paths.append(Path(folder, name + ".xml"))
            paths[-1].write_text(self.files[name])
        for i, text in enumerate(self.ports if ports is None else ports):
            paths.append(Path(folder, "port%d.xml" % i))
            paths[-1].write_text(text)
        return [p.name for p in paths]


def run(nwfc, folder, *words):
    p = subprocess.run([nwfc, *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace", timeout=120)
    return p.returncode, p.stdout, p.stderr


def scripts(nwfc, folder, inputs, *options):
    return {t: run(nwfc, folder, "compile", "-t", t, *LOSSES, *options, *inputs)[:2] for t in TARGETS}


def without_places(outputs):
    return {t: (s, re.sub(r"^# \S+:\d+:\d+ ", "# ", text, flags=re.M)) for t, (s, text) in outputs.items()}


def same(what, a, b):
    for key in a:
        if a[key] != b[key]:
            x, y = a[key][1].splitlines(), b[key][1].splitlines()
            diff = ["- " + line for line in x if line not in y][:5] + ["+ " + line for line in y if line not in x][:5]
            raise Broken("%s, %s: status %d and %d\n%s" % (what, key, a[key][0], b[key][0], "\n".join(diff) or "another order"))


def same_bytes(nwfc, setup, folder):
    inputs = setup.write(folder)
    first = scripts(nwfc, folder, inputs)
    if any(status not in (0, 1) for status, _ in first.values()):
        raise Broken("status %s\n%s" % ({t: s for t, (s, _) in first.items()}, run(nwfc, folder, "check", *inputs)[2]))
    same("a second run", first, scripts(nwfc, folder, inputs))
    options = ["--quiet", "--lenient", "--max-memory=1000", "--max-product=5000000"]
    setup.rng.shuffle(options)
    same("options without a say", first, scripts(nwfc, folder, inputs, *options))
    return first


def parse_again(nwfc, setup, folder):
    inputs = setup.write(folder)
    status, dump, err = run(nwfc, folder, "compile", "--dump=parse", *inputs)
    if status:
        raise Broken("--dump=parse: " + err)
    Path(folder, "dump.xml").write_text(dump)
    status, again, err = run(nwfc, folder, "compile", "--dump=parse", "dump.xml")
    if status or again != dump:
        raise Broken("the dump is read to another one (status %d)\n%s" % (status, err))
    ports = [i for i in inputs if i.startswith("port")]
    same("the dump compiled", without_places(scripts(nwfc, folder, inputs)), without_places(scripts(nwfc, folder, ["dump.xml"] + ports)))


def any_order(nwfc, setup, folder):
    inputs = setup.write(folder)
    names = [i for i in inputs if not i.startswith("port")]
    ports = [i for i in inputs if i.startswith("port")]
    first = without_places(scripts(nwfc, folder, inputs))
    setup.rng.shuffle(names)
    same("filters in another order", first, without_places(scripts(nwfc, folder, names + ports)))
    Path(folder, "all.xml").write_text("<filters>%s</filters>" % "".join(setup.files.values()))
    same("all filters in one file", first, without_places(scripts(nwfc, folder, ["all.xml"] + ports)))


def both_languages(nwfc, setup, folder):
    inputs = setup.write(folder)
    texts = []
    for i in inputs:
        name = i.replace(".xml", ".nwf")
        for words in (("convert", "--to=nwf", "-o", name, i), ("fmt", "--check", name),
                      ("convert", "--to=xml", "-o", "back.xml", name), ("convert", "--to=xml", "-o", "was.xml", i)):
            status, out, err = run(nwfc, folder, *words)
            if status:
                raise Broken("%s: status %d\n%s%s" % (" ".join(words), status, out, err))
        if Path(folder, "back.xml").read_text() != Path(folder, "was.xml").read_text():
            raise Broken("%s comes back from nwf as another one\n%s" % (i, Path(folder, name).read_text()))
        texts.append(name)
    same("in nwf", without_places(scripts(nwfc, folder, inputs)), without_places(scripts(nwfc, folder, texts)))


def stages(nwfc, setup, folder):
    inputs = setup.write(folder)
    for name in ("parse", "resolve", "bind", "layout"):
        a = run(nwfc, folder, "compile", "--dump=" + name, *inputs)
        if a[0] or not a[1] or a != run(nwfc, folder, "compile", "--dump=" + name, *inputs):
            raise Broken("--dump=%s: status %d, or not the same twice\n%s" % (name, a[0], a[2]))


# --- with the kernel: prints findings, runs inside the namespace

def nft(text):
    p = subprocess.run(["nft", "-f", "-"], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    if p.returncode:
        raise Broken("nft: " + p.stderr[:2000])


def rules_only(text):
    """A listing with chains, sets and maps in the order of their names, and what is empty or unused left out."""
    blocks = re.findall(r"^\t((?:chain|set|map) \S+) \{\n(.*?)^\t\}", text, flags=re.M | re.S)
    blocks = {name: body for name, body in blocks}
    used, todo = set(), [n for n, body in blocks.items() if n.startswith("chain") and " hook " in body]
    while todo:
        name = todo.pop()
        if name in used:
            continue
        used.add(name)
        body = blocks.get(name, "")
        todo += ["chain " + c for c in re.findall(r"(?:jump|goto) ([^\s,}]+)", body)]
        todo += [k for ref in re.findall(r"@([^\s,}]+)", body) for k in ("set " + ref, "map " + ref) if k in blocks]
    return "\n".join("%s {\n%s}" % (n, blocks.get(n, "")) for n in sorted(used))


def emptied(listing):
    """Base chains that lead nowhere decide nothing: a change leaves them, a script does not make them."""
    text = rules_only(listing)
    for name in re.findall(r"^map (\S+) \{\n(?:(?!elements)[^}])*\}", text, flags=re.M):
        text = re.sub(r"^(map|chain) %s \{\n.*?^?\}\n?" % re.escape(name), "", text + "\n", flags=re.M | re.S)
    return "\n".join(line for line in text.splitlines() if line.strip())


def folded(nwfc, setup, folder, lacking):
    inputs = setup.write(folder)
    for options in ([], ["--expand"]):
        status, text, err = run(nwfc, folder, "compile", "-t", "nft", *LOSSES, *options, *inputs)
        if status:
            raise Broken("status %d\n%s" % (status, err))
        nft("flush ruleset")
        nft(load.without(text, lacking))


def change(nwfc, setup, folder, lacking):
    """Compared where this kernel can hold all of it: a listing without conntrack would hide differences of it."""
    os.mkdir(folder + "/old")
    os.mkdir(folder + "/new")
    old = ["old/" + i for i in setup.write(folder + "/old")]
    new = ["new/" + i for i in setup.write(folder + "/new", ports=setup.later)]
    texts = []
    for words in (old, new, [w for i in old for w in ("--since", i)] + new):
        status, text, err = run(nwfc, folder, "compile", "-t", "nft", *LOSSES, *words)
        if status:
            raise Broken("status %d\n%s" % (status, err))
        texts.append(load.without(text, lacking))
    listings = []
    for steps in ([texts[1]], [texts[0], texts[2]]):
        nft("flush ruleset")
        for text in steps:
            nft(text)
        listings.append(emptied(load.listing("nft")))
    if listings[0] != listings[1]:
        a, b = (x.splitlines() for x in listings)
        raise Broken("the change leaves another table\n" + "\n".join(["- " + x for x in a if x not in b][:8] + ["+ " + x for x in b if x not in a][:8]))


PLAIN = {"bytes": same_bytes, "parse": parse_again, "order": any_order, "nwf": both_languages, "stages": stages}
KERNEL = {"folded": folded, "change": change}


def attempt(name, f, seed, *more):
    with tempfile.TemporaryDirectory() as folder:
        try:
            f(more[0], Setup(seed), folder, *more[1:])
            return True
        except (Broken, load.Failed, subprocess.TimeoutExpired) as e:
            print("== %s, seed %d: %s" % (name, seed, str(e)[:2500]))
            return False


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=40)
    ap.add_argument("--inside", action="store_true", help="the part that wants a namespace, within it")
    options = ap.parse_args()
    nwfc, seeds = str(options.nwfc.resolve()), range(options.seed, options.seed + options.count)
    passed = failed = skipped = 0
    if options.inside:
        lacking = load.probe()
        good = [attempt(n, f, s, nwfc, lacking) for n, f in KERNEL.items() for s in seeds]
        print("%d passed, %d failed, 0 skipped" % (sum(good), len(good) - sum(good)))
        return 0
    for name, f in PLAIN.items():
        good = [attempt(name, f, s, nwfc) for s in seeds]
        passed, failed = passed + sum(good), failed + len(good) - sum(good)
    ns = load.namespace()
    if ns:
        p = subprocess.run(ns + [sys.executable, "-B", __file__, "--inside", "--nwfc", nwfc, "--seed", str(options.seed), "--count", str(options.count)],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        *lines, last = p.stdout.splitlines() or [""]
        print("\n".join(lines))
        numbers = re.findall(r"\d+", last) if "passed" in last else ["0", "1"]
        passed, failed = passed + int(numbers[0]), failed + int(numbers[1])
    else:
        print("SKIP: no network namespace with nft can be had here")
        skipped = len(KERNEL)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
