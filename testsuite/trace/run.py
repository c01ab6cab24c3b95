#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""nwfc trace against the reference of the packet tests, frame by frame.

    run.py --nwfc build/nwfc [CASE...]

The frames of each case of testsuite/kernel go through `nwfc trace` as a capture. Its verdicts are
held against testsuite/kernel/refsem.py, which reads the XML itself and shares nothing with the
compiler, for the connection state that trace says the frame has; and that state against
testsuite/kernel/conntrack.py, for the frames as the kernel would see them in turn. No kernel and
no privileges are needed.
"""
import argparse
import collections
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
KERNEL = os.path.join(HERE, "..", "kernel")
sys.path.insert(0, KERNEL)
sys.dont_write_bytecode = True
import conntrack            # noqa: E402
import expect as E          # noqa: E402
import frames as F          # noqa: E402
import packets as P         # noqa: E402
import packettest as T      # noqa: E402
import refsem as R          # noqa: E402

SHOWN = 6       # wrong ones of a case


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1700000000 + number, 0, len(frame), len(frame)) + frame)


def trace(case, nwfc, folder, frames, *options):
    """{number from 1: what trace says of the frame}"""
    path = os.path.join(folder, "frames.pcap")
    write_pcap(path, frames)
    own = ["-I", case.filters] if os.path.isdir(case.filters) else []
    command = [nwfc, "trace", "--format=json", *options, *own, case.binding, *case.more("others"), case.reference.port.name, path]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise T.Failure("%s: exit %d\n%s" % (" ".join(command), done.returncode, done.stderr[-2000:]))
    return {p["number"]: p for p in json.loads(done.stdout)["packets"]}


class Conn:
    """The connection that trace says a frame is of, as the reference wants it."""
    tuple = None

    def __init__(self, words):
        state = re.search(r" ct state (\w+)", words)
        self.state = state.group(1).upper() if state else "NEW"
        reply = " direction reply" in words
        self.direction = None if self.state in ("INVALID", "UNTRACKED") else "reply" if reply else "original"

    @staticmethod
    def alive():
        return set()


def wanted(reference, frame, direction, conn):
    bridge = reference.bridge_verdict(frame, direction)[0]
    packet = reference.ip_verdict(frame, direction, conn)[0]
    first, second = (bridge, packet) if direction == R.OUT else (packet, bridge)
    return first if first != R.PASS else second


def not_modelled(frame):
    """What trace says itself that it does not look into."""
    if not frame.well_formed:
        return "malformed"
    if frame.family == 6 and frame.proto == F.AH:
        return "behind AH"
    return None


def judge_verdicts(case, nwfc, folder, traffic, skipped):
    wrong, judged = [], 0
    for direction in (R.OUT, R.IN):
        packets = [p for p in traffic if p.direction == direction]
        told = trace(case, nwfc, folder, [p.frame for p in packets], "--side=" + direction)
        for number, packet in enumerate(packets, 1):
            got = told[number]
            why = "uncertain" if got["uncertain"] else not_modelled(packet.decoded)
            if why:
                skipped[why] += 1
                continue
            want = wanted(case.reference, packet.decoded, direction, Conn(got["packet"]))
            judged += 1
            if want != got["verdict"]:
                wrong.append("%s is %s, wanted %s: %s" % (packet.name, got["verdict"], want, packet.frame.hex()))
    return wrong, judged


def judge_states(case, nwfc, folder, traffic, skipped):
    """One capture in the order in which the lab would send; what passed there begins a connection."""
    wrong, judged, tracker = [], 0, conntrack.Tracker()
    packets = [p for p in E.in_order(traffic) if not p.decoded.fragmented and p.decoded.well_formed
               and p.decoded.proto not in (F.SCTP, F.AH, F.DCCP) and (p.decoded.family is None or p.decoded.proto_bridge is not None)]
    told = trace(case, nwfc, folder, [p.frame for p in packets])
    for number, packet in enumerate(packets, 1):
        got = told.get(number)
        if got is None or packet.decoded.family is None or got.get("malformed"):
            continue
        if got["verdict"] == "drop" and got["rule"] and got["side"] == "out" and \
           case.reference.bridge_verdict(packet.decoded, R.OUT)[0] == R.DROP:
            continue        # the tracker of the kernel stands behind the frame rules
        conn, mine = tracker.see(packet.decoded), Conn(got["packet"])
        judged += 1
        if conn.state != mine.state or conn.direction != mine.direction:
            wrong.append("%s is %s %s, wanted %s %s: %s" % (packet.name, mine.state, mine.direction, conn.state,
                                                           conn.direction, packet.frame.hex()))
        if got["verdict"] == "pass":
            tracker.passed(conn)
    return wrong, judged


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nwfc", required=True)
    parser.add_argument("--thin", type=int, default=3, metavar="N", help="one in N packets of the fixed sections")
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    nwfc = os.path.abspath(options.nwfc)
    cases = os.path.join(KERNEL, "cases")
    passed, failed, count, skipped = 0, 0, collections.Counter(), collections.Counter()
    for name in options.case or sorted(os.listdir(cases)):
        with tempfile.TemporaryDirectory() as folder:
            try:
                case = T.Case(os.path.join(cases, name), nwfc)
                traffic = P.Traffic(P.World(case.reference.port), case.reference, case.others).make(options.thin)
                for what, judge in (("verdicts", judge_verdicts), ("states", judge_states)):
                    wrong, judged = judge(case, nwfc, folder, traffic, skipped)
                    count[what] += judged
                    passed, failed = passed + (not wrong), failed + bool(wrong)
                    if wrong:
                        print("FAIL %s: %d %s of %d are wrong" % (name, len(wrong), what, judged))
                        print("".join("  %s\n" % w for w in wrong[:SHOWN]), end="")
            except T.Failure as e:
                failed += 1
                print("FAIL %s: %s" % (name, e))
    print("%d verdicts, %d states judged; not judged: %s" % (count["verdicts"], count["states"], ", ".join(
        "%d %s" % (n, why) for why, n in sorted(skipped.items())) or "none"))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
