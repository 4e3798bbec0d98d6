"""All or nothing: what a failed command changed is put back as it was."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from restoration_models.files import write_bytes


@dataclass(slots=True)
class Rollback:
    """A context in which files may be changed; leaving it by an exception takes everything back.

    An interrupt counts as a failure. Only `kill -9` and a power cut do not: then git has what
    was there before, and the next `models add` takes back an add.
    """

    kept: dict[Path, tuple[bytes, int] | None] = field(default_factory=dict)
    """Content and mode of files as they were; None for one that was not there."""
    moved: list[tuple[Path, Path]] = field(default_factory=list)
    fresh: list[Path] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.undo()

    def keep(self, *paths: Path) -> None:
        """Remember each file, or that it is not there."""
        for path in paths:
            if path not in self.kept:
                there = path.is_file()
                self.kept[path] = (path.read_bytes(), path.stat().st_mode & 0o777) if there else None

    def move(self, path: Path, target: Path) -> None:
        """Rename `path`, a file or a folder on the same disk, to `target`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        self.moved.append((path, target))

    def create(self, path: Path) -> None:
        """Note that `path`, a file or a folder that is not there yet, may come to be."""
        if not path.exists():
            self.fresh.append(path)

    def undo(self) -> None:
        """Put everything back."""
        for path, target in reversed(self.moved):
            if target.exists():
                target.rename(path)
        for path in reversed(self.fresh):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        for path, content in self.kept.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif not path.is_file() or path.read_bytes() != content[0]:
                write_bytes(path, content[0], mode=content[1])
