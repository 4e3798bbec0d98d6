"""Every number that a download's behaviour depends on, in one place."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """Patience, sizes and limits. Times in seconds, sizes in bytes."""

    connections: int = 8
    """How many connections one file may use where the server honours ranges."""
    first_part: int = 4 * MIB
    """Size of the first ranges, before anything was measured."""
    smallest_part: int = 1 * MIB
    """A range is never split below this."""
    largest_part: int = 64 * MIB
    part_seconds: float = 4.0
    """A range is cut so that one connection needs about this long for it."""
    block: int = 256 * 1024
    """How much is read from a socket, and written to disk, at a time."""

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    """Silence after which a connection counts as stalled."""
    answer_seconds: float = 60.0
    """Time for the connection and all headers of one answer, and for a page in place of the file."""
    drip_window: float = 30.0
    drip_rate: int = 1024
    """A connection that brings less than this each second over a whole window is dropped."""

    retries: int = 6
    """Failures in a row, without enough bytes between them, after which a source is given up."""
    quick_retries: int = 2
    """The same for a host that cannot be found or reached at all."""
    refill: int = 1 * MIB
    """Bytes that give one retry back (less for small files: a 32nd of the file)."""
    backoff_base: float = 0.5
    backoff_cap: float = 20.0
    quick_backoff_cap: float = 1.0
    retry_after_cap: float = 120.0
    """A source that asks for more patience than this is given up, with what it asked for."""
    max_redirects: int = 10

    tick: float = 0.1
    """How often progress is reported."""
    checkpoint_seconds: float = 1.0
    """How often the bytes so far are made safe against a power cut."""
    note_share: float = 0.005
    """The part of a file after which what was written is noted: it survives the end of this process."""
    note_floor: int = 64 * 1024
    spare_disk: int = 16 * MIB
    """Free space that must remain beyond the file itself."""
    pip_seconds: float = 3600.0


DEFAULT = Policy()
