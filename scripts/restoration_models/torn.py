"""What a DVC that was killed left half written, put right before DVC runs again.

DVC writes ``dvc.lock`` and ``.dvc/tmp/rwlock`` in place: killed in between, it leaves them empty or
cut off, and refuses them from then on. A lock comes back as git has it, and the stages whose
entries are lost run again on the files that are there; the other holds nothing that outlives DVC.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from restoration_models import revision
from restoration_models.catalogue import Catalogue
from restoration_models.errors import RestorationModelsError
from restoration_models.files import write_bytes, write_text
from restoration_models.project import Project
from restoration_models.store.process import Process


def mend(project: Project, catalogue: Catalogue) -> tuple[str, ...]:
    """Bring back every lock that DVC left torn; returns their paths, relative to the root.

    While a DVC runs here nothing is touched. Raises `WorldFailure` for the disk.
    """
    mended = []
    with _alone(project.temporary / "lock") as alone:
        if not alone:
            return ()
        for path in (project.root / "dvc.lock", *(project.lock(layer.slug) for layer in catalogue.layers)):
            if not _is_torn(path):
                continue
            former = committed(project, path)
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


def _is_torn(path: Path) -> bool:
    """Whether DVC did not finish writing: what it writes ends with a line's end."""
    try:
        return not path.read_bytes().endswith(b"\n")
    except FileNotFoundError:
        return False


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
