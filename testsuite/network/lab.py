# SPDX-License-Identifier: MIT
"""A host with virtual networks, their guests and what is outside, each in a namespace of its own.

    outside 192.0.2.2 --- eth0 192.0.2.1 HOST BRIDGE 10.0.K.1 --- guests 10.0.K.11, .12
                     2001:db8:99::/64               fd00:K::/64

The host is the namespace that the test itself was put into (unshare -rnm).
"""
import json
import os
import subprocess
import sys
from pathlib import Path

AGENT = Path(__file__).with_name("agent.py")


class Skip(Exception):
    """The machine can not do it."""


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise Skip(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Machine:
    """A namespace and the agent in it; pid None: the host's own."""

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
        if own:
            self.ip("link set lo up")

    def ip(self, words):
        run(*self.prefix, "ip", *words.split())

    def set(self, key, value):
        run(*self.prefix, "sh", "-c", f"echo {value} >/proc/sys/{key}")

    def send(self, **order):
        self.agent.stdin.write(json.dumps(order) + "\n")
        self.agent.stdin.flush()

    def receive(self):
        return json.loads(self.agent.stdout.readline())

    def ask(self, **order):
        self.send(**order)
        return self.receive()

    def close(self):
        for p in (self.agent, self.holder):
            if p:
                p.kill()
                p.wait()


class Lab:
    """networks: name -> (bridge, number, guests)."""

    def __init__(self, networks, ports):
        self.machines, self.address = {}, {}
        self.host = self.add("host", False)
        self.host.ip("link set lo up")
        for key in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.host.set(f"net/{key}", 1)
        self.host.set("net/ipv6/conf/default/accept_dad", 0)
        self.outside = self.add("outside", True)
        self.wire("outside", "eth0", None, "192.0.2", 2, "2001:db8:99")
        self.host.ip("address add 192.0.2.1/24 dev eth0")
        self.host.ip("address add 2001:db8:99::1/64 dev eth0 nodad")
        self.address["host"] = ("192.0.2.1", "2001:db8:99::1")
        for name, (bridge, number, guests) in networks.items():
            self.network(name, bridge, number, guests)
        for m in self.machines.values():
            m.ask(do="listen", ports=ports)

    def add(self, name, own):
        self.machines[name] = Machine(name, own)
        return self.machines[name]

    def network(self, name, bridge, number, guests):
        self.host.ip(f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        self.host.set(f"net/ipv6/conf/{bridge}/accept_dad", 0)
        self.host.ip(f"address add 10.0.{number}.1/24 dev {bridge}")
        self.host.ip(f"address add fd00:{number}::1/64 dev {bridge} nodad")
        self.host.ip(f"link set {bridge} up")
        self.address[f"host of {name}"] = (f"10.0.{number}.1", f"fd00:{number}::1")
        for i in range(1, guests + 1):
            guest = f"{name}{i}"
            self.add(guest, True)
            self.wire(guest, f"v{guest}", bridge, f"10.0.{number}", 10 + i, f"fd00:{number}")

    def wire(self, name, port, bridge, net4, last, net6):
        """A machine's eth0, its addresses, and its default route by the host."""
        m = self.machines[name]
        self.host.ip(f"link add {port} type veth peer name eth0 netns {m.holder.pid}")
        if bridge:
            self.host.ip(f"link set {port} master {bridge}")
        self.host.ip(f"link set {port} up")
        m.set("net/ipv6/conf/default/accept_dad", 0)
        m.set("net/ipv6/conf/eth0/accept_dad", 0)
        m.ip("link set eth0 up")
        m.ip(f"address add {net4}.{last}/24 dev eth0")
        m.ip(f"address add {net6}::{last}/64 dev eth0 nodad")
        m.ip(f"route add default via {net4}.1")
        m.ip(f"-6 route add default via {net6}::1")
        self.address[name] = (f"{net4}.{last}", f"{net6}::{last}")

    def probe(self, wanted):
        """wanted: list of (machine, kind, address, port, source, source port, word); answers in that order."""
        by_machine = {}
        for i, (machine, *probe) in enumerate(wanted):
            by_machine.setdefault(machine, []).append((i, probe))
        for machine, list_of in by_machine.items():
            self.machines[machine].send(do="probe", probes=[p for _, p in list_of])
        answers = [None] * len(wanted)
        for machine, list_of in by_machine.items():
            for (i, _), answer in zip(list_of, self.machines[machine].receive()):
                answers[i] = answer
        return answers

    def heard(self):
        words = {}
        for name, m in self.machines.items():
            for word, peer in m.ask(do="heard").items():
                words.setdefault(word, []).append((name, *peer))
        return words

    def close(self):
        for m in self.machines.values():
            m.close()


def in_namespace(test):
    """Run this test again where it is root of namespaces of its own; its status."""
    if os.environ.get("NWFC_LAB") == test:
        return None
    env = dict(os.environ, NWFC_LAB=test, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    words = ["unshare", "-nm"] if os.geteuid() == 0 else ["unshare", "-rnm"]
    probe = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        print(f"SKIP {test}: no namespaces here ({probe.stderr.strip()})")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    return subprocess.run([*words, sys.executable, "-B", *sys.argv], env=env, check=False).returncode
