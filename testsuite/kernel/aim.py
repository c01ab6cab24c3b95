# SPDX-License-Identifier: MIT
"""From a rule to packet specs: one that meets every condition, then one for each bound of each condition.

A spec is what packets.py builds frames from.  `choices` maps a key of the spec to its values, the
right one first, the bounds and what lies beyond them after it.
"""
import frames as F
import refsem as R


def aim(rule, fields):
    """(path, name, spec) for a packet that meets the rule, then for the bounds of every condition."""
    for path in ("out", "in"):
        for turned in orientations(rule, path):
            own = R.mirrored(fields) if turned else fields
            if turned and not rule.on_bridge:
                own.pop("dstmacaddr", None)
            base, choices = specs_of(rule.protocol, own)
            for spec in merge(base, choices):
                yield path, "aimed at %s#%d" % (rule.owner.name, rule.number), spec


def orientations(rule, path):
    """Is the rule asked as written (False) or with source and destination exchanged (True)?

    Packets in the other direction and orientation ask whether a rule stands where it must not."""
    if rule.direction == "inout":
        return (path == "out",) if rule.on_bridge else (path == "out", path == "in")
    if rule.on_bridge:
        return (False,)
    return (False,) if path == rule.direction else (True, False)


def openings(rule, fields):
    """Opening packets of connections that the rule is about, from its own side and as its answer."""
    for path in ("out", "in"):
        turned = (path == "out") if rule.direction == "inout" else path != rule.direction
        own = R.mirrored(fields) if turned else dict(fields)
        own.pop("dstmacaddr", None)
        if turned:
            own.pop("srcmacaddr", None)
        base, choices = specs_of(rule.protocol, own)
        yield path, dict(base, **{key: value for key, (value, *_) in choices.items()})


def merge(base, choices):
    """All conditions met at once; then each bound of each condition alone."""
    good = dict(base, **{key: values[0] for key, values in choices.items()})
    yield good
    for key, values in choices.items():
        for value in values[1:]:
            yield dict(good, **{key: value})


def around(lo, hi, top, negated):
    """Values in and out of lo..hi; the first one meets the (possibly negated) condition."""
    inside = [lo] + ([hi] if hi != lo else []) + ([lo + 1] if hi - lo > 1 else [])
    outside = [value for value in (lo - 1, hi + 1) if 0 <= value <= top]
    return outside + inside if negated else inside + outside


def block(value, mask, width):
    lo = value & mask
    return lo, lo | ((1 << width) - 1) ^ mask


def raw_values(fields, name, mask_name, parse, width, mask_of):
    text, negated = fields[name]
    mask = mask_of(fields[mask_name][0] if mask_name in fields else None, width)
    value = R.bits(parse(text))
    lo, hi = block(value, mask, width)
    found = around(lo, hi, (1 << width) - 1, negated)
    if not negated and lo != value:
        found.insert(0, value)
    # a bit far from the bounds, so that a mask cut short shows
    found.append(value ^ 1 << width - 1)
    return [v.to_bytes(width // 8, "big") for v in found]


def number_values(fields, lo_name, hi_name, top, parse=R.number):
    lo = parse(fields[lo_name][0])
    hi = parse(fields[hi_name][0]) if hi_name in fields else lo
    return around(lo, max(lo, hi), top, fields[lo_name][1])


def specs_of(protocol, fields):
    """(base spec, {spec key: values, the first one right}) of the conditions of one rule instance."""
    base, choices = {"kind": "other", "ethertype": 0x88B5}, {}
    for name, key in (("srcmacaddr", "smac"), ("dstmacaddr", "dmac")):
        if name in fields:
            choices[key] = raw_values(fields, name, name[:6] + "mask", F.mac, 48, R.mac_mask)
    if protocol in ("ip", "ipv6") or protocol in R.IP_PROTOCOLS or protocol in R.IP6_PROTOCOLS:
        base = aim_ip(protocol, fields, choices)
    elif protocol in ("arp", "rarp"):
        base = aim_arp(protocol, fields, choices)
    elif protocol == "vlan":
        base = aim_vlan(fields, choices)
    elif protocol == "stp":
        base = aim_stp(fields, choices)
    elif "protocolid" in fields:
        choices["ethertype"] = number_values(fields, "protocolid", "", 0xFFFF, R.named(R.PROTOCOL_IDS))
        kinds = {F.ETH_IP: "ip4", F.ETH_IP6: "ip6", F.ETH_ARP: "arp", F.ETH_RARP: "rarp"}
        kind = kinds.get(choices["ethertype"][0])
        if kind:
            del choices["ethertype"]
            base = {"kind": kind}
    return base, choices


def aim_ip(protocol, fields, choices):
    v4 = protocol == "ip" or protocol in R.IP_PROTOCOLS
    base, width = {"kind": "ip4" if v4 else "ip6"}, 32 if v4 else 128
    stage = R.IP_PROTOCOLS.get(protocol, R.IP6_PROTOCOLS.get(protocol))
    if stage is not None:
        base["proto"] = stage
    elif "protocol" in fields:
        choices["proto"] = number_values(fields, "protocol", "", 255, R.named(R.PROTOCOL_NAMES))
    for side, key in (("src", "saddr"), ("dst", "daddr")):
        if side + "ipaddr" in fields:
            choices[key] = raw_values(fields, side + "ipaddr", side + "ipmask", F.addr, width, R.prefix_mask)
        elif side + "ipfrom" in fields:
            parse = lambda text: R.bits(F.addr(text))
            choices[key] = [v.to_bytes(width // 8, "big") for v in
                            number_values(fields, side + "ipfrom", side + "ipto", (1 << width) - 1, parse)]
    for side, key in (("src", "sport"), ("dst", "dport")):
        if side + "portstart" in fields:
            choices[key] = number_values(fields, side + "portstart", side + "portend", 65535)
    if "dscp" in fields:
        choices["tos"] = [v << 2 | ecn for ecn in (0, 3) for v in number_values(fields, "dscp", "", 63)]
    if "flags" in fields:
        mask, value = (R.flag_bits(part) for part in fields["flags"][0].split("/"))
        good = [value, value | 63 & ~mask]
        bad = [value ^ bit for bit in (1, 2, 4, 8, 16, 32) if bit & mask]
        choices["flags"] = bad + good if fields["flags"][1] else good + bad
    if "option" in fields:
        kind = R.number(fields["option"][0])
        has, has_not = bytes([kind, 2, 1, 1]) if kind > 1 else bytes([kind] * 4), b"\x01\x01\xfd\x02"
        choices["tcpopt"] = [has_not, has] if fields["option"][1] else [has, has_not]
    if "type" in fields or "code" in fields:
        base.setdefault("proto", F.ICMP6)
        aim_icmp(fields, choices)
    return base


def aim_icmp(fields, choices):
    get = lambda name, default: R.number(fields[name][0]) if name in fields else default
    t_lo, c_lo = get("type", 0), get("code", 0)
    t_hi, c_hi = get("typeend", t_lo), get("codeend", c_lo)
    types = around(t_lo, t_hi, 254, False)
    codes = around(c_lo, c_hi, 255, False)
    pairs = [(t, codes[0]) for t in types] + [(types[0], c) for c in codes[1:]]
    negated = fields["type" if "type" in fields else "code"][1]
    choices["icmp"] = pairs[::-1] if negated else pairs


def aim_arp(protocol, fields, choices):
    for name, key, top, parse in (("hwtype", "htype", 0xFFFF, R.number), ("protocoltype", "ptype", 0xFFFF, R.number),
                                  ("opcode", "op", 0xFFFF, R.named(R.ARP_OPCODES))):
        if name in fields:
            choices[key] = number_values(fields, name, "", top, parse)
    for name, key in (("arpsrcmacaddr", "sha"), ("arpdstmacaddr", "tha")):
        if name in fields:
            choices[key] = raw_values(fields, name, "", F.mac, 48, R.mac_mask)
    for name, mask, key in (("arpsrcipaddr", "arpsrcipmask", "spa"), ("arpdstipaddr", "arpdstipmask", "tpa")):
        if name in fields:
            choices[key] = raw_values(fields, name, mask, F.addr, 32, R.prefix_mask)
    if "gratuitous" in fields and "spa" not in choices:
        choices["spa"] = [F.addr("10.77.0.1"), F.addr("10.77.0.2"), F.addr("10.77.1.1"), F.addr("138.77.0.1")]
        choices["tpa"] = [F.addr("10.77.0.1")]
    return {"kind": protocol}


def aim_vlan(fields, choices):
    if "vlanid" in fields:
        choices["vid"] = number_values(fields, "vlanid", "", 4095)
    if "encap-protocol" in fields:
        choices["encap"] = [v for v in number_values(fields, "encap-protocol", "", 0xFFFF, R.named(R.PROTOCOL_IDS))
                            if v >= 0x600]
    return {"kind": "vlan", "inner": "ip4"}


def aim_stp(fields, choices):
    good, bounds = {}, []
    for name, key in R.STP_NUMBERS.items():
        if name in fields:
            width = {"cost": 32, "type": 8, "flags": 8}.get(key, 16)
            values = number_values(fields, name, name + "-hi", (1 << width) - 1)
            key = "kind" if key == "type" else key
            good[key] = values[0]
            bounds += [(key, v) for v in values[1:]]
    for name, key in (("root-address", "root"), ("sender-address", "sender")):
        if name in fields:
            values = raw_values(fields, name, name + "-mask", F.mac, 48, R.mac_mask)
            good[key] = values[0]
            bounds += [(key, v) for v in values[1:]]
    choices["bpdu"] = [good] + [dict(good, **{key: value}) for key, value in bounds]
    return {"kind": "stp"}
