# SPDX-License-Identifier: MIT
"""A host with virtual networks, their guests and what is outside, each in a namespace of its own.

    outside 192.0.2.2 --- eth0 192.0.2.1   HOST bridges --- guests
                     2001:db8:99::/64
    office 198.18.1.2 --- eth1 198.18.1.1
                     2001:db8:98::/64

Networks that are not the host's have a machine of their own beside the guests: `neighbour` on the bridge, `switch` at
the other end of the device that macvtaps are on.

The host is the namespace that the test itself was put into. What a machine can not do is found out before (needs());
afterwards whatever fails is a failure.
"""
import ipaddress
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from networks import V4, V6

AGENT = Path(__file__).with_name("agent.py")
UNSHARE = ["unshare", "-nm", "--pid", "--fork", "--mount-proc"]
# device of the host: machine behind it, its two subnets; the host is .1, the machine .2
UPLINKS = {"eth0": ("outside", ("192.0.2.0/24", "2001:db8:99::/64")),
           "eth1": ("office", ("198.18.1.0/24", "2001:db8:98::/64"))}
SEGMENTS = {False: ("neighbour", ("198.18.5.0/24", "2001:db8:95::/64")),
            True: ("switch", ("198.18.6.0/24", "2001:db8:96::/64"))}  # by: are they macvtaps
WAIT = 0.6
SERVICE, OTHER = 53, 2222  # a service of the host, and a port that everybody listens on
VARIANTS = "/run/variant"


def run(*words, check=True, **more):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def choose_variant(variant):
    """From now on iptables and ip6tables are the nft or the legacy ones; False where there are none."""
    os.makedirs(VARIANTS, exist_ok=True)
    for tool in ("iptables", "ip6tables"):
        for suffix in ("", "-restore", "-save"):
            there = shutil.which(f"{tool}-{variant}{suffix}")
            if not there:
                return False
            link = Path(VARIANTS, tool + suffix)
            link.unlink(missing_ok=True)
            link.symlink_to(there)
    return True


class Machine:
    """A namespace and the agent in it; own False: the host's own."""

    def __init__(self, name, own):
        self.name, self.holder, prefix = name, None, []
        if own:
            self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 600"],
                                           stdout=subprocess.PIPE)
            self.holder.stdout.readline()
            prefix = ["nsenter", "-t", str(self.holder.pid), "-n"]
        self.prefix = prefix
        self.agent = subprocess.Popen([*prefix, sys.executable, "-B", str(AGENT)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.settings()
        self.ip("link set lo up")

    def settings(self):
        """Nothing but rules decides, and what rejects says so at once."""
        self.set({"ipv6/conf/default/accept_dad": 0, "ipv6/conf/all/accept_dad": 0, "ipv6/icmp/ratelimit": 0,
                  "ipv6/icmp/ratemask": "255", "ipv4/icmp_msgs_per_sec": 1000000, "ipv4/icmp_msgs_burst": 1000000,
                  "ipv4/conf/all/rp_filter": 0, "ipv4/conf/default/rp_filter": 0, "ipv4/icmp_ratelimit": 0,
                  "ipv4/icmp_ratemask": 0, "ipv4/ping_group_range": "0 0", "ipv4/icmp_echo_ignore_broadcasts": 1,
                  "ipv4/conf/all/send_redirects": 0, "ipv4/conf/default/send_redirects": 0})

    def ip(self, *lines):
        run(*self.prefix, "ip", "-batch", "-", input="\n".join(lines) + "\n")

    def set(self, values):
        lines = "".join(f"! [ -w /proc/sys/net/{key} ] || echo {value} >/proc/sys/net/{key}\n"
                        for key, value in values.items())
        run(*self.prefix, "sh", "-e", input=lines)

    def send(self, **order):
        self.agent.stdin.write(json.dumps(order) + "\n")
        self.agent.stdin.flush()

    def receive(self):
        return json.loads(self.agent.stdout.readline())

    def close(self):
        for p in (self.agent, self.holder):
            if p:
                p.kill()
                p.wait()


class Lab:
    """networks: list of (Network, number of guests)."""

    def __init__(self, networks, groups=()):
        self.machines, self.address, self.mac = {}, {}, {}
        self.networks = {n.name: n for n, _ in networks}
        self.home = {}  # machine: its network
        self.via = {}   # machine outside: the host's device towards it
        self.segment = {}  # machine beside guests of a network that is not the host's: the network
        self.host = self.add("host", False)
        self.host.set({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
        for device, (name, subnets) in UPLINKS.items():
            self.uplink(device, name, [ipaddress.ip_network(s) for s in subnets])
        self.address["host"] = tuple(str(ipaddress.ip_network(s)[1]) for s in UPLINKS["eth0"][1])
        for network, guests in networks:
            self.network(network, guests)
        for m in self.machines.values():
            m.send(do="listen", ports=[OTHER], groups=groups if m.name in self.home else [])
        for m in self.machines.values():
            m.receive()

    def add(self, name, own):
        self.machines[name] = Machine(name, own)
        return self.machines[name]

    def uplink(self, device, name, subnets):
        m = self.add(name, True)
        self.via[name] = device
        self.host.ip(f"link add {device} type veth peer name eth0 netns {m.holder.pid}", f"link set {device} up",
                     *(f"address add {s[1]}/{s.prefixlen} dev {device}" for s in subnets))
        m.ip("link set eth0 up", *(f"address add {s[2]}/{s.prefixlen} dev eth0" for s in subnets),
             *(f"route add default via {s[1]}" for s in subnets))
        self.address[name] = tuple(str(s[2]) for s in subnets)

    def beside(self, network):
        """The machine beside the guests, and the subnets of both."""
        name, subnets = SEGMENTS[network.macvtap]
        subnets = [ipaddress.ip_network(s) for s in subnets]
        network.subnets = tuple([ipaddress.ip_interface(f"{s[1]}/{s.prefixlen}")] for s in subnets)
        m, port = self.add(name, True), network.parents[0] if network.macvtap else "uplink"
        self.via[name], self.segment[name] = network.bridge or port, network
        self.host.ip(f"link add {port} type veth peer name eth0 netns {m.holder.pid}", f"link set {port} up",
                     *([] if network.macvtap else [f"link set {port} master {network.bridge}"]))
        m.ip("link set eth0 up", *(f"address add {s[2]}/{s.prefixlen} dev eth0" for s in subnets),
             *([] if network.macvtap else [f"route add default via {s[1]}" for s in subnets]))
        self.address[name] = tuple(str(s[2]) for s in subnets)

    def network(self, network, guests):
        name = network.bridge
        if name:
            self.host.ip(f"link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        if not network.routed:
            self.beside(network)
        if name:
            self.host.ip(*(f"address add {at} dev {name}" for s in network.subnets for at in s), f"link set {name} up")
            self.address[f"host of {network.name}"] = tuple(str(s[0].ip) if s else None for s in network.subnets)
        for i in range(1, guests + 1):
            self.guest(network, i)

    def guest(self, network, i):
        m = self.add(f"{network.name}{i}", True)
        self.home[m.name] = network
        port = self.port(m.name)
        if network.macvtap:
            self.host.ip(f"link add link {network.parents[0]} name {port} type macvlan mode {network.mode}",
                         f"link set {port} netns {m.holder.pid} name eth0")
        else:
            self.host.ip(f"link add {port} type veth peer name eth0 netns {m.holder.pid}",
                         f"link set {port} master {network.bridge}", f"link set {port} up")
        self.mac[m.name] = f"52:54:00:00:{len(self.mac) // 256:02x}:{len(self.mac) % 256:02x}"
        m.ip(f"link set eth0 address {self.mac[m.name]}")
        at = [network.guest(i, f) for f in (V4, V6)]
        m.ip("link set eth0 up", *(f"address add {a} dev eth0" for a in at if a),
             *(f"route add default via {s[(i - 1) % len(s)].ip}" for s in network.subnets if s and not network.macvtap))
        self.address[m.name] = tuple(a and str(a.ip) for a in at)

    @staticmethod
    def port(machine):
        """The host's name of a guest's port: 15 characters at most."""
        return f"v{machine}"[:12] + machine[-1] if len(machine) > 13 else f"v{machine}"

    def probe(self, wanted, wait=WAIT):
        """wanted: list of (machine, kind, address, port, source, source port, word); answers in that order."""
        by_machine = {}
        for i, (machine, *probe) in enumerate(wanted):
            by_machine.setdefault(machine, []).append((i, probe))
        for machine, list_of in by_machine.items():
            self.machines[machine].send(do="probe", wait=wait, probes=[p for _, p in list_of])
        answers = [None] * len(wanted)
        for machine, list_of in by_machine.items():
            for (i, _), answer in zip(list_of, self.machines[machine].receive()):
                answers[i] = answer
        return answers

    def heard(self):
        """word: who heard it, from which address and port; what was heard before the last call is forgotten."""
        words = {}
        for m in self.machines.values():
            m.send(do="heard")
        for name, m in self.machines.items():
            for word, peer in m.receive().items():
                words.setdefault(word, []).append((name, *peer))
        return words

    def close(self):
        for m in self.machines.values():
            m.close()


class Services:
    """dnsmasq for each network with addresses, and one for the host's first uplink; as libvirt runs it."""

    def __init__(self, networks, folder):
        self.running = [self.start("eth0", [], folder)]
        served = [n for n in networks if n.bridge and any(n.written) and n.routed]
        self.running += [self.start(n.bridge, list(self.options(n, folder)), folder) for n in served]
        for n in served:
            for at in (s[0].ip for s in n.subnets if s):
                self.wait(str(at))

    @staticmethod
    def wait(address):
        for _ in range(400):
            try:
                return socket.create_connection((address, SERVICE), 5).close()
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"no dnsmasq at {address}")

    @staticmethod
    def options(n, folder):
        for at, first, last in ((n.dhcp[V4], 100, 120), (n.dhcp[V6], 0x100, 0x1ff)):
            if at:
                base = at.network.network_address
                yield f"--dhcp-range={base + first % at.network.num_addresses},{base + last % at.network.num_addresses},2m" \
                    if at.network.num_addresses > last else f"--dhcp-range={base + 8},{base + 14},2m"
        if n.tftp:
            yield from ("--enable-tftp", f"--tftp-root={folder}")

    @staticmethod
    def start(device, more, folder):
        words = ["dnsmasq", "-k", "--conf-file=/dev/null", "--user=", "--group=", f"--interface={device}",
                 "--except-interface=lo", "--bind-dynamic", "--no-resolv", "--no-hosts", "--no-ping",
                 "--address=/lab.test/192.0.2.99", "--pid-file=", f"--dhcp-leasefile={folder}/{device}.leases",
                 "--dhcp-authoritative", *more]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def close(self):
        for p in self.running:
            p.terminate()
            p.wait()


def needs(services=True):
    """Why this machine can not run the lab; None when it can. Asked inside."""
    checks = ((("nft", "add table inet t; add chain inet t c { type nat hook postrouting priority 100; }; "
                "add chain inet t f { type filter hook forward priority 0; }; add rule inet t f reject; "
                "add rule inet t c masquerade; delete table inet t"), "nft with NAT"),
              (("iptables", "-t", "nat", "-S"), "iptables"), (("ip6tables", "-t", "mangle", "-S"), "ip6tables"),
              (("dnsmasq", "--version"), "dnsmasq"), (("udhcpc", "--help"), "udhcpc"))
    for words, what in checks if services else checks[:1]:
        if not shutil.which(words[0]):
            return f"no {words[0]} here"
        done = run(*words, check=False)
        if done.returncode and words[0] != "udhcpc":
            return f"{what} does not work here: {done.stderr.strip()}"
    return None


def in_namespace(test):
    """Run this test again where it is root of namespaces of its own: its status. None: this is there."""
    if os.environ.get("NWFC_LAB") == test:
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        return None
    return again(test, sys.argv).returncode


def again(test, words, **more):
    """A program of the tests in namespaces of its own: as subprocess.run."""
    path = f"{VARIANTS}:{os.environ['PATH']}:/usr/sbin:/sbin"
    env = dict(os.environ, NWFC_LAB=test, NWFC_LOCK="", PATH=path, LC_ALL="C")
    unshare = UNSHARE if os.geteuid() == 0 else [*UNSHARE, "-r"]
    probe = run(*unshare, "true", check=False)
    if probe.returncode:
        skip(test, f"no namespaces here ({probe.stderr.strip()})")
        return subprocess.CompletedProcess(words, 0, "")
    return subprocess.run([*unshare, sys.executable, "-B", *words], env=env, check=False, **more)


def skip(test, why):
    print(f"SKIP {test}: {why}")
    print("0 passed, 0 failed, 1 skipped")
    return 0


def forget_connections():
    """A connection keeps the translation that it began with, a datagram's for half a minute."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:
        s.bind((0, 0))
        # IPCTNL_MSG_CT_DELETE without a tuple deletes all; NLM_F_REQUEST | NLM_F_ACK
        s.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0))
        s.recv(4096)


def bridge_calls(on):
    """Do iptables and ip6tables see bridged packets? False where the kernel can not."""
    for family in ("iptables", "ip6tables"):
        path = Path(f"/proc/sys/net/bridge/bridge-nf-call-{family}")
        try:
            path.write_text(f"{int(on)}\n", encoding="ascii")
        except OSError:
            return False
    return True


class Checks:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, good, text):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(f"FAIL {text}")

    def add(self, done, name):
        """What a test of its own process has printed and counted."""
        *said, last = done.stdout.splitlines() if done.stdout else [""]
        print("\n".join([*said, ""]), end="", flush=True)
        numbers = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
        if numbers:
            self.passed, self.failed, self.skipped = (a + int(b) for a, b in zip(
                (self.passed, self.failed, self.skipped), numbers.groups()))
        elif done.stdout is not None or done.returncode:
            self.check(False, f"{name}: it ended with status {done.returncode} {last}")

    def skip(self, text):
        self.skipped += 1
        print(f"SKIP {text}")

    def status(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return self.failed != 0


class Quiet(Checks):
    """Counts, and keeps the first failure."""
    first = None

    def check(self, good, text):
        self.passed += bool(good)
        self.failed += not good
        self.first = self.first or (None if good else text)
