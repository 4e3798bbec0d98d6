"""Which models a branch adds, changes, renames and removes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER
from restoration_models.review.sides import Side, View


class Kind(StrEnum):
    """What happens to a model."""

    ADDED = "added"
    CHANGED = "changed"
    RENAMED = "renamed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """A model on both sides; one of them is None where it is added or removed."""

    kind: Kind
    before: View | None
    after: View | None

    @property
    def slug(self) -> str:
        """The model's name, the later one where it has two."""
        view = self.after or self.before
        assert view is not None  # noqa: S101 - a change has a side
        return view.model.slug

    @property
    def replaced(self) -> bool:
        """Whether the checkpoint's bytes are others."""
        return bool(self.before and self.after and self.before.model.sha256 != self.after.model.sha256)


@dataclass(frozen=True, slots=True)
class Bytes:
    """What a training machine pulls."""

    new: int
    """Bytes of checkpoints that the base had not locked."""
    files: int
    """How many those are."""
    total: int
    """Bytes of all locked checkpoints after the change."""


def compare(base: Side, head: Side) -> list[Change]:
    """Every change, in the head's order, removed models last.

    A model whose entry, layer or catalogue cannot be read on one side is left out: the check says why.
    """
    unread = base.laid.aside | head.laid.aside | _untold(base, head) | _untold(head, base)
    added = [slug for slug in head.views if slug not in base.views and slug not in unread]
    removed = [slug for slug in base.views if slug not in head.views and slug not in unread]
    by_digest = {base.views[slug].model.sha256: slug for slug in removed}
    renamed = {
        slug: by_digest[head.views[slug].model.sha256]
        for slug in added
        if head.views[slug].model.sha256 in by_digest
    }
    changes = []
    for slug, after in head.views.items():
        before = base.views.get(slug)
        if slug in renamed:
            changes.append(Change(Kind.RENAMED, base.views[renamed[slug]], after))
        elif before is None and slug not in unread:
            changes.append(Change(Kind.ADDED, None, after))
        elif before is not None and before != after and not _same(before, after):
            changes.append(Change(Kind.CHANGED, before, after))
    gone = [slug for slug in removed if slug not in renamed.values()]
    return changes + [Change(Kind.REMOVED, base.views[slug], None) for slug in gone]


def _untold(known: Side, other: Side) -> set[str]:
    """The models of `known` of which `other` says nothing, for what it has could not be read."""
    if other.catalogue is None:
        return set(known.views) if CATALOGUE_FILE in other.tree.files else set()
    read = {layer.slug for layer in other.catalogue.layers}
    unread = {
        layer
        for layer in other.laid.layers_aside - read
        if f"{LAYERS_FOLDER}/{layer}/{CATALOGUE_FILE}" in other.tree.files
    }
    return {slug for slug, view in known.views.items() if view.model.layer in unread}


def pulled(base: Side, head: Side) -> Bytes:
    """What a training machine that has the base pulls, and what a new one does."""
    had = {entry.md5 for entry in base.locked.values()}
    now = {entry.md5: entry.size for entry in head.locked.values()}
    new = {md5: size for md5, size in now.items() if md5 not in had}
    return Bytes(sum(new.values()), len(new), sum(now.values()))


def _same(before: View, after: View) -> bool:
    """Whether two views differ in nothing but their family's own facts, which have a section."""
    return (before.model, before.licence, before.standing, before.locked, before.published) == (
        after.model,
        after.licence,
        after.standing,
        after.locked,
        after.published,
    ) and (before.picture and before.picture.oid) == (after.picture and after.picture.oid)
