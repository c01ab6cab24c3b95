# SPDX-License-Identifier: MIT
"""Rule sets as chains of words: reading them, loading them with the real tools, one normal form.

Three sides are compared (libvirt's dump, the compiler's script, the reference model) and each
spells a rule in its own way.  So all of them go through the same tools: written to one restore
file, loaded in a fresh network namespace, and read back.  What comes back is the tool's
spelling for all of them.  Many rule sets are loaded at once, each under chain names of its own.
"""
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

TARGETS = {"ebtables": "nat", "iptables": "filter", "ip6tables": "filter"}
VERDICTS = {"ACCEPT", "DROP", "RETURN", "REJECT", "CONTINUE", "QUEUE"}
JUMPS = ("-j", "-g", "--jump", "--goto")


class ToolRefused(Exception):
    """A tool did not take a rule; carries the index of the rule set and the tool's words."""

    def __init__(self, index, text):
        super().__init__(text)
        self.index, self.text = index, text


# A restore file has no way to write a newline; the dump of a rule made on the command line has.
NEWLINE = "\u2028"
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.S)


def split(line):
    """The words of a line as iptables-save writes them: double quotes, backslash escapes."""
    words = [re.sub(r"\\(.)", r"\1", m.group(1), flags=re.S) if m.group(2) is None else m.group(2)
             for m in WORD.finditer(line)]
    return [w.replace(NEWLINE, "\n") for w in words]


def quote(word):
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./!-]+", word):
        return word
    return '"%s"' % re.sub(r'(["\\])', r"\\\1", word.replace("\n", NEWLINE))


def whole_lines(text):
    """Lines, with a quoted newline kept inside its line."""
    held = ""
    for line in text.split("\n"):
        held += line
        if re.sub(r"\\.", "", held).count('"') % 2:
            held += "\n"
            continue
        yield held
        held = ""


def parse(text, table):
    """{chain: [words]} of one table of a save or restore file, in the order of the file."""
    chains, current = {}, None
    for line in whole_lines(text):
        if line.startswith("*"):
            current = line[1:].strip()
        elif current == table and line.startswith(":"):
            chains.setdefault(line[1:].split()[0], [])
        elif current == table and line.startswith(("-A ", "-I ")):
            words = split(line)
            rules = chains.setdefault(words[1], [])
            rules.insert(len(rules) if words[0] == "-A" else 0, words[2:])
    return chains


def jump_of(words):
    """The position of the chain that a rule jumps or goes to, or None."""
    for i, w in enumerate(words[:-1]):
        if w in JUMPS:
            return i + 1 if words[i + 1] not in VERDICTS else None
    return None


def renamed(chains, names):
    """The same rule set with other chain names; names maps old to new."""
    out = {}
    for chain, rules in chains.items():
        out[names.get(chain, chain)] = [
            [names.get(w, w) if jump_of(words) == i else w for i, w in enumerate(words)] for words in rules]
    return out


def pruned(chains):
    """Without chains that hold nothing, and without the jumps to them: they decide nothing.

    A bare RETURN at the end of a chain is what the end of a chain means, so it goes as well."""
    chains = {c: list(r) for c, r in chains.items()}
    while True:
        for rules in chains.values():
            while rules and rules[-1] == ["-j", "RETURN"]:
                rules.pop()
        empty = {c for c, r in chains.items() if not r}
        if not empty:
            return chains
        chains = {c: [w for w in r if jump_of(w) is None or w[jump_of(w)] not in empty]
                  for c, r in chains.items() if r}


def numbered(chains, roots):
    """Sub-chains named by the place of the jump to them, so that no side's naming scheme matters."""
    names, queue = {r: r for r in roots}, list(roots)
    for chain in queue:
        for words in chains.get(chain, ()):
            at = jump_of(words)
            if at is not None and words[at] not in names:
                names[words[at]] = "%s/%d" % (names[chain], sum(v.startswith(names[chain] + "/") for v in names.values()))
                queue.append(words[at])
    return renamed(chains, names)


def inlined(chains, dispatchers):
    """With the unconditional jumps to the given chains replaced by what stands in them."""
    out = {}
    for chain, rules in chains.items():
        if chain not in dispatchers:
            out[chain] = [w for words in rules for w in
                          (chains.get(words[1], []) if words[0] == "-j" and words[1] in dispatchers else [words])]
    return out


def groups(words):
    """A rule as a sorted list of single tests and the target.

    iptables prints -m options in the order in which they were given, one match at a time, and
    several tests of conntrack may stand in one -m or in two; neither changes the meaning."""
    tests, current, match, i = [], None, "", 0
    while i < len(words):
        w = words[i]
        if w == "-m":
            match, current = words[i + 1], None
            tests.append([match])
            i += 2
            continue
        if w == "!" and words[i + 1].startswith("-"):   # of iptables; that of ebtables stands before the value
            current = [match, "!"]
            tests.append(current)
        elif w.startswith("-") and len(w) > 1:
            if w in JUMPS:
                match = ""      # what follows belongs to the target
            if current is None or current[-1] != "!":
                current = [match]
                tests.append(current)
            if w[1] != "-":
                current[0] = ""     # -p, -s and the like belong to no match
            current.append(w)
        else:
            current.append(w)
        i += 1
    tests = [t for t in tests if t != ["comment", "--comment", ""]]     # an empty one says nothing
    # one negated source port: spelled so that iptables-nft does not join it with a destination port
    protocol = next((t[2] for t in tests if t[:2] == ["", "-p"]), "")
    tests = [[protocol, "!", "--sport"] + t[3:] if t[:3] == ["multiport", "!", "--sports"] else t for t in tests]
    bare = {t[0] for t in tests if len(t) > 1} | {"comment", "multiport"}
    return sorted(t for t in tests if len(t) > 1 or t[0] not in bare)


class Loader:
    """Collects rule sets and loads them all with the installed tools."""

    def __init__(self, ipsets=()):
        self.sets, self.ipsets = [], list(ipsets)

    def add(self, programs):
        """programs: {target: chains}.  The answer is the number under which they come back."""
        self.sets.append(programs)
        return len(self.sets) - 1

    def restore_text(self, target):
        lines, owner, names = ["*" + TARGETS[target]], [None], {}
        for n, programs in enumerate(self.sets):
            local = {c: "c%d.%d" % (n, k) for k, c in enumerate(programs.get(target, {}))}
            for chain in local.values():
                lines.append(":%s -" % chain if target != "ebtables" else ":%s ACCEPT" % chain)
                owner.append(n)
            names.update({short: (n, long) for long, short in local.items()})
        for n, programs in enumerate(self.sets):
            local = {c: "c%d.%d" % (n, k) for k, c in enumerate(programs.get(target, {}))}
            for chain, rules in renamed(programs.get(target, {}), local).items():
                for words in rules:
                    lines.append(" ".join(["-A", chain] + [quote(w) for w in words]))
                    owner.append(n)
        return "\n".join(lines + ["COMMIT", ""]), owner, names

    def load(self):
        """[{target: chains}] as the tools print them; raises ToolRefused."""
        out = [{t: {c: [] for c in p.get(t, {})} for t in TARGETS} for p in self.sets]
        with tempfile.TemporaryDirectory() as tmp:
            script, where = ["set -e", "cd %s" % shlex.quote(tmp)], {}
            script += ["%s || exit 90" % s for s in self.ipsets]
            for n, target in enumerate(TARGETS):
                text, owner, names = self.restore_text(target)
                Path(tmp, target).write_text(text)
                where[target] = (owner, names)
                script.append("%s-restore <%s 2>%s.err || exit %d" % (target, target, target, 91 + n))
                script.append("%s-save >%s.save" % (target, target))
            done = in_namespace("\n".join(script))
            if 91 <= done.returncode <= 93:
                target = list(TARGETS)[done.returncode - 91]
                self.blame(Path(tmp, target + ".err").read_text(), where[target][0])
            if done.returncode:
                raise RuntimeError("the tools could not be run: " + done.stderr.decode(errors="replace"))
            for target in TARGETS:
                names = where[target][1]
                saved = parse(Path(tmp, target + ".save").read_text(), TARGETS[target])
                for short, (n, long) in names.items():
                    back = {s: l for s, (m, l) in names.items() if m == n} if saved.get(short) else {}
                    out[n][target][long] = next(iter(renamed({long: saved.get(short, [])}, back).values()))
        return out

    @staticmethod
    def blame(text, owner):
        found = re.search(r"line:? (\d+)", text)
        number = int(found.group(1)) - 1 if found else 0
        raise ToolRefused(owner[number] if number < len(owner) else None, text.strip())


def in_namespace(script):
    """Run a shell script as (seeming) root in a network namespace of its own."""
    flags = ["-n"] if os.geteuid() == 0 else ["-rn"]
    return subprocess.run(["unshare"] + flags + ["sh", "-c", "export PATH=$PATH:/usr/sbin:/sbin\n" + script],
                          capture_output=True, check=False)
