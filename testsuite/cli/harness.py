# SPDX-License-Identifier: MIT
"""A small frame for tests of the program: functions, each in a folder of its own."""
import argparse
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
os.environ["LC_ALL"] = "C.UTF-8"
TESTS = []
MAC = "52:54:00:12:34:56"
PORT = ["-p", "vnet0", "-m", MAC, "-f"]
BINDING = """<filterbinding><owner><name>vm</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>
<portdev name='%s'/><mac address='52:54:00:12:34:56'/><filterref filter='%s'>%s</filterref></filterbinding>
"""


class Skip(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


class Result:
    def __init__(self, status, out, err, seconds=0, mib=0):
        self.status, self.out, self.err, self.seconds, self.mib = status, out, err, seconds, mib

    def __repr__(self):
        return "status %s\n%s%s" % (self.status, self.out[-1500:], self.err[-1500:])


def nwfc(*words, text=None, status=0, timeout=60):
    """Run the program and insist on its exit status (None: any of 0, 1, 2)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as source:
        source.write(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text or b"")
        source.seek(0)
        p = subprocess.Popen([nwfc.program, *words], stdin=source, stdout=out, stderr=err)
        timer = threading.Timer(timeout, p.kill)
        timer.start()
        _, code, usage = os.wait4(p.pid, 0)
        timer.cancel()
        p.returncode = os.waitstatus_to_exitcode(code)
        out.seek(0)
        err.seek(0)
        r = Result(p.returncode, out.read().decode(errors="replace"), err.read().decode(errors="replace"),
                   usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    wanted = (0, 1, 2) if status is None else (status,)
    assert r.status in wanted, "nwfc %s: wanted status %s, %r" % (" ".join(map(str, words))[:300], status, r)
    assert "Sanitizer" not in r.err and "runtime error" not in r.err, r
    return r


def ends(*words, status=(1, 2), seconds=120, mib=1500, text=None, finding=None):
    """The program ends by itself, with one of these statuses, a message, and within bounds; nothing is written."""
    r = nwfc(*words, status=None, timeout=seconds, text=text)
    assert r.status in status, "%s: %r" % (words, r)
    if r.status:
        assert r.err, words
        assert finding is None or finding in r.err, r
    assert r.mib < mib, "%s: %d MiB" % (words, r.mib)
    return r


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
    return name


def rule(attrs="action='drop' direction='in'", element=""):
    return "<rule %s>%s</rule>" % (attrs, element)


def filter_xml(name, body):
    return "<filter name='%s'>%s</filter>\n" % (name, body)


def run_one(f):
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            f()
            return "pass"
        except Skip as e:
            print("SKIP: %s: %s" % (f.__name__, e))
            return "skip"
        except Exception:
            print("== %s" % f.__name__)
            traceback.print_exc(limit=-2, file=sys.stdout)
            return "fail"
        finally:
            os.chdir(here)


def main(doc):
    ap = argparse.ArgumentParser(description=doc)
    ap.add_argument("--nwfc", type=Path, default=ROOT / "build" / "nwfc")
    ap.add_argument("test", nargs="*")
    options = ap.parse_args()
    nwfc.program = str(options.nwfc.resolve())
    count = {"pass": 0, "fail": 0, "skip": 0}
    for f in TESTS:
        if not options.test or f.__name__ in options.test:
            count[run_one(f)] += 1
    print("%(pass)d passed, %(fail)d failed, %(skip)d skipped" % count)
    return count["fail"] > 0
