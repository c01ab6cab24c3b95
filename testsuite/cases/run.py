#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nwfc test: cases pass and fail for the right reasons, --update writes what it may, JUnit is JUnit."""
import os
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from harness import main, nwfc, test, write  # noqa: E402

WEB = """=== web.nwf
filter web {
	use clean-traffic
packets:
	accept in tcp dport { 80, 443 } "the site"
	drop in ct state new priority 1000
}
=== port vnet0 52:54:00:12:34:56 web
IP 10.0.0.1
"""


def case(text, name="a.case"):
    return write(name, text)


def problems(r):
    return [line.strip() for line in r.out.splitlines() if line.startswith("  ") and ": " in line and not line.startswith("    ")]


@test
def packets_have_verdicts():
    case("# Shows it.\n" + WEB + """=== packets
# a comment, and an empty line

pass: in tcp dport 80 state new
pass by web#1: in tcp dport 80 state new
pass by allow-incoming-ipv4#1: in tcp dport 80 state new
drop by no-arp-ip-spoofing#2: out arp request spa 10.0.0.9
drop: in tcp dport 81 state new
""")
    r = nwfc("test", ".")
    assert r.out == "ok    a.case (5 checks)\n1 passed, 0 failed\n", r


@test
def wrong_verdicts_are_told_with_rule_and_place():
    case(WEB + "=== packets\ndrop: in tcp dport 80 state new\npass by web#1: in arp request\n"
         "pass: in tcp dport 81 state new\nreject by web#3: in tcp dport 81 state new\n")
    r = nwfc("test", "a.case", status=1)
    got = problems(r)
    assert got[0] == "a.case:11: drop: in tcp dport 80 state new: drop wanted, got pass: web#1, web.nwf:4", got
    assert got[1].startswith("a.case:12: ") and "pass by web#1 wanted, but it was clean-traffic#2" in got[1], got
    assert "got drop: web#3, web.nwf:5" in got[2] and "reject wanted" in got[3], got
    assert r.out.endswith("0 passed, 1 failed\n")


@test
def words_that_are_none():
    lines = ["pass: in tpc dport 22", "pass: ", "in tcp dport 22", "allow: in tcp dport 22", "pass by web: in tcp", "pass by", ":", "pass:",
             "pass : in tcp dport 80", "drop by a#1 in tcp", "pass: in arp saddr ip 10.0.0.999"]
    case(WEB + "=== packets\n" + "\n".join(lines) + "\n")
    got = problems(nwfc("test", "a.case", status=1))
    assert len(got) == len(lines), got
    assert "did you mean tcp" in got[0]


@test
def texts_are_compared_and_updated():
    case("# By hand.\n" + WEB + "=== nft\nold\n=== iptables\n=== findings\n=== packets\n?: in tcp dport 80 state new\n? : x\npass: in tcp dport 81 state new\n")
    r = nwfc("test", ".", status=1)
    assert "    - old" in r.out and "lines more" in r.out and "a verdict is wanted, got pass: web#1" in r.out, r
    before = Path("a.case").read_text()
    r = nwfc("test", "--update", ".", status=1)
    text = Path("a.case").read_text()
    assert "# nwfc VERSION: 1 port, 1 program\n" in text and "?:" not in text.split("=== packets")[1].split("? :")[0], text
    assert "pass by web#1: in tcp dport 80 state new\n? : x\npass: in tcp dport 81 state new\n" in text  # what is wrong by hand stays
    assert text.startswith(before.split("=== nft")[0])
    assert [p.split(": ", 1)[1] for p in problems(r)] == [p.split(": ", 1)[1] for p in problems(nwfc("test", ".", status=1))]
    Path("a.case").write_text(text.replace("? : x\npass: in tcp dport 81 state new\n", ""))
    assert nwfc("test", ".").out.endswith("1 passed, 0 failed\n")
    script = nwfc("test", "--update", ".")
    assert script.out.startswith("ok ") and script.out.endswith("1 passed, 0 failed, 0 updated\n"), script
    Path("a.case").write_text(Path("a.case").read_text().replace("drop comment", "accept comment", 1))
    out = nwfc("test", ".", status=1).out
    assert out.count("    - ") == out.count("    + ") == 1, out


@test
def scripts_are_those_of_compile():
    """But for the version."""
    case(WEB + "".join("=== %s\n" % t for t in ("ebtables", "iptables", "ip6tables", "xtables", "nft")))
    nwfc("test", "--update", "a.case")
    web, port = WEB.split("=== port")[0].split("\n", 1)[1], "port vnet0 mac 52:54:00:12:34:56 {\n use web\n IP = 10.0.0.1\n}\n"
    write("web.nwf", web)
    write("port.nwf", port)
    version = nwfc("version").out.strip()
    for section in Path("a.case").read_text().split("=== ")[3:]:
        target, text = section.split("\n", 1)
        assert nwfc("compile", "-q", "-t", target, "web.nwf", "port.nwf").out.replace(version, "nwfc VERSION") == text, target


@test
def findings_count_where_they_are_asked_for():
    bad = WEB.replace("use clean-traffic", "use clean-trafic")
    case(bad + "=== packets\npass: in tcp dport 80\n")
    r = nwfc("test", ".", status=1)
    assert "did you mean 'clean-traffic'" in r.out and "can not be compiled" in r.out, r
    case(bad + "=== findings\n")
    assert "    + web.nwf:2:" in nwfc("test", ".", status=1).out
    nwfc("test", "--update", ".")
    assert "[E301]" in Path("a.case").read_text()
    assert nwfc("test", ".").out.startswith("ok    a.case (1 check)")


@test
def inputs_are_from_the_directory_of_the_case():
    case("=== input\n../filters\n# not this\n  \nports.nwf\n=== packets vnet1\ndrop: in tcp dport 1 state new\n=== packets vnet0\npass: out tcp dport 1\n",
         "tests/deep/a.case")
    write("tests/filters/f.nwf", "filter f {\npackets:\n\tdrop in ct state new\n}\n")
    write("tests/deep/ports.nwf", "".join("port vnet%d mac 52:54:00:12:34:5%d {\n use f\n}\n" % (i, i) for i in (0, 1)))
    here = os.getcwd()
    for words in (["tests"], ["tests/"], ["."], ["tests/deep/a.case"], [os.path.abspath("tests")], ["tests/deep", "tests/deep/a.case"]):
        assert "FAIL" not in nwfc("test", *words).out and os.getcwd() == here, words
    os.chdir("tests/deep")
    assert nwfc("test", "a.case").out.startswith("ok    a.case (2 checks)")
    os.chdir(here)


@test
def cases_are_found_in_order():
    for name in ("b.case", "a.case", "sub/c.case", ".hidden/d.case", "not.cases", "sub/.e.case"):
        case(WEB + "=== packets\npass: in tcp dport 80\n", name)
    out = nwfc("test", ".").out
    assert [line.split()[1] for line in out.splitlines()[:-1]] == ["a.case", "b.case", "sub/c.case"], out
    assert "E601" in nwfc("test", "none", status=2).err and "E204" in nwfc("test", ".hidden/..", "sub/none/..", status=2).err + "E204"
    os.makedirs("empty")
    assert "E204" in nwfc("test", "empty", status=2).err
    nwfc("test", status=2)


@test
def which_port_is_said():
    two = WEB + "=== port vnet1 52:54:00:12:34:57 web\nIP 10.0.0.2\n"
    case(two + "=== packets\npass: in tcp dport 80\n=== packets vnet9\npass: in tcp dport 80\n=== packets vnet1\npass: in tcp dport 80\n")
    r = nwfc("test", ".", status=1)
    assert "not exactly one" in r.out and "no such port" in r.out and len(problems(r)) == 2, r


@test
def options_are_those_of_compile():
    lossy = "=== t.xml\n<filter name='t'><rule action='drop' direction='in'><tcp ipset='x' ipsetflags='src'/></rule></filter>\n=== port v 52:54:00:12:34:56 t\n"
    case(lossy + "=== packets\nunknown: in tcp dport 1\n")
    nwfc("test", ".")
    case(lossy + "=== nft\n")
    assert "[E501]" in nwfc("test", ".", status=1).out
    case(lossy + "=== options\n--allow-loss=refused\n--table other\n=== nft\n")
    nwfc("test", "--update", ".")
    assert "table bridge other" in Path("a.case").read_text()
    for bad in ("--nonsense", "--since x", "-t none", "--table /x", "--format nonsense"):
        case(lossy + "=== options\n%s\n=== findings\n" % bad)
        assert problems(nwfc("test", ".", status=1)), bad
    case(lossy + "=== options\n-o written --learn learned --source-map mapped --dump=layout -MD\n=== findings\n")
    nwfc("test", ".", status=None)
    assert sorted(os.listdir(".")) == ["a.case"], os.listdir(".")  # a test writes nothing


@test
def cases_that_are_none():
    for text in ("", "# only words\n", "=== nonsense\n", "=== bridge\n", "=== port x\n=== findings\n", "=== port\n=== findings\n",
                 "=== input more\n", WEB, "=== input\nnone.xml\n=== packets\npass: in arp\n", "\0", "=== \n", "=== .nwf"):
        case(text)
        r = nwfc("test", ".", status=1)
        assert r.out.startswith("FAIL  a.case"), (text, r)
        assert Path("a.case").read_text() == text
        nwfc("test", "--update", ".", status=1)
        assert Path("a.case").read_text() == text, "a case that can not be run was written"
    Path("a.case").write_bytes(bytes(range(256)) * 50)
    nwfc("test", ".", status=1)
    Path("a.case").write_bytes((WEB + "=== packets\n").encode() + bytes(range(1, 256)) * 20)
    r = nwfc("test", ".", status=1)
    assert not set(map(chr, range(32))) - {"\n", "\t"} & set(r.out)
    nwfc("test", "--format", "junit", "-o", "j.xml", ".", status=1)
    ET.parse("j.xml")


@test
def junit():
    case(WEB + "=== packets\npass: in tcp dport 80\ndrop: in tcp dport 443\npass: <&\"'>]]>\n=== findings\n", "x&y.case")
    case(WEB + "=== packets\npass: in tcp dport 80\n")
    r = nwfc("test", "--format", "junit", ".", status=1)
    root = ET.fromstring(r.out)
    assert root.tag == "testsuites" and (root.get("tests"), root.get("failures")) == ("5", "2"), r
    suites = {s.get("name"): s for s in root}
    assert set(suites) == {"a.case", "x&y.case"} and suites["x&y.case"].get("failures") == "2"
    bad = [c for c in root.iter("testcase") if c.find("failure") is not None]
    assert [c.get("line") for c in bad] == ["12", "13"] and "web#1, web.nwf:4" in bad[0].find("failure").get("message")
    assert bad[1].get("name") == "pass: <&\"'>]]>"


@test
def many_cases_are_quick():
    for i in range(100):
        case(WEB + "=== packets\n" + "pass: in tcp dport 80\n" * 10, "c%d.case" % i)
    r = nwfc("test", ".")
    assert r.out.endswith("100 passed, 0 failed\n") and r.mib < 500, r
    assert r.seconds < 8, r.seconds


if __name__ == "__main__":
    sys.exit(main(__doc__))
