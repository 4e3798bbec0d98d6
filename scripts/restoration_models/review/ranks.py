"""In which order the parts of a review get room on the page."""

from __future__ import annotations

from enum import IntEnum


class Rank(IntEnum):
    """The lower, the sooner.

    First comes, of everything that changes what is there already, enough to see it: so many flags,
    rows and differences, and the digests and licence of so many models. Then the rest of those, then
    what is only added, of which a branch may bring any number.
    """

    FLAGS = 0
    DIFFERENCES = 1
    ROWS = 2
    ESSENTIALS = 3
    PROBLEMS = 4
    MORE_FLAGS = 5
    MORE_ROWS = 6
    FAMILIES = 7
    BRIEF = 8
    MORE_DIFFERENCES = 9
    MORE_ESSENTIALS = 10
    MORE_PROBLEMS = 11
    WHOLE_DIFFERENCES = 12
    DETAILS = 13
    PICTURES = 14
    LIGHT_FLAGS = 15
    LIGHT_ROWS = 16
    MORE_LIGHT_FLAGS = 17
    LIGHT_PROBLEMS = 18
    LIGHT_BRIEF = 19
    LIGHT_FAMILIES = 20
    LIGHT_DETAILS = 21
    LIGHT_PICTURES = 22
    TEXTS = 23
    LIGHT_TEXTS = 24
    OTHERS = 25

    def then(self, number: int) -> Rank:
        """The rank of the piece with this number: its own for the first ones, a later one for the rest."""
        return self if number < FIRST[self] else LATER[self]


FIRST = {
    Rank.FLAGS: 24,
    Rank.ROWS: 20,
    Rank.DIFFERENCES: 4,
    Rank.ESSENTIALS: 12,
    Rank.PROBLEMS: 15,
    Rank.LIGHT_FLAGS: 200,
}
"""Pieces of a rank; the others come later."""
LATER = {
    Rank.FLAGS: Rank.MORE_FLAGS,
    Rank.ROWS: Rank.MORE_ROWS,
    Rank.DIFFERENCES: Rank.MORE_DIFFERENCES,
    Rank.ESSENTIALS: Rank.MORE_ESSENTIALS,
    Rank.PROBLEMS: Rank.MORE_PROBLEMS,
    Rank.LIGHT_FLAGS: Rank.MORE_LIGHT_FLAGS,
}
