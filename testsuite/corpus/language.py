# SPDX-License-Identifier: MIT
"""Network filters as text in, a flat list of rule instances out.

This is the front half of the reference model: a second, independent reading of the filter
language, kept small and slow so that it can be checked by eye.  It shares no code and no
table with the compiler.

Every place where libvirt and the language as we define it part is a named *point*.  The model
runs with any set of points switched to libvirt's side; what a point changes in one case is
therefore computed, not written down by hand.  Points where we refuse what libvirt takes are
collected, so one run names all of them.
"""
import copy
import ipaddress
import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

# Our filters for the time before an address is known are filters like others.
STOCK = Path(__file__).resolve().parent.parent.parent / "examples" / "filters"
MAC_PAIR = [("srcmacaddr", "mac"), ("srcmacmask", "macmask"), ("dstmacaddr", "mac"), ("dstmacmask", "macmask")]
PORTS = [("srcportstart", "u16"), ("srcportend", "u16"), ("dstportstart", "u16"), ("dstportend", "u16")]


def pair(name, kind):
    return [(name, kind), (name + "-hi", kind)]


def addresses(v):
    return [("srcipaddr", "ip" + v), ("dstipaddr", "ip" + v), ("srcipmask", "mask" + v), ("dstipmask", "mask" + v)]


def ip_common(v):
    return ([("srcmacaddr", "mac")] + addresses(v) +
            [("srcipfrom", "ip" + v), ("srcipto", "ip" + v), ("dstipfrom", "ip" + v), ("dstipto", "ip" + v),
             ("dscp", "dscp"), ("connlimit-above", "connlimit"), ("state", "state"),
             ("ipset", "ipset"), ("ipsetflags", "ipsetflags"), ("comment", "comment")])


# element -> attributes in the order in which variables are met when a rule is iterated
ELEMENTS = {
    "mac": MAC_PAIR + [("protocolid", "ethertype"), ("comment", "comment")],
    "vlan": MAC_PAIR + [("vlanid", "vlanid"), ("encap-protocol", "encap"), ("comment", "comment")],
    "stp": (MAC_PAIR[:2] + [("type", "u8"), ("flags", "u8")] + pair("root-priority", "u16") +
            [("root-address", "mac"), ("root-address-mask", "macmask")] + pair("root-cost", "u32") +
            pair("sender-priority", "u16") + [("sender-address", "mac"), ("sender-address-mask", "macmask")] +
            pair("port", "u16") + pair("age", "u16") + pair("max-age", "u16") + pair("hello-time", "u16") +
            pair("forward-delay", "u16") + [("comment", "comment")]),
    "arp": (MAC_PAIR + [("hwtype", "u16"), ("protocoltype", "u16"), ("opcode", "opcode"),
                        ("arpsrcmacaddr", "mac"), ("arpdstmacaddr", "mac"), ("arpsrcipaddr", "ip4"),
                        ("arpsrcipmask", "mask4"), ("arpdstipaddr", "ip4"), ("arpdstipmask", "mask4"),
                        ("gratuitous", "bool"), ("comment", "comment")]),
    "ip": (MAC_PAIR + addresses("4") + [("protocol", "ipproto")] + PORTS +
           [("dscp", "dscp"), ("comment", "comment")]),
    "ipv6": (MAC_PAIR + addresses("6") + [("protocol", "ipproto")] + PORTS +
             [("type", "u8"), ("typeend", "u8"), ("code", "u8"), ("codeend", "u8"), ("comment", "comment")]),
}
ELEMENTS["rarp"] = ELEMENTS["arp"]
for _v, _tail in (("4", ""), ("6", "-ipv6")):
    for _p in ("udplite", "esp", "ah", "all"):
        ELEMENTS[_p + _tail] = ip_common(_v)
    for _p in ("tcp", "udp", "sctp"):
        ELEMENTS[_p + _tail] = ip_common(_v) + PORTS
    ELEMENTS["tcp" + _tail] = ELEMENTS["tcp" + _tail] + [("option", "u8"), ("flags", "tcpflags")]
ELEMENTS["igmp"] = ip_common("4")
ELEMENTS["icmp"] = ip_common("4") + [("type", "u8"), ("code", "u8")]
ELEMENTS["icmpv6"] = ip_common("6") + [("type", "u8"), ("code", "u8")]
LAYER2 = {"mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6", None}

# A dependent attribute and what it needs: alone it says nothing.
NEEDS = {"srcmacmask": "srcmacaddr", "dstmacmask": "dstmacaddr", "srcipmask": "srcipaddr", "dstipmask": "dstipaddr",
         "arpsrcipmask": "arpsrcipaddr", "arpdstipmask": "arpdstipaddr", "srcipto": "srcipfrom", "dstipto": "dstipfrom",
         "srcportend": "srcportstart", "dstportend": "dstportstart", "root-address-mask": "root-address",
         "sender-address-mask": "sender-address"}
NEEDS.update((n + "-hi", n) for n in ("root-priority", "root-cost", "sender-priority", "port", "age", "max-age",
                                      "hello-time", "forward-delay"))
# The manual's names of stp attributes that libvirt itself does not know.
DOCUMENTED = {"port_hi": "port-hi", "msg-age": "age", "msg-age-hi": "age-hi"}
CHAIN_PRIORITY = {"stp": -810, "mac": -800, "vlan": -750, "ipv4": -700, "ipv6": -600, "arp": -500, "rarp": -400}
ETHER_NAMES = {"arp": 0x806, "rarp": 0x8035, "ipv4": 0x800, "ipv6": 0x86dd, "vlan": 0x8100}
PROTO_NAMES = {"tcp": 6, "udp": 17, "udplite": 136, "esp": 50, "ah": 51, "icmp": 1, "igmp": 2, "sctp": 132,
               "icmpv6": 58}
OPCODES = ["request", "reply", "request_reverse", "reply_reverse", "drarp_request", "drarp_reply", "drarp_error",
           "inarp_request", "arp_nak"]
STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "NONE"]
FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"]
LIMITS = {"u8": (0, 255), "u16": (0, 65535), "u32": (0, 2**32 - 1), "dscp": (0, 63), "vlanid": (0, 4095),
          "ethertype": (0x600, 0xffff), "encap": (0x3c, 0xffff), "opcode": (0, 65535), "ipproto": (0, 255),
          "connlimit": (0, 65535)}
NAMES = {"ethertype": ETHER_NAMES, "encap": ETHER_NAMES, "ipproto": PROTO_NAMES,
         "opcode": {n: i + 1 for i, n in enumerate(OPCODES)}}


class Refused(Exception):
    """Both sides refuse this input: there is nothing to compare but the refusal."""


class Points:
    """Which points stand on libvirt's side, which ones this case touched, and our refusals."""

    def __init__(self, libvirt):
        self.libvirt = libvirt      # set of ids, or None for all of them
        self.touched = set()
        self.refusals = set()

    def __call__(self, ident):
        """True when libvirt's behaviour is wanted.  Call it only where the two sides differ."""
        self.touched.add(ident)
        return self.libvirt is None or ident in self.libvirt

    def strict(self, ident):
        """A point where libvirt goes on and we refuse; the model goes on to find the others."""
        if not self(ident):
            self.refusals.add(ident)

    def libvirt_refuses(self, ident):
        """A point where libvirt refuses and we go on."""
        if self(ident):
            raise Refused(ident)


class Var:
    def __init__(self, name, iterator, index):
        self.name, self.iterator, self.index = name, iterator, index

    def key(self):
        return (self.name, self.iterator, self.index)

    def printed(self):
        if self.index is not None:
            return "%s[%d]" % (self.name, self.index)
        return "%s[@%d]" % (self.name, self.iterator) if self.iterator else self.name


class Rule:
    def __init__(self, action, direction, priority, chain, chain_priority, element, attrs, stateless):
        self.action, self.direction, self.priority = action, direction, priority
        self.chain, self.chain_priority = chain, chain_priority
        self.element, self.attrs, self.stateless = element, attrs, stateless
        self.origin = self      # of an instance: the rule that it is one of

    @property
    def layer2(self):
        return self.element in LAYER2


# ---- values -------------------------------------------------------------------------------

def number(text, kind, points):
    lo, hi = LIMITS[kind]
    names = NAMES.get(kind, {})
    if text.lower() in names:
        return names[text.lower()]
    if re.fullmatch(r"[0-9]+", text):
        value = int(text)
    elif re.fullmatch(r"0[xX][0-9a-fA-F]+", text) and kind != "connlimit":
        value = int(text, 16)
    elif re.fullmatch(r"[0-9a-fA-F]+", text) and kind != "connlimit":
        points.strict("hex-without-0x")
        value = int(text, 16)
    else:
        raise Refused("not a number: " + text)
    if not lo <= value <= hi:
        raise Refused("out of range: " + text)
    return value


def mac(text):
    if not re.fullmatch(r"([0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}", text):
        raise Refused("not a MAC: " + text)
    return ":".join("%02x" % int(p, 16) for p in text.split(":"))


def contiguous(bits, width):
    ones = bits ^ ((1 << width) - 1)
    if ones & (ones + 1):
        raise Refused("mask with holes")
    return width - ones.bit_length()


def address(text, version):
    cls = ipaddress.IPv4Address if version == "4" else ipaddress.IPv6Address
    try:
        return str(cls(text)) if "%" not in text else None
    except ValueError:
        raise Refused("not an IPv%s address: %s" % (version, text)) from None


def mask(text, version):
    width = 32 if version == "4" else 128
    if re.fullmatch(r"[0-9]+", text):
        if int(text) > width:
            raise Refused("mask too long: " + text)
        return int(text)
    return contiguous(int(ipaddress.ip_address(address(text, version))), width)


def flag_set(text):
    names = [t.strip().upper() for t in text.split(",") if t.strip()]
    if any(n not in FLAGS + ["ALL", "NONE"] for n in names):
        raise Refused("not TCP flags: " + text)
    return set(FLAGS) if "ALL" in names else {n for n in names if n != "NONE"}


def tcp_flags(text):
    if text.count("/") != 1:
        raise Refused("not mask/flags: " + text)
    given, wanted = map(flag_set, text.split("/"))
    return given, wanted


def states(text, points):
    found, rest = set(), text.upper()
    while rest.strip(", "):
        rest = rest.lstrip(", ")
        for s in STATES:
            if rest.startswith(s):
                found.add(s)
                rest = rest[len(s):]
                break
        else:
            raise Refused("not a state list: " + text)
    if any(p not in STATES for p in re.split(r"[,\s]+", text.upper()) if p):
        points.strict("state-separators")
    if "NONE" in found and len(found) > 1:
        points.strict("state-none-and-others")
        found = {"NONE"}
    if not found:
        raise Refused("no state")
    return found


def value(text, kind, points):
    """One attribute value as text or number, in the model's own form."""
    if kind in LIMITS:
        return number(text, kind, points)
    if kind == "mac":
        return mac(text)
    if kind == "macmask":
        text = mac(text)
        contiguous(int(text.replace(":", ""), 16), 48)
        return text
    if kind[:2] == "ip" and kind[2:] in ("4", "6"):
        return address(text, kind[2:])
    if kind[:4] == "mask":
        return mask(text, kind[4:])
    if kind == "bool":
        if text.lower() not in ("true", "yes", "1", "false", "no", "0"):
            points.strict("bad-boolean")
        known = text.lower() in ("true", "yes", "1")
        return text in ("true", "yes", "1") if known and text != text.lower() and points("boolean-case") else known
    if kind == "state":
        return states(text, points)
    if kind == "tcpflags":
        return tcp_flags(text)
    if kind == "ipset":
        if not re.fullmatch(r"[A-Za-z0-9_.:+ -]{1,31}", text):
            raise Refused("not a set name: " + text)
        return text
    if kind == "ipsetflags":
        if not re.fullmatch(r"(src|dst)(,(src|dst)){0,5}", text.lower()):
            raise Refused("not set flags: " + text)
        return text.lower().split(",")
    assert kind == "comment", kind
    if re.search(r"[\x00-\x1f\x7f]", text) and not points("comment-control-character"):
        text = re.sub(r"[\x00-\x1f\x7f]", " ", text)
    return text.encode()[:256].decode(errors="ignore")


def reference(text, kind, points):
    m = re.fullmatch(r"\$([A-Za-z0-9_]+)(?:\[\s*(@?)(-?[0-9]+)\s*\](.*))?", text, re.S)
    if not m:
        raise Refused("malformed variable: " + text)
    name, at, num, rest = m.groups()
    if rest:
        points.strict("text-after-subscript")
    if num is None:
        return Var(name, 0, None)
    if at and not 0 <= int(num) <= 1000:
        raise Refused("iterator out of range")
    return Var(name, int(num), None) if at else Var(name, None, int(num) & 0xffffffff)


# ---- documents ----------------------------------------------------------------------------

class Filter:
    def __init__(self, name, uuid, entries):
        self.name, self.uuid, self.entries = name, uuid, entries


def read_xml(text, points):
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError) as e:
        raise Refused("malformed XML: %s" % e) from None
    if b"<!DOCTYPE" in text:
        points.strict("doctype")
    return root


def unknown_attributes(node, known, points):
    if set(node.attrib) - set(known):
        points.strict("unknown-attribute")


def chain_of(root, points):
    chain, priority = root.get("chain"), None
    if chain in (None, "", "root"):
        chain = "root"
    else:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,12}", chain) or chain.startswith("root"):
            raise Refused("bad chain name")
        prefix = next((p for p in ("mac", "vlan", "stp", "arp", "rarp", "ipv4", "ipv6") if chain.startswith(p)), None)
        if not prefix:
            raise Refused("unknown chain prefix")
        priority = CHAIN_PRIORITY[prefix]
        if prefix == "stp" and root.get("priority") is None and points("stp-chain-priority"):
            priority = 0
    if root.get("priority") is not None and root.get("chain") is not None:
        if not re.fullmatch(r"-?[0-9]+", root.get("priority")) or abs(int(root.get("priority"))) > 1000:
            raise Refused("bad chain priority")
        priority = int(root.get("priority"))
    return chain, priority or 0


def parse_filter(text, points):
    root = read_xml(text, points)
    if root.tag != "filter" or not root.get("name"):
        raise Refused("no filter or no name")
    unknown_attributes(root, ("name", "chain", "priority"), points)
    uuid = root.findtext("uuid")
    if root.find("uuid") is not None:
        if uuid and not re.fullmatch(r"[0-9a-fA-F]{32}", re.sub(r"[\s-]", "", uuid)):
            raise Refused("malformed uuid")
    chain, priority = chain_of(root, points)
    entries = []
    for node in root:
        if node.tag == "rule":
            entries.append(parse_rule(node, chain, priority, points))
        elif node.tag == "filterref":
            entries.append(parse_filterref(node, points))
        elif node.tag != "uuid":
            points.strict("unknown-element")
    return Filter(root.get("name"), re.sub("-", "", uuid or "").lower() or None, entries)


def parse_parameters(node, points):
    params = {}
    for p in node:
        if p.tag != "parameter":
            points.strict("unknown-element")
            continue
        unknown_attributes(p, ("name", "value"), points)
        name, val = p.get("name") or "", p.get("value") or ""
        if not re.fullmatch(r"[A-Za-z0-9_]+", name) or not re.fullmatch(r"[A-Za-z0-9_.:]+", val):
            points.strict("bad-parameter")
            continue
        params.setdefault(name, []).append(val)
    return params


def parse_filterref(node, points):
    if not node.get("filter"):
        raise Refused("filterref without a name")
    unknown_attributes(node, ("filter",), points)
    return (node.get("filter"), parse_parameters(node, points))


def parse_rule(node, chain, chain_priority, points):
    action, direction = node.get("action"), node.get("direction")
    if action not in ("drop", "accept", "reject", "return", "continue") or direction not in ("in", "out", "inout"):
        raise Refused("bad action or direction")
    unknown_attributes(node, ("action", "direction", "priority", "statematch"), points)
    priority, text = 500, node.get("priority")
    if text is not None:
        if re.fullmatch(r"\s*[-+]?[0-9]+", text) and abs(int(text)) <= 1000:
            priority = int(text)
        else:
            points.strict("bad-rule-priority")
    word = node.get("statematch")
    stateless = word is not None and word.lower() in ("0", "false")
    if word is not None and word.lower() not in ("0", "false", "1", "true"):
        points.strict("bad-statematch")
    element, attrs, unknown = None, {}, False
    for child in node:
        if child.tag not in ELEMENTS:
            unknown = True
        elif element not in (None, child.tag):
            points.strict("second-protocol")
        else:
            element = child.tag
            parse_element(child, attrs, points)
    if unknown:     # --lenient passes over it only where something else says what to match
        points.strict("unknown-element" if element else "unknown-protocol")
    check_rule(element, attrs, points)
    return Rule(action, direction, priority, chain, chain_priority, element, attrs, stateless)


def parse_element(node, attrs, points):
    kinds = dict(ELEMENTS[node.tag])
    match = node.get("match")
    if match is not None and match not in ("yes", "no"):
        points.strict("bad-match")
    negated = match == "no"
    aliases = DOCUMENTED if node.tag == "stp" and set(node.attrib) & set(DOCUMENTED) else {}
    unknown_attributes(node, list(kinds) + ["match"] + list(aliases), points)
    if aliases and points("documented-name"):
        aliases = {}
    for name, kind in ELEMENTS[node.tag]:
        text = node.get(name)
        for wrong in (w for w, right in aliases.items() if right == name and text is None):
            text = node.get(wrong)
        if text is None:
            continue
        if node.tag == "tcp-ipv6" and name == "flags" and points("tcp-ipv6-flags"):
            continue
        if node.tag.endswith(("-ipv6", "v6")) and name == "dstipto" and not text.startswith("$"):
            if ":" in text:
                points.libvirt_refuses("ipv6-dstipto")
        if text.startswith("$"):
            val = reference(text, kind, points)
            if kind in ("comment", "bool", "state", "tcpflags"):
                raise Refused("no variable here: " + name)
        else:
            val = value(text, kind, points)
        attrs[name] = (val, negated)


def check_rule(element, attrs, points):
    for name, base in NEEDS.items():
        if name in attrs and base not in attrs:
            points.strict("dependent-alone")
            del attrs[name]
    for side in ("src", "dst"):
        if side + "ipaddr" in attrs and side + "ipfrom" in attrs:
            points.strict("address-and-range")
    if element in ("icmp", "icmpv6") and "code" in attrs and "type" not in attrs:
        points.strict("dependent-alone")
        del attrs["code"]
    if element in ("ip", "ipv6"):
        proto, negated = attrs.get("protocol", (0, False))
        has_ports = any(n in attrs for n, _ in PORTS)
        if has_ports and (isinstance(proto, Var) or proto not in (6, 17, 33, 132)):
            raise Refused("ports need a protocol")
        if any(n in attrs for n in ("type", "typeend", "code", "codeend")) and proto != 58:
            raise Refused("type needs icmpv6")      # libvirt leaves that to the tool, which refuses
        if negated and (has_ports or "type" in attrs):
            raise Refused("negated protocol with ports or type")
    fix_signs(element, attrs, points)
    fix_ipset(element, attrs, points)


def fix_signs(element, attrs, points):
    """A mask or range end has no sign of its own, but that of what it belongs to."""
    for name, base in NEEDS.items():
        if name in attrs:
            attrs[name] = (attrs[name][0], attrs[base][1])
    if element and element.split("-")[0] in ("tcp", "udp", "sctp") and "dstportstart" in attrs:
        sign = attrs.get("srcportstart", (0, False))[1]
        if sign != attrs["dstportstart"][1] and points("destination-port-sign"):
            for name in ("dstportstart", "dstportend"):
                if name in attrs:
                    attrs[name] = (attrs[name][0], sign)
    if element in ("icmp", "icmpv6", "ipv6"):
        kind, code = (attrs.get(n) or attrs.get(n + "end") for n in ("type", "code"))
        if kind and code and kind[1] != code[1]:
            points.strict("type-and-code-sign")
    if element in ("icmp", "icmpv6") and "code" in attrs:
        attrs["code"] = (attrs["code"][0], attrs["type"][1])
    if "state" in attrs and attrs["state"][1]:
        points.strict("negated-state")
        attrs["state"] = (attrs["state"][0], False)


def fix_ipset(element, attrs, points):
    if "ipset" not in attrs and "ipsetflags" not in attrs:
        return
    if "ipset" not in attrs:
        points.strict("ipsetflags-alone")
        del attrs["ipsetflags"]
        return
    if attrs["ipset"][1] and points("negated-ipset"):
        attrs["ipset"] = (attrs["ipset"][0], False)
    both = "ipsetflags" in attrs
    if element not in ("all", "all-ipv6") and not both:
        points.libvirt_refuses("ipset-default-flags")
    elif element not in ("all", "all-ipv6") or not both:
        if points("ipset-lost"):
            attrs.pop("ipset"), attrs.pop("ipsetflags", None)
            return
    if not both:
        attrs["ipsetflags"] = (["src"], False)


# ---- ports and trees ----------------------------------------------------------------------

def reduced(text):
    """A filter's text without the rules that one of the two sides refuses, to compare the others."""
    points = Points(frozenset())
    root = read_xml(text, points)
    chain, priority = chain_of(root, points)
    for node in list(root):
        points.refusals.clear()
        try:
            if node.tag == "rule":
                rule = parse_rule(node, chain, priority, points)
                if not variables(rule):
                    check_bound(rule.element, rule.attrs, points)
            elif node.tag == "filterref":
                parse_filterref(node, points)
            elif node.tag != "uuid" or not (node.text or "").strip():
                points.refusals.add("unknown-element")
        except Refused:
            points.refusals.add("refused")
        if points.refusals:
            root.remove(node)
    for name in set(root.attrib) - {"name", "chain", "priority"}:
        del root.attrib[name]
    return ET.tostring(root)


class Port:
    def __init__(self, name, macaddr, top, params):
        self.name, self.mac, self.top, self.params = name, macaddr, top, params
        self.absent = name.startswith("nodev")      # the corpus made no such device


def parse_binding(text, points):
    root = read_xml(text, points)
    dev, owner, ref = root.find("portdev"), root.find("owner"), root.find("filterref")
    if root.tag != "filterbinding" or dev is None or not dev.get("name") or root.find("mac") is None:
        raise Refused("incomplete binding")
    if owner is None or not owner.findtext("name") or not owner.findtext("uuid") or ref is None:
        raise Refused("incomplete binding")
    top, params = parse_filterref(ref, points)
    macaddr = mac(root.find("mac").get("address"))
    params.setdefault("MAC", [macaddr])
    if len(dev.get("name")) > 15:
        points.strict("long-port-name")
    return Port(dev.get("name"), macaddr, top, params)


def store(files, points):
    """Defines the filters in the order given; what can not be defined is not there."""
    filters, failed = {}, []
    for text in files:
        try:
            f = parse_filter(text, points)
            for g in filters.values():
                if g.uuid and f.uuid == g.uuid and f.name != g.name:
                    raise Refused("uuid in use")
            if f.name in filters:
                if not f.uuid or f.uuid != filters[f.name].uuid:
                    raise Refused("name in use")
                points.strict("filter-defined-twice")
            if reaches(f, f.name, filters, set()):
                raise Refused("loop")
            filters[f.name] = f
        except Refused as e:
            failed.append(str(e))
    if failed:
        raise Refused("define: " + failed[0])
    return filters


def reaches(f, name, filters, seen):
    for e in f.entries:
        if isinstance(e, tuple):
            if e[0] == name:
                return True
            if e[0] in filters and e[0] not in seen:
                seen.add(e[0])
                if reaches(filters[e[0]], name, filters, seen):
                    return True
    return False


def flatten(filters, name, scope, missing, points, out):
    """Depth first, in document order; missing gets (name, as printed, is there no such list at all)."""
    if name not in filters:
        raise Refused("missing filter " + name)
    for e in filters[name].entries:
        if isinstance(e, tuple):
            flatten(filters, e[0], {**e[1], **scope}, missing, points, out)
        else:
            for var in variables(e):
                values = scope.get(var.name)
                if values is None or (var.index is not None and var.index >= len(values)):
                    missing.add((var.name, var.printed(), values is None))
            out.append((e, scope))


def variables(rule):
    seen = {}
    for name, _kind in ELEMENTS.get(rule.element, ()):
        val = rule.attrs.get(name, (None,))[0]
        if isinstance(val, Var):
            seen.setdefault(val.key(), val)
    return list(seen.values())


def instances(rule, scope, points):
    """The rule once per combination of values; the first dimension turns fastest."""
    dims = {("it", 0): []}
    for var in variables(rule):
        key = ("it", var.iterator) if var.index is None else ("ix", var.name, var.index)
        dims.setdefault(key, []).append(var)
    tables = []
    for members in dims.values():
        columns = [scope[v.name] if v.index is None else [scope[v.name][v.index]] for v in members]
        if len({len(c) for c in columns}) > 1:
            raise Refused("lists of unequal length")
        rows = list(dict.fromkeys(zip(*columns))) if members else [()]
        tables.append([dict(zip((v.key() for v in members), row)) for row in rows])
    for combination in itertools.product(*reversed(tables)):
        env = {k: v for row in combination for k, v in row.items()}
        yield bind(rule, env, points)


def bind(rule, env, points):
    kinds, attrs = dict(ELEMENTS.get(rule.element, ())), {}
    for name, (val, negated) in rule.attrs.items():
        if isinstance(val, Var):
            val = value(env[val.key()], kinds[name], points)
        attrs[name] = (val, negated)
    check_bound(rule.element, attrs, points)
    bound = Rule(rule.action, rule.direction, rule.priority, rule.chain, rule.chain_priority, rule.element, attrs,
                 rule.stateless)
    bound.origin = rule     # a copy for each time that the filter is referenced
    return bound


def check_bound(element, attrs, points):
    """What libvirt leaves to the tools, which refuse it, and what they take although it is empty."""
    for lo, hi in (("srcportstart", "srcportend"), ("dstportstart", "dstportend")):
        if lo in attrs and hi in attrs and attrs[lo][0] > attrs[hi][0]:
            raise Refused("range reversed")
    for side in ("src", "dst"):
        lo, hi = attrs.get(side + "ipfrom"), attrs.get(side + "ipto")
        if lo and hi and ipaddress.ip_address(lo[0]) > ipaddress.ip_address(hi[0]):
            points.strict("address-range-reversed")
    if attrs.get("option", (1,))[0] == 0:
        raise Refused("TCP option 0")
    if element == "stp" and set(attrs) - {"srcmacaddr", "srcmacmask", "comment"}:
        points.strict("stp-fields")
    if element == "icmp" and attrs.get("type", (0,))[0] == 255:
        points.strict("icmp-type-255")
    if attrs.get("vlanid", (0,))[0] == 4095:
        raise Refused("VLAN 4095")


def learning_mode(port, missing, points):
    """Addresses alone can be learned; with libvirt only what is written as plain $IP."""
    if not all(name in ("IP", "IPV6") and none for name, _, none in missing):
        raise Refused("missing variables")
    mode = (port.params.get("CTRL_IP_LEARNING") or ["any"])[0].lower()
    if mode not in ("any", "dhcp"):
        raise Refused("address missing and not to be learned")
    if {text for _, text, _ in missing} != {"IP"}:
        points.libvirt_refuses("learning-more")
    return mode


def learning_set(port, mode, missing):
    """The name of the stock filter that holds while these addresses are learned."""
    names = {name for name, _, _ in missing}
    kind = {("IP",): "", ("IPV6",): "-ipv6"}.get(tuple(names), "-dual")
    if mode == "any":
        return "learn-any" + kind
    server4, server6 = (v in port.params for v in ("DHCPSERVER", "DHCPSERVERV6"))
    if kind == "-dual" and server4 != server6:
        return "learn-dhcp-dual-server" + ("4" if server4 else "6")
    known = server6 if kind == "-ipv6" else server4
    return "learn-dhcp" + kind + ("-server" if known else "")


def read_case(filter_texts, binding_text, points):
    """(port, rule instances in document order, None), or with libvirt's (port, None, learning mode)."""
    filters = store(filter_texts, points)
    port = parse_binding(binding_text, points)
    flat, missing = [], set()
    flatten(filters, port.top, port.params, missing, points, flat)
    if missing:
        mode = learning_mode(port, missing, points)
        if points("learning"):
            return port, None, mode
        flat = []
        stock = {f.name: f for f in (parse_filter(p.read_bytes(), points) for p in sorted(STOCK.glob("*.xml")))}
        flatten(stock, learning_set(port, mode, missing), port.params, set(), points, flat)
    return port, [i for rule, scope in flat for i in instances(copy.copy(rule), scope, points)], None
