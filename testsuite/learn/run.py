#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Learned addresses in a kernel: elements that end, changes between leases, and reload.

    run.py --nwfc build/nwfc [--rounds N] [--seed S] [TEST...]

Each test runs in a network namespace and a folder of its own.
"""
import argparse
import fcntl
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "testsuite" / "nft"))
import change  # noqa: E402  (tables as the kernel lists them, and what differs between two)

os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
os.environ["LC_ALL"] = "C.UTF-8"
UUID = "d54df46f-1ab5-4a22-8618-4560ef5fac2c"
HOST = """filter dual {
	use clean-traffic
	use no-ipv6-spoofing
}
filter nets {
frames:
	pass out ip saddr $IP/30
	drop out ip saddr != $IP ip daddr 192.0.2.1
	drop out
}
"""
TESTS = []
NWFC = ROOT / "build" / "nwfc"


class Skip(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


# --- a host ---

def mac(i):
    return "52:54:00:00:00:%02x" % i


def port(i, name="dual", more=""):
    return "port vnet%d mac %s {\n\towner guest uuid %s\n\tuse %s\n%s}\n" % (i, mac(i), UUID, name, more)


def at(t):
    return "infinite" if t is None else "%.3f" % t


def event(what, i, address, end=None, when=None):
    family = "ipv6" if ":" in address else "ipv4"
    return "%.3f %s %s/%s vnet%d %s %s %s dhcp\n" % (when or time.time(), what, UUID, mac(i), i, family, address, at(end))


def journal(*events, path="leases"):
    Path(path).write_text("nwfc-leases 1\n" + "".join(events))


def append(*events, path="leases"):
    with open(path, "a", encoding="utf-8") as f:
        f.write("".join(events))


def host(*ports):
    Path("host.nwf").write_text(HOST + "".join(ports))
    time.sleep(0.05)  # so that no clock of a file system takes it for newer than what follows


# --- commands ---

def run(*words, status=0, env=None):
    p = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, timeout=120, env=env)
    assert status is None or p.returncode == status, "%s: status %d\n%s%s" % (words, p.returncode, p.stdout[-2000:], p.stderr)
    return p


def compile_(*words, status=0):
    return run(NWFC, "compile", "-q", "-t", "nft", *words, status=status)


def load(text):
    Path("script.nft").write_text(text)
    run("nft", "-f", "script.nft")


def reload_(*words, status=0, env=None):
    return run(NWFC, "reload", "-q", "--learn", "learn", "--leases", "leases", *words, status=status, env=env)


def ruleset():
    return json.loads(run("nft", "-j", "list", "ruleset").stdout)["nftables"]


def elements(name):
    """{"vnet0 10.0.0.1": (timeout, expires)}, both None for what has no end."""
    found = {}
    for entry in ruleset():
        for e in entry.get("set", {}).get("elem", []) if entry.get("set", {}).get("name") == name else []:
            inner = e.get("elem", e)
            value = inner.get("val", inner)
            words = [w if isinstance(w, (str, int)) else json.dumps(w) for w in value["concat"]]
            found[" ".join(str(w) for w in words)] = inner.get("timeout"), inner.get("expires")
    return found


def goes_to(i):
    for entry in ruleset():
        item = entry.get("map", {})
        if item.get("name") == "frame.out":
            for key, verdict in item.get("elem", []):
                if key == "vnet%d" % i:
                    return verdict["goto"]["target"]
    return None


def table_handle():
    return [e["table"]["handle"] for e in ruleset() if "table" in e]


def marks():
    return [e["chain"]["name"] for e in ruleset() if e.get("chain", {}).get("name", "").startswith("applied.")]


def near(have, want):
    """A listing rounds down to seconds, and takes a moment itself."""
    return have is not None and want - 2.5 <= have <= want + 0.5


# --- compile and its scripts ---

@test
def timeouts_are_what_is_left():
    now = time.time()
    host(port(1), port(2, more="\tIP = 10.0.0.9\n"), port(3, "nets"))
    journal(event("add", 1, "10.0.0.1", now + 3600), event("add", 1, "2001:db8::1", now + 86400 * 500),
            event("add", 1, "10.0.0.2"), event("add", 3, "10.0.1.1", now + 100), event("add", 3, "10.0.1.2", now + 200))
    load(compile_("--leases", "leases", "host.nwf").stdout)
    ip, ip6, nets = elements("IP.ipv4"), elements("IPV6.ipv6"), elements("IP-30.ipv4")
    assert near(ip["vnet1 10.0.0.1"][0], 3600) and near(ip["vnet1 10.0.0.1"][1], 3600), ip
    assert ip["vnet1 10.0.0.2"] == (None, None) and "vnet2 10.0.0.9" not in ip, ip
    assert near(ip6["vnet1 2001:db8::1"][1], 86400 * 500), ip6
    assert [near(v[1], 200) for v in nets.values()] == [True], nets
    assert goes_to(1) == "dual/out" and goes_to(2) == "learn-any-ipv6/out"


@test
def a_static_address_beside_learned_ones_has_no_end():
    host(port(1), port(2, "clean-traffic", "\tIP = 10.0.0.9\n"))
    journal(event("add", 1, "10.0.0.1", time.time() + 60))
    load(compile_("--leases", "leases", "host.nwf").stdout)
    assert elements("IP.ipv4")["vnet2 10.0.0.9"] == (None, None)
    assert elements("IPV6.ipv6") == {"vnet1 ::": (None, None)}


@test
def without_leases_nothing_has_a_timeout():
    host(port(1, more="\tIP = 10.0.0.9\n\tIPV6 = 2001:db8::9\n"), port(2))
    assert "timeout" not in compile_("host.nwf").stdout


@test
def elements_end_by_themselves():
    host(port(1), port(3, "nets"))
    end = time.time() + 1.2
    journal(event("add", 1, "10.0.0.1", end), event("add", 1, "10.0.0.2", end + 60),
            event("add", 3, "10.0.1.1", end), event("add", 3, "10.0.1.9", end + 60))
    script = compile_("--leases", "leases", "host.nwf").stdout
    begun = time.time()
    load(script)
    late = time.time() - begun       # a timeout counts from when it is loaded, which takes its time in a virtual machine
    assert len(elements("IP-30.ipv4")) == 2 and "vnet1 10.0.0.1" in elements("IP.ipv4")
    time.sleep(max(0, end + late - time.time()) + 0.3)
    assert len(elements("IP-30.ipv4")) == 1, elements("IP-30.ipv4")
    assert "vnet1 10.0.0.1" not in elements("IP.ipv4") and "vnet1 10.0.0.2" in elements("IP.ipv4")


@test
def a_torn_last_line_says_nothing():
    host(port(1))
    journal(event("add", 1, "10.0.0.1"), event("delete", 1, "10.0.0.1")[:-1])
    load(compile_("--leases", "leases", "host.nwf").stdout)
    assert elements("IP.ipv4") == {"vnet1 10.0.0.1": (None, None)}
    Path("leases").write_text("nwfc-lea")
    load(compile_("--leases", "leases", "host.nwf").stdout)
    assert goes_to(1) == "learn-any-dual/out"


@test
def a_broken_journal_writes_nothing():
    host(port(1))
    journal("what is this\n")
    p = compile_("--leases", "leases", "--learn", "learn", "-o", "out", "host.nwf", status=2)
    assert "leases:2:1:" in p.stderr and not Path("out").exists() and not Path("learn").exists(), p.stderr
    assert sorted(os.listdir(".")) == ["host.nwf", "leases"]


@test
def a_large_journal_and_one_that_is_all_one_line():
    host(port(1))
    lines = [event("add", 1, "10.%d.%d.1" % (i >> 8, i & 255), None, 5) for i in range(256 * 20)]
    journal(*lines * 20, *(line.replace(" add ", " delete ") for line in lines[1:]))
    assert "10.0.0.1" in compile_("--leases", "leases", "host.nwf").stdout
    Path("leases").write_text("nwfc-leases 1\n" + "x" * 5000000 + "\n")
    p = compile_("--leases", "leases", "host.nwf", status=2)
    assert "leases:2:1: error" in p.stderr and len(p.stderr) < 20000, len(p.stderr)


# --- changes ---

def changed(then, then_at, now_at, *more):
    return compile_("--leases", "leases", "--now", at(now_at), "--since", "host.nwf", "--since-leases", then,
                    "--since-now", at(then_at), *more, "host.nwf").stdout


@test
def a_renewed_lease_lasts_longer():
    host(port(1), port(3, "nets"))
    now = time.time()
    journal(event("add", 1, "10.0.0.1", now + 60), event("add", 3, "10.0.1.1", now + 60))
    load(compile_("--leases", "leases", "--now", at(now), "host.nwf").stdout)
    shutil.copy("leases", "then")
    append(event("renew", 1, "10.0.0.1", now + 7200), event("renew", 3, "10.0.1.1", now + 7200))
    text = changed("then", now, now)
    load(text)
    assert near(elements("IP.ipv4")["vnet1 10.0.0.1"][1], 7200), elements("IP.ipv4")
    assert [near(v[1], 7200) for v in elements("IP-30.ipv4").values()] == [True], elements("IP-30.ipv4")
    assert "delete table" not in text


@test
def a_learned_address_is_one_element():
    host(port(1), port(2, "clean-traffic", "\tIP = 10.0.0.9\n"))
    now = time.time()
    journal(event("add", 1, "10.0.0.1", now + 60))
    load(compile_("--leases", "leases", "--now", at(now), "host.nwf").stdout)
    shutil.copy("leases", "then")
    append(event("add", 1, "10.0.0.2", now + 60))
    text = changed("then", now, now)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == ["add element bridge nwfc IP.ipv4 {", '\t"vnet1" . 10.0.0.2 timeout 1m', "}"], text
    load(text)
    assert len(elements("IP.ipv4")) == 3


@test
def what_has_ended_meanwhile_does_not_stop_a_change():
    host(port(1), port(3, "nets"))
    now = time.time()
    end = now + 0.8
    journal(event("add", 1, "10.0.0.1", end), event("add", 1, "10.0.0.2", end), event("add", 1, "10.0.0.3", now + 60),
            event("add", 3, "10.0.1.1", end), event("add", 3, "10.0.1.9", now + 60))
    load(compile_("--leases", "leases", "--now", at(now), "host.nwf").stdout)
    shutil.copy("leases", "then")
    append(event("renew", 1, "10.0.0.1", now + 600))
    time.sleep(max(0, end - time.time()) + 0.2)
    load(changed("then", now, time.time()))
    ip = elements("IP.ipv4")
    assert set(ip) == {"vnet1 10.0.0.1", "vnet1 10.0.0.3", "vnet3 10.0.1.9"}, ip
    assert near(ip["vnet1 10.0.0.1"][1], 600), ip


def random_journal(r, now, ends):
    events = []
    for i in range(1, 5):
        for _ in range(r.choice((0, 0, 1, 2, 4))):
            address = r.choice(("10.0.0.%d" % r.randint(1, 9), "2001:db8::%x" % r.randint(1, 5)))
            events.append(event("add", i, address, r.choice(ends), now))
    return events


def compare_round(seed):
    r = random.Random(seed)
    host(*(port(i, r.choice(("dual", "clean-traffic", "nets")), r.choice(("", "\tIPV6 = 2001:db8::99\n"))) for i in range(1, 5)))
    now = time.time()
    journal(*random_journal(r, now, (now + 0.3, now + 50, now + 100, None)), path="then")
    load(compile_("--leases", "then", "--now", at(now), "host.nwf").stdout)
    old = Path("then").read_text()
    Path("leases").write_text(old)
    keep = r.random() < 0.7
    later = now + 0.5
    if not keep:
        journal()
    append(*random_journal(r, now, (later + 50, later + 100, None)))
    time.sleep(max(0, later - time.time()))
    load(changed("then", now, later))
    have = change.Table(without_rests(ruleset()))
    load(compile_("--leases", "leases", "--now", at(later), "host.nwf").stdout)
    want = change.Table(without_rests(ruleset()))
    return ["seed %d: %s" % (seed, d) for d in change.differences(have, want)]


def without_rests(listing):
    for entry in listing:
        for e in entry.get("set", {}).get("elem", []):
            if "elem" in e:
                e["elem"].pop("expires", None)
                e["elem"]["timeout"] = round(e["elem"]["timeout"], -1) if "timeout" in e["elem"] else None
    return listing


@test
def random_changes_are_what_the_whole_script_would_be():
    found = []
    for seed in range(OPTIONS.seed, OPTIONS.seed + OPTIONS.rounds):
        found += compare_round(seed)
    assert not found, "\n".join(found[:10])


# --- reload ---

def recorded(*words):
    compile_("--learn", "learn", "--leases", "leases", *words, "-o", "out.nft", "host.nwf")
    run("nft", "-f", "out.nft")


@test
def from_learning_to_full_and_back():
    host(port(1), port(2))
    journal()
    recorded()
    assert goes_to(1) == "learn-any-dual/out"
    reload_("vnet1")
    handle = table_handle()
    append(event("add", 1, "10.0.0.1", time.time() + 600))
    reload_("vnet1")
    assert goes_to(1) == "dual/out" and goes_to(2) == "learn-any-dual/out"
    assert near(elements("IP.ipv4")["vnet1 10.0.0.1"][1], 600)
    append(event("renew", 1, "10.0.0.1", time.time() + 7200))
    reload_("vnet1")
    assert near(elements("IP.ipv4")["vnet1 10.0.0.1"][1], 7200)
    append(event("add", 2, "2001:db8::2"))
    reload_("vnet2")
    assert goes_to(2) == "dual/out" and elements("IPV6.ipv6")["vnet2 2001:db8::2"] == (None, None)
    append(event("delete", 2, "2001:db8::2"), event("expire", 1, "10.0.0.1"))
    reload_("vnet1")
    assert goes_to(1) == goes_to(2) == "learn-any-dual/out" and not elements("IP.ipv4")
    assert table_handle() == handle, "all of these were changes"
    assert Path("leases").read_bytes() == Path("leases.applied").read_bytes() and len(marks()) == 1


@test
def a_lease_that_has_ended_leads_back():
    host(port(1))
    end = time.time() + 0.8
    journal(event("add", 1, "10.0.0.1", end))
    recorded()
    reload_()
    handle = table_handle()
    assert goes_to(1) == "dual/out"
    time.sleep(max(0, end - time.time()) + 0.1)
    reload_()
    assert goes_to(1) == "learn-any-dual/out" and table_handle() == handle


@test
def another_script_in_between_brings_the_whole_one():
    host(port(1))
    journal()
    recorded()
    append(event("add", 1, "10.0.0.1", time.time() + 600))
    reload_()
    run("nft", "-f", "out.nft")  # as at boot: the old one, without the lease
    assert goes_to(1) == "learn-any-dual/out"
    append(event("renew", 1, "10.0.0.1", time.time() + 900))
    reload_()
    assert goes_to(1) == "dual/out" and "vnet1 10.0.0.1" in elements("IP.ipv4")
    run("nft", "flush", "ruleset")
    reload_()
    assert goes_to(1) == "dual/out"


@test
def a_new_input_brings_the_whole_one():
    host(port(1))
    journal(event("add", 1, "10.0.0.1"))
    recorded()
    reload_()
    reload_()
    handle = table_handle()
    host(port(1), port(5, "clean-traffic", "\tIP = 10.0.0.5\n"))
    reload_()
    assert goes_to(5) == "clean-traffic/out" and table_handle() != handle


@test
def the_recorded_place_and_arguments_are_kept():
    folder = Path("a b\\c")
    folder.mkdir()
    os.chdir(folder)
    host(port(1))
    Path("\\n x\n.nwf").write_text(port(2, "clean-traffic", "\tIP = 10.0.0.2\n"))
    journal()
    recorded("--table", "guests", "\\n x\n.nwf")
    shutil.move("learn", "../learn")
    shutil.move("leases", "../leases")
    os.chdir("..")
    append(event("add", 1, "10.0.0.1"))
    reload_()
    assert [e["table"]["name"] for e in ruleset() if "table" in e] == ["guests"]
    assert set(elements("IP.ipv4")) == {"vnet1 10.0.0.1", "vnet2 10.0.0.2"}
    assert sorted(os.listdir(".")) == ["a b\\c", "learn", "learn.lock", "leases", "leases.applied"]


@test
def the_old_rules_stay_when_loading_fails():
    host(port(1))
    journal(event("add", 1, "10.0.0.1"))
    recorded()
    reload_()
    before, applied = ruleset(), Path("leases.applied").read_bytes()
    append(event("add", 1, "10.0.0.2"))
    os.mkdir("bin")
    Path("bin/nft").write_text("#!/bin/sh\ncat >/dev/null\necho 'nft: no mood' >&2\nexit 7\n")
    os.chmod("bin/nft", 0o755)
    p = reload_(status=2, env={**os.environ, "PATH": os.path.abspath("bin") + ":" + os.environ["PATH"]})
    assert "nft: no mood" in p.stderr and "status 7" in p.stderr and "E606" in p.stderr, p.stderr
    assert ruleset() == before and Path("leases.applied").read_bytes() == applied
    append("no event\n")
    p = reload_(status=2)
    assert "leases:4:1:" in p.stderr, p.stderr
    assert ruleset() == before and Path("leases.applied").read_bytes() == applied
    assert sorted(os.listdir(".")) == ["bin", "host.nwf", "learn", "learn.lock", "leases", "leases.applied", "out.nft"]


@test
def what_was_applied_is_a_file():
    """The leases' folder is learnd's, which has no rights: it must not lead what root writes elsewhere."""
    host(port(1))
    journal()
    recorded()
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("pipe", "/dev/null", "none"):
        os.symlink(name, "leases.applied")
        reload_()
        assert stat.S_ISREG(os.lstat("leases.applied").st_mode), name
        os.unlink("leases.applied")
    assert not os.read(reader, 99) and not os.path.exists("none")
    os.close(reader)


@test
def reloads_take_turns():
    host(*(port(i) for i in range(1, 6)))
    journal()
    recorded()
    command = [str(NWFC), "reload", "-q", "--learn", "learn", "--leases", "leases"]
    with open("learn.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(command)
        time.sleep(0.3)
        assert waiting.poll() is None and not marks(), "it did not wait"
    assert waiting.wait(30) == 0
    running = []
    for i in range(1, 6):
        append(event("add", i, "10.0.0.%d" % i))
        running.append(subprocess.Popen(command))
    assert [p.wait(60) for p in running] == [0] * 5
    assert len(elements("IP.ipv4")) == 5 and len(marks()) == 1


@test
def xtables_reloads_its_script():
    host(port(1, "clean-traffic"))
    journal()
    os.environ["NWFC_LOCK"] = os.path.abspath("lock")
    run(NWFC, "compile", "-q", "-t", "xtables", "--learn", "learn", "--leases", "leases", "-o", "script", "host.nwf")
    if any(not shutil.which(t) for t in ("ebtables", "iptables", "ip6tables")):
        raise Skip("ebtables, iptables or ip6tables is not installed")
    first = run("sh", "script", status=None)
    if first.returncode:
        raise Skip("the script can not be loaded here: " + first.stderr.strip().splitlines()[-1])
    listed = lambda: run("ebtables", "-t", "nat", "-L").stdout
    assert "10.0.0.1" not in listed()
    append(event("add", 1, "10.0.0.1", time.time() + 600))
    reload_()
    assert "10.0.0.1" in listed()
    append(event("delete", 1, "10.0.0.1"))
    reload_()
    assert "10.0.0.1" not in listed()


@test
def notes_of_the_compile_are_not_repeated():
    """A journal of a host with many guests would be full of them."""
    host(port(1))
    journal()
    recorded("--now", str(time.time()))
    assert "[N312]" in run(NWFC, "compile", "-t", "nft", "-o", "out.nft", "host.nwf").stderr
    assert reload_().stderr == ""


@test
def a_part_of_a_learn_file_is_refused():
    host(port(1))
    journal()
    recorded()
    whole = Path("learn").read_text()
    Path("learn").write_text(whole[:whole.index("argument") + 10])
    assert "this is a part of a learn file [E211]" in reload_(status=2).stderr


@test
def what_can_not_be_loaded_is_said():
    host(port(1))
    journal()
    compile_("--learn", "learn", "-", status=2)
    run(NWFC, "compile", "-q", "-t", "all", "-o", "all", "--learn", "learn", "host.nwf")
    assert "say with -t nft or -t xtables" in reload_(status=2).stderr
    reload_("-t", "nft")
    assert goes_to(1) == "learn-any-dual/out"
    run(NWFC, "compile", "-q", "-t", "iptables", "-o", "out", "--learn", "learn", "host.nwf")
    assert "nft and xtables alone" in reload_(status=2).stderr


# --- all of them ---

def in_folder(f):
    """0 passed, 1 failed, 2 skipped; for a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            f()
        except Skip as e:
            print("SKIP %s: %s" % (f.__name__, e), flush=True)
            return 2
        except Exception:  # pylint: disable=broad-except
            print("FAIL %s" % f.__name__)
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            return 1
        finally:
            os.chdir("/")
    return 0


def namespace():
    """Why there is none with nft in it; empty when there is."""
    if not shutil.which("nft"):
        return "nft is not installed"
    p = subprocess.run(change.UNSHARE + ["nft", "add table bridge t"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return "no network namespace with nftables: " + p.stdout.strip() if p.returncode else ""


def main():
    todo = [f for f in TESTS if not OPTIONS.test or f.__name__ in OPTIONS.test]
    if OPTIONS.inside:
        return in_folder(todo[0])
    why = namespace()
    if why:
        print("SKIP all: %s\n0 passed, 0 failed, %d skipped" % (why, len(todo)))
        return 0
    counts = [0, 0, 0]
    for f in todo:
        words = [sys.executable, "-B", __file__, "--inside", "--nwfc", str(NWFC), "--rounds", str(OPTIONS.rounds),
                 "--seed", str(OPTIONS.seed), f.__name__]
        status = subprocess.run(change.UNSHARE + words, check=False).returncode
        counts[status if 0 <= status <= 2 else 1] += 1
    print("%d passed, %d failed, %d skipped" % tuple(counts))
    return counts[1] > 0


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--nwfc", type=Path, default=NWFC)
    ap.add_argument("--rounds", type=int, default=10)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("test", nargs="*")
    OPTIONS = ap.parse_args()
    NWFC = OPTIONS.nwfc.resolve()
    sys.exit(main())
