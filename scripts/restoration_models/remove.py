"""``models remove``, ``rename`` and ``withdraw``: a model leaves, is renamed, or is no longer to be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoration_models import former, lock, obtain, relock, stages, store
from restoration_models.architectures import require_torch
from restoration_models.catalogue import Catalogue, Model, edit, load
from restoration_models.editing import Editing, Say, editing, require_free, require_name, silent
from restoration_models.errors import ModelProblem, RestorationModelsError
from restoration_models.files import sweep, write_text
from restoration_models.lock import LockedModel
from restoration_models.newcomer import Words
from restoration_models.project import Project, in_cache

OWN_FILES = frozenset({"README.md", "sample.png", ".gitignore"})
"""What the pipeline writes into a model's folder, besides the checkpoint."""


class IsBase(ModelProblem):
    """Other models were fine-tuned from this one."""

    def __init__(self, slug: str, heirs: list[str]) -> None:
        names = ", ".join(heirs)
        super().__init__(
            f"{names} {'name' if heirs[1:] else 'names'} it as base: the lineage would be lost",
            where=slug,
            remedy=f'keep it out of use with `models withdraw {slug} --why "…"`, or take base out of {names}',
        )


class ForeignFiles(ModelProblem):
    """The model's folder holds files that are not the pipeline's."""

    def __init__(self, folder: str, names: list[str]) -> None:
        super().__init__(
            f"holds files that the pipeline did not write: {', '.join(names)}",
            where=folder,
            remedy="move them elsewhere, or delete them",
        )


@dataclass(frozen=True, slots=True)
class Removed:
    """A model that is gone, and where its weights still are."""

    model: Model
    locked: LockedModel | None
    cached: bool
    """This clone's cache has the weights."""
    store_object: str | None
    """Name in the bucket under which a push has put them; None where they were never locked."""
    published: tuple[str, ...]
    """Names under which they may have been published."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A model under its new name."""

    model: Model
    former: str
    heirs: tuple[str, ...]
    """Models whose base was given the new name."""
    validated: bool
    """Whether it was validated again."""
    changed: bool = True
    """False where it had been renamed before."""


def remove(project: Project, slug: str, *, say: Say = silent) -> Removed | None:
    """Take the model `slug` out: entry, lock entries, checkpoint, picture, card and report.

    None where it is out already: git knows a model of that name. Raises `UnknownModel`, `IsBase`,
    `ForeignFiles`, `LockUnreadable`, and what running the cards raises; nothing is changed then.
    """
    with editing(project, f"remove {slug}", say) as edits:
        catalogue = load(project)
        if _is_gone(catalogue, slug) and former.digest(project, slug) is not None:
            return None
        model = catalogue.model(slug)
        heirs = [one.slug for one in catalogue.models if one.base == slug]
        if heirs:
            raise IsBase(slug, heirs)
        folder = project.model(model.layer, slug)
        _refuse_foreign(project, model, folder)
        locked = lock.read(project, model.layer).get(slug)
        report = project.report(model.layer, slug)
        edits.keep_layer(model.layer, slug)
        edits.rewrite(project.layer_catalogue(model.layer), lambda text: edit.remove(text, ("models", slug)))
        edits.reload()
        _relock(edits, model.layer, lambda text: relock.without(text, slug))
        if folder.exists():
            edits.rollback.set_aside(folder)
        report.unlink(missing_ok=True)
        edits.run([stages.cards(model.layer)])
    return Removed(model, locked, *_left(project, catalogue, model, locked))


def rename(project: Project, old: str, new: str, *, say: Say = silent) -> Renamed:
    """Call the model `old` `new`: in its place, with its comments, nothing downloaded again.

    Its report names the model, so a validated model is validated anew, with the checkpoint that is
    here, in the cache or in the store. Published names do not hold the slug and stay. Nothing is
    done where git knows `old` as a model of the bytes that `new` has. Raises `UnknownModel`,
    `BadName`, `NameTaken`, `ForeignFiles`, and what the stages raise; nothing is changed then.
    """
    require_name(new)
    say(f"renaming {old} to {new}")
    with editing(project, f"rename {old} {new}", say) as edits:
        catalogue = load(project)
        if _is_gone(catalogue, old) and not _is_gone(catalogue, new):
            there = catalogue.model(new)
            if former.digest(project, old) == there.sha256:
                return Renamed(there, old, (), validated=False, changed=False)
        model = catalogue.model(old)
        require_free(project, catalogue, model.layer, new, "another name")
        folder, target = project.model(model.layer, old), project.model(model.layer, new)
        _refuse_foreign(project, model, folder)
        locked = lock.read(project, model.layer).get(old)
        validated = locked is not None and locked.validated is not None
        if validated:
            require_torch()
        heirs = [one for one in catalogue.models if one.base == old]
        layers = list(dict.fromkeys([model.layer, *(one.layer for one in heirs)]))
        for layer in layers:
            edits.keep_layer(layer)
        edits.keep_layer(model.layer, old, new)
        edits.rewrite(
            project.layer_catalogue(model.layer), lambda text: edit.rename(text, ("models", old), new)
        )
        for heir in heirs:
            _rebase(edits, heir, new)
        after = edits.reload()
        _relock(edits, model.layer, lambda text: relock.renamed(text, old, new))
        if folder.exists():
            edits.rollback.move(folder, target)
        else:
            edits.create_model(model.layer, new, model.file)
        project.report(model.layer, old).unlink(missing_ok=True)
        run = [stages.download(model.layer, new), stages.validate(model.layer, new)] if validated else []
        edits.run([*run, *map(stages.cards, layers)], slug=new)
    return Renamed(after.model(new), old, tuple(one.slug for one in heirs), validated)


def withdraw(project: Project, slug: str, why: Words | None, *, say: Say = silent) -> bool:
    """Say on the model `slug` that and why it must no longer be used; with None, take that back.

    The entry stays. Returns whether anything changed. Raises `UnknownModel`, and what running the
    cards raises; nothing is changed then.
    """
    with editing(project, f"withdraw {slug}", say) as edits:
        model = load(project).model(slug)
        said: Any = model.withdrawn
        if hasattr(said, "model_dump"):
            said = said.model_dump()
        if said == why:
            return False
        key = ("models", slug, "withdrawn")
        edits.keep_layer(model.layer)
        edits.rewrite(
            project.layer_catalogue(model.layer),
            lambda text: edit.remove(text, key) if why is None else edit.put(text, key, why),
        )
        edits.reload()
        edits.run([stages.cards(model.layer)])
        return True


def _is_gone(catalogue: Catalogue, slug: str) -> bool:
    return all(model.slug != slug for model in catalogue.models)


def _refuse_foreign(project: Project, model: Model, folder: Path) -> None:
    """Raise `ForeignFiles` where the model's folder holds what nobody but a person put there."""
    if not folder.is_dir():
        return
    sweep(folder)
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in OWN_FILES | {model.file})
    if foreign:
        raise ForeignFiles(project.relative(folder), foreign)


def _rebase(edits: Editing, heir: Model, base: str) -> None:
    """Give `heir`, which keeps its lineage, the new name of its base."""
    key = ("models", heir.slug, "base")
    edits.rewrite(edits.project.layer_catalogue(heir.layer), lambda text: edit.put(text, key, base))


def _relock(edits: Editing, layer: str, change: Callable[[str], str | None]) -> None:
    """Rewrite the layer's lock, where it has one; a lock of nothing is removed."""
    path = edits.project.lock(layer)
    if not path.is_file():
        return
    after = change(path.read_text(encoding="utf-8"))
    if after is None:
        path.unlink()
    else:
        write_text(path, after)


def _left(
    project: Project, catalogue: Catalogue, model: Model, locked: LockedModel | None
) -> tuple[bool, str | None, tuple[str, ...]]:
    """Whether the cache has the weights, their name in the store, and their published names."""
    published = (catalogue.published_name(model), *model.aliases)
    if locked is None:
        return False, None, published
    cached = in_cache(obtain.cache_folder(project), locked.md5)
    try:
        name = store.object_name(store.settings(project), locked.md5)
    except RestorationModelsError:
        name = f"files/md5/{locked.md5[:2]}/{locked.md5[2:]}"  # no store is configured; its name there
    return cached.is_file(), name, published
