#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line: exit statuses, help and manual, files that are written whole or not at all."""
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import captures as T
from harness import BINDING, MAC, PORT, ROOT, Skip, filter_xml, main, nwfc, rule, test, write

TARGETS = ["ebtables", "iptables", "ip6tables", "xtables", "nft", "bridge"]
ARGUMENT = {"--include", "--define", "--port", "--mac", "--filter", "--max-memory", "--format", "--warn"}     # of check
# Each with the letter that options.def has for it.
LETTERS = {name: letter for name, letter in re.findall(r"^COMMAND\(\w+, +(\w+), +'(\w)'", (ROOT / "nwfc" / "commands.def").read_text(), flags=re.M)}
COMMANDS = list(LETTERS)
GOOD = filter_xml("t", rule(element="<tcp dstportstart='25'/>"))
BAD = filter_xml("t", rule(element="<tcp dstportstart='x'/>"))


def options_of(command):
    """The options in --help: long names, and -MD."""
    return set(re.findall(r"^ +(?:-\w, +)?(--[\w-]+|-MD)", nwfc(command, "--help").out, flags=re.M))


# --- exit statuses

@test
def good_is_0():
    write("t.xml", GOOD)
    for t in TARGETS:
        assert nwfc("compile", "-t", t, *PORT, "t", "t.xml").out
    assert nwfc("check", "t.xml").out == ""


@test
def findings_that_fail_are_1():
    write("t.xml", filter_xml("t", rule(element="<tcp ipset='s'/>")))
    nwfc("compile", "-t", "nft", *PORT, "t", "t.xml", status=1)
    nwfc("compile", "-t", "nft", "--allow-loss=refused", *PORT, "t", "t.xml")
    write("w.xml", filter_xml("t", rule(element="<arp opcode='ARP_NAK'/>")))
    nwfc("compile", "-t", "nft", *PORT, "t", "w.xml")
    assert nwfc("compile", "-t", "nft", "--werror", *PORT, "t", "w.xml", status=1).out == ""


@test
def findings_are_switched():
    write("t.xml", filter_xml("t", 2 * rule(element="<arp opcode='ARP_NAK'/>")))
    assert "[W406]" in nwfc("check", "t.xml").err
    assert "[W701]" in nwfc("check", "t.xml").err
    quiet = nwfc("check", "-W", "no-opcode-9", "-Wno-W701", "t.xml").err
    assert "[W406]" not in quiet and "[W701]" not in quiet, quiet
    assert "error: " in nwfc("check", "-W", "error=w406", "t.xml", status=1).err
    assert nwfc("compile", "-t", "nft", "-W", "error=opcode-9", *PORT, "t", "t.xml", status=1).out == ""
    nwfc("check", "-W", "error=W406", "-W", "W406", "t.xml")
    nwfc("check", "-W", "no-no-port", "t.xml")
    assert "stays one" in nwfc("check", "-W", "no-E112", "t.xml", status=2).err
    assert "wants no-NAME" in nwfc("check", "-W", "no-nothing", "t.xml", status=2).err


@test
def bad_input_is_2():
    write("t.xml", BAD)
    for t in TARGETS + ["all"]:
        assert nwfc("compile", "-t", t, "-o", "out", *PORT, "t", "t.xml", status=2).out == ""
    nwfc("check", "t.xml", status=2)
    nwfc("list", "t.xml", status=2)
    nwfc("compile", "-t", "nft", *PORT, "no-such", status=2)


@test
def bad_usage_is_2_and_says_why():
    write("t.xml", GOOD)
    for words in ([], ["frobnicate"], ["compile"], ["compile", "t.xml"], ["compile", "-t", "pf", "t.xml"], ["compile", "--nosuch"],
                  ["compile", "-Z"], ["compile", "-t"], ["compile", "-t", "nft", "--expand=1", "t.xml"], ["check", "--since=x"],
                  ["compile", "-t", "all", *PORT, "t", "t.xml"], ["compile", "-t", "nft", "-MD", *PORT, "t", "t.xml"],
                  ["compile", "-t", "ebtables", "--since", "t.xml", "t.xml"], ["compile", "-t", "nft", "--allow-loss=all", "t.xml"],
                  ["compile", "-t", "nft", "--table", "a b", *PORT, "t", "t.xml"], ["compile", "-t", "nft", "--table", "", *PORT, "t", "t.xml"],
                  ["compile", "-t", "nft", "--max-product=x", *PORT, "t", "t.xml"], ["compile", "-t", "nft", "--max-memory=x", *PORT, "t", "t.xml"],
                  ["compile", "--dump=emit", "t.xml"], ["fields", "--format=xml"]):
        r = nwfc(*words, status=2)
        lines = r.err.splitlines()
        assert 1 <= len(lines) <= 2 and all(line.startswith("nwfc: ") for line in lines), "%s: %r" % (words, r)
        assert r.out == "", r
    assert "did you mean --lenient" in nwfc("compile", "--lenint", status=2).err


@test
def dump_stands_before_the_command_and_behind():
    write("t.nwf", "filter t {\npackets:\n accept in ct count <= 4\n accept in ct count > 9\nframes:\n drop in icmpv6 type <= 5\n}\nport p mac %s { use t }\n" % MAC)
    for dump in (["--dump=layout"], ["--dump", "layout"]):
        told = {nwfc(*words).out for words in (["compile", *dump, "t.nwf"], ["compile", "t.nwf", *dump], [*dump, "compile", "t.nwf"], [*dump, "t.nwf"])}
        assert len(told) == 1
        for relation in "ct count <= 4", "ct count > 9", "icmp type <= 5":
            assert relation in told.copy().pop(), told
    for words in (["--dump"], ["--dump="], ["--dump=emit", "t.nwf"], ["--dump=layout", "check", "t.nwf"], ["check", "--dump=layout", "t.nwf"]):
        assert "--dump" in nwfc(*words, status=2).err, words


@test
def all_errors_of_a_run_together():
    write("a.xml", "<filter name='a'>" + "".join(rule(element="<tcp dstportstart='p%d'/>" % i) for i in range(20)) + "</filter>")
    write("b.xml", BAD)
    write("c.xml", "<filter name='c'>")
    err = nwfc("check", "a.xml", "b.xml", "c.xml", "missing.xml", status=2).err
    assert err.count("[E112]") == 21 and "[E101]" in err and "[E601]" in err, err


@test
def thousands_of_errors_are_counted():
    write("a.xml", "<filter name='a'>" + "".join(rule(element="<tcp dstportstart='p'/>") for i in range(5000)) + "</filter>")
    err = nwfc("check", "a.xml", status=2).err
    assert err.count("[E112]") == 1000 and "4000 more" in err.splitlines()[-1], err[-300:]


# --- help and manual

@test
def help_and_version():
    for words in (["help"], ["--help"], ["-h"]):
        r = nwfc(*words)
        assert all(c in r.out for c in COMMANDS) and r.err == "", r
    for c in COMMANDS:
        assert nwfc("help", c).out == nwfc(c, "--help").out == nwfc(c, "-h").out
    assert re.fullmatch(r"nwfc \d+\.\d+\.\d+\n", nwfc("--version").out)
    assert nwfc("version").out == nwfc("--version").out


@test
def help_has_every_option_of_the_table():
    rows = re.findall(r'^OPTION\(\w+,\s*"([\w-]+)",\s*(?:\'(\w)\'|0),\s*(?:"([^"]*)"|NULL),\s*"(\w+)"',
                      (ROOT / "nwfc" / "options.def").read_text(), flags=re.M)
    assert len(rows) > 15
    for c in COMMANDS:
        wanted = {"-MD" if name == "MD" else "--" + name for name, _, _, commands in rows if LETTERS[c] in commands}
        assert options_of(c) == wanted, (c, options_of(c) ^ wanted)


@test
def help_has_the_forms_of_the_command():
    for c in COMMANDS:
        forms = re.search(r"--format=FORMAT +(?:of findings: )?(.*)", nwfc(c, "--help").out)
        if forms:
            said = nwfc(c, "--format=no-such", *([] if c == "fields" else ["x", "y"]), status=2).err
            assert "--format wants " + forms.group(1) in said, (c, forms.group(1), said)


def manual(page):
    path = ROOT / "man" / page
    if not path.exists():
        raise Skip("there is no man/" + page)
    p = subprocess.run(["man", "-E", "UTF-8", "-P", "cat", "-l", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       env=dict(os.environ, MANWIDTH="200", MAN_KEEP_FORMATTING=""))
    assert p.returncode == 0, p.stderr
    return re.sub(r".\x08", "", p.stdout).replace("\u2010", "-").replace("\u2212", "-")


@test
def manual_agrees_with_help():
    text = manual("nwfc.1")
    given = set().union(*(options_of(c) for c in COMMANDS))
    written = set(re.findall(r"(?<![\w-])(--[a-z][\w-]*|-MD)\b", text))
    assert given <= written, "not in nwfc(1): %s" % (given - written)
    others = {"--noflush", "--help", "--version", "--legacy", "--test", "--dump-po", "--wait"}
    assert written <= given | others, "only in nwfc(1): %s" % (written - given - others)
    for c in COMMANDS:
        assert re.search(r"\b%s\b" % c, text)


@test
def manual_says_for_each_option_which_commands_have_it():
    source = (ROOT / "man" / "nwfc.1").read_text()
    for name, commands in re.findall(r"^\.It (?:Fl \w , )?Fl -?([\w-]+)[^\n]*\n\.Bq ([\w, ]+)", source, flags=re.M):
        option = "-MD" if name == "MD" else "--" + name
        have = {c for c in COMMANDS if option in options_of(c)}
        assert commands.strip() in ("all",) or set(commands.split(", ")) == have, (option, commands, have)


@test
def manual_has_every_finding():
    codes = re.findall(r"^KIND\((\w+),", (ROOT / "ir" / "findings.def").read_text(), flags=re.M)
    text = manual("nwfc.1") + manual("nwfc.5")
    missing = [c for c in codes if c not in text]
    assert not missing, "no manual page has %s" % " ".join(missing)


@test
def manual_has_every_attribute():
    text = manual("nwfc.5")
    rows = set(re.findall(r"\"(\w[\w-]*)\"", nwfc("fields", "--format=json").out))
    names = {n for n in re.findall(r"ROW\(\"([\w-]+)\"", (ROOT / "ir" / "fields.def").read_text())}
    missing = [n for n in sorted(names) if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(n), text)]
    assert names <= rows, names - rows
    assert not missing, "nwfc(5) lacks %s" % " ".join(missing)


@test
def fields_is_json():
    data = json.loads(nwfc("fields", "--format=json").out)
    assert data
    assert len(nwfc("fields").out.splitlines()) > 100


# --- standard input and output

@test
def dash_is_standard_input_and_output():
    a = nwfc("compile", "-t", "nft", *PORT, "t", "-", text=GOOD)
    b = nwfc("compile", "-t", "nft", "-o", "-", *PORT, "t", "-", text=GOOD)
    assert a.out == b.out and "25" in a.out
    assert "<stdin>:1:" in nwfc("check", "-", text=BAD, status=2).err
    write("-odd.xml", GOOD)
    nwfc("check", "--", "-odd.xml")
    nwfc("check", "./-odd.xml")


@test
def a_pipe_and_a_device_are_written_to():
    write("t.xml", GOOD)
    nwfc("compile", "-t", "nft", "-o", "/dev/null", *PORT, "t", "t.xml")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo("pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    nwfc("compile", "-t", "nft", "-o", "pipe", *PORT, "t", "t.xml")
    assert b"table bridge" in reader.communicate()[0]
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


@test
def a_closed_pipe_is_an_error_and_no_crash():
    write("t.xml", "<filter name='t'>" + rule(element="<tcp srcportstart='$A[@1]' dstportstart='$A[@2]'/>") + "</filter>")
    write("p.xml", BINDING % ("vnet0", "t", "".join("<parameter name='A' value='%d'/>" % i for i in range(500))))
    p = subprocess.Popen("exec %s compile -t iptables t.xml p.xml 2>err | head -c 10" % nwfc.program, shell=True, stdout=subprocess.PIPE)
    assert len(p.communicate(timeout=60)[0]) == 10
    assert "Sanitizer" not in Path("err").read_text()


# --- files

@test
def output_file_stays_when_a_compile_fails():
    write("good.xml", GOOD)
    write("bad.xml", BAD)
    write("lossy.xml", filter_xml("t", rule(element="<tcp ipset='s'/>")))
    for command in (["compile", "-t", "nft"], ["compile", "-t", "xtables"], ["compile", "-t", "all"], ["remove", "-t", "nft"]):
        out = "dir" if "all" in command else "file"
        nwfc(*command, "-o", out, *PORT, "t", "good.xml")
        files = {p: p.read_bytes() for p in (Path("dir").iterdir() if out == "dir" else [Path("file")])}
        assert files
        nwfc(*command, "-o", out, *PORT, "t", "bad.xml", status=2)
        if command[-1] in ("nft", "all") and command[0] == "compile":
            nwfc(*command, "-o", out, *PORT, "t", "lossy.xml", status=1)
        assert {p: p.read_bytes() for p in files} == files
        assert sorted(os.listdir(".")) == sorted({"good.xml", "bad.xml", "lossy.xml", "file", "dir"} & set(os.listdir("."))), os.listdir(".")
        assert not [f for f in os.listdir("dir") if f.count(".") > 1] if os.path.isdir("dir") else True


@test
def no_output_file_comes_to_be_when_a_compile_fails():
    write("bad.xml", BAD)
    nwfc("compile", "-t", "nft", "-o", "new", "-MD", *PORT, "t", "bad.xml", status=2)
    assert os.listdir(".") == ["bad.xml"], os.listdir(".")


@test
def all_targets_into_a_folder():
    write("t.xml", GOOD)
    nwfc("compile", "-t", "all", "-o", "dir", *PORT, "t", "t.xml")
    nwfc("compile", "-t", "all", "-o", "dir", *PORT, "t", "t.xml")
    names = sorted(os.listdir("dir"))
    assert len(names) == len(TARGETS) + len(["apply", "remove"]), names
    assert os.access(next("dir/" + n for n in names if "xtables" in n or n.endswith(".sh")), os.X_OK)
    for t in TARGETS:
        alone = nwfc("compile", "-t", t, *PORT, "t", "t.xml").out
        assert any(Path("dir", n).read_text() == alone for n in names), t
    nwfc("compile", "-t", "nft", "-t", "ebtables", "-o", "two", *PORT, "t", "t.xml")
    assert len(os.listdir("two")) == 2


@test
def output_that_can_not_be_written():
    write("t.xml", GOOD)
    os.mkdir("dir")
    write("file", "x")
    for out in ("/dev/full", "nowhere/x", "file/x", "dir", "/proc/nwfc-no"):
        for t in ("nft", "xtables", "iptables"):
            err = nwfc("compile", "-t", t, "-o", out, *PORT, "t", "t.xml", status=2).err
            assert "[E602]" in err, err
    assert "[E602]" in nwfc("compile", "-t", "all", "-o", "file", *PORT, "t", "t.xml", status=2).err
    with open("/dev/full", "w") as full:
        p = subprocess.run([nwfc.program, "compile", "-t", "nft", *PORT, "t", "t.xml"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert p.returncode == 2 and "[E602]" in p.stderr, p
    with open("/dev/full", "w") as full:
        for words in (["list"], ["fields"], ["compile", "--help"], ["compile", "--dump=parse", "t.xml"], ["version"]):
            p = subprocess.run([nwfc.program, *words], stdout=full, stderr=subprocess.PIPE, text=True)
            assert p.returncode == 2, (words, p)
    assert os.listdir("dir") == []


@test
def a_full_disk_leaves_the_old_file():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("mounting a small disk needs root")
    write("t.xml", "<filter name='t'>" + rule(element="<tcp srcportstart='$A[@1]' dstportstart='$A[@2]'/>") + "</filter>")
    write("p.xml", BINDING % ("vnet0", "t", "".join("<parameter name='A' value='%d'/>" % i for i in range(300))))
    os.mkdir("disk")
    script = """mount -t tmpfs -o size=1m none disk && echo old >disk/out &&
    %s compile -t iptables -o disk/out t.xml p.xml 2>err; echo $?; cat disk/out; ls disk""" % nwfc.program
    p = subprocess.run(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert p.stdout == "2\nold\nout\n", p.stdout
    assert "[E602]" in Path("err").read_text()


@test
def dependency_file_drives_make():
    write("lib/one.xml", filter_xml("used", rule(element="<arp/>")))
    write("lib/two file.xml", filter_xml("other", ""))
    write("t.xml", filter_xml("t", "<filterref filter='used'/>"))
    write("port.xml", BINDING % ("vnet0", "t", ""))
    write("Makefile", "out.nft: ; echo run >>log; '%s' compile -t nft -MD -o $@ -I lib t.xml port.xml\n-include out.nft.d\n" % nwfc.program)

    def make():
        subprocess.run(["make", "-s"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return Path("log").read_text().count("run")
    assert make() == 1
    text = Path("out.nft.d").read_text()
    assert text.startswith("out.nft") and "port.xml" in text and "t.xml" in text and "lib/one.xml" in text, text
    assert make() == 1
    for i, name in enumerate(("lib/one.xml", "t.xml", "port.xml", "lib/two file.xml")):
        os.utime(name, (2e9 + i, 2e9 + i))
        assert make() == 2 + i, (name, text)
        os.utime("out.nft", (2e9 + i, 2e9 + i))
        os.utime(name, (1e9, 1e9))
    n = make()
    write("lib/one.xml", filter_xml("used", rule(element="<rarp/>")))
    os.utime("lib/one.xml", (2.1e9, 2.1e9))
    assert make() == n + 1
    assert "0x8035" in Path("out.nft").read_text()


def remade(makefile, *changes):
    """make does nothing again, and the recipe once after each change."""
    write("Makefile", makefile)

    def make():
        p = subprocess.run(["make", "-s"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert p.returncode == 0, (p.stdout, [f.read_text() for f in Path(".").rglob("*.d")])
        return Path("log").read_text().count("run")
    n = make()
    for when, change in enumerate(changes, 1):
        for path in Path(".").rglob("*"):
            os.utime(path, (1e9, 1e9))
        for path in [Path("out"), *Path("out").glob("*")]:
            os.utime(path, (1.5e9, 1.5e9))
        assert make() == n, "made again for nothing"
        change()
        assert make() == n + 1, (change, [f.read_text() for f in Path(".").rglob("*.d")])
        n += 1


@test
def dependency_file_for_each_kind_of_input():
    """Filters of -I, nwf with includes, ports, domains, networks, leases: what changes, comes or goes counts."""
    write("lib/one.xml", filter_xml("used", rule(element="<arp/>")))
    write("lib/unused.xml", filter_xml("unused", rule(element="<arp/>")))
    write("base/all.nwf", "filter base {\nframes:\n\tdrop out rarp\n}\n")
    write("top.nwf", 'include "base/all.nwf"\nfilter t {\n\tuse used\n\tuse base\n}\n')
    write("ports/p.xml", BINDING % ("vnet0", "t", ""))
    write("domain.xml", """<domain type='kvm'><name>g</name><devices><interface type='bridge'><mac address='52:54:00:12:34:57'/>
<target dev='vnet1'/><filterref filter='t'/></interface></devices></domain>""")
    write("net.xml", "<network><name>n</name><bridge name='virbr9'/><forward mode='nat'/><ip address='10.9.0.1' prefix='24'/></network>")
    write("leases", "nwfc-leases 1\n")
    makefile = ("out: ; echo run >>log; '%s' compile -q -t nft -MD -o $@ -I lib --leases leases --now 1 top.nwf ports domain.xml net.xml\n"
                "-include out.d\n" % nwfc.program)
    remade(makefile, *[lambda name=name: os.utime(name, (1.9e9, 1.9e9))
                       for name in ("lib/one.xml", "lib/unused.xml", "base/all.nwf", "top.nwf", "ports/p.xml", "domain.xml", "net.xml", "leases")],
           lambda: write("ports/q.xml", BINDING % ("vnet2", "t", "")), lambda: os.unlink("ports/q.xml"),
           lambda: os.unlink("lib/unused.xml"), lambda: write("lib/late.xml", filter_xml("late", "")))


@test
def dependency_file_of_several_targets_and_without_a_loop():
    """An output among the inputs does not make the directory newer than itself; standard input is no file."""
    write("in/t.xml", GOOD)
    makefile = "out/nwfc.nft: ; echo run >>log; '%s' compile -q -t all -MD -o out in %s\n-include out.d\n" % (nwfc.program, " ".join([*PORT, "t"]))
    remade(makefile, lambda: os.utime("in/t.xml", (1.9e9, 1.9e9)))
    assert Path("out.d").read_text().split(":")[0].split() == ["out/" + f for f in ("ebtables", "iptables", "ip6tables", "xtables", "nwfc.nft", "bridge")]
    nwfc("compile", "-q", "-t", "nft", "-MD", "-o", "in/out.nft", "in", *PORT, "t")
    assert Path("in/out.nft.d").read_text() == "in/out.nft : \\\n  in/t.xml\nin/t.xml:\n"
    nwfc("compile", "-q", "-t", "nft", "-MD", "-o", "o", "-", *PORT, "t", text=GOOD)
    assert Path("o.d").read_text() == "o :\n"


@test
def dependency_file_with_odd_names():
    for name in ("a $b#c:d'e.xml", "back\\ \\\\#slash\\.xml", "100%.xml", "%.xml", "\u00e4&~*?[]!(),@.xml", "$(x)${y}.xml"):
        write(name, GOOD)
        nwfc("compile", "-t", "nft", "-MD", "-o", "out", *PORT, "t", "./" + name)
        write("Makefile", "all: out\n\ninclude out.d\nout: ; touch out made\n")
        os.utime("out", (1.5e9, 1.5e9))
        os.utime(name, (1e9, 1e9))
        subprocess.run(["make", "-s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert not os.path.exists("made"), (name, Path("out.d").read_text())
        os.utime(name, (1.9e9, 1.9e9))
        subprocess.run(["make", "-s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert os.path.exists("made"), (name, Path("out.d").read_text())
        os.unlink("made")
        os.unlink(name)
        p = subprocess.run(["make", "-s"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert p.returncode == 0, (name, p.stdout)
        os.unlink("made")
    for name in ("a;b.xml", "a|b.xml", "a=b.xml", "a\nb.xml"):
        write(name, GOOD)
        assert "make can not read" in nwfc("compile", "-t", "nft", "-MD", "-o", "out", *PORT, "t", name, status=2).err


# --- what is read

@test
def filters_by_name_not_by_file():
    write("lib/x.xml", filter_xml("wanted", rule(element="<arp/>")))
    write("lib/wanted.xml", filter_xml("other", rule(element="<rarp/>")))
    write("lib/.hidden.xml", "broken")
    write("lib/note.txt", "broken")
    out = nwfc("compile", "-t", "ebtables", "-I", "lib", *PORT, "wanted").out
    assert "0x0806" in out and "0x8035" not in out


@test
def folders_have_filters_of_both_languages():
    write("lib/a.nwf", "filter web {\nframes:\n\tpass in arp\n}\nport other mac 52:54:00:00:00:09 { use web }\n")
    write("lib/b.xml", filter_xml("rest", rule(element="<rarp/>")))
    write("t.nwf", "include \"lib/a.nwf\"\nport vnet0 mac %s { use web; use rest }\n" % MAC)
    out = nwfc("compile", "-t", "ebtables", "-I", "lib", *PORT, "web").out
    assert "0x0806" in out and "other" not in out
    nwfc("compile", "-t", "nft", "-I", "lib", "t.nwf", "-o", "out", "-MD")
    told = Path("out.d").read_text(encoding="utf-8").replace("\\\n", "").split("\n")[0].split()
    assert told == ["out", ":", "t.nwf", "lib/a.nwf", "lib/b.xml", "lib"], told
    assert "there is no filter 'wbe'" in nwfc("compile", "-t", "nft", "-I", "lib", *PORT, "wbe", status=2).err


@test
def inputs_win_over_folders_and_those_over_stock_filters():
    write("lib/x.xml", filter_xml("allow-arp", rule(element="<vlan/>")))
    assert "0x0806" in nwfc("compile", "-t", "ebtables", *PORT, "allow-arp").out
    assert "0x8100" in nwfc("compile", "-t", "ebtables", "-I", "lib", *PORT, "allow-arp").out
    write("x.xml", filter_xml("allow-arp", rule(element="<rarp/>")))
    out = nwfc("compile", "-t", "ebtables", "-I", "lib", *PORT, "allow-arp", "x.xml").out
    assert "0x8035" in out and "0x8100" not in out


@test
def a_folder_is_all_its_files():
    write("d/a.xml", filter_xml("a", "<filterref filter='b'/>"))
    write("d/b.xml", filter_xml("b", rule(element="<arp/>")))
    write("d/p.xml", BINDING % ("vnet7", "a", ""))
    assert "vnet7" in nwfc("compile", "-t", "ebtables", "d").out


@test
def port_names_a_nameless_interface():
    write("i.xml", "<interface type='bridge'><mac address='%s'/><filterref filter='allow-arp'/></interface>" % MAC)
    assert "tap9" in nwfc("compile", "-t", "ebtables", "-p", "tap9", "i.xml").out


DOMAIN = """<domain type='kvm'%s><name>g</name><devices>
<interface type='network'><mac address='52:54:00:12:34:%s'/><source network='lan'/>%s</interface></devices></domain>"""
LAN = "<network><name>lan</name><bridge name='virbr7'%s/></network>"


@test
def a_machine_that_does_not_run_is_checked_all_the_same():
    """Nothing can be written for an interface without a name, and all else about it can be wrong."""
    write("d.xml", DOMAIN % ("", "56", "<filterref filter='clean-trafic'/>"))
    assert "[E301]" in nwfc("check", "d.xml", status=2).err
    write("d.xml", DOMAIN % ("", "56", "<filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.300'/>"
                             "<parameter name='PORT' value='1'/></filterref>"))
    for command in (["check"], ["compile", "-t", "nft", "-o", "out"]):
        err = nwfc(*command, "d.xml", status=2).err
        assert "[W207]" in err and "[W313]" in err and "port '52:54:00:12:34:56': $IP value" in err, err
    write("f.xml", filter_xml("f", rule(element="<all ipset='x' ipsetflags='src'/>")))
    write("d.xml", DOMAIN % ("", "56", "<filterref filter='f'/>"))
    assert "[E501]" in nwfc("compile", "-t", "nft", "-o", "out", "f.xml", "d.xml", status=1).err
    assert nwfc("compile", "-t", "iptables", "f.xml", "d.xml").out.count("-A nwfc-o/") == 0


@test
def one_name_for_two_interfaces_is_an_error():
    for i in (1, 2):
        write("d%d.xml" % i, DOMAIN % ("", "5%d" % i, "<filterref filter='allow-arp'/>"))
    err = nwfc("check", "--port", "tap9", "d1.xml", "d2.xml", status=2).err
    assert err.count("error:") == 1 and "d2.xml:2:1: error: --port names 'tap9'" in err, err


@test
def counted_names_are_those_of_machines_that_do_not_run():
    """The name of --port, and that of a machine that runs, is the one that libvirt took."""
    target = "<target dev='vnet3'/><filterref filter='allow-arp'/>"
    write("n.xml", LAN % "")
    for document, words, told in ((DOMAIN % ("", "56", target), [], True), (DOMAIN % (" id='4'", "56", target), [], False),
                                  (DOMAIN % ("", "56", "<filterref filter='allow-arp'/>"), ["--port", "vnet3"], False)):
        assert ("[N264]" in nwfc("check", *words, "n.xml", write("d.xml", document)).err) == told, document


@test
def what_bridges_are_told_is_something_to_do():
    """A document without a filter is worth a warning only when nothing else comes of it, nor is it for bridges."""
    write("d.xml", DOMAIN % ("", "56", "<target dev='web0'/>"))
    write("r.xml", DOMAIN % ("", "57", "<filterref filter='allow-arp'/>"))
    for network, target, told in (("", "nft", True), ("", "all", True), ("", "bridge", False),
                                  (" macTableManager='libvirt'", "nft", True), (" macTableManager='libvirt'", "all", False),
                                  (" macTableManager='libvirt'", "bridge", False)):
        write("n.xml", LAN % network)
        err = nwfc("compile", "-t", target, "-o", "out-" + target, "n.xml", "d.xml").err
        assert ("[W208]" in err) == told, (network, target, err)
    assert nwfc("compile", "-t", "bridge", "n.xml", "r.xml").err == ""


@test
def same_bytes_whatever_the_order_of_folders_is():
    for i in range(50):
        write("d/f%d.xml" % (i * 37 % 50), filter_xml("f%d" % i, rule(element="<tcp dstportstart='%d'/>" % (i + 1))))
        write("p/%d.xml" % (i * 31 % 50), BINDING % ("vnet%d" % i, "f%d" % i, ""))
    first = nwfc("compile", "-t", "nft", "-I", "d", "p").out
    os.rename("d", "d2")
    os.mkdir("d")
    for f in sorted(os.listdir("d2"), reverse=True):
        os.rename("d2/" + f, "d/" + f)
    assert nwfc("compile", "-t", "nft", "-I", "d", "p").out == first


@test
def no_message_on_a_pipe_while_working():
    write("t.xml", GOOD)
    assert nwfc("compile", "-t", "nft", *PORT, "t", "t.xml").err == ""


@test
def nothing_is_read_from_the_network_or_other_files():
    write("secret", "SECRET")
    write("t.xml", "<!DOCTYPE filter [<!ENTITY x SYSTEM 'secret'>]><filter name='&x;'/>")
    r = nwfc("check", "t.xml", status=2)
    assert "SECRET" not in r.err and "[E102]" in r.err
    if not any(os.access(os.path.join(d, "strace"), os.X_OK) for d in os.environ["PATH"].split(":")):
        return
    write("u.xml", "<filter xmlns:xi='http://www.w3.org/2001/XInclude' name='t'><xi:include href='secret' parse='text'/></filter>")
    subprocess.run(["strace", "-f", "-o", "trace", nwfc.program, "check", "--lenient", "u.xml", "t.xml"], stderr=subprocess.DEVNULL)
    text = Path("trace").read_text()
    assert '"secret"' not in text and "socket(" not in text


# --- building

def fake_system(missing, uid, sudo):
    """Programs that say what the machine is like, and write down what is asked of apt."""
    write("bin/dpkg-query", "#!/bin/sh\nfor p; do :; done\ncase ' %s ' in *\" $p \"*) exit 1;; esac\necho 'install ok installed'\n" % missing)
    write("bin/id", "#!/bin/sh\necho %d\n" % uid)
    write("bin/apt-get", "#!/bin/sh\necho \"$*\" >>apt.log\n")
    if sudo is not None:
        write("bin/sudo", "#!/bin/sh\n[ \"$1\" = -n ] && exit %d\necho \"sudo $*\" >>apt.log\n" % (not sudo))
    for f in os.listdir("bin"):
        os.chmod("bin/" + f, 0o755)
    tools = [f for d in ("/bin", "/usr/bin") for f in ("sh", "grep", "echo", "true", "cat", "command") if os.path.exists(d + "/" + f)]
    for f in tools:
        if not os.path.exists("bin/" + f):
            os.symlink([d for d in ("/bin/", "/usr/bin/") if os.path.exists(d + f)][0] + f, "bin/" + f)
    p = subprocess.run(["bin/sh", str(ROOT / "scripts" / "install-packages.sh"), "one", "two", "three"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       env={"PATH": os.path.abspath("bin")})
    return p.returncode, p.stdout, Path("apt.log").read_text() if os.path.exists("apt.log") else ""


@test
def nothing_missing_leaves_apt_alone():
    for uid in (0, 1000):
        assert fake_system("", uid, True) == (0, "", "")


@test
def missing_packages_without_root_are_one_line():
    for sudo in (None, False):
        status, text, asked = fake_system("two three", 1000, sudo)
        assert status != 0 and asked == "", (status, text, asked)
        assert [line.strip() for line in text.splitlines() if "apt-get" in line] == ["apt-get install -y two three"], text


@test
def missing_packages_are_installed():
    status, text, asked = fake_system("two", 0, None)
    assert status == 0 and "install" in asked and " two" in asked and " one" not in asked, (status, text, asked)
    os.unlink("apt.log")
    status, text, asked = fake_system("two", 1000, True)
    assert status == 0 and asked.startswith("sudo ") and " two" in asked, (status, text, asked)


# --- fields, list

@test
def list_knows_stock_filters():
    out = nwfc("list").out
    for name in [p.stem for p in (ROOT / "examples" / "filters").glob("*.xml")]:
        assert re.search(r"^%s\t" % name, out, flags=re.M), name


@test
def lenient_turns_unknown_into_warnings():
    write("t.xml", "<filter name='t' x='1'><y/>" + rule(element="<tcp z='2' dstportstart='25'/>") + "</filter>")
    nwfc("check", "t.xml", status=2)
    assert nwfc("check", "--lenient", "t.xml").err.count("warning") == 3
    assert nwfc("check", "--lenient", "--quiet", "t.xml").err == ""


# --- how findings look

def on_a_terminal(**environment):
    """What `check t.xml` prints to a terminal that this process owns."""
    ours, theirs = os.openpty()
    p = subprocess.Popen([nwfc.program, "check", "t.xml"], stderr=theirs,
                         env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment})
    os.close(theirs)
    text = b""
    try:
        while part := os.read(ours, 65536):
            text += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    p.wait()
    return text.decode()


@test
def colours_on_a_terminal_alone():
    write("t.xml", BAD)
    assert "\33[1;31merror:\33[0m" in on_a_terminal()
    plain = nwfc("check", "t.xml", status=2).err
    assert "\33" not in plain
    for quiet in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
        assert on_a_terminal(**quiet).replace("\r", "") == plain, quiet


@test
def carets_stand_under_the_place_whatever_is_before_it():
    for before, columns in ("\t", "\t"), ("\u65e5\u672c", " " * 4), ("e\u0301", " "), ("\u00e9", " "):
        write("t.xml", "<filter name='t'>\n<!--%s--><rule acton='drop'/></filter>" % before)
        head, _, mark = nwfc("check", "t.xml", status=2).err.split("\n")[:3]
        shown = len((" " * 4 + columns + "--><rule ").expandtabs(8)) + 1
        assert head.startswith("t.xml:2:%d: " % shown), (before, head)
        assert mark == "       | " + " " * 4 + columns + " " * len("--><rule ") + "^" * 5, (before, mark)
    write("t.xml", "<filter name='t'>\n<rule action='\u65e5\u672c' direction='in'/></filter>")
    assert nwfc("check", "t.xml", status=2).err.split("\n")[2].endswith(" ^^^^")


@test
def check_tells_programs_in_json():
    write("t.xml", BAD)
    r = nwfc("check", "--format=json", "t.xml", status=2)
    told = json.loads(r.out)
    finding = told["findings"][0]
    assert r.err == "" and told["version"] == 1 and told["errors"] == 1
    assert finding["id"] == "E112" and finding["severity"] == "error" and finding["file"] == "t.xml"
    assert GOOD[finding["offset"]:][:2] == "25" and finding["length"] == 1
    write("t.xml", filter_xml("t", rule(element="<tcp dstportstart='\\&quot;&#9;\u65e5'/>")))
    r = nwfc("check", "--format=json", "t.xml", status=2)
    assert '\\"\t\u65e5' in json.loads(r.out)["findings"][0]["text"], r
    write("ok.xml", GOOD)
    assert json.loads(nwfc("check", "--format=json", "ok.xml").out)["findings"] == []
    nwfc("check", "--format=yaml", "ok.xml", status=2)
    r = nwfc("compile", "-t", "nft", "--format=json", *PORT, "t", "t.xml", status=2)
    assert r.out == "" and json.loads(r.err)["errors"] == 1
    r = nwfc("compile", "-t", "nft", "--format=sarif", *PORT, "t", "ok.xml")
    assert "table bridge nwfc" in r.out and json.loads(r.err)["runs"][0]["results"] == []


@test
def json_stays_json_whatever_a_name_is():
    name = "x\udcff\n\"\\.xml"
    with open(os.fsencode(name), "w") as f:
        f.write(BAD)
    assert json.loads(nwfc("check", "--format=json", name, status=2).out)["findings"][0]["file"] == "x\ufffd\n\"\\.xml"
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            p = subprocess.run([nwfc.program, "check", "--format=json", name], stdout=full, stderr=subprocess.PIPE)
        assert p.returncode == 2 and b"standard output" in p.stderr


@test
def check_tells_code_hosts_in_sarif():
    os.mkdir("a b")
    write("a b/t.xml", BAD)
    paths = "a b/t.xml", "./a b/t.xml", os.path.abspath("a b/t.xml")
    told = [json.loads(nwfc("check", "--format=sarif", p, status=2).out) for p in paths]
    run = told[0]["runs"][0]
    rules, result = run["tool"]["driver"]["rules"], run["results"][0]
    assert told[0]["version"] == "2.1.0" and told[0] == told[1] == told[2]
    assert [r["id"] for r in rules] == sorted({r["id"] for r in rules}, key=[r["id"] for r in rules].index)
    assert result["ruleId"] == rules[result["ruleIndex"]]["id"] == "E112" and result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/t.xml", "uriBaseId": "%SRCROOT%"}
    region, line = place["region"], BAD.split("\n")[place["region"]["startLine"] - 1]
    assert line[region["startColumn"] - 1:region["endColumn"] - 1] == "x"
    write("a b/t.xml", "<!-- moved -->\n\n" + BAD)
    moved = json.loads(nwfc("check", "--format=sarif", "a b/t.xml", status=2).out)["runs"][0]["results"][0]
    assert moved["partialFingerprints"] == result["partialFingerprints"] and moved != result


@test
def every_finding_is_explained():
    codes = re.findall(r"^KIND\((\w+), *\"([\w-]+)\"", (ROOT / "ir" / "findings.def").read_text(), flags=re.M)
    lines = nwfc("explain").out.splitlines()
    assert [(line.split()[0], line.split()[1]) for line in lines] == codes
    for code, name in codes:
        text = nwfc("explain", code.lower()).out
        assert text.startswith("%s %s: " % (code, name)) and len(text.splitlines()) > 2, code
        assert nwfc("explain", name).out == text
        assert max(len(line.expandtabs(8)) for line in text.splitlines()[1:]) <= 90, code
    assert nwfc("explain", "E101", "E102").out.count("\nE102 doctype: ") == 1
    assert "did you mean value?" in nwfc("explain", "valeu", status=2).err


# --- completion

def completed(line):
    """What bash offers for a line."""
    words = line.split(" ")
    script = "source completion; COMP_WORDS=(%s); COMP_CWORD=%d; _nwfc; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
        " ".join("'%s'" % w for w in words), len(words) - 1)
    return subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


@test
def nothing_to_check_is_an_error():
    """An empty variable in a CI script must not pass."""
    assert "[E204]" in nwfc("check", status=2).err
    write("t.nwf", "filter f {}\n")
    for words in (["-D", "IP=10.0.0.1"], ["--mac", "52:54:00:12:34:56"]):
        for command in (["check"], ["compile", "-t", "nft", "-o", "out"]):
            assert "--filter" in nwfc(*command, *words, "t.nwf", status=2).err, (command, words)


@test
def an_include_of_xml_is_one_error():
    write("f.xml", filter_xml("f", rule()))
    err = nwfc("check", write("t.nwf", 'include "f.xml"\n'), status=2).err
    assert err.count("error:") == 1 and "f.xml is XML" in err, err


@test
def bash_completes_commands_options_and_words():
    write("completion", nwfc("completion", "bash").out)
    assert completed("nwfc comp") == ["compile", "completion"]
    assert set(completed("nwfc check --")) == {o + ("=" if o in ARGUMENT else "") for o in options_of("check") if o != "-MD"}
    assert completed("nwfc compile -t ip") == ["iptables", "ip6tables"]
    assert completed("nwfc convert --to = n") == ["nwf"]
    assert completed("nwfc help comp") == ["compile", "completion"]
    assert completed("nwfc explain E12") == ["E12%d" % i for i in range(10)]
    assert completed("nwfc completion f") == ["fish"]
    for words in "--filter = clean", "--filter clean", "-f clean":
        assert completed("nwfc compile -t nft %s" % words) == ["clean-traffic-dual", "clean-traffic-gateway", "clean-traffic"]
    assert "--output=" in completed("nwfc explain --")


@test
def every_shell_knows_every_option():
    for shell in "bash", "zsh", "fish":
        text = nwfc("completion", shell).out
        for c in COMMANDS:
            assert re.search(r"\b%s\b" % c, text), (shell, c)
            for o in options_of(c):
                assert o.lstrip("-") in text, (shell, c, o)
        assert "E101 E102" in text and "no-arp-spoofing" in text, shell
    nwfc("completion", "tcsh", status=2)


@test
def vim_knows_every_word():
    text = nwfc("completion", "vim").out
    for w in "filter port frames packets pass accept in inout ether icmpv6 saddr root-priority stateless".split():
        assert re.search(r"[ (|]%s\b" % re.escape(w), text), w


# --- trace

TRACE = [*PORT, "clean-traffic", "-D", "IP=10.0.0.1"]
FRAMES = [T.arp((10, 0, 0, 1)), T.arp((10, 0, 0, 9)), T.arp((10, 0, 0, 9)), T.arp((10, 0, 0, 1), T.PEER)]


def traced(*words, **more):
    return json.loads(nwfc("trace", "--format=json", *TRACE, *words, **more).out)


@test
def a_capture_is_read_in_every_form():
    forms = {"le.pcap": T.pcap(FRAMES), "be.pcap": T.pcap(FRAMES, ">"), "nano.pcap": T.pcap(FRAMES, magic=0xA1B23C4D),
             "le.pcapng": T.pcapng(FRAMES), "be.pcapng": T.pcapng(FRAMES, ">")}
    for name, data in forms.items():
        packets = traced(write(name, data))["packets"]
        assert [p["verdict"] for p in packets] == ["pass", "drop", "drop", "pass"], (name, packets)
        assert [p["side"] for p in packets] == ["out", "out", "out", "in"], name
        assert [p["number"] for p in packets] == [1, 2, 3, 4] and packets[1]["time_us"] == 1700000001000000, name
        assert packets[1]["rule"]["key"] == "no-arp-ip-spoofing#2" and "steps" not in packets[1], packets[1]
    assert traced("-", text=forms["le.pcap"]) == traced("le.pcap")
    assert traced("--steps", "le.pcap")["packets"][1]["steps"]


@test
def a_capture_that_is_none_is_an_error():
    broken = T.pcap(FRAMES)[:-20]
    for name, data in {"x": b"", "text": b"hello, world\n", "cooked.pcap": T.pcap(FRAMES, link=113), "cut.pcap": broken,
                       "head.pcap": T.pcap([])[:10]}.items():
        for words in ((write(name, data),), ("--explain-drops", name)):
            assert "[E813]" in nwfc("trace", *TRACE, *words, status=2).err, name
    assert "[E601]" in nwfc("trace", *TRACE, "--explain-drops", "gone.pcap", status=2).err
    assert traced(write("empty.pcap", T.pcap([])))["packets"] == []


@test
def the_side_is_told_by_the_address_or_by_an_option():
    stranger = T.PEER + bytes.fromhex("525400000007") + FRAMES[0][12:]
    write("s.pcap", T.pcap([stranger, b"\1\2\3", FRAMES[0]]))
    r = traced("s.pcap")
    assert r["skipped"] == 2 and [p["number"] for p in r["packets"]] == [3], r
    out = traced("--side=out", "s.pcap")
    assert out["skipped"] == 1 and out["packets"][0]["rule"]["key"] == "no-mac-spoofing#2", out
    assert traced("--side=in", "s.pcap")["packets"][0]["side"] == "in"
    assert "--side" in nwfc("trace", *TRACE, "s.pcap").out
    nwfc("trace", *TRACE, "--side=up", "s.pcap", status=2)


TWO_PORTS = """filter f {
frames:
  drop out ether saddr != $MAC
packets:
  accept in tcp dport 22
  drop in tcp
  accept out udp
  drop out udp dport 67
}
port vnet0 mac 52:54:00:00:00:01 { use f; }
port vnet1 mac 52:54:00:00:00:02 { use f; }
"""


def read_back(target, *edits, source="t.nwf"):
    """A script of the file with edits: the finding of `verify`, which accepts the script without them."""
    text = nwfc("compile", "-t", target, source).out
    write("script", text)
    nwfc("verify", "-q", "script", source)
    for old, new in edits:
        assert re.search(old, text), old
        text = re.sub(old, new, text, count=1)
    write("script", text)
    r = nwfc("verify", "-q", "script", source, status=None)
    assert r.status, (edits, "is accepted")
    return r.err


@test
def a_script_that_asks_for_the_other_end_is_not_proved():
    """For one port it looks right, when nothing is known of the other one."""
    write("t.nwf", TWO_PORTS)
    for chain in ("packet.in", "f/packet/in"):
        head = r"(chain %s \{\n(\t\ttype .*\n)?)" % chain
        for words in ('iifname "vnet1" accept', "iifname . ether saddr @MAC.ether return", 'iifname "vnet1" goto f/out'):
            assert "depends on both ports" in read_back("nft", (head, r"\1\t\t%s\n" % words)), words
    for target, words in (("ebtables", "-A nwfc-in -i vnet1 -j DROP"), ("iptables", "-A nwfc-in -m physdev --physdev-in vnet1 -j ACCEPT"),
                          ("iptables", "-A nwfc-in -m physdev --physdev-in vnet1 -j RETURN"), ("ip6tables", "-A nwfc-i/vnet0 -m physdev --physdev-in vnet1 -j ACCEPT"),
                          ("iptables", "-A nwfc-o/vnet0 -m physdev --physdev-out vnet1 -j RETURN")):
        assert "depends on both ports" in read_back(target, (r"(?m)^(?=-A nwfc-o)", words + "\n")), words


@test
def a_script_that_skips_who_is_asked_next_is_not_proved():
    write("t.nwf", TWO_PORTS)
    assert "no rule behind it" in read_back("iptables", (r"(-A nwfc-o/vnet0 .*)RETURN", r"\1ACCEPT"))
    assert "no rule behind it" in read_back("iptables", (r"(-A nwfc-h/vnet1 .*)RETURN", r"\1ACCEPT"))
    assert "no rule behind it" in read_back("xtables", (r"(-A nwfc-o/vnet1 .*conntrack.*)RETURN", r"\1ACCEPT"))
    assert "depends on both ports" in read_back("iptables", ("-A nwfc-forward -j nwfc-out\n(.*nwfc-in)\n", r"\1\n-A nwfc-forward -j nwfc-out\n"))


@test
def names_of_interfaces_that_there_are_not_are_unequal():
    write("t.nwf", TWO_PORTS)
    for words in ('oifname != "vnet0" accept', "oifname . ether saddr != @MAC.ether accept"):
        assert "[E802]" in read_back("nft", (r"(chain frame.out \{\n.*\n)", r"\1\t\t%s\n" % words)), words
    assert "[E802]" in read_back("iptables", (r"(?m)^(?=-A nwfc-host -m)", "-A nwfc-host -m physdev ! --physdev-out vnet0 -j DROP\n"))


@test
def what_is_taken_away_again_is_not_proved():
    write("t.nwf", TWO_PORTS)
    assert "takes them away" in read_back("nft", (r"\Z", "delete table bridge nwfc\n"))
    assert "not flushed" in read_back("ebtables", ("-F nwfc-o/vnet0\n", ""))
    assert "not deleted first" in read_back("nft", ("delete table bridge nwfc\n", ""))
    assert "no macvtap" in read_back("nft", (r"\Z", 'add table netdev nwfc\ndelete table netdev nwfc\ntable netdev nwfc {\n\tchain c {\n'
                                             '\t\ttype filter hook ingress devices = { "vnet0" } priority 0; policy drop;\n\t}\n}\n'))


@test
def sets_of_two_tables_are_two():
    write("t.nwf", "filter g {\nframes:\n  pass out ip saddr { 10.0.0.1, 10.0.0.9 }\n  drop out ip\n}\n"
          "port vnet0 mac 52:54:00:00:00:01 { use g; }\nport mv0 mac 52:54:00:00:00:02 { macvtap; use g; }\n")
    named = (r"(table netdev nwfc \{\n)((?s:.*?)ip saddr )\{.*?\}", r"\1\tset x {\n\t\ttypeof ip saddr\n\t\telements = { 10.0.0.1, 10.0.0.9 }\n\t}\n\2@x")
    other = (r"(table bridge nwfc \{\n)((?s:.*?)ip saddr )\{.*?\}", r"\1\tset x {\n\t\ttypeof ip saddr\n\t\telements = { 10.0.0.1, 10.0.0.66 }\n\t}\n\2@x")
    assert "[E802]" in read_back("nft", named, other)


@test
def a_diff_looks_at_what_comes_after_learning():
    """While an address is learned the filter is not in force, but it will be."""
    old = ("filter f {\nframes:\n  drop out ip saddr != $IP\npackets:\n  drop in tcp dport 22\n}\n"
           "port vnet0 mac 52:54:00:00:00:01 { use f; learn any; }\n")
    write("old.nwf", old)
    for wrong, right in (("drop in tcp", "accept in tcp"), ("drop out ip saddr != $IP", "pass out ip saddr != $IP")):
        write("new.nwf", old.replace(wrong, right))
        for form in ("text", "json", "markdown", "html"):
            assert re.search("once its address is known|\"learned\": true", nwfc("diff", "--format", form, "old.nwf", "new.nwf", status=1).out), form
    assert "(2 compared)" in nwfc("diff", "old.nwf", "old.nwf").out


@test
def a_proof_looks_at_what_comes_after_learning():
    text = ("filter f {\nframes:\n  drop out ip saddr != $IP\npackets:\n  accept in tcp dport 22\n}\n"
            "port vnet0 mac 52:54:00:00:00:01 { use f; learn any; }\n")
    write("t.nwf", text + "assert port vnet0 never in tcp dport 22\n")
    r = nwfc("prove", "t.nwf", status=1).out
    assert re.search(r"proven +port vnet0, while", r) and re.search(r"BROKEN +port vnet0, once", r), r
    assert '"learned": true' in nwfc("prove", "--format", "json", "t.nwf", status=1).out
    write("t.nwf", text + "assert port vnet0 never out tcp ip saddr 10.9.8.7\n")
    assert "2 proven" in nwfc("prove", "t.nwf").out


@test
def each_instance_counts_its_connections():
    """Fifteen to port 22 and fifteen to port 23: more than twenty of a range, and not of one of them."""
    text = ("filter f {\npackets:\n  accept in tcp dport $P ct count <= 20\n  accept in ip udp dport 53 ct count <= 20\n  drop in tcp\n}\n"
            "port vnet0 mac 52:54:00:00:00:01 {\n  use f\n  P = 22, 23\n}\n")
    write("each.nwf", text)
    write("all.nwf", text.replace("$P", "22-23"))
    assert "more than 20 connections" in nwfc("diff", "each.nwf", "all.nwf", status=1).out
    for target in ("nft", "iptables", "ip6tables"):
        for mine, other in (("each.nwf", "all.nwf"), ("all.nwf", "each.nwf")):
            write("script", nwfc("compile", "--verify=always", "-t", target, mine).out)
            nwfc("verify", "script", mine)
            assert "[E802]" in nwfc("verify", "script", other, status=1).err
    assert "counts in this set" in read_back("nft", (r"@f/limit3", "@f/limit1"), source="all.nwf")
    assert "depends on both ports" in read_back("nft", (r"\{ oifname . ip saddr", "{ iifname . ip saddr"), source="all.nwf")


@test
def ports_do_not_count_together():
    write("t.nwf", "filter f {\npackets:\n  drop in tcp ct count > 20\n}\n"
          "port vnet0 mac 52:54:00:00:00:01 { use f; }\nport vnet1 mac 52:54:00:00:00:02 { use f; }\n")
    assert "counted together" in read_back("iptables", ("-g nwfc-i/vnet1", "-g nwfc-i/vnet0"))


@test
def counts_of_other_packets_have_other_answers():
    """Many connections, but few to port 22: such a packet passes, though its words can not say so."""
    write("t.nwf", "filter f {\npackets:\n  drop in tcp dport 22 ct count > 20\n  accept in tcp ct count > 20\n  drop in tcp\n}\n"
          "port vnet0 mac 52:54:00:00:00:01 { use f; }\nassert port vnet0 never in tcp dport 22\n")
    assert "1 depending" in nwfc("prove", "t.nwf", status=1).out


@test
def drops_are_summed_up_by_rule():
    write("d.pcap", T.pcap(FRAMES + [bytes(3)], snap=50))
    r = traced("--explain-drops", "d.pcap")
    assert (r["frames"], r["bytes"]) == (5, 243) and r["passed"] == {"frames": 2, "bytes": 120}, r
    assert r["skipped"] == {"frames": 1, "bytes": 3}
    assert [(x["frames"], x["bytes"], x["side"], x["verdict"], x["rule"]["key"]) for x in r["rules"]] == \
        [(2, 120, "out", "drop", "no-arp-ip-spoofing#2")]
    text = nwfc("trace", *TRACE, "--explain-drops", "d.pcap").out
    assert re.search(r"^ +2 +120  out  drop +no-arp-ip-spoofing#2", text, flags=re.M), text


@test
def words_bytes_and_captures_say_the_same():
    write("one.pcap", T.pcap(FRAMES[1:2]))
    words = traced("out arp request spa 10.0.0.9 tpa 10.0.0.254")["packets"][0]
    plain = traced("out", "arp", "request", "spa", "10.0.0.9", "tpa", "10.0.0.254")["packets"][0]
    number = traced("0x" + FRAMES[1].hex())["packets"][0]
    spaced = traced(FRAMES[1].hex(" "))["packets"][0]
    captured = traced("--steps", "one.pcap")["packets"][0]
    assert words == plain == number == spaced, (words, number)
    assert all(captured[k] == words[k] for k in ("packet", "verdict", "rule", "steps")), captured


@test
def a_port_is_given_by_name_or_by_options():
    write("b.xml", BINDING % ("vnet7", "clean-traffic", "<parameter name='IP' value='10.0.0.1'/>"))
    by_name = nwfc("trace", "b.xml", "vnet7", "out arp").out
    assert by_name == nwfc("trace", "b.xml", "--port", "vnet7", "out arp").out
    assert by_name == nwfc("trace", *TRACE, "out arp").out
    assert "did you mean 'vnet7'" in nwfc("trace", "b.xml", "vnet6", "out arp", status=2).err
    for words in ([], ["b.xml"], ["out arp"], ["b.xml", "vnet7", "-t", "pf", "out arp"], ["b.xml", "vnet7", "--format=sarif", "out arp"]):
        assert nwfc("trace", *words, status=2).out == ""


@test
def a_trace_shows_the_lines_of_targets():
    for t in ("ebtables", "xtables", "nft"):
        script = nwfc("compile", "-t", t, *TRACE).out
        r = traced("-t", t, "out arp request spa 10.0.0.9")["packets"][0]
        hits = [s for s in r["steps"] if s["step"] == "hit"]
        assert hits and all(len(s["emitted"]) == 1 and s["emitted"][0]["target"] == t for s in hits), r
        assert all(s["emitted"][0]["text"] in script for s in hits)


@test
def a_trace_of_a_port_that_learns_says_so():
    r = json.loads(nwfc("trace", "-q", "--format=json", *PORT, "clean-traffic", "out arp").out)
    assert r["learning"] is True
    assert "not known" in nwfc("trace", "-q", *PORT, "clean-traffic", "out arp").out
    write("leases", "")
    r = nwfc("trace", "-q", "--leases", "leases", *PORT, "clean-traffic", "out arp").out
    assert "not known" in r


@test
def a_broken_trace_leaves_the_file_as_it_was():
    write("out.txt", "before")
    nwfc("trace", *TRACE, "-o", "out.txt", "out tpc", status=2)
    assert Path("out.txt").read_text() == "before"
    nwfc("trace", *TRACE, "-o", "out.txt", "out tcp")
    assert "clean-traffic#1" in Path("out.txt").read_text()


if __name__ == "__main__":
    sys.exit(main(__doc__))
