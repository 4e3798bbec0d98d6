"""What can go wrong, in three kinds that decide the exit status.

The library raises these and never prints; the command line renders one as a single
line (what, where, what to do) and leaves with its status. Modules define their own
subclasses beside the code that raises them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from restoration_models.plain import one_line


class RestorationModelsError(Exception):
    """A failure that a user can meet and act on.

    `what` says what happened, `where` names the place (a file and key, a model, a
    host), `remedy` says what to do. Each is a phrase without a final full stop.
    """

    status: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """One line: ``where: what; remedy``; a server's or a file's control characters are written out."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return one_line(f"{head}; {self.remedy}" if self.remedy else head)


class ModelProblem(RestorationModelsError):
    """Something is wrong with a model or the catalogue (exit status 1)."""

    status = 1


class UsageProblem(RestorationModelsError):
    """The command was used wrongly (exit status 2)."""

    status = 2


class WorldFailure(RestorationModelsError):
    """Network, store or disk failed (exit status 3)."""

    status = 3


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem among many, with its place; sorted by file, line and key."""

    file: str
    """Path relative to the project root."""
    line: int
    """1-based; 0 where the problem is not tied to a line."""
    key: str
    """Key path such as ``models.uvdoc.sha256``; empty where there is none."""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        parts = [place, self.key, self.what] if self.key else [place, self.what]
        text = ": ".join(parts)
        return one_line(f"{text}; {self.remedy}" if self.remedy else text)


class ProblemsFound(ModelProblem):
    """Several problems, reported all at once."""

    def __init__(self, problems: Sequence[Problem], *, remedy: str | None = None) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} found", remedy=remedy)
