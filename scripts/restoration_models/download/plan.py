"""Deciding where a file comes from. Looks at what is present; touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from restoration_models.download.partial import read_record
from restoration_models.download.policy import DEFAULT, Policy
from restoration_models.project import in_cache
from restoration_models.sources import Source, WebSource, parse


@dataclass(frozen=True, slots=True)
class Request:
    """A file that is wanted."""

    slug: str
    sha256: str
    """The identity that decides; 64 lower-case hex digits."""
    size: int
    md5: str | None
    """As locked by a command that carried this sha256, else None: what cache and store are asked for."""
    sources: tuple[Source, ...]
    destination: Path | None = None
    """Where the file goes; None leaves it in the inbox."""
    already_at: tuple[Path, ...] = ()
    """Further places where the file may already be."""

    @classmethod
    def of(
        cls,
        slug: str,
        *,
        sha256: str,
        size: int,
        sources: tuple[str, ...],
        md5: str | None = None,
        destination: Path | None = None,
        already_at: tuple[Path, ...] = (),
    ) -> Request:
        """Make a request from addresses as the catalogue writes them; raises `SourceProblem`."""
        return cls(slug, sha256, size, md5, tuple(parse(text) for text in sources), destination, already_at)


@dataclass(frozen=True, slots=True)
class Places:
    """Where files are kept here, and how patient to be: the same for every request."""

    inbox: Path
    root: Path
    """The project's root, which relative ``file:`` sources start from."""
    cache: Path | None = None
    """DVC's cache of files by md5 (``…/cache/files/md5``)."""
    stored: Callable[[str], WebSource] | None = None
    """The store's object of this md5 as a source; raises where the store has none or is down."""
    fetch_from_store: Callable[[str, Path], object] | None = None
    """Writes the store's object of this md5 to a path, for a store that is no web source; raises likewise."""
    policy: Policy = DEFAULT
    environ: Mapping[str, str] | None = None
    """Where tokens are looked up; None: the process's environment."""
    share: Callable[[], int] | None = None
    """How many connections one file may use now, where several are fetched at once."""

    def verified(self, sha256: str) -> Path:
        """Where a proved file waits to be taken."""
        return self.inbox / sha256

    def partial(self, sha256: str) -> Path:
        """Where a file is assembled."""
        return self.inbox / f"{sha256}.partial"

    def lock(self, sha256: str) -> Path:
        """What processes that want this file agree through."""
        return self.inbox / f"{sha256}.lock"


@dataclass(frozen=True, slots=True)
class UseFile:
    """Prove a file that is here. `origin` is "in place" or "inbox"."""

    path: Path
    origin: str


@dataclass(frozen=True, slots=True)
class CopyFile:
    """Copy a file that is here. `origin` is "cache"."""

    path: Path
    origin: str


@dataclass(frozen=True, slots=True)
class AskStore:
    """Fetch the store's object, or have it written."""

    md5: str


@dataclass(frozen=True, slots=True)
class AskSource:
    """Fetch from a source of the catalogue."""

    source: Source


Step = UseFile | CopyFile | AskStore | AskSource


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be tried, in order, until one succeeds."""

    steps: tuple[Step, ...]
    resume: int
    """Bytes that an earlier run left; no source is asked for them again."""
    to_fetch: int
    """Bytes that the network must bring at most; 0 where a file of the right size is here."""

    @property
    def local(self) -> bool:
        """Whether the first step needs no network."""
        return bool(self.steps) and isinstance(self.steps[0], UseFile | CopyFile)


def plan(request: Request, places: Places) -> Plan:
    """Decide where the file of `request` comes from, by what is present. Changes nothing."""
    steps: list[Step] = []
    here = [request.destination] if request.destination else []
    for path in (*here, *request.already_at):
        if _has(path, request.size):
            steps.append(UseFile(path, "in place"))
    inbox = places.verified(request.sha256)
    if _has(inbox, request.size):
        steps.append(UseFile(inbox, "inbox"))
    if request.md5:
        if places.cache is not None:
            cached = in_cache(places.cache, request.md5)
            if _has(cached, request.size):
                steps.append(CopyFile(cached, "cache"))
        if places.stored is not None or places.fetch_from_store is not None:
            steps.append(AskStore(request.md5))
    local = any(isinstance(step, UseFile | CopyFile) for step in steps)
    steps.extend(AskSource(source) for source in request.sources)
    resume = read_record(places.partial(request.sha256), request.size).total
    return Plan(tuple(steps), resume, 0 if local else request.size - resume)


def _has(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:
        return False
