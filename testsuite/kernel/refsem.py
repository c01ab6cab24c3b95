#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a network filter means, decided packet by packet straight from the XML.

This is the expectation the kernel's verdicts are held against, so it shares nothing with the
compiler: its own reader, its own tables, plain predicates on decoded frames instead of rules of a
tool.  Where libvirt errs the meaning is the corrected one (docs/differences.md).  It reads valid
filters only; refusing bad ones is the compiler's task and tested elsewhere.

Two stages, as docs/semantics.md has them.  The bridge stage is a root chain per direction whose
rules and sub-chains are visited by priority.  The IP stage is one flat list per direction, sorted
by rule priority, with connection state.  A packet passes when both let it pass.

    refsem.py FILTERDIR... BINDING      print both stages of both directions
"""
import itertools
import os
import re
import sys
import xml.etree.ElementTree as ET

import frames as F

OUT, IN = "out", "in"
PASS, DROP, REJECT = "pass", "drop", "reject"
SWITCHED_OFF = ("0", "false")

CHAIN_PRIORITY = {"stp": -810, "mac": -800, "vlan": -750, "ipv4": -700, "ipv6": -600, "arp": -500, "rarp": -400}
CHAIN_ETHERTYPE = {"vlan": F.ETH_VLAN, "ipv4": F.ETH_IP, "ipv6": F.ETH_IP6, "arp": F.ETH_ARP, "rarp": F.ETH_RARP}

BRIDGE_PROTOCOLS = ("mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6")
IP_PROTOCOLS = {"tcp": F.TCP, "udp": F.UDP, "udplite": F.UDPLITE, "esp": F.ESP, "ah": F.AH, "sctp": F.SCTP,
                "icmp": F.ICMP, "igmp": F.IGMP, "all": None}
IP6_PROTOCOLS = {"tcp-ipv6": F.TCP, "udp-ipv6": F.UDP, "udplite-ipv6": F.UDPLITE, "esp-ipv6": F.ESP,
                 "ah-ipv6": F.AH, "sctp-ipv6": F.SCTP, "icmpv6": F.ICMP6, "all-ipv6": None}

PROTOCOL_IDS = {"arp": F.ETH_ARP, "rarp": F.ETH_RARP, "ipv4": F.ETH_IP, "ipv6": F.ETH_IP6, "vlan": F.ETH_VLAN}
ARP_OPCODES = {"request": 1, "reply": 2, "request_reverse": 3, "reply_reverse": 4, "drarp_request": 5,
               "drarp_reply": 6, "drarp_error": 7, "inarp_request": 8, "arp_nak": 9}
PROTOCOL_NAMES = {"tcp": 6, "udp": 17, "udplite": 136, "esp": 50, "ah": 51, "icmp": 1, "igmp": 2, "sctp": 132,
                  "icmpv6": 58}
TCP_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}


class FilterError(Exception):
    pass


# ---------------------------------------------------------------- reading

class Rule:
    def __init__(self, node, owner):
        self.owner = owner
        self.action, self.direction = node.get("action"), node.get("direction")
        self.priority = int(node.get("priority", "500"))
        self.tracked = node.get("statematch", "").lower() not in SWITCHED_OFF
        self.protocol, self.fields = "", {}
        self.none = False   # match='none', which is not XML's: the nwf language's != of a list
        for child in node:
            if not isinstance(child.tag, str):
                continue
            if self.protocol and child.tag != self.protocol:
                continue
            if child.tag not in BRIDGE_PROTOCOLS and child.tag not in IP_PROTOCOLS and child.tag not in IP6_PROTOCOLS:
                continue
            self.protocol = child.tag
            negated = child.get("match") in ("no", "none")
            self.none |= child.get("match") == "none"
            for name, text in child.attrib.items():
                if name not in ("match", "comment"):
                    self.fields[ALIASES.get(name, name)] = (text.strip(), negated)
        self.on_bridge = self.protocol in BRIDGE_PROTOCOLS or not self.protocol
        self.number = 0


# The published documentation misnames these two.
ALIASES = {"port_hi": "port-hi", "msg-age": "age", "msg-age-hi": "age-hi"}


class Filter:
    def __init__(self, root):
        self.name = root.get("name")
        self.chain = root.get("chain") or "root"
        self.priority = CHAIN_PRIORITY.get(chain_prefix(self.chain), 0)
        if root.get("priority") is not None and self.chain != "root":
            self.priority = int(root.get("priority"))
        self.items = []
        for node in root:
            if node.tag == "rule":
                rule = Rule(node, self)
                rule.number = 1 + sum(isinstance(item, Rule) for item in self.items)
                self.items.append(rule)
            elif node.tag == "filterref":
                self.items.append((node.get("filter"), read_parameters(node)))


def chain_prefix(chain):
    for prefix in sorted(CHAIN_PRIORITY, key=len, reverse=True):
        if chain.startswith(prefix):
            return prefix
    return "root"


def read_parameters(node):
    scope = {}
    for param in node.findall("parameter"):
        scope.setdefault(param.get("name"), []).append(param.get("value"))
    return scope


def read_filters(directories):
    filters = {}
    for directory in filter(os.path.isdir, directories):
        for name in sorted(os.listdir(directory)):
            if name.endswith(".xml"):
                filt = Filter(ET.parse(os.path.join(directory, name)).getroot())
                filters.setdefault(filt.name, filt)
    return filters


class Port:
    """The port of a <filterbinding>, or of the <interface> with a filterref in a domain."""

    def __init__(self, path):
        root = ET.parse(path).getroot()
        node = root
        if root.tag != "filterbinding":
            node = next(n for n in root.iter("interface") if n.find("filterref") is not None)
        device = node.find("portdev")
        self.name = device.get("name") if device is not None else node.find("target").get("dev")
        self.mac = node.find("mac").get("address")
        ref = node.find("filterref")
        self.filter, self.scope = ref.get("filter"), read_parameters(ref)
        self.scope.setdefault("MAC", [self.mac])


# ---------------------------------------------------------------- variables

REFERENCE = re.compile(r"\$([A-Za-z0-9_]+)(?:\[\s*(@?)(\d+)\s*\])?$")


class Missing(FilterError):
    def __init__(self, names):
        super().__init__("missing variables: " + " ".join(sorted(names)))
        self.names = names


def expand_tree(filters, name, scope):
    """Depth first, document order: (rule, scope) for each rule of the tree; outer values win."""
    for item in filters[name].items:
        if isinstance(item, Rule):
            yield item, scope
        else:
            yield from expand_tree(filters, item[0], dict(item[1], **scope))


def missing_names(rule, scope):
    for text, _ in rule.fields.values():
        ref = REFERENCE.match(text)
        if ref:
            name, at, index = ref.groups()
            if name not in scope or (index and not at and int(index) >= len(scope[name])):
                yield name


def instances(rule, scope):
    """One dict of fields per combination of iterators; variables of one iterator go in step."""
    dims = {("@", "0"): []}
    for text, _ in rule.fields.values():
        ref = REFERENCE.match(text)
        if ref:
            name, at, index = ref.groups()
            key = ("@", index or "0") if at or index is None else ("[]", name, index)
            if text not in dims.setdefault(key, []):
                dims[key].append(text)
    rows = []
    for key, texts in dims.items():
        names = [REFERENCE.match(text).group(1) for text in texts]
        if key[0] == "@":
            lists = [scope[name] for name in names]
            if len({len(values) for values in lists}) > 1:
                raise FilterError("lists of unequal length: %s" % names)
            tuples = list(dict.fromkeys(zip(*lists))) if lists else [()]
        else:
            tuples = [(scope[names[0]][int(key[2])],)]
        rows.append([dict(zip(texts, values)) for values in tuples])
    for combination in itertools.product(*rows):
        values = {}
        for part in combination:
            values.update(part)
        yield {name: (values.get(text, text), negated) for name, (text, negated) in rule.fields.items()}


# ---------------------------------------------------------------- values

def number(text):
    return int(text, 16) if text.lower().startswith("0x") else int(text, 10)


def named(table):
    return lambda text: table[text.lower()] if text.lower() in table else number(text)


def bits(raw):
    return int.from_bytes(raw, "big")


def prefix_mask(text, width):
    if text is None:
        return (1 << width) - 1
    if text.isdigit():
        return ((1 << int(text)) - 1) << (width - int(text))
    return bits(F.addr(text))


def masked(fields, name, mask_name, parse, width, mask_of=None):
    """A test 'raw & mask == value & mask' with the sign of the address, or None."""
    if name not in fields:
        return None
    text, negated = fields[name]
    value = bits(parse(text))
    mask_text = fields[mask_name][0] if mask_name in fields else None
    mask = (mask_of or prefix_mask)(mask_text, width)
    return lambda raw: ((bits(raw) ^ value) & mask == 0) != negated


def mac_mask(text, width):
    return (1 << width) - 1 if text is None else bits(F.mac(text))


def interval(fields, low, high, parse=number):
    """A test 'lo <= x <= hi' with the sign of the start, or None."""
    if low not in fields:
        return None
    lo = parse(fields[low][0])
    hi = parse(fields[high][0]) if high in fields else lo
    negated = fields[low][1]
    return lambda value: (lo <= value <= hi) != negated


def mirrored(fields):
    """Source and destination exchanged in every attribute name."""
    swap = lambda m: "dst" if m.group() == "src" else "src"
    return {re.sub("src|dst", swap, name): value for name, value in fields.items()}


# ---------------------------------------------------------------- bridge stage: one predicate per rule

def bridge_tests(protocol, fields):
    """Predicates on a decoded frame, all of which must hold."""
    tests = []

    def add(test, pick):
        """pick(frame) is the raw field, or None where the frame has none: then nothing matches."""
        if test is not None:
            tests.append(lambda frame: (lambda raw: raw is not None and test(raw))(pick(frame)))

    add(masked(fields, "srcmacaddr", "srcmacmask", F.mac, 48, mac_mask), lambda f: f.src)
    add(masked(fields, "dstmacaddr", "dstmacmask", F.mac, 48, mac_mask), lambda f: f.dst)
    {"mac": mac_tests, "vlan": vlan_tests, "stp": stp_tests, "arp": arp_tests, "rarp": arp_tests, "ip": ip_tests,
     "ipv6": ip_tests, "": lambda *_: None}[protocol](protocol, fields, tests, add)
    return tests


def mac_tests(_, fields, tests, add):
    add(interval(fields, "protocolid", "", named(PROTOCOL_IDS)), lambda f: f.ethertype)


def vlan_tests(_, fields, tests, add):
    tests.append(lambda f: f.ethertype == F.ETH_VLAN)
    add(interval(fields, "vlanid", ""), lambda f: f.vid)
    add(interval(fields, "encap-protocol", "", named(PROTOCOL_IDS)), lambda f: f.encap)


STP_NUMBERS = {"type": "type", "flags": "flags", "root-priority": "root_prio", "root-cost": "cost",
               "sender-priority": "prio", "port": "port", "age": "age", "max-age": "max_age", "hello-time": "hello",
               "forward-delay": "delay"}


def stp_tests(_, fields, tests, add):
    tests.append(lambda f: f.dst == F.BRIDGE_GROUP)
    for name, key in STP_NUMBERS.items():
        add(interval(fields, name, name + "-hi"), lambda f, key=key: f.bpdu and f.bpdu.get(key))
    for name, key in (("root-address", "root"), ("sender-address", "sender")):
        add(masked(fields, name, name + "-mask", F.mac, 48, mac_mask), lambda f, key=key: f.bpdu and f.bpdu.get(key))


def arp_tests(protocol, fields, tests, add):
    ethertype = F.ETH_ARP if protocol == "arp" else F.ETH_RARP
    tests.append(lambda f: f.ethertype == ethertype)
    add(interval(fields, "hwtype", ""), lambda f: f.arp["htype"])
    add(interval(fields, "protocoltype", ""), lambda f: f.arp["ptype"])
    add(interval(fields, "opcode", "", named(ARP_OPCODES)), lambda f: f.arp["op"])
    for name, key in (("arpsrcmacaddr", "sha"), ("arpdstmacaddr", "tha")):
        add(masked(fields, name, "", F.mac, 48), lambda f, key=key: arp_hw(f.arp, key))
    for name, mask, key in (("arpsrcipaddr", "arpsrcipmask", "spa"), ("arpdstipaddr", "arpdstipmask", "tpa")):
        add(masked(fields, name, mask, F.addr, 32), lambda f, key=key: arp_ip(f.arp, key))
    if fields.get("gratuitous", ("",))[0].lower() in ("true", "yes", "1"):
        negated = fields["gratuitous"][1]
        tests.append(lambda f: arp_ip(f.arp, "spa") is not None and
                     (f.arp["spa"] == f.arp["tpa"]) != negated)


def arp_hw(arp, key):
    """The kernel's ebt_arp compares hardware addresses of Ethernet only..."""
    return arp[key] if arp["htype"] == 1 and arp["hlen"] == 6 else None


def arp_ip(arp, key):
    """...and protocol addresses of IPv4 only."""
    return arp[key] if arp["ptype"] == F.ETH_IP and arp["plen"] == 4 else None


def ip_tests(protocol, fields, tests, add):
    family, width, ethertype = (4, 32, F.ETH_IP) if protocol == "ip" else (6, 128, F.ETH_IP6)
    tests.append(lambda f: f.ethertype == ethertype)
    add(masked(fields, "srcipaddr", "srcipmask", F.addr, width), lambda f: f.saddr)
    add(masked(fields, "dstipaddr", "dstipmask", F.addr, width), lambda f: f.daddr)
    add(interval(fields, "protocol", "", named(PROTOCOL_NAMES)), lambda f: f.proto_bridge)
    add(interval(fields, "srcportstart", "srcportend"), lambda f: f.ports_bridge and f.ports_bridge[0])
    add(interval(fields, "dstportstart", "dstportend"), lambda f: f.ports_bridge and f.ports_bridge[1])
    add(interval(fields, "dscp", ""), lambda f: f.tos >> 2)
    icmp6_tests(fields, tests)


def icmp6_tests(fields, tests):
    """type..typeend and code..codeend are one test with one sign; open ends are 0 and 255."""
    names = ("type", "typeend", "code", "codeend")
    if not any(name in fields for name in names):
        return
    get = lambda name, default: number(fields[name][0]) if name in fields else default
    t_lo, c_lo = get("type", 0), get("code", 0)
    t_hi = get("typeend", t_lo if "type" in fields else 255)
    c_hi = get("codeend", c_lo if "code" in fields else 255)
    negated = next(fields[name][1] for name in names if name in fields)
    tests.append(lambda f: f.icmp_bridge is not None and
                 (t_lo <= f.icmp_bridge[0] <= t_hi and c_lo <= f.icmp_bridge[1] <= c_hi) != negated)


# ---------------------------------------------------------------- IP stage: predicates

def ip_stage_tests(protocol, fields, plain):
    """Predicates on a decoded frame; None when the rule has no form in this orientation."""
    v4 = protocol in IP_PROTOCOLS
    wanted = IP_PROTOCOLS[protocol] if v4 else IP6_PROTOCOLS[protocol]
    own = dict(fields)
    if not plain:
        mac_only = not set(own) - {"srcmacaddr", "state", "connlimit-above", "ipset", "ipsetflags"} and "srcmacaddr" in own
        own.pop("srcmacaddr", None)
        if mac_only:
            return None
        own = mirrored(own)
    tests = [lambda f: f.ethertype == (F.ETH_IP if v4 else F.ETH_IP6)]
    if wanted is not None:
        tests.append(lambda f: f.proto == wanted)
    if "srcmacaddr" in own:
        test = masked(own, "srcmacaddr", "", F.mac, 48)
        tests.append(lambda f, test=test: test(f.src))
    for side, pick in (("src", lambda f: f.saddr), ("dst", lambda f: f.daddr)):
        test = masked(own, side + "ipaddr", side + "ipmask", F.addr, 32 if v4 else 128)
        if test is None:
            test = interval(own, side + "ipfrom", side + "ipto", lambda text: bits(F.addr(text)))
            test = test and (lambda raw, test=test: test(bits(raw)))
        if test is not None:
            tests.append(lambda f, test=test, pick=pick: test(pick(f)))
    transport_tests(own, tests)
    return tests


def transport_tests(own, tests):
    dscp = interval(own, "dscp", "")
    if dscp:
        tests.append(lambda f: dscp(f.tos >> 2))
    for index, side in enumerate(("src", "dst")):
        test = interval(own, side + "portstart", side + "portend")
        if test:
            tests.append(lambda f, test=test, index=index: f.ports is not None and test(f.ports[index]))
    if "flags" in own:
        mask, value = (flag_bits(part) for part in own["flags"][0].split("/"))
        negated = own["flags"][1]
        tests.append(lambda f: f.flags is not None and (f.flags & mask == value) != negated)
    if "option" in own:
        kind, sign = number(own["option"][0]), own["option"][1]
        tests.append(lambda f: f.tcp_options is not None and (kind in f.tcp_options) != sign)
    if "type" in own:
        kind, negated = number(own["type"][0]), own["type"][1]
        code = number(own["code"][0]) if "code" in own else None
        tests.append(lambda f: f.icmp is not None and
                     (f.icmp[0] == kind and code in (None, f.icmp[1])) != negated)


TRANSPORT_FIELDS = ("srcportstart", "dstportstart", "flags", "option", "type")


def flag_bits(text):
    value = 0
    for word in text.split(","):
        if word.strip():
            value |= TCP_FLAGS[word.strip().upper()]
    return value


class IpEntry:
    """One rule instance as one direction of the IP stage sees it."""

    def __init__(self, rule, fields, tests, states, ctdir, limit):
        self.rule, self.fields, self.tests = rule, fields, tests
        self.states, self.ctdir, self.limit = states, ctdir, limit
        self.counted = {}

    def concerns(self, frame):
        """All conditions but those on the connection hold."""
        return all(test(frame) for test in self.tests)

    def matches(self, frame, conn):
        if not self.concerns(frame):
            return False
        if self.states is not None and conn.state not in self.states:
            return False
        if self.ctdir is not None and conn.direction != self.ctdir:
            return False
        return self.limit is None or self.over_limit(frame, conn)

    def over_limit(self, frame, conn):
        """Connections of this source that came as far as this rule, this one included."""
        above, negated = self.limit
        flows = self.counted.setdefault(frame.saddr, set())
        flows &= conn.alive()
        flows.add(conn.tuple)
        return (len(flows) > above) != negated


def ip_entries(rule, fields, direction):
    """The forms of one rule instance in one direction of the IP stage (none or one)."""
    typed = "type" in fields
    own_direction = rule.direction in (direction, "inout")
    plain = direction == rule.direction or (rule.direction == "inout" and (direction == IN or typed))
    states = ctdir = limit = None
    given = "state" in fields and rule.tracked
    if "connlimit-above" in fields:
        limit = (number(fields["connlimit-above"][0]), fields["connlimit-above"][1])
    if (typed or given) and not own_direction or limit and not plain:
        return
    if given:
        words = {word.upper() for word in re.split(r"[,\s]+", fields["state"][0]) if word}
        states = None if "NONE" in words else words
    elif rule.action == "accept" and rule.tracked and rule.direction != "inout" and not limit:
        states = {"NEW", "ESTABLISHED"} if plain else {"ESTABLISHED"}
        ctdir = None if typed else "original" if plain else "reply"
    tests = ip_stage_tests(rule.protocol, fields, plain)
    if tests is not None:
        yield IpEntry(rule, fields, tests, states, ctdir, limit)


# ---------------------------------------------------------------- the whole

class Reference:
    """Both stages of one port's filter."""

    def __init__(self, filters, port):
        self.filters, self.port = filters, port
        self.top = port.filter
        if self._missing(self.top):
            self.top = learning_filter(self._missing(self.top), port.scope)
            if self._missing(self.top):
                raise Missing(self._missing(self.top))
        tree = list(self.rules())
        flat = []
        for rule, scope in tree:
            every = list(instances(rule, scope))
            # instances are alternatives; that none of the values matches is all of them together
            flat += [(rule, every[0], every[1:])] if rule.none else [(rule, fields, []) for fields in every]
        flat.sort(key=lambda pair: pair[0].priority)
        self.priorities = {}
        for rule, _, _ in flat:
            chain, own = rule.owner.chain, rule.owner.priority
            self.priorities[chain] = min(own, self.priorities.get(chain, own))
        self.root, self.chains = {}, {}
        self.ip = {OUT: [], IN: []}
        for direction in (OUT, IN):
            self._bridge_stage(flat, direction)
            for rule, fields, together in flat:
                if not rule.on_bridge:
                    entries = list(ip_entries(rule, fields, direction))
                    for entry in entries:
                        entry.tests += [t for f in together for e in ip_entries(rule, f, direction) for t in e.tests]
                    self.ip[direction].extend(entries)
        entries = self.ip[OUT] + self.ip[IN]
        self.uses_state = any(e.states or e.ctdir or e.limit for e in entries)
        self.uses_ip = bool(entries)
        self.uses_limit = any(e.limit for e in entries)
        self.looks_into_bpdu = any(rule.protocol == "stp" and set(fields) - {"srcmacaddr", "srcmacmask"}
                                   for rule, fields, _ in flat)
        self.looks_at_ip6_protocol = any(rule.protocol == "ipv6" and "protocol" in fields for rule, fields, _ in flat)
        self.looks_into_transport = any(name in entry.fields for entry in entries for name in TRANSPORT_FIELDS)

    def rules(self):
        """(rule, scope) of the whole tree."""
        return expand_tree(self.filters, self.top, self.port.scope)

    def _missing(self, top):
        return {name for rule, scope in expand_tree(self.filters, top, self.port.scope)
                for name in missing_names(rule, scope)}

    def _bridge_stage(self, flat, direction):
        """Root rules and sub-chains of one direction in the order in which a frame meets them."""
        chains, root = {}, []
        for rule, fields, together in flat:
            if not rule.on_bridge or rule.direction not in (direction, "inout"):
                continue
            turned = rule.direction == "inout" and direction == OUT
            tests = [t for f in [fields] + together for t in bridge_tests(rule.protocol, mirrored(f) if turned else f)]
            if rule.owner.chain == "root":
                # a jump stands before the rules of its own priority, hence the 1
                root.append((rule.priority, 1, "", rule, tests))
            else:
                chains.setdefault(rule.owner.chain, []).append((rule, tests))
        for name in chains:
            root.append((self.priorities[name], 0, name, None, None))
        root.sort(key=lambda item: item[:3] if item[1] == 0 else item[:2])
        self.root[direction], self.chains[direction] = root, chains

    def bridge_verdict(self, frame, direction):
        """(verdict, rule or None) of the bridge stage."""
        for _, is_rule, name, rule, tests in self.root[direction]:
            if is_rule:
                if all(test(frame) for test in tests):
                    if rule.action in ("accept", "return"):
                        return PASS, rule
                    if rule.action != "continue":
                        return DROP, rule
            elif enters(name, frame):
                verdict, by = self._sub_chain(self.chains[direction][name], frame)
                if verdict:
                    return verdict, by
        return PASS, None

    @staticmethod
    def _sub_chain(chain, frame):
        for rule, tests in chain:
            if all(test(frame) for test in tests):
                if rule.action == "accept":
                    return PASS, rule
                if rule.action == "return":
                    break
                if rule.action != "continue":
                    return DROP, rule
        return None, None

    def ip_verdict(self, frame, direction, conn):
        """(verdict, rule or None) of the IP stage."""
        if frame.family is None:
            return PASS, None
        for entry in self.ip[direction]:
            if entry.matches(frame, conn):
                if entry.rule.action in ("accept", "return"):
                    return PASS, entry.rule
                if entry.rule.action != "continue":
                    return (REJECT if entry.rule.action == "reject" else DROP), entry.rule
        return PASS, None


def learning_filter(missing, scope):
    """The filter that stands in while addresses are still to be learned."""
    mode = scope.get("CTRL_IP_LEARNING", ["any"])[0].lower()
    if not missing <= {"IP", "IPV6"} or mode == "none":
        raise Missing(missing)
    both = len(missing) == 2
    name = "learn-" + mode + ("-dual" if both else "-ipv6" if "IPV6" in missing else "")
    if mode == "any":
        return name
    servers = [version for version, missed, servers in (("4", "IP", "DHCPSERVER"), ("6", "IPV6", "DHCPSERVERV6"))
               if missed in missing and servers in scope]
    return name + ("-server" + (servers[0] if both and len(servers) == 1 else "") if servers else "")


def enters(chain, frame):
    prefix = chain_prefix(chain)
    if prefix == "mac":
        return True
    if prefix == "stp":
        return frame.dst == F.BRIDGE_GROUP
    return frame.ethertype == CHAIN_ETHERTYPE[prefix]


def targets_of(reference):
    """(rule, fields) of every instance in the tree."""
    return [(rule, fields) for rule, scope in reference.rules() for fields in instances(rule, scope)]


def load(directories, binding):
    port = Port(binding)
    return Reference(read_filters(directories), port)


def describe(reference):
    for direction in (OUT, IN):
        print("bridge stage, %s" % direction)
        for priority, is_rule, name, rule, _ in reference.root[direction]:
            if is_rule:
                print("  %5d  %s" % (priority, label(rule)))
            else:
                print("  %5d  chain %s" % (priority, name))
                for inner, _ in reference.chains[direction][name]:
                    print("           %5d  %s" % (inner.priority, label(inner)))
        print("IP stage, %s" % direction)
        for entry in reference.ip[direction]:
            extra = " ".join(sorted(entry.states or ())) + (" " + entry.ctdir if entry.ctdir else "")
            print("  %5d  %s  %s" % (entry.rule.priority, label(entry.rule), extra))


def label(rule):
    if rule is None:
        return "end of the chains"
    words = ["%s%s=%s" % ("!" if negated else "", name, text) for name, (text, negated) in rule.fields.items()]
    return "%s#%d %s %s %s" % (rule.owner.name, rule.number, rule.action, rule.direction,
                               " ".join([rule.protocol or "any"] + words))


if __name__ == "__main__":
    describe(load(sys.argv[1:-1], sys.argv[-1]))
