"""Whether the store has the locked checkpoints: one listing for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from restoration_models import lock, store
from restoration_models.catalogue import Catalogue
from restoration_models.check.places import Places
from restoration_models.check.scratch import Laid
from restoration_models.errors import Problem
from restoration_models.project import Project

PUSH = "run `dvc push` where the checkpoint is"
REPAIR = "run `models store verify --repair` where the checkpoint is (`dvc push` skips a name that is there)"


def held(project: Project, md5s: Iterable[str]) -> dict[str, int | None]:
    """Bytes that the store of `project` has under each content address; None where it has nothing.

    Raises `StoreNotConfigured`, a `StoreFailure` and other `WorldFailure`.
    """
    settings = store.settings(project)
    stored = store.listing(settings)
    return {md5: stored.get(store.object_name(settings, md5)) for md5 in md5s}


def missing(project: Project, laid: Laid, loaded: Catalogue, places: Places) -> Iterator[Problem]:
    """Locked checkpoints that the store of `project` lacks or has with another size.

    Raises `StoreNotConfigured`, a `StoreFailure` and other `WorldFailure`.
    """
    locks = {layer.slug: lock.read(laid.project, layer.slug) for layer in loaded.layers}
    stored = held(project, [entry.md5 for entries in locks.values() for entry in entries.values()])
    for layer, entries in locks.items():
        file = laid.project.relative(laid.project.lock(layer))
        for slug, entry in entries.items():
            size = stored[entry.md5]
            if size == entry.size:
                continue
            what, remedy = "the store does not have it", PUSH
            if size is not None:
                what, remedy = f"the store has {size} bytes of it, not {entry.size}", REPAIR
            name = f"download@{slug}"
            yield Problem(file, places.stage(file, name), name, what, remedy)
