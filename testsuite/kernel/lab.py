# SPDX-License-Identifier: MIT
"""A bridge in throw-away namespaces, and frames across it with verdicts that do not depend on luck.

        guest g0 ---- vnet0 -+              +- ext0 ---- e0 outside
                             +- br0 (host) -+  routed
         peer p0 ---- peer0 -+

Everything lives in network and mount namespaces of this process and goes away with it.  No packet
may change the fate of a later one except through connection tracking: learning, STP and snooping
are off, the forwarding database and the neighbour tables are fixed.  The process is pinned to one
CPU, whose receive queue is first in first out: when a beacon sent past the bridge arrives, all that
was sent before it has moved on at least one hop, so a few beacons replace every time-out.

Where a packet can be seen:  g guest, p peer, x outside, h the bridge device, l the host's own IP
stack behind LOCAL_IN (raw sockets, one for each protocol number).
"""
import ctypes
import errno
import os
import select
import shutil
import socket
import struct
import subprocess
import time

import frames as F
import packets as P

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
ETH_P_ALL, SO_RCVBUFFORCE = 3, 33
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
BEACON_TYPE = 0x88B6
EXT_MAC, GATEWAY_MAC = F.mac("52:54:00:ee:00:02"), F.mac("52:54:00:ee:00:01")
CHUNK = 100     # frames between beacons: fits the receive buffer an unprivileged user gets

libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine can not do what the lab needs; the text says what."""


def _call(function, *args):
    if function(*args):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def become_root_in_namespace():
    """Root in a user namespace of our own, unless we are root already."""
    if os.geteuid() == 0:
        return
    uid, gid = os.geteuid(), os.getegid()
    try:
        _call(libc.unshare, CLONE_NEWUSER)
        with open("/proc/self/setgroups", "w") as f:
            f.write("deny")
        with open("/proc/self/uid_map", "w") as f:
            f.write("0 %d 1" % uid)
        with open("/proc/self/gid_map", "w") as f:
            f.write("0 %d 1" % gid)
    except OSError as e:
        raise Unavailable("no user namespaces for this user (%s)" % e.strerror)


def new_net():
    try:
        _call(libc.unshare, CLONE_NEWNET)
    except OSError as e:
        raise Unavailable("no network namespaces (%s)" % e.strerror)
    return os.open("/proc/self/ns/net", os.O_RDONLY)


def private_mounts():
    """Our own /run, so that lock files are ours and writable."""
    try:
        _call(libc.unshare, CLONE_NEWNS)
        _call(libc.mount, b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
        _call(libc.mount, b"tmpfs", b"/run", b"tmpfs", ctypes.c_ulong(0), b"mode=755")
    except OSError as e:
        raise Unavailable("no mount namespaces (%s)" % e.strerror)
    os.makedirs("/run/lock", exist_ok=True)


def sysctl(name, value):
    try:
        with open("/proc/sys/" + name, "w") as f:
            f.write(str(value))
        return True
    except OSError:
        return False


def tool(name):
    """Full path of a firewall tool; the sbin directories are not in every user's PATH."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def choose_variant(ebtables, iptables):
    """From now on the plain names of the tools mean these variants ("nft", "legacy", or None: the system's own)."""
    directory = "/run/variant"
    os.makedirs(directory, exist_ok=True)
    for name, variant in (("ebtables", ebtables), ("iptables", iptables), ("ip6tables", iptables)):
        for suffix in ("", "-restore", "-save") if variant else ():
            link = os.path.join(directory, name + suffix)
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(tool("%s-%s%s" % (name, variant, suffix)), link)


def run(command, text=None):
    """(exit status, output and errors together) of a command in the host's namespace."""
    path = "/run/variant:" + os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    if shutil.which(command[0], path=path) is None:
        return 127, "%s: not found" % command[0]
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, LC_ALL="C", PATH=path))
    return done.returncode, done.stdout


def must(command, text=None):
    status, output = run(command, text)
    if status:
        raise RuntimeError("%s: %s" % (" ".join(command), output.strip()))
    return output


class Lab:
    def __init__(self, world, extra_protocols=()):
        self.world = world
        become_root_in_namespace()
        private_mounts()
        self.ns = {}
        for name in ("guest", "peer", "outside", "host"):
            self.ns[name] = new_net()
            if name != "host":
                sysctl("net/ipv6/conf/all/disable_ipv6", 1)
                sysctl("net/ipv6/conf/default/disable_ipv6", 1)
        self._host_settings()
        self._links()
        self._addresses()
        self.bridge_netfilter(True)
        self._sockets(extra_protocols)
        self.beacons = 0
        self.conntrack = None
        self._wait_until_forwarding()

    # ---------------------------------------------------------- building

    @staticmethod
    def _host_settings():
        for name, value in (("all/disable_ipv6", 0), ("default/accept_dad", 0), ("all/accept_dad", 0),
                            ("default/router_solicitations", 0), ("default/accept_ra", 0), ("all/forwarding", 1),
                            ("default/addr_gen_mode", 1)):
            sysctl("net/ipv6/conf/" + name, value)
        for name, value in (("ip_forward", 1), ("conf/all/rp_filter", 0), ("conf/default/rp_filter", 0),
                            ("conf/all/send_redirects", 0), ("conf/default/send_redirects", 0), ("icmp_ratelimit", 0),
                            ("icmp_ratemask", 0), ("icmp_msgs_per_sec", 1000000), ("icmp_msgs_burst", 1000000)):
            sysctl("net/ipv4/" + name, value)
        sysctl("net/ipv6/icmp/ratelimit", 0)
        # the tracker checks UDP-Lite with UDP's pseudo header and calls right sums wrong
        sysctl("net/netfilter/nf_conntrack_checksum", 0)

    def _links(self):
        w, here = self.world, "/proc/%d/fd/" % os.getpid()
        name = w.port.name
        lines = ["link set lo up",
                 "link add br0 address %s type bridge stp_state 0 mcast_snooping 0 forward_delay 0"
                 % F.mac_text(w.host_mac)]
        for port, port_mac, far, far_mac, ns in (
                (name, "fe:54:00:00:00:01", "g0", F.mac_text(w.guest_mac), "guest"),
                ("peer0", "fe:54:00:00:00:02", "p0", F.mac_text(w.peer_mac), "peer"),
                ("ext0", F.mac_text(EXT_MAC), "e0", F.mac_text(GATEWAY_MAC), "outside")):
            # a guest's hardware address may be one that no device of ours can carry
            carried = far_mac if not int(far_mac[:2], 16) & 1 else "02:00:00:00:00:99"
            lines.append("link add %s address %s type veth peer name %s address %s netns %s%d"
                         % (port, port_mac, far, carried, here, self.ns[ns]))
        must(["ip", "-batch", "-"], "\n".join(lines) + "\n")
        for port in (name, "peer0"):
            sysctl("net/ipv6/conf/%s/disable_ipv6" % port, 1)
        lines = ["link set %s master br0" % name, "link set peer0 master br0"]
        lines += ["link set %s type bridge_slave learning off" % port for port in (name, "peer0")]
        lines += ["link set %s up" % port for port in (name, "peer0", "ext0")] + ["link set br0 up arp off"]
        must(["ip", "-batch", "-"], "\n".join(lines) + "\n")
        for ns, device in (("guest", "g0"), ("peer", "p0"), ("outside", "e0")):
            self._enter(ns)
            must(["ip", "link", "set", device, "up", "arp", "off"])
        self._enter("host")

    def _addresses(self):
        w = self.world
        lines = ["addr add %s/24 brd + dev br0" % F.addr_text(w.host4),
                 "addr add %s/64 dev br0 nodad" % F.addr_text(w.host6),
                 "addr add %s/64 dev br0 nodad" % F.addr_text(w.host_ll),
                 "addr add 198.51.100.1/24 dev ext0", "addr add 2001:db8:ffff::1/64 dev ext0 nodad",
                 "route add default via 198.51.100.254 dev ext0", "route add ::/0 via 2001:db8:ffff::fe dev ext0"]
        known = [(a, w.guest_mac) for a in [w.guest4, w.guest6, w.guest_ll] + w.more]
        known += [(a, w.peer_mac) for a in (w.peer4, w.peer6, w.peer_ll)]
        known += [(a, P.OTHER_MAC) for a in (w.spoof4, w.spoof6, w.spoof_ll)]
        lines += ["neigh replace %s lladdr %s dev br0 nud permanent" % (F.addr_text(a), F.mac_text(m)) for a, m in known]
        for a in ("198.51.100.254", "198.51.100.7", "2001:db8:ffff::fe", "2001:db8:ffff::7"):
            lines.append("neigh replace %s lladdr %s dev ext0 nud permanent" % (a, F.mac_text(GATEWAY_MAC)))
        for a in w.more:
            lines.append("route replace %s dev br0" % F.addr_text(a))
        must(["ip", "-batch", "-"], "\n".join(lines) + "\n")
        entries = "".join("fdb replace %s dev %s master static\n" % (F.mac_text(m), port)
                          for m, port in ((w.guest_mac, w.port.name), (w.peer_mac, "peer0")))
        must(["bridge", "-batch", "-"], entries)

    def bridge_netfilter(self, on):
        """Whether iptables and ip6tables see bridged packets; False when this kernel lacks it."""
        done = True
        for name in ("iptables", "ip6tables"):
            done &= sysctl("net/bridge/bridge-nf-call-" + name, int(on))
        sysctl("net/bridge/bridge-nf-call-arptables", 0)
        sysctl("net/bridge/bridge-nf-filter-vlan-tagged", 0)
        return done

    def _enter(self, name):
        _call(libc.setns, self.ns[name], CLONE_NEWNET)

    # ---------------------------------------------------------- sockets

    def _sockets(self, extra_protocols):
        self.taps = {"g": self._tap("guest", "g0"), "p": self._tap("peer", "p0"), "x": self._tap("outside", "e0"),
                     "h": self._tap("host", "br0")}
        self.beacon = self._tap("host", "peer0", send_only=True)
        self.local = []
        for proto in sorted(set(extra_protocols) | {F.TCP, F.UDP, F.ICMP, F.ICMP6}):
            for family in (socket.AF_INET, socket.AF_INET6):
                if 0 < proto < 255:
                    s = socket.socket(family, socket.SOCK_RAW, proto)
                    s.setblocking(False)
                    self.local.append((family, proto, s))
        self.send4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.send6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def _tap(self, ns, device, send_only=False):
        self._enter(ns)
        try:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
                try:
                    s.setsockopt(socket.SOL_SOCKET, option, 64 << 20)
                    break
                except OSError:
                    pass
            s.bind((device, 0 if send_only else ETH_P_ALL))
            try:
                s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            except OSError as e:
                if e.errno != errno.ENOPROTOOPT:
                    raise
            s.setblocking(False)
        finally:
            self._enter("host")
        return s

    def _wait_until_forwarding(self):
        """Links come up a moment after they were told to; a frame each way proves it."""
        probe = {"g": False, "p": False}
        end = time.time() + 10
        while not all(probe.values()):
            if time.time() > end:
                raise RuntimeError("the bridge does not forward")
            for sender, dst in (("g", self.world.peer_mac), ("p", self.world.guest_mac)):
                try:
                    self.taps[sender].send(F.ethernet(dst, b"\2\0\0\0\0\1", BEACON_TYPE, b"ready?"))
                except OSError:
                    pass
            select.select([self.taps["g"], self.taps["p"]], [], [], 0.02)
            for name in probe:
                for frame in drain(self.taps[name]):
                    probe[name] |= frame[12:14] == struct.pack("!H", BEACON_TYPE)

    # ---------------------------------------------------------- traffic

    def flush_conntrack(self):
        if self.conntrack is None:
            self.conntrack = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
            self.conntrack.bind((0, 0))
        # IPCTNL_MSG_CT_DELETE without a tuple deletes all; NLM_F_REQUEST | NLM_F_ACK
        self.conntrack.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0))
        self.conntrack.recv(4096)

    def send(self, traffic, stateful):
        """{packet id: (places, answers)}: where each packet was seen, and what came back for it."""
        self.places = {p.id: set() for p in traffic}
        self.answers = {p.id: set() for p in traffic}
        self.sent = {p.id: p for p in traffic}
        batches = {}
        for packet in traffic:
            batches.setdefault(packet.batch, {}).setdefault(packet.step, []).append(packet)
        for batch in sorted(batches):
            if stateful:
                self.flush_conntrack()
            for step in sorted(batches[batch]):
                self._send_step(batches[batch][step])
        return {n: (frozenset(self.places[n]), frozenset(self.answers[n])) for n in self.places}

    def _send_step(self, members):
        self.resets = {}
        if members[0].slow:
            time.sleep(0.012)           # three ticks at 250 Hz
        for packet in members:
            if packet.decoded.flags is not None and packet.decoded.ports:
                self.resets[conversation(packet.decoded, answer=True)] = packet.id
        for index, packet in enumerate(members):
            try:
                self._transmit(packet)
            except OSError as e:
                self.answers[packet.id].add("not sent: %s" % e.strerror)
            if index % CHUNK == CHUNK - 1:
                self._barrier(1)
        self._barrier(6)

    def _transmit(self, packet):
        frame = packet.frame
        if packet.path == "out":
            self.taps["g"].send(frame)
        elif packet.path == "in":
            self.taps["p"].send(frame)
        elif packet.path == "routed":
            self.taps["x"].send(EXT_MAC + GATEWAY_MAC + frame[12:])
        elif packet.decoded.family == 4:
            self.send4.sendto(frame[14:], (F.addr_text(packet.decoded.daddr), 0))
        else:
            self.send6.sendto(frame[14:], (F.addr_text(packet.decoded.daddr), 0))

    def _barrier(self, rounds):
        for _ in range(rounds):
            self.beacons += 1
            self.beacon_seen = False
            self.beacon.send(F.ethernet(b"\xff" * 6, b"\2\0\0\0\0\1", BEACON_TYPE, struct.pack("!I", self.beacons)))
            end = time.time() + 20
            while True:
                self._collect()
                if self.beacon_seen:
                    break
                if time.time() > end:
                    raise RuntimeError("a beacon was lost, verdicts would mean nothing")
                select.select([self.taps["p"]], [], [], 0.05)

    def _collect(self):
        for place, tap in self.taps.items():
            for frame in drain(tap):
                if frame[12:14] == b"\x88\xb6":
                    self.beacon_seen |= place == "p" and frame[14:18] == struct.pack("!I", self.beacons)
                else:
                    self._seen(place, frame)
        for family, proto, s in self.local:
            for data in drain(s):
                if family == socket.AF_INET:
                    self._seen("l", bytes(12) + b"\x08\0" + data)
                else:
                    # raw IPv6 sockets give the payload only
                    self._seen("l", F.ethernet(bytes(6), bytes(6), F.ETH_IP6, F.ip6(bytes(16), bytes(16), proto, data)))

    def _seen(self, place, frame):
        number = F.tag_in(frame)
        if number is None:
            self._reset_seen(place, frame)
            return
        packet = self.sent.get(number)
        if packet is None:
            return
        sender = SENDER_TAP[packet.path]
        error = icmp_error(frame)
        if error and not icmp_error(packet.frame):
            if place == sender:
                self.answers[number].add(error)
        elif place != sender:
            self.places[number].add(place)

    def _reset_seen(self, place, frame):
        """A RST carries no data; addresses and ports, which are nearly unique, tell what it answers."""
        if frame[12:14] not in (b"\x08\0", b"\x86\xdd"):
            return
        decoded = F.Decoded(frame)
        if decoded.flags is None or not decoded.flags & F.RST or not decoded.ports:
            return
        number = self.resets.get(conversation(decoded))
        if number is not None and place == SENDER_TAP[self.sent[number].path]:
            self.answers[number].add("reset")


def conversation(decoded, answer=False):
    ends = (decoded.saddr, decoded.ports[0]), (decoded.daddr, decoded.ports[1])
    return ends[::-1] if answer else ends


SENDER_TAP = {"out": "g", "in": "p", "routed": "x", "host": "h"}


def drain(s):
    while True:
        try:
            yield s.recv(65536)
        except BlockingIOError:
            return


def icmp_error(frame):
    """'unreachable CODE' or 'error TYPE' for an ICMP error message, None for all else."""
    kind = frame[12:14]
    if kind == b"\x08\0" and len(frame) > 34 and frame[23] == F.ICMP:
        at = 14 + (frame[14] & 15) * 4
        if frame[at] in (3, 4, 5, 11, 12):
            return "unreachable %d" % frame[at + 1] if frame[at] == 3 else "error %d" % frame[at]
    if kind == b"\x86\xdd" and len(frame) > 55 and frame[20] == F.ICMP6 and frame[54] < 128:
        return "unreachable %d" % frame[55] if frame[54] == 1 else "error %d" % frame[54]
    return None
