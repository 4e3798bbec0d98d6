"""Shared by the download tests: files, patience in milliseconds, a reporter that remembers."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restoration_models.download import Places, Policy, Request
from restoration_models.download.events import Event

QUICK = Policy(
    first_part=24 * 1024,
    smallest_part=8 * 1024,
    largest_part=64 * 1024,
    block=4 * 1024,
    connect_timeout=5.0,
    read_timeout=0.4,
    drip_window=0.1,
    drip_rate=20_000,
    backoff_base=0.001,
    backoff_cap=0.01,
    quick_backoff_cap=0.005,
    retry_after_cap=0.5,
    refill=8 * 1024,
    tick=0.005,
    checkpoint_seconds=0.05,
    spare_disk=0,
)


def names(folder: Path) -> list[str]:
    """What lies in `folder`."""
    return sorted(path.name for path in folder.iterdir())


def content(size: int = 300_000, seed: int = 1) -> bytes:
    """Bytes that no two positions of confuse."""
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@dataclass
class Remembering:
    """A reporter."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def places(folder: Path, policy: Policy = QUICK, **more: Any) -> Places:
    more.setdefault("environ", {})
    return Places(folder / "inbox", folder, policy=policy, **more)


def request(data: bytes, *sources: str, folder: Path | None = None, **more: Any) -> Request:
    destination = folder / "layer" / "model" / "weights.pth" if folder else None
    return Request.of(
        "model", sha256=sha256(data), size=len(data), sources=sources, destination=destination, **more
    )


def leave_partial(at: Any, wanted: Request, data: bytes, *ranges: tuple[int, int]) -> None:
    """Put what an interrupted run would have left into the inbox."""
    from restoration_models.download.partial import Partial

    at.inbox.mkdir(parents=True, exist_ok=True)
    partial = Partial(at.partial(wanted.sha256), wanted.size)
    for start, end in ranges:
        partial.write(start, [data[start:end]])
    partial.checkpoint()
    partial.close()
