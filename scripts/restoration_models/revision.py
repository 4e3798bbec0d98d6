"""The files of a checkout or of a commit, as git has them.

A commit is read from git's objects: nothing is checked out, so that no attribute, filter, link
or hook of the commit takes effect. Every path is relative to the project's root, which may be
a folder of a larger repository.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from restoration_models.errors import UsageProblem, WorldFailure

HEAD = "HEAD"
_FILE_MODES = frozenset({"100644", "100755"})


class GitMissing(WorldFailure):
    """git cannot be started."""

    def __init__(self) -> None:
        super().__init__("git cannot be started", remedy="install git and put it on PATH")


class GitFailed(WorldFailure):
    """git did not do what it was asked for."""

    def __init__(self, arguments: tuple[str, ...], said: str) -> None:
        words = " ".join(said.split()) or "no reason given"
        super().__init__(
            f"git {arguments[0]} failed: {words}", remedy="`git fsck` tells whether it is damaged"
        )


class NotARepository(UsageProblem):
    """The project is not under git."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            "not inside a git repository", where=str(root), remedy="run the command inside the clone"
        )


class UnknownRevision(UsageProblem):
    """git knows no commit of that name."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            "no such commit here",
            where=revision,
            remedy="`git fetch origin` brings the branches: then name it origin/main, say",
        )


class NoForkPoint(UsageProblem):
    """Two commits have no common ancestor in this clone."""

    def __init__(self, base: str, head: str) -> None:
        super().__init__(
            f"no commit here is an ancestor of both {base} and {head}",
            remedy="a shallow clone lacks it: `git fetch --unshallow`",
        )


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that git has or would take."""

    path: str
    size: int
    """Bytes."""
    regular: bool = True
    """False for a link or a submodule: it is listed and never followed."""
    tracked: bool = True
    """False for a file that git neither has nor ignores."""
    oid: str = ""
    """Its content's name in git; empty for the working tree."""
    commit: str = ""
    """The commit that brought it, where that is not the one that is read."""


class Tree(Protocol):
    """All files of a checkout or a commit."""

    @property
    def files(self) -> Mapping[str, Blob]:
        """The files by path, sorted."""

    def contents(self, blobs: Iterable[Blob]) -> dict[str, bytes]:
        """The content of each regular file of `blobs`, by path; what vanished meanwhile is left out."""


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The files as they are in the checkout, without those that git ignores."""

    root: Path
    files: Mapping[str, Blob]

    @classmethod
    def of(cls, root: Path) -> WorkingTree:
        """The working tree at `root`. Raises `NotARepository`."""
        tracked = _names(git(root, "ls-files", "-z", "--cached"))
        others = _names(git(root, "ls-files", "-z", "--others", "--exclude-standard"))
        found = {}

        @cache
        def linked(folder: str) -> bool:
            return folder != "." and ((root / folder).is_symlink() or linked(str(Path(folder).parent)))

        for path in sorted({*tracked, *others}):
            try:
                about = (root / path).lstat()
            except OSError:
                continue  # deleted, and the deletion is not staged yet
            # A link in the way would lead out of the repository.
            regular = stat.S_ISREG(about.st_mode) and not linked(str(Path(path).parent))
            found[path] = Blob(path, about.st_size, regular, path in tracked)
        return cls(root, found)

    def contents(self, blobs: Iterable[Blob]) -> dict[str, bytes]:
        """The content of each regular file of `blobs`, by path."""
        read = {}
        for blob in blobs:
            if blob.regular:
                try:
                    read[blob.path] = (self.root / blob.path).read_bytes()
                except FileNotFoundError:
                    continue
        return read


@dataclass(frozen=True, slots=True)
class CommitTree:
    """The files of a commit."""

    root: Path
    commit: str
    """The commit's full name."""
    files: Mapping[str, Blob] = field(repr=False)

    @classmethod
    def of(cls, root: Path, revision: str) -> CommitTree:
        """The files of `revision`. Raises `NotARepository`, `UnknownRevision`."""
        commit = commit_of(root, revision)
        found = {}
        for line in git(root, "ls-tree", "-r", "-z", "--long", commit).split(b"\0"):
            if not line:
                continue
            about, _, name = line.partition(b"\t")
            mode, _, oid, size = about.decode("ascii").split()
            path = os.fsdecode(name)
            found[path] = Blob(path, int(size) if size != "-" else 0, mode in _FILE_MODES, oid=oid)
        return cls(root, commit, found)

    def contents(self, blobs: Iterable[Blob]) -> dict[str, bytes]:
        """The content of each regular file of `blobs`, by path."""
        wanted = [blob for blob in blobs if blob.regular]
        return dict(zip((blob.path for blob in wanted), read_objects(self.root, wanted), strict=True))


def read_objects(root: Path, blobs: Iterable[Blob]) -> Iterator[bytes]:
    """The contents of `blobs`, in their order, by one call of git."""
    names = [blob.oid for blob in blobs]
    if not names:
        return
    answer = git(root, "cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
    start = 0
    for name in names:
        end = answer.index(b"\n", start)
        header = answer[start:end].split()
        if len(header) != 3:
            raise GitFailed(("cat-file",), f"{name} is not in this clone")
        length = int(header[2])
        yield answer[end + 1 : end + 1 + length]
        start = end + length + 2


def commit_of(root: Path, revision: str) -> str:
    """The full name of the commit that `revision` names. Raises `NotARepository`, `UnknownRevision`."""
    git(root, "rev-parse", "--git-dir")
    if not revision or revision.startswith("-"):
        raise UnknownRevision(revision)
    found = _ask(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode:
        raise UnknownRevision(revision)
    return found.stdout.decode("ascii").strip()


def fork_point(root: Path, base: str, head: str = HEAD) -> str:
    """The commit from which `head` left `base`. Raises `UnknownRevision`, `NoForkPoint`.

    What a branch changes is told from there: what `base` gained since is not the branch's doing.
    """
    found = _ask(root, "merge-base", commit_of(root, base), commit_of(root, head))
    if found.returncode:
        raise NoForkPoint(base, head)
    return found.stdout.decode("ascii").split()[0]


def brought(root: Path, base: str, head: str) -> list[Blob]:
    """Every file that a commit between `base` and `head` added or changed, the last ones included."""
    shown = git(
        root, "log", "--raw", "-z", "-m", "--no-renames", "--no-abbrev", "--diff-filter=AM", "--relative",
        "--no-textconv", "--format=%x01%H", f"{base}..{head}",
    )  # fmt: skip
    found = [*_raw(shown)]
    unique = list({(blob.path, blob.oid): blob for blob in found}.values())
    if not unique:
        return []
    names = "".join(f"{blob.oid}\n" for blob in unique).encode()
    lines = git(root, "cat-file", "--batch-check", stdin=names).splitlines()
    sized = []
    for blob, line in zip(unique, lines, strict=True):
        words = line.split()
        if len(words) == 3 and words[1] == b"blob":
            sized.append(Blob(blob.path, int(words[2]), blob.regular, oid=blob.oid, commit=blob.commit))
    return sized


def _raw(shown: bytes) -> Iterator[Blob]:
    commit = ""
    parts = iter(shown.split(b"\0"))
    for part in parts:
        text = part.lstrip(b"\n")
        if text.startswith(b"\x01"):
            name, _, text = text[1:].partition(b"\n")
            commit = name.decode("ascii")
        if text.startswith(b":"):
            _, mode, _, oid, _ = text.decode("ascii").split()
            path = os.fsdecode(next(parts))
            yield Blob(path, 0, mode in _FILE_MODES, oid=oid, commit=commit)


def uncommitted(root: Path) -> frozenset[str]:
    """The files that git has and that differ from the last commit; all of them where there is none yet."""
    try:
        last = commit_of(root, HEAD)
    except UnknownRevision:
        return frozenset(_names(git(root, "ls-files", "-z", "--cached")))
    shown = git(root, "diff", "--name-only", "-z", "--relative", "--no-ext-diff", "--no-renames", last)
    return frozenset(_names(shown))


def changed(root: Path, base: str, head: str, names: Iterable[str]) -> frozenset[str]:
    """Which of the files `names` differ between two commits. Raises `GitFailed` for one that is gone."""
    options = ("--name-only", "-z", "--relative", "--no-ext-diff", "--no-renames")
    shown = git(root, "diff", *options, base, head, "--", *names)
    return frozenset(_names(shown))


def git(root: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """What git prints. Raises `GitMissing`, `NotARepository`, `GitFailed`."""
    done = _ask(root, *arguments, stdin=stdin)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")
        if "not a git repository" in said:
            raise NotARepository(root)
        raise GitFailed(arguments, said)
    return done.stdout


def _ask(root: Path, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(
            ["git", "--no-replace-objects", "--literal-pathspecs", *arguments],
            cwd=root,
            env=environment,
            input=stdin if stdin is not None else b"",
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise GitMissing from error


def _names(listed: bytes) -> set[str]:
    return {os.fsdecode(name) for name in listed.split(b"\0") if name}
