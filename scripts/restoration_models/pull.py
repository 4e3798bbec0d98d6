"""Bringing locked checkpoints from the store to their places, as ``dvc pull`` does.

DVC receives with one processor, hashes when all is there, and begins anew what was cut off. Here the
transfer engine of all downloads brings the bytes, over several connections, resumed, proved by the
sha256 that the lock has as they arrive. DVC's own library then takes them into its cache and puts
them, and whatever else its cache has, into their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from restoration_models import lock, obtain
from restoration_models.catalogue import Catalogue, load
from restoration_models.download import Prefetched, PrefetchFailure, Request, prefetch
from restoration_models.download.events import Reporter
from restoration_models.errors import ModelProblem, WorldFailure
from restoration_models.lock import LockedModel
from restoration_models.project import Project


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
        lines = " | ".join(str(failure.error) for failure in failed)
        super().__init__(
            f"{len(failed)} of the locked checkpoints did not come: {lines}",
            remedy="what arrived is kept; run the command again for the rest",
        )


class NotPlaced(WorldFailure):
    """DVC could not put the checkpoints where they belong; its cache has them."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"DVC could not put the checkpoints in their places: {reason}",
            remedy="see to what it says and run the command again; what was fetched is in the cache",
        )


class InTheWay(ModelProblem):
    """Files that no cache has lie where checkpoints belong."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(
            "has other bytes than the lock, and DVC's cache does not have them: it was left alone",
            where=", ".join(paths),
            remedy="keep it with `models add` or `models replace`, or delete it, and run the command again",
        )


UNSAVED = "Can't remove the following unsaved files"
"""How DVC begins when it would have to overwrite bytes that nobody else has."""


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


def pull(project: Project, slugs: Sequence[str] = (), *, jobs: int, reporter: Reporter) -> Pulled:
    """Bring every locked checkpoint, or those of `slugs`, to its place; `jobs` files at once.

    What the store could not deliver is in the result. Raises `ProblemsFound` for the catalogue,
    `UnknownModel`, `LockUnreadable`, `NeverLocked`, `InTheWay`, `NotPlaced` and the disk's failures.
    """
    wanted = _wanted(project, load(project), slugs)
    cache = obtain.cache_folder(project)
    places = {(layer, entry.slug): project.layer(layer) / entry.path for layer, entry in wanted}
    absent = [(layer, entry) for layer, entry in wanted if not _same(places[layer, entry.slug], cache, entry)]
    if not absent:
        return Pulled((), 0, 0, len(wanted), ())
    missing = [entry for _, entry in absent if not _cached(cache, entry)]
    with ThreadPoolExecutor(1, "dvc") as aside:
        # DVC takes as long to read the pipeline as many a file to arrive.
        opening = aside.submit(_open, project)
        outcome = _fetch(project, missing, jobs, reporter)
        repo = opening.result()
    got = [(layer, entry) for layer, entry in absent if not _is_failed(entry, outcome)]
    with _told():
        _keep(project, repo, outcome, {entry.slug: entry for entry in missing})
        targets = [project.relative(places[layer, entry.slug]) for layer, entry in got]
        if targets:
            # Without targets DVC also clears away what models left that are gone.
            whole = not slugs and not outcome.failed
            repo.checkout(targets=None if whole else targets, allow_missing=True)
    lost = [target for target in targets if not (project.root / target).is_file()]
    if lost:
        raise NotPlaced(f"it made no {', '.join(lost)}")
    return Pulled(
        tuple(slug for slug, _ in outcome.fetched),
        sum(fetched.bytes_fetched for _, fetched in outcome.fetched),
        len(got),
        len(wanted) - len(absent),
        outcome.failed,
    )


def _wanted(
    project: Project, catalogue: Catalogue, slugs: Sequence[str]
) -> tuple[tuple[str, LockedModel], ...]:
    """Layer and lock of every model that DVC would pull."""
    asked = [catalogue.model(slug) for slug in slugs] or catalogue.models
    locked = {layer.slug: lock.read(project, layer.slug) for layer in catalogue.layers}
    found = [(model, locked[model.layer].get(model.slug)) for model in asked]
    never = [model.slug for model, entry in found if entry is None]
    if slugs and never:
        raise NeverLocked(never)
    # An entry for a file of another name is of a stage that no longer is.
    return tuple(
        (model.layer, entry)
        for model, entry in found
        if entry is not None and entry.path == f"{model.slug}/{model.file}"
    )


def _cached(cache: Path, entry: LockedModel) -> bool:
    path = cache / entry.md5[:2] / entry.md5[2:]
    return path.is_file() and path.stat().st_size == entry.size


def _same(place: Path, cache: Path, entry: LockedModel) -> bool:
    """Whether the file in place is the cache's own: linked, as DVC does where the disk can."""
    try:
        return place.samefile(cache / entry.md5[:2] / entry.md5[2:]) and place.stat().st_size == entry.size
    except FileNotFoundError:
        return False


def _fetch(project: Project, entries: Sequence[LockedModel], jobs: int, reporter: Reporter) -> Prefetched:
    """Bring what the cache lacks to the inbox."""
    requests = [
        Request.of(entry.slug, sha256=entry.sha256, size=entry.size, sources=(), md5=entry.md5)
        for entry in entries
    ]
    return prefetch(requests, jobs, replace(obtain.places(project), cache=None), reporter)


def _is_failed(entry: LockedModel, outcome: Prefetched) -> bool:
    return any(failure.slug == entry.slug for failure in outcome.failed)


def _open(project: Project) -> Any:
    """DVC's view of the project, its stages read."""
    with _told():
        from dvc.repo import Repo

        repo = Repo(str(project.root))
        assert repo.index.stages  # noqa: S101 - there are locked models: read now, not later
        return repo


def _keep(project: Project, repo: Any, outcome: Prefetched, entries: dict[str, LockedModel]) -> None:
    """Take what was fetched into DVC's cache, with its ways of naming, sharing and protecting files."""
    from dvc.fs import LocalFileSystem

    paths = [str(fetched.path) for _, fetched in outcome.fetched]
    if paths:
        digests = [entries[slug].md5 for slug, _ in outcome.fetched]
        # Proved already; to hash it once more is what takes DVC longest.
        repo.cache.local.add(paths, LocalFileSystem(), digests, hardlink=True, verify=False)
    for _, fetched in outcome.fetched:
        (project.inbox / fetched.sha256).unlink(missing_ok=True)


@contextmanager
def _told() -> Iterator[None]:
    """DVC's own failures inside the block, as ours."""
    from dvc.exceptions import DvcException

    try:
        yield
    except DvcException as error:
        first, *rest = str(error).splitlines() or [""]
        if first.startswith(UNSAVED):
            raise InTheWay(rest) from error
        raise NotPlaced(" ".join([first, *rest])) from error
