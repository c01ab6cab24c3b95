#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nwfc prove: what is proven holds, and what breaks an assertion is really treated so.

    run.py --nwfc build/nwfc [--seed N] [--count N]

The stock filters are held to the assertions that come with the program; stock.tsv says what each keeps
and, of the others, why it does not. Then random filters and random assertions in a space of frames that
is gone through whole: `nwfc trace` says what becomes of each frame, and this file, which of them an
assertion means. What prove answers must be the same, and its packet, in words and as bytes, must
break the assertion when it is traced.
"""
import argparse
import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import frames as F  # noqa: E402

VALUES = {"IP": ["192.0.2.99", "192.0.2.98"], "IPV6": ["2001:db8::99", "fe80::5054:ff:fe12:3456"],
          "GATEWAY_MAC": ["52:54:00:00:00:fe"], "DHCPSERVER": ["192.0.2.1"],
          "DHCPSERVERV6": ["fe80::1"]}
PORT = ["--port", "vnet0", "--mac", "52:54:00:12:34:56"]
passed, failed = 0, 0


def check(good, *said):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("FAIL", *said, flush=True)
    return good


class Nwfc:
    def __init__(self, path):
        self.path = str(path)

    def run(self, *words):
        p = subprocess.run([self.path, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, cwd=ROOT)
        if p.returncode not in (0, 1):
            raise RuntimeError("%s: exit %d\n%s" % (" ".join(map(str, words)), p.returncode, p.stderr))
        return p.stdout

    def prove(self, *words):
        return json.loads(self.run("prove", "-q", "--format=json", *words))

    def verdict(self, inputs, packet, *options):
        return json.loads(self.run("trace", "-q", "--format=json", *options, *inputs, packet))["packets"][0]["verdict"]


def breaks(demand, verdict):
    return verdict == "pass" if demand == "never" else verdict != {"accept": "pass"}.get(demand, demand)


# --- stock filters ----------------------------------------------------------------------------------------------


def parts():
    return sorted(p.stem for p in (ROOT / "examples" / "assertions").glob("*.nwf"))


def stock_inputs(name):
    values = dict(VALUES)
    if name == "allow-dhcpv6-server":
        values["DHCPSERVER"] = ["fe80::1"]
    return [*PORT, "--filter", name, *(w for k, vs in values.items() for v in vs for w in ("-D", "%s=%s" % (k, v)))]


def stock_table():
    rows = [line.split("\t") for line in (HERE / "stock.tsv").read_text().splitlines() if line and not line.startswith("#")]
    return {name: (set(keeps.split()) - {"-"}, why) for name, keeps, why in rows}


def stock(nwfc):
    table, names = stock_table(), {p.stem for p in (ROOT / "examples" / "filters").glob("*.xml")}
    check(set(table) == names, "stock.tsv and examples/filters differ:", set(table) ^ names)
    every = {p.split("anti-spoof-")[1] for p in parts()}
    for name in sorted(names & set(table)):
        keeps, why = table[name]
        answer = nwfc.prove("--ready=anti-spoof", *stock_inputs(name))
        broken = {Path(p["file"]).stem.split("anti-spoof-")[1] for p in answer["proofs"] if p["outcome"] != "proven"}
        wanted = every if keeps == {"all"} else keeps
        check(every - broken == wanted, name, "keeps", sorted(every - broken), "and not", sorted(wanted))
        check(bool(why) == (wanted != every), name, "keeps", sorted(wanted), "reason:", repr(why))
        for p in answer["proofs"]:
            if p["outcome"] == "broken":
                counterexample(nwfc, stock_inputs(name), "never", p)


def counterexample(nwfc, inputs, demand, p):
    """The packet breaks the assertion, from its words and from its bytes."""
    words = nwfc.verdict(inputs, p["packet"])
    check(breaks(demand, words) and words == p["verdict"], p["name"], p["assertion"], p["packet"], words)
    if "ct state" not in p["packet"] and "given" not in p["packet"]:
        verdict = nwfc.verdict(inputs, p["bytes"], "--side=%s" % p["side"])
        check(verdict == words, p["name"], p["packet"], p["bytes"], verdict, words)


# --- random filters and assertions ---------------------------------------------------------------------------


def random_rule(rng, packets, number):
    verbs = ["accept", "drop", "drop", "reject"] if packets else ["pass", "drop", "return"]
    words = F.Words(rng, packets)
    stateless = " stateless" if packets else ""
    return "\t%s out %s%s priority %d\n" % (rng.choice(verbs), words.text, stateless, number)


def random_filter(rng):
    text = "filter web {\nframes:\n"
    text += "".join(random_rule(rng, False, i) for i in range(rng.randint(0, 5)))
    if rng.random() < 0.4:
        text += "\tdrop out priority 900\n"
    text += "packets:\n" + "".join(random_rule(rng, True, 500 + i) for i in range(rng.randint(0, 3)))
    return text + "}\nport vnet0 mac %s { use web; }\n" % F.MACS[0]


class Assertion:
    def __init__(self, rng):
        self.words = F.Words(rng)
        self.excepts = [F.Words(rng) for _ in range(rng.choice([0, 0, 1, 2]))]
        self.demand = rng.choice(["never", "never", "accept", "drop", "reject"])
        tail = "".join(" except " + e.text for e in self.excepts if e.text)
        verdict = "" if self.demand == "never" else " " + self.demand
        self.text = "%s out %s%s%s" % ("never" if self.demand == "never" else "always", self.words.text, tail, verdict)
        self.excepts = [e for e in self.excepts if e.text]

    def mean(self, p):
        return self.words.mean(p) and not any(e.mean(p) for e in self.excepts)


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1700000000 + number, 0, len(frame), len(frame)) + frame)


def one_random(nwfc, rng, space, capture, folder):
    text = random_filter(rng)
    path = folder / "random.nwf"
    path.write_text(text)
    traced = json.loads(nwfc.run("trace", "-q", "--format=json", "--side=out", path, "vnet0", capture))["packets"]
    verdicts = [p["verdict"] for p in traced]
    assertions = [a for a in (Assertion(rng) for _ in range(12)) if any(a.mean(p) for p in space)]
    path.write_text(text + "".join("assert port vnet0 %s\n" % a.text for a in assertions))
    if not assertions:
        return
    for a, proof in zip(assertions, nwfc.prove(path)["proofs"]):
        bad = [p for p, v in zip(space, verdicts) if a.mean(p) and breaks(a.demand, v)]
        wanted = "broken" if bad else "proven"
        if not check(proof["outcome"] == wanted, "wanted", wanted, a.text, bad[:1], proof.get("packet"), "\n" + text):
            continue
        if bad:
            counterexample(nwfc, [path, "vnet0"], a.demand, proof)


def random_ones(nwfc, seed, count):
    space = list(F.space())
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder, "space.pcap")
        write_pcap(capture, [F.frame(p) for p in space])
        for i in range(count):
            one_random(nwfc, random.Random(seed + i), space, capture, Path(folder))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=60)
    options = ap.parse_args()
    nwfc = Nwfc(options.nwfc.resolve())
    stock(nwfc)
    random_ones(nwfc, options.seed, options.count)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
