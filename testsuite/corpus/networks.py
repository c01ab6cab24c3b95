#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Networks that a real libvirt has taken or refused: nwfc check does the same.

    networks.py --nwfc build/nwfc

Needs a folder of cases ($NWFC_SHARED/corpus, or ../shared/corpus beside the project): NAME/network.xml, and
NAME/libvirt/error.txt where libvirt refused. Skips without it.
"""
import argparse
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Refused for what the document does not say: the host's hardware, its other networks and services,
# or a guest's document.
OF_THE_HOST = {
    "bridge-name-exists": "a device of the host", "collide-bridge-name": "a network that is there",
    "collide-host-route-equal": "a route of the host", "collide-other-network": "a network that is there",
    "hostdev-address": "hardware", "hostdev-pf": "hardware", "macvtap-pf": "hardware",
    "zone-without-firewalld": "firewalld", "libvirt-wiki--Networking-1": "hardware",
    "libvirt-wiki--Networking-2": "hardware", "osbuild-tests--integration": "firewalld",
    "virt-manager--network-vf-pool-in": "hardware",
    "virt-manager--network-vf-pool-out": "hardware", "virt-manager--testdriver-6": "a folder of the host",
    "bad-root-element": "a domain, which is read as one",
}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--nwfc", default="build/nwfc")
    opt = ap.parse_args()
    corpus = Path(os.environ.get("NWFC_SHARED", ROOT.parent / "shared"), "corpus")
    cases = sorted(corpus.glob("networks/*/network.xml")) + sorted(corpus.glob("wild-networks/*/network.xml"))
    if not cases:
        print(f"skip networks: no cases in {corpus}")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    failed = 0
    for path in cases:
        name, error = path.parent.name, path.parent / "libvirt/error.txt"
        refused = error.exists() and not error.read_text().startswith("domain-create") and name not in OF_THE_HOST
        p = subprocess.run([opt.nwfc, "check", "-q", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=60)
        if (" error: " in p.stdout) != refused or p.returncode > 2:
            failed += 1
            print(f"FAIL {name}: libvirt {'refuses' if refused else 'takes'} it\n{p.stdout}")
    print(f"{len(cases) - failed} passed, {failed} failed, 0 skipped")
    return failed != 0


if __name__ == "__main__":
    raise SystemExit(main())
