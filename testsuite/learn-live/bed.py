# SPDX-License-Identifier: MIT
"""What each flow is tried in: a bridge, a guest and a server in namespaces of their own, and the filters between them."""
import ctypes
import os
import socket
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "learnd"))
from frames import ROUTER6, SERVER, SERVER_MAC, discover, mac  # noqa: E402
from lab import Lab, Learnd, Skip, run  # noqa: E402

OWNER = "11111111-2222-3333-4444-555555555551"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
SERVER6, LINK_LOCAL = "fd09::1", "fe80::5054:ff:fea1:1"
PORT = """port vnet1 mac %s {
	owner guest uuid %s
	use %s
	DHCPSERVER = %s
	GATEWAY_IP = %s, %s
	LEARN_PREFIX = 10.9.0.0/24, fd09::/64
	learn %s
}
"""


def read_text(name):
    with open(name, encoding="utf-8", errors="replace") as f:
        return f.read()


class Report:
    """Checks of one flow, counted as they are made."""

    def __init__(self, flow):
        self.flow, self.passed, self.failed = flow, 0, 0

    def check(self, good, what, more=""):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(f"FAIL {self.flow}: {what} {more}")


def socket_in(space, *words):
    """A socket in a namespace of the network, made by a process outside."""
    with open("/proc/self/ns/net", "rb") as own, open("/run/netns/" + space, "rb") as other:
        assert LIBC.setns(other.fileno(), CLONE_NEWNET) == 0
        try:
            return socket.socket(*words)
        finally:
            assert LIBC.setns(own.fileno(), CLONE_NEWNET) == 0


class Bed:
    """The port vnet1 on a bridge, with g1 of the namespace guest behind it; s0, in server, behind srv."""

    nwfc = None

    def __init__(self, report, use="clean-traffic", mode="dhcp", target="nft"):
        self.check, self.report, self.target = report.check, report, target
        self.processes = []
        self.lab = Lab(("vnet1", "g1", mac(1)), ("srv", "s0", SERVER_MAC))
        for space, end in (("server", "s0"), ("guest", "g1")):
            run("ip", "netns", "add", space)
            run("ip", "link", "set", end, "netns", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
        self.set("server", "net/ipv6/conf/s0/accept_dad", 0) # servers want its link-local address at once
        self.up("server", "s0")
        run("ip", "-n", "server", "addr", "add", SERVER + "/24", "dev", "s0")
        run("ip", "-n", "server", "addr", "add", SERVER6 + "/64", "dev", "s0", "nodad")
        self.set("server", "net/ipv6/conf/s0/forwarding", 1)
        self.load(use, mode)
        self.learnd = None

    @staticmethod
    def set(space, name, value):
        run("ip", "netns", "exec", space, "sh", "-c", f"echo {value} >/proc/sys/{name}")

    @staticmethod
    def in_space(space, *words):
        return run("ip", "netns", "exec", space, *words)

    def in_guest(self, *words):
        return self.in_space("guest", *words)

    def up(self, space, end):
        run("ip", "-n", space, "link", "set", end, "up")
        s = socket_in(space, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((end, 0))
        self.lab.sockets[end] = s

    def guest_up(self):
        """At first it has IPv4 alone, so that the kernel says nothing by itself."""
        self.set("guest", "net/ipv6/conf/g1/disable_ipv6", 1)
        self.up("guest", "g1")

    def guest_ipv6(self, routers=True):
        self.set("guest", "net/ipv6/conf/g1/accept_ra", int(routers))
        self.set("guest", "net/ipv6/conf/g1/disable_ipv6", 0)

    def spawn(self, space, *words, env=None):
        with open(words[0] + ".log", "ab") as log:
            p = subprocess.Popen(["ip", "netns", "exec", space, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(env or {})})
        self.processes.append(p)
        return p

    def load(self, use, mode):
        """The rules while nothing is known, in the kernel."""
        with open("ports.nwf", "w", encoding="ascii") as f:
            f.write(PORT % (mac(1).hex(":"), OWNER, use, SERVER, SERVER, ROUTER6, mode))
        os.environ.update({"NWFC_LOCK": "", "NWFC_ASSUME_BR_NETFILTER": "1"})
        run(self.nwfc, "compile", "-q", "-t", self.target, "--learn", "learn", "-o", "rules", "ports.nwf")
        run(*(["nft", "-f"] if self.target == "nft" else ["sh"]), "rules")

    def learn(self, *words):
        self.learnd = Learnd(*words)
        self.learnd.wait("fed")

    def learned(self, seconds=20, **more):
        e = self.learnd.wait("add", seconds, port="vnet1", **more)
        self.learnd.wait("fed")
        return e

    def passes(self, frame):
        return self.lab.passes(frame, "g1", "s0")

    def passes_soon(self, frame, seconds=2):
        end = time.monotonic() + seconds
        while not self.passes(frame):
            if time.monotonic() > end:
                return False
        return True

    def arrives(self, address, seconds=3):
        """A packet of an ordinary socket in the guest, neighbour discovery and all."""
        v6 = ":" in address
        family, target = (socket.AF_INET6, SERVER6) if v6 else (socket.AF_INET, SERVER)
        there, here = socket_in("server", family, socket.SOCK_DGRAM), socket_in("guest", family, socket.SOCK_DGRAM)
        there.settimeout(0.25)
        end = time.monotonic() + seconds
        with there, here:
            there.bind((target, 4001))
            while time.monotonic() < end:
                try:
                    if not here.getsockname()[1]:
                        here.bind((address, 0))
                    here.sendto(b"x", (target, 4001))
                    if there.recvfrom(10)[1][0] == address:
                        return True
                except socket.timeout:
                    pass
                except OSError:             # the client has not put the address on yet
                    time.sleep(0.05)
        return False

    def nothing_is_known(self, *frames):
        """Nothing but DHCP passes."""
        for n, frame in enumerate(frames):
            self.check(not self.passes(frame), f"data passes while nothing is known ({n})")
        self.check(self.passes(discover(1, 77)), "DHCP does not pass while nothing is known")

    def drops(self, **frames):
        for what, frame in frames.items():
            self.check(not self.passes(frame), f"{what.replace('_', ' ')} passes")

    def close(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
                p.wait()
        if self.learnd:
            self.learnd.stop()
            self.learnd = None

    def logs(self):
        for name in sorted(os.listdir(".")):
            if name.endswith((".log", ".err")):
                for line in read_text(name).splitlines()[-12:]:
                    print(f"    {name}: {line[:200]}")


def try_flow(name, flow):
    """One flow in a folder of its own; its checks, and the line that counts them."""
    report, skipped = Report(name), 0
    try:
        flow(report)
    except Skip as e:
        skipped = 1
        print(f"SKIP {name}: {e}")
    except Exception:  # pylint: disable=broad-except
        report.failed += 1
        print(f"FAIL {name}")
        traceback.print_exc(file=sys.stdout)
        Bed.logs(None)
    print(f"{report.passed} passed, {report.failed} failed, {skipped} skipped", flush=True)
    return report.failed > 0
