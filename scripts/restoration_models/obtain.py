"""Bringing a model's checkpoint to its place: the catalogue, the lock, DVC's cache and the store
joined into one request to the downloader.
"""

from __future__ import annotations

import os
from pathlib import Path

from restoration_models import lock, store
from restoration_models.catalogue import Catalogue, Model
from restoration_models.download import Fetched, Places, Prefetched, Request, fetch, prefetch
from restoration_models.download.events import Reporter
from restoration_models.errors import UsageProblem, WorldFailure
from restoration_models.files import link_or_copy
from restoration_models.lock import LockedModel
from restoration_models.project import Project, in_cache


class OtherDigest(UsageProblem):
    """The command line names another digest than the catalogue."""

    def __init__(self, slug: str, given: str, stated: str) -> None:
        super().__init__(
            f"--sha256 is {given}, the catalogue says {stated}",
            where=f"models download {slug}",
            remedy="let `dvc repro` write the command line, or leave --sha256 out",
        )


class PrefetchFailed(WorldFailure):
    """Some files could not be had."""

    def __init__(self, outcome: Prefetched) -> None:
        lines = " | ".join(str(failure.error) for failure in outcome.failed)
        total = len(outcome.failed) + len(outcome.fetched)
        super().__init__(
            f"{len(outcome.failed)} of {total} files could not be had: {lines}",
            remedy="what arrived is kept; run the command again for the rest",
        )


def obtain(project: Project, model: Model, *, reporter: Reporter) -> Fetched:
    """Bring the checkpoint of `model` to its place, proved. Raises what `download.fetch` raises.

    DVC deletes a stage's file before it runs the stage: what a person downloads ahead of the
    pipeline keeps a second name in the inbox, where the stage finds it.
    """
    locked = lock.read(project, model.layer).get(model.slug)
    found = places(project)
    fetched = fetch(request(project, model, locked), found, reporter)
    # What the cache has, DVC takes from there instead.
    if not inside_stage() and not _is_cached(found, model, locked):
        link_or_copy(fetched.path, project.inbox / model.sha256)
    return fetched


def inside_stage() -> bool:
    """Whether DVC started this process as a stage."""
    return "DVC_STAGE" in os.environ


def prefetch_all(project: Project, catalogue: Catalogue, *, jobs: int, reporter: Reporter) -> Prefetched:
    """Fill the inbox with the checkpoints that are not here yet, `jobs` at a time.

    What could not be had is in the result.
    """
    found = places(project)
    locked = {slug: one for layer in catalogue.layers for slug, one in lock.read(project, layer.slug).items()}
    wanted = [
        model for model in catalogue.models if not is_here(project, found, model, locked.get(model.slug))
    ]
    requests = [request(project, model, locked.get(model.slug), deliver=False) for model in wanted]
    outcome = prefetch(requests, jobs, found, reporter)
    for slug, fetched in outcome.fetched:
        if fetched.origin == "in place":
            # DVC will delete it there before it runs the stage that asks for it.
            link_or_copy(fetched.path, project.inbox / catalogue.model(slug).sha256)
    return outcome


def request(project: Project, model: Model, locked: LockedModel | None, *, deliver: bool = True) -> Request:
    """What to ask of the downloader for `model`.

    Cache and store are asked by md5: the locked one, where the lock's download had the digest
    that the catalogue has now, else the catalogue's own. The digest decides what came.
    """
    place = project.checkpoint(model.layer, model.slug, model.file)
    return Request.of(
        model.slug,
        sha256=model.sha256,
        size=model.size,
        sources=model.sources,
        md5=locked.md5 if locked is not None and locked.sha256 == model.sha256 else model.md5,
        destination=place if deliver else None,
        already_at=() if deliver else (place,),
    )


def places(project: Project) -> Places:
    """Where files are kept in `project`."""
    return Places(
        inbox=project.inbox,
        root=project.root,
        cache=cache_folder(project),
        stored=lambda md5: store.stored(store.settings(project), md5),
    )


def cache_folder(project: Project) -> Path:
    """DVC's cache of files by md5: the project's own, or the one that its configuration names."""
    from dvc.config import Config

    configured = Config(str(project.dvc_folder), validate=False)["cache"].get("dir")
    return Path(configured or project.dvc_folder / "cache") / "files" / "md5"


def is_here(project: Project, found: Places, model: Model, locked: LockedModel | None) -> bool:
    """Whether DVC needs no download for `model`: in its place or in the cache, as far as sizes tell."""
    if locked is None or locked.sha256 != model.sha256:
        return False
    path = project.checkpoint(model.layer, model.slug, model.file)
    return _has(path, model.size) or _is_cached(found, model, locked)


def _is_cached(found: Places, model: Model, locked: LockedModel | None) -> bool:
    """Whether DVC's cache has the locked file, and it is the catalogue's."""
    if locked is None or locked.sha256 != model.sha256 or found.cache is None:
        return False
    return _has(in_cache(found.cache, locked.md5), model.size)


def _has(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
