#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random filters judged by packets: folded into sets, and written out.

    packets.py --nwfc build/nwfc [--cases N] [--seed S] [--jobs J]

Each case is a filter of rules over lists in every form that the nft target tells apart, on one
port, and is judged by ../kernel/packettest.py twice: as it is, and with --expand.  Both must give
every packet the fate that the reference evaluator says, so they mean the same.
"""
import argparse
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

from change import RULES

MORE_RULES = [
    "<ip match='no' protocol='$PROTO'/>",
    "<ipv6 protocol='$PROTO'/>",
    "<ipv6 protocol='icmpv6' type='$TYPE' typeend='200' code='0'/>",
    "<ip dscp='$DSCP'/>",
    "<ipv6 match='no' srcipaddr='$IP6' dstipaddr='$IP6'/>",
    "<mac match='no' srcmacaddr='$MAC' dstmacaddr='$PEER[@1]'/>",
    "<mac protocolid='$ETH'/>",
    "<mac match='no' protocolid='$ETH'/>",
    "<vlan match='no' vlanid='$VID' encap-protocol='ipv4'/>",
    "<arp match='no' arpsrcipaddr='$IP' arpsrcmacaddr='$MAC[@1]'/>",
    "<arp match='no' arpdstipaddr='$NET' arpdstipmask='$LEN'/>",
    "<arp match='no' arpdstmacaddr='$MAC'/>",
    "<rarp match='no' arpsrcipaddr='$IP' opcode='$OP[@1]'/>",
    "<arp opcode='$OP' arpsrcipaddr='$IP[@1]' arpdstipaddr='$IP[@2]'/>",
    "<stp type='0' root-cost='$TYPE'/>",
    "<all match='no' srcipaddr='$IP' dstipaddr='$NET[@1]' dstipmask='$LEN[@1]'/>",
    "<udp match='no' srcportstart='$LOW' srcportend='$HIGH' dstportstart='53'/>",
    "<all-ipv6 srcipaddr='$IP6'/>",
    "<tcp flags='SYN,ACK/SYN' srcipaddr='$IP'/>",
    "<tcp match='no' flags='SYN,ACK/SYN' option='2'/>",
    "<tcp match='no' option='$OPT'/>",
    "<icmp type='$TYPE'/>",
    "<icmpv6 match='no' type='$TYPE' code='0'/>",
    "<udp srcmacaddr='$MAC' dstportstart='$LOW[@1]'/>",
    "<tcp dscp='$DSCP' srcipfrom='10.0.0.0' srcipto='192.168.122.20'/>",
]

# What the lab's traffic has, and what it has not.
VALUES = {
    "IP": ["192.168.122.10", "192.168.122.20", "192.168.122.1", "192.168.122.77", "10.9.8.7", "0.0.0.0",
           "255.255.255.255"],
    "IP6": ["fd00:122::10", "fd00:122::20", "fd00:122::1", "fe80::5054:ff:feaa:bbcc"],
    "MAC": ["52:54:00:aa:bb:cc", "52:54:00:11:22:33", "52:54:00:00:00:77"],
    "PROTO": ["tcp", "udp", "6", "17", "132", "58", "1"],
    "ETH": ["ipv4", "ipv6", "arp", "0x88cc", "vlan", "rarp", "0x88a8"],
    "TYPE": ["0", "8", "3", "128", "129", "135"],
    "DSCP": ["0", "46", "10", "63"],
    "OP": ["1", "2", "3", "4"],
    "VID": ["1", "5", "100", "42", "4094"],
    "MASK": ["ff:ff:ff:ff:ff:ff", "ff:00:00:00:00:00", "ff:ff:ff:00:00:00"],
}
ONE_VALUE = {"PEER": ["52:54:00:11:22:33", "ff:ff:ff:ff:ff:ff"], "OPT": ["2", "3", "4", "8"]}
NETS = [("192.168.122.0", "24"), ("192.168.122.16", "28"), ("192.168.0.0", "16"), ("10.0.0.0", "8"),
        ("192.168.122.10", "32"), ("128.0.0.0", "1")]
PORTS = [(53, 53), (53, 80), (1, 100), (22, 22), (1024, 65535), (0, 65535), (7777, 7777), (60, 90)]


def several(r, choices):
    return [r.choice(choices) for _ in range(r.choice((1, 1, 2, 3)))]


def lists(r):
    chosen = {name: several(r, choices) for name, choices in VALUES.items()}
    chosen["IP"] += several(r, VALUES["IP"])[:1]  # at least two: a rule asks for the second
    chosen.update({name: [r.choice(choices)] for name, choices in ONE_VALUE.items()})
    nets, ports = several(r, NETS), several(r, PORTS)
    chosen["NET"], chosen["LEN"] = [n[0] for n in nets], [n[1] for n in nets]
    chosen["LOW"], chosen["HIGH"] = [str(p[0]) for p in ports], [str(p[1]) for p in ports]
    if r.random() < 0.6:
        del chosen["MAC"]  # the port's own
    return chosen


def rule_text(r):
    rule = r.choice(RULES + MORE_RULES)
    packet = rule.startswith(("<tcp", "<udp", "<icmp", "<all"))
    return " <rule action='%s' direction='%s' priority='%d'%s>%s</rule>\n" % (
        r.choice(("accept", "drop", "return", "drop")), r.choice(("in", "out", "inout")), r.randint(-9, 9),
        " statematch='false'" if packet else "", rule)


def write_case(folder, r):
    os.makedirs(os.path.join(folder, "filters"))
    ends = "".join(" <rule action='%s' direction='%s' priority='100'/>\n" % (r.choice(("drop", "accept")), side)
                   for side in ("in", "out"))
    rules = "".join(rule_text(r) for _ in range(r.randint(2, 7)))
    params = "".join("<parameter name='%s' value='%s'/>" % (name, value)
                     for name, values in lists(r).items() for value in values)
    texts = {
        "filters/random.xml": "<filter name='random' chain='root'>\n%s%s</filter>\n" % (rules, ends),
        "binding.xml": "<filterbinding><owner><name>vm</name><uuid>5eed0000-0000-4000-8000-000000000001</uuid></owner>"
                       "<portdev name='vnet0'/><mac address='52:54:00:aa:bb:cc'/><filterref filter='random'>%s"
                       "</filterref></filterbinding>\n" % params,
    }
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as out:
            out.write(text)


def written_out(args, folder):
    """A compiler that writes products out."""
    path = os.path.join(folder, "nwfc")
    with open(path, "w", encoding="utf-8") as out:
        out.write('#!/bin/sh\ncommand=$1\nshift\n[ "$command" = compile ] && set -- --expand "$@"\n'
                  'exec %s "$command" "$@"\n' % shlex.quote(os.path.abspath(args.nwfc)))
    os.chmod(path, 0o755)
    return path


def judge(args, nwfc, cases):
    """What packettest.py says of the cases: passed, failed, skipped."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kernel", "packettest.py")
    done = subprocess.run([sys.executable, "-B", path, "--nwfc", nwfc, "--targets", "nft", "--jobs", str(args.jobs),
                           "--case", *cases], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    *said, last = done.stdout.rstrip().split("\n")
    result = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
    if not result:
        raise SystemExit(done.stdout)
    print("\n".join(said))
    return [int(number) for number in result.groups()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nwfc", required=True)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for seed in range(args.seed, args.seed + args.cases):
            cases.append(os.path.join(folder, str(seed)))
            write_case(cases[-1], random.Random(seed))
        results = [judge(args, os.path.abspath(args.nwfc), cases), judge(args, written_out(args, folder), cases)]
    print("%d passed, %d failed, %d skipped" % tuple(map(sum, zip(*results))))
    return 1 if any(result[1] for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
