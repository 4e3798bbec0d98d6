"""Repositories in the states in which commands are killed, and what must hold of them afterwards."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

import yaml

from support.published import Shelf
from support.servers import git

SKIPPED = {".git", ".dvc", ".store", "schemas"}
TORN_BY_DVC = ("dvc.lock", "rwlock")


def tree(root: Path) -> dict[str, str]:
    """Every file that git does not ignore, and every checkpoint, by path with its digest."""
    found = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if inside.parts[0] not in SKIPPED and path.is_file():
            found[inside.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def torn(root: Path, digests: Mapping[str, str]) -> list[str]:
    """What is half written: a text that does not parse, a checkpoint or cached object of other bytes.

    `digests` are the sha256 of checkpoints by file name.
    """
    wrong = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).as_posix()
        if inside.startswith(".git/") or not path.is_file() or path.name.startswith("."):
            continue
        if inside.startswith(".dvc/cache/"):
            # DVC takes write permission from an object once it is whole.
            if not path.stat().st_mode & stat.S_IWUSR and _md5(path) != path.parent.name + path.name:
                wrong.append(inside)
        elif inside.startswith(".dvc/tmp/") and path.name != "rwlock":
            continue
        elif not _reads(path) or (
            path.name in digests and hashlib.sha256(path.read_bytes()).hexdigest() != digests[path.name]
        ):
            wrong.append(inside)
    return wrong


def left_over(root: Path) -> list[str]:
    """Temporary files, and notes of a killed edit, that no run took away."""
    return [path.relative_to(root).as_posix() for path in [root / ".dvc/tmp/edit"] if path.exists()] + [
        path.relative_to(root).as_posix()
        for path in root.rglob(".*.new")
        if ".git" not in path.relative_to(root).parts
    ]


def _reads(path: Path) -> bool:
    try:
        if path.suffix == ".json" or path.name == "rwlock":
            json.loads(path.read_bytes())
        elif path.suffix in (".yaml", ".lock"):
            content = path.read_bytes()
            return isinstance(yaml.safe_load(content), dict) and content.endswith((b"\n", b"}"))
        elif path.name == "README.md":
            text = path.read_text(encoding="utf-8")
            return text.endswith("\n") and bool(re.match(r"---\n|# |<!--", text))
        elif path.suffix == ".png":
            content = path.read_bytes()
            return content.endswith(b"IEND\xaeB\x60\x82") or not content.startswith(b"\x89PNG")
    except (ValueError, yaml.YAMLError):
        return False
    return True


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def copy(source: Path, root: Path) -> Path:
    """The repository at `source`, again at `root`, with hard links of its own."""
    shutil.copytree(source, root, symlinks=True)
    return root


def git_is_well(root: Path) -> bool:
    """Whether git can read its own index and objects, and nobody holds its lock."""
    return not (root / ".git/index.lock").exists() and git(root, "status", "--porcelain") is not None


def again(shelf: Shelf, root: Path) -> Shelf:
    """A copy of the repository at `root`."""
    contents, entries = dict(shelf.contents), {name: dict(each) for name, each in shelf.entries.items()}
    return Shelf(copy(shelf.root, root), contents, entries)
