#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""service.py --learnd FILE --nwfc FILE: does systemd/learnd.service suit learnd?

systemd-analyze finds nothing wrong with the unit, and its exposure is not above what its comment says.
Then learnd runs as the unit says, without systemd: its arguments, its capabilities, its system call
filter, its address families, no memory that is both written and executed, a file system that is
read-only but for the state directory, and a socket for notifications.  It must learn an address,
have it loaded by nft, watch an interface that comes back, reread, take an import, tell its status and end.
A system call that the filter refuses would fail, as under systemd; strace -f shows which.
"""
import argparse
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNIT = os.path.join(TOP, "systemd", "learnd.service")
MAC = "52:54:00:a1:00:01"
PORT = """<filterbinding>
  <owner><name>guest</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>
  <portdev name='vnet0'/><mac address='%s'/>
  <filterref filter='clean-traffic'><parameter name='CTRL_IP_LEARNING' value='any'/></filterref>
</filterbinding>
""" % MAC
counts = {"passed": 0, "failed": 0, "skipped": 0}
libc = ctypes.CDLL(None, use_errno=True)


def report(good, what, detail=""):
    counts["passed" if good else "failed"] += 1
    if not good:
        print("FAIL %s\n%s" % (what, "".join("     %s\n" % line for line in str(detail).splitlines()[-30:])), end="")


def skip(what, why):
    counts["skipped"] += 1
    print("SKIP %s: %s" % (what, why))


def read_unit():
    """{key: [values]}; a key that is said again adds to it."""
    unit = {}
    with open(UNIT, encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#") and "=" in line:
                key, value = line.rstrip("\n").split("=", 1)
                unit.setdefault(key, []).append(value)
    return unit


# ---------------------------------------------------------------- what systemd-analyze says

def analyze(learnd, dir_):
    with open(UNIT, encoding="utf-8") as f:
        text = f.read()
    path = os.path.join(dir_, "learnd.service")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("/usr/local/sbin/learnd", learnd))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
    # the manuals are not installed here, and other units are not ours to judge
    said = [line for line in done.stderr.splitlines() if "learnd.service" in line and "Command 'man " not in line]
    report(not said, "systemd-analyze verify", "\n".join(said))
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", path], capture_output=True, text=True)
    score = re.search(r"exposure level for learnd\.service: ([\d.]+)", done.stdout)
    if not score:
        skip("systemd-analyze security", "it knows no --offline")
        return
    stated = re.search(r"--offline=true` .*?: ([\d.]+)", text)
    report(float(score.group(1)) <= float(stated.group(1)), "exposure is what the unit says",
           "%s, not %s" % (score.group(1), stated.group(1)))


# ---------------------------------------------------------------- what the unit does to a process

def calls_of(name):
    """The system calls of a set, and of the sets in it."""
    out = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    calls = set()
    for word in out.split("\n")[1:]:
        word = word.split("#")[0].strip()
        if word:
            calls |= calls_of(word) if word.startswith("@") else {word}
    return calls


def allowed_calls(unit):
    calls = set()
    for value in unit["SystemCallFilter"]:
        names = set()
        for word in value.lstrip("~").split():
            names |= calls_of(word) if word.startswith("@") else {word}
        calls = calls - names if value.startswith("~") else calls | names
    return calls


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def seccomp_filter(unit):
    """A libseccomp context that is loaded in the child."""
    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_load.argtypes = [ctypes.c_void_p]
    lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                           ctypes.POINTER(Compare)]
    allow, refuse, equal, masked = 0x7fff0000, 0x00050000 | 1, 4, 7
    ctx = lib.seccomp_init(refuse)

    def add(number, *conditions):
        array = (Compare * max(1, len(conditions)))(*conditions)
        if lib.seccomp_rule_add_array(ctx, allow, number, len(conditions), array) not in (0, -22):
            raise OSError("seccomp_rule_add")

    for call in allowed_calls(unit):
        number = lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            continue
        if call == "socket":
            for family in unit["RestrictAddressFamilies"][0].split():
                add(number, Compare(0, equal, getattr(socket, family), 0))
        elif call in ("mmap", "mprotect"):
            for protection in (0, 2, 4):                # not both to write and to execute
                add(number, Compare(2, masked, 6, protection))
        else:
            add(number)
    return lambda: lib.seccomp_load(ctx)


CAPS = {"CAP_DAC_OVERRIDE": 1, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8,
        "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}


def confine(unit):
    """What runs in the child before learnd does."""
    load, keep = seccomp_filter(unit), {CAPS[name] for name in unit["CapabilityBoundingSet"][0].split()}

    def preexec():
        os.umask(int(unit["UMask"][0], 8))
        for cap in range(64):
            if cap not in keep:
                libc.prctl(24, cap, 0, 0, 0)            # PR_CAPBSET_DROP
        if libc.prctl(38, 1, 0, 0, 0) or load():        # PR_SET_NO_NEW_PRIVS
            os._exit(99)
    return preexec


# ---------------------------------------------------------------- a life of learnd

class Learnd:
    def __init__(self, args, unit, dir_):
        self.learnd, self.dir = args.learnd, dir_
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(dir_, "notify"))
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notify.settimeout(10)
        command = unit["ExecStart"][0].replace("/usr/local/sbin/learnd", args.learnd)
        command = command.replace("/var/lib/nwfc", dir_).replace("=nwfc-learnd", "=nobody").split()
        if args.strace:
            command = ["strace", "-f", "-o", args.strace] + command
        self.events_path, self.seen = os.path.join(dir_, "events"), 0
        with open(self.events_path, "wb") as out, open(os.path.join(dir_, "errors"), "wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, cwd="/",
                                            preexec_fn=confine(unit) if not args.free else None,
                                            env=dict(os.environ, NOTIFY_SOCKET=os.path.join(dir_, "notify")))

    def notified(self):
        try:
            text, control, _, _ = self.notify.recvmsg(200, 200)
        except socket.timeout:
            return None, 0
        return text, struct.unpack("iii", control[0][2])[0]

    def wait(self, what, seconds=10, **members):
        """The next event of this kind; those before it are passed over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with open(self.events_path, encoding="utf-8") as f:
                lines = f.read().split("\n")[:-1]
            while self.seen < len(lines):
                event = json.loads(lines[self.seen])
                self.seen += 1
                if event["event"] == what and all(event.get(k) == v for k, v in members.items()):
                    report(True, what)
                    return event
            time.sleep(0.02)
        with open(self.events_path, encoding="utf-8") as f, open(os.path.join(self.dir, "errors"), encoding="utf-8") as g:
            report(False, "event %s %s" % (what, members), f.read() + g.read())
        return None

    def end(self):
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            status = "it does not end"
            self.process.kill()         # and the child with it: its socket ends
        report(status == 0, "ends with status 0", status)


def ip(*words):
    subprocess.run(["ip"] + list(words), check=True)


def make_interface():
    ip("link", "add", "vnet0", "type", "veth", "peer", "name", "g0", "address", MAC)
    ip("link", "set", "g0", "up")
    ip("link", "set", "vnet0", "up")


def announce(address):
    """An ARP announcement from the guest."""
    mac, a = bytes.fromhex(MAC.replace(":", "")), socket.inet_aton(address)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("g0", 0))
    s.send(b"\xff" * 6 + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac + a + bytes(6) + a)
    s.close()


def has_rule(address):
    return address in subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout


def live(args, unit, dir_):
    leases = os.path.join(dir_, "leases")
    os.mkdir(leases)
    shutil.chown(leases, "nobody", "nogroup")
    with open(os.path.join(dir_, "vnet0.xml"), "w", encoding="utf-8") as f:
        f.write(PORT)
    subprocess.run([args.nwfc, "compile", "-q", "-t", "nft", "--learn=%s/learn" % dir_, "--leases=%s/leases" % leases,
                    "-o", "%s/rules.nft" % dir_, "%s/vnet0.xml" % dir_], check=True)
    make_interface()
    # ProtectSystem=strict: all but the state directory is read-only
    for words in (["--make-rprivate", "/"], ["--bind", dir_, dir_], ["-o", "remount,bind,ro", "/"]):
        subprocess.run(["mount"] + words, check=True)
    d = Learnd(args, unit, dir_)
    text, pid = d.notified()
    report(text == b"READY=1" and (pid == d.process.pid or args.strace), "READY=1 from the main process", "%s %s" % (text, pid))
    if not d.wait("started") or not d.wait("fed"):
        d.process.terminate()
        d.end()
        return
    announce("10.0.0.10")
    d.wait("add", address="10.0.0.10", evidence="arp")
    d.wait("fed")
    report(has_rule("10.0.0.10"), "nft has the address")
    ip("link", "del", "vnet0")
    d.wait("watch-ended")
    make_interface()
    d.wait("watch", text="on vnet0")
    with open(os.path.join(dir_, "other"), "w", encoding="utf-8") as f:
        f.write("nwfc-leases 1\n1.000 add -/52:54:00:00:00:77 vnet7 ipv4 10.0.0.77 infinite dhcp\n")
    subprocess.run([args.learnd, "import", f.name, "--leases", leases + "/leases"], check=True, stderr=subprocess.DEVNULL)
    d.process.send_signal(signal.SIGHUP)
    d.wait("imported")
    d.wait("reloaded")
    d.wait("fed")
    d.process.send_signal(signal.SIGUSR1)
    d.wait("status", watched=True)
    d.process.send_signal(signal.SIGTERM)
    d.end()


def live_apart(args, dir_):
    """In namespaces of its own, whose mounts go with them; gives the numbers of its last line."""
    done = subprocess.run(["unshare", "-mn", sys.executable, "-B", os.path.abspath(__file__), "--inside", dir_] + sys.argv[1:],
                          stdout=subprocess.PIPE, text=True)
    *lines, last = done.stdout.splitlines() or [""]
    print("".join(line + "\n" for line in lines), end="")
    numbers = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
    if not numbers:
        report(False, "a life under the unit", last)
    for name, n in zip(counts, numbers.groups() if numbers else ()):
        counts[name] += int(n)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--learnd", default=os.path.join(TOP, "build", "learnd"))
    ap.add_argument("--nwfc", default=os.path.join(TOP, "build", "nwfc"))
    ap.add_argument("--strace", help="write a trace of all calls to this file")
    ap.add_argument("--free", action="store_true", help="without filter and capabilities, to compare")
    ap.add_argument("--inside", help=argparse.SUPPRESS)
    args = ap.parse_args()
    args.learnd, args.nwfc = os.path.abspath(args.learnd), os.path.abspath(args.nwfc)
    if args.inside:
        live(args, read_unit(), args.inside)
    elif not shutil.which("systemd-analyze"):
        skip("the unit", "systemd-analyze is not installed")
    else:
        with tempfile.TemporaryDirectory() as dir_:
            analyze(args.learnd, dir_)
        lacking = [t for t in ("nft", "ip", "mount") if not shutil.which(t)]
        if os.geteuid() or lacking or subprocess.run(["unshare", "-mn", "true"], capture_output=True).returncode:
            skip("a life under the unit", "no " + ", ".join(lacking) if lacking else "it needs root and namespaces")
        else:
            with tempfile.TemporaryDirectory(prefix="nwfc-service-") as dir_:
                os.chmod(dir_, 0o755)
                live_apart(args, dir_)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
