"""Putting a proved file under its final name: complete and verified, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from restoration_models.download.partial import NoSpace, disk_failure


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
            _copy(verified, destination)
            verified.unlink()
        sync_folder(destination.parent)
    except OSError as error:
        raise disk_failure(destination, error) from error


def _copy(source: Path, destination: Path) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{destination.name}.", suffix=".tmp", dir=destination.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target, source.open("rb") as origin:
            shutil.copyfileobj(origin, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        temporary.chmod(source.stat().st_mode & 0o777)
        temporary.replace(destination)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a crash."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
