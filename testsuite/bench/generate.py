#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Inputs of the benchmark; the same arguments give the same bytes.

    generate.py product DIR N M      a filter of one rule over N addresses x M ports, and its port
    generate.py ports DIR N          bindings of N clean-traffic ports with four addresses each
    generate.py change DIR N         the same as old/ and new/, where one address of one port differs;
                                     all other files are hard links
    generate.py filters DIR N        N filter files, one in a hundred wrong in a known way
    generate.py port DIR NAME N      a binding of one clean-traffic port with N addresses
    generate.py shared-sets FILE N   N clean-traffic ports as a person would write them for nft
    generate.py two-sets FILE N M    the product as a person would write it for nft
    generate.py versions OLD NEW N   a filter of N rules, and one in whose middle another port is asked for

Values are scattered (odd addresses, even ports), so that nothing can be merged into prefixes or
ranges.
"""
import os
import random
import sys

ADDRESSES = 4                   # of each port


def address(i):
    v = (10 << 24) + 1 + 2 * i
    return "%d.%d.%d.%d" % (v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255)


def port(j):
    return 1024 + 2 * j % 64000


def mac(i):
    return "52:54:00:%02x:%02x:%02x" % (i >> 16 & 255, i >> 8 & 255, i & 255)


def uuid(i):
    return "6e776663-0000-4000-8000-%012x" % i


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def binding(i, name, wanted, params):
    lines = ["    <parameter name='%s' value='%s'/>" % pair for pair in params]
    return ("<filterbinding>\n  <owner>\n    <name>guest-%d</name>\n    <uuid>%s</uuid>\n  </owner>\n"
            "  <portdev name='%s'/>\n  <mac address='%s'/>\n  <filterref filter='%s'>\n%s\n  </filterref>\n"
            "</filterbinding>\n" % (i, uuid(i), name, mac(i), wanted, "\n".join(lines)))


# ---------------------------------------------------------------- a product

def product(directory, n, m, stateful=True):
    """The rule asks for no connection state when a kernel without bridge conntrack must load it."""
    os.makedirs(directory, exist_ok=True)
    write(os.path.join(directory, "product.xml"),
          "<filter name='product' chain='root'>\n"
          "  <rule action='accept' direction='out' priority='100'%s>\n"
          "    <tcp srcipaddr='$ADDRESS[@1]' dstportstart='$SERVICE[@2]'/>\n  </rule>\n</filter>\n"
          % ("" if stateful else " statematch='false'"))
    values = [("ADDRESS", address(i)) for i in range(n)] + [("SERVICE", port(j)) for j in range(m)]
    write(os.path.join(directory, "vnet0.xml"), binding(0, "vnet0", "product", values))


def two_sets(path, n, m):
    write(path, "table bridge by-hand {\n"
          "\tset addresses { type ipv4_addr; elements = { %s } }\n"
          "\tset services { type inet_service; elements = { %s } }\n"
          "\tchain out { type filter hook prerouting priority -300;\n"
          "\t\tiifname vnet0 ip saddr @addresses tcp dport @services accept; }\n}\n"
          % (", ".join(address(i) for i in range(n)), ", ".join(str(port(j)) for j in range(m))))


# ---------------------------------------------------------------- ports

def addresses_of(i, count=ADDRESSES, other=0):
    """With other, the first address is one that no port had before."""
    first = address(i * count + (other << 22 if other else 0))
    return [first] + [address(i * count + k) for k in range(1, count)]


def one_port(i, name, count=ADDRESSES, other=0):
    values = [("IP", a) for a in addresses_of(i, count, other)]
    return binding(i, name, "clean-traffic", values)


def ports(directory, n):
    os.makedirs(directory, exist_ok=True)
    for i in range(n):
        write(os.path.join(directory, "vnet%d.xml" % i), one_port(i, "vnet%d" % i))


def changed_port(n):
    return n * 5 // 8


def change(directory, n):
    old, new = os.path.join(directory, "old"), os.path.join(directory, "new")
    ports(old, n)
    os.makedirs(new, exist_ok=True)
    for i in range(n):
        name = "vnet%d.xml" % i
        if i == changed_port(n):
            write(os.path.join(new, name), one_port(i, "vnet%d" % i, other=1))
        else:
            os.link(os.path.join(old, name), os.path.join(new, name))


def port_file(directory, name, count):
    os.makedirs(directory, exist_ok=True)
    write(os.path.join(directory, name + ".xml"), one_port(0, name, count))


def elements(n, each):
    return ",\n".join(each(i) for i in range(n))


def shared_sets(path, n):
    """Rules that all ports share, values in sets keyed by the port: what a person who knows nft writes."""
    own = elements(n, lambda i: ", ".join("vnet%d . %s" % (i, a) for a in addresses_of(i)))
    write(path, "table bridge by-hand {\n"
          "\tset guests { type ifname; elements = {\n%s } }\n"
          "\tset macs { type ifname . ether_addr; elements = {\n%s } }\n"
          "\tset addresses { type ifname . ipv4_addr; elements = {\n%s } }\n"
          "\tchain from-guest {\n"
          "\t\tiifname . ether saddr != @macs drop\n"
          "\t\tether type ip ip saddr 0.0.0.0 ip protocol udp accept\n"
          "\t\tether type ip iifname . ip saddr @addresses accept\n"
          "\t\tether type arp iifname . arp saddr ether @macs iifname . arp saddr ip @addresses accept\n"
          "\t\tether type { 0x0835, 0x8035 } accept\n"
          "\t\tdrop\n\t}\n"
          "\tchain out { type filter hook prerouting priority -300; iifname @guests goto from-guest; }\n}\n"
          % (elements(n, lambda i: "vnet%d" % i), elements(n, lambda i: "vnet%d . %s" % (i, mac(i))), own))


# ---------------------------------------------------------------- filter files

MATCHES = (
    "<mac srcmacaddr='$MAC' protocolid='{ethertype}'/>",
    "<arp opcode='Reply' arpsrcmacaddr='$MAC' arpsrcipaddr='$IP'/>",
    "<rarp opcode='Request_Reverse' srcmacaddr='{mac}'/>",
    "<vlan srcmacaddr='{mac}' vlanid='{small}' encap-protocol='ipv4'/>",
    "<ip srcipaddr='{address}' protocol='udp' srcportstart='{port}' dstportstart='53'/>",
    "<ipv6 dstipaddr='2001:db8::{small}' protocol='tcp' dstportstart='{port}'/>",
    "<tcp srcipaddr='$IP' dstipaddr='{address}' dstipmask='24' dstportstart='{port}' flags='SYN,ACK/SYN'/>",
    "<udp dstipaddr='{address}' dstportstart='{port}' dstportend='65500' state='NEW,ESTABLISHED'/>",
    "<icmp type='8' code='0' srcipaddr='{address}'/>",
    "<all srcipaddr='$NETWORK' connlimit-above='{small}' comment='at most {small}'/>",
    "<udp-ipv6 srcipaddr='2001:db8:{small}::' srcipmask='64' dstportstart='{port}'/>",
    "<icmpv6 type='136' dscp='{dscp}'/>",
)

# One fault each, and what a reader needs to see it: the parser, the table of attributes, a value.
FAULTS = (
    ("</rule>", "</rull>"),
    ("priority=", "prioritty="),
    ("action='", "action='not-"),
    ("direction='", "direction='sideways-"),
    ("priority='", "priority='99999"),
)


def one_rule(r):
    match = r.choice(MATCHES).format(mac=mac(r.randrange(1 << 20)), address=address(r.randrange(1 << 20)),
                                     port=port(r.randrange(30000)), small=r.randrange(1, 4000), dscp=r.randrange(64),
                                     ethertype=r.choice(("arp", "ipv4", "ipv6", "0x88cc")))
    return ("  <rule action='%s' direction='%s' priority='%d'>\n    %s\n  </rule>\n"
            % (r.choice(("accept", "drop", "reject", "return", "continue")), r.choice(("in", "out", "inout")),
               r.randrange(-1000, 1001), match))


def filters(directory, n):
    """The names of the files, relative to the directory; and of those that are wrong."""
    r = random.Random(20)
    rules = [one_rule(r) for _ in range(3000)]
    names, wrong = [], []
    for i in range(n):
        folder, name = str(i // 1000), "%d/%d.xml" % (i // 1000, i)
        if i % 1000 == 0:
            os.makedirs(os.path.join(directory, folder), exist_ok=True)
        text = ("<filter name='filter-%d' chain='root'>\n  <uuid>%s</uuid>\n%s</filter>\n"
                % (i, uuid(i), "".join(r.choices(rules, k=2 + i % 10))))
        if i % 100 == 42:
            text = text.replace(*FAULTS[i // 100 % len(FAULTS)], 1)
            wrong.append(name)
        write(os.path.join(directory, name), text)
        names.append(name)
    return names, wrong


def versions(old, new, n):
    """Scattered prefixes and ports, of what a firewall of a group of guests asks: where from, where to."""
    rng = random.Random(n)
    lines = []
    for i in range(n):
        way, end = rng.choice([("in", "src"), ("out", "dst")])
        low = rng.randrange(60000)
        ports = "dstportstart='%d'" % low if rng.random() < 0.6 else "dstportstart='%d' dstportend='%d'" % (low, low + rng.randrange(1000))
        lines.append("<rule action='accept' direction='%s' priority='%d'><%s %sipaddr='%d.%d.%d.%d' %sipmask='%d' %s/></rule>\n" % (
            way, rng.randrange(-500, 500), rng.choice(["tcp", "udp"]), end, rng.randrange(1, 224), *(rng.randrange(256) for _ in range(3)),
            end, rng.choice([8, 16, 24, 32]), ports))
    last = "<rule action='drop' direction='inout' priority='1000'><all/></rule>\n"
    other = "<rule action='accept' direction='in' priority='0'><tcp dstportstart='65000'/></rule>\n"
    changed = lines[:n // 2] + [other] + lines[n // 2 + 1:]
    for path, text in ((old, lines), (new, changed)):
        write(path, "<filter name='big'>\n%s%s</filter>\n" % ("".join(text), last))


def main():
    made = {"product": product, "ports": ports, "change": change, "filters": filters, "port": port_file,
            "shared-sets": shared_sets, "two-sets": two_sets}
    if len(sys.argv) < 4 or sys.argv[1] not in made:
        sys.exit(__doc__)
    made[sys.argv[1]](sys.argv[2], *[int(a) if a.isdigit() else a for a in sys.argv[3:]])


if __name__ == "__main__":
    main()


def nwf_text(size):
    """Filters of the nwf language, as many as make so many bytes: frame rules and packet rules by turns."""
    out, n, i = [], 0, 0
    while n < size:
        lines = ["filter f%d {" % i, "\tchain ipv4-%d" % (i % 1000), "frames:"]
        for k in range(20):
            a = (i * 20 + k) * 2654435761 % 2 ** 32
            lines.append("\tdrop out ether saddr 52:54:00:%02x:%02x:%02x ip saddr 10.%d.%d.0/24 tcp dport %d priority %d" % (
                a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, a >> 8 & 255, a >> 16, k))
        lines.append("packets:")
        lines += ['\taccept in ip saddr $IP tcp dport %d-%d ct state new, established priority %d "rule %d"' % (
            k * 10, k * 10 + 9, k, k) for k in range(20)]
        text = "\n".join(lines + ["}", ""])
        out.append(text)
        n, i = n + len(text), i + 1
    return "".join(out)
