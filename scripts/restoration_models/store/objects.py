"""Reading DVC's objects in the bucket: ``<prefix>/files/md5/ab/cdef…``."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from restoration_models.errors import UsageProblem
from restoration_models.project import Project
from restoration_models.store.client import StoreFailure, asking, client
from restoration_models.store.settings import StoreSettings
from restoration_models.store.settings import settings as settings_of

CHUNK = 1 << 20


class ObjectCorrupt(StoreFailure):
    """The store's bytes are not those that the object's name promises."""

    def __init__(self, settings: StoreSettings, name: str, actual: str) -> None:
        super().__init__(
            f"the bytes of {name} have md5 {actual}, which is not what its name says; they were discarded",
            where=settings.endpoint,
            remedy="have the object deleted, then pushed again from a machine that has the file (`dvc push`)",
        )


class NotAnMd5(UsageProblem):
    """Something else than the md5 of one file (a folder's, for instance)."""

    def __init__(self, md5: str) -> None:
        super().__init__(
            "not the md5 of a file", where=md5, remedy="give 32 hexadecimal digits, as dvc.lock has them"
        )


def object_name(settings: StoreSettings, md5: str) -> str:
    """Return where DVC keeps the file of this `md5` in the bucket. Raises `NotAnMd5`."""
    if not re.fullmatch(r"[0-9a-f]{32}", md5):
        raise NotAnMd5(md5)
    return "/".join(filter(None, (settings.prefix, "files/md5", md5[:2], md5[2:])))


def listing(settings: StoreSettings, *, prefix: str | None = None) -> dict[str, int]:
    """Return name and size in bytes of every object under `prefix` (default: all of DVC's).

    Names are whole object names, from the root of the bucket; ``prefix=""`` lists the bucket.
    Raises a `StoreFailure`.
    """
    folder = f"{settings.prefix}/" if prefix is None and settings.prefix else prefix or ""
    with asking(settings, doing=f"list {folder or 'the bucket'}"):
        found = client(settings).list_objects(settings.bucket, prefix=folder, recursive=True)
        return {entry.object_name: entry.size for entry in found}


def fetch_object(store: StoreSettings | Project, md5: str, destination: Path) -> Path:
    """Stream the file of this `md5` to `destination`, and return `destination`.

    Written under a temporary name beside it, hashed on the way, synced, then renamed: under
    its final name the file is whole. Raises `NotAnMd5`, a `StoreFailure` (`StoreUnreachable`,
    `WrongKeys`, `BucketMissing`, `ObjectMissing`, `ObjectCorrupt`…) and OSError.
    """
    settings = settings_of(store) if isinstance(store, Project) else store
    name = object_name(settings, md5)
    partial = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}")
    try:
        actual = _stream(settings, name, partial)
        if actual != md5:
            raise ObjectCorrupt(settings, name, actual)
        partial.replace(destination)
    finally:
        with suppress(OSError):
            partial.unlink()
    return destination


def _stream(settings: StoreSettings, name: str, path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    speaker = client(settings)
    with asking(settings, doing=f"read {name}", name=name):
        answer = speaker.get_object(settings.bucket, name)
    try:
        with path.open("xb") as file:
            chunks = answer.stream(CHUNK)
            while True:
                with asking(settings, name=name):
                    chunk = next(chunks, None)
                if chunk is None:
                    break
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    finally:
        answer.close()
        answer.release_conn()
    return digest.hexdigest()
