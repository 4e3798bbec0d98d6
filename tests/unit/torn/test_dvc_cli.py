"""DVC that is ended leaves no lock cut off and no stage behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

WRITING = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from dvc import dvcfile
from restoration_models.dvc_cli import in_order

@contextmanager
def modify(path, fs):
    yield {}
    Path(path).write_text("schema: ")
    os.kill(os.getpid(), signal.SIGTERM)
    Path(path).write_text("schema: '2.0'")

class Lock(dvcfile.Lockfile):
    def __init__(self): pass
    repo = type("Repo", (), {"fs": None})
    path = relpath = sys.argv[1]

def work():
    dvcfile.modify_yaml = modify
    dvcfile.serialize.to_lockfile = lambda stage: {}
    Lock().dump_stages([type("Stage", (), {"name": "a"})])
    Path(sys.argv[1]).write_text("went on")

sys.exit(in_order(work))
"""
WAITING = """
import os, signal, subprocess, sys
from restoration_models.dvc_cli import in_order

def work():
    stage = 'trap "echo ended; exit" TERM; echo begun; while :; do read line; done'
    subprocess.Popen(["/bin/sh", "-c", stage])
    signal.pause()

sys.exit(in_order(work))
"""


def test_a_lock_that_is_being_written_is_written_to_its_end(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    done = subprocess.run([sys.executable, "-c", WRITING, str(lock)], check=False, timeout=60)
    assert done.returncode == 128 + signal.SIGTERM
    assert lock.read_text() == "schema: '2.0'"


def test_it_leaves_after_its_stage() -> None:
    command = [sys.executable, "-c", WAITING]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
        assert process.stdout.readline() == "ended\n"
