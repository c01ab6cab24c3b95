# SPDX-License-Identifier: MIT
"""Mistakes that a translator could make, put into scripts.

A kind of mistake is a name and a function from a script's lines to mutants: pairs of the number of a line
and the new lines. What is a rule, and where its chain ends, is told by the form of the line.
"""
import re

MAC = r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"
IP4 = r"\d+\.\d+\.\d+\.\d+"


def is_nft_rule(line):
    return line.startswith("\t\t") and not re.match(
        r"\t\t(typeof|flags|size|elements|type|\})", line) and line.strip() != ""


def is_classic_rule(line):
    return line.startswith(("-A ", "-I "))


def is_rule(line):
    return is_nft_rule(line) or is_classic_rule(line)


def is_element(line):
    return line.startswith('"')


def without_comment(line):
    """A rule, and the comment behind it that has no meaning."""
    m = re.search(r'( comment ".*"| -m comment --comment "(?:[^"\\]|\\.)*")', line)
    return (line, "", "") if not m else (line[:m.start()], m.group(0), line[m.end():])


def replaced(pattern, to, where=is_rule):
    """Each match of a pattern in a rule, by itself."""
    def mutants(lines):
        for i, line in enumerate(lines):
            if not where(line):
                continue
            head, comment, tail = without_comment(line)
            for part, rest in ((head, lambda s: s + comment + tail), (tail, lambda s: head + comment + s)):
                for m in re.finditer(pattern, part):
                    new = to(m) if callable(to) else m.expand(to)
                    if new is not None and new != m.group(0):
                        yield i, [rest(part[:m.start()] + new + part[m.end():])]
    return mutants


def lost(where):
    def mutants(lines):
        for i, line in enumerate(lines):
            if where(line):
                yield i, []
    return mutants


def chain_of(line):
    return line.split()[1] if is_classic_rule(line) else "nft"


def swapped(lines):
    """A rule behind the next one of its chain."""
    for i in range(len(lines) - 1):
        a, b = lines[i], lines[i + 1]
        j = i + 1
        if is_classic_rule(a) and b.startswith("#"):
            j, b = i + 2, lines[i + 2] if i + 2 < len(lines) else ""
        if is_rule(a) and is_rule(b) and chain_of(a) == chain_of(b) and a != b:
            yield i, [b] + lines[i + 1:j] + [a], j - i + 1


def number(m):
    return m.group(1) + str(int(m.group(2)) ^ 1)


def longer(m):
    return "/%d" % (int(m.group(1)) + 1)


def shorter(m):
    return "/%d" % (int(m.group(1)) - 1) if int(m.group(1)) else None


def next_ip(m):
    octets = m.group(0).split(".")
    return ".".join(octets[:3] + [str(int(octets[3]) ^ 1)])


def next_mac(m):
    return m.group(0)[:-2] + "%02x" % (int(m.group(0)[-2:], 16) ^ 1)


def next_hex(m):
    return m.group(1) + "%0*x" % (len(m.group(2)), int(m.group(2), 16) ^ 1)


def exchange(a, b):
    return lambda m: m.group(0).replace(a, "\0").replace(b, a).replace("\0", b)


def other_verdict(words):
    def to(m):
        return words[m.group(0)]
    return to


def octets(lines):
    """Gratuitous ARP negated octet by octet: not one of them equal, for not all of them."""
    for i, line in enumerate(lines):
        parts = re.findall(r"@nh,\d+,8 \. @nh,\d+,8 != @octet\.pairs ", line)
        if len(parts) != 1 or i + 3 >= len(lines):
            continue
        rest = [re.findall(r"@nh,\d+,8 \. @nh,\d+,8 != @octet\.pairs ", x) for x in lines[i + 1:i + 4]]
        if all(len(r) == 1 for r in rest) and parts[0].startswith("@nh,112"):
            yield i, [line.replace(parts[0], parts[0] + "".join(r[0] for r in rest))], 4


NFT = {
    "a negation lost": replaced(r" != ", " "),
    "a negation too much": replaced(r"((?:saddr|daddr|ip|dport|sport|type|code|operation|protocol|dscp|ether)) (?=[\d@{f])", r"\1 != "),
    "a mask dropped": replaced(r"/\d+(?=[ ,}])", ""),
    "a prefix one longer": replaced(r"/(\d+)(?=[ ,}])", longer),
    "a prefix one shorter": replaced(r"/(\d+)(?=[ ,}])", shorter),
    "a rule lost": lost(lambda x: is_nft_rule(x) and "jump" not in x and "vmap" not in x),
    "a rule out of place": swapped,
    "a jump lost": lost(lambda x: is_nft_rule(x) and "jump" in x),
    "a base chain that jumps nowhere": lost(lambda x: "vmap" in x),
    "another IP version as well": replaced(r"ether type ip6? (?=.*(?:l4proto|th |tcp |ct ))", ""),
    "any EtherType": replaced(r"ether type \S+ ", ""),
    "another EtherType": replaced(r"(ether type) (?:ip|ip6|arp|vlan|0x\w+)(?= )", r"\1 0x1234"),
    "later fragments as well": replaced(r"ip frag-off & 0x1fff == 0 |@th,0,24 0-0xffffff ", ""),
    "any protocol": replaced(r"(?:meta l4proto|ip protocol) (?!!)\S+ ", ""),
    "another protocol": replaced(r"(meta l4proto|ip protocol) (?:tcp|udp|\d+)", r"\1 47"),
    "any header of ARP": replaced(r"arp (?:htype|ptype|hlen|plen) \S+ |@nh,0,48 0x000108000604 ", ""),
    "gratuitous ARP negated octet by octet": octets,
    "an octet of gratuitous ARP lost": replaced(r"@nh,\d+,8 \. @nh,\d+,8 (?:!= )?@octet\.pairs ", ""),
    "a wrong port": replaced(r"((?:sport|dport) (?:!= )?(?:\d+-)?)(\d+)", number),
    "what nft joins": replaced(r"(?<=!= )(\S+)-\1(?= )", r"\1"),
    "a wrong number": replaced(r"((?:type|code|operation|dscp|htype|vlan id|count over|count|option) (?:!= )?)(\d+)(?= )", number),
    "a test lost": replaced(r"(?:ip6? [sd]addr|ether [sd]addr|th [sd]port|icmp(?:v6)? (?:type|code)|arp operation|arp [sd]addr (?:ip|ether)|vlan (?:id|type)|ip6? dscp) (?:!= )?(?:\{[^}]*\}|\S+) ", ""),
    "a look into a set lost": replaced(r"[io]ifname \. .*?@\S+ ", ""),
    "source and destination exchanged": replaced(r"\b([sd])addr", lambda m: {"s": "daddr", "d": "saddr"}[m.group(1)]),
    "ports exchanged": replaced(r"\b([sd])port", lambda m: {"s": "dport", "d": "sport"}[m.group(1)]),
    "the state lost": replaced(r"ct state \S+ ", ""),
    "a state too much": replaced(r"ct state (?=new|est)", "ct state related,"),
    "one state of two": replaced(r"ct state new,established", "ct state established"),
    "the direction lost": replaced(r"ct direction \S+ ", ""),
    "the other direction": replaced(r"ct direction (original|reply)", lambda m: "ct direction " + {"original": "reply", "reply": "original"}[m.group(1)]),
    "the count lost": replaced(r"add @\S+ \{.*?\} ", ""),
    "a flag too much": replaced(r"\((fin|syn)", r"(urg|\1"),
    "an option's test turned": replaced(r"exists|missing", exchange("exists", "missing")),
    "another verdict": replaced(r"\b(accept|drop|return|continue)\b(?= |$)", other_verdict({"accept": "drop", "drop": "accept", "return": "accept", "continue": "accept"})),
    "no verdict": replaced(r"\b(drop|return)\b(?= |$)", "continue"),
    "reject is drop": replaced(r"reject(?: with \S+ \S+)?(?= |$)", "drop"),
    "a wrong address": replaced(IP4, next_ip),
    "a wrong MAC address": replaced(MAC, next_mac),
    "a wrong element": replaced(r"(?<=\. )" + IP4, next_ip, is_element),
    "a wrong MAC element": replaced(MAC, next_mac, is_element),
    "a wrong raw element": replaced(r"(0x)([0-9a-f]+)", next_hex, is_element),
    "a wrong prefix of an element": replaced(r"/(\d+)(?=,|$)", shorter, is_element),
    "an element lost": lost(is_element),
    "a port's chain is another's": replaced(r"goto (\S+)/out(?=,|$)", r"goto \1/in", is_element),
    "the wrong interface": replaced(r"\b([io])ifname", lambda m: {"i": "oifname", "o": "iifname"}[m.group(1)]),
    "another priority": replaced(r"priority -?\d+", "priority -200", lambda x: "hook" in x),
    "the other end let pass": lambda lines: ((i, [line, "\t\t%sifname %s accept" % ("i" if "post" in line else "o", "\"vnet0\"" if "post" in line else "!= \"vnet0\"")]) for i, line in enumerate(lines) if re.search(r"hook (pre|post)routing", line)),
    "another hook": replaced(r"prerouting|postrouting", exchange("prerouting", "postrouting"), lambda x: "hook" in x),
    "another policy": replaced(r"policy accept", "policy drop", lambda x: "hook" in x),
}

OPTION = r"(?:-[sdp]|--[a-z0-9-]+) "
VALUE = r"(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]+)"
CLASSIC = {
    "a negation lost": replaced(r"! ", ""),
    "a negation too much": replaced(r"(--(?:ip-source|ip-destination|arp-[a-z-]+|ip6-source|ip6-destination|ip6-icmp-type|vlan-id|arp-opcode) )(?!!)", r"\1! "),
    "a negation too much, in front": replaced(r"(?<=[a-z0-9] )(?=(?:--(?:sport|dport|dscp|src-range|dst-range|icmp-type|icmpv6-type|tcp-flags|tcp-option|mac-source|match-set)|-s|-d) )(?<!! )", "! "),
    "a mask dropped": replaced(r"(?<=[0-9a-f:])/(?:\d+|[0-9a-f.:]+)(?= )", ""),
    "a prefix one longer": replaced(r"(?<=[0-9a-f:])/(\d+)(?= )", longer),
    "a prefix one shorter": replaced(r"(?<=[0-9a-f:])/(\d+)(?= )", shorter),
    "a rule lost": lost(lambda x: x.startswith("-A nwfc-") and "-j nwfc-" not in x and "-g" not in x),
    "a rule out of place": swapped,
    "a jump lost": lost(lambda x: is_classic_rule(x) and re.search(r" -[jg] nwfc-", x)),
    "goto is jump": replaced(r"-g (?=nwfc-)", "-j "),
    "a test lost": replaced(r"(?:! )?(?:-[sdp]|--(?:sport|dport|dscp|src-range|dst-range|icmp-type|icmpv6-type|tcp-option|mac-source|ctstate|ctdir|connlimit-above|ip6?-[a-z-]+|arp-(?!gratuitous)[a-z-]+|vlan-[a-z]+)) (?:! )?\S+ ", ""),
    "flags lost": replaced(r"(?:! )?(?:--tcp-flags \S+ \S+|--match-set \S+ \S+|--arp-gratuitous) ", ""),
    "a wrong port": replaced(r"((?:port) (?:! )?(?:\d+:)?)(\d+)", number),
    "a wrong number": replaced(r"((?:type|code|opcode|dscp|protocol|above|option|vlan-id|htype) (?:! )?)(\d+)(?= )", number),
    "a wrong hexadecimal number": replaced(r"(0x)([0-9a-f]+)", next_hex),
    "a wrong address": replaced(IP4, next_ip),
    "a wrong MAC address": replaced(MAC, next_mac),
    "source and destination exchanged": replaced(r"(?<= )-([sd])(?= )", lambda m: {"s": "-d", "d": "-s"}[m.group(1)]),
    "exchanged, by name": replaced(r"--(ip6?)-(source|destination)(?= )", lambda m: "--%s-%s" % (m.group(1), {"source": "destination", "destination": "source"}[m.group(2)])),
    "ports exchanged": replaced(r"--([sd])port", lambda m: {"s": "--dport", "d": "--sport"}[m.group(1)]),
    "one state of two": replaced(r"NEW,ESTABLISHED", "ESTABLISHED"),
    "a state too much": replaced(r"--ctstate (?=NEW|EST)", "--ctstate RELATED,"),
    "the other direction": replaced(r"ORIGINAL|REPLY", exchange("ORIGINAL", "REPLY")),
    "another protocol": replaced(r"-p (tcp|udp)(?= )", lambda m: {"tcp": "-p udp", "udp": "-p tcp"}[m.group(1)]),
    "another verdict": replaced(r"-j (ACCEPT|DROP|RETURN|REJECT|CONTINUE)", lambda m: "-j " + {"ACCEPT": "DROP", "DROP": "ACCEPT", "RETURN": "DROP", "REJECT": "DROP", "CONTINUE": "ACCEPT"}[m.group(1)]),
    "accepted, where others are asked": replaced(r"(?<=-j )RETURN", "ACCEPT"),
    "no verdict": replaced(r"-j (?:ACCEPT|DROP|RETURN)$", ""),
    "the wrong interface": replaced(r"(?<= )(-[io]|--physdev-(?:in|out)) ([^\s+]+)(?= -[jg] nwfc-)", r"\1 eth7"),
    "the other side's interface": replaced(r"physdev-(in|out)(?= )", lambda m: {"in": "physdev-out", "out": "physdev-in"}[m.group(1)]),
    "another chain": replaced(r"(-[jg] nwfc-)o/", r"\1i/"),
}


def kinds_for(tool):
    return NFT if tool == "nft" else CLASSIC


NETWORKS = re.compile(r"-[AI] (\S+ -j )?nwfc-(from|to|services|replies|pass-in|pass-out|local|nat|mangle)\b"
                      r"|-A nwfc-(forward|host) -j nwfc-(from|to|services|pass-in|pass-out)")


def of_filters(lines):
    """Which lines are of filters, not of networks, whose rules are not read back."""
    inet = False
    for line in lines:
        if line.startswith("table "):
            inet = not line.startswith(("table bridge", "table netdev"))
        yield not inet and not NETWORKS.match(line)


def all_mutants(tool, text):
    """(kind, line number from 1, the line, the mutant's text)"""
    lines = text.split("\n")
    ours = list(of_filters(lines))
    for kind, make in kinds_for(tool).items():
        for m in make(lines):
            i, new = m[0], m[1]
            n = m[2] if len(m) > 2 else 1
            if ours[i]:
                yield kind, i + 1, lines[i].strip(), "\n".join(lines[:i] + new + lines[i + n:])
