"""One process downloads a file; the others wait for it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from restoration_models.files import disk_failure


@contextlib.contextmanager
def held(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock at `path`; calls `on_wait` once where another process has it.

    The system releases it when its holder dies, however it dies.
    """
    file = _acquire(path, on_wait)
    try:
        yield
    finally:
        # Removed while held, so that nobody else's lock is removed; those who waited
        # for this file notice and take a new one.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)


def _acquire(path: Path, on_wait: Callable[[], None]) -> int:
    told = False
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise disk_failure(path, error) from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    on_wait()
                    told = True
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
