# SPDX-License-Identifier: MIT
"""Single packets through scripts: a second opinion on what the read-back calls the same.

A packet here is bytes, and what the kernel knows beside them (the interface, the state of a connection). Scripts are
evaluated line by line, word by word. Nothing of this is shared with nwfc, and it is slow and plain on purpose.
What the two tools are known to differ in (behind an authentication header, ARP of odd lengths) is not generated.
"""
import ipaddress
import re
import struct

TRIES = 1200
WORDS = {"ip": 0x0800, "ip6": 0x86DD, "arp": 0x0806, "vlan": 0x8100}
PROTOS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "sctp": 132, "udplite": 136}
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "all": 63, "none": 0}


class Packet:
    """etype; nh and th are bytes of the network and the transport header; th is the data of a later fragment."""

    def __init__(self, **k):
        self.__dict__.update(k)

    def __repr__(self):
        return "%s %s > %s type %04x tag %s nh %s th %s later %s ct %s reply %s" % (
            "out" if self.out else "in", self.smac.hex(":"), self.dmac.hex(":"), self.etype, self.tag.hex(), self.nh.hex(),
            (self.th or b"").hex(), self.later, self.ct, self.reply)

    def bits(self, base, offset, width):
        data = {"ether": self.dmac + self.smac + struct.pack(">H", self.etype), "vlan": self.tag, "nh": self.nh,
                "th": self.th or b""}[base]
        if offset + width > 8 * len(data):
            return None
        n = int.from_bytes(data, "big")
        return n >> (8 * len(data) - offset - width) & ((1 << width) - 1)


# --- packets like those that a script is about -------------------------------------------------

def numbers_of(texts, kind):
    found = set()
    for t in texts:
        try:
            found.add(int(kind(t)))
        except ValueError:
            pass
    return found


def pools(text):
    """Constants of a script, and their neighbours."""
    macs = {bytes.fromhex(m.replace(":", "")) for m in re.findall(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", text)}
    v4 = numbers_of(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text), ipaddress.IPv4Address)
    v6 = numbers_of(re.findall(r"[0-9a-f:]*::?[0-9a-f:]+", text), ipaddress.IPv6Address)
    numbers = {int(n) for n in re.findall(r"(?<![\w.:])\d{1,5}(?![\w.:])", text)} | {int(n, 16) for n in re.findall(r"0x([0-9a-f]{1,4})\b", text)}
    for a in re.findall(r"0x([0-9a-f]{8,12})\b", text):
        (macs.add(bytes.fromhex(a)) if len(a) == 12 else v4.add(int(a[:8], 16)))
    near = lambda s, top: [x + d & top for x in s for d in (0, 0, 1, -1, 1 << 8, 1 << 16)] or [0]
    return {"mac": [m[:5] + bytes([m[5] ^ d]) for m in macs for d in (0, 0, 1)] + [b"\x02\0\0\0\0\1", bytes.fromhex("0180c2000000")],
            "v4": near(v4, 0xFFFFFFFF), "v6": near(v6, (1 << 128) - 1),
            "n": [x + d for x in numbers for d in (0, 0, 1, -1) if 0 <= x + d] + [0],
            "iface": sorted(set(re.findall(r'"([\w.@-]+)" (?:\.|:)|-[io] ([\w.@-]+)|physdev-(?:in|out) ([\w.@-]+)', text)))}


def below(rng, p, top):
    return rng.choice([x for x in p["n"] if x <= top] or [0]) if rng.random() < 0.8 else rng.randrange(top + 1)


def transport(rng, p, proto):
    if proto in (6, 17, 33, 132, 136):
        flags = rng.choice((2, 18, 16, 1, 0, 63, 4, rng.randrange(64)))
        return struct.pack(">HHIIBBHHH", below(rng, p, 65535), below(rng, p, 65535), 0, 0, 0x50, flags, 0, 0, 0)
    return bytes([below(rng, p, 255), below(rng, p, 255)]) + bytes(rng.randrange(256) for _ in range(18))


def network(rng, p, kind):
    """(EtherType, network header, transport header, protocol, later fragment)"""
    if kind in ("arp", "rarp"):
        v4 = [rng.choice(p["v4"]) for _ in range(2)]
        if rng.random() < 0.3:
            v4[1] = v4[0]
        return (0x0806 if kind == "arp" else 0x8035,
                struct.pack(">HHBBH6sI6sI", rng.choice((1, 1, 1, below(rng, p, 65535))), rng.choice((0x800, 0x800, 0x800, below(rng, p, 65535))),
                            6, 4, below(rng, p, 65535), rng.choice(p["mac"]), v4[0], rng.choice(p["mac"]), v4[1]), None, None, False)
    if kind == "stp":
        body = b"".join(struct.pack(">H", below(rng, p, 65535)) for _ in range(16))
        return 38, bytes.fromhex("424203000000") + bytes([rng.choice((0, 0, 0, 0x80)), below(rng, p, 255)]) + body, None, None, False
    if kind == "other":
        return rng.choice([x for x in p["n"] if 0x600 <= x <= 0xffff and x not in WORDS.values() and x != 0x8035] or [0x9000]), \
            bytes(rng.randrange(256) for _ in range(40)), None, None, False
    proto = rng.choice((6, 6, 17, 17, 1 if kind == "ip" else 58, 132, 136, 50, 2, below(rng, p, 255)))
    if kind == "ip6" and proto in (0, 43, 44, 51, 59, 60):
        proto = 6
    later = rng.random() < 0.1
    th = transport(rng, p, proto)
    if kind == "ip":
        return 0x0800, struct.pack(">BBHHHBBHII", 0x45, below(rng, p, 255), 60, 0, 1 if later else 0, 64, proto, 0,
                                   rng.choice(p["v4"]), rng.choice(p["v4"])), th, proto, later
    dscp = below(rng, p, 63)
    return 0x86DD, struct.pack(">IHBB", 6 << 28 | dscp << 22, 60, 44 if later else proto, 64) + \
        rng.choice(p["v6"]).to_bytes(16, "big") + rng.choice(p["v6"]).to_bytes(16, "big"), th, proto, later


def make_packet(rng, p, names):
    kind = rng.choice(("arp", "rarp", "ip", "ip", "ip", "ip6", "ip6", "ip6", "stp", "other", "vlan"))
    tag = b""
    if kind == "vlan":
        etype, nh, th, proto, later = 0x8100, b"", None, None, False
        tag = struct.pack(">HH", below(rng, p, 4095), rng.choice((0x800, 0x806, 0x86dd, below(rng, p, 65535))))
    else:
        etype, nh, th, proto, later = network(rng, p, kind)
    dmac = bytes.fromhex("0180c2000000") if kind == "stp" and rng.random() < 0.8 else rng.choice(p["mac"])
    ct = rng.choice(("new", "established", "established", "related", "invalid", "untracked"))
    return Packet(etype=etype, tag=tag, nh=nh, th=th, proto=proto, later=later, smac=rng.choice(p["mac"]), dmac=dmac,
                  ct=ct if proto is not None else None, reply=ct != "new" and rng.random() < 0.5, options={rng.randrange(8) for _ in range(3)},
                  unknown=rng.randrange(1 << 30), out=rng.random() < 0.5, port=rng.choice(names))


# --- nft ----------------------------------------------------------------------------------------

FIELDS = {  # what is asked beside it; where it is
    "ether daddr": (None, "ether", 0, 48), "ether saddr": (None, "ether", 48, 48), "ether type": (None, "ether", 96, 16),
    "vlan id": (None, "vlan", 4, 12), "vlan type": (None, "vlan", 16, 16),
    "arp htype": (0x0806, "nh", 0, 16), "arp ptype": (0x0806, "nh", 16, 16), "arp hlen": (0x0806, "nh", 32, 8),
    "arp plen": (0x0806, "nh", 40, 8), "arp operation": (0x0806, "nh", 48, 16), "arp saddr ether": (0x0806, "nh", 64, 48),
    "arp saddr ip": (0x0806, "nh", 112, 32), "arp daddr ether": (0x0806, "nh", 144, 48), "arp daddr ip": (0x0806, "nh", 192, 32),
    "ip dscp": (0x0800, "nh", 8, 6), "ip protocol": (0x0800, "nh", 72, 8), "ip saddr": (0x0800, "nh", 96, 32),
    "ip daddr": (0x0800, "nh", 128, 32), "ip6 dscp": (0x86DD, "nh", 4, 6), "ip6 nexthdr": (0x86DD, "nh", 48, 8),
    "ip6 saddr": (0x86DD, "nh", 64, 128), "ip6 daddr": (0x86DD, "nh", 192, 128),
    "th sport": ("th", "th", 0, 16), "th dport": ("th", "th", 16, 16), "icmp type": (1, "th", 0, 8), "icmp code": (1, "th", 8, 8),
    "icmpv6 type": (58, "th", 0, 8), "icmpv6 code": (58, "th", 8, 8)}
TOKEN = re.compile(r'"[^"]*"|@[nt]h,\d+,\d+|[{}(),;|&]|[^\s{}(),;|&"]+')


def value_of(text):
    text = text.strip()
    if text in WORDS or text in PROTOS:
        return WORDS.get(text, PROTOS.get(text))
    if re.fullmatch(r"(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}", text):
        return int(text.replace(":", ""), 16)
    if ":" in text or text.count(".") == 3:
        return int(ipaddress.ip_address(text))
    return int(text, 0)


def fits(x, text, width):
    if "/" in text:
        value, prefix = text.split("/")
        shift = width - int(prefix)
        return x >> shift == value_of(value) >> shift
    lo, _, hi = text.partition("-")
    return value_of(lo) <= x <= value_of(hi or lo)


class Nft:
    def __init__(self, text):
        self.chains, self.sets, self.base = {}, {}, []
        text = re.sub(r",\n\t\t\t", ", ", text)
        for family, body in re.findall(r"^table (\w+) \S+ \{\n(.*?)^\}", text, re.M | re.S):
            if family == "bridge":
                self.read(body)

    def read(self, body):
        for what, name, inner in re.findall(r"^\t(set|map|chain) (\S+) \{\n(.*?)^\t\}", body, re.M | re.S):
            if what == "chain":
                lines = [x.strip() for x in inner.splitlines() if x.strip()]
                self.chains[name] = [TOKEN.findall(x) for x in lines if not x.startswith("type ")]
                m = re.search(r"hook (\w+) priority (-?\d+); policy (\w+)", inner)
                if m:
                    self.base.append((m.group(1), int(m.group(2)), m.group(3), name))
            else:
                m = re.search(r"elements = \{(.*)\}", inner, re.S)
                columns = re.search(r"typeof ([^:\n]*)", inner).group(1).split(" . ")
                self.sets[name] = (columns, [x.strip() for x in m.group(1).replace("\n", " ").split(",")] if m else [])

    def names(self):
        return sorted({re.match(r'"([^"]*)"', e).group(1) for _, es in self.sets.values() for e in es if e.startswith('"')})

    def field(self, p, words):
        """(value or None, width, number of words), or an interface's name"""
        if words[0] in ("iifname", "oifname"):
            have = p.out if words[0] == "iifname" else not p.out
            return (p.port if have else "other" if words[0] == "iifname" else ""), 0, 1
        if words[0].startswith("@"):
            base, offset, width = words[0][1:].split(",")
            there = base == "nh" or (p.proto is not None and (not p.later or (int(width) in (8, 16, 32) and int(offset) % int(width) == 0)))
            return (p.bits(base, int(offset), int(width)) if there else None), int(width), 1
        if words[:2] == ["meta", "l4proto"]:
            return p.proto, 8, 2
        for n in (3, 2):
            f = FIELDS.get(" ".join(words[:n]))
            if f:
                asks, base, offset, width = f
                good = asks is None or asks == p.etype or (asks == "th" and p.proto is not None) or \
                    (asks in (1, 58) and p.proto == asks and p.etype == (0x800 if asks == 1 else 0x86dd))
                if base == "vlan":
                    good = p.etype == 0x8100
                return (p.bits(base, offset, width) if good else None), width, n
        raise ValueError("field? %s" % words)

    def in_set(self, values, elements):
        for e in elements:
            parts = [x for x in re.split(r" \. ", re.sub(r" timeout \S+", "", e))]
            if e and len(parts) == len(values) and all(
                    x == part.strip('"') if isinstance(x, str) else fits(x, part, w) for (x, w), part in zip(values, parts)):
                return True
        return False

    def special(self, p, w):
        """(does it hold, words taken), or None"""
        line = " ".join(w)
        for pattern, test in (
                (r"ip frag-off & 0x1fff (==|!=) 0", lambda m: p.etype == 0x800 and p.later == (m.group(1) == "!=")),
                (r"frag frag-off (==|!=) 0", lambda m: p.etype == 0x86dd and p.later and m.group(1) == "!="),
                (r"tcp flags & \( ([^)]*) \) (==|!=) (\S+(?: \| \S+)*)", lambda m: self.flags(p, m)),
                (r"tcp doff >= 5", lambda m: p.proto == 6 and not p.later),
                (r"tcp option (\d+) (exists|missing)",
                 lambda m: (p.proto == 6 and not p.later and int(m.group(1)) in p.options) == (m.group(2) == "exists")),
                (r"ct state (\w+(?: , \w+)*)", lambda m: (p.ct or "invalid") in m.group(1).split(" , ")),
                (r"ct direction (\w+)", lambda m: p.ct in ("new", "established", "related") and p.reply == (m.group(1) == "reply")),
                (r"add @\S+ \{ .*? ct count (over )?(\d+) \}", lambda m: (p.unknown >> int(m.group(2)) % 29 & 1) == bool(m.group(1)))):
            m = re.match(pattern + r"(?: |$)", line)
            if m:
                return bool(test(m)), len(m.group(0).split())
        return None

    def flags(self, p, m):
        bits = lambda s: sum(FLAGS[x] if x in FLAGS else int(x, 0) for x in s.split(" | "))
        if p.proto != 6:
            return False
        have = p.bits("th", 104, 8)
        return (have & bits(m.group(1)) == bits(m.group(3))) == (m.group(2) == "==")

    def expression(self, p, w):
        s = self.special(p, w)
        if s:
            return s
        values, i = [], 0
        while True:
            x, width, n = self.field(p, w[i:])
            values.append((x, width))
            i += n
            if w[i] != ".":
                break
            i += 1
        if w[i] == "vmap":
            return ("map", w[i + 1][1:], values[0][0]), i + 2
        negated = w[i] == "!="
        i += w[i] in ("!=", "==")
        if w[i].startswith("@"):
            elements, i = self.sets[w[i][1:]][1], i + 1
        elif w[i] == "{":
            end = w.index("}", i)
            elements, i = [x.strip() for x in " ".join(w[i + 1:end]).split(",")], end + 1
        else:
            elements, i = [w[i]], i + 1
        if any(x is None for x, _ in values):
            return False, i
        return self.in_set(values, elements) != negated, i

    def rule(self, p, w):
        """None: it does not take the packet; else the words of what becomes of it."""
        while w and w[0] not in ("accept", "drop", "return", "continue", "jump", "goto", "reject", "comment"):
            good, n = self.expression(p, w)
            w = w[n:]
            if isinstance(good, tuple):
                found = [e.split(" : ")[1].split() for e in self.sets[good[1]][1] if e.startswith('"%s" :' % good[2])]
                return found[0] if found else None
            if not good:
                return None
        return w

    def chain(self, p, name):
        for w in self.chains[name]:
            v = self.rule(p, w)
            if v is None or not v or v[0] in ("continue", "comment"):
                continue
            if v[0] in ("accept", "drop", "reject"):
                return v[0]
            if v[0] == "return":
                return None
            r = self.chain(p, v[1])
            if r or v[0] == "goto":
                return r
        return None

    def verdicts(self, p):
        hook = "prerouting" if p.out else "postrouting"
        return [(prio, {"accept": "pass", None: "pass" if policy == "accept" else "drop"}.get(r, r))
                for h, prio, policy, name in sorted(self.base) if h == hook for r in [self.chain(p, name)]]


# --- ebtables, iptables, ip6tables -------------------------------------------------------------------

WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


class Classic:
    HOOKS = (("PREROUTING", "nwfc-out"), ("POSTROUTING", "nwfc-in"), ("FORWARD", "nwfc-forward"), ("INPUT", "nwfc-host"))

    def __init__(self, text, tool):
        self.tool, self.chains = tool, {}
        ours = True
        for line in text.splitlines():
            w = [a or b for a, b in WORD.findall(line)]
            if line.startswith("*"):
                ours = line in ("*nat", "*filter") and not (line == "*nat" and tool != "ebtables")
            elif not ours or not w or line.startswith("#"):
                continue
            elif line.startswith(":"):
                self.chains[w[0][1:]] = []
            elif w[0] in ("-A", "-I"):
                self.chains.setdefault(w[1], []).insert(len(self.chains.get(w[1], [])) if w[0] == "-A" else 0, w[2:])
        if not any(h in self.chains for h, _ in self.HOOKS):
            self.chains.update({h: [["-j", c]] for h, c in self.HOOKS if c in self.chains})

    def names(self):
        return sorted({w[i + 1] for c in self.chains.values() for w in c for i, o in enumerate(w)
                       if o in ("-i", "-o", "--physdev-in", "--physdev-out") and not w[i + 1].endswith("+") and o[1] == ("-" if self.tool != "ebtables" else o[1])})

    def names_fit(self, have, test):
        return have is not None and (have.startswith(test[:-1]) if test.endswith("+") else have == test)

    def masked(self, x, test, width):
        value, _, mask = test.partition("/")
        full = (1 << width) - 1
        m = full if not mask else full << (width - int(mask)) & full if mask.isdigit() else value_of(mask)
        return x & m == value_of(value) & m

    def colon(self, x, test):
        lo, _, hi = test.partition(":")
        return int(lo, 0) <= x <= int(hi or lo, 0)

    def test(self, p, o, a):
        """Does an option hold? None: it is not there to be asked, and so is its negation. a: its values."""
        four, six = p.etype == 0x800, p.etype == 0x86dd
        ports = p.proto in (6, 17, 33, 132, 136) and not p.later
        arp = p.etype in (0x806, 0x8035)
        mac, ip = arp and p.nh[0:2] == b"\0\1", arp and p.nh[2:4] == b"\x08\0"
        side = {"-i": p.out, "--physdev-in": p.out, "-o": not p.out, "--physdev-out": not p.out}
        if o in side:
            if self.tool != "ebtables" and o in ("-i", "-o"):
                return False
            out_hook = o in ("-o", "--physdev-out")
            return self.names_fit(p.port if side[o] else None if out_hook and not self.routed_other else "another", a[0])
        rows = {
            "-s": (True, p.smac, 48) if self.tool == "ebtables" else (four or six, p.nh[12:16] if four else p.nh[8:24], 32 if four else 128),
            "-d": (True, p.dmac, 48) if self.tool == "ebtables" else (four or six, p.nh[16:20] if four else p.nh[24:40], 32 if four else 128),
            "--ip-source": (four, p.nh[12:16], 32), "--ip-destination": (four, p.nh[16:20], 32),
            "--ip6-source": (six, p.nh[8:24], 128), "--ip6-destination": (six, p.nh[24:40], 128),
            "--arp-mac-src": (mac, p.nh[8:14], 48), "--arp-mac-dst": (mac, p.nh[18:24], 48),
            "--arp-ip-src": (ip, p.nh[14:18], 32), "--arp-ip-dst": (ip, p.nh[24:28], 32), "--mac-source": (True, p.smac, 48)}
        if o in rows:
            there, data, width = rows[o]
            return self.masked(int.from_bytes(data, "big"), a[0], width) if there else None
        numbers = {
            "--arp-htype": (arp, 0), "--arp-ptype": (arp, 2), "--arp-opcode": (arp, 6)}
        if o in numbers:
            there, at = numbers[o]
            return int.from_bytes(p.nh[at:at + 2], "big") == int(a[0], 0) if there else None
        if o == "-p" and self.tool == "ebtables":
            return p.etype == int(a[0], 0)
        if o == "-p":
            return a[0] == "all" or p.proto == (PROTOS.get(a[0]) or int(a[0]))
        if o in ("--ip-protocol", "--ip6-protocol"):
            if not (four if o == "--ip-protocol" else six):
                return None
            return (44 if six and p.later else p.proto) == int(a[0])
        if o.endswith(("sport", "source-port")):
            return self.colon(p.bits("th", 0, 16), a[0]) if ports else None
        if o.endswith(("dport", "destination-port")):
            return self.colon(p.bits("th", 16, 16), a[0]) if ports else None
        if o == "--ip-tos":
            return p.nh[1] == int(a[0], 0) if four else None
        if o == "--dscp":
            return p.bits("nh", 8 if four else 4, 6) == int(a[0])
        if o == "--ip6-icmp-type":
            t, _, c = a[0].partition("/")
            return self.colon(p.th[0], t) and self.colon(p.th[1], c or "0:255") if p.proto == 58 and not p.later else None
        if o in ("--icmp-type", "--icmpv6-type"):
            t, _, c = a[0].partition("/")
            return p.th[0] == int(t) and (not c or p.th[1] == int(c)) if p.proto in (1, 58) and not p.later else None
        if o == "--vlan-id":
            return p.bits("vlan", 4, 12) == int(a[0], 0) if p.etype == 0x8100 else None
        if o == "--vlan-encap":
            return p.bits("vlan", 16, 16) == int(a[0], 0) if p.etype == 0x8100 else None
        if o == "--arp-gratuitous":
            return p.nh[14:18] == p.nh[24:28] if ip else None
        if o in ("--src-range", "--dst-range"):
            at = {("--src-range", True): (12, 16), ("--dst-range", True): (16, 20), ("--src-range", False): (8, 24), ("--dst-range", False): (24, 40)}[o, four]
            return fits(int.from_bytes(p.nh[at[0]:at[1]], "big"), a[0], 0)
        if o == "--tcp-flags":
            bits = [sum(FLAGS[x.lower()] for x in s.split(",")) for s in a]
            return p.bits("th", 104, 8) & bits[0] == bits[1] if p.proto == 6 and not p.later else None
        if o == "--tcp-option":
            return int(a[0]) in p.options if p.proto == 6 and not p.later else None
        if o == "--ctstate":
            return p.ct.upper() in a[0].split(",")
        if o == "--ctdir":
            return p.reply == (a[0] == "REPLY") if p.ct in ("new", "established", "related") else None
        if o == "--connlimit-above":
            return bool(p.unknown >> int(a[0]) % 29 & 1)
        if o == "--match-set":
            return bool(hash(tuple(a)) ^ p.unknown & 1)
        if o == "--physdev-is-bridged":
            return self.bridged
        if o == "--comment":
            return True
        raise ValueError("option? %s" % o)

    ONE = {"--arp-gratuitous": 0, "--physdev-is-bridged": 0, "--tcp-flags": 2, "--match-set": 2}

    def rule(self, p, w):
        """None, or (the option of the target, the target)"""
        i, negated = 0, False
        while i < len(w):
            o = w[i]
            i += 1
            if o == "!":
                negated = True
                continue
            if o in ("-j", "-g"):
                return o, w[i]
            if o == "-m":
                i += 1
                if w[i - 1] == "ah" and p.proto != 51:
                    return None
                continue
            if i < len(w) and w[i] == "!":
                negated, i = True, i + 1
            n = self.ONE.get(o, 1)
            r = self.test(p, o, w[i:i + n])
            i += n
            if r is None or bool(r) == negated:
                return None
            negated = False
        return "-j", "CONTINUE"

    def chain(self, p, name, depth=0):
        for w in self.chains.get(name, ()):
            r = self.rule(p, w)
            if r is None or r[1] == "CONTINUE":
                continue
            if r[1] in ("ACCEPT", "DROP", "REJECT"):
                return r[1]
            if r[1] == "RETURN":
                return None
            v = self.chain(p, r[1], depth + 1)
            if v or r[0] == "-g":
                return v
        return None

    def at(self, p, hook, bridged, other):
        self.bridged, self.routed_other = bridged, other
        r = self.chain(p, hook)
        return "pass" if r in (None, "ACCEPT") else r

    def verdicts(self, p):
        if self.tool == "ebtables":
            return [self.at(p, "PREROUTING" if p.out else "POSTROUTING", False, False)]
        if p.etype != (0x800 if self.tool == "iptables" else 0x86dd):
            return []
        if not p.out:
            return [self.at(p, "FORWARD", True, True)]
        return [self.at(p, "FORWARD", True, True), self.at(p, "FORWARD", False, False), self.at(p, "INPUT", False, False)]


def tells_apart(tool, a, b, rng):
    """A packet that two scripts treat differently, or None when none was found."""
    one, two = (Nft(a), Nft(b)) if tool == "nft" else (Classic(a, tool), Classic(b, tool))
    changed = set(a.splitlines()) ^ set(b.splitlines())
    all_of_it, of_change = pools(a + b), pools("\n".join(changed))
    names = one.names() or ["none"]
    for i in range(TRIES):
        packet = make_packet(rng, of_change if i % 4 else all_of_it, names)
        try:
            if one.verdicts(packet) != two.verdicts(packet):
                return packet
        except (ValueError, KeyError, IndexError) as e:
            return "no tool takes it: %r" % e
    return None
