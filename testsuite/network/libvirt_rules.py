# SPDX-License-Identifier: MIT
"""Rules in the manner of libvirt's driver for iptables, written by hand: what the lab must find fault with.

Accepts are final and those by destination come first, so what one network lets in is never asked about where it
comes from; a port with a filter is let through before any network is asked; IPv6 that a network does not speak has
no rules; whatever guests send to the host is left to others.
"""
from networks import V4, V6

BLOCKS = (("224.0.0.0/24", "255.255.255.255/32"), ("ff02::/16",))


def translates(n, family):
    return n.mode == "nat" and (family == V4 or n.nat6)


def forward(n, family):
    """Chains cross, input and output of one network."""
    b, dev_in, dev_out = n.bridge, f"-i {n.dev} " if n.dev else "", f"-o {n.dev} " if n.dev else ""
    yield f"-A LX -i {b} -o {b} -j ACCEPT"
    if n.mode in ("nat", "route"):
        for at in n.subnets[family]:
            state = "-m conntrack --ctstate ESTABLISHED,RELATED " if translates(n, family) else ""
            yield f"-A LI -d {at.network} {dev_in}-o {b} {state}-j ACCEPT"
            yield f"-A LO -s {at.network} -i {b} {dev_out}-j ACCEPT"
    yield f"-A LI -o {b} -j REJECT"
    yield f"-A LO -i {b} -j REJECT"


def translation(n, family):
    for at in n.subnets[family] if translates(n, family) else ():
        for block in BLOCKS[family]:
            yield f"-A LP -s {at.network} -d {block} -j RETURN"
        to = f"SNAT --to-source {'-'.join(n.range)}" if n.range and family == V4 else "MASQUERADE"
        ports = "{}-{}".format(*n.ports)
        for protocol in ("tcp", "udp"):
            yield f"-A LP -s {at.network} ! -d {at.network} -p {protocol} -j {to}" + \
                (f":{ports}" if n.range and family == V4 else f" --to-ports {ports}")
        yield f"-A LP -s {at.network} ! -d {at.network} -j {to}"


def text(networks, family, filtered=()):
    """For iptables-restore. filtered: ports that have a filter, which accepts all."""
    speaks = [n for n in networks if n.mode in ("nat", "route", "isolated") and (family == V4 or n.written[V6])]
    lines = ["*filter", *(f":{c} - [0:0]" for c in ("LX", "LI", "LO", "PORTS")), "-A FORWARD -j PORTS"]
    lines += [f"-A FORWARD -j {c}" for c in ("LX", "LI", "LO")]
    lines += [f"-A PORTS -m physdev --physdev-in {p} -j ACCEPT" for p in filtered]
    lines += [line for n in speaks for line in forward(n, family)]
    lines += ["COMMIT", "*nat", ":LP - [0:0]", "-A POSTROUTING -j LP"]
    lines += [line for n in speaks for line in translation(n, family)]
    return "\n".join([*lines, "COMMIT", ""])
