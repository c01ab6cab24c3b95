# SPDX-License-Identifier: MIT
"""Bridges in a bad world: forged frames, devices with odd names, full disks, tools that fail, runs that are killed.

Each check is given the bed of bridges.py, as it was before any script ran, and leaves it so.
"""
import os
import subprocess
import sys
import time

import lab


def forge(machine, source):
    """A frame with the address of another machine."""
    code = (f"import socket;s=socket.socket(17,3);s.bind(('eth0',0));"
            f"s.send(bytes.fromhex('ffffffffffff{source.replace(':', '')}88b5')+b'forged')")
    subprocess.run([*machine.prefix, sys.executable, "-c", code], check=True)


def fdb(b, mac, *words):
    lab.run("bridge", "fdb", words[0], mac, "dev", words[1], "master", *words[2:])


def check_forged(b):
    """Who sends with a guest's address where addresses are learned does not get what is for the guest."""
    mac, port = b.mac, b.port
    b.gives(0, "bridge")
    b.check(b.where(mac) == {port}, f"the address is pinned: {b.where(mac)}")
    forge(b.net["up"], mac)
    b.check(b.where(mac) == {port}, f"a frame from the uplink took the guest's address to {b.where(mac)}")
    b.gives(0, "bridge", "remove")
    fdb(b, mac, "replace", port, "static")  # as libvirt does
    b.gives(1, "bridge", "verify", says=f"port {port}: {mac} may move to another port")
    b.gives(0, "bridge")
    forge(b.net["up"], mac)
    b.check(b.where(mac) == {port}, "an entry of libvirt's is not held")
    b.gives(0, "bridge", "remove")
    b.check(b.where(mac) == {port}, "an entry of libvirt's is taken away")
    forge(b.net["up"], mac)
    b.check(b.where(mac) == {"vup"}, "an entry of libvirt's is still held after remove")
    fdb(b, mac, "del", "vup")
    fdb(b, mac, "add", "vfar", "static", "sticky")
    b.gives(0, "bridge", says="was at port vfar")
    b.gives(0, "bridge", "remove")
    forge(b.net["up"], mac)
    b.check(b.where(mac) == {"vfar"}, "an entry that was held is not after remove")
    b.gives(0, "bridge")
    b.host.ip("link set vfar nomaster")
    b.gives(0, "bridge", "remove")
    b.check(not b.where(mac), "the address's former port is gone, and ours is left")
    b.host.ip("link set vfar master nb")
    b.unchanged("forged frames")


def check_record(b):
    """What can not be taken back stays in the record, and can be later."""
    b.gives(0, "bridge")
    b.gives(1, "bridge", "remove", says="could not be taken back", **b.fake("*fdb*del*|*learning*on*", "exit 1"))
    b.gives(0, "bridge", "remove")
    b.unchanged("a remove that failed, and another")
    b.gives(0, "bridge")
    (b.folder / "all").write_text(lab.run(b.nwfc, "remove", "-t", "bridge").stdout)
    b.gives(1, "all", says="could not be taken back", **b.fake("*fdb*del*", "exit 1"))
    b.gives(0, "all")
    b.unchanged("a remove of all that failed, and another")


def check_full_disk(b):
    b.gives(0, "bridge")
    full = b.folder / "full"
    full.mkdir()
    lab.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(full))
    done = b.state()
    for action in ("apply", "remove", "verify"):
        with open(full / "fill", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        status = b.run("bridge", action, TMPDIR=str(full)).returncode
        b.check(status == 1 and b.state() == done, f"{action} with a full disk: status {status}")
    lab.run("umount", str(full))
    b.gives(0, "bridge", "remove")
    b.unchanged("remove after a full disk")


def check_no_links(b):
    """ip that fails when it is asked for all devices: the record is not emptied."""
    b.gives(0, "bridge")
    b.gives(1, "bridge", says="nothing has been changed", **b.fake("'-o link show'", "exit 1", "ip"))
    b.gives(0, "bridge", "remove")
    b.unchanged("remove after ip failed")


def check_deaf(b):
    """Nobody reads the messages."""
    b.host.ip("link set vg2 nomaster")
    words = ["sh", str(b.folder / "bridge")]
    for _ in range(2):
        r, w = os.pipe()
        os.close(r)
        status = subprocess.run(words, stderr=w, env=dict(os.environ, **b.env), check=False).returncode
        os.close(w)
        b.check(status == 0, f"nobody reads the messages: status {status}")
    b.gives(0, "bridge", "remove")
    b.host.ip("link set vg2 master nb")
    b.unchanged("nobody reads the messages")


def check_whole(b):
    """apply is all or nothing whatever stops the half of the bridges, and from wherever it is called."""
    b.compile_for("nb", "vg1", "stray")
    b.host.ip("link add stray type bridge")
    before = b.state()
    b.gives(1, "apply", says="nothing has been changed")
    b.check(b.state() == before, f"a port on no bridge: {b.state()}")
    b.host.ip("link del stray")
    b.compile_for("nb", "vg1", None)
    b.gives(1, "apply", says="nothing has been changed", **b.fake("*isolated*on*", "kill -9 $PPID $$; exit"))
    b.unchanged("the bridges' half killed")
    elsewhere = b.folder / "cdpath" / b.folder.name
    elsewhere.mkdir(parents=True)
    (elsewhere / "bridge").write_text("echo wrong place >&2; exit 1\n")
    done = subprocess.run(["sh", f"{b.folder.name}/apply"], cwd=b.folder.parent, check=False, capture_output=True,
                          text=True, env=dict(os.environ, **b.env, CDPATH=str(b.folder / "cdpath")))
    b.check(done.returncode == 0, f"CDPATH leads apply elsewhere: {done.stderr}")
    b.gives(0, "remove")
    b.unchanged("remove")


def check_two_at_once(b):
    """A run that fails late does not take from under another, which came after its bridges' half, what that needs."""
    good = (b.folder / "nwfc.nft").read_text()
    b.env["NWFC_LOCK"] = str(b.folder / "lock")
    env = dict(os.environ, **b.env, **b.fake("*-f*nwfc.nft*", "sleep 1.5; exit 1", "nft"))
    slow = subprocess.Popen(["sh", str(b.folder / "apply")], env=env, stderr=subprocess.DEVNULL)
    time.sleep(0.9)
    b.gives(0, "apply")
    b.check(slow.wait() == 1, "the first run fails")
    b.check(b.verified() and b.where(b.mac) == {b.port}, "a run that failed took the bridges' half of another")
    b.gives(0, "remove")
    b.env["NWFC_LOCK"] = ""
    (b.folder / "nwfc.nft").write_text(good)
    b.unchanged("two at once")


def check_killed(b):
    """Killed at each of its commands in turn: the next run does the rest, and remove takes all back."""
    n, status, pid = 0, -9, b.folder / "pid"
    (b.folder / "mortal").write_text(f"echo $$ >{pid}; exec sh {b.folder}/bridge\n")
    while status == -9 and n < 200:
        n += 1
        count = b.folder / "count"
        count.write_text("")
        env = b.fake("*", f"echo >>{count}; [ $(wc -l <{count}) != {n} ] || {{ kill -9 $(cat {pid}) $$; exit; }}; "
                          "false;; esac; case x in y)")
        status = b.run("mortal", **env).returncode
        if n % 3 == 0:
            b.gives(0, "bridge", text=f"after a kill at command {n}")
            b.check(b.verified(), f"after a kill at command {n} and another run")
        b.gives(0, "bridge", "remove", text=f"after a kill at command {n}")
        b.unchanged(f"killed at command {n}")
    b.check(status == 0 and n > 5, f"{n} commands, status {status}")


def check_whose(b):
    """An address that leads to two ports, or to another than the document says, is put at none."""
    b.host.ip(f"link set vfar address fe{b.mac[2:]}")
    b.compile_for("nb", None)
    b.gives(1, "bridge", says=f"bridge nb has several ports that may be that of {b.mac}: ")
    b.gives(1, "bridge", "verify", says="several ports")
    b.check(not b.where(b.mac), f"an address of two ports: {b.where(b.mac)}")
    b.gives(0, "bridge", "remove")
    b.unchanged("an address of two ports")
    b.compile_for("nb", "vg1")
    b.gives(0, "bridge")
    b.check(b.where(b.mac) == {"vg1"}, "one of two ports, by its name")
    b.gives(0, "bridge", "remove")
    b.host.ip("link set vfar address 02:00:00:00:00:0f")
    b.compile_for("nb", "vup")
    b.gives(1, "bridge", says=f"port vup is not that of {b.mac}, which is vg1")
    b.check(not b.where(b.mac), f"an address at another's port: {b.where(b.mac)}")
    b.gives(0, "bridge", "remove")
    b.unchanged("an address at another's port")
    b.compile_for("nb", "vg1", None)


def check_failing(b):
    """Each use of bridge fails in turn: all is done, or nothing, and what is said of it is true."""
    n = uses = 0
    while n <= uses:
        n += 1
        count = b.folder / "count"
        count.write_text("")
        done = b.run("bridge", **b.fake("*", f"echo >>{count}; [ $(wc -l <{count}) != {n} ] || exit 1; false;; esac; "
                                             "case x in y)"))
        uses = len(count.read_text())
        if done.returncode == 0:
            b.check(b.verified() or "can not be held" in done.stderr, f"bridge fails at use {n}: {done.stderr}")
        elif "could not be taken back" not in done.stderr:
            b.unchanged(f"bridge fails at use {n}")
        b.gives(0, "bridge", "remove", text=f"bridge failed at use {n}")
        b.unchanged(f"bridge failed at use {n}, remove")
    b.check(n > 10, f"{n} uses of bridge")


def check_names(b):
    """Ports and bridges whose names are words of the tools' output."""
    mac = b.mac
    for bridge, port in (("selfmade", "static1"), ("static", "self"), ("dev", "master"), ("vlan", "br"), ("up", "type")):
        lab.run("ip", "link", "add", "name", bridge, "type", "bridge", "forward_delay", "0")
        lab.run("ip", "link", "set", "dev", bridge, "up")
        lab.run("ip", "link", "add", "name", port, "type", "veth", "peer", "name", "peer")
        lab.run("ip", "link", "set", "dev", "peer", "up")
        lab.run("ip", "link", "set", "dev", port, "up", "master", bridge)
        b.compile_for(bridge, port, targets="bridge")
        lab.run("bridge", "fdb", "replace", mac, "dev", port, "master", "dynamic")
        flags = b.state(bridge)[0]
        b.gives(0, "bridge")
        b.check(b.entries(bridge) == {(mac, port)}, f"{bridge}, {port}: {b.entries(bridge)}")
        record = (b.folder / "record").read_text()
        b.gives(0, "bridge")
        b.check((b.folder / "record").read_text() == record and b.verified(), f"{bridge}, {port}: a second run")
        b.gives(0, "bridge", "remove")
        b.check(b.state(bridge)[0] == flags and not b.where(mac, bridge), f"{bridge}, {port}: remove")
        lab.run("ip", "link", "del", "dev", port)
        lab.run("ip", "link", "del", "dev", bridge)


PARTS = (check_forged, check_record, check_full_disk, check_no_links, check_deaf, check_whole, check_two_at_once,
         check_whose, check_killed, check_failing)
