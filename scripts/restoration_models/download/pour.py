"""Filling a partial file from a stream that cannot be asked for ranges: a file, a wheel's member."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from restoration_models.download.events import Progress, Reporter
from restoration_models.download.partial import Partial
from restoration_models.download.policy import Policy
from restoration_models.download.trouble import Disqualified, Stopped
from restoration_models.files import disk_failure

_BLOCK = 1 << 20


def pour(
    blocks: Iterator[bytes],
    partial: Partial,
    policy: Policy,
    *,
    slug: str,
    report: Reporter,
    stop: threading.Event,
    seekable: Callable[[int], None] | None = None,
) -> int:
    """Write `blocks` where `partial` misses them; returns how many bytes were read.

    Raises `Disqualified` where the stream is shorter or longer than the file.
    """
    at = 0
    if seekable is not None:
        at = partial.frontier
        seekable(at)
    began, next_tick = at, 0.0
    for block in blocks:
        if at + len(block) > partial.size:
            raise Disqualified(f"holds more than the {partial.size:,} bytes declared", other_bytes=True)
        view = memoryview(block)
        for low, high in partial.missing(at, at + len(block)):
            partial.write(low, [view[low - at : high - at]])
        at += len(block)
        if partial.checkpoint_due():
            partial.checkpoint()
        if time.monotonic() >= next_tick:
            next_tick = time.monotonic() + policy.tick
            report(Progress(slug, partial.have, partial.size, 1))
        if stop.is_set():
            raise Stopped
    if at < partial.size:
        raise Disqualified(f"holds {at:,} bytes where {partial.size:,} are declared", other_bytes=True)
    report(Progress(slug, partial.have, partial.size, 1))
    return at - began


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of `file` in blocks."""
    while block := file.read(_BLOCK):
        yield block


def pour_file(
    path: Path,
    partial: Partial,
    policy: Policy,
    *,
    slug: str,
    report: Reporter,
    stop: threading.Event,
) -> int:
    """Fill `partial` from the file at `path`; returns how many bytes were read.

    Raises `Disqualified` where there is no such file, or one of another size.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size != partial.size:
                raise Disqualified(
                    f"is a file of {size:,} bytes where the catalogue declares {partial.size:,}",
                    other_bytes=True,
                )
            return pour(
                blocks_of(file),
                partial,
                policy,
                slug=slug,
                report=report,
                stop=stop,
                seekable=lambda at: void(file.seek(at)),
            )
    except (FileNotFoundError, NotADirectoryError):
        raise Disqualified("there is no such file") from None
    except IsADirectoryError:
        raise Disqualified("is a folder") from None
    except PermissionError:
        raise Disqualified("may not be read by this user") from None
    except OSError as error:
        raise disk_failure(path, error) from error


def void(value: object) -> None:
    """Drop a value that nobody asked for."""
    del value
