#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What others put into their CI: the hooks, the GitHub action, the GitLab template, and examples/ci.

The files are read as YAML and their scripts are run, step by step, in a repository that is a copy of
examples/ci; what they call of GitHub is a stand-in that takes notes.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from harness import ROOT, Skip, main, nwfc, test  # noqa: E402

try:
    import yaml
except ImportError:
    yaml = None

EXAMPLE = ROOT / "examples" / "ci"
FILES = [".pre-commit-hooks.yaml", "action.yml", "templates/nwfc.yml", "examples/ci/.pre-commit-config.yaml",
         "examples/ci/.gitlab-ci.yml", "examples/ci/.github/workflows/filters.yml"]
STAND_IN_GH = """#!/usr/bin/env python3
import json, os, sys
notes = os.environ["NOTES"]
calls = json.load(open(notes)) if os.path.exists(notes) else []
words = sys.argv[1:]
body = next((open(w.split("@", 1)[1]).read() for w in words if w.startswith("body=@")), None)
calls.append({"words": words, "body": body})
json.dump(calls, open(notes, "w"))
if "--jq" in words and any(c["body"] for c in calls):
    print(77)
"""


def documents(name):
    if not yaml:
        raise Skip("no python3-yaml here")
    return list(yaml.safe_load_all((ROOT / name).read_text()))


def run(words, status=0, **more):
    p = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, **more)
    assert status is None or p.returncode == status, (words, p.returncode, p.stdout)
    return p.stdout


def git(*words):
    return run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words])


def repository():
    """A copy of the example, committed, with nwfc (and a stand-in of gh) in PATH."""
    if not shutil.which("git") or not shutil.which("patch"):
        raise Skip("no git or no patch here")
    shutil.copytree(EXAMPLE, "repo", ignore=shutil.ignore_patterns("build"))
    os.mkdir("bin")
    os.symlink(nwfc.program, "bin/nwfc")
    Path("bin/gh").write_text(STAND_IN_GH)
    os.chmod("bin/gh", 0o755)
    env = dict(os.environ, PATH=os.path.abspath("bin") + ":" + os.environ["PATH"], NOTES=os.path.abspath("notes"))
    os.chdir("repo")
    git("init", "-q", "-b", "main", ".")
    git("add", "-A")
    git("commit", "-q", "-m", "all")
    return env


def change(name):
    run(["patch", "-s", "-p1", "-i", str(EXAMPLE / "changes" / (name + ".patch"))])


def stand_in_diff():
    """Where nwfc has no diff yet, its plumbing is tried with one that compares files."""
    if re.search(r"^  diff ", nwfc("help").out, flags=re.M):
        return
    os.unlink("../bin/nwfc")
    Path("../bin/nwfc").write_text("""#!/bin/sh
[ "$1" = diff ] || exec '%s' "$@"
shift 3
if diff -r "$1" "$2" >/dev/null; then echo 'no packet is treated differently'; else echo "$1 and $2 differ"; exit 1; fi
""" % nwfc.program)
    os.chmod("../bin/nwfc", 0o755)


# --- files ---------------------------------------------------------------------------------

@test
def all_is_yaml():
    for name in FILES:
        assert documents(name), name


@test
def action_is_whole():
    action, = documents("action.yml")
    text = (ROOT / "action.yml").read_text()
    steps = action["runs"]["steps"]
    assert action["runs"]["using"] == "composite" and all(("run" in s) != ("uses" in s) for s in steps)
    assert set(re.findall(r"\binputs\.([\w-]+)", text)) == set(action["inputs"])
    assert set(re.findall(r"\bsteps\.([\w-]+)", text)) <= {s.get("id") for s in steps}
    for s in steps:
        if "run" in s:
            assert s["shell"] == "bash" and "${{" not in s["run"], "a value would become code: %s" % s["name"]
            run(["bash", "-n", "-c", s["run"]])
    for name in re.findall(r"\$SCRIPTS/([\w.-]+)", text):
        assert os.access(ROOT / "scripts" / "ci" / name, os.X_OK), name
    for path in (ROOT / "scripts" / "ci").glob("*.sh"):
        run(["sh", "-n", str(path)])


@test
def hooks_exist():
    hooks, = documents(".pre-commit-hooks.yaml")
    used = {h["id"] for r in documents("examples/ci/.pre-commit-config.yaml")[0]["repos"] for h in r["hooks"]}
    assert {h["id"] for h in hooks} == {"nwfc-check", "nwfc-fmt"} == used
    for h in hooks:
        assert os.access(ROOT / h["entry"].split()[0], os.X_OK), h
        for path, wanted in (("host/web.nwf", True), ("a.nwf", True), ("filters/a.xml", True), ("pom.xml", False), ("a.nwf.bak", False)):
            assert bool(re.search(h["files"], path)) == wanted, (h["id"], path)


# --- the example ---------------------------------------------------------------------------

@test
def the_example_is_right():
    env = repository()
    out = run(["make", "check"], env=env)
    assert re.search(r"^3 passed, 0 failed$", out, flags=re.M), out
    assert Path("build/nwfc.nft").exists() and json.loads(Path("build/nwfc.map").read_text())["version"] == 1
    assert "Nothing to be done" in run(["make"], env=env) or "up to date" in run(["make"], env=env)
    os.utime("host/web.nwf", (2e9, 2e9))
    assert "compile" in run(["make"], env=env)
    assert not git("status", "--porcelain"), git("status", "--porcelain")


@test
def a_mistake_is_caught():
    env = repository()
    change("ipv6-forgotten")
    run(["nwfc", "check", "--werror", "host"], env=env)  # no finding: it is a filter like another
    out = run(["make", "-k", "check"], status=2, env=env)
    assert "tests/db1.case:8: drop: in ip6 tcp dport 5432 state new: drop wanted, got pass" in out, out
    assert "ok    tests/web1.case" in out
    assert re.search(r'asserts.nwf:8:1: never in ip6 ct state new "and not over IPv6"\n +BROKEN +port vnet1\b', out), out
    run(["make", "update"], status=None, env=env)  # and can not be updated away
    assert "db1.case:8" in run(["make", "check"], status=2, env=env)


@test
def what_changes_nothing_passes_after_an_update():
    env = repository()
    change("another-order")
    out = run(["make", "check"], status=2, env=env)
    assert "FAIL  tests/script.case" in out and "ok    tests/db1.case" in out and "ok    tests/web1.case" in out, out
    run(["make", "update"], env=env)
    assert "3 passed" in run(["make", "check"], env=env)
    assert git("status", "--porcelain").split() == ["M", "host/base.nwf", "M", "tests/script.case"]
    stand_in_diff()
    if re.search(r"^  diff ", nwfc("help").out, flags=re.M):
        assert "no packet is treated differently" in run(["make", "diff"], env=env)


@test
def the_readme_says_what_happens():
    text = (EXAMPLE / "README.md").read_text()
    for path in re.findall(r"`([\w./*-]+)`", text):
        assert list(EXAMPLE.glob(path)) or path == "make", path
    for name in re.findall(r"changes/([\w-]+)\.patch", text):
        assert (EXAMPLE / "changes" / (name + ".patch")).exists(), name


# --- hooks -----------------------------------------------------------------------------------

def hook(env, name, *args):
    """As pre-commit runs it: with the files that it is about."""
    h = next(h for h in documents(".pre-commit-hooks.yaml")[0] if h["id"] == name)
    files = [f for f in git("ls-files").split() if re.search(h["files"], f)]
    command, *words = h["entry"].split()
    p = subprocess.run([str(ROOT / command), *words, *args, *files], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.returncode, p.stdout


@test
def hooks_run():
    env = repository()
    args = next(h for r in documents("examples/ci/.pre-commit-config.yaml")[0]["repos"]
                for h in r["hooks"] if h["id"] == "nwfc-check")["args"]
    assert hook(env, "nwfc-check", *args) == (0, "") and hook(env, "nwfc-fmt") == (0, "")
    Path("host/web.nwf").write_text(Path("host/web.nwf").read_text().replace("\taccept in tcp", "  accept   in tcp"))
    assert hook(env, "nwfc-fmt") == (0, "") and not git("diff", "--stat")  # written back: pre-commit sees the change
    Path("host/web.nwf").write_text(Path("host/web.nwf").read_text().replace("use guest", "use gest"))
    status, out = hook(env, "nwfc-check", *args)
    assert status == 2 and "did you mean 'guest'" in out, out
    started = time.monotonic()
    hook(env, "nwfc-check", *args)
    assert time.monotonic() - started < 1


# --- the action --------------------------------------------------------------------------------

def evaluate(expression, context):
    """The little of GitHub's language that the action uses."""
    python = re.sub(r"'[^']*'|[A-Za-z_][\w.-]*", lambda m: m.group(0) if m.group(0)[0] == "'" else "value(%r)" % m.group(0), expression)
    python = python.replace("&&", " and ").replace("||", " or ")
    return eval(python, {"value": lambda name: context.get(name, "")})


def fill(text, context):
    return re.sub(r"\$\{\{(.*?)\}\}", lambda m: str(evaluate(m.group(1).strip(), context)), str(text))


def run_action(env, event, **inputs):
    """(exit status, uses of other actions, outputs, summary) of the steps in turn."""
    action, = documents("action.yml")
    temp = os.path.abspath("../temp")
    os.makedirs(temp, exist_ok=True)
    context = {"github.token": "token", "github.action_path": str(ROOT), "github.event_name": event, "runner.temp": temp,
               "github.workspace": os.getcwd(), "github.event.pull_request.base.sha": git("rev-parse", "HEAD~1").strip() if event == "pull_request" else "",
               "github.event.pull_request.number": "5" if event == "pull_request" else ""}
    context.update({"inputs." + k: fill(v.get("default", ""), context) for k, v in action["inputs"].items()})
    context.update({"inputs." + k.replace("_", "-"): v for k, v in inputs.items()})
    env = dict(env, RUNNER_TEMP=temp, GITHUB_REPOSITORY="o/r", **{n: os.path.join(temp, n) for n in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")})
    used = []
    for name in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        Path(temp, name).write_text("")
    for step in action["runs"]["steps"]:
        condition = str(step.get("if", "")).strip()
        if condition and not evaluate(re.sub(r"^\$\{\{(.*)\}\}$", r"\1", condition).strip(), context):
            continue
        if "uses" in step:
            used.append((step["uses"], {k: fill(v, context) for k, v in step["with"].items()}))
            continue
        Path(temp, "GITHUB_OUTPUT").write_text("")
        p = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           cwd=fill(step.get("working-directory", "."), context), text=True,
                           env=dict(env, **{k: fill(v, context) for k, v in step.get("env", {}).items()}))
        for line in Path(temp, "GITHUB_OUTPUT").read_text().splitlines():
            context["steps.%s.outputs.%s" % (step["id"], line.split("=", 1)[0])] = line.split("=", 1)[1]
        if p.returncode:
            return p.returncode, used, context, p.stdout
    return 0, used, context, Path(temp, "GITHUB_STEP_SUMMARY").read_text()


WANTED = {"inputs": "host\n", "options": "--werror\n", "tests": "tests", "prove": "--ready=anti-spoof"}


@test
def action_on_a_push():
    env = repository()
    status, used, context, summary = run_action(env, "push", **WANTED)
    assert status == 0 and not summary, summary
    assert used[0][0].startswith("github/codeql-action/upload-sarif@"), used
    sarif = json.loads(Path(used[0][1]["sarif_file"]).read_text())
    assert sarif["version"] == "2.1.0" and not os.path.exists(env["NOTES"])


@test
def action_on_a_pull_request():
    env = repository()
    stand_in_diff()
    change("ipv6-forgotten")
    git("commit", "-q", "-a", "-m", "tidy")
    status, used, context, out = run_action(env, "pull_request", **WANTED)
    assert status == 1 and "db1.case:8" in out, (status, out)
    assert context["steps.diff.outputs.differs"] == "true", context
    calls = json.loads(Path(env["NOTES"]).read_text())
    assert calls[0]["words"][1] == "repos/o/r/issues/5/comments" and calls[1]["words"][2] == "POST" and "nwfc-diff" in calls[1]["body"], calls
    assert "/tmp" not in calls[1]["body"], calls[1]["body"]
    run_action(env, "pull_request", **WANTED)
    again = json.loads(Path(env["NOTES"]).read_text())
    assert again[3]["words"][2:4] == ["PATCH", "repos/o/r/issues/comments/77"], again
    assert git("worktree", "list").count("\n") == 1, "a tree of the base is left behind"


@test
def action_where_nothing_differs():
    env = repository()
    stand_in_diff()
    git("commit", "-q", "--allow-empty", "-m", "none")
    status, used, context, summary = run_action(env, "pull_request", **WANTED)
    assert status == 0 and context["steps.diff.outputs.differs"] == "false", (status, context, summary)
    assert "no packet is treated differently" in summary.lower(), summary


@test
def action_with_findings():
    env = repository()
    Path("host/web.nwf").write_text(Path("host/web.nwf").read_text().replace("use guest", "use gest"))
    status, used, context, out = run_action(env, "push", **WANTED)
    assert status and context["steps.check.outputs.status"] == "2", (status, out)
    assert "E301" in Path(used[0][1]["sarif_file"]).read_text()


@test
def action_in_a_folder_with_hostile_names():
    env = repository()
    Path("$(touch evil) `x`").mkdir()
    Path("$(touch evil) `x`", "a;b.nwf").write_text("filter a {\nframes:\n\tdrop out arp\n}\n")
    status, used, context, out = run_action(env, "push", inputs="a;b.nwf\n", working_directory="$(touch evil) `x`")
    assert status == 0, out
    assert not list(Path(".").rglob("evil"))


# --- GitLab -------------------------------------------------------------------------------------

@test
def gitlab_template_runs():
    head, body = documents("templates/nwfc.yml")
    env = repository()
    stand_in_diff()
    inputs = {k: v["default"] for k, v in head["spec"]["inputs"].items() if "default" in v}
    text = (ROOT / "templates" / "nwfc.yml").read_text()
    assert set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", text)) == set(head["spec"]["inputs"]) == set(inputs)
    given = documents("examples/ci/.gitlab-ci.yml")[0]["include"][0]["inputs"]
    assert set(given) <= set(inputs)
    change("ipv6-forgotten")
    git("commit", "-q", "-a", "-m", "tidy")
    inputs.update(given)
    job = body["nwfc"]
    variables = {k: re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda m: inputs[m.group(1)], str(v)) for k, v in job["variables"].items()}
    base = git("rev-parse", "HEAD~1").strip()
    script = "set -e\n" + "\n".join(job["script"]).replace("/tmp/nwfc-base", os.path.abspath("../base"))
    out = run(["sh", "-c", script], status=None, env=dict(env, CI_MERGE_REQUEST_DIFF_BASE_SHA=base, **variables))
    junit = Path("nwfc-junit.xml").read_text()
    assert 'failures="' in junit and "in ip6 tcp dport 5432" in junit, out
    assert Path("nwfc-diff.md").read_text() and "db1.case:8" in out, out


if __name__ == "__main__":
    sys.exit(main(__doc__))
