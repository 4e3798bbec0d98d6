"""Bounded reading of an open file, and the proof that it stayed the same file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from restoration_models.errors import UsageProblem
from restoration_models.scan.limits import CHUNK, MAX_LINE
from restoration_models.scan.verdicts import CheckpointFileFailed, UnreadableCheckpoint, plain_name


class CheckpointChanged(UnreadableCheckpoint):
    """Someone wrote to the file between two looks at it."""

    def __init__(self) -> None:
        super().__init__(
            "changed while it was being read", remedy="find out which program writes to it, then run again"
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """Which file an open descriptor is, and when anything about it last changed.

    Its modification time can be set back by whoever wrote to it; its change time cannot. A link
    made to the file, or its name given to another one, counts as a change as well.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, file: BinaryIO) -> Identity:
        """Return the identity of an open file; it must have a descriptor."""
        status = os.fstat(file.fileno())
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def require(self, file: BinaryIO) -> None:
        """Raise `CheckpointChanged` unless `file` is still this file with this content."""
        if Identity.of(file) != self:
            raise CheckpointChanged


@contextmanager
def open_checkpoint(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file once, for digests, scan and load alike; close it at the end.

    Raises `CheckpointFileFailed` where it cannot be opened and `UnreadableCheckpoint` where it
    is no regular file (opening a pipe or a device does not block).
    """
    # O_NONBLOCK: a pipe under this name must not hang the caller before it is recognised.
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        # Not Path.open: that cannot take an opener.
        file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
    except IsADirectoryError:
        raise _not_regular(path) from None
    except (OSError, ValueError) as error:
        failed = CheckpointFileFailed(getattr(error, "strerror", None) or "invalid name")
        failed.where = plain_name(path.name)
        raise failed from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _not_regular(path)
        yield file


def _not_regular(path: Path) -> UnreadableCheckpoint:
    refusal = UnreadableCheckpoint("is not a regular file", remedy="name the checkpoint file itself")
    refusal.where = plain_name(path.name)
    return refusal


def loadable_path(file: BinaryIO) -> str:
    """Return a path that opens the very file behind `file`, whatever its name leads to by now.

    For readers that take a path only, such as ``torch.load(..., mmap=True)``. It stays valid
    while `file` is open and carries no extension, so that no reader guesses a format from it.
    Raises `UsageProblem` on a system that has no such path; load from `file` itself there.
    """
    mine = os.fstat(file.fileno())
    # /dev/fd duplicates the descriptor (and its offset) on BSD and macOS; /proc reopens the inode.
    for folder in ("/proc/self/fd", "/dev/fd"):
        path = f"{folder}/{file.fileno()}"
        try:
            # The identity check below is the point: os.stat follows the link to the open file.
            found = os.stat(path)  # noqa: PTH116
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino):
            return path
    raise UsageProblem(
        "this system has no path to an open file",
        remedy="load from the open file itself, without memory mapping",
    )


class Source:
    """Reads parts of an open, seekable file by their offsets."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset`; fewer at the file's end."""
        self._file.seek(offset)
        data = self._file.read(count)
        while len(data) < count:
            more = self._file.read(count - len(data))
            if not more:
                break
            data += more
        return data

    def exactly(self, offset: int, count: int, *, member: str | None = None) -> bytes:
        """Return `count` bytes from `offset`, or raise `UnreadableCheckpoint`."""
        data = self.read(offset, count)
        if len(data) != count:
            raise UnreadableCheckpoint(
                f"the file ends early: {count} bytes expected from byte {offset}, {len(data)} there",
                member=member,
            )
        return data

    def chunks(self, offset: int, count: int) -> Iterator[bytes]:
        """Yield `count` bytes from `offset` piece by piece."""
        while count:
            data = self.exactly(offset, min(count, CHUNK))
            yield data
            offset += len(data)
            count -= len(data)


class Window:
    """A moving view of bytes ``[start, end)`` of a source: one pickle, or several in a row."""

    def __init__(self, source: Source, start: int, end: int, *, member: str) -> None:
        self._source = source
        self._next = start
        """File offset behind the buffer."""
        self._end = end
        self._buffer = b""
        self._at = 0
        self._member = member
        self._origin = start
        self._step = 1 << 10
        """Bytes to read next; grows, because most windows are only looked into."""

    @property
    def position(self) -> int:
        """Bytes taken so far."""
        return self._next - len(self._buffer) + self._at - self._origin

    @property
    def left(self) -> int:
        """Bytes not yet taken."""
        return self._end - self._origin - self.position

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes, or raise `UnreadableCheckpoint` where they are not there."""
        at = self._at
        stop = at + count
        if stop > len(self._buffer):
            self._fill(count)
            at, stop = 0, count
        self._at = stop
        return self._buffer[at:stop]

    def line(self) -> bytes:
        """Return the bytes up to the next newline, without it; it must be there and near."""
        if len(self._buffer) - self._at <= MAX_LINE:
            self._fill(min(self.left, MAX_LINE + 1))
        found = self._buffer.find(b"\n", self._at, self._at + MAX_LINE + 1)
        if found < 0:
            raise UnreadableCheckpoint(
                f"a line argument has no end within {MAX_LINE} bytes",
                member=self._member,
                position=self.position,
            )
        text = self._buffer[self._at : found]
        self._at = found + 1
        return text

    def _fill(self, need: int) -> None:
        """Make the buffer start here and hold at least `need` bytes."""
        if need > self.left:
            raise UnreadableCheckpoint(
                "a pickle ends in the middle of an opcode", member=self._member, position=self.position
            )
        rest = self._buffer[self._at :]
        step = min(max(self._step, need - len(rest)), self._end - self._next)
        self._step = min(2 * self._step, 1 << 18)
        self._buffer = rest + self._source.exactly(self._next, step, member=self._member)
        self._next += step
        self._at = 0
