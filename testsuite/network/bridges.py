#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The script of bridges, and apply and remove over it, on a real bridge in a namespace.

    bridges.py --nwfc build/nwfc
    bridges.py --nwfc build/nwfc --kernel    only what another kernel may do otherwise

What the kernel lacks (VLAN filtering of bridges, tc's csum) the script must say; the rest is tested all the same.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bridge_trouble
import lab

MACS = {"g1": "52:54:00:00:00:01", "g2": "52:54:00:00:00:02"}
STRANGER = "52:54:00:00:00:99"
BRIDGE, PORT1, PORT2 = "nb", "vg1", "vg2"
ODD = ("b'r$(id)`\\n*", "p\"'$x;\\1e1", "-o&|<>#~")  # bridge, ports; 15 bytes at most


FAKE = """#!/bin/sh
line() {{
	case $* in
	{condition}) {action} ;;
	esac
	exec {real} "$@"
}}
force=
case $* in
*-batch*)
	for file; do
		[ "$file" != -force ] || force=1
	done
	number=0 status=0
	while read -r words; do
		number=$((number + 1))
		(line $words) </dev/null && continue
		echo "Command failed $file:$number" >&2
		status=1
		[ "$force" ] || break
	done <"$file"
	exit $status
	;;
esac
line "$@"
"""


def network(bridge=BRIDGE):
    return f"""<network><name>n</name><forward mode='nat'/><bridge name="{escape(bridge)}" macTableManager='libvirt'/>
<port isolated='yes'/><ip address='10.9.9.1' prefix='24'><dhcp><range start='10.9.9.2' end='10.9.9.9'/></dhcp></ip></network>"""


def escape(text):
    for c, word in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(c, word)
    return text


def domains(*names):
    """One guest each; None: its port's name is not said."""
    guests = ""
    for mac, name in zip(MACS.values(), names):
        target = f"<target dev=\"{escape(name)}\"/>" if name else ""
        guests += (f"<domain><name>g</name><devices><interface type='network'><mac address='{mac}'/>"
                   f"<source network='n'/>{target}</interface></devices></domain>")
    return f"<domains>{guests}</domains>"


def sh(*words, **env):
    return subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ, **env))


def entries(bridge=BRIDGE):
    """Static entries of machines: {(address, port)}."""
    fdb = (x.split() for x in sh("bridge", "fdb", "show", "br", bridge).stdout.splitlines())
    return {(x[0], x[2]) for x in fdb if "static" in x and x[0].startswith("52:54:00")}


def state(bridge=BRIDGE):
    """All that the script may change."""
    links = json.loads(sh("bridge", "-j", "-d", "link", "show").stdout or "[]")
    flags = {x["ifname"]: tuple(x.get(k) for k in ("learning", "flood", "isolated")) for x in links}
    vlans = " vlan_filtering 1 " in sh("ip", "-d", "link", "show", "dev", bridge).stdout
    sums = sh("tc", "filter", "show", "dev", bridge, "egress").stdout
    return flags, entries(bridge), vlans, sums, sh("tc", "qdisc", "show", "dev", bridge).stdout


def frame(net, source, to, word):
    """A frame of machine source to the address `to`; who of the others gets it."""
    listen = ("import socket,sys,select;s=socket.socket(17,3,socket.htons(0x88b5));s.bind(('eth0',0x88b5));"
              "print('ready',flush=True);r=select.select([s],[],[],1.5);print(s.recv(99)[14:].decode() if r[0] else '')")
    ears = {}
    for name, m in net.items():
        if name != source:
            ears[name] = subprocess.Popen([*m.prefix, sys.executable, "-c", listen], stdout=subprocess.PIPE, text=True)
    for p in ears.values():
        p.stdout.readline()
    send = (f"import socket;s=socket.socket(17,3);s.bind(('eth0',0));"
            f"s.send(bytes.fromhex('{to.replace(':', '')}')+s.getsockname()[4]+bytes.fromhex('88b5')+b'{word}')")
    subprocess.run([*net[source].prefix, sys.executable, "-c", send], check=True)
    return {name for name, p in ears.items() if p.communicate()[0].strip().startswith(word)}


class Bed(lab.Checks):
    """A bridge with two guests, an uplink and one more; what is compiled for it; and the checks."""
    mac, port = MACS["g1"], PORT1
    state, entries = staticmethod(state), staticmethod(entries)

    def __init__(self, nwfc, folder):
        super().__init__()
        self.nwfc, self.folder = nwfc, Path(folder)
        self.env = {"NWFC_LOCK": "", "NWFC_RECORD": str(self.folder / "record"), "TMPDIR": folder}
        self.host, self.net = lab.Machine("host", False), {}
        self.bridge(BRIDGE)
        for name in ("g1", "g2", "up", "far"):
            self.net[name] = lab.Machine(name, True)
            self.plug(name)
        self.can_vlan = "vlan_default_pvid" in sh("ip", "-d", "link", "show", "dev", BRIDGE).stdout
        self.can_sum = self.try_sums()
        self.before = state()

    def bridge(self, name):
        lab.run("ip", "link", "add", "name", name, "type", "bridge", "stp_state", "0", "forward_delay", "0",
                "mcast_snooping", "0")
        lab.run("ip", "link", "set", "dev", name, "up")

    def plug(self, name):
        """The host's end has the guest's address as libvirt gives it to a tap. IPv6, which speaks up by itself on a new
        link and is learned, also in the place of a static entry, is off: an entry follows each frame of its machine."""
        m = self.net[name]
        m.set({"ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1})
        self.host.ip(f"link add v{name} type veth peer name eth0 netns {m.holder.pid}")
        if name in MACS:
            m.ip(f"link set eth0 address {MACS[name]}")
            self.host.ip(f"link set v{name} address fe{MACS[name][2:]}")
        self.host.ip(f"link set v{name} master {BRIDGE}")
        self.host.ip(f"link set v{name} up")
        m.ip("link set eth0 up")

    def try_sums(self):
        self.bridge("try")
        sh("tc", "qdisc", "add", "dev", "try", "clsact")
        done = sh("tc", "filter", "add", "dev", "try", "egress", "protocol", "ip", "u32", "match", "u32", "0", "0",
                  "action", "csum", "ip")
        lab.run("ip", "link", "del", "try")
        return done.returncode == 0

    def compile(self, net, guests, targets="all"):
        for name, text in (("n.xml", net), ("d.xml", guests)):
            (self.folder / name).write_text(text)
        out = self.folder if targets == "all" else self.folder / "bridge"
        done = sh(self.nwfc, "compile", "-q", "-t", targets, "-o", str(out), str(self.folder / "n.xml"),
                  str(self.folder / "d.xml"))
        self.check(done.returncode == 0, done.stderr)

    def compile_for(self, bridge, *ports, targets="all"):
        self.compile(network(bridge), domains(*ports), targets)

    def run(self, script, *words, **env):
        return sh("sh", str(self.folder / script), *words, **dict(self.env, **env))

    def gives(self, status, script, *words, says="", text="", **env):
        done = self.run(script, *words, **env)
        self.check(done.returncode == status and says in done.stderr,
                   f"{text or script} {words}: status {done.returncode}, {done.stderr}")
        return done.stderr

    def fake(self, condition, action, *tools):
        """A `bridge', or other tools, that do something else where their arguments, or a line of a batch, are like that."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for tool in tools or ("bridge",):
            real = sh("sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin; command -v {tool}").stdout.strip()
            (folder / tool).write_text(FAKE.format(condition=condition, action=action, real=real))
            (folder / tool).chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}"}

    def where(self, mac, bridge=BRIDGE):
        """The ports at which the table has the address."""
        fdb = (x.split() for x in sh("bridge", "fdb", "show", "br", bridge).stdout.splitlines())
        return {x[2] for x in fdb if x[0] == mac}

    def unchanged(self, text):
        """All is as it was before any script ran."""
        self.check(state() == self.before and not (self.folder / "record").exists(), f"{text}: {state()}")

    def verified(self):
        """verify finds nothing but what this kernel can not do."""
        done = self.run("bridge", "verify")
        wrong = [x for x in done.stderr.splitlines() if "VLAN filtering" not in x and "checksums" not in x]
        return not wrong and done.returncode == (0 if self.can_sum else 1)

    def close(self):
        for m in (self.host, *self.net.values()):
            m.close()


def check_script(b):
    b.gives(1, "bridge", "verify", says="learning", text="before")
    b.check(state() == b.before, "verify changes something")
    said = b.gives(0, "bridge")
    b.check(("no VLAN filtering" in said) != b.can_vlan, f"VLAN filtering of this kernel: {said}")
    b.check(("can not finish checksums" in said) != b.can_sum, f"checksums of this kernel: {said}")
    flags, table, vlans, sums, _ = after = state()
    b.check(all(flags[f"v{g}"] == (False, False, True) for g in MACS), f"flags after: {flags}")
    b.check(table == {(MACS["g1"], PORT1), (MACS["g2"], PORT2)}, f"entries after: {table}")
    b.check(all(flags[x] == b.before[0][x] for x in ("vup", "vfar")), "the uplink was touched")
    b.check(vlans == b.can_vlan and ("csum" in sums) == b.can_sum, "the bridge itself")
    record = (b.folder / "record").read_text()
    b.gives(0, "bridge", "apply")
    b.check(state() == after and (b.folder / "record").read_text() == record, "a second run changes something")
    b.check(b.verified(), "verify after")
    b.gives(2, "bridge", "aply", says="apply, remove or verify?")
    return after


def check_differences(b, after):
    breaks = [(["bridge", "link", "set", "dev", PORT1, "learning", "on"], "learning is on"),
              (["bridge", "link", "set", "dev", PORT1, "flood", "on"], "flood is on"),
              (["bridge", "link", "set", "dev", PORT2, "isolated", "off"], "isolated is off"),
              (["bridge", "fdb", "del", MACS["g2"], "dev", PORT2, "master"], "is not in the table"),
              (["bridge", "fdb", "replace", MACS["g2"], "dev", "vfar", "master", "static"], "is not in the table")]
    if b.can_vlan:
        breaks.append((["ip", "link", "set", "dev", BRIDGE, "type", "bridge", "vlan_filtering", "0"], "filtering is off"))
    if b.can_sum:
        breaks.append((["tc", "qdisc", "del", "dev", BRIDGE, "clsact"], "checksums"))
    for words, says in breaks:
        lab.run(*words)
        b.gives(1, "bridge", "verify", says=says, text=str(words))
        b.gives(0, "bridge")
        b.check(state()[:3] == after[:3] and b.verified(), f"{words} is not mended")
    lab.run("bridge", "fdb", "replace", STRANGER, "dev", PORT1, "master", "static")
    b.gives(1, "bridge", "verify", says=f"{STRANGER} is in the table too")
    lab.run("bridge", "fdb", "del", STRANGER, "dev", PORT1, "master", "static")
    lab.run("ip", "link", "set", "dev", PORT1, "nomaster")
    b.gives(1, "bridge", "verify", says="port vg1 is not on bridge nb")
    lab.run("ip", "link", "set", "dev", PORT1, "master", BRIDGE)
    b.gives(0, "bridge")
    b.check(state()[:3] == after[:3], "a port that comes back")
    b.gives(0, "bridge", "remove")
    b.check(entries() == {(MACS["g2"], "vfar")}, "an address that was moved is not moved back")
    lab.run("bridge", "fdb", "del", MACS["g2"], "dev", "vfar", "master", "static")
    b.check(state() == b.before, f"after all of it, remove: {state()}")


def check_frames(b):
    b.gives(0, "bridge", "remove")
    lab.run("ip", "link", "set", "dev", PORT1, "type", "bridge_slave", "fdb_flush")
    b.check(frame(b.net, "up", MACS["g1"], "before") >= {"g1", "g2"}, "without the script a neighbour is flooded")
    b.check("g2" in frame(b.net, "g1", MACS["g2"], "talk"), "without the script guests reach each other")
    b.gives(0, "bridge")
    lab.run("ip", "link", "set", "dev", PORT1, "type", "bridge_slave", "fdb_flush")
    b.check(frame(b.net, "up", MACS["g1"], "pinned") & set(MACS) == {"g1"}, "a pinned guest alone gets its frames")
    b.check(not frame(b.net, "up", STRANGER, "none") & set(MACS), "no guest gets frames for unknown addresses")
    b.check("g2" not in frame(b.net, "g1", MACS["g2"], "isolated"), "isolated ports reach each other")
    b.check("up" in frame(b.net, "g1", "ff:ff:ff:ff:ff:ff", "out"), "an isolated port reaches the uplink")


def check_removal(b):
    """What others did before us stays; what is ours goes, also when a run was killed."""
    b.gives(0, "bridge", "remove")
    b.check(state() == b.before, f"remove restores: {state()} {b.before}")
    b.check(not (b.folder / "record").exists(), "the record is left")
    lab.run("bridge", "link", "set", "dev", PORT1, "learning", "off", "flood", "off")
    lab.run("bridge", "fdb", "add", MACS["g1"], "dev", PORT1, "master", "static")
    lab.run("bridge", "fdb", "add", MACS["g2"], "dev", "vfar", "master", "static")
    before = state()
    b.gives(0, "bridge", says="was at port vfar")
    b.gives(0, "bridge", "remove")
    b.check(state() == before, "remove takes what was there before us")
    lab.run("bridge", "fdb", "del", MACS["g1"], "dev", PORT1, "master", "static")
    lab.run("bridge", "fdb", "del", MACS["g2"], "dev", "vfar", "master", "static")
    lab.run("bridge", "link", "set", "dev", PORT1, "learning", "on", "flood", "on")
    b.gives(-9, "bridge", **b.fake(f"*replace*{MACS['g2']}*", "kill -9 $PPID"))
    b.check(state() != b.before, "the run was killed too early for the test")
    (b.folder / "all").write_text(sh(b.nwfc, "remove", "-t", "bridge").stdout)
    b.gives(0, "all")
    b.check(state() == b.before, "after a killed run something is left")
    b.gives(0, "bridge")
    lab.run("ip", "link", "del", PORT1)
    b.plug("g1")
    b.gives(0, "bridge", "remove")
    b.check(state() == b.before, f"a port made anew: {state()}")


def check_guests_that_go(b):
    """A guest that is no longer in the documents is left as it is, until all is taken away."""
    b.gives(0, "bridge")
    first = state()
    b.compile(network(), domains(PORT1))
    b.gives(0, "bridge")
    b.check(state() == first, f"a script without a guest changes its port: {state()}")
    b.gives(0, "bridge", "remove")
    b.check(entries() == {(MACS["g2"], PORT2)}, "remove takes another script's steps back")
    b.gives(0, "apply")
    b.gives(0, "remove")
    b.check(state() == b.before, f"remove of all leaves something: {state()}")
    b.compile(network(), domains(PORT1, None))


def check_many(b, guests=300):
    """What it takes does not grow with the square of the guests, nor does each start a dozen tools."""
    names, macs = [f"m{i}" for i in range(guests)], [f"52:54:00:01:{i >> 8:02x}:{i & 255:02x}" for i in range(guests)]
    b.bridge("many")
    lines = [x for n in names for x in (f"link add {n} type veth peer name p{n}", f"link set {n} master many up")]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    before = state("many")
    guests = "".join(f"<domain><devices><interface type='network'><mac address='{m}'/><source network='n'/>"
                     f"<target dev='{n}'/></interface></devices></domain>" for n, m in zip(names, macs))
    b.compile(network("many"), f"<domains>{guests}</domains>", "bridge")
    start = time.monotonic()
    b.gives(0, "bridge")
    b.check(entries("many") == set(zip(macs, names)), "many guests")
    b.check(b.verified(), "many guests: verify")
    b.gives(0, "bridge", "remove")
    spent = time.monotonic() - start
    b.check(state("many") == before, "many guests: remove")
    b.check(spent < 5, f"{len(names)} guests take {spent:.1f} s")
    subprocess.run(["ip", "-batch", "-"], input="\n".join(f"link del {n}" for n in names), text=True, check=True)
    lab.run("ip", "link", "del", "many")
    b.compile(network(), domains(PORT1, None))


def check_failure(b):
    for condition in (f"*flood*|*fdb*replace*{MACS['g2']}*", f"*set*dev*{PORT2}*isolated*"):
        said = b.gives(1, "bridge", says="nothing has been changed", **b.fake(condition, "exit 1"))
        b.check(state() == b.before and "port vg" in said, f"after a failure at {condition}: {state()}")
    lab.run("ip", "link", "set", "dev", PORT1, "nomaster")
    for script in ("bridge", "apply"):
        said = b.gives(1, script, says="nothing has been changed")
        b.check(f"port {PORT1} is not on bridge" in said, said)
    lab.run("ip", "link", "set", "dev", PORT1, "master", BRIDGE)
    b.check(state() == b.before, "after a port that is elsewhere")
    b.gives(0, "bridge")
    told = state()
    b.gives(1, "bridge", "remove", says="can not be read", **b.fake("*fdb*show*", "exit 1"))
    b.check(state() == told, "a remove that can not look")
    b.gives(0, "bridge", "remove")
    b.check(state() == b.before, "remove after one that could not look")
    b.gives(1, "bridge", says="can not be written", NWFC_RECORD="/proc/none")
    b.check(state() == b.before, "a run without a record changes something")
    lab.run("ip", "link", "set", "dev", PORT2, "nomaster")
    b.gives(0, "bridge", says=f"bridge nb has no port for {MACS['g2']}")
    b.check(entries() == {(MACS["g1"], PORT1)}, "the other guest is left out")
    lab.run("ip", "link", "set", "dev", PORT2, "master", BRIDGE)
    b.gives(0, "bridge", "remove")
    b.check(state() == b.before, "remove after a guest was missing")


def check_apply(b):
    for kind, file in (("nft", "nwfc.nft"), ("xtables", "xtables")):
        b.gives(0, "apply", kind)
        rules = sh("nft", "list", "ruleset").stdout
        b.check(state() != b.before and BRIDGE in rules, f"apply {kind} does not do both")
        b.gives(0, "remove", kind)
        b.check(state() == b.before, f"remove {kind}: {state()}")
        b.check("nwfc" not in sh("nft", "list", "ruleset").stdout, f"remove {kind} leaves rules")
        rules = b.folder / file
        good = rules.read_text()
        rules.write_text("nonsense\n" + good if kind == "nft" else "exit 1\n")
        b.gives(1, "apply", kind, says="nothing has been changed")
        b.check(state() == b.before, f"a failing apply {kind} leaves something: {state()}")
        rules.write_text(good)
    b.gives(1, "apply", says="nothing has been changed", **b.fake("*isolated*on*", "exit 1"))
    b.check("nwfc" not in sh("nft", "list", "ruleset").stdout, "rules without their bridge")
    b.gives(2, "apply", "tables")


def check_odd_names(b):
    bridge, *ports = ODD
    b.bridge(bridge)
    for p in ports:
        lab.run("ip", "link", "add", "name", p, "type", "veth", "peer", "name", "peer")
        lab.run("ip", "link", "set", "dev", "peer", "netns", str(b.net["far"].holder.pid), "name", f"x{ports.index(p)}")
        lab.run("ip", "link", "set", "dev", p, "master", bridge)
    before = state(bridge)
    b.compile(network(bridge), domains(*ports), "bridge")
    b.gives(0, "bridge")
    flags, table, *_ = after = state(bridge)
    b.check(all(flags[p] == (False, False, True) for p in ports), f"odd names: {flags}")
    b.check(table == set(zip(MACS.values(), ports)), f"odd names: {table}")
    b.gives(0, "bridge")
    b.check(state(bridge) == after and b.verified(), "odd names: a second run")
    b.gives(0, "bridge", "remove")
    b.check(state(bridge) == before, "odd names: remove")


PARTS = (check_frames, check_removal, check_guests_that_go, check_many, check_failure, check_apply,
         *bridge_trouble.PARTS, check_odd_names, bridge_trouble.check_names)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    ap.add_argument("--kernel", action="store_true")
    opt = ap.parse_args()
    status = lab.in_namespace("bridges")
    if status is not None:
        return status
    if (why := lab.needs(services=False)):
        return lab.skip("bridges", why)
    bed = None
    try:
        with tempfile.TemporaryDirectory() as folder:
            bed = Bed(os.path.abspath(opt.nwfc), folder)
            bed.compile(network(), domains(PORT1, None))
            after = check_script(bed)
            check_differences(bed, after)
            for part in () if opt.kernel else PARTS:
                part(bed)
    finally:
        if bed:
            bed.close()
    return bed.status()


if __name__ == "__main__":
    sys.exit(main())
