# SPDX-License-Identifier: MIT
"""Networks as the tests know them, read from their XML by other means than nwfc's, and what their modes promise."""
import ipaddress
import xml.etree.ElementTree as ET

V4, V6 = range(2)
FAMILIES = ("IPv4", "IPv6")

# The one table of the tests: what guests of a mode may do in a family.
#   begins    begin connections to what is elsewhere
#   answers   be found by those who are elsewhere
#   own       are seen outside by their own addresses
#   host      use any port of the host, not only its services
PROMISES = {
    #            begins answers own    host
    "nat":      (True,  False,  False, True),
    "route":    (True,  True,   True,  True),
    "isolated": (False, False,  True,  False),
    "open":     (True,  True,   True,  True),
    # not through the host: it routes for them as for anybody
    "bridge":   (True,  True,   True,  True),
    # a family in which a network of mode nat or route has no address
    "unspoken": (False, False,  True,  True),
}


class Network:
    def __init__(self, element):
        self.name = element.findtext("name")
        forward = element.find("forward")
        self.mode = "isolated" if forward is None else forward.get("mode", "nat")
        self.dev = forward.get("dev") if forward is not None else None
        pool = element.findall("forward/interface")
        self.parents = [i.get("dev") for i in pool]
        nat = element.find("forward/nat")
        self.nat6 = nat is not None and nat.get("ipv6") == "yes"
        addresses = element.find("forward/nat/address")
        self.range = addresses is not None and (addresses.get("start"), addresses.get("end"))
        ports = element.find("forward/nat/port")
        self.ports = (1024, 65535) if ports is None else (int(ports.get("start")), int(ports.get("end")))
        bridge = element.find("bridge")
        self.bridge = bridge.get("name") if bridge is not None else None
        self.isolated_ports = element.find("port") is not None and element.find("port").get("isolated") == "yes"
        self.subnets = ([], [])  # of each family: interfaces, the host's address and the length
        self.dhcp = [None, None]
        self.tftp = element.find("ip/tftp") is not None
        for ip in element.findall("ip"):
            length = ip.get("prefix") or ip.get("netmask") or "64"
            at = ipaddress.ip_interface(f"{ip.get('address')}/{length}")
            self.subnets[at.version == 6].append(at)
            if ip.find("dhcp") is not None:
                self.dhcp[at.version == 6] = at
        self.written = tuple(bool(s) for s in self.subnets)

    @property
    def routed(self):
        """Does the host route for it?"""
        return self.mode in ("isolated", "nat", "route", "open")

    @property
    def macvtap(self):
        return self.mode in ("private", "vepa", "passthrough") or (self.mode == "bridge" and not self.bridge)

    def promise(self, family):
        if self.mode in ("nat", "route") and not self.written[family]:
            return PROMISES["unspoken"]
        if self.mode == "nat" and family == V6 and not self.nat6:
            return PROMISES["route"]
        return PROMISES[self.mode]

    def begins(self, family, via):
        return self.promise(family)[0] and self.dev in (None, via)

    def answers(self, family, via):
        return self.promise(family)[1] and self.dev in (None, via)

    def own(self, family):
        return self.promise(family)[2]

    def all_of_host(self, family):
        return self.promise(family)[3]

    def guest(self, i, family):
        """Address of guest i (from 1), as an interface: guests take turns at the subnets."""
        subnets = self.subnets[family]
        if not subnets:
            return None
        at = subnets[(i - 1) % len(subnets)]
        return ipaddress.ip_interface(f"{at.network.network_address + 10 * min(1, at.network.num_addresses // 32) + i + 1}"
                                      f"/{at.network.prefixlen}")


def parse(text):
    root = ET.fromstring(text)
    return [Network(e) for e in ([root] if root.tag == "network" else root.findall("network"))]
