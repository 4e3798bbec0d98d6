"""Bringing locked checkpoints to the store, under the names that ``dvc push`` gives them.

DVC keeps up to 100 MB of each file under way in memory and trusts its cache. Here a file is read in
small parts and hashed as it goes: one whose bytes are not the locked ones never arrives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from restoration_models import lock, obtain, store
from restoration_models.catalogue import Catalogue
from restoration_models.errors import ModelProblem
from restoration_models.lock import LockedModel
from restoration_models.project import Project, in_cache
from restoration_models.store import StoreSettings

PART = 8 << 20
"""Bytes of a part, of which the server takes at most `MOST_PARTS`."""
MOST_PARTS = 10_000
PARALLEL = 2
"""Parts of one file at once."""


class NotHere(ModelProblem):
    """Locked checkpoints that neither the store nor this machine has."""

    def __init__(self, slugs: Sequence[str]) -> None:
        super().__init__(
            "the store does not have it, and neither does this machine",
            where=", ".join(slugs),
            remedy="push from the machine that ran the download, or run `models refresh` here",
        )


class Damaged(ModelProblem):
    """A file of this machine is not the one that was locked."""

    def __init__(self, path: Path, digest: str) -> None:
        super().__init__(
            f"its bytes have {digest}, which is not what was locked: it was not stored",
            where=str(path),
            remedy="delete it, and have `models pull` or `models refresh` bring the checkpoint again",
        )


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was brought to the store."""

    slugs: tuple[str, ...]
    size: int
    """Bytes of them."""
    present: int
    """How many others the store had."""


def push(
    project: Project,
    catalogue: Catalogue,
    slugs: Sequence[str] = (),
    *,
    jobs: int,
    say: Callable[[str], object],
) -> Pushed:
    """Bring every locked checkpoint, or those of `slugs`, that the store lacks; `jobs` files at once.

    `say` is told of each that arrived. Raises `UnknownModel`, `LockUnreadable`, `NotHere` (before anything
    is sent), `Damaged`, `StoreNotConfigured` and a `StoreFailure`. What arrived stays.
    """
    settings = store.settings(project)
    wanted = {catalogue.model(slug).slug for slug in slugs} or {model.slug for model in catalogue.models}
    locked = {
        (layer.slug, slug): entry
        for layer in catalogue.layers
        for slug, entry in lock.read(project, layer.slug).items()
        if slug in wanted
    }
    there = store.listing(settings)
    missing = {
        key: entry
        for key, entry in locked.items()
        if there.get(store.object_name(settings, entry.md5)) != entry.size
    }
    cache = obtain.cache_folder(project)
    found = {key: _place(project, cache, key[0], entry) for key, entry in missing.items()}
    if absent := [slug for (_, slug), path in found.items() if path is None]:
        raise NotHere(absent)

    def bring(key: tuple[str, str]) -> None:
        path = found[key]
        assert path is not None  # noqa: S101 - checked above
        _send(settings, missing[key], path)
        say(f"{key[1]}: stored")

    with ThreadPoolExecutor(jobs, "push") as pool:
        # The largest first: it takes longest.
        for _ in pool.map(bring, sorted(missing, key=lambda key: -missing[key].size)):
            pass
    size = sum(entry.size for entry in missing.values())
    return Pushed(tuple(slug for _, slug in missing), size, len(locked) - len(missing))


def _place(project: Project, cache: Path, layer: str, entry: LockedModel) -> Path | None:
    """Where this machine has the file, as far as sizes tell."""
    for path in (in_cache(cache, entry.md5), project.layer(layer) / entry.path):
        if path.is_file() and path.stat().st_size == entry.size:
            return path
    return None


def _send(settings: StoreSettings, entry: LockedModel, path: Path) -> None:
    name = store.object_name(settings, entry.md5)
    part = max(PART, -(-entry.size // MOST_PARTS))
    with path.open("rb") as file, store.asking(settings, doing=f"write {name}", name=name):
        store.client(settings).put_object(
            settings.bucket,
            name,
            _Proved(file, path, entry),
            entry.size,
            part_size=part,
            num_parallel_uploads=PARALLEL,
        )


class _Proved:
    """A file that is hashed while it is read; the last bytes of one that is not `entry`'s never come.

    Without its last part nothing is stored. A file of DVC's cache has its md5 for a name: DVC took it, and
    the lock's sha256, which most processors compute far faster, tells whether it is still the same.
    Of a file from elsewhere the md5 is proved too, for that is the name it gets.
    """

    def __init__(self, file: BinaryIO, path: Path, entry: LockedModel) -> None:
        self._file = file
        self._path = path
        self._left = entry.size
        self._digests = {"sha256": (hashlib.sha256(), entry.sha256)}
        if path.name != entry.md5[2:]:
            self._digests["md5"] = (hashlib.md5(usedforsecurity=False), entry.md5)

    def read(self, amount: int = -1) -> bytes:
        """As a file's. Raises `Damaged`."""
        data = self._file.read(amount)
        self._left -= len(data)
        for name, (digest, locked) in self._digests.items():
            digest.update(data)
            if self._left <= 0 and digest.hexdigest() != locked:
                raise Damaged(self._path, f"{name} {digest.hexdigest()}")
        return data
