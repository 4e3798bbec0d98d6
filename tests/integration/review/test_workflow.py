"""The workflow: what its linters say, whom it trusts, and its steps run as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import go
from support.reviewed import Reviewed, entry
from support.servers import REPOSITORY, git
from support.workspace import stage_path

WORKFLOW = REPOSITORY / ".github" / "workflows" / "models.yml"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
TEXT = WORKFLOW.read_text(encoding="utf-8")
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["jobs"]


@pytest.fixture(scope="module")
def linter() -> str:
    program = go.program("actionlint", ACTIONLINT)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("actionlint is required here: neither it nor Go is on PATH")
        pytest.skip("neither actionlint nor Go is on PATH")
    return program


def step(job: str, name: str) -> str:
    [found] = [step["run"] for step in JOBS[job]["steps"] if step["name"] == name]
    return str(found)


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub's runner does with `shell: bash`."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": stage_path(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_a_runner_installs_is_locked_with_hashes() -> None:
    """A part of the lock that people install, each entry with its hashes, and nothing beside it."""
    install = (REPOSITORY / ".github" / "install.sh").read_text(encoding="utf-8")
    calls = re.findall(r'^"\$environment/bin/pip" (.*)$', install, re.MULTILINE)
    assert calls == [
        "install --quiet --require-hashes --no-deps --requirement requirements-base.lock",
        "install --quiet --no-deps --no-build-isolation .",
    ]
    entries = {}
    for lock in ("requirements.lock", "requirements-base.lock"):
        text = (REPOSITORY / lock).read_text(encoding="utf-8")
        assert "://" not in text
        blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        assert all("==" in block and "--hash=sha256:" in block for block in blocks)
        entries[lock] = {(block.split()[0], *re.findall(r"sha256:[0-9a-f]{64}", block)) for block in blocks}
    assert entries["requirements-base.lock"] <= entries["requirements.lock"]
    assert not [name for name, *_ in entries["requirements-base.lock"] if name.startswith("torch")]


def test_actionlint_has_nothing_to_say(linter: str) -> None:
    done = subprocess.run([linter, "-no-color", str(WORKFLOW)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_has_nothing_to_say() -> None:
    program = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [str(program), "--offline", "--no-progress", "--persona=pedantic", str(WORKFLOW)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout


def test_every_action_is_pinned_to_a_commit() -> None:
    used = re.findall(r"uses: *(\S+)(.*)", TEXT)

    assert used
    assert all(re.fullmatch(r"actions/checkout@[0-9a-f]{40}", name) for name, _ in used)
    assert all(re.fullmatch(r" # v\d+\.\d+\.\d+", comment) for _, comment in used)


def test_a_forks_job_has_no_secret_and_writes_nothing() -> None:
    job = JOBS["fork"]

    assert "pull_request_target" not in TEXT
    assert "secrets." not in json.dumps(job)
    assert job["permissions"] == {"contents": "read"}
    assert job["runs-on"] == "ubuntu-latest"  # never the team's own machine
    [checkout] = [step for step in job["steps"] if "uses" in step]
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_only_the_comments_job_may_write_and_it_checks_nothing_out() -> None:
    writing = [name for name, job in JOBS.items() if "write" in job["permissions"].values()]

    assert writing == ["comment"]
    assert all("uses" not in step for step in JOBS["comment"]["steps"])
    assert JOBS["comment"]["permissions"] == {"pull-requests": "write"}


def test_no_step_pastes_what_a_stranger_writes_into_a_script() -> None:
    scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]

    assert all("${{" not in script for script in scripts)


def test_a_hostile_fork_is_reviewed_and_nothing_of_it_runs(repository: Reviewed, tmp_path: Path) -> None:
    """The fork job's own steps, in the base's checkout, on a branch full of traps."""
    root, trap = repository.root, tmp_path / "sprung"
    repository.layers["layer-1"]["cleaner"]["description"] = "<script>alert(1)</script> @octocat"
    repository.declare()
    command = f"touch {trap}; models"
    for name in ("dvc.yaml", "layers/layer-1/dvc.yaml"):
        path = root / name
        path.write_text(path.read_text().replace("cmd: models", f"cmd: {command}"))
    config = root / ".dvc" / "config"
    config.write_text(config.read_text().replace("[core]", f"[core]\n    site_cache_dir = {trap}"))
    code = f"import pathlib; pathlib.Path({str(trap)!r}).touch()\n"
    for name in ("sitecustomize.py", "yaml.py", "dvc.py", "restoration_models.py", "setup.py", "conftest.py"):
        (root / name).write_text(code)
    (root / ".gitattributes").write_text("* filter=trap diff=trap export-ignore\n")
    (root / "layers" / "layer-1" / "link").symlink_to("/etc/passwd")
    repository.commit("Traps")
    head = git(root, "rev-parse", "HEAD").strip()
    git(root, "switch", "--quiet", "main")
    for name in ("filter.trap.smudge", "diff.trap.textconv"):
        git(root, "config", name, f"touch {trap}")
    summary = tmp_path / "summary.md"
    facts = {
        "BASE": git(root, "rev-parse", "main").strip(),
        "HEAD": head,
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(summary),
        "PYTHONPATH": "",
    }

    for name in ("Review", "Show the review as the job's summary"):
        done = run(step("fork", name), root, **facts)
        assert done.returncode == 0, done.stderr
    checked = run(step("fork", "Check, without the store"), root, **facts)

    assert checked.returncode == 1
    for name in ("dvc.yaml", "layers/layer-1/dvc.yaml"):
        assert re.search(rf"^{name}:\d+: not the project's own pipeline", checked.stderr, re.MULTILINE)
    assert "layers/layer-1/link: a link or a submodule" in checked.stderr
    assert re.search(r"^.dvc/config:\d+: core.site_cache_dir", checked.stderr, re.MULTILINE)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("<!-- models review -->")
    assert "<script>" not in text
    assert "@octocat" not in text
    assert "root:" not in text
    assert not trap.exists()
    assert git(root, "status", "--porcelain") == ""


def test_a_branchs_job_hands_its_review_over(repository: Reviewed, tmp_path: Path) -> None:
    repository.layers["layer-1"]["fresh"] = entry("fresh")
    repository.settle()
    repository.commit("Fresh")
    output, summary = tmp_path / "output", tmp_path / "summary.md"
    facts = {
        "BASE": "main",
        "ENDPOINT": "",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "team/models",
    }

    done = run(step("branch", "Review"), repository.root, **facts)
    checked = run(step("branch", "Check"), repository.root, **facts)

    assert (done.returncode, checked.returncode) == (0, 0), done.stderr + checked.stderr
    assert "::notice::" in checked.stdout
    first, *lines, last = output.read_text(encoding="utf-8").splitlines()
    assert first == f"text<<{last}"
    head = git(repository.root, "rev-parse", "HEAD").strip()
    address = f"https://github.com/team/models/raw/{head}/layers/layer-1/fresh/sample.png"
    assert address in "\n".join(lines)
    assert summary.read_text(encoding="utf-8").splitlines() == lines


@pytest.mark.parametrize("known", [None, 42])
def test_one_comment_is_written_and_then_updated(tmp_path: Path, known: int | None) -> None:
    """`gh` is one that answers from a file with its own jq, and notes how it was called."""
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("jq, which GitHub's runners have, is not here")
    mark = "<!-- models review -->"
    others = [
        {"id": 1, "user": {"login": "someone"}, "body": f"{mark} not mine"},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "another workflow's"},
    ]
    mine = [{"id": known, "user": {"login": "github-actions[bot]"}, "body": f"{mark}\nold"}] if known else []
    comments, calls = tmp_path / "comments.json", tmp_path / "calls"
    comments.write_text(json.dumps(others + mine))
    tools = tmp_path / "bin"
    tools.mkdir()
    gh = tools / "gh"
    gh.write_text(
        "#!/usr/bin/env bash\n"
        f'echo "$*" >> {calls}\n'
        f'if [ "$2" = --paginate ]; then {jq} -r "$5" {comments}; fi\n'
    )
    gh.chmod(0o755)
    body = f"{mark}\n## Revisión «1» $(id) `x` \\n\n"

    done = run(
        step("comment", "Write or update the comment"),
        tmp_path,
        PATH=f"{tools}:{os.environ['PATH']}",
        REVIEW=body,
        NUMBER="7",
        GITHUB_REPOSITORY="team/models",
        RUNNER_TEMP=str(tmp_path),
    )

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "comment.json").read_text()) == {"body": body}
    wrote = calls.read_text().splitlines()[-1]
    where = (
        f"PATCH repos/team/models/issues/comments/{known}"
        if known
        else "POST repos/team/models/issues/7/comments"
    )
    assert f"--method {where} --input" in wrote
