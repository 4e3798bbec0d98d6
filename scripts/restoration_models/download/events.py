"""What a download tells while it runs. Values, which the command line renders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to the download of one model."""

    slug: str


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A source is being asked."""

    source: str
    size: int


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """Bytes of an earlier run are there and need not be fetched again."""

    have: int
    size: int


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """So many bytes are on this machine."""

    done: int
    size: int
    connections: int


@dataclass(frozen=True, slots=True)
class Retrying(Event):
    """A source failed in a way that may pass; it is asked again after `delay` seconds."""

    source: str
    reason: str
    delay: float


@dataclass(frozen=True, slots=True)
class SourceFailed(Event):
    """A source is given up. `following` is the next one, None after the last."""

    source: str
    reason: str
    following: str | None


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """Another process is downloading the same file; this one waits for it."""


@dataclass(frozen=True, slots=True)
class Verifying(Event):
    """A file that is already here (`origin`: inbox, cache, store, in place) is being read and proved."""

    origin: str
    size: int


@dataclass(frozen=True, slots=True)
class Verified(Event):
    """The bytes are the declared ones. `origin` says where they came from."""

    origin: str
    size: int
    bytes_fetched: int


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """Nothing delivered the file."""

    reason: str


class Reporter(Protocol):
    """Whoever wants to know; called from the thread that runs the download, one event at a time."""

    def __call__(self, event: Event, /) -> None:
        """Take note of `event`, quickly."""


def silent(event: Event, /) -> None:
    """Take no note."""
    del event
