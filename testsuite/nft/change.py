#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Changes as transactions: old script, then change, must leave what the new script leaves.

    change.py --nwfc build/nwfc [--rounds N] [--seed S]

Random filters and ports, and a random change of both.  In a network namespace of its own the kernel
loads the script of the old ports and the change, its table is read back, and compared with that of
the new ports' script alone.  The change may leave code that no port is led to and sets without an
element; it may never leave an element or a jump that the new script has not.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

# Root may be refused a user namespace (in a chroot), and needs none.
UNSHARE = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]

# Rules over lists in every form that the nft target tells apart.
RULES = [
    "<ip srcipaddr='$IP'/>",
    "<ip match='no' srcipaddr='$IP'/>",
    "<ip srcipaddr='$NET' srcipmask='$LEN'/>",
    "<ip match='no' srcipaddr='$NET' srcipmask='$LEN'/>",
    "<ip srcipaddr='$NET' srcipmask='24'/>",
    "<ip srcipaddr='10.0.0.0' srcipmask='$LEN'/>",
    "<ip srcipaddr='$IP' dstipaddr='$IP[@1]'/>",
    "<ip srcipaddr='$IP[1]'/>",
    "<ip protocol='udp' dstportstart='$LOW' dstportend='$HIGH'/>",
    "<ip protocol='udp' srcipaddr='$IP[@2]' dstportstart='$LOW[@1]' dstportend='$HIGH[@1]'/>",
    "<ip match='no' srcipaddr='$IP' dstipaddr='$IP'/>",
    "<arp arpsrcmacaddr='$MAC[@1]' arpsrcipaddr='$IP'/>",
    "<arp gratuitous='yes' arpsrcipaddr='$IP'/>",
    "<arp match='no' gratuitous='yes'/>",
    "<rarp arpsrcmacaddr='$MAC' arpdstmacaddr='$MAC' arpsrcipaddr='$IP[@1]'/>",
    "<mac match='no' srcmacaddr='$MAC'/>",
    "<mac srcmacaddr='$MAC' dstmacaddr='$PEER[@1]' dstmacmask='ff:ff:ff:00:00:00'/>",
    "<ipv6 srcipaddr='$IP6' protocol='udp'/>",
    "<ipv6 match='no' srcipaddr='$IP6'/>",
    "<vlan vlanid='$VID'/>",
    "<tcp dstportstart='$LOW' dstportend='$HIGH'/>",
    "<udp srcipaddr='$IP' dstportstart='$LOW[@1]'/>",
    "<udp match='no' srcportstart='1' srcportend='$HIGH'/>",
    "<udp srcipfrom='0.0.0.0' srcipto='$IP' dstportstart='0' dstportend='$HIGH[@1]'/>",
    "<mac srcmacaddr='52:54:00:00:00:00' srcmacmask='$MASK'/>",
    "<ipv6 srcipaddr='2001:db8::' srcipmask='$LEN'/>",
    "<all-ipv6 srcipaddr='$IP6' dscp='$DSCP[@1]'/>",
    "<tcp-ipv6 srcipfrom='2001:db8::1' srcipto='2001:db8::ff' dstportstart='$LOW'/>",
    "<icmp match='no' type='$TYPE' code='$TYPE'/>",
]


def pick(r, low, high, make):
    return [make() for _ in range(r.choice((1, 1, 1, 2, r.randint(low, high))))]


def values(r):
    """A port's lists; those that one rule walks in step are equally long."""
    address = lambda: "10.0.%d.%d" % (r.randint(0, 3), r.randint(1, 6))
    mac = lambda: "52:54:00:00:%02x:%02x" % (r.randint(0, 3), r.randint(0, 3))
    lists = {
        "IP": [address() for _ in range(r.choice((2, 2, 3, 5)))],
        "IP6": pick(r, 1, 4, lambda: "2001:db8::%x" % r.randint(1, 5)),
        "VID": pick(r, 1, 4, lambda: str(r.randint(1, 9))),
        "PEER": pick(r, 1, 1, mac)[:1],
        "MASK": pick(r, 1, 3, lambda: r.choice(("ff:00:00:00:00:00", "ff:ff:ff:ff:00:00", "ff:ff:ff:ff:ff:fe"))),
        "TYPE": pick(r, 1, 3, lambda: str(r.randint(0, 9))),
        "DSCP": pick(r, 1, 3, lambda: str(r.randint(0, 63))),
    }
    nets = pick(r, 1, 5, lambda: ("10.%d.%d.0" % (r.randint(0, 1), r.randint(0, 7)), str(r.choice((8, 16, 22, 24, 32)))))
    lists["NET"], lists["LEN"] = [n[0] for n in nets], [n[1] for n in nets]
    ports = pick(r, 1, 5, lambda: sorted((r.randint(1, 40), r.randint(1, 40))))
    lists["LOW"], lists["HIGH"] = [str(p[0]) for p in ports], [str(p[1]) for p in ports]
    if r.random() < 0.3:
        lists["MAC"] = pick(r, 1, 3, mac)
    return lists


def make_filter(r, name):
    text = "<filter name='%s' chain='root'>\n" % name
    for rule in r.sample(RULES, r.randint(1, 5)):
        text += " <rule action='%s' direction='%s' priority='%d'>%s</rule>\n" % (
            r.choice(("accept", "drop", "return")), r.choice(("in", "out", "inout")), r.randint(-3, 3),
            rule) if not rule.startswith(("<tcp", "<udp", "<icmp", "<all")) else (
            " <rule action='%s' direction='%s' statematch='false'>%s</rule>\n" % (
                r.choice(("accept", "drop")), r.choice(("in", "out", "inout")), rule))
    return text + "</filter>\n"


def make_port(r, name, filters):
    lists = values(r)
    text = ("<filterbinding><owner><name>vm</name><uuid>5eed0000-0000-4000-8000-000000000001</uuid></owner>"
            "<portdev name='%s'/><mac address='52:54:00:00:00:01'/><filterref filter='%s'>" %
            (name, r.choice(filters)))
    for key, items in lists.items():
        text += "".join("<parameter name='%s' value='%s'/>" % (key, item) for item in items)
    return text + "</filterref></filterbinding>\n"


def write_host(folder, filters, ports):
    for kind, texts in (("filters", filters), ("ports", ports)):
        os.makedirs(os.path.join(folder, kind))
        for name, text in texts.items():
            with open(os.path.join(folder, kind, name + ".xml"), "w", encoding="ascii") as out:
                out.write(text)


def change_host(r, filters, ports):
    """Some ports go, come, or get other values; now and then a filter is another."""
    filters, ports = dict(filters), dict(ports)
    for name in list(ports):
        what = r.random()
        if what < 0.15:
            if len(ports) > 1:
                del ports[name]
        elif what < 0.5:
            ports[name] = make_port(r, name, list(filters))
    if r.random() < 0.5:
        ports["new0"] = make_port(r, "new0", list(filters))
    if r.random() < 0.3:
        name = r.choice(list(filters))
        filters[name] = make_filter(r, name)
    return filters, ports


def nwfc(args, *words):
    done = subprocess.run([args.nwfc, "compile", "-q", "-t", "nft", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit("nwfc %s: %s" % (" ".join(words), done.stderr))
    return done.stdout


def table_after(*scripts):
    """What the kernel holds after these scripts, or the message of the one that fails."""
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for i, text in enumerate(scripts):
            path = os.path.join(folder, "%d.nft" % i)
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            lines.append("nft -f %s || exit 1" % path)
        lines.append("nft -j list ruleset")
        done = subprocess.run(UNSHARE + ["sh", "-c", "\n".join(lines)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    if done.returncode:
        return None, done.stderr
    return json.loads(done.stdout)["nftables"], ""


def elements(item):
    return {json.dumps(e, sort_keys=True) for e in item.get("elem", [])}


class Table:
    def __init__(self, listing):
        self.sets, self.chains, self.rules = {}, {}, {}
        for entry in listing:
            for kind, item in entry.items():
                if kind in ("set", "map"):
                    self.sets[item["name"]] = elements(item)
                elif kind == "chain":
                    self.chains[item["name"]] = {k: v for k, v in item.items() if k != "handle"}
                    self.rules[item["name"]] = []
                elif kind == "rule":
                    self.rules[item["chain"]].append(json.dumps(item["expr"], sort_keys=True) +
                                                     item.get("comment", ""))

    def reachable(self):
        text = "".join("".join(items) for items in self.sets.values())
        names, todo = set(), [name for name in self.chains if '{"target": "%s"}' % name in text]
        while todo:
            name = todo.pop()
            if name in names:
                continue
            names.add(name)
            todo += [other for other in self.chains
                     if any('{"target": "%s"}' % other in rule for rule in self.rules[name])]
        return names


def differences(have, want):
    for name, items in sorted(want.sets.items()):
        if have.sets.get(name, set()) != items:
            yield "set %s: missing %s, left behind %s" % (name, sorted(items - have.sets.get(name, set())),
                                                          sorted(have.sets.get(name, set()) - items))
    for name, items in sorted(have.sets.items()):
        if name not in want.sets and items and name != "octet.pairs":  # of no port
            yield "set %s should not be there: %s" % (name, sorted(items))
    for name in sorted(want.chains):
        if have.chains.get(name) != want.chains[name] or have.rules.get(name) != want.rules[name]:
            yield "chain %s: %s, should be %s" % (name, have.rules.get(name), want.rules[name])
    for name in sorted(have.reachable() - set(want.chains)):
        yield "chain %s should not be reachable" % name


def one_round(args, seed):
    r = random.Random(seed)
    names = ["f%d" % i for i in range(r.randint(1, 3))]
    filters = {name: make_filter(r, name) for name in names}
    ports = {"vnet%d" % i: make_port(r, "vnet%d" % i, names) for i in range(r.randint(1, 5))}
    with tempfile.TemporaryDirectory() as folder:
        old, new = os.path.join(folder, "old"), os.path.join(folder, "new")
        write_host(old, filters, ports)
        write_host(new, *change_host(r, filters, ports))
        if args.keep:
            subprocess.run(["cp", "-r", folder, args.keep], check=True)
        inputs = lambda host: (os.path.join(host, "filters"), os.path.join(host, "ports"))
        extra = ["--expand"] if r.random() < 0.2 else []
        before = nwfc(args, *extra, *inputs(old))
        after = nwfc(args, *extra, *inputs(new))
        since = [word for path in inputs(old) for word in ("--since", path)]
        change = nwfc(args, *extra, *since, *inputs(new))
        nothing = nwfc(args, *extra, *since, *inputs(old))
    have, why = table_after(before, change)
    want, why_not = table_after(after)
    again, _ = table_after(after, after)
    if have is None or want is None or again is None:
        return ["does not load: %s%s" % (why, why_not)]
    found = list(differences(Table(have), Table(want))) + list(differences(Table(again), Table(want)))
    if [line for line in nothing.splitlines() if line and not line.startswith("#")]:
        found.append("a change from the same to the same: " + nothing)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nwfc", required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="put the inputs of the last round here")
    args = parser.parse_args()
    probe = subprocess.run(UNSHARE + ["nft", "list", "ruleset"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    if probe.returncode:
        print("SKIP: changes in the kernel: " + probe.stdout.strip())
        print("0 passed, 0 failed, 1 skipped")
        return 0
    failed = 0
    for seed in range(args.seed, args.seed + args.rounds):
        found = one_round(args, seed)
        failed += bool(found)
        for text in found[:5]:
            print("FAIL  round %d: %s" % (seed, text[:600]))
    print("%d passed, %d failed, 0 skipped" % (args.rounds - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
