#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From scripts, and from what the kernel counted, back to the source.

Every golden case that compiles is compiled again with --annotate, --counters and --source-map:
without comments and counters the scripts are the same bytes, and each line of the map is the line
that the comment above it says. With real tools in a namespace of their own: annotated scripts load,
listings are the same but for comments and counters, and what was sent is counted at the right line.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
sys.path.insert(1, str(HERE.parent / "golden"))
import case as cases  # noqa: E402
import load  # noqa: E402
from harness import MAC, PORT, ROOT, Skip, main, nwfc, test  # noqa: E402

CLASSIC = ("ebtables", "iptables", "ip6tables")
PLACE = re.compile(r"^\t*# (.*):(\d+):(\d+) (.*)$")
WEB = """<filter name='web'><filterref filter='clean-traffic'/>
<rule action='accept' direction='in'><tcp dstportstart='$PORTS' comment='it&quot;s \\ &apos;q&apos; #7: `$(x)`'/></rule>
<rule action='drop' direction='in' priority='1000'><tcp state='NEW'/></rule></filter>
"""
WEB_PORT = [*PORT, "web", "-D", "IP=10.0.0.1", "-D", "IP=10.0.0.2", "-D", "PORTS=80", "-D", "PORTS=443"]


def plain(text):
    """A script without what --annotate and --counters add. Keys stand in front of comments."""
    text = re.sub(r"^\t+# .*\n", "", text, flags=re.M)
    text = re.sub(r"\bcounter (?=(drop|accept|return|continue|reject)\b)", "", text)
    text = re.sub(r' -m comment --comment "(?:[^"\\]|\\.)*"', "", text)
    return re.sub(r' -m comment --comment \S+', "", text)


def golden():
    return [c for c in cases.all_cases() if any(a.startswith("compile -t") for _, a in c.runs)]


def compiled(case, folder, target, more=""):
    case.write_inputs(folder) if not Path(folder, "out").exists() else None
    counters = (" --verify" if more and target in (*CLASSIC, "nft") else "") + (" --counters" if more and target == "nft" else "")
    status, err, out = case.run(nwfc.program, folder, "compile -q -t %s%s%s" % (target, more, counters))
    assert "Sanitizer" not in err, err
    return out if status == 0 else None


def held_to_map(script, path, target):
    """Each line of the map is where it says, and comes from where the comment above it says."""
    lines, m = script.split("\n"), json.loads(Path(path).read_text())
    assert m["version"] == 1 and len(m["scripts"]) == 1 and m["scripts"][0]["target"] == target
    above, table, chain, tool, counts = None, None, None, target, {}
    mapped, seen = {x["line"]: x for x in m["scripts"][0]["lines"]}, set()
    for n, line in enumerate(lines, 1):
        place = PLACE.match(line)
        if place:
            above = place
        elif line.startswith("rules_"):
            tool, other = re.match(r"rules_([a-z0-9]+?)(?:_(\w+))?\(", line).groups()
            table = other or ("nat" if tool == "ebtables" else "filter")
        elif line.startswith("*"):
            table = line[1:]
        elif line.startswith("table "):
            table = line[6:-2]
        elif line.startswith("\tchain "):
            chain = line.split()[1]
        rule = line.startswith("-A ") or (target == "nft" and line.startswith("\t\t") and not place and chain and "type filter" not in line
                                          and "type nat" not in line)
        if target == "nft" and line == "\t}":
            chain = None
        if line.startswith("-A "):
            chain = line.split()[1]
        if rule:
            counts[tool, table, chain] = counts.get((tool, table, chain), 0) + 1
        if n not in mapped:
            continue
        x = mapped[n]
        seen.add(n)
        r = m["rules"][x["rule"]]
        assert rule and above, (n, line)
        assert (r["file"], str(r["line"]), str(r["column"])) == above.groups()[:3], (n, line, r, above.groups())
        assert " > ".join(p["filter"] for p in r["path"]) == above.group(4), (r, above.groups())
        assert (x["tool"], x["table"], x["chain"], x["position"]) == (tool, table, chain, counts[tool, table, chain]), (n, line, x)
        if target == "nft":
            assert 'comment "%s' % r["key"] in line, (line, r)
    assert seen == set(mapped), set(mapped) - seen
    for c in m["scripts"][0]["chains"]:
        assert counts.pop((c["tool"], c["table"], c["chain"])) == c["rules"], c
    assert not counts, counts
    for n, line in enumerate(lines, 1):  # and no rule is forgotten
        if target == "nft" and ' comment "' in line and line.startswith("\t\t"):
            assert n in mapped, (n, line)
    return len(mapped)


@test
def goldens_annotated_are_the_same_and_mapped():
    total = 0
    for case in golden():
        for target in (*CLASSIC, "xtables", "nft"):
            with tempfile.TemporaryDirectory() as folder:
                before = compiled(case, folder, target)
                after = compiled(case, folder, target, " --annotate --source-map map.json")
                assert (before is None) == (after is None), (case.name, target)
                if before is None:
                    continue
                assert plain(before) == plain(after), (case.name, target)
                try:
                    total += held_to_map(after, Path(folder, "map.json"), target)
                except AssertionError as e:
                    raise AssertionError("%s, %s: %s" % (case.name, target, e))
    assert total > 2000, total


def listing_without(text):
    text = re.sub(r' -m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+)', "", text)
    return re.sub(r' comment "[^"]*"|\bcounter packets \d+ bytes \d+ |\bcounter (?=drop|accept|return|continue|reject)', "", load.plain(text))


def loaded(case, lacking):
    """Within a namespace: the listings of the plain and of the annotated scripts."""
    with tempfile.TemporaryDirectory() as folder:
        for target in (*CLASSIC, "nft"):
            before = compiled(case, folder, target)
            if before is None:
                continue
            after, got = compiled(case, folder, target, " --annotate"), []
            if target != "nft":
                load.make_sets({target: before})
            for text in (before, after):
                if target == "nft":
                    load.run(["nft", "-f", "-"], load.without(text, lacking))
                    got.append(listing_without(load.run(["nft", "-s", "list", "ruleset"])))
                    load.run(["nft", "flush", "ruleset"])
                else:
                    load.run([target + "-restore", "--noflush"], text)
                    got.append(listing_without(load.run([target + "-save"])))
                    load.run(["nft", "flush", "ruleset"])
            assert got[0] == got[1], "%s, %s: the listings differ" % (case.name, target)


def inside():
    lacking = load.probe()
    subprocess.run(["nft", "flush", "ruleset"])
    for c in golden():
        try:
            loaded(c, lacking)
        except Exception as e:
            print("fail %s: %s" % (c.name, e))
    print("done")


@test
def annotated_goldens_load_and_are_the_same_in_the_kernel():
    ns = load.namespace()
    if not ns:
        raise Skip("no network namespace with nft can be had here")
    p = subprocess.run([*ns, sys.executable, "-B", __file__, "--nwfc", nwfc.program, "--inside", "load"], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace")
    assert p.stdout == "done\n", p.stdout[-4000:]


# --- where ---------------------------------------------------------------------------------

@test
def where_finds_every_stock_rule():
    for path in sorted((ROOT / "examples" / "filters").glob("*.xml")):
        places = [n for n, line in enumerate(path.read_text().splitlines(), 1) if "<rule " in line]
        for i, n in enumerate(places, 1):
            r = nwfc("where", "%s#%d" % (path.stem, i))
            assert r.out.startswith("examples/filters/%s:%d:3: %s#%d\n" % (path.name, n, path.stem, i)), r
    r = json.loads(nwfc("where", "no-arp-ip-spoofing#2", "--format", "json").out)
    assert r["version"] == 1 and "clean-traffic > no-arp-spoofing > no-arp-ip-spoofing" in [p["path"] for p in r["rules"][0]["paths"]]


@test
def where_knows_ports_and_hostile_names():
    long = "n" * 59 + "\u00e4" * 8
    text = "".join("<filter name=\"%s\"><rule action='drop' direction='in'/><rule action='accept' direction='in'/></filter>" % n
                   for n in ("a#1", "a", "a b'c", long, long + "x"))
    Path("f.xml").write_text("<filters>%s</filters>" % text)
    Path("p.nwf").write_text('port vnet9 mac %s {\n\tuse "a#1"\n}\n' % MAC)
    assert "a#1#2\n" in nwfc("where", "a#1#2", "f.xml").out
    assert nwfc("where", "a#1: whatever stands here", "f.xml").out.startswith("f.xml:1:")
    assert nwfc("where", "a b'c#1", "f.xml").out.count("f.xml:") == 1
    assert "vnet9: a#1" in nwfc("where", "a#1#1", "f.xml", "p.nwf").out
    assert nwfc("where", "n" * 59 + "#1", "f.xml").out.count("f.xml:") == 2  # both are cut to this
    assert "did you mean 'a#1'" in nwfc("where", "a#9", "f.xml", status=2).err
    for key in ("a", "#1", "a#", "a#0", "a#99999999999999999999", ""):
        nwfc("where", key, "f.xml", status=2)


@test
def where_finds_lines_of_scripts():
    Path("web.xml").write_text(WEB)
    nwfc("compile", "-q", "-t", "all", "-o", "out", "--source-map", "map", "web.xml", *WEB_PORT)
    script = Path("out/iptables").read_text().splitlines()
    n = next(i for i, line in enumerate(script, 1) if "--dport 443" in line)
    r = nwfc("where", "out/iptables:%d" % n, "--source-map", "map")
    assert "web.xml:2:1: web#1" in r.out and "PORTS = 443" in r.out and "vnet0: web" in r.out, r
    r = json.loads(nwfc("where", "out/iptables:%d" % n, "--source-map", "map", "--format", "json").out)
    assert r["rules"][0]["values"] == "PORTS = 443", r
    for key in ("out/iptables:1", "out/none:%d" % n, "out/iptables", "out/iptables:0", "x:99999999999999999999"):
        assert "E301" in nwfc("where", key, "--source-map", "map", status=2).err, key


@test
def maps_that_are_none():
    for text in ("", "{", "[]", "{}", '{"version": 2, "rules": [], "scripts": []}', '{"version": 1, "rules": 3, "scripts": []}',
                 "[" * 100000, '{"version": 1, "scripts": [{"lines": [[], 3, {"rule": -1, "line": 1e9}, {"rule": 7}]}, 3]}'):
        Path("map").write_text(text)
        assert "E608" in nwfc("where", "x:1", "--source-map", "map", status=2).err, text[:40]
    odd = {"version": 1, "rules": [3, {"key": 3, "path": [3]}],
           "scripts": [3, {"lines": [3, {"line": 1, "rule": 99999}, {"line": 2, "rule": 0, "values": 3}], "chains": [3, {}]}]}
    Path("map").write_text(json.dumps(odd))
    nwfc("where", "1", "--source-map", "map", status=2)
    nwfc("where", "2", "--source-map", "map", status=None)


# --- counters ---------------------------------------------------------------------------------

@test
def listings_that_are_none():
    Path("web.xml").write_text(WEB)
    for text in ("", "\n", "hello", "{", "{}", '{"nftables": 3}', "*filter\n", "# iptables-save\n-A x\n", b"\x00\xff\xfe"):
        Path("l").write_bytes(text if isinstance(text, bytes) else text.encode())
        assert "E608" in nwfc("counters", "l", "web.xml", status=2).err, text
    for text in ('{"nftables": [3, {}, {"rule": 3}, {"rule": {}}, {"rule": {"expr": [3, {"counter": null}, {"counter": {"packets": -1}}]}}]}',
                 "# iptables-save\n*filter\n[1:2\n[:] -A\n[99999999999999999999999:1] -A x -j y\n-A x --comment\n-A x -c 1\n-A \"x\\\n[1:1]\n"):
        Path("l").write_text(text)
        assert nwfc("counters", "l", "web.xml", status=None).status == 0


@test
def counters_by_keys():
    Path("web.xml").write_text(WEB)
    Path("l").write_text("""# Generated by iptables-save v1.8.9 (nf_tables) on Mon Nov 30 00:21:54 2026
*filter
:nwfc-i/vnet0 - [0:0]
[3:180] -A nwfc-i/vnet0 -p tcp -m tcp --dport 80 -m comment --comment "web#1: it\\"s \\\\ \\'q\\' #7: `$(x)`" -j ACCEPT
[4:240] -A nwfc-i/vnet0 -p tcp -m tcp --dport 443 -m comment --comment "web#1: it\\"s" -j ACCEPT
-A nwfc-i/vnet0 -p tcp -m comment --comment web#2 -j DROP -c 18446744073709551 7
[1:40] -A nwfc-i/vnet0 -m comment --comment "of others#1" -j DROP
COMMIT
""")
    r = nwfc("counters", "l", "web.xml")
    assert re.search(r"^ +7 +420  web.xml:2: web#1 accept \(2 lines\)$", r.out, flags=re.M), r
    assert re.search(r"^ *18446744073709551 +7  web.xml:3: web#2 drop$", r.out, flags=re.M), r
    assert "1 other rule," in r.out
    j = json.loads(nwfc("counters", "l", "web.xml", "--format", "json").out)
    assert j["version"] == 1 and j["rules"][0]["packets"] == 7 and j["others"] == 1 and len(j["rules"][0]["lines"]) == 2


def frames(inside_words):
    return subprocess.run(inside_words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def send(device, *packets):
    import socket
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((device, 0))
    for p in packets:
        s.send(p)
    s.close()


def arp(src_mac, sender_mac, sender_ip):
    mac = lambda m: bytes.fromhex(m.replace(":", ""))  # noqa: E731
    ip = bytes(int(x) for x in sender_ip.split("."))
    return b"\xff" * 6 + mac(src_mac) + b"\x08\x06" + bytes.fromhex("0001080006040001") + mac(sender_mac) + ip + bytes(6) + b"\x0a\x00\x00\x09" + bytes(18)


def counted():
    """Within a namespace: what a guest sends is counted where it belongs, with nft and with ebtables."""
    for words in ("ip link set lo up", "ip link add br0 type bridge mcast_snooping 0", "ip link set br0 up",
                  "ip link add vnet0 type veth peer name g0", "ip link set vnet0 master br0 up",
                  "ip link set g0 address %s up" % MAC):
        for device in ("all", "default"):
            Path("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % device).write_text("1")
        load.run(words.split())
    port = [*PORT, "clean-traffic", "-D", "IP=10.0.0.1", "-D", "IP=10.0.0.2"]
    wanted = {"no-mac-spoofing#1": 6, "no-mac-spoofing#2": 3, "no-arp-mac-spoofing#1": 4, "no-arp-mac-spoofing#2": 2,
              "no-arp-ip-spoofing#1": 3, "no-arp-ip-spoofing#2": 1, "clean-traffic#2": 3, "no-other-l2-traffic#1": 0}
    for target in ("nft", "ebtables"):
        nwfc("compile", "-q", "-t", target, *port, *(["--counters"] if target == "nft" else []), "-o", "s", "--source-map", "map")
        load.run(["nft", "-f", "s"] if target == "nft" else ["ebtables-restore", "--noflush"], Path("s").read_text())
        import time
        time.sleep(0.2)
        load.run(["nft", "reset", "counters"], check=False)
        send("g0", *[arp("52:54:00:00:00:99", MAC, "10.0.0.1")] * 3, *[arp(MAC, "52:54:00:00:00:99", "10.0.0.1")] * 2,
             arp(MAC, MAC, "10.0.0.7"), arp(MAC, MAC, "10.0.0.1"), *[arp(MAC, MAC, "10.0.0.2")] * 2)
        time.sleep(0.2)
        Path("l").write_text(load.run(["nft", "-j", "list", "ruleset"] if target == "nft" else ["ebtables-save", "-c"]))
        for words in ((["--source-map", "map"], []) if target == "nft" else (["--source-map", "map"],)):
            got = json.loads(nwfc("counters", "l", "--format", "json", *words).out)
            packets = {r["key"]: r["packets"] for r in got["rules"]}
            for key, n in wanted.items():
                assert packets[key] == n, (target, words, key, packets)
        if target == "ebtables":  # which address it was, the map alone knows
            lines = next(r for r in got["rules"] if r["key"] == "no-arp-ip-spoofing#1")["lines"]
            assert [(x["values"], x["packets"]) for x in lines] == [("IP = 10.0.0.1", 1), ("IP = 10.0.0.2", 2)], lines
            nwfc("compile", "-q", "-t", target, *port, "-D", "IP=10.0.0.3", "-o", "s", "--source-map", "map")
            r = nwfc("counters", "l", "--source-map", "map", status=2)
            assert "E608" in r.err and "another script" in r.err, r
        load.run(["nft", "flush", "ruleset"])
    print("done")


def changed():
    """Within a namespace: a change with comments and counters leads to what the new script is; moved lines are no change."""
    text = "filter t {\n\tuse clean-traffic\nframes:\n\tdrop out arp operation 7\n}\nport vnet0 mac %s {\n\tuse t\n\tIP = 10.0.0.1\n}\n" % MAC
    for folder, t in (("a", text), ("b", "\n\n" + text.replace("operation 7", "operation 8")), ("moved", "\n\n" + text)):
        Path(folder).mkdir()
        Path(folder, "t.nwf").write_text(t)
    for options in ([], ["--annotate"], ["--annotate", "--counters"]):
        got = []
        for words in (["a"], ["--since", "a", "b"], ["b"]):
            if "--since" not in words:
                load.run(["nft", "flush", "ruleset"])
            load.run(["nft", "-f", "-"], nwfc("compile", "-q", "-t", "nft", *options, *words).out)
            got.append(load.run(["nft", "-s", "list", "ruleset"]))
        assert got[0] != got[1] == got[2], options
        assert "nothing differs" in nwfc("compile", "-q", "-t", "nft", *options, "--since", "a", "moved").out
    print("done")


@test
def changes_have_comments_and_counters():
    ns = load.namespace()
    if not ns:
        raise Skip("no network namespace with nft can be had here")
    p = frames([*ns, sys.executable, "-B", __file__, "--nwfc", nwfc.program, "--inside", "change"])
    assert p.stdout == "done\n", p.stdout[-4000:]


@test
def what_was_sent_is_counted_at_the_right_line():
    ns = load.namespace()
    if not ns or not shutil.which("ip"):
        raise Skip("no network namespace with nft can be had here")
    p = frames([*ns, sys.executable, "-B", __file__, "--nwfc", nwfc.program, "--inside", "count"])
    assert p.stdout == "done\n", p.stdout[-4000:]


@test
def options_that_do_not_fit():
    Path("web.xml").write_text(WEB)
    assert "--counters" in nwfc("compile", "-t", "ebtables", "--counters", "web.xml", *WEB_PORT, status=2).err
    assert "--source-map" in nwfc("compile", "-t", "nft", "--source-map", "m", "--since", "web.xml", "web.xml", *WEB_PORT, status=2).err
    assert not os.path.exists("m")
    assert "E602" in nwfc("compile", "-q", "-t", "nft", "--source-map", "none/m", "web.xml", *WEB_PORT, "-o", "s", status=2).err
    assert not os.path.exists("s")


if __name__ == "__main__":
    if "--inside" in sys.argv:
        nwfc.program = sys.argv[sys.argv.index("--nwfc") + 1]
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            sys.exit({"load": inside, "count": counted, "change": changed}[sys.argv[-1]]())
    sys.exit(main(__doc__))
