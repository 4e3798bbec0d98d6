"""Putting a proved file under its final name: complete and verified, or not at all."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from restoration_models.files import NoSpace, copy, disk_failure, sync_folder


def existing_parent(folder: Path) -> Path:
    """Return `folder`, or the nearest folder above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def require_space(folder: Path, needed: int) -> None:
    """Raise `NoSpace` where the disk of `folder` cannot take `needed` more bytes."""
    free = shutil.disk_usage(existing_parent(folder)).free
    if needed > free:
        raise NoSpace(folder, needed, free)


def same_disk(one: Path, other: Path) -> bool:
    """Say whether a rename between the two folders is possible."""
    return existing_parent(one).stat().st_dev == existing_parent(other).stat().st_dev


def move(verified: Path, destination: Path) -> None:
    """Rename `verified`, whose bytes are synced, to `destination`; across disks, copy, sync, rename."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            verified.replace(destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copy(verified, destination)
            verified.unlink()
        sync_folder(destination.parent)
    except OSError as error:
        raise disk_failure(destination, error) from error
