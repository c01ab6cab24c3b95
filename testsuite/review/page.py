#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""nwfc diff of what git has, and its page for reviewers.

The page is checked as text (each element closed, each name escaped, nothing loaded from elsewhere), and
in a real browser where there is one: what it says is read from the browser's document, and the picture it
paints must not be blank. --keep FOLDER keeps page and screenshot, to be looked at.

    page.py --nwfc build/nwfc [--keep FOLDER]
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
import zlib
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = []
EVIL = "a<script>alert(1)</script>&amp;\"'`|"
OLD = """<filter name='web'>
  <filterref filter='clean-traffic'/>
  <rule action='accept' direction='in' priority='100'><tcp dstportstart='22' srcipaddr='10.0.0.0' srcipmask='8' comment='%s'/></rule>
  <rule action='drop' direction='in' priority='900'><all/></rule>
</filter>
""" % EVIL.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;")
NEW = OLD.replace("srcipmask='8'", "srcipmask='7'")
BROWSER = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--hide-scrollbars"]


class Skip(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


def run(*words, status=0, **more):
    p = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace", timeout=120, **more)
    assert p.returncode == status, "%s: status %d\n%s%s" % (" ".join(map(str, words)), p.returncode, p.stdout[-2000:], p.stderr[-2000:])
    return p.stdout


def nwfc(*words, status=1):
    return run(ARGS.nwfc, *words, status=status)


def git(*words):
    return run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", *words)


def repository():
    """Two commits of a folder of filters; a name that a shell or git could take for something else."""
    if not shutil.which("git"):
        raise Skip("no git")
    git("init", "-q")
    Path("filters").mkdir()
    Path("filters/web.xml").write_text(OLD)
    Path("filters/-x y;$(z).xml").write_text("<filter name='other'><rule action='drop' direction='out'/></filter>")
    Path("filters/read me.txt").write_text("no filter")
    git("add", ".")
    git("commit", "-q", "-m", "old")
    Path("filters/web.xml").write_text(NEW)
    git("commit", "-q", "-a", "-m", "new")


@test
def revisions():
    repository()
    out = nwfc("diff", "HEAD~1:filters", "filters")
    assert "before   was dropped by drop web#2, HEAD~1:filters/web.xml:4:3" in out and "accept web#1, filters/web.xml:3:3" in out, out
    assert nwfc("diff", "HEAD~1:filters/", "HEAD:filters").replace("HEAD:", "") == out.replace("filters/web.xml:4:3", "filters/web.xml:4:3")
    assert "filter web" in nwfc("diff", "HEAD~1:filters/web.xml", "filters/web.xml")
    assert "no packet is treated differently (2 compared)" in nwfc("diff", "HEAD:filters", "filters", status=0)
    for wrong in ("HEAD:none", "nosuch:filters", "HEAD:"):
        nwfc("diff", wrong, "filters", status=2 if wrong != "HEAD:" else 1)


@test
def a_file_of_that_name_wins():
    repository()
    Path("HEAD:filters").mkdir()
    Path("HEAD:filters/web.xml").write_text(OLD)
    assert "HEAD:filters/web.xml:4:3" in nwfc("diff", "HEAD:filters", "filters")


class Page(HTMLParser):
    VOID = {"meta", "br", "img", "hr"}

    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on") and not re.match(r"(?i)\s*(https?:|//|javascript:)", value or "") or name.startswith("xmlns"), (tag, name, value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def write_page():
    Path("old.xml").write_text(OLD)
    Path("new.xml").write_text(NEW)
    nwfc("diff", "--format=html", "-o", "page.html", "old.xml", "new.xml")
    return Path("page.html").read_text(encoding="utf-8")


@test
def page_is_sound():
    text = write_page()
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open and "script" not in page.tags, page.open
    said = "".join(page.text)
    assert EVIL in said.replace("&apos;", "'"), "the comment is not shown as it is"
    for wanted in ("filter web", "what the guest gets: passes now, was dropped before", "both scripts for nft", "the chains"):
        assert wanted in said, wanted
    if shutil.which("dot"):
        assert text.count("<svg") == 2


def browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return [name, *BROWSER, "--user-data-dir=" + os.path.abspath("profile")]
    raise Skip("no chromium")


def pixels(path):
    """The unpacked rows of a PNG; enough to tell a page from an empty one."""
    data, at, rows = path.read_bytes(), 8, b""
    assert data.startswith(b"\x89PNG")
    while at < len(data):
        size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        rows += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    return zlib.decompress(rows)


@test
def page_in_a_browser():
    words = browser()
    write_page()
    where = "file://" + os.path.abspath("page.html")
    dom = run(*words, "--dump-dom", where)
    assert "<script" not in dom and "was dropped before" in dom
    run(*words, "--window-size=1200,1600", "--screenshot=page.png", where)
    rows = pixels(Path("page.png"))
    assert len(rows) > 1200 * 1600 * 3 and len(set(rows[::97])) > 20, "the page is blank"


def main():
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for f in TESTS:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                f()
                count["passed"] += 1
            except Skip as e:
                count["skipped"] += 1
                print("SKIP %s: %s" % (f.__name__, e))
            except Exception:  # pylint: disable=broad-except
                count["failed"] += 1
                print("FAIL %s" % f.__name__)
                traceback.print_exc(file=sys.stdout)
            for name in ("page.html", "page.png"):
                if ARGS.keep and Path(name).exists():
                    shutil.copy(name, ARGS.keep)
            os.chdir("/")
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
    return count["failed"] > 0


PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("--nwfc", type=lambda p: Path(p).resolve(), default=ROOT / "build" / "nwfc")
PARSER.add_argument("--keep", metavar="FOLDER", type=os.path.abspath)
ARGS = PARSER.parse_args()
sys.exit(main())
