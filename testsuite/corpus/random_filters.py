# SPDX-License-Identifier: MIT
"""Random ports with random filters: legal ones that use everything the language has."""
import random
from xml.sax.saxutils import quoteattr

import language

CHAINS = ["root", None, "mac", "stp", "vlan", "ipv4", "ipv6", "arp", "rarp", "ipv4-ip", "ipv4-dhcp", "arp-mac", "macx",
          "ipv6-a_b.c", "rarp-zz", "vlan7"]
# Variables of the port; all lists are of one length so that they can be walked in step.
LISTS = {"A4": ["10.0.0.1", "10.0.0.2", "192.168.7.9"], "B4": ["172.16.0.1", "172.16.0.1", "10.0.0.2"],
         "A6": ["2001:db8::1", "fe80::1", "2001:db8::ff"], "M": ["52:54:00:00:00:01", "52:54:00:00:00:02", "2:0:0:0:0:3"],
         "P": ["22", "80", "443"], "Q": ["1000", "1000", "2000"]}
TYPES = {"ip4": ["A4", "B4"], "ip6": ["A6"], "mac": ["M", "MAC"], "port": ["P", "Q"]}


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def chance(self, p):
        return self.rng.random() < p

    def value(self, name, kind):
        """A literal that is legal for the attribute; ranges never end before they start."""
        r = self.rng
        end = name.endswith(("end", "-hi"))
        if kind in ("ip4", "ip6"):
            high = name in ("srcipto", "dstipto")
            v = r.choice(["10.1.2.3", "192.168.1.0", "0.0.0.0", "224.0.0.251"])
            v6 = r.choice(["a::1", "fe80::", "2001:db8:0:1::5", "::"])
            v4, v6 = ("240.0.0.9", "ffff::9") if high else (v, v6)
            return v4 if kind == "ip4" else v6
        if kind == "mask4":
            return r.choice(["8", "24", "32", "255.255.0.0", "0"])
        if kind == "mask6":
            return r.choice(["10", "64", "128", "ffff:ffff::", "0"])
        if kind == "mac":
            return r.choice(["1:2:3:4:5:6", "52:54:00:AA:bb:0C", "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"])
        if kind == "macmask":
            return r.choice(["ff:ff:ff:00:00:00", "ff:ff:ff:ff:ff:ff", "ff:80:0:0:0:0"])
        if kind in ("u8", "u16", "u32"):
            return str(r.choice([200, 250, "0xff"] if end else [1, 22, "0x7b", 120, 128]))
        return str(r.choice({
            "dscp": [0, 1, 10, "0x2e", 63], "vlanid": [0, 1, 100, 4094], "connlimit": [1, 3, 100],
            "ethertype": ["arp", "ipv4", "0x88cc", "vlan", 2048], "encap": ["arp", "ipv6", "0x806"],
            "opcode": ["Request", "reply", 4, "InARP_Request", 77], "ipproto": ["tcp", "udp", "sctp"],
            "bool": ["true", "false", "yes", "1", "no"], "state": ["NEW", "ESTABLISHED", "NEW,ESTABLISHED", "NONE",
                                                                     "related,established", "INVALID"],
            "tcpflags": ["SYN,ACK/SYN", "ALL/NONE", "SYN,RST,FIN/SYN", "ALL/ALL", "URG,PSH/URG,PSH"],
            "ipset": ["tck_test"], "ipsetflags": ["src", "dst", "src,dst", "dst,dst"],
            "comment": ["plain", "two words", "x'y", 'a"b', "back\\slash", "$5"[1:], "#no", "semi; $(x) `y`"]}[kind]))

    def variable(self, name, kind):
        """A variable reference that fits, or None."""
        fits = TYPES.get("port" if "port" in name and kind == "u16" else kind)
        if not fits or name in ("srcipto", "dstipto") or name.endswith(("end", "-hi", "mask")):
            return None
        if kind == "ip4" and self.chance(0.08):
            return "$C4[@3]"
        form = self.rng.choice(["$%s", "$%s", "$%s[@1]", "$%s[@2]", "$%s[1]"])
        var = self.rng.choice(fits)
        return "$MAC" if var == "MAC" else form % var

    def attributes(self, element):
        chosen = {}
        known = language.ELEMENTS[element]
        for name, kind in known:
            if not self.chance(min(0.9, 3.0 / len(known))):
                continue
            var = self.variable(name, kind) if self.chance(0.25) else None
            chosen[name] = var or self.value(name, kind)
        self.mend(element, chosen)
        return chosen

    def mend(self, element, a):
        """Takes away what the language does not allow together."""
        if element in ("ip", "ipv6"):
            if any(n.startswith("type") or n.startswith("code") for n in a):
                for name in ("srcportstart", "srcportend", "dstportstart", "dstportend"):
                    a.pop(name, None)
                a["protocol"] = "icmpv6"
                for lo, hi in (("type", "typeend"), ("code", "codeend")):
                    if hi in a and lo not in a and self.chance(0.5):
                        a[lo] = "3"
            elif any("port" in n for n in a):
                a["protocol"] = self.rng.choice(["tcp", "udp", "132"])
        if element in ("icmp", "icmpv6") and "code" in a:
            a["type"] = "3"
        for side in ("src", "dst"):
            if side + "ipaddr" in a:
                a.pop(side + "ipfrom", None)
        for name, base in language.NEEDS.items():
            if name in a and base not in a:
                del a[name]
            elif name in a and a[base].startswith("$"):
                if name.endswith(("to", "end")):
                    del a[name]
        if "ipsetflags" in a:
            a["ipset"] = "tck_test"
        if element.endswith(("-ipv6", "v6")):
            a.pop("ipset", None), a.pop("ipsetflags", None)
        a.pop("option", None) if a.get("option") == "0" else None

    def element(self, direction):
        name = self.rng.choice(list(language.ELEMENTS))
        a = self.attributes(name)
        if name == "stp" and direction == "inout":
            a.pop("srcmacaddr", None), a.pop("srcmacmask", None)
        sign = ""
        fixed = "protocol" in a and any(n.startswith(("srcport", "dstport", "type", "code")) for n in a)
        if self.chance(0.25) and "state" not in a and not fixed:
            sign = " match='no'"
        first = "<%s%s%s/>" % (name, sign, "".join(" %s=%s" % (k, quoteattr(v)) for k, v in a.items()))
        if "comment" in a or not self.chance(0.1) or "comment" not in dict(language.ELEMENTS[name]):
            return first
        return first + "<%s comment='of a second element'/>" % name      # merged with the first

    def rule(self):
        r = self.rng
        direction = r.choice(["in", "out", "inout"])
        action = r.choice(["accept"] * 3 + ["drop"] * 3 + ["return", "reject", "continue"])
        attrs = "action='%s' direction='%s'" % (action, direction)
        if self.chance(0.7):
            attrs += " priority='%d'" % r.choice([-1000, -700, -500, 0, 1, 100, 500, 999, 1000])
        if self.chance(0.15):
            attrs += " statematch='%s'" % r.choice(["0", "false", "1"])
        return "  <rule %s>%s</rule>\n" % (attrs, self.element(direction) if self.chance(0.95) else "")

    def defaults(self):
        """Parameters of a reference: A4 is overruled by the port's own, C4 is known below it alone."""
        return "".join("<parameter name='%s' value='%s'/>" % p
                       for p in (("A4", "9.9.9.9"), ("C4", "10.3.3.3"), ("C4", "10.3.3.4")) if self.chance(0.5))

    def filter(self, name, references, priorities):
        attrs, r = "name='%s'" % name, self.rng
        chain = r.choice(CHAINS)
        if chain:
            attrs += " chain='%s'" % chain
            if chain != "root":
                if chain not in priorities:
                    priorities[chain] = r.choice([None, -900, -5, 0, 1, 500, 1000])
                if priorities[chain] is not None:
                    attrs += " priority='%d'" % priorities[chain]
        body = [self.rule() for _ in range(r.randint(1, 7))]
        body += ["  <filterref filter='%s'>%s</filterref>\n" % (f, self.defaults()) for f in references]
        r.shuffle(body)
        return "<filter %s>\n%s</filter>\n" % (attrs, "".join(body))

    def case(self):
        """({name: filter text}, binding text)"""
        n, priorities, files = self.rng.randint(1, 4), {}, {}
        for i in range(n):
            later = [k for k in range(i + 1, n) if k == i + 1 or self.chance(0.3)]
            files["f%d" % i] = self.filter("f%d" % i, ["f%d" % k for k in later], priorities)
        params = "".join("    <parameter name='%s' value='%s'/>\n" % (k, v) for k, vs in LISTS.items() for v in vs)
        binding = ("<filterbinding>\n  <owner><name>g</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>\n"
                   "  <portdev name='vnet0'/>\n  <mac address='52:54:00:7b:35:93'/>\n  <filterref filter='f0'>\n%s"
                   "  </filterref>\n</filterbinding>\n" % params)
        return files, binding
