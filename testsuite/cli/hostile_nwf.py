#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile texts of the nwf language: an end in bounded time and memory, and nothing breaks out of scripts and findings.

Meant for the build under AddressSanitizer, too.
"""
import json
import os
import random
import re
import sys
from xml.etree import ElementTree

from harness import MAC, ROOT, ends, main, nwfc, test, write

MIB = 1 << 20
PORT_OF = "\nport vnet0 mac " + MAC + " { use %s }\n"


def everywhere(text, status=(0, 2), **more):
    """The same end whatever is asked of a text."""
    name = write("t.nwf", text)
    for words in (("check",), ("fmt", "-o", "out.nwf"), ("convert", "-o", "out.xml")):
        ends(*words, name, status=status + (1,), **more)
    for form in ("json", "sarif"):
        json.loads(nwfc("check", "--format=" + form, name, status=None).out)


@test
def deep_and_open():
    for depth in (300, 20000):
        for piece in ("filter f {", "{", "filter f {\n drop in tcp dport { ", "("):
            everywhere(piece * depth)
    everywhere("filter f { drop in tcp dport {" + " {" * 100000 + " 1" + " }" * 100000 + " } }")


@test
def huge_pieces():
    for text in ("n" * 4 * MIB, "filter " + "n" * 4 * MIB + " {}", "# " + "c" * 4 * MIB, '"' + "s" * 4 * MIB, '"' + "s" * 4 * MIB + '"',
                 " " * 4 * MIB, "\n" * 4 * MIB, ";" * MIB, "\\\n" * MIB, "$" * MIB, "filter f { drop in tcp dport " + "9" * MIB + " }",
                 "filter f { drop in ip saddr $" + "V" * MIB + " }", "filter f { drop in ip saddr $V[" + "9" * MIB + "] }"):
        ends("check", write("t.nwf", text), status=(0, 1, 2))


@test
def many_of_everything():
    n = 20000
    ends("check", write("t.nwf", "".join("filter f%d { packets:\n drop in tcp dport %d }\n" % (i, i % 65536) for i in range(n))), status=(0, 1))
    ends("check", write("t.nwf", "filter f { packets:\n drop in tcp dport { " + ", ".join(str(i % 65536) for i in range(n)) + " } }"), status=(0, 1, 2))
    ends("check", write("t.nwf", "filter f { drop in " + "tcp dport 1 " * n + "}"), status=(2,))
    ends("check", write("t.nwf", "bogus " * n), status=(2,))
    ends("check", write("t.nwf", "bogus\n" * n), status=(2,))
    ends("check", write("t.nwf", "filter f {\n" + "bogus\n" * n + "}"), status=(2,))
    ends("check", write("t.nwf", "filter f {\n" + "drop in tcp dport 70000\n" * n + "}"), status=(2,))
    ends("check", write("t.nwf", "filter f {}\n" * n), status=(2,))
    ends("check", write("t.nwf", "".join("define V%d = %d\n" % (i, i) for i in range(n)) + "filter f { packets:\n drop in tcp dport $V0 }"), status=(0, 1))
    ends("check", write("t.nwf", 'filter f { drop in tcp dport 1 "%s" }' % ("x" * MIB)), status=(0, 1, 2))


@test
def products():
    lists = " ".join("ip %saddr { %s }" % (d, ", ".join("10.%d.%d.1" % (i // 250, i % 250) for i in range(5000))) for d in "sd")
    text = write("t.nwf", "filter f {\npackets:\n drop in %s\n}" % lists + PORT_OF % "f")
    ends("compile", "-t", "iptables", text, finding="[E504]")
    ends("compile", "-t", "nft", text, status=(0,))
    none = "filter f {\npackets:\n accept in ip saddr != { %s } ip daddr != { %s }\n}" % tuple(
        ", ".join("10.%d.%d.%d" % (k, i // 250, i % 250) for i in range(3000)) for k in (1, 2))
    ends("compile", "-t", "iptables", write("t.nwf", none + PORT_OF % "f"), status=(0, 2))


@test
def includes():
    os.mkfifo("fifo.nwf")
    os.mkdir("dir.nwf")
    os.symlink("loop.nwf", "loop.nwf")
    for target in ("t.nwf", "fifo.nwf", "dir.nwf", "loop.nwf", "/dev/zero", "/dev/stdin", "/proc/self/mem", "missing.nwf", "", "a\\0b", "\x01"):
        ends("check", write("t.nwf", 'include "%s"\n' % target), status=(0, 2), text="x")
    for i in range(300):
        write("i%d.nwf" % i, 'include "i%d.nwf"\n' % (i + 1))
    write("i300.nwf", "")
    ends("check", "i0.nwf", status=(2,))
    for i in range(40):
        write("b%d.nwf" % i, ('include "b%d.nwf"\n' % (i + 1)) * 10)
    write("b40.nwf", "filter f { packets:\n drop in tcp dport 1 }\n")
    ends("check", "b0.nwf", status=(0, 1))


@test
def bytes_of_all_kinds():
    rng = random.Random(3)
    for data in (b"", b"\0", b"\0" * 1000, b"\xef\xbb\xbf", b"\xef\xbb\xbffilter f {}", b"filter \xff {}", b"filter f\0g {}", b"\r\r\r", b"filter f {\r\n}\r\n",
                 b"\xff\xfe" + "filter f {}".encode("utf-16le"), b"filter f { drop in \"\xc3\" }", b'"', b"'", b"$", b"$[", b"$V[@", b"@", b"!", b"!=", b"\\", b"\\\n\\"):
        ends("check", write("t.nwf", data), status=(0, 1, 2))
    text = (ROOT / "examples" / "tour.nwf").read_bytes()
    for n in range(0, len(text), 31):
        ends("check", write("t.nwf", text[:n]), status=(0, 1, 2))
    for _ in range(150):
        data = bytearray(text)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            data[at:at + rng.randrange(3)] = bytes(rng.choice(b"{}()[]!=,;$@\"\\\n \0\xc3a0-/:") for _ in range(rng.randrange(4)))
        ends("check", write("t.nwf", bytes(data)), status=(0, 1, 2))


@test
def what_is_no_text_goes_nowhere():
    """Strings and comments go into XML and scripts, so they hold what these may."""
    for bad in (b"\0", b"\x01", b"\x1f", b"\xff", b"\xc3", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xef\xbf\xbe", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"):
        for text in (b'filter f {\npackets:\n drop in tcp "%s"\n}\n', b"# %s\nfilter f {}\n", b'filter "%s" {}\n', b"filter f { %s }\n"):
            write("t.nwf", text % bad)
            assert nwfc("check", "t.nwf", status=2).err.count("[E127]") == 1, (text, bad)
            assert nwfc("convert", "t.nwf", status=2).out == "", (text, bad)
    r = ends("check", write("t.nwf", b"\xff\n" * 2 * MIB), status=(2,), mib=200)
    assert "and %d more" % (2 * MIB - 1000) in r.err, r
    for good in ("\u00e9", "\u65e5", "\U0001f600", "\x7f", "\ufffd", "\t"):
        write("t.nwf", '# %s\nfilter f {\npackets:\n drop in tcp "%s"\n}\n' % (good, good))
        xml = nwfc("convert", "t.nwf").out
        ElementTree.fromstring(xml.encode())
        assert nwfc("convert", "--to=nwf", "-", text=xml).out.count(good) >= 2 - (good == "\t"), good


@test
def nothing_breaks_out():
    evil = ('x\\" drop; flush ruleset; "', "$(id)", "`id`", "a\nEND-OF-RULES\nid", "\x1b[31m", "-j ACCEPT", "*/", "--", "\u202e")
    for text in evil:
        quoted = '"%s"' % text.replace("\n", "\\n")
        name = write("t.nwf", "filter f {\npackets:\n accept in tcp dport 22 %s\n}" % quoted + PORT_OF % "f")
        for target in ("nft", "iptables", "ebtables", "xtables"):
            r = nwfc("compile", "-t", target, name, status=None)
            assert "\x1b" not in r.out + r.err, r
            for line in r.out.splitlines():
                assert not line.startswith(("id", "END-OF-RULES\n")), r
        r = nwfc("check", "--format=json", write("t.nwf", "filter %s { bogus %s }" % (quoted, quoted)), status=None)
        json.loads(r.out)
        assert "\x1b" not in r.out, r
        r = nwfc("check", "--format=sarif", "t.nwf", status=None)
        json.loads(r.out)


def assertions(n, line):
    return "filter f {\npackets:\n accept in tcp dport 80\n}\n" + "".join(line.replace("%d", str(i)) + "\n" for i in range(n))


def proves(text, status, seconds=60):
    """prove ends by itself, and in bounds; it has an answer, or says why not."""
    r = nwfc("prove", write("t.nwf", text), status=None, timeout=seconds)
    assert r.status in status and bool(r.err) >= (r.status == 2) and r.mib < 1500, r


@test
def many_assertions():
    n = 5000
    for line in ("assert filter f never in tcp dport %d", "assert every guest always in tcp dport %d accept", "assert filter g%d never in"):
        proves(assertions(n, line), (0, 1, 2))
        ends("check", "t.nwf", status=(0, 2))
    proves(assertions(1, "assert filter f never in tcp dport 22" + " except tcp dport 22" * n), (2,))
    proves(assertions(1, "assert filter f never in tcp" + " except" * n), (2,))
    proves(assertions(1, "assert filter f always in tcp" + " drop" * n), (2,))
    proves(assertions(1, "assert" + " filter" * n), (2,))
    lists = " ".join("ip %saddr { %s }" % (d, ", ".join("10.%d.%d.1" % (i // 250, i % 250) for i in range(n))) for d in "sd")
    proves(assertions(1, "assert filter f never in " + lists), (1, 2))


@test
def assertions_about_many_sets():
    """What takes more sets of packets than there is room for is an error, not a wrong answer."""
    rules = "".join(" drop in ip saddr 10.0.0.%d tcp dport %d tcp sport %d tcp flags syn / syn,ack ct count > %d\n" % (i % 250, i, 65535 - i * 7, i) for i in range(3000))
    text = "filter f {\npackets:\n%s}\nassert filter f never in tcp dport 22\nassert filter f always in tcp accept\n" % rules
    proves(text, (1, 2))


@test
def names_do_not_break_out_of_proofs():
    odd = "a&<b>'\\\"]]>\x1b[31m \u202e\ufffe-->"
    name = odd.replace("\x1b", "").replace("\u202e", "").replace("\ufffe", "").replace("[31m ", "x")
    text = 'filter "%s" {\npackets:\n accept in tcp dport 80 "%s"\n}\nassert every guest never in tcp "%s"\n' % (name, odd, odd)
    for words in (["--format=json"], ["--format=junit"], []):
        r = nwfc("prove", *words, write("t.nwf", text), status=None)
        if r.status == 2:
            assert "\x1b" not in r.err and not r.out, r
            continue
        if "--format=json" in words:
            json.loads(r.out)
        elif words:
            ElementTree.fromstring(r.out)
        assert "\x1b" not in r.out, r


@test
def one_mistake_one_finding():
    """A word of a good text left out, or said twice, is at most one finding."""
    text = re.sub("#.*", "", (ROOT / "examples" / "tour.nwf").read_text(encoding="utf-8"))
    for word in re.finditer(r'"[^"]*"|\$\w+|[A-Za-z0-9_.:-]+|!=|<=|[{}(),=/>]', text):
        for changed in (text[:word.start()] + text[word.end():], text[:word.end()] + " " + word.group() + text[word.end():]):
            r = nwfc("check", write("t.nwf", changed), status=None)
            # what a rule without that word means is not the matter here: lints are W7xx
            assert len(re.findall(r"^t\.nwf:\d+:\d+: (?:error|warning): (?!.*\[W7\d\d\]$)", r.err, flags=re.M)) <= 1, (changed, r.err)


@test
def old_output_stays():
    for words in (("compile", "-t", "nft", "-o", "out"), ("fmt", "-o", "out"), ("convert", "-o", "out")):
        write("out", "old")
        nwfc(*words, write("t.nwf", "filter f { bogus }"), status=2)
        assert open("out", encoding="ascii").read() == "old", words
    text = "filter f { drop in tcp dport 1 \n"
    nwfc("fmt", write("own.nwf", text), status=2)
    assert open("own.nwf", encoding="ascii").read() == text


if __name__ == "__main__":
    sys.exit(main(__doc__))
