"""What a killed DVC left half written is put right, and nothing else is touched."""

from __future__ import annotations

import fcntl
import json
import os
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


def test_one_that_git_does_not_have_begins_anew(project: Project) -> None:
    path = project.lock("first")
    path.write_bytes(CUT[1])
    assert torn.mend(project, load(project)) == ("layers/first/dvc.lock",)
    assert not path.exists()


def test_a_whole_lock_is_left_alone_even_where_it_is_wrong(project: Project) -> None:
    path = project.lock("second")
    path.write_text("<<<<<<< ours\n")
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
