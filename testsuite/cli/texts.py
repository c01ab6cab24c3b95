#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Texts as they come: line ends, byte order marks, characters outside of ASCII; and their places in findings."""
import json
import sys

from harness import ROOT, main, nwfc, test, write

NWF = """# one
filter t {
packets:
	drop in tcp dport 70000 "a" # two
	drop in tcp \\
		dport 80
	drop in tcp dport { 80,
		443 }
	drop in tcp dport
	accept in ip saddr { 10.0.0.1,
	accept in tpc
}
"""
GOOD = (ROOT / "examples" / "tour.nwf").read_text(encoding="utf-8")
XML = """<filter name='t'>
  <rule action='dorp' direction='in'>
    <tcp dstportstart='70000'/>
  </rule>
</filter>
"""
MARK = "\ufeff"


def places(name):
    found = json.loads(nwfc("check", "--format=json", name, status=2).out)["findings"]
    return [(f["id"], f["line"], f["column"], f["text"]) for f in found]


def regions(name):
    """What SARIF's regions, counted in code points, cut out of the lines of the text."""
    run = json.loads(nwfc("check", "--format=sarif", name, status=2).out)["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    lines = open(name, encoding="utf-8-sig", newline="").read().split("\n")
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] == region.get("endLine", region["startLine"]), region
        yield lines[region["startLine"] - 1][region["startColumn"] - 1:region.get("endColumn", region["startColumn"]) - 1]


@test
def line_ends_and_marks_move_no_place():
    for suffix, text in (("nwf", NWF), ("xml", XML)):
        wanted = places(write("t." + suffix, text))
        said = nwfc("check", "t." + suffix, status=2).err
        assert len(wanted) > 1
        for other in (text.replace("\n", "\r\n"), MARK + text, MARK + text.replace("\n", "\r\n")):
            assert places(write("t." + suffix, other)) == wanted, other
            assert nwfc("check", "t." + suffix, status=2).err.replace(MARK, "") == said, other


@test
def one_form_whatever_the_line_ends_are():
    wanted = nwfc("fmt", text=GOOD).out
    for other in (GOOD.replace("\n", "\r\n"), MARK + GOOD, MARK + GOOD.replace("\n", "\r\n")):
        assert nwfc("fmt", text=other).out == wanted
        assert nwfc("check", "-", text=other).err == ""
    assert nwfc("convert", "-", text="filter t {\n# c\npackets:\n drop in\n}\n").out == nwfc("convert", "-", text="filter t {\r\n# c\r\npackets:\r\n drop in\r\n}\r\n").out


@test
def a_carriage_return_alone_hides_nothing():
    for text in (GOOD.replace("\n", "\r"), "# remark\rfilter t { packets:\r drop in\r }\n", "filter t {\npackets:\n\tdrop in \"a\rb\"\n}\n", "\\\r x\n"):
        assert nwfc("check", write("t.nwf", text), status=2).err.count("[E127]") == 1


@test
def columns_are_code_points_in_sarif():
    for before in ("", "\u00e9", "\u65e5\u672c", "\U0001f600\U00010348", "e\u0301"):
        text = 'filter t { packets: ; drop in "%s" tcp dport 70000; drop in icmp tpye 3 }\n' % before
        for line_end in ("\n", "\r\n"):
            write("t.nwf", MARK + text.replace("\n", line_end))
            assert list(regions("t.nwf")) == ["70000", "tpye"], before
        write("t.xml", "<filter name='t'><!-- %s --><rule action='dorp' direction='in'/></filter>" % before)
        assert list(regions("t.xml")) == ["dorp"], before


if __name__ == "__main__":
    sys.exit(main(__doc__))
