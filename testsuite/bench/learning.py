# SPDX-License-Identifier: MIT
"""What learnd costs: a frame that it looks at, one that its filter refuses, a watched port, a replay.

    gN  ---- veth ---- vnetN (watched)          all in a namespace of its own

CPU time of a process is /proc/PID/schedstat; the sender keeps to one CPU, and what the kernel does for
a frame (veth, the ports' filters, the copy into the ring) is in the sender's time.
"""
import json
import os
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

import generate

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kernel"))
import frames as F              # noqa: E402 (the path comes first; behind, for there is another packets.py)
import lab                      # noqa: E402

PORTS, FRAMES, ROUNDS = (1, 100, 2000), 400000, 5
LOAD, SECONDS = 20000, 3        # frames a second from all ports together
SERVER_MAC, SERVER = F.mac("02:00:00:00:00:99"), "10.200.0.1"
REPLAYED = 200000


def mac_of(i):
    return F.mac(generate.mac(i))


def bootp(op, mac, xid, yiaddr, options):
    fixed = struct.pack("!BBBBIHH4s4s4s4s16s", op, 1, 6, 0, xid, 0, 0, bytes(4), F.addr(yiaddr), bytes(4), bytes(4), mac)
    return fixed + bytes(192) + b"\x63\x82\x53\x63" + options + b"\xff"


def request(i, xid, kind=3):
    data = bootp(1, mac_of(i), xid, "0.0.0.0", bytes((53, 1, kind)) + b"\x32\x04" + F.addr(address_of(i)))
    return F.ethernet(b"\xff" * 6, mac_of(i), F.ETH_IP,
                      F.ip4(F.addr("0.0.0.0"), b"\xff" * 4, F.UDP, F.udp(F.addr("0.0.0.0"), b"\xff" * 4, 68, 67, data)))


def ack(i, xid, seconds):
    options = b"\x35\x01\x05\x36\x04" + F.addr(SERVER) + b"\x33\x04" + struct.pack("!I", seconds)
    data, to = bootp(2, mac_of(i), xid, address_of(i), options), F.addr(address_of(i))
    return F.ethernet(mac_of(i), SERVER_MAC, F.ETH_IP,
                      F.ip4(F.addr(SERVER), to, F.UDP, F.udp(F.addr(SERVER), to, 67, 68, data)))


def data_frame(i, src):
    return F.ethernet(SERVER_MAC, mac_of(i), F.ETH_IP,
                      F.ip4(F.addr(src), F.addr(SERVER), F.UDP, F.udp(F.addr(src), F.addr(SERVER), 5000, 53, b"x" * 18)))


def address_of(i):
    return "10.201.%d.%d" % (i >> 8, i & 255)


# ---------------------------------------------------------------- processes

def cpu_ns(pid):
    with open("/proc/%d/schedstat" % pid, encoding="ascii") as f:
        return int(f.read().split()[0])


def memory(pid):
    """(anonymous bytes, bytes of rings)"""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        anonymous = next(int(line.split()[1]) for line in f if line.startswith("RssAnon")) * 1024
    rings = 0
    with open("/proc/%d/maps" % pid, encoding="ascii") as f:
        for line in f:
            if "socket:" in line:
                first, last = (int(x, 16) for x in line.split()[0].split("-"))
                rings += last - first
    return anonymous, rings


class Learnd:
    """A daemon over the ports 0 to n - 1, whose events come through a pipe."""

    def __init__(self, b, n, mode="any", more=(), where=None):
        self.n, self.unread = n, b""
        learn, self.leases = b.path("learn-%d" % n), os.path.join(where or b.work, "leases-%d" % n)
        if os.path.exists(self.leases):
            os.unlink(self.leases)
        blocks = ["interface vnet%d\nmac %s\nowner %s\nmodes %s\nfamilies ipv4\nmax-ips4 1\n"
                  % (i, generate.mac(i), generate.uuid(i), mode) for i in range(n)]
        generate.write(learn, "nwfc-learn 1\n" + "".join(blocks))
        command = [b.learnd, "-f", "--learn", learn, "--leases", self.leases, *more, "--", "true"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.event("started")
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid), encoding="ascii") as f:
            self.pid = int(f.read().split()[0])
        self.event("fed")

    def event(self, *kinds, seconds=60):
        """The next of these kinds."""
        end = time.monotonic() + seconds
        while True:
            while b"\n" in self.unread:
                line, self.unread = self.unread.split(b"\n", 1)
                e = json.loads(line)
                if e["event"] in kinds:
                    return e
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise RuntimeError("learnd tells no %s" % "/".join(kinds))
            got = os.read(self.process.stdout.fileno(), 1 << 16)
            if not got:
                raise RuntimeError("learnd has ended")
            self.unread += got

    def quiet(self):
        """Read on until nothing comes any more."""
        while select.select([self.process.stdout], [], [], 0.5)[0]:
            self.unread = (self.unread + os.read(self.process.stdout.fileno(), 1 << 16)).rsplit(b"\n", 1)[-1]

    def lost(self):
        """Frames of all ports that found no room."""
        self.process.send_signal(signal.SIGUSR1)
        return sum(self.event("status")["lost"] for _ in range(self.n))

    def end(self):
        self.process.terminate()
        self.process.stdout.close()
        self.process.wait()


class Bare:
    """The same for listen.c; learnd's filter without directions, for a state without addresses."""

    def __init__(self, b, terms):
        wanted = "ether src %s and (%s)" % (generate.mac(0), terms)
        self.process = subprocess.Popen([b.tool("listen"), "vnet0", "1024", wanted], stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.pid = self.process.pid

    def lost(self):
        self.process.terminate()
        seen, lost = self.process.communicate()[0].split()
        return int(lost)

    def end(self):
        self.process.wait()


def send(b, devices, count, rate, frame):
    """(frames sent, ns of CPU time for each)"""
    line = [b.tool("guests"), str(devices), str(count), str(rate), str(max(os.sched_getaffinity(0)))]
    done = subprocess.run(line, input=frame, stdout=subprocess.PIPE, check=True)
    sent, ns = done.stdout.split()
    return int(sent), float(ns)


def make_ports(first, last):
    lines = []
    for i in range(first, last):
        lines += ["link add vnet%d type veth peer name g%d address %s" % (i, i, generate.mac(i)),
                  "link set g%d up arp off" % i, "link set vnet%d up" % i]
    lab.must(["ip", "-batch", "-"], "\n".join(lines) + "\n")


# ---------------------------------------------------------------- a frame

def one_round(make, b, frame):
    """ns in the listener for each frame that it gets, ns in the sender for each."""
    who = make()
    if isinstance(who, Learnd):
        who.quiet()
    before = cpu_ns(who.pid)
    sent, sender = send(b, 1, FRAMES, 0, frame)
    time.sleep(0.1)
    used = cpu_ns(who.pid) - before
    got = sent - who.lost()
    who.end()
    return used / got, sender


def alternate(b, cases, frame):
    figures = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, make in cases.items():
            figures[name].append(one_round(make, b, frame))
    return {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}


TERMS = "(ip and udp src port 68 and udp dst port 67) or arp"


def frames(b):
    row = b.table.row
    # with data: what the filter is while the port has no address
    cases = {"learnd": lambda: Learnd(b, 1, more=("--rings", "1")), "bare": lambda: Bare(b, TERMS + " or ip")}
    for what, frame in (("DHCP beyond its rate", request(0, 7, 1)), ("data of an address that is none", data_frame(0, "127.0.0.1"))):
        ns = alternate(b, cases, frame)
        row("a frame looked at, %s; libpcap alone" % what, ns["learnd"][0], ns["bare"][0], "ns", 3)
    cases = {"learnd": lambda: Learnd(b, 1, "dhcp", ("--rings", "1")), "bare": lambda: Bare(b, TERMS)}
    ns = alternate(b, cases, data_frame(0, "10.201.0.1"))
    row("a frame refused, the sender's time; libpcap's filter", ns["learnd"][1], ns["bare"][1], "ns", 1.25)
    row("a frame refused, in the listener", ns["learnd"][0], 0, "ns")


# ---------------------------------------------------------------- ports

def idle(learnd):
    before, start = cpu_ns(learnd.pid), time.monotonic()
    time.sleep(SECONDS)
    return (cpu_ns(learnd.pid) - before) / 1000 / (time.monotonic() - start)


def loaded(b, learnd, devices):
    before = cpu_ns(learnd.pid)
    sent, _ = send(b, devices, LOAD * SECONDS, LOAD, request(0, 7, 1))
    time.sleep(0.2)
    used = cpu_ns(learnd.pid) - before
    return used / max(1, sent - learnd.lost())


def ports(b):
    row, made = b.table.row, 1
    for n in PORTS:
        make_ports(made, n)
        made = max(made, n)
        start = time.monotonic()
        learnd = Learnd(b, n)
        took = time.monotonic() - start
        learnd.quiet()
        anonymous, rings = memory(learnd.pid)
        row("%d ports, start to the first command" % n, cpu_ns(learnd.pid) / 1e6, 0, "ms", note="%.2f s by the clock" % took)
        row("%d ports, memory; rings" % n, anonymous / 1024, rings / 1024, "KiB",
            note="%.1f KiB a port, %.0f of ring" % (anonymous / 1024 / n, rings / 1024 / n))
        row("%d ports, idle, a second" % n, idle(learnd), 0, "us")
        row("%d ports, %d frames/s from one: a frame" % (n, LOAD), loaded(b, learnd, 1), 0, "ns")
        if n > 1:
            row("%d ports, %d frames/s from all: a frame" % (n, LOAD), loaded(b, learnd, n), 0, "ns")
        before, start = cpu_ns(learnd.pid), time.monotonic()
        learnd.process.send_signal(signal.SIGHUP)
        learnd.event("reloaded")
        row("%d ports, SIGHUP" % n, (cpu_ns(learnd.pid) - before) / 1e6, 0, "ms",
            note="%.2f s by the clock" % (time.monotonic() - start))
        learnd.end()


# ---------------------------------------------------------------- from the ACK to the event

def latency(b):
    for where, what in ((None, "on disk"), ("/dev/shm", "in memory")):
        if where and not os.access(where, os.W_OK):
            continue
        learnd, times = Learnd(b, 1, "dhcp", where=where), []
        guest, server = socket.socket(socket.AF_PACKET, socket.SOCK_RAW), socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        guest.bind(("g0", 0))
        server.bind(("vnet0", 0))
        for k in range(31):
            guest.send(request(0, k + 1))
            time.sleep(0.11)            # within the rate
            start = time.monotonic()
            server.send(ack(0, k + 1, 3600 + k))
            learnd.event("add", "renew")
            times.append((time.monotonic() - start) * 1000)
        learnd.end()
        os.unlink(learnd.leases)
        b.table.row("ACK on the wire to its event, journal %s" % what, statistics.median(times), 0, "ms",
                    note="at most %.2f" % max(times))


# ---------------------------------------------------------------- replay

def write_pcap(path, frames_of, count, gap):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 2048, 1))
        for k in range(count):
            frame, at = frames_of(k), (k + 1) * gap
            f.write(struct.pack("<IIII", at // 10**9, at % 10**9, len(frame), len(frame)) + frame)


def replay(b):
    generate.write(b.path("replay.learn"), "nwfc-learn 1\ninterface vnet0\nmac %s\nmodes any\nfamilies ipv4\n" % generate.mac(0))
    flood, known, pair = request(0, 7, 1), data_frame(0, address_of(0)), (request(0, 7), ack(0, 7, 3600))
    for what, frames_of, gap in (("data of a known address", lambda k: known, 1000),
                                 ("DHCP beyond its rate", lambda k: flood, 1000),
                                 ("a REQUEST and its ACK, each a renewal", lambda k: pair[k % 2], 10**8)):
        write_pcap(b.path("replay.pcap"), frames_of, REPLAYED, gap)
        ours, bare = b.compare(7, [b.learnd, "--pcap", b.path("replay.pcap"), "--port", b.path("replay.learn")],
                               [b.tool("listen"), "-r", b.path("replay.pcap")])
        b.table.row("replay, %s; libpcap alone" % what, ours.ms * 1e6 / REPLAYED, bare.ms * 1e6 / REPLAYED, "ns",
                    note="%.1f million frames/s" % (REPLAYED / ours.ms / 1000))


def measure(b):
    b.table.head("learnd  CPU time; reference: listen.c in the same run")
    replay(b)
    if not b.can_load:
        b.table.line("  SKIP live: %s" % b.why_not)
        return
    space = lab.new_net()
    if lab.libc.setns(space, lab.CLONE_NEWNET):
        raise OSError("setns")
    lab.sysctl("net/ipv6/conf/all/disable_ipv6", 1)
    lab.sysctl("net/ipv6/conf/default/disable_ipv6", 1)
    make_ports(0, 1)
    frames(b)
    latency(b)
    ports(b)
