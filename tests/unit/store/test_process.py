import os
import stat
import subprocess
import sys

import pytest

from restoration_models.store.process import Process, launch, stop, wait_for_end


@pytest.fixture
def start(tmp_path):
    """Start a shell script detached; it is ended after the test whatever happens."""
    started = []

    def run(script, **environment):
        process = launch(("/bin/sh", "-c", script), {**os.environ, **environment}, tmp_path, tmp_path / "log")
        started.append(process)
        return process

    yield run
    for process in started:
        stop(process, 0)


def test_a_process_outlives_its_launcher_and_ends_when_asked(start):
    process = start("exec sleep 60")
    assert process.alive
    assert not wait_for_end(process, 0)
    assert stop(process, 10)
    assert not process.alive
    assert stop(process, 10)


def test_a_process_that_will_not_listen_is_killed_with_its_children(start, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = start(f"trap '' TERM; sleep 60 & echo $! > {pipe}; wait; wait")
    child = int(pipe.read_text())
    assert stop(process, 0.1)
    assert not process.alive
    assert wait_for_end(Process(child, process.started), 10)


def test_what_it_prints_is_private_and_in_the_log(start, tmp_path):
    process = start('echo out; echo "$WORD" >&2; echo > file', WORD="err")
    assert wait_for_end(process, 10)
    assert (tmp_path / "log").read_text() == "out\nerr\n"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_missing_program_ends_at_once_with_a_reason(tmp_path):
    process = launch((str(tmp_path / "absent"),), os.environ, tmp_path, tmp_path / "log")
    assert wait_for_end(process, 10)
    assert "absent" in (tmp_path / "log").read_text()


def test_another_process_of_the_same_id_is_not_this_one(start):
    process = start("exec sleep 60")
    impostor = Process(process.pid, "another moment")
    assert not impostor.alive
    assert wait_for_end(impostor, 0)
    assert stop(impostor, 0)
    assert process.alive, "stopping an impostor must not touch the process that has its id now"


def test_a_zombie_has_ended():
    child = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.DEVNULL)
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not Process(child.pid, "whenever").alive
    finally:
        child.wait()
