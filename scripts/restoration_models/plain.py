"""Text from elsewhere, made fit for a terminal and a log: what would steer them is shown instead."""

from __future__ import annotations

import re
import unicodedata

_KEPT = "\n\t"
_COMMAND = re.compile(r"^(?=[ \t]*(?:::|##\[))", re.MULTILINE)
"""How a line begins that a runner of workflows takes for an order."""


def plain(text: str) -> str:
    r"""`text` with every control, direction and other unseen character written out, as ``\x1b``.

    Line breaks and tabs stay. A line that a runner of workflows would obey begins with ``\``.
    """
    if not text.isprintable():
        text = "".join(char if _is_seen(char) else _written_out(char) for char in text)
    return _COMMAND.sub(r"\\", text) if "::" in text or "##[" in text else text


def one_line(text: str) -> str:
    """`text` as `plain` shows it, on one line and without tabs."""
    return plain(text.replace("\n", " ")).replace("\t", "\\t")


def _is_seen(char: str) -> bool:
    # A space of another width is no printable character to Python, and harms nobody.
    return char.isprintable() or char in _KEPT or unicodedata.category(char) == "Zs"


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
