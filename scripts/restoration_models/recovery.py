"""What a command that edits the catalogue left half made when it was killed: found, and taken back.

The next command that edits, and `models refresh`, take everything back by the journal (`rollback`),
unless somebody went on with it: what people changed or committed since is theirs, and so is what
`dvc repro` has brought to its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from restoration_models import cards, revision
from restoration_models.catalogue import examine
from restoration_models.errors import Problem, RestorationModelsError
from restoration_models.failures import end_killed
from restoration_models.project import CATALOGUE_FILE, Project
from restoration_models.rollback import JournalDamaged, Rollback

PEOPLES = (CATALOGUE_FILE, "dvc.yaml")
"""Files that people write; the others are made anew from them."""


def take_back(project: Project, say: Callable[[str], object]) -> None:
    """Take back what was killed half way; `say` is told what was done. The caller has the lock of edits.

    Where somebody went on with it, everything stays as it is, and weights that were set aside go to
    the inbox, where a download finds them. Raises `JournalDamaged`, and `WorldFailure` for the disk.
    """
    left = Rollback.left(project)
    if left is None:
        return
    # Nobody has the lock, so nobody is at it but what the killed command had started.
    end_killed(project)
    if not left.what:
        left.end()
        return
    command = f"`models {left.what}` was killed"
    if changed := _gone_on_with(project, left):
        told = f"{command} half way, and {changed} since: all is left as it is; see `models check`"
        kept = [project.relative(path) for path in left.set_aside_to_inbox()]
        say("; ".join([told, *(f"weights that it had set aside are kept as {path}" for path in kept)]))
    elif _is_complete(project, left):
        say(f"{command}, but everything was done: it is kept")
    else:
        say(f"{command} half way: taking it back")
        left.undo()
    left.end()


def problem(project: Project) -> Problem | None:
    """That something was left half made; None where nothing was, or where a command is at it."""
    place = project.relative(project.edit_journal)
    try:
        left = Rollback.left(project)
    except JournalDamaged as error:
        return Problem(place, 0, "", error.what, error.remedy or "")
    if left is None or not left.what or left.process.alive:
        return None
    what = f"`models {left.what}` was killed half way"
    return Problem(place, 0, "", what, "run `models refresh`, or the command again: that takes it back first")


def _gone_on_with(project: Project, left: Rollback) -> str | None:
    """What people changed of the files that were to be changed; None where nothing."""
    for path in left.kept:
        now = _content(path)
        if path.name not in PEOPLES or now == left.before(path):
            continue
        if now is None or hashlib.sha256(now).hexdigest() not in left.written.get(path, ()):
            return f"{project.relative(path)} was changed"
    if left.commit is None:
        return None
    names = [project.relative(path) for path in left.kept]
    try:
        changed = revision.changed(project.root, left.commit, revision.HEAD, names)
    except RestorationModelsError:
        return "git's history was rewritten"
    return f"{min(changed)} was committed" if changed else None


def _is_complete(project: Project, left: Rollback) -> bool:
    """Whether the change is there with all that follows from it: somebody ran the stages, or all was done."""
    if all(_content(path) == left.before(path) for path in left.written):
        return False
    catalogue, _ = examine(project)
    if catalogue is None or any(cards.stale(project, catalogue, layer.slug) for layer in catalogue.layers):
        return False
    from restoration_models.check import check

    place = project.relative(project.edit_journal)
    return all(one.file == place for one in check(project, offline=True).problems)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
