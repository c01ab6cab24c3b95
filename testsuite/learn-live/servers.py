# SPDX-License-Identifier: MIT
"""Real DHCP servers, routers and clients, with what each needs on its command line and in its files."""
import json
import os
import shutil
import signal
import time

from lab import Skip

# name: (program, Debian package)
PROGRAMS = {
    "udhcpc": ("udhcpc", "udhcpc"),
    "dhclient": ("dhclient", "isc-dhcp-client"),
    "dhclient6": ("dhclient", "isc-dhcp-client"),
    "dnsmasq": ("dnsmasq", "dnsmasq-base"),
    "dnsmasq6": ("dnsmasq", "dnsmasq-base"),
    "kea": ("kea-dhcp4", "kea-dhcp4-server"),
    "kea6": ("kea-dhcp6", "kea-dhcp6-server"),
    "dhcpd": ("dhcpd", "isc-dhcp-server"),
    "dhcpd6": ("dhcpd", "isc-dhcp-server"),
    "radvd": ("radvd", "radvd"),
}
DNSMASQ = ["dnsmasq", "-d", "-u", "root", "-g", "root", "-i", "s0", "--bind-interfaces", "-p", "0", "-l", "dnsmasq.leases", "--pid-file=",
           "--conf-file=/dev/null", "--log-facility=-"]
KEA = {"KEA_PIDFILE_DIR": ".", "KEA_LOCKFILE_DIR": "none", "KEA_LOGGER_DESTINATION": "stdout"}
UDHCPC_SCRIPT = """#!/bin/sh
case $1 in
bound|renew) ip -4 addr flush dev $interface; ip addr add $ip/24 dev $interface ;;
deconfig) ip -4 addr flush dev $interface ;;
esac
"""
# The leased address needs no duplicate detection of its own here: it would only take a second more.
DHCLIENT_SCRIPT = """#!/bin/sh
case $reason in
BOUND|RENEW|REBIND|REBOOT) ip -4 addr flush dev $interface; ip addr add $new_ip_address/24 dev $interface ;;
BOUND6|RENEW6|REBIND6) ip -6 addr replace $new_ip6_address/64 dev $interface nodad ;;
EXPIRE|FAIL|RELEASE|STOP) ip -4 addr flush dev $interface ;;
EXPIRE6|RELEASE6|STOP6|DEPREF6) ip -6 addr flush dev $interface scope global ;;
esac
"""


def need(*names):
    for name in names:
        program, package = PROGRAMS[name]
        if not shutil.which(program):
            raise Skip(f"{program} is missing (Debian package {package})")


def write(name, text, mode=0o644):
    with open(name, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(name, mode)
    return os.path.abspath(name)


# --- servers: each gives leases of so many seconds on s0, as far as it can give so short ones

def dnsmasq(bed, _seconds):
    return bed.spawn("server", *DNSMASQ, "-F", "10.9.0.150,10.9.0.160,120s", "--dhcp-authoritative")


def dnsmasq6(bed, _seconds):
    return bed.spawn("server", *DNSMASQ, "-F", "fd09::100,fd09::1ff,64,120s", "-F", "fd09::,ra-stateless", "--enable-ra")


def kea(bed, seconds):
    config = {"interfaces-config": {"interfaces": ["s0"], "dhcp-socket-type": "raw"}, "lease-database": {"type": "memfile", "persist": False},
              "valid-lifetime": seconds, "subnet4": [{"subnet": "10.9.0.0/24", "pools": [{"pool": "10.9.0.150 - 10.9.0.160"}]}]}
    write("kea4.conf", json.dumps({"Dhcp4": config}))
    return bed.spawn("server", "kea-dhcp4", "-c", "kea4.conf", env=KEA)


def kea6(bed, seconds):
    config = {"interfaces-config": {"interfaces": ["s0"]}, "lease-database": {"type": "memfile", "persist": False}, "valid-lifetime": seconds,
              "preferred-lifetime": seconds - 1, "renew-timer": seconds // 2, "rebind-timer": seconds - 2,
              "server-id": {"type": "LL", "persist": False}, "subnet6": [{"subnet": "fd09::/64", "interface": "s0", "pools": [{"pool": "fd09::100 - fd09::1ff"}]}]}
    write("kea6.conf", json.dumps({"Dhcp6": config}))
    return bed.spawn("server", "kea-dhcp6", "-c", "kea6.conf", env=KEA)


def dhcpd_with(bed, family, subnet, seconds):
    write("dhcpd.leases", "")
    write("dhcpd.conf", f"authoritative;\nping-check off;\ndhcp-cache-threshold 0;\ndefault-lease-time {seconds};\nmax-lease-time {seconds};\nmin-lease-time 1;\n{subnet}\n")
    return bed.spawn("server", "dhcpd", family, "-f", "-d", "-cf", os.path.abspath("dhcpd.conf"), "-lf", os.path.abspath("dhcpd.leases"), "-pf",
                     os.path.abspath("dhcpd.pid"), "s0")


def dhcpd(bed, seconds):
    return dhcpd_with(bed, "-4", "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.150 10.9.0.160; }", seconds)


def dhcpd6(bed, seconds):
    return dhcpd_with(bed, "-6", "subnet6 fd09::/64 { range6 fd09::100 fd09::1ff; }", seconds)


def radvd(bed, seconds):
    write("radvd.conf", "interface s0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 12; "
          f"prefix fd09::/64 {{ AdvValidLifetime {seconds}; AdvPreferredLifetime {seconds - 1}; }}; }};\n")
    return bed.spawn("server", "radvd", "-n", "-C", "radvd.conf", "-p", os.path.abspath("radvd.pid"), "-m", "stderr")


SERVERS = {"dnsmasq": dnsmasq, "dnsmasq6": dnsmasq6, "kea": kea, "kea6": kea6, "dhcpd": dhcpd, "dhcpd6": dhcpd6, "radvd": radvd}


# --- clients

class Udhcpc:
    def __init__(self, bed):
        self.process = bed.spawn("guest", "udhcpc", "-i", "g1", "-f", "-t", "20", "-T", "1", "-s", write("udhcpc.sh", UDHCPC_SCRIPT, 0o755))

    def renew(self):
        """It would do so in half of 16 s, which is the shortest lease that it believes."""
        self.process.send_signal(signal.SIGUSR1)

    def release(self):
        self.process.send_signal(signal.SIGUSR2)

    def die(self):
        self.process.kill()
        self.process.wait()


class Dhclient:
    family = "-4"

    def __init__(self, bed):
        write("dhclient.conf", "timeout 30;\nretry 1;\ninitial-interval 1;\nbackoff-cutoff 2;\n")
        write("dhclient.leases", "")
        self.bed = bed
        self.words = ["dhclient", self.family, "-sf", write("dhclient.sh", DHCLIENT_SCRIPT, 0o755), "-lf", os.path.abspath("dhclient.leases"),
                      "-pf", os.path.abspath("dhclient.pid"), "-cf", os.path.abspath("dhclient.conf")]
        self.process = bed.spawn("guest", *self.words, "-d", "g1")

    def renew(self):
        """It does in time by itself."""

    def release(self):
        """The one that runs is told to end by the one that releases."""
        self.bed.spawn("guest", *self.words, "-r", "g1").wait(10)
        self.process.wait(10)

    def die(self):
        self.process.kill()
        self.process.wait()


class Dhclient6(Dhclient):
    family = "-6"

    def __init__(self, bed):
        end = time.monotonic() + 5
        while "tentative" in bed.in_guest("ip", "-6", "addr", "show", "dev", "g1", "scope", "link").stdout:
            assert time.monotonic() < end, "the link-local address stays tentative"
            time.sleep(0.05)
        super().__init__(bed)


CLIENTS = {"udhcpc": Udhcpc, "dhclient": Dhclient, "dhclient6": Dhclient6}
