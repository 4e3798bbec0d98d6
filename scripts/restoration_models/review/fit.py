"""Making a page fit: the least important is shortened first, and the page says what was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

CHARACTERS = 60_000
"""A comment on GitHub holds 65,536 characters."""
BYTES = 120_000
"""What one variable of a process's environment holds, with room to spare."""
NOTE = 1_000
"""Characters kept for the note on what was shortened."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the page in forms of falling length; the last may be empty."""

    forms: tuple[str, ...]
    rank: int = 0
    """The higher, the sooner it is shortened; those of one rank from the end of the page on."""
    name: str = ""
    """What it is, for the note that tells of its shortening."""


def fitted(
    blocks: Sequence[Block],
    note: Callable[[dict[str, int]], str],
    *,
    limit: int = CHARACTERS,
    size: int = BYTES,
) -> str:
    """The blocks one after the other, within `limit` characters and `size` bytes.

    `note` words which kinds of blocks were shortened and how many of each; it is put at the end.
    """
    chosen = [0] * len(blocks)
    order = sorted(range(len(blocks)), key=lambda index: (-blocks[index].rank, -index))
    steps = [index for index in order for _ in blocks[index].forms[1:]]
    # Lengths are kept up rather than counted anew: a page may have a thousand blocks.
    room = limit - NOTE
    lengths = [_length(block.forms[0], limit, size) for block in blocks]
    total, cut = sum(lengths), False
    for index in steps:
        if total <= (room if cut else limit):
            break
        cut = True
        chosen[index] += 1
        now = _length(blocks[index].forms[chosen[index]], limit, size)
        total += now - lengths[index]
        lengths[index] = now
    parts = [block.forms[choice] for block, choice in zip(blocks, chosen, strict=True)]
    if cut:
        shortened: dict[str, int] = {}
        for block, choice in zip(blocks, chosen, strict=True):
            if choice and block.name:
                shortened[block.name] = shortened.get(block.name, 0) + 1
        parts.append("\n" + note(shortened))
    text = "\n".join(part for part in parts if part) + "\n"
    return text if _length(text, limit, size) <= limit else _hard_cut(text, note({}), limit, size)


def _length(text: str, limit: int, size: int) -> int:
    """How much of `limit` the lines `text` take: their characters, or their bytes if those are scarcer."""
    return max(len(text) + 1, -(-len(text.encode("utf-8")) * limit // size) + 1)


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
