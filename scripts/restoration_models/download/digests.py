"""The sha256, in the pass in which the bytes arrive. The md5 is DVC's, taken when it stores a file."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from restoration_models.download.partial import Partial
from restoration_models.files import disk_failure

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digests:
    """What identifies a file."""

    sha256: str
    size: int


class Follower(threading.Thread):
    """Hashes a partial file from its beginning, right behind the first missing byte.

    hashlib lets other threads run, so this overlaps with the network; the bytes are
    read while they are still in the page cache.
    """

    def __init__(self, partial: Partial) -> None:
        super().__init__(name="hash", daemon=True)
        self._partial = partial
        self._sha256 = hashlib.sha256()
        self._stopped = False
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Follow until the end of the file, or until stopped."""
        buffer = memoryview(bytearray(_BLOCK))
        at = 0
        partial = self._partial
        try:
            while at < partial.size:
                with partial.changed:
                    partial.changed.wait_for(lambda at=at: self._stopped or partial.frontier > at)  # type: ignore[misc]
                    if self._stopped:
                        return
                    known = partial.frontier
                while at < known and not self._stopped:
                    came = partial.read_into(buffer[: min(_BLOCK, known - at)], at)
                    if not came:
                        raise EOFError(f"{partial.path} became shorter while it was read")
                    self._sha256.update(buffer[:came])
                    at += came
        except BaseException as error:  # noqa: BLE001  # handed to whoever asks for the result
            self._error = error

    def result(self) -> Digests:
        """Return the digests of the complete file; waits for the rest to be hashed."""
        while self.is_alive():
            self.join(0.1)  # in slices, so that an interrupt gets through
        if self._error:
            raise self._error
        return Digests(self._sha256.hexdigest(), self._partial.size)

    def stop(self) -> None:
        """End early. Afterwards the file may be changed or closed."""
        with self._partial.changed:
            self._stopped = True
            self._partial.changed.notify_all()
        self.join()


def digests_of(path: Path) -> Digests:
    """Return the digests of the file at `path`.

    Raises `WorldFailure` where it cannot be read.
    """
    sha256 = hashlib.sha256()
    buffer = memoryview(bytearray(_BLOCK))
    size = 0
    try:
        with path.open("rb", buffering=0) as file:
            while came := file.readinto(buffer):
                sha256.update(buffer[:came])
                size += came
    except OSError as error:
        raise disk_failure(path, error) from error
    return Digests(sha256.hexdigest(), size)
