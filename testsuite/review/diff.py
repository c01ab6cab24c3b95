#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nwfc diff on random filters that were edited at random.

  kept      edits that keep the meaning (rules moved, doubled, split, put into a filter of their own,
            filters renamed): no packet may be treated differently
  changed   edits that may change it: each change that is said must be one, by a decider that shares
            nothing with nwfc (testsuite/kernel/refsem.py, on the frame's bytes); where none is said,
            random frames must get the same verdicts

    diff.py --nwfc build/nwfc [--seed N] [--kept N] [--changed N]
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "testsuite" / "corpus"), str(ROOT / "testsuite" / "kernel")]
import frames as F  # noqa: E402
import refsem  # noqa: E402
from random_filters import Generator  # noqa: E402

SIDES = ("out", "in")


class Conn:
    """A connection as refsem asks about it."""

    def __init__(self, state, direction):
        self.state, self.direction, self.tuple = state.upper(), direction, None

    @staticmethod
    def alive():
        return set()


# --- filters as trees ---

def rules_of(root):
    return [r for r in root if r.tag == "rule"]


def element_of(rule):
    return next(iter(rule), None)


def attribute(rule, name):
    e = element_of(rule)
    return None if e is None else e.get(name)


def counts(rule):
    return attribute(rule, "connlimit-above") is not None


def plain(rule, *names):
    """Not negated, without a count, and these attributes are numbers."""
    e = element_of(rule)
    return e is not None and e.get("match") != "no" and not counts(rule) and all((e.get(n) or "").isdigit() for n in names)


def copy(node):
    return ET.fromstring(ET.tostring(node))


# --- edits that keep the meaning; each says whether it found something to do ---

def rename(rng, files):
    old, new = rng.choice(sorted(files)), "renamed-%d" % rng.randrange(1000)
    if old == "f0" or new in files:
        return False
    files[new] = files.pop(old)
    files[new].set("name", new)
    for root in files.values():
        for ref in root.iter("filterref"):
            if ref.get("filter") == old:
                ref.set("filter", new)
    return True


def double(rng, files):
    root = files[rng.choice(sorted(files))]
    rules = [r for r in rules_of(root) if not counts(r)]
    if not rules:
        return False
    r = rng.choice(rules)
    root.insert(list(root).index(r) + 1, copy(r))
    return True


def move(rng, files):
    """Of two neighbours with different priorities the document's order does not matter."""
    root = files[rng.choice(sorted(files))]
    nodes = list(root)
    pairs = [i for i in range(len(nodes) - 1) if nodes[i].tag == nodes[i + 1].tag == "rule" and
             nodes[i].get("priority", "500") != nodes[i + 1].get("priority", "500")]
    if not pairs:
        return False
    i = rng.choice(pairs)
    root.remove(nodes[i])
    root.insert(i + 1, nodes[i])
    return True


def split_ports(rng, files):
    root = files[rng.choice(sorted(files))]
    for r in rules_of(root):
        for end in ("src", "dst"):
            lo, hi = end + "portstart", end + "portend"
            if not plain(r, lo, hi) or int(attribute(r, lo)) >= int(attribute(r, hi)):
                continue
            middle = rng.randrange(int(attribute(r, lo)), int(attribute(r, hi)))
            other = copy(r)
            element_of(r).set(hi, str(middle))
            element_of(other).set(lo, str(middle + 1))
            root.insert(list(root).index(r) + 1, other)
            return True
    return False


def split_prefix(rng, files):
    root = files[rng.choice(sorted(files))]
    for r in rules_of(root):
        for end in ("src", "dst"):
            address, mask = attribute(r, end + "ipaddr") or "$", attribute(r, end + "ipmask") or ""
            if not plain(r) or "$" in address or ":" in address or not mask.isdigit() or not int(mask) < 32:
                continue
            value = int.from_bytes(F.addr(address), "big") >> (32 - int(mask)) << (32 - int(mask))
            other = copy(r)
            for which, bit in ((r, 0), (other, 1)):
                v = value | bit << (31 - int(mask))
                element_of(which).set(end + "ipaddr", ".".join(str(v >> s & 255) for s in (24, 16, 8, 0)))
                element_of(which).set(end + "ipmask", str(int(mask) + 1))
            root.insert(list(root).index(r) + 1, other)
            return True
    return False


def take_out(rng, files):
    """Neighbours go into a filter of their own, of the same chain, in the same place."""
    root = files[rng.choice(sorted(files))]
    nodes = list(root)
    start = rng.randrange(len(nodes))
    some = [n for n in nodes[start:start + 3]]
    name = "part-%d" % rng.randrange(10000)
    if name in files or not all(n.tag == "rule" for n in some):
        return False
    files[name] = ET.Element("filter", dict(root.attrib, name=name))
    for n in some:
        root.remove(n)
        files[name].append(n)
    root.insert(start, ET.Element("filterref", {"filter": name}))
    return True


def go_on(rng, files):
    root = files[rng.choice(sorted(files))]
    root.insert(rng.randrange(len(root) + 1), ET.fromstring("<rule action='continue' direction='inout' priority='%d'><all/></rule>" % rng.randrange(-900, 900)))
    return True


def comment(rng, files):
    root = files[rng.choice(sorted(files))]
    rules = [r for r in rules_of(root) if element_of(r) is not None]
    if rules:
        element_of(rng.choice(rules)).set("comment", "said otherwise %d" % rng.randrange(99))
    return bool(rules)


KEEPING = [rename, double, move, split_ports, split_prefix, take_out, go_on, comment]


# --- edits that may change it ---

def flip_action(rng, rule):
    rule.set("action", rng.choice([a for a in ("accept", "drop", "reject", "return") if a != rule.get("action")]))


def turn(rng, rule):
    rule.set("direction", rng.choice([d for d in ("in", "out", "inout") if d != rule.get("direction")]))


def other_priority(rng, rule):
    rule.set("priority", str(rng.randrange(-900, 900)))


def negate(_, rule):
    e = element_of(rule)
    if e is not None and not e.get("state"):
        e.set("match", "yes" if e.get("match") == "no" else "no")


def lose_attribute(rng, rule):
    e = element_of(rule)
    names = [] if e is None else [n for n in e.attrib if n in ("srcmacaddr", "dscp", "dstportstart", "opcode", "vlanid", "type", "code") and
                                  not any(n2 in e.attrib for n2 in ("srcmacmask", "dstportend", "typeend", "codeend"))]
    if names:
        del e.attrib[rng.choice(names)]


def other_number(rng, rule):
    e = element_of(rule)
    names = [] if e is None else [n for n in ("dscp", "dstportend", "vlanid", "srcipmask") if (e.get(n) or "").isdigit()]
    if names:
        n = rng.choice(names)
        e.set(n, str(max(0, int(e.get(n)) + rng.choice([-1, 1]))))


CHANGING = [flip_action, turn, other_priority, negate, lose_attribute, other_number]


# --- one attempt ---

def write(folder, files, binding):
    folder.mkdir()
    for name, root in files.items():
        (folder / (name + ".xml")).write_text(ET.tostring(root, encoding="unicode"), encoding="utf-8")
    (folder / "port.xml").write_text(binding, encoding="utf-8")


def differences(nwfc, folder):
    p = subprocess.run([nwfc, "diff", "-q", "--format=json", "old", "new"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if p.returncode == 2:
        return None, p.stderr
    found = json.loads(p.stdout)["differences"]
    assert (p.returncode == 1) == bool(found), p.returncode
    return found, p.stderr


def state_of(words):
    state = words.split("ct state ", 1)[1].split()[0] if "ct state " in words else "new"
    return Conn(state, "reply" if "direction reply" in words else "original")


def verdict(reference, raw, side, conn):
    frame = F.Decoded(raw)
    if conn.state == "INVALID" or conn.state == "UNTRACKED":
        conn.direction = None
    layers = [reference.bridge_verdict(frame, side)[0], reference.ip_verdict(frame, side, conn)[0]]
    if side == "in":
        layers.reverse()
    return next((v for v in layers if v != refsem.PASS), refsem.PASS)


def check_change(change, references):
    """Of a change that is certain and has a frame: is its packet treated so?"""
    if not change["certain"] or not change["bytes"]:
        return 0
    raw = bytes.fromhex(change["bytes"])
    for version, reference in references.items():
        got = verdict(reference, raw, change["side"], state_of(change["packet"]))
        assert got == change[version]["verdict"], "%s: %s, nwfc says %s" % (version, got, change)
    assert change["before"]["verdict"] != change["now"]["verdict"]
    return 1


def random_frame(rng):
    src, dst = (rng.choice([b"\x52\x54\x00\x7b\x35\x93", bytes([1, 2, 3, 4, 5, 6]), b"\xff" * 6]) for _ in range(2))
    a, b = (rng.choice(["10.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.0", "0.0.0.0"]) for _ in range(2))
    ports = [rng.choice([22, 80, 443, 1000, 1, 123, 250]) for _ in range(2)]
    kind = rng.randrange(4)
    if kind == 0:
        return F.ethernet(dst, src, F.ETH_ARP, F.arp(rng.choice([1, 2, 4]), src, F.addr(a), dst, F.addr(b)))
    if kind == 1:
        return F.ethernet(dst, src, 0x88cc, bytes(46))
    body = F.tcp(F.addr(a), F.addr(b), *ports, rng.choice([2, 16, 18]), 1, 1, b"") if kind == 2 else F.udp(F.addr(a), F.addr(b), *ports, b"data")
    return F.ethernet(dst, src, F.ETH_IP, F.ip4(F.addr(a), F.addr(b), F.TCP if kind == 2 else F.UDP, body, tos=rng.choice([0, 4, 40, 184])))


def check_same(rng, references):
    before, now = references.values()
    for _ in range(60):
        raw, side = random_frame(rng), rng.choice(SIDES)
        conn = [rng.choice(["NEW", "ESTABLISHED", "RELATED", "INVALID"]), rng.choice(["original", "reply"])]
        if conn[0] == "NEW":
            conn[1] = "original"
        a, b = (verdict(r, raw, side, Conn(*conn)) for r in (before, now))
        assert a == b, "nothing said, but %s and %s: %s %s %s" % (a, b, side, conn, raw.hex())


def attempt(nwfc, kind, seed):
    """(edits done, changes that were looked at)"""
    rng = random.Random("%s %d" % (kind, seed))
    files, binding = Generator(seed).case()
    files = {name: ET.fromstring(text) for name, text in files.items()}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(folder / "old", files, binding)
        if kind == "kept":
            done = sum(rng.choice(KEEPING)(rng, files) for _ in range(rng.randint(1, 6)))
        else:
            rules = [r for root in files.values() for r in rules_of(root)]
            rng.choice(CHANGING)(rng, rng.choice(rules))
            done = 1
        write(folder / "new", files, binding)
        found, said = differences(nwfc, folder)
        if found is None:
            # an edit at random may be one that is not legal, and a filter may want a variable
            assert kind == "changed" or " old/" in said or said.startswith("old/"), said
            return 0, 0, 0
        if kind == "kept":
            assert not found, found
            return done, 0, 0
        references = {v: refsem.load([str(folder / d)], str(folder / d / "port.xml")) for v, d in (("before", "old"), ("now", "new"))}
        looked = sum(check_change(c, references) for x in found for c in x["changes"])
        if not found and not any(r.uses_limit for r in references.values()) and "ipset" not in "".join(ET.tostring(f, encoding="unicode") for f in files.values()):
            check_same(rng, references)
        return done, len(found) > 0, looked


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--kept", type=int, default=150)
    ap.add_argument("--changed", type=int, default=150)
    options = ap.parse_args()
    nwfc = str(options.nwfc.resolve())
    passed = failed = edits = changed = looked = 0
    todo = [("kept", options.seed + i) for i in range(options.kept)] + [("changed", options.seed + i) for i in range(options.changed)]

    def run(job):
        try:
            return job, attempt(nwfc, *job)
        except Exception as e:  # pylint: disable=broad-except
            return job, e
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for job, result in pool.map(run, todo):
            if isinstance(result, tuple):
                passed += 1
                edits += result[0] if job[0] == "kept" else 0
                changed += result[1]
                looked += result[2]
            else:
                failed += 1
                print("FAIL %s --seed=%d: %s: %s" % (*job, type(result).__name__, result))
    print("%d edits that keep the meaning; %d filters that an edit changed, %d packets of theirs decided about independently" % (edits, changed, looked))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0 or not changed or not looked


if __name__ == "__main__":
    sys.exit(main())
