"""The page's files in a folder: whole at every moment, and nobody else's folder.

Pictures are named by their content and the page is replaced last, in one step: a reader of the
former page goes on seeing the former pictures until the new page is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from restoration_models.errors import UsageProblem
from restoration_models.files import disk_failure, sweep, temporary, write_bytes, write_text
from restoration_models.site.pages import PAGE

MARKER = ".models-site"
"""Lists the files that are ours, so that a later run removes what it no longer needs and nothing else."""
_HEAD = "# Written by `models site`, which replaces and removes these files:"


class NotOurs(UsageProblem):
    """The folder holds something else than a page of ours."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"not a folder that `models site` may write ({reason})",
            where=str(folder),
            remedy="name a new folder, an empty one, or one that it wrote",
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What was done to a folder."""

    folder: Path
    written: tuple[str, ...]
    """Files that are new or have other bytes now."""
    removed: tuple[str, ...]
    unchanged: int


def write(files: Mapping[str, bytes], folder: Path) -> Written:
    """Bring `files` (by their path with forward slashes) into `folder`; a second call changes nothing.

    A new folder appears whole. Files in it that `models site` did not write are left alone, but for
    what a killed run left half written. Modes are what the umask says: the page may be for everybody or
    for a group. Raises `NotOurs`, `NoSpace`, `DiskFailure`.
    """
    try:
        if folder.name not in ("", ".."):
            sweep(folder.parent, folder.name)
        former = _former(folder)
        if former is None:
            _begin(files, folder)
            return Written(folder, tuple(sorted(files)), (), 0)
        return _update(files, folder, former)
    except OSError as error:
        raise disk_failure(folder, error) from error


def _former(folder: Path) -> frozenset[str] | None:
    """The files of the page that is there; None where nothing is. Raises `NotOurs`."""
    if not folder.exists() and not folder.is_symlink():
        return None
    if not folder.is_dir():
        raise NotOurs(folder, "it is a file")
    marker = folder / MARKER
    if marker.is_file() and not marker.is_symlink():
        lines = marker.read_text(encoding="utf-8", errors="replace").splitlines()
        if lines[:1] == [_HEAD]:
            return frozenset(line for line in lines[1:] if _inside(line))
        raise NotOurs(folder, f"its {MARKER} is not what this program writes")
    if any(folder.iterdir()):
        raise NotOurs(folder, f"it is not empty and has no {MARKER}; delete what is in it, or name another")
    # Filled, not replaced: it may be somebody's mount, link or working folder, with a mode of its own.
    return frozenset()


def _inside(name: str) -> bool:
    """Whether a name of the marker stays in the folder: it is a file that anybody can edit."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _begin(files: Mapping[str, bytes], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = temporary(folder)
    made.mkdir()
    try:
        for name, content in files.items():
            write_bytes(made / name, content, mode=None)
        write_text(made / MARKER, _listed(files), mode=None)
        # An empty folder of that name is replaced; one that fills meanwhile is not.
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _update(files: Mapping[str, bytes], folder: Path, former: frozenset[str]) -> Written:
    for place in {(folder / name).parent for name in (MARKER, *former, *files)}:
        sweep(place)
    changed = [name for name, content in files.items() if _present(folder / name) != content]
    gone = sorted(name for name in former - set(files) if (folder / name).exists())
    if changed or former != frozenset(files):
        write_text(folder / MARKER, _listed(former | set(files)), mode=None)
    # The page last: until then the former one stands, and all that it shows.
    for name in sorted(changed, key=lambda name: (name == PAGE, name)):
        write_bytes(folder / name, files[name], mode=None)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    if changed or former != frozenset(files):
        write_text(folder / MARKER, _listed(files), mode=None)
    return Written(folder, tuple(sorted(changed)), tuple(gone), len(files) - len(changed))


def _present(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _listed(names: Mapping[str, bytes] | frozenset[str]) -> str:
    return "\n".join([_HEAD, *sorted(names)]) + "\n"
