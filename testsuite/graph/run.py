#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nwfc graph: are the pictures taken by dot, do they have what the filter has, and nothing that it smuggles in?"""
import re
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from harness import MAC, PORT, ROOT, Skip, main, nwfc, test  # noqa: E402

VALUES = ["-D", "IP=10.0.0.1", "-D", "IPV6=2001:db8::1", "-D", "GATEWAY_MAC=52:54:00:00:00:01"]
SVG = "{http://www.w3.org/2000/svg}"
EVIL = r'''filter "a\"><script>alert(1)</script>&amp;\\N" {
	use "b]] \"; c -> d; <>{}|#35;%%`'"
packets:
	accept in tcp dport 80 "x --> </TABLE> \\G \"]"
	drop in tcp dport 81 "ü\\E\\G]]>"
}
filter "b]] \"; c -> d; <>{}|#35;%%`'" {
frames:
	drop out arp saddr ip != $IP
}
port "vn]t<0>" mac 52:54:00:12:34:56 { use "a\"><script>alert(1)</script>&amp;\\N" ( IP = 1.2.3.4 ) }
'''


def need_dot():
    if not shutil.which("dot"):
        raise Skip("no dot here (package graphviz)")


def svg(*words, text=None):
    need_dot()
    root = ET.fromstring(nwfc("graph", *words, text=text).out)
    assert root.tag == SVG + "svg", root.tag
    return root


def texts(root):
    return [(t.text or "").replace("\xa0", " ") for t in root.iter(SVG + "text")]


def many_rules(n, alike=False):
    rows = "".join("<rule action='%s' direction='in' priority='%d'><%s srcipaddr='10.%d.%d.0' srcipmask='24'/></rule>" % (
        "accept" if alike else ("accept", "drop", "reject")[i % 3], i // 10, "tcp" if alike else ("tcp", "udp", "icmp")[i % 3],
        i // 250, i % 250) for i in range(n))
    return "<filter name='many'>%s</filter>" % rows


@test
def every_stock_filter_and_every_rule_of_it_is_drawn():
    for path in sorted((ROOT / "examples" / "filters").glob("*.xml")):
        name = path.stem
        drawn = " ".join(texts(svg("--filter", name)))
        rules = len(re.findall("<rule ", path.read_text()))
        for i in range(1, rules + 1):
            assert "%s#%d" % (name, i) in drawn, (name, i)


@test
def a_picture_says_what_layout_says():
    """Chains, jumps and rules are those of --dump=layout, each once, in its order."""
    words = [*PORT, "clean-traffic-dual", *VALUES]
    layout = nwfc("compile", "--dump=layout", *words).out
    dot = nwfc("graph", *words, "--format", "dot", "--view", "chains", "--full").out
    keys = re.findall(r"# (\S+#\d+)", layout)
    drawn = re.findall(r'POINT-SIZE="8">([\w-]+#\d+)</FONT>', dot)
    assert sorted(keys) == sorted(drawn) and len(keys) > 30, (keys, drawn)
    assert len(re.findall(r"^ +jump ", layout, flags=re.M)) == dot.count("&#8594;") == len(re.findall(r":r\d+:e -> ", dot))
    for action, word in (("drop", "DROP"), ("accept", "accept"), ("return", "return")):
        assert len(re.findall(r"^    %s " % action, layout, flags=re.M)) == dot.count(">%s</FONT></TD>" % word), action


@test
def rules_say_where_they_are():
    titles = [t for e in svg("--filter", "no-ip-spoofing").iter() for k, t in e.attrib.items() if k.endswith("title")]
    assert any(re.match(r"examples/filters/no-ip-spoofing.xml:8\b.*no-ip-spoofing$", t) for t in titles), titles


@test
def hostile_names_and_comments_are_texts():
    root = svg("-", text=EVIL)
    assert not list(root.iter(SVG + "script"))
    drawn = "\n".join(texts(root))
    for text in (r'a"><script>alert(1)</script>&amp;\N', "b]] \"; c -> d; <>{}|#35;%%`'", r'x --> </TABLE> \G', r"ü\E\G]]>", "vn]t<0>"):
        assert text in drawn, (text, drawn)
    mermaid = nwfc("graph", "-", "--format", "mermaid", text=EVIL).out
    for line in mermaid.splitlines():
        inner = re.findall(r'"(.*)"', line)
        assert not inner or not re.search(r"""["`{}|\\]|<(?!br/>|/?b>)""", inner[0]), line


@test
def bytes_that_are_no_text_are_replaced():
    text = b"<filter name='a\xc3\xbc'><rule action='drop' direction='in'><tcp comment='x'/></rule></filter>"
    assert "aü" in " ".join(texts(svg("-", text=text)))
    for form in ("dot", "mermaid"):
        nwfc("graph", "-", "--format", form, text=b"filter \"a\xff\xfe\" {\nframes:\n drop out\n}\n", status=None)


@test
def like_rules_are_drawn_by_the_first_and_the_last():
    short = nwfc("graph", "-", "--format", "dot", text=many_rules(200, alike=True)).out
    assert "198 more like these" in short and short.count("many#") < 10, short[:2000]
    full = nwfc("graph", "-", "--format", "dot", "--full", text=many_rules(200, alike=True)).out
    assert full.count("many#") == 400  # and their answers


@test
def a_long_chain_loses_its_middle():
    short = nwfc("graph", "-", "--format", "dot", text=many_rules(300)).out
    assert "--full shows them" in short and 20 < short.count(" POINT-SIZE=\"8\">many#") < 80
    shown = sum(int(n) for n in re.findall(r"(\d+) more \(--full", short)) + short.count(" POINT-SIZE=\"8\">many#")
    assert shown == nwfc("graph", "-", "--format", "dot", "--full", text=many_rules(300)).out.count(" POINT-SIZE=\"8\">many#"), shown


@test
def a_large_filter_is_drawn_in_time():
    r = nwfc("graph", "-", "--format", "dot", text=many_rules(1000))
    assert r.seconds < 1, r.seconds
    svg("-", text=many_rules(1000))


@test
def what_packets_walk():
    words = [*PORT, "clean-traffic", *VALUES[:2], "--format", "dot", "--packet"]

    def decides(packets):
        dot = nwfc("graph", *words, packets).out
        return set(re.findall(r'&#9654;</FONT></TD><TD PORT="r\d+".*?POINT-SIZE="8">([\w-]+#\d+)</FONT>', dot, flags=re.S)), dot
    found, dot = decides("out arp saddr ip 10.0.0.9")
    assert found == {"no-mac-spoofing#1", "no-mac-spoofing#2", "no-arp-mac-spoofing#1", "no-arp-mac-spoofing#2",
                     "no-arp-ip-spoofing#2"}, found
    assert "all dropped" in dot and "none of them meets" in dot
    found, dot = decides("out arp request spa 10.0.0.9")  # one packet
    assert found == {"no-mac-spoofing#1", "no-arp-mac-spoofing#1", "no-arp-ip-spoofing#2"}, found
    found, dot = decides("in ip saddr 10.0.0.9")
    assert found == {"allow-incoming-ipv4#1"} and "all pass" in dot, found
    assert "what the guest sends" not in dot  # no packet of that side is asked about
    found, dot = decides("out ether saddr $MAC ip saddr $IP")
    assert "no-ip-spoofing#2" in found and "clean-traffic#1" in found and "no-ip-spoofing#3" not in found, found
    assert "all pass" in dot


@test
def packets_that_are_none():
    words = [*PORT, "clean-traffic", *VALUES[:2], "--format", "dot", "--packet"]
    for packets, code in (("in arp saddr ip 10.0.0.333", "E112"), ("out } filter x {", "E128"), ("out arp saddr ip $FOO", "E305"),
                          ("out nonsense", "E1"), ("", "E1")):
        r = nwfc("graph", *words, packets, status=2)
        assert code in r.err, (packets, r)
    assert "wants a port" in nwfc("graph", "--filter", "clean-traffic", "--packet", "out arp", status=2).err


@test
def without_dot():
    """A clear error, the old file as it was, and the forms that need no dot."""
    with tempfile.TemporaryDirectory() as folder:
        import os
        old, path = os.environ["PATH"], Path(folder, "out.svg")
        path.write_text("before")
        try:
            os.environ["PATH"] = folder
            r = nwfc("graph", "--filter", "clean-traffic", "-o", str(path), status=2)
            assert "E607" in r.err and "graphviz" in r.err and path.read_text() == "before", r
            assert nwfc("graph", "--filter", "clean-traffic", "--format", "mermaid").out.startswith("flowchart")
            Path(folder, "dot").write_text("#!/bin/sh\nexit 3\n")
            Path(folder, "dot").chmod(0o755)
            assert "status 3" in nwfc("graph", "--filter", "clean-traffic", status=2).err
        finally:
            os.environ["PATH"] = old


@test
def ports_of_one_filter_are_one_box():
    port = "port vnet%d mac 52:54:00:12:34:%02x {\n use clean-traffic\n IP = 10.0.0.%d\n}\n"
    drawn = " ".join(texts(svg("-", text="".join(port % (i, i, i) for i in range(1, 20)))))
    assert "vnet1 ... vnet19 (19 ports)" in drawn and "clean-traffic of 19 ports" in drawn, drawn


@test
def usage():
    assert "svg, dot or mermaid" in nwfc("graph", "--filter", "clean-traffic", "--format", "png", status=2).err
    assert "filters or chains" in nwfc("graph", "--filter", "clean-traffic", "--view", "x", status=2).err
    assert "nothing to draw" in nwfc("graph", status=2).err
    assert "E301" in nwfc("graph", "--filter", "none", status=2).err
    assert MAC in nwfc("graph", *PORT, "clean-traffic", "--format", "dot", *VALUES[:2]).out


if __name__ == "__main__":
    sys.exit(main(__doc__))
