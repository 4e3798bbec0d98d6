"""Bringing locked checkpoints from the store to their places, as ``dvc pull`` does.

DVC receives with one processor, hashes when all is there, and begins anew what was cut off. Here the
transfer engine of all downloads brings the bytes, over several connections, resumed, proved by the
sha256 that the lock has as they arrive. DVC's own library then takes them into its cache and puts
them, and whatever else its cache has, into their places.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from restoration_models import lock, obtain, store
from restoration_models.catalogue import Catalogue, load
from restoration_models.download import (
    DownloadFailed,
    Fetched,
    Prefetched,
    PrefetchFailure,
    Request,
    WrongBytes,
    prefetch,
)
from restoration_models.download.digests import digests_of
from restoration_models.download.events import Reporter
from restoration_models.download.place import require_space, same_disk
from restoration_models.errors import ModelProblem, RestorationModelsError, WorldFailure
from restoration_models.files import disk_failure
from restoration_models.lock import LockedModel
from restoration_models.project import Project, in_cache


class NeverLocked(ModelProblem):
    """Models that were asked for by name and never downloaded by a pipeline."""

    def __init__(self, slugs: Sequence[str]) -> None:
        super().__init__(
            "was never locked: the store cannot have it",
            where=", ".join(slugs),
            remedy="`models refresh` downloads and validates it; or pull the branch on which that was done",
        )


class PullFailed(WorldFailure):
    """Some checkpoints did not come; the others are in their places."""

    def __init__(self, failed: Sequence[PrefetchFailure]) -> None:
        told = [f"{failure.slug}: {_reason(failure.error)}" for failure in failed[:MOST_TOLD]]
        if len(failed) > MOST_TOLD:
            told.append(f"and {len(failed) - MOST_TOLD} more")
        super().__init__(
            f"{len(failed)} of the locked checkpoints did not come: {' | '.join(told)}",
            remedy="what arrived is kept: run the command again for the rest, or `models store verify`",
        )


class NotPlaced(WorldFailure):
    """DVC could not put the checkpoints where they belong."""

    def __init__(self, reason: str, remedy: str = "see to what it says and run the command again") -> None:
        super().__init__(
            f"DVC could not put the checkpoints in their places: {reason}",
            remedy=f"{remedy}; what was fetched is kept",
        )


class InTheWay(ModelProblem):
    """Files that no cache has lie where checkpoints belong; the other checkpoints are in their places."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(
            "has other bytes than the lock, and DVC's cache does not have them: it was left alone",
            where=", ".join(paths),
            remedy="keep it with `models add` or `models replace`, or delete it, and run the command again",
        )


PROTECTED = 0o444
"""The mode that DVC gives a file of its cache once it has proved it."""
UNSAVED = "Can't remove the following unsaved files"
"""How DVC begins when it would have to overwrite bytes that nobody else has."""
MOST_TOLD = 10
"""Failures that the last line tells; each had a line of its own."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did."""

    slugs: tuple[str, ...]
    """Whose checkpoints were fetched."""
    size: int
    """Bytes that came over the network."""
    placed: int
    """Checkpoints that were put in their places, from the store or from the cache."""
    present: int
    """How many others were there."""
    failed: tuple[PrefetchFailure, ...]
    in_the_way: tuple[str, ...] = ()
    """Places, relative to the root, in which somebody's own file was left alone."""


def pull(project: Project, slugs: Sequence[str] = (), *, jobs: int, reporter: Reporter) -> Pulled:
    """Bring every locked checkpoint, or those of `slugs`, to its place; `jobs` files at once.

    What the store could not deliver is in the result, and so is what was in the way. Nothing is
    removed. Raises `ProblemsFound` for the catalogue, `UnknownModel`, `LockUnreadable`, `NeverLocked`,
    `NotPlaced`, a `StoreFailure` where the store can give nothing at all, and the disk's failures.
    """
    wanted = _wanted(project, load(project), slugs)
    cache = obtain.cache_folder(project)
    absent = [one for one in wanted if not _same(one.place, cache, one.entry)]
    if not absent:
        return Pulled((), 0, 0, len(wanted), ())
    missing = [one.entry for one in absent if not _cached(cache, one.entry)]
    with ThreadPoolExecutor(1, "dvc") as aside:
        # DVC takes as long to read the pipeline as many a file to arrive.
        opening = aside.submit(_open, project)
        outcome = _fetch(project, cache, missing, jobs, reporter)
        repo = opening.result()
    failed = {failure.slug for failure in outcome.failed}
    ready = [one for one in absent if one.entry.slug not in failed]
    entries = {entry.slug: entry for entry in missing}
    with _told(project), closing(repo):
        for slug, fetched in outcome.fetched:
            _keep(repo, cache, fetched, entries[slug])
        placed, in_the_way = _place(repo, [str(one.place) for one in ready])
    for one in ready:
        if str(one.place) not in in_the_way:
            _require_placed(project, one)
    return Pulled(
        tuple(slug for slug, _ in outcome.fetched),
        sum(fetched.bytes_fetched for _, fetched in outcome.fetched),
        placed,
        len(wanted) - placed - len(failed) - len(in_the_way),
        outcome.failed,
        tuple(project.relative(Path(path)) for path in in_the_way),
    )


@dataclass(frozen=True, slots=True)
class _Locked:
    entry: LockedModel
    place: Path
    """Where the checkpoint belongs."""


def _wanted(project: Project, catalogue: Catalogue, slugs: Sequence[str]) -> tuple[_Locked, ...]:
    """Every model that DVC would pull."""
    asked = [catalogue.model(slug) for slug in dict.fromkeys(slugs)] or catalogue.models
    locked = {layer.slug: lock.read(project, layer.slug) for layer in catalogue.layers}
    found = [(model, locked[model.layer].get(model.slug)) for model in asked]
    never = [model.slug for model, entry in found if entry is None]
    if slugs and never:
        raise NeverLocked(never)
    # An entry for a file of another name is of a stage that no longer is.
    return tuple(
        _Locked(entry, project.layer(model.layer) / entry.path)
        for model, entry in found
        if entry is not None and entry.path == f"{model.slug}/{model.file}"
    )


def _cached(cache: Path, entry: LockedModel) -> bool:
    """Whether DVC's cache has the file. As DVC does, what is write-protected is believed, else hashed."""
    path = in_cache(cache, entry.md5)
    try:
        facts = path.stat()
    except OSError:
        return False
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != entry.size:
        return False
    return stat.S_IMODE(facts.st_mode) == PROTECTED or digests_of(path).sha256 == entry.sha256


def _same(place: Path, cache: Path, entry: LockedModel) -> bool:
    """Whether the file in place is the cache's own: linked, as DVC does where the disk can."""
    try:
        same = place.samefile(in_cache(cache, entry.md5))
    except OSError:
        return False
    return same and _cached(cache, entry)


def _fetch(
    project: Project, cache: Path, entries: Sequence[LockedModel], jobs: int, reporter: Reporter
) -> Prefetched:
    """Bring what the cache lacks to the inbox."""
    if not entries:
        return Prefetched((), ())
    # A store that is down, or takes no key, says so once, and not for every checkpoint.
    with suppress(store.ObjectMissing):
        store.stored(store.settings(project), entries[0].md5)
    if not same_disk(project.inbox, cache):
        require_space(cache, sum(entry.size for entry in entries))
    requests = [
        Request.of(entry.slug, sha256=entry.sha256, size=entry.size, sources=(), md5=entry.md5)
        for entry in entries
    ]
    return prefetch(requests, jobs, replace(obtain.places(project), cache=None), reporter)


def _reason(error: RestorationModelsError) -> str:
    """Why a checkpoint did not come; what a downloader advises about sources is of no use here."""
    if isinstance(error, DownloadFailed | WrongBytes):
        return "; ".join(failure.reason for failure in error.failures)
    return error.what


def _open(project: Project) -> Any:
    """DVC's view of the project, its stages read."""
    with _told(project):
        from dvc.repo import Repo

        repo = Repo(str(project.root))
        assert repo.index.stages  # noqa: S101 - there are locked models: read now, not later
        return repo


def _keep(repo: Any, cache: Path, fetched: Fetched, entry: LockedModel) -> None:
    """Take what was fetched into DVC's cache, with its ways of naming, sharing and protecting files."""
    from dvc.fs import LocalFileSystem

    if not _cached(cache, entry):  # others may share it, and were faster
        odb = repo.cache.local
        # Another file may have the name, and DVC would take that for this one.
        Path(odb.oid_to_path(entry.md5)).unlink(missing_ok=True)
        # Proved already; to hash it once more is what takes DVC longest.
        odb.add(str(fetched.path), LocalFileSystem(), entry.md5, hardlink=True, verify=False)
    fetched.path.unlink(missing_ok=True)


def _place(repo: Any, targets: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Have DVC link, or copy, what its cache has; how many that were, and what was in the way.

    With targets, DVC removes nothing that a model left that is gone: `models check` names that.
    """
    from dvc.exceptions import DvcException

    in_the_way: tuple[str, ...] = ()
    if not targets:
        return 0, in_the_way
    try:
        done = repo.checkout(targets=list(targets), allow_missing=True)
    except DvcException as error:
        first, *rest = str(error).splitlines() or [""]
        if not first.startswith(UNSAVED):
            raise
        # It puts nothing in its place then: once more for the others.
        in_the_way = tuple(rest)
        return _place(repo, [target for target in targets if target not in rest])[0], in_the_way
    return done["stats"]["added"] + done["stats"]["modified"], in_the_way


def _require_placed(project: Project, one: _Locked) -> None:
    try:
        size = one.place.stat().st_size
    except OSError:
        raise NotPlaced(f"it made no {project.relative(one.place)}") from None
    if size != one.entry.size:
        raise NotPlaced(
            f"{project.relative(one.place)} has {size:,} bytes where the lock says {one.entry.size:,}"
        )


@contextmanager
def _told(project: Project) -> Iterator[None]:
    """Failures of DVC and of the disk inside the block, as ours."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError

    try:
        yield
    except LockError as error:
        raise NotPlaced("another DVC command is running here", "run the command again after it") from error
    except DvcException as error:
        raise NotPlaced(" ".join(str(error).split())) from error
    except OSError as error:
        raise disk_failure(Path(error.filename or project.root), error) from error
