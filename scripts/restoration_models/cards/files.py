"""Cards as files: written where the text changed, and found stale."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from restoration_models.cards.render import render_all, sealed
from restoration_models.errors import Problem
from restoration_models.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from restoration_models.catalogue import Catalogue
    from restoration_models.project import Project

AT_ONCE = 4
"""Cards that are written at a time."""


def write_layer(project: Project, catalogue: Catalogue, layer: str) -> list[Path]:
    """Write the cards of `layer` and of its models that are not up to date; return their paths.

    Removes nothing. Raises `LockUnreadable`, `UnknownLayer`, OSError.
    """
    cards = render_all(project, catalogue, layer)
    changed = [path for path, text in cards.items() if _present(path) != text]
    # Each waits for the disk: together, not one after the other.
    with ThreadPoolExecutor(AT_ONCE, "cards") as pool:
        for _ in pool.map(lambda path: write_text(path, cards[path]), changed):
            pass
    return changed


def rewritten(layer: str) -> str:
    """How the cards of `layer` and their lock entry are put right at once: a remedy.

    ``models readme`` alone leaves the lock behind. DVC leaves a stage alone in which nothing but a
    model's card changed, hence the force; and stages of models that cannot be downloaded are not run.
    """
    return f"run `dvc repro --force --single-item cards@{layer}`, and commit what it wrote"


def stale(project: Project, catalogue: Catalogue, layer: str) -> list[Problem]:
    """A problem for each card of `layer` that is missing, out of date or edited by hand.

    Raises `LockUnreadable`, `UnknownLayer`.
    """
    problems = []
    for path, text in render_all(project, catalogue, layer).items():
        present = _present(path)
        if present == text:
            continue
        name, remedy = project.relative(path), rewritten(layer)
        if present is None:
            problems.append(Problem(name, 0, "", "the card is missing", remedy))
        elif sealed(present):
            what = "the card is out of date: the catalogue, the lock or a report has changed since"
            problems.append(Problem(name, _first_difference(present, text), "", what, remedy))
        else:
            what = "the card was edited by hand or by a merge"
            remedy = f"put what it should say into the catalogue, then {remedy}"
            problems.append(Problem(name, _first_difference(present, text), "", what, remedy))
    return problems


def _present(path: Path) -> str | None:
    """The text of a card; None where there is no such file."""
    try:
        # Line ends as git checks them out on any system; a byte that is no UTF-8 is a difference.
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        return None


def _first_difference(present: str, text: str) -> int:
    """The first line, counted from 1, in which two texts differ."""
    ours, theirs = text.splitlines(), present.splitlines()
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        # The header's digest differs wherever anything does.
        if one != other and not one.startswith("<!-- "):
            return number
    return min(len(ours), len(theirs)) + 1
