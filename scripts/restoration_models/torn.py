"""What a DVC that was killed left half written, put right before DVC runs again.

DVC writes ``dvc.lock`` and ``.dvc/tmp/rwlock`` in place: killed in between, it leaves them empty or
cut off, and refuses them from then on. A lock comes back as git has it, and the stages whose
entries are lost run again on the files that are there; the other holds nothing that outlives DVC.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from restoration_models import revision
from restoration_models.catalogue import Catalogue
from restoration_models.errors import RestorationModelsError
from restoration_models.files import write_bytes, write_text
from restoration_models.lock import CONFLICT
from restoration_models.project import Project
from restoration_models.store.process import Process

_HEAD = re.compile(r"schema: '2\.0'\nstages:\n")
_BEGUN = re.compile(rf"{_HEAD.pattern}|stages:\n")
_STAGE = re.compile(r"^  [^\s#].*\n", re.MULTILINE)
"""The line that begins a stage, by how far in it stands."""
_FILES = {"download": {"outs": 1}, "validate": {"deps": 1, "outs": 2}, "cards": {"deps": 1, "outs": 1}}
"""How many files the project's stages read and write at least: the outs are written last."""


def mend(project: Project, catalogue: Catalogue) -> tuple[str, ...]:
    """Bring back every lock that DVC left torn; returns their paths, relative to the root.

    While a DVC runs here nothing is touched. Raises `WorldFailure` for the disk.
    """
    mended = []
    with _alone(project.temporary / "lock") as alone:
        if not alone:
            return ()
        for path in (project.root / "dvc.lock", *(project.lock(layer.slug) for layer in catalogue.layers)):
            if not path.is_file() or not is_torn(path.read_bytes()):
                continue
            former = committed(project, path)
            if former is not None and is_torn(former):
                continue
            if former is None:
                path.unlink()
            else:
                write_bytes(path, former)
            mended.append(project.relative(path))
    return tuple(mended)


def release(project: Project) -> None:
    """Take out of DVC's record of who reads and writes what, whoever has ended.

    DVC does so too, but counts a process that ended and was not collected yet as one that runs. A
    torn record is removed: DVC makes a new one. Raises `WorldFailure` for the disk.
    """
    record = project.temporary / "rwlock"
    if not record.exists():
        return
    with _alone(project.temporary / "rwlock.lock") as alone:
        if not alone:
            return
        try:
            held = json.loads(record.read_bytes())
            writers = {path: one for path, one in held.get("write", {}).items() if _runs(one)}
            readers = {
                path: [one for one in every if _runs(one)] for path, every in held.get("read", {}).items()
            }
        except FileNotFoundError:
            return
        except (ValueError, TypeError, AttributeError, KeyError):
            record.unlink(missing_ok=True)
            return
        after = {"write": writers, "read": {path: some for path, some in readers.items() if some}}
        if after != {"write": held.get("write", {}), "read": held.get("read", {})}:
            write_text(record, json.dumps(after))


def _runs(holder: dict[str, object]) -> bool:
    return Process.of(int(str(holder["pid"]))).alive


def committed(project: Project, path: Path) -> bytes | None:
    """The content of `path` as git has it in its index; None where git has none."""
    try:
        return revision.git(path.parent, "show", f":./{path.name}")
    except RestorationModelsError:
        return None


def is_torn(content: bytes) -> bool:
    """Whether DVC did not finish writing this lock: its end is missing, and all before is as DVC writes it.

    One that was cut off between two stages is no problem: those that are missing run again. One that
    is wrong elsewhere, or is in a merge conflict, is a person's to put right.
    """
    if not content.endswith(b"\n"):
        return CONFLICT.search(content.decode("utf-8", "replace")) is None
    text = content.decode("utf-8", "replace")
    if CONFLICT.search(text):
        return False
    last = max((match.start() for match in _STAGE.finditer(text)), default=None)
    if last is None:
        return _BEGUN.fullmatch(text) is not None
    if _are_whole(text[last:]):
        return False
    begun = _HEAD.match(text)
    return begun is not None and _are_whole(text[begun.end() : last])


def _are_whole(text: str) -> bool:
    """Whether each stage in `text` has all that DVC writes of this project's stages."""
    try:
        stages = yaml.safe_load(text) or {}
        return all(_is_whole(str(name), stage) for name, stage in stages.items())
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError):
        return False


def _is_whole(name: str, stage: dict[str, Any]) -> bool:
    """Whether `stage` has its command, and all facts of as many files as it reads and writes."""
    wanted = _FILES.get(name.partition("@")[0], {})
    facts = [fact for kind in ("deps", "outs") for fact in stage.get(kind, ())]
    return (
        "cmd" in stage
        and all(len(stage.get(kind, ())) >= count for kind, count in wanted.items())
        and all({"path", "md5", "size"} <= fact.keys() for fact in facts)
        and all("nfiles" in fact for fact in facts if str(fact["md5"]).endswith(".dir"))
    )


@contextmanager
def _alone(lock: Path) -> Iterator[bool]:
    """Hold the lock that DVC holds while it writes; False where a DVC has it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)
