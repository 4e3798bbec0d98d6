"""What a fault ended in, as a row of the table."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One case."""

    case: str
    ended: str
    """In words: the verified file, or the error."""
    fine: bool
    """Whether that is an end that is promised."""
    twice: int | None = None
    """Bytes that crossed the wire again; None where the case is not about that."""
    size: int = 0
    """Bytes of what was moved."""
    under_way: int = 0
    """Bytes that lay in sockets at a death: they are sent again too, and not counted above."""

    @property
    def share(self) -> float | None:
        """What was fetched twice, as a part of the whole."""
        return None if self.twice is None or not self.size else self.twice / self.size


def show(outcomes: Iterable[Outcome]) -> int:
    """Print a row for each as it comes, then the sums; return how many are not fine."""
    bad, seen = 0, 0
    line("case", "outcome", "fetched twice")
    for one in outcomes:
        seen += 1
        bad += not one.fine
        twice = ""
        if one.twice is not None:
            twice = f"{one.twice:,} B"
            if one.share is not None:
                twice += f" ({100 * one.share:.1f} %)"
            if one.under_way:
                twice += f", and {one.under_way:,} B under way"
        line(one.case, ("" if one.fine else "WRONG: ") + one.ended, twice)
    line(f"{seen} cases", f"{bad} wrong" if bad else "all as promised", "")
    return bad


def line(case: str, ended: str, twice: str) -> None:
    """Print a row."""
    sys.stdout.write(f"{case:<58} {ended:<64.64} {twice}\n")
    sys.stdout.flush()
