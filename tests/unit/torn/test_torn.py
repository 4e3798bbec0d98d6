"""What a killed DVC left half written is put right, and nothing else is touched."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from restoration_models import lock, torn
from restoration_models.catalogue import load
from restoration_models.project import Project
from restoration_models.store.process import Process
from support.layers import checkout, entry, lock_stages, write_lock
from support.servers import commit, git, isolate

CUT = [b"", b"schema: '2.0'\nstages:\n  download@a", b"schema: '2.0'\nstages:\n  x:\n    size: 104"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    isolate(tmp_path / "home", monkeypatch)
    (tmp_path / "home").mkdir()
    model = entry("a")
    project = checkout(tmp_path / "año uno", {"a": model})
    write_lock(project, lock_stages("a", model))
    git(project.root, "init", "--quiet")
    commit(project.root, "begun")
    return project


@pytest.mark.parametrize("content", CUT)
def test_a_lock_that_was_cut_off_comes_back_as_git_has_it(project: Project, content: bytes) -> None:
    path = project.lock("second")
    before = path.read_bytes()
    path.write_bytes(content)
    assert torn.mend(project, load(project)) == ("layers/second/dvc.lock",)
    assert path.read_bytes() == before
    assert torn.mend(project, load(project)) == ()


def whole(project: Project) -> str:
    """A lock as DVC writes it, of two models and of cards."""
    stages = {}
    for slug in ("a", "b"):
        stages |= lock_stages(slug, entry(slug), b"report")
    folder = {"path": "reports", "hash": "md5", "md5": "0" * 32 + ".dir", "size": 6, "nfiles": 1}
    card = {"path": "README.md", "hash": "md5", "md5": "0" * 32, "size": 6}
    stages["cards@second"] = {"cmd": "models readme second", "deps": [folder], "outs": [card]}
    write_lock(project, json.loads(json.dumps(stages)))  # DVC writes the same facts twice, with no alias
    commit(project.root, "whole")
    return project.lock("second").read_text()


def test_a_cut_at_any_line_is_mended_or_does_no_harm(project: Project) -> None:
    path, text = project.lock("second"), whole(project)
    lines = text.splitlines(keepends=True)
    harmless = 0
    for count in range(len(lines)):
        path.write_text("".join(lines[:count]))
        if torn.mend(project, load(project)):
            assert path.read_text() == text
        else:  # all that is there is whole, and what is missing runs again
            assert set(lock.read(project, "second")) <= {"a", "b"}
            assert count == 1 or re.match(r"  \w", lines[count])
            harmless += 1
    assert harmless == 1 + 4  # after the first line, and before each stage but the first


def test_one_that_is_wrong_before_its_end_is_a_persons(project: Project) -> None:
    path, text = project.lock("second"), whole(project)
    early = text.replace("md5:", "md4:", 1) + "  download@c:\n"
    for wrong in (early, text.replace("schema", "scheme") + "  download@c:\n", "a\n"):
        path.write_text(wrong)
        assert torn.mend(project, load(project)) == ()
        assert path.read_text() == wrong


def test_one_that_is_torn_in_git_too_is_left_alone(project: Project) -> None:
    path, text = project.lock("second"), whole(project)
    cut = text[: text.rindex("      size")]
    path.write_text(cut)
    commit(project.root, "torn")
    assert torn.mend(project, load(project)) == ()
    assert path.read_text() == cut


def test_one_that_git_does_not_have_begins_anew(project: Project) -> None:
    path = project.lock("first")
    path.write_bytes(CUT[1])
    assert torn.mend(project, load(project)) == ("layers/first/dvc.lock",)
    assert not path.exists()


def test_a_whole_lock_is_left_alone_even_where_it_is_wrong(project: Project) -> None:
    path = project.lock("second")
    sides = f"<<<<<<< ours\n{path.read_text()}=======\n  download@b:\n>>>>>>> theirs"
    for conflict in ("<<<<<<< ours\n", sides, f"{sides}\n"):
        path.write_text(conflict)
        assert torn.mend(project, load(project)) == ()
    assert torn.mend(project, load(project)) == ()
    with pytest.raises(lock.LockUnreadable, match="merge conflict"):
        lock.read(project, "second")


def test_while_dvc_writes_nothing_is_touched(project: Project) -> None:
    project.lock("second").write_bytes(b"")
    project.temporary.mkdir(parents=True)
    record = project.temporary / "rwlock"
    record.write_bytes(b"{")
    with (project.temporary / "lock").open("w") as one, (project.temporary / "rwlock.lock").open("w") as two:
        for held in (one, two):
            fcntl.flock(held, fcntl.LOCK_EX)
        assert torn.mend(project, load(project)) == ()
        torn.release(project)
    assert record.read_bytes() == b"{"
    assert project.lock("second").read_bytes() == b""


def test_who_has_ended_holds_nothing_and_a_torn_record_is_removed(project: Project) -> None:
    project.temporary.mkdir(parents=True)
    record = project.temporary / "rwlock"
    me, ended = {"pid": os.getpid(), "cmd": "dvc"}, subprocess.Popen([sys.executable, "-c", ""])
    while Process.of(ended.pid).alive:  # not collected: to the system it is still there
        pass
    gone = {"pid": ended.pid, "cmd": "dvc"}
    record.write_text(json.dumps({"write": {"a": me, "b": gone}, "read": {"c": [gone], "d": [gone, me]}}))
    torn.release(project)
    assert json.loads(record.read_text()) == {"write": {"a": me}, "read": {"d": [me]}}
    ended.wait()
    for content in (b"", b'{"read": {"a'):
        record.write_bytes(content)
        torn.release(project)
        assert not record.exists()
