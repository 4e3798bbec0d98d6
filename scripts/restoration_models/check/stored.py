"""Whether the store has the locked checkpoints: one listing for all."""

from __future__ import annotations

from collections.abc import Iterator

from restoration_models import lock, store
from restoration_models.catalogue import Catalogue
from restoration_models.check.places import Places
from restoration_models.check.scratch import Laid
from restoration_models.errors import Problem
from restoration_models.project import Project

PUSH = "run `dvc push` where the checkpoint is"


def missing(project: Project, laid: Laid, loaded: Catalogue, places: Places) -> Iterator[Problem]:
    """Locked checkpoints that the store of `project` lacks or has with another size.

    Raises `StoreNotConfigured`, a `StoreFailure` and other `WorldFailure`.
    """
    settings = store.settings(project)
    stored = store.listing(settings)
    for layer in loaded.layers:
        file = laid.project.relative(laid.project.lock(layer.slug))
        for slug, entry in lock.read(laid.project, layer.slug).items():
            size = stored.get(store.object_name(settings, entry.md5))
            if size == entry.size:
                continue
            what = "the store does not have it"
            if size is not None:
                what = f"the store has {size} bytes of it, not {entry.size}"
            name = f"download@{slug}"
            yield Problem(file, places.stage(file, name), name, what, PUSH)
