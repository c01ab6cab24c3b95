# SPDX-License-Identifier: MIT
"""Cases: one readable file each.

Lines before the first section say what the case shows. Then, written by hand:

    === NAME.xml, NAME.nwf           a file, given as an input
    === NAME.leases, NAME.learn, NAME.script   a file that runs name
    === DIR/NAME.xml                 a file of a folder, which is given with -I
    === port NAME MAC FILTER         a port; its variables follow, "NAME VALUE..." a line
    === arguments                    options of all runs
    === runs                         "NAME: COMMAND ARGUMENTS" a line, in place of the two
                                     that every case has otherwise: classic and nft; the inputs
                                     stand at the end, or where INPUTS does; with ALONE the
                                     run names what it reads itself

and, written by run.py --update and read by whoever reviews the change:

    === NAME exit STATUS             a run's status and its findings
    === NAME FILE                    a file that it wrote; "-" is standard output
"""
import os
import re
import shlex
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUNS = [("classic", "compile -t ebtables -t iptables -t ip6tables -o out"),
        ("nft", "compile -t nft -o out/nft")]
COMPILE_ONLY = ("--allow-loss=", "--max-product=")
BINDING = """<filterbinding>
  <owner><name>vm</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></owner>
  <portdev name='%s'/>
  <mac address='%s'/>
  <filterref filter='%s'>
%s  </filterref>
</filterbinding>
"""


def binding(words, body):
    port, mac, name = words
    params = ""
    for line in body.splitlines():
        variable, *values = line.split()
        params += "".join("    <parameter name='%s' value='%s'/>\n" % (variable, v) for v in values)
    return BINDING % (port, mac, name, params)


class Case:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        self.files, self.inputs, self.dirs, self.arguments, self.runs = {}, [], [], [], []
        self.by_hand, self.expected = "", ""
        head, *sections = re.split(r"^=== ", path.read_text(), flags=re.M)
        self.by_hand = head
        for section in sections:
            title, body = section.split("\n", 1)
            if not self.take(title, body):
                self.expected += "=== " + section
            else:
                self.by_hand += "=== " + section
        self.runs = self.runs or RUNS

    def take(self, title, body):
        words = title.split()
        if len(words) == 1 and title.endswith((".leases", ".learn", ".script")):
            self.files[title] = body
        elif len(words) == 1 and title.endswith((".xml", ".nwf")):
            self.files[title] = body
            folder = os.path.dirname(title)
            if not folder:
                self.inputs.append(title)
            elif folder not in self.dirs:
                self.dirs.append(folder)
        elif words[0] == "port":
            name = "port-%s.xml" % words[1]
            self.files[name] = binding(words[1:], body)
            self.inputs.append(name)
        elif title == "arguments":
            self.arguments = shlex.split(body)
        elif title == "runs":
            self.runs = [tuple(x.strip() for x in line.split(":", 1)) for line in body.splitlines() if line]
        else:
            return False
        return True

    def write_inputs(self, folder):
        for name, text in self.files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        Path(folder, "out").mkdir()

    def command(self, nwfc, arguments):
        words = [str(nwfc)] + shlex.split(arguments)
        for d in self.dirs:
            words += ["-I", d]
        own = [a for a in self.arguments if words[1] == "compile" or not a.startswith(COMPILE_ONLY)]
        if "ALONE" in words:
            return [w for w in words if w != "ALONE"] + own
        if "INPUTS" in words:
            at = words.index("INPUTS")
            return words[:at] + own + self.inputs + words[at + 1:]
        return words + own + self.inputs

    def run(self, nwfc, folder, arguments, timeout=60):
        """(exit status, findings, standard output)"""
        p = subprocess.run(self.command(nwfc, arguments), cwd=folder, stdin=subprocess.DEVNULL, timeout=timeout,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="surrogateescape")
        return p.returncode, p.stderr, p.stdout


def all_cases(names=()):
    paths = sorted(HERE.glob("*.case"))
    return [Case(p) for p in paths if not names or p.stem in names]
