"""Writing files so that a name always holds a whole file, and saying what is wrong with a disk."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from restoration_models.errors import WorldFailure

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)\.[^.]+\.new")

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a disk, a quota or a file's limit is reached."""


class NoSpace(WorldFailure):
    """The disk cannot hold the file."""

    def __init__(self, folder: Path, needed: int | None = None, free: int | None = None) -> None:
        if needed is not None and free is not None:
            what = f"not enough disk space: {needed:,} bytes are needed and {free:,} are free"
        else:
            what = "the disk is full"
        super().__init__(
            what, where=str(folder), remedy="free some space and run the command again; a download resumes"
        )


class DiskFailure(WorldFailure):
    """A file could not be written or read."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{error.strerror or error}",
            where=str(path),
            remedy="check the disk and the folder's permissions",
        )


def disk_failure(path: Path, error: OSError) -> WorldFailure:
    """Return the failure that a person can act on for `error` at `path`."""
    return NoSpace(path.parent) if error.errno in FULL else DiskFailure(path, error)


def write_bytes(path: Path, data: bytes, *, mode: int | None = 0o644) -> None:
    """Replace `path` by `data` in one step: temporary name, fsync, rename.

    Without a `mode` the umask decides, as for any new file. Raises `NoSpace` or `DiskFailure`, and
    then leaves `path` as it was and nothing beside it.
    """
    _replace(path, lambda file: file.write(data), mode)


def write_text(path: Path, text: str, *, mode: int | None = 0o644) -> None:
    """Replace `path` by `text` (UTF-8) in one step; raises as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"), mode=mode)


def copy(source: Path, destination: Path) -> None:
    """Replace `destination` by a copy of `source` in one step; raises as `write_bytes` does."""

    def fill(file: BinaryIO) -> None:
        with source.open("rb") as origin:
            shutil.copyfileobj(origin, file, 1 << 20)

    _replace(destination, fill, source.stat().st_mode & 0o777)


def link_or_copy(source: Path, destination: Path) -> None:
    """Give the file `source` the name `destination` too, or a copy where links are not possible."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.hardlink_to(source)
    except FileExistsError:
        return
    except OSError:
        copy(source, destination)


def sweep(folder: Path, name: str = "") -> None:
    """Remove what processes that were killed left of files and folders they were writing to `folder`.

    Of the one called `name`, where that is given. Raises OSError.
    """
    if not folder.is_dir():
        return
    for entry in os.scandir(folder):
        found = _TEMPORARY.fullmatch(entry.name)
        if found and name in ("", found["name"]) and not alive(int(found["pid"])):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink(missing_ok=True)


def temporary(path: Path) -> Path:
    """A name beside `path` for what is to replace it, which `sweep` knows."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.new")


def alive(process: int) -> bool:
    """Whether a process of that number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's process
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, fill: Callable[[BinaryIO], object], mode: int | None) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name)
        name = temporary(path)
        # Private where a mode is to be set, until it is.
        descriptor = os.open(
            name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else 0o600
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                fill(file)
                file.flush()
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            name.replace(path)
        except BaseException:
            name.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise disk_failure(path, error) from error
