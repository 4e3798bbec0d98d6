"""A file that is being assembled, with a record of what is there that survives any death.

Beside ``<sha256>.partial`` (as long as the whole file, with holes) lies
``<sha256>.partial.json``. Its first line has the intervals that are safely on disk. The data is
synced before the record claims it, so the record never claims more than there is.

Syncing takes a disk's time, in which a fast network brings much. What was written and not
synced yet is noted in further lines, each the whole of it, with the boot of the machine: it
survives the death of the process, not that of the machine, so that it counts until the next
boot only. A line that was cut off counts for nothing.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from restoration_models.download.policy import DEFAULT, Policy
from restoration_models.download.ranges import Ranges
from restoration_models.files import disk_failure

_SCHEMA = 1
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def record_of(data: Path) -> Path:
    """Where the record of the partial file `data` lies."""
    return data.with_name(data.name + ".json")


def read_record(data: Path, size: int) -> Ranges:
    """Return what is safely in the partial file `data`; nothing where in doubt."""
    try:
        if data.stat().st_size != size:
            return Ranges()
        claim, *notes = record_of(data).read_bytes().split(b"\n")
        record = json.loads(claim)
        if record["schema"] != _SCHEMA or record["size"] != size:
            return Ranges()
        ranges = _ranges_of(record["ranges"], size)
    except (OSError, ValueError, KeyError, TypeError):
        return Ranges()
    # What stands behind the last line's end was cut off. Each note begins a line, whatever stood before.
    for note in [note for note in notes[:-1] if note][-1:]:
        with suppress(ValueError, KeyError, TypeError):
            written = json.loads(note)
            if boot() is not None and written["boot"] == boot():
                for start, end in _ranges_of(written["ranges"], size):
                    ranges.add(start, end)
    return ranges


def _ranges_of(intervals: list[list[int]], size: int) -> Ranges:
    ranges = Ranges((int(start), int(end)) for start, end in intervals)
    if not all(0 <= start < end <= size for start, end in ranges):
        raise ValueError
    return ranges


@cache
def boot() -> str | None:
    """What identifies the time since this machine's last start; None where the system does not say."""
    try:
        return _BOOT.read_text(encoding="ascii").strip() or None
    except OSError:
        return None


class Partial:
    """The file under assembly. Threads write disjoint stretches of it at once.

    `changed` is notified whenever bytes arrive; hold it to read the state.
    """

    def __init__(self, data: Path, size: int, policy: Policy = DEFAULT) -> None:
        self.path = data
        self.size = size
        self.changed = threading.Condition()
        self._seconds = policy.checkpoint_seconds
        self._note_share = max(policy.note_floor, int(size * policy.note_share))
        self._claiming, self._noting = threading.Lock(), threading.Lock()
        self._notes: int | None = None
        """The record, open for notes; None where there is none of this process."""
        try:
            self._ranges = read_record(data, size)
            self._file = os.open(data, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            os.ftruncate(self._file, size)
            if self._ranges.total:
                # What an earlier process wrote and did not sync is claimed as safe from here on.
                os.fdatasync(self._file)
        except OSError as error:
            raise disk_failure(data, error) from error
        self._have = self._claimed = self._noted = self._ranges.total
        self._safe = list(self._ranges)
        self._claimed_at = time.monotonic()

    def close(self) -> None:
        """Let go of the file. No thread may use it afterwards."""
        os.close(self._file)
        self._forget_notes()

    @property
    def have(self) -> int:
        """How many bytes are there."""
        return self._have

    @property
    def complete(self) -> bool:
        """Whether every byte is there."""
        return self._have == self.size

    @property
    def frontier(self) -> int:
        """The first missing position."""
        return self._ranges.frontier

    def missing(self, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
        """Return the gaps between two positions, in order."""
        with self.changed:
            return list(self._ranges.missing(start, self.size if end is None else end))

    def write(self, offset: int, chunks: Sequence[bytes | memoryview]) -> int:
        """Put `chunks` at `offset` and return how many bytes that were."""
        wanted = sum(len(chunk) for chunk in chunks)
        try:
            done = os.pwritev(self._file, chunks, offset)
            if done < wanted:
                rest = memoryview(b"".join(chunks))[done:]
                while rest:
                    put = os.pwrite(self._file, rest, offset + done)
                    done += put
                    rest = rest[put:]
        except OSError as error:
            raise disk_failure(self.path, error) from error
        with self.changed:
            self._ranges.add(offset, offset + wanted)
            self._have = self._ranges.total
            due = self._have - self._noted >= self._note_share
            if due:
                self._noted = self._have
            self.changed.notify_all()
        if due and boot() is not None:
            self._note()
        return wanted

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` from `offset` on and return how many bytes came."""
        try:
            return os.preadv(self._file, [buffer], offset)
        except OSError as error:
            raise disk_failure(self.path, error) from error

    def checkpoint_due(self) -> bool:
        """Say whether it is time to make the bytes safe that came since the last time."""
        return self._have > self._claimed and time.monotonic() - self._claimed_at >= self._seconds

    def checkpoint(self) -> None:
        """Make the bytes so far safe: sync them, then let the record claim them."""
        with self.changed:
            claim = list(self._ranges)
            have = self._have
        if boot() is not None:
            # A process that is asked to end may not get the time that a disk takes.
            self._note()
        try:
            os.fdatasync(self._file)
        except OSError as error:
            raise disk_failure(self.path, error) from error
        with self._claiming:
            self._safe = claim
            self._claim()
        self._claimed = have
        self._claimed_at = time.monotonic()

    def _claim(self) -> None:
        """Write down what is synced, in place of what the record said before."""
        record = record_of(self.path)
        temporary = record.with_name(record.name + ".new")
        claim = {"schema": _SCHEMA, "size": self.size, "ranges": self._safe}
        try:
            file = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o666
            )
            try:
                os.write(file, json.dumps(claim).encode() + b"\n")
                # Notes go on meanwhile, in the record that is there.
                os.fsync(file)
                with self._noting:
                    self._append(file)
                    temporary.replace(record)
                    self._forget_notes()
                    self._notes = file
            except BaseException:
                os.close(file)
                raise
        except OSError as error:
            raise disk_failure(self.path, error) from error

    def _note(self) -> None:
        """Write down what is written."""
        with self._noting:
            if self._notes is not None:
                try:
                    self._append(self._notes)
                except OSError as error:
                    raise disk_failure(self.path, error) from error
                return
        with self._claiming:
            if self._notes is None:
                self._claim()

    def _append(self, file: int) -> None:
        with self.changed:
            written = list(self._ranges)
        os.write(file, b"\n" + json.dumps({"boot": boot(), "ranges": written}).encode() + b"\n")

    def _forget_notes(self) -> None:
        if self._notes is not None:
            os.close(self._notes)
            self._notes = None

    def discard(self) -> None:
        """Forget every byte."""
        try:
            # The record first: it must never claim bytes that are gone.
            with self._claiming, self._noting:
                record_of(self.path).unlink(missing_ok=True)
                self._forget_notes()
                self._safe = []
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, self.size)
        except OSError as error:
            raise disk_failure(self.path, error) from error
        with self.changed:
            self._ranges = Ranges()
            self._have = self._claimed = self._noted = 0
            self.changed.notify_all()

    def sync(self) -> None:
        """Wait until the file's bytes are on disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise disk_failure(self.path, error) from error
