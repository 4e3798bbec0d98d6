"""Making a page fit: it is filled with the most important first, and says what it left out.

Whoever writes a branch decides how much there is to show. So nothing is cut from the end on: room
is given piece by piece, by rank, and what has a low rank cannot take it from what has a high one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

CHARACTERS = 60_000
"""A comment on GitHub holds 65,536 characters."""
BYTES = 120_000
"""What one variable of a process's environment holds, with room to spare."""
NOTE = 1_000
"""Characters kept for the note on what was left out."""
MISSES = 25
"""Pieces of one rank that found no room, after which none of that rank is made any more."""

Text = str | Callable[[], str]
"""What is shown, or what makes it: a page of a thousand models has room for the details of few."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to show a piece."""

    rank: int
    """The lower, the sooner it gets room."""
    text: Text

    def made(self) -> str:
        """The text itself."""
        return self.text if isinstance(self.text, str) else self.text()


@dataclass(frozen=True, slots=True)
class Piece:
    """What is shown in one of its forms, or not at all."""

    forms: tuple[Form, ...]
    """From the shortest to the whole; none of a higher rank than its successor."""
    name: str
    """What it is, for the note that tells what is not shown whole."""
    follows: bool = False
    """Whether it makes sense only below the last piece before it that does not follow itself."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the page: pieces in their order, between lines that are always there."""

    head: str = ""
    pieces: tuple[Piece, ...] = ()
    tail: str | None = None
    """An empty one is an empty line."""
    more: Callable[[int], str] | None = None
    """Words how many pieces are not shown at all."""


def fitted(
    blocks: Sequence[Block],
    note: Callable[[Mapping[str, int]], str],
    *,
    limit: int = CHARACTERS,
    size: int = BYTES,
) -> str:
    """The blocks one after the other, within `limit` characters and `size` bytes.

    `note` words how many pieces of each name are not shown whole; it is put at the end.
    """
    whole = _whole(blocks, limit, size)
    if whole is not None:
        return whole
    chosen = _Choice(blocks, limit, size).chosen
    cut = Counter(
        piece.name
        for number, block in enumerate(blocks)
        for place, piece in enumerate(block.pieces)
        if chosen.get((number, place), (-1, ""))[0] < len(piece.forms) - 1
    )
    parts: list[str] = []
    for number, block in enumerate(blocks):
        shown = [chosen[number, place][1] for place in range(len(block.pieces)) if (number, place) in chosen]
        rest = len(block.pieces) - len(shown)
        if rest and block.more is not None:
            shown.append(block.more(rest))
        if shown or not block.pieces:
            parts += _between(block, shown)
    text = "\n".join([*parts, "\n" + note(cut)]) + "\n"
    return text if _length(text, limit, size) <= limit else _hard_cut(text, note({}), limit, size)


class _Choice:
    """Which form of each piece has room."""

    def __init__(self, blocks: Sequence[Block], limit: int, size: int) -> None:
        self.blocks, self.limit, self.size = blocks, limit, size
        self.chosen: dict[tuple[int, int], tuple[int, str]] = {}
        """Form and text of each piece that is shown, by block and place in it."""
        self.room = limit - NOTE
        for block in blocks:
            more = block.more(len(block.pieces)) if block.more else ""
            self.room -= sum(self._length(text) for text in _between(block, [more]))
        self._fill()

    def _fill(self) -> None:
        steps = sorted(
            (form.rank, number, place, index)
            for number, block in enumerate(self.blocks)
            for place, piece in enumerate(block.pieces)
            for index, form in enumerate(piece.forms)
        )
        missed: Counter[int] = Counter()
        for rank, number, place, index in steps:
            if self.room <= 0:
                return
            form = self.blocks[number].pieces[place].forms[index]
            dear = not isinstance(form.text, str)
            if (dear and missed[rank] >= MISSES) or not self._stands(number, place):
                continue
            text = form.made()
            former = self.chosen.get((number, place))
            more = self._length(text) - (self._length(former[1]) if former else 0)
            if more <= self.room:
                self.room -= more
                self.chosen[number, place] = (index, text)
            elif dear:
                missed[rank] += 1

    def _stands(self, number: int, place: int) -> bool:
        """Whether the piece that this one follows, if any, is shown."""
        pieces = self.blocks[number].pieces
        if not pieces[place].follows:
            return True
        leader = next((before for before in range(place - 1, -1, -1) if not pieces[before].follows), None)
        return leader is not None and (number, leader) in self.chosen

    def _length(self, text: str) -> int:
        return _length(text, self.limit, self.size)


def _whole(blocks: Sequence[Block], limit: int, size: int) -> str | None:
    """All of the page, if it fits; given up as soon as it does not."""
    parts: list[str] = []
    room = limit
    for block in blocks:
        for text in _between(block, (piece.forms[-1].made() for piece in block.pieces)):
            room -= _length(text, limit, size)
            if room < 0:
                return None
            parts.append(text)
    return "\n".join(parts) + "\n"


def _between(block: Block, shown: Iterable[str]) -> Iterator[str]:
    """The lines of a block, with what is shown of its pieces."""
    if block.head:
        yield block.head
    yield from (text for text in shown if text)
    if block.tail is not None:
        yield block.tail


def _length(text: str, limit: int, size: int) -> int:
    """How much of `limit` the lines `text` take: their characters, or their bytes if those are scarcer."""
    return max(len(text) + 1, -(-(len(text.encode("utf-8")) + 1) * limit // size))


def _hard_cut(text: str, note: str, limit: int, size: int) -> str:
    """The first whole lines that fit: for a page whose very essentials are too many."""
    kept: list[str] = []
    room = limit - _length(note, limit, size) - 2
    for line in text.split("\n"):
        room -= _length(line, limit, size)
        if room < 0:
            break
        kept.append(line)
    return "\n".join(kept) + f"\n\n{note}\n"
