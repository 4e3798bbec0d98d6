"""An interrupt on a real terminal: it leaves at once, and the terminal is as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from restoration_models.download.partial import read_record
from support.origin import Faults, Origin
from support.published import Shelf
from support.servers import PROGRAM

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


def digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
