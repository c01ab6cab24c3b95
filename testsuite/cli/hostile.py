#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile input: an end with status 1 or 2 in bounded time and memory, and scripts nothing breaks out of.

Meant for the build under AddressSanitizer, too; limits of time allow for it.
"""
import os
import random
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

import captures as T
from harness import BINDING, MAC, PORT, ROOT, Skip, ends, filter_xml, main, nwfc, rule, test, write

PARAM = "<parameter name='%s' value='%s'/>"


def compile_nft(*words, **more):
    ends("compile", "-t", "nft", *words, **more)


# --- texts that are no good XML

@test
def deep_nesting():
    for depth in (300, 100000, 1000000):
        for tag in ("filter", "domain", "x", "filters"):
            ends("check", write("t.xml", "<%s>" % tag * depth + "</%s>" % tag * depth), status=(2,))
            ends("check", write("t.xml", "<%s>" % tag * depth), status=(2,))
    ends("check", write("t.xml", "<domain>" + "<a>" * 300 + "</a>" * 300 + "</domain>"), finding="[E605]")


@test
def entity_bombs():
    bomb = "<!DOCTYPE f [<!ENTITY a0 'x'>" + "".join("<!ENTITY a%d '%s'>" % (i, "&a%d;" % (i - 1) * 10) for i in range(1, 20)) + "]>"
    ends("check", write("t.xml", bomb + "<filter name='&a19;'/>"), finding="[E102]")
    ends("check", write("t.xml", bomb + "<filter name='t'>&a19;</filter>"), finding="[E102]")
    ends("check", write("t.xml", "<!DOCTYPE f [<!ENTITY %% p SYSTEM 'file:///dev/zero'> %%p;]><filter name='t'/>"), finding="[E102]")
    ends("check", write("t.xml", "<!DOCTYPE f SYSTEM '/dev/zero'><filter name='t'/>"), finding="[E102]")
    ends("check", write("t.xml", "<filter name='&undefined;'/>"), finding="[E10")


@test
def huge_pieces():
    mib = 1 << 20
    ends("check", write("t.xml", "<filter name='%s'/>" % ("n" * 20 * mib)), status=(0, 2))
    ends("check", write("t.xml", "<filter name='t' %s='1'/>" % ("a" * 20 * mib)), status=(2,))
    ends("check", write("t.xml", "<filter name='t'><!--%s--></filter>" % ("c" * 20 * mib)), status=(0, 2))
    ends("check", write("t.xml", "<filter name='t'>%s</filter>" % ("text " * 4 * mib)), status=(2,))
    ends("check", write("t.xml", "<filter name='t' %s/>" % " ".join("a%d='1'" % i for i in range(200000))), status=(2,))
    ends("check", write("t.xml", "<filter name='t'><uuid>%s</uuid></filter>" % ("u" * 20 * mib)), status=(2,))
    ends("check", write("t.xml", "<filter name='t'>" + rule(element="<tcp comment='%s'/>" % ("k" * 20 * mib)) + "</filter>"), status=(0, 2))
    ends("check", write("t.xml", "<filter name='t'><?pi %s?></filter>" % ("c" * 20 * mib)), status=(0, 2))


@test
def a_file_beyond_the_limit():
    with open("big.xml", "wb") as f:
        f.truncate((1 << 30) + 1)
    ends("check", "big.xml", finding="[E604]", seconds=10)
    ends("check", "/dev/zero", finding="[E60", seconds=120, mib=3000)


@test
def binary_and_empty():
    rng = random.Random(1)
    for data in (b"", b"\0", b"\0" * 1000, b"\xff\xfe", b"\xfe\xff\0<", b"\x7fELF", b"\x1f\x8b\x08", b"<", b"<filter", b"<filter ", b"<filter name=",
                 b"<filter name='", b"<?xml", b"<?xml version='1.0' encoding='no-such'?><filter name='t'/>", b"\xef\xbb\xbf", b"<filter name='\0'/>",
                 b"<filter name='\x01'/>", b"<filter name='\xff'/>", b"<filter name='&#0;'/>", b"<filter name='&#x110000;'/>", b"]]>", b"<!--", b"<![CDATA["):
        ends("check", write("t.xml", data), status=(2,))
    for i in range(60):
        ends("check", write("t.xml", bytes(rng.randrange(256) for _ in range(rng.randrange(2000)))), status=(2,))


@test
def truncated_and_mutated():
    text = (ROOT / "examples" / "filters" / "no-ip-spoofing.xml").read_bytes()
    end = text.rindex(b"</filter>")
    for n in range(0, end, 7):
        ends("check", write("t.xml", text[:n]), status=(2,))
    rng = random.Random(2)
    for i in range(150):
        data = bytearray(text)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            data[at:at + rng.randrange(3)] = bytes(rng.choice(b"<>&'\"/= \0\xc3a0$[]") for _ in range(rng.randrange(4)))
        ends("check", write("t.xml", bytes(data)), status=(0, 2))


@test
def other_encodings():
    text = "<?xml version='1.0' encoding='%s'?>\n" + filter_xml("\u00e4", rule(element="<tcp dstportstart='22' comment='\u00e4'/>"))
    for encoding in ("UTF-16", "UTF-16LE", "ISO-8859-1", "UTF-8"):
        data = (text % encoding).encode(encoding)
        for target in ("nft", "iptables"):
            r = ends("compile", "-t", target, *PORT, "\u00e4", write("t.xml", data), status=(0, 2))
            if encoding in ("ISO-8859-1", "UTF-8", "UTF-16"):
                assert r.status == 0, (encoding, r)
    ends("check", write("t.xml", (text % "UTF-16").encode("utf-16")[:-3]), status=(2,))
    ends("check", write("t.xml", (text % "UTF-8").encode("latin-1")), status=(2,))


# --- filters that grow

@test
def reference_bombs():
    fan = "".join(filter_xml("f%d" % i, "<filterref filter='f%d'/>" % (i + 1) * 10) for i in range(30))
    compile_nft(*PORT, "f0", write("t.xml", "<filters>%s%s</filters>" % (fan, filter_xml("f30", rule()))), finding="[E304]")
    compile_nft(*PORT, "f0", write("t.xml", "<filters>%s%s</filters>" % (fan, filter_xml("f30", ""))), finding="[E304]")
    ends("check", "t.xml", status=(0,))
    names = "".join(filter_xml("f%d" % i, "".join("<filterref filter='f%d'>%s</filterref>" % (i + 1, PARAM % ("P%d_%d" % (i, k), k)) for k in range(8))) for i in range(30))
    compile_nft(*PORT, "f0", write("t.xml", "<filters>%s%s</filters>" % (names, filter_xml("f30", rule(element="<tcp dstportstart='$X'/>")))))
    loop = "".join(filter_xml("f%d" % i, "<filterref filter='f%d'/>" % ((i + 1) % 1000)) for i in range(1000))
    compile_nft(*PORT, "f0", write("t.xml", "<filters>%s</filters>" % loop), finding="[E30")
    ends("check", "t.xml", finding="[E302]")
    missing = "".join(filter_xml("f%d" % i, "<filterref filter='f%d'/>" % (i + 1) * 10) for i in range(6))
    compile_nft(*PORT, "f0", write("t.xml", "<filters>%s</filters>" % missing), finding="[E301]")


@test
def products():
    lists = {n: "".join(PARAM % (n, i + 1) for i in range(1000)) for n in "ABCD"}
    four = filter_xml("t", rule("action='accept' direction='in' statematch='0'", "<tcp srcportstart='$A[@1]' srcportend='$A[@1]' dstportstart='$B[@2]' dscp='5' srcipaddr='10.0.0.1' option='7' "
                                "connlimit-above='$C[@3]'/>"))
    write("t.xml", four)
    write("p.xml", BINDING % ("vnet0", "t", lists["A"] + lists["B"] + lists["C"]))
    ends("compile", "-t", "iptables", "-o", "out", "t.xml", "p.xml", finding="[E504]")
    ends("compile", "-t", "xtables", "-o", "out", "t.xml", "p.xml", finding="[E504]")
    assert not os.path.exists("out")
    write("t.xml", filter_xml("t", rule(element="<ip protocol='tcp' srcportstart='$A[@1]' dstportstart='$B[@2]'/>") +
                              rule(element="<vlan vlanid='$C[@1]' encap-protocol='$D[@2]'/>")))
    write("p.xml", BINDING % ("vnet0", "t", "".join(lists[n] for n in "ABC") + "".join(PARAM % ("D", i + 100) for i in range(1000))))
    r = nwfc("compile", "-t", "nft", "t.xml", "p.xml")
    assert len(r.out) < 200000, len(r.out)
    wide = filter_xml("t", rule(element="<stp type='$A[@1]' flags='$A[@2]' root-priority='$A[@3]' root-cost='$A[@4]' port='$A[@5]' age='$A[@6]' max-age='$A[@7]'/>"))
    values = "".join(PARAM % ("A", i) for i in range(256))
    for target in ("ebtables", "nft"):
        ends("compile", "-t", target, "--allow-loss=widened", write("t.xml", wide), write("p.xml", BINDING % ("vnet0", "t", values)), status=(0, 1, 2))
        ends("compile", "-t", target, "--allow-loss=widened", "-o", "out", *(["--expand"] if target == "nft" else []), "t.xml", "p.xml", finding="[E504]")
        assert not os.path.exists("out")


@test
def negated_products():
    """What can not fold in nft is a product there, too."""
    write("t.xml", filter_xml("t", rule(element="<tcp match='no' srcportstart='$A[@1]' dstportstart='$A[@2]' srcipaddr='$B[@3]'/>")))
    write("p.xml", BINDING % ("vnet0", "t", "".join(PARAM % ("A", i) for i in range(10000)) + "".join(PARAM % ("B", "10.0.%d.%d" % (i >> 8, i & 255)) for i in range(10000))))
    for target in ("iptables", "nft"):
        ends("compile", "-t", target, "-o", "out", "t.xml", "p.xml", status=(0, 1))


@test
def many_of_everything():
    rules = "".join(rule(element="<tcp dstportstart='%d' srcipaddr='$IP[@%d]'/>" % (i % 65536, i % 1001)) for i in range(30000))
    write("t.xml", filter_xml("t", rules))
    ends("compile", "-t", "nft", "-D", "IP=10.0.0.1", *PORT, "t", "t.xml", status=(0,))
    write("u.xml", filter_xml("t", rule(element="<tcp dstportstart='$A'/>")))
    write("p.xml", BINDING % ("vnet0", "t", "".join(PARAM % ("A", i % 65536) for i in range(200000))))
    ends("compile", "-t", "nft", "u.xml", "p.xml", status=(0,))
    write("q.xml", BINDING % ("vnet0", "t", "".join(PARAM % ("N%d" % i, i) for i in range(20000))))
    ends("compile", "-t", "nft", "u.xml", "q.xml", status=(1, 2))
    for i in range(2000):
        write("d/%d.xml" % i, BINDING % ("v%d" % i, "f%d" % i, PARAM % ("IP", "10.0.0.1")))
        write("d/f%d.xml" % i, filter_xml("f%d" % i, rule(element="<ip srcipaddr='$IP'/>")))
    ends("compile", "-t", "nft", "d", status=(0,))


def address(i):
    return "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)


def network(body, name="n", bridge="vb", forward="mode='nat'"):
    return "<network><name>%s</name><forward %s/><bridge name=%s/>%s</network>\n" % (name, forward, quoteattr(bridge), body)


@test
def many_networks_and_guests():
    """Time and memory grow with the document, not with its square."""
    n, mac = 30000, "52:54:00:%02x:%02x:%02x"
    one = "<ip address='10.0.0.1' prefix='8'>%s</ip>"
    subnets = "".join("<ip address='%s' prefix='30'/>" % address(4 * i + 1) for i in range(n))
    documents = {
        "networks": "<networks>%s</networks>" % "".join(network("<ip address='%s' prefix='24'/>" % address(256 * i + 1), "n%d" % i, "vb%d" % i) for i in range(10000)),
        "subnets": network(subnets + "".join("<route address='11.0.0.0' prefix='8' gateway='%s'/>" % address(4 * (n - i) - 2) for i in range(n))),
        "hosts": network(one % ("<dhcp>%s</dhcp>" % "".join("<host mac='%s' ip='%s'/>" % (mac % (i >> 16, i >> 8 & 255, i & 255), address(i + 2)) for i in range(n)))),
        "portgroups": network(one % "" + "".join("<portgroup name='p%d'/>" % i for i in range(n))),
    }
    for name, text in documents.items():
        for target in ("nft", "bridge"):
            ends("compile", "-q", "-t", target, "-o", "out", write(name + ".xml", text), status=(0,))
    guest = ("<domain><name>g</name><devices><interface type='network'><mac address='%s'/><source network='n' portgroup='%s%d'/><target dev='v%d'/>"
             "<filterref filter='clean-traffic'/></interface></devices></domain>")
    for group, status in (("p", 0), ("q", 2)):
        text = "".join(guest % (mac % (i >> 16, i >> 8 & 255, i & 255), group, i, i) for i in range(20000))
        ends("compile", "-q", "-t", "nft", "-o", "out", "portgroups.xml", write("guests.xml", "<domains>%s</domains>" % text), status=(status,))


@test
def little_memory():
    """Whatever the limit on memory is: an end with a finding, never a crash."""
    write("t.xml", filter_xml("t", "".join(rule(element="<tcp dstportstart='%d' srcipaddr='$IP' comment='comment number %d'/>" % (i % 65536, i)) for i in range(20000))))
    write("p.xml", BINDING % ("vnet0", "t", "".join(PARAM % ("IP", "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)) for i in range(60000))))
    good = 0
    for mib in (1, 4, 16, 32, 64, 96, 160, 512):
        for words in (["check", "t.xml"], ["compile", "-t", "nft", "t.xml", "p.xml"]):
            r = ends(words[0], "--max-memory=%d" % mib, *words[1:], status=(0, 1, 2), mib=3000)
            assert r.status == 0 or "[E60" in r.err, (mib, r)
            good += r.status == 0
    assert good
    for kib in (20000, 60000, 200000):
        p = subprocess.run(["sh", "-c", "ulimit -v %d; exec %s check t.xml p.xml" % (kib, nwfc.program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert p.returncode in (0, 1, 2) or "AddressSanitizer" in p.stderr or "asan" in nwfc.program, (kib, p)


# --- nothing breaks out of a script

ODD = ["$(touch broken)", "`touch broken`", "';touch broken;'", '";touch broken;"', "\\", "\\\"", "%s%n%d", "a b", "-j ACCEPT", "! -h", "#x", "@x", "{ drop }",
       "\" accept comment \"", "x\\", "\u00e4\u20ac", "*filter", "COMMIT", ":INPUT ACCEPT", "-A FORWARD -j ACCEPT", "EOF", "END", "'", '"', "&&", "|", "<", ">", "~", "$IFS"]
NEWLINES = ["a\nCOMMIT\n", "a\n-A FORWARD -j ACCEPT", "a\n}\n}\nadd table ip broken\n", "a\r\nx", "a\nEOF\ntouch broken\n", "a\n'\ntouch broken\n", "a\x85b", "a\u2028b"]


def namespace():
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run(words + ["nft", "list", "ruleset"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return words
    raise Skip("no network namespace with nft can be had here")


CHECK = r"""
ip link set lo up
set -e
[ -s out.nft ] && nft -f out.nft
[ -s out.sh ] && sh ./out.sh
[ -s out.ebtables ] && { sh ./remove.sh; ebtables-restore --noflush <out.ebtables; iptables-restore --noflush <out.iptables; ip6tables-restore --noflush <out.ip6tables; }
set +e
nft list tables | grep -v -x -e 'table bridge nwfc' -e 'table bridge nat' -e 'table ip filter' -e 'table ip6 filter' | sed 's/^/STRANGE /'
iptables-save | grep -e '^-A FORWARD' -e '^-A INPUT' | grep -v -x -e '-A FORWARD -j nwfc-forward' -e '-A INPUT -j nwfc-host' | sed 's/^/STRANGE /'
ebtables-save | grep -e '^-A PREROUTING' -e '^-A POSTROUTING' | grep -v -x -e '-A PREROUTING -j nwfc-out' -e '-A POSTROUTING -j nwfc-in' | sed 's/^/STRANGE /'
iptables-save | grep -e '^:INPUT' -e '^:FORWARD' -e '^:OUTPUT' | grep -v ACCEPT | sed 's/^/STRANGE /'
echo DONE
"""


def load(*inputs):
    """Compile to all targets, load what can be had, and look for anything that is not ours."""
    loaded = 0
    for f in ("out.nft", "out.sh", "out.ebtables", "out.iptables", "out.ip6tables", "remove.sh"):
        write(f, "")
    # state and reject are not everywhere; what matters here is text
    for name, target in (("out.nft", "nft"), ("out.sh", "xtables")):
        r = nwfc("compile", "-t", target, "-o", name, *inputs, status=None)
        assert r.status != 3
        loaded += r.status == 0
        if r.status == 0 and target == "xtables":
            for t in ("ebtables", "iptables", "ip6tables"):
                nwfc("compile", "-t", t, "-o", "out." + t, *inputs)
            nwfc("remove", "-t", "xtables", "-o", "remove.sh", *inputs)
        elif r.status:
            assert not Path(name).read_text(), name
    p = subprocess.run(namespace() + ["sh", "-c", CHECK], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    assert p.stdout.rstrip().endswith("DONE"), p.stdout[-1500:]
    assert "STRANGE" not in p.stdout, p.stdout
    assert not os.path.exists("broken") and "broken" not in os.listdir(".")
    return loaded


def accepted(target, *inputs):
    """Does the target take these inputs? If not: no file, and a finding."""
    r = nwfc("compile", "-t", target, "-o", "try", *inputs, status=None)
    assert os.path.exists("try") == (r.status == 0) and (r.status == 0 or r.err), r
    if r.status == 0:
        os.unlink("try")
    return r.status == 0


@test
def interface_names():
    write("t.xml", filter_xml("t", rule("action='drop' direction='inout'", "<ip/>") + rule("action='drop' direction='inout'", "<tcp/>")))
    names = [x[:15] for x in ODD if " " not in x] + ["a'b", "$(id>&2)", "a;b", "a\"b", "`id`", "a\\b", "*", "!", "+", "a+", "-A", "--", "\u00e4" * 7,
                                                     "{", "}", "a,b", "a#b", "%d", "a|b", "~", "1", "0x1", "nwfc-out", "a" * 15, "&"]
    good = []
    for i, name in enumerate(dict.fromkeys(names)):
        path = write("p%d.xml" % i, BINDING.replace("'%s'", "%s", 1) % (quoteattr(name), "t", ""))
        verdicts = [accepted(t, "t.xml", path) for t in ("xtables", "nft")]
        if all(verdicts):
            good.append(path)
        elif any(verdicts):
            assert load("t.xml", path) == 1, name
    assert len(good) > 20 and load("t.xml", *good) == 2, good


@test
def interface_names_with_newlines():
    for name in ("a\nb", "a b", "a\tb", "\n", "a\x7f", "a\x01", ""):
        data = BINDING.replace("'%s'", "%s", 1) % (quoteattr(name), "t", "")
        r = ends("compile", "-t", "nft", write("t.xml", filter_xml("t", "")), write("p.xml", data), status=(2,))
    for name in ("a\nb", "a b", "", "a/b"):
        ends("compile", "-t", "xtables", "-p", name, "-m", MAC, "-f", "t", "t.xml", finding="[E201]")


@test
def comments():
    body = "".join(rule("action='drop' direction='in'", "<tcp dstportstart='%d' comment=%s/><!-- -->" % (i + 1, quoteattr(c).replace("\n", "&#10;").replace("\r", "&#13;")))
                   for i, c in enumerate([c for c in ODD + NEWLINES if not c.startswith("$")] + ["x" * 256, "\u00e4" * 128, "'" * 256, '"' * 256, "\\" * 256]))
    assert load(*PORT, "t", write("t.xml", filter_xml("t", body))) == 2
    body = "".join(rule("action='drop' direction='in'", "<arp opcode='%d' comment=%s/>" % (i + 1, quoteattr(c).replace("\n", "&#10;"))) for i, c in enumerate(c for c in ODD + NEWLINES if not c.startswith("$")))
    assert load(*PORT, "t", write("t.xml", filter_xml("t", body))) == 2


@test
def filter_names():
    good = []
    for i, name in enumerate(ODD + NEWLINES + ["x" * 300, "\u00e4" * 200, "-", ".", "/", "a/b", "nwfc"]):
        attr = quoteattr(name).replace("\n", "&#10;").replace("\r", "&#13;")
        body = rule("action='drop' direction='out'", "<mac protocolid='0x9000'/>") + rule("action='drop' direction='in'", "<tcp/>")
        f = write("f%d.xml" % i, "<filters><filter name=%s chain='mac'>%s</filter><filter name='top%d'><filterref filter=%s/>%s</filter></filters>" %
                  (attr, body, i, attr, rule()))
        p = write("p%d.xml" % i, BINDING % ("v%d" % i, "top%d" % i, ""))
        q = write("q%d.xml" % i, BINDING.replace("filter='%s'", "filter=%s") % ("w%d" % i, attr, ""))
        verdicts = {accepted(t, f, p, q) for t in ("xtables", "nft")}
        assert len(verdicts) == 1, name
        good += [f, p, q] if verdicts == {True} else []
    assert len(good) > 90 and load(*good) == 2


@test
def file_names():
    paths = []
    for i, name in enumerate(ODD + ["a\nCOMMIT\n-A FORWARD -j ACCEPT\n", "a\n'; touch broken\n#", "a\n}\nadd table ip broken\n#", "a\rb", "\x1b[31m"]):
        paths.append(write("./%s.xml" % name.replace("/", "_"), filter_xml("t%d" % i, rule("action='drop' direction='in'", "<tcp dstportstart='1'/>") +
                                                                          rule("action='drop' direction='in'", "<mac/>"))))
        paths.append(write("p%d.xml" % i, BINDING % ("v%d" % i, "t%d" % i, "")))
    assert load(*paths) == 2


@test
def values():
    for value in ODD + NEWLINES:
        nwfc("compile", "-t", "xtables", "-D", "A=" + value, *PORT, "t", write("t.xml", filter_xml("t", rule(element="<tcp ipset='$A'/>"))), status=None)
        for element, name in (("tcp", "ipset"), ("tcp", "srcipaddr"), ("mac", "srcmacaddr"), ("tcp", "state"), ("arp", "opcode"), ("tcp", "flags")):
            xml = filter_xml("t", rule(element="<%s %s=%s/>" % (element, name, quoteattr(value).replace("\n", "&#10;"))))
            r = nwfc("compile", "-t", "xtables", *PORT, "t", write("t.xml", xml), status=None)
            assert r.status == 2 or name == "ipset", (name, value, r)
    for name in ("a b", "a-b", "-A", "--", "-", "a.b", "+", " "):
        xml = filter_xml("t", rule(element="<tcp ipset=%s/>" % quoteattr(name)))
        r = nwfc("compile", "-t", "iptables", *PORT, "t", write("t.xml", xml), status=None)
        if r.status == 0:
            p = subprocess.run(namespace() + ["sh", "-c", "ipset create -- %s hash:ip || exit 77; iptables-restore --noflush" % ("'" + name + "'")],
                               input=r.out, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert p.returncode in (0, 77), (name, p.stdout)


@test
def table_names():
    write("t.xml", filter_xml("t", rule()))
    for name in [x for x in ODD if not x.isalpha()] + NEWLINES + ["", "0", "a b", "a;b", "a{", "x" * 65]:
        ends("compile", "-t", "nft", "--table=" + name, *PORT, "t", "t.xml", status=(2,))
        ends("remove", "-t", "nft", "--table=" + name, *PORT, "t", "t.xml", status=(2,))


@test
def messages_are_harmless_to_terminals():
    write("t.xml", filter_xml("t", rule(element="<tcp dstportstart='&#27;[31m&#7;'/>") + "<x\u009b/>"))
    err = nwfc("check", "t.xml", status=2).err
    assert not [c for c in err if ord(c) < 32 and c not in "\n\t"], repr(err)
    name = "./\x1b[31m.xml"
    write(name, "<filter/>")
    err = nwfc("check", name, status=2).err
    assert "\x1b" not in err, repr(err)
    assert "\x1b" not in nwfc("compile", "-t", "nft", "-p", "\x1b[m", "-m", "\x1b", "-f", "\x1b", "-D", "\x1b=\x1b", status=2).err


# --- trace

@test
def hostile_captures():
    dice = random.Random(7)
    whole = [T.pcap([T.arp((10, 0, 0, 1)), T.arp((10, 0, 0, 9))]), T.pcapng([T.arp((10, 0, 0, 1))] * 3, ">")]
    trace = ["trace", *PORT, "clean-traffic", "-D", "IP=10.0.0.1"]
    for number in range(120):
        data = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        write("c", bytes(data[:dice.randrange(len(data) + 1)] if number % 2 else data))
        words = dice.choice([["c"], ["--explain-drops", "c"], ["--steps", "--side=out", "--format=json", "c"]])
        ends(*trace, *words, status=(0, 2))
    frames = [bytes(dice.randrange(256) for _ in range(dice.randrange(100))) for _ in range(300)]
    heads = ["0800", "86dd", "0806", "8100", "0026424203000000", "86dd60000000"]
    frames += [bytes(12) + bytes.fromhex(dice.choice(heads)) + f for f in frames]
    write("r.pcap", T.pcap(frames))
    for side in ("--side=in", "--side=out"):
        ends(*trace, side, "--steps", "r.pcap", status=(0,))


@test
def hostile_words():
    trace = ["trace", *PORT, "clean-traffic", "-D", "IP=10.0.0.1"]
    for words in ["\x1b[31m", "out \x1b[31m", "out arp " * 500, "out " + "x" * 70000, "out given \"\x1b[31m\"", "out tcp " + "> " * 600,
                  "out \"", "out tcp [:", "out tcp [] > []", "out tcp ]:1 > [:2", "out tcp option", "\t", " ", "out tcp dport 99999999999999999999",
                  "out arp spa " + "1" * 9000, "0x", "0x" + "0" * 100001, "out ether saddr " + ":" * 3000]:
        r = ends(*trace, words, status=(0, 2))
        assert "\x1b" not in r.err + r.out, repr(r)


if __name__ == "__main__":
    sys.exit(main(__doc__))
