"""What a killed edit left is taken back by the next one, unless somebody went on with it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from restoration_models import failures, recovery, rollback
from restoration_models.project import Project
from restoration_models.rollback import JournalDamaged, Rollback
from restoration_models.store.process import Process
from support.layers import checkout, entry
from support.servers import commit, git, isolate

ENDED = Process(1, "long ago")
WEIGHTS, FORMER = b"new weights", b"former weights"
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
LAYER = "layers/second"
PARAMS = f"{LAYER}/params.yaml"

Step = Callable[[Rollback], object]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A layer with the model `a`, whose weights git does not have."""
    isolate(tmp_path / "home", monkeypatch)
    (tmp_path / "home").mkdir()
    project = checkout(tmp_path / "año uno", {"a": entry("a")})
    (project.root / ".gitignore").write_text("*.pth\n/.dvc/\n")
    git(project.root, "init", "--quiet")
    for name, content in (("a.pth", FORMER), ("README.md", b"# Card of a\n")):
        path = project.model("second", "a") / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    commit(project.root, "begun")
    return project


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def written(edit: Rollback) -> None:
    """A text of people's is rewritten, as `Editing.write` does."""
    path = edit.project.root / PARAMS
    content = path.read_bytes().replace(b"Cleans.", b"Cleans well.")
    edit.write(path, content)
    put(path, content)


# What edits are made of: each step is noted in the journal first.
STEPS: list[Step] = [
    lambda edit: edit.keep(*(edit.project.root / name for name in (PARAMS, f"{LAYER}/a/README.md"))),
    lambda edit: edit.keep(edit.project.root / f"{LAYER}/b/README.md"),
    lambda edit: edit.create(*(edit.project.root / f"{LAYER}/b/{name}" for name in ("", "b.pth"))),
    written,
    lambda edit: edit.set_aside(edit.project.root / f"{LAYER}/a/a.pth"),
    lambda edit: put(edit.project.root / f"{LAYER}/a/a.pth", WEIGHTS),
    lambda edit: put(edit.project.root / f"{LAYER}/a/README.md", b"# Another card\n"),
    lambda edit: edit.move(edit.project.root / f"{LAYER}/a", edit.project.root / f"{LAYER}/c"),
    lambda edit: edit.fetch(edit.project.root / f"{LAYER}/b/b.pth", SHA256),
    lambda edit: put(edit.project.root / f"{LAYER}/b/b.pth", WEIGHTS),
    lambda edit: put(edit.project.root / f"{LAYER}/b/README.md", b"# Card of b\n"),
    lambda edit: put(edit.project.root / f"{LAYER}/b/.b.pth.99.x.new", b"half"),
]


def killed(project: Project, steps: list[Step] = STEPS) -> None:
    """Leave what a command leaves that is killed after these steps."""
    edit = Rollback(project, "edit a", process=ENDED)
    for step in steps:
        step(edit)


def tree(project: Project) -> dict[str, bytes]:
    return {
        path.relative_to(project.root).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(project.root.rglob("*"))
        if not path.relative_to(project.root).as_posix().startswith((".git/", ".dvc"))
    }


def taken_back(project: Project) -> str:
    said: list[str] = []
    recovery.take_back(project, said.append)
    assert not project.edit.exists()
    return "\n".join(said)


@pytest.mark.parametrize("count", range(len(STEPS) + 1))
def test_a_kill_after_any_step_is_taken_back(project: Project, count: int) -> None:
    """And what it had fetched is kept for the next try."""
    before = tree(project)
    killed(project, STEPS[:count])
    found = recovery.problem(project)
    assert taken_back(project) == ("`models edit a` was killed half way: taking it back" if count else "")
    assert tree(project) == before
    assert (project.inbox / SHA256).exists() == (count > 9)
    assert (str(found) if found else "") == (
        ".dvc/tmp/edit/journal: `models edit a` was killed half way; "
        "run `models refresh`, or the command again: that takes it back first"
        if count
        else ""
    )
    assert recovery.problem(project) is None


@pytest.mark.parametrize("count", [4, 7])
def test_a_kill_between_a_note_and_what_it_speaks_of(
    project: Project, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moves are noted before they are made: one that was not made is not taken back."""
    before = tree(project)
    killed(project, STEPS[:count])
    with monkeypatch.context() as patch:
        patch.setattr(rollback, "_carry", lambda path, target: None)
        edit = Rollback.left(project)
        assert edit is not None
        STEPS[count](edit)
    taken_back(project)
    assert tree(project) == before


def test_a_note_that_was_cut_off_speaks_of_nothing_that_was_done(project: Project) -> None:
    before = tree(project)
    for count in range(1, 5):
        killed(project, STEPS[: count - 1])
        done = project.edit_journal.stat().st_size if project.edit_journal.exists() else 0
        now = tree(project)
        edit = Rollback.left(project) or Rollback(project, "edit a", process=ENDED)
        STEPS[count - 1](edit)
        whole = project.edit_journal.read_bytes()
        taken_back(project)
        for end in range(done, len(whole) - 1, 97):
            killed(project, STEPS[: count - 1])
            put(project.edit_journal, whole[:end])
            assert tree(project) == now
            taken_back(project)
            assert tree(project) == before


def test_taking_back_that_is_killed_too_is_gone_on_with(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each file that it moved, wrote or removed."""
    before = tree(project)
    places = ((rollback, "move"), (rollback, "write_bytes"), (Path, "unlink"), (Path, "rmdir"))
    for number in range(100):
        killed(project)
        left, calls = [number], []

        def counted(call: Callable[..., object], left: list[int], calls: list[int]) -> Callable[..., object]:
            def stopping(*arguments: object, **named: object) -> object:
                if not left[0]:
                    raise KeyboardInterrupt
                left[0] -= 1
                calls.append(1)
                return call(*arguments, **named)

            return stopping

        with monkeypatch.context() as patch:
            for place, name in places:
                patch.setattr(place, name, counted(getattr(place, name), left, calls))
            try:
                taken_back(project)
            except KeyboardInterrupt:
                assert project.edit_journal.exists()
            else:
                break
        assert "taking it back" in taken_back(project)
        assert tree(project) == before
        (project.inbox / SHA256).unlink()
    assert number > 8
    assert tree(project) == before


def changed_since(project: Project) -> None:
    path = project.root / PARAMS
    path.write_bytes(path.read_bytes().replace(b"Cleans", b"Whitens"))


def deleted_since(project: Project) -> None:
    (project.root / PARAMS).unlink()


def committed_since(project: Project) -> None:
    commit(project.root, "what the killed command left")


def rewritten_since(project: Project) -> None:
    """The commit at which it began is nowhere any more."""
    git(project.root, "commit", "--quiet", "--amend", "--message", "again", "--allow-empty")
    git(project.root, "reflog", "expire", "--expire=now", "--all")
    git(project.root, "gc", "--quiet", "--prune=now")


@pytest.mark.parametrize(
    ("person", "told"),
    [
        (changed_since, f"{PARAMS} was changed"),
        (deleted_since, f"{PARAMS} was changed"),
        (committed_since, f"{LAYER}/a/README.md was committed"),
        (rewritten_since, "git's history was rewritten"),
    ],
)
def test_what_people_went_on_with_is_theirs(
    project: Project, person: Callable[[Project], None], told: str
) -> None:
    """Nothing is changed; the only copy of weights that were set aside is kept where downloads look."""
    killed(project)
    person(project)
    before = tree(project)
    kept = f".dvc/tmp/downloads/{hashlib.sha256(FORMER).hexdigest()}"
    assert taken_back(project) == (
        f"`models edit a` was killed half way, and {told} since: all is left as it is; see `models check`; "
        f"weights that it had set aside are kept as {kept}"
    )
    assert tree(project) == before
    assert (project.root / kept).read_bytes() == FORMER


def went_back(project: Project) -> None:
    git(project.root, "checkout", "--quiet", "--", ".")


def committed_elsewhere(project: Project) -> None:
    put(project.root / "NOTES.md", b"Unrelated.\n")
    git(project.root, "add", "NOTES.md")
    git(project.root, "commit", "--quiet", "--message", "Unrelated")


@pytest.mark.parametrize("person", [went_back, committed_elsewhere])
def test_what_people_did_beside_it_does_not_hinder(
    project: Project, person: Callable[[Project], None]
) -> None:
    before = tree(project)
    killed(project)
    person(project)
    taken_back(project)
    now = tree(project)
    assert now.pop("NOTES.md", b"Unrelated.\n") == b"Unrelated.\n"
    assert now == before


def test_somebodys_file_in_a_new_folder_stays(project: Project) -> None:
    before = tree(project)
    killed(project)
    notes = project.root / f"{LAYER}/b/notes.txt"
    put(notes, b"mine")
    taken_back(project)
    assert tree(project) == before | {f"{LAYER}/b": b"", f"{LAYER}/b/notes.txt": b"mine"}


@pytest.mark.parametrize("name", ["../x", "layers/../../x", "/etc/x", ".git/hooks/x", ".dvc/config", ""])
def test_notes_that_lead_elsewhere_or_are_damaged_are_not_followed(project: Project, name: str) -> None:
    killed(project, STEPS[:4])
    lines = project.edit_journal.read_bytes().splitlines()
    other = {"what": "x", "process": [1, "x"], "commit": f"--output={name}"}
    bad_ones = (
        json.dumps({"create": [name]}).encode(),
        b"{",
        b"3",
        b'{"keep": [1]}',
        json.dumps(other).encode(),
    )
    for bad in bad_ones:
        put(project.edit_journal, b"\n".join([lines[0], bad, *lines[1:], b""]))
        before = tree(project)
        with pytest.raises(
            JournalDamaged, match=r"cannot be read; `git status` shows .* delete \.dvc/tmp/edit"
        ):
            recovery.take_back(project, lambda _: None)
        assert tree(project) == before
        found = recovery.problem(project)
        assert found is not None
        assert "cannot be read" in found.what


def test_an_edit_that_is_under_way_is_no_problem(project: Project) -> None:
    with Rollback(project, "edit a") as edit:
        STEPS[0](edit)
        assert recovery.problem(project) is None
    assert not project.edit.exists()


def ended(group: int) -> bool:
    """Whether nobody is left of a group that was killed, in some seconds at most."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
    return False


def test_whoever_was_started_by_a_killed_command_is_ended_with_its_stage(project: Project) -> None:
    """Or does not begin, where it had not come so far as to be noted."""
    script = (
        "import subprocess, sys; from restoration_models.failures import enlist;"
        "from restoration_models.project import Project; enlist(Project.find());"
        "print('noted', flush=True);"
        "stage = 'import signal; signal.signal(15, signal.SIG_IGN); print(0, flush=True); signal.pause()';"
        "subprocess.run([sys.executable, '-c', stage])"
    )
    # Ends like a command that is killed: what it has started goes on.
    command = (
        "import os, subprocess, sys; from restoration_models import failures;"
        "from restoration_models.project import Project; run = failures.Run.begin(Project.find());"
        "process = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE,"
        " stderr=subprocess.DEVNULL, env=os.environ | run.environment, start_new_session=True);"
        "read = process.stdout.readline() + process.stdout.readline();"
        "print(process.pid, read.decode().split(), flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", command, script], cwd=project.root, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    said = killed.stdout.read()
    while Process.of(killed.pid).alive:  # and is not collected: to the system it is still there
        pass
    assert "noted" in said
    pid = int(said.split()[0])
    os.killpg(pid, 0)
    failures.end_killed(project)
    assert not list(project.failures.iterdir())
    assert ended(pid)
    assert killed.wait() == -signal.SIGKILL
    killed.stdout.close()
    late = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.root,
        env=os.environ | {failures.VARIABLE: "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (late.returncode, late.stdout) == (1, "")
