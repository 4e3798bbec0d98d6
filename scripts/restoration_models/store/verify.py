"""Whether the store's checkpoints still are what their addresses say: every byte is read.

A listing shows what is missing or has another size. Damage inside an object shows only when it is
read, and a content address says what must come out. A repair puts right bytes over the name and
deletes nothing: from this machine where it has them, else from an old version of the object.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from restoration_models import lock
from restoration_models.catalogue import load
from restoration_models.errors import Problem, ProblemsFound, RestorationModelsError
from restoration_models.project import Project, in_cache
from restoration_models.store.client import ObjectMissing, StoreTrouble, StoreUnreachable, asking, client
from restoration_models.store.objects import listing, object_name
from restoration_models.store.settings import StoreSettings
from restoration_models.store.settings import settings as settings_of

CHUNK = 1 << 20
AT_ONCE = 4
"""Objects that are read at a time."""
REMEDY = (
    "run `models store verify --repair` in a clone that has the checkpoint; it is in DVC's cache where "
    "`dvc pull` or `dvc repro` brought it"
)


class State(StrEnum):
    """How an object is."""

    WHOLE = "whole"
    MISSING = "missing"
    OTHER_SIZE = "other-size"
    CORRUPT = "corrupt"
    """Its bytes are not those that its address promises."""
    UNREADABLE = "unreadable"
    """The store answers, and cannot deliver it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An object that the lock names, and how it is."""

    name: str
    """In the bucket."""
    md5: str
    size: int
    """Bytes, as locked."""
    models: tuple[str, ...]
    """Slugs of the models whose checkpoint it is."""
    files: tuple[Path, ...]
    """Where the checkpoint may be on this machine."""
    lock: str
    """The lock that names it, relative to the project's root."""
    state: State = State.WHOLE
    what: str = ""
    """What is wrong with it, in words."""
    repaired: str | None = None
    """Where right bytes came from: a file of this machine, or ``version ID``; None where nothing was done."""

    @property
    def fine(self) -> bool:
        """Whether the store has it, by now."""
        return self.state is State.WHOLE or self.repaired is not None

    @property
    def problem(self) -> Problem:
        """What is wrong, and what to do."""
        return Problem(self.lock, 0, f"download@{self.models[0]}", self.what, REMEDY)


@dataclass(frozen=True, slots=True)
class Verified:
    """Every object that the lock names, in the catalogue's order."""

    objects: tuple[Checked, ...]
    read: int
    """Bytes that were read from the store."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One for each object that is not right, after repairs."""
        return tuple(one.problem for one in self.objects if not one.fine)


class StoreDamaged(ProblemsFound):
    """Objects of the store are not what the lock names."""


def verify(project: Project, *, repair: bool = False) -> Verified:
    """Read every object that the locks of all layers name, and compare with its address.

    With `repair`, what is wrong gets the right bytes where this machine, or an old version in the
    bucket, has them; they are proved first, and the object is read again afterwards. Memory stays
    at a chunk for each object under way. Raises `ProblemsFound` for the catalogue, `LockUnreadable`,
    `StoreNotConfigured` and a `StoreFailure` where the store cannot be asked.
    """
    settings = settings_of(project)
    wanted = _named(project, settings)
    stored = listing(settings)
    reader = _Reader(settings)
    with ThreadPoolExecutor(AT_ONCE, "verify") as threads:
        try:
            checked = list(threads.map(lambda one: reader.check(one, stored.get(one.name)), wanted))
            if repair:
                checked = list(threads.map(reader.repair, checked))
        except BaseException:
            # Before the pool waits for its threads: each ends at its next chunk.
            reader.stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return Verified(tuple(checked), reader.read)


def _named(project: Project, settings: StoreSettings) -> list[Checked]:
    """Every checkpoint of every lock, as an object; those of equal bytes are one."""
    from restoration_models.obtain import cache_folder

    cache = cache_folder(project)
    found: dict[str, Checked] = {}
    for layer in load(project).layers:
        place = project.relative(project.lock(layer.slug))
        for slug, entry in lock.read(project, layer.slug).items():
            file = project.layer(layer.slug) / entry.path
            known = found.get(entry.md5)
            if known is not None:
                found[entry.md5] = replace(known, models=(*known.models, slug), files=(*known.files, file))
                continue
            files = (in_cache(cache, entry.md5), file)
            name = object_name(settings, entry.md5)
            found[entry.md5] = Checked(name, entry.md5, entry.size, (slug,), files, place)
    return list(found.values())


class _Stopped(Exception):
    """The program is to end, or another thread failed."""


class _Reader:
    """Reads objects, and writes right ones over wrong ones."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.stop = threading.Event()
        self.read = 0
        self._speaker: Any = client(settings)
        self._counting = threading.Lock()

    def check(self, one: Checked, stored: int | None) -> Checked:
        """How `one` is; `stored` is its size in the listing, None where it is not there."""
        if stored is None:
            return replace(one, state=State.MISSING, what="the store does not have it")
        if stored != one.size:
            what = f"the store has {stored:,} bytes of it, not {one.size:,}"
            return replace(one, state=State.OTHER_SIZE, what=what)
        try:
            digest = self._digest(one.name)
        except ObjectMissing:
            return replace(one, state=State.MISSING, what="the store does not have it")
        except (StoreTrouble, StoreUnreachable) as failure:
            # One object, or the whole store?
            listing(self.settings, prefix=one.name)
            return replace(one, state=State.UNREADABLE, what=f"the store cannot deliver it: {failure.what}")
        if digest != one.md5:
            what = f"the store's bytes of it have md5 {digest}, not {one.md5}"
            return replace(one, state=State.CORRUPT, what=what)
        return one

    def repair(self, one: Checked) -> Checked:
        """Put right bytes under the name where any are found; returns how it is then."""
        if one.state is State.WHOLE:
            return one
        for origin, put in self._ways(one):
            put()
            if self._is_right(one, None):
                return replace(one, repaired=origin)
        return one

    def _ways(self, one: Checked) -> Iterator[tuple[str, Callable[[], None]]]:
        """Where right bytes are, and what puts them under the name."""
        for path in one.files:
            if _has(path, one):
                yield str(path), partial(self._upload, one, path)
        for version in self._versions(one):
            if self._is_right(one, version):
                yield f"version {version}", partial(self._bring_back, one, version)

    def _is_right(self, one: Checked, version: str | None) -> bool:
        try:
            return self._digest(one.name, version) == one.md5
        except (ObjectMissing, StoreTrouble, StoreUnreachable):
            listing(self.settings, prefix=one.name)
            return False

    def _digest(self, name: str, version: str | None = None) -> str:
        """The md5 of the object's bytes."""
        digest = hashlib.md5(usedforsecurity=False)
        with asking(self.settings, doing=f"read {name}", name=name):
            answer = self._speaker.get_object(self.settings.bucket, name, version_id=version)
            try:
                for chunk in answer.stream(CHUNK):
                    if self.stop.is_set():
                        raise _Stopped
                    digest.update(chunk)
                    with self._counting:
                        self.read += len(chunk)
            finally:
                answer.close()
                answer.release_conn()
        return digest.hexdigest()

    def _versions(self, one: Checked) -> Iterator[str]:
        """Former versions of the object that have its size, the newest first."""
        with asking(self.settings, doing=f"list the versions of {one.name}"):
            listed = list(
                self._speaker.list_objects(self.settings.bucket, prefix=one.name, include_version=True)
            )
        for each in listed:
            there = each.object_name == one.name and not each.is_delete_marker and each.size == one.size
            # The present version was read already.
            if there and each.version_id and each.is_latest != "true":
                yield each.version_id

    def _upload(self, one: Checked, path: Path) -> None:
        with path.open("rb") as file, asking(self.settings, doing=f"write {one.name}"):
            self._speaker.put_object(self.settings.bucket, one.name, file, one.size)

    def _bring_back(self, one: Checked, version: str) -> None:
        from minio.commonconfig import ComposeSource

        bucket = self.settings.bucket
        with asking(self.settings, doing=f"write {one.name}", name=one.name):
            # One request up to 5 GB, parts beyond; no byte passes through here.
            self._speaker.compose_object(
                bucket, one.name, [ComposeSource(bucket, one.name, version_id=version)]
            )


def _has(path: Path, one: Checked) -> bool:
    """Whether the file at `path` is that checkpoint, all of it read."""
    try:
        if path.stat().st_size != one.size:
            return False
        with path.open("rb") as file:
            return (
                hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest() == one.md5
            )
    except (OSError, RestorationModelsError):
        return False
