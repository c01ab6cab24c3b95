#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""learnd between real clients and servers: what they agree on is learned, enforced, and ends with its lease.

run.py --nwfc FILE --learnd FILE [--jobs N] [FLOW...]

Each flow has a bridge, a guest and a server in namespaces of its own (unshare), so several run at a
time. At the beginning nothing is known and nothing but DHCP passes; a client gets a lease; the rules are
compiled again; traffic from the address passes, what is spoofed does not; the lease ends, by its time or
by a release, and again nothing but DHCP passes. A flow whose programs are missing is skipped.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

from bed import LINK_LOCAL, Bed, read_text, try_flow
from frames import ROUTER6, SERVER, SERVER_MAC, ack, advertisement, announcement, data, data6, dhcp6, mac, router
import servers  # after bed, which says where lab is
from lab import UNSHARE, Learnd, add_macvtap, run

FLOWS = {}
OTHER = mac(9)


def flow(name, *needs):
    def put(f):
        def with_needs(report):
            servers.need(*needs)
            f(report)
        FLOWS[name] = with_needs
        return f
    return put


# --- IPv4

def spoofed4(bed, address):
    bed.drops(another_address=data(1, "10.9.0.140"), another_MAC=data(1, address, OTHER), the_server=data(1, SERVER),
              ARP_of_another=announcement(1, "10.9.0.140"), a_DHCP_answer=ack(1, 5, address, 60))


def lease4(report, server, client, target="nft", mode="dhcp", seconds=8, release=True):
    bed = Bed(report, mode=mode, target=target)
    try:
        bed.guest_up()
        bed.nothing_is_known(data(1, "10.9.0.150"), data(1, "10.9.0.140"))
        bed.learn()
        servers.SERVERS[server](bed, seconds)
        guest = servers.CLIENTS[client](bed)
        e = bed.learned(evidence="dhcp")
        address = e["address"]
        long = 120 if server == "dnsmasq" else seconds
        report.check(re.fullmatch(r"10\.9\.0\.1[56]\d", address), "a leased address is learned", e)
        report.check(abs(e["valid_until"] - e["time"] - long) < 1.1, "it ends with its lease", e)
        report.check(bed.arrives(address), "the guest can not speak")
        report.check(bed.passes_soon(data(1, address)), "frames of the leased address are dropped")
        spoofed4(bed, address)
        if release:
            guest.release()
            e = bed.learnd.wait("delete", address=address)
            report.check(e["why"] == "RELEASE" and e["new"] == [], "a release", e)
        else:
            time.sleep(1)               # a guest that has played the server is believed no answer
            guest.renew()
            e = bed.learnd.wait("renew", seconds, address=address)
            guest.die()
            report.check(abs(e["valid_until"] - e["time"] - long) < 1.1, "renewed", e)
            over = bed.learnd.wait("expire", seconds + 4, address=address)
            report.check(abs(over["time"] - e["valid_until"]) < 0.01, "it ends when it is to end", over)
        bed.learnd.wait("fed")
        bed.nothing_is_known(data(1, address))
        report.check(bed.passes(announcement(1, address)) == (mode == "any"), "announcements when nothing is known")
    finally:
        bed.close()


for NAME, SERVER_NAME, CLIENT, MORE in (
        ("dnsmasq, udhcpc", "dnsmasq", "udhcpc", {}),
        ("dnsmasq, dhclient, mode any", "dnsmasq", "dhclient", {"mode": "any"}),
        ("Kea, udhcpc, expires", "kea", "udhcpc", {"release": False}),
        ("Kea, dhclient", "kea", "dhclient", {"seconds": 12}),
        ("ISC dhcpd, udhcpc", "dhcpd", "udhcpc", {}),
        ("ISC dhcpd, dhclient, expires", "dhcpd", "dhclient", {"release": False, "seconds": 10}),
        ("xtables: Kea, udhcpc", "kea", "udhcpc", {"target": "xtables"}),
        ("xtables: ISC dhcpd, udhcpc, expires", "dhcpd", "udhcpc", {"target": "xtables", "release": False})):
    flow(NAME, SERVER_NAME, CLIENT)(lambda report, s=SERVER_NAME, c=CLIENT, m=MORE: lease4(report, s, c, **m))


# --- IPv6

def spoofed6(bed, address):
    """Outside the port's prefix, for what is in it mode any learns."""
    bed.drops(another_IPv6_address=data6(1, "fd77::77"), another_MAC=data6(1, address, source=OTHER), IPv6_of_the_router=data6(1, ROUTER6),
              an_advertisement_of_another=advertisement(mac(1), "fd77::77"), a_router_advertisement=b"\x33\x33\0\0\0\1" + mac(1) + router(60)[12:],
              IPv4=data(1, "10.8.0.150"))


def link_local(bed, report):
    e = bed.learned(evidence="dad", address=LINK_LOCAL)
    report.check("valid_until" not in e, "the link-local address has no end", e)
    report.check(bed.passes_soon(data6(1, LINK_LOCAL, ROUTER6)), "frames of the link-local address are dropped")


def unknown6(bed, report, routers):
    bed.guest_up()
    bed.nothing_is_known(data6(1, "fd09::100"), data6(1, LINK_LOCAL, ROUTER6))
    report.check(bed.passes(dhcp6(1, 5)), "DHCPv6 does not pass while nothing is known")
    bed.learn()
    bed.guest_ipv6(routers)
    link_local(bed, report)


def lease6(report, server, seconds=10, release=True):
    bed = Bed(report, "clean-traffic-dual")
    try:
        servers.SERVERS[server](bed, seconds)
        unknown6(bed, report, False)
        guest = servers.Dhclient6(bed)
        e = bed.learned(evidence="dhcpv6")
        address = e["address"]
        report.check(address.startswith("fd09::1") and e["old"] == [LINK_LOCAL], "a leased address is learned", e)
        report.check(abs(e["valid_until"] - e["time"] - (120 if server == "dnsmasq6" else seconds)) < 1.1, "it ends with its lease", e)
        report.check(bed.arrives(address), "the guest can not speak")
        report.check(bed.passes_soon(data6(1, address)), "frames of the leased address are dropped")
        spoofed6(bed, address)
        if release:
            guest.release()
            e = bed.learnd.wait("delete", address=address)
            report.check(e["why"] == "RELEASE" and e["new"] == [LINK_LOCAL], "a release", e)
        else:
            guest.die()
            e = bed.learnd.wait("expire", 2 * seconds + 2, address=address)
            report.check(e["new"] == [LINK_LOCAL], "it ends", e)
        bed.learnd.wait("fed")
        report.check(not bed.passes(data6(1, address)), "it passes when its lease is over")
        report.check(bed.passes(dhcp6(1, 6)), "DHCPv6 does not pass when the lease is over")
    finally:
        bed.close()


for NAME, SERVER_NAME, MORE in (("Kea, DHCPv6", "kea6", {}), ("Kea, DHCPv6, expires", "kea6", {"release": False}), ("dnsmasq, DHCPv6", "dnsmasq6", {}),
                                ("ISC dhcpd, DHCPv6", "dhcpd6", {})):
    flow(NAME, SERVER_NAME, "dhclient6")(lambda report, s=SERVER_NAME, m=MORE: lease6(report, s, **m))


def slaac(report, server, seconds):
    """The kernel's own address configuration in the guest."""
    bed = Bed(report, "clean-traffic-dual", "any")
    address = "fd09::5054:ff:fea1:1"
    try:
        unknown6(bed, report, True)
        process = servers.SERVERS[server](bed, seconds)
        e = bed.learned(evidence="dad", address=address)
        report.check(0 < e["valid_until"] - e["time"] <= (seconds if server == "radvd" else 7200), "it lives as long as the router says", e)
        report.check(bed.arrives(address), "the guest can not speak")
        report.check(bed.passes_soon(data6(1, address)), "frames of the address are dropped")
        spoofed6(bed, address)
        if server != "radvd":
            return
        e = bed.learnd.wait("renew", 6, address=address)
        report.check(e["evidence"] == "dad", "advertised again", e)
        process.kill()
        e = bed.learnd.wait("expire", seconds + 5, address=address)
        report.check(e["new"] == [LINK_LOCAL], "it ends", e)
        bed.learnd.wait("fed")
        report.check(not bed.passes(data6(1, address)), "it passes when its lifetime is over")
        report.check(bed.passes(dhcp6(1, 6)), "DHCPv6 does not pass")
    finally:
        bed.close()


flow("radvd, SLAAC", "radvd")(lambda report: slaac(report, "radvd", 8))
flow("dnsmasq, SLAAC", "dnsmasq6")(lambda report: slaac(report, "dnsmasq6", 120))


# --- learnd's own life

@flow("in its jail", "dnsmasq", "udhcpc")
def jail(report):
    """As another user, where we are root and not only in a namespace of our own."""
    bed = Bed(report)
    try:
        bed.guest_up()
        os.makedirs("state")
        os.chmod(".", 0o755)
        os.chown("state", 65534, 65534)
        os.symlink("state/leases", "leases")
        bed.learnd = Learnd("--user", "nobody", "-L", "state/leases")
        bed.learnd.wait("fed")
        status = dict(line.split(":", 1) for line in read_text(f"/proc/{bed.learnd.child()}/status").splitlines())
        report.check(status["Uid"].split() == ["65534"] * 4 and status["Groups"].split() in ([], ["65534"]), "it is another user", status["Uid"])
        report.check(int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << 13, "it has CAP_NET_RAW alone", status["CapEff"])
        report.check(status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1", "its system calls are filtered")
        servers.dnsmasq(bed, 0)
        guest = servers.Udhcpc(bed)
        address = bed.learned(evidence="dhcp")["address"]
        report.check(bed.arrives(address), "the guest can not speak")
        spoofed4(bed, address)
        run("ip", "link", "set", "vnet1", "down")
        bed.learnd.wait("watch-ended", port="vnet1")
        run("ip", "link", "set", "vnet1", "up")
        bed.learnd.wait("watch", port="vnet1")
        report.check(bed.arrives(address, 5), "the guest can not speak when its port is back")
        guest.release()
        report.check(bed.learnd.wait("delete", address=address)["why"] == "RELEASE", "a release")
        bed.learnd.wait("fed")
        report.check(not bed.passes(data(1, address)), "it passes when it is released")
    finally:
        bed.close()


class Machine:
    """What a virtual machine does between its interface and a macvtap, which may be another one later."""

    def __init__(self, end):
        self.end, self.tap = end, None
        threading.Thread(target=self.to_tap, daemon=True).start()

    def to_tap(self):
        while True:
            frame = self.end.recv(4096)
            try:
                os.write(self.tap, frame)
            except (OSError, TypeError):
                pass                # there is none now

    def from_tap(self, tap):
        try:
            while True:
                self.end.send(os.read(tap, 4096))
        except OSError:
            os.close(tap)

    def wait_through(self, name, seconds=3):
        """Until a frame gets out: an interface that was just set up may still drop what it is given."""
        end = time.monotonic() + seconds
        while not int(read_text(f"/sys/class/net/{name}/statistics/tx_packets")):
            assert time.monotonic() < end, name + " sends nothing"
            os.write(self.tap, b"\xff" * 6 + mac(1) + b"\x88\xb5" + bytes(46))
            time.sleep(0.02)

    def plug(self, tap):
        os.set_blocking(tap, True)
        self.tap = tap
        threading.Thread(target=self.from_tap, args=(tap,), daemon=True).start()


@flow("a macvtap", "dnsmasq", "udhcpc")
def macvtap(report):
    """No bridge: the rules can not hold, but the addresses are learned."""
    bed = Bed(report)
    try:
        bed.guest_up()
        # the bridge's port is the world outside the lower device, and vnet1 becomes the machine's own side
        run("ip", "link", "set", "vnet1", "nomaster")
        run("ip", "link", "set", "srv", "nomaster")
        run("nft", "flush", "ruleset")
        machine = Machine(bed.lab.open("vnet1"))
        machine.plug(add_macvtap("mv1", "srv", mac(1)))
        text = read_text("learn").replace("interface vnet1", "interface mv1").replace("link -", "link srv")
        servers.write("learn", text)
        bed.learnd = Learnd(command=["/bin/true"], ready=False)
        bed.learnd.wait("watch", port="mv1")
        report.check(True, "a macvtap is watched")
        servers.dnsmasq(bed, 0)
        guest = servers.Udhcpc(bed)
        e = bed.learnd.wait("add", 15, port="mv1")
        report.check(e["evidence"] == "dhcp", "its guest's lease is learned", e)
        run("ip", "link", "del", "mv1")
        bed.learnd.wait("watch-ended", port="mv1")
        report.check(True, "it vanishes")
        machine.plug(add_macvtap("mv1", "srv", mac(1)))
        bed.learnd.wait("watch", port="mv1")
        report.check(True, "it is watched when it is back")
        machine.wait_through("mv1")
        # the client takes its address away behind the release, which must not wait for ARP
        bed.in_space("guest", "ip", "neigh", "replace", SERVER, "lladdr", SERVER_MAC.hex(":"), "nud", "permanent", "dev", "g1")
        guest.release()
        gone = bed.learnd.wait("delete", address=e["address"])
        report.check(gone["why"] == "RELEASE" and gone["new"] == [], "a release", gone)
    finally:
        bed.close()


# --- all of them

def apart(name):
    """What a flow in namespaces of its own has said, and the seconds it took."""
    began = time.monotonic()
    unshare = UNSHARE if name != "in its jail" or os.geteuid() else ["unshare", "-nm", "--pid", "--fork", "--mount-proc"]
    with tempfile.TemporaryDirectory(prefix="learn-live-") as folder:
        done = subprocess.run(unshare + [sys.executable, "-B", os.path.abspath(__file__), "--nwfc", ARGS.nwfc, "--learnd", ARGS.learnd, "--inside", name],
                              cwd=folder, capture_output=True, text=True, check=False)
    return name, done.stdout + done.stderr, time.monotonic() - began


def main():
    counts = [0, 0, 0]
    for words, why in ((["true"], "no namespaces of our own"), (["nft", "add", "table", "bridge", "t"], "no bridge tables of nft")):
        done = subprocess.run(UNSHARE + words, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"SKIP: {why}: {done.stderr.strip()}\n0 passed, 0 failed, 1 skipped")
            return 0
    with concurrent.futures.ThreadPoolExecutor(ARGS.jobs) as pool:
        for name, text, took in pool.map(apart, ARGS.flows or list(FLOWS)):
            *lines, last = text.splitlines() or [""]
            numbers = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
            if not numbers:
                lines, numbers = [f"FAIL {name}", *lines, last], re.fullmatch(r"(\d)(\d)(\d)", "010")
            print("".join(line + "\n" for line in lines), end="")
            if ARGS.times:
                print(f"{took:6.1f} s  {last}  {name}")
            counts = [n + int(more) for n, more in zip(counts, numbers.groups())]
    print("%d passed, %d failed, %d skipped" % tuple(counts))
    return counts[1] > 0


PARSER = argparse.ArgumentParser()
PARSER.add_argument("--nwfc", type=os.path.abspath, required=True)
PARSER.add_argument("--learnd", type=os.path.abspath, required=True)
PARSER.add_argument("--jobs", type=int, default=5, help="flows at a time")
PARSER.add_argument("--times", action="store_true", help="say what each flow took")
PARSER.add_argument("--inside", help=argparse.SUPPRESS)
PARSER.add_argument("flows", nargs="*", metavar="FLOW", help=", ".join(FLOWS))
ARGS = PARSER.parse_args()
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
Bed.nwfc, Learnd.program = ARGS.nwfc, ARGS.learnd
sys.exit(try_flow(ARGS.inside, FLOWS[ARGS.inside]) if ARGS.inside else main())
