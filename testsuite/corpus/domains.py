#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Domains found in the wild, and guests that a real libvirt has started.

    domains.py --nwfc build/nwfc

Wild domains compile for all targets, and the name of each filtered port is in the rules; or they are
refused, for the reason that stands in REFUSED. Of guests that libvirt has started the bridge script
says the same as the bridge that libvirt left: what is pinned, what is isolated.

Needs a folder of cases ($NWFC_SHARED/corpus, or ../shared/corpus beside the project); skips without it.
"""
import argparse
import json
import os
import re
import shlex
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NO_MAC = ("E203", "an interface without an address, as it is before it is defined")
TEMPLATE = ("E120 E203", "a template: {mac_address} and the like are no values")
REFUSED = {
    "VirtueCoding-VirtueStack--architecture-1": TEMPLATE,
    "VirtueCoding-VirtueStack--nic_ipv4_only": ("E120", "a parameter with an empty value"),
    "VirtueCoding-VirtueStack--nic_ipv6_only": ("E120", "a parameter with an empty value"),
    "VirtueCoding-VirtueStack--qcow_without_iso": ("E120", "a parameter with an empty value"),
    "agent-sandbox-doc--filterref-snippet": ("E103", "a reference alone, of no interface"),
    "home-assistant-docs--macvtap": ("E203", "xx:xx:xx:xx:xx:xx is no address"),
    "host-setup-script--interface": NO_MAC, "k8s-vagrant-notes--lockout": NO_MAC, "libvirt-tck--tck-vm1": NO_MAC,
    "libvirt-tck--tck-vm2": NO_MAC, "vm-guide--interface": NO_MAC, "williamzujkowski-dev-box--ARCHITECTURE-1": NO_MAC,
    "williamzujkowski-dev-box--conftest-1": NO_MAC,
    "libvirt-9.0.0-tests--net-hostdev-fail": ("E205", "hostdev, which libvirt refuses too"),
    "libvirt-9.0.0-tests--net-vhostuser-fail": ("E205", "vhostuser, which libvirt refuses too"),
    "oVirt-vdsm--device_test-2": ("E203", "a multicast address"),
    "oVirt-vdsm--devicexml_test-1": ("E202", "vnet0 three times"),
    "openstack-nova--test_config-5": ("E266", "802.1Qbh without the profile that libvirt insists on"),
    "virt-manager--change-nics-out": ("E205", "type user"),
    "virt-manager--virt-install-many-devices": ("E205", "an Open vSwitch port"),
}
# Refused by libvirt when the guest starts.
START = {"dom-isolated-user": "E262", "dom-filter-missing": None, "dom-macvtap-passthrough": None,
         "dom-network-inactive": None}
# Taken by libvirt: a filter or a portgroup that it drops without a word.
TAKEN = {"dom-filter-user": "E205", "dom-portgroups": "E260"}


class Run:
    def __init__(self, nwfc):
        self.nwfc, self.passed, self.failed = nwfc, 0, 0

    def check(self, good, text):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(f"FAIL {text}")

    def compile(self, targets, out, *inputs):
        p = subprocess.run([self.nwfc, "compile", "-q", "-t", targets, "-o", str(out), *map(str, inputs)],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return p.returncode, set(re.findall(r" error: .*\[(E\d+)\]$", p.stdout, re.M)), p.stdout


def filtered(path):
    """(port, filter) of each interface that has both, read by another reader; None: it is no XML."""
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError:
        return None
    found = []
    for i in root.iter("interface"):
        target, ref = i.find("target"), i.find("filterref")
        if ref is not None:
            found.append((target.get("dev") if target is not None else None, ref.get("filter")))
    return found


def stubs(nwfc, ports, folder):
    """A filter for each name that is not nwfc's own: domains name those of their hosts."""
    listed = subprocess.run([nwfc, "list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    own = {line.split("\t")[0] for line in listed.splitlines()}
    for _, name in ports or ():
        if name not in own:
            Path(folder, f"filter-{name}.xml").write_text(f"<filter name='{name}'><filterref filter='no-mac-spoofing'/></filter>")
    return sorted(Path(folder).glob("filter-*.xml"))


def check_wild(run, path):
    ports = filtered(path)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        out.mkdir()
        status, errors, said = run.compile("all", out, path, *stubs(run.nwfc, ports, folder))
        if path.stem in REFUSED:
            codes, why = REFUSED[path.stem]
            run.check(status == 2 and errors == set(codes.split()), f"{path.stem}: not refused for {why}: {said}")
            return
        run.check(status in (0, 1) and not errors, f"{path.stem}: {said}")
        rules = "".join((out / name).read_text() for name in ("nwfc.nft", "xtables")) if not errors else ""
        for port, _ in ports or ():
            if port and "%" not in port:
                run.check(rules.count(port) >= 2, f"{path.stem}: no rules for {port}")


def script_says(text):
    """address: (pinned, isolated)"""
    words = (shlex.split(line) for line in text.splitlines() if line.startswith("each_port '"))
    return {w[3]: (w[4] == "1", w[5] == "1") for w in words}


def libvirt_left(folder, addresses):
    links = json.loads((folder / "bridge-link-running.json").read_text() or "[]")
    table = json.loads((folder / "bridge-fdb-running.json").read_text() or "[]")
    flags = {x["ifname"]: x for x in links}
    static = {x["mac"] for x in table if x["state"] == "static"}
    port = {"52" + x["mac"][2:]: x["ifname"] for x in table if x["mac"].startswith("fe:")}
    left = {}
    for mac in addresses:
        link = flags[port[mac]]
        pinned = {not link["learning"], not link["flood"], mac in static}
        left[mac] = (pinned == {True} if len(pinned) == 1 else None, link["isolated"])
    return left


def check_started(run, case):
    inputs = [case / "network.xml", *case.glob("extra/*.xml"), *case.glob("domain*.xml"), *case.glob("filters/*.xml")]
    with tempfile.TemporaryDirectory() as folder:
        status, errors, said = run.compile("bridge", Path(folder, "bridge"), *inputs)
        wanted = START.get(case.name) or TAKEN.get(case.name)
        run.check(errors == ({wanted} if wanted else set()), f"{case.name}: {said}")
        refused = (case / "libvirt/error.txt").exists()
        run.check(refused == (case.name in START), f"{case.name}: libvirt {'refuses' if refused else 'takes'} it")
        if errors or not (case / "libvirt/bridge-link-running.json").exists():
            return
        says = script_says(Path(folder, "bridge").read_text())
        left = libvirt_left(case / "libvirt", says)
        run.check(says and says == left, f"{case.name}: libvirt leaves {left}, the script makes {says}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    opt = ap.parse_args()
    corpus = Path(os.environ.get("NWFC_SHARED", ROOT.parent / "shared"), "corpus")
    wild, started = sorted(corpus.glob("wild-domains/*.xml")), sorted(corpus.glob("networks/dom-*"))
    if not wild or not started:
        print(f"skip domains: no cases in {corpus}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    run = Run(opt.nwfc)
    for path in wild:
        check_wild(run, path)
    for case in started:
        check_started(run, case)
    stale = set(REFUSED) - {p.stem for p in wild}
    run.check(not stale, f"no such case: {stale}")
    print(f"{run.passed} passed, {run.failed} failed, 0 skipped")
    return run.failed != 0


if __name__ == "__main__":
    raise SystemExit(main())
