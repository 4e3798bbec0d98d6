"""An interrupt on a real terminal: it leaves at once, and the terminal is as it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from restoration_models.download.partial import read_record
from restoration_models.store.local_config import write_remote
from support.origin import Faults, Origin
from support.published import Shelf
from support.servers import PROGRAM, git

SHOW, HIDE = b"\x1b[?25h", b"\x1b[?25l"
AT_ONCE = 2.0
SIZE = 3_000_000


class Terminal:
    """A pseudo-terminal, and what was written to it."""

    def __init__(self) -> None:
        self.outer, self.inner = os.openpty()
        self.shown = b""
        self.came = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.outer, 4096)
            except OSError:  # the last program on it left
                return
            with self.came:
                self.shown += data
                self.came.notify_all()

    def wait_for(self, *words: bytes) -> None:
        with self.came:
            assert self.came.wait_for(lambda: any(word in self.shown for word in words), 30), self.shown

    def start(self, root: Path, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=root,
            stdin=self.inner,
            stdout=self.inner,
            stderr=self.inner,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
            start_new_session=True,
        )

    def settings(self) -> object:
        return termios.tcgetattr(self.inner)

    def close(self) -> None:
        os.close(self.inner)
        self.reader.join()
        os.close(self.outer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_download_that_is_interrupted(shelf: Shelf, number: signal.Signals) -> None:
    data = bytes(range(250)) * (SIZE // 250)
    terminal = Terminal()
    try:
        before = terminal.settings()
        with Origin() as origin:
            url = origin.add("/large.pth", data, Faults(rate=150_000))
            shelf.declare("large", size=SIZE, sha256=digest(data), sources=[url])
            shelf.commit()
            process = terminal.start(shelf.root, "download", "large")
            origin.wait_until(lambda: origin.sent() > SIZE // 4)
            terminal.wait_for(HIDE)
            began = time.monotonic()
            process.send_signal(number)
            assert process.wait(timeout=20) == 128 + number
            assert time.monotonic() - began < AT_ONCE
        assert terminal.settings() == before
    finally:
        terminal.close()
    assert terminal.shown.rindex(SHOW) > terminal.shown.rindex(HIDE)
    assert b"Traceback" not in terminal.shown
    (partial,) = shelf.project.inbox.glob("*.partial")
    assert read_record(partial, SIZE).total > SIZE // 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_secret_that_is_being_asked_for(shelf: Shelf, number: signal.Signals) -> None:
    """The terminal shows again what is typed."""
    terminal = Terminal()
    try:
        before = terminal.settings()
        words = ("store", "login", "--endpoint", "http://127.0.0.1:9", "--access-key", "me", "--no-check")
        process = terminal.start(shelf.root, *words)
        terminal.wait_for(b"Secret key")
        quiet = threading.Event()
        for _ in range(200):
            if not termios.tcgetattr(terminal.inner)[3] & termios.ECHO:
                break
            quiet.wait(0.01)
        else:
            pytest.fail("what is typed is shown")
        process.send_signal(number)
        assert process.wait(timeout=20) in (1, 128 + number)
        assert terminal.settings() == before
    finally:
        terminal.close()
    assert b"Traceback" not in terminal.shown
    assert not (shelf.project.dvc_folder / "config.local").exists()


class Pit:
    """A server that takes every connection and never says a word."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        self.asked = threading.Event()
        self.thread = threading.Thread(target=self._take)
        self.thread.start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:  # closed
                return
            if self.taken[-1].recv(1):
                self.asked.set()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for one in (self.listener, *self.taken):
            one.close()


ADD = ("--layer", "layer-1", "--family", "nafnet", "--task", "denoising-real")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGINT, ("publish",)),
        (signal.SIGTERM, ("push",)),
        (signal.SIGINT, ("pull",)),
        (signal.SIGTERM, ("store", "verify")),
        (signal.SIGHUP, ("add", "{pit}/x.pth", *ADD)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value.name,
)
def test_a_command_whose_server_says_nothing(
    shelf: Shelf, number: signal.Signals, words: tuple[str, ...]
) -> None:
    shelf.keep()
    before = git(shelf.root, "status", "--porcelain")
    pit, terminal = Pit(), Terminal()
    keys = {"access_key_id": "me", "secret_access_key": "none"}
    settings = {"url": "s3://models/dvc", "endpointurl": pit.address, **keys}
    write_remote(shelf.project.dvc_folder / "config.local", "minio", settings)
    if words == ("pull",):
        shutil.rmtree(shelf.project.dvc_folder / "cache")
    try:
        process = terminal.start(shelf.root, *(word.format(pit=pit.address) for word in words))
        assert pit.asked.wait(60), terminal.shown
        ends_at_once(process, number)
    finally:
        pit.close()
        terminal.close()
    assert b"Traceback" not in terminal.shown
    assert git(shelf.root, "status", "--porcelain") == before


def test_a_validation_of_a_large_file(shelf: Shelf) -> None:
    size = 1 << 40  # of nothing: hashing it takes longer than any test
    shelf.declare("large", size=size)
    shelf.commit()
    place = shelf.project.checkpoint("layer-1", "large", "large.pth")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        file.truncate(size)
    terminal = Terminal()
    try:
        expected = {"architecture": "NAFNet", "wrapper-key": "params", "input-channels": "3"}
        options = {"protocol": "1", "task": "denoising-real", **expected}
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        process = terminal.start(shelf.root, "validate", "large", *words)
        until(lambda: process.poll() is not None or place in open_files(process.pid))
        ends_at_once(process, signal.SIGINT)
    finally:
        terminal.close()
    assert b"Traceback" not in terminal.shown
    assert not shelf.project.report("layer-1", "large").exists()


def ends_at_once(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    began = time.monotonic()
    process.send_signal(number)
    try:
        assert process.wait(timeout=20) == 128 + number
    finally:
        process.kill()
    assert time.monotonic() - began < AT_ONCE


def open_files(pid: int) -> list[Path]:
    found = []
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(one.readlink())
    return found


def until(reached: Callable[[], bool]) -> None:
    quiet, end = threading.Event(), time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        quiet.wait(0.01)


def digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
