#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""learnd on a live bridge: what it learns is enforced, ends when it ends, and survives what may happen.

live.py --nwfc FILE --learnd FILE [--kills N]

In namespaces of its own (unshare): a bridge, guests on veth pairs, a DHCP server of our own that speaks in
raw frames, so that leases may last seconds, and dnsmasq with udhcpc where they are installed.
"""
import argparse
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

from frames import SERVER, SERVER_MAC, ack, announcement, data, mac, release, request
from lab import Lab, Learnd, Skip, add_macvtap, enter, run

OWNER = "11111111-2222-3333-4444-55555555555%d"
TESTS = []


def test(f):
    TESTS.append(f)
    return f


PORT = """port vnet%d mac %s {
	owner vm%d uuid %s
	use clean-traffic
	DHCPSERVER = """ + SERVER + """
	GATEWAY_IP = """ + SERVER + """
%s}
"""


def write_ports(more="", numbers=(1, 2)):
    with open("ports.nwf", "w", encoding="ascii") as f:
        for n in numbers:
            f.write(PORT % (n, mac(n).hex(":"), n, OWNER % n, more))


def load(more="\tlearn dhcp\n"):
    """The rules while nothing is known, in the kernel."""
    for name in ("leases", "leases.applied", "leases.import"):
        if os.path.exists(name):
            os.unlink(name)
    write_ports(more)
    run("nft", "flush", "ruleset")
    run(ARGS.nwfc, "compile", "-q", "-t", "nft", "--learn", "learn", "-o", "rules.nft", "ports.nwf")
    run("nft", "-f", "rules.nft")


def passes(lab, frame, end="g1"):
    """Does the server get what a guest sends?"""
    return lab.passes(frame, end, "s0")


def lease(lab, learnd, guest=1, address="10.9.0.100", seconds=3, xid=7):
    lab.send("g%d" % guest, request(guest, xid, address))
    time.sleep(0.02)
    lab.send("s0", ack(guest, xid, address, seconds))
    e = learnd.wait("add", address=address)
    assert e["evidence"] == "dhcp" and e["old"] == [] and e["new"] == [address], e
    learnd.wait("fed")
    return e


# --- tests

@test
def a_lease_is_enforced_and_ends(lab):
    load()
    learnd = Learnd()
    learnd.wait("fed")
    assert not passes(lab, data(1, "10.9.0.100")), "nothing is known, and data passes"
    assert passes(lab, request(1, 5, "10.9.0.100")), "DHCP does not pass"
    began = lease(lab, learnd)["time"]
    assert passes(lab, data(1, "10.9.0.100")), "the leased address does not pass"
    for what, frame in (("IPv4", data(1, "10.9.0.101")), ("MAC", data(1, "10.9.0.100", mac(9))), ("ARP", announcement(1, "10.9.0.1"))):
        assert not passes(lab, frame), "spoofed " + what
    learnd.wait("expire", address="10.9.0.100")
    assert 2.9 < time.time() - began < 4, "the lease did not end in time"
    learnd.wait("fed")
    assert not passes(lab, data(1, "10.9.0.100")), "the lease is over, and its address passes"
    assert passes(lab, request(1, 6, "10.9.0.100")), "DHCP does not pass any more"
    learnd.stop()


@test
def the_kernel_ends_a_lease_alone(lab):
    load()
    learnd = Learnd()
    lease(lab, learnd)
    assert passes(lab, data(1, "10.9.0.100"))
    learnd.kill()
    assert passes(lab, data(1, "10.9.0.100"))
    time.sleep(3.2)
    assert not passes(lab, data(1, "10.9.0.100")), "learnd is dead, and the lease did not end"


@test
def a_renewal_lasts_and_a_release_ends(lab):
    load()
    learnd = Learnd()
    lease(lab, learnd)
    time.sleep(1.5)
    lab.send("g1", request(1, 8, "10.9.0.100"))
    time.sleep(0.02)
    lab.send("s0", ack(1, 8, "10.9.0.100", 60))
    learnd.wait("renew", address="10.9.0.100")
    learnd.wait("fed")
    time.sleep(2)
    assert passes(lab, data(1, "10.9.0.100")), "renewed, and it does not pass"
    lab.send("g1", release(1, 99, "10.9.0.100"))
    learnd.wait("delete", address="10.9.0.100", why="RELEASE")
    learnd.wait("fed")
    assert not passes(lab, data(1, "10.9.0.100")), "released, and it passes"
    learnd.stop()


@test
def forged_servers_teach_nothing(lab):
    load()
    learnd = Learnd()
    learnd.wait("fed")
    for n in range(3):
        lab.send("g1", request(1, 7 + n, "10.9.0.66"))
    lab.send("g1", ack(1, 7, "10.9.0.66", 60))
    lab.send("g2", ack(1, 8, "10.9.0.66", 60, server="10.9.0.2", source=mac(2)))
    lab.send("s0", ack(1, 4711, "10.9.0.66", 60))
    lab.send("g1", announcement(1, "10.9.0.66"))
    learnd.none("add", 1.1)
    lease(lab, learnd)
    learnd.stop()


@test
def nobody_takes_the_others_address(lab):
    load("\tlearn any\n")
    learnd = Learnd()
    lease(lab, learnd, seconds=60)
    lab.send("g2", announcement(2, "10.9.0.100"))
    lab.send("g2", announcement(2, SERVER))
    learnd.none("add")
    lab.send("g2", announcement(2, "10.9.0.120"))
    learnd.wait("add", address="10.9.0.120", port="vnet2", evidence="arp")
    learnd.wait("fed")
    assert passes(lab, data(2, "10.9.0.120"), "g2") and not passes(lab, data(2, "10.9.0.100"), "g2")
    learnd.stop()


@test
def a_port_comes_back(lab):
    load()
    learnd = Learnd()
    lease(lab, learnd, seconds=60)
    lab.forget("g1")
    run("ip", "link", "del", "vnet1")
    learnd.wait("watch-ended", port="vnet1")
    lab.add("vnet1", "g1", mac(1))
    learnd.wait("watch", port="vnet1")
    assert passes(lab, data(1, "10.9.0.100")), "the lease is lost"
    lab.send("g1", release(1, 99, "10.9.0.100"))
    learnd.wait("delete", address="10.9.0.100")
    learnd.stop()


@test
def a_port_that_is_not_there_yet_is_told_of_once(lab):
    """A guest that does not run, or a name that is misspelt."""
    load()
    lab.forget("g1")
    run("ip", "link", "del", "vnet1")
    learnd = Learnd(ready=False)
    learnd.wait("watch-ended", port="vnet1")
    learnd.none("watch-ended", 1.5)
    assert not [e for e in learnd.events if e.get("port") == "vnet1" and e["event"] == "error"], learnd.events
    lab.add("vnet1", "g1", mac(1))
    learnd.wait("watch", port="vnet1")
    learnd.stop()


@test
def a_port_that_is_down_is_told_of_once(lab):
    load()
    learnd = Learnd()
    lease(lab, learnd, seconds=60)
    run("ip", "link", "set", "vnet1", "down")
    learnd.wait("watch-ended", port="vnet1")
    learnd.none("error", 2.5)
    assert not [e for e in learnd.events if e.get("port") == "vnet1"], learnd.events
    run("ip", "link", "set", "vnet1", "up")
    learnd.wait("watch", port="vnet1")
    lab.wait_up("g1")
    lab.send("g1", release(1, 99, "10.9.0.100"))
    learnd.wait("delete", address="10.9.0.100")
    learnd.stop()
    run("ip", "link", "set", "vnet1", "down")
    learnd = Learnd(ready=False)
    learnd.none("error", 2.5)
    told = [e["event"] for e in learnd.events if e.get("port") == "vnet1"]
    assert told == ["watch-ended"], told
    run("ip", "link", "set", "vnet1", "up")
    learnd.wait("watch", port="vnet1")
    learnd.stop()


@test
def leases_outlive_learnd_and_move(lab):
    load()
    learnd = Learnd()
    lease(lab, learnd, seconds=60)
    learnd.stop()
    run(ARGS.nwfc, "reload", "-q", "--learn", "learn", "--leases", "leases")
    learnd = Learnd()
    learnd.wait("fed")
    assert passes(lab, data(1, "10.9.0.100")), "a new learnd forgot the lease"
    learnd.process.send_signal(signal.SIGUSR1)
    status = learnd.wait("status", port="vnet1")
    assert [a["address"] for a in status["addresses"]] == ["10.9.0.100"], status
    moved = run(ARGS.learnd, "export", OWNER % 1, "--leases", "leases").stdout
    learnd.stop()
    assert "10.9.0.100" in moved, moved
    load()
    with open("moved", "w", encoding="ascii") as f:
        f.write(moved)
    learnd = Learnd()
    learnd.wait("fed")
    assert not passes(lab, data(1, "10.9.0.100"))
    run(ARGS.learnd, "import", "moved", "--leases", "leases")
    learnd.process.send_signal(signal.SIGHUP)
    learnd.wait("imported")
    learnd.wait("fed")
    assert passes(lab, data(1, "10.9.0.100")), "an imported lease does not hold"
    learnd.stop()


@test
def a_changed_learn_file(lab):
    load()
    learnd = Learnd()
    lease(lab, learnd, seconds=60)
    text = open("learn", encoding="ascii").read()
    open("learn", "w", encoding="ascii").write(text + "bogus line\n")
    learnd.process.send_signal(signal.SIGHUP)
    assert "bogus" in learnd.wait("error")["text"]
    open("learn", "w", encoding="ascii").write(text.replace("gateway " + SERVER, "gateway 10.9.0.100"))
    learnd.process.send_signal(signal.SIGHUP)
    learnd.wait("delete", address="10.9.0.100")
    learnd.wait("fed")
    assert not passes(lab, data(1, "10.9.0.100")), "the gateway's address passes"
    learnd.stop()


@test
def a_failing_command_is_tried_again(lab):
    load()
    learnd = Learnd(command=["/bin/false"])
    first = learnd.wait("feed-failed")
    began = time.monotonic()
    second = learnd.wait("feed-failed")
    assert "1 s" in first["text"] and "2 s" in second["text"], (first, second)
    assert 0.8 < time.monotonic() - began < 2
    learnd.stop()
    learnd = Learnd(command=["/no/such/program"])
    assert "could not be started" in learnd.wait("feed-failed")["text"]
    learnd.stop()


@test
def the_packet_process_can_do_nothing_else(lab):
    load()
    learnd = Learnd()
    status = dict(line.split(":", 1) for line in open(f"/proc/{learnd.child()}/status", encoding="ascii"))
    assert int(status["CapEff"], 16) == 1 << 13, status["CapEff"]
    assert int(status["CapPrm"], 16) == 1 << 13 and status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"
    learnd.stop()


@test
def a_reader_that_hangs_stops_nothing(lab):
    load()
    with open("learn", "a", encoding="ascii") as f:
        for n in range(500):
            f.write("interface away%d\nmac 52:54:00:a2:%02x:%02x\n" % (n, n // 256, n % 256))
    learnd = Learnd()
    learnd.wait("fed")
    for _ in range(50):
        learnd.process.send_signal(signal.SIGUSR1)
        time.sleep(0.01)
    lab.send("g1", request(1, 7, "10.9.0.100"))
    time.sleep(0.02)
    lab.send("s0", ack(1, 7, "10.9.0.100", 60))
    end = time.monotonic() + 3
    while not passes(lab, data(1, "10.9.0.100")):
        assert time.monotonic() < end, "the learner waits for the reader"
    told = learnd.wait("events-lost")
    assert told["lines"] > 1000, told
    learnd.process.send_signal(signal.SIGUSR1)
    learnd.wait("status", port="away499")
    learnd.stop()


def macvtap(name, guest):
    """A guest on a macvtap in mode bridge; its other end of the lower device is "outside"."""
    run("ip", "link", "add", "lower", "type", "veth", "peer", "name", "outside")
    for end in ("lower", "outside"):
        with open(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6", "w", encoding="ascii") as f:
            f.write("1")
        run("ip", "link", "set", end, "up")
    with open("learn", "w", encoding="ascii") as f:
        f.write(f"interface {name}\nmac {mac(guest).hex(':')}\nlink lower\nmodes dhcp\nfamilies ipv4\nservers4 {SERVER}\n")
    return add_macvtap(name, "lower", mac(guest))


@test
def a_guest_of_a_macvtap_can_not_forge(lab):
    """What it sends to its own address comes back to it on the lower device as if from outside."""
    try:
        tap = macvtap("mv1", 1)
        learnd = Learnd("-v", command=["/bin/true"])
        for forged in (ack(1, 7, "10.9.0.66", 60), ack(1, 7, "10.9.0.66", 60, source=mac(1))):
            os.write(tap, request(1, 7, "10.9.0.66"))
            os.write(tap, forged)
        assert learnd.wait("ignore", address="10.9.0.66")["why"] == "the guest plays the server"
        learnd.none("add")
        learnd.stop()
        learnd = Learnd(command=["/bin/true"])
        os.write(tap, request(1, 8, "10.9.0.67"))
        time.sleep(0.02)
        lab.send("outside", ack(1, 8, "10.9.0.67", 60))
        learnd.wait("add", address="10.9.0.67", port="mv1", evidence="dhcp")
        learnd.stop()
        os.close(tap)
    finally:
        lab.forget("outside")
        run("ip", "link", "del", "lower", check=False)


def journal_now():
    found = {}
    for line in open("leases", encoding="ascii").read().split("\n")[1:-1]:
        words = line.split(" ")
        assert len(words) == 8, line
        if words[1] in ("add", "renew"):
            found[words[5]] = True
        else:
            found.pop(words[5], None)
    return found


@test
def killed_at_any_moment(lab):
    """What has been told is in the journal, and the journal can be read."""
    load("	MAX_IPS = 256\n")
    rng, told = random.Random(4), set()
    for n in range(ARGS.kills):
        learnd = Learnd(command=["/bin/true"])
        for k in range(3):
            lab.send("g1", announcement(1, "10.%d.%d.%d" % (20 + n // 80, n % 80, k + 1)))
        time.sleep(rng.random() * 0.012)
        if n % 3 == 0:
            os.kill(learnd.child(), signal.SIGKILL)
        os.killpg(learnd.process.pid, signal.SIGKILL)
        while learnd.read(0.2):
            if learnd.process.poll() is not None and not select.select([learnd.process.stdout], [], [], 0)[0]:
                break
        learnd.process.wait()
        learnd.process.stdout.close()
        told |= {e["address"] for e in learnd.events if e["event"] == "add"}
        if len(told) > 240:
            break
        assert run(ARGS.nwfc, "compile", "-q", "-t", "nft", "--leases", "leases", "-o", "x.nft", "ports.nwf").returncode == 0
        # a torn last line is no line
        text = open("leases", "rb").read()
        assert told <= set(journal_now()), told - set(journal_now())
        assert text.startswith(b"nwfc-leases 1\n")
    assert told, "nothing was ever learned"


@test
def a_flood_does_not_hide_others(lab):
    load()
    learnd = Learnd()
    learnd.wait("fed")
    flood = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), "--flood"])
    time.sleep(0.7)
    rss = lambda: int([l for l in open(f"/proc/{learnd.child()}/status", encoding="ascii") if l.startswith("VmRSS")][0].split()[1])
    before = rss()
    lease(lab, learnd, guest=2, address="10.9.0.102", seconds=60)
    assert flood.poll() is None, "the flood was over too early"
    time.sleep(1)
    assert rss() - before < 1024, (before, rss())
    flood.wait()
    assert learnd.wait("dropped", seconds=12, port="vnet1")["frames"] > 1000
    learnd.stop()


def send_flood():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind(("g1", 0))
    frames = [request(1, n * 7919 & 0xFFFFFFFF, "10.9.0.66") if n % 2 else announcement(1, SERVER) for n in range(1000)]
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for frame in frames:
            s.send(frame)
    return 0


CLIENT = """#!/bin/sh
case $1 in
bound|renew) ip addr flush dev $interface; ip addr add $ip/24 dev $interface ;;
deconfig) ip addr flush dev $interface ;;
esac
"""


@test
def a_real_client_and_server(lab):
    client = shutil.which("udhcpc") or (shutil.which("busybox") and "busybox")
    if not client or not shutil.which("dnsmasq"):
        raise Skip("dnsmasq and udhcpc are not both installed (Debian packages dnsmasq-base, udhcpc)")
    load()
    lab.forget("g1")
    run("ip", "netns", "add", "guest")
    run("ip", "link", "set", "g1", "netns", "guest")
    guest = ["ip", "netns", "exec", "guest"]
    run(*guest, "ip", "link", "set", "g1", "up")
    run("ip", "addr", "add", SERVER + "/24", "dev", "br0")
    with open("client.sh", "w", encoding="ascii") as f:
        f.write(CLIENT)
    os.chmod("client.sh", 0o755)
    server = subprocess.Popen(["dnsmasq", "-d", "-u", "root", "-g", "root", "-i", "br0", "--bind-interfaces", "-p", "0", "-F", "10.9.0.150,10.9.0.160,120s",
                               "-l", "dnsmasq.leases", "--pid-file=", "--conf-file=/dev/null", "--log-facility=-"], stderr=subprocess.DEVNULL)
    learnd = Learnd()
    try:
        learnd.wait("fed")
        words = [client] + (["udhcpc"] if client == "busybox" else [])
        run(*guest, *words, "-i", "g1", "-n", "-q", "-f", "-t", "5", "-T", "1", "-s", os.path.abspath("client.sh"))
        address = learnd.wait("add", evidence="dhcp", port="vnet1")["address"]
        learnd.wait("fed")
        ping = [sys.executable, "-c", "import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind((sys.argv[1],0))\n"
                                      "s.sendto(b'x',('" + SERVER + "',4001))"]
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind((SERVER, 4001))
        listener.settimeout(1)
        run(*guest, *ping, address)
        assert listener.recvfrom(10)[1][0] == address
        run(*guest, "ip", "addr", "add", "10.9.0.199/24", "dev", "g1")
        run(*guest, *ping, "10.9.0.199")
        try:
            raise AssertionError("a spoofed packet of %s came through" % listener.recvfrom(10)[1][0])
        except socket.timeout:
            pass
        listener.close()
    finally:
        server.terminate()
        server.wait()
        run("ip", "netns", "del", "guest", check=False)
    learnd.stop()


def inside():
    passed = failed = skipped = 0
    lab = Lab(("vnet1", "g1", mac(1)), ("vnet2", "g2", mac(2)), ("srv", "s0", SERVER_MAC))
    for f in TESTS:
        if ARGS.only and f.__name__ not in ARGS.only:
            continue
        try:
            f(lab)
            passed += 1
        except Skip as e:
            skipped += 1
            print(f"SKIP {f.__name__}: {e}")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {f.__name__}")
            traceback.print_exc(file=sys.stdout)
            subprocess.run(["pkill", "-9", "learnd"], check=False)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return failed > 0


def main():
    return send_flood() if ARGS.flood else enter(inside, ARGS.inside)


PARSER = argparse.ArgumentParser()
PARSER.add_argument("--nwfc", type=os.path.abspath)
PARSER.add_argument("--learnd", type=os.path.abspath)
PARSER.add_argument("--kills", type=int, default=200)
PARSER.add_argument("--only", nargs="*")
PARSER.add_argument("--inside", action="store_true")
PARSER.add_argument("--flood", action="store_true")
ARGS = PARSER.parse_args()
Learnd.program = ARGS.learnd
sys.exit(main())
