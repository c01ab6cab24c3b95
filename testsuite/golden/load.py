#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Load every golden with the real tools, in a throw-away network namespace.

For each case that compiles: load, load again, remove. The second load must give the same listing as
the first, other people's rules must stay as they are, and what remove leaves must be what there was
before. As ebtables, iptables and ip6tables by themselves, as the xtables script, and as nft.

Where a kernel lacks connection tracking or reject on the bridge, nft scripts that use them are loaded
without these words, which is said and counted as skipped.

Root, or a system that gives users namespaces of their own.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import case as cases

os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
os.environ["LC_ALL"] = "C"
CLASSIC = ("ebtables", "iptables", "ip6tables")
FOREIGN = {
    "ebtables": ["-t nat -N theirs", "-t nat -A theirs -p arp -j RETURN", "-t nat -A PREROUTING -i eth9 -j theirs",
                 "-t nat -A POSTROUTING -p ipv4 -o eth9 -j ACCEPT", "-t filter -A FORWARD -i eth9 -j DROP"],
    "iptables": ["-N theirs", "-A theirs -p tcp --dport 22 -j ACCEPT", "-A FORWARD -i eth9 -j theirs", "-A INPUT -i eth9 -j DROP",
                 "-t mangle -A PREROUTING -i eth9 -j ACCEPT"],
}
FOREIGN["ip6tables"] = FOREIGN["iptables"]
FOREIGN_NFT = """table bridge theirs {
	set s { type ifname; elements = { "eth9" }; }
	chain c { type filter hook prerouting priority -10; policy accept; iifname @s drop; }
}
table inet nwfc_other {
	chain c { type filter hook forward priority 5; policy accept; iifname "eth9" drop; }
}
"""


def run(words, text=None, check=True):
    p = subprocess.run(words, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="surrogateescape", timeout=120)
    if check and p.returncode:
        raise Failed("%s: status %d\n%s%s" % (" ".join(words), p.returncode, p.stdout[-2000:], p.stderr[-3000:]))
    return p.stdout


class Failed(Exception):
    pass


def plain(text):
    """A listing without counters, dates and the order that a hash gives to elements."""
    text = re.sub(r"\[\d+:\d+\]|^#.*\n", "", text, flags=re.M)
    text = re.sub(r"counter packets \d+ bytes \d+", "counter", text)

    def elements(m):
        return "elements = { %s }" % ", ".join(sorted(x.strip() for x in re.split(r",\s*(?![^{]*\})", m.group(1)) if x.strip()))
    # a table that was made for rules of ours stays, without a rule in it
    text = re.sub(r"^\*(nat|mangle)\n(:[A-Z]+ ACCEPT *\n)*COMMIT\n", "", text, flags=re.M)
    return re.sub(r"elements = \{(.*?)\}(?=\n)", elements, text, flags=re.S)


def listing(tool):
    if tool == "nft":
        return plain(run(["nft", "-s", "list", "ruleset"]))
    return plain(run([tool + "-save"]))


def listings(tools):
    return {t: listing(t) for t in tools}


def compare(before, after, what):
    for tool in before:
        if before[tool] != after[tool]:
            a, b = before[tool].splitlines(), after[tool].splitlines()
            lines = ["  - " + x for x in a if x not in b] + ["  + " + x for x in b if x not in a]
            raise Failed("%s: the listing of %s is not the same\n%s" % (what, tool, "\n".join(lines[:20] or b[:60])))


def foreign():
    for tool, rules in FOREIGN.items():
        for rule in rules:
            run([tool] + rule.split())
    run(["nft", "-f", "-"], FOREIGN_NFT)


def make_sets(texts):
    """The sets that rules test must be there."""
    kinds = {1: "hash:ip", 2: "hash:ip,port", 3: "hash:ip,port,ip"}
    for tool, text in texts.items():
        for quoted, name, flags in re.findall(r'--match-set (?:"([^"]*)"|(\S+)) (\S+)', text):
            family = "inet6" if tool == "ip6tables" else "inet"
            subprocess.run(["ipset", "create", quoted or name, kinds[flags.count(",") + 1], "family", family, "-exist"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def restore(tool, text):
    run([tool + "-restore"] + ["--noflush"], text)


def load_files(compile_to, removal):
    texts = {t: compile_to("-t " + t) for t in CLASSIC}
    again = {t: compile_to("-t %s --no-hooks" % t) for t in CLASSIC}
    make_sets(texts)
    before = listings(CLASSIC)
    for tool in CLASSIC:
        restore(tool, texts[tool])
    first = listings(CLASSIC)
    for tool in CLASSIC:
        restore(tool, again[tool])
    compare(first, listings(CLASSIC), "loaded twice")
    for tool in CLASSIC:
        run(["sh"], removal("-t " + tool))
    compare(before, listings(CLASSIC), "removed")


def load_script(compile_to, removal):
    text = compile_to("-t xtables")
    before = listings(CLASSIC)
    make_sets({t: compile_to("-t " + t) for t in CLASSIC})
    run(["sh"], text)
    first = listings(CLASSIC)
    run(["sh"], text)
    compare(first, listings(CLASSIC), "the script run twice")
    run(["sh"], removal("-t xtables"))
    compare(before, listings(CLASSIC), "removed by the script")
    run(["sh"], removal("-t xtables"))  # nothing there: no harm
    compare(before, listings(CLASSIC), "removed twice")


def load_nft(compile_to, removal, lacking):
    text = without(compile_to("-t nft"), lacking)
    before = listings(["nft"])
    run(["nft", "-f", "-"], text)
    first = listings(["nft"])
    run(["nft", "-f", "-"], text)
    compare(first, listings(["nft"]), "loaded twice")
    if "table bridge theirs" not in first["nft"]:
        raise Failed("the foreign table is gone")
    run(["nft", "-f", "-"], removal("-t nft"))
    compare(before, listings(["nft"]), "removed")
    run(["nft", "-f", "-"], removal("-t nft"))


# What this kernel lacks, and how a rule looks without it.
LACKS = {
    "ct": (r"\bct (state [\w,]+|direction \w+|count (over )?\d+)", "ct state new", "", "connection tracking on the bridge"),
    "reject": (r"\breject( with [\w -]+)?(?= comment|$)", "reject", "drop", "reject on the bridge"),
}


def without(text, lacking):
    for word in lacking:
        pattern, _, other, _ = LACKS[word]
        text = re.sub(pattern, other, text, flags=re.M)
    return text


def probe():
    """The features of LACKS that this kernel refuses."""
    lacking = []
    for word, (_, rule, _, _) in LACKS.items():
        text = "table bridge p { chain c { type filter hook prerouting priority -150; ether type ip %s %s } }\n" % (
            rule, "accept" if word == "ct" else "")
        p = subprocess.run(["nft", "-f", "-"], input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if p.returncode:
            lacking.append(word)
        subprocess.run(["nft", "delete table bridge p"], stderr=subprocess.DEVNULL)
    return lacking


def inside(case, nwfc):
    """Within the namespace: prints a line for each way of loading."""
    subprocess.run(["ip", "link", "set", "lo", "up"])
    lacking = probe()
    subprocess.run(["nft", "flush", "ruleset"])
    foreign()
    for name, load in (("files", load_files), ("script", load_script), ("nft", load_nft)):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["NWFC_LOCK"] = folder + "/lock"
            case.write_inputs(folder)
            status, _, _ = case.run(nwfc, folder, "compile -o out/probe -t " + ("nft" if name == "nft" else "xtables"))
            if status:
                print("none %s" % name)
                continue

            def output(command, arguments):
                status, findings, text = case.run(nwfc, folder, "%s %s" % (command, arguments))
                if status:
                    raise Failed("%s %s: status %d\n%s" % (command, arguments, status, findings))
                return text
            compile_to, removal = (lambda a: output("compile", a)), (lambda a: output("remove", a))
            try:
                if name == "nft":
                    used = [w for w in lacking if re.search(LACKS[w][0], compile_to("-t nft"), flags=re.M)]
                    load(compile_to, removal, used)
                    for w in used:
                        print("without %s" % w)
                else:
                    load(compile_to, removal)
                print("pass %s" % name)
            except (Failed, subprocess.TimeoutExpired) as e:
                print("fail %s: %s" % (name, str(e).replace("\n", "\n    ")))


def write_stateful(todo, nwfc, out):
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.nft"):
        old.unlink()
    for case in todo:
        with tempfile.TemporaryDirectory() as folder:
            case.write_inputs(folder)
            status, _, text = case.run(nwfc, folder, "compile -t nft")
            if not status and any(re.search(x[0], text, flags=re.M) for x in LACKS.values()):
                (out / (case.name + ".nft")).write_text(text)


def namespace():
    """The words that put a command into a namespace of its own, or None."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        p = subprocess.run(words + ["nft", "list", "ruleset"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if p.returncode == 0:
            return words
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--nwfc", type=Path, default=cases.ROOT / "build" / "nwfc")
    ap.add_argument("--inside", action="store_true", help="one case, within the namespace")
    ap.add_argument("--write", metavar="DIR", help="only write the nft scripts that use connection tracking or reject there (for load-nft.sh)")
    ap.add_argument("case", nargs="*")
    options = ap.parse_args()
    nwfc = options.nwfc.resolve()
    todo = [c for c in cases.all_cases(options.case) if any(a.startswith("compile -t") and " -p " not in a for _, a in c.runs)]
    if options.inside:
        return inside(todo[0], nwfc)
    if options.write:
        return write_stateful(todo, nwfc, Path(options.write))
    ns = namespace()
    if not ns:
        print("SKIP: no network namespace with nft can be had here")
        print("0 passed, 0 failed, %d skipped" % len(todo))
        return 0
    base = ns + [sys.executable, "-B", __file__, "--inside", "--nwfc", str(nwfc)]
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda c: subprocess.run(base + [c.name], errors="replace", stdout=subprocess.PIPE,
                                                         stderr=subprocess.STDOUT).stdout, todo))
    count, lacked = {"pass": 0, "fail": 0}, {}
    for case, out in zip(todo, outputs):
        good = set()
        for line in re.split(r"\n(?! )", out):
            word, _, rest = line.partition(" ")
            if word in ("pass", "fail"):
                count[word] += 1
            if word == "without":
                lacked[rest] = lacked.get(rest, 0) + 1
            elif word == "fail" or (word not in ("pass", "none", "")):
                print("%s: %s" % (case.name, line))
            good.add(rest.split(":")[0])
        if not {"files", "script", "nft"} <= good:
            print("%s: broken off" % case.name)
            count["fail"] += 1
    for word, n in lacked.items():
        print("SKIP: %d nft scripts loaded without their %s: this kernel lacks it" % (n, LACKS[word][3]))
    print("%d passed, %d failed, %d skipped" % (count["pass"], count["fail"], sum(lacked.values())))
    return count["fail"] > 0


if __name__ == "__main__":
    sys.exit(main())
