#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is what the documents say what the program does?

    check-docs.py [--nwfc PATH] [--learnd PATH] [--update]

- nwfc(1) has every command, option (of which commands, with which default) and
  finding, and no other.
- nwfc(5) has every element and attribute of `nwfc fields` with its type and
  range, and no other; its filters and ports are read without a finding.
- Every command under EXAMPLES of nwfc(1) runs.
- Every `$ command` of a console block in README.md and docs/semantics.md prints
  what stands below it; --update writes there what it prints. A block that begins
  with `# command` runs in a namespace of its own, and every command must succeed.
- learnd(8) has every option, key of the learn file, event, kind of evidence and limit, and no
  other; its files are read; its commands under EXAMPLES run.
- The manual pages are set without a warning.

The last line says how many passed, failed, and were skipped for want of a tool.
"""
import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
TEXTS = ['README.md', 'docs/semantics.md']

counts = {'passed': 0, 'failed': 0, 'skipped': 0}


def report(good, what, detail=''):
    counts['passed' if good else 'failed'] += 1
    if not good:
        print(f'FAIL {what}')
        for line in detail.splitlines()[:40]:
            print(f'     {line}')


def skip(what, why):
    counts['skipped'] += 1
    print(f'SKIP {what}: {why}')


def same(what, wanted, got):
    """Two sets of what ought to be equal."""
    lacking, extra = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
    detail = [f'is not in the manual: {x}' for x in lacking]
    detail += [f'is in the manual alone: {x}' for x in extra]
    report(not detail, what, '\n'.join(map(str, detail)))


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def section(page, title, macro='.Sh'):
    lines, inside = [], False
    for line in page.splitlines():
        if line.startswith(macro + ' ') or line.startswith('.Sh '):
            inside = line == f'{macro} {title}'
        elif inside:
            lines.append(line)
    return lines


# --- nwfc(1) ------------------------------------------------------------------------

def help_of(nwfc, command):
    out = subprocess.run([nwfc, command, '--help'], capture_output=True, text=True, check=True).stdout
    return re.findall(r'^  {1,5}(-\S.*?)  +(\S.*)$|^      (-\S+) +(\S.*)$', out, re.M)


def program_options(nwfc, commands):
    """{'-o, --output=FILE': ({commands}, [defaults])}"""
    options = {}
    for c in commands:
        for a, text, b, text2 in help_of(nwfc, c):
            name = ' '.join((a or b).split())
            numbers = re.findall(r'\((\d+|nwfc)\)', text or text2)
            options.setdefault(name, (set(), numbers))[0].add(c)
    return options


def mdoc_text(line):
    """A line of macros as plain text, far enough for option names."""
    words, out, glue = line.split()[1:], '', True
    for i, w in enumerate(words):
        if w == 'Ns':
            glue = True
            continue
        if w in ('Ar', 'Cm', 'Pa'):
            continue
        if w in ('Oo', 'Oc'):
            out += '[' if w == 'Oo' else ']'
            continue
        if w == 'Fl':
            out += ('' if glue or not out else ' ') + '-'
            glue = True
            continue
        out += ('' if glue or w == ',' or not out else ' ') + w
        glue = False
    return out


def manual_options(page):
    options, lines = {}, section(page, 'OPTIONS')
    for i, line in enumerate(lines):
        if not line.startswith('.It Fl'):
            continue
        end = next((j for j in range(i + 1, len(lines)) if lines[j].startswith('.It')), len(lines))
        commands = lines[i + 1]
        if not commands.startswith('.Bq '):
            commands = '.Bq'
        options[mdoc_text(line)] = (set(commands[4:].replace(',', ' ').split()),
                                    ' '.join(lines[i + 2:end]))
    return options


def check_options(nwfc, page):
    out = subprocess.run([nwfc, 'help'], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r'^  (\w+) +\S', out, re.M)
    synopsis = ' '.join(section(page, 'SYNOPSIS'))
    same('commands in the synopsis of nwfc(1)', commands, re.findall(r'\.Cm (\w+)', synopsis))
    same('commands in nwfc(1)', commands,
         [line.split()[2] for line in section(page, 'Commands', '.Ss') if line.startswith('.It Cm')])
    wanted = program_options(nwfc, [c for c in commands if c not in ('help', 'version')])
    got = manual_options(page)
    same('options in nwfc(1)', wanted, got)
    for name in sorted(set(wanted) & set(got)):
        report(wanted[name][0] == got[name][0], f'commands of {name} in nwfc(1)',
               f'--help: {sorted(wanted[name][0])}, manual: {sorted(got[name][0])}')
        for number in wanted[name][1]:
            report(number in got[name][1], f'default {number} of {name} in nwfc(1)')
    targets = re.findall(r'"-t wants (.*?)"', read('nwfc/compile.c'))[0].replace(' or ', ', ')
    same('targets in nwfc(1)', targets.split(', '),
         [line.split()[2] for line in section(page, 'Targets', '.Ss') if line.startswith('.It Cm')])


def check_findings(page):
    kinds = re.findall(r'^KIND\((\w+),\s*"([\w-]+)"', read('ir/findings.def'), re.M)
    got = re.findall(r'^\.It ([EWN]\d+) ([\w-]+)$', page, re.M)
    same('findings in nwfc(1)', [' '.join(k) for k in kinds], [' '.join(g) for g in got])
    report(len(got) == len(set(got)), 'findings in nwfc(1) stand once')


# --- nwfc(5) ------------------------------------------------------------------------

def type_text(a):
    """The words of the manual for an attribute's type and range."""
    t = re.sub(r'^an? |^the ', '', a['type'])
    if 'max' in a and not t.startswith('true'):
        t += f" {a['min']}..{a['max']}"
    return t


def manual_tables(page):
    """{element: {attribute: type}}; IPv4 or IPv6 becomes what the element's family has."""
    elements = {}
    for names, body in re.findall(r'^\.\\" fields: ([^\n]*)\n\.TS\n(.*?)^\.TE', page, re.M | re.S):
        rows = re.findall(r'^\\fB(.*?)\\fP\tT\{\n(.*?)\nT\}\tT\{\n(.*?)\nT\}', body, re.M)
        report(all(text for _, _, text in rows), f'attributes of {names} are explained')
        for e in names.split():
            for name, t, _ in rows:
                elements.setdefault(e, {})[name.replace('\\-', '-')] = re.sub(r'^the ', '', t)
    return elements


def check_fields(nwfc, page):
    out = subprocess.run([nwfc, 'fields', '--format=json'], capture_output=True, check=True).stdout
    tables = json.loads(out)
    got = manual_tables(page)
    same('elements in nwfc(5)', [p['element'] for p in tables['protocols']], got)
    fixed, words = set(), set()
    for p in tables['protocols']:
        family = {4: 'IPv4', 6: 'IPv6'}.get(p['family'], 'IPv4')
        wanted = {a['name']: type_text(a) for a in p['attributes']}
        have = {n: t.replace('IPv4 or IPv6', family) for n, t in got.get(p['element'], {}).items()}
        same(f"attributes of {p['element']} in nwfc(5)", wanted.items(), have.items())
        fixed |= {a['name'] for a in p['attributes'] if not a['variable']}
        words |= {w for a in p['attributes'] for w in a.get('words', [])}
    sentence = re.search(r'^No variable can stand for\n(.*?)\.$', page, re.M | re.S).group(1)
    same('attributes without variables in nwfc(5)', fixed,
         set(re.findall(r'[\w-]+', sentence)) - {'Cm', 'and', 'the', 'of', 'tcp'})
    values = ' '.join(section(page, 'VALUES'))
    for w in sorted(words):
        report(re.search(rf'(?<!\w){re.escape(w)}(?!\w)', values), f'the word {w} in nwfc(5)')


def check_documents(nwfc, page, dir_):
    """The literal blocks that are whole documents."""
    blocks = re.findall(r'^\.Bd -literal.*?\n(.*?)^\.Ed', page, re.M | re.S)
    blocks = [b.replace('\\e', '\\') for b in blocks]
    grammar = subprocess.run(['sh', os.path.join(TOP, 'scripts', 'grammar.sh')], capture_output=True, text=True)
    report(grammar.stdout and grammar.stdout in blocks, 'the grammar in nwfc(5) is that of scripts/grammar.sh')
    whole = [b for b in blocks if re.match(r'<(filter|filterbinding)[ >]|#|filter |port ', b)]
    report(len(whole) >= 3, 'nwfc(5) has documents to try')
    for i, b in enumerate(whole):
        path = os.path.join(dir_, f'nwfc5-{i}.' + ('xml' if b.startswith('<') else 'nwf'))
        with open(path, 'w', encoding='utf-8') as f:
            f.write(b)
        r = subprocess.run([nwfc, 'check', '--werror', path], capture_output=True, text=True)
        report(r.returncode == 0, f'nwfc(5), document {i + 1}', r.stderr)


# --- commands -------------------------------------------------------------------------

BINDING = """<filterbinding>
  <owner>
    <name>{name}</name>
    <uuid>d54df46f-1ab5-4a22-8618-4560ef5fac{n:02x}</uuid>
  </owner>
  <portdev name='vnet{n}'/>
  <mac address='52:54:00:12:34:{n:02x}'/>
  <filterref filter='clean-traffic'>
    <parameter name='IP' value='{ip}'/>
  </filterref>
</filterbinding>
"""

DOMAIN = """<domain type='kvm'><name>guest</name><devices>
  <interface type='bridge'><mac address='52:54:00:12:34:56'/>
    <filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.1'/></filterref>
  </interface></devices></domain>
"""


def put(dir_, name, text, mode=0o644):
    path = os.path.join(dir_, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    os.chmod(path, mode)


def make_place(nwfc, dir_):
    """A folder that looks like a checkout, with the files that examples speak of."""
    for n, name, ip in ((0, 'mail', '10.0.0.1'), (1, 'web', '10.0.0.2')):
        put(dir_, f'bindings/{name}.xml', BINDING.format(n=n, name=name, ip=ip))
        put(dir_, f'bindings.old/{name}.xml', BINDING.format(n=n, name=name, ip='10.0.0.2' if n else '10.0.0.9'))
    put(dir_, 'tests/mail.case', '=== input\n../bindings/mail.xml\n=== packets\ndrop: out arp request spa 10.0.0.9\n')
    put(dir_, 'filters/mine.xml', "<filter name='mine'><rule action='drop' direction='out'/></filter>\n")
    put(dir_, 'bin/virsh', f"#!/bin/sh\ncat <<'EOF'\n{DOMAIN}EOF\n", 0o755)
    os.symlink(nwfc, os.path.join(dir_, 'bin', 'nwfc'))
    os.makedirs(os.path.join(dir_, 'build'))
    os.symlink(nwfc, os.path.join(dir_, 'build', 'nwfc'))
    os.symlink(os.path.join(TOP, 'examples'), os.path.join(dir_, 'examples'))


def environment(dir_):
    path = os.path.join(dir_, 'bin') + ':' + os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
    return dict(os.environ, PATH=path, LC_ALL='C.UTF-8')


def run(command, dir_, prefix=(), shell='sh'):
    return subprocess.run([*prefix, shell, '-c', command], cwd=dir_, env=environment(dir_), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace')


def check_examples(page, dir_):
    commands = [line[4:].strip() for line in section(page, 'EXAMPLES') if line.startswith('.Dl ')]
    report(len(commands) >= 5, 'nwfc(1) has examples')
    for c in commands:
        r = run(c, dir_)
        report(r.returncode == 0, f'nwfc(1): {c}', r.stdout)


def private_network():
    return subprocess.run(['unshare', '-rn', 'true'], capture_output=True).returncode == 0


def run_as_root(name, block, dir_):
    commands = [c[2:] for c in re.findall(r'^# (?:.*\\\n)*.*', block, re.M)]
    tools = {w for c in commands for w in re.findall(r'\b(?:nft|ebtables-restore|iptables-restore|ip6tables-restore)\b', c)}
    lacking = [t for t in sorted(tools) if not shutil.which(t, path=environment(dir_)['PATH'])]
    what = f'{name}: {commands[0]} ...'
    if lacking or not private_network():
        skip(what, f"no {', '.join(lacking)}" if lacking else 'no network namespace can be made here')
        return
    lines = ['set -eo pipefail'] + commands
    if shutil.which('nft', path=environment(dir_)['PATH']) and 'remove' in commands[-1]:
        lines.append('! nft list ruleset | grep nwfc')
    r = run('\n'.join(lines), dir_, ('unshare', '-rn'), 'bash')
    report(r.returncode == 0, what, r.stdout)


def run_block(name, block, dir_):
    """Compare; give the block as it should be."""
    if block.startswith('# '):
        run_as_root(name, block, dir_)
        return block
    result = ''
    for typed, shown in re.findall(r'^(\$ (?:.*\\\n)*.*\n(?:> ?.*\n)*)((?:(?!\$ ).*\n)*)', block, re.M):
        command = re.sub(r'^> ?|^\$ ', '', typed, flags=re.M)
        r = run(command, dir_)
        report(r.stdout == shown, f'{name}: {typed.splitlines()[0]}', f'shown:\n{shown}\nprinted:\n{r.stdout}')
        result += typed + r.stdout
    return result


def check_text(name, dir_, update):
    text = read(name)
    fence = re.compile(r'(?<=^```console\n)(.*?)(?=^```$)', re.M | re.S)
    report(fence.search(text), f'{name} has commands')
    fresh = fence.sub(lambda m: run_block(name, m.group(1), dir_), text)
    if update and fresh != text:
        with open(os.path.join(TOP, name), 'w', encoding='utf-8') as f:
            f.write(fresh)
        print(f'{name}: updated')
    for target in re.findall(r'\]\(([^)#:]+)\)', text):
        there = os.path.join(TOP, os.path.dirname(name), target)
        report(os.path.exists(there), f'{name}: link to {target}')


# --- learnd(8) ------------------------------------------------------------------------

def words_of(page, title, macro):
    """What stands in the `.It Cm` lines of a section."""
    lines = [line[7:] for line in section(page, title, macro) if line.startswith('.It Cm ')]
    return [w for line in lines for w in re.split(r' , ', re.sub(r' (Ar|Cm) .*', '', line))]


def check_learnd(learnd, page, dir_):
    out = subprocess.run([learnd, '--help'], capture_output=True, text=True, check=True).stdout
    wanted = {}
    for short, long_, value, text in re.findall(r'^  (-\S, |    )(--\w+) ?(\S*)  +(.*)$', out, re.M):
        wanted[short.strip() + ' ' * bool(short.strip()) + long_ + (f'={value}' if value else '')] = text
    for pair in re.findall(r'^  (-\w), (--\w+); (-\w), (--\w+)$', out, re.M):
        wanted |= {f'{pair[0]}, {pair[1]}': '', f'{pair[2]}, {pair[3]}': ''}
    lines = section(page, 'OPTIONS')
    got = {mdoc_text(line): i for i, line in enumerate(lines) if line.startswith('.It Fl')}
    same('options in learnd(8)', wanted, got)
    for name in sorted(set(wanted) & set(got)):
        for number in re.findall(r'\((\d+)\)', wanted[name]):
            report(number in ' '.join(lines[got[name] + 1:got[name] + 5]), f'default {number} of {name} in learnd(8)')
    table = read('learnd/port.c').split('} keys[] = {')[1]
    same('keys in learnd(8)', re.findall(r'^\t\{"([\w-]+)"', table, re.M), words_of(page, 'THE LEARN FILE', '.Sh'))
    names = re.findall(r'event_names\[EVENT_KINDS\] = \{(.*?)\}', read('learnd/believe.c'), re.S)[0]
    evidence = re.findall(r'evidence_names\[EVIDENCES\] = \{(.*?)\}', read('learnd/believe.c'))[0]
    same('events of addresses in learnd(8)', re.findall(r'"(\w+)"', names),
         words_of(page, 'What becomes of an address', '.Ss'))
    said = set()
    for f in sorted(os.listdir(os.path.join(TOP, 'learnd'))):
        said |= set(re.findall(r'(?:report_text|begin)\(&?d, "([\w-]+)"', read(f'learnd/{f}')))
    same('events of the daemon in learnd(8)', said, words_of(page, 'What becomes of the daemon', '.Ss'))
    same('evidence in learnd(8)', re.findall(r'"(\w+)"', evidence),
         re.findall(r'^\.It (\w+) Ta \d', page, re.M))
    check_learnd_files(learnd, page, dir_)


def check_learnd_files(learnd, page, dir_):
    """The learn file and the journal of the manual, and the commands that can be run with them."""
    blocks = re.findall(r'^\.Bd -literal.*?\n(.*?)^\.Ed', page, re.M | re.S)
    learn = [b for b in blocks if b.startswith('nwfc-learn ')]
    leases = [b for b in blocks if b.startswith('nwfc-leases ')]
    report(len(learn) == len(leases) == 1, 'learnd(8) has both files')
    put(dir_, 'vnet0.learn', learn[0])
    put(dir_, 'leases', leases[0])
    os.makedirs(os.path.join(dir_, 'other'))
    with open(os.path.join(dir_, 'boot.pcap'), 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 2048, 1))
    os.symlink(learnd, os.path.join(dir_, 'bin', 'learnd'))
    # that port is for mode dhcp
    commands = [line[4:].strip() for line in section(page, 'EXAMPLES') if line.startswith('.Dl learnd')]
    report(len(commands) >= 3, 'learnd(8) has examples')
    for c in commands:
        r = run(c.replace('--mode any', '--mode dhcp'), dir_)
        report(r.returncode == 0, f'learnd(8): {c}', r.stdout)
    with open(os.path.join(dir_, 'guest.leases'), encoding='utf-8') as f:
        report(len(f.read().splitlines()) == 2, 'the journal in learnd(8) has a lease of the guest')


def check_setting(path):
    if not shutil.which('man'):
        skip(path, 'no man')
        return
    r = subprocess.run(['man', '--warnings', '-l', os.path.join(TOP, path)], capture_output=True, text=True,
                       env=dict(os.environ, MANWIDTH='80', LC_ALL='C.UTF-8', PAGER='cat', MANPAGER='cat'))
    report(r.returncode == 0 and not r.stderr, f'{path} is set without a warning', r.stderr)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--nwfc', default=os.path.join(TOP, 'build', 'nwfc'))
    p.add_argument('--learnd', default=os.path.join(TOP, 'build', 'learnd'))
    p.add_argument('--update', action='store_true')
    args = p.parse_args()
    nwfc = os.path.abspath(args.nwfc)
    page1, page5, page8 = read('man/nwfc.1'), read('man/nwfc.5'), read('man/learnd.8')
    with tempfile.TemporaryDirectory() as dir_:
        make_place(nwfc, dir_)
        check_options(nwfc, page1)
        check_findings(page1)
        check_fields(nwfc, page5)
        check_documents(nwfc, page5, dir_)
        check_examples(page1, dir_)
        check_learnd(os.path.abspath(args.learnd), page8, dir_)
        for words in ('check --werror', 'fmt --check', 'compile -t nft'):
            r = run(f'nwfc {words} examples/tour.nwf >out', dir_)
            report(r.returncode == 0, f'examples/tour.nwf: {words}', r.stdout)
        for name in TEXTS:
            check_text(name, dir_, args.update)
    check_setting('man/nwfc.1')
    check_setting('man/nwfc.5')
    check_setting('man/learnd.8')
    print('{passed} passed, {failed} failed, {skipped} skipped'.format(**counts))
    return counts['failed'] > 0


sys.exit(main())
