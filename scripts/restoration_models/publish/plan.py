"""What a bucket lacks of an edition: decided here, done elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import md5
from types import MappingProxyType

from restoration_models.manifest import Manifest
from restoration_models.publish.wanted import Edition, Item, Kind


@dataclass(frozen=True, slots=True)
class Found:
    """The present version of an object of the bucket."""

    version_id: str | None
    size: int
    metadata: Mapping[str, str]
    """User metadata, names in lower case."""
    proved: str | None = None
    """The sha256 that the server itself computed of the bytes, where it did."""
    etag: str = ""
    """Of bytes that were written in one piece, and not copied, their md5."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done."""

    write: tuple[Item, ...]
    keep: Mapping[str, str]
    """Version of each object that is there already."""
    left: tuple[str, ...]
    """Names that a former publish wrote and this edition does not have."""
    foreign: tuple[str, ...]
    """Names among the published ones that no publish wrote; they are never touched."""


def plan(
    edition: Edition, found: Mapping[str, Found], vouched: Collection[tuple[str, str, str]] = ()
) -> Plan:
    """Compare what `edition` wants with what was `found` under the published names.

    `vouched` are the versions that a publish is known to have written: key, version and sha256.
    """
    keep = {
        key: there.version_id
        for key, item in edition.items.items()
        if (there := found.get(key)) is not None and there.version_id and same(item, there, vouched)
    }
    strays = sorted(set(found) - set(edition.items))
    ours = tuple(key for key in strays if _ours(found[key]))
    return Plan(
        write=tuple(item for key, item in edition.items.items() if key not in keep),
        keep=MappingProxyType(keep),
        left=ours,
        foreign=tuple(key for key in strays if key not in ours),
    )


def same(item: Item, found: Found, vouched: Collection[tuple[str, str, str]] = ()) -> bool:
    """Whether an object is what `item` wants, and not only says so.

    Anybody who may write can state any metadata beside other bytes of the same size. So the server
    must have computed a digest of the bytes, or the version must be one of `vouched`. The rest of the
    metadata is kept true too. The ETag of a copy says nothing, for it need be no md5.
    """
    stated = all(found.metadata.get(name) == value for name, value in item.metadata.items())
    if not stated or found.size != item.size or found.proved not in (None, item.sha256):
        return False
    if found.proved is not None or (item.key, found.version_id, item.sha256) in vouched:
        return True
    return item.content is not None and found.etag == md5(item.content, usedforsecurity=False).hexdigest()


def _ours(found: Found) -> bool:
    # The catalogue page is of no layer.
    needed = {"sha256"} if found.metadata.get("kind") == Kind.SITE else {"sha256", "kind", "layer"}
    return needed <= set(found.metadata)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one model between two manifests."""

    model: str
    change: str
    """``added``, ``changed`` (other bytes), ``updated`` (same bytes, other facts) or ``removed``."""
    layer: str
    task: str
    before: str | None
    """sha256 of the checkpoint that was published."""
    after: str | None


def changes(before: Manifest | None, after: Manifest) -> tuple[Change, ...]:
    """What changed from one manifest to the next, in the order of the later one, removals last."""
    old = {model.slug: model for model in before.models} if before else {}
    found = []
    for model in after.models:
        former = old.pop(model.slug, None)
        if former == model:
            continue
        known = former.sha256 if former else None
        kind = "added" if known is None else "updated" if known == model.sha256 else "changed"
        found.append(Change(model.slug, kind, model.layer, str(model.task), known, model.sha256))
    for model in old.values():
        found.append(Change(model.slug, "removed", model.layer, str(model.task), model.sha256, None))
    return tuple(found)
