"""All or nothing: what a failed command changed is put back as it was, what a killed one changed too.

What is about to be changed stands in a journal before it is, synced to the disk. A command that
fails puts everything back itself; of one that was killed, or lost its power, the journal stays,
and the next command that edits the catalogue puts everything back (`recovery`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from restoration_models import revision
from restoration_models.download.digests import digests_of
from restoration_models.download.place import move, same_disk
from restoration_models.errors import ModelProblem, RestorationModelsError
from restoration_models.files import disk_failure, sync_folder, write_bytes
from restoration_models.project import CATALOGUE_FILE, LAYERS_FOLDER, Project
from restoration_models.store.process import Process

_LEAVINGS = (".new", ".tmp")
"""Ends of the hidden names under which this program and DVC write files that are not whole yet."""

_PLACES = ((LAYERS_FOLDER,), (CATALOGUE_FILE,), ("dvc.lock",))
"""What edits change, besides scratch space: notes may have come with somebody's branch."""
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


class JournalDamaged(ModelProblem):
    """What a killed command noted cannot be read, so that nothing can be taken back by it."""

    def __init__(self, project: Project) -> None:
        folder = project.relative(project.edit)
        super().__init__(
            "the notes of a command that was killed half way cannot be read",
            where=project.relative(project.edit_journal),
            remedy="`git status` shows what it changed, and `git checkout` takes it back; "
            f"{folder}/aside may hold weights that it set aside; then delete {folder}",
        )


@dataclass(slots=True)
class Rollback:
    """A context in which files of `project` may be changed; leaving it by an exception takes everything back.

    An interrupt counts as a failure.
    """

    project: Project
    what: str
    """The command, as a person gives it."""
    process: Process = field(default_factory=lambda: Process.of(os.getpid()))
    commit: str | None = None
    """What was checked out when it began."""
    kept: dict[Path, tuple[bytes, int] | None] = field(default_factory=dict)
    """Content and mode of files as they were; None for one that was not there."""
    written: dict[Path, set[str]] = field(default_factory=dict)
    """sha256 of what the command itself wrote, where people write too."""
    moved: list[tuple[Path, Path]] = field(default_factory=list)
    fresh: list[Path] = field(default_factory=list)
    fetched: list[tuple[Path, str]] = field(default_factory=list)
    """Downloads and their sha256: they are kept for the next try."""
    passing: list[Path] = field(default_factory=list)
    """Files that only a failure takes away, not the end of a killed command."""

    @classmethod
    def left(cls, project: Project) -> Rollback | None:
        """What a command that did not end has noted; None where there is no such. Raises `JournalDamaged`."""
        try:
            lines = project.edit_journal.read_bytes().split(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_failure(project.edit_journal, error) from error
        # What follows the last line's end was being written: what it speaks of was not done yet.
        entries: list[Any] = []
        try:
            entries = [json.loads(line) for line in lines[:-1]]
            found = cls(project, "")
            for entry in entries:
                found._take(entry)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise JournalDamaged(project) from error
        return found

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
            _remove(self.passing)
        self.end()

    # Noting what is about to be changed.

    def keep(self, *paths: Path) -> None:
        """Remember each file, or that it is not there."""
        found = []
        for path in dict.fromkeys(paths):
            if path not in self.kept:
                there = path.is_file()
                content = base64.b64encode(path.read_bytes()).decode("ascii") if there else None
                found.append([self._name(path), content, path.stat().st_mode & 0o777 if there else 0])
        if found:
            self._note({"keep": found})

    def write(self, path: Path, content: bytes) -> None:
        """Note that the kept file `path` is about to have that content."""
        self._note({"write": [self._name(path), hashlib.sha256(content).hexdigest()]})

    def move(self, path: Path, target: Path) -> None:
        """Rename `path`, a file or a folder, to `target`."""
        self._note({"move": [self._name(path), self._name(target)]})
        _carry(path, target)

    def set_aside(self, path: Path) -> None:
        """Move `path`, a file or a folder, out of the way until all is well: it may be the only one."""
        self.move(path, self.project.edit / "aside" / str(len(self.moved)) / path.name)

    def create(self, *paths: Path) -> None:
        """Note each file that is not there yet and may come to be, and each folder.

        Of a folder, files that are not noted too are somebody's, and keep it.
        """
        if fresh := [self._name(path) for path in paths if not path.exists()]:
            self._note({"create": fresh})

    def create_in_cache(self, path: Path) -> None:
        """The same for a file that other clones may use by the time a killed command is taken back."""
        if not path.exists():
            self.passing.append(path)

    def fetch(self, path: Path, sha256: str) -> None:
        """Note that a download is to arrive at `path`, which the next try shall find in the inbox."""
        self._note({"fetch": [self._name(path), sha256]})

    # Putting it back.

    def before(self, path: Path) -> bytes | None:
        """What a kept file held; None where it was not there."""
        content = self.kept[path]
        return None if content is None else content[0]

    def undo(self) -> None:
        """Put everything back; done twice it is done once. Raises `WorldFailure` for the disk."""
        try:
            for path, sha256 in self.fetched:
                self.to_inbox(path, sha256)
            for path, target in reversed(self.moved):
                _carry(target, path)
            for path, content in self.kept.items():
                if content is None:
                    path.unlink(missing_ok=True)
                elif not path.is_file() or path.read_bytes() != content[0]:
                    write_bytes(path, content[0], mode=content[1])
            _remove(reversed(self.fresh))
        except OSError as error:
            raise disk_failure(Path(error.filename or self.project.root), error) from error

    def set_aside_to_inbox(self) -> tuple[Path, ...]:
        """Bring the weights that were set aside to where downloads find them; their names there."""
        found = [
            file
            for _, target in self.moved
            if target.is_relative_to(self.project.edit)
            for file in ([target] if target.is_file() else target.rglob("*"))
            if file.is_file() and file.suffix not in (".md", ".png") and not file.name.startswith(".")
        ]
        return tuple(self.to_inbox(file, digests_of(file).sha256) for file in found)

    def to_inbox(self, path: Path, sha256: str) -> Path:
        """Bring the file `path`, where it is there with these bytes, to the inbox; its name there."""
        target = self.project.inbox / sha256
        if path.is_file() and digests_of(path).sha256 == sha256:
            move(path, target)
            # A rename between two names of one file does nothing.
            path.unlink(missing_ok=True)
        return target

    def end(self) -> None:
        """Forget it all, and what was set aside with it: what is here now holds, after a power cut too."""
        if not self.project.edit_journal.exists():
            return
        try:
            for path in (path for path in self.kept if path.is_file()):
                # DVC writes its locks without waiting for the disk.
                with path.open("rb") as file:
                    os.fsync(file.fileno())
            for path in {path.parent for moved in self.moved for path in moved if path.parent.is_dir()}:
                sync_folder(path)
            self.project.edit_journal.unlink()
            sync_folder(self.project.edit)
        except OSError as error:
            raise disk_failure(self.project.edit_journal, error) from error
        shutil.rmtree(self.project.edit, ignore_errors=True)

    # The journal.

    def _note(self, entry: dict[str, Any]) -> None:
        """Write `entry` to the journal, and wait for the disk."""
        journal = self.project.edit_journal
        try:
            if not journal.exists():
                # What a command that was killed at its very end left: all was well.
                shutil.rmtree(journal.parent, ignore_errors=True)
                journal.parent.mkdir(parents=True)
                entry = self._head() | entry
            with journal.open("ab") as file:
                file.write(json.dumps(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if "what" in entry:
                sync_folder(journal.parent)
                sync_folder(journal.parent.parent)
        except OSError as error:
            raise disk_failure(journal, error) from error
        self._take(entry)

    def _head(self) -> dict[str, Any]:
        try:
            commit = revision.commit_of(self.project.root, revision.HEAD)
        except RestorationModelsError:
            commit = None
        return {
            "what": self.what,
            "process": [self.process.pid, self.process.started],
            "commit": commit,
        }

    def _take(self, entry: dict[str, Any]) -> None:
        """Remember what `entry` says."""
        if "what" in entry:
            self.what, self.commit = str(entry["what"]), entry["commit"]
            self.process = Process(*entry["process"])
            if self.commit is not None and not _COMMIT.fullmatch(self.commit):
                raise ValueError(self.commit)
        for name, content, mode in entry.get("keep", ()):
            self.kept[self._path(name)] = None if content is None else (base64.b64decode(content), mode)
        if "write" in entry:
            name, sha256 = entry["write"]
            self.written.setdefault(self._path(name), set()).add(sha256)
        if "move" in entry:
            name, target = entry["move"]
            self.moved.append((self._path(name), self._path(target)))
        self.fresh += [self._path(name) for name in entry.get("create", ())]
        if "fetch" in entry:
            name, sha256 = entry["fetch"]
            self.fetched.append((self._path(name), sha256))

    def _name(self, path: Path) -> str:
        return self.project.relative(path)

    def _path(self, name: str) -> Path:
        """The path inside the checkout; raises ValueError for one that no edit ever notes."""
        parts = PurePosixPath(name).parts
        if ".." in parts or not (parts[:1] in _PLACES or parts[:2] == (".dvc", "tmp")):
            raise ValueError(name)
        return self.project.root.joinpath(*parts)


def _carry(path: Path, target: Path) -> None:
    """Move `path` to `target`, file by file where that folder is there already or on another disk."""
    if path.is_dir() and (target.exists() or not same_disk(path, target)):
        target.mkdir(parents=True, exist_ok=True)
        for one in sorted(path.iterdir()):
            _carry(one, target / one.name)
        path.rmdir()
    elif os.path.lexists(path):
        move(path, target)


def _remove(paths: Iterable[Path]) -> None:
    """Remove files, and folders in which nothing is left but what was never whole."""
    for path in paths:
        if not path.is_dir():
            path.unlink(missing_ok=True)
            continue
        for one in path.iterdir():
            if one.name.startswith(".") and one.name.endswith(_LEAVINGS):
                one.unlink(missing_ok=True)
        if not any(path.iterdir()):
            path.rmdir()
