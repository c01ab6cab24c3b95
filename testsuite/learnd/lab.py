# SPDX-License-Identifier: MIT
"""A bridge in namespaces of its own, for the tests of learnd and of the filters that it feeds."""
import fcntl
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

UNSHARE = ["unshare", "-rnm", "--pid", "--fork", "--mount-proc"]


TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000


class Skip(Exception):
    """Something that the test needs is missing."""


def run(*words, check=True, **more):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done


def enter(inside, is_inside):
    """Run inside() in a folder of its own in new namespaces, as the same program with --inside; or say why not."""
    if is_inside:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            return inside()
    for words, why in ((["true"], "no namespaces of our own"), (["nft", "add", "table", "bridge", "t"], "no bridge tables of nft")):
        done = run(*UNSHARE, *words, check=False)
        if done.returncode:
            print(f"SKIP: {why}: {done.stderr.strip()}")
            print("0 passed, 0 failed, 1 skipped")
            return 0
    program = os.path.abspath(sys.argv[0])
    return subprocess.run(UNSHARE + [sys.executable, "-B", program, "--inside", *sys.argv[1:]], check=False).returncode


def open_tap(name):
    """The node of a macvtap in /dev is named by the interface's number, which other namespaces may have too; /sys must be ours."""
    index = socket.if_nametoindex(name)
    path = f"/dev/tap{index}"
    with open(f"/sys/class/net/{name}/macvtap/tap{index}/dev", encoding="ascii") as f:
        device = os.makedev(*map(int, f.read().split(":")))
    for _ in range(50):
        if os.path.exists(path):
            break
        time.sleep(0.02)
    if not os.path.exists(path) or os.stat(path).st_rdev != device:
        raise Skip(f"{path} is not the device of {name}")
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"", IFF_TAP | IFF_NO_PI))
    return fd


def add_macvtap(name, lower, address, mode="bridge"):
    """A macvtap that is up, and the descriptor a virtual machine would have."""
    done = run("ip", "link", "add", name, "index", str(random.randrange(10**6, 2**31)), "link", lower, "address", address.hex(":"), "type", "macvtap",
               "mode", mode, check=False)
    if done.returncode:
        raise Skip("no macvtap: " + done.stderr.strip())
    run("ip", "link", "set", name, "up")
    return open_tap(name)


class Lab:
    """A bridge with ports: (interface, its other end, the MAC address of that)."""

    def __init__(self, *ports):
        self.sockets = {}
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        run("mount", "-t", "sysfs", "sysfs", "/sys")
        os.makedirs("/run/netns")
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        run("ip", "link", "set", "br0", "up")
        for port in ports:
            self.add(*port)

    @staticmethod
    def add(port, end, address):
        run("ip", "link", "add", port, "type", "veth", "peer", "name", end, "address", address.hex(":"))
        for name in (port, end):
            with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as f:
                f.write("1")
            run("ip", "link", "set", name, "up")
        run("ip", "link", "set", port, "master", "br0")

    @staticmethod
    def wait_up(name, seconds=3):
        """Until frames get through: the kernel needs a moment after an interface is set up."""
        end = time.monotonic() + seconds
        while " state UP " not in run("ip", "-o", "link", "show", name).stdout:
            assert time.monotonic() < end, name + " does not come up"
            time.sleep(0.01)

    def open(self, end):
        if end not in self.sockets:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.bind((end, 0))
            self.sockets[end] = s
        return self.sockets[end]

    def forget(self, end):
        if end in self.sockets:
            self.sockets.pop(end).close()

    def send(self, end, frame):
        self.open(end).send(frame)

    def passes(self, frame, end, to, seconds=0.15):
        """Does a frame from one end come out at the other? (The kernel takes a tag out of what is received.)"""
        s = self.open(to)
        while select.select([s], [], [], 0)[0]:
            s.recv(4096)
        self.send(end, frame)
        expected = frame[:12] + frame[16:] if frame[12:14] == b"\x81\x00" else frame
        limit = time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0:
            if select.select([s], [], [], left)[0]:
                got = s.recv(4096)
                if expected[14:] in got:
                    assert got == expected, "it comes out changed"
                    return True
        return False


class Learnd:
    """A learnd with its files in the working directory; events are read as they come."""

    program = None

    def __init__(self, *words, command=None, ready=True):
        self.events, self.rest = [], b""
        words = [self.program, "-l", "learn", "-L", "leases", "-f", *words]
        self.process = subprocess.Popen(words + (["--", *command] if command else []), stdout=subprocess.PIPE,
                                        stderr=open("learnd.err", "ab"), start_new_session=True)
        if ready:
            self.wait("started")

    def read(self, seconds):
        if select.select([self.process.stdout], [], [], seconds)[0]:
            got = os.read(self.process.stdout.fileno(), 1 << 16)
            self.rest += got
            *lines, self.rest = self.rest.split(b"\n")
            self.events += [json.loads(line) for line in lines if line.startswith(b"{")]
            return bool(got)
        return True

    def wait(self, event, seconds=6, **more):
        end = time.monotonic() + seconds
        at = 0
        while True:
            while at < len(self.events):
                e = self.events[at]
                at += 1
                if e["event"] == event and all(e.get(k) == v for k, v in more.items()):
                    self.events = self.events[at:]
                    return e
            left = end - time.monotonic()
            assert left > 0 and self.read(left), f"no event {event} {more}: {self.events}"

    def none(self, event, seconds=0.4):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)
        assert not [e for e in self.events if e["event"] == event], self.events

    def child(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            return int(f.read().split()[0])

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        while self.read(5) and self.process.poll() is None:
            pass
        status = self.process.wait(5)
        self.process.stdout.close()
        assert status == 0, status
