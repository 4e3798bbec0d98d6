"""DVC's objects in the bucket: ``<prefix>/files/md5/ab/cdef…``."""

from __future__ import annotations

import re

from restoration_models.errors import UsageProblem
from restoration_models.store.client import asking, client
from restoration_models.store.settings import StoreSettings


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
