"""One side of a review: a commit's catalogue with what the lock and the reports say of each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from restoration_models import lock
from restoration_models.catalogue import Catalogue, Family, Licence, Model
from restoration_models.check import Laid, laid_out
from restoration_models.lock import LockedModel, Standing
from restoration_models.project import LAYERS_FOLDER
from restoration_models.report import Report
from restoration_models.revision import Blob, CommitTree


@dataclass(frozen=True, slots=True)
class View:
    """A model as one commit has it."""

    model: Model
    family: Family
    licence: Licence
    standing: Standing
    locked: LockedModel | None
    """What is locked, be it the catalogue's file or another."""
    picture: Blob | None
    published: str

    @property
    def report(self) -> Report | None:
        """The evidence, where it is of this very model."""
        return self.standing.report


@dataclass(frozen=True, slots=True)
class Side:
    """A commit."""

    tree: CommitTree
    contents: Mapping[str, bytes]
    laid: Laid
    views: Mapping[str, View]
    """By slug, in the catalogue's order."""

    @property
    def catalogue(self) -> Catalogue | None:
        """What could be read of it; None where that is nothing."""
        return self.laid.catalogue

    @property
    def locked(self) -> dict[str, LockedModel]:
        """Every locked checkpoint that is in the catalogue, by slug."""
        return {slug: view.locked for slug, view in self.views.items() if view.locked}

    def text(self, path: str) -> str:
        """A file's text; empty where there is none."""
        return self.contents.get(path, b"").decode("utf-8", "replace")


@contextmanager
def side(tree: CommitTree, contents: Mapping[str, bytes]) -> Iterator[Side]:
    """Lay out and read the commit `tree`."""
    with laid_out(contents) as laid:
        views = {view.model.slug: view for view in _views(tree, laid)}
        yield Side(tree, contents, laid, views)


def _views(tree: CommitTree, laid: Laid) -> Iterator[View]:
    loaded = laid.catalogue
    for layer in loaded.layers if loaded else ():
        locked = lock.read(laid.project, layer.slug)
        for model in layer.models:
            assert loaded is not None  # noqa: S101 - it has this layer
            standing = lock.standing(laid.project, loaded, model, locked)
            picture = tree.files.get(f"{LAYERS_FOLDER}/{layer.slug}/{model.slug}/sample.png")
            yield View(
                model,
                loaded.family(model),
                loaded.licence(model),
                standing,
                locked.get(model.slug),
                picture if picture and picture.regular else None,
                loaded.published_name(model),
            )
