# SPDX-License-Identifier: MIT
"""Rule instances to chains of tool options: the back half of the reference model.

The result is {target: {chain: [rule]}}, where a rule is a list of command line words.  Chains
have role names that are neither libvirt's nor ours: `out` and `in` with `out/NAME` below them
for ebtables, `FI`, `FO` and `HI` for iptables, `@...` for the chains that lead there.
"""
import itertools

from language import FLAGS, STATES, Refused

BPDU = "01:80:c2:00:00:00"
JUMP_MATCH = [("mac", []), ("stp", ["-d", BPDU]), ("vlan", ["-p", "0x8100"]), ("ipv4", ["-p", "0x0800"]),
              ("ipv6", ["-p", "0x86dd"]), ("arp", ["-p", "0x0806"]), ("rarp", ["-p", "0x8035"])]
L2_TARGET = {"drop": "DROP", "reject": "DROP", "accept": "ACCEPT", "return": "RETURN", "continue": "CONTINUE"}
ETHER = {"vlan": "0x8100", "arp": "0x0806", "rarp": "0x8035", "ip": "0x0800", "ipv6": "0x86dd"}
STP_NUMBERS = [("type", "type"), ("flags", "flags"), ("root-priority", "root-prio"), ("root-cost", "root-cost"),
               ("sender-priority", "sender-prio"), ("port", "port"), ("age", "msg-age"), ("max-age", "max-age"),
               ("hello-time", "hello-time"), ("forward-delay", "forward-delay")]



class Attrs:
    """Attributes of one instance, with source and destination exchanged on request."""

    def __init__(self, attrs, swapped):
        self.attrs, self.swapped = attrs, swapped

    def get(self, name):
        if self.swapped:
            for a, b in (("src", "dst"), ("dst", "src")):
                for prefix in ("", "arp"):
                    if name.startswith(prefix + a):
                        return self.attrs.get(prefix + b + name[len(prefix) + 3:])
        return self.attrs.get(name)


# ---- ebtables -----------------------------------------------------------------------------

def bang(option, item, text):
    return [option] + (["!"] if item[1] else []) + [text]


def span(a, lo, hi):
    return "%s:%s" % (a.get(lo)[0], a.get(hi)[0]) if a.get(hi) else str(a.get(lo)[0])


def with_mask(a, name, maskname, default=None):
    m = a.get(maskname)
    m = m[0] if m else default
    return a.get(name)[0] + ("" if m is None else "/%s" % m)


def macs(a):
    words = []
    for side, option in (("src", "-s"), ("dst", "-d")):
        item = a.get(side + "macaddr")
        if item:
            words += bang(option, item, with_mask(a, side + "macaddr", side + "macmask"))
    return words


def eb_arp(a, points):
    words = []
    for name, option, form in (("hwtype", "--arp-htype", "%d"), ("opcode", "--arp-opcode", "%d"),
                               ("protocoltype", "--arp-ptype", "0x%x")):
        if a.get(name):
            words += bang(option, a.get(name), form % a.get(name)[0])
    masks = [a.attrs.get("arp%sipmask" % s) for s in ("src", "dst")]
    for side in ("src", "dst"):
        if a.get("arp%smacaddr" % side):
            words += bang("--arp-mac-" + side, a.get("arp%smacaddr" % side), a.get("arp%smacaddr" % side)[0])
        item = a.get("arp%sipaddr" % side)
        if item:
            length = a.get("arp%sipmask" % side)
            written_as_destination = (side == "dst") != a.swapped
            if not length and written_as_destination and masks[0] and points("arp-mask-shared"):
                length = masks[0]
            words += bang("--arp-ip-" + side, item, "%s/%d" % (item[0], length[0] if length else 32))
    if a.get("gratuitous") and a.get("gratuitous")[0]:
        words += (["!"] if a.get("gratuitous")[1] else []) + ["--arp-gratuitous"]
    return words


def eb_stp(a):
    words = ["-d", BPDU]
    for name, option in STP_NUMBERS:
        if a.get(name):
            words += bang("--stp-" + option, a.get(name), span(a, name, name + "-hi"))
    for who in ("root", "sender"):
        if a.get(who + "-address"):
            words += bang("--stp-%s-addr" % who, a.get(who + "-address"),
                          with_mask(a, who + "-address", who + "-address-mask"))
    return words


def eb_ip(a, opt):
    words = []
    for side, word in (("src", "source"), ("dst", "destination")):
        if a.get(side + "ipaddr"):
            words += bang("--%s-%s" % (opt, word), a.get(side + "ipaddr"),
                          with_mask(a, side + "ipaddr", side + "ipmask"))
    if a.get("protocol"):
        words += bang("--%s-protocol" % opt, a.get("protocol"), str(a.get("protocol")[0]))
    for side, word in (("src", "source"), ("dst", "destination")):
        if a.get(side + "portstart"):
            words += bang("--%s-%s-port" % (opt, word), a.get(side + "portstart"),
                          span(a, side + "portstart", side + "portend"))
    return words


def eb_icmp6(a, points):
    given = [a.get(n) for n in ("type", "typeend", "code", "codeend") if a.get(n)]
    if not given:
        return []
    text, sign = [], bool(a.get("type") and a.get("type")[1])
    if given[0][1] != sign and not points("icmp6-sign"):
        sign = given[0][1]
    for name in ("type", "code"):
        lo, hi = a.get(name), a.get(name + "end")
        low = lo[0] if lo else 0
        text.append("%d:%d" % (low, hi[0] if hi else low if lo else 255))
    return ["--ip6-icmp-type"] + (["!"] if sign else []) + ["/".join(text)]


def eb_match(rule, swapped, points):
    """A list of alternatives; nearly always one."""
    a, e = Attrs(rule.attrs, swapped), rule.element
    if e == "stp" and rule.direction == "inout" and a.attrs.get("srcmacaddr"):
        raise Refused("stp, inout and a source MAC")
    words = macs(a)
    if e in ETHER:
        words += ["-p", ETHER[e]]
    if e == "mac" and a.get("protocolid"):
        words += bang("-p", a.get("protocolid"), "0x%04x" % a.get("protocolid")[0])
    elif e == "vlan":
        for name, option in (("vlanid", "--vlan-id"), ("encap-protocol", "--vlan-encap")):
            if a.get(name):
                form = "%d" if name == "vlanid" or points("vlan-encap-decimal") else "0x%04x"
                words += bang(option, a.get(name), form % a.get(name)[0])
    elif e in ("arp", "rarp"):
        words += eb_arp(a, points)
    elif e == "stp":
        words += eb_stp(a)
    elif e == "ip":
        words += eb_ip(a, "ip")
        if a.get("dscp"):
            if points("layer2-dscp"):
                return [words + bang("--ip-tos", a.get("dscp"), "0x%02x" % a.get("dscp")[0])]
            value, negated = a.get("dscp")
            return [words + ["--ip-tos", "0x%02x" % tos] for tos in range(256) if (tos >> 2 == value) != negated]
    elif e == "ipv6":
        words += eb_ip(a, "ip6") + eb_icmp6(a, points)
    return [words]


def sides(rule):
    """The two directions a layer 2 rule is written in, and whether it is written exchanged."""
    if rule.direction != "out":
        yield "in", False
    if rule.direction != "in":
        yield "out", rule.direction == "inout"


def chain_priorities(rules, points):
    """One priority a chain: with libvirt that of the last rule in order, with us the lowest."""
    found = {}
    for r in rules:
        found.setdefault(r.chain, []).append(r.chain_priority)
    found.pop("root", None)
    if all(len(set(v)) == 1 for v in found.values()):
        return {c: v[0] for c, v in found.items()}
    last = points("chain-with-two-priorities")
    return {c: v[-1] if last else min(v) for c, v in found.items()}


def ebtables(port, rules, points):
    rules = sorted((r for r in rules if r.layer2), key=lambda r: (r.chain != "root", r.priority))
    priority = chain_priorities(rules, points)
    chains = {}
    pending = sorted({(priority[r.chain], r.chain, d) for r in rules if r.chain != "root" for d, _ in sides(r)})

    def jump(entry):
        _, chain, direction = entry
        if len("J-%s-%s" % (port.name, chain)) > 28:
            points.libvirt_refuses("chain-name-length")
        chains.setdefault("%s/%s" % (direction, chain), [])
        match = max((m for m in JUMP_MATCH if chain.startswith(m[0])), key=lambda m: len(m[0]))[1]
        chains.setdefault(direction, []).append(match + ["-j", "%s/%s" % (direction, chain)])

    for _, group in itertools.groupby(rules, key=lambda r: id(r.origin)):
        group = list(group)
        r = group[0]
        effective = r.priority if r.chain == "root" else max(r.priority, priority[r.chain])
        while pending and pending[0][0] <= effective:
            jump(pending.pop(0))
        for direction, swapped in sides(r):
            where = direction if r.chain == "root" else "%s/%s" % (direction, r.chain)
            # Lines of a rule that needs several: the first line of all instances, then the second ...
            lines = itertools.zip_longest(*(eb_match(i, swapped, points) for i in group))
            for words in (w for line in lines for w in line if w is not None):
                chains.setdefault(where, []).append(words + ["-j", L2_TARGET[r.action]])
    for entry in pending:
        jump(entry)
    return chains


def ebtables_entry(chains, port):
    for direction, base, option in (("out", "PREROUTING", "-i"), ("in", "POSTROUTING", "-o")):
        if chains.get(direction):
            chains[base] = [[option, port, "-j", direction]]
    return chains


# ---- iptables -----------------------------------------------------------------------------

def neg(item, *words):
    return (["!"] if item[1] else []) + list(words)


def ip_addresses(a, points):
    words = []
    for side, long in (("src", "source"), ("dst", "destination")):
        addr, low, high = a.get(side + "ipaddr"), a.get(side + "ipfrom"), a.get(side + "ipto")
        if addr and addr[1] and (a.get(side + "ipmask") or (1,))[0] == 0:
            points.libvirt_refuses("negated-net-of-all")    # its tool does
            return None
        if addr:
            words += neg(addr, "--" + long, with_mask(a, side + "ipaddr", side + "ipmask"))
        elif low and not high and not points("open-range"):
            words += neg(low, "--" + long, low[0])
        elif low:
            text = low[0] + ("-" + high[0] if high else "")
            words += ["-m", "iprange"] + neg(low, "--%s-range" % side, text)
    return words


def flag_text(flags):
    return ",".join(f for f in FLAGS if f in flags) or "NONE"


def protocol_options(a, proto, points):
    """None where the rule can never match."""
    words, flags = [], a.get("flags")
    if flags and not flags[0][0] and not points("tcp-flags-no-mask"):
        if bool(flags[0][1]) != flags[1]:
            return None
        flags = None
    if a.get("dscp"):
        words += ["-m", "dscp"] + neg(a.get("dscp"), "--dscp", str(a.get("dscp")[0]))
    if flags:
        words += neg(flags, "--tcp-flags", *map(flag_text, flags[0]))
    for side, option in (("src", "--sport"), ("dst", "--dport")):
        if a.get(side + "portstart"):
            words += neg(a.get(side + "portstart"), option, span(a, side + "portstart", side + "portend"))
    if a.get("option"):
        words += neg(a.get("option"), "--tcp-option", str(a.get("option")[0]))
    if a.get("type"):
        text = str(a.get("type")[0]) + ("/%d" % a.get("code")[0] if a.get("code") else "")
        words += neg(a.get("type"), "--%s-type" % proto, text)
    return words


def set_match(a):
    if not a.get("ipset"):
        return []
    flags = a.get("ipsetflags")[0]
    if a.swapped:
        flags = [{"src": "dst", "dst": "src"}[f] for f in flags]
    return ["-m", "set"] + neg(a.get("ipset"), "--match-set", a.get("ipset")[0], ",".join(flags))


def ip_rule(rule, swapped, state, accept, points):
    """One rule of FI, FO or HI, or None where the language writes none."""
    a, proto = Attrs(rule.attrs, swapped), rule.element.split("-")[0]
    typed = a.get("type") is not None
    words = []
    mac = a.attrs.get("srcmacaddr")
    if mac and not swapped:
        words += ["-m", "mac"] + neg(mac, "--mac-source", mac[0])
    of_addresses, of_protocol = ip_addresses(a, points), protocol_options(a, proto, points)
    if of_addresses is None or of_protocol is None:
        return None
    words += of_addresses + of_protocol
    if mac and swapped and not words:
        return None
    limit = a.get("connlimit-above")
    if limit and swapped:
        return None
    if typed and swapped and rule.direction != "inout":
        return None
    match = "-m" if rule.element == "ah-ipv6" and not points("ah-ipv6") else "-p"
    words = [match, proto] + words
    if state and not (limit and rule.action == "accept"):
        words += ["-m", "conntrack", "--ctstate", ",".join(s for s in STATES if s in state[0])]
        if state[1] and not typed:
            words += ["-m", "conntrack", "--ctdir", state[1]]
    words += set_match(a)
    if limit:
        words += ["-m", "connlimit"] + neg((0, False), "--connlimit-upto" if limit[1] else "--connlimit-above",
                                           str(limit[0]))
    if a.get("comment"):
        words += ["-m", "comment", "--comment", a.get("comment")[0]]
    if rule.action == "continue":
        points.libvirt_refuses("continue-ip")
        return words
    return words + ["-j", {"drop": "DROP", "reject": "REJECT", "return": "RETURN", "accept": accept}[rule.action]]


def ip_rules(rule, points):
    """(chain, rule) for the three chains, with the state each of them asks for."""
    explicit = None if rule.stateless or "state" not in rule.attrs else rule.attrs["state"][0]
    default = rule.action == "accept" and rule.direction != "inout" and not rule.stateless and explicit is None
    for chain in ("FI", "FO", "HI"):
        swapped = (chain == "FO") == (rule.direction == "out")
        if explicit is not None:
            if rule.direction != "inout" and swapped:
                continue
            state = None if explicit == {"NONE"} else (explicit, None)
        elif default:
            state = ({"ESTABLISHED"}, "REPLY") if swapped else ({"NEW", "ESTABLISHED"}, "ORIGINAL")
        else:
            state = None
        plain = swapped
        if rule.direction == "inout" and rule.element in ("icmp", "icmpv6") and "type" in rule.attrs:
            if points("icmp-type-inout"):
                continue
            plain = False
        words = ip_rule(rule, plain, state, "ACCEPT" if chain == "FO" else "RETURN", points)
        if words is not None:
            yield chain, words


def family(rule):
    return "ip6tables" if rule.element.endswith(("-ipv6", "v6")) else "iptables"


def iptables(rules, points):
    own = sorted((r for r in rules if not r.layer2), key=lambda r: r.priority)
    theirs = sorted(own, key=lambda r: r.chain != "root")
    if own != theirs and points("ip-rules-by-chain"):
        own = theirs
    out = {"iptables": {}, "ip6tables": {}}
    written = set()
    for r in own:
        for chain, words in ip_rules(r, points):
            # An exchanged form has lost its MAC, so for a list of MACs it comes out several times.
            key = (id(r.origin), chain, tuple(words))
            if key in written and not points("repeated-lines"):
                continue
            written.add(key)
            out[family(r)].setdefault(chain, []).append(words)
    return out


PHYSDEV = ["-m", "physdev", "--physdev-in"]


def iptables_entry(chains, port, points, touched):
    """The way into the port's chains; an empty one is not entered."""
    if touched and points("in-post"):
        chains["@in-post"] = [PHYSDEV + [port, "-j", "ACCEPT"]]
    if chains.get("FI"):
        chains["@in"] = [PHYSDEV + [port, "-g", "FI"]]
    if chains.get("HI"):
        chains["@host"] = [PHYSDEV + [port, "-g", "HI"]]
    if chains.get("FO"):
        chains["@out"] = [["-m", "physdev", "--physdev-is-bridged", "--physdev-out", port, "-g", "FO"]]
    forward = [["-j", c] for c in ("@in", "@out", "@in-post") if c in chains]
    if forward:
        chains["FORWARD"] = forward
    if "@host" in chains:
        chains["INPUT"] = [["-j", "@host"]]
    return chains


def learning(port, mode):
    """libvirt's rules until an address is known."""
    udp = ["-p", "0x0800", "--ip-protocol", "17"]
    if mode == "any":
        return {"out": [["-s", "!", port.mac, "-j", "DROP"], ["-p", "0x0800", "-j", "ACCEPT"],
                        ["-p", "0x0806", "-j", "ACCEPT"], ["-j", "DROP"]]}
    answers = []
    for server in port.params.get("DHCPSERVER") or [None]:
        for dst in (port.mac, "ff:ff:ff:ff:ff:ff"):
            source = ["--ip-source", server] if server else []
            answers.append(["-d", dst] + udp + source + ["--ip-source-port", "67", "--ip-destination-port", "68",
                                                         "-j", "ACCEPT"])
    return {"out": [["-s", port.mac] + udp + ["--ip-source-port", "68", "--ip-destination-port", "67", "-j", "ACCEPT"],
                    ["-j", "DROP"]],
            "in": answers + [["-j", "DROP"]]}


def lower(port, rules, mode, points):
    """All three targets for one port."""
    if port.absent and points("no-device"):
        return {"ebtables": {}, "iptables": {}, "ip6tables": {}}
    if rules is None:
        chains = {"ebtables": learning(port, mode), "iptables": {}, "ip6tables": {}}
    else:
        chains = {"ebtables": ebtables(port, rules, points), **iptables(rules, points)}
    ebtables_entry(chains["ebtables"], port.name)
    for target in ("iptables", "ip6tables"):
        touched = any(family(r) == target for r in rules or () if not r.layer2)
        iptables_entry(chains[target], port.name, points, touched)
    return chains
