#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every attribute as a constant and as a variable, alone and in pairs: the kernel takes it, nft lists it.

    shapes.py --nwfc build/nwfc [--pairs N] [--seed S]

What a test compares has up to two parts, a value and a mask or an end, and each may be a constant or
a variable. Each field of each protocol is written in all these shapes, positive and negated, and N
random pairs of shapes besides.  The rules are compiled for one port with single values and one with
lists, folded and written out; what the compiler refuses is left out.  Then the kernel must take the
script, and nft must list the table as text and as JSON.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

from change import UNSHARE

# Constants and the lists of variables: by the type that `nwfc fields` says, and by part.
VALUES = {
    "a MAC address": ["52:54:00:00:00:00", "02:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
    "a MAC mask": ["ff:ff:ff:00:00:00", "ff:ff:ff:ff:00:00", "ff:ff:ff:ff:ff:fe"],
    "an EtherType": ["ipv4", "0x88cc", "arp"],
    "an ARP operation": ["1", "2", "3"],
    "an IP protocol": ["udp", "6", "132"],
    "an IPv4 address": ["10.0.0.0", "10.0.1.0", "172.16.0.0"],
    "an IPv4 address to": ["172.16.0.9", "172.16.0.10", "172.17.0.0"],
    "an IPv4 mask or prefix length": ["24", "25", "16"],
    "an IPv6 address": ["2001:db8::1", "2001:db8:0:1::", "fe80::1"],
    "an IPv6 address to": ["fe80::9", "fe80::a", "fe80::b"],
    "an IPv6 mask or prefix length": ["64", "65", "48"],
    "a number": ["5", "46", "1"],
    "a number to": ["60", "61", "62"],
    "TCP flags as MASK/FLAGS": ["SYN,ACK/SYN"],
    "true or false": ["true"],
}
# What a test of a frame's IP packet asks for.
NEEDED = {"srcportstart": "protocol='udp'", "dstportstart": "protocol='udp'", "type": "protocol='icmpv6'",
          "code": "protocol='icmpv6'"}
# Not every kernel tracks connections on a bridge, and counting them has no value that is compared.
LEFT_OUT = {"connlimit-above"}


def values(attribute):
    if attribute["name"] in LEFT_OUT:
        return []
    key = attribute["type"] + (" to" if attribute["part"] == "to" else "")
    return VALUES.get(key, VALUES.get(attribute["type"], []))


def variable(attribute, number):
    return "V%d_%s" % (number, re.sub(r"[^a-z0-9]", "_", attribute["name"]))


def field_shapes(attributes):
    """Texts of attributes: each part a constant, a variable, or not there."""
    first = [a for a in attributes if a["part"] in ("value", "from") and values(a)]
    rest = [a for a in attributes if a["part"] in ("mask", "to") and values(a)]
    for head in first:
        for tail in [None] + (rest if len(first) == 1 or head["part"] == "from" else
                              [a for a in rest if a["part"] == "mask"]):
            parts = [head] + ([tail] if tail else [])
            for which in range(1 << len(parts)):
                if all(a["variable"] or not which >> i & 1 for i, a in enumerate(parts)):
                    yield " ".join("%s='%s'" % (a["name"], ("$" + variable(a, 0)) if which >> i & 1 else values(a)[0])
                                   for i, a in enumerate(parts))


def protocol_rules(r, protocol, pairs):
    fields = {}
    for a in protocol["attributes"]:
        fields.setdefault(a["field"], []).append(a)
    shapes = [(field, text) for field, items in fields.items() for text in field_shapes(items)]
    chosen = [[s] for s in shapes] + [[a, b] for a, b in (r.sample(shapes, 2) for _ in range(pairs if len(shapes) > 1 else 0))
                                      if a[0] != b[0]]
    for several in chosen:
        text = " ".join(s[1] for s in several)
        needs = {need for name, need in NEEDED.items() if re.search(r"\b%s=" % name, text)}
        before = ""
        if protocol["element"] in ("ip", "ipv6") and needs:
            before = "<%s %s/>" % (protocol["element"], sorted(needs)[0])
        for negated in ("", "match='no' "):
            yield "%s<%s %s%s/>" % (before, protocol["element"], negated, text)


def parameters(protocol, count):
    return "".join("<parameter name='%s' value='%s'/>" % (variable(a, 0), v)
                   for a in protocol["attributes"] if a["variable"] for v in values(a)[:count])


def write(folder, protocol, rules):
    packet = protocol["layer"] == "packet"
    with open(os.path.join(folder, "f.xml"), "w", encoding="ascii") as out:
        out.write("<filter name='f'>\n")
        out.writelines("<rule action='drop' direction='out'%s>%s</rule>\n" % (" statematch='0'" if packet else "", rule)
                       for rule in rules)
        out.write("</filter>\n")
    for n, (port, count) in enumerate((("one", 1), ("many", 3))):
        with open(os.path.join(folder, port + ".xml"), "w", encoding="ascii") as out:
            out.write("<filterbinding><owner><name>vm</name><uuid>5eed0000-0000-4000-8000-000000000001</uuid></owner>"
                      "<portdev name='%s'/><mac address='52:54:00:00:00:%02x'/><filterref filter='f'>%s</filterref>"
                      "</filterbinding>\n" % (port, n + 1, parameters(protocol, count)))


def compile_rules(args, folder, protocol, rules, *words):
    """The script, and the rules that it is of: those with findings that fail are left out."""
    while True:
        write(folder, protocol, rules)
        done = subprocess.run([args.nwfc, "compile", "-q", "-t", "nft", *words, "f.xml", "one.xml", "many.xml"], cwd=folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not done.returncode:
            return done.stdout, rules
        bad = {int(n) - 2 for n in re.findall(r"^f\.xml:(\d+):\d+: error", done.stderr, re.M)}
        if done.returncode not in (1, 2) or not bad:
            raise SystemExit("%s: %s" % (protocol["element"], done.stderr))
        rules = [rule for i, rule in enumerate(rules) if i not in bad]


def wrong(folder, script):
    """What nft says against the script; empty when it is loaded and listed."""
    with open(os.path.join(folder, "s.nft"), "w", encoding="utf-8") as out:
        out.write(script)
    for command in ("nft -f s.nft", "nft -f s.nft; nft list ruleset", "nft -f s.nft; nft -j list ruleset"):
        done = subprocess.run(UNSHARE + ["sh", "-c", command], cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            return "%s: %d %s" % (command, done.returncode, done.stderr[:300])
    return ""


def culprits(args, folder, protocol, rules, words):
    """Halved until single rules are left."""
    script, rules = compile_rules(args, folder, protocol, rules, *words)
    why = wrong(folder, script) if rules else ""
    if not why:
        return []
    if len(rules) == 1:
        return ["%s: %s" % (rules[0], why)]
    half = len(rules) // 2
    return (culprits(args, folder, protocol, rules[:half], words) +
            culprits(args, folder, protocol, rules[half:], words)) or ["%s: together: %s" % (protocol["element"], why)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nwfc", required=True)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.nwfc = os.path.abspath(args.nwfc)
    probe = subprocess.run(UNSHARE + ["nft", "list", "ruleset"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if probe.returncode:
        print("SKIP: shapes of attributes in the kernel: " + probe.stdout.strip())
        print("0 passed, 0 failed, 1 skipped")
        return 0
    fields = json.loads(subprocess.run([args.nwfc, "fields", "--format", "json"], stdout=subprocess.PIPE, check=True).stdout)
    passed = failed = judged = 0
    for protocol in fields["protocols"]:
        rules = list(dict.fromkeys(protocol_rules(random.Random(args.seed), protocol, args.pairs)))
        for words in ((), ("--expand",)):
            with tempfile.TemporaryDirectory() as folder:
                script, kept = compile_rules(args, folder, protocol, rules, *words)
                judged += len(kept)
                found = culprits(args, folder, protocol, kept, words) if wrong(folder, script) else []
            passed, failed = passed + (not found), failed + bool(found)
            for text in found[:5]:
                print("FAIL  %s %s" % (" ".join(words), text))
    print("shapes of attributes: %d rules loaded and listed" % judged)
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
