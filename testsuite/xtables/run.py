#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The script of the target xtables and those of remove: what they do among others, at once, and when a tool fails.

Each test has network and mount namespaces of its own, as root or in a user namespace. Tools that fail or
answer oddly are shell scripts in a folder ahead in PATH. That what is loaded means what the filter says is
tested in testsuite/kernel, that loading twice and removing leaves all else alone in testsuite/golden/load.py.
"""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from harness import BINDING, PORT, Skip, filter_xml, main, nwfc, rule, test, write  # noqa: E402

FRAMES = rule("action='drop' direction='inout'", "<ip/>")
PACKETS = rule("action='drop' direction='out'", "<tcp/>") + rule("action='drop' direction='out'", "<tcp-ipv6/>")
# What the tools have loaded, in words that only change with the rules; `jumps' is the hooks among it.
HELPERS = """
mount -t tmpfs none /run || exit 99 # the lock of the legacy tools
export NWFC_ASSUME_BR_NETFILTER=1 NWFC_LOCK=$PWD/lock PATH=$PWD/fake:$PATH
all() { for t in ebtables iptables ip6tables; do $t-save | sed '/^#/d; s/ *\\[.*\\]$//'; done; }
chain() { $1-save | grep -- "^-A $2 "; }
must_be() { [ "$1" = "$2" ] || { echo "got:"; echo "$1"; echo "expected:"; echo "$2"; exit 99; }; }
same() { all >now; diff now "$1" || exit 99; }
ends() { # status words...
	wanted=$1; shift; status=0; "$@" >out 2>&1 || status=$?
	[ $status = $wanted ] || { echo "$*: status $status"; cat out; exit 99; }
}
says() { grep -q -- "$1" out || { echo "not said: $1"; cat out; exit 99; }; }
"""
OTHERS = """
ebtables -t nat -N theirs; ebtables -t nat -A PREROUTING -i eth9 -j theirs
ebtables -t nat -A PREROUTING --log --log-prefix 'see -j nwfc-out' -j CONTINUE
ebtables -t nat -A POSTROUTING -p ipv4 --log --log-prefix 'x -j nwfc-in' -j CONTINUE
for t in iptables ip6tables; do
	$t -N theirs; $t -A FORWARD -i eth9 -j theirs; $t -A INPUT -i eth9 -j DROP
	$t -A FORWARD -m comment --comment 'see -j nwfc-in'
	$t -A FORWARD -m comment --comment 'quoted \\" -j nwfc-in' -j theirs
	$t -A INPUT -m comment --comment '-g nwfc-host' -j ACCEPT
	$t -A FORWARD -j LOG --log-prefix 'x -g nwfc-y'
done
"""


def namespace():
    for words in (["unshare", "-nm"], ["unshare", "-rnm"]):
        if subprocess.run(words + ["iptables", "-L"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return words
    raise Skip("no network namespace with iptables can be had here")


def compiled(name, port, body=FRAMES + PACKETS):
    write("%s.xml" % name, filter_xml("t", body))
    return nwfc("compile", "-q", "-t", "xtables", "-o", name, "-p", port, "-m", "52:54:00:12:34:56", "-f", "t", "%s.xml" % name)


def inside(script, before=""):
    """Run the script with A (port vnet0), B (vnet1), F (frames alone) and R (removal) beside it."""
    words = namespace()
    compiled("A", "vnet0")
    compiled("B", "vnet1")
    compiled("F", "vnet0", FRAMES)
    nwfc("remove", "-t", "xtables", "-o", "R")
    os.makedirs("fake", exist_ok=True)
    p = subprocess.run(words + ["sh", "-c", HELPERS + before + script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=120)
    if p.returncode == 77:
        raise Skip(p.stdout.strip())
    assert p.returncode == 0, "status %d\n%s" % (p.returncode, p.stdout)
    return p.stdout


def fake(tool, body):
    """A tool ahead of the real one, which is $REAL in it."""
    path = Path("fake") / tool
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\nREAL=$(PATH=${PATH#*:} command -v %s)\n%s\n" % (tool, body))
    path.chmod(0o755)


# ---- one run at a time

@test
def runs_at_once_end_as_one_of_them():
    inside("""
for i in 1 2 3; do
	sh A & a=$!; sh B & b=$!; sh A & c=$!; sh B & d=$!
	for p in $a $b $c $d; do wait $p || exit 99; done
	all >both; port=$(grep -o -- '-i vnet[01]' both); port=${port#-i }
	if [ "$port" = vnet0 ]; then sh A; else sh B; fi
	same both
	must_be "$(chain iptables FORWARD)" '-A FORWARD -j nwfc-forward'
	must_be "$(chain ebtables PREROUTING)" '-A PREROUTING -j nwfc-out'
	ends 0 sh R
done
""")


@test
def a_run_waits_for_another():
    inside("""
exec 8>lock; flock 8
sh A 2>said 8>&- & a=$!
sleep 0.5; kill -0 $a || exit 99
[ -z "$(all | grep nwfc)" ] || exit 99
exec 8>&-
wait $a || exit 99
grep -q 'waiting for another run' said && all | grep -q 'nwfc-o/vnet0' || exit 99
exec 8>lock; flock 8
sh R 2>said 8>&- & a=$!
sleep 0.5; all | grep -q 'nwfc-o/vnet0' || exit 99
exec 8>&-
wait $a && ! all | grep nwfc
""")


@test
def no_lock_no_run():
    inside("""
all >none
NWFC_LOCK=$PWD/absent/lock; for s in A R; do ends 1 sh $s; says 'can not be written'; says 'nothing has been changed'; done
same none
NWFC_LOCK= ends 0 sh A; all | grep -q nwfc-o/vnet0 || exit 99
mkdir few; for t in sh awk sed id cat; do ln -s "$(command -v $t)" few; done
NWFC_LOCK=$PWD/lock; sed '/^PATH=/d' B >B2; all >before
(PATH=$PWD/few; ends 1 sh B2) 2>/dev/null; says 'flock (of util-linux) is not installed'; same before
""")


# ---- tools that can not be asked

@test
def a_table_that_can_not_be_shown():
    for where in ("", " >&2"):
        fake("iptables-save", "[ -e odd ] || exec $REAL \"$@\"\n"
             "echo \"# Table \\`filter' is incompatible, use 'nft' tool.\"%s" % where)
        inside("""
ends 0 sh A; all >before; nft -s list ruleset >rules; : >odd
for s in A B F R; do
	ends 1 sh $s; says 'the rules of iptables can not be read'; says 'incompatible'; says 'nothing has been changed'
	nft -s list ruleset | diff - rules || exit 99
done
rm odd; same before
""")


@test
def a_rule_that_iptables_can_not_show():
    inside("""
case $(iptables -V) in *nf_tables*) ;; *) echo 'iptables is of the legacy kind'; exit 77 ;; esac
ends 0 sh A; nft 'add rule ip filter FORWARD meta mark 5 ct mark set 7' || exit 99
iptables-save | grep -q incompatible || { echo 'this iptables shows the rule'; exit 77; }
nft -s list ruleset >rules
for s in A B R; do ends 1 sh $s; says 'can not be read'; nft -s list ruleset | diff - rules || exit 99; done
""")


@test
def text_of_others_about_incompatible_tables():
    inside("""
iptables -A FORWARD -m comment --comment "# Table \\`filter' is incompatible" || exit 99
ends 0 sh A; ends 0 sh R; chain iptables FORWARD | grep -q incompatible
""")


@test
def a_tool_that_fails():
    for tool in ("ebtables", "iptables", "ip6tables"):
        fake(tool + "-save", "[ -e odd ] || exec $REAL \"$@\"\necho trouble with it >&2; exit 4")
        # the legacy ebtables is asked with -L
        fake("ebtables", "[ -e odd ] && [ %s = ebtables ] && case \"$*\" in *-L*) echo trouble with it >&2; exit 4 ;; esac\n"
             "exec $REAL \"$@\"" % tool)
        inside("""
ends 0 sh A; all >before; : >odd
for s in B F R; do ends 1 sh $s; says 'trouble with it'; says 'the rules of %s can not be read'; says 'nothing has been changed'; done
rm odd; same before; ends 0 sh F; ends 0 sh R
""" % tool)
        for name in (tool + "-save", "ebtables"):
            (Path("fake") / name).unlink()


@test
def a_tool_that_is_absent():
    """Only what is needed must be there."""
    inside("""
mkdir few; for t in sh awk sed id cat rm mv grep mktemp flock unshare nft ebtables ebtables-save ebtables-restore; do
	ln -s "$(command -v $t)" few; done
sed 's/^PATH=.*/PATH=$NWFC_PATH/' F >F2; sed 's/^PATH=.*/PATH=$NWFC_PATH/' R >R2; sed 's/^PATH=.*/PATH=$NWFC_PATH/' A >A2
export NWFC_PATH=$PWD/few
ends 1 sh A2; says 'iptables is not installed'; all | grep nwfc && exit 99
ends 0 sh F2; all | grep -q nwfc-o/vnet0 || exit 99
ends 0 sh R2; ! all | grep nwfc
""")


@test
def a_later_tool_refuses():
    """What the earlier ones had is put back, jumps at their places."""
    fake("ip6tables-restore", "case \"$*\" in *--test*) ;; *) [ ! -e odd ] || { echo no >&2; exit 1; } ;; esac\nexec $REAL \"$@\"")
    inside("""
all >none0; ends 0 sh A
ebtables -t nat -A PREROUTING -i eth8 -j ACCEPT; ebtables -t nat -D PREROUTING -j nwfc-out; ebtables -t nat -I PREROUTING 3 -j nwfc-out
for t in iptables ip6tables; do
	$t -I FORWARD -i eth8 -j ACCEPT; $t -A INPUT -j nwfc-host; $t -A FORWARD -m mark --mark 1 -j nwfc-in
done
all >before; : >odd
ends 1 sh B; says 'ip6tables-restore failed'; says 'nothing has been changed'; same before
rm odd; ends 0 sh B; all | grep -q nwfc-o/vnet1
""", before=OTHERS)


# ---- among the rules of others

@test
def rules_of_others_stay():
    inside("""
all >others; ends 0 sh A; all | grep -q nwfc-o/vnet0 || exit 99
all | grep -v -e '^:nwfc-' -e '^-A nwfc-' -e '^-A [A-Z]* -j nwfc-[a-z]*$' | diff - others || exit 99
ends 0 sh A; ends 0 sh B; ends 0 sh F; ends 0 sh R; same others
""", before=OTHERS)


@test
def our_jump_comes_first():
    inside("""
ends 0 sh A; all >first
for t in iptables ip6tables; do $t -I FORWARD -i eth8 -j ACCEPT; $t -I INPUT -i eth8 -j ACCEPT; done
ends 0 sh A
for t in iptables ip6tables; do
	must_be "$(chain $t FORWARD | sed -n '1,2p')" "-A FORWARD -j nwfc-forward
-A FORWARD -i eth8 -j ACCEPT"
	must_be "$(chain $t INPUT | sed -n '1,2p')" "-A INPUT -j nwfc-host
-A INPUT -i eth8 -j ACCEPT"
	must_be "$(chain $t FORWARD | grep -c 'nwfc-forward$')" 1
done
all >now; cp now moved; ends 0 sh A; same moved
for t in iptables ip6tables; do $t -D FORWARD -i eth8 -j ACCEPT; $t -D INPUT -i eth8 -j ACCEPT; done
same first
""", before=OTHERS)


@test
def jumps_that_stand_twice():
    inside("""
ends 0 sh A; all >once
for t in iptables ip6tables; do $t -A FORWARD -j nwfc-forward; $t -I INPUT -j nwfc-host; done
ebtables -t nat -A PREROUTING -j nwfc-out
ends 0 sh A; same once
iptables -I FORWARD -m mark --mark 1 -g nwfc-in; ends 0 sh A
must_be "$(chain iptables FORWARD | head -n 1)" '-A FORWARD -j nwfc-forward'
chain iptables FORWARD | grep -q 'mark 0x1 -g nwfc-in' || exit 99
ends 0 sh R; all | grep nwfc- | grep -v -e comment -e prefix && exit 99
true
""", before=OTHERS)


# ---- who may

@test
def only_root():
    """The first message and the only one."""
    inside("""
all >none
for s in A R; do
	ends 1 setpriv --bounding-set=-net_admin --inh-caps=-net_admin sh $s
	must_be "$(cat out)" 'nwfc: run it as root'
done
same none
""")
    if os.geteuid() == 0:
        os.chmod(".", 0o755)
        for script in ("A", "R"):
            p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-s"], stdin=open(script),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert (p.returncode, p.stdout) == (1, "nwfc: run it as root\n"), p


# ---- names

@test
def names_that_are_patterns():
    """A plus sign at the end makes a pattern for all three; anywhere else ebtables refuses the line."""
    write("t.xml", filter_xml("t", FRAMES + PACKETS))
    for name, tools in (("a+b", {"ebtables"}), ("+a", {"ebtables"}), ("a+", {"ebtables", "iptables", "ip6tables"})):
        write("port.xml", BINDING % (name, "t", ""))
        for target, first in (("ebtables",) * 2, ("iptables",) * 2, ("ip6tables",) * 2, ("xtables", "ebtables")):
            refused = first in tools
            r = nwfc("compile", "-q", "-t", target, "t.xml", "port.xml", status=1 if refused else 0)
            assert ("%s can not name the interface '%s'" % (first, name) in r.err) == refused, r
    words = namespace()
    for tool, text, good in (("iptables", "*filter\n:t - [0:0]\n-A t -m physdev --physdev-in %s -j DROP\nCOMMIT\n", True),
                             ("ebtables", "*nat\n:t RETURN\n-A t -i %s -j DROP\n", False)):
        for name in ("a+b", "+a"):
            p = subprocess.run(words + ["%s-restore" % tool, "--noflush"], input=text % name, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert (p.returncode == 0) == good, (tool, name, p)


# ---- words that the two variants read differently

@test
def negated_ports_survive_being_saved():
    """Two comparisons must stay two when what was saved is loaded again, as putting back does."""
    ports = "<udp match='no' srcportstart='53' dstportstart='443'/>"
    write("t.xml", filter_xml("t", rule("action='drop' direction='out' statematch='0'", ports)))
    text = nwfc("compile", "-q", "-t", "iptables", *PORT, "t", "t.xml").out
    assert " --sports 53" in text and "--dport 443" in text, text
    for variant in ("nft", "legacy"):
        inside("""
v=%s; command -v iptables-$v-restore >/dev/null || { echo "no iptables-$v"; exit 77; }
cat >rules <<'END'
%s
END
iptables-$v-restore --noflush <rules || exit 99
iptables-$v-save >/dev/null || { echo "iptables-$v-save can not be used here"; exit 77; }
bytes() { iptables-$v-save | grep -- '-A nwfc-o/vnet0'; nft --debug=netlink list chain ip filter nwfc-o/vnet0 2>&1 | grep cmp; }
bytes >first; iptables-$v-save >saved; grep -q sports first || exit 99
iptables-$v -F; iptables-$v-restore <saved; bytes >second; diff first second || exit 99
""" % (variant, text))


AH_PACKETS = """
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
def send(nexthdr, data):
    s.sendto(struct.pack("!IHBB", 6 << 28, len(data), nexthdr, 64) + socket.inet_pton(10, "::1") * 2 + data, ("::1", 0))
def ah(nexthdr, data): return struct.pack("!BBHII", nexthdr, 4, 0, 1, 1) + bytes(12) + data
udp = struct.pack("!HHHH", 1, 2, 12, 0) + bytes(4)
for nexthdr, data in ((17, udp), (6, bytes(20)), (59, b"")):
    send(51, ah(nexthdr, data))                                         # three with AH,
send(60, struct.pack("!BBBBI", 51, 0, 1, 4, 0) + ah(17, udp))           # and one behind options
send(50, bytes(32)); send(60, struct.pack("!BBBBI", 50, 0, 1, 4, 0) + bytes(32))    # two of ESP
send(17, udp); send(6, bytes(20)); send(58, bytes(8)); send(59, b""); send(60, struct.pack("!BBBBI", 17, 0, 1, 4, 0) + udp)
"""


@test
def ah_and_esp_of_ipv6():
    """Which packets the lines match, in both variants: by their counters."""
    write("packets.py", AH_PACKETS)
    for protocol, number in (("ah", 4), ("esp", 2)):
        write("t.xml", filter_xml("t", rule("action='continue' direction='out' statematch='0'", "<%s-ipv6/>" % protocol)))
        text = nwfc("compile", "-q", "-t", "ip6tables", *PORT, "t", "t.xml").out
        line, = [x for x in text.splitlines() if x.startswith("-A nwfc-o/vnet0")]
        for variant in ("nft", "legacy"):
            said = inside("""
v=%s; command -v ip6tables-$v-restore >/dev/null || { echo "no ip6tables-$v"; exit 77; }
ip link set lo up
printf '*filter\n%%s\nCOMMIT\n' '%s' | ip6tables-$v-restore --noflush || { echo "ip6tables-$v can not be loaded"; exit 77; }
python3 packets.py || exit 99
echo count $(ip6tables-$v -nvxL INPUT | sed -n 3p)
""" % (variant, line.replace("nwfc-o/vnet0", "INPUT"))).split()
            assert said[said.index("count") + 1] == str(number), (protocol, variant, line, said)


if __name__ == "__main__":
    sys.exit(main(__doc__))
